#!/usr/bin/env python3
"""Makes those drawings of docs/pictures that are written down as text.

    tools/diagrams.py            writes docs/pictures/NAME.svg, for each drawing below
    tools/diagrams.py --check    fails if that would change anything

The layers are those of libboc/meson.build, which the compiler obeys: a room that is new
there needs its line in ROOMS here. All other drawings are written down below.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parents[1]
MESON = ROOT / "libboc" / "meson.build"
PICTURES = ROOT / "docs" / "pictures"
WIDTH = 720

#: What a room is about. In a row the rooms stand in this order.
ROOMS = {
    "runtime": "the handle: start and stop, schedule, lanes, statistics, traces",
    "scheduler": "workers: how they find behaviors, run them, and when they park",
    "protocol": "cown, request, behavior, scope",
    "mailbox": "messages",
    "noticeboard": "notices",
    "base": "memory blocks, a ring, a reader-writer lock, waiters",
    "testing": "chosen interleavings",
    "ground": "libboc/src itself: atomics, threads, mutexes, time, platforms",
}
#: How wide a room is drawn, compared with the others of its row.
SHARES = {"protocol": 2, "base": 3}


@dataclass
class Drawing:
    """An SVG that takes its colors from the theme of the site."""

    name: str
    title: str
    description: str
    height: int
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, css: str = "") -> None:
        self.label(x, y, text, css, "middle")

    def label(
        self, x: float, y: float, text: str, css: str = "", anchor: str = "start"
    ) -> None:
        """A text that begins, has its middle or ends at (x, y)."""
        mark = f' class="{css}"' if css else ""
        place = f'x="{x:g}" y="{y:g}"'
        if anchor != "start":
            place += f' text-anchor="{anchor}"'
        self.parts.append(f"<text{mark} {place}>{escape(text)}</text>")

    def box(self, css: str, at: tuple[float, float], size: tuple[float, float]) -> None:
        (x, y), (width, height) = at, size
        self.parts.append(
            f'<rect class="{css}" x="{x:g}" y="{y:g}" width="{width:g}" '
            f'height="{height:g}" rx="8"/>'
        )

    def named_box(
        self,
        css: str,
        at: tuple[float, float],
        size: tuple[float, float],
        lines: tuple[str, ...],
    ) -> None:
        """A box with a name and, smaller, a line about it."""
        self.box(css, at, size)
        middle = at[0] + size[0] / 2
        first = at[1] + size[1] / 2 + 5 - 9 * (len(lines) - 1)
        for i, line in enumerate(lines):
            self.text(middle, first + 18 * i, line, "small" if i else "")

    def arrow(self, *points: tuple[float, float], css: str = "line") -> None:
        """A line with a head at its last point; its last stretch is straight."""
        (x0, y0), (x, y) = points[-2:]
        path = "M" + " L ".join(f"{a:g} {b:g}" for a, b in points)
        if x != x0:
            back = -8 if x > x0 else 8
            head = ((x + back, y - 5), (x, y), (x + back, y + 5))
        else:
            back = -8 if y > y0 else 8
            head = ((x - 5, y + back), (x, y), (x + 5, y + back))
        path += " M" + " L ".join(f"{a:g} {b:g}" for a, b in head)
        self.parts.append(f'<path class="{css}" d="{path}"/>')

    def svg(self) -> str:
        name = self.name
        return (
            "\n  ".join(
                [
                    f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" '
                    f'aria-labelledby="{name}-title {name}-desc">',
                    f'<title id="{name}-title">{escape(self.title)}</title>',
                    f'<desc id="{name}-desc">{escape(self.description)}</desc>',
                    *self.parts,
                ]
            )
            + "\n</svg>\n"
        )


def rooms() -> dict[str, list[str]]:
    """Each room of libboc/meson.build, and the rooms that it may include."""
    text = MESON.read_text(encoding="utf-8")
    block = text.partition("boc_rooms = {")[2].partition("}")[0]
    found = re.findall(r"^  '(\w+)': \[(.*?)\],$", block, re.MULTILINE)
    return {name: re.findall(r"\w+", below) for name, below in found}


def level(room: str, below: dict[str, list[str]]) -> int:
    return max((level(lower, below) + 1 for lower in below[room]), default=0)


def layers() -> Drawing:
    below = rooms()
    if set(below) != set(ROOMS):
        sys.exit(f"tools/diagrams.py has the rooms {set(ROOMS)}, not {set(below)}")
    rows: dict[int, list[str]] = {}
    for room in ROOMS:
        rows.setdefault(level(room, below), []).append(room)
    # What stands on the lowest rooms alone is drawn as high as there is room for it.
    top = max(rows)
    drawing = Drawing(
        "layers",
        "The rooms of libboc/src, from the bottom up",
        "A room includes only headers of rooms below it. " + sentence(below),
        44 + 74 * (top + 1) + 40,
    )
    drawing.text(WIDTH / 2, 22, "public headers: libboc/include/boc")
    drawing.parts.append(f'<path class="line" d="M20 34 H {WIDTH - 20}"/>')
    for height, names in rows.items():
        y = 44 + 74 * (top - height)
        shares = [SHARES.get(name, 1) for name in names]
        unit = (WIDTH - 40 - 12 * (len(names) - 1)) / sum(shares)
        x = 20.0
        for name, share in zip(names, shares, strict=True):
            css = "wait" if name == "testing" else "box"
            label = "src/" if name == "ground" else f"{name}/"
            drawing.named_box(css, (x, y), (unit * share, 62), (label, ROOMS[name]))
            x += unit * share + 12
    drawing.text(
        WIDTH / 2,
        drawing.height - 14,
        "an include that points upward does not compile",
        "small",
    )
    return drawing


def sentence(below: dict[str, list[str]]) -> str:
    """The same as a sentence, for readers who cannot see the drawing."""
    return " ".join(
        f"{name} includes {', '.join(lower)}." for name, lower in below.items() if lower
    )


#: Each step of a behavior's life: its name, the file that has it, x, y.
STEPS = (
    ("new", "a block from a pool", 20, 40),
    ("link", "in its cowns' queues", 200, 40),
    ("waits", "pending > 0", 380, 40),
    ("ready", "pending = 0", 560, 40),
    ("queued", "LIFO slot, run queue, injector …", 450, 150),
    ("runs", "its body, on a worker", 200, 150),
    ("finished", "cowns handed on", 20, 150),
)


def life() -> Drawing:
    drawing = Drawing(
        "life",
        "The life of a behavior",
        "A behavior is made and linked into the queues of its cowns. It waits until it "
        "has them all; then it is ready and goes into a queue of the scheduler. A "
        "worker finds it, runs its body and hands its cowns on, which counts down the "
        "behaviors behind it.",
        250,
    )
    size = {name: (250 if name == "queued" else 140, 56) for name, *_ in STEPS}
    for name, about, x, y in STEPS:
        css = "body" if name == "runs" else "wait" if name == "waits" else "box"
        width, height = size[name]
        drawing.named_box(css, (x, y), (width, height), (name, about))
    for start in (160, 340, 520):
        drawing.arrow((start, 68), (start + 38, 68))
    drawing.arrow((630, 98), (630, 148))
    drawing.text(674, 126, "executor", "small")
    drawing.arrow((448, 178), (342, 178))
    drawing.text(384, 168, "find work", "small")
    drawing.arrow((198, 178), (162, 178))
    drawing.arrow((90, 208), (90, 232), (430, 232), (430, 98), css="wait")
    drawing.text(262, 226, "a successor gets the cown: its pending goes down", "small")
    drawing.text(180, 24, "the thread that schedules", "small")
    return drawing


#: The queue of a cown: who, and what its word says.
REQUESTS = (
    ("writer A", "runs", "body", "READY"),
    ("reader B", "waits", "wait", "READY"),
    ("reader C", "waits", "wait", "READY, WRITER_NEXT"),
    ("writer D", "waits", "wait", "READY"),
)
AFTER = (
    ("reader B", "runs", "body", "READY, GRANTED"),
    ("reader C", "runs", "body", "READY, GRANTED, …"),
    ("writer D", "waits", "wait", "READY"),
)


def draw_queue(
    drawing: Drawing, y: float, requests: tuple[tuple[str, str, str, str], ...]
) -> None:
    drawing.named_box("box", (20, y), (96, 56), ("cown", "tail"))
    step = 148
    for i, (name, state, css, word) in enumerate(requests):
        x = 140 + step * i
        drawing.named_box(css, (x, y), (118, 56), (name, state))
        drawing.text(x + 59, y + 74, word, "small")
        if i + 1 < len(requests):
            drawing.arrow((x + 118, y + 28), (x + step - 2, y + 28))
    last = 140 + step * (len(requests) - 1) + 59
    drawing.arrow((68, y), (68, y - 16), (last, y - 16), (last, y - 2))


def queue() -> Drawing:
    drawing = Drawing(
        "queue",
        "The queue of a cown, with readers and writers",
        "The tail of a cown names the last request; each request's word names its "
        "successor. First writer A runs, readers B and C and writer D wait. When A "
        "ends, B and C are granted and run side by side; D waits for both.",
        276,
    )
    draw_queue(drawing, 40, REQUESTS)
    drawing.text(WIDTH / 2, 144, "A ends: both readers are granted", "small")
    draw_queue(drawing, 178, AFTER)
    return drawing


def values() -> Drawing:
    drawing = Drawing(
        "values",
        "The states of a value with backend interpreters",
        "A value that is small and immutable is INLINE: its bytes are in the cown, and "
        "any interpreter may take it. Anything else is an object of the interpreter "
        "that used it last: BOXED if that is a worker's, OBJECT if it is the main one. "
        "When another interpreter needs it, the object is encoded into a buffer, and "
        "decoded there.",
        300,
    )
    box = (200, 62)
    drawing.named_box("box", (20, 40), box, ("NONE, INLINE", "bytes in the cown"))
    drawing.named_box("wait", (260, 40), box, ("ENCODED", "a buffer of its own"))
    drawing.named_box("body", (20, 196), box, ("BOXED", "object of a worker"))
    drawing.named_box("body", (500, 196), box, ("OBJECT", "object of the main one"))
    drawing.text(240, 24, "neutral: any interpreter may take it", "small")
    drawing.text(
        360, 284, "live: an object of the interpreter that used it last", "small"
    )
    drawing.arrow((110, 194), (110, 104))
    drawing.text(70, 150, "set: small", "small")
    drawing.arrow((130, 104), (130, 194))
    drawing.text(166, 150, "set: else", "small")
    drawing.arrow((210, 194), (300, 104))
    drawing.text(206, 126, "needed elsewhere", "small")
    drawing.arrow((330, 104), (330, 228), (222, 228))
    drawing.text(388, 222, "read by a worker", "small")
    drawing.arrow((440, 104), (560, 194))
    drawing.text(430, 160, "read in the main one", "small")
    drawing.arrow((600, 194), (600, 60), (462, 60))
    drawing.text(640, 90, "leaves it", "small")
    return drawing


#: Who does what in the tutorial's first program: row, text, look, left edge, width.
ROWS = (("main program", 70), ("a worker", 150), ("the cown", 230))
EVENTS = (
    (70, "Cown(0)", "box", 130, 90),
    (70, "@when", "box", 240, 80),
    (70, "goes on", "none", 330, 110),
    (70, "wait()", "wait", 450, 110),
    (70, "unwrap()", "box", 590, 90),
    (150, "count(counter)", "body", 370, 170),
    (230, "0", "box", 130, 220),
    (230, "held by the body", "body", 370, 170),
    (230, "1", "box", 560, 150),
)


def first_behavior() -> Drawing:
    drawing = Drawing(
        "first-behavior",
        "A cown and a behavior over it",
        "The main program makes a cown with the value 0 and schedules a behavior, "
        "which returns at once. A worker runs the body and holds the cown meanwhile. "
        "wait() returns when the body has ended; the value is 1 then.",
        280,
    )
    drawing.text(670, 24, "time →", "small")
    for name, y in ROWS:
        drawing.text(62, y + 5, name, "small")
        drawing.parts.append(f'<path class="line" d="M120 {y} H {WIDTH - 8}"/>')
    for y, text, css, x, width in EVENTS:
        if css != "none":
            drawing.box(css, (x, y - 21), (width, 42))
            drawing.text(x + width / 2, y + 5, text)
        else:
            drawing.text(x + width / 2, y - 8, text, "small")
    drawing.arrow((280, 91), (280, 150), (368, 150))
    drawing.text(322, 142, "scheduled", "small")
    drawing.arrow((540, 129), (540, 93))
    drawing.text(586, 118, "finished", "small")
    return drawing


#: The transfers of the tutorial: text, look, and the accounts that each holds.
TRANSFERS = (
    ("transfer 0 → 1", (0, 1)),
    ("transfer 1 → 2", (1, 2)),
    ("transfer 2 → 0", (2, 0)),
    ("balances", (0, 1, 2)),
)


def transfers() -> Drawing:
    drawing = Drawing(
        "transfers",
        "Three transfers in a circle, and a behavior over all accounts",
        "Each account has a queue. Transfer 0 to 1 is first in the queues of accounts"
        " 0 and 1, transfer 1 to 2 comes next in those of 1 and 2, transfer 2 to 0 in"
        " those of 2 and 0, balances last in all three. A behavior runs when it is "
        "first in all of its queues, so each waits only for earlier ones, and none "
        "waits in a circle.",
        240,
    )
    for account in range(3):
        y = 56 + 64 * account
        drawing.text(52, y + 5, f"account {account}")
        drawing.parts.append(f'<path class="line" d="M100 {y} H {WIDTH - 8}"/>')
    for i, (name, accounts) in enumerate(TRANSFERS):
        x = 112 + 152 * i
        for first, last in runs(sorted(accounts)):
            top, bottom = 56 + 64 * first - 21, 56 + 64 * last + 21
            drawing.box("body", (x, top), (140, bottom - top))
            drawing.text(x + 70, (top + bottom) / 2 + 5, name)
    drawing.text(WIDTH / 2, 22, "scheduled first → last", "small")
    text = "a behavior runs when it is first in all of its queues"
    drawing.text(WIDTH / 2, 228, text, "small")
    return drawing


def runs(numbers: list[int]) -> list[tuple[int, int]]:
    """The stretches of neighbors among sorted numbers: [0, 2] is (0, 0), (2, 2)."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def main() -> int:
    stale = []
    drawings = (layers(), life(), queue(), values(), first_behavior(), transfers())
    for drawing in drawings:
        target = PICTURES / f"{drawing.name}.svg"
        text = drawing.svg()
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale.append(target.relative_to(ROOT).as_posix())
        if "--check" not in sys.argv:
            target.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'is stale' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
