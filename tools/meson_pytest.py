#!/usr/bin/env python3
"""What `meson test` runs for Python: a suite, on the package as it stands in the build.

    meson_pytest.py BUILD py      bocpy's suite
    meson_pytest.py BUILD cffi    the suite of bindings/libboc

The package is made in BUILD/site of links to its sources and to the extensions that
were built, so that nothing has to be installed. Without pytest, or for `cffi` without a
module by cffi in the build, the test is skipped (77).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = 77
SUFFIXES = (".so", ".pyd", ".dylib")


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.symlink_to(source)
    except OSError:  # on Windows only some users may make links
        shutil.copy2(source, target)


def overlay(site: Path, sources: Path, built: Path, *extensions: str) -> bool:
    """Puts a package together; False if an extension that it needs was not built."""
    for path in sources.rglob("*"):
        inside = path.relative_to(sources)
        if path.is_file() and "__pycache__" not in inside.parts:
            put(path, site / inside)
    for path in built.rglob("*"):
        if path.suffix in SUFFIXES:
            put(path, site / path.name)
    return all(
        any(list(site.glob(f"{name}.*{suffix}")) for suffix in SUFFIXES)
        for name in extensions
    )


def main() -> int:
    build, suite = Path(sys.argv[1]).resolve(), sys.argv[2]
    site = build / f"site-{suite}"
    shutil.rmtree(site, ignore_errors=True)
    built = build / "python"
    whole = overlay(site / "bocpy", ROOT / "python" / "bocpy", built)
    if suite == "cffi":
        sources = ROOT / "bindings" / "libboc" / "libboc"
        whole = overlay(site / "libboc", sources, built, "_libboc")
    lacking = [n for n in ("pytest", "hypothesis") if not importlib.util.find_spec(n)]
    if lacking or not whole:
        print(
            "skipped: no", " and no ".join(lacking or ["module by cffi in the build"])
        )
        return SKIPPED
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-m", "not stress", ROOT / "tests" / suite, *sys.argv[3:]],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
