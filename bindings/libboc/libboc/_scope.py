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

#: The scope of the innermost `with` around the running code.
current_scope: ContextVar[Scope | None] = ContextVar("libboc_scope", default=None)


class Scope:
    """The behaviors that are scheduled in it, those that their bodies schedule, and so
    on.

    >>> from libboc import Cown, Runtime, Scope
    >>> done = Cown(0)
    >>> with Runtime() as runtime:
    ...     with Scope():
    ...         @runtime.when(done)
    ...         def _(done):
    ...             done.value += 1
    ...     done.value
    1

    Behaviors that this thread schedules in a `with` block belong to the scope. The end
    of the block waits for all of them; if the block raises, it cancels the scope first.
    Without `with`, `when(..., scope=scope)` puts a behavior into the scope. A parent
    has the behaviors of its children, too.
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
        """Waits until no behavior of the scope is scheduled, running or deferred.

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
        """Cancels the scope: bodies that have not begun will not run."""
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
