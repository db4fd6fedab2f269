"""The tree of motif features by their interdependence: what is cut into motif clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.errors import StageError

LINKAGES = ("single", "average", "complete")


def feature_tree(scores: NDArray[np.floating], linkage: str) -> NDArray[np.float64]:
    """Tree of the features, SciPy's linkage matrix float64 (n_features - 1, 4), heights 1 - IDS.

    Raises
    ------
    StageError
        When the scores are not a square symmetric matrix or the linkage is unknown.
    """
    from scipy.cluster.hierarchy import linkage as build
    from scipy.spatial.distance import squareform

    if linkage not in LINKAGES:
        raise StageError(f"linkage is {linkage!r}, expected one of {', '.join(LINKAGES)}")
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or len(scores) < 2:
        raise StageError(f"scores have shape {scores.shape}, expected (n, n) with n >= 2")
    if not np.allclose(scores, scores.T, atol=1e-6):
        raise StageError("scores are not symmetric; compute them with interdependence()")
    distance = 1.0 - scores.astype(np.float64)
    np.fill_diagonal(distance, 0.0)
    return build(squareform(np.maximum(distance, 0.0), checks=False), method=linkage)
