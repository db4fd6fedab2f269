"""Variants from a VCF: strict reading of what a prediction needs, and why a row cannot be used."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from precompute.errors import InputError

_BASES = re.compile(r"[ACGTN]+", re.IGNORECASE)
_CHECKED = 5


class Variant(NamedTuple):
    """One alternative allele of a row.

    Attributes
    ----------
    line : of the file, from 1
    chrom : as the file names it
    position : 0-based first base of ``ref``
    name : of the ID column, '' where it is '.'
    ref, alt : bases in upper case, or as they stand where they are no bases
    reason : why it cannot be used, '' where it can
    """

    line: int
    chrom: str
    position: int
    name: str
    ref: str
    alt: str
    reason: str


def read_vcf(path: Path) -> Iterator[Variant]:
    """Variants of a VCF, plain or gzip, with or without a header, one per alternative allele.

    Raises
    ------
    InputError
        When the file cannot be read, or a row is none of a VCF.
    """
    try:
        with path.open("rb") as probe:
            zipped = probe.read(2) == b"\x1f\x8b"
        with (gzip.open(path, "rt") if zipped else path.open()) as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip() and not line.startswith("#"):
                    yield from _row(path, number, line.rstrip("\r\n"))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or no text file"
        raise InputError(
            f"the VCF {path} cannot be read ({reason}); give a VCF, plain or gzip"
        ) from None


def _row(path: Path, number: int, line: str) -> Iterator[Variant]:
    fields = line.split("\t")
    if len(fields) < _CHECKED or not fields[1].isascii() or not fields[1].isdigit():
        raise InputError(
            f"{path} line {number} is no row of a VCF (CHROM, POS, ID, REF and ALT between tabs, "
            f"POS a whole number), it begins {line[:40]!r}; correct that line"
        )
    chrom, at, name, ref = fields[:4]
    position = int(at) - 1
    for alt in fields[4].split(","):
        yield Variant(
            number, chrom, position, "" if name == "." else name, _upper(ref), _upper(alt),
            _why_not(position, ref, alt),
        )


def _upper(allele: str) -> str:
    return allele.upper() if _BASES.fullmatch(allele) else allele


def _why_not(position: int, ref: str, alt: str) -> str:
    if position < 0:
        return "POS is 0, the telomere"
    if not _BASES.fullmatch(ref):
        return f"REF {ref[:20]!r} is not bases"
    if alt == ".":
        return "no alternative allele"
    if alt == "*":
        return "allele missing through an upstream deletion (*)"
    if not _BASES.fullmatch(alt):
        return f"symbolic allele {alt[:20]!r}"
    if "N" in alt.upper():
        return "unknown base in ALT"
    if ref.upper() == alt.upper():
        return "REF and ALT are the same"
    return ""
