"""Transformers: position code, attention, what an output sees, and that they learn and store."""

import numpy as np
import pytest
import torch
from torch import nn

from precompute.artefacts import RunFolder
from precompute.config_models import ModelConfig
from precompute.errors import StageError
from precompute.models import train
from precompute.models.architectures import onehot_network, reach, token_network
from precompute.models.attention import Encoder, position_code
from precompute.models.dataset import Window
from precompute.models.deeplift import Explainer
from precompute.models.store import load_own_model
from precompute.models.training_task import TrainingTask, bin_offsets
from tests.model_run import ONEHOT, TOKENS, TRACKS, context, random_model, write_model_run

SMALL = {
    "kind": "transformer", "layers": 2, "heads": 2, "feedforward": 12, "dropout": 0.3,
}
STAGES = {"tokens": train.run_tokens, "onehot": train.run_onehot}


def network(encoding, **changes):
    """A small transformer in evaluation mode, float64."""
    torch.manual_seed(0)
    base = TOKENS if encoding == "tokens" else ONEHOT
    config = ModelConfig.model_validate({**base.model_dump(), **SMALL, **changes})
    made = token_network(config, 12, 2) if encoding == "tokens" else onehot_network(config, 2)
    return made.double().eval()


def test_position_code_by_hand():
    code = position_code(torch.tensor([[0.0, 7.5, 20_000.0]]), 4)[0].numpy()
    x = np.array([0.0, 7.5, 20_000.0])
    expected = [np.sin(x), np.cos(x), np.sin(x / 100), np.cos(x / 100)]
    np.testing.assert_allclose(code, expected, atol=1e-6)


def test_layers_equal_torchs_own_pre_norm_encoder():
    torch.manual_seed(1)
    ours = Encoder(8, 2, 2, 12, 0.3).eval()
    theirs = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 12, 0.3, norm_first=True, batch_first=True), 2,
        norm=nn.LayerNorm(8), enable_nested_tensor=False,
    ).eval()
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        other.self_attn.in_proj_weight.data = mine.qkv.weight.data
        other.self_attn.in_proj_bias.data = mine.qkv.bias.data
        pairs = [
            (other.self_attn.out_proj, mine.out), (other.linear1, mine.widen),
            (other.linear2, mine.narrow), (other.norm1, mine.attention_norm),
            (other.norm2, mine.feedforward_norm),
        ]
        for a, b in pairs:
            a.load_state_dict(b.state_dict())
    x = torch.randn(3, 8, 20)
    with torch.no_grad():
        expected = theirs(x.transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-5)


def test_an_output_sees_the_whole_window_by_its_gradient():
    made = network("tokens")
    assert reach(made) is None
    offsets = torch.linspace(7, 600, 40, dtype=torch.float64)[None]
    x = torch.rand(1, 12, 40, dtype=torch.float64, requires_grad=True)
    made(x, 1, offsets)[0, 0, 3].backward()
    assert (x.grad[0].abs().sum(dim=0) > 0).all()


def test_what_counts_is_base_pairs_not_the_number_of_the_bin():
    made = network("tokens")
    x = torch.rand(1, 12, 30, dtype=torch.float64)
    even = 15 * (torch.arange(30, dtype=torch.float64)[None] + 0.5)
    uneven = even.clone()
    uneven[:, 10:] += 200
    with torch.no_grad():
        same, other = made(x, 1, even), made(x, 1, uneven)
        assert not torch.allclose(same, other)
        # Two windows of one batch have their own offsets.
        both = made(torch.cat([x, x]), 2, torch.cat([even, uneven]))
    torch.testing.assert_close(both, torch.cat([same, other]))


def test_tokens_need_offsets_and_one_hot_knows_its_own():
    x = torch.rand(1, 12, 30, dtype=torch.float64)
    with pytest.raises(StageError, match="was given no offsets of its bins"):
        network("tokens")(x)
    made = network("onehot")
    assert not made.needs_offsets
    x = torch.rand(1, 4, 16 * 9, dtype=torch.float64)
    cells = 16 * torch.arange(9, dtype=torch.float64)[None] + 8
    torch.testing.assert_close(made(x), made(x, 1, cells))
    assert not torch.allclose(made(x), made(x, 1, 2 * cells))


def test_dropout_acts_in_training_only():
    made = network("onehot")
    x = torch.rand(1, 4, 160, dtype=torch.float64)
    torch.testing.assert_close(made(x), made(x), rtol=0, atol=0)
    made.train()
    for layer in made:
        if isinstance(layer, nn.BatchNorm1d):
            layer.eval()
    assert not torch.allclose(made(x), made(x))


def test_deeplift_is_refused_on_attention():
    model = random_model("onehot", 4)
    with pytest.raises(StageError, match="choose Input x Gradient"):
        Explainer(model.__class__(network("onehot"), "onehot", TRACKS, model.scalings, {}),
                  np.zeros(4), 0)


def test_offsets_are_centres_on_the_strand_read(model_root):
    task = TrainingTask(context(model_root, "train_tokens"), "tokens")
    edges = task.source.edges("chr20")
    window = Window("chr20", 5, 9)
    forward, reverse = (bin_offsets(task.source, window, r) for r in (False, True))
    assert forward[0] == (edges[6] - edges[5]) / 2
    np.testing.assert_allclose(forward, (edges[5:9] + edges[6:10]) / 2 - edges[5])
    np.testing.assert_allclose(reverse + forward[::-1], edges[9] - edges[5])
    assert (np.diff(reverse) > 0).all()


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_a_transformer_trains_is_stored_and_computes_the_same(tmp_path, encoding):
    root = write_model_run(tmp_path / "run")
    stage = context(
        root, f"train_{encoding}", **{f"models__{encoding}": SMALL},
        models__training={"max_epochs": 1},
    )
    facts = STAGES[encoding](stage)
    assert facts["receptive_field"] is None
    model = load_own_model(RunFolder(root), encoding)
    assert model.card["position_unit"] == "bp"
    assert model.card["architecture"]["kind"] == "transformer"
    task = TrainingTask(stage, encoding)
    task.network.load_state_dict(model.network.state_dict())
    assert task.validate().r == pytest.approx(model.card["best_validation_r"], abs=1e-6)
