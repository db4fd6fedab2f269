"""The token map as AnnData for scanpy and its relatives: ``python -m precompute export-anndata``.

The file holds what the run's ``explorer.h5ad`` holds, and beside it the neighbour graph, the names
and colours of the communities as the app shows them, and the layouts' quality of each token.

References
----------
Virshup et al., anndata, doi:10.21105/joss.04371; Wolf et al., scanpy,
doi:10.1186/s13059-017-1382-0 (what ``uns`` and ``obsp`` are expected to hold)
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.embedding.neighbors import unit_rows
from precompute.embedding.pca import component_spread
from precompute.errors import ArtefactError, InputError, RunFolderError

if TYPE_CHECKING:
    import anndata

SUFFIXES = (".h5ad", ".zarr")
#: Neighbours of each token in the exported graph.
EXPORTED_NEIGHBORS = 30
#: As the app colours communities: Okabe-Ito up to seven, Glasbey beyond.
_OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")


def export_anndata(run: RunFolder, file: str | Path, overwrite: bool = False) -> Path:
    """Write the token map of a run as AnnData.

    Parameters
    ----------
    run : run with a map
    file : ends in .h5ad (one file) or .zarr (a folder)
    overwrite : replace what is there

    Raises
    ------
    InputError
        When the name ends otherwise, or something is there already.
    ArtefactError
        When the run has no map.
    RunFolderError
        When the file cannot be written.
    """
    path = Path(file)
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"cannot tell the format of {path.name or file!r}; end the name in .h5ad (one file) or "
            ".zarr (a folder)"
        )
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; give --force to replace it, or another name")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; make it, or give another name")
    data = as_anndata(run)
    try:
        _write(data, path)
    except OSError as error:
        raise RunFolderError(
            f"cannot write {path} ({error.strerror or type(error).__name__}); check the disk and "
            "the folder's permissions, or give another name"
        ) from None
    return path


def _write(data: anndata.AnnData, path: Path) -> None:
    """Write beside the target and put it in place in one step."""
    import anndata as ad

    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        temporary = holder / path.name
        if path.suffix == ".zarr":
            # Version 2: anndata's strings have no settled form in Zarr v3 yet.
            with ad.settings.override(zarr_write_format=2), warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Writing zarr v2")
                data.write_zarr(temporary)
        else:
            data.write_h5ad(temporary, compression="gzip")
        if path.is_dir():
            os.rename(path, holder / "old")
        os.replace(temporary, path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def as_anndata(run: RunFolder) -> anndata.AnnData:
    """The token map of a run as AnnData.

    ``X`` cluster values (CSR); ``obs`` locus, word, frequency, gc, is_fitted, communities with
    their names, signal, quality; ``var`` motif clusters; ``obsm`` X_pca, X_umap, X_tsne; ``obsp``
    distances (1 - cosine) and connectivities (UMAP's membership strengths) of the nearest tokens;
    ``uns`` colours of the communities, PCA's shares of the variance, and the run.

    Raises
    ------
    ArtefactError
        When the run has no map, or it cannot be read.
    """
    import anndata as ad

    table = run.table("community_table")
    quality, layouts = run.group("layout_quality"), run.group("layouts")
    path = run.path("explorer")
    try:
        data = ad.read_h5ad(path)
    except (OSError, KeyError, ValueError) as error:
        raise ArtefactError(
            f"{path} cannot be read as AnnData ({type(error).__name__}); run the stage explorer"
        ) from None
    for name in ("pca", "umap", "tsne"):
        for measure in ("preservation", "trustworthiness"):
            data.obs[f"{name}_{measure}"] = quality[f"{name}_{measure}"][:]
    for level, column in (("mega", "megacluster"), ("sub", "subcluster")):
        rows = table[table["level"] == level].sort_values("community")
        names = [f"{row.community} {row.label}" for row in rows.itertuples()]
        numbers = data.obs[column].astype(int).to_numpy()
        data.obs[column] = pd.Categorical.from_codes(numbers, [str(c) for c in rows["community"]])
        data.obs[f"{column}_name"] = pd.Categorical.from_codes(numbers, names)
        colors = community_colors(len(rows))
        data.uns[f"{column}_colors"] = colors
        data.uns[f"{column}_name_colors"] = colors
    data.uns["pca"] = {"variance_ratio": np.array(layouts.attrs["explained_variance_ratio"])}
    data.varm["PCs"] = layouts["pca_axes"][:].T
    _add_neighbors(data, run)
    return data


def community_colors(n: int) -> list[str]:
    """Colours of n communities by number, as the app's."""
    import colorcet

    if n <= len(_OKABE_ITO):
        return list(_OKABE_ITO[:n])
    colors = [
        "#" + "".join(f"{round(255 * channel):02X}" for channel in color)
        for color in colorcet.glasbey_category10
    ]
    return [colors[number % len(colors)] for number in range(n)]


# -- the neighbour graph -----------------------------------------------------------------------


@njit(cache=True)
def _expand(own, near, start, points, out):  # type: ignore[no-untyped-def]
    """Points of a token's own node, then of its nearest nodes, until the row is full; -1 beyond."""
    for row in range(out.shape[0]):
        filled = 0
        for k in range(-1, near.shape[1]):
            node = own[row] if k < 0 else near[row, k]
            if node < 0 or (k >= 0 and node == own[row]):
                continue
            for place in range(start[node], start[node + 1]):
                if filled < out.shape[1] and points[place] != row:
                    out[row, filled] = points[place]
                    filled += 1


def nearest_points(run: RunFolder, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Nearest fitted points of every point, int64 (n, k) and their distances float32 (n, k).

    Copies of the same token come first, at distance 0. Where fewer are known than k, -1 stands.
    """
    graph, pca = run.group("neighbors"), run.group("layouts")["pca"][:]
    is_fitted = run.table("points", ["is_fitted"])["is_fitted"].to_numpy()
    node, nodes = graph["node"][:].astype(np.int64), graph["nodes"][:, :k].astype(np.int64)
    near = np.full((len(node), k), -1, dtype=np.int64)
    near[is_fitted, : nodes.shape[1]] = nodes[node[is_fitted]]
    if not is_fitted.all():
        placed = graph["placed"][:, :k]
        near[~is_fitted, : placed.shape[1]] = placed
    fitted = np.flatnonzero(is_fitted)
    order = np.argsort(node[fitted], kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(node[fitted], minlength=len(nodes)))])
    found = np.full((len(node), k), -1, dtype=np.int64)
    _expand(node, near, start, fitted[order], found)
    unit = unit_rows(pca / component_spread(pca[is_fitted]))
    distance = np.empty(found.shape, dtype=np.float32)
    for lo in range(0, len(found), 10_000):
        part = found[lo : lo + 10_000]
        cosine = np.einsum("nd,nkd->nk", unit[lo : lo + 10_000], unit[part])
        same = node[lo : lo + 10_000, None] == node[part]
        distance[lo : lo + 10_000] = np.where(
            same & (node[part] >= 0), 0.0, np.clip(1 - cosine, 0, 2))
    return found, distance


def _add_neighbors(data: anndata.AnnData, run: RunFolder) -> None:
    from scipy.sparse import csr_matrix
    from umap.umap_ import fuzzy_simplicial_set

    n = data.n_obs
    found, distance = nearest_points(run, min(EXPORTED_NEIGHBORS, n - 1))
    known = found >= 0
    if not known.all():
        # Few tokens: as many neighbours as all of them have.
        k = max(1, int(known.sum(axis=1).min()))
        found, distance, known = found[:, :k], distance[:, :k], known[:, :k]
    row = np.repeat(np.arange(n), known.sum(axis=1))
    # scanpy reads a stored 0 as no edge: copies are a hair apart.
    values = np.maximum(distance[known], np.float32(1e-9))
    data.obsp["distances"] = csr_matrix((values, (row, found[known])), shape=(n, n))
    own = np.arange(n)[:, None]
    graph: Any = fuzzy_simplicial_set(
        np.empty((n, 0), dtype=np.float32), found.shape[1] + 1, np.random.RandomState(0), "cosine",
        knn_indices=np.hstack([own, found]),
        knn_dists=np.hstack([np.zeros((n, 1), np.float32), distance]),
    )[0]
    data.obsp["connectivities"] = csr_matrix(graph)
    data.uns["neighbors"] = {
        "connectivities_key": "connectivities",
        "distances_key": "distances",
        "params": {
            "n_neighbors": found.shape[1] + 1, "method": "umap", "metric": "cosine",
            "use_rep": "X_pca", "random_state": 0,
        },
    }
