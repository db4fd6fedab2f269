"""Training: schedule, seeds, stopping, and what is stored."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
import zarr
from safetensors.torch import load_file

from precompute.artefacts import RunFolder, read_parquet
from precompute.errors import ArtefactError, StageError
from precompute.models import train
from precompute.models.dataset import Window
from precompute.models.history import learning_rate
from precompute.models.lightning_module import fit
from precompute.models.store import (
    FeatureClusters,
    clusters_card,
    load_model,
    run_features,
    save_model,
)
from precompute.models.training_task import _MIN_SPREAD, Share, TrainingTask, Validation
from precompute.token_store import TokenStore
from tests.model_run import TOKENS, TRACKS, context, random_model, write_model_run

STAGES = {"tokens": train.run_tokens, "onehot": train.run_onehot}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run folder with both models trained, and the facts."""
    root = write_model_run(tmp_path_factory.mktemp("trained") / "run")
    facts = {e: stage(context(root, f"train_{e}")) for e, stage in STAGES.items()}
    return root, facts


def test_learning_rate_warms_up_and_decays():
    rates = [learning_rate(step, 100, 20, 1e-3) for step in range(100)]
    assert rates[0] == pytest.approx(1e-3 / 20)
    assert rates[19] == pytest.approx(1e-3)
    assert all(a < b for a, b in pairwise(rates[:20]))
    assert all(a > b for a, b in pairwise(rates[20:]))
    assert rates[60] == pytest.approx(1e-3 * (0.05 + 0.95 / 2))
    assert learning_rate(100, 100, 20, 1e-3) == pytest.approx(5e-5)
    assert learning_rate(0, 10, 0, 1e-3) == pytest.approx(1e-3)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_the_artefact_says_what_it_is(trained, encoding):
    root, facts = trained
    folder = RunFolder(root).folder(f"model_{encoding}")
    card = json.loads((folder / "model.json").read_text())
    assert (card["kind"], card["version"], card["encoding"]) == ("motiflens.model", 2, encoding)
    assert card["tracks"] == TRACKS
    assert card["seed"] == 1
    own = FeatureClusters.of_run(RunFolder(root))
    assert card["features"] == (own.features if encoding == "tokens" else None)
    assert card["split"]["validation"][0]["start"] == 1_030_000
    assert {"architecture", "parameters", "receptive_field", "hardware", "stopped"} <= set(card)
    curves = read_parquet(folder / "curves.parquet")
    assert list(curves["epoch"]) == [1, 2]
    assert {"train_loss", "validation_loss", "validation_r", "learning_rate"} <= set(curves)
    assert card["best_epoch"] == 1 + int(curves["validation_r"].argmax())
    assert card["best_validation_r"] == pytest.approx(curves["validation_r"].max())
    assert facts[encoding]["parameters"] == card["parameters"]
    model = load_model(folder, run_features(RunFolder(root)))
    assert not model.network.training
    assert sum(p.numel() for p in model.network.parameters()) == card["parameters"]
    assert [s.mean for s in model.scalings] == [s["mean"] for s in card["scalings"]]
    assert all(s.mean > 0 for s in model.scalings)


def test_stored_weights_are_those_of_the_best_epoch(trained):
    root, _ = trained
    task = TrainingTask(context(root, "train_tokens"), "tokens")
    task.network.load_state_dict(load_file(RunFolder(root).folder("model_tokens") /
                                              "weights.safetensors"))
    card = json.loads((RunFolder(root).folder("model_tokens") / "model.json").read_text())
    assert task.validate().r == pytest.approx(card["best_validation_r"], abs=1e-6)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(trained, tmp_path, encoding):
    root, _ = trained
    before = (RunFolder(root).folder(f"model_{encoding}") / "weights.safetensors").read_bytes()
    again = write_model_run(tmp_path / "again")
    STAGES[encoding](context(again, f"train_{encoding}"))
    weights = RunFolder(again).folder(f"model_{encoding}") / "weights.safetensors"
    assert weights.read_bytes() == before
    STAGES[encoding](context(again, f"train_{encoding}", run={"seed": 2}))
    assert weights.read_bytes() != before


