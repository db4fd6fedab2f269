"""Words: the discrete tokens. A bin's word is the set of motif clusters at or above a threshold.

The tokens stream by in blocks; what stays in memory is each distinct word once (about 45 bytes and
2 bytes per motif cluster) and the word of each bin (4 bytes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.lexicon.distinct import DistinctRows, Words
from precompute.streaming import in_order, windows
from precompute.token_store import BinBlock, TokenStore

if TYPE_CHECKING:
    import pyarrow as pa

EMPTY_LABEL = "(no motif)"
_JOINT = " + "

#: Frequency floors whose effect is reported, so that a floor can be chosen before an embedding.
FLOORS = (1, 2, 3, 10, 100, 500)

#: Bins thresholded at a time: some 25 MB of tokens.
_BLOCK_BINS = 100_000
#: Words in a row group of the table.
_GROUP_ROWS = 1 << 17


class Rows(NamedTuple):
    """Sets of motif clusters as CSR: int64 (n + 1,) and int16, rising within a row."""

    indptr: NDArray[np.int64]
    clusters: NDArray[np.int16]


@njit(cache=True, nogil=True)
def _threshold(indptr, features, counts, weight, cluster, n_clusters, least, ends, kept):  # type: ignore[no-untyped-def]
    """Clusters whose mean value reaches ``least``, per row, summed in float32 as the tokens'
    cluster values are; returns how many."""
    value = np.zeros(n_clusters, dtype=np.float32)
    touched = np.empty(n_clusters, dtype=np.int16)
    n = 0
    for row in range(len(indptr) - 1):
        n_touched = 0
        for k in range(indptr[row], indptr[row + 1]):
            feature = features[k]
            c = cluster[feature]
            if value[c] == 0:
                touched[n_touched] = c
                n_touched += 1
            value[c] += np.float32(counts[k]) * weight[feature]
        begin = n
        for t in range(n_touched):
            c = touched[t]
            if value[c] >= least:
                at = n
                while at > begin and kept[at - 1] > c:
                    kept[at] = kept[at - 1]
                    at -= 1
                kept[at] = c
                n += 1
            value[c] = 0
        ends[row + 1] = n
    return n


def threshold_rows(store: TokenStore, block: BinBlock, threshold: float) -> Rows:
    """Motif clusters at or above ``threshold`` in each bin of a block."""
    indptr, features, counts = store.raw_counts(*block)
    # A mean of equal members can fall a rounding error short of the threshold.
    least = np.float32(threshold - 1e-6)
    ends = np.zeros(len(indptr), dtype=np.int64)
    kept = np.empty(len(features), dtype=np.int16)
    n = _threshold(
        indptr, features, counts, store.feature_to_cluster.data, store.feature_cluster,
        store.n_clusters, least, ends, kept,
    )
    return Rows(ends, kept[:n].copy())


def collect_words(
    store: TokenStore, context: StageContext, threshold: float
) -> tuple[Words, dict[str, NDArray[np.int32]]]:
    """Distinct words of a run, and the word of each bin by chromosome."""
    found = DistinctRows()
    parts: dict[str, list[NDArray[np.int32]]] = {chrom: [] for chrom in store.chroms}
    total, done = sum(store.n_bins(chrom) for chrom in store.chroms), 0
    # Opened here once, not by several threads at a time.
    store.counts(store.chroms[0], 0, 0)
    blocks = store.blocks(_BLOCK_BINS)
    for block, rows in in_order(
        lambda block: threshold_rows(store, block, threshold), blocks, context.config.run.workers
    ):
        parts[block.chrom].append(found.add(*rows))
        done += block.hi - block.lo
        context.progress(done, total * 1.2, block.chrom)
    words = found.ranked()
    none = np.empty(0, dtype=np.int32)
    return words, {
        chrom: words.rank[np.concatenate([none, *pieces])] for chrom, pieces in parts.items()
    }


# -- the table -------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _measure(first, clusters, sizes, joint_size, empty_size, offsets):  # type: ignore[no-untyped-def]
    """Where each word's label begins; returns the bytes of all."""
    at = 0
    for word in range(len(first) - 1):
        begin, end = first[word], first[word + 1]
        at += empty_size if begin == end else (end - begin - 1) * joint_size
        for k in range(begin, end):
            at += sizes[clusters[k]]
        offsets[word + 1] = at
    return at


