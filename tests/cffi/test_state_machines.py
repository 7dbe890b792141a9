"""Random programs against sequential oracles, as state machines that shrink.

Behaviors and scopes: what a body saw in its cowns is what a run of all bodies, one
after the other in the order in which they were scheduled, would have seen. Some bodies
wait for a gate, so that others queue behind them; a behavior that is cancelled there
has certainly not begun. Lanes, mailboxes and the noticeboard run on one thread, so that
their answers are known exactly.
"""

from __future__ import annotations

import gc
import threading
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from libboc import (
    REMOVED,
    BadArgument,
    BadState,
    Closed,
    Cown,
    Full,
    Lane,
    Mailbox,
    NotFound,
    Noticeboard,
    Runtime,
    Scope,
    Timeout,
    _base,
    defer,
    read,
    schedule_all,
)

DEADLINE = 60
COWNS = 5
some_cowns = st.lists(st.integers(0, COWNS - 1), max_size=4)


@dataclass
class Planned:
    """A behavior: what its body does, and what has happened to it."""

    number: int
    uses: list[tuple[int, bool]]  # (cown, writes), each cown once
    kind: str = "plain"
    scope: int | None = None
    cancelled_before: bool = False  # its body has certainly not begun
    behind_gate: bool = False
    ran: list[bool] = field(default_factory=list)
    saw: dict[int, list[int]] = field(default_factory=dict)


class BehaviorMachine(RuleBasedStateMachine):
    scopes = Bundle("scopes")

    def __init__(self):
        super().__init__()
        self.failures = []
        self.runtime = Runtime(
            2, on_error=lambda body, error: self.failures.append(error)
        )
        self.cowns = [Cown([]) for _ in range(COWNS)]
        self.plan: list[Planned] = []
        self.made_scopes: list[Scope] = []
        self.cancelled: set[int] = set()
        self.parents: dict[int, int | None] = {}
        self.gate = threading.Event()
        self.gate.set()
        #: Cowns with a behavior that waits for the gate, or waits behind one: a writer;
        #: a reader, which holds back writers alone.
        self.held_back: dict[bool, set[int]] = {True: set(), False: set()}
        self.expected_failures = 0

    def teardown(self):
        self.gate.set()
        self.runtime.close()

    def planned(self, cowns, writes, kind, scope=None):
        """Notes a behavior; returns its body and its cowns."""
        uses: dict[int, bool] = {}
        for cown in cowns:
            uses[cown] = uses.get(cown, False) or writes
        each = Planned(len(self.plan), sorted(uses.items()), kind, scope)
        each.behind_gate = any(
            cown in self.held_back[True] or (writes and cown in self.held_back[False])
            for cown, writes in uses.items()
        )
        if each.behind_gate or kind == "gated":
            for cown, writes in uses.items():
                self.held_back[writes].add(cown)
        if scope is not None and scope in self.cancelled:
            each.cancelled_before = True
        self.plan.append(each)
        over = [
            self.cowns[cown] if writes else read(self.cowns[cown]) for cown in cowns
        ]
        return each, self.body(each, list(cowns)), over

    def body(self, each, order):
        def run(*cowns):
            if each.kind == "gated":
                assert self.gate.wait(DEADLINE)
            for number, writes in each.uses:
                cown = cowns[order.index(number)]
                each.saw[number] = list(cown.value)
                if writes:
                    cown.value = [*cown.value, each.number]
            if each.kind == "raises":
                raise ValueError(each.number)
            if each.kind == "deferred":
                rest = defer()
                threading.Thread(target=rest.complete).start()

        return run

    @initialize(target=scopes)
    def first_scope(self):
        return self.new_scope(None)

    def new_scope(self, parent):
        number = len(self.made_scopes)
        above = None if parent is None else self.made_scopes[parent]
        self.made_scopes.append(Scope(above))
        self.parents[number] = parent
        if parent in self.cancelled:
            self.cancelled.add(number)
        return number

    @rule(target=scopes, parent=st.none() | scopes)
    def scope(self, parent):
        return self.new_scope(parent)

    @rule(
        cowns=some_cowns,
        writes=st.booleans(),
        kind=st.sampled_from(["plain", "raises", "deferred"]),
    )
    def schedule(self, cowns, writes, kind):
        each, body, over = self.planned(cowns, writes, kind)
        self.expected_failures += kind == "raises"
        self.runtime.behavior(body, *over, done=each.ran.append).schedule()

    @rule(cowns=some_cowns, writes=st.booleans(), scope=scopes)
    def schedule_in_scope(self, cowns, writes, scope):
        each, body, over = self.planned(cowns, writes, "plain", scope)
        self.runtime.behavior(
            body, *over, scope=self.made_scopes[scope], done=each.ran.append
        ).schedule()

    @rule(cowns=some_cowns, other=some_cowns)
    def schedule_two(self, cowns, other):
        both = []
        for chosen in (cowns, other):
            each, body, over = self.planned(chosen, True, "plain")
            both.append(self.runtime.behavior(body, *over, done=each.ran.append))
        schedule_all(both)

    @rule(cowns=some_cowns, writes=st.booleans())
    def schedule_or_run(self, cowns, writes):
        each, body, over = self.planned(cowns, writes, "plain")
        behavior = self.runtime.behavior(body, *over, done=each.ran.append)
        here = behavior.schedule_or_run()
        assert not (here and each.behind_gate)

    @precondition(lambda self: self.gate.is_set())
    @rule(cowns=some_cowns.filter(bool))
    def close_the_gate(self, cowns):
        self.gate.clear()
        each, body, over = self.planned(cowns, True, "gated")
        self.runtime.behavior(body, *over, done=each.ran.append).schedule()

    @rule(scope=scopes)
    def cancel(self, scope):
        below = {scope}
        for number in range(len(self.made_scopes)):
            if self.parents[number] in below:
                below.add(number)
        self.made_scopes[scope].cancel()
        self.cancelled |= below
        for each in self.plan:
            if each.scope in below and each.behind_gate and not self.gate.is_set():
                each.cancelled_before = True
        assert all(self.made_scopes[number].cancelled for number in below)

    @precondition(lambda self: not self.gate.is_set())
    @rule()
    def open_the_gate(self):
        self.gate.set()
        self.all_over()

    def all_over(self):
        self.runtime.quiesce(DEADLINE)
        for cowns in self.held_back.values():
            cowns.clear()
        for each in self.plan:
            each.behind_gate = False

    @precondition(lambda self: self.gate.is_set())
    @rule(scope=scopes)
    def wait_for_scope(self, scope):
        self.made_scopes[scope].wait(DEADLINE)
        for each in self.plan:
            if each.scope == scope:
                assert len(each.ran) == 1

    @precondition(lambda self: self.gate.is_set())
    @rule()
    def compare(self):
        self.all_over()
        assert len(self.failures) == self.expected_failures
        values: list[list[int]] = [[] for _ in self.cowns]
        for each in self.plan:
            assert len(each.ran) == 1, "it is over once"
            if each.scope is None or each.scope not in self.cancelled:
                assert each.ran == [True]
            if each.cancelled_before:
                assert each.ran == [False]
            for number, writes in each.uses if each.ran[0] else ():
                assert each.saw[number] == values[number]
                if writes:
                    values[number].append(each.number)
        assert [cown.value for cown in self.cowns] == values
        assert not any(cown.busy for cown in self.cowns)

    def check_at_the_end(self):
        self.gate.set()
        self.compare()