@pytest.fixture(scope="module")
def learnable(tmp_path_factory):
    """A run whose signal follows from its sequence: a motif cluster's value, and G + C."""
    root = write_model_run(tmp_path_factory.mktemp("learnable") / "run")
    run, store = RunFolder(root), TokenStore(RunFolder(root))
    with run.writing_group("signal", tracks=dict(run.group("signal").attrs["tracks"])) as group:
        for chrom in store.chroms:
            cluster = store.cluster_values(chrom, 0, store.n_bins(chrom))[:, 3].toarray()[:, 0]
            codes = run.group("sequence")[f"{chrom}/codes"][:]
            codes = np.append(codes, np.full(-len(codes) % 16, 4)).reshape(-1, 16)
            grid = np.isin(codes, (1, 2)).mean(axis=1).astype(np.float32) ** 4
            for track in TRACKS:
                group.create_array(f"{chrom}/{track}/bins", data=cluster)
                group.create_array(f"{chrom}/{track}/grid", data=grid)
    return root


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_training_learns_what_can_be_learned(learnable, encoding, tmp_path):
    told = []
    stage = context(
        learnable, f"train_{encoding}",
        models__training={"max_epochs": 12, "patience_epochs": 12, "learning_rate": 0.01},
    )
    object.__setattr__(stage, "progress", lambda done, total, note: told.append((done, total)))
    history, best, _ = fit(TrainingTask(stage, encoding), tmp_path)
    losses = [epoch.train_loss for epoch in history.epochs]
    assert losses[-1] < losses[0] - 0.05
    assert history.best_r > 0.7
    done = [d for d, _ in told]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(12)
    assert {t for _, t in told} == {12}
    assert best


def test_early_stopping_keeps_the_best_epoch(model_root, monkeypatch, tmp_path):
    stage = context(model_root, "train_tokens", models__training={"max_epochs": 9})
    task = TrainingTask(stage, "tokens")
    states, answers = [], iter([0.1, 0.3, 0.2, 0.3, 0.9])

    def validate(device):
        states.append({k: v.clone() for k, v in task.network.state_dict().items()})
        return Validation(1.0, next(answers))

    monkeypatch.setattr(task, "validate", validate)
    history, best, last = fit(task, tmp_path)
    assert history.best_epoch == 2
    assert len(history.epochs) == 4
    assert history.stopped == "no better validation r for 2 epochs"
    torch.testing.assert_close(best, states[1], rtol=0, atol=0)
    torch.testing.assert_close(last, states[3], rtol=0, atol=0)


def test_training_stops_at_its_time_and_says_so(model_root, tmp_path):
    stage = context(model_root, "train_tokens", models__training={"max_minutes": 1e-6})
    history = fit(TrainingTask(stage, "tokens"), tmp_path).history
    assert len(history.epochs) == 1
    assert history.stopped == "max_minutes (1e-06) reached"


def test_input_scale_is_one_over_the_spread(model_root):
    task = TrainingTask(context(model_root, "train_tokens"), "tokens")
    x = np.concatenate([task.source.rows(w).dense() for w in task.train_windows])
    expected = 1 / np.maximum(x.std(axis=0, dtype=np.float64), _MIN_SPREAD)
    np.testing.assert_allclose(task.input_scale(), expected, rtol=1e-5)


def test_targets_have_a_mean_signal_of_one(model_root):
    task = TrainingTask(context(model_root, "train_onehot"), "onehot")
    signal = np.concatenate([task.source.signal(w) for w in task.train_windows], axis=1)
    for track, scaling in enumerate(task.scalings):
        assert (scaling.scale(signal[track]) ** 2).mean() == pytest.approx(1.0, rel=1e-3)


def test_unmeasured_positions_are_left_out_and_a_track_of_nothing_is_refused(tmp_path):
    root = write_model_run(tmp_path / "run", n_bp=30_000)
    settings = {
        "models__split": {
            part: [{"chrom": "chr20", "start": start, "end": start + 10_000}]
            for part, start in (
                ("train", 1_000_000), ("validation", 1_010_000), ("test", 1_020_000)
            )
        }
    }
    run = RunFolder(root)
    group = zarr.open_group(run.path("signal"), mode="r+")
    for part, value in ((slice(100, 160), np.nan), (slice(None), np.nan)):
        array = group[f"chr20/{TRACKS[0]}/bins"]
        signal = array[:]
        signal[part] = value
        array[:] = signal
        stage = context(root, "train_tokens", models__training={"max_epochs": 1}, **settings)
        if part == slice(None):
            with pytest.raises(StageError, match="'atac' has no measured value in the training"):
                TrainingTask(stage, "tokens")
            return
        task = TrainingTask(stage, "tokens")
        assert all(np.isfinite(s.mean) for s in task.scalings)
        fitted = fit(task, tmp_path / "training")
        row = fitted.history.epochs[0]
        assert np.isfinite([row.train_loss, row.validation_loss, row.validation_r]).all()
        assert all(value.isfinite().all() for value in fitted.last.values())


