"""Which variables a code object changes in place, as far as its instructions show.

These count: `name.append(...)`, `name[key] = ...`, `name[key] += ...`, `name.attribute
= ...`, `heapq.heappush(name, ...)` and the like, the call of a method of the program
that does one of these to its object, and the same for a part of the variable,
`name.part[key].append(...)`, and for a local variable that has been assigned one of
these; and that an object is called, entered by `with`, or passed to a function of the
program, where one of these is done. A method of a class that is not of the program
counts only if it adds to an attribute of its object, as that of a progress bar does: an
attribute that it assigns may be a cache. Other changes are not seen.

The names of instructions are those of CPython 3.12 and newer: older ones have no
workers with interpreters of their own.

Threads: any. What depends on the code object alone is cached with it.
"""

from __future__ import annotations

from _thread import _local
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType

from .. import _global_namespaces
from .names import all_names, kept_with_code, nested_codes
from .uses import Passed, Use, look_through

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

_CHANGING = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "extendleft"),
        *("insert", "pop", "popitem", "popleft", "remove", "reverse", "rotate"),
        *("setdefault", "sort", "subtract", "update", "__setitem__"),
        *("write", "writelines", "truncate"),  # of buffers
        *("set", "add_section", "remove_section", "remove_option"),  # of other data
        *("read_dict", "read_string", "add_header", "replace_header", "set_content"),
    }
)
#: Those that add to what was there.
_ADDING = frozenset({"add", "append", "appendleft", "extend", "extendleft", "insert"})
#: Classes of the library whose instances are data, besides those with a C base below.
_DATA = frozenset(
    {
        *("_io.BytesIO", "_io.StringIO", "collections.ChainMap"),
        *("_io.TextIOWrapper", "_io.BufferedWriter", "_io.BufferedRandom"),
        *("_io.FileIO", "threading.Event"),
        *("collections.UserDict", "collections.UserList", "ctypes.Array"),
        *("configparser.RawConfigParser", "email.message.Message"),
        *("xml.etree.ElementTree.Element", "xml.etree.ElementTree.ElementTree"),
    }
)
#: Those whose attributes are the data.
_NAMESPACES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})
_CONTAINERS = (list, dict, set, bytearray, deque)

_IDLE = frozenset({"CACHE", "NOP", "PUSH_NULL", "EXTENDED_ARG"})

Step: TypeAlias = "tuple[str, Any]"


@kept_with_code
def added_globals(code: CodeType) -> frozenset[str]:
    """The globals that `code` assigns by `+=` and the like."""
    steps = list(_steps(code))
    return frozenset(
        name
        for before, (opname, name) in pairwise(steps)
        if opname == "STORE_GLOBAL" and before == ("BINARY_OP", "+=")
    )


@kept_with_code
def added_captures(code: CodeType) -> frozenset[str]:
    """The variables of enclosing functions that `code` assigns by `+=` and the like."""
    steps = list(_steps(code))
    return frozenset(
        name
        for before, (opname, name) in pairwise(steps)
        if opname == "STORE_DEREF"
        and before == ("BINARY_OP", "+=")
        and name in code.co_freevars
    )


@kept_with_code
def only_changed(code: CodeType) -> frozenset[tuple[str, str]]:
    """The variables, as (instruction, name), of which every use in `code` may be a
    change."""
    inner = {name for each in nested_codes(code) for name in all_names(each)}
    for each in nested_codes(code):
        inner.update(each.co_freevars)
    found = look_through(code)
    return frozenset(
        (use.load, use.name)
        for use in found.uses
        if (use.load, use.name) not in found.others and use.name not in inner
    )


def _steps(code: CodeType) -> Iterator[Step]:
    """The instructions, under one name where versions of Python have several."""
    import dis

    for each in dis.get_instructions(code):
        opname, value = each.opname, each.argval
        if opname in _IDLE:
            continue
        if opname == "STORE_FAST_LOAD_FAST":
            yield from (("STORE_FAST", value[0]), ("LOAD_FAST", value[1]))
        elif opname.startswith("LOAD_FAST"):
            names = value if isinstance(value, tuple) else (value,)
            yield from (("LOAD_FAST", name) for name in names)
        elif opname == "BINARY_OP" and each.argrepr.endswith("="):
            yield "BINARY_OP", "+="
        else:
            yield opname, value


def uses(code: CodeType) -> tuple[Use, ...]:
    return look_through(code).uses


