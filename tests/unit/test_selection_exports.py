"""Downloads of selections against the artefacts, row by row."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from precompute.errors import MotiflensError
from vizapp import create_app
from vizapp.callbacks.export import FILES, selection_file
from vizapp.callbacks.links import selected_words
from vizapp.data import export
from vizapp.selection import parse_selection

MEGA = {"kind": "community", "level": "mega", "id": 1}
BOTH = {"kind": "union", "of": [MEGA, {"kind": "window", "chrom": "chr21", "start": 0,
                                       "end": 10**6}]}


def table(data, name, raw):
    return pd.read_csv(io.StringIO("".join(selection_file(data, name, raw))))


@pytest.mark.parametrize("rows", [7, 20_000])
def test_places_are_all_bins_of_the_words_whatever_the_block(data, monkeypatch, rows):
    monkeypatch.setattr(export, "_BLOCK_ROWS", rows)
    found = table(data, "places.csv", BOTH)
    words = set(selected_words(data, parse_selection(BOTH)).tolist())
    signal, mega = data.run.group("signal"), data.run.group("bin_communities")
    expected = []
    for chrom in data.tokens.chroms:
        edges = data.tokens.edges(chrom)
        ids = data.run.group("word_ids")[f"{chrom}/word"][:]
        group, dnase = mega[f"{chrom}/megacluster"][:], signal[f"{chrom}/dnase/bins"][:]
        expected += [
            (chrom, edges[b], edges[b + 1], ids[b], group[b], float(dnase[b]))
            for b in np.flatnonzero(np.isin(ids, list(words)))
        ]
    columns = ["chrom", "start", "end", "word", "megacluster"]
    assert list(found[columns].itertuples(index=False, name=None)) == [e[:5] for e in expected]
    np.testing.assert_allclose(found["dnase"], [e[5] for e in expected], rtol=1e-6)
    assert found["word_label"].tolist() == [data.lexicon.labels[w] for w in found["word"]]
    frequency = data.run.table("words")["frequency"].to_numpy()
    assert (found["word_frequency"] == frequency[found["word"]]).all()
    first = found.iloc[0]
    assert first["locus"] == f"{first['chrom']}:{first['start'] + 1:,}-{first['end']:,}"


def test_bed_is_valid_sorted_and_the_same_places(data):
    lines = "".join(selection_file(data, "places.bed", BOTH)).splitlines()
    places = table(data, "places.csv", BOTH)
    assert len(lines) == len(places) > 100
    for line, row in zip(lines, places.itertuples(), strict=True):
        fields = line.split("\t")
        assert len(fields) == 5
        assert (fields[0], int(fields[1]), int(fields[2])) == (row.chrom, row.start, row.end)
        assert 0 <= int(fields[4]) == min(1000, row.word_frequency) <= 1000
        assert " " not in fields[3]
    order = [data.tokens.chroms.index(c) for c in places["chrom"]]
    assert order == sorted(order)
    assert all(places[places["chrom"] == c]["start"].is_monotonic_increasing
               for c in data.tokens.chroms)


def test_points_come_with_their_coordinates_communities_and_signal(data):
    found = table(data, "points.csv", MEGA)
    explorer = data.explorer
    at = np.flatnonzero(explorer.mega == 1)
    assert found["point"].tolist() == at.tolist()
    frame = explorer.points.iloc[at]
    for column in ("chrom", "start", "end", "word"):
        assert found[column].tolist() == frame[column].tolist()
    assert (found["megacluster"] == 1).all()
    assert found["subcluster"].tolist() == explorer.sub[at].tolist()
    for name, xy in explorer.layouts.items():
        np.testing.assert_allclose(found[[f"{name}_1", f"{name}_2"]], xy[at], rtol=1e-6)
    np.testing.assert_allclose(found["dnase"], explorer.signal("dnase")[at], rtol=1e-6)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("raw", [None, {"kind": "community", "level": "sub", "id": 9_999}])
def test_an_empty_selection_is_one_sentence(data, name, raw):
    with pytest.raises(MotiflensError, match="select"):
        selection_file(data, name, raw)


@pytest.fixture(scope="module")
def client(synthetic_root):
    return create_app(synthetic_root).server.test_client()


def test_the_server_streams_what_the_page_asks_for(data, client):
    answer = client.post("/export/points.csv", json={"selection": MEGA})
    assert answer.status_code == 200
    assert answer.get_data(as_text=True) == "".join(selection_file(data, "points.csv", MEGA))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.mimetype == "text/csv"


@pytest.mark.parametrize(("name", "body"), [
    ("points.csv", b""), ("points.csv", b"["), ("points.csv", b"null"),
    ("points.csv", b'{"selection": {"kind": "word", "word": -1}}'),
    ("places.bed", b'{"selection": {"kind": "word", "word": 2147483647}}'),
    ("places.csv", b'{"selection": ' + b'{"kind":"invert","of":[' * 30_000),
    ("places.csv", b'{"selection": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    ("passwd", b'{"selection": {"kind": "word", "word": 1}}'),
    ("..%2f..%2fmanifest.json", b'{"selection": {"kind": "word", "word": 1}}'),
])
def test_hostile_requests_are_one_sentence(client, name, body):
    answer = client.post(f"/export/{name}", data=body, content_type="application/json")
    assert answer.status_code in (400, 404, 405)
    assert b"Traceback" not in answer.data
    if answer.status_code == 400:
        assert 0 < len(answer.get_json()["error"]) < 300


def test_downloads_are_not_for_links(client):
    assert client.get("/export/points.csv").status_code in (200, 405)
    assert "word_label" not in client.get("/export/points.csv").get_data(as_text=True)
