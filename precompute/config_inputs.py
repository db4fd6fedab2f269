"""The configuration of a run's inputs: sequence, motif profiles, ready hits.

:mod:`precompute.config` puts all sections together and loads them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)


def _resolve(path: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("base")
    return path if path.is_absolute() or base is None else (Path(base) / path).resolve()


InputPath = Annotated[Path, AfterValidator(_resolve)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Strict(BaseModel):
    """Base of all configuration models: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Region(Strict):
    """A 0-based half-open stretch of one chromosome. ``end: null`` means the chromosome's end."""

    chrom: str
    start: int = Field(0, ge=0)
    end: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _forwards(self) -> Region:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"region {self.chrom}:{self.start}-{self.end} ends before it starts")
        return self


class GenomeConfig(Strict):
    """The sequence: either ``regions``, or whole chromosomes through ``include``."""

    fasta: InputPath = Field(
        description="FASTA (plain, gzip, bgzip) or UCSC 2bit, told apart by content; a .fai beside "
        "a FASTA is used, and made when missing"
    )
    assembly: str = Field(
        description="name of the assembly, for example hg19; shown in the app, and decides which "
        "accessions (NC_000020.10) stand for which chromosome"
    )
    regions: list[Region] = Field(
        default=[], description="one region per chromosome, 0-based half-open; or give include"
    )
    include: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[],
        description="instead of regions: names or shell patterns (chr[0-9]*) of chromosomes to "
        "take whole, in the order of the FASTA",
    )
    exclude: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[], description="names or shell patterns to leave out of what include matches"
    )
    bed: InputPath | None = Field(
        None,
        description="BED of stretches to tokenize, 0-based half-open; bases outside count as "
        "unknown (N), coordinates stay, and bins are those of the masked sequence",
    )
    aliases: InputPath | None = Field(
        None,
        description="UCSC chromAlias.txt, for names that differ between files by more than chr, "
        "case or a human or mouse accession",
    )

    @model_validator(mode="after")
    def _one_region_each(self) -> GenomeConfig:
        if bool(self.regions) == bool(self.include):
            got = "both" if self.regions else "neither"
            raise ValueError(f"give either regions or include, got {got}")
        if self.exclude and not self.include:
            raise ValueError("exclude goes with include; leave a region out of regions instead")
        names = [region.chrom for region in self.regions]
        if len(set(names)) != len(names):
            raise ValueError("a chromosome is listed twice; give one region per chromosome")
        return self


class JasparConfig(Strict):
    """Profiles by name from the JASPAR database (package pyjaspar)."""

    release: Literal[
        "JASPAR2014", "JASPAR2016", "JASPAR2018", "JASPAR2020", "JASPAR2022", "JASPAR2024",
        "JASPAR2026",
    ] = Field(description="JASPAR release")
    collection: str = Field("CORE", description="JASPAR collection, CORE or UNVALIDATED")
    tax_groups: tuple[str, ...] = Field(
        default=("vertebrates",), min_length=1,
        description="taxonomic groups, for example vertebrates, plants, insects, fungi",
    )
    all_versions: bool = Field(False, description="every version, not just each profile's latest")


class HitsConfig(Strict):
    """Ready motif hits, instead of scanning. The profiles are read all the same."""

    folder: InputPath | None = Field(
        None,
        description="folder of JASPAR's <profile id>.tsv(.gz): chrom, start, end, TF, relative "
        "score x 1000, -log10 p x 100, strand; 0-based half-open",
    )
    bigbed: InputPath | None = Field(
        None, description="UCSC JASPAR bigBed; its score is -log10 p x 100, at most 1000"
    )
    min_relative_score_x1000: int | None = Field(
        None, ge=0, le=1000,
        description="least column 5 of the folder's files (800: relative score 0.80); null: all",
    )
    min_minus_log10_p_x100: int | None = Field(
        None, ge=0, le=10_000,
        description="least column 6 of the folder's files, or score of the bigBed (131: p < 0.05, "
        "400: p <= 1e-4); null: all",
    )
    ignore_unknown: bool = Field(
        False, description="pass over hits of profiles that the run does not have"
    )

    @model_validator(mode="after")
    def _one_source(self) -> HitsConfig:
        if (self.folder is None) == (self.bigbed is None):
            got = "both" if self.folder else "neither"
            raise ValueError(f"give either folder or bigbed, got {got}")
        if self.bigbed and self.min_relative_score_x1000 is not None:
            raise ValueError(
                "a bigBed holds no relative score; use min_minus_log10_p_x100, the unit of its "
                "score"
            )
        if self.bigbed and (self.min_minus_log10_p_x100 or 0) > 1000:
            raise ValueError("the score of a bigBed ends at 1000 (p <= 1e-10); give at most that")
        return self


class MotifConfig(Strict):
    """The motif profiles, from a file or by name, and what counts as a hit."""

    profiles: InputPath | None = Field(
        None,
        description="profiles: JASPAR (matrices or raw), MEME, or a folder or zip of such files; "
        "or give jaspar",
    )
    jaspar: JasparConfig | None = Field(
        None, description="instead of profiles: by name, needs the package pyjaspar"
    )
    release: str = Field(description="what the profiles are, shown in the app")
    min_relative_score: float = Field(
        0.80, gt=0, le=1, description="(score - min) / (max - min) from which a site is a hit"
    )
    max_p_value: float = Field(
        0.05, gt=0, le=1, description="of a hit's score under a uniform background; exclusive"
    )
    hits: HitsConfig | None = Field(
        None,
        description="ready hits instead of scanning; min_relative_score and max_p_value then "
        "change nothing, the thresholds here do",
    )

    @model_validator(mode="after")
    def _one_source(self) -> MotifConfig:
        if (self.profiles is None) == (self.jaspar is None):
            got = "both" if self.profiles else "neither"
            raise ValueError(f"give either profiles or jaspar, got {got}")
        return self
