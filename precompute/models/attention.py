"""The transformer's layers, after the paper's section on models.

Attention is PyTorch's fused one, which picks the fastest kernel of the device.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: The longest wavelength of the position code is 2 pi times this, bp: longer than a window.
_LONGEST_BP = 10_000.0


def position_code(offsets_bp: Tensor, channels: int) -> Tensor:
    """Sines and cosines of offsets: (batch, positions) bp to float32 (batch, channels, positions).

    Even channels are sines and odd ones cosines of wavelengths from 2 pi to 20,000 pi bp, so that
    two bins are as far apart to the network as they are on the chromosome, whatever lies between.

    References
    ----------
    Vaswani et al. 2017, section 3.5, with base pairs in the place of the index.
    """
    exponents = torch.arange(0, channels, 2, dtype=torch.float64, device=offsets_bp.device)
    rates = _LONGEST_BP ** (-exponents / channels)
    # float32 angles of 20,000 radians would be off by a thousandth.
    angles = rates[:, None] * offsets_bp.to(torch.float64)[:, None, :]
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1, 2).float()


class PositionCode(nn.Module):
    """Adds :func:`position_code` to the channels."""

    def forward(self, x: Tensor, offsets_bp: Tensor) -> Tensor:
        """(batch, channels, positions) and offsets (batch or 1, positions) in bp."""
        return x + position_code(offsets_bp.to(x.device), x.shape[1]).to(x.dtype)


class _Layer(nn.Module):
    """Self-attention, then two linear layers, each on normed input and added to it."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, feedforward), nn.Linear(feedforward, width)

    def _drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, positions, width) to the same."""
        parts = self.qkv(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=self.dropout if self.training else 0.0
        )
        x = x + self._drop(self.out(seen.transpose(1, 2).flatten(2)))
        inner = self._drop(functional.relu(self.widen(self.feedforward_norm(x))))
        return x + self._drop(self.narrow(inner))


class Encoder(nn.Module):
    """Pre-norm transformer layers over channels x positions, and a last norm.

    Parameters
    ----------
    width : channels
    layers, heads, feedforward, dropout : of the layers
    """

    def __init__(
        self, width: int, layers: int, heads: int, feedforward: int, dropout: float
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _Layer(width, heads, feedforward, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width, positions) to the same."""
        out = x.transpose(1, 2)
        for layer in self.layers:
            out = layer(out)
        return self.norm(out).transpose(1, 2)
