"""`Noticeboard`: snapshots, versions and updates."""

import gc
import threading

import pytest

from libboc import (
    REMOVED,
    BadArgument,
    BadState,
    Full,
    NotFound,
    Noticeboard,
)


class TestNoticeboard:
    def test_snapshots(self):
        board = Noticeboard()
        board.write("a", 1)
        before = board.read()
        board.write("a", 2)
        board.write("b", [3])
        assert dict(before) == {"a": 1}
        after = board.read()
        assert dict(after) == {"a": 2, "b": [3]}
        assert after.version > before.version
        assert after.version_of("b") == after.version
        assert after.version_of("c") == 0
        assert "a" in after
        assert "c" not in after
        with pytest.raises(KeyError):
            after["c"]
        del board
        gc.collect()
        assert dict(before) == {"a": 1}

    def test_versions(self):
        board = Noticeboard()
        board.write("a", 1, version=0)
        with pytest.raises(BadState):
            board.write("a", 2, version=0)
        version = board.read().version_of("a")
        board.write("a", 2, version=version)
        with pytest.raises(BadState):
            board.delete("a", version=version)
        board.delete("a", version=board.read().version_of("a"))
        with pytest.raises(NotFound):
            board.delete("a")

    def test_update(self):
        board = Noticeboard()
        board.update("n", lambda n: n + 1, 0)
        board.update("n", lambda n: n + 1)
        assert board.read()["n"] == 2
        with pytest.raises(ZeroDivisionError):
            board.update("n", lambda n: n / 0)
        assert board.read()["n"] == 2
        board.update("n", lambda n: REMOVED)
        board.update("n", lambda n: REMOVED)
        assert not board.read()

    def test_updates_of_many_threads(self):
        board = Noticeboard()

        def many():
            for _ in range(200):
                board.update("n", lambda n: n + 1, 0)

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert board.read()["n"] == 800

    def test_refusals(self):
        board = Noticeboard()
        with pytest.raises(BadArgument):
            board.write("x" * 64, 1)
        with pytest.raises(BadArgument):
            board.write("a\0b", 1)
        with pytest.raises(TypeError, match="key"):
            board.write(1, 1)
        for n in range(64):
            board.write(str(n), n)
        with pytest.raises(Full):
            board.write("more", 1)
        with pytest.raises(Full):
            board.update("more", lambda n: 1)
        board.clear()
        assert len(board.read()) == 0
