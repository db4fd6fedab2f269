"""Models by name: a run's own, shipped ones that fit, and nothing else."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from precompute.artefacts import RunFolder
from precompute.errors import ArtefactError
from precompute.models.dataset import Source, Window
from precompute.models.registry import model_names, open_model, shipped_models
from precompute.models.store import FeatureClusters, clusters_card
from tests.model_run import TRACKS, store_models, write_model_run


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = write_model_run(tmp_path_factory.mktemp("registry") / "run", n_bp=20_000)
    store_models(folder)
    return folder


@pytest.fixture
def shipped(root, tmp_path):
    for encoding in ("tokens", "onehot"):
        shutil.copytree(root / "models" / encoding, tmp_path / f"other_{encoding}")
    (tmp_path / "not_a_model").mkdir()
    (tmp_path / "README.md").write_text("no model")
    return tmp_path


def _edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_runs_own_models_come_first_and_shipped_ones_follow(root, shipped):
    entries = model_names(RunFolder(root), shipped)
    assert [e.name for e in entries] == ["tokens", "onehot", "other_onehot", "other_tokens"]
    assert [e.shipped for e in entries] == [False, False, True, True]
    assert entries[0].tracks == tuple(TRACKS)
    assert [e.name for e in shipped_models(shipped)] == ["other_onehot", "other_tokens"]
    assert shipped_models(shipped / "nowhere") == []


def test_foreign_features_are_not_offered_and_are_refused(root, shipped):
    card = json.loads((shipped / "other_tokens" / "model.json").read_text())
    _edit(shipped / "other_tokens", features=["foreign (+)", *card["features"][1:]])
    run = RunFolder(root)
    assert "other_tokens" not in [e.name for e in model_names(run, shipped)]
    with pytest.raises(ArtefactError, match="no model 'other_tokens'"):
        open_model(run, "other_tokens", shipped)
    assert open_model(None, "other_tokens", shipped).clusters.features[0] == "foreign (+)"


@pytest.mark.parametrize("name", ["../tokens", "nothing", "", "not_a_model", "/etc"])
def test_a_name_that_is_not_listed_never_reaches_a_path(root, shipped, name):
    with pytest.raises(ArtefactError, match="there is no model"):
        open_model(RunFolder(root), name, shipped)
    with pytest.raises(ArtefactError, match="there is no model"):
        open_model(None, name, shipped)


def test_a_model_of_another_version_is_not_offered(root, shipped):
    _edit(shipped / "other_onehot", version=1)
    assert "other_onehot" not in [e.name for e in shipped_models(shipped)]


def test_a_run_s_own_name_without_a_run_says_what_to_give(shipped):
    with pytest.raises(ArtefactError, match="give --run"):
        open_model(None, "tokens", shipped)


def test_a_source_makes_the_models_own_clusters_whatever_the_order_of_features(root):
    run = RunFolder(root)
    own = FeatureClusters.of_run(run)
    rng = np.random.default_rng(2)
    # Three clusters that the run does not have, with the features in another order.
    order = rng.permutation(len(own.features))
    assignment = np.arange(len(own.features), dtype=np.int32) % 3
    other = FeatureClusters(
        [own.features[i] for i in order], assignment[order], ["a", "b", "c"]
    )
    source = Source(run, "tokens", TRACKS, clusters=other)
    assert source.n_channels == 3
    window = Window("chr20", 40, 90)
    for reverse in (False, True):
        values = source.store.feature_values("chr20", 40, 90).toarray()
        if reverse:
            values = values.reshape(len(values), -1, 2)[::-1, :, ::-1].reshape(values.shape)
        expected = np.stack(
            [values[:, assignment == c].mean(axis=1) for c in range(3)], axis=1
        )
        np.testing.assert_allclose(source.rows(window, reverse).dense(), expected, atol=1e-6)


def test_the_runs_own_clusters_give_the_runs_own_tokens_to_the_last_bit(root):
    run = RunFolder(root)
    window = Window("chr20", 0, 200)
    plain = Source(run, "tokens", TRACKS).rows(window)
    given = Source(run, "tokens", TRACKS, clusters=FeatureClusters.of_run(run)).rows(window)
    np.testing.assert_array_equal(given.dense(), plain.dense())


def test_a_source_refuses_clusters_of_other_features(root):
    run = RunFolder(root)
    own = FeatureClusters.of_run(run)
    foreign = dataclasses.replace(own, features=["x (+)", *own.features[1:]])
    with pytest.raises(ArtefactError, match="is not in both"):
        Source(run, "tokens", TRACKS, clusters=foreign)
    assert clusters_card(own)["features"] == own.features
