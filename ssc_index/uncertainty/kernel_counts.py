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

ACROSS = 32  # drawers side by side, whose counts are added up at once
CROWD = 32  # most units in a drawer: with more, comparing neighbours takes as long as a sort
NOWHERE = 0x7FFFFFFF  # key of a unit without a rank, after all others
SLAB = 256  # replications that are counted at once
COUNTED = 32  # units whose bins are counted at once, replication after replication: they stay in the second cache
PAIRS = 16  # units whose ranks are compared with those of as many others while both are at hand

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}  # as `kernel.py` has it
F = np.float32
J = np.int32  # sums of these are of 64 bits unless they are cut back, and then half as many fit in a step
H = np.int16
U = np.uint64
NOBODY = 0xFFFFFFFF  # upper half of the key of a unit without a rank


@njit(**_OPTIONS)
def pack_keys(raw: Any, among: Any, keys: Any) -> None:
    """Keys whose ascending order is the descending order of scores; units without a score come last.

    Args:
        raw: Bits of the scores, shape (n, n_units), int32.
        among: Whether each unit is ranked, shape (n_units,).
        keys: Filled, same shape, uint64: the score's bits, best first, above the unit's number.
    """
    for r in range(keys.shape[0]):
        for i in range(keys.shape[1]):
            own = raw[r, U(i)]
            size = J(own & J(0x7FFFFFFF))
            rising = own if own >= J(0) else J(-size)  # that of −0 is that of 0
            known = (size <= J(0x7F800000)) & among[U(i)]
            falling = J(J(0x7FFFFFFF) - rising)
            keys[r, U(i)] = (U(falling if known else J(-1)) << U(32)) | U(i)


@njit(**_OPTIONS)
def ranks_of(keys: Any, ranks: Any) -> None:
    """Ranks from sorted keys: 1 is the best, equal scores share the smallest; 0 is no rank.

    Args:
        keys: As `pack_keys` has them, shape (n, n_units), each row sorted.
        ranks: Filled, same shape, int32.
    """
    for r in range(keys.shape[0]):
        before, rank = U(NOBODY), J(0)
        for place in range(keys.shape[1]):
            key = keys[r, U(place)]
            half = key >> U(32)
            if half != before:
                before, rank = half, J(place + 1)
            ranks[r, key & U(NOBODY)] = rank if half != U(NOBODY) else J(0)


@njit(**_INNER)
def _turn(raw: Any, r: Any, among: Any, keys: Any) -> None:
    """Keys of one replication: whole numbers that rise as scores fall; `NOWHERE` has no rank."""
    for i in range(keys.shape[0]):
        own = raw[r, U(i)]
        size = J(own & J(0x7FFFFFFF))
        known = (size <= J(0x7F800000)) & among[U(i)]
        falling = J(-own) if own >= J(0) else size  # that of −0 is that of 0
        keys[U(i)] = falling if known else J(NOWHERE)


@njit(**_INNER)
def _extent(keys: Any) -> Any:
    """Smallest and greatest key of those that have a rank, and how many these are."""
    low, high, n = J(NOWHERE), J(-NOWHERE), J(0)
    for i in range(keys.shape[0]):
        key = keys[U(i)]
        low = key if key < low else low
        shown = key if key != J(NOWHERE) else J(-NOWHERE)
        high = shown if shown > high else high
        n = J(n + (J(1) if key != J(NOWHERE) else J(0)))
    return low, high, n


@njit(**_INNER)
def _raw(key: Any) -> Any:
    """Bits of the score that a key stands for."""
    return J(-key) if key <= J(0) else J(key | J(-0x80000000))


@njit(**_INNER)
def _choose_drawers(scores: Any, r: Any, keys: Any, top: Any, by: Any, last: Any, shift: Any, drawers: Any) -> None:
    """Drawer of each unit, the best scores first; what has no rank goes into one of its own, after the last.

    Of a range of ∞, or one so small that its inverse is, all are in the first or the last, still in order.
    """
    for i in range(keys.shape[0]):
        share = F(F(top - scores[r, U(i)]) * by)
        share = share if share < last else last
        number = J(share if share > F(0.0) else F(0.0))
        number = number if keys[U(i)] != J(NOWHERE) else J(J(last) + J(1))
        drawers[U(i)] = J(J(J(number & J((1 << shift) - 1)) * J(ACROSS)) + J(number >> shift))


@njit(**_INNER)
def _take_turns(drawers: Any, counts: Any, turns: Any) -> None:
    """How many units are in each drawer, and how many came before each."""
    for i in range(counts.shape[0]):
        counts[U(i)] = J(0)
    for i in range(drawers.shape[0]):
        drawer = U(drawers[U(i)])
        turn = counts[drawer]
        turns[U(i)] = turn
        counts[drawer] = J(turn + 1)


