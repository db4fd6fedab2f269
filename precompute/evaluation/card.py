"""Model cards: what a model is, what it was trained on, how good it is, what it is not for.

Everything is read from ``model.json``, ``curves.parquet`` and the evaluation of a run; nothing is
typed by hand (Mitchell et al. 2019, doi:10.1145/3287560.3287596).
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pandas as pd

from precompute.artefacts import RunFolder, read_parquet
from precompute.config_inputs import Region
from precompute.errors import ArtefactError, InputError

#: The paper on chr10 of hg38, K562 ATAC-seq: Pearson r by kind and encoding.
PAPER_R = {
    ("transformer", "onehot"): 0.73, ("transformer", "tokens"): 0.68,
    ("conv", "onehot"): 0.69, ("conv", "tokens"): 0.65,
}
_WHAT = {"tokens": "motif tokens (bins of about 15 bp)", "onehot": "one-hot sequence"}
NOT_FOR = (
    "any medical decision, or to call a variant harmful: it was never tested for that;",
    "cells, tissues or assays other than those of its training track;",
    "absolute signal: it predicts a scaled track, and its peaks are lower than measured ones;",
    "ranking loci that it was trained on: its numbers there are no test.",
)


def describe(
    folder: Path, run: RunFolder, name: str | None = None, origin: str | None = None
) -> str:
    """The card of a model as Markdown.

    Parameters
    ----------
    folder : of the model
    run : evaluated run that holds its metrics
    name : predictor of that evaluation; by default the folder's name, or the encoding for a run's
        own model
    origin : sentence on where the labels come from and their licence

    Raises
    ------
    InputError
        When the folder is no model, or the evaluation does not know it.
    ArtefactError
        When the run is not evaluated.
    """
    card = _read(folder)
    tables = {table: read_parquet(run.folder("evaluation") / f"{table}.parquet")
              for table in ("predictors", "correlations", "peak_metrics", "paired")}
    known = tables["predictors"]
    models = known.loc[known["kind"] == "model", "name"].tolist()
    own = folder.resolve() == run.path(f"model_{card['encoding']}").resolve()
    name = name or (card["encoding"] if own else folder.name)
    if name not in models:
        raise InputError(
            f"the evaluation of {run.root} has no model {name!r}; it has "
            f"{', '.join(models) or 'none'}: name one with --name, or predict and evaluate first"
        )
    settings = _config(run)
    title = str(card.get("name") or "")
    title = title if title not in ("", *_WHAT) else name if own else folder.name
    lines = [
        f"# {title}", "",
        *_about(card, folder), "", "## Data", "", *_data(card, settings, origin), "",
        f"## How good it is (run `{settings['run']['name']}`, {settings['genome']['assembly']})",
        "", *_metrics(name, tables), "", "## What differs from the paper", "", *_paper(card), "",
        "## What it must not be used for", "", *(f"* {text}" for text in NOT_FOR), "",
        "Made by `python -m precompute model-card`; `python -m precompute stage evaluate` "
        "reproduces each number from the weights and the run.",
    ]
    return "\n".join(lines) + "\n"


def write_card(
    folder: Path, run: RunFolder, name: str | None = None, origin: str | None = None,
    out: Path | None = None,
) -> Path:
    """Write the card, by default as ``CARD.md`` in the model's folder; see :func:`describe`.

    Raises
    ------
    InputError
        As :func:`describe`, when the file cannot be written, and when it would change an artefact
        of the run.
    """
    text = describe(folder, run, name, origin)
    path = out or folder / "CARD.md"
    artefact = run.path("model_tokens").parent.resolve()
    if artefact in path.resolve().parents:
        raise InputError(
            f"{path} would change an artefact of {run.root}; give another file with --out, or "
            "copy the model's folder first"
        )
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"cannot write {path} ({error.strerror}); make the folder writable"
        ) from None
    return path


def _read(folder: Path) -> dict[str, Any]:
    try:
        card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        card = None
    if not isinstance(card, dict) or card.get("encoding") not in _WHAT:
        raise InputError(
            f"{folder} holds no readable model.json; give a model's folder, for example "
            "runs/demo/models/tokens"
        )
    return card


def _config(run: RunFolder) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads((run.root / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ArtefactError(
            f"{run.root / 'config.json'} cannot be read; run the precompute again"
        ) from None
    return data


def _about(card: dict[str, Any], folder: Path) -> list[str]:
    architecture = card.get("architecture") or {}
    kind = architecture.get("kind", "conv")
    seen = card.get("receptive_field")
    reach = (f"each output sees {seen:,} {card.get('receptive_field_unit')}" if seen
             else "each output sees the whole window")
    training = card.get("training") or {}
    time = ""
    if (folder / "curves.parquet").is_file():
        seconds = read_parquet(folder / "curves.parquet")["seconds"].sum()
        time = f", {seconds / 60:.3g} minutes of training"
    rows = [
        f"A {'transformer' if kind == 'transformer' else 'convolutional network'} on "
        f"{_WHAT[card['encoding']]}: {card.get('parameters', 0):,} parameters; {reach}.",
        "",
        f"* Trained: {card.get('epochs', '?')} epochs (best: {card.get('best_epoch')}; "
        f"{card.get('stopped', '')}), seed {card.get('seed')}, batches of "
        f"{training.get('batch_size', '?')} windows of {training.get('window_bins', '?')} "
        f"positions, learning rate {training.get('learning_rate', '?')}.",
        f"* Hardware: {card.get('hardware', 'not recorded')} "
        f"({card.get('precision', 'float32')}{time}); torch {card.get('torch', '?')}, Python "
        f"{card.get('python', '?')}.",
    ]
    if card["encoding"] == "tokens":
        rows.append(
            f"* It has its own {card['n_channels']:,} motif clusters of "
            f"{len(card.get('features') or []):,} motif features; a run must have the same "
            "motif profiles."
        )
    return rows


def _data(card: dict[str, Any], settings: dict[str, Any], origin: str | None) -> list[str]:
    labels = {track["name"]: (track["label"], track["unit"]) for track in settings["tracks"]}
    rows = []
    for track in card["tracks"]:
        label, unit = labels.get(track, ("not a track of this run", "unit not recorded"))
        rows.append(f"* Label `{track}`: {label}, in {unit}.")
    rows.append(f"* Origin and licence of the labels: {origin or 'not recorded'}.")
    for part in ("train", "validation", "test"):
        regions = (card.get("split") or {}).get(part, [])
        n = card.get(f"{part}_windows")
        text = ", ".join(_region(region) for region in regions) or "not recorded"
        rows.append(f"* {part.capitalize()}: {text}" + (f" ({n:,} windows)." if n else "."))
    return rows


def _region(data: dict[str, Any]) -> str:
    region = Region.model_validate(data)
    if region.end is None:
        return f"{region.chrom}:{region.start + 1:,} to its end"
    return f"{region.chrom}:{region.start + 1:,}-{region.end:,}"


def shown(value: float, low: float = math.nan, high: float = math.nan) -> str:
    """Three digits with the interval; an en dash where a number is not defined.

    >>> shown(0.32149, 0.251, 0.407), shown(float("nan"))
    ('0.321 (0.251 to 0.407)', '–')
    """
    if not math.isfinite(value):
        return "–"
    text = f"{value:.3f}"
    if math.isfinite(low) and math.isfinite(high):
        text += f" ({low:.3f} to {high:.3f})"
    return text


def markdown(rows: list[list[str]]) -> list[str]:
    """A Markdown table; the first row is its head."""
    head, *body = rows
    return [" | ".join(["", *row, ""]).strip() for row in (head, ["---"] * len(head), *body)]


def metric_rows(
    tables: dict[str, pd.DataFrame], predictors: list[str], track: str, part: str
) -> list[list[str]]:
    """r at 16 and 128 bp, Spearman, AUC, AUPR, MCC and peaks of each predictor on one set."""
    labels = dict(zip(tables["predictors"]["name"], tables["predictors"]["label"], strict=True))
    rows = [["predictor", "r, 16 bp", "r, 128 bp", "Spearman, 16 bp", "r per window, median",
             "AUC", "AUPR", "MCC", "peak recall", "peak precision"]]
    r = tables["correlations"]
    r = r[(r["track"] == track) & (r["set"] == part)].set_index(["predictor", "resolution_bp"])
    m = tables["peak_metrics"]
    m = m[(m["track"] == track) & (m["set"] == part)].set_index("predictor")
    for name in predictors:
        if (name, 16) not in r.index:
            continue
        fine, coarse = r.loc[(name, 16)], r.loc[(name, 128)]
        cells = [
            labels.get(name, name), shown(fine["r"], fine["r_low"], fine["r_high"]),
            shown(coarse["r"], coarse["r_low"], coarse["r_high"]), shown(fine["spearman"]),
            shown(fine["window_r_median"]),
        ]
        if name in m.index:
            p = m.loc[name]
            cells += [
                shown(p["auc"], p["auc_low"], p["auc_high"]),
                shown(p["aupr"], p["aupr_low"], p["aupr_high"]),
                *(shown(p[key]) for key in ("mcc", "peak_recall", "peak_precision")),
            ]
        else:
            cells += ["–"] * 5
        rows.append(cells)
    return rows


def _metrics(name: str, tables: dict[str, pd.DataFrame]) -> list[str]:
    known = tables["predictors"]
    about = known.loc[known["name"] == name, "about"].iloc[0]
    rest = known.loc[known["kind"] == "baseline", "name"].tolist()
    out = [f"Of this model: {about}.", ""] if about else []
    r = tables["correlations"]
    for track in r.loc[r["predictor"] == name, "track"].unique():
        here = r[(r["predictor"] == name) & (r["track"] == track)]
        for part in ("test", "validation", "train"):
            row = here[(here["set"] == part) & (here["resolution_bp"] == 16)].iloc[0]
            out += [f"`{track}`, the run's {part} set: {row['n']:,} cells of 16 bp.", ""]
            names = [name, *rest] if part == "test" else [name]
            out += [*markdown(metric_rows(tables, names, track, part)), ""]
    pairs = tables["paired"]
    pairs = pairs[(pairs["set"] == "test") & ((pairs["first"] == name) | (pairs["second"] == name))]
    for row in pairs.itertuples():
        if math.isfinite(row.difference):
            out.append(
                f"{row.first} minus {row.second}, mean r per window on the same {row.windows:,} "
                f"test windows of `{row.track}`: "
                f"{shown(row.difference, row.difference_low, row.difference_high)}, Wilcoxon "
                f"p {p_text(row.p_value)}."
            )
    out.append(
        "In brackets 95 % intervals of a bootstrap over windows. A peak counts as found when it "
        "shares at least 16 bp with a called one; calling was chosen on the measured validation "
        "track."
    )
    return out


def p_text(p: float) -> str:
    """A p-value that is never 0.

    >>> p_text(0.0312), p_text(0.0)
    ('= 0.0312', '< 1e-300')
    """
    return "< 1e-300" if p < 1e-300 else f"= {p:.3g}"


def _paper(card: dict[str, Any]) -> list[str]:
    kind = (card.get("architecture") or {}).get("kind", "conv")
    return [
        f"The paper's {kind} model on {card['encoding']} has r "
        f"{PAPER_R[kind, card['encoding']]} on chr10 of hg38, trained on K562 ATAC-seq coverage "
        "of the other autosomes. Other track, build, chromosomes, amount of training data and "
        "size of network: the numbers above are no reproduction of that one."
    ]
