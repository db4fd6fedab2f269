"""Chromosomes, regions and tracks: the same names and the same stretches everywhere."""

from __future__ import annotations

from collections import Counter

import numpy as np

from precompute.doctor.findings import ORDER, Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger


def check_chromosomes(opened: Opened, chart: Chart) -> list[str]:
    """Every Zarr artefact lists the same chromosomes in the same order; returns that list.

    The list that most artefacts bear is believed, then that of the artefact made first.
    """
    lists = {
        name: tuple(opened.chroms(name)) for name in opened.groups if opened.chroms(name)
    }
    asked = tuple(r.chrom for r in opened.config.genome.regions) if opened.config else ()
    if not lists:
        return list(asked)
    votes: Counter[tuple[str, ...]] = Counter()
    for name, names in lists.items():
        votes[names] += 1 if name in (chart.changed or ()) else 100
    if asked:  # else whole chromosomes by pattern, which only the FASTA can tell
        votes[asked] += 100
    first = {names: min(ORDER[n] for n, x in lists.items() if x == names) for names in
             set(lists.values())}
    agreed = max(votes, key=lambda names: (votes[names], -first.get(names, len(ORDER))))
    for name, names in lists.items():
        others = [n for n, x in lists.items() if x == agreed][:4]
        chart.require(
            names == agreed, name, "agreement", f"lists the chromosomes {', '.join(names)}",
            f"{', '.join(agreed)} as in {', '.join(others) or 'the configuration'}",
            part="attribute chroms",
        )
    if asked and asked != agreed:
        chart.fault(
            "config", "agreement", f"asks for the chromosomes {', '.join(asked)}",
            f"{', '.join(agreed)} as the artefacts hold", part="genome.regions",
            action="run the stage genome, or restore config.json",
        )
    return list(agreed)


def _check_regions(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    asked = {r.chrom: r for r in opened.config.genome.regions} if opened.config else {}
    for chrom in opened.chroms("sequence"):
        attrs = opened.attributes["sequence", chrom]
        start, end, length = (int(attrs[key]) for key in ("start", "end", "length"))
        chart.require(
            0 <= start < end <= length, "sequence", "values",
            f"covers {start:,}-{end:,} of {length:,} bp", "0 <= start < end <= length",
            chrom=chrom, part="attributes start and end",
        )
        region = asked.get(chrom)
        if region is not None:
            wanted = region.start, length if region.end is None else region.end
            chart.require(
                (start, end) == wanted, "sequence", "agreement", f"covers {start:,}-{end:,}",
                f"{wanted[0]:,}-{wanted[1]:,} as the configuration asks", chrom=chrom,
                part="attributes start and end",
            )


def _starts(name: str) -> Rule:
    """An artefact along the bases begins where the sequence does."""

    def check(opened: Opened, chart: Chart, ledger: Ledger) -> None:
        for chrom in opened.chroms(name):
            found = opened.attribute(name, chrom, "start")
            wanted = opened.attribute("sequence", chrom, "start")
            chart.require(
                found == wanted, chart.blame("sequence", name), "agreement",
                f"{name} begins at {found:,}", f"{wanted:,}, where the sequence begins",
                chrom=chrom, part="attribute start",
            )

    return Rule(("sequence", name), check)


def _intervals(name: str) -> Rule:
    """Rows of a table lie on the run's chromosomes and go forwards."""

    def check(opened: Opened, chart: Chart, ledger: Ledger) -> None:
        table, chroms = opened.tables[name], set(opened.chroms("sequence"))
        at = 0
        for batch in table.iter_batches(columns=["chrom", "start", "end"]):
            strange = set(batch.column("chrom").unique().to_pylist()) - chroms
            if strange:
                chart.fault(
                    name, "agreement", f"names the chromosome {min(strange)!r}",
                    f"{', '.join(sorted(chroms))} as in sequence", part="chrom",
                )
            start, end = (batch.column(c).to_numpy().astype(np.int64) for c in ("start", "end"))
            bad = (end <= start) | (start < 0)
            if bad.any():
                k = int(bad.argmax())
                chart.fault(
                    name, "values", f"row {at + k:,} goes from {start[k]:,} to {end[k]:,}",
                    "0 <= start < end", part="start, end",
                )
            at += batch.num_rows

    return Rule((name, "sequence"), check)


def _check_exons(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    at = 0
    for batch in opened.tables["transcripts"].iter_batches(columns=["exon_starts", "exon_ends"]):
        starts, ends = batch.column("exon_starts"), batch.column("exon_ends")
        a, b = (np.asarray(x.value_lengths().fill_null(0)) for x in (starts, ends))
        bad = a != b
        if not bad.any():
            first, last = (x.flatten().to_numpy(zero_copy_only=False) for x in (starts, ends))
            rows = np.repeat(np.arange(batch.num_rows), a)
            bad = np.zeros(batch.num_rows, dtype=bool)
            bad[rows[first >= last]] = True
        if bad.any():
            chart.fault(
                "transcripts", "values", f"row {at + int(bad.argmax()):,} has exons that do not "
                "go from a start to an end", "one end after each start", part="exon_starts",
            )
        at += batch.num_rows


def _check_tracks(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    found = opened.tracks
    for track, about in found.items():
        lacking = [k for k in ("label", "short_label", "unit", "target")
                   if not isinstance(about, dict) or k not in about]
        chart.require(
            not lacking, "signal", "schema", f"the track {track} has no {', '.join(lacking)}",
            "label, short_label, unit and target", part="attribute tracks",
        )
    if opened.config is not None:
        asked = [track.name for track in opened.config.tracks]
        chart.require(
            sorted(found) == sorted(asked), "signal", "agreement",
            f"has the tracks {', '.join(sorted(found))}",
            f"{', '.join(sorted(asked))} as the configuration asks", part="attribute tracks",
        )


RULES = [
    Rule(("sequence",), _check_regions),
    _starts("depth"),
    _starts("hits"),
    Rule(("signal",), _check_tracks),
    *(
        _intervals(name)
        for name in ("transcripts", "genes", "intervals", "peaks", "repeats", "points", "lexicon")
    ),
    Rule(("transcripts",), _check_exons),
]
