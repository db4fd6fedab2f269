"""Names of points: how long they may be, and where they go so that none lies on another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LETTER_PX, _LINE_PX, _GAP_PX = 5.6, 12.0, 5.0
_MOST_HIDDEN = 2
#: Sides of a point in the order in which they are tried, with Plotly's word for each.
_SIDES = ("middle right", "middle left", "top center", "bottom center", "top right",
          "bottom right", "top left", "bottom left")


def shorten(label: str, most: int = 24) -> str:
    """A label of at most ``most`` letters."""
    return label if len(label) <= most else label[: most - 1] + "…"


def first_factor(label: str) -> str:
    """The first factor that the label of a motif cluster names.

    >>> [first_factor(label) for label in ("CTCF (-) MA0139.1", "KLF4 / RREB1 +27", "CpG")]
    ['CTCF', 'KLF4', 'CpG']
    """
    return label.split(" ", 1)[0]


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether two rectangles share any area."""
        return (self.left < other.right and other.left < self.right
                and self.top < other.bottom and other.top < self.bottom)


def _placed(x: float, y: float, width: float, side: str) -> Box:
    vertical, horizontal = side.split()
    left = {"left": x - _GAP_PX - width, "right": x + _GAP_PX}.get(horizontal, x - width / 2)
    gap = _GAP_PX if horizontal == "center" else 0
    top = {"top": y - gap - _LINE_PX, "bottom": y + gap}.get(vertical, y - _LINE_PX / 2)
    return Box(left, top, left + width, top + _LINE_PX)


def _hidden(box: Box, points: NDArray[np.floating] | None) -> int:
    if points is None or not len(points):
        return 0
    x, y = points[:, 0], points[:, 1]
    inside = (x > box.left - 3) & (x < box.right + 3) & (y > box.top - 1) & (y < box.bottom + 1)
    return int(inside.sum())


def place_names(
    x_px: Sequence[float], y_px: Sequence[float], names: Sequence[str], width_px: float,
    height_px: float, others_px: NDArray[np.floating] | None = None,
) -> list[str | None]:
    """The side of its point on which each name is written; None where it finds no free place.

    Parameters
    ----------
    x_px, y_px : points in pixels from the left and the top of the plot, most important first
    names : of the points
    width_px, height_px : of the plot
    others_px : float (n, 2), points without a name; a name takes the side that hides the fewest,
        and one that would hide more than two is not written

    Returns
    -------
    Plotly's ``textposition`` for each point
    """
    frame = Box(0, 0, width_px, height_px)
    taken = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in zip(x_px, y_px, strict=True)]
    found: list[str | None] = []
    for number, (x, y, name) in enumerate(zip(x_px, y_px, names, strict=True)):
        side, room, least = None, None, _MOST_HIDDEN + 1
        for candidate in _SIDES:
            box = _placed(x, y, _LETTER_PX * len(name), candidate)
            inside = (box.left >= frame.left and box.right <= frame.right
                      and box.top >= frame.top and box.bottom <= frame.bottom)
            if not inside or any(box.meets(b) for k, b in enumerate(taken) if k != number):
                continue
            hidden = _hidden(box, others_px)
            if hidden < least:
                side, room, least = candidate, box, hidden
        if room is not None:
            taken.append(room)
        found.append(side)
    return found
