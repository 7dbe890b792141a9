"""How a command-line program of this package ends where nobody reads its output.

Threads: the main thread.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

#: The exit code that shells report for a program that SIGPIPE has ended.
CLOSED_PIPE = 128 + 13


def run_program(main: Callable[[], int]) -> NoReturn:
    """Exits with what `main()` returns.

    If the reader of the output has gone, as in `... | head -1`, the program ends in
    silence: by SIGPIPE where that exists, which ends bodies that print, too.
    """
    pipe = getattr(signal, "SIGPIPE", None)
    if pipe is not None:
        signal.signal(pipe, signal.SIG_DFL)
    try:
        try:
            code: object = main()
        except SystemExit as end:  # argparse has printed a help text
            code = end.code
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer is written at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLOSED_PIPE
    sys.exit(code)  # type: ignore[arg-type]


def keep_sockets() -> None:
    """Has a closed socket raise an exception again, as in any program of Python's."""
    pipe = getattr(signal, "SIGPIPE", None)
    if pipe is not None:
        signal.signal(pipe, signal.SIG_IGN)
