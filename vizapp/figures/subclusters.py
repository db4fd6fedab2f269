"""Subclusters against motif clusters as dots: how many tokens have it, and how much more."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vizapp.figures.prominent import format_q
from vizapp.theme import axis, base_layout

_SCALE = ((0.0, "#2166AC"), (0.25, "#67A9CF"), (0.5, "#D9DCE0"), (0.75, "#EF8A62"),
          (1.0, "#B2182B"))


class DotTable(Protocol):
    """Subclusters x motif clusters, as :class:`vizapp.data.subclusters.Subclusters`."""

    @property
    def subclusters(self) -> list[int]: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def n_points(self) -> list[int]: ...
    @property
    def motifs(self) -> list[int]: ...
    @property
    def share(self) -> NDArray[np.float64]: ...
    @property
    def log2_ratio(self) -> NDArray[np.float64]: ...
    @property
    def q_value(self) -> NDArray[np.float64]: ...


def figure_height(n_rows: int) -> int:
    """Height in px of the figure at which a row can be read."""
    return 190 + 21 * n_rows


def subcluster_dots(table: DotTable, labels: list[str]) -> dict[str, Any]:
    """The figure; a click on a dot tells its subcluster through customdata.

    Parameters
    ----------
    table : subclusters x motif clusters
    labels : of all motif clusters
    """
    n_rows, n_columns = table.share.shape
    row, column = (a.ravel() for a in np.mgrid[:n_rows, :n_columns])
    share, ratio, q = (a.ravel() for a in (table.share, table.log2_ratio, table.q_value))
    far = max(1.0, float(np.abs(ratio).max(initial=0)))
    largest = max(0.01, float(share.max(initial=0)))
    rows = [f"S{s} {name[:22]} ({n:,})" for s, name, n in
            zip(table.subclusters, table.names, table.n_points, strict=True)]
    dots = {
        "type": "scatter", "mode": "markers", "cliponaxis": False,
        "x": column.tolist(), "y": row.tolist(),
        "marker": {
            # Area is the share; the least dot can still be seen and clicked.
            "size": [round(float(3 + 15 * np.sqrt(s / largest)), 1) for s in share],
            "color": [round(float(v), 3) for v in ratio], "colorscale": [list(s) for s in _SCALE],
            "cmin": -far, "cmax": far, "opacity": 1,
            "line": {"width": [1.2 if v < 0.05 else 0 for v in q], "color": "#7A8591"},
            "showscale": True,
            "colorbar": {"title": {"text": "log2 ratio", "side": "right", "font": {"size": 11}},
                         "thickness": 9, "len": 0.6, "tickfont": {"size": 10}, "outlinewidth": 0,
                         "x": 1.01},
        },
        "customdata": [
            [table.subclusters[r], rows[r], labels[table.motifs[c]], round(100 * float(s), 1),
             format_q(float(v))]
            for r, c, s, v in zip(row.tolist(), column.tolist(), share, q, strict=True)
        ],
        "hovertemplate": "%{customdata[1]}<br>%{customdata[2]}<br>in %{customdata[3]} % of its "
        "tokens, log2 ratio %{marker.color:.3g}, %{customdata[4]}<extra>click to select</extra>",
    }
    return {
        "data": [dots],
        "layout": base_layout(
            hovermode="closest",
            margin={"l": 10, "r": 10, "t": 6, "b": 10},
            xaxis=axis("", tickvals=list(range(n_columns)), tickangle=-55, automargin=True,
                       ticktext=[labels[m][:24] for m in table.motifs], tickfont={"size": 10},
                       range=[-0.7, n_columns - 0.3]),
            yaxis=axis("", tickvals=list(range(n_rows)), ticktext=rows, automargin=True,
                       tickfont={"size": 10.5}, range=[n_rows - 0.3, -0.7]),
        ),
    }
