"""Callbacks of results that workers end while threads add them."""

import threading
from collections import Counter

import pytest
from bocpy import Cown, quiesce, when
from harness import LIMIT

pytestmark = pytest.mark.usefixtures("runtime")

MANY = 1000


def test_each_callback_runs_once():
    called = []
    cown = Cown(0)

    def add(numbers):
        for number in numbers:
            result = when(cown)(lambda c: None)
            result.add_done_callback(lambda _, number=number: called.append(number))

    threads = [
        threading.Thread(target=add, args=(range(i, MANY, 3),), name=f"adds-{i}")
        for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    quiesce(LIMIT)
    assert Counter(called) == dict.fromkeys(range(MANY), 1)
