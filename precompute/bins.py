"""Bins: the words' boundaries, where motifs pile up.

The depth is smoothed with a Gaussian; the boundaries are the half-prominence flanks of every peak
that is wide enough, and long bins are cut. A peak's prominence looks as far as the next higher
peak, so the peak step sees the whole curve of a region; only the depth is streamed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.bin_edges import cut_long_bins, peak_flanks
from precompute.config import BinConfig
from precompute.context import Facts, StageContext


class _Found(NamedTuple):
    """Edges of a chromosome; its bins before long ones are cut, and how many of them are long."""

    edges: NDArray[np.int32]
    n_whole: int
    n_long: int


def _find(root: Path, config: BinConfig, chrom: str) -> _Found:
    depth = RunFolder(root).group("depth")[f"{chrom}/depth"][:]
    whole = peak_flanks(depth, config)
    n_long = int((np.diff(whole) > config.max_bin_bp).sum())
    return _Found(cut_long_bins(whole, config), len(whole) - 1, n_long)


def run(context: StageContext) -> Facts:
    """Write the artefact ``bins``; on a cluster the chromosomes are worked on in parallel."""
    source = context.run.group("depth")
    chroms = list(source.attrs["chroms"])
    find = partial(_find, context.run.root.resolve(), context.config.bins)
    # Threads would hold several whole curves in this process and gain nothing.
    found = (
        context.cluster.in_order(find, chroms)
        if context.cluster is not None and context.cluster.is_distributed
        else ((chrom, find(chrom)) for chrom in chroms)
    )
    n_whole = n_long = 0
    lengths = []
    with context.run.writing_group("bins", chroms=chroms) as group:
        for number, (chrom, here) in enumerate(found, start=1):
            start = int(source[chrom].attrs["start"])
            edges = here.edges + np.int32(start)
            group.create_array(f"{chrom}/edges", data=edges, chunks=(1 << 18,))
            lengths.append(np.diff(edges))
            n_whole += here.n_whole
            n_long += here.n_long
            context.progress(number, len(chroms), chrom)
    all_lengths = np.concatenate(lengths)
    return {
        "bins": len(all_lengths),
        "mean_length_bp": float(all_lengths.mean()),
        "sd_length_bp": float(all_lengths.std()),
        "long_share_before_cut": n_long / n_whole,
    }
