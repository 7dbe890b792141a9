"""Chooses the core: the extension `_core`, or the core by cffi in its place.

CPython has the extension, other implementations the core by cffi. BOCPY_CORE=cffi
chooses that on CPython too, if the package was built with it (Meson's option `cffi`).

Threads: the one that imports bocpy.
"""

from __future__ import annotations

import importlib
import os
import sys

CORES = ("c", "cffi")


def wanted() -> str:
    given = os.environ.get("BOCPY_CORE")
    if given and given not in CORES:
        raise ImportError(f"BOCPY_CORE must be 'c' or 'cffi', not {given!r}")
    return given or ("c" if sys.implementation.name == "cpython" else "cffi")


def choose() -> None:
    """Makes the chosen core `bocpy._core`."""
    if wanted() == "c":
        return
    try:
        importlib.import_module("._core_cffi", __package__)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"bocpy's core by cffi is not here ({error}): build it in with `pip "
            "install . -Csetup-args=-Dcffi=enabled`; on CPython it needs cffi"
        ) from error


choose()
