"""A mutant: a source of libboc with one thing wrong, which a model has to find."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """What is wrong, the model that finds it, and the change."""

    name: str
    model: str
    file: str
    old: str
    new: str
    #: Where a changed header is included.
    included: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return self.included or (self.file,)


def weaker(
    name: str,
    model: str,
    file: str,
    old: str,
    order: str,
    included: tuple[str, ...] = (),
) -> Mutant:
    """The first operation in `old` with another order."""
    new = re.sub(r"_(?:acquire|release|acq_rel)\(", f"_{order}(", old, count=1)
    return Mutant(name, model, file, old, new, included)
