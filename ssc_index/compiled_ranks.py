"""The loops of `rank` and `benchmark` that are compiled: ranks, and places among peers, of large tables.

What belongs here: sorting a column, and what follows from its order. What does not: which columns and blocks, and the
same in NumPy for tables that are not worth the loading of a compiler (`rank.py`, `benchmark.py`).

A file of its own that calls no compiled function of another: what Numba keeps from run to run is renewed when the file
that a function stands in changes, and only then. Columns are independent of each other, so that any number of threads
gives the same.
"""

# mypy: ignore-errors
# Numba types these functions, from the arrays they are called with.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}
W = np.int64  # whole numbers of other kinds beside these would be made floats
U = np.uint64
DIGIT = 11  # most bits of a key that one pass of sorting looks at
DIGITS = 3
PLACE = 31  # lowest bits of a key: the value's place
HERE = (1 << PLACE) - 1
WITHOUT_SIGN = 2**63 - 1
ENDLESS = 0x7FF0000000000000  # bits of an infinity; those of NaN are more
TIES = ("min", "max", "average", "dense")


@njit(**_INNER)
def _rising(bits: Any) -> Any:
    """A whole number that orders as the value with these bits does; one for both zeros."""
    return bits if bits >= W(0) else W(0) - (bits & W(WITHOUT_SIGN))


@njit(**_INNER)
def _extent(bits: Any) -> Any:
    """Smallest and greatest of what orders the known values, and whether any value is infinite."""
    low, high, endless = W(WITHOUT_SIGN), -W(WITHOUT_SIGN), W(0)
    for i in range(bits.size):
        own = bits[U(i)]
        size = own & W(WITHOUT_SIGN)
        key = own if own >= W(0) else -size
        endless |= W(size == W(ENDLESS))
        known = size < W(ENDLESS)
        low = key if known & (key < low) else low
        high = key if known & (key > high) else high
    return low, high, endless > W(0)


