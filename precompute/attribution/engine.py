"""Attributions of one window of a run, live: which motif clusters or bases made the prediction.

Methods
-------
``deeplift``
    DeepLIFT with the rescale rule; convolutional models.
``input_x_gradient``
    Gradient at the input times the difference from the baseline; with the baseline ``zero`` it is
    Input x Gradient proper. All models.
``integrated_gradients``
    Mean gradient along the straight path from the baseline, 32 Gauss-Legendre nodes. All models.

Baselines
---------
``background``
    Mean input of windows without peaks and with low signal, the same at every position.
``zero``
    Nothing anywhere.
``shuffled``
    Mean over eight shuffles of what is read: of the bins' order for tokens (each bin keeps its
    motifs), of the bases for one-hot with every dinucleotide count kept.

What is explained is the mean predicted signal per base over an interval, by default the middle
half of the window. A convolutional model is read on the target and its receptive field alone,
since nothing else contributes; a transformer on a window of the length that it was trained on.

References
----------
Shrikumar et al., arXiv:1704.02685; Sundararajan et al., arXiv:1703.01365; the paper, section on
attributions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.attribution.background import background_baseline
from precompute.attribution.results import (
    Interval,
    WindowAttribution,
    checked_target,
    overlap_weights,
    positions,
    relative_error,
)
from precompute.context import derived_seed
from precompute.errors import RegionError, StageError
from precompute.models.dataset import Source, Window
from precompute.models.sparse import SparseRows
from precompute.models.store import TrainedModel

if TYPE_CHECKING:
    from precompute.attribution.gradients import GradientExplainer
    from precompute.models.deeplift import Attribution, Explainer, SparseAttribution

METHODS = ("deeplift", "input_x_gradient", "integrated_gradients")
BASELINES = ("background", "zero", "shuffled")

#: Nodes of integrated gradients, and shuffles that are averaged.
IG_STEPS = 32
N_SHUFFLES = 8

#: Longest window when a model does not say on what length it was trained (the paper's).
_TRAINED_POSITIONS = 1250
_MAX_UNKNOWN = 0.5


class WindowExplainer:
    """Explains windows of one model; what does not depend on the window is made once.

    Parameters
    ----------
    model : trained model; never changed
    source : inputs of the run in the model's encoding
    track : name of the explained track; the model's first by default
    seed : the run's seed, for the background and the shuffles

    Raises
    ------
    StageError
        When the model has no such track, or the source is of another encoding.
    """

    def __init__(
        self, model: TrainedModel, source: Source, track: str | None = None, seed: int = 1
    ) -> None:
        if source.encoding != model.encoding:
            raise StageError(
                f"the model reads {model.encoding} and was given {source.encoding}; open the "
                "source with the model's encoding"
            )
        name = track or model.tracks[0]
        if name not in model.tracks:
            raise StageError(
                f"the model has no track {name!r}, it predicts {', '.join(model.tracks)}; choose "
                "one of them"
            )
        self.model, self.source, self.track, self.seed = model, source, name, seed
        self._number = model.tracks.index(name)
        self._walkers: dict[tuple[str, str], Explainer] = {}
        self._gradients: dict[int, GradientExplainer] = {}
        self._means: dict[str, NDArray[np.float64]] = {}

    # -- what does not depend on the window ----------------------------------------------------

    def baseline(self, name: str) -> NDArray[np.float64]:
        """float64 (channels,): the baseline 'zero' or 'background' at every position."""
        if name not in self._means:
            if name == "zero":
                self._means[name] = np.zeros(self.source.n_channels)
            else:
                stage = f"attribute_{self.source.encoding}"
                rng = np.random.default_rng(derived_seed(self.seed, stage, "background"))
                peaks = self.source.run.table("peaks")
                at = self.source.tracks.index(self.track)
                self._means[name] = background_baseline(self.source, peaks, at, rng)
        return self._means[name]

    @property
    def is_walkable(self) -> bool:
        """Whether the model is a convolutional one, which DeepLIFT can walk."""
        return self._halo is not None

    @property
    def _halo(self) -> int | None:
        from torch import nn

        from precompute.models.architectures import reach

        network = self.model.network
        seen = reach(network) if isinstance(network, nn.Sequential) else None
        return None if seen is None else seen.outputs

    @property
    def seen_outputs(self) -> int:
        """Positions on either side whose prediction an input can change; 0 for a transformer,
        which sees its whole window."""
        return self._halo or 0

    @property
    def trained_positions(self) -> int:
        """Longest window that the model has seen, positions."""
        training = self.model.card.get("training", {})
        return int(training.get("window_bins", _TRAINED_POSITIONS))

    def _walker(self, rule: str, baseline: str) -> Explainer:
        import torch

        from precompute.models.deeplift import Explainer

        key = (rule, baseline)
        if key not in self._walkers:
            mean = self.baseline("zero" if baseline == "shuffled" else baseline)
            self._walkers[key] = Explainer(
                self.model, mean, self._number, rule, torch.float32  # type: ignore[arg-type]
            )
        return self._walkers[key]

    def _differentiator(self, method: str) -> GradientExplainer:
        from precompute.attribution.gradients import GradientExplainer

        steps = IG_STEPS if method == "integrated_gradients" else 1
        if steps not in self._gradients:
            self._gradients[steps] = GradientExplainer(self.model, self._number, steps)
        return self._gradients[steps]

    # -- a window --------------------------------------------------------------------------------

    def explain(
        self, chrom: str, start: int, end: int, method: str = "deeplift",
        baseline: str = "background", target: Interval | tuple[int, int] | None = None,
    ) -> WindowAttribution:
        """Attribution of the window ``chrom:start-end``; see the module for the choices.

        Raises
        ------
        RegionError
            When the window is outside the run, longer than the model was trained on, or mostly N,
            or the target is not inside the window.
        StageError
            When the method or baseline is unknown, or the model cannot be explained by it.
        """
        self._check(chrom, start, end, method, baseline)
        aim = checked_target(target, start, end)
        window = self._window(chrom, start, end, aim)
        edges = self.source.edges(chrom)[window.lo : window.hi + 1]
        weights = overlap_weights(edges, aim)
        if self.source.encoding == "tokens":
            return self._tokens(window, edges, weights, aim, method, baseline)
        return self._bases(window, edges, weights, aim, method, baseline)

    def _check(self, chrom: str, start: int, end: int, method: str, baseline: str) -> None:
        for value, known, what in ((method, METHODS, "method"), (baseline, BASELINES, "baseline")):
            if value not in known:
                raise StageError(
                    f"there is no attribution {what} {value!r}; choose one of {', '.join(known)}"
                )
        if method == "deeplift" and not self.is_walkable:
            raise StageError(
                "DeepLIFT needs a convolutional model and this one is a transformer; choose "
                "input_x_gradient or integrated_gradients"
            )
        self.source.store.edges(chrom)  # refuses a chromosome that the run does not have
        edges = self.source.edges(chrom)
        if not edges[0] <= start < end <= edges[-1]:
            raise RegionError(
                f"the window {chrom}:{start:,}-{end:,} is not inside the run, which has "
                f"{chrom}:{int(edges[0]):,}-{int(edges[-1]):,}; choose a window inside"
            )
        lo, hi = positions(edges, start, end)
        if hi - lo > self.trained_positions:
            kind = "bins" if self.source.encoding == "tokens" else "16-bp cells"
            raise RegionError(
                f"the window has {hi - lo:,} {kind} and the model was trained on "
                f"{self.trained_positions:,}; zoom in"
            )
        unknown = int(self.source.unknown_bp(chrom, np.array([start, end]))[0])
        if unknown > _MAX_UNKNOWN * (end - start):
            raise RegionError(
                f"{unknown:,} of the {end - start:,} bases of {chrom}:{start:,}-{end:,} are N; "
                "choose a window of known sequence"
            )

    def _window(self, chrom: str, start: int, end: int, aim: Interval) -> Window:
        """What is read: the target and the receptive field, or the trained length."""
        edges = self.source.edges(chrom)
        n, halo = len(edges) - 1, self._halo
        if halo is not None:
            lo, hi = positions(edges, *aim)
            return Window(chrom, max(0, lo - halo), min(n, hi + halo))
        lo, hi = positions(edges, start, end)
        length = min(n, self.trained_positions)
        first = min(max(0, (lo + hi - length) // 2), n - length)
        return Window(chrom, first, first + length)

    def _offsets(self, edges: NDArray[np.int64]) -> NDArray[np.float64] | None:
        if not getattr(self.model.network, "needs_offsets", False):
            return None
        return (edges[:-1] + edges[1:]) / 2 - edges[0]

    def _seed(self, window: Window) -> int:
        return derived_seed(self.seed, "shuffled", f"{window.chrom}:{window.lo}-{window.hi}")

    def _tokens(
        self, window: Window, edges: NDArray[np.int64], weights: NDArray[np.float64],
        aim: Interval, method: str, baseline: str,
    ) -> WindowAttribution:
        rows = self.source.rows(window)
        if baseline == "shuffled":
            order = np.random.default_rng(self._seed(window))
            x = np.ascontiguousarray(rows.dense().T)
            found = self._against(x, weights, method, edges, [
                x[:, order.permutation(rows.n_rows)] for _ in range(N_SHUFFLES)
            ])
            row = np.repeat(np.arange(rows.n_rows), np.diff(rows.indptr))
            values = found.values[rows.indices, row]
            absent = found.values.sum(axis=0) - np.bincount(row, values, rows.n_rows)
            sparse = (values, absent, found.prediction, found.baseline_prediction)
        else:
            got = self._sparse(rows, weights, method, baseline, edges)
            sparse = (got.values, got.absent, got.prediction, got.baseline_prediction)
        values, absent, prediction, before = sparse
        total = float(values.sum() + absent.sum())
        return WindowAttribution(
            "tokens", method, baseline, self.track, window.chrom, edges, aim, prediction, before,
            relative_error(total, prediction, before), rows._replace(values=values),  # type: ignore[arg-type]
            absent,
        )

    def _sparse(
        self, rows: SparseRows, weights: NDArray[np.float64], method: str, baseline: str,
        edges: NDArray[np.int64],
    ) -> SparseAttribution:
        if self.is_walkable and method != "integrated_gradients":
            rule = "rescale" if method == "deeplift" else "gradient"
            return self._walker(rule, baseline).tokens(rows, weights)
        return self._differentiator(method).tokens(
            rows, self.baseline(baseline), weights, self._offsets(edges)
        )

    def _bases(
        self, window: Window, edges: NDArray[np.int64], weights: NDArray[np.float64],
        aim: Interval, method: str, baseline: str,
    ) -> WindowAttribution:
        x = self.source.onehot(window)
        if baseline == "shuffled":
            references = _shuffled_onehot(x, self._seed(window))
            found = self._against(x, weights, method, edges, references)
        else:
            mean = self.baseline(baseline)
            if self.is_walkable and method != "integrated_gradients":
                rule = "rescale" if method == "deeplift" else "gradient"
                found = self._walker(rule, baseline).dense(x, weights)
            else:
                found = self._differentiator(method).dense(x, mean, weights, self._offsets(edges))
        error = relative_error(
            float(found.values.sum()), found.prediction, found.baseline_prediction
        )
        # The last cell may reach beyond the sequence.
        bases = found.values[:, : int(edges[-1] - edges[0])]
        return WindowAttribution(
            "onehot", method, baseline, self.track, window.chrom, edges, aim, found.prediction,
            found.baseline_prediction, error, bases=bases,
        )

    def _against(
        self, x: NDArray[np.floating], weights: NDArray[np.float64], method: str,
        edges: NDArray[np.int64], references: list[NDArray[np.float32]],
    ) -> Attribution:
        """Mean attribution over baselines that differ by position."""
        from precompute.models.deeplift import Attribution

        found = []
        for reference in references:
            if self.is_walkable and method != "integrated_gradients":
                rule = "rescale" if method == "deeplift" else "gradient"
                found.append(self._walker(rule, "shuffled").dense(x, weights, reference))
            else:
                found.append(self._differentiator(method).dense(
                    x, reference, weights, self._offsets(edges)
                ))
        n = len(found)
        return Attribution(
            sum((one.values for one in found[1:]), start=found[0].values) / n,
            found[0].prediction, sum(one.baseline_prediction for one in found) / n,
            max(one.error for one in found),
        )


def explain_window(
    model: TrainedModel, source: Source, chrom: str, start: int, end: int,
    method: str = "deeplift", baseline: str = "background",
    target: Interval | tuple[int, int] | None = None, track: str | None = None, seed: int = 1,
) -> WindowAttribution:
    """What each motif cluster or base of a window adds to the predicted signal of its target.

    Explainers are kept for the models and sources used last, so that the next window of the same
    model is fast. See :class:`WindowExplainer` for the parameters and what is raised.
    """
    return _explainer(_Same(model, source), track, seed).explain(
        chrom, start, end, method, baseline, target
    )


class _Same:
    """A model and its source, equal only to the same two objects."""

    def __init__(self, model: TrainedModel, source: Source) -> None:
        self.model, self.source = model, source

    def __hash__(self) -> int:
        return hash((id(self.model), id(self.source)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Same) and other.model is self.model
            and other.source is self.source
        )


@lru_cache(maxsize=4)
def _explainer(same: _Same, track: str | None, seed: int) -> WindowExplainer:
    return WindowExplainer(same.model, same.source, track, seed)


def _shuffled_onehot(x: NDArray[np.float32], seed: int) -> list[NDArray[np.float32]]:
    """Shuffles of the bases of a window that keep its dinucleotide counts; N stays in place."""
    from precompute.lexicon.shuffle import shuffle_codes

    codes = np.where(x.any(axis=0), x.argmax(axis=0), 4).astype(np.uint8)
    found = []
    for number in range(N_SHUFFLES):
        shuffled = shuffle_codes(codes, seed + number, len(codes))
        dense = np.zeros((5, len(codes)), dtype=np.float32)
        dense[shuffled, np.arange(len(codes))] = 1
        found.append(dense[:4])
    return found
