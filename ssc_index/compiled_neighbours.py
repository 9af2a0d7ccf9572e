"""The loops of `impute_neighbours` that are compiled: plain Python that Numba translates, and that runs without it.

What belongs here: the choice of candidates by distances in single precision, and the fill from candidates. What does
not: anything else; a module of its own so that the compiled form is kept from run to run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats


def nearest(
    total: NDArray[np.float32],
    common: NDArray[np.float32],
    rows: NDArray[np.int64],
    candidates: NDArray[np.int64],
    edge: NDArray[np.float32],
    least: NDArray[np.float32],
) -> None:
    """Find the candidates with the least ``total / common`` of each row.

    Args:
        total: Sums of squared differences, shape (r, n_rows).
        common: Columns that both rows have, shape (r, n_rows); rows without any are no candidates.
        rows: Position of each row among all, shape (r,); a row is no candidate of its own.
        candidates: Receives the positions of the nearest, shape (r, width).
        edge: Receives the greatest distance among them, infinite if there are fewer, shape (r,).
        least: Receives the least number of common columns, 1 or more, shape (r,).
    """
    width = candidates.shape[1]
    distance = np.empty(width, dtype=np.float32)
    for row in range(rows.size):
        found = 0
        limit = np.float32(np.inf)
        fewest = np.float32(np.inf)
        for other in range(total.shape[1]):
            shared = common[row, other]
            if shared < fewest and shared > 0:
                fewest = shared
            if total[row, other] < limit * shared and other != rows[row]:
                near = total[row, other] / shared
                place = found if found < width else width - 1
                while place > 0 and distance[place - 1] > near:
                    distance[place] = distance[place - 1]
                    candidates[row, place] = candidates[row, place - 1]
                    place -= 1
                distance[place] = near
                candidates[row, place] = other
                found = min(found + 1, width)
                if found == width:
                    limit = distance[width - 1]
        for place in range(found, width):
            candidates[row, place] = rows[row]
        edge[row] = limit
        least[row] = fewest


def fill_rows(
    scaled: Floats,
    there: NDArray[np.bool_],
    table: Floats,
    wanted: NDArray[np.bool_],
    rows: NDArray[np.int64],
    candidates: NDArray[np.int64],
    bound: Floats,
    k: int,
    fill: Floats,
    is_sure: NDArray[np.bool_],
) -> None:
    """Order candidates by distance in double precision and fill each hole by the mean of the first k that can give.

    Args:
        scaled: Columns that inform, shape (n_rows, n_informing).
        there: Where they are not missing.
        table: Columns that are filled, shape (n_rows, n_columns); NaN is missing.
        wanted: Which of their cells may be filled.
        rows: Rows to fill, shape (r,).
        candidates: Candidates of each, shape (r, width); sorted in place.
        bound: Distance from which on another row might be nearer, shape (r,).
        k: How many neighbours.
        fill: Receives the fills, shape (r, n_columns); NaN elsewhere.
        is_sure: Receives whether no other row can change a fill of the row, shape (r,).
    """
    width = candidates.shape[1]
    distance = np.empty(width)
    for at in range(rows.size):
        row = rows[at]
        for number in range(width):
            other = candidates[at, number]
            total, common = 0.0, 0
            for column in range(scaled.shape[1]):
                if there[row, column] and there[other, column]:
                    gap = scaled[row, column] - scaled[other, column]
                    total += gap * gap
                    common += 1
            near = total / common if common > 0 and other != row else np.inf
            place = number
            while place > 0 and (
                distance[place - 1] > near or (distance[place - 1] == near and candidates[at, place - 1] > other)
            ):
                distance[place] = distance[place - 1]
                candidates[at, place] = candidates[at, place - 1]
                place -= 1
            distance[place] = near
            candidates[at, place] = other
        is_sure[at] = True
        for column in range(table.shape[1]):
            fill[at, column] = np.nan
            if wanted[row, column] and np.isnan(table[row, column]):
                total, count, last = 0.0, 0, 0.0
                for number in range(width):
                    if count < k and distance[number] < np.inf and not np.isnan(table[candidates[at, number], column]):
                        total += table[candidates[at, number], column]
                        count += 1
                        last = distance[number]
                if count > 0:
                    fill[at, column] = total / count
                if count < k or last >= bound[at]:
                    is_sure[at] = False
