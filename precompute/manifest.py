"""Provenance of a run: what made each artefact, and whether it is still up to date.

A stage is up to date when the digest of everything that decides its result (its configuration
sections, the content of its input files, the digests of the artefacts it reads, the code version)
is the one recorded, and its artefacts lie there as recorded.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from precompute.errors import RunFolderError

KIND = "motiflens.manifest"
VERSION = 1


@dataclass
class StageRecord:
    """What one stage did."""

    digest: str
    seconds: float
    peak_rss_mb: float
    facts: dict[str, Any]
    outputs: dict[str, str]
    finished: str


@dataclass
class Manifest:
    """The content of ``manifest.json``."""

    name: str
    motiflens: str
    assembly: str
    stages: dict[str, StageRecord] = field(default_factory=dict)
    #: Content hashes of input files by path, size and modification time, so that re-running
    #: does not read them again.
    inputs: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Manifest | None:
        """Read a manifest; None when there is none.

        Raises
        ------
        RunFolderError
            When it is damaged, or was written by a newer version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise RunFolderError(
                f"{path} cannot be read; choose another run folder, or delete this one to begin "
                "again"
            ) from None
        if not isinstance(data, dict) or data.get("kind") != KIND:
            raise RunFolderError(
                f"{path} is not a motiflens manifest; choose another run folder"
            )
        version = data.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise RunFolderError(
                f"the run folder {path.parent} was written by a newer motiflens (manifest version "
                f"{version}, this one reads up to {VERSION}); update motiflens or use another "
                "folder"
            )
        try:
            stages = {k: StageRecord(**v) for k, v in data["stages"].items()}
            return cls(data["name"], data["motiflens"], data["assembly"], stages, data["inputs"])
        except (KeyError, TypeError):
            raise RunFolderError(
                f"{path} lacks entries that it should have; delete the run folder to begin again"
            ) from None

    def save(self, path: Path) -> None:
        """Write the manifest, atomically."""
        data = {"kind": KIND, "version": VERSION, **asdict(self)}
        write_text(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise RunFolderError(
            f"cannot write {path} ({error.strerror}); check the disk and the folder's permissions"
        ) from None


def hash_path(path: Path, heard: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files in sorted order.

    ``heard`` is called with the bytes read since the last call.
    """
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if file != path:
            digest.update(f"\0{file.relative_to(path).as_posix()}\0".encode())
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
                if heard is not None:
                    heard(len(block))
    return digest.hexdigest()


def stat_key(path: Path) -> str:
    """Path, sizes and modification times: changes when the content may have changed."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    stats = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    return f"{path}|{hashlib.sha256(repr(stats).encode()).hexdigest()}"


def combine(*parts: str) -> str:
    """One digest of several strings, in order."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
