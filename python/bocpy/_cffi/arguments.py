"""The arguments of `when`, and what a body is called with.

A body is called as `function(*extra, *cowns, *captures, **keywords)`, with cells of its
own. Everything but the cowns is a snapshot, taken when the behavior is scheduled.

Threads: any. The only state of the module is the table of code objects.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import CellType, CodeType, FunctionType
from typing import Any, NamedTuple
from weakref import ref

from .. import _arguments, _body
from .base import READ, type_name
from .cown import Cown, Reading
from .globals_snapshot import Kept, Snapshot


class WhenArgs(NamedTuple):
    """The cowns that a behavior is over."""

    cowns: list[Cown[Any]]
    refs: list[int]
    #: The positions of the cowns that are only read. A cown that is named twice is
    #: written if one of the two writes.
    reads: list[bool]
    #: How many cowns the group of each argument has; -1: the argument is one cown.
    #: None: every argument is one cown.
    shape: list[int] | None
    items: int
    pinned: bool
    #: What an argument is called in errors: "when() argument".
    what: str

    def check_body(self, body: object) -> None:
        if not callable(body):
            call, kind = self.what.partition("(")[0], type_name(type(body))
            raise TypeError(
                f"{call}(): a behavior is a callable, not '{kind}': pass the function "
                "itself, without calling it"
            )

    def grouped(self, items: list[Any]) -> list[Any]:
        """An item for each cown, in the shape of the arguments: lists for groups."""
        assert self.shape is not None
        following = iter(items)
        return [
            next(following) if size < 0 else [next(following) for _ in range(size)]
            for size in self.shape
        ]


def when_args(arguments: Sequence[Any], what: str = "when() argument") -> WhenArgs:
    cowns: list[Cown[Any]] = []
    refs: list[int] = []
    reads: list[bool] = []
    shape: list[int] = []
    grouped = pinned = False
    for position, argument in enumerate(arguments):
        group = isinstance(argument, list | tuple)
        members = tuple(argument) if group else (argument,)
        grouped = grouped or group
        shape.append(len(members) if group else -1)
        for inside, member in enumerate(members):
            reading = type(member) is Reading
            cown = member.cown if reading else member
            if not isinstance(cown, Cown) or cown._core is None:
                raise refusal(what, cown, position, inside if group else -1)
            cowns.append(cown)
            reads.append(reading)
            refs.append((cown._ref & ~3) | READ if reading else cown._ref)
            pinned = pinned or cown._pinned
    return WhenArgs(
        cowns, refs, reads, shape if grouped else None, len(arguments), pinned, what
    )


def refusal(what: str, argument: object, position: int, inside: int) -> TypeError:
    name = type_name(type(argument))
    if isinstance(argument, Cown):
        text = (
            f"{what} {position + 1} is a Cown without a value: its class must "
            "call super().__init__(value)"
        )
    elif inside < 0:
        text = (
            f"{what} {position + 1} must be a Cown, or a list or tuple of "
            f"them, not '{name}'"
        )
        call = what.partition("(")[0]
        if isinstance(argument, FunctionType) and call in ("when", "after", "at"):
            text += (
                f": give the function to what {call}() returns, as @{call}(...) or "
                f"{call}(...)(function)"
            )
    else:
        text = (
            f"{what} {position + 1}: item {inside} of the group must be a "
            f"Cown, not '{name}'"
        )
    return TypeError(text)


class Code(NamedTuple):
    """What the core knows of a code object as a body."""

    positional: int
    keyword_only: int
    varargs: bool
    qualname: str
    file: str
    line: int
    #: The globals that are kept; None: none.
    names: Kept | None
    reference: ref[CodeType]
    globals: dict[str, Any] | None


#: By the identity of the code object.
_codes: dict[int, Code] = {}


def code_of(function: FunctionType) -> Code:
    """The record of a code object. Raises SyntaxError if it cannot be a body."""
    code = function.__code__
    known = _codes.get(id(code))
    if (
        known is not None
        and known.reference() is code
        and known.globals is function.__globals__
    ):
        return known
    return describe(function, code)


def describe(function: FunctionType, code: CodeType) -> Code:
    body = _body.check_body(function)
    names, key = function.__globals__, id(code)
    made = Code(
        body.positional,
        len(body.keyword_only),
        body.varargs,
        function.__qualname__,
        code.co_filename,
        code.co_firstlineno,
        # Not all of it: the record must not keep the code alive.
        body.names and Kept(*body.names[:4], body.names.overlay),
        ref(code, lambda gone: _codes.pop(key, None)),
        # In another namespace, other names are data. A namespace that is no module's
        # may end before the code does, and is not kept here.
        names if is_module(names) else None,
    )
    _codes[key] = made
    return made


def is_module(names: dict[str, Any]) -> bool:
    module = sys.modules.get(names.get("__name__", ""))
    return module is not None and getattr(module, "__dict__", None) is names


class Bound(NamedTuple):
    """A function and everything that it is called with except the cowns."""

    function: FunctionType
    #: The overlay of its globals; None: it needs none.
    snapshot: Snapshot | None
    code: Code
    extra: tuple[Any, ...]
    captures: tuple[Any, ...]
    keywords: dict[str, Any] | None


def bound(
    function: FunctionType,
    code: Code,
    extra: tuple[Any, ...],
    captures: tuple[Any, ...],
    keywords: dict[str, Any] | None,
) -> Bound:
    function = with_cells(function)
    snapshot = Snapshot(code.names, function) if code.names is not None else None
    return Bound(function, snapshot, code, extra, captures, keywords)


def bind(target: Any, items: int, captures: tuple[Any, ...]) -> Bound:
    # PyPy has functions whose code is that of a builtin.
    if type(target) is FunctionType and type(target.__code__) is CodeType:
        return bind_function(target, items, (), captures)
    function, extra, keywords = _body.normalize(target, items + len(captures))
    if keywords:
        code = code_of(function)
        given = len(extra) + items + len(captures)
        keywords = _arguments.complete(function, given, keywords)
        return bound(function, code, extra, captures, keywords)
    return bind_function(function, items, extra, captures)


def bind_function(
    function: FunctionType,
    items: int,
    extra: tuple[Any, ...],
    captures: tuple[Any, ...],
) -> Bound:
    code = code_of(function)
    keywords = None
    if code.keyword_only:
        keywords = dict(function.__kwdefaults__ or {})
        if len(keywords) < code.keyword_only:
            raise TypeError(
                f"behavior '{code.qualname}' has keyword-only parameters without "
                "defaults: nothing is passed for them, so give them defaults (x=x)"
            )
    defaults = function.__defaults__ or ()
    given = len(extra) + items + len(captures)
    missing = code.positional - given
    if missing < 0:
        if not code.varargs:
            raise misfit(code, items, given, code.positional)
    elif missing > len(defaults):
        raise misfit(code, items, given, code.positional - len(defaults))
    elif missing:
        captures = (*captures, *defaults[len(defaults) - missing :])
    return bound(function, code, extra, captures, keywords)


def misfit(code: Code, items: int, given: int, needed: int) -> TypeError:
    advice = (
        "give it more parameters, or *args"
        if given > needed
        else "give the others defaults (x=x)"
    )
    captures = given - items
    text = (
        f"behavior '{code.qualname}' takes {needed} positional "
        f"argument{'' if needed == 1 else 's'}, but there "
        f"{'is' if items == 1 else 'are'} {items} cown{'' if items == 1 else 's'}"
    )
    if captures:
        text += f" and {captures} capture{'' if captures == 1 else 's'}"
    return TypeError(f"{text}: {advice}")


def with_cells(function: FunctionType) -> FunctionType:
    """A copy of the function with cells of its own, which have the same contents."""
    closure = function.__closure__
    if not closure:
        return function
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        None,
        tuple(map(copy_cell, closure)),
    )
    copy.__qualname__ = function.__qualname__
    return copy


def copy_cell(cell: CellType) -> CellType:
    try:
        return CellType(cell.cell_contents)
    except ValueError:  # the name is not bound yet
        return CellType()
