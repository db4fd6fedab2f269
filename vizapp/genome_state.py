"""What the genome view shows, as small values checked on the server: tracks in their order, each
with its height and scale, and the marked regions. Both have a compact text for links."""

from __future__ import annotations

import math
import re
from collections.abc import Container
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from precompute.errors import MotiflensError, RegionError
from vizapp.state import Region, parse_region

__all__ = [
    "MAX_MARKS", "MAX_TRACKS", "Mark", "TrackItem", "ViewError", "marks_from_text", "marks_text",
    "parse_marks", "parse_tracks", "tracks_from_text", "tracks_text",
]

MAX_TRACKS = 40
MAX_MARKS = 20
_MAX_NAME = 40

#: Times its usual height that a track may have.
LEAST_TIMES, MOST_TIMES = 0.4, 6.0


class ViewError(MotiflensError):
    """A link or a request names tracks or marked regions that there are not."""


class TrackItem(NamedTuple):
    """One track of the view.

    Attributes
    ----------
    id : of the catalogue
    times : height as a multiple of the track's usual one
    scale : 'auto' (what is in view), 'group' (one scale for its group), or (least, most)
    """

    id: str
    times: float = 1.0
    scale: Literal["auto", "group"] | tuple[float, float] = "auto"

    def as_json(self) -> dict[str, Any]:
        """As a store holds it."""
        scale = list(self.scale) if isinstance(self.scale, tuple) else self.scale
        return {"id": self.id, "times": self.times, "scale": scale}


class Mark(NamedTuple):
    """A marked region and what it is called."""

    region: Region
    name: str

    def as_json(self) -> dict[str, Any]:
        """As a store holds it."""
        return {**self.region._asdict(), "name": self.name}


class _RawTrack(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str = Field(max_length=200)
    times: float = Field(default=1.0, ge=LEAST_TIMES, le=MOST_TIMES, allow_inf_nan=False)
    scale: Literal["auto", "group"] | tuple[float, float] = "auto"


class _RawMark(BaseModel):
    model_config = ConfigDict(extra="forbid")
    chrom: str = Field(max_length=64)
    start: int = Field(strict=True)
    end: int = Field(strict=True)
    name: str = Field(default="", max_length=_MAX_NAME)


def _checked(item: _RawTrack, known: Container[str]) -> TrackItem:
    if item.id not in known:
        raise ViewError(
            f"this run has no track {item.id[:60]!r}; choose one from the list of tracks"
        )
    if isinstance(item.scale, tuple):
        low, high = item.scale
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ViewError(
                f"the scale of {item.id[:60]!r} goes from {low:g} to {high:g}; give two numbers, "
                "the smaller one first"
            )
    return TrackItem(item.id, item.times, item.scale)


def parse_tracks(raw: Any, known: Container[str]) -> list[TrackItem]:
    """Tracks of a store or a request, each once.

    Raises
    ------
    ViewError
        When it is malformed, names a track twice or one that there is not, or is too long.
    """
    if not isinstance(raw, list) or len(raw) > MAX_TRACKS:
        raise ViewError(f"the tracks could not be read, or are more than {MAX_TRACKS}; remove some")
    try:
        items = [_checked(_RawTrack.model_validate(one), known) for one in raw]
    except ValidationError:
        raise ViewError("the tracks could not be read; reset them in the list of tracks") from None
    if len({item.id for item in items}) < len(items):
        raise ViewError("a track is named twice; reset them in the list of tracks")
    return items


def parse_marks(raw: Any, chroms: dict[str, tuple[int, int]]) -> list[Mark]:
    """Marked regions of a store or a request, inside the run's sequence.

    Raises
    ------
    ViewError, RegionError
        When one is malformed or outside, or there are more than ``MAX_MARKS``.
    """
    if not isinstance(raw, list):
        raise ViewError("the marked regions could not be read; mark them again")
    if len(raw) > MAX_MARKS:
        raise ViewError(f"at most {MAX_MARKS} regions can be marked; remove some first")
    try:
        items = [_RawMark.model_validate(one) for one in raw]
    except ValidationError:
        raise ViewError("a marked region could not be read; mark it again") from None
    return [
        Mark(parse_region(item.model_dump(exclude={"name"}), chroms), _plain(item.name))
        for item in items
    ]


def _plain(name: str) -> str:
    return " ".join(name.split())


# -- links: 'genes,observed.dnase~1.5~0_8,tokens', 'chr20:101-200~promoter' ------------------------

_SAFE = ":"


def _escape(text: str) -> str:
    return quote(text, safe=_SAFE).replace("~", "%7E")


def tracks_text(items: list[TrackItem]) -> str:
    """Tracks for a link."""
    parts = []
    for item in items:
        text = _escape(item.id)
        if item.times != 1 or item.scale != "auto":
            text += f"~{item.times:g}"
        if item.scale == "group":
            text += "~group"
        elif isinstance(item.scale, tuple):
            text += f"~{item.scale[0]:g}_{item.scale[1]:g}"
        parts.append(text)
    return ",".join(parts)


def tracks_from_text(text: str, known: Container[str]) -> list[TrackItem]:
    """Tracks of a link.

    Raises
    ------
    ViewError
        As :func:`parse_tracks`.
    """
    raw = []
    for part in text.split(",") if text else []:
        name, *more = part.split("~")
        item: dict[str, Any] = {"id": unquote(name)}
        if more:
            item["times"] = more[0]
        if len(more) > 1:
            item["scale"] = more[1].split("_") if "_" in more[1] else more[1]
        raw.append(item)
    return parse_tracks(raw, known)


def marks_text(marks: list[Mark]) -> str:
    """Marked regions for a link: 1-based, inclusive."""
    return ",".join(
        f"{_escape(m.region.chrom)}:{m.region.start + 1}-{m.region.end}"
        + (f"~{_escape(m.name)}" if m.name else "")
        for m in marks
    )


def marks_from_text(text: str, chroms: dict[str, tuple[int, int]]) -> list[Mark]:
    """Marked regions of a link.

    Raises
    ------
    ViewError, RegionError
        As :func:`parse_marks`.
    """
    raw = []
    for part in text.split(",") if text else []:
        place, _, name = part.partition("~")
        found = re.fullmatch(r"(.{1,64}):(\d{1,12})-(\d{1,12})", place)
        if not found:
            raise RegionError(
                f"the marked region {place[:40]!r} of the link could not be read; it looks like "
                "chr20:101-200~name"
            )
        chrom, start, end = found.groups()
        raw.append({"chrom": unquote(chrom), "start": int(start) - 1, "end": int(end),
                    "name": unquote(name)})
    return parse_marks(raw, chroms)
