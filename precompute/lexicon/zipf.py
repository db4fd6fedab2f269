"""Zipf's law: rank-frequency curves of every tokenizer, and how straight they are in log-log."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.lexicon.tokenizers import (
    encode_counts,
    kmer_counts,
    pieces,
    train_bpe,
    truncate_bpe,
)
from precompute.streaming import load_codes

#: Definitions of r, as the app offers them.
DEFINITIONS = ("all", "seen2", "seen3", "seen10", "logranks")

_LOG_POINTS = 60


def log_ranks(n: int, points: int) -> NDArray[np.int64]:
    """About ``points`` distinct ranks from 1 to ``n``, evenly spaced in log."""
    return np.unique(np.rint(np.geomspace(1, n, points)).astype(np.int64))


def zipf_fit(frequency: NDArray[np.integer], definition: str) -> tuple[int, float, float]:
    """Straightness of a rank-frequency curve.

    Parameters
    ----------
    frequency : occurrences of each type, falling
    definition : 'all' types; 'seenN', types seen at least N times; 'logranks', one point per
        log-spaced rank, so that the long tail does not outweigh the head

    Returns
    -------
    n_types : types that entered
    r : Pearson r of log10 rank and log10 frequency; NaN below 3 points or for equal frequencies
    slope : least-squares slope
    """
    frequency = np.asarray(frequency)
    if definition.startswith("seen"):
        frequency = frequency[frequency >= int(definition.removeprefix("seen"))]
    n = len(frequency)
    rank = np.arange(1, n + 1)
    if definition == "logranks" and n:
        rank = log_ranks(n, _LOG_POINTS)
        frequency = frequency[rank - 1]
    if len(rank) < 3 or frequency[0] == frequency[-1]:
        return n, float("nan"), float("nan")
    x, y = np.log10(rank), np.log10(frequency)
    dx, dy = x - x.mean(), y - y.mean()
    return n, float(dx @ dy / np.sqrt((dx @ dx) * (dy @ dy))), float(dx @ dy / (dx @ dx))


def thin(frequency: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranks 1-50 and about 400 log-spaced ones, with their frequencies, for drawing."""
    n = len(frequency)
    rank = np.union1d(np.arange(1, min(n, 50) + 1), log_ranks(n, 400))
    return rank, np.asarray(frequency)[rank - 1].astype(np.int64)


def _tables(
    name: str, label: str, frequency: NDArray[np.integer]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rank, kept = thin(frequency)
    curve = pd.DataFrame({"tokenizer": name, "rank": rank, "frequency": kept})
    rows = [
        (name, label, int(frequency.sum()), definition, *zipf_fit(frequency, definition))
        for definition in DEFINITIONS
    ]
    names = ["tokenizer", "label", "n_tokens", "definition", "n_types", "r", "slope"]
    return curve, pd.DataFrame(rows, columns=names)


def run(context: StageContext) -> Facts:
    """Write the artefacts ``rank_frequency``, ``zipf`` and ``bpe_vocabulary``."""
    config = context.config.lexicon
    words = context.run.table("words", ["frequency"])["frequency"].to_numpy()
    results = [_tables("motif", "Motif words", words)]
    chroms = list(context.run.group("sequence").attrs["chroms"])
    codes = [load_codes(context.run, chrom)[0] for chrom in chroms]
    steps = len(config.kmers) + 2 * len(config.bpe_words) + 1
    for done, k in enumerate(config.kmers):
        context.progress(done, steps, f"{k}-mers")
        counts = sum(kmer_counts(part, k) for part in codes)
        falling = np.sort(np.asarray(counts))[::-1]
        results.append(_tables(f"kmer{k}", f"{k}-mers", falling[falling > 0]))
    vocabularies = []
    sizes = sorted(set(config.bpe_words))
    if sizes:
        context.progress(len(config.kmers), steps, f"training BPE with {sizes[-1]:,} words")
        corpus = chain.from_iterable(pieces(part) for part in codes)
        largest = train_bpe(_limited(corpus, config.bpe_corpus_bp), sizes[-1])
    for number, size in enumerate(sizes):
        context.progress(len(config.kmers) + 2 * number + 1, steps, f"BPE {size:,}")
        tokenizer = largest if size == sizes[-1] else truncate_bpe(largest, size)
        seen: Counter[str] = encode_counts(
            tokenizer, chain.from_iterable(pieces(part) for part in codes)
        )
        ordered = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
        frequency = np.array([count for _, count in ordered], dtype=np.int64)
        results.append(_tables(f"bpe{size}", f"BPE {size:,}", frequency))
        tokens = [token for token, _ in ordered]
        vocabularies.append(
            pd.DataFrame({"tokenizer": f"bpe{size}", "token": tokens, "frequency": frequency})
        )
    empty = pd.DataFrame({"tokenizer": [], "token": [], "frequency": []})
    context.run.write_table("rank_frequency", pd.concat([c for c, _ in results]))
    zipf = pd.concat([z for _, z in results], ignore_index=True)
    context.run.write_table("zipf", zipf)
    context.run.write_table("bpe_vocabulary", pd.concat(vocabularies) if sizes else empty)
    context.progress(1, 1, "")
    chosen = zipf[zipf["definition"].isin(["all", "seen3"])]
    facts: Facts = {f"r_{row.tokenizer}_{row.definition}": row.r for row in chosen.itertuples()}
    known = int(sum((part < 4).sum() for part in codes))
    return {**facts, "bpe_corpus_bp": min(config.bpe_corpus_bp, known)}


def _limited(texts: chain[str], limit_bp: int):  # type: ignore[no-untyped-def]
    given = 0
    for text in texts:
        if given >= limit_bp:
            return
        given += len(text)
        yield text
