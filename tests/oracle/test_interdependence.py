"""IDS against a dense oracle, motif clusters against DBSCAN, on random and on real rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from precompute.errors import StageError
from precompute.interdependence import interdependence
from precompute.motif_clusters import cluster_features, count_by_cut, describe_clusters
from precompute.motifs import build_profiles
from precompute.scan import compile_scanner, count_window
from precompute.scores.moments import hermite_functions


def dense_ids(values: np.ndarray, max_order: int) -> np.ndarray:
    """Straight from the definition, with numpy's own corrcoef on dense columns."""
    functions = [
        values**n * np.exp(-(values**2) / 2) / math.sqrt(math.factorial(n))
        for n in range(max_order + 1)
    ]
    n_features = values.shape[1]
    best = np.zeros((n_features, n_features))
    for left in functions:
        for right in functions:
            with np.errstate(invalid="ignore", divide="ignore"):
                r = np.corrcoef(left.T, right.T)[:n_features, n_features:]
            best = np.maximum(best, np.abs(np.nan_to_num(r)))
    best = np.maximum(best, best.T)
    np.fill_diagonal(best, 1)
    return best


@pytest.fixture(scope="module")
def real_counts(demo_profiles, demo_codes):
    """Covered bases of 4,000 real bins for 122 features, and the features' widths."""
    profiles = list(build_profiles(demo_profiles, 0.8, 0.05))[::14]
    scanner = compile_scanner(profiles)
    codes = demo_codes[2_000_000:2_060_000]
    edges = np.arange(0, len(codes) + 1, 15)
    indptr, indices, counts = count_window(scanner, codes, edges)
    widths = np.append(np.repeat([p.width for p in profiles], 2), [1, 1])
    return csr_matrix((counts, indices, indptr), shape=(len(edges) - 1, len(widths))), widths


@pytest.fixture(scope="module")
def real_values(real_counts):
    """Feature values of the same bins."""
    counts, widths = real_counts
    values = counts.data.astype(np.float32) / widths[counts.indices]
    return csr_matrix((values, counts.indices, counts.indptr), shape=counts.shape)


def test_scores_equal_the_dense_definition_on_real_bins(real_values):
    ours = interdependence(real_values, workers=2)
    theirs = dense_ids(real_values.toarray().astype(np.float64), 5)
    # A float32 score is within 6e-8 of its float64 value.
    assert np.abs(ours - theirs).max() < 1e-7
    assert (theirs[np.triu_indices(len(theirs), 1)] > 0.3).any()
    for cut in (0.2, 0.38, 0.6):
        assert np.array_equal(cluster_features(ours, cut), cluster_features(theirs, cut))


def test_counts_and_widths_give_the_scores_of_their_quotients(real_counts, real_values):
    counts, widths = real_counts
    exact = interdependence(counts, widths=widths)
    assert np.abs(exact - interdependence(real_values)).max() < 1e-6
    wide = counts.astype(np.uint16)
    assert np.array_equal(exact, interdependence(wide, widths=widths, workers=2))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.integers(0, 8), density=st.floats(0.02, 0.9))
def test_scores_equal_the_dense_definition_on_random_rows(seed, order, density):
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 12, size=(60, 9)) / 10 * (rng.random((60, 9)) < density)
    dense[:, 0] = 0
    ours = interdependence(csr_matrix(dense), order)
    assert np.abs(ours - dense_ids(dense, order)).max() < 1e-6
    assert (ours[0, 1:] == 0).all()


def test_continuous_values_are_only_slower():
    dense = np.random.default_rng(3).gamma(1.0, 1.0, size=(300, 5))
    dense[:, 1] = dense[:, 0] ** 2
    ours = interdependence(csr_matrix(dense), 3)
    assert np.abs(ours - dense_ids(dense, 3)).max() < 1e-6


def test_threads_and_the_order_of_bins_change_no_bit(real_values):
    one = interdependence(real_values, workers=1)
    assert np.array_equal(one, interdependence(real_values, workers=3))
    shuffled = real_values[np.random.default_rng(0).permutation(real_values.shape[0])]
    assert np.array_equal(one, interdependence(shuffled, workers=2))
    assert np.array_equal(one, one.T)
    assert (np.diag(one) == 1).all()
    assert one.min() >= 0
    assert one.max() <= 1


def test_the_order_of_features_moves_only_their_rows(real_values):
    order = np.random.default_rng(1).permutation(real_values.shape[1])
    moved = interdependence(real_values[:, order])
    assert np.allclose(moved, interdependence(real_values)[np.ix_(order, order)], atol=2e-7)


def test_unsorted_doubled_and_zero_entries_are_understood():
    dense = np.array([[0.5, 0.2, 0.0], [0.0, 0.4, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.3]])
    indices = [1, 0, 0, 2, 1, 1, 0, 2, 1]
    data = [0.2, 0.25, 0.25, 1.0, 0.4, 0.0, 1.0, 0.3, 0.0]
    messy = csr_matrix((data, indices, [0, 3, 6, 7, 9]), shape=dense.shape)
    assert np.array_equal(interdependence(messy), interdependence(csr_matrix(dense)))


