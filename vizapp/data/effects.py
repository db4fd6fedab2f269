"""What each motif cluster adds to the predicted signal, over the whole run, and which meet."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import MotiflensError


class EffectError(MotiflensError):
    """A motif cluster that the run has not."""


class Meeting(NamedTuple):
    """How often two clusters are in one word: bins with either, both, and both by chance."""

    first: int
    second: int
    both: int
    expected: float

    @property
    def log2_ratio(self) -> float:
        """log2 of both over chance; NaN when one never occurs, -inf when they never meet."""
        if self.expected == 0:
            return float("nan")
        return float(np.log2(self.both / self.expected)) if self.both else float("-inf")


class EffectData:
    """What the precompute summed of each motif cluster's contributions.

    Parameters
    ----------
    run : run folder; it may lack the artefact ``effects``
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    @property
    def is_there(self) -> bool:
        """Whether the contributions have been summed."""
        return self._run.exists("effects")

    @cached_property
    def about(self) -> dict[str, str]:
        """Explained track, baseline and target."""
        attrs = self._run.group("attributions_tokens").attrs
        return {name: str(attrs[name]) for name in ("track", "baseline", "target")}

    @cached_property
    def table(self) -> pd.DataFrame:
        """``bins``, ``mean``, ``mean_low``, ``mean_high``, ``mean_abs``, ``total``, ``same_sign``
        of each motif cluster, as in the contract."""
        return self._run.table("effects")


def meeting(first: NDArray, second: NDArray, frequency: NDArray[np.integer]) -> Meeting:
    """How often two motif clusters share a bin's word, against chance.

    Parameters
    ----------
    first, second : words that hold each cluster, rising
    frequency : int64 (n_words,), bins of each word
    """
    a, b = int(frequency[first].sum()), int(frequency[second].sum())
    both = int(frequency[np.intersect1d(first, second)].sum())
    n = int(frequency.sum())
    return Meeting(a, b, both, a * b / n if n else 0.0)
