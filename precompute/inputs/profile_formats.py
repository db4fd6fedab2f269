"""Motif profiles from files: JASPAR (matrices or raw), MEME, and folders or zips of such files.

All give counts. MEME gives frequencies and a number of sites, so its counts are their product; a
motif that does not say its number of sites counts as 20, which is MEME's own default.

References
----------
JASPAR, formats of its downloads; the MEME Suite, "MEME Motif Format", versions 4 and 5.
"""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError

#: Widest profile: the scanner counts known bases in a row up to 255.
MAX_WIDTH_BP = 255
#: Most profiles: a feature's number is stored in 16 bits, and CpG takes two.
MAX_PROFILES = 32_766

_DEFAULT_SITES = 20.0
_SUFFIXES = (".jaspar", ".meme", ".pfm", ".txt")


class RawProfile(NamedTuple):
    """A profile as its file gives it: counts are float64 (width, 4), columns A, C, G, T."""

    profile_id: str
    tf: str
    counts: NDArray[np.float64]


def read_profiles(path: str | Path) -> list[RawProfile]:
    """Profiles of a file, or of all files of a folder or zip in the order of their names.

    The format is told by the content. Folders and zips may hold ``.jaspar``, ``.pfm``, ``.meme``
    and ``.txt`` files.

    Raises
    ------
    InputError
        When nothing is there, a profile is there twice, or one is broken, too wide or empty.
    """
    path = Path(path)
    found: list[RawProfile] = []
    for source, text in _texts(path):
        if not text.strip():
            raise InputError(f"{source} holds no profile; give JASPAR or MEME profiles")
        is_meme = re.match(r"\s*MEME version", text) is not None
        found += parse_meme(text, source) if is_meme else parse_jaspar(text, source)
    return check_profiles(found, str(path))


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Name and text of each file."""
    try:
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.suffix in _SUFFIXES and p.is_file())
            for file in files:
                yield str(file), _decode(file.read_bytes())
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                names = sorted(n for n in archive.namelist() if n.endswith(_SUFFIXES))
                for name in names:
                    yield f"{path}/{name}", _decode(archive.read(name))
        else:
            yield str(path), _decode(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"the profiles {path} do not exist; correct motifs.profiles in the configuration"
        ) from None
    except (
        OSError, EOFError, zlib.error, zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError
    ) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or no text"
        raise InputError(
            f"the profiles {path} cannot be read ({reason}); correct motifs.profiles"
        ) from None


def _decode(raw: bytes) -> str:
    return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")


def check_profiles(profiles: list[RawProfile], source: str) -> list[RawProfile]:
    """The same profiles, checked.

    Raises
    ------
    InputError
        When there are none or too many, or one is twice there, empty, negative or too wide.
    """
    if not profiles:
        raise InputError(
            f"{source} holds no profile; give JASPAR or MEME profiles, or a folder or zip of "
            f"files ending in {', '.join(_SUFFIXES)}"
        )
    if len(profiles) > MAX_PROFILES:
        raise InputError(
            f"{source} holds {len(profiles):,} profiles, at most {MAX_PROFILES:,} can be used at "
            "once; take a part of them"
        )
    seen = set()
    for profile_id, tf, counts in profiles:
        if profile_id in seen:
            raise InputError(f"{source} holds the profile {profile_id} twice; keep one of them")
        seen.add(profile_id)
        if "cpg" in (profile_id.lower(), tf.lower()):
            raise InputError(
                f"{source} holds a profile called CpG, the name of the CpG feature; rename it"
            )
        if len(counts) > MAX_WIDTH_BP:
            raise InputError(
                f"{source}: the profile {profile_id} is {len(counts)} bp wide, the scanner takes "
                f"at most {MAX_WIDTH_BP}; remove that profile"
            )
        is_sound = counts.size > 0 and np.isfinite(counts).all() and (counts >= 0).all()
        if not is_sound or not counts.sum(axis=1).all():
            raise InputError(
                f"{source}: the matrix of {profile_id} has an empty or negative column; remove or "
                "correct that profile"
            )
    return profiles


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(field) for field in text.split()]
    except ValueError:
        return None


# -- JASPAR --------------------------------------------------------------------------------------

_ROW = re.compile(r"(?:([ACGT])\s*)?\[?([^\[\]]*)\]?\s*")


def parse_jaspar(text: str, source: str) -> list[RawProfile]:
    """Profiles of a text in JASPAR's matrix or raw format.

    Raises
    ------
    InputError
        When a line fits neither format, or a matrix has not four rows of one length.
    """
    profiles = []
    blocks = re.split(r"^>", text, flags=re.MULTILINE)
    if blocks[0].strip():
        raise InputError(
            f"{source} is not in JASPAR or MEME format (it begins "
            f"{blocks[0].strip().splitlines()[0][:40]!r}); give profiles in one of them"
        )
    for block in blocks[1:]:
        header, *lines = block.splitlines()
        fields = header.split()
        if not fields:
            raise InputError(f"{source} has a JASPAR header without an id; give every profile one")
        rows = [_jaspar_row(line, fields[0], source) for line in lines if line.strip()]
        letters = [letter for letter, _ in rows]
        widths = {len(values) for _, values in rows}
        if letters not in (list("ACGT"), [""] * 4) or len(widths) != 1:
            raise InputError(
                f"{source}: {fields[0]} has {len(rows)} rows of {sorted(widths)} numbers, a JASPAR "
                "matrix has four rows A, C, G, T of one length; correct that profile"
            )
        counts = np.array([values for _, values in rows], dtype=np.float64).T
        tf = fields[1] if len(fields) > 1 else fields[0]
        profiles.append(RawProfile(fields[0], tf, np.ascontiguousarray(counts)))
    return profiles


def _jaspar_row(line: str, profile_id: str, source: str) -> tuple[str, list[float]]:
    match = _ROW.fullmatch(line.strip())
    values = _numbers(match.group(2)) if match else None
    if match is None or values is None:
        raise InputError(
            f"{source}: {line.strip()[:40]!r} under {profile_id} is no row of a JASPAR matrix; "
            "correct that profile"
        )
    return match.group(1) or "", values


# -- MEME ----------------------------------------------------------------------------------------

_FIELD = re.compile(r"(\w+)\s*=\s*(\S+)")


def parse_meme(text: str, source: str) -> list[RawProfile]:
    """Profiles of a text in the minimal MEME format, versions 4 and 5.

    Background, strands, URLs and log-odds matrices are passed over: scores always use a uniform
    background and both strands.

    Raises
    ------
    InputError
        When the alphabet is not ACGT, or a matrix is missing, broken or no probabilities.
    """
    _check_alphabet(text, source)
    blocks = re.split(r"^MOTIF\b", text, flags=re.MULTILINE)
    profiles = []
    for block in blocks[1:]:
        header, _, body = block.partition("\n")
        names = header.split()
        if not names:
            raise InputError(f"{source} has a MOTIF line without a name; give every motif one")
        profile_id, tf = names[0], (names[1] if len(names) > 1 else names[0])
        profiles.append(RawProfile(profile_id, tf, _meme_counts(body, profile_id, source)))
    return profiles


def _check_alphabet(text: str, source: str) -> None:
    match = re.search(r"^ALPHABET\s*(=\s*\S+|\"[^\"]*\"|\S+)?.*$", text, flags=re.MULTILINE)
    if match is None:
        return
    given = (match.group(1) or "").lstrip("= ").strip('"').upper()
    if given not in ("ACGT", "DNA", ""):
        raise InputError(
            f"{source} has the alphabet {given}, expected ACGT; give DNA motifs"
        )


def _meme_counts(body: str, profile_id: str, source: str) -> NDArray[np.float64]:
    lines = body.splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("letter-probability matrix")]
    if not starts:
        raise InputError(
            f"{source}: the motif {profile_id} has no letter-probability matrix; give probabilities"
        )
    given = dict(_FIELD.findall(lines[starts[0]]))
    rows = []
    for line in lines[starts[0] + 1 :]:
        values = _numbers(line)
        if not values:
            break
        rows.append(values)
    width = _number(given, "w", len(rows), profile_id, source)
    if _number(given, "alength", 4, profile_id, source) != 4 or {len(r) for r in rows} != {4}:
        raise InputError(
            f"{source}: the rows of {profile_id} do not hold four probabilities (A, C, G, T); "
            "correct that motif"
        )
    if len(rows) != width:
        raise InputError(
            f"{source}: {profile_id} says w= {width:g} and has {len(rows)} rows; correct that motif"
        )
    frequency = np.array(rows, dtype=np.float64)
    if (frequency < 0).any() or (np.abs(frequency.sum(axis=1) - 1) > 0.01).any():
        raise InputError(
            f"{source}: a row of {profile_id} does not sum to 1, so these are no probabilities; "
            "correct that motif"
        )
    sites = _number(given, "nsites", _DEFAULT_SITES, profile_id, source)
    if not 0 < sites < np.inf:
        raise InputError(
            f"{source}: {profile_id} says nsites= {sites:g}, expected more than 0; correct that "
            "motif"
        )
    return frequency * sites


def _number(
    given: dict[str, str], key: str, default: float, profile_id: str, source: str
) -> float:
    values = _numbers(given.get(key, str(default)))
    if values is None or len(values) != 1:
        raise InputError(
            f"{source}: {profile_id} says {key}= {given[key]}, expected a number; correct it"
        )
    return values[0]
