"""From sequence to sparse tokens: beside the plain way, MOODS, and parts of a chromosome.

    python benchmarks/tokenize.py [--fasta FASTA --chrom NAME] [--rounds N] [--only PART]

PART is plain, scan, whole or workers.

plain  200 kb as the paper's research code does it (a dense 0/1 array per profile and strand, and a
       histogram of each over the bins), its scan not counted, against our whole job: scan, depth,
       bins, tokens. Its inclusive end is corrected, then all values are identical. 'ones' is the
       same with a histogram of the positions of the ones instead of the dense array.
scan   1 Mb, the scan alone on one core, beside MOODS.
whole  the stages depth, bins and tokens on 1/4, 1/2 and all of a chromosome, as a user runs them.
workers  depth and tokens on all of it with one and two workers: threads, and Dask processes.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: its tokenize.py would be taken for Python's own.
sys.path[0] = str(ROOT)

import argparse  # noqa: E402
import contextlib  # noqa: E402
import ctypes  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import psutil  # noqa: E402
import yaml  # noqa: E402

DEMO = ROOT / "data" / "demo"
FASTA = DEMO / "hg19.chr20_1-13400000.fa.gz"
PROFILES = DEMO / "JASPAR2022_CORE_vertebrates_841.jaspar"
START, LENGTH = 5_000_000, 200_000


@contextlib.contextmanager
def added_memory() -> Iterator[list[float]]:
    """Largest resident memory while the block runs beyond what was there before, MB."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        # Freed memory that the allocator keeps would hide what the block needs.
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    process = psutil.Process()
    before = process.memory_info().rss
    result, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.002):
            result[0] = max(result[0], (process.memory_info().rss - before) / 2**20)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield result
    finally:
        stop.set()
        thread.join()


def prepared(length: int) -> tuple[Any, Any, Any]:
    """Profiles, compiled scanner and 200 kb of codes, with every kernel compiled."""
    from precompute.bin_edges import find_edges
    from precompute.depth import motif_depth
    from precompute.genome import read_fasta
    from precompute.motifs import build_profiles
    from precompute.scan import compile_scanner, count_window

    profiles = build_profiles(PROFILES, 0.8, 0.05)
    scanner = compile_scanner(profiles)
    codes = next(read_fasta(FASTA)).codes[START : START + length].copy()
    few = codes[:3000]
    edges, _ = find_edges(motif_depth(few, scanner))
    count_window(scanner, few, edges.astype(np.int64))
    return profiles, scanner, codes


def ours(save: str | None, length: int) -> dict[str, float]:
    """Our whole job on one core: seconds and the memory it adds."""
    from precompute.bin_edges import find_edges
    from precompute.depth import motif_depth
    from precompute.tokens import bin_blocks, count_bins

    _, scanner, codes = prepared(length)
    began = time.perf_counter()
    with added_memory() as added:
        edges, _ = find_edges(motif_depth(codes, scanner, 50_000))
        parts = [
            count_bins(scanner, codes, edges, lo, hi) for lo, hi in bin_blocks(edges, 20_000)
        ]
    seconds = time.perf_counter() - began
    if save is not None:
        nnz = np.concatenate([np.diff(p.indptr) for p in parts])
        np.savez(
            save, edges=edges, indptr=np.concatenate([[0], np.cumsum(nnz)]),
            indices=np.concatenate([p.indices for p in parts]),
            counts=np.concatenate([p.counts for p in parts]),
        )
    return {"seconds": seconds, "mb": added[0]}


def plain(save: str | None, length: int, is_dense: bool = True) -> dict[str, float]:
    """The plain way on hits and edges that are given: seconds and the memory it adds."""
    from precompute.bin_edges import find_edges
    from precompute.depth import motif_depth
    from precompute.scan import find_hits

    _, scanner, codes = prepared(length)
    edges, _ = find_edges(motif_depth(codes, scanner))
    feature, start = find_hits(scanner, codes)
    order = np.argsort(feature, kind="stable")
    feature, start = feature[order], start[order]
    bounds = np.searchsorted(feature, np.arange(len(scanner.width) + 1))
    position = np.arange(length)
    began = time.perf_counter()
    with added_memory() as added:
        arrays = {}
        for f, width in enumerate(scanner.width.tolist()):
            covered = np.zeros(length, dtype=np.uint8)
            for s in start[bounds[f] : bounds[f + 1]].tolist():
                covered[s : s + width] = 1
            arrays[f] = covered
        values = np.zeros((len(edges) - 1, len(arrays)))
        for f, covered in arrays.items():
            if is_dense:
                total = np.histogram(position, bins=edges, weights=covered)[0]
            else:
                total = np.histogram(np.flatnonzero(covered), bins=edges)[0]
            values[:, f] = total / scanner.width[f]
    seconds = time.perf_counter() - began
    if save is not None:
        np.save(save, values.astype(np.float32))
    return {"seconds": seconds, "mb": added[0]}


