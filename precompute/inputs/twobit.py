"""UCSC 2bit files: four bases a byte, with lists of the unknown stretches.

The file is read without a compiled reader, and every offset is checked against the file's size
before it is followed, so that a damaged file is a sentence and never a crash.

References
----------
UCSC, the ``.2bit`` format (versions 0 and 1, either byte order).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError
from precompute.inputs.nucleotides import Chromosome

SIGNATURES = {
    (0x1A412743).to_bytes(4, "little"): "<",
    (0x1A412743).to_bytes(4, "big"): ">",
}

_WINDOW_BP = 1 << 24

# 2bit numbers the bases T, C, A, G; the first base is in the highest bits.
_BASES = np.array([3, 1, 0, 2], dtype=np.uint8)
_UNPACK = _BASES[(np.arange(256)[:, None] >> np.array([6, 4, 2, 0])) & 3]


class _Record(NamedTuple):
    """Where a sequence lies: ``packed`` is the offset of its bases."""

    length: int
    packed: int
    unknown_start: NDArray[np.int64]
    unknown_end: NDArray[np.int64]


class TwoBit:
    """A checked 2bit file.

    Attributes
    ----------
    lengths : bp of each sequence, in the order of the file

    Raises
    ------
    InputError
        When it is truncated or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as self._handle:
            self._size = self._handle.seek(0, 2)
            order = SIGNATURES.get(self._bytes(0, 4))
            if order is None:
                self._damaged("it does not begin with the signature of a 2bit file")
            self._u32 = np.dtype(f"{order}u4")
            version, n_sequences, _ = self._numbers(4, 3)
            if version not in (0, 1):
                self._damaged(f"it has version {version}, known are 0 and 1")
            self._offset = np.dtype(f"{order}u{8 if version else 4}")
            self._records = self._read_index(int(n_sequences))
        self.lengths = {name: record.length for name, record in self._records.items()}

    def _damaged(self, why: str) -> NoReturn:
        raise InputError(
            f"the 2bit file {self.path} is truncated or damaged ({why}); fetch or copy it again"
        )

    def _bytes(self, start: int, length: int) -> bytes:
        if start < 0 or start + length > self._size:
            self._damaged("a part of it lies beyond its end")
        self._handle.seek(start)
        return self._handle.read(length)

    def _numbers(self, start: int, n: int, dtype: np.dtype | None = None) -> NDArray[np.int64]:
        dtype = dtype or self._u32
        raw = self._bytes(start, int(n) * dtype.itemsize)
        return np.frombuffer(raw, dtype=dtype).astype(np.int64)

    def _read_index(self, n_sequences: int) -> dict[str, _Record]:
        records: dict[str, _Record] = {}
        at = 16
        for _ in range(n_sequences):
            (name_length,) = self._bytes(at, 1)
            name = self._bytes(at + 1, name_length).decode("utf-8", "replace")
            at += 1 + name_length
            (offset,) = self._numbers(at, 1, self._offset)
            at += self._offset.itemsize
            if name in records:
                self._damaged(f"it lists {name} twice")
            records[name] = self._read_record(name, int(offset))
        if not records:
            self._damaged("it holds no sequence")
        return records

    def _read_record(self, name: str, at: int) -> _Record:
        length, n_unknown = self._numbers(at, 2)
        starts = self._numbers(at + 8, n_unknown)
        ends = starts + self._numbers(at + 8 + 4 * n_unknown, n_unknown)
        at += 8 + 8 * int(n_unknown)
        (n_masked,) = self._numbers(at, 1)
        # The soft mask is skipped, with the reserved word after it.
        packed = at + 8 + 8 * int(n_masked)
        if packed + (length + 3) // 4 > self._size:
            self._damaged(f"the sequence {name} ends beyond the file")
        if n_unknown and (ends.max() > length or (ends <= starts).any()):
            self._damaged(f"an unknown stretch of {name} ends beyond the sequence")
        return _Record(int(length), packed, starts, ends)

    def read(self, spans: Mapping[str, tuple[int, int]]) -> Iterator[Chromosome]:
        """Codes of a stretch ``[start, end)`` of each named sequence, in the file's order."""
        for name, record in self._records.items():
            if name in spans:
                with self.path.open("rb") as self._handle:
                    codes = self._codes(record, *spans[name])
                yield Chromosome(name, codes)

    def _codes(self, record: _Record, start: int, end: int) -> NDArray[np.uint8]:
        codes = np.empty(end - start, dtype=np.uint8)
        for lo in range(start, end, _WINDOW_BP):
            hi = min(lo + _WINDOW_BP, end)
            first = lo // 4
            raw = self._bytes(record.packed + first, (hi + 3) // 4 - first)
            bases = _UNPACK[np.frombuffer(raw, dtype=np.uint8)].ravel()
            codes[lo - start : hi - start] = bases[lo - 4 * first : hi - 4 * first]
        touching = (record.unknown_end > start) & (record.unknown_start < end)
        for a, b in zip(
            record.unknown_start[touching], record.unknown_end[touching], strict=True
        ):
            codes[max(a, start) - start : min(b, end) - start] = 4
        return codes
