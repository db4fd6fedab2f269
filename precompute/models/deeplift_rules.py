"""How multipliers pass each kind of layer: DeepLIFT's rescale rule, and the gradient.

References
----------
Shrikumar et al., DeepLIFT, arXiv:1704.02685.
"""

from __future__ import annotations

import numba
import torch
from torch import Tensor, nn
from torch.nn import functional

from precompute.errors import StageError
from precompute.models.blocks import TokenStem

#: Below this difference of a non-linearity's inputs its derivative stands for the ratio.
TINY = 1e-9


@numba.njit(cache=True, nogil=True)
def _relu_rule(m, x, b):  # type: ignore[no-untyped-def]
    """In place; flat arrays. x, b are the ReLU's inputs for input and baseline.

    Without a branch, and in the arrays' own type, so that it becomes vector instructions; where
    both are positive the ratio is exactly 1, where neither is, 0.
    """
    zero, one, tiny = m.dtype.type(0), m.dtype.type(1), m.dtype.type(TINY)
    for i in range(m.size):
        u, v = x[i], b[i]
        delta = u - v
        is_same = abs(delta) < tiny
        ratio = (max(u, zero) - max(v, zero)) / (one if is_same else delta)
        m[i] *= (one if u > zero else zero) if is_same else ratio


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


@numba.njit(cache=True, nogil=True)
def _pool_gradient(m, x, out):  # type: ignore[no-untyped-def]
    """Gradient of a max-pool by 2; the first of two equal inputs, as torch has it."""
    for c in range(m.shape[0]):
        for p in range(m.shape[1]):
            q = 2 * p
            out[c, q if x[c, q] >= x[c, q + 1] else q + 1] = m[c, p]


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


def _gradient_step(layer: nn.Module, m: Tensor, x: Tensor) -> Tensor:
    """Gradient before a non-linearity."""
    if isinstance(layer, nn.ReLU):
        return m * (x > 0)
    out = torch.zeros(x.shape, dtype=x.dtype)
    _pool_gradient(m[0].contiguous().numpy(), x[0].contiguous().numpy(), out[0].numpy())
    return out


def multipliers(
    layers: list[nn.Module], xs: list[Tensor], bs: list[Tensor] | None, m: Tensor
) -> Tensor:
    """Multipliers before ``layers``, from those behind them.

    Parameters
    ----------
    layers : convolutions, ReLUs and max-pools in the order of the network
    xs, bs : input of each layer for the input and for the baseline; without the latter, the
        gradient at the input
    m : multipliers of the last layer's output
    """
    for number in reversed(range(len(layers))):
        layer, x = layers[number], xs[number]
        if bs is None and isinstance(layer, nn.ReLU | nn.MaxPool1d):
            m = _gradient_step(layer, m, x)
        elif bs is not None and isinstance(layer, nn.ReLU):
            m = through_relu(m, x, bs[number])
        elif bs is not None and isinstance(layer, nn.MaxPool1d):
            m = through_pool(m, x, bs[number])
        else:
            m = through_linear(layer, m)
    return m
