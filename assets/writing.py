"""Replacing the rows of some years in one transaction, those that are stale, two years in memory at a time.

What belongs here: the loop over years, its checks and its report. What does not: what a year's rows are.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import dagster as dg
import duckdb
import polars as pl

from assets import progress
from assets.freshness import basis_sha256, forget, queried_address, record, recorded
from assets.memory import give_back
from assets.reporting import asset_key, schema_result
from assets.resources import WorkspaceResource
from assets.warehouse import Query, coded_rows_of, insert_rows, rows_of, transaction
from schemas.state import STEPS
from schemas.table import Table
from schemas.validate import Failure, failures

# In the metadata of a materialisation: the years whose rows were computed, or that none was.
YEARS_COMPUTED = "years_computed"

Inputs = Mapping[str, pl.DataFrame]
Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class YearStep:
    """One step of the data flow that fills tables year by year.

    Attributes:
        name: Its name, as Dagster shows it.
        purpose: What it does, told to whoever waits for the warehouse and on the progress bar.
        tables: Tables that it fills.
        column: The year column of these tables: ``edition`` or ``year``.
        queries: What a year is computed from: SQL by name, its first ``?`` for the year.
        also: What else its rows rest on, as text.
        told_by: For a query whose rows follow from others: a query whose rows tell whether they are the same, in a
            fraction of the time.
        part: Column, such as the file, in whose parts a year's rows are compared with those that stand: only parts that
            differ are written. Tables in which it can be missing are written whole; None writes all tables whole.
        checked: Names of the tables whose rows ``compute`` gives in the table's form and without any that its schema
            refuses (`schemas.validate.split`), so that they need not be checked again.
        coded: Whether ``compute`` takes texts as categories (`assets.warehouse.coded_rows_of`): a third of the memory.
        looks_back: Whether a year is computed from what the step wrote of the years before, so that these must stand
            when its inputs are read.
        compute: From a year and its inputs to its rows, by table name. It runs beside the writing of the year
            before and must look at nothing but its inputs and what ``also`` tells of.
    """

    name: str
    purpose: str
    tables: Sequence[Table]
    column: str
    queries: Mapping[str, Query]
    compute: Callable[[int, Inputs], Frames]
    also: Sequence[str] = ()
    told_by: Mapping[str, Query] = field(default_factory=dict)
    part: str | None = None
    coded: bool = False
    looks_back: bool = False
    checked: Collection[str] = ()


@dataclass
class Written:
    """What tables hold of some years after a step.

    Attributes:
        computed: Years computed now; the others stood already on what they would be computed from.
        rows: Rows of the years asked for, by table name.
        cities: Cities among them.
        missing: Missing cells among the columns that may be missing.
        failures: What the schemas refuse of the rows written now.
    """

    computed: list[int] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    cities: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    failures: dict[str, list[Failure]] = field(default_factory=dict)


def replace_years(store: WorkspaceResource, step: YearStep, years: Sequence[int]) -> Written:
    """Compute and replace a step's rows of those years that are stale: all of it or nothing.

    Args:
        store: The workspace.
        step: The step.
        years: Years asked for.

    Returns:
        What the tables hold of these years. Rows that a schema refuses are written all the same, and their year
        stays stale: the blocking check of the asset stops what follows.
    """
    with store.writer(step.purpose, [*step.tables, STEPS]) as connection, transaction(connection):
        return replace_years_in(connection, step, years, afresh=store.afresh)


def replace_years_in(
    connection: duckdb.DuckDBPyConnection, step: YearStep, years: Sequence[int], *, afresh: bool = False
) -> Written:
    """As `replace_years`, in a transaction that the caller holds; ``afresh`` takes every year for stale."""
    known = {} if afresh else recorded(connection, step.name)
    written = Written(failures={table.name: [] for table in step.tables})
    tell = progress.of(step.purpose)
    ahead: deque[tuple[int, str, Future[Frames]]] = deque()
    fetch = coded_rows_of if step.coded else rows_of
    with ThreadPoolExecutor(1) as pool:
        for done, year in enumerate(years, 1):
            while ahead and step.looks_back:
                _write_year(connection, step, *ahead.popleft(), written)
            basis = basis_of(connection, step, year)
            if known.get(year) != basis:
                inputs = {name: fetch(connection, _for_year(query, year)) for name, query in step.queries.items()}
                ahead.append((year, basis, pool.submit(step.compute, year, inputs)))
            if len(ahead) > 1:
                _write_year(connection, step, *ahead.popleft(), written)
            give_back()
            tell(done, len(years))
        while ahead:
            _write_year(connection, step, *ahead.popleft(), written)
    _count(connection, step, years, written)
    return written


def basis_of(connection: duckdb.DuckDBPyConnection, step: YearStep, year: int) -> str:
    """Address of what a step's rows of a year would rest on if they were computed now."""
    told_by = {**step.queries, **step.told_by}
    addresses = {name: queried_address(connection, _for_year(query, year)) for name, query in told_by.items()}
    return basis_sha256(addresses, step.also, step.tables)


