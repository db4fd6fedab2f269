"""Motif profiles: count matrices to integer scoring matrices and hit thresholds.

Scores are those of JASPAR's own genome tracks: Biopython's JASPAR pseudocounts (square root of
the number of sites times the background), log2 odds against a uniform background, each entry
times 100 rounded to an integer. Integer scores make every later step exact.

References
----------
Castro-Mondragon et al., JASPAR 2022, doi:10.1093/nar/gkab1113.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.config_inputs import MotifConfig
from precompute.context import Facts, StageContext
from precompute.errors import InputError
from precompute.inputs.jaspar_database import database_path, read_jaspar_database
from precompute.inputs.profile_formats import RawProfile, read_profiles

#: Name of the feature that marks CpG dinucleotides; it counts as a profile of width 1.
CPG = "CpG"

_SCALE = 100


@dataclass(frozen=True)
class Profile:
    """A motif profile and its integer scoring matrix.

    Attributes
    ----------
    counts : float64 (width, 4), columns A, C, G, T
    scores : int32 (width, 4), round(100 x log2 odds)
    threshold : int, the smallest score that is a hit
    """

    profile_id: str
    tf: str
    counts: NDArray[np.float64]
    scores: NDArray[np.int32]
    threshold: int

    @property
    def width(self) -> int:
        return len(self.scores)

    @property
    def max_score(self) -> int:
        return int(self.scores.max(axis=1).sum())

    @property
    def min_score(self) -> int:
        return int(self.scores.min(axis=1).sum())


def scoring_matrix(counts: NDArray[np.float64]) -> NDArray[np.int32]:
    """Integer log-odds int32 (width, 4) of a count matrix float64 (width, 4), uniform background.

    The pseudocount of each base is sqrt(sites) / 4, where ``sites`` is the mean column sum, as in
    Biopython's ``jaspar.calculate_pseudocounts``.
    """
    sites = counts.sum(axis=1).mean()
    pseudo = math.sqrt(sites) * 0.25
    frequency = (counts + pseudo) / (counts + pseudo).sum(axis=1, keepdims=True)
    return np.rint(_SCALE * np.log2(frequency / 0.25)).astype(np.int32)


def score_distribution(scores: NDArray[np.int32]) -> tuple[int, NDArray[np.float64]]:
    """Exact distribution of the score of a random word under a uniform background.

    Returns
    -------
    lowest : int, score of the first entry
    probability : float64 (max - min + 1,)
    """
    lowest = 0
    probability = np.ones(1)
    for row in scores:
        base = int(row.min())
        wider = np.zeros(len(probability) + int(row.max()) - base)
        for value in row:
            offset = int(value) - base
            wider[offset : offset + len(probability)] += 0.25 * probability
        probability = wider
        lowest += base
    return lowest, probability


def hit_threshold(
    scores: NDArray[np.int32], min_relative_score: float, max_p_value: float
) -> int:
    """Smallest integer score with relative score >= the minimum and p-value < the maximum.

    Relative score is (score - min) / (max - min) of the matrix; the p-value is exact under a
    uniform background.
    """
    low = int(scores.min(axis=1).sum())
    high = int(scores.max(axis=1).sum())
    by_score = math.ceil(low + min_relative_score * (high - low) - 1e-9)
    lowest, probability = score_distribution(scores)
    tail = np.cumsum(probability[::-1])[::-1]
    passing = np.flatnonzero(tail < max_p_value)
    by_p = lowest + (int(passing[0]) if len(passing) else len(probability))
    return max(by_score, by_p)


def _scored(
    raw: list[RawProfile], min_relative_score: float, max_p_value: float
) -> list[Profile]:
    result = []
    for profile_id, tf, counts in raw:
        scores = scoring_matrix(counts)
        threshold = hit_threshold(scores, min_relative_score, max_p_value)
        result.append(Profile(profile_id, tf, counts, scores, threshold))
    return result


def build_profiles(
    path: str | Path, min_relative_score: float, max_p_value: float
) -> list[Profile]:
    """Read profiles from files and compute their scoring matrices and thresholds."""
    return _scored(read_profiles(path), min_relative_score, max_p_value)


def load_profiles(config: MotifConfig) -> list[Profile]:
    """The profiles that a configuration asks for, from files or by name from JASPAR.

    Raises
    ------
    InputError
        When they cannot be read; see :func:`precompute.inputs.profile_formats.read_profiles` and
        :func:`precompute.inputs.jaspar_database.read_jaspar_database`.
    """
    if config.jaspar is not None:
        raw = read_jaspar_database(config.jaspar)
    elif config.profiles is not None:
        raw = read_profiles(config.profiles)
    else:
        raise InputError("give either motifs.profiles or motifs.jaspar")
    return _scored(raw, config.min_relative_score, config.max_p_value)


def profile_inputs(config: MotifConfig) -> list[Path]:
    """The files that decide the profiles, for the run's provenance."""
    if config.jaspar is not None:
        return [database_path(config.jaspar)]
    return [config.profiles] if config.profiles is not None else []


def profile_table(profiles: list[Profile]) -> pd.DataFrame:
    """The artefact ``profiles``: one row per profile and a last one for CpG."""
    rows = [
        (
            p.profile_id,
            p.tf,
            p.width,
            float(p.counts.sum(axis=1).mean()),
            p.threshold,
            p.max_score,
            p.min_score,
            "".join("ACGT"[i] for i in p.counts.argmax(axis=1)),
        )
        for p in profiles
    ]
    rows.append((CPG, CPG, 1, 0.0, 0, 0, 0, "CG"))
    names = [
        "profile_id", "tf", "width", "n_sites", "threshold", "max_score", "min_score", "consensus"
    ]
    frame = pd.DataFrame(rows, columns=names)
    frame.insert(0, "profile", np.arange(len(frame)))
    return frame


def feature_table(profiles: pd.DataFrame) -> pd.DataFrame:
    """The artefact ``features``: two rows per profile, '+' then '-'."""
    frame = profiles.loc[profiles.index.repeat(2), ["profile", "profile_id", "tf", "width"]]
    frame = frame.reset_index(drop=True)
    frame.insert(0, "feature", np.arange(len(frame)))
    frame["strand"] = np.tile(["+", "-"], len(profiles))
    label = np.where(frame["tf"] == CPG, CPG, frame["tf"] + " " + frame["profile_id"])
    frame["name"] = label + " (" + frame["strand"] + ")"
    return frame


def pfm_table(profiles: list[Profile]) -> pd.DataFrame:
    """The artefact ``pfms``: base frequencies without pseudocounts, one row per position."""
    parts = []
    for profile in profiles:
        frequency = profile.counts / profile.counts.sum(axis=1, keepdims=True)
        part = pd.DataFrame(frequency, columns=list("ACGT"))
        part.insert(0, "position", np.arange(profile.width))
        part.insert(0, "profile_id", profile.profile_id)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def run(context: StageContext) -> Facts:
    """Write the artefacts ``profiles``, ``features`` and ``pfms``."""
    config = context.config.motifs
    profiles = load_profiles(config)
    table = profile_table(profiles)
    features = feature_table(table)
    context.run.write_table("profiles", table)
    context.run.write_table("features", features)
    context.run.write_table("pfms", pfm_table(profiles))
    context.progress(1, 1, f"{len(profiles)} profiles")
    non_integer = sum(bool((p.counts != np.rint(p.counts)).any()) for p in profiles)
    return {
        "profiles": len(profiles),
        "features": len(features),
        "widest_bp": max(p.width for p in profiles),
        "profiles_with_non_integer_counts": non_integer,
    }
