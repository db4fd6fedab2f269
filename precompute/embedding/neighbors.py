"""The k-nearest-neighbour graph that communities are found in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def knn_edges(rows: NDArray[np.floating], k: int, block: int = 2048) -> NDArray[np.int32]:
    """Edges of the undirected kNN graph under cosine distance, each once.

    Neighbours are exact: blocks of the similarity matrix, never all of it.

    Parameters
    ----------
    rows : float (n, d)
    k : neighbours per point, at most n - 1 are used
    block : rows compared at a time

    Returns
    -------
    int32 (n_edges, 2), smaller index first, sorted
    """
    n = len(rows)
    k = min(k, n - 1)
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = (rows / np.where(norm > 0, norm, 1)).astype(np.float32)
    neighbours = np.empty((n, k), dtype=np.int32)
    for lo in range(0, n, block):
        similarity = unit[lo : lo + block] @ unit.T
        similarity[np.arange(len(similarity)), lo + np.arange(len(similarity))] = -np.inf
        neighbours[lo : lo + block] = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    source = np.repeat(np.arange(n, dtype=np.int64), k)
    target = neighbours.ravel().astype(np.int64)
    key = np.unique(np.minimum(source, target) * n + np.maximum(source, target))
    return np.stack([key // n, key % n], axis=1).astype(np.int32)
