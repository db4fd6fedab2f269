"""A table of rows: one look, one way to choose a row, and a sentence where there is none."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag

_CHOSEN_BY_CLICK = {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True}


def written(form: str, value: str = "params.value") -> str:
    """JavaScript that writes a number by d3's ``form``; nothing for a missing one."""
    return f"({value} == null ? '' : d3.format('{form}')({value}))"


def number_column(
    field: str, header: str, about: str, form: str = ".3f", width: int = 84
) -> dict[str, Any]:
    """A column of numbers; ``form`` is d3's, ``about`` a tooltip of the header."""
    return {
        "field": field, "headerName": header, "headerTooltip": about, "type": "rightAligned",
        "width": width, "filter": False, "valueFormatter": {"function": written(form)},
    }


def interval_column(
    field: str, header: str, about: str, form: str = ".3f", width: int = 164
) -> dict[str, Any]:
    """A column of numbers with their intervals, of the fields ``_low`` and ``_high``; it sorts by
    the number."""
    low, high = f"params.data.{field}_low", f"params.data.{field}_high"
    bracket = f"({low} == null ? '' : ' (' + {written(form, low)} + ' to ' + " \
              f"{written(form, high)} + ')')"
    column = number_column(field, header, about, form, width)
    column["valueFormatter"] = {
        "function": f"params.value == null ? '' : {written(form)} + {bracket}"
    }
    return column


def data_table(
    table_id: str, columns: list[dict[str, Any]], empty: str, *, height: str | None = "100%",
    header_px: int = 32, row_id: str = "", is_clickable: bool = True, is_paged: bool = False,
    column: dict[str, Any] | None = None, **options: Any,
) -> Any:
    """A table whose rows a callback brings.

    Parameters
    ----------
    empty : what it says without a row, and what to do then
    height : as CSS; None: as high as its rows
    header_px : height of the column names, pixels
    row_id : field that names a row, so that a choice stays when the rows change
    is_clickable : whether a click chooses a row
    is_paged : whether rows come from the server as they are scrolled to
    column : changes of what all columns share
    options : of AG Grid, in its own names
    """
    grid: dict[str, Any] = {
        "rowHeight": 26, "headerHeight": header_px, "tooltipShowDelay": 300,
        # As text: the grid refuses a template, which could be code.
        "localeText": {"noRowsToShow": empty, "loadingOoo": "opening the table"},
    }
    if is_clickable:
        grid["rowSelection"] = _CHOSEN_BY_CLICK
    if is_paged:
        grid |= {"maxBlocksInCache": 20, "infiniteInitialRowCount": 1, "rowBuffer": 5}
    if height is None:
        grid["domLayout"] = "autoHeight"
    # Without rows it says that it loads; ``empty`` is for an answer that has none.
    rows: dict[str, Any] = {"rowModelType": "infinite"} if is_paged else {}
    if row_id:
        rows["getRowId"] = f"params.data.{row_id}"
    return dag.AgGrid(
        id=table_id, columnDefs=columns, dashGridOptions=grid | options,
        defaultColDef={"resizable": True, "suppressMovable": True, "wrapHeaderText": True,
                       "sortable": not is_paged} | (column or {}),
        className="ag-theme-alpine instances", style={"height": height}, **rows,
    )
