"""Motif clusters: redundant motif features merged by their interdependence.

Distance is 1 - IDS; the tree of single linkage (by default) is cut at a fixed distance, which is
the partition of DBSCAN with that eps and min_samples 2 when every noise point is its own cluster.

References
----------
The paper, section on motif clusters (871 clusters genome-wide at 0.38).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.context import Facts, StageContext
from precompute.errors import StageError
from precompute.feature_tree import LINKAGES, feature_tree


def cluster_features(
    scores: NDArray[np.floating], cut: float = 0.38, linkage: str = "single"
) -> NDArray[np.int32]:
    """Cluster label of each feature, int32 (n_features,), numbered by smallest member.

    Parameters
    ----------
    scores : float (n_features, n_features), symmetric, in [0, 1], diagonal 1
    cut : distance 1 - IDS up to which features are joined
    linkage : 'single', 'average' or 'complete'

    Raises
    ------
    StageError
        When the scores are not a square symmetric matrix or the linkage is unknown.
    """
    from scipy.cluster.hierarchy import fcluster

    labels = fcluster(feature_tree(scores, linkage), t=cut, criterion="distance")
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse].astype(np.int32)


def _counts(
    scores: NDArray[np.floating], cuts: NDArray[np.floating], linkage: str
) -> NDArray[np.int64]:
    heights = np.sort(feature_tree(scores, linkage)[:, 2])
    return len(scores) - np.searchsorted(heights, cuts, side="right")


def count_by_cut(
    scores: NDArray[np.floating],
    cuts: NDArray[np.floating],
    is_cpg: NDArray[np.bool_],
) -> pd.DataFrame:
    """Number of clusters for every linkage and cut: the artefact ``cluster_cuts``.

    Parameters
    ----------
    scores : float (n_features, n_features), symmetric, in [0, 1], diagonal 1
    cuts : float (n_cuts,), distances 1 - IDS
    is_cpg : bool (n_features,), the CpG features, left out of ``n_clusters_without_cpg``
    """
    motifs = scores[np.ix_(~is_cpg, ~is_cpg)]
    return pd.concat(
        [
            pd.DataFrame({
                "linkage": linkage,
                "cut": np.asarray(cuts, dtype=np.float64),
                "n_clusters": _counts(scores, cuts, linkage),
                "n_clusters_without_cpg": _counts(motifs, cuts, linkage),
            })
            for linkage in LINKAGES
        ],
        ignore_index=True,
    )


def describe_clusters(features: pd.DataFrame, labels: NDArray[np.int32]) -> pd.DataFrame:
    """The artefact ``clusters``: members and a unique short name of each cluster.

    The name is made of the cluster's commonest TFs; the strand is added when all members share
    one, and the representative's profile id where two clusters would share a name.
    """
    rows = []
    for cluster in range(int(labels.max()) + 1):
        members = features[labels == cluster]
        tfs = Counter(members["tf"])
        order = sorted(tfs, key=lambda tf: (-tfs[tf], list(members["tf"]).index(tf)))
        strands = "".join(sorted(set(members["strand"]), key="+-".index))
        profiles = list(dict.fromkeys(members["profile_id"]))
        name = " / ".join(order[:2]) + (f" +{len(order) - 2}" if len(order) > 2 else "")
        if len(strands) == 1:
            name += f" ({strands})"
        representative = members[members["tf"] == order[0]]["profile_id"].iloc[0]
        rows.append(
            (name, len(members), len(profiles), order, profiles, strands, representative)
        )
    columns = [
        "label", "n_features", "n_profiles", "tfs", "profile_ids", "strands", "representative"
    ]
    frame = pd.DataFrame(rows, columns=columns)
    frame.insert(0, "cluster", np.arange(len(frame)))
    for _, same in frame.groupby("label"):
        if len(same) > 1:
            frame.loc[same.index, "label"] = same["label"] + " " + same["representative"]
    for _, same in frame.groupby("label"):
        if len(same) > 1:
            numbers = [f" #{k}" for k in range(1, len(same) + 1)]
            frame.loc[same.index, "label"] = same["label"] + numbers
    return frame


def run(context: StageContext) -> Facts:
    """Write the artefacts ``feature_clusters``, ``clusters`` and ``cluster_cuts``."""
    from sklearn.metrics import adjusted_rand_score

    config = context.config.motif_clusters
    group = context.run.group("interdependence")
    scores = group["scores"][:]
    labels = cluster_features(scores, config.cut, config.linkage)
    features = context.run.table("features")
    if len(features) != len(labels):
        raise StageError(
            f"interdependence has {len(labels)} features, the motifs {len(features)}; "
            "delete the run folder and run again"
        )
    halves = [
        cluster_features(group[name][:], config.cut, config.linkage) for name in ("half0", "half1")
    ]
    table = pd.DataFrame({"feature": np.arange(len(labels)), "cluster": labels})
    context.run.write_table("feature_clusters", table)
    context.run.write_table("clusters", describe_clusters(features, labels))
    is_cpg = features["profile_id"].to_numpy() == "CpG"
    cuts = count_by_cut(scores, np.arange(0.02, 1.0, 0.02), is_cpg)
    context.run.write_table("cluster_cuts", cuts)
    context.progress(1, 1, "")
    without = cluster_features(scores[np.ix_(~is_cpg, ~is_cpg)], config.cut, config.linkage)
    return {
        "clusters": int(labels.max()) + 1,
        "clusters_without_cpg": int(without.max()) + 1,
        "clusters_with_motifs_and_cpg": len(
            np.intersect1d(labels[is_cpg], labels[~is_cpg])
        ),
        "largest_cluster_features": int(np.bincount(labels).max()),
        "adjusted_rand_of_halves": float(adjusted_rand_score(*halves)),
        "linkage": config.linkage,
        "cut": config.cut,
    }
