"""Shapley effects: shares of the variance that add up to one, interactions divided among those who take part.

What belongs here: the estimator and its driver. What does not: points and walks (`design.py`).

A walk goes from a point A to a point B, one group at a time in a random order. With f_k the output after k groups,
the effect of the group replaced at step k is

``mean((f_(k-1) - f_k) (f(A) - f(B))) / mean((f(A) - f(B))^2)``,

which is Goda's increment of the total variance along the order and along the reversed order, averaged: both walk the
same points. The effects of one walk add up to one without any further normalisation.

Source: Song, Nelson and Staum, SIAM/ASA J. Uncertainty Quantification 4 (2016) 1060-1083 (the effects of random
orders); Goda, Reliability Engineering and System Safety 213 (2021) 107683 (the increments).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ssc_index.sensitivity.batches import Map, add_up, centre_of, centred, evaluate, interval, is_flat, jackknife
from ssc_index.sensitivity.design import FAMILIES_AT_ONCE, Points, batches, walks
from ssc_index.sensitivity.model import Group, Model, check_groups
from ssc_index.steps.state import Ints
from ssc_index.values import Floats


@dataclass(frozen=True)
class Effects:
    """Shapley effects of every output.

    Attributes:
        groups: Names of the groups.
        n: Number of walks.
        n_batches: Number of batches, on which the errors rest.
        runs: How often the model was evaluated.
        n_used: Walks that have the output at each step, shape (n_outputs,); the effects rest on these.
        variance: Variance of the output over all ends of walks, shape (n_outputs,); 0 where it varies by no more
            than rounding.
        effects: Shares of the variance, shape (n_groups, n_outputs); NaN where the output does not vary or has
            fewer than two walks. They add up to one; a small one may be estimated below zero.
        error: Their standard errors.
    """

    groups: tuple[str, ...]
    n: int
    n_batches: int
    runs: int
    n_used: Ints
    variance: Floats
    effects: Floats
    error: Floats

    def interval(self, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Confidence interval: its two ends, each shape (n_groups, n_outputs)."""
        return interval(self.effects, self.error, self.n_batches, confidence)


def shapley_effects(model: Model, groups: Sequence[Group], n: int, seed: int, *, run: Map = map) -> Effects:
    """Estimate Shapley effects; the model runs ``n (n_groups + 1)`` times, and once for a centre.

    Args:
        model: A function of the unit cube.
        groups: Groups of its columns.
        n: Number of walks, a power of two.
        seed: Seed of the generators of points and of orders; the same seed gives the same effects.
        run: What calls the batches; the same bits from each.

    Returns:
        The effects of every output.

    Raises:
        SensitivityError: If groups or ``n`` cannot be used, or the model returns another shape than it should.

    >>> from ssc_index.sensitivity.model import groups_from_sizes
    >>> found = shapley_effects(lambda u: 2 * u[:, :1] + u[:, 1:], groups_from_sizes({"x": 1, "y": 1}), 1024, 1)
    >>> found.effects[:, 0].round(2)
    array([0.8, 0.2])
    """
    n_columns = check_groups(groups)
    points = batches(n_columns, n, seed)
    centre = centre_of(evaluate(model, np.full((1, 1, n_columns), 0.5))[0, 0])
    task = partial(_sums_of_batch, model, tuple(groups), seed, centre)
    sums = list(run(task, points))
    names = tuple(group.name for group in groups)
    return _effects(names, n, n * (len(groups) + 1) + 1, sums, centre)


def effects_of_outputs(groups: Sequence[str], outputs: Floats, orders: Ints) -> Effects:
    """Effects from walks that are already there.

    Args:
        groups: Names of the groups.
        outputs: Outputs along each walk, shape (n, n_groups + 1, n_outputs); NaN is missing.
        orders: Which group each step replaces, shape (n, n_groups).

    Returns:
        The effects; each walk is a batch of its own.
    """
    centre = centre_of(outputs[0, 0])
    sums = [_sums(outputs[walk : walk + 1], orders[walk : walk + 1], centre) for walk in range(len(outputs))]
    return _effects(tuple(groups), len(outputs), outputs.shape[0] * outputs.shape[1], sums, centre)


def _sums_of_batch(model: Model, groups: tuple[Group, ...], seed: int, centre: Floats, points: Points) -> Floats:
    """Evaluate a batch a few walks at a time and add up."""
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, points.number])))
    orders = random.permuted(np.tile(np.arange(len(groups)), (len(points.a), 1)), axis=1)
    sums = []
    for start in range(0, len(orders), FAMILIES_AT_ONCE):
        part = slice(start, start + FAMILIES_AT_ONCE)
        rows = walks(Points(points.number, points.a[part], points.b[part]), groups, orders[part])
        sums.append(_sums(evaluate(model, rows), orders[part], centre))
    return add_up(sums)


def _sums(outputs: Floats, orders: Ints, centre: Floats) -> Floats:
    """Sums over walks, shape (4 + n_groups, n_outputs).

    Rows: walks used; A and B; A squared and B squared; (A - B) squared; by group its step times (A - B).
    """
    y, missing = centred(outputs, centre)
    sums = np.zeros((4 + orders.shape[1], y.shape[-1]))
    sums[0] = np.count_nonzero(~missing, axis=0)
    for walk, order in zip(y, orders, strict=True):
        a, b = walk[0], walk[-1]
        whole = a - b
        sums[1] += a + b
        sums[2] += a * a + b * b
        sums[3] += whole * whole
        sums[4 + order] += (walk[:-1] - walk[1:]) * whole
    return sums


def _shares(sums: Floats) -> Floats:
    """Effects from sums, shape (n_groups, n_outputs)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares: Floats = sums[4:] / sums[3]
    return shares


def _effects(names: tuple[str, ...], n: int, runs: int, sums: Sequence[Floats], centre: Floats) -> Effects:
    """Effects and their errors from the sums of all batches."""
    whole = add_up(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = whole[1] / (2 * whole[0])
        variance = whole[2] / (2 * whole[0]) - mean * mean
        flat = is_flat(variance, mean, centre)
    effects, error = _shares(whole), jackknife(_shares, whole, sums)
    for array in (effects, error):
        array[:, flat | (whole[0] < 2)] = np.nan
    used = whole[0].astype(np.int64)
    return Effects(names, n, len(sums), runs, used, np.where(flat, 0.0, variance), effects, error)
