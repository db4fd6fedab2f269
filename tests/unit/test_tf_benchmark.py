"""The TF benchmark: labels, attributions of hits, tables, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from typer.testing import CliRunner

from precompute.artefacts import RunFolder
from precompute.attribution.engine import WindowExplainer
from precompute.attribution.factor_hits import (
    bound_hits,
    chosen_factors,
    hit_attributions,
    labelled_hits,
    merged,
)
from precompute.attribution.hits import run_finder
from precompute.attribution.opening import assignment_of, opened_model
from precompute.cli import app
from precompute.config import TfBenchmarkConfig
from precompute.errors import RunFolderError, StageError
from precompute.tf_benchmark import benchmark, medians, run, write_benchmark
from tests.model_run import context, store_models, write_model_run

CONFIG = TfBenchmarkConfig(
    models=["tokens", "onehot"], track="dnase", min_hits=2, bootstrap=20, accessible="wide"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with own random models, and accessible regions around the CTCF peaks."""
    root = write_model_run(tmp_path_factory.mktemp("factors") / "run", n_bp=40_000)
    store_models(root)
    run = RunFolder(root)
    peaks = run.table("peaks")
    wide = peaks[peaks["target"] == "CTCF"].assign(target="wide")
    wide["start"], wide["end"] = wide["start"] - 300, wide["end"] + 300
    run.write_table("peaks", pd.concat([peaks, wide], ignore_index=True))
    return run


@pytest.fixture(scope="module")
def found(folder):
    return benchmark(folder, CONFIG, 1)


def test_regions_are_merged():
    peaks = pd.DataFrame({
        "chrom": ["b", "a", "a", "a", "a"], "start": [5, 30, 0, 5, 20], "end": [6, 35, 15, 9, 30],
    })
    assert merged(peaks).to_numpy().tolist() == [["a", 0, 15], ["a", 20, 35], ["b", 5, 6]]
    assert merged(peaks[:0]).empty


