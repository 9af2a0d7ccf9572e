"""The kernel in NumPy alone, for machines without a compiler: the same answers, not the same bits, and slower.

What belongs here: one replication at a time, all indicators and cities at once, in single precision. What does not:
the compiled loops (`kernel.py`).

Whatever does not depend on the errors is worked out once for a table of values and a set of scales (`Scaled`); a
replication is passes over arrays that stay in the processor's second cache. A level of the tree is a few products of
matrices: weights of some nodes' children by what the children score. A node that meets a part whose logarithm or
reciprocal is not finite goes alone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np

from ssc_index.aggregate import weighted_mean
from ssc_index.impute import Centre, fill_by_group
from ssc_index.steps.state import Bools, Ints
from ssc_index.uncertainty import draws
from ssc_index.uncertainty.prepared import Fills, Laid, Prepared, Singles
from ssc_index.values import Floats

GOALPOSTS, MINMAX, ZSCORE, NONE = 0, 1, 2, 3
SQRT, GAP = 1, 2
ARITHMETIC, GEOMETRIC, HARMONIC = 0, 1, 2
AT_ONCE = 32  # tiles of errors that are drawn at once: more do not stay in the processor's second cache
TOGETHER = 8  # nodes of one product: with more of them most of its matrix is zeros, with fewer the calls cost more
LEAST = np.finfo(np.float32).min
ALL = slice(None)
CENTRES: tuple[Centre, ...] = ("mean", "median")
Rows = slice | Ints


def compute_scores(prepared: Prepared, laid: Laid, order: Ints, scores: Singles, status: Ints) -> None:
    """Fill scores and status as `kernel.compute_scores` does.

    Args:
        prepared: The case.
        laid: The replications.
        order: In which order they are computed: it changes speed, no number.
        scores: Filled, shape (n_kept, n, n_lanes).
        status: Filled, shape (n,).
    """
    n_units = prepared.n_units
    rules = [Rules.of(level, prepared, laid) for level in _levels(prepared)]
    errors = Errors(n_units, prepared.tables.shape[2]) if prepared.disturbs else None
    above = np.empty((len(prepared.start) - 1, n_units), dtype=np.float32)
    at, scaled = (-1, -1), None
    for r in order.tolist():
        if scaled is None or at != (laid.table_of[r], laid.scale_of[r]):
            at = int(laid.table_of[r]), int(laid.scale_of[r])
            scaled = _scaled(prepared, *at)
        values, present, stuck = _normalised(scaled, errors, laid.noise[r])
        if present is not None and prepared.fills.grouping.size:
            present = _imputed(prepared.fills, *at, values, present)
        status[r] |= stuck
        for one in rules:
            refused = one.fill(r, *one.level.parts(values, present, above), above)
            status[r] |= 2 * refused
        scores[:, r, :n_units] = above[prepared.wanted]


@cache
def _polar() -> tuple[Singles, Singles, Singles]:
    """Radii, cosines and sines in single precision."""
    radii, cosines, sines = (one.astype(np.float32) for one in draws.polar())
    return radii, cosines, sines


class Errors:
    """Values with their errors, one replication after another; the errors are those of `draws.normals`.

    Attributes:
        values: Filled, shape (n_indicators, n_units); the next replication writes over them.
    """

    def __init__(self, n_units: int, n_indicators: int) -> None:
        self._tiles = tiles = draws.Tiles.of(n_units, n_indicators)
        self._once = min(tiles.count, max(AT_ONCE // tiles.pieces, 1) * tiles.pieces)
        self._words, self._part = np.empty((2, self._once * tiles.cells // 4), dtype=np.uint64)
        half = self._once, tiles.cells // 2
        self._radius, self._turned, self._turn = np.empty(half, "f4"), np.empty(half, "f4"), np.empty(half, np.intp)
        self._drawn = np.empty((half[0], 2, half[1]), dtype=np.float32)
        self.values = np.empty((n_indicators, n_units), dtype=np.float32)

    def add(self, scaled: Scaled, start: np.uint64) -> None:
        """Fill values: those given, with errors from a start, some indicators at once."""
        tiles = self._tiles
        for first in range(0, tiles.count, self._once):
            count = min(self._once, tiles.count - first)
            columns = self._draw(start, first, count).reshape(count // tiles.pieces * tiles.abreast, -1)
            rows = slice(first // tiles.pieces * tiles.abreast, (first + count) // tiles.pieces * tiles.abreast)
            values = self.values[rows]
            np.multiply(columns[: len(values), : values.shape[1]], scaled.deviations[rows], out=values)
            values += scaled.values[rows]
            scaled.hold(values, rows)

    def _draw(self, start: np.uint64, first: int, count: int) -> Singles:
        """Errors of some tiles, shape (count, 2, half a tile)."""
        size = count * self._tiles.cells // 4
        draws.words(draws.further(start, first * self._tiles.cells // 4), self._words[:size], self._part[:size])
        halves = self._words[:size].astype("<u8", copy=False).view("<u2").reshape(count, -1)
        radius, turned, drawn = self._radius[:count], self._turned[:count], self._drawn[:count]
        turn = self._turn[:count]
        radii, cosines, sines = _polar()
        radii.take(halves[:, 1::2], out=radius, mode="wrap")  # no place is beyond a table; without it NumPy looks
        turn[:] = halves[:, ::2]
        for place, table in enumerate((cosines, sines)):
            table.take(turn, out=turned, mode="wrap")
            np.multiply(turned, radius, out=drawn[:, place])
        return drawn


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

    Where a scale is one line whatever the errors, values, deviations and ends are scores already.

    Attributes:
        values: Shape (n_indicators, n_units). A missing one is 0, which adds nothing to a sum, or NaN where a scale
            looks at the least and most, or has a transform.
        deviations: Standard deviations, same shape.
        low: What each may not fall below, same shape; None where none can.
        high: What each may not pass.
        present: 1 where there is a value, 0 elsewhere, same shape; None where all are there.
        scales: What is left to do.
    """

    values: Singles
    deviations: Singles
    low: Singles | None
    high: Singles | None
    present: Singles | None
    scales: tuple[Scale, ...]

    def hold(self, values: Singles, rows: slice) -> None:
        """Hold values of some indicators within their ends."""
        with np.errstate(invalid="ignore"):
            if self.low is not None:
                np.maximum(values, self.low[rows], out=values)
            if self.high is not None:
                np.minimum(values, self.high[rows], out=values)


