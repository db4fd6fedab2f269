"""Interdependence scores (IDS) between motif features, over a sample of bins or over all of them.

phi_n(x) = x^n exp(-x^2 / 2) / sqrt(n!), n = 0 .. max_order, and
IDS(i, j) = max over (n, m) of |Pearson(phi_n(x_i), phi_m(x_j))| across bins.

How the scores come about is told in :mod:`precompute.scores.moments`, how all bins are streamed in
:mod:`precompute.scores.streamed_scores`, and what a p-value means in
:mod:`precompute.scores.permutation`.

References
----------
Radhakrishnan et al., PNAS 2025 (interdependence scores); the paper, section on motif clusters.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.scores.moments import block_scores
from precompute.scores.permutation import permutation_tests
from precompute.scores.streamed_scores import (
    Bar,
    bin_blocks,
    count_bins,
    count_levels,
    exact_dense_scores,
    exact_scores,
    read_counts,
)
from precompute.scores.token_levels import Levels, TokenBlock, split_levels

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Bins read at a time for the sample.
_READ_BINS = 100_000

_METHODS = {
    "cpu": "joint counts, moments in float64",
    "cuda": "dense float32 products without TF32, float64 between blocks of bins",
}


def interdependence(
    values: csr_matrix,
    max_order: int = 5,
    workers: int = 1,
    progress: Callable[[float, float, str], None] | None = None,
    *,
    widths: NDArray[np.integer] | None = None,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Interdependence scores of the columns of a sparse matrix.

    The cost is one step per pair of non-zeros of a bin, and for each pair of features the product
    of their numbers of distinct values; values such as covered bases / width have few.

    Parameters
    ----------
    values : CSR (n_bins, n_features), feature values >= 0, zeros not stored; with ``widths``,
        covered bases instead, as integers, which saves a sort
    max_order : highest order of the Hermite functions
    workers : threads; they change nothing
    progress : called with (pairs of features done, pairs, note)
    widths : int (n_features,), bp; a feature value is covered bases / width
    device : 'cpu', or a torch device, which computes in float32

    Returns
    -------
    float32 (n_features, n_features), symmetric, in [0, 1], diagonal 1. A feature that is constant
    over the bins scores 0 with every other. The order of the bins does not change a bit on 'cpu'.

    Raises
    ------
    StageError
        When there are fewer than two bins, a value is negative or not finite, or counts are not
        whole numbers or do not go with the widths.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> x = csr_matrix(np.array([[1.0, 2.0], [0.0, 0.0], [0.5, 1.0], [0.0, 0.0]]))
    >>> float(interdependence(x)[0, 1]) > 0.9
    True
    """
    if values.shape[0] < 2:
        raise StageError(f"interdependence needs at least two bins, got {values.shape[0]}")
    if widths is None:
        levels, tokens = split_levels(values)
    else:
        tokens = _checked_counts(values, widths)
        levels = Levels.of_counts(widths, int(tokens.data.max(initial=0)))

    def bar(done: float, total: float) -> None:
        if progress is not None:
            progress(done, total, "feature pairs")

    return _scores(tokens, levels, max_order, workers, device, bar)


def _checked_counts(counts: csr_matrix, widths: NDArray[np.integer]) -> csr_matrix:
    if counts.shape[1] != len(widths):
        raise StageError(
            f"the counts have {counts.shape[1]} features and there are {len(widths)} widths; give "
            "the width of each feature"
        )
    if not np.issubdtype(counts.dtype, np.integer) or (counts.nnz and counts.data.min() < 0):
        raise StageError(
            f"the counts are {counts.dtype} or below 0, expected whole numbers of covered bases; "
            "leave out widths to give feature values"
        )
    rows = counts.tocsr()
    if not rows.has_canonical_format:
        rows = rows.astype(np.int64)
        rows.sum_duplicates()
    return rows


def _scores(
    tokens: csr_matrix, levels: Levels, max_order: int, workers: int, device: str, bar: Bar
) -> NDArray[np.float32]:
    if device == "cpu":
        return block_scores(TokenBlock.of(tokens, levels), levels, max_order, workers, bar)
    from precompute.scores.moments_torch import dense_scores

    scores = dense_scores(tokens, levels, max_order, device)
    bar(1, 1)
    return scores


def choose_device(wanted: str) -> str:
    """'cpu' or 'cuda' for 'auto', 'cpu' or 'cuda'.

    Raises
    ------
    StageError
        When 'cuda' is wanted and there is none.
    """
    if wanted == "cpu":
        return "cpu"
    import ctypes

    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        # Without the driver there is no device, and importing torch takes seconds.
        available = False
    else:
        import torch

        available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise StageError(
            "interdependence.device is cuda, but torch finds no CUDA device here; set it to auto "
            "or cpu, or run where there is one"
        )
    return "cuda" if available else "cpu"


