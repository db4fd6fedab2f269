"""Which bins go on the map: those whose word is neither rare nor everywhere, subsampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.errors import StageError


def select_points(
    word: NDArray[np.int32],
    frequency: NDArray[np.int64],
    is_empty: NDArray[np.bool_],
    min_frequency: int,
    max_frequency: int,
    max_points: int,
    least: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], int]:
    """Indices of the chosen bins, rising, and the number of bins to choose from.

    Parameters
    ----------
    word : int32 (n_bins,), word of each bin
    frequency : int64 (n_words,), bins with each word
    is_empty : bool (n_words,), words without a motif, never chosen
    min_frequency, max_frequency : words kept, both ends included
    max_points : size of the uniform subsample
    least : points that the later steps need

    Raises
    ------
    StageError
        When the floor and ceiling leave no word, or fewer bins than ``least``.
    """
    kept = (frequency >= min_frequency) & (frequency <= max_frequency) & ~is_empty
    candidates = np.flatnonzero(kept[word])
    if len(candidates) == 0:
        most = int(frequency[~is_empty].max(initial=0))
        raise StageError(
            f"no word has a frequency between {min_frequency:,} and {max_frequency:,} (the most "
            f"frequent one occurs {most:,} times); lower embedding.min_frequency"
        )
    if len(candidates) < least:
        raise StageError(
            f"only {len(candidates):,} bins have a word with a frequency between "
            f"{min_frequency:,} and {max_frequency:,}, the map needs at least {least:,}; lower "
            "embedding.min_frequency, pca_components or umap_neighbors"
        )
    n = min(max_points, len(candidates))
    return np.sort(rng.choice(candidates, size=n, replace=False)), len(candidates)
