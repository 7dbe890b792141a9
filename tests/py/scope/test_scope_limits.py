"""Limits of scopes and executors that are no use, or that no machine reaches."""

import pytest
from bocpy import BocExecutor, behaviors, when

pytestmark = pytest.mark.usefixtures("runtime")


def test_a_limit_that_nothing_reaches():
    with behaviors(limit=10**400):
        result = when()(lambda: 1)
    assert result.unwrap() == 1


def test_workers_of_an_executor_are_a_number():
    with pytest.raises(TypeError, match=r"^BocExecutor\(\): max_workers must be"):
        BocExecutor("2")
