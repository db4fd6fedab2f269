"""Presets: sizes counted by hand, how they fill a configuration, and what is refused."""

import pytest
from typer.testing import CliRunner

from precompute.cli import app
from precompute.config_models import PRESETS, ModelConfig, ModelsConfig, preset
from precompute.errors import ConfigError
from precompute.models.presets import describe_presets

SPLIT = {key: [{"chrom": key}] for key in ("train", "validation", "test")}
#: Convolutions without bias, and a batch norm's gain and shift for each channel.
BODY = [(128, 128, 3), (128, 128, 3), (128, 512, 3)]


def units(*layers):
    return sum(i * o * k + 2 * o for i, o, k in layers)


def linear(*layers):
    return sum(i * o + o for i, o in layers)


def paper(encoding, kind):
    """Parameters of a network of the paper, 871 clusters and one track, layer by layer."""
    stem = {
        "tokens": units((871, 400, 1), (400, 100, 1), (100, 128, 3)),
        "onehot": units((4, 64, 5), (64, 128, 5), (128, 256, 3), (256, 512, 3), (512, 128, 3)),
    }[encoding]
    if kind == "conv":
        head = linear((512, 4096), (4096, 1028), (1028, 1))
        return stem + units(*BODY, *[(512, 512, 3)] * 7) + head
    norms = 2 * 512
    layer = linear((512, 3 * 512), (512, 512), (512, 1024), (1024, 512)) + 2 * norms
    return stem + units(*BODY) + 10 * layer + norms + linear((512, 1))


@pytest.mark.parametrize("kind", ["conv", "transformer"])
@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_the_papers_networks_have_the_counted_parameters(encoding, kind):
    (size,) = [
        s for s in describe_presets("paper", 871, 1) if (s.encoding, s.kind) == (encoding, kind)
    ]
    assert size.parameters == paper(encoding, kind)


def test_the_command_prints_parameters_and_receptive_fields():
    shown = CliRunner().invoke(app, ["models", "--preset", "paper"]).output.splitlines()
    lines = {tuple(line.split()[1:3]): line.split(maxsplit=4)[3:] for line in shown[1:]}
    # Eleven 3-wide convolutions see 23 bins. On one-hot they see 23 cells, whose halo the pooled
    # layers widen by 2, 2 x 2, 4 and 8 bp on each side.
    assert lines["conv", "tokens"][1].strip() == "23 bins"
    assert lines["conv", "onehot"][1].strip() == f"{23 * 16 + 2 * (2 + 4 + 4 + 8)} bp"
    assert lines["transformer", "tokens"][1].strip() == "the whole window"
    assert lines["conv", "tokens"][0] == f"{paper('tokens', 'conv'):,}"


def test_every_preset_has_every_network_and_they_grow():
    assert len(PRESETS) == 3 * 2 * 2
    sizes = {(s.preset, s.kind, s.encoding): s.parameters for s in describe_presets(None, 871, 1)}
    for kind in ("conv", "transformer"):
        for encoding in ("tokens", "onehot"):
            demo, small, large = (sizes[n, kind, encoding] for n in ("demo", "small", "paper"))
            assert demo < small < large


def test_an_unknown_preset_is_refused():
    with pytest.raises(ConfigError, match="choose one of paper, small, demo"):
        describe_presets("huge", 871, 1)


def test_a_preset_fills_the_sizes_and_a_given_size_goes_before_it():
    models = ModelsConfig.model_validate({
        "tokens": {"preset": "paper"},
        "onehot": {"preset": "small", "kind": "transformer", "layers": 1},
        "split": SPLIT,
    })
    assert models.tokens == preset("paper", "conv", "tokens")
    assert models.tokens.output == "relu"
    whole = preset("small", "transformer", "onehot")
    assert models.onehot == whole.model_copy(update={"layers": 1})
    # What is stored is complete by itself, and reads back as it was.
    assert ModelConfig.model_validate(models.onehot.model_dump(mode="json")) == models.onehot


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"preset": "huge"}, "'paper', 'small' or 'demo'"),
        ({"preset": "demo", "kind": "lstm"}, "'conv' or 'transformer'"),
        ({"preset": "demo", "layers": 2}, "layers belong to kind: transformer"),
        ({"stem_channels": [4], "body_channels": [8], "kind": "transformer"}, "at least one layer"),
        ({"stem_channels": [4], "body_channels": [9], "kind": "transformer", "layers": 1,
          "heads": 3}, "make it a multiple of both"),
        ({"preset": "demo", "width": 3}, "Extra inputs"),
    ],
)
def test_bad_sizes_are_refused(section, message):
    with pytest.raises(ValueError, match=message):
        ModelsConfig.model_validate(
            {"tokens": section, "onehot": {"preset": "demo"}, "split": SPLIT}
        )
