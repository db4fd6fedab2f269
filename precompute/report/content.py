"""The report's content as plain rows: what the page draws and the app shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

KIND = "motiflens.report"
VERSION = 1


@dataclass(frozen=True)
class Comparison:
    """One number of this run beside a published or an earlier one.

    Attributes
    ----------
    key : short name, for links and tests
    name : what it is, with its unit
    value : this run's number; ``text`` is how it is written
    reference : the other number, None when there is none; ``reference_text`` is how it is written
    source : where the reference comes from
    agrees : whether both are equal to within the rounding of the reference; None without one
    is_share : it is a share, so that a difference is in percentage points
    why : sentences, computed from the run's data, that say what the difference comes from
    """

    key: str
    name: str
    value: float
    text: str
    reference: float | None
    reference_text: str
    source: str
    agrees: bool | None
    is_share: bool
    why: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """How it stands to its reference: 'agrees', '+ 0.7 %', '− 0.11 points'."""
        if self.reference is None:
            return ""
        if self.agrees:
            return "agrees"
        change = self.value - self.reference
        sign = "+" if change > 0 else "−"
        if self.is_share:
            size = abs(100 * change)
            return f"{sign} {size:.{1 if size >= 1 else 2}f} points"
        size = abs(100 * change / self.reference)
        return f"{sign} {size:.{1 if size < 100 else 0}f} %"


@dataclass(frozen=True)
class Law:
    """Laws of one tokenizer; a number is None where it is not defined.

    Attributes
    ----------
    tokens, types : of the run's sequence
    r_all, r_seen3 : Pearson r of log rank and log frequency over all types, and over those seen at
        least 3 times, with its 95 % interval ``r_seen3_range``
    r_shuffled : as r_seen3, of the shuffled control
    exponent : of the maximum-likelihood power law of frequencies
    heaps : exponent of vocabulary growth
    kendall : tau-b of length and frequency
    paper_r : the paper's r
    """

    tokenizer: str
    label: str
    tokens: int
    types: int
    r_all: float | None
    r_seen3: float | None
    r_seen3_range: tuple[float, float] | None
    r_shuffled: float | None
    exponent: float | None
    heaps: float | None
    kendall: float | None
    paper_r: float | None


@dataclass(frozen=True)
class Setting:
    """One setting, and whether it is the default."""

    name: str
    value: str
    is_default: bool


@dataclass(frozen=True)
class Input:
    """One input file: what it is for, its name and the SHA-256 of its content."""

    role: str
    name: str
    sha256: str


@dataclass(frozen=True)
class StageCost:
    """What one stage took."""

    name: str
    title: str
    seconds: float
    peak_gb: float
    finished: str


@dataclass(frozen=True)
class Figure:
    """One figure as SVG, with a caption that says what is drawn."""

    key: str
    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    name: str
    region: str
    release: str
    scope: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    laws: tuple[Law, ...]
    law_notes: tuple[str, ...]
    settings: tuple[Setting, ...]
    inputs: tuple[Input, ...]
    stages: tuple[StageCost, ...]
    versions: tuple[tuple[str, str], ...]
    figures: tuple[Figure, ...]
    sources: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The content of ``report.json``, stamped."""
        data = {"kind": KIND, "version": VERSION, **asdict(self)}
        for row, plain in zip(self.comparisons, data["comparisons"], strict=True):
            plain["verdict"] = row.verdict
        return data
