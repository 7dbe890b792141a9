"""Types and values of ctypes: structures, arrays, types of pointers, loaded libraries.

Their metaclasses are written in C, and no import finds them. The metaclass makes the
descriptors of the fields anew from `_fields_`. A process loads a library once, so its
handle means the same in all interpreters.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

MODULES = frozenset({"ctypes", "_ctypes"})

_BASES = ("Structure", "Union", "Array", "_SimpleCData", "_Pointer", "CFuncPtr")

# Attributes of simple types: the same type in this machine's byte order, and in the
# other.
_NATIVE = "__ctype_le__" if sys.byteorder == "little" else "__ctype_be__"
_SWAPPED = "__ctype_be__" if sys.byteorder == "little" else "__ctype_le__"

Reduced: TypeAlias = "tuple[Any, ...]"


def is_made_by_ctypes(cls: type) -> bool:
    metaclass: Any = type(cls)
    return any(base.__module__ == "_ctypes" for base in metaclass.__mro__)


def reduce_class(cls: Any) -> Reduced | None:
    """How to find or make a type that has no name; None for a type that has one."""
    ctypes = sys.modules.get("ctypes")
    if ctypes is None or not (is_made_by_ctypes(cls) or cls.__module__ == "_ctypes"):
        return None
    for base in _BASES:
        if type(getattr(sys.modules["_ctypes"], base)) is cls:
            return metaclass_of, (base,)
    native, swapped = getattr(cls, _NATIVE, cls), getattr(cls, _SWAPPED, None)
    if swapped is cls and native is not cls:
        return getattr, (native, _SWAPPED)
    kind: Any = getattr(cls, "_type_", None)
    length = getattr(cls, "_length_", None)
    if isinstance(kind, type):
        if isinstance(length, int) and array_of(kind, length) is cls:
            return array_of, (kind, length)
        if issubclass(cls, ctypes._Pointer) and ctypes.POINTER(kind) is cls:
            return pointer_to, (kind,)
    return None


def metaclass_of(base: str) -> type:
    import _ctypes

    return type(getattr(_ctypes, base))


def array_of(kind: Any, length: int) -> Any:
    return kind * length


def pointer_to(kind: Any) -> Any:
    import ctypes

    return ctypes.POINTER(kind)


# ---- classes by value ----------------------------------------------------------------


def body_of(body: dict[str, Any]) -> dict[str, Any]:
    """The entries of a class's dict that travel: no fields, which `_fields_` makes."""
    return {
        name: value
        for name, value in body.items()
        if name not in _LAYOUT and type(value).__name__ not in _FIELDS
    }


_FIELDS = frozenset({"CField", "getset_descriptor"})

# What the metaclass needs while it makes the class or its fields.
_LAYOUT = (
    "_align_",
    "_anonymous_",
    "_argtypes_",
    "_flags_",
    "_layout_",
    "_length_",
    "_pack_",
    "_restype_",
    "_swappedbytes_",
    "_type_",
)


def layout_of(cls: type) -> dict[str, Any]:
    return {name: cls.__dict__[name] for name in _LAYOUT if name in cls.__dict__}


def make(
    meta: Any, name: str, qualname: str, module: str, bases: Any, layout: Any
) -> type:
    """The class without its fields."""
    names = {**layout, "__module__": module, "__qualname__": qualname}
    return meta(name, bases, names)  # type: ignore[no-any-return]


def fill(cls: Any, body: dict[str, Any]) -> None:
    fields = body.pop("_fields_", None)
    for name, value in body.items():
        setattr(cls, name, value)
    if fields is not None:
        cls._fields_ = fields


# ---- libraries and their functions ---------------------------------------------------


def reduce(obj: Any) -> Any:
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None and isinstance(obj, ctypes.CDLL):
        return reduce_library(obj)
    if ctypes is not None and isinstance(obj, ctypes._CFuncPtr):
        return reduce_function(obj)
    return NotImplemented


def reduce_library(library: Any) -> Reduced:
    flags = library._FuncPtr._flags_
    declared = {
        name: (function.argtypes, function.restype)
        for name, function in vars(library).items()
        if type(function) is library._FuncPtr
    }
    return make_library, (
        type(library),
        library._name,
        library._handle,
        flags,
        declared,
    )


def make_library(
    kind: Any, path: str | None, handle: int, flags: int, declared: dict[str, Any]
) -> Any:
    import _ctypes

    library = kind(
        path,
        handle=handle,
        use_errno=bool(flags & _ctypes.FUNCFLAG_USE_ERRNO),
        use_last_error=bool(flags & _ctypes.FUNCFLAG_USE_LASTERROR),
    )
    for name, (argtypes, restype) in declared.items():
        function = getattr(library, name)
        function.restype = restype
        if argtypes is not None:
            function.argtypes = argtypes
    return library


def reduce_function(function: Any) -> Any:
    """Reduces a function of a library. Other pointers are valid only in what made
    them."""
    ctypes = sys.modules["ctypes"]
    owners = list((getattr(function, "_objects", None) or {}).values())
    library = owners[0] if owners else None
    name = getattr(function, "__name__", None)
    if not isinstance(library, ctypes.CDLL) or not isinstance(name, str):
        return NotImplemented
    return function_of, (library, name, function.argtypes, function.restype)


def function_of(library: Any, name: str, argtypes: Any, restype: Any) -> Any:
    function = library[name]
    function.restype = restype
    if argtypes is not None:
        function.argtypes = argtypes
    return function
