"""Predictions of sequence at hand: tokenized on the way as a run is, in pieces as in one."""

import dataclasses

import numpy as np
import pytest
import torch

from precompute.config import BinConfig
from precompute.config_models import ModelConfig
from precompute.errors import ArtefactError, InputError, RegionError
from precompute.models import dataset, live
from precompute.models.dataset import Window
from precompute.models.live import SequenceInputs, Tokenizer, predict_sequence
from precompute.models.predict import Predictor, predict_positions
from precompute.models.store import FeatureClusters, build_network
from precompute.models.tokenization import Tokenization
from precompute.region_tokens import tokenize_codes
from tests.model_run import random_model

RNG = np.random.default_rng(8)
PROFILES = """>MA1 GATA
A [ 0 9 0 9 8 ]
C [ 0 0 0 0 1 ]
G [ 9 0 0 0 1 ]
T [ 0 0 9 0 0 ]
>MA2 TGACT
A [ 0 0 9 0 0 0 9 ]
C [ 0 0 0 9 0 9 0 ]
G [ 0 9 0 0 0 0 0 ]
T [ 9 0 0 0 9 0 0 ]
"""


def codes_of(n, unknown=()):
    codes = RNG.integers(0, 4, n).astype(np.uint8)
    for lo, hi in unknown:
        codes[lo:hi] = 4
    return codes


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    path = tmp_path_factory.mktemp("profiles") / "two.jaspar"
    path.write_text(PROFILES)
    return path


def token_model(kind="conv", window_bins=64):
    features = [f"{m} ({s})" for m in ("GATA MA1", "TGACT MA2", "CpG") for s in "+-"]
    # Strands share no cluster, and the model's own order of features is not the profiles'.
    clusters = FeatureClusters(
        features[::-1], np.array([0, 1, 0, 2, 1, 2], dtype=np.int32), ["a", "b", "c"]
    )
    model = random_model("tokens", 3)
    network = model.network
    if kind == "transformer":
        torch.manual_seed(3)
        config = ModelConfig(
            kind="transformer", stem_channels=[9, 7], body_channels=[6, 8], head_channels=[5],
            layers=1, heads=2, feedforward=16,
        )
        network = build_network("tokens", config, 3, 2).eval()
    card = {"training": {"window_bins": window_bins}}
    return dataclasses.replace(model, network=network, clusters=clusters, card=card)


