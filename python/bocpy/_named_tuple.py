"""A base class like typing.NamedTuple, of which a start needs six: typing takes as long
to import as the rest of the package.

Threads: any.
"""

from __future__ import annotations

from _operator import itemgetter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class NamedTuple(tuple):  # type: ignore[type-arg]
    """A tuple whose items have the names that a subclass annotates.

    A value beside a name is its default.
    """

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _defaults: dict[str, Any] = {}  # noqa: RUF012 (one for each subclass)

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        cls._defaults = {n: vars(cls)[n] for n in cls._fields if n in vars(cls)}
        for i, name in enumerate(cls._fields):
            setattr(cls, name, property(itemgetter(i)))

    def __new__(cls, *values: Any, **named: Any) -> NamedTuple:
        """Takes the values by position or by name; raises TypeError for others."""
        for name in cls._fields[len(values) :]:
            if name in named:
                values = (*values, named.pop(name))
            elif name in cls._defaults:
                values = (*values, cls._defaults[name])
        if named or len(values) != len(cls._fields):
            raise TypeError(f"{cls.__name__} takes the values {cls._fields}")
        return tuple.__new__(cls, values)

    def _replace(self, **named: Any) -> NamedTuple:
        """A copy with other values for some names."""
        before = dict(zip(self._fields, self, strict=True))
        return type(self)(**{**before, **named})

    def __repr__(self) -> str:
        items = zip(self._fields, self, strict=True)
        inside = ", ".join(f"{name}={value!r}" for name, value in items)
        return f"{type(self).__name__}({inside})"
