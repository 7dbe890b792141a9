"""Which part of a value cannot be shipped.

`explain` pickles the parts one by one, along a path from the root to the smallest part
that cannot be pickled by itself. It runs only after pickling a value has failed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from ._heap_types import is_heap_type
from ._ship.c_pickle import PickleError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["explain"]

_TRIES = 20_000  # pickling attempts at most, for all parts together
_PARTS = 500  # of a value that is nested too deeply, so many are looked at
_REFUSALS = (TypeError, AttributeError, PickleError, NotImplementedError)
_SIMPLE = (type(None), bool, int, float, complex, str, bytes, bytearray)

Dumps = Callable[[object], object]


def explain(value: object, root: str, refusal: Exception, dumps: Dumps) -> Exception:
    """The error to raise instead of `refusal`, which `dumps(value)` raised."""
    if isinstance(refusal, RecursionError):
        error: Exception = RecursionError(
            _set_in_itself(value, root) or f"{root} is nested too deeply to be shipped"
        )
        error.__cause__ = refusal
        return error
    path, part, cause = _Search(dumps).narrow(root, value, refusal)
    if not (isinstance(refusal, _REFUSALS) or _is_made_by_ctypes(part)):
        add_note = getattr(refusal, "add_note", None)  # Python 3.11 and newer have it
        if add_note is not None:
            add_note(f"while shipping {path}")
        return refusal
    error = TypeError(f"{path}: cannot ship {_name(part)}{_reason(part, cause)}")
    error.__cause__ = cause
    return error


def _set_in_itself(value: object, root: str) -> str | None:
    """What to say if a part of the value is a set that contains itself: such a set is
    made of its elements, so these have to be made before it."""
    for path, part in _all_parts(value, root):
        if isinstance(part, set | frozenset) and any(
            inner is part
            for element in list(part)
            for _, inner in _all_parts(element, path)
        ):
            return (
                f"{path}: cannot ship {_name(part)}: it contains itself, and is made "
                "of its elements; keep them in a list, or use backend='threads'"
            )
    return None


def _all_parts(value: object, root: str) -> Iterator[tuple[str, Any]]:
    """The parts at all depths, the value included, but not more than _PARTS."""
    todo = [(root, value)]
    seen = {id(value)}
    for path, part in todo:
        yield path, part
        if type(part) in _SIMPLE or len(todo) >= _PARTS:
            continue
        for step, inner in _parts(part):
            if id(inner) not in seen:
                seen.add(id(inner))
                todo.append((step.format(path), inner))


def reason(value: object, refusal: Exception, dumps: Dumps) -> str:
    """Why a global cannot be shipped, which part of it causes that, and what to do
    about it."""
    kind = type(value)
    whole = hasattr(value, "__code__") or kind.__module__ in ("weakref", "_weakrefset")
    if whole or isinstance(value, type):
        return f"{str(refusal) or type(refusal).__name__}{ADVICE}"
    text = str(explain(value, "it", refusal, dumps)) or type(refusal).__name__
    return text.removeprefix("it: ").replace("it[", "its part [", 1)


class _Search:
    def __init__(self, dumps: Dumps) -> None:
        self.dumps = dumps
        self.tries = _TRIES
        self.seen: set[int] = set()

    def narrow(
        self, path: str, part: object, cause: Exception
    ) -> tuple[str, object, Exception]:
        """The smallest part of `part` that cannot be pickled by itself; `part`
        cannot."""
        while id(part) not in self.seen and not _is_test_case(part):
            self.seen.add(id(part))
            for step, inner in _parts(part):
                found = self.refused(inner)
                if found is not None:
                    path, part, cause = step.format(path), inner, found
                    break
            else:
                break
        return path, part, cause

    def refused(self, part: object) -> Exception | None:
        if type(part) in _SIMPLE or id(part) in self.seen or self.tries == 0:
            return None
        self.tries -= 1
        try:
            self.dumps(part)
        except RecursionError:
            return None
        except Exception as error:
            return error
        return None


def _parts(value: object) -> Iterator[tuple[str, Any]]:
    """The parts of a value, each with the text of the step to it; `{}` stands for the
    path."""
    if isinstance(value, type) or (callable(value) and hasattr(value, "__code__")):
        return
    part: Any = value
    kind = type(value)  # a proxy says that its `__class__` is another one
    if issubclass(kind, dict):
        for key, item in list(dict.items(part)):
            yield f"a key of {{}}, {_brief(key)}", key
            yield f"{{}}[{_brief(key)}]", item
    elif issubclass(kind, (list, tuple)):
        items = list.copy(part) if issubclass(kind, list) else tuple.__add__(part, ())
        for index, item in enumerate(items):
            yield f"{{}}[{index}]", item
    elif issubclass(kind, (set, frozenset)):
        for item in list(part):
            yield "an element of {}", item
    elif issubclass(kind, BaseException):
        for index, item in enumerate(part.args):
            yield f"{{}}.args[{index}]", item
    yield from _attributes(value)


def _attributes(value: object) -> Iterator[tuple[str, Any]]:
    try:
        names = dict(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError, ValueError):
        names = {}
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            try:
                names.setdefault(name, object.__getattribute__(value, name))
            except AttributeError:
                continue
    for name, item in names.items():
        yield f"{{}}.{_escape(str(name))}", item


def _brief(key: object) -> str:
    text = f"<{type(key).__name__}>"
    if type(key) in _SIMPLE:
        text = repr(key)
    return _escape(text if len(text) <= 60 else text[:57] + "...")


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _name(part: object) -> str:
    kind = type(part)
    if kind.__module__ in ("builtins", "__main__"):
        return f"a '{kind.__qualname__}'"
    return f"a '{kind.__module__}.{kind.__qualname__}'"


def _reason(part: object, cause: Exception) -> str:
    """Pickle's message if it says more than the type's name; otherwise advice."""
    if _is_test_case(part):
        return _TEST_CASE
    text = str(cause)
    kind = type(part)
    if _is_made_by_ctypes(part):
        return f": {text}{ADVICE}"
    # PyPy looks for the type by its name, where CPython knows that none exists.
    builtin = kind.__module__ in sys.builtin_module_names
    unsaid = ("cannot pickle", *([f"Can't pickle {kind!r}"] if builtin else ()))
    if text and not text.startswith(unsaid):
        advice = ADVICE if isinstance(cause, NotImplementedError) else ""
        return f": {text}{advice}"
    module = _compiled_module(kind)
    return ADVICE if module is None else _UNTOLD.format(module)


ADVICE = "; keep it in a PinnedCown, or use backend='threads'"
_UNTOLD = (
    ": module {0!r} is compiled and has not told bocpy how its values move; use "
    "start(backend='threads'), keep the value in a pinned cown, or have the module say "
    "it (bocpy.get_include())"
)


def _is_test_case(part: object) -> bool:
    """Whether `part` is a test of unittest, through which all of its run is reached."""
    case = sys.modules.get("unittest.case")
    return case is not None and isinstance(part, case.TestCase)


def _is_made_by_ctypes(part: object) -> bool:
    """Pickling a pointer raises a ValueError, as if the type were right."""
    return any(base.__module__ == "_ctypes" for base in type(part).__mro__)


_TEST_CASE = (
    ": a unittest.TestCase belongs to the run of the tests; have the body return what "
    "the test asserts, use an assert statement in it, or use backend='threads'"
)


def _compiled_module(kind: type) -> str | None:
    """The name of the extension module that made the type, if one did."""
    name = kind.__module__
    if not isinstance(name, str) or name.partition(".")[0] in sys.stdlib_module_names:
        return None
    spec = getattr(sys.modules.get(name), "__spec__", None)
    loader = type(getattr(spec, "loader", None)).__name__
    native = loader == "ExtensionFileLoader" or not is_heap_type(kind)
    return name if native else None
