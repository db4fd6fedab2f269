"""What motif clusters add: the summed contributions against the contributions themselves."""

from __future__ import annotations

import numpy as np

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger

_ROUNDING = 1e-6


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
    chart.require(
        found == wanted, chart.blame("attributions_tokens", "effects"), "agreement",
        f"the bins of all clusters are {found:,} in effects",
        f"{wanted:,}, the contributions in attributions_tokens", part="bins",
    )


RULES = [
    Rule(("effects",), _check_effects),
    Rule(("attributions_tokens", "effects"), _check_bins),
]
