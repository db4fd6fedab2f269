"""Writers of bgzip and 2bit files for tests, after the formats' specifications."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzip(data: bytes, block_bytes: int = 100) -> bytes:
    """``data`` as bgzip, in blocks of ``block_bytes``."""
    parts = []
    for at in range(0, len(data), block_bytes):
        raw = data[at : at + block_bytes]
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        packed = packer.compress(raw) + packer.flush()
        head = b"\x1f\x8b\x08\x04" + bytes(6)[:5] + b"\xff" + struct.pack("<H", 6)
        extra = b"BC" + struct.pack("<HH", 2, len(packed) + 25)
        parts.append(head + extra + packed + struct.pack("<II", zlib.crc32(raw), len(raw)))
    return b"".join(parts) + END


def runs(pattern: str, text: str) -> list[tuple[int, int]]:
    """Start and length of each match."""
    return [(m.start(), len(m.group())) for m in re.finditer(pattern, text)]


def two_bit(sequences: dict[str, str], version: int = 0, order: str = "<") -> bytes:
    """``sequences`` as 2bit; lower case is soft-masked, N unknown."""
    records = []
    for text in sequences.values():
        unknown, masked = runs("[Nn]+", text), runs("[a-z]+", text)
        numbers = [len(text)]
        for blocks in (unknown, masked):
            numbers += [len(blocks), *(b[0] for b in blocks), *(b[1] for b in blocks)]
        digits = ["TCAG".find(base) % 4 for base in text.upper().replace("N", "T")]
        digits += [0] * (-len(digits) % 4)
        quads = zip(*[iter(digits)] * 4, strict=True)
        packed = bytes(a << 6 | b << 4 | c << 2 | d for a, b, c, d in quads)
        records.append(struct.pack(f"{order}{len(numbers) + 1}I", *numbers, 0) + packed)
    wide = "Q" if version else "I"
    size = struct.calcsize(f"{order}{wide}")
    at = 16 + sum(1 + len(name) + size for name in sequences)
    index = b""
    for name, record in zip(sequences, records, strict=True):
        index += bytes([len(name)]) + name.encode() + struct.pack(f"{order}{wide}", at)
        at += len(record)
    head = struct.pack(f"{order}4I", 0x1A412743, version, len(sequences), 0)
    return head + index + b"".join(records)


def fasta(sequences: dict[str, str], width: int = 60, newline: str = "\n") -> bytes:
    """``sequences`` as FASTA."""
    lines = []
    for name, text in sequences.items():
        lines.append(f">{name} a description")
        lines += [text[i : i + width] for i in range(0, len(text), width)]
    return (newline.join(lines) + newline).encode()


def put(path: Path, data: bytes) -> Path:
    """Write and return the path."""
    path.write_bytes(data)
    return path
