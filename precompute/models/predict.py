"""A trained network over the positions of a sequence, stored or at hand.

A convolutional network runs on chunks whose margins are at least its receptive field, so that the
joined prediction is that of one pass. A transformer sees its whole window: it runs on windows of
the length that it was trained on, which overlap by three quarters, and a position's prediction is
the mean of those windows in whose middle half it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from precompute.models.dataset import Window
from precompute.models.sparse import SparseRows
from precompute.streaming import in_order, windows

if TYPE_CHECKING:
    from precompute.models.architectures import Network
    from precompute.models.store import TrainedModel

#: Length of a transformer's window where its card does not say it.
_DEFAULT_WINDOW = 1250


class Inputs(Protocol):
    """What a network reads: the windows of a run, or of a sequence at hand."""

    encoding: str

    def n_positions(self, chrom: str) -> int:
        """Bins or 16-bp cells."""

    def edges(self, chrom: str) -> NDArray[np.int64]:
        """Edges of the positions, bp."""

    def rows(self, window: Window, reverse: bool = False) -> SparseRows:
        """Tokens of a window."""

    def onehot(self, window: Window, reverse: bool = False) -> NDArray[np.float32]:
        """One-hot sequence of a window."""


class Piece(NamedTuple):
    """Predicted signal of positions ``[lo, hi)``: float64 (tracks, hi - lo)."""

    lo: int
    hi: int
    values: NDArray[np.float64]


class Predictor:
    """A model made ready to predict: batch norms folded in, tiles chosen.

    Parameters
    ----------
    model : trained model
    """

    def __init__(self, model: TrainedModel) -> None:
        from precompute.models.architectures import fold_batch_norm, reach

        self.model = model
        self.network: Network = fold_batch_norm(model.network)
        seen = reach(self.network)
        #: Positions on either side that a prediction depends on; None: the whole window.
        self.halo = None if seen is None else seen.outputs
        trained = model.card.get("training") or {}
        self.window = int(trained.get("window_bins", _DEFAULT_WINDOW))

    def pieces(
        self, source: Inputs, chrom: str, chunk: int = 8_192, workers: int = 1
    ) -> Iterator[Piece]:
        """Predictions from the first position to the last, in order.

        Parameters
        ----------
        source : inputs of the model's encoding
        chrom : chromosome of the source
        chunk : positions predicted at a time by a convolutional network; it changes no result
            beyond float32 rounding
        workers : chunks or windows at work at the same time; they change no result
        """
        n = source.n_positions(chrom)
        if self.halo is None:
            yield from self._averaged(source, chrom, n, workers)
            return
        halo = self.halo

        def one(bounds: tuple[int, int]) -> NDArray[np.float32]:
            lo, hi = bounds
            first, last = max(0, lo - halo), min(n, hi + halo)
            return self._run(source, Window(chrom, first, last))[:, lo - first : hi - first]

        for (lo, hi), y in in_order(one, windows(n, chunk), workers):
            yield Piece(lo, hi, self._restored(y))

    def _averaged(
        self, source: Inputs, chrom: str, n: int, workers: int
    ) -> Iterator[Piece]:
        """The mean of overlapping windows on their middle halves; ends belong to end windows."""
        length = min(self.window, n)
        quarter = max(1, length // 4)
        starts = [*range(0, n - length, quarter), n - length]
        tracks = len(self.model.tracks)
        total, weight = np.zeros((tracks, 2 * length)), np.zeros(2 * length)
        base = 0

        def one(lo: int) -> NDArray[np.float32]:
            return self._run(source, Window(chrom, lo, lo + length))

        for lo, y in in_order(one, starts, workers):
            a = 0 if lo == 0 else lo + quarter
            b = n if lo == starts[-1] else lo + length - quarter
            if a > base:
                # No later window reaches what lies before ``a``.
                done = a - base
                yield Piece(base, a, self._restored(total[:, :done] / weight[:done]))
                total, weight = np.roll(total, -done, axis=1), np.roll(weight, -done)
                total[:, -done:], weight[-done:] = 0, 0
                base = a
            total[:, a - base : b - base] += y[:, a - lo : b - lo]
            weight[a - base : b - base] += 1
        yield Piece(base, n, self._restored(total[:, : n - base] / weight[: n - base]))

    def _run(self, source: Inputs, window: Window) -> NDArray[np.float32]:
        import torch

        device = next(self.network.parameters()).device
        with torch.no_grad():
            if source.encoding != "tokens":
                y = self.network(torch.from_numpy(source.onehot(window))[None].to(device))
            else:
                offsets = None
                if self.network.needs_offsets:
                    edges = source.edges(window.chrom)[window.lo : window.hi + 1]
                    centres = (edges[1:] + edges[:-1]) / 2 - edges[0]
                    offsets = torch.from_numpy(centres)[None].to(device)
                y = self.network(source.rows(window), 1, offsets)
        out: NDArray[np.float32] = y[0].cpu().numpy()
        return out

    def _restored(self, y: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.stack([s.restore(row) for s, row in zip(self.model.scalings, y, strict=True)])


def predict_positions(
    model: TrainedModel,
    source: Inputs,
    chrom: str,
    chunk: int = 8_192,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> NDArray[np.float64]:
    """Predicted signal at every position of a chromosome's region.

    Parameters
    ----------
    model : trained model in evaluation mode
    source : inputs of the model's encoding
    chrom : chromosome of the source
    chunk, workers : see :meth:`Predictor.pieces`
    progress : called with the number of positions that are done

    Returns
    -------
    float64 (tracks, positions), mean signal per base in each track's unit
    """
    out = np.empty((len(model.tracks), source.n_positions(chrom)))
    for lo, hi, values in Predictor(model).pieces(source, chrom, chunk, workers):
        out[:, lo:hi] = values
        if progress is not None:
            progress(hi)
    return out
