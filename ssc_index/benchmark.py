"""U4SSC benchmark scoring, and how a city stands among its peers: plain arrays and numbers.

What belongs here: share of target, points, percentages and bands; spread of a group and a city's place in
it. What does not: targets, edges and bands themselves (the catalogue), consent (`assets`), the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index.rank import COMPILED_FROM, ascending, contiguous_columns, in_parts
from ssc_index.values import Floats

Ints = NDArray[np.int64]
Rule = Literal["value_over_target", "target_over_value", "one_minus_relative_gap", "yes_is_full"]
BelongsTo = Literal["lower", "upper"]
EDGES = (0.33, 0.66, 0.95)
EDGES_BELONG_TO: tuple[BelongsTo, ...] = ("lower", "lower", "lower")
FULL_POINTS = 4
SHARE_DECIMALS = 12


def share_of_target(values: Floats, targets: Floats, rules: Sequence[Rule]) -> Floats:
    """Share of the target that each value reaches; 1 is the target.

    ``value_over_target``: value / target. ``target_over_value``: target / value, 1 where the value is 0 or
    less. ``one_minus_relative_gap``: 1 − |value − target| / |target|, not below 0. ``yes_is_full``: 1 where
    the value is 1 (yes), 0 where it is 0 (no). Only the first is shown in U4SSC reports; the others are the
    catalogue's provisional rules.

    Args:
        values: Reported values, shape (n_cities, n_items), in the items' units; NaN is missing.
        targets: Target of each item, shape (n_items,), same units; NaN is no benchmark.
        rules: Rule of each item.

    Returns:
        Shares, shape (n_cities, n_items), 0 or more; NaN where value or target is missing, and where the rule
        has no share (a target of 0 or less for the first, of 0 for the third).

    Source: U4SSC Factsheet Pully, p. 12 (value over target).

    >>> share_of_target(np.array([[30.0], [57.0]]), np.array([60.0]), ["value_over_target"]).ravel()
    array([0.5 , 0.95])
    """
    shares = np.full(values.shape, np.nan)
    for item, rule in enumerate(rules):
        shares[:, item] = _SHARES[rule](values[:, item], float(targets[item]))
    return shares


def _value_over_target(values: Floats, target: float) -> Floats:
    """The more the better; a negative value reaches nothing."""
    return np.maximum(values / target, 0.0) if target > 0 else np.full(values.shape, np.nan)


def _target_over_value(values: Floats, target: float) -> Floats:
    """The less the better; nothing at all reaches the target, and so does anything up to a target of 0."""
    if np.isnan(target):
        return np.full(values.shape, np.nan)
    shares = np.where(np.isnan(values), np.nan, 1.0)
    np.divide(max(target, 0.0), values, out=shares, where=values > 0)
    return shares


def _one_minus_relative_gap(values: Floats, target: float) -> Floats:
    """The nearer the better."""
    if target == 0 or np.isnan(target):
        return np.full(values.shape, np.nan)
    return np.maximum(1.0 - np.abs(values - target) / abs(target), 0.0)


def _yes_is_full(values: Floats, target: float) -> Floats:
    """Yes (1) or no (0); a target is named so that the item counts as having a benchmark."""
    return np.where(np.isnan(values) | np.isnan(target), np.nan, np.where(values >= 1, 1.0, 0.0))


_SHARES = {
    "value_over_target": _value_over_target,
    "target_over_value": _target_over_value,
    "one_minus_relative_gap": _one_minus_relative_gap,
    "yes_is_full": _yes_is_full,
}


def points(
    shares: Floats,
    edges: Sequence[float] = EDGES,
    belongs_to: Sequence[BelongsTo] = EDGES_BELONG_TO,
) -> Floats:
    """Points by the share of target reached: 1 below the first edge, one more past each.

    A share that lies on an edge belongs to the band that ``belongs_to`` names. Shares are rounded to twelve
    decimals first, so that 39.6 of 60 lies on the edge 0.66 whatever the last bit of the division.

    Args:
        shares: Shares of target, any shape; NaN is not scored.
        edges: Edges between the bands, ascending.
        belongs_to: Band of a share on each edge: ``lower`` or ``upper``.

    Returns:
        Points from 1 to ``len(edges) + 1``, same shape; NaN where not scored.

    Source: U4SSC Verification Report Kristiansund, p. 12; "more than 57.0" of 60 in Factsheet Mashhad, p. 15,
    puts exactly 95 % into the lower band.

    >>> points(np.array([0.0, 0.95, 0.951, np.nan]))
    array([ 1.,  3.,  4., nan])
    """
    rounded = np.round(shares, SHARE_DECIMALS)
    result = np.where(np.isnan(shares), np.nan, 1.0)
    for edge, side in zip(edges, belongs_to, strict=True):
        result += rounded > edge if side == "lower" else rounded >= edge
    return result


def percentage(item_points: Floats, full_points: int = FULL_POINTS) -> Floats:
    """Points reached as a percentage of the points that could be reached, over the items that are scored.

    Args:
        item_points: Points, shape (…, n_items); NaN is not scored and left out.
        full_points: Points of an item that reaches its target.

    Returns:
        Percentages, shape (…,); NaN where no item is scored.

    Source: U4SSC Factsheet Pully, p. 12: 1 + 3 + 4 + 1 = 9 of 16 = 56.25 %.

    >>> float(percentage(np.array([1.0, 3.0, 4.0, 1.0])))
    56.25
    """
    count = (~np.isnan(item_points)).sum(axis=-1)
    total = np.where(np.isnan(item_points), 0.0, item_points).sum(axis=-1)
    reached: Floats = 100.0 * total / np.where(count > 0, full_points * count, np.nan)
    return reached


def band(
    percentages: Floats,
    edges: Sequence[float] = EDGES,
    belongs_to: Sequence[BelongsTo] = EDGES_BELONG_TO,
) -> Ints:
    """Number of the band of each percentage, from 0; −1 where there is none.

    >>> band(np.array([56.25, 75.0, 95.0, np.nan]))
    array([ 1,  2,  2, -1])
    """
    found = points(percentages / 100.0, edges, belongs_to)
    return np.where(np.isnan(found), 0.0, found).astype(np.int64) - 1


@dataclass(frozen=True)
class PeerStatistics:
    """How each group is spread in each item, and where each city stands in its group.

    A group is *suppressed* in an item where fewer than ``minimum`` of its cities have a figure: then every
    number of it is NaN, ``n`` is 0 and ``leader`` is −1. A city without a group has no place.

    Attributes:
        groups: Names of the groups, sorted; first axis of the arrays by group.
        n: Cities with a figure, shape (n_groups, n_items).
        minimum: Smallest figure, shape (n_groups, n_items).
        quartile_1: First quartile, shape (n_groups, n_items).
        median: Median, shape (n_groups, n_items).
        quartile_3: Third quartile, shape (n_groups, n_items).
        maximum: Largest figure, shape (n_groups, n_items).
        leader: Row of the best city, the first of several equals, shape (n_groups, n_items).
        percentile: Share of its peers that a city does better than, equals counted half, 0 to 100, shape
            (n_cities, n_items).
        gap_to_median: Figure less the group's median, in the item's unit, shape (n_cities, n_items).
        gap_to_leader: Figure less the leader's, in the item's unit, shape (n_cities, n_items).
    """

    groups: tuple[str, ...]
    n: Ints
    minimum: Floats
    quartile_1: Floats
    median: Floats
    quartile_3: Floats
    maximum: Floats
    leader: Ints
    percentile: Floats
    gap_to_median: Floats
    gap_to_leader: Floats


def peer_statistics(
    values: Floats,
    labels: Sequence[str | None],
    minimum: int = 5,
    lower_is_better: Sequence[bool] | None = None,
) -> PeerStatistics:
    """Describe each group of cities in each item.

    Quantiles are of type 7: linear between the order statistics, at position ``1 + (n − 1) p`` (the default
    of R and NumPy). The percentile is ``100 (worse + equal / 2) / (n − 1)`` over the group's other cities.

    Args:
        values: Values or scores, shape (n_cities, n_items); NaN is missing.
        labels: Group of each city; None for no group.
        minimum: Fewest cities with a figure for which a group is shown.
        lower_is_better: Whether less is better in an item; None is nowhere.

    Returns:
        The groups and every city's place.

    Source: Hyndman and Fan (1996), The American Statistician 50(4), 361-365, definition 7.

    >>> spread = peer_statistics(np.array([[1.0], [2.0], [3.0], [4.0], [10.0]]), ["a"] * 5)
    >>> spread.quartile_1.item(), spread.leader.item(), spread.percentile.ravel().tolist()
    (2.0, 4, [0.0, 25.0, 50.0, 75.0, 100.0])
    """
    cities, items = values.shape
    groups, numbers = _numbered(labels)
    by_group = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[by_group], np.arange(len(groups) + 1))
    spread = np.full((5, len(groups), items), np.nan)
    count = np.zeros((len(groups), items), dtype=np.int64)
    leader = np.full((len(groups), items), -1, dtype=np.int64)
    lower = np.zeros(items, dtype=bool) if lower_is_better is None else np.asarray(lower_is_better, dtype=bool)
    places = np.empty((3, items, cities))  # a row for each item, cities of a group side by side
    places[:, :, : bounds[0]] = np.nan
    across = np.take(values.T, by_group, axis=1) + 0.0  # no zero is below another
    for number in range(len(groups)):
        side = slice(bounds[number], bounds[number + 1])
        counted = np.count_nonzero(across[:, side] == across[:, side], axis=1)
        shown = np.flatnonzero(counted >= max(minimum, 1))
        if shown.size < items:
            places[:, :, side] = np.nan
        if not shown.size:
            continue
        chosen = slice(None) if shown.size == items else shown
        own, counted, less = across[chosen, side], counted[chosen], lower[chosen]
        count[number, chosen] = counted
        order, ordered = ascending(np.where(own == own, own, np.inf))  # what is missing comes last
        ordered[ordered == np.inf] = np.nan
        spread[:, number, chosen] = five = _five_numbers(ordered, counted)
        signed = np.where(less[:, None], -own, own) if less.any() else own
        best = np.argmax(np.where(own == own, signed, -np.inf), axis=1)
        leader[number, chosen] = by_group[side][best]
        places[0, chosen, side] = _percentiles(ordered, order, counted, less)
        places[1, chosen, side] = own - five[2][:, None]
        places[2, chosen, side] = own - own[np.arange(best.size), best][:, None]
    back = np.empty(cities, dtype=np.int64)
    back[by_group] = np.arange(cities)
    percentile, to_median, to_leader = (np.take(place, back, axis=1).T for place in places)
    low, first, middle, third, high = spread
    return PeerStatistics(groups, count, low, first, middle, third, high, leader, percentile, to_median, to_leader)


def peers_of_blocks(
    values: Floats,
    labels: Sequence[str | None],
    blocks: Sequence[slice],
    minimum: int = 5,
    lower_is_better: Sequence[bool] | None = None,
    compiled: bool | None = None,
) -> list[PeerStatistics]:
    """Describe each group of cities in each item, block by block, as `peer_statistics` does.

    Args:
        values: Values or scores, shape (n_rows, n_items); NaN is missing.
        labels: Group of each row; None for no group.
        blocks: The rows of each block, with a step of 1: the cities of a year, for example.
        minimum: As in `peer_statistics`.
        lower_is_better: As there.
        compiled: Whether the loop runs compiled, on all processors; None decides by the size. Both ways give the same.

    Returns:
        What `peer_statistics` returns for the rows of each block.

    >>> spread, _ = peers_of_blocks(np.array([[1.0], [2.0], [7.0]]), ["a"] * 3, [slice(0, 2), slice(2, 3)], 1)
    >>> spread.median.item(), spread.gap_to_leader.ravel().tolist()
    (1.5, [-1.0, 0.0])
    """
    cells = values.shape[1] * sum(rows.stop - rows.start for rows in blocks)
    if not cells or not (cells >= COMPILED_FROM if compiled is None else compiled):
        return [peer_statistics(values[rows], labels[rows], minimum, lower_is_better) for rows in blocks]
    table = contiguous_columns(values)
    return [_compiled_peers(table, rows.start, labels[rows], minimum, lower_is_better) for rows in blocks]


def _compiled_peers(
    table: Floats, start: int, labels: Sequence[str | None], minimum: int, lower_is_better: Sequence[bool] | None
) -> PeerStatistics:
    """`peer_statistics` of rows from ``start`` on of a table that has a row for each item, by the compiled loop."""
    from ssc_index.compiled_ranks import place_columns

    items, cities = len(table), len(labels)
    groups, numbers = _numbered(labels)
    lower = np.zeros(items, dtype=bool) if lower_is_better is None else np.asarray(lower_is_better, dtype=bool)
    spread = np.full((5, len(groups), items), np.nan)
    count = np.zeros((len(groups), items), dtype=np.int64)
    leader = np.full((len(groups), items), -1, dtype=np.int64)
    places, is_left = np.empty((3, items, cities)), np.zeros(items, dtype=bool)
    found = spread, count, leader, places, is_left
    least = max(minimum, 1)
    in_parts(
        lambda part: place_columns(
            table, table.view(np.int64), part, start, numbers, len(groups), least, lower, *found
        ),
        range(items),
    )
    if is_left.any():
        rest = peer_statistics(table[is_left, start : start + cities].T, labels, minimum, lower[is_left].tolist())
        spread[:, :, is_left] = rest.minimum, rest.quartile_1, rest.median, rest.quartile_3, rest.maximum
        count[:, is_left], leader[:, is_left] = rest.n, rest.leader
        places[:, is_left] = rest.percentile.T, rest.gap_to_median.T, rest.gap_to_leader.T
    percentile, to_median, to_leader = (place.T for place in places)
    low, first, middle, third, high = spread
    return PeerStatistics(groups, count, low, first, middle, third, high, leader, percentile, to_median, to_leader)


def _numbered(labels: Sequence[str | None]) -> tuple[tuple[str, ...], Ints]:
    """Names of the groups, sorted, and the number of each city's; −1 is none."""
    groups = tuple(sorted({label for label in labels if label is not None}))
    number_of: dict[str | None, int] = {None: -1} | {group: number for number, group in enumerate(groups)}
    return groups, np.array([number_of[label] for label in labels], dtype=np.int64)


