"""Zipf's law and motif coverage."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.figures.language import rank_frequency
from vizapp.views.figure_card import figure_card, later

ABOUT_ZIPF = (
    "Frequency of each token type against its rank, both on log axes. r is Pearson's correlation "
    "of log10 rank and log10 frequency over the types that the definition names; a straight line "
    "is Zipf's law. The paper's values are for the whole human genome, these for the region above: "
    "types seen once weigh more in a small corpus, so compare r over types seen at least 3 times. "
    "BPE is trained on the run's own sequence."
)
ABOUT_COVERAGE = (
    "For each JASPAR profile, the best Pearson correlation between its frequency matrix and the "
    "one-hot sequence of any token, over offsets and both strands; positions that a token does not "
    "cover count as uninformative. Each violin is the distribution over profiles (figure 1d of the "
    "paper). The number of tokens tried is under each name: more tokens find better matches."
)


#: The definition of r that a visit begins with.
OPENING_DEFINITION = "seen3"
#: The definitions of r, short enough for the select; the full words stand in the help.
_SHORT = {
    "all": "all types", "seen2": "types seen 2+ times", "seen3": "types seen 3+ times",
    "seen10": "types seen 10+ times", "paper": "types seen 500 to 1M times",
    "logranks": "log-spaced ranks",
}


def coverage_card(data: RunData) -> Any:
    """Motif coverage, the tab that is sent when it is first opened."""
    return figure_card(
        ids.COVERAGE_GRAPH, f"Motif coverage, {len(data.language.profiles)} profiles",
        ABOUT_COVERAGE, "motiflens-coverage", height="330px",
    )


def language_card(data: RunData, marks: list[dict[str, Any]]) -> Any:
    """Two tabs: rank-frequency with the traces of marked words, and motif coverage."""
    fits = data.language.zipf_table(OPENING_DEFINITION)
    curve = rank_frequency(data.language.rank_frequency, fits, marks)
    choice = dmc.Select(
        id=ids.ZIPF_DEFINITION, value=OPENING_DEFINITION, size="xs", w=208, allowDeselect=False,
        data=[{"value": k, "label": f"r over {v}"} for k, v in _SHORT.items()],
        **{"aria-label": "Definition of r"},
    )
    zipf = figure_card(
        ids.ZIPF_GRAPH, f"Rank and frequency, {data.region_text}", ABOUT_ZIPF, "motiflens-zipf",
        toolbar=choice, height="330px", figure=curve,
    )
    motif = data.language.zipf_table("all").set_index("tokenizer").loc["motif"]
    differs = html.P(
        f"r over the n types of the definition. Paper: the whole human genome, 871 motif clusters; "
        f"here {motif['n_tokens']:,} tokens of {data.region_text}, "
        f"{len(data.explorer.cluster_labels):,} motif clusters, BPE trained on this sequence.",
        className="caption",
    )
    tabs = dmc.Tabs(
        [
            dmc.TabsList([dmc.TabsTab("Zipf's law", value="zipf"),
                          dmc.TabsTab("Motif coverage", value="coverage")]),
            dmc.TabsPanel([zipf, differs], value="zipf", pt=6),
            dmc.TabsPanel(later("coverage"), value="coverage", pt=6),
        ],
        id=ids.LANGUAGE_TABS, value="zipf", keepMounted=True, color="pink",
    )
    return html.Div(tabs, className="panel")
