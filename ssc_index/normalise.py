"""Step *normalise*: from values in their units to scores on a common scale.

What belongs here: transforms of values, and of each scale two things for a block of columns: the parameters that
it takes from the units, and the formula, so that other units can be put on the same scale. What does not: which
rows form a block (years, the panel) and which indicators take which scale (`steps/normalise.py`).

Every scale reads "more is better": ``sign`` is −1 where less is, 1 elsewhere; goalposts need no sign, because
``low`` scores 0 whatever the direction. All parameters are in the unit of the values.
"""

from __future__ import annotations

import itertools
import math
import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ssc_index import elementary
from ssc_index.rank import ranks_and_counts
from ssc_index.steps.parameters import Ties
from ssc_index.values import Floats

LOGARITHMS = {"ln": elementary.ln, "log10": elementary.log10, "log2": elementary.log2}
TRANSFORMS = "none, ln, log10, log2, sqrt, one of these four of a sum such as ln(x+0.5), or gap_to_target"
OF_A_SUM = re.compile(r"(ln|log10|log2|sqrt)(?:\(x([+-](?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\))?")


@cache
def transform_parts(transform: str) -> tuple[str, float] | None:
    """Read a transform: the function, and what is added to a value before it.

    Args:
        transform: As a framework file has it, small letters without blanks.

    Returns:
        Function and offset; None if it is no transform.

    >>> transform_parts("ln(x+0.5)"), transform_parts("sqrt"), transform_parts("ln(y)")
    (('ln', 0.5), ('sqrt', 0.0), None)
    """
    if transform in ("none", "gap_to_target"):
        return transform, 0.0
    found = OF_A_SUM.fullmatch(transform)
    if found is None or not np.isfinite(float(found[2] or 0.0)):
        return None
    return found[1], float(found[2] or 0.0)


def _parts(transform: str) -> tuple[str, float]:
    """As `transform_parts`, of a transform that a checked framework has."""
    found = transform_parts(transform)
    if found is None:
        raise ValueError(f"no transform {transform!r}; known are {TRANSFORMS}")
    return found


def domain(transform: str) -> str:
    """Values that a transform takes, in words.

    >>> domain("ln"), domain("sqrt(x+2)")
    ('above 0', '-2 or more')
    """
    function, offset = _parts(transform)
    if function in LOGARITHMS:
        return f"above {0.0 - offset:g}"
    return f"{0.0 - offset:g} or more" if function == "sqrt" else "any number"


def outside_domain(values: Floats, transform: str) -> NDArray[np.bool_]:
    """Where a transform has no value: logarithms of 0 and less, ``sqrt`` of less than 0."""
    function, offset = _parts(transform)
    if function in LOGARITHMS:
        return values + offset <= 0
    if function == "sqrt":
        return values + offset < 0
    return np.zeros(values.shape, dtype=bool)


def transform_values(values: Floats, transform: str, target: float | None = None) -> Floats:
    """Apply an indicator's transform, to its values and to its goalposts alike.

    Args:
        values: Shape (n,), in real units, within the domain (`outside_domain`); NaN is missing.
        transform: ``none``, ``ln``, ``log10``, ``log2``, ``sqrt``, one of these four of a sum such as ``ln(x+0.5)``, or
            ``gap_to_target`` (``|value - target|``).
        target: The target of ``gap_to_target``, in real units.

    Returns:
        Transformed values, shape (n,); NaN exactly where ``values`` is NaN.

    Source: Wolf and others (2022), Environmental Performance Index, technical appendix (``ln(x + α)``).

    >>> transform_values(np.array([0.8, 1.5]), "gap_to_target", 1.0)
    array([0.2, 0.5])
    >>> transform_values(np.array([0.0, 7.0]), "log2(x+1)")
    array([0., 3.])
    """
    function, offset = _parts(transform)
    if function == "none":
        return values
    contiguous = np.ascontiguousarray(values)  # one code path of the logarithm, so one result
    if function == "gap_to_target":
        return np.abs(contiguous - np.float64(np.nan if target is None else target))
    found: Floats = (LOGARITHMS | {"sqrt": np.sqrt})[function](contiguous + offset)
    return found


