"""The page Lexicon without a browser: what its callbacks give and refuse, and its downloads."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from flask import Flask

from precompute.errors import MotiflensError
from vizapp.callbacks import lexicon, lexicon_downloads
from vizapp.figures.lexicon import lengths, positions
from vizapp.views.lexicon import lexicon_page, not_given, row_text

QUERY = {"text": "tf0", "least": 2, "most": None}


def request(first=0, last=50, column=None, way="desc"):
    model = [{"colId": column, "sort": way}] if column else []
    return {"startRow": first, "endRow": last, "sortModel": model, "filterModel": {}}


def test_rows_are_texts_in_the_order_asked(data):
    found = lexicon.word_rows(data, QUERY, request(column="mean_length_bp"))
    table = data.run.table("lexicon").set_index("word")
    assert len(found["rowData"]) == 50
    mean = [table["mean_length_bp"][row["word"]] for row in found["rowData"]]
    assert mean == sorted(mean, reverse=True)
    labels = data.run.table("words")["label"]
    for row in found["rowData"]:
        assert row["label"] == labels[row["word"]]
        assert row["rank"] == f"{row['word'] + 1:,}"
        assert row["gc"] == f"{100 * np.float32(table['gc'][row['word']]):.3g}"
    json.dumps(found)
    whole = lexicon.word_rows(data, {"text": "", "least": None, "most": None}, request())
    assert whole["rowCount"] == len(labels)


@pytest.mark.parametrize("raw", [None, [], "x", {"text": "", "other": 1}, {"text": 5},
                                 {"text": "", "least": "x"}])
def test_a_query_store_that_is_none_is_refused(data, raw):
    with pytest.raises(MotiflensError):
        lexicon.word_rows(data, raw, request())


@pytest.mark.parametrize("asked", [None, {}, request(-5, 5), request(0, 10**7), request("0", 5),
                                   request(True, 5), request(column="word; DROP"),
                                   {"startRow": 0, "endRow": 5, "sortModel": [{"colId": ["gc"]}]}])
def test_a_request_that_is_none_is_refused(data, asked):
    with pytest.raises(MotiflensError):
        lexicon.word_rows(data, QUERY, asked)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (QUERY, "“tf0”"),
        ({"text": "nosuch", "least": None, "most": None}, "is called “nosuch”"),
        ({"text": "", "least": 10**9, "most": None}, "Widen it"),
        ({"text": "tf01 tf02", "least": 10**9, "most": None}, "Take one out"),
    ],
)
def test_the_status_says_how_a_search_was_read_and_what_to_do(data, raw, says):
    assert says in str(lexicon.search_status(data, raw))


@pytest.mark.parametrize("rows", [None, [], [{}], [{"word": "3"}], [{"word": True}],
                                  [{"word": -1}], [{"word": 10**9}], "x", [7]])
def test_a_click_on_no_word_selects_nothing(data, rows):
    assert lexicon.clicked_word(data, rows) is None


def test_a_click_selects_the_word_and_describes_it(data):
    selection = lexicon.clicked_word(data, [{"word": 5, "label": "<b>"}])
    assert selection == {"kind": "word", "word": 5}
    heading, logos, clusters, bars, strips = lexicon.describe_word(data, selection)
    n = int(data.lexicon.frequency[5])
    assert f"{n:,} places" in str(heading)
    assert len(logos["data"]) > 0
    held = data.run.table("words")["clusters"][5]
    assert len(clusters) == 2 * len(held)
    assert bars["data"][0]["type"] == "bar"
    assert strips["data"][0]["type"] == "heatmap"
    rows = lexicon.place_rows(data, selection, request(0, 20))
    assert rows["rowCount"] == n
    assert rows["rowData"] == [
        {k: row[k] for k in ("chrom", "start", "end", "locus", "motifs")}
        for row in data.lexicon.instances(np.array([5]), 0, 20, "locus", False)[0]
    ]


def test_no_selected_word_says_what_to_do(data):
    for raw in (None, {"kind": "community", "level": "mega", "id": 0}):
        assert "click a word" in str(lexicon.describe_word(data, raw)[0])
        assert lexicon.place_rows(data, raw, request()) == {"rowData": [], "rowCount": 0}
    with pytest.raises(MotiflensError, match="no word"):
        lexicon.describe_word(data, {"kind": "word", "word": 2**30})


def test_the_empty_word_has_a_page_too(data):
    heading, *_, clusters, bars, _ = lexicon.describe_word(data, {"kind": "word", "word": 0})
    assert "(no motif)" in str(heading)
    assert clusters == []
    assert bars["data"]


def test_lengths_and_positions_count_every_place():
    from tests.unit.test_token_figures import unpacked

    value = np.array([12, 14, 12, 50])
    bar = lengths(value)["data"][0]
    found = dict(zip(unpacked(bar["x"]).tolist(), unpacked(bar["y"]).tolist(), strict=True))
    assert found == {12: 2, 14: 1, 50: 1}
    chroms = [("chr1", 1000, 240_000), ("chr2", 0, 60_000)]
    z = unpacked(positions(chroms, np.array([0, 0, 1, 0]),
                           np.array([1000, 239_999, 59_999, 1001]))["data"][0]["z"])
    assert np.nansum(z) == 4
    assert np.nanmax(z) == 2


def test_the_page_says_what_annotation_is_lacking(data):
    assert not_given(data) == ("This run was given no annotation of repeats, so there is no column "
                               "for it.")
    assert "in_promoters" in str(lexicon_page(data))
    assert "in_repeats" not in str(lexicon_page(data))


def test_what_is_missing_is_a_dash(data):
    row = data.word_table.rows(np.array([3]))[0]
    shown = row_text(data, row | {"gc": None, "megacluster": -1, "signal_atac": 1.234e-5})
    assert (shown["gc"], shown["megacluster"], shown["signal_atac"]) == ("–", "–", "1.2e-05")


# -- downloads -------------------------------------------------------------------------------


class _App:
    """What the routes need of an app."""

    def __init__(self) -> None:
        self.server = Flask("test")
        self.config = type("Config", (), {"requests_pathname_prefix": "/"})


@pytest.fixture(scope="module")
def client(data):
    app = _App()
    lexicon_downloads.register(app, data)  # type: ignore[arg-type]
    return app.server.test_client()


def test_words_download_as_csv_and_parquet_with_their_labels(data, client):
    answer = client.get("/download/words.csv?text=tf0&least=2")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="motiflens-words.csv"'
    table = pd.read_csv(io.BytesIO(answer.data))
    words, _ = data.word_table.found(lexicon.read_query(QUERY))
    assert table["word"].tolist() == words.tolist()
    assert table["label"].tolist() == data.run.table("words")["label"][words].tolist()
    parquet = client.get("/download/words.parquet?text=tf0&least=2")
    again = pd.read_parquet(io.BytesIO(parquet.data))
    wanted = data.run.table("lexicon").iloc[words].reset_index(drop=True)
    pd.testing.assert_frame_equal(again.drop(columns="label"), wanted, check_dtype=False)
    parquet.close()
    assert len(client.get("/download/words.csv").data.splitlines()) == (
        len(data.lexicon.frequency) + 1)


def test_places_download_as_bed_and_csv(data, client):
    places, n = data.lexicon.instances(np.array([4]), 0, 10**6, "locus", False)
    bed = client.get("/download/places.bed?word=4").data.decode().splitlines()
    assert len(bed) == n
    for line, place in zip(bed, places, strict=True):
        fields = line.split("\t")
        assert fields[:3] == [place["chrom"], str(place["start"]), str(place["end"])]
        assert fields[4:] == [str(min(1000, n)), "."]
        assert " " not in fields[3]
    table = pd.read_csv(io.BytesIO(client.get("/download/places.csv?word=4").data))
    assert table[["chrom", "start", "end"]].to_dict("records") == [
        {k: p[k] for k in ("chrom", "start", "end")} for p in places]
    assert table["signal_atac"].tolist() == pytest.approx(
        [p["signal_atac"] for p in places], abs=1e-4)


@pytest.mark.parametrize("path", [
    "words.csv?text=nosuch", "words.parquet?least=x", "words.csv?least=5&most=2", "places.bed",
    "places.bed?word=-1", "places.csv?word=999999999", "places.bed?word=1e3", "places.csv?word=²",
])
def test_a_download_of_nothing_is_one_sentence(client, path):
    answer = client.get("/download/" + path)
    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"
    assert len(answer.data.decode().splitlines()) == 1


def test_temporary_files_of_downloads_are_gone(client, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with client.get("/download/words.parquet") as answer:
        assert answer.data[:4] == b"PAR1"
    assert list(tmp_path.iterdir()) == []
