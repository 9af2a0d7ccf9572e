"""First-order, total and second-order Sobol' indices of many outputs at once, with their standard errors.

What belongs here: the sums over base points, the indices from the sums, and the driver. What does not: how points
are drawn (`design.py`).

With A, B two points and AB_g the point A with group g from B, for an output f with mean m and variance V:

* first order, ``S_g = mean((f(B) - m) (f(AB_g) - f(A))) / V`` (Saltelli 2010, table 2 (b), on centred output);
* total, ``T_g = mean((f(A) - f(AB_g))^2) / (2 V)`` (Jansen 1999);
* second order, ``S_gh = mean((f(BA_g) - m) (f(AB_h) - m) - (f(A) - m) (f(B) - m)) / V - S_g - S_h`` (Saltelli 2002).

m and V are over all A and B, V with the divisor 2n. Sums are kept by batch of base points, so memory does not grow
with n; standard errors are the jackknife over batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise

import numpy as np

from ssc_index.sensitivity.batches import Map, add_up, centre_of, centred, evaluate, interval, is_flat, jackknife
from ssc_index.sensitivity.design import FAMILIES_AT_ONCE, MAX_BATCHES, Points, batches, pick_freeze
from ssc_index.sensitivity.model import Group, Model, SensitivityError, check_groups
from ssc_index.steps.state import Ints
from ssc_index.values import Floats


@dataclass(frozen=True)
class Indices:
    """Sobol' indices of every output.

    Attributes:
        groups: Names of the groups.
        n: Number of base points.
        n_batches: Number of batches, on which the errors rest.
        runs: How often the model was evaluated.
        n_used: Base points whose whole family has the output, shape (n_outputs,); the indices rest on these.
        mean: Mean of the output over all A and B, shape (n_outputs,); NaN without a base point.
        variance: Variance of the output over all A and B, shape (n_outputs,); 0 where it varies by no more than
            rounding.
        first: First-order indices, shape (n_groups, n_outputs); NaN where the output does not vary or has fewer
            than two base points.
        first_error: Their standard errors; NaN where the index is, or where fewer than two batches have data.
        total: Total indices, as ``first``.
        total_error: Their standard errors.
        pairs: Positions of the two groups of each second-order index; empty unless asked for.
        second: Second-order indices, shape (n_pairs, n_outputs).
        second_error: Their standard errors.
    """

    groups: tuple[str, ...]
    n: int
    n_batches: int
    runs: int
    n_used: Ints
    mean: Floats
    variance: Floats
    first: Floats
    first_error: Floats
    total: Floats
    total_error: Floats
    pairs: tuple[tuple[int, int], ...]
    second: Floats
    second_error: Floats

    def interval(self, which: str, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Confidence interval of the ``first``, ``total`` or ``second`` indices: its two ends, each of their shape."""
        return interval(getattr(self, which), getattr(self, f"{which}_error"), self.n_batches, confidence)


def sensitivity(
    model: Model,
    groups: Sequence[Group],
    n: int,
    seed: int,
    *,
    second_order: bool = False,
    run: Map = map,
) -> Indices:
    """Estimate the indices of a model.

    The model runs ``n (n_groups + 2)`` times, for second order ``n (2 n_groups + 2)`` times, and once for a centre.

    Args:
        model: A function of the unit cube.
        groups: Groups of its columns, in the order of its computation.
        n: Number of base points, a power of two.
        seed: Key of the generator that scrambles the sequence.
        second_order: Whether to estimate second-order indices.
        run: What calls the batches: ``map``, or the ``map`` of an executor or cluster; the same bits from each.

    Returns:
        The indices of every output.

    Raises:
        SensitivityError: If groups or ``n`` cannot be used, or the model returns another shape than it should.

    >>> from ssc_index.sensitivity.model import groups_from_sizes
    >>> found = sensitivity(lambda u: 2 * u[:, :1] + u[:, 1:], groups_from_sizes({"x": 1, "y": 1}), 1024, 1)
    >>> found.total[:, 0].round(2)
    array([0.8, 0.2])
    """
    n_columns = check_groups(groups)
    points = batches(n_columns, n, seed)
    centre = centre_of(evaluate(model, np.full((1, 1, n_columns), 0.5))[0, 0])
    task = partial(_sums_of_batch, model, tuple(groups), second_order, centre)
    sums = list(run(task, points))
    runs = n * ((2 if second_order else 1) * len(groups) + 2) + 1
    return _indices(tuple(group.name for group in groups), n, runs, sums, centre, second_order)