def goalposts(values: Floats, low: Floats, high: Floats, scale: tuple[float, float], clip: bool) -> Floats:
    """Place values on a scale between two goalposts.

    ``a + (b - a) (value - low) / (high - low)``. Where less is better ``low > high`` and the formula holds.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        low: Value that scores ``a``, shape (n_indicators,), transformed alike.
        high: Value that scores ``b``, shape (n_indicators,), transformed alike; never equal to ``low``.
        scale: The scores ``(a, b)``.
        clip: Whether values beyond a goalpost score the same as the goalpost.

    Returns:
        Scores, shape (n, n_indicators); NaN exactly where ``values`` is NaN.

    Source: OECD/JRC Handbook (2008), step 5; UNDP, HDR technical notes; COINr (``n_goalposts``, ``n_scaled``).

    >>> goalposts(np.array([[30.0, 8.0]]), np.array([0.0, 10.0]), np.array([60.0, 0.0]), (0.0, 100.0), True)
    array([[50., 20.]])
    """
    share: Floats = values - low
    share /= high - low
    if clip:
        np.clip(share, 0.0, 1.0, out=share)
    share *= scale[1] - scale[0]
    share += scale[0]
    return share


def worst_and_best(values: Floats, sign: Floats) -> tuple[Floats, Floats]:
    """Worst and best value of each column.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).

    Returns:
        Worst and best, shape (n_indicators,); NaN for a column without values.
    """
    smallest: Floats = np.fmin.reduce(values, axis=0, initial=np.nan)
    largest: Floats = np.fmax.reduce(values, axis=0, initial=np.nan)
    return np.where(sign > 0, smallest, largest), np.where(sign > 0, largest, smallest)


def minmax(values: Floats, worst: Floats, best: Floats, scale: tuple[float, float]) -> Floats:
    """Place values on a scale between a worst and a best one: ``a + (b - a) (x - worst) / (best - worst)``.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        worst: Scores ``a``, shape (n_indicators,).
        best: Scores ``b``; where it equals the worst there is no score.
        scale: The scores ``(a, b)``.

    Returns:
        Scores, shape (n, n_indicators); values that lie beyond (they can only where the two come from other
        units) score beyond.

    Source: OECD/JRC Handbook (2008), step 5; COINr (``n_minmax``, ``n_dist2max``).

    >>> minmax(np.array([[2.0], [6.0], [3.0]]), np.array([6.0]), np.array([2.0]), (0.0, 100.0)).ravel()
    array([100.,   0.,  75.])
    """
    length = np.where(best == worst, np.nan, best - worst)
    share: Floats = values - worst
    share /= length
    beyond = (share < 0) | (share > 1)
    share *= scale[1] - scale[0]
    share += scale[0]
    np.clip(share, *scale, out=share, where=~beyond if beyond.any() else True)  # rounding may miss an end by a bit
    return share


def between(values: Floats, low: Floats, high: Floats, scale: tuple[float, float]) -> Floats:
    """``a + (b - a) (x - low) / (high - low)``; no score where ``high`` equals ``low`` or is missing."""
    length = np.where(high == low, np.nan, high - low)
    return scale[0] + (scale[1] - scale[0]) * ((values - low) / length)


def to_target(
    values: Floats, sign: Floats, worst: Floats, target: Floats, scale: tuple[float, float], clip: bool
) -> Floats:
    """Distance travelled from the worst value to a target: ``a + (b - a) (x - worst) / (target - worst)``.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        worst: Scores ``a``, shape (n_indicators,).
        target: Scores ``b``; there is no score where it is not better than the worst.
        scale: The scores ``(a, b)``.
        clip: Whether values beyond the target score the same as the target.

    Returns:
        Scores, shape (n, n_indicators).

    Source: OECD/JRC Handbook (2008), step 5; COINr (``n_dist2targ``, ``n_dist2ref``).

    >>> args = np.array([1.0]), np.array([2.0]), np.array([6.0])
    >>> to_target(np.array([[2.0], [4.0], [8.0]]), *args, (0.0, 1.0), True).ravel()
    array([0. , 0.5, 1. ])
    """
    reached = np.where(target * sign > worst * sign, target, worst)
    scores = between(values, worst, reached, scale)
    return np.minimum(scores, scale[1]) if clip else scores


