"""Stretches that no training or validation window may touch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from precompute.config_inputs import GenomeConfig
from precompute.errors import InputError
from precompute.inputs.aliases import find, read_aliases
from precompute.inputs.bed import read_rows, span


def read_blacklist(
    path: Path | None, genome: GenomeConfig
) -> dict[str, NDArray[np.int64]]:
    """Blacklisted stretches by chromosome, int64 (n, 2), start and end in bp.

    Chromosomes have the names of ``genome.regions`` where the run gives them, and the file's own
    otherwise.

    Raises
    ------
    InputError
        When the file cannot be read or holds no stretch.
    """
    if path is None:
        return {}
    rows: dict[str, list[tuple[int, int]]] = {}
    for number, fields in read_rows(path, 3, "blacklist", "models.blacklist"):
        chrom, start, end = span(path, number, fields)
        rows.setdefault(chrom, []).append((start, end))
    if not rows:
        raise InputError(f"{path} holds no stretch; correct models.blacklist or leave it out")
    table = read_aliases(genome.aliases)
    found = {name: np.array(stretches, dtype=np.int64) for name, stretches in rows.items()}
    for region in genome.regions:
        name = find(region.chrom, rows, genome.assembly, table, str(path))
        if name is not None:
            found[region.chrom] = np.array(rows[name], dtype=np.int64)
    return found
