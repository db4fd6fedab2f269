"""Contributions in the genome view: stored ones, live ones, and a sentence for what cannot be."""

from __future__ import annotations

import itertools
import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.artefacts import RunFolder
from precompute.attribution.engine import explain_window
from precompute.attribution.opening import opened_model
from precompute.errors import MotiflensError, RegionError
from precompute.recently_used import RecentlyUsed
from tests.model_run import ONEHOT, TRACKS, store_models, write_model_run
from vizapp.callbacks.genome import window_json
from vizapp.callbacks.genome_explained import checked, choice_of_link, target_of
from vizapp.data import RunData
from vizapp.data.attributions_live import GoneError
from vizapp.explained import (
    BASELINES,
    LEVELS,
    METHODS,
    Explained,
    ExplainedError,
    explained_from_text,
    explained_text,
    parse_explained,
)
from vizapp.figures.label_places import first_factor
from vizapp.genome_state import TrackItem
from vizapp.state import Region
from vizapp.views.genome_explained import base_contributions, error_text, motif_contributions
from vizapp.views.genome_explained_controls import chosen_text
from vizapp.views.genome_frame import Asked, frame_of

CHROMS = {"chr20": (1_000_000, 1_060_000), "HLA-A*01:01": (0, 900)}
MODELS = {"tokens": "tokens", "onehot": "onehot", "k562_dnase-1": "tokens"}
SIGNALS = ("atac", "a,b %2C")
VIEW = Region("chr20", 1_010_000, 1_012_000)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    root = write_model_run(tmp_path_factory.mktemp("explained") / "run")
    store_models(root)
    return RunData(root)


def framed(data, view=VIEW, **choice):
    return frame_of(data, view, True, Asked(Explained(**choice)))


def heatmap(tracks):
    return next(t for track in tracks for t in track.traces if t["type"] == "heatmap")


regions = st.sampled_from(sorted(CHROMS)).flatmap(
    lambda c: st.tuples(*2 * [st.integers(*CHROMS[c])]).filter(lambda e: e[0] != e[1]).map(
        lambda ends: Region(c, *sorted(ends))
    )
)


@given(
    st.builds(
        Explained, st.sampled_from(["tokens", "k562_dnase-1"]), st.just("onehot"),
        st.sampled_from(list(METHODS)), st.sampled_from(list(BASELINES)),
        st.one_of(st.sampled_from(["all", "centre"]), regions), st.sampled_from(list(LEVELS)),
        st.sampled_from(["", *SIGNALS]),
    )
)
def test_a_choice_round_trips_through_a_link_and_a_store(choice):
    stored = json.loads(json.dumps(choice.as_json()))
    assert parse_explained(stored, MODELS, CHROMS, SIGNALS) == choice
    link = explained_from_text(explained_text(choice))
    assert parse_explained(link, MODELS, CHROMS, SIGNALS) == choice


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(
    ["tokens", "onehot", "deeplift", "zero", "all", "chr20:1-2", "chr20:a-b", ":-", "cluster", ""]
), min_size=7, max_size=7).map(",".join)))
def test_any_text_is_a_choice_or_a_sentence(text):
    try:
        choice = parse_explained(explained_from_text(text), MODELS, CHROMS)
    except (ExplainedError, RegionError):
        return
    assert choice.tokens in MODELS


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tokens": "onehot"}, "no token model 'onehot'; choose one of tokens"),
        ({"onehot": "../../etc"}, "no one-hot model '../../etc'"),
        ({"method": "lime"}, "no attribution method 'lime'"),
        ({"baseline": "mean"}, "no attribution baseline 'mean'"),
        ({"track": "rna"}, "no predicted signal 'rna'"),
        ({"by": "gene"}, "no level of motifs 'gene'"),
        ({"target": {"chrom": "chr20", "start": 5, "end": 9}}, "is not inside the run"),
        ({"target": {"chrom": "chr20", "start": 1_000_009, "end": 1_000_005}}, "not inside"),
        ({"target": "middle"}, "could not be read"),
        ({"more": 1}, "could not be read"),
        ({"method": 5}, "could not be read"),
    ],
)
def test_what_there_is_not_has_its_sentence(change, says):
    with pytest.raises(MotiflensError, match=says):
        parse_explained({**Explained().as_json(), **change}, MODELS, CHROMS)


def test_what_is_stored_is_drawn_without_a_model(data, monkeypatch):
    monkeypatch.setattr(data.live, "explain", None)
    monkeypatch.setattr(data.live, "_open", None)
    stored = data.genome.attributions
    trace = heatmap(motif_contributions(data, framed(data)))
    assert len(trace["y"]) == len(stored.heat(VIEW).labels)
    assert base_contributions(data, framed(data))[0].traces
    # Read by factor, the same contributions are added up otherwise: the total stays.
    rows, first, error = stored.rows(VIEW)
    for by in ("profile", "tf", "family"):
        heat = data.live.stored_heat(rows, first, "chr20", by, 10_000, 50, error)
        assert heat.values.sum() == pytest.approx(rows[2].sum(), rel=1e-4)
        assert len(set(heat.labels)) == len(heat.labels)
    assert motif_contributions(data, framed(data, by="tf"))[0].title == (
        "DeepLIFT per factor, token model"
    )
    low, high = data.genome.chroms["chr20"]
    (wide,) = motif_contributions(data, framed(data, Region("chr20", low, high), by="tf"))
    assert wide.note == "zoom in below 100 kb to read contributions per factor"


