"""Motif scanning beside lightmotif: the same hits of the same profiles on real sequence.

    python benchmarks/scan.py [MEGABASES] [ROUNDS]

lightmotif scores and thresholds every profile on both strands and its hits are only counted; ours
also merges them per feature and sums their depth. One thread each, alternating rounds.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: its tokenize.py would be taken for Python's own.
sys.path[0] = str(ROOT)

import statistics  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402

from precompute.genome import decode, read_fasta  # noqa: E402
from precompute.motifs import build_profiles  # noqa: E402
from precompute.scan import compile_scanner, depth_window  # noqa: E402


def main(megabases: float, rounds: int) -> None:
    """Print seconds per megabase of both, median and range, and their ratio."""
    import lightmotif

    demo = ROOT / "data" / "demo"
    profiles = build_profiles(demo / "JASPAR2022_CORE_vertebrates_841.jaspar", 0.8, 0.05)
    codes = next(read_fasta(demo / "hg19.chr20_1-13400000.fa.gz")).codes
    codes = codes[5_000_000 : 5_000_000 + int(megabases * 1e6)]
    scanner = compile_scanner(profiles)
    depth_window(scanner, codes[:1000], 0, 1000)
    matrices = []
    for profile in profiles:
        for scores in (profile.scores, profile.scores[::-1, ::-1]):
            # lightmotif's columns are A, C, T, G and an unknown base.
            rows = [[s[0], s[1], s[3], s[2], -1e4] for s in (scores / 100).tolist()]
            table = dict(zip("ACTGN", map(list, zip(*rows, strict=True)), strict=True))
            matrices.append((lightmotif.ScoringMatrix(table), (profile.threshold - 0.5) / 100))
    striped = lightmotif.stripe(decode(codes))

    def theirs() -> int:
        return sum(len(m.calculate(striped).threshold(t)) for m, t in matrices)

    def ours() -> int:
        return int(depth_window(scanner, codes, 0, len(codes)).sum(dtype=np.int64))

    taken: dict[str, list[float]] = {"ours": [], "lightmotif": []}
    for _ in range(rounds):
        for name, function in (("ours", ours), ("lightmotif", theirs)):
            began = time.perf_counter()
            function()
            taken[name].append((time.perf_counter() - began) / megabases)
    for name, seconds in taken.items():
        print(f"{name:<12}{statistics.median(seconds):8.2f} s/Mb "
              f"(range {min(seconds):.2f}-{max(seconds):.2f}, {rounds} rounds)")
    ratio = statistics.median(taken["lightmotif"]) / statistics.median(taken["ours"])
    print(f"lightmotif / ours: {ratio:.1f}x on {megabases:g} Mb, {len(matrices)} profile strands")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2.0,
         int(sys.argv[2]) if len(sys.argv) > 2 else 3)
