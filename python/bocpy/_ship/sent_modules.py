"""Modules that the program has put into `sys.modules`, and workers cannot import.

`sys.modules["m"] = ModuleType("m")`: a body that imports `m`, or looks it up by its
name, gets the module that is there when the body is scheduled. The names in
`sys.modules` are watched as globals are.

Threads: any; LOCK of `definition_log` is held.
"""

from __future__ import annotations

import sys
from types import ModuleType

from .. import _global_namespaces
from . import change_detection
from .definition_log import DELETED, MISSING

by_value: set[str] = set()
"""The modules that workers have got."""


def is_by_value(name: str, value: object) -> bool:
    """Whether workers get a module of `sys.modules` from the program."""
    return isinstance(value, ModuleType) and not _global_namespaces.importable(name)


def definition(name: str, value: object) -> bytes | None:
    """The record of a module that workers do not get; None: they get it."""
    known = _global_namespaces.find(name)
    sent = is_by_value(name, value)
    if sent and known is not None and known.imported:
        warn_of_replaced(name, "the one that they import themselves")
        return b""
    if not sent:
        if name not in by_value:
            return b""
        by_value.discard(name)
        if value is not MISSING:
            warn_of_replaced(name, "one that they import themselves, unchanged")
        return DELETED
    by_value.add(name)
    return None


def warn_of_replaced(name: str, others: str) -> None:
    change_detection.warn(
        f"module {name!r} was replaced in sys.modules after a behavior that uses it "
        f"was scheduled, and workers have {others}: replace it before, set its "
        "attributes, or use start(backend='threads')"
    )


# ---- at the receiver -----------------------------------------------------------------

_removed: dict[str, ModuleType] = {}


def remove(name: str) -> None:
    module = sys.modules.pop(name, None)
    if module is not None:
        _removed.setdefault(name, module)


def put_back(name: str) -> None:
    """The same module is there again, before its record is loaded."""
    if name in _removed:
        sys.modules.setdefault(name, _removed[name])


def make_module(key: str, name: str) -> ModuleType:
    names = _global_namespaces.receive(key, name, imported=False).names
    module = sys.modules.get(name)
    if module is None or module.__dict__ is not names:
        raise refusal(name)
    return module


def refusal(name: str) -> TypeError:
    return TypeError(
        f"module {name!r} exists in the interpreter that made it only: enter it in "
        "sys.modules before its code runs, or use backend='threads'"
    )
