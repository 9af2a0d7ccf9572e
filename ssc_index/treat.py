"""Step *treat*: outliers of an indicator, before they stretch a scale.

What belongs here: skewness and kurtosis, the rules that find caps, and the rule in two stages, one column at a
time. What does not: the functions that change a unit (`transform.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ssc_index.transform import UNTREATED, Transform
from ssc_index.values import Floats

Rule = Literal["passes", "winsorised", "transformed", "undefined"]
NO_SPREAD = "has no spread"


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
    # Both statistics know no scale; a power of two changes no bit and keeps the fourth powers finite.
    values = np.ldexp(values, -np.frexp(np.abs(values).max())[1])
    deviation = values - values.mean()
    square = deviation * deviation
    total = square.sum()
    return _type_2(n, total, (square * deviation).sum(), (square * square).sum())


def _type_2(n: int, second: float, third: float, fourth: float) -> tuple[float, float]:
    """The two statistics from the sums of squares, cubes and fourth powers of deviations from the mean."""
    if not second > 0:
        return math.nan, math.nan
    skewness = math.sqrt(n) * third / second**1.5 * math.sqrt(n * (n - 1.0)) / (n - 2.0)
    if n < 4:
        return float(skewness), math.nan
    kurtosis = ((n + 1.0) * (n * fourth / second**2 - 3.0) + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
    return float(skewness), float(kurtosis)


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
    n_high = n_low = 0
    found = skewness_and_kurtosis(values)
    statistics_at = None
    while _fails(found, skew, kurtosis) and n_high + n_low < max_points:
        statistics_at = statistics_at or _statistics_at_caps(values)
        if found[0] >= 0:
            first = int(np.searchsorted(values, values[highest], side="left"))
            highest, n_high = first - 1, values.size - first
        else:
            lowest = n_low = int(np.searchsorted(values, values[lowest], side="right"))
        found = statistics_at(lowest, highest)
    return float(values[lowest]), float(values[highest]), n_high + n_low, found


def _statistics_at_caps(values: Floats) -> Callable[[int, int], tuple[float, float]]:
    """Skewness and kurtosis of sorted values capped at two of them, in a time that does not grow with n.

    Powers of the distances from the middle value are summed outwards once, so that what a cap cuts off never was
    in the sum. The mean lies within one standard deviation of the median, so that little is lost on the way from
    sums about the one to sums about the other.
    """
    n, middle = values.size, values.size // 2
    scaled = np.ldexp(values, -np.frexp(np.abs(values).max())[1])
    distance = scaled - scaled[middle]
    square = distance * distance
    powers = (distance, square, square * distance, square * square)
    upward = [np.cumsum(power[middle:]) for power in powers]
    downward = [np.concatenate([[0.0], np.cumsum(power[:middle][::-1])]) for power in powers]

    def at(lowest: int, highest: int) -> tuple[float, float]:
        if not lowest <= middle <= highest:
            return skewness_and_kurtosis(np.clip(values, values[lowest], values[highest]))
        if values[lowest] == values[highest]:
            return math.nan, math.nan
        low, high = distance[lowest], distance[highest]
        s1, s2, s3, s4 = (
            up[highest - middle] + down[middle - lowest] + lowest * low**power + (n - 1 - highest) * high**power
            for power, up, down in zip((1, 2, 3, 4), upward, downward, strict=True)
        )
        mean = s1 / n
        second = s2 - mean * s1
        third = s3 - 3.0 * mean * s2 + 2.0 * mean * mean * s1
        fourth = s4 - 4.0 * mean * s3 + 6.0 * mean * mean * s2 - 3.0 * mean**3 * s1
        return _type_2(n, second, third, fourth)

    return at


def treat_column(
    values: Floats,
    max_points: int,
    skew: float,
    kurtosis: float,
    second: Callable[[Floats, float], Transform] | None = None,
    on: Literal["original", "winsorised"] = "original",
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

    Returns:
        What is to be done.

    Source: COINr (``Treat``; ``combine_treat`` is ``on = winsorised``).
    """
    before = skewness_and_kurtosis(values)
    if np.isnan(before).any():
        return Treated("undefined", 0, *before)
    if not _fails(before, skew, kurtosis):
        return Treated("passes", 0, *before)
    low, high, points, after = winsorise(values, max_points, skew, kurtosis)
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
