"""Step *weights*: weights by which children matter as much as they should.

What belongs here: importance of a child for the mean of all, and the weights that bring it nearest to a target. What
does not: importance in an index once computed (`audit/importance.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ssc_index.values import Floats
from ssc_index.weights_data import WeightError, standardised

Measure = Literal["correlation", "variance", "ratio"]
CONVERGED = 1e-6  # by which no weight could be moved for the better, as a share of the first programme's gain


@dataclass(frozen=True)
class Optimum:
    """Weights nearest to a target.

    Attributes:
        weights: Shape (k,), 0 or more, sum 1.
        importance: Shares of importance reached, shape (k,), sum 1.
        distance: Sum of squared differences of these from the target.
        slope: How far the optimum's conditions are from holding (0: exactly).
        found_from: From how many of the starting points it was reached.
    """

    weights: Floats
    importance: Floats
    distance: float
    slope: float
    found_from: int


class Importance:
    """Importance of each column for the weighted mean of all, as a function of weights, with its derivative.

    ``correlation``: ``r_j`` of column and mean. ``variance``: ``r_j²``, the share of the mean's variance that goes
    linearly with the column. ``ratio``: the share that goes with a cubic of it, an estimate of the correlation ratio.
    """

    def __init__(self, table: Floats, measure: Measure) -> None:
        """Prepare the quadratic forms.

        Args:
            table: Scores without missing cells, shape (n_rows, k).
            measure: What importance means.
        """
        standardised(table)  # refuses constant columns
        rows, k = table.shape
        centred = table - table.sum(axis=0) / rows
        self.measure = measure
        self.covariance: Floats = np.einsum("ij,ik->jk", centred, centred) / rows
        degree = 3 if measure == "ratio" else 1
        if rows <= degree + 2:
            raise WeightError("too few units have a score of every child")
        self.forms = np.empty((k, k, k))
        for column in range(k):
            z = centred[:, column] / np.abs(centred[:, column]).max()
            basis = np.column_stack([z**power for power in range(degree + 1)])
            span, upper = np.linalg.qr(basis)
            span = span[:, np.abs(np.diag(upper)) > 1e-9 * np.abs(upper[0, 0])]
            on = np.einsum("ij,ik->jk", span, centred)
            self.forms[column] = np.einsum("ij,ik->jk", on, on) / rows
        self.spreads = np.sqrt(np.diag(self.covariance))

    def __call__(self, weights: Floats) -> tuple[Floats, Floats]:
        """Importance, shape (k,), and its derivatives, shape (k, k): by row the column, by column the weight."""
        spread = self.covariance @ weights
        variance = float(weights @ spread)
        if self.measure == "correlation":
            root = np.sqrt(variance)
            value = spread / self.spreads / root
            slope = self.covariance / self.spreads[:, None] / root - np.outer(value, spread) / variance
            return value, slope
        on = self.forms @ weights
        value = (on @ weights) / variance
        return value, 2.0 * on / variance - np.outer(value, 2.0 * spread / variance)


def target_weights(table: Floats, target: Floats, measure: Measure = "variance") -> Optimum:
    """Weights of 0 and more, summing to 1, that bring shares of importance nearest to a target.

    Minimises ``Σ_j (I_j / Σ I − t_j)²`` by sequential quadratic programming with the exact derivative, from the target
    itself, from equal weights and from each child at one half; the least of the optima is taken. It is a local optimum
    for certain, and the best of those found.

    Args:
        table: Scores of the children, shape (n_rows, k), none missing.
        target: Share of importance of each, shape (k,), above 0, summing to 1.
        measure: What importance means (`Importance`), for the arithmetic mean of the children.

    Returns:
        The optimum.

    Raises:
        WeightError: If a child is constant, importance is negative throughout, or no start converges.

    Source: Paruolo, Saisana and Saltelli (2013), J. R. Stat. Soc. A 176; Becker, Saisana, Paruolo and Vandecasteele
    (2017), Ecological Indicators 80; SLSQP: Kraft (1988).
    """
    from scipy.optimize import minimize

    importance = Importance(table, measure)
    k = target.size

    def distance(weights: Floats) -> tuple[float, Floats]:
        value, slope = importance(weights)
        total = value.sum()
        gap = value / total - target
        by = slope / total - np.outer(value, slope.sum(axis=0)) / total**2
        return float(gap @ gap), 2.0 * gap @ by

    starts = [target, np.full(k, 1.0 / k)]
    starts += [np.where(np.arange(k) == child, 0.5, 0.5 / max(k - 1, 1)) for child in range(k)] if k > 2 else []
    found = []
    for start in starts:
        done = minimize(
            distance,
            start / start.sum(),
            jac=True,
            method="SLSQP",
            bounds=[(0.0, 1.0)] * k,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(k)},
            options={"ftol": 1e-16, "maxiter": 1000},
        )
        weights = np.maximum(done.x, 0.0)
        weights /= weights.sum()
        value, slope = distance(weights)
        if np.isfinite(value):
            found.append((value, _unmet(weights, slope), weights))
    kept = [one for one in found if one[1] <= CONVERGED]
    if not kept:
        raise WeightError("the optimiser does not converge from any start")
    value, unmet, weights = min(kept, key=lambda one: one[0])
    reached, _ = importance(weights)
    same = sum(bool(np.abs(one[2] - weights).max() < 1e-4) for one in kept)
    return Optimum(weights, reached / reached.sum(), value, unmet, same)


def _unmet(weights: Floats, slope: Floats) -> float:
    """How far the first-order conditions are from holding: no weight can change hands for the better."""
    return float(max(weights @ (slope - slope.min()), 0.0))
