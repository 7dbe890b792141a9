"""`python -m bocpy.examples`: lists the examples; with a name, runs one."""

from __future__ import annotations

import ast
import pkgutil
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import bocpy.examples
from bocpy._command_line import run_program


def names() -> list[str]:
    """The examples, by name."""
    found = pkgutil.iter_modules(bocpy.examples.__path__)
    return sorted(module.name for module in found if not module.name.startswith("_"))


def about(name: str) -> str:
    """The first line of an example's docstring; nothing of it is run."""
    spec = find_spec(f"bocpy.examples.{name}")
    text = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main() -> int:
    """Returns the exit code; an example that runs ends by itself."""
    known = names()
    name = sys.argv[1].replace("-", "_") if len(sys.argv) > 1 else ""
    if name in known:
        sys.argv[:] = [f"bocpy.examples.{name}", *sys.argv[2:]]
        runpy.run_module(f"bocpy.examples.{name}", run_name="__main__", alter_sys=True)
        return 0
    if name and name not in ("_h", "__help"):
        print(f"bocpy: there is no example {sys.argv[1]!r}", file=sys.stderr)
    print("usage: python -m bocpy.examples NAME [OPTION ...]\n")
    for each in known:
        print(f"  {each:<20} {about(each)}")
    print("\nEach says more with --help, and is a file to read in")
    print(f"{Path(bocpy.examples.__path__[0])}")
    return 2 if name and name not in known and name not in ("_h", "__help") else 0


if __name__ == "__main__":
    run_program(main)
