"""What the doctor writes down: findings, notes, and which artefacts a fault already explains."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from precompute.artefacts import ARTEFACTS
from precompute.errors import MotiflensError
from precompute.pipeline import STAGES

KIND = "motiflens.diagnosis"
VERSION = 1

#: What zarr, pyarrow, safetensors, json and numpy raise on a damaged file, and nothing else.
UNREADABLE = (
    MotiflensError, OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError,
    ArithmeticError, MemoryError, BufferError, EOFError,
)

#: Stage that makes each artefact, in the order in which they are made.
PRODUCER = {name: stage.name for stage in STAGES for name in stage.writes}
ORDER = {name: number for number, name in enumerate(PRODUCER)}

_FORMATS = {
    name: {"zarr": "Zarr group", "parquet": "Parquet file", "h5ad": "AnnData file"}.get(
        artefact.format, artefact.format
    )
    for name, artefact in ARTEFACTS.items()
}
_MOST = 240


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes
    ----------
    artefact : name as in the contract, or ``manifest``, ``config``, ``run``
    chrom : chromosome, None when the fault is not one chromosome's
    part : array, column or file inside the artefact; empty when it is the whole
    code : the kind of check: ``missing``, ``unreadable``, ``version``, ``hash``, ``schema``,
        ``values``, ``agreement``, ``recomputed``, ``temporary``
    found, expected, action : parts of the sentence; ``action`` is what to do
    """

    artefact: str
    chrom: str | None
    part: str
    code: str
    found: str
    expected: str
    action: str

    def line(self) -> str:
        """The fault in one line."""
        place = " ".join(word for word in (self.artefact, self.chrom, self.part) if word)
        return f"{place}: {self.found}; expected {self.expected}; {self.action}"


@dataclass(frozen=True)
class Diagnosis:
    """Everything found in a run folder."""

    run: str
    quick: bool
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    artefacts: int
    bytes_hashed: int

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong; notes are no faults."""
        return not self.findings

    def stages(self) -> list[str]:
        """Stages to run again, in their order."""
        bad = {PRODUCER[f.artefact] for f in self.findings if f.artefact in PRODUCER}
        return [stage.name for stage in STAGES if stage.name in bad]

    def summary(self) -> str:
        """One sentence."""
        depth = "read" if self.quick else "hashed and read"
        seen = f"{self.artefacts} artefacts {depth}"
        if self.is_healthy:
            return f"{self.run} is healthy: {seen}, no fault"
        n = len(self.findings)
        return f"{self.run} has {n} fault{'s' * (n > 1)}: {seen}"

    def repair(self) -> list[str]:
        """Commands that make the faulty artefacts and what follows from them again."""
        config, place = f"{self.run}/config.json", f"--run-dir {self.run}"
        commands = [
            f"python -m precompute stage {name} {config} {place} --force" for name in self.stages()
        ]
        return [*commands, f"python -m precompute run {config} {place}"] if commands else []

    def as_json(self) -> dict[str, Any]:
        """For machines: stamped, with one object per finding."""
        return {
            "kind": KIND, "version": VERSION, "run": self.run, "quick": self.quick,
            "healthy": self.is_healthy, "artefacts": self.artefacts,
            "bytes_hashed": self.bytes_hashed,
            "findings": [asdict(f) for f in self.findings], "notes": list(self.notes),
            "repair": self.repair(),
        }


def plain(value: object) -> str:
    """Text from a file made safe to print: one line, no control characters, not too long."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return text if len(text) <= _MOST else text[: _MOST - 4] + " ..."


@dataclass
class Chart:
    """Collects findings while a run is examined.

    One fault is named once: a part that has a finding is not accused again, and checks that lean
    on a faulty artefact are left out, since they would only repeat its fault in other words.
    """

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: Artefacts whose content is not the one that the manifest records; None when not compared.
    changed: set[str] | None = None
    #: Artefacts that the check at work holds against each other.
    _compared: tuple[str, ...] = ()

    def fault(
        self, artefact: str, code: str, found: object, expected: object, *,
        chrom: str | None = None, part: str = "", action: str | None = None,
    ) -> None:
        """Write a fault down, unless that part has one.

        Where two artefacts contradict each other, the one that was changed is accused.
        """
        guilty = [name for name in self._compared if name in (self.changed or ())]
        if code == "agreement" and guilty and artefact not in guilty:
            found = f"does not agree with {' '.join(x for x in (artefact, part) if x)}: {found}"
            artefact, part, action = self.blame(*guilty), "", None
        finding = Finding(
            artefact, None if chrom is None else plain(chrom), plain(part), code, plain(found),
            plain(expected), action or remedy(artefact),
        )
        same = (finding.artefact, finding.chrom, finding.part)
        if all((f.artefact, f.chrom, f.part) != same for f in self.findings):
            self.findings.append(finding)

    def require(
        self, is_right: object, artefact: str, code: str, found: object, expected: object, *,
        chrom: str | None = None, part: str = "",
    ) -> bool:
        """Write a fault down unless ``is_right``; returns whether it is."""
        if not is_right:
            self.fault(artefact, code, found, expected, chrom=chrom, part=part)
        return bool(is_right)

    def note(self, text: object) -> None:
        """Something worth knowing that is no fault."""
        if plain(text) not in self.notes:
            self.notes.append(plain(text))

    def is_sound(self, *artefacts: str, chrom: str | None = None) -> bool:
        """Whether none of the artefacts has a finding so far (on that chromosome)."""
        return not any(
            f.artefact in artefacts and (None in (f.chrom, chrom) or f.chrom == chrom)
            for f in self.findings
        )

    def blame(self, *artefacts: str) -> str:
        """Of artefacts that contradict each other, the one to accuse: the one that was changed
        after it was made, else the one that was made last."""
        guilty = [name for name in artefacts if name in (self.changed or ())]
        return max(guilty or artefacts, key=lambda name: ORDER.get(name, -1))

    @contextlib.contextmanager
    def comparing(self, *artefacts: str) -> Iterator[None]:
        """Mark artefacts that are held against each other while the block runs."""
        before, self._compared = self._compared, (*self._compared, *artefacts)
        try:
            yield
        finally:
            self._compared = before

    @contextlib.contextmanager
    def guard(self, artefact: str, *, chrom: str | None = None, part: str = "") -> Iterator[None]:
        """Turn what a damaged file raises into a finding."""
        try:
            yield
        except UNREADABLE as error:
            detail = " ".join(str(error).split())[:90]
            self.fault(
                artefact, "unreadable", f"cannot be read ({type(error).__name__}: {detail})",
                f"a whole {_FORMATS.get(artefact, 'JSON file')}", chrom=chrom, part=part,
            )


def remedy(artefact: str) -> str:
    """What to do about an artefact: the stage to run again."""
    if artefact in PRODUCER:
        return f"run the stage {PRODUCER[artefact]} with --force"
    return "run the stages again with `python -m precompute run`"
