"""What a code object does with the objects of its variables.

The instructions are followed in their order with a stack of what is known about each
value: nothing, or the variable and the path of attributes and items that lead to it. At
the target of a jump the stack is that of the jump if nothing falls through to it.

| instruction | the value below it |
|---|---|
| STORE_ATTR, DELETE_ATTR | one of its attributes is assigned |
| STORE_SUBSCR, DELETE_SUBSCR, STORE_SLICE | one of its items is |
| LOAD_ATTR, CALL | a method of it is called, or read |
| CALL | it is called |
| CALL of a function that changes its argument | the argument is changed |
| BEFORE_WITH, LOAD_SPECIAL | it is entered and left |
| LOAD_ATTR, BINARY_SUBSCR, FOR_ITER | a part of it is the next value |
| STORE_FAST, if nothing else assigns that name | has one more name |

The names of instructions are those of CPython 3.12 and newer, which alone have workers
with interpreters of their own.

Threads: any. The result depends on the code object alone and is cached by it.
"""

from __future__ import annotations

from collections import Counter
from types import CodeType

from .names import kept_with_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NamedTuple
else:
    from .._named_tuple import NamedTuple

ITEM = "[]"
ITEM_CHANGED = "__setitem__"

_LOADS = ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_FAST")
#: What returns a part of a container.
_PART_METHODS = frozenset({"get", "values"})
#: Functions that change the items of their first argument.
_ITEM_FUNCTIONS = frozenset(
    {
        *("heapify", "heappop", "heappush", "heappushpop", "heapreplace", "shuffle"),
        *("insort", "insort_left", "insort_right", "setitem", "delitem"),
        *("readinto", "recv_into", "SubElement"),
    }
)
_ATTRIBUTE_FUNCTIONS = frozenset({"setattr", "delattr", "__setattr__"})
#: Functions that write to an argument, by its position.
_WRITERS = {"dump": 1, "redirect_stdout": 0, "redirect_stderr": 0}
_TYPES = frozenset(
    {"list", "dict", "set", "bytearray", "deque", "Counter", "defaultdict"}
)
#: Instructions that leave what is on the stack.
_IDLE = frozenset(
    {
        *("NOP", "CACHE", "RESUME", "EXTENDED_ARG", "TO_BOOL", "GET_ITER", "NOT_TAKEN"),
        *("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"),
        *("MAKE_CELL", "COPY_FREE_VARS", "KW_NAMES", "DELETE_FAST", "DELETE_GLOBAL"),
        "RETURN_CONST",
    }
)
#: Instructions that only take away.
_TAKING = frozenset(
    {
        *("POP_TOP", "POP_ITER", "END_FOR", "POP_EXCEPT", "RETURN_VALUE"),
        *("STORE_GLOBAL", "STORE_NAME", "STORE_DEREF", "RAISE_VARARGS", "RERAISE"),
        *("POP_JUMP_IF_FALSE", "POP_JUMP_IF_TRUE", "POP_JUMP_IF_NONE"),
        *("POP_JUMP_IF_NOT_NONE", "LIST_APPEND", "SET_ADD", "MAP_ADD", "LIST_EXTEND"),
        *("SET_UPDATE", "DICT_UPDATE", "DICT_MERGE", "END_SEND", "END_ASYNC_FOR"),
    }
)
#: Instructions after which the next one is reached by a jump only.
_ENDS = frozenset(
    {
        *("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"),
        *("RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"),
    }
)


class Use(NamedTuple):
    """What code does with the object of a variable, which may change it.

    load, name: the variable, and the instruction that loads it.
    path: the attributes, or ITEM, that lead from it to what may be changed.
    method: the method that is called for that, or read; None where an attribute is
        assigned.
    """

    load: str
    name: str
    path: tuple[str, ...]
    method: str | None