def test_a_hit_is_bound_where_its_centre_lies_in_a_peak_of_its_factor():
    rng = np.random.default_rng(4)
    start = rng.integers(0, 900, 60)
    peaks = pd.DataFrame({
        "target": rng.choice(["A", "B"], 60), "chrom": rng.choice(["x", "y"], 60),
        "start": start, "end": start + rng.integers(1, 40, 60),
    })
    at = rng.integers(0, 900, 200)
    sites = pd.DataFrame({
        "tf": rng.choice(["A", "B"], 200), "chrom": rng.choice(["x", "y"], 200), "start": at,
        "end": at + rng.integers(6, 20, 200),
    })
    naive = [
        any(
            p.target == s.tf and p.chrom == s.chrom and p.start <= (s.start + s.end) // 2 < p.end
            for p in peaks.itertuples()
        ) for s in sites.itertuples()
    ]
    assert bound_hits(sites, peaks).tolist() == naive
    assert 0 < sum(naive) < 200


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_attributions_of_hits_are_those_of_what_they_cover(folder, found, encoding):
    """Again from the explained window: bases for one-hot, the cluster's bins for tokens."""
    model, source = opened_model(folder, encoding)
    explainer = WindowExplainer(model, source, "dnase", 1)
    sites = found.sites
    row = sites.iloc[len(sites) // 2]
    window = explainer.explain(
        row["chrom"], row["region_start"] - 64, row["region_end"] + 64, "deeplift", "background",
        (row["region_start"], row["region_end"]),
    )
    here = sites[sites["region"] == row["region"]]
    features = folder.table("features")
    named = {(f.profile_id, f.strand): f.feature for f in features.itertuples()}
    feature = np.array([named[p, s] for p, s in zip(
        here["profile_id"], here["strand"], strict=True)])
    assignment = assignment_of(folder, model)
    start, end = here["start"].to_numpy(), here["end"].to_numpy()
    expected = []
    for f, a, b in zip(feature, start, end, strict=True):
        if encoding == "onehot":
            first = int(window.edges[0])
            expected.append(window.bases[:, a - first : b - first].sum())
            continue
        dense, total = window.rows.dense(), 0.0
        lo = int(np.searchsorted(source.store.edges(row["chrom"]), window.edges[0]))
        held = source.store.feature_values(row["chrom"], lo, lo + len(dense)).toarray()
        for i in range(len(dense)):
            covered = min(b, window.edges[i + 1]) - max(a, window.edges[i])
            if covered > 0:
                mine = held[i, assignment == assignment[f]].sum()
                total += dense[i, assignment[f]] * covered / source.store.widths[f] / mine
        expected.append(total)
    np.testing.assert_allclose(
        hit_attributions(explainer, window, assignment, feature, start, end), expected,
        rtol=1e-4, atol=1e-7,
    )
    scores = found.site_scores
    kept = (scores["model"] == encoding) & (scores["score"] == "deeplift")
    stored = scores[kept & scores["site"].isin(here["site"])]["value"]
    np.testing.assert_allclose(stored, expected, rtol=1e-4, atol=1e-7)


def test_the_table_is_that_of_the_hits_and_threads_change_nothing(folder, found):
    assert set(found.benchmark["score"]) == {
        "motif_score", "predicted", "deeplift", "input_x_gradient"}
    (factor,) = found.factors.itertuples()
    assert factor.note == ""
    assert factor.n_bound == found.sites["bound"].sum() > 2
    wide = found.site_scores.pivot(index="site", columns=["score", "model"], values="value")
    wide["motif_score", ""] = found.sites["motif_score"]
    for row in found.benchmark.itertuples():
        values = wide[row.score, row.model]
        assert row.auc == pytest.approx(roc_auc_score(found.sites["bound"], values))
        assert row.aupr == pytest.approx(average_precision_score(found.sites["bound"], values))
        assert row.auc_low <= row.auc <= row.auc_high
    again = benchmark(folder, CONFIG, 1, workers=3)
    for a, b in zip(found, again, strict=True):
        if isinstance(a, pd.DataFrame):
            pd.testing.assert_frame_equal(a, b)
    assert "1 of 1 factors" in medians(found.benchmark, found.factors)


def test_regions_beyond_the_most_are_drawn_with_the_seed(folder):
    few = CONFIG.model_copy(update={"max_regions": 3, "models": ["tokens"]})
    first, again, other = (benchmark(folder, few, seed) for seed in (1, 1, 2))
    assert first.explained["n_regions"].tolist() == [3]
    pd.testing.assert_frame_equal(first.sites, again.sites)
    assert not first.sites.equals(other.sites)


def test_what_is_not_there_has_its_sentence(folder):
    def asking(**changes):
        return benchmark(folder, CONFIG.model_copy(update=changes), 1)

    with pytest.raises(StageError, match="no ChIP-seq peaks for 'TF03'; it has CTCF"):
        asking(factors=["TF03"])
    with pytest.raises(StageError, match="no ChIP-seq peaks with a motif profile for 'NOSUCH'"):
        asking(factors=["CTCF", "NOSUCH"])
    with pytest.raises(StageError, match="there is no model 'x'"):
        asking(models=["x"])
    with pytest.raises(StageError, match="track is 'x', and tokens predicts atac, dnase"):
        asking(track="x")
    nothing = asking(accessible="no such peaks")
    assert "no accessible region (no such peaks peaks: 0)" in nothing.reason
    assert nothing.sites.empty
    many = asking(min_hits=10_000, models=["tokens"])
    assert "at least 10000 of each are needed" in many.factors["note"].iloc[0]
    assert many.benchmark["auc"].isna().all()
    assert "no factor" in medians(many.benchmark, many.factors)
    assert chosen_factors(folder, None) == ["CTCF"]


def test_a_run_without_peaks_has_an_empty_artefact_that_says_why(folder, tmp_path):
    peaks = folder.table("peaks")
    try:
        folder.write_table("peaks", peaks[:0])
        facts = run(context(folder.root, "benchmark_tfs", tf_benchmark=CONFIG.model_dump()))
        assert "add peak sets to annotation.peaks" in facts["reason"]
        assert (facts["factors"], facts["hits"], facts["bound"]) == (0, 0, 0)
    finally:
        folder.write_table("peaks", peaks)


def test_the_artefact_is_the_same_bytes_again(folder, found):
    path = folder.path("tf_benchmark")
    names = ("factors", "benchmark", "explained", "sites", "site_scores")
    seen = []
    for _ in range(2):
        write_benchmark(folder, found)
        seen.append([(path / f"{name}.parquet").read_bytes() for name in names])
    assert seen[0] == seen[1]


def test_hits_are_found_inside_regions_alone(folder):
    regions = pd.DataFrame({"chrom": ["chr20", "chrZ"], "start": [1_000_100, 5],
                            "end": [1_000_900, 500]})
    hits = labelled_hits(folder, run_finder(folder), regions, ["CTCF"])
    assert len(hits.sites) == len(hits.feature) > 0
    assert hits.sites["start"].min() >= 1_000_100
    assert hits.sites["end"].max() <= 1_000_900


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    result = CliRunner().invoke(app, ["tf-benchmark", str(tmp_path)])
    assert isinstance(result.exception, RunFolderError)
    assert "is no run folder" in str(result.exception)
