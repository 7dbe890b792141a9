"""`Cown`: its value outside of bodies and in them, and what cannot be one."""

import threading

import pytest

from libboc import (
    BadState,
    Cown,
    Runtime,
    read,
)


class TestCown:
    def test_value_outside(self, runtime):
        cown = Cown([1])
        assert cown.value == [1]
        cown.value = [2]
        go = threading.Event()
        runtime.schedule(lambda cown: go.wait(60), [cown])
        with pytest.raises(BadState, match="a behavior has this cown"):
            cown.value  # noqa: B018
        with pytest.raises(BadState):
            cown.value = 3
        assert cown.busy
        go.set()
        runtime.quiesce(60)
        assert cown.value == [2]
        assert not cown.busy

    def test_the_same_object(self, runtime):
        value = object()
        cown, seen = Cown(value), []
        runtime.schedule(lambda cown: seen.append(cown.value), [cown])
        runtime.quiesce(60)
        assert seen[0] is value

    def test_twice(self, runtime):
        cown, seen = Cown(1), []
        runtime.schedule(lambda *same: seen.append(same), [cown, cown])
        runtime.quiesce(60)
        assert seen == [(cown, cown)]

    def test_a_reading_cannot_be_set(self, runtime):
        errors = []
        with Runtime(1, on_error=lambda body, error: errors.append(error)) as own:
            cown = Cown(1)

            @own.when(read(cown))
            def _(cown):
                cown.value = 2

        assert isinstance(errors[0], AttributeError)
        assert cown.value == 1

    def test_a_reading_ends_with_the_body(self, runtime):
        kept = []
        cown = Cown(1)
        runtime.schedule(kept.append, [read(cown)])
        runtime.quiesce(60)
        with pytest.raises(BadState, match="only a body"):
            kept[0].value  # noqa: B018

    def test_readers_run_side_by_side(self, runtime):
        cown, barrier = Cown(1), threading.Barrier(2)
        for _ in range(2):
            runtime.schedule(lambda cown: barrier.wait(60), [read(cown)])
        runtime.quiesce(60)
        assert not barrier.broken

    @pytest.mark.parametrize("wrong", [1, None, "cown", [Cown(1)]])
    def test_no_cown(self, runtime, wrong):
        with pytest.raises(TypeError, match=r"argument 2 must be a Cown"):
            runtime.schedule(print, [Cown(1), wrong])
        with pytest.raises(TypeError, match="read"):
            read(wrong)

    def test_no_body(self, runtime):
        with pytest.raises(TypeError, match="callable"):
            runtime.when()(3)
        with pytest.raises(TypeError, match="callable"):
            runtime.behavior(None)
