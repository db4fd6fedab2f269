"""Tracks and marked regions of the genome view as values: links round-trip, anything else is one
sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.errors import MotiflensError
from vizapp.genome_state import (
    Mark,
    TrackItem,
    marks_from_text,
    marks_text,
    parse_marks,
    parse_tracks,
    tracks_from_text,
    tracks_text,
)
from vizapp.state import Region

KNOWN = ["genes", "peaks.a,b", "peaks.c~d", "peaks.100%", "observed.x y", "intervals.é"]
CHROMS = {"chr20": (1_000, 50_000), "HLA:a,b~1": (0, 900)}

_times = st.integers(8, 120).map(lambda n: n / 20)
_ends = st.tuples(st.integers(-999, 999), st.integers(1, 999)).map(
    lambda v: (v[0] / 8, (v[0] + v[1]) / 8))
_scales = st.one_of(st.just("auto"), st.just("group"), _ends)


@given(st.permutations(KNOWN), st.integers(0, len(KNOWN)), st.data())
def test_tracks_of_a_link_come_back_as_they_were(order, n, data):
    items = [TrackItem(i, data.draw(_times), data.draw(_scales)) for i in order[:n]]
    assert tracks_from_text(tracks_text(items), KNOWN) == items
    assert parse_tracks([item.as_json() for item in items], KNOWN) == items


_places = st.sampled_from(sorted(CHROMS)).flatmap(lambda c: st.tuples(
    st.just(c), st.integers(CHROMS[c][0], CHROMS[c][1] - 200), st.integers(20, 200)))
_names = st.text(max_size=40).map(lambda t: " ".join(t.split()))


@given(st.lists(st.tuples(_places, _names), max_size=20))
def test_marks_of_a_link_come_back_as_they_were(found):
    marks = [Mark(Region(c, start, start + width), name) for (c, start, width), name in found]
    assert marks_from_text(marks_text(marks), CHROMS) == marks
    assert parse_marks([mark.as_json() for mark in marks], CHROMS) == marks


@given(st.text(max_size=60))
def test_any_other_link_is_a_sentence_or_something_known(text):
    for read in (lambda: tracks_from_text(text, KNOWN), lambda: marks_from_text(text, CHROMS)):
        try:
            read()
        except MotiflensError as error:
            sentence = str(error)
        else:
            continue
        assert len(sentence) > 20


@pytest.mark.parametrize(("text", "says"), [
    ("genes,genes", "twice"), ("genes,", "no track"), ("nope", "no track 'nope'"),
    ("genes~9", "could not be read"), ("genes~1~2_1", "the smaller one first"),
    ("genes~1~nan_2", "two numbers"), (",".join(["genes"] * 41), "more than 40"),
])
def test_tracks_that_are_refused(text, says):
    with pytest.raises(MotiflensError, match=says):
        tracks_from_text(text, KNOWN)


def test_a_mark_is_written_as_browsers_write_places_and_kept_inside_the_run():
    mark = Mark(Region("chr20", 1_100, 1_300), "promoter")
    assert marks_text([mark]) == "chr20:1101-1300~promoter"
    assert marks_from_text("chr20:1-1100", CHROMS) == [Mark(Region("chr20", 1_000, 2_100), "")]
    with pytest.raises(MotiflensError, match="at most 20"):
        parse_marks([mark.as_json()] * 21, CHROMS)
