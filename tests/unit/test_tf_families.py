"""Families of profiles, and a window's attribution read by profile, factor and family."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from precompute.attribution.motif_shares import BY, attribution_by
from precompute.errors import StageError
from precompute.inputs.profile_formats import read_profiles
from precompute.models.sparse import SparseRows
from precompute.tf_families import (
    CPG,
    TABLE,
    UNKNOWN,
    factor_name,
    family_of,
    feature_groups,
)


def test_every_demo_profile_has_its_family(demo_profiles):
    found = {p.profile_id: family_of(p.profile_id, p.tf) for p in read_profiles(demo_profiles)}
    assert len(found) == 841
    assert UNKNOWN not in found.values()
    assert 50 <= len(set(found.values())) <= 120
    assert found["MA0139.1"] == "More than 3 adjacent zinc fingers"
    assert found["MA0065.2"] == (
        "RXR-related receptors (NR2) :: Thyroid hormone receptor-related factors (NR1)"
    )
    assert found["MA0035.4"] == "C4-GATA-related"
    # The id decides, the name only where the id is unknown.
    assert family_of("MA0139.1", "GATA1") == found["MA0139.1"]


@pytest.mark.parametrize(("tf", "family"), [
    ("GATA1.H12CORE.0.P.B", "C4-GATA-related"), ("CTCF_HUMAN.H11MO.0.A",
     "More than 3 adjacent zinc fingers"), ("gata2", "C4-GATA-related"),
    ("GATA1::CTCF", "C4-GATA-related :: More than 3 adjacent zinc fingers"),
    ("GATA1::NOSUCH", UNKNOWN), ("NOSUCH", UNKNOWN), ("", UNKNOWN),
    ("CENPB", "Psq-type HTH domain"),
])
def test_other_catalogues_find_the_family_by_name(tf, family):
    assert family_of("X1.H12", tf) == family


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_name_has_one_family(profile_id, tf):
    assert family_of(profile_id, tf)
    assert factor_name(factor_name(tf)) == factor_name(tf)


def test_the_table_is_what_its_script_writes(tmp_path):
    script = TABLE.parent / "build.py"
    again = tmp_path / "again.tsv"
    subprocess.run([sys.executable, str(script), str(again)], check=True)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(
        Path(TABLE).read_bytes()).digest()


FEATURES = pd.DataFrame({
    "profile_id": ["MA0139.1"] * 2 + ["MA0035.4"] * 2 + ["MA0036.3"] * 2 + ["MA0006.1"] * 2
    + [CPG] * 2,
    "tf": ["CTCF"] * 2 + ["GATA1"] * 2 + ["Gata1"] * 2 + ["Ahr::Arnt"] * 2 + [CPG] * 2,
})


def test_features_are_grouped_by_name():
    assert feature_groups(FEATURES, "profile").names == [
        "Ahr::Arnt MA0006.1", "CTCF MA0139.1", CPG, "GATA1 MA0035.4", "Gata1 MA0036.3"]
    tfs = feature_groups(FEATURES, "tf")
    assert tfs.names == ["AHR::ARNT", "CTCF", CPG, "GATA1"]
    assert tfs.of_feature.tolist() == [1, 1, 3, 3, 3, 3, 0, 0, 2, 2]
    assert feature_groups(FEATURES, "family").names == [
        "C4-GATA-related", CPG, "More than 3 adjacent zinc fingers", "PAS domain"]
    with pytest.raises(ValueError, match="grouped by profile, tf, family, got 'colour'"):
        feature_groups(FEATURES, "colour")


def test_a_bin_has_the_same_total_at_every_level():
    rng = np.random.default_rng(3)
    dense = rng.random((40, 10)) * (rng.random((40, 10)) < 0.4)
    assignment = np.array([0, 1, 1, 1, 0, 2, 2, 3, 3, 3])
    present = np.stack([dense[:, assignment == c].sum(axis=1) for c in range(4)], axis=1)
    rows = SparseRows.from_dense((present > 0) * rng.normal(size=(40, 4)))
    names = ["a", "b", "c", "d"]
    found = {
        by: attribution_by(by, rows, csr_matrix(dense), assignment, FEATURES, names) for by in BY
    }
    assert found["cluster"].names == names
    np.testing.assert_array_equal(found["cluster"].values.toarray(), rows.dense())
    for by in BY:
        np.testing.assert_allclose(
            np.asarray(found[by].values.sum(axis=1)).ravel(),
            rows.dense().sum(axis=1, dtype=np.float64), atol=1e-12,
        )
    # By hand: GATA's family is features 2-5, of clusters 1, 0 and 2.
    share = np.zeros(40)
    for feature in (2, 3, 4, 5):
        cluster = assignment[feature]
        held = present[:, cluster] > 0
        share[held] += (rows.dense()[:, cluster] * dense[:, feature])[held] / present[held, cluster]
    family = found["family"].names.index("C4-GATA-related")
    np.testing.assert_allclose(
        found["family"].values.toarray()[:, family], share, atol=1e-12)
    with pytest.raises(StageError, match=r"cannot be read by 'gene'; choose one of cluster, prof"):
        attribution_by("gene", rows, csr_matrix(dense), assignment, FEATURES, names)
