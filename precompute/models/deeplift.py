"""DeepLIFT with the rescale rule and gradients, for the flat networks of this package.

The networks are flat sequences of layers, so the multipliers are propagated by hand: transposed
through linear layers, times difference-out over difference-in at each non-linearity, and to the
arg-max positions of input and baseline at a max-pool. No hooks, and the model is not touched:
what is walked is a copy with its batch norms folded in. With the rule ``gradient`` every
non-linearity is its derivative at the input instead, which makes the multipliers the gradient.

What is explained is the predicted signal in the track's own unit, as a weighted sum over
positions: the last non-linearity is the output of the network and the inverse of the target
scaling, taken as one, in double precision whatever the rest is in.

References
----------
Shrikumar et al., DeepLIFT, arXiv:1704.02685; the paper, section on attributions.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from precompute.errors import StageError
from precompute.models.architectures import Network, fold_batch_norm, reach
from precompute.models.blocks import TokenStem
from precompute.models.deeplift_rules import TINY, multipliers, through_linear
from precompute.models.sparse import SparseRows, dots, times

if TYPE_CHECKING:
    from precompute.models.dataset import TargetScaling
    from precompute.models.store import TrainedModel

#: Positions that the head is walked on at a time: it may have thousands of channels.
_HEAD_POSITIONS = 640


@dataclass(frozen=True)
class Attribution:
    """DeepLIFT of one window.

    Attributes
    ----------
    values : float64 (channels, length), contribution of each input
    prediction, baseline_prediction : the target for the input and for the baseline
    error : |sum of values - (prediction - baseline)| / max(1, |prediction - baseline|)
    """

    values: NDArray[np.float64]
    prediction: float
    baseline_prediction: float
    error: float


class SparseAttribution(NamedTuple):
    """As :class:`Attribution`, for tokens: what is present, and the rest of each bin as a sum.

    ``values`` float64 (nnz,) belong to the non-zeros of the input, ``absent`` float64 (bins,) are
    the contributions of all clusters that a bin does not hold.
    """

    values: NDArray[np.float64]
    absent: NDArray[np.float64]
    prediction: float
    baseline_prediction: float
    error: float


def completeness_error(total: float, prediction: float, baseline_prediction: float) -> float:
    """How far contributions that sum to ``total`` are from what they should explain."""
    gap = prediction - baseline_prediction
    return abs(total - gap) / max(1.0, abs(gap))


def restored(z: Tensor, scaling: TargetScaling, output: nn.Module) -> tuple[Tensor, Tensor]:
    """Signal in its unit from the input of the last non-linearity, and the derivative."""
    y = output(z)
    rise = (z > 0).to(z.dtype) if isinstance(output, nn.ReLU) else torch.sigmoid(z)
    power = 1 / scaling.power
    return scaling.mean * y**power, scaling.mean * power * y ** (power - 1) * rise


class _Walk(NamedTuple):
    """A window walked forwards: inputs of the layers behind the first, and what is behind them."""

    inputs: list[Tensor]
    last: Tensor


def _walked(layers: list[nn.Module], x: Tensor) -> _Walk:
    inputs = []
    for layer in layers:
        inputs.append(x)
        x = _pointwise(layer, x) if _is_pointwise(layer) else layer(x)
    return _Walk(inputs, x)


def _is_pointwise(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv1d) and layer.kernel_size == (1,)


def _pointwise(layer: nn.Module, x: Tensor) -> Tensor:
    """A convolution of width 1 on (1, channels, length) as one product: torch's own would reorder
    the weights at each call."""
    weight: Tensor = layer.weight[..., 0]  # type: ignore[index]
    bias = layer.bias
    if bias is None:
        return (weight @ x[0])[None]
    return torch.addmm(bias[:, None], weight, x[0])[None]  # type: ignore[index]


def _n_trunk(layers: list[nn.Module]) -> int:
    """Layers up to the last that looks beyond its own position; those behind are the head."""
    beyond = [
        number for number, layer in enumerate(layers)
        if not (isinstance(layer, nn.ReLU) or _is_pointwise(layer))
    ]
    return beyond[-1] + 1 if beyond else 0


#: What is explained: positions ``[lo, hi)`` summed, a weight for each position, or all summed.
Target = tuple[int, int] | NDArray[np.floating] | None


def _weights(target: Target, n: int) -> Tensor:
    if isinstance(target, np.ndarray):
        if target.shape != (n,):
            raise StageError(
                f"the target has {len(target)} weights and the window {n} output positions; "
                "give one weight for each"
            )
        return torch.from_numpy(target.astype(np.float64))
    lo, hi = target or (0, n)
    weights = torch.zeros(n, dtype=torch.float64)
    weights[lo:hi] = 1
    return weights


class Explainer:
    """Attributions of one track of a model against a baseline.

    Parameters
    ----------
    model : trained model; it is copied
    baseline : float (channels,), input values of the baseline at every position; or
        (channels, length) for :meth:`dense` on windows of that length
    track : index of the explained track
    rule : 'rescale' (DeepLIFT) or 'gradient' (gradient at the input x difference from the
        baseline: Input x Gradient when that is zero)
    dtype : precision of the walk; single is three times as fast, with a completeness error of
        about 1e-5

    Raises
    ------
    StageError
        When the network does not end as those of this package.
    """

    def __init__(
        self, model: TrainedModel, baseline: NDArray[np.floating], track: int,
        rule: Literal["rescale", "gradient"] = "rescale", dtype: torch.dtype = torch.float64,
    ) -> None:
        if not isinstance(model.network, nn.Sequential):
            raise StageError(
                f"the layers of a {type(model.network).__name__} cannot be walked one by one; use "
                "Input x Gradient or integrated gradients"
            )
        # Double first: batch norms folded in single precision would change the function.
        network = fold_batch_norm(copy.deepcopy(model.network).double().cpu()).to(dtype)
        *layers, head, output = network
        if not isinstance(output, nn.Softplus | nn.ReLU) or not isinstance(head, nn.Conv1d):
            raise StageError(
                "DeepLIFT expects a network that ends in a convolution and a softplus or ReLU"
            )
        self._output = output
        seen = reach(network)
        if seen is None:
            raise StageError("DeepLIFT does not walk attention; choose Input x Gradient")
        self.rule, self.dtype, self.reach = rule, dtype, seen
        self.scaling = model.scalings[track]
        single = copy.deepcopy(head)
        single.weight = nn.Parameter(head.weight[track : track + 1], requires_grad=False)
        if head.bias is not None:
            single.bias = nn.Parameter(head.bias[track : track + 1], requires_grad=False)
        self._first, self._rest = layers[0], [*layers[1:], single]
        self._n_trunk = _n_trunk(self._rest)
        self._baseline = self._columns(baseline)
        if isinstance(self._first, TokenStem):
            self._weight = (self._first.weight * self._first.scale[:, None]).numpy()
        # The baseline's layer values depend on the window's length alone.
        self._cache: dict[int, _Walk] = {}

    @property
    def network(self) -> Network:
        """The explained network: batch norms folded in, one track."""
        return Network(self._first, *self._rest, self._output)

    def _columns(self, baseline: NDArray[np.floating]) -> Tensor:
        values = torch.from_numpy(np.ascontiguousarray(baseline)).to(self.dtype)
        return values if values.ndim == 2 else values[:, None]

    def dense(
        self, x: NDArray[np.floating], target: Target = None,
        baseline: NDArray[np.floating] | None = None,
    ) -> Attribution:
        """Attribution of the predicted signal over the output positions of ``target``.

        Parameters
        ----------
        x : float (channels, length)
        target : half-open range of output positions to sum over, or a weight for each; all by
            default
        baseline : float (channels, length), in place of the explainer's own
        """
        with torch.no_grad():
            tensor = torch.from_numpy(np.ascontiguousarray(x)).to(self.dtype)[None]
            if baseline is None:
                columns, base_walk = self._baseline, self._baseline_walk(x.shape[1])
            else:
                columns = self._columns(baseline)
                base_walk = _walked(self._rest, self._first(columns[None]))
            m, prediction, base = self._explain(self._first(tensor), base_walk, target)
            m = through_linear(self._first, m)
            values = (m[0] * (tensor[0] - columns)).double().numpy()
        error = completeness_error(float(values.sum()), prediction, base)
        return Attribution(values, prediction, base, error)

    def tokens(self, rows: SparseRows, target: Target = None) -> SparseAttribution:
        """The same as :meth:`dense` for token rows, from their non-zeros alone."""
        with torch.no_grad():
            stem = self._first
            after = times(rows, self._weight) + stem.bias.numpy()  # type: ignore[operator]
            base_walk = self._baseline_walk(rows.n_rows)
            behind_first = torch.from_numpy(after).T.contiguous()[None]
            m, prediction, base = self._explain(behind_first, base_walk, target)
            behind = np.ascontiguousarray(m[0].T.numpy())
            change = after - base_walk.inputs[0][0].T.numpy()
        baseline = self._baseline[:, 0].numpy()
        values = dots(rows, behind, self._weight).astype(np.float64)
        values *= rows.values - baseline[rows.indices]
        whole = np.einsum("ik,ik->i", behind, change, dtype=np.float64)
        row = np.repeat(np.arange(rows.n_rows), np.diff(rows.indptr))
        absent = whole - np.bincount(row, values, rows.n_rows)
        error = completeness_error(float(values.sum() + absent.sum()), prediction, base)
        return SparseAttribution(values, absent, prediction, base, error)

    def _baseline_walk(self, length: int) -> _Walk:
        if length not in self._cache:
            if len(self._cache) > 3:
                self._cache.clear()
            self._cache[length] = self._walk_baseline(length)
        return self._cache[length]

    def _walk_baseline(self, length: int) -> _Walk:
        """The baseline's walk. Where it is the same everywhere, so are the layers beyond the
        reach of the window's ends: a short window is walked and its middle repeated."""
        step = self.reach.step
        short = (2 * self.reach.outputs + 3) * step
        is_constant = self._baseline.shape[1] == 1
        if not is_constant or length <= short or length % step:
            columns = self._baseline[None].expand(1, -1, length).contiguous()
            return _walked(self._rest, self._first(columns))
        columns = self._baseline[None].expand(1, -1, short).contiguous()
        walk = _walked(self._rest, self._first(columns))

        def stretched(x: Tensor) -> Tensor:
            more = (length - short) * x.shape[-1] // short
            middle = x.shape[-1] // 2
            parts = (x[..., :middle], x[..., middle : middle + 1].expand(-1, -1, more))
            return torch.cat([*parts, x[..., middle:]], dim=-1)

        return _Walk([stretched(x) for x in walk.inputs], stretched(walk.last))

    def _explain(
        self, x: Tensor, b: _Walk, target: Target
    ) -> tuple[Tensor, float, float]:
        """Multipliers behind the first layer, from what is there for the input and the walk of the
        baseline, and the target of both.

        The head sees single positions, so it is walked there and back on those of the target
        alone, a part at a time, and none of its values is kept.
        """
        trunk, n = self._rest[: self._n_trunk], b.last.shape[-1]
        walk = _walked(trunk, x)
        weights = _weights(target, n)
        known = torch.nonzero(weights)
        first, end = (int(known[0]), int(known[-1]) + 1) if len(known) else (0, 0)
        m, totals = torch.zeros_like(walk.last), [0.0, 0.0]
        for lo in range(first, end, _HEAD_POSITIONS):
            part = slice(lo, min(lo + _HEAD_POSITIONS, end))
            m[..., part], *found = self._head(walk.last[..., part], b, part, weights[part])
            totals = [total + one for total, one in zip(totals, found, strict=True)]
        bs = None if self.rule == "gradient" else b.inputs[: self._n_trunk]
        return multipliers(trunk, walk.inputs, bs, m), totals[0], totals[1]

    def _head(
        self, x: Tensor, b: _Walk, part: slice, weights: Tensor
    ) -> tuple[Tensor, float, float]:
        """Multipliers before the head at some positions, and their share of the targets."""
        layers = self._rest[self._n_trunk :]
        walk = _walked(layers, x)
        after, before = walk.last.double(), b.last[..., part].double()
        signal, slope = restored(after, self.scaling, self._output)
        base, _ = restored(before, self.scaling, self._output)
        if self.rule == "gradient":
            ratio, bs = slope, None
        else:
            delta = after - before
            same = delta.abs() < TINY
            ratio = torch.where(same, slope, (signal - base) / torch.where(same, 1.0, delta))
            bs = [one[..., part] for one in b.inputs[self._n_trunk :]]
        m = multipliers(layers, walk.inputs, bs, (ratio * weights).to(self.dtype))
        return m, float((signal * weights).sum()), float((base * weights).sum())
