"""How much more two motif clusters do together than apart.

With f the prediction, f_a, f_b and f_ab those without the first, the second and both, a knock-out
changes the signal by log2((f_x + c) / (f + c)), c a small pseudo-value, or by f_x - f. The
interaction is the change of the double knock-out less the sum of the two single ones: 0 where the
clusters act independently, above 0 where one needs the other, below 0 where one can stand in for
the other. On the logarithmic scale independent effects multiply: fold changes are what accessible
sites of different height have in common, and a network whose last layers add up and end in a
convex output would show a positive interaction between any two on the linear scale. The linear one
says how much signal it comes to.

References
----------
Avsec et al. 2021, interactions of motifs by in silico perturbation
(doi:10.1038/s41588-021-00782-6).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Smaller interactions on the logarithmic scale are float32's rounding.
_ROUNDING = 1e-5


class Contrast(NamedTuple):
    """Changes by knock-out and the interaction, float64 (n_sites,) each.

    Attributes
    ----------
    first, second, both : change of each knock-out, log2
    log2 : interaction, log2
    linear : interaction, in the unit of the signal
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    both: NDArray[np.float64]
    log2: NDArray[np.float64]
    linear: NDArray[np.float64]


def contrast(
    predicted: NDArray[np.floating], without_first: NDArray[np.floating],
    without_second: NDArray[np.floating], without_both: NDArray[np.floating], pseudo_value: float,
) -> Contrast:
    """Contrast of predictions of the same sites.

    Parameters
    ----------
    predicted, without_first, without_second, without_both : float (n_sites,), mean signal
    pseudo_value : c, in the signal's unit
    """
    given = (predicted, without_first, without_second, without_both)
    whole, *parts = (np.log2(np.asarray(f, np.float64) + pseudo_value) for f in given)
    first, second, both = (part - whole for part in parts)
    log2 = both - first - second
    linear = without_both - without_first - without_second + predicted
    is_none = np.abs(log2) < _ROUNDING
    return Contrast(
        first, second, both, np.where(is_none, 0.0, log2), np.where(is_none, 0.0, linear)
    )


class Summary(NamedTuple):
    """A mean over sites, the middle 95 % of its bootstrap, and the p-value."""

    mean: float
    low: float
    high: float
    p_value: float


def summarize(values: NDArray[np.floating], resamples: int, rng: np.random.Generator) -> Summary:
    """Mean over sites, which lie in different windows, with its percentile bootstrap interval.

    The p-value is the two-sided Wilcoxon signed-rank test's of values that are as often above 0 as
    below; 1 where all are 0.
    """
    from scipy.stats import wilcoxon

    n = len(values)
    means = np.array([values[rng.integers(n, size=n)].mean() for _ in range(resamples)])
    low, high = np.quantile(means, (0.025, 0.975))
    some = values[values != 0]
    p = float(wilcoxon(some).pvalue) if len(some) else 1.0
    return Summary(float(values.mean()), float(low), float(high), p)
