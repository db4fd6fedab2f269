"""Prominent motifs: which motif clusters are higher inside a group of tokens than outside.

The effect is the log2 ratio of the means; significance is a two-sided Mann-Whitney test with tie
correction, and q-values are Benjamini-Hochberg over the motif clusters. Equal values are grouped
once, so a new group costs one count of its non-zeros.
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
    from scipy.sparse import csr_matrix

#: Added to both means before their ratio, so that a motif absent outside has a finite effect.
PSEUDO_VALUE = 1e-3

#: Smallest p-value given: below it a float64 is no longer reliable, and it is never shown as 0.
SMALLEST_P = 1e-300


class RankedFeatures:
    """Columns of a sparse matrix as groups of equal values, ready to compare groups of rows.

    A rank depends only on how many rows have each value, so a comparison counts, for each value of
    each column, its rows on either side: mid-ranks are then exact within any two groups of rows.

    Parameters
    ----------
    values : CSR (n_points, n_clusters), non-negative, zeros not stored
    """

    def __init__(self, values: csr_matrix) -> None:
        from scipy.sparse import csc_matrix

        self.n, self.n_features = values.shape
        columns = values.tocsc()
        columns.eliminate_zeros()
        group = np.empty(columns.nnz, dtype=np.int32)
        self._first = np.zeros(self.n_features + 1, dtype=np.int64)
        distinct = []
        for j in range(self.n_features):
            part = slice(columns.indptr[j], columns.indptr[j + 1])
            value, which = np.unique(columns.data[part], return_inverse=True)
            group[part] = self._first[j] + which
            self._first[j + 1] = self._first[j] + len(value)
            distinct.append(value)
        self._value = np.concatenate(distinct).astype(np.float64) if distinct else np.empty(0)
        self._column = np.repeat(np.arange(self.n_features), np.diff(self._first))
        by_point = csc_matrix((group, columns.indices, columns.indptr), columns.shape).tocsr()
        self._group, self._n_values = by_point.data, np.diff(by_point.indptr)
        self._total = np.bincount(self._group, minlength=len(self._value))

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
        n_in = int(members.sum())
        if n_in in (0, self.n):
            raise StageError(
                f"the group holds {n_in:,} of {self.n:,} tokens; choose some but not all"
            )
        count = self._count(members)
        table = self._table(count, n_in, self._total - count, self.n - n_in)
        return table.rename(columns={"mean_a": "mean_in", "mean_b": "mean_out"})

    def compare(self, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> pd.DataFrame:
        """Compare two groups of points; points in both count for neither.

        Parameters
        ----------
        a, b : bool (n_points,)

        Returns
        -------
        one row per motif cluster: mean_a, mean_b, log2_ratio (of the means, a over b), auc
        (probability that a point of a exceeds one of b, ties counting half), p_value (two-sided
        Mann-Whitney with tie correction and continuity), q_value (Benjamini-Hochberg)

        Raises
        ------
        StageError
            When a group holds no point that is not in the other too.

        References
        ----------
        Mann and Whitney, doi:10.1214/aoms/1177730491
        """
        only_a, only_b = a & ~b, b & ~a
        n_a, n_b = int(only_a.sum()), int(only_b.sum())
        if n_a == 0 or n_b == 0:
            raise StageError(
                f"{n_a:,} tokens are in the first group only and {n_b:,} in the second only; "
                "choose two groups that each hold tokens of their own"
            )
        return self._table(self._count(only_a), n_a, self._count(only_b), n_b)

    def _count(self, members: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Members with each value of each column."""
        has = np.repeat(members, self._n_values)
        return np.bincount(self._group[has], minlength=len(self._value))

    def _by_column(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum over the values of each column."""
        result = np.zeros(self.n_features)
        full = np.flatnonzero(np.diff(self._first))
        if len(full):
            result[full] = np.add.reduceat(values, self._first[full])
        return result

    def _table(
        self, count_a: NDArray[np.int64], n_a: int, count_b: NDArray[np.int64], n_b: int
    ) -> pd.DataFrame:
        in_a, both = count_a.astype(np.float64), (count_a + count_b).astype(np.float64)
        n = n_a + n_b
        with_value, with_value_a = self._by_column(both), self._by_column(in_a)
        n_zero = n - with_value
        # Non-zeros rank above all zeros; within a column, above all smaller values.
        before = np.cumsum(both) - both
        start = np.concatenate([[0.0], np.cumsum(with_value)])[:-1]
        rank = before + (n_zero - start)[self._column] + (both + 1) / 2.0
        zero_rank_sum = (n_a - with_value_a) * (n_zero + 1) / 2.0
        u = self._by_column(in_a * rank) + zero_rank_sum - n_a * (n_a + 1) / 2.0
        ties = self._by_column(both**3 - both) + n_zero**3 - n_zero
        variance = n_a * n_b * (n + 1) / 12.0 * (1.0 - ties / (float(n) ** 3 - n))
        deviation = np.abs(u - n_a * n_b / 2.0) - 0.5
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(variance > 0, deviation / np.sqrt(variance), 0.0)
        p = np.clip(2.0 * ndtr(-z), SMALLEST_P, 1.0)
        mean_a = self._by_column(in_a * self._value) / n_a
        mean_b = self._by_column(count_b * self._value) / n_b
        return pd.DataFrame({
            "mean_a": mean_a,
            "mean_b": mean_b,
            "log2_ratio": np.log2((mean_a + PSEUDO_VALUE) / (mean_b + PSEUDO_VALUE)),
            "auc": u / (n_a * n_b),
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
