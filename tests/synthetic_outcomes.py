"""The later half of the synthetic run: the map, the models and their attributions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from precompute import effects, explorer, tf_benchmark, window_index
from precompute.artefacts import RunFolder, write_parquet
from precompute.attribution import factor_hits
from precompute.attribution.hits import run_finder
from precompute.config import Config, load_config, parse_config
from precompute.context import StageContext
from precompute.embedding.neighbors import distinct_rows, nearest, unit_rows
from precompute.embedding.pca import component_spread
from precompute.enrichment import RankedFeatures, name_community
from precompute.evaluation import stage as evaluation
from precompute.lexicon import entries
from precompute.manifest import Manifest, StageRecord, hash_path
from precompute.models.bigwig import write_bigwig
from precompute.models.registry import model_names
from precompute.models.store import FeatureClusters, clusters_card
from precompute.pipeline import STAGES, Pipeline
from precompute.token_store import TokenStore
from tests.synthetic_effects import write_interactions

if TYPE_CHECKING:
    import zarr

THRESHOLD = 0.15
MIN_FREQUENCY = 5
MAX_POINTS = 2_000
#: Points of each chromosome that are placed on the map.
PLACED = 20
GRID_BP = 16
#: The profile file, inside the run folder.
PROFILES = "profiles.jaspar"
TRACKS = {
    "atac": {"label": "Simulated insertions", "short_label": "ATAC (simulated)",
             "unit": "insertions per bp", "target": True},
    "dnase": {"label": "Simulated peak score", "short_label": "DNase (simulated)",
              "unit": "peak score", "target": True},
}
REPOSITORY = Path(__file__).resolve().parents[1]


class Chromosome(NamedTuple):
    """One chromosome: its region, its bases, its bins and the signal of each track per base."""

    name: str
    start: int
    codes: NDArray[np.uint8]
    edges: NDArray[np.int32]
    signal: dict[str, NDArray[np.float64]]



def _candidates(run: RunFolder, chroms: list[Chromosome]) -> pd.DataFrame:
    frequency = run.table("words")["frequency"].to_numpy()
    group = run.group("word_ids")
    parts = []
    for c in chroms:
        word = group[f"{c.name}/word"][:]
        known = np.add.reduceat((c.codes < 4).astype(int), c.edges[:-1] - c.start)
        gc = np.add.reduceat(np.isin(c.codes, (1, 2)).astype(int), c.edges[:-1] - c.start)
        parts.append(pd.DataFrame({
            "chrom": c.name, "bin": np.arange(len(word)), "start": c.edges[:-1].astype(np.int64),
            "end": c.edges[1:].astype(np.int64), "word": word, "frequency": frequency[word],
            "gc": gc / np.maximum(known, 1)}))
    points = pd.concat(parts, ignore_index=True)
    return points[(points["frequency"] >= MIN_FREQUENCY) & (points["word"] > 0)]


def write_map(run: RunFolder, rng: np.random.Generator, chroms: list[Chromosome]) -> None:
    candidates = _candidates(run, chroms)
    chosen = rng.choice(len(candidates), min(MAX_POINTS, len(candidates)), replace=False)
    points = candidates.iloc[np.sort(chosen)].reset_index(drop=True)
    points.insert(0, "point", np.arange(len(points)))
    # The last of each chromosome are placed, not fitted.
    is_fitted = (points.groupby("chrom").cumcount(ascending=False) >= PLACED).to_numpy()
    points["is_fitted"] = is_fitted
    run.write_table("points", points)
    store = TokenStore(run)
    here = {c.name: points.loc[points["chrom"] == c.name, "bin"].to_numpy() for c in chroms}
    values = np.concatenate([store.rows(name, bins).toarray() for name, bins in here.items()])
    mean = values.mean(axis=0)
    _, size, axes = np.linalg.svd(values - mean, full_matrices=False)
    scores = ((values - mean) @ axes[:8].T).astype(np.float32)
    _write_neighbors(run, rng, scores, is_fitted)
    strongest = values.argmax(axis=1)
    _, inverse, count = np.unique(strongest % 5, return_inverse=True, return_counts=True)
    mega = np.argsort(np.argsort(-count, kind="stable"))[inverse]
    sub = np.unique(mega * 2 + (strongest >= 5), return_inverse=True)[1]
    angle = 2 * np.pi * strongest / values.shape[1]
    centre = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    share = (size**2 / (size**2).sum())[:8]
    with run.writing_group(
        "layouts", explained_variance_ratio=share.tolist(), n_candidates=len(candidates),
        min_frequency=MIN_FREQUENCY, max_frequency=1_000_000, sampling="uniform", word_cap=0,
    ) as group:
        group.create_array("pca", data=scores)
        for name, scale in (("umap", 10.0), ("tsne", -60.0)):
            xy = scale * centre + rng.normal(0, abs(scale) / 12, centre.shape)
            group.create_array(name, data=xy.astype(np.float32))
        group.create_array("pca_mean", data=mean.astype(np.float32))
        group.create_array("pca_axes", data=axes[:8].astype(np.float32))
    run.write_table("communities", pd.DataFrame({
        "point": points["point"], "megacluster": mega.astype(np.int16),
        "subcluster": sub.astype(np.int16)}))
    numbers = [(level, c) for level, of in (("mega", mega), ("sub", sub))
               for c in range(int(of.max()) + 1)]
    run.write_table("community_stability", pd.DataFrame(
        [(level, c, 0.9, 0.8) for level, c in numbers],
        columns=["level", "community", "adjusted_rand", "overlap"]))
    _write_enrichment(run, values, mega, sub)
    with run.writing_group(
        "bin_communities", chroms=[c.name for c in chroms], agreement=0.9
    ) as group:
        for c in chroms:
            tokens = store.cluster_values(c.name, 0, store.n_bins(c.name)).toarray()
            best = tokens.argmax(axis=1)
            lookup = {s: (mega[strongest == s][0], sub[strongest == s][0]) for s in set(strongest)}
            pairs = np.array([lookup.get(b, (0, 0)) for b in best.tolist()], dtype=np.int16)
            pairs[tokens.sum(axis=1) == 0] = -1
            place = group.create_group(c.name)
            place.create_array("megacluster", data=np.ascontiguousarray(pairs[:, 0]))
            place.create_array("subcluster", data=np.ascontiguousarray(pairs[:, 1]))


def _write_neighbors(
    run: RunFolder, rng: np.random.Generator, scores: NDArray[np.float32],
    is_fitted: NDArray[np.bool_],
) -> None:
    """The neighbour graph of the made-up map, and its quality."""
    fitted = np.flatnonzero(is_fitted)
    nodes = distinct_rows(scores[fitted])
    node = np.full(len(scores), -1, dtype=np.int32)
    node[fitted] = nodes.node
    unit = unit_rows(scores / component_spread(scores[fitted]))
    mine = unit[fitted][nodes.first]
    with run.writing_group("neighbors", metric="cosine", method="exact") as group:
        group.create_array("node", data=node)
        group.create_array("first", data=fitted[nodes.first].astype(np.int32))
        group.create_array("nodes", data=nearest(mine, mine, 40, is_same=True).nodes)
        group.create_array("placed", data=nearest(unit[~is_fitted], mine, 15).nodes)
    summary = {}
    with run.writing_group("layout_quality", k=15, n_reference=len(mine)) as group:
        for layout, best in (("pca", 0.3), ("umap", 0.6), ("tsne", 0.7)):
            for measure in ("preservation", "trustworthiness"):
                share = rng.uniform(0.1, best, len(scores)).astype(np.float32)
                group.create_array(f"{layout}_{measure}", data=share)
                summary[f"{layout}_{measure}"] = float(share[is_fitted].mean())
        group.attrs["summary"] = summary


def _write_enrichment(
    run: RunFolder, values: NDArray, mega: NDArray[np.integer], sub: NDArray[np.integer]
) -> None:
    from scipy.sparse import csr_matrix

    ranked = RankedFeatures(csr_matrix(values))
    labels = run.table("clusters")["label"].tolist()
    parts, rows = [], []
    for level, member in (("mega", mega), ("sub", sub)):
        for community in range(int(member.max()) + 1):
            inside = member == community
            table = ranked.enrich(inside)
            label, q = name_community(table, labels)
            parent = int(mega[inside][0]) if level == "sub" else -1
            rows.append((level, community, parent, int(inside.sum()), label, q))
            parts.append(table.assign(level=level, community=community,
                                      cluster=np.arange(len(table))))
    columns = ["level", "community", "cluster", "mean_in", "mean_out", "log2_ratio", "auc",
               "p_value", "q_value"]
    run.write_table("enrichment", pd.concat(parts, ignore_index=True)[columns])
    run.write_table("community_table", pd.DataFrame(
        rows, columns=["level", "community", "parent", "n_points", "label", "q_value"]))


# -- models ----------------------------------------------------------------------------------


def write_model(
    run: RunFolder, rng: np.random.Generator, chroms: list[Chromosome], encoding: str
) -> None:
    """The artefacts of one model: its description, curves, predictions and metrics."""
    import pyBigWig
    from safetensors.numpy import save_file

    architecture = {"stem_channels": [8, 8], "body_channels": [8, 8], "head_channels": [8]}
    about = {
        "kind": "motiflens.model", "version": 2, "name": encoding, "encoding": encoding,
        "tracks": list(TRACKS),
        "architecture": architecture, "scalings": [{"mean": 0.1, "power": 0.5}] * len(TRACKS),
        "seed": 0, "parameters": 1234, "receptive_field": 13, "best_epoch": 2, "hardware": "cpu",
        "best_validation_r": 0.5, "stopped": "all epochs done", "split": {},
        **clusters_card(FeatureClusters.of_run(run) if encoding == "tokens" else None),
        "n_channels": TokenStore(run).n_clusters if encoding == "tokens" else 4,
    }
    curves = pd.DataFrame({
        "epoch": [1, 2, 3], "train_loss": [0.8, 0.6, 0.5], "validation_loss": [0.7, 0.6, 0.65],
        "validation_r": [0.2, 0.5, 0.45], "learning_rate": [0.002, 0.001, 0.0005],
        "seconds": [1.0, 1.0, 1.0]})
    with run.writing(f"model_{encoding}") as folder:
        (folder / "model.json").write_text(json.dumps(about))
        for stem in ("weights", "last"):
            save_file({"weight": np.zeros(4, np.float32)}, folder / f"{stem}.safetensors")
        write_parquet(folder / "curves.parquet", curves, "motiflens.curves", 1)
    windows, metrics = [], []
    with run.writing(f"predictions_{encoding}") as folder:
        for track in TRACKS:
            handle = pyBigWig.open(str(folder / f"{track}.bw"), "w")
            handle.addHeader([(c.name, c.start + len(c.codes) + 5000) for c in chroms])
            for c in chroms:
                edges, values = _predicted(rng, c, track, encoding)
                handle.addEntries([c.name] * len(values), edges[:-1].tolist(),
                                  ends=edges[1:].tolist(), values=values.tolist())
                for start in range(c.start, c.start + len(c.codes) - 5000, 20_000):
                    windows.append((track, "test", c.name, start, start + 20_000,
                                    float(rng.uniform(-0.1, 0.9)), 0.3))
            handle.close()
            metrics += [
                (track, part, bp, 1000, float(rng.uniform(0.2, 0.8)), 0.4, 10, 0.3)
                for part in ("train", "validation", "test") for bp in (0, 16, 128)]
        write_parquet(folder / "metrics.parquet", pd.DataFrame(metrics, columns=[
            "track", "set", "resolution_bp", "n", "r", "spearman", "windows", "window_r_median"]),
            "motiflens.metrics", 1)
        write_parquet(folder / "windows.parquet", pd.DataFrame(windows, columns=[
            "track", "set", "chrom", "start", "end", "r", "observed_mean"]),
            "motiflens.windows", 1)


def write_shipped(
    run: RunFolder, rng: np.random.Generator, chroms: list[Chromosome]
) -> None:
    """Predictions of a made-up shipped model."""
    with run.writing("predictions_shipped") as folder:
        (folder / "made_up_tokens").mkdir()
        steps = {c.name: _predicted(rng, c, "dnase", "tokens") for c in chroms}
        sizes = {c.name: c.start + len(c.codes) + 5000 for c in chroms}
        write_bigwig(folder / "made_up_tokens" / "dnase.bw", sizes, steps)


def _predicted(
    rng: np.random.Generator, c: Chromosome, track: str, encoding: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The signal itself with noise, per bin or per 16 bp; (edges, values)."""
    n = len(c.codes)
    cells = np.append(np.arange(0, n, GRID_BP), n) + c.start
    edges = (c.edges if encoding == "tokens" else cells).astype(np.int64)
    means = np.add.reduceat(c.signal[track], edges[:-1] - c.start) / np.diff(edges)
    return edges, np.maximum(means + rng.normal(0, 0.1, len(means)), 0)


