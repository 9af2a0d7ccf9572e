"""Step *aggregate*: one score of a node from the scores of its children, row by row.

What belongs here: what a row's score needs of that row only: weighted means over what is present, median, minimum,
ordered weighted average. What does not: scores that depend on the other rows (`aggregate_cohort.py`,
`outranking.py`, `benefit_of_doubt.py`), the walk up the tree and the choice at each node (`steps/aggregate.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index import elementary
from ssc_index.values import Floats

Mean = Literal["arithmetic", "geometric", "harmonic"]
AT_CUTOFF = 1e-9  # rounding of shares that meet a cutoff
SMALL = 2.0**-600  # brings sums of scores that are too great back within the range of numbers
LARGEST_TOTAL = 2**60  # sums of whole weights, doubled, must fit in 64 bits


def weighted_mean(
    parts: Sequence[Floats], weights: Sequence[float], mean: Mean = "arithmetic", min_coverage: float = 0.0
) -> Floats:
    """Weighted mean of a node's children, weights renormalised over what is present.

    Arithmetic ``Σ w x / Σ w``, geometric ``exp(Σ w ln x / Σ w)``, harmonic ``Σ w / Σ (w / x)``, over the children
    that are there. Sums run child by child in the order given, so that a row's result does not depend on the other
    rows. The result lies between the smallest and the largest part, to the last bit. A geometric or harmonic mean
    with a part of 0 and a weight is 0; whether that may happen is decided before (`refused`).

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing; never negative for the geometric and the
            harmonic mean.
        weights: Weight of each child, 0 or more.
        mean: ``arithmetic``, ``geometric`` or ``harmonic``.
        min_coverage: Least share of the children that must be present; a child of weight 0 counts.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    Source: OECD/JRC Handbook (2008), step 6; threshold as in COINr (``dat_thresh``).

    >>> weighted_mean([np.array([80.0, np.nan]), np.array([20.0, 20.0])], [3.0, 1.0])
    array([65., 20.])
    >>> weighted_mean([np.array([80.0, np.nan]), np.array([20.0, 20.0])], [1.0, 1.0], "geometric", 0.6)
    array([40., nan])
    """
    rows = parts[0].shape[0]
    if len(parts) == 1 and weights[0] > 0:
        return np.array(parts[0])  # every mean of one score is that score
    total, weight, count = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    smallest, largest = np.full(rows, np.inf), np.full(rows, -np.inf)
    for part, own in zip(parts, weights, strict=True):
        present = part == part
        part = np.ascontiguousarray(part)  # one code path of the logarithm, so one result
        if own > 0:
            term = {"arithmetic": _same, "geometric": _log, "harmonic": _inverse}[mean](part)
            with np.errstate(over="ignore"):  # looked for below
                total += np.where(present, own * term, 0.0)
            weight += own * present
        count += present
        np.fmin(smallest, part, out=smallest)
        np.fmax(largest, part, out=largest)
    known = (weight > 0) & _enough(count, len(parts), min_coverage)
    result = np.full(rows, np.nan)
    if mean == "harmonic":
        np.divide(weight, total, out=result, where=known)
    else:
        np.divide(total, weight, out=result, where=known)
    if mean == "geometric":
        result = elementary.exp(result)
    bounded: Floats = np.clip(result, smallest, largest)
    if mean == "arithmetic" and (beyond := np.flatnonzero(known & ~np.isfinite(total))).size:
        small = [part[beyond] * SMALL for part in parts]  # a power of two: no bit is lost that could count
        bounded[beyond] = weighted_mean(small, weights, mean, min_coverage) / SMALL
    return bounded


def censored_mean(
    parts: Sequence[Floats],
    weights: Sequence[float],
    cutoff: float,
    scale: tuple[float, float] = (0.0, 1.0),
    min_coverage: float = 0.0,
) -> Floats:
    """Mean of the rows that are deprived in a share of the weights or more; the full mark for the others.

    With the scale ``(a, b)``, ``c = Σ w (b − x) / (b − a) / Σ w`` is the share of the weights in which a row is
    deprived: with parts of a and b alone their weighted count. A row with ``c ≥ cutoff`` has the mean of its parts,
    ``b − (b − a) c``; one below has b. So 1 less the score, on (0, 1), is the censored deprivation score of a unit, and
    its mean over the units their adjusted headcount ratio.

    Args:
        parts: Scores of each child, shape (n_rows,) each, within the scale; NaN is missing.
        weights: Weight of each child, 0 or more.
        cutoff: Least share, above 0, at most 1; a share within 1e-9 of it reaches it, for sums of weights are rounded.
        scale: Scores of full deprivation and of none.
        min_coverage: Least share of the children that must be present.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    Source: Alkire and Foster (2011), Journal of Public Economics 95, 476–487 (dual cutoff).

    >>> censored_mean([np.array([0.0, 0.0]), np.array([1.0, 0.0]), np.array([1.0, 1.0])], [1.0, 1.0, 2.0], 0.5)
    array([1. , 0.5])
    """
    mean = weighted_mean(parts, weights, "arithmetic", min_coverage)
    deprived = (scale[1] - mean) / (scale[1] - scale[0])
    return np.where(deprived < cutoff - AT_CUTOFF, scale[1], mean)


def power_mean(parts: Sequence[Floats], weights: Sequence[float], order: float, min_coverage: float = 0.0) -> Floats:
    """Generalised mean of order p of a node's children: ``(Σ w x^p / Σ w)^(1/p)`` over those that are there.

    It grows with p: −1 is the harmonic, 1 the arithmetic, 2 the quadratic mean; towards 0 it is the geometric. Parts
    are divided by the row's largest (p > 0) or smallest (p < 0) before they are raised, so that nothing overflows.

    Args:
        parts: Scores of each child, shape (n_rows,) each, never negative; NaN is missing. With p < 0 a part of 0 that
            has a weight makes the mean 0.
        weights: Weight of each child, 0 or more.
        order: p, not 0.
        min_coverage: Least share of the children that must be present.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    Source: Hardy, Littlewood and Pólya, Inequalities (1934), 2.2; COINr (``a_genmean``).

    >>> power_mean([np.array([1.0]), np.array([7.0])], [1.0, 1.0], 2.0)
    array([5.])
    """
    table, weight = _present(parts, weights)
    known = _known(parts, weights, min_coverage)
    if order > 0:
        unit = np.max(np.where(weight > 0, table, -np.inf), axis=1)
    else:
        unit = np.min(np.where(weight > 0, table, np.inf), axis=1)
    usable = known & (unit > 0)
    scale = np.where(usable, unit, 1.0)
    total, weights_there = np.zeros(unit.shape), np.zeros(unit.shape)
    for column in range(table.shape[1]):
        own = weight[:, column]
        ratio = np.where((own > 0) & usable, table[:, column] / scale, 1.0)
        total += own * elementary.power(ratio, order)
        weights_there += own
    result = np.full(unit.shape, np.nan)
    np.divide(total, weights_there, out=result, where=known)
    result = np.where(usable, scale * elementary.power(result, 1.0 / order), np.where(known, 0.0, np.nan))
    return _bounded(result, parts)


def weighted_median(parts: Sequence[Floats], weights: Sequence[float], min_coverage: float = 0.0) -> Floats:
    """Weighted median of a node's children: as much weight above it as below.

    Where exactly half of the weight lies at or below a part, the mean of that part and the next; with equal weights
    the ordinary median. Halves are told by whole numbers (`whole_weights`), so that 0.1 + 0.2 is half of 0.6.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Weight of each child, 0 or more; a child of weight 0 has no say.
        min_coverage: Least share of the children that must be present.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    >>> weighted_median([np.array([1.0]), np.array([2.0]), np.array([9.0])], [1.0, 1.0, 2.0])
    array([5.5])
    """
    table = np.column_stack(parts)
    order = np.argsort(table, axis=1, kind="stable")
    ranked = np.take_along_axis(table, order, axis=1)
    weight = np.where(np.isnan(ranked), 0, whole_weights(weights)[order])
    below = 2 * np.cumsum(weight, axis=1)
    total = weight.sum(axis=1, keepdims=True)
    lower = np.take_along_axis(ranked, np.argmax(below >= total, axis=1)[:, None], axis=1)[:, 0]
    upper = np.take_along_axis(ranked, np.argmax(below > total, axis=1)[:, None], axis=1)[:, 0]
    known = _known(parts, weights, min_coverage)
    return np.where(known, np.where(lower == upper, lower, (lower + upper) / 2.0), np.nan)


def weighted_minimum(parts: Sequence[Floats], weights: Sequence[float], min_coverage: float = 0.0) -> Floats:
    """Smallest of a node's children that have a weight.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Weight of each child; only whether it is above 0 counts.
        min_coverage: Least share of the children that must be present.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    >>> weighted_minimum([np.array([3.0]), np.array([2.0]), np.array([1.0])], [1.0, 1.0, 0.0])
    array([2.])
    """
    table, weight = _present(parts, weights)
    least = np.min(np.where(weight > 0, table, np.inf), axis=1)
    return np.where(_known(parts, weights, min_coverage), least, np.nan)


def ordered_average(
    parts: Sequence[Floats],
    weights: Sequence[float],
    by_place: Sequence[float] | None = None,
    power: float = 1.0,
    min_coverage: float = 0.0,
) -> Floats:
    """Ordered weighted average of a node's children: weights go to places, the best part first.

    ``Σ (Q(S_j) − Q(S_{j−1})) x_(j)`` with parts in descending order and ``S_j`` the share of the children's own
    weights that the first j hold. ``Q(r) = r^power``, or the straight lines through the cumulated ``by_place``. With
    equal own weights and all children there, the weights of the places are ``by_place`` themselves; with children
    missing, places are drawn out over those that are left.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Own weight of each child, 0 or more.
        by_place: Weight of each place, the best part's first; as many as children; None takes ``power``.
        power: Above 1 the worse parts count more, below 1 the better ones; 1 is the weighted mean.
        min_coverage: Least share of the children that must be present.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    Source: Yager (1988), IEEE Trans. Syst. Man Cybern. 18; own weights: Yager (1996) and Torra (1997), weighted OWA.

    >>> ordered_average([np.array([10.0]), np.array([30.0])], [1.0, 1.0], [0.25, 0.75])
    array([15.])
    """
    table = np.column_stack(parts)
    order = np.argsort(-table, axis=1, kind="stable")  # missing ones last
    ranked = np.take_along_axis(table, order, axis=1)
    weight = np.where(np.isnan(ranked), 0.0, np.asarray(weights, dtype=np.float64)[order])
    sums = np.cumsum(weight, axis=1)
    known = _known(parts, weights, min_coverage)
    total = np.where(known, sums[:, -1], 1.0)
    shares = np.column_stack([np.zeros(len(table)), np.minimum(sums / total[:, None], 1.0)])
    if by_place is None:
        quantity = elementary.power(shares, power)
    else:
        heights = np.concatenate([[0.0], np.cumsum(by_place)])
        grid = np.arange(heights.size) / (heights.size - 1)
        quantity = np.interp(shares, grid, heights / heights[-1])
    result = np.zeros(len(table))
    for column in range(table.shape[1]):
        step = quantity[:, column + 1] - quantity[:, column]
        result += np.where(weight[:, column] > 0, step * ranked[:, column], 0.0)
    return _bounded(np.where(known, result, np.nan), parts)


def whole_weights(weights: Sequence[float]) -> NDArray[np.int64]:
    """Weights as whole numbers in the same proportions, so that sums of them are equal exactly when they should be.

    A weight is taken as the decimal number that it prints as: 0.1, 0.2 and 0.3 become 1, 2 and 3. Weights that need
    more than 60 bits together (estimates with all their digits, for example) are rounded to that precision.

    >>> whole_weights([0.1, 0.2, 0.3]).tolist()
    [1, 2, 3]
    """
    exact = [Fraction(repr(float(weight))) for weight in weights]
    common = math.lcm(*(one.denominator for one in exact)) if exact else 1
    whole = [int(one * common) for one in exact]
    divisor = math.gcd(*whole) or 1
    whole = [one // divisor for one in whole]
    if sum(whole) > LARGEST_TOTAL:
        total = sum(whole)
        whole = [round(Fraction(one * LARGEST_TOTAL, 2 * total)) for one in whole]
    return np.array(whole, dtype=np.int64)


def refused(parts: Sequence[Floats], min_coverage: float = 0.0, zero: bool = False) -> list[tuple[int, int]]:
    """Find the parts that a mean must refuse: 0 and less, in rows that have enough children.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        min_coverage: Least share of the children that must be present for the row to have a mean at all.
        zero: Whether 0 itself is allowed.

    Returns:
        (row, child) of each part that is refused, child by child.

    >>> refused([np.array([0.0, 0.0]), np.array([20.0, np.nan])], min_coverage=1.0)
    [(0, 0)]
    """
    count = np.sum([~np.isnan(part) for part in parts], axis=0)
    enough = _enough(count, len(parts), min_coverage)
    return [
        (row, child)
        for child, part in enumerate(parts)
        for row in np.flatnonzero(((part < 0) | ((part == 0) & (not zero))) & enough).tolist()
    ]


def taking_part(parts: Sequence[Floats], weights: Sequence[float], min_coverage: float) -> NDArray[np.bool_]:
    """Rows that have enough children for a score, and one with a weight among them, shape (n_rows,)."""
    return _known(parts, weights, min_coverage)


def _present(parts: Sequence[Floats], weights: Sequence[float]) -> tuple[Floats, Floats]:
    """Parts as a table and the weight of each cell: 0 where it is missing."""
    table = np.column_stack(parts).astype(np.float64)
    return table, np.where(np.isnan(table), 0.0, np.asarray(weights, dtype=np.float64))


def _known(parts: Sequence[Floats], weights: Sequence[float], min_coverage: float) -> NDArray[np.bool_]:
    """Rows that have enough children, and one with a weight among them."""
    there = ~np.isnan(np.column_stack(parts))
    weighty = np.asarray((there & (np.asarray(weights) > 0)).any(axis=1), dtype=np.bool_)
    return weighty & _enough(there.sum(axis=1), len(parts), min_coverage)


def _bounded(result: Floats, parts: Sequence[Floats]) -> Floats:
    """Keep rounding from carrying a mean past its smallest or largest part."""
    smallest, largest = np.full(result.shape, np.inf), np.full(result.shape, -np.inf)
    for part in parts:
        np.fmin(smallest, part, out=smallest)
        np.fmax(largest, part, out=largest)
    bounded: Floats = np.clip(result, smallest, largest)
    return bounded


def _enough(count: Floats, children: int, min_coverage: float) -> NDArray[np.bool_]:
    """Rows whose share of children present reaches the threshold."""
    return count / children >= min_coverage


def _same(part: Floats) -> Floats:
    """The part itself."""
    return part


def _inverse(part: Floats) -> Floats:
    """``1 / x`` with ``1 / 0`` = ∞, which makes a mean of 0."""
    with np.errstate(divide="ignore"):
        inverse: Floats = 1.0 / np.abs(part)  # −0 is 0
        return inverse


def _log(part: Floats) -> Floats:
    """Logarithm with ``ln 0`` = −∞, which makes a mean of 0; of less than 0 only in rows that have no mean."""
    return elementary.ln(part)
