"""A small, consistent run folder of random sequence, for the tests of the app.

Every artefact of the contract is there and agrees with the others: hits are consensus matches of
30 profiles in the sequence itself, tokens are the hits cut at the bins, words are thresholded
tokens, and so on. Only the layouts, the signal and the models' outputs are made up.

Two chromosomes, one of which begins away from 0, so that no offset can be forgotten.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute.artefacts import ARTEFACTS, RunFolder
from precompute.motif_clusters import count_by_cut
from precompute.motifs import build_profiles, feature_table, pfm_table, profile_table
from precompute.token_store import TokenStore
from tests.synthetic_outcomes import (
    GRID_BP,
    PROFILES,
    THRESHOLD,
    TRACKS,
    Chromosome,
    write_attributions,
    write_map,
    write_model,
    write_records,
    write_shipped,
)

N_PROFILES = 30
N_CLUSTERS = 12
TOKENIZERS = {
    "motif": "Motif words", "kmer3": "3-mers", "kmer6": "6-mers", "bpe600": "BPE 600",
    "bpe4096": "BPE 4,096",
}
DEFINITIONS = {"all": 1, "seen2": 2, "seen3": 3, "seen10": 10}


class Profile(NamedTuple):
    """A profile: consensus (base codes) and frequencies (width, 4)."""

    profile_id: str
    tf: str
    consensus: NDArray[np.int64]
    pfm: NDArray[np.float64]


def make_run(folder: Path, n_bp: int = 200_000, seed: int = 0) -> Path:
    """Write the run and return its folder.

    Parameters
    ----------
    folder : made when missing
    n_bp : length of the first chromosome; the second has a fifth of it
    seed : the same seed gives the same run
    """
    rng = np.random.default_rng(seed)
    run = RunFolder(folder)
    run.root.mkdir(parents=True, exist_ok=True)
    profiles = _profiles(rng)
    chroms = [
        _chromosome(rng, "chr20", 1_000_000, n_bp, profiles),
        _chromosome(rng, "chr21", 0, max(n_bp // 5, 4_000), profiles),
    ]
    _write_motifs(run, rng, profiles)
    _write_tokens(run, chroms, profiles)
    _write_signal(run, chroms)
    _write_annotation(run, rng, chroms)
    words = _write_words(run, chroms)
    _write_laws(run, rng, chroms, words, profiles)
    write_map(run, rng, chroms)
    for encoding in ("tokens", "onehot"):
        write_model(run, rng, chroms, encoding)
    write_attributions(run, rng, chroms)
    write_shipped(run, rng, chroms)
    write_records(run, chroms)
    return run.root


# -- sequence and motifs ---------------------------------------------------------------------


def _profiles(rng: np.random.Generator) -> list[Profile]:
    out = []
    for i in range(N_PROFILES):
        width = int(rng.integers(6, 12))
        consensus = rng.integers(0, 4, width)
        pfm = np.full((width, 4), 0.04)
        pfm[np.arange(width), consensus] = 0.88
        tf = "CTCF" if i == 0 else f"TF{i:02d}"
        out.append(Profile(f"MA{i:04d}.1", tf, consensus, pfm))
    return out


def _chromosome(
    rng: np.random.Generator, name: str, start: int, n_bp: int, profiles: list[Profile]
) -> Chromosome:
    codes = rng.integers(0, 4, n_bp).astype(np.uint8)
    # As in a vertebrate genome, most CpG are gone; otherwise CpG would be in nearly every word.
    after_c = np.flatnonzero((codes[:-1] == 1) & (codes[1:] == 2)) + 1
    codes[after_c[rng.random(len(after_c)) < 0.85]] = 0
    # Planted pairs of motifs make frequent words; a stretch of N is in every real sequence.
    for place in range(200, n_bp - 100, 90):
        pair = int(rng.integers(0, 8))
        for k, number in enumerate((pair, pair + 8)):
            word = profiles[number].consensus
            codes[place + 14 * k : place + 14 * k + len(word)] = word
    codes[50:90] = 4
    cuts = np.cumsum(rng.integers(8, 23, n_bp // 8))
    edges = np.concatenate([[0], cuts[cuts < n_bp - 4], [n_bp]]) + start
    base = np.convolve(rng.gamma(0.3, 1.0, n_bp), np.ones(150) / 150, mode="same")
    signal = {"atac": base, "dnase": np.where(base > 0.35, 8 * base, 0.0)}
    return Chromosome(name, start, codes, edges.astype(np.int32), signal)


def _write_motifs(run: RunFolder, rng: np.random.Generator, profiles: list[Profile]) -> None:
    path = run.root / PROFILES
    path.write_text("".join(_jaspar(p) for p in profiles))
    built = build_profiles(path, 0.8, 0.05)
    table = profile_table(built)
    run.write_table("profiles", table)
    features = feature_table(table)
    run.write_table("features", features)
    run.write_table("pfms", pfm_table(built))
    # Profiles go round the clusters, both strands together; the last cluster is CpG alone.
    cluster = np.append(np.arange(N_PROFILES) % (N_CLUSTERS - 1), N_CLUSTERS - 1)
    run.write_table("feature_clusters", pd.DataFrame({
        "feature": np.arange(2 * len(table)), "cluster": np.repeat(cluster, 2)}))
    groups = [table[cluster == c] for c in range(N_CLUSTERS)]
    run.write_table("clusters", pd.DataFrame({
        "cluster": np.arange(N_CLUSTERS),
        "label": [" / ".join(g["tf"].iloc[:2]) for g in groups],
        "n_features": [2 * len(g) for g in groups],
        "n_profiles": [len(g) for g in groups],
        "tfs": [g["tf"].tolist() for g in groups],
        "profile_ids": [g["profile_id"].tolist() for g in groups],
        "strands": "+-",
        "representative": [g["profile_id"].iloc[0] for g in groups],
    }))
    scores = (cluster.repeat(2)[:, None] == cluster.repeat(2)).astype(np.float32) * 0.7
    noise = rng.uniform(0, 0.3, scores.shape).astype(np.float32)
    scores += (noise + noise.T) / 2
    np.fill_diagonal(scores, 1)
    run.write_table("cluster_cuts", count_by_cut(
        scores, np.arange(0.02, 1, 0.04), (features["tf"] == "CpG").to_numpy()
    ))
    with run.writing_group(
        "interdependence", exact=False, sample_bins=1000, half_bins=500, max_order=5,
        permutations=0, device="cpu", method="made up", seed=0,
    ) as group:
        group.create_array("scores", data=scores)
        for half in ("half0", "half1"):
            group.create_array(half, data=scores)


def _jaspar(profile: Profile) -> str:
    """The profile as a JASPAR count matrix of 100 sites: with this matrix a relative score of 0.8
    is reached by exactly the words with at most a fifth of their bases different."""
    counts = np.rint(100 * profile.pfm).astype(int).T
    rows = zip("ACGT", counts, strict=True)
    lines = [f"{base} [ {' '.join(map(str, row))} ]" for base, row in rows]
    return "\n".join([f">{profile.profile_id} {profile.tf}", *lines, ""])


def _text(codes: NDArray[np.integer]) -> str:
    return "".join("ACGTN"[c] for c in codes)


def _covered(codes: NDArray[np.uint8], pattern: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Bases under a match of the pattern with at most a fifth of its bases different."""
    width, n = len(pattern), len(codes)
    wrong = np.zeros(n - width + 1, dtype=np.int8)
    for i, base in enumerate(pattern):
        wrong += codes[i : n - width + 1 + i] != base
        wrong[codes[i : n - width + 1 + i] == 4] = 100
    change = np.zeros(n + 1, dtype=np.int32)
    hits = np.flatnonzero((wrong >= 0) & (wrong <= width // 5))
    np.add.at(change, hits, 1)
    np.add.at(change, hits + width, -1)
    return np.cumsum(change)[:-1] > 0


def _write_tokens(run: RunFolder, chroms: list[Chromosome], profiles: list[Profile]) -> None:
    names = [c.name for c in chroms]
    with run.writing_group("hits", chroms=[], source="scan"):
        pass
    with (
        run.writing_group("sequence", chroms=names) as sequence,
        run.writing_group("bins", chroms=names) as bins,
        run.writing_group("tokens", chroms=names) as tokens,
        run.writing_group("depth", chroms=names) as depth,
    ):
        for c in chroms:
            n = len(c.codes)
            here = sequence.create_group(c.name)
            here.attrs.update({"start": c.start, "end": c.start + n, "length": c.start + n + 5000})
            here.create_array("codes", data=c.codes)
            bins.create_group(c.name).create_array("edges", data=c.edges)
            covers = []
            for p in profiles:
                covers += [_covered(c.codes, p.consensus), _covered(c.codes, 3 - p.consensus[::-1])]
            covers += [_covered(c.codes, np.array([1, 2]))] * 2
            here = depth.create_group(c.name)
            here.attrs["start"] = c.start
            here.create_array("depth", data=np.sum(covers[:-2], axis=0).astype(np.uint16))
            starts = c.edges[:-1] - c.start
            counts = np.array([np.add.reduceat(v.astype(int), starts) for v in covers])
            bin_number, feature = np.nonzero(counts.T)
            here = tokens.create_group(c.name)
            here.attrs["n_features"] = len(covers)
            indptr = np.searchsorted(bin_number, np.arange(len(c.edges)))
            here.create_array("indptr", data=indptr.astype(np.int64))
            here.create_array("indices", data=feature.astype(np.uint16))
            here.create_array("counts", data=counts[feature, bin_number].astype(np.uint8))


def _write_signal(run: RunFolder, chroms: list[Chromosome]) -> None:
    with run.writing_group("signal", chroms=[c.name for c in chroms], tracks=TRACKS) as group:
        for c in chroms:
            for track, values in c.signal.items():
                here = group.require_group(c.name).create_group(track)
                starts = c.edges[:-1] - c.start
                means = np.add.reduceat(values, starts) / np.diff(c.edges)
                here.create_array("bins", data=means.astype(np.float32))
                here.create_array("grid", data=_grid(values))


def _grid(values: NDArray[np.float64]) -> NDArray[np.float32]:
    cells = np.arange(0, len(values), GRID_BP)
    sizes = np.diff(np.append(cells, len(values)))
    return (np.add.reduceat(values, cells) / sizes).astype(np.float32)


def _write_annotation(run: RunFolder, rng: np.random.Generator, chroms: list[Chromosome]) -> None:
    genes, transcripts, intervals, peaks = [], [], [], []
    for c in chroms:
        n = len(c.codes)
        for i, start in enumerate(range(c.start + n // 20, c.start + n - n // 10, max(n // 6, 1))):
            end, strand = start + n // 12, "+-"[i % 2]
            name = f"GENE{len(genes) + 1}"
            genes.append((name, c.name, start, end, strand))
            thirds = np.linspace(start, end, 6).astype(int)
            transcripts.append((c.name, start, end, f"NM_{len(genes):06d}", name, strand,
                                start + 50, end - 50, thirds[[0, 2, 4]], thirds[[1, 3, 5]]))
            intervals.append(
                ("cpg_island", c.name, max(start - 300, 0), start + 300, "CpG: 32", "")
            )
        intervals.append(("cytoband", c.name, 0, c.start + n // 2, "p13", "gneg"))
        intervals.append(
            ("cytoband", c.name, c.start + n // 2, c.start + n + 5000, "p12", "gpos50")
        )
        for target in ("CTCF", "DNase-seq", "GATA1"):
            for middle in np.sort(rng.integers(c.start + 500, c.start + n - 500, 8)).tolist():
                peaks.append((target, f"{target}.narrowPeak.gz", c.name, middle - 150,
                              middle + 150, middle, float(rng.uniform(5, 200))))
    run.write_table("repeats", pd.DataFrame(
        columns=["chrom", "start", "end", "name", "family"]))
    run.write_table("genes", pd.DataFrame(
        genes, columns=["gene", "chrom", "start", "end", "strand"]))
    run.write_table("transcripts", pd.DataFrame(
        transcripts, columns=["chrom", "start", "end", "name", "gene", "strand", "thick_start",
                              "thick_end", "exon_starts", "exon_ends"]))
    run.write_table("intervals", pd.DataFrame(
        intervals, columns=["kind", "chrom", "start", "end", "name", "stain"]))
    run.write_table("peaks", pd.DataFrame(
        peaks, columns=["target", "set", "chrom", "start", "end", "summit", "signal"]))


# -- words -----------------------------------------------------------------------------------


def _write_words(run: RunFolder, chroms: list[Chromosome]) -> pd.DataFrame:
    store = TokenStore(run)
    labels = run.table("clusters")["label"].tolist()
    keys: list[tuple[int, ...]] = []
    for c in chroms:
        values = store.cluster_values(c.name, 0, store.n_bins(c.name))
        for i in range(values.shape[0]):
            part = slice(values.indptr[i], values.indptr[i + 1])
            keys.append(tuple(values.indices[part][values.data[part] >= THRESHOLD].tolist()))
    counted = pd.Series(keys).value_counts(sort=False)
    table = pd.DataFrame({"clusters": counted.index, "frequency": counted.to_numpy()})
    table = table.sort_values(["frequency", "clusters"], ascending=[False, True])
    table = table.reset_index(drop=True)
    table.insert(0, "word", np.arange(len(table)))
    table["label"] = [
        " + ".join(labels[i] for i in key) or "(no motif)" for key in table["clusters"]
    ]
    number = dict(zip(table["clusters"], table["word"], strict=True))
    table["clusters"] = [np.array(key, dtype=np.int16) for key in table["clusters"]]
    table["n_clusters"] = np.array([len(key) for key in table["clusters"]], dtype=np.int16)
    run.write_table("words", table[["word", "clusters", "n_clusters", "label", "frequency"]])
    ids = np.array([number[key] for key in keys], dtype=np.int32)
    with run.writing_group("word_ids", chroms=[c.name for c in chroms]) as group:
        first = 0
        for c in chroms:
            n = len(c.edges) - 1
            group.create_group(c.name).create_array("word", data=ids[first : first + n])
            first += n
    return table


def _write_laws(
    run: RunFolder, rng: np.random.Generator, chroms: list[Chromosome], words: pd.DataFrame,
    profiles: list[Profile],
) -> None:
    """Curves are those of made-up frequencies, and the numbers beside them are theirs."""
    _write_control_words(run, rng, chroms)
    tables: dict[str, list[pd.DataFrame]] = {
        "rank_frequency": [], "zipf": [], "laws": [], "vocabulary_growth": [], "abbreviation": [],
        "vocabulary": [], "motif_recovery": [],
    }
    for (name, label), corpus in [
        *((item, "sequence") for item in TOKENIZERS.items()), (("motif", "Motif words"), "sample"),
        *((item, "shuffled") for item in TOKENIZERS.items()),
    ]:
        key = {"tokenizer": name, "corpus": corpus}
        if name == "motif" and corpus == "sequence":
            frequency = words["frequency"].to_numpy()
        else:
            n = 4 ** int(name[4:]) if name.startswith("kmer") else 600
            falling = np.arange(1, n + 1) ** rng.uniform(0.3, 0.9)
            frequency = np.maximum(20_000 / falling, 1).astype(np.int64)
        rank = np.arange(1, len(frequency) + 1)
        tables["rank_frequency"].append(pd.DataFrame(
            {**key, "rank": rank, "frequency": frequency}))
        tables["zipf"].append(_straightness(frequency).assign(**key, label=label))
        tables["laws"].append(_made_up_laws(rng, frequency).assign(**key, label=label))
        tokens = np.unique(np.geomspace(1, frequency.sum(), 30).astype(np.int64))
        tables["vocabulary_growth"].append(pd.DataFrame(
            {**key, "n_tokens": tokens, "n_types": np.minimum(tokens, len(frequency))}))
        tables["abbreviation"].append(pd.DataFrame({
            **key, "length_bp": [4, 6, 8], "n_types": [5, 9, 3], "lower": [3.0, 3.0, 3.0],
            "median": [9.0, 6.0, 4.0], "upper": [20.0, 12.0, 5.0]}))
        if name != "motif":
            tables["vocabulary"].append(pd.DataFrame({
                **key, "token": ["ACGT"[i % 4] * (i + 1) for i in range(20)],
                "frequency": 100 - np.arange(20)}))
        word = len(words) // 2 if name == "motif" and corpus == "sequence" else -1
        tables["motif_recovery"].append(pd.DataFrame([
            (p.profile_id, rng.uniform(0.5, 1), _text(p.consensus), 0, "+", 7, word, 600)
            for p in profiles
        ], columns=["profile_id", "correlation", "token", "offset", "strand", "frequency", "word",
                    "n_tokens"]).assign(**key))
    for name, parts in tables.items():
        run.write_table(name, pd.concat(parts, ignore_index=True)[list(ARTEFACTS[name].schema)])


def _straightness(frequency: NDArray[np.integer]) -> pd.DataFrame:
    rank = np.arange(1, len(frequency) + 1)
    rows = []
    for definition, least in {**DEFINITIONS, "paper": 500, "logranks": 1}.items():
        kept = frequency >= least
        x, y = np.log10(rank[kept]), np.log10(frequency[kept])
        is_line = kept.sum() > 2 and y.std() > 0
        r = np.corrcoef(x, y)[0, 1] if is_line else np.nan
        slope = np.polyfit(x, y, 1)[0] if kept.sum() > 2 else np.nan
        ends = max(r - 0.01, -1) if is_line else np.nan, min(r + 0.01, 1) if is_line else np.nan
        rows.append((definition, frequency.sum(), kept.sum(), r, *ends, slope))
    return pd.DataFrame(rows, columns=[
        "definition", "n_tokens", "n_types", "r", "r_low", "r_high", "slope"])


def _made_up_laws(rng: np.random.Generator, frequency: NDArray[np.integer]) -> pd.DataFrame:
    row: dict[str, Any] = {
        "n_tokens": frequency.sum(), "n_types": len(frequency),
        "seen_once": (frequency == 1).sum(), "xmin": 3, "tail_types": 90, "fitted_types": 90,
        "ks": 0.04, "ratio": -1.2, "p_value": 0.23, "heaps_from": 10, "heaps_to": frequency.sum(),
        "abbreviation_types": 80,
    }
    for name, value in (("exponent", rng.uniform(1.5, 2.5)), ("heaps", rng.uniform(0.4, 0.9)),
                        ("kendall", -0.3), ("spearman", -0.4)):
        row |= {name: value, f"{name}_low": value - 0.05, f"{name}_high": value + 0.05}
    return pd.DataFrame([row])


def _write_control_words(
    run: RunFolder, rng: np.random.Generator, chroms: list[Chromosome]
) -> None:
    parts = []
    for corpus in ("sample", "shuffled"):
        c = chroms[0]
        edges = c.edges[:201].astype(np.int64)
        word = rng.integers(0, 40, 200)
        _, word = np.unique(word, return_inverse=True)
        known = np.add.reduceat((c.codes < 4).astype(np.int64), edges[:-1] - c.start)
        known[-1] = (c.codes[edges[-2] - c.start : edges[-1] - c.start] < 4).sum()
        parts.append(pd.DataFrame({
            "corpus": corpus, "window": np.repeat(np.arange(8), 25).astype(np.int32),
            "chrom": c.name, "start": edges[:-1], "end": edges[1:], "word": word.astype(np.int32),
            "n_clusters": word % 3, "known_bp": known,
        }))
    run.write_table("control_words", pd.concat(parts, ignore_index=True))
