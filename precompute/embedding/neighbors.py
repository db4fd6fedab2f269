"""One exact nearest-neighbour search for the layouts, the communities and their quality.

Many bins hold the very same token (copies of repeats): with more copies than neighbours a copy
would know nobody but its copies. Equal tokens are therefore one node of the graph; points are many
to one node.

The search multiplies tiles of unit vectors, so it is exact; its cost grows with the square of the
nodes and its memory with nodes x k. Ties go to the lower node number, and distances are summed
again in one fixed order, so neither tiles nor threads change a neighbour list.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.context import Progress
from precompute.streaming import in_order, windows

#: Rows and candidates compared at a time: a tile of 32 MB for each worker.
_ROWS, _CANDIDATES = 1024, 8192


class Nodes(NamedTuple):
    """Distinct rows: ``first`` int64 (n_nodes,), rising, the row that stands for each;
    ``node`` int32 (n,), the node of each row."""

    first: NDArray[np.int64]
    node: NDArray[np.int32]


class Neighbors(NamedTuple):
    """Nearest first: ``nodes`` int32 (n, k), ``distances`` float32 (n, k), 1 - cosine."""

    nodes: NDArray[np.int32]
    distances: NDArray[np.float32]


def distinct_rows(rows: NDArray[np.float32]) -> Nodes:
    """Nodes of equal rows, numbered by their first row."""
    solid = np.ascontiguousarray(rows) + np.float32(0)  # -0 and 0 are equal and differ in bytes
    keys = solid.view(np.dtype((np.void, solid.dtype.itemsize * solid.shape[1]))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(first), dtype=np.int32)
    number[order] = np.arange(len(first))
    return Nodes(first[order].astype(np.int64), number[inverse])


def unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows of length 1, float32; a row of zeros stays."""
    norm = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return np.ascontiguousarray(rows / np.where(norm > 0, norm, 1), dtype=np.float32)


@njit(cache=True, nogil=True)
def _is_worse(similarity, index, other_similarity, other_index):  # type: ignore[no-untyped-def]
    if similarity != other_similarity:
        return similarity < other_similarity
    return index > other_index


@njit(cache=True, nogil=True)
def _keep_nearest(tile, first, own, heap, heap_index):  # type: ignore[no-untyped-def]
    """Push a tile's candidates into heaps whose root is the worst kept neighbour."""
    k = heap.shape[1]
    for row in range(tile.shape[0]):
        for column in range(tile.shape[1]):
            value = tile[row, column]
            candidate = first + column
            if value < heap[row, 0] or candidate == own + row:
                continue
            if not _is_worse(heap[row, 0], heap_index[row, 0], value, candidate):
                continue
            at = 0
            while True:
                child = 2 * at + 1
                if child >= k:
                    break
                if child + 1 < k and _is_worse(
                    heap[row, child + 1], heap_index[row, child + 1],
                    heap[row, child], heap_index[row, child],
                ):
                    child += 1
                if not _is_worse(heap[row, child], heap_index[row, child], value, candidate):
                    break
                heap[row, at] = heap[row, child]
                heap_index[row, at] = heap_index[row, child]
                at = child
            heap[row, at] = value
            heap_index[row, at] = candidate


@njit(cache=True, nogil=True)
def _similarities(queries, reference, index, out):  # type: ignore[no-untyped-def]
    """Cosines of each query with its neighbours, summed in the order of the components."""
    for row in range(index.shape[0]):
        for column in range(index.shape[1]):
            total = 0.0
            other = index[row, column]
            for d in range(queries.shape[1]):
                total += queries[row, d] * reference[other, d]
            out[row, column] = total


