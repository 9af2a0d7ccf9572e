"""Step *treat*: outliers of an indicator, found by its skewness and kurtosis.

What belongs here: the two statistics, the rule, winsorisation and the logarithm that follows it, one column
at a time. What does not: transforms that belong to an indicator for good (`normalise.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssc_index.values import Floats

Rule = Literal["passes", "winsorised", "logged", "undefined"]


@dataclass(frozen=True)
class Treated:
    """One column after treatment.

    Attributes:
        values: Shape (n,); NaN exactly where the input is NaN.
        rule: ``passes`` (nothing to do), ``winsorised``, ``logged``, or ``undefined`` (too few or equal
            values, also once winsorised: the column is left as it was).
        n_points: Cells at a cap.
        skewness: Of the values before.
        kurtosis: Of the values before.
        shift: Where logged: ``ln(x - shift)``; NaN otherwise.
    """

    values: Floats
    rule: Rule
    n_points: int
    skewness: float
    kurtosis: float
    shift: float = np.nan


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
    skewness = np.sqrt(n) * (square * deviation).sum() / total**1.5 * np.sqrt(n * (n - 1.0)) / (n - 2.0)
    if n < 4:
        return float(skewness), np.nan
    ratio = n * (square * square).sum() / total**2
    kurtosis = ((n + 1.0) * (ratio - 3.0) + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0))
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
    capped = values.copy()
    n_high = n_low = 0
    found = skewness_and_kurtosis(capped)
    while _fails(found, skew, kurtosis) and n_high + n_low < max_points:
        if found[0] >= 0:
            first = int(np.searchsorted(capped, capped[-1], side="left"))
            capped[first:] = capped[first - 1]
            n_high = capped.size - first
        else:
            n_low = int(np.searchsorted(capped, capped[0], side="right"))
            capped[:n_low] = capped[n_low]
        found = skewness_and_kurtosis(capped)
    return float(capped[0]), float(capped[-1]), n_high + n_low, found


def treat_column(
    values: Floats,
    max_points: int,
    skew: float,
    kurtosis: float,
    log_fallback: bool,
    anchors: tuple[float, ...] = (),
) -> Treated:
    """Treat one column: winsorise where the rule fails, then take a logarithm where it still does.

    The logarithm replaces the winsorised values and starts from the values before:
    ``ln(x - min + 0.01 (max - min))``. It is kept even if the rule still fails. Where the column's goalposts
    will be compared with it, they count among the values whose ``min`` and ``max`` are taken, so that they
    can be put through the same function.

    Args:
        values: Shape (n,), in real units; NaN is missing.
        max_points: Cells at a cap at which winsorisation stops.
        skew: Threshold of absolute skewness.
        kurtosis: Threshold of excess kurtosis.
        log_fallback: Whether a logarithm follows.
        anchors: Goalposts that the logarithm must be able to take.

    Returns:
        The treated column.

    Source: COINr (``Treat``, ``log_CT``).
    """
    finite = np.sort(values[~np.isnan(values)])
    before = skewness_and_kurtosis(finite)
    if np.isnan(before).any():
        return Treated(values, "undefined", 0, *before)
    if not _fails(before, skew, kurtosis):
        return Treated(values, "passes", 0, *before)
    low, high, points, after = winsorise(finite, max_points, skew, kurtosis)
    if np.isnan(after).any():
        return Treated(values, "undefined", 0, *before)
    if log_fallback and _fails(after, skew, kurtosis):
        smallest, largest = min([finite[0], *anchors]), max([finite[-1], *anchors])
        shift = float(smallest - 0.01 * (largest - smallest))
        return Treated(np.log(values - shift), "logged", 0, *before, shift)
    if points == 0:
        return Treated(values, "passes", 0, *before)
    return Treated(np.clip(values, low, high), "winsorised", points, *before)


def _fails(statistics: tuple[float, float], skew: float, kurtosis: float) -> bool:
    """Whether both statistics reach their thresholds; NaN never does."""
    return abs(statistics[0]) >= skew and statistics[1] >= kurtosis
