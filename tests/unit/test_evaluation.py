"""Evaluation: metrics against sklearn and scipy, peaks by hand, edge cases, the stage."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute import predictions
from precompute.artefacts import RunFolder
from precompute.errors import ConfigError
from precompute.evaluation import baselines, correlations, peaks, stage
from precompute.evaluation.cells import Cells, bigwig_track, cell_means, observed_track
from precompute.models.dataset import Source
from tests.model_run import TRACKS, config, context, store_model, write_model_run

RNG = np.random.default_rng(7)


def ones(windows, resamples=1):
    return np.ones((resamples, windows))


# -- correlation -------------------------------------------------------------------------------


def noisy(windows=30, cells=40, weight=0.6, rng=RNG):
    o = rng.gamma(1.0, 2.0, (windows, cells))
    return weight * o + rng.normal(0, 1, o.shape), o


def test_correlations_are_scipys_and_ignore_what_is_not_known():
    p, o = noisy()
    p[3, :5], o[7, 9] = np.nan, np.nan
    keep = np.isfinite(p) & np.isfinite(o)
    found = correlations.correlation(p, o, correlations.draws(30, 200, np.random.default_rng(0)))
    assert found.value == pytest.approx(scipy.stats.pearsonr(p[keep], o[keep]).statistic)
    assert correlations.rank_correlation(p, o) == pytest.approx(
        scipy.stats.spearmanr(p[keep], o[keep]).statistic)
    assert found.low < found.value < found.high
    every = correlations.r_of_sums(ones(30) @ correlations.window_sums(p, o))
    assert every[0] == pytest.approx(found.value)


def test_a_draw_is_the_same_as_repeating_windows():
    p, o = noisy(windows=6)
    times = np.array([[2.0, 0, 1, 3, 0, 0]])
    rows = [0, 0, 2, 3, 3, 3]
    got = correlations.r_of_sums(times @ correlations.window_sums(p, o))[0]
    assert got == pytest.approx(np.corrcoef(p[rows].ravel(), o[rows].ravel())[0, 1])
    scores, labels = RNG.normal(0, 1, (6, 50)).round(1), RNG.random((6, 50)) < 0.3
    auc, aupr = peaks.areas(
        *(times @ x for x in peaks._grouped(
            scores.ravel(), labels.ravel(), np.repeat(np.arange(6), 50), 6)))
    flat = labels[rows].ravel(), scores[rows].ravel()
    assert auc[0] == pytest.approx(sklearn.metrics.roc_auc_score(*flat))
    assert aupr[0] == pytest.approx(sklearn.metrics.average_precision_score(*flat))


def test_intervals_cover_the_true_correlation():
    """Correlated cells within windows: 95 % intervals over windows hold the truth about as often,
    where ones over cells would not."""
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(120):
        shared = rng.normal(0, 1, (60, 1))
        o = shared + rng.normal(0, 0.5, (60, 20))
        p = 0.8 * shared + rng.normal(0, 0.8, (60, 1)) + rng.normal(0, 0.5, (60, 20))
        truth = 0.8 / np.sqrt((0.64 + 0.64 + 0.25) * 1.25)
        found = correlations.correlation(p, o, correlations.draws(60, 200, rng))
        held += found.low <= truth <= found.high
    assert 0.86 <= held / 120 <= 1.0


def test_paired_difference_has_wilcoxons_p_and_says_when_there_are_too_few():
    a, b = RNG.normal(0.5, 0.1, 40), RNG.normal(0.4, 0.1, 40)
    b[5] = np.nan
    keep = np.isfinite(b)
    found = correlations.paired(a, b, correlations.draws(40, 300, np.random.default_rng(1)))
    assert found.windows == 39
    assert found.difference.value == pytest.approx((a - b)[keep].mean())
    assert found.p_value == pytest.approx(scipy.stats.wilcoxon(a[keep], b[keep]).pvalue)
    assert found.difference.low < found.difference.value < found.difference.high
    few = correlations.paired(a[:4], b[:4], ones(4))
    assert np.isnan(few.p_value)
    assert "6 are needed" in few.reason
    assert correlations.paired(a, a, ones(40)).p_value == 1.0


def test_windows_that_are_constant_or_mostly_unknown_have_no_r():
    p, o = noisy(windows=3, cells=10)
    o[0] = 1.0
    p[1, :6] = np.nan
    r = correlations.window_r(p, o)
    assert np.isnan(r[:2]).all()
    assert np.isfinite(r[2])
    assert correlations.grouped(np.arange(9.0)[None], 4).tolist() == [[1.5, 5.5]]


# -- ranking and peaks -------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_areas_are_sklearns_also_with_ties(seed, digits):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(0, 1, (4, 60)).round(digits), rng.random((4, 60)) < 0.2
    scores[0, :3] = np.nan
    labels[1, 0], labels[1, 1] = True, False
    keep = np.isfinite(scores)
    found = peaks.ranking(scores, labels, correlations.draws(4, 30, rng))
    assert found.auc.value == pytest.approx(
        sklearn.metrics.roc_auc_score(labels[keep], scores[keep]))
    assert found.aupr.value == pytest.approx(
        sklearn.metrics.average_precision_score(labels[keep], scores[keep]))
    assert (np.diff(found.curve[:, :2], axis=0) >= 0).all()
    assert found.curve[-1, :2].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("label", [False, True])
def test_one_class_has_no_areas_and_is_no_error(label):
    found = peaks.ranking(RNG.normal(0, 1, (3, 9)), np.full((3, 9), label), ones(3, 20))
    assert np.isnan([*found.auc, *found.aupr]).all()
    assert len(found.curve) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_ratios_are_sklearns(seed):
    rng = np.random.default_rng(seed)
    y, called = rng.random(200) < 0.3, rng.random(200) < 0.4
    tn, fp, fn, tp = sklearn.metrics.confusion_matrix(y, called, labels=[False, True]).ravel()
    got = peaks.scores_of(peaks.Confusion(tp, fp, fn, tn))
    assert got["mcc"] == pytest.approx(sklearn.metrics.matthews_corrcoef(y, called))
    assert got["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(y, called))
    assert got["recall"] == pytest.approx(sklearn.metrics.recall_score(y, called))
    assert got["precision"] == pytest.approx(sklearn.metrics.precision_score(y, called))
    assert got["specificity"] == pytest.approx(sklearn.metrics.recall_score(~y, ~called))
    assert got["f1"] == pytest.approx(sklearn.metrics.f1_score(y, called))


def test_ratios_without_a_base_are_nan():
    got = peaks.scores_of(peaks.Confusion(0, 0, 0, 9))
    assert np.isnan([got["mcc"], got["recall"], got["precision"], got["f1"]]).all()
    assert (got["accuracy"], got["specificity"]) == (1, 1)


def hills(n, *tops, sigma=4.0):
    x = np.arange(n)
    return sum(h * np.exp(-((x - at) ** 2) / (2 * sigma**2)) for at, h in tops)


def test_peaks_by_hand():
    track = hills(200, (50, 10.0), (120, 2.0))
    both = peaks.call(track, 1.0, 1.0)
    assert len(both) == 2
    # Half of the prominence of a gaussian lies sigma * sqrt(2 ln 2) away; smoothing widens it.
    half = np.sqrt(4.0**2 + 1.0) * np.sqrt(2 * np.log(2))
    assert both[0].tolist() == pytest.approx([50 - half, 50 + half], abs=1.5)
    assert len(peaks.call(track, 1.0, 5.0)) == 1
    assert len(peaks.call(hills(60, (0, 5.0)), 1.0, 0.5)) == 1, "a peak at the edge"
    assert peaks.call(np.zeros(50), 2.0, 1e-300).shape == (0, 2)
    assert peaks.call(np.ones(2), 2.0, 0.1).shape == (0, 2)

    reference = np.array([[44, 56], [118, 124], [150, 160]])
    found = peaks.agreement([track], [reference], 1.0, 5.0)
    counts = found.reference, found.called, found.reference_found, found.called_right
    assert counts == (3, 1, 1, 1)
    assert found.peak_recall == pytest.approx(1 / 3)
    assert found.peak_precision == 1
    assert sum(found.cells) == 200
    inside = peaks.covered(reference, 200)
    called = peaks.covered(peaks.call(track, 1.0, 5.0), 200)
    assert found.cells.true_positive == (inside & called).sum()
    track[:10] = np.nan
    assert sum(peaks.agreement([track], [reference], 1.0, 5.0).cells) == 190


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=12),
       st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=12))
def test_spans_against_sets_of_cells(a, b):
    a, b = (peaks.merged(np.array([(s, s + n) for s, n in x]).reshape(-1, 2)) for x in (a, b))
    cells = [set(range(*span)) for span in b.tolist()]
    wanted = [any(set(range(*span)) & other for other in cells) for span in a.tolist()]
    assert peaks.overlapped(a, b).tolist() == wanted
    assert set(np.flatnonzero(peaks.covered(a, 80))) == {c for s in a.tolist() for c in range(*s)}
    assert (a[1:, 0] > a[:-1, 1]).all()


def test_the_sweep_finds_a_calling_and_hands_on_the_share_above_the_height():
    track = np.zeros(4000)
    spans = np.array([[200, 212], [900, 912], [1600, 1612], [3000, 3012]])
    for lo, hi in spans:
        track[lo:hi] = 5.0
    calling, f1 = peaks.sweep([track], [spans])
    assert f1 == 1.0
    # Most cells are 0: the quantile is what really lies below, not the first of the sweep.
    assert calling.quantile > 0.97
    scaled = peaks.agreement(
        [track * 1e-3], [spans], calling.sigma_cells, peaks.height([track * 1e-3], calling))
    assert scaled.peak_f1 == 1.0
    assert peaks.sweep([track], [np.empty((0, 2), int)]) is None
    assert peaks.sweep([np.zeros(100)], [np.array([[2, 5]])]) is None


# -- cells and baselines -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A run with random models, predicted and evaluated."""
    root = write_model_run(tmp_path_factory.mktemp("evaluated") / "run", n_bp=60_007)
    for encoding, predict in (("tokens", predictions.run_tokens),
                              ("onehot", predictions.run_onehot)):
        store_model(root, encoding)
        predict(context(root, f"predict_{encoding}"))
    target = str(RunFolder(root).table("peaks")["target"].iloc[0])
    changes = {"evaluation": {"peaks": {"dnase": target}, "bootstrap": 40, "baseline_bins": 3000}}
    facts = stage.run(context(root, "evaluate", **changes))
    return root, changes, facts


