"""A click leads where its label says, and nothing else that a browser sends leads anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizapp.callbacks.clicked import first_point, first_row, named_by, shown_place
from vizapp.data import RunData
from vizapp.loci import format_locus
from vizapp.state import MIN_WINDOW_BP


@pytest.fixture(scope="module")
def data(synthetic_root):
    return RunData(synthetic_root)


def test_every_window_of_the_run_is_found_again_by_its_label(data):
    (chrom, (low, high)), *_ = data.chroms.items()
    for start, end in ((low, high), (low, low + MIN_WINDOW_BP), (high - 777, high)):
        assert shown_place(data, format_locus(chrom, start, end)) == (chrom, start, end)


def test_a_narrow_site_is_shown_with_its_surroundings(data):
    (chrom, (low, _)), *_ = data.chroms.items()
    there = shown_place(data, format_locus(chrom, low + 500, low + 506))
    assert there.width == MIN_WINDOW_BP
    assert there.start <= low + 500 < low + 506 <= there.end


@pytest.mark.parametrize("wrong", [
    None, True, 3, [], {}, "", "CTCF", "chr99:1-100", "chr20:1-2", "chr20:5-1", "../x", "chr20\0",
])
def test_a_label_that_the_app_never_wrote_leads_nowhere(data, wrong):
    assert shown_place(data, wrong) is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["points", "customdata", "place"]), inner, max_size=3), max_leaves=9)


@given(ANYTHING)
def test_whatever_is_sent_is_read_or_is_nothing(sent):
    assert isinstance(first_row(sent), dict)
    assert isinstance(first_point(sent), dict)
    point = {"points": [{"customdata": [sent]}]}
    assert named_by(point) == sent
    assert first_row([{"place": sent}])["place"] == sent
    named_by(sent)
