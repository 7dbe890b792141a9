"""A behavior that a body schedules sees the globals that this body sees, although the
program has changed them since; also in the main interpreter, over a pinned cown."""

HEAD = """
from bocpy import Cown, PinnedCown, receive, send, start, wait, when

start(2)
c = Cown([])

@when(c)
def first(c):  # the others are scheduled before any of them runs
    receive("go")
"""

NAMES = (
    HEAD
    + """
for i in range(3):
    @when(c)
    def _(c):
        @when(c)
        def _(c): c.value.append(i)
for j in range(3):
    @when(c)
    def _(c):
        c.value.append(j)
        @when(c)
        def _(c):
            @when(c)
            def _(c): c.value.append((lambda: j)())
send("go", 1)
wait()
print(c.unwrap())
"""
)


def test_names(program, backend):
    assert program(NAMES).lines == ["[0, 1, 2, 0, 1, 2, 0, 1, 2]"]


CONTENTS = (
    HEAD
    + """
class Settings:
    level = 0

settings, table = Settings(), []

def helper():
    return settings.level, Settings.level, list(table)

for i in range(3):
    settings.level = Settings.level = i
    table.append(i)
    @when(c)
    def _(c):
        @when(c)
        def _(c): c.value.append(helper())
send("go", 1)
wait()
for row in c.unwrap():
    print(*row)
"""
)


def test_contents_and_functions(program, backend):
    """On backend `threads` the contents are the program's."""
    seen = ["0 0 [0]", "1 1 [0, 1]", "2 2 [0, 1, 2]"]
    expected = seen if backend == "interpreters" else seen[-1:] * 3
    assert program(CONTENTS).lines == expected


PINNED = (
    HEAD
    + """
shown, log, total = PinnedCown([]), [], 0
for i in range(3):
    name = f"step {i}"
    @when(c)
    def _(c):
        @when(shown)
        def _(shown):
            global total
            total += 1
            log.append(i)  # the program's own list
            shown.value.append((name, total))
send("go", 1)
wait()
print(shown.unwrap(), log, total, i)
"""
)


def test_pinned(program, backend):
    """One such body assigns a global, too: the assignment stays."""
    rows = "[('step 0', 1), ('step 1', 2), ('step 2', 3)]"
    assert program(PINNED).lines == [f"{rows} [0, 1, 2] 3 2"]


CHAIN = (
    HEAD
    + """
def again(n):
    @when(c)
    def _(c):
        c.value.append(i)
        if n:
            again(n - 1)

for i in range(2):
    @when(c)
    def _(c):
        again(3)
send("go", 1)
wait()
print(c.unwrap())
"""
)


def test_a_chain(program, backend):
    """On backend `threads` a function that the body calls sees the present value."""
    expected = [0, 1] * 4 if backend == "interpreters" else [1] * 8
    assert program(CHAIN).lines == [str(expected)]


CONTEXT = (
    HEAD
    + """
import contextvars, bocpy
request = contextvars.ContextVar("request", default="none")
bocpy.propagate(request)
for i in range(2):
    request.set(f"request {i}")
    @when(c)
    def _(c):
        request.set(request.get() + " inside")
        @when(c)
        def _(c): c.value.append((i, request.get()))
send("go", 1)
wait()
print(c.unwrap())
"""
)


def test_context_variables_are_those_of_the_body(program, backend):
    rows = "[(0, 'request 0 inside'), (1, 'request 1 inside')]"
    assert program(CONTEXT).lines == [rows]
