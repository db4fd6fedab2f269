"""PCA and neighbours against scikit-learn's, selection by its rules, layouts and what is placed on
them against planted groups, quality against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_sparse
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from precompute.config import EmbeddingConfig
from precompute.embedding import layout
from precompute.embedding import neighbors as search
from precompute.embedding.layout import tsne_layout, umap_layout
from precompute.embedding.neighbors import (
    distinct_rows,
    nearest,
    neighbors_within,
    undirected_edges,
    unit_rows,
)
from precompute.embedding.pca import component_spread, project, sparse_pca, standardize
from precompute.embedding.placing import Reference, place
from precompute.embedding.quality import layout_neighbors, layout_quality
from precompute.embedding.selection import select_points, water_level
from precompute.errors import StageError

#: Of t-SNE, where what is tested is not how good it is: each takes as long as for a whole map.
FEW_ITERATIONS = (60, 100)


def test_pca_is_scikit_learns_up_to_the_sign():
    rows = random_sparse(300, 40, density=0.1, format="csr", random_state=1)
    ours = sparse_pca(rows, 12)
    theirs = PCA(12, svd_solver="covariance_eigh").fit(rows.toarray())
    scores = theirs.transform(rows.toarray())
    sign = np.sign((ours.scores * scores).sum(axis=0))
    np.testing.assert_allclose(ours.scores, scores * sign, atol=1e-5)
    np.testing.assert_allclose(ours.axes, theirs.components_ * sign[:, None], atol=1e-5)
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_, rtol=1e-6)
    assert (ours.axes[np.arange(12), np.abs(ours.axes).argmax(axis=1)] > 0).all()


def test_more_components_than_there_are_gives_all():
    rows = random_sparse(30, 8, density=0.5, format="csr", random_state=1)
    pca = sparse_pca(rows, 180)
    assert pca.scores.shape == (30, 8)
    assert pca.explained.sum() == pytest.approx(1)


def test_standardized_columns_have_unit_spread_and_constants_are_zero():
    x = np.random.default_rng(0).normal(3, 5, (100, 3))
    x[:, 1] = 7
    scaled = standardize(x)
    np.testing.assert_allclose(scaled.std(axis=0), [1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)


def test_a_row_is_projected_as_it_was_in_the_fit_whoever_is_beside_it():
    rows = random_sparse(90, 30, density=0.2, format="csr", random_state=2)
    pca = sparse_pca(rows, 10)
    assert np.array_equal(project(rows[17:23], pca.mean, pca.axes), pca.scores[17:23])


# -- selection -------------------------------------------------------------------------------


def select(**changes):
    frequency = np.array([40, 30, 20, 10, 2])
    word = np.repeat(np.arange(5, dtype=np.int32), frequency)
    values = {"min_frequency": 5, "max_frequency": 30, "max_points": 1000, "least": 3, **changes}
    empty = np.array([False, False, True, False, False])
    return word, select_points(word, frequency, empty, **values, rng=np.random.default_rng(0))


def test_floor_ceiling_and_the_empty_word_decide_who_is_on_the_map():
    word, all_of_them = select()
    assert all_of_them.n_candidates == 40
    assert sorted(set(word[all_of_them.chosen].tolist())) == [1, 3]
    assert len(all_of_them.chosen) == 40
    _, few = select(max_points=7)
    assert len(few.chosen) == 7
    assert few.n_candidates == 40
    assert (np.diff(few.chosen) > 0).all()
    assert few.is_fitted.all()


@pytest.mark.parametrize("sampling", ["uniform", "stratified"])
def test_placed_points_come_on_top_and_leave_the_fitted_ones_as_they_were(sampling):
    _, few = select(max_points=11, sampling=sampling)
    _, more = select(max_points=11, sampling=sampling, placed_points=9)
    assert np.array_equal(more.chosen[more.is_fitted], few.chosen)
    assert len(more.chosen) == 20
    assert len(np.unique(more.chosen)) == 20


def test_a_stratified_sample_gives_every_word_alike_up_to_a_cap():
    word, few = select(min_frequency=1, max_frequency=100, max_points=42, sampling="stratified")
    per_word = np.bincount(word[few.chosen], minlength=5)
    # 40, 30, 10 and 2 bins (word 2 is empty): 2 + 10 are whole, 30 are left for two words.
    assert per_word.tolist() == [15, 15, 0, 10, 2]
    assert few.word_cap == 15
    word, odd = select(min_frequency=1, max_frequency=100, max_points=43, sampling="stratified")
    assert np.bincount(word[odd.chosen]).tolist() == [16, 15, 0, 10, 2]
    assert select(max_points=7)[1].word_cap == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 600))
def test_the_water_level_is_the_largest_cap_that_fits(sizes, total):
    cap, left = water_level(np.array(sizes), total)
    taken = sum(min(size, cap) for size in sizes)
    if sum(sizes) <= total:
        assert taken == sum(sizes)
        assert left == 0
    else:
        assert taken + left == total
        assert sum(min(size, cap + 1) for size in sizes) > total


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"min_frequency": 500}, "most frequent one occurs 40 times"), ({"least": 41}, "at least 41")],
)
def test_too_little_to_lay_out_says_what_to_lower(changes, says):
    with pytest.raises(StageError, match=says) as caught:
        select(**{"max_frequency": 1000, **changes} if "least" not in changes else changes)
    assert "lower embedding.min_frequency" in str(caught.value)


# -- neighbours ------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 7, 259, 1000])
def test_neighbours_are_exact_and_sorted(k):
    rows = np.random.default_rng(7).normal(size=(260, 9))
    unit = unit_rows(rows)
    found = nearest(unit, unit, k, is_same=True)
    most = min(k, 259)
    exact = NearestNeighbors(n_neighbors=most + 1, metric="cosine", algorithm="brute").fit(rows)
    distances, nodes = exact.kneighbors(rows)
    np.testing.assert_array_equal(found.nodes, nodes[:, 1:])
    np.testing.assert_allclose(found.distances, distances[:, 1:], atol=1e-6)


def test_ties_go_to_the_lower_node():
    rows = unit_rows(np.repeat(np.eye(3), 5, axis=0))
    assert nearest(rows, rows, 4, is_same=True).nodes[7].tolist() == [5, 6, 8, 9]
    assert nearest(rows[:1], rows, 7).nodes[0].tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_tiles_and_threads_change_no_neighbour(monkeypatch):
    rng = np.random.default_rng(1)
    # Many nearly equal tokens, as from copies of one repeat.
    unit = unit_rows(np.round(rng.normal(size=(700, 6)), 1) + 1e-4 * rng.normal(size=(700, 6)))
    whole = nearest(unit, unit, 25, is_same=True, workers=1)
    monkeypatch.setattr(search, "_ROWS", 37)
    monkeypatch.setattr(search, "_CANDIDATES", 101)
    tiled = nearest(unit, unit, 25, is_same=True, workers=3)
    assert np.array_equal(whole.nodes, tiled.nodes)
    assert np.array_equal(whole.distances, tiled.distances)


def test_equal_rows_are_one_node_numbered_by_its_first():
    rows = np.array([[2, 0], [1, 5], [2, 0], [-0.0, 3], [1, 5], [0.0, 3]], dtype=np.float32)
    nodes = distinct_rows(rows)
    assert nodes.first.tolist() == [0, 1, 3]
    assert nodes.node.tolist() == [0, 1, 0, 2, 1, 2]


def test_undirected_edges_are_each_pair_once():
    edges = undirected_edges(np.array([[1, 2], [0, -1], [1, 0]]))
    assert edges.tolist() == [[0, 1], [0, 2], [1, 2]]


@pytest.mark.parametrize(("n", "k"), [(2, 1), (50, 3), (200, 60)])
def test_undirected_edges_are_those_of_a_set(n, k):
    rng = np.random.default_rng(n)
    nodes = np.array([rng.permutation(np.delete(np.arange(n), i))[:k] for i in range(n)])
    wanted = {(min(i, j), max(i, j)) for i, row in enumerate(nodes.tolist()) for j in row}
    assert list(map(tuple, undirected_edges(nodes).tolist())) == sorted(wanted)


@pytest.mark.parametrize("known", [12, 40, 149])
def test_neighbours_among_members_are_those_of_a_search_among_them_alone(known):
    unit = unit_rows(np.random.default_rng(3).normal(size=(150, 5)))
    nodes = nearest(unit, unit, known, is_same=True).nodes
    members = np.flatnonzero(np.random.default_rng(4).random(150) < 0.3)
    found = neighbors_within(members, nodes, unit, 10)
    alone = nearest(unit[members], unit[members], 10, is_same=True).nodes
    assert np.array_equal(found, alone)


# -- layouts ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def groups():
    rng = np.random.default_rng(3)
    label = np.repeat(np.arange(4), 60)
    centres = np.linalg.qr(rng.normal(size=(12, 4)))[0].T * 3
    return standardize(centres[label] + 0.4 * rng.normal(size=(240, 12))), label


@pytest.fixture(scope="module")
def laid_out(groups):
    unit = unit_rows(groups[0])
    config = EmbeddingConfig(umap_neighbors=15, tsne_perplexity=15)
    known = nearest(unit, unit, 60, is_same=True)
    umap = umap_layout(known, groups[0][:, :2], config, seed=1)
    return config, unit, known, umap, tsne_layout(known, umap, config, seed=1, workers=2)


def test_layouts_keep_groups_and_neighbours_and_repeat_with_their_seed(groups, laid_out):
    scaled, label = groups
    config, _, known, umap, tsne = laid_out
    for xy in (umap, tsne):
        assert xy.dtype == np.float32
        assert trustworthiness(scaled, xy, n_neighbors=10, metric="cosine") > 0.9
        distance = np.linalg.norm(xy[:, None] - xy[None], axis=2)
        np.fill_diagonal(distance, np.inf)
        nearest_ten = distance.argsort(axis=1)[:, :10]
        assert (label[nearest_ten] == label[:, None]).mean() > 0.95
    assert np.array_equal(umap, umap_layout(known, scaled[:, :2], config, seed=1))
    assert np.array_equal(tsne, tsne_layout(known, umap, config, seed=1, workers=1))


@pytest.mark.filterwarnings("ignore:n_jobs value 1 overridden:UserWarning")
def test_the_umap_is_as_good_as_one_that_searches_and_begins_by_itself(groups, laid_out):
    from umap import UMAP

    config, unit, _, umap, _ = laid_out
    theirs = UMAP(15, min_dist=config.umap_min_dist, metric="cosine", random_state=1, n_jobs=1)
    scores = [trustworthiness(unit, xy, n_neighbors=15, metric="cosine")
              for xy in (umap, theirs.fit_transform(unit))]
    assert scores[0] == pytest.approx(scores[1], abs=0.02)


@pytest.mark.parametrize("n", [4, 9])
def test_a_handful_of_tokens_is_laid_out(n, monkeypatch):
    monkeypatch.setattr(layout, "_TSNE_ITERATIONS", FEW_ITERATIONS)
    rows = np.random.default_rng(n).normal(size=(n, 3))
    unit = unit_rows(rows)
    known = nearest(unit, unit, 320, is_same=True)
    config = EmbeddingConfig(umap_neighbors=3)
    start = np.zeros((n, 1), dtype=np.float32)
    umap = umap_layout(known, start, config, seed=0)
    tsne = tsne_layout(known, umap, config, seed=0, workers=1)
    for xy in (umap, tsne):
        assert xy.shape == (n, 2)
        assert np.isfinite(xy).all()


# -- quality ---------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [10, 40])
def test_quality_is_scikit_learns_trustworthiness_and_the_share_of_neighbours_kept(known):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(300, 7))
    xy = rows[:, :2] + 0.5 * rng.normal(size=(300, 2))
    unit = unit_rows(rows)
    near = layout_neighbors(xy, xy, 10, True, 1)
    quality = layout_quality(
        nearest(unit, unit, known, is_same=True).nodes, near, unit, unit, 10, is_same=True,
        sample=np.arange(300), workers=2,
    )
    wanted = trustworthiness(rows, xy, n_neighbors=10, metric="cosine")
    assert quality.trustworthiness.mean() == pytest.approx(wanted, abs=5e-6)
    cosine = unit.astype(float) @ unit.T.astype(float)
    np.fill_diagonal(cosine, -2)
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    for i in range(0, 300, 17):
        both = set(np.argsort(-cosine[i])[:10]) & set(np.argsort(apart[i])[:10])
        assert quality.preservation[i] == pytest.approx(len(both) / 10)


def test_far_ranks_counted_in_a_sample_are_close_to_the_exact_ones():
    rng = np.random.default_rng(6)
    unit = unit_rows(rng.normal(size=(2000, 6)))
    near = rng.integers(0, 2000, (2000, 8))
    near[near == np.arange(2000)[:, None]] = 0
    known = nearest(unit, unit, 20, is_same=True).nodes
    exact, sampled = (
        layout_quality(known, near, unit, unit, 8, is_same=True, sample=sample).trustworthiness
        for sample in (np.arange(2000), np.sort(rng.permutation(2000)[:500]))
    )
    assert np.abs(exact - sampled).max() < 0.06
    assert exact.mean() == pytest.approx(sampled.mean(), abs=0.005)


def test_the_same_layout_keeps_all_and_coincident_points_are_no_trouble():
    xy = np.random.default_rng(0).normal(size=(50, 2))
    unit = unit_rows(np.column_stack([xy, np.full(50, 1000.0)]))
    near = layout_neighbors(xy, xy, 5, True, 1)
    assert (near != np.arange(50)[:, None]).all()
    heap = layout_neighbors(0 * xy, 0 * xy, 5, True, 1)
    assert (heap != np.arange(50)[:, None]).all()
    assert all(len(set(row)) == 5 for row in heap.tolist())
    quality = layout_quality(
        near.astype(np.int32), near, unit, unit, 5, is_same=True, sample=np.arange(50))
    assert (quality.preservation == 1).all()
    assert (quality.trustworthiness == 1).all()


# -- placing ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted_map():
    """A map of 300 of 400 tokens of four kinds; the tokens and kinds of all."""
    rng = np.random.default_rng(11)
    kind = rng.integers(0, 4, 400)
    dense = (rng.random((4, 30)) * (rng.random((4, 30)) < 0.4))[kind] + 0.05 * rng.random((400, 30))
    rows = csr_matrix(dense.astype(np.float32))
    pca = sparse_pca(rows[:300], 12)
    spread = component_spread(pca.scores)
    unit = unit_rows(pca.scores / spread)
    known = nearest(unit, unit, 60, is_same=True)
    config = EmbeddingConfig(umap_neighbors=15, tsne_perplexity=15)
    umap = umap_layout(known, pca.scores[:, :2], config, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_TSNE_ITERATIONS", FEW_ITERATIONS)
        tsne = tsne_layout(known, umap, config, seed=3, workers=2)
    reference = Reference(pca.mean, pca.axes, spread, unit, {"umap": umap, "tsne": tsne})
    return reference, rows, kind


def test_copies_of_the_maps_tokens_land_on_them(fitted_map):
    reference, rows, _ = fitted_map
    again = place(reference, rows[40:90])
    assert again.equal.tolist() == list(range(40, 90))
    for name, xy in reference.layouts.items():
        assert np.array_equal(again.layouts[name], xy[40:90])


def test_held_out_tokens_land_among_their_own_kind(fitted_map):
    reference, rows, kind = fitted_map
    placed = place(reference, rows[300:])
    assert (placed.equal == -1).all()
    for name, xy in reference.layouts.items():
        around = layout_neighbors(placed.layouts[name], xy, 10, False, 1)
        assert (kind[around] == kind[300:, None]).mean() > 0.97


def test_a_token_is_placed_alone_as_in_company(fitted_map):
    reference, rows, _ = fitted_map
    together = place(reference, rows[300:], workers=2)
    for k in (0, 57, 99):
        alone = place(reference, rows[300 + k])
        assert np.array_equal(alone.nodes[0], together.nodes[k])
        for name in reference.layouts:
            assert np.array_equal(alone.layouts[name][0], together.layouts[name][k])


def test_between_two_islands_a_token_joins_the_one_with_more_of_its_neighbours():
    unit = unit_rows(np.random.default_rng(0).normal(size=(15, 4)) * 0.01 + [1, 0, 0, 0])
    island = np.repeat([0.0, 100.0], [9, 6])
    xy = np.column_stack([island, 0 * island]).astype(np.float32)
    axes = np.eye(4, dtype=np.float32)
    zero = np.zeros(4, np.float32)
    reference = Reference(zero, axes, zero + 1, unit, {"umap": xy})
    placed = place(reference, csr_matrix(np.array([[1.0, 1e-4, 0, 0]])))
    assert abs(placed.layouts["umap"][0, 0]) < 1


def test_tokens_of_another_run_are_refused(fitted_map):
    with pytest.raises(StageError, match="have 7 motif clusters and the map 30"):
        place(fitted_map[0], csr_matrix((2, 7)))
