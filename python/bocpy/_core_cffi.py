"""The core of bocpy by cffi: `_cffi` makes the names that `_core.pyi` declares.

Threads: any.
"""

from __future__ import annotations

import sys

# The modules that are imported below import `bocpy._core`, and find this one half made.
_self = sys.modules[__name__]
sys.modules[f"{__package__}._core"] = _self
sys.modules[f"{__package__}"]._core = _self  # type: ignore[attr-defined]

from . import _libboc  # noqa: E402
from ._cffi import (  # noqa: E402
    acquire as _acquire,
)
from ._cffi import (  # noqa: E402
    base,
    codec,
    completions,
    docs,
    failure,
    fork,
    in_flight,
    matrix,
    notices,
    pump,
    runtime,
    scope,
    start_options,
)
from ._cffi.behavior import (  # noqa: E402
    after,
    at,
    batch_begin,
    batch_end,
    when,
    when_each,
    when_in,
    whencall,
)
from ._cffi.cown import Cown, CownCapsule, PinnedCown, Reading, read  # noqa: E402
from ._cffi.mailbox import drain, receive, send, set_tags  # noqa: E402
from ._cffi.notices import (  # noqa: E402
    notice_delete,
    notice_read,
    notice_seed,
    notice_update,
    notice_write,
    noticeboard,
)
from ._cffi.runtime import start  # noqa: E402

__all__ = [
    "AcquiredCowns",
    "Cown",
    "CownCapsule",
    "PinnedCown",
    "Reading",
    "acquire",
    "after",
    "drain",
    "notice_delete",
    "notice_read",
    "notice_seed",
    "notice_update",
    "notice_write",
    "noticeboard",
    "read",
    "receive",
    "send",
    "set_tags",
    "start",
    "when",
    "whencall",
]

__version__: str = _libboc.ffi.string(_libboc.lib.BOC_VERSION_STRING).decode()
_libboc_version: str = _libboc.ffi.string(_libboc.lib.boc_version()).decode()
_api: object = None

acquire = _acquire.acquire_cowns
AcquiredCowns = _acquire.AcquiredCowns
_CompletionQueue = completions.CompletionQueue
_Grant = completions.Grant
_Watch = completions.Watch
_after_fork_in_child = fork.after_fork_in_child
_after_fork_in_parent = fork.after_fork_in_parent
_apart = codec.apart
_at = at
_ask_main = codec.ask_main
_behavior_name = base.behavior_name
_before_fork = fork.before_fork
_changes = codec.changes
_clear_notices = notices.clear
_finish = runtime.finish
_hooked_from = codec.hooked_from
_hooked_reduce = codec.hooked_reduce
_blocked = base.blocked
_pass_callbacks_on = base.pass_callbacks_on
_refuse_in_batch = completions.refuse_in_batch
_batch_begin = batch_begin
_batch_end = batch_end
_cancelled = scope.cancelled
_importing = base.importing
_in_body = base.in_body
_in_flight = in_flight.now
_release_here = _acquire.release_here
_is_idle = runtime.is_idle
_locked_here = runtime.locked_here
_stand_in = runtime.stand_in
_keeps_failures = failure.keeps_failures
_native_at = codec.native_at
_pause = runtime.pause
_publish = codec.publish
_published_since = codec.published_since
_pump = pump.pump
_pump_some = pump.some
_pump_was_ended = pump.was_ended
_pump_backlog = pump.backlog
_quiesce = runtime.quiesce
_refuses = codec.refuses
_Scope = scope.Scope
_scope_current = scope.current
_scope_find = scope.find
_scope_variable = scope.variable
_set_distributed_hook = codec.set_distributed_hook
_structure_first_other = codec.structure_first_other
_structure_of = codec.structure_of
_watch_changes = codec.watch_changes
_set_propagating = codec.set_propagating
_running = runtime.is_running
_stats = runtime.stats
_take_failures = failure.take_failures
_when_each = when_each
_when_in = when_in
_worker_count = start_options.worker_count


def _backend() -> str:  # pyright: ignore[reportUnusedFunction]
    return "threads"


def _is_main() -> bool:  # pyright: ignore[reportUnusedFunction]
    return True


docs.put_on(globals())
sys.modules[f"{__package__}._math"] = matrix