def _for_year(query: Query, year: int) -> tuple[str, Sequence[object]]:
    sql, parameters = (query, ()) if isinstance(query, str) else query
    return sql, [year, *parameters]


def _write_year(
    connection: duckdb.DuckDBPyConnection,
    step: YearStep,
    year: int,
    basis: str,
    computed: "Future[Frames]",
    written: Written,
) -> None:
    """Replace a year's rows and, if the schemas take them, note what they rest on."""
    frames = computed.result()
    refused = False
    for table in step.tables:
        frame = frames[table.name]
        if table.name not in step.checked:
            frame = table.conform(frame)
            refused |= bool(_checked(table, frame, written))
        # Table and column names come from the definitions in schemas/, never from data.
        deletion = "delete from " + table.name + " where " + step.column + " = ?"
        if step.part is not None and step.part in table.columns and not table.columns[step.part].nullable:
            parts = _parts_that_differ(connection, table, step.column, step.part, year, frame)
            connection.execute(deletion + " and list_contains(?, " + step.part + ")", [year, parts])
            frame = frame.filter(pl.col(step.part).is_in(parts))
        else:
            connection.execute(deletion, [year])
        insert_rows(connection, table, frame)
    if refused:
        forget(connection, step.name, [year])
    else:
        record(connection, step.name, {year: basis})
    written.computed.append(year)


def write_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame, written: Written
) -> list[Failure]:
    """Check and append rows of a table, in its form; return and note what its schema refuses."""
    found = _checked(table, frame, written)
    insert_rows(connection, table, frame)
    return found


def _checked(table: Table, frame: pl.DataFrame, written: Written) -> list[Failure]:
    """What a table's schema refuses of rows, noted too."""
    found = failures(table, frame) if frame.height else []
    written.failures[table.name] += found
    return found


def _parts_that_differ(
    connection: duckdb.DuckDBPyConnection, table: Table, column: str, part: str, year: int, frame: pl.DataFrame
) -> list[str]:
    """Values of the column ``part`` whose rows in the table are not those of a frame, in the table's form.

    To write a year's rows takes four times as long as to compare them, and most builds change few of its files.
    """
    of_table = "select * from " + table.name + " where " + column + " = ?"
    standing, fresh = (_addresses_of_parts(rows, part) for rows in (of_table, "select * from frame"))
    # DuckDB finds the frame by its name here.
    found = connection.execute(
        "select coalesce(standing.part, fresh.part) from ("
        + standing
        + ") as standing full join ("
        + fresh
        + ") as fresh "
        "on standing.part = fresh.part "
        "where standing.n is distinct from fresh.n or standing.address is distinct from fresh.address",
        [year],
    )
    return [value for (value,) in found.fetchall()]


def _addresses_of_parts(rows: str, part: str) -> str:
    """A query for the address of a query's rows of each part; see `queried_address`."""
    address = "select " + part + " as part, count(*) as n, sum(cast(hash(one) as hugeint)) as address from ("
    return address + rows + ") as one group by " + part


def _count(connection: duckdb.DuckDBPyConnection, step: YearStep, years: Sequence[int], written: Written) -> None:
    """Count what the tables hold of some years, computed now or before."""
    for table in step.tables:
        optional = [f'count("{name}")' for name, column in table.columns.items() if column.nullable]
        cities = "count(distinct city_id)" if "city_id" in table.columns else "0"
        present = " + ".join(optional) or "0"
        rows = connection.table(table.name).filter(step.column + " in (" + ", ".join(map(str, years)) + ")")
        (row,) = rows.aggregate("count(*), " + cities + ", " + present).fetchall()
        written.rows[table.name], written.cities[table.name] = row[0], row[1]
        written.missing[table.name] = row[0] * len(optional) - row[2]


def materialised(
    table: Table, written: Written, checks: Sequence[dg.AssetCheckResult] = ()
) -> dg.MaterializeResult[None]:
    """A table's materialisation: rows, cities, missing share, and its schema check."""
    optional = sum(column.nullable for column in table.columns.values())
    rows = written.rows[table.name]
    facts: dict[str, int | float | str] = {
        "dagster/row_count": rows,
        YEARS_COMPUTED: ", ".join(map(str, written.computed)) or "none: nothing they rest on has changed",
    }
    if "city_id" in table.columns:
        facts["cities"] = written.cities[table.name]
    if rows and optional:
        facts["missing_pct_of_optional_cells"] = round(100 * written.missing[table.name] / (rows * optional), 2)
    return dg.MaterializeResult(
        asset_key=asset_key(table),
        metadata=facts,
        check_results=[schema_result(table, written.failures[table.name]), *checks],
    )


def all_materialised(tables: Sequence[Table], written: Written) -> Iterator[dg.MaterializeResult[None]]:
    """Materialisations of some tables that have no check but their schema."""
    for table in tables:
        yield materialised(table, written)