def _five_numbers(ordered: Floats, count: Ints) -> Floats:
    """Minimum, quartiles and maximum of each row, type 7.

    Args:
        ordered: Figures of each item, ascending, shape (n_items, n_cities); what is missing comes last.
        count: Figures in each row, shape (n_items,), at least 1.

    Returns:
        Shape (5, n_items).
    """
    position = (count - 1) * np.array([0.0, 0.25, 0.5, 0.75, 1.0])[:, np.newaxis]
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, count - 1)
    item = np.arange(count.size)
    low, high = ordered[item, below], ordered[item, above]
    numbers: Floats = low + (position - below) * (high - low)
    return numbers


def _percentiles(ordered: Floats, order: Ints, count: Ints, lower: NDArray[np.bool_]) -> Floats:
    """Share of the others below each figure, equals counted half, row by row; NaN where a city is alone or missing.

    With the mean rank r of equals, counted from 1, ``worse + equal / 2`` is r - 1.
    """
    width = ordered.shape[1]
    height = np.arange(width)
    is_new = np.ones(ordered.shape, dtype=bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=is_new[:, 1:])
    if is_new.all():  # no two equal
        middle: Floats = np.broadcast_to(height * 1.0, ordered.shape)
    else:
        first = np.maximum.accumulate(np.where(is_new, height, 0), axis=1)
        is_last = np.concatenate([is_new[:, 1:], np.ones((count.size, 1), dtype=bool)], axis=1)
        last = np.minimum.accumulate(np.where(is_last, height, width)[:, ::-1], axis=1)[:, ::-1]
        middle = (first + last) / 2.0
    if lower.any():
        middle = np.where(lower[:, None], (count - 1)[:, None] - middle, middle)
    others = np.where(count > 1, count - 1, np.nan)
    shares = np.empty(ordered.shape)
    found = np.where(ordered == ordered, 100.0 * middle / others[:, None], np.nan)
    np.put_along_axis(shares, order, found, axis=1)
    return shares
