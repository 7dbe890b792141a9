"""The list of jobs that `./dev test` runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TextIO

from devtool import cbuild, checks, compilers, models, platforms, pybuild
from devtool.base import WINDOWS, Problem, ask_to_install, say
from devtool.cbuild import Configuration
from devtool.interpreters import Interpreter, choose, discover, newest
from devtool.jobs import Job, Tally

#: The Pythons of the whole matrix; it names those that are not installed and leaves
#: them out.
PYTHONS = (
    "3.10",
    "3.11",
    "3.12",
    "3.13",
    "3.13t",
    "3.14",
    "3.14t",
    "3.15",
    "pypy3.11",
)


@dataclass(frozen=True)
class Wish:
    """The choices of the command line."""

    c: bool = True
    python: bool = True
    matrix: bool = False
    pythons: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    configuration: Configuration = field(default_factory=Configuration)
    pytest_arguments: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """The default: this machine's compiler, and the newest Python."""
        return self.configuration == Configuration() and not self.platforms


def all_configurations() -> list[Configuration]:
    """All ways to build libboc that this machine can test; prints those that it
    cannot."""
    found = [None] if WINDOWS else compilers.available()
    if not found:
        raise Problem(f"no C compiler: {compilers.how_to_install('gcc')}")
    first, last = found[0], found[-1]
    for name in () if WINDOWS else ("gcc", "clang"):
        if name not in found:
            say(f"without {name}: {compilers.how_to_install(name)}")
    # The other builds by the last compiler are without the checks.
    result = [Configuration(first), Configuration(last, checks=True)]
    if WINDOWS:
        # other builds use a sanitizer, too
        result.append(Configuration(first, tiny=True))
    result.append(Configuration(last, systematic=True))
    if not WINDOWS:
        result.append(Configuration(last, park="posix", sanitize="thread"))
        result.append(Configuration(last, sanitize="address,undefined"))
        result.append(Configuration(first, sanitize="address,undefined", tiny=True))
    others = quick_platforms()
    parks = {each.park for each in others}
    if sys.platform == "linux" and "c11" not in parks:
        result.append(Configuration(first, park="c11"))
    lacking = models.missing()
    if lacking:
        say(f"without the models: {lacking}")
    else:
        result.insert(0, Configuration(models=True))
    return result + others


def quick_platforms() -> list[Configuration]:
    """The platforms whose tests are quick, if their programs are installed."""
    result = []
    for platform in platforms.PLATFORMS.values():
        lacking = platforms.missing(platform)
        if platform.matrix and lacking:
            say(f"without {platform.name}: no {' and no '.join(lacking)}")
        elif platform.matrix:
            result += on_platform(platform.name, platform.matrix)
    return result


def on_platform(name: str, park: str) -> list[Configuration]:
    """The platform with the park backend that was asked for, or with each of its
    backends."""
    parks = platforms.get(name).parks if park == "auto" else (park,)
    return [Configuration(platform=name, park=each) for each in parks]


def all_pythons() -> list[Interpreter]:
    found = discover()
    result = []
    for version in PYTHONS:
        try:
            result.append(choose(version, found))
        except Problem as problem:
            say(f"without Python {version}: {problem}")
    return result


def test_python(interpreter: Interpreter, rest: tuple[str, ...], log: TextIO) -> Tally:
    return pybuild.test(interpreter, log, *rest)


def python_jobs(wish: Wish) -> Iterator[Job]:
    best = newest()
    if wish.matrix and not wish.pythons:
        chosen = all_pythons()
    else:
        chosen = [choose(spec) for spec in wish.pythons] or [best]
    for each in chosen:
        where = f"the chroot {each.chroot}" if each.chroot else each.executable
        say(f"Python {each.label} of {where}")
        files = pybuild.matrix_arguments(each, newest=each == best)
        rest = wish.pytest_arguments or (files if wish.matrix else ())
        yield Job(f"py-{each.name}", partial(test_python, each, rest))
    if wish.matrix:
        cffi = (*pybuild.matrix_cffi_arguments("test_guide.py"), "tests/cffi")
        yield Job("py-cffi", lambda log: pybuild.test_cffi(best, log, *cffi))
        yield Job("py-soak", lambda log: pybuild.test_soak(best, 1, log))
        yield from cluster_jobs()
        yield Job("py-loops", lambda log: pybuild.test_loops(best, log))
        yield Job("py-tools", lambda log: pybuild.test_tools(best, log))
        yield Job("py-sdist", lambda log: pybuild.test_sdist(best, log))
        yield Job("py-editable", lambda log: pybuild.test_editable(best, log))
        yield Job("docs", lambda log: pybuild.test_docs(best, log))


def cluster_jobs() -> Iterator[Job]:
    """The tests on clusters, on one interpreter, if that is installed."""
    try:
        chosen = choose(pybuild.DISTRIBUTED_PYTHON)
    except Problem as problem:
        say(f"without bocpy.distributed: {problem}")
        return
    yield Job("py-distributed", lambda log: pybuild.test_distributed(chosen, log))


def c_jobs(wish: Wish, interpreter: Interpreter, processes: int) -> Iterator[Job]:
    if wish.platforms:
        configurations = [
            each
            for name in expand(wish.platforms)
            for each in on_platform(name, wish.configuration.park)
        ]
    elif wish.matrix:
        configurations = all_configurations()
    elif wish.plain:
        configurations = [Configuration(), Configuration(systematic=True)]
    else:
        configurations = [wish.configuration]
    for each in configurations:
        if each.models and (lacking := models.without_spin()):
            say(f"without the models in Spin's language: {lacking}")
        yield Job(each.name, partial(cbuild.test, each, interpreter, processes))


def expand(names: tuple[str, ...]) -> list[str]:
    if "all" in names:
        return list(platforms.PLATFORMS)
    return [platforms.get(name).name for name in names]


def require_compiler(wish: Wish) -> None:
    """Raises one Problem at once; otherwise each job would fail to build."""
    if wish.configuration.compiler:
        compilers.require(wish.configuration.compiler)
    elif not wish.platforms:
        compilers.default()


def jobs(wish: Wish, interpreter: Interpreter, processes: int) -> list[Job]:
    """The longest first, so that no core is idle at the end."""
    require_compiler(wish)
    result: list[Job] = []
    if wish.python and wish.plain:
        result += python_jobs(wish)
    if wish.matrix and wish.c and wish.python:
        names = list(checks.CHECKS)
        check = checks.run_checks
        result.append(Job("check", lambda log: check(interpreter, names, False, log)))
    if wish.c and wish.python and wish.plain:
        if not compilers.pkg_config():
            install = ask_to_install(
                "pkg-config", "pkgconf", "brew install pkgconf", ""
            )
            say(f"without tests/install: no pkg-config: {install}")
        result.append(Job("dev", lambda log: pybuild.test_dev(interpreter, log)))
    if wish.c:
        result += c_jobs(wish, interpreter, processes)
    return result