def collect():
    for _ in range(3):  # finalizers of PyPy take more than one
        gc.collect()


class LaneMachine(RuleBasedStateMachine):
    """All cowns are pinned: behaviors run when the lane is pumped, in order."""

    def __init__(self):
        super().__init__()
        self.runtime = Runtime(1)
        self.lane = Lane()
        self.cowns = [Cown([]) for _ in range(3)]
        for cown in self.cowns:
            cown.pin(self.lane)
        self.expected: list[list[int]] = [[] for _ in self.cowns]
        self.left = 0
        self.number = 0
        self.thread = threading.get_ident()
        self.elsewhere = 0

    def teardown(self):
        self.runtime.close()
        self.lane.close()

    def body(self, number):
        def run(*cowns):
            self.elsewhere += threading.get_ident() != self.thread
            for cown in dict.fromkeys(cowns):
                cown.value.append(number)

        return run

    @rule(cowns=st.lists(st.integers(0, 2), min_size=1, max_size=3))
    def schedule(self, cowns):
        over = [self.cowns[cown] for cown in cowns]
        self.runtime.schedule(self.body(self.number), over)
        for cown in set(cowns):
            self.expected[cown].append(self.number)
        self.number += 1
        self.left += 1

    @rule(most=st.none() | st.integers(0, 4))
    def pump(self, most):
        expected = self.left if most is None else min(most, self.left)
        assert self.lane.wait(0 if not self.left else DEADLINE) == (self.left > 0)
        assert self.lane.pump(most=most) == expected
        self.left -= expected

    @rule()
    def no_time_runs_one(self):
        ran = self.lane.pump(timeout=0)
        assert ran == min(self.left, 1)
        self.left -= ran

    @invariant()
    def in_order(self):
        assert self.elsewhere == 0
        assert len(self.lane) <= self.left
        if self.left:
            assert len(self.lane) > 0
        for cown, expected in zip(self.cowns, self.expected, strict=True):
            # No thread but this one runs them, so they stand still.
            assert cown._value == expected[: len(cown._value)]


