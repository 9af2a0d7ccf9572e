"""The loop of `treat` that is compiled: plain Python that Numba translates, and that runs without it.

What belongs here: the search for caps in one sorted column. What does not: anything else; a module of its own so that
the compiled form is kept from run to run.
"""

from __future__ import annotations

import math

import numpy as np

from ssc_index.values import Floats


def search(
    values: Floats, scale: float, max_points: int, skew: float, kurtosis: float
) -> tuple[int, int, int, float, float, float, float]:
    """Find caps by the steps of `treat.winsorise`; the same bits, for sums run in the same order.

    Args:
        values: Shape (n,), finite, sorted, not all equal, n at least 4.
        scale: Power of two by which values are multiplied first.
        max_points: As there.
        skew: As there.
        kurtosis: As there.

    Returns:
        Cell of the lower cap, of the upper cap, cells at a cap, skewness and kurtosis before, and at the caps. The
        count is -1 where equal cells lead so far inwards that the search is none for this loop.
    """
    n = values.size
    one, two = math.sqrt(n) * math.sqrt(n * (n - 1.0)) / (n - 2.0), (n - 1.0) / ((n - 2.0) * (n - 3.0))
    total = 0.0
    for cell in range(n):
        total += values[cell] * scale
    mean = total / n
    second, third, fourth = 0.0, 0.0, 0.0
    for cell in range(n):
        deviation = values[cell] * scale - mean
        square = deviation * deviation
        second += square
        third += square * deviation
        fourth += square * square
    if not second > 0:
        return 0, n - 1, 0, np.nan, np.nan, np.nan, np.nan
    skewness = third / (second * math.sqrt(second)) * one
    excess = ((n + 1.0) * (n * fourth / (second * second) - 3.0) + 6.0) * two
    skewness_before, excess_before = skewness, excess
    lowest, highest, points = 0, n - 1, 0
    if not (abs(skewness) >= skew and excess >= kurtosis and max_points > 0):
        return lowest, highest, points, skewness, excess, skewness, excess
    length = min(max_points + 1, (n - 1) // 2)
    edge = n - 1 - length
    middle = values[n // 2] * scale
    up, down = np.zeros((length + 1, 4)), np.zeros((length + 1, 4))  # sums from the middle to a cell of either tail
    m1, m2, m3, m4 = 0.0, 0.0, 0.0, 0.0
    for cell in range(length + 1, edge):
        distance = values[cell] * scale - middle
        square = distance * distance
        m1 += distance
        m2 += square
        m3 += distance * square
        m4 += square * square
    for tail in range(2):
        sums = up if tail == 0 else down
        s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0
        for step in range(length + 1):
            cell = edge + step if tail == 0 else length - step
            distance = values[cell] * scale - middle
            square = distance * distance
            s1 += distance
            s2 += square
            s3 += square * distance
            s4 += square * square
            place = step if tail == 0 else cell
            sums[place, 0], sums[place, 1], sums[place, 2], sums[place, 3] = s1, s2, s3, s4
    for step in range(length + 1):
        up[step, 0] += m1
        up[step, 1] += m2
        up[step, 2] += m3
        up[step, 3] += m4
    while abs(skewness) >= skew and excess >= kurtosis and points < max_points:
        if skewness >= 0:
            at = values[highest]
            while highest > 0 and values[highest] == at:
                highest -= 1
        else:
            at = values[lowest]
            while lowest < n - 1 and values[lowest] == at:
                lowest += 1
        if lowest > length or highest < edge:
            return lowest, highest, -1, skewness_before, excess_before, np.nan, np.nan
        points = lowest + (n - 1 - highest)
        low, high = values[lowest] * scale - middle, values[highest] * scale - middle
        low_square, high_square = low * low, high * high
        right = highest - edge
        s1 = up[right, 0] + down[lowest, 0] + low * lowest + high * (n - 1 - highest)
        s2 = up[right, 1] + down[lowest, 1] + low_square * lowest + high_square * (n - 1 - highest)
        s3 = up[right, 2] + down[lowest, 2] + low_square * low * lowest + high_square * high * (n - 1 - highest)
        s4 = (
            up[right, 3]
            + down[lowest, 3]
            + low_square * low_square * lowest
            + high_square * high_square * (n - 1 - highest)
        )
        mean = s1 / n
        mean_square = mean * mean
        second = s2 - mean * s1
        third = s3 - mean * (3.0 * s2 - 2.0 * mean * s1)
        fourth = s4 - mean * (4.0 * s3) + mean_square * (6.0 * s2 - 3.0 * mean * s1)
        if values[lowest] == values[highest] or not second > 0:
            skewness, excess = np.nan, np.nan
        else:
            skewness = third / (second * math.sqrt(second)) * one
            excess = ((n + 1.0) * (n * fourth / (second * second) - 3.0) + 6.0) * two
    return lowest, highest, points, skewness_before, excess_before, skewness, excess
