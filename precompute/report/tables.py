"""From a run folder to the report's rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from precompute.artefacts import RunFolder, read_parquet
from precompute.config import Config, parse_config
from precompute.errors import RunFolderError
from precompute.manifest import Manifest
from precompute.report import figures, provenance, reasons
from precompute.report.content import (
    Comparison,
    Figure,
    Law,
    Report,
)
from precompute.report.measure import Measured, Progress, measure
from precompute.report.reasons import Numbers, percent
from precompute.report.reference import PAPER_PROFILES, PAPER_R, REFERENCES, SOURCES

_HIT_LIMITS = ("min_relative_score", "max_p_value")


def report_tables(run: str | Path | RunFolder, progress: Progress | None = None) -> Report:
    """The report of a run as rows; it only reads, and the same run gives the same rows.

    Parameters
    ----------
    run : run folder whose stages up to ``bins`` have run; later ones add their rows
    progress : called with (bins done, bins in all, chromosome)

    Raises
    ------
    RunFolderError, ArtefactError, ConfigError
        When the folder is no run, or an artefact that is needed is missing or damaged.

    Examples
    --------
    >>> report = report_tables(run)
    >>> [row.key for row in report.comparisons][:3]
    ['covered_bases', 'covered_known', 'bins']
    """
    folder = run if isinstance(run, RunFolder) else RunFolder(run)
    manifest, config = _records(folder)
    measured = measure(folder, progress)
    numbers = _numbers(folder, manifest, config, measured)
    return Report(
        name=manifest.name,
        region=_region(folder, manifest),
        release=config.motifs.release,
        scope=tuple(reasons.scope(numbers)),
        comparisons=(*_comparisons(numbers, manifest), *_models(folder, manifest)),
        laws=tuple(_laws(folder, manifest)),
        law_notes=tuple(_law_notes(folder, manifest, config)),
        settings=tuple(provenance.settings(config)),
        inputs=tuple(provenance.inputs(manifest, config)),
        stages=tuple(provenance.stages(manifest)),
        versions=tuple(provenance.versions(manifest)),
        figures=tuple(_figures(folder, manifest, numbers)),
        sources=SOURCES,
    )


def _records(folder: RunFolder) -> tuple[Manifest, Config]:
    manifest = Manifest.load(folder.root / "manifest.json")
    if manifest is None:
        raise RunFolderError(
            f"there is no run in {folder.root} (it holds no manifest.json); give the folder of a "
            "run, for example runs/demo"
        )
    try:
        data = json.loads((folder.root / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RunFolderError(
            f"{folder.root / 'config.json'} cannot be read; run `python -m precompute run` with "
            "the configuration again"
        ) from None
    return manifest, parse_config(data, None, str(folder.root / "config.json"))


def _facts(manifest: Manifest, stage: str) -> dict[str, Any]:
    record = manifest.stages.get(stage)
    return record.facts if record is not None else {}


def _region(folder: RunFolder, manifest: Manifest) -> str:
    group = folder.group("sequence")
    parts = [
        f"{c}:{int(group[c].attrs['start']) + 1:,}-{int(group[c].attrs['end']):,}"
        for c in group.attrs["chroms"]
    ]
    shown = ", ".join(parts[:6]) + (f" and {len(parts) - 6} more" if len(parts) > 6 else "")
    return f"{manifest.assembly} {shown}"


# -- numbers ---------------------------------------------------------------------------------


def _numbers(
    folder: RunFolder, manifest: Manifest, config: Config, measured: Measured
) -> Numbers:
    found = _facts(manifest, "motif_clusters")
    scores = _facts(manifest, "interdependence")
    settings = config.motif_clusters
    known: dict[str, Any] = {}
    if found:
        known = {
            "linkage": settings.linkage, "cut": settings.cut,
            "clusters": int(found["clusters"]),
            "clusters_without_cpg": found.get("clusters_without_cpg"),
            "sample_bins": int(scores.get("sample_bins", 0)),
            "half_bins": int(scores.get("half_bins", scores.get("sample_bins", 0) // 2)),
            "is_exact": bool(scores.get("exact", False)),
            "rand": found.get("adjusted_rand_of_halves"),
            "largest_change": scores.get("largest_change_between_halves"),
            "halves": _halves(folder, settings.cut, settings.linkage),
            "cut_at_reference": _cut_at_reference(folder, settings.linkage),
        }
    return Numbers(
        measured=measured,
        assembly=manifest.assembly,
        long_share=_facts(manifest, "bins").get("long_share_before_cut"),
        max_bin_bp=config.bins.max_bin_bp,
        other_inputs=tuple(_other_inputs(manifest, config)),
        non_zeros=int(_facts(manifest, "tokens").get("non_zeros", 0)),
        **known,
    )


def _other_inputs(manifest: Manifest, config: Config) -> list[str]:
    """Sentences on inputs and thresholds that are not like the paper's."""
    out = []
    n_profiles = _facts(manifest, "motifs").get("profiles")
    if n_profiles is not None and n_profiles != PAPER_PROFILES:
        out.append(
            f"It has {n_profiles:,} motif profiles; the paper has {PAPER_PROFILES} (JASPAR 2022 "
            "CORE vertebrates)."
        )
    motifs = config.motifs
    defaults = type(motifs).model_fields
    if motifs.hits is not None:
        source = motifs.hits.folder or motifs.hits.bigbed
        limits = [
            f"{name} {value}" for name, value in motifs.hits.model_dump().items()
            if name.startswith("min_") and value is not None
        ]
        out.append(
            f"Its hits are ready ones of {source.name if source else 'a file'} "
            f"({', '.join(limits) or 'all of them'}), not scanned."
        )
    elif any(getattr(motifs, k) != defaults[k].default for k in _HIT_LIMITS):
        out.append(
            f"A hit here has a relative score of at least {motifs.min_relative_score:g} and p < "
            f"{motifs.max_p_value:g}; JASPAR's own tracks have 0.8 and 0.05."
        )
    masked = _facts(manifest, "genome").get("masked_bp")
    if masked:
        out.append(f"{masked:,} known bases lie outside its BED and count as N.")
    return out


