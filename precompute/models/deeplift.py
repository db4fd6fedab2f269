"""DeepLIFT with the rescale rule, for the networks of this package.

The networks are flat sequences of layers, so the multipliers are propagated by hand: transposed
through linear layers, times difference-out over difference-in at each non-linearity, and to the
arg-max positions of input and baseline at a max-pool. No hooks, and the model is not touched:
what is walked is a float64 copy with its batch norms folded in.

What is explained is the predicted signal in the track's own unit, summed over positions: the last
non-linearity is the softplus and the inverse of the target scaling, taken as one.

References
----------
Shrikumar et al., DeepLIFT, arXiv:1704.02685; the paper, section on attributions.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from precompute.errors import StageError
from precompute.models.architectures import Network, fold_batch_norm, reach
from precompute.models.blocks import TokenStem
from precompute.models.sparse import SparseRows, dots, times

if TYPE_CHECKING:
    from precompute.models.dataset import TargetScaling
    from precompute.models.store import TrainedModel

#: Below this difference of a non-linearity's inputs its derivative stands for the ratio.
TINY = 1e-9


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


@numba.njit(cache=True, nogil=True)
def _relu_rule(m, x, b):  # type: ignore[no-untyped-def]
    """In place; flat arrays. x, b are the ReLU's inputs for input and baseline."""
    for i in range(m.size):
        u, v = x[i], b[i]
        delta = u - v
        if abs(delta) < TINY:
            m[i] *= 1.0 if u > 0 else 0.0
        elif u > 0 and v > 0:
            pass
        elif u <= 0 and v <= 0:
            m[i] = 0.0
        else:
            m[i] *= (max(u, 0.0) - max(v, 0.0)) / delta


@numba.njit(cache=True, nogil=True)
def _pool_rule(m, x, b, out):  # type: ignore[no-untyped-def]
    """Max-pool by 2: a rise of the maximum belongs to the input's arg-max, a fall to the
    baseline's, so that a contribution has the sign of its own difference. ``out`` is zeroed.

    A baseline that is the same everywhere ties nearly everywhere: its arg-max is then taken
    to be the input's, since "the first of the two" would depend on the strand that is read.
    """
    for c in range(m.shape[0]):
        for p in range(m.shape[1]):
            q = 2 * p
            i = q if x[c, q] >= x[c, q + 1] else q + 1
            j = q if b[c, q] >= b[c, q + 1] else q + 1
            change = x[c, i] - b[c, j]
            tied = abs(b[c, q] - b[c, q + 1]) < TINY
            k = i if change > 0 or tied else j
            delta = x[c, k] - b[c, k]
            if abs(delta) < TINY:
                out[c, i] = m[c, p]
            else:
                out[c, k] = m[c, p] * change / delta


def through_relu(m: Tensor, x: Tensor, b: Tensor) -> Tensor:
    """Multipliers before a ReLU; ``x`` and ``b`` are its inputs, all (1, channels, length)."""
    out = m.contiguous().clone()
    _relu_rule(out.numpy().ravel(), x.contiguous().numpy().ravel(), b.contiguous().numpy().ravel())
    return out


def through_pool(m: Tensor, x: Tensor, b: Tensor) -> Tensor:
    """Multipliers before a max-pool by 2; an odd last input gets none."""
    out = torch.zeros(x.shape, dtype=x.dtype)
    _pool_rule(
        m[0].contiguous().numpy(), x[0].contiguous().numpy(), b[0].contiguous().numpy(),
        out[0].numpy(),
    )
    return out


def through_linear(layer: nn.Module, m: Tensor) -> Tensor:
    """Multipliers before a convolution.

    Raises
    ------
    StageError
        For a layer without a rule.
    """
    if isinstance(layer, TokenStem):
        return ((layer.weight * layer.scale[:, None]) @ m[0])[None]
    if isinstance(layer, nn.Conv1d) and layer.kernel_size == (1,):
        return (layer.weight[..., 0].T @ m[0])[None]
    if isinstance(layer, nn.Conv1d):
        return functional.conv_transpose1d(m, layer.weight, padding=layer.padding[0])  # type: ignore[arg-type]
    raise StageError(
        f"DeepLIFT has no rule for {type(layer).__name__}; build the network from TokenStem, "
        "Conv1d, BatchNorm1d, ReLU, MaxPool1d and a last Softplus or ReLU"
    )


def multipliers(layers: list[nn.Module], xs: list[Tensor], bs: list[Tensor], m: Tensor) -> Tensor:
    """Multipliers before ``layers``, from those behind them.

    Parameters
    ----------
    layers : convolutions, ReLUs and max-pools in the order of the network
    xs, bs : input of each layer for the input and for the baseline
    m : multipliers of the last layer's output
    """
    for layer, x, b in zip(reversed(layers), reversed(xs), reversed(bs), strict=True):
        if isinstance(layer, nn.ReLU):
            m = through_relu(m, x, b)
        elif isinstance(layer, nn.MaxPool1d):
            m = through_pool(m, x, b)
        else:
            m = through_linear(layer, m)
    return m


def _restored(z: Tensor, scaling: TargetScaling, output: nn.Module) -> tuple[Tensor, Tensor]:
    """Signal in its unit from the input of the softplus or ReLU, and the derivative."""
    y = output(z)
    inner = (z > 0).to(z.dtype) if isinstance(output, nn.ReLU) else torch.sigmoid(z)
    power = 1 / scaling.power
    return scaling.mean * y**power, scaling.mean * power * y ** (power - 1) * inner


