"""Motif scanning on a GPU through torch: the same integers as :mod:`precompute.scan`.

Scores are sums of integers far below 2**24, so a float32 convolution gives them to within a small
part of 1, whatever algorithm the device chooses, and rounding makes them exact (TF32, which rounds
its inputs, is switched off). A hit covers ``width`` bases; coverage and its sums over
bins are differences of running sums, so nothing is approximate and no hit is listed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import conv1d

from precompute.motifs import Profile

#: Bases scored at a time: the scores of all features take 4 bytes each.
_PIECE_BP = 1 << 14


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    """Switch TF32 off while scores are summed."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


class TorchScanner:
    """Compiled motif features on a device.

    Parameters
    ----------
    profiles : motif profiles; feature 2 i is profile i on '+', 2 i + 1 on '-'
    device : torch device, for example 'cuda' or 'cpu'
    """

    def __init__(self, profiles: list[Profile], device: str) -> None:
        self.device = torch.device(device)
        strands = [
            scores for p in profiles for scores in (p.scores, p.scores[::-1, ::-1])
        ]
        widest = max(len(scores) for scores in strands)
        weight = np.zeros((len(strands), 4, widest), dtype=np.float32)
        for number, scores in enumerate(strands):
            weight[number, :, : len(scores)] = scores.T
        self._weight = torch.from_numpy(weight).to(self.device)
        width = np.array([len(scores) for scores in strands], dtype=np.int64)
        self._width = torch.from_numpy(width).to(self.device)
        threshold = np.repeat([p.threshold for p in profiles], 2).astype(np.float32)
        self._threshold = torch.from_numpy(threshold).to(self.device)[:, None]
        self.widest = widest

    @property
    def halo(self) -> int:
        """Bases to look at on either side of a window."""
        return self.widest

    @property
    def n_features(self) -> int:
        """Motif features and the two CpG features."""
        return len(self._width) + 2

    def _covered(self, codes: NDArray[np.uint8], lo: int, hi: int) -> torch.Tensor:
        """Whether a hit of each feature covers each base of ``[lo, hi)``: bool (features, n)."""
        first = lo - self.widest + 1
        # Starts from ``first`` on can reach the window; what lies beyond the sequence is unknown.
        part = np.full(hi - first + self.widest - 1, 4, dtype=np.uint8)
        a, b = max(first, 0), min(len(codes), hi + self.widest - 1)
        part[a - first : b - first] = codes[a:b]
        letters = torch.from_numpy(part).to(self.device)
        onehot = torch.stack([letters == base for base in range(4)]).float()[None]
        hit = conv1d(onehot, self._weight)[0].round_() >= self._threshold
        starts = hit.shape[1]
        # Bases from each start to the next unknown one, or to the end of the piece.
        place = torch.arange(len(part), device=self.device)
        beyond = torch.where(letters > 3, place, len(part))
        until = beyond.flip(0).cummin(0).values.flip(0)
        hit &= (until - place)[None, :starts] >= self._width[:, None]
        begun = torch.nn.functional.pad(hit.to(torch.int32).cumsum(1, dtype=torch.int32), (1, 0))
        # A base is covered when a hit began among the ``width`` starts that end at it.
        base = torch.arange(lo - first, hi - first, device=self.device)
        since = (base[None, :] + 1 - self._width[:, None]).clamp(min=0)
        return begun[:, base + 1] > begun.gather(1, since)

    def depth_window(
        self, codes: NDArray[np.uint8], lo: int, hi: int
    ) -> NDArray[np.uint16]:
        """As :func:`precompute.scan.depth_window`."""
        out = np.empty(hi - lo, dtype=np.uint16)
        with torch.inference_mode(), _full_precision():
            for a in range(lo, hi, _PIECE_BP):
                b = min(a + _PIECE_BP, hi)
                depth = self._covered(codes, a, b).sum(0, dtype=torch.int32)
                out[a - lo : b - lo] = depth.cpu().numpy()
        return out

    def count_window(
        self, codes: NDArray[np.uint8], edges: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint16], NDArray[np.unsignedinteger]]:
        """As :func:`precompute.scan.count_window`."""
        lengths = np.diff(edges)
        dtype = np.uint8 if lengths.max(initial=0) <= 255 else np.uint16
        rows, columns, counts = [], [], []
        at = 0
        with torch.inference_mode(), _full_precision():
            while at < len(lengths):
                to = max(at + 1, int(np.searchsorted(edges, edges[at] + _PIECE_BP, "right")) - 1)
                to = min(to, len(lengths))
                part = self._count_bins(codes, edges[at : to + 1])
                bin_, feature = part.nonzero(as_tuple=True)
                rows.append(bin_.cpu().numpy() + at)
                columns.append(feature.cpu().numpy())
                counts.append(part[bin_, feature].cpu().numpy())
                at = to
        row = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(lengths)))])
        return (
            indptr.astype(np.int64),
            (np.concatenate(columns) if columns else row).astype(np.uint16),
            (np.concatenate(counts) if counts else row).astype(dtype),
        )

    def _count_bins(self, codes: NDArray[np.uint8], edges: NDArray[np.int64]) -> torch.Tensor:
        """Covered bases, int32 (bins, features); the last two features are CpG."""
        lo, hi = int(edges[0]), int(edges[-1])
        covered = self._covered(codes, lo, hi).to(torch.int32)
        before = max(lo - 1, 0)
        near = codes[before : hi + 1]
        is_start = np.zeros(len(near), dtype=bool)
        is_start[:-1] = (near[:-1] == 1) & (near[1:] == 2)
        in_cpg = is_start.copy()
        in_cpg[1:] |= is_start[:-1]
        cpg = torch.from_numpy(in_cpg[lo - before : hi - before]).to(self.device, torch.int32)
        covered = torch.cat([covered, cpg[None], cpg[None]])
        running = torch.nn.functional.pad(covered.cumsum(1, dtype=torch.int32), (1, 0))
        at = torch.from_numpy(edges - lo).to(self.device)
        return (running[:, at[1:]] - running[:, at[:-1]]).T.contiguous()
