"""The page Language: laws of the tokenizers side by side, and motif coverage."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.figures.language import DEFINITIONS
from vizapp.views.figure_card import figure_card, help_mark
from vizapp.views.table import data_table, interval_column, number_column

#: Tokenizers shown at first, as far as the run has them.
_FIRST = ("motif", "kmer6", "bpe600", "bpe4096")

ABOUT_TABLE = (
    "Each row is one tokenizer on one text. r: Pearson correlation of log10 rank and log10 "
    "frequency over the types of the chosen definition. α: exponent of the maximum-likelihood "
    "power law of the types' frequencies, p(f) ~ f^-α from the least frequency on (package "
    "powerlaw, discrete; Clauset et al. 2009); where nearly all types are seen once that "
    "frequency is 1 and α says little else. Log-normal: log-likelihood ratio of power law and "
    "log-normal over its standard deviation, above 0 the power law fits better, and its p (Vuong). "
    "β: Heaps' exponent, types ~ tokens^β over the last three decades of the text. τ: Kendall's "
    "tau-b of length in bp and frequency over types seen at least 3 times. In brackets 95 % "
    "intervals: halves of 50 blocks of the text drawn without replacement. docs/language.md has "
    "the formulas."
)
ABOUT_CURVES = (
    "Frequency of each type against its rank, both in log: a straight line is Zipf's law. Dashed: "
    "the same tokenizer on the shuffled sequence, which keeps every dinucleotide count. Dotted: "
    "motif words of the sample of the sequence that was shuffled, so that both compare."
)
ABOUT_GROWTH = (
    "Heaps' law: distinct types among the first n tokens, from the beginning of the sequence. A "
    "straight line of slope β is types ~ tokens^β; a closed vocabulary, such as the 4^k k-mers, "
    "levels off. Tokens without a known base are left out."
)
ABOUT_ABBREVIATION = (
    "Zipf's law of abbreviation: frequent words are short. Median frequency of the types of each "
    "length, bars from the lower to the upper quartile; types seen at least 3 times (at most "
    "20,000 of them). A motif word's length is the mean length of its bins. All k-mers of one k "
    "are equally long, so they have no such law."
)
ABOUT_COVERAGE = (
    "For each profile, the best Pearson correlation between its frequency matrix and the one-hot "
    "sequence of any token, over offsets and both strands; positions that a token does not cover "
    "count as 0.25 for each base (figure 1d of the paper). Each point is a profile; under each "
    "name stands the median. The most frequent tokens are tried, see the point's text; k-mers of a "
    "short k are the same set on any text. Outlines are controls."
)
ABOUT_CARRIER = (
    "The profile's logo, and under it the token that matches it best where it lies: on '-' its "
    "reverse complement is drawn. The dotted lines are the profile's ends. A motif word is shown "
    "by the sequence of one of its places."
)


def law_grid() -> Any:
    """The table of laws; rows come with the choice of tokenizers."""
    columns = [
        {"field": "name", "headerName": "Tokenizer", "width": 150, "pinned": "left",
         "tooltipField": "name"},
        number_column("n_tokens", "Tokens", "Length of the tokenized text", ",", 92),
        number_column("n_types", "Types", "Distinct tokens", ",", 78),
        number_column("seen_once", "Seen once", "Types seen once", ",", 78),
        interval_column("r", "r", "Pearson r of log rank and log frequency, of the chosen "
                        "definition"),
        number_column("n_in_r", "n of r", "Types that entered r", ",", 72),
        number_column("paper", "r, paper", "The paper's r: whole human genome", ".2f", 68),
        interval_column("exponent", "α", "Exponent of the maximum-likelihood power law", ".2f",
                        136),
        number_column("xmin", "from f", "Least frequency of the fitted tail", ",", 66),
        number_column("tail_types", "n of α", "Types in the tail", ",", 74),
        number_column("ratio", "Log-normal", "Power law against log-normal: above 0 the power law "
                      "fits better (log-likelihood ratio over its standard deviation)", ".2f", 84),
        number_column("p_value", "its p", "Of that ratio if both fitted equally", ".2~g", 66),
        interval_column("heaps", "β (Heaps)", "Exponent of vocabulary growth", ".2f", 136),
        interval_column("kendall", "τ (length)", "Kendall's tau-b of length and frequency", ".2f",
                        136),
    ]
    return data_table(
        ids.LAW_GRID, columns, "choose a tokenizer above", height=None, is_clickable=False
    )


def _toolbar(data: RunData) -> Any:
    labels = data.language.labels
    first = [name for name in _FIRST if name in labels] or list(labels)[:3]
    return html.Div(
        [
            dmc.MultiSelect(
                id=ids.LAW_TOKENIZERS, value=first, size="xs", maxValues=8, className="law-choice",
                data=[{"value": name, "label": label} for name, label in labels.items()],
                **{"aria-label": "Tokenizers to compare"},
            ),
            dmc.Switch(id=ids.LAW_CONTROLS, checked=True, size="sm", label="shuffled controls"),
            dmc.Select(
                id=ids.LAW_DEFINITION, value="seen3", size="xs", w=300, allowDeselect=False,
                data=[{"value": k, "label": f"r over {v}"} for k, v in DEFINITIONS.items()],
                **{"aria-label": "Definition of r"},
            ),
            html.Button("Save CSV", id=ids.LAW_CSV, className="tool", n_clicks=0,
                        title="Download the laws of all tokenizers as CSV"),
            dcc.Download(id=ids.LAW_FILE),
        ],
        className="controls",
    )


def _differs(data: RunData) -> str:
    """What stands behind the paper's numbers and behind these."""
    facts, settings = data.facts, data.config["lexicon"]
    corpus = facts.get("zipf", {}).get("bpe_corpus_bp")
    trained = f"BPE trained on {corpus:,} bp of it" if corpus else "BPE trained on it"
    sample = facts.get("control_words", {})
    scanned = (
        f"{sample['sample_bp'] / 1e6:.3g} Mb in {sample['windows']} windows"
        if sample else "a sample"
    )
    return (
        "The paper's r (ours −0.99, BPE 600 −0.77, BPE 4,096 −0.94) is of the whole human genome "
        f"and 871 motif clusters; here it is {data.region_text}, "
        f"{len(data.explorer.cluster_labels):,} motif clusters, {trained}. "
        "Controls: the sequence shuffled with every dinucleotide count kept, in blocks of "
        f"{settings.get('shuffle_block_bp', 10_000):,} bp, read with the same vocabulary; motif "
        f"words are scanned anew on {scanned}, as they are (sample) and shuffled."
    )


