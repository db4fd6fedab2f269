"""Edits of a window as typed values, and the one text form that links, files and people use.

Positions in the text are 1-based and inclusive, as genome browsers and VCF have them; values are
0-based and half-open. Every edit counts in the coordinates of the reference, whatever was inserted
or deleted by the edits before it.

======================================  =====================================================
``chr20:1484437 A>G``                   bases replaced; the left side must be what is there
``chr20:1484437 ins ACGT``              bases inserted after a base
``chr20:1484437-1484440 del``           bases deleted
``chr20:1484437-1484440 to ACGTAC``     bases replaced, whatever they are
``token chr20:1484430-1484448 off``     a token without its motifs
``token chr20:1484430-1484448 as 12``   a token that holds what word 12 holds on average
``call MA0139.1 + chr20:1484430-1484448 off``          a motif call taken away
``call MA0139.1 + chr20:1484430-1484448 as MA0506.1``  another profile in its place
``factor CTCF off``                     every call of a factor's profiles in the window
``cluster 12 off``                      every call of a motif cluster in the window
======================================  =====================================================

The chromosome may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from precompute.errors import MotiflensError

#: Most edits of one window, and longest sequence that one edit takes or gives, bp.
MAX_EDITS = 50
MAX_EDIT_BP = 1_000

#: Longest text of one edit.
_MAX_TEXT = 2 * MAX_EDIT_BP + 100


class EditError(MotiflensError):
    """An edit that cannot be read, or that does not fit its window."""


@dataclass(frozen=True)
class Span:
    """A stretch of the reference, 0-based half-open, bp."""

    start: int
    end: int


@dataclass(frozen=True)
class EditBases:
    """Bases of a span replaced; the span is empty for an insertion before ``span.start``.

    ``expected`` are the letters that must be there, or None where anything may be.
    """

    span: Span
    bases: str
    expected: str | None = None


@dataclass(frozen=True)
class EditToken:
    """A token emptied, or (``word``) made to hold what a word holds on average."""

    span: Span
    word: int | None = None


@dataclass(frozen=True)
class EditCall:
    """A motif call taken away, or (``other``) replaced by one of another profile."""

    profile_id: str
    strand: str
    span: Span
    other: str | None = None


@dataclass(frozen=True)
class EditFactor:
    """All calls of a factor's profiles taken away."""

    tf: str


@dataclass(frozen=True)
class EditCluster:
    """All calls of a motif cluster taken away."""

    cluster: int


Edit = EditBases | EditToken | EditCall | EditFactor | EditCluster


class ParsedEdits(NamedTuple):
    """Edits in order, and their texts in the one form."""

    edits: tuple[Edit, ...]
    texts: tuple[str, ...]


_CHROM = r"(?:(?P<chrom>[^\s:]{1,64}):)?"
_AT = _CHROM + r"(?P<start>[0-9][0-9,]{0,15})(?:-(?P<end>[0-9][0-9,]{0,15}))?"
_LETTERS = r"[ACGTNacgtn]"
_PATTERNS = {
    "replace": re.compile(rf"{_AT}\s*(?P<old>{_LETTERS}+)\s*>\s*(?P<new>{_LETTERS}+)"),
    "insert": re.compile(rf"{_AT}\s*ins\s*(?P<new>{_LETTERS}+)"),
    "delete": re.compile(rf"{_AT}\s*del(?P<old>)"),
    "put": re.compile(rf"{_AT}\s*to\s*(?P<new>{_LETTERS}+)"),
    "token": re.compile(rf"token\s+{_AT}\s+(?:off|as\s+(?:word\s+)?(?P<word>[0-9]{{1,9}}))"),
    "call": re.compile(
        rf"call\s+(?P<profile>\S{{1,64}})\s+(?P<strand>[+-])\s+{_AT}\s+"
        r"(?:off|as\s+(?P<other>\S{1,64}))"
    ),
    "factor": re.compile(r"factor\s+(?P<tf>\S.{0,63}?)\s+off"),
    "cluster": re.compile(r"cluster\s+(?P<cluster>[0-9]{1,6})\s+off"),
}
_HINT = (
    "write for example '1484437 A>G', '1484437 ins ACGT', '1484437-1484440 del', "
    "'factor CTCF off' or choose a motif call or a token"
)


