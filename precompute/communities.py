"""Communities of tokens: Louvain megaclusters, and subclusters within each.

References
----------
Blondel et al., Louvain, doi:10.1088/1742-5468/2008/10/P10008; the paper, section on the token
explorer (k = 320, then k = 80).
"""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.config import CommunityConfig
from precompute.context import Facts, Progress, StageContext
from precompute.embedding.neighbors import knn_edges
from precompute.embedding.pca import standardize
from precompute.token_store import TokenStore


class Partition(NamedTuple):
    """Community of each node, int32 (n,), 0 the largest; and the modularity."""

    labels: NDArray[np.int32]
    modularity: float


def louvain(
    n: int, edges: NDArray[np.integer], method: str, resolution: float, seed: int
) -> Partition:
    """Louvain communities of an undirected, unweighted graph.

    Parameters
    ----------
    n : nodes
    edges : int (n_edges, 2), each edge once
    method : 'igraph' (fast) or 'python-louvain' (on networkx)
    resolution : 1 is plain modularity; larger gives more communities
    seed : fixes the order in which nodes are visited
    """
    if method == "igraph":
        import igraph

        graph = igraph.Graph(n=n, edges=edges)
        igraph.set_random_number_generator(random.Random(seed))
        try:
            found = graph.community_multilevel(resolution=resolution)
        finally:
            igraph.set_random_number_generator(random)
        labels = np.asarray(found.membership)
        return Partition(by_size(labels), float(graph.modularity(labels.tolist())))
    import community
    import networkx

    network = networkx.Graph()
    network.add_nodes_from(range(n))
    network.add_edges_from(edges.tolist())
    partition = community.best_partition(network, resolution=resolution, random_state=seed)
    labels = np.array([partition[node] for node in range(n)])
    return Partition(by_size(labels), float(community.modularity(partition, network)))


def by_size(labels: NDArray[np.integer]) -> NDArray[np.int32]:
    """Renumber labels by falling size, ties by first member."""
    _, first, inverse, size = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.lexsort((first, -size))] = np.arange(len(first))
    return rank[inverse].astype(np.int32)


class Communities(NamedTuple):
    """Two levels: int32 (n,) each; subclusters are numbered over all megaclusters in order."""

    mega: NDArray[np.int32]
    sub: NDArray[np.int32]
    mega_modularity: float
    sub_modularity: dict[int, float]


def two_levels(
    scaled: NDArray[np.float32], config: CommunityConfig, seed: int,
    progress: Progress | None = None,
) -> Communities:
    """Megaclusters on the whole kNN graph, subclusters on that of each megacluster.

    k is bounded by a tenth of the points (a fifth within a megacluster) on small data, since a
    graph that joins nearly everything has no communities.
    """
    n = len(scaled)
    k = max(2, min(config.mega_neighbors, n // 10))
    mega = louvain(n, knn_edges(scaled, k), config.method, config.resolution, seed)
    sub = np.zeros(n, dtype=np.int32)
    modularity = {}
    offset = 0
    n_mega = int(mega.labels.max()) + 1
    for number in range(n_mega):
        members = np.flatnonzero(mega.labels == number)
        k = min(config.sub_neighbors, len(members) // 5)
        if k >= 2:
            part = louvain(
                len(members), knn_edges(scaled[members], k), config.method, config.resolution,
                seed + 1 + number,
            )
        else:
            part = Partition(np.zeros(len(members), dtype=np.int32), 0.0)
        sub[members] = part.labels + offset
        offset += int(part.labels.max()) + 1
        modularity[number] = part.modularity
        if progress is not None:
            progress(number + 1, n_mega, "subclusters")
    return Communities(mega.labels, sub, mega.modularity, modularity)


def nearest_communities(
    scaled: NDArray[np.floating], centroids: NDArray[np.floating]
) -> NDArray[np.intp]:
    """Index of the centroid with the highest cosine similarity to each row."""
    norm = np.linalg.norm(centroids, axis=1, keepdims=True)
    return (scaled @ (centroids / np.where(norm > 0, norm, 1)).T).argmax(axis=1)


def _assign_bins(
    context: StageContext, store: TokenStore, points: pd.DataFrame, found: Communities
) -> float:
    """Write ``bin_communities``; returns the share of map points whose nearest subcluster lies in
    their own megacluster."""
    layouts = context.run.group("layouts")
    scores = layouts["pca"][:]
    mean, axes = layouts["pca_mean"][:], layouts["pca_axes"][:]
    centre = scores.mean(axis=0, dtype=np.float64)
    spread = scores.std(axis=0, dtype=np.float64)
    spread[spread < 1e-12] = np.inf
    scaled = standardize(scores)
    n_sub = int(found.sub.max()) + 1
    centroids = np.stack([scaled[found.sub == s].mean(axis=0) for s in range(n_sub)])
    parent = np.array([found.mega[found.sub == s][0] for s in range(n_sub)])
    agreement = float((parent[nearest_communities(scaled, centroids)] == found.mega).mean())
    # Projecting and scaling are one affine map of the sparse rows.
    weight = (axes / spread[:, None]).T.astype(np.float32)
    shift = ((mean @ axes.T + centre) / spread).astype(np.float32)
    ids = context.run.group("word_ids")
    is_empty = context.run.table("words", ["n_clusters"])["n_clusters"].to_numpy() == 0
    total, done = sum(store.n_bins(c) for c in store.chroms), 0
    with context.run.writing_group(
        "bin_communities", chroms=store.chroms, agreement=agreement
    ) as group:
        for chrom in store.chroms:
            sub = np.full(store.n_bins(chrom), -1, dtype=np.int16)
            word = ids[f"{chrom}/word"][:]
            for block in store.blocks(25_000, chrom):
                values = store.cluster_values(chrom, block.lo, block.hi)
                sub[block.lo : block.hi] = nearest_communities(values @ weight - shift, centroids)
                done += block.hi - block.lo
                context.progress(0.5 + 0.5 * done / total, 1, "assigning every bin")
            here = points[points["chrom"] == chrom]
            sub[here["bin"].to_numpy()] = found.sub[here["point"].to_numpy()]
            sub[is_empty[word]] = -1
            mega = np.where(sub >= 0, parent[np.maximum(sub, 0)], -1).astype(np.int16)
            group.create_array(f"{chrom}/megacluster", data=mega, chunks=(1 << 18,))
            group.create_array(f"{chrom}/subcluster", data=sub, chunks=(1 << 18,))
    return agreement


def run(context: StageContext) -> Facts:
    """Write the artefacts ``communities`` and ``bin_communities``."""
    config = context.config.communities
    store = TokenStore(context.run)
    points = context.run.table("points")
    scaled = standardize(context.run.group("layouts")["pca"][:])
    found = two_levels(
        scaled, config, context.seed("louvain"),
        lambda done, total, note: context.progress(0.5 * done / total, 1, note),
    )
    context.run.write_table(
        "communities",
        pd.DataFrame({
            "point": points["point"],
            "megacluster": found.mega.astype(np.int16),
            "subcluster": found.sub.astype(np.int16),
        }),
    )
    agreement = _assign_bins(context, store, points, found)
    return {
        "method": config.method,
        "megaclusters": int(found.mega.max()) + 1,
        "subclusters": int(found.sub.max()) + 1,
        "mega_modularity": found.mega_modularity,
        "mean_sub_modularity": float(np.mean(list(found.sub_modularity.values()))),
        "nearest_agreement": agreement,
    }
