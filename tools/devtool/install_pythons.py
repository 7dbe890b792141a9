"""`./dev python VERSION`: prepares interpreters that no package manager of the machine
has.

3.13t is built from Debian's source package into the user's cache; 3.14 and 3.15 come
in a chroot (chroot.py). The source is fetched from the mirror that the machine's own
apt is set up with.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from devtool import chroot, compilers
from devtool.base import (
    WORK,
    Command,
    Failed,
    Problem,
    cache_directory,
    need,
    on_debian,
    output,
    remove_tree,
    say,
)
from devtool.interpreters import (
    CAN_BE_PREPARED,
    Interpreter,
    choose,
    discover,
    how_to_install,
    probe,
)

#: Versions that are built from source: Debian's package, its suite, options of
#: configure.
FROM_SOURCE = {
    "3.13t": ("python3.13", "forky", ("--disable-gil", "--with-ensurepip=install")),
}
#: Debian's packages that the standard library's extension modules need.
LIBRARIES = {
    "openssl/ssl.h": "libssl-dev",
    "zlib.h": "zlib1g-dev",
    "ffi.h": "libffi-dev",
    "bzlib.h": "libbz2-dev",
    "lzma.h": "liblzma-dev",
    "sqlite3.h": "libsqlite3-dev",
}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def apt_mirror() -> str:
    """The address of the Debian mirror that this machine's apt uses."""
    listed = output(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(SITE)",
            "Origin: Debian",
            "Created-By: Packages",
        ]
    )
    sites = [site for site in (listed or "").split() if "security" not in site]
    if not sites:
        raise Problem("apt knows no Debian mirror: run apt-get update first")
    return max(set(sites), key=sites.count)


def step(text: str, command: Sequence[str | Path], cwd: Path, log: Path) -> None:
    """Runs one step of a build, with its output in a log; prints the log's end if it
    fails."""
    say(f"  {text}")
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        last = log.read_text(errors="replace").splitlines()[-15:]
        raise Failed("\n".join([f"{text} failed:", *last, f"the whole log is {log}"]))


def fetch(package: str, suite: str, place: Path, log: Path) -> Path:
    """Downloads Debian's source package and unpacks the original source."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    (place / "sources").write_text(
        f"deb-src [signed-by={KEYRING}] {apt_mirror()} {suite} main\n"
    )
    apt = ["apt-get", "-o", f"Dir::Etc::sourcelist={place / 'sources'}"]
    apt += ["-o", "Dir::Etc::sourceparts=/dev/null"]
    apt += ["-o", f"Dir::State::lists={place / 'lists'}"]
    apt += ["-o", f"Dir::Cache={place / 'cache'}"]
    step("reading the index of sources", [*apt, "update"], place, log)
    download = [*apt, "source", "--download-only", package]
    step(f"downloading {package}", download, place, log)
    archives = sorted(place.glob(f"{package}_*.orig.tar.*"))
    if not archives:
        raise Failed(f"apt-get source left no archive of {package}; see {log}")
    say(f"  unpacking {archives[0].name}")
    with tarfile.open(archives[0]) as archive:
        top = archive.getnames()[0].split("/")[0]
        archive.extractall(place)
    return place / top


def check_source_build() -> None:
    if not on_debian():
        raise Problem("building from Debian's source package needs a Debian machine")
    compilers.require("gcc")
    need("make", "apt-get install make")
    lacking = [
        package
        for header, package in LIBRARIES.items()
        if not any(Path("/usr/include").glob(f"**/{header}"))
    ]
    if lacking:
        raise Problem(
            f"headers are missing: apt-get install {' '.join(lacking)} dpkg-dev"
        )


def build_from_source(version: str) -> Path:
    """Builds and installs into the cache; an interrupted attempt leaves nothing."""
    package, suite, options = FROM_SOURCE[version]
    check_source_build()
    final = cache_directory() / "python" / version
    place = WORK / "python" / version
    remove_tree(place)
    place.mkdir(parents=True)
    log = place / "log"
    say(f"building Python {version} (some minutes; log: {log})")
    source = fetch(package, suite, place, log)
    build = place / "build"
    build.mkdir()
    configure: Command = [source / "configure", f"--prefix={final}", *options]
    step("configure", configure, build, log)
    step("make", ["make", f"-j{os.cpu_count() or 1}"], build, log)
    staging = place / "staging"
    step("make install", ["make", "install", f"DESTDIR={staging}"], build, log)
    final.parent.mkdir(parents=True, exist_ok=True)
    remove_tree(final)
    shutil.move(str(staging / final.relative_to(final.anchor)), final)
    remove_tree(place)
    return final / "bin" / "python3"


def prepare_chroot(version: str) -> None:
    if version.startswith("pypy"):
        chroot.make_pypy()
    else:
        chroot.make()


def prepare(version: str) -> Interpreter:
    """The interpreter of that version; prepares it if there is none."""
    for interpreter in discover():
        names = (interpreter.name, interpreter.label)
        if version in names and not interpreter.faults():
            if interpreter.chroot:
                prepare_chroot(version)
            return interpreter
    if version in FROM_SOURCE:
        built = probe(build_from_source(version))
        if built is None:
            raise Failed(f"Python {version} was built but does not run")
        return built
    if version in (*chroot.VERSIONS, "pypy3.11"):
        prepare_chroot(version)
        return choose(version)
    raise Problem(
        f"only {', '.join(CAN_BE_PREPARED)} can be prepared: {how_to_install(version)}"
    )
