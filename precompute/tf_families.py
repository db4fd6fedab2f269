"""From motif profiles to transcription factors and their families.

Families are JASPAR's (TFClass), embedded for all its vertebrate CORE profiles; how a profile finds
its family is written in ``data/tf_families/README.md``.

References
----------
Wingender et al., TFClass, doi:10.1093/nar/gku1064; Castro-Mondragon et al., JASPAR 2022,
doi:10.1093/nar/gkab1113.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.errors import ArtefactError

if TYPE_CHECKING:
    import pandas as pd

TABLE = Path(__file__).resolve().parents[1] / "data" / "tf_families" / "tf_families.tsv"

CPG = "CpG"
UNKNOWN = "family not known"
#: Between the families of a dimer, and between its factors.
JOINT = " :: "

#: How motif features can be grouped besides their motif cluster.
LEVELS = ("profile", "tf", "family")


class FeatureGroups(NamedTuple):
    """Groups of motif features.

    Attributes
    ----------
    names : one per group, unique, in alphabetical order
    of_feature : int64 (features,), group of each feature
    """

    names: list[str]
    of_feature: NDArray[np.int64]


class _Known(NamedTuple):
    by_base: dict[str, str]
    by_tf: dict[str, str]


@lru_cache(maxsize=1)
def _known() -> _Known:
    try:
        with TABLE.open(newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t"))
    except OSError as error:
        raise ArtefactError(
            f"the table of TF families {TABLE} cannot be read ({error.strerror}); it comes with "
            "motiflens, check it out again"
        ) from None
    by_base = {row["base_id"]: row["family"] or row["tf_class"] or UNKNOWN for row in rows}
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        votes[row["tf"].upper()][by_base[row["base_id"]]] += 1
    by_tf = {
        tf: min(counts, key=lambda family: (-counts[family], family))
        for tf, counts in votes.items()
    }
    return _Known(by_base, by_tf)


def factor_name(tf: str) -> str:
    """A factor's name without its catalogue's additions, in capitals.

    >>> factor_name("CTCF_HUMAN.H11MO.0.A"), factor_name("Ahr::Arnt"), factor_name("RARA(var.2)")
    ('CTCF', 'AHR::ARNT', 'RARA')
    """
    if tf == CPG:
        return CPG
    parts = (re.split(r"[._(]", part.strip(), maxsplit=1)[0] for part in tf.split("::"))
    return "::".join(part.strip() for part in parts).upper() or tf.upper()


def family_of(profile_id: str, tf: str) -> str:
    """Family of a profile; ``UNKNOWN`` where nothing is known.

    Parameters
    ----------
    profile_id : e.g. MA0139.1
    tf : name of the factor or, in other catalogues, of the motif

    Raises
    ------
    ArtefactError
        When the embedded table is gone.

    >>> family_of("MA0139.1", "CTCF")
    'More than 3 adjacent zinc fingers'
    """
    if profile_id == CPG:
        return CPG
    known = _known()
    base = known.by_base.get(profile_id.partition(".")[0])
    if base is not None:
        return base
    name = factor_name(tf)
    if name in known.by_tf:
        return known.by_tf[name]
    found = {known.by_tf.get(part, UNKNOWN) for part in name.split("::")}
    families = {family for part in found for family in part.split(JOINT)}
    return JOINT.join(sorted(families)) if UNKNOWN not in families else UNKNOWN


def feature_groups(features: pd.DataFrame, by: str) -> FeatureGroups:
    """Motif features grouped by profile, factor or family; a group holds both strands.

    Parameters
    ----------
    features : the artefact ``features``: profile_id, tf
    by : one of ``LEVELS``

    Raises
    ------
    ValueError
        When ``by`` is something else.
    """
    ids, tfs = features["profile_id"].tolist(), features["tf"].tolist()
    return _grouped([_label(by, *pair) for pair in zip(ids, tfs, strict=True)])


def _label(by: str, profile_id: str, tf: str) -> str:
    if by == "profile":
        return CPG if profile_id == CPG else f"{tf} {profile_id}"
    if by == "tf":
        return factor_name(tf)
    if by == "family":
        return family_of(profile_id, tf)
    raise ValueError(f"motif features are grouped by {', '.join(LEVELS)}, got {by!r}")


def _grouped(labels: Sequence[str]) -> FeatureGroups:
    names, place = np.unique(np.array(labels, dtype=object), return_inverse=True)
    return FeatureGroups(names.tolist(), place.astype(np.int64))
