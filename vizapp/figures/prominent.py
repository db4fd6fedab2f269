"""Prominent motifs of a selection, and the logos of the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vizapp.figures.letters import information_stack, letter_traces
from vizapp.theme import axis, base_layout

#: Colours of motif clusters that are higher and lower inside a selection.
HIGHER, LOWER = "#0072B2", "#D55E00"

#: Below this a q-value is only a bound: the smallest p-value that a float64 holds well is 1e-300.
_SMALLEST_Q = 1e-290


def format_q(q: float) -> str:
    """A q-value for a person, never 0."""
    if q < _SMALLEST_Q:
        return f"q < {_SMALLEST_Q:.0e}"
    return f"q {q:.2g}" if q >= 1e-4 else f"q {q:.0e}"


def prominent_motifs(
    table: pd.DataFrame, labels: list[str], most: int = 8, most_lower: int = 3
) -> dict[str, Any]:
    """Bars of the log2 ratio of the most prominent motif clusters, q-values beside them.

    Parameters
    ----------
    table : of :meth:`precompute.enrichment.RankedFeatures.enrich`, indexed by cluster
    labels : of the clusters
    most, most_lower : motif clusters shown that are higher and lower inside
    """
    rows = [prominent_rows(table, most), prominent_rows(table, most_lower, is_higher=False)]
    top = pd.concat(rows)[::-1]
    return {
        "data": [{
            "type": "bar", "orientation": "h", "y": [labels[i] for i in top.index],
            "x": [round(v, 3) for v in top["log2_ratio"]],
            "text": [format_q(q) for q in top["q_value"]], "textposition": "auto",
            "insidetextanchor": "end", "textfont": {"size": 11}, "cliponaxis": False,
            "marker": {"color": [HIGHER if v > 0 else LOWER for v in top["log2_ratio"]]},
            "customdata": [[round(a, 4), round(b, 4), round(c, 3)] for a, b, c in
                           zip(top["mean_in"], top["mean_out"], top["auc"], strict=True)],
            "hovertemplate": "%{y}<br>mean inside %{customdata[0]}, outside %{customdata[1]}"
            "<br>AUC %{customdata[2]}, %{text}<extra></extra>",
        }],
        "layout": base_layout(
            xaxis=axis("log2 ratio of mean occupancy, inside / outside", zeroline=True,
                       zerolinecolor="rgba(128,140,152,0.6)"),
            yaxis={"automargin": True, "tickfont": {"size": 11}},
            margin={"l": 10, "r": 10, "t": 6, "b": 36}, bargap=0.25,
        ),
    }


def prominent_rows(table: pd.DataFrame, most: int, is_higher: bool = True) -> pd.DataFrame:
    """The motif clusters with the smallest q among those higher (or lower) inside; ties by AUC.

    Only a significant difference (q below 0.05) counts as lower; something is always highest.
    """
    if is_higher:
        kept = table[table["log2_ratio"] > 0]
    else:
        kept = table[(table["log2_ratio"] < 0) & (table["q_value"] < 0.05)]
    ordered = kept.sort_values(["q_value", "auc"], ascending=[True, not is_higher], kind="stable")
    return ordered.head(most)


def motif_logos(pfms: Sequence[tuple[str, NDArray[np.floating]]]) -> dict[str, Any]:
    """Sequence logos side by side: (title, PFM float (width, 4)) each."""
    data: list[dict[str, Any]] = []
    layout = base_layout(margin={"l": 40, "r": 8, "t": 22, "b": 34}, annotations=[])
    n = max(1, len(pfms))
    for number, (title, pfm) in enumerate(pfms):
        suffix = "" if number == 0 else str(number + 1)
        position, bottom, height, base = information_stack(pfm)
        data += letter_traces(
            position + 0.5, 1.0, bottom, height, base, f"x{suffix}", f"y{suffix}"
        )
        domain = [number / n + (0.03 if number else 0), (number + 1) / n - 0.01]
        layout[f"xaxis{suffix}"] = axis(
            "position (bp)", domain=domain, range=[0.4, len(pfm) + 0.6], anchor=f"y{suffix}",
            showgrid=False, nticks=6, fixedrange=True,
        )
        layout[f"yaxis{suffix}"] = axis(
            "bits" if number == 0 else "", range=[0, 2.05], anchor=f"x{suffix}",
            tickvals=[0, 1, 2], showgrid=False, showticklabels=number == 0, fixedrange=True,
        )
        layout["annotations"].append({
            "text": title, "xref": "paper", "yref": "paper", "x": sum(domain) / 2, "y": 1.0,
            "xanchor": "center", "yanchor": "bottom", "showarrow": False, "font": {"size": 11},
        })
    return {"data": data, "layout": layout}
