"""Dividing a change among factors: Shapley values over all orders in which the factors could have changed.

What belongs here: the division, of any function of which factors have changed. What does not: that function
(`changes.py`).
"""

from __future__ import annotations

import numpy as np

from ssc_index.steps.state import Bools
from ssc_index.values import Floats


def order_parts(worth: Floats) -> Floats:
    """Divide the change of each row among factors, by the orders in which every step has a value.

    A factor's part is the mean, over the orders, of what its change adds when it comes. With all combinations known
    that is the Shapley value; where some have no value (a city would not be ranked in them), only the orders count
    that pass none of these.

    Args:
        worth: Value of each row by the factors that have changed, shape (n_rows, 2ᵏ): bit j of the column's number
            tells whether factor j has. NaN where there is no value.

    Returns:
        Parts, shape (n_rows, k): they sum to the last column less the first. NaN where no order leads from one to
        the other.

    Source: Shapley (1953); Shorrocks (2013), Journal of Economic Inequality 11, 99-126 (decompositions); Faigle and
    Kern (1992), International Journal of Game Theory 21, 249-266 (the mean over the orders that are possible).

    >>> order_parts(np.array([[10.0, 14.0, 12.0, 20.0]])).tolist()
    [[6.0, 4.0]]
    >>> order_parts(np.array([[10.0, np.nan, 12.0, 20.0]])).tolist()
    [[8.0, 2.0]]
    """
    counts, total = order_counts(~np.isnan(worth))
    known = np.nan_to_num(worth)
    parts = np.zeros((worth.shape[0], worth.shape[1].bit_length() - 1))
    for factor, without, count in counts:
        parts[:, factor] += count * (known[:, without | (1 << factor)] - known[:, without])
    divisor: Floats = np.where(total > 0, total, np.nan)
    return parts / divisor[:, None]


def order_counts(known: Bools) -> tuple[list[tuple[int, int, Floats]], Floats]:
    """Count the possible orders in which a factor comes right after a set of others.

    Args:
        known: Which combinations have a value, shape (n_rows, 2ᵏ).

    Returns:
        ``factor, set before it, orders of each row`` for each factor and set without it; and all possible orders of
        each row, which the counts of a factor sum to.
    """
    n_rows, width = known.shape
    k = width.bit_length() - 1
    into, out = np.zeros((n_rows, width)), np.zeros((n_rows, width))
    into[:, 0], out[:, -1] = known[:, 0], known[:, -1]
    for subset in range(1, width):
        for factor in range(k):
            if subset >> factor & 1:
                into[:, subset] += into[:, subset ^ (1 << factor)]
        into[:, subset] *= known[:, subset]
    for subset in range(width - 2, -1, -1):
        for factor in range(k):
            if not subset >> factor & 1:
                out[:, subset] += out[:, subset | (1 << factor)]
        out[:, subset] *= known[:, subset]
    counts = [
        (factor, subset, into[:, subset] * out[:, subset | (1 << factor)])
        for factor in range(k)
        for subset in range(width)
        if not subset >> factor & 1
    ]
    return counts, into[:, -1]
