"""Signal averaging against brute force, and bigWigs that are none."""

from __future__ import annotations

import itertools

import numpy as np
import pyBigWig
import pytest

from precompute.errors import ChromosomeError, InputError
from precompute.tracks import SignalReader, check_bigwig, grid_edges, mean_over, measured_over


@pytest.fixture
def track(tmp_path):
    """A short track with a gap, and the same as an array."""
    path = tmp_path / "x.bw"
    values = np.zeros(1000)
    values[100:130] = 2.5
    values[400:401] = 7
    values[990:1000] = 1
    handle = pyBigWig.open(str(path), "w")
    handle.addHeader([("chr1", 1000)])
    handle.addEntries(
        ["chr1"] * 3, [100, 400, 990], ends=[130, 401, 1000], values=[2.5, 7.0, 1.0]
    )
    handle.close()
    return path, values


@pytest.mark.parametrize("window", [16, 100, 1 << 20])
def test_means_over_bins_equal_brute_force_for_any_window(track, window):
    path, values = track
    edges = np.array([0, 3, 90, 101, 129, 400, 401, 800, 1000])
    expected = [values[a:b].mean() for a, b in itertools.pairwise(edges)]
    assert np.allclose(mean_over(SignalReader(path), "chr1", edges, window), expected)


def test_grid_covers_the_region_and_its_last_cell_is_short(track):
    path, values = track
    edges = grid_edges(90, 1000)
    assert (edges[0], edges[-1]) == (90, 1000)
    assert (np.diff(edges)[:-1] == 16).all()
    means = mean_over(SignalReader(path), "chr1", edges)
    assert means[-1] == pytest.approx(values[edges[-2] : 1000].mean())


def test_a_track_shorter_than_the_chromosome_is_refused_or_nan_beyond_its_end(track):
    path, values = track
    reader = SignalReader(path)
    reader.require("chr1", 1000)
    with pytest.raises(InputError, match=r"chr1 has 1,000 bp in the track .*x\.bw and the run "
                                         r"reads it up to 1,100; give .* absent: missing"):
        reader.require("chr1", 1100)
    edges = np.array([960, 984, 1000, 1001, 1100])
    got = measured_over(reader, "chr1", edges)
    assert got[:2].tolist() == pytest.approx([values[960:984].mean(), values[984:1000].mean()])
    assert np.isnan(got[2:]).all()
    assert np.isnan(measured_over(reader, None, edges)).all()


def test_other_chromosome_names_resolve_or_are_refused(track):
    reader = SignalReader(track[0])
    assert reader.resolve("chr1", "hg19") == "chr1"
    assert reader.resolve("1", "hg19") == "chr1"
    assert reader.resolve("NC_000001.10", "hg19") == "chr1"
    with pytest.raises(ChromosomeError, match=r"track .*x\.bw has no chromosome 'chr7'; it has"):
        reader.resolve("chr7", "hg19")
    with pytest.raises(ChromosomeError, match=r"is chr1 of hg38, and genome\.assembly is hg19"):
        reader.resolve("NC_000001.11", "hg19")


def test_what_is_no_bigwig_is_refused(tmp_path, track):
    with pytest.raises(InputError, match="cannot be opened"):
        check_bigwig(tmp_path / "none.bw")
    text = tmp_path / "text.bw"
    text.write_text("chr1\t0\t10\t3\n")
    with pytest.raises(InputError, match="is not a bigWig"):
        check_bigwig(text)
    (tmp_path / "empty.bw").write_bytes(b"")
    with pytest.raises(InputError, match="is not a bigWig"):
        check_bigwig(tmp_path / "empty.bw")
    cut = tmp_path / "cut.bw"
    cut.write_bytes(track[0].read_bytes()[:70])
    with pytest.raises(InputError, match="damaged or truncated"):
        check_bigwig(cut)
    check_bigwig(track[0])
