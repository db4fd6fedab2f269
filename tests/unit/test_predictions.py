"""Predictions: chunks against one pass, bigWigs against the arrays, metrics by hand."""

import numpy as np
import pyBigWig
import pytest
import torch

from precompute import predictions
from precompute.artefacts import RunFolder, read_parquet
from precompute.errors import ArtefactError
from precompute.models.dataset import Source, Window
from precompute.models.metrics import pearson, spearman
from precompute.predictions import Comparison, predict_positions, write_bigwig
from tests.model_run import TRACKS, config, context, random_model, store_model, write_model_run

ENCODINGS = ["tokens", "onehot"]


@pytest.fixture(scope="module")
def predicted_root(tmp_path_factory):
    """A run with random models stored and predicted, and the facts."""
    root = write_model_run(tmp_path_factory.mktemp("predicted") / "run", n_bp=60_007)
    facts = {}
    for encoding, stage in zip(
        ENCODINGS, (predictions.run_tokens, predictions.run_onehot), strict=True
    ):
        store_model(root, encoding)
        facts[encoding] = stage(context(root, f"predict_{encoding}"))
    return root, facts


def sources(root, encoding):
    run = RunFolder(root)
    source = Source(run, encoding, TRACKS)
    return source, random_model(encoding, source.n_channels)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_chunks_equal_one_pass_over_the_whole_region(predicted_root, encoding):
    source, model = sources(predicted_root[0], encoding)
    model.network.double()
    for chrom in source.store.chroms:
        n = source.n_positions(chrom)
        window = Window(chrom, 0, n)
        x = source.rows(window).dense().T if encoding == "tokens" else source.onehot(window)
        with torch.no_grad():
            y = model.network(torch.from_numpy(x[None]).double())[0].numpy()
        whole = np.stack([s.restore(row) for s, row in zip(model.scalings, y, strict=True)])
        model.network.float()
        for chunk in (8192, 333, 40):
            told = []
            got = predict_positions(model, source, chrom, chunk, workers=2, progress=told.append)
            assert told[-1] == n
            assert told == sorted(told)
            np.testing.assert_allclose(got, whole, rtol=2e-5, atol=1e-7)
        model.network.double()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_workers_change_nothing(predicted_root, encoding):
    source, model = sources(predicted_root[0], encoding)
    one, three = (predict_positions(model, source, "chr21", 100, workers=w) for w in (1, 3))
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bigwigs_hold_the_predictions_where_they_belong(predicted_root, encoding):
    root, _ = predicted_root
    source, model = sources(root, encoding)
    folder = RunFolder(root).folder(f"predictions_{encoding}")
    for number, track in enumerate(TRACKS):
        handle = pyBigWig.open(str(folder / f"{track}.bw"))
        lengths = {c: source.start(c) + len(source.codes(c)) + 5000 for c in source.store.chroms}
        assert handle.chroms() == lengths
        assert handle.header()["nLevels"] > 0
        for chrom in source.store.chroms:
            start, end, value = (np.array(c) for c in zip(*handle.intervals(chrom), strict=True))
            edges = source.edges(chrom)
            np.testing.assert_array_equal(start, edges[:-1])
            np.testing.assert_array_equal(end, edges[1:])
            assert end[-1] == source.start(chrom) + len(source.codes(chrom))
            expected = predict_positions(model, source, chrom)[number]
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)
            assert np.isfinite(value).all()
        handle.close()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_metrics_follow_the_contract_and_the_definition(predicted_root, encoding):
    root, facts = predicted_root
    folder = RunFolder(root).folder(f"predictions_{encoding}")
    table = read_parquet(folder / "metrics.parquet")
    assert list(table) == [
        "track", "set", "resolution_bp", "n", "r", "spearman", "windows", "window_r_median",
    ]
    assert len(table) == 2 * 3 * 3
    # By hand for the validation set: bins wholly inside it and without N.
    source, model = sources(root, encoding)
    predicted = predict_positions(model, source, "chr20")
    edges, codes = source.edges("chr20"), source.codes("chr20")
    p, o = [], []
    for i in range(source.n_positions("chr20")):
        lo, hi = edges[i], edges[i + 1]
        inside = lo >= 1_030_000 and hi <= 1_045_000
        if inside and (codes[lo - 1_000_000 : hi - 1_000_000] < 4).all():
            p.append(predicted[1, i])
            o.append(source.signal(Window("chr20", i, i + 1))[1, 0])
    row = table.query("track == 'dnase' and set == 'validation' and resolution_bp == 0").iloc[0]
    assert row["n"] == len(p)
    assert row["r"] == pytest.approx(pearson(np.array(p), np.array(o)), abs=1e-5)
    assert row["spearman"] == pytest.approx(spearman(np.array(p), np.array(o)), abs=1e-3)
    fact = table.query("track == 'atac' and set == 'test' and resolution_bp == 16").iloc[0]["r"]
    assert facts[encoding]["test_r_16bp_atac"] == fact


