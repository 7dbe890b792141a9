"""Makes pictures that stand alone of those in docs/pictures, for pages without a theme.

    python tools/pictures.py            writes docs/_static/NAME-light.svg and -dark.svg
    python tools/pictures.py --check    fails if that would change anything

The drawings of docs/pictures take their colors from the site's theme. README.md is
shown where there is no theme: for that the colors are written into the file.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALONE = ("locks", "accounts")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
COLORS = {
    "light": {
        "boc-cown": "#0b5c8a",
        "boc-behavior": "#b4530a",
        "boc-body": "#f2e0d3",
        "boc-ok": "#1d7a46",
        "boc-wait": "#8a8f98",
        "color-foreground-primary": "#111111",
        "color-foreground-muted": "#5a5f68",
        "color-background-primary": "#ffffff",
        "color-background-secondary": "#f3f6f9",
        "font-stack": FONT,
    },
    "dark": {
        "boc-cown": "#6cc3f5",
        "boc-behavior": "#f2a65a",
        "boc-body": "#3b2e22",
        "boc-ok": "#6fd69a",
        "boc-wait": "#7d838d",
        "color-foreground-primary": "#eeeeee",
        "color-foreground-muted": "#a9afb8",
        "color-background-primary": "#0d1117",
        "color-background-secondary": "#1b2026",
        "font-stack": FONT,
    },
}


def style(colors: dict[str, str]) -> str:
    """The site's rules for pictures, with the colors written out."""
    css = (ROOT / "docs" / "_static" / "site.css").read_text(encoding="utf-8")
    rules = [
        line.partition(".boc-picture ")[2]
        for line in css.splitlines()
        if line.startswith(".boc-picture ") and not line.startswith(".boc-picture svg")
    ]
    kept = (rule for rule in rules if not rule.startswith("figcaption"))
    return colored("\n".join(kept), colors)


def colored(text: str, colors: dict[str, str]) -> str:
    for name, value in colors.items():
        text = text.replace(f"var(--{name})", value)
    return text


def alone(name: str, colors: dict[str, str]) -> str:
    """The drawing as a file of its own."""
    drawing = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    head, _, rest = colored(drawing, colors).partition("\n")
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    return f"{head}\n  <style>\n{style(colors)}\n  </style>\n{rest}"


def main() -> int:
    stale = []
    for name in ALONE:
        for side, colors in COLORS.items():
            target = ROOT / "docs" / "_static" / f"{name}-{side}.svg"
            text = alone(name, colors)
            if target.exists() and target.read_text(encoding="utf-8") == text:
                continue
            stale.append(target.relative_to(ROOT))
            if "--check" not in sys.argv:
                target.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path}: {'is stale' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
