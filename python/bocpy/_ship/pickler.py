"""Pickles what pickle refuses or stores by name only: functions, cells, descriptors,
...

`Pickler` calls two methods for functions and classes, which `_ship` implements. All
other types are reduced here; beside each `reduce_x` stands the `make_x` that undoes it.

A function and an object in its closure may refer to each other. So a function is made
with empty cells first, then registered with the pickle, and its cells are filled last.

Threads: a pickler belongs to one call.
"""

from __future__ import annotations

import functools
import io
import marshal
import sys
import types
from _thread import _local
from _weakref import ref
from collections.abc import Callable
from contextvars import ContextVar

from .. import _context, _core, _foreign_ext, _global_namespaces
from .._code.names import global_names, kept_with_code
from .._global_namespaces import Space
from .._heap_types import is_heap_type
from .._main_interpreter import logging as main_logging
from . import (
    c_pickle,
    ctypes_types,
    flags,
    import_origins,
    library_objects,
    own_constructors,
    sent_modules,
    sentinels,
    typing_objects,
    weak_references,
)
from .definition_log import (
    keep_new,
    keep_object,
    keep_sentinel,
    sentinel_of,
    token_objects,
)
from .exceptions import reduce_exception
from .functions import fill_function, make_function
from .own_constructors import TWINS
from .plain_instances import make_instance, must_be_filled, reduce_plain, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, TypeAlias

Reduced: TypeAlias = "tuple[Any, ...]"
Keep = Callable[[str, object], object]

# Pickles name these functions, so this package must be importable where they arrive.
_OWN = f"{__package__}."


class Cell:
    """Stands for a closure's cell: equal cells stay one cell at the receiver."""

    __slots__ = ()

    def __reduce__(self) -> Reduced:
        return types.CellType, ()


class Pickler(c_pickle.Pickler):
    """A pickler for values and definitions that go to another interpreter."""

    defining = False
    """Whether it pickles a global or a class, and not a value."""

    root: object = None
    """The global that it pickles."""

    def __init__(
        self, file: IO[bytes], buffer_callback: Callable[[Any], Any] | None = None
    ) -> None:
        super().__init__(file, 5, buffer_callback=buffer_callback)
        self.cells: dict[int, Cell] = {}
        self.met: set[int] = set()

    def function_reference(self, function: types.FunctionType) -> Reduced | None:
        """A reference to a function that the receiver has or gets, else None."""
        raise NotImplementedError

    def class_reference(self, cls: type) -> Reduced:
        """A reference to a class that is not found by import."""
        raise NotImplementedError

    #: The attribute of a module, and its value, whose state is pickled; whether the
    #: value itself is, which then must not refer to the attribute.
    attribute: tuple[tuple[str, str], object] | None = None
    copied = False

    def origin_reference(self, obj: object) -> Reduced | None:
        """A reference to an object that is an attribute of a module."""
        if self.attribute is None or obj is not self.attribute[1]:
            return import_origins.reduce(obj)
        return None if self.copied else import_origins.reference(*self.attribute)

    def instance_reference(self, obj: object) -> Reduced | None:
        """A reference to an instance that is a global too, else None."""
        return None

    def global_reference(self, space: Space, name: str) -> Reduced:
        """A reference to a global that the receiver gets."""
        raise NotImplementedError

    def note_copied(self, value: object, key: tuple[str, str]) -> None:
        """Is told of each copied default, and of a global that its function reads."""

    def note_origin(self, origin: tuple[str, str]) -> None:
        """Is told of each attribute of a module to which an object refers."""

    def note_import(self, obj: Any) -> None:
        """Is told of each function or class that the receiver imports."""

    def token_of(self, obj: object, keep: Keep = keep_object) -> str | None:
        """A name for `obj` that all interpreters share, if its identity matters. `keep`
        keeps the object under a new name."""
        raise NotImplementedError

    def attempt(self, obj: object) -> bool:
        """Whether `obj` can be pickled by itself."""
        raise NotImplementedError

    def reducer_override(self, obj: Any) -> Any:
        self.met.add(id(obj))
        reduce = _REDUCERS.get(type(obj))
        if reduce is not None:
            return reduce(self, obj)
        if isinstance(obj, type):
            return reduce_class(self, obj)
        if type(obj).__module__ in TWINS and hasattr(obj, "__getinitargs__"):
            return type(obj), obj.__getinitargs__()
        if isinstance(obj, BaseException):
            return reduce_exception(obj)
        if is_enum_member(obj):
            return reduce_enum_member(obj)
        if sentinels.may_be_sentinel(obj):
            return reduce_sentinel(self, obj)
        reduced = reduce_by_module(self, obj)
        if reduced is NotImplemented and sentinels.may_be_named(obj):
            return reduce_named(obj)
        return reduced


