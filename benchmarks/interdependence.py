"""Interdependence scores beside dense float32 products, on the same real bins.

    python benchmarks/interdependence.py [RUN] [ROUNDS]

Ours is timed whole (laying out the tokens, moments, scores). The dense ways are given their
matrices for nothing and timed for the products alone, in BLAS with as many threads:

* plain: phi_n(X)^T phi_m(X) for all 36 pairs of orders;
* symmetric: the six matrices side by side, one rank-k product (``ssyrk``), half the work;
* upper: six products, phi_n(X)^T with phi_n(X) .. phi_5(X) side by side, 21 pairs of orders.

The stronger of the last two is what the ratio is taken against.

The former kernel (36 float64 multiplications per pair of non-zeros) is kept here. Competitors
alternate in rounds. RUN is a run folder with tokens, runs/demo unless another is given.
"""

from __future__ import annotations

import sys
from pathlib import Path

# In place of this folder, whose tokenize.py would hide Python's own from numba and scipy.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import math  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402

import numpy as np  # noqa: E402
from numba import njit  # noqa: E402
from scipy.linalg.blas import ssyrk  # noqa: E402

from precompute.artefacts import RunFolder  # noqa: E402
from precompute.interdependence import interdependence, sample_counts  # noqa: E402
from precompute.motif_clusters import cluster_features  # noqa: E402
from precompute.scores.moments import hermite_functions  # noqa: E402

ORDERS = 6
SAME_BINS = 8_192
PLAIN_BINS = 2_048
THREADS = min(2, os.cpu_count() or 1)


# -- the former kernel -----------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _cross_sums(  # type: ignore[no-untyped-def]
    feature, col_ptr, col_row, col_phi, row_ptr, row_feature, row_phi, out
):
    n_orders = col_phi.shape[1]
    out[:] = 0.0
    for a in range(col_ptr[feature], col_ptr[feature + 1]):
        row = col_row[a]
        left = col_phi[a]
        for b in range(row_ptr[row + 1] - 1, row_ptr[row] - 1, -1):
            j = row_feature[b]
            if j <= feature:
                break
            right = row_phi[b]
            for n in range(n_orders):
                for m in range(n_orders):
                    out[j, n, m] += left[n] * right[m]


def former(values) -> None:  # type: ignore[no-untyped-def]
    """The pairwise sums of the former kernel; the scores that followed are not timed."""
    rows, columns = values, values.tocsc()
    row_phi, col_phi = hermite_functions(rows.data), hermite_functions(columns.data)
    n = values.shape[1]

    def one(feature: int) -> None:
        out = np.empty((n, ORDERS, ORDERS))
        _cross_sums(
            feature, columns.indptr, columns.indices, col_phi, rows.indptr, rows.indices, row_phi,
            out,
        )

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, range(n)))


# -- dense -----------------------------------------------------------------------------------------


def dense_functions(values) -> list[np.ndarray]:  # type: ignore[no-untyped-def]
    """phi_n of the dense matrix, float32, one matrix an order."""
    x = values.toarray().astype(np.float64)
    envelope = np.exp(-0.5 * x * x)
    return [
        (x**n * envelope / math.sqrt(math.factorial(n)) - (n == 0)).astype(np.float32)
        for n in range(ORDERS)
    ]


def plain(functions: list[np.ndarray]) -> None:
    """All 36 products."""
    for left in functions:
        for right in functions:
            left.T @ right


def symmetric(stacked: np.ndarray) -> None:
    """One symmetric product of (bins, 6 x features)."""
    ssyrk(1.0, stacked, trans=1)


def upper(functions: list[np.ndarray], stacked: np.ndarray) -> None:
    """Six products that leave out the pairs of orders known by symmetry."""
    n_features = functions[0].shape[1]
    for order, left in enumerate(functions):
        left.T @ stacked[:, order * n_features :]


