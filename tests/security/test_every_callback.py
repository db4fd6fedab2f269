"""Every callback of the app, whatever is posted to it: an answer or one sentence, never a fault.

The callbacks are read from the app itself, so a new page is tried without a word here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from dash import html
from plotly.utils import PlotlyJSONEncoder

from vizapp import component_ids as ids
from vizapp import create_app
from vizapp.data import RunData
from vizapp.views.shell import other_pages, other_tabs

UPDATE = "/_dash-update-component"

HOSTILE: dict[str, Any] = {
    "nothing": None, "true": True, "a negative number": -1, "a huge number": 10**30, "a float": 0.5,
    "a path": "../../etc/passwd", "markup": "<img src=x onerror=alert(1)>", "an empty text": "",
    "a NUL": "chr20\x00", "a list": [], "a list of lists": [[1, None], {"a": []}],
    "an object": {}, "a strange object": {"chrom": ["chr20"], "kind": {}, "start": "x", "end": [],
                                          "points": [None], "data": -1, "id": {"index": []}},
}


@pytest.fixture(scope="module")
def app(synthetic_root):
    return create_app(synthetic_root)


def served(app: Any) -> list[tuple[str, dict[str, Any]]]:
    """The callbacks that the server answers; the others run in the browser."""
    return [(name, c) for name, c in app.callback_map.items() if "callback" in c]


def parsed(component: Any) -> Any:
    """An id as it travels: text, or an object with its wildcards filled."""
    if isinstance(component, str) and component.startswith("{"):
        component = json.loads(component)
    if not isinstance(component, dict):
        return component
    return {k: "0" if isinstance(v, list) else v for k, v in component.items()}


def is_wild(component: Any) -> bool:
    """Whether it stands for a list of components."""
    given = json.loads(component) if str(component).startswith("{") else component
    return isinstance(given, dict) and ["ALL"] in given.values()


def body_of(
    name: str, callback: dict[str, Any], value: Callable[[int, dict[str, Any]], Any], changed: int
) -> dict[str, Any]:
    """What dash-renderer would post; ``value`` gives the one of each input and state."""
    def filled(parts: list[dict[str, Any]], first: int) -> list[Any]:
        rows = []
        for number, part in enumerate(parts, first):
            row = {"id": parsed(part["id"]), "property": part["property"],
                   "value": value(number, part)}
            rows.append([row] if is_wild(part["id"]) else row)
        return rows

    several = name.startswith("..")
    outputs = []
    for part in name.strip(".").split("..."):
        component, _, prop = part.rpartition(".")
        wild = is_wild(component)
        row = {"id": parsed(component), "property": prop}
        outputs.append([row] if wild else row)
    inputs = callback["inputs"]
    told = inputs[changed % len(inputs)] if inputs else {"id": "none", "property": "data"}
    first = parsed(told["id"])
    text = first if isinstance(first, str) else json.dumps(first, sort_keys=True,
                                                           separators=(",", ":"))
    return {
        "output": name, "outputs": outputs if several else outputs[0],
        "inputs": filled(inputs, 0), "state": filled(callback["state"], len(inputs)),
        "changedPropIds": [f"{text}.{told['property']}"],
    }


def fault_of(client: Any, body: dict[str, Any]) -> int | None:
    """The status of an answer that is neither one nor a sentence; None when all is well."""
    answer = client.post(UPDATE, json=body)
    text = answer.get_data(as_text=True)
    side = answer.get_json(silent=True) or {}
    notice = json.dumps(side.get("sideUpdate", {}).get(ids.NOTICE, ""))
    is_well = answer.status_code in (200, 204) and "Traceback" not in text
    return None if is_well and "something went wrong" not in notice else answer.status_code


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_is_posted_is_answered_or_refused_in_a_sentence(app, what):
    client, faults = app.server.test_client(), []
    for name, callback in served(app):
        for changed in range(max(1, len(callback["inputs"]))):
            body = body_of(name, callback, lambda *_: HOSTILE[what], changed)
            status = fault_of(client, body)
            if status is not None:
                faults.append((status, body["changedPropIds"][0], name[:100]))
    assert not faults, f"{len(faults)} faults, the first: {faults[:12]}"


@pytest.fixture(scope="module")
def opening(app, synthetic_root):
    """Value of each property as a fresh visit has it, by component and property."""
    data = RunData(synthetic_root)
    found = {}
    for root in (app.layout, *other_pages(data).values(), *other_tabs(data).values()):
        for component in html.Div(root)._traverse():
            if getattr(component, "id", None) is not None:
                key = json.dumps(component.id, sort_keys=True)
                found |= {(key, p): v for p, v in component.to_plotly_json()["props"].items()}
    return json.loads(PlotlyJSONEncoder().encode([[*k, v] for k, v in found.items()]))


@pytest.mark.parametrize("what", [
    "nothing", "a huge number", "a path", "a list of lists", "a strange object"])
def test_one_strange_value_among_sound_ones_is_no_fault(app, opening, what):
    sound = {(component, prop): value for component, prop, value in opening}
    client, faults, n_sound = app.server.test_client(), [], 0
    for name, callback in served(app):
        parts = [*callback["inputs"], *callback["state"]]
        for strange in range(len(parts)):
            def value(number: int, part: dict[str, Any], strange: int = strange) -> Any:
                key = json.dumps(parsed(part["id"]), sort_keys=True), part["property"]
                return HOSTILE[what] if number == strange else sound.get(key)

            n_sound += sum(value(i, part) is not None for i, part in enumerate(parts))
            for changed in {0, min(strange, len(callback["inputs"]) - 1)}:
                status = fault_of(client, body_of(name, callback, value, changed))
                if status is not None:
                    faults.append((status, parts[strange]["id"], name[:100]))
    assert n_sound > 100
    assert not faults, f"{len(faults)} faults, the first: {faults[:12]}"


def test_no_callback_of_the_server_is_left_out(app):
    assert len(served(app)) > 30


@pytest.mark.parametrize("value", [*HOSTILE.values(), {"region": None}, {"part": "all"}])
def test_every_other_address_answers_what_it_cannot_read_with_a_sentence(app, value):
    client = app.server.test_client()
    rules = [
        rule for rule in app.server.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.rule.startswith("/_")
    ]
    assert len(rules) >= 2
    for rule in rules:
        for name in ("x", "places-bed", "../x"):
            address = rule.rule
            for argument in rule.arguments:
                address = address.replace(f"<{argument}>", name)
            answer = client.post(address, json=value)
            assert answer.status_code in (400, 404, 405), (address, answer.status_code)
            assert "Traceback" not in answer.get_data(as_text=True)
