"""Bins, sparse rows and indexed hits: do bins and tiles tile the sequence, are the rows sound?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.sizes import Ledger
from precompute.doctor.values import Step, blocks

#: Non-zeros decoded at a time.
_NON_ZEROS = 1 << 22


def check_bins(opened: Opened, chart: Chart) -> None:
    """Edges rise strictly from the region's start to its end."""
    if "bins" not in opened.groups:
        return
    for chrom in opened.chroms("bins"):
        edges = opened.array("bins", chrom, "edges")
        if edges is None or not chart.is_sound("bins", chrom=chrom):
            continue
        with chart.guard("bins", chrom=chrom, part="edges"):
            _check_edges(opened, chart, chrom, edges)


def _check_edges(opened: Opened, chart: Chart, chrom: str, edges) -> None:  # type: ignore[no-untyped-def]
    before = None
    for lo, values in blocks(edges):
        joined = values if before is None else np.append(before, values)
        rise = np.diff(joined.astype(np.int64))
        if (rise <= 0).any():
            k = int((rise <= 0).argmax())
            number = lo + k - (before is not None)
            chart.fault(
                "bins", "values", f"bin {number:,} goes from {joined[k]:,} to {joined[k + 1]:,}",
                "edges that rise strictly", chrom=chrom, part="edges",
            )
            return
        before = values[-1:]
    attrs = opened.attributes.get(("sequence", chrom))
    if attrs is None or not chart.is_sound("sequence", chrom=chrom):
        return
    ends = (int(edges[0]), int(edges[-1]))
    wanted = (int(attrs["start"]), int(attrs["end"]))
    if ends != wanted:
        accused = chart.blame("sequence", "bins")
        (found, expected) = (ends, wanted) if accused == "bins" else (wanted, ends)
        chart.fault(
            accused, "agreement", f"covers {found[0]:,}-{found[1]:,}",
            f"{expected[0]:,}-{expected[1]:,} as in "
            f"{'sequence' if accused == 'bins' else 'bins'}: bins tile the sequence",
            chrom=chrom, part="edges" if accused == "bins" else "attributes start and end",
        )


def check_hits(opened: Opened, chart: Chart, ledger: Ledger, step: Step) -> None:
    """Indexed hits: tiles over the whole region, in each the hits in order of feature and start."""
    n = ledger.size("n_features")
    for chrom in opened.chroms("hits") if "hits" in opened.groups else []:
        parts = [opened.array("hits", chrom, part) for part in ("tiles", "feature", "offset")]
        attrs = opened.attributes.get(("hits", chrom))
        if attrs is None or any(part is None for part in parts) or not chart.is_sound(
            "hits", chrom=chrom
        ):
            continue
        tiles, feature, offset = parts
        with chart.guard("hits", chrom=chrom, part="tiles"):
            first = np.asarray(tiles[:])  # type: ignore[index]
            if not _are_tiles(opened, chart, chrom, attrs, first, feature.shape[0]):  # type: ignore[union-attr]
                continue
            at = 0
            while at < len(first) - 1 and chart.is_sound("hits", chrom=chrom):
                to = int(np.searchsorted(first, first[at] + _NON_ZEROS, side="right")) - 1
                to = min(max(to, at + 1), len(first) - 1)
                span = slice(int(first[at]), int(first[to]))
                tile = np.repeat(np.arange(at, to), np.diff(first[at : to + 1]))
                found = (np.asarray(feature[span]), np.asarray(offset[span]))  # type: ignore[index]
                _check_tiles(chart, chrom, tile, *found, None if n is None else n - 2,
                             attrs["tile_bp"])
                step("hits", (to - at) / (len(first) - 1) / len(opened.chroms("hits")))
                at = to


def _are_tiles(
    opened: Opened, chart: Chart, chrom: str, attrs: dict[str, int], first: NDArray, n_hits: int
) -> bool:
    """Tiles that rise from the first hit to the last, and cover the region."""
    text = None
    if len(first) < 2 or first[0] != 0 or first[-1] != n_hits or (np.diff(first) < 0).any():
        text = "tiles do not rise from 0 to the number of hits", f"0 to {n_hits:,}"
    elif attrs["tile_bp"] < 1:
        text = f"tiles of {attrs['tile_bp']} bp", "tiles of at least 1 bp"
    region = opened.attributes.get(("sequence", chrom))
    if text is None and region is not None:
        lo = attrs["first_tile"] * attrs["tile_bp"]
        hi = lo + (len(first) - 1) * attrs["tile_bp"]
        if lo > region["start"] or hi < region["end"]:
            text = (f"tiles from {lo:,} to {hi:,}",
                    f"tiles over {region['start']:,}-{region['end']:,}")
    if text is not None:
        chart.fault("hits", "values", *text, chrom=chrom, part="tiles")
    return text is None


def _check_tiles(
    chart: Chart, chrom: str, tile: NDArray, feature: NDArray, offset: NDArray, most: int | None,
    tile_bp: int,
) -> None:
    same_tile = tile[1:] == tile[:-1]
    step = np.diff(feature.astype(np.int64))
    falls = same_tile & ((step < 0) | ((step == 0) & (np.diff(offset.astype(np.int64)) <= 0)))
    for bad, part, values, expected in (
        (feature >= (most if most is not None else 1 << 16), "feature", feature,
         f"numbers below {most}, the motif features"),
        (offset >= tile_bp, "offset", offset, f"starts within the tile of {tile_bp:,} bp"),
        (np.append(False, falls), "offset", offset, "features, and starts in each, that rise"),
    ):
        if bad.any():
            k = int(bad.argmax())
            chart.fault("hits", "values", f"{values[k]:,} in tile {tile[k]:,}", expected,
                        chrom=chrom, part=part)


