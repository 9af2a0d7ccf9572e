"""Counts over replications, in whole numbers: whatever order parts are added in, the sums are the same.

What belongs here: what is counted, for one node among one set of units. What does not: what the counts say
(`distribution.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ssc_index.method import Rank
from ssc_index.steps.state import Bools
from ssc_index.uncertainty.prepared import Singles
from ssc_index.values import Floats

BINS = 1000  # of scores; no power of two, so that rows do not fall on each other in the processor's cache
MOST_RANKS = 2000  # units up to which each rank has its own bin, and each pair of units is compared
SPARE = np.uint64(2**29 - 1)  # the bits of a double that hold nothing of a single
FAR, NOWHERE = 2.0**200, 2.0**1000  # where infinite scores are sorted, beyond any single, and units without a rank
Counts = NDArray[np.int64]
Ranks = NDArray[np.int32]


@dataclass(frozen=True)
class Scale:
    """How scores of a node become whole numbers.

    Attributes:
        low: Lower edge of the first bin of scores.
        width: Width of a bin.
        unit: Scores are summed in multiples of this, a power of 2.
    """

    low: float
    width: float
    unit: float


def scale_of(scores: Singles) -> Scale:
    """Fit a scale to a sample of scores, with a margin of half their range on either side.

    Sums of squares of up to 2²⁰ units, three times over, stay below 2⁶³ for a million replications.
    """
    known = scores[~np.isnan(scores)].astype(np.float64)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    margin = max((high - low) / 2.0, 1e-6 * max(abs(low), abs(high), 1e-6))
    largest = max(abs(low - margin), abs(high + margin))
    fraction, exponent = math.frexp(largest)
    unit = math.ldexp(1.0, exponent - (fraction == 0.5) - 20)  # of the power of two from `largest` up
    return Scale(low - margin, (high - low + 2.0 * margin) / BINS, unit)


@dataclass
class Tally:
    """Counts of one node among one set of units.

    Attributes:
        among: Units that are ranked, shape (n_units,).
        rank_width: Ranks per bin.
        replications: How many were added.
        ranked: In how many each unit had a rank, shape (n_units,).
        score_sum: Sums of scores in units of the scale; of their squares; of ranks; of squared ranks.
        score_squares: See ``score_sum``.
        rank_sum: See ``score_sum``.
        rank_squares: See ``score_sum``.
        top_ten: How often a unit was among the first ten; among the first quarter of those ranked.
        top_quarter: See ``top_ten``.
        scores: Counts by bin of score, shape (n_units, BINS).
        ranks: Counts by bin of rank, shape (n_units, n_bins).
        ahead: How often the first unit had a better rank than the second, shape (n_units, n_units); a unit
            without a rank is behind all that have one. Shape (0, 0) where it is not counted.
    """

    among: Bools
    rank_width: int
    replications: int
    ranked: Counts
    score_sum: Counts
    score_squares: Counts
    rank_sum: Counts
    rank_squares: Counts
    top_ten: Counts
    top_quarter: Counts
    scores: Ranks
    ranks: Ranks
    ahead: Ranks

    def merge(self, other: Tally) -> None:
        """Add the counts of other replications."""
        for field in fields(self):
            if field.name == "replications":
                self.replications += other.replications
            elif field.name not in ("among", "rank_width"):
                mine = getattr(self, field.name)
                np.add(mine, getattr(other, field.name), out=mine)


def empty_tally(among: Bools, pairs: bool) -> Tally:
    """Nothing counted yet; pairs of units are counted if asked for and if there are no more than 2,000 units."""
    n, n_among = among.size, max(1, int(among.sum()))
    width = -(-n_among // MOST_RANKS)
    compared = n if pairs and n <= MOST_RANKS else 0
    return Tally(
        among=among,
        rank_width=width,
        replications=0,
        ranked=np.zeros(n, dtype=np.int64),
        score_sum=np.zeros(n, dtype=np.int64),
        score_squares=np.zeros(n, dtype=np.int64),
        rank_sum=np.zeros(n, dtype=np.int64),
        rank_squares=np.zeros(n, dtype=np.int64),
        top_ten=np.zeros(n, dtype=np.int64),
        top_quarter=np.zeros(n, dtype=np.int64),
        scores=np.zeros((n, BINS), dtype=np.int32),
        ranks=np.zeros((n, -(-n_among // width)), dtype=np.int32),
        ahead=np.zeros((compared, compared), dtype=np.int32),
    )


def ranks_by_numpy(scores: Singles, among: Bools) -> Ranks:
    """Ranks of each replication, 1 the best, equal scores the smallest; 0 is none. Shape as ``scores``.

    The numbers of the units ride through one sort in those bits of a double that a single leaves empty.
    """
    ranks = np.empty(scores.shape, dtype=np.int32)
    n_units = scores.shape[1]
    unit = np.arange(n_units, dtype=np.uint64)
    for rows in _blocks(*scores.shape):
        key = np.subtract(0.0, scores[rows], dtype=np.float64)  # −0 is 0
        missing = np.isnan(key)
        if not among.all():
            missing |= ~among
        np.clip(key, -FAR, FAR, out=key)  # ∞ has no bits to spare
        key[missing] = NOWHERE
        raw = key.view(np.uint64)
        raw |= unit
        key.sort(axis=1)
        at = (raw & SPARE).astype(np.intp)
        raw &= ~SPARE
        places = np.broadcast_to(np.arange(1, n_units + 1, dtype=np.int32), key.shape)
        equal = key[:, 1:] == key[:, :-1]
        if equal.any() or missing.any():
            places = places.copy()
            places[:, 1:][equal] = 0
            np.maximum.accumulate(places, axis=1, out=places)
            places[key == NOWHERE] = 0
        at += np.arange(len(key))[:, None] * n_units
        ranks[rows].reshape(-1)[at] = places
    return ranks


def _blocks(n: int, n_units: int) -> Iterator[slice]:
    """Rows whose doubles stay in the processor's second cache, no more than a byte can count."""
    step = max(1, min(255, 2**17 // max(n_units, 1)))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def ranks_by_numba(scores: Singles, among: Bools) -> Ranks:
    """The same, compiled."""
    from ssc_index.uncertainty import kernel_counts

    raw, ranks = scores.view(np.int32), np.empty(scores.shape, dtype=np.int32)
    crowded = np.empty(len(scores), dtype=bool)
    kernel_counts.rank_scores(scores, raw, among, ranks, crowded)
    if crowded.any():
        keys = np.empty((int(crowded.sum()), scores.shape[1]), dtype=np.uint64)
        kernel_counts.pack_keys(raw[crowded], among, keys)
        keys.sort(axis=1)
        sorted_out = np.empty(keys.shape, dtype=np.int32)
        kernel_counts.ranks_of(keys, sorted_out)
        ranks[crowded] = sorted_out
    return ranks


def ranks_by_rule(rule: Rank, scores: Floats, among: Bools) -> Ranks:
    """Ranks of each replication as a method says, which must be whole; 0 is none. Shape as ``scores``."""
    ranks = np.stack([rule.ranks_of(np.where(among, one, np.nan)) for one in scores])
    return np.nan_to_num(ranks).astype(np.int32)


def add_by_numpy(tally: Tally, scale: Scale, scores: Singles, ranks: Ranks) -> None:
    """Count replications, all but the pairs.

    Args:
        tally: Changed in place.
        scale: Scale of the node's scores.
        scores: Shape (n, n_units).
        ranks: Their ranks, same shape; 0 is none.
    """
    tally.replications += len(ranks)
    unit = np.arange(ranks.shape[1])
    for rows in _blocks(*ranks.shape):
        own, known = ranks[rows], ranks[rows] > 0
        whole = bool(known.all())
        double = scores[rows].astype(np.float64)
        if not whole:
            double[~known] = 0.0
        quarter = -(-np.count_nonzero(known, axis=1) // 4)[:, None]
        counted = (tally.ranked, known), (tally.top_ten, own <= 10), (tally.top_quarter, own <= quarter)
        for counts, which in counted:
            counts += np.add.reduce((which & known).view(np.uint8), axis=0, dtype=np.uint8)
        _add_sums(tally.score_sum, tally.score_squares, np.rint(double * (1.0 / scale.unit)))
        _add_sums(tally.rank_sum, tally.rank_squares, own.astype(np.float64))
        double -= scale.low
        double *= 1.0 / scale.width
        place = np.clip(double, 0, BINS - 1, out=double).astype(np.intp)  # whole numbers, cut off
        for bins, at in ((tally.scores, place), (tally.ranks, (own - 1) // tally.rank_width)):
            cells = at + unit * bins.shape[1]
            np.add.at(bins.reshape(-1), cells.reshape(-1) if whole else cells[known], np.int32(1))


def _add_sums(sums: Counts, squares: Counts, whole: Floats) -> None:
    """Add whole numbers and their squares, shape (n, n_units), n no more than 255: in doubles while those hold them."""
    if max(whole.max(initial=0.0), -whole.min(initial=0.0)) < 2.0**22:  # 255 squares stay below 2⁵²
        sums += whole.sum(axis=0).astype(np.int64)
        squares += np.einsum("ij,ij->j", whole, whole).astype(np.int64)
    else:
        long = whole.astype(np.int64)
        sums += long.sum(axis=0)
        squares += np.einsum("ij,ij->j", long, long)


def add_pairs_by_numpy(tally: Tally, ranks: NDArray[np.int16]) -> None:
    """Compare pairs of units, if they are counted; the arguments are those of `add_pairs_by_numba`."""
    if not tally.ahead.size:
        return
    order = np.where(ranks > 0, ranks, np.iinfo(np.int16).max)
    for start in range(0, len(order), 255):  # as many as a byte can count
        part = order[start : start + 255]
        for begin in range(0, order.shape[1], 64):  # so many units' bytes stay in the processor's second cache
            own = part[:, begin : begin + 64]
            counts = np.zeros((own.shape[1], order.shape[1]), dtype=np.uint8)
            before = np.empty(counts.shape, dtype=bool)
            for one, all_ in zip(own, part, strict=True):
                counts += np.less(one[:, None], all_, out=before).view(np.uint8)
            tally.ahead[begin : begin + 64] += counts


def add_by_numba(tally: Tally, scale: Scale, scores: Singles, ranks: Ranks) -> None:
    """The same, compiled."""
    from ssc_index.uncertainty import kernel_counts

    tally.replications += len(ranks)
    kernel_counts.count(
        scores,
        ranks,
        scale.low,
        scale.width,
        scale.unit,
        tally.rank_width,
        tally.ranked,
        tally.score_sum,
        tally.score_squares,
        tally.rank_sum,
        tally.rank_squares,
        tally.top_ten,
        tally.top_quarter,
        tally.scores,
        tally.ranks,
    )


def add_pairs_by_numba(tally: Tally, ranks: NDArray[np.int16]) -> None:
    """Compare pairs of units, if they are counted; the more replications at once, the less each costs.

    Args:
        tally: Changed in place.
        ranks: Shape (n, n_units); 0 is none; n below 32,768.
    """
    from ssc_index.uncertainty import kernel_counts

    if not tally.ahead.size:
        return
    ranked = (ranks > 0).sum(axis=0)
    some = np.flatnonzero(ranked)
    order = np.empty((some.size, len(ranks)), dtype=np.int16)
    kernel_counts.count_pairs(ranks, some, order, tally.ahead)
    tally.ahead[:, ranked == 0] += ranked[:, None].astype(np.int32)
