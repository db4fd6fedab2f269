"""What the page What if shows: a small value checked on the server, and its text for links."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from precompute.errors import MotiflensError

#: Most edits, and longest text of one.
MAX_EDITS, MAX_EDIT_TEXT = 50, 2_200
#: How bases are taken away from a one-hot model.
ERASERS = {"shuffle": "dinucleotide shuffle", "n": "N"}


class WhatIfError(MotiflensError):
    """A state of the page that cannot be read, or that the run has not."""


class WhatIf(NamedTuple):
    """A window, a model and edits.

    Attributes
    ----------
    chrom, start, end : window, 0-based half-open
    target : stretch whose signal is summed, (start, end)
    model, track : by name
    edits : texts of :mod:`precompute.what_if.edits`
    eraser : one of :data:`ERASERS`
    """

    chrom: str
    start: int
    end: int
    target: tuple[int, int]
    model: str
    track: str
    edits: tuple[str, ...] = ()
    eraser: str = "shuffle"

    def as_json(self) -> dict[str, Any]:
        """As a store holds it."""
        raw = self._asdict()
        return raw | {"target": list(self.target), "edits": list(self.edits)}


class _Raw(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    chrom: str = Field(max_length=64)
    start: int = Field(ge=0, lt=2**40)
    end: int = Field(gt=0, lt=2**40)
    target: list[int] = Field(min_length=2, max_length=2)
    model: str = Field(max_length=128)
    track: str = Field(max_length=128)
    edits: list[str] = Field(max_length=MAX_EDITS)
    eraser: str = Field(max_length=16)


def parse_what_if(raw: Any, tracks: dict[str, tuple[str, ...]]) -> WhatIf:
    """A store's value; ``tracks`` are those of each model by name.

    Raises
    ------
    WhatIfError
        When it is malformed or names a model or a track that is not there.
    """
    try:
        value = _Raw.model_validate(raw)
    except ValidationError:
        raise WhatIfError(
            "what is to be edited could not be read; go to a place in the genome view and open "
            "What if again"
        ) from None
    if value.model not in tracks:
        raise WhatIfError(
            f"this run has no model {value.model[:40]!r}; choose one from the list"
        )
    if value.track not in tracks[value.model]:
        raise WhatIfError(
            f"the model {value.model} has no track {value.track[:40]!r}; choose one from the list"
        )
    if value.eraser not in ERASERS:
        raise WhatIfError("bases become a dinucleotide shuffle or N; choose one of them")
    if max(map(len, value.edits), default=0) > MAX_EDIT_TEXT:
        raise WhatIfError("one edit may change at most 1,000 bp; write a shorter one")
    return WhatIf(
        value.chrom, value.start, value.end, (value.target[0], value.target[1]), value.model,
        value.track, tuple(value.edits), value.eraser,
    )
