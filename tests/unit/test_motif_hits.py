"""Motif hits of a window and the next one, against every word of the sequence scored by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from precompute.errors import MotiflensError, RegionError
from precompute.motifs import build_profiles
from vizapp.callbacks.links import led_to
from vizapp.data.motif_hits import MotifHits
from vizapp.figures.genome_hits import Hit, hits_track, strongest
from vizapp.state import Region
from vizapp.views.genome import step_options
from vizapp.views.genome_drawing import TrackItem, build_genome, build_tracks


def step(data, now, kind, forward):
    return led_to(data, {"step": kind, "forward": forward}, now._asdict())


@pytest.fixture(scope="module")
def every(data) -> list[tuple[int, int, int, float]]:
    """(start, end, feature, bits) of every hit of chr21, found word by word."""
    low, high = data.genome.chroms["chr21"]
    codes = data.genome.codes(Region("chr21", low, high))
    found = []
    for row, profile in enumerate(build_profiles(data.root / "profiles.jaspar", 0.8, 0.05)):
        for strand, scores in enumerate((profile.scores, profile.scores[::-1, ::-1])):
            words = sliding_window_view(codes, profile.width)
            known = np.flatnonzero(words.max(axis=1) < 4)
            score = scores[np.arange(profile.width), words[known]].sum(axis=1)
            found += [
                (low + at, low + at + profile.width, 2 * row + strand, bits / 100)
                for at, bits in zip(known.tolist(), score.tolist(), strict=True)
                if bits >= profile.threshold
            ]
    return sorted(found)


def test_a_windows_hits_are_all_that_touch_it(data, every):
    low, _ = data.genome.chroms["chr21"]
    for start, width in ((low, 300), (low + 1_501, 200), (low + 2_000, 20)):
        region = Region("chr21", start, start + width)
        found = data.motif_hits.window(region)
        want = [h for h in every if h[1] > region.start and h[0] < region.end]
        columns = (found.start, found.end, found.feature, found.bits)
        assert [tuple(map(float, h)) for h in zip(*columns, strict=True)] == want


def test_steps_visit_every_hit_of_a_factor_in_order_and_back(data, every):
    motifs = data.motif_hits
    low, high = data.genome.chroms["chr21"]
    name = max(motifs.factors, key=lambda n: sum(h[2] in motifs.factors[n] for h in every))
    centres = sorted({(h[0] + h[1]) // 2 for h in every if h[2] in set(motifs.factors[name])})
    centres = [c for c in centres if low + 50 < c < high - 50]
    # Within two bases of each other counts as here.
    want = [c for i, c in enumerate(centres) if i == 0 or c - centres[i - 1] > 1]
    assert len(want) > 3
    now, seen = Region("chr21", low, low + 100), []
    for _ in want:
        now = step(data, now, f"motif:{name}", forward=True)
        seen.append((now.start + now.end) // 2)
        assert now.width == 100
    assert set(seen) <= set(centres)
    assert seen == sorted(seen)
    back = step(data, now, f"motif:{name}", forward=False)
    assert (back.start + back.end) // 2 < seen[-1]
    end = Region("chr21", high - 20, high)
    with pytest.raises(RegionError, match=f"no {name} motif hit after"):
        step(data, end, f"motif:{name}", forward=True)


def test_a_clusters_hits_are_those_of_its_features(data, every):
    labels = data.genome.cluster_labels
    features, what = data.motif_hits.chosen("cluster:0", labels)
    assert what == f"hit of motif cluster {labels[0]}"
    low, _ = data.genome.chroms["chr21"]
    first = min(h for h in every if h[2] in set(features) and (h[0] + h[1]) // 2 > low + 51)
    now = data.motif_hits.step(Region("chr21", low, low + 100), features, what, True)
    assert (now.start + now.end) // 2 == (first[0] + first[1]) // 2


@pytest.mark.parametrize("kind", ["motif:", "motif:nope", "cluster:-1", "cluster:99999",
                                  "cluster:²", "cluster:1.5", "motif:<script>", "hits:CTCF"])
def test_unknown_motifs_are_a_sentence(data, kind):
    with pytest.raises(MotiflensError):
        step(data, data.genome.opening, kind, forward=True)


def test_the_list_of_steps_offers_motifs_by_what_is_typed_and_keeps_what_is_chosen(data):
    name = next(iter(data.motif_hits.factors))
    usual = {item["value"] for group in step_options(data, "", "gene") for item in group["items"]}
    assert {"gene", "selection"} <= usual
    assert not any(v.startswith("motif:") for v in usual)
    typed = {item["value"] for group in step_options(data, name.lower(), f"motif:{name}")
             for item in group["items"]}
    assert f"motif:{name}" in typed
    assert usual <= typed
    kept = {item["value"] for group in step_options(data, "zzz", "cluster:0")
            for item in group["items"]}
    assert "cluster:0" in kept
    assert len(kept) == len(usual) + 1


def test_the_strongest_hits_are_drawn_without_overlap_and_once_per_cluster():
    def hit(start, end, bits, cluster=0, strand="+"):
        return Hit(start, end, strand, "X", "P", cluster, bits)

    best, twin, other = hit(10, 20, 9.0), hit(12, 22, 8.0), hit(12, 22, 7.0, 1)
    far = hit(40, 50, 1.0)
    assert strongest([far, other, twin, best], 1.0) == [[best, far], [other]]
    # Hits of ready-made files have no score: the wider ones come first.
    narrow, wide = hit(0, 5, math.nan), hit(0, 12, math.nan, 1)
    assert strongest([narrow, wide], 1.0) == [[wide], [narrow]]


def test_boxes_point_along_their_strand_and_logos_are_in_bits():
    pfm = np.array([[1.0, 0, 0, 0], [0.25] * 4])
    hits = [Hit(10, 20, "+", "CTCF", "P", 0, 9.0), Hit(30, 40, "-", "CTCF", "P", 1, 8.0)]
    row = hits_track(hits, {"P": pfm}, 2, 100, 2).as_row()
    tips = [max(t["x"][:6]) if i == 0 else min(t["x"][:6]) for i, t in enumerate(row["traces"][:2])]
    assert tips == [20, 30]
    assert [t["x"].count(tip) for t, tip in zip(row["traces"], tips, strict=False)] == [1, 1]
    assert row["logos"] == {"P": [[2.0, 0, 0, 0], [0, 0, 0, 0]]}
    assert row["traces"][-1]["text"] == ["CTCF", "CTCF"]


def test_hits_are_a_track_of_narrow_windows_and_a_sentence_when_the_profiles_are_gone(
    data, monkeypatch
):
    low, _ = data.genome.chroms["chr21"]
    items = [TrackItem("hits")]
    assert build_tracks(data, Region("chr21", low, low + 5_000), items) == []
    narrow = Region("chr21", low + 300, low + 500)
    (row,) = build_tracks(data, narrow, items, "scanned", True)
    assert row.extra["boxes"]
    assert "boxes" not in str(build_genome(data, narrow, items)["layout"])

    def gone(self, region):
        raise MotiflensError("the profiles are gone")

    monkeypatch.setattr(MotifHits, "window", gone)
    (row,) = build_tracks(data, narrow, items)
    assert row.note == "the profiles are gone"
