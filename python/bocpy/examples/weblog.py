"""A web-log analyzer: access logs in the common or combined format, on all cores.

Files are cut into blocks of whole lines. A behavior without cowns reads and counts each
block; a behavior over its result and the total adds the counts. Compressed files (.gz)
are one block each. Without files it writes logs of its own first.

    python -m bocpy.examples.weblog /var/log/nginx/access.log*
    python -m bocpy.examples.weblog
"""

from __future__ import annotations

import gzip
import random
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bocpy import Cown, wait, when
from bocpy.examples._command import begin, count, parser, run_program

LINE = re.compile(
    rb'(?P<host>\S+) \S+ \S+ \[[^]]*\] "(?:\S+ (?P<page>\S+)[^"]*|[^"]*)"'
    rb" (?P<status>\d{3}) (?P<size>\d+|-)"
)
PAGES = ("/", "/index.html", "/about", "/search?q=cown", "/images/logo.png", "/missing")


@dataclass
class Counts:
    """The counts of a log; those of two blocks can be added."""

    lines: int = 0
    strange: int = 0
    size: int = 0
    hosts: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)

    def line(self, text: bytes) -> None:
        """Counts one line of a log."""
        self.lines += 1
        found = LINE.match(text)
        if found is None:
            self.strange += 1
            return
        self.hosts[found["host"].decode("utf-8", "replace")] += 1
        page = (found["page"] or b"-").decode("utf-8", "replace")
        self.pages[page.partition("?")[0]] += 1
        self.statuses[int(found["status"])] += 1
        if found["size"] != b"-":
            self.size += int(found["size"])

    def add(self, other: Counts) -> None:
        """Adds the counts of another block."""
        self.lines += other.lines
        self.strange += other.strange
        self.size += other.size
        self.hosts.update(other.hosts)
        self.pages.update(other.pages)
        self.statuses.update(other.statuses)


@dataclass(frozen=True)
class Block:
    """The lines of a file that begin at or after `begin` and before `end`."""

    path: str
    begin: int = 0
    end: int | None = None

    def read(self) -> Iterator[bytes]:
        if self.path.endswith(".gz"):
            with gzip.open(self.path) as packed:
                yield from packed
            return
        with open(self.path, "rb") as file:
            if self.begin:
                # A line that begins before the block belongs to the one before it.
                file.seek(self.begin - 1)
                file.readline()
            while self.end is None or file.tell() < self.end:
                line = file.readline()
                if not line:
                    return
                yield line

    def counts(self) -> Counts:
        """Counts all lines of the block."""
        result = Counts()
        for line in self.read():
            result.line(line)
        return result


def blocks(path: Path, size: int) -> Iterator[Block]:
    """Cuts a file into blocks of about `size` bytes."""
    if path.suffix == ".gz":
        yield Block(str(path))
        return
    whole = path.stat().st_size
    for first in range(0, whole, size):
        yield Block(str(path), first, min(first + size, whole))


def analyze(paths: list[Path], size: int) -> Counts:
    """The counts of all files, each block counted by a behavior."""
    total = Cown(Counts())
    for path in paths:
        for block in blocks(path, size):

            @when()
            def counts(block: Block = block) -> Counts:
                return block.counts()

            @when(total, counts)
            def _(total: Cown[Counts], counts: Cown[Counts]) -> None:
                total.value.add(counts.unwrap())

    wait()
    return total.unwrap()


def plain(paths: list[Path]) -> Counts:
    """The same in a plain loop."""
    total = Counts()
    for path in paths:
        total.add(Block(str(path)).counts())
    return total


def write_sample(folder: Path, lines: int, seed: int = 1) -> list[Path]:
    """Writes three logs, one of them compressed, with a few strange lines."""
    chance = random.Random(seed)
    paths = [folder / "access.log", folder / "access.log.1", folder / "access.log.2.gz"]
    for path in paths:
        with gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb") as log:
            for _ in range(lines // len(paths)):
                log.write(sample_line(chance))
    return paths


def sample_line(chance: random.Random) -> bytes:
    """One line of a made-up log."""
    if chance.random() < 0.001:
        return b"this line is from somewhere else\n"
    page = chance.choice(PAGES)
    status = 404 if page == "/missing" else chance.choice((200, 200, 200, 304, 500))
    size = "-" if status == 304 else str(chance.randrange(200, 20_000))
    host = f"10.0.{chance.randrange(4)}.{chance.randrange(1, 200)}"
    when = f"{chance.randrange(1, 29):02}/Nov/2026:12:00:00 +0000"
    return f'{host} - - [{when}] "GET {page} HTTP/1.1" {status} {size}\n'.encode()


def report(counts: Counts) -> None:
    print(f"{counts.lines:,} lines, {counts.strange:,} of them in no known format")
    print(f"{counts.size:,} bytes were sent to {len(counts.hosts):,} hosts")
    for title, found in (
        ("status", counts.statuses.most_common(5)),
        ("page", counts.pages.most_common(5)),
        ("host", counts.hosts.most_common(5)),
    ):
        for name, number in found:
            print(f"{title:>8}  {number:>9,}  {name}")


def run(paths: list[Path], size: int, check: bool) -> int:
    counts = analyze(paths, size)
    report(counts)
    if check and counts != plain(paths):
        print("a plain loop finds something else")
        return 1
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Analyzes logs; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("file", nargs="*", type=Path, help="access logs, .gz too")
    line.add_argument("--block", type=count, default=1 << 20, help="in bytes")
    line.add_argument("--lines", type=count, default=60_000, help="of the sample")
    line.add_argument("--check", action="store_true", help="compare with a plain loop")
    options = line.parse_args(arguments)
    for path in options.file:
        if not path.is_file():
            line.error(f"there is no file {path}")
    begin(options)
    if options.file:
        return run(options.file, options.block, options.check)
    with tempfile.TemporaryDirectory() as folder:
        sample = write_sample(Path(folder), options.lines)
        return run(sample, options.block, check=True)


if __name__ == "__main__":
    run_program(main)
