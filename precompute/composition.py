"""Which motif clusters a stretch of sequence is made of, as a vector that can be compared.

A stretch counts, for each motif cluster, its bins whose word holds the cluster. The weight of a
cluster is the square root of that count times ln((N + 1) / (n + 0.5)), with n of N windows of the
run that hold it: the root is the Hellinger transform, which keeps a repeated motif from drowning
the others, and the logarithm takes away what every window has. Vectors are cut to their largest
weights and scaled to length 1, so that the product of two is their similarity: 0 nothing shared, 1
the same.

References
----------
Salton and Buckley 1988, term weighting (doi:10.1016/0306-4573(88)90021-0); Legendre and Gallagher
2001, Hellinger transform of compositions (doi:10.1007/s004420100716).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Means of equal members can fall a rounding error short of the threshold.
ROUNDING = 1e-6


class Composition(NamedTuple):
    """Unit vectors as CSR: int64 (n + 1,), uint16 and float32 (nnz,), rising in a row."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.uint16]
    values: NDArray[np.float32]


def cluster_weights(holders: NDArray[np.integer], n_windows: int) -> NDArray[np.float64]:
    """ln((N + 1) / (n + 0.5)) of each motif cluster; 0 where no window holds it.

    What every window holds weighs next to nothing, and still something where nothing else is there.

    Parameters
    ----------
    holders : int (n_clusters,), windows that hold the cluster
    n_windows : windows that hold any
    """
    weights = np.zeros(len(holders))
    held = holders > 0
    weights[held] = np.log((n_windows + 1) / (holders[held] + 0.5))
    return weights


def compositions(
    counts: NDArray[np.integer], weights: NDArray[np.floating], most: int
) -> Composition:
    """Unit vectors of stretches.

    Parameters
    ----------
    counts : int (n, n_clusters), bins that hold each cluster
    weights : float (n_clusters,), see :func:`cluster_weights`
    most : largest entries of a row that are kept; of equal ones those of the smaller cluster
    """
    dense = np.sqrt(counts) * weights
    order = np.argsort(-dense, axis=1, kind="stable")[:, :most]
    kept = np.sort(order, axis=1)
    values = np.take_along_axis(dense, kept, axis=1)
    length = np.sqrt((values**2).sum(axis=1, keepdims=True))
    values = values / np.where(length > 0, length, 1)
    present = values > 0
    indptr = np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int64)
    return Composition(
        indptr, kept[present].astype(np.uint16), values[present].astype(np.float32)
    )
