"""The token map step by step: seconds, processor time and peak memory, beside the libraries alone.

    python benchmarks/embedding.py [RUN] [--points N] [--peer]

Tokens are the run's own bins with a word that is not empty (runs/demo unless another is given).
Ours finds the neighbours of the distinct tokens once, exactly. The peers, run with --peer:

* ``umap.UMAP`` and ``openTSNE.TSNE`` as their manuals use them, each with its own neighbour search
  (and UMAP with its own spectral start), on all tokens;
* pynndescent (seeded) for the neighbour search alone, with its recall against ours.

Quality is measured for all layouts by the same function.
"""

from __future__ import annotations

import sys
from pathlib import Path

# In place of this folder, whose tokenize.py would hide Python's own from numba and scipy.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

import argparse  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import psutil  # noqa: E402
from scipy.sparse import vstack  # noqa: E402

from precompute.artefacts import RunFolder  # noqa: E402
from precompute.communities import two_levels  # noqa: E402
from precompute.config import CommunityConfig, EmbeddingConfig  # noqa: E402
from precompute.embedding.layout import tsne_layout, umap_layout  # noqa: E402
from precompute.embedding.neighbors import distinct_rows, nearest, unit_rows  # noqa: E402
from precompute.embedding.pca import component_spread, sparse_pca  # noqa: E402
from precompute.embedding.placing import Reference, place  # noqa: E402
from precompute.embedding.quality import (  # noqa: E402
    REFERENCE_TOKENS,
    layout_neighbors,
    layout_quality,
)
from precompute.token_store import TokenStore  # noqa: E402

WORKERS = 2
CONFIG = EmbeddingConfig()


def step(name: str, function: Callable[[], Any]) -> Any:
    """Run a step and print what it took."""
    process, peak, done = psutil.Process(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            peak[0] = max(peak[0], process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    began = time.perf_counter(), time.process_time()
    result = function()
    wall, processor = time.perf_counter() - began[0], time.process_time() - began[1]
    done.set()
    thread.join()
    print(f"  {name:<44}{wall:8.1f} s {processor:8.1f} s of processor "
          f"{peak[0] / 2**30:6.2f} GB peak", flush=True)
    return result


def tokens(root: Path, points: int, held_out: int):  # type: ignore[no-untyped-def]
    """CSR of cluster values: ``points`` tokens to fit and ``held_out`` to place, at random."""
    run = RunFolder(root)
    store, ids = TokenStore(run), run.group("word_ids")
    empty = run.table("words", ["n_clusters"])["n_clusters"].to_numpy() == 0
    word = np.concatenate([ids[f"{c}/word"][:] for c in store.chroms])
    order = np.random.default_rng(0).permutation(np.flatnonzero(~empty[word]))
    parts = []
    for chosen in (np.sort(order[:points]), np.sort(order[points : points + held_out])):
        offset, rows = 0, []
        for chrom in store.chroms:
            n = store.n_bins(chrom)
            rows.append(store.rows(chrom, chosen[(chosen >= offset) & (chosen < offset + n)]
                                   - offset))
            offset += n
        parts.append(vstack(rows, format="csr"))
    return parts


def quality(name: str, xy: np.ndarray, known: np.ndarray, unit: np.ndarray) -> None:
    """Print both measures."""
    k = CONFIG.quality_neighbors
    near = layout_neighbors(xy, xy, k, True, WORKERS)
    sample = np.sort(np.random.default_rng(1).permutation(len(unit))[:REFERENCE_TOKENS])
    found = layout_quality(known, near, unit, unit, k, is_same=True, sample=sample,
                           workers=WORKERS)
    print(f"  {name:<44}{found.preservation.mean():8.3f} of {k} neighbours kept, "
          f"trustworthiness {found.trustworthiness.mean():.3f}", flush=True)


def peers(scaled: np.ndarray, nodes: Any, known: Any, unit: np.ndarray) -> None:
    """The libraries with their own neighbour searches."""
    import openTSNE
    from pynndescent import NNDescent
    from umap import UMAP

    def descend() -> np.ndarray:
        index = NNDescent(unit, metric="cosine", n_neighbors=known.nodes.shape[1] + 1,
                          random_state=0, n_jobs=WORKERS)
        return np.asarray(index.neighbor_graph[0][:, 1:])

    near = step(f"pynndescent, k = {known.nodes.shape[1]}", descend)
    hits = [len(np.intersect1d(a, b)) for a, b in zip(near[::97], known.nodes[::97], strict=True)]
    print(f"    recall {np.mean(hits) / near.shape[1]:.4f}")

    def umap() -> np.ndarray:
        return np.asarray(UMAP(CONFIG.umap_neighbors, min_dist=CONFIG.umap_min_dist,
                               metric="cosine", random_state=0, n_jobs=1).fit_transform(scaled))

    def tsne() -> np.ndarray:
        return np.asarray(openTSNE.TSNE(
            perplexity=CONFIG.tsne_perplexity, metric="cosine", n_jobs=WORKERS, random_state=0,
            negative_gradient_method="fft").fit(scaled))

    theirs = {"openTSNE.TSNE, own neighbours": step("openTSNE.TSNE, own neighbours", tsne)}
    theirs["umap.UMAP, own neighbours and start"] = step("umap.UMAP, own neighbours and start",
                                                         umap)
    for name, xy in theirs.items():
        quality(name, xy[nodes.first], known.nodes, unit)


def main(root: Path, points: int, with_peer: bool) -> None:
    """Print each step."""
    began = time.perf_counter()
    rows, late = step("reading tokens", lambda: tokens(root, points, points // 5))
    print(f"{rows.shape[0]:,} tokens of {rows.shape[1]:,} motif clusters, {WORKERS} threads")
    pca = step("PCA", lambda: sparse_pca(rows, CONFIG.pca_components))
    spread = component_spread(pca.scores)
    nodes = distinct_rows(pca.scores)
    unit = unit_rows(pca.scores[nodes.first] / spread)
    print(f"  {len(unit):,} of them differ; the commonest has "
          f"{np.bincount(nodes.node).max():,} copies")
    k = CONFIG.graph_neighbors
    known = step(f"neighbours, exact, k = {k}",
                 lambda: nearest(unit, unit, k, is_same=True, workers=WORKERS))
    umap = step("UMAP (compilation included)",
                lambda: umap_layout(known, pca.scores[nodes.first, :2], CONFIG, 0))
    tsne = step("t-SNE from the UMAP", lambda: tsne_layout(known, umap, CONFIG, 0, WORKERS))
    reference = Reference(pca.mean, pca.axes, spread, unit, {"umap": umap, "tsne": tsne})
    step(f"placing {late.shape[0]:,} more tokens",
         lambda: place(reference, late, CONFIG.quality_neighbors, WORKERS))
    step("communities, two levels, 2 seeds", lambda: two_levels(
        known.nodes, unit, CommunityConfig(stability_seeds=2), 0, workers=WORKERS))
    for name, xy in (("UMAP", umap), ("t-SNE", tsne)):
        quality(name, xy, known.nodes, unit)
    print(f"all of it {time.perf_counter() - began:.0f} s", flush=True)
    if with_peer:
        peers(pca.scores / spread, nodes, known, unit)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message="n_jobs value 1 overridden")
    warnings.filterwarnings("ignore", category=ImportWarning)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", nargs="?", type=Path, default=ROOT / "runs" / "demo")
    parser.add_argument("--points", type=int, default=5_000)
    parser.add_argument("--peer", action="store_true")
    given = parser.parse_args()
    main(given.run, given.points, given.peer)
