"""Ready motif hits read by window, with the results that scanning would give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from precompute.artefacts import RunFolder
from precompute.errors import RunFolderError
from precompute.scan import add_counts, add_cpg, add_depth, to_csr
from precompute.streaming import ChunkWriter

if TYPE_CHECKING:
    import zarr

#: Hits lie in tiles, so that a window is one stretch of the arrays.
TILE_BP = 1 << 14


@njit(cache=True, nogil=True)
def _merged(feature, start, width, new_start, end):  # type: ignore[no-untyped-def]
    """Part of each hit that earlier hits of its feature do not cover."""
    last_end = np.full(len(width), -(1 << 62), dtype=np.int64)
    for i in range(len(feature)):
        f = feature[i]
        end[i] = start[i] + width[f]
        new_start[i] = max(start[i], last_end[f])
        last_end[f] = end[i]


def depth_of_hits(
    width: NDArray[np.int32], feature: NDArray[np.uint16], start: NDArray[np.int64],
    lo: int, hi: int,
) -> NDArray[np.uint16]:
    """:func:`depth_window` from given hits.

    Parameters
    ----------
    width : int32 (n_motif_features,), bp
    feature, start : every hit that touches ``[lo, hi)``, rising in start within a feature
    lo, hi : window, in the coordinates of ``start``, all at least 0

    Returns
    -------
    uint16 (hi - lo,)
    """
    new_start, end = np.empty_like(start), np.empty_like(start)
    _merged(feature, start, width, new_start, end)
    diff = np.zeros(hi - lo + 1, dtype=np.int32)
    add_depth(diff, feature, new_start, end, len(start), lo, hi)
    return np.cumsum(diff[:-1]).astype(np.uint16)


def counts_of_hits(
    width: NDArray[np.int32], feature: NDArray[np.uint16], start: NDArray[np.int64],
    codes: NDArray[np.uint8], edges: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.unsignedinteger]]:
    """:func:`count_window` from given hits; CpG still comes from the sequence.

    Parameters
    ----------
    width : int32 (n_motif_features,), bp
    feature, start : every hit that touches the bins, rising in start within a feature
    codes : uint8 (n,), sequence that reaches at least one base beyond the bins, or ends
    edges : int64 (n_bins + 1,), bin edges as positions in ``codes``; so is ``start``, which may
        be negative
    """
    lo, hi = int(edges[0]), int(edges[-1])
    lengths = np.diff(edges)
    dtype = np.uint8 if lengths.max(initial=0) <= 255 else np.uint16
    counts = np.zeros((len(lengths), len(width) + 2), dtype=dtype)
    bin_of = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    new_start, end = np.empty_like(start), np.empty_like(start)
    _merged(feature, start, width, new_start, end)
    add_counts(counts, bin_of, edges, feature, new_start, end, len(start), lo, hi)
    add_cpg(counts, codes, bin_of, lo, hi, len(width))
    return to_csr(counts)


class TileWriter:
    """Writes one chromosome's tiles to the artefact ``hits`` as they arrive.

    Parameters
    ----------
    group : the artefact
    chrom : chromosome of the run
    start : of the run's region, bp
    """

    def __init__(self, group: zarr.Group, chrom: str, start: int) -> None:
        self.chrom = chrom
        self._child = group.create_group(chrom)
        self._child.attrs.update(
            {"start": start, "tile_bp": TILE_BP, "first_tile": start // TILE_BP}
        )
        self._feature = ChunkWriter(self._child, "feature", np.uint16)
        self._offset = ChunkWriter(self._child, "offset", np.uint16)
        self._per_tile: list[NDArray[np.int64]] = []

    def append(
        self, per_tile: NDArray[np.int64], feature: NDArray[np.uint16],
        offset: NDArray[np.uint16],
    ) -> None:
        """Add whole tiles: the hits in each, their features and starts within the tile."""
        self._per_tile.append(per_tile)
        self._feature.append(feature)
        self._offset.append(offset)

    def close(self) -> None:
        """Write what is left and where each tile begins."""
        self._feature.close()
        self._offset.close()
        tiles = np.concatenate([[0], np.cumsum(np.concatenate(self._per_tile))]).astype(np.int64)
        self._child.create_array("tiles", data=tiles, chunks=(1 << 18,))


class StoredHits:
    """The indexed hits of a run, read by window.

    Parameters
    ----------
    run : run folder with the artefacts ``sequence``, ``profiles`` and ``hits``

    Raises
    ------
    RunFolderError
        When the index is not of ready hits, or lacks a chromosome.
    """

    def __init__(self, run: RunFolder) -> None:
        self._sequence, self._hits = run.group("sequence"), run.group("hits")
        if list(self._hits.attrs["chroms"]) != list(self._sequence.attrs["chroms"]):
            raise RunFolderError(
                f"the index of hits in {run.root} is not of this run's sequence; run the stage "
                "hits again"
            )
        widths = run.table("profiles", ["width"])["width"].to_numpy()[:-1]
        self._width = np.repeat(widths.astype(np.int32), 2)
        self._tiles = {
            chrom: self._hits[f"{chrom}/tiles"][:] for chrom in self._hits.attrs["chroms"]
        }

    @property
    def n_features(self) -> int:
        """Motif features and the two CpG features."""
        return len(self._width) + 2

    @property
    def n_profiles(self) -> int:
        """Motif profiles."""
        return len(self._width) // 2

    def find(self, chrom: str, lo: int, hi: int) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
        """Feature and start (bp) of the hits of whole tiles that hold all touching ``[lo, hi)``.

        Starts rise within a feature.
        """
        group, tiles = self._hits[chrom], self._tiles[chrom]
        tile_bp, first_tile = int(group.attrs["tile_bp"]), int(group.attrs["first_tile"])
        first = max(0, (lo - int(self._width.max()) + 1) // tile_bp - first_tile)
        last = min(len(tiles) - 1, (hi - 1) // tile_bp + 1 - first_tile)
        a, b = int(tiles[first]), int(tiles[max(first, last)])
        tile = np.repeat(np.arange(first, max(first, last)), np.diff(tiles[first : last + 1]))
        start = (tile + first_tile) * tile_bp + group["offset"][a:b].astype(np.int64)
        return group["feature"][a:b], start

    def depth(self, chrom: str, lo: int, hi: int) -> NDArray[np.uint16]:
        """Motif features with a hit over each base of ``[lo, hi)``; uint16 (hi - lo,)."""
        feature, start = self.find(chrom, lo, hi)
        return depth_of_hits(self._width, feature, start, lo, hi)

    def counts(
        self, chrom: str, edges: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.unsignedinteger]]:
        """CSR arrays of the bases of each bin that each feature covers; ``edges`` in bp."""
        lo, hi = int(edges[0]), int(edges[-1])
        sequence = self._sequence[chrom]
        region_start, region_end = int(sequence.attrs["start"]), int(sequence.attrs["end"])
        # A CpG can lie across an edge of the window, so one base more on either side.
        first, last = max(region_start, lo - 1), min(region_end, hi + 1)
        codes = sequence["codes"][first - region_start : last - region_start]
        feature, start = self.find(chrom, lo, hi)
        local = edges.astype(np.int64) - first
        return counts_of_hits(self._width, feature, start - first, codes, local)
