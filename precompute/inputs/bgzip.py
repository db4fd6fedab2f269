"""Random access to bgzip files: gzip in blocks of at most 64 kB, each a stream of its own.

References
----------
The SAM/BAM format specification, section on the BGZF compression format; ``.gzi`` is the index
that ``bgzip -i`` and ``samtools faidx`` write.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from precompute.errors import InputError

# The empty block that ends every whole bgzip file.
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def block_size(header: bytes) -> int | None:
    """Compressed size of the bgzip block that begins with ``header``, or None if it is none."""
    if len(header) < 18 or header[:4] != b"\x1f\x8b\x08\x04":
        return None
    (extra,) = struct.unpack("<H", header[10:12])
    at, end = 12, min(12 + extra, len(header))
    while at + 4 <= end:
        (length,) = struct.unpack("<H", header[at + 2 : at + 4])
        if header[at : at + 2] == b"BC" and length == 2 and at + 6 <= end:
            return int(struct.unpack("<H", header[at + 4 : at + 6])[0]) + 1
        at += 4 + length
    return None


class BgzipFile:
    """Reads any stretch of the uncompressed content.

    Parameters
    ----------
    path : bgzip file; a ``.gzi`` beside it is used when there is one, otherwise the blocks'
        headers are walked once

    Attributes
    ----------
    size : uncompressed bytes

    Raises
    ------
    InputError
        When the file is truncated or damaged, or its ``.gzi`` is another file's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index_path = Path(f"{path}.gzi")
        with path.open("rb") as handle:
            compressed = handle.seek(0, 2)
            handle.seek(max(0, compressed - len(_END)))
            if handle.read() != _END:
                self._damaged("its end-of-file block is missing")
            known = self._read_gzi(compressed)
            self._is_indexed = known is not None
            # One entry per block: where it begins in the file, and in the content.
            self._from, self._at = self._walk(handle, known, compressed)
        self.size = int(self._at[-1])

    def _read_gzi(self, compressed: int) -> NDArray[np.int64] | None:
        if not self._index_path.is_file():
            return None
        raw = self._index_path.read_bytes()
        n = struct.unpack("<Q", raw[:8])[0] if len(raw) >= 8 else -1
        if len(raw) != 8 + 16 * n:
            self._stale()
        pairs = np.frombuffer(raw, dtype="<u8", offset=8).astype(np.int64).reshape(-1, 2)
        pairs = np.concatenate([np.zeros((1, 2), dtype=np.int64), pairs])
        if (np.diff(pairs, axis=0) <= 0).any() or pairs[-1, 0] >= compressed:
            self._stale()
        return pairs

    def _walk(
        self, handle: BinaryIO, known: NDArray[np.int64] | None, compressed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Add the blocks after the last known one; the last entry is the end."""
        pairs = [(0, 0)] if known is None else [(int(a), int(b)) for a, b in known]
        at, content = pairs.pop()
        while at < compressed:
            pairs.append((at, content))
            handle.seek(at)
            size = block_size(handle.read(512))
            if size is None or at + size > compressed:
                # The first block after the index's last entry is where a foreign index shows.
                if known is not None and len(pairs) == len(known):
                    self._stale()
                self._damaged("a block has no proper header or ends beyond the file")
            handle.seek(at + size - 4)
            content += struct.unpack("<I", handle.read(4))[0]
            at += size
        pairs.append((at, content))
        table = np.array(pairs, dtype=np.int64)
        return table[:, 0], table[:, 1]

    def _stale(self) -> NoReturn:
        raise InputError(
            f"{self._index_path} does not fit {self.path}, so it is damaged or another file's; "
            "delete it and run again, it will be made anew"
        )

    def _damaged(self, why: str) -> NoReturn:
        raise InputError(
            f"the FASTA {self.path} is truncated or damaged ({why}); fetch or copy it again"
        )

    def read(self, start: int, length: int) -> bytes:
        """Bytes ``[start, start + length)`` of the content, fewer at its end."""
        stop = min(start + length, self.size)
        if start >= stop:
            return b""
        first = int(np.searchsorted(self._at, start, side="right")) - 1
        last = int(np.searchsorted(self._at, stop, side="left"))
        with self.path.open("rb") as handle:
            handle.seek(int(self._from[first]))
            raw = handle.read(int(self._from[last] - self._from[first]))
        parts = []
        for block in range(first, last):
            a, b = (int(self._from[k] - self._from[first]) for k in (block, block + 1))
            parts.append(self._inflate(raw[a:b], int(self._at[block + 1] - self._at[block])))
        offset = start - int(self._at[first])
        return b"".join(parts)[offset : offset + stop - start]

    def _inflate(self, block: bytes, expected: int) -> bytes:
        try:
            content = zlib.decompress(block, wbits=31)
        except zlib.error:
            content = None
        if content is None or len(content) != expected:
            if self._is_indexed:
                self._stale()
            self._damaged("a block does not unpack")
        return content

    def gzi(self) -> bytes:
        """Content of the ``.gzi`` index of this file."""
        pairs = np.stack([self._from[1:-1], self._at[1:-1]], axis=1)
        # The empty end block is no place to read from, and bgzip does not list it either.
        pairs = pairs[pairs[:, 1] < self.size]
        return struct.pack("<Q", len(pairs)) + pairs.astype("<u8").tobytes()
