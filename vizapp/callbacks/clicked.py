"""What was clicked. A click leads where its label says: by the time it arrives, what is chosen
beside the table or the figure may have changed."""

from __future__ import annotations

from typing import Any

from vizapp.data import RunData
from vizapp.loci import LocusError, parse_locus
from vizapp.state import Region, clamp


def first_row(rows: Any) -> dict[str, Any]:
    """The first of a table's ``selectedRows``; empty for anything else."""
    row = rows[0] if isinstance(rows, list) and rows else None
    return row if isinstance(row, dict) else {}


def first_point(event: Any) -> dict[str, Any]:
    """The first point of a figure's ``clickData``; empty for anything else."""
    return first_row(event.get("points")) if isinstance(event, dict) else {}


def named_by(event: Any) -> Any:
    """The first entry of the ``customdata`` of a clicked point; None where it has none."""
    custom = first_point(event).get("customdata")
    return custom[0] if isinstance(custom, list) and custom else None


def shown_place(data: RunData, text: Any) -> Region | None:
    """The place that a row or point was labelled with, as
    :func:`~vizapp.loci.format_locus` writes it; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        locus = parse_locus(text, data.genome.lengths)
    except LocusError:
        return None
    low, high = data.chroms[locus.chrom]
    if not low <= locus.start < locus.end <= high:
        return None
    return clamp(Region(locus.chrom, locus.start, locus.end), data.chroms)
