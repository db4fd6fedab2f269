"""A track that was not measured everywhere: NaN in the run, grey or missing in every view."""

from __future__ import annotations

import json

import numpy as np
import pytest

from precompute.doctor import examine
from tests.damage import array, attribute
from tests.synthetic_run import TRACKS, make_run
from vizapp.callbacks.genome import window_json
from vizapp.data import RunData
from vizapp.data.map_raster import Cells
from vizapp.figures.map_image import magnitude_pixels
from vizapp.figures.token_map import color_groups, shades
from vizapp.theme import UNMEASURED


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A synthetic run whose track dnase has no chr21."""
    root = make_run(tmp_path_factory.mktemp("unmeasured") / "run", n_bp=20_000)
    for kind in ("bins", "grid"):
        array("signal", f"chr21/dnase/{kind}", lambda v: np.full_like(v, np.nan))(root)
    return root


@pytest.fixture(scope="module")
def unmeasured(root):
    return RunData(root)


def test_the_doctor_allows_it_where_the_track_says_so(root):
    said = {(f.artefact, f.code, f.chrom) for f in examine(root, quick=True).findings}
    assert ("signal", "values", "chr21") in said
    tracks = {k: dict(v) for k, v in TRACKS.items()}
    tracks["dnase"]["absent"] = "missing"
    attribute("signal", "tracks", tracks)(root)
    findings = examine(root, quick=True).findings
    assert not [f for f in findings if f.artefact == "signal" and f.code == "values"]
    tracks["atac"]["absent"] = "missing"
    tracks["dnase"].pop("absent")
    attribute("signal", "tracks", tracks)(root)
    said = {(f.artefact, f.code, f.chrom) for f in examine(root, quick=True).findings}
    assert ("signal", "values", "chr21") in said


def test_points_without_a_value_are_grey_and_count_nowhere_in_the_scale(unmeasured):
    explorer = unmeasured.explorer
    by = explorer.color_by("signal:dnase")
    missing = (explorer.points["chrom"] == "chr21").to_numpy()
    assert np.isnan(by.values[missing]).all()
    scale = shades(by, 5, 95)
    known = by.values[~missing]
    assert scale.low == pytest.approx(np.percentile(known.astype(float), 5))
    assert scale.high == pytest.approx(
        np.percentile(known[known > known.min()].astype(float), 95))
    groups = dict(color_groups(by, scale))
    assert set(groups[UNMEASURED]) == set(np.flatnonzero(missing))
    assert sum(map(len, groups.values())) == explorer.n
    nothing = by._replace(values=np.full(explorer.n, np.nan, dtype=np.float32))
    assert [color for color, _ in color_groups(nothing, shades(nothing))] == [UNMEASURED]


def test_a_pixel_is_the_mean_of_what_was_measured():
    cells = Cells(np.arange(5), np.array([0, 0, 1, 1, 3], dtype=np.int32), 2, 2)
    mean = cells.mean(np.array([1.0, np.nan, np.nan, np.nan, 4.0]))
    assert mean[0] == 1
    assert np.isnan(mean[1:3]).all()
    assert mean[3] == 4
    pixels = magnitude_pixels(mean, cells.counts(), 0, 4, "log")
    grey = [int(UNMEASURED[i : i + 2], 16) for i in (1, 3, 5)]
    assert pixels[1, :3].tolist() == grey
    assert pixels[2].tolist() == [0, 0, 0, 0]
    assert pixels[0, :3].tolist() != grey


def test_places_and_windows_are_without_a_value_not_zero(unmeasured):
    lexicon, genome = unmeasured.lexicon, unmeasured.genome
    words = np.unique(lexicon.words_of("chr21", 0, 50))
    rows, _ = lexicon.instances(words, 0, 10_000, "signal:dnase", True)
    values = {row["chrom"]: [] for row in rows}
    for row in rows:
        values[row["chrom"]].append(row["signal_dnase"])
    assert set(values["chr21"]) == {None}
    assert None not in values["chr20"]
    json.dumps(rows, allow_nan=False)
    low, high = genome.chroms["chr21"]
    body = json.loads(window_json(unmeasured, {
        "region": {"chrom": "chr21", "start": low, "end": high}, "part": "signals", "around": True,
        "tracks": [{"id": f"{kind}.dnase"} for kind in (
            "observed", "predicted.tokens", "predicted.onehot", "residual.tokens")],
    }))
    said = " ".join(row["note"] for row in body["rows"])
    assert said.count("r not defined here") == 2
