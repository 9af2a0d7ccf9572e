"""Replacing the rows of some years in one transaction, one year in memory at a time.

What belongs here: the loop over years, its checks and its report. What does not: what a year's rows are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import duckdb
import polars as pl

from assets import progress
from assets.reporting import asset_key, schema_result
from assets.resources import WorkspaceResource
from assets.warehouse import Query, insert_rows, rows_of, transaction
from schemas.table import Table
from schemas.validate import Failure, failures

Inputs = Mapping[str, pl.DataFrame]


@dataclass
class Written:
    """What was written to one table.

    Attributes:
        rows: Number of rows.
        cities: Cities among them.
        missing: Missing cells among the columns that may be missing.
        failures: What the table's schema refuses.
    """

    rows: int = 0
    cities: set[str] = field(default_factory=set)
    missing: int = 0
    failures: list[Failure] = field(default_factory=list)


def replace_years(
    store: WorkspaceResource,
    purpose: str,
    tables: Sequence[Table],
    column: str,
    years: Sequence[int],
    queries: Mapping[str, Query],
    compute: Callable[[int, Inputs], Mapping[str, pl.DataFrame]],
) -> dict[str, Written]:
    """Compute and replace some years' rows of some tables: all of it or nothing.

    Args:
        store: The workspace.
        purpose: What is done, told to whoever waits for the warehouse and on the progress bar.
        tables: Tables to replace rows of.
        column: The year column of these tables: ``edition`` or ``year``.
        years: Years to replace.
        queries: What a year is computed from: SQL by name, its first ``?`` for the year.
        compute: From a year and its inputs to its rows, by table name.

    Returns:
        What was written, by table name. Rows that a schema refuses are written all the same: the blocking check of
        the asset stops what follows.
    """
    with store.writer(purpose, tables) as connection, transaction(connection):
        return replace_years_in(connection, purpose, tables, column, years, queries, compute)


def replace_years_in(
    connection: duckdb.DuckDBPyConnection,
    purpose: str,
    tables: Sequence[Table],
    column: str,
    years: Sequence[int],
    queries: Mapping[str, Query],
    compute: Callable[[int, Inputs], Mapping[str, pl.DataFrame]],
) -> dict[str, Written]:
    """As `replace_years`, in a transaction that the caller holds."""
    written = {table.name: Written() for table in tables}
    tell = progress.of(purpose)
    for table in tables:
        # Table and column names come from the definitions in schemas/, never from data.
        connection.execute("delete from " + table.name + " where list_contains(?, " + column + ")", [list(years)])
    for done, year in enumerate(years, 1):
        inputs = {name: rows_of(connection, _for_year(query, year)) for name, query in queries.items()}
        frames = compute(year, inputs)
        for table in tables:
            write_rows(connection, table, table.conform(frames[table.name]), written[table.name])
        tell(done, len(years))
    return written


def _for_year(query: Query, year: int) -> Query:
    sql, parameters = (query, ()) if isinstance(query, str) else query
    return sql, [year, *parameters]


def write_rows(connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame, written: Written) -> None:
    """Check and append rows of a table, in its form, and count them."""
    written.failures += failures(table, frame)
    written.rows += frame.height
    written.missing += sum(frame[name].null_count() for name, column in table.columns.items() if column.nullable)
    if "city_id" in frame.columns:
        written.cities |= set(frame["city_id"].drop_nulls().unique())
    insert_rows(connection, table, frame)


def materialised(
    table: Table, written: Written, checks: Sequence[dg.AssetCheckResult] = ()
) -> dg.MaterializeResult[None]:
    """A table's materialisation: rows, cities, missing share, and its schema check."""
    optional = sum(column.nullable for column in table.columns.values())
    facts: dict[str, int | float] = {"dagster/row_count": written.rows}
    if "city_id" in table.columns:
        facts["cities"] = len(written.cities)
    if written.rows and optional:
        facts["missing_pct_of_optional_cells"] = round(100 * written.missing / (written.rows * optional), 2)
    return dg.MaterializeResult(
        asset_key=asset_key(table), metadata=facts, check_results=[schema_result(table, written.failures), *checks]
    )


def all_materialised(tables: Sequence[Table], written: Mapping[str, Written]) -> Iterator[dg.MaterializeResult[None]]:
    """Materialisations of some tables that have no check but their schema."""
    for table in tables:
        yield materialised(table, written[table.name])