def in_process(part: str, length: int, save: str | None = None) -> dict[str, float]:
    """Run one competitor in a process of its own, so that memory is its own."""
    command = [sys.executable, __file__, "--child", part, "--length", str(length)]
    command += ["--save", save] if save else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.3g} ({min(values):.3g}-{max(values):.3g})"


def compare_plain(rounds: int, length: int) -> None:
    """Print time, memory and agreement of ours and the plain way."""
    from precompute.motifs import build_profiles

    found: dict[str, list[dict[str, float]]] = {"ours": [], "plain": [], "ones": []}
    with tempfile.TemporaryDirectory() as folder:
        mine, theirs = f"{folder}/ours.npz", f"{folder}/plain.npy"
        for number in range(rounds):
            found["ours"].append(in_process("ours", length, mine if number == 0 else None))
            found["plain"].append(in_process("plain", length, theirs if number == 0 else None))
            found["ones"].append(in_process("ones", length))
        with np.load(mine) as stored:
            n = len(stored["indptr"]) - 1
            width = np.repeat([p.width for p in build_profiles(PROFILES, 0.8, 0.05)], 2)
            dense = np.zeros((n, len(width) + 2), dtype=np.float32)
            rows = np.repeat(np.arange(n), np.diff(stored["indptr"]))
            dense[rows, stored["indices"]] = stored["counts"]
        identical = np.array_equal(dense[:, :-2] / width.astype(np.float32), np.load(theirs))
    print(f"{length:,} bp, {rounds} rounds, one core each; the plain way's scan is not counted")
    for name, rows_ in found.items():
        print(f"  {name:<6} {spread([r['seconds'] for r in rows_])} s, "
              f"{spread([r['mb'] for r in rows_])} MB added")
    for name in ("plain", "ones"):
        times, memory = (
            statistics.median(r[unit] for r in found[name])
            / statistics.median(r[unit] for r in found["ours"])
            for unit in ("seconds", "mb")
        )
        print(f"  {name} / ours: {times:.1f}x the time, {memory:.1f}x the memory")
    print(f"  values identical: {identical}")


def compare_scan(rounds: int) -> None:
    """Print seconds per megabase of the scan alone beside MOODS, and whether hits agree."""
    import MOODS.scan

    from precompute.genome import decode, read_fasta
    from precompute.motifs import build_profiles
    from precompute.scan import compile_scanner, depth_window, find_hits

    profiles = build_profiles(PROFILES, 0.8, 0.05)
    codes = next(read_fasta(FASTA)).codes[START : START + 1_000_000]
    scanner = compile_scanner(profiles)
    depth_window(scanner, codes[:1000], 0, 1000)
    matrices, thresholds = [], []
    for profile in profiles:
        for scores in (profile.scores, profile.scores[::-1, ::-1]):
            matrices.append([[float(v) for v in row] for row in scores.T])
            thresholds.append(profile.threshold - 0.5)
    moods = MOODS.scan.Scanner(7)
    moods.set_motifs(matrices, [0.25] * 4, thresholds)
    text = decode(codes)
    taken: dict[str, list[float]] = {"ours": [], "MOODS": []}
    n_hits = 0
    for _ in range(rounds):
        began = time.perf_counter()
        depth_window(scanner, codes, 0, len(codes))
        taken["ours"].append(time.perf_counter() - began)
        began = time.perf_counter()
        n_hits = sum(len(hits) for hits in moods.scan(text))
        taken["MOODS"].append(time.perf_counter() - began)
    same = n_hits == len(find_hits(scanner, codes)[0])
    print(f"scan of 1 Mb, {len(matrices)} profile strands, one core, {rounds} rounds")
    for name, seconds in taken.items():
        print(f"  {name:<6} {spread(seconds)} s/Mb")
    ratio = statistics.median(taken["MOODS"]) / statistics.median(taken["ours"])
    print(f"  {ratio:.1f}x faster; ours merges hits and sums depth too; "
          f"same number of hits: {same} ({n_hits:,})")


