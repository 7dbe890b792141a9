"""Sending: pickles values, and publishes the globals that they and functions reach.

`dumps` pickles a value first, and notes the names and classes that the value reaches.
It then defines each name whose value is not the one that was published last, which
reaches further names. At the end the definitions go to the log, classes first.

Threads: any; LOCK guards the tables.

Invariants:
1. A class has one token in the whole process, and one class per token and interpreter.
2. What a published name needs in order to be loaded is published before it or with it.
3. Only the interpreter that owns a namespace publishes its names.
"""

from __future__ import annotations

import io
import marshal
import sys
from _weakref import ref
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType

from .. import _core, _explain_unshippable, _global_namespaces
from .._global_namespaces import Space
from .._main_interpreter import change_counter
from .._main_interpreter import state as main_state
from . import (
    class_contents,
    classes,
    cyclic_instances,
    import_origins,
    module_changes,
    published_globals,
    reached_globals,
    registrations,
    sent_modules,
)
from .c_pickle import PickleBuffer
from .change_baselines import note_contents, note_state
from .definition_log import (
    ATTRIBUTE,
    CLASS,
    DELETED,
    FOLLOW,
    LOCK,
    MISSING,
    MODULE,
    ORIGIN,
    REFUSED,
    REGISTRATIONS,
    SHELL,
    VALUE,
    Key,
    forget_token,
    keep_new,
    keep_object,
    keep_token,
    log,
    token_of_class,
    token_of_object,
)
from .module_code import codes_of
from .object_identity import is_shared
from .pickler import Keep, Pickler, Reduced, refuse_bound
from .published_globals import Copy, Entry, entries
from .reached_globals import Reached, definition_followed
from .receive import find_name, find_token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_queue: deque[tuple[Key, frozenset[str]]] = deque()
_records: dict[Key, bytes] = {}
_unfinished: set[str] = set()
_depth = 0


class _Shipper(Pickler):
    """A pickler that collects the names and classes that the value reaches."""

    def __init__(
        self, file: io.BytesIO, root: object = None, buffers: list[Any] | None = None
    ) -> None:
        super().__init__(file, None if buffers is None else buffers.append)
        self.root = root
        self.key: Key | None = None  # the name of the root, if it is a global
        self.defining = buffers is None
        self.deps: set[Key] = set()
        self.reached: list[tuple[Key, frozenset[str]]] = []
        self.named: set[Key] = set()
        self.shared: set[Key] = set()
        self.by_copy: set[Copy] = set()
        self.instances: dict[int, tuple[Space, str]] | None = None

    def function_reference(self, function: FunctionType) -> Reduced | None:
        space = _global_namespaces.space_of(function.__globals__)
        name = function.__name__
        if (
            function is not self.root
            and not space.imported
            and space.names.get(name) is function
        ):
            if space.owned:
                self.reach([(space.key, name)])
                self.named.add((space.key, name))
            return find_name, (space.key, space.name, name)
        self.reach_names(space, function.__code__)
        annotations = getattr(function, "__annotations__", None) or {}
        self.reach_all(reached_globals.annotations_reached(space, annotations.values()))
        return None

    def class_reference(self, cls: type) -> Reduced:
        token = export(cls)
        self.deps.add(("", token))
        return find_token, (token,)

    def instance_reference(self, obj: object) -> Reduced | None:
        if not self.defining or (obj is self.root and self.key is None):
            return None
        self.instances = self.instances or _global_namespaces.instances_published()
        space, name = self.instances.get(id(obj), (None, ""))
        if space is None and obj is not self.root:
            self.by_copy.add(id(obj))
        if space is None or (obj is self.root and (space.key, name) == self.key):
            return None
        return self.global_reference(space, name)

    def origin_reference(self, obj: object) -> Reduced | None:
        reference = super().origin_reference(obj)
        if reference is not None:
            self.note_origin(reference[1][:2])
        return reference

    def note_origin(self, origin: tuple[str, str]) -> None:
        if self.defining and module_changes.is_own(origin[0]):
            _global_namespaces.space_of(vars(sys.modules[origin[0]]))
            self.reach([origin])

    def global_reference(self, space: Space, name: str) -> Reduced:
        self.reach([(space.key, name)])
        self.shared.add((space.key, name))
        return find_name, (space.key, space.name, name)

    def note_copied(self, value: object, key: Key) -> None:
        self.by_copy.add((id(value), key))

    def note_import(self, obj: Any) -> None:
        if self.defining:
            self.reach_all(definition_followed(obj))
        elif module_changes.is_own(obj.__module__):
            note_travelled(obj)

    def token_of(self, obj: object, keep: Keep = keep_object) -> str | None:
        token = token_of_object(obj)
        if token is None and (self.defining or is_shared(obj)):
            return keep_new(obj, keep)
        return token

    def reach(
        self, keys: Iterable[Key], submodules: frozenset[str] = frozenset()
    ) -> None:
        for key in keys:
            self.deps.add(key)
            self.reached.append((key, submodules))

    def reach_names(self, space: Space, code: CodeType) -> None:
        self.reach_all(reached_globals.names_reached(space, code))

    def reach_all(self, reached: Iterable[Reached]) -> None:
        for key, submodules in reached:
            self.reach([key], submodules)

    def attempt(self, obj: object) -> bool:
        shipper = _Shipper(io.BytesIO())
        try:
            shipper.dump(obj)
        except Exception:  # a user's __reduce__ may raise anything
            return False
        return True


