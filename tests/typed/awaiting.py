"""What type checkers infer of awaiting, and of later. Read by them, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bocpy
from bocpy import Cown, after, at, when

if TYPE_CHECKING:
    from typing_extensions import assert_type

count = Cown(1)


async def main() -> None:
    assert_type(await count, int)
    assert_type(count.result(), int)
    async with count as value:
        assert_type(value, int)

    @when(count)
    def doubled(count: Cown[int]) -> str:
        return str(2 * count.value)

    assert_type(await doubled, str)

    @bocpy.aio.when(count)
    async def visited(count: Cown[int]) -> float:
        return count.value / 2

    assert_type(await visited, float)

    @after(0.5, count)
    def later(count: Cown[int]) -> bytes:
        return bytes(count.value)

    assert_type(await later, bytes)
    assert_type(later.cancel(), bool)

    @at(1.5, count)
    def moment(count: Cown[int]) -> int:
        return count.value

    assert_type(await moment, int)


after("soon")  # type: ignore[arg-type]
at(1, 2)  # type: ignore[arg-type]
