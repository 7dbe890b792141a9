"""libboc, built and installed into a prefix of its own, as other projects find it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINUX = sys.platform == "linux"
HAS_CPP = shutil.which(os.environ.get("CXX", "c++").split()[0]) is not None


@dataclass(frozen=True)
class Installation:
    kind: str
    prefix: Path

    def find(self, name):
        found = sorted(self.prefix.rglob(name))
        assert found, f"{name} is not installed"
        return found[0]

    @property
    def environment(self):
        library = self.find("boc.pc").parent.parent
        return {
            **os.environ,
            "PKG_CONFIG_PATH": str(library / "pkgconfig"),
            "LD_LIBRARY_PATH": str(library),
            "DYLD_LIBRARY_PATH": str(library),
        }

    def flags(self, *options):
        """What pkg-config says for this installation."""
        command = ["pkg-config", *options, "boc"]
        return run(*command, env=self.environment).split()


KINDS = ["static", "shared", "both"]
of_static = pytest.mark.parametrize("installed", ["static"], indirect=True)
of_shared = pytest.mark.parametrize("installed", ["shared", "both"], indirect=True)
of_all = pytest.mark.parametrize("installed", KINDS, indirect=True)


def run(*command, **options):
    done = subprocess.run(
        [str(word) for word in command],
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **options,
    )
    assert done.returncode == 0, f"{command[0]} failed:\n{done.stdout}"
    return done.stdout


def install(kind, place):
    """An installation of that kind under `place`; libboc alone, without its tests."""
    meson = shutil.which("meson")
    assert meson, "meson is not on PATH"
    options = [
        f"--prefix={place / 'prefix'}",
        f"-Ddefault_library={kind}",
        "-Dtests=disabled",
        "-Dwerror=true",
    ]
    run(meson, "setup", place / "build", ROOT, *options)
    run(meson, "install", "-C", place / "build")
    return Installation(kind, place / "prefix")
