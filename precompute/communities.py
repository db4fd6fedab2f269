"""Communities of tokens: Louvain megaclusters, and subclusters within each.

Louvain visits nodes in a random order, so it is run with several seeds: the partition with the
highest modularity is kept, and how far the others agree with it is reported (adjusted Rand index
of all pairs of runs; for each community the best Jaccard overlap in the other runs).

References
----------
Blondel et al., Louvain, doi:10.1088/1742-5468/2008/10/P10008; Hubert and Arabie, adjusted Rand
index, doi:10.1007/BF01908075; Hennig, cluster-wise stability, doi:10.1016/j.csda.2006.11.025; the
paper, section on the token explorer (k = 320, then k = 80).
"""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.config import CommunityConfig
from precompute.context import Facts, Progress, StageContext
from precompute.embedding.neighbors import neighbors_within, undirected_edges, unit_rows
from precompute.embedding.pca import component_spread
from precompute.token_store import TokenStore

#: Points that vote at a time.
_VOTERS = 50_000


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
    return louvain_runs(n, edges, method, resolution, [seed])[0]


def louvain_runs(
    n: int, edges: NDArray[np.integer], method: str, resolution: float, seeds: list[int]
) -> list[Partition]:
    """:func:`louvain` for several seeds; the graph, which is the larger part, is made once."""
    if method == "igraph":
        import igraph

        graph = igraph.Graph(n=n, edges=edges)
        return [_igraph_louvain(graph, resolution, seed) for seed in seeds]
    import networkx

    network = networkx.Graph()
    network.add_nodes_from(range(n))
    network.add_edges_from(edges.tolist())
    return [_python_louvain(network, resolution, seed) for seed in seeds]


def _igraph_louvain(graph: Any, resolution: float, seed: int) -> Partition:
    import igraph

    igraph.set_random_number_generator(random.Random(seed))
    try:
        found = graph.community_multilevel(resolution=resolution)
    finally:
        igraph.set_random_number_generator(random)
    labels = np.asarray(found.membership)
    return Partition(by_size(labels), float(graph.modularity(labels.tolist())))


def _python_louvain(network: Any, resolution: float, seed: int) -> Partition:
    import community

    partition = community.best_partition(network, resolution=resolution, random_state=seed)
    labels = np.array([partition[node] for node in range(len(network))])
    return Partition(by_size(labels), float(community.modularity(partition, network)))


