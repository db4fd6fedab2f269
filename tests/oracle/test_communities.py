"""Louvain: igraph and python-louvain agree, modularity is networkx's; exact neighbours."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from precompute.communities import (
    adjusted_rand,
    by_size,
    louvain,
    majority,
    nearest_communities,
    stable_louvain,
    two_levels,
)
from precompute.config import CommunityConfig
from precompute.embedding.neighbors import nearest, undirected_edges, unit_rows


def knn_edges(rows: np.ndarray, k: int) -> np.ndarray:
    unit = unit_rows(rows)
    return undirected_edges(nearest(unit, unit, k, is_same=True).nodes)


def levels(rows: np.ndarray, config: CommunityConfig, seed: int, weight=None):
    unit = unit_rows(rows)
    known = nearest(unit, unit, 320, is_same=True).nodes
    return two_levels(known, unit, config, seed, weight)


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
    found = levels(rows, config, seed=1)
    assert adjusted_rand_score(group, found.mega) == 1
    for sub in np.unique(found.sub):
        assert len(np.unique(found.mega[found.sub == sub])) == 1
    assert sorted(np.unique(found.sub)) == list(range(found.sub.max() + 1))


def test_labels_are_renumbered_by_size_then_by_first_member():
    assert by_size(np.array([7, 7, 3, 3, 5, 9, 9, 9])).tolist() == [1, 1, 2, 2, 3, 0, 0, 0]


def test_a_node_of_many_points_counts_them_all_in_the_order():
    assert by_size(np.array([4, 4, 4, 8]), np.array([1, 1, 1, 9])).tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_the_adjusted_rand_index_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 6, 200)
    b = np.where(rng.random(200) < 0.7, a, rng.integers(0, 9, 200))
    assert adjusted_rand(a, b) == pytest.approx(adjusted_rand_score(a, b))
    assert adjusted_rand(a, (a + 3) % 6) == pytest.approx(1)
    assert adjusted_rand(np.zeros(5, int), np.zeros(5, int)) == 1


def test_clear_communities_are_stable_and_noise_is_not(planted):
    config = CommunityConfig(stability_seeds=4)
    clear = stable_louvain(400, knn_edges(planted[0], 12), config, seed=0)
    assert clear.rand == pytest.approx(1)
    assert clear.overlap == pytest.approx(np.ones(6))
    edges = knn_edges(np.random.default_rng(1).normal(size=(400, 30)), 12)
    noise = stable_louvain(400, edges, config, seed=0)
    assert noise.rand < 0.8
    assert (noise.overlap > 0).all()
    assert noise.overlap.mean() < 0.9
    best = max(louvain(400, edges, "igraph", 1.0, seed).modularity for seed in range(4))
    assert noise.modularity == pytest.approx(best)


def test_overlap_is_the_mean_of_the_best_jaccard_overlaps():
    edges = knn_edges(np.random.default_rng(8).normal(size=(150, 12)), 8)
    config = CommunityConfig(stability_seeds=3)
    found = stable_louvain(150, edges, config, seed=2)
    runs = [louvain(150, edges, "igraph", 1.0, 2 + k).labels for k in range(3)]
    same = [adjusted_rand_score(found.labels, run) for run in runs]
    del runs[int(np.argmax(same))]
    for number in range(int(found.labels.max()) + 1):
        mine = set(np.flatnonzero(found.labels == number).tolist())
        best = [
            max(len(mine & other) / len(mine | other) for other in (
                set(np.flatnonzero(run == c).tolist()) for c in np.unique(run)))
            for run in runs
        ]
        assert found.overlap[number] == pytest.approx(np.mean(best))


def test_communities_are_numbered_by_points_not_by_nodes(planted):
    rows, group = planted
    weight = np.where(group == 5, 10, 1)
    found = levels(rows, CommunityConfig(mega_neighbors=12, sub_neighbors=6), 1, weight)
    assert (found.mega[group == 5] == 0).all()
    assert sorted(zip(found.stability["level"], found.stability["community"], strict=True)) == [
        *(("mega", c) for c in range(6)), *(("sub", c) for c in range(found.sub.max() + 1))]


def test_one_megacluster_and_few_tokens_are_a_result():
    rows = np.random.default_rng(0).normal(size=(12, 5)) + 4
    found = levels(rows, CommunityConfig(), 0)
    assert len(found.mega) == len(found.sub) == 12
    assert found.mega.min() == 0
    one = levels(np.ones((9, 3)) + np.eye(9, 3) / 9, CommunityConfig(resolution=0.01), 0)
    assert set(one.mega) == {0}
    assert one.stability["adjusted_rand"].eq(1).all()


def test_a_placed_token_goes_where_most_of_its_neighbours_are():
    votes = np.array([[3, 1, 1, 2], [5, 4, 4, 5], [7, 7, 7, 7]])
    assert majority(votes).tolist() == [1, 5, 7]


def test_the_nearest_centroid_is_by_direction():
    centroids = np.array([[1.0, 0.0], [0.0, 10.0]])
    assert nearest_communities(np.array([[5.0, 1.0], [0.1, 0.2]]), centroids).tolist() == [0, 1]
