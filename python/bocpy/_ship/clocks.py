"""Warns of time-machine, with which programs set the time for their tests.

It replaces functions of the C library in the main interpreter: bodies get the real
time. (What freezegun replaces are objects of Python, which workers get.)

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

import sys

from .. import _core, _global_namespaces
from . import change_detection

NAME = "time_machine"
STACKS = ("traveller_stack", "coordinates_stack")
"""The list of the times that are set, since 3.0 and before."""

_warned = False


def warn() -> None:
    """Warns once if time-machine has set the time, and has changes of that reported."""
    global _warned
    module = sys.modules.get(NAME)
    if module is None or _warned or _global_namespaces.in_worker():
        return
    names = vars(module)
    _core._watch_changes(names)
    if any(names.get(stack) for stack in STACKS):
        _warned = True
        change_detection.warn(
            "time-machine sets the time of the main interpreter only, bodies get the "
            "real time: use freezegun, or start(backend='threads')"
        )
