"""The grammar of loci: what a person may type to go somewhere.

``chr20:1,234,567-1,240,000`` and its variants are read as browsers do, 1-based and inclusive;
fields separated by tabs or spaces are BED, 0-based and half-open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from precompute.errors import RegionError

Convention = Literal["1-based inclusive", "BED, 0-based half-open", "whole chromosome"]

_MAX_TEXT = 200
_NUMBER = r"([+-]?[\d,]*\.?\d+)\s*(bp|kb|mb|gb|k|m|g)?"
_RANGE = re.compile(rf"^{_NUMBER}\s*(?:-|\.\.|–|—|\bto\b)\s*{_NUMBER}$", re.IGNORECASE)
_SINGLE = re.compile(rf"^{_NUMBER}$", re.IGNORECASE)
_UNITS = {"": 1, "bp": 1, "k": 10**3, "kb": 10**3, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9}


class LocusError(RegionError):
    """A text that is no locus of this run; the message says why and what to type instead."""


@dataclass(frozen=True)
class Locus:
    """A place: 0-based half-open, never empty, inside its chromosome."""

    chrom: str
    start: int
    end: int
    convention: Convention


def format_locus(chrom: str, start: int, end: int) -> str:
    """1-based inclusive text of a 0-based half-open region.

    >>> format_locus("chr20", 999, 2000)
    'chr20:1,000-2,000'
    """
    return f"{chrom}:{start + 1:,}-{end:,}"


def resolve_chrom(name: str, sizes: dict[str, int]) -> str:
    """The run's own name of a chromosome; ``20`` and ``CHR20`` find ``chr20``.

    Raises
    ------
    LocusError
        When the run has no such chromosome.
    """
    if name in sizes:
        return name
    plain = name.lower().removeprefix("chr")
    found = [c for c in sizes if c.lower().removeprefix("chr") == plain]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(list(sizes)[:6])
    raise LocusError(
        f"this run has no chromosome {name[:40]!r}, it has {shown}: try {_example(sizes)}"
    )


def parse_locus(text: str, sizes: dict[str, int]) -> Locus:
    """Read a locus.

    Parameters
    ----------
    text : for example ``chr20:1,234,567-1,240,000``, ``20:1.2M-1.3M``, ``chr20:500kb..510kb``,
        ``chr20:1234567``, ``chr20``, or ``chr20 100 200`` (BED)
    sizes : length of each chromosome, bp

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
    text = text.strip()
    if len(text) > _MAX_TEXT:
        raise LocusError(f"{len(text):,} characters are no locus: try {_example(sizes)}")
    fields = text.split()
    if len(fields) >= 3 and ":" not in text and all(re.fullmatch(r"-?\d+", f) for f in fields[1:3]):
        chrom = resolve_chrom(fields[0], sizes)
        return _checked(chrom, int(fields[1]), int(fields[2]), sizes, "BED, 0-based half-open")
    if ":" not in text:
        chrom = resolve_chrom(text, sizes)
        return Locus(chrom, 0, sizes[chrom], "whole chromosome")
    name, _, rest = text.rpartition(":")
    chrom = resolve_chrom(name.strip(), sizes)
    rest = rest.strip()
    if match := _RANGE.match(rest):
        first, last = _position(match[1], match[2] or match[4]), _position(match[3], match[4])
    elif match := _SINGLE.match(rest):
        first = last = _position(match[1], match[2])
    else:
        raise LocusError(f"{rest[:60]!r} is no range of positions: try {_example(sizes)}")
    if first < 1:
        raise LocusError(
            f"position {first:,} does not exist, the first base is 1: try {_example(sizes)}"
        )
    return _checked(chrom, first - 1, last, sizes, "1-based inclusive")


def _position(number: str, unit: str | None) -> int:
    value = float(number.replace(",", "")) * _UNITS[(unit or "").lower()]
    return round(min(max(value, -1e15), 1e15))


def _checked(
    chrom: str, start: int, end: int, sizes: dict[str, int], convention: Convention
) -> Locus:
    size = sizes[chrom]
    if start < 0:
        raise LocusError(f"start {start:,} is before {chrom} begins: try {_example(sizes)}")
    if end <= start:
        raise LocusError(
            f"the region ends ({end:,}) before it starts ({start + 1:,}): swap the two numbers"
        )
    if start >= size:
        raise LocusError(
            f"{chrom}:{start + 1:,} is off the chromosome, which has {size:,} bp here: "
            f"try {_example(sizes)}"
        )
    return Locus(chrom, start, min(end, size), convention)


def _example(sizes: dict[str, int]) -> str:
    chrom = next(iter(sizes), "chr20")
    size = sizes.get(chrom, 2_000_000)
    start = size // 2
    return format_locus(chrom, start, min(size, start + 20_000))