class Value(NamedTuple):
    """What is known about a value on the stack.

    place: the number of the load; 0 if a local variable stands between them.
    """

    load: str
    name: str
    place: int
    path: tuple[str, ...] = ()

    def part(self, name: str) -> Value:
        return self._replace(path=(*self.path, name))


class Passed(NamedTuple):
    """An object that is passed to a function.

    argument: how `function` gets at it; no method is called yet.
    position: its number, or the name that it is passed by.
    function: what is called, likewise.
    place: the number of the load; 0 if a local variable stands between them.
    """

    argument: Use
    position: int | str
    function: Use
    place: int


class Found(NamedTuple):
    """uses: what is done with objects of variables. passed: to which functions they go.

    others: the variables, as (instruction, name), whose objects are loaded for
        something else than `uses`, too.
    unknown: those whose objects are loaded for something else than both.
    """

    uses: tuple[Use, ...]
    passed: tuple[Passed, ...]
    others: frozenset[tuple[str, str]]
    unknown: frozenset[tuple[str, str]]


@kept_with_code
def look_through(code: CodeType) -> Found:
    run = _Simulation(code)
    others = dict(run.loads)
    for place in run.used:
        others.pop(place, None)
    unknown = dict(others)
    for each in run.passed:
        unknown.pop(each.place, None)
    return Found(
        tuple(run.found),
        tuple(run.passed),
        frozenset(others.values()),
        frozenset(unknown.values()),
    )


class _Simulation:
    def __init__(self, code: CodeType) -> None:
        import dis

        self.found: list[Use] = []
        self.passed: list[Passed] = []
        self.constant: Any = None
        self.keywords: tuple[str, ...] = ()
        self.loads: dict[int, tuple[str, str]] = {}
        self.used: set[int] = set()
        self.stack: list[Value | None] = []
        self.locals: dict[str, Value] = {}
        self.at_jumps: dict[int, list[Value | None]] = {}
        instructions = list(dis.get_instructions(code))
        stored: Counter[str] = Counter(code.co_varnames[: _parameters(code)])
        for each in instructions:
            stored.update(_stored_locals(each))
        self.once = {name for name, times in stored.items() if times == 1}
        self.once.difference_update(code.co_varnames[: _parameters(code)])
        falls, self.after = True, ""
        for each in instructions:
            if not falls:
                self.stack = list(self.at_jumps.get(each.offset, ()))
            self.step(each, dis.stack_effect)
            self.after = each.opname
            falls = each.opname not in _ENDS
        while self.stack:
            self.pop()

    def pop(self) -> Value | None:
        """The value on top, of which a method may have been read."""
        value = self.take()
        if value is not None and value.path and value.path[-1] != ITEM:
            self.use(value._replace(path=value.path[:-1]), value.path[-1])
        return value

    def take(self) -> Value | None:
        return self.stack.pop() if self.stack else None

    def use(self, value: Value | None, method: str | None) -> None:
        if value is not None:
            self.found.append(Use(value.load, value.name, value.path, method))
            self.used.add(value.place)

    def load(self, load: str, name: str) -> None:
        known = self.locals.get(name) if load == "LOAD_FAST" else None
        if known is None:
            known = Value(load, name, len(self.loads) + 1)
            self.loads[known.place] = (load, name)
        self.stack.append(known)

    def step(self, instruction: Any, effect: Callable[..., int]) -> None:
        opname, arg = instruction.opname, instruction.arg
        opcode = instruction.opcode
        if "JUMP" in opname or opname in ("FOR_ITER", "SEND"):
            stack = list(self.stack)
            self.change_by(effect(opcode, arg, jump=True), opname)
            self.at_jumps.setdefault(instruction.argval, self.stack)
            self.stack = stack
        handler = _HANDLERS.get(opname) or _handler_of_kind(opname)
        if opname in ("LOAD_CONST", "KW_NAMES"):
            self.constant = instruction.argval
            names = self.constant
            self.keywords = names if isinstance(names, tuple) else ()
        if handler is not None:
            handler(self, instruction)
        elif opname not in _IDLE:
            self.change_by(effect(opcode, arg, jump=False), opname)

    def change_by(self, effect: int, opname: str) -> None:
        """What instructions do of which nothing more is known than how many values
        there are more or less afterwards."""
        if effect > 0:
            self.stack += [None] * effect
            return
        for _ in range(-effect):
            self.pop()
        if opname not in _TAKING and opname not in _IDLE:
            self.pop()
            self.stack.append(None)


