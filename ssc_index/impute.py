"""Step *impute*: fill missing cells; observed cells are never touched.

What belongs here: how a missing cell of a table gets a number, from the same year's units or from the same
unit's earlier years. What does not: which table it is – values, scores or a level of the tree (`index.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

Centre = Literal["mean", "median"]


def centres(block: Floats, centre: Centre) -> Floats:
    """Mean or median of each column over what is there.

    Args:
        block: Shape (n, n_columns); NaN is missing.
        centre: ``mean`` or ``median`` (the mean of the two middle values where their number is even).

    Returns:
        Shape (n_columns,); NaN for a column without any value.

    >>> centres(np.array([[1.0, np.nan], [2.0, np.nan], [9.0, np.nan]]), "median")
    array([ 2., nan])
    """
    ordered = np.sort(np.ascontiguousarray(block.T), axis=1)  # NaN last; sorted: the same for any row order
    count = (~np.isnan(ordered)).sum(axis=1)
    result = np.full(ordered.shape[0], np.nan)
    for column in np.flatnonzero(count).tolist():
        there = ordered[column, : count[column]]
        middle = there.size // 2
        if centre == "mean":
            result[column] = there.sum() / there.size
        else:
            result[column] = there[middle] if there.size % 2 else (there[middle - 1] + there[middle]) / 2.0
    return result


def fill_by_group(
    table: Floats, groups: NDArray[np.int64], centre: Centre, wanted: NDArray[np.bool_]
) -> tuple[Floats, list[tuple[int, int, int]]]:
    """Fill missing cells by the centre of the rows of the same group.

    Args:
        table: Shape (n_rows, n_columns); NaN is missing.
        groups: Number of each row's group, shape (n_rows,); rows of a negative group neither give nor take.
        centre: ``mean`` or ``median``.
        wanted: Which cells may be filled, shape (n_rows, n_columns).

    Returns:
        The filled table, and (group, column, cells left missing) where a group has no value at all.

    Source: OECD/JRC Handbook (2008), step 3; group means as in COINr (``i_mean_grp``).
    """
    filled = np.array(table, order="F")
    empty = []
    for group in np.unique(groups[groups >= 0]).tolist():
        rows = np.flatnonzero(groups == group)
        block = table[rows]
        holes = np.isnan(block) & wanted[rows]
        if not holes.any():
            continue
        middle = centres(block, centre)
        block[holes] = np.broadcast_to(middle, block.shape)[holes]
        filled[rows] = block
        without = np.flatnonzero(np.isnan(middle) & holes.any(axis=0))
        empty += [(group, column, int(holes[:, column].sum())) for column in without.tolist()]
    return filled, empty


def fill_by_last_value(
    table: Floats,
    units: Sequence[str],
    years: Sequence[int],
    max_years: int | None,
    wanted: NDArray[np.bool_],
    donors: NDArray[np.bool_],
) -> tuple[Floats, NDArray[np.int16]]:
    """Fill missing cells by the same unit's last earlier value.

    Args:
        table: Shape (n_rows, n_columns), rows sorted by year; NaN is missing.
        units: Unit of each row.
        years: Year of each row, ascending.
        max_years: Greatest age of a value in years; None is any age.
        wanted: Which cells may be filled, shape (n_rows, n_columns).
        donors: Which cells may give their value: not those that were filled themselves.

    Returns:
        The filled table, and the age in years of each carried cell (0 elsewhere).

    >>> table = np.array([[7.0], [np.nan], [np.nan]])
    >>> all_cells = np.ones((3, 1), dtype=bool)
    >>> fill_by_last_value(table, ["a"] * 3, [2020, 2022, 2023], 2, all_cells, all_cells)[1].ravel()
    array([0, 2, 0], dtype=int16)
    """
    filled = np.array(table, order="F")
    ages = np.zeros(table.shape, dtype=np.int16, order="F")
    _, unit = np.unique(np.asarray(units), return_inverse=True)
    time = np.asarray(years, dtype=np.int64)
    last = np.full((unit.max(initial=-1) + 1, table.shape[1]), np.nan)
    since = np.zeros(last.shape, dtype=np.int64)
    for year in np.unique(time).tolist():
        rows = np.flatnonzero(time == year)
        block, age = table[rows], year - since[unit[rows]]
        known = ~np.isnan(last[unit[rows]])
        in_time = np.ones(age.shape, dtype=bool) if max_years is None else age <= max_years
        take = np.isnan(block) & wanted[rows] & known & (in_time)
        given = ~np.isnan(block) & donors[rows]
        filled[rows] = np.where(take, last[unit[rows]], block)
        ages[rows] = np.where(take, age, 0)
        last[unit[rows]] = np.where(given, block, last[unit[rows]])
        since[unit[rows]] = np.where(given, year, since[unit[rows]])
    return filled, ages
