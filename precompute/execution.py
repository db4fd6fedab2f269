"""Where a stage's windows are worked on: threads of this process, or a Dask cluster.

Both take the same functions and give results in the order of the items, so the choice changes no
artefact. A function that goes through here is a module's own function with small, picklable
arguments (bind them with :func:`functools.partial`): it reads its window from the run folder
itself, which every worker of a cluster must see under the same path.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol, TypeVar

from precompute.errors import ExecutionError
from precompute.streaming import in_order

if TYPE_CHECKING:
    from distributed import Client

Item = TypeVar("Item")
Result = TypeVar("Result")

_CONNECT_SECONDS = 20


class Execution(Protocol):
    """Works on items in parallel."""

    @property
    def workers(self) -> int:
        """Items worked on at a time."""

    @property
    def is_distributed(self) -> bool:
        """Whether functions and results travel between processes."""

    def in_order(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Result]]:
        """Yield (item, function(item)) in the order of ``items``."""


class Threads:
    """Threads of this process: the compiled kernels release the interpreter lock."""

    is_distributed = False

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def in_order(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Result]]:
        return in_order(function, items, self.workers)


class DaskCluster:
    """Workers of a Dask cluster.

    Parameters
    ----------
    client : connected client
    """

    is_distributed = True

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def workers(self) -> int:
        return max(1, sum(self._client.nthreads().values()))

    def in_order(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[Item, Result]]:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        waiting: deque[tuple[Item, Future[Result]]] = deque()
        try:
            for item in items:
                waiting.append((item, self._client.submit(function, item, pure=False)))
                # Twice the workers keeps them busy while the first result is awaited; the rest
                # would only pile up in their memory.
                if len(waiting) > 2 * self.workers:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        except KilledWorker:
            raise ExecutionError(
                "several workers of the Dask cluster died on the same window, most likely for "
                "lack of memory; give each worker 2 GB or lower run.window_bp, then run again"
            ) from None
        except (FutureCancelledError, TimeoutError, OSError) as error:
            raise ExecutionError(
                f"the connection to the Dask scheduler was lost ({type(error).__name__}); see "
                "that it runs and run again, finished stages are kept"
            ) from None
        finally:
            for _, future in waiting:
                future.cancel()


@contextlib.contextmanager
def executing(scheduler: str | None, workers: int) -> Iterator[Execution]:
    """Open the place that work is done in.

    Parameters
    ----------
    scheduler : None for threads; 'local' for a Dask cluster of ``workers`` processes on this
        machine; otherwise the address of a running Dask scheduler, e.g. 'tcp://node7:8786'
    workers : threads, or processes of a local cluster

    Raises
    ------
    ExecutionError
        When the scheduler cannot be reached or has no workers.
    """
    if scheduler is None:
        yield Threads(workers)
        return
    import logging

    import dask
    from distributed import Client, LocalCluster

    # A killed worker is tried again elsewhere, which is no news for a person watching bars.
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": 5}))
        if scheduler == "local":
            address = stack.enter_context(
                LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None,
                    host="127.0.0.1", protocol="tcp://",
                )
            )
        else:
            address = scheduler
        try:
            # Results of workers on this machine need not pass through the scheduler.
            client = stack.enter_context(
                Client(
                    address, timeout=_CONNECT_SECONDS,
                    direct_to_workers=True if scheduler == "local" else None,
                )
            )
            client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError, RuntimeError) as error:
            raise ExecutionError(
                f"no Dask scheduler with a worker answers at {scheduler!r} "
                f"({type(error).__name__}); give the address that `dask scheduler` prints, such "
                "as tcp://10.0.0.5:8786, or 'local'"
            ) from None
        yield DaskCluster(client)
