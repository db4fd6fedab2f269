"""The token map: its points, communities and their names lie on the run's bins and words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger
from precompute.doctor.values import blocks


def _check_points_on_bins(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    points = opened.column("points", "chrom", "bin", "start", "end")
    for chrom, rows in points.groupby("chrom", sort=False):
        edges = opened.array("bins", str(chrom), "edges")
        if edges is None:
            continue
        edge = np.asarray(edges[:]).astype(np.int64)
        bins = rows["bin"].to_numpy()
        outside = bins >= len(edge) - 1
        differ = outside.copy()
        differ[~outside] = (edge[bins[~outside]] != rows["start"].to_numpy()[~outside]) | (
            edge[bins[~outside] + 1] != rows["end"].to_numpy()[~outside])
        if differ.any():
            k = int(differ.argmax())
            row = rows.iloc[k]
            there = "there is none" if outside[k] else (
                f"{edge[bins[k]]:,}-{edge[bins[k] + 1]:,} as in bins")
            accused = chart.blame("bins", "points")
            chart.fault(
                accused, "agreement", f"point {rows.index[k]:,} lies on bin {bins[k]:,} at "
                f"{row['start']:,}-{row['end']:,}", there, chrom=str(chrom),
                part="edges" if accused == "bins" else "start, end",
            )


def _check_points_on_words(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    points = opened.column("points", "chrom", "bin", "word", "frequency")
    words = opened.tables["words"].read(columns=["frequency"]).column("frequency").to_numpy()
    for chrom, rows in points.groupby("chrom", sort=False):
        array = opened.array("word_ids", str(chrom), "word")
        if array is None or (rows["bin"] >= array.shape[0]).any():
            continue
        word = np.asarray(array[:])[rows["bin"].to_numpy()]
        differ = (word != rows["word"].to_numpy()) | (words[word] != rows["frequency"].to_numpy())
        if differ.any():
            k = int(differ.argmax())
            row = rows.iloc[k]
            accused = chart.blame("words", "word_ids", "points")
            chart.fault(
                accused, "agreement",
                f"point {rows.index[k]:,} has the word {row['word']:,} of frequency "
                f"{row['frequency']:,}, its bin {word[k]:,} of {words[word[k]]:,}", "the same word",
                chrom=str(chrom), part={"points": "word"}.get(accused, ""),
            )


def _check_neighbors(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Nodes stand for fitted points, and neighbour lists hold different other nodes."""
    arrays = {part: array for _, part, array in opened.of("neighbors")}
    is_fitted = opened.column("points", "is_fitted")["is_fitted"].to_numpy()
    node, first = np.asarray(arrays["node"][:]), np.asarray(arrays["first"][:])
    n, n_placed = len(first), int((~is_fitted).sum())

    def fault(part: str, got: str, expected: str) -> None:
        chart.fault("neighbors", "values", got, expected, part=part)

    if (first >= len(node)).any() or (np.diff(first) <= 0).any():
        return fault("first", "the points that stand for nodes do not rise",
                     f"rising numbers of 0 to {len(node) - 1:,}")
    if (node >= n).any() or (node[is_fitted] < 0).any():
        point = int(((node >= n) | (is_fitted & (node < 0))).argmax())
        return fault("node", f"point {point:,} has the node {node[point]:,}",
                     f"a node of 0 to {n - 1:,}")
    if not np.array_equal(node[first], np.arange(n)) or not is_fitted[first].all():
        return fault("first", "a node is not that of the point that stands for it",
                     "a fitted point of the node")
    if arrays["placed"].shape[0] != n_placed:
        return fault("placed", f"has {arrays['placed'].shape[0]:,} rows",
                     f"{n_placed:,}, one for each placed point")
    for part in ("nodes", "placed"):
        for lo, values in blocks(arrays[part]):
            own = lo + np.arange(len(values)) if part == "nodes" else np.full(len(values), -1)
            ordered = np.sort(values, axis=1)
            bad = (values >= n).any(axis=1) | (values == own[:, None]).any(axis=1)
            bad |= (np.diff(ordered, axis=1) == 0).any(axis=1)
            if bad.any():
                return fault(part, f"row {lo + int(bad.argmax()):,} names itself, a node twice or "
                             "one that there is not", f"different nodes of 0 to {n - 1:,}")


