"""Interdependence scores (IDS) between motif features, from non-zeros alone.

phi_n(x) = x^n exp(-x^2 / 2) / sqrt(n!), n = 0 .. max_order, and
IDS(i, j) = max over (n, m) of |Pearson(phi_n(x_i), phi_m(x_j))| across bins.

x = 0 maps to a constant for every n, and Pearson's r does not see constants, so every function is
shifted to vanish at 0 and all centred moments follow from sums over bins where both features are
present. The work is the number of pairs of non-zeros, not features squared times bins.

References
----------
Radhakrishnan et al., PNAS 2025 (interdependence scores); the paper, section on motif clusters.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.token_store import TokenStore

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def hermite_functions(values: NDArray[np.floating], max_order: int = 5) -> NDArray[np.float64]:
    """phi_n of each value, shifted to 0 at 0; float64 (len(values), max_order + 1)."""
    x = np.asarray(values, dtype=np.float64)
    envelope = np.exp(-0.5 * x * x)
    columns = [x**n * envelope / math.sqrt(math.factorial(n)) for n in range(max_order + 1)]
    columns[0] = columns[0] - 1.0
    return np.stack(columns, axis=1)


@njit(cache=True, nogil=True)
def _cross_sums(  # type: ignore[no-untyped-def]
    feature, col_ptr, col_row, col_phi, row_ptr, row_feature, row_phi, out
):
    """out[j, n, m] = sum over bins with both of phi_n(x_feature) phi_m(x_j), for j > feature."""
    n_orders = col_phi.shape[1]
    out[:] = 0.0
    for a in range(col_ptr[feature], col_ptr[feature + 1]):
        row = col_row[a]
        left = col_phi[a]
        for b in range(row_ptr[row + 1] - 1, row_ptr[row] - 1, -1):
            j = row_feature[b]
            if j <= feature:
                break
            right = row_phi[b]
            for n in range(n_orders):
                for m in range(n_orders):
                    out[j, n, m] += left[n] * right[m]


def interdependence(
    values: csr_matrix,
    max_order: int = 5,
    workers: int = 1,
    progress: Callable[[float, float, str], None] | None = None,
) -> NDArray[np.float32]:
    """Interdependence scores of the columns of a sparse matrix.

    Parameters
    ----------
    values : CSR float (n_bins, n_features), non-negative feature values, zeros not stored
    max_order : highest order of the Hermite functions
    workers : threads
    progress : called with (features done, features, note)

    Returns
    -------
    float32 (n_features, n_features), symmetric, in [0, 1], diagonal 1. A feature that is constant
    over the bins scores 0 with every other.

    Raises
    ------
    StageError
        When there are fewer than two bins.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> x = csr_matrix(np.array([[1.0, 2.0], [0.0, 0.0], [0.5, 1.0], [0.0, 0.0]]))
    >>> float(interdependence(x)[0, 1]) > 0.9
    True
    """
    n_bins, n_features = values.shape
    if n_bins < 2:
        raise StageError(f"interdependence needs at least two bins, got {n_bins}")
    rows = values.tocsr().sorted_indices()
    columns = rows.tocsc()
    row_phi = hermite_functions(rows.data, max_order)
    col_phi = hermite_functions(columns.data, max_order)
    col_ptr, row_ptr = columns.indptr.astype(np.int64), rows.indptr.astype(np.int64)
    mean = np.zeros((n_features, max_order + 1))
    square = np.zeros_like(mean)
    owner = np.repeat(np.arange(n_features), np.diff(col_ptr))
    for n in range(max_order + 1):
        mean[:, n] = np.bincount(owner, col_phi[:, n], n_features) / n_bins
        square[:, n] = np.bincount(owner, col_phi[:, n] ** 2, n_features) / n_bins
    variance = square - mean**2
    # Below this a function is constant up to rounding of the moments.
    alive = variance > 1e-12 * np.maximum(square, 1e-300)
    scale = np.where(alive, 1.0 / np.sqrt(np.where(alive, variance, 1.0)), 0.0)
    scores = np.eye(n_features, dtype=np.float32)

    def one(feature: int) -> None:
        out = np.empty((n_features, max_order + 1, max_order + 1))
        _cross_sums(
            feature, col_ptr, columns.indices, col_phi, row_ptr, rows.indices, row_phi, out
        )
        later = slice(feature + 1, n_features)
        covariance = out[later] / n_bins
        covariance -= mean[feature][None, :, None] * mean[later][:, None, :]
        r = np.abs(covariance) * scale[feature][None, :, None] * scale[later][:, None, :]
        best = np.minimum(r.max(axis=(1, 2)), 1.0) if r.size else np.empty(0)
        scores[feature, later] = best
        scores[later, feature] = best

    with ThreadPoolExecutor(max_workers=workers) as pool:
        for done, _ in enumerate(pool.map(one, range(n_features)), start=1):
            if progress is not None and (done % 64 == 0 or done == n_features):
                progress(done, n_features, "feature pairs")
    return scores


def sample_bins(store: TokenStore, size: int, rng: np.random.Generator) -> csr_matrix:
    """Feature values of ``size`` bins drawn without replacement over all chromosomes, in a random
    order, so that any slice of the rows is itself a random sample."""
    from scipy.sparse import vstack

    counts = [store.n_bins(chrom) for chrom in store.chroms]
    total = sum(counts)
    chosen = np.sort(rng.choice(total, size=min(size, total), replace=False))
    parts = []
    offset = 0
    for chrom, n in zip(store.chroms, counts, strict=True):
        for block in store.blocks(100_000, chrom):
            lo, hi = np.searchsorted(chosen, [offset + block.lo, offset + block.hi])
            if hi > lo:
                values = store.feature_values(chrom, block.lo, block.hi)
                parts.append(values[chosen[lo:hi] - offset - block.lo])
        offset += n
    return vstack(parts, format="csr")[rng.permutation(len(chosen))]


def run(context: StageContext) -> Facts:
    """Write the artefact ``interdependence`` and the scores of two disjoint halves."""
    config = context.config.interdependence
    workers = context.config.run.workers
    store = TokenStore(context.run)
    values = sample_bins(store, config.sample_bins, context.rng("sample"))
    n = values.shape[0]
    halves = (values[: n // 2], values[n // 2 :])

    def part(first: float) -> Callable[[float, float, str], None]:
        return lambda done, total, note: context.progress(first + done / total, 3, note)

    scores = interdependence(values, config.max_order, workers, part(0))
    with context.run.writing_group(
        "interdependence", sample_bins=n, max_order=config.max_order, seed=context.config.run.seed
    ) as group:
        chunks = (min(512, len(scores)),) * 2
        group.create_array("scores", data=scores, chunks=chunks)
        changes = []
        for number, half in enumerate(halves):
            half_scores = interdependence(half, config.max_order, workers, part(1 + number))
            group.create_array(f"half{number}", data=half_scores, chunks=chunks)
            changes.append(half_scores)
    return {
        "sample_bins": n,
        "non_zeros_per_bin": values.nnz / n,
        "largest_change_between_halves": float(np.abs(changes[0] - changes[1]).max()),
        "mean_change_between_halves": float(np.abs(changes[0] - changes[1]).mean()),
    }
