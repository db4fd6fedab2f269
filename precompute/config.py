"""The configuration of a run: strict models loaded from YAML.

Unknown keys are errors. Relative paths are resolved against the configuration file's own folder.
Every field's unit is in its name or its description.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from precompute.config_inputs import GenomeConfig, InputPath, MotifConfig, Name, Strict
from precompute.config_models import ModelsConfig, ShippedConfig
from precompute.errors import ConfigError


class RunSection(Strict):
    name: Name
    seed: int = Field(0, ge=0, lt=2**32)
    workers: int = Field(2, ge=1, le=256, description="threads used by the streaming stages")
    window_bp: int = Field(
        200_000, ge=10_000, description="sequence handled at a time; it changes no result"
    )
    scanner: Literal["cpu", "gpu"] = Field(
        "cpu", description="where motifs are scanned; it changes no result"
    )


class BinConfig(Strict):
    sigma_bp: float = Field(3.0, gt=0, le=50)
    min_peak_width_bp: float = Field(5.0, ge=0)
    max_bin_bp: int = Field(50, ge=2, description="a longer bin is cut")
    cut_every_bp: int = Field(25, ge=1)


class InterdependenceConfig(Strict):
    max_order: int = Field(5, ge=0, le=8, description="highest order of the Hermite functions")
    sample_bins: int = Field(60_000, ge=100, description="bins drawn without replacement")
    exact: bool = Field(
        False, description="score over all bins; the sample still gives the two halves and p-values"
    )
    moments_mb: int = Field(
        1024, ge=16,
        description="moments held at a time by the exact pass; less takes more passes over the "
        "tokens and changes no result",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="auto: cuda where there is one, in float32, to within 1e-5 of cpu"
    )
    permutations: int = Field(
        0, ge=0, le=1_000_000,
        description="random rotations for p-values of the scores in the sample; 0: none",
    )


class ClusterConfig(Strict):
    linkage: Literal["single", "average", "complete"] = "single"
    cut: float = Field(0.38, gt=0, lt=1, description="distance 1 - IDS at which the tree is cut")


class LexiconConfig(Strict):
    threshold: float = Field(0.5, gt=0, description="a cluster is in the word from this value on")
    kmers: list[Annotated[int, Field(ge=1, le=10)]] = Field(
        default=[3, 4, 5, 6, 7, 8], description="k of the overlapping k-mers"
    )
    kmers_apart: list[Annotated[int, Field(ge=1, le=10)]] = Field(
        default=[3, 4, 5, 6, 7, 8], description="k of the k-mers side by side"
    )
    one_hot: bool = Field(True, description="compare with single bases too")
    bpe_words: list[Annotated[int, Field(ge=5)]] = Field(default=[600, 4096])
    bpe_corpus_bp: int = Field(4_000_000, ge=1_000, description="sequence that BPE is trained on")
    bpe_file: InputPath | None = Field(
        None, description="tokenizer.json of a pre-trained tokenizer to compare with"
    )
    shuffle_block_bp: int = Field(
        10_000, ge=100,
        description="block of the dinucleotide-preserving shuffle, every tokenizer's control",
    )
    control_bp: int = Field(
        2_000_000, ge=1_000, description="sequence whose shuffle is scanned for the words' control"
    )
    bootstrap: int = Field(200, ge=0, le=10_000, description="resamples for intervals; 0: none")
    recovery_tokens: int = Field(4096, ge=1, description="tokens per tokenizer in motif coverage")


class EmbeddingConfig(Strict):
    min_frequency: int = Field(500, ge=1, description="of the bin's word in the run")
    max_frequency: int = Field(1_000_000, ge=1)
    max_points: int = Field(20_000, ge=10, description="tokens that the map is fitted to")
    sampling: Literal["uniform", "stratified"] = Field(
        "uniform",
        description="uniform over bins, or stratified: every word alike, up to a common cap",
    )
    placed_points: int = Field(
        0, ge=0, description="further tokens, placed on the fitted map by their neighbours"
    )
    pca_components: int = Field(180, ge=2)
    graph_neighbors: int = Field(
        320, ge=2,
        description="neighbours found per token, once, for layouts and communities alike",
    )
    umap_neighbors: int = Field(30, ge=2)
    umap_min_dist: float = Field(0.1, ge=0, le=1)
    tsne_perplexity: float = Field(30.0, gt=1)
    quality_neighbors: int = Field(30, ge=1, description="k of neighbourhood preservation")


class CommunityConfig(Strict):
    method: Literal["igraph", "python-louvain"] = "igraph"
    mega_neighbors: int = Field(320, ge=2)
    sub_neighbors: int = Field(80, ge=2)
    resolution: float = Field(1.0, gt=0)
    stability_seeds: int = Field(
        5, ge=2, le=100, description="Louvain runs compared by the adjusted Rand index"
    )


class TrackConfig(Strict):
    """A measured signal. ``label`` is what a person reads; it must say what the data is."""

    name: Name
    bigwig: InputPath
    label: str = Field(min_length=3)
    short_label: str = Field(min_length=2, max_length=28)
    unit: str
    target: bool = Field(True, description="the models are trained to predict it")
    absent: Literal["error", "missing"] = Field(
        "error",
        description="a chromosome that the bigWig does not have, or the part of one beyond its "
        "end there: an error, or missing (NaN, not trained on). A gap inside a chromosome is 0",
    )


class PeakSetConfig(Strict):
    folder: InputPath = Field(description="folder of narrowPeak(.gz) files with an INDEX.tsv")
    label: str


class AnnotationConfig(Strict):
    transcripts: InputPath | None = Field(None, description="BED12 transcripts")
    genes: InputPath | None = Field(None, description="BED of gene bounds with symbols")
    cpg_islands: InputPath | None = None
    cytobands: InputPath | None = None
    repeats: InputPath | None = Field(
        None, description="RepeatMasker .out, UCSC rmsk.txt or BED, plain or gzip"
    )
    promoter_upstream_bp: int = Field(
        1000, ge=0, description="a promoter begins this far before a transcript's start"
    )
    promoter_downstream_bp: int = Field(
        100, ge=1, description="and ends this far after it, along the strand"
    )
    peaks: PeakSetConfig | None = None


class AttributionConfig(Strict):
    baseline: Literal["background", "zero"] = "background"
    track: Name | None = Field(None, description="explained track; null: the first target")
    tile_bins: int = Field(1000, ge=64, description="target bins of one tile; changes no result")
    peaks: list[str] = Field(
        default=[], description="explain only what lies around these of the annotation's peaks "
        "(targets or sets), the rest is NaN; empty: the whole run"
    )
    flank_bp: int = Field(
        1000, ge=0, le=1_000_000, description="explained on either side of a peak, bp"
    )


class EffectsConfig(Strict):
    stretches: int = Field(
        100, ge=2, le=10_000,
        description="equal stretches of the run, left out one at a time for 95 % intervals",
    )


class InteractionConfig(Strict):
    windows: int = Field(
        600, ge=1, le=100_000, description="windows of the highest observed signal that are used"
    )
    window_bp: int = Field(500, ge=32, le=10_000, description="whose mean prediction is the target")
    clusters: int = Field(
        24, ge=1, le=500, description="motif clusters of the largest summed contribution"
    )
    pairs: int = Field(300, ge=1, le=50_000, description="pairs that are tested at most")
    sites: int = Field(50, ge=2, le=10_000, description="windows per pair, one site in each")
    min_sites: int = Field(10, ge=2, description="a pair that meets in fewer windows is left out")
    min_occupancy: float = Field(
        0.5, gt=0, description="of an occurrence: summed over the consecutive bins that hold it"
    )
    max_distance_bp: float = Field(150.0, gt=0, description="between centres of two occurrences")
    bootstrap: int = Field(1000, ge=20, le=100_000, description="resamples of sites for intervals")
    pseudo_share: float = Field(
        0.1, gt=0, description="pseudo-value of the logarithms, share of the track's mean signal"
    )


class WindowIndexConfig(Strict):
    window_bp: int = Field(2_000, ge=200, le=100_000, description="windows that are compared")
    most_clusters: int = Field(
        64, ge=4, le=1_000, description="motif clusters that a window is described by at most"
    )


class EvaluationConfig(Strict):
    peaks: dict[Name, str] = Field(
        default={}, description="reference peaks of a track: a target or set of the annotation's "
        "peaks"
    )
    bootstrap: int = Field(
        500, ge=20, le=10_000, description="resamples of windows for 95 % intervals"
    )
    train_windows: int = Field(
        2_000, ge=1, description="evenly spaced windows of the training set that are looked at"
    )
    baseline_bins: int = Field(
        100_000, ge=100, description="training bins that the linear baselines are fitted to"
    )


class TfBenchmarkConfig(Strict):
    accessible: str = Field(
        "DNase-seq", description="peaks of the annotation that say where chromatin is accessible"
    )
    factors: list[str] | None = Field(
        None, description="null: all that have ChIP-seq peaks and a motif profile"
    )
    models: list[str] | None = Field(
        None, description="names of models; null: all that can be used with the run"
    )
    track: Name | None = Field(
        None, description="explained track; null: each model's first. Models that do not predict "
        "it are left out"
    )
    max_regions: int = Field(
        20_000, ge=1, description="accessible regions, at most; more are drawn from"
    )
    min_hits: int = Field(5, ge=1, description="bound and other hits that a factor needs")
    bootstrap: int = Field(
        200, ge=20, le=10_000, description="resamples of regions for 95 % intervals"
    )


class Config(Strict):
    """The whole configuration of a run; see ``configs/demo.yaml`` for a commented example."""

    run: RunSection
    genome: GenomeConfig
    motifs: MotifConfig
    bins: BinConfig = BinConfig()
    interdependence: InterdependenceConfig = InterdependenceConfig()
    motif_clusters: ClusterConfig = ClusterConfig()
    lexicon: LexiconConfig = LexiconConfig()
    embedding: EmbeddingConfig = EmbeddingConfig()
    communities: CommunityConfig = CommunityConfig()
    tracks: list[TrackConfig] = Field(min_length=1)
    annotation: AnnotationConfig = AnnotationConfig()
    models: ModelsConfig
    shipped: ShippedConfig = ShippedConfig()
    attributions: AttributionConfig = AttributionConfig()
    window_index: WindowIndexConfig = WindowIndexConfig()
    effects: EffectsConfig = EffectsConfig()
    interactions: InteractionConfig = InteractionConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    tf_benchmark: TfBenchmarkConfig = TfBenchmarkConfig()

    @model_validator(mode="after")
    def _targets(self) -> Config:
        if not any(track.target for track in self.tracks):
            raise ValueError("no track has target: true; the models need at least one")
        names = [track.name for track in self.tracks]
        if len(set(names)) != len(names):
            raise ValueError("two tracks share a name")
        for track in self.evaluation.peaks:
            if track not in names:
                raise ValueError(
                    f"evaluation.peaks names the track {track!r}, and the tracks are "
                    f"{', '.join(names)}; correct the name"
                )
        wanted = self.tf_benchmark.track
        if wanted is not None and wanted not in names:
            raise ValueError(
                f"tf_benchmark.track names the track {wanted!r}, and the tracks are "
                f"{', '.join(names)}; correct the name"
            )
        return self

    @model_validator(mode="after")
    def _graph(self) -> Config:
        wanted, found = self.communities.mega_neighbors, self.embedding.graph_neighbors
        if wanted > found:
            raise ValueError(
                f"communities.mega_neighbors is {wanted:,} and embedding.graph_neighbors finds "
                f"{found:,} neighbours only; raise embedding.graph_neighbors to {wanted:,}"
            )
        return self

    def digest(self, *sections: str) -> str:
        """Hex digest of the named sections, for the manifest; input paths are not in it."""
        data = self.model_dump(mode="json", include=set(sections))
        return hashlib.sha256(json.dumps(_no_paths(data), sort_keys=True).encode()).hexdigest()


_PATH_KEYS = frozenset(
    {
        "fasta", "bed", "aliases", "profiles", "bigbed", "bigwig", "folder", "transcripts",
        "genes", "cpg_islands", "cytobands", "repeats", "bpe_file", "blacklist",
    }
)


def _no_paths(value: Any) -> Any:
    # The content of an input is hashed by the manifest; where it lies must not change a result.
    if isinstance(value, dict):
        return {k: _no_paths(v) for k, v in value.items() if k not in _PATH_KEYS}
    if isinstance(value, list):
        return [_no_paths(v) for v in value]
    return value


def load_config(path: str | Path) -> Config:
    """Read and check a YAML configuration.

    Raises
    ------
    ConfigError
        When the file is missing, is not YAML, or a key or value is not allowed.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the configuration {path}: {getattr(error, 'strerror', error)}; "
            "give the path of a YAML file such as configs/demo.yaml"
        ) from None
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{path} is not valid YAML{where}; correct it and run again"
        ) from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds {type(data).__name__}, expected sections such as genome:")
    return parse_config(data, base=path.parent, source=str(path))


