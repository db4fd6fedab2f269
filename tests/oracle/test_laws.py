"""The laws against samples with known exponents, hand-made texts and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import powerlaw
import pytest
from scipy.stats import kendalltau, spearmanr

from precompute.lexicon.block_counts import BlockWriter, count_ids, pool
from precompute.lexicon.laws import (
    find_laws,
    growth_grid,
    heaps_exponent,
    rank_correlations,
)
from precompute.lexicon.rank_laws import power_law, spectrum, tail_exponent

#: The package warns that the start of its search lies outside its bounds.
quiet = pytest.mark.filterwarnings("ignore:Initial guess")


def text_blocks(ids, n_blocks, lengths=None, is_known=None):
    """A text cut into equal blocks."""
    writer = BlockWriter()
    cuts = np.linspace(0, len(ids), n_blocks + 1).astype(int)
    for number, (a, b) in enumerate(itertools.pairwise(cuts)):
        writer.add(number, count_ids(
            ids[a:b], None if lengths is None else lengths[a:b],
            None if is_known is None else is_known[a:b]))
    return writer.close()


def zipf_text(rng, n, types=2_000, exponent=1.1):
    share = 1 / np.arange(1, types + 1) ** exponent
    return rng.choice(types, n, p=share / share.sum())


# -- the power law -----------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [1.7, 2.5, 3.6])
def test_a_sample_of_a_power_law_gives_its_exponent(exponent):
    rng = np.random.default_rng(4)
    frequency = rng.zipf(exponent, 8_000)
    found = power_law(np.minimum(frequency, 2**40), rng)
    error = (exponent - 1) / np.sqrt(found.tail_types)
    assert abs(found.exponent - exponent) < 4 * error
    assert found.ks < 0.05
    # A power law is not beaten by a log-normal.
    assert found.ratio > -2


def test_the_tail_is_found_where_the_power_law_begins():
    rng = np.random.default_rng(5)
    body, tail = rng.integers(1, 20, 3_000), 20 * (1 - rng.random(3_000)) ** (-1 / 1.2)
    found = power_law(np.concatenate([body, np.rint(tail)]).astype(np.int64), rng)
    assert 14 <= found.xmin <= 45
    assert found.exponent == pytest.approx(2.2, abs=0.12)


def test_a_log_normal_is_told_from_a_power_law():
    rng = np.random.default_rng(6)
    found = power_law(np.rint(np.exp(rng.normal(6, 0.5, 6_000))).astype(np.int64), rng)
    whole = power_law(np.rint(np.exp(rng.normal(4, 0.3, 49))).astype(np.int64), rng)
    assert found.ratio < 0
    assert np.isfinite(whole.exponent)


@quiet
def test_the_fast_estimate_is_the_package_s():
    rng = np.random.default_rng(7)
    frequency = rng.zipf(2.3, 5_000)
    for xmin in (1, 2, 6, 15):
        fit = powerlaw.Fit(frequency, discrete=True, xmin=xmin, estimate_discrete=False, verbose=0)
        assert tail_exponent(spectrum(frequency), xmin) == pytest.approx(
            fit.power_law.alpha, abs=2e-3)


@pytest.mark.parametrize("frequency", [[], [4], [3, 3, 3, 3], [0, 0]])
def test_no_tail_no_exponent(frequency):
    found = power_law(np.array(frequency, dtype=np.int64), np.random.default_rng(0))
    assert np.isnan(found.exponent)
    assert found.xmin == 0


def test_a_long_tail_is_drawn_from_and_says_so():
    rng = np.random.default_rng(8)
    found = power_law(rng.zipf(2.0, 60_000), rng)
    assert found.fitted_types == min(found.tail_types, 20_000)
    assert found.exponent == pytest.approx(2.0, abs=0.05)


# -- Heaps -------------------------------------------------------------------------------------


def test_growth_of_a_hand_made_text():
    #        new new     new             new
    ids = np.array([0, 1, 0, 2, 2, 1, 0, 3])
    pooled = pool(text_blocks(ids, 3), None, np.arange(1, 9))
    assert pooled.growth.tolist() == [1, 2, 2, 3, 3, 3, 3, 4]
    assert pooled.frequency.tolist() == [3, 2, 2, 1]
    again = pool(text_blocks(ids, 4), np.array([1, 3]), np.arange(1, 5))
    assert again.growth.tolist() == [1, 2, 2, 3]  # 0 2 0 3


def test_unknown_sequence_is_no_part_of_the_growth():
    ids = np.array([9, 9, 9, 1, 9, 2])
    is_known = np.array([False, False, False, True, True, True])
    pooled = pool(text_blocks(ids, 2, is_known=is_known), None, np.arange(1, 4))
    assert pooled.growth.tolist() == [1, 2, 3]
    assert pooled.frequency[9] == 4


@pytest.mark.parametrize("beta", [0.5, 0.8, 1.0])
def test_a_text_that_grows_as_a_power_has_that_exponent(beta):
    n = np.arange(1, 50_001)
    types = np.floor(n**beta).astype(int)
    is_new = np.diff(types, prepend=0) > 0
    ids = np.where(is_new, types, 1)
    laws = find_laws(text_blocks(ids, 10), np.arange(60_000), np.random.default_rng(0), 0)
    # Numbers of types are whole, which bends the beginning of the curve a little.
    assert laws.heaps.value == pytest.approx(beta, abs=0.01)
    assert laws.heaps_from == 50
    assert np.isnan(laws.heaps.low)


def test_a_closed_vocabulary_stops_growing():
    ids = np.tile(np.arange(4), 5_000)
    laws = find_laws(text_blocks(ids, 10), np.ones(4), np.random.default_rng(0), 20)
    assert laws.heaps.value == pytest.approx(0, abs=1e-12)
    assert np.isnan(laws.kendall.value)
    assert np.isnan(laws.exponent.value)
    assert heaps_exponent(growth_grid(0), np.empty(0), 1) != heaps_exponent(
        growth_grid(0), np.empty(0), 1)


# -- abbreviation ------------------------------------------------------------------------------


def test_abbreviation_is_scipy_s_over_types_seen_three_times():
    rng = np.random.default_rng(9)
    ids = zipf_text(rng, 30_000)
    length_of = rng.integers(4, 9, 2_000) + np.arange(2_000) // 300
    frequency = np.bincount(ids, minlength=2_000)
    kept = frequency >= 3
    laws = find_laws(text_blocks(ids, 12), length_of, np.random.default_rng(0), 40)
    assert laws.abbreviation_types == kept.sum()
    assert laws.kendall.value == pytest.approx(
        kendalltau(length_of[kept], frequency[kept]).statistic)
    assert laws.spearman.value == pytest.approx(
        spearmanr(length_of[kept], frequency[kept]).statistic)
    assert laws.kendall.low < laws.kendall.value < laws.kendall.high < 0
    assert rank_correlations(np.ones(5), np.arange(5)) != rank_correlations(
        np.arange(5.0), np.arange(5))


def test_lengths_that_differ_within_a_type_are_averaged():
    ids = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2])
    lengths = np.array([10, 12, 14, 20, 20, 20, 5, 5, 5, 9])
    laws = find_laws(text_blocks(ids, 2, lengths), None, np.random.default_rng(0), 0)
    assert laws.length_bp.tolist() == [12, 20, 6]
    assert laws.length_frequency.tolist() == [3, 3, 4]


# -- intervals ---------------------------------------------------------------------------------


def test_intervals_hold_the_spread_of_independent_texts():
    """Texts drawn anew scatter as the interval of one of them says."""
    values, widths = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        blocks = text_blocks(zipf_text(rng, 10_000, 600), 40)
        laws = find_laws(blocks, np.ones(600), np.random.default_rng(0), 40)
        found = (laws.r["seen3"], laws.heaps)
        values.append([estimate.value for estimate in found])
        widths.append([estimate.high - estimate.low for estimate in found])
    spread = 2 * 1.96 * np.std(values, axis=0, ddof=1)
    ratio = np.mean(widths, axis=0) / spread
    assert (ratio > 0.55).all()
    assert (ratio < 1.8).all()


def test_the_same_seed_gives_the_same_laws_with_any_number_of_workers():
    blocks = text_blocks(zipf_text(np.random.default_rng(1), 5_000), 16)
    one, two = (
        find_laws(blocks, np.ones(2_000), np.random.default_rng(3), 20, workers)
        for workers in (1, 3)
    )
    assert repr(one) == repr(two)


def test_too_few_blocks_have_no_interval():
    blocks = text_blocks(zipf_text(np.random.default_rng(1), 900), 4)
    laws = find_laws(blocks, np.ones(2_000), np.random.default_rng(3), 20)
    assert np.isnan(laws.r["all"].low)
    assert np.isfinite(laws.r["all"].value)
