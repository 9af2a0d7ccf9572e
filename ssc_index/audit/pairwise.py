"""Figures of all pairs of columns, each over the rows that the pair shares: moments, ranks, coefficients.

What belongs here: arithmetic on a table with holes, many pairs at a time. What does not: what a coefficient means in a
framework (`correlation.py`, `reliability.py`, `importance.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_index.elementary import products as products_of
from ssc_index.statistics import NEARLY, is_constant
from ssc_index.values import Floats

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_PAIRS = 3
CANCELLED = 1e-3
CELLS_AT_A_TIME = 500_000


@dataclass(frozen=True)
class Moments:
    """Sums of squares and products of all pairs of columns about the means over the rows that each pair shares.

    The columns are divided by ``unit`` first, a power of two each, so that no square overflows and nothing is rounded.

    Attributes:
        n: Rows in which both are present, shape (k, k).
        squares: Sum of squares of the row's column over the rows that it shares with the column's, shape (k, k).
        products: Sum of products of both, shape (k, k), symmetric.
        constant: Whether the row's column is constant over the rows that it shares with the column's, shape (k, k);
            False where they share fewer than two.
        unit: Shape (k,).
    """

    n: Integers
    squares: Floats
    products: Floats
    constant: Bools
    unit: Floats


def moments(table: Floats) -> Moments:
    """Moments of all pairs of columns, by four products of matrices that have the same bits on every machine.

    Sums about the mean of the whole column are moved to the mean over the pair. Where that cancels three digits or
    more, or a column may be constant over the pair, the pair is summed in two passes over its own rows.

    Args:
        table: Shape (n_rows, k); NaN is missing.

    Source: Chan, Golub and LeVeque (1983), The American Statistician 37(3), 242-247 (shifted sums, and when they fail).
    """
    present = ~np.isnan(table)
    there = present.astype(np.float64)
    counts = there.T @ there
    n: Integers = counts.astype(np.int64)
    filled = np.where(present, table, 0.0)
    centred = np.where(present, table - filled.sum(axis=0) / np.maximum(np.diag(counts), 1.0), 0.0)
    reach = np.abs(centred).max(axis=0, initial=0.0)
    unit = np.ldexp(1.0, np.frexp(np.where(reach > 0, reach, 1.0))[1])
    scaled = centred / unit
    sums, raw = np.split(products_of(np.hstack([scaled, scaled * scaled]), there), 2)
    some = np.maximum(counts, 1.0)
    squares, products = raw - sums * sums / some, products_of(scaled, scaled) - sums * sums.T / some
    size, span = np.abs(filled).max(axis=0, initial=0.0), _span(table, present)
    noise = NEARLY * size / unit
    doubtful = (squares <= CANCELLED * raw) | (squares <= 4 * some * (noise * noise)[:, None])
    doubtful = (doubtful | doubtful.T) & (n > 1)
    constant = np.zeros(n.shape, dtype=np.bool_)
    flat = span <= NEARLY * size
    constant[flat] = n[flat] > 1
    for i, j in zip(*np.nonzero(np.triu(doubtful & ~flat & ~flat[:, None])), strict=True):
        rows = present[:, i] & present[:, j]
        constant[i, j], constant[j, i] = is_constant(table[rows, i]), is_constant(table[rows, j])
        x, y = (scaled[rows, column] - scaled[rows, column].mean() for column in (i, j))
        squares[i, j], squares[j, i] = (x * x).sum(), (y * y).sum()
        products[i, j] = products[j, i] = (x * y).sum()
    return Moments(n, squares, products, constant, unit)


def _span(table: Floats, present: Bools) -> Floats:
    """Largest less smallest of each column; 0 without a value."""
    high = np.where(present, table, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(present, table, np.inf).min(axis=0, initial=np.inf)
    return np.where(present.any(axis=0), high - low, 0.0)


def pearson(found: Moments) -> Floats:
    """Pearson's r of all pairs, shape (k, k); NaN below three rows and where either is constant over the pair."""
    known = (found.n >= LEAST_PAIRS) & ~found.constant & ~found.constant.T
    matrix = _ratio(found.products, found.squares, found.squares.T, known)
    matrix[np.diag(np.diag(known))] = 1.0
    return matrix


