"""Comparing two groups of tokens, beside scipy's Mann-Whitney test on the same columns.

    python benchmarks/comparison.py [RUN] [TOKENS] [ROUNDS]

Tokens are bins drawn at random from RUN (runs/demo), 200,000 unless another number is given. Ours
is timed over all motif clusters; ``scipy.stats.mannwhitneyu`` (asymptotic, vectorised over
columns) on a dense block of 40 of them, given for nothing, and scaled to all. Both alternate in
rounds; the p-values of the block must agree.
"""

from __future__ import annotations

import sys
from pathlib import Path

# In place of this folder, whose tokenize.py would hide Python's own from scipy.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from scipy.stats import mannwhitneyu  # noqa: E402

from precompute.artefacts import RunFolder  # noqa: E402
from precompute.enrichment import SMALLEST_P, RankedFeatures  # noqa: E402
from precompute.token_store import TokenStore  # noqa: E402

SHARES = (0.01, 0.1, 0.5)
BLOCK = 40


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that an action takes, and its result."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def main(run: str = "runs/demo", tokens: str = "200000", rounds: str = "5") -> None:
    """Print medians and spread."""
    store, rng = TokenStore(RunFolder(Path(run))), np.random.default_rng(0)
    chrom = store.chroms[0]
    n = min(int(tokens), store.n_bins(chrom))
    values = store.rows(chrom, np.sort(rng.choice(store.n_bins(chrom), n, replace=False)))
    seconds, ranked = timed(lambda: RankedFeatures(values))
    print(f"{n:,} tokens x {values.shape[1]} motif clusters, {values.nnz:,} non-zeros; "
          f"grouped once in {seconds:.1f} s")
    block = values[:, :BLOCK].toarray().astype(np.float64)
    for share in SHARES:
        a = rng.random(n) < share
        ours, theirs = [], []
        for _ in range(int(rounds)):
            seconds, table = timed(lambda a=a: ranked.compare(a, ~a))
            ours.append(1e3 * seconds)
            seconds, wanted = timed(
                lambda a=a: mannwhitneyu(block[a], block[~a], axis=0, method="asymptotic"))
            theirs.append(1e3 * seconds * values.shape[1] / BLOCK)
        p = np.clip(wanted.pvalue, SMALLEST_P, 1)
        agree = np.allclose(table["p_value"][:BLOCK], p, rtol=1e-6)
        mine, other = statistics.median(ours), statistics.median(theirs)
        print(f"{share:4.0%} against the rest: ours {mine:.0f} ms ({min(ours):.0f}-"
              f"{max(ours):.0f}), scipy scaled to all {other:,.0f} ms, {other / mine:.0f} x; "
              f"p-values {'agree' if agree else 'DIFFER'}")


if __name__ == "__main__":
    main(*sys.argv[1:4])
