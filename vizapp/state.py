"""The linked state: region, selection and colour, as small values checked on the server.

What comes from a browser is untrusted: each ``parse`` takes anything and gives a checked value or
raises a sentence. Stores hold ids and ranges, never lists of points.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from precompute.errors import MotiflensError, RegionError

LAYOUTS = ("umap", "tsne", "pca")

#: Narrowest window that can be shown, bp.
MIN_WINDOW_BP = 20


class StateError(MotiflensError):
    """A value from the browser that is not what the app sends."""


class Region(NamedTuple):
    """A window of one chromosome, 0-based half-open."""

    chrom: str
    start: int
    end: int

    @property
    def width(self) -> int:
        return self.end - self.start


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Lasso(_Strict):
    """A polygon drawn on a layout; a box is its four corners."""

    kind: Literal["lasso"]
    layout: Literal["umap", "tsne", "pca"]
    polygon: list[tuple[float, float]] = Field(min_length=3, max_length=5000)


class Community(_Strict):
    """All points of a community."""

    kind: Literal["community"]
    level: Literal["mega", "sub"]
    id: int = Field(ge=0, le=32767)


class Word(_Strict):
    """All places of one word."""

    kind: Literal["word"]
    word: int = Field(ge=0, le=2**31 - 1)


Selection = Annotated[Lasso | Community | Word, Field(discriminator="kind")]
_SELECTION: TypeAdapter[Lasso | Community | Word] = TypeAdapter(Selection)


class _RawRegion(BaseModel):
    model_config = ConfigDict(extra="forbid")
    chrom: str = Field(max_length=64)
    start: int = Field(strict=True)
    end: int = Field(strict=True)


def parse_selection(raw: Any) -> Lasso | Community | Word | None:
    """A selection store's value; None is no selection.

    Raises
    ------
    StateError
        When it is neither.
    """
    if raw is None:
        return None
    try:
        # Through JSON mode, so that lists of two numbers are points.
        return _SELECTION.validate_json(_json(raw))
    except (ValidationError, ValueError, TypeError):
        raise StateError("the selection could not be read; select again") from None


def _json(raw: Any) -> bytes:
    import orjson

    return orjson.dumps(raw)


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


def moved(region: Region, share: float, chroms: dict[str, tuple[int, int]]) -> Region:
    """The window shifted by a share of its width, stopped at the ends."""
    step = max(1, round(abs(share) * region.width)) * (1 if share > 0 else -1)
    return clamp(Region(region.chrom, region.start + step, region.end + step), chroms)


def zoomed(region: Region, factor: float, chroms: dict[str, tuple[int, int]]) -> Region:
    """The window around its own centre, ``factor`` times as wide."""
    width = max(MIN_WINDOW_BP, round(region.width * factor))
    low, high = chroms[region.chrom]
    width = min(width, high - low)
    start = (region.start + region.end - width) // 2
    return clamp(Region(region.chrom, start, start + width), chroms)


def around(chrom: str, start: int, end: int, width: int, chroms: dict) -> Region:
    """A window of ``width`` centred on a feature, or wider when the feature is."""
    width = max(width, end - start)
    first = (start + end - width) // 2
    return clamp(Region(chrom, first, first + width), chroms)
