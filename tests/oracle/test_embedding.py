"""PCA against scikit-learn's, selection by its rules, layouts that keep planted groups together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import random as random_sparse
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from precompute.config import EmbeddingConfig
from precompute.embedding.layout import tsne_layout, umap_layout
from precompute.embedding.pca import sparse_pca, standardize
from precompute.embedding.selection import select_points
from precompute.errors import StageError


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


def select(**changes):
    frequency = np.array([40, 30, 20, 10, 2])
    word = np.repeat(np.arange(5, dtype=np.int32), frequency)
    values = {"min_frequency": 5, "max_frequency": 30, "max_points": 1000, "least": 3, **changes}
    empty = np.array([False, False, True, False, False])
    return word, select_points(word, frequency, empty, **values, rng=np.random.default_rng(0))


def test_floor_ceiling_and_the_empty_word_decide_who_is_on_the_map():
    word, (chosen, candidates) = select()
    assert candidates == 40
    assert sorted(set(word[chosen].tolist())) == [1, 3]
    assert len(chosen) == 40
    _, (few, candidates) = select(max_points=7)
    assert len(few) == 7
    assert candidates == 40
    assert (np.diff(few) > 0).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"min_frequency": 500}, "most frequent one occurs 40 times"), ({"least": 41}, "at least 41")],
)
def test_too_little_to_lay_out_says_what_to_lower(changes, says):
    with pytest.raises(StageError, match=says) as caught:
        select(**{"max_frequency": 1000, **changes} if "least" not in changes else changes)
    assert "lower embedding.min_frequency" in str(caught.value)


@pytest.fixture(scope="module")
def groups():
    rng = np.random.default_rng(3)
    label = np.repeat(np.arange(4), 60)
    centres = np.linalg.qr(rng.normal(size=(12, 4)))[0].T * 3
    return standardize(centres[label] + 0.4 * rng.normal(size=(240, 12))), label


def test_layouts_keep_groups_and_neighbours_and_repeat_with_their_seed(groups):
    scaled, label = groups
    config = EmbeddingConfig(umap_neighbors=15, tsne_perplexity=15)
    umap = umap_layout(scaled, config, seed=1)
    tsne = tsne_layout(scaled, umap, config, seed=1, workers=2)
    for layout in (umap, tsne):
        assert layout.dtype == np.float32
        assert trustworthiness(scaled, layout, n_neighbors=10, metric="cosine") > 0.9
        distance = np.linalg.norm(layout[:, None] - layout[None], axis=2)
        np.fill_diagonal(distance, np.inf)
        nearest = distance.argsort(axis=1)[:, :10]
        assert (label[nearest] == label[:, None]).mean() > 0.95
    assert np.array_equal(umap, umap_layout(scaled, config, seed=1))
    assert np.array_equal(tsne, tsne_layout(scaled, umap, config, seed=1, workers=2))
