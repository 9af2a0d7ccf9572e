"""Imputation by the mean of the nearest neighbours.

What belongs here: distances between rows with holes, and the fill from the nearest. What does not: which cells of
which table are filled (`steps/impute.py`).

One product of matrices in single precision proposes candidates; distances that decide are then computed in double
precision in a fixed order. A row whose choice the single precision could have changed gets more candidates, up to all
rows. So the fill depends neither on BLAS nor on the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

WIDTHS = (32, 256, 2048)  # candidates that are looked at first, then, then; at last all rows
CELLS = 256 * 32  # candidates of one block of rows
WIDEST_COMPILED = 256  # candidates that the compiled loops put in order by insertion
COMPILED_FROM = 3000  # rows from which the compiled choice is worth its compilation
SINGLE = 2e-6  # generous bound of what single precision does to a distance, as a share of the squared norms


@dataclass(frozen=True)
class _Search:
    """What every block needs: the columns that inform, as numbers for distances, and the table that gives."""

    scaled: Floats
    there: NDArray[np.bool_]
    left: NDArray[np.float32]
    right: NDArray[np.float32]
    overlap: NDArray[np.float32]
    norms: Floats
    table: Floats
    wanted: NDArray[np.bool_]
    k: int
    compiled: bool


def fill_by_neighbours(
    table: Floats,
    k: int,
    informing: Sequence[int],
    standardise: bool,
    wanted: NDArray[np.bool_],
    compiled: bool | None = None,
) -> Floats:
    """Fill missing cells by the mean of the k nearest rows that have the cell.

    The squared distance of two rows is the mean of their squared differences over the informing columns that both
    have (times the number of columns: the same order). Rows without a common column are no neighbours. Of equally
    near rows the earlier row counts first. With fewer than k rows to choose from, all of them count.

    Args:
        table: Shape (n_rows, n_columns); NaN is missing.
        k: How many neighbours.
        informing: Columns from which distances are taken.
        standardise: Whether these are divided by their standard deviation first, so that units do not matter.
        wanted: Which cells may be filled, shape (n_rows, n_columns).
        compiled: Whether candidates are chosen by compiled code; None decides by the number of rows. The fill is the
            same to the last bit.

    Returns:
        The filled table; a cell without any neighbour stays missing.

    Source: Troyanskaya et al. (2001); the distance is that of scikit-learn's ``KNNImputer`` (``nan_euclidean``),
    which agrees but for ties, and fills a cell without neighbours by the mean.

    >>> table = np.array([[0.0, 1.0], [1.0, 3.0], [9.0, 8.0], [0.4, np.nan]])
    >>> fill_by_neighbours(table, 2, [0], False, np.isnan(table))[3]
    array([0.4, 2. ])
    """
    filled = np.array(table, order="F")
    columns = np.flatnonzero((np.isnan(table) & wanted).any(axis=0))
    if not columns.size or table.shape[0] < 2:
        return filled
    if compiled is None:
        compiled = table.shape[0] >= COMPILED_FROM
    search = _prepared(table[:, list(informing)], table[:, columns], wanted[:, columns], k, standardise, compiled)
    rows = np.flatnonzero((np.isnan(search.table) & search.wanted).any(axis=1))
    for width in [*(width for width in WIDTHS if width < table.shape[0] - 1), table.shape[0]]:
        size = max(1, CELLS // width)
        blocks = [rows[start : start + size] for start in range(0, rows.size, size)]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            done = list(pool.map(lambda block, width=width: _fill_block(search, block, width), blocks))
        for block, (fill, is_sure) in zip(blocks, done, strict=True):
            there = ~np.isnan(fill) & is_sure[:, None]
            at, column = np.nonzero(there)
            filled[block[at], columns[column]] = fill[there]
        rows = np.concatenate([block[~is_sure] for block, (_, is_sure) in zip(blocks, done, strict=True)])
        if not rows.size:
            break
    return filled


def _prepared(
    informing: Floats, table: Floats, wanted: NDArray[np.bool_], k: int, standardise: bool, compiled: bool
) -> _Search:
    """Centre (and scale) the informing columns and lay the products of matrices out."""
    there = ~np.isnan(informing)
    count = np.maximum(there.sum(axis=0), 1)
    known = np.where(there, informing, 0.0)
    known = np.where(there, known - known.sum(axis=0) / count, 0.0)
    spread = np.sqrt((known**2).sum(axis=0) / count)
    if not standardise:
        spread = np.full(spread.shape, spread.max(initial=0.0))
    scaled = np.ascontiguousarray(known / np.where(spread > 0, spread, 1.0))
    single, mask = scaled.astype(np.float32), there.astype(np.float32)
    return _Search(
        scaled=scaled,
        there=there,
        left=np.concatenate([single * single, -2.0 * single, mask], axis=1, dtype=np.float32),
        right=np.ascontiguousarray(np.concatenate([mask, single, single * single], axis=1).T),
        overlap=np.ascontiguousarray(mask.T),
        norms=(scaled**2).sum(axis=1),
        table=np.ascontiguousarray(table),
        wanted=np.ascontiguousarray(wanted),
        k=k,
        compiled=compiled,
    )


def _fill_block(search: _Search, rows: NDArray[np.int64], width: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Fills of a block of rows from the nearest ``width`` rows, NaN elsewhere, and whether they are surely right."""
    everyone = search.table.shape[0]
    if width >= everyone:
        candidates = np.broadcast_to(np.arange(everyone), (rows.size, everyone))
        bound = np.full(rows.size, np.inf)
        fill, _ = _filled(search, rows, candidates, bound)
        return fill, np.ones(rows.size, dtype=bool)
    candidates, bound = _candidates(search, rows, width)
    if search.compiled and width <= WIDEST_COMPILED:
        fill, is_sure = np.empty((rows.size, search.table.shape[1])), np.empty(rows.size, dtype=bool)
        _compiled("fill_rows")(
            search.scaled, search.there, search.table, search.wanted, rows, candidates, bound, search.k, fill, is_sure
        )
        return fill, is_sure
    return _filled(search, rows, candidates, bound)


