"""JASPAR by name against the profiles that the demo ships, and everything that is not there."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from precompute.config_inputs import JasparConfig, MotifConfig
from precompute.errors import ConfigError, InputError
from precompute.inputs.jaspar_database import database_path, read_jaspar_database
from precompute.inputs.profile_formats import read_profiles
from precompute.motifs import load_profiles, profile_inputs


def jaspar(**changes) -> JasparConfig:
    return JasparConfig(**{"release": "JASPAR2022", **changes})


def test_jaspar_2022_vertebrates_are_exactly_the_841_demo_profiles(demo_profiles):
    ours, demo = read_jaspar_database(jaspar()), read_profiles(demo_profiles)
    assert [profile[:2] for profile in ours] == [profile[:2] for profile in demo]
    assert all(np.array_equal(a.counts, b.counts) for a, b in zip(ours, demo, strict=True))


def test_thresholds_and_inputs_come_with_them(demo_profiles):
    by_name = MotifConfig(jaspar=jaspar(), release="x")
    by_file = MotifConfig(profiles=demo_profiles, release="x")
    for a, b in zip(load_profiles(by_name), load_profiles(by_file), strict=True):
        assert (a.profile_id, a.threshold) == (b.profile_id, b.threshold)
        assert np.array_equal(a.scores, b.scores)
    assert profile_inputs(by_file) == [demo_profiles]
    assert [path.name for path in profile_inputs(by_name)] == ["JASPAR2022.sqlite"]


@pytest.mark.parametrize(
    ("changes", "at_least"),
    [
        ({"release": "JASPAR2024"}, 879),
        ({"release": "JASPAR2026"}, 900),
        ({"tax_groups": ["plants"]}, 600),
        ({"tax_groups": ["urochordates", "nematodes"]}, 100),
        ({"all_versions": True}, 1000),
    ],
)
def test_other_releases_taxa_and_versions(changes, at_least):
    found = read_jaspar_database(jaspar(**changes))
    assert len(found) >= at_least
    ids = [profile.profile_id for profile in found]
    assert ids == sorted(ids)
    if not changes.get("all_versions"):
        assert len({i.split(".")[0] for i in ids}) == len(ids)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tax_groups": ["mammals"]}, r"no 'mammals'; it has cnidaria, .*, vertebrates"),
        ({"collection": "PHYLOFACTS"}, "no 'PHYLOFACTS'; it has CORE, UNVALIDATED"),
        ({"tax_groups": ["oomycota"]}, "no profile of oomycota in CORE"),
    ],
)
def test_what_a_release_does_not_have_is_named(changes, says):
    with pytest.raises(ConfigError, match=says):
        read_jaspar_database(jaspar(**changes))


def test_a_missing_or_old_package_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pyjaspar, which is not installed; install it"):
        read_jaspar_database(jaspar())
    spec = importlib.machinery.ModuleSpec("pyjaspar", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(InputError, match="has no JASPAR2026; update it"):
        database_path(jaspar(release="JASPAR2026"))


def test_looking_for_the_database_does_not_import_the_package(monkeypatch):
    monkeypatch.delitem(sys.modules, "pyjaspar", raising=False)
    database_path(jaspar())
    assert "pyjaspar" not in sys.modules


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "either profiles or jaspar, got neither"),
        ({"profiles": "x", "jaspar": {"release": "JASPAR2022"}}, "got both"),
        ({"jaspar": {"release": "JASPAR2023"}}, "Input should be"),
        ({"jaspar": {"release": "JASPAR2022", "tax_groups": []}}, "at least 1"),
    ],
)
def test_either_a_file_or_a_name(values, says):
    with pytest.raises(ValueError, match=says):
        MotifConfig(release="x", **values)