@njit(**_INNER)
def _sort(values: Any, bits: Any, keys: Any, places: Any, order: Any, ordered: Any) -> Any:
    """Sort the known values of a column, by digits of what orders them and, where these do not tell, one by one.

    Args:
        values: Shape (n,).
        bits: The same as int64.
        keys: Room, shape (2, n), uint64.
        places: Room, shape (3, 2048), int32.
        order: Receives the places of the known values, ascending.
        ordered: Receives these values; no zero is negative.

    Returns:
        How many are known; −1 for a column that is left to others: one with an infinity, or with many values that lie
        so much closer together than others that the digits do not tell them apart.
    """
    low, high, endless = _extent(bits)
    if endless:
        return W(-1)
    if low > high:
        return W(0)
    width = W(1)
    extent = U(high) - U(low)
    while width < W(64) and extent >> U(width) > U(0):
        width += W(1)
    shift = U(max(width - W(DIGIT * DIGITS), W(0)))
    width -= W(shift)
    passes = (width + W(DIGIT - 1)) // W(DIGIT)
    digit = U((width + passes - W(1)) // passes)
    mask = (U(1) << digit) - U(1)
    for d in range(passes):
        for i in range(W(mask) + W(1)):
            places[d, U(i)] = 0
    n = U(0)
    for i in range(bits.size):
        own = bits[U(i)]
        key = (U(_rising(own)) - U(low)) >> shift
        keys[U(0), n] = (key << U(PLACE)) | U(i)
        if own & W(WITHOUT_SIGN) < W(ENDLESS):
            n += U(1)
            for d in range(passes):
                places[d, (key >> (U(d) * digit)) & mask] += 1
    for d in range(passes):
        before = 0
        for i in range(W(mask) + W(1)):
            here = places[d, U(i)]
            places[d, U(i)] = before
            before += here
        down, from_, to = U(PLACE) + U(d) * digit, U(d % 2), U(1 - d % 2)
        for i in range(W(n)):
            key = keys[from_, U(i)]
            at = places[d, (key >> down) & mask]
            places[d, (key >> down) & mask] = at + 1
            keys[to, U(at)] = key
    row, moves = U(passes % 2), W(0)
    for i in range(W(n)):
        place = W(keys[row, U(i)] & U(HERE))
        value, at = values[place] + 0.0, W(i)
        while at > W(0) and ordered[at - W(1)] > value:
            ordered[at], order[at] = ordered[at - W(1)], order[at - W(1)]
            at -= W(1)
            moves += W(1)
        ordered[at], order[at] = value, place
        if moves > bits.size:
            return W(-1)
    return W(n)


@njit(**_OPTIONS)
def rank_columns(
    table: Any, bits: Any, columns: Any, starts: Any, stops: Any, ties: Any, ranks: Any, is_left: Any
) -> None:
    """Rank the values of columns within blocks of rows, the largest first.

    Args:
        table: Shape (n_columns, n_rows), float64.
        bits: The same as int64.
        columns: Numbers of the columns to rank.
        starts: First row of each block.
        stops: Row after the last of each block.
        ties: Place of the rule in `TIES`.
        ranks: Shape of the table; receives the ranks, NaN where a value is missing.
        is_left: Shape (n_columns, n_blocks); set where a block was left to others.
    """
    longest = (stops - starts).max()
    keys, places = np.empty((2, longest), dtype=np.uint64), np.empty((DIGITS, 1 << DIGIT), dtype=np.int32)
    order, ordered = np.empty(longest, dtype=np.int64), np.empty(longest)
    for column in columns:
        for block in range(starts.size):
            rows = slice(starts[block], stops[block])
            own = ranks[column, rows]
            n = _sort(table[column, rows], bits[column, rows], keys, places, order, ordered)
            if n < 0:
                is_left[column, block] = True
                continue
            for i in range(own.size):
                own[U(i)] = np.nan
            distinct, last = 0, n - 1
            while last >= 0:
                first = last
                while first > 0 and ordered[first - 1] == ordered[last]:
                    first -= 1
                distinct += 1
                before = n - 1 - last
                rank = before + 1.0
                if ties == 1:
                    rank = float(n - first)
                elif ties == 2:
                    rank = (before + 1.0 + n - first) / 2.0
                elif ties == 3:
                    rank = float(distinct)
                for i in range(first, last + 1):
                    own[U(order[U(i)])] = rank
                last = first - 1


@njit(**_INNER)
def _part_at(ordered: Any, start: Any, n: Any, share: Any) -> Any:
    """Quantile of type 7 of n ordered values from a place on."""
    position = (n - 1) * share
    below = W(np.floor(position))
    low, high = ordered[start + below], ordered[start + min(below + 1, n - 1)]
    return low + (position - below) * (high - low)


@njit(**_OPTIONS)
def place_columns(
    table: Any,
    bits: Any,
    columns: Any,
    start: Any,
    group_of: Any,
    n_groups: Any,
    minimum: Any,
    lower: Any,
    spread: Any,
    count: Any,
    leader: Any,
    places_among: Any,
    is_left: Any,
) -> None:
    """Describe the groups of a block of rows in columns, and place the rows in them.

    A column is sorted once for all groups, and then dealt out to them.

    Args:
        table: Shape (n_columns, n_rows), float64.
        bits: The same as int64.
        columns: Numbers of the columns.
        start: First row of the block.
        group_of: Group of each row of the block; −1 is none.
        n_groups: How many groups there are.
        minimum: Fewest known values for which a group is shown, at least 1.
        lower: Whether less is better, by column.
        spread: Shape (5, n_groups, n_columns); receives minimum, quartiles and maximum where shown.
        count: Shape (n_groups, n_columns); receives how many values are known where shown.
        leader: As before; receives the best row of the block where shown.
        places_among: Shape (3, n_columns, rows of the block); receives percentile, gap to the median and to the leader.
        is_left: Shape (n_columns,); set where a column was left to others.
    """
    size = group_of.size
    keys, places = np.empty((2, size), dtype=np.uint64), np.empty((DIGITS, 1 << DIGIT), dtype=np.int32)
    order, ordered = np.empty(size, dtype=np.int64), np.empty(size)
    dealt, values = np.empty(size, dtype=np.int64), np.empty(size)
    starts = np.empty(n_groups + 2, dtype=np.int64)
    for column in columns:
        rows = slice(start, start + size)
        n = _sort(table[column, rows], bits[column, rows], keys, places, order, ordered)
        if n < 0:
            is_left[column] = True
            continue
        for kind in range(3):
            for i in range(size):
                places_among[kind, column, U(i)] = np.nan
        starts[:] = 0  # the rows without a group come first
        for i in range(n):
            starts[group_of[order[U(i)]] + 1] += 1
        before = 0
        for group in range(n_groups + 1):
            here = starts[group]
            starts[group] = before
            before += here
        for i in range(n):
            group = group_of[order[U(i)]] + 1
            at = starts[group]
            starts[group] = at + 1
            dealt[U(at)], values[U(at)] = order[U(i)], ordered[U(i)]
        for group in range(n_groups):
            first, stop = starts[group], starts[group + 1]  # each now stands where the next begins
            known = stop - first
            if known < minimum:
                continue
            count[group, column] = known
            for part in range(5):
                spread[part, group, column] = _part_at(values, first, known, part / 4.0)
            median = spread[2, group, column]
            best = first if lower[column] else stop - 1
            top, row = values[best], dealt[best]
            step = 1 if lower[column] else -1
            while first <= best < stop and values[best] == top:
                row = min(row, dealt[best])
                best += step
            leader[group, column] = row
            at = first
            while at < stop:
                last = at
                while last + 1 < stop and values[last + 1] == values[at]:
                    last += 1
                middle = (at - first + last - first) / 2.0
                if lower[column]:
                    middle = (known - 1) - middle
                share = 100.0 * middle / (known - 1) if known > 1 else np.nan
                for i in range(at, last + 1):
                    row = U(dealt[U(i)])
                    places_among[0, column, row] = share
                    places_among[1, column, row] = values[U(i)] - median
                    places_among[2, column, row] = values[U(i)] - top
                at = last + 1