def _filled(
    search: _Search, rows: NDArray[np.int64], candidates: NDArray[np.int64], bound: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """`compiled_neighbours.fill_rows` in NumPy, to the same bits."""
    distance = _distances(search, rows, candidates)
    order = np.lexsort((candidates, distance), axis=-1)
    candidates = np.take_along_axis(candidates, order, axis=1)
    distance = np.take_along_axis(distance, order, axis=1)
    givers = search.table[candidates]
    gives = ~np.isnan(givers) & np.isfinite(distance)[:, :, None]
    taken = gives & (np.cumsum(gives, axis=1, dtype=np.int32) <= search.k)
    count = taken.sum(axis=1)
    total = np.zeros(count.shape)
    for number in range(candidates.shape[1]):
        total += np.where(taken[:, number], givers[:, number], 0.0)
    holes = np.isnan(search.table[rows]) & search.wanted[rows]
    fill = np.where(holes & (count > 0), total / np.maximum(count, 1), np.nan)
    farthest = np.where(taken, distance[:, :, None], 0.0).max(axis=1)
    in_doubt = holes & ((count < search.k) | (farthest >= bound[:, None]))
    return fill, ~in_doubt.any(axis=1)


def _candidates(search: _Search, rows: NDArray[np.int64], width: int) -> tuple[NDArray[np.int64], Floats]:
    """The nearest rows by single precision, and the distance below which no other row can lie."""
    common = search.there[rows].astype(np.float32) @ search.overlap
    total = search.left[rows] @ search.right
    candidates = np.empty((rows.size, width), dtype=np.int64)
    edge, least = np.empty(rows.size, dtype=np.float32), np.empty(rows.size, dtype=np.float32)
    nearest = _compiled("nearest") if search.compiled and width <= WIDEST_COMPILED else _nearest
    nearest(total, common, rows, candidates, edge, least)
    return candidates, edge - SINGLE * (search.norms[rows] + search.norms.max()) / least


def _nearest(
    total: NDArray[np.float32],
    common: NDArray[np.float32],
    rows: NDArray[np.int64],
    candidates: NDArray[np.int64],
    edge: NDArray[np.float32],
    least: NDArray[np.float32],
) -> None:
    """`compiled_neighbours.nearest` in NumPy, the candidates in another order."""
    near = np.where(common > 0, total / np.maximum(common, 1.0), np.inf)
    near[np.arange(rows.size), rows] = np.inf
    candidates[:] = np.argpartition(near, candidates.shape[1] - 1, axis=1)[:, : candidates.shape[1]]
    edge[:] = np.take_along_axis(near, candidates, axis=1).max(axis=1)
    least[:] = np.where(common > 0, common, np.inf).min(axis=1)


@cache
def _compiled(name: str) -> Callable[..., None]:
    """A loop of `compiled_neighbours`, compiled."""
    import numba

    from ssc_index import compiled_neighbours

    loop: Callable[..., None] = numba.njit(nogil=True, cache=True)(getattr(compiled_neighbours, name))
    return loop


def _distances(search: _Search, rows: NDArray[np.int64], candidates: NDArray[np.int64]) -> Floats:
    """Mean squared difference over the common columns, in double precision; infinite without any, and to oneself."""
    total, common = np.zeros(candidates.shape), np.zeros(candidates.shape, dtype=np.int64)
    for column in range(search.scaled.shape[1]):  # one after the other, as the compiled loop adds them
        both = search.there[rows, column][:, None] & search.there[candidates, column]
        gap = search.scaled[rows, column][:, None] - search.scaled[candidates, column]
        total += np.where(both, gap * gap, 0.0)
        common += both
    return np.where((common > 0) & (candidates != rows[:, None]), total / np.maximum(common, 1), np.inf)
