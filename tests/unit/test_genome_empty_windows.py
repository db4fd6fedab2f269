"""Windows that hold nothing: a stretch of N, no motif, no gene, the ends of a chromosome."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from vizapp.state import Region
from vizapp.views.genome_drawing import build_genome


def test_attribution_of_a_window_without_motifs_has_no_rows(data):
    genome = data.genome
    start = genome.chroms["chr20"][0]
    # The synthetic run holds N at bases 50 to 90, so its bins there have no token.
    heat = genome.attributions.heat(Region("chr20", start + 60, start + 80))
    assert heat.labels == []
    assert heat.values.shape == (0, len(heat.edges) - 1)


@pytest.mark.parametrize("width", [20, 300, 5_000])
@pytest.mark.parametrize("chrom", ["chr20", "chr21"])
@pytest.mark.parametrize("side", ["first", "last"])
def test_both_ends_of_every_chromosome_can_be_drawn(data, chrom, side, width):
    low, high = data.genome.chroms[chrom]
    start = low if side == "first" else high - width
    figure = build_genome(data, Region(chrom, start, start + width))
    go.Figure(figure)
    assert figure["layout"]["xaxis"]["range"] == [start, start + width]


def test_a_stretch_of_n_is_drawn_and_says_that_it_has_no_motif(data):
    start = data.genome.chroms["chr20"][0]
    figure = build_genome(data, Region("chr20", start + 60, start + 80))
    notes = " ".join(a["text"] for a in figure["layout"]["annotations"])
    assert "no motif in this window" in notes
    assert not np.isnan(figure["layout"]["xaxis"]["range"]).any()