def write_attributions(
    run: RunFolder, rng: np.random.Generator, chroms: list[Chromosome]
) -> None:
    """Contributions of both models, whose tiles sum to the difference from the baseline."""
    store = TokenStore(run)
    about = {"track": "atac", "baseline": "background", "target": "sum of the output of a tile",
             "chroms": [c.name for c in chroms]}
    mean_abs = np.ones(store.n_clusters).tolist()
    with run.writing_group("attributions_tokens", **about, mean_abs=mean_abs) as group:
        for c in chroms:
            values = store.cluster_values(c.name, 0, store.n_bins(c.name))
            weight = rng.normal(0, 1, store.n_clusters)[values.indices]
            data = (values.data * weight).astype(np.float32)
            absent = rng.normal(0, 0.01, values.shape[0]).astype(np.float32)
            here = group.create_group(c.name)
            here.create_array("indptr", data=values.indptr.astype(np.int64))
            here.create_array("indices", data=values.indices.astype(np.uint16))
            here.create_array("values", data=data)
            here.create_array("absent", data=absent)
            row = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
            _tiles(here, np.bincount(row, data, values.shape[0]) + absent, 500)
    with run.writing_group("attributions_onehot", **about) as group:
        for c in chroms:
            data = rng.normal(0, 0.1, len(c.codes)).astype(np.float32)
            data[c.codes == 4] = 0
            here = group.create_group(c.name)
            here.create_array("values", data=data)
            _tiles(here, np.add.reduceat(data, np.arange(0, len(data), GRID_BP)), 1000)