# ---- functions -----------------------------------------------------------------------


def reduce_function(pickler: Pickler, function: types.FunctionType) -> Any:
    module = function.__module__
    if isinstance(module, str) and module.startswith(_OWN):
        return NotImplemented
    if _global_namespaces.resolves(function):
        pickler.note_import(function)
        return NotImplemented
    reference = pickler.function_reference(function) or import_origins.reduce(function)
    return reference or reduce_function_by_value(pickler, function)


def reduce_function_by_value(pickler: Pickler, function: types.FunctionType) -> Reduced:
    closure = function.__closure__ or ()
    cells = tuple(pickler.cells.setdefault(id(cell), Cell()) for cell in closure)
    space = _global_namespaces.space_of(function.__globals__)
    state = (
        function.__name__,
        function.__qualname__,
        function.__module__,
        function.__doc__,
        *defaults_of(pickler, function, space),
        function.__dict__,
        tuple(contents(cell) for cell in closure),
        annotations_of(pickler, function),
        getattr(function, "__type_params__", ()),  # Python 3.12 and newer have them
    )
    code = marshalled(function.__code__)
    arguments = (code, space.key, space.name, space.imported, cells)
    return make_function, arguments, state, None, None, fill_function


#: Types of constants that a program may compare by `is`: `def f(x=UNSET)`.
_COMPARED = (str, bytes, float, complex, tuple, frozenset)


class Global:
    """Pickles as a reference to a global."""

    __slots__ = ("reduced",)

    def __init__(self, reduced: Reduced) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Reduced:
        return self.reduced


def defaults_of(
    pickler: Pickler, function: types.FunctionType, space: Space
) -> tuple[tuple[Any, ...] | None, dict[str, Any] | None]:
    """The default values. In place of a constant that the function names stands a
    reference to it: `x is UNSET` compares the two."""
    defaults, keywords = function.__defaults__, function.__kwdefaults__
    if not (defaults or keywords) or not pickler.defining or not space.published:
        return defaults, keywords
    values = (*(defaults or ()), *(keywords or {}).values())
    compared = {id(value): value for value in values if type(value) in _COMPARED}
    references: dict[int, Global] = {}
    for name in global_names(function.__code__) if compared else ():
        bound = id(space.names.get(name))
        if bound in compared:
            references[bound] = Global(pickler.global_reference(space, name))
        for value in compared.values():
            if id(value) != bound:
                pickler.note_copied(value, (space.key, name))
    if not references:
        return defaults, keywords
    return (
        defaults and tuple(references.get(id(value), value) for value in defaults),
        keywords and {n: references.get(id(v), v) for n, v in keywords.items()},
    )


def annotations_of(pickler: Pickler, function: types.FunctionType) -> dict[str, Any]:
    """The annotations; those that cannot be shipped are replaced by text."""
    try:
        annotations = dict(function.__annotations__)
    except Exception:  # evaluating annotations runs arbitrary code
        return {}
    for name, value in annotations.items():
        if isinstance(value, str | None):
            continue
        if isinstance(value, type) and _global_namespaces.resolves(value):
            continue
        if not pickler.attempt(value):
            annotations[name] = getattr(value, "__name__", None) or repr(value)
    return annotations


@kept_with_code
def marshalled(code: types.CodeType) -> bytes:
    """The same bytes at each call: `marshal` writes different ones as reference counts
    change."""
    return marshal.dumps(code)


