"""Sequence at hand as model input: tokenized on the way, with the model's own motif clusters.

The bins are those of the whole stretch that is given, as in a run, where the sequence beyond the
region is not looked at. Counting and clustering stream through blocks of bins, so that only the
bases and their depth are ever held whole.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from precompute.bin_edges import find_edges
from precompute.context import Progress
from precompute.errors import ArtefactError, RegionError
from precompute.inputs.nucleotides import encode
from precompute.models.dataset import (
    CELL_BP,
    TokenBlocks,
    Window,
    one_hot,
    to_clusters,
)
from precompute.models.predict import predict_positions
from precompute.models.sparse import SparseRows
from precompute.models.tokenization import DEMO_PROFILES, Tokenization, tokenization_of
from precompute.motifs import feature_table, load_profiles, profile_table
from precompute.scan import Scanner, compile_scanner, count_window, depth_window
from precompute.streaming import in_order, windows, with_halo

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from precompute.config import BinConfig
    from precompute.models.store import TrainedModel

_SCAN_BP = 200_000
#: The dense scratch of a block of bins is bins x features bytes.
_BLOCK_BP = 100_000
_CACHE_MB = 64
_KEPT_SCANNERS = 4



class _Compiled(NamedTuple):
    """Profiles of one file, ready to scan with."""

    scanner: Scanner
    features: list[str]
    widths: NDArray[np.int32]


_Key = tuple[Path, int, int, float, float]
_scanners: OrderedDict[_Key, _Compiled] = OrderedDict()
_lock = threading.Lock()


def _compiled(profiles: Path, rules: Tokenization) -> _Compiled:
    hits = rules.hits(profiles)
    key: _Key | None = None
    if profiles.is_file():
        stat = profiles.stat()
        key = (
            profiles.resolve(), stat.st_mtime_ns, stat.st_size, rules.min_relative_score,
            rules.max_p_value,
        )
    with _lock:
        if key is not None and key in _scanners:
            _scanners.move_to_end(key)
            return _scanners[key]
    built = load_profiles(hits)
    features = feature_table(profile_table(built))
    compiled = _Compiled(
        compile_scanner(built), features["name"].tolist(), features["width"].to_numpy(np.int32)
    )
    if key is not None:
        with _lock:
            _scanners[key] = compiled
            while len(_scanners) > _KEPT_SCANNERS:
                _scanners.popitem(last=False)
    return compiled


class Tokenizer:
    """Scans sequence for the motifs of a model, cuts it into bins and counts.

    Parameters
    ----------
    model : token model
    profiles : file of motif profiles; by default the 841 of the demo and the shipped models

    Raises
    ------
    ArtefactError
        When the profiles are not those that the model was trained on.
    InputError
        When the profiles cannot be read, or the model was trained on ready hits.
    """

    def __init__(self, model: TrainedModel, profiles: Path | None = None) -> None:
        rules = tokenization_of(model)
        compiled = _compiled(profiles or DEMO_PROFILES, rules)
        self.scanner: Scanner = compiled.scanner
        self.features, self.widths = compiled.features, compiled.widths
        self.bins: BinConfig = rules.bins
        if model.clusters is None:
            raise ArtefactError(f"the model {model.name} names no motif clusters; train it again")
        self.matrix: csr_matrix = to_clusters(model.clusters, self.features, self.widths)

    def edges(
        self, codes: NDArray[np.uint8], workers: int = 1, progress: Progress | None = None
    ) -> NDArray[np.int32]:
        """Bin edges of a sequence, int32 (n_bins + 1,), from 0 to its length."""

        def one(span: tuple[int, int]) -> NDArray[np.uint16]:
            view, offset = with_halo(codes, *span, self.scanner.halo)
            return depth_window(self.scanner, view, offset, offset + span[1] - span[0])

        depth = np.empty(len(codes), dtype=np.uint16)
        for (lo, hi), part in in_order(one, windows(len(codes), _SCAN_BP), workers):
            depth[lo:hi] = part
            if progress is not None:
                progress(hi, len(codes), "scanning for motif hits")
        return find_edges(depth, self.bins)[0]


class _LiveCounts:
    """Counts of one sequence, made when they are asked for."""

    def __init__(
        self, tokenizer: Tokenizer, codes: NDArray[np.uint8], edges: NDArray[np.int32]
    ) -> None:
        self._tokenizer, self._codes, self._edges = tokenizer, codes, edges

    def n_bins(self, chrom: str) -> int:
        return len(self._edges) - 1

    def counts(self, chrom: str, lo: int, hi: int) -> csr_matrix:
        from scipy.sparse import csr_matrix, vstack

        scanner, edges = self._tokenizer.scanner, self._edges
        parts = []
        while lo < hi:
            stop = int(np.searchsorted(edges, int(edges[lo]) + _BLOCK_BP, side="right")) - 1
            stop = min(hi, max(lo + 1, stop))
            view, offset = with_halo(
                self._codes, int(edges[lo]), int(edges[stop]), scanner.halo
            )
            local = edges[lo : stop + 1].astype(np.int64) - int(edges[lo]) + offset
            indptr, indices, counts = count_window(scanner, view, local)
            parts.append(csr_matrix(
                (counts.astype(np.uint16), indices.astype(np.int32), indptr),
                shape=(stop - lo, scanner.n_features),
            ))
            lo = stop
        return parts[0] if len(parts) == 1 else vstack(parts, format="csr")


class SequenceInputs:
    """One stretch of sequence as the inputs of a model.

    Parameters
    ----------
    model : trained model
    codes : uint8 (n,), see :func:`precompute.genome.encode`
    tokenizer : of the model; None for one-hot
    start : coordinate of the first base, bp
    workers, progress : of the scan

    Raises
    ------
    RegionError
        When the sequence is shorter than one position, or no base of it is known.
    """

    def __init__(
        self,
        model: TrainedModel,
        codes: NDArray[np.uint8],
        tokenizer: Tokenizer | None = None,
        start: int = 0,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> None:
        if len(codes) < CELL_BP:
            raise RegionError(
                f"the sequence has {len(codes):,} bp, shorter than one position of the model "
                f"({CELL_BP} bp); give a longer one"
            )
        if not (codes < 4).any():
            raise RegionError(
                f"none of the {len(codes):,} bases is A, C, G or T; give a known sequence"
            )
        self.encoding, self.start, self._codes = model.encoding, start, codes
        self._tokens: TokenBlocks | None = None
        if model.encoding == "tokens":
            tokenizer = tokenizer or Tokenizer(model)
            edges = tokenizer.edges(codes, workers, progress)
            counts = _LiveCounts(tokenizer, codes, edges)
            self._edges = edges.astype(np.int64)
            self._tokens = TokenBlocks(counts, _CACHE_MB, tokenizer.matrix)
        else:
            cells = CELL_BP * np.arange(-(-len(codes) // CELL_BP) + 1)
            self._edges = np.minimum(cells, len(codes))

    def n_positions(self, chrom: str = "") -> int:
        """Bins or 16-bp cells."""
        return len(self._edges) - 1

    def edges(self, chrom: str = "") -> NDArray[np.int64]:
        """Edges of the positions, bp."""
        return self.start + self._edges

    def rows(self, window: Window, reverse: bool = False) -> SparseRows:
        """Tokens of a window: (bins, clusters)."""
        if self._tokens is None:
            raise RegionError("a one-hot model reads bases, not tokens")
        return self._tokens.rows(window, reverse)

    def onehot(self, window: Window, reverse: bool = False) -> NDArray[np.float32]:
        """float32 (4, 16 x cells)."""
        codes = self._codes[window.lo * CELL_BP : window.hi * CELL_BP]
        return one_hot(codes, (window.hi - window.lo) * CELL_BP, reverse)


class SequencePrediction(NamedTuple):
    """Prediction of one sequence.

    Attributes
    ----------
    positions : int64 (n + 1,), edges of the bins or 16-bp cells, bp
    values : float64 (tracks, n), mean signal per base in each track's unit
    """

    positions: NDArray[np.int64]
    values: NDArray[np.float64]


def predict_sequence(
    model: TrainedModel,
    sequence: str | NDArray[np.uint8],
    tokenizer: Tokenizer | None = None,
    start: int = 0,
    workers: int = 1,
) -> SequencePrediction:
    """Predict a pasted sequence or any stretch at hand.

    Parameters
    ----------
    model : trained model
    sequence : letters in either case, or codes; white space and line ends in letters are skipped
    tokenizer : made for the model before, which saves reading its profiles; token models only
    start : coordinate of the first base, bp
    workers : threads; they change no result

    Raises
    ------
    RegionError
        When it is shorter than one position, or holds no known base or what is no letter.
    """
    codes = _checked_letters(sequence) if isinstance(sequence, str) else sequence
    inputs = SequenceInputs(model, codes, tokenizer, start, workers)
    values = predict_positions(model, inputs, "", workers=workers)
    return SequencePrediction(inputs.edges(), values)


def _checked_letters(sequence: str) -> NDArray[np.uint8]:
    letters = "".join(sequence.split())
    strange = sorted({letter for letter in letters if not (letter.isascii() and letter.isalpha())})
    if strange:
        raise RegionError(
            f"the sequence holds {strange[0]!r}, which is no nucleotide letter; give "
            "letters alone, without a FASTA header"
        )
    return encode(letters)