def covariance(found: Moments) -> Floats:
    """Covariances of all pairs over the rows that each pair shares, divided by n − 1; NaN below two rows."""
    shared = found.products / np.maximum(found.n - 1, 1) * found.unit * found.unit[:, None]
    return np.where(found.n > 1, shared, np.nan)


class SharedRanks:
    """Mean ranks of columns, taken anew within the rows that a pair shares, without sorting them anew."""

    def __init__(self, table: Floats) -> None:
        """Sort each column once.

        Args:
            table: Shape (n_rows, k); NaN is missing.
        """
        columns = np.ascontiguousarray(table.T)
        self._present = ~np.isnan(columns)
        self._counts = self._present.sum(axis=1)
        self._order = np.argsort(columns, axis=1, kind="stable")
        in_order = np.take_along_axis(columns, self._order, axis=1)
        place = np.broadcast_to(np.arange(table.shape[0]), columns.shape)
        differs = in_order[:, 1:] != in_order[:, :-1]
        edge = np.ones((columns.shape[0], 1), dtype=np.bool_)
        starts, ends = np.hstack([edge, differs]), np.hstack([differs, edge])
        self._first = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
        last = np.where(ends, place, table.shape[0])
        self._last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]

    def of(self, column: Integers, other: Integers) -> Floats:
        """Twice the mean rank less its mean, of columns within the rows that each shares with another.

        Args:
            column: The columns to rank, shape (m,).
            other: The columns that share the rows, shape (m,).

        Returns:
            Whole numbers ``2 rank − (n + 1)``, shape (m, n_rows); 0 where either is missing.
        """
        order = self._order[column]
        shared = np.take_along_axis(self._present[other], order, axis=1)
        shared &= np.arange(order.shape[1]) < self._counts[column][:, None]
        up_to = np.cumsum(shared, axis=1, dtype=np.int64)
        doubled = np.take_along_axis(up_to - shared, self._first[column], axis=1)
        doubled += np.take_along_axis(up_to, self._last[column], axis=1) - up_to[:, -1:]
        ranks = np.empty(order.shape)
        np.put_along_axis(ranks, order, np.where(shared, doubled, 0), axis=1)
        return ranks

    def spearman(self, first: Integers, second: Integers, known: Bools) -> Floats:
        """Spearman's ρ of pairs of columns; sums of whole numbers, so exact but for the last division.

        Args:
            first: One column of each pair, shape (m,).
            second: The other, shape (m,).
            known: Whether the pair has a coefficient, shape (m,).

        Returns:
            Shape (m,); NaN where not known.
        """
        sums = np.full((3, first.size), np.nan)
        alike = self._alike(first, second)
        own = np.arange(self._counts.size)
        ranks = self.of(own, own)
        whole = ranks @ ranks.T
        sums[:, alike] = [whole[pair][alike] for pair in ((first, second), (first, first), (second, second))]
        todo = np.flatnonzero(known & ~alike)
        for part in at_a_time(todo.size, ranks.shape[1]):
            at = todo[part]
            x, y = self.of(first[at], second[at]), self.of(second[at], first[at])
            sums[:, at] = [np.einsum("ij,ij->i", *pair) for pair in ((x, y), (x, x), (y, y))]
        return _ratio(sums[0], sums[1], sums[2], known)

    def _alike(self, first: Integers, second: Integers) -> Bools:
        """Pairs of columns that miss the same rows."""
        known: dict[bytes, int] = {}
        kind = np.array([known.setdefault(row.tobytes(), len(known)) for row in self._present], dtype=np.int64)
        alike: Bools = kind[first] == kind[second]
        return alike


def _ratio(products: Floats, first: Floats, second: Floats, known: Bools) -> Floats:
    """``Σxy / √(Σx² Σy²)`` where it is known, else NaN; rounding may carry a perfect one past 1."""
    lengths = np.sqrt(np.where(known, first * second, 1.0))
    return np.where(known, np.clip(products / lengths, -1.0, 1.0), np.nan)


def at_a_time(pairs: int, rows: int) -> Iterator[slice]:
    """Cut pairs into runs of which a few arrays of all rows fit into the cache."""
    step = max(1, CELLS_AT_A_TIME // max(rows, 1))
    for start in range(0, pairs, step):
        yield slice(start, min(start + step, pairs))
