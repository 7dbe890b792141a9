"""Warnings about changes that a body makes outside of cowns.

On `interpreters` such a change stays in the worker: the program and other bodies do not
see it. `warn` looks through a body's code once, when it is first scheduled, and through
the functions of the program that the body calls. A function may keep a cache that it
both reads and changes. So for called functions, and for variables of enclosing
functions, there is a warning only if nothing reads what was changed.
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from .. import _global_namespaces
from .._code import changes as code_changes
from .._code import names as code_names
from . import change_detection, drawn_objects, import_origins

_WAY_OUT = (
    "is seen in the worker that runs it only. Return the value, or keep it in a cown "
    "or a notice"
)

#: The names of the functions of bocpy that make a function the body of a behavior.
_SCHEDULING = frozenset({"after", "at", "when", "when_each", "whencall"})


def warn(space: _global_namespaces.Space, function: FunctionType) -> None:
    if _global_namespaces.in_worker():
        return
    body = f"behavior {function.__qualname__!r}"
    warn_of_captures(function, body)
    if space.published or is_of_program(function.__globals__):
        assigned = code_names.own_stored_globals(function.__code__)
        warn_of_globals(space, function, body, assigned & space.names.keys())
        warn_of_builtins(function, body)
        warn_of_subclasses(function, body)
        drawn_objects.warn(function, body)
        for called in functions_called(space, function):
            actor = f"function {called.__qualname__!r}, which {body} calls,"
            warn_of_called(called, actor)
            warn_of_subclasses(called, actor)
            drawn_objects.warn(called, actor)


def warn_of_globals(
    space: _global_namespaces.Space,
    function: FunctionType,
    actor: str,
    assigned: frozenset[str],
) -> None:
    for name in assigned:
        change_detection.warn(
            f"{actor} assigns the global {name!r}: the assignment {_WAY_OUT}"
        )
    found = changed_globals(space, function)
    for name in found.keys() - assigned:
        change_detection.warn(
            f"{actor} changes the global {name!r}, {kind_of(found[name])}: the change "
            f"{_WAY_OUT}"
        )


def warn_of_builtins(function: FunctionType, actor: str) -> None:
    for name in code_names.global_names(function.__code__):
        value = vars(builtins).get(name)
        if name not in function.__globals__ and import_origins.is_replaced(value):
            change_detection.warn(
                f"{actor} uses builtins.{name}, which was replaced: workers have "
                "Python's own; use start(backend='threads')"
            )


def warn_of_subclasses(function: FunctionType, actor: str) -> None:
    """Warns of a question to which CPython reports no changes of the answer."""
    if "__subclasses__" in code_names.all_names(function.__code__):
        change_detection.warn(
            f"{actor} asks for __subclasses__: a worker has those subclasses that are "
            "globals when the behavior is first scheduled, or that other values refer "
            "to, and not those that are made later. Keep the classes in a global list "
            "that __init_subclass__ fills"
        )


def warn_of_replaced(
    module: str, name: str, value: object, refusal: str | None
) -> None:
    """Warns of what workers lack of `value`, which replaces a function of a module.

    refusal: why `value` cannot be sent; None if it can.
    """
    if refusal:
        change_detection.warn(
            f"{module}.{name} was replaced, and workers have the module's own: "
            f"{refusal}; use start(backend='threads')"
        )
    elif isinstance(value, FunctionType):
        warn_of_called(value, f"the function that replaces {module}.{name}")


def warn_of_captures(function: FunctionType, actor: str) -> None:
    code = function.__code__
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))
    only_changed = code_changes.only_changed(code) if cells else frozenset()

    def lookup(name: str) -> object:
        if ("LOAD_DEREF", name) not in only_changed:
            return None
        try:
            return cells[name].cell_contents
        except (KeyError, ValueError):
            # a variable of no enclosing function; a variable that is not assigned yet
            return None

    if only_changed:
        for name, value in code_changes.changed(code, "LOAD_DEREF", lookup).items():
            change_detection.warn(
                f"{actor} changes {name!r} of the enclosing function, "
                f"{kind_of(value)}: the change {_WAY_OUT}"
            )


def warn_of_called(called: FunctionType, actor: str) -> None:
    code, names = called.__code__, called.__globals__
    added = code_changes.added_globals(code) & names.keys()
    for name in added:
        change_detection.warn(
            f"{actor} assigns the global {name!r}: the assignment {_WAY_OUT}"
        )
    only_changed = code_changes.only_changed(code)
    changed = code_changes.changed(code, "LOAD_GLOBAL", names.get)
    for name, value in changed.items():
        if ("LOAD_GLOBAL", name) in only_changed and name not in added:
            change_detection.warn(
                f"{actor} changes the global {name!r}, {kind_of(value)}: the change "
                f"{_WAY_OUT}"
            )
    passed = code_changes.changed_by_calls(code, names.get)
    for name in passed.keys() & code_changes.passed_only(code) - changed.keys():
        change_detection.warn(
            f"{actor} passes the global {name!r}, {kind_of(passed[name])}, to a "
            f"function that changes it: the change {_WAY_OUT}"
        )
    for name in code_changes.added_captures(code):
        change_detection.warn(
            f"{actor} assigns {name!r} of the enclosing function: the assignment "
            f"{_WAY_OUT}"
        )
    if code_changes.adds_to_class(code):
        change_detection.warn(f"{actor} changes its class: the change {_WAY_OUT}")
    warn_of_captures(called, actor)


def functions_called(
    space: _global_namespaces.Space, function: FunctionType
) -> Iterator[FunctionType]:
    """The functions of the program that the code of `function` names.

    It names them by themselves or as attributes of modules. The functions that those
    name are included.
    """
    todo = [function]
    seen = {function.__code__}
    while todo:
        for value in functions_named(todo.pop()):
            if value.__code__ in seen:
                continue
            if value.__globals__ is space.names or is_of_program(value.__globals__):
                seen.add(value.__code__)
                todo.append(value)
                yield value


def functions_named(function: FunctionType) -> Iterator[FunctionType]:
    code, names = function.__code__, function.__globals__
    defines_classes = code_names.defines_classes(code)
    for name in code_names.global_names(code):
        value = names.get(name)
        if isinstance(value, FunctionType):
            yield from unwrapped(value)
        elif defines_classes and isinstance(value, type):
            yield from methods_of(value, "__init_subclass__")
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # it has not been assigned yet
            if isinstance(cell.cell_contents, FunctionType):
                yield cell.cell_contents
    for use in code_changes.uses(code):
        if use.load == "LOAD_GLOBAL":
            yield from functions_at(names.get(use.name), use.path, use.method)


def unwrapped(function: object) -> Iterator[FunctionType]:
    """A function and those that it wraps."""
    while isinstance(function, FunctionType):
        yield function
        function = vars(function).get("__wrapped__")


def functions_at(
    at: object, path: tuple[str, ...], last: str | None
) -> Iterator[FunctionType]:
    """What a method call runs: of `last`, of the object at the end of a path of
    attributes."""
    for part in path:
        at = vars(at).get(part) if isinstance(at, ModuleType) else None
    if isinstance(at, ModuleType) and last is not None:
        found = vars(at).get(last)
        # What replaces a function of a library: see warn_of_replaced.
        if isinstance(found, FunctionType) and is_of_program(vars(at)):
            yield found
    elif isinstance(at, type) and last == "__call__":
        yield from methods_of(at, "__init__", "__new__")
        yield from methods_of(type(at), "__call__")
    elif at is not None and last is not None:
        yield from methods_of(at if isinstance(at, type) else type(at), last)


def methods_of(cls: type, *names: str) -> Iterator[FunctionType]:
    """Those methods of a class of the program, and of its bases, that are functions."""
    for name in names:
        found = next(
            (vars(base)[name] for base in cls.__mro__ if name in vars(base)), 0
        )
        function = getattr(found, "__func__", found)
        if isinstance(function, FunctionType):
            yield function


def is_of_program(names: dict[str, object]) -> bool:
    module = names.get("__name__")
    return isinstance(module, str) and _global_namespaces.is_of_program(module)


def changed_globals(
    space: _global_namespaces.Space, function: FunctionType
) -> dict[str, object]:
    lookup, own = space.names.get, function.__code__
    found: dict[str, object] = {}
    nested = () if schedules(own, lookup) else code_names.nested_codes(own)
    for code in (own, *nested):
        found |= code_changes.changed_by_calls(code, lookup)
        found |= code_changes.changed(code, "LOAD_GLOBAL", lookup)
    return found


def schedules(code: CodeType, lookup: Callable[[str], object]) -> bool:
    """Whether a function inside of `code` may be the body of a behavior, which may run
    in the main interpreter."""
    names = code_names.all_names(code)
    return not _SCHEDULING.isdisjoint(names) or any(
        isinstance(value, FunctionType | BuiltinFunctionType)
        and value.__name__ in _SCHEDULING
        for value in map(lookup, names)
    )


def kind_of(value: object) -> str:
    if isinstance(value, type):
        return "a class"
    if isinstance(value, ModuleType):
        return "a module"
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name!r}"
