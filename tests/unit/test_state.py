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
    parse_region,
    parse_selection,
)

CHROMS = {"chr20": (1_000, 50_000)}


@settings(max_examples=300, deadline=None)
@given(start=st.integers(-(10**9), 10**9), width=st.integers(1, 10**9))
def test_a_window_always_ends_inside_the_run(start, width):
    region = clamp(Region("chr20", start, start + width), CHROMS)
    assert 1_000 <= region.start < region.end <= 50_000
    assert region.width >= MIN_WINDOW_BP


def test_a_window_around_a_feature_is_centred_on_it_and_as_wide_as_it_at_least():
    assert around("chr20", 20_000, 20_010, 1_000, CHROMS) == Region("chr20", 19_505, 20_505)
    assert around("chr20", 20_000, 24_000, 1_000, CHROMS) == Region("chr20", 20_000, 24_000)


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
