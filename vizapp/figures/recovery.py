"""Motif coverage with its profiles to click, and the tokens that carry one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vizapp.figures.arrays import packed
from vizapp.figures.language import tokenizer_color
from vizapp.figures.laws import Text, text_name
from vizapp.figures.letters import information_stack, letter_traces
from vizapp.theme import ACCENT, axis, base_layout

_COMPLEMENT = str.maketrans("ACGT", "TGCA")


def coverage_by_profile(
    recovery: pd.DataFrame, profiles: list[str], texts: list[Text], labels: dict[str, str]
) -> dict[str, Any]:
    """Best correlation of every profile with any token: a violin of each text, profiles as points.

    ``customdata`` of a point is the profile's number in ``profiles``. Controls are only outlined.
    """
    number = {profile: i for i, profile in enumerate(profiles)}
    data, low = [], 1.0
    for text in texts:
        mine = recovery[(recovery["tokenizer"] == text[0]) & (recovery["corpus"] == text[1])]
        if not len(mine):
            continue
        color, name = tokenizer_color(text[0]), text_name(labels[text[0]], text[1])
        values, n = mine["correlation"], int(mine["n_tokens"].iloc[0])
        low = min(low, float(values.min()))
        is_control = text[1] != "sequence"
        data.append({
            "type": "violin", "name": f"{name.replace(', ', '<br>')}<br>{values.median():.2f}",
            "y": packed(values.to_numpy(), "float32"),
            "customdata": [number[profile] for profile in mine["profile_id"]],
            "text": mine["profile_id"].tolist(),
            "points": "all", "pointpos": 0, "jitter": 0.5, "spanmode": "hard", "width": 0.9,
            "marker": {"size": 3, "color": color, "opacity": 0.35 if is_control else 0.55},
            "line": {"color": color, "width": 1.2},
            "fillcolor": _faint(color, 0.0 if is_control else 0.3), "hoveron": "points",
            "meanline": {"visible": False},
            "hovertemplate": f"%{{text}}<br>r %{{y:.3f}} with {name}<br>{n:,} tokens tried"
            "<extra></extra>",
        })
    return {
        "data": data,
        "layout": base_layout(
            yaxis=axis("best correlation (Pearson r)",
                       range=[np.floor(low * 10 - 0.5) / 10, 1.02]),
            xaxis=axis("", tickfont={"size": 10}), uirevision="coverage",
            margin={"l": 56, "r": 8, "t": 8, "b": 60}, violingap=0.05, clickmode="event",
        ),
    }


def _faint(color: str, alpha: float) -> str:
    """A colour such as '#0072B2' with an opacity.

    >>> _faint("#0072B2", 0.5)
    'rgba(0,114,178,0.5)'
    """
    channels = ",".join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))
    return f"rgba({channels},{alpha:g})"


def reverse_complement(token: str) -> str:
    """The other strand's letters.

    >>> reverse_complement("AACG")
    'CGTT'
    """
    return token.translate(_COMPLEMENT)[::-1]


def carriers(
    pfm: NDArray[np.floating], rows: pd.DataFrame, labels: dict[str, str]
) -> dict[str, Any]:
    """Logo of a profile and, under it, the best token of each text where it lies.

    Parameters
    ----------
    pfm : float (width, 4), rows sum to 1
    rows : of the table ``motif_recovery``, one per text
    labels : of the tokenizers
    """
    position, bottom, height, base = information_stack(pfm)
    data = letter_traces(position + 0.5, 1.0, bottom, height, base, "x", "y")
    names = []
    first, last = 1, len(pfm)
    for line, row in enumerate(rows.itertuples()):
        letters = row.token if row.strand == "+" else reverse_complement(row.token)
        at = np.arange(len(letters))
        data += letter_traces(
            row.offset + at + 0.5, 1.0, np.full(len(letters), -line - 0.9),
            np.full(len(letters), 0.8), np.array(["ACGT".index(c) for c in letters]), "x", "y2",
        )
        first, last = min(first, row.offset + 1), max(last, row.offset + len(letters))
        seen = f"{row.frequency:,}"
        names.append(
            f"{text_name(labels[row.tokenizer], row.corpus)}  <b>r {row.correlation:.3f}</b>"
            f" ({row.strand}), seen {seen} times"
        )
    n = max(len(names), 1)
    split = max(0.35, 1 - 0.09 * n - 0.1)
    layout = base_layout(
        margin={"l": 10, "r": 12, "t": 8, "b": 36},
        xaxis=axis("position in the profile (bp)", range=[first - 0.6, last + 0.6], anchor="y2",
                   showgrid=False, nticks=12, fixedrange=True),
        yaxis=axis("bits", range=[0, 2.05], domain=[1 - split + 0.04, 1], tickvals=[0, 1, 2],
                   showgrid=False, fixedrange=True, automargin=True),
        yaxis2=axis("", range=[-n, 0.05], domain=[0, 1 - split], automargin=True, fixedrange=True,
                    tickvals=[-i - 0.5 for i in range(len(names))], ticktext=names,
                    showgrid=False, ticks="", tickfont={"size": 11}),
        shapes=[
            {"type": "line", "xref": "x", "yref": "paper", "x0": edge, "x1": edge, "y0": 0,
             "y1": 1, "line": {"color": ACCENT, "width": 1, "dash": "dot"}}
            for edge in (0.5, len(pfm) + 0.5)
        ],
    )
    return {"data": data, "layout": layout}
