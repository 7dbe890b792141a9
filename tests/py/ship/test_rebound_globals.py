"""What a body sees of globals that it, or what it calls, binds anew while it runs. On
`threads` that is what a function sees that a thread runs."""

HEAD = """
import functools, sys, threading
from bocpy import Cown, start, wait, when

start(2)
n = 0
m = 5
class Stats:
    def __init__(self): self.hooks = [bump]
    def bump(self): global n; n += 1
    def __enter__(self): global n; n += 1
    def __exit__(self, *_): pass
    @property
    def next(self): global n; n += 1; return n
    @classmethod
    def build(cls): global n; n += 1
def bump():
    global n
    n += 1
def delete():
    global n
    del n
def deep(): bump()
def wrapped(f):
    @functools.wraps(f)
    def call(*args): return f(*args)
    return call
deeper = functools.partial(wrapped(deep))
table = {"bump": [bump]}
stats = Stats()
module = sys.modules[__name__]
def by_namespace(): globals()["n"] = 1
def by_keyword(): globals().update(n=1)
def by_key(key="n"): globals()[key] = 1
def by_exec(): exec("n = 1", globals())
def by_module(): module.n = 1
def by_import():
    import __main__
    __main__.n = 1
def by_modules(): setattr(sys.modules[__name__], "n", 1)
def by_thread():
    t = threading.Thread(target=bump); t.start(); t.join()
def call(f): f()
"""

CALLS = {
    "function": "bump()",
    "function of a function": "deep()",
    "partial": "deeper()",
    "table": "table['bump'][0]()",
    "argument": "call(bump)",
    "method": "stats.bump()",
    "method of a cown's value": "c.value.bump()",
    "hook of an object": "stats.hooks[0]()",
    "class method": "Stats.build()",
    "property": "stats.next",
    "context manager": "with stats: pass",
    "namespace": "by_namespace()",
    "namespace, by keyword": "by_keyword()",
    "namespace, by key": "by_key()",
    "exec": "by_exec()",
    "attribute": "by_module()",
    "own attribute": "module.n = 1",
    "attribute of an import": "by_import()",
    "setattr": "by_modules()",
    "thread": "by_thread()",
    "eval": "eval('bump()')",
}


def test_what_a_called_function_assigns_is_read(program):
    bodies = [
        f"""
n = 0
@when(Cown(stats))
def body(c):
    before = n
    {call}
    return before, n, (lambda: n)(), m
wait()
print({case!r}, body.unwrap())
"""
        for case, call in CALLS.items()
    ]
    done = program(HEAD + "".join(bodies), backend="threads")
    assert done.lines == [f"{case} (0, 1, 1, 5)" for case in CALLS]
    assert not done.err


def test_the_variable_of_a_loop_stays_a_snapshot_beside(program):
    done = program(
        HEAD
        + """
gate, seen = Cown(0), Cown([])
for i in range(4):
    @when(gate, seen)
    def body(gate, seen):
        bump()
        seen.value.append((i, n))
        return [k + n for k in [i]]
wait()
print(seen.unwrap())
""",
        backend="threads",
    )
    assert done.lines == ["[(0, 1), (1, 2), (2, 3), (3, 4)]"]


def test_a_global_that_a_called_function_deletes_is_gone(program):
    done = program(
        HEAD
        + """
@when()
def body():
    delete()
    try:
        return n
    except NameError as error:
        return m, error.name
print(body.result(30))
wait()
print("n" in globals())
""",
        backend="threads",
    )
    assert done.lines == ["(5, 'n')", "False"]


STORED = (
    HEAD
    + """
from bocpy import receive, send
total = gone = kept = 1

@when()
def assigns():
    global n
    n = m
    bump()
    return n, module.n
print(assigns.result(30), n)

@when()
def deletes():
    global gone
    del gone
    return m
deletes.result(30)
print("gone" in globals())

@when()
def leaves():
    global kept
    send("in", None)
    receive("go")
    if m == 0: kept = 0
receive("in")
kept = 2
send("go", None)
leaves.result(30)
print(kept)
"""
)


def test_what_a_body_assigns_is_shared_with_what_it_calls(program):
    done = program(STORED, backend="threads")
    assert done.lines == ["(6, 6) 6", "False", "2"]
    assert not done.err


def test_a_function_that_outlives_the_body_assigns_in_the_module(program):
    done = program(
        HEAD
        + """
@when()
def body():
    k = m
    def inner():
        global n
        n += k
        return n
    return inner
inner = body.result(30)
print(inner(), inner(), n)
""",
        backend="threads",
    )
    assert done.lines == ["5 10 10"]


def test_an_assignment_that_another_one_overtakes_is_named(program):
    done = program(
        HEAD
        + """
from bocpy import receive, send
@when()
def adds():
    global n
    before = n
    send("in", None)
    receive("go")
    n = before + m
receive("in")
n = 1
send("go", None)
adds.result(30)
print(n)
""",
        backend="threads",
    )
    assert done.lines == ["5"]
    assert "global 'n' was bound anew while behavior 'adds' ran" in done.err
    assert "Keep it in a cown" in done.err


def test_a_global_that_a_method_reads_is_named(program):
    done = program(
        HEAD
        + """
class Reader:
    def read(self): return n
reader, gate = Reader(), Cown(Reader())
for how in range(2):
    with gate:
        @when(gate)
        def body(gate): return gate.value.read() if how else reader.read()
        n += 1
    print(body.result(30))
""",
        backend="threads",
    )
    assert done.lines == ["1", "2"]
    assert "global 'n' was bound anew while behavior 'body' was pending" in done.err


def test_a_body_that_reads_names_by_a_namespace_names_what_was_rebound(program):
    done = program(
        HEAD
        + """
gate = Cown(0)
with gate:
    @when(gate)
    def body(gate): return globals()["m"], n
    n += 1
print(body.result(30))
""",
        backend="threads",
    )
    assert done.lines == ["(5, 1)"]
    assert "global 'n' was bound anew while behavior 'body' was pending" in done.err