def _halves(folder: RunFolder, cut: float, linkage: str) -> tuple[int, ...]:
    """Clusters of the two disjoint half samples, when their scores were kept."""
    from precompute.motif_clusters import cluster_features

    group = folder.group("interdependence")
    return tuple(
        int(cluster_features(group[name][:], cut, linkage).max()) + 1
        for name in ("half0", "half1") if name in group
    )


def _cut_at_reference(folder: RunFolder, linkage: str) -> float | None:
    """The cut at which the run has about as many clusters as the reference; None out of range."""
    table = folder.table("cluster_cuts")
    rows = table[table["linkage"] == linkage].sort_values("cut")
    counts, cuts = rows["n_clusters"].to_numpy(float), rows["cut"].to_numpy(float)
    wanted = REFERENCES["clusters"].value
    if len(rows) < 2 or not counts.min() <= wanted <= counts.max():
        return None
    # Counts fall with the cut; interpolation wants them rising.
    return round(float(np.interp(wanted, counts[::-1], cuts[::-1])), 2)


def _compared(
    key: str, name: str, value: float, text: str, why: list[str], is_share: bool = False
) -> Comparison:
    reference = REFERENCES.get(key)
    if reference is None:
        return Comparison(key, name, value, text, None, "", "", None, is_share, tuple(why))
    agrees = abs(value - reference.value) <= reference.half_digit * (1 + 1e-9)
    return Comparison(
        key, name, value, text, reference.value, reference.text, reference.source, agrees,
        is_share, tuple(why),
    )


