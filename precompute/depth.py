"""Motif depth: how many motif features have a hit over each base."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.motifs import build_profiles
from precompute.scan import Scanner, compile_scanner, depth_window
from precompute.streaming import in_order, load_codes, windows, with_halo


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


def run(context: StageContext) -> Facts:
    """Write the artefact ``depth``."""
    config = context.config
    profiles = build_profiles(
        config.motifs.profiles, config.motifs.min_relative_score, config.motifs.max_p_value
    )
    scanner = compile_scanner(profiles)
    chroms = [region.chrom for region in config.genome.regions]
    sizes = {c: context.run.group("sequence")[f"{c}/codes"].shape[0] for c in chroms}
    done, total = 0, sum(sizes.values())
    summed = covered = known_covered = known = 0
    with context.run.writing_group("depth", chroms=chroms) as group:
        for chrom in chroms:
            codes, start = load_codes(context.run, chrom)
            out = group.create_array(
                f"{chrom}/depth", shape=codes.shape, dtype=np.uint16, chunks=(1 << 20,)
            )
            group[chrom].attrs["start"] = start
            depth = np.empty(len(codes), dtype=np.uint16)

            def one(span: tuple[int, int], codes: NDArray = codes) -> NDArray[np.uint16]:
                view, offset = with_halo(codes, *span, scanner.halo)
                return depth_window(scanner, view, offset, offset + span[1] - span[0])

            spans = windows(len(codes), config.run.window_bp)
            for (lo, hi), part in in_order(one, spans, config.run.workers):
                depth[lo:hi] = part
                done += hi - lo
                context.progress(done, total, f"{chrom}: scanning {len(profiles)} profiles")
            out[:] = depth
            is_known = codes < 4
            summed += int(depth.sum(dtype=np.int64))
            covered += int((depth > 0).sum())
            known += int(is_known.sum())
            known_covered += int(((depth > 0) & is_known).sum())
    return {
        "mean_depth": summed / total,
        "covered_share_of_bases": covered / total,
        "covered_share_of_known_bases": known_covered / max(known, 1),
    }
