"""The state of the main interpreter that workers follow: its environment, the filters
of warnings, levels and handlers of logging, where output goes, limits and other
settings of `sys`, the arguments of the program and the key of its processes.

When a behavior is scheduled, the main interpreter publishes the parts that have
changed; a worker applies them before its next body. Watchers of dicts report the
changes, so nothing has to be compared for each behavior. `logging`, `output` and
`warnings` carry what workers log, print and warn of to the
main interpreter.

Threads: `watch` and `look` in the main interpreter, under LOCK of
`_ship.definition_log`; the rest in a worker.
"""

from __future__ import annotations

import abc
import copyreg
import marshal
import os
import sys
import warnings

from .. import _core
from . import change_counter
from . import logging as main_logging
from . import output as main_output
from . import processes as main_processes
from . import warnings as main_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

KEY = "#main"
"""The key of the parts in the log."""

# ---- in the main interpreter ---------------------------------------------------------

_published: dict[str, bytes] = {}
_looked = -1


def watch() -> None:
    """Makes the next scheduling look for changes."""
    environment = getattr(os.environ, "_data", None)
    reducers = copyreg.dispatch_table
    for names in (vars(sys), vars(warnings), sys.modules, environment, reducers):
        if names is not None:
            _core._watch_changes(names)
    for owner, name in FUNCTIONS:
        change_counter.count_calls(owner, name)


#: Functions that change the state of the interpreter without changing a dict.
FUNCTIONS = (
    (warnings, "_filters_mutated"),
    (warnings, "_filters_mutated_lock_held"),  # since 3.14
    (sys, "setrecursionlimit"),
    (sys, "set_int_max_str_digits"),  # since 3.11
    (abc.ABCMeta, "register"),  # published by `_ship.registrations`
)


def look(publish: Callable[[str, str, bytes], None]) -> None:
    """Publishes the parts that have changed."""
    global _looked
    changes = _core._changes()
    if changes == _looked:
        return
    _looked = changes
    for name, (collect, _) in PARTS.items():
        now = collect()
        if now is not None and _published.get(name) != now:
            _published[name] = now
            publish(KEY, name, now)


def environment() -> bytes | None:
    data = getattr(os.environ, "_data", None)
    return None if data is None else marshal.dumps(dict(data), 2)


def settings() -> bytes | None:
    """The recursion limit, the limit of digits, and attributes of sys, if they are of
    the types that they should have."""
    digits = getattr(sys, "get_int_max_str_digits", int)()
    attributes = {name: vars(sys).get(name) for name in ATTRIBUTES}
    if not all(isinstance(each, (int, str, NONE)) for each in attributes.values()):
        return None
    return marshal.dumps((sys.getrecursionlimit(), digits, attributes), 2)


NONE = type(None)
ATTRIBUTES = ("dont_write_bytecode", "pycache_prefix", "tracebacklimit")


def arguments() -> bytes | None:
    given = getattr(sys, "argv", None)
    return marshal.dumps(given, 2) if isinstance(given, list) else None


# ---- in a worker ---------------------------------------------------------------------


def apply(name: str, blob: bytes) -> None:
    _, use = PARTS[name]
    use(marshal.loads(blob))


_environment: dict[Any, Any] | None = None


def use_environment(now: dict[Any, Any]) -> None:
    """Applies changes to this interpreter's os.environ; the process has them
    already."""
    global _environment
    data = getattr(os.environ, "_data", None)
    if data is None:
        return
    before = data if _environment is None else _environment
    for key in before.keys() - now.keys():
        data.pop(key, None)
    for key, value in now.items():
        if _environment is None or _environment.get(key) != value:
            data[key] = value
    _environment = now


def use_settings(now: tuple[int, int, dict[str, Any]]) -> None:
    depth, digits, attributes = now
    sys.setrecursionlimit(depth)
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(digits)
    for name, value in attributes.items():
        if value is None and name == "tracebacklimit":  # by default there is none
            if hasattr(sys, name):
                delattr(sys, name)
        else:
            setattr(sys, name, value)


def use_arguments(given: list[str]) -> None:
    sys.argv[:] = given


PARTS: dict[str, tuple[Callable[[], bytes | None], Callable[[Any], None]]] = {
    "arguments": (arguments, use_arguments),
    "environment": (environment, use_environment),
    "filters": (main_warnings.collect, main_warnings.use),
    "logging": (main_logging.collect, main_logging.use),
    "output": (main_output.collect, main_output.use),
    "processes": (main_processes.collect, main_processes.use),
    "settings": (settings, use_settings),
}
