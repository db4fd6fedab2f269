"""What a selection is: a small expression over sets of map points, checked on the server.

Leaves are a drawn outline, a community, a word, motif clusters, or a window of the genome; union,
intersect, subtract and invert combine them. An expression is plain JSON: it travels in a store or
in a link, and the server, which keeps nothing of a user, finds the points anew.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from precompute.errors import MotiflensError

#: Most parts (leaves and operations) of a selection, levels of operations, and drawn corners.
MAX_PARTS, MAX_DEPTH, MAX_CORNERS = 64, 24, 2_000

#: Ways in which something drawn or clicked counts with what is selected already.
HOW = ("replace", "union", "subtract", "intersect")

_UNREADABLE = "the selection could not be read; select again"


class StateError(MotiflensError):
    """A value from the browser that is not what the app sends."""


class Strict(BaseModel):
    """A value from a browser: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Coordinate = Annotated[float, Field(ge=-1e9, le=1e9)]


class Lasso(Strict):
    """A polygon drawn on a layout; a box is its four corners."""

    kind: Literal["lasso"]
    layout: Literal["umap", "tsne", "pca"]
    polygon: list[tuple[Coordinate, Coordinate]] = Field(min_length=3, max_length=MAX_CORNERS)


class Community(Strict):
    """All points of a community."""

    kind: Literal["community"]
    level: Literal["mega", "sub"]
    id: int = Field(ge=0, le=32767)


class Word(Strict):
    """All places of one word."""

    kind: Literal["word"]
    word: int = Field(ge=0, le=2**31 - 1)


class Motif(Strict):
    """Points with any of the motif clusters: occupancy of at least ``least``.

    Without ``least`` it is the run's word threshold, so that the cluster is in the point's word.
    """

    kind: Literal["motif"]
    clusters: list[Annotated[int, Field(ge=0, le=32767)]] = Field(min_length=1, max_length=256)
    least: Annotated[float, Field(gt=0, le=1e3)] | None = None

    @field_validator("least", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if value is None:  # what JSON makes of NaN
            raise ValueError("no number")
        return value


class Window(Strict):
    """Points whose bin overlaps a window of the genome, 0-based half-open."""

    kind: Literal["window"]
    chrom: str = Field(min_length=1, max_length=64)
    start: int = Field(ge=0, le=2**40)
    end: int = Field(ge=1, le=2**40)


class Operation(Strict):
    """Sets of points combined: invert takes one part, subtract two, the others two or more."""

    kind: Literal["union", "intersect", "subtract", "invert"]
    of: list[Selection] = Field(min_length=1, max_length=MAX_PARTS)

    @model_validator(mode="after")
    def _count(self) -> Operation:
        n = len(self.of)
        if (n == 1) != (self.kind == "invert") or (self.kind == "subtract" and n != 2):
            raise ValueError(f"{self.kind} of {n}")
        return self


Leaf = Lasso | Community | Word | Motif | Window
AnySelection = Leaf | Operation
Selection = Annotated[AnySelection, Field(discriminator="kind")]
Operation.model_rebuild()
_SELECTION: TypeAdapter[AnySelection] = TypeAdapter(Selection)


def parse_selection(raw: Any) -> AnySelection | None:
    """A selection store's value in its canonical form; None is no selection.

    Raises
    ------
    StateError
        When it is neither, or larger than a selection may be.
    """
    if raw is None:
        return None
    _require_small(raw)
    try:
        # Through JSON mode, so that lists of two numbers are points; NaN becomes null and fails.
        return canonical(_SELECTION.validate_json(orjson.dumps(raw)))
    except (ValidationError, ValueError, TypeError):
        raise StateError(_UNREADABLE) from None


def _require_small(raw: Any) -> None:
    """Bound the size before any recursion: the text of a stranger can be deep and long."""
    stack, parts, n_corners = [(raw, 1)], 0, 0
    while stack:
        node, depth = stack.pop()
        if not isinstance(node, dict):
            raise StateError(_UNREADABLE)
        parts += 1
        polygon, inner = node.get("polygon"), node.get("of")
        n_corners += len(polygon) if isinstance(polygon, list) else 0
        n_inner = len(inner) if isinstance(inner, list) else 0
        if parts + n_inner > MAX_PARTS or depth > MAX_DEPTH or n_corners > MAX_CORNERS:
            raise StateError(
                f"the selection has more than {MAX_PARTS} parts, {MAX_DEPTH} levels or "
                f"{MAX_CORNERS:,} drawn corners; save what you need of it and start a new one"
            )
        stack += [(part, depth + 1) for part in inner] if isinstance(inner, list) else []


def key(selection: AnySelection) -> bytes:
    """The same bytes for the same expression."""
    return orjson.dumps(selection.model_dump(exclude_none=True), option=orjson.OPT_SORT_KEYS)


def as_json(selection: AnySelection) -> dict[str, Any]:
    """What a store holds of a selection."""
    return selection.model_dump(mode="json", exclude_none=True)


def canonical(selection: AnySelection) -> AnySelection:
    """One form for expressions that mean the same by their shape.

    Unions within a union and intersections within an intersection are joined, their parts sorted
    and each kept once; two inversions cancel.
    """
    if isinstance(selection, Motif):
        return selection.model_copy(update={"clusters": sorted(set(selection.clusters))})
    if not isinstance(selection, Operation):
        return selection
    parts = [canonical(part) for part in selection.of]
    if selection.kind == "invert":
        inner = parts[0]
        if isinstance(inner, Operation) and inner.kind == "invert":
            return inner.of[0]
        return Operation(kind="invert", of=parts)
    if selection.kind == "subtract":
        return Operation(kind="subtract", of=parts)
    joined: dict[bytes, AnySelection] = {}
    for part in parts:
        same = isinstance(part, Operation) and part.kind == selection.kind
        pieces: list[AnySelection] = part.of if same else [part]  # type: ignore[union-attr]
        joined |= {key(piece): piece for piece in pieces}
    ordered = [joined[name] for name in sorted(joined)]
    return ordered[0] if len(ordered) == 1 else Operation(kind=selection.kind, of=ordered)


def combine(current: Any, new: Any, how: Any) -> dict[str, Any]:
    """The stored selection after something new is drawn or clicked.

    Parameters
    ----------
    current, new : stored selections; ``current`` may be None
    how : one of ``HOW``

    Raises
    ------
    StateError
        When nothing is selected to subtract from, or the result is too large.
    """
    chosen, before = parse_selection(new), parse_selection(current)
    if chosen is None or how not in HOW:
        raise StateError(_UNREADABLE)
    if how == "replace" or (before is None and how == "union"):
        return as_json(chosen)
    if before is None:
        raise StateError(f"nothing is selected yet, so there is nothing to {how}; select first")
    result = canonical(Operation(kind=how, of=[before, chosen]))
    _require_small(as_json(result))
    return as_json(result)


def invert(current: Any) -> dict[str, Any]:
    """The stored selection of all other points.

    Raises
    ------
    StateError
        When nothing is selected.
    """
    before = parse_selection(current)
    if before is None:
        raise StateError("nothing is selected, so there is nothing to invert; select first")
    result = canonical(Operation(kind="invert", of=[before]))
    _require_small(as_json(result))
    return as_json(result)
