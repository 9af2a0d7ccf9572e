"""The input of an index: one row per unit (and year), one column per indicator.

What belongs here: the frozen table, its order and its checks. What does not: reading files (`files.py`)
and anything that changes a value (`treat.py`, `impute.py`).
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ssc_index.errors import ValuesError

Floats = NDArray[np.float64]
Labels = tuple[str | None, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Values:
    """Values of an index, rows sorted by year and unit. Build it with `values_from_columns`.

    Attributes:
        units: Unit of each row, for example a city.
        years: Year of each row; None if the input knows no years.
        codes: Indicator codes, one per column.
        values: Shape (n_rows, n_indicators), in real units; NaN is missing; columns contiguous, read-only.
        groups: Labels of each row by group column; None is no label.
        denominators: Columns of numbers that indicators may be divided by or derived from, shape (n_rows,) each; NaN
            is missing; read-only.
    """

    units: tuple[str, ...]
    years: tuple[int, ...] | None
    codes: tuple[str, ...]
    values: Floats
    groups: Mapping[str, Labels] = field(default_factory=dict)
    denominators: Mapping[str, Floats] = field(default_factory=dict)

    def year_slices(self) -> tuple[tuple[int | None, slice], ...]:
        """Rows of each year, in order of years; one slice of all rows without years.

        >>> values_from_columns(["b", "a", "a"], [2, 2, 1], ["x"], [[1.0], [2.0], [3.0]]).year_slices()
        ((1, slice(0, 1, None)), (2, slice(1, 3, None)))
        """
        if not self.years:
            return ((None, slice(0, len(self.units))),)
        years = np.asarray(self.years)
        distinct, starts = np.unique(years, return_index=True)
        ends = [*starts[1:].tolist(), len(years)]
        return tuple(
            (int(year), slice(int(start), int(end))) for year, start, end in zip(distinct, starts, ends, strict=True)
        )

    def row_name(self, row: int) -> str:
        """How messages name a row: the unit, with its year if there are years."""
        return self.units[row] if self.years is None else f"{self.units[row]} {self.years[row]}"


def values_from_columns(
    units: Sequence[str],
    years: Sequence[int] | None,
    codes: Sequence[str],
    values: Floats | Sequence[Sequence[float]],
    groups: Mapping[str, Sequence[str | None]] | None = None,
    subject: str = "values",
    denominators: Mapping[str, Floats | Sequence[float]] | None = None,
    *,
    owned: bool = False,
) -> Values:
    """Sort and check a table of values.

    Args:
        units: Unit of each row; text, not empty.
        years: Year of each row, or None.
        codes: Indicator codes, in the order of the framework.
        values: Shape (n_rows, n_indicators), in real units; NaN is missing.
        groups: Labels of each row by group column.
        subject: What an error names.
        denominators: Columns that indicators may be divided by; NaN is missing.
        owned: Whether the table may be kept, and locked, as it is: the caller has no other use of it.

    Returns:
        The table, sorted by year and unit: the same for any order of the input.

    Raises:
        ValuesError: With every fault: wrong shape, empty unit, unit (and year) twice, infinite value.
    """
    table = np.asfortranarray(np.asarray(values, dtype=np.float64).reshape(len(units), len(codes)))
    groups, denominators = groups or {}, denominators or {}
    faults = [
        f"{name}: {len(column)} entries for {len(units)} units"
        for name, column in [("years", years), *groups.items(), *denominators.items()]
        if column is not None and len(column) != len(units)
    ]
    if faults:
        raise ValuesError(subject, faults)
    order = _order(units, years)
    if order is not None:
        table = np.asfortranarray(table[order])
    elif not owned:
        table = np.array(table, order="F")
    built = Values(
        units=_in_order(units, order),
        years=None if years is None else tuple(map(int, _in_order(years, order))),
        codes=tuple(codes),
        values=table,
        groups={name: _in_order(column, order) for name, column in groups.items()},
        denominators={name: _numbers_in_order(column, order) for name, column in denominators.items()},
    )
    faults = _faults(built)
    if faults:
        raise ValuesError(subject, faults)
    for array in (table, *built.denominators.values()):
        array.flags.writeable = False
    return built


def _order(units: Sequence[str], years: Sequence[int] | None) -> list[int] | None:
    """Rows by year and unit; None where they are in this order."""
    names = list(zip([0] * len(units) if years is None else years, units, strict=True))
    # To see that rows are in order takes a tenth of putting them in order.
    if all(map(operator.le, names, islice(names, 1, None))):
        return None
    return sorted(range(len(names)), key=names.__getitem__)


def _in_order(column: Sequence[T], order: list[int] | None) -> tuple[T, ...]:
    return tuple(column) if order is None else tuple(map(column.__getitem__, order))


def _numbers_in_order(column: Floats | Sequence[float], order: list[int] | None) -> Floats:
    """The caller's own numbers are not locked."""
    return np.array(column, dtype=np.float64) if order is None else np.asarray(column, dtype=np.float64)[order]


def _faults(values: Values) -> list[str]:
    """Empty units, rows that occur twice, infinities."""
    faults = [f"row {row + 1}: empty unit" for row, unit in enumerate(values.units) if not unit]
    years = values.years or (None,) * len(values.units)
    faults += [
        f"{values.row_name(row)}: occurs twice; one row per unit{'' if values.years is None else ' and year'}"
        for row, (unit, before, year, year_before) in enumerate(
            zip(values.units[1:], values.units, years[1:], years, strict=False), start=1
        )
        if unit == before and year == year_before
    ]
    endless = np.isinf(values.values)
    rows, columns = np.nonzero(endless) if endless.any() else (np.empty(0, dtype=int), np.empty(0, dtype=int))
    faults += [
        f"{values.row_name(row)}, {values.codes[column]}: {values.values[row, column]} is not a finite number"
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    faults += [
        f"{values.row_name(row)}, {name}: {column[row]} is not a finite number"
        for name, column in values.denominators.items()
        for row in np.flatnonzero(np.isinf(column)).tolist()
    ]
    return faults
