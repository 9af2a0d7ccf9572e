"""Step *aggregate*: scores of a node that depend on the other rows too.

What belongs here: Borda points, the Mazziotta–Pareto index with its standardisations, the mean of a group blended in.
What does not: outranking (`outranking.py`), benefit of the doubt (`benefit_of_doubt.py`), and which rows are a cohort
(`steps/aggregate.py` hands over one year's rows at a time).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ssc_index.aggregate import taking_part, weighted_mean
from ssc_index.elementary import power_of_two_near
from ssc_index.rank import rank_ascending
from ssc_index.values import Floats, Labels

MEAN, DEVIATION = 100.0, 10.0  # of the scores that the Mazziotta–Pareto index takes
LOW, HIGH = 70.0, 130.0  # of those that the adjusted index takes


def borda(
    parts: Sequence[Floats],
    weights: Sequence[float],
    bounds: tuple[float, float] = (0.0, 100.0),
    min_coverage: float = 0.0,
) -> Floats:
    """Borda points of the rows of a cohort: how many others a row beats, child by child.

    ``low + (high − low) Σ w (r − 1) / (n − 1) / Σ w`` over the children that are there, with r the rank among the n
    rows that have the child (1 is the worst, ties share the mean of their ranks). A child that a single row has says
    nothing and counts as missing. On complete data it is the Borda count ``Σ w (r − 1)``, rescaled.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Weight of each child, 0 or more.
        bounds: Score of a row that is last, and of one that is first, everywhere.
        min_coverage: Least share of the children that must be present; a row below it takes no part in the ranks.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    Source: Borda (1784); OECD/JRC Handbook (2008), step 6.

    >>> borda([np.array([1.0, 2.0, 3.0]), np.array([5.0, 9.0, 7.0])], [1.0, 1.0])
    array([ 0., 75., 75.])
    """
    rows = taking_part(parts, weights, min_coverage)
    points = []
    for part in parts:
        ranks = rank_ascending(np.where(rows, part, np.nan), "average")
        there = int((~np.isnan(ranks)).sum())
        points.append((ranks - 1.0) / (there - 1.0) if there > 1 else np.full(ranks.shape, np.nan))
    low, high = bounds
    return low + (high - low) * weighted_mean(points, weights)


def standardised(part: Floats) -> Floats:
    """A child's scores with mean 100 and standard deviation 10 (÷ n) over the cohort; NaN where all are equal.

    >>> standardised(np.array([1.0, 3.0]))
    array([ 90., 110.])
    """
    known = part[~np.isnan(part)]
    if known.size == 0 or known.min() == known.max():
        return np.full(part.shape, np.nan)
    unit = power_of_two_near(known)
    known *= unit
    mean = known.sum() / known.size
    deviation = np.sqrt(((known - mean) ** 2).sum() / known.size)
    result: Floats = MEAN + DEVIATION * (part * unit - mean) / deviation
    return result


def rescaled_about(part: Floats, reference: float) -> Floats:
    """A child's scores between 70 and 130 about a reference that gets 100; NaN where all are equal.

    ``100 + 60 (x − reference) / (max − min)``, minimum and maximum over all rows given: the goalposts
    ``reference ± (max − min) / 2`` get 70 and 130. Scores outside 70–130 are possible where the reference lies off
    the middle.

    Source: Mazziotta and Pareto (2016), Social Indicators Research 127.

    >>> rescaled_about(np.array([0.0, 5.0, 10.0]), 5.0)
    array([ 70., 100., 130.])
    """
    known = part[~np.isnan(part)]
    if known.size == 0 or known.min() == known.max():
        return np.full(part.shape, np.nan)
    result: Floats = MEAN + (HIGH - LOW) * (part - reference) / (known.max() - known.min())
    return result


def mazziotta_pareto(
    parts: Sequence[Floats], weights: Sequence[float], penalty: int = -1, min_coverage: float = 0.0
) -> Floats:
    """Mazziotta–Pareto index: the mean of a node's children, less (or plus) a penalty for their imbalance.

    ``M ∓ S cv`` with ``cv = S / M``, hence ``M ∓ S² / M``: M and S² (÷ Σ w) are the weighted mean and variance of the
    row's own children that are there. It lies at or below the mean with a penalty of −1, which suits an index of
    something good, and at or above it with +1.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Weight of each child, 0 or more.
        penalty: −1 subtracts, +1 adds.
        min_coverage: Least share of the children that must be present.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present, and where M is not
        above 0.

    Source: De Muro, Mazziotta and Pareto (2011), Social Indicators Research 104; adjusted: Mazziotta and Pareto (2016).

    >>> mazziotta_pareto([np.array([90.0]), np.array([110.0])], [1.0, 1.0])
    array([99.])
    """
    mean = weighted_mean(parts, weights, "arithmetic", min_coverage)
    variance = weighted_mean([(part - mean) ** 2 for part in parts], weights, "arithmetic", min_coverage)
    result = np.full(mean.shape, np.nan)
    np.divide(variance, mean, out=result, where=mean > 0)
    score: Floats = mean + penalty * result
    return score


def blended(scores: Floats, labels: Labels, share: float) -> Floats:
    """Draw scores towards the mean of their group: ``(1 − share) s + share mean(s of the group)``.

    Args:
        scores: Of a cohort, shape (n_rows,); NaN is missing and stays so.
        labels: Group of each row; a row without one keeps its score.
        share: 0 leaves scores alone, 1 gives every row its group's mean.

    Returns:
        Scores, shape (n_rows,).

    Source: the shrinkage of the Scottish Indices of Deprivation 2003, appendix 1 (ward towards local authority), where
    the share follows from the standard errors; here it is given.

    >>> blended(np.array([10.0, 30.0, 50.0]), ("a", "a", None), 0.5)
    array([15., 25., 50.])
    """
    result = scores.copy()
    names = np.array(["" if label is None else label for label in labels], dtype=np.str_)
    has_label = np.array([label is not None for label in labels], dtype=bool)
    for name in np.unique(names[has_label]):
        rows: NDArray[np.bool_] = (names == name) & has_label & ~np.isnan(scores)
        if rows.any():
            mean = scores[rows].sum() / rows.sum()
            result[rows] = (1.0 - share) * scores[rows] + share * mean
    return result
