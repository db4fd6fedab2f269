"""Hits of the scanner as JASPAR would write them: a TSV per profile, or the rows of a bigBed."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.motifs import Profile, score_distribution
from precompute.scan import compile_scanner, find_hits


class Row(NamedTuple):
    """A hit; scores as in JASPAR's columns 5 and 6."""

    start: int
    end: int
    relative: int
    log_p: int
    strand: str


def rows_of(
    profiles: list[Profile], codes: NDArray[np.uint8], start_bp: int
) -> list[list[Row]]:
    """Sorted hits of each profile; the scores are computed anew, apart from the scanner's."""
    feature, start = find_hits(compile_scanner(profiles), codes)
    out = []
    for number, profile in enumerate(profiles):
        rows = []
        lowest, probability = score_distribution(profile.scores)
        tail = np.cumsum(probability[::-1])[::-1]
        span = profile.max_score - profile.min_score
        column = np.arange(profile.width)
        for strand, scores in (("+", profile.scores), ("-", profile.scores[::-1, ::-1])):
            here = np.sort(start[feature == 2 * number + (strand == "-")])
            words = codes[here[:, None] + column]
            score = scores[column, words].sum(axis=1)
            relative = (1000 * (score - profile.min_score)) // max(span, 1)
            log_p = (-100 * np.log10(tail[score - lowest])).astype(int)
            rows += [
                Row(start_bp + s, start_bp + s + profile.width, r, p, strand)
                for s, r, p in zip(here.tolist(), relative.tolist(), log_p.tolist(), strict=True)
            ]
        out.append(sorted(rows))
    return out


def write_tsv(path: Path, chrom: str, tf: str, rows: list[Row], more: str = "") -> None:
    """A profile's file, gzip where its name says so; ``more`` are further lines."""
    text = "".join(
        f"{chrom}\t{r.start}\t{r.end}\t{tf}\t{r.relative}\t{r.log_p}\t{r.strand}\n" for r in rows
    )
    data = (text + more).encode()
    path.write_bytes(gzip.compress(data, 1) if path.suffix == ".gz" else data)


def write_bigbed(
    path: Path, chroms: dict[str, int], rows: list[tuple[str, int, int, str]]
) -> None:
    """A bigBed of (chrom, start, end, other fields), by a library that is not the reader's."""
    import pybigtools

    pybigtools.open(str(path), "w").write(chroms, iter(sorted(rows)))
