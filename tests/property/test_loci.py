"""The grammar of loci: what it accepts, and that nothing else gets through or throws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp.loci import LocusError, format_locus, parse_locus

SIZES = {"chr20": 63_025_520, "chrX": 155_270_560, "chrM": 16_571}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr20:1,234,567-1,240,000", ("chr20", 1_234_566, 1_240_000)),
        ("chr20:1234567-1240000", ("chr20", 1_234_566, 1_240_000)),
        ("  chr20 : 1-100 ", ("chr20", 0, 100)),
        ("20:1-100", ("chr20", 0, 100)),
        ("CHR20:1-100", ("chr20", 0, 100)),
        ("x:5-6", ("chrX", 4, 6)),
        ("chr20:1..100", ("chr20", 0, 100)),
        ("chr20:34M-35M", ("chr20", 33_999_999, 35_000_000)),
        ("chr20:1-2M", ("chr20", 999_999, 2_000_000)),
        ("chr20:500kb-510kb", ("chr20", 499_999, 510_000)),
        ("chr20:1.5M-1.6M", ("chr20", 1_499_999, 1_600_000)),
        ("chr20:777", ("chr20", 776, 777)),
        ("chr20 100 200", ("chr20", 100, 200)),
        ("chr20\t0\t200\tname\t0\t+", ("chr20", 0, 200)),
        ("chr20", ("chr20", 0, 63_025_520)),
        ("chr20:63,025,000-99,000,000", ("chr20", 63_024_999, 63_025_520)),
    ],
)
def test_forms_that_people_type(text, expected):
    locus = parse_locus(text, SIZES)
    assert (locus.chrom, locus.start, locus.end) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing was typed"),
        ("chr21:1-100", "no chromosome 'chr21'"),
        ("chr20:200-100", "before it starts"),
        ("chr20 200 100", "before it starts"),
        ("chr20:0-100", "the first base is 1"),
        ("chr20:-5-10", "the first base is 1"),
        ("chr20 -5 10", "before chr20 begins"),
        ("chr20:70,000,000-70,000,100", "off the chromosome"),
        ("chr20:a-b", "no range of positions"),
        ("chr20:1e6-2e6", "no range of positions"),
        ("chr20:", "no range of positions"),
        ("<script>alert(1)</script>", "no chromosome"),
        ("x" * 500, "are no locus"),
    ],
)
def test_everything_else_is_one_sentence_with_a_way_on(text, says):
    with pytest.raises(LocusError, match=says) as caught:
        parse_locus(text, SIZES)
    message = str(caught.value)
    assert "\n" not in message
    assert "chr20:" in message or "swap" in message


_PIECES = st.sampled_from(
    ["chr20", "20", "chrX", "X", "chrZ", ":", "-", "..", ",", ".", " ", "\t", "M", "kb", "1e6", "0",
     "1", "99", "1,000", "63025520", "9" * 30, "−", "–", "+", "--", "\x00", "é", "nan", "inf"]
)


@settings(max_examples=3000, deadline=None)
@given(text=st.one_of(st.lists(_PIECES, max_size=9).map("".join), st.text(max_size=60)))
def test_never_another_exception_and_never_out_of_bounds(text):
    try:
        locus = parse_locus(text, SIZES)
    except LocusError as error:
        message = str(error)
    else:
        assert 0 <= locus.start < locus.end <= SIZES[locus.chrom]
        return
    assert message


@settings(max_examples=500, deadline=None)
@given(
    chrom=st.sampled_from(sorted(SIZES)), data=st.data(),
)
def test_what_is_shown_reads_back_as_the_same_place(chrom, data):
    start = data.draw(st.integers(0, SIZES[chrom] - 1))
    end = data.draw(st.integers(start + 1, SIZES[chrom]))
    locus = parse_locus(format_locus(chrom, start, end), SIZES)
    assert (locus.chrom, locus.start, locus.end) == (chrom, start, end)
    assert locus.convention == "1-based inclusive"
