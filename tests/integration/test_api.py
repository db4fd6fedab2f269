"""The notebook API, the report and the doctor against what a run of the pipeline wrote."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precompute.api import cluster_motifs, interdependence, tokenize
from precompute.artefacts import RunFolder
from precompute.doctor import examine
from precompute.manifest import Manifest
from precompute.report import report_tables
from precompute.report.measure import measure
from tests.integration.test_pipeline import CHAIN, run_chain, write_config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The stages up to the motif clusters on 300 kb that begin away from 0."""
    folder = tmp_path_factory.mktemp("run")
    stages = [name for name in CHAIN if name not in ("annotation", "tracks")]
    run_chain(write_config(folder), folder / "run", stages)
    return RunFolder(folder / "run")


@pytest.fixture(scope="module")
def tokens(demo_data, demo_profiles):
    return tokenize(
        demo_data / "hg19.chr20_1-13400000.fa.gz", demo_profiles, chrom="chr20",
        start=1_000_000, end=1_300_000,
    )


def test_tokens_are_those_of_the_run(run, tokens):
    edges = run.group("bins")["chr20/edges"][:]
    assert tokens.edges.dtype == edges.dtype
    assert np.array_equal(tokens.edges, edges)
    group = run.group("tokens")["chr20"]
    assert tokens.counts.data.dtype == group["counts"].dtype
    assert np.array_equal(tokens.counts.data, group["counts"][:])
    assert np.array_equal(tokens.counts.indices, group["indices"][:])
    assert np.array_equal(tokens.counts.indptr, group["indptr"][:])
    pd.testing.assert_frame_equal(tokens.features, run.table("features"))


def test_scores_and_clusters_are_those_of_the_run(run, tokens):
    # The configuration's seed is 1 and its sample 3,000 bins.
    scores = interdependence(tokens, sample=3_000, random_state=1, workers=1)
    assert np.array_equal(scores, run.group("interdependence")["scores"][:])
    labels = cluster_motifs(scores)
    assert np.array_equal(labels, run.table("feature_clusters")["cluster"])


def test_the_reports_own_counts_are_those_of_the_stages(run):
    facts = {k: s.facts for k, s in Manifest.load(run.root / "manifest.json").stages.items()}
    found = measure(run)
    assert found.total_bp == facts["genome"]["sequence_bp"]
    assert found.known_bp == facts["genome"]["known_bp"]
    assert found.bins == facts["bins"]["bins"]
    assert found.covered_bp / found.total_bp == facts["depth"]["covered_share_of_bases"]
    assert (found.covered_known_bp / found.known_bp
            == facts["depth"]["covered_share_of_known_bases"])
    assert found.mean_length_bp == pytest.approx(facts["bins"]["mean_length_bp"])
    assert found.mean_depth == pytest.approx(facts["depth"]["mean_depth"])
    rows = {row.key: row for row in report_tables(run).comparisons}
    assert rows["genome_bins"].value == pytest.approx(187e6, rel=0.05)
    assert rows["clusters"].value == facts["motif_clusters"]["clusters"]
    assert rows["rand"].value == facts["motif_clusters"]["adjusted_rand_of_halves"]
    assert rows["non_zeros"].value == facts["tokens"]["non_zeros_per_bin"]


def test_the_doctor_finds_the_run_healthy(run):
    diagnosis = examine(run.root)
    assert [finding.line() for finding in diagnosis.findings] == []
    assert diagnosis.notes == ()
