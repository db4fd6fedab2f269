"""Columns of the lexicon by brute force, one bin and one base at a time."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.artefacts import RunFolder
from precompute.config import parse_config
from precompute.context import StageContext
from precompute.lexicon import entries
from precompute.lexicon.cover import lies_in, merged
from precompute.token_store import TokenStore

INTERVALS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


@settings(max_examples=200, deadline=None)
@given(intervals=INTERVALS, cuts=st.sets(st.integers(0, 60), min_size=2))
def test_a_bin_lies_in_intervals_that_hold_half_of_its_bases(intervals, cuts):
    start, end = (np.array([i[k] for i in intervals], dtype=np.int64) for k in (0, 1))
    edges = np.array(sorted(cuts))
    held = {base for a, b in intervals for base in range(a, b)}
    wanted = [2 * len(held & set(range(a, b))) >= b - a for a, b in
              zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]
    assert lies_in(edges, start, end).tolist() == wanted
    a, b = merged(start, end)
    assert {base for x, y in zip(a, b, strict=True) for base in range(x, y)} == held
    assert (a[1:] > b[:-1]).all()


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 3)), min_size=1, max_size=60))
def test_the_commonest_label_is_the_smallest_of_the_most_frequent(pairs):
    owner, label = (np.array([p[k] for p in pairs]) for k in (0, 1))
    found = entries.commonest(owner, label, 5)
    for who in range(5):
        counted = Counter(label[owner == who].tolist())
        wanted = min((value for value, n in counted.items() if n == max(counted.values())),
                     default=-1)
        assert found[who] == wanted


@pytest.fixture(scope="module")
def described(synthetic_root, tmp_path_factory):
    """A copy of the synthetic run with repeats, its lexicon made in small batches."""
    root = tmp_path_factory.mktemp("lexicon") / "run"
    shutil.copytree(synthetic_root, root)
    data = json.loads((root / "config.json").read_text())
    data["annotation"] |= {"repeats": data["annotation"]["genes"], "promoter_upstream_bp": 700}
    config = parse_config(data, None, "test")
    run = RunFolder(root)
    # A stretch where one track was not measured.
    atac = zarr.open_group(run.path("signal"), mode="r+")["chr20/atac/bins"]
    atac[100:700] = np.nan
    run.write_table("repeats", pd.DataFrame({
        "chrom": ["chr21", "chr20", "chr20"], "start": [100, 1_000_500, 1_000_700],
        "end": [900, 1_000_800, 1_003_000], "name": "AluY", "family": "SINE/Alu"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "_BATCH_WORDS", 37)
        patch.setattr(entries, "_BLOCK_BINS", 101)
        entries.run(StageContext(config, run, "lexicon"))
    return run


@pytest.fixture(scope="module")
def brute(described):
    """One row per bin: everything by a loop over bases."""
    run, store, rows = described, TokenStore(described), []
    transcripts, peaks = run.table("transcripts"), run.table("peaks")
    intervals, repeats = run.table("intervals"), run.table("repeats")
    for chrom in store.chroms:
        group = run.group("sequence")[chrom]
        codes, start = group["codes"][:], int(group.attrs["start"])
        masks = {name: np.zeros(len(codes), dtype=bool) for name in entries.SHARES}

        def mark(name, a, b, masks=masks, start=start):
            masks[name][max(a - start, 0) : max(b - start, 0)] = True

        for t in transcripts[transcripts["chrom"] == chrom].itertuples():
            tss = (t.start - 700, t.start + 100) if t.strand == "+" else (t.end - 100, t.end + 700)
            mark("in_promoters", *tss)
            for a, b in zip(t.exon_starts, t.exon_ends, strict=True):
                mark("in_exons", a, b)
        is_island = intervals["kind"] == "cpg_island"
        for name, table in (("in_peaks", peaks), ("in_cpg_islands", intervals[is_island]),
                            ("in_repeats", repeats)):
            for t in table[table["chrom"] == chrom].itertuples():
                mark(name, t.start, t.end)
        edges = store.edges(chrom).tolist()
        word = run.group("word_ids")[f"{chrom}/word"][:].tolist()
        mega = run.group("bin_communities")[f"{chrom}/megacluster"][:].tolist()
        signal = {t: run.group("signal")[f"{chrom}/{t}/bins"][:] for t in ("atac", "dnase")}
        for i, (a, b) in enumerate(itertools.pairwise(edges)):
            part = codes[a - start : b - start]
            rows.append({
                "word": word[i], "chrom": chrom, "start": a, "end": b, "length": b - a,
                "gc": sum(c in (1, 2) for c in part), "known": sum(c < 4 for c in part),
                "mega": mega[i], **{f"signal_{t}": float(v[i]) for t, v in signal.items()},
                **{n: sum(m[a - start : b - start]) * 2 >= b - a for n, m in masks.items()},
            })
    return pd.DataFrame(rows)


def test_every_column_is_what_a_loop_over_places_gives(described, brute):
    found = described.table("lexicon")
    words = described.table("words")
    assert (found["word"] == np.arange(len(words))).all()
    assert (found["rank"] == found["word"] + 1).all()
    assert (found["frequency"] == words["frequency"]).all()
    assert (found["n_clusters"] == words["clusters"].map(len)).all()
    by = brute.groupby("word")
    same = pytest.approx
    assert found["mean_length_bp"].tolist() == same(by["length"].mean().tolist(), rel=1e-6)
    assert found["min_length_bp"].tolist() == by["length"].min().tolist()
    assert found["max_length_bp"].tolist() == by["length"].max().tolist()
    gc = (by["gc"].sum() / by["known"].sum().where(lambda n: n > 0)).tolist()
    assert found["gc"].tolist() == same(gc, rel=1e-6, nan_ok=True)
    for column in ("signal_atac", "signal_dnase", *entries.SHARES):
        wanted = by[column].mean().astype(float).tolist()
        assert found[column].tolist() == same(wanted, rel=1e-5, abs=1e-7, nan_ok=True), column
    assert found["signal_atac"].isna().any()
    assert found["in_repeats"].max() > 0
    mega = by["mega"].agg(lambda m: m.value_counts().sort_index().idxmax())
    assert found["megacluster"].tolist() == mega.tolist()
    first = by[["chrom", "start", "end"]].first()
    for column in ("chrom", "start", "end"):
        assert found[column].tolist() == first[column].tolist()


def test_the_index_lists_the_words_of_each_motif_cluster(described):
    group = described.group("cluster_words")
    indptr, words = group["indptr"][:], group["words"][:]
    clusters = described.table("words")["clusters"]
    for c in range(len(described.table("clusters"))):
        wanted = [w for w, row in enumerate(clusters) if c in row]
        assert words[indptr[c] : indptr[c + 1]].tolist() == wanted


def test_batches_and_workers_change_no_byte(described, synthetic_root, tmp_path):
    data = json.loads((synthetic_root / "config.json").read_text())
    digests = []
    for workers in (1, 4):
        data["run"]["workers"] = workers
        root = tmp_path / str(workers)
        shutil.copytree(synthetic_root, root)
        entries.run(StageContext(parse_config(data, None, "test"), RunFolder(root), "lexicon"))
        digests.append((root / "lexicon" / "lexicon.parquet").read_bytes())
    assert digests[0] == digests[1]


def test_what_is_not_given_is_missing_and_said(synthetic_root, tmp_path):
    root = tmp_path / "run"
    shutil.copytree(synthetic_root, root)
    data = json.loads((root / "config.json").read_text())
    data["annotation"] = {}
    facts = entries.run(StageContext(parse_config(data, None, "t"), RunFolder(root), "lexicon"))
    assert facts["not_given"] == ["repeats", "cpg_islands", "promoters", "exons", "peaks"]
    table = RunFolder(root).table("lexicon")
    assert table[list(entries.SHARES)].isna().all(axis=None)
    assert table["mean_length_bp"].notna().all()
