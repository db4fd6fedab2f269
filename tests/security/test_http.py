"""What the server tells a stranger, and what it does with a request that no page of ours sends."""

from __future__ import annotations

import json
import re

import pytest

from vizapp import component_ids as ids
from vizapp import create_app

UPDATE = "/_dash-update-component"


@pytest.fixture(scope="module")
def app(synthetic_root):
    return create_app(synthetic_root)


@pytest.fixture
def client(app):
    return app.server.test_client()


def target(app, *outputs: str) -> str:
    """The app's own name of the callback that writes these properties."""
    for name in app.callback_map:
        # Duplicate outputs carry a hash after '@'.
        if {p.split("@")[0] for p in name.strip(".").split("...")} == set(outputs):
            return name
    raise AssertionError(f"no callback writes {outputs}: {list(app.callback_map)}")


def call(client, app, outputs, inputs, state=(), changed=None):
    """A callback as dash-renderer posts it; values are (id, property, value)."""
    name = target(app, *outputs)
    parts = name.strip(".").split("...") if name.startswith("..") else [name]
    shaped = []
    for part in parts:
        component, _, prop = part.rpartition(".")
        shaped.append({"id": component, "property": prop})
    body = {
        "output": name, "outputs": shaped if name.startswith("..") else shaped[0],
        "inputs": [{"id": i, "property": p, "value": v} for i, p, v in inputs],
        "state": [{"id": i, "property": p, "value": v} for i, p, v in state],
        "changedPropIds": changed or [f"{inputs[0][0]}.{inputs[0][1]}"],
    }
    return client.post(UPDATE, data=json.dumps(body), content_type="application/json")


TRACKS = [{"id": "genes"}, {"id": "observed.atac"}, {"id": "peaks.CTCF"}, {"id": "tokens"}]


def draw(client, app, region, tracks=TRACKS):
    told = call(client, app, (f"{ids.OVERVIEW}.children",),
                [(ids.OVERVIEW_STORE, "data", region)])
    response = client.post("/genome/window", json={
        "region": region, "tracks": tracks, "part": "all", "around": True})
    # What has no place has no tracks, and the other way round.
    assert bool(notice(told)) == ("region" in response.get_json().get("error", "")
                                  or "chromosome" in response.get_json().get("error", ""))
    return response


def notice(response) -> str:
    """Text of the notice that a response carries; empty when there is none."""
    if response.status_code == 204 or not response.data:
        return ""
    if response.status_code == 400:
        return str(response.get_json()["error"])
    side = response.get_json().get("sideUpdate", {})
    return json.dumps(side[ids.NOTICE]) if ids.NOTICE in side else ""


GOOD = {"chrom": "chr20", "start": 1_000_100, "end": 1_005_000}


def test_a_good_request_draws(app, client):
    response = draw(client, app, GOOD)
    assert response.status_code == 200
    figure = response.get_json()["figure"]
    assert figure["layout"]["xaxis"]["range"] == [GOOD["start"], GOOD["end"]]
    assert notice(response) == ""


HOSTILE = [
    None, 0, True, "x", "../../etc/passwd", [], [[]], {}, {"chrom": "chr20"},
    {"chrom": "chr20", "start": 10**30, "end": 10**31},
    {"chrom": "chr20", "start": -5, "end": "9"},
    {"chrom": ["chr20"], "start": 1, "end": 2},
    {"chrom": "chr20", "start": 5, "end": 1},
    {"chrom": "<img src=x onerror=alert(1)>", "start": 1, "end": 2},
    {"chrom": "chr20", "start": 1, "end": 2, "__proto__": {"x": 1}},
]


@pytest.mark.parametrize("region", HOSTILE)
def test_hostile_regions_never_reach_a_trace_back(app, client, region):
    response = draw(client, app, region)
    assert response.status_code in (200, 400)
    assert b"Traceback" not in response.data
    assert b"site-packages" not in response.data
    assert "something went wrong" not in notice(response)


@pytest.mark.parametrize("tracks", [
    None, 1, {}, "genes", [None], ["genes"], [{"id": 1}], [{"id": ["genes"]}],
    [{"id": "../signal"}], [{"id": "observed.dnase\x00"}], [{"id": "genes"}] * 2,
    [{"id": "genes"}] * 41, [{"id": "genes", "times": 1e9}], [{"id": "genes", "times": "nan"}],
    [{"id": "genes", "scale": [5, 1]}], [{"id": "genes", "scale": ["-inf", 1]}],
    [{"id": "genes", "scale": "log"}], [{"id": "genes", "href": "javascript:alert(1)"}],
])
def test_hostile_tracks_are_one_sentence(app, client, tracks):
    said = notice(draw(client, app, GOOD, tracks=tracks))
    assert "track" in said or "scale" in said


