"""Figures of the page Models: training curves, windows, and how predictions rank peaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from vizapp.figures.arrays import packed
from vizapp.loci import format_locus
from vizapp.theme import OBSERVED, axis, base_layout, blank_figure

#: Own token and one-hot model, shipped ones, further ones.
_MODELS = ("#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#009E73", "#CC79A7")
_BASELINES = {
    "gc": "#009E73", "cpg": "#CC79A7", "depth": "#C9B37A", "linear": "#7B8894",
    "logistic": "#4D7F8C", "mean": "#B8BEC6",
}
_LINE = "rgba(128,140,152,0.6)"


def color_of(name: str, models: list[str]) -> str:
    """Colour of a predictor, the same in every figure."""
    if name in models:
        return _MODELS[models.index(name) % len(_MODELS)]
    return _BASELINES.get(name, OBSERVED)


def training_curves(
    curves: dict[str, pd.DataFrame], labels: dict[str, str], models: list[str]
) -> dict[str, Any]:
    """Loss, validation r and learning rate by epoch, one above the other."""
    if not curves:
        return blank_figure("no training curves were kept")
    data: list[dict[str, Any]] = []
    for name, table in curves.items():
        line = {"color": color_of(name, models), "width": 2}
        x = packed(table["epoch"].to_numpy())
        for column, row, dash, says in (
            ("train_loss", "y", "solid", "training loss"),
            ("validation_loss", "y", "dash", "validation loss"),
            ("validation_r", "y2", "solid", "validation r"),
            ("learning_rate", "y3", "solid", "learning rate"),
        ):
            data.append({
                "type": "scatter", "mode": "lines+markers", "x": x,
                "y": packed(table[column].to_numpy()), "yaxis": row,
                "line": {**line, "dash": dash}, "marker": {"size": 4}, "legendgroup": name,
                "name": labels[name], "showlegend": column == "validation_r",
                "hovertemplate": f"{labels[name]}<br>epoch %{{x}}: {says} %{{y:.4~g}}"
                "<extra></extra>",
            })
    layout = base_layout(
        xaxis=axis("epoch", dtick=max(1, max(map(len, curves.values())) // 10), anchor="y3"),
        yaxis=axis("loss", domain=[0.66, 1]), yaxis2=axis("validation r", domain=[0.31, 0.59]),
        yaxis3=axis("learning rate", domain=[0, 0.24], exponentformat="power"),
        showlegend=True, uirevision="training",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        margin={"l": 64, "r": 12, "t": 34, "b": 42},
    )
    return {"data": data, "layout": layout}


def window_scatter(
    table: pd.DataFrame, x: str, y: str, labels: dict[str, str], unit: str, color: str
) -> dict[str, Any]:
    """One point per window, named by its place: r of two models ('r_<name>'), or means
    ('observed_mean')."""
    if x not in table or y not in table:
        return blank_figure("no window was predicted by both")
    keep = np.isfinite(table[x].to_numpy()) & np.isfinite(table[y].to_numpy())
    if not keep.any():
        return blank_figure("no window of this set has both numbers")
    shown = table[keep]
    texts = [format_locus(*place) for place in
             zip(shown["chrom"], shown["start"], shown["end"], strict=True)]
    a, b = shown[x].to_numpy(), shown[y].to_numpy()
    low, high = float(min(a.min(), b.min())), float(max(a.max(), b.max()))
    point = {
        "type": "scatter", "mode": "markers", "x": packed(a), "y": packed(b), "text": texts,
        "marker": {"size": 6, "opacity": 0.65, "color": color},
        "hovertemplate": "%{text}<br>x %{x:.3~g}<br>y %{y:.3~g}<br>click to go there"
        "<extra></extra>",
    }
    same = {
        "type": "scatter", "mode": "lines", "x": [low, high], "y": [low, high],
        "line": {"color": _LINE, "dash": "dot", "width": 1}, "hoverinfo": "skip",
    }
    names = [_axis_name(column, labels, unit) for column in (x, y)]
    names[0] += f", n = {len(shown):,} windows"
    return {"data": [same, point], "layout": base_layout(
        xaxis=axis(names[0]), yaxis=axis(names[1]), hovermode="closest",
        uirevision=f"{x}-{y}", margin={"l": 64, "r": 12, "t": 10, "b": 46},
    )}


def _axis_name(column: str, labels: dict[str, str], unit: str) -> str:
    if column == "observed_mean":
        return f"observed mean ({unit})"
    kind, _, name = column.partition("_")
    label = labels.get(name, name)
    return f"r per window, {label}" if kind == "r" else f"predicted mean, {label} ({unit})"


def ranking_curves(
    rates: pd.DataFrame, metrics: pd.DataFrame, labels: dict[str, str], models: list[str],
    share_in_peaks: float, reason: str,
) -> dict[str, Any]:
    """Precision-recall at the left and ROC at the right; the legend gives AUPR and AUC."""
    if not len(rates):
        return blank_figure(reason or "no curve in this set")
    scores = metrics.set_index("predictor")
    data: list[dict[str, Any]] = []
    for name in (n for n in labels if n in set(rates["predictor"]) and n != "mean"):
        mine, score = rates[rates["predictor"] == name], scores.loc[name]
        is_model = name in models
        style = {
            "type": "scatter", "mode": "lines", "legendgroup": name,
            "line": {"color": color_of(name, models), "width": 2.4 if is_model else 1.2,
                     "dash": "solid" if is_model else "dot"},
        }
        recall = packed(mine["recall"].to_numpy())
        data.append({
            **style, "x": recall, "y": packed(mine["precision"].to_numpy()),
            "name": f"{labels[name]}: AUPR {score['aupr']:.3f}, AUC {score['auc']:.3f}",
            "hovertemplate": f"{labels[name]}<br>recall %{{x:.3f}}<br>precision %{{y:.3f}}"
            "<extra></extra>",
        })
        data.append({
            **style, "x": packed(mine["false_positive_rate"].to_numpy()), "y": recall,
            "xaxis": "x2", "yaxis": "y2", "showlegend": False,
            "hovertemplate": f"{labels[name]}<br>false positive rate %{{x:.3f}}<br>recall "
            "%{y:.3f}<extra></extra>",
        })
    chance = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False,
              "line": {"color": _LINE, "dash": "dash", "width": 1}, "x": [0, 1]}
    data += [{**chance, "y": [share_in_peaks] * 2},
             {**chance, "y": [0, 1], "xaxis": "x2", "yaxis": "y2"}]
    return {"data": data, "layout": base_layout(
        xaxis=axis("recall", domain=[0, 0.44], range=[0, 1]),
        yaxis=axis("precision", range=[0, 1.02]),
        xaxis2=axis("false positive rate", domain=[0.56, 1], range=[0, 1], anchor="y2"),
        yaxis2=axis("recall", anchor="x2", range=[0, 1.02]), showlegend=True,
        legend={"orientation": "h", "x": 0, "yref": "container", "y": 0, "yanchor": "bottom",
                "font": {"size": 10.5}},
        uirevision="ranking", margin={"l": 56, "r": 12, "t": 10, "b": 235},
    )}
