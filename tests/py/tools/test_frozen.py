"""Programs with behaviors in a file of their own: PyInstaller, pex, zipapp."""

import os
import subprocess
import sys
import zipapp

import harness
import pytest

PROGRAM = """\
import json
import other
from dataclasses import dataclass
from bocpy import Cown, start, wait, when

LIMIT = 3


@dataclass
class Car:
    name: str


def helper(x):
    return x * LIMIT


def main():
    start(2)
    c = Cown([Car("a")])

    @when(c)
    def body(c):
        import statistics
        c.value.append(Car("b"))
        names = [car.name for car in c.value]
        return json.dumps([names, helper(2), other.value(), statistics.mean([1, 3])])

    wait()
    print(body.unwrap())


if __name__ == "__main__":
    main()
"""
OTHER = "def value():\n    return 'other'\n"
EXPECTED = '[["a", "b"], 6, "other", 2]\n'


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    (folder / "other.py").write_text(OTHER, encoding="utf-8")
    return folder


def call(command, backend=None, cwd=None):
    done = subprocess.run(
        [os.fspath(part) for part in command],
        cwd=cwd,
        env=harness.child_environment(backend),
        capture_output=True,
        text=True,
        timeout=5 * harness.LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done


@pytest.fixture(scope="module")
def frozen(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frozen")
    where = [f"--{name}path={folder / name}" for name in ("dist", "work", "spec")]
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--onedir", *where]
    call([*command, source / "program.py"], cwd=folder)
    return folder / "dist" / "program" / "program"


def test_pyinstaller(frozen, backend, tmp_path):
    """The hook comes with the package."""
    done = call([frozen], backend, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (EXPECTED, "")


def test_pex(source, backend, tmp_path):
    made = tmp_path / "program.pex"
    options = ["--inherit-path=fallback", "-D", source, "-e", "program:main"]
    call([sys.executable, "-m", "pex", "-o", made, *options], cwd=tmp_path)
    done = call([sys.executable, made], backend, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (EXPECTED, "")


def test_zipapp(source, backend, tmp_path):
    made = tmp_path / "program.pyz"
    zipapp.create_archive(source, made, main="program:main")
    done = call([sys.executable, made], backend, cwd=tmp_path)
    assert (done.stdout, done.stderr) == (EXPECTED, "")
