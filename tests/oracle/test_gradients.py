"""Input x Gradient and integrated gradients against captum and finite differences."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from precompute.attribution.gradients import GradientExplainer
from precompute.config_models import ModelConfig
from precompute.errors import StageError
from precompute.models.architectures import onehot_network, token_network
from precompute.models.dataset import TargetScaling
from precompute.models.deeplift import Explainer
from precompute.models.sparse import SparseRows
from precompute.models.store import TrainedModel
from tests.model_run import random_model
from tests.oracle.test_deeplift import CHANNELS, example

SMALL = {
    "kind": "transformer", "body_channels": [8], "head_channels": [5], "layers": 2, "heads": 2,
    "feedforward": 12,
}


def transformer(encoding):
    torch.manual_seed(4)
    if encoding == "tokens":
        network = token_network(ModelConfig(stem_channels=[9], **SMALL), 12, 2)
    else:
        network = onehot_network(ModelConfig(stem_channels=[5, 6, 7, 8], **SMALL), 2)
    scalings = [TargetScaling(0.7, 0.5), TargetScaling(2.0, 1.0)]
    return TrainedModel(network.eval(), encoding, ["a", "b"], scalings, {})


def case(kind, encoding, n=20):
    is_conv = kind == "conv"
    model = random_model(encoding, CHANNELS[encoding]) if is_conv else transformer(encoding)
    x, baseline = example(encoding, n)
    weights = np.random.default_rng(3).random(n)
    offsets = None if is_conv or encoding == "onehot" else np.cumsum(np.full(n, 15.0))
    return model, x, baseline, weights, offsets


class Target(nn.Module):
    """The weighted target of one track in its unit, written once more for captum."""

    def __init__(self, model, track, weights, offsets):
        super().__init__()
        self.network = copy.deepcopy(model.network).double()
        self.track, self.scaling = track, model.scalings[track]
        self.weights = torch.tensor(weights)
        self.offsets = None if offsets is None else torch.tensor(offsets)[None]

    def forward(self, x):
        y = self.network(x, offsets_bp=self.offsets)[:, self.track]
        return (self.scaling.mean * y ** (1 / self.scaling.power) * self.weights).sum(dim=-1)


@pytest.mark.parametrize("kind", ["conv", "transformer"])
@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_values_equal_captums(kind, encoding):
    from captum.attr import InputXGradient, IntegratedGradients

    model, x, baseline, weights, offsets = case(kind, encoding)
    for track in (0, 1):
        target = Target(model, track, weights, offsets)
        tensor = torch.tensor(x, dtype=torch.float64)[None].requires_grad_()
        base = torch.tensor(np.broadcast_to(baseline[:, None], x.shape).copy())[None]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            simple = InputXGradient(target).attribute(tensor)[0].detach().numpy()
            path = IntegratedGradients(target).attribute(tensor, base, n_steps=16)
        ours = GradientExplainer(model, track).dense(x, np.zeros(len(x)), weights, offsets)
        scale = np.abs(simple).max()
        assert scale > 1e-7
        np.testing.assert_allclose(ours.values, simple, atol=1e-9 * scale)
        explainer = GradientExplainer(model, track, steps=16, batch=5)
        ours = explainer.dense(x, baseline, weights, offsets)
        theirs = path[0].detach().numpy()
        np.testing.assert_allclose(ours.values, theirs, atol=1e-7 * np.abs(theirs).max())
        assert ours.prediction == pytest.approx(float(target(tensor)[0].detach()), rel=1e-10)


@pytest.mark.parametrize("kind", ["conv", "transformer"])
def test_sparse_tokens_equal_dense_ones(kind):
    model, x, baseline, weights, offsets = case(kind, "tokens")
    explainer = GradientExplainer(model, 0, steps=8)
    dense = explainer.dense(x, baseline, weights, offsets)
    rows = SparseRows.from_dense(x.T)
    sparse = explainer.tokens(rows, baseline, weights, offsets)
    bins = np.repeat(np.arange(rows.n_rows), np.diff(rows.indptr))
    scale = np.abs(dense.values).max()
    np.testing.assert_allclose(sparse.values, dense.values[rows.indices, bins], atol=1e-7 * scale)
    absent = np.where(x == 0, dense.values, 0).sum(axis=0)
    np.testing.assert_allclose(sparse.absent, absent, atol=1e-7 * scale)
    assert sparse.error == pytest.approx(dense.error, abs=1e-6)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_the_walked_gradient_is_the_differentiated_one(encoding):
    model, x, baseline, weights, _ = case("conv", encoding, 40)
    walked = Explainer(model, baseline, 1, "gradient").dense(x, weights)
    auto = GradientExplainer(model, 1).dense(x, baseline, weights)
    scale = np.abs(auto.values).max()
    np.testing.assert_allclose(walked.values, auto.values, atol=1e-9 * scale)
    assert walked.prediction == pytest.approx(auto.prediction, rel=1e-10)
    assert walked.baseline_prediction == pytest.approx(auto.baseline_prediction, rel=1e-10)


def test_the_gradient_of_a_transformer_is_a_finite_difference():
    model, x, _, weights, offsets = case("transformer", "tokens")
    found = GradientExplainer(model, 0).dense(x, np.zeros(12), weights, offsets)
    target = Target(model, 0, weights, offsets)
    rng = np.random.default_rng(0)
    places = np.argwhere(x > 0)
    for channel, place in places[rng.permutation(len(places))[:8]]:
        step = np.zeros_like(x)
        step[channel, place] = 1e-6
        ends = [float(target(torch.tensor(x + sign * step)[None])[0].detach()) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / 2e-6
        got = found.values[channel, place] / x[channel, place]
        assert got == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_more_nodes_make_integrated_gradients_complete():
    model, x, baseline, weights, offsets = case("transformer", "onehot")
    errors = [
        GradientExplainer(model, 1, steps=steps).dense(x, baseline, weights, offsets).error
        for steps in (2, 64)
    ]
    assert errors[1] < 1e-3
    assert errors[1] < errors[0]


@pytest.mark.parametrize("kind", ["conv", "transformer"])
def test_the_model_is_left_as_it_was_and_batches_change_nothing(kind):
    model, x, baseline, weights, offsets = case(kind, "onehot")
    model.network.train()
    found = [
        GradientExplainer(model, 0, steps=9, batch=batch).dense(x, baseline, weights, offsets)
        for batch in (1, 4, 9)
    ]
    for other in found[1:]:
        scale = np.abs(other.values).max()
        np.testing.assert_allclose(found[0].values, other.values, atol=1e-11 * scale)
    assert all(module.training for module in model.network.modules())
    assert all(p.requires_grad and p.grad is None for p in model.network.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in model.network.modules())


def test_single_precision_is_close_to_double():
    for encoding in CHANNELS:
        model, x, baseline, weights, _ = case("conv", encoding, 60)
        exact = Explainer(model, baseline, 0).dense(x, weights)
        fast = Explainer(model, baseline, 0, dtype=torch.float32).dense(x, weights)
        scale = np.abs(exact.values).max()
        np.testing.assert_allclose(fast.values, exact.values, atol=2e-5 * scale)


class Cut(nn.Module):
    """A layer that nothing can be differentiated through."""

    def forward(self, x):
        return x.detach()


def test_a_model_without_a_backward_path_is_refused():
    model, x, baseline, weights, _ = case("conv", "onehot")
    model.network.insert(3, Cut())
    with pytest.raises(StageError, match="no backward path"):
        GradientExplainer(model, 0).dense(x, baseline, weights)
    with pytest.raises(StageError, match="no network of motiflens"):
        GradientExplainer(TrainedModel(nn.Linear(1, 1), "onehot", ["a"], [], {}), 0)
