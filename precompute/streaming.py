"""Windows of a run's sequence, worked on by threads and taken in order.

The kernels release the interpreter lock, so threads share the sequence without copies. Results
come back in the order of the windows, whatever the threads do, and only a few wait in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from precompute.artefacts import RunFolder

if TYPE_CHECKING:
    import zarr

Item = TypeVar("Item")
Result = TypeVar("Result")
Scalar = TypeVar("Scalar", bound=np.generic)


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


class ChunkWriter:
    """Appends to a new one-dimensional Zarr array in whole chunks, so that nothing is rewritten.

    Chunks are LZ4 with bit shuffle: Zarr's default (zstd) makes tokens a quarter smaller, but takes
    eight times as long in the one thread that writes, which two workers then wait for.

    Parameters
    ----------
    group : group that the array is made in
    name, dtype : of the array
    chunk : values of a chunk
    """

    def __init__(
        self, group: zarr.Group, name: str, dtype: DTypeLike, chunk: int = 1 << 20
    ) -> None:
        from zarr.codecs import BloscCodec

        self._array = group.create_array(
            name, shape=(0,), dtype=dtype, chunks=(chunk,),
            compressors=BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),
        )
        self._chunk, self._dtype = chunk, np.dtype(dtype)
        self._parts: list[NDArray] = []
        self._waiting = 0

    def append(self, values: NDArray) -> None:
        """Add values at the end."""
        self._parts.append(values.astype(self._dtype, copy=False))
        self._waiting += len(values)
        if self._waiting >= 4 * self._chunk:
            joined = np.concatenate(self._parts)
            whole = len(joined) // self._chunk * self._chunk
            self._array.append(joined[:whole])
            self._parts, self._waiting = [joined[whole:]], len(joined) - whole

    def close(self) -> None:
        """Write what is left."""
        if self._waiting:
            self._array.append(np.concatenate(self._parts))
        self._parts, self._waiting = [], 0


def load_codes(run: RunFolder, chrom: str) -> tuple[NDArray[np.uint8], int]:
    """Codes of a chromosome's region, uint8 (n,), and the region's start in bp."""
    group = run.group("sequence")[chrom]
    return group["codes"][:], int(group.attrs["start"])


def with_halo(
    values: NDArray[Scalar], lo: int, hi: int, halo: int
) -> tuple[NDArray[Scalar], int]:
    """A view of ``values`` around ``[lo, hi)`` and the position of ``lo`` in it."""
    first = max(0, lo - halo)
    return values[first : min(len(values), hi + halo)], lo - first