def parse_config(data: dict[str, Any], base: Path | None, source: str) -> Config:
    """Check a configuration given as a mapping; ``base`` resolves relative paths."""
    try:
        return Config.model_validate(data, context={"base": base})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"{source}: unknown key {where!r}; remove it or see "
                "`python -m precompute show-config` for the keys that exist"
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        got = first.get("input")
        shown = f" (got {got!r})" if isinstance(got, str | int | float | bool) else ""
        raise ConfigError(f"{source}: {where}: {message}{shown}") from None


def describe_keys(model: type[BaseModel] = Config, depth: int = 0) -> Iterator[str]:
    """Lines that list every key with its default and its meaning, sections within sections.

    A key that holds a section, or a list of them, is followed by that section's keys.
    """
    for key, field in model.model_fields.items():
        nested = list(_models_in(field.annotation))
        if nested and (depth == 0 or not (field.is_required() or field.default is None)):
            value = ""
        elif field.is_required():
            value = "required"
        else:
            value = json.dumps(field.get_default(call_default_factory=True), default=str)
        about = f"  # {field.description}" if field.description else ""
        yield f"{'  ' * depth}{key}: {value}".rstrip() + about
        for part in nested:
            yield from describe_keys(part, depth + 1)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Sections in a key's type, through lists and alternatives."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
