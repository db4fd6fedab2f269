"""Figures of the page Benchmark: areas by factor and score, and how one factor's hits rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.figures.model_scores import color_of
from vizapp.theme import OBSERVED, axis, base_layout

_LINE = "rgba(128,140,152,0.6)"
_ROW_PX = 24
_SYMBOLS = {
    "deeplift": "circle", "integrated_gradients": "circle", "input_x_gradient": "circle-open",
    "predicted": "square-open", "motif_score": "diamond",
}
_DASHES = {"predicted": "dash", "motif_score": "dot", "input_x_gradient": "dashdot"}


class Series(NamedTuple):
    """A score and its areas: columns value, low and high by factor."""

    label: str
    score: str
    model: str
    areas: pd.DataFrame


class Ranking(NamedTuple):
    """How a score ranks hits; see ``vizapp.data.tf_benchmark.Curve``."""

    label: str
    score: str
    model: str
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    false_positive_rate: NDArray[np.float64]


def series_color(model: str, models: list[str]) -> str:
    """A model's colour; grey for the motif score, which is of no model."""
    return color_of(model, models) if model else OBSERVED


def area_figure(
    series: Sequence[Series], factors: Sequence[str], chance: Sequence[float], metric: str,
    models: list[str], chosen: str = "",
) -> dict[str, Any]:
    """A dot and its 95 % interval for each factor and score; ``customdata`` is the factor's number.

    Parameters
    ----------
    factors : from the top to the bottom
    chance : area of a random order, by factor
    metric : what the axis says
    chosen : factor that is marked
    """
    rows = np.arange(len(factors), dtype=float)
    data: list[dict[str, Any]] = [{
        "type": "scatter", "mode": "lines", "name": "chance", "hoverinfo": "skip",
        "x": np.repeat(np.asarray(chance, dtype=float), 3).tolist(),
        "y": [y for row in rows for y in (row - 0.5, row + 0.5, None)],
        "line": {"color": _LINE, "dash": "dash", "width": 1.5},
    }]
    for number, one in enumerate(series):
        shift = (number - (len(series) - 1) / 2) * 0.72 / max(len(series), 1)
        areas = one.areas.reindex(list(factors))
        value = areas["value"].to_numpy(float)
        color = series_color(one.model, models)
        data.append({
            "type": "scatter", "mode": "markers", "name": one.label, "x": packed(value),
            "y": packed(rows + shift), "customdata": packed(np.arange(len(factors))),
            "text": [
                f"{tf}<br>{one.label}<br>{metric} {v:.3f} ({low:.3f} to {high:.3f})"
                for tf, v, low, high in zip(
                    factors, value, areas["low"], areas["high"], strict=True)
            ],
            "marker": {"size": 7, "symbol": _SYMBOLS[one.score], "color": color},
            "error_x": {
                "type": "data", "symmetric": False, "thickness": 1.1, "width": 0,
                "color": color, "array": packed(areas["high"].to_numpy(float) - value),
                "arrayminus": packed(value - areas["low"].to_numpy(float)),
            },
            "hovertemplate": "%{text}<br>click for its sites<extra></extra>",
        })
    shapes = [{
        "type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": row - 0.5, "y1": row + 0.5,
        "fillcolor": "rgba(194,24,91,0.10)" if tf == chosen else "rgba(128,140,152,0.06)",
        "line": {"width": 0}, "layer": "below",
    } for row, tf in enumerate(factors) if tf == chosen or row % 2]
    return {"data": data, "layout": base_layout(
        xaxis=axis(f"{metric} with 95 % interval", range=[0, 1.01], side="top"),
        yaxis=axis("", tickvals=rows.tolist(), ticktext=list(factors), showgrid=False,
                   range=[len(factors) - 0.5, -0.5], automargin=True),
        shapes=shapes, height=_ROW_PX * len(factors) + 110, showlegend=True, hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom",
                "font": {"size": 11}},
        uirevision=metric, margin={"l": 70, "r": 12, "t": 44, "b": 96},
    )}


def factor_curves(
    rankings: Sequence[Ranking], share_bound: float, models: list[str]
) -> dict[str, Any]:
    """ROC at the left and precision-recall at the right, of one factor's hits."""
    data: list[dict[str, Any]] = []
    for one in rankings:
        style = {
            "type": "scatter", "mode": "lines", "legendgroup": one.label, "name": one.label,
            "line": {"color": series_color(one.model, models), "width": 1.8,
                     "dash": _DASHES.get(one.score, "solid")},
        }
        data.append({
            **style, "x": packed(one.false_positive_rate), "y": packed(one.recall),
            "hovertemplate": f"{one.label}<br>false positive rate %{{x:.3f}}<br>recall %{{y:.3f}}"
            "<extra></extra>",
        })
        data.append({
            **style, "x": packed(one.recall), "y": packed(one.precision), "xaxis": "x2",
            "yaxis": "y2", "showlegend": False,
            "hovertemplate": f"{one.label}<br>recall %{{x:.3f}}<br>precision %{{y:.3f}}"
            "<extra></extra>",
        })
    chance = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False,
              "line": {"color": _LINE, "dash": "dash", "width": 1}, "x": [0, 1]}
    data += [{**chance, "y": [0, 1]},
             {**chance, "y": [share_bound] * 2, "xaxis": "x2", "yaxis": "y2"}]
    return {"data": data, "layout": base_layout(
        xaxis=axis("false positive rate", domain=[0, 0.44], range=[0, 1]),
        yaxis=axis("recall", range=[0, 1.02]),
        xaxis2=axis("recall", domain=[0.56, 1], range=[0, 1], anchor="y2"),
        yaxis2=axis("precision", anchor="x2", range=[0, 1.02]), showlegend=True,
        legend={"orientation": "h", "x": 0, "yref": "container", "y": 0, "yanchor": "bottom",
                "font": {"size": 10.5}},
        uirevision="curves", margin={"l": 52, "r": 12, "t": 10, "b": 120},
    )}
