"""Profiles, features, interdependence and motif clusters speak of the same motifs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger
from precompute.doctor.values import blocks

_CPG = "CpG"


def _check_profiles(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("profiles", "profile_id", "threshold", "max_score", "min_score",
                          "consensus", "width")
    ids = table["profile_id"]
    twice = ids[ids.duplicated()]
    if len(twice):
        chart.fault("profiles", "values", f"{twice.iloc[0]} is there twice", "each profile once",
                    part="profile_id")
    chart.require(
        len(ids) and ids.iloc[-1] == _CPG, "profiles", "values",
        f"the last profile is {ids.iloc[-1] if len(ids) else 'missing'}", f"{_CPG} at the end",
        part="profile_id",
    )
    motifs = table[ids != _CPG]
    # One above the largest score is a profile that can have no hit.
    bad = motifs[(motifs["threshold"] < motifs["min_score"])
                 | (motifs["threshold"] > motifs["max_score"] + 1)]
    if len(bad):
        row = bad.iloc[0]
        chart.fault(
            "profiles", "values", f"{row['profile_id']} has the threshold {row['threshold']:,}",
            f"one between its scores {row['min_score']:,} and {row['max_score']:,}",
            part="threshold",
        )
    long = motifs[motifs["consensus"].str.len() != motifs["width"]]
    if len(long):
        row = long.iloc[0]
        chart.fault("profiles", "values", f"{row['profile_id']} is {row['width']} bp wide and has "
                    f"a consensus of {len(row['consensus'])}", "one letter per base", part="width")


def _check_features(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    profiles = opened.column("profiles", "profile", "profile_id", "tf", "width")
    features = opened.column("features", "profile", "profile_id", "tf", "width", "strand")
    wanted = profiles.loc[profiles.index.repeat(2)].reset_index(drop=True)
    wanted["strand"] = np.tile(["+", "-"], len(profiles))
    for column in ("profile", "profile_id", "tf", "width", "strand"):
        differ = features[column].to_numpy() != wanted[column].to_numpy()
        if differ.any():
            k = int(differ.argmax())
            accused = chart.blame("profiles", "features") if column != "strand" else "features"
            pair = features[column].iloc[k], wanted[column].iloc[k]
            mine, theirs = pair if accused == "features" else pair[::-1]
            chart.fault(
                accused, "agreement", f"feature {k} has {mine}",
                f"{theirs} as in {'profiles' if accused == 'features' else 'features'}"
                if column != "strand" else f"{theirs}: '+' and '-' take turns", part=column,
            )


def _check_pfms(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    profiles = opened.column("profiles", "profile_id", "width")
    pfms = opened.column("pfms", "profile_id", "position", *"ACGT")
    off = np.abs(pfms[list("ACGT")].sum(axis=1).to_numpy() - 1) > 1e-6
    if off.any():
        row = pfms.iloc[int(off.argmax())]
        chart.fault(
            "pfms", "values", f"{row['profile_id']} position {row['position']} sums to "
            f"{sum(row[b] for b in 'ACGT'):.6g}", "frequencies that sum to 1", part="A, C, G, T",
        )
        return
    width = pfms.groupby("profile_id")["position"].agg(["size", "max"])
    wanted = profiles[profiles["profile_id"] != _CPG].set_index("profile_id")["width"]
    differ = sorted(set(wanted.index) ^ set(width.index)) or [
        i for i in wanted.index if tuple(width.loc[i]) != (wanted[i], wanted[i] - 1)
    ]
    if differ:
        name = differ[0]
        have = f"{width.loc[name, 'size']} positions" if name in width.index else "no position"
        need = f"{wanted[name]} as in profiles" if name in wanted.index else "profiles' ids only"
        chart.fault(chart.blame("profiles", "pfms"), "agreement", f"{name} has {have}", need,
                    part="position")


def _check_scores(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    scores = opened.array("interdependence", None, "scores")
    if scores is None:
        return
    size = scores.shape[0]
    for lo, rows in blocks(scores):
        diagonal = rows[np.arange(len(rows)), lo + np.arange(len(rows))]
        if not (np.abs(diagonal - 1) < 1e-6).all():
            k = int((np.abs(diagonal - 1) >= 1e-6).argmax())
            chart.fault("interdependence", "values", f"feature {lo + k} scores {diagonal[k]:.6g} "
                        "with itself", "1 on the diagonal", part="scores")
            return
        mirrored = np.asarray(scores[:size, lo : lo + len(rows)]).T
        apart = np.abs(rows - mirrored) > 1e-6
        if apart.any():
            i, j = np.unravel_index(int(apart.argmax()), apart.shape)
            chart.fault(
                "interdependence", "values", f"features {lo + i} and {j} score {rows[i, j]:.6g}, "
                f"the other way {mirrored[i, j]:.6g}", "a symmetric matrix", part="scores",
            )
            return


def _check_feature_clusters(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    cluster = opened.column("feature_clusters", "cluster")["cluster"].to_numpy()
    n = ledger.size("n_clusters")
    if n is None or not len(cluster):
        return
    strange = cluster[(cluster < 0) | (cluster >= n)]
    if len(strange):
        chart.fault("feature_clusters", "agreement", f"a feature is in cluster {strange[0]}",
                    f"0 to {n - 1} as in clusters", part="cluster")
        return
    empty = np.flatnonzero(np.bincount(cluster, minlength=n) == 0)
    if len(empty):
        chart.fault("feature_clusters", "agreement", f"cluster {empty[0]} has no feature",
                    f"every cluster of 0 to {n - 1} to have one", part="cluster")


def _check_clusters(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    clusters = opened.column("clusters", "label", "n_features", "n_profiles", "profile_ids",
                             "representative")
    twice = clusters["label"][clusters["label"].duplicated()]
    if len(twice):
        chart.fault("clusters", "values", f"two clusters are called {twice.iloc[0]!r}",
                    "labels that differ", part="label")
    outside = [i for i, r in enumerate(clusters.itertuples())
               if r.representative not in set(r.profile_ids)]
    if outside:
        chart.fault("clusters", "values", f"cluster {outside[0]} is represented by "
                    f"{clusters['representative'].iloc[outside[0]]}", "one of its own profiles",
                    part="representative")
    members = opened.column("feature_clusters", "cluster")["cluster"].to_numpy()
    profile = pd.Series(np.arange(len(members)) // 2)
    size = np.bincount(members, minlength=len(clusters))
    profiles = profile.groupby(members).nunique().reindex(range(len(clusters)), fill_value=0)
    for column, wanted in (("n_features", size), ("n_profiles", profiles.to_numpy())):
        differ = clusters[column].to_numpy() != wanted
        if differ.any():
            k = int(differ.argmax())
            accused = chart.blame("feature_clusters", "clusters")
            chart.fault(
                accused, "agreement", f"cluster {k} has {wanted[k]} members in feature_clusters "
                f"and {column} {clusters[column].iloc[k]} in clusters", "the same number",
                part=column if accused == "clusters" else "cluster",
            )
            return


def _check_cuts(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("cluster_cuts", "linkage", "cut", "n_clusters")
    for linkage, rows in table.groupby("linkage", sort=False):
        rising = np.diff(rows.sort_values("cut", kind="stable")["n_clusters"]) > 0
        if rising.any():
            cut = rows.sort_values("cut", kind="stable")["cut"].iloc[int(rising.argmax()) + 1]
            chart.fault("cluster_cuts", "values", f"{linkage} linkage has more clusters at "
                        f"{cut:.2f} than below", "fewer clusters the higher the cut",
                        part="n_clusters")
            return
    if opened.config is None:
        return
    cut, linkage = opened.config.motif_clusters.cut, opened.config.motif_clusters.linkage
    here = table[(table["linkage"] == linkage) & (np.abs(table["cut"] - cut) < 1e-9)]
    n = ledger.size("n_clusters")
    if len(here) and n is not None and int(here["n_clusters"].iloc[0]) != n:
        chart.fault(
            chart.blame("clusters", "cluster_cuts"), "agreement",
            f"{here['n_clusters'].iloc[0]} clusters at {linkage} linkage and {cut} in "
            f"cluster_cuts, {n} in clusters", "the same number", part="n_clusters",
        )


RULES = [
    Rule(("profiles",), _check_profiles),
    Rule(("profiles", "features"), _check_features),
    Rule(("profiles", "pfms"), _check_pfms),
    Rule(("interdependence",), _check_scores),
    Rule(("feature_clusters", "clusters"), _check_feature_clusters),
    Rule(("feature_clusters", "clusters"), _check_clusters),
    Rule(("clusters", "cluster_cuts"), _check_cuts),
]
