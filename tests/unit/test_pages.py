"""Pages beside the workspace: what the server sends of them, and to whom not."""

from __future__ import annotations

import json

import pytest

from vizapp import create_app


@pytest.fixture(scope="module")
def client(synthetic_root):
    return create_app(synthetic_root).server.test_client()


def ask(client, page, opened):
    """The answer to a browser that says a page was opened."""
    return client.post("/_dash-update-component", json={
        "output": '{"page":["MATCH"],"type":"page-body"}.children',
        "outputs": {"id": {"page": page, "type": "page-body"}, "property": "children"},
        "inputs": [{"id": {"page": page, "type": "page-opened"}, "property": "data",
                    "value": opened}],
        "changedPropIds": [
            f'{json.dumps({"page": page, "type": "page-opened"}, separators=(",", ":"))}.data'],
    })


@pytest.mark.parametrize("page", ["language", "lexicon", "motifs", "run"])
def test_a_page_is_sent_within_two_megabytes(client, page):
    answer = ask(client, page, True)
    assert answer.status_code == 200
    assert "children" in answer.get_data(as_text=True)
    assert len(answer.get_data()) < 2_000_000


@pytest.mark.parametrize(("page", "opened"), [
    ("workspace", True), ("../etc", True), ("", True), ("run", None), ("run", "yes"), ("run", 1),
])
def test_anything_else_gets_nothing(client, page, opened):
    answer = ask(client, page, opened)
    assert answer.status_code in (200, 204)
    assert "children" not in answer.get_data(as_text=True)


def test_the_first_load_holds_no_other_page(client):
    layout = client.get("/_dash-layout").get_data(as_text=True)
    assert '"law-grid"' not in layout
    assert '"lexicon-grid"' not in layout
    assert "page-opened" in layout
