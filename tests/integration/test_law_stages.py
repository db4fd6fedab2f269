"""The stages of the laws on a whole small run: sound for the doctor, the same with any workers."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from precompute.artefacts import RunFolder
from precompute.config import parse_config
from precompute.context import StageContext
from precompute.doctor import examine
from precompute.errors import InputError, StageError
from precompute.lexicon import control_words, motif_recovery, zipf
from precompute.manifest import hash_path
from precompute.pipeline import stage_named

STAGES = {"control_words": control_words, "zipf": zipf, "motif_recovery": motif_recovery}
LEXICON = {
    "kmers": [3, 5], "kmers_apart": [3], "bpe_words": [40, 90], "control_bp": 60_000,
    "bootstrap": 10, "recovery_tokens": 200,
}


def config_of(root, workers=2, **lexicon):
    data = json.loads((root / "config.json").read_text())
    data["run"]["workers"] = workers
    data["lexicon"] |= LEXICON | lexicon
    return parse_config(data, None, "test")


def made(root, workers):
    """Digest of every artefact, and the facts."""
    run, digests, facts = RunFolder(root), {}, {}
    for name, module in STAGES.items():
        facts[name] = module.run(StageContext(config_of(root, workers), run, name))
        digests |= {a: hash_path(run.path(a)) for a in stage_named(name).writes}
    return digests, facts


@pytest.fixture(scope="module")
def root(synthetic_root, tmp_path_factory):
    copy = tmp_path_factory.mktemp("laws") / "run"
    shutil.copytree(synthetic_root, copy)
    return copy


@pytest.fixture(scope="module")
def first(root):
    return made(root, 1)


def test_workers_change_no_byte(root, first):
    assert made(root, 3) == first


def test_the_doctor_finds_nothing(root, first):
    assert [finding.line() for finding in examine(root, quick=True).findings] == []


def test_every_tokenizer_has_its_control(root, first):
    laws = RunFolder(root).table("laws")
    texts = list(zip(laws["tokenizer"], laws["corpus"], strict=True))
    names = ["onehot", "kmer3", "kmer5", "apart3", "bpe40", "bpe90"]
    assert texts == [
        ("motif", "sequence"), ("motif", "sample"), ("motif", "shuffled"),
        *((name, "sequence") for name in names), *((name, "shuffled") for name in names)]
    counts = laws.set_index(["tokenizer", "corpus"])["n_tokens"]
    known = sum(
        (RunFolder(root).group("sequence")[f"{c}/codes"][:] < 4).sum() for c in ("chr20", "chr21"))
    assert counts["onehot", "sequence"] == counts["onehot", "shuffled"] == known
    assert counts["kmer3", "sequence"] == counts["kmer3", "shuffled"]
    assert first[1]["zipf"]["bpe_corpus_bp"] == known


def test_dinucleotides_are_as_frequent_in_the_control(root, first):
    table = RunFolder(root).table("vocabulary")
    threes = table[table["tokenizer"] == "kmer3"]
    sums = {}
    for corpus, rows in threes.groupby("corpus"):
        # Triplets that begin with a pair: the pair's count, but for pairs at the very end.
        sums[corpus] = rows.groupby(rows["token"].str[:2])["frequency"].sum()
    assert np.abs(sums["sequence"] - sums["shuffled"]).max() <= 4
    wide = threes.pivot(index="token", columns="corpus", values="frequency")
    assert (wide["sequence"] != wide["shuffled"]).mean() > 0.5


def test_words_behind_profiles_are_words_of_the_run(root, first):
    run = RunFolder(root)
    found, words = run.table("motif_recovery"), run.table("words")
    mine = found[(found["tokenizer"] == "motif") & (found["corpus"] == "sequence")]
    frequency = words["frequency"].to_numpy()[mine["word"]]
    assert np.array_equal(frequency, mine["frequency"])
    assert (words["n_clusters"].to_numpy()[mine["word"]] > 0).all()


def test_more_words_than_the_sequence_allows_is_one_sentence(root, first):
    config = config_of(root, bpe_words=[100_000], bpe_corpus_bp=2_000)
    with pytest.raises(StageError, match=r"allows only \d+ BPE words"):
        zipf.run(StageContext(config, RunFolder(root), "zipf"))


def test_a_bad_vocabulary_is_one_sentence_and_leaves_the_tables(root, first, tmp_path):
    before = hash_path(RunFolder(root).path("zipf"))
    config = config_of(root, bpe_file=str(tmp_path / "missing.json"))
    with pytest.raises(InputError, match=r"cannot read lexicon\.bpe_file"):
        zipf.run(StageContext(config, RunFolder(root), "zipf"))
    assert hash_path(RunFolder(root).path("zipf")) == before
