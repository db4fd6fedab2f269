"""Windows and pyramids of stored arrays against the arrays themselves, and their memory."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp.data.genome_arrays import Counted, Means, PairMoments, StoredArray, block_cache
from vizapp.data.genome_columns import reduce_mean
from vizapp.data.genome_places import Rows
from vizapp.state import Region


def stored(values, block=7, limit_mb=1.0):
    values = np.asarray(values)
    cache = block_cache(limit_mb)
    return StoredArray(cache, "a", lambda lo, hi: values[lo:hi], len(values), block)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), ends=st.tuples(st.integers(-5, 70), st.integers(-5, 70)))
def test_a_window_is_the_slice(n, ends):
    values = np.arange(n)
    lo, hi = sorted(ends)
    np.testing.assert_array_equal(stored(values).window(lo, hi), values[max(lo, 0) : max(hi, 0)])


def test_memory_is_bounded_whatever_is_read_and_by_however_many():
    values = np.arange(4_000_000, dtype=np.float64)
    cache = block_cache(1.0)
    array = StoredArray(cache, "a", lambda lo, hi: values[lo:hi], len(values), 16_384)
    wrong = []

    def look(seed):
        rng = np.random.default_rng(seed)
        for lo in rng.integers(0, len(values) - 50_000, 40).tolist():
            if not np.array_equal(array.window(lo, lo + 50_000), values[lo : lo + 50_000]):
                wrong.append(lo)

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert 0 < cache.held <= 2**20
    with pytest.raises(ValueError, match="read-only"):
        array.window(0, 5)[0] = 1


def test_every_level_of_means_is_the_mean_of_its_cells():
    values = np.random.default_rng(0).normal(size=70_123).astype(np.float32)
    pyramid = Means(stored(values, 1 << 12), 8)
    assert [level.size for level in pyramid.levels] == [8, 32]
    for size, means in pyramid.levels:
        whole = len(values) // size
        expected = values[: whole * size].reshape(-1, size).mean(axis=1, dtype=np.float64)
        np.testing.assert_allclose(means[:whole], expected, rtol=1e-5, atol=1e-7)
        if len(means) > whole:
            assert means[-1] == pytest.approx(values[whole * size :].mean(), rel=1e-5)


def test_a_window_of_means_is_never_coarser_than_a_quarter_of_a_column():
    values = np.arange(70_000)
    pyramid = Means(stored(values, 1 << 12), 8)
    for lo, hi, columns in ((5, 65, 30), (100, 66_000, 100), (3, 70_000, 1)):
        size, means = pyramid.window(lo, hi, columns)
        assert size == 1 or size <= (hi - lo) / columns / 4
        first = lo // size
        expected = [values[k * size : (k + 1) * size].mean() for k in
                    range(first, -(-hi // size))]
        np.testing.assert_allclose(means, expected, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(lo=st.integers(0, 3_000), width=st.integers(0, 9_000), scale=st.sampled_from([1e-3, 1, 1e4]))
def test_r_from_sums_is_that_of_the_entries(lo, width, scale):
    rng = np.random.default_rng(lo)
    a = (scale * rng.gamma(0.3, size=12_000)).astype(np.float32)
    b = (a + scale * rng.normal(size=len(a))).astype(np.float32)
    hi = min(lo + width, len(a))
    got = PairMoments(stored(a, 500), stored(b, 500), 16).r(lo, hi)
    if hi - lo < 3:
        assert np.isnan(got)
    else:
        expected = np.corrcoef(a[lo:hi].astype(float), b[lo:hi].astype(float))[0, 1]
        assert got == pytest.approx(expected, abs=1e-9)


def test_what_was_not_measured_is_left_out_at_every_width():
    rng = np.random.default_rng(3)
    a, b = (rng.normal(size=9_000).astype(np.float32) for _ in range(2))
    a[100:2_500], b[6_000:6_100] = np.nan, np.nan
    for size, means in Means(stored(a, 512), 4).levels:
        cells = [a[at : at + size] for at in range(0, len(a), size)]
        expected = [c[np.isfinite(c)].mean() if np.isfinite(c).any() else np.nan for c in cells]
        np.testing.assert_allclose(means, expected, rtol=1e-4, atol=1e-6)
    _, columns = reduce_mean(a, 30)
    assert np.isnan(columns[1])
    assert np.isfinite(columns[[0, 8, 9]]).all()
    moments = PairMoments(stored(a, 512), stored(b, 512), 16)
    for lo, hi in ((0, 9_000), (50, 300), (101, 2_000)):
        known = np.isfinite(a[lo:hi]) & np.isfinite(b[lo:hi])
        got = moments.r(lo, hi)
        if known.sum() < 3:
            assert np.isnan(got)
        else:
            assert got == pytest.approx(np.corrcoef(a[lo:hi][known], b[lo:hi][known])[0, 1])


def test_r_of_a_constant_is_not_defined_at_any_width():
    a, b = np.full(5_000, 0.1, np.float32), np.arange(5_000, dtype=np.float32)
    moments = PairMoments(stored(a, 512), stored(b, 512), 16)
    assert np.isnan(moments.r(0, 5_000))
    assert np.isnan(moments.r(10, 40))


def test_counts_of_categories():
    values = np.random.default_rng(1).integers(-1, 4, 1_003).astype(np.int16)
    cells = Counted(stored(values, 100), 5, 64, least=-1).cells
    expected = [np.bincount(values[at : at + 64] + 1, minlength=5) for at in range(0, 1_003, 64)]
    np.testing.assert_array_equal(cells, expected)


def test_rows_in_a_window_are_those_that_overlap_it(data):
    genome = data.genome
    rng = np.random.default_rng(2)
    parts = [Rows(genome.genes), genome.transcript_rows, *map(genome.peaks_of, genome.targets),
             *map(genome.intervals_of, genome.intervals["kind"].unique())]
    assert sum(len(part.frame) for part in parts[2:]) == len(genome.peaks) + len(genome.intervals)
    for rows in parts:
        for chrom, (low, high) in genome.chroms.items():
            for start in rng.integers(low, high - 500, 12).tolist():
                region = Region(chrom, start, start + int(rng.integers(20, 500)))
                naive = {
                    row.Index for row in rows.frame.itertuples()
                    if row.chrom == chrom and row.start < region.end and row.end > region.start
                }
                assert set(rows.overlapping(region).index) == naive


def test_unknown_bases_and_entropy_of_wide_windows_are_those_of_the_arrays(data, monkeypatch):
    from vizapp.data import genome as module
    from vizapp.data.genome_columns import entropy_bits

    genome = module.GenomeData(data.run, data.tokens)
    chrom, (low, high) = next(iter(genome.chroms.items()))
    codes = data.run.group("sequence")[f"{chrom}/codes"][:].copy()
    codes[1_000:9_500] = 4
    monkeypatch.setitem(genome.__dict__, "_codes", {chrom: stored(codes, 1 << 12)})
    counted = Counted(stored((codes == 4).astype(np.uint8), 1 << 12), 2, 100)
    monkeypatch.setattr(genome, "_unknown", lambda name: counted)
    for lo, hi in ((0, high - low), (950, 9_980), (1_234, high - low - 7)):
        assert genome.unknown_bp(Region(chrom, low + lo, low + hi)) == (codes[lo:hi] == 4).sum()
    density, entropy = genome.token_summary(Region(chrom, low, high), 2)
    mega = data.run.group("bin_communities")[f"{chrom}/megacluster"][:]
    cuts = np.searchsorted(data.tokens.edges(chrom), entropy.edges)
    np.testing.assert_allclose(entropy.values, entropy_bits(mega, cuts))
    np.testing.assert_allclose(density.values, 1000 * np.diff(cuts) / np.diff(entropy.edges))