def test_tokens_are_those_of_the_pipelines_functions(profiles):
    model, codes = token_model(), codes_of(20_000, [(5_000, 5_400)])
    tokenizer = Tokenizer(model, profiles)
    inputs = SequenceInputs(model, codes, tokenizer, start=700, workers=2)
    expected = tokenize_codes(codes, Tokenization().hits(profiles), BinConfig(), 1)
    np.testing.assert_array_equal(inputs.edges(), expected.edges + 700)
    values = expected.counts.toarray() / expected.features["width"].to_numpy()
    place = [expected.features["name"].tolist().index(f) for f in model.clusters.features]
    ordered = values[:, place]
    by_cluster = np.stack(
        [ordered[:, model.clusters.assignment == c].mean(axis=1) for c in range(3)], axis=1
    )
    got = inputs.rows(Window("", 0, inputs.n_positions())).dense()
    np.testing.assert_allclose(got, by_cluster, atol=1e-6)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_pieces_give_what_one_pass_gives(profiles, encoding, monkeypatch):
    monkeypatch.setattr(dataset, "_BLOCK_BINS", 128)
    monkeypatch.setattr(live, "_BLOCK_BP", 700)
    monkeypatch.setattr(live, "_SCAN_BP", 900)
    model = token_model() if encoding == "tokens" else random_model("onehot", 4)
    codes = codes_of(9_000)
    tokenizer = Tokenizer(model, profiles) if encoding == "tokens" else None
    inputs = SequenceInputs(model, codes, tokenizer, workers=2)
    n = inputs.n_positions()
    with torch.no_grad():
        if encoding == "tokens":
            y = model.network(inputs.rows(Window("", 0, n)))[0].numpy()
        else:
            y = model.network(torch.from_numpy(inputs.onehot(Window("", 0, n)))[None])[0].numpy()
    expected = np.stack([s.restore(row) for s, row in zip(model.scalings, y, strict=True)])
    for chunk, workers in ((37, 2), (100_000, 1)):
        got = predict_positions(model, inputs, "", chunk=chunk, workers=workers)
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_bins_wanted", [30, 64, 65, 300])
def test_a_transformer_is_the_mean_of_its_windows_middle_halves(profiles, n_bins_wanted):
    model = token_model("transformer", 64)
    tokenizer = Tokenizer(model, profiles)
    inputs = SequenceInputs(model, codes_of(25 * n_bins_wanted), tokenizer)
    n = inputs.n_positions()
    length = min(64, n)
    quarter = length // 4
    starts = sorted({*range(0, n - length, quarter), n - length})
    total, weight = np.zeros((2, n)), np.zeros(n)
    edges = inputs.edges()
    for lo in starts:
        centres = (edges[lo + 1 : lo + length + 1] + edges[lo : lo + length]) / 2 - edges[lo]
        with torch.no_grad():
            y = model.network(
                inputs.rows(Window("", lo, lo + length)), 1, torch.from_numpy(centres)[None]
            )[0].numpy()
        a = 0 if lo == starts[0] else quarter
        b = length if lo == starts[-1] else length - quarter
        total[:, lo + a : lo + b] += y[:, a:b]
        weight[lo + a : lo + b] += 1
    assert weight.min() > 0
    expected = np.stack(
        [s.restore(row) for s, row in zip(model.scalings, total / weight, strict=True)]
    )
    pieces = list(Predictor(model).pieces(inputs, "", workers=2))
    assert [p.lo for p in pieces] == [0, *[p.hi for p in pieces[:-1]]]
    assert pieces[-1].hi == n
    got = np.concatenate([p.values for p in pieces], axis=1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_the_reverse_strand_of_a_run_is_the_reverse_complement_on_mirrored_edges(profiles):
    model, codes = token_model(), codes_of(6_000, [(1_000, 1_100)])
    tokenizer = Tokenizer(model, profiles)
    inputs = SequenceInputs(model, codes, tokenizer)
    n = inputs.n_positions()
    backwards = np.array([3, 2, 1, 0, 4], dtype=np.uint8)[codes[::-1]]
    mirrored = (len(codes) - inputs.edges()[::-1]).astype(np.int32)
    counts = live._LiveCounts(tokenizer, backwards, mirrored).counts("", 0, n)
    expected = (counts.astype(np.float32) @ tokenizer.matrix).toarray()
    got = inputs.rows(Window("", 0, n), reverse=True).dense()
    assert expected.any()
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_letters_and_codes_give_the_same_and_line_ends_are_skipped(profiles):
    model = token_model()
    tokenizer = Tokenizer(model, profiles)
    codes = codes_of(1_000)
    letters = "".join("acgtn"[c] for c in codes)
    pasted = "\n".join(letters[i : i + 60] for i in range(0, 1_000, 60)) + "\r\n"
    got, expected = (predict_sequence(model, s, tokenizer, 50) for s in (pasted, codes))
    np.testing.assert_array_equal(got.positions, expected.positions)
    np.testing.assert_array_equal(got.values, expected.values)
    assert (got.positions[0], got.positions[-1]) == (50, 1_050)


@pytest.mark.parametrize(("sequence", "message"), [
    ("", "shorter than one position"),
    ("ACGT", "shorter than one position"),
    ("N" * 40, "none of the 40 bases"),
    (">name\n" + "ACGT" * 10, "holds '>'"),
    ("ACGT" * 10 + "7", "holds '7'"),
])
def test_a_sequence_that_cannot_be_predicted_is_a_sentence(sequence, message):
    with pytest.raises(RegionError, match=message):
        predict_sequence(random_model("onehot", 4), sequence)


def test_foreign_profiles_are_refused(profiles, tmp_path):
    other = tmp_path / "other.jaspar"
    other.write_text(PROFILES.replace("MA2", "MA3"))
    with pytest.raises(ArtefactError, match="use the motif profiles that the model was trained on"):
        Tokenizer(token_model(), other)
    with pytest.raises(InputError, match="nowhere"):
        Tokenizer(token_model(), tmp_path / "nowhere.jaspar")
    hits = dataclasses.replace(token_model(), card={"tokenization": {"ready_hits": True}})
    with pytest.raises(InputError, match="ready motif hits"):
        Tokenizer(hits, profiles)
    damaged = dataclasses.replace(token_model(), card={"tokenization": {"bins": {"x": 1}}})
    with pytest.raises(ArtefactError, match="damaged"):
        Tokenizer(damaged, profiles)


def test_the_settings_of_the_model_are_used(profiles):
    codes = codes_of(3_000)
    short = dataclasses.replace(
        token_model(), card={"tokenization": {"bins": {"max_bin_bp": 20, "cut_every_bp": 10}}}
    )
    edges = Tokenizer(short, profiles).edges(codes)
    assert np.diff(edges).max() <= 20
    assert np.diff(Tokenizer(token_model(), profiles).edges(codes)).max() > 20
