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
    predicted, observed : (batch, tracks, positions), non-negative, same units
    multinomial_weight : weight of the term that sees only the shape along positions

    Returns
    -------
    scalar, mean over batch, tracks and positions

    References
    ----------
    Linder et al. (Borzoi), doi:10.1038/s41588-024-02053-6, split the Poisson likelihood likewise.
    """
    predicted = predicted + epsilon
    poisson = (predicted - observed * torch.log(predicted)).mean()
    share = predicted / predicted.sum(dim=-1, keepdim=True)
    multinomial = -(observed * torch.log(share)).mean()
    return poisson + multinomial_weight * multinomial
