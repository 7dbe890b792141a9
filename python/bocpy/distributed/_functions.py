"""Sends functions to workers: by value, each function once.

A function is sent with its code and globals, and the workers keep it under a number.
Defaults and variables of enclosing functions travel with every behavior, as they are
when it is scheduled. The function is sent again if a global that it reads, itself or
through functions that are sent with it, has become another object. If such a global can
be changed in place, the whole function travels with each behavior instead.

Threads: any; one lock around the cache.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    ModuleType,
)
from typing import Any, NamedTuple

from bocpy._arguments import complete
from bocpy._body import CO_VARARGS, check_body, normalize

from ._cown import Site
from ._modules import is_installed
from ._values import Blob, encode

#: A global of one of these types cannot be changed in place.
CONSTANT = (int, float, str, bytes, bool, type(None), complex, type, ModuleType)

#: In place of a function's number: the function travels with the captures.
INSIDE = 0


class Shipped(NamedTuple):
    """A function and its captures, ready to be sent."""

    name: str
    code: int
    blob: Blob | None
    """The function, if no behavior has used its number before."""
    captures: Blob | None


class Known(NamedTuple):
    number: int
    read: tuple[tuple[dict[str, Any], str, Any], ...]
    """Globals that the code reads: the module's dict, the name, the value."""


_MISSING = object()


class Shipper:
    """Prepares functions for sending, and remembers which were sent."""

    def __init__(self, site: Site, fresh: Callable[[], int]) -> None:
        self.site = site
        self.fresh = fresh
        self.known: dict[CodeType, Known] = {}
        self.checked: set[CodeType] = set()
        self.lock = threading.Lock()

    def ship(
        self, target: Callable[..., Any], given: int, captures: tuple[Any, ...] = ()
    ) -> Shipped:
        """Prepares a body with `given` parameters for cowns. Raises TypeError,
        SyntaxError or Unpicklable, naming the function, if it cannot be a body."""
        function, extra, keywords = normalize(target)
        name = getattr(target, "__qualname__", function.__qualname__)
        code = function.__code__
        if code not in self.checked:
            check_body(function)
            self.checked.add(code)
        check_fit(function, len(extra) + given + len(captures), keywords)
        what = f"what behavior {name!r} captures"
        number, blob = self.number(function, name)
        if number == INSIDE:
            whole = (function, extra, keywords, captures)
            return Shipped(name, INSIDE, None, encode(whole, self.site, what))
        cells = tuple(content(c, name) for c in function.__closure__ or ())
        state = (function.__defaults__, function.__kwdefaults__, cells)
        if not (extra or keywords or captures or any(state)):
            return Shipped(name, number, blob, None)
        sent = encode((extra, keywords, captures, state), self.site, what)
        return Shipped(name, number, blob, sent)

    def number(self, function: FunctionType, name: str) -> tuple[int, Blob | None]:
        """Returns the number of a function, and the pickled function if it is new."""
        code = function.__code__
        with self.lock:
            known = self.known.get(code)
        if known is not None and all(g.get(n, _MISSING) is v for g, n, v in known.read):
            return known.number, None
        read = tuple(globals_read(function))
        if not all(is_constant(value) for _, _, value in read):
            return INSIDE, None
        blob = encode(skeleton(function), self.site, f"behavior {name!r}")
        if blob.names:
            return INSIDE, None
        known = Known(self.fresh(), read)
        with self.lock:
            self.known[code] = known
        return known.number, blob


def skeleton(function: FunctionType) -> FunctionType:
    """Returns the function without defaults and variables of enclosing functions."""
    if is_importable(function) and not function.__closure__:
        return function
    cells = tuple(CellType() for _ in function.__code__.co_freevars)
    bare = FunctionType(
        function.__code__, function.__globals__, function.__name__, None, cells
    )
    bare.__module__ = function.__module__
    bare.__qualname__ = function.__qualname__
    return bare


def revive(found: FunctionType, state: tuple[Any, Any, tuple[Any, ...]]) -> Any:
    """Makes the function of a behavior from its skeleton, defaults and variables."""
    defaults, keyword_defaults, cells = state
    if not (defaults or keyword_defaults or cells):
        return found
    result = FunctionType(
        found.__code__,
        found.__globals__,
        found.__name__,
        defaults,
        tuple(map(CellType, cells)),
    )
    result.__kwdefaults__ = keyword_defaults
    result.__qualname__ = found.__qualname__
    result.__module__ = found.__module__
    return result


def content(cell: CellType, name: str) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise NameError(
            f"behavior {name!r} uses a variable of the enclosing function that has no "
            "value yet"
        ) from None


def is_importable(function: Any) -> bool:
    """Whether workers can import the function; cloudpickle decides in the same way."""
    name = getattr(function, "__module__", None)
    if name is None or name == "__main__" or not is_installed(name):
        return False
    found: Any = sys.modules.get(name)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function


def globals_read(function: FunctionType) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yields the globals that a function reads if it is sent by value, and those that
    functions among these globals read."""
    todo, seen = [function], set[int]()
    while todo:
        each = todo.pop()
        if id(each) in seen or is_importable(each):
            continue
        seen.add(id(each))
        for name in sorted(names_read(each.__code__)):
            value = each.__globals__.get(name, _MISSING)
            if value is _MISSING:
                continue
            yield each.__globals__, name, value
            if isinstance(value, FunctionType):
                todo.append(value)


def names_read(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_read(constant)
    return names


def is_constant(value: Any) -> bool:
    if isinstance(value, FunctionType):
        plain = not value.__closure__ and not value.__defaults__
        return is_importable(value) or (plain and not value.__kwdefaults__)
    return type(value) in CONSTANT or isinstance(value, (type, BuiltinFunctionType))


def check_fit(function: FunctionType, given: int, keywords: dict[str, Any]) -> None:
    """TypeError if the parameters do not fit."""
    code = function.__code__
    defaults = len(function.__defaults__ or ())
    fits = code.co_argcount - defaults <= given <= code.co_argcount
    if fits and not keywords and not code.co_kwonlyargcount:
        return
    if given > code.co_argcount and code.co_flags & CO_VARARGS and not keywords:
        return
    complete(function, given, keywords)
