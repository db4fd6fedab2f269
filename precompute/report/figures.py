"""The report's figures as SVG by hand: self-contained, printable, right on light and dark.

Text and axes take ``currentColor``, so a page sets them by CSS; the attribute on the root is what
they are where no CSS reaches, for example in an ``<img>``. Series colours are Okabe and Ito's.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precompute.report.content import Figure

if TYPE_CHECKING:
    import pandas as pd

_BARS, _CURVE, _MARK = "#56B4E9", "#D55E00", "#CC79A7"
#: Colour and dash of each linkage: told apart without colour too.
_LINKAGES = {
    "single": ("#D55E00", ""), "average": ("#56B4E9", "7 4"), "complete": ("#009E73", "2 3"),
}
_TOKENIZERS = {
    "motif": ("#009E73", ""), "bpe600": ("#56B4E9", "7 4"), "bpe4096": ("#CC79A7", "2 3"),
}
_GREY = "#7A8591"
_WIDTH, _HEIGHT = 560, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 14, 46


class _Plot:
    """A plot area with linear axes that begin and end at given values."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self._x, self._y = x, y
        self.parts: list[str] = []

    def px(self, x: float) -> float:
        """Horizontal place of a value."""
        span = self._x[1] - self._x[0]
        return _LEFT + (x - self._x[0]) / span * (_WIDTH - _LEFT - _RIGHT)

    def py(self, y: float) -> float:
        """Vertical place of a value."""
        span = self._y[1] - self._y[0]
        return _HEIGHT - _BOTTOM - (y - self._y[0]) / span * (_HEIGHT - _TOP - _BOTTOM)

    def axes(
        self, x_title: str, y_title: str, percent: bool = False, is_log: bool = False
    ) -> None:
        """Ticks, faint grid lines and titles with units; ``is_log``: values are powers of 10."""
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        if is_log:
            across, up = ([float(k) for k in range(math.ceil(a), math.floor(b) + 1)]
                          for a, b in (self._x, self._y))
        else:
            across, up = ticks(*self._x, 7), ticks(*self._y, 6)
        for value in across:
            x = self.px(value)
            self.parts.append(
                f'<line x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}" '
                'stroke="currentColor" opacity=".6"/>'
            )
            self.text(x, bottom + 17, power_of_ten(value) if is_log else label(value), "middle")
        for value in up:
            y = self.py(value)
            self.parts.append(
                f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" '
                'stroke="currentColor" opacity=".13"/>'
            )
            text = power_of_ten(value) if is_log else label(value) + (" %" if percent else "")
            self.text(_LEFT - 7, y + 4, text, "end")
        self.parts.append(
            f'<line x1="{_LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}" stroke="currentColor" '
            'opacity=".6"/>'
        )
        self.text((_LEFT + right) / 2, _HEIGHT - 8, x_title, "middle", 13)
        middle = (_TOP + bottom) / 2
        self.parts.append(
            f'<text transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle" '
            f'font-size="13" fill="currentColor">{escape(y_title)}</text>'
        )

    def text(
        self, x: float, y: float, text: str, anchor: str = "start", size: int = 12,
        fill: str = "currentColor",
    ) -> None:
        """A label."""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'fill="{fill}">{escape(text)}</text>'
        )

    def bars(self, counts: NDArray[np.floating], color: str, first: int = 0) -> None:
        """Bars of width 1 centred on ``first``, ``first + 1`` and so on, as one path."""
        zero = self.py(max(self._y[0], 0))
        steps = [f"M{self.px(first - 0.5):.1f} {zero:.1f}"]
        for k, value in enumerate(counts):
            y = self.py(float(value))
            steps.append(f"V{y:.1f}H{self.px(first + k + 0.5):.1f}")
        self.parts.append(
            f'<path d="{"".join(steps)}V{zero:.1f}Z" fill="{color}" fill-opacity=".75"/>'
        )

    def line(
        self, x: NDArray[np.floating], y: NDArray[np.floating], color: str, dash: str = "",
        is_step: bool = False,
    ) -> None:
        """A curve, or a step that holds its value up to the next point."""
        points = [f"{self.px(a):.1f} {self.py(b):.1f}" for a, b in zip(x, y, strict=True)]
        path = "M" + "L".join(points)
        if is_step:
            path = f"M{points[0]}" + "".join(
                f"H{self.px(a):.1f}V{self.py(b):.1f}" for a, b in zip(x[1:], y[1:], strict=True)
            )
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2"{dashes}/>'
        )

    def upright(self, x: float, color: str = "currentColor") -> None:
        """A dashed vertical line."""
        self.parts.append(
            f'<line x1="{self.px(x):.1f}" y1="{_TOP}" x2="{self.px(x):.1f}" '
            f'y2="{_HEIGHT - _BOTTOM}" stroke="{color}" stroke-dasharray="4 3"/>'
        )

    def level(self, y: float, color: str = "currentColor") -> None:
        """A dashed horizontal line."""
        self.parts.append(
            f'<line x1="{_LEFT}" y1="{self.py(y):.1f}" x2="{_WIDTH - _RIGHT}" '
            f'y2="{self.py(y):.1f}" stroke="{color}" stroke-dasharray="4 3"/>'
        )

    def legend(self, names: list[tuple[str, str, str]], x: float, y: float) -> None:
        """Names with their colour and dash, one under the other from ``y`` on."""
        for k, (name, color, dash) in enumerate(names):
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            self.parts.append(
                f'<line x1="{x:.0f}" y1="{y + 17 * k - 4:.0f}" x2="{x + 28:.0f}" '
                f'y2="{y + 17 * k - 4:.0f}" stroke="{color}" stroke-width="2"{dashes}/>'
            )
            self.text(x + 34, y + 17 * k, name)

    def svg(self, title: str) -> str:
        """The whole figure."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            f'aria-label="{escape(title)}" color="{_GREY}" '
            'font-family="Inter, system-ui, sans-serif">'
            f"<title>{escape(title)}</title>{''.join(self.parts)}</svg>"
        )


def ticks(low: float, high: float, about: int) -> list[float]:
    """About that many round numbers from ``low`` to ``high``.

    >>> ticks(0, 50, 7)
    [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    """
    raw = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def label(value: float) -> str:
    """A tick's text.

    >>> label(1500.0), label(0.25)
    ('1,500', '0.25')
    """
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def power_of_ten(exponent: float) -> str:
    """Short text of a power of ten from 1 to 999 billion.

    >>> [power_of_ten(k) for k in (0, 2, 3, 5, 7)]
    ['1', '100', '1k', '100k', '10M']
    """
    thousands, rest = divmod(int(exponent), 3)
    return f"{10**rest}{('', 'k', 'M', 'G')[min(thousands, 3)]}"


def bin_lengths(counts: NDArray[np.integer], mean: float, sd: float) -> Figure:
    """Lengths of the bins that have a known base, and the normal curve of their mean and sd."""
    total = max(int(counts.sum()), 1)
    share = 100 * counts / total
    top = max(int(np.flatnonzero(counts).max(initial=10)), 10)
    x = np.linspace(0, top, 200)
    spread = max(sd, 1e-9)
    normal = 100 * np.exp(-0.5 * ((x - mean) / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
    plot = _Plot((0, top + 1), (0, 1.12 * float(max(share.max(initial=1e-9), normal.max()))))
    plot.bars(share[1 : top + 1], _BARS, first=1)
    plot.line(x, normal, _CURVE)
    plot.axes("length of a bin (bp)", "share of bins", percent=True)
    plot.text(_WIDTH - _RIGHT, _TOP + 14, f"{total:,} bins", "end")
    plot.text(_WIDTH - _RIGHT, _TOP + 31, f"mean {mean:.2f} bp, sd {sd:.2f} bp", "end")
    plot.text(_WIDTH - _RIGHT, _TOP + 48, "normal curve of that mean and sd", "end", fill=_CURVE)
    inside, normally = _within(counts, mean, sd)
    caption = (
        f"Lengths of the {total:,} bins that hold a known base, after long bins are cut. The paper "
        f"calls its lengths close to Gaussian; here {100 * inside:.1f} % lie within one standard "
        f"deviation of the mean ({100 * normally:.1f} % if normal), and the skewness is "
        f"{_skewness(counts):.2f} (0 if normal)."
    )
    return Figure("bin_lengths", "Lengths of the bins", caption, plot.svg("Lengths of the bins"))


def _within(counts: NDArray[np.integer], mean: float, sd: float) -> tuple[float, float]:
    """Share within one standard deviation, and what it is for a normal curve on whole bp."""
    n = np.arange(len(counts))
    near = np.abs(n - mean) <= sd
    if not near.any() or sd == 0:
        return float(counts[near].sum() / max(counts.sum(), 1)), 1.0
    low, high = (n[near].min() - 0.5 - mean) / sd, (n[near].max() + 0.5 - mean) / sd
    normally = 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    return float(counts[near].sum() / max(counts.sum(), 1)), normally


def _skewness(counts: NDArray[np.integer]) -> float:
    n, total = np.arange(len(counts)), max(counts.sum(), 1)
    mean = (counts * n).sum() / total
    variance = (counts * (n - mean) ** 2).sum() / total
    return float((counts * (n - mean) ** 3).sum() / total / max(variance, 1e-12) ** 1.5)


def cluster_counts(
    table: pd.DataFrame, linkage: str, cut: float, clusters: int, paper: float
) -> Figure:
    """Number of motif clusters at every cut, for each linkage."""
    high = 1.05 * float(max(table["n_clusters"].max(), paper))
    plot = _Plot((0.0, 1.0), (0.0, high))
    plot.axes("cut (distance 1 \N{MINUS SIGN} IDS)", "motif clusters")
    plot.level(paper, _MARK)
    plot.text(_LEFT + 4, plot.py(paper) - 5, f"the paper: {paper:.0f}", fill=_MARK)
    plot.upright(cut)
    names: list[tuple[str, str, str]] = []
    for name, rows in table.groupby("linkage", sort=False):
        color, dash = _LINKAGES.get(str(name), (_BARS, ""))
        rows = rows.sort_values("cut")
        plot.line(rows["cut"].to_numpy(), rows["n_clusters"].to_numpy(), color, dash, is_step=True)
        names.append((f"{name} linkage", color, dash))
    plot.legend(names, _LEFT + 12, _HEIGHT - _BOTTOM - 17 * len(names))
    plot.parts.append(
        f'<circle cx="{plot.px(cut):.1f}" cy="{plot.py(clusters):.1f}" r="4.5" '
        f'fill="{_LINKAGES.get(linkage, (_BARS, ""))[0]}" stroke="currentColor"/>'
    )
    # Below and left of the point no falling curve can be.
    plot.text(plot.px(cut) - 9, plot.py(clusters) + 19, f"this run: {clusters:,} at {cut:g}", "end")
    caption = (
        "Motif clusters left when the tree of the interdependence scores is cut at a distance. "
        f"The vertical line is this run's cut, {cut:g} with {linkage} linkage."
    )
    title = "Motif clusters by cut and linkage"
    return Figure("cluster_counts", title, caption, plot.svg(title))


def depths(counts: NDArray[np.integer], mean: float) -> Figure:
    """Motif features over a known base."""
    total = max(int(counts.sum()), 1)
    share = 100 * counts / total
    top = max(int(np.searchsorted(np.cumsum(counts), 0.9995 * total)), 5)
    shown = share[: top + 1]
    plot = _Plot((-0.5, top + 0.5), (0, 1.12 * float(max(shown.max(initial=1e-9), 1e-9))))
    plot.bars(shown, _BARS)
    plot.axes("motif features over a base", "share of known bases", percent=True)
    plot.upright(mean, _CURVE)
    plot.text(plot.px(mean) + 6, _TOP + 12, f"mean {mean:.1f}", fill=_CURVE)
    plot.text(_WIDTH - _RIGHT, _TOP + 14, f"{total:,} known bases", "end")
    bare = 100 * float(counts[0]) / total
    caption = (
        f"How many of the motif features (profile and strand) have a hit over each known base; "
        f"{bare:.3g} % have none. The highest 0.05 % of the bases are not drawn."
    )
    title = "Motif depth of the known bases"
    return Figure("depths", title, caption, plot.svg(title))


def _log_curves(
    table: pd.DataFrame, x: str, y: str, titles: tuple[str, str], labels: dict[str, str],
    at_right: bool,
) -> _Plot:
    """A curve of each tokenizer in log-log; the k-mers are faint."""
    wide, high = (math.log10(max(table[name].max(), 10)) for name in (x, y))
    plot = _Plot((0.0, 1.03 * wide), (0.0, 1.03 * high))
    plot.axes(*titles, is_log=True)
    names: list[tuple[str, str, str]] = []
    for name, rows in table.groupby("tokenizer", sort=False):
        is_kmer = str(name).startswith("kmer")
        color, dash = _TOKENIZERS.get(str(name), (_GREY, "1 3"))
        plot.line(np.log10(rows[x].to_numpy()), np.log10(rows[y].to_numpy()), color, dash)
        if not is_kmer:
            names.append((labels.get(str(name), str(name)), color, dash))
        elif ("k-mers", _GREY, "1 3") not in names:
            names.append(("k-mers", _GREY, "1 3"))
    plot.legend(names, _WIDTH - _RIGHT - 150 if at_right else _LEFT + 12, _TOP + 18)
    return plot


def rank_frequency(table: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Rank-frequency curves of the tokenizers in log-log."""
    titles = ("rank (types, log)", "frequency (tokens, log)")
    plot = _log_curves(table, "rank", "frequency", titles, labels, at_right=True)
    caption = (
        "Frequency of each type of token against its rank, for every tokenizer on the same "
        "sequence. A straight line is a power law."
    )
    title = "Rank and frequency of the tokens"
    return Figure("rank_frequency", title, caption, plot.svg(title))


def vocabulary_growth(table: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Distinct types among the first tokens of the sequence, in log-log."""
    titles = ("tokens read (log)", "distinct types (log)")
    plot = _log_curves(table, "n_tokens", "n_types", titles, labels, at_right=False)
    caption = (
        "Distinct types among the first tokens of the sequence: a straight line is Heaps' law, and "
        "a closed vocabulary levels off."
    )
    title = "Growth of the vocabulary"
    return Figure("vocabulary_growth", title, caption, plot.svg(title))
