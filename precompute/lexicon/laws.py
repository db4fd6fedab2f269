"""The laws of one text: rank and frequency, growth of the vocabulary, abbreviation; with intervals.

Intervals resample the text by blocks: half of the blocks are drawn without replacement, in their
order, and the spread of a law over such halves is its standard error's size, since the variance of
a half's mean is that of the whole's: s2 / (n / 2) x (1 - 1/2). Drawing with replacement, as the
ordinary bootstrap does, would double a third of the blocks and turn types seen once into types seen
twice, which is what these laws are made of. The laws depend on the corpus's size too, so a half has
another value than the whole: an interval is the whole's value plus the quantiles of the halves
about their own mean. Blocks keep neighbouring tokens together, which are not independent.

References
----------
Heaps, Information Retrieval (1978); Zipf, The Psycho-Biology of Language (1935).
Shao and Wu, Ann. Statist. 17, 1176 (1989), doi 10.1214/aos/1176347263, on delete-half resampling.
Politis and Romano, Ann. Statist. 22, 2031 (1994), doi 10.1214/aos/1176325770.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.lexicon.block_counts import BlockCounts, Pooled, pool
from precompute.lexicon.rank_laws import (
    DEFINITIONS,
    Fit,
    LogSums,
    PowerLaw,
    Spectrum,
    power_law,
    spectrum,
    tail_exponent,
    zipf_fit,
)
from precompute.streaming import in_order

#: Heaps' exponent is fitted over the last three decades of the text.
HEAPS_DECADES = 3
_GROWTH_POINTS = 120

#: Types seen less often have no frequency to speak of.
ABBREVIATION_SEEN = 3
_ABBREVIATION_TYPES = 20_000

_LEVELS = (2.5, 97.5)
_LEAST_BLOCKS = 8


class Estimate(NamedTuple):
    """A value and its 95 % interval; NaN where it is not defined."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


class Laws(NamedTuple):
    """The laws of one text.

    Attributes
    ----------
    frequency : int64, of each type that is there, falling
    fits : straightness by definition, ``r`` its interval
    power : maximum-likelihood power law, ``exponent`` its interval
    grid, growth : vocabulary growth: distinct types among the first ``grid[i]`` tokens
    heaps : exponent of the growth from ``heaps_from`` tokens to the last of ``grid``
    kendall, spearman : of length and frequency, over ``abbreviation_types`` types, whose mean
        lengths are ``length_bp`` and whose frequencies are ``length_frequency``
    """

    frequency: NDArray[np.int64]
    fits: dict[str, Fit]
    r: dict[str, Estimate]
    power: PowerLaw
    exponent: Estimate
    grid: NDArray[np.int64]
    growth: NDArray[np.int64]
    heaps: Estimate
    heaps_from: int
    kendall: Estimate
    spearman: Estimate
    length_bp: NDArray[np.floating]
    length_frequency: NDArray[np.int64]
    abbreviation_types: int


class _Sampled(NamedTuple):
    """Types whose length and frequency are compared."""

    types: NDArray[np.int64]
    length: NDArray[np.floating] | None


def growth_grid(n_tokens: int) -> NDArray[np.int64]:
    """Log-spaced numbers of tokens from 1 to all of them."""
    if n_tokens < 1:
        return np.empty(0, dtype=np.int64)
    return np.unique(np.rint(np.geomspace(1, n_tokens, _GROWTH_POINTS)).astype(np.int64))


