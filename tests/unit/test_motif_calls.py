"""Motif calls: p- and q-values against oracles, attributions of blocks, the file, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from typer.testing import CliRunner

from precompute.artefacts import RunFolder
from precompute.attribution.call_thresholds import LEVELS, ProfileNull, q_values
from precompute.attribution.factor_hits import hit_attributions
from precompute.attribution.hit_blocks import Block, HitScorer, Stretch, inside
from precompute.cli import app
from precompute.errors import MotiflensError
from precompute.motif_calls import export_motif_calls
from tests.model_run import store_models, write_model_run

COLUMNS = ["chrom", "start", "end", "name", "score", "strand", "thickStart", "thickEnd",
           "itemRgb", "attribution", "q_value"]


def naive_p(null_profile, null_value, profile, value):
    out = []
    for p, v in zip(profile, value, strict=True):
        null = null_value[null_profile == p]
        out.append((1 + (null >= v).sum()) / (1 + len(null)))
    return np.array(out)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_p_and_q_values_are_those_of_the_definition(seed):
    rng = np.random.default_rng(seed)
    null_profile, null_value = rng.integers(0, 4, 300), rng.normal(size=300).round(1)
    null_profile[null_profile == 3] = 2  # a profile without background
    profile, value = rng.integers(0, 4, 200), rng.normal(0.5, 1, 200).round(1)
    null = ProfileNull(4, null_profile, null_value)
    assert null.sizes.tolist() == [int((null_profile == k).sum()) for k in range(4)]
    levels = null.levels(profile, value)
    p = naive_p(null_profile, null_value, profile, value)
    assert (LEVELS[levels] >= p * (1 - 1e-9)).all()
    assert (LEVELS[levels] <= p * 10 ** (1 / 1000) * (1 + 1e-9)).all()
    assert (LEVELS[levels][profile == 3] == 1).all()
    q = q_values(np.bincount(levels, minlength=len(LEVELS)), 200)
    np.testing.assert_allclose(q[levels], false_discovery_control(LEVELS[levels]), rtol=1e-9)
    assert (np.diff(q) >= 0).all()
    assert (q[levels] >= LEVELS[levels] - 1e-12).all()


def test_planted_hits_are_called_and_few_others():
    rng = np.random.default_rng(1)
    null = ProfileNull(2, rng.integers(0, 2, 40_000), rng.normal(size=40_000))
    profile = rng.integers(0, 2, 5_000)
    is_planted = np.arange(5_000) < 600
    value = rng.normal(size=5_000) + 5 * is_planted
    levels = null.levels(profile, value)
    q = q_values(np.bincount(levels, minlength=len(LEVELS)), 5_000)[levels]
    called = {fdr: set(np.flatnonzero(q <= fdr)) for fdr in (0.01, 0.05, 0.2)}
    assert called[0.01] <= called[0.05] <= called[0.2]
    assert np.mean([i in called[0.05] for i in np.flatnonzero(is_planted)]) > 0.95
    assert np.mean([not is_planted[i] for i in called[0.05]]) < 0.08
    # Within a profile no hit is called while a larger one is not.
    for p in (0, 1):
        mine = np.flatnonzero(profile == p)
        least = min(value[i] for i in mine if i in called[0.05])
        assert all(i in called[0.05] for i in mine if value[i] >= least)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = write_model_run(tmp_path_factory.mktemp("calls") / "run", n_bp=17_000)
    store_models(root)
    run = RunFolder(root)
    peaks = run.table("peaks")
    run.write_table("peaks", peaks[peaks["target"] == "CTCF"].groupby("chrom").head(3))
    return run


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_hits_of_small_blocks_are_those_of_the_whole_chromosome(folder, encoding):
    scorer = HitScorer(folder, encoding, "dnase")
    edges = scorer.source.edges("chr20")
    start, end = int(edges[0]), int(edges[-1])
    scorer.__dict__["block_positions"] = 90
    parts = [scorer.score(b) for b in scorer.blocks([Stretch("chr20", start, end)])]
    assert len(parts) > 5
    whole = scorer.explainer.explain(
        "chr20", start, end, scorer.method, scorer.baseline, (start, end))
    hits = scorer.finder.find(scorer._codes["chr20"][:])
    expected = (end - start) * hit_attributions(
        scorer.explainer, whole, scorer.assignment, hits.feature, hits.start + start,
        hits.end + start,
    )
    for name in ("feature", "start", "end"):
        got = np.concatenate([getattr(part.hits, name) for part in parts])
        offset = 0 if name == "feature" else start
        np.testing.assert_array_equal(got, getattr(hits, name) + offset)
    got = np.concatenate([part.value for part in parts])
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(got, expected, atol=2e-4 * np.abs(expected).max())
    if encoding == "onehot":
        return
    # A cluster's hits together have what the cluster has, where no two of a feature overlap.
    attributed = (end - start) * whole.per_cluster()
    of_cluster = scorer.assignment[hits.feature]
    overlap = np.zeros(len(hits.start), bool)
    for feature in np.unique(hits.feature):
        at = np.flatnonzero(hits.feature == feature)
        overlap[at[1:]] |= hits.start[at[1:]] < hits.end[at[:-1]]
    free = [c for c in np.unique(of_cluster) if not overlap[of_cluster == c].any()
            and (scorer.assignment[-2:] != c).all()]
    assert free
    for cluster in free:
        assert got[of_cluster == cluster].sum() == pytest.approx(
            attributed[cluster], abs=2e-4 * np.abs(expected).max() * 50)


def test_a_hit_is_inside_when_it_lies_wholly_in_one_stretch(folder):
    scorer = HitScorer(folder, "tokens", "dnase")
    hits = scorer.score(Block("chr20", 0, 60)).hits
    a = int(hits.start[3])
    stretches = [Stretch("chr20", a, a + 40), Stretch("chr20", a + 50, a + 90),
                 Stretch("chr21", 0, 10**6)]
    naive = [
        any(s.chrom == "chr20" and s.start <= x and y <= s.end for s in stretches)
        for x, y in zip(hits.start, hits.end, strict=True)
    ]
    assert inside(hits, "chr20", stretches).tolist() == naive
    assert 0 < sum(naive) < len(naive)
    assert not inside(hits, "chr9", stretches).any()


def read(path):
    lines = path.read_text().splitlines()
    head = [line for line in lines if line.startswith("#")]
    table = pd.read_csv(path, sep="\t", comment="#", header=None, names=COLUMNS)
    return head, table


#: Where hits act, in the planted run, and where background is.
PLANTED = [Stretch("chr20", 1_001_000, 1_008_000), Stretch("chr21", 500, 3_000)]
BACKGROUND = [Stretch("chr20", 1_009_000, 1_017_000)]


@pytest.fixture(scope="module")
def write(folder, tmp_path_factory):
    """Writes calls of a random one-hot model whose hits act in some stretches alone."""
    place, score = tmp_path_factory.mktemp("bed"), HitScorer.score

    def planted(self, block):
        found = score(self, block)
        acts = inside(found.hits, block.chrom, PLANTED)
        return found._replace(value=found.value + 1e4 * acts)

    def call(name, **changes):
        options = {"track": "dnase", "within": "all", "fdr": 0.2}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(HitScorer, "score", planted)
            patch.setattr(HitScorer, "background", lambda self, most_bp: BACKGROUND)
            calls = export_motif_calls(
                folder.root, place / name, "onehot", **(options | changes))
        assert not list(place.glob(".*"))
        return place / name, calls

    return call


@pytest.fixture(scope="module")
def written(write):
    return write("calls.bed")


def test_planted_hits_are_in_the_file_and_it_is_sorted_bed(folder, written):
    path, calls = written
    head, table = read(path)
    assert head[-1] == "#" + "\t".join(COLUMNS)
    assert "peak score x bp" in head[1]
    assert f"{calls.n_called:,} calls" in head[2]
    assert len(table) == calls.n_called > 100
    acts = np.any([(table["chrom"] == s.chrom) & (table["start"] >= s.start)
                   & (table["end"] <= s.end) for s in PLANTED], axis=0)
    assert acts.mean() > 0.9
    assert (acts == (table["attribution"] > 5e3)).all()
    assert table["chrom"].drop_duplicates().tolist() == ["chr20", "chr21"]
    for _, part in table.groupby("chrom"):
        assert part["start"].is_monotonic_increasing
    assert (table["thickStart"] == table["start"]).all()
    assert table["score"].between(800, 1000).all()
    assert table["q_value"].between(0, 0.2, inclusive="right").all()
    features = folder.table("features")
    widths = dict(zip(features["tf"] + "_" + features["profile_id"], features["width"],
                      strict=True))
    assert (table["end"] - table["start"] == table["name"].map(widths)).all()


def test_threads_change_no_byte_and_regions_no_attribution(folder, write, written):
    assert write("threads.bed", workers=5)[0].read_bytes() == written[0].read_bytes()
    key = ["chrom", "start", "name", "strand"]
    whole = read(written[0])[1].set_index(key)["attribution"]
    strict = read(write("strict.bed", fdr=0.12)[0])[1].set_index(key).index
    assert strict.isin(whole.index).all()
    _, part = read(write("part.bed", regions=["chr21", "chr20:1,002,000-1,009,000"])[0])
    assert part["chrom"].iloc[0] == "chr20"
    mine = part[part["chrom"] == "chr20"]
    assert mine["start"].min() >= 1_002_000
    assert mine["end"].max() <= 1_009_000
    both = part.set_index(key)["attribution"].to_frame("part").join(whole, how="inner")
    assert len(both) > 100
    assert (both["part"] == both["attribution"]).all()
    regions = folder.table("peaks")
    path, _ = write("peaks.bed", within="CTCF", fdr=0.9)
    assert "hits inside CTCF peaks" in read(path)[0][2]
    for row in read(path)[1].itertuples():
        assert ((regions["chrom"] == row.chrom) & (regions["start"] <= row.start)
                & (regions["end"] >= row.end)).any()
    _, low = read(write("low.bed", lowering=True, fdr=0.999)[0])
    assert not (low["attribution"] > 5e3).any()


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"target": "x.txt"}, "written as .bed"),
    ({"regions": ["chr20:5-9"]}, "not inside the run"),
    ({"regions": ["chr20:9-"]}, "cannot be read"),
    ({"regions": ["chrZ"]}, "no chromosome 'chrZ'"),
    ({"within": "NOSUCH"}, "no 'NOSUCH' peaks"),
    ({"within": "CTCF", "regions": ["chr20:1000000-1000010"]}, "no CTCF peak lies in"),
    ({"fdr": 0.0}, "false discovery rate"), ({"fdr": float("nan")}, "false discovery rate"),
    ({"model": "x"}, "there is no model 'x'"), ({"track": "x"}, "no track 'x'"),
])
def test_a_mistake_is_one_sentence_and_writes_nothing(folder, tmp_path, changes, sentence):
    target = tmp_path / changes.pop("target", "x.bed")
    with pytest.raises(MotiflensError, match=sentence):
        export_motif_calls(folder.root, target, **{"within": "all", **changes})
    assert not list(tmp_path.iterdir())


def test_the_command_refuses_a_file_that_is_there(folder, tmp_path):
    there = tmp_path / "x.bed"
    there.write_text("mine")
    result = CliRunner().invoke(app, ["export-motif-calls", str(folder.root), str(there)])
    assert isinstance(result.exception, MotiflensError)
    assert "exists already" in str(result.exception)
    assert there.read_text() == "mine"
