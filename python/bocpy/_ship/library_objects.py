"""Objects of the standard library that pickle refuses, and that a few arguments make.

Threads: any; nothing here keeps state.
"""

from __future__ import annotations

import marshal
import sys

from . import import_origins
from .plain_instances import fill_instance, is_plain, make_instance, state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any


def reduce(obj: Any) -> Any:
    """Reduces an object of one of `MODULES`; NotImplemented for others."""
    cls = type(obj)
    reduce_one = _REDUCERS.get((cls.__module__, cls.__name__))
    return NotImplemented if reduce_one is None else reduce_one(obj)


def reduce_struct(layout: Any) -> Any:
    """`unpack = Struct("<I").unpack` is pickled as a method of this object."""
    return type(layout), (layout.format,)


def reduce_context_manager(manager: Any) -> Any:
    """What a function decorated with `contextmanager` returns. The manager is in the
    closure of each function that it decorates: `@timed() def step(): ...`. It forgets
    its arguments when it is entered, and cannot move then."""
    parts = vars(manager)
    if "func" not in parts:
        return NotImplemented
    return type(manager), (parts["func"], parts["args"], parts["kwds"])


def reduce_system_random(source: Any) -> Any:
    """Draws from the system, and has no state."""
    return type(source), ()


def reduce_code(code: CodeType) -> Any:
    return marshal.loads, (marshal.dumps(code),)


def reduce_of_parser(obj: Any) -> Any:
    """Reduces parsers and actions of argparse; NotImplemented for other objects.

    argparse asks whether an attribute of theirs `is` the text SUPPRESS.
    """
    argparse: Any = sys.modules.get("argparse")
    action, container = (getattr(argparse, name, ()) for name in _OF_PARSERS)
    if not isinstance(obj, (action, container)) or not is_plain(type(obj)):
        return NotImplemented
    mark = import_origins.Attribute(("argparse", "SUPPRESS"), argparse.SUPPRESS)
    state = {
        name: mark if value is argparse.SUPPRESS else value
        for name, value in state_of(obj).items()
    }
    return make_instance, (type(obj),), state, None, None, fill_instance


_OF_PARSERS = ("Action", "_ActionsContainer")  # the latter of parsers and groups

_REDUCERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("_struct", "Struct"): reduce_struct,
    ("random", "SystemRandom"): reduce_system_random,
    ("contextlib", "_GeneratorContextManager"): reduce_context_manager,
    ("contextlib", "_AsyncGeneratorContextManager"): reduce_context_manager,
}

MODULES = frozenset(module for module, _ in _REDUCERS)
