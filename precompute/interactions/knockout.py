"""Predictions of a window of tokens with occurrences of motif clusters taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.models.sparse import SparseRows

if TYPE_CHECKING:
    from precompute.models.predict import Predictor


class Taken(NamedTuple):
    """What is taken out: a motif cluster in bins ``[lo, hi)``, counted from the first row."""

    cluster: int
    lo: int
    hi: int


def without(rows: SparseRows, taken: Sequence[Taken]) -> SparseRows:
    """The rows with the occupancy of some clusters set to 0 in some bins."""
    values = rows.values.copy()
    for cluster, lo, hi in taken:
        part = slice(int(rows.indptr[lo]), int(rows.indptr[hi]))
        values[part][rows.indices[part] == cluster] = 0
    return rows._replace(values=values)


class Target(NamedTuple):
    """What is predicted of a window: the mean signal per base over some of its bins.

    Attributes
    ----------
    weight : float64 (n_rows,), bases of each bin that count, as shares that sum to 1
    offsets_bp : float64 (n_rows,), centre of each bin from the first row's start
    """

    weight: NDArray[np.float64]
    offsets_bp: NDArray[np.float64]


def target(edges: NDArray[np.integer], start: int, end: int) -> Target:
    """The target of a window of bins.

    Parameters
    ----------
    edges : int (n_rows + 1,), bp
    start, end : interval whose mean signal is the target, bp
    """
    left, right = edges[:-1], edges[1:]
    bases = np.clip(np.minimum(right, end) - np.maximum(left, start), 0, None).astype(np.float64)
    return Target(bases / bases.sum(), (left + right) / 2 - float(edges[0]))


def predict_batch(
    predictor: Predictor, track: int, rows: Sequence[SparseRows], targets: Sequence[Target]
) -> NDArray[np.float64]:
    """Predicted mean signal of the target of each window: float64 (windows,), in its unit.

    Parameters
    ----------
    predictor : of a token model
    track : index of the track
    rows, targets : windows of the same number of bins
    """
    import torch

    offsets = None
    if predictor.network.needs_offsets:
        offsets = torch.from_numpy(np.stack([t.offsets_bp for t in targets]))
    with torch.no_grad():
        y = predictor.network(SparseRows.joined(rows), len(rows), offsets)
    signal = predictor.model.scalings[track].restore(y[:, track].cpu().numpy())
    return (signal * np.stack([t.weight for t in targets])).sum(axis=1)
