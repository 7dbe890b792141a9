"""What the command line says of the interpreter and of the runtime on it."""

from __future__ import annotations

import os
import platform
import sys

import bocpy


def gil_enabled() -> bool:
    """Whether threads of this interpreter take turns."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def interpreter() -> str:
    """The interpreter's name and version, and whether it runs without a GIL."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    return name if gil_enabled() else f"{name} (free-threaded)"


def backend_for(wanted: str | None = None) -> str:
    """The backend that `start(backend=wanted)` takes."""
    own_gils = sys.version_info >= (3, 12) and gil_enabled()
    usual = "interpreters" if own_gils else "threads"
    return wanted or os.environ.get("BOCPY_BACKEND") or usual


def info() -> dict[str, str]:
    """What `python -m bocpy info` prints."""
    return {
        "bocpy": bocpy.__version__,
        "interpreter": f"{interpreter()}, {sys.executable}",
        "platform": platform.platform(),
        "backend": backend_for(),
        "workers": str(bocpy.WORKER_COUNT),
        "package": os.path.dirname(os.path.abspath(bocpy.__file__)),
    }