def changed(
    code: CodeType, load: str, lookup: Callable[[str], object]
) -> dict[str, object]:
    """The variables that `code` changes in place, with their values.

    load: the name of the instruction that loads the variables in question. lookup:
    returns the value of a variable.
    """
    found: dict[str, object] = {}
    for use in uses(code):
        if use.load == load and use.name not in found:
            value = lookup(use.name)
            if _does_change(value, use):
                found[use.name] = value
    return found


def changed_by_calls(
    code: CodeType, lookup: Callable[[str], object]
) -> dict[str, object]:
    """The globals that `code` passes to functions of the program which change their
    arguments, with their values."""
    found: dict[str, object] = {}
    for each in look_through(code).passed:
        name = each.argument.name
        if each.argument.load == "LOAD_GLOBAL" and name not in found:
            value = lookup(name)
            if _is_changed_by(each, value, each.argument.path, lookup, _DEEP):
                found[name] = value
    return found


def passed_only(code: CodeType) -> frozenset[str]:
    """The globals of which every use in `code` is one as an argument."""
    found = look_through(code)
    names = {each.argument.name for each in found.passed}
    other = {name for load, name in found.unknown if load == "LOAD_GLOBAL"}
    other.update(use.name for use in found.uses if use.load == "LOAD_GLOBAL")
    return frozenset(names - other)


#: How many calls an object is followed through.
_DEEP = 4


def _is_changed_by(
    passed: Passed,
    value: object,
    path: tuple[str, ...],
    lookup: Callable[[str], object],
    deep: int,
) -> bool:
    """Whether a call changes an object that is passed to it, or what a path leads to
    from there."""
    target = passed.function
    if target.load != "LOAD_GLOBAL" or not deep:
        return False
    function = lookup(target.name)
    for part in target.path:
        function = vars(function).get(part) if isinstance(function, ModuleType) else 0
    return _changes_argument(function, passed.position, value, path, deep - 1)


def _changes_argument(
    function: object,
    position: int | str,
    value: object,
    path: tuple[str, ...],
    deep: int,
) -> bool:
    if not isinstance(function, FunctionType) or not _is_of_program(function):
        return False
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if isinstance(position, int):
        names = names[: code.co_argcount][position : position + 1]
    elif position in names:
        names = (position,)
    else:
        return False
    if not names:
        return False
    own = ("LOAD_FAST", names[0])
    lookup = function.__globals__.get
    return any(
        (use.load, use.name) == own
        and _does_change(value, use._replace(path=(*path, *use.path)))
        for use in uses(code)
    ) or any(
        (each.argument.load, each.argument.name) == own
        and _is_changed_by(each, value, (*path, *each.argument.path), lookup, deep)
        for each in look_through(code).passed
    )


def _does_change(value: object, use: Use) -> bool:
    for part in use.path:
        if is_container(value):
            return use.method is None or use.method in _CHANGING
        if part == "__dict__" and _is_of_program(value):
            return use.method is None or use.method in _CHANGING
        if not _is_of_program(value):
            return False
        attributes = getattr(value, "__dict__", {})
        if part not in attributes:
            return False
        value = attributes[part]
    if is_container(value) and (use.method is None or use.method in _CHANGING):
        return True
    if use.method == "__call__" and not _is_of_program(value):
        return _call_changes(value)
    if _is_of_program(value):
        return use.method is None or _method_changes(value, use.method)
    return use.method is not None and _method_adds(value, use.method)


def _call_changes(value: object) -> bool:
    """Whether a call of a bound method, or of a partial function, changes what it is
    bound to."""
    if isinstance(value, BuiltinMethodType):
        return is_container(value.__self__) and value.__name__ in _CHANGING
    if isinstance(value, MethodType):
        return _is_of_program(value.__self__) and _method_changes(
            value.__self__, value.__name__
        )
    if isinstance(value, partial):
        given: list[tuple[int | str, object]] = [*enumerate(value.args)]
        given += value.keywords.items()
        return _call_changes(value.func) or any(
            _changes_argument(value.func, position, part, (), _DEEP)
            for position, part in given
        )
    return False


def is_container(value: object) -> bool:
    if isinstance(value, _CONTAINERS) or type(value).__module__ == "array":
        return True
    return not _DATA.isdisjoint(map(_full_name, type(value).__mro__)) or any(
        base.__module__ == "_ctypes" for base in type(value).__mro__
    )


def _full_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_of_program(value: object) -> bool:
    """Whether `value` is a module or a class of the program, or an instance of one."""
    if isinstance(value, ModuleType):
        return _global_namespaces.is_of_program(value.__name__)
    if isinstance(value, FunctionType):
        return _is_program(value.__module__)
    if _full_name(type(value)) in _NAMESPACES:
        return True
    module = (value if isinstance(value, type) else type(value)).__module__
    return not isinstance(value, _local) and _is_program(module)


