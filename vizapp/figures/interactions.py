"""Interactions of motif clusters: the matrix of pairs, and one pair by distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vizapp.figures.label_places import shorten
from vizapp.loci import format_locus
from vizapp.theme import ACCENT, DIVERGING, axis, base_layout, blank_figure

#: Clusters that the matrix shows at most.
MOST = 60
_SIGNIFICANT = 0.05


def interaction_matrix(
    pairs: pd.DataFrame, clusters: Sequence[int], labels: list[str],
    chosen: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Mean interaction of each tested pair, in both triangles; a dot where q is below 0.05.

    Parameters
    ----------
    pairs : the artefact ``interactions``
    clusters : in the order of rows and columns, at most ``MOST``
    labels : of all motif clusters
    chosen : a pair that is framed
    """
    place = {c: k for k, c in enumerate(clusters[:MOST])}
    n = len(place)
    shown = pairs[pairs["first"].isin(list(place)) & pairs["second"].isin(list(place))]
    if not len(shown):
        return blank_figure("no pair of motif clusters was tested")
    z = np.full((n, n), np.nan)
    custom: list[list[Any]] = [[None] * n for _ in range(n)]
    dots = []
    for row in shown.to_dict("records"):
        i, j = place[row["first"]], place[row["second"]]
        about = [int(row["first"]), int(row["second"]), labels[row["first"]],
                 labels[row["second"]], q_text(row["q_value"]), int(row["sites"]),
                 row["interaction_low"], row["interaction_high"]]
        for a, b in {(i, j), (j, i)}:
            z[a, b] = row["interaction"]
            custom[a][b] = about
            if row["q_value"] < _SIGNIFICANT:
                dots.append((b, a, about))
    most = float(np.quantile(np.abs(shown["interaction"]), 0.97)) or 1e-9
    names = [shorten(labels[c]) for c in place]
    hover = ("%{customdata[2]} and %{customdata[3]}<br>interaction %{z:+.3g} log2 "
             "(%{customdata[6]:+.3g} to %{customdata[7]:+.3g})<br>q %{customdata[4]}, "
             "%{customdata[5]} sites<extra></extra>")
    data: list[dict[str, Any]] = [{
        "type": "heatmap", "z": z.tolist(), "customdata": custom, "hovertemplate": hover,
        "hoverongaps": False, "xgap": 1, "ygap": 1, "zmin": -most, "zmax": most,
        "colorscale": [list(stop) for stop in DIVERGING],
        "colorbar": {"title": {"text": "interaction (log2)", "side": "right"}, "thickness": 12,
                     "len": 0.9, "tickfont": {"size": 10}, "outlinewidth": 0},
    }, {
        "type": "scatter", "mode": "markers", "x": [d[0] for d in dots],
        "y": [d[1] for d in dots], "customdata": [d[2] for d in dots], "hoverinfo": "skip",
        "marker": {"size": 4, "color": "#7A8591"},
    }]
    shapes = [{"type": "rect", "x0": -0.5, "x1": n - 0.5, "y0": -0.5, "y1": n - 0.5,
               "line": {"width": 1, "color": "rgba(128,140,152,0.4)"}}]
    if chosen is not None and set(chosen) <= set(place):
        a, b = (place[c] for c in chosen)
        shapes += [{"type": "rect", "x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5,
                    "line": {"width": 2, "color": ACCENT}} for x, y in {(a, b), (b, a)}]
    ticks = {"tickvals": list(range(n)), "ticktext": names, "showgrid": False,
             "tickfont": {"size": 10}, "constrain": "domain", "range": [-0.5, n - 0.5]}
    return {"data": data, "layout": base_layout(
        margin={"l": 150, "r": 10, "t": 8, "b": 130}, shapes=shapes, uirevision="interactions",
        xaxis=axis("motif cluster", tickangle=-60, **ticks),
        yaxis=axis("", autorange=False, scaleanchor="x",
                   **{**ticks, "range": [n - 0.5, -0.5]}),
    )}


def distance_figure(
    sites: pd.DataFrame, near: tuple[NDArray, NDArray, NDArray, NDArray, NDArray] | None,
) -> dict[str, Any]:
    """Interaction of each site of a pair by the distance of both occurrences, and group means.

    Parameters
    ----------
    sites : of the pair, with ``distance_bp`` and ``interaction``
    near : distance, mean, low, high and number of sites of each group
    """
    if near is None or not len(sites):
        return blank_figure("choose a pair that was tested")
    distance, mean, low, high, n = near
    data = [{
        "type": "scatter", "mode": "markers", "x": sites["distance_bp"].tolist(),
        "y": sites["interaction"].tolist(),
        "customdata": [[format_locus(r.chrom, r.start, r.end), r.change_both]
                       for r in sites.itertuples()],
        "marker": {"size": 6, "color": "#56B4E9", "opacity": 0.7},
        "hovertemplate": "%{customdata[0]}<br>%{x:.0f} bp apart, interaction %{y:+.3g} log2"
        "<br>both out: %{customdata[1]:+.3g} log2<extra></extra>",
    }, {
        "type": "scatter", "mode": "lines+markers", "x": distance.tolist(), "y": mean.tolist(),
        "error_y": {"type": "data", "symmetric": False, "array": (high - mean).tolist(),
                    "arrayminus": (mean - low).tolist(), "thickness": 1.5, "width": 3},
        "customdata": [[None, int(k)] for k in n],
        "line": {"color": "#D55E00", "width": 2}, "marker": {"size": 7, "color": "#D55E00"},
        "hovertemplate": "mean of %{customdata[1]} sites, %{x:.0f} bp apart: %{y:+.3g} log2"
        "<extra></extra>",
    }]
    return {"data": data, "layout": base_layout(
        margin={"l": 60, "r": 12, "t": 10, "b": 44},
        shapes=[{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0,
                 "line": {"width": 1, "dash": "dot", "color": "#7A8591"}}],
        xaxis=axis("distance between centres (bp)", rangemode="tozero"),
        yaxis=axis("interaction (log2)"),
    )}


def q_text(q: float) -> str:
    """A q-value that is never 0."""
    return "< 1e-300" if q < 1e-300 else f"{q:.2g}"
