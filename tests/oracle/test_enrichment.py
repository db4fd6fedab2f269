"""Prominent motifs against scipy: Mann-Whitney and false discovery rates, column by column."""

from __future__ import annotations

import numpy as np
import pandas as pd
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


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (1, 40), (30, 50), (100, 100), (160, 7)])
def test_two_groups_are_ranked_within_themselves(dense, n_a, n_b):
    order = np.random.default_rng(n_a + n_b).permutation(200)
    a, b = np.zeros((2, 200), dtype=bool)
    a[order[:n_a]], b[order[n_a : n_a + n_b]] = True, True
    table = RankedFeatures(csr_matrix(dense)).compare(a, b)
    for j in range(dense.shape[1]):
        first, second = dense[a, j], dense[b, j]
        assert table["mean_a"][j] == pytest.approx(first.mean(), abs=1e-12)
        assert table["mean_b"][j] == pytest.approx(second.mean(), abs=1e-12)
        ratio = np.log2((first.mean() + 1e-3) / (second.mean() + 1e-3))
        assert table["log2_ratio"][j] == pytest.approx(ratio, abs=1e-9)
        if np.ptp(dense[a | b, j]) == 0:
            assert (table["p_value"][j], table["auc"][j]) == (1, pytest.approx(0.5))
            continue
        wanted = mannwhitneyu(first, second, method="asymptotic", use_continuity=True)
        assert table["p_value"][j] == pytest.approx(min(1.0, wanted.pvalue), rel=1e-9)
        assert table["auc"][j] == pytest.approx(wanted.statistic / (n_a * n_b))
    np.testing.assert_allclose(table["q_value"], false_discovery_control(table["p_value"]))


def test_points_in_both_groups_count_for_neither(dense):
    ranked = RankedFeatures(csr_matrix(dense))
    a, b = np.arange(200) < 120, np.arange(200) >= 80
    expected = ranked.compare(np.arange(200) < 80, np.arange(200) >= 120)
    pd.testing.assert_frame_equal(ranked.compare(a, b), expected)


def test_against_all_others_it_is_the_enrichment(dense):
    ranked = RankedFeatures(csr_matrix(dense))
    members = np.random.default_rng(8).random(200) < 0.3
    against = ranked.compare(members, ~members)
    plain = ranked.enrich(members)
    np.testing.assert_array_equal(against.to_numpy(), plain.to_numpy())


def test_swapped_groups_turn_the_effect_round(dense):
    ranked = RankedFeatures(csr_matrix(dense))
    a, b = np.arange(200) < 60, np.arange(200) >= 90
    one, other = ranked.compare(a, b), ranked.compare(b, a)
    np.testing.assert_allclose(one["log2_ratio"], -other["log2_ratio"], atol=1e-12)
    np.testing.assert_allclose(one["auc"], 1 - other["auc"])
    np.testing.assert_allclose(one["p_value"], other["p_value"])


def test_groups_without_points_of_their_own_are_one_sentence(dense):
    ranked = RankedFeatures(csr_matrix(dense))
    a, nobody = np.arange(200) < 60, np.zeros(200, dtype=bool)
    for first, second in ((a, a), (a, nobody), (nobody, a), (a, np.arange(200) < 90)):
        with pytest.raises(StageError, match="tokens of their own"):
            ranked.compare(first, second)