@pytest.mark.parametrize("marks", [
    1, {"a": 1}, [1], [{"chrom": "chr20"}], [GOOD | {"name": "x" * 41}], [GOOD] * 21,
    [GOOD | {"chrom": "chrZ"}], [GOOD | {"name": {"a": 1}}],
])
def test_hostile_marks_are_one_sentence(client, marks):
    said = notice(client.post("/genome/window", json={
        "region": GOOD, "tracks": TRACKS, "marks": marks, "part": "all"}))
    assert "mark" in said or "chromosome" in said


@pytest.mark.parametrize("place", [
    7, [], {}, {"step": []}, {"step": "motif:\x00"}, {"step": "peak:<script>", "forward": 1},
    {"around": {"chrom": ["chr20"], "start": 1, "end": 2}}, {"around": {"chrom": "chr20"}},
    {"around": {"chrom": "chr20", "start": 10**30, "end": -5}}, {"step": "selection",
     "selection": {"kind": "union", "of": [{}]}}, {"around": {"a": {"b": {}}}, "step": None},
])
@pytest.mark.parametrize("now", [GOOD, None, "x", {"chrom": "chr20", "start": "1", "end": 2}])
def test_hostile_places_are_one_sentence(client, place, now):
    response = client.post("/genome/window", json={
        "region": None, "place": place, "now": now, "tracks": TRACKS, "part": "signals"})
    assert response.status_code in (200, 400)
    said = response.get_json()["error"]
    assert said
    assert "Traceback" not in said


@pytest.mark.parametrize("click", [
    None, 0, "x", [], {}, {"points": None}, {"points": "x"}, {"points": [None]},
    {"points": [{"customdata": "7"}]}, {"points": [{"customdata": True}]},
    {"points": [{"customdata": -1}]}, {"points": [{"customdata": [1, 2]}]},
])
def test_hostile_clicks_change_nothing(app, client, click):
    outputs = (f"{ids.SELECTION_STORE}.data",)
    response = call(
        client, app, outputs,
        [(ids.LASSO_STORE, "data", None), (ids.SELECTION_CLEAR, "n_clicks", None),
         ({"type": ids.LEGEND_CHIP, "level": "mega", "index": 0}, "n_clicks", 0),
         (ids.GENOME_CLICK, "data", click), (ids.SELECTION_INVERT, "n_clicks", None)],
        [(ids.SELECTION_STORE, "data", None), (ids.SELECTION_HOW_STORE, "data", "replace")],
        changed=[f"{ids.GENOME_CLICK}.data"],
    )
    assert response.status_code in (200, 204)
    assert b"Traceback" not in response.data
    assert "something went wrong" not in notice(response)


MAP_CONTROLS = {
    ids.MAP_LAYOUT: "tsne", ids.MAP_COLOR: "mega", ids.MAP_HIDDEN: None, ids.MAP_SCALE: [0, 99.5],
    ids.MAP_LOG: False, ids.MAP_DENSITY: "log", ids.MAP_SHOWS: [], ids.MAP_VIEW: None,
}


def draw_points(client, app, **changes):
    values = MAP_CONTROLS | changes
    prop = {ids.MAP_HIDDEN: "data", ids.MAP_VIEW: "data", ids.MAP_LOG: "checked"}
    inputs = [(i, prop.get(i, "value"), value) for i, value in values.items()]
    return call(client, app, (f"{ids.MAP_GRAPH}.figure", f"{ids.MAP_STATUS}.children"), inputs)


def test_a_good_map_request_draws(app, client):
    response = draw_points(client, app, **{ids.MAP_SHOWS: ["contours", "labels"]})
    assert response.status_code == 200
    assert "tokens" in response.get_json()["response"][ids.MAP_STATUS]["children"]
    assert notice(response) == ""