def _tiles(group: zarr.Group, sums: NDArray, size: int) -> None:
    edges = np.append(np.arange(0, len(sums), size), len(sums)).astype(np.int64)
    total = np.add.reduceat(sums.astype(np.float64), edges[:-1])
    group.create_array("tile_edges", data=edges)
    group.create_array("tile_prediction", data=total + 5.0)
    group.create_array("tile_baseline", data=np.full(len(total), 5.0))
    group.create_array("tile_error", data=np.full(len(total), 2e-15))


# -- exchange and records --------------------------------------------------------------------


def _facts(run: RunFolder) -> dict[str, dict[str, Any]]:
    """What the stages would have reported and the app shows."""
    store, layouts = TokenStore(run), run.group("layouts")
    length = np.concatenate([np.diff(store.edges(c)) for c in store.chroms])
    non_zeros = sum(store.counts(c, 0, store.n_bins(c)).nnz for c in store.chroms)
    explained = {"track": "atac", "baseline": "background", "completeness_error": 2e-15}
    return {
        "bins": {"bins": len(length), "mean_length_bp": float(length.mean()),
                 "sd_length_bp": float(length.std()), "long_share_before_cut": 0.0},
        "depth": {"covered_share_of_known_bases": 0.9, "covered_share_of_bases": 0.9,
                  "mean_depth": 3.0},
        "tokens": {"bins": len(length), "non_zeros": non_zeros,
                   "non_zeros_per_bin": non_zeros / len(length)},
        "interdependence": {"sample_bins": 1000},
        "motif_clusters": {"clusters": store.n_clusters, "cut": 0.38, "linkage": "single",
                           "clusters_without_cpg": store.n_clusters - 1,
                           "adjusted_rand_of_halves": 0.9},
        "words": {"words": len(run.table("words", ["word"])), "threshold": THRESHOLD},
        "embedding": {"points": int(layouts["umap"].shape[0]),
                      "fitted_points": int(run.table("points")["is_fitted"].sum()),
                      "candidates": int(layouts.attrs["n_candidates"]),
                      "quality_neighbors": 15,
                      "quality": dict(run.group("layout_quality").attrs["summary"])},
        "communities": {
            f"{level}s": int(run.table("communities")[level].max()) + 1
            for level in ("megacluster", "subcluster")} | {
                "stability_seeds": 5, "mega_adjusted_rand": 0.9, "sub_adjusted_rand": 0.9},
        "attribute_tokens": explained,
        "attribute_onehot": explained,
    }


