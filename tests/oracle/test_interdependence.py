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
from precompute.interdependence import hermite_functions, interdependence
from precompute.motif_clusters import cluster_features, count_by_cut, describe_clusters
from precompute.motifs import build_profiles
from precompute.scan import compile_scanner, count_window


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
def real_values(demo_profiles, demo_codes):
    """Feature values of about 4,000 real bins for 120 motif features."""
    profiles = list(build_profiles(demo_profiles, 0.8, 0.05))[::14]
    scanner = compile_scanner(profiles)
    codes = demo_codes[2_000_000:2_060_000]
    edges = np.arange(0, len(codes) + 1, 15)
    indptr, indices, counts = count_window(scanner, codes, edges)
    width = np.append(np.repeat([p.width for p in profiles], 2), [1, 1])
    values = counts.astype(np.float32) / width[indices]
    return csr_matrix((values, indices, indptr), shape=(len(edges) - 1, len(width)))


def test_scores_equal_the_dense_definition_on_real_bins(real_values):
    ours = interdependence(real_values, workers=2)
    theirs = dense_ids(real_values.toarray().astype(np.float64), 5)
    assert np.abs(ours - theirs).max() < 1e-5
    assert (theirs[np.triu_indices(len(theirs), 1)] > 0.3).any()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), order=st.integers(0, 5), density=st.floats(0.02, 0.9))
def test_scores_equal_the_dense_definition_on_random_rows(seed, order, density):
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 12, size=(60, 9)) / 10 * (rng.random((60, 9)) < density)
    dense[:, 0] = 0
    ours = interdependence(csr_matrix(dense), order)
    assert np.abs(ours - dense_ids(dense, order)).max() < 1e-5
    assert (ours[0, 1:] == 0).all()


def test_threads_and_row_order_change_nothing_that_matters(real_values):
    one = interdependence(real_values, workers=1)
    assert np.array_equal(one, interdependence(real_values, workers=3))
    shuffled = real_values[np.random.default_rng(0).permutation(real_values.shape[0])]
    assert np.allclose(one, interdependence(shuffled), atol=1e-6)
    assert np.array_equal(one, one.T)
    assert (np.diag(one) == 1).all()
    assert one.min() >= 0
    assert one.max() <= 1


def test_functions_vanish_at_zero_and_match_the_formula():
    phi = hermite_functions(np.array([0.0, 0.5, 2.0]), 3)
    assert np.allclose(phi[0], 0)
    assert phi[2, 0] == pytest.approx(math.exp(-2) - 1)
    assert phi[2, 3] == pytest.approx(8 * math.exp(-2) / math.sqrt(6))


def test_too_few_bins_are_refused():
    with pytest.raises(StageError, match="at least two bins"):
        interdependence(csr_matrix(np.ones((1, 3))))


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
    counts = count_by_cut(scores, np.array([0.38, 0.6]))
    for linkage in ("single", "average", "complete"):
        for cut in (0.38, 0.6):
            expected = len(np.unique(cluster_features(scores, cut, linkage)))
            row = counts[(counts["linkage"] == linkage) & (counts["cut"] == cut)]
            assert row["n_clusters"].item() == expected


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
