"""Step *treat*: outliers of an indicator, before they stretch a scale.

What belongs here: skewness and kurtosis, the rules that find caps, and the rule in two stages, one column at a
time. What does not: the functions that change a unit (`transform.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index import elementary
from ssc_index.transform import UNTREATED, Transform
from ssc_index.values import Floats

Rule = Literal["passes", "winsorised", "transformed", "undefined"]
Ints = NDArray[np.int64] | int
NO_SPREAD = "has no spread"
AT_ONCE = 96  # steps of a cap that are looked at together, at first
COMPILED_FROM = 200_000  # cells from which the compiled search is worth its compilation


@dataclass(frozen=True)
class Treated:
    """What is to be done to one column.

    Attributes:
        rule: ``passes`` (nothing to do), ``winsorised`` (caps), ``transformed`` (a new unit), or ``undefined``
            (too few or equal values, also once winsorised: the column is left as it was).
        n_points: Cells at a cap.
        skewness: Of the values before.
        kurtosis: Of the values before.
        transform: What does it.
    """

    rule: Rule
    n_points: int
    skewness: float
    kurtosis: float
    transform: Transform = UNTREATED


def skewness_and_kurtosis(values: Floats) -> tuple[float, float]:
    """Sample skewness and excess kurtosis, type 2 (as SAS, SPSS and spreadsheets give them).

    With ``d = x - mean``: ``g1 = sqrt(n) Σd³ / (Σd²)^1.5``, skewness ``= g1 sqrt(n (n-1)) / (n-2)``;
    ``r = n Σd⁴ / (Σd²)²``, kurtosis ``= ((n+1)(r-3) + 6) (n-1) / ((n-2)(n-3))``.

    Args:
        values: Shape (n,), finite; the order decides the last bits, so give them sorted.

    Returns:
        Skewness (NaN below three values) and kurtosis (NaN below four); both NaN where all values are equal.

    Source: Joanes and Gill (1998), The Statistician 47(1), 183-189, G1 and G2.

    >>> skew, kurt = skewness_and_kurtosis(np.array([1.0, 2.0, 3.0, 10.0]))
    >>> round(skew, 6), round(kurt, 6)
    (1.763633, 3.228)
    """
    n = values.size
    if n < 3 or values.min() == values.max():
        return np.nan, np.nan
    scaled = values * elementary.power_of_two_near(values)
    scaled -= _sum(scaled) / n
    square = scaled * scaled
    total = _sum(square)
    scaled *= square
    third = _sum(scaled)
    square *= square
    skewness, kurtosis = _type_2(n, *(np.array([power]) for power in (total, third, _sum(square))))
    return float(skewness[0]), float(kurtosis[0])


def _sum(values: Floats) -> float:
    """The sum, one after the other, as the compiled loop adds."""
    return float(np.add.accumulate(values)[-1]) if values.size else 0.0


def _type_2(n: int, second: Floats, third: Floats, fourth: Floats) -> tuple[Floats, Floats]:
    """The two statistics from the sums of squares, cubes and fourth powers of deviations from the mean; NaN where all
    values are equal.
    """
    second[~(second > 0)] = np.nan
    skewness = third / (second * np.sqrt(second)) * (math.sqrt(n) * math.sqrt(n * (n - 1.0)) / (n - 2.0))
    if n < 4:
        return skewness, np.full(second.shape, np.nan)
    factor = (n - 1.0) / ((n - 2.0) * (n - 3.0))
    kurtosis = ((n + 1.0) * (n * fourth / (second * second) - 3.0) + 6.0) * factor
    return skewness, kurtosis


def winsorise(
    values: Floats, max_points: int, skew: float, kurtosis: float
) -> tuple[float, float, int, tuple[float, float]]:
    """Find the caps that bring a column within the rule.

    While the column fails (``|skewness| >= skew`` and ``kurtosis >= kurtosis``) and fewer than
    ``max_points`` cells stand at a cap, every cell at the maximum (skewness >= 0) or at the minimum moves to
    the next distinct value. Tied cells move together, so that the count may jump past ``max_points``.

    Args:
        values: Shape (n,), finite, sorted.
        max_points: Stop once this many cells stand at a cap.
        skew: Threshold of absolute skewness.
        kurtosis: Threshold of excess kurtosis.

    Returns:
        Lower cap, upper cap, cells at a cap, and (skewness, kurtosis) at the caps.

    Source: COINr (``winsorise``); the rule: European Commission JRC, COIN Tool user's guide (2019).

    >>> winsorise(np.array([1.0, 2, 2, 3, 3, 4, 4, 5, 5, 90]), 5, 2.0, 3.5)[:3]
    (1.0, 5.0, 1)
    """
    lowest, highest = 0, values.size - 1  # the cells that the caps are taken from
    found = skewness_and_kurtosis(values)
    points, at_once, tails = 0, AT_ONCE, None
    while _fails(found, skew, kurtosis) and points < max_points:
        tails = tails or _Tails(values, max_points)
        upper = found[0] >= 0
        steps = tails.steps(lowest, highest, upper, at_once)
        ends: tuple[Ints, Ints] = (lowest, steps) if upper else (steps, highest)
        skewness, excess = tails.statistics(*ends)
        capped = np.asarray(ends[0] + (values.size - 1 - ends[1]))
        goes_on = (skewness >= skew if upper else skewness <= -skew) & (excess >= kurtosis) & (capped < max_points)
        at = min(int(goes_on.argmin()) if not goes_on.all() else goes_on.size, goes_on.size - 1)
        lowest, highest = (lowest, int(steps[at])) if upper else (int(steps[at]), highest)
        points, found = int(capped[at]), (float(skewness[at]), float(excess[at]))
        at_once *= 4
    return float(values[lowest]), float(values[highest]), points, found


def _search(
    values: Floats, max_points: int, skew: float, kurtosis: float
) -> tuple[tuple[float, float], tuple[float, float, int, tuple[float, float]]]:
    """`skewness_and_kurtosis`, and `winsorise` where it has something to do, by the compiled loop."""
    low, high, points, *statistics = _compiled_search()(
        values, elementary.power_of_two_near(values), max_points, skew, kurtosis
    )
    before, after = (statistics[0], statistics[1]), (statistics[2], statistics[3])
    if points < 0:
        return before, winsorise(values, max_points, skew, kurtosis)
    return before, (float(values[low]), float(values[high]), points, after)


@cache
def _compiled_search() -> Callable[..., tuple[int, int, int, float, float, float, float]]:
    """The search for caps, compiled."""
    import numba

    from ssc_index.compiled_treat import search

    loop: Callable[..., tuple[int, int, int, float, float, float, float]] = numba.njit(cache=True)(search)
    return loop


class _Tails:
    """Skewness and kurtosis of sorted values capped at two of them, many caps at once.

    Powers of the distances from the middle value are summed once from the middle outwards, so that what a cap cuts off
    never was in the sum. The mean lies within one standard deviation of the median, so that little is lost on the way
    from sums about the one to sums about the other.
    """

    def __init__(self, values: Floats, max_points: int) -> None:
        n = values.size
        self.values, self.n = values, n
        self.length = length = min(max_points + 1, (n - 1) // 2)  # cells of either tail
        self.changes = np.flatnonzero(values[1:] != values[:-1])  # the next cell has another value
        distance = values * elementary.power_of_two_near(values)
        distance -= distance[n // 2]
        inner = distance[length + 1 : n - length - 1]
        square = inner * inner
        middle = [_sum(inner), _sum(square), _sum(inner * square), _sum(square * square)]
        self.upper, self.lower = _powers(distance[n - length - 1 :]), _powers(distance[: length + 1])
        self.upward = np.cumsum(self.upper, axis=1)
        self.upward += np.array(middle)[:, None]
        self.downward = np.cumsum(self.lower[:, ::-1], axis=1)[:, ::-1]

    def steps(self, lowest: int, highest: int, upper: bool, at_once: int) -> NDArray[np.int64]:
        """Cells that a cap moves to one after the other, the first of many."""
        if lowest > self.length or highest < self.n - 1 - self.length:
            at_once = 1
        if upper:
            end = int(self.changes.searchsorted(highest))
            first = max(int(self.changes.searchsorted(self.n - 1 - self.length)), end - at_once)
            return self.changes[min(first, end - 1) : end][::-1]
        start = int(self.changes.searchsorted(lowest))
        last = min(int(self.changes.searchsorted(self.length)), start + at_once)
        return self.changes[start : max(last, start + 1)] + 1

    def statistics(self, low: Ints, high: Ints) -> tuple[Floats, Floats]:
        """Skewness and kurtosis at caps, where one of the two is many; NaN where both are at one value."""
        n, edge = self.n, self.n - 1 - self.length
        if np.max(low) > self.length or np.min(high) < edge:  # equal cells lead far inwards: a single cap
            values = np.clip(self.values, self.values[low].min(), self.values[high].max())
            skewness, kurtosis = skewness_and_kurtosis(values)
            return np.array([skewness]), np.array([kurtosis])
        first, last = np.atleast_1d(low), np.atleast_1d(high - edge)
        sums = self.upward[:, last] + self.downward[:, first]
        sums += self.lower[:, first] * low
        sums += self.upper[:, last] * (n - 1 - high)
        mean = sums[0] / n
        s2, s3, s4 = sums[1:]
        square = mean * mean
        second = s2 - mean * sums[0]
        third = s3 - mean * (3.0 * s2 - 2.0 * mean * sums[0])
        fourth = s4 - mean * (4.0 * s3) + square * (6.0 * s2 - 3.0 * mean * sums[0])
        second[self.values[low] == self.values[high]] = np.nan
        return _type_2(n, second, third, fourth)


def _powers(distance: Floats) -> Floats:
    """First to fourth powers, a row each."""
    powers = np.empty((4, distance.size))
    powers[0] = distance
    np.multiply(distance, distance, out=powers[1])
    np.multiply(powers[1], distance, out=powers[2])
    np.multiply(powers[1], powers[1], out=powers[3])
    return powers


def treat_column(
    values: Floats,
    max_points: int,
    skew: float,
    kurtosis: float,
    second: Callable[[Floats, float], Transform] | None = None,
    on: Literal["original", "winsorised"] = "original",
    compiled: bool = False,
) -> Treated:
    """Treat one column in two stages: winsorise where the rule fails, then change the unit where it still does.

    The second stage is kept even if the rule still fails after it.

    Args:
        values: Shape (n,), finite, sorted, in real units.
        max_points: Cells at a cap at which winsorisation stops.
        skew: Threshold of absolute skewness.
        kurtosis: Threshold of excess kurtosis.
        second: Finds the second stage's transform in sorted values of a given skewness; None: there is none.
        on: Whether the second stage works on the values as they were, or on the winsorised ones.
        compiled: Whether caps are searched by compiled code; they are the same to the last bit.

    Returns:
        What is to be done.

    Source: COINr (``Treat``; ``combine_treat`` is ``on = winsorised``).
    """
    found = (
        _search(values, max_points, skew, kurtosis)
        if compiled and values.size >= 4 and values[0] < values[-1]
        else None
    )
    before = found[0] if found else skewness_and_kurtosis(values)
    if np.isnan(before).any():
        return Treated("undefined", 0, *before)
    if not _fails(before, skew, kurtosis):
        return Treated("passes", 0, *before)
    low, high, points, after = found[1] if found else winsorise(values, max_points, skew, kurtosis)
    if np.isnan(after).any():
        return Treated("undefined", 0, *before)
    if second is not None and _fails(after, skew, kurtosis):
        if on == "original":
            return Treated("transformed", 0, *before, second(values, before[0]))
        transform = second(np.clip(values, low, high), after[0])
        return Treated("transformed", points, *before, replace(transform, low=low, high=high))
    if points == 0:
        return Treated("passes", 0, *before)
    return Treated("winsorised", points, *before, Transform(low=low, high=high))


def fences(values: Floats, factor: float) -> tuple[float, float]:
    """Caps ``factor`` interquartile ranges below the first quartile and above the third.

    Args:
        values: Shape (n,), finite, sorted, not empty.
        factor: 1.5 are Tukey's inner fences, 3 his outer ones.

    Returns:
        Lower and upper cap.

    Raises:
        ValueError: If the quartiles are equal.

    Source: Tukey (1977), Exploratory Data Analysis, ch. 2; quartiles of type 7 (Hyndman and Fan 1996).

    >>> fences(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), 1.5)
    (-1.0, 7.0)
    """
    first, third = quantiles(values, (0.25, 0.75))
    if first == third:
        raise ValueError(f"{NO_SPREAD}: its quartiles are both {first:g}")
    return first - factor * (third - first), third + factor * (third - first)


def mad_caps(values: Floats, factor: float) -> tuple[float, float]:
    """Caps ``factor`` robust standard deviations from the median: 1.4826 times the median absolute deviation.

    Args:
        values: Shape (n,), finite, sorted, not empty.
        factor: Usually 3.

    Returns:
        Lower and upper cap.

    Raises:
        ValueError: If half of the values or more equal the median.

    Source: Leys et al. (2013), Journal of Experimental Social Psychology 49(4), 764-766.

    >>> [round(cap, 4) for cap in mad_caps(np.array([1.0, 2.0, 3.0, 4.0, 100.0]), 3.0)]
    [-1.4478, 7.4478]
    """
    median = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - median)))
    if deviation == 0:
        raise ValueError(f"{NO_SPREAD}: half of its values or more are {median:g}")
    return median - factor * deviation, median + factor * deviation


def quantiles(values: Floats, shares: Sequence[float]) -> tuple[float, ...]:
    """Quantiles of type 7: linear between the two values next to ``share (n - 1)``.

    Args:
        values: Shape (n,), finite, sorted, not empty.
        shares: Between 0 and 1.

    Returns:
        One quantile per share.

    Source: Hyndman and Fan (1996), The American Statistician 50(4), 361-365.

    >>> quantiles(np.array([10.0, 20.0, 40.0]), (0.0, 0.75, 1.0))
    (10.0, 30.0, 40.0)
    """
    position = np.asarray(shares) * (values.size - 1)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, values.size - 1)
    found = values[below] + (position - below) * (values[above] - values[below])
    return tuple(found.tolist())


def _fails(statistics: tuple[float, float], skew: float, kurtosis: float) -> bool:
    """Whether both statistics reach their thresholds; NaN never does."""
    return abs(statistics[0]) >= skew and statistics[1] >= kurtosis
