"""Prominent motifs of the subclusters of a megacluster (figure 2b of the paper)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.errors import MotiflensError

if TYPE_CHECKING:
    from vizapp.data.explorer import ExplorerData

#: Motif clusters taken from each subcluster, and shown at most.
PER_SUBCLUSTER, MOST_MOTIFS = 3, 30


class Subclusters(NamedTuple):
    """Subclusters x motif clusters.

    ``share`` is the share of a subcluster's tokens whose word holds the motif cluster;
    ``log2_ratio`` and ``q_value`` compare its occupancy with that of all other tokens of the map.
    """

    subclusters: list[int]
    names: list[str]
    n_points: list[int]
    motifs: list[int]
    share: NDArray[np.float64]
    log2_ratio: NDArray[np.float64]
    q_value: NDArray[np.float64]


def subclusters(explorer: ExplorerData, mega: int) -> Subclusters:
    """The subclusters of a megacluster with the motifs most enriched in each.

    Raises
    ------
    MotiflensError
        When there is no such megacluster.
    """
    table = explorer.communities("sub")
    table = table[table["parent"] == mega]
    if table.empty:
        raise MotiflensError(f"this run has no megacluster {mega}; choose one from the list")
    numbers = [int(i) for i in table.index]
    stored = explorer.enrichment
    motifs: list[int] = []
    # A subcluster that holds every token has nothing to be compared with.
    compared = {number: stored[number] for number in numbers if number in stored}
    for found in compared.values():
        higher = found[(found["log2_ratio"] > 0) & (found["q_value"] < 0.05)]
        best = higher.sort_values(["q_value", "auc"], ascending=[True, False], kind="stable")
        motifs += [int(i) for i in best.index[:PER_SUBCLUSTER] if int(i) not in motifs]
    motifs = motifs[:MOST_MOTIFS]
    shape = (len(numbers), len(motifs))
    share, ratio, q = np.zeros(shape), np.zeros(shape), np.ones(shape)
    n_subs = int(explorer.sub.max()) + 1
    size = np.maximum(np.bincount(explorer.sub, minlength=n_subs), 1)
    for j, motif in enumerate(motifs):
        held = np.bincount(explorer.sub[explorer.holding(motif, explorer.threshold)],
                           minlength=n_subs)
        share[:, j] = (held / size)[numbers]
    for i, number in enumerate(numbers):
        if number in compared:
            ratio[i] = compared[number]["log2_ratio"].reindex(motifs).to_numpy()
            q[i] = compared[number]["q_value"].reindex(motifs).to_numpy()
    return Subclusters(numbers, table["label"].tolist(), table["n_points"].tolist(), motifs,
                       share, ratio, q)
