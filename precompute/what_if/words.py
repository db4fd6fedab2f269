"""What a word of a run holds on average, in a model's own motif clusters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from precompute.token_store import TokenStore
from precompute.what_if.edits import EditError
from precompute.what_if.reader import Reader

#: Places that are averaged at most, the first ones in the genome.
MAX_PLACES = 200
_CHUNK_BINS = 1 << 20


@lru_cache(maxsize=64)
def mean_token(reader: Reader, word: int) -> NDArray[np.float64]:
    """Mean cluster values of a word's first :data:`MAX_PLACES` places, float64 (clusters,).

    Raises
    ------
    EditError
        When the run has no such word.
    """
    group = reader.run.group("word_ids")
    store = TokenStore(reader.run)
    total, seen = np.zeros(reader.matrix.shape[1]), 0
    for chrom in store.chroms:
        words = group[f"{chrom}/word"]
        for first in range(0, words.shape[0], _CHUNK_BINS):
            found = np.flatnonzero(words[first : first + _CHUNK_BINS] == word) + first
            found = found[: MAX_PLACES - seen]
            if not len(found):
                continue
            counts = store.gather_counts(chrom, found).astype(np.float64)
            values = counts @ reader.matrix
            total += np.asarray(values.sum(axis=0)).ravel()
            seen += len(found)
            if seen == MAX_PLACES:
                return total / seen
    if not seen:
        raise EditError(f"this run has no word {word:,}; give the number that the lexicon shows")
    return total / seen
