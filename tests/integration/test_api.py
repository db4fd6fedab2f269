"""The notebook API gives, bit for bit, what a run of the pipeline wrote."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from precompute.api import cluster_motifs, interdependence, tokenize
from precompute.artefacts import RunFolder
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
