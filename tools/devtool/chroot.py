"""The Debian chroot that holds Pythons newer than the machine's.

It lives in the user's cache, made once by mmdebstrap from Debian's unstable suite. It
is entered in a mount namespace of its own: /proc, /dev, /sys and the working tree are
seen inside, and are gone with the process, so that nothing is ever left mounted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from devtool.base import (
    ROOT,
    WORK,
    Failed,
    Problem,
    cache_directory,
    is_root,
    need,
    on_debian,
    remove_tree,
    say,
)

#: The place of the working tree inside.
TREE = Path("/tree")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
VERSIONS = ("3.14", "3.15")
#: PyPy, which not each snapshot of Debian's unstable suite can install.
PYPY = ("pypy3", "pypy3-dev", "pypy3-venv")
#: What the suite needs inside to build the package, and extensions in C and in C++;
#: ccache, for the wheels of all interpreters share much.
PACKAGES = (
    "ca-certificates",
    "ccache",
    "g++",
    "gcc",
    "libc6-dev",
    *(f"python{version}-{part}" for version in VERSIONS for part in ("dev", "venv")),
)
INSTALL = "apt-get install mmdebstrap"

ENTER = """
set -e
mount -t proc proc "$0/proc"
mount --rbind /dev "$0/dev"
mount --rbind /sys "$0/sys"
mount --bind "$1" "$0$2"
shift 2
exec chroot "$@"
"""


def root() -> Path:
    return cache_directory() / "sid"


def check_possible() -> None:
    if sys.platform != "linux" or not on_debian():
        raise Problem("this needs a Debian machine: install the interpreter instead")
    if not is_root():
        raise Problem("making the chroot needs root: run it with sudo")
    need("mmdebstrap", INSTALL)
    need("unshare", "apt-get install util-linux")


def lacking(packages: Sequence[str] = PACKAGES) -> list[str]:
    """The packages that a chroot lacks which was made from an earlier list."""
    status = root() / "var" / "lib" / "dpkg" / "status"
    try:
        text = status.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return list(packages)
    there = {line.removeprefix("Package: ") for line in text.splitlines()}
    return [package for package in packages if package not in there]


def complete(packages: Sequence[str] = PACKAGES) -> None:
    """Installs the packages that the chroot lacks."""
    missing = lacking(packages)
    if not missing:
        return
    say(f"installing {' '.join(missing)} in the Debian chroot {root()}")
    WORK.mkdir(exist_ok=True)
    with (WORK / "chroot.log").open("w", encoding="utf-8") as log:
        run(["apt-get", "-q", "update"], log)
        run(
            ["apt-get", "-q", "-y", "--no-install-recommends", "install", *missing], log
        )


def make() -> Path:
    """Makes the chroot if there is none; an interrupted attempt leaves nothing."""
    final = root()
    check_possible()
    if final.exists():
        complete()
        return final
    say(f"making a Debian chroot with Python {' and '.join(VERSIONS)} in {final}")
    started = final.with_name("sid.new")
    remove_tree(started)
    final.parent.mkdir(parents=True, exist_ok=True)
    command = ["mmdebstrap", "--variant=apt", "--mode=root", "--quiet"]
    # Mirrors that lag serve a release file of unstable that counts as expired.
    command += ["--aptopt=Acquire::Check-Valid-Until false"]
    command += ["--include=" + ",".join(PACKAGES), "sid", str(started)]
    if subprocess.run(command, check=False).returncode != 0:
        remove_tree(started)
        raise Failed("mmdebstrap could not make the chroot")
    for name in ("resolv.conf", "hosts"):
        shutil.copy(Path("/etc") / name, started / "etc" / name)
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, started / "etc" / "ssl" / "host-ca.crt")
    (started / TREE.relative_to("/")).mkdir()
    started.rename(final)
    return final


def make_pypy() -> None:
    """The same, with PyPy."""
    make()
    complete(PYPY)


def runner() -> Path:
    """The CPython inside that runs `./dev`."""
    return Path("/usr/bin") / f"python{VERSIONS[0]}"


def variables() -> dict[str, str]:
    """A bare environment, with the variables by which pip finds the index of this
    machine."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.lower().endswith("_proxy") or name in ("PIP_INDEX_URL", "CI", "TERM")
    }
    kept["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    kept["HOME"] = "/root"
    kept["LANG"] = "C.UTF-8"
    if CERTIFICATES.exists():
        kept["PIP_CERT"] = "/etc/ssl/host-ca.crt"
    return kept


def run(command: Sequence[str | Path], log: TextIO) -> None:
    """Runs a command inside, with the working tree at TREE."""
    check_possible()
    words = ["unshare", "--mount", "--fork", "sh", "-c", ENTER]
    words += [str(root()), str(ROOT), str(TREE), str(root())]
    words += [str(word) for word in command]
    log.write("$ (chroot) " + " ".join(map(str, command)) + "\n")
    log.flush()
    done = subprocess.run(
        words,
        env=variables(),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"the command in the chroot ended with code {done.returncode}")
