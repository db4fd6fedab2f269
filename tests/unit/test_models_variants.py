"""Variants: both alleles predicted anew, every row accounted for, percentiles that repeat."""

import gzip

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from precompute import cli
from precompute.errors import InputError
from precompute.models import variants as module
from precompute.models.fasta import Reference
from precompute.models.live import Tokenizer, predict_sequence
from precompute.models.variants import VariantPredictor, percentile, predict_variants
from precompute.models.vcf import read_vcf
from tests.model_run import random_model, store_model, write_model_run
from tests.unit.test_models_live import PROFILES, codes_of, token_model

LETTERS = np.array(list("ACGTN"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("variants")
    (folder / "two.jaspar").write_text(PROFILES)
    codes = codes_of(20_000, [(15_000, 16_000)])
    (folder / "a.fa").write_text(">chr1\n" + "".join(LETTERS[codes]) + "\n")
    return folder, "".join(LETTERS[codes])


def _vcf(path, rows, header=True):
    text = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\n" if header else ""
    text += "".join("\t".join(map(str, row)) + "\n" for row in rows)
    with (gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w")) as handle:
        handle.write(text)
    return path


def _other(base):
    return "ACGT"[("ACGT".index(base) + 1) % 4]


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
@pytest.mark.parametrize("kind", ["snv", "insertion", "deletion"])
def test_the_effect_is_that_of_two_predictions_at_hand(files, encoding, kind):
    folder, letters = files
    model = token_model() if encoding == "tokens" else random_model("onehot", 4)
    profiles = folder / "two.jaspar"
    tokenizer = Tokenizer(model, profiles) if encoding == "tokens" else None
    # A base of a motif, so that the tokens change.
    at = letters.index("GATA", 8_000) + 1
    ref, alt = {
        "snv": (letters[at], _other(letters[at])),
        "insertion": (letters[at], letters[at] + "GATAGATAG"),
        "deletion": (letters[at : at + 12], letters[at]),
    }[kind]
    flank = module.FLANK_BP
    lo, hi = at - flank, at + len(ref) + flank
    sums = []
    for allele in (ref, alt):
        found = predict_sequence(model, letters[lo:at] + allele + letters[at + len(ref) : hi],
                                 tokenizer)
        values = np.repeat(found.values[1], np.diff(found.positions))
        centre = flank + len(allele) / 2
        near = values[round(centre - 250) : round(centre - 250) + 500]
        sums.append((values.sum(), near.mean() + 0.01 * model.scalings[1].mean))
    source = Reference(module.open_sequence(folder / "a.fa"))
    effect = VariantPredictor(model, source, 1, profiles).effect("chr1", at, ref, alt)
    assert effect.ref_sum == pytest.approx(sums[0][0])
    assert effect.change == pytest.approx(sums[1][0] - sums[0][0])
    assert effect.log2_fold == pytest.approx(np.log2(sums[1][1] / sums[0][1]))
    assert effect.change != 0


@pytest.mark.parametrize(("name", "header"), [("a.vcf", True), ("a.vcf.gz", False)])
def test_every_allele_has_its_row_and_its_reason(files, tmp_path, name, header):
    folder, letters = files
    base = letters[999]
    rows = [
        ("1", 1_000, "rs1", base.lower(), f"{_other(base)},<DEL>,*"),
        ("chr1", 1_000, ".", _other(base), base),
        ("chr1", 1_000, ".", base, "."),
        ("chr1", 1_000, ".", base, base),
        ("chr9", 1_000, ".", "A", "C"),
        ("chr1", 30_000, ".", "A", "C"),
        ("chr1", 0, ".", "A", "C"),
        ("chr1", 1_000, ".", base, base + "A" * 2_000),
        ("chr1", 1_000, ".", base, f"{base}[chr1:500["),
    ]
    vcf = _vcf(tmp_path / name, rows, header)
    out = tmp_path / "out.tsv"
    model = random_model("onehot", 4)
    summary = predict_variants(
        model, folder / "a.fa", vcf, out, "dnase", n_background=5, seed=3
    )
    table = pd.read_csv(out, sep="\t", keep_default_na=False)
    assert summary.used == 1
    assert sum(summary.refused.values()) == len(table) - 1 == 10
    assert summary.refused["REF differs from the FASTA"] == 1
    assert table["status"].tolist() == [
        "ok", "symbolic allele '<DEL>'", "allele missing through an upstream deletion (*)",
        f"REF is {_other(base)}, the FASTA has {base}", "no alternative allele",
        "REF and ALT are the same", "no such chromosome in the FASTA", "beyond the end of chr1",
        "POS is 0, the telomere", "allele longer than 1,000 bp",
        f"symbolic allele '{base}[chr1:500['",
    ]
    first = table.iloc[0]
    assert (first["chrom"], first["position"], first["id"], first["ref"]) == (
        "chr1", 1_000, "rs1", base
    )
    assert 0 <= float(first["percentile"]) <= 100
    assert float(first["change"]) == pytest.approx(
        float(first["alt_sum"]) - float(first["ref_sum"]), abs=1e-2
    )


def test_the_seed_and_not_the_workers_decide_the_table(files, tmp_path):
    folder, letters = files
    rows = [("chr1", at, ".", letters[at - 1], _other(letters[at - 1]))
            for at in (2_000, 8_000, 12_000)]
    vcf = _vcf(tmp_path / "a.vcf", rows)
    model = random_model("onehot", 4)
    texts = []
    for workers, seed in ((1, 1), (2, 1), (2, 2)):
        out = tmp_path / f"{workers}{seed}.tsv"
        predict_variants(model, folder / "a.fa", vcf, out, "atac", n_background=20, seed=seed,
                         workers=workers)
        texts.append(out.read_text())
    assert texts[0] == texts[1] != texts[2]


def test_background_bases_are_matched_and_near(files):
    source = Reference(module.open_sequence(files[0] / "a.fa"))
    rng = np.random.default_rng(4)
    letters = files[1]
    found = [module._matched(source, "chr1", 7_000, rng, 500) for _ in range(50)]
    for position, ref, alt in found:
        assert abs(position - 7_000) <= 500
        assert letters[position] == ref == letters[7_000] != alt
    assert len({position for position, _, _ in found}) > 20
    assert module._matched(source, "chr1", 15_500, rng) is None


def test_percentiles_share_ties():
    known = np.array([0.1, 0.2, 0.2, 0.4])
    assert percentile(0.2, known) == 50
    assert percentile(-1, known) == 100
    assert percentile(0.0, known) == 0


@pytest.mark.parametrize(("text", "message"), [
    ("", "holds no variant"),
    ("chr1 5 . A C\n", "line 1 is no row of a VCF"),
    ("chr1\tx\t.\tA\tC\n", "line 1 is no row of a VCF"),
    ("chr9\t5\t.\tA\tC\n", "none of the 1 alleles"),
])
def test_a_vcf_without_a_usable_row_is_a_sentence_and_no_table(files, tmp_path, text, message):
    (tmp_path / "a.vcf").write_text(text)
    with pytest.raises(InputError, match=message):
        predict_variants(random_model("onehot", 4), files[0] / "a.fa", tmp_path / "a.vcf",
                         tmp_path / "o.tsv", "atac")
    assert [p.name for p in tmp_path.iterdir()] == ["a.vcf"]


def test_a_damaged_vcf_is_a_sentence(tmp_path):
    (tmp_path / "a.vcf.gz").write_bytes(b"\x1f\x8b\x08nonsense")
    for path in (tmp_path / "a.vcf.gz", tmp_path / "nowhere.vcf"):
        with pytest.raises(InputError, match="cannot be read"):
            list(read_vcf(path))


def test_the_command_line_writes_the_table_and_counts_what_was_refused(files, tmp_path):
    root = write_model_run(tmp_path / "run", n_bp=20_000)
    store_model(root, "onehot")
    letters = files[1]
    vcf = _vcf(tmp_path / "a.vcf", [("chr1", 500, ".", letters[499], _other(letters[499])),
                                    ("chr1", 500, ".", letters[499], "<INS>")])
    out = tmp_path / "o.tsv"
    result = CliRunner().invoke(cli.app, [
        "predict-variants", "--run", str(root), "--model", "onehot", "--track", "atac",
        "--fasta", str(files[0] / "a.fa"), "--vcf", str(vcf), "--out", str(out),
        "--background", "0",
    ])
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out, sep="\t")
    assert table["percentile"].isna().all()
    assert (table["status"] == "ok").tolist() == [True, False]
