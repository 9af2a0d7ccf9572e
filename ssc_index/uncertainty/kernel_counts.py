"""Ranks of many replications and counts over them, compiled.

What belongs here: ranking, and adding up into the arrays of `tally.Tally`. What does not: scores (`kernel.py`).

A file of its own that calls no compiled function of another: what Numba keeps from run to run is renewed when the file
that a function stands in changes, and only then. All of it is whole numbers, so that no order of the work changes any.
"""

# mypy: ignore-errors
# Numba types these functions, from the arrays they are called with.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

FEW = 256  # units up to which NumPy sorts faster
DIGIT = 11  # most bits of a key that one pass of sorting looks at: three such digits are more than 32 bits
SLAB = 256  # replications that are counted at once
COUNTED = 32  # units whose bins are counted at once, replication after replication: they stay in the second cache
PAIRS = 16  # units whose ranks are compared with those of as many others while both are at hand

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}  # as `kernel.py` has it
J = np.int32  # sums of these are of 64 bits unless they are cut back, and then half as many fit in a step
H = np.int16
U = np.uint64
NOBODY = 0xFFFFFFFF  # upper half of the key of a unit without a rank


@njit(**_INNER)
def _pack(raw: Any, r: Any, among: Any, keys: Any, row: Any) -> None:
    """Keys of one replication; `pack_keys` has the arguments."""
    for i in range(keys.shape[1]):
        own = raw[r, U(i)]
        size = J(own & J(0x7FFFFFFF))
        rising = own if own >= J(0) else J(-size)  # that of −0 is that of 0
        known = (size <= J(0x7F800000)) & among[U(i)]
        falling = J(J(0x7FFFFFFF) - rising)
        keys[row, U(i)] = (U(falling if known else J(-1)) << U(32)) | U(i)


@njit(**_OPTIONS)
def pack_keys(raw: Any, among: Any, keys: Any) -> None:
    """Keys whose ascending order is the descending order of scores; units without a score come last.

    Args:
        raw: Bits of the scores, shape (n, n_lanes), int32.
        among: Whether each unit is ranked, shape (n_units,).
        keys: Filled, shape (n, n_units), uint64: the score's bits, best first, above the unit's number.
    """
    for r in range(keys.shape[0]):
        _pack(raw, r, among, keys, r)


@njit(**_INNER)
def _tell(keys: Any, row: Any, n: Any, ranks: Any, r: Any) -> None:
    """Ranks of a replication from its n keys that have one, sorted."""
    for i in range(ranks.shape[1]):
        ranks[r, U(i)] = J(0)
    before, rank = U(NOBODY), J(0)
    for place in range(n):
        key = keys[row, U(place)]
        half = key >> U(32)
        rank = rank if half == before else J(place + 1)
        before = half
        ranks[r, key & U(NOBODY)] = rank


@njit(**_OPTIONS)
def ranks_of(keys: Any, ranks: Any) -> None:
    """Ranks from sorted keys: 1 is the best, equal scores share the smallest; 0 is no rank.

    Args:
        keys: Shape (n, n_units), each row sorted.
        ranks: Filled, shape (n, n_units), int32.
    """
    for r in range(keys.shape[0]):
        n = np.int64(0)
        for i in range(keys.shape[1]):
            n += 1 if keys[r, U(i)] >> U(32) != U(NOBODY) else 0
        _tell(keys, r, n, ranks, r)


@njit(**_INNER)
def _extent(keys: Any) -> Any:
    """Smallest and greatest upper half of the keys that have a rank."""
    low, high = U(NOBODY), U(0)
    for i in range(keys.shape[1]):
        half = keys[U(0), U(i)] >> U(32)
        low = half if half < low else low
        high = half if (half > high) & (half != U(NOBODY)) else high
    return low, high


@njit(**_INNER)
def _gather(keys: Any, low: Any, digit: Any, mask: Any, places: Any) -> Any:
    """Move the keys that have a rank to the front; how many they are, and how often each digit is met at each place."""
    for d in range(3):
        for i in range(np.int64(mask) + 1):
            places[d, U(i)] = J(0)
    n = U(0)
    for i in range(keys.shape[1]):
        key = keys[U(0), U(i)]
        keys[U(0), n] = key
        half = key >> U(32)
        if half != U(NOBODY):
            n += U(1)
            half -= low
            places[U(0), half & mask] += J(1)
            places[U(1), (half >> digit) & mask] += J(1)
            places[U(2), half >> (digit + digit)] += J(1)
    return np.int64(n)