def _parameters(code: CodeType) -> int:
    varargs = bool(code.co_flags & 4) + bool(code.co_flags & 8)
    return code.co_argcount + code.co_kwonlyargcount + varargs


def _stored_locals(instruction: Any) -> tuple[str, ...]:
    opname, names = instruction.opname, instruction.argval
    if not opname.startswith("STORE_FAST"):
        return ()
    if isinstance(names, str):
        return (names,)
    return names[:1] if opname == "STORE_FAST_LOAD_FAST" else tuple(names)


def _handler_of_kind(opname: str) -> Callable[[_Simulation, Any], None] | None:
    if opname in _LOADS or opname.startswith("LOAD_FAST"):
        return _load
    return _store_local if opname.startswith("STORE_FAST") else None


def _load(run: _Simulation, instruction: Any) -> None:
    opname, names = instruction.opname, instruction.argval
    if opname == "LOAD_GLOBAL" and instruction.arg & 1:
        # 3.12 has the NULL of a call below the function; which one does not matter.
        run.stack.append(None)
    for name in names if isinstance(names, tuple) else (names,):
        run.load("LOAD_FAST" if opname.startswith("LOAD_FAST") else opname, name)


def _store_local(run: _Simulation, instruction: Any) -> None:
    for name in _stored_locals(instruction):
        value = run.pop()
        if value is not None and name in run.once:
            run.locals[name] = value._replace(place=0)
    if instruction.opname == "STORE_FAST_LOAD_FAST":
        run.load("LOAD_FAST", instruction.argval[1])


def _load_attribute(run: _Simulation, instruction: Any) -> None:
    value = run.take()
    if value is not None:  # `value` may be that of a cown
        name = instruction.argval
        value = None if name == "value" else value.part(name)
    run.stack.append(value)
    if instruction.arg & 1:
        run.stack.append(None)


def _load_super(run: _Simulation, instruction: Any) -> None:
    """What `super()` finds is a method of `self`, as any other."""
    value = run.take()
    run.pop()
    run.pop()
    run.stack.append(value and value.part(instruction.argval))
    if instruction.arg & 1:
        run.stack.append(None)


def _change_attribute(run: _Simulation, instruction: Any) -> None:
    run.use(run.take(), None)
    if instruction.opname == "STORE_ATTR":
        run.pop()


def _change_item(run: _Simulation, instruction: Any) -> None:
    above = {"STORE_SUBSCR": 1, "DELETE_SUBSCR": 1, "STORE_SLICE": 2}
    for _ in range(above[instruction.opname]):
        run.pop()
    run.use(run.take(), ITEM_CHANGED)
    if instruction.opname != "DELETE_SUBSCR":
        run.pop()


def _load_item(run: _Simulation, instruction: Any) -> None:
    # A slice is a copy; 3.14 and newer load constant slices.
    copies = run.after == "LOAD_CONST" and isinstance(run.constant, slice)
    run.pop()
    value = run.take()
    run.stack.append(value and value.part(ITEM) if not copies else None)


def _binary(run: _Simulation, instruction: Any) -> None:
    if instruction.argrepr == "[]":
        _load_item(run, instruction)
        return
    run.pop()
    run.pop()
    run.stack.append(None)


def _for(run: _Simulation, instruction: Any) -> None:
    values = run.stack[-1] if run.stack else None
    run.stack.append(values and values.part(ITEM))


def _unpack(run: _Simulation, instruction: Any) -> None:
    import dis

    effect = dis.stack_effect(instruction.opcode, instruction.arg)
    run.pop()
    run.stack += [None] * (effect + 1)


