"""Step *rank*: positions from scores, ties by a stated rule.

What belongs here: ranks of a column, and of all columns of a table. What does not: ranks as a normalisation
(`normalise.py` calls this), and the compiled loop (`compiled_ranks.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_index.steps.parameters import Ties
from ssc_index.values import Floats

LOWEST = np.int64(-(2**63))
PACKED_FROM = 128  # values in a row from which sorting packed ones is quicker
COMPILED_FROM = 10_000_000  # cells from which compiled ranks are worth loading the compiler


def ascending(values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Order of values along the last axis, and the values in that order: `numpy.argsort`, several times as quick.

    Places are put into the lowest bits of whole numbers that order as the values do; plain sorting of these is what
    processors are good at. Rows in which the bits lost tell values apart are sorted again by `numpy.argsort`. Equal
    values may come in any order, as there.

    Args:
        values: Shape (…, n), none missing.

    Returns:
        Places and values, shape (…, n).

    >>> ascending(np.array([2.0, -1.0, 0.5]))
    (array([1, 2, 0]), array([-1. ,  0.5,  2. ]))
    """
    n = values.shape[-1]
    if n < PACKED_FROM:
        order = np.argsort(values, axis=-1)
        return order, np.take_along_axis(values, order, axis=-1)
    bits = np.ascontiguousarray(values).view(np.int64)
    packed = (bits ^ (bits >> 63 | LOWEST)).view(np.uint64)  # negative values: all bits the other way round
    low = np.uint64((1 << n.bit_length()) - 1)
    packed &= ~low
    packed |= np.arange(n, dtype=np.uint64)
    packed.sort(axis=-1)
    packed &= low
    order = packed.view(np.int64)
    ordered = np.take_along_axis(values, order, axis=-1)
    wrong = (ordered[..., 1:] < ordered[..., :-1]).any(axis=-1)
    if wrong.any():
        order[wrong] = np.argsort(values[wrong], axis=-1)
        ordered[wrong] = np.take_along_axis(values[wrong], order[wrong], axis=-1)
    return order, ordered


def rank_ascending(values: Floats, ties: Ties = "min") -> Floats:
    """Rank values, the smallest first.

    Args:
        values: Shape (n,); NaN is missing and is not counted.
        ties: Rank of equal values: the smallest (``min``), largest (``max``) or mean (``average``) of the
            positions they hold, or the number of distinct values up to theirs (``dense``).

    Returns:
        Ranks from 1, shape (n,); NaN exactly where ``values`` is NaN.

    >>> rank_ascending(np.array([30.0, 10.0, np.nan, 10.0]))
    array([ 3.,  1., nan,  1.])
    """
    return ranks_and_counts(values, ties)[0]


def ranks_and_counts(values: Floats, ties: Ties = "min") -> tuple[Floats, Floats, Floats]:
    """Rank values as `rank_ascending` does; also what they are ranked among, from the same sorting.

    Args:
        values: As there.
        ties: As there.

    Returns:
        Ranks; distinct values, ascending; how often each occurs.

    >>> ranks_and_counts(np.array([30.0, 10.0, np.nan, 10.0]))[1:]
    (array([10., 30.]), array([2., 1.]))
    """
    ranks = np.full(values.shape, np.nan)
    there = np.flatnonzero(values == values)
    known = values[there] + 0.0  # no zero is below another
    order, ordered = ascending(known)
    is_first = np.ones(known.size, dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], known.size)
    if first.size == known.size:  # no two equal, so that all rules are one
        ranks[there[order]] = np.arange(1.0, first.size + 1.0)
        return ranks, ordered, np.ones(first.size)
    by_group = {
        "min": first + 1.0,
        "max": last * 1.0,
        "average": (first + 1.0 + last) / 2.0,
        "dense": np.arange(1.0, first.size + 1.0),
    }[ties]
    ranks[there[order]] = np.repeat(by_group, last - first)
    return ranks, ordered[first], (last - first).astype(np.float64)


def rank_descending(scores: Floats, ties: Ties = "min", decimals: int | None = None) -> Floats:
    """Rank scores, the largest first: 1 is the best.

    Args:
        scores: Shape (n,); NaN is not ranked.
        ties: As in `rank_ascending`, counted from the best.
        decimals: Decimals to which scores are rounded first (half to even); None ranks them as they are.

    Returns:
        Ranks from 1, shape (n,); NaN exactly where ``scores`` is NaN.

    >>> rank_descending(np.array([0.9614, 0.9616, 0.9623]), decimals=3)
    array([3., 1., 1.])
    """
    rounded = scores if decimals is None else np.round(scores, decimals)
    return rank_ascending(-rounded, ties)


def rank_blocks(
    scores: Floats,
    blocks: Sequence[slice],
    ties: Ties = "min",
    decimals: int | None = None,
    columns: Sequence[int] | None = None,
    compiled: bool | None = None,
) -> Floats:
    """Rank every column of a table within blocks of rows as `rank_descending` does.

    Args:
        scores: Shape (n_rows, n_columns); NaN is not ranked.
        blocks: The rows of each block, without overlap and with a step of 1: those of a year, for example.
        ties: As in `rank_descending`.
        decimals: As there.
        columns: Numbers of the columns to rank; None ranks all.
        compiled: Whether the loop runs compiled, on all processors; None decides by the size. Both ways give the same.

    Returns:
        Ranks from 1, shape of the scores; NaN where a score is, outside blocks and in columns that are not ranked.

    >>> rank_blocks(np.array([[2.0], [5.0], [9.0]]), [slice(0, 2), slice(2, 3)]).ravel()
    array([2., 1., 1.])
    """
    wanted = range(scores.shape[1]) if columns is None else columns
    ranks = np.full(scores.shape, np.nan, order="F")
    cells = len(wanted) * sum(rows.stop - rows.start for rows in blocks)
    is_left = np.ones((scores.shape[1], len(blocks)), dtype=bool)
    if cells and (cells >= COMPILED_FROM if compiled is None else compiled):
        from ssc_index.compiled_ranks import TIES, rank_columns

        table = contiguous_columns(scores if decimals is None else np.round(scores, decimals))
        starts, stops = np.array([(rows.start, rows.stop) for rows in blocks]).T.copy()
        is_left[:] = False
        in_parts(
            lambda part: rank_columns(
                table, table.view(np.int64), part, starts, stops, TIES.index(ties), ranks.T, is_left
            ),
            wanted,
        )
    for column in wanted:
        for block in np.flatnonzero(is_left[column]).tolist():
            rows = blocks[block]
            ranks[rows, column] = rank_descending(scores[rows, column], ties, decimals)
    return ranks


def contiguous_columns(table: Floats) -> Floats:
    """A table with a row for each column, as compiled loops take it: a view where columns are contiguous already."""
    return np.ascontiguousarray(table.T, dtype=np.float64)


def in_parts(loop: Callable[[NDArray[np.int64]], Any], columns: Sequence[int]) -> None:
    """Run a compiled loop over parts of the columns, on all processors."""
    workers = os.cpu_count() or 1
    parts = np.array_split(np.asarray(columns, dtype=np.int64), min(4 * workers, len(columns)))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(loop, parts))
