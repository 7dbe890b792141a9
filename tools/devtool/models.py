"""What the models of tests/models need besides a C compiler."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from devtool.base import Problem, ask_to_install

HEADER = Path("relacy") / "relacy.hpp"


def include_folders() -> list[Path]:
    named = os.environ.get("CPLUS_INCLUDE_PATH", "").split(os.pathsep)
    places = [name for name in named if name] + ["/usr/local/include", "/usr/include"]
    return [Path(place) for place in places]


def missing() -> str | None:
    """What is missing for the models, and how to get it; None if nothing is."""
    if sys.platform != "linux":
        return "models run on Linux only"
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        return "no C++ compiler: " + ask_to_install("g++", "gcc-c++", "", "")
    if not any((folder / HEADER).exists() for folder in include_folders()):
        return "no Relacy: " + ask_to_install("relacy-dev", "relacy", "", "")
    return None


def without_spin() -> str | None:
    """What to install for the models in Spin's language, if Spin is missing."""
    if shutil.which("spin"):
        return None
    return "no Spin: " + ask_to_install("spin", "spin", "", "")


def require() -> None:
    lacking = missing()
    if lacking:
        raise Problem(lacking)