def _is_program(module: object) -> bool:
    return isinstance(module, str) and (
        module == "__main__" or _global_namespaces.is_of_program(module)
    )


def _method_changes(value: object, name: str) -> bool:
    """Whether a method written in Python changes the object on which it is called."""
    found = getattr(type(value), name, None)
    if isinstance(found, property):  # what it assigns may be a cache
        return isinstance(found.fget, FunctionType) and adds_to_itself(
            found.fget.__code__
        )
    if isinstance(value, type):
        return _class_method_adds(value, name)
    code = _code_of_method(value, name)
    return code is not None and (
        any(_own_use_changes(value, use) for use in _uses_of_self(code))
        or _inner_method_adds(value, code, {code})
    )


def _own_use_changes(value: object, use: Use) -> bool:
    """Whether a method changes its object by a use of it.

    What a method of a library does is not told by its name: `update` of a class of
    immutable records returns another one.
    """
    if use.method is None or use.path:
        named = use.method is None or use.method in _CHANGING
        return named and not _leads_to_thread_local(value, use.path)
    method = getattr(type(value), use.method, None)
    if isinstance(method, FunctionType) and not _is_of_program(method):
        return _method_adds(value, use.method)
    return use.method in _CHANGING


def _leads_to_thread_local(value: object, path: tuple[str, ...]) -> bool:
    """Whether a path of attributes leads to attributes that only one thread sees."""
    for part in path:
        places = [getattr(value, "__dict__", {}), *map(vars, type(value).__mro__)]
        value = next((place[part] for place in places if part in place), None)
        if isinstance(value, _local):
            return True
    return False


def _class_method_adds(cls: type, name: str) -> bool:
    """Whether a class method adds to an attribute of its class.

    What it assigns may be the one instance of a singleton.
    """
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    function = found.__func__ if isinstance(found, classmethod) else None
    if not isinstance(function, FunctionType) or not function.__code__.co_argcount:
        return False
    return _adds(function.__code__, cls)


def _adds(code: CodeType, value: object) -> bool:
    return adds_to_itself(code) or any(
        use.method in _ADDING and not _leads_to_thread_local(value, use.path)
        for use in _uses_of_self(code)
    )


def _inner_method_adds(value: object, code: CodeType, seen: set[CodeType]) -> bool:
    """Whether a method that this code calls on its object adds to the object.

    An assignment does not count there: it may be a cache.
    """
    for use in _uses_of_self(code):
        if use.path or use.method is None:
            continue
        for cls in type(value).__mro__:
            inner = getattr(vars(cls).get(use.method), "__code__", None)
            if inner is None or inner in seen or not inner.co_argcount:
                continue
            seen.add(inner)
            if _adds(inner, value) or _inner_method_adds(value, inner, seen):
                return True
    return False


def _uses_of_self(code: CodeType) -> Iterator[Use]:
    own = ("LOAD_FAST", code.co_varnames[0])
    return (use for use in uses(code) if (use.load, use.name) == own)


def _method_adds(value: object, name: str) -> bool:
    """Whether a method written in Python adds to an attribute of its object.

    Objects with finalizers are not examined: shipping refuses them with an error.
    """
    code = None if hasattr(type(value), "__del__") else _code_of_method(value, name)
    return code is not None and adds_to_itself(code)


def _code_of_method(value: object, name: str) -> CodeType | None:
    method = getattr(type(value), name, None)
    if not isinstance(method, FunctionType) or not method.__code__.co_argcount:
        return None
    return method.__code__


@kept_with_code
def adds_to_class(code: CodeType) -> bool:
    """Whether the code of a method has `type(self).attribute += ...`."""
    own = [
        use.method
        for use in uses(code)
        if code.co_argcount
        and (use.load, use.name) == ("LOAD_FAST", code.co_varnames[0])
        and use.path == ("__class__",)
    ]
    return None in own and len(set(own)) > 1


@kept_with_code
def adds_to_itself(code: CodeType) -> bool:
    """Whether the code of a method has `self.attribute += ...`."""
    steps = list(_steps(code))
    own = ("LOAD_FAST", code.co_varnames[0])
    return any(
        (first, second, third[0]) == (own, ("COPY", 1), "LOAD_ATTR")
        for first, second, third in zip(steps, steps[1:], steps[2:], strict=False)
    )
