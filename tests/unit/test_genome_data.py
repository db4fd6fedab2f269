"""Tracks of a window against brute force, and the ways to get somewhere."""

from __future__ import annotations

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute.errors import MotiflensError, RegionError
from vizapp.callbacks.links import go_to, led_to, opening_selection
from vizapp.data.genome import reduce_mean, reduce_mode, window_r
from vizapp.data.genome_columns import entropy_bits
from vizapp.figures.genome import GeneShape, gene_rows
from vizapp.genome_state import TrackItem, parse_tracks
from vizapp.state import MIN_WINDOW_BP, Region
from vizapp.views.genome_drawing import build_genome, build_tracks, width_text
from vizapp.views.genome_frame import frame_of


@pytest.fixture(scope="module")
def genome(data):
    return data.genome


@pytest.fixture(scope="module")
def chrom(genome):
    return next(iter(genome.chroms))


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.integers(0, 9), min_size=1, max_size=300), columns=st.integers(1, 50))
def test_reductions_cover_everything_once(values, columns):
    array = np.array(values)
    cuts, means = reduce_mean(array, columns)
    assert (cuts[0], cuts[-1]) == (0, len(values))
    assert np.allclose(means, [array[a:b].mean() for a, b in itertools.pairwise(cuts)])
    cuts, modes = reduce_mode(array, columns)
    for a, b, mode in zip(cuts[:-1], cuts[1:], modes, strict=True):
        assert (array[a:b] == mode).sum() == np.bincount(array[a:b]).max()


def test_window_r_is_pearsons_and_undefined_for_a_flat_side():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=50), rng.normal(size=50)
    assert window_r(a, b) == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert np.isnan(window_r(a, np.ones(50)))
    assert np.isnan(window_r(a[:2], b[:2]))


def test_predicted_and_observed_cells_line_up(data, genome, chrom):
    import pyBigWig

    track = genome.predicted_tracks[0]
    low, _high = genome.chroms[chrom]
    region = Region(chrom, low + 16 * 40, low + 16 * 60)
    steps = genome.predicted(region, track, "onehot")
    assert (steps.edges[0], steps.edges[-1]) == (region.start, region.end)
    handle = pyBigWig.open(str(data.run.folder("predictions_onehot") / f"{track}.bw"))
    expected = handle.stats(chrom, region.start, region.end, nBins=20, exact=True)
    assert np.allclose(steps.values, np.array(expected, dtype=float), rtol=1e-3, atol=1e-6)
    r, n = genome.correlation(region, track, "onehot")
    assert n == 20
    assert -1 <= r <= 1 or np.isnan(r)


def test_attribution_rows_are_the_strongest_clusters_and_keep_their_sums(data, genome, chrom):
    low, _high = genome.chroms[chrom]
    region = Region(chrom, low + 2_000, low + 12_000)
    heat = genome.attributions.heat(region)
    group = data.run.group("attributions_tokens")[chrom]
    lo, hi = genome.bins(region)
    indptr = group["indptr"][:]
    part = slice(indptr[lo], indptr[hi])
    cluster, value = group["indices"][part], group["values"][part]
    total = np.bincount(cluster, np.abs(value), len(genome.cluster_labels))
    best = np.argsort(-total, kind="stable")[: len(heat.labels)]
    assert heat.labels == [genome.cluster_labels[c] for c in best]
    for row, c in enumerate(best):
        assert heat.values[row].sum() == pytest.approx(value[cluster == c].sum(), abs=1e-4)
    tiles, errors = group["tile_edges"][:], group["tile_error"][:]
    touching = errors[(tiles[:-1] < hi) & (tiles[1:] > lo)]
    assert heat.error == max(touching)


def test_the_app_opens_on_an_accessible_ctcf_site(genome):
    region = genome.opening
    middle = (region.start + region.end) // 2
    peaks = genome.peaks[(genome.peaks["start"] <= middle) & (genome.peaks["end"] >= middle)]
    assert {"CTCF", "DNase-seq"} <= set(peaks["target"])


