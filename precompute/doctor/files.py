"""Models, predictions, attributions and the AnnData file.

bigWig and HDF5 are read by C libraries that can take the process with them when a file is damaged,
so those files are looked at from a process of their own, and only when their first bytes are right.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from precompute.doctor.contract import FOLDER_TABLES, MODEL_CARD
from precompute.doctor.findings import Chart
from precompute.doctor.opening import Opened, has_columns
from precompute.doctor.rules import Rule
from precompute.doctor.sizes import Ledger
from precompute.doctor.values import blocks, check_table
from precompute.models.dataset import CELL_BP
from precompute.models.store import KIND, VERSION, FeatureClusters, clusters_of_card

_BIGWIG = (0x888FFC26).to_bytes(4, "little"), (0x888FFC26).to_bytes(4, "big")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_TIMEOUT_S = 3600

# Prints the chromosomes and, for each region asked for, how many bases have a finite value.
_PROBE_BIGWIG = """
import json, sys
import numpy, pyBigWig
handle = pyBigWig.open(sys.argv[1])
chroms, regions = handle.chroms(), json.loads(sys.argv[2])
finite = {}
for name, (start, end) in regions.items():
    if name in chroms:
        n = 0
        for lo in range(start, min(end, chroms[name]), 1 << 20):
            part = handle.values(name, lo, min(lo + (1 << 20), end, chroms[name]), numpy=True)
            n += int(numpy.isfinite(part).sum())
        finite[name] = n
