"""Step *rank*: positions from scores, ties by a stated rule.

What belongs here: ranks of one column. What does not: ranks as a normalisation (`normalise.py` calls this).
"""

from __future__ import annotations

import numpy as np

from ssc_index.steps.parameters import Ties
from ssc_index.values import Floats


def rank_ascending(values: Floats, ties: Ties = "min") -> Floats:
    """Rank values, the smallest first.

    Args:
        values: Shape (n,); NaN is missing and is not counted.
        ties: Rank of equal values: the smallest (``min``), largest (``max``) or mean (``average``) of the
            positions they hold, or the number of distinct values up to theirs (``dense``).

    Returns:
        Ranks from 1, shape (n,); NaN exactly where ``values`` is NaN.

    >>> rank_ascending(np.array([30.0, 10.0, np.nan, 10.0]))
    array([ 3.,  1., nan,  1.])
    """
    return ranks_and_counts(values, ties)[0]


def ranks_and_counts(values: Floats, ties: Ties = "min") -> tuple[Floats, Floats, Floats]:
    """Rank values as `rank_ascending` does; also what they are ranked among, from the same sorting.

    Args:
        values: As there.
        ties: As there.

    Returns:
        Ranks; distinct values, ascending; how often each occurs.

    >>> ranks_and_counts(np.array([30.0, 10.0, np.nan, 10.0]))[1:]
    (array([10., 30.]), array([2., 1.]))
    """
    ranks = np.full(values.shape, np.nan)
    there = np.flatnonzero(values == values)
    known = values[there] + 0.0  # no zero is below another
    order = np.argsort(known)
    ordered = known[order]
    is_first = np.ones(known.size, dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    last = np.append(first[1:], known.size)
    by_group = {
        "min": first + 1.0,
        "max": last * 1.0,
        "average": (first + 1.0 + last) / 2.0,
        "dense": np.arange(1.0, first.size + 1.0),
    }[ties]
    ranks[there[order]] = by_group if first.size == known.size else np.repeat(by_group, last - first)
    return ranks, ordered[first], (last - first).astype(np.float64)


def rank_descending(scores: Floats, ties: Ties = "min", decimals: int | None = None) -> Floats:
    """Rank scores, the largest first: 1 is the best.

    Args:
        scores: Shape (n,); NaN is not ranked.
        ties: As in `rank_ascending`, counted from the best.
        decimals: Decimals to which scores are rounded first (half to even); None ranks them as they are.

    Returns:
        Ranks from 1, shape (n,); NaN exactly where ``scores`` is NaN.

    >>> rank_descending(np.array([0.9614, 0.9616, 0.9623]), decimals=3)
    array([3., 1., 1.])
    """
    rounded = scores if decimals is None else np.round(scores, decimals)
    return rank_ascending(-rounded, ties)
