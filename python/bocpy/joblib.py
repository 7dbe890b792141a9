"""joblib's Parallel over the runtime: importing this module registers the backend.

>>> import joblib, bocpy.joblib                                # doctest: +SKIP
>>> with joblib.parallel_backend("bocpy"):                     # doctest: +SKIP
...     joblib.Parallel()(joblib.delayed(abs)(-n) for n in range(3))
[0, 1, 2]

Threads: those that call joblib.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import joblib  # type: ignore[import-not-found,unused-ignore]
import joblib.parallel  # type: ignore[import-not-found,unused-ignore]

from . import WORKER_COUNT, _core
from ._executor import BocExecutor
from ._executor_tasks import call_each

__all__ = ["BocBackend"]


class BocBackend(joblib.parallel.ParallelBackendBase):  # type: ignore[misc]
    """The backend that joblib knows as "bocpy": a BocExecutor for each Parallel."""

    supports_retrieve_callback = True
    default_n_jobs = -1
    _executor: BocExecutor | None = None

    @property
    def uses_threads(self) -> bool:
        """Whether tasks get the caller's objects themselves."""
        return _core._backend() == "threads"

    @property
    def supports_sharedmem(self) -> bool:
        """Whether `require="sharedmem"` can be met."""
        return self.uses_threads

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """How many tasks run at a time; negative numbers count from the workers."""
        if n_jobs is None:
            return 1
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs > 0:
            return n_jobs
        workers = len(_core._stats()) or WORKER_COUNT
        return max(1, workers + 1 + n_jobs)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_options: Any) -> int:
        self.parallel = parallel
        n_jobs = self.effective_n_jobs(n_jobs)
        self._executor = BocExecutor(n_jobs)
        return n_jobs

    def submit(
        self, func: Callable[[], Any], callback: Callable[[Any], None] | None = None
    ) -> Future[Any]:
        assert self._executor is not None
        calls = getattr(func, "items", None)
        if calls is not None and not self.uses_threads:
            # Importing a batch of joblib in a worker's interpreter would fail: joblib
            # imports modules that refuse sub-interpreters.
            future = self._executor.submit(call_each, [*calls])
        else:
            future = self._executor.submit(func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def retrieve_result_callback(self, out: Future[Any]) -> Any:
        return out.result()

    def terminate(self) -> None:
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None

    def abort_everything(self, ensure_ready: bool = True) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        if ensure_ready:
            self.configure(n_jobs=self.parallel.n_jobs, parallel=self.parallel)


joblib.register_parallel_backend("bocpy", BocBackend)  # pyright: ignore
