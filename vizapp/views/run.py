"""The run page: what the run is made of, and its numbers with what they rest on."""

from __future__ import annotations

import base64
from typing import Any

import pandas as pd
from dash import html

from vizapp.data import RunData
from vizapp.data.explorer import QUALITY_LAYOUTS
from vizapp.data.reproduction import Figure
from vizapp.figures.language import DEFINITIONS, PAPER_R
from vizapp.theme import MODEL_LABELS

#: Held-out sets first: they are what the models are judged by.
_SETS = ("test", "validation", "train")


def _table(head: list[str], rows: list[list[Any]], caption: str) -> Any:
    return html.Div(
        html.Table(
            [
                html.Caption(caption),
                html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
                html.Tbody([html.Tr([html.Td(cell) for cell in row]) for row in rows]),
            ],
            className="facts",
        ),
        className="panel",
    )


def number(value: Any, digits: int = 3) -> str:
    """Thousands separators for whole numbers, three significant digits for others."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return "not defined" if value != value else f"{value:#.{digits}g}".rstrip(".")
    return str(value)


def _summary(data: RunData) -> Any:
    facts = data.facts
    bins, clusters = facts["bins"], facts["motif_clusters"]
    rows = [
        ["Region", data.region_text, ""],
        ["Motifs", data.config["motifs"]["release"], "JASPAR 2022 CORE vertebrates"],
        ["Bins", number(bins["bins"]), "187 million (genome)"],
        ["Mean bin length", f"{bins['mean_length_bp']:.2f} bp", "15 bp"],
        ["Bins over 50 bp before the cut", f"{100 * bins['long_share_before_cut']:.2f} %", "0.5 %"],
        ["Known bases under a motif",
         f"{100 * facts['depth']['covered_share_of_known_bases']:.3f} %", ""],
        ["Non-zeros per token", number(facts["tokens"]["non_zeros_per_bin"]), ""],
        [f"Motif clusters (IDS distance {clusters['cut']}, {clusters['linkage']} linkage, "
         f"{facts['interdependence']['sample_bins']:,} bins)", number(clusters["clusters"]), "871"],
        ["Adjusted Rand index of two disjoint half samples",
         number(clusters["adjusted_rand_of_halves"]), ""],
        ["Words", number(facts["words"]["words"]), ""],
        ["Megaclusters, subclusters",
         f"{facts['communities']['megaclusters']}, {facts['communities']['subclusters']}", ""],
        [f"Their adjusted Rand index over {facts['communities']['stability_seeds']} seeds of "
         "Louvain, mean",
         f"{facts['communities']['mega_adjusted_rand']:.3f}, "
         f"{facts['communities']['sub_adjusted_rand']:.3f}", ""],
        *_layout_rows(facts["embedding"]),
    ]
    return _table(["", "this run", "paper, human genome"], rows, "The run and the paper")


def _layout_rows(facts: dict[str, Any]) -> list[list[str]]:
    """How well each layout keeps neighbours."""
    quality = facts["quality"]
    return [
        [f"{name}: share of the {facts['quality_neighbors']} nearest tokens kept, trustworthiness",
         f"{quality[f'{layout}_preservation']:.3f}, {quality[f'{layout}_trustworthiness']:.3f}", ""]
        for layout, name in QUALITY_LAYOUTS.items()
    ]


def _reproduction(data: RunData) -> Any:
    """The reproduction report; None, and so nothing on the page, when none was written."""
    report = data.reproduction
    if report is None:
        return None
    head = ["", "this run", "reference", "difference", "why"]
    rows = [
        html.Tr([
            html.Th(row.name, scope="row"), html.Td(row.text, className="value"),
            html.Td([row.reference, html.Small(row.source)]),
            html.Td(row.verdict, className="agrees" if row.agrees else "differs"),
            html.Td([html.P(sentence) for sentence in row.why], className="why"),
        ])
        for row in report.rows
    ]
    old = html.P(
        "Stages have run again since this report was written: `python -m precompute report` "
        "renews it.", className="caption",
    )
    return html.Div(
        [
            html.H3("Reproduction"),
            *([] if report.is_current else [old]),
            html.P(" ".join(report.scope), className="caption"),
            html.Table(
                [html.Thead(html.Tr([html.Th(name, scope="col") for name in head])),
                 html.Tbody(rows)],
                className="facts reproduction",
            ),
            html.Div([_image(figure) for figure in report.figures], className="report-figures"),
        ],
        className="panel report-panel", id="reproduction",
    )


def _image(figure: Figure) -> Any:
    # As an image an SVG can run no script and fetch nothing, whoever wrote the file.
    source = base64.b64encode(figure.svg.encode()).decode()
    return html.Figure([
        html.Img(src=f"data:image/svg+xml;base64,{source}", alt=figure.title),
        html.Figcaption([html.B(figure.title), " ", figure.caption]),
    ])


def _tracks(data: RunData) -> Any:
    rows = [
        [about["label"], about["unit"], "yes" if about["target"] else "no"]
        for about in data.genome.tracks.values()
    ]
    return _table(["track", "unit", "predicted by the models"], rows, "Tracks, as their data says")


def _models(data: RunData) -> Any:
    rows = []
    for encoding, label in MODEL_LABELS.items():
        table = data.genome.metrics(encoding)
        table = table.assign(set=pd.Categorical(table["set"], _SETS, ordered=True))
        # The one-hot model's own resolution is the 16-bp grid, so that row would stand twice.
        table = table[(table["resolution_bp"] > 0) | (encoding == "tokens")]
        for row in table.sort_values(["track", "set", "resolution_bp"]).itertuples():
            short = data.genome.tracks[row.track]["short_label"]
            resolution = "one bin" if row.resolution_bp == 0 else f"{row.resolution_bp} bp"
            rows.append([label, short, row.set, resolution, number(int(row.n)),
                         number(float(row.r)), number(float(row.spearman))])
    split = data.config["models"]["split"]
    regions = "; ".join(
        f"{name} " + ", ".join(f"{r['chrom']}:{r['start'] + 1:,}-{r['end']:,}" for r in parts)
        for name, parts in split.items()
    )
    return _table(
        ["model", "track", "set", "resolution", "n", "Pearson r", "Spearman"], rows,
        f"Predictions. Region split: {regions}",
    )


def _attributions(data: RunData) -> Any:
    rows = []
    for encoding, label in MODEL_LABELS.items():
        f = data.facts[f"attribute_{encoding}"]
        short = data.genome.tracks[f["track"]]["short_label"]
        rows.append([label, short, f["baseline"], f"{f['completeness_error']:.1e}"])
    return _table(
        ["model", "explained track", "baseline", "largest completeness error (float64)"], rows,
        "DeepLIFT: relative error of the sum of contributions over all tiles",
    )


def _laws(data: RunData) -> Any:
    language = data.language
    mine = language.zipf[language.zipf["corpus"] == "sequence"]
    wide = mine.pivot(index="tokenizer", columns="definition", values="r")
    labels = {name: language.labels[name] for name in language.compact}
    rows = [
        [label, *(number(float(wide.loc[name, d])) for d in DEFINITIONS),
         f"{PAPER_R[name]:.2f}" if name in PAPER_R else ""]
        for name, label in labels.items()
    ]
    return _table(
        ["tokenizer", *(f"r, {text}" for text in DEFINITIONS.values()), "paper, human genome"],
        rows, "Zipf's law: Pearson r of log rank and log frequency",
    )


def _stages(data: RunData) -> Any:
    rows = [
        [name, f"{s['seconds']:,.1f}", f"{s['peak_rss_mb'] / 1024:.2f}", s["finished"]]
        for name, s in sorted(data.manifest["stages"].items(), key=lambda item: item[1]["finished"])
    ]
    return _table(["stage", "seconds", "peak memory (GB)", "finished (UTC)"], rows, "Stages")


def run_page(data: RunData) -> Any:
    """All tables of the run page."""
    parts = (_tracks, _models, _attributions, _laws, _stages)
    report = _reproduction(data)
    # The report says all that the summary says, and why it differs.
    first = [_summary(data)] if report is None else []
    grid = html.Div([*first, *(part(data) for part in parts)], className="run-grid")
    return html.Div([grid] if report is None else [report, grid])
