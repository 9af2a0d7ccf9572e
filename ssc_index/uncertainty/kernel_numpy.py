"""The kernel in NumPy alone, for machines without a compiler: the same answers, not the same bits, and slower.

What belongs here: some replications at a time, all indicators and cities at once, in single precision. What does not:
the compiled loops (`kernel.py`).

Whatever does not depend on the errors is worked out once for a table of values and a set of scales (`Scaled`). The
replications that share both are computed some at a time, up to the first level of nodes; the levels above it have few
rows, and are computed for more replications at once, whatever they share. So a call of NumPy has enough to do: between
two calls a thread holds the interpreter, and all others wait. A level of the tree is a few products of matrices:
weights of some nodes' children by what the children score. A node that meets a part whose logarithm or reciprocal is
not finite goes alone. Nothing is summed across replications, and whether one goes the shorter way of those that lack
no score is its own affair, so that one has the same bits in any company.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ssc_index.aggregate import weighted_mean
from ssc_index.impute import Centre
from ssc_index.steps.state import Bools, Ints
from ssc_index.uncertainty import draws
from ssc_index.uncertainty.draws import Words
from ssc_index.uncertainty.prepared import Fills, Laid, Prepared, Singles
from ssc_index.values import Floats

GOALPOSTS, MINMAX, ZSCORE, NONE = 0, 1, 2, 3
SQRT, GAP = 1, 2
ARITHMETIC, GEOMETRIC, HARMONIC = 0, 1, 2
LANES = 16384  # cities times replications whose indicators are computed at once: with fewer, calls cost more
LANES_ABOVE = 32768  # those whose further nodes are
LINE = 64  # bytes of the processor's cache
AT_ONCE = 384  # tiles of errors that are drawn at once
BUFFER = 512  # numbers: with room for two rows NumPy copies rows there and back to compute them in one loop
NODES = 4  # nodes of one product: with more of them most of its matrix is zeros, with fewer the calls cost more
MOST_BYTES = 2**27  # of tables that are kept from one part to the next
LEAST = float(np.finfo(np.float32).min)
ALL = slice(None)
CENTRES: tuple[Centre, ...] = ("mean", "median")
Rows = slice | Ints


def compute_scores(prepared: Prepared, laid: Laid, scores: Singles, status: Ints) -> None:
    """Fill scores and status as `kernel.compute_scores` does.

    Args:
        prepared: The case.
        laid: The replications.
        scores: Filled, shape (n_kept, n, n_units).
        status: Filled, shape (n,).
    """
    free = _FREE.setdefault(prepared, [])
    try:
        room = free.pop()
    except IndexError:  # other threads have them all
        room = Room.of(prepared)
    above, n_above = room.above, len(prepared.start) - 1
    rules = [Rules.of(level, prepared, laid) for level in room.levels]
    # Roots of less than nothing, and nodes without weights, are missing, not wrong.
    with np.errstate(invalid="ignore", divide="ignore"):
        np.setbufsize(BUFFER)  # until the end of this block
        for some, alike in _alike(laid, rules, len(above.gaps), max(1, LANES // prepared.n_units)):
            for part in alike:
                own, first = some[part], some[part.start]
                table, scale = int(laid.table_of[first]), int(laid.scale_of[first])
                scaled = _scaled(prepared, table, scale)
                values, present, stuck = _normalised(scaled, room.errors, laid.noise[own])
                if present is not None and prepared.fills.grouping.size:
                    present = _imputed(prepared.fills, table, scale, values, present, above.lanes)
                if room.leaves.size:
                    above.scores[part, n_above:] = _with_gaps(values, present, room.leaves)
                    above.gaps[part, n_above:] = _lacking(above.scores[part, n_above:], above.lanes)
                status[own] |= stuck
                status[own] |= 2 * rules[0].fill_from_leaves(own, values, present, above, part)
            for one in rules[1:]:
                status[some] |= 2 * one.fill_from_below(some, above)
            for slot, row in enumerate(room.wanted):
                scores[slot, some] = above.scores[: some.size, row].take(above.lanes.place, axis=1)
    free.append(room)


def _alike(laid: Laid, rules: Sequence[Rules], many: int, most: int) -> Iterator[tuple[Ints, list[slice]]]:
    """Replications, so many at once, and the places among them of those that share a table and a set of scales.

    Those with the same means stand side by side.
    """
    shared = (laid.noise > 0, laid.scale_of, laid.table_of)
    order = np.lexsort((*(one.pattern for one in reversed(rules)), *shared))
    for some in np.split(order, range(many, order.size, many)):
        runs = _runs(*(one[some] for one in shared))
        yield some, [slice(at, min(at + most, run.stop)) for run in runs for at in range(run.start, run.stop, most)]


def _runs(*keys: NDArray[Any]) -> list[slice]:
    """Where all keys stay the same."""
    cuts = np.flatnonzero(np.any([np.diff(key) != 0 for key in keys], axis=0)) + 1
    return [slice(*ends) for ends in itertools.pairwise([0, *cuts.tolist(), keys[0].size])]


@cache
def _polar() -> tuple[Singles, NDArray[np.complex64]]:
    """Radii, and cosines with sines, in single precision."""
    radii, cosines, sines = draws.polar()
    return radii.astype(np.float32), (cosines + 1j * sines).astype(np.complex64)


@dataclass(frozen=True)
class Lanes:
    """Where units stand: two whose errors are a cosine and a sine of one angle side by side, if that costs few lanes.

    Attributes:
        n: Number of lanes.
        place: Lane of each unit.
        spare: Lanes without a unit.
        paired: Whether it is so; else each unit is in its own lane.
    """

    n: int
    place: Ints
    spare: Ints
    paired: bool

    @classmethod
    @cache
    def of(cls, n_units: int) -> Lanes:
        """The lanes of so many units."""
        tiles = draws.Tiles.of(n_units, 1)
        n_lanes = tiles.pieces * tiles.cells
        paired = tiles.abreast == 1 and 8 * n_lanes <= 9 * n_units
        unit = np.arange(n_lanes if paired else -(-n_units // draws.LANES) * draws.LANES)
        if paired:
            unit = unit.reshape(tiles.pieces, 2, -1).swapaxes(1, 2).reshape(-1)
        lane = np.argsort(unit)
        return cls(unit.size, lane[:n_units], np.sort(lane[n_units:]), paired)


class Errors:
    """Values with their errors, some replications after the others; the errors are those of `draws.normals`.

    Errors are drawn where the values shall be, so that a replication's stay in the processor's cache.

    Attributes:
        values: Filled, shape (n, n_indicators, n_lanes); the next replications write over them.
    """

    def __init__(self, n: int, n_units: int, n_indicators: int) -> None:
        self._tiles = tiles = draws.Tiles.of(n_units, n_indicators)
        self._deep = min(n, max(1, AT_ONCE // tiles.count))
        self._once = min(tiles.count, max(AT_ONCE // tiles.pieces, 1) * tiles.pieces)
        half, lanes = tiles.cells // 2, Lanes.of(n_units)
        self._paired = lanes.paired
        pairs = self._deep * self._once * half
        self._words, turn, self._radius, self._turned, self._drawn = _side_by_side(
            ((pairs // 2,), np.uint64),
            ((pairs,), np.intp),
            ((pairs,), np.float32),
            ((pairs,), np.complex64),
            ((n, tiles.count, 2, half), np.float32),
        )
        self._turn, self._part = turn, turn.view(np.uint64)  # one is needed when the other no longer is
        columns = self._drawn.reshape(n, tiles.count // tiles.pieces * tiles.abreast, -1)
        self.values = columns[:, :n_indicators, : lanes.n]

    def add(self, scaled: Scaled, starts: Words) -> Singles:
        """Values with errors from starts, shape (n_starts, n_indicators, n_lanes)."""
        tiles = self._tiles
        for first in range(0, tiles.count, self._once):
            which = slice(first, min(first + self._once, tiles.count))
            begun = draws.further(starts[:, None], first * tiles.cells // 4)
            rows = slice(first // tiles.pieces * tiles.abreast, which.stop // tiles.pieces * tiles.abreast)
            deviations, given = scaled.deviations[rows], scaled.values[rows]
            for top in range(0, starts.size, self._deep):
                some = slice(top, min(top + self._deep, starts.size))
                self._draw(begun[some], self._drawn[some, which])
                values = self.values[some, rows]
                values *= deviations
                values += given
                scaled.hold(values, rows)
        return self.values[: starts.size]

    def _draw(self, starts: Words, drawn: Singles) -> None:
        """Fill errors of some tiles, shape (n_starts, n_tiles, 2, half a tile)."""
        pairs = drawn.size // 2
        words = self._words[: pairs // 2]
        shape = (starts.size, -1)
        draws.words(starts, words.reshape(shape), self._part[: pairs // 2].reshape(shape))
        halves = words.astype("<u8", copy=False).view("<u2")
        turn, radius, turned = self._turn[:pairs], self._radius[:pairs], self._turned[:pairs]
        radii, turns = _polar()
        turn[:] = halves[1::2]
        radii.take(turn, out=radius, mode="wrap")  # no place is beyond a table; without it NumPy looks
        turn[:] = halves[::2]
        turns.take(turn, out=turned, mode="wrap")
        if self._paired:
            pairs_drawn = drawn.view(np.complex64)
            np.multiply(turned.reshape(pairs_drawn.shape), radius.reshape(pairs_drawn.shape), out=pairs_drawn)
            return
        shape = drawn[:, :, 0].shape
        for place, part in enumerate((turned.real, turned.imag)):
            np.multiply(part.reshape(shape), radius.reshape(shape), out=drawn[:, :, place])


def _side_by_side(*wanted: tuple[tuple[int, ...], type]) -> list[NDArray[Any]]:
    """New arrays of some shapes and types in one block: a large one has large pages, and rows start with a line."""
    sizes = [math.prod(shape) * np.dtype(kind).itemsize for shape, kind in wanted]
    ends = np.cumsum([-(-size // LINE) * LINE for size in sizes]).tolist()
    block = np.empty(ends[-1] + LINE, dtype=np.uint8)
    block = block[-block.ctypes.data % LINE :]
    return [
        block[start : start + size].view(kind).reshape(shape)
        for start, size, (shape, kind) in zip([0, *ends[:-1]], sizes, wanted, strict=True)
    ]


@dataclass(frozen=True)
class Scale:
    """Indicators whose scale needs more than errors added: a transform, or their own least, most, mean.

    Attributes:
        rows: Which indicators they are.
        kind: Kind of the scale.
        transform: Their transform.
        counts: Values that each has, shape (k,).
        numbers: Parameters, see `prepared._scales`, shape (8, k, 1).
    """

    rows: Rows
    kind: int
    transform: int
    counts: Floats
    numbers: Singles


@dataclass(frozen=True)
class Scaled:
    """A table of values with its scales, as far as they are known before any error.

    Where a scale is one line whatever the errors, values, deviations and ends are scores already. Lanes beyond the
    units are as those of missing values (`Lanes`).

    Attributes:
        values: Shape (n_indicators, n_lanes). A missing one is 0, or NaN where there is a transform.
        deviations: Standard deviations, same shape.
        low: What each may not fall below, same shape, or (n_indicators, 1) where it is the same for all units; None
            where nothing is held. A missing one may be held too, but stays 0 where sums are taken of its indicator.
        high: What each may not pass.
        there: Where there is a value, same shape.
        present: 1 there, 0 elsewhere; None where every unit has a value.
        scales: What is left to do.
    """

    values: Singles
    deviations: Singles
    low: Singles | None
    high: Singles | None
    there: Bools
    present: Singles | None
    scales: tuple[Scale, ...]

    def hold(self, values: Singles, rows: slice) -> None:
        """Hold values of some indicators within their ends, shape (n, n_rows, n_lanes)."""
        if self.low is None or self.high is None:
            return
        if self.low.shape[1] == 1:  # two passes in one, which only two numbers a row make faster
            np.clip(values, self.low[rows], self.high[rows], out=values)
        else:
            np.maximum(values, self.low[rows], out=values)
            np.minimum(values, self.high[rows], out=values)


@dataclass(frozen=True)
class Room:
    """What replications of a case are computed in, by one thread at a time.

    Attributes:
        levels: Levels above the indicators.
        leaves: Indicators whose parent is above the first level.
        wanted: Rows of `Above` that are kept.
        errors: Values with errors; None without any.
        above: Scores.
    """

    levels: list[Level]
    leaves: Ints
    wanted: Ints
    errors: Errors | None
    above: Above

    @classmethod
    def of(cls, prepared: Prepared) -> Room:
        """Make room."""
        levels, leaves = _levels(prepared)
        n_indicators, spots = prepared.tables.shape[2], Lanes.of(prepared.n_units)
        together, many = (max(1, lanes // prepared.n_units) for lanes in (LANES, LANES_ABOVE))
        n_rows = len(prepared.start) - 1 + leaves.size
        most = max((level.source.size for level in levels[1:]), default=0)
        scores, *scratch = _side_by_side(
            ((many, n_rows, spots.n), np.float32), *[((many * most, spots.n), np.float32)] * 2
        )
        return cls(
            levels,
            leaves,
            np.argsort(np.concatenate([level.nodes for level in levels]))[prepared.wanted],
            Errors(together, prepared.n_units, n_indicators) if prepared.disturbs else None,
            Above(scores, np.empty((many, n_rows), dtype=bool), spots, scratch),
        )


# Rooms that no thread is in, for the next part: the system would have to clear the memory of new ones.
_FREE: WeakKeyDictionary[Prepared, list[Room]] = WeakKeyDictionary()
_KEPT: WeakKeyDictionary[Prepared, dict[tuple[int, int], Scaled]] = WeakKeyDictionary()


def _scaled(prepared: Prepared, table: int, scale: int) -> Scaled:
    """A table laid out for a set of scales, −1 for none: kept for the next part, unless there are too many."""
    kept = _KEPT.setdefault(prepared, {})
    found = kept.get((table, scale)) or _laid_out(prepared, table, scale)
    if 5 * found.values.nbytes * (len(kept) + 1) <= MOST_BYTES:
        kept[table, scale] = found
    return found


def _laid_out(prepared: Prepared, table: int, scale: int) -> Scaled:
    """Lay out a table for a set of scales; −1 is none."""
    n_units, lanes = prepared.n_units, Lanes.of(prepared.n_units)
    given = np.full((prepared.tables.shape[2], lanes.n), np.nan, dtype=np.float32)
    given[:, lanes.place] = prepared.tables[0, table, :, :n_units]
    there = ~np.isnan(given)
    present = None if there[:, lanes.place].all() else there.astype(np.float32)
    if scale < 0:
        nothing = np.empty((0, 0), dtype=np.float32)
        return Scaled(np.where(there, given, np.float32(0.0)), nothing, None, None, there, present, ())
    kinds, numbers = prepared.kinds[scale], prepared.numbers[scale]
    transforms = np.where(kinds == NONE, 0, prepared.transforms)
    straight = (kinds == GOALPOSTS) & (transforms == 0)
    values = np.where(there, given, 0.0).astype(np.float64)
    deviations = np.zeros_like(given)
    deviations[:, lanes.place] = prepared.deviations[table, :, :n_units]
    deviations[~there] = 0.0
    low, high = (one[:, None].astype(np.float64) for one in prepared.bounds)
    low, high = np.minimum(values, low), np.maximum(values, high)
    # What is taken off first, so that squares of what is left are no larger than need be.
    counts = there.sum(axis=1)
    relative = np.isin(kinds, (MINMAX, ZSCORE)) & (transforms == 0)
    from_ = np.where(relative, values.sum(axis=1) / np.maximum(counts, 1), 0.0)[:, None]
    slope, to = np.ones_like(from_), np.zeros_like(from_)
    columns = numbers.astype(np.float64).T[:, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        line = (columns[3] - columns[2]) / (columns[1] - columns[0])
    slope[straight], from_[straight], to[straight] = line[straight], columns[0, straight], columns[2, straight]
    values, one, two = ((part - from_) * slope + to for part in (values, low, high))
    low, high = np.minimum(one, two), np.maximum(one, two)
    held = straight & (numbers[:, 6] > 0)
    ends = np.sort(columns[2:4, held], axis=0)
    low[held], high[held] = np.clip(low[held], *ends), np.clip(high[held], *ends)
    values[~there] = 0.0
    low[relative], high[relative] = np.minimum(low[relative], 0.0), np.maximum(high[relative], 0.0)
    values[~there & (transforms > 0)[:, None]] = np.nan
    keys = kinds * 4 + transforms
    busy = np.unique(keys[relative | (transforms > 0)]).tolist()
    picked = [ALL if (keys == key).all() else np.flatnonzero(keys == key) for key in busy]
    low_ends, high_ends = _ends_of_rows(low.astype(np.float32), high.astype(np.float32), there)
    return Scaled(
        values.astype(np.float32),
        (deviations * slope).astype(np.float32),
        low_ends,
        high_ends,
        there,
        present,
        tuple(
            Scale(
                rows,
                key // 4,
                key % 4,
                counts[rows].astype(np.float64),
                np.ascontiguousarray(numbers[rows].T)[:, :, None],
            )
            for rows, key in zip(picked, busy, strict=True)
        ),
    )


def _ends_of_rows(low: Singles, high: Singles, there: Bools) -> tuple[Singles, Singles] | tuple[None, None]:
    """What values may not fall below and not pass (`Scaled`), given for each value, shape (n_indicators, n_lanes)."""
    if np.isneginf(low).all() and np.isposinf(high).all():
        return None, None
    one = np.arange(len(low)), there.argmax(axis=1)
    lowest, highest = low[one][:, None], high[one][:, None]
    if (((low == lowest) & (high == highest)) | ~there).all():
        return lowest, highest
    return np.where(there, low, np.float32(0.0)), np.where(there, high, np.float32(0.0))


def _normalised(scaled: Scaled, errors: Errors | None, starts: Words) -> tuple[Singles, Singles | None, Bools]:
    """Scores of the indicators in some replications, which are there (`Scaled.present`), and which are stuck.

    A replication is stuck where all values of an indicator are equal and that is an error. Which scores are there has
    an axis of replications where it is not the same in all.
    """
    stuck = np.zeros(starts.size, dtype=bool)
    present = scaled.present
    if errors is None:
        return np.repeat(scaled.values[None], starts.size, axis=0), present, stuck
    if starts[0]:
        values = errors.add(scaled, starts)
    else:
        values = errors.values[: starts.size]
        values[:] = scaled.values
        scaled.hold(values, ALL)
    for scale in scaled.scales:
        own = values[:, scale.rows]
        lost = _rescale(own, scale, scaled.there[scale.rows] if present is None else present[..., scale.rows, :] > 0)
        if scale.transform == SQRT or lost.any():
            known = ~np.isnan(own)
            if present is not None:
                known &= present[..., scale.rows, :] > 0
            clip, middle = scale.numbers[6, :, 0], scale.numbers[7, :, 0]
            gone = lost & np.isnan(middle)
            stuck |= (gone & known.any(axis=2) & (clip < 0)).any(axis=1)
            own[lost] = np.broadcast_to(middle, lost.shape)[lost][:, None]
            known[gone] = False
            there = np.empty(values.shape, dtype=np.float32)
            there[:] = 1.0 if present is None else present
            there[:, scale.rows] = known
            present = there
        if scale.transform or lost.any():
            np.fmax(own, _everywhere(LEAST, own.shape[1:]), out=own)  # missing ones become numbers
        if scale.rows is not ALL:
            values[:, scale.rows] = own
    return values, present, stuck


def _imputed(fills: Fills, table: int, scale: int, values: Singles, present: Singles, places: Lanes) -> Singles | None:
    """Fill scores that are missing, in place; which are there then, None where all are."""
    there = np.broadcast_to(present, values.shape).copy()
    values *= there
    for centres, grouping in zip(fills.centres[scale], fills.grouping[scale].tolist(), strict=True):
        ends = fills.ends[table, grouping].tolist()
        lanes = places.place[fills.lanes[table, grouping, : ends[-1]]]
        if ends == [0, places.place.size]:  # lanes without a unit may have its centre too: that spares an order
            lanes, ends = np.arange(places.n), [0, places.n]
        order = np.concatenate([lanes, np.setdiff1d(np.arange(values.shape[2]), lanes)])
        back, straight = np.argsort(order), bool((order[:-1] < order[1:]).all())
        for number, centre in enumerate(CENTRES):
            rows = np.flatnonzero(centres == number)
            if not rows.size:
                continue
            for one, two in zip(values, there, strict=True):  # all at once would take memory anew for every sum
                own, known = one[rows], two[rows]
                if not straight:
                    own, known = own.take(order, axis=1), known.take(order, axis=1)
                for first, last in itertools.pairwise(ends):
                    _fill_group(own[:, first:last], known[:, first:last], centre)
                if not straight:
                    own, known = own.take(back, axis=1), known.take(back, axis=1)
                one[rows], two[rows] = own, known
    there[..., places.spare] = 1.0
    return None if there.all() else there


def _fill_group(scores: Singles, known: Singles, centre: Centre) -> None:
    """Fill what a group of units lacks by the centre of what it has, in place; without any score it stays bare.

    Sums and products, for a processor cannot guess which of the scores are there.

    Args:
        scores: Shape (n_indicators, n_members); 0 where there is none.
        known: 1 where there is one, 0 elsewhere, same shape; changed in place.
        centre: ``mean`` or ``median``.
    """
    size = known.shape[1]
    counts = (known @ np.ones(size, dtype=np.float32)).astype(np.intp)
    if not known.size or counts.min() == size:
        return
    holes = 1.0 - known
    if centre == "mean":
        middle = scores.astype(np.float64) @ np.ones(size) / np.maximum(counts, 1)
    else:
        ordered = np.sort(holes * np.float32(-LEAST) + scores, axis=1)
        two = np.stack([np.maximum(counts - 1, 0) // 2, np.minimum(counts // 2, size - 1)], axis=1)
        middle = np.take_along_axis(ordered, two, axis=1).sum(axis=1, dtype=np.float64) / 2.0
    holes *= (counts > 0)[:, None]
    middle[counts == 0] = 0.0
    scores += holes * middle[:, None].astype(np.float32)
    known += holes


def _rescale(values: Singles, scale: Scale, present: Bools) -> Bools:
    """Values with their errors, to scores, in place; which indicators have none, for all of their values are equal.

    Args:
        values: Shape (n, k, n_lanes).
        scale: The scale of the indicators.
        present: Which values are there, shape (k, n_lanes) or as ``values``.

    Returns:
        Shape (n, k).
    """
    low, high, first, second, target, sign, clip, _ = scale.numbers
    none = np.zeros(values.shape[:2], dtype=bool)
    if scale.transform == SQRT:
        np.sqrt(values, out=values)
    elif scale.transform == GAP:
        values -= target
        np.abs(values, out=values)
    if scale.kind == GOALPOSTS:
        _lay_on_line(values, low, (second - first) / (high - low), first)
        held = clip > 0
        np.maximum(values, np.where(held, np.minimum(first, second), -np.inf), out=values)
        np.minimum(values, np.where(held, np.maximum(first, second), np.inf), out=values)
        return none
    if scale.kind == ZSCORE:
        return _standardise(values, scale)
    least, most = (ends[..., None] for ends in _ends(values, scale, present))
    varies = least < most  # values that are all equal stay numbers, so that one sees which are there
    slope = np.where(varies, sign * (second - first) / (most - least), 0.0)
    _lay_on_line(values, np.where(sign > 0, least, most), slope, first)
    lost: Bools = ~varies[..., 0]
    return lost


def _ends(values: Singles, scale: Scale, present: Bools) -> tuple[Singles, Singles]:
    """Least and greatest value of each indicator, shape (n, k)."""
    if scale.transform:
        return np.fmin.reduce(values, axis=2), np.fmax.reduce(values, axis=2)
    least, most = values.min(axis=2), values.max(axis=2)
    # Missing ones are 0, and 0 is the mean of the values without errors.
    for at in zip(*np.nonzero((least >= 0) | (most <= 0)), strict=True):
        part = values[at][np.broadcast_to(present, values.shape)[at]]
        least[at], most[at] = part.min(initial=np.inf), part.max(initial=-np.inf)
    return least, most


def _lay_on_line(values: Singles, from_: Singles | Floats, slope: Singles | Floats, to: Singles) -> None:
    """``to + (value − from) · slope`` in place; the value that is ``from`` gives 0 if that is ``to``."""
    flat = slope == 0
    values -= (from_ - to / np.where(flat, 1.0, slope)).astype(np.float32)
    values *= slope.astype(np.float32)
    if flat.any():
        values += np.where(flat, to, np.float32(0.0))


def _standardise(values: Singles, scale: Scale) -> Bools:
    """Values to z-scores, in place; which indicators have none, for all of their values are equal.

    Sums are of a row at a time, so that none depends on how many replications stand beside each other.
    """
    _, _, mean, deviation, _, sign, _, _ = scale.numbers
    ones = np.ones(values.shape[2], dtype=np.float32)
    own, counts = values, np.broadcast_to(scale.counts, values.shape[:2])
    if scale.transform:  # they have not been centred, and those that are missing are no numbers
        there = ~np.isnan(values)
        counts = there.sum(axis=2).astype(np.float64)
        own = np.where(there, values, np.float32(0.0))
        values -= ((own.astype(np.float64) @ ones.astype(np.float64)) / counts).astype(np.float32)[..., None]
        own = np.where(there, values, np.float32(0.0))
    total, squares = (own @ ones).astype(np.float64), np.vecdot(own, own).astype(np.float64)
    centre, spread = total / counts, squares - total * total / counts
    lost = np.zeros(own.shape[:2], dtype=bool)
    for at in zip(*np.nonzero(~(spread > 1e-4 * squares)), strict=True):  # all equal, or all but equal
        part = own[at][own[at] != 0].astype(np.float64)
        lost[at] = not (part.size and (part.min() < part.max() or part.size < counts[at]))
        spread[at] = max(np.square(part - centre[at]).sum() + (counts[at] - part.size) * centre[at] ** 2, 1e-30)
    slope = sign[:, 0] * deviation[:, 0] / np.sqrt(spread / (counts - 1.0))
    values *= slope[..., None].astype(np.float32)  # no end of theirs has to be met to the last bit
    values += (mean[:, 0] - centre * slope)[..., None].astype(np.float32)
    return lost


@dataclass(frozen=True)
class Above:
    """Scores of some replications that nodes above the first level are computed from.

    Attributes:
        scores: Nodes level by level from below, then the indicators whose parent is above the first level, shape
            (n, n_rows, n_lanes).
        gaps: Whether a unit lacks a score, shape (n, n_rows).
        lanes: Where units stand.
        scratch: Two arrays with room for as many rows each: new ones take longer than what is done with them.
    """

    scores: Singles
    gaps: Bools
    lanes: Lanes
    scratch: Sequence[Singles]


@dataclass(frozen=True)
class Level:
    """Nodes above the indicators, none beneath another.

    Attributes:
        nodes: Their numbers.
        rows: Their rows of `Above`.
        members: Places of their children in `Prepared.family`, one family after the other.
        parent: Place in ``nodes`` of each member's parent.
        source: Where each member is: of the first level an indicator's column, of the others a row of `Above`.
        blocks: Nodes and members whose product is computed at once.
    """

    nodes: Ints
    rows: slice
    members: Ints
    parent: Ints
    source: Ints
    blocks: tuple[tuple[slice, slice], ...]

    def product(self, weights: Singles, parts: Singles, found: Singles | None = None) -> Singles:
        """Sum of the members of each node, times their weights, shape (n, n_nodes, n_lanes).

        Args:
            weights: Shape (n, n_members).
            parts: Shape (n, n_members, n_lanes), or without the first axis.
            found: Filled; None takes a new array.
        """
        matrix = np.zeros((len(weights), self.nodes.size, self.members.size), dtype=np.float32)
        matrix[:, self.parent, np.arange(self.members.size)] = weights
        if found is None:
            found = np.empty((*matrix.shape[:2], parts.shape[-1]), dtype=np.float32)
        for nodes, members in self.blocks:  # a product for each replication: its bits depend on no other
            np.matmul(matrix[:, nodes, members], parts[..., members, :], out=found[:, nodes])
        return found


def _levels(prepared: Prepared) -> tuple[list[Level], Ints]:
    """Nodes above the indicators by level from below, and the indicators whose parent is above the first level.

    A node is beneath none of its own level or of one before.
    """
    n_above = len(prepared.start) - 1
    height = np.zeros(n_above, dtype=np.int64)
    for place in range(n_above):
        codes = prepared.family[prepared.start[place] : prepared.start[place + 1]]
        height[place] = max((height[-1 - code] + 1 for code in codes.tolist() if code < 0), default=0)
    row = np.argsort(np.argsort(height, kind="stable"))
    higher = prepared.family[np.repeat(height, np.diff(prepared.start)) > 0]
    leaves = np.unique(higher[higher >= 0])
    found: list[Level] = []
    for one in range(height.max() + 1):
        nodes = np.flatnonzero(height == one)
        sizes = np.diff(prepared.start)[nodes]
        members = np.concatenate([np.arange(prepared.start[node], prepared.start[node + 1]) for node in nodes])
        codes = prepared.family[members]
        source = codes
        if one:
            source = np.where(codes < 0, row[np.maximum(-1 - codes, 0)], n_above + np.searchsorted(leaves, codes))
        ends, cuts = [0, *np.cumsum(sizes).tolist()], [*range(0, nodes.size, NODES), nodes.size]
        blocks = tuple((slice(a, b), slice(ends[a], ends[b])) for a, b in itertools.pairwise(cuts))
        rows = slice(int(row[nodes[0]]), int(row[nodes[-1]]) + 1)
        found.append(Level(nodes, rows, members, np.repeat(np.arange(nodes.size), sizes), source, blocks))
    return found, leaves


@dataclass(frozen=True)
class Rules:
    """How the nodes of a level are computed in each replication; the first axis is the replication.

    Attributes:
        level: The level.
        means: Mean of each node, shape (n, n_nodes).
        pattern: The same number where means and floor are, shape (n,).
        floors: Scores below it are raised to it, shape (n,); −∞ is none.
        weights: Weight of each member, 0 where it is left out, shape (n, n_members).
        shares: The same, as shares of their sum.
        alive: Whether it counts, same shape.
        need: How many of them must be there, shape (n, n_nodes).
        bare: Whether the node has no score, whatever is there.
    """

    level: Level
    means: Ints
    pattern: Ints
    floors: Singles
    weights: Singles
    shares: Singles
    alive: Bools
    need: Singles
    bare: Bools

    @classmethod
    def of(cls, level: Level, prepared: Prepared, laid: Laid) -> Rules:
        """Take what belongs to a level."""
        alive = prepared.alive[laid.alive_of][:, level.members]
        weights = np.where(alive, laid.weights[:, level.members], np.float32(0.0))
        starts = np.flatnonzero(np.diff(level.parent, prepend=-1))
        total = np.add.reduceat(weights, starts, axis=1)
        need = prepared.least[laid.mean_of, laid.alive_of][:, level.nodes]
        bare = ~((np.add.reduceat(alive, starts, axis=1, dtype=np.int64) >= need) & (total > 0))
        shares = (weights / np.where(bare, 1.0, total)[:, level.parent]).astype(np.float32)
        means, floors = prepared.means[laid.mean_of][:, level.nodes], prepared.floors[laid.mean_of]
        _, pattern = np.unique(np.column_stack([means, floors.view(np.int32)]), axis=0, return_inverse=True)
        return cls(level, means, pattern, floors, weights, shares, alive, need, bare)

    def fill_from_leaves(
        self, some: Ints, values: Singles, present: Singles | None, above: Above, places: slice
    ) -> Bools:
        """Fill the first level of some replications.

        Args:
            some: Numbers of the replications.
            values: Scores of the indicators, written over, shape (n, n_indicators, n_lanes).
            present: Which are there; None where all are. Without the first axis where it is the same in all.
            above: Filled.
            places: Their places in it.

        Returns:
            Whether a mean met a part that is not above 0, shape (n,).
        """
        rows = _in_row(self.level.source)
        refused, whole = np.zeros((2, some.size), dtype=bool)
        if present is None:
            whole[:] = True
        elif present.ndim == 3:
            present[..., above.lanes.spare] = values[..., above.lanes.spare] = 1.0
            whole = present.min(axis=(1, 2)) > 0
        for run in _runs(whole):
            there = None
            if present is not None and not whole[run.start]:
                there = (present if present.ndim == 2 else present[run])[..., rows, :]
            found = above.scores[places, self.level.rows][run]
            refused[run], gaps = self._fill(some[run], values[run, rows], there, above.lanes, found)
            above.gaps[places, self.level.rows][run] = gaps
        return refused

    def fill_from_below(self, some: Ints, above: Above) -> Bools:
        """Fill a level from those below it; some are the numbers of the replications."""
        refused = np.zeros(some.size, dtype=bool)
        n_rows, n_lanes = above.scores.shape[1:]
        lanes, size = above.scores.reshape(-1, n_lanes), self.level.source.size
        gaps = np.logical_or.reduce(above.gaps[: some.size, self.level.source], axis=1)
        order = np.lexsort((self.pattern[some], gaps))
        for run in _runs(gaps[order]):
            which = order[run]
            parts, present = (one[: which.size * size].reshape(-1, size, n_lanes) for one in above.scratch)
            lanes.take(which[:, None] * n_rows + self.level.source, axis=0, out=parts, mode="wrap")
            there = None
            if gaps[which[0]]:
                there = present
                np.copyto(there, parts == parts)  # NaN is not
                np.fmax(parts, _everywhere(LEAST, parts.shape[1:]), out=parts)  # missing ones become numbers
            found = np.empty((which.size, self.level.nodes.size, n_lanes), dtype=np.float32)
            refused[which], lacking = self._fill(some[which], parts, there, above.lanes, found)
            above.scores[which, self.level.rows], above.gaps[which, self.level.rows] = found, lacking
        return refused

    def _fill(
        self, some: Ints, parts: Singles, present: Singles | None, lanes: Lanes, found: Singles
    ) -> tuple[Bools, Bools]:
        """Fill scores of the level's nodes; the fewer the runs of replications with the same means, the better.

        Args:
            some: Numbers of the replications.
            parts: Scores of the members, numbers where they are missing, written over, shape (n, n_members, n_lanes).
            present: Which of them are there; None where all are. Without the first axis where it is the same in all.
            lanes: Where units stand.
            found: Filled, shape (n, n_nodes, n_lanes).

        Returns:
            Whether a mean met a part that is not above 0, shape (n,), and whether a unit lacks a node, shape
            (n, n_nodes).
        """
        level, runs = self.level, _runs(self.pattern[some])
        refused = np.zeros(some.size, dtype=bool)
        alone: list[tuple[int, int, Singles]] = []
        for run in runs:
            there = present if present is None or present.ndim == 2 else present[run]
            refused[run] = self._convert(some[run], parts[run], there, lanes, run.start, alone)
        if present is None:
            level.product(self.shares[some], parts, found)
        else:
            parts *= present
            level.product(self.weights[some], parts, found)
            found /= level.product(self.weights[some], present)  # where no part counts, both are 0: missing
        for run in runs:
            means = self.means[some[run.start]]
            for mean in set(means.tolist()) - {ARITHMETIC}:
                rows = ALL if (means == mean).all() else np.flatnonzero(means == mean)
                own = found[run, rows]
                if mean == GEOMETRIC:
                    np.exp(own, out=own)
                else:
                    np.divide(np.float32(1.0), own, out=own)
                if rows is not ALL:
                    found[run, rows] = own
        for at, node, raw in alone:
            r = some[at]
            found[at, node] = _alone(raw, self.weights[r, level.parent == node], int(self.means[r, node]))
        if present is not None and self.need[some].max() > 1:
            found[level.product(self.alive[some].astype(np.float32), present) < self.need[some][:, :, None]] = np.nan
        bare = self.bare[some]
        if bare.any():
            found[bare] = np.nan
        return refused, bare if present is None and not alone else _lacking(found, lanes)

    def _convert(
        self,
        some: Ints,
        parts: Singles,
        present: Singles | None,
        lanes: Lanes,
        start: int,
        alone: list[tuple[int, int, Singles]],
    ) -> Bools:
        """Parts as their means add them up, in place, for replications whose means and floors are the same.

        Args:
            some: The replications.
            parts: Scores of the members, shape (n, n_members, n_lanes).
            present: Which of them are there.
            lanes: Where units stand.
            start: Place of the first replication.
            alone: Gets nodes that go alone: the place of the replication, the node and its parts.

        Returns:
            Whether a mean met a part that is not above 0, shape (n,).
        """
        means, floor = self.means[some[0]], self.floors[some[0]]
        kinds = sorted(set(means.tolist()))
        refused = np.zeros(some.size, dtype=bool)
        for mean in kinds:
            rows = ALL if len(kinds) == 1 else np.flatnonzero(means[self.level.parent] == mean)
            own = parts[:, rows]
            if mean != ARITHMETIC and not floor > 0:
                there = None if present is None else present[..., rows, :]
                refused |= self._set_apart(some, own, there, rows, lanes, start, alone)
            elif mean != ARITHMETIC:
                np.fmax(own, _everywhere(float(floor), own.shape[1:]), out=own)
            if mean == GEOMETRIC:
                np.log(own, out=own)
            elif mean == HARMONIC:
                np.divide(np.float32(1.0), own, out=own)
            if rows is not ALL:
                parts[:, rows] = own
        return refused

    def _set_apart(
        self,
        some: Ints,
        own: Singles,
        present: Singles | None,
        rows: Rows,
        lanes: Lanes,
        start: int,
        alone: list[tuple[int, int, Singles]],
    ) -> Bools:
        """Nodes with a part whose logarithm or reciprocal is not finite, for no floor holds it above 0.

        Args:
            some: Numbers of the replications.
            own: Parts of some members, changed in place: above 0.
            present: Which of them are there.
            rows: Which members.
            lanes: Where units stand.
            start: Place of the first replication.
            alone: Gets the nodes and their parts.

        Returns:
            Whether a part that counts is not above 0, and no floor is given, shape (n,).
        """
        if present is not None:
            own[np.broadcast_to(present == 0, own.shape)] = 1.0
        own[..., lanes.spare] = 1.0
        wrong = own.min(axis=2) <= 0
        if not wrong.any():
            return np.zeros(some.size, dtype=bool)
        np.maximum(own, np.float32(0.0), out=own)
        parents = self.level.parent[rows]
        for at in np.flatnonzero(wrong.any(axis=1)).tolist():
            for node in np.unique(parents[wrong[at]]).tolist():
                raw = own[at, parents == node]
                if present is not None:
                    raw[np.broadcast_to(present, own.shape)[at, parents == node] == 0] = np.nan
                alone.append((start + at, node, raw))
        np.maximum(own, np.float32(1e-30), out=own)  # whose reciprocals have a sum
        counts: Bools = (wrong & self.alive[some][:, rows]).any(axis=1) & ~np.isfinite(self.floors[some])
        return counts


def _with_gaps(values: Singles, present: Singles | None, columns: Ints) -> Singles:
    """Scores of some indicators, NaN where there is none, shape (n, n_columns, n_lanes)."""
    found = values[:, columns]
    if present is not None:
        found[np.broadcast_to(present[..., columns, :] == 0, found.shape)] = np.nan
    return found


def _lacking(scores: Singles, lanes: Lanes) -> Bools:
    """Whether a unit lacks a score, shape (n, n_rows), of scores of shape (n, n_rows, n_lanes)."""
    scores[..., lanes.spare] = 1.0
    lacking: Bools = np.isnan(scores.min(axis=2))
    return lacking


def _in_row(places: Ints) -> Rows:
    """The same places, as a slice where they follow each other, which NumPy copies at once."""
    return slice(int(places[0]), int(places[-1]) + 1) if (np.diff(places) == 1).all() else places


@lru_cache(maxsize=16)
def _everywhere(value: float, shape: tuple[int, ...]) -> Singles:
    """A number everywhere: NumPy compares arrays several times as fast as an array and a number."""
    return np.full(shape, value, dtype=np.float32)


def _alone(parts: Singles, weights: Singles, mean: int) -> Singles:
    """A node's score where a logarithm or reciprocal is not finite, which no product of matrices allows for."""
    picked = np.flatnonzero(weights)
    if not picked.size:
        return np.full(parts.shape[1], np.nan, dtype=np.float32)
    own, shares = [parts[member].astype(np.float64) for member in picked], weights[picked].astype(np.float64).tolist()
    return weighted_mean(own, shares, "geometric" if mean == GEOMETRIC else "harmonic").astype(np.float32)