def dumps(value: object) -> tuple[bytes, list[PickleBuffer] | None]:
    """Pickles a value for another interpreter, and publishes what it needs there."""
    file = io.BytesIO()
    buffers: list[PickleBuffer] = []
    shipper = _Shipper(file, buffers=buffers)
    shipper.dump(value)
    if any(is_stale(key, submodules) for key, submodules in shipper.reached):
        with exporting():
            _queue.extend(shipper.reached)
    travel(shipper.deps)
    for key in shipper.named:
        refusal = entries[key].refusal
        if refusal is not None:
            raise TypeError(f"cannot ship function {key[1]!r} of {key[0]}: {refusal}")
    return file.getvalue(), buffers or None


# ---- publishing ----------------------------------------------------------------------


@contextmanager
def exporting() -> Generator[None, None, None]:
    """Publishes, when the outermost block ends, what was queued and recorded in it."""
    global _depth
    with LOCK:
        _depth += 1
        try:
            yield
        finally:
            try:
                if _depth == 1:
                    drain()
                    publish_registrations()
            finally:
                _depth -= 1
                if _depth == 0:
                    flush()


def queue_names(names: Iterable[tuple[Key, frozenset[str]]]) -> None:
    """Publishes the changed ones of these names when the `exporting` block ends."""
    _queue.extend(names)


_holding = False
_held: list[Key] = []


@contextmanager
def holding(*, always: bool = False) -> Generator[None, None, None]:
    """In this block, a name is not published again if pending behaviors may read it:
    `take_held` returns the names that were held back.

    always: whether or not behaviors are pending: `refresh` publishes them together with
        what shares objects with them.
    """
    global _holding
    before = _holding
    _holding = always or not _core._is_idle()
    try:
        yield
        drain()
    finally:
        _holding = before
        _held.clear()


def take_held() -> list[Key]:
    held = list(_held)
    _held.clear()
    return held


def drain() -> None:
    while _queue:
        key, submodules = _queue.popleft()
        if not is_stale(key, submodules):
            continue
        entry, space = entries.get(key), _global_namespaces.find(key[0])
        bound = space.names.get(key[1], MISSING) if space is not None else MISSING
        before = entry.value if entry is not None else MISSING
        if _holding and before is not bound and before is not MISSING:
            _held.append(key)
            continue
        publish_name(key, submodules)


def publish_registrations() -> None:
    for registration in registrations.unpublished():
        file = io.BytesIO()
        shipper = _Shipper(file)
        try:
            _core._apart(shipper.dump, registration)
        except Exception:  # a user's __reduce__ may raise anything
            continue
        _queue.extend(shipper.reached)
        drain()
        data = registrations.modules_of(registration), file.getvalue()
        key = REGISTRATIONS, _global_namespaces.new_token()
        record(key, VALUE + marshal.dumps(data))


def publish_names(names: Iterable[Reached]) -> None:
    with exporting():
        queue_names(names)


def flush() -> None:
    """Appends the records to the log: classes first, then the state of modules, whose
    functions values refer to by name, then the names in reverse order, since loading a
    value may call functions that it reaches."""
    published_globals.publish_path()
    if not _global_namespaces.in_worker():
        main_state.look(log()._publish)
    keys = [key for key in _records if not key[0]]
    keys += [key for key in reversed(_records) if key[0]]
    keys.sort(key=lambda key: module_changes.rank_in_log(key, _records[key]))
    for key in keys:
        log()._publish(*key, _records[key])
    _records.clear()
    _queue.clear()
    _unfinished.clear()


def current_definition(key: Key, entry: Entry) -> bytes:
    """What would be published now for a name that is bound to the entry's value."""
    entry = Entry(entry.value)
    space = _global_namespaces.find(key[0])
    if space is not None and space.imported:
        return state_of(key, entry)
    return copy_of(entry.value, entry, key)


def record(key: Key, blob: bytes) -> None:
    _records.pop(key, None)
    _records[key] = blob


def is_stale(key: Key, submodules: frozenset[str]) -> bool:
    """Whether the name `key` has changed since it was published."""
    space = _global_namespaces.find(key[0])
    followed = space and space.imported and module_changes.follows(space.key)
    if space is None or not (space.published or followed):
        return False
    entry = entries.get(key)
    if entry is None:
        return True
    value = space.names.get(key[1], MISSING)
    return entry.value is not value or not submodules <= entry.submodules


