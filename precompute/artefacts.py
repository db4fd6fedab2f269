"""The contract between precompute and app: which artefacts a run holds, and in what form.

``ARTEFACTS`` maps a name to its path under the run folder, its format and its schema. Tables are
Parquet, arrays are Zarr v3 groups with one child group per chromosome, signal is bigWig, weights
are safetensors with a JSON beside them. Each carries ``kind`` and ``version``; a reader refuses
what it does not know. Every write goes to a temporary name in the run folder and is then renamed.

Conventions: coordinates are 0-based half-open; ``start`` of a run's region is an attribute of each
chromosome group, and arrays along bases or bins count from it; ``edges`` are absolute coordinates.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from precompute.errors import ArtefactError, RunFolderError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zarr

Format = Literal["zarr", "parquet", "folder", "h5ad"]


@dataclass(frozen=True)
class Artefact:
    """One artefact: where it lies, its format and version, and what its parts mean."""

    name: str
    path: str
    format: Format
    schema: dict[str, str]
    version: int = 1
    #: The app opens a run without it: it holds something only where the configuration asks for it,
    #: or one page says how to make it.
    is_optional: bool = False

    @property
    def kind(self) -> str:
        return f"motiflens.{self.name}"


_ALL = [
    Artefact(
        "sequence",
        "sequence.zarr",
        "zarr",
        {
            "<chrom>/codes": "uint8 (n_bp,), A 0, C 1, G 2, T 3, any other letter 4",
            "<chrom> attrs": "start int, end int (bp), length int (of the chromosome in the FASTA)",
        },
    ),
    Artefact(
        "profiles",
        "motifs/profiles.parquet",
        "parquet",
        {
            "profile": "int, row number",
            "profile_id": "str, versioned, e.g. MA0139.1; 'CpG' is the last row",
            "tf": "str, e.g. CTCF",
            "width": "int, bp",
            "n_sites": "float, mean column sum of the count matrix",
            "threshold": "int, smallest integer score that is a hit",
            "max_score": "int",
            "min_score": "int",
            "consensus": "str, most frequent base per position",
        },
    ),
    Artefact(
        "hits",
        "hits.zarr",
        "zarr",
        {
            "attrs": "source 'scan' (then nothing else is there), 'folder' or 'bigbed'",
            "<chrom>/tiles": "int64 (n_tiles + 1,), first hit of each tile in the arrays below",
            "<chrom>/feature": "uint16 (n_hits,), motif feature; rising within a tile",
            "<chrom>/offset": "uint16 (n_hits,), start - tile's start (bp), rising in a feature",
            "<chrom> attrs": "start int (bp), tile_bp int, first_tile int: tile k of 'tiles' "
            "begins at (first_tile + k) * tile_bp",
        },
        is_optional=True,
    ),
    Artefact(
        "features",
        "motifs/features.parquet",
        "parquet",
        {
            "feature": "int, row number; 2 * profile for '+', 2 * profile + 1 for '-'",
            "profile": "int",
            "profile_id": "str",
            "tf": "str",
            "strand": "'+' or '-'",
            "width": "int, bp; a covered base counts 1 / width (CpG: width 1)",
            "name": "str, e.g. 'CTCF MA0139.1 (+)'",
        },
    ),
    Artefact(
        "pfms",
        "motifs/pfms.parquet",
        "parquet",
        {
            "profile_id": "str (no CpG)",
            "position": "int, from 0",
            "A": "float, frequency 0-1 without pseudocount",
            "C": "float",
            "G": "float",
            "T": "float",
        },
    ),
    Artefact(
        "depth",
        "depth.zarr",
        "zarr",
        {"<chrom>/depth": "uint16 (n_bp,), features with a hit covering the base"},
    ),
    Artefact(
        "bins",
        "bins.zarr",
        "zarr",
        {
            "<chrom>/edges": "int32 (n_bins + 1,), absolute coordinates, increasing; bins tile",
            "attrs": "chroms list of str, in the order of the configured regions",
        },
    ),
    Artefact(
        "tokens",
        "tokens.zarr",
        "zarr",
        {
            "<chrom>/indptr": "int64 (n_bins + 1,)",
            "<chrom>/indices": "uint16 (nnz,), feature, increasing within a bin",
            "<chrom>/counts": "uint8 or uint16 (nnz,), bases of the bin covered by the feature",
            "<chrom> attrs": "n_features int",
        },
    ),
    Artefact(
        "interdependence",
        "interdependence.zarr",
        "zarr",
        {
            "scores": "float32 (n_features, n_features), 0-1, symmetric, diagonal 1; "
            "a feature that is constant over the bins scores 0 with all others",
            "half0": "float32 (n_features, n_features), as scores, over one half of the sample",
            "half1": "float32 (n_features, n_features), as scores, over the other half",
            "p_values": "float32 (n_features, n_features), symmetric, 1 where not tested; "
            "only with interdependence.permutations > 0; rotations of the sample, see "
            "precompute/scores/permutation.py",
            "q_values": "float32 (n_features, n_features), p_values adjusted by Benjamini and "
            "Hochberg over all tested pairs; only with interdependence.permutations > 0",
            "attrs": "exact bool, sample_bins int (bins behind scores: all of them when exact), "
            "half_bins int, max_order int, permutations int, device 'cpu' or 'cuda', method str "
            "(how the moments were summed), seed int",
        },
    ),
    Artefact(
        "feature_clusters",
        "motifs/feature_clusters.parquet",
        "parquet",
        {"feature": "int", "cluster": "int, 0 .. n_clusters - 1"},
    ),
    Artefact(
        "clusters",
        "motifs/clusters.parquet",
        "parquet",
        {
            "cluster": "int, row number",
            "label": "str, unique and short: the commonest TFs, e.g. 'CTCF / CTCFL'",
            "n_features": "int",
            "n_profiles": "int",
            "tfs": "list of str, unique",
            "profile_ids": "list of str, unique",
            "strands": "'+', '-' or '+-'",
            "representative": "str, profile_id whose logo stands for the cluster ('CpG' has none)",
        },
    ),
    Artefact(
        "cluster_cuts",
        "motifs/cluster_cuts.parquet",
        "parquet",
        {
            "linkage": "str",
            "cut": "float",
            "n_clusters": "int",
            "n_clusters_without_cpg": "int, of the motif features alone",
        },
    ),
    Artefact(
        "words",
        "lexicon/words.parquet",
        "parquet",
        {
            "word": "int, row number; ordered by falling frequency, so rank = word + 1",
            "clusters": "list of int16, increasing; the empty list is the empty word",
            "n_clusters": "int16, length of clusters; 0 for the empty word",
            "label": "str, cluster labels joined by ' + '; '(no motif)' for the empty word",
            "frequency": "int64, bins with this word in the run",
        },
    ),
    Artefact(
        "word_ids",
        "lexicon/word_ids.zarr",
        "zarr",
        {"<chrom>/word": "int32 (n_bins,)"},
    ),
    Artefact(
        "control_words",
        "lexicon/control_words.parquet",
        "parquet",
        {
            "corpus": "'sample' or 'shuffled': windows of the sequence, scanned and tokenized anew "
            "as they are, and shuffled with all dinucleotide counts kept",
            "window": "int32, the same number in both corpora is the same window",
            "chrom": "str",
            "start": "int64, of the bin, absolute",
            "end": "int64",
            "word": "int32, numbered by first occurrence in the corpus; no number of words",
            "n_clusters": "int64, motif clusters in the word; 0: the empty word",
            "known_bp": "int64, bases of the bin that are A, C, G or T",
        },
    ),
    Artefact(
        "rank_frequency",
        "lexicon/rank_frequency.parquet",
        "parquet",
        {
            "tokenizer": "str: 'motif', 'onehot', 'kmer3' .. (overlapping), 'apart3' .. (side by "
            "side), 'bpe600' .. (trained on the run), 'bpefile' (pre-trained)",
            "corpus": "'sequence', 'sample' or 'shuffled': the run's sequence; for motif words "
            "alone the scanned sample of it; the shuffle that is the control (of the sample for "
            "motif words)",
            "rank": "int64, from 1; thinned to log-spaced ranks above 50",
            "frequency": "int64",
        },
        version=2,
    ),
    Artefact(
        "zipf",
        "lexicon/zipf.parquet",
        "parquet",
        {
            "tokenizer": "str",
            "label": "str for a person, e.g. 'Motif words', '6-mers', 'BPE 4,096'",
            "corpus": "'sequence', 'sample' or 'shuffled'",
            "definition": "str: 'all', 'seen2', 'seen3', 'seen10' (types seen at least n times), "
            "'paper' (types seen 500 to 1,000,000 times), 'logranks' (one point per log-spaced "
            "rank)",
            "n_tokens": "int64, length of the tokenized corpus in tokens",
            "n_types": "int64, distinct tokens that entered r",
            "r": "float, Pearson r of log10 rank and log10 frequency; NaN below 3 types",
            "r_low": "float, of the 95 % interval by half-sampling blocks; NaN where there is none",
            "r_high": "float",
            "slope": "float, least-squares slope in log-log",
        },
        version=2,
    ),
    Artefact(
        "laws",
        "lexicon/laws.parquet",
        "parquet",
        {
            "tokenizer": "str",
            "corpus": "'sequence', 'sample' or 'shuffled'",
            "label": "str, as in zipf",
            "n_tokens": "int64",
            "n_types": "int64",
            "seen_once": "int64, types seen once",
            "exponent": "float, of the maximum-likelihood power law of frequencies; NaN: no tail",
            "exponent_low": "float, of the 95 % interval; NaN where there is none, as below",
            "exponent_high": "float",
            "xmin": "int64, least frequency of the fitted tail; 0: no tail",
            "tail_types": "int64, types of at least that frequency",
            "fitted_types": "int64, of these, those that were fitted (a uniform draw above 20,000)",
            "ks": "float, Kolmogorov-Smirnov distance of tail and fit",
            "ratio": "float, log-likelihood ratio of power law and log-normal over its standard "
            "deviation; above 0 the power law fits better",
            "p_value": "float, of that ratio if both fitted equally",
            "heaps": "float, exponent of the growth of the vocabulary",
            "heaps_low": "float",
            "heaps_high": "float",
            "heaps_from": "int64, tokens of known sequence from which on it is fitted",
            "heaps_to": "int64, tokens of known sequence in all",
            "kendall": "float, tau-b of length in bp and frequency; NaN where lengths are equal",
            "kendall_low": "float",
            "kendall_high": "float",
            "spearman": "float, rho of the same",
            "spearman_low": "float",
            "spearman_high": "float",
            "abbreviation_types": "int64, types seen at least 3 times, at most 20,000 of them",
        },
    ),
    Artefact(
        "vocabulary_growth",
        "lexicon/vocabulary_growth.parquet",
        "parquet",
        {
            "tokenizer": "str",
            "corpus": "'sequence', 'sample' or 'shuffled'",
            "n_tokens": "int64, log-spaced numbers of tokens from the text's beginning, without "
            "those that hold no known base",
            "n_types": "int64, distinct ones among them",
        },
    ),
    Artefact(
        "abbreviation",
        "lexicon/abbreviation.parquet",
        "parquet",
        {
            "tokenizer": "str",
            "corpus": "'sequence', 'sample' or 'shuffled'",
            "length_bp": "int64, mean length of a type, rounded",
            "n_types": "int64, types of that length seen at least 3 times (of at most 20,000)",
            "lower": "float, lower quartile of their frequencies",
            "median": "float",
            "upper": "float",
        },
    ),
    Artefact(
        "vocabulary",
        "lexicon/vocabulary.parquet",
        "parquet",
        {
            "tokenizer": "str, as in rank_frequency but for 'motif'",
            "corpus": "'sequence' or 'shuffled'",
            "token": "str over ACGT, the most frequent lexicon.recovery_tokens",
            "frequency": "int64, in that corpus",
        },
    ),
    Artefact(
        "motif_recovery",
        "lexicon/motif_recovery.parquet",
        "parquet",
        {
            "tokenizer": "str",
            "corpus": "'sequence', 'sample' or 'shuffled'",
            "profile_id": "str",
            "correlation": "float, best over tokens, offsets and strands",
            "token": "str, the sequence that reaches it",
            "offset": "int64, profile column of its first base (of its reverse complement's on "
            "'-'), from 0; may be negative",
            "strand": "'+' or '-'",
            "frequency": "int64, of the token (for motif words, of the word)",
            "word": "int64, number in words; -1 for other tokenizers and controls",
            "n_tokens": "int, tokens that were tried",
        },
        version=2,
    ),
    Artefact(
        "signal",
        "signal.zarr",
        "zarr",
        {
            "<chrom>/<track>/bins": "float32 (n_bins,), mean signal per base of each bin; NaN "
            "where nothing was measured, only of a track with absent 'missing'",
            "<chrom>/<track>/grid": "float32 (ceil(n_bp / 16),), mean per base of each 16 bp; NaN "
            "likewise",
            "attrs": "tracks: {name: {label, short_label, unit, target}}, and absent 'missing' "
            "where set",
        },
    ),
    Artefact(
        "transcripts",
        "annotation/transcripts.parquet",
        "parquet",
        {
            "chrom": "str",
            "start": "int64",
            "end": "int64",
            "name": "str, accession",
            "gene": "str, symbol ('' when none is known)",
            "strand": "'+' or '-'",
            "thick_start": "int64",
            "thick_end": "int64",
            "exon_starts": "list of int64, absolute",
            "exon_ends": "list of int64, absolute",
        },
    ),
    Artefact(
        "genes",
        "annotation/genes.parquet",
        "parquet",
        {"gene": "str", "chrom": "str", "start": "int64", "end": "int64", "strand": "str"},
    ),
    Artefact(
        "intervals",
        "annotation/intervals.parquet",
        "parquet",
        {
            "kind": "'cpg_island' or 'cytoband'",
            "chrom": "str",
            "start": "int64",
            "end": "int64",
            "name": "str (band name; CpG count)",
            "stain": "str, cytobands only: gneg, gpos25 .. gpos100, acen, gvar, stalk",
        },
    ),
    Artefact(
        "peaks",
        "annotation/peaks.parquet",
        "parquet",
        {
            "target": "str, e.g. CTCF or DNase-seq",
            "set": "str, file the peak comes from",
            "chrom": "str",
            "start": "int64",
            "end": "int64",
            "summit": "int64, absolute; middle when the file gives none",
            "signal": "float, narrowPeak column 7",
        },
    ),
    Artefact(
        "repeats",
        "annotation/repeats.parquet",
        "parquet",
        {
            "chrom": "str",
            "start": "int64",
            "end": "int64",
            "name": "str, of the repeat",
            "family": "str, class/family as RepeatMasker words it; '' when not given",
        },
    ),
    Artefact(
        "points",
        "embedding/points.parquet",
        "parquet",
        {
            "point": "int, row number in every embedding artefact",
            "chrom": "str",
            "bin": "int64, index into the chromosome's bins",
            "start": "int64",
            "end": "int64",
            "word": "int32",
            "frequency": "int64, of the word in the run",
            "gc": "float 0-1, of the bin's known bases",
            "is_fitted": "bool, the map was fitted to it; else it was placed afterwards",
        },
        version=2,
    ),
    Artefact(
        "layouts",
        "embedding/layouts.zarr",
        "zarr",
        {
            "pca": "float32 (n_points, n_components), unscaled scores",
            "umap": "float32 (n_points, 2)",
            "tsne": "float32 (n_points, 2)",
            "pca_mean": "float32 (n_clusters,)",
            "pca_axes": "float32 (n_components, n_clusters)",
            "attrs": "explained_variance_ratio list, n_candidates int, min_frequency int, "
            "max_frequency int, sampling 'uniform' or 'stratified', word_cap int (most fitted "
            "points of one word; 0 when uniform)",
        },
        version=2,
    ),
    Artefact(
        "neighbors",
        "embedding/neighbors.zarr",
        "zarr",
        {
            "node": "int32 (n_points,), points of the very same token share a node; -1 for a "
            "placed point that equals no fitted one",
            "first": "int32 (n_nodes,), the fitted point that stands for each node, rising",
            "nodes": "int32 (n_nodes, n_neighbors), nearest nodes by cosine distance of the "
            "standardized components, nearest first, without the node itself",
            "placed": "int32 (n_placed, n_near), nearest nodes of each placed point",
            "attrs": "metric 'cosine', method 'exact'",
        },
    ),
    Artefact(
        "layout_quality",
        "embedding/layout_quality.zarr",
        "zarr",
        {
            "pca_preservation, umap_preservation, tsne_preservation": "float32 (n_points,), share "
            "0-1 of the k nearest tokens in the components that are among the k nearest in the "
            "layout; for a placed point, of the k nearest fitted ones",
            "pca_trustworthiness, umap_trustworthiness, tsne_trustworthiness": "float32 "
            "(n_points,), 0-1, see precompute/embedding/quality.py",
            "attrs": "k int, n_reference int (tokens that far ranks are counted among), summary: "
            "means over the different tokens of the map, and over the placed ones",
        },
    ),
    Artefact(
        "communities",
        "embedding/communities.parquet",
        "parquet",
        {
            "point": "int",
            "megacluster": "int16, 0 is the largest",
            "subcluster": "int16, unique over all megaclusters",
        },
    ),
    Artefact(
        "community_stability",
        "embedding/community_stability.parquet",
        "parquet",
        {
            "level": "'mega' or 'sub'",
            "community": "int",
            "adjusted_rand": "float, mean adjusted Rand index over all pairs of the Louvain runs "
            "(different seeds) that the community comes from",
            "overlap": "float 0-1, mean over the other runs of its best Jaccard overlap",
        },
    ),
    Artefact(
        "community_table",
        "embedding/community_table.parquet",
        "parquet",
        {
            "level": "'mega' or 'sub'",
            "community": "int",
            "parent": "int, megacluster of a subcluster; -1 for a megacluster",
            "n_points": "int",
            "label": "str, its most enriched motif cluster",
            "q_value": "float, of that cluster",
        },
    ),
    Artefact(
        "enrichment",
        "embedding/enrichment.parquet",
        "parquet",
        {
            "level": "'mega' or 'sub'",
            "community": "int",
            "cluster": "int, motif cluster",
            "mean_in": "float",
            "mean_out": "float",
            "log2_ratio": "float, of the means, with a pseudo-value",
            "auc": "float 0-1, probability that a member exceeds a non-member",
            "p_value": "float, Mann-Whitney, two-sided",
            "q_value": "float, Benjamini-Hochberg within the community",
        },
    ),
    Artefact(
        "bin_communities",
        "embedding/bin_communities.zarr",
        "zarr",
        {
            "<chrom>/megacluster": "int16 (n_bins,), nearest for bins not on the map; "
            "-1 for a bin with no motif",
            "<chrom>/subcluster": "int16 (n_bins,), likewise",
            "attrs": "agreement float: share of map points whose nearest is their own megacluster",
        },
    ),
    Artefact(
        "lexicon",
        "lexicon/lexicon.parquet",
        "parquet",
        {
            "word": "int32, row number, as in words",
            "rank": "int32, word + 1",
            "frequency": "int64, bins with this word (its places)",
            "n_clusters": "int16, motif clusters in the word",
            "mean_length_bp": "float, over the places",
            "min_length_bp": "int32",
            "max_length_bp": "int32",
            "gc": "float 0-1, of the known bases of all places; missing when none is known",
            "signal_<track>": "float, mean over the places of the bin's mean signal per base",
            "in_repeats": "float 0-1, share of the places with at least half of their bases in a "
            "repeat; this and the four below are missing when the annotation is not given",
            "in_cpg_islands": "float 0-1",
            "in_promoters": "float 0-1, annotation.promoter_upstream_bp before to "
            "promoter_downstream_bp after a transcript's start, along its strand",
            "in_exons": "float 0-1",
            "in_peaks": "float 0-1, of any peak set of the run",
            "megacluster": "int16, of most of the places, -1 for none",
            "chrom": "str, of the first place in the order of the run",
            "start": "int64, of the first place",
            "end": "int64",
        },
    ),
    Artefact(
        "cluster_words",
        "lexicon/cluster_words.zarr",
        "zarr",
        {
            "indptr": "int64 (n_clusters + 1,), where each motif cluster begins in words",
            "words": "int32 (nnz,), words that hold the motif cluster, rising",
        },
    ),
    Artefact(
        "explorer",
        "explorer.h5ad",
        "h5ad",
        {
            "X": "CSR float32 (n_points, n_clusters), cluster values",
            "obs": "chrom, start, end, word, frequency, gc, megacluster, subcluster, <track>",
            "var": "label, n_features, tfs; index is the cluster label",
            "obsm": "X_pca, X_umap, X_tsne",
        },
    ),
]

for _encoding, _positions in (("tokens", "bins"), ("onehot", "16 bp")):
    _ALL += [
        Artefact(
            f"model_{_encoding}",
            f"models/{_encoding}",
            "folder",
            {
                "weights.safetensors": "parameters and batch-norm statistics, float32",
                "last.safetensors": "the same after the last epoch",
                "model.json": "kind, version, name, encoding, tracks, architecture, scalings, "
                "features, feature_cluster, cluster_names, tokenization, split, seed, parameters, "
                "receptive field, best epoch, hardware",
                "curves.parquet": "epoch, train_loss, validation_loss, validation_r, "
                "learning_rate, seconds",
            },
        ),
        Artefact(
            f"predictions_{_encoding}",
            f"predictions/{_encoding}",
            "folder",
            {
                "<track>.bw": f"predicted mean signal per base, one value per {_positions}",
                "metrics.parquet": "track, set (train/validation/test), resolution_bp (0 = the "
                "model's own), n int, r, spearman, windows int, window_r_median",
                "windows.parquet": "track, set, chrom, start, end, r (16 bp), observed_mean",
            },
        ),
    ]
_ALL += [
    Artefact(
        "predictions_shipped",
        "predictions/shipped",
        "folder",
        {
            "<model>/<track>.bw": "predicted mean signal per base of a shipped model that fits the "
            "run, one value per bin or per 16 bp; no folder where none fits",
        },
    ),
    Artefact(
        "attributions_tokens",
        "attributions/tokens.zarr",
        "zarr",
        {
            "<chrom>/indptr": "int64 (n_bins + 1,)",
            "<chrom>/indices": "uint16 (nnz,), motif cluster present in the bin",
            "<chrom>/values": "float32 (nnz,), DeepLIFT contribution to the summed prediction; NaN "
            "where it was left out (see attrs)",
            "<chrom>/absent": "float32 (n_bins,), summed contribution of clusters not in the bin "
            "(not zero when the baseline is a background average)",
            "<chrom>/tile_edges": "int64 (n_tiles + 1,), bin indices of the target tiles",
            "<chrom>/tile_prediction": "float64 (n_tiles,), the target: see attrs",
            "<chrom>/tile_baseline": "float64 (n_tiles,), the same for the baseline input",
            "<chrom>/tile_error": "float64 (n_tiles,), |sum of attributions - (f(x) - f(b))| / "
            "max(1, |f(x) - f(b)|)",
            "attrs": "track, baseline, target (sentence), mean_abs per cluster list; peaks and "
            "flank_bp where only peaks were explained",
        },
    ),
    Artefact(
        "attributions_onehot",
        "attributions/onehot.zarr",
        "zarr",
        {
            "<chrom>/values": "float32 (n_bp,), contribution of the base that is there; NaN where "
            "it was left out",
            "<chrom>/tile_edges": "int64 (n_tiles + 1,), 16-bp cells",
            "<chrom>/tile_prediction": "float64 (n_tiles,)",
            "<chrom>/tile_baseline": "float64 (n_tiles,)",
            "<chrom>/tile_error": "float64 (n_tiles,)",
            "attrs": "track, baseline, target (sentence); peaks and flank_bp likewise",
        },
    ),
]

_ALL += [
    Artefact(
        "window_index",
        "effects/windows.zarr",
        "zarr",
        {
            "<chrom>/first_bin": "int64 (n_windows + 1,), first bin of each window; a bin belongs "
            "to the window in which it begins",
            "<chrom>/indptr": "int64 (n_windows + 1,)",
            "<chrom>/indices": "uint16 (nnz,), motif cluster of the window, rising",
            "<chrom>/values": "float32 (nnz,), its weight; a window's weights have length 1",
            "attrs": "window_bp int (the last window of a chromosome may be shorter), threshold "
            "float (of words), most_clusters int, n_windows int (that hold any motif), holders: "
            "windows that hold each motif cluster",
        },
        is_optional=True,
    ),
    Artefact(
        "effects",
        "effects/clusters.parquet",
        "parquet",
        {
            "cluster": "int, row number",
            "bins": "int, explained bins that hold any of the cluster",
            "mean": "float, contribution to the summed prediction where it is; NaN: it is nowhere",
            "mean_low": "float, 95 % interval, delete-one jackknife over stretches of the run; "
            "NaN where fewer than two hold it",
            "mean_high": "float",
            "mean_abs": "float, absolute contribution where it is",
            "total": "float, summed contribution",
            "same_sign": "float 0-1, share of its bins in which the contribution has the sign of "
            "the mean",
        },
        is_optional=True,
    ),
]

_ALL += [
    Artefact(
        "interactions",
        "effects/interactions.parquet",
        "parquet",
        {
            "first": "int, motif cluster",
            "second": "int, motif cluster, at least first",
            "windows": "int, active windows in which both occur within the largest distance",
            "sites": "int, windows that were tested, one site in each",
            "overlapping": "float 0-1, share of the sites whose two occurrences share a bin",
            "distance_bp": "float, median distance of the centres",
            "change_first": "float, mean log2 change of the window's signal without first",
            "change_second": "float, the same without second",
            "change_both": "float, the same without both",
            "interaction": "float, mean of change_both - change_first - change_second",
            "interaction_low": "float, 95 % bootstrap interval over sites",
            "interaction_high": "float",
            "p_value": "float 0-1, Wilcoxon signed-rank, two-sided",
            "q_value": "float 0-1, Benjamini-Hochberg over the pairs",
            "interaction_linear": "float, the same on the linear scale, in the track's unit",
            "interaction_linear_low": "float",
            "interaction_linear_high": "float",
        },
        is_optional=True,
    ),
    Artefact(
        "interaction_sites",
        "effects/interaction_sites.parquet",
        "parquet",
        {
            "first": "int, motif cluster",
            "second": "int, motif cluster, at least first",
            "chrom": "str",
            "start": "int, bp, of both occurrences together",
            "end": "int",
            "first_start": "int, bp, bins that hold the occurrence of first",
            "first_end": "int",
            "second_start": "int",
            "second_end": "int",
            "distance_bp": "float, between the centres",
            "window_start": "int, bp, of the window whose signal is predicted",
            "window_end": "int",
            "predicted": "float, mean signal per base of the window, in the track's unit",
            "without_first": "float, the same with the occurrence of first knocked out",
            "without_second": "float",
            "without_both": "float",
        },
        is_optional=True,
    ),
]

_ALL += [
    Artefact(
        "evaluation",
        "evaluation",
        "folder",
        {
            "predictors.parquet": "name, label, kind ('model' or 'baseline'), encoding ('tokens', "
            "'onehot' or ''), is_shipped, about",
            "correlations.parquet": "predictor, track, set, resolution_bp, n, windows, r, r_low, "
            "r_high, spearman, window_r_mean, window_r_median, reason ('' or why a number is "
            "missing)",
            "peak_metrics.parquet": "predictor (or 'truth', the measured track), track, set, "
            "peak_set, n, n_in_peaks, auc, auc_low, auc_high, aupr, aupr_low, aupr_high, mcc, "
            "accuracy, recall, precision, specificity, f1, peak_recall, peak_precision, "
            "n_reference, n_called, sigma_bp, quantile, reason",
            "paired.parquet": "first, second, track, set, windows, difference (mean r per window "
            "of first - second), difference_low, difference_high, p_value, reason",
            "window_scores.parquet": "predictor, track, set, chrom, start, end, r (16 bp), "
            "predicted_mean, observed_mean",
            "rates.parquet": "predictor, track, set, false_positive_rate, recall, precision",
        },
        is_optional=True,
    ),
]

_ALL += [
    Artefact(
        "tf_benchmark",
        "tf_benchmark",
        "folder",
        {
            "factors.parquet": "tf (its ChIP-seq peaks' target), family, profile_ids (joined by "
            "';'), n_peaks, n_hits (in accessible regions, scored by all), n_bound (centre in a "
            "peak of the factor), n_regions, note ('' or why there is no number)",
            "benchmark.parquet": "tf, score ('motif_score', 'predicted', 'deeplift', "
            "'integrated_gradients' or 'input_x_gradient'), model ('' for motif_score), auc (ROC), "
            "auc_low, auc_high, aupr, aupr_low, aupr_high; missing where factors has a note",
            "explained.parquet": "model, label, encoding, is_shipped, track (explained), n_regions "
            "(accessible regions), n_trained_on (of these, inside the model's training regions)",
            "sites.parquet": "site (row number), tf, profile_id, strand, chrom, start, end, "
            "motif_score (relative, 0-1), bound, region (number of the accessible region), "
            "region_start, region_end",
            "site_scores.parquet": "site, model, score, value (attribution in the track's unit per "
            "base of the region; predicted: mean predicted signal of the region)",
        },
        is_optional=True,
    ),
]

ARTEFACTS: dict[str, Artefact] = {artefact.name: artefact for artefact in _ALL}


class RunFolder:
    """A run folder: paths, checked readers and atomic writers for its artefacts.

    Parameters
    ----------
    root : path of the folder, for example ``runs/demo``
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def path(self, name: str) -> Path:
        """Path of an artefact; it need not exist."""
        return self.root / ARTEFACTS[name].path

    def exists(self, name: str) -> bool:
        """Whether the artefact is there (written whole, since writes are atomic)."""
        return self.path(name).exists()

    # -- readers ---------------------------------------------------------------------------

    def _require(self, name: str) -> Path:
        path = self.path(name)
        if not path.exists():
            raise ArtefactError(
                f"the run {self.root} has no {name} ({ARTEFACTS[name].path}); "
                "run `python -m precompute run CONFIG` to make it"
            )
        return path

    def _check(self, name: str, kind: Any, version: Any) -> None:
        artefact = ARTEFACTS[name]
        if kind != artefact.kind:
            raise ArtefactError(
                f"{self.path(name)} says it is {kind!r}, expected {artefact.kind!r}; "
                "delete it and run the precompute again"
            )
        if not isinstance(version, int) or version > artefact.version:
            raise ArtefactError(
                f"{self.path(name)} has version {version}, this motiflens reads up to "
                f"{artefact.version}; update motiflens or make the run again"
            )

    def table(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Read a Parquet artefact as a data frame.

        Raises
        ------
        ArtefactError
            When it is missing, damaged, or of an unknown kind or version.
        """
        return self.arrow(name, columns).to_pandas()

    def arrow(self, name: str, columns: list[str] | None = None) -> pa.Table:
        """Read a Parquet artefact as an Arrow table, which keeps millions of rows compact.

        Raises
        ------
        ArtefactError
            When it is missing, damaged, or of an unknown kind or version.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._require(name)
        try:
            table = pq.read_table(path, columns=columns)
        except (pa.ArrowInvalid, OSError) as error:
            raise ArtefactError(
                f"{path} cannot be read as Parquet ({type(error).__name__}); delete it and run "
                "the precompute again"
            ) from None
        metadata = table.schema.metadata or {}
        stamp = json.loads(metadata.get(b"motiflens", b"{}"))
        self._check(name, stamp.get("kind"), stamp.get("version"))
        return table

    def group(self, name: str) -> zarr.Group:
        """Open a Zarr artefact read-only.

        Raises
        ------
        ArtefactError
            When it is missing, damaged, or of an unknown kind or version.
        """
        import zarr

        path = self._require(name)
        try:
            group = zarr.open_group(path, mode="r")
        except (FileNotFoundError, ValueError, json.JSONDecodeError) as error:
            raise ArtefactError(
                f"{path} cannot be read as Zarr ({type(error).__name__}); delete it and run the "
                "precompute again"
            ) from None
        self._check(name, group.attrs.get("kind"), group.attrs.get("version"))
        return group

    def folder(self, name: str) -> Path:
        """Path of an existing folder artefact, its stamp checked.

        Raises
        ------
        ArtefactError
            When it is missing, damaged, or of an unknown kind or version.
        """
        path = self._require(name)
        try:
            stamp = json.loads((path / "artefact.json").read_text())
        except (OSError, json.JSONDecodeError):
            raise ArtefactError(
                f"{path} has no readable artefact.json; delete the folder and run the "
                "precompute again"
            ) from None
        self._check(name, stamp.get("kind"), stamp.get("version"))
        return path

    # -- writers ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Yield a temporary path that replaces the artefact when the block ends well.

        For a folder or a Zarr group the path is an empty folder; for a file it does not exist.
        """
        artefact = ARTEFACTS[name]
        final = self.path(name)
        with _disk_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            holder = Path(
                tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".tmp", dir=final.parent)
            )
        try:
            temporary = holder / final.name
            if artefact.format in ("folder", "zarr"):
                temporary.mkdir()
            with _disk_errors(final):
                yield temporary
                if artefact.format == "folder":
                    stamp = {"kind": artefact.kind, "version": artefact.version}
                    (temporary / "artefact.json").write_text(json.dumps(stamp) + "\n")
                if final.is_dir():
                    # A folder cannot be replaced in one step: move the old one aside first.
                    os.rename(final, holder / "old")
                os.replace(temporary, final)
        finally:
            shutil.rmtree(holder, ignore_errors=True)

    @contextlib.contextmanager
    def writing_group(self, name: str, **attributes: Any) -> Iterator[zarr.Group]:
        """Yield a writable Zarr group, stamped, that replaces the artefact in the end."""
        import zarr

        artefact = ARTEFACTS[name]
        with self.writing(name) as path:
            group = zarr.open_group(path, mode="w", zarr_format=3)
            group.attrs.update(
                {"kind": artefact.kind, "version": artefact.version, **attributes}
            )
            yield group

    @contextlib.contextmanager
    def writing_table(
        self, name: str, schema: pa.Schema, **options: Any
    ) -> Iterator[pq.ParquetWriter]:
        """Yield a writer of row groups, stamped; in the end they replace the Parquet artefact.

        ``options`` are those of ``pyarrow.parquet.ParquetWriter``.
        """
        import pyarrow.parquet as pq

        artefact = ARTEFACTS[name]
        stamp = {"kind": artefact.kind, "version": artefact.version}
        with (
            self.writing(name) as path,
            pq.ParquetWriter(
                path, schema.with_metadata({"motiflens": json.dumps(stamp)}), compression="zstd",
                **options,
            ) as writer,
        ):
            yield writer

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Write a data frame as the Parquet artefact ``name``, zstd-compressed and stamped."""
        artefact = ARTEFACTS[name]
        with self.writing(name) as path:
            write_parquet(path, frame, artefact.kind, artefact.version)


def write_parquet(path: Path, frame: pd.DataFrame, kind: str, version: int) -> None:
    """Write a stamped Parquet file (also used inside folder artefacts)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    stamp = {b"motiflens": json.dumps({"kind": kind, "version": version}).encode()}
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), **stamp})
    pq.write_table(table, path, compression="zstd")


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file that lies inside a folder artefact.

    Raises
    ------
    ArtefactError
        When it is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path).to_pandas()
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(
            f"{path} cannot be read as Parquet ({type(error).__name__}); run the precompute again"
        ) from None


@contextlib.contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    import errno

    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            why = "the disk is full; free some space and run again, finished stages are kept"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why = "the folder cannot be written; choose another with --run-dir"
        else:
            raise
        raise RunFolderError(f"cannot write {target}: {why}") from None
