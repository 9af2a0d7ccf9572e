"""Step *impute*: fill missing cells; observed cells are never touched.

What belongs here: how a missing cell of a table gets a number from the centre of a group of units, from the unit's
own other cells, or from its last value. What does not: which table it is – values, scores or a level of the tree
(`steps/impute.py`) – and the methods with a module of their own (`impute_time.py`, `impute_neighbours.py`,
`impute_regression.py`, `impute_normal.py`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

Centre = Literal["mean", "median"]
PARALLEL_FROM = 1_000_000  # cells from which groups are filled side by side


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
    count = (ordered == ordered).sum(axis=1)
    known = np.flatnonzero(count)
    result = np.full(ordered.shape[0], np.nan)
    if centre == "mean":
        counts = count.tolist()
        for column in known.tolist():
            result[column] = np.add.reduce(ordered[column, : counts[column]]) / counts[column]
        return result
    middle = count // 2
    result[known] = ordered[known, middle[known]]
    even = known[count[known] % 2 == 0]
    result[even] = (ordered[even, middle[even] - 1] + result[even]) / 2.0
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
    order = np.argsort(groups, kind="stable")
    numbers, starts, place = np.unique(groups[order], return_index=True, return_inverse=True)
    if not numbers.size:
        return np.array(table, order="F"), []
    ends = np.append(starts, order.size)[1:]
    group_of = np.empty_like(place)
    group_of[order] = place
    middle = np.full((table.shape[1], numbers.size), np.nan)

    def look(many: slice) -> None:
        """Find the centres of some groups, wherever a cell is missing."""
        first = starts[many][0]
        block = np.take(table.T, order[first : ends[many][-1]], axis=1)
        for group in range(numbers.size)[many]:
            own = block[:, starts[group] - first : ends[group] - first]
            if numbers[group] >= 0 and np.isnan(own).any():
                middle[:, group] = centres(own.T, centre)

    filled = np.array(table, order="F")

    def fill(columns: slice) -> None:
        """Fill some columns."""
        own = filled[:, columns]
        holes = np.isnan(own) & wanted[:, columns]
        np.copyto(own, np.take(middle[columns], group_of, axis=1).T, where=holes)

    if table.size < PARALLEL_FROM:
        look(slice(0, numbers.size))
        fill(slice(None))
    else:  # pieces that stay in cache; no two share a group, or a column
        piece = np.cumsum(ends - starts) * table.shape[1] // PARALLEL_FROM
        cuts = np.flatnonzero(np.diff(piece, prepend=-1, append=piece[-1] + 1)).tolist()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(look, map(slice, cuts, cuts[1:])))
            list(pool.map(fill, (slice(column, column + 1) for column in range(table.shape[1]))))
    return filled, _without_centre(middle, numbers, group_of, table, wanted)


def _without_centre(
    middle: Floats,
    numbers: NDArray[np.int64],
    group_of: NDArray[np.int64],
    table: Floats,
    wanted: NDArray[np.bool_],
) -> list[tuple[int, int, int]]:
    """Group, column and number of the cells that stay missing for want of any value in the group."""
    found = []
    for group in np.flatnonzero((numbers >= 0) & np.isnan(middle).any(axis=0)).tolist():
        rows = np.flatnonzero(group_of == group)
        columns = np.flatnonzero(np.isnan(middle[:, group]))
        left = (np.isnan(table[np.ix_(rows, columns)]) & wanted[np.ix_(rows, columns)]).sum(axis=0)
        found += [(int(numbers[group]), int(columns[at]), int(left[at])) for at in np.flatnonzero(left).tolist()]
    return found


def errors_of_means(table: Floats, groups: NDArray[np.int64]) -> Floats:
    """Standard error of a single cell that its group's mean stands in for: ``s √(1 + 1/n)``.

    Args:
        table: Shape (n_rows, n_columns), before it was filled; NaN is missing.
        groups: Number of each row's group; rows of a negative group have none.

    Returns:
        Shape (n_rows, n_columns); NaN where the group has fewer than two values.

    Source: the prediction of one more observation from a sample of n (Draper and Smith 1998, 1.4, without slope).

    >>> errors_of_means(np.array([[1.0], [3.0], [np.nan]]), np.array([0, 0, 0])).ravel().round(6)
    array([1.732051, 1.732051, 1.732051])
    """
    errors = np.full(table.shape, np.nan, order="F")
    for group in np.unique(groups[groups >= 0]).tolist():
        rows = np.flatnonzero(groups == group)
        ordered = np.sort(table[rows], axis=0)
        count = (~np.isnan(ordered)).sum(axis=0)
        there = np.where(np.isnan(ordered), 0.0, ordered)
        mean = there.sum(axis=0) / np.maximum(count, 1)
        squares = np.where(np.isnan(ordered), 0.0, (ordered - mean) ** 2).sum(axis=0)
        variance = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
        errors[rows] = np.sqrt(variance * (1.0 + 1.0 / np.maximum(count, 1)))
    return errors


def fill_within_row(
    table: Floats,
    families: Sequence[Sequence[int]],
    centre: Centre,
    wanted: NDArray[np.bool_],
    signs: Floats | None = None,
) -> Floats:
    """Fill missing cells by the centre of the same row's other cells.

    With ``signs`` the table holds values, not scores: each column is first laid on 0 to 1 from its worst to its best
    number, and the fill is laid back. A column of equal numbers gives nothing and is filled by that number.

    Args:
        table: Shape (n_rows, n_columns); NaN is missing.
        families: Columns that fill each other, for example the indicators beneath each dimension.
        centre: ``mean`` or ``median`` of the cells that are there.
        wanted: Which cells may be filled, shape (n_rows, n_columns).
        signs: 1 where more is better, −1 where less is, shape (n_columns,); None for scores.

    Returns:
        The filled table; a row without any cell in the family keeps its holes.

    Source: COINr (``impute_by = "row"``, ``normalise_first``).

    >>> fill_within_row(np.array([[10.0, 30.0, np.nan]]), [[0, 1, 2]], "mean", np.ones((1, 3), dtype=bool))
    array([[10., 30., 20.]])
    """
    scores, low, length = table, np.zeros(table.shape[1]), np.ones(table.shape[1])
    if signs is not None:
        there = ~np.isnan(table)
        scores = table * signs
        low = np.min(scores, axis=0, where=there, initial=np.inf)
        length = np.max(scores, axis=0, where=there, initial=-np.inf) - low
        low, length = np.where(length < 0, np.nan, low), np.where(length < 0, np.nan, length)  # empty columns
        with np.errstate(divide="ignore", invalid="ignore"):  # constant columns: 0 / 0
            scores = (scores - low) / length
    filled = np.array(table, order="F")
    for family in families:
        columns = np.asarray(family, dtype=np.int64)
        middle = centres(scores[:, columns].T, centre)
        fill = low[columns] + middle[:, None] * length[columns]
        if signs is not None:
            fill = fill * signs[columns]
        take = np.isnan(table[:, columns]) & wanted[:, columns] & np.isfinite(fill)
        filled[:, columns] = np.where(take, fill, table[:, columns])
    return filled


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
    starts = np.flatnonzero(np.concatenate([[True], time[1:] != time[:-1]])).tolist() if time.size else []
    last = np.full((table.shape[1], unit.max(initial=-1) + 1), np.nan)  # a row for each column, as the table lies
    since = np.zeros(last.shape, dtype=np.int16)
    for start, end in zip(starts, [*starts[1:], time.size], strict=True):
        year, at = time[start], unit[start:end]
        block, missing = table[start:end].T, np.isnan(table[start:end].T)
        if start > 0:
            before, age = last[:, at], (year - since[:, at]).astype(np.int16)
            take = missing & wanted[start:end].T & (before == before)
            if max_years is not None:
                take &= age <= max_years
            filled[start:end] = np.where(take, before, block).T
            ages[start:end] = np.where(take, age, 0).T
        if end < time.size:
            given = ~missing & donors[start:end].T
            last[:, at] = np.where(given, block, last[:, at])
            since[:, at] = np.where(given, year, since[:, at])
    return filled, ages