def publish_name(key: Key, submodules: frozenset[str]) -> None:
    space = _global_namespaces.find(key[0])
    assert space is not None
    before = entries.get(key)
    value = space.names.get(key[1], MISSING)
    if space.imported:
        publish_state(key, value, before)
        return
    if before is not None:
        submodules |= before.submodules
    entry = entries[key] = Entry(value, submodules)
    if not before:
        announce(space)
    if key[0] == _global_namespaces.MODULES:
        if blob := definition_of_module(key, entry):
            record(key, blob)
    elif value is not MISSING:
        blob = definition_of(value, entry, key)
        record(key, blob)
        note_contents(key, entry, blob)
        published_globals.note_sharer(key, entry)
        if published_globals.renew_others(key, value, before, _records):
            change_counter.changed()  # has all shipments looked at
    elif before is not None and before.value is not MISSING:
        record(key, DELETED)


def definition_of_module(key: Key, entry: Entry) -> bytes:
    """The record of a name in `sys.modules`; b"" if there is nothing to say."""
    blob = sent_modules.definition(key[1], entry.value)
    blob = copy_of(entry.value, entry, key) if blob is None else blob
    note_attributes(key, entry)
    return blob


def note_attributes(key: Key | None, entry: Entry) -> None:
    """Makes a name depend on what code uses of the module that it is bound to."""
    reached = list(reached_globals.attributes_reached(key, entry.value))
    entry.deps |= {each for each, _ in reached}
    _queue.extend(reached)


def publish_state(key: Key, value: object, before: Entry | None) -> None:
    """As `publish_name`, for a name of a module that workers import themselves."""
    entry = entries[key] = Entry(value)
    left = published_globals.names_left(key, value)
    _queue.extend((name, frozenset()) for name in left)
    missing = value is MISSING and before is None  # a worker may have it
    blob = b"" if missing else state_of(key, entry)
    _core._watch_changes(sys.modules[key[0]].__dict__)
    reached = list(reached_globals.name_followed(*key, value))[1:]
    for function, code in codes_of(value):
        reached += reached_globals.names_reached(
            _global_namespaces.space_of(function.__globals__), code
        )
    reached += reached_globals.attributes_reached(key, value)
    entry.deps |= {each for each, _ in reached}
    _queue.extend(reached)
    if blob and not (before is not None and before.blob == blob):
        module_changes.names_published.setdefault(key[0], set()).add(key[1])
        if callable(value) and not _global_namespaces.is_of_program(key[0]):
            travelled.add(key)  # code of libraries that no body names uses it
        record(key, blob)
    elif not blob and before is not None and before.blob:
        record(key, FOLLOW + module_changes.packed(module_changes.AS_IMPORTED, 0))
    note_state(key, entry, blob)


def state_of(key: Key, entry: Entry) -> bytes:
    if key[1] == module_changes.SPEC:
        registrations.look_again(key[0])
        return module_changes.reloads(*key, entry.value)

    def dump(value: object) -> bytes:
        file = io.BytesIO()
        shipper = _Shipper(file)
        shipper.attribute, shipper.copied = (key, entry.value), value is entry.value
        _core._apart(shipper.dump, value)
        entry.deps |= shipper.deps
        _queue.extend(shipper.reached)
        return file.getvalue()

    try:
        blob = module_changes.define(*key, entry.value, dump)
    except Exception as error:  # a user's __reduce__ may raise anything
        entry.refusal = str(error) or type(error).__name__
        return b""
    return FOLLOW + blob if blob else b""


def announce(space: Space) -> None:
    """Publishes `__package__` and the like, once: relative imports need them."""
    for name in ("__file__", "__package__", "__doc__"):
        key, value = (space.key, name), space.names.get(name)
        if key not in entries and isinstance(value, str):
            entry = entries[key] = Entry(value)
            record(key, definition_of(value, entry))


def definition_of(
    value: object, entry: Entry, key: Key | None = None, *, named: bool = True
) -> bytes:
    """The blob of a global; adds what it depends on to `entry` and the queue.

    key: its name. Of two globals that are one instance, one blob refers to the other.
    named: whether a global has the value; otherwise the blob refers to the global
        that has it, if there is one.
    """
    if isinstance(value, ModuleType):
        name = _global_namespaces.module_key(value)
        if name is not None:
            note_attributes(key, entry)
            return MODULE + marshal.dumps((name, sorted(entry.submodules)))
    if not isinstance(value, FunctionType | type):
        origin = import_origins.find_origin(value)
        if origin is not None:
            follow_origin(origin, entry)
            return ORIGIN + marshal.dumps(import_origins.describe(origin, value))
    return copy_of(value, entry, key, named=named)


