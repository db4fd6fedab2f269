"""Louvain: igraph and python-louvain agree, modularity is networkx's; exact neighbours."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors

from precompute.communities import by_size, louvain, nearest_communities, two_levels
from precompute.config import CommunityConfig
from precompute.embedding.neighbors import knn_edges


@pytest.fixture(scope="module")
def planted():
    """Points in six directions, 400 in 20 dimensions; sizes differ."""
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(6), [120, 90, 70, 50, 40, 30])
    centres = np.linalg.qr(rng.normal(size=(20, 6)))[0].T
    return (centres[group] + 0.12 * rng.normal(size=(400, 20))).astype(np.float32), group


def modularity(n: int, edges: np.ndarray, labels: np.ndarray) -> float:
    graph = networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges.tolist())
    parts = [set(np.flatnonzero(labels == c).tolist()) for c in np.unique(labels)]
    return networkx.community.modularity(graph, parts)


@pytest.mark.parametrize("method", ["igraph", "python-louvain"])
def test_planted_communities_are_found_largest_first(planted, method):
    rows, group = planted
    edges = knn_edges(rows, 12)
    found = louvain(len(rows), edges, method, 1.0, seed=3)
    assert adjusted_rand_score(group, found.labels) == 1
    assert np.bincount(found.labels).tolist() == [120, 90, 70, 50, 40, 30]
    assert found.modularity == pytest.approx(modularity(len(rows), edges, found.labels), abs=1e-9)


def test_both_ways_reach_the_same_modularity_on_a_graph_without_clear_communities():
    rows = np.random.default_rng(5).normal(size=(600, 8)).astype(np.float32)
    edges = knn_edges(rows, 15)
    fast, slow = (
        max(louvain(600, edges, method, 1.0, seed).modularity for seed in range(5))
        for method in ("igraph", "python-louvain")
    )
    assert fast == pytest.approx(slow, abs=0.01)


@pytest.mark.parametrize("method", ["igraph", "python-louvain"])
def test_the_same_seed_gives_the_same_communities_and_resolution_splits(planted, method):
    edges = knn_edges(planted[0], 12)
    one, two = (louvain(400, edges, method, 1.0, seed=9) for _ in range(2))
    assert np.array_equal(one.labels, two.labels)
    finer = louvain(400, edges, method, 6.0, seed=9)
    assert finer.labels.max() > one.labels.max()


def test_subclusters_lie_within_their_megacluster(planted):
    rows, group = planted
    config = CommunityConfig(mega_neighbors=12, sub_neighbors=6)
    found = two_levels(rows, config, seed=1)
    assert adjusted_rand_score(group, found.mega) == 1
    for sub in np.unique(found.sub):
        assert len(np.unique(found.mega[found.sub == sub])) == 1
    assert sorted(np.unique(found.sub)) == list(range(found.sub.max() + 1))


@pytest.mark.parametrize("k", [1, 7, 399, 1000])
def test_neighbours_are_exact(planted, k):
    rows = planted[0]
    edges = knn_edges(rows, k, block=64)
    most = min(k, 399)
    search = NearestNeighbors(n_neighbors=most + 1, metric="cosine", algorithm="brute").fit(rows)
    near = search.kneighbors(rows, return_distance=False)
    wanted = {
        (min(i, j), max(i, j)) for i, row in enumerate(near.tolist()) for j in row if i != j
    }
    got = set(map(tuple, edges.tolist()))
    # Equal distances may be broken either way.
    assert len(wanted ^ got) <= 4
    assert (edges[:, 0] < edges[:, 1]).all()
    assert len(got) == len(edges)


def test_labels_are_renumbered_by_size_then_by_first_member():
    assert by_size(np.array([7, 7, 3, 3, 5, 9, 9, 9])).tolist() == [1, 1, 2, 2, 3, 0, 0, 0]


def test_the_nearest_centroid_is_by_direction():
    centroids = np.array([[1.0, 0.0], [0.0, 10.0]])
    assert nearest_communities(np.array([[5.0, 1.0], [0.1, 0.2]]), centroids).tolist() == [0, 1]
