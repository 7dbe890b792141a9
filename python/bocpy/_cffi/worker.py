"""What is done on the workers' threads around bodies: the library's hooks.

Workers are threads that `threading` knows by name, and no daemons: so the program waits
for what bodies start. What `threading.settrace` and its kin chose is called for bodies;
some debuggers choose when there are workers already, so each looks when it gets work.

Threads: the workers'.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from .. import _threads
from .._libboc import ffi, lib
from . import failure


class Followed(threading.local):
    """What the worker has chosen last."""

    trace: Any = None
    profile: Any = None


followed = Followed()


@ffi.def_extern(error=lib.BOC_OK)
def py_worker_hooks_start(ctx: Any, worker: int) -> int:
    try:
        _threads.enter(worker + 1)
    except Exception as error:  # it has no name, and runs bodies all the same
        failure.write_unraisable(error, py_worker_hooks_start)
    return int(lib.BOC_OK)


@ffi.def_extern()
def py_worker_hooks_stop(ctx: Any, worker: int) -> None:
    _threads.leave()


@ffi.def_extern()
def py_worker_hooks_after_park(ctx: Any, worker: int) -> None:
    trace, profile = threading.gettrace(), threading.getprofile()
    if trace is not followed.trace:
        followed.trace = trace
        sys.settrace(trace)
    if profile is not followed.profile:
        followed.profile = profile
        sys.setprofile(profile)


hooks = ffi.new("boc_worker_hooks *")
hooks.start = lib.py_worker_hooks_start
hooks.stop = lib.py_worker_hooks_stop
hooks.after_park = lib.py_worker_hooks_after_park