def test_shares_of_a_batch_cover_it_and_are_equally_large():
    items = [(Window("c", i, i + 1), False) for i in range(7)]
    shares = [Share(rank, 3).of(items) for rank in range(3)]
    assert [len(share) for share in shares] == [3, 3, 3]
    assert {item for share in shares for item in share} == set(items)
    assert Share().of(items) == items
    assert [Share(rank, 3).of(items[:1]) for rank in range(3)] == [items[:1]] * 3


def test_the_order_of_an_epoch_follows_from_its_number_alone(model_root):
    task = TrainingTask(context(model_root, "train_onehot"), "onehot")
    first, again, second = (
        torch.cat([b.x for b in task.epoch_batches(epoch, Share(), workers)])
        for epoch, workers in ((1, 1), (1, 3), (2, 1))
    )
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, second)


def test_no_training_window_touches_validation_or_test(model_root):
    for encoding in STAGES:
        task = TrainingTask(context(model_root, f"train_{encoding}"), encoding)
        edges = task.source.edges("chr20")
        assert all(edges[w.hi] <= 1_030_000 for w in task.train_windows)
        assert all(edges[w.lo] >= 1_030_000 for w in task.validation_windows)
        assert all(edges[w.hi] <= 1_045_000 for w in task.validation_windows)


# -- what is refused -------------------------------------------------------------------------


FEATURES = [f"profile {i // 2} ({'+-'[i % 2]})" for i in range(14)]


@pytest.fixture
def stored(tmp_path):
    model = random_model("tokens", 12)
    clusters = FeatureClusters(
        FEATURES, np.array([*range(12), 3, 3], np.int32), [f"cluster {i}" for i in range(12)]
    )
    card = {
        "name": "mine", "encoding": "tokens", "tracks": TRACKS, "n_channels": 12,
        "architecture": TOKENS.model_dump(mode="json"), **clusters_card(clusters),
    }
    save_model(tmp_path, model.network.state_dict(), model.scalings, card)
    return tmp_path, model


def test_a_stored_model_computes_the_same(stored):
    folder, model = stored
    x = torch.rand(1, 12, 30)
    again = load_model(folder, FEATURES[::-1])
    torch.testing.assert_close(again.network(x), model.network(x), rtol=0, atol=0)
    assert again.scalings == model.scalings
    assert again.name == "mine"
    assert again.clusters.features == FEATURES
    matrix = again.clusters.matrix()
    assert matrix.shape == (14, 12)
    assert matrix.dtype == np.float32
    # Clusters are means of their members: cluster 3 has three.
    np.testing.assert_allclose(matrix.sum(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(matrix[[3, 12, 13], [3, 3, 3]], 1 / 3, rtol=1e-6)


def test_a_model_of_other_features_is_refused(stored):
    with pytest.raises(ArtefactError, match="was trained on other motif features") as error:
        load_model(stored[0], [*FEATURES[:-1], "another (-)"])
    assert "(14 there, 14 here; 'another (-)' is not in both)" in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("feature_cluster", [0] * 14), ("cluster_names", ["a"]), ("features", None),
     ("feature_cluster", [*range(11), -1, 0, 0])],
)
def test_damaged_clusters_are_refused(stored, key, value):
    path = stored[0] / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ArtefactError, match=r"motif clusters in .* are damaged"):
        load_model(stored[0])


@pytest.mark.parametrize(("key", "value"), [("version", 99), ("kind", "something else")])
def test_a_model_of_another_kind_or_version_is_refused(stored, key, value):
    path = stored[0] / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(ArtefactError, match=r"expected 'motiflens.model' version 2"):
        load_model(stored[0])


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_damaged_or_missing_files_are_refused(stored, name):
    path = stored[0] / name
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtefactError, match=r"cannot be read .* train it again"):
        load_model(stored[0])
    path.unlink()
    with pytest.raises(ArtefactError, match=r"cannot be read .* train it again"):
        load_model(stored[0])


def test_weights_of_another_shape_are_refused(stored):
    path = stored[0] / "model.json"
    card = json.loads(path.read_text())
    card["architecture"]["body_channels"] = [6, 9]
    path.write_text(json.dumps(card))
    with pytest.raises(ArtefactError, match="do not fit the architecture"):
        load_model(stored[0])
