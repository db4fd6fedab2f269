"""Placing tokens that the map was not fitted to.

A token is projected on the stored principal components, its nearest nodes of the map are found
exactly, and in each layout it is put at their weighted geometric median: the place with the least
weighted sum of distances to them. Where its neighbours lie in two islands it falls into the one
that holds most of them, never into the void between. A token that equals one of the map's lies on
it. Every token is placed by itself, so neither order nor company changes where it goes, and the
map does not move.

References
----------
Policar et al., embedding to reference t-SNE space, doi:10.1007/s10994-021-06043-1 (medians of
neighbours); Vardi and Zhang, the geometric median, doi:10.1073/pnas.97.4.1423
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.embedding.neighbors import nearest, unit_rows
from precompute.embedding.pca import component_spread, project
from precompute.errors import StageError
from precompute.streaming import windows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

#: Nearest nodes that decide a token's place.
PLACING_NEIGHBORS = 15
_BLOCK = 50_000
_STEPS = 60


class Reference(NamedTuple):
    """A fitted map: what placing needs of it.

    ``mean`` float32 (n_clusters,), ``axes`` float32 (k, n_clusters), ``spread`` float32 (k,);
    ``unit`` float32 (n_nodes, k), unit rows of the standardized components; ``layouts`` float32
    (n_nodes, 2) each by name.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    spread: NDArray[np.float32]
    unit: NDArray[np.float32]
    layouts: dict[str, NDArray[np.float32]]


class Placed(NamedTuple):
    """Placed tokens: ``pca`` float32 (n, k) scores; ``nodes`` int32 (n, neighbours) nearest nodes,
    nearest first; ``layouts`` float32 (n, 2) each by name; ``equal`` int32 (n,), the node that is
    the very same token, -1 for none."""

    pca: NDArray[np.float32]
    nodes: NDArray[np.int32]
    layouts: dict[str, NDArray[np.float32]]
    equal: NDArray[np.int32]


@njit(cache=True, nogil=True)
def _geometric_medians(xy, nodes, weight, steps, out):  # type: ignore[no-untyped-def]
    """Weiszfeld's iteration from the weighted mean, for every row of ``nodes``."""
    for row in range(nodes.shape[0]):
        x, y, total = 0.0, 0.0, 0.0
        for j in range(nodes.shape[1]):
            w = weight[row, j]
            x += w * xy[nodes[row, j], 0]
            y += w * xy[nodes[row, j], 1]
            total += w
        x /= total
        y /= total
        for _ in range(steps):
            new_x, new_y, total = 0.0, 0.0, 0.0
            for j in range(nodes.shape[1]):
                dx = xy[nodes[row, j], 0] - x
                dy = xy[nodes[row, j], 1] - y
                w = weight[row, j] / max(np.sqrt(dx * dx + dy * dy), 1e-6)
                new_x += w * xy[nodes[row, j], 0]
                new_y += w * xy[nodes[row, j], 1]
                total += w
            x, y = new_x / total, new_y / total
        out[row, 0], out[row, 1] = x, y


def _weights(distances: NDArray[np.float32]) -> NDArray[np.float64]:
    """Weights that fall with the distance beyond the nearest, on the scale of their own mean."""
    beyond = distances.astype(np.float64) - distances[:, :1]
    scale = beyond.mean(axis=1, keepdims=True)
    return np.asarray(np.exp(-beyond / np.where(scale > 0, scale, 1.0)))


def place(
    reference: Reference, values: csr_matrix, neighbors: int = PLACING_NEIGHBORS, workers: int = 1
) -> Placed:
    """Place tokens on a fitted map.

    Parameters
    ----------
    values : CSR (n, n_clusters), cluster values
    neighbors : nearest nodes to report, at least :data:`PLACING_NEIGHBORS`

    Raises
    ------
    StageError
        When the tokens have another number of motif clusters than the map's.
    """
    n = values.shape[0]
    if values.shape[1] != len(reference.mean):
        raise StageError(
            f"the tokens have {values.shape[1]:,} motif clusters and the map "
            f"{len(reference.mean):,}; give cluster values of the same run"
        )
    pca = project(values, reference.mean, reference.axes)
    k = min(max(neighbors, PLACING_NEIGHBORS), len(reference.unit))
    nodes = np.empty((n, k), dtype=np.int32)
    equal = np.full(n, -1, dtype=np.int32)
    layouts = {name: np.empty((n, 2), dtype=np.float32) for name in reference.layouts}
    for lo, hi in windows(n, _BLOCK):
        unit = unit_rows(pca[lo:hi] / reference.spread)
        near = nearest(unit, reference.unit, k, workers=workers)
        nodes[lo:hi] = near.nodes
        for column in range(k):
            same = (near.distances[:, column] < 1e-5) & (equal[lo:hi] < 0)
            rows = np.flatnonzero(same)
            there = near.nodes[rows, column]
            rows = rows[(reference.unit[there] == unit[rows]).all(axis=1)]
            equal[lo + rows] = near.nodes[rows, column]
        few = min(PLACING_NEIGHBORS, k)
        weight = _weights(near.distances[:, :few])
        on = equal[lo:hi] >= 0
        for name, xy in reference.layouts.items():
            part = layouts[name][lo:hi]
            _geometric_medians(xy, near.nodes[:, :few], weight, _STEPS, part)
            part[on] = xy[equal[lo:hi][on]]
    return Placed(pca, nodes, layouts, equal)


def stored_reference(run: RunFolder) -> Reference:
    """The fitted map of a run.

    Raises
    ------
    ArtefactError
        When the run has none.
    """
    group, graph = run.group("layouts"), run.group("neighbors")
    first = graph["first"][:]
    pca = group["pca"][:]
    is_fitted = run.table("points", ["is_fitted"])["is_fitted"].to_numpy()
    spread = component_spread(pca[is_fitted])
    return Reference(
        group["pca_mean"][:], group["pca_axes"][:], spread, unit_rows(pca[first] / spread),
        {name: group[name][:][first] for name in ("umap", "tsne")},
    )


def place_tokens(run: RunFolder, values: csr_matrix, workers: int = 1) -> Placed:
    """Place tokens on the map of a run.

    Parameters
    ----------
    values : CSR (n, n_clusters), cluster values of tokens, for instance
        ``TokenStore(run).rows(chrom, bins)``

    Raises
    ------
    ArtefactError
        When the run has no map.
    StageError
        When the tokens have another number of motif clusters than the map's.

    Examples
    --------
    >>> placed = place_tokens(run, TokenStore(run).rows("chr20", bins))
    >>> placed.layouts["umap"].shape
    (1000, 2)
    """
    return place(stored_reference(run), values, workers=workers)
