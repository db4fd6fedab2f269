"""Edited windows for the page What if: predicted when they are asked for.

Models are opened at the first request that needs one; one request is worked on at a time, on a
bounded number of threads. What is kept follows from the request alone and belongs to no user.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.token_store import TokenStore
from vizapp.what_if_state import MAX_EDITS, WhatIf, WhatIfError

if TYPE_CHECKING:
    from precompute.what_if.apply import Bounds
    from precompute.what_if.compare import Comparison, Stage
    from precompute.what_if.mutagenesis import Mutations
    from precompute.what_if.predict import Predicted
    from precompute.what_if.reader import Reader
    from precompute.what_if.table import About

_THREADS = min(4, os.cpu_count() or 1)
_KEPT_MODELS, _KEPT_STAGES, _KEPT_EDITED, _KEPT_PARTS = 3, 6, 24, 96
_CELL_BP = 16
#: Windows that the page can show, bp.
MAX_WINDOW_BP = 40_000
#: Random substitutions that an effect is held against.
N_RANDOM = 100
#: Bases of a saturation mutagenesis worked on in one request.
PART_BP = 20
#: Calls drawn and listed at most.
MOST_CALLS = 60


class EditableModel(NamedTuple):
    """A model that windows can be edited for."""

    name: str
    label: str
    encoding: str
    tracks: tuple[str, ...]
    window_bp: int


class TokenBox(NamedTuple):
    """A token of the edited window, in coordinates of the reference.

    ``community`` is its megacluster, -1 for none, None where the edits cut it anew; ``text`` is
    the edit that empties it, None where it cannot be named.
    """

    start: int
    end: int
    community: int | None
    name: str
    text: str | None
    is_off: bool


class CallBox(NamedTuple):
    """A motif call of the edited window; ``text`` is the edit that takes it away."""

    start: int
    end: int
    name: str
    tf: str
    bits: float | None
    text: str


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


class _Kept:
    """The values used last, by what they follow from."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self._values:
            self._values[key] = make()
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]


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
        self._readers, self._stages = _Kept(_KEPT_MODELS), _Kept(_KEPT_STAGES)
        self._edited, self._parts = _Kept(_KEPT_EDITED), _Kept(_KEPT_PARTS)

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

        def make() -> Predicted:
            editor = Editor(stage.bounds, state.eraser, self._seed)
            window = editor.apply(stage.predicted.window, parsed.edits)
            return predict_edited(stage.predicted, window)

        key = (state.model, stage.bounds, parsed.texts, state.eraser)
        return stage, self._edited.get(key, make)

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
            comparison = self.compare(state)
            _, edited = self._predicted(state)
            calls, n_calls, factors, clusters = self._calls(state, edited)
            return Drawn(
                comparison, self._observed(state, comparison.edges),
                self._token_boxes(state, edited), calls, n_calls, _letters(state, edited),
                factors, clusters,
            )

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

    def _token_boxes(self, state: WhatIf, edited: Predicted) -> list[TokenBox]:
        window, (start, end) = edited.window, state.target
        filled = window.filled
        edges = window.bin_edges
        lo, hi = np.searchsorted(filled, [start, end]).tolist()
        first = int(np.searchsorted(edges, lo, side="right")) - 1
        last = int(np.searchsorted(edges, hi, side="left"))
        own = self._communities(state.chrom, start, end)
        values = window.rows(first, last).dense()
        boxes = []
        for bin_ in range(first, last):
            a, b = int(edges[bin_]), int(edges[bin_ + 1])
            begin, stop = int(filled[a]), int(filled[b - 1]) + 1
            is_whole = stop - begin == b - a and window.origin[a] >= 0 and window.origin[b - 1] >= 0
            top = values[bin_ - first]
            name = window.reader.cluster_names[int(top.argmax())] if top.any() else "no motif"
            boxes.append(TokenBox(
                begin, stop, own.get((begin, stop)), name,
                f"token {state.chrom}:{begin + 1}-{stop} off" if is_whole else None,
                bool(window.off[a:b].all()),
            ))
        return boxes

    def _communities(self, chrom: str, start: int, end: int) -> dict[tuple[int, int], int]:
        """Megacluster of the run's own tokens by their ends."""
        lo, hi = self._tokens.bin_range(chrom, start, end)
        edges = self._tokens.edges(chrom)[lo : hi + 1].tolist()
        mega = self._run.group("bin_communities")[f"{chrom}/megacluster"][lo:hi].tolist()
        return dict(zip(pairwise(edges), mega, strict=True))

    def _calls(
        self, state: WhatIf, edited: Predicted
    ) -> tuple[list[CallBox], int, list[tuple[str, str]], list[tuple[str, str]]]:
        from precompute.what_if.calls import strongest_calls

        window, chrom = edited.window, state.chrom
        reader = window.reader
        found = strongest_calls(window, *state.target, most=1_000_000)
        boxes = [
            CallBox(
                c.start, c.end,
                f"{reader.tf[c.feature]} {reader.profile_id[c.feature]} "
                f"({reader.strand[c.feature]})",
                reader.tf[c.feature], c.bits,
                f"call {reader.profile_id[c.feature]} {reader.strand[c.feature]} "
                f"{chrom}:{c.start + 1}-{c.end} off",
            )
            for c in found[:MOST_CALLS]
        ]
        features = np.array([c.feature for c in found], dtype=np.int64)
        by_tf: dict[str, int] = {}
        for feature in features.tolist():
            by_tf[reader.tf[feature]] = by_tf.get(reader.tf[feature], 0) + 1
        factors = [
            (f"{tf} ({n:,} in the target)", f"factor {tf} off")
            for tf, n in sorted(by_tf.items(), key=lambda item: item[0].upper())
        ]
        size = np.bincount(reader.cluster[features], minlength=len(reader.cluster_names))
        clusters = [
            (f"{reader.cluster_names[i]} ({size[i]:,} in the target)", f"cluster {i} off")
            for i in np.argsort(-size, kind="stable").tolist() if size[i]
        ]
        return boxes, len(found), factors, clusters

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


def _letters(state: WhatIf, edited: Predicted) -> str:
    """Bases of the target where the edited window still has them, '-' for deleted ones."""
    window, (start, end) = edited.window, state.target
    lo, hi = np.searchsorted(window.filled, [start, end]).tolist()
    letters = np.full(end - start, "-")
    own = window.origin[lo:hi]
    letters[own[own >= 0] - start] = np.array(list("ACGTN"))[window.codes[lo:hi][own >= 0]]
    return "".join(letters)
