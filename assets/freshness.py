"""Whether rows still stand on what they were made from: content is compared, never time.

What belongs here: the basis of a step's rows as one SHA-256, and where it is kept. What does not: what a step
reads and writes (its asset).
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import duckdb
import polars as pl

from assets.workspace import PROJECT
from schemas.table import Table

# What can change a number without a line of ours changing.
PACKAGES = ("duckdb", "numba", "numpy", "pandera", "polars", "pyarrow", "scipy")
COMPUTING = ("ssc_index", "intake", "schemas", "assets")
READING = ("intake", "ssc_index/framework", "schemas")
PUBLISHING = (*COMPUTING, "sql")
SOURCES = (".py", ".yaml", ".sql", ".csv")


@cache
def code_sha256(folders: tuple[str, ...] = COMPUTING) -> str:
    """Address of the code and the catalogue in some folders of the project, and of the packages beneath them."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        digest.update(f"{package} {version(package)}\n".encode())
    digest.update(platform.python_version().encode())
    for folder in folders:
        for path in sorted(_sources(PROJECT / folder)):
            digest.update(f"\n{path.relative_to(PROJECT).as_posix()}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.suffix in SOURCES)


def rows_sha256(frame: pl.DataFrame) -> str:
    """Address of a frame's columns and rows, whatever the order of the rows."""
    digest = hashlib.sha256(repr(list(frame.schema.items())).encode())
    digest.update(frame.hash_rows(seed=2026).sort().to_numpy().tobytes() if frame.height else b"")
    return digest.hexdigest()


def queried_address(connection: duckdb.DuckDBPyConnection, query: tuple[str, Sequence[object]]) -> str:
    """Address of the rows of a query, with the values of its ``?``, whatever their order; none is fetched."""
    sql, parameters = query
    # The sum is of 128 bits, and a row that is there twice counts twice.
    counted = "select count(*), sum(cast(hash(one) as hugeint)) from (" + sql + ") as one"
    (row,) = connection.execute(counted, list(parameters)).fetchall()
    return f"{row[0]} rows {row[1]}"


def addresses_by_edition(sql: str) -> str:
    """A query for the ``address`` of a query's rows of each ``edition``, as `queried_address` tells it."""
    rows = "count(*) || ' rows ' || sum(cast(hash(one) as hugeint))"
    return "select edition, " + rows + " as address from (" + sql + ") as one group by edition"


def basis_sha256(inputs: Mapping[str, str], also: Iterable[str], tables: Iterable[Table]) -> str:
    """Address of everything that a step's rows of one year rest on.

    Args:
        inputs: Addresses of the rows that the step computes from, by name.
        also: What else it looks at, as text: the method, the moment that counts.
        tables: The tables that it fills; other columns or checks make its rows stale.
    """
    digest = hashlib.sha256(code_sha256().encode())
    for text in also:
        digest.update(f"\n{text}".encode())
    for table in tables:
        digest.update(f"\n{table.ddl()}\n{_checks_of(table)}".encode())
    for name in sorted(inputs):
        digest.update(f"\n{name} {inputs[name]}".encode())
    return digest.hexdigest()


def _checks_of(table: Table) -> list[str]:
    named = [(name, check) for name, column in table.columns.items() for check in column.checks]
    return [f"{name} {check.error} {check.statistics}" for name, check in named]


def recorded(connection: duckdb.DuckDBPyConnection, step: str) -> dict[int, str]:
    """Basis of each year that a step has rows of."""
    rows = connection.execute("select year, basis_sha256 from state.steps where step = ?", [step]).fetchall()
    return dict(rows)


def record(connection: duckdb.DuckDBPyConnection, step: str, bases: Mapping[int, str]) -> None:
    """Note what a step's rows of some years now rest on; call it inside the transaction that wrote them."""
    forget(connection, step, bases)
    for year, basis in bases.items():
        connection.execute("insert into state.steps values (?, ?, ?)", [step, year, basis])


def forget(connection: duckdb.DuckDBPyConnection, step: str, years: Collection[int]) -> None:
    """Note that a step's rows of some years must be made anew."""
    connection.execute("delete from state.steps where step = ? and list_contains(?, year)", [step, list(years)])
