"""Joint counts and moments: blocks, stripes, threads and layouts against plain sums."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from precompute.scores.moments import (
    Spread,
    block_moments,
    block_scores,
    combine,
    feature_stripes,
    fill_scores,
    hermite_functions,
    pairs_before,
)
from precompute.scores.token_levels import Levels, TokenBlock, level_counts, split_levels


def random_counts(seed: int, n_bins: int = 200, n_features: int = 13, density: float = 0.3):
    rng = np.random.default_rng(seed)
    present = rng.random((n_bins, n_features)) < density
    counts = rng.integers(1, 9, size=present.shape) * present
    counts[:, 3] = 0
    widths = rng.integers(4, 12, size=n_features)
    return csr_matrix(counts.astype(np.uint8)), Levels.of_counts(widths, 8), widths


def plain_moments(tokens: csr_matrix, widths, max_order: int) -> np.ndarray:
    dense = tokens.toarray() / widths
    phi = hermite_functions(dense.ravel(), max_order).reshape(*dense.shape, -1)
    full = np.einsum("bin,bjm->ijnm", phi, phi)
    return full[np.triu_indices(dense.shape[1], 1)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), order=st.integers(0, 8), density=st.floats(0.0, 1.0))
def test_moments_are_plain_sums(seed, order, density):
    tokens, levels, widths = random_counts(seed, 50, 7, density)
    ours = block_moments(TokenBlock.of(tokens, levels), levels, order, 0, 7)
    assert np.allclose(ours, plain_moments(tokens, widths, order), rtol=1e-12, atol=1e-12)


def test_stripes_and_threads_give_the_same_bits():
    tokens, levels, _ = random_counts(1, n_features=50)
    block = TokenBlock.of(tokens, levels)
    whole = block_moments(block, levels, 5, 0, 50)
    for bounds in ([0, 50], [0, 1, 50], [0, 17, 18, 33, 49, 50]):
        parts = [
            block_moments(block, levels, 5, first, last, workers=3)
            for first, last in itertools.pairwise(bounds)
        ]
        assert np.array_equal(np.concatenate(parts), whole)


def test_adding_in_place_is_combining():
    tokens, levels, _ = random_counts(2)
    blocks = [TokenBlock.of(tokens[lo : lo + 60], levels) for lo in range(0, 200, 60)]
    parts = [block_moments(block, levels, 5, 2, 11) for block in blocks]
    total = np.zeros_like(parts[0])
    for block in blocks:
        assert block_moments(block, levels, 5, 2, 11, 2, total, add=True) is total
    assert np.array_equal(total, combine(part.copy() for part in parts))
    block_moments(blocks[1], levels, 5, 2, 11, out=total)
    assert np.array_equal(total, parts[1])
    total = combine(parts)
    whole = block_moments(TokenBlock.of(tokens, levels), levels, 5, 2, 11)
    assert np.allclose(total, whole, rtol=1e-12, atol=1e-12)


def test_pairs_are_numbered_by_first_then_second_feature():
    pairs = np.transpose(np.triu_indices(9, 1))
    for feature in range(10):
        assert pairs_before(feature, 9) == (pairs[:, 0] < feature).sum()


@pytest.mark.parametrize("most_bytes", [0, 5_000, 20_000, 1e9])
def test_stripes_tile_the_features_and_keep_to_the_memory(most_bytes):
    n, pair_bytes = 40, 8 * 36
    stripes = feature_stripes(n, 5, most_bytes)
    assert stripes[0][0] == 0
    assert stripes[-1][1] == n
    assert all(a[1] == b[0] for a, b in itertools.pairwise(stripes))
    for first, last in stripes:
        assert last > first
        size = (pairs_before(last, n) - pairs_before(first, n)) * pair_bytes
        assert size <= most_bytes or last - first == 1
    assert len(feature_stripes(n, 5, 1e9)) == 1


def test_spread_is_the_mean_and_deviation_of_the_functions():
    tokens, levels, widths = random_counts(4)
    spread = Spread.of(level_counts(tokens, levels), levels, 5, tokens.shape[0])
    phi = hermite_functions((tokens.toarray() / widths).ravel()).reshape(*tokens.shape, 6)
    assert np.allclose(spread.mean, phi.mean(axis=0))
    deviation = phi.std(axis=0)
    assert np.allclose(spread.scale[deviation > 0] * deviation[deviation > 0], 1)
    assert (spread.scale[3] == 0).all()
    of_block = Spread.of_block(TokenBlock.of(tokens, levels), levels, 5)
    assert np.array_equal(spread.scale, of_block.scale)


def test_scores_are_the_largest_correlations_of_the_moments():
    tokens, levels, widths = random_counts(5, n_features=6)
    block = TokenBlock.of(tokens, levels)
    phi = hermite_functions((tokens.toarray() / widths).ravel()).reshape(-1, 6, 6)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.corrcoef(phi.reshape(len(phi), 36).T)
    expected = np.nan_to_num(np.abs(r)).reshape(6, 6, 6, 6).max(axis=(1, 3))
    np.fill_diagonal(expected, 1)
    assert np.allclose(block_scores(block, levels, 5), expected, atol=1e-6)
    scores = np.eye(6, dtype=np.float32)
    spread = Spread.of_block(block, levels, 5)
    for first, last in ((0, 2), (2, 6)):
        moments = block_moments(block, levels, 5, first, last)
        fill_scores(moments, spread, first, last, scores, workers=2)
    assert np.array_equal(scores, block_scores(block, levels, 5, workers=2))


def test_more_items_than_16_bits_hold():
    """Many distinct values take wide numbers and several fillings of the table of counts."""
    n = 23_000
    rng = np.random.default_rng(6)
    first = rng.permutation(n) + 1.0
    dense = np.stack([first, rng.permutation(n) + 1.0, n + 1 - first], axis=1) / n
    levels, tokens = split_levels(csr_matrix(dense))
    block = TokenBlock.of(tokens, levels)
    assert block.bin_items.dtype == np.uint32
    moments = block_moments(block, levels, 0, 0, 3)[:, 0, 0]
    phi = np.exp(-(dense**2) / 2) - 1
    expected = [phi[:, 0] @ phi[:, 1], phi[:, 0] @ phi[:, 2], phi[:, 1] @ phi[:, 2]]
    assert np.allclose(moments, expected, rtol=1e-10)


def test_levels_of_counts_are_quotients():
    levels = Levels.of_counts(np.array([4, 1]), 3)
    assert levels.n_features == 2
    assert levels.value.tolist() == [0, 0.25, 0.5, 0.75, 0, 1, 2, 3]
    assert levels.first.tolist() == [0, 4, 8]


def test_split_levels_gives_back_the_values():
    tokens, _, widths = random_counts(7)
    values = csr_matrix(tokens.toarray() / widths)
    levels, numbered = split_levels(values)
    back = levels.value[levels.first[numbered.indices] + numbered.data]
    assert np.array_equal(back, values.data)
    for f in range(values.shape[1]):
        mine = levels.value[levels.first[f] : levels.first[f + 1]]
        assert np.array_equal(mine, np.unique(values[:, f].data))


def test_rotation_rolls_each_feature_by_its_own_amount():
    tokens, levels, _ = random_counts(8)
    shifts = np.random.default_rng(0).integers(0, 200, size=13)
    rolled = np.stack(
        [np.roll(column, shift) for column, shift in zip(tokens.toarray().T, shifts, strict=True)],
        axis=1,
    )
    ours = TokenBlock.of(tokens, levels).rotated(shifts)
    theirs = TokenBlock.of(csr_matrix(rolled), levels)
    assert np.array_equal(ours.bin_first, theirs.bin_first)
    assert np.array_equal(ours.bin_items, theirs.bin_items)
    assert np.array_equal(block_scores(ours, levels, 5), block_scores(theirs, levels, 5))
    # Rotated further, it is rotated by the sum.
    back = ours.rotated((200 - shifts) % 200)
    assert np.array_equal(back.bin_items, TokenBlock.of(tokens, levels).bin_items)


def test_what_travels_between_processes_can_be_pickled():
    tokens, levels, _ = random_counts(9)
    block, levels_again, function = pickle.loads(
        pickle.dumps((TokenBlock.of(tokens, levels), levels, block_moments))
    )
    assert np.array_equal(
        function(block, levels_again, 5, 0, 13),
        block_moments(TokenBlock.of(tokens, levels), levels, 5, 0, 13),
    )
