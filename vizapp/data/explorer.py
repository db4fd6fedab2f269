"""The token map: points, layouts, communities, and what a selection of points means."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.enrichment import RankedFeatures
from precompute.errors import MotiflensError
from precompute.token_store import TokenStore
from vizapp.data.map_points import MapPoints
from vizapp.data.selection import Members
from vizapp.selection import AnySelection
from vizapp.state import LAYOUTS

#: Points up to which everything is read before the app starts.
_READ_AT_START = 100_000


class ColorBy(NamedTuple):
    """Values that colour the map: categories (communities) or magnitudes."""

    values: NDArray
    title: str
    is_category: bool
    is_log: bool = False


class Layouts(Mapping[str, NDArray[np.float32]]):
    """Positions on each layout, float32 (n_points, 2), read when a layout is first asked for.

    Stored column by column, so that each axis is contiguous.
    """

    def __init__(self, group: Any) -> None:
        self._group = group
        self._read: dict[str, NDArray[np.float32]] = {}

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in LAYOUTS:
            raise KeyError(name)
        if name not in self._read:
            xy = np.asfortranarray(self._group[name][:, :2].astype(np.float32, copy=False))
            xy.setflags(write=False)
            self._read[name] = xy
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(LAYOUTS)

    def __len__(self) -> int:
        return len(LAYOUTS)


#: Layouts and measures of the artefact ``layout_quality``, as a person reads them.
QUALITY_LAYOUTS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PC 1-2"}
QUALITY = {"preservation": "Neighbours kept", "trustworthiness": "Trustworthiness"}


class ExplorerData:
    """Points of the map in one order; every array is indexed by point.

    Nothing that grows with the number of points is read before it is needed: the map is painted
    from one layout and the communities alone.
    """

    def __init__(self, run: RunFolder, tokens: TokenStore, threshold: float = 0.5) -> None:
        self._run, self._tokens = run, tokens
        self.chroms = tokens.chroms
        self._members = Members(self, threshold)
        self._lock = threading.Lock()
        self.clusters = run.table("clusters")
        self.cluster_labels: list[str] = self.clusters["label"].tolist()
        self.community_table = run.table("community_table")
        group = run.group("layouts")
        self.layouts = Layouts(group)
        self.n: int = int(group["umap"].shape[0])
        self.explained = list(group.attrs["explained_variance_ratio"])
        self.n_candidates = int(group.attrs["n_candidates"])
        self.tracks: dict[str, dict] = dict(run.group("signal").attrs["tracks"])

    @cached_property
    def points(self) -> pd.DataFrame:
        """Place and word of each point; ``chrom`` is categorical."""
        return self._run.arrow("points").to_pandas(categories=["chrom"])

    @cached_property
    def mega(self) -> NDArray[np.int16]:
        """Megacluster of each point."""
        return self._run.table("communities", ["megacluster"])["megacluster"].to_numpy()

    @cached_property
    def sub(self) -> NDArray[np.int16]:
        """Subcluster of each point."""
        return self._run.table("communities", ["subcluster"])["subcluster"].to_numpy()

    @cached_property
    def map(self) -> MapPoints:
        """The map as it is drawn: views, filters, and the point under the pointer."""
        return MapPoints(self.layouts, {"mega": self.mega, "sub": self.sub})

    @cached_property
    def values(self):  # type: ignore[no-untyped-def]
        """CSR float32 (n_points, n_clusters)."""
        from scipy.sparse import vstack

        parts = [
            self._tokens.rows(c, self.points.loc[self.points["chrom"] == c, "bin"].to_numpy())
            for c in self._tokens.chroms
        ]
        return vstack(parts, format="csr")

    @cached_property
    def _columns(self):  # type: ignore[no-untyped-def]
        return self.values.tocsc()

    @cached_property
    def ranked(self) -> RankedFeatures:
        """Ranks of every motif cluster, for live enrichment."""
        with self._lock:
            return RankedFeatures(self.values)

    @cached_property
    def _signal(self) -> dict[str, NDArray[np.float32]]:
        group = self._run.group("signal")
        out = {}
        for track in self.tracks:
            column = np.empty(self.n, dtype=np.float32)
            for chrom in self._tokens.chroms:
                here = (self.points["chrom"] == chrom).to_numpy()
                bins = self.points.loc[here, "bin"].to_numpy()
                column[here] = group[f"{chrom}/{track}/bins"][:][bins]
            out[track] = column
        return out

    def warm(self) -> None:
        """Read what colours and selections need, so that the first is as fast as the next.

        A small map is read now, which also finds a damaged artefact at start. A large one is read
        beside the app, which starts meanwhile: a selection that comes first waits for it.
        """
        if self.n <= _READ_AT_START:
            self._read_all()
            return
        threading.Thread(target=self._read_beside, name="warm-explorer", daemon=True).start()

    def _read_all(self) -> None:
        _ = (self.points, self.ranked, self._columns, self._signal)

    def _read_beside(self) -> None:
        try:
            self._read_all()
        except (MotiflensError, OSError, LookupError, ValueError, RuntimeError) as error:
            # Whoever asks for the same next gets the error on the page.
            logging.getLogger("motiflens").warning("the map could not be read ahead: %s", error)

    def communities(self, level: str) -> pd.DataFrame:
        """Rows of the community table for 'mega' or 'sub', indexed by community."""
        return self._communities[level]

    @cached_property
    def _communities(self) -> dict[str, pd.DataFrame]:
        table = self.community_table
        return {
            level: table[table["level"] == level].set_index("community").sort_index()
            for level in ("mega", "sub")
        }

    def color_options(self) -> list[dict]:
        """Choices of what colours the map, grouped, for a select."""
        plain = [
            ("mega", "Megacluster"), ("sub", "Subcluster"), ("frequency", "Word frequency"),
            ("gc", "GC content"), ("length", "Bin length"),
        ]
        signal = [(f"signal:{t}", about["short_label"]) for t, about in self.tracks.items()]
        quality = [
            (f"quality:{layout}_{measure}", f"{name}: {words.lower()}")
            for layout, name in QUALITY_LAYOUTS.items() for measure, words in QUALITY.items()
        ]
        motifs = [(f"motif:{i}", name) for i, name in enumerate(self.cluster_labels)]
        return [
            {"group": group, "items": [{"value": v, "label": label} for v, label in items]}
            for group, items in (
                ("Token", plain), ("Signal", signal), ("Layout quality", quality),
                ("Motif cluster", motifs),
            )
        ]

    def color_by(self, choice: str) -> ColorBy:
        """Values for a choice of :meth:`color_options`.

        Raises
        ------
        MotiflensError
            When the choice is none of them.
        """
        if choice in ("mega", "sub"):
            name = "Megacluster" if choice == "mega" else "Subcluster"
            return ColorBy(self.mega if choice == "mega" else self.sub, name, True)
        points = self.points
        if choice == "frequency":
            return ColorBy(points["frequency"].to_numpy(), "Word frequency (bins)", False, True)
        if choice == "gc":
            return ColorBy(points["gc"].to_numpy() * 100, "GC content (%)", False)
        if choice == "length":
            return ColorBy((points["end"] - points["start"]).to_numpy(), "Bin length (bp)", False)
        kind, _, key = choice.partition(":")
        if kind == "signal" and key in self.tracks:
            about = self.tracks[key]
            title = f"{about['short_label']} ({about['unit']})"
            return ColorBy(self._signal[key], title, False)
        layout, _, measure = key.partition("_")
        if kind == "quality" and layout in QUALITY_LAYOUTS and measure in QUALITY:
            title = f"{QUALITY_LAYOUTS[layout]}: {QUALITY[measure].lower()} (0-1)"
            return ColorBy(self._run.group("layout_quality")[key][:], title, False)
        if kind == "motif" and key.isdigit() and int(key) < len(self.cluster_labels):
            title = f"{self.cluster_labels[int(key)]} (occupancy)"
            return ColorBy(self.occupancy(int(key)), title, False)
        raise MotiflensError(f"the map cannot be coloured by {choice[:60]!r}; choose from the list")

    def members(self, selection: AnySelection) -> NDArray[np.bool_]:
        """Points of a selection, bool (n_points,).

        Raises
        ------
        StateError
            When it names what the run has not.
        """
        return self._members(selection)

    def occupancy(self, cluster: int) -> NDArray[np.float32]:
        """Occupancy of a motif cluster on each point, float32 (n_points,)."""
        return self._columns[:, cluster].toarray()[:, 0]

    @property
    def threshold(self) -> float:
        """Occupancy from which a motif cluster is in a word."""
        return self._members.threshold

    @cached_property
    def enrichment(self) -> dict[int, pd.DataFrame]:
        """Stored enrichment of each subcluster, by motif cluster."""
        table = self._run.table("enrichment")
        table = table[table["level"] == "sub"]
        return {int(number): rows.set_index("cluster")
                for number, rows in table.groupby("community")}

    def signal(self, track: str) -> NDArray[np.float32]:
        """Mean signal of a track over the bin of each point, float32 (n_points,)."""
        return self._signal[track]

    def holding(self, cluster: int, least: float) -> NDArray[np.integer]:
        """Points whose occupancy of a motif cluster is at least ``least``, which is above 0."""
        part = slice(self._columns.indptr[cluster], self._columns.indptr[cluster + 1])
        return self._columns.indices[part][self._columns.data[part] >= least]

    def in_window(self, chrom: str, start: int, end: int) -> NDArray[np.intp]:
        """Points whose bin overlaps a window."""
        p = self.points
        inside = (p["chrom"] == chrom) & (p["start"] < end) & (p["end"] > start)
        return np.flatnonzero(inside.to_numpy())

    def with_words(self, words: NDArray[np.integer]) -> NDArray[np.intp]:
        """Points that have one of the words."""
        return np.flatnonzero(np.isin(self.points["word"].to_numpy(), words))
