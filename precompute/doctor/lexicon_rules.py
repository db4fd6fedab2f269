"""The lexicon against the words that it describes."""

from __future__ import annotations

import numpy as np

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger
from precompute.doctor.values import blocks

_ROWS = 1 << 16


def _check_entries(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Frequencies and numbers of motif clusters are those of the words, ranks count from 1."""
    names = ["frequency", "n_clusters"]
    words = opened.tables["words"].read(columns=names)
    at = 0
    for batch in opened.tables["lexicon"].iter_batches(_ROWS, columns=["rank", *names]):
        rank = batch.column("rank").to_numpy()
        if (rank != np.arange(at + 1, at + len(rank) + 1)).any():
            k = int((rank != np.arange(at + 1, at + len(rank) + 1)).argmax())
            chart.fault("lexicon", "values", f"word {at + k:,} has the rank {rank[k]:,}",
                        f"{at + k + 1:,}", part="rank")
            return
        for name in names:
            found = batch.column(name).to_numpy()
            wanted = words.column(name).slice(at, len(found)).to_numpy()
            if (found != wanted).any():
                k = int((found != wanted).argmax())
                chart.fault(
                    chart.blame("words", "lexicon"), "agreement",
                    f"word {at + k:,} has {name} {found[k]:,} in lexicon",
                    f"{wanted[k]:,} as in words", part=name,
                )
                return
        at += len(rank)


def _check_lengths(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """The places of all words together are the bins, so their lengths add up to the sequence."""
    names = ["frequency", "mean_length_bp", "min_length_bp", "max_length_bp"]
    total, at = 0.0, 0
    for batch in opened.tables["lexicon"].iter_batches(_ROWS, columns=names):
        n, mean, least, most = (batch.column(c).to_numpy().astype(np.float64) for c in names)
        bad = (least > mean * (1 + 1e-6)) | (mean > most * (1 + 1e-6))
        if bad.any():
            k = int(bad.argmax())
            chart.fault("lexicon", "values", f"word {at + k:,} has the mean length {mean[k]:.4g} "
                        f"bp, from {least[k]:.4g} to {most[k]:.4g}", "a mean between the two",
                        part="mean_length_bp")
            return
        total += float((n * mean).sum())
        at += len(n)
    wanted = sum(
        int(array[-1]) - int(array[0]) for _, part, array in opened.of("bins") if part == "edges"
    )
    chart.require(
        abs(total - wanted) <= 1e-5 * wanted, chart.blame("bins", "lexicon"), "agreement",
        f"the places of all words have {total:,.0f} bp in lexicon", f"{wanted:,} bp as in bins",
        part="mean_length_bp",
    )


def _check_index(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Pairs of motif cluster and word are those of the words."""
    indptr = np.asarray(opened.arrays["cluster_words", None, "indptr"][:])
    array = opened.arrays["cluster_words", None, "words"]
    if indptr[0] != 0 or (np.diff(indptr) < 0).any() or indptr[-1] != array.shape[0]:
        chart.fault("cluster_words", "values", "the beginnings do not rise from 0 to the end",
                    f"0 to {array.shape[0]:,}", part="indptr")
        return
    size = np.zeros(len(indptr) - 1, dtype=np.int64)
    wanted, found, at = 0, 0, 0
    for batch in opened.tables["words"].iter_batches(_ROWS, columns=["clusters"]):
        lists = batch.column("clusters")
        sizes = np.asarray(lists.value_lengths())
        flat = lists.flatten().to_numpy().astype(np.int64)
        word = np.repeat(np.arange(at, at + len(sizes)), sizes)
        size += np.bincount(flat, minlength=len(size))[: len(size)]
        wanted += _checksum(flat, word)
        at += len(sizes)
    before = -1
    for lo, word in blocks(array):
        cluster = np.searchsorted(indptr, np.arange(lo, lo + len(word)), side="right") - 1
        fall = np.diff(np.append(before, word).astype(np.int64)) <= 0
        fall[0] &= lo not in indptr
        fall[1:] &= cluster[1:] == cluster[:-1]
        if fall.any():
            k = int(fall.argmax())
            chart.fault("cluster_words", "values", f"{word[k]:,} after a number that is not "
                        f"smaller, at {lo + k:,}", "words that rise in each motif cluster",
                        part="words")
            return
        found += _checksum(cluster, word)
        before = int(word[-1])
    chart.require(
        np.array_equal(np.diff(indptr), size) and (found - wanted) % 2**64 == 0,
        chart.blame("words", "cluster_words"), "agreement",
        f"{array.shape[0]:,} pairs of motif cluster and word",
        f"the {int(size.sum()):,} of words", part="words",
    )


def _checksum(cluster: np.ndarray, word: np.ndarray) -> int:
    """A sum that another set of pairs does not share by chance; it wraps."""
    mixed = (cluster.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= (word.astype(np.uint64) + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> np.uint64(29)
    return int((mixed * np.uint64(0x94D049BB133111EB)).sum(dtype=np.uint64))


RULES = [
    Rule(("words", "lexicon"), _check_entries),
    Rule(("bins", "lexicon"), _check_lengths),
    Rule(("words", "cluster_words"), _check_index),
]
