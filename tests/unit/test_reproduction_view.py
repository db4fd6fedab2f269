"""The run page shows the reproduction report when there is one, and nothing of it otherwise."""

from __future__ import annotations

import base64
import json
import shutil

import pytest

from precompute.report import write_report
from vizapp.data import RunData
from vizapp.views.run import run_page


@pytest.fixture(scope="module")
def reported(synthetic_root, tmp_path_factory):
    root = tmp_path_factory.mktemp("reported") / "run"
    shutil.copytree(synthetic_root, root)
    write_report(root)
    return root


@pytest.fixture
def run(reported, tmp_path):
    shutil.copytree(reported, tmp_path / "run")
    return tmp_path / "run"


def parts(component):
    """The component and all that it holds."""
    yield component
    children = getattr(component, "children", None) or []
    for child in children if isinstance(children, list | tuple) else [children]:
        yield from parts(child)


def found(root, kind=None):
    page = run_page(RunData(root))
    panel = [p for p in parts(page) if getattr(p, "id", None) == "reproduction"]
    return [p for one in panel for p in parts(one) if kind is None or type(p).__name__ == kind]


def edit(run, change):
    data = json.loads((run / "report.json").read_text())
    change(data)
    (run / "report.json").write_text(json.dumps(data))


def test_without_a_report_there_is_no_section(synthetic_root):
    assert RunData(synthetic_root).reproduction is None
    assert found(synthetic_root) == []


def test_the_section_holds_the_reports_rows_and_figures(run):
    data = json.loads((run / "report.json").read_text())
    texts = [p for p in found(run) if isinstance(p, str)]
    for row in data["comparisons"]:
        assert row["name"] in texts
        assert row["text"] in texts
        assert set(row["why"]) <= set(texts)
    images = found(run, "Img")
    assert [i.alt for i in images] == [f["title"] for f in data["figures"]]
    for image, figure in zip(images, data["figures"], strict=True):
        head, _, body = image.src.partition(",")
        assert head == "data:image/svg+xml;base64"
        assert base64.b64decode(body).decode() == figure["svg"]
    assert not any("run again since" in text for text in texts)


def test_a_report_of_an_earlier_state_says_so(run):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["stages"]["bins"]["finished"] = "2027-01-01T00:00:00+00:00"
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert RunData(run).reproduction.is_current is False
    assert any("run again since" in p for p in found(run) if isinstance(p, str))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(version=2),
        lambda d: d.update(kind="other"),
        lambda d: d.pop("comparisons"),
        lambda d: d.update(figures=3),
        lambda d: d["comparisons"][0].pop("why"),
        lambda d: d.update(stages=[1]),
    ],
)
def test_a_report_that_cannot_be_shown_is_left_out(run, change):
    edit(run, change)
    assert RunData(run).reproduction is None
    assert found(run) == []


def test_a_garbled_report_is_left_out(run):
    for text in ("", "[]", "null", "\x00", '"x"'):
        (run / "report.json").write_text(text)
        assert RunData(run).reproduction is None


def test_nothing_in_a_report_becomes_markup_or_a_link(run):
    evil = "<script>alert(1)</script>"
    edit(run, lambda d: [c.update(name=evil, why=[evil]) for c in d["comparisons"]])
    panel = found(run)
    assert evil in panel  # as text
    assert not any(type(p).__name__ in ("Script", "A", "Iframe", "Markdown") for p in panel)


def test_the_summary_gives_way_to_the_report(run, synthetic_root):
    def captions(root):
        page = run_page(RunData(root))
        return [p.children for p in parts(page) if type(p).__name__ == "Caption"]

    assert "The run and the paper" in captions(synthetic_root)
    assert "The run and the paper" not in captions(run)
