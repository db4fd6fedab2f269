"""Bins and tokens: they tile, they sum, and windows and threads change nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from precompute.bin_edges import cut_long_bins, find_edges
from precompute.config import BinConfig
from precompute.depth import motif_depth
from precompute.errors import StageError
from precompute.motifs import build_profiles
from precompute.scan import compile_scanner
from precompute.streaming import in_order, windows, with_halo
from precompute.tokens import bin_blocks, count_bins


@pytest.fixture(scope="module")
def scanner(demo_profiles):
    return compile_scanner(build_profiles(demo_profiles, 0.8, 0.05))


@pytest.fixture(scope="module")
def stretch(demo_codes):
    """120 kb that begins in the N at the chromosome's start."""
    return demo_codes[40_000:160_000]


@pytest.fixture(scope="module")
def depth(scanner, stretch):
    return motif_depth(stretch, scanner, window_bp=len(stretch))


@settings(max_examples=60, deadline=None)
@given(depth=hnp.arrays(np.uint16, st.integers(1, 600), elements=st.integers(0, 80)))
def test_bins_tile_any_curve(depth):
    edges, long_share = find_edges(depth)
    assert edges[0] == 0
    assert edges[-1] == len(depth)
    assert (np.diff(edges) > 0).all()
    assert (np.diff(edges) <= 50).all()
    assert 0 <= long_share <= 1


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 400), min_size=1, max_size=30),
    longest=st.integers(2, 80),
    every=st.integers(1, 80),
)
def test_long_bins_are_cut_and_others_left_alone(lengths, longest, every):
    edges = np.concatenate([[0], np.cumsum(lengths)])
    config = BinConfig(max_bin_bp=longest, cut_every_bp=every)
    expected = [0]
    for a, b in itertools.pairwise(edges):
        if b - a > longest:
            expected += list(range(int(a) + every, int(b), every))
        expected.append(int(b))
    assert cut_long_bins(edges, config).tolist() == expected


def test_edges_are_the_half_prominence_flanks_of_a_plain_hill():
    x = np.arange(200)
    curve = np.rint(60 * np.exp(-(((x - 100) / 20.0) ** 2))).astype(np.uint16)
    edges, _ = find_edges(curve, BinConfig(max_bin_bp=200, cut_every_bp=100))
    half_width = 20 * np.sqrt(np.log(2))
    assert len(edges) == 4
    assert abs(edges[1] - (100 - half_width)) < 2
    assert abs(edges[2] - (100 + half_width)) < 2


def test_empty_curve_is_an_error():
    with pytest.raises(StageError, match="empty"):
        find_edges(np.empty(0, dtype=np.uint16))


@pytest.mark.parametrize("window_bp", [997, 10_000, 33_333])
def test_depth_does_not_depend_on_the_window(scanner, stretch, depth, window_bp):
    assert np.array_equal(motif_depth(stretch, scanner, window_bp), depth)


@pytest.mark.parametrize(("window_bp", "workers"), [(1_000, 1), (7_777, 2), (50_000, 3)])
def test_tokens_do_not_depend_on_blocks_or_threads(scanner, stretch, depth, window_bp, workers):
    edges = find_edges(depth)[0].astype(np.int64)
    whole = count_bins(scanner, stretch, edges, 0, len(edges) - 1)
    blocks = bin_blocks(edges, window_bp)
    assert blocks[0][0] == 0
    assert blocks[-1][1] == len(edges) - 1
    parts = [
        part
        for _, part in in_order(
            lambda span: count_bins(scanner, stretch, edges, *span), blocks, workers
        )
    ]
    assert np.array_equal(np.concatenate([p.indices for p in parts]), whole.indices)
    assert np.array_equal(np.concatenate([p.counts for p in parts]), whole.counts)
    assert np.array_equal(
        np.concatenate([np.diff(p.indptr) for p in parts]), np.diff(whole.indptr)
    )


def test_counts_sum_to_the_bases_each_feature_covers(scanner, stretch, depth):
    edges = find_edges(depth)[0].astype(np.int64)
    whole = count_bins(scanner, stretch, edges, 0, len(edges) - 1)
    motif = whole.indices < len(scanner.width)
    # Summed over features and bins, covered bases are the area under the depth curve.
    assert whole.counts[motif].sum(dtype=np.int64) == depth.sum(dtype=np.int64)
    assert whole.counts.max() <= np.diff(edges).max()
    assert (np.diff(whole.indptr) == 0).any(), "bins on N hold no motif"


def test_one_isolated_hit_sums_to_one_over_the_bins_it_spans(demo_profiles):
    profile = next(p for p in build_profiles(demo_profiles, 0.8, 0.05) if p.tf == "CTCF")
    scanner = compile_scanner([profile])
    site = profile.counts.argmax(axis=1).astype(np.uint8)
    codes = np.concatenate([np.full(40, 4, np.uint8), site, np.full(40, 4, np.uint8)])
    edges = np.array([0, 43, 44, 51, len(codes)])
    tokens = count_bins(scanner, codes, edges, 0, len(edges) - 1)
    assert tokens.counts[tokens.indices == 0].sum() == profile.width


def test_windows_tile_and_halo_stays_inside():
    assert windows(10, 4) == [(0, 4), (4, 8), (8, 10)]
    codes = np.arange(10, dtype=np.uint8)
    view, offset = with_halo(codes, 4, 6, 3)
    assert view.tolist() == list(range(1, 9))
    assert view[offset] == 4
    view, offset = with_halo(codes, 0, 10, 50)
    assert (len(view), offset) == (10, 0)


def test_in_order_keeps_the_order_and_passes_errors_on():
    import time

    def slow_first(item: int) -> int:
        time.sleep(0.05 if item == 0 else 0)
        if item == 7:
            raise ValueError("seven")
        return item * item

    assert [r for _, r in in_order(slow_first, range(6), 3)] == [0, 1, 4, 9, 16, 25]
    with pytest.raises(ValueError, match="seven"):
        list(in_order(slow_first, range(20), 3))
