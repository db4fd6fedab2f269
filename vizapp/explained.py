"""Which contributions the genome view shows, as a small value checked on the server.

It has a compact text for links: ``model,model,method,baseline,target,level,track``, where the
target is ``all``, ``centre`` or a region as genome browsers write it.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from precompute.errors import MotiflensError, RegionError
from vizapp.loci import format_locus
from vizapp.state import Region

__all__ = [
    "BASELINES", "LEVELS", "METHODS", "Explained", "ExplainedError", "explained_from_text",
    "explained_text", "parse_explained",
]

#: As the methods of precompute.attribution.engine, and how they are written.
METHODS = {
    "deeplift": "DeepLIFT", "input_x_gradient": "Input x Gradient",
    "integrated_gradients": "Integrated gradients",
}
BASELINES = {
    "background": "background", "zero": "zero", "shuffled": "shuffled",
}
#: What the rows of the heatmap are.
LEVELS = {
    "cluster": "motif cluster", "profile": "profile", "tf": "factor", "family": "factor family",
}

class ExplainedError(MotiflensError):
    """A link or a request names contributions that there are not."""


class Explained(NamedTuple):
    """What is explained, and how.

    Attributes
    ----------
    tokens, onehot : names of a token model and of a one-hot model
    method, baseline : as the engine names them
    target : 'all' positions of the window, its 'centre' (the middle half), or a region
    by : what the rows of the heatmap are
    track : signal whose prediction is explained, where a model predicts it; '' for the stored one
    """

    tokens: str = "tokens"
    onehot: str = "onehot"
    method: str = "deeplift"
    baseline: str = "background"
    target: Literal["all", "centre"] | Region = "all"
    by: str = "cluster"
    track: str = ""

    def as_json(self) -> dict[str, Any]:
        """As a store holds it."""
        target = self.target._asdict() if isinstance(self.target, Region) else self.target
        return {**self._asdict(), "target": target}


class _RawTarget(BaseModel):
    model_config = ConfigDict(extra="forbid")
    chrom: str = Field(max_length=64)
    start: int = Field(strict=True)
    end: int = Field(strict=True)


class _Raw(BaseModel):
    model_config = ConfigDict(extra="forbid")
    tokens: str = Field(max_length=80)
    onehot: str = Field(max_length=80)
    method: str = Field(max_length=40)
    baseline: str = Field(max_length=40)
    target: Literal["all", "centre"] | _RawTarget
    by: str = Field(max_length=20)
    track: str = Field(default="", max_length=200)


def _known(value: str, known: dict[str, Any] | list[str], what: str) -> str:
    if value not in known:
        raise ExplainedError(f"there is no {what} {value[:40]!r}; choose one of {', '.join(known)}")
    return value


def parse_explained(
    raw: Any, models: dict[str, str], chroms: dict[str, tuple[int, int]],
    tracks: Container[str] = (),
) -> Explained:
    """A store's value, with models, regions and the rest as they are.

    Parameters
    ----------
    raw : what a browser sent; None is the default
    models : encoding of each model by name
    chroms : region of each chromosome that the run covers
    tracks : names of the signals that can be explained

    Raises
    ------
    ExplainedError
        When it is malformed, or names what there is not.
    RegionError
        When the target is outside the run.
    """
    if raw is None:
        return Explained()
    try:
        found = _Raw.model_validate(raw)
    except ValidationError:
        raise ExplainedError(
            "the choice of contributions could not be read; choose again above the genome view"
        ) from None
    for encoding, name in (("tokens", found.tokens), ("onehot", found.onehot)):
        fitting = [name for name, of in models.items() if of == encoding]
        _known(name, fitting, "token model" if encoding == "tokens" else "one-hot model")
    if found.track and found.track not in tracks:
        raise ExplainedError(f"there is no predicted signal {found.track[:40]!r}; choose another")
    target: Any = found.target
    if isinstance(target, _RawTarget):
        target = _inside(Region(target.chrom, target.start, target.end), chroms)
    return Explained(
        found.tokens, found.onehot, _known(found.method, METHODS, "attribution method"),
        _known(found.baseline, BASELINES, "attribution baseline"), target,
        _known(found.by, LEVELS, "level of motifs"), found.track,
    )


def _inside(region: Region, chroms: dict[str, tuple[int, int]]) -> Region:
    low, high = chroms.get(region.chrom, (0, 0))
    if not low <= region.start < region.end <= high:
        raise RegionError(
            f"the explained stretch {format_locus(*region)} is not inside the run, which has "
            + ", ".join(format_locus(c, *ends) for c, ends in list(chroms.items())[:3])
            + "; choose one inside"
        )
    return region


def explained_text(choice: Explained) -> str:
    """The choice in a link."""
    target = choice.target
    place = (
        f"{target.chrom}:{target.start + 1}-{target.end}" if isinstance(target, Region) else target
    )
    return ",".join([*map(_quoted, choice[:4]), place, choice.by, _quoted(choice.track)])


def _quoted(name: str) -> str:
    # The separator may be part of a name.
    return quote(name, safe="")


def explained_from_text(text: str) -> dict[str, Any] | None:
    """What a link says, as a store holds it: still to be checked; None for nothing.

    Raises
    ------
    ExplainedError
        When it cannot be read.
    """
    if not text:
        return None
    parts = text[:400].split(",")
    if len(parts) != len(Explained._fields):
        raise ExplainedError(
            f"the link's contributions {text[:40]!r} could not be read; choose them again"
        )
    raw: dict[str, Any] = dict(zip(Explained._fields, map(unquote, parts), strict=True))
    if raw["target"] not in ("all", "centre"):
        chrom, _, ends = raw["target"].rpartition(":")
        first, _, last = ends.partition("-")
        if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
            raise ExplainedError(
                f"the link's explained stretch {raw['target'][:40]!r} could not be read; write it "
                "as chr20:1000-2000"
            )
        raw["target"] = {"chrom": chrom, "start": int(first) - 1, "end": int(last)}
    return raw
