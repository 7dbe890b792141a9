"""The header for authors of C extensions, in which they say how values move."""

from __future__ import annotations

import os

__all__ = ["get_include", "get_sources"]


def get_include() -> str:
    """The folder of C headers: an entry for `include_dirs`.

    A module that is built with it includes `<bocpy/bocpy.h>` and registers how values
    of its types move between interpreters; the header says how.

    >>> import os, bocpy
    >>> os.path.exists(os.path.join(bocpy.get_include(), "bocpy", "bocpy.h"))
    True
    """
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "include")


def get_sources() -> list[str]:
    """C files to compile with an extension: none, since the header is complete.

    >>> import bocpy
    >>> bocpy.get_sources()
    []
    """
    return []