def test_windows_are_the_same_for_both_encodings_and_at_16_bp(predicted_root):
    root, _ = predicted_root
    tables = [
        read_parquet(RunFolder(root).folder(f"predictions_{e}") / "windows.parquet")
        for e in ENCODINGS
    ]
    columns = ["track", "set", "chrom", "start", "end"]
    assert tables[0][columns].equals(tables[1][columns])
    assert ((tables[0]["end"] - tables[0]["start"]) == 1600).all()
    assert set(tables[0]["chrom"]) == {"chr20", "chr21"}
    row = tables[1].query("track == 'atac' and chrom == 'chr20' and set == 'test'").iloc[1]
    source, model = sources(root, "onehot")
    lo = (row["start"] - 1_000_000) // 16
    predicted = predict_positions(model, source, "chr20")[0, lo : lo + 100]
    observed = source.signal(Window("chr20", lo, lo + 100))[0]
    assert row["r"] == pytest.approx(pearson(predicted, observed), abs=1e-5)
    assert row["observed_mean"] == pytest.approx(observed.mean(), rel=1e-6)


def test_perfect_predictions_have_a_correlation_of_one(predicted_root):
    run = RunFolder(predicted_root[0])
    source = Source(run, "onehot", TRACKS)
    perfect = {
        c: source.signal(Window(c, 0, source.n_positions(c))).astype(float)
        for c in source.store.chroms
    }
    comparison = Comparison(source, source, perfect)
    split = config().models.split
    windows = predictions.evaluate_windows(comparison, split, 100)
    table = predictions.evaluate(comparison, split, windows)
    np.testing.assert_allclose(table["r"], 1, atol=1e-9)
    np.testing.assert_allclose(table["spearman"], 1, atol=1e-9)
    np.testing.assert_allclose(table["window_r_median"], 1, atol=1e-9)
    assert (table.groupby("set")["windows"].first() > 0).all()
    # Positions with N (bases 50 to 90 of chr20) count nowhere.
    cells = comparison.cells(split.train[0], 0)[0]
    assert np.isnan(cells[3:6]).all()
    assert np.isfinite(cells[6:]).all()


def test_bigwig_of_two_chromosomes_keeps_its_order(tmp_path):
    steps = {
        "chr2": (np.array([5, 8, 20]), np.array([1.5, 0.25])),
        "chr1": (np.array([0, 4]), np.array([3.0])),
    }
    write_bigwig(tmp_path / "x.bw", {"chr1": 10, "chr2": 30}, steps)
    handle = pyBigWig.open(str(tmp_path / "x.bw"))
    assert handle.intervals("chr2") == ((5, 8, 1.5), (8, 20, 0.25))
    assert handle.intervals("chr1") == ((0, 4, 3.0),)
    handle.close()


def test_a_model_of_other_clusters_is_refused(tmp_path):
    root = write_model_run(tmp_path / "run", n_bp=20_000)
    store_model(root, "tokens")
    run = RunFolder(root)
    clusters = run.table("feature_clusters")
    clusters["cluster"] = clusters["cluster"].to_numpy()[::-1]
    run.write_table("feature_clusters", clusters)
    with pytest.raises(ArtefactError, match="other motif clusters"):
        predictions.run_tokens(context(root, "predict_tokens"))
