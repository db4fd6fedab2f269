"""The contract made executable: what each line of an artefact's schema demands.

``precompute.artefacts`` says in words what every array and column is, and the words begin with a
type and a shape: 'uint16 (n_bp,), ...', 'list of str, unique', "'+' or '-'". They are read here, so
that there is one contract and not two. What the words do not say (attributes, where NaN has a
meaning, bounds) stands in the tables below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from precompute.artefacts import ARTEFACTS, Artefact

_ARRAY = re.compile(r"(?P<types>\w+(?: or \w+)*) \((?P<dims>[^()]*(?:\([^()]*\)[^()]*)*)\)")
_LIKE = re.compile(r"as (?P<other>\w+)\b")
_CHOICES = re.compile(r"'[^']*'(?:(?:, | or )'[^']*')*")
_COLUMN = re.compile(r"(?P<list>list of )?(?P<type>int\d*|float|str|bool)\b(?P<unit>\s+0-1\b)?")


class ArraySpec(NamedTuple):
    """An array: allowed dtypes, the names of its dimensions, e.g. ('n_bins + 1',), and whether it
    is there only under some settings."""

    dtypes: tuple[str, ...]
    dims: tuple[str, ...]
    is_optional: bool = False


class ColumnSpec(NamedTuple):
    """A column: 'int', 'int16', 'float', 'bool' or 'str'; a list of it; allowed strings; 0-1."""

    type: str
    is_list: bool
    choices: tuple[str, ...]
    is_share: bool


def array_spec(text: str) -> ArraySpec | None:
    """Demand of a line such as 'uint8 or uint16 (nnz,), bases'; None when it is no array."""
    match = _ARRAY.match(text)
    if match is None:
        return None
    inner = re.split(r",\s*(?![^()]*\))", match["dims"])
    dims = tuple(part.strip() for part in inner if part.strip())
    return ArraySpec(tuple(match["types"].split(" or ")), dims, "only with" in text)


def column_spec(text: str) -> ColumnSpec:
    """Demand of a line such as 'list of int16, increasing' or "'mega' or 'sub'".

    Raises
    ------
    ValueError
        When the line begins with no type.
    """
    choices = _CHOICES.match(text)
    if choices is not None:
        return ColumnSpec("str", False, tuple(re.findall(r"'([^']*)'", choices[0])), False)
    match = _COLUMN.match(text)
    if match is None:
        raise ValueError(f"the contract's line {text!r} begins with no type")
    return ColumnSpec(match["type"], bool(match["list"]), (), bool(match["unit"]))


def arrays(artefact: Artefact) -> dict[str, ArraySpec]:
    """Arrays of a Zarr artefact by path; '<chrom>' and '<track>' stand in the paths.

    A line may be for several arrays ('half0, half1') and lean on another ('as scores, ...').
    """
    found: dict[str, ArraySpec] = {}
    for paths, text in artefact.schema.items():
        like = _LIKE.match(text)
        spec = found.get(like["other"]) if like else array_spec(text)
        if spec is not None:
            found |= dict.fromkeys(paths.split(", "), spec)
    return found


def columns(artefact: Artefact, tracks: Iterable[str] = ()) -> dict[str, ColumnSpec]:
    """Columns of a Parquet artefact; '<track>' in a name stands for each of ``tracks``."""
    found: dict[str, ColumnSpec] = {}
    for name, text in artefact.schema.items():
        of = [name.replace("<track>", track) for track in tracks] if "<track>" in name else [name]
        found |= dict.fromkeys(of, column_spec(text))
    return found


#: Attributes of each Zarr group: name to type.
ATTRIBUTES: dict[str, dict[str, type | tuple[type, ...]]] = {
    **{
        name: {"chroms": list}
        for name, artefact in ARTEFACTS.items()
        if artefact.format == "zarr" and any(key.startswith("<chrom>") for key in artefact.schema)
    },
    "hits": {"chroms": list, "source": str},
    "interdependence": {
        "exact": bool, "sample_bins": int, "half_bins": int, "max_order": int,
        "permutations": int, "device": str, "method": str, "seed": int,
    },
    "signal": {"chroms": list, "tracks": dict},
    "layouts": {
        "explained_variance_ratio": list, "n_candidates": int, "min_frequency": int,
        "max_frequency": int, "sampling": str, "word_cap": int,
    },
    "neighbors": {"metric": str, "method": str},
    "cluster_words": {},
    "layout_quality": {"k": int, "n_reference": int, "summary": dict},
    "bin_communities": {"chroms": list, "agreement": (int, float)},
    "attributions_tokens": {
        "chroms": list, "track": str, "baseline": str, "target": str, "mean_abs": list,
    },
    "attributions_onehot": {"chroms": list, "track": str, "baseline": str, "target": str},
    "window_index": {
        "chroms": list, "window_bp": int, "threshold": (int, float), "most_clusters": int,
        "n_windows": int, "holders": list,
    },
}

#: Attributes of each chromosome's group.
CHROM_ATTRIBUTES: dict[str, dict[str, type]] = {
    "sequence": {"start": int, "end": int, "length": int},
    "hits": {"start": int, "tile_bp": int, "first_tile": int},
    "depth": {"start": int},
    "tokens": {"n_features": int},
}

#: Columns in which a missing number has a meaning (see the contract's words).
NAN_ALLOWED = {
    "zipf": {"r", "r_low", "r_high", "slope"},
    "laws": {
        "exponent", "exponent_low", "exponent_high", "ks", "ratio", "p_value", "heaps",
        "heaps_low", "heaps_high", "kendall", "kendall_low", "kendall_high", "spearman",
        "spearman_low", "spearman_high",
    },
    "peaks": {"signal"},
    "lexicon": {
        "gc", "in_repeats", "in_cpg_islands", "in_promoters", "in_exons", "in_peaks",
    },
    "effects": {"mean", "mean_low", "mean_high", "mean_abs", "same_sign"},
    "metrics": {"r", "spearman", "window_r_median"},
    "windows": {"r", "observed_mean"},
    "curves": {"validation_r"},
    "correlations": {
        "r", "r_low", "r_high", "spearman", "window_r_mean", "window_r_median",
    },
    "peak_metrics": {
        "auc", "auc_low", "auc_high", "aupr", "aupr_low", "aupr_high", "mcc", "accuracy",
        "recall", "precision", "specificity", "f1", "peak_recall", "peak_precision", "sigma_bp",
        "quantile",
    },
    "paired": {"difference", "difference_low", "difference_high", "p_value"},
    "window_scores": {"r", "predicted_mean", "observed_mean"},
    "benchmark": {"auc", "auc_low", "auc_high", "aupr", "aupr_low", "aupr_high"},
    "site_scores": {"value"},
}

_R = (-1, 1)

#: Inclusive bounds of arrays and columns, by artefact; None is open.
BOUNDS: dict[str, dict[str, tuple[float | None, float | None]]] = {
    "sequence": {"codes": (0, 4)},
    "interdependence": dict.fromkeys(("scores", "half0", "half1", "p_values", "q_values"), (0, 1)),
    "profiles": {"width": (1, None), "n_sites": (0, None)},
    "features": {"width": (1, None)},
    "pfms": {"A": (0, 1), "C": (0, 1), "G": (0, 1), "T": (0, 1), "position": (0, None)},
    "cluster_cuts": {"cut": (0, 1), "n_clusters": (1, None), "n_clusters_without_cpg": (1, None)},
    "words": {"frequency": (1, None)},
    "rank_frequency": {"rank": (1, None), "frequency": (1, None)},
    "control_words": {
        "window": (0, None), "word": (0, None), "n_clusters": (0, None), "known_bp": (0, None),
    },
    "zipf": {
        "n_tokens": (0, None), "n_types": (0, None), **dict.fromkeys(("r", "r_low", "r_high"), _R),
    },
    "laws": {
        "n_tokens": (0, None), "n_types": (0, None), "seen_once": (0, None), "exponent": (1, None),
        "xmin": (0, None), "tail_types": (0, None), "fitted_types": (0, None), "ks": (0, 1),
        "p_value": (0, 1), "kendall": _R, "spearman": _R,
    },
    "vocabulary_growth": {"n_tokens": (1, None), "n_types": (1, None)},
    "abbreviation": {"length_bp": (1, None), "n_types": (1, None), "median": (1, None)},
    "vocabulary": {"frequency": (1, None)},
    "motif_recovery": {
        "correlation": _R, "frequency": (1, None), "word": (-1, None), "n_tokens": (1, None),
    },
    "lexicon": {"frequency": (1, None), "n_clusters": (0, None), "mean_length_bp": (1, None),
                "min_length_bp": (1, None), "max_length_bp": (1, None), "megacluster": (-1, None)},
    "cluster_words": {"words": (0, None)},
    "points": {"bin": (0, None), "frequency": (1, None)},
    "neighbors": {"node": (-1, None), "first": (0, None), "nodes": (0, None),
                  "placed": (0, None)},
    "layout_quality": dict.fromkeys(
        (f"{layout}_{measure}" for layout in ("pca", "umap", "tsne")
         for measure in ("preservation", "trustworthiness")), (0, 1)),
    "communities": {"megacluster": (0, None), "subcluster": (0, None)},
    "community_stability": {"community": (0, None), "adjusted_rand": (-1, 1)},
    "community_table": {"n_points": (1, None), "q_value": (0, 1)},
    "enrichment": {"mean_in": (0, None), "mean_out": (0, None), "p_value": (0, 1),
                   "q_value": (0, 1)},
    "bin_communities": {"megacluster": (-1, None), "subcluster": (-1, None)},
    # DeepLIFT is exact but for rounding; a larger error means that a rule is missing.
    "attributions_tokens": {"tile_error": (0, 1e-3)},
    "attributions_onehot": {"tile_error": (0, 1e-3)},
    "window_index": {"first_bin": (0, None)},
    "effects": {"bins": (0, None), "mean_abs": (0, None)},
    "interactions": {
        "first": (0, None), "second": (0, None), "windows": (1, None), "sites": (1, None),
        "distance_bp": (0, None),
    },
    "interaction_sites": {
        "first": (0, None), "second": (0, None), "distance_bp": (0, None),
        **dict.fromkeys(
            ("predicted", "without_first", "without_second", "without_both"), (0, None)),
    },
    "metrics": {"r": (-1, 1), "spearman": (-1, 1), "window_r_median": (-1, 1), "n": (0, None),
                "windows": (0, None), "resolution_bp": (0, None)},
    "windows": {"r": (-1, 1)},
    "curves": {"validation_r": (-1, 1), "seconds": (0, None)},
    "correlations": {
        **dict.fromkeys(("r", "r_low", "r_high", "spearman", "window_r_mean", "window_r_median"),
                        _R),
        "n": (0, None), "windows": (0, None), "resolution_bp": (1, None),
    },
    "peak_metrics": {
        "n": (0, None), "n_in_peaks": (0, None), "mcc": _R, "n_reference": (0, None),
        "n_called": (0, None), "sigma_bp": (0, None),
        **dict.fromkeys(
            ("auc", "auc_low", "auc_high", "aupr", "aupr_low", "aupr_high", "accuracy", "recall",
             "precision", "specificity", "f1", "peak_recall", "peak_precision", "quantile"),
            (0, 1)),
    },
    "paired": {"windows": (0, None), "difference": (-2, 2), "p_value": (0, 1)},
    "window_scores": {"r": _R},
    "rates": dict.fromkeys(("false_positive_rate", "recall", "precision"), (0, 1)),
    "factors": dict.fromkeys(("n_peaks", "n_hits", "n_bound", "n_regions"), (0, None)),
    "benchmark": dict.fromkeys(
        ("auc", "auc_low", "auc_high", "aupr", "aupr_low", "aupr_high"), (0, 1)),
    "explained": dict.fromkeys(("n_regions", "n_trained_on"), (0, None)),
    "sites": {"motif_score": (0, 1), "start": (0, None)},
    "site_scores": {"site": (0, None)},
}

_SETS = "'train', 'validation' or 'test'"
_SCORES = (
    "'motif_score', 'predicted', 'deeplift', 'integrated_gradients' or 'input_x_gradient'"
)

#: Tables inside folder artefacts: file to columns. Their words in the contract are a list of names.
FOLDER_TABLES: dict[str, dict[str, ColumnSpec]] = {
    name: {column: column_spec(text) for column, text in given.items()}
    for name, given in {
        "curves": {
            "epoch": "int", "train_loss": "float", "validation_loss": "float",
            "validation_r": "float", "learning_rate": "float", "seconds": "float",
        },
        "metrics": {
            "track": "str", "set": "'train', 'validation' or 'test'", "resolution_bp": "int",
            "n": "int", "r": "float", "spearman": "float", "windows": "int",
            "window_r_median": "float",
        },
        "windows": {
            "track": "str", "set": "'train', 'validation' or 'test'", "chrom": "str",
            "start": "int", "end": "int", "r": "float", "observed_mean": "float",
        },
        "predictors": {
            "name": "str", "label": "str", "kind": "'model' or 'baseline'",
            "encoding": "'tokens', 'onehot' or ''", "is_shipped": "bool", "about": "str",
        },
        "correlations": {
            "predictor": "str", "track": "str", "set": _SETS, "resolution_bp": "int", "n": "int",
            "windows": "int", "r": "float", "r_low": "float", "r_high": "float",
            "spearman": "float", "window_r_mean": "float", "window_r_median": "float",
            "reason": "str",
        },
        "peak_metrics": {
            "predictor": "str", "track": "str", "set": _SETS, "peak_set": "str", "n": "int",
            "n_in_peaks": "int", "auc": "float", "auc_low": "float", "auc_high": "float",
            "aupr": "float", "aupr_low": "float", "aupr_high": "float", "mcc": "float",
            "accuracy": "float", "recall": "float", "precision": "float", "specificity": "float",
            "f1": "float", "peak_recall": "float", "peak_precision": "float",
            "n_reference": "int", "n_called": "int", "sigma_bp": "float", "quantile": "float",
            "reason": "str",
        },
        "paired": {
            "first": "str", "second": "str", "track": "str", "set": _SETS, "windows": "int",
            "difference": "float", "difference_low": "float", "difference_high": "float",
            "p_value": "float", "reason": "str",
        },
        "window_scores": {
            "predictor": "str", "track": "str", "set": _SETS, "chrom": "str", "start": "int",
            "end": "int", "r": "float", "predicted_mean": "float", "observed_mean": "float",
        },
        "rates": {
            "predictor": "str", "track": "str", "set": _SETS, "false_positive_rate": "float",
            "recall": "float", "precision": "float",
        },
        "factors": {
            "tf": "str", "family": "str", "profile_ids": "str", "n_peaks": "int",
            "n_hits": "int", "n_bound": "int", "n_regions": "int", "note": "str",
        },
        "benchmark": {
            "tf": "str", "score": _SCORES, "model": "str", "auc": "float", "auc_low": "float",
            "auc_high": "float", "aupr": "float", "aupr_low": "float", "aupr_high": "float",
        },
        "explained": {
            "model": "str", "label": "str", "encoding": "'tokens' or 'onehot'",
            "is_shipped": "bool", "track": "str", "n_regions": "int", "n_trained_on": "int",
        },
        "sites": {
            "site": "int", "tf": "str", "profile_id": "str", "strand": "'+' or '-'",
            "chrom": "str", "start": "int", "end": "int", "motif_score": "float",
            "bound": "bool", "region": "int", "region_start": "int", "region_end": "int",
        },
        "site_scores": {"site": "int", "model": "str", "score": _SCORES, "value": "float"},
    }.items()
}

#: Entries of ``model.json``.
MODEL_CARD: dict[str, Any] = {
    "kind": str, "version": int, "encoding": str, "tracks": list, "architecture": dict,
    "scalings": list, "split": dict, "seed": int, "parameters": int, "best_epoch": int,
    "hardware": str, "name": str, "n_channels": int,
}
