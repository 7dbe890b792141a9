"""`Lane`: the thread that pumps it runs the behaviors of the cowns pinned to it."""

import gc
import select
import sys
import threading

import pytest

from libboc import (
    BadArgument,
    BadState,
    Closed,
    Cown,
    Lane,
    NotFound,
    Runtime,
)


class TestLane:
    def test_pump(self, runtime):
        with Lane() as lane:
            cown, where = Cown(0), []
            cown.pin(lane)
            for _ in range(5):
                runtime.schedule(
                    lambda cown: where.append(threading.get_ident()), [cown]
                )
            assert lane.wait(60)
            assert lane.pump(most=2) == 2
            assert lane.pump() == 3
            assert lane.pump() == 0
            assert where == [threading.get_ident()] * 5
            assert not lane.wait(0.01)

    def test_descriptor(self, runtime):
        with Lane() as lane:
            try:
                lane.fileno()
            except NotFound:
                assert sys.platform == "win32"
                return
            assert select.select([lane], [], [], 0)[0] == []
            cown = Cown(0)
            cown.pin(lane)
            runtime.schedule(lambda cown: None, [cown])
            assert select.select([lane], [], [], 60)[0] == [lane]
            lane.pump()

    def test_refusals(self, runtime):
        with Lane() as lane, Lane() as other:
            cown, second = Cown(0), Cown(0)
            cown.pin(lane)
            second.pin(other)
            with pytest.raises(BadState):
                cown.pin(lane)
            with pytest.raises(TypeError, match="Lane"):
                Cown(1).pin(runtime)
            with pytest.raises(BadArgument):
                runtime.schedule(print, [cown, second])
            with pytest.raises(BadState, match="pinned"), runtime.hold(cown):
                pass
            with pytest.raises(ValueError, match="most"):
                lane.pump(most=-1)
        with pytest.raises(Closed):
            lane.pump()

    def test_nested(self, runtime):
        with Lane() as lane:
            cown, seen = Cown(0), []
            cown.pin(lane)

            def nested(cown):
                try:
                    lane.pump()
                except BadState as error:
                    seen.append(error)

            runtime.schedule(nested, [cown])
            lane.wait(60)
            assert lane.pump() == 1
            assert len(seen) == 1

    def test_interrupts_are_raised_by_pump(self, runtime):
        with Lane() as lane:
            cown, ran = Cown(0), []
            cown.pin(lane)

            def interrupted(cown):
                raise KeyboardInterrupt

            runtime.schedule(interrupted, [cown])
            runtime.schedule(lambda cown: ran.append(1), [cown])
            lane.wait(60)
            with pytest.raises(KeyboardInterrupt):
                lane.pump()
            runtime._drain(60)
            assert ran == [1]

    def test_the_end_pumps(self):
        ran = []
        with Lane() as lane, Runtime(1) as runtime:
            cown = Cown(0)
            cown.pin(lane)

            def body(cown):
                ran.append(1)
                if len(ran) < 5:
                    runtime.schedule(body, [cown])

            runtime.schedule(body, [cown])
        assert ran == [1] * 5

    def test_forgotten(self, runtime):
        for _ in range(20):
            lane, cown = Lane(), Cown(0)
            cown.pin(lane)
            runtime.schedule(lambda cown: None, [cown])
            lane.wait(60)
            lane.pump()
            del lane, cown
            gc.collect()
