"""The linked state: region and selection, as small values checked on the server.

What comes from a browser is untrusted: each ``parse`` takes anything and gives a checked value or
raises a sentence. Stores hold ids and ranges, never lists of points. Selections are defined in
:mod:`vizapp.selection` and can be taken from here too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from precompute.errors import RegionError
from vizapp.selection import AnySelection, Community, Lasso, StateError, Word, parse_selection

__all__ = [
    "LAYOUTS", "MIN_WINDOW_BP", "AnySelection", "Community", "Lasso", "Region", "StateError",
    "Word", "around", "clamp", "parse_region", "parse_selection",
]

LAYOUTS = ("umap", "tsne", "pca")

#: Narrowest window that can be shown, bp.
MIN_WINDOW_BP = 20


class Region(NamedTuple):
    """A window of one chromosome, 0-based half-open."""

    chrom: str
    start: int
    end: int

    @property
    def width(self) -> int:
        return self.end - self.start


class _RawRegion(BaseModel):
    model_config = ConfigDict(extra="forbid")
    chrom: str = Field(max_length=64)
    start: int = Field(strict=True)
    end: int = Field(strict=True)


def parse_region(raw: Any, chroms: dict[str, tuple[int, int]]) -> Region:
    """A region store's value, inside the run's sequence.

    Raises
    ------
    RegionError
        When it is malformed, backwards, or outside.
    """
    try:
        region = _RawRegion.model_validate(raw)
    except ValidationError:
        raise RegionError("the region could not be read; type one into the region box") from None
    if region.chrom not in chroms:
        raise RegionError(
            f"this run has no chromosome {region.chrom!r}, it has {', '.join(chroms)}; "
            "choose one of them"
        )
    if region.end <= region.start:
        raise RegionError("the region ends before it starts; swap its two numbers")
    return clamp(Region(region.chrom, region.start, region.end), chroms)


def clamp(region: Region, chroms: dict[str, tuple[int, int]]) -> Region:
    """The nearest window inside the run's sequence, at least ``MIN_WINDOW_BP`` wide."""
    low, high = chroms[region.chrom]
    width = min(max(region.end - region.start, MIN_WINDOW_BP), high - low)
    start = region.start - max(0, MIN_WINDOW_BP - (region.end - region.start)) // 2
    start = min(max(start, low), high - width)
    return Region(region.chrom, start, start + width)


def around(chrom: str, start: int, end: int, width: int, chroms: dict) -> Region:
    """A window of ``width`` centred on a feature, or wider when the feature is."""
    width = max(width, end - start)
    first = (start + end - width) // 2
    return clamp(Region(chrom, first, first + width), chroms)