def _copy(run: _Simulation, instruction: Any) -> None:
    depth = instruction.arg
    value = run.stack[-depth] if depth <= len(run.stack) else None
    run.stack.append(value)


def _swap(run: _Simulation, instruction: Any) -> None:
    depth = instruction.arg
    if depth <= len(run.stack):
        run.stack[-1], run.stack[-depth] = run.stack[-depth], run.stack[-1]


def _with(run: _Simulation, instruction: Any) -> None:
    run.use(run.stack[-1] if run.stack else None, "__enter__")
    run.take()
    run.stack += [None, None]


def _load_special(run: _Simulation, instruction: Any) -> None:
    run.use(run.take(), instruction.argrepr.split()[0])
    run.stack += [None, None]


def _call(run: _Simulation, instruction: Any) -> None:
    keywords, run.keywords = run.keywords, ()
    if instruction.opname == "CALL_KW":
        run.pop()  # the names
    arguments = [run.take() for _ in range(instruction.arg)]
    second, first = run.take(), run.take()
    function = first or second
    named = instruction.opname == "CALL_KW" or run.after == "KW_NAMES"
    result = None
    if function is not None and (not function.path or function.path[-1] == ITEM):
        run.use(function, "__call__")
        if function.name == "type" and len(arguments) == 1 and arguments[0]:
            result = arguments[0].part("__class__")
    elif function is not None:
        owner = function._replace(path=function.path[:-1])
        run.use(owner, function.path[-1])
        if function.path[-1] in _PART_METHODS:
            result = owner.part(ITEM)
    if function is not None:
        _use_arguments(run, function, arguments[::-1], keywords if named else ())
    run.stack += arguments
    for _ in arguments:
        run.pop()
    run.stack.append(result)


def _use_arguments(
    run: _Simulation,
    function: Value,
    arguments: list[Value | None],
    keywords: tuple[str, ...],
) -> None:
    called = function.path[-1] if function.path else function.name
    if called in _ITEM_FUNCTIONS:
        run.use(arguments[0] if arguments else None, ITEM_CHANGED)
    elif called in _ATTRIBUTE_FUNCTIONS:
        run.use(arguments[0] if arguments else None, None)
    elif called in _WRITERS and len(arguments) > _WRITERS[called]:
        run.use(arguments[_WRITERS[called]], "write")
    elif called == "pack_into" and len(arguments) > 1:
        run.use(arguments[1], ITEM_CHANGED)
    elif called == "print" and "file" in keywords:
        run.use(arguments[keywords.index("file") - len(keywords)], "write")
    elif function.path and function.name in _TYPES:
        run.use(arguments[0] if arguments else None, called)
    target = Use(function.load, function.name, function.path, None)
    count = len(arguments) - len(keywords)
    for position, each in zip((*range(count), *keywords), arguments, strict=True):
        if each is not None:
            passed = Use(each.load, each.name, each.path, None)
            run.passed.append(Passed(passed, position, target, each.place))


_HANDLERS: dict[str, Callable[[_Simulation, Any], None]] = {
    "LOAD_ATTR": _load_attribute,
    "LOAD_SUPER_ATTR": _load_super,
    "STORE_ATTR": _change_attribute,
    "DELETE_ATTR": _change_attribute,
    "STORE_SUBSCR": _change_item,
    "DELETE_SUBSCR": _change_item,
    "STORE_SLICE": _change_item,
    "BINARY_SUBSCR": _load_item,
    "BINARY_OP": _binary,
    "FOR_ITER": _for,
    "UNPACK_SEQUENCE": _unpack,
    "UNPACK_EX": _unpack,
    "COPY": _copy,
    "SWAP": _swap,
    "BEFORE_WITH": _with,
    "LOAD_SPECIAL": _load_special,
    "CALL": _call,
    "CALL_KW": _call,
}
