"""Instances of classes whose own constructor takes other arguments than pickle passes.

pickle makes an instance of a class by `cls.__new__(cls, *arguments)` or by
`cls(*arguments)`, with arguments that the builtin type in its bases has chosen. A class
with a constructor of its own may take others: `class Pair(tuple)` with
`__new__(cls, a, b)` is asked for `Pair.__new__(Pair, (1, 2))`. Then the type in its
bases makes the instance, which has the same contents and gets the same attributes.

What a `__reduce__` of the program's own returns is checked instead: arguments that the
callable certainly does not take are refused where the value is put in.

Threads: any. Invariant: `_bases` is only a cache.
"""

from __future__ import annotations

import copyreg
import weakref
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import islice
from types import FunctionType

from .._code import names as code_names
from .._codec import class_encodings
from . import own_items, sentinels
from .function_parts import enclosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_newobj: Any = copyreg.__newobj__  # type: ignore[attr-defined]

#: What a `__reduce__` of the program's own returns is checked.
CHECKED = "checked"

#: `__new__` takes no arguments but the class, and may return an instance that it keeps.
KEEPS = "keeps"

#: Modules whose classes another interpreter may know from a pure-Python twin.
TWINS = {"_pydatetime": "datetime", "_pydecimal": "decimal"}
_WITH_TWINS = frozenset([*TWINS, *TWINS.values()])  # a twin may have the other's name

#: Classes with the type in their bases whose `__new__` is not written in Python, or
#: CHECKED or KEEPS; what fills them, see `own_items`; `loses_state`. None:
#: instances travel by pickle's own way.
_bases: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()


def reduce(obj: Any) -> Any:
    """The reduction of an instance whose class has a constructor of its own;
    NotImplemented: pickle's own way is right."""
    cls = type(obj)
    try:
        base, fill, loses = _bases[cls]
    except KeyError:
        base, fill, loses = _bases[cls] = base_of(cls), fill_of(cls), loses_state(cls)
    reduced = reduce_as(obj, cls, base)
    if loses and vars(obj):
        reduced = with_attributes(obj, reduced)
    return reduced if fill is None else own_items.reduce(obj, reduced, fill)


def reduce_as(obj: Any, cls: Any, base: Any) -> Any:
    if base is None:
        return NotImplemented
    if base is KEEPS:
        return reduce_kept(obj, cls)
    if base is not CHECKED:
        return reduce_over(obj, cls, base)
    return (
        NotImplemented
        if sentinels.may_be_named(obj)
        else require_fit(obj.__reduce_ex__(5))
    )


def base_of(cls: Any) -> Any:
    if cls in copyreg.dispatch_table or class_encodings.is_named_tuple(cls):
        return None
    base = next(one for one in cls.__mro__ if is_base(one))
    if has_own(cls, base, "__reduce__") or has_own(cls, base, "__reduce_ex__"):
        return CHECKED
    makes = has_own(cls, base, "__new__")
    if cls.__reduce__ is not object.__reduce__:
        makes = makes or has_own(cls, base, "__init__")
    if not makes or (
        base is object and not has_arguments(cls) and fits(cls.__new__, 1)
    ):
        return KEEPS if makes else None
    return base


def fill_of(cls: Any) -> Any:
    """What fills an instance with its items, if the class has methods of its own for
    that."""
    if cls in copyreg.dispatch_table:
        return None
    base = next(one for one in cls.__mro__ if is_base(one))
    for name in own_items.METHODS:
        if hasattr(base, name) and has_own(cls, base, name):
            return own_items.fill_of(cls)
    return None


#: Types whose reductions leave out the attributes of an instance of a derived class.
_WITHOUT_STATE = frozenset({"datetime", "_pydatetime", "decimal", "_pydecimal"})


def loses_state(cls: Any) -> bool:
    """Whether what reduces instances, in the type in the bases, leaves out their
    attributes."""
    if cls.__reduce__ is Counter.__reduce__:
        return True
    for name in ("__reduce__", "__reduce_ex__"):
        method = getattr(cls, name)
        if method is not getattr(object, name):
            owner = getattr(method, "__objclass__", method)
            known = owner is defaultdict or owner.__module__ in _WITHOUT_STATE
            return known and bool(cls.__dictoffset__)
    return False


def with_attributes(obj: Any, reduced: Any) -> Any:
    if reduced is NotImplemented:
        reduced = obj.__reduce_ex__(5)
    if type(reduced) is not tuple or len(reduced) < 2:
        return reduced
    make, arguments, *rest = reduced
    return make, arguments, (rest and rest[0]) or vars(obj), *rest[1:]


_BUILTIN = type(object.__new__)


def is_base(cls: type) -> bool:
    """Whether the class makes instances and is not written in Python, or is the twin in
    Python of such a class."""
    return type(vars(cls).get("__new__")) is _BUILTIN or cls.__module__ in _WITH_TWINS


def has_own(cls: Any, base: Any, name: str) -> bool:
    """Whether the class has such a method that is written in Python and that is not
    the one of its base."""
    method = getattr(cls, name)
    return type(method) is FunctionType and method is not getattr(base, name)


def has_arguments(cls: Any) -> bool:
    return hasattr(cls, "__getnewargs__") or hasattr(cls, "__getnewargs_ex__")


