"""Logging of workers in the main interpreter.

A worker's loggers have the levels of the main interpreter's. A record that a worker's
logger lets through goes to the main interpreter's logger of that name, with its filters
and handlers. If the main interpreter has no handler for it, the handlers that code in
the worker has added get it. A record has the name of the behavior that made it.

Threads: `collect` in the main interpreter; `handle` there, called by a worker;
`name_behaviors` in either; the rest in a worker.
"""

from __future__ import annotations

import binascii
import marshal
import sys

from .. import _core
from .._wrapping import named_like
from . import change_counter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def name_behaviors() -> None:
    """Makes log records name the behavior that made them."""
    logging = sys.modules.get("logging")
    if logging is None or not hasattr(logging, "setLogRecordFactory"):
        return
    factory = logging.getLogRecordFactory()
    if getattr(factory, "names_behaviors", False):
        return

    def make(*args: Any, **kwargs: Any) -> Any:
        record = factory(*args, **kwargs)
        record.behavior = _core._behavior_name() or ""
        return record

    make.names_behaviors = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make)


# ---- in the main interpreter ---------------------------------------------------------


def collect() -> bytes | None:
    """The levels of all loggers, the disabled ones, and the names of levels; None if
    logging is not imported."""
    logging = sys.modules.get("logging")
    root = getattr(logging, "root", None)
    if logging is None or root is None:
        return None
    name_behaviors()
    for owner, name in ((logging.Logger, "setLevel"), (logging, "disable")):
        change_counter.count_calls(owner, name)
    manager = root.manager
    _core._watch_changes(manager.loggerDict)
    levels = {
        name: logger.level
        for name, logger in list(manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and logger.level
    }
    levels["root"] = root.level
    names = getattr(logging, "_levelToName", {})
    _core._watch_changes(names)
    texts = [each for each in sorted(names.items()) if type(each[1]) is str]
    return marshal.dumps((manager.disable, sorted(levels.items()), texts), 2)


def handle(encoded: str) -> str | None:
    """Handles the record of a worker; returns a text if no handler here takes it."""
    import logging

    from .. import _ship

    record = logging.makeLogRecord(_ship.loads(binascii.a2b_base64(encoded)))
    logger = logging.getLogger(record.name if record.name != "root" else None)
    if not logger.hasHandlers():
        return "there are no handlers"
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
    return None


# ---- in a worker ---------------------------------------------------------------------

_levels: dict[str, int] = {}
_names: list[tuple[int, str]] = []
_disable = 0


def use(now: tuple[int, list[tuple[str, int]], list[tuple[int, str]]]) -> None:
    global _disable, _names
    _disable, levels, _names = now
    # The program has reset the level of this logger.
    _levels.update(dict.fromkeys(_levels, 0))
    _levels.update(levels)
    set_levels()


def set_levels() -> None:
    """Gives levels and loggers of this interpreter the main interpreter's names and
    levels."""
    logging = sys.modules.get("logging")
    if logging is None or not hasattr(logging, "root"):
        return
    guard(logging)
    logging.root.manager.disable = _disable
    for number, text in _names:
        if logging.getLevelName(number) != text:
            logging.addLevelName(number, text)
    for name, level in _levels.items():
        logger = logging.root if name == "root" else logging.getLogger(name)
        if logger.level != level:
            logger.setLevel(level)


def guard(logging: Any) -> None:
    """Sends records of this interpreter to the main interpreter."""
    own = logging.Logger.callHandlers
    if hasattr(own, "__wrapped__"):
        return
    name_behaviors()

    def callHandlers(self: Any, record: Any) -> None:  # noqa: N802
        if not send(record):
            own(self, record)

    logging.Logger.callHandlers = named_like(callHandlers, own)


def send(record: Any) -> bool:
    """Whether the main interpreter has handled the record."""
    parts = dict(record.__dict__)
    parts["msg"], parts["args"] = record.getMessage(), None
    if record.exc_info:
        import logging

        if not record.exc_text:
            parts["exc_text"] = logging.Formatter().formatException(record.exc_info)
        parts["exc_info"] = (*record.exc_info[:2], None)
    encoded = binascii.b2a_base64(pickled(parts), newline=False).decode()
    return _core._ask_main(f"log {encoded}") is None


def pickled(parts: dict[str, Any]) -> bytes:
    """The pickled record; arguments that cannot be shipped go as their text."""
    from .. import _ship

    try:
        return _ship.dumps(parts)[0]
    except Exception:  # a user's __reduce__ may raise anything
        for name, value in parts.items():
            parts[name] = value if is_sendable(value) else told(name, value)
        return _ship.dumps(parts)[0]


def is_sendable(value: object) -> bool:
    from .. import _ship

    try:
        _ship.dumps(value)
    except Exception:  # a user's __reduce__ may raise anything
        return False
    return True


def told(name: str, value: object) -> object:
    return None if name == "exc_info" else repr(value)