def language_page(data: RunData) -> Any:
    """The whole page."""
    table = html.Div(
        [
            html.Div(
                [
                    html.Div([html.H2(f"Laws, {data.region_text}", className="card-title"),
                              help_mark(ABOUT_TABLE, "in the table of laws")],
                             className="card-name"),
                    _toolbar(data),
                ],
                className="card-head law-head",
            ),
            law_grid(),
            html.P(_differs(data), className="caption"),
        ],
        className="panel",
    )
    n = len(data.language.profiles)
    figures = [
        figure_card(ids.LAW_CURVES_GRAPH, "Rank and frequency", ABOUT_CURVES, "motiflens-zipf",
                    height="400px"),
        figure_card(ids.GROWTH_GRAPH, "Growth of the vocabulary (Heaps)", ABOUT_GROWTH,
                    "motiflens-heaps", height="400px"),
        figure_card(ids.ABBREVIATION_GRAPH, "Length and frequency (abbreviation)",
                    ABOUT_ABBREVIATION, "motiflens-abbreviation", height="400px"),
        figure_card(ids.PROFILE_GRAPH, f"Motif coverage, {n} profiles: click one", ABOUT_COVERAGE,
                    "motiflens-coverage", height="400px"),
    ]
    return html.Div([
        table,
        html.Div([html.Div(figure, className="panel") for figure in figures],
                 className="law-figures"),
        _carrier(data),
    ])


def _carrier(data: RunData) -> Any:
    names = data.language.profile_names
    choice = dmc.Select(
        id=ids.PROFILE_SELECT, value=data.language.first_profile, size="xs", w=230,
        searchable=True, limit=60, allowDeselect=False, nothingFoundMessage="no such profile",
        data=[{"value": profile, "label": names[profile]} for profile in data.language.profiles],
        **{"aria-label": "Motif profile"},
    )
    go = html.Button(
        "Show it in the workspace", id=ids.CARRIER_SHOW, className="tool", n_clicks=0,
        title="Select the motif word of this profile's best token and open the workspace",
    )
    return html.Div(
        [
            figure_card(
                ids.CARRIER_GRAPH, "Tokens that carry a profile", ABOUT_CARRIER,
                "motiflens-carriers", toolbar=html.Div([choice, go], className="tools"),
                height="380px", is_explored=False, has_numbers=False,
            ),
            html.P(id=ids.CARRIER_SAYS, className="caption", role="status"),
        ],
        className="panel",
    )