def write_records(run: RunFolder, chroms: list[Chromosome]) -> None:
    """The AnnData file, ``config.json`` and ``manifest.json``, as the pipeline leaves them."""
    config = _config(run, chroms)
    (run.root / "config.json").write_text(json.dumps(config.model_dump(mode="json")))
    explorer.run(StageContext(config, run, "explorer"))
    facts = _facts(run)
    facts["lexicon"] = entries.run(StageContext(config, run, "lexicon"))
    facts["window_index"] = window_index.run(StageContext(config, run, "window_index"))
    facts["effects"] = effects.run(StageContext(config, run, "effects"))
    facts["interactions"] = write_interactions(StageContext(config, run, "interactions"))
    facts["evaluate"] = evaluation.run(StageContext(config, run, "evaluate"))
    write_factors(run, config)
    records = {
        stage.name: StageRecord(
            digest="", seconds=0.1, peak_rss_mb=100.0, facts=facts.get(stage.name, {}),
            outputs={name: hash_path(run.path(name)) for name in stage.writes},
            finished="2026-01-01T00:00:00+00:00",
        )
        for stage in STAGES
    }
    pipeline = Pipeline(config, run.root)
    pipeline.manifest = Manifest("synthetic", "0.1.0", "simulated", records)
    for stage in STAGES:
        records[stage.name].digest = pipeline.digest(stage)
    pipeline.manifest.save(run.root / "manifest.json")