def check_tokens(opened: Opened, chart: Chart, ledger: Ledger, step: Step) -> None:
    """Rows of tokens: rising features below n_features, counts of 1 up to the bin's length."""
    _check_rows(opened, chart, ledger, step, "tokens", "counts", "n_features", "features")


def check_contributions(opened: Opened, chart: Chart, ledger: Ledger, step: Step) -> None:
    """Rows of contributions: rising motif clusters below n_clusters, finite values."""
    _check_rows(
        opened, chart, ledger, step, "attributions_tokens", "values", "n_clusters",
        "motif clusters",
    )


def check_windows_rows(opened: Opened, chart: Chart, ledger: Ledger, step: Step) -> None:
    """Rows of the index of windows: rising motif clusters below n_clusters, finite weights."""
    _check_rows(
        opened, chart, ledger, step, "window_index", "values", "n_clusters", "motif clusters",
        row="window",
    )


def _check_rows(
    opened: Opened, chart: Chart, ledger: Ledger, step: Step, name: str, data: str, dim: str,
    what: str, row: str = "bin",
) -> None:
    # Contributions that nobody asked for are NaN.
    may_miss = data == "values" and bool(opened.attribute(name, None, "peaks"))
    for chrom in opened.chroms(name) if name in opened.groups else []:
        parts = [opened.array(name, chrom, part) for part in ("indptr", "indices", data)]
        if any(part is None for part in parts) or not chart.is_sound(name, chrom=chrom):
            continue
        with chart.guard(name, chrom=chrom, part="indptr"):
            indptr = np.asarray(parts[0][:])  # type: ignore[index]
        most = ledger.size(dim)
        if not chart.is_sound(name, chrom=chrom) or not _is_indptr(
            chart, name, chrom, indptr, int(parts[1].shape[0]), most, row  # type: ignore[union-attr]
        ):
            continue
        lengths = None
        if name == "tokens" and chart.is_sound("bins", chrom=chrom):
            edges = opened.array("bins", chrom, "edges")
            lengths = None if edges is None else np.diff(np.asarray(edges[:]).astype(np.int64))
        share = 1.0 / len(opened.chroms(name))
        at = 0
        while at < len(indptr) - 1 and chart.is_sound(name, chrom=chrom):
            to = int(np.searchsorted(indptr, indptr[at] + _NON_ZEROS, side="right")) - 1
            to = min(max(to, at + 1), len(indptr) - 1)
            span = slice(int(indptr[at]), int(indptr[to]))
            indices = values = None
            with chart.guard(name, chrom=chrom, part="indices"):
                indices = np.asarray(parts[1][span]).astype(np.int64)  # type: ignore[index]
            with chart.guard(name, chrom=chrom, part=data):
                values = np.asarray(parts[2][span])  # type: ignore[index]
            if indices is not None and values is not None:
                rows = np.repeat(np.arange(at, to), np.diff(indptr[at : to + 1]))
                _check_block(chart, name, chrom, data, rows, indices, values, most, what, lengths,
                             may_miss, row)
            step(name, share * (to - at) / (len(indptr) - 1))
            at = to


def _is_indptr(
    chart: Chart, name: str, chrom: str, indptr: NDArray, nnz: int, most: int | None, row: str
) -> bool:
    sizes = np.diff(indptr)
    falls = sizes < 0
    text = None
    if indptr[0] != 0:
        text = f"begins with {indptr[0]:,}", "0"
    elif falls.any():
        k = int(falls.argmax())
        text = f"falls from {indptr[k]:,} to {indptr[k + 1]:,} at {row} {k:,}", "numbers that rise"
    elif indptr[-1] != nnz:
        text = f"ends at {indptr[-1]:,}", f"{nnz:,}, the number of non-zeros"
    elif most is not None and sizes.max(initial=0) > most:
        text = f"gives {row} {int(sizes.argmax()):,} {sizes.max():,} non-zeros", f"at most {most:,}"
    if text is not None:
        chart.fault(name, "values", *text, chrom=chrom, part="indptr")
    return text is None


def _check_block(
    chart: Chart, name: str, chrom: str, data: str, rows: NDArray, indices: NDArray,
    values: NDArray, most: int | None, what: str, lengths: NDArray | None, may_miss: bool,
    row: str,
) -> None:
    """Rows of one block; ``rows`` is the bin of each non-zero."""

    def fault(bad: NDArray[np.bool_], part: str, found: str, expected: str) -> None:
        if bad.any():
            k = int(bad.argmax())
            text = found.format(index=indices[k], value=values[k])
            chart.fault(name, "values", f"{text} in {row} {rows[k]:,}", expected, chrom=chrom,
                        part=part)

    if most is not None:
        fault(indices >= most, "indices", "{index:,}", f"numbers below {most:,}, the {what}")
    falls = np.zeros(len(indices), dtype=bool)
    falls[1:] = (np.diff(indices) <= 0) & (rows[1:] == rows[:-1])
    fault(falls, "indices", "{index:,} after a number that is not smaller",
          f"numbers that rise within a {row}")
    if data == "values":
        bad = np.isinf(values) if may_miss else ~np.isfinite(values)
        fault(bad, data, "the value {value}", "finite numbers")
        return
    fault(values < 1, data, "{value:,} covered bases", "at least 1: zeros are not stored")
    if lengths is not None:
        long = values > lengths[rows]
        if long.any():
            k = int(long.argmax())
            accused = chart.blame("bins", name)
            text = f"{values[k]:,} covered bases in bin {rows[k]:,}, which has {lengths[rows[k]]:,}"
            chart.fault(accused, "agreement", text, "no more bases than the bin has", chrom=chrom,
                        part=data if accused == name else "edges")