def by_size(
    labels: NDArray[np.integer], weight: NDArray[np.integer] | None = None
) -> NDArray[np.int32]:
    """Renumber labels by falling size, ties by first member.

    ``weight`` counts a node as several; so the numbers, and with them the colours, are the same
    for the same points whatever numbers Louvain gave.
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    size = np.bincount(inverse, weights=weight)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.lexsort((first, -size))] = np.arange(len(first))
    return rank[inverse].astype(np.int32)


def adjusted_rand(a: NDArray[np.integer], b: NDArray[np.integer]) -> float:
    """Adjusted Rand index of two labelings; 1 when both are the same partition."""
    from scipy.special import comb

    table = _overlaps(a, b)
    pairs, n = comb(table.data, 2).sum(), len(a)
    rows, columns = (comb(np.asarray(table.sum(axis=k)).ravel(), 2).sum() for k in (1, 0))
    expected = rows * columns / comb(n, 2) if n > 1 else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((pairs - expected) / (most - expected))


def _overlaps(a: NDArray[np.integer], b: NDArray[np.integer]):  # type: ignore[no-untyped-def]
    """CSR float64 (communities of a, communities of b): nodes in both."""
    from scipy.sparse import coo_matrix

    shape = (int(a.max(initial=0)) + 1, int(b.max(initial=0)) + 1)
    return coo_matrix((np.ones(len(a)), (a, b)), shape=shape).tocsr()


class Stable(NamedTuple):
    """The best of several runs: its partition; ``rand`` mean adjusted Rand index over all pairs of
    runs; ``overlap`` float64 (communities,), mean over the other runs of each one's best Jaccard
    overlap."""

    labels: NDArray[np.int32]
    modularity: float
    rand: float
    overlap: NDArray[np.float64]


def stable_louvain(
    n: int, edges: NDArray[np.integer], config: CommunityConfig, seed: int,
    weight: NDArray[np.integer] | None = None,
) -> Stable:
    """Louvain with ``config.stability_seeds`` seeds; the highest modularity wins, ties the first.

    Parameters
    ----------
    n, edges : the graph, see :func:`louvain`
    seed : of the first run, the others count on from it
    weight : int (n,), points of each node; communities are numbered by their points
    """
    seeds = [(seed + k) % 2**32 for k in range(config.stability_seeds)]
    runs = louvain_runs(n, edges, config.method, config.resolution, seeds)
    best = max(range(len(runs)), key=lambda k: (round(runs[k].modularity, 12), -k))
    labels = by_size(runs[best].labels, weight)
    others = [run.labels for k, run in enumerate(runs) if k != best]
    jaccard = []
    for other in others:
        both = _overlaps(labels, other)
        here, there = (np.asarray(both.sum(axis=k)).ravel() for k in (1, 0))
        union = here[np.repeat(np.arange(len(here)), np.diff(both.indptr))] + there[
            both.indices] - both.data
        jaccard.append(np.maximum.reduceat(both.data / union, both.indptr[:-1]))
    rand = [adjusted_rand(a.labels, b.labels) for a, b in combinations(runs, 2)]
    return Stable(
        labels, runs[best].modularity, float(np.mean(rand)) if rand else 1.0,
        np.mean(jaccard, axis=0) if jaccard else np.ones(int(labels.max()) + 1),
    )


class Communities(NamedTuple):
    """Two levels: int32 (n,) each; subclusters are numbered over all megaclusters in order.

    ``stability`` has a row for each community: level, community, adjusted_rand (of the runs that
    it comes from) and overlap.
    """

    mega: NDArray[np.int32]
    sub: NDArray[np.int32]
    mega_modularity: float
    sub_modularity: dict[int, float]
    stability: pd.DataFrame


def two_levels(
    neighbors: NDArray[np.int32], unit: NDArray[np.float32], config: CommunityConfig, seed: int,
    weight: NDArray[np.integer] | None = None, workers: int = 1,
    progress: Progress | None = None,
) -> Communities:
    """Megaclusters on the whole kNN graph, subclusters on that of each megacluster.

    k is bounded by a tenth of the nodes (a fifth within a megacluster) on small data, since a
    graph that joins nearly everything has no communities.

    Parameters
    ----------
    neighbors : int32 (n, known), nearest nodes, nearest first
    unit : float32 (n, d), unit rows that they are nearest by
    weight : int (n,), points of each node
    """
    n = len(neighbors)
    k = max(1, min(config.mega_neighbors, max(2, n // 10), neighbors.shape[1]))
    mega = stable_louvain(n, undirected_edges(neighbors[:, :k]), config, seed, weight)
    sub = np.zeros(n, dtype=np.int32)
    modularity = {}
    rows = [("mega", c, mega.rand, overlap) for c, overlap in enumerate(mega.overlap)]
    offset = 0
    n_mega = int(mega.labels.max()) + 1
    for number in range(n_mega):
        members = np.flatnonzero(mega.labels == number)
        k = min(config.sub_neighbors, len(members) // 5)
        if k >= 2:
            near = neighbors_within(members, neighbors, unit, k, workers)
            part = stable_louvain(
                len(members), undirected_edges(near), config, seed + 1 + number,
                None if weight is None else weight[members],
            )
        else:
            part = Stable(np.zeros(len(members), dtype=np.int32), 0.0, 1.0, np.ones(1))
        sub[members] = part.labels + offset
        rows += [("sub", offset + c, part.rand, overlap) for c, overlap in enumerate(part.overlap)]
        offset += len(part.overlap)
        modularity[number] = part.modularity
        if progress is not None:
            progress(number + 1, n_mega, "subclusters")
    stability = pd.DataFrame(rows, columns=["level", "community", "adjusted_rand", "overlap"])
    return Communities(mega.labels, sub, mega.modularity, modularity, stability)


def majority(labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """The commonest label of each row, int64 (n,); of equally common ones the first in the row.

    Parameters
    ----------
    labels : int (n, k), for instance those of a token's neighbours, nearest first
    """
    out = np.empty(len(labels), dtype=np.int64)
    for lo in range(0, len(labels), _VOTERS):
        part = labels[lo : lo + _VOTERS]
        votes = np.stack([(part == part[:, k : k + 1]).sum(axis=1) for k in range(part.shape[1])])
        out[lo : lo + len(part)] = part[np.arange(len(part)), votes.argmax(axis=0)]
    return out


def nearest_communities(
    scaled: NDArray[np.floating], centroids: NDArray[np.floating]
) -> NDArray[np.intp]:
    """Index of the centroid with the highest cosine similarity to each row."""
    norm = np.linalg.norm(centroids, axis=1, keepdims=True)
    return (scaled @ (centroids / np.where(norm > 0, norm, 1)).T).argmax(axis=1)


def _assign_bins(
    context: StageContext, store: TokenStore, points: pd.DataFrame, mega_of: NDArray[np.int32],
    sub_of: NDArray[np.int32],
) -> float:
    """Write ``bin_communities``; returns the share of fitted points whose nearest subcluster lies
    in their own megacluster.

    ``mega_of`` and ``sub_of`` are int32 (n_points,).
    """
    layouts = context.run.group("layouts")
    mean, axes = layouts["pca_mean"][:], layouts["pca_axes"][:]
    is_fitted = points["is_fitted"].to_numpy()
    scores = layouts["pca"][:][is_fitted]
    spread = component_spread(scores).astype(np.float64)
    scaled = (scores / spread).astype(np.float32)
    mega, subs = mega_of[is_fitted], sub_of[is_fitted]
    n_sub = int(subs.max()) + 1
    centroids = np.stack([scaled[subs == s].mean(axis=0) for s in range(n_sub)])
    parent = np.array([mega[subs == s][0] for s in range(n_sub)])
    agreement = float((parent[nearest_communities(scaled, centroids)] == mega).mean())
    # Projecting and scaling are one affine map of the sparse rows.
    weight = (axes / spread[:, None]).T.astype(np.float32)
    shift = ((mean @ axes.T) / spread).astype(np.float32)
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
            sub[here["bin"].to_numpy()] = sub_of[here["point"].to_numpy()]
            sub[is_empty[word]] = -1
            mega = np.where(sub >= 0, parent[np.maximum(sub, 0)], -1).astype(np.int16)
            group.create_array(f"{chrom}/megacluster", data=mega, chunks=(1 << 18,))
            group.create_array(f"{chrom}/subcluster", data=sub, chunks=(1 << 18,))
    return agreement


def run(context: StageContext) -> Facts:
    """Write the artefacts ``communities``, ``community_stability`` and ``bin_communities``."""
    config = context.config.communities
    store = TokenStore(context.run)
    points = context.run.table("points")
    is_fitted = points["is_fitted"].to_numpy()
    graph = context.run.group("neighbors")
    node, first = graph["node"][:], graph["first"][:]
    pca = context.run.group("layouts")["pca"][:]
    unit = unit_rows(pca[first] / component_spread(pca[is_fitted]))
    found = two_levels(
        graph["nodes"][:], unit, config, context.seed("louvain"),
        np.bincount(node[is_fitted], minlength=len(first)), context.config.run.workers,
        lambda done, total, note: context.progress(0.5 * done / total, 1, note),
    )
    mega, sub = _of_points(found, node, is_fitted, graph["placed"][:])
    context.run.write_table(
        "communities",
        pd.DataFrame({
            "point": points["point"],
            "megacluster": mega.astype(np.int16),
            "subcluster": sub.astype(np.int16),
        }),
    )
    context.run.write_table("community_stability", found.stability)
    agreement = _assign_bins(context, store, points, mega, sub)
    of_mega = found.stability[found.stability["level"] == "mega"]
    of_sub = found.stability[found.stability["level"] == "sub"]
    return {
        "method": config.method,
        "megaclusters": int(found.mega.max()) + 1,
        "subclusters": int(found.sub.max()) + 1,
        "mega_modularity": found.mega_modularity,
        "mean_sub_modularity": float(np.mean(list(found.sub_modularity.values()))),
        "nearest_agreement": agreement,
        "stability_seeds": config.stability_seeds,
        "mega_adjusted_rand": float(of_mega["adjusted_rand"].iloc[0]),
        "sub_adjusted_rand": float(of_sub["adjusted_rand"].mean()),
        "mega_overlap": float(of_mega["overlap"].mean()),
        "sub_overlap": float(of_sub["overlap"].mean()),
    }


def _of_points(
    found: Communities, node: NDArray[np.int32], is_fitted: NDArray[np.bool_],
    placed: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Communities of all points: of their node, or of most nodes that a placed one is near."""
    of_node = np.maximum(node, 0)
    sub = found.sub[of_node]
    parent = np.zeros(int(found.sub.max()) + 1, dtype=np.int32)
    parent[found.sub] = found.mega
    if not is_fitted.all():
        is_new = ~is_fitted
        votes = majority(found.sub[placed])
        sub[is_new] = np.where(node[is_new] >= 0, sub[is_new], votes)
    return parent[sub], sub
