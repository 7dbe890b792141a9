"""`connect`: makes a connection from the engine that the user has."""

from __future__ import annotations

from typing import Any, Literal, overload

from ._driver import Distributed
from ._engine import Engine, Options
from ._recompute import DaskTasks, RayTasks, Recomputing, Tasks

#: How many behaviors may be pending before `when` waits.
LIMIT = 16384


@overload
def connect(
    client: Any = "auto",
    *,
    recover: Literal["lost"] = "lost",
    batch: int | Literal["auto"] = "auto",
    limit: int | None = LIMIT,
    timeout: float = 10.0,
    spill: int | None = None,
    threads: int | None = None,
) -> Distributed: ...
@overload
def connect(client: Any = "auto", *, recover: Literal["recompute"]) -> Recomputing: ...
def connect(
    client: Any = "auto",
    *,
    recover: str = "lost",
    batch: int | str = "auto",
    limit: int | None = LIMIT,
    timeout: float = 10.0,
    spill: int | None = None,
    threads: int | None = None,
) -> Distributed | Recomputing:
    """Connects to a cluster; one executor starts in each of its workers.

    - client: a `distributed.Client`; or the address of a Ray cluster as `ray.init`
      takes it ("auto", "local", "ray://…"), "auto" for the one that this process is
      connected to.
    - recover: what the death of a worker means. "lost": no body runs twice; cowns that
      were there raise CownLost. "recompute": bodies run again; for deterministic
      bodies without effects only.
    - batch: how many behaviors may share a message; "auto" sends a behavior at once if
      its worker is idle, and collects behaviors otherwise.
    - limit: how many behaviors may be pending before `when` outside of bodies waits;
      None: any number.
    - timeout: seconds without an answer after which a worker counts as dead.
    - spill: bytes of values that a worker keeps in memory; beyond them it writes idle
      values to disk.
    - threads: how many bodies run at once in a worker; by default as many as the engine
      gives it threads.

    Raises ValueError or TypeError for other arguments, ModuleNotFoundError if the
    engine is not installed, VersionMismatch if Python, bocpy or cloudpickle of a worker
    differ from the driver's.
    """
    if recover not in ("lost", "recompute"):
        raise ValueError(f"recover must be 'lost' or 'recompute', not {recover!r}")
    if batch != "auto" and (not isinstance(batch, int) or batch < 1):
        raise ValueError(f"batch must be 'auto' or a positive number, not {batch!r}")
    if timeout <= 0:
        raise ValueError("timeout must be positive: seconds")
    if recover == "recompute":
        return Recomputing(tasks_of(client))
    engine = engine_of(client)
    options = Options(timeout, spill, threads)
    size = batch if isinstance(batch, int) else None
    return Distributed(engine, batch=size, limit=limit, options=options)


def tasks_of(client: Any) -> Tasks:
    """Returns the tasks of the engine that `connect` was given."""
    if isinstance(client, str):
        return RayTasks(client)
    check_client(client)
    return DaskTasks(client)


def check_client(client: Any) -> None:
    module = type(client).__module__.partition(".")[0]
    if module != "distributed":
        raise TypeError(
            "connect() takes a distributed.Client or the address of a Ray cluster, not "
            f"{type(client).__name__!r}"
        )


def engine_of(client: Any) -> Engine:
    """Returns the adapter of the engine that `connect` was given."""
    if isinstance(client, str):
        try:
            from ._ray import RayEngine
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"a Ray address needs Ray: pip install bocpy[ray] ({error})"
            ) from error
        return RayEngine(client)
    check_client(client)
    from ._dask import DaskEngine

    return DaskEngine(client)
