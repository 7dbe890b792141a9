"""Type parameters, new types and type aliases that are not found by import.

Two type parameters of one name are different objects, so each has a token that all
interpreters share. An alias (PEP 695) may refer to itself: it is made first, and gets
its value afterwards.

Threads: a pickler belongs to one call.
"""

from __future__ import annotations

import sys

from .. import _global_namespaces
from .definition_log import keep_object, token_objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .pickler import Pickler

_TYPE_PARAMETERS = frozenset({"TypeVar", "ParamSpec", "TypeVarTuple", "NewType"})


def reduce(pickler: Pickler, obj: Any) -> Any:
    """The reduction of a type parameter, new type or alias; NotImplemented for
    others."""
    kind = type(obj).__name__
    if kind in _TYPE_PARAMETERS:
        return reduce_type_parameter(pickler, obj)
    if kind == "TypeAliasType":
        return reduce_alias(pickler, obj)
    return NotImplemented


def reduce_type_parameter(pickler: Pickler, parameter: Any) -> Any:
    name = parameter.__name__
    if resolves_by_name(parameter, name):
        return NotImplemented
    options: dict[str, Any] = {}
    for option in ("bound", "covariant", "contravariant", "default"):
        value = getattr(parameter, f"__{option}__", None)
        if value and not is_no_default(value):
            options[option] = value
    if getattr(parameter, "__infer_variance__", False):
        options["infer_variance"] = True
    constraints = getattr(parameter, "__constraints__", ())
    supertype = getattr(parameter, "__supertype__", None)
    if supertype is not None:
        constraints, options = (supertype,), {}
    token = pickler.token_of(parameter)
    return make_type_parameter, (token, type(parameter), name, constraints, options)


def import_module_of(cls: type) -> None:
    """Imports the module under whose name the type of a type parameter is found.

    From Python 3.12 these types are parts of the interpreter: a program that uses the
    syntax of PEP 695 has them though nothing has imported `typing`.
    """
    if cls.__module__ == "typing":
        import typing  # noqa: F401


def resolves_by_name(parameter: Any, name: str) -> bool:
    """As `_global_namespaces.resolves`, for objects without a qualified name."""
    module = getattr(parameter, "__module__", None)
    if not isinstance(module, str) or not _global_namespaces.importable(module):
        return False
    return getattr(sys.modules[module], name, None) is parameter


def is_no_default(value: object) -> bool:
    """Whether `value` is typing's marker for a parameter without a default."""
    return type(value).__name__ == "NoDefaultType"  # nothing may have imported typing


def make_type_parameter(
    token: str, kind: Any, name: str, constraints: Any, options: dict[str, Any]
) -> Any:
    known = token_objects.get(token)
    if known is None:
        made = kind(name, *constraints, **options)
        known = keep_object(token, made)
    return known


# ---- aliases -------------------------------------------------------------------------


def reduce_alias(pickler: Pickler, alias: Any) -> Any:
    name, parameters = alias.__name__, alias.__type_params__
    if resolves_by_name(alias, name):
        return NotImplemented
    token = pickler.token_of(alias)
    if parameters and not refers_to_itself(alias):
        value = alias.__value__
        return make_generic_alias, (token, name, alias.__module__, value, parameters)
    described = tuple(describe(pickler, each) for each in parameters)
    arguments = (token, name, alias.__module__, described)
    state = (alias.__value__, *(options_of(each) for each in parameters))
    return make_alias, arguments, state, None, None, fill_alias


def refers_to_itself(alias: Any) -> bool:
    """Whether a part of an alias refers to it, or to an alias that does."""
    todo: list[Any] = [alias.__value__]
    for parameter in alias.__type_params__:
        for parts in options_of(parameter):
            todo += parts
    done: set[int] = set()
    while todo:
        part = todo.pop()
        if part is alias:
            return True
        if id(part) in done:
            continue
        done.add(id(part))
        arguments = getattr(part, "__args__", None)
        todo += arguments if isinstance(arguments, tuple) else ()
        todo.append(getattr(part, "__origin__", None))
        if type(part).__name__ == "TypeAliasType":
            todo.append(part.__value__)
    return False


_SIGNS = {"TypeVar": "", "ParamSpec": "**", "TypeVarTuple": "*"}


def describe(pickler: Pickler, parameter: Any) -> tuple[str, str, int, int]:
    """A parameter of an alias that is made with the alias: its token, its sign and
    name, and how many bounds and defaults it has."""
    sign = _SIGNS[type(parameter).__name__] + parameter.__name__
    bounds, defaults = options_of(parameter)
    return pickler.token_of(parameter) or "", sign, len(bounds), len(defaults)


def options_of(parameter: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The constraints or the bound of a parameter, and its default."""
    bounds = getattr(parameter, "__constraints__", ())
    if not bounds and getattr(parameter, "__bound__", None) is not None:
        bounds = (parameter.__bound__,)
    has_default = getattr(parameter, "has_default", None)  # Python 3.13 and newer
    defaults = (parameter.__default__,) if has_default and has_default() else ()
    return bounds, defaults


# The value, bounds and defaults are looked up when the program asks for them.
_ALIAS = "type {0}{1} = box[0]\nalias = {0}"


def make_alias(token: str, name: str, module: str, parameters: Any = ()) -> Any:
    import typing  # noqa: F401  (it completes the type of type parameters)

    known = token_objects.get(token)
    if known is None:
        box: list[Any] = []
        names: dict[str, Any] = {"__name__": module, "box": box}
        signs = ", ".join(sign_of(i, *each[1:]) for i, each in enumerate(parameters))
        exec(_ALIAS.format(name, f"[{signs}]" if signs else ""), names)
        known = keep_object(token, names["alias"])
        _boxes[id(known)] = box
        for each, made in zip(parameters, known.__type_params__, strict=True):
            keep_object(each[0], made)
    return known


def sign_of(number: int, sign: str, bounds: int, defaults: int) -> str:
    """A parameter as it stands in the brackets. The compiler takes a tuple that it sees
    for constraints, and else what it sees for a bound."""
    place = f"box[{number + 1}]"
    bound = ", ".join(f"{place}[0][{i}]" for i in range(bounds))
    if bounds:
        bound = f": ({bound})"
    default = f" = {place}[1][0]" if defaults else ""
    return f"{sign}{bound}{default}"


_boxes: dict[int, list[Any]] = {}  # of aliases, which are kept


def fill_alias(alias: Any, state: tuple[Any, ...]) -> None:
    box = _boxes.get(id(alias))
    if box is not None and not box:
        box.extend(state)


def make_generic_alias(
    token: str, name: str, module: str, value: Any, parameters: tuple[Any, ...]
) -> Any:
    import typing

    known = token_objects.get(token)
    if known is None:
        make = f"alias = TypeAliasType({name!r}, value, type_params=parameters)"
        names = {
            "__name__": module,
            "TypeAliasType": typing.TypeAliasType,  # type: ignore[attr-defined, unused-ignore]
            "value": value,
            "parameters": parameters,
        }
        exec(make, names)  # its module is that of the caller
        known = keep_object(token, names["alias"])
    return known
