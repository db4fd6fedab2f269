"""Metrics of a run's models as the Markdown tables of docs/models.md.

    python -m precompute stage evaluate configs/demo.yaml
    python benchmarks/models.py runs/demo > tables.md
"""

from __future__ import annotations

import sys

# The folder of this file holds a tokenize.py, which must not stand for Python's own.
sys.path[0] = __file__.rpartition("/benchmarks/")[0] or "."

import argparse  # noqa: E402
import math  # noqa: E402
from pathlib import Path  # noqa: E402

from precompute.artefacts import RunFolder, read_parquet  # noqa: E402
from precompute.evaluation.card import markdown, metric_rows, p_text, shown  # noqa: E402
from precompute.evaluation.tables import COLUMNS  # noqa: E402


def main() -> None:
    """Print one table per track and set, and the paired differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="evaluated run folder")
    folder = RunFolder(parser.parse_args().run).folder("evaluation")
    tables = {name: read_parquet(folder / f"{name}.parquet") for name in COLUMNS}
    names = tables["predictors"]["name"].tolist()
    r = tables["correlations"]
    for track in r["track"].unique():
        for part in ("test", "validation", "train"):
            here = r[(r["track"] == track) & (r["set"] == part) & (r["resolution_bp"] == 16)]
            print(f"\n`{track}`, {part} set, {here['n'].max():,} cells of 16 bp\n")
            print("\n".join(markdown(metric_rows(tables, names, track, part))))
    print("\nTokens minus one-hot, mean r per window on the same windows\n")
    rows = [["pair", "track", "set", "windows", "difference", "Wilcoxon p"]]
    for row in tables["paired"].itertuples():
        p = p_text(row.p_value) if math.isfinite(row.p_value) else row.reason
        rows.append([f"{row.first} - {row.second}", row.track, row.set, f"{row.windows:,}",
                     shown(row.difference, row.difference_low, row.difference_high), p])
    print("\n".join(markdown(rows)))


if __name__ == "__main__":
    main()