@pytest.mark.parametrize(("control", "value"), [
    (ids.MAP_LAYOUT, "../umap"), (ids.MAP_LAYOUT, ["umap"]), (ids.MAP_COLOR, "motif:99999999"),
    (ids.MAP_COLOR, {"a": 1}), (ids.MAP_HIDDEN, {"mega": [10**12]}), (ids.MAP_HIDDEN, [1]),
    (ids.MAP_SCALE, [99, 1]), (ids.MAP_SCALE, "all"), (ids.MAP_DENSITY, "x" * 10_000),
    (ids.MAP_VIEW, {"layout": "tsne", "x": [0, 1], "y": [0, 1], "width": 10**9, "height": 10**9}),
    (ids.MAP_VIEW, {"layout": "tsne", "x": [1, 0], "y": [0, 1], "width": 800, "height": 600}),
    (ids.MAP_VIEW, "x"),
])
def test_hostile_map_requests_are_one_sentence(app, client, control, value):
    response = draw_points(client, app, **{control: value})
    assert response.status_code in (200, 204)
    assert b"Traceback" not in response.data
    assert notice(response)
    assert "something went wrong" not in notice(response)


@pytest.mark.parametrize("pointer", [
    {"x": 0, "y": 0, "rx": 1e300, "ry": 1}, {"x": None, "y": 0, "rx": 1, "ry": 1}, [], "x", 7])
def test_hostile_pointers_are_one_sentence(app, client, pointer):
    response = call(
        client, app, (f"{ids.MAP_FOUND}.data",), [(ids.MAP_POINTER, "data", pointer)],
        [(ids.MAP_LAYOUT, "value", "tsne"), (ids.MAP_HIDDEN, "data", None)])
    assert "move the pointer" in notice(response)


def test_what_a_user_types_comes_back_as_text_and_never_in_a_link(app, client):
    typed = "<img src=x onerror=alert(1)>"
    outputs = (f"{ids.REGION_STORE}.data", f"{ids.NOTICE}.children")
    inputs = [(ids.REGION_GO, "n_clicks", 1), (ids.REGION_INPUT, "n_submit", 0)]
    state = [(ids.REGION_INPUT, "value", typed), (ids.REGION_STORE, "data", GOOD)]
    response = call(client, app, outputs, inputs, state)
    shown = notice(response)
    assert "img src" in shown  # a child of a React component, which escapes it
    assert "dangerously" not in shown
    assert "href" not in shown


@pytest.mark.parametrize("path", ["/", "/_dash-layout", "/_dash-dependencies", "/nothing"])
def test_security_headers_are_on_every_answer(client, path):
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = dict(
        part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
    )
    assert policy["frame-ancestors"] == "'none'"
    assert policy["object-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "'unsafe-inline'" not in policy["script-src"]
    assert not re.search(r"https?:|\*", headers["Content-Security-Policy"])


def test_the_page_asks_no_other_host_for_anything(client):
    html = client.get("/").get_data(as_text=True)
    links = re.findall(r"(?:src|href)=[\"']([^\"']+)[\"']", html)
    assert links
    assert [u for u in links if re.match(r"(https?:)?//", u)] == []
    for url in links:
        with client.get(url) as response:
            assert response.status_code == 200, url


def test_a_request_that_is_too_large_is_refused(client):
    response = client.post(
        UPDATE, data=b"[" + b"0," * 1_000_000 + b"0]", content_type="application/json"
    )
    assert response.status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'{"output": "x.y"}', b"\xff\xfe"])
def test_a_malformed_request_shows_no_source(app, client, body):
    # As waitress serves it: an unexpected exception is an error page, not a propagated one.
    app.server.config["PROPAGATE_EXCEPTIONS"] = False
    response = client.post(UPDATE, data=body, content_type="application/json")
    assert response.status_code >= 400
    assert b"Traceback" not in response.data
    assert b".py" not in response.data


@pytest.mark.parametrize("path", [
    "/assets/../app.py", "/assets/%2e%2e/app.py", "/assets/..%2fvizapp/server.py",
    "/_dash-component-suites/dash/../../../../etc/passwd", "/runs/demo/manifest.json",
])
def test_no_path_leads_out_of_the_assets(app, client, path):
    app.server.config["PROPAGATE_EXCEPTIONS"] = False
    with client.get(path) as response:
        response.get_data()
    assert b"argparse" not in response.data
    assert b"root:" not in response.data
    assert b"motiflens.manifest" not in response.data


def test_the_server_is_not_in_debug_mode_and_hides_what_it_is(app, client):
    assert app.server.debug is False
    assert "Werkzeug" not in client.get("/").headers.get("Server", "")
    assert client.get("/_reload-hash").status_code in (200, 404)
