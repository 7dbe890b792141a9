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


def resolves_by_name(parameter: Any, name: str) -> bool:
    """As `_global_namespaces.resolves`, for objects without a qualified name."""
    module = getattr(parameter, "__module__", None)
    if not isinstance(module, str) or not _global_namespaces.importable(module):
        return False
    return getattr(sys.modules[module], name, None) is parameter


def is_no_default(value: object) -> bool:
    """Whether `value` is typing's marker for a parameter without a default."""
    return value is getattr(sys.modules.get("typing"), "NoDefault", value is None)


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
    if parameters:
        value = alias.__value__
        return make_generic_alias, (token, name, alias.__module__, value, parameters)
    arguments = (token, name, alias.__module__)
    return make_alias, arguments, (alias.__value__,), None, None, fill_alias


_ALIAS = "type {0} = box[0]\nalias = {0}"  # its value is looked up when asked for


def make_alias(token: str, name: str, module: str) -> Any:
    known = token_objects.get(token)
    if known is None:
        names: dict[str, Any] = {"__name__": module, "box": []}
        exec(_ALIAS.format(name), names)
        known = keep_object(token, names["alias"])
        _boxes[id(known)] = names["box"]
    return known


_boxes: dict[int, list[Any]] = {}  # of aliases, which are kept


def fill_alias(alias: Any, state: tuple[Any]) -> None:
    box = _boxes.get(id(alias))
    if box is not None and not box:
        box.append(state[0])


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
