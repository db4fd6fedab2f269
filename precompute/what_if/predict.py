"""What a model predicts of an edited window, worked out only where it can differ.

A convolutional network sees a few hundred bases, so of an edited window it is run on the changed
positions and its receptive field on either side; the rest is that of the window before. Several
edited windows go through the network together. A transformer sees the whole window and is run on
all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.models.dataset import Window
from precompute.models.sparse import SparseRows
from precompute.what_if.window import EditedWindow

if TYPE_CHECKING:
    from torch import Tensor

#: Positions that go through the network together; it bounds the memory.
_BATCH_POSITIONS = 4_096


class Predicted(NamedTuple):
    """A window and its prediction, float64 (tracks, positions), mean signal per base."""

    window: EditedWindow
    values: NDArray[np.float64]

    def per_base(self, track: int) -> NDArray[np.float64]:
        """float64 (n,), signal of each base of the edited window."""
        return np.repeat(self.values[track], np.diff(self.window.positions))


class Patch(NamedTuple):
    """The part of a prediction that differs from that of another window.

    Attributes
    ----------
    lo : positions before it, the same in both windows
    after : positions behind it, the same in both windows
    values : float64 (tracks, k), of the edited window
    """

    lo: int
    after: int
    values: NDArray[np.float64]


class _Inputs:
    """An edited window as a :class:`precompute.models.predict.Predictor` reads it."""

    def __init__(self, window: EditedWindow) -> None:
        self._window, self.encoding = window, window.encoding

    def n_positions(self, chrom: str) -> int:
        return self._window.n_positions

    def edges(self, chrom: str) -> NDArray[np.int64]:
        return self._window.positions

    def rows(self, window: Window, reverse: bool = False) -> SparseRows:
        return self._window.rows(window.lo, window.hi)

    def onehot(self, window: Window, reverse: bool = False) -> NDArray[np.float32]:
        return self._window.onehot(window.lo, window.hi)


def predict_whole(window: EditedWindow) -> Predicted:
    """The prediction of a window, all of it."""
    pieces = window.reader.predictor.pieces(_Inputs(window), "")
    return Predicted(window, np.concatenate([piece.values for piece in pieces], axis=1))


def predict_edited(base: Predicted, window: EditedWindow) -> Predicted:
    """The prediction of a window that edits made of ``base``'s."""
    if window is base.window:
        return base
    patch = patches(base, [window])[0]
    return Predicted(window, _patched(base.values, patch))


def _patched(values: NDArray[np.float64], patch: Patch) -> NDArray[np.float64]:
    behind = values[:, values.shape[1] - patch.after :]
    return np.concatenate([values[:, : patch.lo], patch.values, behind], axis=1)


def changed_positions(before: EditedWindow, after: EditedWindow) -> tuple[int, int]:
    """Positions ``[lo, hi)`` of ``after`` whose input differs from ``before``'s or is moved."""
    old, new = before.positions, after.positions
    shortest = min(len(old), len(new))
    same = old[:shortest] == new[:shortest]
    first = int(same.argmin()) if not same.all() else shortest
    lo = min(first - 1, int(np.searchsorted(new, after.head, side="right")) - 1)
    old_back, new_back = old[-1] - old[::-1], new[-1] - new[::-1]
    same = old_back[:shortest] == new_back[:shortest]
    last = int(same.argmin()) if not same.all() else shortest
    behind = min(last - 1, int(np.searchsorted(new_back, after.tail, side="right")) - 1)
    lo = max(lo, 0)
    return lo, max(lo, len(new) - 1 - max(behind, 0))


def patches(base: Predicted, windows: Sequence[EditedWindow]) -> list[Patch]:
    """What changes in the prediction of each window, many at a time."""
    predictor = base.window.reader.predictor
    if predictor.halo is None:
        return [Patch(0, 0, predict_whole(window).values) for window in windows]
    halo, jobs = predictor.halo, []
    for number, window in enumerate(windows):
        n = window.n_positions
        lo, hi = changed_positions(base.window, window)
        out = (max(0, lo - halo), min(n, hi + halo))
        jobs.append(_Job(number, window, *out, max(0, out[0] - halo), min(n, out[1] + halo)))
    found: list[Patch | None] = [None] * len(windows)
    for group in _groups(jobs):
        length = max(job.last - job.first for job in group)
        for job, values in zip(group, _run(group, length), strict=True):
            found[job.number] = Patch(job.lo, job.window.n_positions - job.hi, values)
    return [patch for patch in found if patch is not None]


class _Job(NamedTuple):
    """Outputs ``[lo, hi)`` of a window, made from its positions ``[first, last)``."""

    number: int
    window: EditedWindow
    lo: int
    hi: int
    first: int
    last: int


def _groups(jobs: list[_Job]) -> list[list[_Job]]:
    """Jobs of like lengths together."""
    groups: list[list[_Job]] = []
    for job in sorted(jobs, key=lambda job: (job.last - job.first, job.number)):
        length = job.last - job.first
        if groups and (len(groups[-1]) + 1) * length <= _BATCH_POSITIONS:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def _run(group: list[_Job], length: int) -> list[NDArray[np.float64]]:
    """Values of each job, from windows made equally long by taking in more of their own bases."""
    placed = []
    for job in group:
        n = job.window.n_positions
        size = min(length, n)
        first = min(job.first, n - size)
        placed.append((job, first, first + size))
    sizes = {last - first for _, first, last in placed}
    if len(sizes) > 1:
        # Windows shorter than the rest of their group: one at a time.
        return [_run([job], job.last - job.first)[0] for job in group]
    reader = group[0].window.reader
    y = _through_network(placed)
    predictor = reader.predictor
    return [
        np.stack([
            scaling.restore(row[job.lo - first : job.hi - first])
            for scaling, row in zip(predictor.model.scalings, y[i], strict=True)
        ])
        for i, (job, first, _) in enumerate(placed)
    ]


def _through_network(placed: list[tuple[_Job, int, int]]) -> NDArray[np.float32]:
    import torch

    reader = placed[0][0].window.reader
    network = reader.predictor.network
    with torch.no_grad():
        if reader.reads_tokens:
            rows = SparseRows.joined([job.window.rows(a, b) for job, a, b in placed])
            y: Tensor = network(rows, len(placed))
        else:
            dense = np.stack([job.window.onehot(a, b) for job, a, b in placed])
            y = network(torch.from_numpy(dense))
    out: NDArray[np.float32] = y.cpu().numpy()
    return out