# -- the stage -------------------------------------------------------------------------------------


def sample_counts(
    run: RunFolder, size: int, rng: np.random.Generator
) -> tuple[csr_matrix, NDArray[np.int64]]:
    """Covered bases of ``size`` bins drawn without replacement over all chromosomes.

    Returns
    -------
    CSR uint8 or uint16 (n_bins, n_features), bins in their order along the genome, and a random
    order of them, int64 (n_bins,), any slice of which is itself a random sample.
    """
    from scipy.sparse import vstack

    total = sum(count_bins(run).values())
    n_features = len(run.table("features", ["feature"]))
    chosen = np.sort(rng.choice(total, size=min(size, total), replace=False))
    parts = []
    for number, block in enumerate(bin_blocks(run, _READ_BINS)):
        first = number * _READ_BINS
        lo, hi = np.searchsorted(chosen, [first, first + _READ_BINS])
        if hi > lo:
            parts.append(read_counts(run, block, n_features)[chosen[lo:hi] - first])
    return vstack(parts, format="csr"), rng.permutation(len(chosen))


def _bars(context: StageContext, weights: dict[str, float]) -> dict[str, Bar]:
    """One bar for each part of the stage, which together fill the stage's bar."""
    total = sum(weights.values())

    def bar(before: float, weight: float, note: str) -> Bar:
        return lambda done, of: context.progress(before + weight * done / of, total, note)

    starts = itertools.accumulate(weights.values(), initial=0.0)
    return {
        note: bar(start, weight, note)
        for start, (note, weight) in zip(starts, weights.items(), strict=False)
    }


def _change(halves: list[NDArray[np.float32]]) -> Facts:
    change = np.abs(halves[0] - halves[1])[np.triu_indices(len(halves[0]), 1)]
    return {
        "largest_change_between_halves": float(change.max(initial=0)),
        "mean_change_between_halves": float(change.mean(dtype=np.float64)) if len(change) else 0.0,
    }


def _p_values(
    context: StageContext, tokens: csr_matrix, levels: Levels, bar: Bar
) -> tuple[dict[str, NDArray[np.float32]], Facts]:
    config = context.config.interdependence
    tests = permutation_tests(
        TokenBlock.of(tokens, levels), levels, config.max_order, config.permutations,
        context.rng("permutations"), context.config.run.workers, bar,
    )
    upper = np.triu_indices(levels.n_features, 1)
    facts = {
        "permutations": config.permutations,
        "pairs_tested": tests.n_tested,
        "pairs_with_q_at_most_0.05": int((tests.q_values[upper] <= 0.05).sum()),
    }
    return {"p_values": tests.p_values, "q_values": tests.q_values}, facts


def run(context: StageContext) -> Facts:
    """Write the artefact ``interdependence``: scores, those of two disjoint samples, p-values."""
    config = context.config.interdependence
    device = choose_device(config.device)
    tokens, order = sample_counts(context.run, config.sample_bins, context.rng("sample"))
    levels = count_levels(context.run)
    n = tokens.shape[0]
    if n < 4:
        raise StageError(
            f"the run has {n} bins, and interdependence needs at least 4 for two samples of 2; "
            "configure a longer region"
        )
    n_bins = sum(count_bins(context.run).values()) if config.exact else n
    bars = _bars(context, {
        "scores": n_bins, "first half": n / 2, "second half": n / 2,
        "permutations": config.permutations * n,
    })

    def score(bins: csr_matrix, part: str) -> NDArray[np.float32]:
        workers = context.config.run.workers
        return _scores(bins, levels, config.max_order, workers, device, bars[part])

    if not config.exact:
        scores = score(tokens, "scores")
    elif device == "cpu":
        scores = exact_scores(context.run, config, context.execution, bars["scores"])
    else:
        scores = exact_dense_scores(context.run, config, device, bars["scores"])
    arrays = {
        "scores": scores,
        "half0": score(tokens[np.sort(order[: n // 2])], "first half"),
        "half1": score(tokens[np.sort(order[n // 2 :])], "second half"),
    }
    basis = {
        "exact": config.exact, "sample_bins": n_bins, "half_bins": n // 2, "device": device,
        "method": _METHODS[device],
    }
    facts = basis | {"non_zeros_per_bin": tokens.nnz / n}
    facts |= _change([arrays["half0"], arrays["half1"]])
    if config.permutations:
        tests, more = _p_values(context, tokens, levels, bars["permutations"])
        arrays |= tests
        facts |= more
    with context.run.writing_group(
        "interdependence", **basis, max_order=config.max_order,
        permutations=config.permutations, seed=context.config.run.seed,
    ) as group:
        for name, array in arrays.items():
            group.create_array(name, data=array, chunks=(min(512, len(array)),) * 2)
    return facts
