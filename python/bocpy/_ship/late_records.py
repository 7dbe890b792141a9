"""Records of a module's state that wait for another module, which is still being
imported: `clock`, which imports `time`, has a function that the program has put there.

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

_waiting: list[tuple[str, str]] = []


def apply_all(
    imported: str,
    latest: dict[str, dict[str, bytes]],
    apply: Callable[[str, str, bytes], object],
    *,
    but: str,
) -> None:
    """Applies the records of a module that has just been imported, `but` that of one
    name, and those that have waited."""
    names = [*_waiting, *((imported, name) for name in latest.get(imported, ()))]
    _waiting.clear()
    for module, name in dict.fromkeys(names):
        if name == but:
            continue
        try:
            apply(module, name, latest[module][name])
        except (AttributeError, ImportError):
            if not is_importing_another(imported):
                raise
            _waiting.append((module, name))


def is_importing_another(imported: str) -> bool:
    """Whether a module is being imported besides the one that has just run, which still
    counts as being imported."""
    return any(
        getattr(getattr(module, "__spec__", None), "_initializing", False)
        for name, module in list(sys.modules.items())
        if name != imported
    )
