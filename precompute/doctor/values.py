"""Is every number one that the contract allows? Read in blocks; memory does not grow with the run.

Every array and column is read once, so a chunk that cannot be decoded is found here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from precompute.artefacts import ARTEFACTS
from precompute.doctor.contract import BOUNDS, NAN_ALLOWED, ColumnSpec, columns
from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened
from precompute.doctor.sizes import Ledger

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zarr

#: Values decoded at a time.
BLOCK = 1 << 20
_ROWS = 1 << 16

Step = Callable[[str, float], None]

#: Column of each table that is its row number.
_ROW_NUMBERS = {
    "profiles": "profile", "features": "feature", "feature_clusters": "feature",
    "clusters": "cluster", "words": "word", "points": "point", "communities": "point",
    "lexicon": "word", "effects": "cluster",
}
#: Sparse rows are read with their structure, by :mod:`precompute.doctor.rows`.
SPARSE = {
    "hits": ("tiles", "feature", "offset"),
    "tokens": ("indptr", "indices", "counts"),
    "attributions_tokens": ("indptr", "indices", "values"),
    "window_index": ("indptr", "indices", "values"),
}


def blocks(array: zarr.Array) -> Iterator[tuple[int, NDArray[Any]]]:
    """First row and values of consecutive blocks of a stored array."""
    width = int(np.prod(array.shape[1:], dtype=np.int64)) if array.ndim > 1 else 1
    rows = max(1, BLOCK // max(width, 1))
    for lo in range(0, array.shape[0], rows):
        yield lo, np.asarray(array[lo : lo + rows])


def check_arrays(opened: Opened, chart: Chart, ledger: Ledger, step: Step) -> None:
    """Finite numbers within their bounds, in every array but the sparse ones."""
    for name in opened.groups:
        todo = [
            (chrom, part, array) for chrom, part, array in opened.of(name)
            if part not in SPARSE.get(name, ())
        ]
        total = sum(array.nbytes for _, _, array in todo) or 1
        for chrom, part, array in todo:
            with chart.guard(name, chrom=chrom, part=part):
                low, high = BOUNDS.get(name, {}).get(part, (None, None))
                high = _bound(name, part, high, ledger)
                may_miss = _may_miss(opened, name, part)
                for lo, values in blocks(array):
                    step(name, values.nbytes / total)
                    wrong = _wrong(values, low, high, may_miss)
                    if wrong is not None:
                        text = f"{wrong[1]} at {lo + wrong[0]:,}"
                        chart.fault(name, "values", text, _range(low, high), chrom=chrom, part=part)
                        break
        if not todo and name not in SPARSE:
            step(name, 1.0)


def _bound(name: str, part: str, high: float | None, ledger: Ledger) -> float | None:
    """Bounds that depend on the run."""
    features = ledger.size("n_features")
    if (name, part) == ("depth", "depth") and features is not None:
        return features - 2
    return high


def _may_miss(opened: Opened, name: str, part: str) -> bool:
    """Whether an array may hold NaN: where nothing was measured, or was asked to be explained."""
    if name.startswith("attributions"):
        return bool(opened.attribute(name, None, "peaks")) and part != "tile_edges"
    about = opened.tracks.get(part.split("/")[0]) if name == "signal" else None
    return isinstance(about, dict) and about.get("absent") == "missing"


def _wrong(
    values: NDArray[Any], low: float | None, high: float | None, may_miss: bool
) -> tuple[int, str] | None:
    """Row and text of the first value that is not allowed."""
    bad = np.zeros(values.shape, dtype=bool)
    if values.dtype.kind == "f":
        bad |= np.isinf(values) if may_miss else ~np.isfinite(values)
    with np.errstate(invalid="ignore"):
        if low is not None:
            bad |= values < low
        if high is not None:
            bad |= values > high
    if not bad.any():
        return None
    at = np.unravel_index(int(bad.argmax()), bad.shape)
    value = values[at]
    text = f"{value:.6g}" if values.dtype.kind == "f" else f"{value:,}"
    return int(at[0]), f"the value {text}"


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "finite numbers"
    if high is None:
        return f"numbers of at least {low:g}"
    return f"numbers of at most {high:g}" if low is None else f"numbers from {low:g} to {high:g}"


# -- tables ----------------------------------------------------------------------------------


def check_tables(opened: Opened, chart: Chart, step: Step) -> None:
    """Every table's numbers, choices and row numbers."""
    for name, table in opened.tables.items():
        with chart.guard(name):
            specs = columns(ARTEFACTS[name], opened.tracks)
            check_table(chart, name, "", table, specs, name)
        step(name, 1.0)


def check_table(
    chart: Chart, name: str, file: str, table: pq.ParquetFile, specs: dict[str, ColumnSpec],
    rules: str,
) -> None:
    """One table, by batches; ``rules`` is the key of its bounds and missing numbers."""
    at = 0
    for batch in table.iter_batches(batch_size=_ROWS, columns=list(specs)):
        for column, spec in specs.items():
            values = batch.column(column)
            wrong = _wrong_in_column(values, spec, rules, column, at)
            if wrong is not None:
                chart.fault(name, "values", *wrong, part=f"{file} {column}".strip())
        at += batch.num_rows


def _wrong_in_column(
    values: pa.Array, spec: ColumnSpec, rules: str, column: str, at: int
) -> tuple[str, str] | None:
    """What was found and what was expected; None when all is well."""
    may_miss = column in NAN_ALLOWED.get(rules, set()) or (
        rules == "lexicon" and column.startswith("signal_")
    )
    if len(values) == 0:
        return None
    if values.null_count and not may_miss:
        row = at + int(np.asarray(values.is_null()).argmax())
        return f"row {row:,} has no value", "a value in every row"
    if spec.is_list or spec.type == "str":
        if spec.choices:
            strange = set(values.unique().to_pylist()) - set(spec.choices)
            if strange:
                shown = ", ".join(repr(c) for c in spec.choices)
                return f"holds {min(map(repr, strange))}", f"one of {shown}"
        return None
    numbers = values.to_numpy(zero_copy_only=False)
    low, high = (0.0, 1.0) if spec.is_share else BOUNDS.get(rules, {}).get(column, (None, None))
    wrong = _wrong(numbers, low, high, may_miss)
    if wrong is not None:
        return f"{wrong[1]} in row {at + wrong[0]:,}", _range(low, high)
    if _ROW_NUMBERS.get(rules) == column:
        rows = np.arange(at, at + len(numbers))
        if not np.array_equal(numbers, rows):
            row = int((numbers != rows).argmax())
            return f"row {at + row:,} has the number {numbers[row]:,}", "the row's own number"
    return None
