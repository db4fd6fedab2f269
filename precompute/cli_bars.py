"""What the command line shows while it works, on stderr."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from precompute.manifest import StageRecord
from precompute.pipeline import Stage

console = Console(stderr=True, highlight=False)


class Bars:
    """Draws one bar per stage and an overall one; prints plain lines when there is no terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>4.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
            disable=not console.is_terminal,
        )
        self._overall: TaskID | None = None
        self._task: TaskID | None = None
        self._last_percent = -1
        self._label = ""

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.__exit__(None, None, None)

    def begin(self, stage: Stage, number: int, total: int) -> None:
        """Open the stage's bar."""
        if self._overall is None:
            self._overall = self._progress.add_task("All stages", total=total, note="")
        self._task = self._progress.add_task(stage.title, total=1.0, note="")
        self._label = f"[{number}/{total}] {stage.title}"
        self._last_percent = -1

    def progress(self, done: float, total: float, note: str) -> None:
        """Move the stage's bar; without a terminal, print every further quarter."""
        share = done / total if total else 1.0
        if self._task is not None:
            self._progress.update(self._task, completed=share, note=note)
        percent = int(share * 4) * 25
        if not console.is_terminal and percent > self._last_percent and percent < 100:
            self._last_percent = percent
            console.print(f"{self._label} {percent}% {note}")

    def end(self, stage: Stage, record: StageRecord | None) -> None:
        """Close the stage's bar and say what it took."""
        note = "up to date" if record is None else (
            f"{record.seconds:.1f} s, {record.peak_rss_mb / 1024:.1f} GB"
        )
        if self._task is not None and self._overall is not None:
            self._progress.update(self._task, completed=1.0, note=note)
            self._progress.advance(self._overall)
        if not console.is_terminal:
            console.print(f"{self._label}: {note}")


class Bar:
    """One bar on a terminal, and nothing anywhere else."""

    def __init__(self, label: str) -> None:
        self._bar = Progress(
            TextColumn(label),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>4.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0, note="")

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.__exit__(None, None, None)

    def progress(self, done: float, total: float, note: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done / total if total else 1.0, note=note)
