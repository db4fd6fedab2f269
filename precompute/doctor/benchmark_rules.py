"""The TF benchmark: do its tables name the same factors, models and hits, and add up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from precompute.doctor.files import check_inner_table
from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger

if TYPE_CHECKING:
    import pandas as pd

NAME = "tf_benchmark"
TABLES = ("factors", "benchmark", "explained", "sites", "site_scores")


def _check(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    folder = opened.folders[NAME]
    sound = [check_inner_table(chart, NAME, folder, table) for table in TABLES]
    if not all(sound):
        return
    factors, benchmark, explained, sites, scores = (_read(folder, table) for table in TABLES)
    tfs, models = set(factors["tf"]), set(explained["model"])
    for table, column, found, known, what in (
        ("factors", "tf", tfs, set(opened.column("peaks", "target")["target"]),
         "a target of peaks"),
        ("benchmark", "tf", set(benchmark["tf"]), tfs, "a factor of factors"),
        ("benchmark", "model", set(benchmark["model"]) - {""}, models, "a model of explained"),
        ("explained", "track", set(explained["track"]), set(opened.tracks), "a track of signal"),
        ("sites", "tf", set(sites["tf"]), tfs, "a factor of factors"),
        ("sites", "chrom", set(sites["chrom"]), set(opened.chroms("sequence")),
         "a chromosome of sequence"),
        ("sites", "profile_id", set(sites["profile_id"]),
         set(opened.column("profiles", "profile_id")["profile_id"]),
         "a profile of profiles"),
        ("site_scores", "model", set(scores["model"]), models, "a model of explained"),
    ):
        strange = found - known
        if strange:
            chart.fault(NAME, "agreement", f"names {min(strange)!r}", what,
                        part=f"{table}.parquet {column}")
    _check_sites(chart, sites, scores)
    _check_counts(chart, factors, sites, scores)


def _read(folder: Path, table: str) -> pd.DataFrame:
    import pyarrow.parquet as pq

    return pq.read_table(folder / f"{table}.parquet", memory_map=False).to_pandas()


def _check_sites(chart: Chart, sites: pd.DataFrame, scores: pd.DataFrame) -> None:
    chart.require(
        bool((sites["site"] == np.arange(len(sites))).all()), NAME, "values",
        "site is not the row number", "0, 1, 2 and so on", part="sites.parquet site",
    )
    inside = (
        (sites["region_start"] <= sites["start"]) & (sites["start"] < sites["end"])
        & (sites["end"] <= sites["region_end"])
    )
    if not inside.all():
        row = sites[~inside].iloc[0]
        chart.fault(NAME, "values", f"the hit {row['start']:,}-{row['end']:,} of site "
                    f"{row['site']:,}", f"a hit inside its region {row['region_start']:,}-"
                    f"{row['region_end']:,}", part="sites.parquet")
    last = int(scores["site"].max()) if len(scores) else -1
    chart.require(last < len(sites), NAME, "agreement", f"scores the site {last:,}",
                  f"one of {len(sites):,} sites", part="site_scores.parquet site")


def _check_counts(
    chart: Chart, factors: pd.DataFrame, sites: pd.DataFrame, scores: pd.DataFrame
) -> None:
    """Counts of a factor are those of its hits that every score knows."""
    unknown = scores.loc[scores["value"].isna(), "site"].to_numpy()
    known = sites[~sites["site"].isin(unknown)]
    counted = known.groupby("tf")["bound"].agg(["size", "sum"])
    for row in factors.itertuples():
        size, bound = counted.loc[row.tf] if row.tf in counted.index else (0, 0)
        chart.require(
            (row.n_hits, row.n_bound) == (size, bound), NAME, "agreement",
            f"{row.tf} has {row.n_hits:,} hits, {row.n_bound:,} bound",
            f"{size:,} and {bound:,} as in sites", part="factors.parquet",
        )


RULES = [Rule((NAME, "peaks", "profiles", "signal", "sequence"), _check)]
