"""Every table of the warehouse and the marts: its DDL runs, its comments stand, each of its checks can fail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pandera.polars as pa
import polars as pl
import pytest

from schemas import audit, benchmark, changes, core, index, marts, raw, state, uncertainty
from schemas.table import DUCKDB_TYPES, Column, Table
from schemas.validate import failures
from ssc_index.framework.catalogue import load_catalogue

TABLES = (
    *raw.TABLES,
    core.values(load_catalogue()),
    core.QUARANTINE,
    core.FINDINGS,
    *index.TABLES,
    *audit.TABLES,
    *changes.TABLES,
    *benchmark.TABLES,
    *uncertainty.TABLES,
    *state.TABLES,
    *marts.INTERNAL,
)
BY_NAME = {table.name: table for table in TABLES}
# Text that fits each pattern.
MATCHING = {r"^[0-9a-f]{64}$": "0" * 64, r"^[A-Z]{3}$": "NOR"}


def good_cell(column: Column) -> object:
    """A value that all checks of a column accept."""
    for check in column.checks:
        told = check.statistics or {}
        if "allowed_values" in told:
            return told["allowed_values"][0]
        if "min_value" in told:
            return max(told["min_value"], min(1, told["max_value"]))
        if "pattern" in told:
            return MATCHING[told["pattern"]]
    plain = {pl.String: "x", pl.Boolean: True, pl.Date: date(2025, 3, 1), raw.UTC: datetime(2025, 3, 1, tzinfo=UTC)}
    return plain.get(column.dtype, 1)


def bad_cells(check: pa.Check) -> list[object]:
    """Values that a check must refuse: both sides of a range."""
    told = check.statistics or {}
    if "min_value" in told:
        low, high = told["min_value"], told["max_value"]
        return [low - max(1, abs(low)), high + max(1, abs(high))]
    return ["?"]


def good_row(table: Table) -> dict[str, object]:
    return {name: good_cell(column) for name, column in table.columns.items()}


def cases() -> Iterator[Any]:
    for table in TABLES:
        for name, column in table.columns.items():
            for check in column.checks:
                yield pytest.param(table, name, check, id=f"{table.name}.{name}-{check.error}")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for schema in ("raw", "core", "index", "benchmark", "uncertainty", "audit", "changes", "state"):
            connection.execute(f"create schema {schema}")
        yield connection


@pytest.mark.parametrize("table", TABLES, ids=BY_NAME)
def test_ddl_and_comments_run_and_stand_in_duckdb(table: Table, database: duckdb.DuckDBPyConnection) -> None:
    for statement in (table.ddl(), *table.comments()):
        database.execute(statement)
    schema, _, name = table.name.rpartition(".")
    where = [schema or "main", name]
    told = database.sql("select comment from duckdb_tables() where schema_name = ? and table_name = ?", params=where)
    assert told.fetchall() == [(table.description,)]
    columns = database.sql(
        "select column_name, data_type, is_nullable, comment from duckdb_columns() "
        "where schema_name = ? and table_name = ? order by column_index",
        params=where,
    )
    types = {"timestamptz": "TIMESTAMP WITH TIME ZONE"}
    assert columns.fetchall() == [
        (
            column,
            types.get(DUCKDB_TYPES[spec.dtype], DUCKDB_TYPES[spec.dtype].upper()),
            spec.nullable,
            table.comment(column),
        )
        for column, spec in table.columns.items()
    ]


@pytest.mark.parametrize("table", TABLES, ids=BY_NAME)
def test_a_good_row_holds_and_a_second_one_with_its_key_does_not(table: Table) -> None:
    one = table.conform(pl.DataFrame([good_row(table)], schema=table.polars_schema))
    assert failures(table, one) == []
    doubled = failures(table, pl.concat([one, one]))
    assert {failure.row for failure in doubled} == ({0, 1} if table.key else set())


@pytest.mark.parametrize("table", TABLES, ids=BY_NAME)
def test_what_must_not_be_missing_is_refused(table: Table) -> None:
    nothing = pl.DataFrame([dict.fromkeys(table.columns)], schema=table.polars_schema)
    refused = {failure.column for failure in failures(table, nothing) if failure.check == "not_nullable"}
    assert refused == {name for name, column in table.columns.items() if not column.nullable}


@pytest.mark.parametrize(("table", "column", "check"), list(cases()))
def test_each_check_fails_on_what_it_forbids(table: Table, column: str, check: pa.Check) -> None:
    bad = bad_cells(check)
    rows = pl.DataFrame([good_row(table) | {column: cell} for cell in bad], schema=table.polars_schema)
    named = [failure for failure in failures(table, rows) if failure.check == check.error]
    assert [(failure.row, failure.column) for failure in named] == [(row, column) for row in range(len(bad))]


def test_table_names_are_unique() -> None:
    assert len(BY_NAME) == len(TABLES)


def test_keys_are_columns_that_cannot_be_missing() -> None:
    wrong = [
        f"{table.name}.{name}"
        for table in TABLES
        for name in table.key
        if name not in table.columns or table.columns[name].nullable
    ]
    assert wrong == []


def test_words_of_the_schemas_are_those_of_the_readers() -> None:
    # intake and schemas do not import each other, so the lists stand twice; this holds them together.
    from intake import consent, derive, receipts, tables

    assert raw.CONSENTS == receipts.CONSENTS == tuple(consent.RANK_OF_CONSENT)
    assert raw.VERIFICATION_OUTCOMES == receipts.OUTCOMES
    assert raw.VERIFICATION_MODES == receipts.MODES
    assert set(derive.ACCEPTED_OUTCOMES) < set(raw.VERIFICATION_OUTCOMES)
    pairs = [
        (raw.SUBMISSIONS, tables.SUBMISSIONS),
        (raw.CELLS, tables.CELLS),
        (raw.RECEIPTS, tables.RECEIPTS),
        (raw.FAULTS, tables.FAULTS),
        (raw.CITIES, tables.CITIES),
    ]
    for table, schema in pairs:
        assert table.polars_schema == dict(schema), table.name


def test_public_tables_hold_nothing_of_the_internal_ones() -> None:
    private = {"verifier", "received_from", "comment", "path", "consent", "source_details"}
    assert [table.name for table in marts.PUBLIC if private & set(table.columns)] == []
