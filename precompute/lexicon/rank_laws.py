"""Rank and frequency: the curve, its straightness in log-log, and the power law that fits it.

All is computed from the spectrum (how many types have each frequency), which is small however many
types there are: equal frequencies share their ranks' sums of logarithms.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Definitions of r, as the app offers them.
DEFINITIONS = ("all", "seen2", "seen3", "seen10", "paper", "logranks")

#: Frequencies of the words that the paper works with.
PAPER_RANGE = (500, 1_000_000)

_LOG_POINTS = 60
_SMALL = 1 << 16

#: Types handed to the package ``powerlaw`` at a time, least types of a tail, and tails tried.
_MOST_TYPES = 20_000
_LEAST_TAIL = 50
_MOST_TAILS = 30
_EXPONENTS = (1.0001, 50.0)


class Spectrum(NamedTuple):
    """``frequency`` int64 falling, and ``types`` int64: types of that frequency."""

    frequency: NDArray[np.int64]
    types: NDArray[np.int64]


def spectrum(frequency: NDArray[np.integer]) -> Spectrum:
    """How many types have each frequency; types of frequency 0 are left out.

    >>> spectrum(np.array([5, 1, 1, 0]))
    Spectrum(frequency=array([5, 1]), types=array([1, 2]))
    """
    frequency = np.asarray(frequency)
    frequency = frequency[frequency > 0]
    # Nearly all are small, and counting those beats sorting them.
    small = frequency < _SMALL
    of_small = np.bincount(frequency[small]) if small.any() else np.empty(0, dtype=np.int64)
    low = np.flatnonzero(of_small)
    high, types = np.unique(frequency[~small], return_counts=True)
    return Spectrum(
        np.concatenate([low, high])[::-1].astype(np.int64),
        np.concatenate([of_small[low], types])[::-1].astype(np.int64),
    )


class LogSums:
    """Sums of log10 of the ranks 1 to n and of its square, for any stretch of ranks.

    Parameters
    ----------
    n : highest rank
    """

    def __init__(self, n: int) -> None:
        logs = np.log10(np.arange(1, n + 1))
        self._sum = np.concatenate([[0.0], np.cumsum(logs)])
        self._square = np.concatenate([[0.0], np.cumsum(logs * logs)])

    def of(self, past: NDArray[np.integer], first: NDArray[np.integer]) -> tuple[NDArray, NDArray]:
        """Sums over the ranks ``first + 1 .. past``."""
        return self._sum[past] - self._sum[first], self._square[past] - self._square[first]


def log_ranks(n: int, points: int) -> NDArray[np.int64]:
    """About ``points`` distinct ranks from 1 to ``n``, evenly spaced in log."""
    return np.unique(np.rint(np.geomspace(1, n, points)).astype(np.int64))


class Fit(NamedTuple):
    """``n_types`` that entered, Pearson ``r`` of log10 rank and log10 frequency, and ``slope``."""

    n_types: int
    r: float
    slope: float


def zipf_fit(
    given: Spectrum | NDArray[np.integer], definition: str, sums: LogSums | None = None
) -> Fit:
    """Straightness of a rank-frequency curve.

    Parameters
    ----------
    given : spectrum, or occurrences of each type in any order
    definition : 'all' types; 'seenN', types seen at least N times; 'paper', types seen 500 to
        1,000,000 times, with their ranks among all; 'logranks', one point per log-spaced rank, so
        that the long tail does not outweigh the head
    sums : of at least as many ranks as there are types

    Returns
    -------
    Fit; r and slope are NaN below 3 points or for equal frequencies
    """
    whole = given if isinstance(given, Spectrum) else spectrum(given)
    past = np.cumsum(whole.types)
    first = past - whole.types
    n = int(past[-1]) if len(past) else 0
    if definition == "logranks":
        rank = log_ranks(n, _LOG_POINTS) if n else np.empty(0, dtype=np.int64)
        x = np.log10(rank)
        y = np.log10(whole.frequency[np.searchsorted(past, rank)].astype(float))
        return Fit(n, *_line(len(x), x.sum(), (x * x).sum(), y, np.ones_like(y), x))
    low, high = 1, np.iinfo(np.int64).max
    if definition == "paper":
        low, high = PAPER_RANGE
    elif definition.startswith("seen"):
        low = int(definition.removeprefix("seen"))
    kept = (whole.frequency >= low) & (whole.frequency <= high)
    types = whole.types[kept].astype(float)
    x, squares = (sums or LogSums(n)).of(past[kept], first[kept])
    y = np.log10(whole.frequency[kept].astype(float))
    return Fit(int(types.sum()), *_line(int(types.sum()), x.sum(), squares.sum(), y, types, x))


def _line(
    n: int, x: float, xx: float, y: NDArray[np.floating], weight: NDArray[np.floating],
    x_of_y: NDArray[np.floating],
) -> tuple[float, float]:
    """Pearson r and slope; ``y`` has ``weight`` points each, whose x sum to ``x_of_y``."""
    if n < 3 or len(y) < 2 or y[0] == y[-1]:
        return float("nan"), float("nan")
    middle = (weight * y).sum() / n
    dy = y - middle
    sxx = xx - x * x / n
    sxy, syy = (x_of_y * dy).sum(), (weight * dy * dy).sum()
    if sxx <= 0 or syy <= 0:
        return float("nan"), float("nan")
    return float(np.clip(sxy / np.sqrt(sxx * syy), -1, 1)), float(sxy / sxx)


def thin(frequency: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranks 1-50 and about 400 log-spaced ones, with their frequencies (falling), for drawing."""
    n = len(frequency)
    rank = np.union1d(np.arange(1, min(n, 50) + 1), log_ranks(n, 400))
    return rank, np.asarray(frequency)[rank - 1].astype(np.int64)


