"""Step *aggregate*: one score of a node from the scores of its children.

What belongs here: the weighted means over what is present, for one node and all rows. What does not: the
walk up the tree and the choice of the mean at each node (`index.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ssc_index.steps.parameters import Mean
from ssc_index.values import Floats


def weighted_mean(
    parts: Sequence[Floats], weights: Sequence[float], mean: Mean = "arithmetic", min_coverage: float = 0.0
) -> Floats:
    """Weighted mean of a node's children, weights renormalised over what is present.

    Arithmetic ``Σ w x / Σ w``, geometric ``exp(Σ w ln x / Σ w)``, both over the children that are there. Sums
    run child by child in the order given, so that a row's result does not depend on the other rows. The
    result lies between the smallest and the largest part, to the last bit. A geometric mean with a part of 0
    is 0; whether that may happen is decided before (`refused`).

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing; never negative for the geometric
            mean.
        weights: Weight of each child, 0 or more.
        mean: ``arithmetic`` or ``geometric``.
        min_coverage: Least share of the children that must be present; a child of weight 0 counts.

    Returns:
        Scores, shape (n_rows,); NaN where too few children, or none with a weight, are present.

    Source: OECD/JRC Handbook (2008), step 7; threshold as in COINr (``dat_thresh``).

    >>> weighted_mean([np.array([80.0, np.nan]), np.array([20.0, 20.0])], [3.0, 1.0])
    array([65., 20.])
    >>> weighted_mean([np.array([80.0, np.nan]), np.array([20.0, 20.0])], [1.0, 1.0], "geometric", 0.6)
    array([40., nan])
    """
    rows = parts[0].shape[0]
    total, weight, count = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    smallest, largest = np.full(rows, np.inf), np.full(rows, -np.inf)
    for part, own in zip(parts, weights, strict=True):
        present = ~np.isnan(part)
        part = np.ascontiguousarray(part)  # one code path of the logarithm, so one result
        if own > 0:
            term = _log(part) if mean == "geometric" else part
            total += np.where(present, own * term, 0.0)
        weight += np.where(present, own, 0.0)
        count += present
        np.fmin(smallest, part, out=smallest)
        np.fmax(largest, part, out=largest)
    known = (weight > 0) & _enough(count, len(parts), min_coverage)
    result = np.full(rows, np.nan)
    np.divide(total, weight, out=result, where=known)
    if mean == "geometric":
        result = np.exp(result)
    bounded: Floats = np.clip(result, smallest, largest)
    return bounded


def refused(parts: Sequence[Floats], min_coverage: float = 0.0) -> list[tuple[int, int]]:
    """Find the parts that a geometric mean must refuse: 0 and less, in rows that have enough children.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        min_coverage: Least share of the children that must be present for the row to have a mean at all.

    Returns:
        (row, child) of each part that is not above 0, child by child.

    >>> refused([np.array([0.0, 0.0]), np.array([20.0, np.nan])], min_coverage=1.0)
    [(0, 0)]
    """
    count = np.sum([~np.isnan(part) for part in parts], axis=0)
    enough = _enough(count, len(parts), min_coverage)
    return [(row, child) for child, part in enumerate(parts) for row in np.flatnonzero((part <= 0) & enough).tolist()]


def _enough(count: Floats, children: int, min_coverage: float) -> NDArray[np.bool_]:
    """Rows whose share of children present reaches the threshold."""
    return count / children >= min_coverage


def _log(part: Floats) -> Floats:
    """Logarithm with ``ln 0`` = −∞, which makes a mean of 0."""
    with np.errstate(divide="ignore"):
        return np.log(part)
