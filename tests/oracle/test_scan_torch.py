"""The torch scanner gives the integers of the compiled scanner, on real sequence and on corners."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from precompute.artefacts import RunFolder
from precompute.config import MotifConfig
from precompute.errors import ConfigError
from precompute.motifs import build_profiles
from precompute.occupancy import ScannedOccupancy
from precompute.scan import compile_scanner, count_window, depth_window
from precompute.scan_torch import TorchScanner


@pytest.fixture(scope="module")
def profiles(demo_profiles):
    # The widest and the narrowest, and some of every kind between.
    every = sorted(build_profiles(demo_profiles, 0.8, 0.05), key=lambda p: p.width)
    return every[:5] + every[100:800:40] + every[-5:]


@pytest.fixture(scope="module")
def both(profiles):
    return compile_scanner(profiles), TorchScanner(profiles, "cpu")


@pytest.fixture(scope="module")
def sequence(demo_codes):
    """Real sequence with the telomere's end, and N strewn in."""
    codes = demo_codes[59_000:100_000].copy()
    codes[np.random.default_rng(0).integers(2_000, len(codes), 60)] = 4
    codes[20_000:20_400] = 4
    return codes


def test_depth_is_the_same(both, sequence):
    numba, on_torch = both
    whole = depth_window(numba, sequence, 0, len(sequence))
    assert whole.max() > 5
    assert np.array_equal(on_torch.depth_window(sequence, 0, len(sequence)), whole)
    assert np.array_equal(on_torch.depth_window(sequence, 17_001, 35_777), whole[17_001:35_777])


@pytest.mark.parametrize("n_cuts", [0, 1, 700, 3000])
def test_counts_are_the_same(both, sequence, n_cuts):
    numba, on_torch = both
    rng = np.random.default_rng(n_cuts)
    inner = rng.choice(np.arange(1, len(sequence)), n_cuts, replace=False)
    edges = np.unique(np.concatenate([[0, len(sequence)], inner])).astype(np.int64)
    theirs, ours = count_window(numba, sequence, edges), on_torch.count_window(sequence, edges)
    for a, b in zip(theirs, ours, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_counts_of_a_part_see_what_lies_around_it(both, sequence):
    numba, on_torch = both
    edges = np.arange(5_003, 9_000, 13, dtype=np.int64)
    theirs, ours = count_window(numba, sequence, edges), on_torch.count_window(sequence, edges)
    assert all(np.array_equal(a, b) for a, b in zip(theirs, ours, strict=True))


@pytest.mark.parametrize("n", [1, 4, 7, 40])
def test_sequences_shorter_than_a_profile(both, sequence, n):
    numba, on_torch = both
    codes = sequence[3_000 : 3_000 + n]
    assert np.array_equal(on_torch.depth_window(codes, 0, n), depth_window(numba, codes, 0, n))
    edges = np.array([0, n], dtype=np.int64)
    theirs, ours = count_window(numba, codes, edges), on_torch.count_window(codes, edges)
    assert all(np.array_equal(a, b) for a, b in zip(theirs, ours, strict=True))


def test_all_profiles_on_a_stretch(demo_profiles, demo_codes):
    profiles = build_profiles(demo_profiles, 0.8, 0.05)
    codes = demo_codes[7_000_000:7_012_000]
    edges = np.append(np.arange(0, len(codes), 15), len(codes)).astype(np.int64)
    theirs = count_window(compile_scanner(profiles), codes, edges)
    ours = TorchScanner(profiles, "cpu").count_window(codes, edges)
    assert all(np.array_equal(a, b) for a, b in zip(theirs, ours, strict=True))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_one_sentence(synthetic_root, demo_profiles):
    motifs = MotifConfig(profiles=demo_profiles, release="x")
    with pytest.raises(ConfigError, match=r"finds no CUDA device here; set run\.scanner: cpu"):
        ScannedOccupancy(RunFolder(synthetic_root), motifs, "gpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_a_gpu_gives_the_same(profiles, both, sequence):
    on_gpu = TorchScanner(profiles, "cuda")
    edges = np.arange(0, len(sequence), 14, dtype=np.int64)
    theirs, ours = count_window(both[0], sequence, edges), on_gpu.count_window(sequence, edges)
    assert all(np.array_equal(a, b) for a, b in zip(theirs, ours, strict=True))
