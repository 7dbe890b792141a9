"""`Mailbox`: order, tags, timeouts, cancelling and closing."""

import threading
import time

import pytest

from libboc import (
    BadArgument,
    Cancelled,
    Closed,
    Full,
    Mailbox,
    NotFound,
    Timeout,
    Token,
)


class TestMailbox:
    def test_order_and_identity(self):
        mailbox = Mailbox()
        messages = [object() for _ in range(10)]
        for message in messages:
            mailbox.send("tag", message)
        for message in messages:
            assert mailbox.receive("tag")[1] is message

    def test_several_tags(self):
        mailbox = Mailbox()
        mailbox.send(b"bytes", 1)
        mailbox.send("text", 2)
        got = [mailbox.receive([b"bytes", "text"]) for _ in range(2)]
        assert sorted(got, key=lambda each: each[1]) == [(b"bytes", 1), ("text", 2)]

    @pytest.mark.parametrize("timeout", [0, 0.01, -1.0])
    def test_timeout(self, timeout):
        with pytest.raises(Timeout, match="receive"):
            Mailbox().receive("never", timeout)

    def test_timeout_off_the_main_thread(self):
        raised = []

        def receive():
            try:
                Mailbox().receive("never", 0.01)
            except Timeout as error:
                raised.append(error)

        thread = threading.Thread(target=receive)
        thread.start()
        thread.join(60)
        assert raised

    def test_across_threads(self):
        mailbox = Mailbox()
        threads = [
            threading.Thread(target=lambda: mailbox.send("tag", 1)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        assert sum(mailbox.receive("tag", 60)[1] for _ in range(4)) == 4
        for thread in threads:
            thread.join()

    def test_refusals(self):
        mailbox = Mailbox(tags=2, capacity=2)
        mailbox.send("a", 1)
        mailbox.send("a", 1)
        with pytest.raises(Full, match="'a'"):
            mailbox.send("a", 1)
        mailbox.send("b", 1)
        with pytest.raises(NotFound, match="'c'"):
            mailbox.send("c", 1)
        with pytest.raises(NotFound):
            mailbox.receive("c", 0)
        with pytest.raises(BadArgument):
            mailbox.receive([])
        with pytest.raises(TypeError, match="tag"):
            mailbox.send(1, 1)
        with pytest.raises(Full):
            mailbox.set_tags(["a", "b", "c"])
        with pytest.raises(BadArgument):
            mailbox.set_tags(["a", "a"])
        with pytest.raises(BadArgument, match="capacity=3"):
            Mailbox(capacity=3)
        mailbox.drain(["a", "b"])
        with pytest.raises(Timeout):
            mailbox.receive(["a", "b"], 0)

    def test_closed(self):
        with Mailbox() as mailbox:
            mailbox.send("a", 1)
        with pytest.raises(Closed):
            mailbox.send("a", 1)
        assert mailbox.receive("a") == ("a", 1)
        with pytest.raises(Closed):
            mailbox.receive("a")

    @pytest.mark.parametrize("main", [True, False])
    def test_close_wakes(self, main):
        mailbox, raised = Mailbox(), []

        def receive():
            try:
                mailbox.receive("a")
            except Closed as error:
                raised.append(error)

        def close():
            time.sleep(0.02)
            mailbox.close()

        first, second = (close, receive) if main else (receive, close)
        thread = threading.Thread(target=first)
        thread.start()
        second()
        thread.join(60)
        assert raised

    @pytest.mark.parametrize("main", [True, False])
    def test_cancel(self, main):
        mailbox, token, raised = Mailbox(), Token(), []

        def receive():
            for _ in range(2):
                try:
                    mailbox.receive("a", token=token)
                except Cancelled as error:
                    raised.append(error)

        def cancel():
            while len(raised) < 2:
                time.sleep(0.005)
                seen = len(raised)
                mailbox.cancel(token)
                while len(raised) == seen and seen < 2:
                    time.sleep(0.001)

        first, second = (cancel, receive) if main else (receive, cancel)
        thread = threading.Thread(target=first)
        thread.start()
        second()
        thread.join(60)
        assert len(raised) == 2

    def test_set_tags_ends_receives(self):
        mailbox, raised = Mailbox(), []

        def receive():
            try:
                mailbox.receive("gone")
            except NotFound as error:
                raised.append(error)

        thread = threading.Thread(target=receive)
        thread.start()
        while not raised:
            mailbox.set_tags(["other"])
            time.sleep(0.005)
            if not thread.is_alive():
                break
        thread.join(60)
        assert raised