def test_doubled_counts_are_summed(real_counts):
    counts, widths = real_counts
    coo = counts.tocoo()
    half = coo.data // 2
    row = np.append(coo.row, coo.row)
    column = np.append(coo.col, coo.col)
    order = np.argsort(row, kind="stable")
    doubled = csr_matrix(
        (np.append(coo.data - half, half)[order], column[order],
         np.append(0, np.cumsum(np.bincount(row, minlength=counts.shape[0])))),
        shape=counts.shape,
    )
    assert doubled.nnz == 2 * counts.nnz
    assert np.array_equal(
        interdependence(doubled, widths=widths), interdependence(counts, widths=widths))


@pytest.mark.parametrize(
    ("counts", "widths", "says"),
    [
        (np.eye(3, dtype=np.uint8), [4, 5], "have 3 features and there are 2 widths"),
        (np.eye(3), [4, 5, 6], "expected whole numbers"),
        (-np.eye(3, dtype=np.int8), [4, 5, 6], "below 0"),
    ],
)
def test_counts_that_are_none_are_refused(counts, widths, says):
    with pytest.raises(StageError, match=says):
        interdependence(csr_matrix(counts), widths=np.array(widths))


def test_progress_ends_at_the_number_of_pairs(real_values):
    seen = []
    interdependence(real_values, progress=lambda *step: seen.append(step))
    n = real_values.shape[1]
    assert seen[-1][:2] == (n * (n - 1) / 2, n * (n - 1) / 2)


def test_functions_vanish_at_zero_and_match_the_formula():
    phi = hermite_functions(np.array([0.0, 0.5, 2.0]), 3)
    assert np.allclose(phi[0], 0)
    assert phi[2, 0] == pytest.approx(math.exp(-2) - 1)
    assert phi[2, 3] == pytest.approx(8 * math.exp(-2) / math.sqrt(6))


def test_too_few_bins_are_refused():
    with pytest.raises(StageError, match="at least two bins"):
        interdependence(csr_matrix(np.ones((1, 3))))


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_impossible_values_are_refused(value):
    with pytest.raises(StageError, match="values of 0 and above"):
        interdependence(csr_matrix(np.array([[1.0, value], [0.5, 1.0], [0.0, 0.0]])))


def test_single_linkage_is_dbscan_with_noise_as_own_clusters(real_values):
    from sklearn.cluster import DBSCAN
    from sklearn.metrics import adjusted_rand_score

    scores = interdependence(real_values)
    distance = np.clip(1 - scores.astype(np.float64), 0, None)
    for cut in (0.2, 0.38, 0.6):
        ours = cluster_features(scores, cut)
        theirs = DBSCAN(eps=cut, min_samples=2, metric="precomputed").fit_predict(distance)
        noise = theirs == -1
        theirs[noise] = theirs.max() + 1 + np.arange(noise.sum())
        assert adjusted_rand_score(ours, theirs) == 1
        assert len(np.unique(ours)) == len(np.unique(theirs))


def test_labels_are_numbered_by_first_member_and_counted_by_cut(real_values):
    scores = interdependence(real_values)
    labels = cluster_features(scores, 0.38)
    _, first = np.unique(labels, return_index=True)
    assert (np.diff(first) > 0).all()
    is_cpg = np.arange(len(scores)) >= len(scores) - 2
    counts = count_by_cut(scores, np.array([0.38, 0.6]), is_cpg)
    for linkage in ("single", "average", "complete"):
        for cut in (0.38, 0.6):
            expected = len(np.unique(cluster_features(scores, cut, linkage)))
            row = counts[(counts["linkage"] == linkage) & (counts["cut"] == cut)]
            assert row["n_clusters"].item() == expected
            without = np.unique(cluster_features(scores[:-2, :-2], cut, linkage))
            assert row["n_clusters_without_cpg"].item() == len(without)


def test_cluster_names_are_unique_and_say_the_strand():
    features = pd.DataFrame(
        {
            "profile_id": ["M1", "M1", "M2", "M2", "M3", "M3"],
            "tf": ["A", "A", "A", "A", "B", "B"],
            "strand": ["+", "-"] * 3,
        }
    )
    table = describe_clusters(features, np.array([0, 1, 2, 1, 3, 3]))
    assert table["label"].is_unique
    assert table["label"].tolist() == ["A (+) M1", "A (-)", "A (+) M2", "B"]
    assert table["strands"].tolist() == ["+", "-", "+", "+-"]
    assert table["n_features"].sum() == 6
    assert table["profile_ids"].tolist()[1] == ["M1", "M2"]


@pytest.mark.parametrize(
    ("scores", "linkage", "says"),
    [
        (np.ones((2, 3)), "single", "shape"),
        (np.array([[1, 0.5], [0.1, 1]]), "single", "symmetric"),
        (np.eye(3), "ward", "expected one of"),
    ],
)
def test_bad_scores_are_refused(scores, linkage, says):
    with pytest.raises(StageError, match=says):
        cluster_features(scores, 0.38, linkage)
