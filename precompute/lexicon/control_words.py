"""The control of our own tokenizer: words of a shuffled sample of the sequence.

Scanning is the dear part of tokenizing, so a sample stands for the sequence: windows of it, drawn
one from each of as many equal strata, are scanned, cut into bins and thresholded with the run's
profiles, rules and motif clusters. Each window is done twice, as it is and shuffled, in the same
way, so that both compare. A window is a sequence of its own: no motif reaches across its ends.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precompute.bin_edges import find_edges
from precompute.config import BinConfig
from precompute.context import Facts, StageContext
from precompute.lexicon.text import Text
from precompute.motifs import load_profiles
from precompute.scan import Scanner, compile_scanner, count_window, depth_window
from precompute.streaming import in_order
from precompute.token_store import TokenStore

#: Windows of the sample; each is a block when the laws are resampled.
WINDOWS = 40
_TRIES = 20

#: Words of a bin: as :func:`precompute.lexicon.words.threshold_rows`, which allows for rounding.
_ROUNDING = 1e-6


class Place(NamedTuple):
    """A window of the sample, positions from the region's start."""

    chrom: str
    lo: int
    hi: int


class WindowWords(NamedTuple):
    """``edges`` int32 (n_bins + 1,) from the window's start; of each bin the word, as the bytes of
    its clusters' int16 numbers, and the known bases."""

    edges: NDArray[np.int32]
    words: list[bytes]
    known_bp: NDArray[np.int64]


def sample_windows(text: Text, sample_bp: int, rng: np.random.Generator) -> list[Place]:
    """Windows of about ``sample_bp`` in all; the whole sequence when it is not longer.

    A window is drawn anew, up to 20 times, while less than half of it is known.
    """
    lengths = {chrom: text.length(chrom) for chrom in text.chroms}
    total = sum(lengths.values())
    whole = sample_bp >= total
    size = -(-min(sample_bp, total) // WINDOWS)
    if whole:
        return [
            Place(chrom, lo, min(lo + size, n))
            for chrom, n in lengths.items() for lo in range(0, n, size)
        ]
    first = np.concatenate([[0], np.cumsum(list(lengths.values()))])
    out = []
    for stratum in range(WINDOWS):
        low, high = total * stratum // WINDOWS, total * (stratum + 1) // WINDOWS - size
        for _ in range(_TRIES):
            at = int(rng.integers(low, max(low, high) + 1))
            number = int(np.searchsorted(first, at, side="right")) - 1
            chrom = text.chroms[number]
            lo = at - int(first[number])
            place = Place(chrom, lo, min(lo + size, lengths[chrom]))
            if (text.codes(*place) < 4).mean() >= 0.5:
                break
        out.append(place)
    return out


def window_words(
    codes: NDArray[np.uint8], scanner: Scanner, rules: BinConfig, to_cluster: csr_matrix,
    threshold: float,
) -> WindowWords:
    """Bins and words of a sequence, with the functions of the stages."""
    edges, _ = find_edges(depth_window(scanner, codes, 0, len(codes)), rules)
    indptr, indices, counts = count_window(scanner, codes, edges.astype(np.int64))
    shape = (len(edges) - 1, scanner.n_features)
    tokens = csr_matrix((counts.astype(np.float32), indices.astype(np.int32), indptr), shape=shape)
    values = tokens @ to_cluster
    values.sort_indices()
    kept = values.data >= threshold - _ROUNDING
    clusters = values.indices.astype(np.int16)
    words = [
        clusters[a:b][kept[a:b]].tobytes()
        for a, b in zip(values.indptr[:-1], values.indptr[1:], strict=True)
    ]
    known_bp = np.add.reduceat(codes < 4, edges[:-1], dtype=np.int64)
    return WindowWords(edges, words, known_bp)


def _in_window(
    text: Text, make: Callable[[NDArray[np.uint8]], WindowWords], place: Place
) -> WindowWords:
    return make(text.codes(*place))


def run(context: StageContext) -> Facts:
    """Write the artefact ``control_words``."""
    config, root = context.config, context.run.root.resolve()
    real = Text(root)
    shuffled = Text.shuffled(root, config.run.seed, config.lexicon.shuffle_block_bp)
    places = sample_windows(real, config.lexicon.control_bp, context.rng("windows"))
    scanner = compile_scanner(load_profiles(config.motifs))
    make = partial(
        window_words, scanner=scanner, rules=config.bins,
        to_cluster=TokenStore(context.run).feature_to_cluster,
        threshold=config.lexicon.threshold,
    )
    parts, facts = [], {}
    for step, (corpus, text) in enumerate((("sample", real), ("shuffled", shuffled))):
        number_of: dict[bytes, int] = {}
        work = in_order(partial(_in_window, text, make), places, config.run.workers)
        for window, (place, found) in enumerate(work):
            context.progress(step * len(places) + window, 2 * len(places), corpus)
            start = text.start(place.chrom) + place.lo
            parts.append(pd.DataFrame({
                "corpus": corpus, "window": np.int32(window), "chrom": place.chrom,
                "start": found.edges[:-1].astype(np.int64) + start,
                "end": found.edges[1:].astype(np.int64) + start,
                "word": np.array(
                    [number_of.setdefault(key, len(number_of)) for key in found.words],
                    dtype=np.int32,
                ),
                "n_clusters": [len(key) // 2 for key in found.words],
                "known_bp": found.known_bp,
            }))
        facts[f"words_{corpus}"] = len(number_of)
    known = sum(int((real.codes(*place) < 4).sum()) for place in places)
    context.run.write_table("control_words", pd.concat(parts, ignore_index=True))
    context.progress(1, 1, "")
    sample_bp = sum(place.hi - place.lo for place in places)
    return {**facts, "sample_bp": sample_bp, "sample_known_bp": known, "windows": len(places)}
