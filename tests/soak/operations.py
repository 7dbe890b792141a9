"""The operations of the soak, what they must leave behind, and programs that end.

A `Stage` has the cowns of one round. Each operation is a function of the stage, the
number of its thread, and a random generator. It counts what it adds to the sums that
`check` compares.
"""

import contextlib
import gc
import os
import subprocess
import time
import zlib

import bocpy
from bocpy import (
    Cown,
    PinnedCown,
    notice_read,
    notice_write,
    pump,
    quiesce,
    read,
    receive,
    send,
    when,
    whencall,
)

LIMIT = 120
ACCOUNTS, MONEY = 12, 100
THREADS = 8


class Refused(Exception):
    """The exception of a body that the soak tells to raise."""

    def __init__(self, number, text):
        super().__init__(number, text)
        self.number = number


def add(c, by=1):
    c.value += by


def move(source, target):
    source.value -= 1
    target.value += 1


def append(c, what):
    c.value.append(what)


def total(cowns):
    return sum(c.value for c in cowns)


def sealed(data):
    return {"crc": zlib.crc32(repr(data).encode()), "data": data}


def is_whole(value):
    return value["crc"] == zlib.crc32(repr(value["data"]).encode())


def swap_sealed(a, b, data):
    """Values that move between workers keep their contents."""
    if not (is_whole(a.value) and is_whole(b.value)):
        raise AssertionError("a value was damaged")
    a.value, b.value = b.value, sealed(data)


def some_data(chance):
    """A value of some kind and size."""
    kind = chance.randrange(7)
    if kind == 0:
        return chance.getrandbits(200)
    if kind == 1:
        return chance.random()
    if kind == 2:
        return "å𝄞x" * chance.randrange(50)
    if kind == 3:
        return chance.randbytes(chance.choice((0, 10, 5_000, 200_000)))
    if kind == 4:
        return [[n, str(n)] for n in range(chance.randrange(60))]
    if kind == 5:
        return {f"k{n}": (n, None, True) for n in range(chance.randrange(30))}
    return (1, "two", 3.0, [4], {5: b"six"})


class Stage:
    """The cowns of a round, and how much of everything there should be at its end."""

    def __init__(self, seed):
        self.seed = seed
        self.accounts = [Cown(MONEY) for _ in range(ACCOUNTS)]
        self.counters = [Cown(0) for _ in range(4)]
        self.logs = [Cown([]) for _ in range(THREADS)]
        self.sealed = [Cown(sealed([n])) for n in range(4)]
        self.pinned = PinnedCown(0)
        self.counted = [0] * THREADS
        self.logged = [0] * THREADS
        self.pinned_counted = [0] * THREADS
        self.last = [None] * THREADS
        self.steps = [0] * THREADS

    def step(self, i, chance):
        operation = chance.choices(OPERATIONS, WEIGHTS)[0]
        operation(self, i, chance)
        self.steps[i] += 1
        if i == 0:
            self.pump()
        if self.steps[i] % 64 == 0:
            self.catch_up(i)

    def pump(self):
        pump(max_behaviors=100)

    def catch_up(self, i):
        """Waits until the workers are not far behind."""
        last = when(self.counters[i % 4])(lambda c: c.value)
        last.unwrap(timeout=LIMIT)

    def check(self):
        """Returns the problems, once nothing runs any more."""
        money = sum(c.unwrap() for c in self.accounts)
        counted = sum(c.unwrap() for c in self.counters)
        logs = [c.unwrap() for c in self.logs]
        pinned = self.pinned.unwrap()
        problems = []
        if money != ACCOUNTS * MONEY:
            problems.append(f"the accounts have {money}, not {ACCOUNTS * MONEY}")
        if counted != sum(self.counted):
            problems.append(f"counted {counted}, not {sum(self.counted)}")
        if logs != [list(range(n)) for n in self.logged]:
            problems.append("a log is out of order, or lacks something")
        if pinned != sum(self.pinned_counted):
            problems.append(f"pinned {pinned}, not {sum(self.pinned_counted)}")
        if not all(is_whole(c.unwrap()) for c in self.sealed):
            problems.append("a value was damaged")
        return problems


def same(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r:.200}, not {wanted!r:.200}")


def transfer(stage, i, chance):
    for _ in range(8):
        when(*chance.sample(stage.accounts, 2))(move)


def audit(stage, i, chance):
    result = when([read(c) for c in stage.accounts])(total)
    same(result.unwrap(timeout=LIMIT), ACCOUNTS * MONEY, "the sum of all accounts")


def count(stage, i, chance):
    for _ in range(8):
        when(chance.choice(stage.counters))(add)
    stage.counted[i] += 8


def count_with_arguments(stage, i, chance):
    by = chance.randrange(5)
    whencall(add, [chance.choice(stage.counters)], [by])
    stage.counted[i] += by


def count_twice(stage, i, chance):
    c = chance.choice(stage.counters)
    when([c, c, c])(lambda group: add(group[2], 3))
    stage.counted[i] += 3


def log(stage, i, chance):
    for _ in range(4):
        whencall(append, [stage.logs[i]], [stage.logged[i]])
        stage.logged[i] += 1


