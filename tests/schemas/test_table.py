"""A table described once: DDL, comments, Pandera schema and the form of its rows."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import duckdb
import polars as pl
import pytest

from schemas.table import DUCKDB_TYPES, Column, Table

TABLE = Table(
    name="core.notes",
    description="One row per note; it's a test.",
    key=("city_id", "year"),
    columns={
        "city_id": Column(pl.String, "Key of the city, for example 'no-karmoy'."),
        "year": Column(pl.Int16, "Reference year."),
        "score": Column(pl.Float64, "Score, 0 to 100.", nullable=True),
    },
)


def frame(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TABLE.polars_schema, orient="row")


def test_ddl_has_a_line_per_column_and_not_null_where_the_table_says_so() -> None:
    assert TABLE.ddl() == (
        "create table if not exists core.notes (\n"
        '    "city_id" varchar not null,\n'
        '    "year" smallint not null,\n'
        '    "score" double\n'
        ")"
    )


def test_comments_double_their_quotes() -> None:
    table, first, *others = TABLE.comments()
    assert table == "comment on table core.notes is 'One row per note; it''s a test.'"
    assert first == "comment on column core.notes.\"city_id\" is 'Key of the city, for example ''no-karmoy''.'"
    assert len(others) == 2


def test_comments_with_quotes_arrive_as_they_were_written() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema core")
        for statement in (TABLE.ddl(), *TABLE.comments()):
            connection.execute(statement)
        told = connection.sql("select comment from duckdb_columns() where column_name = 'city_id'").fetchall()
    assert told == [("Key of the city, for example 'no-karmoy'.",)]


def test_a_comment_cannot_end_its_statement() -> None:
    sly = Table(name="t", description="x'; drop table t; --", key=(), columns={"a": Column(pl.String, "a")})
    with duckdb.connect() as connection:
        for statement in (sly.ddl(), *sly.comments()):
            connection.execute(statement)
        assert connection.sql("select comment from duckdb_tables()").fetchall() == [("x'; drop table t; --",)]


@pytest.mark.parametrize(("dtype", "duckdb_type"), DUCKDB_TYPES.items(), ids=str)
def test_every_type_goes_into_duckdb_and_comes_back(dtype: pl.DataType, duckdb_type: str) -> None:
    table = Table(name="t", description="t", key=(), columns={"a": Column(dtype, "a")})
    sample = (
        pl.DataFrame({"a": [datetime(2025, 3, 1, tzinfo=UTC)]}) if dtype.is_temporal() else pl.DataFrame({"a": [1]})
    )
    rows = table.conform(sample)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(table.ddl())
        connection.register("rows", rows)
        connection.execute("insert into t select * from rows")
        back = connection.table("t").pl()
    assert back.equals(rows)
    assert back.schema == rows.schema
    assert duckdb_type in table.ddl()


def test_a_type_without_a_counterpart_is_refused() -> None:
    odd = Table(name="t", description="t", key=(), columns={"a": Column(pl.Duration, "a")})
    with pytest.raises(KeyError):
        odd.ddl()


def test_conform_turns_nan_into_null() -> None:
    rows = TABLE.conform(frame(("a", 2024, math.nan), ("b", 2024, 1.0)))
    assert rows["score"].to_list() == [None, 1.0]


def test_conform_sorts_by_the_key() -> None:
    rows = TABLE.conform(frame(("b", 2023, 1.0), ("a", 2024, 2.0), ("a", 2023, 3.0)))
    assert rows.rows() == [("a", 2023, 3.0), ("a", 2024, 2.0), ("b", 2023, 1.0)]


def test_conform_keeps_the_order_where_there_is_no_key() -> None:
    keyless = Table(name="t", description="t", key=(), columns=TABLE.columns)
    rows = frame(("b", 2023, 1.0), ("a", 2024, 2.0))
    assert keyless.conform(rows).equals(rows)


def test_conform_puts_columns_in_order_casts_them_and_drops_the_rest() -> None:
    given = pl.DataFrame({"extra": [0], "score": [1], "year": [2024], "city_id": ["a"]})
    rows = TABLE.conform(given)
    assert dict(rows.schema) == TABLE.polars_schema
    assert rows.rows() == [("a", 2024, 1.0)]


def test_conform_refuses_a_frame_without_a_column_of_the_table() -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="score"):
        TABLE.conform(frame().drop("score"))


def test_conform_refuses_what_does_not_fit_the_type() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        TABLE.conform(pl.DataFrame({"city_id": ["a"], "year": [99_999], "score": [1.0]}))


def test_an_empty_frame_has_the_tables_columns() -> None:
    assert dict(TABLE.empty().schema) == TABLE.polars_schema
    assert TABLE.empty().height == 0


def test_the_pandera_schema_bears_name_and_descriptions() -> None:
    schema = TABLE.pandera
    assert (schema.name, schema.description, schema.strict) == ("core.notes", TABLE.description, True)
    assert schema.columns["score"].nullable
    assert schema.columns["year"].description == "Reference year."
