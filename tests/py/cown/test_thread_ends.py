"""A thread that ends while it holds cowns gives them back, with a warning."""

import threading
import warnings

import bocpy
import pytest
from bocpy import Cown, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")


@pytest.fixture
def told():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def end_of(function, name="forgetful"):
    thread = threading.Thread(target=function, name=name)
    thread.start()
    thread.join(LIMIT)
    assert not thread.is_alive()


def test_a_cown_is_given_back_with_its_value(told):
    c = Cown([1])

    def forget():
        c.acquire()
        c.value.append(2)
        when(c)(lambda c: c.value.append(3))

    end_of(forget)
    bocpy.quiesce(LIMIT)
    assert c.unwrap() == [1, 2, 3]
    (warning,) = told
    assert warning.category is RuntimeWarning
    text = str(warning.message)
    assert "thread 'forgetful' has ended while it held <Cown at 0x" in text
    assert "use `with`, or release() before the thread ends" in text


def test_several_are_given_back(told):
    cowns = [Cown(n) for n in range(3)]
    kept = []
    end_of(lambda: kept.append(bocpy.acquire(*cowns)))
    assert bocpy.gather(*cowns).result(timeout=LIMIT) == [0, 1, 2]
    assert len(told) == 1
    kept[0].release()


def test_the_next_thread_does_not_inherit_them(told):
    c = Cown(1)
    seen = []
    for _ in range(20):
        end_of(c.acquire)
        end_of(lambda: seen.append(c.acquired))
    assert seen == [False] * 20
    assert len(told) == 20
    assert c.unwrap() == 1


def test_a_thread_that_releases_is_not_told(told):
    c = Cown(1)

    def tidy():
        with c:
            pass
        c.acquire()
        c.release()

    end_of(tidy)
    end_of(lambda: bocpy.acquire(c).release())
    assert told == []


def test_a_wait_that_began_before_goes_on(told):
    c = Cown(1)
    has, end = threading.Event(), threading.Event()

    def forget():
        c.acquire()
        has.set()
        end.wait(LIMIT)

    thread = threading.Thread(target=forget)
    thread.start()
    has.wait(LIMIT)
    with pytest.raises(TimeoutError, match="holds a cown by acquire"):
        bocpy.quiesce(0)
    after = when(c)(lambda c: c.value + 1)
    end.set()
    bocpy.quiesce(LIMIT)
    thread.join(LIMIT)
    assert after.unwrap() == 2
    assert len(told) == 1