def echo(stage, i, chance):
    data = some_data(chance)

    @when(chance.choice(stage.counters))
    def result(c):
        return data

    same(result.unwrap(timeout=LIMIT), data, "what a body returned")


def seal(stage, i, chance):
    result = whencall(swap_sealed, chance.sample(stage.sealed, 2), [some_data(chance)])
    if chance.random() < 0.3:
        result.unwrap(timeout=LIMIT)


def fail(stage, i, chance):
    number = chance.getrandbits(30)

    @when(chance.choice(stage.counters))
    def result(c):
        raise Refused(number, "as told")

    try:
        result.unwrap(timeout=LIMIT)
    except Refused as refused:
        same(refused.number, number, "what a body raised")
    else:
        raise AssertionError("a body's exception was lost")


def hold(stage, i, chance):
    c = chance.choice(stage.counters)
    with c as value:
        c.value = value + 1
    stage.counted[i] += 1


def hold_in_time(stage, i, chance):
    c = chance.choice(stage.counters)
    try:
        c.acquire(timeout=chance.choice((0, 1e-6, 1e-3)))
    except TimeoutError:
        return
    c.value += 1
    c.release()
    stage.counted[i] += 1


def unwrap_in_time(stage, i, chance):
    @when(chance.choice(stage.counters))
    def result(c):
        return 77

    try:
        same(result.unwrap(timeout=chance.choice((0, 1e-6, 1e-4))), 77, "a result")
    except TimeoutError:
        same(result.unwrap(timeout=LIMIT), 77, "a late result")


def ask(stage, i, chance):
    """A message to a body, and its answer."""
    question, answer, data = f"q{i}", f"a{i}", some_data(chance)

    @when()
    def _():
        send(answer, receive(question, timeout=LIMIT)[1])

    send(question, data)
    same(receive(answer, timeout=LIMIT), (answer, data), "the answer")


def wait_in_vain(stage, i, chance):
    """Short waits in bodies and on this thread, which take waiters from the same
    pool."""
    when()(lambda: [receive(f"v{i}", timeout=1e-6) for _ in range(20)])
    for _ in range(5):
        same(receive(f"v{i}", timeout=1e-6)[0], bocpy.TIMEOUT, "nothing")


def notice(stage, i, chance):
    key, number = f"n{i}", time.monotonic_ns()
    notice_write(key, number)
    result = when()(lambda: notice_read(key))
    got = result.unwrap(timeout=LIMIT)
    if got < number:
        raise AssertionError("an old notice")


def grow_tree(counters, depth):
    when(counters[depth])(add)
    if depth:
        for _ in range(2):
            when()(lambda: grow_tree(counters, depth - 1))


def tree(stage, i, chance):
    grow_tree(stage.counters[:3], 2)
    stage.counted[i] += 7


def drop(stage, i, chance):
    """Drops cowns, results and failures that the program has not looked at."""
    for n in range(4):
        when(Cown([n] * 100))(lambda c: c.value)
    cowns = Cown([Cown(n) for n in range(3)])
    when(cowns)(lambda c: list(c.value))


def nested(stage, i, chance):
    outer = Cown({"inner": Cown([i])})
    result = when(outer)(lambda c: c.value["inner"])
    same(result.unwrap(timeout=LIMIT).unwrap(timeout=LIMIT), [i], "a cown in a cown")


def pin(stage, i, chance):
    for _ in range(3):
        when(stage.pinned, chance.choice(stage.counters))(lambda p, c: (add(p), add(c)))
    stage.pinned_counted[i] += 3
    stage.counted[i] += 3


def call_program(stage, i, chance):
    if os.name == "posix":
        result = when()(lambda: subprocess.run(["true"], check=True).returncode)
        same(result.unwrap(timeout=LIMIT), 0, "a child's exit code")


def collect(stage, i, chance):
    gc.collect()


def rest(stage, i, chance):
    with contextlib.suppress(TimeoutError):
        quiesce(timeout=1e-3)


OPERATIONS, WEIGHTS = zip(
    (transfer, 10),
    (audit, 4),
    (count, 10),
    (count_with_arguments, 8),
    (count_twice, 4),
    (log, 10),
    (echo, 10),
    (seal, 10),
    (fail, 4),
    (hold, 6),
    (hold_in_time, 6),
    (unwrap_in_time, 6),
    (ask, 6),
    (wait_in_vain, 6),
    (notice, 4),
    (tree, 4),
    (drop, 6),
    (nested, 4),
    (pin, 6),
    (call_program, 0.1),
    (collect, 0.1),
    (rest, 0.5),
    strict=True,
)


def schedule_until(stop):
    c = Cown(0)
    while not stop.is_set():
        last = when(c)(add)
        time.sleep(0.0005)  # few behaviors in flight: a fork waits for them
    last.unwrap(timeout=LIMIT)


def use_in_child(n):
    """Runs in a child of fork(); returns its exit code."""
    c = Cown([n])
    for k in range(20):
        whencall(append, [c], [k])
    return 0 if c.unwrap(timeout=LIMIT) == [n, *range(20)] else 3