@njit(**_INNER)
def _move(keys: Any, from_: Any, to: Any, n: Any, low: Any, shift: Any, mask: Any, places: Any, d: Any) -> None:
    """Keys in the order of one digit, and within it as they came."""
    before = J(0)
    for i in range(np.int64(mask) + 1):
        here = places[d, U(i)]
        places[d, U(i)] = before
        before = J(before + here)
    for i in range(n):
        key = keys[from_, U(i)]
        digit = (((key >> U(32)) - low) >> shift) & mask
        at = places[d, digit]
        places[d, digit] = J(at + 1)
        keys[to, U(at)] = key


@njit(**_OPTIONS)
def rank_scores(raw: Any, among: Any, ranks: Any) -> None:
    """Ranks of many units; the arguments are those of `pack_keys` and `ranks_of`.

    Keys are sorted digit by digit, the last digit first, over no more bits than they differ in: a time that depends on
    no processor's way of sorting.
    """
    keys = np.empty((2, ranks.shape[1]), dtype=np.uint64)
    places = np.empty((3, 1 << DIGIT), dtype=np.int32)
    for r in range(ranks.shape[0]):
        _pack(raw, r, among, keys, 0)
        low, high = _extent(keys)
        width = 1
        while low <= high and (high - low) >> U(width) > U(0):
            width += 1
        passes = (width + DIGIT - 1) // DIGIT
        digit = U((width + passes - 1) // passes)
        mask = (U(1) << digit) - U(1)
        n = _gather(keys, low, digit, mask, places)
        for d in range(passes):
            _move(keys, d % 2, 1 - d % 2, n, low, U(d) * digit, mask, places, d)
        _tell(keys, passes % 2, n, ranks, r)


@njit(**_INNER)
def _add_ranks(
    ranks: Any, r: Any, quarter: Any, ranked: Any, top_ten: Any, top_quarter: Any, rank_sum: Any, rank_squares: Any
) -> None:
    """Add the ranks of one replication, and count who has one, is among the first ten or in the first quarter.

    A loop that fills more arrays at once is none of vectors.
    """
    for i in range(ranks.shape[1]):
        rank = ranks[r, U(i)]
        ranked[U(i)] += J(1) if rank > J(0) else J(0)
        top_ten[U(i)] += J(1) if (rank > J(0)) & (rank <= J(10)) else J(0)
        top_quarter[U(i)] += J(1) if (rank > J(0)) & (rank <= quarter) else J(0)
    for i in range(ranks.shape[1]):
        rank = np.int64(ranks[r, U(i)])
        rank_sum[U(i)] += rank
        rank_squares[U(i)] += rank * rank


@njit(**_INNER)
def _add_scores(scores: Any, ranks: Any, r: Any, by_unit: Any, score_sum: Any, score_squares: Any) -> None:
    """Add the scores of one replication, as whole numbers of the unit of sums."""
    for i in range(ranks.shape[1]):
        share = np.float64(scores[r, U(i)]) * by_unit if ranks[r, U(i)] > J(0) else 0.0
        whole = np.int64(J(np.rint(share)))
        score_sum[U(i)] += whole
        score_squares[U(i)] += whole * whole


@njit(**_INNER)
def _note_bins(
    scores: Any,
    ranks: Any,
    r: Any,
    low: Any,
    by_width: Any,
    by_ranks: Any,
    last: Any,
    score_bins: Any,
    rank_bins: Any,
    row: Any,
) -> None:
    """Bins of the scores and of the ranks of one replication; −1 is no rank."""
    for i in range(ranks.shape[1]):
        share = (np.float64(scores[r, U(i)]) - low) * by_width
        share = share if share < last else last
        share = share if share > 0.0 else 0.0
        score_bins[row, U(i)] = H(J(share))
    for i in range(ranks.shape[1]):
        rank = ranks[r, U(i)]
        # Half a rank on, so that no quotient is near a whole number.
        rank_bins[row, U(i)] = H(J((np.float64(rank) - 0.5) * by_ranks)) if rank > J(0) else H(-1)


@njit(**_INNER)
def _add_bins(bins: Any, rank_bins: Any, n: Any, begin: Any, end: Any, counts: Any) -> None:
    """Count the bins of some units in n replications, where they have a rank."""
    for row in range(n):
        for i in range(begin, end):
            if rank_bins[U(row), U(i)] >= H(0):
                counts[U(i), U(bins[U(row), U(i)])] += J(1)


@njit(**_OPTIONS)
def count(
    scores: Any,
    ranks: Any,
    low: Any,
    width: Any,
    unit: Any,
    rank_width: Any,
    ranked: Any,
    score_sum: Any,
    score_squares: Any,
    rank_sum: Any,
    rank_squares: Any,
    top_ten: Any,
    top_quarter: Any,
    score_bins: Any,
    rank_bins: Any,
) -> None:
    """Count replications; see `tally.Tally` for the counts, all changed in place."""
    by_unit, by_width, by_ranks = 1.0 / unit, 1.0 / width, 1.0 / rank_width  # the unit is a power of 2
    n, n_units = ranks.shape
    last = score_bins.shape[1] - 1.0
    tops = np.zeros((3, n_units), dtype=np.int32)
    own_scores = np.empty((min(n, SLAB), n_units), dtype=np.int16)
    own_ranks = np.empty((min(n, SLAB), n_units), dtype=np.int16)
    for start in range(0, n, SLAB):
        stop = min(start + SLAB, n)
        for r in range(start, stop):
            cells = J(0)
            for i in range(n_units):
                cells = J(cells + (J(1) if ranks[r, U(i)] > J(0) else J(0)))
            _add_ranks(ranks, r, J((cells + 3) // 4), tops[0], tops[1], tops[2], rank_sum, rank_squares)
        for r in range(start, stop):  # loops of their own: all sums at once are more than the first cache holds
            _add_scores(scores, ranks, r, by_unit, score_sum, score_squares)
        for r in range(start, stop):
            _note_bins(scores, ranks, r, low, by_width, by_ranks, last, own_scores, own_ranks, r - start)
        for begin in range(0, n_units, COUNTED):
            end = min(begin + COUNTED, n_units)
            _add_bins(own_scores, own_ranks, stop - start, begin, end, score_bins)
            _add_bins(own_ranks, own_ranks, stop - start, begin, end, rank_bins)
    for i in range(n_units):
        ranked[i] += tops[0, i]
        top_ten[i] += tops[1, i]
        top_quarter[i] += tops[2, i]


@njit(**_INNER)
def _note_pair(ahead: Any, a: Any, b: Any, n: Any, before: Any) -> None:
    """Of n replications, ``a`` is ahead of ``b`` in so many and behind in the others."""
    ahead[a, b] += before
    ahead[b, a] += n - before


@njit(**_OPTIONS)
def count_pairs(ranks: Any, units: Any, order: Any, ahead: Any) -> None:
    """Count how often one unit is ahead of another.

    Every pair is compared once; who is not ahead is behind, unless both are equal, which is seldom and taken back.

    Args:
        ranks: Ranks, 0 without one, shape (n, n_units), int16; n below 32,768.
        units: Units that have any, ascending, shape (n_some,).
        order: Scratch, shape (n_some, n), int16: the ranks of each unit side by side, 32,767 without a rank.
        ahead: Changed in place, shape (n_units, n_units).
    """
    count, n = order.shape
    for begin in range(0, n, PAIRS):
        for a in range(count):
            for r in range(begin, min(begin + PAIRS, n)):
                rank = ranks[r, units[a]]
                order[a, r] = rank if rank > H(0) else H(32767)
    for top in range(0, count, PAIRS):
        for left in range(top, count, PAIRS):
            for a in range(top, min(top + PAIRS, count)):
                b, end = max(left, a + 1), min(left + PAIRS, count)
                while b + 4 <= end:  # so many at once, for the first unit's ranks are at hand
                    b0, b1, b2, b3 = H(0), H(0), H(0), H(0)
                    for r in range(n):
                        own = order[U(a), U(r)]
                        b0 = H(b0 + (H(1) if own < order[U(b), U(r)] else H(0)))
                        b1 = H(b1 + (H(1) if own < order[U(b + 1), U(r)] else H(0)))
                        b2 = H(b2 + (H(1) if own < order[U(b + 2), U(r)] else H(0)))
                        b3 = H(b3 + (H(1) if own < order[U(b + 3), U(r)] else H(0)))
                    _note_pair(ahead, units[a], units[b], n, b0)
                    _note_pair(ahead, units[a], units[b + 1], n, b1)
                    _note_pair(ahead, units[a], units[b + 2], n, b2)
                    _note_pair(ahead, units[a], units[b + 3], n, b3)
                    b += 4
                while b < end:
                    before = H(0)
                    for r in range(n):
                        before = H(before + (H(1) if order[U(a), U(r)] < order[U(b), U(r)] else H(0)))
                    _note_pair(ahead, units[a], units[b], n, before)
                    b += 1
    last = np.empty(32768, dtype=np.int32)
    last[:] = -1
    previous = np.empty(count, dtype=np.int32)
    for r in range(n):
        for a in range(count):
            rank = np.int64(ranks[r, units[a]])
            other = last[rank]
            previous[a] = other
            last[rank] = a
            while other >= 0:
                ahead[units[a], units[other]] -= 1
                other = previous[other]
        for a in range(count):
            last[np.int64(ranks[r, units[a]])] = -1