def nearest(
    queries: NDArray[np.float32], reference: NDArray[np.float32], k: int, *,
    is_same: bool = False, workers: int = 1, progress: Progress | None = None,
) -> Neighbors:
    """The k most similar reference rows of every query under cosine distance, exactly.

    Parameters
    ----------
    queries, reference : float32 (n, d) and (m, d), unit rows
    k : neighbours; at most m are given, or m - 1 when ``is_same``
    is_same : the queries are the reference, and nobody is their own neighbour
    workers : threads; they change no result
    """
    from threadpoolctl import threadpool_limits

    n, m = len(queries), len(reference)
    k = min(k, m - 1 if is_same else m)
    nodes = np.empty((n, k), dtype=np.int32)
    distances = np.empty((n, k), dtype=np.float32)

    def search(window: tuple[int, int]) -> None:
        lo, hi = window
        heap = np.full((hi - lo, k), -np.inf, dtype=np.float32)
        index = np.full((hi - lo, k), m, dtype=np.int64)
        for first, last in windows(m, _CANDIDATES):
            tile = queries[lo:hi] @ reference[first:last].T
            _keep_nearest(tile, first, lo if is_same else -1 - hi, heap, index)
        cosine = np.empty((hi - lo, k))
        _similarities(queries[lo:hi], reference, index, cosine)
        order = np.lexsort((index, -cosine), axis=1)
        nodes[lo:hi] = np.take_along_axis(index, order, axis=1)
        cosine = np.take_along_axis(cosine, order, axis=1)
        distances[lo:hi] = np.clip(1.0 - cosine, 0.0, 2.0)

    # One BLAS thread each: what a product sums to must not depend on the workers.
    with threadpool_limits(1, user_api="blas"):
        for (_, hi), _result in in_order(search, windows(n, _ROWS), workers):
            if progress is not None:
                progress(hi, n, "nearest neighbours")
    return Neighbors(nodes, distances)


@njit(cache=True, nogil=True)
def _holds(row, value):  # type: ignore[no-untyped-def]
    """Whether a rising row holds a value."""
    at = np.searchsorted(row, value)
    return at < len(row) and row[at] == value


@njit(cache=True, nogil=True)
def _edges(rows, out):  # type: ignore[no-untyped-def]
    """Pairs by their smaller node, each once; ``out`` of no rows: only count them."""
    n = len(rows)
    start = np.zeros(n + 1, dtype=np.int64)
    for node in range(n):
        for other in rows[node]:
            if other > node or (other >= 0 and not _holds(rows[other], node)):
                start[min(node, other) + 1] += 1
    start = np.cumsum(start)
    if len(out):
        place = start[:-1].copy()
        for node in range(n):
            for other in rows[node]:
                if other > node or (other >= 0 and not _holds(rows[other], node)):
                    low = min(node, other)
                    out[place[low], 0] = low
                    out[place[low], 1] = max(node, other)
                    place[low] += 1
        for node in range(n):
            out[start[node] : start[node + 1], 1].sort()
    return start[n]


def undirected_edges(nodes: NDArray[np.integer]) -> NDArray[np.int32]:
    """Edges of the undirected graph of neighbour lists, each once.

    Parameters
    ----------
    nodes : int (n, k), different neighbours of each node, never itself; -1 stands for none

    Returns
    -------
    int32 (n_edges, 2), smaller node first, sorted
    """
    rows = np.sort(nodes.astype(np.int32, copy=False), axis=1)
    edges = np.empty((_edges(rows, np.empty((0, 2), dtype=np.int32)), 2), dtype=np.int32)
    _edges(rows, edges)
    return edges


def neighbors_within(
    members: NDArray[np.integer], nodes: NDArray[np.int32], unit: NDArray[np.float32], k: int,
    workers: int = 1,
) -> NDArray[np.int32]:
    """The k nearest neighbours among members only, int32 (n_members, k) of member positions.

    The first k members in a node's list are its k nearest members whenever the list holds that
    many; only the other nodes are searched for again.

    Parameters
    ----------
    members : int (n_members,), rising node numbers
    nodes : int32 (n_nodes, list length), nearest first
    unit : float32 (n_nodes, d), unit rows
    """
    k = min(k, len(members) - 1)
    position = np.full(len(nodes), -1, dtype=np.int32)
    position[members] = np.arange(len(members), dtype=np.int32)
    found = np.empty((len(members), k), dtype=np.int32)
    short = np.zeros(len(members), dtype=bool)
    for lo, hi in windows(len(members), 50_000):
        inside = position[nodes[members[lo:hi]]]
        is_in = inside >= 0
        short[lo:hi] = is_in.sum(axis=1) < k
        order = np.argsort(~is_in, axis=1, kind="stable")[:, :k]
        found[lo:hi, : order.shape[1]] = np.take_along_axis(inside, order, axis=1)
    if short.any():
        mine = unit[members]
        again = nearest(mine[short], mine, k + 1, workers=workers).nodes
        own = again == np.flatnonzero(short)[:, None]
        # Where others are as near as the node itself, it may not be in its own list.
        own[~own.any(axis=1), -1] = True
        found[short] = again[~own].reshape(len(again), k)
    return found
