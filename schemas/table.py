"""How a table is described once and used thrice: Pandera schema, DuckDB DDL with comments, documentation.

What belongs here: the shape of a table as data. What does not: which tables exist (`raw.py`, `core.py`,
`index.py`, `benchmark.py`, `marts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandera.polars as pa
import polars as pl

from schemas.units import UNITS

DUCKDB_TYPES: Mapping[object, str] = {
    pl.String: "varchar",
    pl.Int16: "smallint",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.Float64: "double",
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Datetime("us", "UTC"): "timestamptz",
}


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        dtype: Polars type; one of the keys of `DUCKDB_TYPES`.
        description: One sentence with the unit; it becomes the COMMENT.
        nullable: Whether the cell may be missing.
        checks: Pandera checks of single values; name them, the name is shown to people.
        since: Version of the mart's form that brought it (`schemas/marts.py`).
        deprecated: What to read instead, from which version on; empty while it stands.
    """

    dtype: Any
    description: str
    nullable: bool = False
    checks: tuple[pa.Check, ...] = ()
    since: str = "1.0"
    deprecated: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the warehouse or a mart.

    Attributes:
        name: ``schema.table`` in the warehouse, or the bare name of a mart table.
        description: Grain and use in one or two sentences; it becomes the COMMENT.
        columns: Columns in order.
        key: Columns that together name a row.
        checks: Pandera checks that look across columns.
        since: Version of the mart's form that brought it.
    """

    name: str
    description: str
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    checks: tuple[pa.Check, ...] = field(default=())
    since: str = "1.0"

    @property
    def polars_schema(self) -> dict[str, Any]:
        """Column names and Polars types, in order."""
        return {name: column.dtype for name, column in self.columns.items()}

    @property
    def has_editions(self) -> bool:
        """Whether each row belongs to an edition."""
        return "edition" in self.key

    @cached_property
    def pandera(self) -> pa.DataFrameSchema:
        """The strict Pandera schema: these columns, no others, the key unique."""
        return pa.DataFrameSchema(
            {name: self._pandera_column(name) for name in self.columns},
            checks=list(self.checks),
            strict=True,
            unique=list(self.key) if self.key else None,
            description=self.description,
            name=self.name,
        )

    def _pandera_column(self, name: str) -> pa.Column:
        column = self.columns[name]
        return pa.Column(
            column.dtype, nullable=column.nullable, checks=list(column.checks), description=column.description
        )

    def empty(self) -> pl.DataFrame:
        """A frame of this table without rows."""
        return pl.DataFrame(schema=self.polars_schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """As `typed`, sorted by the key."""
        typed = self.typed(frame)
        # To see that rows are in order takes a fraction of putting them in order.
        if not self.key or typed.select(self.is_ascending()).item():
            return typed
        return typed.sort(self.key, nulls_last=True)

    def is_ascending(self) -> pl.Expr:
        """Whether the key of each row is above that of the row before, as an aggregation; a missing cell is not."""
        is_greater = pl.lit(False)
        for name in reversed(self.key):
            before = pl.col(name).shift()
            is_greater = (pl.col(name) > before) | ((pl.col(name) == before) & is_greater)
        return is_greater.slice(1).fill_null(False).all()

    def typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with this table's columns, order and types, NaN turned into null.

        Args:
            frame: Rows of the table; columns beyond the table's are dropped.

        Returns:
            The same rows in the table's own form.

        Raises:
            polars.exceptions.ColumnNotFoundError: If a column of the table is absent.
        """
        return frame.select(
            pl.col(name).cast(column.dtype).fill_nan(None)
            if column.dtype == pl.Float64
            else pl.col(name).cast(column.dtype)
            for name, column in self.columns.items()
        )

    def ddl(self) -> str:
        """``create table if not exists`` for DuckDB, with NOT NULL where the table says so."""
        lines = [
            f'    "{name}" {DUCKDB_TYPES[column.dtype]}{"" if column.nullable else " not null"}'
            for name, column in self.columns.items()
        ]
        body = ",\n".join(lines)
        return f"create table if not exists {self.name} (\n{body}\n)"

    def comments(self) -> list[str]:
        """One COMMENT statement for the table and one for each column."""
        statements = [f"comment on table {self.name} is '{_quoted(self.description)}'"]
        statements += [
            f"comment on column {self.name}.\"{name}\" is '{_quoted(self.comment(name))}'" for name in self.columns
        ]
        return statements

    def unit(self, name: str) -> str:
        """Unit of a number of a mart; empty for texts, for yes and no, and in the warehouse."""
        is_number = self.columns[name].dtype not in (pl.String, pl.Boolean)
        return UNITS.get(name, "") if is_number and "." not in self.name else ""

    def comment(self, name: str) -> str:
        """What a column holds, in which unit, and what to read instead where it is going away."""
        column, unit = self.columns[name], self.unit(name)
        told = [column.description, f"Unit: {unit}." if unit else ""]
        told.append(f"Deprecated: {column.deprecated}" if column.deprecated else "")
        return " ".join(filter(None, told))


def _quoted(text: str) -> str:
    """Text for use between single quotes in SQL."""
    return text.replace("'", "''")
