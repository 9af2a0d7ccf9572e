"""Rows of a year are replaced: those of parts that differ, and what then stands is what was computed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import polars as pl
import pytest

from assets.core import VALUES
from assets.warehouse import insert_rows
from assets.writing import YearStep, replace_years_in
from schemas import core
from schemas.state import STEPS
from ssc_index.framework.catalogue import load_catalogue

FILES = [letter * 64 for letter in "abcdef"]
POINTS = [point.id for point in load_catalogue().data_points[:3]]
PLACED = "select rowid, * from " + VALUES.name + " where year = ? order by file_sha256, data_point"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("create schema core; create schema state; create table given (what integer)")
        for table in (VALUES, core.FINDINGS, STEPS):
            opened.execute(table.ddl())
        opened.execute("insert into given values (0)")
        yield opened


def rows_of(values: dict[tuple[str, str], float], *, received: int = 1) -> pl.DataFrame:
    """Rows of ``core.values`` of a year; ``values`` by file and data point."""
    rows = [
        dict.fromkeys(VALUES.columns)
        | {"file_sha256": file, "city_id": f"city-{file[0]}", "year": 2020, "data_point": point, "kpi_code": point[:-5]}
        | {"value": value, "derivation": "recomputed", "received_at": datetime(2021, 1, received, tzinfo=UTC)}
        for (file, point), value in values.items()
    ]
    return pl.DataFrame(rows, schema=VALUES.polars_schema)


def replaced(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> pl.DataFrame:
    """What stands, with the place of each row, after a year was replaced by a frame."""
    connection.execute("update given set what = what + 1")  # so that the year is stale
    frames = {VALUES.name: frame, core.FINDINGS.name: core.FINDINGS.empty()}
    queries = {"given": "select *, cast(? as smallint) as year from given"}
    step = YearStep(
        "t", "Testing", (VALUES, core.FINDINGS), "year", queries, lambda _year, _inputs: frames, part="file_sha256"
    )
    assert replace_years_in(connection, step, [2020]).computed == [2020]
    standing = connection.sql(PLACED, params=[2020]).pl()
    assert VALUES.conform(standing).equals(VALUES.conform(frame))
    return standing


def places(standing: pl.DataFrame, file: str) -> list[int]:
    return standing.filter(file_sha256=file)["rowid"].to_list()


def test_only_files_whose_rows_differ_are_written(connection: duckdb.DuckDBPyConnection) -> None:
    values = {(file, point): 1.5 for file in FILES[:4] for point in POINTS}
    before = replaced(connection, rows_of(values))
    gone = {key: value for key, value in values.items() if key[0] != FILES[0]}
    changed = {**gone, (FILES[1], POINTS[0]): 2.5, (FILES[4], POINTS[2]): 0.5}
    after = replaced(connection, rows_of(changed))
    kept = [file for file in FILES if places(before, file) == places(after, file) != []]
    assert kept == FILES[2:4]
    # Another date of receipt is another row, though its value is the same.
    assert not set(replaced(connection, rows_of(changed, received=2))["rowid"]) & set(after["rowid"])


def test_whatever_stood_before_the_computed_rows_stand_and_those_of_other_years_stay(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    draw = random.Random(2026)
    other = rows_of({(FILES[0], POINTS[0]): 7.0}).with_columns(pl.lit(2019, pl.Int16).alias("year"))
    insert_rows(connection, VALUES, other)
    for _ in range(25):
        some = [(file, point) for file in FILES for point in POINTS if draw.random() < 0.7]
        replaced(connection, rows_of({key: draw.choice([0.0, 1.0, 1e-300]) for key in some}))
    assert connection.sql(PLACED, params=[2019]).pl()["value"].to_list() == [7.0]
