"""Words and where they stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger
from precompute.doctor.values import blocks


def word_frequencies(opened: Opened) -> NDArray[np.int64]:
    """Frequency of each word, int64 (n_words,)."""
    table = opened.tables["words"].read(columns=["frequency"])
    return np.asarray(table.column("frequency").to_numpy(), dtype=np.int64)


def _check_words(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    rises = np.flatnonzero(np.diff(word_frequencies(opened)) > 0)
    if len(rises):
        chart.fault("words", "values", f"word {rises[0] + 1:,} is more frequent than the word "
                    "before it", "falling frequencies", part="frequency")
    n, at = ledger.size("n_clusters"), 0
    for batch in opened.tables["words"].iter_batches(
        batch_size=1 << 16, columns=["clusters", "n_clusters"]
    ):
        lists = batch.column("clusters")
        lengths = np.asarray(lists.value_lengths())
        counted = batch.column("n_clusters").to_numpy()
        if (counted != lengths).any():
            k = int((counted != lengths).argmax())
            chart.fault("words", "values", f"word {at + k:,} has n_clusters {counted[k]} and "
                        f"{lengths[k]} clusters", "the same number", part="n_clusters")
            return
        flat = lists.flatten().to_numpy(zero_copy_only=False)
        row = np.repeat(np.arange(len(lengths)), lengths)
        bad = np.zeros(len(flat), dtype=bool)
        bad[1:] = (np.diff(flat) <= 0) & (row[1:] == row[:-1])
        bad |= flat < 0
        if n is not None:
            bad |= flat >= n
        if bad.any():
            k = int(bad.argmax())
            chart.fault("words", "values", f"word {at + row[k]:,} has the cluster {flat[k]}",
                        f"rising numbers of 0 to {'n_clusters' if n is None else n} - 1",
                        part="clusters")
            return
        at += batch.num_rows


def _check_word_ids(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    frequency = word_frequencies(opened)
    seen = np.zeros(len(frequency), dtype=np.int64)
    for chrom, part, array in opened.of("word_ids"):
        for lo, values in blocks(array):
            strange = (values < 0) | (values >= len(frequency))
            if strange.any():
                k = int(strange.argmax())
                chart.fault("word_ids", "agreement", f"bin {lo + k:,} has the word {values[k]:,}",
                            f"0 to {len(frequency) - 1:,} as in words", chrom=chrom, part=part)
                return
            seen += np.bincount(values, minlength=len(frequency))
    differ = np.flatnonzero(seen != frequency)
    if len(differ):
        k = differ[0]
        accused = chart.blame("words", "word_ids")
        chart.fault(
            accused, "agreement",
            f"word {k:,} stands in {seen[k]:,} bins of word_ids and has frequency "
            f"{frequency[k]:,} in words", "the same number",
            part="frequency" if accused == "words" else "word",
        )


RULES = [
    Rule(("words",), _check_words),
    Rule(("words", "word_ids"), _check_word_ids),
]
