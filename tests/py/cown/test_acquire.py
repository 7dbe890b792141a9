"""Holding cowns outside behaviors leaves a closed runtime closed."""

import bocpy
import pytest
from bocpy import Cown, start, wait, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


def workers():
    return len(bocpy.quiesce(stats=True))


def test_restart_with_another_count_after_reading_results():
    made = when(Cown(1))(lambda c: c.value + 1)
    wait()
    assert made.unwrap() == 2
    start(worker_count=3)
    assert workers() == 3


def test_restart_with_another_count_after_holding_a_cown():
    c = Cown([1])
    wait()
    with c as value:
        value.append(2)
    start(worker_count=1)
    assert workers() == 1
    assert c.unwrap() == [1, 2]


def test_restart_with_another_count_while_holding_is_refused():
    c = Cown(1)
    wait()
    c.acquire()
    with pytest.raises(RuntimeError, match=r"start.*release"):
        start(worker_count=3)
    c.release()
    start(worker_count=3)
    assert workers() == 3


def test_behaviors_open_the_runtime_again():
    c = Cown(1)
    wait()
    c.acquire()
    late = when(c)(lambda c: c.value)
    c.value = 2
    c.release()
    assert late.unwrap(timeout=LIMIT) == 2
    with pytest.raises(RuntimeError, match=r"3.*2|2.*3"):
        start(worker_count=3)


def test_acquire_before_the_runtime_has_started(program, backend):
    done = program(
        """
        import bocpy
        from bocpy import Cown, start, wait, when
        c = Cown([1])
        with c as value:
            value.append(2)
        start(worker_count=3)
        r = when(c)(lambda c: list(c.value))
        print(len(wait(stats=True)), r.unwrap())
        """
    )
    assert done.lines == ["3 [1, 2]"]
