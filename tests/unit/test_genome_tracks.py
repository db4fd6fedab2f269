"""The catalogue of tracks, predictions of shipped models, and rows with several curves."""

from __future__ import annotations

import base64

import numpy as np
import plotly.graph_objects as go
import pyBigWig
import pytest

from vizapp.figures.genome import signal_track
from vizapp.figures.genome_signals import Curve, difference
from vizapp.genome_state import MAX_TRACKS, Mark, TrackItem
from vizapp.state import Region
from vizapp.views.genome import catalogue
from vizapp.views.genome_drawing import PARTS, build_genome, build_tracks, scaled

SHIPPED = "made_up_tokens"


def values_of(trace: dict) -> np.ndarray:
    """What a packed trace draws, without the repeated last value."""
    kinds = {"f4": np.float32, "f8": np.float64}
    packed = trace["y"]
    return np.frombuffer(base64.b64decode(packed["bdata"]), kinds[packed["dtype"]])[:-1]


@pytest.fixture
def region(data) -> Region:
    low, _ = data.genome.chroms["chr20"]
    return Region("chr20", low + 1_003, low + 3_003)


def test_the_catalogue_has_every_model_and_set_once_and_a_fresh_view_is_part_of_it(data):
    listed = data.tracks.catalogue
    assert {info.model for info in listed.values()} == {"", "tokens", "onehot", SHIPPED}
    assert {info.of for info in listed.values() if info.kind == "peaks"} == set(data.genome.targets)
    assert f"predicted.{SHIPPED}.dnase" in listed
    assert f"predicted.{SHIPPED}.atac" not in listed
    assert set(data.tracks.defaults) <= set(listed)
    assert len(data.tracks.defaults) <= MAX_TRACKS
    shown = catalogue(data)
    assert list(shown) == list(listed)
    assert {i: one["part"] for i, one in shown.items() if one["part"] != "signals"} == {
        "contributions.tokens": "explained", "contributions.onehot": "explained",
        "hits": "scanned"}
    assert len({one["name"] for one in shown.values()}) == len(shown)


@pytest.mark.parametrize("width", [20, 300, 5_000, None])
def test_every_track_of_the_catalogue_is_drawn_at_every_scale(data, width):
    low, high = data.genome.chroms["chr21"]
    region = Region("chr21", low, low + width if width else high)
    ids = list(data.tracks.catalogue)
    for start in range(0, len(ids), MAX_TRACKS):
        items = [TrackItem(i) for i in ids[start:start + MAX_TRACKS]]
        go.Figure(build_genome(data, region, items))
        parts = [{row.id for row in build_tracks(data, region, items, part, True)}
                 for part in PARTS]
        assert set.union(*parts[:3]) == parts[3]
        assert sum(map(len, parts[:3])) == len(parts[3])


def test_a_shipped_models_prediction_and_r_are_those_of_its_bigwig(data, region):
    path = data.run.folder("predictions_shipped") / SHIPPED / "dnase.bw"
    low, _ = data.genome.chroms["chr20"]
    first, last = low + (region.start - low) // 16 * 16, low + -(-(region.end - low) // 16) * 16
    with pyBigWig.open(str(path)) as handle:
        bases = np.nan_to_num(handle.values("chr20", first, last, numpy=True))
    cells = bases.reshape(-1, 16).mean(axis=1)
    edges, values = data.genome.predicted(region, "dnase", SHIPPED, 10_000)
    assert np.allclose(values, cells, rtol=1e-5)
    assert (edges[0], len(edges)) == (first, len(cells) + 1)
    observed = data.genome.observed(region, "dnase", 10_000).values
    r, n = data.genome.correlation(region, "dnase", SHIPPED)
    assert (r, n) == (pytest.approx(np.corrcoef(observed, cells)[0, 1], rel=1e-4), len(cells))


def test_the_residual_is_observed_less_predicted_around_zero(data, region):
    ids = ["observed.dnase", "predicted.tokens.dnase", "residual.tokens.dnase",
           "together.tokens.dnase"]
    rows = build_tracks(data, region, [TrackItem(i) for i in ids])
    observed, predicted, rest, *_ = (values_of(row.traces[0]) for row in rows)
    assert np.allclose(rest, observed - predicted, atol=1e-6)
    low, high = rows[2].yaxis["range"]
    assert low == -high
    assert high >= np.abs(rest).max()
    together = [values_of(trace) for trace in rows[3].traces]
    assert all(np.array_equal(a, b) for a, b in zip(together, (observed, predicted, rest),
                                                    strict=True))
    # Only observed is filled; r stands in the title of what is compared with it.
    assert ["fill" in trace for trace in rows[3].traces] == [True, False, False]
    assert "r " in rows[1].note
    assert rows[1].note.split("r ")[1] in rows[3].note


def test_a_difference_takes_the_value_at_the_middle_of_each_column():
    a = Curve("a", np.array([0, 10, 20]), np.array([5.0, 7.0]), "#000000")
    b = Curve("b", np.array([0, 4, 20]), np.array([1.0, 2.0]), "#000000")
    assert difference(a, b).tolist() == [3.0, 5.0]


def test_heights_and_scales_are_what_the_items_ask_for():
    def row(name, top, group):
        track = signal_track(name, np.array([0, 1, 2]), np.array([0.0, top]), "#000000", "u")
        return track.__class__(**{**track.__dict__, "id": name, "group": group})

    rows = [row("a", 2.0, "x"), row("b", 8.0, "x"), row("c", 4.0, "x"), row("d", 5.0, "y")]
    items = [TrackItem("a", 2.0, "group"), TrackItem("b", 1.0, "group"),
             TrackItem("c", 0.5, (1.0, 3.0)), TrackItem("d", 1.0, "group")]
    done = scaled(rows, items)
    assert [r.height / s.height for r, s in zip(done, rows, strict=True)] == [2, 1, 0.5, 1]
    # a and b share the larger scale, c is fixed, d is alone in its group.
    assert [r.yaxis["range"] for r in done] == [
        pytest.approx([0, 8.4]), pytest.approx([0, 8.4]), [1.0, 3.0], pytest.approx([0, 5.25])]


def test_the_figure_for_export_holds_the_marks_of_its_window(data, region):
    here = Mark(Region("chr20", region.start + 10, region.start + 90), "here")
    away = Mark(Region("chr21", *data.genome.chroms["chr21"]), "away")
    layout = build_genome(data, region, [TrackItem("genes", 3.0)], marks=[away, here])["layout"]
    assert [(s["x0"], s["x1"], s["label"]["text"]) for s in layout["shapes"]] == [
        (here.region.start, here.region.end, "here")]
    usual = build_genome(data, region, [TrackItem("genes")])["layout"]
    assert layout["height"] > usual["height"]
    assert "shapes" not in usual
