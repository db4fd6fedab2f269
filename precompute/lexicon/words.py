"""Words: the discrete tokens. A bin's word is the set of motif clusters at or above a threshold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.token_store import TokenStore

EMPTY_LABEL = "(no motif)"

#: Frequency floors whose effect is reported, so that a floor can be chosen before an embedding.
FLOORS = (1, 2, 3, 10, 100, 500)


class Words(NamedTuple):
    """Distinct words in order of falling frequency.

    ``word`` int32 (n_bins,); ``clusters`` list of int16 arrays; ``frequency`` int64 (n_words,).
    """

    word: NDArray[np.int32]
    clusters: list[NDArray[np.int16]]
    frequency: NDArray[np.int64]


def collect_words(indptr: NDArray[np.integer], indices: NDArray[np.integer]) -> Words:
    """Distinct rows of a CSR structure, exactly.

    Rows are grouped by a 64-bit hash and then compared with their group's first row, so a
    collision cannot go unnoticed.

    Parameters
    ----------
    indptr : (n_bins + 1,)
    indices : cluster ids, rising within a row

    Returns
    -------
    Words; ties in frequency are ordered by first occurrence.
    """
    lengths = np.diff(indptr)
    n = len(lengths)
    for attempt in range(4):
        rng = np.random.default_rng(attempt)
        top = int(indices.max(initial=0)) + 1
        keys = rng.integers(1, 2**63, size=top, dtype=np.uint64)
        running = np.concatenate([[np.uint64(0)], np.cumsum(keys[indices], dtype=np.uint64)])
        hashed = running[indptr[1:]] - running[indptr[:-1]]
        _, first, inverse = np.unique(hashed, return_index=True, return_inverse=True)
        if _same_rows(indptr, indices, lengths, first[inverse]):
            break
    else:
        raise StageError("words could not be told apart by hashing; report this as a bug")
    frequency = np.bincount(inverse)
    order = np.lexsort((first, -frequency))
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order))
    clusters = [
        indices[indptr[row] : indptr[row + 1]].astype(np.int16) for row in first[order].tolist()
    ]
    word = rank[inverse] if n else np.empty(0, dtype=np.int32)
    return Words(word, clusters, frequency[order].astype(np.int64))


def _same_rows(
    indptr: NDArray, indices: NDArray, lengths: NDArray, model: NDArray[np.integer]
) -> bool:
    """Whether every row equals its model row."""
    if not np.array_equal(lengths, lengths[model]):
        return False
    within = np.arange(len(indices)) - np.repeat(indptr[:-1], lengths)
    theirs = indices[np.repeat(indptr[:-1][model], lengths) + within]
    return bool(np.array_equal(indices, theirs))


def threshold_rows(
    store: TokenStore, chrom: str, threshold: float, block_bins: int = 50_000
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """Clusters at or above ``threshold`` per bin of a chromosome, as CSR indptr and indices."""
    counts, kept = [], []
    for block in store.blocks(block_bins, chrom):
        values = store.cluster_values(block.chrom, block.lo, block.hi)
        # A mean of equal members can fall a rounding error short of the threshold.
        mask = values.data >= threshold - 1e-6
        row = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
        counts.append(np.bincount(row[mask], minlength=values.shape[0]))
        kept.append(values.indices[mask].astype(np.int16))
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
    return indptr, np.concatenate(kept)


def run(context: StageContext) -> Facts:
    """Write the artefacts ``words`` and ``word_ids``."""
    store = TokenStore(context.run)
    parts = []
    for number, chrom in enumerate(store.chroms):
        context.progress(number, len(store.chroms) + 1, chrom)
        parts.append(threshold_rows(store, chrom, context.config.lexicon.threshold))
    offsets = np.cumsum([0] + [int(p[0][-1]) for p in parts])
    indptr = np.concatenate(
        [[0]] + [p[0][1:] + base for p, base in zip(parts, offsets, strict=False)]
    )
    words = collect_words(indptr, np.concatenate([p[1] for p in parts]))
    names = context.run.table("clusters")["label"].tolist()
    labels = [" + ".join(names[c] for c in row) or EMPTY_LABEL for row in words.clusters]
    context.run.write_table(
        "words",
        pd.DataFrame({
            "word": np.arange(len(labels), dtype=np.int32),
            "clusters": words.clusters,
            "label": labels,
            "frequency": words.frequency,
        }),
    )
    at = 0
    with context.run.writing_group("word_ids", chroms=store.chroms) as group:
        for chrom in store.chroms:
            n = store.n_bins(chrom)
            group.create_array(f"{chrom}/word", data=words.word[at : at + n], chunks=(1 << 18,))
            at += n
    context.progress(1, 1, "")
    empty = next((i for i, row in enumerate(words.clusters) if len(row) == 0), None)
    n_bins = len(words.word)
    frequency = words.frequency
    return {
        "threshold": context.config.lexicon.threshold,
        "words": len(frequency),
        "empty_word_share": float(frequency[empty] / n_bins) if empty is not None else 0.0,
        "floors": {
            str(floor): {
                "words": int((frequency >= floor).sum()),
                "bins": int(frequency[frequency >= floor].sum()),
            }
            for floor in FLOORS
        },
    }
