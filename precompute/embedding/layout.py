"""Layouts: standardized PCA -> UMAP with cosine distance -> FFT-accelerated t-SNE from there.

Both layouts lay out the nodes of one neighbour graph; neither library searches for neighbours.

References
----------
McInnes et al., UMAP, arXiv:1802.03426; Linderman et al., FIt-SNE, doi:10.1038/s41592-018-0308-4;
Policar et al., openTSNE, doi:10.18637/jss.v109.i03; Kobak and Linderman, on initialization,
doi:10.1038/s41587-020-00809-z; the paper, section on the token explorer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.config import EmbeddingConfig
from precompute.embedding.neighbors import Neighbors

_TSNE_START_SD = 1e-4
#: Iterations with exaggerated attraction, and after; those of FIt-SNE and openTSNE.
_TSNE_ITERATIONS = (250, 500)


def umap_layout(
    neighbors: Neighbors, start: NDArray[np.floating], config: EmbeddingConfig, seed: int
) -> NDArray[np.float32]:
    """UMAP of a neighbour graph, float32 (n, 2); the same seed gives the same layout.

    It begins from two principal components: as good for the global arrangement as the
    eigenvectors of the graph's Laplacian, which take longer than all else together and say nothing
    where the graph falls apart.

    Parameters
    ----------
    neighbors : of n nodes, at least umap_neighbors - 1 each (all of them where there are fewer)
    start : float (n, 2), first two principal components
    """
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

    n = len(neighbors.nodes)
    k = min(config.umap_neighbors, n - 1)
    # UMAP counts a point as its own nearest neighbour.
    nodes = np.column_stack([np.arange(n, dtype=np.int32), neighbors.nodes[:, : k - 1]])
    distances = np.column_stack([np.zeros(n, np.float32), neighbors.distances[:, : k - 1]])
    random_state = np.random.RandomState(seed)
    no_data = np.empty((n, 0), dtype=np.float32)
    graph = fuzzy_simplicial_set(
        no_data, k, random_state, "cosine", knn_indices=nodes, knn_dists=distances
    )[0]
    a, b = find_ab_params(1.0, config.umap_min_dist)
    layout, _ = simplicial_set_embedding(
        no_data, graph, 2, 1.0, a, b, 1.0, 5, None, _spread_out(start), random_state, "cosine",
        {}, False, {}, False,
    )
    return np.asarray(layout, dtype=np.float32)


def _spread_out(start: NDArray[np.floating]) -> NDArray[np.float32]:
    """Two columns of equal spread; one without any is replaced, since UMAP divides by it."""
    start = np.array(start[:, :2], dtype=np.float64)
    if start.shape[1] < 2:
        start = np.column_stack([start, np.zeros(len(start))])
    spread = start.std(axis=0)
    flat = spread < 1e-9
    start[:, flat] = np.linspace(-1, 1, len(start))[:, None]
    return np.asarray(start / np.where(flat, 1.0, spread), dtype=np.float32)


def tsne_layout(
    neighbors: Neighbors, start: NDArray[np.float32], config: EmbeddingConfig, seed: int,
    workers: int,
) -> NDArray[np.float32]:
    """t-SNE by FFT interpolation, float32 (n, 2), begun from ``start`` scaled down.

    The neighbours are those of cosine distance, as in the UMAP that it starts from.
    """
    import openTSNE
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    known = neighbors.nodes.shape[1]
    perplexity = min(config.tsne_perplexity, known / 3)
    k = min(known, int(3 * perplexity))
    affinities = openTSNE.affinity.PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(neighbors.nodes[:, :k], neighbors.distances[:, :k]),
        perplexity=min(perplexity, k), n_jobs=workers,
    )
    first = start / np.std(start[:, 0]) * _TSNE_START_SD
    embedding = openTSNE.TSNEEmbedding(
        first.astype(np.float64), affinities, negative_gradient_method="fft", n_jobs=workers,
        random_state=seed,
    )
    early, late = _TSNE_ITERATIONS
    embedding.optimize(n_iter=early, exaggeration=12, momentum=0.5, inplace=True)
    embedding.optimize(n_iter=late, momentum=0.8, inplace=True)
    return np.asarray(embedding, dtype=np.float32)
