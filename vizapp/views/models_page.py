"""The page Models: how good the models are, beside each other and beside baselines."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from vizapp import component_ids as ids
from vizapp.data import RunData
from vizapp.data.model_scores import RESOLUTIONS_BP, SETS
from vizapp.views.figure_card import figure_card, help_mark
from vizapp.views.table import data_table, interval_column, number_column

ABOUT_TABLE = (
    "Every predictor on the same windows. r: Pearson correlation over all cells of the set at the "
    "chosen resolution; in brackets 95 % intervals of a bootstrap over windows. AUC, AUPR: how "
    "well the predicted value ranks 16-bp cells inside reference peaks above others. MCC to F1: "
    "cells of called peaks (gaussian, scipy's find_peaks, width at half prominence) against cells "
    "of reference peaks; calling was chosen on the measured track of the validation set. Peak "
    "recall, precision: a peak is found when it shares at least one 16-bp cell with the other "
    "side. Baselines are means over a stretch whose width was chosen on the validation set."
)
ABOUT_CURVES = (
    "Loss of training (solid) and validation (dashed), Pearson r of the validation windows, and "
    "the learning rate, by epoch. The weights of the epoch with the best validation r are kept."
)
ABOUT_WINDOWS = (
    "Each point is a window of the chosen set. Either r per window of two models on the same "
    "windows, or the mean predicted and observed signal. A click goes to the window in the "
    "workspace. The dotted line is where both are equal."
)
ABOUT_RANKING = (
    "Precision-recall (left) and ROC (right) of 16-bp cells: positive are cells that a reference "
    "peak covers by at least a half. Dashed: chance, the share of positive cells. With few "
    "positives the left curve tells more (Saito and Rehmsmeier 2015, "
    "doi:10.1371/journal.pone.0118432)."
)
ABOUT_EXTREMES = (
    "Windows in which the chosen model's r is highest and lowest, at 16 bp. A click, or the space "
    "key on a row, goes there in the workspace."
)
PAPER = (
    "The paper, on chr10 of hg38, K562 ATAC-seq coverage, trained on the other autosomes: r 0.73 "
    "(transformer, one-hot), 0.68 (transformer, tokens), 0.69 (convolutional, one-hot), 0.65 "
    "(convolutional, tokens). Track, build, chromosomes, training data and size of network differ "
    "here."
)


def score_grid() -> Any:
    """The table of predictors; rows come with the choice of track, set and resolution."""
    columns = [
        {"field": "label", "headerName": "Predictor", "width": 210, "pinned": "left",
         "tooltipField": "about"},
        interval_column("r", "r", "Pearson r over the set"),
        number_column("n", "n of r", "Cells, or groups of cells, behind r", ",", 84),
        number_column("spearman", "Spearman", "Rank correlation over the set"),
        number_column("window_r_median", "r per window", "Median of the windows' r at 16 bp"),
        number_column("windows", "windows", "Windows with an r", ",", 78),
        interval_column("auc", "AUC", "Area under the ROC curve, 16-bp cells in reference peaks"),
        interval_column("aupr", "AUPR", "Average precision of the same"),
        number_column("mcc", "MCC", "Matthews' correlation of cells in called and reference peaks"),
        number_column("accuracy", "accuracy", "Cells called rightly"),
        number_column("recall", "recall", "Cells of reference peaks that are called"),
        number_column("precision", "precision", "Called cells that lie in reference peaks"),
        number_column("specificity", "specificity", "Other cells that are not called", ".3f", 88),
        number_column("f1", "F1", "Harmonic mean of recall and precision"),
        number_column("peak_recall", "peak recall", "Reference peaks that a called one overlaps"),
        number_column("peak_precision", "peak precision",
                      "Called peaks that overlap a reference peak"),
        number_column("n_called", "called", "Called peaks", ",", 72),
        {"field": "reason", "headerName": "What is missing", "width": 240,
         "tooltipField": "reason"},
    ]
    return data_table(
        ids.SCORE_GRID, columns, "no predictor was evaluated on this set", height=None,
        header_px=40, is_clickable=False,
    )


def extreme_grid() -> Any:
    """The best and the worst windows."""
    columns = [
        {"field": "kind", "headerName": "", "width": 66},
        {"field": "place", "headerName": "Window", "flex": 2.4},
        number_column("r", "r, 16 bp", "Pearson r in the window"),
        number_column("observed", "observed", "Mean observed signal", ".3~g"),
        number_column("predicted", "predicted", "Mean predicted signal", ".3~g"),
    ]
    return data_table(
        ids.EXTREME_GRID, columns, "no window of this set has an r", height="360px",
        row_id="place", column={"flex": 1},
    )


def _select(name: str, value: Any, options: dict[str, str], label: str, width: int) -> Any:
    return dmc.Select(
        id=name, value=value, size="xs", w=width, allowDeselect=False,
        data=[{"value": k, "label": v} for k, v in options.items()], **{"aria-label": label},
    )


def empty_page() -> Any:
    """What to do where nothing was evaluated."""
    return html.Div(
        [
            html.H2("No evaluation in this run", className="card-title"),
            html.P("Run `python -m precompute run` with the run's configuration: the stages train, "
                   "predict and evaluate make what this page shows. Then start the app again.",
                   className="caption"),
        ],
        className="panel",
    )


def models_page(data: RunData) -> Any:
    """The whole page."""
    scores = data.model_scores
    if not scores.is_there:
        return empty_page()
    if not scores.models:
        return empty_page()
    models = {name: scores.labels[name] for name in scores.models}
    first = scores.models[0]
    head = html.Div(
        [
            html.Div([html.H2(f"Models and baselines, {data.region_text}", className="card-title"),
                      help_mark(ABOUT_TABLE, "in the table of models")], className="card-name"),
            html.Div(
                [
                    _select(ids.SCORE_TRACK, next(iter(scores.tracks)), scores.tracks, "Track",
                            360),
                    dmc.SegmentedControl(id=ids.SCORE_SET, value="test", size="xs",
                                         data=[{"value": s, "label": s} for s in SETS]),
                    dmc.SegmentedControl(
                        id=ids.SCORE_RESOLUTION, value=str(RESOLUTIONS_BP[0]), size="xs",
                        data=[{"value": str(r), "label": f"{r} bp"} for r in RESOLUTIONS_BP]),
                    html.Button("Save CSV", id=ids.SCORE_CSV, className="tool", n_clicks=0,
                                title="Download all metrics of all predictors, sets and tracks"),
                    dcc.Download(id=ids.SCORE_FILE),
                ],
                className="controls",
            ),
        ],
        className="card-head law-head",
    )
    views = {"r": "r per window, model against model", "mean": "predicted against observed mean"}
    chosen = html.Div(
        [_select(ids.WINDOW_VIEW, "r", views, "What is compared", 215),
         _select(ids.WINDOW_MODEL, first, models, "Model", 170)],
        className="tools",
    )
    cards = html.Div(
        [
            html.Div([html.H2("Model card", className="card-title"),
                      _select(ids.CARD_MODEL, first, models, "Model of the card", 220)],
                     className="card-head"),
            dcc.Markdown(id=ids.MODEL_CARD, className="model-card",
                         dangerously_allow_html=False),
        ],
        className="panel",
    )
    extremes = html.Div(
        [
            html.Div([html.Div([
                html.H2("Best and worst windows", className="card-title"),
                help_mark(ABOUT_EXTREMES, "in the table of windows")], className="card-name")],
                className="card-head"),
            extreme_grid(),
        ],
        className="panel",
    )
    figures = [
        html.Div(figure_card(ids.WINDOW_GRAPH, "Windows", ABOUT_WINDOWS,
                             "motiflens-windows", toolbar=chosen, height="360px"),
                 className="panel"),
        extremes,
        html.Div(figure_card(ids.RANKING_GRAPH, "Cells in reference peaks", ABOUT_RANKING,
                             "motiflens-ranking", height="540px"), className="panel"),
        html.Div(figure_card(ids.TRAINING_GRAPH, "Training", ABOUT_CURVES, "motiflens-training",
                             height="540px", is_explored=False), className="panel"),
    ]
    return html.Div([
        html.Div([head, score_grid(), html.P(id=ids.SCORE_SAYS, className="caption",
                                             role="status"),
                  html.P(PAPER, className="caption")], className="panel"),
        html.Div(figures, className="law-figures"),
        cards,
    ])
