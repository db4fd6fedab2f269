"""The matrix of interdependence scores in the order of its tree, cut to a window of features."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import MotiflensError

#: Most rows that are drawn; wider windows show the largest score of each block of features.
MAX_ROWS = 300
#: Narrowest window, features.
MIN_FEATURES = 8


class MatrixError(MotiflensError):
    """A place or a cut that the matrix has not."""


class MatrixWindow(NamedTuple):
    """Features ``[lo, hi)`` of the tree's order.

    ``edges`` int (n_rows + 1,) are where the drawn blocks begin, ``scores`` float32
    (n_rows, n_rows) the largest IDS of each block of pairs of two different features (0 to 1).
    """

    lo: int
    hi: int
    edges: NDArray[np.int64]
    scores: NDArray[np.float32]


class Similarity(NamedTuple):
    """How alike two profiles are: Pearson r at the best offset, and how to lay them.

    ``offset`` is how many positions the second begins after the first; ``overlap`` in bp.
    """

    r: float
    offset: int
    overlap: int


def profile_similarity(a: NDArray[np.floating], b: NDArray[np.floating]) -> Similarity:
    """Best-offset Pearson correlation of two profiles as they are oriented.

    Parameters
    ----------
    a, b : float (width, 4), base frequencies

    Returns
    -------
    Similarity over offsets at which at least half of the narrower profile, and 4 positions or all
    of it, overlap; the largest r, the larger overlap where two are equal

    References
    ----------
    Pietrokovski 1996 (doi:10.1093/nar/24.19.3836), column correlation of aligned profiles; the
    comparison with PCC of Gupta et al. 2007 (doi:10.1186/gb-2007-8-2-r24).
    """
    narrow = min(len(a), len(b))
    least = min(narrow, max(4, -(-narrow // 2)))
    best = Similarity(-2.0, 0, 0)
    for offset in range(least - len(b), len(a) - least + 1):
        lo, hi = max(0, offset), min(len(a), offset + len(b))
        x = a[lo:hi].ravel() - a[lo:hi].mean()
        y = b[lo - offset : hi - offset].ravel() - b[lo - offset : hi - offset].mean()
        scale = float(np.sqrt((x @ x) * (y @ y)))
        r = float(x @ y) / scale if scale > 0 else 0.0
        is_tie = abs(r - best.r) <= 1e-12 and hi - lo > best.overlap
        if r > best.r + 1e-12 or is_tie:
            best = Similarity(min(1.0, max(-1.0, r)), offset, hi - lo)
    return best


class MotifMatrix:
    """Scores, tree and names of the motif features; read when first asked for.

    Parameters
    ----------
    run : with ``interdependence``, ``features`` and ``feature_clusters``
    pfms : base frequencies of each profile
    linkage, cut : of the run's motif clusters
    """

    def __init__(
        self, run: RunFolder, pfms: dict[str, NDArray[np.float64]], linkage: str, cut: float
    ) -> None:
        self._run, self._pfms, self.linkage, self.cut = run, pfms, linkage, cut
        self._lock = threading.Lock()

    @cached_property
    def features(self) -> pd.DataFrame:
        """Feature table with the run's cluster of each."""
        table = self._run.table("features")
        return table.assign(cluster=self._run.table("feature_clusters")["cluster"].to_numpy())

    @cached_property
    def names(self) -> list[str]:
        """Name of each feature: factor, strand and profile."""
        return [
            f"CpG ({strand})" if tf == "CpG" else f"{tf} ({strand}) {profile}"
            for tf, strand, profile in zip(
                self.features["tf"], self.features["strand"], self.features["profile_id"],
                strict=True)
        ]

    @property
    def n(self) -> int:
        """Number of features."""
        return len(self.features)

    @cached_property
    def about(self) -> str:
        """On how many bins the scores stand."""
        attrs = self._run.group("interdependence").attrs
        kind = "all" if attrs["exact"] else "a sample of"
        return f"{kind} {int(attrs['sample_bins']):,} bins"

    @cached_property
    def _raw(self) -> NDArray[np.float32]:
        return self._run.group("interdependence")["scores"][:]

    @cached_property
    def _tree(self) -> NDArray[np.float64]:
        from precompute.feature_tree import feature_tree

        with self._lock:
            return feature_tree(self._raw, self.linkage)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """Features in the order of the tree's leaves."""
        from scipy.cluster.hierarchy import leaves_list

        return leaves_list(self._tree).astype(np.int64)

    @cached_property
    def place(self) -> NDArray[np.int64]:
        """Place of each feature in that order."""
        return np.argsort(self.order)

    @cached_property
    def _ordered(self) -> NDArray[np.float32]:
        scores = self._raw[np.ix_(self.order, self.order)].astype(np.float32)
        np.fill_diagonal(scores, np.nan)
        return scores

    @cached_property
    def nodes(self) -> NDArray[np.float64]:
        """Joins of the tree, float64 (n - 1, 6): x and height of the left and the right branch,
        height of the join, and the first leaf; in places of the order."""
        n = self.n
        x, height, first = np.empty(2 * n - 1), np.zeros(2 * n - 1), np.empty(2 * n - 1)
        x[:n] = first[:n] = self.place
        nodes = np.empty((n - 1, 6))
        for i, (a, b, at, _) in enumerate(self._tree):
            left, right = sorted((int(a), int(b)), key=lambda k: first[k])
            x[n + i], height[n + i] = (x[left] + x[right]) / 2, at
            first[n + i] = first[left]
            nodes[i] = x[left], height[left], x[right], height[right], at, first[left]
        return nodes

    def n_clusters(self, cut: float) -> int:
        """Clusters when the tree is cut at a distance 1 - IDS."""
        return self.n - int(np.searchsorted(np.sort(self._tree[:, 2]), cut, side="right"))

    def clusters_at(self, cut: float) -> NDArray[np.int64]:
        """Number of the cluster of each feature at a cut, rising along the tree's order."""
        from scipy.cluster.hierarchy import fcluster

        labels = fcluster(self._tree, t=cut, criterion="distance")[self.order]
        numbers = np.concatenate([[0], np.cumsum(labels[1:] != labels[:-1])])
        found = np.empty(self.n, dtype=np.int64)
        found[self.order] = numbers
        return found

    def squares(self, cut: float) -> NDArray[np.int64]:
        """Places ``[first, last)`` of each cluster of two or more features at a cut, int (n, 2)."""
        numbers = self.clusters_at(cut)[self.order]
        edges = np.flatnonzero(np.diff(numbers, prepend=-1, append=-1))
        spans = np.stack([edges[:-1], edges[1:]], axis=1)
        return spans[spans[:, 1] - spans[:, 0] > 1]

    def window(self, lo: int, hi: int) -> MatrixWindow:
        """Scores of the features at places ``[lo, hi)`` of the order."""
        edges = np.unique(np.linspace(lo, hi, min(hi - lo, MAX_ROWS) + 1).astype(np.int64))
        part = self._ordered[lo:hi, lo:hi]
        if len(edges) - 1 < hi - lo:
            part = np.fmax.reduceat(np.fmax.reduceat(part, edges[:-1] - lo, 0), edges[:-1] - lo, 1)
        return MatrixWindow(lo, hi, edges, part)

    def pair(self, row: int, column: int) -> tuple[int, int, float]:
        """Features at two places and their score."""
        i, j = int(self.order[row]), int(self.order[column])
        return i, j, float(self._raw[i, j])

    def strongest(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[int, int]:
        """Places of the two different features with the largest score in a block."""
        part = self._ordered[slice(*rows), slice(*columns)]
        if np.isnan(part).all():
            return rows[0], columns[0]
        at = np.unravel_index(np.nanargmax(part), part.shape)
        return rows[0] + int(at[0]), columns[0] + int(at[1])

    def pfm(self, feature: int) -> NDArray[np.float64] | None:
        """Base frequencies of a feature on its own strand; None for CpG."""
        row = self.features.iloc[feature]
        found = self._pfms.get(str(row["profile_id"]))
        return found if found is None or row["strand"] == "+" else found[::-1, ::-1]

    def similarity(self, i: int, j: int) -> Similarity | None:
        """How alike the profiles of two features are; None when one is CpG."""
        a, b = self.pfm(i), self.pfm(j)
        return None if a is None or b is None else profile_similarity(a, b)

    def table(self, cut: float) -> pd.DataFrame:
        """Every feature in the tree's order, with its cluster at a cut and the run's own."""
        rows = self.features.iloc[self.order]
        return pd.DataFrame({
            "place": np.arange(self.n), "tf": rows["tf"].to_numpy(),
            "profile_id": rows["profile_id"].to_numpy(), "strand": rows["strand"].to_numpy(),
            "cluster_at_cut": self.clusters_at(cut)[self.order],
            "cluster_of_run": rows["cluster"].to_numpy(),
        })


def read_view(raw: Any, n: int) -> tuple[int, int]:
    """A checked window of places; all of them when nothing is said.

    Raises
    ------
    MatrixError
        When it is no window of the matrix.
    """
    if raw is None:
        return 0, n
    lo, hi = (raw.get("lo"), raw.get("hi")) if isinstance(raw, dict) else (None, None)
    if type(lo) is not int or type(hi) is not int or not 0 <= lo < hi <= n:
        raise MatrixError("the view of the matrix could not be read; double-click to see all of it")
    return lo, hi


def fitted(lo: float, hi: float, n: int) -> tuple[int, int]:
    """The nearest window of whole features inside the matrix."""
    width = int(min(max(round(hi - lo), MIN_FEATURES), n))
    first = int(min(max(round((lo + hi - width) / 2), 0), n - width))
    return first, first + width


def read_cut(raw: Any) -> float:
    """A checked cut, distance 1 - IDS.

    Raises
    ------
    MatrixError
        When it is no distance from 0 to 1.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= 1:
        raise MatrixError("a cut is a distance 1 - IDS from 0 to 1; move the slider")
    return float(raw)
