"""Exact PCA of sparse rows, without a dense copy of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Pca(NamedTuple):
    """Principal components.

    ``scores`` float32 (n, k); ``mean`` float32 (d,); ``axes`` float32 (k, d), orthonormal rows,
    the largest entry of each positive; ``explained`` float64 (k,), shares of the variance.
    """

    scores: NDArray[np.float32]
    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    explained: NDArray[np.float64]


def sparse_pca(rows: csr_matrix, n_components: int) -> Pca:
    """PCA by the eigenvectors of the covariance matrix.

    Parameters
    ----------
    rows : CSR (n, d)
    n_components : at most min(n, d) are given
    """
    from scipy.linalg import eigh

    n, d = rows.shape
    x = rows.astype(np.float64)
    mean = np.asarray(x.mean(axis=0)).ravel()
    covariance = (x.T @ x).toarray() / n - np.outer(mean, mean)
    k = min(n_components, n, d)
    values, vectors = eigh(covariance, subset_by_index=(d - k, d - 1))
    values, axes = np.clip(values[::-1], 0, None), vectors[:, ::-1].T
    # An eigenvector's sign is arbitrary: fix it, so that the same data gives the same map.
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(k), largest])[:, None]
    total = float(np.trace(covariance))
    explained = values / total if total > 0 else np.zeros(k)
    kept_mean, kept_axes = mean.astype(np.float32), axes.astype(np.float32)
    return Pca(project(rows, kept_mean, kept_axes), kept_mean, kept_axes, explained)


def project(
    rows: csr_matrix, mean: NDArray[np.float32], axes: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Scores of rows on stored axes, float32 (n, k).

    A row's scores do not depend on the rows beside it: a token that is projected later gets the
    very numbers that it got in the fit.
    """
    wide = axes.astype(np.float64)
    scores = rows.astype(np.float64) @ wide.T - mean.astype(np.float64) @ wide.T
    return np.asarray(scores, dtype=np.float32)


def component_spread(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Standard deviation of each component, float32 (k,); infinite where there is none, so that a
    constant component becomes 0 when it is divided by its spread."""
    spread = scores.std(axis=0, dtype=np.float64)
    spread[spread < 1e-12] = np.inf
    return np.asarray(spread, dtype=np.float32)


def standardize(scores: NDArray[np.floating]) -> NDArray[np.float32]:
    """Each column to mean 0 and standard deviation 1; constant columns to 0."""
    spread = component_spread(scores).astype(np.float64)
    return ((scores - scores.mean(axis=0, dtype=np.float64)) / spread).astype(np.float32)