# -- the power law ---------------------------------------------------------------------------


class PowerLaw(NamedTuple):
    """Maximum-likelihood power law of the frequencies of types, p(f) ~ f ** -exponent.

    Attributes
    ----------
    exponent : NaN where there is no tail to fit
    xmin : least frequency of the tail, that with the least Kolmogorov-Smirnov distance ``ks``
    tail_types : types of at least that frequency
    fitted_types : of these, those that were given to the fit: all, or a seeded uniform draw
    ratio : log-likelihood ratio of power law and log-normal over its standard deviation (Vuong);
        above 0 the power law fits better
    p_value : of a ratio so far from 0 if both fitted equally
    """

    exponent: float
    xmin: int
    tail_types: int
    fitted_types: int
    ks: float
    ratio: float
    p_value: float


_NO_LAW = PowerLaw(float("nan"), 0, 0, 0, float("nan"), float("nan"), float("nan"))


def power_law(frequency: NDArray[np.integer], rng: np.random.Generator) -> PowerLaw:
    """Fit with the package ``powerlaw``: discrete, the tail chosen as Clauset et al. do.

    At most 30 log-spaced beginnings of the tail are tried, among the frequencies that leave at
    least 50 types (all of them when there are fewer), and each is given the whole tail or a uniform
    draw of 20,000 of its types.

    References
    ----------
    Clauset, Shalizi and Newman, SIAM Review 51, 661 (2009), doi 10.1137/070710111.
    Alstott, Bullmore and Plenz, PLoS ONE 9, e85777 (2014), doi 10.1371/journal.pone.0085777.
    """
    frequency = np.sort(np.asarray(frequency)[np.asarray(frequency) > 0])
    if len(frequency) < 3 or frequency[0] == frequency[-1]:
        return _NO_LAW
    draws = rng.spawn(_MOST_TAILS)
    best, fit = _NO_LAW, None
    for xmin, draw in zip(_tails(frequency), draws, strict=False):
        tail = frequency[np.searchsorted(frequency, xmin) :]
        given = tail
        if len(tail) > _MOST_TYPES:
            given = np.sort(draw.choice(tail, _MOST_TYPES, replace=False))
        found = _fitted(given, int(xmin))
        ks = float(found.power_law.D)
        if np.isfinite(ks) and (fit is None or ks < best.ks):
            fit = found
            best = PowerLaw(
                float(found.power_law.alpha), int(xmin), len(tail), len(given), ks, np.nan, np.nan
            )
    return best if fit is None else _against_lognormal(best, fit)


def _tails(frequency: NDArray[np.integer]) -> NDArray[np.integer]:
    """Least frequencies to try, rising; ``frequency`` rises."""
    least = min(_LEAST_TAIL, max(len(frequency) // 2, 3))
    values = np.unique(frequency[: len(frequency) - least + 1])
    values = values[values < frequency[-1]]
    if len(values) > _MOST_TAILS:
        wanted = np.geomspace(values[0], values[-1], _MOST_TAILS)
        values = np.unique(values[np.searchsorted(values, wanted - 1e-9).clip(0, len(values) - 1)])
    return values


def _fitted(given: NDArray[np.integer], xmin: int):  # type: ignore[no-untyped-def]
    import powerlaw

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # The package warns of every start of its search that lies outside the bounds.
        warnings.simplefilter("ignore")
        # By default the package looks no further than an exponent of 3.
        fit = powerlaw.Fit(
            given, discrete=True, xmin=xmin, estimate_discrete=False, verbose=0,
            parameter_ranges={"alpha": [*_EXPONENTS]},
        )
        fit.power_law  # noqa: B018 - it is fitted when it is first looked at
    return fit


def _against_lognormal(best: PowerLaw, fit) -> PowerLaw:  # type: ignore[no-untyped-def]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        ratio, p_value = fit.distribution_compare("power_law", "lognormal", normalized_ratio=True)
    if not np.isfinite(ratio) or not np.isfinite(p_value):
        return best
    return best._replace(ratio=float(ratio), p_value=float(p_value))


def tail_exponent(whole: Spectrum, xmin: int) -> float:
    """Maximum-likelihood exponent of the discrete power law from ``xmin`` on, NaN below 3 types.

    The same estimate as the package's, from the spectrum, so that resampling costs little.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import zeta

    kept = whole.frequency >= max(xmin, 1)
    n = int(whole.types[kept].sum())
    if n < 3 or kept.sum() < 2:
        return float("nan")
    mean = float((whole.types[kept] * np.log(whole.frequency[kept])).sum() / n)
    result = minimize_scalar(
        lambda a: a * mean + np.log(zeta(a, max(xmin, 1))), bounds=_EXPONENTS,
        method="bounded",
    )
    return float(result.x)
