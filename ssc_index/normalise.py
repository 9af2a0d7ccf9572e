"""Step *normalise*: from values in their units to scores on a common scale.

What belongs here: transforms of values, and the formula of each scale for a block of columns. What does not:
which rows form a block (years, the panel) and which indicators take which scale (`index.py`).

Every scale reads "more is better": columns where less is better are negated first (``sign`` −1); goalposts
need no sign, because ``low`` scores 0 whatever the direction.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_index.rank import rank_ascending
from ssc_index.steps.parameters import Ties
from ssc_index.values import Floats

DOMAINS = {"ln": "above 0", "log10": "above 0", "sqrt": "0 or more"}


def outside_domain(values: Floats, transform: str) -> NDArray[np.bool_]:
    """Where a transform has no value: ``ln`` and ``log10`` of 0 and less, ``sqrt`` of less than 0."""
    if transform in ("ln", "log10"):
        return values <= 0
    if transform == "sqrt":
        return values < 0
    return np.zeros(values.shape, dtype=bool)


def transform_values(values: Floats, transform: str, target: float | None = None) -> Floats:
    """Apply an indicator's transform, to its values and to its goalposts alike.

    Args:
        values: Shape (n,), in real units, within the domain (`outside_domain`); NaN is missing.
        transform: ``none``, ``ln``, ``log10``, ``sqrt`` or ``gap_to_target`` (``|value - target|``).
        target: The target of ``gap_to_target``, in real units.

    Returns:
        Transformed values, shape (n,); NaN exactly where ``values`` is NaN.

    >>> transform_values(np.array([0.8, 1.5]), "gap_to_target", 1.0)
    array([0.2, 0.5])
    """
    contiguous = np.ascontiguousarray(values)  # one code path of the logarithm, so one result
    if transform == "ln":
        return np.log(contiguous)
    if transform == "log10":
        return np.log10(contiguous)
    if transform == "sqrt":
        return np.sqrt(contiguous)
    if transform == "gap_to_target":
        return np.abs(contiguous - np.float64(np.nan if target is None else target))
    return values


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

    Source: OECD/JRC Handbook (2008), step 5; UNDP, HDR technical notes.

    >>> goalposts(np.array([[30.0, 8.0]]), np.array([0.0, 10.0]), np.array([60.0, 0.0]), (0.0, 100.0), True)
    array([[50., 20.]])
    """
    share = (values - low) / (high - low)
    if clip:
        share = np.clip(share, 0.0, 1.0)
    return scale[0] + (scale[1] - scale[0]) * share


def minmax(values: Floats, sign: Floats, scale: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """Place values on a scale between the worst and the best of the block.

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        scale: Scores of the worst and the best.

    Returns:
        Scores (NaN also where all values of a column are equal), and the worst and best value of each column.

    Source: OECD/JRC Handbook (2008), step 5.

    >>> minmax(np.array([[2.0], [6.0], [3.0]]), np.array([-1.0]), (0.0, 100.0))[0].ravel()
    array([100.,   0.,  75.])
    """
    signed = values * sign
    worst, best = (
        np.fmin.reduce(signed, axis=0, initial=np.nan),
        np.fmax.reduce(signed, axis=0, initial=np.nan),
    )
    length = np.where(best > worst, best - worst, np.nan)
    share = (signed - worst) / length
    scores = np.clip(scale[0] + (scale[1] - scale[0]) * share, *scale)
    return scores, worst * sign, best * sign


def zscore(values: Floats, sign: Floats, mean: float, sd: float) -> tuple[Floats, Floats, Floats]:
    """Standardise values: ``mean + sd (value - m) / s``, with the block's mean and deviation (n - 1).

    Args:
        values: Shape (n, n_indicators), transformed; NaN is missing.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        mean: Mean of the scores.
        sd: Standard deviation of the scores.

    Returns:
        Scores (NaN also where all values of a column are equal or one is alone), and each column's m and s.

    Source: OECD/JRC Handbook (2008), step 5.

    >>> zscore(np.array([[1.0], [2.0], [3.0]]), np.array([1.0]), 0.0, 1.0)[0].ravel()
    array([-1.,  0.,  1.])
    """
    means, deviations = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        finite = values[~np.isnan(values[:, column]), column]
        if finite.size:
            means[column] = finite.mean()
        if finite.size > 1 and finite.min() < finite.max():
            deviations[column] = finite.std(ddof=1)
    return mean + sd * ((values - means) * sign / deviations), means, deviations


def ranks(values: Floats, sign: Floats, ties: Ties) -> Floats:
    """Rank each column from the worst (1) to the best.

    >>> ranks(np.array([[5.0], [1.0], [np.nan]]), np.array([-1.0]), "min").ravel()
    array([ 1.,  2., nan])
    """
    return np.column_stack(
        [rank_ascending(values[:, column] * sign[column], ties) for column in range(values.shape[1])]
    )


def percentiles(values: Floats, sign: Floats, ties: Ties, scale: tuple[float, float]) -> Floats:
    """Place units by the share of the others that they rank above: ``(rank - 1) / (n - 1)`` on a scale.

    Args:
        values: Shape (n, n_indicators); NaN is missing and is not counted in n.
        sign: 1 where more is better, −1 where less is, shape (n_indicators,).
        ties: What equal values get.
        scale: Scores of the worst and the best rank.

    Returns:
        Scores, shape (n, n_indicators); NaN also where a unit is alone in its column.

    Source: COINr (``n_prank``).
    """
    ranked = ranks(values, sign, ties)
    others = (~np.isnan(ranked)).sum(axis=0) - 1.0
    share = (ranked - 1.0) / np.where(others > 0, others, np.nan)
    return scale[0] + (scale[1] - scale[0]) * share
