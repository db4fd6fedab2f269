"""Sparse token rows and the three products that the first layer of a token model needs.

A bin holds about 40 of more than 800 motif clusters, so the first layer, which would be the
largest of all, is computed from the non-zeros alone. The products equal the dense ones up to the
order of summation, and do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from scipy.sparse import csr_matrix

#: The gradient is summed in this many parts whatever the threads, so that it does not vary.
_PARTS = 4


class SparseTensors(NamedTuple):
    """The same for an accelerator: what ``torch.nn.functional.embedding_bag`` takes.

    Attributes
    ----------
    indices : int32 (nnz,), column
    offsets : int32 (n_rows,), first entry of each row
    values : float32 (nnz,)
    """

    indices: torch.Tensor
    offsets: torch.Tensor
    values: torch.Tensor

    def to(self, device: torch.device) -> SparseTensors:
        """The rows on a device."""
        return SparseTensors(*(part.to(device, non_blocking=True) for part in self))


class SparseRows(NamedTuple):
    """Rows of a sparse matrix (CSR): one per bin, columns are motif clusters.

    Attributes
    ----------
    indptr : int64 (n_rows + 1,), from 0
    indices : uint16 (nnz,), column
    values : float32 (nnz,)
    n_columns : number of motif clusters
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint16]
    values: NDArray[np.float32]
    n_columns: int

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    def rows(self, lo: int, hi: int) -> SparseRows:
        """Rows ``[lo, hi)``; values are views."""
        first, last = int(self.indptr[lo]), int(self.indptr[hi])
        return SparseRows(
            self.indptr[lo : hi + 1] - first, self.indices[first:last], self.values[first:last],
            self.n_columns,
        )

    def copy(self) -> SparseRows:
        """The rows by themselves, so that what they are a view of can be let go."""
        return SparseRows(
            self.indptr.copy(), self.indices.copy(), self.values.copy(), self.n_columns)

    def reversed(self) -> SparseRows:
        """The rows in reverse order (and the entries of each row too)."""
        indptr = np.concatenate([[0], np.cumsum(np.diff(self.indptr)[::-1])]).astype(np.int64)
        return SparseRows(
            indptr,
            np.ascontiguousarray(self.indices[::-1]),
            np.ascontiguousarray(self.values[::-1]),
            self.n_columns,
        )

    def dense(self) -> NDArray[np.float32]:
        """float32 (n_rows, n_columns)."""
        out = np.zeros((self.n_rows, self.n_columns), dtype=np.float32)
        out[np.repeat(np.arange(self.n_rows), np.diff(self.indptr)), self.indices] = self.values
        return out

    def tensors(self) -> SparseTensors:
        """The rows as tensors, on the CPU."""
        import torch

        return SparseTensors(
            torch.from_numpy(self.indices.astype(np.int32)),
            torch.from_numpy(self.indptr[:-1].astype(np.int32)),
            torch.from_numpy(np.ascontiguousarray(self.values)),
        )

    @classmethod
    def from_dense(cls, dense: NDArray[np.floating]) -> SparseRows:
        """The non-zeros of an array (n_rows, n_columns)."""
        row, column = np.nonzero(dense)
        counts = np.bincount(row, minlength=len(dense))
        return cls(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            column.astype(np.uint16), dense[row, column].astype(np.float32), dense.shape[1],
        )

    @classmethod
    def joined(cls, parts: Sequence[SparseRows]) -> SparseRows:
        """The rows of all parts, one part after the other."""
        steps = np.cumsum([0, *(len(part.indices) for part in parts)])
        indptr = [part.indptr[1:] + step for part, step in zip(parts, steps[:-1], strict=True)]
        return cls(
            np.concatenate([np.zeros(1, np.int64), *indptr]),
            np.concatenate([part.indices for part in parts]),
            np.concatenate([part.values for part in parts]),
            parts[0].n_columns,
        )


@numba.njit(cache=True, nogil=True)
def _times(indptr, indices, values, weight, lo, hi, out):  # type: ignore[no-untyped-def]
    width = weight.shape[1]
    for i in range(lo, hi):
        for e in range(indptr[i], indptr[i + 1]):
            value, column = values[e], indices[e]
            for k in range(width):
                out[i, k] += value * weight[column, k]


@numba.njit(cache=True, nogil=True)
def _scatter(indptr, indices, values, grad, lo, hi, out):  # type: ignore[no-untyped-def]
    width = grad.shape[1]
    for i in range(lo, hi):
        for e in range(indptr[i], indptr[i + 1]):
            value, column = values[e], indices[e]
            for k in range(width):
                out[column, k] += value * grad[i, k]


