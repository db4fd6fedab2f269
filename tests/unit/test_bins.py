"""The stage bins over several chromosomes: its edges and the numbers that it reports."""

from __future__ import annotations

import numpy as np
import pytest

from precompute.artefacts import RunFolder
from precompute.bins import peak_flanks, run
from precompute.config import BinConfig, load_config
from precompute.context import StageContext
from precompute.errors import StageError


def test_shares_count_bins_of_all_chromosomes_before_any_is_cut(tmp_path, demo_data):
    rng = np.random.default_rng(0)
    folder = RunFolder(tmp_path)
    # One chromosome of many short bins, one that is a single long bin and is cut in 40.
    curves = {"chr1": rng.integers(0, 90, size=4_000), "chr2": np.zeros(1_000)}
    with folder.writing_group("depth", chroms=list(curves)) as group:
        for chrom, curve in curves.items():
            child = group.create_group(chrom)
            child.attrs["start"] = 700
            child.create_array("depth", data=curve.astype(np.uint16))
    config = load_config(demo_data.parents[1] / "configs" / "demo.yaml")
    facts = run(StageContext(config, folder, "bins"))
    whole = [np.diff(peak_flanks(c.astype(np.uint16), BinConfig())) for c in curves.values()]
    assert len(whole[1]) == 1
    lengths = np.concatenate(whole)
    assert facts["long_share_before_cut"] == (lengths > 50).sum() / len(lengths)
    stored = [folder.group("bins")[f"{chrom}/edges"][:] for chrom in curves]
    assert facts["bins"] == sum(len(edges) - 1 for edges in stored)
    assert [(e[0], e[-1]) for e in stored] == [(700, 4_700), (700, 1_700)]
    assert np.diff(stored[1]).tolist() == [25] * 40


def test_an_empty_curve_is_refused():
    with pytest.raises(StageError, match="at least one base"):
        peak_flanks(np.empty(0, dtype=np.uint16), BinConfig())
