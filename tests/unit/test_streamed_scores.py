"""Scores over all bins: blocks, passes, executors and the dense path give what one sum gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from precompute.artefacts import RunFolder
from precompute.config import InterdependenceConfig
from precompute.execution import Threads
from precompute.interdependence import interdependence, sample_counts
from precompute.scores import moments_torch, streamed_scores
from precompute.scores.moments_torch import dense_scores
from precompute.scores.streamed_scores import (
    bin_blocks,
    count_bins,
    count_levels,
    exact_dense_scores,
    exact_scores,
    longest_bin,
    read_counts,
)
from precompute.scores.token_levels import split_levels
from precompute.token_store import TokenStore
from tests.courier import Courier
from tests.token_run import BINS, WIDTHS, write_store


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(streamed_scores, "BLOCK_BINS", 64)
    monkeypatch.setattr(streamed_scores, "GROUP_BLOCKS", 3)


def everything(run: RunFolder) -> csr_matrix:
    store = TokenStore(run)
    return vstack([store.counts(c, 0, store.n_bins(c)) for c in store.chroms], format="csr")


def silent(done, total):
    assert 0 < done <= total


def exact(run, execution, order=5, **changes):
    config = InterdependenceConfig(max_order=order).model_copy(update=changes)
    return exact_scores(run, config, execution, silent)


def test_one_block_gives_the_bits_of_the_bins_in_memory(run):
    assert np.array_equal(exact(run, Threads(2)), interdependence(everything(run), widths=WIDTHS))


def test_blocks_give_the_scores_of_one_sum(run, small_blocks):
    whole = interdependence(everything(run), widths=WIDTHS)
    assert np.abs(exact(run, Threads(1)) - whole).max() < 1e-6
    assert (whole[np.triu_indices(10, 1)] > 0.1).any()


@pytest.mark.parametrize("moments_mb", [1024, 0.02, 0.001])
@pytest.mark.parametrize("execution", [Threads(1), Threads(3), Courier(1), Courier(7)])
def test_threads_passes_and_a_cluster_change_no_bit(run, small_blocks, execution, moments_mb):
    expected = exact(run, Threads(2))
    assert np.array_equal(exact(run, execution, moments_mb=moments_mb), expected)
    if execution.is_distributed:
        groups = -(-sum(BINS.values()) // (64 * 3))
        assert execution.tasks % groups == 0
        assert execution.tasks >= 2 * execution.workers


def test_moments_at_a_time_stay_within_the_memory(run, small_blocks, monkeypatch):
    sizes = []
    original = streamed_scores.block_moments

    def watched(*args, **options):
        sizes.append(args[-1].nbytes)
        return original(*args, **options)

    monkeypatch.setattr(streamed_scores, "block_moments", watched)
    exact(run, Threads(1), moments_mb=0.01)
    assert max(sizes) <= 0.01 * 2**20 / 2
    assert len(set(sizes)) > 1


@pytest.mark.parametrize("block_bins", [7, 64, 431, 432, 10_000])
def test_blocks_tile_the_bins_in_order(run, block_bins):
    blocks = bin_blocks(run, block_bins)
    sizes = [sum(hi - lo for _, lo, hi in block) for block in blocks]
    assert set(sizes[:-1]) <= {block_bins}
    assert 0 < sizes[-1] <= block_bins
    rows = vstack([read_counts(run, block, 10) for block in blocks])
    assert (rows != everything(run)).nnz == 0


def test_bins_and_their_longest_are_those_of_the_store(run, monkeypatch):
    store = TokenStore(run)
    assert count_bins(run) == {c: store.n_bins(c) for c in store.chroms} == BINS
    longest = max(np.diff(store.edges(c)).max() for c in store.chroms)
    for size in (7, 50, 10_000):
        monkeypatch.setattr(streamed_scores, "BLOCK_BINS", size)
        assert longest_bin(run) == longest
    assert count_levels(run).value.max() == longest


def test_a_sample_holds_bins_of_the_store_once_and_in_order(run):
    rows, order = sample_counts(run, 300, np.random.default_rng(5))
    total = everything(run)
    chosen = np.sort(np.random.default_rng(5).choice(total.shape[0], size=300, replace=False))
    assert (rows != total[chosen]).nnz == 0
    assert np.array_equal(np.sort(order), np.arange(300))
    assert not np.array_equal(order, np.arange(300))
    assert sample_counts(run, 10_000, np.random.default_rng(5))[0].shape[0] == total.shape[0]


@pytest.mark.parametrize("order", [0, 5, 8])
def test_dense_products_agree_with_joint_counts(run, monkeypatch, order):
    # Several pieces of bins and several tiles of features.
    monkeypatch.setattr(moments_torch, "_DENSE_BINS", 100)
    monkeypatch.setattr(moments_torch, "_TILE_FEATURES", 4)
    counts = everything(run)
    ours = dense_scores(counts, count_levels(run), order, "cpu")
    assert ours.dtype == np.float32
    assert np.abs(ours - interdependence(counts, order, widths=WIDTHS)).max() < 1e-5
    assert np.array_equal(ours, ours.T)
    assert (np.diag(ours) == 1).all()


def test_dense_products_stream_too(run, small_blocks):
    dense = exact_dense_scores(run, InterdependenceConfig(), "cpu", silent)
    assert np.abs(dense - exact(run, Threads(1))).max() < 1e-5


def test_dense_products_take_any_values(run):
    values = everything(run).astype(np.float64)
    values.data /= WIDTHS[values.indices]
    levels, tokens = split_levels(values)
    assert np.abs(dense_scores(tokens, levels, 5, "cpu") - interdependence(values)).max() < 1e-5


def test_tf32_is_off_while_products_are_taken_and_restored(run, monkeypatch):
    import torch

    seen = []
    original = moments_torch.DenseMoments._dense

    def watched(self, tokens):
        seen.append(torch.backends.cuda.matmul.allow_tf32)
        return original(self, tokens)

    monkeypatch.setattr(moments_torch.DenseMoments, "_dense", watched)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        dense_scores(everything(run), count_levels(run), 5, "cpu")
        assert torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    assert seen == [False]
