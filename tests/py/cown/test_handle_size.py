"""What the Python object of a cown takes, and when the collector has to visit it."""

import gc
import struct
import sysconfig

import pytest
from bocpy import Cown

pytestmark = pytest.mark.usefixtures("runtime")

#: On builds without a GIL, where a map of attributes would need a lock, one more.
POINTERS = 3 if sysconfig.get_config_var("Py_GIL_DISABLED") else 2


def test_a_handle_has_two_pointers():
    size = object.__basicsize__ + POINTERS * struct.calcsize("P")
    assert Cown.__basicsize__ == size


@pytest.mark.parametrize("value", [None, True, 7, 2.5, "text", b"bytes"])
def test_the_collector_does_not_visit_a_cown_of_a_scalar(value):
    assert gc.is_tracked(Cown(value)) == (POINTERS == 3)


def test_it_visits_a_cown_once_that_has_attributes():
    c = Cown(7)
    c.note = "mine"
    assert gc.is_tracked(c)
