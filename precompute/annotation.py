"""Annotation and peaks, checked and made uniform: genes, CpG islands, cytobands, narrowPeaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from precompute.context import Facts, StageContext
from precompute.errors import InputError
from precompute.inputs.aliases import AliasTable, find, read_aliases, resolve
from precompute.inputs.bed import read_rows, span
from precompute.inputs.repeats import COLUMNS as _REPEATS
from precompute.inputs.repeats import read_repeats

_TRANSCRIPTS = (
    ["chrom", "start", "end", "name", "gene", "strand", "thick_start", "thick_end",
     "exon_starts", "exon_ends"]
)
_GENES = ["gene", "chrom", "start", "end", "strand"]
_INTERVALS = ["kind", "chrom", "start", "end", "name", "stain"]
_KEYS = "tracks or annotation"
_PEAKS = ["target", "set", "chrom", "start", "end", "summit", "signal"]


def read_transcripts(path: Path) -> pd.DataFrame:
    """Transcripts of a BED12 file, exons in absolute coordinates; gene symbols are added later.

    Raises
    ------
    InputError
        When a line is no BED12.
    """
    rows = []
    for number, fields in read_rows(path, 12, "BED12 file", _KEYS):
        chrom, start, end = span(path, number, fields)
        try:
            thick = int(fields[6]), int(fields[7])
            sizes, offsets = (
                np.array(fields[i].rstrip(",").split(","), dtype=np.int64) for i in (10, 11)
            )
        except (ValueError, OverflowError):
            raise InputError(
                f"{path} line {number} is not BED12 (columns 7, 8, 11 and 12 are the coding "
                "part, exon sizes and exon starts in whole numbers); correct that line"
            ) from None
        exons = start + offsets, start + offsets + sizes
        if len(sizes) != len(offsets) or offsets.min() < 0 or exons[1].max() > end:
            raise InputError(
                f"{path} line {number}: the exons of {fields[3]!r} do not fit its bounds "
                f"{start}-{end}; correct columns 11 and 12 of that line"
            )
        rows.append((chrom, start, end, fields[3], "", fields[5], *thick, *exons))
    return pd.DataFrame(rows, columns=_TRANSCRIPTS)


def read_genes(path: Path) -> pd.DataFrame:
    """Gene bounds of a BED6 file, one row per line."""
    rows = []
    for number, fields in read_rows(path, 6, "BED6 file", _KEYS):
        chrom, start, end = span(path, number, fields)
        rows.append((fields[3], chrom, start, end, fields[5]))
    return pd.DataFrame(rows, columns=_GENES)


def name_transcripts(transcripts: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Give each transcript the symbol of the same-strand gene that it overlaps most (bp)."""
    named = transcripts.copy()
    for (chrom, strand), group in named.groupby(["chrom", "strand"]):
        same = genes[(genes["chrom"] == chrom) & (genes["strand"] == strand)]
        if same.empty:
            continue
        start, end = same["start"].to_numpy(), same["end"].to_numpy()
        for row in group.itertuples():
            shared = np.minimum(end, row.end) - np.maximum(start, row.start)
            best = int(shared.argmax())
            if shared[best] > 0:
                named.loc[row.Index, "gene"] = same["gene"].iloc[best]
    return named


def read_intervals(path: Path, kind: str) -> pd.DataFrame:
    """CpG islands or cytobands: chrom, start, end, name and, for cytobands, the stain."""
    rows = []
    for number, fields in read_rows(path, 4, f"{kind.replace('_', ' ')} table", _KEYS):
        stain = fields[4] if kind == "cytoband" and len(fields) > 4 else ""
        rows.append((kind, *span(path, number, fields), fields[3], stain))
    return pd.DataFrame(rows, columns=_INTERVALS)


def read_peaks(path: Path, target: str) -> pd.DataFrame:
    """Peaks of a narrowPeak or broadPeak file, plain or gzip."""
    rows = []
    for number, fields in read_rows(path, 3, "peak file", _KEYS):
        chrom, start, end = span(path, number, fields)
        try:
            signal = float(fields[6]) if len(fields) > 6 else np.nan
            offset = int(fields[9]) if len(fields) > 9 else -1
        except ValueError:
            raise InputError(
                f"{path} line {number} is not narrowPeak (column 7 or 10 is no number); "
                "give narrowPeak or BED files"
            ) from None
        summit = start + offset if offset >= 0 else (start + end) // 2
        rows.append((target, path.name, chrom, start, end, summit, signal))
    return pd.DataFrame(rows, columns=_PEAKS)


