"""The grammar of loci: what it accepts, and that nothing else gets through or throws."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizapp.loci import LocusError, format_locus, parse_locus

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"
BANDS = [
    (chrom, int(start), int(end), name)
    for chrom, start, end, name, _ in (
        line.split("\t") for line in (DEMO / "cytobands.hg19.chr20.tsv").read_text().splitlines()
        if line.startswith("chr20\t"))
]
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
        ("chr20:1e6-2e6", ("chr20", 999_999, 2_000_000)),
        ("chr20:1.5e3", ("chr20", 1_499, 1_500)),
        ("chr20:100+200", ("chr20", 99, 299)),
        ("chr20:1000000+2kb", ("chr20", 999_999, 1_001_999)),
        ("chr20 100-200", ("chr20", 99, 200)),
        ("chr20:1–100", ("chr20", 0, 100)),
        ("chr20:1−100", ("chr20", 0, 100)),
        ("２０:１-５", ("chr20", 0, 5)),
        ("MT:1-5", ("chrM", 0, 5)),
        ("{hg19}chr20:1..100[rev]", ("chr20", 0, 100)),
        ("chr20:g.123A>G", ("chr20", 122, 123)),
        ("NC_000020.10:g.123_125del", ("chr20", 122, 125)),
        ("20q13.2", ("chr20", 49_800_000, 55_000_000)),
        ("chr20 q13.1", ("chr20", 41_700_000, 49_800_000)),
        ("chr20:p12", ("chr20", 5_100_000, 17_900_000)),
        ("20p", ("chr20", 0, 27_500_000)),
        ("chr20:5,001-6,000 ±5kb", ("chr20", 0, 11_000)),
        ("chr20:5,001-6,000 +-1k", ("chr20", 4_000, 7_000)),
        ("chr20:5,001-6,000 20%", ("chr20", 4_800, 6_200)),
        ("chrM:16,000-16,571+/-1kb", ("chrM", 14_999, 16_571)),
        ("chr20:1-100 chrX:5-10", ("chr20", 0, 100)),
    ],
)
def test_forms_that_people_type(text, expected):
    locus = parse_locus(text, SIZES, BANDS)
    assert (locus.chrom, locus.start, locus.end) == expected


def test_it_says_how_a_text_was_read():
    read = {text: parse_locus(text, SIZES, BANDS).understood for text in (
        "chr20:100-200", "chr20\t100\t200", "chr20:100+100", "20q12", "chr20:g.7del",
        "chr20:1 ±1k")}
    assert read["chr20:100-200"] == "1-based inclusive, 101 bp"
    assert read["chr20\t100\t200"] == "BED, 0-based half-open, 100 bp"
    assert read["chr20:100+100"] == "1-based start + length, 100 bp"
    assert read["20q12"] == "cytoband, 4,100,000 bp"
    assert read["chr20:g.7del"] == "HGVS, 1-based inclusive, 1 bp"
    assert read["chr20:1 ±1k"] == "1-based inclusive, 1,001 bp, with 1,000 bp on either side"


@pytest.mark.parametrize("text", [
    "chr20:1-100 chrX:5-10 chrM:7", "chr20:1-100, chrX:5-10, chrM:7", "chr20:1-100;chrX:5-10;M:7",
    "chr20\t0\t100\nchrX\t4\t10\nchrM\t6\t7", "chr20:1-100,chrX:5-10,chrM:7",
])
def test_several_loci_are_all_read(text):
    locus = parse_locus(text, SIZES)
    assert [str(one) for one in (locus, *locus.others)] == [
        "chr20:1-100", "chrX:5-10", "chrM:7-7"]
    assert locus.understood.endswith("the first of 3 loci")


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
        ("chr20:1.5-3", "no whole number of bases"),
        ("chr20 5 5", "the region is empty"),
        ("chr20:100+0", "is empty"),
        ("rs12345", "nothing typed here leaves this machine"),
        ("20q99", "has no band 'q99': did you mean"),
        ("chrX q13", "no cytobands of chrX"),
        ("chr2:1-5", r"did you mean chr20:"),
        ("GATA1", "no chromosome"),
        ("chr20:1 ±-5kb", "cannot be added"),
        (" ".join(["chr20:1-2"] * 101), "101 loci are more than 100"),
        ("chr20:", "no range of positions"),
        ("<script>alert(1)</script>", "no chromosome"),
        ("x" * 5_000, "are no locus"),
    ],
)
def test_everything_else_is_one_sentence_with_a_way_on(text, says):
    with pytest.raises(LocusError, match=says) as caught:
        parse_locus(text, SIZES, BANDS)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    assert any(way in message for way in (
        "chr20:", "chrX:", "swap", "did you mean", "type "))


_PIECES = [
    "chr20", "20", "chrX", "X", "chrZ", "chrM", ":", ":", "-", "..", ",", ".", " ", " ",
    "\t", "\n", "M", "kb", "e6", "1e6", "0", "1", "99", "1,000", "63025520", "63,025,521", "9" * 30,
    "−", "–",
    "+", "--", "\x00", "é", "nan", "inf", "±", "+-", "5kb", "20%", "%", "q13.2", "p", "g.",
    "123A>G",
    "_", "del", "NC_000020.10", "rs1", "{hg19}", "[rev]", ";", "|", " to ", "1e999", "٣", "½",
    "\u2028",
]


def _holds(text: str) -> None:
    """Inside its chromosome and read back from what is shown, or a sentence."""
    try:
        locus = parse_locus(text, SIZES, BANDS)
    except LocusError as error:
        message = str(error)
    else:
        _inside_and_read_back(locus)
        return
    assert message
    assert "\n" not in message


def _inside_and_read_back(locus) -> None:
    for one in (locus, *locus.others):
        assert 0 <= one.start < one.end <= SIZES[one.chrom]
        again = parse_locus(str(one), SIZES, BANDS)
        assert (again.chrom, again.start, again.end) == (one.chrom, one.start, one.end)
        assert f"{one}" == format_locus(one.chrom, one.start, one.end)


@settings(max_examples=1500, deadline=None)
@given(text=st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=9).map("".join), st.text(max_size=60)))
def test_never_another_exception_and_never_out_of_bounds(text):
    _holds(text)


def _near_a_locus(draw: random.Random) -> str:
    """A locus as people write it, then often with something wrong in one or two places."""
    def number() -> str:
        value = draw.choice((draw.randrange(100), draw.randrange(70_000_000)))
        return draw.choice((str(value), f"{value:,}", f"{value / 1e6}M", f"{value // 1000}kb",
                            f"{value:e}", f"-{value}"))
    name = draw.choice((*SIZES, "20", "x", "MT", "chrZ", "CHR20"))
    text = draw.choice((
        f"{name}:{number()}-{number()}", f"{name}:{number()}..{number()}", f"{name}:{number()}",
        f"{name}\t{number()}\t{number()}", f"{name}:{number()}+{number()}", name,
        f"{name}q{draw.randrange(30)}.{draw.randrange(40)}", f"{name}:g.{draw.randrange(10**8)}A>G",
    )) + draw.choice(("", "", "", " ±5kb", "+-1e9", " 20%", " 99999999%", f" {name}:1-2"))
    for _ in range(draw.choice((0, 0, 1, 2))):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice(_PIECES) + text[at + draw.randrange(2):]
    return text


def test_a_hundred_thousand_texts_throw_nothing_and_stay_inside():
    draw = random.Random(20)
    alphabet = [chr(code) for code in range(0x250) if unicodedata.category(chr(code)) != "Cs"]
    for number in range(100_000):
        if number % 10 == 0:
            _holds("".join(draw.choices(alphabet, k=draw.randrange(40))))
        elif number % 10 < 4:
            _holds("".join(draw.choices(_PIECES, k=draw.randrange(1, 9))))
        else:
            _holds(_near_a_locus(draw))


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
