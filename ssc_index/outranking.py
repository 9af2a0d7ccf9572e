"""Step *aggregate*: outranking. Every row meets every other; what counts is who wins, not by how much.

What belongs here: the matrix of outranking and Copeland's score. What does not: the compiled loop
(`compiled_outranking.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_index.aggregate import taking_part, whole_weights
from ssc_index.values import Floats

COMPILED_FROM = 3_000_000  # comparisons from which the compiled loop is worth its compilation
QUANTISED = 2**28  # total of the small whole weights that most pairs can be told by
SHORT = 2**15 - 1  # total that fits in 16 bits with its sign

_compiled: dict[str, Callable[..., Any]] = {}


def outranking_matrix(parts: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Share of the weight by which each row is at least as good as each other.

    ``o_ij = (Σ w [x_i > x_j] + ½ Σ w [x_i = x_j]) / Σ w`` over the children that both rows have; ``o_ij + o_ji = 1``
    in any order of rows. COINr hands the weight of missing cells to the later row.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Weight of each child, 0 or more.

    Returns:
        Shape (n_rows, n_rows); NaN on the diagonal and where two rows share no child with a weight.

    Source: OECD/JRC Handbook (2008), step 6; COINr (``outrankMatrix``).

    >>> outranking_matrix([np.array([1.0, 2.0]), np.array([5.0, 5.0])], [1.0, 1.0])
    array([[ nan, 0.25],
           [0.75,  nan]])
    """
    whole = whole_weights(weights)
    rows = parts[0].size
    better, shared = np.zeros((rows, rows), dtype=np.int64), np.zeros((rows, rows), dtype=np.int64)
    for part, weight in zip(parts, whole, strict=True):
        there = ~np.isnan(part)
        better += weight * (part[:, None] > part[None, :])
        shared += weight * (there[:, None] & there[None, :])
    np.fill_diagonal(shared, 0)
    result = np.full((rows, rows), np.nan)
    np.divide(0.5 * (shared + better - better.T), shared, out=result, where=shared > 0)
    return result


def copeland(
    parts: Sequence[Floats],
    weights: Sequence[float],
    bounds: tuple[float, float] | None = None,
    min_coverage: float = 0.0,
    compiled: bool | None = None,
) -> Floats:
    """Copeland score of the rows of a cohort: duels won less duels lost.

    A row wins against another where the children on which it is better weigh more than those on which it is worse;
    children that one of the two lacks, or on which they are equal, do not count. Weights are compared as whole
    numbers (`whole_weights`), so that a tie is a tie, and the score does not depend on the order of rows.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Weight of each child, 0 or more.
        bounds: Score of a row that loses, and of one that wins, every duel; None keeps the count, between −(n − 1)
            and n − 1 of n rows.
        min_coverage: Least share of the children that must be present; a row below it meets nobody.
        compiled: Whether the loop runs compiled; None decides by the size. Both ways give the same numbers.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    Source: Copeland (1951); OECD/JRC Handbook (2008), step 6; COINr (``a_copeland``).

    >>> copeland([np.array([1.0, 2.0, 3.0]), np.array([5.0, 9.0, 7.0])], [1.0, 1.0])
    array([-2.,  1.,  1.])
    """
    rows = np.flatnonzero(taking_part(parts, weights, min_coverage))
    result = np.full(parts[0].shape, np.nan)
    if rows.size == 0:
        return result
    whole = whole_weights(weights)
    counted = np.flatnonzero(whole > 0).tolist()
    table = np.column_stack([parts[column][rows] for column in counted])
    if compiled is None:
        compiled = rows.size**2 * len(counted) >= COMPILED_FROM
    duels = (_compiled_duels if compiled else _plain_duels)(table, whole[counted])
    if bounds is not None:
        low, high = bounds
        scaled: Floats = low + (high - low) * (duels / max(rows.size - 1, 1) + 1.0) / 2.0
        result[rows] = scaled
        return result
    result[rows] = duels
    return result


def _plain_duels(table: Floats, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Duels won less duels lost, row against all at a time."""
    won = np.zeros(table.shape[0], dtype=np.int64)
    for row in range(table.shape[0] - 1):
        mine, others = table[row], table[row + 1 :]
        lead = ((mine > others) @ weights) - ((mine < others) @ weights)
        won[row] += int(np.sign(lead).sum())
        won[row + 1 :] -= np.sign(lead)
    return won


def _compiled_duels(table: Floats, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Duels won less duels lost: places instead of scores, small weights where they settle a duel, whole ones else.

    Places are dense ranks from 1. A missing cell is the greatest place where it is asked who is above, and 0 where
    it is asked who is below, so that it is neither.
    """
    places = np.zeros(table.shape, dtype=np.int64)
    for column in range(table.shape[1]):
        there = ~np.isnan(table[:, column])
        places[there, column] = np.unique(table[there, column], return_inverse=True)[1] + 1
    missing = places == 0
    kind = np.uint16 if places.max() < 2**16 - 1 else np.uint32
    above = np.ascontiguousarray(np.where(missing, np.iinfo(kind).max, places).T.astype(kind))
    below = np.ascontiguousarray(places.T.astype(kind))
    total = int(weights.sum())
    if total <= SHORT:
        small, doubt = weights.astype(np.int16), 0
    elif total <= QUANTISED:
        small, doubt = weights.astype(np.int32), 0
    else:
        small = np.array([round(int(weight) * QUANTISED / total) for weight in weights], dtype=np.int32)
        doubt = weights.size
    won: NDArray[np.int64] = _loop()(above, below, small, weights, doubt)
    return won


def _loop() -> Callable[..., Any]:
    """The compiled loop, translated at its first use."""
    if "duels" not in _compiled:
        import numba

        from ssc_index.compiled_outranking import duels

        _compiled["duels"] = numba.njit(cache=True, nogil=True)(duels)
    return _compiled["duels"]
