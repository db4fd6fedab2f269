"""Edits of a window from the command line, to a CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from precompute.artefacts import RunFolder
from precompute.errors import RegionError
from precompute.models.bigwig import whole_or_not
from precompute.models.fasta import track_number
from precompute.what_if.apply import ERASERS, Editor
from precompute.what_if.compare import Effect, bounds_of, compare, open_stage
from precompute.what_if.edits import EditError, Span, parse_edits
from precompute.what_if.mutagenesis import checked_stretch, mutate
from precompute.what_if.predict import predict_edited
from precompute.what_if.reader import Reader
from precompute.what_if.table import About, comparison_csv, mutagenesis_csv

#: Middle of the window that is summed when no target is given, bp.
TARGET_BP = 500
_REGION = re.compile(r"(?:([^\s:]+):)?([0-9][0-9,]*)-([0-9][0-9,]*)")


def read_region(text: str, chrom: str | None = None) -> tuple[str, Span]:
    """Chromosome and span of ``chr20:1,474,477-1,494,476``, 1-based and inclusive.

    Raises
    ------
    RegionError
        When it is none, or names no chromosome and none is given.
    """
    found = _REGION.fullmatch(text.strip())
    name = (found[1] if found else None) or chrom
    if found is None or name is None:
        raise RegionError(
            f"{text[:60]!r} is no region; write for example chr20:1,474,477-1,494,476, 1-based "
            "and inclusive"
        )
    span = Span(int(found[2].replace(",", "")) - 1, int(found[3].replace(",", "")))
    if span.start < 0 or span.end <= span.start:
        raise RegionError(f"the region {text[:60]!r} is empty or begins before 1; correct it")
    return name, span


def middle_of(start: int, end: int) -> Span:
    """The middle :data:`TARGET_BP` of a window, or all of a shorter one."""
    first = max(start, (start + end - TARGET_BP) // 2)
    return Span(first, min(end, first + TARGET_BP))


def what_if(
    run: RunFolder, model: str, region: str, edits: Sequence[str], out: Path,
    track: str | None = None, target: str | None = None, eraser: str = "shuffle",
    mutagenesis: str | None = None, seed: int = 1,
) -> Effect:
    """Predict a window with and without edits and write a CSV, whole or not at all.

    Parameters
    ----------
    run : run folder
    model : name, see :func:`precompute.models.registry.model_names`
    region : window, see :func:`read_region`
    edits : texts, see :mod:`precompute.what_if.edits`
    out : file to write
    track : of the model, where it has several
    target : stretch whose signal is summed; the window's middle by default
    eraser : how bases are taken away from a one-hot model, 'shuffle' or 'n'
    mutagenesis : stretch of which every substitution is written instead
    seed : of the shuffles

    Raises
    ------
    MotiflensError
        When anything does not fit; nothing is written then.
    """
    if eraser not in ERASERS:
        raise EditError(f"bases become 'shuffle' or 'n', got {eraser[:20]!r}; choose one")
    reader = Reader.open(run, model)
    number = track_number(reader.model, track)
    chrom, span = read_region(region)
    bounds = bounds_of(run, chrom, span.start, span.end)
    aim = read_region(target, chrom)[1] if target else middle_of(bounds.start, bounds.end)
    parsed = parse_edits(edits, chrom)
    stage = open_stage(reader, bounds)
    window = Editor(bounds, eraser, seed).apply(stage.predicted.window, parsed.edits)
    edited = predict_edited(stage.predicted, window)
    result = compare(stage, edited, aim, number)
    name = reader.model.tracks[number]
    unit = str(run.group("signal").attrs["tracks"].get(name, {}).get("unit", "signal"))
    about = About(
        model, name, unit, bounds, aim, parsed.texts, "" if reader.reads_tokens else eraser
    )
    if mutagenesis is None:
        lines = comparison_csv(about, result)
    else:
        stretch = checked_stretch(stage, read_region(mutagenesis, chrom)[1])
        lines = mutagenesis_csv(about, [mutate(stage, edited, stretch, aim, number)])
    with whole_or_not(out) as path, path.open("w", encoding="utf-8") as handle:
        handle.writelines(lines)
    return result.effect
