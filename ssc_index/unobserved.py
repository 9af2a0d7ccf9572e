"""Step *aggregate*: what several children measure in common, each with errors of its own.

What belongs here: the unobserved components model and its fit. What does not: which rows are a cohort
(`steps/aggregate.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_index.aggregate import taking_part
from ssc_index.values import Floats

LEAST_CHILDREN = 3  # with two, their one correlation cannot tell two errors apart
LEAST_ERROR = 1e-3  # share of a child's variance that is its own; below, the others say nothing (a Heywood case)
TOLERANCE, MOST_STEPS = 1e-9, 5_000


class UnobservedError(ValueError):
    """A cohort to which the model cannot be fitted.

    Attributes:
        child: Number of the child that is to blame; −1 for none.
    """

    def __init__(self, why: str, child: int = -1) -> None:
        """Keep the child."""
        super().__init__(why)
        self.child = child


@dataclass(frozen=True)
class Components:
    """A fitted model.

    Attributes:
        score: Mean of what is common given a row's children, shape (n_rows,): 0 and 1 are mean and deviation of the
            common part; NaN where no child is present.
        error: Standard deviation of the same, shape (n_rows,).
        intercept: ``α``, shape (k,), in the units of the children.
        slope: ``β``, shape (k,), above 0.
        spread: ``β σ``, the deviation of each child's own error, shape (k,).
    """

    score: Floats
    error: Floats
    intercept: Floats
    slope: Floats
    spread: Floats


def unobserved_components(
    parts: Sequence[Floats], weights: Sequence[float], min_coverage: float = 0.0, least_error: float | None = None
) -> Components:
    """Fit ``y_ik = α_k + β_k (θ_i + ε_ik)`` by maximum likelihood, θ standard normal, ε normal with deviation ``σ_k``.

    The score of a row is ``E(θ | y) = Σ_k w_k (y_k − α_k) / β_k`` with ``w_k = σ_k⁻² / (1 + Σ σ⁻²)`` over the children
    that are there: precise children weigh more, and a row with few is drawn towards 0. What is missing is taken to be
    missing at random. Fitted by EM; children are standardised inside, so that their units do not matter.

    Args:
        parts: Scores of each child, shape (n_rows,) each; NaN is missing.
        weights: Only whether a child's is above 0 counts.
        min_coverage: Least share of the children that must be present; a row below it takes no part.
        least_error: Least share of a child's variance that is its own error, above 0: the likelihood is greatest under
            it. None refuses a child that would have none (a Heywood case).

    Returns:
        The model.

    Raises:
        UnobservedError: If a child has fewer than three scores or equal ones, measures the opposite of the others or
            all that they do, or EM does not get there.

    Source: Kaufmann, Kraay and Zoido-Lobatón (1999), World Bank Policy Research Working Paper 2195; Kaufmann, Kraay and
    Mastruzzi (2010), Working Paper 5430 (Worldwide Governance Indicators); OECD/JRC Handbook (2008), step 6.
    """
    rows = taking_part(parts, weights, min_coverage)
    used = [child for child, weight in enumerate(weights) if weight > 0]
    table = np.column_stack([np.where(rows, parts[child], np.nan) for child in used])
    there = ~np.isnan(table)
    count = there.sum(axis=0)
    for place, child in enumerate(used):
        known = table[there[:, place], place]
        if known.size < LEAST_CHILDREN or known.min() == known.max():
            raise UnobservedError("has fewer than three scores, or equal ones", child)
    filled = np.where(there, table, 0.0)
    centre = filled.sum(axis=0) / count
    size = np.sqrt((np.where(there, table - centre, 0.0) ** 2).sum(axis=0) / count)
    y = np.where(there, (table - centre) / size, 0.0)
    a, b, v = _fitted(y, there, used, least_error)
    pull = np.where(there, b / v, 0.0)
    precision = 1.0 + (pull * b).sum(axis=1)
    score = np.full(rows.shape, np.nan)
    np.divide((pull * (y - a)).sum(axis=1), precision, out=score, where=there.any(axis=1))
    intercept, slope, spread = (np.full(len(parts), np.nan) for _ in range(3))
    intercept[used], slope[used], spread[used] = centre + size * a, size * b, size * np.sqrt(v)
    return Components(score, np.where(np.isnan(score), np.nan, 1.0 / np.sqrt(precision)), intercept, slope, spread)


def _fitted(
    y: Floats, there: NDArray[np.bool_], used: Sequence[int], least_error: float | None
) -> tuple[Floats, Floats, Floats]:
    """Intercepts, slopes and variances of errors of standardised children, shape (k,) each.

    E: ``τ = 1 + Σ b² / v``, ``m = Σ b (y − a) / v / τ``, ``s = 1 / τ + m²`` of each row. M: children are regressed on θ
    with these moments.
    """
    count, total, squares = there.sum(axis=0), y.sum(axis=0), (y * y).sum(axis=0)
    a, b, v = np.zeros(y.shape[1]), np.full(y.shape[1], 0.7), np.full(y.shape[1], 0.5)
    for _ in range(MOST_STEPS):
        pull = np.where(there, b / v, 0.0)
        precision = 1.0 + (pull * b).sum(axis=1)
        m = (pull * (y - a)).sum(axis=1) / precision
        s = 1.0 / precision + m * m
        first, second, product = ((one[:, None] * by).sum(axis=0) for one, by in ((m, there), (s, there), (m, y)))
        new_b = (product - first * total / count) / (second - first * first / count)
        new_a = (total - new_b * first) / count
        new_v = np.maximum((squares - new_a * total - new_b * product) / count, least_error or 0.0)
        change = max(np.abs(new - old).max() for new, old in ((new_a, a), (new_b, b), (new_v, v)))
        a, b, v = new_a, new_b, new_v
        if least_error is None and v.min() < LEAST_ERROR:
            raise UnobservedError("has no error of its own; give a 'least_error' such as 0.05", used[int(v.argmin())])
        if change <= TOLERANCE:
            if b.min() <= 0:
                raise UnobservedError("measures the opposite of the others", used[int(b.argmin())])
            return a, b, v
    raise UnobservedError(f"the model still moves by {change:.2g} after {MOST_STEPS} steps of EM")
