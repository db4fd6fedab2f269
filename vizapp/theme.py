"""Colours and type: one palette for every figure, safe for colour-blind readers."""

from __future__ import annotations

from functools import lru_cache

#: Okabe and Ito's eight, without black.
OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")

ACCENT = "#C2185B"
UNKNOWN = "#B8BEC6"
#: What lies in the genome window, in every view.
WINDOW = "#00A5A8"
MAGNITUDE = "Cividis"
#: Points of which a magnitude was not measured.
UNMEASURED = "#B8BEC6"
#: Zero is see-through, so that it is the card's own colour in both themes.
DIVERGING = (
    (0.0, "#2166AC"), (0.25, "#67A9CF"), (0.5, "rgba(160,160,160,0)"), (0.75, "#EF8A62"),
    (1.0, "#B2182B"),
)
BASES = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00"}
TOKENIZERS = {
    "motif": "#009E73", "bpe600": "#0072B2", "bpe4096": "#56B4E9", "bpefile": "#D55E00",
    "onehot": "#7B8894",
}
KMER_GREYS = ("#C9B37A", "#B79B56", "#A08438", "#856C25", "#695418", "#4D3D10")
APART_PURPLES = ("#DDB3CC", "#CC79A7", "#B25C8C", "#944672", "#743358", "#55223F")
OBSERVED = "#7B8894"
RESIDUAL = "#8E5EA8"
MODEL_COLORS = {"tokens": "#0072B2", "onehot": "#D55E00"}
MODEL_LABELS = {"tokens": "Token model", "onehot": "One-hot model"}
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"


@lru_cache(maxsize=1)
def _glasbey() -> tuple[str, ...]:
    import colorcet

    return tuple(
        "#" + "".join(f"{round(255 * channel):02X}" for channel in color)
        for color in colorcet.glasbey_category10
    )


def community_color(number: int, total: int) -> str:
    """Colour of a community: Okabe-Ito up to seven, Glasbey beyond; negative is 'no motif'."""
    if number < 0:
        return UNKNOWN
    if total <= len(OKABE_ITO):
        return OKABE_ITO[number]
    colors = _glasbey()
    return colors[number % len(colors)]


def base_layout(**changes: object) -> dict:
    """Layout shared by all figures, light on both themes: transparent, small type, no clutter."""
    layout: dict = {
        "font": {"family": FONT, "size": 12, "color": "#7A8591"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 56, "r": 14, "t": 10, "b": 40},
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
        "showlegend": False,
        "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": "#8A94A0",
                    "activecolor": ACCENT},
    }
    layout.update(changes)
    return layout


def axis(title: str, **changes: object) -> dict:
    """An axis with a title that carries the unit."""
    result: dict = {
        "title": {"text": title, "font": {"size": 12}, "standoff": 6},
        "gridcolor": "rgba(128,140,152,0.18)",
        "zeroline": False,
        "linecolor": "rgba(128,140,152,0.5)",
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": "rgba(128,140,152,0.5)",
    }
    result.update(changes)
    return result


def blank_figure(sentence: str = "") -> dict:
    """A figure without anything drawn: nothing, or a sentence that says what to do."""
    layout = base_layout(xaxis={"visible": False}, yaxis={"visible": False})
    if sentence:
        layout["annotations"] = [{
            "text": sentence, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5,
            "showarrow": False, "font": {"size": 13}, "align": "center",
        }]
    # A trace without points, so that the figure counts as drawn.
    return {"data": [{"type": "scatter", "x": [], "y": []}], "layout": layout}
