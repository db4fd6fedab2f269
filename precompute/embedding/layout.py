"""Layouts: standardized PCA -> UMAP with cosine distance -> FFT-accelerated t-SNE from there.

References
----------
McInnes et al., UMAP, arXiv:1802.03426; Linderman et al., FIt-SNE, doi:10.1038/s41592-018-0308-4;
Policar et al., openTSNE, doi:10.18637/jss.v109.i03; the paper, section on the token explorer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.config import EmbeddingConfig
from precompute.context import Facts, StageContext
from precompute.embedding.pca import sparse_pca, standardize
from precompute.embedding.selection import select_points
from precompute.streaming import load_codes
from precompute.token_store import TokenStore

_TSNE_START_SD = 1e-4


def umap_layout(scaled: NDArray[np.float32], config: EmbeddingConfig, seed: int) -> NDArray:
    """UMAP with cosine distance, float32 (n, 2); the same seed gives the same layout."""
    import umap

    reducer = umap.UMAP(
        n_neighbors=min(config.umap_neighbors, len(scaled) - 1),
        min_dist=config.umap_min_dist,
        metric="cosine",
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(reducer.fit_transform(scaled), dtype=np.float32)


def tsne_layout(
    scaled: NDArray[np.float32],
    start: NDArray[np.float32],
    config: EmbeddingConfig,
    seed: int,
    workers: int,
) -> NDArray[np.float32]:
    """t-SNE by FFT interpolation, float32 (n, 2), begun from ``start`` scaled down.

    The neighbours are those of cosine distance, as in the UMAP that it starts from.
    """
    import openTSNE

    perplexity = min(config.tsne_perplexity, (len(scaled) - 1) / 3)
    affinities = openTSNE.affinity.PerplexityBasedNN(
        scaled, perplexity=perplexity, metric="cosine", n_jobs=workers, random_state=seed
    )
    first = start / np.std(start[:, 0]) * _TSNE_START_SD
    embedding = openTSNE.TSNEEmbedding(
        first.astype(np.float64), affinities, negative_gradient_method="fft", n_jobs=workers,
        random_state=seed,
    )
    embedding.optimize(n_iter=250, exaggeration=12, momentum=0.5, inplace=True)
    embedding.optimize(n_iter=500, momentum=0.8, inplace=True)
    return np.asarray(embedding, dtype=np.float32)


def _describe(
    context: StageContext, store: TokenStore, chosen: NDArray[np.int64], word: NDArray[np.int32],
    frequency: NDArray[np.int64],
) -> pd.DataFrame:
    """The artefact ``points``."""
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


def run(context: StageContext) -> Facts:
    """Write the artefacts ``points`` and ``layouts``."""
    from scipy.sparse import vstack

    config = context.config.embedding
    store = TokenStore(context.run)
    words = context.run.table("words", ["n_clusters", "frequency"])
    ids = context.run.group("word_ids")
    word = np.concatenate([ids[f"{chrom}/word"][:] for chrom in store.chroms])
    frequency = words["frequency"].to_numpy()
    is_empty = words["n_clusters"].to_numpy() == 0
    least = max(config.umap_neighbors, config.pca_components) + 1
    chosen, candidates = select_points(
        word, frequency, is_empty, config.min_frequency, config.max_frequency, config.max_points,
        least, context.rng("points"),
    )
    points = _describe(context, store, chosen, word, frequency)
    rows = vstack(
        [store.rows(c, points.loc[points["chrom"] == c, "bin"].to_numpy()) for c in store.chroms],
        format="csr",
    )
    context.progress(1, 10, "PCA")
    pca = sparse_pca(rows, config.pca_components)
    scaled = standardize(pca.scores)
    context.progress(2, 10, f"UMAP of {len(points):,} tokens")
    umap = umap_layout(scaled, config, context.seed("umap"))
    context.progress(6, 10, "t-SNE from the UMAP")
    tsne = tsne_layout(scaled, umap, config, context.seed("tsne"), context.config.run.workers)
    context.run.write_table("points", points)
    with context.run.writing_group(
        "layouts",
        explained_variance_ratio=pca.explained.tolist(),
        n_candidates=candidates,
        min_frequency=config.min_frequency,
        max_frequency=config.max_frequency,
    ) as group:
        for name, array in (
            ("pca", pca.scores), ("umap", umap), ("tsne", tsne), ("pca_mean", pca.mean),
            ("pca_axes", pca.axes),
        ):
            group.create_array(name, data=np.ascontiguousarray(array))
    context.progress(1, 1, "")
    return {
        "points": len(points),
        "candidates": candidates,
        "words_on_map": int(points["word"].nunique()),
        "pca_components": int(pca.scores.shape[1]),
        "explained_variance": float(pca.explained.sum()),
    }
