#!/usr/bin/env python3
"""Finds libboc's sources for this package: in the tree around it, or in its sdist.

    upstream.py setup    makes subprojects/boc show the libboc of the tree, if this is
                         in one, and prints libboc's version
    upstream.py dist     puts libboc's sources into an sdist (MESON_DIST_ROOT)

In the tree, subprojects/boc has copies of some files and links to the others (copies
where the system refuses links). An sdist contains subprojects/boc.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[1]
PLACE = Path("subprojects") / "boc"
#: The files that a build of libboc as a subproject reads.
FILES = ("meson.build", "meson.options", "LICENSE")
FOLDER = "libboc"


def in_tree() -> bool:
    return (TREE / FOLDER / "include" / "boc" / "boc.h").exists()


def version() -> str:
    source = TREE if in_tree() else HERE / PLACE
    text = (source / "meson.build").read_text(encoding="utf-8")
    found = re.search(r"^project\([^)]*?\bversion: '([^']+)'", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"upstream.py: no version in {source / 'meson.build'}")
    return found.group(1)


def remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def link() -> None:
    if not in_tree():
        if not (HERE / PLACE / FOLDER).exists():
            raise SystemExit(
                "upstream.py: no libboc here: build of a clone or an sdist"
            )
        return
    place = HERE / PLACE
    place.mkdir(parents=True, exist_ok=True)
    # A link that is right stays, since another build may be reading it. The link is
    # relative, so that it is right wherever the tree is mounted.
    for name in FILES:
        if not same(TREE / name, place / name):
            remove(place / name)
            shutil.copy2(TREE / name, place / name)
    target = os.path.relpath(TREE / FOLDER, place)
    if (place / FOLDER).is_symlink() and os.readlink(place / FOLDER) == target:
        return
    remove(place / FOLDER)
    try:
        (place / FOLDER).symlink_to(target, target_is_directory=True)
    except OSError:
        shutil.copytree(TREE / FOLDER, place / FOLDER)


def setup() -> None:
    """Meson runs this before it looks for subprojects, which must exist by then."""
    link()
    print(version())


def dist() -> None:
    root = Path(os.environ["MESON_DIST_ROOT"])
    place = root / PLACE
    remove(place)
    place.mkdir(parents=True)
    source = TREE if in_tree() else HERE / PLACE
    for name in FILES:
        shutil.copy2(source / name, place / name)
    for name in tracked(source):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, place / name)
    shutil.copy2(source / "LICENSE", root / "LICENSE")


def tracked(source: Path) -> list[str]:
    """libboc's files, without other files that a clone may have."""
    if in_tree():
        command = ["git", "-C", str(source), "ls-files", "-z", "--", FOLDER]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [name for name in done.stdout.split("\0") if name]
    return [
        path.relative_to(source).as_posix()
        for path in sorted((source / FOLDER).rglob("*"))
        if path.is_file()
    ]


def main() -> None:
    commands = {"setup": setup, "dist": dist}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        raise SystemExit(__doc__)
    commands[sys.argv[1]]()


if __name__ == "__main__":
    main()
