"""Cross compilation: what each platform of `./dev test --platform` needs.

A platform is a cross file in tools/cross, the programs that it needs on PATH (with the
Debian packages that have them), the park backends with which it is tested, and whether
its programs can run here. Those that cannot are compiled and linked, and that counts as
one test.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from devtool import environments
from devtool.base import ROOT, WORK, Problem, ask_to_install
from devtool.environments import Environment

CROSS = ROOT / "tools" / "cross"


@dataclass(frozen=True)
class Platform:
    name: str
    text: str
    #: The programs it needs, and the Debian packages that bring them.
    programs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    runs: bool = True
    zig: bool = False
    wine: bool = False
    parks: tuple[str, ...] = ("posix", "c11")
    #: The backend with which `./dev test --matrix` tests it, if its programs are
    #: installed.
    matrix: str | None = None

    @property
    def verdict(self) -> str:
        return "run" if self.runs else "built"


def qemu(name: str, triple: str, emulator: str, libc: str) -> Platform:
    return Platform(
        name,
        f"Linux on {name}, under QEMU's user mode",
        programs=(f"{triple}-gcc", f"qemu-{emulator}-static"),
        packages=(
            f"gcc-{triple.replace('_', '-')}",
            f"libc6-dev-{libc}-cross",
            "qemu-user-static",
        ),
    )


def zig(name: str, text: str, *parks: str) -> Platform:
    text += ", compiled and linked only"
    return Platform(name, text, runs=False, zig=True, parks=parks)


PLATFORMS = {
    each.name: each
    for each in (
        Platform(
            "mingw",
            "Windows on x86-64, MinGW-w64 under Wine",
            programs=("x86_64-w64-mingw32-gcc-win32", "/usr/lib/wine/wine64"),
            packages=("gcc-mingw-w64-x86-64-win32", "wine64", "wine"),
            wine=True,
            parks=("win",),
        ),
        Platform(
            "musl",
            "Linux on x86-64 with musl",
            programs=("musl-gcc",),
            packages=("musl-tools",),
            matrix="c11",
        ),
        Platform(
            "i686",
            "Linux on 32-bit x86, run by the kernel itself",
            programs=("i686-linux-gnu-gcc",),
            packages=("gcc-i686-linux-gnu", "libc6-dev-i386-cross"),
            matrix="posix",
        ),
        qemu("aarch64", "aarch64-linux-gnu", "aarch64", "arm64"),
        Platform(
            "aarch64-clang",
            "Linux on aarch64 by clang, under QEMU's user mode",
            programs=(
                "clang",
                "llvm-ar",
                "aarch64-linux-gnu-gcc",
                "qemu-aarch64-static",
            ),
            packages=(
                "clang",
                "llvm",
                "gcc-aarch64-linux-gnu",
                "libc6-dev-arm64-cross",
                "qemu-user-static",
            ),
            parks=("posix",),
        ),
        qemu("armhf", "arm-linux-gnueabihf", "arm", "armhf"),
        qemu("riscv64", "riscv64-linux-gnu", "riscv64", "riscv64"),
        qemu("s390x", "s390x-linux-gnu", "s390x", "s390x"),
        zig("macos-arm64", "macOS on ARM", "posix"),
        zig("macos-x86_64", "macOS on x86-64", "posix"),
        zig("windows-arm64", "Windows on ARM", "win"),
        zig("freebsd", "FreeBSD on x86-64", "posix", "c11"),
    )
}


def get(name: str) -> Platform:
    if name not in PLATFORMS:
        raise Problem(f"no platform {name}: there are {', '.join(PLATFORMS)}")
    return PLATFORMS[name]


def table() -> str:
    """All platforms, and for those that cannot be tested what is missing."""
    lines = []
    for name, platform in PLATFORMS.items():
        lacking = missing(platform)
        needs = f"; needs {' '.join(platform.packages)}" if lacking else ""
        parks = " ".join(platform.parks)
        verdict = platform.verdict
        lines.append(f"{name:<14} {verdict:<6} {parks:<10} {platform.text}{needs}")
    return "\n".join(lines)


def missing(platform: Platform) -> list[str]:
    return [name for name in platform.programs if shutil.which(name) is None]


def require(name: str) -> None:
    """Raises a Problem that says what to install, if the platform lacks something."""
    platform = get(name)
    lacking = missing(platform)
    if lacking:
        packages = " ".join(platform.packages)
        install = ask_to_install(
            packages, packages, "not supported here", "not supported here"
        )
        raise Problem(f"{name} needs {' and '.join(lacking)}: {install}")


def runs(name: str) -> bool:
    return get(name).runs


def setup_arguments(name: str) -> list[str]:
    return ["--cross-file", str(CROSS / f"{get(name).name}.ini")]


def variables(name: str) -> dict[str, str]:
    changes: dict[str, str] = {}
    if get(name).wine:
        changes["WINEPREFIX"] = str(WORK / "wine")
        changes["WINEDEBUG"] = "-all"
        changes["DISPLAY"] = ""
    return changes


def add_tools(name: str, tools: Environment, log: TextIO) -> Environment:
    """The environment with tools from PyPI; makes Wine's folder once."""
    platform = get(name)
    if platform.zig:
        files = environments.requirements("build", "cross")
        tools = environments.make("cross", tools.interpreter, files, log=log)
    if platform.wine and not (WORK / "wine" / "system.reg").exists():
        WORK.mkdir(exist_ok=True)
        boot: list[str | Path] = ["/usr/lib/wine/wine64", "wineboot", "-u"]
        tools.run(boot, log=log, **variables(name))
    return tools
