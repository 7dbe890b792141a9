"""Receiving: applies the log's definitions to the namespaces of this interpreter.

The modules for one kind of record are imported when the first of that kind arrives: a
worker that starts needs none of them.

A class is built when something first refers to it. A name is set when the log is
applied; if that fails it stays unset, and `explain` tells why.

Threads: any; LOCK guards the tables.
"""

from __future__ import annotations

import marshal
import os
import sys

from .. import _global_namespaces
from .._global_namespaces import MODULES
from .._main_interpreter import state as main_state
from .definition_log import (
    ATTRIBUTE,
    CLASS_ATTRIBUTES,
    CONTEXT,
    DELETED,
    FOLLOW,
    LOCK,
    MISSING,
    ORIGIN,
    PATH,
    REFUSED,
    REGISTRATIONS,
    SHELL,
    VALUE,
    Key,
    forget_built,
    is_built,
    keep_class,
    log,
    present_class,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

_version = 0
_pending: dict[Key, bytes] = {}
_definitions: dict[str, bytes] = {}
_reasons: dict[Key, str] = {}

#: The globals whose values are being made, and what has to wait until they are: the
#: attributes of a class that refer to an instance of it, and other globals.
_in_progress: set[Key] = set()
_waiting: dict[Key, list[Callable[[], None]]] = {}
#: The globals that wait, each with the one that it waits for, and their blobs.
_postponed: dict[Key, tuple[Key, bytes]] = {}


class InProgress(NameError):
    """A definition needs a global whose value is being made."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"the value of global {key[1]!r} refers to itself")
        self.key = key


def loads(data: bytes, buffers: Iterable[Any] | None = None) -> Any:
    """The value that `dumps` pickled, perhaps in another interpreter."""
    from . import c_pickle

    return c_pickle.loads(data, buffers=buffers)


def catch_up() -> None:
    """Applies what was published since the last call. Cheap if there is nothing new."""
    global _version
    version, _ = log()._published_since(_version)
    if version == _version and not _pending:
        return
    with LOCK:
        _version, news = log()._published_since(_version)
        for module, name, blob in news:
            take_in(module, name, blob)
        settle()


def settle() -> None:
    """Applies what is pending. Failed records are tried again as long as others
    succeed.

    A definition may run code that calls `settle` again: that call continues with the
    records that this one has not applied yet.
    """
    failed: dict[Key, bytes] = {}
    progress = True
    while progress:
        progress = False
        _pending.update(failed)
        failed.clear()
        while _pending:
            key = next(iter(_pending))
            blob = _pending.pop(key)
            if apply(key, blob):
                progress = True
            else:
                failed[key] = blob
        progress = progress and bool(failed)


def set_path(path: list[str]) -> None:
    """Gives the worker the program's path. The folders of the standard library stay:
    the program has imported what it needs of them, the worker has not."""
    home = os.path.dirname(os.__file__)
    folders = (home, f"{home}/lib-dynload", os.path.join(sys.base_prefix, "DLLs"))
    kept = [each for each in sys.path if each in folders and each not in path]
    sys.path[:] = [*path, *kept]


def take_in(module: str, name: str, blob: bytes) -> None:
    if module == "" and name == PATH:
        if _global_namespaces.in_worker():
            set_path(marshal.loads(blob))
        return
    if module == main_state.KEY:
        if _global_namespaces.in_worker():
            main_state.apply(name, blob)
        return
    if module == "":
        _definitions[name] = blob[1:]
        return
    if module == REGISTRATIONS and _global_namespaces.is_own_token(name):
        return
    space = _global_namespaces.find(module)
    if blob[:1] == FOLLOW:
        if _global_namespaces.in_worker():
            _pending[module, name] = blob
    elif space is None or not space.owned:
        _pending[module, name] = blob


def apply(key: Key, blob: bytes) -> bool:
    """Sets a global to what was published, or records why that is impossible.

    Returns False if another attempt, after other records, might succeed.
    """
    module, name = key
    if module == REGISTRATIONS:
        return apply_registration(blob)
    if module == CLASS_ATTRIBUTES:
        once_made(lambda: apply_attribute(name, blob))
        return True
    if blob[:1] == FOLLOW:
        from . import module_changes

        module_changes.take_in(module, name, blob[1:])
        return True
    if blob[:1] == REFUSED:
        refuse(key, blob[1:].decode("utf-8", "surrogatepass"))
        return True
    _in_progress.add(key)
    try:
        set_name(key, blob)
    except InProgress as error:
        names_of(module).pop(name, None)
        _postponed[key] = error.key, blob
        _waiting.setdefault(error.key, []).append(lambda: apply_postponed(key))
        return True
    except Exception as error:  # unpickling may run arbitrary code
        refuse(key, failed_to_load(error))
        return isinstance(error, ImportError)
    finally:
        _in_progress.discard(key)
        if key not in _postponed:
            for step in _waiting.pop(key, ()):
                step()
    return True


def set_name(key: Key, blob: bytes) -> None:
    module, name = key
    names = names_of(module)
    if module == MODULES:
        set_module(name, blob)
    elif blob == DELETED:
        names.pop(name, None)
    elif blob[:1] == SHELL:
        load_instance(names, name, blob)
    else:
        names[name] = load_definition(blob)
    _reasons.pop(key, None)


def set_module(name: str, blob: bytes) -> None:
    from . import sent_modules

    if blob == DELETED:
        sent_modules.remove(name)
        return
    sent_modules.put_back(name)
    sys.modules[name] = load_definition(blob)


def apply_postponed(key: Key) -> None:
    postponed = _postponed.pop(key, None)
    if postponed is not None:
        apply(key, postponed[1])


def once_made(step: Callable[[], None]) -> None:
    """Does the step, now or once the global that it needs has been made."""
    try:
        step()
    except InProgress as error:
        _waiting.setdefault(error.key, []).append(lambda: once_made(step))


def load_instance(names: dict[str, Any], name: str, blob: bytes) -> None:
    """An instance whose state may refer to it by its name."""
    names.pop(name, None)  # which its class must not find
    end = 9 + int.from_bytes(blob[1:9], "little")
    from . import cyclic_instances

    value = names[name] = cyclic_instances.make(loads(blob[9:end]))
    cyclic_instances.restore(value, loads(blob[end:]))


_updates: dict[str, dict[str, bytes]] = {}  # by the token of a class


def apply_attribute(name: str, blob: bytes) -> None:
    """Applies a changed attribute to the class of a token, now or when it is built
    here."""
    token, _, attribute = name.partition(" ")
    _updates.setdefault(token, {})[attribute] = blob
    if is_built(token):
        cls = present_class(token)
        if cls is not None:
            set_attribute(cls, attribute, blob)


def set_attribute(cls: type, name: str, blob: bytes) -> None:
    if blob == DELETED:
        if name in cls.__dict__:
            type.__delattr__(cls, name)
        return
    if blob[:1] == REFUSED:
        reason = blob[1:].decode("utf-8", "surrogatepass")
        _reasons[cls.__module__, f"{cls.__qualname__}.{name}"] = reason
        return
    type.__setattr__(cls, name, load_definition(blob))


# ---- what goes along with a call -----------------------------------------------------

# a namespace, a class or a function that undoes; a name, and its previous value
Undo: TypeAlias = "list[tuple[Any, str, Any]]"


def enter(snapshot: tuple[Any, ...]) -> Undo:
    """Sets, for one body, the globals whose values differ from the log; `leave` undoes
    it.

    A value that refers to another global of the snapshot finds that one: `find_name`
    applies what is pending.
    """
    undo: Undo = []
    later: list[tuple[str, str, Any]] = []
    with LOCK:
        for i in range(0, len(snapshot), 4):
            module, name, plain, value = snapshot[i : i + 4]
            if module in (CONTEXT, CLASS_ATTRIBUTES) or is_state(plain, value):
                later.append((module, name, value))
                continue
            names = names_of(module)
            undo.append((names, name, names.get(name, MISSING)))
            if plain:
                names[name] = value
            else:
                _pending[module, name] = value
                later.append((module, name, None))
        # values may refer by name to what the state of a module replaces
        later.sort(key=lambda item: rank(item[2]))
        for module, name, value in later:
            enter_later(module, name, value, undo)
    return undo


def rank(value: Any) -> int:
    if not value or value[:1] != FOLLOW:
        return 2
    from . import module_changes

    return module_changes.rank(value[1:])


def is_state(plain: bool, value: Any) -> bool:
    return not plain and value[:1] == FOLLOW


def enter_later(module: str, name: str, value: Any, undo: Undo) -> None:
    if value is None:
        blob = _pending.pop((module, name), None)
        if blob is not None:
            apply((module, name), blob)
    elif module == CONTEXT:
        from .. import _context

        _context.take(value)
    elif module == CLASS_ATTRIBUTES:
        token, _, name = name.partition(" ")
        cls = find_token(token)
        undo.append((cls, name, cls.__dict__.get(name, MISSING)))
        set_attribute(cls, name, value)
    else:
        from . import module_changes

        undo_state = module_changes.enter(module, name, value[1:])
        if undo_state is not None:
            undo.append((undo_state, name, None))


def leave(undo: Undo) -> None:
    for where, name, value in reversed(undo):
        if isinstance(where, type):
            if value is not MISSING:
                type.__setattr__(where, name, value)
            elif name in where.__dict__:
                type.__delattr__(where, name)
        elif not isinstance(where, dict):
            where()
        elif value is not MISSING:
            where[name] = value
        else:
            where.pop(name, None)


def apply_registration(blob: bytes) -> bool:
    from . import registrations

    modules, data = marshal.loads(blob[1:])
    try:
        registrations.once_imported(modules, lambda: register(data))
    except ImportError:
        return False
    return True


def register(data: bytes) -> None:
    from . import registrations

    try:
        registrations.register(loads(data))
    except ImportError:
        raise
    except Exception:
        # a user's hook may raise anything; what it names is refused elsewhere
        return


def failed_to_load(error: Exception) -> str:
    """Why a value that was pickled could not be unpickled here, and what to do about
    it."""
    if isinstance(error, ImportError | TypeError):
        # raised by this package, with advice in the message
        return str(error) or type(error).__name__
    from .. import _explain_unshippable

    raised = f"unpickling it raised {type(error).__name__}: {error}"
    return raised + _explain_unshippable.ADVICE


def refuse(key: Key, reason: str) -> None:
    module, name = key
    if not name.startswith(ATTRIBUTE):
        names_of(module).pop(name, None)
    _reasons[module, name.removeprefix(ATTRIBUTE)] = reason


def names_of(module: str) -> dict[str, Any]:
    return _global_namespaces.receive(
        module, module.partition("#")[0], imported=False
    ).names


def load_definition(blob: bytes) -> Any:
    if blob[:1] == VALUE:
        return loads(blob[1:])
    if blob[:1] == ORIGIN:
        from . import import_origins

        return import_origins.fetch(*marshal.loads(blob[1:]))
    name, submodules = marshal.loads(blob[1:])
    module = _global_namespaces.import_module(name)
    for submodule in submodules:
        _global_namespaces.import_module(submodule)
    return module


def find_name(module: str, space_name: str, name: str) -> Any:
    """A global of a namespace; loads it now if its record is pending."""
    key = (module, name)
    names = _global_namespaces.receive(module, space_name, imported=False).names
    if key not in _pending and name not in names:
        catch_up()
    blob = _pending.pop(key, None)
    if blob is not None:
        apply(key, blob)
    elif key in _postponed and has_a_name(_postponed[key][0]):
        apply_postponed(key)
    if name not in names:
        if key in _in_progress:
            raise InProgress(key)
        if key in _postponed:
            raise InProgress(_postponed[key][0])
        reason = reason_for(f"global {name!r}", module, name)
        raise NameError(reason or f"global {name!r} of {module} is gone")
    return names[name]


def has_a_name(key: Key) -> bool:
    """Whether an instance has been made, although perhaps without its state yet."""
    return key[1] in names_of(key[0])


def find_token(token: str) -> type:
    """The class of a token; builds it if this interpreter has not met it."""
    present = present_class(token)
    if present is not None:
        return present
    with LOCK:
        if token not in _definitions:
            catch_up()
        definition = _definitions.get(token)
        if definition is None:
            raise TypeError("a class was sent that was never published")

        return present_class(token) or build_class(definition, token)


def build_class(definition: bytes, token: str) -> type:
    from . import classes

    def known(cls: type | None) -> type | None:
        if cls is not None:
            keep_class(cls, token)
        return present_class(token)

    def later(cls: type, values: bytes) -> None:
        once_made(lambda: fill_values(cls, values))

    try:
        cls = classes.build(definition, loads, known, later)
        for name, blob in _updates.get(token, {}).items():
            once_made(attribute_setter(cls, name, blob))
        return cls
    except BaseException:
        forget_built(token)
        raise


def attribute_setter(cls: type, name: str, blob: bytes) -> Callable[[], None]:
    return lambda: set_attribute(cls, name, blob)


def fill_values(cls: type, values: bytes) -> None:
    from . import classes

    try:
        classes.fill(cls, loads(values))
    except InProgress:
        raise
    except Exception as error:  # unpickling may run arbitrary code
        _reasons[cls.__module__, f"{cls.__qualname__}.*"] = failed_to_load(error)


def find_class(reference: str) -> type:
    """The class of a reference that `export_class` returned in any interpreter."""
    module, colon, qualname = reference.partition(":")
    if not colon:
        return find_token(reference)
    found: Any = _global_namespaces.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def explain(name: str, names: dict[str, Any]) -> str | None:
    """Why a global is missing in a namespace of this interpreter, if that is known."""
    space = _global_namespaces.seen(names)
    if space is None:
        return None
    return reason_for(f"global {name!r}", space.key, name)


def explain_attribute(cls: type, name: str) -> str | None:
    """Why an attribute of a class is missing here, if that is known."""
    what = f"{cls.__qualname__}.{name}"
    text = f"attribute {what!r}"
    return reason_for(text, cls.__module__, what) or reason_for(
        text, cls.__module__, f"{cls.__qualname__}.*"
    )


def reason_for(what: str, module: str, name: str) -> str | None:
    reason = _reasons.get((module, name))
    if reason is None:
        return None
    where = module.partition("#")[0]
    return f"{what} of {where} could not be shipped to this interpreter: {reason}"
