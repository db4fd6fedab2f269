"""Words against a plain dictionary of sets, on random rows and on a synthetic run."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.artefacts import RunFolder
from precompute.config import parse_config
from precompute.context import StageContext
from precompute.lexicon import words as stage
from precompute.lexicon.distinct import DistinctRows, _hash
from precompute.token_store import BinBlock, TokenStore

ROWS = st.lists(st.frozensets(st.integers(0, 12), max_size=5), max_size=120)


def csr(rows):
    flat = [c for row in rows for c in sorted(row)]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return indptr, np.array(flat, dtype=np.int16)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, cuts=st.lists(st.integers(0, 120), max_size=4))
def test_words_are_the_distinct_sets_however_they_are_cut(rows, cuts):
    found = DistinctRows()
    ends = sorted({0, len(rows), *(min(c, len(rows)) for c in cuts)})
    parts = [found.add(*csr(rows[lo:hi])) for lo, hi in itertools.pairwise(ends)]
    words = found.ranked()
    number = words.rank[np.concatenate([np.empty(0, np.int32), *parts])]
    texts = [frozenset(words.clusters_of(w).tolist()) for w in range(len(words.frequency))]
    assert [texts[w] for w in number.tolist()] == rows
    assert dict(zip(texts, words.frequency.tolist(), strict=True)) == Counter(rows)
    # By falling frequency, and among equals by first occurrence.
    wanted = sorted(Counter(rows).items(), key=lambda item: (-item[1], rows.index(item[0])))
    assert texts == [text for text, _ in wanted]
    assert all((np.diff(words.clusters_of(w)) > 0).all() for w in range(len(texts)))


def test_rows_with_the_same_hash_are_told_apart(monkeypatch):
    # A table whose stored hashes are all equal can only go by the rows themselves.
    found = DistinctRows()
    found.add(*csr([{1}, {2}, {1, 2}]))
    found._hashes[:3] = _hash(np.array([7], np.int16), 0, 1)
    found._slots[:] = -1
    found._slots[int(found._hashes[0]) & (len(found._slots) - 1)] = 0
    at = int(found._hashes[0]) & (len(found._slots) - 1)
    found._slots[(at + 1) % len(found._slots)] = 1
    found._slots[(at + 2) % len(found._slots)] = 2
    assert found.add(*csr([{7}])).tolist() == [3]
    assert found.ranked().clusters_of(3).tolist() == [7]


def test_the_table_grows_through_many_words():
    rng = np.random.default_rng(4)
    rows = [frozenset(rng.integers(0, 800, 4).tolist()) for _ in range(60_000)]
    found = DistinctRows()
    for lo in range(0, len(rows), 7_001):
        found.add(*csr(rows[lo : lo + 7_001]))
    assert found.n_words == len(set(rows))
    assert found.ranked().frequency.sum() == len(rows)


# -- a whole run -----------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.08, 0.15, 0.5])
def test_a_bin_s_word_is_its_clusters_at_the_threshold(synthetic_root, threshold):
    store = TokenStore(RunFolder(synthetic_root))
    for chrom in store.chroms:
        n = store.n_bins(chrom)
        values = store.cluster_values(chrom, 0, n).toarray()
        rows = stage.threshold_rows(store, BinBlock(chrom, 0, n), threshold)
        wanted = values >= np.float32(threshold - 1e-6)
        assert np.array_equal(rows.indptr, np.append(0, wanted.sum(axis=1).cumsum()))
        assert np.array_equal(rows.clusters, np.nonzero(wanted)[1])


def test_the_stage_writes_the_words_of_the_run_in_row_groups(synthetic_root, tmp_path, monkeypatch):
    import json
    import shutil

    import pyarrow.parquet as pq

    root = tmp_path / "run"
    shutil.copytree(synthetic_root, root)
    config = parse_config(json.loads((root / "config.json").read_text()), None, "test")
    before = RunFolder(root).table("words")
    monkeypatch.setattr(stage, "_GROUP_ROWS", 50)
    digests = []
    for block_bins in (997, 100_000):
        monkeypatch.setattr(stage, "_BLOCK_BINS", block_bins)
        facts = stage.run(StageContext(config, RunFolder(root), "words"))
        digests.append((root / "lexicon" / "words.parquet").read_bytes())
    assert digests[0] == digests[1]
    after = RunFolder(root).table("words")
    assert pq.ParquetFile(root / "lexicon" / "words.parquet").num_row_groups == -(-len(after) // 50)
    key = lambda t: {tuple(c): (n, label) for c, n, label in  # noqa: E731
                     zip(t["clusters"], t["frequency"], t["label"], strict=True)}
    assert key(after) == key(before)
    assert (after["n_clusters"] == after["clusters"].map(len)).all()
    assert facts["words"] == len(before)
    words = {tuple(c): w for c, w in zip(after["clusters"], after["word"], strict=True)}
    old = [tuple(c) for c in before["clusters"]]
    group, was = RunFolder(root).group("word_ids"), RunFolder(synthetic_root).group("word_ids")
    for chrom in group.attrs["chroms"]:
        expected = [words[old[w]] for w in was[f"{chrom}/word"][:].tolist()]
        assert group[f"{chrom}/word"][:].tolist() == expected
