"""The list of checks between artefacts: each says what it needs, and runs when that is sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.sizes import Ledger

Check = Callable[[Opened, Chart, Ledger], None]


class Rule(NamedTuple):
    """A check and the artefacts that it reads."""

    needs: tuple[str, ...]
    check: Check


def apply(rules: list[Rule], opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Run the checks whose artefacts are there and have no fault so far."""
    for rule in rules:
        if opened.has(*rule.needs) and chart.is_sound(*rule.needs):
            with chart.guard(chart.blame(*rule.needs)), chart.comparing(*rule.needs):
                rule.check(opened, chart, ledger)
