"""Step *weights*: weights that follow from the scores of the units.

What belongs here: principal components, factors, CRITIC, entropy, regression, common weights by benefit of the doubt.
What does not: weights from experts (`weights_expert.py`) and towards targets (`weights_target.py`). Every function
takes a table without missing cells, shape (n_rows, k), and gives weights that sum to 1; `WeightError` says why not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index import elementary
from ssc_index.values import Floats

Negative = Literal["error", "zero", "square"]
SMALLEST = 1e-12  # of a column's size: a spread below it is none
ROTATIONS = 1000


class WeightError(ValueError):
    """Scores from which no weights follow; the message says why.

    Attributes:
        columns: The columns at fault; empty where it is all of them.
    """

    def __init__(self, why: str, columns: NDArray[np.int64] | list[int] | tuple[int, ...] = ()) -> None:
        """Keep the columns."""
        super().__init__(why)
        self.columns = tuple(int(column) for column in columns)


@dataclass(frozen=True)
class Factors:
    """Rotated factors.

    Attributes:
        loadings: Correlation of each column with each factor, shape (k, m); signs such that a factor's sum is ≥ 0.
        weights: Weight of each column, shape (k,).
    """

    loadings: Floats
    weights: Floats


def standardised(table: Floats) -> Floats:
    """Columns with mean 0 and variance 1 (÷ n − 1)."""
    rest = _centred(table)
    standard: Floats = rest / _spread(table, (rest**2).sum(axis=0))
    return standard


def correlations(table: Floats) -> Floats:
    """Pearson correlations of the columns, shape (k, k)."""
    rest = _centred(table)
    products = rest.T @ rest
    spread = _spread(table, np.diag(products))
    matrix: Floats = products / (table.shape[0] - 1) / np.outer(spread, spread)
    return matrix


def _centred(table: Floats) -> Floats:
    """Columns less their means."""
    if table.shape[0] < 3:
        raise WeightError("fewer than three units have a score of every child")
    rest: Floats = table - table.sum(axis=0) / table.shape[0]
    return rest


def _spread(table: Floats, squares: Floats) -> Floats:
    """Standard deviations (÷ n − 1) of columns from their sums of squares; none may be constant."""
    spread: Floats = np.sqrt(squares / (table.shape[0] - 1))
    size = np.maximum(table.max(axis=0), -table.min(axis=0))
    flat = np.flatnonzero(spread <= SMALLEST * np.maximum(size, 1.0))
    if flat.size:
        raise WeightError("has the same score for every unit", flat)
    return spread


def component_weights(table: Floats, negative: Negative = "error") -> Floats:
    """Weights from the first principal component of the correlations: its loadings, rescaled to sum to 1.

    The component has the sign that makes its loadings sum to more than 0.

    Args:
        table: Scores, shape (n_rows, k).
        negative: What a loading below 0 gets: ``error``, weight ``zero``, or ``square``: all loadings squared, by which
            the weights sum to 1 of themselves and signs are lost.

    Returns:
        Weights, shape (k,).

    Raises:
        WeightError: If a column is constant, the first component is not the only first, a loading is below 0 and that
            is an error, or loadings sum to 0 and are not squared: two columns of negative correlation, for example.

    Source: OECD/JRC Handbook (2008), step 6; COINr (``get_PCA``) takes the loadings as they come, negative ones too.

    >>> component_weights(np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0]])).round(12)
    array([0.5, 0.5])
    """
    values, vectors = np.linalg.eigh(correlations(table))
    if values.size > 1 and values[-1] - values[-2] <= 1e-9:
        raise WeightError("the first two principal components explain the same, so that neither is the first")
    first = vectors[:, -1]
    first = first if first.sum() >= 0 else -first
    if negative == "square":
        squared: Floats = first**2
        return _shares(squared)
    if abs(first.sum()) <= 1e-9:  # of two that run against each other, always; rounding would choose a sign
        raise WeightError("the loadings on the first component sum to 0, so that none of its signs is the right one")
    against = np.flatnonzero(first < -1e-12)
    if against.size and negative == "error":
        raise WeightError("loads on the first component against the others", against)
    kept: Floats = np.maximum(first, 0.0)
    return _shares(kept)


def factor_weights(table: Floats, factors: int | None = None, least: float = 1.0) -> Factors:
    """Weights from rotated factors: what each column gives to the factor that it belongs to.

    Factors are principal components of the correlations, turned by varimax. A column's squared loading is taken as a
    share of its factor's sum; it belongs to the factor where that share is largest, and its weight is the share times
    the variance that the factor explains, rescaled to sum to 1.

    Args:
        table: Scores, shape (n_rows, k).
        factors: How many; None takes those whose eigenvalue is above ``least``, one at least.
        least: Eigenvalue that a factor must pass (Kaiser: 1).

    Returns:
        The rotated factors and the weights.

    Source: Nicoletti, Scarpetta and Boylaud (2000), OECD Economics Department Working Paper 226; Handbook (2008),
    step 6, tables 17 and 18.
    """
    values, vectors = np.linalg.eigh(correlations(table))
    values, vectors = values[::-1], vectors[:, ::-1]
    count = max(int((values > least).sum()), 1) if factors is None else factors
    if count > values.size:
        raise WeightError(f"{count} factors of {values.size} children")
    if values[count - 1] <= 1e-9:
        raise WeightError(f"only {int((values > 1e-9).sum())} factors explain anything")
    loadings = varimax(vectors[:, :count] * np.sqrt(values[:count]))
    loadings = loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    return Factors(loadings, nicoletti(loadings))


def nicoletti(loadings: Floats) -> Floats:
    """Weights of columns from their loadings on rotated factors, shape (k,).

    >>> nicoletti(np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.8]])).round(4)
    array([0.3584, 0.3584, 0.2832])
    """
    squared = loadings**2
    explained = squared.sum(axis=0)
    shares = squared / explained
    own = np.argmax(shares, axis=1)
    weights: Floats = shares[np.arange(len(own)), own] * explained[own]
    return _shares(weights)


def varimax(loadings: Floats) -> Floats:
    """Turn loadings so that squared loadings of each factor differ as much as they can.

    Maximises ``Σ_f [Σ_k l⁴/k − (Σ_k l²/k)²]`` by planar rotations of pairs of factors, each by the angle that is best
    for the pair, until no angle is left to turn. Rows are not rescaled first.

    Args:
        loadings: Shape (k, m).

    Returns:
        Shape (k, m); the sum of squares of each row is unchanged.

    Source: Kaiser (1958), Psychometrika 23.
    """
    turned = loadings.copy()
    k, m = turned.shape
    for _ in range(ROTATIONS):
        largest = 0.0
        for a in range(m):
            for b in range(a + 1, m):
                u = turned[:, a] ** 2 - turned[:, b] ** 2
                v = 2.0 * turned[:, a] * turned[:, b]
                over = 2.0 * (u * v).sum() - 2.0 * u.sum() * v.sum() / k
                under = (u**2 - v**2).sum() - (u.sum() ** 2 - v.sum() ** 2) / k
                angle = np.arctan2(over, under) / 4.0
                cos, sin = np.cos(angle), np.sin(angle)
                pair = turned[:, [a, b]]
                turned[:, a], turned[:, b] = pair[:, 0] * cos + pair[:, 1] * sin, pair[:, 1] * cos - pair[:, 0] * sin
                largest = max(largest, abs(float(angle)))
        if largest < 1e-12:
            break
    return turned


def critic_weights(table: Floats, rescale: bool = True) -> Floats:
    """CRITIC: weight by contrast and conflict, ``C_j = σ_j Σ_k (1 − r_jk)``, rescaled to sum to 1.

    Args:
        table: Scores, shape (n_rows, k).
        rescale: Whether σ is that of scores rescaled to [0, 1] by their minimum and maximum, as the source does;
            otherwise of the scores as they are.

    Returns:
        Weights, shape (k,).

    Source: Diakoulaki, Mavrotas and Papayannakis (1995), Computers & Operations Research 22.

    >>> critic_weights(np.array([[0.0, 0.0], [1.0, 4.0], [2.0, 2.0]])).round(12)
    array([0.5, 0.5])
    """
    conflict = (1.0 - correlations(table)).sum(axis=1)
    rest = table - table.sum(axis=0) / table.shape[0]
    spread = np.sqrt((rest**2).sum(axis=0) / (table.shape[0] - 1))
    if rescale:
        spread = spread / (table.max(axis=0) - table.min(axis=0))
    amount: Floats = spread * conflict
    if amount.sum() <= 1e-12:
        raise WeightError("all children are perfectly correlated, so that none says more than another")
    return _shares(amount)


def deviation_weights(table: Floats) -> Floats:
    """Weights by which a step of equal size, as children vary, counts alike: ``w ∝ 1 / σ``.

    Args:
        table: Scores, shape (n_rows, k).

    Returns:
        Weights, shape (k,).

    Source: Iyengar and Sudarshan (1982), Economic and Political Weekly 17(51), 2048–2052; World Economic Forum, Global
    Gender Gap Report, appendix on methodology.

    >>> deviation_weights(np.array([[1.0, 0.0], [2.0, 3.0], [3.0, 6.0]])).round(12)
    array([0.75, 0.25])
    """
    rest = _centred(table)
    return _shares(1.0 / _spread(table, (rest**2).sum(axis=0)))


def entropy_weights(table: Floats) -> Floats:
    """Shannon entropy: weight by how unevenly a column is spread over the units, ``w ∝ 1 − E``.

    ``p_ij = x_ij / Σ_i x_ij``, ``E_j = −Σ p ln p / ln n`` with ``0 ln 0 = 0``.

    Args:
        table: Scores, shape (n_rows, k), never negative.

    Returns:
        Weights, shape (k,).

    Source: Shannon (1948); Hwang and Yoon (1981), Multiple Attribute Decision Making, 3.2.

    >>> entropy_weights(np.array([[1.0, 0.0], [1.0, 1.0]])).round(12)
    array([0., 1.])
    """
    if table.shape[0] < 2:
        raise WeightError("fewer than two units have a score of every child")
    below = np.flatnonzero((table < 0).any(axis=0))
    if below.size:
        raise WeightError("has a score below 0, which has no entropy", below)
    empty = np.flatnonzero(table.sum(axis=0) == 0)
    if empty.size:
        raise WeightError("is 0 for every unit", empty)
    shares = table / table.sum(axis=0)
    logs = elementary.ln(np.where(shares > 0, shares, 1.0))
    amount = 1.0 + (shares * logs).sum(axis=0) / math.log(table.shape[0])
    amount = np.where(amount > 1e-15, amount, 0.0)
    if amount.sum() == 0:
        raise WeightError("every child is spread evenly over the units")
    weights: Floats = amount / amount.sum()
    return weights


def regression_weights(table: Floats, target: Floats, negative: Literal["error", "zero"] = "error") -> Floats:
    """Weights in proportion to the coefficients of a linear regression of a target on the columns.

    Args:
        table: Scores, shape (n_rows, k).
        target: Shape (n_rows,).
        negative: ``error``: ordinary least squares, a coefficient below 0 is a fault; ``zero``: least squares with
            coefficients of 0 and more.

    Returns:
        Weights, shape (k,).

    Source: Handbook (2008), step 6; Lawson and Hanson (1974) for coefficients of 0 and more.

    >>> table = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 2.0]])
    >>> regression_weights(table, np.array([5.0, 6.0, 8.0, 12.0])).round(12)
    array([0.25, 0.75])
    """
    standardised(table)
    if table.shape[0] < table.shape[1] + 2:
        raise WeightError("a regression needs at least two units more than children")
    centred = table - table.sum(axis=0) / table.shape[0]
    wanted = target - target.sum() / target.size
    if np.abs(wanted).max() <= SMALLEST * max(float(np.abs(target).max()), 1.0):
        raise WeightError("the target is the same for every unit")
    if np.linalg.matrix_rank(centred / np.abs(centred).max(axis=0), tol=1e-9) < table.shape[1]:
        raise WeightError("children are linear combinations of each other, so that coefficients are not determined")
    if negative == "zero":
        from scipy.optimize import nnls

        slopes: Floats = nnls(centred, wanted)[0]
    else:
        slopes = np.linalg.lstsq(centred, wanted, rcond=None)[0]
        reach = slopes * np.abs(centred).max(axis=0)  # 0 but for rounding is 0
        against = np.flatnonzero(reach < -SMALLEST * np.abs(reach).max())
        if against.size:
            raise WeightError("has a coefficient below 0", against)
        slopes = np.where(reach > 0, slopes, 0.0)
    if slopes.sum() <= 0:
        raise WeightError("no child goes with the target")
    return _shares(slopes)


def common_doubt_weights(table: Floats) -> Floats:
    """One set of weights for all units that is best for their mean, none above 1: benefit of the doubt in common.

    ``max Σ_i Σ_k w_k x_ik`` subject to ``Σ_k w_k x_ik ≤ 1`` and ``w ≥ 0``; then rescaled to sum to 1.

    Args:
        table: Scores, shape (n_rows, k), never negative.

    Returns:
        Weights, shape (k,); often 0 for some children.

    Source: Roll, Cook and Golany (1991), IIE Transactions 23 (a common set of weights).

    >>> common_doubt_weights(np.array([[1.0, 2.0], [2.0, 1.0]])).round(9)
    array([0.5, 0.5])
    """
    from scipy.optimize import linprog

    below = np.flatnonzero((table < 0).any(axis=0))
    if below.size:
        raise WeightError("has a score below 0", below)
    empty = np.flatnonzero(table.sum(axis=0) == 0)
    if empty.size:
        raise WeightError("is 0 for every unit", empty)
    scale = table.max(axis=0)
    done = linprog(-(table / scale).sum(axis=0), A_ub=table / scale, b_ub=np.ones(table.shape[0]))
    if not done.success:
        raise WeightError(f"the linear programme ends with: {done.message}")
    weights: Floats = np.maximum(done.x, 0.0) / scale
    return _shares(weights)


def _shares(amounts: Floats) -> Floats:
    """Amounts as shares of their sum."""
    shares: Floats = amounts / amounts.sum()
    return shares