def _scaled(prepared: Prepared, table: int, scale: int) -> Scaled:
    """Lay out a table for a set of scales; −1 is none."""
    given = prepared.tables[0, table, :, : prepared.n_units]
    there = ~np.isnan(given)
    present = None if there.all() else there.astype(np.float32)
    if scale < 0:
        nothing = np.empty((0, 0), dtype=np.float32)
        return Scaled(np.where(there, given, np.float32(0.0)), nothing, None, None, present, ())
    kinds, numbers = prepared.kinds[scale], prepared.numbers[scale]
    transforms = np.where(kinds == NONE, 0, prepared.transforms)
    straight = (kinds == GOALPOSTS) & (transforms == 0)
    values = np.where(there, given, 0.0).astype(np.float64)
    deviations = np.where(there, prepared.deviations[table, :, : prepared.n_units], 0.0)
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
    for part in (values, low, high):
        part[~there] = 0.0
    values[~there & ((kinds == MINMAX) | (transforms > 0))[:, None]] = np.nan
    keys = kinds * 4 + transforms
    busy = np.unique(keys[relative | (transforms > 0)]).tolist()
    picked = [ALL if (keys == key).all() else np.flatnonzero(keys == key) for key in busy]
    return Scaled(
        values.astype(np.float32),
        (deviations * slope).astype(np.float32),
        None if np.isneginf(low).all() else low.astype(np.float32),
        None if np.isposinf(high).all() else high.astype(np.float32),
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


def _normalised(scaled: Scaled, errors: Errors | None, start: np.uint64) -> tuple[Singles, Singles | None, bool]:
    """Scores of the indicators, where there are any (`Scaled.present`), and whether an indicator is stuck.

    An indicator is stuck where all of its values are equal and that is an error.
    """
    if errors is None:
        return scaled.values.copy(), scaled.present, False
    values, present, stuck = errors.values, scaled.present, False
    if start:
        errors.add(scaled, start)
    else:
        values[:] = scaled.values
        scaled.hold(values, ALL)
    for scale in scaled.scales:
        own = values[scale.rows]
        lost = _rescale(own, scale)
        if scale.transform == SQRT or lost.any():
            known = ~np.isnan(own) if present is None else ~np.isnan(own) & (present[scale.rows] > 0)
            clip, middle = scale.numbers[6, :, 0], scale.numbers[7, :, 0]
            gone = lost & np.isnan(middle)
            stuck |= bool((gone & known.any(axis=1) & (clip < 0)).any())
            own[lost] = middle[lost, None]
            known[gone] = False
            present = np.ones_like(values) if present is None else present.copy()
            present[scale.rows] = known
        if scale.rows is not ALL:
            values[scale.rows] = own
    return values, present, stuck


def _imputed(fills: Fills, table: int, scale: int, values: Singles, present: Singles) -> Singles | None:
    """Fill scores that are missing, in place; which are there then, None where all are."""
    scores = np.where(present > 0, values, np.float32(np.nan)).T.astype(np.float64)
    for centres, grouping in zip(fills.centres[scale], fills.grouping[scale].tolist(), strict=True):
        for number, centre in enumerate(CENTRES):
            wanted = np.broadcast_to(centres == number, scores.shape)
            if wanted.any():
                scores, _ = fill_by_group(scores, fills.groups(table, grouping), centre, wanted)
    there = ~np.isnan(scores.T)
    values[:] = np.where(there, scores.T, 0.0)
    return None if there.all() else there.astype(np.float32)


def _rescale(values: Singles, scale: Scale) -> Bools:
    """Values with their errors, to scores, in place; which indicators have none, for all of their values are equal."""
    low, high, first, second, target, sign, clip, _ = scale.numbers
    none = np.zeros(len(values), dtype=bool)
    with np.errstate(invalid="ignore", divide="ignore"):  # the square root of less than nothing is missing
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
        least, most = np.fmin.reduce(values, axis=1)[:, None], np.fmax.reduce(values, axis=1)[:, None]
        varies = least < most  # values that are all equal stay numbers, so that one sees which are there
        slope = np.where(varies, sign * (second - first) / (most - least), 0.0)
        _lay_on_line(values, np.where(sign > 0, least, most), slope, first)
        lost: Bools = ~varies[:, 0]
        return lost


def _lay_on_line(values: Singles, from_: Singles | Floats, slope: Singles | Floats, to: Singles) -> None:
    """``to + (value − from) · slope`` in place."""
    values -= from_.astype(np.float32)
    values *= slope.astype(np.float32)
    values += to


def _standardise(values: Singles, scale: Scale) -> Bools:
    """Values to z-scores, in place; which indicators have none, for all of their values are equal."""
    _, _, mean, deviation, _, sign, _, _ = scale.numbers
    own, counts = values, scale.counts
    if scale.transform:  # they have not been centred, and those that are missing are no numbers
        there = ~np.isnan(values)
        counts = there.sum(axis=1).astype(np.float64)
        own = np.where(there, values, np.float32(0.0))
        values -= (own.sum(axis=1, dtype=np.float64) / counts).astype(np.float32)[:, None]
        own = np.where(there, values, np.float32(0.0))
    total = (own @ np.ones(own.shape[1], dtype=np.float32)).astype(np.float64)
    squares = np.einsum("ij,ij->i", own, own).astype(np.float64)
    centre, spread = total / counts, squares - total * total / counts
    lost = np.zeros(len(own), dtype=bool)
    for row in np.flatnonzero(~(spread > 1e-4 * squares)).tolist():  # all equal, or all but equal
        part = own[row, own[row] != 0].astype(np.float64)
        lost[row] = not (part.size and (part.min() < part.max() or part.size < counts[row]))
        spread[row] = max(np.square(part - centre[row]).sum() + (counts[row] - part.size) * centre[row] ** 2, 1e-30)
    slope = sign * deviation / np.sqrt(spread / (counts - 1.0))[:, None].astype(np.float32)
    _lay_on_line(values, centre[:, None], slope, mean)
    return lost


@dataclass(frozen=True)
class Level:
    """Nodes above the indicators, none beneath another.

    Attributes:
        nodes: Their numbers.
        members: Places of their children in `Prepared.family`, one family after the other.
        parent: Place in ``nodes`` of each member's parent.
        source: Row of each member: an indicator's column, or after them the number of a node.
        in_row: Whether the members are indicators, and follow each other.
        n_leaves: Number of indicators.
        blocks: Nodes and members whose product is computed at once.
    """

    nodes: Ints
    members: Ints
    parent: Ints
    source: Ints
    in_row: bool
    n_leaves: int
    blocks: tuple[tuple[slice, slice], ...]

    def parts(self, values: Singles, present: Singles | None, above: Singles) -> tuple[Singles, Singles | None]:
        """Scores of the members, to be written over, and which of them are there; None where all are."""
        if self.in_row:
            rows = slice(int(self.source[0]), int(self.source[-1]) + 1)
            return values[rows], None if present is None else present[rows]
        leaf = self.source < self.n_leaves
        if leaf.any():
            found = np.empty((self.source.size, values.shape[1]), dtype=np.float32)
            found[leaf], found[~leaf] = values[self.source[leaf]], above[self.source[~leaf] - self.n_leaves]
        else:
            found = above[self.source - self.n_leaves]
        there = ~np.isnan(found)
        if present is not None:
            there[leaf] &= present[self.source[leaf]] > 0
        return found, None if there.all() else there.astype(np.float32)

    def product(self, weights: Singles, parts: Singles) -> Singles:
        """Sum of the members of each node, times their weights, shape (n_nodes, n_units)."""
        matrix = np.zeros((self.nodes.size, self.members.size), dtype=np.float32)
        matrix[self.parent, np.arange(self.members.size)] = weights
        found = np.empty((self.nodes.size, parts.shape[1]), dtype=np.float32)
        for nodes, members in self.blocks:
            np.matmul(matrix[nodes, members], parts[members], out=found[nodes])
        return found


def _levels(prepared: Prepared) -> list[Level]:
    """Nodes above the indicators by level from below: each beneath none of its own level or of one before."""
    n_above, n_leaves = len(prepared.start) - 1, prepared.tables.shape[2]
    height = np.zeros(n_above, dtype=np.int64)
    for place in range(n_above):
        codes = prepared.family[prepared.start[place] : prepared.start[place + 1]]
        height[place] = max((height[-1 - code] + 1 for code in codes.tolist() if code < 0), default=0)
    found = []
    for one in range(height.max() + 1):
        nodes = np.flatnonzero(height == one)
        sizes = np.diff(prepared.start)[nodes]
        members = np.concatenate([np.arange(prepared.start[node], prepared.start[node + 1]) for node in nodes])
        codes = prepared.family[members]
        source = np.where(codes < 0, n_leaves - 1 - codes, codes)
        in_row = bool((codes >= 0).all() and (np.diff(source) == 1).all())
        ends, cuts = [0, *np.cumsum(sizes).tolist()], [*range(0, nodes.size, TOGETHER), nodes.size]
        blocks = tuple((slice(a, b), slice(ends[a], ends[b])) for a, b in itertools.pairwise(cuts))
        parent = np.repeat(np.arange(nodes.size), sizes)
        found.append(Level(nodes, members, parent, source, in_row, n_leaves, blocks))
    return found


@dataclass(frozen=True)
class Rules:
    """How the nodes of a level are computed in each replication; the first axis is the replication.

    Attributes:
        level: The level.
        means: Mean of each node, shape (n, n_nodes).
        floors: Scores below it are raised to it, shape (n,); −∞ is none.
        weights: Weight of each member, 0 where it is left out, shape (n, n_members).
        shares: The same, as shares of their sum.
        alive: Whether it counts, same shape.
        need: How many of them must be there, shape (n, n_nodes).
        bare: Whether the node has no score, whatever is there.
    """

    level: Level
    means: Ints
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
        return cls(level, means, floors, weights, shares, alive, need, bare)

    def fill(self, r: int, parts: Singles, present: Singles | None, above: Singles) -> bool:
        """Fill the level's rows of ``above`` for a replication.

        Args:
            r: Number of the replication.
            parts: Scores of the members, written over.
            present: Which are there; None where all are.
            above: Scores of all nodes, shape (n_above, n_units).

        Returns:
            Whether a mean met a part that is not above 0.
        """
        level, means = self.level, self.means[r]
        kinds = sorted(set(means.tolist()))
        alone: list[tuple[int, Singles]] = []
        refused = False
        for mean in kinds:
            rows = ALL if len(kinds) == 1 else np.flatnonzero(means[level.parent] == mean)
            own = parts[rows]
            if mean != ARITHMETIC and not self.floors[r] > 0:
                refused |= self._set_apart(r, own, None if present is None else present[rows], rows, alone)
            elif mean != ARITHMETIC or present is not None:
                np.fmax(own, self.floors[r] if mean != ARITHMETIC else LEAST, out=own)  # missing ones become numbers
            if mean == GEOMETRIC:
                np.log(own, out=own)
            elif mean == HARMONIC:
                np.reciprocal(own, out=own)
            if rows is not ALL:
                parts[rows] = own
        if present is None:
            found = level.product(self.shares[r], parts)
        else:
            parts *= present
            found, bottom = level.product(self.weights[r], parts), level.product(self.weights[r], present)
            bottom[bottom <= 0] = np.nan
            found /= bottom
        for mean, back in ((GEOMETRIC, np.exp), (HARMONIC, np.reciprocal)):
            if mean in kinds:
                rows = ALL if len(kinds) == 1 else np.flatnonzero(means == mean)
                with np.errstate(divide="ignore"):  # a node without weights, which is bare
                    found[rows] = back(found[rows])
        for node, raw in alone:
            found[node] = _alone(raw, self.weights[r, level.parent == node], int(means[node]))
        if present is not None and self.need[r].max() > 1:
            found[level.product(self.alive[r].astype(np.float32), present) < self.need[r][:, None]] = np.nan
        if self.bare[r].any():
            found[self.bare[r]] = np.nan
        above[level.nodes] = found
        return refused

    def _set_apart(
        self, r: int, own: Singles, present: Singles | None, rows: Rows, alone: list[tuple[int, Singles]]
    ) -> bool:
        """Nodes with a part whose logarithm or reciprocal is not finite, for no floor holds it above 0.

        Args:
            r: Number of the replication.
            own: Parts of some members, changed in place: above 0.
            present: Which of them are there.
            rows: Which members.
            alone: Gets the nodes and their parts.

        Returns:
            Whether a part that counts is not above 0, and no floor is given.
        """
        if present is not None:
            own[present == 0] = 1.0
        wrong = own.min(axis=1) <= 0
        if not wrong.any():
            return False
        np.maximum(own, np.float32(0.0), out=own)
        parents = self.level.parent[rows]
        for node in np.unique(parents[wrong]).tolist():
            raw = own[parents == node]
            if present is not None:
                raw[present[parents == node] == 0] = np.nan
            alone.append((node, raw))
        np.maximum(own, np.finfo(np.float32).tiny, out=own)
        return bool((wrong & self.alive[r][rows]).any()) and not np.isfinite(self.floors[r])


def _alone(parts: Singles, weights: Singles, mean: int) -> Singles:
    """A node's score where a logarithm or reciprocal is not finite, which no product of matrices allows for."""
    picked = np.flatnonzero(weights)
    if not picked.size:
        return np.full(parts.shape[1], np.nan, dtype=np.float32)
    own, shares = [parts[member].astype(np.float64) for member in picked], weights[picked].astype(np.float64).tolist()
    if mean == GEOMETRIC:
        return weighted_mean(own, shares, "geometric").astype(np.float32)
    with np.errstate(divide="ignore"):
        return (1.0 / weighted_mean([1.0 / part for part in own], shares)).astype(np.float32)
