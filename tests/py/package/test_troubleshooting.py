"""The page of error messages: each of its titles is a message that a program gets."""

import importlib.util
import os
import re
import textwrap
from pathlib import Path

import harness
import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs/guide/troubleshooting.md"

#: The wrong program for each message, by the beginning of the message after the
#: exception's name.
MISTAKES = {
    "module <name> does not": """
        @when()
        def body():
            import numpy
        body.result()
        """,
    "... global '<name>'": """
        start(backend="interpreters")
        lock = threading.Lock()
        @when()
        def body():
            lock.acquire()
        body.result()
        """,
    "'<error>' object": """
        @when()
        def first():
            return 1 / 0
        @when(first)
        def second(first):
            return first.value.upper()
        second.result()
        """,
    "... this cown is": "Cown(1).value",
    "... inside a behavior": """
        @when()
        def body():
            wait()
        body.result()
        """,
    "... a behavior cannot wait": """
        other = Cown(1)
        @when()
        def body():
            other.acquire()
        body.result()
        """,
    "acquire() while": """
        with Cown(1):
            Cown(2).acquire()
        """,
    "... while this thread holds": """
        with Cown(1):
            wait()
        """,
    "unwrap() while": """
        c = Cown(1)
        @when(c)
        def body(c):
            time.sleep(0.5)
        c.unwrap()
        """,
    "the runtime has": "start(2); start(3)",
    "fork() in a behavior": """
        start(backend="interpreters")
        with Cown(1):
            os.fork()
        """,
    "... looks like a moment": "at(time.time() + 1)(print)",
    "quiesce(): behaviors": """
        timer = after(3600)(lambda: None)
        try:
            quiesce(timeout=0.1)
        finally:
            timer.cancel()
        """,
    "... cannot ship": """
        start(backend="interpreters")
        Cown([threading.Lock()])
        """,
    "when() argument": "when(5)(lambda c: None)",
    "behavior '<name>' takes": """
        @when()
        def body(a, b):
            pass
        """,
    "behavior '<name>' is a": """
        @when()
        async def body():
            pass
        """,
    "Message queue is": """
        while True:
            send("tag", 1)
        """,
    "... tag capacity": """
        for tag in range(17):
            send(str(tag), 1)
        """,
    "... is seen in the worker": """
        import warnings
        warnings.simplefilter("error")
        start(backend="interpreters")
        seen = []
        @when()
        def body():
            seen.append(1)
        """,
    "... each worker has a copy": """
        import warnings
        warnings.simplefilter("error")
        start(backend="interpreters")
        items = iter([1, 2, 3])
        @when()
        def body():
            return next(items)
        """,
}
#: Messages that only workers with interpreters of their own give.
ISOLATED = (
    "module <name> does not",
    "... global '<name>'",
    "fork() in a behavior",
    "... cannot ship",
    "... is seen in the worker",
    "... each worker has a copy",
)


def titles():
    """Each title that is a message: the exception's name, and the message."""
    text = PAGE.read_text(encoding="utf-8").replace("\\", "")
    return re.findall(r"^## (\w+(?:Error|Warning)): (.*)$", text, re.MULTILINE)


def pattern(name, message):
    """A pattern for the title: the text in angle brackets, and dots, stand for
    anything."""
    parts = [re.escape(part) for part in re.split(r"<\w+>|\.\.\. ?", message)]
    return f"{name}: {'.*'.join(parts)}"


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not in the package")
def test_each_title_of_the_page_has_a_program():
    unknown = [m for _, m in titles() if not any(map(m.startswith, MISTAKES))]
    assert not unknown
    assert len(titles()) == len(MISTAKES)


def possible(beginning):
    """Whether this interpreter can make the mistake."""
    if beginning in ISOLATED and "interpreters" not in harness.BACKENDS:
        return False
    if beginning.startswith("fork"):
        return hasattr(os, "fork")
    if "import numpy" in MISTAKES[beginning]:
        return importlib.util.find_spec("numpy") is not None
    return True


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not in the package")
@pytest.mark.parametrize("beginning", list(filter(possible, MISTAKES)))
def test_the_program_gets_the_message_of_the_title(program, beginning):
    (title,) = [t for t in titles() if t[1].startswith(beginning)]
    source = "import os, threading, time\nfrom bocpy import *\n"
    done = program(source + textwrap.dedent(MISTAKES[beginning]), expect_code=1)
    assert re.search(pattern(*title), done.err), done.err
