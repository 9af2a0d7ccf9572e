"""Step *weights*: weights from what experts say.

What belongs here: budget allocation and the analytic hierarchy process. What does not: reading their tables
(`steps/weights.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssc_index import elementary
from ssc_index.values import Floats

RANDOM_INDEX = (0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59)


@dataclass(frozen=True)
class Priorities:
    """What a matrix of comparisons says.

    Attributes:
        weights: Weight of each item, shape (k,), sum 1.
        greatest: The greatest eigenvalue λ.
        ratio: Consistency ratio; 0 for one or two items, which cannot contradict themselves.
    """

    weights: Floats
    greatest: float
    ratio: float


def budget_weights(points: Floats) -> Floats:
    """Mean over experts of the share of points that each gives.

    Args:
        points: Shape (n_experts, k), 0 or more, some above 0 in each row.

    Returns:
        Weights, shape (k,), sum 1.

    Source: OECD/JRC Handbook (2008), step 6 (budget allocation).

    >>> budget_weights(np.array([[60.0, 40.0], [1.0, 0.0]]))
    array([0.8, 0.2])
    """
    shares = points / points.sum(axis=1, keepdims=True)
    mean: Floats = shares.sum(axis=0) / len(points)
    return _shares(mean)


def priorities(comparisons: Floats) -> Priorities:
    """Weights of items from comparisons of each with each, and how far these contradict each other.

    Weights are the eigenvector of the greatest eigenvalue λ; the consistency index is ``(λ − k) / (k − 1)``, its ratio
    that to the mean index of random matrices of the same size.

    Args:
        comparisons: How many times more important the row's item is than the column's, shape (k, k), k up to 15;
            positive and reciprocal.

    Returns:
        Weights, λ and the consistency ratio.

    Source: Saaty (1977), Journal of Mathematical Psychology 15; (1980), The Analytic Hierarchy Process.

    >>> priorities(np.array([[1.0, 3.0], [1 / 3, 1.0]])).weights.round(12)
    array([0.75, 0.25])
    """
    k = len(comparisons)
    values, vectors = np.linalg.eig(comparisons)
    place = int(np.argmax(values.real))
    own = np.abs(vectors[:, place].real)
    greatest = float(values[place].real)
    index = (greatest - k) / (k - 1) if k > 2 else 0.0
    ratio = index / RANDOM_INDEX[k - 1] if k > 2 else 0.0
    return Priorities(own / own.sum(), greatest, max(ratio, 0.0))


def combined(matrices: Floats, by: Literal["judgements", "priorities"] = "judgements") -> Floats:
    """Weights of a group: of the geometric means of its comparisons, or the means of its members' weights.

    Args:
        matrices: Comparisons of each expert, shape (n_experts, k, k).
        by: ``judgements`` takes geometric means of comparisons first, ``priorities`` the arithmetic mean of weights.

    Returns:
        Weights, shape (k,), sum 1.

    Source: Forman and Peniwati (1998), European Journal of Operational Research 108.

    >>> combined(np.array([[[1.0, 4.0], [0.25, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])).round(12)
    array([0.66666667, 0.33333333])
    """
    if by == "judgements":
        return priorities(elementary.exp(elementary.ln(matrices).sum(axis=0) / len(matrices))).weights
    mean: Floats = np.sum([priorities(matrix).weights for matrix in matrices], axis=0) / len(matrices)
    return _shares(mean)


def _shares(amounts: Floats) -> Floats:
    """Amounts as shares of their sum."""
    shares: Floats = amounts / amounts.sum()
    return shares
