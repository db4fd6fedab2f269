"""Prominent motifs: which motif clusters are higher inside a group of tokens than outside.

The effect is the log2 ratio of the means; significance is a two-sided Mann-Whitney test with tie
correction, and q-values are Benjamini-Hochberg over the motif clusters. The ranks are computed
once, so a new group costs one pass over the non-zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from precompute.context import Facts, StageContext
from precompute.errors import StageError

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix, csr_matrix

#: Added to both means before their ratio, so that a motif absent outside has a finite effect.
PSEUDO_VALUE = 1e-3

#: Smallest p-value given: below it a float64 is no longer reliable, and it is never shown as 0.
SMALLEST_P = 1e-300


class RankedFeatures:
    """Columns of a sparse matrix with their mid-ranks, ready to compare groups of rows.

    Parameters
    ----------
    values : CSR (n_points, n_clusters), non-negative, zeros not stored
    """

    def __init__(self, values: csr_matrix) -> None:
        self.n, self.n_features = values.shape
        columns: csc_matrix = values.tocsc()
        columns.eliminate_zeros()
        nnz = np.diff(columns.indptr)
        self.zero_rank = (self.n - nnz + 1) / 2.0
        ranks = np.empty(columns.nnz)
        n_zero = (self.n - nnz).astype(np.float64)
        ties = n_zero**3 - n_zero
        for j in range(self.n_features):
            part = slice(columns.indptr[j], columns.indptr[j + 1])
            data = columns.data[part]
            # Non-zeros rank above all zeros; the excess over the zeros' mid-rank stays sparse.
            _, which, size = np.unique(data, return_inverse=True, return_counts=True)
            mid_rank = np.cumsum(size) - (size - 1) / 2.0
            ranks[part] = mid_rank[which] + n_zero[j] - self.zero_rank[j]
            ties[j] += float((size.astype(np.float64) ** 3 - size).sum())
        self._tie_factor = 1.0 - ties / (float(self.n) ** 3 - self.n)
        ranked = columns.copy()
        ranked.data = ranks
        self._ranks = ranked.T.tocsr()
        self._values = columns.T.tocsr()
        self._total = np.asarray(columns.sum(axis=0)).ravel().astype(np.float64)

    def enrich(self, members: NDArray[np.bool_]) -> pd.DataFrame:
        """Compare members with all other points.

        Parameters
        ----------
        members : bool (n_points,)

        Returns
        -------
        one row per motif cluster: mean_in, mean_out, log2_ratio, auc (probability that a member
        exceeds a non-member), p_value, q_value

        Raises
        ------
        StageError
            When nobody or everybody is a member.
        """
        inside = members.astype(np.float64)
        n_in = int(inside.sum())
        n_out = self.n - n_in
        if n_in == 0 or n_out == 0:
            raise StageError(
                f"the group holds {n_in:,} of {self.n:,} tokens; choose some but not all"
            )
        sums = self._values @ inside
        # The total less the inside can fall a rounding error below 0.
        mean_in, mean_out = sums / n_in, np.maximum(self._total - sums, 0) / n_out
        rank_sum = self._ranks @ inside + n_in * self.zero_rank
        u = rank_sum - n_in * (n_in + 1) / 2.0
        variance = n_in * n_out * (self.n + 1) / 12.0 * self._tie_factor
        deviation = np.abs(u - n_in * n_out / 2.0) - 0.5
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(variance > 0, deviation / np.sqrt(variance), 0.0)
        p = np.clip(2.0 * ndtr(-z), SMALLEST_P, 1.0)
        return pd.DataFrame({
            "mean_in": mean_in,
            "mean_out": mean_out,
            "log2_ratio": np.log2((mean_in + PSEUDO_VALUE) / (mean_out + PSEUDO_VALUE)),
            "auc": u / (n_in * n_out),
            "p_value": p,
            "q_value": benjamini_hochberg(p),
        })


def benjamini_hochberg(p: NDArray[np.floating]) -> NDArray[np.float64]:
    """False discovery rates of p-values, float64 of the same shape.

    References
    ----------
    Benjamini and Hochberg, doi:10.1111/j.2517-6161.1995.tb02031.x
    """
    n = len(p)
    order = np.argsort(p)[::-1]
    scaled = p[order] * n / np.arange(n, 0, -1)
    q = np.empty(n)
    q[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return q


def name_community(table: pd.DataFrame, labels: list[str]) -> tuple[str, float]:
    """Label and q-value of the most enriched motif cluster: the highest AUC among the significant
    with a higher mean inside; ``'mixed'`` when there is none."""
    good = table[(table["q_value"] < 0.05) & (table["log2_ratio"] > 0)]
    if good.empty:
        return "mixed", 1.0
    best = good["auc"].idxmax()
    return labels[int(best)], float(good.loc[best, "q_value"])


def run(context: StageContext) -> Facts:
    """Write the artefacts ``enrichment`` and ``community_table``."""
    from scipy.sparse import vstack

    from precompute.token_store import TokenStore

    store = TokenStore(context.run)
    points = context.run.table("points")
    communities = context.run.table("communities")
    labels = context.run.table("clusters", ["label"])["label"].tolist()
    rows = vstack(
        [store.rows(c, points.loc[points["chrom"] == c, "bin"].to_numpy()) for c in store.chroms],
        format="csr",
    )
    ranked = RankedFeatures(rows)
    mega = communities["megacluster"].to_numpy()
    sub = communities["subcluster"].to_numpy()
    groups = [("mega", m, -1, mega == m) for m in range(mega.max() + 1)]
    groups += [("sub", s, int(mega[sub == s][0]), sub == s) for s in range(sub.max() + 1)]
    parts, rows_out = [], []
    for number, (level, community, parent, members) in enumerate(groups):
        context.progress(number, len(groups), f"{level} {community}")
        label, q = "all tokens", 1.0
        if not members.all():
            table = ranked.enrich(members)
            label, q = name_community(table, labels)
            table.insert(0, "cluster", np.arange(len(table)))
            table.insert(0, "community", community)
            table.insert(0, "level", level)
            parts.append(table)
        rows_out.append((level, community, parent, int(members.sum()), label, q))
    names = ["level", "community", "parent", "n_points", "label", "q_value"]
    columns = ["level", "community", "cluster", "mean_in", "mean_out", "log2_ratio", "auc",
               "p_value", "q_value"]
    enrichment = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    context.run.write_table("enrichment", enrichment)
    context.run.write_table("community_table", pd.DataFrame(rows_out, columns=names))
    context.progress(1, 1, "")
    return {"groups": len(groups), "mixed": sum(row[4] == "mixed" for row in rows_out)}
