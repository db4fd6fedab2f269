"""Layers of the networks beside those of torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from precompute.models.sparse import SparseRows, SparseTensors, times, transposed_times


class _SparseProduct(torch.autograd.Function):
    """``rows @ weight`` with the gradient of the weight."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: SparseRows) -> Tensor:
        ctx.rows = rows
        return torch.from_numpy(times(rows, weight.detach().numpy(), torch.get_num_threads()))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        grad_rows = np.ascontiguousarray(grad.numpy())
        return torch.from_numpy(
            transposed_times(ctx.rows, grad_rows, torch.get_num_threads())
        ), None


class TokenStem(nn.Module):
    """First 1x1 convolution of a token model, after each cluster is multiplied by a fixed scale.

    The scale is 1 / spread on the training set. Input is dense, or the non-zeros alone, which is
    many times faster on a CPU; both give the same up to the order of summation.

    Parameters
    ----------
    n_clusters : input channels
    channels : output channels
    bias : add a bias; batch norm makes it idle in training
    """

    scale: Tensor

    def __init__(self, n_clusters: int, channels: int, bias: bool = False) -> None:
        super().__init__()
        bound = n_clusters**-0.5
        self.register_buffer("scale", torch.ones(n_clusters))
        self.weight = nn.Parameter(torch.empty(n_clusters, channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: Tensor | SparseRows | SparseTensors, batch: int = 1) -> Tensor:
        """Channels (batch, channels, bins) of clusters (batch, n_clusters, bins).

        Sparse rows are (batch x bins, n_clusters): ``batch`` windows of equal length.
        """
        weight = self.weight * self.scale[:, None]
        if isinstance(x, SparseRows) and weight.device.type == "cpu":
            out = _windows(_SparseProduct.apply(weight, x), batch)
        elif isinstance(x, SparseRows | SparseTensors):
            entries = x.tensors() if isinstance(x, SparseRows) else x
            out = _windows(bag_product(entries.to(weight.device), weight), batch)
        else:
            out = (x.transpose(1, 2) @ weight).transpose(1, 2)
        return out if self.bias is None else out + self.bias[:, None]


def _windows(flat: Tensor, batch: int) -> Tensor:
    return flat.unflatten(0, (batch, -1)).transpose(1, 2)


def bag_product(rows: SparseTensors, weight: Tensor) -> Tensor:
    """``rows @ weight`` from the non-zeros, on any device: (n_rows, channels).

    Each row is a bag of weight rows, summed with the row's values as factors.
    """
    return functional.embedding_bag(
        rows.indices, weight, rows.offsets, mode="sum",
        per_sample_weights=rows.values.to(weight.dtype),
    )


class _PairMaximum(torch.autograd.Function):
    """Larger of each two neighbours; the gradient goes to the first one where they are equal."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        first, second = x[..., ::2], x[..., 1::2]
        is_first = first >= second
        ctx.save_for_backward(is_first)
        return torch.where(is_first, first, second)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (is_first,) = ctx.saved_tensors
        return torch.stack([grad * is_first, grad * ~is_first], dim=-1).flatten(-2)


class PairPool(nn.MaxPool1d):
    """Max pooling by 2, with the numbers of torch's own and twice its speed on a CPU."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, length) to (batch, channels, length // 2)."""
        if x.device.type != "cpu":
            return super().forward(x)
        pooled: Tensor = _PairMaximum.apply(x[..., : x.shape[-1] // 2 * 2])
        return pooled


def unit(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """Convolution that keeps the length, batch norm and ReLU.

    The ReLU is not in place: attributions need the values on both of its sides.
    """
    conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm1d(outputs), nn.ReLU()]
