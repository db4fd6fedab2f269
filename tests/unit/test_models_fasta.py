"""`predict`: regions of any FASTA to a bigWig, as a run predicts them; bad input in a sentence."""

import dataclasses
import gzip

import numpy as np
import pyBigWig
import pytest
from typer.testing import CliRunner

from precompute import cli
from precompute.errors import (
    ArtefactError,
    ChromosomeError,
    InputError,
    MotiflensError,
    RegionError,
)
from precompute.models import fasta as module
from precompute.models.fasta import clipped, parse_regions, predict_fasta
from precompute.models.live import Tokenizer, predict_sequence
from tests.model_run import random_model, store_model, write_model_run
from tests.unit.test_models_live import PROFILES, codes_of, token_model


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fasta")
    (folder / "two.jaspar").write_text(PROFILES)
    sequences = {"chr1": codes_of(30_000, [(0, 300)]), "chr2": codes_of(9_000)}
    text = "".join(
        f">{name} about it\n" + "".join("ACGTN"[c] for c in codes) + "\n"
        for name, codes in sequences.items()
    )
    (folder / "a.fa").write_text(text)
    with gzip.open(folder / "a.fa.gz", "wt") as handle:
        handle.write(text)
    return folder, sequences


def _values(path, chrom, lo, hi):
    with pyBigWig.open(str(path)) as handle:
        return np.array(handle.values(chrom, lo, hi))


def _per_base(prediction, track):
    return np.repeat(prediction.values[track], np.diff(prediction.positions))


@pytest.mark.parametrize("name", ["a.fa", "a.fa.gz"])
def test_whole_sequences_are_those_of_the_sequence_at_hand(files, tmp_path, name):
    folder, sequences = files
    model, profiles = token_model(), folder / "two.jaspar"
    out = tmp_path / "out.bw"
    done = predict_fasta(
        model, folder / name, ["chr2", "chr1"], out, "dnase", profiles, workers=2
    )
    assert done == 39_000
    for chrom, codes in sequences.items():
        expected = predict_sequence(model, codes, Tokenizer(model, profiles))
        np.testing.assert_allclose(
            _values(out, chrom, 0, len(codes)), _per_base(expected, 1), rtol=1e-5
        )
    assert [p.name for p in tmp_path.iterdir()] == ["out.bw"]


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_a_region_is_predicted_in_its_surroundings(files, tmp_path, encoding, monkeypatch):
    monkeypatch.setattr(module, "FLANK_BP", 3_000)
    folder, sequences = files
    model = token_model() if encoding == "tokens" else random_model("onehot", 4)
    profiles = folder / "two.jaspar"
    out = tmp_path / "out.bw"
    regions = ["chr1:10,007-12,000", "chr1:29000-30000"]
    predict_fasta(model, folder / "a.fa", regions, out, "atac", profiles)
    tokenizer = Tokenizer(model, profiles) if encoding == "tokens" else None
    whole = _per_base(predict_sequence(model, sequences["chr1"], tokenizer), 0)
    for lo, hi in ((10_007, 12_000), (29_000, 30_000)):
        got = _values(out, "chr1", lo, hi)
        if encoding == "onehot":
            np.testing.assert_allclose(got, whole[lo:hi], rtol=1e-5)
        else:
            # A bin's edge may depend on a depth peak beyond the flank; it hardly ever does.
            assert np.isclose(got, whole[lo:hi], rtol=1e-4).mean() > 0.99
    assert np.isnan(_values(out, "chr1", 9_000, 10_007)).all()
    assert np.isnan(_values(out, "chr1", 12_000, 29_000)).all()


def test_steps_are_cut_at_the_ends_of_the_region():
    place = module.Place("c", 5, 12)
    edges, values = clipped(np.array([0, 4, 8, 12, 16]), np.arange(4.0), place)
    assert (edges.tolist(), values.tolist()) == ([5, 8, 12], [1.0, 2.0])
    assert clipped(np.array([20, 30]), np.ones(1), place)[1].size == 0


@pytest.mark.parametrize(("regions", "error", "message"), [
    (["chr3"], ChromosomeError, "no chromosome 'chr3'"),
    (["chr1:5-5"], RegionError, "empty, reversed"),
    (["chr1:50-5"], RegionError, "empty, reversed"),
    (["chr1:0-30001"], RegionError, "30,000 bp"),
    (["chr1:-5-10"], MotiflensError, "chr1:-5-10"),
    (["chr1:a-b"], RegionError, "cannot be read"),
    ([""], RegionError, "cannot be read"),
    (["chr1:0-100", "chr1:99-200"], RegionError, "overlap"),
    (["chr1:0-100"], RegionError, "none of the"),
    ([], RegionError, "no region was given"),
])
def test_a_bad_region_leaves_nothing_behind(files, tmp_path, monkeypatch, regions, error, message):
    monkeypatch.setattr(module, "FLANK_BP", 100)
    with pytest.raises(error, match=message):
        predict_fasta(
            random_model("onehot", 4), files[0] / "a.fa", regions, tmp_path / "o.bw", "atac"
        )
    assert list(tmp_path.iterdir()) == []


def test_files_and_tracks_that_are_not_there(files, tmp_path):
    model = random_model("onehot", 4)
    with pytest.raises(ArtefactError, match="no track was named"):
        predict_fasta(model, files[0] / "a.fa", ["chr1"], tmp_path / "o.bw")
    with pytest.raises(ArtefactError, match="no track 'x'"):
        predict_fasta(model, files[0] / "a.fa", ["chr1"], tmp_path / "o.bw", "x")
    with pytest.raises(InputError, match=r"nowhere\.fa"):
        predict_fasta(model, tmp_path / "nowhere.fa", ["chr1"], tmp_path / "o.bw", "atac")
    with pytest.raises(InputError, match="cannot write"):
        predict_fasta(model, files[0] / "a.fa", ["chr1"], tmp_path / "no" / "o.bw", "atac")
    one = dataclasses.replace(model, tracks=["only"], scalings=model.scalings[:1])
    assert module.track_number(one, None) == 0


def test_regions_come_in_the_files_order(files):
    source = module.open_sequence(files[0] / "a.fa")
    places = parse_regions(["2:0-5", "chr1:1,000-2,000", "chr1:0-10"], source)
    assert [tuple(p) for p in places] == [
        ("chr1", 0, 10), ("chr1", 1_000, 2_000), ("chr2", 0, 5)
    ]


def test_the_command_line_opens_a_run_s_model_or_says_what_is_wrong(files, tmp_path):
    root = write_model_run(tmp_path / "run", n_bp=20_000)
    store_model(root, "onehot")
    out = tmp_path / "o.bw"
    common = ["--fasta", str(files[0] / "a.fa"), "--region", "chr2:0-4000", "--out", str(out),
              "--track", "dnase"]
    result = CliRunner().invoke(
        cli.app, ["predict", "--run", str(root), "--model", "onehot", *common]
    )
    assert result.exit_code == 0, result.output
    assert np.isfinite(_values(out, "chr2", 0, 4_000)).all()
    for extra, message in (
        (["--run", str(root), "--model", "nothing"], "there is no model 'nothing'"),
        (["--run", str(tmp_path), "--model", "onehot"], "is no run folder"),
        (["--model", "onehot"], "give --run"),
    ):
        result = CliRunner().invoke(cli.app, ["predict", *extra, *common])
        assert isinstance(result.exception, ArtefactError)
        assert message in str(result.exception)
