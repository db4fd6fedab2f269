"""Places of a run: genes, peaks and bands, and the windows that lead to them."""

from __future__ import annotations

import difflib
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import RegionError
from vizapp.loci import Band, Padding
from vizapp.state import Region, around


class Rows:
    """Rows of a table, with ``chrom``, ``start`` and ``end``, found by place."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._of: dict[str, tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]] = {}
        for chrom, rows in frame.groupby("chrom", sort=False, observed=True):
            ordered = rows.sort_values("start", kind="stable")
            ends = np.maximum.accumulate(ordered["end"].to_numpy(np.int64))
            self._of[str(chrom)] = ordered, ordered["start"].to_numpy(np.int64), ends

    def overlapping(self, region: Region) -> pd.DataFrame:
        """Rows that overlap the window, by start."""
        if region.chrom not in self._of:
            return self.frame.iloc[:0]
        rows, starts, ends = self._of[region.chrom]
        lo = int(np.searchsorted(ends, region.start, side="right"))
        hi = int(np.searchsorted(starts, region.end, side="left"))
        part = rows.iloc[lo:hi]
        return part[part["end"].to_numpy() > region.start]


class GenomePlaces:
    """Annotation of a run, by place and by name.

    Parameters
    ----------
    run : run folder
    chroms : region of each chromosome that the run covers
    """

    def __init__(self, run: RunFolder, chroms: dict[str, tuple[int, int]]) -> None:
        self.chroms = chroms
        self.genes = run.table("genes")
        self.transcripts = run.table("transcripts")
        self.intervals = run.table("intervals")
        self.peaks = run.table("peaks")
        self._parts: dict[tuple[str, str], Rows] = {}

    @cached_property
    def transcript_rows(self) -> Rows:
        """Transcripts by place; genes in a run that has no transcripts."""
        return Rows(self.transcripts if len(self.transcripts) else self.genes)

    def peaks_of(self, target: str) -> Rows:
        """Peaks of a target by place."""
        return self._part(self.peaks, "target", target)

    def intervals_of(self, kind: str) -> Rows:
        """Intervals of a kind by place."""
        return self._part(self.intervals, "kind", kind)

    def _part(self, frame: pd.DataFrame, column: str, value: str) -> Rows:
        key = column, value
        if key not in self._parts:
            self._parts[key] = Rows(frame[frame[column] == value])
        return self._parts[key]

    @cached_property
    def targets(self) -> dict[str, int]:
        """Peak targets and their number of peaks, most first."""
        return self.peaks["target"].value_counts(sort=True).to_dict()

    @cached_property
    def _gene_index(self) -> dict[str, tuple[str, int, int, str]]:
        index: dict[str, tuple[str, int, int, str]] = {}
        sources = (
            (self.transcripts, "name"), (self.transcripts, "gene"), (self.genes, "gene"),
        )
        for frame, key in sources:
            for row in frame.itertuples():
                name = str(getattr(row, key))
                if name:
                    index[name.upper()] = (row.chrom, int(row.start), int(row.end), name)
        return index

    @cached_property
    def bands(self) -> list[Band]:
        """Cytobands of the run's assembly."""
        rows = self.intervals_of("cytoband").frame
        return list(zip(rows["chrom"], rows["start"].tolist(), rows["end"].tolist(), rows["name"],
                        strict=True))

    def find_gene(self, name: str, padding: Padding | None = None) -> Region:
        """Window around a gene or transcript, with a tenth of its length on either side, or padded
        as asked.

        Raises
        ------
        RegionError
            When the run has no such gene; the sentence names similar ones.
        """
        key = name.strip().upper()
        if key not in self._gene_index:
            close = difflib.get_close_matches(key, self._gene_index, n=3, cutoff=0.6)
            names = ", ".join(self._gene_index[c][3] for c in close)
            hint = f"did you mean {names}?" if names else "type a region such as " + self.example
            raise RegionError(f"there is no gene {name.strip()[:40]!r} in this run: {hint}")
        chrom, start, end, _ = self._gene_index[key]
        width = end - start
        added = 2 * padding.of(width) if padding else round(width * 0.2) + 200
        return around(chrom, start, end, width + added, self.chroms)

    @property
    def example(self) -> str:
        """A region that exists, for hints."""
        region = self.opening
        return f"{region.chrom}:{region.start + 1:,}-{region.end:,}"

    @cached_property
    def opening(self) -> Region:
        """Where the app opens: the strongest CTCF peak on accessible chromatin, else the highest
        observed signal."""
        peaks = self.peaks
        ctcf = peaks[peaks["target"] == "CTCF"]
        dnase = peaks[peaks["target"].str.upper().str.startswith("DNASE")]
        for row in ctcf.sort_values("signal", ascending=False).itertuples():
            same = dnase[dnase["chrom"] == row.chrom]
            if ((same["start"] < row.summit) & (same["end"] > row.summit)).any():
                return around(row.chrom, row.summit, row.summit + 1, 10_000, self.chroms)
        chrom = next(iter(self.chroms))
        middle = self._highest(chrom)
        return around(chrom, middle, middle + 1, 10_000, self.chroms)

    def _highest(self, chrom: str) -> int:
        """Where the signal of a chromosome is highest, bp."""
        return sum(self.chroms[chrom]) // 2

    def step(self, region: Region, kind: str, forward: bool) -> Region:
        """The next or previous feature from the window's centre, window width kept.

        ``kind`` is 'gene' or 'peak:<target>'.

        Raises
        ------
        RegionError
            When there is none in that direction, or the kind is unknown.
        """
        if kind == "gene":
            frame, what = self.genes, "gene"
        elif kind.startswith("peak:") and kind[5:] in self.targets:
            frame, what = self.peaks_of(kind[5:]).frame, f"{kind[5:]} peak"
        else:
            raise RegionError("choose what to step to from the list: genes or a set of peaks")
        here = frame[frame["chrom"] == region.chrom]
        centre = (here["start"].to_numpy() + here["end"].to_numpy()) // 2
        now = (region.start + region.end) // 2
        beyond = centre[centre > now + 1] if forward else centre[centre < now - 1]
        if len(beyond) == 0:
            side = "after" if forward else "before"
            raise RegionError(f"there is no {what} {side} this window on {region.chrom}")
        target = int(beyond.min() if forward else beyond.max())
        return around(region.chrom, target, target + 1, region.width, self.chroms)
