"""Input x Gradient and integrated gradients by automatic differentiation: for any network.

The first layer is linear, so the gradient is taken behind it and pulled through by hand, which
keeps tokens sparse. The path from the baseline to the input is a straight line on either side of
that layer, so integrated gradients may be followed there too.

References
----------
Sundararajan et al., Axiomatic attribution for deep networks, arXiv:1703.01365.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from precompute.errors import StageError
from precompute.models.architectures import Network, fold_batch_norm
from precompute.models.blocks import TokenStem
from precompute.models.deeplift import (
    Attribution,
    SparseAttribution,
    completeness_error,
    restored,
)
from precompute.models.sparse import SparseRows, dots, times

if TYPE_CHECKING:
    from precompute.models.dataset import TargetScaling
    from precompute.models.store import TrainedModel


@dataclass(frozen=True)
class _Slope:
    """Gradient behind the first layer (channels, positions), and the target at both ends."""

    gradient: Tensor
    prediction: float
    baseline_prediction: float


class GradientExplainer:
    """Gradients of one track of a model, averaged along the path from a baseline.

    Parameters
    ----------
    model : trained model of any kind; it is copied and left as it is
    track : index of the explained track
    steps : 1 takes the gradient at the input (Input x Gradient); more are the Gauss-Legendre
        nodes of integrated gradients
    batch : nodes differentiated at a time; it changes no result beyond rounding
    dtype : precision

    Raises
    ------
    StageError
        When the network is not one of this package.
    """

    def __init__(
        self, model: TrainedModel, track: int, steps: int = 1, batch: int = 8,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        if not isinstance(model.network, Network):
            raise StageError(
                f"a {type(model.network).__name__} is no network of motiflens, whose first layer "
                "is linear; train the model with motiflens"
            )
        self._network = fold_batch_norm(copy.deepcopy(model.network).double().cpu()).to(dtype)
        self._output, self._first = self._network[-1], self._network[0]
        self._until_output = Network(*list(self._network)[:-1])
        self.scaling: TargetScaling = model.scalings[track]
        self.track, self.steps, self.batch, self.dtype = track, steps, batch, dtype
        if isinstance(self._first, TokenStem):
            self._weight = (self._first.weight * self._first.scale[:, None]).detach().numpy()

    def _target(self, after: Tensor, weights: Tensor, offsets: Tensor | None) -> Tensor:
        z = self._until_output.after_stem(after, offsets)[:, self.track].double()
        signal, _ = restored(z, self.scaling, self._output)
        return (signal * weights).sum(dim=-1)

    def _slope(
        self, after: Tensor, before: Tensor, weights: Tensor, offsets: Tensor | None
    ) -> _Slope:
        with torch.no_grad():
            ends = [float(self._target(x[None], weights, offsets)[0]) for x in (after, before)]
        nodes, shares = np.ones(1), np.ones(1)
        if self.steps > 1:
            nodes, shares = np.polynomial.legendre.leggauss(self.steps)
            nodes, shares = (nodes + 1) / 2, shares / 2
        total = torch.zeros_like(after)
        for lo in range(0, self.steps, self.batch):
            at = torch.from_numpy(nodes[lo : lo + self.batch]).to(self.dtype)[:, None, None]
            points = (before + at * (after - before)).requires_grad_()
            value = self._target(points, weights, offsets).sum()
            if not value.requires_grad:
                raise StageError(
                    "the model's output does not depend on its input in a way that can be "
                    "differentiated (no backward path); use a model trained with motiflens"
                )
            (gradient,) = torch.autograd.grad(value, points)
            share = torch.from_numpy(shares[lo : lo + self.batch]).to(self.dtype)
            total += (gradient * share[:, None, None]).sum(dim=0)
        return _Slope(total, *ends)

    def dense(
        self, x: NDArray[np.floating], baseline: NDArray[np.floating],
        weights: NDArray[np.floating], offsets_bp: NDArray[np.floating] | None = None,
    ) -> Attribution:
        """Attribution of one window.

        Parameters
        ----------
        x : float (channels, length)
        baseline : float (channels,) or (channels, length)
        weights : float (positions,), the target's weight of each output position
        offsets_bp : float (positions,), centres of the bins from the window's first base
        """
        columns = baseline if baseline.ndim == 2 else baseline[:, None]
        base = np.broadcast_to(columns, x.shape)
        with torch.no_grad():
            ends = [self._first(torch.tensor(v, dtype=self.dtype)[None])[0] for v in (x, base)]
        slope = self._slope(ends[0], ends[1], torch.tensor(weights), _row(offsets_bp))
        change = torch.tensor(x, dtype=self.dtype) - torch.tensor(base, dtype=self.dtype)
        with torch.no_grad():
            values = _pulled(self._first, slope.gradient) * change
        return _attribution(values.double().numpy(), slope)

    def tokens(
        self, rows: SparseRows, baseline: NDArray[np.floating], weights: NDArray[np.floating],
        offsets_bp: NDArray[np.floating] | None = None,
    ) -> SparseAttribution:
        """As :meth:`dense` for token rows and a baseline (clusters,), from the non-zeros alone."""
        bias = getattr(self._first, "bias", None)
        shift = 0.0 if bias is None else bias.numpy()
        after = times(rows, self._weight) + shift
        before = np.broadcast_to(baseline.astype(self._weight.dtype) @ self._weight + shift,
                                 after.shape)
        ends = [torch.tensor(np.ascontiguousarray(v.T)) for v in (after, before)]
        slope = self._slope(ends[0], ends[1], torch.tensor(weights), _row(offsets_bp))
        behind = np.ascontiguousarray(slope.gradient.T.numpy())
        values = dots(rows, behind, self._weight).astype(np.float64)
        values *= rows.values - baseline[rows.indices]
        whole = np.einsum("ik,ik->i", behind, after - before, dtype=np.float64)
        row = np.repeat(np.arange(rows.n_rows), np.diff(rows.indptr))
        absent = whole - np.bincount(row, values, rows.n_rows)
        total = float(values.sum() + absent.sum())
        error = completeness_error(total, slope.prediction, slope.baseline_prediction)
        return SparseAttribution(
            values, absent, slope.prediction, slope.baseline_prediction, error
        )


def _row(offsets_bp: NDArray[np.floating] | None) -> Tensor | None:
    return None if offsets_bp is None else torch.tensor(offsets_bp, dtype=torch.float64)[None]


def _pulled(first: nn.Module, gradient: Tensor) -> Tensor:
    """Gradient before the first layer from that behind it: (channels, length)."""
    if isinstance(first, TokenStem):
        return (first.weight * first.scale[:, None]) @ gradient
    if isinstance(first, nn.Conv1d):
        padding = first.padding[0]
        return functional.conv_transpose1d(gradient[None], first.weight, padding=padding)[0]  # type: ignore[arg-type]
    raise StageError(
        f"the model begins with a {type(first).__name__}, which has no backward path here; train "
        "the model with motiflens"
    )


def _attribution(values: NDArray[np.float64], slope: _Slope) -> Attribution:
    error = completeness_error(float(values.sum()), slope.prediction, slope.baseline_prediction)
    return Attribution(values, slope.prediction, slope.baseline_prediction, error)