def test_the_leading_motif_of_each_token_is_its_largest_contribution(data):
    stored = data.genome.attributions
    cluster, weight = stored.leading(VIEW)
    (indptr, indices, values), _, _ = stored.rows(VIEW)
    assert len(cluster) == len(weight) == len(indptr) - 1
    assert weight.any()
    for row, (lo, hi) in enumerate(itertools.pairwise(indptr)):
        largest = max(np.abs(values[lo:hi]), default=0)
        assert weight[row] == largest
        if largest:
            (of_leader,) = values[lo:hi][indices[lo:hi] == cluster[row]]
            assert abs(of_leader) == largest


def test_tokens_are_named_where_a_window_is_narrow_enough(data):
    def named(width):
        view = Region("chr20", VIEW.start, VIEW.start + width)
        figure = json.loads(window_json(data, {
            "region": view._asdict(), "tracks": [TrackItem("tokens").as_json()],
            "part": "signals",
        }))
        (row,) = [row for row in figure["rows"] if row["id"] == "tokens"]
        return row

    narrow, wide = named(2_000), named(30_000)
    labels = {first_factor(label) for label in data.explorer.cluster_labels}
    (names,) = [t for t in narrow["traces"] if t.get("mode") == "text"]
    assert names["text"]
    assert set(names["text"]) <= labels
    assert "named: the motif that contributes most" in narrow["note"]
    assert not [t for t in wide["traces"] if t.get("mode") == "text"]
    assert "named" not in wide["note"]
    assert narrow["height"] > wide["height"]


def test_live_contributions_are_those_of_the_engine(live):
    view = Region("chr20", 1_020_000, 1_021_000)
    model, source = opened_model(RunFolder(live.root), "tokens")
    expected = explain_window(
        model, source, *view, "input_x_gradient", "zero", (1_020_250, 1_020_750), TRACKS[1],
        int(live.config["run"]["seed"]),
    )
    choice = Explained(method="input_x_gradient", baseline="zero", target="centre")
    found = live.live.explain("tokens", view, choice, TRACKS[1])
    np.testing.assert_array_equal(found.rows.values, expected.rows.values)
    sums = found.per_cluster()
    heat = live.live.heat("tokens", found, "cluster", 5, 40)
    strength = np.bincount(found.rows.indices, np.abs(found.rows.values), len(sums))
    best = np.argsort(-strength, kind="stable")[:5]
    assert heat.labels == [model.clusters.names[k] for k in best]
    np.testing.assert_allclose(heat.values.sum(axis=1), sums[best], rtol=1e-5, atol=1e-12)
    families = live.live.heat("tokens", found, "family", 10_000, 40)
    assert families.values.sum() == pytest.approx(found.rows.values.sum(), rel=1e-4)
    bases = live.live.explain("onehot", view, choice, TRACKS[1])
    steps = live.live.bases(bases, 30)
    assert (steps.edges[0], steps.edges[-1]) == (bases.edges[0], bases.edges[-1])
    assert steps.values.sum() == pytest.approx(bases.bases.sum())


def test_live_tracks_say_what_they_explain_and_how_well(live):
    frame = framed(live, target="centre", by="tf", baseline="zero", track="dnase")
    stretch, motifs = motif_contributions(live, frame)
    assert stretch.title == "Explained stretch"
    assert stretch.note == "chr20:1,010,501-1,011,500, 1,000 bp"
    assert motifs.title == "DeepLIFT per factor, token model"
    assert "mean predicted dnase" in motifs.note.lower()
    assert "completeness error" in motifs.note
    (bases,) = base_contributions(live, frame)
    assert bases.title == "DeepLIFT per base, one-hot model"
    close = framed(live, Region("chr20", 1_010_000, 1_010_200), target="centre", baseline="zero")
    assert "letters below" not in base_contributions(live, close)[0].note


def test_a_window_is_explained_once(live, monkeypatch):
    choice = Explained(baseline="zero", target="centre")
    view = Region("chr20", 1_030_000, 1_031_000)
    first = live.live.explain("onehot", view, choice, TRACKS[0])
    monkeypatch.setattr(live.live, "_explained", None)
    assert live.live.explain("onehot", view, choice, TRACKS[0]) is first
    # A track that the model does not predict is its first.
    assert live.live.explain("onehot", view, choice, "rna") is first


