"""Running a Pandera schema and telling its failures in plain rows.

What belongs here: the adapter between Pandera's report and ours. What does not: what happens to a failed row
(the assets) and the schemas themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData
from pandera.errors import SchemaErrors

from schemas.table import Table


@dataclass(frozen=True)
class Failure:
    """One failed check of one row, or of the whole frame.

    Attributes:
        row: Row number in the frame; None where the frame's shape is at fault.
        column: Column, or None for a check across columns.
        check: Name of the check.
        value: What was found, as text.
    """

    row: int | None
    column: str | None
    check: str
    value: str | None

    @property
    def message(self) -> str:
        """The failure in one sentence."""
        place = "" if self.row is None else f"row {self.row}: "
        subject = f"column {self.column} " if self.column else ""
        return f"{place}{subject}fails {self.check} with {self.value!r}"


def failures(table: Table, frame: pl.DataFrame) -> list[Failure]:
    """Every failure of a frame against its table's schema, values included.

    Args:
        table: The table.
        frame: An eager frame; Pandera checks only the columns of a lazy one.

    Returns:
        Failures in order of row, column and check; empty where all holds.
    """
    if _is_well_formed(table, frame) and _every_check_holds(table, frame):
        return []
    schema = table.pandera
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        report = error.failure_cases
    else:
        return []
    found = [
        Failure(
            row=None if row["index"] is None else int(row["index"]),
            column=row["column"] if row["column"] in frame.columns or row["index"] is None else None,
            check=_check_name(row["check"]),
            value=None if row["failure_case"] is None else str(row["failure_case"]),
        )
        for row in report.to_dicts()
    ]
    return sorted(found, key=lambda one: (-1 if one.row is None else one.row, one.column or "", one.check))


def _is_well_formed(table: Table, frame: pl.DataFrame) -> bool:
    """Whether columns, types, missing cells and key are in order beyond doubt, so that only checks are left to run.

    Pandera looks at one column after the other, and groups the keys to see that no two are alike: most of the time of
    a table that has nothing wrong. Here a key counts as unique where each is greater than the one before; whatever
    looks doubtful is left to Pandera, which says what is wrong.
    """
    if list(frame.schema.items()) != list(table.polars_schema.items()):
        return False
    needed = [name for name, column in table.columns.items() if not column.nullable]
    numbers = [name for name in needed if table.columns[name].dtype == pl.Float64]
    in_order = [
        *(pl.col(name).null_count() == 0 for name in needed),
        *(pl.col(name).is_nan().any().not_() for name in numbers),
        table.is_ascending() if table.key else pl.lit(True),
    ]
    return bool(frame.select(pl.all_horizontal(in_order)).item())


def _every_check_holds(table: Table, frame: pl.DataFrame) -> bool:
    """Whether every check of a table holds, by Pandera's own functions in one query instead of one query for each.

    A missing cell holds, as in Pandera. What fails is left to Pandera, which says where.
    """
    checks = [(name, check) for name, column in table.columns.items() for check in column.checks]
    checks += [("*", check) for check in table.checks]
    rows = frame.lazy()
    told = [_told(check, PolarsData(rows, column)) for column, check in checks]
    return all(held.item() for held in pl.collect_all(one.select(pl.all().fill_null(True).all()) for one in told))


def _told(check: pa.Check, data: PolarsData) -> pl.LazyFrame:
    """What a check says of each row, in one column, not collected yet."""
    backend = check.get_backend(data.lazyframe)(check)
    told: pl.LazyFrame = backend.apply(data)  # type: ignore[no-untyped-call]  # Pandera's backends have no types
    return told


def _check_name(text: str) -> str:
    """Name of a check: Pandera appends the arguments to the name of some."""
    return str(text).split("(")[0].strip()


def split(table: Table, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Failure]]:
    """Separate the rows that hold from the failures of those that do not.

    Args:
        table: The table.
        frame: An eager frame.

    Returns:
        Rows without any failure, and all failures.

    Raises:
        ValueError: If the frame's shape itself is wrong: a programming error, not bad input.
    """
    found = failures(table, frame)
    if shape := [failure for failure in found if failure.row is None]:
        raise ValueError(f"{table.name}: " + "; ".join(failure.message for failure in shape))
    bad = {failure.row for failure in found}
    good = frame.with_row_index("row").filter(~pl.col("row").is_in(sorted(bad))) if bad else frame
    return good.drop("row", strict=False), found
