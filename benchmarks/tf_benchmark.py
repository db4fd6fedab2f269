"""How well each score of a run's TF benchmark finds bound motif hits, over its factors.

    python benchmarks/tf_benchmark.py [RUN] [--least 20]

RUN (runs/demo by default) holds the tables of the stage `tf_benchmark`. For each score and model:
the median ROC AUC and AUPR over the factors with at least ``--least`` bound hits, the middle half
of the AUC, and at how many factors the AUC is above that of the motif score, the named peer.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

# In place of this folder, whose tokenize.py would hide Python's own.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

import pandas as pd  # noqa: E402

from precompute.artefacts import RunFolder, read_parquet  # noqa: E402


def summary(table: pd.DataFrame, factors: pd.DataFrame, least: int) -> list[str]:
    """Lines of the table, the motif score first."""
    bound = factors.set_index("tf")["n_bound"]
    rows = table[table["tf"].map(bound) >= least].dropna(subset=["auc"])
    peer = rows[rows["score"] == "motif_score"].set_index("tf")["auc"]
    lines = [
        f"{len(peer)} factors with at least {least} bound hits",
        f"{'score':<18}{'model':<20}{'AUC':>6}{'middle half':>16}{'AUPR':>7}"
        f"{'above motif score':>19}",
    ]
    groups = sorted(rows.groupby(["score", "model"]), key=lambda g: -g[1]["auc"].median())
    for (score, model), mine in sorted(groups, key=lambda g: g[0][0] != "motif_score"):
        auc = mine.set_index("tf")["auc"]
        both = auc.index.intersection(peer.index)
        low, high = auc.quantile(0.25), auc.quantile(0.75)
        more = f"{int((auc[both] > peer[both]).sum())} of {len(both)}" if model else ""
        lines.append(f"{score:<18}{model:<20}{auc.median():>6.3f}{f'{low:.3f} to {high:.3f}':>16}"
                     f"{mine['aupr'].median():>7.3f}{more:>19}")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", nargs="?", default="runs/demo", type=Path)
    parser.add_argument("--least", type=int, default=20, help="bound hits of a factor")
    asked = parser.parse_args()
    folder = RunFolder(asked.run).folder("tf_benchmark")
    tables = (read_parquet(folder / f"{name}.parquet") for name in ("benchmark", "factors"))
    print(*summary(*tables, asked.least), sep="\n")


if __name__ == "__main__":
    main()