print(json.dumps({"chroms": chroms, "finite": finite}))
"""

# Prints shapes, columns, and digests of what other artefacts hold too.
_PROBE_ANNDATA = """
import hashlib, json, sys, warnings
warnings.simplefilter("ignore")
import anndata, numpy
data = anndata.read_h5ad(sys.argv[1])
digest = lambda x, t: hashlib.sha256(numpy.ascontiguousarray(x, dtype=t).tobytes()).hexdigest()
x = data.X
print(json.dumps({
    "shape": list(data.shape), "obs": list(data.obs.columns), "var": list(data.var.columns),
    "names": digest([ord(c) for c in chr(0).join(data.var_names)], "int64"),
    "start": digest(data.obs["start"], "int64") if "start" in data.obs else "",
    "finite": x is not None and bool(numpy.isfinite(getattr(x, "data", x)).all()),
    "obsm": {k: digest(v, "float32") for k, v in data.obsm.items()},
}))
"""


def _apart(script: str, path: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script on a file in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, str(path), *arguments], capture_output=True,
        timeout=_TIMEOUT_S, check=False,
    )


def _probe(chart: Chart, name: str, part: str, path: Path, magic: tuple[bytes, ...], what: str,
           script: str, *arguments: str) -> dict[str, Any] | None:
    """What a script in another process says of a file; None with a finding when it fails."""
    with chart.guard(name, part=part):
        with path.open("rb") as handle:
            begins = handle.read(max(map(len, magic)))
        if not any(begins.startswith(m) for m in magic):
            chart.fault(name, "unreadable", f"begins with {begins.hex() or 'nothing'}",
                        f"a {what} file", part=part)
            return None
        done = _apart(script, path, *arguments)
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
        how = f"kills its reader (signal {-done.returncode})" if done.returncode < 0 else (
            "cannot be read (" + done.stderr.decode(errors="replace").strip().split("\n")[-1][:90]
            + ")")
        chart.fault(name, "unreadable", how, f"a whole {what} file", part=part)
    return None


# -- models ----------------------------------------------------------------------------------


def _card(opened: Opened, encoding: str) -> dict[str, Any]:
    path = opened.folders[f"model_{encoding}"] / "model.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError("model.json holds no object")
    return data


def _model(encoding: str) -> Rule:
    name = f"model_{encoding}"

    def check(opened: Opened, chart: Chart, ledger: Ledger) -> None:
        folder = opened.folders[name]
        with chart.guard(name, part="model.json"):
            _check_card(opened, chart, ledger, _card(opened, encoding), encoding)
        for part in ("weights.safetensors", "last.safetensors"):
            with chart.guard(name, part=part):
                _check_weights(chart, name, folder / part)
        check_inner_table(chart, name, folder, "curves")

    return Rule((name,), check)


def _check_card(
    opened: Opened, chart: Chart, ledger: Ledger, card: dict[str, Any], encoding: str
) -> None:
    name, part = f"model_{encoding}", "model.json"
    for key, kind in MODEL_CARD.items():
        if not chart.require(
            isinstance(card.get(key), kind), name, "schema", f"{key} is {card.get(key)!r}",
            f"{key} of type {kind.__name__}", part=part,
        ):
            return
    if card["kind"] != KIND or card["version"] > VERSION:
        chart.fault(name, "version", f"is {card['kind']!r} version {card['version']}",
                    f"{KIND!r} up to version {VERSION}", part=part)
        return
    chart.require(card["encoding"] == encoding, name, "schema",
                  f"is a model of {card['encoding']!r}", repr(encoding), part=part)
    chart.require(len(card["scalings"]) == len(card["tracks"]), name, "schema",
                  f"has {len(card['scalings'])} scalings", f"{len(card['tracks'])}, one per track",
                  part=part)
    if opened.has("signal") and chart.is_sound("signal"):
        wanted = opened.target_tracks
        chart.require(card["tracks"] == wanted, name, "agreement",
                      f"predicts {', '.join(map(str, card['tracks']))}",
                      f"{', '.join(wanted)}, the target tracks of signal", part=part)
    if encoding == "tokens":
        parts = ("features", "feature_clusters", "clusters")
        if opened.has(*parts) and chart.is_sound(*parts):
            with chart.comparing(*parts):
                own = clusters_of_card(card)
                chart.require(
                    own is not None and own.same_as(FeatureClusters.of_run(opened.run)), name,
                    "agreement", "was trained on other motif features or clusters",
                    "those of features, feature_clusters and clusters", part=part,
                )
        n = ledger.size("n_clusters")
        chart.require(n is None or card.get("n_channels") == n, name, "agreement",
                      f"takes {card.get('n_channels')} channels", f"{n}, the motif clusters",
                      part=part)


def _check_weights(chart: Chart, name: str, path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as handle:
            for key in handle.keys():  # noqa: SIM118  (it is no mapping)
                values = handle.get_tensor(key)
                if values.dtype.kind == "f" and not np.isfinite(values).all():
                    chart.fault(name, "values", f"{key} holds a number that is not finite",
                                "finite weights", part=path.name)
                    return
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def check_inner_table(chart: Chart, name: str, folder: Path, table: str) -> bool:
    """A Parquet file inside a folder artefact."""
    import pyarrow.parquet as pq

    file = f"{table}.parquet"
    with chart.guard(name, part=file):
        with pq.ParquetFile(folder / file, memory_map=False) as opened:
            if not has_columns(chart, name, file, opened, FOLDER_TABLES[table]):
                return False
            check_table(chart, name, file, opened, FOLDER_TABLES[table], table)
        return True
    return False


# -- predictions -----------------------------------------------------------------------------


def _predictions(encoding: str) -> Rule:
    name = f"predictions_{encoding}"

    def check(opened: Opened, chart: Chart, ledger: Ledger) -> None:
        folder = opened.folders[name]
        tracks = opened.target_tracks
        files = sorted(p.stem for p in folder.glob("*.bw"))
        chart.require(
            files == sorted(tracks), name, "agreement",
            f"holds the bigWigs of {', '.join(files) or 'no track'}",
            f"{', '.join(sorted(tracks))}, the target tracks of signal", part="bigWigs",
        )
        for track in files:
            _check_bigwig(opened, chart, name, folder / f"{track}.bw")
        for table in ("metrics", "windows"):
            if check_inner_table(chart, name, folder, table):
                _check_names(opened, chart, name, folder / f"{table}.parquet", tracks)

    return Rule((name, "signal", "sequence"), check)


def _check_bigwig(opened: Opened, chart: Chart, name: str, path: Path) -> None:
    regions, sizes = {}, {}
    for chrom in opened.chroms("sequence"):
        attrs = opened.attributes["sequence", chrom]
        regions[chrom] = [int(attrs["start"]), int(attrs["end"])]
        sizes[chrom] = int(attrs["length"])
    found = _probe(chart, name, path.name, path, _BIGWIG, "bigWig", _PROBE_BIGWIG,
                   json.dumps(regions))
    if found is None:
        return
    if not chart.require(
        found["chroms"] == sizes, name, "agreement", f"has the chromosomes {found['chroms']}",
        f"{sizes} as in sequence", part=path.name,
    ):
        return
    for chrom, (start, end) in regions.items():
        n = found["finite"][chrom]
        if n != end - start:
            chart.fault(name, "values", f"{end - start - n:,} of {end - start:,} bases have no "
                        "finite value", "a value for every base of the region", chrom=chrom,
                        part=path.name)


def _check_shipped(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    """Every model's folder holds whole bigWigs of the run's chromosomes."""
    name = "predictions_shipped"
    for folder in sorted(p for p in opened.folders[name].iterdir() if p.is_dir()):
        files = sorted(folder.glob("*.bw"))
        chart.require(bool(files), name, "agreement", "holds no bigWig",
                      "one for each track of the model", part=folder.name)
        for path in files:
            _check_bigwig(opened, chart, name, path)


def _check_names(
    opened: Opened, chart: Chart, name: str, path: Path, tracks: list[str]
) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(path, memory_map=False)
    for column, known, what in (
        ("track", tracks, "the tracks"), ("chrom", opened.chroms("sequence"), "the chromosomes"),
    ):
        if column in table.column_names:
            strange = set(table.column(column).unique().to_pylist()) - set(known)
            if strange:
                chart.fault(name, "agreement", f"names {min(strange)!r}",
                            f"{what} {', '.join(known)}", part=f"{path.name} {column}")


# -- evaluation ------------------------------------------------------------------------------


def _check_evaluation(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    import pyarrow.parquet as pq

    name, folder = "evaluation", opened.folders["evaluation"]
    tables = ("predictors", "correlations", "peak_metrics", "paired", "window_scores", "rates")
    sound = [check_inner_table(chart, name, folder, table) for table in tables]
    if not all(sound):
        return
    known = set(pq.read_table(folder / "predictors.parquet").column("name").to_pylist())
    for table in tables[1:]:
        path = folder / f"{table}.parquet"
        _check_names(opened, chart, name, path, opened.target_tracks)
        rows = pq.read_table(path, memory_map=False)
        for column in {"predictor", "first", "second"} & set(rows.column_names):
            # The measured track has rows of its own among the peaks.
            strange = set(rows.column(column).unique().to_pylist()) - known - {"truth"}
            if strange:
                chart.fault(name, "agreement", f"names {min(strange)!r}",
                            "a name of predictors", part=f"{path.name} {column}")


# -- attributions ----------------------------------------------------------------------------


def _attributions(encoding: str) -> Rule:
    name = f"attributions_{encoding}"

    def check(opened: Opened, chart: Chart, ledger: Ledger) -> None:
        track, tracks = opened.attribute(name, None, "track"), opened.tracks
        chart.require(track in tracks, name, "agreement", f"explains the track {track!r}",
                      f"one of {', '.join(tracks)}", part="attribute track")
        for chrom in opened.chroms(name):
            n = ledger.size("n_bins" if encoding == "tokens" else "n_bp", chrom)
            edges = opened.array(name, chrom, "tile_edges")
            if n is None or edges is None:
                continue
            cells = n if encoding == "tokens" else -(-n // CELL_BP)
            with chart.guard(name, chrom=chrom, part="tile_edges"):
                values = np.asarray(edges[:])
                is_right = (
                    len(values) > 1 and values[0] == 0 and values[-1] == cells
                    and bool((np.diff(values) > 0).all())
                )
                chart.require(
                    is_right, name, "values",
                    f"{len(values) - 1} tiles from {values[0]:,} to {values[-1]:,}"
                    if len(values) else "no tile",
                    f"tiles that rise from 0 to {cells:,}", chrom=chrom, part="tile_edges",
                )
            # The last cell may reach beyond the sequence; what falls there is not kept. Around
            # peaks alone, what tiles beside them give to their inputs is kept too.
            is_whole = not opened.attribute(name, None, "peaks")
            if is_whole and (encoding == "tokens" or n % CELL_BP == 0):
                _check_completeness(opened, chart, name, chrom)

    return Rule((name, "signal"), check)


def _check_completeness(opened: Opened, chart: Chart, name: str, chrom: str) -> None:
    """All contributions add up to what all tiles predict above their baseline."""
    if not chart.is_sound(name, chrom=chrom):
        return
    tiles = [
        np.asarray(opened.arrays[name, chrom, f"tile_{part}"][:])
        for part in ("prediction", "baseline", "error")
    ]
    change = tiles[0] - tiles[1]
    summed = size = 0.0
    for part in ("values", "absent"):
        array = opened.array(name, chrom, part)
        for _, values in blocks(array) if array is not None else ():
            summed += float(values.sum(dtype=np.float64))
            size += float(np.abs(values).sum(dtype=np.float64))
    # Contributions are rounded to float32 once; a tile's own error is relative to its change.
    allowed = 1e-6 * (1 + size) + float((tiles[2] * np.maximum(1, np.abs(change))).sum())
    total = float(change.sum())
    chart.require(
        abs(summed - total) <= allowed, name, "agreement",
        f"contributions add up to {summed:.6g}",
        f"{total:.6g}, the prediction above the baseline (to within {allowed:.1g})", chrom=chrom,
        part="values",
    )


# -- AnnData ---------------------------------------------------------------------------------


def _check_explorer(opened: Opened, chart: Chart, ledger: Ledger) -> None:
    name, path = "explorer", opened.folders["explorer"]
    found = _probe(chart, name, "", path, (_HDF5,), "HDF5", _PROBE_ANNDATA)
    if found is None:
        return
    n_points, n_clusters = ledger.size("n_points"), ledger.size("n_clusters")
    if n_points is not None and n_clusters is not None and not chart.require(
        found["shape"] == [n_points, n_clusters], name, "agreement",
        f"is {found['shape'][0]:,} x {found['shape'][1]:,}",
        f"{n_points:,} points x {n_clusters:,} motif clusters", part="X",
    ):
        return
    chart.require(found["finite"], name, "values", "X is missing or not finite", "finite numbers",
                  part="X")
    for axis, columns in (
        ("obs", ["chrom", "start", "end", "word", "frequency", "gc", "megacluster", "subcluster",
                 *opened.tracks]),
        ("var", ["n_features", "tfs"]),
    ):
        lacking = [column for column in columns if column not in found[axis]]
        chart.require(not lacking, name, "schema", f"{axis} has no {', '.join(lacking)}",
                      f"the columns {', '.join(columns)}", part=axis)
    if opened.has("points") and chart.is_sound("points") and "start" in found["obs"]:
        start = opened.column("points", "start")["start"].to_numpy(np.int64)
        with chart.comparing("points"):
            chart.require(found["start"] == hashlib.sha256(start.tobytes()).hexdigest(), name,
                          "agreement", "start differs from points", "the points of the map",
                          part="obs")
    if opened.has("layouts") and chart.is_sound("layouts"):
        for layout in ("pca", "umap", "tsne"):
            array = opened.array("layouts", None, layout)
            if array is not None:
                digest = hashlib.sha256(np.ascontiguousarray(array[:]).tobytes()).hexdigest()
                with chart.comparing("layouts"):
                    chart.require(found["obsm"].get(f"X_{layout}") == digest, name, "agreement",
                                  f"X_{layout} is missing or differs from layouts",
                                  "the coordinates of layouts", part="obsm")


RULES = [
    *(_model(encoding) for encoding in ("tokens", "onehot")),
    *(_predictions(encoding) for encoding in ("tokens", "onehot")),
    Rule(("predictions_shipped", "sequence"), _check_shipped),
    *(_attributions(encoding) for encoding in ("tokens", "onehot")),
    Rule(("evaluation", "signal", "sequence"), _check_evaluation),
    Rule(("explorer",), _check_explorer),
]
