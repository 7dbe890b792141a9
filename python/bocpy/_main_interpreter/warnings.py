"""Warnings of workers in the main interpreter.

A worker has the main interpreter's filters. The main interpreter shows the warnings
that they let through: it may record them, or send them to logging.

Threads: `collect` in the main interpreter; `show` there, called by a worker; the rest
in a worker.
"""

from __future__ import annotations

import binascii
import marshal
import sys
import warnings

from .. import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# ---- in the main interpreter ---------------------------------------------------------


def collect() -> bytes:
    """The filters of warnings whose categories workers can import."""
    found = []
    for action, message, category, module, line in list(warnings.filters):
        if not isinstance(category, type):
            continue
        name = (category.__module__, category.__qualname__)
        found.append((action, pattern(message), name, pattern(module), line))
    return marshal.dumps(found, 2)


def pattern(text: Any) -> tuple[str, int] | None:
    """A regular expression as its text and flags; plain text unchanged."""
    if text is None:
        return None
    if isinstance(text, str):
        return text, -1
    return text.pattern, text.flags


def show(encoded: str) -> None:
    """Shows the warning of a worker."""
    from .. import _ship

    parts = _ship.loads(binascii.a2b_base64(encoded))
    shown = warnings.WarningMessage(*parts)
    show_message = getattr(warnings, "_showwarnmsg", None)
    if show_message is not None:
        show_message(shown)
    else:
        warnings.showwarning(*parts)


# ---- in a worker ---------------------------------------------------------------------


def use(now: list[Any]) -> None:
    warnings.showwarning = send
    made = []
    for action, message, (module, name), origin, line in now:
        category = category_of(module, name)
        if category is not None:
            made.append((action, compiled(message), category, compiled(origin), line))
    warnings.resetwarnings()  # also makes warnings that were shown once appear again
    warnings.filters.extend(made)  # type: ignore[attr-defined]


def category_of(module: str, qualname: str) -> Any:
    """The category, if its module is imported here: a filter is no reason to import
    it."""
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def compiled(parts: tuple[str, int] | None) -> Any:
    if parts is None:
        return None
    text, flags = parts
    if flags < 0:
        return text
    import re

    return re.compile(text, flags)


def send(
    message: Any,
    category: Any,
    filename: str,
    lineno: int,
    file: Any = None,
    line: Any = None,
) -> None:
    """Takes the place of `warnings.showwarning`."""
    from .. import _ship

    if file is not None:
        file.write(warnings.formatwarning(message, category, filename, lineno, line))
        return
    try:
        blob = _ship.dumps((message, category, filename, lineno))[0]
    except Exception:  # a user's __reduce__ may raise anything
        plain = (UserWarning(f"{category.__name__}: {message}"), UserWarning)
        blob = _ship.dumps((*plain, filename, lineno))[0]
    _core._ask_main(f"warn {binascii.b2a_base64(blob, newline=False).decode()}")