class _Walk(NamedTuple):
    """A window walked forwards: inputs of the layers behind the first, and of the output."""

    inputs: list[Tensor]
    last: Tensor


class Explainer:
    """DeepLIFT of one track of a model against a baseline.

    Parameters
    ----------
    model : trained model; it is copied
    baseline : float (channels,), input values of the baseline at every position; or
        (channels, length) for :meth:`dense` on windows of that length
    track : index of the explained track
    """

    def __init__(self, model: TrainedModel, baseline: NDArray[np.floating], track: int) -> None:
        # Double first: batch norms folded in single precision would change the function.
        network = fold_batch_norm(copy.deepcopy(model.network).double().cpu())
        *layers, head, output = network
        if not isinstance(output, nn.Softplus | nn.ReLU) or not isinstance(head, nn.Conv1d):
            raise StageError(
                "DeepLIFT expects a network that ends in a convolution and a softplus or ReLU"
            )
        self._output = output
        seen = reach(network)
        if seen is None:
            raise StageError("DeepLIFT does not walk attention; choose Input x Gradient")
        self.reach = seen
        self.scaling = model.scalings[track]
        single = copy.deepcopy(head)
        single.weight = nn.Parameter(head.weight[track : track + 1], requires_grad=False)
        if head.bias is not None:
            single.bias = nn.Parameter(head.bias[track : track + 1], requires_grad=False)
        self._first, self._rest = layers[0], [*layers[1:], single]
        values = torch.from_numpy(np.asarray(baseline, dtype=np.float64))
        self._baseline = values if values.ndim == 2 else values[:, None]
        if isinstance(self._first, TokenStem):
            self._weight = (self._first.weight * self._first.scale[:, None]).numpy()
        # The baseline's layer values depend on the window's length alone.
        self._cache: dict[int, _Walk] = {}

    @property
    def network(self) -> Network:
        """The explained network: float64, batch norms folded in, one track."""
        return Network(self._first, *self._rest, self._output)

    def dense(self, x: NDArray[np.floating], target: tuple[int, int] | None = None) -> Attribution:
        """Attribution of the predicted signal summed over output positions ``target``.

        Parameters
        ----------
        x : float (channels, length)
        target : half-open range of output positions; all by default
        """
        with torch.no_grad():
            tensor = torch.from_numpy(np.asarray(x, dtype=np.float64))[None]
            m, prediction, base, _ = self._explain(self._first(tensor), x.shape[1], target)
            m = through_linear(self._first, m)
            values = (m[0] * (tensor[0] - self._baseline)).numpy()
        error = completeness_error(float(values.sum()), prediction, base)
        return Attribution(values, prediction, base, error)

    def tokens(self, rows: SparseRows, target: tuple[int, int] | None = None) -> SparseAttribution:
        """The same as :meth:`dense` for token rows, from their non-zeros alone."""
        with torch.no_grad():
            stem = self._first
            after = times(rows, self._weight) + stem.bias.numpy()  # type: ignore[operator]
            tensor = torch.from_numpy(after).T.contiguous()[None]
            m, prediction, base, walk = self._explain(tensor, rows.n_rows, target)
            behind = np.ascontiguousarray(m[0].T.numpy())
            change = after - walk.inputs[0][0].T.numpy()
        baseline = self._baseline[:, 0].numpy()
        values = dots(rows, behind, self._weight) * (rows.values - baseline[rows.indices])
        whole = np.einsum("ik,ik->i", behind, change)
        row = np.repeat(np.arange(rows.n_rows), np.diff(rows.indptr))
        absent = whole - np.bincount(row, values, rows.n_rows)
        error = completeness_error(float(values.sum() + absent.sum()), prediction, base)
        return SparseAttribution(values, absent, prediction, base, error)

    def _walk(self, after: Tensor) -> _Walk:
        inputs, x = [], after
        for layer in self._rest:
            inputs.append(x)
            x = layer(x)
        return _Walk(inputs, x)

    def _baseline_walk(self, length: int) -> _Walk:
        if length not in self._cache:
            if len(self._cache) > 3:
                self._cache.clear()
            b = self._baseline[None].expand(1, -1, length).contiguous()
            self._cache[length] = self._walk(self._first(b))
        return self._cache[length]

    def _explain(
        self, after: Tensor, length: int, target: tuple[int, int] | None
    ) -> tuple[Tensor, float, float, _Walk]:
        """Multipliers behind the first layer, the two predictions, and the baseline's walk."""
        x, b = self._walk(after), self._baseline_walk(length)
        lo, hi = target or (0, x.last.shape[-1])
        signal, slope = _restored(x.last, self.scaling, self._output)
        base, _ = _restored(b.last, self.scaling, self._output)
        delta = x.last - b.last
        same = delta.abs() < TINY
        m = torch.where(same, slope, (signal - base) / torch.where(same, 1.0, delta))
        m[..., :lo] = 0
        m[..., hi:] = 0
        m = multipliers(self._rest, x.inputs, b.inputs, m)
        return m, float(signal[..., lo:hi].sum()), float(base[..., lo:hi].sum()), b
