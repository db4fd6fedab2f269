"""The synthetic run must be what the contract says, or the app's tests mean nothing."""

from __future__ import annotations

import numpy as np
import pytest

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.doctor.contract import columns
from precompute.manifest import hash_path
from precompute.token_store import TokenStore
from tests.synthetic_outcomes import THRESHOLD
from tests.synthetic_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return RunFolder(make_run(tmp_path_factory.mktemp("synthetic"), n_bp=40_000))


def test_every_artefact_is_there_and_stamped(run):
    readers = {"parquet": run.table, "zarr": run.group, "folder": run.folder}
    for name, artefact in ARTEFACTS.items():
        assert run.exists(name), name
        if artefact.format in readers:
            readers[artefact.format](name)


def test_tables_have_the_columns_of_the_contract(run):
    for name, artefact in ARTEFACTS.items():
        if artefact.format == "parquet":
            wanted = set(columns(artefact, list(run.group("signal").attrs["tracks"])))
            assert wanted == set(run.table(name).columns), name


def test_words_are_the_thresholded_tokens(run):
    store, words = TokenStore(run), run.table("words")
    for chrom in store.chroms:
        values = store.cluster_values(chrom, 0, store.n_bins(chrom)).toarray()
        ids = run.group("word_ids")[f"{chrom}/word"][:]
        for row, word in zip(values, ids.tolist(), strict=True):
            assert np.flatnonzero(row >= THRESHOLD).tolist() == words["clusters"][word].tolist()
    assert words["frequency"].is_monotonic_decreasing
    assert words["frequency"].sum() == sum(store.n_bins(c) for c in store.chroms)


def test_points_lie_on_their_bins(run):
    store, points = TokenStore(run), run.table("points")
    for chrom, rows in points.groupby("chrom"):
        edges = store.edges(chrom)
        assert (edges[rows["bin"]] == rows["start"]).all()
        assert (edges[rows["bin"] + 1] == rows["end"]).all()
    assert set(points["chrom"]) == set(store.chroms)


def test_the_same_seed_gives_the_same_artefacts(run, tmp_path):
    again = RunFolder(make_run(tmp_path, n_bp=40_000))
    names = [n for n, a in ARTEFACTS.items() if a.format in ("parquet", "zarr")]
    for name in names:
        assert hash_path(again.path(name)) == hash_path(run.path(name)), name
