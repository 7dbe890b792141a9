"""Requests of a worker to the main interpreter, which the worker's thread enters for
it.

A request is a word and its arguments, separated by spaces. The answer is None, or a
text that says why the request failed. `_core._ask_main` carries both.

Threads: `answer` in the main interpreter, called by a worker; the rest in a worker.
"""

from __future__ import annotations

import sys
import time
from importlib.machinery import ExtensionFileLoader
from types import ModuleType

from .. import _core, _foreign_ext, _global_namespaces
from . import logging as main_logging
from . import output as main_output
from . import processes as main_processes
from . import source_lines
from . import warnings as main_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def answer(request: str) -> str | None:
    word, _, rest = request.partition(" ")
    if word == "admit":
        return _foreign_ext.admit(rest)
    if word == "module":
        return publish_module(rest)
    if word == "hook":
        return _global_namespaces.hook_finding(rest)
    if word == "source":
        return source_lines.from_here(rest)
    if word == "log":
        return main_logging.handle(rest)
    if word == "tracker":
        return main_processes.tracker_descriptor()
    if word in SHOWN:
        SHOWN[word](*rest.split(" "))
        return None
    return publish(*rest.split(" "))


SHOWN: dict[str, Callable[..., None]] = {
    "warn": main_warnings.show,
    "write": main_output.write,
}


def publish(module: str, name: str) -> str | None:
    """Publishes a global that no code mentions: a worker looks it up by name."""
    from .. import _ship

    space = _global_namespaces.find(module)
    if space is None and module in sys.modules:
        space = _global_namespaces.space_of(sys.modules[module].__dict__)
    if space is None or not space.published or name not in space.names:
        return "there is no such name"
    _ship.publish_names([((space.key, name), frozenset())])
    return None


def publish_module(name: str) -> str | None:
    """Publishes all names of a module that workers cannot or must not import."""
    from .. import _ship

    module = sys.modules.get(name)
    if not isinstance(module, ModuleType):
        return None
    wait_for_its_import(name)
    if _global_namespaces.importable(name):
        return None
    # The module's names do not include what C code has set up in one interpreter.
    if isinstance(getattr(module, "__loader__", None), ExtensionFileLoader):
        return None
    space = _global_namespaces.space_of(module.__dict__)
    if not space.published:
        return None
    _ship.publish_names(((space.key, each), frozenset()) for each in public(module))
    return "it comes by value"


def wait_for_its_import(name: str) -> None:
    """Waits while another thread of this interpreter imports the module.

    What it has until then does not tell whether workers can import it, unless it has
    scheduled behaviors or made cowns already: its import may wait for those.
    """
    deadline = time.monotonic() + _foreign_ext.TIMEOUT
    while _global_namespaces.is_undecided(name) and time.monotonic() < deadline:
        time.sleep(0.005)


def public(module: ModuleType) -> list[str]:
    names = [name for name in vars(module) if not name.startswith("__")]
    said = ("__path__", "__file__", "__package__")
    return names + [name for name in said if name in vars(module)]


# ---- in a worker ---------------------------------------------------------------------


def missing_attribute(module: str, name: str) -> Any:
    """An attribute of a module that came by value; it is shipped now if it was not
    before."""
    from .. import _ship

    names = _global_namespaces.receive(module, module, imported=False).names
    if not name.startswith("__"):
        _core._ask_main(f"publish {module} {name}")
        _ship.catch_up()
        if name in names:
            return names[name]
    reason = _ship.explain(name, names)
    text = f"module {module!r} has no attribute {name!r}"
    raise AttributeError(f"{text}; {reason}" if reason else text, name=name)