def run_part(
    fasta: Path, chrom: str, share: float, length: int, folder: Path, workers: int = 2,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """The stages on a part of a chromosome, from the command line; their records."""
    text = (ROOT / "configs" / "demo.yaml").read_text().replace("../data/demo", str(DEMO))
    config = yaml.safe_load(text)
    config["genome"] = {
        "fasta": str(fasta.resolve()), "assembly": "hg19",
        "regions": [{"chrom": chrom, "start": 0, "end": int(share * length)}],
    }
    config["run"]["workers"] = workers
    config["models"]["split"] = {
        name: [{"chrom": chrom, "start": i * 1000, "end": (i + 1) * 1000}]
        for i, name in enumerate(("train", "validation", "test"))
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    for stage in ("genome", "motifs", "depth", "bins", "tokens"):
        subprocess.run(
            [sys.executable, "-m", "precompute", "stage", stage, str(path), "--run-dir",
             str(folder / "run"), *(["--scheduler", scheduler] if scheduler else [])],
            cwd=ROOT, check=True, capture_output=True,
        )
    records: dict[str, Any] = json.loads((folder / "run" / "manifest.json").read_text())["stages"]
    return records


def whole(fasta: Path, chrom: str) -> None:
    """Print seconds and memory on 1/4, 1/2 and all of a chromosome."""
    from precompute.genome import read_fasta

    length = len(next(c for c in read_fasta(fasta) if c.name == chrom).codes)
    print(f"{chrom} of {fasta.name}, {length:,} bp, 2 threads, artefacts on disk")
    for share in (0.25, 0.5, 1.0):
        with tempfile.TemporaryDirectory() as folder:
            records = run_part(fasta, chrom, share, length, Path(folder))
        times = {name: records[name]["seconds"] for name in ("genome", "depth", "bins", "tokens")}
        peak = max(records[name]["peak_rss_mb"] for name in times) / 1024
        seconds = sum(times.values())
        bins, tokens = records["bins"]["facts"], records["tokens"]["facts"]
        print(f"  {share:>4} {seconds:6.0f} s ({1e6 * seconds / (share * length):.2f} s/Mb; "
              + ", ".join(f"{name} {value:.0f}" for name, value in times.items())
              + f"), peak {peak:.2f} GB; {bins['bins']:,} bins of {bins['mean_length_bp']:.2f} bp, "
              f"{tokens['non_zeros_per_bin']:.1f} non-zeros a bin")


def workers(fasta: Path, chrom: str, rounds: int) -> None:
    """Print how much faster two workers are than one."""
    from precompute.genome import read_fasta

    length = len(next(c for c in read_fasta(fasta) if c.name == chrom).codes)
    kinds = {(n, where): [] for where in (None, "local") for n in (1, 2)}  # type: dict[Any, Any]
    outputs = set()
    for _ in range(rounds):
        for (n, where), seconds in kinds.items():
            with tempfile.TemporaryDirectory() as folder:
                records = run_part(fasta, chrom, 1.0, length, Path(folder), n, where)
            seconds.append(records["depth"]["seconds"] + records["tokens"]["seconds"])
            outputs.add(json.dumps([records[s]["outputs"] for s in ("depth", "bins", "tokens")]))
    print(f"depth and tokens of {length:,} bp, {rounds} rounds")
    for where, name in ((None, "threads"), ("local", "Dask")):
        one, two = kinds[1, where], kinds[2, where]
        ratio = statistics.median(one) / statistics.median(two)
        print(f"  {name:<8} 1: {spread(one)} s, 2: {spread(two)} s, {ratio:.2f}x")
    print(f"  artefacts identical: {len(outputs) == 1}")


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description="Benchmarks of tokenization.")
    parser.add_argument("--fasta", type=Path, default=FASTA)
    parser.add_argument("--chrom", default="chr20")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["plain", "scan", "whole", "workers"])
    parser.add_argument("--child", choices=["ours", "plain", "ones"], help=argparse.SUPPRESS)
    parser.add_argument("--save", help=argparse.SUPPRESS)
    parser.add_argument(
        "--length", type=int, default=LENGTH, help="bp of the part 'plain' (default 200,000)"
    )
    options = parser.parse_args()
    if options.child:
        child = {"ours": ours, "plain": plain, "ones": partial(plain, is_dense=False)}
        print(json.dumps(child[options.child](options.save, options.length)))
        return
    if options.only in (None, "plain"):
        compare_plain(options.rounds, options.length)
    if options.only in (None, "scan"):
        compare_scan(options.rounds)
    if options.only in (None, "whole"):
        whole(options.fasta, options.chrom)
    if options.only in (None, "workers"):
        workers(options.fasta, options.chrom, options.rounds)


if __name__ == "__main__":
    main()