def parse_edit(text: str, chrom: str) -> Edit:
    """One edit of a window on ``chrom``.

    Raises
    ------
    EditError
        When the text is no edit, or of another chromosome.

    Examples
    --------
    >>> parse_edit("chr20:1,484,437 a>G", "chr20")
    EditBases(span=Span(start=1484436, end=1484437), bases='G', expected='A')
    >>> parse_edit("factor CTCF off", "chr20")
    EditFactor(tf='CTCF')
    """
    plain = " ".join(text.split())
    if not plain:
        raise EditError(f"the edit is empty; {_HINT}")
    if len(plain) > _MAX_TEXT:
        raise EditError(
            f"the edit has {len(plain):,} characters; one edit may change at most "
            f"{MAX_EDIT_BP:,} bp"
        )
    for kind, pattern in _PATTERNS.items():
        found = pattern.fullmatch(plain)
        if found:
            return _edit(kind, {k: v for k, v in found.groupdict().items() if v is not None}, chrom)
    raise EditError(f"{plain[:60]!r} is no edit; {_HINT}")


def _edit(kind: str, part: dict[str, str], chrom: str) -> Edit:
    if kind == "factor":
        return EditFactor(part["tf"])
    if kind == "cluster":
        return EditCluster(int(part["cluster"]))
    span = _span(part, chrom)
    if kind == "token":
        return EditToken(span, int(part["word"]) if "word" in part else None)
    if kind == "call":
        return EditCall(part["profile"], part["strand"], span, part.get("other"))
    new = part.get("new", "").upper()
    if len(new) > MAX_EDIT_BP or span.end - span.start > MAX_EDIT_BP:
        raise EditError(
            f"an edit of {max(len(new), span.end - span.start):,} bp is too long; at most "
            f"{MAX_EDIT_BP:,} bp can be changed at once"
        )
    if kind == "insert":
        if "end" in part:
            raise EditError("bases are inserted after one base; give its position alone")
        return EditBases(Span(span.end, span.end), new)
    if kind == "replace":
        old = part["old"].upper()
        if "end" in part and span.end - span.start != len(old):
            raise EditError(
                f"{span.start + 1:,}-{span.end:,} has {span.end - span.start:,} bp and "
                f"{old[:20]} has {len(old):,}; correct one of them"
            )
        return EditBases(Span(span.start, span.start + len(old)), new, old)
    return EditBases(span, new)


def _span(part: dict[str, str], chrom: str) -> Span:
    if part.get("chrom", chrom) != chrom:
        raise EditError(
            f"the edit is on {part['chrom']} and the window on {chrom}; go there first"
        )
    start = int(part["start"].replace(",", ""))
    end = int(part["end"].replace(",", "")) if "end" in part else start
    if start < 1:
        raise EditError("positions begin at 1; correct the edit's first one")
    if end < start:
        raise EditError(f"the edit ends at {end:,}, before it starts at {start:,}; swap the two")
    return Span(start - 1, end)


def edit_text(edit: Edit, chrom: str) -> str:
    """The one text of an edit; :func:`parse_edit` gives the edit back.

    >>> edit_text(parse_edit("1,484,437 a>g", "chr20"), "chr20")
    'chr20:1484437 A>G'
    """
    if isinstance(edit, EditFactor):
        return f"factor {edit.tf} off"
    if isinstance(edit, EditCluster):
        return f"cluster {edit.cluster} off"
    span = edit.span
    at = f"{chrom}:{span.start + 1}"
    if span.end - span.start > 1:
        at += f"-{span.end}"
    if isinstance(edit, EditToken):
        return f"token {at} " + ("off" if edit.word is None else f"as {edit.word}")
    if isinstance(edit, EditCall):
        how = "off" if edit.other is None else f"as {edit.other}"
        return f"call {edit.profile_id} {edit.strand} {at} {how}"
    if edit.expected is not None:
        return f"{chrom}:{span.start + 1} {edit.expected}>{edit.bases}"
    if span.end == span.start:
        return f"{chrom}:{span.start} ins {edit.bases}"
    return f"{at} to {edit.bases}" if edit.bases else f"{at} del"


def parse_edits(texts: Sequence[str], chrom: str) -> ParsedEdits:
    """Edits in order.

    Raises
    ------
    EditError
        As :func:`parse_edit`, and when there are more than :data:`MAX_EDITS`.
    """
    if len(texts) > MAX_EDITS:
        raise EditError(
            f"{len(texts):,} edits are more than the {MAX_EDITS} that a window can have; take "
            "some away"
        )
    edits = tuple(parse_edit(text, chrom) for text in texts)
    return ParsedEdits(edits, tuple(edit_text(edit, chrom) for edit in edits))
