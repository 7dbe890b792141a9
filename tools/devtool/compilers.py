"""Finds the installed C compilers, and says what to install where there is none."""

from __future__ import annotations

import os
import shutil

from devtool.base import WINDOWS, Problem, ask_to_install

INSTALL = {
    "gcc": ("gcc", "gcc", "xcode-select --install", "winget install MSYS2.MSYS2"),
    "clang": (
        "clang",
        "clang compiler-rt",
        "xcode-select --install",
        "winget install LLVM.LLVM",
    ),
    "cl": (
        "gcc",
        "gcc",
        "xcode-select --install",
        "install the Visual Studio Build Tools with their C++ workload",
    ),
}


def how_to_install(compiler: str) -> str:
    return ask_to_install(*INSTALL.get(compiler, INSTALL["cl" if WINDOWS else "gcc"]))


def default() -> str | None:
    """The compiler that Meson would pick by itself, or None where it finds MSVC."""
    named = os.environ.get("CC")
    if named:
        return named
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return name
    if WINDOWS:
        return None
    raise Problem(f"no C compiler: {how_to_install('gcc')}")


def require(compiler: str) -> str:
    """The compiler asked for by name, or a Problem that says what to install."""
    if WINDOWS and compiler in ("cl", "msvc"):
        return "cl"
    if shutil.which(compiler.split()[0]) is None and compiler in INSTALL:
        raise Problem(f"no {compiler}: {how_to_install(compiler)}")
    if shutil.which(compiler.split()[0]) is None:
        raise Problem(f"no {compiler} on PATH: name a C compiler that is there")
    return compiler


def pkg_config() -> bool:
    """Whether the tests of an installed libboc can ask pkg-config for link options."""
    return not WINDOWS and shutil.which("pkg-config") is not None


def available() -> list[str]:
    return [name for name in ("gcc", "clang") if shutil.which(name)]