def _comparisons(n: Numbers, manifest: Manifest) -> list[Comparison]:
    m = n.measured
    covered = m.covered_bp / m.total_bp
    covered_known = m.covered_known_bp / max(m.known_bp, 1)
    rows = [
        _compared("covered_bases", "Bases under at least one motif", covered, percent(covered),
                  reasons.covered_bases(n), is_share=True),
        _compared("covered_known", "Known bases (A, C, G, T) under at least one motif",
                  covered_known, percent(covered_known), [], is_share=True),
        _compared("bins", "Bins", m.bins, f"{m.bins:,}", []),
        _compared("genome_bins", "Bins, extrapolated to the autosomes", n.genome_bins,
                  f"{n.genome_bins / 1e6:.1f} million", reasons.genome_bins(n)),
        _compared("mean_length", "Mean length of a bin", m.total_bp / m.bins,
                  f"{m.total_bp / m.bins:.2f} bp", reasons.mean_length(n)),
    ]
    if n.long_share is not None:
        name = f"Bins over {n.max_bin_bp} bp before they are cut"
        rows.append(_compared("long_share", name, n.long_share, percent(n.long_share),
                              reasons.long_share(n, n.long_share), is_share=True))
    if n.non_zeros:
        per_bin = n.non_zeros / m.bins
        rows.append(_compared("non_zeros", "Non-zeros per token", per_bin, f"{per_bin:.1f}",
                              reasons.non_zeros(n)))
    if n.clusters:
        name = f"Motif clusters ({n.linkage} linkage cut at {n.cut:g})"
        rows.append(_compared("clusters", name, n.clusters, f"{n.clusters:,}",
                              reasons.clusters(n)))
    if n.rand is not None:
        rows.append(_compared("rand", "Adjusted Rand index of the clusters of two disjoint half "
                              "samples", n.rand, f"{n.rand:.3f}", []))
    if n.largest_change is not None:
        rows.append(_compared("largest_change", "Largest change of a score between the halves",
                              n.largest_change, f"{n.largest_change:.3f}", []))
    words = _facts(manifest, "words")
    if words:
        name = f"Words: types of token at a threshold of {words['threshold']:g}"
        rows.append(_compared("words", name, words["words"], f"{words['words']:,}", []))
    return rows


# -- models ----------------------------------------------------------------------------------


def _models(folder: RunFolder, manifest: Manifest) -> list[Comparison]:
    """r of the run's models beside the paper's, and AUPR of every model, on the test set; each
    with the best baseline."""
    if "evaluate" not in manifest.stages:
        return []
    place = folder.folder("evaluation")
    predictors, r, peaks = (
        read_parquet(place / f"{name}.parquet")
        for name in ("predictors", "correlations", "peak_metrics")
    )
    r = r[(r["set"] == "test") & (r["resolution_bp"] == 16)]
    peaks = peaks[peaks["set"] == "test"]
    labels = dict(zip(predictors["name"], predictors["label"], strict=True))
    bases = set(predictors.loc[predictors["kind"] == "baseline", "name"])
    rows = []
    for model in predictors[predictors["kind"] == "model"].itertuples():
        for kind, table, column in (("r", r, "r"), ("aupr", peaks, "aupr")):
            for score in table[table["predictor"] == model.name].to_dict("records"):
                if not np.isfinite(score[column]):
                    continue
                others = table[
                    table["predictor"].isin(bases) & (table["track"] == score["track"])
                ].dropna(subset=column)
                rows.append(_model_row(kind, model, score, others, labels))
    return rows


def _model_row(
    kind: str, model: Any, score: dict[str, Any], others: pd.DataFrame, labels: dict[str, str]
) -> Comparison:
    what = "Pearson r" if kind == "r" else "AUPR of reference peaks"
    value, low, high = (float(score[f"{kind}{end}"]) for end in ("", "_low", "_high"))
    why = []
    if len(others):
        best = others.loc[others[kind].idxmax()]
        why.append(f"The best baseline here is {labels[best['predictor']]}: {best[kind]:.3f}.")
    name = (f"{what} at 16 bp, {labels[model.name]}, {score['track']}, test set "
            f"({score['n']:,} cells)")
    text = f"{value:.3f} ({low:.3f} to {high:.3f})"
    key = f"{kind}_{model.name}_{score['track']}"
    reference = REFERENCES.get(f"{kind}_{model.encoding}")
    if reference is None:
        return Comparison(key, name, value, text, None, "", "", None, False, tuple(why))
    why.append(
        "The paper's is its convolutional model on chr10 of hg38, trained on K562 ATAC-seq "
        "coverage of the other autosomes; track, build, chromosomes, training data and size of "
        "network differ here."
    )
    agrees = abs(value - reference.value) <= reference.half_digit
    return Comparison(
        key, name, value, text, reference.value, reference.text, reference.source, agrees, False,
        tuple(why),
    )


