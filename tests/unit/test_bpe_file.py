"""Pre-trained vocabularies: what spells DNA is taken, everything else is one sentence."""

from __future__ import annotations

import json
import pickle
from functools import partial

import numpy as np
import pytest

from precompute.config import LexiconConfig
from precompute.errors import InputError
from precompute.genome import encode
from precompute.lexicon.bpe import BpeModel, pieces, read_bpe, train_bpe
from precompute.lexicon.text import Text
from precompute.lexicon.tokenizers import Kmers
from precompute.lexicon.zipf import bpe_tokenizers, count_window


@pytest.fixture(scope="module")
def codes():
    part = np.random.default_rng(0).integers(0, 4, 20_000).astype(np.uint8)
    part[[5, 900, 7_000]] = 4
    return part


def saved(path, texts, lower=False, special=False, prefix=False):
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]" if special else None))
    if prefix:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    elif special:
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.normalizer = normalizers.Sequence([])
    trainer = trainers.BpeTrainer(
        vocab_size=60, special_tokens=["[UNK]", "[CLS]", "[SEP]"] if special else [],
        initial_alphabet=list("acgt" if lower else "ACGT"), show_progress=False)
    tokenizer.train_from_iterator((t.lower() if lower else t for t in texts), trainer)
    if special:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
        tokenizer.enable_truncation(max_length=16)
        tokenizer.enable_padding(length=64)
    tokenizer.save(str(path))
    return path


@pytest.mark.parametrize("kind", [{}, {"lower": True}, {"special": True}, {"prefix": True}])
def test_it_spells_the_sequence_whatever_it_was_trained_on(codes, tmp_path, kind):
    model = read_bpe(saved(tmp_path / "tokenizer.json", list(pieces(codes)), **kind))
    plain = BpeModel(train_bpe(pieces(codes), 50))
    for one in (model, plain):
        ids = np.concatenate(list(one.encode(pieces(codes))))
        assert "".join(one.words[i] for i in ids) == "".join(pieces(codes))
    assert max(map(len, model.words)) > 1


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"cannot read lexicon\.bpe_file"):
        read_bpe(tmp_path / "no.json")


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", json.dumps({"model": {"type": "X"}})])
def test_what_is_no_tokenizer_is_one_sentence(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(InputError, match="is no tokenizer"):
        read_bpe(path)


def test_bytes_are_no_tokenizer(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not text"):
        read_bpe(path)


@pytest.mark.parametrize("texts", [["the cat sat on the mat"] * 9, ["ACACACAC"] * 9])
def test_a_foreign_alphabet_is_one_sentence(tmp_path, texts):
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=30, show_progress=False))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match="does not spell DNA"):
        read_bpe(tmp_path / "tokenizer.json")


def test_it_stands_beside_those_trained_here(synthetic_root, codes, tmp_path):
    path = saved(tmp_path / "tokenizer.json", list(pieces(codes)))
    found, facts = bpe_tokenizers(Text(synthetic_root), [50], 5_000, path)
    assert [one.name for one in found] == ["bpe50", "bpefile"]
    assert found[1].label == "BPE 60, pre-trained"
    assert facts["bpe_file"] == "tokenizer.json"
    assert 5_000 <= facts["bpe_corpus_bp"] < 5_256
    counted = found[1].count(encode("ACGTNACG"), 0, 8)
    assert (counted.counts * found[1].lengths[counted.types]).sum() == 7


def test_windows_are_counted_the_same_in_another_process(synthetic_root):
    # What a cluster's worker is sent: the text and the tokenizers, pickled.
    text = Text.shuffled(synthetic_root, 1, 1_000)
    found, _ = bpe_tokenizers(text, [50], 5_000, None)
    window = text.windows()[3]
    here = partial(count_window, text, [Kmers(4), *found])
    there = pickle.loads(pickle.dumps(here))
    for a, b in zip(here(window), there(window), strict=True):
        assert a.n_tokens == b.n_tokens > 0
        assert all(np.array_equal(x, y) for x, y in zip(a[:4], b[:4], strict=True))


def test_where_the_file_lies_changes_no_digest():
    from precompute.config import load_config
    from tests.synthetic_outcomes import REPOSITORY

    config = load_config(REPOSITORY / "configs" / "demo.yaml")
    digests = {
        config.model_copy(update={"lexicon": LexiconConfig(bpe_file=name)}).digest("lexicon")
        for name in ("/a/tokenizer.json", "/b/tokenizer.json")
    }
    assert len(digests) == 1
