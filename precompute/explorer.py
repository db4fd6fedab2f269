"""The explorer's sample as AnnData, which scanpy and its relatives open."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precompute.artefacts import ARTEFACTS
from precompute.context import Facts, StageContext
from precompute.token_store import TokenStore


def run(context: StageContext) -> Facts:
    """Write the artefact ``explorer``: tokens x motif clusters with layouts and communities."""
    import anndata
    from scipy.sparse import vstack

    store = TokenStore(context.run)
    points = context.run.table("points")
    communities = context.run.table("communities")
    clusters = context.run.table("clusters")
    signal = context.run.group("signal")
    layouts = context.run.group("layouts")
    obs = points.drop(columns=["point"]).copy()
    for level in ("megacluster", "subcluster"):
        numbers = communities[level].to_numpy()
        names = [str(number) for number in range(numbers.max() + 1)]
        obs[level] = pd.Categorical.from_codes(numbers, names)
    for track in signal.attrs["tracks"]:
        values = np.empty(len(points), dtype=np.float32)
        for chrom in store.chroms:
            here = (points["chrom"] == chrom).to_numpy()
            values[here] = signal[f"{chrom}/{track}/bins"][:][points.loc[here, "bin"].to_numpy()]
        obs[track] = values
    obs.index = [f"{r.chrom}:{r.start + 1}-{r.end}" for r in points.itertuples()]
    var = clusters[["label", "n_features", "n_profiles", "strands", "representative"]].copy()
    var["tfs"] = [", ".join(tfs) for tfs in clusters["tfs"]]
    var.index = var.pop("label").astype(str)
    rows = vstack(
        [store.rows(c, points.loc[points["chrom"] == c, "bin"].to_numpy()) for c in store.chroms],
        format="csr",
    )
    data = anndata.AnnData(X=rows, obs=obs, var=var)
    for name in ("pca", "umap", "tsne"):
        data.obsm[f"X_{name}"] = layouts[name][:]
    artefact = ARTEFACTS["explorer"]
    data.uns["motiflens"] = {
        "kind": artefact.kind,
        "version": artefact.version,
        "assembly": context.config.genome.assembly,
        "motifs": context.config.motifs.release,
    }
    with context.run.writing("explorer") as path:
        data.write_h5ad(path, compression="gzip")
    context.progress(1, 1, "")
    return {"tokens": data.n_obs, "motif_clusters": data.n_vars}
