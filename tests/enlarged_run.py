"""A run with as many map points as asked for, made from a complete run: for benchmarks and tests.

Not data: real (or synthetic) map points are drawn with replacement, and their places on the layouts
are jittered. All else of the run is linked, so only the folder ``embedding`` is new. The neighbour
graph in it stays that of the source: the app does not read it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from precompute.artefacts import RunFolder

#: Standard deviation of the jitter, as a share of the layout's extent.
JITTER = 0.004


def enlarge(source: Path, folder: Path, n_points: int, seed: int = 0) -> Path:
    """Write the enlarged run and return its folder.

    Parameters
    ----------
    source : a complete run, which the new one links to
    folder : made when missing
    n_points : points of the new map
    seed : the same seed gives the same points
    """
    rng = np.random.default_rng(seed)
    old, new = RunFolder(source), RunFolder(folder)
    (folder / "embedding").mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in ("embedding", "explorer.h5ad"):
            (folder / path.name).symlink_to(path.resolve())
    (folder / "explorer.h5ad").touch()
    made = ("points.parquet", "communities.parquet", "community_table.parquet", "layouts.zarr",
            "layout_quality.zarr")
    for path in (source / "embedding").iterdir():
        if path.name not in made:
            (folder / "embedding" / path.name).symlink_to(path.resolve())
    points, communities = old.table("points"), old.table("communities")
    # Rising, so that chromosomes and bins stay in their order.
    drawn = np.sort(rng.integers(0, len(points), n_points))
    for name, table in (("points", points), ("communities", communities)):
        larger = table.iloc[drawn].reset_index(drop=True)
        new.write_table(name, larger.assign(point=np.arange(n_points)))
    _write_layouts(old, new, rng, drawn)
    quality = old.group("layout_quality")
    attrs = {k: v for k, v in quality.attrs.items() if k not in ("kind", "version")}
    with new.writing_group("layout_quality", **attrs) as group:
        for name in sorted(quality):
            group.create_array(name, data=quality[name][:][drawn])
    sizes = {
        level: np.bincount(communities[column].to_numpy()[drawn])
        for level, column in (("mega", "megacluster"), ("sub", "subcluster"))
    }
    table = old.table("community_table")
    counted = [int(sizes[r.level][r.community]) if r.community < len(sizes[r.level]) else 0
               for r in table.itertuples()]
    new.write_table("community_table", table.assign(n_points=pd.Series(counted, dtype=np.int64)))
    return folder


def _write_layouts(
    old: RunFolder, new: RunFolder, rng: np.random.Generator, drawn: np.ndarray
) -> None:
    layouts = old.group("layouts")
    attrs = dict(layouts.attrs)
    attrs["n_candidates"] = max(int(attrs["n_candidates"]), len(drawn))
    attrs = {k: v for k, v in attrs.items() if k not in ("kind", "version")}
    with new.writing_group("layouts", **attrs, enlarged="points drawn with replacement") as group:
        for name in ("pca", "umap", "tsne"):
            xy = layouts[name][:, :2]
            spread = JITTER * np.ptp(xy, axis=0)
            jittered = xy[drawn] + rng.normal(0, 1, (len(drawn), 2)) * spread
            group.create_array(name, data=jittered.astype(np.float32))
        group.create_array("pca_mean", data=layouts["pca_mean"][:])
        group.create_array("pca_axes", data=layouts["pca_axes"][:2])
