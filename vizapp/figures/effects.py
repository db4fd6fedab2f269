"""The plane of how frequent and how decisive motif clusters are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vizapp.figures.label_places import place_names, shorten
from vizapp.theme import ACCENT, axis, base_layout, blank_figure

_NAMED = 20
#: The plot as it is on the narrowest page it is drawn for; on a wider one names are further apart.
_WIDTH_PX, _HEIGHT_PX = 560.0, 440.0
_POSITIVE, _NEGATIVE = "#D55E00", "#0072B2"


def decade_ticks(low: float, high: float) -> list[float]:
    """At most seven round values of a logarithmic axis from ``low`` to ``high``."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [d * 10.0**k for k in decades for d in digits if low <= d * 10.0**k <= high]
        if len(found) <= 7:
            break
    if len(found) < 2:
        return [float(f"{v:.3g}") for v in np.linspace(low, high, 5)[1:-1]]
    return found[:: -(-len(found) // 7)]


def log_range(values: NDArray[np.floating], share: float = 0.06) -> tuple[float, float]:
    """Ends of a logarithmic axis around positive values, with some room, as powers of 10."""
    low, high = float(np.log10(values.min())), float(np.log10(values.max()))
    room = share * max(high - low, 0.3)
    return low - room, high + room


def _names(
    shown: pd.DataFrame, labels: list[str], chosen: tuple[int, ...],
    x_range: tuple[float, float], y_range: tuple[float, float],
) -> dict[int, tuple[str, str]]:
    """Name and side of the clusters that are named: chosen ones, then the largest."""
    order = [c for c in chosen if c in shown.index]
    by_size = shown["mean_abs"].nlargest(_NAMED).index.tolist()
    by_sum = shown["total"].abs().nlargest(_NAMED // 2).index.tolist()
    order = list(dict.fromkeys([*order, *(x for pair in zip(
        by_size, by_sum + by_size[len(by_sum):], strict=False) for x in pair)]))
    x = (np.log10(shown["bins"].astype(float)) - x_range[0]) / (x_range[1] - x_range[0])
    y = (y_range[1] - np.log10(shown["mean_abs"])) / (y_range[1] - y_range[0])
    place = pd.DataFrame({"x": _WIDTH_PX * x, "y": _HEIGHT_PX * y})
    sides = place_names(
        place.loc[order, "x"].tolist(), place.loc[order, "y"].tolist(),
        [shorten(labels[c]) for c in order], _WIDTH_PX, _HEIGHT_PX,
        place.drop(index=order).to_numpy(),
    )
    return {c: (shorten(labels[c]), side) for c, side in zip(order, sides, strict=True) if side}


def effect_plane(
    table: pd.DataFrame, labels: list[str], unit: str, chosen: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Mean size of a cluster's contribution, coloured by its sign, against the bins that hold it.

    Parameters
    ----------
    table : the artefact ``effects``
    labels : of the clusters
    unit : of a contribution
    chosen : clusters that are ringed
    """
    shown = table[(table["bins"] > 0) & (table["mean_abs"] > 0)]
    if not len(shown):
        return blank_figure("no motif cluster of the run has a contribution")
    x_range = log_range(shown["bins"].to_numpy(float))
    y_range = log_range(shown["mean_abs"].to_numpy(float))
    named = _names(shown, labels, chosen, x_range, y_range)
    data = [{
        "type": "scatter", "mode": "markers+text",
        "x": shown["bins"].tolist(), "y": shown["mean_abs"].tolist(),
        "text": [named[i][0] if i in named else "" for i in shown.index],
        "textposition": [named[i][1] if i in named else "middle right" for i in shown.index],
        "textfont": {"size": 10}, "cliponaxis": False,
        "marker": {"size": 7, "opacity": 0.75,
                   "color": np.where(shown["mean"] >= 0, _POSITIVE, _NEGATIVE).tolist(),
                   "line": {"width": [2.5 if i in chosen else 0 for i in shown.index],
                            "color": ACCENT}},
        "customdata": [
            [int(i), labels[i], row["mean"], _interval(row), 100 * row["same_sign"], row["total"]]
            for i, row in zip(shown.index, shown.to_dict("records"), strict=True)
        ],
        "hovertemplate": "%{customdata[1]}<br>in %{x:,} bins<br>mean %{customdata[2]:.3g} "
        "%{customdata[3]}<br>mean size %{y:.3g}, sum %{customdata[5]:.3g} " + unit + "<br>"
        "%{customdata[4]:.0f} % of its bins have the mean's sign<extra></extra>",
    }]
    ticks = decade_ticks(10 ** x_range[0], 10 ** x_range[1])
    return {"data": data, "layout": base_layout(
        margin={"l": 72, "r": 14, "t": 10, "b": 44}, uirevision="effects",
        xaxis=axis("bins that hold the cluster", type="log", range=list(x_range),
                   tickvals=ticks, ticktext=[f"{t:,.0f}" for t in ticks]),
        yaxis=axis(f"mean size of its contribution ({unit})", type="log", range=list(y_range),
                   tickvals=decade_ticks(10 ** y_range[0], 10 ** y_range[1]), tickformat="~g"),
    )}


def _interval(row: dict[Any, Any]) -> str:
    low, high = row["mean_low"], row["mean_high"]
    return f"({low:.3g} to {high:.3g})" if math.isfinite(low) and math.isfinite(high) else ""
