"""Translates the arguments of `when` into the cowns that the linker orders.

The driver and the executors use the same code.

Threads: any. Nothing here keeps state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bocpy import _core

from ._cown import Cown, Reading

Args = tuple[tuple[int, bool], ...]
Layout = tuple[int | tuple[int, ...], ...]


class Arguments:
    """The cowns of a call, each once, in the order of their first mention, and for
    each parameter of the body which of them it gets."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.index: dict[int, int] = {}
        self.reads: list[bool] = []
        self.layout: list[int | tuple[int, ...]] = []

    def add(self, argument: object, where: str) -> int:
        """Returns a cown's index. TypeError if it is no cown of this connection."""
        cown = argument.cown if isinstance(argument, Reading) else argument
        if not isinstance(cown, Cown):
            raise TypeError(refusal(argument, where))
        if cown._site.token != self.token:
            raise TypeError(f"{where} is a cown of another connection")
        index = self.index.setdefault(cown._id, len(self.reads))
        if index == len(self.reads):
            self.reads.append(True)
        self.reads[index] &= isinstance(argument, Reading)
        return index

    @property
    def args(self) -> Args:
        return tuple(zip(self.index, self.reads, strict=True))


def parse(given: Sequence[object], token: str) -> tuple[Args, Layout]:
    """Parses the arguments of `when`; a group is a list or tuple of cowns."""
    result = Arguments(token)
    for position, argument in enumerate(given, 1):
        where = f"argument {position} of when()"
        if isinstance(argument, (list, tuple)):
            group = (result.add(a, f"an element of {where}") for a in argument)
            result.layout.append(tuple(group))
        else:
            result.layout.append(result.add(argument, where))
    return result.args, tuple(result.layout)


def refusal(argument: object, where: str) -> str:
    kind = type(argument).__name__
    if isinstance(argument, _core.PinnedCown):
        return (
            f"{where} is a PinnedCown: its value never leaves the main interpreter of "
            "this process, so no worker can have it"
        )
    if isinstance(argument, _core.Cown):
        return (
            f"{where} is a cown of this process: one behavior has either local cowns or"
            " distributed ones, since they are ordered by different runtimes. Make it "
            "with the connection's Cown(value)"
        )
    if kind == "Reading":
        return f"{where} is a read() of a cown of this process: use the connection's"
    return (
        f"{where} must be a distributed Cown, or a list or tuple of them, not {kind!r}"
    )


def arranged(layout: Layout, handles: Sequence[Any]) -> list[Any]:
    """Puts the handles where the body's parameters want them."""
    return [
        handles[each] if isinstance(each, int) else [handles[i] for i in each]
        for each in layout
    ]
