"""Edited windows for the page What if: predicted when they are asked for.

Models are opened at the first request that needs one; one request is worked on at a time, on a
bounded number of threads. What is kept follows from the request alone and belongs to no user.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.recently_used import RecentlyUsed
from precompute.token_store import TokenStore
from vizapp.data.what_if_boxes import (
    CallBox,
    TokenBox,
    call_boxes,
    clusters_of,
    factors_of,
    letters,
    token_boxes,
)
from vizapp.what_if_state import MAX_EDITS, WhatIf, WhatIfError

if TYPE_CHECKING:
    from precompute.what_if.apply import Bounds
    from precompute.what_if.compare import Comparison, Stage
    from precompute.what_if.mutagenesis import Mutations
    from precompute.what_if.predict import Predicted
    from precompute.what_if.reader import Reader
    from precompute.what_if.table import About
    from precompute.what_if.window import EditedWindow

_THREADS = min(4, os.cpu_count() or 1)
_KEPT_MODELS, _KEPT_STAGES, _KEPT_EDITED, _KEPT_PARTS, _KEPT_DRAWN = 3, 6, 24, 96, 12
_CELL_BP = 16
#: Windows that the page can show, bp.
MAX_WINDOW_BP = 40_000
#: Random substitutions that an effect is held against.
N_RANDOM = 100
#: Bases of a saturation mutagenesis worked on in one request.
PART_BP = 20
#: Calls drawn and listed at most.
MOST_CALLS = 60
_ALL = 1 << 40


class EditableModel(NamedTuple):
    """A model that windows can be edited for."""

    name: str
    label: str
    encoding: str
    tracks: tuple[str, ...]
    window_bp: int


class Drawn(NamedTuple):
    """All that the page shows of an edited window.

    Attributes
    ----------
    comparison : both predictions
    observed : float (n,), the track itself over the same cells
    tokens, calls : of the target; ``n_calls`` of all calls in it, of which ``calls`` are strongest
    letters : bases of the edited target
    factors, clusters : names and edits of what has a call in the target, most calls first
    """

    comparison: Comparison
    observed: NDArray[np.float64]
    tokens: list[TokenBox]
    calls: list[CallBox]
    n_calls: int
    letters: str
    factors: list[tuple[str, str]]
    clusters: list[tuple[str, str]]


class WhatIfData:
    """Edited windows of one run.

    Parameters
    ----------
    run : run folder
    tokens : its bins
    seed : of the run, for shuffles and random substitutions
    """

    def __init__(self, run: RunFolder, tokens: TokenStore, seed: int) -> None:
        self._run, self._tokens, self._seed = run, tokens, seed
        self._working = threading.RLock()
        self._readers, self._stages = RecentlyUsed(_KEPT_MODELS), RecentlyUsed(_KEPT_STAGES)
        self._edited, self._parts = RecentlyUsed(_KEPT_EDITED), RecentlyUsed(_KEPT_PARTS)
        self._windows, self._drawn = RecentlyUsed(_KEPT_EDITED), RecentlyUsed(_KEPT_DRAWN)

    # -- models -------------------------------------------------------------------------------

    @cached_property
    def models(self) -> dict[str, EditableModel]:
        """The run's own models and the shipped ones that fit it, by name."""
        from precompute.models.registry import model_names

        found = {}
        for entry in model_names(self._run):
            card = json.loads((entry.folder / "model.json").read_text(encoding="utf-8"))
            trained = (card.get("training") or {}).get("window_bins", 1250)
            window_bp = min(MAX_WINDOW_BP, max(_CELL_BP * int(trained), 2_000))
            found[entry.name] = EditableModel(
                entry.name, entry.label, entry.encoding, entry.tracks, window_bp
            )
        return found

    @cached_property
    def tracks(self) -> dict[str, tuple[str, ...]]:
        """Tracks of each model."""
        return {name: model.tracks for name, model in self.models.items()}

    @cached_property
    def track_about(self) -> dict[str, dict[str, Any]]:
        """Label and unit of each track of the run."""
        return dict(self._run.group("signal").attrs["tracks"])

    def _reader(self, name: str) -> Reader:
        import torch

        from precompute.what_if.reader import Reader

        if torch.get_num_threads() != _THREADS:
            torch.set_num_threads(_THREADS)
        reader: Reader = self._readers.get(name, lambda: Reader.open(self._run, name))
        return reader

    # -- windows ------------------------------------------------------------------------------

    def bounds(self, chrom: str, start: int, end: int) -> Bounds:
        """The window of whole cells around a stretch.

        Raises
        ------
        RegionError, WhatIfError
            When the run has no such sequence, or the window is too short or too long.
        """
        from precompute.what_if.compare import bounds_of

        if end - start > MAX_WINDOW_BP:
            raise WhatIfError(
                f"a window of {end - start:,} bp is too wide to edit; choose at most "
                f"{MAX_WINDOW_BP:,} bp"
            )
        return bounds_of(self._run, chrom, start, end)

    def _stage(self, state: WhatIf) -> Stage:
        from precompute.what_if.compare import open_stage

        bounds = self.bounds(state.chrom, state.start, state.end)
        reader = self._reader(state.model)
        stage: Stage = self._stages.get(
            (state.model, bounds), lambda: open_stage(reader, bounds)
        )
        return stage

    def _predicted(self, state: WhatIf) -> tuple[Stage, Predicted]:
        from precompute.what_if.apply import Editor
        from precompute.what_if.edits import parse_edits
        from precompute.what_if.predict import predict_edited

        parsed = parse_edits(state.edits, state.chrom)
        stage = self._stage(state)

        editor = Editor(stage.bounds, state.eraser, self._seed)

        def window(n: int) -> EditedWindow:
            """After the first ``n`` edits, from what is kept of the first ``n - 1``."""
            if n == 0:
                return stage.predicted.window
            key = (state.model, stage.bounds, parsed.texts[:n], state.eraser)
            made: EditedWindow = self._windows.get(
                key, lambda: editor.apply(window(n - 1), parsed.edits[n - 1 : n], n)
            )
            return made

        key = (state.model, stage.bounds, parsed.texts, state.eraser)
        return stage, self._edited.get(
            key, lambda: predict_edited(stage.predicted, window(len(parsed.edits)))
        )

    def with_edit(self, state: WhatIf, text: str) -> WhatIf:
        """The state with one more edit, in its one form; without it, where it has it already.

        Raises
        ------
        EditError
            When the edit does not fit.
        """
        from precompute.what_if.edits import parse_edits

        texts = parse_edits([text], state.chrom).texts
        edits = (
            tuple(edit for edit in state.edits if edit != texts[0]) if texts[0] in state.edits
            else state.edits + texts
        )
        if len(edits) > MAX_EDITS:
            raise WhatIfError(f"a window can have {MAX_EDITS} edits; take one away first")
        new = state._replace(edits=edits)
        with self._working:
            self._predicted(new)
        return new

    # -- what is shown ------------------------------------------------------------------------

    def _track(self, state: WhatIf) -> int:
        return self.tracks[state.model].index(state.track)

    def compare(self, state: WhatIf) -> Comparison:
        """Both predictions of a window.

        Raises
        ------
        MotiflensError
            When the window, the target or an edit does not fit; the sentence says why.
        """
        from precompute.what_if.compare import compare
        from precompute.what_if.edits import Span

        with self._working:
            stage, edited = self._predicted(state)
            return compare(stage, edited, Span(*state.target), self._track(state))

    def drawn(self, state: WhatIf) -> Drawn:
        """All that the page shows of a window; what is raised is that of :meth:`compare`."""
        with self._working:
            drawn: Drawn = self._drawn.get(state, lambda: self._draw(state))
            return drawn

    def _draw(self, state: WhatIf) -> Drawn:
        from precompute.what_if.calls import strongest_calls

        with self._working:
            comparison = self.compare(state)
            _, edited = self._predicted(state)
            found = strongest_calls(edited.window, *state.target, most=_ALL)
            return Drawn(
                comparison, self._observed(state, comparison.edges),
                token_boxes(state, edited.window, self._communities(state)),
                call_boxes(state.chrom, edited.window, found[:MOST_CALLS]), len(found),
                letters(state, edited.window), factors_of(edited.window, found),
                clusters_of(edited.window, found),
            )

    def _communities(self, state: WhatIf) -> dict[tuple[int, int], int]:
        """Megacluster of the run's own tokens of the target by their ends."""
        lo, hi = self._tokens.bin_range(state.chrom, *state.target)
        edges = self._tokens.edges(state.chrom)[lo : hi + 1].tolist()
        group = self._run.group("bin_communities")
        mega = group[f"{state.chrom}/megacluster"][lo:hi].tolist()
        return dict(zip(pairwise(edges), mega, strict=True))

    def edit_spans(self, state: WhatIf) -> list[tuple[int, int]]:
        """Where the edits with a place of their own are."""
        from precompute.what_if.edits import parse_edits

        edits = parse_edits(state.edits, state.chrom).edits
        spans = [getattr(edit, "span", None) for edit in edits]
        return [(span.start, span.end) for span in spans if span is not None]

    def percentile(self, state: WhatIf) -> float | None:
        """Share (%) of random substitutions in the target that change it less than the edits do;
        None without an edit, or where no base of the target is known."""
        from precompute.models.variants import percentile
        from precompute.what_if.edits import Span
        from precompute.what_if.mutagenesis import random_folds

        if not state.edits:
            return None
        with self._working:
            fold = self.compare(state).effect.log2_fold
            stage, track = self._stage(state), self._track(state)
            folds = self._parts.get(
                ("random", state.model, track, stage.bounds, state.target),
                lambda: random_folds(stage, Span(*state.target), track, N_RANDOM, self._seed),
            )
            return percentile(fold, folds) if len(folds) else None

    def _observed(self, state: WhatIf, edges: NDArray[np.int64]) -> NDArray[np.float64]:
        n = len(edges) - 1
        signal = self._run.group("signal")
        if state.track not in self.track_about:
            return np.full(n, np.nan)
        first = int(self._run.group("sequence")[state.chrom].attrs["start"])
        lo = (int(edges[0]) - first) // _CELL_BP
        return np.asarray(
            signal[f"{state.chrom}/{state.track}/grid"][lo : lo + n], dtype=np.float64
        )

    # -- mutagenesis ----------------------------------------------------------------------------

    def mutations(self, state: WhatIf, stretch: tuple[int, int], upto: int) -> list[Mutations]:
        """The first ``upto`` bases of a saturation mutagenesis, in parts that are kept.

        Raises
        ------
        MotiflensError
            When the stretch is too long or not in the window.
        """
        from precompute.what_if.edits import Span
        from precompute.what_if.mutagenesis import checked_stretch, mutate

        with self._working:
            stage, edited = self._predicted(state)
            checked_stretch(stage, Span(*stretch))
            target, track = Span(*state.target), self._track(state)
            stop = min(stretch[1], stretch[0] + max(1, upto))
            parts = []
            for first in range(stretch[0], stop, PART_BP):
                part = Span(first, min(first + PART_BP, stretch[1]))
                key = ("part", state, part)
                parts.append(self._parts.get(key, lambda p=part: mutate(  # type: ignore[misc]
                    stage, edited, p, target, track)))
            return parts

    # -- tables ---------------------------------------------------------------------------------

    def _about(self, state: WhatIf) -> About:
        from precompute.what_if.edits import Span, parse_edits
        from precompute.what_if.table import About

        model = self.models[state.model]
        unit = str(self.track_about.get(state.track, {}).get("unit", "signal"))
        return About(
            state.model, state.track, unit, self.bounds(state.chrom, state.start, state.end),
            Span(*state.target), parse_edits(state.edits, state.chrom).texts,
            state.eraser if model.encoding == "onehot" else "",
        )

    def comparison_csv(self, state: WhatIf) -> Iterator[str]:
        """Both predictions as a table."""
        from precompute.what_if.table import comparison_csv

        return comparison_csv(self._about(state), self.compare(state))

    def mutagenesis_csv(self, state: WhatIf, stretch: tuple[int, int]) -> Iterator[str]:
        """Every substitution of a stretch as a table."""
        from precompute.what_if.table import mutagenesis_csv

        n = stretch[1] - stretch[0]
        return mutagenesis_csv(self._about(state), self.mutations(state, stretch, n))