def read_peak_folder(folder: Path) -> pd.DataFrame:
    """All peak sets that a folder's INDEX.tsv (columns name, file) lists.

    Raises
    ------
    InputError
        When the index is missing or lists a file that is not there.
    """
    index = folder / "INDEX.tsv"
    if not index.is_file():
        raise InputError(
            f"the peak folder {folder} has no INDEX.tsv; write one with the columns name and file"
        )
    try:
        table = pd.read_csv(index, sep="\t", dtype=str)
    except ValueError:
        raise InputError(
            f"{index} is no tab-separated table; write one with the columns name and file"
        ) from None
    if not {"name", "file"} <= set(table.columns):
        raise InputError(f"{index} has no columns name and file; add them")
    parts = []
    for name, file in zip(table["name"], table["file"], strict=True):
        path = folder / Path(str(file)).name
        if not path.is_file():
            raise InputError(f"{index} lists {file}, which is not in {folder}; add or remove it")
        parts.append(read_peaks(path, str(name)))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=_PEAKS)


class Places:
    """The run's regions, and how other files may call their chromosomes.

    Parameters
    ----------
    regions : chromosome -> (start, end) in bp, as the run names them
    assembly : ``genome.assembly``
    table : names of a ``chromAlias.txt``
    """

    def __init__(
        self,
        regions: dict[str, tuple[int, int]],
        assembly: str = "",
        table: AliasTable | None = None,
    ) -> None:
        self.regions, self._assembly, self._table = regions, assembly, table

    def inside(self, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
        """Rows that overlap the regions, with the run's names of the chromosomes.

        Raises
        ------
        ChromosomeError
            When the file has none of the run's chromosomes, under any name, or two names could
            be one of them.
        """
        present = list(dict.fromkeys(frame["chrom"]))
        named = (self._assembly, self._table, str(path))
        called: dict[str | None, str] = {}
        # A name that is in the file as it is belongs to that chromosome alone.
        for asked in sorted(self.regions, key=lambda asked: asked not in present):
            called.setdefault(find(asked, present, *named), asked)
        called.pop(None, None)
        if present and not called:
            resolve(next(iter(self.regions)), present, *named)
        chrom = frame["chrom"].map(called)
        start = chrom.map({c: r[0] for c, r in self.regions.items()})
        end = chrom.map({c: r[1] for c, r in self.regions.items()})
        keep = start.notna() & (frame["end"] > start) & (frame["start"] < end)
        kept = frame[keep].assign(chrom=chrom[keep].astype(object))
        return kept.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True)


def run(context: StageContext) -> Facts:
    """Write the artefacts ``transcripts``, ``genes``, ``intervals``, ``peaks`` and ``repeats``."""
    config = context.config.annotation
    sequence = context.run.group("sequence")
    regions = {
        chrom: (int(sequence[chrom].attrs["start"]), int(sequence[chrom].attrs["end"]))
        for chrom in sequence.attrs["chroms"]
    }
    names = context.config.genome
    places = Places(regions, names.assembly, read_aliases(names.aliases))
    genes = pd.DataFrame(columns=_GENES)
    if config.genes:
        genes = places.inside(read_genes(config.genes), config.genes)
    transcripts = pd.DataFrame(columns=_TRANSCRIPTS)
    if config.transcripts:
        whole = places.inside(read_transcripts(config.transcripts), config.transcripts)
        transcripts = name_transcripts(whole, genes)
    intervals = [pd.DataFrame(columns=_INTERVALS)]
    for kind, path in (("cpg_island", config.cpg_islands), ("cytoband", config.cytobands)):
        if path:
            intervals.append(places.inside(read_intervals(path, kind), path))
    peaks = pd.DataFrame(columns=_PEAKS)
    if config.peaks:
        peaks = places.inside(read_peak_folder(config.peaks.folder), config.peaks.folder)
    repeats = pd.DataFrame(columns=_REPEATS)
    if config.repeats:
        repeats = places.inside(read_repeats(config.repeats), config.repeats)
    tables = {
        "transcripts": transcripts,
        "genes": genes,
        "intervals": pd.concat(intervals[1:] or intervals, ignore_index=True),
        "peaks": peaks,
        "repeats": repeats,
    }
    for number, (name, frame) in enumerate(tables.items(), start=1):
        context.run.write_table(name, frame)
        context.progress(number, len(tables), name)
    return {
        **{name: len(frame) for name, frame in tables.items()},
        "peak_targets": int(peaks["target"].nunique()),
    }
