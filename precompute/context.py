"""What a stage is given: the configuration, the run folder, a seed and a way to report progress."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from precompute.artefacts import RunFolder
from precompute.config import Config
from precompute.execution import Execution, Threads

if TYPE_CHECKING:
    import numpy as np

#: ``progress(done, total, note)``: units of work done and in all, and a short note.
Progress = Callable[[float, float, str], None]

#: Numbers a stage reports for the manifest, the run page and the README.
Facts = dict[str, Any]


def _silent(done: float, total: float, note: str = "") -> None:
    """Report to nobody."""


def derived_seed(seed: int, stage: str, purpose: str = "") -> int:
    """A 32-bit seed fixed by a run's seed, a stage and what it is for."""
    text = f"{seed}/{stage}/{purpose}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


@dataclass(frozen=True)
class StageContext:
    """Everything a stage function may use; it returns the facts that it wants recorded."""

    config: Config
    run: RunFolder
    stage: str
    progress: Progress = field(default=_silent)
    cluster: Execution | None = None

    @property
    def execution(self) -> Execution:
        """Where windows are worked on: the cluster, or threads of this process."""
        return self.cluster or Threads(self.config.run.workers)

    def seed(self, purpose: str = "") -> int:
        """A 32-bit seed fixed by the run's seed, the stage and ``purpose``."""
        return derived_seed(self.config.run.seed, self.stage, purpose)

    def rng(self, purpose: str = "") -> np.random.Generator:
        """A generator seeded by :meth:`seed`."""
        import numpy as np

        return np.random.default_rng(self.seed(purpose))
