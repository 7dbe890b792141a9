"""How functions, classes and the globals that they reach travel between interpreters.

Functions of importable modules are imported where they run. Functions of `__main__`, and
of modules that no other interpreter could import, go by value, and for every global name
that they reach, directly or through others, a *definition* is published in a log of the
process. Interpreters apply the log before they run what depends on it. The module's file
is never executed a second time.

What a definition does not show: changes inside a global object after it was published
(rebinding the name is seen), and names that are reached through `globals()` or `eval`.
Annotations of functions and function attributes of bodies do not travel. A global that a
behavior assigns changes in the interpreter that ran the behavior, and nowhere else.

Threads: any. `_lock` guards the tables; user code may run under it (`__reduce__` of
globals), which must not wait for another thread that schedules.

Invariants:
1. A class has one token in the whole process, and one class per token and interpreter.
2. What a published name needs in order to be loaded is published no later.
3. Names are published by the interpreter that owns their space only.
"""

from __future__ import annotations

import builtins
import io
import marshal
import pickle
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Protocol
from weakref import ref

from . import _names, _ship_classes, _spaces
from ._body import Body, check_body, normalize
from ._ship_pickle import (
    Pickler,
    Reduced,
    keep_sentinel,
    make_function,
    reduce_function_by_value,
)
from ._spaces import Space, start_worker

__all__ = [
    "MISSING",
    "Body",
    "Shipment",
    "build",
    "catch_up",
    "check_body",
    "describe",
    "dumps",
    "explain",
    "export_class",
    "find_class",
    "loads",
    "normalize",
    "refresh",
    "set_backend",
    "start_worker",
]

Key = tuple[str, str]  # of a space and a name in it; of "" and a class's token


class Backend(Protocol):
    """The process-wide log; `bocpy._core` is one."""

    def _publish(self, module: str, name: str, blob: bytes) -> None: ...

    def _published_since(
        self, version: int
    ) -> tuple[int, list[tuple[str, str, bytes]]]: ...


