"""Logging of workers in the main interpreter.

A worker's loggers have the levels and classes of the main interpreter's. A record that
a worker's logger lets through goes to the main interpreter's logger of that name, with
its filters and handlers. If the main interpreter has no handler for it, the handlers
that code in the worker has added get it. A record has the name of the behavior that
made it.

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
    for owner, name in (
        (logging.Logger, "setLevel"),
        (logging, "disable"),
        (logging, "setLoggerClass"),
    ):
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
    parts = manager.disable, sorted(levels.items()), texts, classes(logging)
    return marshal.dumps(parts, 2)


def classes(logging: Any) -> tuple[str, list[str], list[str]]:
    """The class for new loggers; the loggers that are of it, and those that are plain.
    All are empty if it is the plain one."""
    custom = logger_class()
    if custom is None:
        return "", [], []
    known = sorted(logging.root.manager.loggerDict.items())
    of_class = [name for name, logger in known if type(logger) is custom]
    plain = [name for name, logger in known if type(logger) is logging.Logger]
    return full_name(custom), of_class, plain


def full_name(cls: Any) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def logger_class() -> Any:
    """The class that the program has set for new loggers; None if it has set none."""
    logging = sys.modules.get("logging")
    plain = getattr(logging, "Logger", None)
    cls: Any = plain and logging and logging.getLoggerClass()
    return None if cls is plain else cls


def reduce_logger(obj: Any) -> Any:
    """Loggers of a class of the program: the receiver's logger of that name may be of
    another one."""
    logging = sys.modules.get("logging")
    plain = getattr(logging, "Logger", None)
    if plain is None or not isinstance(obj, plain):
        return NotImplemented
    if type(obj).__reduce__ is not plain.__reduce__ or not obj.name:
        return NotImplemented
    return make_logger, (type(obj), obj.name)


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
_classes: tuple[str, list[str], list[str]] = ("", [], [])
_known_classes: dict[str, Any] = {}
_names: list[tuple[int, str]] = []
_disable = 0


def use(
    now: tuple[int, list[tuple[str, int]], list[tuple[int, str]], Any],
) -> None:
    global _disable, _names, _classes
    _disable, levels, _names, _classes = now
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
    set_classes(logging)
    for name, level in _levels.items():
        logger = logging.root if name == "root" else logging.getLogger(name)
        if logger.level != level:
            logger.setLevel(level)


def know_class(cls: Any) -> None:
    """A class for loggers that the main interpreter has or had."""
    import logging

    _known_classes[full_name(cls)] = cls
    set_classes(logging)


def set_classes(logging: Any) -> None:
    """Makes new loggers of the main interpreter's class, and those that it has of the
    class that they are of there."""
    chosen, of_class, plain = _classes
    cls = _known_classes.get(chosen, logging.Logger)
    logging.setLoggerClass(logging.Logger)
    for name in plain:
        logging.getLogger(name)
    logging.setLoggerClass(cls)
    for name in of_class:
        make_logger(cls, name)


def make_logger(cls: Any, name: str) -> Any:
    """The logger of that name, which becomes one of that class if it is of a plain
    one."""
    import logging

    logger = logging.getLogger(name)
    if type(logger) is logging.Logger and cls is not logging.Logger:
        made = cls(name)
        logger.__class__ = cls
        for attribute in vars(made).keys() - vars(logger).keys():
            setattr(logger, attribute, vars(made)[attribute])
    return logger


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
