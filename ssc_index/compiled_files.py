"""The loops of `files` that are compiled: plain Python that Numba translates, and that runs without it.

What belongs here: laying the cells of a long file into a table. What does not: anything else; a module of its own so
that the compiled form is kept from run to run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

Numbers = NDArray[np.integer]


def note_years(years: Numbers, first: int, occurs: NDArray[np.bool_]) -> None:
    """Note which years occur.

    Args:
        years: Year of each cell, shape (n,).
        first: The first year.
        occurs: Set at year − first; other cells stay.
    """
    for cell in range(years.size):
        occurs[years[cell] - first] = True


def note_rows(
    units: Numbers, place: Numbers, years: Numbers, first: int, start_of_year: Numbers, occurs: NDArray[np.bool_]
) -> None:
    """Note which units occur in which year.

    Args:
        units: Number of each cell's unit, shape (n,).
        place: Place of each unit among the units, by number.
        years: Year of each cell, shape (n,); empty where there are no years.
        first: The first year.
        start_of_year: Place of a year's first unit, by year less the first.
        occurs: Set at start + place; other cells stay.
    """
    has_years = years.size > 0
    for cell in range(units.size):
        start = start_of_year[years[cell] - first] if has_years else 0
        occurs[start + place[units[cell]]] = True


def lay_cells(
    units: Numbers,
    place: Numbers,
    years: Numbers,
    first: int,
    start_of_year: Numbers,
    row_of: Numbers,
    codes: Numbers,
    start_of_code: Numbers,
    numbers: Floats,
    flat: Floats,
    filled: NDArray[np.bool_],
) -> None:
    """Lay cells into a table, column after column.

    Args:
        units: As in `note_rows`.
        place: As there.
        years: As there.
        first: As there.
        start_of_year: As there.
        row_of: Row of each year and unit.
        codes: Number of each cell's code, shape (n,).
        start_of_code: Place of a code's first row in the table, by number.
        numbers: The cells, shape (n,).
        flat: Receives them.
        filled: Set where a cell was laid.
    """
    has_years = years.size > 0
    for cell in range(units.size):
        start = start_of_year[years[cell] - first] if has_years else 0
        at = start_of_code[codes[cell]] + row_of[start + place[units[cell]]]
        flat[at] = numbers[cell]
        filled[at] = True