@njit(cache=True, nogil=True)
def _spell(first, clusters, names, ends, joint, empty, out):  # type: ignore[no-untyped-def]
    """UTF-8 of the words' labels, one after the other."""
    at = 0
    for word in range(len(first) - 1):
        begin, end = first[word], first[word + 1]
        if begin == end:
            for byte in empty:
                out[at] = byte
                at += 1
        for k in range(begin, end):
            if k > begin:
                for byte in joint:
                    out[at] = byte
                    at += 1
            c = clusters[k]
            for i in range(ends[c], ends[c + 1]):
                out[at] = names[i]
                at += 1


class Speller:
    """Labels of words as Arrow text, without a Python string for each.

    Parameters
    ----------
    labels : of the motif clusters
    """

    def __init__(self, labels: list[str]) -> None:
        encoded = [label.encode() for label in labels]
        self._names = np.frombuffer(b"".join(encoded) or b"\0", dtype=np.uint8)
        self._ends = np.concatenate([[0], np.cumsum([len(e) for e in encoded])]).astype(np.int64)
        self._joint = np.frombuffer(_JOINT.encode(), dtype=np.uint8)
        self._empty = np.frombuffer(EMPTY_LABEL.encode(), dtype=np.uint8)

    def spell(self, first: NDArray[np.int64], clusters: NDArray[np.int16]) -> pa.Array:
        """large_utf8 (n_words,); ``first`` int64 (n_words + 1,) points into ``clusters``."""
        import pyarrow as pa

        offsets = np.zeros(len(first), dtype=np.int64)
        size = _measure(
            first, clusters, np.diff(self._ends), len(self._joint), len(self._empty), offsets
        )
        out = np.empty(size, dtype=np.uint8)
        _spell(first, clusters, self._names, self._ends, self._joint, self._empty, out)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(out)]
        return pa.Array.from_buffers(pa.large_utf8(), len(first) - 1, buffers)


def write_words(context: StageContext, words: Words) -> None:
    """Write the artefact ``words`` in row groups."""
    import pyarrow as pa

    speller = Speller(context.run.table("clusters", ["label"])["label"].tolist())
    schema = pa.schema([
        ("word", pa.int32()), ("clusters", pa.list_(pa.int16())), ("n_clusters", pa.int16()),
        ("label", pa.utf8()), ("frequency", pa.int64()),
    ])

    def rows(window: tuple[int, int]) -> pa.Table:
        lo, hi = window
        first = words.first[lo : hi + 1]
        flat = words.clusters[first[0] : first[-1]]
        first = first - first[0]
        return pa.table([
            pa.array(np.arange(lo, hi, dtype=np.int32)),
            pa.ListArray.from_arrays(pa.array(first.astype(np.int32)), pa.array(flat)),
            pa.array(np.diff(first).astype(np.int16)),
            speller.spell(first, flat).cast(pa.utf8()),
            pa.array(words.frequency[lo:hi]),
        ], schema=schema)

    groups = windows(len(words.frequency), _GROUP_ROWS)
    # Nearly every text and list is there once, so a dictionary of them is work for nothing.
    with context.run.writing_table(
        "words", schema, use_dictionary=False, write_statistics=["word", "frequency"]
    ) as writer:
        for _, table in in_order(rows, groups, context.config.run.workers):
            writer.write_table(table)


def run(context: StageContext) -> Facts:
    """Write the artefacts ``words`` and ``word_ids``."""
    store = TokenStore(context.run)
    threshold = context.config.lexicon.threshold
    words, word = collect_words(store, context, threshold)
    write_words(context, words)
    with context.run.writing_group("word_ids", chroms=store.chroms) as group:
        for chrom in store.chroms:
            group.create_array(f"{chrom}/word", data=word[chrom], chunks=(1 << 18,))
    context.progress(1, 1, "")
    n_bins = sum(len(values) for values in word.values())
    frequency = words.frequency
    return {
        "threshold": threshold,
        "words": len(frequency),
        "empty_word_share": float(frequency[np.diff(words.first) == 0].sum() / n_bins),
        "floors": {
            str(floor): {
                "words": int((frequency >= floor).sum()),
                "bins": int(frequency[frequency >= floor].sum()),
            }
            for floor in FLOORS
        },
    }
