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
from itertools import pairwise
from types import CodeType, FunctionType, ModuleType
from typing import Any

from . import _namespaces
from ._code_names import all_names, kept_with_code, nested_codes
from ._code_uses import Use, look_through

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
#: Classes of the library whose instances are data, besides those with a C base below.
_DATA = frozenset(
    {
        *("_io.BytesIO", "_io.StringIO", "collections.ChainMap"),
        *("collections.UserDict", "collections.UserList", "ctypes.Array"),
        *("configparser.RawConfigParser", "email.message.Message"),
        *("xml.etree.ElementTree.Element", "xml.etree.ElementTree.ElementTree"),
    }
)
#: Those whose attributes are the data.
_NAMESPACES = frozenset({"argparse.Namespace", "types.SimpleNamespace"})
_CONTAINERS = (list, dict, set, bytearray, deque)

_IDLE = frozenset({"CACHE", "NOP", "PUSH_NULL", "EXTENDED_ARG"})

Step = tuple[str, Any]


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
    for argument, position, target in look_through(code).passed:
        if argument.load == target.load == "LOAD_GLOBAL" and argument.name not in found:
            function = _value_at(lookup(target.name), target.path)
            value = lookup(argument.name)
            if _changes_argument(function, position, value, argument.path):
                found[argument.name] = value
    return found


def _value_at(value: object, path: tuple[str, ...]) -> object:
    for part in path:
        value = vars(value).get(part) if isinstance(value, ModuleType) else None
    return value


def _changes_argument(
    function: object, position: int, value: object, path: tuple[str, ...]
) -> bool:
    if not isinstance(function, FunctionType) or not _is_of_program(function):
        return False
    code = function.__code__
    if position >= code.co_argcount:
        return False
    own = ("LOAD_FAST", code.co_varnames[position])
    return any(
        (use.load, use.name) == own
        and _does_change(value, use._replace(path=(*path, *use.path)))
        for use in uses(code)
    )


def _does_change(value: object, use: Use) -> bool:
    for part in use.path:
        if is_container(value):
            return use.method is None or use.method in _CHANGING
        if not _is_of_program(value):
            return False
        attributes = getattr(value, "__dict__", {})
        if part not in attributes:
            return False
        value = attributes[part]
    if is_container(value) and (use.method is None or use.method in _CHANGING):
        return True
    if _is_of_program(value):
        return use.method is None or _method_changes(value, use.method)
    return use.method is not None and _method_adds(value, use.method)


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
        return _namespaces.is_of_program(value.__name__)
    if isinstance(value, FunctionType):
        return _is_program(value.__module__)
    if _full_name(type(value)) in _NAMESPACES:
        return True
    module = (value if isinstance(value, type) else type(value)).__module__
    return not isinstance(value, _local) and _is_program(module)


def _is_program(module: object) -> bool:
    return isinstance(module, str) and (
        module == "__main__" or _namespaces.is_of_program(module)
    )


def _method_changes(value: object, name: str) -> bool:
    """Whether a method written in Python changes the object on which it is called."""
    code = _code_of_method(value, name)
    return code is not None and any(
        (use.load, use.name) == ("LOAD_FAST", code.co_varnames[0])
        and (use.method is None or use.method in _CHANGING)
        for use in uses(code)
    )


def _method_adds(value: object, name: str) -> bool:
    """Whether a method written in Python adds to an attribute of its object.

    Objects with finalizers are not examined: shipping refuses them with an error.
    """
    code = None if hasattr(value, "__del__") else _code_of_method(value, name)
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
