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


@pytest.mark.parametrize(
    "page",
    ["language", "lexicon", "motifs", "models", "benchmark", "effects", "what-if", "run"],
)
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


def test_the_page_holds_the_map_before_any_script_runs(client):
    html = client.get("/").get_data(as_text=True)
    assert html.index('id="first-look"') < html.index("react-entry-point")
    assert 'alt="The token map" src="data:image/png;base64,' in html


@pytest.mark.parametrize("query", ["page=lexicon", "map=umap", "color=motif:1"])
def test_a_link_to_another_view_does_not_begin_with_the_picture(client, query):
    assert "first-look" not in client.get(f"/?{query}").get_data(as_text=True).split("<footer>")[0]


@pytest.mark.parametrize("tab", ["compare", "subclusters", "coverage"])
def test_a_tab_behind_the_first_is_sent_when_it_is_opened(client, tab):
    layout = client.get("/_dash-layout").get_data(as_text=True)
    graphs = {"compare": '"volcano-graph"', "subclusters": '"subclusters-graph"',
              "coverage": '"coverage-graph"'}
    assert graphs[tab] not in layout
    answer = client.post("/_dash-update-component", json={
        "output": '{"page":["MATCH"],"type":"tab-body"}.children',
        "outputs": {"id": {"page": tab, "type": "tab-body"}, "property": "children"},
        "inputs": [{"id": {"page": tab, "type": "tab-opened"}, "property": "data", "value": True}],
        "changedPropIds": [f'{{"page":"{tab}","type":"tab-opened"}}.data'],
    })
    assert graphs[tab] in answer.get_data(as_text=True)