def means_and_deviations(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (n - 1) of each column.

    Args:
        values: Shape (n, n_indicators); NaN is missing.

    Returns:
        Means (NaN for a column without values) and deviations (NaN also for one value, or equal ones).
    """
    means, deviations = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    columns = np.ascontiguousarray(values.T)
    there = columns == columns
    ends = np.cumsum(np.count_nonzero(there, axis=1)).tolist()
    known = columns[there]  # column after column
    lows = np.fmin.reduce(values, axis=0, initial=np.nan).tolist()
    highs = np.fmax.reduce(values, axis=0, initial=np.nan).tolist()
    for column, (start, end) in enumerate(itertools.pairwise((0, *ends))):
        if start == end:
            continue
        finite, low, high = known[start:end], lows[column], highs[column]
        unit = elementary.power_of_two_by(max(abs(low), abs(high)))
        finite *= unit
        mean = np.add.reduce(finite) / finite.size
        means[column] = mean / unit
        if low * unit < high * unit:
            finite -= mean
            finite *= finite
            deviations[column] = math.sqrt(np.add.reduce(finite) / (finite.size - 1)) / unit
    return means, deviations


def zscore(values: Floats, sign: Floats, centre: Floats, spread: Floats, mean: float, sd: float) -> Floats:
    """Standardise values: ``mean + sd (x - centre) / spread``, negated where less is better.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        centre: Value that scores the mean, shape (n_indicators,).
        spread: Its unit, shape (n_indicators,); NaN gives no scores.
        mean: Mean of the scores.
        sd: Standard deviation of the scores.

    Returns:
        Scores, shape (n, n_indicators).

    Source: OECD/JRC Handbook (2008), step 5; COINr (``n_zscore``).

    >>> values = np.array([[1.0], [2.0], [3.0]])
    >>> zscore(values, np.array([1.0]), *means_and_deviations(values), 0.0, 1.0).ravel()
    array([-1.,  0.,  1.])
    """
    scores: Floats = values - centre
    scores *= sign
    scores /= spread
    scores *= sd
    scores += mean
    return scores


def fraction_of_best(values: Floats, sign: Floats, best: Floats) -> Floats:
    """Share of the best value: ``x / max``, and ``min / x`` where less is better.

    Args:
        values: Shape (n, n_indicators), 0 or more, above 0 where less is better; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        best: Scores 1, shape (n_indicators,); a maximum of 0 gives no scores.

    Returns:
        Scores above 0 to 1, shape (n, n_indicators).

    Source: OECD/JRC Handbook (2008), step 5 (distance to a reference); COINr (``n_fracmax``) for the maximum.

    >>> fraction_of_best(np.array([[2.0, 2.0], [4.0, 4.0]]), np.array([1.0, -1.0]), np.array([4.0, 2.0]))
    array([[0.5, 1. ],
           [1. , 0.5]])
    """
    top = np.where(best > 0, best, np.nan)
    scores = np.empty_like(values)
    more = sign > 0
    scores[:, more] = values[:, more] / top[more]
    scores[:, ~more] = top[~more] / values[:, ~more]
    return scores


def ranks(values: Floats, sign: Floats, ties: Ties) -> tuple[Floats, list[tuple[Floats, Floats]]]:
    """Rank each column from the worst (1) to the best.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        ties: What equal values get.

    Returns:
        Ranks; and of each column what `distinct` finds, "more is better", from the same sorting.

    >>> ranks(np.array([[5.0], [1.0], [np.nan]]), np.array([-1.0]), "min")[0].ravel()
    array([ 1.,  2., nan])
    """
    ranked, among = np.empty(values.shape, order="F"), []
    for column in range(values.shape[1]):
        ranked[:, column], *found = ranks_and_counts(values[:, column] * sign[column], ties)
        among.append((found[0], found[1]))
    return ranked, among


def ranks_among(values: Floats, others: Floats, counts: Floats, ties: Ties) -> Floats:
    """Rank values among those of other units, as if each stood there in turn.

    A value that some of the others have gets their rank. One that lies between two of them ranks above all that
    are below it, at best as the best of the others does.

    Args:
        values: Shape (n,), "more is better"; NaN is missing.
        others: Distinct values of the others, ascending.
        counts: Units that have each.
        ties: What equal values get.

    Returns:
        Ranks from 1, shape (n,); NaN where ``values`` is NaN, or there are no others.

    >>> ranks_among(np.array([5.0, 6.0, 99.0]), np.array([1.0, 5.0, 7.0]), np.array([1.0, 2.0, 1.0]), "min")
    array([2., 4., 4.])
    """
    if others.size == 0:
        return np.full(values.shape, np.nan)
    at = np.minimum(np.searchsorted(others, values, side="left"), others.size - 1)
    last = np.cumsum(counts)
    rank = {
        "min": last - counts + 1.0,
        "max": last,
        "average": last - (counts - 1.0) / 2.0,
        "dense": np.arange(1.0, others.size + 1.0),
    }[ties]
    return np.where(np.isnan(values), np.nan, rank[at])


def distinct(values: Floats) -> tuple[Floats, Floats]:
    """Distinct values, ascending, and how often each occurs; NaN is left out."""
    return ranks_and_counts(values)[1:]


def percentiles(ranked: Floats, count: Floats, scale: tuple[float, float]) -> Floats:
    """Place units by the share of the others that they rank above: ``(rank - 1) / (n - 1)`` on a scale.

    Args:
        ranked: Ranks from the worst (1), shape (n, n_indicators); NaN is missing.
        count: Units that are ranked, shape (n_indicators,); 1 gives no scores.
        scale: Scores of the worst and the best rank.

    Returns:
        Scores, shape (n, n_indicators).

    Source: COINr (``n_prank``); CDC/ATSDR Social Vulnerability Index (2022), documentation.
    """
    others = np.where(count > 1, count - 1.0, np.nan)
    return scale[0] + (scale[1] - scale[0]) * ((ranked - 1.0) / others)


def categories(values: Floats, sign: Floats, cuts: Floats, scores: tuple[float, ...]) -> Floats:
    """Score by the number of cut points that a value reaches.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        cuts: Cut points from the worst to the best, shape (n_cuts, n_indicators), in the unit of the values. A
            value at a cut point reaches it.
        scores: Of values that reach none, the first, the second …; n_cuts + 1 of them.

    Returns:
        Scores, shape (n, n_indicators); NaN also where a cut is missing.

    Source: OECD/JRC Handbook (2008), step 5 (categorical scales).

    >>> values, cuts = np.array([[1.0], [5.0], [9.0]]), np.array([[5.0], [8.0]])
    >>> categories(values, np.array([1.0]), cuts, (0.0, 50.0, 100.0)).ravel()
    array([  0.,  50., 100.])
    """
    reached = np.zeros(values.shape, dtype=np.intp, order="F")
    for cut in cuts:
        reached += values * sign >= cut * sign
    found = np.asarray(scores)[reached]
    found[np.isnan(values) | np.isnan(cuts).any(axis=0)] = np.nan
    return found


def logistic(
    values: Floats, sign: Floats, centre: Floats, spread: Floats, steepness: float, scale: tuple[float, float]
) -> Floats:
    """An S-shaped scale that extremes cannot leave: ``a + (b - a) / (1 + exp(-k (x - centre) / spread))``.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        centre: Value that scores the middle, shape (n_indicators,).
        spread: Shape (n_indicators,); NaN gives no scores.
        steepness: ``k``.
        scale: The scores ``(a, b)`` that are approached.

    Returns:
        Scores, shape (n, n_indicators).

    Source: Pyle (1999), Data Preparation for Data Mining (softmax scaling, whose λ is 2π / k).

    >>> logistic(np.array([[0.0]]), np.array([1.0]), np.array([0.0]), np.array([1.0]), 1.0, (0.0, 100.0))
    array([[50.]])
    """
    z = (values - centre) * sign / spread
    return scale[0] + (scale[1] - scale[0]) / (1.0 + elementary.exp(-steepness * z))
