"""Every stage on 600 kb of the demo, as a user runs them, and the app on what they made."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.doctor import examine
from precompute.manifest import hash_path
from precompute.pipeline import STAGES
from precompute.token_store import TokenStore

REPOSITORY = Path(__file__).resolve().parents[2]
START, END = 2_700_000, 3_300_000
SHORT_END = 3_200_008

# The set-up runs every stage, which takes longer than one test may on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> tuple[Path, Path]:
    """Configuration and run folder of a complete small real run."""
    folder = tmp_path_factory.mktemp("chain")
    text = (REPOSITORY / "configs" / "demo.yaml").read_text()
    data = yaml.safe_load(text.replace("../data/demo", str(REPOSITORY / "data" / "demo")))
    data["genome"]["regions"] = [{"chrom": "chr20", "start": START, "end": END}]
    data["interdependence"] = {"sample_bins": 6000}
    data["lexicon"] = {
        "kmers": [3, 6], "kmers_apart": [6], "bpe_words": [600], "recovery_tokens": 500,
        "control_bp": 60_000, "bootstrap": 20,
    }
    data["embedding"] |= {"min_frequency": 2, "max_points": 1200, "pca_components": 40}
    data["interactions"] = {"windows": 60, "clusters": 6, "sites": 12, "bootstrap": 100}
    data["tf_benchmark"] |= {"bootstrap": 20, "max_regions": 40}
    data["evaluation"] |= {"bootstrap": 50}
    small = {"body_channels": [12, 16], "head_channels": [8]}
    data["models"] |= {
        "tokens": {"stem_channels": [16, 8], **small},
        "onehot": {"stem_channels": [6, 6, 8, 8], **small},
    }
    data["models"]["training"] |= {"max_epochs": 2, "window_bins": 400, "stride_bins": 400}
    data["models"]["split"] = {
        "train": [{"chrom": "chr20", "start": START, "end": 3_000_000}],
        "validation": [{"chrom": "chr20", "start": 3_000_000, "end": 3_150_000}],
        "test": [{"chrom": "chr20", "start": 3_150_000, "end": END}],
    }
    # A third track ends in the middle of the test region: the rest of it was not measured.
    data["tracks"].append({
        "name": "part", "bigwig": str(shortened(folder)), "label": "DNase peak score, cut off",
        "short_label": "cut off", "unit": "peak score", "absent": "missing",
    })
    config = folder / "small.yaml"
    config.write_text(yaml.safe_dump(data))
    assert precompute("run", config, folder / "run").returncode == 0
    return config, folder / "run"


def shortened(folder: Path) -> Path:
    """The peak scores on a chromosome that ends at ``SHORT_END``."""
    source = REPOSITORY / "data/demo/K562_DNase_peak_score.hg19.chr20_1-13400000.bw"
    target = folder / "short.bw"
    with pyBigWig.open(str(source)) as handle:
        rows = handle.intervals("chr20", START, SHORT_END)
    with pyBigWig.open(str(target), "w") as out:
        out.addHeader([("chr20", SHORT_END)])
        starts, ends, values = zip(*rows, strict=True)
        ends = [min(end, SHORT_END) for end in ends]
        out.addEntries(["chr20"] * len(rows), list(starts), ends=ends, values=list(values))
    return target


def precompute(command: str, config: Path, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "precompute", command, str(config), "--run-dir", str(root)],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )


def test_every_artefact_is_there_and_recorded(chain):
    run = RunFolder(chain[1])
    manifest = json.loads((chain[1] / "manifest.json").read_text())
    assert list(manifest["stages"]) == sorted(stage.name for stage in STAGES)
    for stage in STAGES:
        for name in stage.writes:
            recorded = manifest["stages"][stage.name]["outputs"][name]
            assert hash_path(run.path(name)) == recorded, name
    assert {n for s in STAGES for n in s.writes} == set(ARTEFACTS)


def test_a_second_run_finds_nothing_to_do(chain):
    before = (chain[1] / "manifest.json").read_bytes()
    done = precompute("run", *chain)
    assert done.returncode == 0
    assert done.stderr.count("up to date") == len(STAGES)
    assert (chain[1] / "manifest.json").read_bytes() == before


def test_status_calls_every_stage_done(chain):
    lines = precompute("status", *chain).stdout.splitlines()
    assert len([line for line in lines if " done " in line]) == len(STAGES)


def test_words_embedding_and_communities_agree(chain):
    run = RunFolder(chain[1])
    store = TokenStore(run)
    words = run.table("words")
    ids = run.group("word_ids")["chr20/word"][:]
    assert np.array_equal(np.bincount(ids), words["frequency"])
    points = run.table("points")
    edges = store.edges("chr20")
    assert np.array_equal(points["start"], edges[points["bin"]])
    assert np.array_equal(points["word"], ids[points["bin"]])
    assert (points["frequency"] >= 2).all()
    communities = run.table("communities")
    assert communities.groupby("subcluster")["megacluster"].nunique().max() == 1
    assert communities["megacluster"].value_counts().is_monotonic_decreasing
    for layout in ("pca", "umap", "tsne"):
        assert np.isfinite(run.group("layouts")[layout][:]).all()


def test_prominent_motifs_have_valid_q_values(chain):
    table = RunFolder(chain[1]).table("enrichment")
    assert table["q_value"].between(0, 1).all()
    assert (table["q_value"] >= table["p_value"] - 1e-12).all()
    assert table["auc"].between(0, 1).all()
    assert (table["mean_out"] >= 0).all()


def test_the_explorer_is_an_anndata_that_holds_the_map(chain):
    data = anndata.read_h5ad(chain[1] / "explorer.h5ad")
    run = RunFolder(chain[1])
    assert np.array_equal(data.obsm["X_umap"], run.group("layouts")["umap"][:])
    assert data.n_vars == len(run.table("clusters"))
    assert data.uns["motiflens"]["kind"] == "motiflens.explorer"
    assert list(data.obs["start"]) == list(run.table("points")["start"])


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_predictions_cover_the_region_and_metrics_state_their_sets(chain, encoding):
    folder = RunFolder(chain[1]).folder(f"predictions_{encoding}")
    for track in ("esatac_insertions", "k562_dnase_score"):
        with pyBigWig.open(str(folder / f"{track}.bw")) as handle:
            values = np.array(handle.values("chr20", START, END, numpy=True))
            assert handle.chroms() == {"chr20": 63_025_520} or handle.chroms("chr20") >= END
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        assert values.std() > 0
    metrics = pd.read_parquet(folder / "metrics.parquet")
    assert set(metrics["set"]) == {"train", "validation", "test"}
    assert (metrics["n"] > 0).all()


@pytest.mark.parametrize("encoding", ["tokens", "onehot"])
def test_contributions_are_complete(chain, encoding):
    group = RunFolder(chain[1]).group(f"attributions_{encoding}")["chr20"]
    assert group["tile_error"][:].max() < 1e-3
    change = group["tile_prediction"][:] - group["tile_baseline"][:]
    assert np.abs(change).max() > 0


def test_what_was_not_measured_counts_nowhere(chain):
    run = RunFolder(chain[1])
    edges = run.group("bins")["chr20/edges"][:]
    signal = run.group("signal")["chr20/part/bins"][:]
    np.testing.assert_array_equal(np.isnan(signal), edges[1:] > SHORT_END)
    whole = run.group("signal")["chr20/k562_dnase_score/bins"][:]
    known = np.isfinite(signal)
    np.testing.assert_allclose(signal[known], whole[known], rtol=1e-6)
    for encoding in ("tokens", "onehot"):
        metrics = pd.read_parquet(run.folder(f"predictions_{encoding}") / "metrics.parquet")
        n = metrics.set_index(["track", "set", "resolution_bp"])["n"]
        assert n["part", "train", 16] == n["k562_dnase_score", "train", 16]
        assert 0.2 < n["part", "test", 16] / n["k562_dnase_score", "test", 16] < 0.5
    lexicon = run.table("lexicon")
    ids = run.group("word_ids")["chr20/word"][:]
    mean = pd.Series(signal).groupby(ids).mean()
    np.testing.assert_allclose(lexicon["signal_part"], mean, rtol=1e-5, atol=1e-6)
    diagnosis = examine(chain[1], quick=True)
    assert not diagnosis.findings, [f.line() for f in diagnosis.findings]


def test_the_app_opens_the_run(chain):
    from vizapp import create_app

    client = create_app(chain[1]).server.test_client()
    assert client.get("/").status_code == 200
    assert client.get("/_dash-layout").status_code == 200
