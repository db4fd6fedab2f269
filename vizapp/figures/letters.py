"""Letters as filled polygons, for sequence logos: every export keeps them as vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vizapp.theme import BASES


def _arc(a0: float, a1: float, rx: float, ry: float, n: int = 16) -> list[tuple[float, float]]:
    angles = np.linspace(np.radians(a0), np.radians(a1), n)
    return [(0.5 + rx * np.cos(t), 0.5 + ry * np.sin(t)) for t in angles]


def _outlines() -> dict[str, NDArray[np.float64]]:
    """Outline of each letter in the unit square, closed, (n, 2)."""
    a = [
        (0.02, 0), (0.4, 1), (0.6, 1), (0.98, 0), (0.78, 0), (0.69, 0.25), (0.31, 0.25),
        (0.37, 0.42), (0.63, 0.42), (0.5, 0.8), (0.37, 0.42), (0.31, 0.25), (0.22, 0),
    ]
    t = [(0.41, 0), (0.41, 0.83), (0.05, 0.83), (0.05, 1), (0.95, 1), (0.95, 0.83), (0.59, 0.83),
         (0.59, 0)]
    outer, inner = _arc(42, 318, 0.46, 0.5), _arc(318, 42, 0.26, 0.32)
    g_bar = [(0.95, 0.17), (0.95, 0.52), (0.55, 0.52), (0.55, 0.38), (0.74, 0.38), (0.74, 0.25)]
    g = [*_arc(42, 318, 0.46, 0.5), *g_bar, *_arc(312, 42, 0.26, 0.32)]
    shapes = {"A": a, "C": [*outer, *inner], "G": g, "T": t}
    return {base: np.array([*points, points[0]]) for base, points in shapes.items()}


OUTLINES = _outlines()


def letter_traces(
    left: NDArray[np.floating],
    width: float,
    bottom: NDArray[np.floating],
    height: NDArray[np.floating],
    base: NDArray[np.integer],
    xaxis: str = "x",
    yaxis: str = "y",
) -> list[dict]:
    """One filled scatter trace per base.

    Parameters
    ----------
    left, bottom, height : float (n,), data units; a negative height turns the letter over
    width : of every letter, data units
    base : int (n,), 0-3 for A, C, G, T
    """
    traces = []
    for number, letter in enumerate("ACGT"):
        mine = np.flatnonzero((base == number) & (height != 0))
        if len(mine) == 0:
            continue
        outline = OUTLINES[letter]
        x = left[mine, None] + width * (0.04 + 0.92 * outline[None, :, 0])
        y = bottom[mine, None] + height[mine, None] * outline[None, :, 1]
        gap = np.full((len(mine), 1), np.nan)
        traces.append({
            "type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": BASES[letter],
            "line": {"width": 0}, "hoverinfo": "skip", "name": letter, "xaxis": xaxis,
            "yaxis": yaxis,
            "x": _listed(np.concatenate([x, gap], axis=1)),
            "y": _listed(np.concatenate([y, gap], axis=1)),
        })
    return traces


def _listed(values: NDArray[np.float64]) -> list[float | None]:
    # Plotly breaks a line at null; NaN is no JSON.
    return [None if v != v else round(v, 4) for v in values.ravel().tolist()]


def information_stack(pfm: NDArray[np.floating]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Logo letters of a PFM: (position, bottom, height in bits, base), smallest at the bottom.

    Parameters
    ----------
    pfm : float (width, 4), rows sum to 1
    """
    p = np.asarray(pfm, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log2(p), 0).sum(axis=1)
    heights = p * (2 - entropy)[:, None]
    order = np.argsort(heights, axis=1, kind="stable")
    stacked = np.take_along_axis(heights, order, axis=1)
    bottoms = np.cumsum(stacked, axis=1) - stacked
    position = np.repeat(np.arange(len(p)), 4)
    return position, bottoms.ravel(), stacked.ravel(), order.ravel()
