"""The laws of all texts as the tables that the app and the report read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.context import Facts
from precompute.lexicon.block_counts import BlockCounts
from precompute.lexicon.laws import Estimate, Laws
from precompute.lexicon.rank_laws import thin

_KEYS = ("tokenizer", "corpus")

#: Columns of every table, so that an empty one has them too.
_COLUMNS = {
    "rank_frequency": [*_KEYS, "rank", "frequency"],
    "zipf": [
        "tokenizer", "label", "corpus", "definition", "n_tokens", "n_types", "r", "r_low",
        "r_high", "slope",
    ],
    "laws": [
        *_KEYS, "label", "n_tokens", "n_types", "seen_once", "exponent", "exponent_low",
        "exponent_high", "xmin", "tail_types", "fitted_types", "ks", "ratio", "p_value", "heaps",
        "heaps_low", "heaps_high", "heaps_from", "heaps_to", "kendall", "kendall_low",
        "kendall_high", "spearman", "spearman_low", "spearman_high", "abbreviation_types",
    ],
    "vocabulary_growth": [*_KEYS, "n_tokens", "n_types"],
    "abbreviation": [*_KEYS, "length_bp", "n_types", "lower", "median", "upper"],
    "vocabulary": [*_KEYS, "token", "frequency"],
}


class LawTables:
    """Collects the rows of every table.

    Parameters
    ----------
    most_tokens : tokens of a tokenizer that are kept by name, the most frequent
    """

    def __init__(self, most_tokens: int) -> None:
        self._most = most_tokens
        self._parts: dict[str, list[pd.DataFrame]] = {name: [] for name in _COLUMNS}

    def _put(self, name: str, columns: dict[str, Any]) -> None:
        frame = pd.DataFrame(columns)
        if len(frame):
            self._parts[name].append(frame[_COLUMNS[name]])

    def add(self, tokenizer: str, label: str, corpus: str, laws: Laws) -> None:
        """Add the laws of one tokenizer's text."""
        key = {"tokenizer": tokenizer, "corpus": corpus}
        rank, kept = thin(laws.frequency)
        self._put("rank_frequency", {**key, "rank": rank, "frequency": kept})
        n_tokens, n_types = int(laws.frequency.sum()), len(laws.frequency)
        self._put("zipf", {
            **key, "label": label, "definition": list(laws.fits), "n_tokens": n_tokens,
            "n_types": [fit.n_types for fit in laws.fits.values()],
            "r": [fit.r for fit in laws.fits.values()],
            "r_low": [laws.r[name].low for name in laws.fits],
            "r_high": [laws.r[name].high for name in laws.fits],
            "slope": [fit.slope for fit in laws.fits.values()],
        })
        power = laws.power
        self._put("laws", {
            **{name: [value] for name, value in {**key, "label": label}.items()},
            "n_tokens": n_tokens, "n_types": n_types,
            "seen_once": int((laws.frequency == 1).sum()),
            **_three("exponent", laws.exponent),
            "xmin": power.xmin, "tail_types": power.tail_types,
            "fitted_types": power.fitted_types, "ks": power.ks, "ratio": power.ratio,
            "p_value": power.p_value,
            **_three("heaps", laws.heaps), "heaps_from": laws.heaps_from,
            "heaps_to": int(laws.grid[-1]) if len(laws.grid) else 0,
            **_three("kendall", laws.kendall), **_three("spearman", laws.spearman),
            "abbreviation_types": laws.abbreviation_types,
        })
        self._put("vocabulary_growth", {**key, "n_tokens": laws.grid, "n_types": laws.growth})
        self._put("abbreviation", {**key, **_by_length(laws.length_bp, laws.length_frequency)})

    def add_vocabulary(
        self, tokenizer: str, corpus: str, blocks: BlockCounts, text: Callable[[int], str]
    ) -> None:
        """Add the most frequent tokens of a tokenizer, ties in the order of their numbers."""
        frequency = np.zeros(blocks.n_types, dtype=np.int64)
        np.add.at(frequency, blocks.types, blocks.counts)
        order = np.argsort(-frequency, kind="stable")[: self._most]
        order = order[frequency[order] > 0]
        self._put("vocabulary", {
            "tokenizer": tokenizer, "corpus": corpus,
            "token": [text(int(number)) for number in order], "frequency": frequency[order],
        })

    def write(self, run: RunFolder) -> None:
        """Write every table."""
        for name, parts in self._parts.items():
            whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(
                {column: [] for column in _COLUMNS[name]}
            )
            run.write_table(name, whole)

    def facts(self) -> Facts:
        """Pearson r of every tokenizer on the sequence itself."""
        zipf = pd.concat(self._parts["zipf"], ignore_index=True)
        mine = zipf[(zipf["corpus"] == "sequence") & zipf["definition"].isin(["all", "seen3"])]
        return {f"r_{row.tokenizer}_{row.definition}": row.r for row in mine.itertuples()}


def _three(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _by_length(
    length_bp: NDArray[np.floating], frequency: NDArray[np.integer]
) -> dict[str, NDArray]:
    """Types of each length (whole bp), and the quartiles of their frequencies."""
    whole = np.rint(length_bp).astype(np.int64)
    values = np.unique(whole)
    groups = [frequency[whole == value] for value in values]
    quartiles = np.array([np.percentile(g, (25, 50, 75)) for g in groups]).reshape(-1, 3)
    return {
        "length_bp": values, "n_types": np.array([len(g) for g in groups], dtype=np.int64),
        "lower": quartiles[:, 0], "median": quartiles[:, 1], "upper": quartiles[:, 2],
    }


