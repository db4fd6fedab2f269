"""Figure 6 over all sites: in how many is the bound factor's motif cluster the top attributed one.

    python -m benchmarks.ctcf_sites --run runs/demo --models tokens onehot

Sites are 200 bp around the summits of the factor's peaks that overlap an accessible peak. Beside
them: the same number of accessible peaks without a peak of the factor, and what random order of the
clusters present at the sites would give.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from precompute.artefacts import RunFolder
from precompute.attribution.engine import WindowExplainer
from precompute.attribution.hits import run_finder, run_seed
from precompute.attribution.opening import assignment_of, opened_model
from precompute.attribution.site_ranks import chance, factor_sites, rank_sites

TOPS = (1, 3, 10)


def measure(args: argparse.Namespace) -> pd.DataFrame:
    """One row per model and kind of site."""
    run = RunFolder(args.run)
    finder = run_finder(run)
    bound, free = factor_sites(run.table("peaks"), args.factor, args.accessible)
    rng = np.random.default_rng(run_seed(run))
    free = free.iloc[np.sort(rng.permutation(len(free))[: len(bound)])]
    rows = []
    for name in args.models:
        model, source = opened_model(run, name)
        assignment = assignment_of(run, model)
        of_factor = run.table("features", ["tf"])["tf"] == args.factor
        own = np.unique(assignment[of_factor.to_numpy()])
        explainer = WindowExplainer(model, source, args.track, run_seed(run))
        for kind, sites in ((f"{args.factor}-bound", bound), (f"no {args.factor}", free)):
            began = time.perf_counter()
            ranks = rank_sites(explainer, finder, assignment, own, sites, args.method)
            rank = np.array([site.rank for site in ranks])
            row = {
                "model": name, "encoding": model.encoding, "track": explainer.track,
                "sites": kind, "n": len(ranks), "with a motif": int((rank > 0).sum()),
                "clusters present": float(np.median([site.present for site in ranks])),
            }
            for top in TOPS:
                row[f"top {top}"] = int(((rank > 0) & (rank <= top)).sum())
                row[f"top {top} by chance"] = round(chance(ranks, top) * len(ranks), 1)
            rows.append({**row, "s": round(time.perf_counter() - began, 1)})
    return pd.DataFrame(rows)


def main() -> None:
    """Print the table, and write it as CSV where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, default=Path("runs/demo"))
    parser.add_argument("--models", nargs="+", default=["tokens", "onehot"])
    parser.add_argument("--factor", default="CTCF")
    parser.add_argument("--accessible", default="DNase-seq")
    parser.add_argument("--track", help="explained track; default: the model's last")
    parser.add_argument("--method", default="deeplift")
    parser.add_argument("--csv", type=Path)
    table = measure(parser.parse_args())
    print(table.to_string(index=False))
    args = parser.parse_args()
    if args.csv is not None:
        table.to_csv(args.csv, index=False)


if __name__ == "__main__":
    main()
