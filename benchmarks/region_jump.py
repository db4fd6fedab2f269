"""How long the server takes to draw a new genome window, and how much it sends.

    python benchmarks/region_jump.py [RUN] [JUMPS]

Beside it, in the same run, the plain way: bins of one bigWig by ``stats(nBins=2000)``.
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
import orjson  # noqa: E402

from vizapp.callbacks.language import marks  # noqa: E402
from vizapp.data import RunData  # noqa: E402
from vizapp.map_state import NOTHING_HIDDEN  # noqa: E402
from vizapp.state import Region  # noqa: E402
from vizapp.views.genome_drawing import build_genome  # noqa: E402
from vizapp.views.map_drawing import MapDrawing  # noqa: E402


def main(run: str, jumps: int) -> None:
    """Print median and p95 per window width, with the largest payload."""
    import pyBigWig

    data = RunData(run)
    data.genome.warm()
    drawing = MapDrawing(data)
    chrom, (low, high) = next(iter(data.genome.chroms.items()))
    track = data.genome.predicted_tracks[0]
    bigwig = pyBigWig.open(str(data.run.folder("predictions_tokens") / f"{track}.bw"))
    rng = np.random.default_rng(0)
    for width in (2_000, 20_000, 100_000, 1_000_000, high - low):
        drawn, linked, plain, size = [], [], [], 0
        for _ in range(jumps):
            start = int(rng.integers(low, max(low + 1, high - width)))
            region = Region(chrom, start, min(high, start + width))
            began = time.perf_counter()
            figure = orjson.dumps(build_genome(data, region))
            drawn.append(1000 * (time.perf_counter() - began))
            size = max(size, len(figure))
            began = time.perf_counter()
            drawing.window(region, "tsne", NOTHING_HIDDEN)
            marks(data, region, None)
            linked.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            bigwig.stats(chrom, region.start, region.end, nBins=2000)
            plain.append(1000 * (time.perf_counter() - began))
        p95 = float(np.percentile(drawn, 95))
        print(f"{width:>12,} bp  figure {statistics.median(drawn):6.0f} ms (p95 {p95:.0f}), "
              f"links {statistics.median(linked):4.0f} ms, payload {size / 1e6:.2f} MB, "
              f"one stats(nBins=2000) {statistics.median(plain):.0f} ms")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "runs" / "demo"),
         int(sys.argv[2]) if len(sys.argv) > 2 else 40)
