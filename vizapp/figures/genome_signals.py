"""Several curves on one axis of the genome view: observed, predicted, residual, and models."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.genome import Track, limits_of, steps_trace


class Curve(NamedTuple):
    """A step curve: ``values`` between consecutive ``edges`` (bp), in the signal's unit."""

    name: str
    edges: NDArray[np.integer]
    values: NDArray[np.floating]
    color: str
    is_filled: bool = False


def difference(a: Curve, b: Curve) -> NDArray[np.float64]:
    """Values of ``a`` less those of ``b`` in the columns of ``a``.

    Both cover the same stretch; where their columns differ, the value of ``b`` in the middle of a
    column of ``a`` is taken.
    """
    middle = (a.edges[:-1] + a.edges[1:]) / 2
    at = np.clip(np.searchsorted(b.edges, middle, side="right") - 1, 0, len(b.values) - 1)
    return a.values.astype(np.float64) - b.values[at]


def curves_track(
    title: str, curves: list[Curve], unit: str, note: str, height: float = 0.9,
    is_centred: bool = False,
) -> Track:
    """Step curves on one axis, the first at the back.

    Parameters
    ----------
    unit : of all of them
    is_centred : whether the axis is as long below 0 as above
    """
    traces = [steps_trace(c.edges, c.values, c.color, c.name, unit, c.is_filled) for c in curves]
    about = "; ".join(part for part in (unit, note) if part)
    y_axis = {"nticks": 3, "tickfont": {"size": 10}}
    track = Track(title, height, traces, y_axis, about, is_centred=is_centred)
    low, high = limits_of(track) or (0.0, 1.0)
    return Track(title, height, traces, {**y_axis, "range": [low, high]}, about,
                 is_centred=is_centred)
