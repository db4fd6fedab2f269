"""Motif depth: how many motif features have a hit over each base."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.occupancy import OccupancyRef
from precompute.scan import Scanner, depth_window
from precompute.streaming import ChunkWriter, windows, with_halo


class Span(NamedTuple):
    """A window of a chromosome, bp."""

    chrom: str
    lo: int
    hi: int


def motif_depth(
    codes: NDArray[np.uint8], scanner: Scanner, window_bp: int = 200_000
) -> NDArray[np.uint16]:
    """Depth of a whole sequence, uint16 (n,), window by window.

    Parameters
    ----------
    codes : uint8 (n,), see :func:`precompute.genome.encode`
    scanner : compiled profiles
    window_bp : sequence handled at a time; it changes no result

    References
    ----------
    The paper, section on motif-aware bins.
    """
    depth = np.zeros(len(codes), dtype=np.uint16)
    for lo, hi in windows(len(codes), window_bp):
        view, offset = with_halo(codes, lo, hi, scanner.halo)
        depth[lo:hi] = depth_window(scanner, view, offset, offset + hi - lo)
    return depth


def _depth(ref: OccupancyRef, span: Span) -> NDArray[np.uint16]:
    return ref.open().depth(*span)


def run(context: StageContext) -> Facts:
    """Write the artefact ``depth``."""
    ref = OccupancyRef.of(context.run, context.config)
    n_profiles = ref.open().n_profiles
    sequence = context.run.group("sequence")
    chroms = list(sequence.attrs["chroms"])
    spans = [
        Span(chrom, start + lo, start + hi)
        for chrom in chroms
        for start in [int(sequence[chrom].attrs["start"])]
        for lo, hi in windows(sequence[f"{chrom}/codes"].shape[0], context.config.run.window_bp)
    ]
    total = sum(span.hi - span.lo for span in spans)
    done = summed = covered = known_covered = known = 0
    with context.run.writing_group("depth", chroms=chroms) as group:
        writer: ChunkWriter | None = None
        at = ""
        for span, part in context.execution.in_order(partial(_depth, ref), spans):
            start = int(sequence[span.chrom].attrs["start"])
            if writer is None or span.chrom != at:
                if writer is not None:
                    writer.close()
                at = span.chrom
                child = group.create_group(at)
                child.attrs["start"] = start
                writer = ChunkWriter(child, "depth", np.uint16)
            writer.append(part)
            is_known = sequence[f"{at}/codes"][span.lo - start : span.hi - start] < 4
            summed += int(part.sum(dtype=np.int64))
            covered += int((part > 0).sum())
            known += int(is_known.sum())
            known_covered += int(((part > 0) & is_known).sum())
            done += span.hi - span.lo
            context.progress(done, total, f"{at}: {n_profiles} profiles, both strands")
        if writer is not None:
            writer.close()
    return {
        "mean_depth": summed / total,
        "covered_share_of_bases": covered / total,
        "covered_share_of_known_bases": known_covered / max(known, 1),
    }
