"""The plane of how frequent and how decisive motif clusters are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from vizapp.theme import ACCENT, axis, base_layout

_NAMED = 10


def effect_plane(
    table: pd.DataFrame, labels: list[str], unit: str, chosen: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Mean size of a cluster's contribution, coloured by its sign, against the bins that hold it.

    Parameters
    ----------
    table : ``bins``, ``mean``, ``mean_abs`` and ``total`` of each cluster
    labels : of the clusters
    unit : of a contribution
    chosen : clusters that are ringed
    """
    shown = table[(table["bins"] > 0) & (table["mean_abs"] > 0)]
    named = set(shown["mean_abs"].nlargest(_NAMED).index) | set(
        shown["total"].abs().nlargest(_NAMED // 3).index) | set(chosen)
    colors = np.where(shown["mean"] >= 0, "#D55E00", "#0072B2").tolist()
    data = [{
        "type": "scatter", "mode": "markers+text",
        "x": shown["bins"].tolist(), "y": shown["mean_abs"].tolist(),
        "text": [labels[i] if i in named else "" for i in shown.index],
        "textposition": "middle right", "textfont": {"size": 10},
        "marker": {"size": 7, "color": colors, "opacity": 0.75,
                   "line": {"width": [2.5 if i in chosen else 0 for i in shown.index],
                            "color": ACCENT}},
        "customdata": [[int(i), labels[i], float(r.mean), float(r.total)]
                       for i, r in zip(shown.index, shown.itertuples(), strict=True)],
        "hovertemplate": "%{customdata[1]}<br>in %{x:,} bins<br>mean %{customdata[2]:.3g}, "
        "mean size %{y:.3g}, sum %{customdata[3]:.3g} " + unit + "<extra></extra>",
    }]
    return {"data": data, "layout": base_layout(
        margin={"l": 64, "r": 14, "t": 10, "b": 44}, uirevision="effects",
        xaxis=axis("bins that hold the cluster", type="log", tickformat=",d"),
        yaxis=axis(f"mean size of its contribution ({unit})", type="log", exponentformat="power"),
    )}
