"""State from the browser is checked: regions are clamped, selections refused unless well formed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.errors import RegionError
from vizapp.state import (
    MIN_WINDOW_BP,
    Region,
    StateError,
    around,
    clamp,
    moved,
    parse_region,
    parse_selection,
    zoomed,
)

CHROMS = {"chr20": (1_000, 50_000)}


@settings(max_examples=300, deadline=None)
@given(start=st.integers(-(10**9), 10**9), width=st.integers(1, 10**9))
def test_a_window_always_ends_inside_the_run(start, width):
    region = clamp(Region("chr20", start, start + width), CHROMS)
    assert 1_000 <= region.start < region.end <= 50_000
    assert region.width >= MIN_WINDOW_BP
    for other in (moved(region, 0.5, CHROMS), moved(region, -3, CHROMS),
                  zoomed(region, 0.001, CHROMS), zoomed(region, 1e9, CHROMS)):
        assert 1_000 <= other.start < other.end <= 50_000


def test_moving_keeps_the_width_and_zooming_the_centre():
    region = Region("chr20", 10_000, 12_000)
    assert moved(region, 0.5, CHROMS) == Region("chr20", 11_000, 13_000)
    assert moved(region, -0.5, CHROMS) == Region("chr20", 9_000, 11_000)
    assert zoomed(region, 0.5, CHROMS) == Region("chr20", 10_500, 11_500)
    assert zoomed(region, 2, CHROMS) == Region("chr20", 9_000, 13_000)
    assert around("chr20", 20_000, 20_010, 1_000, CHROMS).width == 1_000


@pytest.mark.parametrize(
    "raw",
    [
        None, 3, "chr20", [], {}, {"chrom": "chr20"}, {"chrom": "chr20", "start": "1", "end": 5},
        {"chrom": "chr20", "start": 1.5, "end": 5}, {"chrom": "chr1", "start": 1, "end": 5},
        {"chrom": "chr20", "start": 9, "end": 5}, {"chrom": "chr20", "start": True, "end": 5},
        {"chrom": "../../etc", "start": 1, "end": 5},
        {"chrom": "chr20", "start": 1, "end": 5, "extra": 1},
    ],
)
def test_malformed_regions_are_refused(raw):
    with pytest.raises(RegionError):
        parse_region(raw, CHROMS)


def test_well_formed_selections_are_read():
    assert parse_selection(None) is None
    drawn = {"kind": "lasso", "layout": "umap", "polygon": [[0, 0], [1, 0], [1, 1]]}
    lasso = parse_selection(drawn)
    assert lasso.polygon[1] == (1.0, 0.0)
    assert parse_selection({"kind": "community", "level": "mega", "id": 3}).id == 3
    assert parse_selection({"kind": "word", "word": 7}).word == 7


@pytest.mark.parametrize(
    "raw",
    [
        1, "x", [], {}, {"kind": "word"}, {"kind": "word", "word": -1},
        {"kind": "word", "word": "1"},
        {"kind": "community", "level": "giga", "id": 1},
        {"kind": "lasso", "layout": "umap", "polygon": [[0, 0], [1, 1]]},
        {"kind": "lasso", "layout": "../x", "polygon": [[0, 0], [1, 1], [1, 0]]},
        {"kind": "lasso", "layout": "umap", "polygon": [["a", 0], [1, 1], [1, 0]]},
        {"kind": "lasso", "layout": "umap", "polygon": [[0, 0]] * 5001},
        {"kind": "word", "word": 1, "extra": "x"},
    ],
)
def test_malformed_selections_are_refused(raw):
    with pytest.raises(StateError):
        parse_selection(raw)