def contents(cell: types.CellType) -> tuple[Any, ...]:
    """The contents of a cell as a tuple; an empty tuple if the cell is empty."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def reduce_cached(_: Pickler, cached: Any) -> Any:
    if _global_namespaces.resolves(cached):
        return NotImplemented
    parameters = cached.cache_parameters()
    arguments = (cached.__wrapped__, parameters["maxsize"], parameters["typed"])
    return make_cached, arguments


def make_cached(function: Callable[..., Any], maxsize: int | None, typed: bool) -> Any:
    return functools.lru_cache(maxsize, typed)(function)


# ---- descriptors and other parts of classes ------------------------------------------


def reduce_property(_: Pickler, prop: property) -> Reduced:
    return property, (prop.fget, prop.fset, prop.fdel, prop.__doc__)


def reduce_method(pickler: Pickler, method: Any) -> Any:
    """Methods of objects that a module has: `random.random` is a method of a
    generator."""
    owner = method.__self__
    if owner is None or isinstance(owner, types.ModuleType | type):
        return NotImplemented
    origin = import_origins.find_origin(owner)
    if origin is None:
        return NotImplemented
    pickler.note_origin(origin)
    return getattr, (import_origins.Attribute(origin, owner), method.__name__)


def reduce_wrapped(_: Pickler, method: Any) -> Reduced:
    return type(method), (method.__func__,)


def reduce_cached_property(_: Pickler, prop: Any) -> Reduced:
    return make_cached_property, (prop.func, prop.attrname)


def make_cached_property(function: Any, name: str | None) -> Any:
    prop: Any = functools.cached_property(function)
    prop.attrname = name
    return prop


def reduce_dispatching_method(
    _: Pickler, method: functools.singledispatchmethod[Any]
) -> Reduced:
    """Leaves out the cache, which refers weakly to instances of this interpreter."""
    state = {name: v for name, v in vars(method).items() if name != "_method_cache"}
    return make_dispatching_method, (state,)


def make_dispatching_method(state: dict[str, Any]) -> Any:
    method = functools.singledispatchmethod(state["func"])
    vars(method).update(state)
    return method


def reduce_partial_method(_: Pickler, method: functools.partialmethod[Any]) -> Reduced:
    return make_partial_method, (method.func, method.args, method.keywords)


def make_partial_method(function: Any, args: Any, keywords: dict[str, Any]) -> Any:
    return functools.partialmethod(function, *args, **keywords)


def reduce_mapping_proxy(_: Pickler, proxy: types.MappingProxyType[Any, Any]) -> Any:
    return types.MappingProxyType, (dict(proxy),)


def reduce_view(_: Pickler, view: Any) -> Reduced:
    names = {"dict_keys": "keys", "dict_values": "values", "dict_items": "items"}
    return make_view, (dict(view.mapping), names[type(view).__name__])


def make_view(mapping: dict[Any, Any], name: str) -> Any:
    return getattr(mapping, name)()


def reduce_module(_: Pickler, module: types.ModuleType) -> Reduced:
    name = _global_namespaces.module_key(module)
    if name is not None:
        return _global_namespaces.import_module, (name,)
    space = _global_namespaces.space_of(module.__dict__)
    if "#" in space.key:
        raise sent_modules.refusal(space.name)
    return sent_modules.make_module, (space.key, space.name)


def reduce_object(pickler: Pickler, obj: object) -> Any:
    origin = import_origins.reduce(obj)
    if origin is not None:
        return origin
    token = pickler.token_of(obj)
    return NotImplemented if token is None else (make_sentinel, (token,))


def reduce_context_variable(pickler: Pickler, variable: ContextVar[Any]) -> Any:
    origin = import_origins.reduce(variable)
    if origin is not None:
        return origin
    if pickler.defining:
        _context.warn_unless_propagated(variable)
    default = _context.default_of(variable)
    token = pickler.token_of(variable)
    return make_context_variable, (token, variable.name, default)


def make_context_variable(token: str, name: str, default: tuple[Any, ...]) -> object:
    if token in token_objects:
        return token_objects[token]
    made: ContextVar[Any] = ContextVar(name)
    if default:
        made = ContextVar(name, default=default[0])
    return keep_object(token, made)


def reduce_thread_local(pickler: Pickler, obj: object) -> Any:
    """A `threading.local` has attributes of its own for each thread, so it arrives
    without any: the receiver is another thread."""
    origin = import_origins.reduce(obj)
    if origin is not None:
        return origin
    return make_thread_local, (pickler.token_of(obj, keep_sentinel),)


def make_thread_local(token: str | None) -> object:
    known = token and sentinel_of(token)
    return known or (keep_sentinel(token, _local()) if token else _local())


def make_sentinel(token: str) -> object:
    return keep_object(token, object())


def reduce_sentinel(pickler: Pickler, obj: object) -> Any:
    """An instance without attributes is the same object wherever it arrives."""
    reduced = reduce_by_module(pickler, obj)
    if reduced is not NotImplemented and reduced[0] is not make_instance:
        return reduced
    token = pickler.token_of(obj, keep_sentinel)
    if token is None:
        return reduced
    origin = sentinels.find_origin(obj, token)
    return sentinels.make, (token, type(obj), origin)


def reduce_named(obj: Any) -> Any:
    """What `__reduce__` returns; but if that is the name of a global of the script,
    what makes the object, which is the same object wherever it arrives."""
    reduced = obj.__reduce_ex__(5)
    if not sentinels.is_named(obj, reduced):
        return own_constructors.require_fit(reduced)
    token = keep_new(obj, keep_sentinel)
    return sentinels.make_named, (token, type(obj), state_of(obj))


# ---- classes and enums ---------------------------------------------------------------


def reduce_class(pickler: Pickler, cls: type) -> Any:
    if cls.__module__ in TWINS:
        return getattr, (
            _global_namespaces.import_module(TWINS[cls.__module__]),
            cls.__qualname__,
        )
    typing_objects.import_module_of(cls)
    if _global_namespaces.resolves(cls):
        pickler.note_import(cls)
        return NotImplemented
    reduced = ctypes_types.reduce_class(cls) or import_origins.reduce(cls)
    if reduced is not None:
        return reduced
    if is_heap_type(cls):
        return pickler.class_reference(cls)
    for name, known in vars(types).items():
        if known is cls:
            return getattr, (types, name)
    return NotImplemented


def is_enum_member(obj: object) -> bool:
    enum = sys.modules.get("enum")
    return enum is not None and isinstance(obj, enum.Enum)


def reduce_enum_member(member: Any) -> Any:
    cls = type(member)
    if _global_namespaces.resolves(cls):
        return NotImplemented
    if cls._member_map_.get(member._name_) is member:
        return make_enum_member, (cls, member._name_)
    return flags.reduce(member) if flags.is_flag(cls) else NotImplemented


def make_enum_member(cls: Any, name: str) -> Any:
    return cls._member_map_[name]


# ---- the rest ------------------------------------------------------------------------


def reduce_by_module(pickler: Pickler, obj: Any) -> Any:
    """Reduces types of modules that are not imported only in order to know their
    types."""
    cls = type(obj)
    module = cls.__module__
    if module == "dataclasses":
        return reduce_dataclass_mark(obj)
    if module in ("weakref", "_weakrefset"):
        reduced = weak_references.reduce(pickler, obj)
        if reduced is not NotImplemented:
            return reduced
    if module == "typing":
        reduced = typing_objects.reduce(pickler, obj)
        if reduced is not NotImplemented:
            return reduced
    if module in library_objects.MODULES:
        return library_objects.reduce(obj)
    if module in ctypes_types.MODULES:
        reduced = ctypes_types.reduce(obj)
        if reduced is not NotImplemented:
            return reduced
    if pickler.defining:
        origin = pickler.origin_reference(obj)
        if origin is not None:
            return origin
        reference = pickler.instance_reference(obj)
        if reference is not None:
            return reference
    refuse_bound(cls)
    if has_finalizer(cls) or is_finalizer(obj):
        raise TypeError(
            f"a {cls.__qualname__!r} ends something when it ends (it has a finalizer), "
            "and would do so in each interpreter that it leaves; keep it in a "
            "PinnedCown, or use backend='threads'"
        )
    refusing = _foreign_ext.refusing(cls)
    if refusing is not None:
        raise TypeError(f"{_foreign_ext.refusal(refusing)}; {_foreign_ext.ELSEWHERE}")
    for reduce in (library_objects.reduce_of_parser, main_logging.reduce_logger):
        reduced = reduce(obj)
        if reduced is not NotImplemented:
            return reduced
    if must_be_filled(cls):
        return reduce_plain(obj)
    # NotImplemented, unless an extension has registered a hook
    reduced = _core._hooked_reduce(obj)
    return own_constructors.reduce(obj) if reduced is NotImplemented else reduced


def refuse_bound(cls: type) -> None:
    """Refuses objects of which a copy is useless: those that belong to an event loop or
    to processes, and mocks, whose classes make a new attribute whenever one is read."""
    if hasattr(cls, "mock_add_spec"):
        raise TypeError(
            f"a {cls.__qualname__!r} records its calls, and a copy of it would record "
            "them in another interpreter; use backend='threads', or a plain function"
        )
    if cls.__module__ in _OF_PROCESSES:
        raise TypeError(
            f"a {cls.__qualname__} of multiprocessing goes to processes that inherit "
            "it only; keep it in a PinnedCown, or use backend='threads'"
        )
    if cls.__module__.startswith("asyncio.") and hasattr(cls, "_get_loop"):
        raise TypeError(
            f"an asyncio.{cls.__qualname__} belongs to an event loop, and a copy of it "
            "would wake nobody; keep it in a PinnedCown, or use backend='threads'"
        )


_OF_PROCESSES = frozenset(
    f"multiprocessing.{name}" for name in ("synchronize", "queues", "sharedctypes")
)


def has_finalizer(cls: type) -> bool:
    """Whether a class, or one of its bases, has a `__del__` written in Python."""
    ends = getattr(cls, "__del__", None)
    return isinstance(ends, types.FunctionType)


def is_finalizer(obj: object) -> bool:
    """Whether `obj` is a `weakref.finalize`, with which TemporaryDirectory and others
    clean up."""
    weakref = sys.modules.get("weakref")
    return weakref is not None and isinstance(obj, weakref.finalize)


def reduce_dataclass_mark(obj: object) -> Any:
    """Reduces MISSING and other markers: dataclasses compares them by identity."""
    module = sys.modules["dataclasses"]
    for name, known in vars(module).items():
        if known is obj:
            return getattr, (module, name)
    return NotImplemented


_REDUCERS: dict[type, Callable[[Pickler, Any], Any]] = {
    types.FunctionType: reduce_function,
    functools._lru_cache_wrapper: reduce_cached,
    property: reduce_property,
    staticmethod: reduce_wrapped,
    classmethod: reduce_wrapped,
    functools.cached_property: reduce_cached_property,
    functools.partialmethod: reduce_partial_method,
    functools.singledispatchmethod: reduce_dispatching_method,
    types.CodeType: lambda _, code: library_objects.reduce_code(code),
    types.MappingProxyType: reduce_mapping_proxy,
    types.ModuleType: reduce_module,
    object: reduce_object,
    _local: reduce_thread_local,
    ContextVar: reduce_context_variable,
    **dict.fromkeys(
        (type({}.keys()), type({}.values()), type({}.items())), reduce_view
    ),
    ref: weak_references.reduce_reference,
    types.MethodType: reduce_method,
    types.BuiltinMethodType: reduce_method,
}


def warm_up() -> None:
    """Has the main interpreter make pickle's keyword parsers.

    The first interpreter that pickles with keywords allocates them, and CPython 3.12.1
    frees them in the main interpreter. So the main interpreter must be the first:
    before any worker, and before a foreign interpreter that imports bocpy.
    """
    c_pickle.Pickler(io.BytesIO(), 5, buffer_callback=None)
    c_pickle.loads(b"N.", buffers=None)


if _core._is_main():
    warm_up()