def _check_stability(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("community_stability", "level", "community")
    found = {(r.level, int(r.community)) for r in table.itertuples()}
    wanted = set(_sizes(opened.column("communities", "megacluster", "subcluster")))
    chart.require(
        found == wanted and len(table) == len(wanted),
        chart.blame("communities", "community_stability"), "agreement",
        f"community_stability has {len(table):,} rows for {len(found):,} communities",
        f"one for each of the {len(wanted):,} in communities", part="community",
    )


def _check_communities(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("communities", "megacluster", "subcluster")
    for column in ("megacluster", "subcluster"):
        size = np.bincount(table[column])
        if (size == 0).any():
            chart.fault("communities", "values", f"no point is in {column} {int(size.argmin())}",
                        f"every {column} up to {len(size) - 1} to have one", part=column)
            return
    parents = table.groupby("subcluster")["megacluster"].nunique()
    if (parents > 1).any():
        chart.fault("communities", "values", f"subcluster {int(parents.idxmax())} lies in "
                    f"{int(parents.max())} megaclusters", "one megacluster for each subcluster",
                    part="subcluster")


def _sizes(table: pd.DataFrame) -> dict[tuple[str, int], int]:
    return {
        (level, int(number)): int(n)
        for level, column in (("mega", "megacluster"), ("sub", "subcluster"))
        for number, n in table[column].value_counts().items()
    }


def _check_community_table(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("community_table", "level", "community", "parent", "n_points")
    members = opened.column("communities", "megacluster", "subcluster")
    wanted = _sizes(members)
    found = {(r.level, int(r.community)): int(r.n_points) for r in table.itertuples()}
    differ = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
    if differ:
        level, number = differ[0]
        chart.fault(
            chart.blame("communities", "community_table"), "agreement",
            f"{level} {number} has {found.get(differ[0], 'no')} points in community_table and "
            f"{wanted.get(differ[0], 'no')} in communities", "the same number", part="n_points",
        )
        return
    parent = members.drop_duplicates("subcluster").set_index("subcluster")["megacluster"]
    wrong = [
        r.community for r in table.itertuples()
        if r.parent != (parent[r.community] if r.level == "sub" else -1)
    ]
    if wrong:
        chart.fault("community_table", "agreement", f"community {wrong[0]} has another parent",
                    "the megacluster that communities gives", part="parent")


def _check_enrichment(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    table = opened.column("enrichment", "level", "community", "cluster")
    known = set(_sizes(opened.column("communities", "megacluster", "subcluster")))
    n = ledger.size("n_clusters")
    for (level, number), rows in table.groupby(["level", "community"], sort=False):
        if (level, int(number)) not in known:
            chart.fault("enrichment", "agreement", f"rows for {level} {number}",
                        "communities of the map", part="community")
            return
        if n is not None and not np.array_equal(np.sort(rows["cluster"]), np.arange(n)):
            chart.fault("enrichment", "agreement", f"{level} {number} has {len(rows)} rows",
                        f"one for each of the {n} motif clusters", part="cluster")
            return


def _check_bin_communities(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    members = opened.column("communities", "megacluster", "subcluster")
    points = opened.column("points", "chrom", "bin")
    parent = np.full(int(members["subcluster"].max()) + 2, -1)
    parent[members["subcluster"]] = members["megacluster"]
    for chrom in opened.chroms("bin_communities"):
        arrays = [opened.array("bin_communities", chrom, f"{level}cluster")
                  for level in ("mega", "sub")]
        if any(array is None for array in arrays):
            continue
        sub = np.asarray(arrays[1][:])  # type: ignore[index]
        if sub.max(initial=-1) >= len(parent) - 1:
            chart.fault("bin_communities", "agreement", f"a bin is in subcluster {sub.max()}",
                        f"at most {len(parent) - 2} as in communities", chrom=chrom,
                        part="subcluster")
            continue
        for lo, mega in blocks(arrays[0]):
            # -1 stands for no motif on both levels, and parent[-1] is -1.
            differ = parent[sub[lo : lo + len(mega)]] != mega
            if differ.any():
                k = int(differ.argmax())
                chart.fault(
                    "bin_communities", "agreement", f"bin {lo + k:,} is in subcluster "
                    f"{sub[lo + k]} and megacluster {mega[k]}",
                    f"megacluster {parent[sub[lo + k]]} as in communities", chrom=chrom,
                    part="megacluster",
                )
                break
        here = (points["chrom"] == chrom).to_numpy()
        bins = points.loc[here, "bin"].to_numpy()
        mine = members.loc[here, "subcluster"].to_numpy()
        differ = sub[bins] != mine if (bins < len(sub)).all() else np.zeros(0, dtype=bool)
        if differ.any():
            k = int(differ.argmax())
            chart.fault(
                chart.blame("communities", "bin_communities"), "agreement",
                f"bin {bins[k]:,} is in subcluster {sub[bins[k]]}, its point in {mine[k]}",
                "the same subcluster", chrom=chrom, part="subcluster",
            )


RULES = [
    Rule(("bins", "points"), _check_points_on_bins),
    Rule(("words", "word_ids", "points"), _check_points_on_words),
    Rule(("points", "neighbors"), _check_neighbors),
    Rule(("communities",), _check_communities),
    Rule(("communities", "community_stability"), _check_stability),
    Rule(("communities", "community_table"), _check_community_table),
    Rule(("communities", "enrichment"), _check_enrichment),
    Rule(("points", "communities", "bin_communities"), _check_bin_communities),
]