def indices_of_outputs(groups: Sequence[str], a: Floats, b: Floats, ab: Floats, ba: Floats | None = None) -> Indices:
    """Indices of outputs that are already there, for example from a recorded design.

    Args:
        groups: Names of the groups.
        a: Outputs at the points A, shape (n, n_outputs); NaN is an output that the run does not have.
        b: Outputs at the points B.
        ab: Outputs at the points AB, shape (n_groups, n, n_outputs).
        ba: Outputs at the points BA, the same shape; with them second-order indices are estimated.

    Returns:
        The indices.

    Raises:
        SensitivityError: If the shapes do not agree.
    """
    n, shape = a.shape[0], (len(groups), *a.shape)
    if b.shape != a.shape or ab.shape != shape or (ba is not None and ba.shape != shape):
        shapes = [a.shape, b.shape, ab.shape] + ([] if ba is None else [ba.shape])
        raise SensitivityError("outputs", [f"shapes {shapes} are not (n, outputs) twice, then (groups, n, outputs)"])
    parts = [a[:, None], ab[::-1].swapaxes(0, 1), b[:, None]] + ([] if ba is None else [ba[::-1].swapaxes(0, 1)])
    family = np.concatenate(parts, axis=1)
    centre = centre_of(a[0])
    count = min(n, MAX_BATCHES)
    bounds = [number * n // count for number in range(count + 1)]
    sums = [_sums(family[start:stop], len(groups), ba is not None, centre) for start, stop in pairwise(bounds)]
    return _indices(tuple(groups), n, n * family.shape[1], sums, centre, ba is not None)


def _sums_of_batch(
    model: Model, groups: tuple[Group, ...], second_order: bool, centre: Floats, points: Points
) -> Floats:
    """Evaluate a batch a few families at a time and add up."""
    sums = []
    for start in range(0, len(points.a), FAMILIES_AT_ONCE):
        part = slice(start, start + FAMILIES_AT_ONCE)
        family = pick_freeze(Points(points.number, points.a[part], points.b[part]), groups, second_order)
        sums.append(_sums(evaluate(model, family), len(groups), second_order, centre))
    return add_up(sums)


def _sums(family: Floats, n_groups: int, second_order: bool, centre: Floats) -> Floats:
    """Sums over families, shape (n_sums, n_outputs); A, B, AB and BA are less the centre.

    Rows: families used; A; A squared; B; B squared; then by group AB - A, its square, and B (AB - A); for second
    order by group BA - B, and by pair BA_g AB_h - A B.
    """
    y, missing = centred(family, centre)
    pairs = list(combinations(range(n_groups), 2)) if second_order else []
    sums = np.zeros((5 + (4 if second_order else 3) * n_groups + len(pairs), y.shape[-1]))
    sums[0] = np.count_nonzero(~missing, axis=0)
    shifts, squares, products = (sums[5 + part * n_groups :][:n_groups] for part in range(3))
    shift, work = np.empty(shifts.shape), np.empty(shifts.shape)
    for one in y:  # family by family, so that the bits of an output do not depend on how many there are
        a, b, ab = one[0], one[n_groups + 1], one[n_groups:0:-1]
        sums[1] += a
        sums[2] += a * a
        sums[3] += b
        sums[4] += b * b
        shifts += np.subtract(ab, a, out=shift)
        products += np.multiply(shift, b, out=work)
        squares += np.multiply(shift, shift, out=work)
        if second_order:
            ba = one[: n_groups + 1 : -1]
            g, h = (list(side) for side in zip(*pairs, strict=True))
            sums[5 + 3 * n_groups :][:n_groups] += ba - b
            sums[5 + 4 * n_groups :] += ba[g] * ab[h] - a * b
    return sums


def _estimates(sums: Floats, n_groups: int, pairs: tuple[tuple[int, int], ...]) -> Floats:
    """First-order, total and second-order indices from sums, shape (2 n_groups + n_pairs, n_outputs)."""
    n = sums[0]
    by_group = sums[5:].reshape(-1, sums.shape[1])
    shift, square, product = (by_group[part * n_groups : (part + 1) * n_groups] for part in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, variance = _moments(sums)
        # Without the one batch in which an output varies there is no index, and so no error by leaving batches out.
        scale = np.where(variance > 0, n * variance, np.nan)
        first = (product - mean * shift) / scale
        parts = [first, square / (2 * scale)]
        if pairs:
            other = by_group[3 * n_groups : 4 * n_groups]
            g, h = (list(side) for side in zip(*pairs, strict=True))
            joint = by_group[4 * n_groups :] - mean * (other[g] + shift[h])
            parts.append(joint / scale - first[g] - first[h])
    return np.concatenate(parts)


def _moments(sums: Floats) -> tuple[Floats, Floats]:
    """Mean less the centre, and variance, over all A and B."""
    mean = (sums[1] + sums[3]) / (2 * sums[0])
    return mean, (sums[2] + sums[4]) / (2 * sums[0]) - mean * mean


def _indices(
    names: tuple[str, ...], n: int, runs: int, sums: Sequence[Floats], centre: Floats, second_order: bool
) -> Indices:
    """Indices and their errors from the sums of all batches, shape (n_sums, n_outputs) each."""
    whole, count = add_up(sums), len(names)
    pairs = tuple(combinations(range(count), 2)) if second_order else ()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, variance = _moments(whole)
        flat = is_flat(variance, mean, centre)
    estimate = _estimates(whole, count, pairs)
    error = jackknife(partial(_estimates, n_groups=count, pairs=pairs), whole, sums)
    for array in (estimate, error):
        array[:, flat | (whole[0] < 2)] = np.nan
    return Indices(
        groups=names,
        n=n,
        n_batches=len(sums),
        runs=runs,
        n_used=whole[0].astype(np.int64),
        mean=centre + mean,
        variance=np.where(flat, 0.0, variance),
        first=estimate[:count],
        first_error=error[:count],
        total=estimate[count : 2 * count],
        total_error=error[count : 2 * count],
        pairs=pairs,
        second=estimate[2 * count :],
        second_error=error[2 * count :],
    )
