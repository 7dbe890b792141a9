"""The heat equation on a plate that is cut into tiles, on the workers of a cluster.

Each tile is a cown that stays at its worker. Its neighbors need only the tile's edges,
four short rows, which are in a cown of their own. A step of a tile is a behavior over
the tile and the edges of its neighbors, which it only reads: tiles never move, edges
travel as copies. There is no barrier between steps: a tile starts its next step as soon
as its neighbors have finished this one.

    python -m bocpy.examples.cluster_heat --dask
    python -m bocpy.examples.cluster_heat --ray --tiles 4 --size 256

NumPy is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bocpy.examples._cluster import cluster, cluster_parser
from bocpy.examples._command import count, run_program

if TYPE_CHECKING:
    import numpy as np
else:
    try:
        import numpy as np
    except ImportError:
        np = None

RATE = 0.2
SIDES = ((-1, 0), (1, 0), (0, -1), (0, 1))


def start_of(size: int) -> Any:
    """A cold plate with a hot square off its middle."""
    plate = np.zeros((size, size))
    plate[size // 8 : size // 2, size // 3 : size // 2] = 100.0
    return plate


def edges_of(tile: Any) -> list[Any]:
    """Top, bottom, left, right."""
    return [tile[0].copy(), tile[-1].copy(), tile[:, 0].copy(), tile[:, -1].copy()]


def advance(tile: Any, top: Any, bottom: Any, left: Any, right: Any) -> Any:
    """One step of a tile, given the edges of its neighbors."""
    wide = np.pad(tile, 1)
    wide[0, 1:-1], wide[-1, 1:-1] = top, bottom
    wide[1:-1, 0], wide[1:-1, -1] = left, right
    around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    return tile + RATE * (around - 4 * tile)


def step(tile: Any, others: list[Any], sides: list[int | None]) -> list[Any]:
    """The body: changes the tile in place; its result is the tile's new edges."""
    old = edges_of(tile.value)
    beside = iter(others)
    rows = []
    for number, side in enumerate(sides):
        # Without a neighbor no heat flows: the tile's own edge stands in for it.
        rows.append(old[number] if side is None else next(beside).value[side])
    tile.value = advance(tile.value, *rows)
    return edges_of(tile.value)


def simulate(d: Any, plate: Any, tiles: int, steps: int) -> Any:
    """The plate after that many steps."""
    width = plate.shape[0] // tiles
    blocks = {
        (i, j): plate[i * width : (i + 1) * width, j * width : (j + 1) * width].copy()
        for i in range(tiles)
        for j in range(tiles)
    }
    cowns = {at: d.Cown(block) for at, block in blocks.items()}
    edges = {at: d.Cown(edges_of(b), near=cowns[at]) for at, b in blocks.items()}
    for _ in range(steps):
        after = {}
        for (i, j), tile in cowns.items():
            around = [(i + di, j + dj) for di, dj in SIDES]
            sides = [
                s if a in cowns else None
                for s, a in zip((1, 0, 3, 2), around, strict=True)
            ]
            others = [d.read(edges[a]) for a in around if a in cowns]
            after[i, j] = d.whencall(step, [tile, others], [sides])
        edges = after
    rows = [[cowns[i, j].unwrap() for j in range(tiles)] for i in range(tiles)]
    return np.block(rows)


def whole(plate: Any, steps: int) -> Any:
    """The same without tiles, in one process."""
    for _ in range(steps):
        plate = advance(plate, *edges_of(plate))
    return plate


def main() -> int:
    options = cluster_parser(__doc__)
    options.add_argument("--size", type=count, default=128, help="of the plate")
    options.add_argument("--tiles", type=count, default=2, help="along each side")
    options.add_argument("--steps", type=count, default=40)
    given = options.parse_args()
    if given.size % given.tiles:
        options.error("--size must be a multiple of --tiles")
    if np is None:
        options.error("this example needs NumPy: python -m pip install numpy")
    plate = start_of(given.size)
    with cluster(given) as d:
        found = simulate(d, plate, given.tiles, given.steps)
        moved = d.stats()
    print(
        f"{given.tiles}x{given.tiles} tiles, {given.steps} steps: mean "
        f"{found.mean():.4f}, warmest {found.max():.2f}"
    )
    print(f"{moved['moves']} cowns moved, {moved['copies']} copies of edges")
    return 0 if np.allclose(found, whole(plate, given.steps)) else 1


if __name__ == "__main__":
    run_program(main)
