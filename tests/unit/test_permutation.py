"""p-values by rotation: against rolled columns, calibration, power, and why not shuffling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from precompute.interdependence import interdependence
from precompute.scores.permutation import permutation_tests
from precompute.scores.token_levels import Levels, TokenBlock


def rotated_tests(counts: np.ndarray, permutations: int, seed: int = 0, order: int = 2, workers=1):
    rows = csr_matrix(counts.astype(np.uint8))
    levels = Levels.of_counts(np.full(counts.shape[1], 5), int(counts.max()))
    rng = np.random.default_rng(seed)
    block = TokenBlock.of(rows, levels)
    return permutation_tests(block, levels, order, permutations, rng, workers)


def upper(matrix: np.ndarray) -> np.ndarray:
    return matrix[np.triu_indices(len(matrix), 1)]


def stretches(rng, n_bins: int, n_features: int, mean_length: float) -> np.ndarray:
    """Independent features, each alike over about ``mean_length`` bins."""
    columns = []
    for _ in range(n_features):
        change = rng.random(n_bins) < 1 / mean_length
        state = rng.integers(0, 4, size=n_bins)[np.maximum.accumulate(
            np.where(change, np.arange(n_bins), 0))]
        columns.append(np.where(state < 2, 0, state))
    return np.stack(columns, axis=1)


def test_p_values_are_counted_from_rolled_columns():
    rng = np.random.default_rng(2)
    counts = rng.integers(0, 4, size=(60, 6)) * (rng.random((60, 6)) < 0.4)
    counts[:, 1] = np.maximum(counts[:, 0], counts[:, 1])
    widths = np.full(6, 5)
    observed = interdependence(csr_matrix(counts), 2, widths=widths)
    shifts = np.random.default_rng(7)
    reached = np.zeros((6, 6), dtype=int)
    for _ in range(19):
        by = shifts.integers(0, 60, size=6)
        rolled = np.stack([np.roll(counts[:, f], by[f]) for f in range(6)], axis=1)
        reached += interdependence(csr_matrix(rolled), 2, widths=widths) >= observed - 1e-6
    tests = rotated_tests(counts, 19, seed=7)
    assert np.allclose(upper(tests.p_values), upper((1 + reached) / 20))
    assert np.array_equal(tests.p_values, tests.p_values.T)
    assert (np.diag(tests.p_values) == 1).all()
    assert tests.n_tested == 15


def test_q_values_are_those_of_benjamini_and_hochberg():
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 4, size=(80, 7)) * (rng.random((80, 7)) < 0.5)
    counts[:, 2] = counts[:, 5]
    tests = rotated_tests(counts, 49)
    p = upper(tests.p_values).astype(np.float64)
    order = np.argsort(p)
    stepped = p[order] * len(p) / np.arange(1, len(p) + 1)
    expected = np.empty(len(p))
    expected[order] = np.minimum(1, np.minimum.accumulate(stepped[::-1])[::-1])
    assert np.allclose(upper(tests.q_values), expected, rtol=1e-5)
    assert np.array_equal(tests.q_values, tests.q_values.T)


def test_independent_features_give_uniform_p_values():
    p = np.concatenate([
        upper(rotated_tests(rng.integers(1, 4, size=(300, 8)) * (rng.random((300, 8)) < 0.3),
                       39, seed).p_values)
        for seed in range(12) for rng in [np.random.default_rng(100 + seed)]
    ])
    # 336 pairs; by chance the share below 0.1, 0.5 is off by 0.02, 0.03 in a standard deviation.
    assert abs((p <= 0.1).mean() - 0.1) < 0.06
    assert abs((p <= 0.5).mean() - 0.5) < 0.1
    assert p.min() >= 1 / 40


def test_features_alike_over_many_bins_need_rotation_not_shuffling():
    rotated, shuffled = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        counts = stretches(rng, 600, 6, mean_length=40)
        rotated.append(upper(rotated_tests(counts, 39, seed).p_values))
        observed = interdependence(csr_matrix(counts), 2, widths=np.full(6, 5))
        reached = np.zeros((6, 6))
        for _ in range(39):
            mixed = np.stack([rng.permutation(column) for column in counts.T], axis=1)
            reached += interdependence(csr_matrix(mixed), 2, widths=np.full(6, 5)) >= observed
        shuffled.append(upper((1 + reached) / 40))
    assert (np.concatenate(shuffled) <= 0.05).mean() > 0.4
    assert (np.concatenate(rotated) <= 0.05).mean() < 0.15


def test_dependent_features_are_found_and_no_others():
    rng = np.random.default_rng(11)
    counts = rng.integers(1, 5, size=(800, 10)) * (rng.random((800, 10)) < 0.25)
    for leader, follower in ((0, 1), (2, 3), (4, 5)):
        follows = rng.random(800) < 0.6
        counts[follows, follower] = counts[follows, leader]
    tests = rotated_tests(counts, 199)
    found = {tuple(map(int, pair)) for pair in np.argwhere(np.triu(tests.q_values <= 0.1, 1))}
    assert {(0, 1), (2, 3), (4, 5)} <= found
    assert len(found) <= 5
    assert tests.p_values[0, 1] == np.float32(1 / 200)


def test_constant_features_are_not_tested():
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 4, size=(50, 4))
    counts[:, 1] = 0
    counts[:, 2] = 3
    tests = rotated_tests(counts, 9)
    assert tests.n_tested == 1
    assert (tests.p_values[[1, 2]] == 1).all()
    assert (tests.q_values[[1, 2]] == 1).all()
    nothing = rotated_tests(np.zeros((50, 3)), 9)
    assert nothing.n_tested == 0
    assert (nothing.p_values == 1).all()


def test_equal_scores_in_another_alignment_count_against_the_observed():
    """Two features in one bin each meet by chance once in n rotations, and never twice better."""
    counts = np.zeros((20, 2))
    counts[3, 0] = counts[9, 1] = 2
    # They do not meet, and nor do they in about 19 of 20 rotations.
    assert rotated_tests(counts, 99).p_values[0, 1] > 0.9


@pytest.mark.parametrize("workers", [1, 3])
def test_the_seed_decides_and_threads_do_not(workers):
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 4, size=(120, 20)) * (rng.random((120, 20)) < 0.4)
    one = rotated_tests(counts, 9, seed=5)
    again = rotated_tests(counts, 9, seed=5, workers=workers)
    assert np.array_equal(one.p_values, again.p_values)
    assert not np.array_equal(one.p_values, rotated_tests(counts, 9, seed=6).p_values)
