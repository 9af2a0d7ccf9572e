"""Designs: base points of a scrambled Sobol' sequence, and the families of rows made of them.

What belongs here: points and rows. What does not: the evaluation of a model and any estimator (`sobol.py`,
`shapley.py`).

Source: Saltelli et al., Computer Physics Communications 181 (2010) 259-270; Owen, Journal of Complexity 14 (1998)
466-489, for the scrambling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ssc_index.sensitivity.model import Group, SensitivityError
from ssc_index.steps.state import Ints
from ssc_index.values import Floats

MAX_BATCHES = 64
FAMILIES_AT_ONCE = 16
BITS = 30


class Points(NamedTuple):
    """One batch of base points.

    Attributes:
        number: Number of the batch, from 0.
        a: Points A, shape (n, n_columns).
        b: Points B, the same shape.
    """

    number: int
    a: Floats
    b: Floats


def check_size(n: int) -> None:
    """Check the number of base points.

    Raises:
        SensitivityError: If it is no power of two from 4 on: a Sobol' sequence is balanced at these only.
    """
    if n < 4 or n & (n - 1):
        near = max(4, 1 << max(n - 1, 1).bit_length())
        raise SensitivityError(
            "design", [f"n = {n} base points: a Sobol' sequence wants a power of two, such as {near}"]
        )


def batches(n_columns: int, n: int, seed: int) -> Iterator[Points]:
    """Draw base points, batch by batch.

    Each point of a scrambled Sobol' sequence of 2 x n_columns dimensions gives a point of A (first half) and a
    point of B (second half). The bits of a coordinate are 30, and half a step is added, so that none is 0 or 1.
    A batch is the unit of summation: there are 64 of equal size, or as many as points if these are fewer.

    Args:
        n_columns: Columns of the unit cube.
        n: Number of base points, a power of two.
        seed: Seed of the generator that scrambles; 0 is a seed.

    Yields:
        The batches in the order of the sequence.

    Raises:
        SensitivityError: If ``n`` is not a power of two from 4 on.
    """
    from scipy.stats import qmc  # imported here: it takes long to import

    check_size(n)
    random = np.random.Generator(np.random.Philox(seed))
    sequence = qmc.Sobol(2 * n_columns, scramble=True, bits=BITS, rng=random)
    size = n // min(n, MAX_BATCHES)
    for number in range(n // size):
        points = sequence.random(size) + 0.5 ** (BITS + 1)
        yield Points(number, points[:, :n_columns], points[:, n_columns:])


def pick_freeze(points: Points, groups: Sequence[Group], second_order: bool) -> Floats:
    """Make the family of each base point.

    Args:
        points: Base points.
        groups: Groups of columns.
        second_order: Whether to add the rows BA.

    Returns:
        Shape (n, n_family, n_columns). A family is A, then A with group g from B for every g (the last group
        first), then B; for second order also B with group g from A for every g (the last first).
    """
    halves = [_replaced(points.a, points.b, groups), points.b[:, None]]
    if second_order:
        halves.append(_replaced(points.b, points.a, groups)[:, 1:])
    return np.concatenate(halves, axis=1)


def _replaced(base: Floats, other: Floats, groups: Sequence[Group]) -> Floats:
    """A row, then the row with one group's columns from the other row, the last group first."""
    rows = np.repeat(base[:, None], 1 + len(groups), axis=1)
    for place, group in enumerate(reversed(groups), start=1):
        rows[:, place, group.columns] = other[:, group.columns]
    return rows


def walks(points: Points, groups: Sequence[Group], orders: Ints) -> Floats:
    """Walk from A to B, one group at a time.

    Args:
        points: Base points.
        groups: Groups of columns.
        orders: For each base point the order in which its groups are replaced, shape (n, n_groups).

    Returns:
        Shape (n, n_groups + 1, n_columns): A, then one more group from B in each row, B in the end.
    """
    rows = np.repeat(points.a[:, None], 1 + len(groups), axis=1)
    place = np.argsort(orders, axis=1)
    for number, group in enumerate(groups):
        from_b = np.arange(len(groups) + 1)[None, :] > place[:, number, None]
        rows[:, :, group.columns] = np.where(
            from_b[:, :, None], points.b[:, None, group.columns], rows[:, :, group.columns]
        )
    return rows
