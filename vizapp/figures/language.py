"""Rank-frequency curves and motif coverage of all tokenizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.theme import ACCENT, APART_PURPLES, KMER_GREYS, TOKENIZERS, WINDOW, axis, base_layout

#: What each definition of r means, for the interface.
DEFINITIONS = {
    "all": "all types",
    "seen2": "types seen at least twice",
    "seen3": "types seen at least 3 times",
    "seen10": "types seen at least 10 times",
    "paper": "types seen 500 to 1,000,000 times (the paper's range)",
    "logranks": "one point per log-spaced rank",
}

#: The paper's Pearson r, whole human genome.
PAPER_R = {"motif": -0.99, "bpe600": -0.77, "bpe4096": -0.94}


def tokenizer_color(name: str) -> str:
    """Fixed colour of a tokenizer."""
    if name in TOKENIZERS:
        return TOKENIZERS[name]
    if name.startswith("kmer"):
        return KMER_GREYS[(int(name[4:]) - 3) % len(KMER_GREYS)]
    if name.startswith("apart"):
        return APART_PURPLES[(int(name[5:]) - 3) % len(APART_PURPLES)]
    return "#56B4E9"


def rank_marks(
    words: NDArray[np.integer], frequency: NDArray[np.integer], is_selection: bool,
    most: int = 3000,
) -> dict[str, Any]:
    """Words on the motif-word curve: rank is the word's number plus one.

    At most ``most`` are drawn; the name counts all of them.
    """
    words = np.unique(words)
    n_words = len(words)
    if n_words > most:
        words = words[np.unique(np.linspace(0, len(words) - 1, most).astype(int))]
    style: dict[str, Any] = (
        {"size": 6, "color": ACCENT, "symbol": "circle"}
        if is_selection
        else {"size": 15, "color": WINDOW, "symbol": "line-ns-open", "line": {"width": 1.2}}
    )
    name = "selected words" if is_selection else "words in the genome window"
    return {
        "type": "scatter", "mode": "markers", "name": f"{name} ({n_words:,})",
        "showlegend": n_words > 0,
        "x": packed(words + 1), "y": packed(frequency[words]), "marker": style,
        "hovertemplate": f"{name}<br>rank %{{x:,}}, frequency %{{y:,}}<extra></extra>",
    }


def rank_frequency(
    curves: pd.DataFrame, fits: pd.DataFrame, marks: list[dict[str, Any]]
) -> dict[str, Any]:
    """Rank-frequency curves; ``fits`` are the Zipf table's rows of one definition of r.

    The names in the legend give r, n (the types that entered it), and the paper's r.
    """
    data: list[dict[str, Any]] = []
    for fit in fits.itertuples():
        mine = curves[
            (curves["tokenizer"] == fit.tokenizer) & (curves["corpus"] == fit.corpus)
        ]
        paper = PAPER_R.get(str(fit.tokenizer))
        beside = f", paper {paper:.2f}" if paper is not None else ""
        r = f"{fit.r:.3f}" if np.isfinite(fit.r) else "not defined"
        data.append({
            "type": "scatter", "mode": "lines",
            "name": f"{fit.label}: r {r} (n {fit.n_types:,}{beside})",
            "x": packed(mine["rank"].to_numpy()), "y": packed(mine["frequency"].to_numpy()),
            "line": {
                "color": tokenizer_color(str(fit.tokenizer)),
                "width": 3 if fit.tokenizer == "motif" else 1.5,
            },
            "hovertemplate": f"{fit.label}<br>rank %{{x:,}}<br>frequency %{{y:,}}"
            f"<br>{fit.n_types:,} types in r<extra></extra>",
        })
    return {
        "data": [*data, *marks],
        "layout": base_layout(
            xaxis=axis("rank (types, log)", type="log", dtick=1, exponentformat="power"),
            yaxis=axis("frequency (tokens, log)", type="log", dtick=1, exponentformat="power"),
            showlegend=True, uirevision="zipf",
            legend={"font": {"size": 10.5}, "x": 1.01, "y": 1, "itemsizing": "constant"},
            margin={"l": 60, "r": 8, "t": 8, "b": 42},
        ),
    }


def coverage(recovery: pd.DataFrame, labels: dict[str, str]) -> dict[str, Any]:
    """Distribution over profiles of the best correlation with any token, one violin each.

    Under each name stand the number of tokens tried and the median.
    """
    data = []
    for name, rows in recovery.groupby("tokenizer", sort=False):
        values, n = rows["correlation"], int(rows["n_tokens"].iloc[0])
        label = labels.get(str(name), str(name))
        color = tokenizer_color(str(name))
        data.append({
            "type": "violin", "name": f"{label}<br>{n:,} tokens<br>median {values.median():.2f}",
            "y": packed(values.to_numpy(), "float32"), "points": False,
            "box": {"visible": True, "width": 0.16, "fillcolor": "rgba(255,255,255,0.75)",
                    "line": {"color": "#1B2430", "width": 1}},
            "meanline": {"visible": False}, "spanmode": "hard",
            "line": {"color": color, "width": 1.2}, "fillcolor": color, "opacity": 0.8,
            "hoveron": "violins",
        })
    low = float(recovery["correlation"].min())
    return {
        "data": data,
        "layout": base_layout(
            yaxis=axis("best correlation with a profile (Pearson r)",
                       range=[np.floor(low * 10 - 0.5) / 10, 1.02]),
            xaxis=axis("", tickfont={"size": 10}),
            margin={"l": 56, "r": 8, "t": 8, "b": 60}, violingap=0.15,
        ),
    }
