"""Live attributions of a window: agreement with the stored ones, targets, and what is refused."""

import numpy as np
import pytest
import torch

from precompute.artefacts import RunFolder
from precompute.attribution.engine import WindowExplainer, explain_window
from precompute.attribution.results import Interval, overlap_weights
from precompute.errors import RegionError, StageError
from precompute.models.dataset import Source, Window
from precompute.models.deeplift import Explainer
from precompute.models.store import TrainedModel
from tests.model_run import TRACKS, random_model, write_model_run
from tests.oracle.test_gradients import SMALL

ENCODINGS = ["tokens", "onehot"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return RunFolder(write_model_run(tmp_path_factory.mktemp("engine") / "run", n_bp=40_005))


@pytest.fixture(scope="module")
def opened(run):
    found = {}
    for encoding in ENCODINGS:
        source = Source(run, encoding, TRACKS)
        found[encoding] = (random_model(encoding, source.n_channels), source)
    return found


def off(found):
    """Completeness error in the track's unit: a random network hardly tells inputs apart."""
    return found.error * abs(found.prediction - found.baseline_prediction)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("baseline", ["background", "zero"])
def test_a_window_equals_the_whole_chromosome_in_one_pass(opened, encoding, baseline):
    model, source = opened[encoding]
    explainer = WindowExplainer(model, source, "dnase")
    found = explainer.explain("chr20", 1_010_000, 1_011_000, baseline=baseline,
                              target=(1_010_300, 1_010_507))
    window = Window("chr20", 0, source.n_positions("chr20"))
    x = source.rows(window).dense().T if encoding == "tokens" else source.onehot(window)
    weights = overlap_weights(source.edges("chr20"), Interval(1_010_300, 1_010_507))
    whole = Explainer(model, explainer.baseline(baseline), 1).dense(x, weights)
    assert found.prediction == pytest.approx(whole.prediction, rel=1e-5)
    assert found.baseline_prediction == pytest.approx(whole.baseline_prediction, rel=1e-5)
    assert off(found) < 1e-5 * found.prediction
    total = np.zeros_like(whole.values)
    first = int(np.searchsorted(source.edges("chr20"), found.edges[0]))
    if encoding == "tokens":
        row = np.repeat(np.arange(found.rows.n_rows), np.diff(found.rows.indptr))
        total[found.rows.indices, first + row] = found.rows.values
        expected = np.where(x != 0, whole.values, 0)
        absent = np.where(x == 0, whole.values, 0).sum(axis=0)[first : first + found.rows.n_rows]
        np.testing.assert_allclose(found.absent, absent, atol=2e-5 * np.abs(whole.values).max())
        np.testing.assert_allclose(found.per_cluster(), total.sum(axis=1))
    else:
        at = 16 * first
        total[:, at : at + found.bases.shape[1]] = found.bases
        expected = whole.values
    np.testing.assert_allclose(total, expected, atol=2e-5 * np.abs(whole.values).max())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("method", ["deeplift", "integrated_gradients"])
def test_shuffled_baselines_are_seeded_and_complete(opened, encoding, method):
    model, source = opened[encoding]
    asked = ("chr20", 1_010_000, 1_010_600, method, "shuffled")
    first = WindowExplainer(model, source, seed=1).explain(*asked)
    again = WindowExplainer(model, source, seed=1).explain(*asked)
    other = WindowExplainer(model, source, seed=2).explain(*asked)
    assert off(first) < (1e-5 if method == "deeplift" else 1e-2) * first.prediction
    assert first.baseline_prediction == again.baseline_prediction
    assert first.baseline_prediction != other.baseline_prediction
    np.testing.assert_array_equal(first.bases, again.bases)
    np.testing.assert_array_equal(first.absent, again.absent)


def test_the_default_target_is_the_middle_half(opened):
    model, source = opened["onehot"]
    found = explain_window(model, source, "chr20", 1_010_000, 1_010_800)
    assert found.target == (1_010_200, 1_010_600)
    assert found.track == TRACKS[0]
    again = explain_window(model, source, "chr20", 1_010_000, 1_010_800)
    np.testing.assert_array_equal(found.bases, again.bases)


def test_weights_are_shares_of_the_target():
    edges = np.array([0, 10, 25, 40])
    np.testing.assert_allclose(overlap_weights(edges, Interval(5, 30)), [0.2, 0.6, 0.2])
    assert overlap_weights(edges, Interval(12, 13)).tolist() == [0, 1, 0]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_transformer_is_read_at_its_trained_length(opened, encoding):
    from precompute.config_models import ModelConfig
    from precompute.models.architectures import onehot_network, token_network

    model, source = opened[encoding]
    torch.manual_seed(0)
    network = (
        token_network(ModelConfig(stem_channels=[9], **SMALL), source.n_channels, 2)
        if encoding == "tokens"
        else onehot_network(ModelConfig(stem_channels=[5, 6, 7, 8], **SMALL), 2)
    ).eval()
    card = {"training": {"window_bins": 64}}
    model = TrainedModel(network, encoding, TRACKS, model.scalings, card)
    explainer = WindowExplainer(model, source)
    for method in ("input_x_gradient", "integrated_gradients"):
        found = explainer.explain("chr20", 1_010_000, 1_010_400, method)
        assert len(found.edges) == 65
        assert np.isfinite(found.prediction)
    assert found.error < 0.05
    with pytest.raises(StageError, match="this one is a transformer"):
        explainer.explain("chr20", 1_010_000, 1_010_400, "deeplift")
    with pytest.raises(RegionError, match="the model was trained on 64; zoom in"):
        explainer.explain("chr20", 1_010_000, 1_014_000, "input_x_gradient")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("chr20", 5, 100), "is not inside the run"),
        (("chr20", 1_010_000, 1_010_000), "is not inside the run"),
        (("chrZ", 5, 100), "no chromosome 'chrZ'"),
        (("chr20", 1_001_000, 1_039_000), "the model was trained on 1,250; zoom in"),
        (("chr20", 1_010_000, 1_010_100, "lime"), "no attribution method 'lime'"),
        (("chr20", 1_010_000, 1_010_100, "deeplift", "mean"), "no attribution baseline 'mean'"),
        (("chr20", 1_010_000, 1_010_100, "deeplift", "zero", (1_010_050, 1_010_200)),
         "target 1,010,050-1,010,200 is not inside"),
    ],
)
def test_bad_windows_have_their_sentence(opened, asked, sentence):
    model, source = opened["onehot"]
    with pytest.raises((RegionError, StageError), match=sentence):
        explain_window(model, source, *asked)


def test_a_window_of_n_is_refused(opened, monkeypatch):
    model, source = opened["onehot"]
    monkeypatch.setattr(source, "unknown_bp", lambda chrom, edges: np.diff(edges))
    with pytest.raises(RegionError, match=r"400 of the 400 bases .* are N; choose"):
        WindowExplainer(model, source).explain("chr20", 1_010_000, 1_010_400)


def test_foreign_tracks_and_encodings_are_refused(opened):
    model, source = opened["onehot"]
    with pytest.raises(StageError, match="no track 'rna'"):
        WindowExplainer(model, source, "rna")
    with pytest.raises(StageError, match="reads onehot and was given tokens"):
        WindowExplainer(model, opened["tokens"][1])
