"""Louvain by igraph beside python-louvain on networkx, on the same graphs of real tokens.

    python benchmarks/communities.py [RUN] [--nodes N] [--rounds R]

The graph is the one that communities are found in: the nearest neighbours (k = 320, or what the
nodes allow) of the run's distinct tokens. Each way is given its own kind of graph ready-made, then
timed from edges to communities as well. Seeds are the same; both partitions' modularity is computed
by one function. RUN is a run folder with an embedding, runs/demo unless another is given.
"""

from __future__ import annotations

import sys
from pathlib import Path

# In place of this folder, whose tokenize.py would hide Python's own from numba and scipy.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import argparse  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402

import igraph  # noqa: E402
import numpy as np  # noqa: E402

from precompute.artefacts import RunFolder  # noqa: E402
from precompute.communities import adjusted_rand, louvain  # noqa: E402
from precompute.embedding.neighbors import nearest, undirected_edges, unit_rows  # noqa: E402
from precompute.embedding.pca import component_spread  # noqa: E402

METHODS = ("igraph", "python-louvain")


def main(root: Path, n_nodes: int, rounds: int) -> None:
    """Print seconds, ratios and modularities for both sizes of neighbourhood."""
    run = RunFolder(root)
    pca, first = run.group("layouts")["pca"][:], run.group("neighbors")["first"][:]
    is_fitted = run.table("points", ["is_fitted"])["is_fitted"].to_numpy()
    chosen = np.sort(np.random.default_rng(0).permutation(len(first))[:n_nodes])
    unit = unit_rows(pca[first[chosen]] / component_spread(pca[is_fitted]))
    known = nearest(unit, unit, 320, is_same=True, workers=2).nodes
    n = len(unit)
    for k in (320, 80):
        edges = undirected_edges(known[:, :k])
        graph = igraph.Graph(n=n, edges=edges)
        seconds: dict[str, list[float]] = {method: [] for method in METHODS}
        processor: dict[str, list[float]] = {method: [] for method in METHODS}
        best = {}
        for seed in range(rounds):
            for method in METHODS:
                began = time.perf_counter(), time.process_time()
                found = louvain(n, edges, method, 1.0, seed)
                seconds[method].append(time.perf_counter() - began[0])
                processor[method].append(time.process_time() - began[1])
                modularity = graph.modularity(found.labels.tolist())
                if method not in best or modularity > best[method][0]:
                    best[method] = modularity, found.labels
        print(f"{n:,} tokens, k = {k}, {len(edges):,} edges, {rounds} seeds, medians", flush=True)
        for method in METHODS:
            print(f"  {method:<15}{statistics.median(seconds[method]):8.2f} s "
                  f"(range {min(seconds[method]):.2f}-{max(seconds[method]):.2f}), "
                  f"{statistics.median(processor[method]):.2f} s of processor, best modularity "
                  f"{best[method][0]:.4f}, {best[method][1].max() + 1} communities")
        ratio = statistics.median(processor[METHODS[1]]) / statistics.median(processor[METHODS[0]])
        agreement = adjusted_rand(best[METHODS[0]][1], best[METHODS[1]][1])
        print(f"  python-louvain / igraph: {ratio:.1f}x of processor; adjusted Rand index of the "
              f"best partitions {agreement:.3f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", nargs="?", type=Path, default=ROOT / "runs" / "demo")
    parser.add_argument("--nodes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    main(given.run, given.nodes, given.rounds)
