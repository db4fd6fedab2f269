"""Loss of a predicted signal: how much there is, and where."""

from __future__ import annotations

import torch
from torch import Tensor


def poisson_multinomial(
    predicted: Tensor, observed: Tensor, multinomial_weight: float, epsilon: float = 1e-6
) -> Tensor:
    """Poisson negative log-likelihood plus weighted multinomial one over positions.

    Parameters
    ----------
    predicted, observed : (batch, tracks, positions), non-negative, same units; where ``observed``
        is NaN, nothing was measured: such positions are left out of every sum
    multinomial_weight : weight of the term that sees only the shape along positions

    Returns
    -------
    scalar, mean over the measured values of batch, tracks and positions

    References
    ----------
    Linder et al. (Borzoi), doi:10.1038/s41588-024-02053-6, split the Poisson likelihood likewise.
    """
    measured = torch.isfinite(observed)
    observed = torch.where(measured, observed, 0.0)
    predicted = predicted + epsilon
    poisson = predicted - observed * torch.log(predicted)
    among = torch.where(measured, predicted, 0.0).sum(dim=-1, keepdim=True)
    # Where nothing of a window is measured the sum is 0, and so is every share.
    multinomial = -observed * torch.log(predicted / among.clamp(min=epsilon))
    total = torch.where(measured, poisson + multinomial_weight * multinomial, 0.0).sum()
    return total / measured.sum().clamp(min=1)
