"""The page Benchmark: which scores tell bound motif hits from others, factor by factor."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.tf_benchmark import METRICS, MOST_SCORES, Score
from vizapp.views.figure_card import figure_card, help_mark
from vizapp.views.table import data_table, interval_column, number_column

ABOUT_TABLE = (
    "Motif hits of each transcription factor inside accessible regions (peaks of the annotation), "
    "bound where the hit's centre lies in a ChIP-seq peak of the factor. Each score ranks the same "
    "hits: attributions of the hit to the mean predicted signal of its region (on tokens its share "
    "of its motif cluster's, on one-hot the sum over its bases), and two baselines that know "
    "nothing of attribution, the motif's relative score and the region's predicted signal. In "
    "brackets 95 % intervals of a bootstrap over regions. The paper, figures 3c and 7."
)
ABOUT_FIGURE = (
    "The chosen area of each factor and score, with its 95 % interval; the dashed line is what a "
    "random order gives (for AUPR the share of bound hits). Factors are in the order of the first "
    "score chosen. A click on a dot shows the factor's sites."
)
ABOUT_SITES = (
    "Hits that the score ranks best and worst: bound ones ranked high, bound ones ranked low, and "
    "ones that are not bound and ranked high. Percentile: among all hits of the factor in "
    "accessible regions, 100 is the highest score. A click, or the space key on a row, goes there "
    "in the genome view."
)
ABOUT_CURVES = (
    "ROC (left) and precision-recall (right) of the factor's hits, one line for each score chosen "
    "above; dashed thin lines are a random order."
)


def score_column(number: int, score: Score, metric: str) -> dict[str, Any]:
    """The column of a score: its area and, in brackets, the interval."""
    return interval_column(
        f"s{number}", score.label, f"{METRICS[metric]} of {score.label}", width=172
    )


def factor_columns(scores: list[Score], metric: str) -> list[dict[str, Any]]:
    """Columns of the table of factors for the scores chosen."""
    return [
        {"field": "tf", "headerName": "Factor", "width": 92, "pinned": "left"},
        number_column("n_hits", "hits", "Motif hits in accessible regions", ",", 72),
        number_column("n_bound", "bound", "Of these, in a ChIP-seq peak of the factor", ",", 72),
        number_column("share", "share bound", "The AUPR of a random order", ".3f", 80),
        *(score_column(number, score, metric) for number, score in enumerate(scores)),
        {"field": "family", "headerName": "Family", "width": 190, "tooltipField": "family"},
        number_column("n_peaks", "peaks", "ChIP-seq peaks of the factor in the run", ",", 72),
        {"field": "note", "headerName": "Why there is no number", "width": 300,
         "tooltipField": "note"},
    ]


def site_columns() -> list[dict[str, Any]]:
    """Columns of the table of sites."""
    return [
        {"field": "kind", "headerName": "", "width": 112},
        {"field": "place", "headerName": "Hit", "flex": 1, "minWidth": 176},
        {"field": "strand", "headerName": "strand", "width": 58},
        number_column("percentile", "percentile", "Of the score among the factor's hits", ".1f",
                      82),
        {**number_column("value", "score", "Of the score chosen", "", 76), "valueFormatter": {
            "function": "params.value == null ? '' : d3.format(Math.abs(params.value) < 0.001 ? "
                        "'.2~e' : '.3~g')(params.value)"}},
        number_column("motif_score", "motif score", "Relative, 0-1", ".3f", 66),
        {"field": "profile_id", "headerName": "profile", "width": 84},
    ]


def empty_page(data: RunData, reason: str = "") -> Any:
    """What to do where there is no benchmark, or why it is empty."""
    text = [
        "This run has no benchmark on bound motif hits. Make it with ",
        html.Code(data.tf_benchmark.command),
        " (it needs ChIP-seq peaks, accessible peaks and a trained or shipped model), then start "
        "the app again.",
    ]
    return html.Div(
        [
            html.H2("No benchmark in this run", className="card-title"),
            html.P([f"The benchmark holds no hit: {reason}."] if reason else text,
                   className="caption"),
        ],
        className="panel",
    )


def _head(data: RunData) -> Any:
    found = data.tf_benchmark
    return html.Div(
        [
            html.Div(
                [html.H2(
                    f"Bound motif hits, {data.region_text}: {len(found.counted):,} of "
                    f"{len(found.factors):,} factors, {int(found.factors['n_hits'].sum()):,} hits",
                    className="card-title"),
                 help_mark(ABOUT_TABLE, "the benchmark")], className="card-name"),
            html.Div(
                [
                    dmc.SegmentedControl(
                        id=ids.BENCH_METRIC, value="auc", size="xs",
                        data=[{"value": k, "label": v} for k, v in METRICS.items()]),
                    dmc.MultiSelect(
                        id=ids.BENCH_SCORES, value=found.first_scores, size="xs", searchable=True,
                        maxValues=MOST_SCORES, className="bench-scores",
                        data=[{"value": s.key, "label": s.label} for s in found.scores.values()],
                        **{"aria-label": "Scores, at most six"}),
                    html.Button("Save CSV", id=ids.BENCH_CSV, className="tool", n_clicks=0,
                                title="Download every area of every score and factor"),
                    dcc.Download(id=ids.BENCH_FILE),
                ],
                className="controls",
            ),
        ],
        className="card-head law-head",
    )


def _factor_panel(data: RunData) -> Any:
    found = data.tf_benchmark
    about = found.factors.set_index("tf")
    share = (about["n_bound"] / about["n_hits"].clip(lower=1)).loc[found.counted or about.index]
    first = str(share.idxmax())
    ranked = next(iter(found.first_scores))
    head = html.Div(
        [
            html.Div([html.H2("Sites of a factor", className="card-title"),
                      help_mark(ABOUT_SITES, "in the table of sites")], className="card-name"),
            html.Div(
                [
                    dmc.Select(
                        id=ids.BENCH_TF, value=first, size="xs", w=120, searchable=True,
                        allowDeselect=False, data=found.factors["tf"].tolist(),
                        **{"aria-label": "Factor"}),
                    dmc.Select(
                        id=ids.BENCH_RANKED, value=ranked, size="xs", w=280, allowDeselect=False,
                        data=[{"value": s.key, "label": s.label} for s in found.scores.values()],
                        **{"aria-label": "Score that ranks the sites"}),
                    html.Button("Save CSV", id=ids.BENCH_SITES_CSV, className="tool", n_clicks=0,
                                title="Download all hits of the factor with every score"),
                    dcc.Download(id=ids.BENCH_SITES_FILE),
                ],
                className="card-tools",
            ),
        ],
        className="card-head law-head",
    )
    return html.Div(
        [
            head,
            html.P(id=ids.BENCH_TF_SAYS, className="caption", role="status"),
            data_table(ids.BENCH_SITES, site_columns(), "click a factor to see its sites",
                       height="420px", header_px=48, row_id="id"),
            figure_card(ids.BENCH_CURVES, "How its hits rank", ABOUT_CURVES,
                        "motiflens-factor-curves", height="420px"),
        ],
        className="panel bench-factor",
    )


def benchmark_page(data: RunData) -> Any:
    """The whole page."""
    found = data.tf_benchmark
    if not found.is_there:
        return empty_page(data)
    if found.factors.empty:
        reason = data.facts.get("benchmark_tfs", {}).get("reason", "")
        return empty_page(data, str(reason) or "no factor has peaks and a profile")
    return html.Div([
        html.Div(
            [_head(data), data_table(ids.BENCH_GRID, [], "no factor was scored", height="340px",
                                    header_px=48, row_id="tf"),
             html.P(id=ids.BENCH_SAYS, className="caption", role="status")],
            className="panel",
        ),
        html.Div(
            [
                html.Div(
                    figure_card(ids.BENCH_GRAPH, "Areas by factor and score", ABOUT_FIGURE,
                                "motiflens-tf-benchmark", height="auto", is_explored=False),
                    className="panel"),
                _factor_panel(data),
            ],
            className="bench-figures",
        ),
    ])
