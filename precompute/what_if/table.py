"""Results of edits as CSV: lines that say what was done, then the numbers.

Lines before the header begin with ``#`` (``pandas.read_csv(file, comment="#")`` skips them).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from precompute.models.dataset import CELL_BP
from precompute.what_if.apply import Bounds
from precompute.what_if.compare import Comparison
from precompute.what_if.edits import Span
from precompute.what_if.mutagenesis import Mutations


class About(NamedTuple):
    """What a table is of."""

    model: str
    track: str
    unit: str
    bounds: Bounds
    target: Span
    edits: tuple[str, ...]
    eraser: str


def comparison_csv(about: About, result: Comparison) -> Iterator[str]:
    """Both predictions of a window; positions are 0-based half-open, as in BED."""
    yield from _about(about)
    effect = result.effect
    yield (
        f"# sum over the target: reference {effect.reference:.6g}, edited {effect.edited:.6g}, "
        f"change {effect.change:.6g}, log2 fold {effect.log2_fold:.6g}\n"
    )
    yield f"# rows: {CELL_BP}-bp cells, 0-based half-open, mean signal per base\n"
    yield "chrom,start,end,reference,edited,difference\n"
    chrom, edges = about.bounds.chrom, result.edges.tolist()
    for start, end, a, b, c in zip(
        edges[:-1], edges[1:], result.reference.tolist(), result.edited.tolist(),
        result.difference.tolist(), strict=True,
    ):
        yield f"{chrom},{start},{end},{_number(a)},{_number(b)},{_number(c)}\n"


def mutagenesis_csv(about: About, parts: Sequence[Mutations]) -> Iterator[str]:
    """Every substitution; positions are 1-based, as in VCF."""
    yield from _about(about)
    yield "# rows: substitutions, 1-based positions; change and log2 fold of the target's sum\n"
    yield "chrom,position,reference,alternative,change,log2_fold\n"
    for part in parts:
        for column, base in enumerate(part.bases.tolist()):
            for letter, name in enumerate("ACGT"):
                if base < 4 and letter != base:
                    yield (
                        f"{about.bounds.chrom},{part.start + column + 1},{'ACGT'[base]},{name},"
                        f"{_number(part.change[letter, column])},"
                        f"{_number(part.log2_fold[letter, column])}\n"
                    )


def _about(about: About) -> Iterator[str]:
    chrom, start, end = about.bounds
    yield f"# model {about.model}, track {about.track} ({about.unit})\n"
    yield (
        f"# window {chrom}:{start + 1}-{end}, target {chrom}:{about.target.start + 1}-"
        f"{about.target.end}, 1-based inclusive\n"
    )
    if about.edits and about.eraser:
        yield f"# bases taken away from a one-hot model become: {about.eraser}\n"
    for number, edit in enumerate(about.edits, start=1):
        yield f"# edit {number}: {edit}\n"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
