"""Imputation from the same unit's other years: linear between two of them, constant from the nearest.

What belongs here: fills that look both ways in time. What does not: the last earlier value (`impute.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

OverYears = Literal["linear", "constant", "linear_constant"]


def fill_over_years(
    table: Floats,
    units: Sequence[str],
    years: Sequence[int],
    method: OverYears,
    max_years: int | None,
    wanted: NDArray[np.bool_],
    donors: NDArray[np.bool_],
) -> tuple[Floats, NDArray[np.int16]]:
    """Fill missing cells from the same unit's values before and after them.

    ``linear``: ``v₀ + (v₁ − v₀) (t − t₀) / (t₁ − t₀)`` between the nearest value before (t₀) and after (t₁);
    nothing beyond the first and the last value. ``constant``: the value nearest in time, the earlier of two that are
    equally near. ``linear_constant``: linear between values, constant beyond the first and the last.

    Args:
        table: Shape (n_rows, n_columns), rows sorted by year; NaN is missing.
        units: Unit of each row.
        years: Year of each row, ascending.
        method: One of the three.
        max_years: Greatest distance in years from a cell to every value that its fill rests on; None is any.
        wanted: Which cells may be filled, shape (n_rows, n_columns).
        donors: Which cells may give their value: not those that were filled themselves.

    Returns:
        The filled table, and the age in years of each fill that is an earlier year's value (0 elsewhere).

    Source: R's ``approx`` with ``rule = 2``, as COINr uses it (``impute_panel``, ``linear-constant``).

    >>> table = np.array([[1.0], [np.nan], [4.0]])
    >>> every = np.ones((3, 1), dtype=bool)
    >>> fill_over_years(table, ["a"] * 3, [2020, 2021, 2023], "linear", None, every, every)[0].ravel()
    array([1., 2., 4.])
    """
    time = np.asarray(years, dtype=np.int64)
    given = ~np.isnan(table) & donors
    before, earlier = _nearest(table, units, time, given, 1)
    after, later = _nearest(table, units, time, given, -1)
    back, ahead = time[:, None] - earlier, later - time[:, None]
    limit = np.inf if max_years is None else max_years
    near_before = ~np.isnan(before) & (back <= limit)
    near_after = ~np.isnan(after) & (ahead <= limit)
    between = ~np.isnan(before) & ~np.isnan(after)
    line = before + (after - before) * (back / np.maximum(back + ahead, 1))
    nearest_is_before = near_before & (~near_after | (back <= ahead))
    nearest = np.where(nearest_is_before, before, np.where(near_after, after, np.nan))
    is_line = between & near_before & near_after
    if method == "linear":
        fill = np.where(is_line, line, np.nan)
    elif method == "constant":
        fill = nearest
    else:
        fill = np.where(between, np.where(is_line, line, np.nan), nearest)
    take = np.isnan(table) & wanted & ~np.isnan(fill)
    carried = take & nearest_is_before & (method != "linear") & ~(between & (method == "linear_constant"))
    ages = np.where(carried, back, 0).astype(np.int16)
    return np.asfortranarray(np.where(take, fill, table)), ages


def _nearest(
    table: Floats, units: Sequence[str], time: NDArray[np.int64], given: NDArray[np.bool_], way: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Each cell's nearest given value before it (way 1) or after it (way −1), and its year; NaN without one."""
    _, unit = np.unique(np.asarray(units), return_inverse=True)
    last = np.full((unit.max(initial=-1) + 1, table.shape[1]), np.nan)
    since = np.zeros(last.shape, dtype=np.int64)
    value, year_of = np.full(table.shape, np.nan), np.zeros(table.shape, dtype=np.int64)
    for year in np.unique(time)[::way].tolist():
        rows = np.flatnonzero(time == year)
        value[rows], year_of[rows] = last[unit[rows]], since[unit[rows]]
        last[unit[rows]] = np.where(given[rows], table[rows], last[unit[rows]])
        since[unit[rows]] = np.where(given[rows], year, since[unit[rows]])
    return value, year_of