def copy_of(
    value: object, entry: Entry, key: Key | None = None, *, named: bool = True
) -> bytes:
    file = io.BytesIO()
    shipper = _Shipper(file, root=value if named else None)
    shipper.key = key
    try:
        _core._apart(shipper.dump, value)
        if named and shipper.shared:
            shell = cyclic_instances.parts_of(value, shipper.reducer_override(value))
            if shell is not None:
                return shell_of(shell, entry)
    except Exception as error:  # a user's __reduce__ may raise anything
        entry.refusal = _explain_unshippable.reason(
            value, error, _Shipper(io.BytesIO()).dump
        )
        return REFUSED + entry.refusal.encode("utf-8", "surrogatepass")
    note_reached(entry, shipper)
    return VALUE + file.getvalue()


def shell_of(shell: tuple[object, object], entry: Entry) -> bytes:
    """The blob for an instance that refers to others that are globals."""
    made_of, state = shell
    shipper = _Shipper(file := io.BytesIO())
    _core._apart(shipper.dump, made_of)
    size = file.tell()
    shipper.clear_memo()
    _core._apart(shipper.dump, state)
    note_reached(entry, shipper)
    return SHELL + size.to_bytes(8, "little") + file.getvalue()


def note_reached(entry: Entry, shipper: _Shipper) -> None:
    entry.named = frozenset(shipper.shared | shipper.named)
    entry.deps = frozenset(shipper.deps)
    entry.copied = frozenset(shipper.by_copy)
    _queue.extend(shipper.reached)


def follow_origin(origin: Key, entry: Entry) -> None:
    """Makes a name depend on the module's attribute that it is bound to."""
    entry.origin = origin
    if module_changes.follows(origin[0]):
        _global_namespaces.space_of(vars(sys.modules[origin[0]]))
        entry.deps = frozenset({origin, (origin[0], module_changes.SPEC)})
        _queue.extend((key, frozenset()) for key in entry.deps)


# ---- classes -------------------------------------------------------------------------


def export_class(cls: type) -> str:
    """Publishes a class that no import finds; returns its reference."""
    refuse_bound(cls)
    if _global_namespaces.resolves(cls):
        if module_changes.is_own(cls.__module__):
            note_travelled(cls)
        return f"{cls.__module__}:{cls.__qualname__}"
    if token_of_class(cls) is None:
        origin = import_origins.find_origin(cls)
        if origin is not None:
            return ":".join(origin)
    token = export(cls)
    if "<locals>" not in cls.__qualname__:
        travel({("", token)})
    return token


travelled: set[Key] = set()
"""Classes and functions that shipped values contain, and what has replaced parts of
libraries: a body reaches what they use although its code does not name them."""


def note_travelled(value: Any) -> None:
    travel({key for key, _ in definition_followed(value)})


def travel(keys: Iterable[Key]) -> None:
    may_be_noted = published_globals.may_be_noted
    new = {key for key in keys if key not in travelled and may_be_noted(key)}
    if not new:
        return
    with exporting():
        travelled.update(new)
        queue_names((key, frozenset()) for key in new if key[0])
        # makes the next scheduling look at functions that were described before
        change_counter.changed()


def export(cls: type) -> str:
    """The token of a class, which is published when the outermost `exporting` ends."""
    token = token_of_class(cls)
    if token is not None and token not in _unfinished:
        return token
    with exporting():
        token = token_of_class(cls)
        if token is None:
            token = _global_namespaces.new_token()
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
    shared: set[Key] = set()

    def dump(value: object) -> bytes:
        file = io.BytesIO()
        shipper = _Shipper(file)
        _core._apart(shipper.dump, value)
        deps.update(shipper.deps)
        shared.update(shipper.shared)
        _queue.extend(shipper.reached)
        return file.getvalue()

    def left_out(name: str, reason: str) -> None:
        text = f"{ATTRIBUTE}{cls.__qualname__}.{name}"
        blob = REFUSED + reason.encode("utf-8", "surrogatepass")
        record((cls.__module__, text), blob)

    annotations = classes.annotations_of(cls) or {}
    module = sys.modules.get(cls.__module__)
    if module is not None and annotations:
        space = _global_namespaces.space_of(module.__dict__)
        _queue.extend(reached_globals.annotations_reached(space, annotations.values()))
    definition = classes.define(cls, dump, left_out, lambda: bool(shared))
    record(("", token), CLASS + definition)
    entry.cls = ref(cls)
    class_contents.note(token, entry, definition_of)
    # Plain pickle, in bodies, looks a class up by the name of its module.
    outermost = list(reached_globals.outermost_name(cls))
    _queue.extend(outermost)
    deps.update(key for key, _ in outermost)
    entry.deps = frozenset(deps)
    entries["", token] = entry
