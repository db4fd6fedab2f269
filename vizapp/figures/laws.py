"""The laws of the tokenizers: curves of the sequence solid, of its shuffled control dashed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from vizapp.figures.arrays import packed
from vizapp.figures.language import PAPER_R, tokenizer_color
from vizapp.theme import axis, base_layout

#: How each text is drawn and called.
DASHES = {"sequence": "solid", "sample": "dot", "shuffled": "dash"}
TEXT_NAMES = {"sequence": "sequence", "sample": "sample", "shuffled": "shuffled"}

Text = tuple[str, str]


def with_interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its 95 % interval; '' where it is not defined.

    >>> with_interval(-0.99123, -0.995, -0.987)
    '−0.991 [−0.995, −0.987]'
    """
    if not np.isfinite(value):
        return ""
    text = f"{value:.{digits}f}"
    if np.isfinite(low) and np.isfinite(high):
        text += f" [{low:.{digits}f}, {high:.{digits}f}]"
    return text.replace("-", "\N{MINUS SIGN}")


def text_name(label: str, corpus: str) -> str:
    """Name of a tokenizer's text, for example '6-mers, shuffled'."""
    return label if corpus == "sequence" else f"{label}, {TEXT_NAMES[corpus]}"


def _line(text: Text, name: str, width: float | None = None) -> dict[str, Any]:
    tokenizer, corpus = text
    wide = 3.0 if tokenizer == "motif" else 1.6
    return {
        "type": "scatter", "mode": "lines", "name": name,
        "line": {
            "color": tokenizer_color(tokenizer), "dash": DASHES[corpus],
            "width": width or (wide if corpus == "sequence" else 1.6),
        },
    }


def _log_axes(x: str, y: str, revision: str) -> dict[str, Any]:
    return base_layout(
        xaxis=axis(x, type="log", dtick=1, exponentformat="power"),
        yaxis=axis(y, type="log", dtick=1, exponentformat="power"),
        showlegend=True, uirevision=revision,
        legend={"font": {"size": 10.5}, "orientation": "h", "x": 0, "y": -0.3, "yanchor": "top"},
        margin={"l": 60, "r": 12, "t": 8, "b": 42},
    )


def _rows(table: pd.DataFrame, text: Text) -> pd.DataFrame:
    return table[(table["tokenizer"] == text[0]) & (table["corpus"] == text[1])]


def law_curves(
    curves: pd.DataFrame, fits: pd.DataFrame, texts: list[Text], labels: dict[str, str]
) -> dict[str, Any]:
    """Rank-frequency curves; the legend gives r of the rows ``fits``, and the paper's."""
    data = []
    for text in texts:
        mine, fit = _rows(curves, text), _rows(fits, text)
        name = text_name(labels[text[0]], text[1])
        r = float(fit["r"].iloc[0]) if len(fit) else float("nan")
        says = f"r {with_interval(r, np.nan, np.nan)}" if np.isfinite(r) else "r not defined"
        if text[1] == "sequence" and text[0] in PAPER_R:
            says += f", paper {PAPER_R[text[0]]:.2f}".replace("-", "\N{MINUS SIGN}")
        data.append({
            **_line(text, f"{name}: {says}"),
            "x": packed(mine["rank"].to_numpy()), "y": packed(mine["frequency"].to_numpy()),
            "hovertemplate": f"{name}<br>rank %{{x:,}}<br>frequency %{{y:,}}<extra></extra>",
        })
    return {"data": data, "layout": _log_axes(
        "rank (types, log)", "frequency (tokens, log)", "law-curves")}


def growth_curves(
    growth: pd.DataFrame, laws: pd.DataFrame, texts: list[Text], labels: dict[str, str]
) -> dict[str, Any]:
    """Distinct types among the first n tokens; the legend gives Heaps' exponent."""
    data = []
    for text in texts:
        mine, law = _rows(growth, text), _rows(laws, text)
        name = text_name(labels[text[0]], text[1])
        beta = float(law["heaps"].iloc[0]) if len(law) else float("nan")
        says = f": β {beta:.3f}" if np.isfinite(beta) else ""
        data.append({
            **_line(text, name + says.replace("-", "\N{MINUS SIGN}")),
            "x": packed(mine["n_tokens"].to_numpy()), "y": packed(mine["n_types"].to_numpy()),
            "hovertemplate": f"{name}<br>%{{y:,}} types among<br>the first %{{x:,}} tokens"
            "<extra></extra>",
        })
    return {"data": data, "layout": _log_axes(
        "tokens read (log)", "distinct types (log)", "growth")}


def abbreviation_curves(
    table: pd.DataFrame, laws: pd.DataFrame, texts: list[Text], labels: dict[str, str]
) -> dict[str, Any]:
    """Median frequency of types by length, quartiles as bars; the legend gives Kendall's tau.

    Tokenizers whose types are all equally long are left out.
    """
    data = []
    for text in texts:
        mine, law = _rows(table, text), _rows(laws, text)
        if len(mine) < 2:
            continue
        name = text_name(labels[text[0]], text[1])
        tau = float(law["kendall"].iloc[0]) if len(law) else float("nan")
        says = f": τ {with_interval(tau, np.nan, np.nan)}" if np.isfinite(tau) else ""
        middle = mine["median"].to_numpy()
        drawn = _line(text, name + says)
        data.append({
            **drawn, "mode": "lines+markers",
            "marker": {"size": 4, "color": drawn["line"]["color"]},
            "x": packed(mine["length_bp"].to_numpy()), "y": packed(middle),
            "customdata": packed(mine["n_types"].to_numpy()),
            "error_y": {
                "type": "data", "symmetric": False, "thickness": 0.8, "width": 0,
                "array": packed(mine["upper"].to_numpy() - middle),
                "arrayminus": packed(middle - mine["lower"].to_numpy()),
            },
            "hovertemplate": f"{name}<br>%{{x}} bp: median frequency %{{y:,}}"
            "<br>%{customdata:,} types<extra></extra>",
        })
    layout = _log_axes("length of a type (bp)", "frequency (tokens, log)", "abbreviation")
    layout["xaxis"] = axis("length of a type (bp)")
    if not data:
        layout["annotations"] = [{
            "text": "all types of these tokenizers have one length: choose BPE or motif words",
            "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False,
        }]
    return {"data": data, "layout": layout}