# -- laws ------------------------------------------------------------------------------------


def _laws(folder: RunFolder, manifest: Manifest) -> list[Law]:
    if "zipf" not in manifest.stages:
        return []
    zipf = folder.table("zipf").set_index(["tokenizer", "corpus", "definition"])
    laws = folder.table("laws")
    out = []
    for law in laws[laws["corpus"] == "sequence"].itertuples():
        name = str(law.tokenizer)

        def r(definition: str, corpus: str, column: str = "r", name: str = name) -> float | None:
            key = (name, corpus, definition)
            return _finite(zipf.loc[key, column]) if key in zipf.index else None

        low, high = (r("seen3", "sequence", f"r_{end}") for end in ("low", "high"))
        out.append(Law(
            tokenizer=name, label=str(law.label), tokens=int(law.n_tokens), types=int(law.n_types),
            r_all=r("all", "sequence"), r_seen3=r("seen3", "sequence"),
            r_seen3_range=None if low is None or high is None else (low, high),
            r_shuffled=r("seen3", "shuffled"), exponent=_finite(law.exponent),
            heaps=_finite(law.heaps), kendall=_finite(law.kendall), paper_r=PAPER_R.get(name),
        ))
    return out


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _law_notes(folder: RunFolder, manifest: Manifest, config: Config) -> list[str]:
    """What the correlations rest on."""
    if "zipf" not in manifest.stages or "words" not in manifest.stages:
        return []
    frequency = folder.table("words", ["frequency"])["frequency"].to_numpy()
    once = int((frequency == 1).sum())
    out = [
        f"{once:,} of {len(frequency):,} motif words ({percent(once / len(frequency))}) are seen "
        "once; they are a flat tail that r over all types gives most weight, and the column beside "
        "it leaves out types seen fewer than 3 times."
    ]
    corpus = _facts(manifest, "zipf").get("bpe_corpus_bp")
    if corpus and config.lexicon.bpe_words:
        out.append(
            f"BPE was trained on {corpus:,} bp of this run's sequence and counted on all of it; "
            "the paper's numbers rest on the whole genome."
        )
    sample = _facts(manifest, "control_words").get("sample_bp")
    if sample:
        out.append(
            "Shuffled: the same tokenizer and vocabulary on the sequence shuffled with all "
            f"dinucleotide counts kept, in blocks of {config.lexicon.shuffle_block_bp:,} bp; for "
            f"motif words on {sample:,} bp of it, so with fewer tokens than the number beside it."
        )
    return out


# -- figures ---------------------------------------------------------------------------------


def _figures(folder: RunFolder, manifest: Manifest, n: Numbers) -> list[Figure]:
    m = n.measured
    out = [figures.bin_lengths(m.lengths, m.mean_length_bp, m.sd_length_bp)]
    if "motif_clusters" in manifest.stages:
        out.append(figures.cluster_counts(
            folder.table("cluster_cuts"), n.linkage, n.cut, n.clusters,
            REFERENCES["clusters"].value,
        ))
    out.append(figures.depths(m.depths, m.mean_depth))
    if "zipf" in manifest.stages:
        labels = folder.table("zipf", ["tokenizer", "label"]).drop_duplicates("tokenizer")
        named = dict(zip(labels["tokenizer"], labels["label"], strict=True))
        curves = folder.table("rank_frequency")
        is_drawn = ~curves["tokenizer"].str.startswith(("apart", "onehot"))
        out.append(figures.rank_frequency(
            curves[(curves["corpus"] == "sequence") & is_drawn], named
        ))
        growth = folder.table("vocabulary_growth")
        is_drawn = ~growth["tokenizer"].str.startswith(("apart", "onehot"))
        out.append(figures.vocabulary_growth(
            growth[(growth["corpus"] == "sequence") & is_drawn], named
        ))
    return out
