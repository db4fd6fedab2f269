"""Selections as BED and CSV, in blocks: a million places never stand in memory as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from vizapp.loci import format_locus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from vizapp.data import RunData

_BLOCK_ROWS = 20_000


def _blocks(n: int) -> Iterator[slice]:
    return (slice(i, min(i + _BLOCK_ROWS, n)) for i in range(0, n, _BLOCK_ROWS))


def _labels(data: RunData, words: NDArray[np.integer]) -> list[str]:
    names = {w: data.lexicon.labels[w] for w in np.unique(words).tolist()}
    return [names[w] for w in words.tolist()]


def _place_blocks(data: RunData, words: NDArray[np.integer]) -> Iterator[pd.DataFrame]:
    """Places of words in genome order: chrom, bin, start, end, word."""
    places = data.lexicon.places(words)
    for part in _blocks(len(places.bin)):
        numbers, bins = places.chrom[part], places.bin[part]
        for number in np.unique(numbers).tolist():
            chrom, here = data.lexicon.chroms[number], bins[numbers == number]
            edges = data.tokens.edges(chrom)
            word = data.lexicon.words_of(chrom, 0, data.tokens.n_bins(chrom))[here]
            yield pd.DataFrame({"chrom": chrom, "bin": here, "start": edges[here],
                                "end": edges[here + 1], "word": word})


def places_bed(data: RunData, words: NDArray[np.integer]) -> Iterator[str]:
    """BED5 of all places of words, in genome order: the score is the word's frequency, at most
    1000; spaces in a word's name are underscores."""
    for rows in _place_blocks(data, words):
        score = np.minimum(data.lexicon.frequency[rows["word"]], 1000)
        names = [name.replace(" ", "_") for name in _labels(data, rows["word"].to_numpy())]
        yield "".join(
            f"{chrom}\t{start}\t{end}\t{name}\t{s}\n"
            for chrom, start, end, name, s in zip(
                rows["chrom"], rows["start"], rows["end"], names, score, strict=True)
        )


def places_csv(data: RunData, words: NDArray[np.integer]) -> Iterator[str]:
    """CSV of all places of words, in genome order.

    Columns: locus (1-based), chrom, start, end (0-based, half-open, bp), word, word_label,
    word_frequency (bins of the run), megacluster (-1: none), and the mean signal of each track.
    """
    is_first = True
    for rows in _place_blocks(data, words):
        chrom, bins = str(rows["chrom"].iloc[0]), rows["bin"].to_numpy()
        word = rows["word"].to_numpy()
        table = pd.DataFrame({
            "locus": [format_locus(chrom, s, e)
                      for s, e in zip(rows["start"], rows["end"], strict=True)],
            "chrom": rows["chrom"], "start": rows["start"], "end": rows["end"], "word": word,
            "word_label": _labels(data, word), "word_frequency": data.lexicon.frequency[word],
            "megacluster": data.genome.megaclusters(chrom)[bins],
        })
        for track, values in data.lexicon.signal(chrom).items():
            table[track] = values[bins]
        yield table.to_csv(index=False, header=is_first, lineterminator="\n")
        is_first = False


def points_csv(data: RunData, members: NDArray[np.bool_]) -> Iterator[str]:
    """CSV of map points, in their order.

    Columns: point, locus (1-based), chrom, start, end (0-based, half-open, bp), word, word_label,
    word_frequency, gc (0-1), megacluster, subcluster, the mean signal of each track, and x and y
    on each layout.
    """
    explorer = data.explorer
    chosen = np.flatnonzero(members)
    for part in _blocks(len(chosen)):
        at = chosen[part]
        rows = explorer.points.iloc[at]
        word = rows["word"].to_numpy()
        table = pd.DataFrame({
            "point": at,
            "locus": [format_locus(str(c), s, e) for c, s, e in
                      zip(rows["chrom"], rows["start"], rows["end"], strict=True)],
            "chrom": rows["chrom"].to_numpy(), "start": rows["start"].to_numpy(),
            "end": rows["end"].to_numpy(), "word": word, "word_label": _labels(data, word),
            "word_frequency": rows["frequency"].to_numpy(), "gc": rows["gc"].to_numpy(),
            "megacluster": explorer.mega[at], "subcluster": explorer.sub[at],
        })
        for track in explorer.tracks:
            table[track] = explorer.signal(track)[at]
        for name, xy in explorer.layouts.items():
            table[f"{name}_1"], table[f"{name}_2"] = xy[at, 0], xy[at, 1]
        yield table.to_csv(index=False, header=part.start == 0, lineterminator="\n")