def write_factors(run: RunFolder, config: Config) -> None:
    """The TF benchmark: real hits and labels with scores that know half of the answer."""
    rng, tfs = np.random.default_rng(11), factor_hits.chosen_factors(run, None)
    peaks = run.table("peaks", ["target", "chrom", "start", "end"])
    wide = peaks[peaks["target"] == "CTCF"].assign(
        start=lambda t: np.maximum(t["start"] - 400, 0), end=lambda t: t["end"] + 400)
    regions = factor_hits.merged(pd.concat([wide, peaks[peaks["target"] == "DNase-seq"]]))
    hits = factor_hits.labelled_hits(run, run_finder(run), regions, tfs)
    bound = hits.sites["bound"].to_numpy()
    scored = [
        tf_benchmark.ModelScores(entry, "dnase", {
            name: np.where(rng.random(len(bound)) < 0.5, bound, 0) + rng.normal(0, 0.1, len(bound))
            for name in ("deeplift", "input_x_gradient", tf_benchmark.PREDICTED)
        })
        for entry in model_names(run) if not entry.shipped
    ]
    about = pd.DataFrame([
        (m.entry.name, m.entry.label, m.entry.encoding, False, m.track, len(regions), 3)
        for m in scored
    ], columns=list(tf_benchmark.MODEL_COLUMNS))
    tf_benchmark.write_benchmark(run, tf_benchmark.tables(
        hits.sites, peaks, tfs, scored, about, config.tf_benchmark, config.run.seed))


def _config(run: RunFolder, chroms: list[Chromosome]) -> Config:
    """The demo's configuration with what is different here; its input files are the demo's."""
    data = load_config(REPOSITORY / "configs" / "demo.yaml").model_dump(mode="json")
    data["run"]["name"] = "synthetic"
    data["genome"]["assembly"] = "simulated"
    data["genome"]["regions"] = [
        {"chrom": c.name, "start": c.start, "end": c.start + len(c.codes)} for c in chroms
    ]
    data["motifs"] |= {
        "release": "30 simulated profiles", "profiles": str((run.root / PROFILES).resolve()),
    }
    data["lexicon"]["threshold"] = THRESHOLD
    data["embedding"]["min_frequency"] = MIN_FREQUENCY
    files = [track["bigwig"] for track in data["tracks"]]
    data["tracks"] = [
        {"name": name, "bigwig": file, **about}
        for (name, about), file in zip(TRACKS.items(), files, strict=True)
    ]
    data["models"]["training"]["window_bins"] = 250
    data["evaluation"] = {
        "peaks": {"dnase": str(run.table("peaks")["target"].iloc[0])}, "bootstrap": 50,
    }
    data["tf_benchmark"] = {"track": "dnase", "min_hits": 2, "bootstrap": 20}
    first, third = chroms[0], len(chroms[0].codes) // 3
    data["models"]["split"] = {
        part: [{"chrom": first.name, "start": lo, "end": lo + third}]
        for part, lo in zip(
            ("train", "validation", "test"), range(first.start, first.start + 3 * third, third),
            strict=True,
        )
    }
    return parse_config(data, None, "synthetic")
