"""Downloads of the page Lexicon: words and places of any number, streamed as they are read."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import flask
import numpy as np
from dash import Dash

from precompute.errors import MotiflensError
from vizapp.data import RunData
from vizapp.data.word_search import Query, QueryError, parse_query

if TYPE_CHECKING:
    import pyarrow as pa

_PLACES_AT_A_TIME = 2_000
_ROUTE = "download/"


def labelled(data: RunData, query: Query) -> Iterator[pa.RecordBatch]:
    """Rows of a query with the words' labels, in order of rank."""
    import pyarrow as pa

    for batch in data.word_table.batches(query):
        labels = [str(data.lexicon.labels[w]) for w in batch.column("word").to_pylist()]
        columns = [pa.array(labels, pa.utf8()), *batch.columns[1:]]
        yield pa.RecordBatch.from_arrays(
            [batch.column("word"), *columns], names=["word", "label", *batch.schema.names[1:]]
        )


def words_csv(data: RunData, query: Query) -> Iterator[bytes]:
    """The words of a query as CSV, in pieces; the header comes first."""
    from pyarrow import csv

    for number, batch in enumerate(labelled(data, query)):
        sink = io.BytesIO()
        csv.write_csv(batch, sink, csv.WriteOptions(include_header=number == 0))
        yield sink.getvalue()


def words_parquet(data: RunData, query: Query) -> IO[bytes]:
    """The words of a query as Parquet, written a batch at a time to a file without a name: it is
    gone with its last reader, whatever happens."""
    import pyarrow.parquet as pq

    handle = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    writer = None
    for batch in labelled(data, query):
        if writer is None:
            writer = pq.ParquetWriter(handle, batch.schema, compression="zstd")
        writer.write_batch(batch)
    if writer is not None:
        writer.close()
    handle.seek(0)
    return handle


def places_text(data: RunData, word: int, kind: str) -> Iterator[str]:
    """All places of a word as BED6 or CSV: the BED score is its frequency, at most 1000."""
    lexicon = data.lexicon
    places = lexicon.places(np.array([word]))
    start, end = lexicon.spans(places)
    name, n = str(lexicon.labels[word]), int(lexicon.frequency[word])
    tail = f"\t{name.replace(' ', '_')}\t{min(1000, n)}\t."
    tracks = list(data.explorer.tracks)
    if kind == "csv":
        yield ",".join(["chrom", "start", "end", "word", "frequency",
                        *(f"signal_{t}" for t in tracks)]) + "\n"
    for at in range(0, len(start), _PLACES_AT_A_TIME):
        part = slice(at, at + _PLACES_AT_A_TIME)
        chroms = [lexicon.chroms[c] for c in places.chrom[part].tolist()]
        spans = zip(chroms, start[part].tolist(), end[part].tolist(), strict=True)
        if kind == "bed":
            yield "".join(f"{c}\t{a}\t{b}{tail}\n" for c, a, b in spans)
            continue
        signal = lexicon.signal_at(places.chrom[part], places.bin[part])
        rows = zip(spans, *(signal[t].tolist() for t in tracks), strict=True)
        quoted = '"' + name.replace('"', '""') + '"'
        yield "".join(
            ",".join([f"{c},{a},{b},{quoted},{n}", *(f"{v:.6g}" for v in values)]) + "\n"
            for (c, a, b), *values in rows
        )


def _asked_word(data: RunData, text: str | None) -> int:
    if text is None or not text.isdecimal() or len(text) > 10 or (
        int(text) >= len(data.lexicon.frequency)
    ):
        raise QueryError("there is no such word in this run; choose one from the table")
    return int(text)


def _attachment(body: Any, kind: str, name: str) -> flask.Response:
    response = flask.Response(body, mimetype=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def register(app: Dash, data: RunData) -> None:
    """Register the routes, below the app's own path."""
    server: flask.Flask = app.server
    base = app.config.requests_pathname_prefix + _ROUTE

    def query() -> Query:
        given = flask.request.args
        return parse_query(given.get("text"), given.get("least"), given.get("most"))

    def answer(make: Any) -> flask.Response:
        try:
            return make()
        except MotiflensError as error:
            return flask.Response(f"{error}\n", 400, mimetype="text/plain")

    def some(asked: Query) -> Query:
        if len(data.word_table.found(asked)[0]) == 0:
            raise QueryError("the search finds no word, so there is no table to download")
        return asked

    @server.get(base + "words.csv")
    def words_as_csv() -> flask.Response:
        return answer(lambda: _attachment(
            words_csv(data, some(query())), "text/csv", "motiflens-words.csv"))

    @server.get(base + "words.parquet")
    def words_as_parquet() -> flask.Response:
        def make() -> flask.Response:
            return flask.send_file(
                words_parquet(data, some(query())), "application/vnd.apache.parquet",
                as_attachment=True, download_name="motiflens-words.parquet",
            )

        return answer(make)

    @server.get(base + "places.<any(bed, csv):kind>")
    def places_as(kind: str) -> flask.Response:
        def make() -> flask.Response:
            word = _asked_word(data, flask.request.args.get("word"))
            name = f"motiflens-word-{word + 1}-places.{kind}"
            return _attachment(places_text(data, word, kind), f"text/{kind}", name)

        return answer(make)
