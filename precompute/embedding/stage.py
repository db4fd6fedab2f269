"""The stage: choose the tokens, find neighbours once, lay out, place the rest, measure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.config import EmbeddingConfig
from precompute.context import Facts, StageContext
from precompute.embedding.layout import tsne_layout, umap_layout
from precompute.embedding.neighbors import Neighbors, Nodes, distinct_rows, nearest, unit_rows
from precompute.embedding.pca import Pca, component_spread, sparse_pca
from precompute.embedding.placing import Placed, Reference, place
from precompute.embedding.quality import (
    REFERENCE_TOKENS,
    Quality,
    layout_neighbors,
    layout_quality,
)
from precompute.embedding.selection import Selection, select_points
from precompute.errors import StageError
from precompute.streaming import load_codes
from precompute.token_store import TokenStore

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LAYOUTS = ("pca", "umap", "tsne")


class Fitted(NamedTuple):
    """The map of the fitted points: principal components of all of them, and of each node its
    unit row, neighbours and places (float32 (n_nodes, 2) by layout)."""

    pca: Pca
    nodes: Nodes
    unit: NDArray[np.float32]
    spread: NDArray[np.float32]
    neighbors: Neighbors
    layouts: dict[str, NDArray[np.float32]]


class _Clock:
    """Reports progress by steps, and remembers how long each took."""

    def __init__(self, context: StageContext) -> None:
        self._context = context
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def begin(self, done: float, note: str) -> None:
        """A step begins at this share of the whole."""
        self._began = time.perf_counter()
        self._context.progress(done, 1.0, note)

    def end(self, step: str) -> None:
        """The step is done."""
        self.seconds[step] = round(time.perf_counter() - self._began, 1)


def _select(context: StageContext, store: TokenStore) -> tuple[Selection, pd.DataFrame]:
    """Choose bins and describe them as the artefact ``points``."""
    config = context.config.embedding
    words = context.run.table("words", ["n_clusters", "frequency"])
    ids = context.run.group("word_ids")
    word = np.concatenate([ids[f"{chrom}/word"][:] for chrom in store.chroms])
    frequency = words["frequency"].to_numpy()
    is_empty = words["n_clusters"].to_numpy() == 0
    selection = select_points(
        word, frequency, is_empty, config.min_frequency, config.max_frequency, config.max_points,
        max(config.umap_neighbors, config.pca_components) + 1, context.rng("points"),
        config.sampling, config.placed_points,
    )
    points = _describe(context, store, selection.chosen, word, frequency)
    points["is_fitted"] = selection.is_fitted
    return selection, points


def _describe(
    context: StageContext, store: TokenStore, chosen: NDArray[np.int64], word: NDArray[np.int32],
    frequency: NDArray[np.int64],
) -> pd.DataFrame:
    parts = []
    offset = 0
    for chrom in store.chroms:
        n = store.n_bins(chrom)
        bins = chosen[(chosen >= offset) & (chosen < offset + n)] - offset
        edges = store.edges(chrom)
        codes, start = load_codes(context.run, chrom)
        is_gc = np.concatenate([[0], np.cumsum((codes == 1) | (codes == 2))])
        is_known = np.concatenate([[0], np.cumsum(codes < 4)])
        lo, hi = edges[bins] - start, edges[bins + 1] - start
        known = is_known[hi] - is_known[lo]
        words = word[offset + bins]
        parts.append(pd.DataFrame({
            "chrom": chrom, "bin": bins, "start": edges[bins].astype(np.int64),
            "end": edges[bins + 1].astype(np.int64), "word": words,
            "frequency": frequency[words], "gc": (is_gc[hi] - is_gc[lo]) / np.maximum(known, 1),
        }))
        offset += n
    points = pd.concat(parts, ignore_index=True)
    points.insert(0, "point", np.arange(len(points)))
    return points


def fit(
    rows: csr_matrix, config: EmbeddingConfig, seeds: dict[str, int], workers: int,
    clock: _Clock,
) -> Fitted:
    """Lay out tokens.

    Parameters
    ----------
    rows : CSR (n, n_clusters), cluster values
    seeds : of 'umap' and 'tsne'

    Raises
    ------
    StageError
        When too few of the tokens differ.
    """
    clock.begin(0.02, f"PCA of {rows.shape[0]:,} tokens")
    pca = sparse_pca(rows, config.pca_components)
    spread = component_spread(pca.scores)
    nodes = distinct_rows(pca.scores)
    n = len(nodes.first)
    if n <= config.umap_neighbors:
        raise StageError(
            f"only {n:,} of the {rows.shape[0]:,} chosen tokens differ, and the map needs more "
            f"than embedding.umap_neighbors ({config.umap_neighbors}); lower it, or "
            "embedding.min_frequency"
        )
    unit = unit_rows(pca.scores[nodes.first] / spread)
    clock.end("pca")
    clock.begin(0.05, f"neighbours of {n:,} different tokens")
    k = max(config.graph_neighbors, config.umap_neighbors, int(3 * config.tsne_perplexity),
            config.quality_neighbors)
    neighbors = nearest(unit, unit, k, is_same=True, workers=workers)
    clock.end("neighbours")
    clock.begin(0.25, f"UMAP of {n:,} different tokens")
    start = pca.scores[nodes.first, :2]
    umap = umap_layout(neighbors, start, config, seeds["umap"])
    clock.end("umap")
    clock.begin(0.55, "t-SNE from the UMAP")
    tsne = tsne_layout(neighbors, umap, config, seeds["tsne"], workers)
    clock.end("tsne")
    if start.shape[1] < 2:
        start = np.column_stack([start, np.zeros(n, np.float32)])
    return Fitted(pca, nodes, unit, spread, neighbors, {"pca": start, "umap": umap, "tsne": tsne})


def _measure(
    fitted: Fitted, placed: Placed | None, k: int, rng: np.random.Generator, workers: int
) -> dict[str, tuple[Quality, Quality | None]]:
    """Quality of each layout, per node and per placed token."""
    n = len(fitted.unit)
    sample = np.sort(rng.permutation(n)[:REFERENCE_TOKENS])
    found: dict[str, tuple[Quality, Quality | None]] = {}
    for name in LAYOUTS:
        xy = fitted.layouts[name]
        near = layout_neighbors(xy, xy, k, True, workers)
        mine = layout_quality(
            fitted.neighbors.nodes, near, fitted.unit, fitted.unit, k, is_same=True,
            sample=sample, workers=workers,
        )
        theirs = None
        if placed is not None:
            where = placed.pca[:, :2] if name == "pca" else placed.layouts[name]
            where = where if where.shape[1] == 2 else np.column_stack([where, 0 * where])
            near = layout_neighbors(where, xy, k, False, workers)
            theirs = layout_quality(
                placed.nodes, near, unit_rows(placed.pca / fitted.spread), fitted.unit, k,
                is_same=False, sample=sample, workers=workers,
            )
        found[name] = mine, theirs
    return found


def _over_points(
    node: NDArray[np.int32], is_fitted: NDArray[np.bool_], of_node: NDArray, placed: NDArray | None
) -> NDArray[np.float32]:
    """Values of nodes and of placed points, in the order of the points."""
    out = np.empty((len(is_fitted), *of_node.shape[1:]), dtype=np.float32)
    out[is_fitted] = of_node[node[is_fitted]]
    if placed is not None:
        out[~is_fitted] = placed
    return out


def _write(
    context: StageContext, points: pd.DataFrame, selection: Selection, fitted: Fitted,
    placed: Placed | None, quality: dict[str, tuple[Quality, Quality | None]], k: int,
) -> Facts:
    """Write the four artefacts; returns the quality of each layout."""
    is_fitted, config = selection.is_fitted, context.config.embedding
    point = np.flatnonzero(is_fitted)
    node = np.full(len(points), -1, dtype=np.int32)
    node[is_fitted] = fitted.nodes.node
    if placed is not None:
        node[~is_fitted] = placed.equal
    run = context.run
    run.write_table("points", points)
    with run.writing_group(
        "layouts",
        explained_variance_ratio=fitted.pca.explained.tolist(),
        n_candidates=selection.n_candidates,
        min_frequency=config.min_frequency,
        max_frequency=config.max_frequency,
        sampling=config.sampling,
        word_cap=selection.word_cap,
    ) as group:
        scores = np.empty((len(points), fitted.pca.scores.shape[1]), dtype=np.float32)
        scores[is_fitted] = fitted.pca.scores
        if placed is not None:
            scores[~is_fitted] = placed.pca
        _array(group, "pca", scores)
        for name in ("umap", "tsne"):
            late = None if placed is None else placed.layouts[name]
            _array(group, name, _over_points(node, is_fitted, fitted.layouts[name], late))
        _array(group, "pca_mean", fitted.pca.mean)
        _array(group, "pca_axes", fitted.pca.axes)
    near = np.empty((0, 0), dtype=np.int32) if placed is None else placed.nodes
    with run.writing_group("neighbors", metric="cosine", method="exact") as group:
        _array(group, "node", node)
        _array(group, "first", point[fitted.nodes.first].astype(np.int32))
        _array(group, "nodes", fitted.neighbors.nodes)
        _array(group, "placed", near)
    summary: dict[str, Any] = {}
    with run.writing_group(
        "layout_quality", k=k, n_reference=min(REFERENCE_TOKENS, len(fitted.unit)),
    ) as group:
        for name, (mine, theirs) in quality.items():
            for measure in Quality._fields:
                values, late = getattr(mine, measure), theirs and getattr(theirs, measure)
                _array(group, f"{name}_{measure}", _over_points(node, is_fitted, values, late))
                summary[f"{name}_{measure}"] = float(values.mean(dtype=np.float64))
                if late is not None:
                    summary[f"{name}_{measure}_placed"] = float(late.mean(dtype=np.float64))
        group.attrs["summary"] = summary
    return summary


def _array(group: Any, name: str, values: NDArray) -> None:
    rows = max(1, (1 << 22) // max(1, int(np.prod(values.shape[1:], dtype=np.int64))))
    chunks = (max(1, min(rows, len(values))), *(max(1, side) for side in values.shape[1:]))
    group.create_array(name, data=np.ascontiguousarray(values), chunks=chunks)


def run(context: StageContext) -> Facts:
    """Write the artefacts ``points``, ``layouts``, ``neighbors`` and ``layout_quality``."""
    from scipy.sparse import vstack

    config, workers = context.config.embedding, context.config.run.workers
    store, clock = TokenStore(context.run), _Clock(context)
    clock.begin(0.0, "choosing tokens")
    selection, points = _select(context, store)
    rows = vstack(
        [store.rows(c, points.loc[points["chrom"] == c, "bin"].to_numpy()) for c in store.chroms],
        format="csr",
    )
    clock.end("tokens")
    is_fitted = selection.is_fitted
    seeds = {name: context.seed(name) for name in ("umap", "tsne")}
    fitted = fit(rows[is_fitted], config, seeds, workers, clock)
    k = max(1, min(config.quality_neighbors, (len(fitted.unit) - 1) // 2))
    placed = None
    if not is_fitted.all():
        clock.begin(0.85, f"placing {int((~is_fitted).sum()):,} more tokens")
        reference = Reference(
            fitted.pca.mean, fitted.pca.axes, fitted.spread, fitted.unit,
            {name: fitted.layouts[name] for name in ("umap", "tsne")},
        )
        placed = place(reference, rows[~is_fitted], k, workers)
        clock.end("placing")
    clock.begin(0.92, "quality of the layouts")
    quality = _measure(fitted, placed, k, context.rng("quality"), workers)
    clock.end("quality")
    summary = _write(context, points, selection, fitted, placed, quality, k)
    context.progress(1, 1, "")
    return {
        "points": len(points),
        "fitted_points": int(is_fitted.sum()),
        "different_tokens": len(fitted.unit),
        "candidates": selection.n_candidates,
        "sampling": config.sampling,
        "word_cap": selection.word_cap,
        "words_on_map": int(points["word"].nunique()),
        "pca_components": int(fitted.pca.scores.shape[1]),
        "explained_variance": float(fitted.pca.explained.sum()),
        "quality_neighbors": k,
        "quality": summary,
        "seconds": clock.seconds,
    }
