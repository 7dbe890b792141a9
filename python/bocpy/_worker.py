"""What a worker's interpreter learns from the main one; how it begins and ends.

Threads: `facts` and `prepare` in the main interpreter, `set_up` in a new one,
`tear_down` in it when it is about to end. `prepare` and the first worker's `set_up` run
at the same time.
"""

from __future__ import annotations

import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Seconds after which a thread lets another one have the interpreter. A worker's has
#: only one thread, except while another thread fetches a value from it.
SWITCH_INTERVAL = 0.0001


def facts() -> bytes:
    """What `set_up` needs to know, as a marshalled dict."""
    # Before 3.13, the interpreter that first loads an extension module owns some of its
    # objects. So the main interpreter loads those that `set_up` loads.
    import _collections  # type: ignore[import-not-found]  # noqa: F401
    import binascii  # noqa: F401
    import itertools  # noqa: F401

    if sys.version_info < (3, 13):
        import threading  # noqa: F401

    from . import _coverage, _pyinstaller_importer

    main = sys.modules.get("__main__")
    known: dict[str, Any] = {
        "sys": {
            "path": [entry for entry in sys.path if isinstance(entry, str)],
            **_pyinstaller_importer.names(),
        },
        "argv": [str(argument) for argument in sys.argv],
        "file": getattr(main, "__file__", None),
        "dont_write_bytecode": bool(sys.dont_write_bytecode),
        "recursion_limit": sys.getrecursionlimit(),
        "coverage": _coverage.configuration(),
    }
    return marshal.dumps(known)


def prepare() -> None:
    """Loads, while a worker starts, what the main interpreter needs to schedule."""
    # `_code.names` reads the code of the first body with `dis`.
    import dis  # noqa: F401

    from . import _body, _foreign_ext, _threads  # noqa: F401
    from ._main_interpreter import state as main_state
    from ._ship import shipment  # noqa: F401

    _threads.guard_frames()
    main_state.watch()


def set_up(known: dict[str, Any]) -> None:
    """Makes this interpreter ready for behaviors."""
    if sys.version_info[:2] == (3, 12):
        # CPython 3.12's own does not load in a second interpreter, and harms the main
        # one. zoneinfo then takes its implementation in Python.
        modules: dict[str, Any] = sys.modules
        modules["_zoneinfo"] = None
    sys.argv = known["argv"]
    sys.dont_write_bytecode = known["dont_write_bytecode"]
    sys.setswitchinterval(SWITCH_INTERVAL)
    sys.setrecursionlimit(known["recursion_limit"])
    from . import _coverage, _foreign_ext, _ship, _threads, _worker_imports

    _foreign_ext.guard()
    _worker_imports.guard()
    _threads.guard_frames()
    _threads.explain_limits()
    _ship.start_worker()
    main = sys.modules.get("__main__")
    if main is not None and known["file"] is not None:
        main.__file__ = known["file"]
    _coverage.start(known["coverage"])


def tear_down() -> None:
    """Has threading drop this thread while that is still possible.

    Since 3.13 threading does so when the thread-local data of a thread that it has not
    started ends. A worker's ends with the interpreter, after threading's globals.
    """
    from . import _coverage

    _coverage.stop()
    local = getattr(sys.modules.get("threading"), "_thread_local_info", None)
    if local is not None:
        vars(local).clear()
