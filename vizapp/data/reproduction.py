"""The reproduction report of a run, when `python -m precompute report` has written one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KIND, _VERSION = "motiflens.report", 1


@dataclass(frozen=True)
class Row:
    """One number of the run beside its reference; see ``precompute.report.content``."""

    name: str
    text: str
    reference: str
    source: str
    verdict: str
    agrees: bool | None
    why: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A figure as SVG text, which is only ever shown as an image."""

    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Reproduction:
    """What the run page shows of the report.

    ``is_current`` is False when a stage has run again since the report was written.
    """

    scope: tuple[str, ...]
    rows: tuple[Row, ...]
    figures: tuple[Figure, ...]
    is_current: bool


def read_reproduction(root: Path, manifest: dict[str, Any]) -> Reproduction | None:
    """The report in a run folder; None when there is none, or one that this app cannot show."""
    try:
        data = json.loads((root / "report.json").read_text(encoding="utf-8"))
        if data["kind"] != _KIND or data["version"] > _VERSION:
            return None
        return Reproduction(
            tuple(map(str, data["scope"])),
            tuple(
                Row(
                    str(row["name"]), str(row["text"]), str(row["reference_text"]),
                    str(row["source"]), str(row["verdict"]), row["agrees"],
                    tuple(map(str, row["why"])),
                )
                for row in data["comparisons"]
            ),
            tuple(
                Figure(str(f["title"]), str(f["caption"]), str(f["svg"])) for f in data["figures"]
            ),
            {s["name"]: s["finished"] for s in data["stages"]}
            == {name: s["finished"] for name, s in manifest["stages"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
