"""Prominent motifs against scipy: Mann-Whitney and false discovery rates, column by column."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import false_discovery_control, mannwhitneyu

from precompute.enrichment import RankedFeatures, benjamini_hochberg
from precompute.errors import StageError


@pytest.fixture(scope="module")
def dense():
    """Columns of many kinds: sparse with ties, dense, constant, empty, a single value."""
    rng = np.random.default_rng(4)
    x = rng.integers(0, 4, (200, 9)) / 7.0
    x[rng.random(x.shape) < 0.7] = 0
    x[:, 3] = rng.random(200)
    x[:, 4] = 0
    x[:, 5] = 0.25
    x[:, 6] = 0
    x[17, 6] = 1.0
    return x


@pytest.mark.parametrize("n_in", [1, 7, 60, 199])
def test_it_is_the_mann_whitney_test_with_ties_and_continuity(dense, n_in):
    members = np.zeros(200, dtype=bool)
    members[np.random.default_rng(n_in).choice(200, n_in, replace=False)] = True
    table = RankedFeatures(csr_matrix(dense)).enrich(members)
    for j in range(dense.shape[1]):
        inside, outside = dense[members, j], dense[~members, j]
        assert table["mean_in"][j] == pytest.approx(inside.mean())
        assert table["mean_out"][j] == pytest.approx(outside.mean(), abs=1e-12)
        if np.ptp(dense[:, j]) == 0:
            assert table["p_value"][j] == 1
            assert table["auc"][j] == pytest.approx(0.5)
            continue
        wanted = mannwhitneyu(inside, outside, method="asymptotic", use_continuity=True)
        assert table["p_value"][j] == pytest.approx(wanted.pvalue, rel=1e-9)
        assert table["auc"][j] == pytest.approx(wanted.statistic / (n_in * (200 - n_in)))


def test_q_values_are_benjamini_hochbergs():
    p = np.random.default_rng(1).random(300) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), rtol=1e-12)
    assert benjamini_hochberg(np.array([0.5])).tolist() == [0.5]


def test_a_strong_difference_is_small_but_never_zero():
    x = np.zeros((40_000, 1))
    x[:20_000] = 1 + np.arange(20_000)[:, None] / 1e6
    members = np.arange(40_000) < 20_000
    table = RankedFeatures(csr_matrix(x)).enrich(members)
    assert 0 < table["p_value"][0] <= 1e-290
    assert table["auc"][0] == 1


@pytest.mark.parametrize("members", [np.zeros(200, dtype=bool), np.ones(200, dtype=bool)])
def test_nobody_or_everybody_is_one_sentence(dense, members):
    with pytest.raises(StageError, match="choose some but not all"):
        RankedFeatures(csr_matrix(dense)).enrich(members)
