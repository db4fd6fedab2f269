"""Profiles by name from a JASPAR release, through the optional package pyjaspar."""

from __future__ import annotations

import contextlib
import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from precompute.config_inputs import JasparConfig
from precompute.errors import ConfigError, InputError
from precompute.inputs.profile_formats import RawProfile, check_profiles


def database_path(config: JasparConfig) -> Path:
    """The release's database inside the package; the package is not imported.

    Raises
    ------
    InputError
        When the package is not installed, or is too old for the release.
    """
    spec = importlib.util.find_spec("pyjaspar")
    if spec is None or spec.origin is None:
        raise InputError(
            "motifs.jaspar needs the package pyjaspar, which is not installed; install it (pip "
            "install pyjaspar) or give a file as motifs.profiles"
        )
    path = Path(spec.origin).parent / "data" / f"{config.release}.sqlite"
    if not path.is_file():
        raise InputError(
            f"the installed pyjaspar has no {config.release}; update it (pip install -U pyjaspar)"
        )
    return path


def read_jaspar_database(config: JasparConfig) -> list[RawProfile]:
    """Profiles of a release, in the order of their ids.

    Raises
    ------
    ConfigError
        When the release has no such collection or taxonomic group, or no profile in both.
    InputError
        When the package is not installed.
    """
    path = database_path(config)
    from pyjaspar import jaspardb

    database = jaspardb(sqlite_db_path=str(path))
    with contextlib.closing(database.conn), warnings.catch_warnings():
        # "Zero motifs returned" is an error of ours, further down.
        warnings.simplefilter("ignore")
        _check_value(database, "select distinct COLLECTION from MATRIX", config.collection, config)
        for group in config.tax_groups:
            query = "select distinct VAL from MATRIX_ANNOTATION where TAG = 'tax_group'"
            _check_value(database, query, group, config)
        motifs = database.fetch_motifs(
            collection=config.collection,
            tax_group=list(config.tax_groups),
            all_versions=config.all_versions,
        )
    if not motifs:
        raise ConfigError(
            f"{config.release} has no profile of {', '.join(config.tax_groups)} in "
            f"{config.collection}; correct motifs.jaspar"
        )
    profiles = []
    for motif in sorted(motifs, key=lambda motif: motif.matrix_id):
        # A few counts of the database carry the dust of a sum (1e-12); JASPAR's files do not.
        counts = [[round(x, 9) for x in motif.counts[base]] for base in "ACGT"]
        profiles.append(
            RawProfile(motif.matrix_id, motif.name, np.ascontiguousarray(np.array(counts).T))
        )
    return check_profiles(profiles, config.release)


def _check_value(database: Any, query: str, value: str, config: JasparConfig) -> None:
    known = sorted(row[0] for row in database.conn.execute(query))
    if value not in known:
        raise ConfigError(
            f"motifs.jaspar: {config.release} has no {value!r}; it has {', '.join(known)}"
        )
