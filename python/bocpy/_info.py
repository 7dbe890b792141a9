"""What `python -m bocpy info` prints about the interpreter and the runtime."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import multiprocessing
import os
import platform
import subprocess
import sys

import bocpy


def gil_enabled() -> bool:
    """Whether the interpreter runs with a GIL."""
    return getattr(sys, "_is_gil_enabled", lambda: True)()


def interpreter() -> str:
    """The interpreter's name and version, and whether it runs without a GIL."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    return name if gil_enabled() else f"{name} (free-threaded)"


def core() -> str:
    """The name of the core: see _choose_core."""
    return "cffi" if bocpy._core.__name__.endswith("_cffi") else "extension"


def backend_for(wanted: str | None = None) -> str:
    """The backend that `start(backend=wanted)` would use."""
    own_gils = sys.version_info >= (3, 12) and gil_enabled() and core() == "extension"
    usual = "interpreters" if own_gils else "threads"
    return wanted or os.environ.get("BOCPY_BACKEND") or usual


def info() -> dict[str, str]:
    """The text of `python -m bocpy info`: everything that a report of a defect
    needs."""
    return {
        "bocpy": bocpy.__version__,
        "interpreter": f"{interpreter()}, {sys.executable}",
        "compiler": platform.python_compiler(),
        "platform": f"{platform.platform()}, {platform.machine()}",
        "C library": " ".join(platform.libc_ver()).strip() or "unknown",
        "core": core(),
        "backend": backend_for(),
        "workers": f"{bocpy.WORKER_COUNT} of {os.cpu_count()} processors",
        "settings": settings(),
        "start method": multiprocessing.get_start_method(),
        "package": os.path.dirname(os.path.abspath(bocpy.__file__)),
    }


def settings() -> str:
    """The environment variables that change what Python or bocpy does."""
    names = sorted(n for n in os.environ if n.startswith(("BOCPY_", "PYTHON")))
    return ", ".join(f"{name}={os.environ[name]}" for name in names) or "none"


# ---- which packages refuse sub-interpreters ------------------------------------------

#: Seconds that the import of one package may take.
TIMEOUT = 20.0

#: A program that imports modules and prints those that refuse sub-interpreters; it
#: fails if no module can be imported.
PROBE = """
import importlib, sys
from bocpy import _core
problem = None
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
    except Exception as error:
        problem = error
    else:
        found = True
        if _core._refuses(module):
            print(name)
if "found" not in globals():
    raise problem
"""


def extension_packages() -> dict[str, list[str]]:
    """Installed distributions with extension modules: name, version, names of the
    modules.

    Private modules of tests are left out.
    """
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    found: dict[str, list[str]] = {}
    for distribution in importlib.metadata.distributions():
        label = f"{distribution.metadata['Name']} {distribution.version}"
        for file in distribution.files or ():
            parts = [*file.parts[:-1], file.name.partition(".")[0]]
            if file.name.endswith(suffixes) and all(map(str.isidentifier, parts)):
                found.setdefault(label, []).append(".".join(parts))
    return {
        label: sorted(names)
        for label, names in sorted(found.items())
        if not names[0].startswith("bocpy.")
    }


def refusing(modules: list[str]) -> str:
    """Why a body on `interpreters` cannot import some of the modules; "" if it can."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, *modules],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"importing it took more than {TIMEOUT:.0f} s"
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended the interpreter"]
        return f"it cannot be imported here: {lines[-1]}"
    found = done.stdout.split()
    if not found:
        return ""
    verb = "refuses" if len(found) == 1 else f"and {len(found) - 1} more refuse"
    return f"{found[0]} {verb} sub-interpreters: backend='threads'"
