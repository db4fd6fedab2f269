"""The TF benchmark of a run as Markdown: medians of every score, and areas by factor.

    python -m precompute tf-benchmark runs/demo
    python -m benchmarks.tf_benchmark --run runs/demo
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from scipy.stats import wilcoxon

from precompute.artefacts import RunFolder, read_parquet

METHODS = {
    "motif_score": "motif score", "predicted": "predicted signal", "deeplift": "DeepLIFT",
    "integrated_gradients": "integrated gradients", "input_x_gradient": "Input x Gradient",
}


def tables(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Factors, areas with the name of each score, and models."""
    folder = RunFolder(root).folder("tf_benchmark")
    factors, areas, models = (
        read_parquet(folder / f"{name}.parquet") for name in ("factors", "benchmark", "explained")
    )
    labels = dict(zip(models["model"], models["label"], strict=True))
    areas["name"] = [
        METHODS[score] + (f", {labels[model]}" if model else "")
        for score, model in zip(areas["score"], areas["model"], strict=True)
    ]
    return factors, areas, models


def medians(areas: pd.DataFrame) -> list[str]:
    """One row per score: medians, and the comparison with the motif score."""
    wide = {m: areas.pivot(index="tf", columns="name", values=m).dropna() for m in ("auc", "aupr")}
    lines = [
        "| score | median AUC | above the motif score | p | median AUPR | above the motif score | "
        "p |", "|---|---|---|---|---|---|---|",
    ]
    for name in areas["name"].drop_duplicates():
        cells = [name]
        for table in wide.values():
            cells.append(f"{table[name].median():.3f}")
            if name == METHODS["motif_score"]:
                cells += ["", ""]
                continue
            gain = table[name] - table[METHODS["motif_score"]]
            cells += [f"{int((gain > 0).sum())} of {len(gain)}", f"{wilcoxon(gain).pvalue:.2g}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def by_factor(factors: pd.DataFrame, areas: pd.DataFrame, metric: str, names: list[str]) -> list:
    """One row per factor: an area with its interval for each of the scores."""
    rows = areas.set_index(["tf", "name"])
    lines = [
        "| factor | hits | bound | " + " | ".join(names) + " |", "|---" * (3 + len(names)) + "|",
    ]
    for factor in factors.itertuples():
        cells = [factor.tf, f"{factor.n_hits:,}", f"{factor.n_bound:,}"]
        for name in names:
            row = rows.loc[(factor.tf, name)]
            cells.append("" if factor.note else (
                f"{row[metric]:.2f} ({row[f'{metric}_low']:.2f} to {row[f'{metric}_high']:.2f})"))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, default=Path("runs/demo"))
    factors, areas, models = tables(parser.parse_args().run)
    shipped = models[models["is_shipped"]]
    shown = (shipped if len(shipped) else models)["label"].tolist()
    names = [METHODS["motif_score"]] + [
        f"{METHODS[score]}, {label}" for score in ("deeplift", "input_x_gradient", "predicted")
        for label in shown if f"{METHODS[score]}, {label}" in set(areas["name"])
    ]
    print("\n".join(medians(areas)))
    for metric, title in (("auc", "ROC AUC"), ("aupr", "AUPR")):
        print(f"\n## {title} by factor\n")
        print("\n".join(by_factor(factors, areas, metric, names)))


if __name__ == "__main__":
    main()
