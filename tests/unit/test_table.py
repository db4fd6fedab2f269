"""Tables: one that waits for its rows says so, one without any says what to do."""

from __future__ import annotations

from vizapp.views.table import data_table, interval_column


def test_a_table_waits_for_its_rows_and_has_a_sentence_for_none():
    table = data_table("some-grid", [], "choose a pair", height=None, is_clickable=False)
    # Rows that are not there yet are not "no rows".
    assert not hasattr(table, "rowData")
    assert table.dashGridOptions["localeText"]["noRowsToShow"] == "choose a pair"
    assert table.dashGridOptions["domLayout"] == "autoHeight"
    assert "rowSelection" not in table.dashGridOptions


def test_rows_of_a_paged_table_come_from_the_server_and_are_not_sorted_here():
    table = data_table("some-grid", [], "none", is_paged=True, row_id="key", cacheBlockSize=7)
    assert table.rowModelType == "infinite"
    assert table.getRowId == "params.data.key"
    assert table.defaultColDef["sortable"] is False
    assert table.dashGridOptions["cacheBlockSize"] == 7


def test_an_interval_names_its_fields():
    column = interval_column("auc", "AUC", "area")
    shown = column["valueFormatter"]["function"]
    assert "params.data.auc_low" in shown
    assert "params.data.auc_high" in shown
