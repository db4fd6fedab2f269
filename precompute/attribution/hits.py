"""Motif hits of a stretch of sequence with their scores, and the clusters that they belong to.

Tokens keep how many bases a motif covers, not where and how well: what names a hit, its strand and
its score is found again in the sequence, in the windows that are looked at.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.config_inputs import MotifConfig
from precompute.errors import ArtefactError
from precompute.motifs import Profile, load_profiles
from precompute.scan import Scanner, compile_scanner, find_hits


class Hits(NamedTuple):
    """Hits of a stretch, in the order of their start and then their feature.

    Attributes
    ----------
    feature : int64 (n,), row of the artefact ``features``
    start, end : int64 (n,), positions in the stretch, half-open
    score : int64 (n,), 100 x log2 odds
    relative : float64 (n,), (score - lowest) / (highest - lowest) of the profile, 0-1
    """

    feature: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    score: NDArray[np.int64]
    relative: NDArray[np.float64]

    def take(self, chosen: NDArray) -> Hits:
        """The chosen hits: a mask or indices."""
        return Hits(*(column[chosen] for column in self))


class MotifFinder:
    """Finds the hits of a set of profiles.

    Parameters
    ----------
    profiles : in the order of the run's artefact ``profiles``
    """

    def __init__(self, profiles: list[Profile]) -> None:
        self.profiles = profiles
        self.scanner: Scanner = compile_scanner(profiles)
        widest = max(profile.width for profile in profiles)
        self._scores = np.zeros((2 * len(profiles), widest, 5), dtype=np.int64)
        for number, profile in enumerate(profiles):
            width = profile.width
            self._scores[2 * number, :width, :4] = profile.scores
            self._scores[2 * number + 1, :width, :4] = profile.scores[::-1, ::-1]
        self._low = np.repeat([profile.min_score for profile in profiles], 2)
        self._high = np.repeat([profile.max_score for profile in profiles], 2)

    def find(self, codes: NDArray[np.uint8]) -> Hits:
        """Hits that lie wholly inside ``codes`` (uint8 (n,), N is 4)."""
        feature, start = (values.astype(np.int64) for values in find_hits(self.scanner, codes))
        width = self.scanner.width[feature].astype(np.int64)
        score = np.zeros(len(feature), dtype=np.int64)
        for column in range(self._scores.shape[1]):
            inside = np.flatnonzero(column < width)
            letter = codes[start[inside] + column]
            score[inside] += self._scores[feature[inside], column, letter]
        low, high = self._low[feature], self._high[feature]
        relative = (score - low) / np.maximum(high - low, 1)
        order = np.lexsort((feature, start))
        return Hits(feature, start, start + width, score, relative).take(order)


def motif_config(run: RunFolder) -> MotifConfig:
    """What profiles and thresholds a run was made with.

    Raises
    ------
    ArtefactError
        When the run has no readable ``config.json``.
    """
    try:
        return MotifConfig.model_validate(json.loads(_config_path(run).read_text())["motifs"])
    except (OSError, ValueError, KeyError) as error:
        raise ArtefactError(
            f"{_config_path(run)} cannot be read ({type(error).__name__}); run the precompute again"
        ) from None


def _config_path(run: RunFolder) -> Path:
    return run.root / "config.json"


def run_seed(run: RunFolder) -> int:
    """The seed of a run; 1 where its configuration is gone."""
    try:
        return int(json.loads(_config_path(run).read_text())["run"]["seed"])
    except (OSError, ValueError, KeyError):
        return 1


@lru_cache(maxsize=2)
def _finder(key: str) -> MotifFinder:
    return MotifFinder(load_profiles(MotifConfig.model_validate_json(key)))


def finder_of(config: MotifConfig) -> MotifFinder:
    """The finder of some profiles and thresholds, made once per process.

    Raises
    ------
    InputError
        When the profiles cannot be read.
    """
    return _finder(config.model_dump_json())


def run_finder(run: RunFolder) -> MotifFinder:
    """The finder of a run's profiles, made once per process.

    Raises
    ------
    InputError, ArtefactError
        When the profiles or the run's configuration are gone.
    """
    finder = finder_of(motif_config(run))
    known = run.table("features", ["profile_id"])["profile_id"].tolist()[:-2:2]
    if [profile.profile_id for profile in finder.profiles] != known:
        raise ArtefactError(
            f"the motif profiles of {run.root} have changed since it was made; run the precompute "
            "again"
        )
    return finder


def covered_sums(
    hits: Hits, group: NDArray[np.integer], n_groups: int, values: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Sum of ``values`` over the bases that the hits of each group cover, every base once.

    Parameters
    ----------
    hits : hits of a stretch
    group : int (n_hits,), group of each hit, e.g. the motif cluster of its feature
    n_groups : number of groups
    values : float (bp,), of the stretch

    Returns
    -------
    float64 (n_groups,); NaN for groups without a hit
    """
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    out = np.full(n_groups, np.nan)
    order = np.lexsort((hits.start, group))
    last_group, reached = -1, 0
    for i in order:
        if group[i] != last_group:
            last_group, reached = int(group[i]), 0
            out[last_group] = 0.0
        start = max(int(hits.start[i]), reached)
        if hits.end[i] > start:
            out[last_group] += total[hits.end[i]] - total[start]
            reached = int(hits.end[i])
    return out
