"""Paths, running commands, and faults that `./dev` reports in one line."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[2]
#: The folder for everything that `./dev` makes inside the tree; git ignores it.
WORK = ROOT / ".dev"
WINDOWS = sys.platform == "win32"


def cache_directory() -> Path:
    """The folder of prepared interpreters: outside the tree, so that clones share
    them."""
    if WINDOWS:
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "bocpy"


#: The words of a command line.
Command = list[str | Path]


class Problem(Exception):
    """A fault that the user has to fix; `./dev` prints it in one line and ends."""


class Failed(Exception):
    """A command has failed; its output has been shown or logged."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


_speaking = threading.Lock()


def say(text: str) -> None:
    with _speaking:
        print(text, flush=True)


def environment(
    *, first_on_path: Sequence[Path] = (), **changes: str
) -> dict[str, str]:
    """This process's environment without settings of another Python that would do
    harm."""
    result = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PYENV_VERSION")
    }
    result["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    result["PIP_NO_INPUT"] = "1"
    result["PYTHONDONTWRITEBYTECODE"] = "1"
    path = [str(part) for part in first_on_path] + [result.get("PATH", "")]
    result["PATH"] = os.pathsep.join(path)
    result.update(changes)
    return result


_children: set[subprocess.Popen[bytes]] = set()
_children_lock = threading.Lock()
_ending = threading.Event()


def _wait_for_child(words: list[str], **options: Any) -> int:
    with _children_lock:
        if _ending.is_set():
            raise Failed("interrupted")
        child = subprocess.Popen(words, **options)
        _children.add(child)
    try:
        return child.wait()
    finally:
        with _children_lock:
            _children.discard(child)


def end_children() -> None:
    """Ends the commands that other threads run, and refuses further ones."""
    _ending.set()
    with _children_lock:
        for child in _children:
            child.terminate()


def run(
    command: Sequence[str | Path],
    *,
    log: TextIO | None = None,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    ok_codes: Sequence[int] = (0,),
) -> int:
    """Runs a command with its output to `log`, or to the terminal; raises Failed."""
    words = [str(word) for word in command]
    if log:
        log.write("$ " + shlex.join(words) + "\n")
        log.flush()
    try:
        code = _wait_for_child(
            words,
            cwd=cwd,
            env=dict(env) if env is not None else environment(),
            stdin=subprocess.DEVNULL if log else None,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
        )
    except FileNotFoundError as error:
        raise Problem(f"not found: {error.filename}") from None
    if code not in ok_codes:
        raise Failed(f"{Path(words[0]).name} ended with code {code}", code)
    return code


def output(command: Sequence[str | Path], *, cwd: Path = ROOT) -> str | None:
    """The output of a command, or None if it cannot be run or fails."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def need(program: str, install: str) -> Path:
    """The path of a program; a Problem that says what to install, if it is missing."""
    found = shutil.which(program)
    if found is None:
        raise Problem(f"{program} is not installed: {install}")
    return Path(found)


def on_debian() -> bool:
    return shutil.which("apt-get") is not None


def is_root() -> bool:
    return not WINDOWS and os.geteuid() == 0


def ask_to_install(debian: str, fedora: str, macos: str, windows: str) -> str:
    """The command with which a user of this platform installs a program."""
    if WINDOWS:
        return windows
    if sys.platform == "darwin":
        return macos
    if on_debian():
        return ("" if is_root() else "sudo ") + f"apt-get install {debian}"
    if shutil.which("dnf"):
        return f"sudo dnf install {fedora}"
    return f"install the packages that correspond to Debian's {debian}"


def remove_tree(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
