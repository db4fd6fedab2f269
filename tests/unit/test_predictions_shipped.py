"""Predictions of shipped models in a run, the blacklist, and arrays read in blocks."""

import gzip
import json
import shutil

import numpy as np
import pyBigWig
import pytest

from precompute import predictions_shipped
from precompute.artefacts import RunFolder
from precompute.config_inputs import Region
from precompute.errors import InputError, StageError
from precompute.models import array_blocks, registry
from precompute.models.array_blocks import ArrayBlocks, UnknownRuns
from precompute.models.blacklist import read_blacklist
from precompute.models.dataset import Source
from precompute.models.predict import predict_positions
from precompute.models.store import FeatureClusters, clusters_card, load_model
from precompute.pipeline import stage_named
from tests.model_run import TRACKS, config, context, store_model, write_model_run


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = write_model_run(tmp_path / "run", n_bp=20_000)
    shipped = tmp_path / "shipped"
    for encoding in ("tokens", "onehot"):
        store_model(root, encoding)
        shutil.copytree(root / "models" / encoding, shipped / f"other_{encoding}")
    # The shipped token model has clusters of its own.
    path = shipped / "other_tokens" / "model.json"
    card = json.loads(path.read_text())
    own = FeatureClusters.of_run(RunFolder(root))
    rolled = FeatureClusters(own.features[::-1], own.assignment, own.names)
    path.write_text(json.dumps({**card, **clusters_card(rolled)}))
    monkeypatch.setattr(registry, "SHIPPED", shipped)
    return root


def test_every_shipped_model_that_fits_predicts_with_its_own_clusters(root):
    run = RunFolder(root)
    facts = predictions_shipped.run(context(root, "predict_shipped"))
    assert facts == {"models": ["other_onehot", "other_tokens"]}
    folder = run.folder("predictions_shipped")
    for name in facts["models"]:
        model = load_model(registry.SHIPPED / name)
        source = Source(run, model.encoding, TRACKS, clusters=model.clusters)
        for number, track in enumerate(TRACKS):
            with pyBigWig.open(str(folder / name / f"{track}.bw")) as handle:
                for chrom in source.store.chroms:
                    edges = source.edges(chrom)
                    got = np.array(handle.values(chrom, int(edges[0]), int(edges[-1])))
                    expected = predict_positions(model, source, chrom)[number]
                    np.testing.assert_allclose(
                        got, np.repeat(expected, np.diff(edges)), rtol=1e-5, atol=1e-6
                    )


def test_none_that_fits_leaves_an_empty_artefact_and_one_asked_for_is_named(root, monkeypatch):
    chosen = context(root, "predict_shipped", shipped={"models": ["other_onehot"]})
    assert predictions_shipped.run(chosen) == {"models": ["other_onehot"]}
    wrong = context(root, "predict_shipped", shipped={"models": ["nothing"]})
    with pytest.raises(StageError, match=r"asks for 'nothing'.*other_onehot, other_tokens"):
        predictions_shipped.run(wrong)
    monkeypatch.setattr(registry, "SHIPPED", root / "nowhere")
    assert predictions_shipped.run(context(root, "predict_shipped")) == {"models": []}
    folder = RunFolder(root).folder("predictions_shipped")
    assert [p.name for p in folder.iterdir()] == ["artefact.json"]


def test_the_stage_is_made_again_when_a_shipped_model_changes_and_not_for_its_card(root):
    files = stage_named("predict_shipped").inputs(config())
    assert {p.name for p in files} == {"model.json", "weights.safetensors"}
    assert {p.parent.name for p in files} == {"other_onehot", "other_tokens"}
    one = stage_named("predict_shipped").inputs(config(shipped={"models": ["other_onehot"]}))
    assert {p.parent.name for p in one} == {"other_onehot"}
    assert config().digest("models") == config(shipped={"models": []}).digest("models")


# -- blacklist -----------------------------------------------------------------------------------


def test_windows_that_touch_the_blacklist_are_left_out(root, tmp_path):
    with gzip.open(tmp_path / "black.bed.gz", "wt") as handle:
        handle.write("20\t1005000\t1005100\n20\t1012000\t1012001\nchrZ\t0\t5\n")
    genome = config(genome={"assembly": "hg19"}).genome
    black = read_blacklist(tmp_path / "black.bed.gz", genome)
    region = [Region(chrom="chr20", start=1_000_000, end=1_018_000)]
    for encoding in ("tokens", "onehot"):
        plain = Source(RunFolder(root), encoding, TRACKS)
        kept = Source(RunFolder(root), encoding, TRACKS, blacklist=black).windows(region, 60, 30)
        every = plain.windows(region, 60, 30)
        edges = plain.edges("chr20")
        expected = [
            w for w in every
            if not any(edges[w.lo] < b and edges[w.hi] > a
                       for a, b in ((1_005_000, 1_005_100), (1_012_000, 1_012_001)))
        ]
        assert kept == expected
        assert len(kept) < len(every)


def test_a_blacklist_that_cannot_be_read_is_a_sentence(tmp_path):
    genome = config().genome
    assert read_blacklist(None, genome) == {}
    (tmp_path / "empty.bed").write_text("# nothing\n")
    with pytest.raises(InputError, match="holds no stretch"):
        read_blacklist(tmp_path / "empty.bed", genome)
    with pytest.raises(InputError, match=r"models\.blacklist"):
        read_blacklist(tmp_path / "nowhere.bed", genome)
    (tmp_path / "bad.bed").write_text("chr20\t5\t1\n")
    with pytest.raises(InputError, match="line 1"):
        read_blacklist(tmp_path / "bad.bed", genome)


# -- blocks --------------------------------------------------------------------------------------


def test_slices_of_blocks_are_those_of_the_array_in_bounded_memory(monkeypatch):
    monkeypatch.setattr(array_blocks, "_BLOCK", 100)
    arrays = {"a": np.arange(1_050), "b": np.arange(1_050) * 2}
    blocks = ArrayBlocks(lambda key, lo, hi: arrays[key][lo:hi].copy(), 2_000 / 2**20)
    rng = np.random.default_rng(0)
    for _ in range(200):
        key = "ab"[rng.integers(2)]
        lo, hi = np.sort(rng.integers(0, 1_051, 2)).tolist()
        np.testing.assert_array_equal(blocks.slice(key, lo, hi), arrays[key][lo:hi])
        assert blocks.blocks.held <= 2_000
    assert 1 < len(blocks.blocks) < 22


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 1])
def test_unknown_runs_count_as_a_running_sum_does(share):
    rng = np.random.default_rng(1)
    codes = np.where(rng.random(500) < share, 4, 1).astype(np.uint8)
    runs = UnknownRuns(codes[lo : lo + 77] for lo in range(0, 500, 77))
    expected = np.concatenate([[0], np.cumsum(codes > 3)])
    np.testing.assert_array_equal(runs.before(np.arange(501)), expected)
