"""Which names a code object reaches.

Global names are taken from the instructions that load, store or delete them, so that an
attribute that happens to be called like a global does not count. Names that code
reaches through `globals()`, `eval` or `exec` cannot be seen.

Threads: any. The results depend on the code object alone and are cached by it.
"""

from __future__ import annotations

import sys
from _weakref import ref
from types import CodeType

from .._wrapping import named_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    Result = TypeVar("Result")

_GLOBAL_OPS = frozenset(
    {
        "LOAD_GLOBAL",
        "LOAD_NAME",
        "LOAD_FROM_DICT_OR_GLOBALS",
        "STORE_GLOBAL",
        "DELETE_GLOBAL",
    }
)
_FREE_WRITES = frozenset({"STORE_DEREF", "DELETE_DEREF"})


def kept_with_code(
    function: Callable[[CodeType], Result],
) -> Callable[[CodeType], Result]:
    """Caches the results of a function of code objects for as long as those live."""
    kept: dict[int, tuple[ref[CodeType], Result]] = {}

    def cached(code: CodeType) -> Result:
        known = kept.get(id(code))
        if known is not None and known[0]() is code:
            return known[1]
        address = id(code)
        result = function(code)
        kept[address] = (ref(code, lambda _: kept.pop(address, None)), result)
        return result

    return named_like(cached, function)  # type: ignore[no-any-return]


def nested_codes(code: CodeType) -> Iterator[CodeType]:
    """The code objects of the functions and classes that `code` itself defines."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant


@kept_with_code
def global_names(code: CodeType) -> frozenset[str]:
    """The global names that `code`, or code nested in it, loads, stores or deletes."""
    names = set(own_global_names(code)) if code.co_names else set()
    for inner in nested_codes(code):
        names |= global_names(inner)
    return frozenset(names)


def own_global_names(code: CodeType) -> Iterator[str]:
    """The global names of `code` alone."""
    import dis

    for instruction in dis.get_instructions(code):
        if instruction.opname in _GLOBAL_OPS:
            yield instruction.argval


@kept_with_code
def stored_globals(code: CodeType) -> frozenset[str]:
    """The globals that functions defined in `code` assign or delete."""
    found: set[str] = set()
    for inner in nested_codes(code):
        found |= own_stored_globals(inner) | stored_globals(inner)
    return frozenset(found)


@kept_with_code
def own_stored_globals(code: CodeType) -> frozenset[str]:
    """The globals that `code` itself declares as such and assigns or deletes."""
    import dis

    # Decoding instructions is slow, and few functions have one of these.
    text = code.co_code
    if not any(dis.opmap[name] in text for name in ("STORE_GLOBAL", "DELETE_GLOBAL")):
        return frozenset()
    return frozenset(
        instruction.argval
        for instruction in dis.get_instructions(code)
        if instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL")
    )


@kept_with_code
def defines_classes(code: CodeType) -> bool:
    """Whether `code` itself has class statements."""
    import dis

    return any(
        instruction.opname == "LOAD_BUILD_CLASS"
        for instruction in dis.get_instructions(code)
    )


def all_names(code: CodeType) -> frozenset[str]:
    """Every name of `code` and of code nested in it, attributes included."""
    # It is asked about each body. Keeping it takes more memory than most names do.
    nested = any(isinstance(constant, CodeType) for constant in code.co_consts)
    return all_names_nested(code) if nested else frozenset(code.co_names)


@kept_with_code
def all_names_nested(code: CodeType) -> frozenset[str]:
    names = set(code.co_names)
    for inner in nested_codes(code):
        names |= all_names(inner)
    return frozenset(names)


@kept_with_code
def texts(code: CodeType) -> frozenset[str]:
    """The strings of `code` and of code nested in it that may be names."""
    found = {
        constant
        for constant in code.co_consts
        if isinstance(constant, str) and constant.isidentifier()
    }
    for inner in nested_codes(code):
        found |= texts(inner)
    return frozenset(found)


@kept_with_code
def imported_modules(code: CodeType) -> frozenset[str]:
    """The modules that `code`, or code nested in it, imports by their full names."""
    import dis

    found: set[str] = set()
    if code.co_names:
        for instruction in dis.get_instructions(code):
            if instruction.opname == "IMPORT_NAME":
                found.add(instruction.argval)
    for inner in nested_codes(code):
        found |= imported_modules(inner)
    return frozenset(found)


def assigned_free_names(code: CodeType) -> dict[str, int]:
    """The free variables of `code` that it or nested code assigns, with the line."""
    found: dict[str, int] = {}
    _collect_free_writes(code, frozenset(code.co_freevars), found)
    return found


def _collect_free_writes(
    code: CodeType, free: frozenset[str], found: dict[str, int]
) -> None:
    if not free:
        return
    import dis

    line = code.co_firstlineno
    starts = {offset: number for offset, number in dis.findlinestarts(code) if number}
    for instruction in dis.get_instructions(code):
        line = starts.get(instruction.offset, line)
        if instruction.opname not in _FREE_WRITES:
            continue
        name = _variable(code, instruction)
        if name in free:
            found.setdefault(name, line)
    for inner in nested_codes(code):
        _collect_free_writes(inner, free & frozenset(inner.co_freevars), found)


def _variable(code: CodeType, instruction: Any) -> str:
    """The variable of an instruction about cells.

    PyPy's `dis` gives the name of another one where the function has parameters.
    """
    if sys.implementation.name == "pypy":
        index: int = instruction.arg
        return (*code.co_cellvars, *code.co_freevars)[index]
    return str(instruction.argval)
