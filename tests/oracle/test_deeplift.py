"""DeepLIFT against captum, hand computation, finite differences and its own axioms."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from precompute.attributions import explain
from precompute.errors import StageError
from precompute.models.architectures import Network, reach
from precompute.models.dataset import TargetScaling
from precompute.models.deeplift import Explainer
from precompute.models.deeplift_rules import through_linear, through_pool, through_relu
from precompute.models.sparse import SparseRows
from precompute.models.store import TrainedModel
from tests.model_run import random_model

CHANNELS = {"tokens": 12, "onehot": 4}


def example(encoding, length, seed=0):
    """An input of that many positions and a baseline."""
    rng = np.random.default_rng(seed)
    if encoding == "onehot":
        return np.eye(4)[:, rng.integers(0, 4, 16 * length)], np.array([0.3, 0.2, 0.2, 0.3])
    x = rng.random((12, length)) * (rng.random((12, length)) < 0.3)
    return x.astype(np.float32).astype(np.float64), rng.random(12) * 0.2


def as_model(layers):
    scaling = TargetScaling(1.0, 1.0)
    return TrainedModel(Network(*layers).eval(), "onehot", ["t"], [scaling], {})


class Clone(nn.Module):
    """Captum overwrites the gradient of a ReLU that feeds a max-pool unless they are parted."""

    def forward(self, x):
        return x.clone()


class Summed(nn.Module):
    """The target as captum wants it: one number per example."""

    def __init__(self, model, track):
        super().__init__()
        layers = []
        for layer in copy.deepcopy(model.network).double():
            # It knows torch's own pooling by its exact class.
            is_pool = isinstance(layer, nn.MaxPool1d)
            layers += [Clone(), nn.MaxPool1d(2)] if is_pool else [layer]
        self.layers, self.track = nn.Sequential(*layers), track
        self.mean = model.scalings[track].mean

    def forward(self, x):
        return self.mean * self.layers(x)[:, self.track].sum(dim=-1)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
@pytest.mark.parametrize("track", [0, 1])
def test_values_equal_captums(encoding, track):
    from captum.attr import DeepLift

    model = random_model(encoding, CHANNELS[encoding], power=1.0)
    x, baseline = example(encoding, 20)
    if encoding == "onehot":
        # The same baseline everywhere ties at the max-pools, where captum takes the first.
        baseline = np.random.default_rng(1).dirichlet(np.ones(4), x.shape[1]).T
    tensor = torch.from_numpy(x)[None].requires_grad_()
    base = torch.from_numpy(np.broadcast_to(baseline.reshape(len(x), -1), x.shape).copy())[None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = DeepLift(Summed(model, track)).attribute(tensor, base)[0].detach().numpy()
    ours = explain(model, x, baseline, track)
    assert np.abs(theirs).max() > 1e-6
    np.testing.assert_allclose(ours.values, theirs, atol=1e-10 * np.abs(theirs).max())


@pytest.mark.parametrize("track", [0, 1])
def test_values_equal_captums_where_the_output_is_a_relu(track):
    from captum.attr import DeepLift

    model = random_model("tokens", 12, power=1.0)
    model.network[-1] = nn.ReLU()
    x, baseline = example("tokens", 20)
    with torch.no_grad():
        z = model.network[:-1](torch.from_numpy(x.astype(np.float32))[None])[0]
        # Half of the outputs are cut off.
        model.network[-2].bias -= z.median(dim=-1).values
    base = torch.from_numpy(np.broadcast_to(baseline[:, None], x.shape).copy())[None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = DeepLift(Summed(model, track)).attribute(
            torch.from_numpy(x)[None].requires_grad_(), base
        )[0].detach().numpy()
    ours = explain(model, x, baseline, track)
    assert np.abs(theirs).max() > 1e-6
    np.testing.assert_allclose(ours.values, theirs, atol=1e-10 * np.abs(theirs).max())
    assert ours.error < 1e-9


def test_a_small_network_by_hand():
    # x1 - x2 + 1 -> ReLU -> 2 h - 1 -> softplus; baseline (0, 0), input (1, 3).
    first, second = nn.Conv1d(2, 1, 1), nn.Conv1d(1, 1, 1)
    first.weight.data = torch.tensor([[[1.0], [-1.0]]])
    first.bias.data = torch.tensor([1.0])
    second.weight.data, second.bias.data = torch.tensor([[[2.0]]]), torch.tensor([-1.0])
    model = as_model([first, nn.ReLU(), second, nn.Softplus()])
    found = explain(model, np.array([[1.0], [3.0]]), np.zeros(2))
    # ReLU: from 1 to -1, so 1 to 0, ratio 1/2. Softplus: from 1 to -1.
    high, low = np.log1p(np.exp(1.0)), np.log1p(np.exp(-1.0))
    last = (low - high) / (-1.0 - 1.0)
    multiplier = last * 2 * 0.5
    np.testing.assert_allclose(found.values[:, 0], [multiplier * 1, multiplier * -3], rtol=1e-12)
    assert found.prediction == pytest.approx(low)
    assert found.baseline_prediction == pytest.approx(high)


def test_pool_rule_by_hand():
    x = torch.tensor([[[3.0, 1.0, 0.0, 1.0, 2.0, 5.0, 9.0]]], dtype=torch.float64)
    b = torch.tensor([[[1.0, 2.0, 4.0, 2.0, 2.0, 5.0, 1.0]]], dtype=torch.float64)
    m = torch.tensor([[[1.0, 10.0, 100.0]]], dtype=torch.float64)
    # Maximum 2 -> 3 belongs to the first (rise of 2), 4 -> 1 to the third (fall of 4); the
    # third pair does not change, so its gradient stands; the odd last input counts nowhere.
    got = through_pool(m, x, b)
    np.testing.assert_allclose(got[0, 0], [0.5, 0, 10 * 3 / 4, 0, 0, 100, 0])


def test_pool_rule_of_a_tied_baseline_is_the_same_on_both_strands():
    x = torch.tensor([[[0.0, 1.0, 4.0, 3.0, 1.5, 1.0]]], dtype=torch.float64)
    b = torch.full_like(x, 2.0)
    m = torch.tensor([[[1.0, 10.0, 100.0]]], dtype=torch.float64)
    np.testing.assert_allclose(through_pool(m, x, b)[0, 0], [0, 1, 10, 0, 100, 0])
    there = through_pool(m.flip(-1).contiguous(), x.flip(-1).contiguous(), b).flip(-1)
    np.testing.assert_allclose(there[0, 0], [0, 1, 10, 0, 100, 0])


def test_pool_rule_near_the_baseline_is_the_gradient():
    rng = np.random.default_rng(0)
    b = torch.from_numpy(rng.normal(size=(1, 3, 40)))
    x = (b + 1e-4 * torch.from_numpy(rng.normal(size=(1, 3, 40)))).requires_grad_()
    m = torch.from_numpy(rng.normal(size=(1, 3, 20)))
    (nn.functional.max_pool1d(x, 2) * m).sum().backward()
    np.testing.assert_allclose(through_pool(m, x.detach(), b), x.grad, atol=1e-9)


def test_relu_rule_by_hand():
    x = torch.tensor([[[2.0, -1.0, 3.0, -2.0, 1.0, -1.0]]], dtype=torch.float64)
    b = torch.tensor([[[1.0, -3.0, -1.0, 2.0, 1.0, -1.0]]], dtype=torch.float64)
    got = through_relu(torch.ones_like(x), x, b)
    np.testing.assert_allclose(got[0, 0], [1, 0, 3 / 4, 2 / 4, 1, 0])


@pytest.mark.parametrize("scaling", [TargetScaling(1.0, 1.0), TargetScaling(0.02, 0.5)])
def test_near_the_baseline_values_are_finite_differences(scaling):
    # Close to the baseline every non-linearity is its derivative.
    model = random_model("tokens", 12)
    model = TrainedModel(model.network.double(), "tokens", ["a", "b"], [scaling] * 2, {})
    x, baseline = example("tokens", 10)
    base = np.repeat(baseline[:, None], x.shape[1], axis=1)
    small = 1e-5 * np.random.default_rng(1).normal(size=x.shape)
    found = explain(model, base + small, baseline, 1)

    def target(at):
        with torch.no_grad():
            y = model.network(torch.from_numpy(at)[None])[0, 1].numpy()
        return scaling.restore(y).sum()

    rng = np.random.default_rng(2)
    for _ in range(10):
        c, p = rng.integers(x.shape[0]), rng.integers(x.shape[1])
        step = np.zeros_like(x)
        step[c, p] = 1e-6
        slope = (target(base + step) - target(base - step)) / 2e-6
        assert found.values[c, p] / small[c, p] == pytest.approx(slope, rel=2e-3, abs=1e-6)


def test_a_linear_network_gives_weight_times_difference():
    conv = nn.Conv1d(4, 1, 3, padding=1)
    x, baseline = example("onehot", 3)
    # A softplus far from 0 is the identity.
    conv.bias.data.fill_(200.0)
    model = as_model([nn.Conv1d(4, 4, 1), conv, nn.Softplus()])
    found = explain(model, x, baseline)
    tensor = torch.from_numpy(x)[None].requires_grad_()
    network = copy.deepcopy(model.network).double()
    network[:2](tensor).sum().backward()
    expected = tensor.grad[0].numpy() * (x - baseline[:, None])
    np.testing.assert_allclose(found.values, expected, atol=1e-12)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
@pytest.mark.parametrize("power", [0.5, 1.0])
def test_values_sum_to_the_change_of_the_prediction(encoding, power):
    model = random_model(encoding, CHANNELS[encoding], power=power)
    for seed in range(5):
        x, baseline = example(encoding, 30, seed)
        found = explain(model, x, baseline, seed % 2)
        gap = found.prediction - found.baseline_prediction
        assert abs(gap) > 1e-6
        assert found.values.sum() == pytest.approx(gap, rel=1e-9)
        assert found.error < 1e-9


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_prediction_is_the_models_in_the_tracks_unit(encoding):
    model = random_model(encoding, CHANNELS[encoding])
    x, baseline = example(encoding, 30)
    with torch.no_grad():
        y = copy.deepcopy(model.network).double()(torch.from_numpy(x)[None])[0].numpy()
    for track in (0, 1):
        expected = model.scalings[track].restore(y[track]).sum()
        assert explain(model, x, baseline, track).prediction == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_values_add_up_over_targets_and_keep_to_the_receptive_field(encoding):
    model = random_model(encoding, CHANNELS[encoding])
    x, baseline = example(encoding, 40)
    explainer = Explainer(model, baseline, 0)
    parts = [explainer.dense(x, target).values for target in ((0, 7), (7, 8), (8, 40))]
    np.testing.assert_allclose(sum(parts), explainer.dense(x).values, atol=1e-12)
    seen = reach(model.network)
    touched = np.flatnonzero(np.abs(parts[1]).sum(axis=0))
    assert touched.min() >= 7 * seen.step - seen.before
    assert touched.max() < 8 * seen.step + seen.after


def test_sparse_tokens_equal_dense_ones():
    model = random_model("tokens", 12)
    x, baseline = example("tokens", 50)
    rows = SparseRows.from_dense(x.T)
    explainer = Explainer(model, baseline, 1)
    for target in (None, (5, 33)):
        dense, sparse = explainer.dense(x, target), explainer.tokens(rows, target)
        bins = np.repeat(np.arange(50), np.diff(rows.indptr))
        np.testing.assert_allclose(sparse.values, dense.values[rows.indices, bins], atol=1e-12)
        absent = np.where(x == 0, dense.values, 0).sum(axis=0)
        np.testing.assert_allclose(sparse.absent, absent, atol=1e-12)
        assert sparse.prediction == pytest.approx(dense.prediction, rel=1e-12)
        assert sparse.error < 1e-12


def test_a_zero_baseline_gives_nothing_to_absent_clusters():
    model = random_model("tokens", 12)
    x, _ = example("tokens", 30)
    found = Explainer(model, np.zeros(12), 0).tokens(SparseRows.from_dense(x.T))
    np.testing.assert_allclose(found.absent, 0, atol=1e-12)
    assert np.abs(found.values).max() > 1e-4


def test_the_baseline_itself_gets_nothing():
    model = random_model("onehot", 4)
    _, baseline = example("onehot", 10)
    found = explain(model, np.repeat(baseline[:, None], 160, axis=1), baseline)
    np.testing.assert_array_equal(found.values, 0)
    assert found.prediction == found.baseline_prediction
    assert found.error == 0


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training):
    model = random_model("onehot", 4)
    model.network.train(training)
    state = {k: v.clone() for k, v in model.network.state_dict().items()}
    x, baseline = example("onehot", 10)
    explain(model, x, baseline)
    assert all(module.training is training for module in model.network.modules())
    for module in model.network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
        assert not module._backward_pre_hooks
    for key, value in model.network.state_dict().items():
        assert value.dtype == state[key].dtype
        torch.testing.assert_close(value, state[key], rtol=0, atol=0)
    assert all(p.requires_grad and p.grad is None for p in model.network.parameters())


def test_layers_without_a_rule_are_refused():
    with pytest.raises(StageError, match="no rule for GELU"):
        through_linear(nn.GELU(), torch.zeros(1, 1, 1))
    with pytest.raises(StageError, match="ends in a convolution and a softplus"):
        Explainer(as_model([nn.Conv1d(4, 1, 1), nn.GELU()]), np.zeros(4), 0)
