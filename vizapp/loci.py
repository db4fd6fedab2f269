"""The grammar of loci: what a person may type to go somewhere.

``chr20:1,234,567-1,240,000`` and its variants are read as browsers do, 1-based and inclusive;
fields separated by tabs or spaces are BED, 0-based and half-open. Every answer says which.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from precompute.errors import RegionError

Convention = Literal[
    "1-based inclusive", "1-based start + length", "BED, 0-based half-open", "whole chromosome",
    "cytoband", "HGVS, 1-based inclusive",
]
#: Chromosome, start and end (0-based half-open) and name of a band.
Band = tuple[str, int, int, str]

#: Longest text, and most loci in it.
MAX_TEXT, MAX_LOCI = 4_000, 100

_UNITS = {"": 1, "bp": 1, "b": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9,
          "gb": 10**9}
_NUMBER = r"([+-]?[0-9][0-9,]*(?:\.[0-9]+)?(?:e\+?[0-9]{1,3})?) ?(bp|kb|mb|gb|[bkmg])?"
_RANGE = re.compile(rf"{_NUMBER} ?(-|\.\.\.?|\+|:|\bto\b| ) ?{_NUMBER}")
_SINGLE = re.compile(_NUMBER)
_INTEGER = re.compile(r"-?[0-9]{1,30}")
_PADDING = re.compile(
    rf"^(.*?) ?(?:(?:±|\+-|\+/-) ?{_NUMBER}|(?:±|\+-|\+/-|\+)? ?([0-9]+(?:\.[0-9]+)?) ?%)$")
_HGVS = re.compile(r"g\.([0-9]{1,15})(?:_([0-9]{1,15}))?"
                   r"(?:[acgtn]+>[acgtn]+|(?:delins|del|dup|ins|inv)[acgtn]*|=)?")
_BAND = re.compile(r"([pq])([0-9]{0,2}(?:\.[0-9]{1,3})?)")
_CHROM_BAND = re.compile(r"(.*?[0-9xy]) ?:? ?([pq][0-9]{0,2}(?:\.[0-9]{1,3})?)")
_RSID = re.compile(r"(?:rs|ss|esv|nsv)[0-9]+")
_REFSEQ = re.compile(r"nc_0*([0-9]{1,6})\.[0-9]+")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－⁃"), "-")
#: Between loci: a line's end, a semicolon, or a comma or space before the next name and colon.
_BETWEEN = re.compile(r"[\n\r;|]+|,\s+(?=[^\s,:]+:)|,(?=[a-z][^\s,:]*:)|\s+(?=[^\s,:]+:[0-9])",
                      re.IGNORECASE)


class LocusError(RegionError):
    """A text that is no locus of this run; the message says why and what to type instead."""


@dataclass(frozen=True)
class Locus:
    """A place: 0-based half-open, never empty, inside its chromosome.

    ``padding_bp`` is what was added on either side, as far as the chromosome reaches; ``others``
    are further loci of the same text.
    """

    chrom: str
    start: int
    end: int
    convention: Convention
    padding_bp: int = 0
    others: tuple[Locus, ...] = ()

    def __str__(self) -> str:
        return format_locus(self.chrom, self.start, self.end)

    @property
    def understood(self) -> str:
        """How the text was read, for a person."""
        parts = [self.convention, f"{self.end - self.start:,} bp"]
        if self.padding_bp:
            parts.append(f"with {self.padding_bp:,} bp on either side")
        if self.others:
            parts.append(f"the first of {len(self.others) + 1:,} loci")
        return ", ".join(parts)


class Padding(NamedTuple):
    """What is added on either side: bases, and a share of the width."""

    bp: int
    share: float

    def of(self, width_bp: int) -> int:
        """Bases on either side of a region of this width."""
        return self.bp + round(self.share * width_bp)


def format_locus(chrom: str, start: int, end: int) -> str:
    """1-based inclusive text of a 0-based half-open region.

    >>> format_locus("chr20", 999, 2000)
    'chr20:1,000-2,000'
    """
    return f"{chrom}:{start + 1:,}-{end:,}"


def _plain(name: str) -> str:
    plain = name.lower().removeprefix("chr")
    return "m" if plain == "mt" else plain


def resolve_chrom(name: str, sizes: dict[str, int]) -> str:
    """The run's own name of a chromosome; ``20``, ``CHR20`` and ``NC_000020.10`` find ``chr20``.

    Raises
    ------
    LocusError
        When the run has no such chromosome.
    """
    if name in sizes:
        return name
    wanted = _plain(name)
    if match := _REFSEQ.fullmatch(wanted):
        wanted = {"23": "x", "24": "y", "12920": "m"}.get(match[1], match[1])
    found = [c for c in sizes if _plain(c) == wanted]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(list(sizes)[:6])
    close = difflib.get_close_matches(name.lower(), list(sizes)[:500], n=1, cutoff=0.6)
    hint = f"did you mean {_example(sizes, close[0])}?" if close else f"try {_example(sizes)}"
    raise LocusError(f"this run has no chromosome {_quoted(name)}, it has {shown}: {hint}")


def split_padding(text: str) -> tuple[str, Padding | None]:
    """A normalised text without its ``±5kb``, ``+-5kb`` or ``20%`` at the end, and what that adds.

    >>> split_padding("GATA1 ±5kb")
    ('GATA1', Padding(bp=5000, share=0.0))

    Raises
    ------
    LocusError
        When the padding is negative or no whole number of bases.
    """
    match = _PADDING.match(normal(text))
    if match is None or not match[1].strip(" :"):
        return text, None
    if match[4] is not None:
        return match[1], Padding(0, min(float(match[4]), 1e6) / 100)
    bp = _position(match[2], match[3])
    if bp < 0:
        raise LocusError(f"{match[2]} bp cannot be added on either side: type ±5kb or 20%")
    return match[1], Padding(bp, 0.0)


def normal(text: str) -> str:
    """The text with plain digits, dashes and spaces, so that copies from anywhere are read."""
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    plain = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\u200b-\u200f\u2060\ufeff]", "", plain)
    plain = re.sub(r"^\{[\w.\-]{1,40}\}|\[rev\]\s*$", "", plain.strip())  # JBrowse's own marks
    return re.sub(r"[ \t\u00a0]+", " ", plain).strip()


def is_locus_like(text: str, sizes: dict[str, int]) -> bool:
    """Whether a text is meant as a place rather than as a name: it is then read or refused as one.

    >>> [is_locus_like(t, {"chr20": 100}) for t in ("chr20:5", "20 1 9", "20q13", "GATA1")]
    [True, True, True, False]
    """
    text = normal(text[: MAX_TEXT + 1])
    if ":" in text or text in sizes or _RSID.fullmatch(text.lower()):
        return True
    name = _plain(text.split(" ")[0])
    known = {_plain(c) for c in sizes}
    band = _CHROM_BAND.fullmatch(text.lower())
    return name in known or bool(band and _plain(band[1].strip()) in known) or bool(
        re.fullmatch(r"(chr)?([0-9]{1,2}|[xym]|mt)", text, re.IGNORECASE)) or bool(
        re.search(r" -?[0-9][0-9,]*( -?|-|\.\.)[0-9]", text))


def parse_locus(text: str, sizes: dict[str, int], bands: Sequence[Band] = ()) -> Locus:
    """Read a locus, or several, of which the first holds the ``others``.

    Parameters
    ----------
    text : for example ``chr20:1,234,567-1,240,000``, ``20:1.2M-1.3M``, ``chr20:500kb..510kb``,
        ``chr20:1e6-2e6``, ``chr20:1000+200`` (start + length), ``chr20:1234567``, ``chr20``,
        ``chr20 100 200`` (BED), ``20q13.2``, ``chr20:g.123A>G``; with ``±5kb`` or ``20%`` after it
    sizes : length of each chromosome, bp
    bands : cytobands of the assembly, 0-based half-open

    Raises
    ------
    LocusError
        For anything else, backwards, off the chromosome, or on one that the run has not.

    Examples
    --------
    >>> locus = parse_locus("chr20:1,000-2,000", {"chr20": 63025520})
    >>> (locus.start, locus.end)
    (999, 2000)
    """
    if not isinstance(text, str) or not text.strip():
        raise LocusError(f"nothing was typed: try {_example(sizes)} or a gene name")
    if not sizes:
        raise LocusError("this run has no chromosome to go to: make the run again")
    if len(text) > MAX_TEXT:
        raise LocusError(f"{len(text):,} characters are no locus: try {_example(sizes)}")
    parts = [part for part in (p.strip(" ,") for p in _BETWEEN.split(normal(text))) if part]
    if not parts:
        raise LocusError(f"{_quoted(text)} is no locus: try {_example(sizes)}")
    if len(parts) > MAX_LOCI:
        raise LocusError(f"{len(parts):,} loci are more than {MAX_LOCI} at once: type fewer")
    loci = [_one(part, sizes, bands) for part in parts]
    return replace(loci[0], others=tuple(loci[1:]))


def _one(text: str, sizes: dict[str, int], bands: Sequence[Band]) -> Locus:
    text, padding = split_padding(text)
    locus = _unpadded(text.strip(), sizes, bands)
    if padding is None:
        return locus
    added = padding.of(locus.end - locus.start)
    return replace(locus, start=max(0, locus.start - added), padding_bp=added,
                   end=min(sizes[locus.chrom], locus.end + added))


def _unpadded(text: str, sizes: dict[str, int], bands: Sequence[Band]) -> Locus:
    if text in sizes:
        return Locus(text, 0, sizes[text], "whole chromosome")
    lower = text.lower()
    if _RSID.fullmatch(lower):
        raise LocusError(
            f"{_quoted(text)} is a variant's name in a public database, and nothing typed here "
            f"leaves this machine: type its position, such as {_example(sizes)}"
        )
    fields = text.split(" ")
    if len(fields) >= 3 and ":" not in fields[0] and all(map(_INTEGER.fullmatch, fields[1:3])):
        chrom = resolve_chrom(fields[0], sizes)
        return _checked(chrom, int(fields[1]), int(fields[2]), sizes, "BED, 0-based half-open")
    if ":" not in text and (match := _CHROM_BAND.fullmatch(lower)):
        return _band(resolve_chrom(match[1].strip(), sizes), match[2], sizes, bands)
    name, colon, rest = _split_name(text, sizes)
    if not colon and " " in text:
        name, _, rest = text.partition(" ")
    elif not colon:
        chrom = resolve_chrom(text, sizes)
        return Locus(chrom, 0, sizes[chrom], "whole chromosome")
    chrom, rest = resolve_chrom(name.strip(), sizes), rest.strip()
    if match := _HGVS.fullmatch(rest.lower()):
        first, last = int(match[1]), int(match[2] or match[1])
        return _from_one(chrom, first, last, sizes, "HGVS, 1-based inclusive")
    if _BAND.fullmatch(rest.lower()):
        return _band(chrom, rest.lower(), sizes, bands)
    return _positions(chrom, rest, sizes)


def _split_name(text: str, sizes: dict[str, int]) -> tuple[str, str, str]:
    """Name and positions at the colon between them; names of contigs may hold colons too."""
    name, colon, rest = text.partition(":")
    if text.count(":") > 1:
        longest = text.rpartition(":")
        if longest[0] in sizes:
            return longest
    return name, colon, rest


def _positions(chrom: str, rest: str, sizes: dict[str, int]) -> Locus:
    lower = rest.lower()
    if match := _RANGE.fullmatch(lower):
        number, unit, sign, other, other_unit = match.groups()
        if sign == "+":
            first, length = _position(number, unit), _position(other, other_unit)
            if length < 1:
                raise LocusError(f"a region of {length:,} bp is empty: type a length of 1 or more")
            return _from_one(chrom, first, first + length - 1, sizes, "1-based start + length")
        first, last = _position(number, unit or other_unit), _position(other, other_unit)
    elif match := _SINGLE.fullmatch(lower):
        first = last = _position(match[1], match[2])
    else:
        raise LocusError(
            f"{_quoted(rest)} is no range of positions: try {_example(sizes, chrom)}")
    return _from_one(chrom, first, last, sizes, "1-based inclusive")


def _position(number: str, unit: str | None) -> int:
    value = float(number.replace(",", "")) * _UNITS[unit or ""]
    value = min(max(value, -1e15), 1e15)
    if abs(value - round(value)) > 1e-3:
        raise LocusError(
            f"{number[:30]}{unit or ''} is no whole number of bases: type one, or such as 1.5kb")
    return round(value)


def _from_one(
    chrom: str, first: int, last: int, sizes: dict[str, int], convention: Convention
) -> Locus:
    """A locus of 1-based, inclusive positions."""
    if first < 1:
        raise LocusError(
            f"position {first:,} does not exist, the first base is 1: try {_example(sizes, chrom)}"
        )
    return _checked(chrom, first - 1, last, sizes, convention)


def _checked(
    chrom: str, start: int, end: int, sizes: dict[str, int], convention: Convention
) -> Locus:
    size = sizes[chrom]
    if start < 0:
        raise LocusError(f"start {start:,} is before {chrom} begins: try {_example(sizes, chrom)}")
    if end == start:
        raise LocusError(
            f"the region is empty, it starts and ends at {start:,}: try {_example(sizes, chrom)}")
    if end < start:
        raise LocusError(
            f"the region ends ({end:,}) before it starts ({start + 1:,}): swap the two numbers"
        )
    if start >= size:
        raise LocusError(
            f"{chrom}:{start + 1:,} is off the chromosome, which has {size:,} bp here: "
            f"try {_example(sizes, chrom)}"
        )
    return Locus(chrom, start, min(end, size), convention)


def _band(chrom: str, name: str, sizes: dict[str, int], bands: Sequence[Band]) -> Locus:
    """All bands whose name begins so: ``q13`` has q13.11 to q13.33, ``q`` is the arm."""
    here = [band for band in bands if band[0] == chrom]
    if not here:
        raise LocusError(
            f"this run has no cytobands of {chrom}, so {_quoted(name)} is unknown: "
            f"try {_example(sizes, chrom)}"
        )
    whole = name if "." in name or len(name) < 3 else name + "."
    found = [b for b in here if b[3] == name or b[3].startswith(whole if len(name) > 1 else name)]
    if not found:
        close = difflib.get_close_matches(name, [b[3] for b in here], n=3, cutoff=0.0)
        raise LocusError(f"{chrom} has no band {_quoted(name)}: did you mean {', '.join(close)}?")
    start, end = min(b[1] for b in found), max(b[2] for b in found)
    return _checked(chrom, start, end, sizes, "cytoband")


def _quoted(text: str) -> str:
    return repr(" ".join(text.split())[:40])


def _example(sizes: dict[str, int], chrom: str | None = None) -> str:
    chrom = chrom or next(iter(sizes), "chr20")
    size = sizes.get(chrom, 2_000_000)
    start = size // 2
    return format_locus(chrom, start, min(size, start + 20_000))
