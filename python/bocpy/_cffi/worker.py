"""The library's hooks, which run on the workers' threads around bodies.

Workers are threads that `threading` knows by name, and not daemons, so that the program
waits for threads that bodies start. Functions that `threading.settrace` and the like
have set are called for bodies. Some debuggers set them when workers exist already, so
each worker checks when it gets work.

Threads: the workers'.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from .. import _threads
from .._libboc import ffi, lib
from . import failure
from .base import me


class Followed(threading.local):
    """The functions for tracing that the worker has set last."""

    trace: Any = None
    profile: Any = None


followed = Followed()


@ffi.def_extern(error=lib.BOC_OK)
def py_worker_hooks_start(ctx: Any, worker: int) -> int:
    try:
        # The thread that starts the workers has the lock meanwhile, and waits: hooks of
        # imports must not wait for it.
        me.changing = True
        _threads.enter(worker + 1)
    except Exception as error:  # the worker then has no name, but runs bodies
        failure.write_unraisable(error, py_worker_hooks_start)
    finally:
        me.changing = False
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
