"""Windows of a run's sequence, worked on by threads and taken in order.

The kernels release the interpreter lock, so threads share the sequence without copies. Results
come back in the order of the windows, whatever the threads do, and only a few wait in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Result]]:
    """Apply ``function`` in ``workers`` threads; yield (item, result) in the order of ``items``."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(function, item)))
                if len(waiting) > workers + 1:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def windows(n: int, size: int) -> list[tuple[int, int]]:
    """Half-open windows of ``size`` that tile ``[0, n)``."""
    return [(lo, min(lo + size, n)) for lo in range(0, n, size)]


def load_codes(run: RunFolder, chrom: str) -> tuple[NDArray[np.uint8], int]:
    """Codes of a chromosome's region, uint8 (n,), and the region's start in bp."""
    group = run.group("sequence")[chrom]
    return group["codes"][:], int(group.attrs["start"])


def with_halo(
    codes: NDArray[np.uint8], lo: int, hi: int, halo: int
) -> tuple[NDArray[np.uint8], int]:
    """A view of ``codes`` around ``[lo, hi)`` and the position of ``lo`` in it."""
    first = max(0, lo - halo)
    return codes[first : min(len(codes), hi + halo)], lo - first