def dense_scores(counts, widths: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Scores straight from the definition, in float64."""
    n = counts.shape[1]
    x = counts.toarray() / widths
    envelope = np.exp(-0.5 * x * x)
    standard = []
    for order in range(ORDERS):
        phi = x**order * envelope / math.sqrt(math.factorial(order))
        phi -= phi.mean(axis=0)
        deviation = np.sqrt((phi * phi).mean(axis=0))
        constant = deviation <= 1e-9
        deviation[constant] = 1
        phi /= deviation
        phi[:, constant] = 0
        standard.append(phi)
    best = np.zeros((n, n))
    for a in range(ORDERS):
        for b in range(a, ORDERS):
            r = np.abs(standard[a].T @ standard[b]) / len(x)
            best = np.maximum(best, np.maximum(r, r.T))
    np.fill_diagonal(best, 1)
    return np.minimum(best, 1)


# -- comparison ------------------------------------------------------------------------------------


def rounds_of(ways: dict[str, tuple[int, Callable[[], object]]], rounds: int) -> dict[str, float]:
    """Time all ways in alternation; print and return median seconds per 100,000 bins.

    Seconds of processor time are printed beside, for a machine that has other work as well.
    """
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (n_bins, function) in ways.items():
            began = time.perf_counter(), time.process_time()
            function()
            ended = time.perf_counter(), time.process_time()
            taken[name].append(tuple((e - b) / n_bins * 1e5 for b, e in zip(
                began, ended, strict=True)))
    medians = {}
    for name, pairs in taken.items():
        wall, processor = ([pair[k] for pair in pairs] for k in (0, 1))
        medians[name] = statistics.median(wall)
        print(f"  {name:<42}{medians[name]:8.2f} s per 100k bins "
              f"(range {min(wall):.2f}-{max(wall):.2f}), "
              f"{statistics.median(processor):.2f} s of processor")
    return medians


def agreement(counts, widths: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    """Print the largest deviation from dense float64 and whether the clusters are the same."""
    ours = interdependence(counts, widths=widths, workers=THREADS)
    theirs = dense_scores(counts, widths)
    labels = [cluster_features(scores, 0.38) for scores in (ours, theirs)]
    same = "the same" if np.array_equal(*labels) else "NOT the same"
    print(f"largest deviation from dense float64 over {counts.shape[0]:,} bins: "
          f"{np.abs(ours - theirs).max():.1e}; {labels[0].max() + 1} clusters at 0.38, {same}")


def main(root: Path, rounds: int) -> None:
    """Print times, ratios, linearity and agreement."""
    from threadpoolctl import threadpool_limits

    run = RunFolder(root)
    widths = run.table("features", ["width"])["width"].to_numpy()
    counts, order = sample_counts(run, 240_000, np.random.default_rng(0))
    n = counts.shape[0]
    same = min(SAME_BINS, n // 4)
    few = counts[np.sort(order[:same])]
    values = few.astype(np.float64)
    values.data /= widths[values.indices]
    functions = dense_functions(values)
    stacked = np.asfortranarray(np.concatenate(functions, axis=1))
    some = [f[:PLAIN_BINS] for f in functions]
    print(f"{n:,} real bins, {counts.nnz / n:.0f} of {counts.shape[1]:,} features in a bin, "
          f"{THREADS} threads, {rounds} rounds, medians", flush=True)

    def ours(size: int) -> Callable[[], object]:
        part = counts[np.sort(order[:size])]
        return lambda: interdependence(part, widths=widths, workers=THREADS)

    ours(200)()
    former(values[:200])
    with threadpool_limits(THREADS):
        agreement(few, widths)
        seconds = rounds_of({
            f"former kernel, {same:,} bins": (same, lambda: former(values)),
            f"dense float32, symmetric, {same:,} bins": (same, lambda: symmetric(stacked)),
            f"dense float32, upper, {same:,} bins": (same, lambda: upper(functions, stacked)),
            f"dense float32, plain, {len(some[0]):,} bins": (len(some[0]), lambda: plain(some)),
            f"ours, {n // 4:,} bins": (n // 4, ours(n // 4)),
            f"ours, {n // 2:,} bins": (n // 2, ours(n // 2)),
            f"ours, {n:,} bins": (n, ours(n)),
            f"ours, the same {same:,} bins": (same, ours(same)),
        }, rounds)
    old, rank_k, triangle, all_pairs, *mine = seconds.values()
    sizes = (n // 4, n // 2, n, same)
    print("ours in seconds: " + ", ".join(
        f"{s * size / 1e5:.2f} for {size:,} bins" for s, size in zip(mine, sizes, strict=True)))
    print("ratios (the others grow in proportion to the bins; ours has a part that does not):")
    for name, other in (("former kernel", old), ("strongest dense", min(rank_k, triangle)),
                        ("plain dense", all_pairs)):
        print(f"  {name} / ours: " + ", ".join(
            f"{other / s:.1f}x on {size:,}" for s, size in zip(mine, sizes, strict=True)))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs" / "demo",
         int(sys.argv[2]) if len(sys.argv) > 2 else 3)
