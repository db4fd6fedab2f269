"""The numbers of a run beside the paper's, as the Markdown of docs/results.md.

    python benchmarks/results.py [RUN] > docs/results.md
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: its tokenize.py would be taken for Python's own.
sys.path[0] = str(ROOT)

import json  # noqa: E402
from typing import Any  # noqa: E402

import pandas as pd  # noqa: E402

_RESOLUTIONS = {16: "16 bp", 128: "128 bp"}


def table(head: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def tokenization(facts: dict[str, Any], place: str) -> str:
    """What the tokenizer made, beside the paper."""
    bins, clusters = facts["bins"], facts["motif_clusters"]
    rows = [
        ["bins", f"{bins['bins']:,}", "187 million (genome)"],
        ["mean bin length", f"{bins['mean_length_bp']:.2f} bp", "15 bp"],
        ["bins over 50 bp before the cut", f"{100 * bins['long_share_before_cut']:.2f} %", "0.5 %"],
        ["bases under a motif", f"{100 * facts['depth']['covered_share_of_bases']:.2f} %", "92 %"],
        ["known (ACGT) bases under a motif",
         f"{100 * facts['depth']['covered_share_of_known_bases']:.3f} %", ""],
        ["non-zero features per bin, of 1,684", f"{facts['tokens']['non_zeros_per_bin']:.1f}", ""],
        ["motif clusters at the 0.38 cut", f"{clusters['clusters']:,}", "871"],
        ["adjusted Rand index of two disjoint half samples",
         f"{clusters['adjusted_rand_of_halves']:.3f}", ""],
    ]
    return table(["", place, "paper, human genome"], rows)


def laws(run: Path) -> str:
    """Straightness of the rank-frequency curves."""
    zipf = pd.read_parquet(run / "lexicon" / "zipf.parquet")
    zipf = zipf[zipf["corpus"] == "sequence"]
    wide = zipf.pivot(index="label", columns="definition", values="r")
    types = zipf[zipf["definition"] == "all"].set_index("label")["n_types"]
    paper = {"Motif words": "-0.99", "BPE 600": "-0.77", "BPE 4,096": "-0.94"}
    definitions = ["all", "seen2", "seen3", "seen10", "logranks"]
    rows = [
        [label, f"{types[label]:,}", *(f"{wide.loc[label, d]:.3f}" for d in definitions),
         paper.get(label, "")]
        for label in zipf["label"].unique()
    ]
    head = ["tokenizer", "types", "r, all types", "seen 2+", "seen 3+", "seen 10+",
            "log-spaced ranks", "paper"]
    return table(head, rows)


def coverage(run: Path) -> str:
    """Motif coverage per tokenizer."""
    found = pd.read_parquet(run / "lexicon" / "motif_recovery.parquet")
    found = found[found["corpus"] == "sequence"]
    rows = []
    for name, part in found.groupby("tokenizer", sort=False):
        quartiles = part["correlation"].quantile([0.25, 0.5, 0.75])
        rows.append([name, f"{part['n_tokens'].iloc[0]:,}",
                     *(f"{value:.3f}" for value in quartiles)])
    return table(["tokenizer", "tokens tried", "lower quartile", "median", "upper quartile"], rows)


def models(run: Path, config: dict[str, Any]) -> str:
    """Predictions on the held-out region."""
    names = {track["name"]: track["short_label"] for track in config["tracks"]}
    rows = []
    for encoding in ("tokens", "onehot"):
        metrics = pd.read_parquet(run / "predictions" / encoding / "metrics.parquet")
        metrics = metrics[(metrics["set"] == "test") & metrics["resolution_bp"].isin(_RESOLUTIONS)]
        rows += [
            [encoding, names[row.track], _RESOLUTIONS[row.resolution_bp], f"{row.n:,}",
             f"{row.r:.3f}", f"{row.spearman:.3f}"]
            for row in metrics.itertuples()
        ]
    return table(["model", "track", "resolution", "n", "Pearson r", "Spearman"], rows)


def stages(records: dict[str, Any]) -> str:
    """Time and memory of each stage."""
    rows = [
        [name, f"{record['seconds']:.1f}", f"{record['peak_rss_mb'] / 1024:.2f}"]
        for name, record in sorted(records.items(), key=lambda item: item[1]["finished"])
    ]
    total = sum(record["seconds"] for record in records.values())
    peak = max(record["peak_rss_mb"] for record in records.values()) / 1024
    return table(["stage", "seconds", "peak GB"], [*rows, ["all", f"{total:.0f}", f"{peak:.2f}"]])


def main(run: Path) -> None:
    """Print the page."""
    manifest = json.loads((run / "manifest.json").read_text())
    config = json.loads((run / "config.json").read_text())
    facts = {name: record["facts"] for name, record in manifest["stages"].items()}
    regions = ", ".join(
        f"{r['chrom']}:{r['start'] + 1:,}-{r['end']:,}" if r["end"] else r["chrom"]
        for r in config["genome"]["regions"]
    )
    place = f"{config['genome']['assembly']} {regions}"
    test = ", ".join(
        f"{r['chrom']}:{r['start'] + 1:,}-{r['end']:,}" for r in config["models"]["split"]["test"]
    )
    errors = [facts[f"attribute_{e}"]["completeness_error"] for e in ("tokens", "onehot")]
    floors = sorted(facts["words"]["floors"].items(), key=lambda item: int(item[0]))
    print(f"""# The demo's numbers

Printed by `python benchmarks/results.py {run.name if run.is_absolute() else run}` from the run that
`make demo` makes: {place}. What differs from the paper: one stretch of a chromosome instead of a
genome, other signal tracks, small models.

## Tokens and motif clusters

{tokenization(facts, place)}
The cluster count moves with the sample (60,000 bins here) because the interdependence scores of
rare profiles do; a genome has more rare co-occurrences to estimate them from.

## Zipf's law

Pearson r of log10 rank and log10 frequency. In a corpus this small most types are seen once, which
bends the curve's end: compare r over types seen at least 3 times.

{laws(run)}
Bins whose word is frequent enough for the map, by frequency floor: {
    ", ".join(f"{floor} or more: {n['bins']:,}" for floor, n in floors)}.

## Motif coverage

For each of 841 profiles, the best correlation between its frequencies and any token's sequence.

{coverage(run)}
## Predictions on held-out sequence

Test region {test}. *{config["tracks"][0]["label"]}*; *{config["tracks"][1]["label"]}*. The models
are small and trained for minutes on two cores: they show the views. The paper's Pearson r on chr10,
K562 ATAC-seq at full scale: convolutional 0.65 (tokens) and 0.69 (one-hot).

{models(run, config)}
Completeness error of DeepLIFT (float64), largest over all tiles: tokens {errors[0]:.1e},
one-hot {errors[1]:.1e}.

## Time and memory

{stages(manifest["stages"])}""")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "runs" / "demo")
