"""Cut the embedded demo data out of whole-chromosome sources.

    python data/demo/build.py SOURCE [TARGET]

SOURCE is a folder laid out as the README beside this file describes; TARGET is where the files
go, the folder of this script when it is not given. Nothing else is read, and the same sources
give the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pyBigWig
from Bio import bgzf

CHROM, END = "chr20", 13_400_000
CHROM_SIZE = 63_025_520
TAG = "hg19.chr20_1-13400000"
JASPAR = "JASPAR2022_CORE_vertebrates_841.jaspar"


def write_gzip(path: Path, data: bytes) -> None:
    """Write gzip bytes that do not depend on the clock."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as handle:
        handle.write(data)


def cut_fasta(source: Path, target: Path, end: int = END) -> None:
    """The first ``end`` bases under the name chr20, 80 letters a line, as bgzip writes them.

    Raises
    ------
    ValueError
        When the source holds fewer bases than that.
    """
    with gzip.open(source, "rt") as handle:
        handle.readline()
        letters, have = [], 0
        for line in handle:
            letters.append(line.strip())
            have += len(letters[-1])
            if have >= end:
                break
    if have < end:
        raise ValueError(f"{source} holds {have} bases, expected at least {end}")
    sequence = "".join(letters)[:end]
    lines = [sequence[i : i + 80] for i in range(0, end, 80)]
    with bgzf.BgzfWriter(str(target), "wb", compresslevel=9) as out:
        out.write(f">{CHROM}\n{chr(10).join(lines)}\n".encode())


def cut_bigwig(source: Path, target: Path, end: int = END) -> None:
    """Runs of equal, non-zero values of the region as bedGraph entries; gaps stand for 0."""
    handle = pyBigWig.open(str(source))
    end = min(end, handle.chroms(CHROM))
    values = np.nan_to_num(handle.values(CHROM, 0, end, numpy=True))
    handle.close()
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [end]])
    starts, ends = cuts[:-1], cuts[1:]
    keep = values[starts] != 0
    starts, ends = starts[keep], ends[keep]
    out = pyBigWig.open(str(target), "w")
    out.addHeader([(CHROM, CHROM_SIZE)], maxZooms=6)
    out.addEntries(
        [CHROM] * len(starts), starts.tolist(), ends=ends.tolist(), values=values[starts].tolist()
    )
    out.close()


def cut_rows(source: Path, target: Path, inside: bool = True) -> None:
    """Rows that begin in the region (all rows of chr20 when not ``inside``); the header stays."""
    kept = []
    for line in source.read_text().splitlines():
        fields = line.split("\t")
        is_header = len(fields) < 3 or not fields[1].isdigit()
        if is_header or (fields[0] == CHROM and (not inside or int(fields[1]) < END)):
            kept.append(line)
    target.write_text("\n".join(kept) + "\n")


def profile_tfs(path: Path) -> set[str]:
    """Upper-case names of the single-TF profiles."""
    names = [line.split()[1] for line in path.read_text().splitlines() if line.startswith(">")]
    return {re.sub(r"\(VAR\.\d+\)", "", name.upper()) for name in names if "::" not in name}


def cut_peaks(source: Path, folder: Path, tfs: set[str]) -> None:
    """Peak sets of DNase-seq and of TFs with a profile, rows of the region, with their origin."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.gz"):
        old.unlink()
    with (source / "INDEX.tsv").open() as handle:
        listed = list(csv.DictReader(handle, delimiter="\t"))
    rows = []
    for entry in listed:
        name = entry["name"]
        if "narrowPeak" not in entry["file"]:
            continue
        if name.upper() not in tfs and name != "DNase-seq":
            continue
        path = source / f"{name}.{entry['file']}.chr20.gz"
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        lines = [x for x in lines if x.split("\t")[0] == CHROM and int(x.split("\t")[1]) < END]
        if not lines:
            continue
        lines.sort(key=lambda x: (int(x.split("\t")[1]), int(x.split("\t")[2])))
        file = f"{name}.{entry['file']}.gz"
        write_gzip(folder / file, ("\n".join(lines) + "\n").encode())
        rows.append((name, file, entry["source"], entry["accession"], len(lines)))
    rows.sort()
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (folder / "INDEX.tsv").write_text("name\tfile\tsource\taccession\tn_region\n" + text)


def write_sums(target: Path) -> None:
    """SHA-256 of every data file, as ``sha256sum -c`` reads them."""
    files = sorted([*target.glob("*hg19.chr20*"), target / JASPAR, *(target / "peaks").iterdir()])
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(target)}" for p in files]
    (target / "SHA256SUMS").write_text("\n".join(sums) + "\n")


def main(source: Path, target: Path) -> None:
    """Write every file of the demo and their checksums."""
    cut_fasta(source / "hg19.chr20.fa.gz", target / f"{TAG}.fa.gz")
    shutil.copyfile(source / "JASPAR2022_CORE_vertebrates_latest_841.jaspar", target / JASPAR)
    cut_bigwig(
        source / "esATAC_ATAC.hg19.chr20_first13.38Mb.insertions.bw",
        target / f"esATAC_insertions.{TAG}.bw",
    )
    cut_bigwig(
        source / "K562_DNase_UniPk_signalValue.hg19.chr20.bw",
        target / f"K562_DNase_peak_score.{TAG}.bw",
    )
    cut_rows(source / "refseq.hg19.chr20.bed12", target / f"refseq.{TAG}.bed12")
    cut_rows(source / "CollapsedGeneBounds.hg19.chr20.bed", target / f"genes.{TAG}.bed")
    cut_rows(source / "CpGi.hg19.chr20.txt", target / f"cpg_islands.{TAG}.txt")
    cut_rows(source / "hg19.cytoband.chr20.tsv", target / "cytobands.hg19.chr20.tsv", inside=False)
    cut_peaks(source / "peaks", target / "peaks", profile_tfs(target / JASPAR))
    write_sums(target)


if __name__ == "__main__":
    folders = [Path(argument) for argument in sys.argv[1:]]
    if len(folders) not in (1, 2) or not all(folder.is_dir() for folder in folders):
        sys.exit(
            "usage: python data/demo/build.py SOURCE [TARGET]; SOURCE is the folder with the "
            "chr20 sources, TARGET an existing folder"
        )
    main(folders[0], folders[1] if len(folders) == 2 else Path(__file__).resolve().parent)
