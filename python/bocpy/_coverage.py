"""coverage.py in the interpreters of workers.

If the main interpreter is measured, so is what workers run: each writes a data file of
its own beside the main one, for `coverage combine`. COVERAGE_PROCESS_START, by which
coverage.py starts itself in each new interpreter, comes first.

Threads: `configuration` in the main interpreter; the rest on a worker's thread.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_running: Any = None


def configuration() -> str | None:
    """How the main interpreter is measured; None if it is not."""
    coverage = sys.modules.get("coverage")
    current = getattr(getattr(coverage, "Coverage", None), "current", None)
    measured = current() if current is not None else None
    # A method of coverage.py 7.10 and newer.
    serialize = getattr(getattr(measured, "config", None), "serialize", None)
    return str(serialize()) if serialize is not None else None


def start(config: str | None) -> None:
    """Measures this interpreter, if it is not by now."""
    global _running
    startup = getattr(sys.modules.get("coverage"), "process_startup", None)
    _running = getattr(startup, "coverage", None)
    if _running is not None or config is None:
        return
    try:
        coverage = importlib.import_module("coverage")
    except BaseException:  # it exits if COVERAGE_CORE demands what is not here
        return
    _running = coverage.Coverage(config_file=f":data:{config}", data_suffix=True)
    _running.start()


def stop() -> None:
    """Writes what was measured, while threading can still be asked for this thread."""
    if _running is not None:
        _running.stop()
        _running.save()