def require_fit(reduced: Any) -> Any:
    """What `__reduce__` has returned. Raises TypeError if its callable certainly does
    not take its arguments."""
    if type(reduced) is not tuple or len(reduced) < 2 or type(reduced[1]) is not tuple:
        return reduced
    make, arguments = reduced[:2]
    fit = True
    if make is _newobj and arguments:
        make = arguments[0]
        fit = fits(make.__new__, len(arguments))
    elif isinstance(make, type):
        fit = fits_call(make, len(arguments))
    elif isinstance(make, FunctionType):
        fit = fits(make, len(arguments))
    if not fit:
        raise TypeError(
            f"what its __reduce__() returns does not fit the parameters of "
            f"{make.__qualname__}: return it with a tuple of all its arguments"
        )
    return reduced


def reduce_over(obj: Any, cls: Any, base: Any) -> Any:
    reduced = obj.__reduce_ex__(5)
    if type(reduced) is not tuple or len(reduced) < 2:
        return NotImplemented
    make, arguments, *rest = reduced
    if make is _newobj and arguments[0] is cls:
        arguments = arguments[1:]
        fit = fits(cls.__new__, 1 + len(arguments))
        get = getattr(base, "__getnewargs__", None)
        contents = get(obj) if get is not None else ()
        call = False
    elif make is cls:
        fit = fits_call(cls, len(arguments))
        contents = arguments
        call = True
    else:
        return NotImplemented
    known = base.__module__ in KNOWN and base is not object
    if fit and not known:
        return NotImplemented
    if call and not (rest and rest[0]):  # defaultdict leaves the attributes out
        rest = [getattr(obj, "__dict__", None) or None, *rest[1:]]
    kept = arguments if fit and base.__hash__ is not None else None
    return make_instance, (cls, base, kept, contents, call), *rest


def reduce_kept(obj: Any, cls: Any) -> Any:
    """The reduction of an instance whose `__new__` may return another one: then the
    instance is made without it, or its attributes would be given to the other one."""
    make: Any = make_apart
    if is_what_new_returns(obj, cls):
        if not any(place is obj for place in globals_of(cls.__new__)):
            return NotImplemented
        make = make_global
    reduced = obj.__reduce_ex__(5)
    if type(reduced) is not tuple or reduced[:2] != (_newobj, (cls,)):
        return NotImplemented
    return make, (cls,), *reduced[2:]


def is_what_new_returns(obj: Any, cls: Any) -> bool:
    """Whether a call of `__new__` yields this instance or a new one, as far as the
    places tell where a class keeps its instances."""
    places = kept_by(cls)
    if any(place is obj for place in places):
        return True
    for place in places:
        if type(place) is cls:
            return False
        values: Any = ()
        if isinstance(place, Mapping):
            if place.get(cls) is obj:
                return True
            values = place.values()
        elif isinstance(place, list | tuple | set | frozenset):
            values = place
        if any(type(each) is cls for each in islice(values, FEW)):
            return False
    return True


FEW = 16  # of the instances that a class keeps, so many are looked at


def kept_by(cls: Any) -> list[Any]:
    """What `__new__` may read: attributes of the class, its globals, its closure."""
    found = [part for base in cls.__mro__[:-1] for part in vars(base).values()]
    return [*found, *globals_of(cls.__new__), *enclosed(cls.__new__)]


def globals_of(function: FunctionType) -> list[Any]:
    names, known = code_names.global_names(function.__code__), function.__globals__
    return [known[name] for name in names if name in known]


def make_apart(cls: Any) -> object:
    return object.__new__(cls)


def make_global(cls: Any) -> object:
    """The instance that a global has; a new one if it is made for that global."""
    try:
        return cls.__new__(cls)
    except NameError:
        return object.__new__(cls)


#: Modules of builtin types that need nothing but what they reduce themselves to.
KNOWN = _WITH_TWINS | {"builtins", "collections"}


def make_instance(
    cls: Any, base: Any, arguments: tuple[Any, ...] | None, contents: Any, call: bool
) -> object:
    """An instance as the builtin type in its bases makes it.

    If the class's own constructor takes `arguments` and makes an equal one, that: it
    may be one that the class keeps.
    """
    plain = base.__new__(cls, *contents)
    if call:
        fill(plain, cls, contents)
    if arguments is None:
        return plain
    try:
        made = cls(*arguments) if call else cls.__new__(cls, *arguments)
        same = type(made) is cls and base.__eq__(made, plain) is True
    except Exception:
        return plain
    return made if same else plain


def fill(made: object, cls: Any, contents: tuple[Any, ...]) -> None:
    """What `__init__` of the builtin type does."""
    for each in cls.__mro__:
        init = vars(each).get("__init__")
        if init is not None and (type(init) is not FunctionType or is_base(each)):
            if each not in _MADE_BY_NEW and each.__module__ not in _WITHOUT_INIT:
                init(made, *contents)
            return


#: Types without an `__init__` of their own. In a sub-interpreter, the dict of a builtin
#: type may list the one that it inherits from object, which takes no arguments.
_MADE_BY_NEW = (object, frozenset)
_WITHOUT_INIT = frozenset({"datetime", "_pydatetime"})


def fits_call(cls: Any, count: int) -> bool:
    """Whether `cls` may be called with `count` arguments."""
    if type(cls).__call__ is not type.__call__:
        return True
    return fits(cls.__new__, 1 + count) and fits(cls.__init__, 1 + count)


def fits(function: Any, count: int) -> bool:
    """Whether a call with `count` positional arguments may fit: what is not written in
    Python is not looked at."""
    if type(function) is not FunctionType:
        return True
    code = function.__code__
    only = code.co_kwonlyargcount - len(function.__kwdefaults__ or ())
    least = code.co_argcount - len(function.__defaults__ or ())
    most = float("inf") if code.co_flags & VARARGS else code.co_argcount
    return only <= 0 and least <= count <= most


VARARGS = 0x04  # as inspect.CO_VARARGS
