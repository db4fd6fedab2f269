"""Where bins begin and end: the numerics of :mod:`precompute.bins`, which any stage may use.

The depth is smoothed with a Gaussian; the boundaries are the half-prominence flanks of every peak
that is wide enough, and long bins are cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from precompute.config import BinConfig
from precompute.errors import StageError
from precompute.streaming import windows, with_halo

#: Radius of the Gaussian kernel in standard deviations (scipy's default, 12 bp at sigma 3 bp).
_TRUNCATE = 4.0


def find_edges(
    depth: NDArray[np.uint16], config: BinConfig | None = None
) -> tuple[NDArray[np.int32], float]:
    """Bin edges of a depth curve.

    Parameters
    ----------
    depth : uint16 (n,), motif features over each base
    config : smoothing, peak width and cutting rules; the paper's by default

    Returns
    -------
    edges : int32 (n_bins + 1,), strictly rising from 0 to n
    long_share : share of bins longer than ``max_bin_bp`` before they were cut

    Raises
    ------
    StageError
        When ``depth`` is empty.

    References
    ----------
    The paper, section on motif-aware bins (sigma 3 bp, width 5, cut above 50 bp every 25 bp).

    Examples
    --------
    >>> edges, _ = find_edges(np.zeros(60, dtype=np.uint16))
    >>> edges.tolist()
    [0, 25, 50, 60]
    """
    config = config or BinConfig()
    whole = peak_flanks(depth, config)
    return cut_long_bins(whole, config), float((np.diff(whole) > config.max_bin_bp).mean())


def peak_flanks(depth: NDArray[np.uint16], config: BinConfig) -> NDArray[np.int64]:
    """Both flanks of every depth peak and the two ends, int64, strictly rising: bins not yet cut.

    Raises
    ------
    StageError
        When ``depth`` is empty.
    """
    n = len(depth)
    if n == 0:
        raise StageError("the depth curve is empty; give a region of at least one base")
    smooth = smooth_depth(depth, config.sigma_bp)
    _, properties = find_peaks(smooth, width=config.min_peak_width_bp)
    flanks = np.concatenate([properties["left_ips"], properties["right_ips"]]).astype(np.int64)
    return np.unique(np.concatenate([[0, n], flanks]))


def smooth_depth(
    depth: NDArray[np.uint16], sigma_bp: float, window_bp: int = 1 << 20
) -> NDArray[np.float64]:
    """Gaussian-smoothed depth, float64 (n,).

    Windows with a halo of the kernel's radius give what one pass gives, bit for bit, without its
    copies of the whole curve.
    """
    radius = int(_TRUNCATE * sigma_bp + 0.5)
    smooth = np.empty(len(depth))
    for lo, hi in windows(len(depth), max(window_bp, 4 * radius)):
        view, offset = with_halo(depth, lo, hi, radius)
        part = gaussian_filter1d(view.astype(np.float64), sigma_bp, truncate=_TRUNCATE)
        smooth[lo:hi] = part[offset : offset + hi - lo]
    return smooth


def cut_long_bins(edges: NDArray[np.int64], config: BinConfig) -> NDArray[np.int32]:
    """Edges with every bin longer than ``max_bin_bp`` cut every ``cut_every_bp``; sorted."""
    lengths = np.diff(edges)
    pieces = np.where(
        lengths > config.max_bin_bp, -(-lengths // config.cut_every_bp), 1
    )
    starts = np.repeat(edges[:-1], pieces)
    within = np.arange(len(starts)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return np.append(starts + within * config.cut_every_bp, edges[-1]).astype(np.int32)