@numba.njit(cache=True, nogil=True, fastmath=True)
def _dots(indptr, indices, left, weight, out):  # type: ignore[no-untyped-def]
    width = weight.shape[1]
    for i in range(len(indptr) - 1):
        for e in range(indptr[i], indptr[i + 1]):
            column = indices[e]
            total = left.dtype.type(0)
            for k in range(width):
                total += left[i, k] * weight[column, k]
            out[e] = total


@numba.njit(cache=True, nogil=True)
def _clustered(indptr, indices, counts, swapped, cluster, weight, ends, columns, values, sums):  # type: ignore[no-untyped-def]
    place = 0
    for i in range(len(indptr) - 1):
        first, e, end = place, indptr[i], indptr[i + 1]
        while e < end:
            # Both strands of a profile are added in the order of the features after the exchange.
            is_pair = swapped and e + 1 < end and indices[e + 1] == indices[e] ^ 1
            n = 2 if is_pair else 1
            for k in range(n):
                entry = e + n - 1 - k
                feature = indices[entry] ^ 1 if swapped else indices[entry]
                column = cluster[feature]
                if sums[column] == 0:
                    # Clusters come nearly in order, so sorting by insertion is cheap.
                    spot = place
                    while spot > first and columns[spot - 1] > column:
                        columns[spot] = columns[spot - 1]
                        spot -= 1
                    columns[spot] = column
                    place += 1
                sums[column] += np.float32(counts[entry]) * weight[feature]
            e += n
        for spot in range(first, place):
            values[spot] = sums[columns[spot]]
            sums[columns[spot]] = 0
        ends[i + 1] = place


def clustered(counts: csr_matrix, matrix: csr_matrix, swapped: bool = False) -> SparseRows:
    """``counts @ matrix`` in half of scipy's time: each feature is in one cluster only.

    Parameters
    ----------
    counts : CSR of positive integers (n_rows, n_features), sorted columns
    matrix : CSR float32 (n_features, n_clusters), one entry in each row
    swapped : exchange the strands first: features 2 p and 2 p + 1 are those of profile p

    Raises
    ------
    ValueError
        When a row of ``matrix`` has not one entry.
    """
    if not np.array_equal(matrix.indptr, np.arange(matrix.shape[0] + 1)):
        raise ValueError("a feature is not in exactly one motif cluster")
    ends = np.zeros(counts.shape[0] + 1, dtype=np.int64)
    columns = np.empty(counts.nnz, dtype=np.uint16)
    values = np.empty(counts.nnz, dtype=np.float32)
    _clustered(
        counts.indptr, counts.indices, counts.data, swapped, matrix.indices, matrix.data, ends,
        columns, values, np.zeros(matrix.shape[1], dtype=np.float32),
    )
    n = ends[-1]
    return SparseRows(ends, columns[:n].copy(), values[:n].copy(), matrix.shape[1])


def _bounds(n: int, parts: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, n, parts + 1).astype(int)
    return [(int(lo), int(hi)) for lo, hi in pairwise(edges)]


def times(rows: SparseRows, weight: NDArray[np.floating], threads: int = 1) -> NDArray:
    """``rows @ weight``: (n_rows, width), in the type of ``weight`` (n_columns, width)."""
    out = np.zeros((rows.n_rows, weight.shape[1]), dtype=weight.dtype)
    values = rows.values.astype(weight.dtype, copy=False)

    def part(bounds: tuple[int, int]) -> None:
        _times(rows.indptr, rows.indices, values, weight, *bounds, out)

    if threads == 1:
        part((0, rows.n_rows))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(part, _bounds(rows.n_rows, threads)))
    return out


def transposed_times(rows: SparseRows, grad: NDArray[np.floating], threads: int = 1) -> NDArray:
    """``rows.T @ grad``: (n_columns, width); the gradient of :func:`times` by its weight."""
    values = rows.values.astype(grad.dtype, copy=False)

    def part(bounds: tuple[int, int]) -> NDArray:
        out = np.zeros((rows.n_columns, grad.shape[1]), dtype=grad.dtype)
        _scatter(rows.indptr, rows.indices, values, grad, *bounds, out)
        return out

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(part, _bounds(rows.n_rows, _PARTS)))
    return sum(parts[1:], start=parts[0])


def dots(rows: SparseRows, left: NDArray[np.floating], weight: NDArray[np.floating]) -> NDArray:
    """``left[i] . weight[column]`` at each non-zero (i, column): (nnz,)."""
    out = np.empty(len(rows.indices), dtype=left.dtype)
    _dots(rows.indptr, rows.indices, left, weight, out)
    return out