def test_nothing_is_worked_out_for_a_browser_that_has_gone(live, monkeypatch):
    monkeypatch.setattr(live.live, "_explained", None)
    view, choice = Region("chr20", 1_040_000, 1_041_000), Explained(target="centre")
    with pytest.raises(GoneError):
        live.live.explain("tokens", view, choice, "", lambda: True)
    # Nor does it wait for another window to be done.
    with live.live._working, pytest.raises(GoneError):
        live.live.explain("tokens", view, choice, "", lambda: True)
    asked = threading.Event()

    def gone():
        asked.set()
        return True

    frame = framed(live, view, target="centre")
    frame = frame._replace(asked=frame.asked._replace(is_gone=gone))
    with pytest.raises(GoneError):
        motif_contributions(live, frame)
    assert asked.is_set()


def test_what_cannot_be_explained_is_a_sentence_in_its_track(live, monkeypatch):
    wide = Region("chr20", 1_005_000, 1_055_000)
    for draw in (motif_contributions, base_contributions):
        (track,) = draw(live, framed(live, wide, target="centre"))
        assert track.note.startswith("zoom in below ")
        assert "to explain live (the model was trained on 1,250" in track.note
        assert not track.traces
        (track,) = draw(live, framed(live, target=Region("chr20", 1_050_000, 1_050_500)))
        assert "is not in this window; go there, or choose the centre" in track.note
    # A stretch inside a wide window is explained by itself.
    near = framed(live, wide, target=Region("chr20", 1_030_000, 1_030_500), baseline="zero")
    assert motif_contributions(live, near)[0].note == "chr20:1,030,001-1,030,500, 500 bp"
    (long,) = motif_contributions(live, framed(live, wide, target=wide))
    assert "choose a shorter one" in long.note
    with live.live._working:
        _, source = live.live._open("onehot")
    monkeypatch.setattr(source, "unknown_bp", lambda chrom, edges: np.diff(edges))
    view = Region("chr20", 1_003_000, 1_003_400)
    (track,) = base_contributions(live, framed(live, view, target="centre"))
    assert "400 of the 400 bases of chr20:1,003,000-1,003,400 are N; choose" in track.note


def test_a_transformer_has_no_deeplift_and_says_so(live, monkeypatch):
    import torch

    from precompute.config_models import ModelConfig
    from precompute.models.store import TrainedModel, build_network

    kind = {"kind": "transformer", "layers": 1, "heads": 2, "feedforward": 8}
    config = ModelConfig(**{**ONEHOT.model_dump(), **kind})
    torch.manual_seed(0)
    with live.live._working:
        old, source = live.live._open("onehot")
        network = build_network("onehot", config, 4, len(TRACKS)).eval()
        card = {"training": {"window_bins": 40}}
        model = TrainedModel(network, "onehot", TRACKS, old.scalings, card, "onehot")
    monkeypatch.setattr(live.live, "_open", lambda name: (model, source))
    monkeypatch.setattr(live.live, "_kept", RecentlyUsed(4))
    view = Region("chr20", 1_004_000, 1_004_400)
    (track,) = base_contributions(live, framed(live, view, target="centre", baseline="zero"))
    assert "DeepLIFT needs a convolutional model" in track.note
    (track,) = base_contributions(live, framed(
        live, view, target="centre", baseline="zero", method="integrated_gradients"
    ))
    assert track.traces


def test_requests_and_links_are_checked(live):
    region = {"chrom": "chr20", "start": 1_010_000, "end": 1_011_000}
    raw = {"region": region, "tracks": [], "part": "explained"}
    with pytest.raises(ExplainedError, match="no attribution method"):
        window_json(live, {**raw, "explain": {**Explained().as_json(), "method": "magic"}})
    typed = json.loads(window_json(live, {**raw, "region": None, "place": "chr20:1010001-1011000"}))
    assert typed["region"] == region
    for wrong in ("chrZ:1-5", 7, ["chr20:1-5"]):
        with pytest.raises(RegionError):
            window_json(live, {**raw, "place": wrong})
    assert checked(live, None) == Explained(track=live.genome.attributions.about["track"])
    link = "tokens,onehot,deeplift,zero,chr20:1010001-1011000,family,dnase"
    assert choice_of_link(live, link) == (
        "tokens", "onehot", "deeplift", "zero", "stretch", "chr20:1,010,001-1,011,000", "family",
        "dnase")
    with pytest.raises(ExplainedError, match="could not be read"):
        choice_of_link(live, "tokens")
    assert target_of("centre", "nonsense", live) == "centre"
    with pytest.raises(RegionError, match="type the stretch to explain"):
        target_of("stretch", " ", live)
    assert target_of("stretch", "chr20:1,010,001-1,011,000", live)["start"] == 1_010_000


def test_the_button_says_what_differs():
    default = Explained()
    assert chosen_text(default, default) == "Contributions: stored"
    assert chosen_text(default._replace(by="tf"), default) == "Contributions: stored, per factor"
    assert chosen_text(Explained(target="centre", method="input_x_gradient"), default) == (
        "Contributions: Input x Gradient, centre"
    )
    assert error_text(0.41) == "41 %"
    assert error_text(float("inf")).startswith("not defined")
