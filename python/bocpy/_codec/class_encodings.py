"""Chooses how the codec (csrc/codec) encodes the instances of a class without pickle.

The codec can do so where pickle would store nothing but the slots, the fields of a
named tuple, or the arguments of a call of the class. To let the codec encode another
type of the standard library without pickle (`fractions.Fraction`, say), begin with
`_REDUCED_IN` and `method_in_c`; csrc/codec/stdlib_types.c writes and reads the values.

The codec asks once per class and interpreter.

Threads: any.
"""

from __future__ import annotations

import collections
import copyreg
import sys
from types import FunctionType, MemberDescriptorType, MethodDescriptorType

from .._heap_types import native_exception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: As `bocpy_class_encoding` in csrc/codec/shapes.h. The codec finds out by itself which
#: classes have 1: their instances have a `__dict__` and nothing else.
PICKLED, SLOTTED, NAMED, REDUCED, ARRAY, EXCEPTION = 0, 2, 3, 4, 5, 6

#: Modules whose reductions, written in C, are a class, arguments and items.
_REDUCED_IN = frozenset({"datetime", "decimal", "collections"})

#: Types of those modules whose reductions have the attributes of derived classes.
_WITH_STATE = frozenset({"deque", "OrderedDict"})

_HOOKS = ("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__", "__del__")
_ATTRIBUTE_HOOKS = ("__getattribute__", "__getattr__", "__setattr__")

#: What adds items to a new instance. Methods of the program are not to run.
_FILLING = ("__setitem__", "append", "extend")

Encoding = tuple[int, tuple[str, ...]]


def encoding_of(cls: Any) -> Encoding:
    """The encoding, with the names of the slots or of the method that reduces."""
    if cls in copyreg.dispatch_table or hasattr(cls, "__del__"):
        return PICKLED, ()
    if cls is getattr(sys.modules.get("array"), "array", None):
        return ARRAY, ()
    if is_named_tuple(cls):
        return NAMED, ()
    if issubclass(cls, BaseException):
        return (EXCEPTION if is_plain_exception(cls) else PICKLED), ()
    method = method_in_c(cls)
    if method is not None:
        return REDUCED, (method,)
    names = slots_of(cls)
    return (SLOTTED, names) if names else (PICKLED, ())


def inherits(cls: Any, base: type, names: tuple[str, ...]) -> bool:
    """Whether `cls` inherits the attributes `names` from `base` and does not override
    them."""
    return all(getattr(cls, name, None) is getattr(base, name, None) for name in names)


_make: Any = collections.namedtuple
_named = _make("_named", "")
_ARGUMENTS = vars(_named)["__getnewargs__"].__code__


def is_named_tuple(cls: Any) -> bool:
    """Whether collections.namedtuple made `cls` or a base of it, and `cls` does not
    change how that is made and pickled.

    A function of a class that was shipped by value is a copy, so this compares the code
    of `__getnewargs__`, not the function.
    """
    arguments = getattr(cls, "__getnewargs__", None)
    if (
        not issubclass(cls, tuple)
        or getattr(arguments, "__code__", None) != _ARGUMENTS
        or cls.__dictoffset__
        or hasattr(cls, "__getnewargs_ex__")
        or not inherits(cls, tuple, _HOOKS)
    ):
        return False
    base = next(one for one in cls.__mro__ if "__getnewargs__" in vars(one))
    made = vars(base).get("__new__")
    return "_fields" in vars(base) and cls.__new__ is getattr(made, "__func__", made)


def is_plain_exception(cls: type[BaseException]) -> bool:
    """Whether exceptions of a class of the program consist of `args` and `__dict__`.

    Those of Python itself do not come here: codec and pickle meet them rarely, and a
    failure of a body has a form of its own for them (`_failure.exception_codec`).
    """
    native = native_exception(cls)
    return (
        cls is not native
        and cls.__basicsize__ - room_for_weakrefs(cls) == native.__basicsize__
        and not hasattr(native, "exceptions")  # groups are made with their parts
        and not may_set_filename(cls, native)
        and inherits(cls, BaseException, ("__reduce__", "__setstate__", "args"))
        and cls.__reduce_ex__ is object.__reduce_ex__
        and hasattr(cls, "__getstate__") is hasattr(native, "__getstate__")
    )


def may_set_filename(cls: type[BaseException], native: type[BaseException]) -> bool:
    """Whether a constructor of the class may set the `filename` of an OSError, which is
    neither an argument nor in the `__dict__` then."""
    own = cls.__init__ is not native.__init__ or cls.__new__ is not native.__new__
    return own and issubclass(native, OSError)


def room_for_weakrefs(cls: type) -> int:
    """The bytes of an instance for its weak references; 0 if they are outside of it, as
    they are since 3.12."""
    return tuple.__itemsize__ if cls.__weakrefoffset__ > 0 else 0


def method_in_c(cls: Any) -> str | None:
    """The name of the method that reduces instances.

    None unless the method is written in C, in a module of `_REDUCED_IN`, and so is what
    makes instances and adds items.
    """
    constructors = [type(getattr(cls, name)) for name in ("__new__", "__init__")]
    constructors += [type(getattr(cls, name, None)) for name in _FILLING]
    if type(cls) is not type or FunctionType in constructors:
        return None
    for name in ("__reduce_ex__", "__reduce__"):
        method = getattr(cls, name)
        if isinstance(method, MethodDescriptorType):
            owner = method.__objclass__
            if owner is object:
                continue
            # reductions of other types leave out the attributes of derived classes
            if cls.__dictoffset__ and owner.__name__ not in _WITH_STATE:
                return None
            return name if owner.__module__ in _REDUCED_IN else None
        if method is not getattr(object, name):
            return None
    return None


def slots_of(cls: Any) -> tuple[str, ...]:
    """The names of the slots, if instances of `cls` have nothing else; otherwise ()."""
    if (
        cls.__dictoffset__
        or cls.__itemsize__
        or cls.__new__ is not object.__new__
        or hasattr(cls, "__getnewargs__")
        or hasattr(cls, "__getnewargs_ex__")
        or not inherits(cls, object, _HOOKS + _ATTRIBUTE_HOOKS)
    ):
        return ()
    seen: dict[str, object] = {}
    for base in cls.__mro__[:-1]:
        for name, attribute in vars(base).items():
            seen.setdefault(name, attribute)
    slots = [n for n, a in seen.items() if type(a) is MemberDescriptorType]
    first = read_by_hash(cls)
    names = tuple(sorted(slots, key=lambda name: name not in first))
    pointers = len(names) + (cls.__weakrefoffset__ > 0)
    size = object.__basicsize__ + pointers * _POINTER
    return names if cls.__basicsize__ == size else ()


def read_by_hash(cls: Any) -> frozenset[str]:
    """The names that `__hash__` and `__eq__`, and methods that they call, mention.

    These slots are filled first: a dict in another slot may have the instance as a key.
    """
    found: set[str] = set()
    todo = ["__hash__", "__eq__"]
    while todo:
        function = getattr(cls, todo.pop(), None)
        code = getattr(getattr(function, "fget", function), "__code__", None)
        new = set(getattr(code, "co_names", ())) - found
        found |= new
        todo += new
    return frozenset(found)


#: PyPy has no such attribute, and its core does not ask.
_POINTER: int = getattr(tuple, "__itemsize__", 0)