def test_stepping_visits_every_peak_in_order_and_says_when_there_is_none(genome, chrom):
    low, _high = genome.chroms[chrom]
    target = next(iter(genome.targets))
    peaks = genome.peaks[(genome.peaks["target"] == target) & (genome.peaks["chrom"] == chrom)]
    centres = sorted({(a + b) // 2 for a, b in zip(peaks["start"], peaks["end"], strict=True)})
    region, seen = Region(chrom, low, low + 40), []
    while not seen or seen[-1] < max(centres):
        region = genome.step(region, f"peak:{target}", True)
        seen.append((region.start + region.end) // 2)
    with pytest.raises(RegionError, match="there is no"):
        genome.step(region, f"peak:{target}", True)
    assert len(seen) >= len(centres) - 2
    assert seen == sorted(seen)
    with pytest.raises(RegionError, match="choose what to step to"):
        genome.step(region, "peak:nothing", True)


def test_genes_are_found_in_any_case_and_unknown_ones_suggest(genome):
    row = genome.genes.iloc[0]
    region = genome.find_gene(row["gene"].lower())
    assert region.start <= row["start"]
    assert region.end >= row["end"]
    with pytest.raises(RegionError, match=f"did you mean .*{row['gene']}"):
        genome.find_gene(row["gene"] + "X")
    with pytest.raises(RegionError, match="there is no gene 'QQQQQQ'"):
        genome.find_gene("QQQQQQ")


def test_typed_places(data, genome, chrom):
    low, high = genome.chroms[chrom]
    typed = go_to(data, f"{chrom}:{low + 101:,}-{low + 300:,}")
    assert typed == Region(chrom, low + 100, low + 300)
    assert go_to(data, chrom) == Region(chrom, low, high)
    one = go_to(data, f"{chrom}:{low + 5_000}")
    assert one.start <= low + 4_999 < one.end
    wrong = ("chr7:1-100", f"{chrom}:300-100", f"{chrom}:999999999-1999999999", "NOSUCHGENE", "")
    for text in wrong:
        with pytest.raises(RegionError):
            go_to(data, text)


def test_a_place_of_a_table_is_shown_as_wide_as_the_window_is(data, chrom, genome):
    low, _ = genome.chroms[chrom]
    row = {"chrom": chrom, "start": low + 7_000, "end": low + 7_015}
    for width, shown in ((2_000, 2_000), (20_000, 20_000), (200, 2_000), (90_000, 2_000)):
        now = {"chrom": chrom, "start": low + 1_000, "end": low + 1_000 + width}
        place = led_to(data, {"around": row}, now)
        assert place.start < row["start"] < row["end"] < place.end
        assert place.width == shown


@pytest.mark.parametrize("place", [
    {}, {"around": None}, {"around": {"chrom": "chr20"}}, {"around": [1]},
    {"around": {"chrom": "chr99", "start": 1, "end": 2}},
    {"around": {"chrom": "chr20", "start": "1", "end": 2}}, {"step": None}, {"step": "peak:none"},
    {"step": "motif:none", "forward": "yes"}, {"step": ["gene"]}, {"other": 1}, [], 7, None,
])
def test_a_place_that_is_none_is_a_sentence(data, place):
    now = data.genome.opening._asdict()
    with pytest.raises(MotiflensError):
        led_to(data, place, now)
    with pytest.raises(MotiflensError):
        led_to(data, {"step": "gene", "forward": True}, {"chrom": "chr20"})


def test_a_step_leads_to_the_next_gene_and_back(data, genome):
    genes = genome.genes[genome.genes["chrom"] == "chr20"]
    middles = sorted(set(((genes["start"] + genes["end"]) // 2).tolist()))
    now = Region("chr20", middles[1] - 100, middles[1] + 100)
    beyond = [m for m in middles if m > middles[1] + 1]
    assert len(beyond) > 3

    def middle(place, now):
        there = led_to(data, {"step": "gene", **place}, now._asdict())
        return there, (there.start + there.end) // 2

    there, first = middle({"forward": True}, now)
    assert abs(first - beyond[0]) <= 1
    assert middle({"forward": False}, there)[1] < first
    # Several at once are one after another, as many as there are.
    _, third = middle({"forward": True, "times": 3}, now)
    assert abs(third - beyond[2]) <= 1
    assert middle({"forward": True, "times": 100}, now)[1] >= third
    with pytest.raises(RegionError, match="take 1 to 100"):
        middle({"times": 101}, now)


def test_the_figure_is_valid_at_every_scale(data, genome, chrom):
    low, high = genome.chroms[chrom]
    titles = set()
    for width in (MIN_WINDOW_BP, 200, 5_000, 60_000, high - low):
        region = Region(chrom, low + 100 if width < high - low else low, low)
        region = Region(chrom, region.start, region.start + width)
        figure = build_genome(data, region)
        go.Figure(figure)
        titles |= {a["text"].split("</b>")[0] for a in figure["layout"]["annotations"]}
        assert figure["layout"]["xaxis"]["range"] == [region.start, region.end]
        assert "completeness error" in str(figure["layout"]["annotations"]) or width > 500_000
    assert {"<b>Genes", "<b>Observed", "<b>Token model", "<b>One-hot model", "<b>Motif depth",
            "<b>Tokens by megacluster"} <= titles


def test_what_is_sent_around_a_window_holds_the_window_exactly(data, genome, chrom):
    """Sums of every column within the window agree with a figure of the window alone."""
    low, _high = genome.chroms[chrom]
    view = Region(chrom, low + 4_000, low + 5_200)
    frame = frame_of(data, view, is_around=True)
    assert (frame.loaded.start, frame.loaded.end) == (view.start - 1_200, view.end + 1_200)
    around = genome.depth(frame.loaded, frame.columns)
    alone = genome.depth(view)
    inside = (around.edges[:-1] >= view.start) & (around.edges[1:] <= view.end)
    assert np.array_equal(around.edges[:-1][inside], alone.edges[:-1])
    assert np.array_equal(around.values[inside], alone.values)
    stored = genome.attributions
    wide, narrow = stored.heat(view, loaded=frame.loaded), stored.heat(view)
    assert (wide.labels, wide.error) == (narrow.labels, narrow.error)
    # At the chromosome's end there is nothing beyond it.
    first = frame_of(data, Region(chrom, low, low + 1_000), is_around=True)
    assert (first.loaded.start, first.loaded.end) == (low, low + 2_000)


@pytest.mark.parametrize("columns", [1, 2, 5])
def test_coarse_depth_is_the_mean_of_the_bases(genome, chrom, data, columns):
    low, high = genome.chroms[chrom]
    steps = genome.depth(Region(chrom, low, high), columns)
    depth = data.run.group("depth")[f"{chrom}/depth"][:]
    sums = [depth[a - low : b - low].sum() for a, b in itertools.pairwise(steps.edges)]
    sizes = np.diff(steps.edges)
    # The last cell is shorter, so the last column's mean of cells may differ a little.
    assert np.allclose(steps.values[:-1], (np.array(sums) / sizes)[:-1])
    assert (steps.edges[0], steps.edges[-1]) == (low, high)


def test_entropy_is_shannons_and_leaves_out_bins_without_a_motif():
    values = np.array([0, 0, 1, 1, -1, 2, 2, 2, -1, -1])
    bits = entropy_bits(values, np.array([0, 5, 8, 10]))
    assert bits == pytest.approx([1.0, 0.0, 0.0])


def test_unknown_tracks_and_peak_sets_are_refused(data, genome):
    from precompute.errors import MotiflensError

    for name in ("../secret", "observed.nope", "peaks.nope", "predicted.nope.atac", ""):
        with pytest.raises(MotiflensError, match="no track"):
            parse_tracks([{"id": name}], data.tracks.catalogue)
    with pytest.raises(MotiflensError, match="a part of the view is one of"):
        build_tracks(data, genome.opening, [TrackItem("genes")], "everything")


def test_genes_in_one_row_never_overlap():
    rng = np.random.default_rng(1)
    genes = [GeneShape(f"g{i}", int(s), int(s) + 900, "+", []) for i, s in
             enumerate(rng.integers(0, 10_000, 30))]
    rows = gene_rows(genes, 0, 10_000, most=6)
    assert len(rows) <= 6
    for row in rows:
        assert all(a.end < b.start for a, b in itertools.pairwise(row))


def test_opening_selection_is_a_community_of_the_map(data, genome):
    raw = opening_selection(data, genome.opening)
    assert raw["id"] in data.explorer.communities("mega").index


def test_widths_are_written_for_people():
    assert [width_text(w) for w in (812, 20_000, 1_250_000)] == ["812 bp", "20 kb", "1.25 Mb"]
    assert [width_text(w) for w in (999_499, 999_500)] == ["999 kb", "1 Mb"]
