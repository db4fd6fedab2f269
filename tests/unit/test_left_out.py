"""A run that explained its peaks alone: the doctor knows, and the genome view explains the rest."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from precompute.artefacts import RunFolder
from precompute.doctor import examine
from tests.model_run import store_models, write_model_run
from tests.synthetic_run import make_run
from vizapp.data import RunData
from vizapp.explained import Explained
from vizapp.state import Region
from vizapp.views.genome_explained import motif_contributions
from vizapp.views.genome_frame import Asked, frame_of


def leave_out(root) -> None:
    """Make the first tile of chr20 one that was not explained."""
    for encoding in ("tokens", "onehot"):
        group = zarr.open_group(RunFolder(root).path(f"attributions_{encoding}"), mode="r+")
        here = group["chr20"]
        end = int(here["tile_edges"][1])
        if encoding == "tokens":
            here["values"][: int(here["indptr"][end])] = np.nan
            here["absent"][:end] = np.nan
        else:
            here["values"][: end * 16] = np.nan
        for name in ("tile_prediction", "tile_baseline", "tile_error"):
            here[name][0] = np.nan


def test_the_doctor_takes_it_for_a_gap_only_where_peaks_were_asked_for(tmp_path):
    root = make_run(tmp_path / "run", n_bp=20_000)
    leave_out(root)
    names = {"attributions_tokens", "attributions_onehot"}
    assert names <= {f.artefact for f in examine(root, quick=True).findings}
    for name in names:
        group = zarr.open_group(RunFolder(root).path(name), mode="r+")
        group.attrs["peaks"] = ["CTCF"]
        group.attrs["flank_bp"] = 1000
    found = [f for f in examine(root, quick=True).findings if f.artefact in names]
    assert not found, [f.line() for f in found]


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    root = write_model_run(tmp_path_factory.mktemp("left_out") / "run")
    store_models(root)
    leave_out(root)
    return RunData(root)


def test_a_window_that_was_left_out_is_explained_live(some):
    group = some.run.group("attributions_tokens")["chr20"]
    edges = some.run.group("bins")["chr20/edges"][:]
    border = int(edges[int(group["tile_edges"][1])])

    def notes(start: int) -> str:
        view = Region("chr20", start, start + 500)
        frame = frame_of(some, view, True, Asked(Explained()))
        return " ".join(track.note for track in motif_contributions(some, frame))

    # Stored values have no prediction beside them; live ones have.
    assert "mean predicted" in notes(border - 1_500)
    assert "mean predicted" not in notes(border + 1_000)
