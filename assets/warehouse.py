"""The warehouse: one DuckDB file, one writer at a time, every replacement one transaction.

What belongs here: opening, locking, reading and replacing tables. What does not: what is in them.
"""

from __future__ import annotations

import fcntl
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from schemas.table import Table
from ssc_index.errors import SscIndexError

PRIVATE_MODE = 0o600

SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "400MB",
    "threads": "2",
}


BUILD_AGAIN = "It holds nothing that raw/ does not: delete it and build again."
BY_ANOTHER_VERSION = "It holds nothing that raw/ does not: delete it and run `ssc-index build`."
CLOSE_IT = "Another program has it open: close it there and give the command again. Nothing is lost, nor half done."
# What DuckDB says of a file that another process holds, and the seconds for which a short look at it is waited for.
HELD = "Could not set lock on file"
PATIENCE = 10.0
DAMAGED = ("Corrupt database file", "Could not read enough bytes")


class WarehouseError(SscIndexError):
    """The warehouse cannot be opened or lacks what is asked of it."""


class OtherVersionError(WarehouseError):
    """The warehouse has the tables of another version of the project."""


class UnreadableError(WarehouseError):
    """The warehouse's file is damaged, or somebody outside the project has it open."""


def connect(path: Path | None = None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, or a database in memory, with the project's settings.

    No extension is ever fetched, and times are told in UTC wherever the machine stands.
    """
    connection = duckdb.connect(":memory:" if path is None else str(path), read_only=read_only, config=SETTINGS)
    connection.execute("set timezone = 'UTC'")
    # It would print into the output of a command.
    connection.execute("set enable_progress_bar = false")
    return connection


@contextmanager
def writer_lock(
    path: Path, purpose: str, say: Callable[[str], None] | None = None, timeout: float | None = None
) -> Iterator[None]:
    """Hold the right to write a file, waiting for whoever holds it and saying for whom.

    The operating system frees the lock when its holder ends, however it ends.

    Args:
        path: The file that will be written; the lock is a file beside it.
        purpose: What the holder does, told to those who wait.
        say: Where waiting is told; standard error by default.
        timeout: Seconds to wait; None waits for ever.

    Raises:
        WarehouseError: If the time is up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(path.name + ".lock")
    tell = say or _to_standard_error
    with lock.open("a+", encoding="utf-8") as handle:
        _acquire(handle.fileno(), lock, tell, timeout)
        handle.seek(0)
        handle.truncate()
        # Processes of other containers and machines have the same numbers.
        handle.write(f"process {os.getpid()} of {platform.node()} ({purpose})")
        handle.flush()
        yield


def _acquire(descriptor: int, lock: Path, tell: Callable[[str], None], timeout: float | None) -> None:
    started = time.monotonic()
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = lock.read_text(encoding="utf-8") or "another process"
            if timeout is not None and time.monotonic() - started >= timeout:
                raise WarehouseError(f"{lock.name} is still held by {holder} after {timeout:g} s.") from None
            if not told:
                tell(f"Waiting: {lock.name} is held by {holder}.")
                told = True
            time.sleep(0.05)


def _to_standard_error(text: str) -> None:
    sys.stderr.write(text + "\n")


@contextmanager
def open_writer(path: Path, purpose: str, tables: Sequence[Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for writing, with its tables created where they are absent.

    Args:
        path: The warehouse file; created where absent.
        purpose: What the writer does, told to those who wait.
        tables: Tables that the writer will use.

    Raises:
        WarehouseError: If the file is no warehouse of ours; it says how to rebuild it.
    """
    with writer_lock(path, purpose), _damage_told(path), private_files():
        connection = _opened(path, read_only=False)
        path.chmod(PRIVATE_MODE)
        try:
            _create(connection, tables, path)
            yield connection
        finally:
            connection.close()


@contextmanager
def private_files() -> Iterator[None]:
    """Have whatever is created meanwhile, logs of a database for one, belong to its owner alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _opened(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open the warehouse; refuse a file that is none, and one that a program of somebody else's keeps open."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(path, read_only=read_only)
        except (duckdb.IOException, duckdb.SerializationException, duckdb.InternalException) as error:
            is_held = HELD in str(error)
            if is_held and time.monotonic() < until:
                time.sleep(0.1)
                continue
            what_to_do = CLOSE_IT if is_held else BUILD_AGAIN
            raise UnreadableError(f"{path} cannot be opened: {error}\n{what_to_do}") from error


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Tell of damage that shows only when a block of the file is read, which DuckDB knows by its checksum."""
    try:
        yield
    except duckdb.Error as error:
        if not any(sign in str(error) for sign in DAMAGED):
            raise
        raise UnreadableError(f"{path} is damaged: {error}\n{BUILD_AGAIN}") from error


def _create(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], path: Path) -> None:
    """Create tables where they are absent, all at once; refuse one that another version of the project made."""
    statements: list[str] = []
    for table in tables:
        schema = table.name.rpartition(".")[0]
        columns = _columns_of(connection, table)
        if columns is None:
            statements += ["create schema if not exists " + schema, table.ddl(), *table.comments()]
        elif columns != list(table.columns):
            raise OtherVersionError(
                f"{path} was made by another version: {table.name} has other columns. {BY_ANOTHER_VERSION}"
            )
    if statements:
        # Each statement by itself would wait for the disk.
        connection.execute(";\n".join(["begin", *statements, "commit"]))


def _columns_of(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str] | None:
    """Columns of a table as it stands; None where it is absent.

    DuckDB's own list of all columns takes twenty times as long: it names those of every view and function it knows.
    """
    try:
        return list(connection.table(table.name).columns)
    except duckdb.CatalogException:
        return None


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing: commit at the end, roll back on any error."""
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def replace_rows(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    frame: pl.DataFrame,
    where: str | None,
    parameters: list[object],
) -> None:
    """Replace the rows of a table that a condition selects by a frame's; call it inside a `transaction`.

    Args:
        connection: An open writer.
        table: Which table.
        frame: The new rows, in the table's form (`Table.conform`).
        where: SQL condition with ``?`` for parameters; None replaces all rows.
        parameters: Values of the condition.
    """
    # The names come from the table definitions in schemas/, never from data.
    connection.execute("delete from " + table.name + (f" where {where}" if where else ""), parameters)
    insert_rows(connection, table, frame)


def insert_rows(connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> None:
    """Append a frame's rows, in the table's form, to a table."""
    if frame.is_empty():
        return
    # DuckDB finds the frame by its name here. Of a frame that is registered within a transaction it keeps a copy, even
    # when it is no longer registered: after ten thousand workbooks that was 400 MB (DuckDB 2.0.0).
    connection.execute("insert into " + table.name + " by name select * from frame")


Query = str | tuple[str, Sequence[object]]
# Of `coded_rows_of`, before their texts are categories.
ROWS_AT_ONCE = 100_000


def read_queries(path: Path, queries: Mapping[str, Query], *, coded: bool = False) -> dict[str, pl.DataFrame]:
    """Run queries on the warehouse, read-only, all on the same state of it.

    Args:
        path: The warehouse file.
        queries: SQL by a name of the caller's, alone or with the values of its ``?``.
        coded: Whether texts are fetched as categories, by `coded_rows_of`.

    Returns:
        The rows by name; no order unless the query orders them.

    Raises:
        WarehouseError: If there is no warehouse yet, the file is none, the build that was to fill it has ended before
            the queries' tables, or another version filled it and their columns are not there.
    """
    with open_reader(path) as connection:
        fetch = coded_rows_of if coded else rows_of
        return {name: fetch(connection, query) for name, query in queries.items()}


@contextmanager
def open_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for reading; whoever writes waits meanwhile.

    Raises:
        WarehouseError: If there is no warehouse yet, the file is none, or another version filled it and tables or
            columns that are read are not there.
    """
    if not path.exists():
        raise WarehouseError(f"There is no warehouse at {path} yet. Run `ssc-index build` first.")
    with writer_lock(path, "reading"), _damage_told(path), _opened(path, read_only=True) as connection:
        try:
            yield connection
        except duckdb.CatalogException as error:
            # Whatever version began it: a build makes the tables that are not there.
            raise WarehouseError(
                f"{path} has not been filled to its end: {_what(error)}. Run `ssc-index build`."
            ) from error
        except duckdb.BinderException as error:
            raise OtherVersionError(
                f"{path} was made by another version: {_what(error)}. {BY_ANOTHER_VERSION}"
            ) from error


def _what(error: duckdb.Error) -> str:
    """What is not there, as DuckDB tells it."""
    return str(error).splitlines()[0].partition(": ")[2].split("!")[0].rstrip(".")


def has_tables(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> bool:
    """Whether all of some tables are there: a build that was killed early has not made them all."""
    return all(_columns_of(connection, table) is not None for table in tables)


def years_in(path: Path, tables: Sequence[Table], timeout: float | None = None) -> list[set[int]]:
    """Years that tables of the warehouse have rows of; none where a table, or the warehouse, is not there yet.

    Raises:
        WarehouseError: If somebody else writes to it for more than so many seconds; None waits for ever.
    """
    if not path.exists():
        return [set() for _ in tables]
    locked = writer_lock(path, "reading", timeout=timeout)
    with locked, _damage_told(path), _opened(path, read_only=True) as connection:
        return [
            set()
            if _columns_of(connection, table) is None
            else {year for (year,) in connection.table(table.name).project("year").distinct().fetchall()}
            for table in tables
        ]


def rows_of(connection: duckdb.DuckDBPyConnection, query: Query) -> pl.DataFrame:
    """Rows of a query, alone or with the values of its ``?``."""
    sql, parameters = (query, ()) if isinstance(query, str) else query
    rows: pl.DataFrame = connection.sql(sql, params=list(parameters)).pl()
    return rows


def coded_rows_of(connection: duckdb.DuckDBPyConnection, query: Query) -> pl.DataFrame:
    """As `rows_of`, each text as the number of a category of Polars', which all such frames share.

    A city's key or the address of a file stands in a hundred rows: a third of the memory, and joined in less time. The
    texts are never all in memory at once.
    """
    sql, parameters = (query, ()) if isinstance(query, str) else query
    with connection.sql(sql, params=list(parameters)).to_arrow_reader(ROWS_AT_ONCE) as reader:
        parts = [in_categories(pl.DataFrame(pl.from_arrow(reader.schema.empty_table())))]
        for batch in reader:
            part = in_categories(pl.DataFrame(pl.from_arrow(batch)))
            # A copy: numbers that lie where DuckDB has put them would keep the texts beside them in memory.
            parts.append(parts[0].clear().extend(part))
    # Rows that were appended one part after the other would take a quarter more memory than they need.
    return pl.concat(parts, rechunk=True)


def in_categories(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame with its texts as categories."""
    return frame.with_columns(pl.col(pl.String).cast(pl.Categorical))
