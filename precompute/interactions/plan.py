"""Which predictions the interactions need: every window once, every knock-out once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from precompute.interactions.windows import Site

#: No occurrence: the window as it is, or a single knock-out.
NONE = -1


class Plan:
    """Predictions to make, numbered in the order of their windows.

    Parameters
    ----------
    sites : of all pairs

    Attributes
    ----------
    variants : int64 (n, 3), window and the two occurrences taken out, ``NONE`` for none
    """

    def __init__(self, sites: list[Site]) -> None:
        wanted = set()
        for window, first, second in sites:
            a, b = sorted((first, second))
            wanted |= {(window, NONE, NONE), (window, a, NONE), (window, b, NONE), (window, a, b)}
        ordered = sorted(wanted)
        self.variants = np.array(ordered, dtype=np.int64).reshape(-1, 3)
        self._number = {key: number for number, key in enumerate(ordered)}

    def numbers(self, sites: list[Site]) -> NDArray[np.int64]:
        """Variants of each site: the window, without first, without second, without both;
        int64 (n_sites, 4)."""
        rows = []
        for window, first, second in sites:
            a, b = sorted((first, second))
            rows.append([
                self._number[key] for key in (
                    (window, NONE, NONE), (window, first, NONE), (window, second, NONE),
                    (window, a, b))
            ])
        return np.array(rows, dtype=np.int64).reshape(-1, 4)

    def fingerprint(self, *parts: str) -> str:
        """Digest of the plan and of what else its predictions follow from."""
        digest = hashlib.sha256(self.variants.tobytes())
        for part in parts:
            digest.update(f"\0{part}".encode())
        return digest.hexdigest()


class Partial:
    """Predictions of an unfinished stage on disk, from which it goes on after a kill.

    Parameters
    ----------
    path : file beside the artefacts; it appears whole or not at all
    fingerprint : predictions of another plan or model are not taken up
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path, self._fingerprint = path, fingerprint

    def load(self) -> NDArray[np.float64]:
        """Predictions that are there already, from the first on; none where there are none."""
        try:
            with np.load(self._path, allow_pickle=False) as stored:
                if str(stored["fingerprint"]) == self._fingerprint:
                    values: NDArray[np.float64] = stored["values"]
                    return values
        except (OSError, ValueError, KeyError, EOFError):
            pass  # none yet, or cut short: they are made again
        return np.empty(0)

    def save(self, values: NDArray[np.float64]) -> None:
        """Keep the predictions so far."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{self._path.name}.tmp")
        with temporary.open("wb") as handle:
            np.savez(handle, fingerprint=self._fingerprint, values=values)
        os.replace(temporary, self._path)

    def remove(self) -> None:
        """Forget them: the stage is done."""
        self._path.unlink(missing_ok=True)