class MailboxMachine(RuleBasedStateMachine):
    TAGS = 4
    CAPACITY = 4
    names = st.sampled_from(["a", "b", "c", "d", "e", b"\xff", ""])

    def __init__(self):
        super().__init__()
        self.mailbox = Mailbox(tags=self.TAGS, capacity=self.CAPACITY)
        self.queues: dict[object, deque[int]] = {}
        self.closed = False
        self.number = 0
        self.before = len(_base.objects)

    def teardown(self):
        del self.mailbox
        collect()
        assert len(_base.objects) == self.before

    def refused(self, tags):
        new = set(tags) - set(self.queues)
        return len(self.queues) + len(new) > self.TAGS

    @rule(tag=names)
    def send(self, tag):
        self.number += 1
        if self.closed:
            with pytest.raises(Closed):
                self.mailbox.send(tag, self.number)
        elif self.refused([tag]):
            with pytest.raises(NotFound):
                self.mailbox.send(tag, self.number)
        elif len(self.queues.setdefault(tag, deque())) == self.CAPACITY:
            with pytest.raises(Full):
                self.mailbox.send(tag, self.number)
        else:
            self.mailbox.send(tag, self.number)
            self.queues[tag].append(self.number)

    @rule(tags=st.lists(names, max_size=4, unique=True))
    def receive(self, tags):
        if not tags:
            with pytest.raises(BadArgument):
                self.mailbox.receive(tags, 0)
            return
        if self.refused(tags):
            with pytest.raises(NotFound):
                self.mailbox.receive(tags, 0)
            # The refused call may have made some of the tags: start again with a new
            # mailbox.
            self.set_tags(list(self.queues))
            return
        full = [tag for tag in tags if self.queues.get(tag)]
        if full:
            tag, message = self.mailbox.receive(tags, 0)
            assert tag in full
            assert self.queues[tag].popleft() == message
        else:
            with pytest.raises(Closed if self.closed else Timeout):
                self.mailbox.receive(tags, 0)
        for tag in tags:
            self.queues.setdefault(tag, deque())

    @rule(tags=st.lists(names, max_size=3))
    def drain(self, tags):
        self.mailbox.drain(tags)
        for tag in tags:
            if tag in self.queues:
                self.queues[tag].clear()

    @rule(tags=st.lists(names, max_size=6))
    def set_tags(self, tags):
        try:
            self.mailbox.set_tags(tags)
        except Full:
            assert len(tags) > self.TAGS
        except BadArgument:
            assert len(set(tags)) < len(tags)
        else:
            assert len(set(tags)) == len(tags) <= self.TAGS
            self.queues = {tag: deque() for tag in tags}

    @precondition(lambda self: self.number > 10)
    @rule()
    def close(self):
        self.mailbox.close()
        self.closed = True

    @invariant()
    def nothing_is_lost(self):
        queued = sum(map(len, self.queues.values()))
        assert len(_base.objects) - self.before == queued


class NoticeboardMachine(RuleBasedStateMachine):
    snapshots = Bundle("snapshots")
    keys = st.sampled_from(["a", "b", "c", "é" * 31, "x" * 63])
    values = st.integers()

    def __init__(self):
        super().__init__()
        self.board = Noticeboard()
        self.model: dict[str, int] = {}
        self.versions: dict[str, int] = {}
        self.last = self.board.read().version

    def changed(self, *keys):
        now = self.board.read()
        assert now.version > self.last
        self.last = now.version
        for key in keys:
            self.versions[key] = now.version_of(key)
            assert (self.versions[key] > 0) == (key in self.model)

    @rule(target=snapshots)
    def read(self):
        return self.board.read(), dict(self.model)

    @rule(snapshot=snapshots)
    def a_snapshot_stays(self, snapshot):
        notices, model = snapshot
        assert dict(notices) == model
        assert list(notices) == list(model)

    @rule(key=keys, value=values)
    def write(self, key, value):
        self.board.write(key, value)
        self.model[key] = value
        self.changed(key)

    @rule(key=keys, value=values, stale=st.booleans())
    def write_if(self, key, value, stale):
        version = self.versions.get(key, 0)
        if stale:
            with pytest.raises(BadState):
                self.board.write(key, value, version=version + 1)
        else:
            self.board.write(key, value, version=version)
            self.model[key] = value
            self.changed(key)

    @rule(key=keys)
    def delete(self, key):
        if key not in self.model:
            with pytest.raises(NotFound):
                self.board.delete(key)
            return
        self.board.delete(key)
        del self.model[key]
        self.changed(key)

    @rule(key=keys, value=values, remove=st.booleans())
    def update(self, key, value, remove):
        present = self.model.get(key, 0)
        self.board.update(key, lambda old: REMOVED if remove else old + value, 0)
        if not remove:
            self.model[key] = present + value
            self.changed(key)
        elif key in self.model:
            del self.model[key]
            self.changed(key)

    @rule()
    def clear(self):
        self.board.clear()
        had, self.model = self.model, {}
        if had:
            self.changed(*had)

    @rule()
    def fill(self):
        added = [f"filler{number}" for number in range(64 - len(self.model))]
        for key in added:
            self.board.write(key, 0)
        with pytest.raises(Full):
            self.board.write("one more", 0)
        assert len(self.board.read()) == 64
        for key in added:
            self.board.delete(key)
        self.last = self.board.read().version

    @invariant()
    def the_same(self):
        assert dict(self.board.read()) == self.model


class BehaviorMachineToTheEnd(BehaviorMachine):
    def teardown(self):
        try:
            self.check_at_the_end()
        finally:
            super().teardown()


TestBehaviors = BehaviorMachineToTheEnd.TestCase
TestLanes = LaneMachine.TestCase
TestMailboxes = MailboxMachine.TestCase
TestNoticeboards = NoticeboardMachine.TestCase
