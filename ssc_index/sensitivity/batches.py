"""Sums by batch: how batches are run, how sure an estimate from their sums is.

What belongs here: what Sobol' indices and Shapley effects share. What does not: what is summed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from ssc_index.sensitivity.model import Model, SensitivityError
from ssc_index.steps.state import Bools
from ssc_index.values import Floats

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Map(Protocol):
    """Calls a function on each item and gives the answers in order: ``map``, or that of an executor."""

    def __call__(self, function: Callable[[Item], Answer], items: Iterable[Item], /) -> Iterable[Answer]:
        """Answers in the order of the items."""
        ...


def evaluate(model: Model, family: Floats) -> Floats:
    """Evaluate families of rows.

    Args:
        model: A function of the unit cube.
        family: Shape (n, n_family, n_columns).

    Returns:
        Outputs, shape (n, n_family, n_outputs).

    Raises:
        SensitivityError: If the model returns something else than one row of finite or missing numbers per row.
    """
    rows = family.reshape(-1, family.shape[-1])
    outputs = np.asarray(model(rows))
    if outputs.ndim != 2 or outputs.shape[0] != rows.shape[0]:
        raise SensitivityError(
            "model", [f"outputs of shape {outputs.shape} for {rows.shape[0]} rows; it owes one each"]
        )
    if outputs.dtype not in (np.float32, np.float64):
        raise SensitivityError("model", [f"outputs are {outputs.dtype}; they have to be float32 or float64"])
    infinite = np.flatnonzero(np.isinf(outputs).any(axis=0))
    if infinite.size:
        raise SensitivityError(
            "model", [f"output {column} is infinite; a run without it gives NaN" for column in infinite]
        )
    return outputs.reshape(*family.shape[:-1], -1)


def centre_of(outputs: Floats) -> Floats:
    """What sums are taken from, to keep them small: one row of outputs, 0 where it is missing."""
    centre = outputs.copy()
    centre[np.isnan(centre)] = 0
    return centre


def centred(family: Floats, centre: Floats) -> tuple[Floats, Bools]:
    """Outputs less a centre; a family that lacks an output adds nothing to its sums.

    Args:
        family: Outputs, shape (n, n_family, n_outputs); NaN is missing.
        centre: Shape (n_outputs,).

    Returns:
        The outputs less the centre, all of a family 0 where one is missing; and where that is, shape (n, n_outputs).
    """
    y = family.astype(np.float64)
    y -= centre
    missing = np.asarray(np.isnan(y).any(axis=1))
    if missing.any():
        y[np.broadcast_to(missing[:, None], y.shape)] = 0.0
    return y, missing


def is_flat(variance: Floats, mean: Floats, centre: Floats) -> Bools:
    """Whether an output varies by no more than the rounding of its type.

    Args:
        variance: Shape (n_outputs,).
        mean: Mean, less the centre.
        centre: As the model gave it: its type tells the rounding.

    Returns:
        Flags, shape (n_outputs,).
    """
    rounding = 16 * np.finfo(centre.dtype).eps * np.abs(centre + mean)
    return np.less_equal(variance, rounding**2)


def add_up(sums: Sequence[Floats]) -> Floats:
    """Add batches in their order."""
    whole: Floats = sums[0].copy()
    for batch in sums[1:]:
        whole += batch
    return whole


def jackknife(estimate: Callable[[Floats], Floats], whole: Floats, sums: Sequence[Floats]) -> Floats:
    """Standard errors by leaving out one batch at a time.

    ``sqrt((G - 1) / G * sum((without_b - mean of these)^2))`` over G batches. The points of a batch are taken for
    independent draws; those of a Sobol' sequence are more even than that, so the error is rather too large.

    Args:
        estimate: Gives the estimates, shape (n_estimates, n_outputs), from sums, shape (n_sums, n_outputs).
        whole: Sums over all batches.
        sums: Sums of each batch, shape (n_sums, n_outputs).

    Returns:
        Standard errors, shape (n_estimates, n_outputs); NaN with one batch only, or where an estimate is without one.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 11.
    """
    centre = estimate(whole)
    count = len(sums)
    if count < 2:
        return np.full(centre.shape, np.nan)
    first, second = np.zeros(centre.shape), np.zeros(centre.shape)
    for batch in sums:
        shift = estimate(whole - batch) - centre
        first += shift
        second += shift * shift
    spread = np.maximum(second - first * first / count, 0.0)
    errors: Floats = np.sqrt(spread * ((count - 1) / count))
    return errors


def interval(estimate: Floats, error: Floats, n_batches: int, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Confidence interval: the estimate and its error times Student's t with n_batches - 1 degrees of freedom.

    Args:
        estimate: Any shape.
        error: Standard errors, the same shape.
        n_batches: Number of batches that the errors rest on.
        confidence: Probability that the interval holds the truth.

    Returns:
        Its ends; NaN where estimate or error is. They are not cut at 0 and 1: an estimate of a small index
        may be negative.
    """
    from scipy.special import stdtrit  # imported here: importing the engine stays quick

    reach = stdtrit(max(n_batches - 1, 1), 0.5 + confidence / 2) * error
    return estimate - reach, estimate + reach
