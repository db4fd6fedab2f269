"""Ready motif hits as JASPAR gives them: a TSV per profile, or one bigBed.

Both are 0-based half-open. The TSV's column 5 is the relative score x 1000 and column 6 is
-log10 p x 100, both cut to whole numbers; the bigBed keeps only the latter, at most 1000.

References
----------
JASPAR's genome tracks (github.com/wassermanlab/JASPAR-UCSC-tracks) and UCSC's page on them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 1 << 22
_COLUMNS = ["chrom", "start", "end", "tf", "relative", "log_p", "strand"]
_BIGBED_MAGIC = (0x8789F2EB).to_bytes(4, "little"), (0x8789F2EB).to_bytes(4, "big")

# The compiled reader can crash on a damaged file, so the first opening is another process's.
_PROBE = """
import sys, pyBigWig
handle = pyBigWig.open(sys.argv[1])
assert handle.isBigBed()
chroms = handle.chroms()
for name in (next(iter(chroms)), list(chroms)[-1]):
    for at in (0, chroms[name] // 2, max(0, chroms[name] - 10_000)):
        handle.entries(name, at, min(at + 10_000, chroms[name]))
"""


class HitBatch(NamedTuple):
    """Rows of a file of hits.

    ``chrom_names`` and ``chrom`` int (n,) number the file's chromosomes; ``profile`` int (n,);
    ``start`` int64 (n,) bp; ``is_minus`` bool (n,); ``relative`` int (n,), relative score x 1000
    or -1; ``log_p`` int (n,), -log10 p x 100.
    """

    chrom_names: list[str]
    chrom: NDArray[np.integer]
    profile: NDArray[np.integer]
    start: NDArray[np.int64]
    is_minus: NDArray[np.bool_]
    relative: NDArray[np.integer]
    log_p: NDArray[np.integer]


class Named(NamedTuple):
    """What is needed of the run's profiles to know a hit's: ids, TF names, widths in bp."""

    ids: tuple[str, ...]
    tfs: tuple[str, ...]
    widths: tuple[int, ...]


def _listed(names: Iterable[str]) -> str:
    """The first few of many names."""
    every = sorted(names)
    return ", ".join(every[:5]) + (f" and {len(every) - 5:,} more" if len(every) > 5 else "")


def _check_widths(
    source: str, start: NDArray[np.int64], end: NDArray[np.int64], widths: NDArray[np.integer],
    profile_of: Callable[[int], str],
) -> None:
    """Every hit must be as wide as its profile; ``profile_of`` names that of a row."""
    wrong = end - start != widths
    if not wrong.any():
        return
    at = int(wrong.argmax())
    got = f"a hit of {profile_of(at)} at {start[at]}-{end[at]}"
    if (end - start == widths - 1).all():
        raise InputError(
            f"{source}: {got} is one base shorter than the profile ({widths[at]} bp), so the ends "
            "are inclusive; JASPAR's hits are 0-based half-open, subtract 1 from the starts if "
            "they are 1-based, otherwise add 1 to the ends"
        )
    if (end - start == widths + 1).all():
        raise InputError(
            f"{source}: {got} is one base longer than the profile ({widths[at]} bp); JASPAR's "
            "hits are 0-based half-open, so end - start is the width: correct the ends"
        )
    raise InputError(
        f"{source}: {got} is {end[at] - start[at]} bp wide and the profile {widths[at]}; give hits "
        "of the same profiles (ids and versions) as motifs.profiles"
    )


# -- TSV -----------------------------------------------------------------------------------------


def tsv_files(folder: Path, ids: Sequence[str], ignore_unknown: bool) -> list[Path]:
    """The file of each profile, in the order of ``ids``.

    Raises
    ------
    InputError
        When a profile has none or two, or a file belongs to no profile and that is not allowed.
    """
    if not folder.is_dir():
        raise InputError(
            f"the folder of hits {folder} does not exist; correct motifs.hits.folder in the "
            "configuration"
        )
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = path.name.removesuffix(".gz")
        if not name.endswith(".tsv") or not path.is_file():
            continue
        profile_id = name.removesuffix(".tsv")
        if profile_id in files:
            raise InputError(
                f"{folder} has two files of {profile_id}, {files[profile_id].name} and {path.name};"
                " keep one of them"
            )
        files[profile_id] = path
    missing = set(ids) - set(files)
    if missing:
        raise InputError(
            f"{folder} has no <profile id>.tsv or .tsv.gz of {_listed(missing)}; add them, or take "
            "these profiles out of motifs.profiles"
        )
    unknown = set(files) - set(ids)
    if unknown and not ignore_unknown:
        raise InputError(
            f"{folder} has hits of {_listed(unknown)}, which motifs.profiles does not have; add "
            "the profiles, or set motifs.hits.ignore_unknown: true"
        )
    return [files[profile_id] for profile_id in ids]


def read_tsv(path: Path, profile: int, named: Named) -> Iterator[HitBatch]:
    """The rows of a profile's file, plain or gzip, some 100,000 at a time.

    Raises
    ------
    InputError
        When the file is truncated or no such TSV, or its hits are of another profile.
    """
    import pyarrow as pa
    from pyarrow import csv

    text = pa.dictionary(pa.int32(), pa.string())
    types = dict.fromkeys(_COLUMNS, pa.int32()) | dict.fromkeys(("chrom", "tf", "strand"), text)
    try:
        if not _has_content(path):
            return
        reader = csv.open_csv(
            pa.input_stream(str(path), compression="detect"),
            read_options=csv.ReadOptions(column_names=_COLUMNS, block_size=_BLOCK_BYTES),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(column_types=types, null_values=[]),
        )
        for batch in reader:
            yield _tsv_batch(path, batch, profile, named)
    except (pa.ArrowInvalid, OSError) as error:
        _broken_tsv(path, str(error))


def _has_content(path: Path) -> bool:
    """Whether a file holds any row: JASPAR writes an empty one for a profile without hits."""
    import pyarrow as pa

    with pa.input_stream(str(path), compression="detect") as stream:
        return bool(stream.read(1))


def _broken_tsv(path: Path, why: str) -> NoReturn:
    short = why.splitlines()[0][:120]
    raise InputError(
        f"{path} is truncated or no TSV of JASPAR's hits, which has the columns chrom, start, end, "
        f"TF, relative score x 1000, -log10 p x 100, strand ({short}); fetch it again"
    )


def _codes(
    batch: pa.RecordBatch | pa.Table, column: str
) -> tuple[list[str], NDArray[np.integer]]:
    values = batch.column(column)
    if hasattr(values, "combine_chunks"):
        values = values.combine_chunks()
    return values.dictionary.to_pylist(), values.indices.to_numpy(zero_copy_only=False)


def _tsv_batch(path: Path, batch: pa.RecordBatch, profile: int, named: Named) -> HitBatch:
    numbers = {
        name: batch.column(name).to_numpy(zero_copy_only=False).astype(np.int64)
        for name in ("start", "end", "relative", "log_p")
    }
    chrom_names, chrom = _codes(batch, "chrom")
    tfs, _ = _codes(batch, "tf")
    expected = {named.ids[profile].casefold(), named.tfs[profile].casefold()}
    other = [tf for tf in tfs if tf.casefold() not in expected]
    if other:
        raise InputError(
            f"{path} has hits of {other[0]!r}, and {named.ids[profile]} is {named.tfs[profile]} in "
            "motifs.profiles; give hits and profiles of one JASPAR release"
        )
    widths = np.full(len(chrom), named.widths[profile])
    _check_widths(
        str(path), numbers["start"], numbers["end"], widths, lambda row: named.ids[profile]
    )
    return HitBatch(
        chrom_names, chrom, np.full(len(chrom), profile, dtype=np.uint16), numbers["start"],
        _is_minus(path, *_codes(batch, "strand")), numbers["relative"], numbers["log_p"],
    )


def _is_minus(path: Path, names: list[str], codes: NDArray[np.integer]) -> NDArray[np.bool_]:
    strange = [name for name in names if name not in ("+", "-")]
    if strange:
        raise InputError(f"{path} has the strand {strange[0]!r}, expected + or -; fetch it again")
    return np.array([name == "-" for name in names], dtype=bool)[codes]


# -- bigBed --------------------------------------------------------------------------------------


def check_bigbed(path: Path) -> None:
    """Make sure that a file is a bigBed that can be read.

    Raises
    ------
    InputError
        When it is missing, is no bigBed, or is damaged.
    """
    try:
        with path.open("rb") as handle:
            magic = handle.read(4)
    except OSError as error:
        raise InputError(
            f"the hits {path} cannot be opened ({error.strerror}); correct motifs.hits.bigbed in "
            "the configuration"
        ) from None
    if magic not in _BIGBED_MAGIC:
        raise InputError(
            f"{path} is not a bigBed (its first bytes are {magic.hex() or 'missing'}); give UCSC's "
            "JASPAR bigBed"
        )
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, str(path)], capture_output=True, timeout=300, check=False
    )
    if probe.returncode != 0:
        raise InputError(
            f"{path} begins like a bigBed but cannot be read, so it is damaged or truncated; fetch "
            "it again"
        )


def bigbed_chroms(path: Path) -> dict[str, int]:
    """Chromosomes of a checked bigBed and their lengths in bp."""
    import pyBigWig

    with pyBigWig.open(str(path)) as handle:
        return dict(handle.chroms())


def read_bigbed(
    path: Path, chrom: str, lo: int, hi: int, named: Named, ignore_unknown: bool
) -> HitBatch:
    """The hits of a checked bigBed that begin in ``[lo, hi)``.

    An entry's profile is the one whose id is its name or its last field, or else the only one of
    that TF name.

    Raises
    ------
    InputError
        When an entry has no score or strand, or its profile is unknown or cannot be told.
    """
    import pyBigWig

    with pyBigWig.open(str(path)) as handle:
        stop = min(hi, handle.chroms(chrom) or 0)
        entries = (handle.entries(chrom, lo, stop) or []) if lo < stop else []
    start = np.fromiter((entry[0] for entry in entries), dtype=np.int64, count=len(entries))
    end = np.fromiter((entry[1] for entry in entries), dtype=np.int64, count=len(entries))
    profile, scores, is_minus = _bigbed_fields(
        path, [entry[2] for entry in entries], _Lookup(named, path, ignore_unknown)
    )
    # An entry that begins before the stretch belongs to the stretch before it.
    keep = (profile >= 0) & (start >= lo)
    profile, start, end = profile[keep], start[keep], end[keep]
    widths = np.asarray(named.widths, dtype=np.int64)[profile]
    _check_widths(str(path), start, end, widths, lambda row: named.ids[profile[row]])
    n = len(start)
    return HitBatch(
        [chrom], np.zeros(n, dtype=np.int32), profile, start, is_minus[keep],
        np.full(n, -1), scores[keep],
    )


def _bigbed_fields(
    path: Path, rest: list[str], lookup: _Lookup
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Profile, score and strand of entries, from what follows their ends."""
    import pyarrow as pa
    from pyarrow import csv

    if not rest:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool)
    text = pa.dictionary(pa.int32(), pa.string())
    n_columns = rest[0].count("\t") + 1
    columns = [f"f{i}" for i in range(n_columns)]
    types = {"f0": text, "f1": pa.int32(), "f2": text, columns[-1]: text}
    raw = "\n".join(rest).encode()
    try:
        if n_columns < 3:
            raise pa.ArrowInvalid("fewer than 6 columns")
        table = csv.read_csv(
            pa.BufferReader(raw),
            read_options=csv.ReadOptions(
                column_names=columns, block_size=len(raw) + 1, use_threads=False
            ),
            parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[]
            ),
        ).combine_chunks()
    except pa.ArrowInvalid:
        raise InputError(
            f"{path} has entries that are not name, score, strand (BED6 or more); give UCSC's "
            "JASPAR bigBed"
        ) from None
    names, name = _codes(table, "f0")
    extras, extra = _codes(table, columns[-1]) if n_columns > 3 else ([""], np.zeros_like(name))
    # Few pairs of names occur, so each is looked up once.
    pairs, pair = np.unique(name.astype(np.int64) * len(extras) + extra, return_inverse=True)
    known = [lookup.profile(names[k // len(extras)], extras[k % len(extras)]) for k in pairs]
    return (
        np.array(known, dtype=np.int64)[pair],
        table.column("f1").to_numpy().astype(np.int64),
        _is_minus(path, *_codes(table, "f2")),
    )


class _Lookup:
    """Profiles by id and by TF name."""

    def __init__(self, named: Named, path: Path, ignore_unknown: bool) -> None:
        self._named, self._path, self._ignore_unknown = named, path, ignore_unknown
        self._by_id = {profile_id: i for i, profile_id in enumerate(named.ids)}
        self._by_tf: dict[str, list[int]] = {}
        for i, tf in enumerate(named.tfs):
            self._by_tf.setdefault(tf.casefold(), []).append(i)

    def profile(self, name: str, extra: str) -> int:
        """Number of the profile that an entry is of; -1 for an ignored one."""
        for candidate in (name, extra):
            if candidate in self._by_id:
                return self._by_id[candidate]
        for candidate in (name, extra):
            found = self._by_tf.get(candidate.casefold(), [])
            if len(found) == 1:
                return found[0]
            if found:
                raise InputError(
                    f"{self._path} has hits of {candidate!r} without a profile id, and "
                    f"{_listed(self._named.ids[i] for i in found)} have that name; use JASPAR's "
                    "TSV folder, or profiles with one of them"
                )
        if self._ignore_unknown:
            return -1
        shown = f"{name} ({extra})" if extra else name
        raise InputError(
            f"{self._path} has hits of {shown}, which motifs.profiles does not have; add the "
            "profile, or set motifs.hits.ignore_unknown: true"
        )
