"""coverage.py in the interpreters of workers.

If coverage.py measures the main interpreter, it measures workers, too: each writes a
data file of its own beside the main one, for `coverage combine`. If
COVERAGE_PROCESS_START is set, coverage.py starts itself in each new interpreter, and
this module does nothing.

Threads: `configuration` in the main interpreter; the rest on a worker's thread.
"""

from __future__ import annotations

import importlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_running: Any = None


def configuration() -> str | None:
    """The configuration of the measurement in the main interpreter; None if there is
    none."""
    coverage = sys.modules.get("coverage")
    current = getattr(getattr(coverage, "Coverage", None), "current", None)
    measured = current() if current is not None else None
    # coverage.py 7.10 and newer have this method.
    serialize = getattr(getattr(measured, "config", None), "serialize", None)
    return str(serialize()) if serialize is not None else None


def start(config: str | None) -> None:
    """Starts to measure this interpreter, unless it is measured already."""
    global _running
    startup = getattr(sys.modules.get("coverage"), "process_startup", None)
    _running = getattr(startup, "coverage", None)
    if _running is not None or config is None:
        return
    try:
        coverage = importlib.import_module("coverage")
    except BaseException:
        # coverage.py exits if it cannot provide what COVERAGE_CORE asks for
        return
    _running = coverage.Coverage(config_file=f":data:{config}", data_suffix=True)
    _running.start()


def stop() -> None:
    """Writes the measurements while this thread still has its state in threading."""
    if _running is not None:
        _running.stop()
        _running.save()
