"""The volcano of a comparison: effect against significance, one point per motif cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from vizapp.figures.prominent import HIGHER, LOWER, format_q
from vizapp.theme import axis, base_layout

#: q-value from which a difference counts, and the largest shown as significance.
FDR, SMALLEST_Q = 0.05, 1e-300

_QUIET = "#A0A9B3"


def volcano(
    table: pd.DataFrame, labels: list[str], names: tuple[str, str], most: int = 5
) -> dict[str, Any]:
    """Points of a comparison; the most significant on each side are named.

    Parameters
    ----------
    table : of :meth:`precompute.enrichment.RankedFeatures.compare`, indexed by motif cluster
    labels : of the motif clusters
    names : of the two groups
    most : names shown on each side
    """
    height = -np.log10(np.maximum(table["q_value"].to_numpy(), SMALLEST_Q))
    effect = table["log2_ratio"].to_numpy()
    significant = table["q_value"].to_numpy() < FDR
    traces = []
    sides = (
        (~significant, _QUIET, f"q {FDR:g} or more"),
        (significant & (effect > 0), HIGHER, f"higher in {names[0]}"),
        (significant & (effect <= 0), LOWER, f"higher in {names[1]}"),
    )
    for chosen, color, name in sides:
        rows = table[chosen]
        traces.append({
            "type": "scatter", "mode": "markers", "name": name,
            "x": [round(float(v), 4) for v in effect[chosen]],
            "y": [round(float(v), 3) for v in height[chosen]],
            "cliponaxis": False,
            "marker": {"color": color, "size": 6, "opacity": 0.75},
            "customdata": [
                [int(i), labels[i], round(r.mean_a, 4), round(r.mean_b, 4), round(r.auc, 3),
                 format_q(r.q_value)]
                for i, r in zip(rows.index, rows.itertuples(), strict=True)
            ],
            "hovertemplate": "%{customdata[1]}<br>mean occupancy %{customdata[2]} against "
            "%{customdata[3]}<br>log2 ratio %{x:.3g}, AUC %{customdata[4]}, %{customdata[5]}"
            "<extra></extra>",
        })
    widest = max(1.0, float(np.abs(effect).max(initial=0)) * 1.15)
    top = max(4.0, float(height.max(initial=0)) * 1.12)
    named = [i for side in (True, False) for i in most_different(table, side).index[:most]]
    places = [(effect[i] / widest, height[i] / top, labels[i]) for i in named]
    return {
        "data": traces,
        "layout": base_layout(
            xaxis=axis(f"log2 ratio of mean occupancy, {_short(names[0])} / {_short(names[1])}",
                       range=[-widest, widest], zeroline=True,
                       zerolinecolor="rgba(128,140,152,0.6)"),
            yaxis=axis("significance, -log10 q", range=[-0.02 * top, top]),
            margin={"l": 52, "r": 10, "t": 8, "b": 40}, hovermode="closest",
            annotations=[
                {"x": effect[i], "y": height[i], "text": labels[i], "ax": shift[0], "ay": shift[1],
                 "font": {"size": 10.5}, "arrowwidth": 0.7, "arrowhead": 0, "standoff": 4,
                 "arrowcolor": "rgba(128,140,152,0.8)", "captureevents": False}
                for i, shift in zip(named, _beside(places), strict=True) if shift
            ],
            shapes=[{
                "type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y",
                "y0": -np.log10(FDR), "y1": -np.log10(FDR), "layer": "below",
                "line": {"dash": "dot", "width": 1, "color": "rgba(128,140,152,0.8)"},
            }],
        ),
    }


#: Plot in which names are placed, and half the height of a name and its width per character, px.
_PLOT, _HALF, _CHARACTER = (560.0, 270.0), 7.0, 6.2


def _beside(places: list[tuple[float, float, str]]) -> list[tuple[float, float] | None]:
    """Shift of each name from its point (px, down is positive) so that no two names cross; None
    where there is no room.

    ``places`` are x in [-1, 1], y in [0, 1], and the text.
    """
    taken: list[tuple[float, float, float]] = []
    shifts: list[tuple[float, float] | None] = []
    for x, y, text in places:
        half = _CHARACTER * len(text) / 2
        px, py = (x + 1) / 2 * _PLOT[0], (1 - y) * _PLOT[1]
        shift = None
        for down in (-14, 16, -30, 32, -46, 48, 64, 80, 96):
            for right in (0.0, half + 6, -half - 6):
                cx, cy = px + right, py + down
                inside = half < cx < _PLOT[0] - half and _HALF < cy < _PLOT[1] - _HALF
                free = all(abs(cx - ox) > half + oh or abs(cy - oy) > 2 * _HALF
                           for ox, oy, oh in taken)
                if inside and free:
                    shift = (right, float(down))
                    taken.append((cx, cy, half))
                    break
            if shift:
                break
        shifts.append(shift)
    return shifts


def _short(name: str) -> str:
    return name if len(name) <= 24 else name[:23] + "…"


def most_different(table: pd.DataFrame, is_higher: bool) -> pd.DataFrame:
    """Significant motif clusters of one side, smallest q first, ties by how far AUC is from 0.5."""
    kept = table[(table["q_value"] < FDR) & ((table["log2_ratio"] > 0) == is_higher)]
    return kept.sort_values(
        ["q_value", "auc"], ascending=[True, not is_higher], kind="stable"
    )
