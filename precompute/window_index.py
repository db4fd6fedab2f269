"""An index of equal windows by the motif clusters they are made of, to find similar ones.

Tokens stream by twice: the first time to count in how many windows each motif cluster is, the
second time to weigh and write what each window is made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from precompute.composition import ROUNDING, cluster_weights, compositions
from precompute.context import Facts, StageContext
from precompute.models.sparse import clustered
from precompute.streaming import ChunkWriter, in_order
from precompute.token_store import TokenStore

#: Windows counted at a time: their counts of all clusters are held as one array.
_BLOCK_WINDOWS = 500


def window_bins(
    edges: NDArray[np.integer], start: int, end: int, window_bp: int
) -> NDArray[np.int64]:
    """First bin of each window of a region, and the end of the last: int64 (n_windows + 1,).

    A bin belongs to the window in which it begins.
    """
    cuts = np.append(np.arange(start, end, window_bp), end)
    return np.searchsorted(edges[:-1], cuts, side="left").astype(np.int64)


def count_clusters(
    store: TokenStore, threshold: float, chrom: str, first: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Bins whose word holds each motif cluster: int64 (n_windows, n_clusters).

    Parameters
    ----------
    store, threshold : tokens, and the value from which on a cluster is in the word
    chrom : chromosome
    first : int (n_windows + 1,), first bin of each window, and the end of the last
    """
    lo, hi = int(first[0]), int(first[-1])
    rows = clustered(store.counts(chrom, lo, hi), store.feature_to_cluster)
    held = rows.values >= np.float32(threshold - ROUNDING)
    window = np.repeat(np.arange(len(first) - 1), np.diff(rows.indptr[first - lo]))
    flat = window[held] * store.n_clusters + rows.indices[held]
    n = (len(first) - 1) * store.n_clusters
    return np.bincount(flat, minlength=n).reshape(-1, store.n_clusters)


def _blocks(first: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for lo in range(0, len(first) - 1, _BLOCK_WINDOWS):
        yield first[lo : lo + _BLOCK_WINDOWS + 1]


def run(context: StageContext) -> Facts:
    """Write the artefact ``window_index``."""
    store, config = TokenStore(context.run), context.config.window_index
    threshold = context.config.lexicon.threshold
    sequence = context.run.group("sequence")
    first = {
        chrom: window_bins(
            store.edges(chrom), int(sequence[chrom].attrs["start"]),
            int(sequence[chrom].attrs["end"]), config.window_bp,
        )
        for chrom in store.chroms
    }
    total = sum(len(f) - 1 for f in first.values())
    holders, n_held, done = np.zeros(store.n_clusters, np.int64), 0, 0
    # Opened here once, not by several threads at a time.
    store.counts(store.chroms[0], 0, 0)
    workers = context.config.run.workers

    def counted(chrom: str) -> Iterator[NDArray[np.int64]]:
        count = partial(count_clusters, store, threshold, chrom)
        for _, counts in in_order(count, _blocks(first[chrom]), workers):
            yield counts

    for chrom in store.chroms:
        for counts in counted(chrom):
            holders += (counts > 0).sum(axis=0)
            n_held += int(counts.any(axis=1).sum())
            done += len(counts)
            context.progress(done, 2 * total, f"{chrom}, what windows hold")
    weights = cluster_weights(holders, n_held)
    attributes = {
        "chroms": store.chroms, "window_bp": config.window_bp, "threshold": threshold,
        "most_clusters": config.most_clusters, "n_windows": n_held, "holders": holders.tolist(),
    }
    with context.run.writing_group("window_index", **attributes) as group:
        for chrom in store.chroms:
            child = group.create_group(chrom)
            child.create_array("first_bin", data=first[chrom])
            writers = {
                name: ChunkWriter(child, name, dtype) for name, dtype in
                (("indptr", np.int64), ("indices", np.uint16), ("values", np.float32))
            }
            writers["indptr"].append(np.zeros(1, np.int64))
            nnz = 0
            for counts in counted(chrom):
                part = compositions(counts, weights, config.most_clusters)
                writers["indptr"].append(nnz + part.indptr[1:])
                writers["indices"].append(part.indices)
                writers["values"].append(part.values)
                nnz += len(part.indices)
                done += len(counts)
                context.progress(done, 2 * total, f"{chrom}, index")
            for writer in writers.values():
                writer.close()
    return {"windows": total, "with_motifs": n_held, "window_bp": config.window_bp}
