"""Behaviors over the machines of a cluster that Dask or Ray runs.

    from distributed import Client
    from bocpy.distributed import connect

    d = connect(Client("tcp://scheduler:8786"))
    left, right = d.Cown(100), d.Cown(0)

    @d.when(left, right)
    def transfer(left, right):
        left.value -= 30
        right.value += 30

    d.wait()
    print(left.unwrap(), right.unwrap())

A cown's value lives in one worker, and moves to another when a behavior needs it there.
The guide's page on clusters says what that costs, and what happens if a worker dies.
"""

from ._connect import connect
from ._cown import Cown, Reading, read
from ._driver import Distributed
from ._errors import BehaviorError, CancelledError, CownLost, VersionMismatch
from ._recompute import Recomputing
from ._scope import Scope

__all__ = [
    "BehaviorError",
    "CancelledError",
    "Cown",
    "CownLost",
    "Distributed",
    "Reading",
    "Recomputing",
    "Scope",
    "VersionMismatch",
    "connect",
    "read",
]
