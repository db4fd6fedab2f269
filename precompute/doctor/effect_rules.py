"""What motif clusters add: the summed contributions against the contributions themselves."""

from __future__ import annotations

import numpy as np

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger

_ROUNDING = 1e-6
_LENGTH_ROUNDING = 1e-4
_BLOCK = 1 << 20


def _check_effects(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """A mean is the sum over its bins, inside its interval, and no larger than the mean size."""
    table = opened.column(
        "effects", "bins", "mean", "mean_low", "mean_high", "mean_abs", "total")
    present = (table["bins"] > 0).to_numpy()
    missing = table[["mean", "mean_abs"]].isna().any(axis=1).to_numpy()
    if (missing == present).any():
        k = int((missing == present).argmax())
        chart.fault("effects", "values", f"cluster {k} in {table['bins'][k]:,} bins has the mean "
                    f"{table['mean'][k]:.4g}", "a mean where bins hold the cluster, NaN elsewhere",
                    part="mean")
        return
    here = table[present]
    scale = here["mean_abs"] + _ROUNDING
    wrong = {
        "total": (here["total"] - here["mean"] * here["bins"]).abs()
        > _ROUNDING * scale * here["bins"] + _ROUNDING,
        "mean_abs": here["mean"].abs() > here["mean_abs"] + _ROUNDING * scale,
        "mean_low": here["mean_low"] > here["mean"] + _ROUNDING * scale,
        "mean_high": here["mean_high"] < here["mean"] - _ROUNDING * scale,
    }
    for part, is_wrong in wrong.items():
        if is_wrong.any():
            k = int(here.index[int(is_wrong.to_numpy().argmax())])
            chart.fault("effects", "values", f"cluster {k} with mean {table['mean'][k]:.4g} has "
                        f"{part} {table[part][k]:.4g}", "numbers that agree", part=part)
            return


def _check_bins(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Every contribution is in one bin of one cluster."""
    wanted = sum(
        int(array.shape[0]) for _, part, array in opened.of("attributions_tokens")
        if part == "indices"
    )
    found = int(np.sum(opened.column("effects", "bins")["bins"]))
    # Around peaks alone, some contributions are NaN and counted by nobody.
    is_part = bool(opened.attribute("attributions_tokens", None, "peaks"))
    chart.require(
        found == wanted or (is_part and found < wanted),
        chart.blame("attributions_tokens", "effects"), "agreement",
        f"the bins of all clusters are {found:,} in effects",
        f"{wanted:,}, the contributions in attributions_tokens", part="bins",
    )


_PAIR = ["first", "second"]


def _check_pairs(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Pairs once each, of clusters of the run, with means inside their intervals."""
    table = opened.column(
        "interactions", *_PAIR, "windows", "sites", *(
            f"interaction{scale}{end}" for scale in ("", "_linear")
            for end in ("", "_low", "_high")))
    most = ledger.size("n_clusters")
    wrong = (table["second"] < table["first"]) | table.duplicated(_PAIR)
    if most is not None:
        wrong |= table["second"] >= most
    if wrong.any():
        row = table[wrong].iloc[0]
        chart.fault("interactions", "values", f"has the pair {row['first']:.0f} and "
                    f"{row['second']:.0f}", "each pair of clusters once, the smaller first",
                    part="second")
        return
    for part in ("interaction", "interaction_linear"):
        room = _ROUNDING * (1 + table[part].abs())
        is_out = (table[part] < table[f"{part}_low"] - room) | (
            table[part] > table[f"{part}_high"] + room)
        if is_out.any():
            row = table[is_out].iloc[0]
            chart.fault("interactions", "values", f"{part} {row[part]:.4g} is outside of its "
                        f"interval {row[f'{part}_low']:.4g} to {row[f'{part}_high']:.4g}",
                        "a mean in its interval", part=part)
            return
    chart.require((table["sites"] <= table["windows"]).all(), "interactions", "values",
                  "more sites than windows", "at most one site in each window", part="sites")


def _check_sites(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """The sites of each pair are as many as it says, and lie in the run's sequence."""
    sites = opened.column("interaction_sites", *_PAIR, "chrom", "start", "end")
    pairs = opened.column("interactions", *_PAIR, "sites")
    wanted = {(r.first, r.second): int(r.sites) for r in pairs.itertuples()}
    found = {key: int(n) for key, n in sites.groupby(_PAIR).size().items()}
    if wanted != found:
        key = next(k for k in sorted({*wanted, *found}) if wanted.get(k) != found.get(k))
        chart.fault(
            chart.blame("interactions", "interaction_sites"), "agreement",
            f"{found.get(key, 0):,} sites of the pair {key[0]} and {key[1]} in interaction_sites",
            f"{wanted.get(key, 0):,} as in interactions", part="sites",
        )
    for chrom, rows in sites.groupby("chrom", sort=False):
        region = opened.attributes.get(("sequence", str(chrom)))
        if region is None or (rows["start"] < region["start"]).any() or (
            rows["end"] > region["end"]
        ).any() or (rows["end"] <= rows["start"]).any():
            chart.fault("interaction_sites", "agreement", f"a site on {chrom} lies outside of the "
                        "sequence", "sites in the run's sequence", part="start, end")


def _check_windows(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Windows tile the bins of each chromosome, and are unit vectors or empty."""
    n_held = 0
    for chrom in opened.chroms("window_index"):
        first, indptr, values = (
            opened.array("window_index", chrom, part) for part in ("first_bin", "indptr", "values"))
        if first is None or indptr is None or values is None:
            continue
        cuts, ends = np.asarray(first[:]), np.asarray(indptr[:])
        n_bins = ledger.size("n_bins", chrom)
        if cuts[0] != 0 or (np.diff(cuts) < 0).any() or (n_bins is not None and cuts[-1] != n_bins):
            chart.fault("window_index", "agreement", f"windows from bin {cuts[0]:,} to "
                        f"{cuts[-1]:,}", f"rising from 0 to {n_bins}", chrom=chrom,
                        part="first_bin")
            return
        squares = np.concatenate([[0.0], *(
            np.asarray(values[lo : lo + _BLOCK], np.float64) ** 2
            for lo in range(0, values.shape[0], _BLOCK))]).cumsum()
        length = np.diff(squares[ends])
        held = np.diff(ends) > 0
        n_held += int(held.sum())
        wrong = held & (np.abs(length - 1) > _LENGTH_ROUNDING)
        if wrong.any():
            k = int(wrong.argmax())
            chart.fault("window_index", "values", f"window {k:,} has the length "
                        f"{length[k] ** 0.5:.4g}", "1", chrom=chrom, part="values")
            return
    most = opened.attribute("window_index", None, "n_windows")
    chart.require(most is None or n_held <= most, "window_index", "values",
                  f"{n_held:,} windows hold a motif", f"at most {most} as in the attribute",
                  part="attribute n_windows")


RULES = [
    Rule(("window_index", "bins"), _check_windows),
    Rule(("effects",), _check_effects),
    Rule(("attributions_tokens", "effects"), _check_bins),
    Rule(("interactions",), _check_pairs),
    Rule(("interactions", "interaction_sites", "sequence"), _check_sites),
]
