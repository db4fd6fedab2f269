"""A run folder with nothing but a small token store of three chromosomes, in small chunks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from precompute.artefacts import RunFolder

#: Width in bp of each of the ten features; the last two are CpG.
WIDTHS = np.repeat([8, 11, 6, 15, 1], 2)

#: Bins of each chromosome.
BINS = {"chr2": 431, "chr10": 7, "chrX": 160}


def write_store(root: Path) -> RunFolder:
    """Write ``features``, ``bins`` and ``tokens``; feature 4 depends on feature 0."""
    run = RunFolder(root)
    rng = np.random.default_rng(1)
    run.write_table("features", pd.DataFrame({
        "feature": np.arange(10), "width": WIDTHS,
        "profile_id": np.repeat(["M1", "M2", "M3", "M4", "CpG"], 2),
        "tf": np.repeat(["A", "B", "C", "D", "CpG"], 2), "strand": ["+", "-"] * 5}))
    with (
        run.writing_group("bins", chroms=list(BINS)) as bins,
        run.writing_group("tokens", chroms=list(BINS)) as tokens,
    ):
        for chrom, n in BINS.items():
            length = rng.integers(3, 21, size=n)
            edges = np.append(0, np.cumsum(length)).astype(np.int32)
            bins.create_array(f"{chrom}/edges", data=edges, chunks=(50,))
            present = rng.random((n, 10)) < 0.35
            present[:, 4] |= present[:, 0]
            counts = np.minimum(rng.integers(1, 10, size=(n, 10)), length[:, None]) * present
            rows = csr_matrix(counts.astype(np.uint8))
            group = tokens.create_group(chrom)
            group.create_array("indptr", data=rows.indptr.astype(np.int64), chunks=(50,))
            group.create_array("indices", data=rows.indices.astype(np.uint16), chunks=(90,))
            group.create_array("counts", data=rows.data, chunks=(90,))
    return run
