"""Makes the functions that `pickler` has taken apart.

Threads: any.
"""

from __future__ import annotations

import marshal
import types

from .. import _global_namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def make_function(
    code: bytes, key: str, name: str, imported: bool, cells: tuple[types.CellType, ...]
) -> types.FunctionType:
    space = _global_namespaces.receive(key, name, imported)
    loaded: types.CodeType = marshal.loads(code)
    if _global_namespaces.in_worker():
        from .._main_interpreter import source_lines

        source_lines.note(loaded)
    return types.FunctionType(loaded, space.names, None, None, cells or None)


def fill_function(function: types.FunctionType, state: tuple[Any, ...]) -> None:
    function.__name__, function.__qualname__ = state[:2]
    function.__module__, function.__doc__ = state[2:4]
    function.__defaults__, function.__kwdefaults__ = state[4:6]
    function.__dict__.update(state[6])
    if state[8]:
        function.__annotations__ = state[8]
    if state[9]:
        function.__type_params__ = state[9]  # type: ignore[attr-defined]
    for cell, held in zip(function.__closure__ or (), state[7], strict=True):
        if held:
            cell.cell_contents = held[0]
