"""Scopes: groups of behaviors that are waited for, and cancelled, together.

Threads: any.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING

from ._base import NULL, check, nanoseconds
from ._libboc import ffi, lib
from ._status_errors import Timeout
from ._waiting import wait_for_node

if TYPE_CHECKING:
    from ._libboc import CData

#: The scope of the innermost `with`, where this code runs.
current_scope: ContextVar[Scope | None] = ContextVar("libboc_scope", default=None)


class Scope:
    """The behaviors that were started in it, and those that they start, and so on.

    >>> from libboc import Cown, Runtime, Scope
    >>> done = Cown(0)
    >>> with Runtime() as runtime:
    ...     with Scope():
    ...         @runtime.when(done)
    ...         def _(done):
    ...             done.value += 1
    ...     done.value
    1

    `with` puts what this thread schedules into the scope, and waits for all of it at
    the end; if the block raises, it cancels the scope first. Without `with`,
    `when(..., scope=scope)` puts a behavior there. A parent has the work of its
    children as well.
    """

    __slots__ = ("__weakref__", "_core", "_tokens")

    def __init__(self, parent: Scope | None = None) -> None:
        if parent is not None and not isinstance(parent, Scope):
            raise TypeError(f"a parent is a Scope, not {type(parent).__name__!r}")
        out = ffi.new("boc_scope **")
        above = NULL if parent is None else parent._core
        check(lib.boc_scope_new(above, NULL, out), "Scope()")
        self._core: CData = ffi.gc(out[0], lib.boc_scope_drop)
        self._tokens: list[Token[Scope | None]] = []

    def wait(self, timeout: float | None = None) -> None:
        """Waits until nothing of it is scheduled, running or deferred.

        Timeout after that many seconds; BadState inside a body.
        """
        nanoseconds(timeout)
        status = lib.boc_scope_wait(self._core, 0)
        if status != lib.BOC_TIMEOUT:
            check(status, "Scope.wait()")
            return
        core = self._core
        if not wait_for_node(
            lambda node: lib.boc_scope_on_empty(core, node),
            lambda node: lib.boc_scope_on_empty_cancel(core, node),
            timeout,
        ):
            raise Timeout(f"Scope.wait(): work is left after {timeout} s")

    def cancel(self) -> None:
        """Bodies of the scope that have not begun will not run."""
        lib.boc_scope_cancel(self._core)

    @property
    def cancelled(self) -> bool:
        return bool(lib.boc_scope_cancelled(self._core))

    @property
    def core(self) -> CData:
        """The `boc_scope *`, for calls of `libboc.lib`; valid as long as this is."""
        return self._core

    def __enter__(self) -> Scope:
        self._tokens.append(current_scope.set(self))
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        current_scope.reset(self._tokens.pop())
        if error is not None:
            self.cancel()
        self.wait()
