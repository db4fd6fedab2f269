"""Entries of the lexicon: what each word is like over all of its places, and where it is first.

Bins are put in the order of their words once, so that every column is a sum over consecutive bins,
in float64, of one batch of words at a time. Memory is about 20 bytes for each bin, 4 more for each
signal track, and 8 bytes for each motif cluster of a word.

Definitions, with a word's places being the bins that hold it:

* ``mean_length_bp``, ``min_length_bp``, ``max_length_bp``: over the places.
* ``gc``: G and C among the known bases of all places together.
* ``signal_<track>``: mean over the places of each bin's mean signal per base.
* ``in_<annotation>``: share of the places that have at least half of their bases in it.
* ``megacluster``: the one that most places are assigned to, the larger one among equals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config import AnnotationConfig
from precompute.context import Facts, StageContext
from precompute.lexicon.cover import lies_in
from precompute.streaming import in_order, windows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

#: Columns of shares, in the order of their bits.
SHARES = ("in_repeats", "in_cpg_islands", "in_promoters", "in_exons", "in_peaks")
#: Words described at a time; also the rows of a row group, few, so that a page reads little.
_BATCH_WORDS = 1 << 13
_BLOCK_BINS = 1 << 18


class Bins(NamedTuple):
    """All bins of the run in genome order, one value each, but for ``first`` and ``chroms``.

    ``inside`` holds a bit for each of :data:`SHARES`.
    """

    chroms: list[str]
    first: NDArray[np.int64]
    start: NDArray[np.int32]
    length: NDArray[np.int32]
    gc: NDArray[np.uint16]
    known: NDArray[np.uint16]
    inside: NDArray[np.uint8]
    megacluster: NDArray[np.int16]
    word: NDArray[np.int32]
    signal: dict[str, NDArray[np.float32]]


# -- what lies where -------------------------------------------------------------------------


def promoters(table: pd.DataFrame, upstream_bp: int, downstream_bp: int) -> pd.DataFrame:
    """Stretch around the start of each transcript or gene, along its strand; starts at 0 at least.

    >>> import pandas as pd
    >>> genes = pd.DataFrame({"chrom": "c", "start": [5000], "end": [9000], "strand": ["-"]})
    >>> promoters(genes, 1000, 100)[["start", "end"]].iloc[0].tolist()
    [8900, 10000]
    """
    is_forward = (table["strand"] != "-").to_numpy()
    start, end = (table[c].to_numpy(dtype=np.int64) for c in ("start", "end"))
    lo = np.where(is_forward, start - upstream_bp, end - downstream_bp)
    hi = np.where(is_forward, start + downstream_bp, end + upstream_bp)
    return table[["chrom"]].assign(start=np.maximum(lo, 0), end=hi)


def stretches(run: RunFolder, config: AnnotationConfig) -> dict[str, pd.DataFrame]:
    """Intervals (chrom, start, end) of each of :data:`SHARES` that the configuration gives."""
    import pandas as pd

    found: dict[str, pd.DataFrame] = {}
    if config.repeats:
        found["in_repeats"] = run.table("repeats", ["chrom", "start", "end"])
    if config.cpg_islands:
        intervals = run.table("intervals")
        found["in_cpg_islands"] = intervals[intervals["kind"] == "cpg_island"]
    if config.transcripts or config.genes:
        table = run.table("transcripts" if config.transcripts else "genes")
        found["in_promoters"] = promoters(
            table, config.promoter_upstream_bp, config.promoter_downstream_bp
        )
    if config.transcripts:
        table = run.table("transcripts", ["chrom", "exon_starts", "exon_ends"])
        exons = table.explode(["exon_starts", "exon_ends"], ignore_index=True)
        found["in_exons"] = pd.DataFrame({
            "chrom": exons["chrom"],
            "start": exons["exon_starts"].to_numpy(dtype=np.int64),
            "end": exons["exon_ends"].to_numpy(dtype=np.int64),
        })
    if config.peaks:
        found["in_peaks"] = run.table("peaks", ["chrom", "start", "end"])
    return found


def _inside(given: dict[str, pd.DataFrame], chrom: str, edges: NDArray) -> NDArray[np.uint8]:
    bits = np.zeros(len(edges) - 1, dtype=np.uint8)
    for number, name in enumerate(SHARES):
        if name in given:
            here = given[name][given[name]["chrom"] == chrom]
            within = lies_in(edges, here["start"].to_numpy(), here["end"].to_numpy())
            bits |= within.astype(np.uint8) << np.uint8(number)
    return bits


def _composition(
    run: RunFolder, chrom: str, edges: NDArray[np.integer]
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """G and C, and known bases, of each bin; the sequence is read in stretches."""
    group = run.group("sequence")[chrom]
    codes, start = group["codes"], int(group.attrs["start"])
    gc = np.empty(len(edges) - 1, dtype=np.uint16)
    known = np.empty_like(gc)
    for lo, hi in windows(len(gc), _BLOCK_BINS):
        part = codes[int(edges[lo]) - start : int(edges[hi]) - start]
        at = (edges[lo:hi] - edges[lo]).astype(np.intp)
        is_gc = ((part == 1) | (part == 2)).astype(np.uint16)
        gc[lo:hi] = np.add.reduceat(is_gc, at)
        known[lo:hi] = np.add.reduceat((part < 4).astype(np.uint16), at)
    return gc, known


def read_bins(context: StageContext, given: dict[str, pd.DataFrame]) -> Bins:
    """What is known of every bin of the run."""
    run = context.run
    groups = {name: run.group(name) for name in ("bins", "word_ids", "signal", "bin_communities")}
    chroms = list(groups["bins"].attrs["chroms"])
    tracks = list(groups["signal"].attrs["tracks"])
    parts: dict[str, list[NDArray]] = {}
    signal: dict[str, list[NDArray[np.float32]]] = {track: [] for track in tracks}
    for number, chrom in enumerate(chroms):
        context.progress(0.4 * number / len(chroms), 1, chrom)
        edges = groups["bins"][f"{chrom}/edges"][:]
        gc, known = _composition(run, chrom, edges)
        for name, values in (
            ("start", edges[:-1]), ("length", np.diff(edges)), ("gc", gc), ("known", known),
            ("inside", _inside(given, chrom, edges)),
            ("megacluster", groups["bin_communities"][f"{chrom}/megacluster"][:]),
            ("word", groups["word_ids"][f"{chrom}/word"][:]),
        ):
            parts.setdefault(name, []).append(values)
        for track in tracks:
            signal[track].append(groups["signal"][f"{chrom}/{track}/bins"][:])
    first = np.cumsum([0] + [len(part) for part in parts["word"]])
    joined = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    return Bins(
        chroms, first, signal={t: np.concatenate(pieces) for t, pieces in signal.items()}, **joined
    )


# -- the table -------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def group_by(number, ends, order):  # type: ignore[no-untyped-def]
    """Indices by rising ``number``, those of one number in order, into ``order``; ``ends`` holds
    where each number begins and is used up."""
    for i in range(len(number)):
        order[ends[number[i]]] = i
        ends[number[i]] += 1


def commonest(
    owner: NDArray[np.integer], label: NDArray[np.integer], n_owners: int
) -> NDArray[np.int64]:
    """Most frequent label (of -1 and more) of each owner, the smallest among equals.

    >>> commonest(np.array([0, 0, 0, 1, 1]), np.array([4, 2, 4, 3, 1]), 2).tolist()
    [4, 1]
    """
    width = int(label.max(initial=-1)) + 2
    pair, count = np.unique(owner.astype(np.int64) * width + label + 1, return_counts=True)
    holder, value = pair // width, pair % width - 1
    best = np.lexsort((value, -count, holder))
    _, at = np.unique(holder[best], return_index=True)
    result = np.full(n_owners, -1, dtype=np.int64)
    result[holder[best][at]] = value[best][at]
    return result


def schema(tracks: list[str]) -> pa.Schema:
    """Columns of the artefact ``lexicon``."""
    import pyarrow as pa

    return pa.schema([
        ("word", pa.int32()), ("rank", pa.int32()), ("frequency", pa.int64()),
        ("n_clusters", pa.int16()), ("mean_length_bp", pa.float32()),
        ("min_length_bp", pa.int32()), ("max_length_bp", pa.int32()), ("gc", pa.float32()),
        *((f"signal_{track}", pa.float32()) for track in tracks),
        *((name, pa.float32()) for name in SHARES),
        ("megacluster", pa.int16()), ("chrom", pa.utf8()), ("start", pa.int64()),
        ("end", pa.int64()),
    ])


def describe(
    bins: Bins, place: NDArray[np.integer], ends: NDArray[np.int64], lo: int,
    n_clusters: NDArray[np.int16], given: set[str],
) -> pa.Table:
    """Rows of consecutive words.

    Parameters
    ----------
    bins : of the run
    place : bins of these words, word by word, in genome order within a word
    ends : int64 (n_words + 1,), where each word's places begin, from 0
    lo : number of the first word
    n_clusters : int16 (n_words,)
    given : which of :data:`SHARES` there is annotation for
    """
    import pyarrow as pa

    at, n = ends[:-1], np.diff(ends)

    def total(values: NDArray) -> NDArray[np.float64]:
        return np.add.reduceat(values[place].astype(np.float64), at)

    length = bins.length[place]
    known = total(bins.known)
    gc = np.divide(total(bins.gc), known, out=np.full(len(n), np.nan), where=known > 0)
    here = bins.inside[place]
    first = place[at]
    chrom = np.searchsorted(bins.first, first, side="right") - 1
    word = np.arange(lo, lo + len(n), dtype=np.int32)
    owner = np.repeat(np.arange(len(n)), n)
    columns: dict[str, NDArray] = {
        "word": word, "rank": word + 1, "frequency": n, "n_clusters": n_clusters,
        "mean_length_bp": total(bins.length) / n,
        "min_length_bp": np.minimum.reduceat(length, at),
        "max_length_bp": np.maximum.reduceat(length, at), "gc": gc,
    }
    for track, values in bins.signal.items():
        measured = np.isfinite(values)
        count = total(measured)
        columns[f"signal_{track}"] = np.divide(
            total(np.where(measured, values, 0)), count, out=np.full(len(n), np.nan),
            where=count > 0,
        )
    for number, name in enumerate(SHARES):
        bit = (here >> np.uint8(number)) & np.uint8(1)
        share = np.add.reduceat(bit, at, dtype=np.int64) / n
        columns[name] = share if name in given else np.full(len(n), np.nan)
    columns |= {
        "megacluster": commonest(owner, bins.megacluster[place], len(n)),
        "chrom": np.array(bins.chroms, dtype=object)[chrom], "start": bins.start[first],
        "end": bins.start[first] + bins.length[first],
    }
    kinds = schema(list(bins.signal))
    return pa.table(
        # What is not known is missing (null) in the file, not a number that is none.
        [pa.array(columns[field.name], from_pandas=True).cast(field.type) for field in kinds],
        schema=kinds,
    )


def write_entries(context: StageContext, bins: Bins, given: set[str]) -> None:
    """Write the artefact ``lexicon``, in row groups of consecutive words."""
    words = context.run.arrow("words", ["n_clusters", "frequency"])
    n_clusters, frequency = (words[c].to_numpy() for c in ("n_clusters", "frequency"))
    ends = np.concatenate([[0], np.cumsum(frequency)])
    order: NDArray[np.integer] = np.empty(
        len(bins.word), dtype=np.int32 if len(bins.word) < 2**31 else np.int64
    )
    group_by(bins.word, ends[:-1].copy(), order)

    def batch(window: tuple[int, int]) -> pa.Table:
        lo, hi = window
        place = order[ends[lo] : ends[hi]]
        return describe(bins, place, ends[lo : hi + 1] - ends[lo], lo, n_clusters[lo:hi], given)

    batches = windows(len(frequency), _BATCH_WORDS)
    with context.run.writing_table("lexicon", schema(list(bins.signal))) as writer:
        for (_, hi), table in in_order(batch, batches, context.config.run.workers):
            writer.write_table(table)
            context.progress(0.4 + 0.4 * hi / len(frequency), 1, "words")


# -- which words hold a motif cluster --------------------------------------------------------


def write_index(context: StageContext) -> int:
    """Write the artefact ``cluster_words``; returns how many pairs it holds."""
    import pyarrow.parquet as pq

    n_clusters = len(context.run.table("clusters", ["cluster"]))
    # Opened here for its batches; the check of its stamp reads one small column.
    context.run.arrow("words", ["word"])
    path = context.run.path("words")

    def lists():  # type: ignore[no-untyped-def]
        at = 0
        with pq.ParquetFile(path) as table:
            for part in table.iter_batches(_BATCH_WORDS, columns=["clusters"]):
                column = part.column("clusters")
                sizes = np.asarray(column.value_lengths())
                word = np.repeat(np.arange(at, at + len(sizes), dtype=np.int32), sizes)
                yield word, column.flatten().to_numpy()
                at += len(sizes)

    size = np.zeros(n_clusters, dtype=np.int64)
    for _, clusters in lists():
        size += np.bincount(clusters, minlength=n_clusters)
    indptr = np.concatenate([[0], np.cumsum(size)])
    words = np.empty(int(indptr[-1]), dtype=np.int32)
    at = indptr[:-1].copy()
    for word, clusters in lists():
        _file(word, clusters, at, words)
    with context.run.writing_group("cluster_words") as group:
        group.create_array("indptr", data=indptr)
        group.create_array("words", data=words, chunks=(1 << 18,))
    return len(words)


@njit(cache=True, nogil=True)
def _file(word, clusters, at, words):  # type: ignore[no-untyped-def]
    for i in range(len(word)):
        words[at[clusters[i]]] = word[i]
        at[clusters[i]] += 1


def run(context: StageContext) -> Facts:
    """Write the artefacts ``lexicon`` and ``cluster_words``."""
    given = stretches(context.run, context.config.annotation)
    bins = read_bins(context, given)
    write_entries(context, bins, set(given))
    pairs = write_index(context)
    context.progress(1, 1, "")
    share = {
        name: float(((bins.inside >> np.uint8(k)) & np.uint8(1)).mean())
        for k, name in enumerate(SHARES) if name in given
    }
    return {
        "words": int(bins.word.max()) + 1,
        "mean_clusters_per_word": pairs / (int(bins.word.max()) + 1),
        "share_of_bins": share,
        "not_given": [name.removeprefix("in_") for name in SHARES if name not in given],
    }
