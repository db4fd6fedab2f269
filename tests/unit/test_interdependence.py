"""The stages interdependence and motif_clusters on a small token store."""

from __future__ import annotations

import ctypes
import math
import shutil

import numpy as np
import pytest
from scipy.sparse import vstack

from precompute import interdependence as stage
from precompute import motif_clusters
from precompute.artefacts import RunFolder
from precompute.config import load_config
from precompute.context import StageContext
from precompute.errors import StageError
from precompute.interdependence import choose_device, interdependence, sample_counts
from precompute.scores.moments_torch import DenseMoments
from precompute.token_store import TokenStore
from tests.conftest import REPOSITORY
from tests.token_run import BINS, WIDTHS, write_store

N_BINS = sum(BINS.values())


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> RunFolder:
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def run(stored, tmp_path) -> RunFolder:
    shutil.copytree(stored.root, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def context(run: RunFolder, workers: int = 2, steps: list | None = None, **changes):
    config = load_config(REPOSITORY / "configs" / "demo.yaml")
    section = config.interdependence.model_copy(update={"device": "cpu"} | changes)
    config = config.model_copy(update={
        "interdependence": section, "run": config.run.model_copy(update={"workers": workers})})
    progress = (lambda *step: steps.append(step)) if steps is not None else (lambda *step: None)
    return StageContext(config, run, "interdependence", progress)


def everything(run: RunFolder):
    store = TokenStore(run)
    return vstack([store.counts(c, 0, store.n_bins(c)) for c in store.chroms], format="csr")


def test_scores_of_a_sample_and_of_its_two_halves(run):
    steps: list = []
    here = context(run, steps=steps, sample_bins=300)
    facts = stage.run(here)
    group = run.group("interdependence")
    rows, order = sample_counts(run, 300, here.rng("sample"))
    for name, part in (("scores", slice(None)), ("half0", order[:150]), ("half1", order[150:])):
        assert np.array_equal(group[name][:], interdependence(rows[part], widths=WIDTHS)), name
    assert set(group.array_keys()) == {"scores", "half0", "half1"}
    attrs = dict(group.attrs)
    assert (attrs["exact"], attrs["sample_bins"], attrs["half_bins"]) == (False, 300, 150)
    assert (attrs["device"], attrs["permutations"], attrs["max_order"]) == ("cpu", 0, 5)
    assert facts["method"] == attrs["method"] == "joint counts, moments in float64"
    change = np.abs(group["half0"][:] - group["half1"][:])
    assert facts["largest_change_between_halves"] == change.max()
    mean = change[np.triu_indices(10, 1)].mean()
    assert facts["mean_change_between_halves"] == pytest.approx(mean, rel=1e-6)
    assert facts["non_zeros_per_bin"] == rows.nnz / 300
    done = [step[0] for step in steps]
    assert done == sorted(done)
    assert math.isclose(steps[-1][0], steps[-1][1])
    assert {step[2] for step in steps} == {"scores", "first half", "second half"}


def test_exact_scores_take_all_bins_and_keep_the_halves_of_the_sample(run):
    stage.run(context(run, sample_bins=300))
    halves = [run.group("interdependence")[name][:] for name in ("half0", "half1")]
    facts = stage.run(context(run, sample_bins=300, exact=True))
    group = run.group("interdependence")
    assert np.array_equal(group["scores"][:], interdependence(everything(run), widths=WIDTHS))
    assert np.array_equal(group["half0"][:], halves[0])
    assert np.array_equal(group["half1"][:], halves[1])
    assert group.attrs["exact"] is True
    assert (facts["sample_bins"], facts["half_bins"]) == (N_BINS, 150)


def test_p_values_are_stored_when_asked_for(run):
    facts = stage.run(context(run, permutations=19))
    group = run.group("interdependence")
    p, q = group["p_values"][:], group["q_values"][:]
    assert p.dtype == q.dtype == np.float32
    # Feature 4 is there wherever feature 0 is.
    assert p[0, 4] == np.float32(1 / 20)
    upper = np.triu_indices(10, 1)
    assert (q >= p).all()
    assert facts["pairs_tested"] == 45
    assert facts["pairs_with_q_at_most_0.05"] == (q[upper] <= 0.05).sum()
    assert (facts["permutations"], group.attrs["permutations"]) == (19, 19)


@pytest.mark.parametrize("changes", [{}, {"exact": True}, {"permutations": 5}])
def test_workers_leave_the_artefact_byte_for_byte(run, changes):
    from precompute.manifest import hash_path

    hashes = []
    for workers in (1, 3):
        stage.run(context(run, workers, sample_bins=200, **changes))
        hashes.append(hash_path(run.path("interdependence")))
    assert hashes[0] == hashes[1]


def test_a_device_is_used_and_named(run, monkeypatch):
    """The stage's way to a GPU, with torch's own processor in its place."""
    reference = {}
    for exact in (False, True):
        stage.run(context(run, sample_bins=300, exact=exact))
        reference[exact] = run.group("interdependence")["scores"][:]
    monkeypatch.setattr(stage, "choose_device", lambda wanted: "cuda")
    original = DenseMoments.__init__
    monkeypatch.setattr(
        DenseMoments, "__init__",
        lambda self, levels, order, device: original(self, levels, order, "cpu"),
    )
    for exact in (False, True):
        facts = stage.run(context(run, sample_bins=300, exact=exact))
        group = run.group("interdependence")
        assert np.abs(group["scores"][:] - reference[exact]).max() < 1e-5
        assert group.attrs["device"] == facts["device"] == "cuda"
        assert "float32" in group.attrs["method"]


def test_a_missing_device_is_refused_in_a_sentence(monkeypatch):
    def no_driver(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", no_driver)
    assert choose_device("auto") == "cpu"
    assert choose_device("cpu") == "cpu"
    with pytest.raises(StageError, match="finds no CUDA device here; set it to auto or cpu"):
        choose_device("cuda")


def test_a_driver_without_a_device_is_no_device(monkeypatch):
    import torch

    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == choose_device("cuda") == "cuda"


def test_too_few_bins_leave_nothing_behind(run, monkeypatch):
    monkeypatch.setattr(
        stage, "sample_counts", lambda run, size, rng: (everything(run)[:3], np.arange(3)))
    with pytest.raises(StageError, match="the run has 3 bins"):
        stage.run(context(run))
    assert not run.exists("interdependence")


def test_clusters_with_and_without_cpg_are_counted(run):
    stage.run(context(run, exact=True))
    facts = motif_clusters.run(context(run))
    cuts = run.table("cluster_cuts")
    scores = run.group("interdependence")["scores"][:]
    at = cuts[(cuts["linkage"] == "single") & np.isclose(cuts["cut"], 0.38)].iloc[0]
    assert at["n_clusters"] == facts["clusters"]
    assert at["n_clusters_without_cpg"] == facts["clusters_without_cpg"]
    alone = motif_clusters.cluster_features(scores[:8, :8], 0.38)
    assert facts["clusters_without_cpg"] == len(np.unique(alone))
    assert cuts.loc[0, ["n_clusters", "n_clusters_without_cpg"]].tolist() == [10, 8]
    labels = run.table("feature_clusters")["cluster"].to_numpy()
    shared = set(labels[:8]) & set(labels[8:])
    assert facts["clusters_with_motifs_and_cpg"] == len(shared)
