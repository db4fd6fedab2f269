"""Contributions that are worked out when they are looked at, by any model that fits the run.

Models and what they need are loaded when the first is asked for; one window is explained at a time,
on a bounded number of threads, and the windows that were explained last are kept. Nothing of it
belongs to a user.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import MotiflensError, RegionError
from precompute.recently_used import RecentlyUsed
from precompute.token_store import TokenStore
from vizapp.data.genome_columns import Steps, even_cuts
from vizapp.data.stored_attributions import Heat, heat_columns, strongest
from vizapp.explained import Explained
from vizapp.loci import format_locus
from vizapp.state import Region

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from precompute.attribution.results import WindowAttribution
    from precompute.models.dataset import Source
    from precompute.models.store import TrainedModel

#: Threads of one explanation, windows that are kept, and models that stay open.
_THREADS = min(4, os.cpu_count() or 1)
_KEPT_WINDOWS = 24
_KEPT_MODELS = 4

_LOOK_AROUND_S = 0.05
_CELL_BP = 16

#: Whether nobody waits for the answer any more.
IsGone = Callable[[], bool]


class GoneError(MotiflensError):
    """Nobody waits for this window: a newer one was asked for."""


class LiveModel(NamedTuple):
    """A model that windows can be explained with.

    Attributes
    ----------
    name, label, encoding, tracks : as the registry has them
    positions : longest window that it was trained on, bins or 16-bp cells
    is_walkable : whether DeepLIFT can walk it
    """

    name: str
    label: str
    encoding: str
    tracks: tuple[str, ...]
    positions: int
    is_walkable: bool


class _Asked(NamedTuple):
    model: str
    window: Region
    target: tuple[int, int]
    method: str
    baseline: str
    track: str


class LiveAttributions:
    """Explains windows of one run.

    Parameters
    ----------
    run : run folder
    tokens : its bins
    seed : of the run, for backgrounds and shuffles
    """

    def __init__(self, run: RunFolder, tokens: TokenStore, seed: int) -> None:
        self._run, self._tokens, self._seed = run, tokens, seed
        self._working = threading.Lock()
        self._opened = RecentlyUsed(_KEPT_MODELS)
        self._kept = RecentlyUsed(_KEPT_WINDOWS)

    # -- models -------------------------------------------------------------------------------

    @cached_property
    def models(self) -> dict[str, LiveModel]:
        """The run's own models and the shipped ones that fit it, by name."""
        from precompute.models.registry import model_names

        found = {}
        for entry in model_names(self._run):
            card = json.loads((entry.folder / "model.json").read_text(encoding="utf-8"))
            trained = card.get("training", {}).get("window_bins", 1250)
            kind = card.get("architecture", {}).get("kind", "conv")
            found[entry.name] = LiveModel(
                entry.name, entry.label, entry.encoding, entry.tracks, int(trained),
                kind != "transformer",
            )
        return found

    @cached_property
    def encodings(self) -> dict[str, str]:
        """Encoding of each model, by name."""
        return {name: model.encoding for name, model in self.models.items()}

    def widest_bp(self, model: LiveModel, chrom: str) -> int:
        """About the widest window that a model can explain, bp."""
        if model.encoding == "onehot":
            return _CELL_BP * model.positions
        edges = self._tokens.edges(chrom)
        return int(model.positions * (int(edges[-1]) - int(edges[0])) / (len(edges) - 1))

    def _open(self, name: str) -> tuple[TrainedModel, Source]:
        import torch

        from precompute.attribution.opening import opened_model

        def opened() -> tuple[TrainedModel, Source]:
            if torch.get_num_threads() != _THREADS:
                torch.set_num_threads(_THREADS)
            return opened_model(self._run, name)

        found: tuple[TrainedModel, Source] = self._opened.get(name, opened)
        return found

    # -- a window -----------------------------------------------------------------------------

    def _asked(self, model: LiveModel, view: Region, choice: Explained, track: str) -> _Asked:
        widest = self.widest_bp(model, view.chrom)
        unit = "bins" if model.encoding == "tokens" else f"{_CELL_BP}-bp cells"
        hint = f"the model was trained on {model.positions:,} {unit}"
        target, window = choice.target, view
        if isinstance(target, Region):
            if not (target.chrom == view.chrom
                    and view.start <= target.start and target.end <= view.end):
                raise RegionError(
                    f"the explained stretch {format_locus(*target)} is not in this window; go "
                    "there, or choose the centre"
                )
            if self._positions(model, view) > model.positions:
                window = target
            if self._positions(model, target) > model.positions:
                raise RegionError(
                    f"the explained stretch is wider than {widest / 1000:.0f} kb: choose a "
                    f"shorter one ({hint})"
                )
            aim = target.start, target.end
        else:
            if self._positions(model, view) > model.positions:
                raise RegionError(
                    f"zoom in below {widest / 1000:.0f} kb to explain live ({hint})"
                )
            quarter = view.width // 4 if target == "centre" else 0
            aim = view.start + quarter, view.end - quarter
        shown = track if track in model.tracks else model.tracks[0]
        return _Asked(model.name, window, aim, choice.method, choice.baseline, shown)

    def _positions(self, model: LiveModel, region: Region) -> int:
        if model.encoding == "onehot":
            start = int(self._tokens.edges(region.chrom)[0])
            return -(-(region.end - start) // _CELL_BP) - (region.start - start) // _CELL_BP
        lo, hi = self._tokens.bin_range(*region)
        return hi - lo

    def explain(
        self, name: str, view: Region, choice: Explained, track: str,
        is_gone: IsGone | None = None,
    ) -> WindowAttribution:
        """Contributions to a window's prediction, by the model called ``name``.

        Parameters
        ----------
        track : which track to explain, where the model predicts it; else its first
        is_gone : asked before the work begins

        Raises
        ------
        MotiflensError
            When the window cannot be explained this way; the sentence says why.
        GoneError
            When nobody waits for it.
        """
        asked = self._asked(self.models[name], view, choice, track)
        while not self._working.acquire(timeout=_LOOK_AROUND_S):
            if is_gone is not None and is_gone():
                raise GoneError("a newer window was asked for")
        try:
            if asked not in self._kept and is_gone is not None and is_gone():
                raise GoneError("a newer window was asked for")
            found: WindowAttribution = self._kept.get(asked, lambda: self._explained(asked))
            return found
        finally:
            self._working.release()

    def _explained(self, asked: _Asked) -> WindowAttribution:
        from precompute.attribution.engine import explain_window

        model, source = self._open(asked.model)
        chrom, start, end = asked.window
        return explain_window(
            model, source, chrom, start, end, asked.method, asked.baseline, asked.target,
            asked.track, self._seed,
        )

    # -- as it is drawn ------------------------------------------------------------------------

    def heat(
        self, name: str, found: WindowAttribution, by: str, most: int, columns: int
    ) -> Heat:
        """Rows of the heatmap of an explained window, strongest first."""
        from precompute.attribution.motif_shares import attribution_by
        from precompute.attribution.opening import assignment_of

        with self._working:
            model, _ = self._open(name)
        lo = int(np.searchsorted(self._tokens.edges(found.chrom), found.edges[0]))
        occupancy = self._tokens.feature_values(found.chrom, lo, lo + len(found.edges) - 1)
        clusters = model.clusters.names if model.clusters is not None else []
        read = attribution_by(
            by, found.rows, occupancy, assignment_of(self._run, model),  # type: ignore[arg-type]
            self._run.table("features"), clusters,
        )
        return heat_of(read.names, read.values, found.edges, most, columns, found.error)

    def stored_heat(
        self, arrays: tuple[NDArray, NDArray, NDArray], first_bin: int, chrom: str, by: str,
        most: int, columns: int, error: float,
    ) -> Heat:
        """The same for stored contributions of consecutive bins: ``arrays`` are their CSR
        (indptr, cluster, value)."""
        from precompute.attribution.motif_shares import attribution_by
        from precompute.models.sparse import SparseRows

        rows = SparseRows(*arrays, self._tokens.n_clusters)
        n = rows.n_rows
        occupancy = self._tokens.feature_values(chrom, first_bin, first_bin + n)
        read = attribution_by(
            by, rows, occupancy, self._tokens.feature_cluster, self._run.table("features"), [],
        )
        edges = self._tokens.edges(chrom)[first_bin : first_bin + n + 1].astype(np.int64)
        return heat_of(read.names, read.values, edges, most, columns, error)

    @staticmethod
    def bases(found: WindowAttribution, columns: int) -> Steps:
        """Contribution per base of an explained window, summed over columns."""
        values = found.per_base()
        cuts = even_cuts(len(values), columns)
        return Steps(found.edges[0] + cuts, np.add.reduceat(values, cuts[:-1]))


def heat_of(
    names: list[str], values: csr_matrix, edges: NDArray[np.int64], most: int, columns: int,
    error: float,
) -> Heat:
    """The ``most`` strongest columns of (bins, names), bins reduced to ``columns``."""
    n, n_names = values.shape
    cuts = even_cuts(n, columns)
    column = np.repeat(np.arange(len(cuts) - 1), np.diff(values.indptr[cuts]))
    top = strongest(values.indices, values.data, n_names, most)
    heat = heat_columns(top, n_names, values.indices, column, values.data, len(cuts) - 1)
    return Heat(edges[cuts], [names[k] for k in top], heat, error)
