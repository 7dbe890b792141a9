"""Word count over a directory tree, on the workers of a cluster.

Each file is one behavior without cowns, which any worker runs; its result stays there.
Words are counted in a few parts, each a cown; adding a file's words to a part is a
behavior over both. Where the parts live, the counts come to them, not the files.

    python -m bocpy.examples.cluster_wordcount docs --dask
    python -m bocpy.examples.cluster_wordcount docs --ray
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from bocpy.examples._cluster import cluster, cluster_parser
from bocpy.examples._command import run_program

WORD = re.compile(r"[A-Za-z]{2,}")
PARTS = 4


def words_of(path: str) -> list[dict[str, int]]:
    """The words of a file, by part."""
    text = Path(path).read_text(encoding="utf-8", errors="replace").lower()
    parts: list[Counter[str]] = [Counter() for _ in range(PARTS)]
    for word in WORD.findall(text):
        parts[ord(word[0]) % PARTS][word] += 1
    return [dict(part) for part in parts]


def add(part: Any, found: Any, number: int) -> None:
    """Adds a file's words to one part."""
    part.value.update(found.value[number])


def count_words(d: Any, paths: list[str]) -> Counter[str]:
    """All words of these files."""
    parts = [d.Cown(Counter()) for _ in range(PARTS)]
    for path in paths:
        found = d.whencall(words_of, [], [path])
        for number, part in enumerate(parts):
            d.whencall(add, [part, d.read(found)], [number])
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part.unwrap())
    return total


def main() -> int:
    options = cluster_parser(__doc__)
    options.add_argument("path", nargs="?", help="default: the package's own sources")
    options.add_argument("--suffix", default=".py", help="of the files (default: .py)")
    given = options.parse_args()
    root = Path(given.path or Path(__file__).parent.parent)
    paths = sorted(str(path) for path in root.rglob(f"*{given.suffix}"))
    with cluster(given) as d:
        total = count_words(d, paths)
    plain: Counter[str] = Counter()
    for path in paths:
        for part in words_of(path):
            plain.update(part)
    print(f"{len(paths)} files, {sum(total.values())} words; the most frequent:")
    for word, number in sorted(total.items(), key=lambda item: (-item[1], item[0]))[:5]:
        print(f"{number:8} {word}")
    return 0 if total == plain else 1


if __name__ == "__main__":
    run_program(main)