def heaps_start(n_tokens: int) -> int:
    """First number of tokens of the stretch that Heaps' exponent is fitted on."""
    return max(1, -(-n_tokens // 10**HEAPS_DECADES))


def heaps_exponent(grid: NDArray[np.integer], growth: NDArray[np.integer], start: int) -> float:
    """Least-squares slope of log types on log tokens from ``start`` tokens on; NaN below 3 points.

    >>> n = 4 ** np.arange(8)
    >>> round(heaps_exponent(n, 2 ** np.arange(8), 1), 6)
    0.5
    """
    kept = (grid >= start) & (growth > 0)
    if kept.sum() < 3:
        return float("nan")
    x, y = np.log10(grid[kept]), np.log10(growth[kept])
    dx = x - x.mean()
    return float(dx @ y / (dx @ dx))


def rank_correlations(
    length: NDArray[np.floating], frequency: NDArray[np.integer]
) -> tuple[float, float]:
    """Kendall's tau-b and Spearman's rho; NaN below 3 types or where one of both is constant."""
    from scipy.stats import kendalltau, spearmanr

    if len(length) < 3 or np.ptp(length) == 0 or np.ptp(frequency) == 0:
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            float(kendalltau(length, frequency).statistic),
            float(spearmanr(length, frequency).statistic),
        )


def find_laws(
    blocks: BlockCounts, lengths: NDArray[np.integer] | None, rng: np.random.Generator,
    resamples: int, workers: int = 1,
) -> Laws:
    """The laws of a text and their intervals.

    Parameters
    ----------
    blocks : counts of its types
    lengths : bp of each type, (n_types,); None where ``blocks`` holds summed lengths
    rng : for the subsamples and the halves
    resamples : halves drawn; 0 for no intervals
    workers : threads; they change no result
    """
    draws = rng.spawn(3)
    n_tokens = int(blocks.n_tokens.sum())
    grid, start = growth_grid(n_tokens), heaps_start(n_tokens)
    whole = pool(blocks, None, grid)
    kept = spectrum(whole.frequency)
    sums = LogSums(int(kept.types.sum()))
    fits = {name: zipf_fit(kept, name, sums) for name in DEFINITIONS}
    power = power_law(whole.frequency, draws[0])
    chosen = _types_to_compare(whole, lengths, draws[1])
    estimates = _values(whole, kept, chosen, grid, start, sums, None, power)
    found = _halves(blocks, chosen, sums, power, draws[2], resamples, workers)
    with_interval = {
        name: _interval(name, value, found.get(name, [])) for name, value in estimates.items()
    }
    return Laws(
        frequency=np.repeat(kept.frequency, kept.types),
        fits=fits,
        r={name: with_interval[f"r_{name}"] for name in DEFINITIONS},
        power=power,
        exponent=with_interval["exponent"],
        grid=grid, growth=whole.growth,
        heaps=with_interval["heaps"], heaps_from=start,
        kendall=with_interval["kendall"], spearman=with_interval["spearman"],
        length_bp=_length(whole, chosen), length_frequency=whole.frequency[chosen.types],
        abbreviation_types=len(chosen.types),
    )


def _types_to_compare(
    whole: Pooled, lengths: NDArray[np.integer] | None, rng: np.random.Generator
) -> _Sampled:
    types = np.flatnonzero(whole.frequency >= ABBREVIATION_SEEN)
    if len(types) > _ABBREVIATION_TYPES:
        types = np.sort(rng.choice(types, _ABBREVIATION_TYPES, replace=False))
    return _Sampled(types, None if lengths is None else lengths[types].astype(float))


def _length(pooled: Pooled, chosen: _Sampled) -> NDArray[np.floating]:
    """Length of each chosen type in a text, bp: its tokens' mean where they differ."""
    if chosen.length is not None:
        return chosen.length
    mean: NDArray = pooled.bp[chosen.types] / np.maximum(pooled.frequency[chosen.types], 1)
    return mean


def _values(
    pooled: Pooled, kept: Spectrum, chosen: _Sampled, grid: NDArray[np.int64], start: int,
    sums: LogSums, xmin: int | None, power: PowerLaw,
) -> dict[str, float]:
    """Every law of a pooled text; ``xmin`` None: the exponent is the whole's own."""
    values = {f"r_{name}": zipf_fit(kept, name, sums).r for name in DEFINITIONS}
    values["exponent"] = power.exponent if xmin is None else tail_exponent(kept, xmin)
    values["heaps"] = heaps_exponent(grid, pooled.growth, start)
    frequency, length = pooled.frequency[chosen.types], _length(pooled, chosen)
    there = frequency > 0
    values["kendall"], values["spearman"] = rank_correlations(length[there], frequency[there])
    return values


def _one_half(
    blocks: BlockCounts, chosen: _Sampled, sums: LogSums, power: PowerLaw, drawn: NDArray
) -> dict[str, float]:
    n_tokens = int(blocks.n_tokens[drawn].sum())
    grid = growth_grid(n_tokens)
    pooled = pool(blocks, drawn, grid)
    kept = spectrum(pooled.frequency)
    # Half of the text has half of the frequencies, so its tail begins at half of the whole's.
    xmin = max(1, round(power.xmin / 2))
    return _values(pooled, kept, chosen, grid, heaps_start(n_tokens), sums, xmin, power)


def _halves(
    blocks: BlockCounts, chosen: _Sampled, sums: LogSums, power: PowerLaw,
    rng: np.random.Generator, resamples: int, workers: int,
) -> dict[str, list[float]]:
    """Every law in every half."""
    n = blocks.n_blocks
    if n < _LEAST_BLOCKS or resamples == 0:
        return {}
    drawn = [np.sort(rng.choice(n, n // 2, replace=False)) for _ in range(resamples)]
    found: dict[str, list[float]] = {}
    one = partial(_one_half, blocks, chosen, sums, power)
    for _, values in in_order(one, drawn, workers):
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return found


def _interval(name: str, value: float, halves: list[float]) -> Estimate:
    bounds = (-np.inf, np.inf) if name == "exponent" else (-1.0, 1.0)
    finite = np.array([v for v in halves if np.isfinite(v)])
    # A law that is mostly undefined in halves has no interval.
    if not np.isfinite(value) or len(finite) < max(2, 0.9 * len(halves)):
        return Estimate(value)
    low, high = np.clip(value + np.percentile(finite, _LEVELS) - finite.mean(), *bounds)
    return Estimate(value, float(low), float(high))