class Missing:
    """The type of MISSING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
"""Stands in `Shipment.seen` for a name that is not set."""

_VALUE, _MODULE, _CLASS, _DELETED, _REFUSED = b"P", b"M", b"C", b"D", b"X"


class Shipment:
    """A described function.

    blob: what `build` makes a function of, in any interpreter.
    watch: pairs of a globals dict and a name. When `names.get(name, MISSING)` is not the
        object at the same place of `seen`, call `refresh`.
    """

    __slots__ = ("blob", "roots", "seen", "watch")

    def __init__(self, blob: bytes, roots: frozenset[Key]) -> None:
        self.blob = blob
        self.roots = roots
        self.watch: tuple[tuple[dict[str, Any], str], ...] = ()
        self.seen: tuple[object, ...] = ()


class Entry:
    """What was last published under a key."""

    __slots__ = ("deps", "submodules", "value")

    def __init__(self, value: object, submodules: frozenset[str] = frozenset()) -> None:
        self.value = value
        self.submodules = submodules
        self.deps: frozenset[Key] = frozenset()


_lock = RLock()
_backend: Backend | None = None

# Sending.
_entries: dict[Key, Entry] = {}
_queue: deque[tuple[Key, frozenset[str]]] = deque()
_records: list[tuple[str, str, bytes]] = []
_depth = 0

# Classes, of either side.
_tokens: dict[int, tuple[ref[type], str]] = {}
_unfinished: set[str] = set()
_classes: dict[str, ref[type]] = {}
_kept: dict[str, type] = {}
_objects: dict[int, tuple[object, str]] = {}

# Receiving.
_version = 0
_pending: dict[Key, bytes] = {}
_definitions: dict[str, bytes] = {}
_reasons: dict[Key, str] = {}


def set_backend(backend: Backend | None) -> None:
    """Uses another log than that of the extension module (None: that one again)."""
    global _backend
    _backend = backend


def log() -> Backend:
    global _backend
    if _backend is None:
        from . import _core  # type: ignore[attr-defined, unused-ignore]

        _backend = _core
    return _backend  # type: ignore[return-value, unused-ignore]


# ---- values ----------------------------------------------------------------------------


class _Shipper(Pickler):
    """Collects what the pickled value reaches."""

    def __init__(
        self, file: io.BytesIO, root: object = None, buffers: list[Any] | None = None
    ) -> None:
        super().__init__(file, None if buffers is None else buffers.append)
        self.root = root
        self.defining = buffers is None
        self.deps: set[Key] = set()
        self.reached: list[tuple[Key, frozenset[str]]] = []

    def function_reference(self, function: FunctionType) -> Reduced | None:
        space = _spaces.space_of(function.__globals__)
        name = function.__name__
        if (
            function is not self.root
            and not space.imported
            and space.names.get(name) is function
        ):
            if space.owned:
                self.reach([(space.key, name)])
            return find_name, (space.key, space.name, name)
        self.reach_names(space, function.__code__)
        return None

    def class_reference(self, cls: type) -> Reduced:
        token = export(cls)
        self.deps.add(("", token))
        return find_token, (token,)

    def token_of(self, obj: object) -> str | None:
        known = _objects.get(id(obj))
        if known is None and (self.defining or type(obj) is not object):
            known = _objects.setdefault(id(obj), (obj, _spaces.new_token()))
            keep_sentinel(known[1], obj)
        return known[1] if known else None

    def reach(
        self, keys: Iterable[Key], submodules: frozenset[str] = frozenset()
    ) -> None:
        for key in keys:
            self.deps.add(key)
            self.reached.append((key, submodules))

    def reach_names(self, space: Space, code: CodeType) -> None:
        for key, submodules in names_reached(space, code):
            self.reach([key], submodules)


def names_reached(space: Space, code: CodeType) -> Iterator[tuple[Key, frozenset[str]]]:
    """The keys of the globals that `code` reaches, with the submodules it may use."""
    if not space.published:
        return
    for name in _names.global_names(code):
        value = space.names.get(name, MISSING)
        if value is MISSING and hasattr(builtins, name):
            continue
        if isinstance(value, ModuleType):
            yield from module_reached(space, name, value, code)
        else:
            yield (space.key, name), frozenset()


def module_reached(
    space: Space, name: str, module: ModuleType, code: CodeType
) -> Iterator[tuple[Key, frozenset[str]]]:
    import sys

    attributes = _names.all_names(code)
    imported = _spaces.module_key(module)
    if imported is None:
        inner = _spaces.space_of(module.__dict__)
        yield (space.key, name), frozenset()
        for attribute in attributes & module.__dict__.keys():
            yield (inner.key, attribute), frozenset()
        return
    found: set[str] = set()
    packages = [imported]
    while packages:
        package = packages.pop()
        for attribute in attributes:
            submodule = f"{package}.{attribute}"
            if submodule in sys.modules and submodule not in found:
                found.add(submodule)
                packages.append(submodule)
    yield (space.key, name), frozenset(found)


def dumps(value: object) -> tuple[bytes, list[pickle.PickleBuffer] | None]:
    """Pickles a value for another interpreter, and publishes what it needs there."""
    file = io.BytesIO()
    buffers: list[pickle.PickleBuffer] = []
    shipper = _Shipper(file, buffers=buffers)
    shipper.dump(value)
    if any(is_stale(key, submodules) for key, submodules in shipper.reached):
        with exporting():
            _queue.extend(shipper.reached)
    return file.getvalue(), buffers or None


def loads(data: bytes, buffers: Iterable[Any] | None = None) -> Any:
    """The value that `dumps` pickled, perhaps in another interpreter."""
    return pickle.loads(data, buffers=buffers)


# ---- publishing ------------------------------------------------------------------------


@contextmanager
def exporting() -> Iterator[None]:
    """Publishes, at the outermost end, what was queued and recorded inside."""
    global _depth
    with _lock:
        _depth += 1
        try:
            yield
            if _depth == 1:
                drain()
        finally:
            _depth -= 1
            if _depth == 0:
                flush()


def drain() -> None:
    while _queue:
        key, submodules = _queue.popleft()
        if is_stale(key, submodules):
            publish_name(key, submodules)


def flush() -> None:
    """Gives the records to the log: classes first, since names may need them."""
    records = sorted(_records, key=lambda record: record[2][:1] != _CLASS)
    _records.clear()
    _queue.clear()
    for record in records:
        log()._publish(*record)
    _unfinished.clear()


def is_stale(key: Key, submodules: frozenset[str]) -> bool:
    """Whether what was published under `key` is not what is there now."""
    space = _spaces.find(key[0])
    if space is None or not space.published:
        return False
    entry = _entries.get(key)
    if entry is None:
        return True
    value = space.names.get(key[1], MISSING)
    return entry.value is not value or not submodules <= entry.submodules


def publish_name(key: Key, submodules: frozenset[str]) -> None:
    space = _spaces.find(key[0])
    assert space is not None
    before = _entries.get(key)
    value = space.names.get(key[1], MISSING)
    if before is not None:
        submodules |= before.submodules
    entry = _entries[key] = Entry(value, submodules)
    if not before:
        announce(space)
    if value is not MISSING:
        _records.append((*key, definition_of(value, entry)))
    elif before is not None and before.value is not MISSING:
        _records.append((*key, _DELETED))


_ANNOUNCED = ("__file__", "__package__", "__doc__")


def announce(space: Space) -> None:
    """Publishes once what a module says of itself, for relative imports and the like."""
    for name in _ANNOUNCED:
        key = (space.key, name)
        value = space.names.get(name)
        if key not in _entries and isinstance(value, str):
            entry = _entries[key] = Entry(value)
            _records.append((*key, definition_of(value, entry)))


def definition_of(value: object, entry: Entry) -> bytes:
    """The blob for a global; its dependencies go into `entry` and the queue."""
    if isinstance(value, ModuleType):
        name = _spaces.module_key(value)
        if name is not None:
            return _MODULE + marshal.dumps((name, sorted(entry.submodules)))
    file = io.BytesIO()
    shipper = _Shipper(file, root=value)
    try:
        shipper.dump(value)
    except Exception as error:  # whatever a user's __reduce__ raises
        return _REFUSED + str(error).encode("utf-8", "surrogatepass")
    entry.deps = frozenset(shipper.deps)
    _queue.extend(shipper.reached)
    return _VALUE + file.getvalue()


# ---- classes ---------------------------------------------------------------------------


def export_class(cls: type) -> str:
    """Publishes a class that is not found by import; returns its reference."""
    if _spaces.resolves(cls):
        return f"{cls.__module__}:{cls.__qualname__}"
    return export(cls)


def find_class(reference: str) -> type:
    """The class of a reference that `export_class` returned in any interpreter."""
    module, colon, qualname = reference.partition(":")
    if not colon:
        return find_token(reference)
    found: Any = _spaces.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def token_of_class(cls: type) -> str | None:
    known = _tokens.get(id(cls))
    return known[1] if known is not None and known[0]() is cls else None


def keep_token(cls: type, token: str) -> None:
    address = id(cls)
    _tokens[address] = (ref(cls, lambda _: forget_token(address, token)), token)
    _classes[token] = ref(cls)


def forget_token(address: int, token: str) -> None:
    known = _tokens.get(address)
    if known is not None and known[1] == token:
        del _tokens[address]
    _classes.pop(token, None)


def export(cls: type) -> str:
    """The token of a class, which is published when this returns to its outermost
    caller."""
    token = token_of_class(cls)
    if token is not None and token not in _unfinished:
        return token
    with exporting():
        token = token_of_class(cls)
        if token is None:
            token = _spaces.new_token()
            keep_token(cls, token)
            _unfinished.add(token)
            try:
                define_class(cls, token)
            except BaseException:
                forget_token(id(cls), token)
                raise
    return token


def define_class(cls: type, token: str) -> None:
    entry = Entry(None)
    deps: set[Key] = set()

    def dump(value: object) -> bytes:
        file = io.BytesIO()
        shipper = _Shipper(file)
        shipper.dump(value)
        deps.update(shipper.deps)
        _queue.extend(shipper.reached)
        return file.getvalue()

    def left_out(name: str, reason: str) -> None:
        text = f"{_REFUSED_CLASS}{cls.__qualname__}.{name}"
        _records.append((cls.__module__, text, _REFUSED + reason.encode()))

    definition = _ship_classes.define(cls, dump, left_out)
    _records.append(("", token, _CLASS + definition))
    # Plain pickle, in bodies, looks a class up by the name of its module.
    deps.update(outermost_name(cls))
    entry.deps = frozenset(deps)
    _entries["", token] = entry


_REFUSED_CLASS = "class "


def outermost_name(cls: type) -> Iterator[Key]:
    import sys

    module = sys.modules.get(cls.__module__)
    name = cls.__qualname__.partition(".")[0]
    if module is not None and isinstance(module.__dict__.get(name), type):
        space = _spaces.space_of(module.__dict__)
        if space.published:
            _queue.append(((space.key, name), frozenset()))
            yield space.key, name


# ---- functions of behaviors ------------------------------------------------------------


def describe(function: FunctionType) -> Shipment:
    """Describes the body of a behavior, once per code object, where it is scheduled.

    Everything that it reaches is published when this returns. Defaults, keyword-only
    defaults and the contents of the closure are captures and not part of it.
    """
    code = function.__code__
    space = _spaces.space_of(function.__globals__)
    reached = list(names_reached(space, code))
    names = (function.__name__, function.__qualname__)
    blob = (space.key, space.name, space.imported, *names, marshal.dumps(code))
    shipment = Shipment(marshal.dumps(blob), frozenset(key for key, _ in reached))
    with exporting():
        _queue.extend(reached)
        # Whatever else was published may have changed too, or exist by now.
        _queue.extend((key, entry.submodules) for key, entry in _entries.items())
    update_watch(shipment)
    return shipment


def refresh(shipment: Shipment) -> None:
    """Publishes again what a shipment reaches and what is bound differently by now."""
    with exporting():
        _queue.extend((key, frozenset()) for key in closure(shipment.roots))
    update_watch(shipment)


def closure(roots: Iterable[Key]) -> list[Key]:
    """All keys that are reached from `roots`."""
    found = dict.fromkeys(roots)
    todo = list(found)
    while todo:
        entry = _entries.get(todo.pop())
        for key in entry.deps if entry else ():
            if key not in found:
                found[key] = None
                todo.append(key)
    return list(found)


def update_watch(shipment: Shipment) -> None:
    watch: list[tuple[dict[str, Any], str]] = []
    seen: list[object] = []
    with _lock:
        for key in closure(shipment.roots):
            space, entry = _spaces.find(key[0]), _entries.get(key)
            if space is not None and entry is not None:
                watch.append((space.names, key[1]))
                seen.append(entry.value)
    shipment.watch, shipment.seen = tuple(watch), tuple(seen)


def build(blob: bytes) -> FunctionType:
    """The function of a shipment, in the interpreter that calls this.

    Its closure's cells are empty, and it has no defaults. ImportError if it belongs to a
    module that cannot be imported here.
    """
    catch_up()
    key, space_name, imported, name, qualname, code = marshal.loads(blob)
    count = len(marshal.loads(code).co_freevars)
    cells = tuple(CellType() for _ in range(count))
    function = make_function(code, key, space_name, imported, cells)
    function.__name__, function.__qualname__ = name, qualname
    return function


# ---- receiving -------------------------------------------------------------------------


def catch_up() -> None:
    """Applies what was published since the last call. Cheap if that is nothing."""
    global _version
    version, news = log()._published_since(_version)
    if version == _version and not _pending:
        return
    with _lock:
        if version > _version:
            _version = version
            for module, name, blob in news:
                take_in(module, name, blob)
        # A nested call, from what an entry imports, goes on where this one is.
        while _pending:
            key = next(iter(_pending))
            apply(key, _pending.pop(key))


def take_in(module: str, name: str, blob: bytes) -> None:
    if module == "":
        _definitions[name] = blob[1:]
        return
    space = _spaces.find(module)
    if space is None or not space.owned:
        _pending[module, name] = blob


def apply(key: Key, blob: bytes) -> None:
    """Sets a global to what was published, or records why it cannot be."""
    module, name = key
    if name.startswith(_REFUSED_CLASS):
        _reasons[module, name.removeprefix(_REFUSED_CLASS)] = blob[1:].decode(
            "utf-8", "replace"
        )
        return
    names = _spaces.receive(module, module.partition("#")[0], imported=False).names
    try:
        if blob[:1] == _REFUSED:
            raise TypeError(blob[1:].decode("utf-8", "surrogatepass"))
        value = MISSING if blob == _DELETED else load_definition(blob)
    except Exception as error:  # unpickling runs arbitrary code
        names.pop(name, None)
        _reasons[key] = str(error) or type(error).__name__
        return
    _reasons.pop(key, None)
    if value is MISSING:
        names.pop(name, None)
    else:
        names[name] = value


def load_definition(blob: bytes) -> Any:
    if blob[:1] == _VALUE:
        return loads(blob[1:])
    name, submodules = marshal.loads(blob[1:])
    module = _spaces.import_module(name)
    for submodule in submodules:
        _spaces.import_module(submodule)
    return module


def find_name(module: str, space_name: str, name: str) -> Any:
    """A global of a space; loaded now, if it is among what is to be applied."""
    key = (module, name)
    names = _spaces.receive(module, space_name, imported=False).names
    if key not in _pending and name not in names:
        catch_up()
    blob = _pending.pop(key, None)
    if blob is not None:
        apply(key, blob)
    if name not in names:
        raise NameError(explain(name, module) or f"global {name!r} of {module} is gone")
    return names[name]


def find_token(token: str) -> type:
    """The class of a token, built now if this interpreter has not met it."""
    present = present_class(token)
    if present is not None:
        return present
    with _lock:
        if token not in _definitions:
            catch_up()
        definition = _definitions.get(token)
        if definition is None:
            raise TypeError("a class was sent that was never published")

        def known(cls: type | None) -> type | None:
            if cls is None:
                return present_class(token)
            keep_token(cls, token)
            _kept[token] = cls
            return cls

        present = present_class(token)
        return present or build_class(definition, token, known)


def build_class(definition: bytes, token: str, known: Any) -> type:
    try:
        return _ship_classes.build(definition, loads, known)
    except BaseException:
        cls = _kept.pop(token, None)
        if cls is not None:
            forget_token(id(cls), token)
        raise


def present_class(token: str) -> type | None:
    found = _classes.get(token)
    return found() if found is not None else None


def explain(name: str, module: str = "__main__") -> str | None:
    """Why a global of `module`, or `Class.attribute`, is missing here, if that is known."""
    reason = _reasons.get((module, name))
    if reason is None:
        return None
    kind = "attribute" if "." in name else "global"
    return f"{kind} {name!r} of {module} could not be shipped to this interpreter: {reason}"
