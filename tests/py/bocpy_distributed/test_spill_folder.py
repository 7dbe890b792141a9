"""The folders for values on disk: none is left, whatever ends its process."""

import signal
import subprocess
import sys

from bocpy.distributed._spill_folder import SpillFolder

MAKES_ONE = """
import sys
from bocpy.distributed._spill_folder import SpillFolder
folder = SpillFolder(sys.argv[1])
(folder.path / "1").write_bytes(bytes(1000))
print(folder.path, flush=True)
sys.stdin.read()
"""


def folder_of(process):
    return process.stdout.readline().strip()


def test_the_folder_of_a_process_that_was_killed_is_removed_by_the_next(tmp_path):
    command = [sys.executable, "-c", MAKES_ONE, str(tmp_path)]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as killed,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as alive,
    ):
        left, used = folder_of(killed), folder_of(alive)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        own = SpillFolder(str(tmp_path))
        assert {str(each) for each in tmp_path.iterdir()} == {used, str(own.path)}
        assert left not in (used, str(own.path))
        own.remove()
        assert [str(each) for each in tmp_path.iterdir()] == [used]
        alive.stdin.close()


def test_other_folders_stay(tmp_path):
    """One without a lock is of another program, or of a process that just made it."""
    (tmp_path / "bocpy-spill-1").mkdir()
    (tmp_path / "bocpy-spill-2").touch()
    SpillFolder(str(tmp_path)).remove()
    assert len(list(tmp_path.iterdir())) == 2
