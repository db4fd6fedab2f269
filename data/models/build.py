"""Make the training data of the shipped models from whole-chromosome sources.

    python data/models/build.py SOURCE [TARGET]

SOURCE holds `hg19_chr20/` and `hg19_chrX/` as the README beside this file describes; TARGET is
where the results go (data/k562_dnase when it is not given, where configs/k562_dnase.yaml looks).
The same sources give the same bytes.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pyBigWig
from Bio import bgzf

#: Chromosome sizes of hg19; the sources hold the first 69,999,930 bases of chrX.
SIZES = {"chr20": 63_025_520, "chrX": 155_270_560}
FASTA = {
    "chr20": "hg19_chr20/hg19.chr20.fa.gz",
    "chrX": "hg19_chrX/hg19.chrX_1-69999930.fa.gz",
}
PEAKS = {
    "chr20": "hg19_chr20/peaks/DNase-seq.wgEncodeAwgDnaseUwdukeK562UniPk.narrowPeak.chr20.gz",
    "chrX": "hg19_chrX/peaks/wgEncodeAwgDnaseUwdukeK562UniPk.narrowPeak.gz",
}


def join_fasta(source: Path, target: Path) -> None:
    """Both chromosomes in one bgzip FASTA, lines as they were."""
    with bgzf.BgzfWriter(str(target), "wb", compresslevel=6) as out:
        for name, file in FASTA.items():
            with gzip.open(source / file, "rb") as handle:
                header = handle.readline()
                if not header.startswith(b">" + name.encode()):
                    raise ValueError(f"{file} begins with {header!r}, expected >{name}")
                out.write(b">" + name.encode() + b"\n")
                while block := handle.read(1 << 20):
                    out.write(block)
            out.write(b"\n")


def painted(path: Path, chrom: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peaks as steps (starts, ends, values): signalValue, the largest where peaks overlap."""
    with gzip.open(path, "rt") as handle:
        rows = [line.split("\t") for line in handle if line.startswith(chrom + "\t")]
    start = np.array([int(row[1]) for row in rows])
    end = np.array([int(row[2]) for row in rows])
    value = np.array([float(row[6]) for row in rows])
    edges = np.unique(np.concatenate([start, end]))
    steps = np.zeros(len(edges) - 1)
    first, last = np.searchsorted(edges, start), np.searchsorted(edges, end)
    for lo, hi, peak in zip(first, last, value, strict=True):
        steps[lo:hi] = np.maximum(steps[lo:hi], peak)
    keep = steps > 0
    return edges[:-1][keep], edges[1:][keep], steps[keep]


def paint(source: Path, target: Path) -> None:
    """The peaks of both chromosomes as one bigWig; gaps stand for 0."""
    out = pyBigWig.open(str(target), "w")
    out.addHeader(list(SIZES.items()), maxZooms=6)
    for chrom, file in PEAKS.items():
        starts, ends, values = painted(source / file, chrom)
        out.addEntries(
            [chrom] * len(starts), starts.tolist(), ends=ends.tolist(), values=values.tolist()
        )
    out.close()


def join_peaks(source: Path, folder: Path) -> None:
    """The peaks of both chromosomes as they came, with the index that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "DNase-seq.wgEncodeAwgDnaseUwdukeK562UniPk.narrowPeak.gz"
    rows = []
    for chrom, file in PEAKS.items():
        with gzip.open(source / file, "rt") as handle:
            rows += [line for line in handle if line.startswith(chrom + "\t")]
    with gzip.GzipFile(folder / name, "wb", mtime=0) as out:
        out.write("".join(rows).encode())
    (folder / "INDEX.tsv").write_text(f"name\tfile\nDNase-seq\t{name}\n", encoding="utf-8")


def main(source: Path, target: Path) -> None:
    """Write the FASTA, the bigWig and the folder of peaks."""
    target.mkdir(parents=True, exist_ok=True)
    join_fasta(source, target / "hg19.chr20_chrX.fa.gz")
    paint(source, target / "K562_DNase_peak_score.hg19.chr20_chrX.bw")
    join_peaks(source, target / "peaks")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not Path(sys.argv[1]).is_dir():
        sys.exit(
            f"got {' '.join(sys.argv[1:]) or 'nothing'}, expected the folder that holds "
            "hg19_chr20/ and hg19_chrX/; see data/models/README.md"
        )
    here = Path(__file__).resolve().parents[1] / "k562_dnase"
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else here)
