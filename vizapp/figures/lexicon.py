"""One word's places: how long they are, and where they lie along the chromosomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.theme import ACCENT, axis, base_layout

#: Stretches that the longest chromosome is divided into.
N_CELLS = 120


def _whole(most: int) -> dict[str, Any]:
    """Ticks at whole numbers only, few of them."""
    return {"dtick": 1, "tick0": 0} if most <= 4 else {"nticks": 4}


def lengths(values: NDArray[np.integer]) -> dict[str, Any]:
    """Bars of how many places have each length.

    Parameters
    ----------
    values : int (n_places,), bp
    """
    bp, n = np.unique(values, return_counts=True)
    return {
        "data": [{
            "type": "bar", "x": packed(bp), "y": packed(n), "marker": {"color": ACCENT},
            "hovertemplate": "%{x} bp: %{y:,} places<extra></extra>",
        }],
        "layout": base_layout(
            xaxis=axis("length of the place (bp)", range=[min(0, bp[0]), bp[-1] + 1.5]),
            yaxis=axis("places", rangemode="tozero", tickformat=",~d", **_whole(int(n.max()))),
            margin={"l": 48, "r": 8, "t": 6, "b": 38}, bargap=0.1,
        ),
    }


def positions(
    chroms: Sequence[tuple[str, int, int]], number: NDArray[np.integer],
    middle: NDArray[np.integer],
) -> dict[str, Any]:
    """Number of places in equal stretches of each chromosome, one row for each.

    Parameters
    ----------
    chroms : (name, start, end) of what the run covers, bp
    number : int (n_places,), chromosome of each place in ``chroms``
    middle : int (n_places,), bp
    """
    low, high = min(c[1] for c in chroms), max(c[2] for c in chroms)
    cell = max(1, -(-(high - low) // N_CELLS))
    n_cells = -(-(high - low) // cell)
    count = np.zeros((len(chroms), n_cells), dtype=np.int64)
    np.add.at(count, (number, (middle - low) // cell), 1)
    shown = np.where(count > 0, count, np.nan)
    names = [name for name, _, _ in chroms]
    room = 0.8 if len(chroms) == 1 else 0.1
    unit, name = (1e6, "Mb") if high - low >= 2e6 else (1e3, "kb")
    outline = [
        {"type": "rect", "x0": start / unit, "x1": end / unit, "y0": k - 0.5, "y1": k + 0.5,
         "line": {"width": 1, "color": "rgba(128,140,152,0.6)"}, "layer": "above"}
        for k, (_, start, end) in enumerate(chroms)
    ]
    return {
        "data": [{
            "type": "heatmap", "z": packed(shown, "float32"), "x0": (low + cell / 2) / unit,
            "dx": cell / unit, "y": names, "colorscale": "Cividis", "zmin": 0,
            "zmax": float(max(1, count.max())), "ygap": 2,
            "colorbar": {"title": {"text": "places", "side": "right"}, "thickness": 8,
                         "len": 1, "outlinewidth": 0, "tickformat": ",~d",
                         **_whole(int(count.max()))},
            "hovertemplate": f"%{{y}}, about %{{x:.4~r}} {name}: %{{z:,}} places in "
            f"{cell / unit:.3g} {name}<extra></extra>",
        }],
        "layout": base_layout(
            xaxis=axis(
                f"position ({name})", range=[low / unit, high / unit], showgrid=False,
                tickformat=",~r",
            ),
            # One chromosome is a band, not a wall.
            yaxis={"range": [len(chroms) - 0.5 + room, -0.5 - room], "automargin": True,
                   "tickfont": {"size": 11}, "showgrid": False, "ticks": ""},
            shapes=outline, margin={"l": 10, "r": 6, "t": 6, "b": 38},
        ),
    }