@njit(**_INNER)
def _most(counts: Any) -> Any:
    """Most units in a drawer, but for the one of those without a rank."""
    most = J(0)
    for i in range(counts.shape[0] - ACROSS - 1):
        most = counts[U(i)] if counts[U(i)] > most else most
    return most


@njit(**_INNER)
def _add_row(counts: Any, row: Any, other: Any) -> None:
    """Add another row to a row."""
    for i in range(counts.shape[1]):
        counts[U(row), U(i)] = J(counts[U(row), U(i)] + counts[U(other), U(i)])


@njit(**_INNER)
def _find_ends(counts: Any) -> None:
    """From how many are in each drawer to the place of the last of them; drawers are numbered down the columns.

    The last row is none of drawers: it takes the place of the last before each column.
    """
    rows, place = counts.shape[0] - 1, J(-1)
    for row in range(1, rows):
        _add_row(counts, row, row - 1)
    for i in range(counts.shape[1]):
        counts[U(rows), U(i)] = place
        place = J(place + counts[U(rows - 1), U(i)])
    for row in range(rows):
        _add_row(counts, row, rows)


@njit(**_INNER)
def _lay_out(keys: Any, drawers: Any, ends: Any, places: Any, laid: Any) -> None:
    """Keys drawer by drawer, and the place of each, in place of how many came before it into its drawer."""
    for i in range(keys.shape[0]):
        place = J(ends[U(drawers[U(i)])] - places[U(i)])
        places[U(i)] = place
        laid[U(CROWD + place)] = keys[U(i)]


@njit(**_INNER)
def _compare(laid: Any, two_before: Any, two_after: Any, found: Any) -> None:
    """Count at each place how many are smaller of two keys some way before it and two some way after it."""
    for i in range(found.shape[0]):
        own = laid[U(CROWD + i)]
        a = J(1) if laid[U(two_before + i)] < own else J(0)
        b = J(1) if laid[U(two_before + 1 + i)] < own else J(0)
        c = J(1) if laid[U(two_after + i)] < own else J(0)
        d = J(1) if laid[U(two_after + 1 + i)] < own else J(0)
        found[U(i)] = J(found[U(i)] + J(J(a + b) + J(c + d)))


@njit(**_INNER)
def _tell(found: Any, places: Any, n: Any, ranks: Any, r: Any) -> None:
    """Ranks of one replication from those found at each place, of which the first n have one."""
    for i in range(ranks.shape[1]):
        place = places[U(i)]
        rank = found[U(place)]
        ranks[r, U(i)] = rank if place < n else J(0)


@njit(**_OPTIONS)
def rank_scores(scores: Any, raw: Any, among: Any, ranks: Any, crowded: Any) -> None:
    """Ranks without a sort: 1 is the best, equal scores share the smallest; 0 is no rank.

    The range of the scores is divided evenly into drawers, about as many as units. Who is in an earlier drawer is
    ahead; within a drawer, and a little beyond, each is compared with each.

    Args:
        scores: Shape (n, n_units), float32.
        raw: Their bits, same shape, int32.
        among: Whether each unit is ranked, shape (n_units,).
        ranks: Filled, same shape as ``scores``, int32, where not crowded.
        crowded: Filled, shape (n,): whether more than `CROWD` units share a drawer.
    """
    n_units = ranks.shape[1]
    shift = 0
    while ACROSS << shift < n_units:
        shift += 1
    counts = np.empty(((1 << shift) + 1, ACROSS), dtype=np.int32)
    in_turn = counts.reshape(-1)
    keys, drawers = np.empty(n_units, dtype=np.int32), np.empty(n_units, dtype=np.int32)
    places, found = np.empty(n_units, dtype=np.int32), np.empty(n_units, dtype=np.int32)
    laid = np.empty(CROWD + n_units + CROWD, dtype=np.int32)
    laid[:CROWD], laid[CROWD + n_units :] = -0x80000000, NOWHERE
    ends = np.empty(2, dtype=np.int32)
    top_and_bottom, last = ends.view(np.float32), F((ACROSS << shift) - 2)
    for r in range(ranks.shape[0]):
        _turn(raw, r, among, keys)
        low, high, n = _extent(keys)
        ends[0], ends[1] = _raw(low), _raw(high)
        top, bottom = top_and_bottom[0], top_and_bottom[1]
        by = F(last / F(top - bottom)) if top > bottom else F(0.0)
        _choose_drawers(scores, r, keys, top, by, last, shift, drawers)
        _take_turns(drawers, in_turn, places)
        most = np.int64(_most(in_turn))
        crowded[r] = most > CROWD
        if crowded[r]:
            continue
        _find_ends(counts)
        _lay_out(keys, drawers, in_turn, places, laid)
        near = most // 2 * 2  # that many neighbours on either side are compared: who is further off is elsewhere
        for i in range(n_units):
            found[U(i)] = J(i + 1 - near)
        for far in range(0, near, 2):
            _compare(laid, CROWD - 2 - far, CROWD + 1 + far, found)
        _tell(found, places, n, ranks, r)


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
