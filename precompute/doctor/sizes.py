"""Do all artefacts speak of the same number of bases, bins, features, clusters and points?

The contract names the dimensions of each array, so each array is a witness of the sizes in its
shape. Where witnesses contradict each other the majority is believed, witnesses that were changed
after they were made count little, and with equal votes the artefact that was made first is right.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field

from precompute.artefacts import ARTEFACTS
from precompute.doctor.contract import ArraySpec, arrays
from precompute.doctor.findings import ORDER, Chart
from precompute.doctor.opening import Opened

_LINEAR = re.compile(r"(n\w+)(?: \+ (\d+))?$")
_CELLS = re.compile(r"ceil\(n_bp / (\d+)\)$")

#: Dimensions that all artefacts share, per chromosome or over the run, and their plain names.
PER_CHROM = {"n_bp": "bases", "n_bins": "bins"}
SHARED = {"n_features": "features", "n_clusters": "motif clusters", "n_points": "points",
          "n_words": "words"}
_WORDS = {**PER_CHROM, **SHARED, "nnz": "non-zeros", "n_tiles": "tiles",
          "n_components": "components", "n_hits": "hits", "n_nodes": "nodes",
          "n_neighbors": "neighbours", "n_placed": "placed points", "n_near": "neighbours",
          "n_windows": "windows"}

_CHANGED_WEIGHT = 0.01


@dataclass(frozen=True)
class _Vote:
    artefact: str
    part: str
    value: int


@dataclass
class Ledger:
    """Sizes as the artefacts tell them: (dimension, chromosome or None, artefact or '')."""

    votes: dict[tuple[str, str | None, str], list[_Vote]] = field(
        default_factory=lambda: defaultdict(list)
    )
    agreed: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def add(self, dim: str, chrom: str | None, artefact: str, part: str, value: int) -> None:
        """A witness: ``part`` of ``artefact`` speaks of ``value``."""
        place = chrom if dim not in SHARED else None
        owner = "" if dim in SHARED or dim in PER_CHROM else artefact
        self.votes[dim, place, owner].append(_Vote(artefact, part, value))

    def size(self, dim: str, chrom: str | None = None) -> int | None:
        """The agreed size, None when nothing speaks of it."""
        return self.agreed.get((dim, chrom))

    def settle(self, chart: Chart) -> None:
        """Agree on every size; whoever says otherwise has a fault."""
        for (dim, chrom, owner), votes in self.votes.items():
            value = _winner(votes, chart)
            if owner == "":
                self.agreed[dim, chrom] = value
            witnesses = list(dict.fromkeys(
                v.artefact if owner == "" else v.part for v in votes if v.value == value
            ))
            for vote in votes:
                chart.require(
                    vote.value == value, vote.artefact, "agreement" if owner == "" else "schema",
                    f"is for {vote.value:,} {_WORDS[dim]}",
                    f"{value:,} as in {', '.join(witnesses[:4])}", chrom=chrom, part=vote.part,
                )


def _winner(votes: list[_Vote], chart: Chart) -> int:
    weight: dict[int, float] = defaultdict(float)
    first: dict[int, int] = {}
    for vote in {(v.artefact, v.value): v for v in votes}.values():
        is_changed = vote.artefact in (chart.changed or ())
        weight[vote.value] += _CHANGED_WEIGHT if is_changed else 1.0
        rank = ORDER.get(vote.artefact, -1)
        first[vote.value] = min(first.get(vote.value, rank), rank)
    return max(weight, key=lambda value: (weight[value], -first[value]))


def check_sizes(opened: Opened, chart: Chart) -> Ledger:
    """Compare the sizes that all shapes, row counts and attributes tell."""
    ledger = Ledger()
    for name, artefact in ARTEFACTS.items():
        if name in opened.groups:
            specs = arrays(artefact)
            for chrom, part, array in opened.of(name):
                pattern = _pattern(specs, part)
                for dim, length in zip(specs[pattern].dims, array.shape, strict=True):
                    linear = _LINEAR.match(dim)
                    if linear is not None:
                        size = length - int(linear[2] or 0)
                        ledger.add(linear[1], chrom, name, part, size)
    _rows_and_attributes(opened, ledger)
    ledger.settle(chart)
    _fixed_and_cells(opened, chart, ledger)
    return ledger


def _pattern(specs: dict[str, ArraySpec], part: str) -> str:
    last = part.rpartition("/")[2]
    return next(p for p in specs if p.rpartition("/")[2] == last)


def _rows_and_attributes(opened: Opened, ledger: Ledger) -> None:
    for name, dim in (
        ("features", "n_features"), ("feature_clusters", "n_features"), ("clusters", "n_clusters"),
        ("points", "n_points"), ("communities", "n_points"), ("words", "n_words"),
        ("lexicon", "n_words"), ("effects", "n_clusters"),
    ):
        if name in opened.tables:
            ledger.add(dim, None, name, "", opened.tables[name].metadata.num_rows)
    if "profiles" in opened.tables:
        rows = opened.tables["profiles"].metadata.num_rows
        ledger.add("n_features", None, "profiles", "", 2 * rows)
    for name, attribute, dim in (
        ("sequence", None, "n_bp"), ("tokens", "n_features", "n_features"),
    ):
        for chrom in opened.chroms(name) if name in opened.groups else []:
            attrs = opened.attributes.get((name, chrom))
            if attrs is None:
                continue
            if attribute is None:
                value = attrs["end"] - attrs["start"]
                ledger.add(dim, chrom, name, "attributes start and end", value)
            else:
                ledger.add(dim, chrom, name, f"attribute {attribute}", attrs[attribute])
    if "attributions_tokens" in opened.groups:
        mean_abs = opened.attributes["attributions_tokens", None]["mean_abs"]
        ledger.add("n_clusters", None, "attributions_tokens", "attribute mean_abs", len(mean_abs))
    if "window_index" in opened.groups:
        holders = opened.attributes["window_index", None]["holders"]
        ledger.add("n_clusters", None, "window_index", "attribute holders", len(holders))


def _fixed_and_cells(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Dimensions that are a number, and the 16-bp cells of a chromosome."""
    for name in opened.groups:
        specs = arrays(ARTEFACTS[name])
        for chrom, part, array in opened.of(name):
            for dim, length in zip(specs[_pattern(specs, part)].dims, array.shape, strict=True):
                cells, n_bp = _CELLS.match(dim), ledger.size("n_bp", chrom)
                if cells is not None and n_bp is not None:
                    wanted = math.ceil(n_bp / int(cells[1]))
                    text = f"{wanted:,} cells of {cells[1]} bp for {n_bp:,} bases"
                elif dim.isdigit():
                    wanted, text = int(dim), f"{dim} columns"
                else:
                    continue
                chart.require(length == wanted, name, "agreement" if cells else "schema",
                              f"has {length:,} values", text, chrom=chrom, part=part)
