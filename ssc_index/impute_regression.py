"""Imputation by a linear regression on other columns.

What belongs here: the fit, the prediction and its standard error. What does not: which cells of which table are
filled (`steps/impute.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

COLLINEAR = 1e-10  # of a pivot, as a share of the greatest


@dataclass(frozen=True)
class Regression:
    """Predictions of a column from others by ordinary least squares.

    Attributes:
        predicted: Prediction of each row; NaN where a predictor is missing or nothing could be fitted.
        standard_error: Standard error of a single prediction, ``s √(1 + x' (X'X)⁻¹ x)``.
        refused: Why nothing could be fitted; empty if it could.
    """

    predicted: Floats
    standard_error: Floats
    refused: str = ""


def regress(target: Floats, predictors: Floats) -> Regression:
    """Regress a column on others, with a constant, over the rows that have them all.

    Args:
        target: Shape (n,); NaN is missing.
        predictors: Shape (n, k); NaN is missing.

    Returns:
        Predictions for every row that has all predictors. Nothing is fitted to fewer than k + 2 rows (no degree
        of freedom would be left), nor where predictors are constant or depend on each other.

    Source: Draper and Smith, Applied Regression Analysis (1998), 3.1 and 5.2.

    >>> fit = regress(np.array([1.0, 3.0, 4.0, np.nan]), np.array([[0.0], [1.0], [2.0], [4.0]]))
    >>> fit.predicted[3].round(6), fit.standard_error[3].round(6)
    (np.float64(7.166667), np.float64(0.986013))
    """
    rows, k = predictors.shape
    nothing = np.full(rows, np.nan)
    usable: NDArray[np.bool_] = np.asarray(~np.isnan(predictors).any(axis=1))
    fitted = usable & ~np.isnan(target)
    count = int(fitted.sum())
    if count < k + 2:
        return Regression(nothing, nothing, f"{count} rows have it and all predictors; at least {k + 2} are needed")
    centre = predictors[fitted].mean(axis=0)
    spread = predictors[fitted].std(axis=0)
    scaled = (predictors - centre) / np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(rows), scaled])
    orthogonal, triangle = np.linalg.qr(design[fitted])
    pivots = np.abs(np.diag(triangle))
    if pivots.min() < COLLINEAR * pivots.max():
        return Regression(nothing, nothing, "the predictors are constant or depend on each other")
    slopes = np.linalg.solve(triangle, orthogonal.T @ target[fitted])
    rest = target[fitted] - design[fitted] @ slopes
    variance = (rest @ rest) / (count - k - 1)
    reach = np.linalg.solve(triangle.T, design[usable].T)
    predicted, error = nothing.copy(), nothing.copy()
    predicted[usable] = design[usable] @ slopes
    error[usable] = np.sqrt(variance * (1.0 + (reach**2).sum(axis=0)))
    return Regression(predicted, error)
