"""From motif clusters back to motifs: whose hits a cluster's attribution belongs to.

A cluster's value in a bin is the mean of its members' occupancy there, so its attribution is shared
among its members in proportion to that occupancy, and a member's share among its hits in proportion
to the bases of the bin that each covers. Shares of a cluster in a bin add up to its attribution,
unless hits of one feature overlap: their common bases count for each of them.

The shares of features add up to those of profiles, factors and families: :func:`attribution_by`
reads a window's attribution at each of these levels, and the total of a bin is the same at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.errors import StageError
from precompute.models.sparse import SparseRows
from precompute.tf_families import LEVELS, feature_groups

if TYPE_CHECKING:
    import pandas as pd
    from scipy.sparse import csr_matrix

#: Levels at which an attribution can be read.
BY = ("cluster", *LEVELS)


class Readout(NamedTuple):
    """A window's attribution at one level.

    Attributes
    ----------
    names : one per column; for clusters their labels, else alphabetical
    values : CSR float64 (bins, columns)
    """

    names: list[str]
    values: csr_matrix


def feature_shares(
    rows: SparseRows, occupancy: csr_matrix, assignment: NDArray[np.integer]
) -> csr_matrix:
    """Attribution of each motif feature in each bin.

    Parameters
    ----------
    rows : attribution of each motif cluster in each bin, sparse (bins, clusters)
    occupancy : CSR float (bins, features), covered bases / profile width
    assignment : int (features,), cluster of each feature

    Returns
    -------
    CSR float64 (bins, features) with the entries of ``occupancy``; its sum over the features of a
    cluster is the cluster's attribution.
    """
    from scipy.sparse import csr_matrix

    n_bins, n_features = occupancy.shape
    bins = np.repeat(np.arange(n_bins), np.diff(occupancy.indptr))
    cluster = assignment[occupancy.indices]
    key = bins * np.int64(rows.n_columns) + cluster
    groups, place = np.unique(key, return_inverse=True)
    total = np.bincount(place, occupancy.data, len(groups))
    row = np.repeat(np.arange(rows.n_rows), np.diff(rows.indptr))
    of_cluster = np.zeros(len(groups))
    at = np.searchsorted(groups, row * np.int64(rows.n_columns) + rows.indices)
    of_cluster[at] = rows.values
    values = of_cluster[place] * occupancy.data / total[place]
    return csr_matrix((values, occupancy.indices, occupancy.indptr), (n_bins, n_features))


def hit_shares(
    shares: csr_matrix, occupancy: csr_matrix, edges: NDArray[np.integer],
    widths: NDArray[np.integer], feature: NDArray[np.integer], start: NDArray[np.integer],
    end: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Attribution of single hits: float64 (n_hits,).

    Parameters
    ----------
    shares, occupancy : of :func:`feature_shares`
    edges : int (bins + 1,), bp
    widths : int (features,), bp
    feature, start, end : int (n_hits,), ``start`` and ``end`` in bp
    """
    out = np.zeros(len(feature))
    lo = np.clip(np.searchsorted(edges, start, side="right") - 1, 0, len(edges) - 2)
    hi = np.clip(np.searchsorted(edges, end, side="left"), 1, len(edges) - 1)
    for step in range(int((hi - lo).max(initial=0))):
        here = np.flatnonzero(lo + step < hi)
        bins, columns = lo[here] + step, feature[here]
        covered = np.minimum(end[here], edges[bins + 1]) - np.maximum(start[here], edges[bins])
        value = np.asarray(shares[bins, columns]).ravel()
        filled = np.asarray(occupancy[bins, columns]).ravel()
        part = np.maximum(covered, 0) / widths[columns]
        # Overlapping hits of a feature were merged before they were counted.
        share = np.minimum(part / np.where(filled > 0, filled, np.inf), 1.0)
        out[here] += value * share
    return out


def attribution_by(
    by: str, rows: SparseRows, occupancy: csr_matrix, assignment: NDArray[np.integer],
    features: pd.DataFrame, cluster_names: Sequence[str],
) -> Readout:
    """Attribution of each motif cluster, profile, factor or family in each bin.

    Parameters
    ----------
    by : one of ``BY``
    rows, occupancy, assignment : of :func:`feature_shares`
    features : the artefact ``features``, in the order of ``occupancy``'s columns
    cluster_names : label of each motif cluster of the model, ``rows.n_columns`` of them

    Raises
    ------
    StageError
        When ``by`` is none of ``BY``.
    """
    from scipy.sparse import csr_matrix

    if by not in BY:
        raise StageError(
            f"attributions cannot be read by {by!r}; choose one of {', '.join(BY)}"
        )
    if by == "cluster":
        size = (rows.n_rows, rows.n_columns)
        values = csr_matrix((rows.values.astype(np.float64), rows.indices, rows.indptr), size)
        return Readout(list(cluster_names), values)
    groups = feature_groups(features, by)
    n_features = len(groups.of_feature)
    member = csr_matrix(
        (np.ones(n_features), groups.of_feature, np.arange(n_features + 1)),
        (n_features, len(groups.names)),
    )
    return Readout(groups.names, feature_shares(rows, occupancy, assignment) @ member)
