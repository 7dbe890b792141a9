"""Wheels as they are published: built, repaired, checked, installed, tested.

For each interpreter: a release build with the time of the last commit in every file, so
that the same sources give the same bytes; auditwheel, which names the oldest glibc (or
musl) that it runs on; twine's check; an environment with nothing else in it; the tests
that show that a package is whole. `--twice` builds each again and compares. The list of
what is inside (SBOM, CycloneDX) and the sizes come with them, in `dist/`.

cibuildwheel does the same for all platforms where it has containers or the platform
itself (.github/workflows/wheels.yml); here it is what this machine's glibc allows.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import TextIO

from devtool import environments, pybuild
from devtool.base import ROOT, WORK, Command, Problem, output, remove_tree, say
from devtool.environments import Environment
from devtool.interpreters import Interpreter
from devtool.progress import Progress

DIST = ROOT / "dist"
LOGS = WORK / "logs"


def commit_time() -> str:
    """SOURCE_DATE_EPOCH: the time of the last commit."""
    return (output(["git", "log", "-1", "--format=%ct"], cwd=ROOT) or "0").strip()


def build(env: Environment, place: Path, log: TextIO) -> Path:
    """Builds a wheel in a clean folder, without files of an earlier build."""
    remove_tree(place)
    place.mkdir(parents=True)
    settings = [f"--config-settings=build-dir={place / 'build'}"]
    # If the build maps the path of the sources away, no file contains it.
    flags = f"-ffile-prefix-map={ROOT}=. -ffile-prefix-map={place}=."
    command: Command = [env.python, "-m", "pip", "-q", "wheel", *settings]
    command += ["--no-build-isolation", "--no-deps", "-w", place / "out", ROOT]
    variables = {"SOURCE_DATE_EPOCH": commit_time(), "CFLAGS": flags}
    env.run(command, log=log, **variables)
    (wheel,) = (place / "out").glob("*.whl")
    return wheel


def repair(env: Environment, wheel: Path, log: TextIO) -> Path:
    """The wheel with the tag of the oldest system that it runs on, in `dist/`."""
    done = WORK / "wheels" / "repaired"
    remove_tree(done)
    command: Command = [env.tool("auditwheel"), "repair", "--strip", "-w", done, wheel]
    env.run(command, log=log, SOURCE_DATE_EPOCH=commit_time())
    (repaired,) = done.glob("*.whl")
    DIST.mkdir(exist_ok=True)
    return Path(shutil.copy2(repaired, DIST))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def difference(first: Path, second: Path) -> list[str]:
    """The files of two wheels that differ in their bytes."""
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as other:
        names = sorted({*one.namelist(), *other.namelist()})
        return [
            name
            for name in names
            if name not in one.namelist()
            or name not in other.namelist()
            or one.read(name) != other.read(name)
        ]


def check_twice(env: Environment, first: Path, log: TextIO) -> None:
    """Problem unless a second build has the same bytes."""
    second = build(env, WORK / "wheels" / "second", log)
    if digest(first) != digest(second):
        files = ", ".join(difference(first, second)) or "their order or times"
        raise Problem(f"{first.name}: a second build differs in {files}")


def test_installed(interpreter: Interpreter, wheel: Path, log: TextIO) -> None:
    """Installs it in an empty environment, and runs the tests that show that it is
    complete."""
    name = f"clean-{interpreter.name}"
    files = environments.requirements("test")
    env = environments.make(name, interpreter, files, log=log, fresh=True)
    pybuild.install_wheel(env, wheel, log)
    tally = pybuild.suite(env, name, log, *pybuild.suite_files(*pybuild.SMOKE))
    say(f"  tests: {tally}")
    if tally.failed or not tally.passed:
        raise Problem(f"{wheel.name} fails its tests")


def make_sdist(env: Environment, log: TextIO) -> Path:
    """The source distribution, in `dist/`."""
    command: Command = [env.python, "-m", "build", "--sdist", "--no-isolation"]
    env.run([*command, "-o", DIST, ROOT], log=log, SOURCE_DATE_EPOCH=commit_time())
    return max(DIST.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)


def make_sbom(env: Environment, log: TextIO) -> Path:
    """What the package is made of, by cyclonedx-py, from pyproject.toml: the wheel has
    no dependencies at run time, so it is the package and its extras."""
    target = DIST / "bocpy.cdx.json"
    command: Command = [env.tool("cyclonedx-py"), "environment", env.python]
    command += ["--pyproject", ROOT / "pyproject.toml", "--output-reproducible"]
    env.run([*command, "-o", target], log=log)
    return target


def unpacked(path: Path) -> int:
    """The size of all files inside, in bytes."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return sum(each.file_size for each in archive.infolist())
    with tarfile.open(path) as source:
        return sum(each.size for each in source.getmembers())


def sizes(paths: list[Path]) -> str:
    """A table for the page of a release."""
    lines = ["| file | packed, kB | unpacked, kB | SHA-256 |"]
    lines += ["| --- | ---: | ---: | --- |"]
    lines += [
        f"| {path.name} | {path.stat().st_size / 1000:,.0f} |"
        f" {unpacked(path) / 1000:,.0f} | {digest(path)} |"
        for path in paths
    ]
    return "\n".join(lines) + "\n"


#: Tests that the command leaves out, and where they run.
NOT_MADE = (
    "musllinux: not built, since these interpreters are glibc's; cibuildwheel builds"
    " and tests it (.github/workflows/wheels.yml), and `./dev test --platform musl`"
    " tests libboc on musl here",
    "abi3audit: does not apply, since no wheel claims the stable ABI (abi3): each is"
    " for the one version of its tag",
)


def make(interpreters: list[Interpreter], *, twice: bool) -> int:
    """All of it; returns the exit code."""
    LOGS.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    path = LOGS / "wheels.log"
    with path.open("w", encoding="utf-8") as log, Progress() as progress:
        for each in interpreters:
            progress.say(f"Python {each.label}")
            with progress.step(f"environment of {each.name}"):
                env = pybuild.wheel_environment(each, log, "release")
            with progress.step(f"building for {each.name}"):
                wheel = build(env, WORK / "wheels" / "first", log)
            if twice:
                with progress.step(f"building for {each.name} again"):
                    check_twice(env, wheel, log)
                progress.say("  built twice: the same bytes")
            made.append(repair(env, wheel, log))
            progress.say(f"  {made[-1].name}")
            with progress.step(f"testing {each.name}"):
                test_installed(each, made[-1], log)
        made.append(make_sdist(env, log))
        sbom = make_sbom(env, log)
        env.run([env.tool("twine"), "check", "--strict", *made], log=log)
    (DIST / "SIZES.md").write_text(sizes(made), encoding="utf-8")
    say(f"{len(made)} files, {sbom.name} and SIZES.md are in {DIST}")
    for line in NOT_MADE:
        say(line)
    return 0
