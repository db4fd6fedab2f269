"""Interactions of two motif clusters, as the precompute found them."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder


class Near(NamedTuple):
    """Mean interaction of sites of similar distance.

    ``distance_bp``, ``mean``, ``low``, ``high`` (95 % bootstrap) float64 (n,), ``sites`` int64 (n,)
    """

    distance_bp: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    sites: NDArray[np.int64]


class InteractionData:
    """Tables of the stage interactions; read when first asked for.

    Parameters
    ----------
    run : run folder; it may lack them
    pseudo_value : of the logarithms, in the track's unit
    """

    def __init__(self, run: RunFolder, pseudo_value: float) -> None:
        self._run, self._pseudo_value = run, pseudo_value

    @property
    def is_there(self) -> bool:
        """Whether pairs were knocked out."""
        return self._run.exists("interactions") and self._run.exists("interaction_sites")

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The artefact ``interactions``."""
        return self._run.table("interactions")

    @cached_property
    def _sites(self) -> pd.DataFrame:
        """The artefact ``interaction_sites`` with ``change_first``, ``change_second``,
        ``change_both`` and ``interaction``, log2."""
        table = self._run.table("interaction_sites")
        whole = np.log2(table["predicted"] + self._pseudo_value)
        changes = {
            name: np.log2(table[f"without_{name}"] + self._pseudo_value) - whole
            for name in ("first", "second", "both")
        }
        return table.assign(
            **{f"change_{name}": change for name, change in changes.items()},
            interaction=changes["both"] - changes["first"] - changes["second"],
        )

    def pair(self, a: int, b: int) -> dict[str, float] | None:
        """Numbers of a pair in either order; None when it was not tested."""
        first, second = sorted((a, b))
        rows = self.pairs[(self.pairs["first"] == first) & (self.pairs["second"] == second)]
        return None if not len(rows) else rows.iloc[0].to_dict()

    def sites(self, a: int, b: int) -> pd.DataFrame:
        """Sites of a pair in either order, along the genome."""
        first, second = sorted((a, b))
        table = self._sites
        return table[(table["first"] == first) & (table["second"] == second)].reset_index(drop=True)


def by_distance(
    sites: pd.DataFrame, least: int = 8, most_groups: int = 6, resamples: int = 400
) -> Near:
    """Mean interaction in groups of sites of similar distance.

    Parameters
    ----------
    sites : of one pair, with ``distance_bp`` and ``interaction``
    least : sites of a group at least; with fewer there is one group
    most_groups : groups of equal size at most
    resamples : of the bootstrap, always the same ones
    """
    ordered = sites.sort_values("distance_bp", kind="stable")
    n_groups = max(1, min(most_groups, len(ordered) // least))
    rng = np.random.default_rng(0)
    rows, sizes = [], []
    for part in np.array_split(np.arange(len(ordered)), n_groups):
        value = ordered["interaction"].to_numpy()[part]
        means = value[rng.integers(len(part), size=(resamples, len(part)))].mean(axis=1)
        low, high = np.quantile(means, (0.025, 0.975))
        rows.append((ordered["distance_bp"].to_numpy()[part].mean(), value.mean(), low, high))
        sizes.append(len(part))
    distance, mean, lows, highs = np.array(rows).T
    return Near(distance, mean, lows, highs, np.array(sizes))