def tables(root):
    folder = RunFolder(root).folder("evaluation")
    return {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}


def source_of(root):
    return Source(RunFolder(root), "onehot", TRACKS)


def test_cells_tile_the_sets_and_bigwigs_are_read_as_means(evaluated):
    root, _, _ = evaluated
    source, split = source_of(root), config().models.split
    cells = Cells(source, split, 100)
    for name, found in cells.windows.items():
        for region, stretch in zip(getattr(split, name), range(9), strict=False):
            mine = [w for w in found if w.stretch == stretch]
            assert (mine[0].lo, mine[-1].hi) == source.positions(region)
            assert all(a.hi == b.lo for a, b in itertools.pairwise(mine))
    assert len(Cells(source, split, 100, max_train_windows=3).windows["train"]) == 3
    path = RunFolder(root).folder("predictions_tokens") / "atac.bw"
    import pyBigWig

    chrom, start, n = "chr20", source.start("chr20"), source.n_bp("chr20")
    with pyBigWig.open(str(path)) as handle:
        bases = handle.values(chrom, start, start + n, numpy=True)
    np.testing.assert_allclose(
        bigwig_track(path, source)(chrom)[: n // 16], bases[: n // 16 * 16].reshape(-1, 16)
        .mean(axis=1), rtol=1e-5)
    assert cell_means(np.arange(20.0)).tolist() == [7.5, 17.5]


def test_baselines_by_hand(evaluated):
    root, _, _ = evaluated
    source = source_of(root)
    codes = source.codes("chr20")
    gc = baselines.sequence_track(source, "gc")("chr20")
    assert gc[5] == pytest.approx(np.isin(codes[80:96], (1, 2)).mean())
    cpg = baselines.sequence_track(source, "cpg")("chr20")
    text = "".join("ACGTN"[c] for c in codes[:17 * 16])
    for cell in range(16):
        n = sum(text[i : i + 2] == "CG" for i in range(16 * cell, 16 * cell + 16))
        assert cpg[cell] == pytest.approx(n / 16)
    wide = baselines.widened(lambda chrom: gc, 9)("chr20")
    assert wide[100] == pytest.approx(gc[96:105].mean(), rel=1e-5)
    assert baselines.fit_logistic(None, np.array([1.0, 1.0])) is None
    weights = RNG.normal(0, 1, source.store.n_clusters)
    line = baselines.Fitted(weights, 0.5, lambda x: x)
    values = source.store.cluster_values("chr20", 0, source.store.n_bins("chr20")) @ weights + 0.5
    edges = source.store.edges("chr20").astype(int)
    bases = np.repeat(values, np.diff(edges))
    np.testing.assert_allclose(
        baselines.linear_track(source, line)("chr20"), cell_means(bases), rtol=1e-4, atol=1e-5)


# -- the stage ---------------------------------------------------------------------------------


def test_the_stage_agrees_with_its_parts(evaluated):
    root, _changes, facts = evaluated
    found = tables(root)
    assert set(found["predictors"]["name"]) == {"tokens", "onehot", *baselines.BASELINES}
    source = source_of(root)
    cells = Cells(source, config().models.split, 100)
    observed = cells.gather(observed_track(source, "dnase"))["test"]
    folder = RunFolder(root).folder("predictions_tokens")
    predicted = cells.gather(bigwig_track(folder / "dnase.bw", source))["test"]
    keep = np.isfinite(predicted) & np.isfinite(observed)
    row = found["correlations"].query(
        "predictor == 'tokens' and track == 'dnase' and set == 'test' and resolution_bp == 16")
    assert row["r"].item() == pytest.approx(
        scipy.stats.pearsonr(predicted[keep], observed[keep]).statistic, abs=1e-6)
    assert row["n"].item() == keep.sum()
    assert facts["test_r_tokens_dnase"] == row["r"].item()
    windows = found["window_scores"].query("predictor == 'tokens' and track == 'dnase'")
    assert len(windows) == sum(map(len, cells.windows.values()))
    mean = found["correlations"].query("predictor == 'mean'")
    assert mean["r"].isna().all()
    assert (mean["reason"] != "").all()


def test_the_stage_repeats_itself_and_names_what_is_missing(evaluated):
    root, changes, _ = evaluated
    before = tables(root)
    stage.run(context(root, "evaluate", **changes))
    for name, table in tables(root).items():
        pd.testing.assert_frame_equal(table, before[name], obj=name)
    without = before["peak_metrics"].query("track == 'atac'")
    assert without["auc"].isna().all()
    assert without["reason"].str.startswith("no reference peaks are configured for atac").all()
    with pytest.raises(ConfigError, match=r"evaluation\.peaks gives 'nothing'.*name one of them"):
        stage.run(context(root, "evaluate", evaluation={"peaks": {"dnase": "nothing"}}))
    with pytest.raises(ConfigError, match="names the track 'other'"):
        config(evaluation={"peaks": {"other": "CTCF"}})


def test_the_card_says_what_the_files_say(evaluated, tmp_path):
    from precompute.errors import InputError
    from precompute.evaluation import card

    root, _, _ = evaluated
    run = RunFolder(root)
    (root / "config.json").write_text(config().model_dump_json())
    out = tmp_path / "CARD.md"
    card.write_card(run.path("model_tokens"), run, origin="made up, no licence", out=out)
    text = out.read_text()
    r = tables(root)["correlations"].query(
        "predictor == 'tokens' and track == 'dnase' and set == 'test' and resolution_bp == 16")
    assert card.shown(r["r"].item(), r["r_low"].item(), r["r_high"].item()) in text
    assert "GC content" in text
    assert "made up, no licence" in text
    assert "must not be used for" in text
    with pytest.raises(InputError, match="would change an artefact"):
        card.write_card(run.path("model_tokens"), run)
    with pytest.raises(InputError, match="no model 'other'; it has tokens, onehot"):
        card.write_card(run.path("model_tokens"), run, name="other")
    with pytest.raises(InputError, match=r"no readable model\.json"):
        card.write_card(root, run)
    assert not list(run.path("model_tokens").glob("*CARD*"))
