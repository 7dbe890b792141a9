"""Annotations that are text, and type aliases of PEP 695 that refer to themselves."""

import sys

import pytest

PROGRAMS = {
    "text in annotations": (
        """
from __future__ import annotations
from typing import *
from bocpy import when

class Place(NamedTuple):
    x: int
    next: "Optional[Place]" = None

class Names(TypedDict, total=False):
    first: int
    places: list["Place"]

def use(a: Optional["Place"], *others: "Sequence[Names]") -> Annotated[int, "n"]:
    return 1

def hints(which):
    return get_type_hints(which, include_extras=True)

print(when()(lambda: hints(Place)).result(30) == hints(Place))
print(when()(lambda: hints(Names)).result(30) == hints(Names))
print(when()(lambda: hints(use)).result(30) == hints(use))
""",
        ["True"] * 3,
    ),
    "text in the parts of annotations": (
        """
import typing
from bocpy import when

class Left: pass
class Right: pass
class Deep: pass

Inner = typing.List["Right"]

def use(a: typing.Optional["Left"], b: typing.Dict[str, Inner]) -> "Deep":
    return 1

@when()
def found():
    hints = typing.get_type_hints(use)
    inner = hints["b"].__args__[1]
    return hints["a"], inner == typing.List[Right], hints["return"]

print(found.result(30) == (typing.Optional[Left], True, Deep))
""",
        ["True"],
    ),
}

ALIASES = {
    "an alias with parameters that refers to itself": (
        """
from bocpy import Cown, when

type Tree[T] = T | list[Tree[T]]
type Plain[T] = list[T]

def run(function):
    return when()(function).result(30)

def use(x: Tree[int]) -> Plain[str]:
    return x

print(run(lambda: str(Tree.__value__)) == str(Tree.__value__))
print(run(lambda: (Tree.__module__, Tree.__name__)))
print(run(lambda: Tree.__value__.__args__[0] is Tree.__type_params__[0]))
print(run(lambda: Tree.__value__.__args__[1].__args__[0].__origin__ is Tree))
print(run(lambda: use.__annotations__["x"].__origin__ is Tree))
print(run(lambda: Tree) is Tree)
c = Cown((Tree.__type_params__[0], Plain))
print(when(c)(lambda c: c.value[0] is Tree.__type_params__[0]).result(30))
""",
        [
            "True",
            "('__main__', 'Tree')",
            "True",
            "True",
            "True",
            "True",
            "True",
        ],
    ),
    "aliases that refer to each other, with bounds": (
        """
from bocpy import when

type First[T: (int, str), *Ts, **P] = dict[T, Second[T]] | tuple[*Ts]
type Second[T] = list[First[T]] | None
type Bound[T: Bound] = list[T]

@when()
def found():
    t, ts, p = First.__type_params__
    inner = Second.__value__.__args__[0].__args__[0]
    own = Bound.__type_params__[0]
    return (
        t.__constraints__ == (int, str),
        (type(ts).__name__, type(p).__name__),
        inner.__origin__ is First,
        First.__value__.__args__[0].__args__[0] is t,
        own.__bound__ is Bound and Bound.__value__.__args__[0] is own,
    )

print(*found.result(30))
""",
        ["True ('TypeVarTuple', 'ParamSpec') True True True"],
    ),
}

for kind, sign in {"TypeVar": "T", "TypeVarTuple": "*T", "ParamSpec": "**T"}.items():
    ALIASES[f"{kind}, where nothing imports typing"] = (
        f"""
from bocpy import when

type Alias[{sign}] = list[int]
type Itself[{sign}] = list[Itself]
kind = type(Alias.__type_params__[0])

@when()
def found():
    of = [type(each.__type_params__[0]) for each in (Itself, Alias)]
    return of == [kind, kind], kind.__name__

print(*found.result(30))
""",
        [f"True {kind}"],
    )

if sys.version_info >= (3, 12):
    PROGRAMS.update(ALIASES)
if sys.version_info >= (3, 13):
    PROGRAMS["a default"] = (
        """
from bocpy import when

type Tree[T = int] = T | list[Tree[T]]
print(when()(lambda: Tree.__type_params__[0].__default__ is int).result(30))
print(when()(lambda: len(Tree.__value__.__args__)).result(30))
""",
        ["True", "2"],
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_types(program, backend, name):
    text, lines = PROGRAMS[name]
    assert program(text).lines == lines
