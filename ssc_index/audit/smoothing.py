"""A curve through points: penalised cubic B-splines (P-splines), many curves at a time.

What belongs here: the smoother and the choice of its penalty. What does not: what a curve says (`importance.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_index import elementary
from ssc_index.values import Floats

SEGMENTS = 20
ORDER = 4
COEFFICIENTS = SEGMENTS + ORDER - 1
PENALTIES = elementary.power(10.0, np.arange(-5.0, 6.25, 0.25))
CURVES_AT_A_TIME = 128


@dataclass(frozen=True)
class Curves:
    """Curves fitted to m sets of points.

    Attributes:
        fitted: Fitted values, shape (m, n); meaningless where there is no point.
        criterion: Corrected AIC of the chosen penalty, shape (m,).
        freedom: Degrees of freedom, shape (m,); 2 is a straight line.
    """

    fitted: Floats
    criterion: Floats
    freedom: Floats


def smooth(x: Floats, y: Floats, there: NDArray[np.bool_]) -> Curves:
    """Fit a P-spline to each set of points: 20 segments, second differences, the penalty by the corrected AIC.

    The line of least squares is taken out first, for the penalty leaves lines as they are; the spline is of what is
    left. ``(G + λnR) c = b`` is solved for all penalties side by side: G (of the basis) and R (of the differences)
    are banded, and the degrees of freedom ``tr (G + λnR)⁻¹G`` need no more of the inverse than the band.

    Args:
        x: Shape (m, n), from 0 to 1, not all alike; 0 where there is no point.
        y: Shape (m, n), mean 0; 0 where there is no point.
        there: Where there is a point, shape (m, n); at least five in a row.

    Returns:
        The curves.

    Source: Eilers and Marx (1996), Statistical Science 11(2), 89-121 (the spline); Hurvich, Simonoff and Tsai (1998),
    J. R. Statist. Soc. B 60(2), 271-293 (the choice of its penalty); Hutchinson and de Hoog (1985), Numerische
    Mathematik 47, 99-106 (the band of the inverse).
    """
    n = there.sum(axis=1)
    centred = np.where(there, x - (x.sum(axis=1) / n)[:, None], 0.0)
    slope = (centred * y).sum(axis=1) / (centred * centred).sum(axis=1)
    line = slope[:, None] * centred
    rest = y - line
    place = np.minimum((x * SEGMENTS).astype(np.int64), SEGMENTS - 1)
    pieces = _pieces(x * SEGMENTS - place) * there
    gram, right = _normal_equations(place, pieces, rest)
    spread = (rest * rest).sum(axis=1)
    choices = [
        _choose(gram[:, :, part], right[:, part], spread[part], n[part])
        for part in (slice(at, at + CURVES_AT_A_TIME) for at in range(0, n.size, CURVES_AT_A_TIME))
    ]
    solved, criterion, freedom = (np.concatenate(parts, axis=-1) for parts in zip(*choices, strict=True))
    row = np.arange(n.size)[:, None]
    bend = sum(piece * solved[place + at, row] for at, piece in enumerate(pieces))
    return Curves(line + bend, criterion, freedom)


def _pieces(t: Floats) -> Floats:
    """The four cubic B-splines that are not 0 at a place ``t``, 0 to 1, within its segment; shape (4, m, n)."""
    square, rest = t * t, 1 - t
    cube = square * t
    return np.stack([rest * rest * rest, 3 * cube - 6 * square + 4, 3 * (square - cube + t) + 1, cube]) / 6


def _normal_equations(place: NDArray[np.int64], pieces: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The band of ``BᵀB``, shape (4, 23, m): offset, row, curve; and ``Bᵀy``, shape (23, m)."""
    m = place.shape[0]
    cells = (place * m + np.arange(m)[:, None]).ravel()

    def by_segment(weights: Floats) -> Floats:
        sums: Floats = np.bincount(cells, weights.ravel(), SEGMENTS * m).astype(np.float64, copy=False)
        return sums.reshape(SEGMENTS, m)

    gram, right = np.zeros((ORDER, COEFFICIENTS, m)), np.zeros((COEFFICIENTS, m))
    for i in range(ORDER):
        right[i : i + SEGMENTS] += by_segment(pieces[i] * y)
        for j in range(i, ORDER):
            gram[j - i, i : i + SEGMENTS] += by_segment(pieces[i] * pieces[j])
    return gram, right


def _roughness() -> Floats:
    """The band of ``DᵀD``, D the second differences, shape (4, 23): offset, row; 0 past the end."""
    difference = np.diff(np.eye(COEFFICIENTS), n=2, axis=0)
    whole = difference.T @ difference
    return np.array([np.append(np.diag(whole, offset), np.zeros(offset)) for offset in range(ORDER)])


def _choose(gram: Floats, right: Floats, spread: Floats, n: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Coefficients of the best penalty of each curve, shape (23, m), its criterion and degrees of freedom."""
    gram, penalties = gram[..., None], PENALTIES * n[:, None]
    lower, pivots = _factor(gram, penalties)
    solved = _solve(lower, pivots, right[..., None])
    freedoms = _trace(lower, pivots, gram)
    left_over = spread[:, None] + _bent(gram, right[..., None], solved)
    least = np.maximum(np.finfo(np.float64).eps * spread, np.finfo(np.float64).tiny)
    variances = np.maximum(left_over, least[:, None]) / n[:, None]
    left = n[:, None] - freedoms - 2
    criteria = np.where(left > 1, elementary.ln(variances) + 2 * (freedoms + 1) / np.maximum(left, 1), np.inf)
    best = criteria.argmin(axis=1)
    row = np.arange(n.size)
    return solved[:, row, best], criteria[row, best], freedoms[row, best]


def _factor(gram: Floats, penalties: Floats) -> tuple[Floats, Floats]:
    """Factors of ``G + λR = L diag(d) Lᵀ``, for each curve and penalty.

    Args:
        gram: The band of G, shape (4, k, m, 1): offset, row.
        penalties: λ, shape (m, n_penalties).

    Returns:
        L below its diagonal of ones, shape (4, k, m, n_penalties): ``[i, j]`` is row ``j + i`` of column j; and d,
        shape (k, m, n_penalties).
    """
    size, roughness = gram.shape[1], _roughness()
    lower = np.empty((ORDER, size, *penalties.shape))
    pivots = np.empty((size, *penalties.shape))
    for j in range(size):
        scaled = [lower[back, j - back] * pivots[j - back] for back in range(1, min(j, ORDER - 1) + 1)]
        for i in range(min(ORDER, size - j)):
            entry = roughness[i, j] * penalties
            entry += gram[i, j]
            for back, one in enumerate(scaled[: ORDER - 1 - i], 1):
                entry -= lower[i + back, j - back] * one
            if i == 0:
                pivots[j] = entry
            else:
                np.divide(entry, pivots[j], out=lower[i, j])
    return lower, pivots


def _solve(lower: Floats, pivots: Floats, right: Floats) -> Floats:
    """Solve ``L diag(d) Lᵀ c = b``, shape (k, m, n_penalties)."""
    size = pivots.shape[0]
    solved = np.broadcast_to(right, pivots.shape).copy()
    for j in range(size):
        for i in range(1, min(ORDER, size - j)):
            solved[j + i] -= lower[i, j] * solved[j]
    for j in reversed(range(size)):
        solved[j] /= pivots[j]
        for i in range(1, min(ORDER, size - j)):
            solved[j] -= lower[i, j] * solved[j + i]
    return solved


def _trace(lower: Floats, pivots: Floats, gram: Floats) -> Floats:
    """``tr A⁻¹G`` of ``A = L diag(d) Lᵀ``, shape (m, n_penalties); the inverse is built from its last row up."""
    size = pivots.shape[0]
    trace = np.zeros(pivots.shape[1:])
    beneath: list[list[Floats]] = []  # the band of the inverse in the three rows beneath, the nearest first
    for j in reversed(range(size)):
        reach = range(1, min(ORDER, size - j))
        row = [1 / pivots[j]]
        for i in reach:
            entry = np.zeros(trace.shape)
            for k in reach:
                entry -= lower[k, j] * beneath[min(i, k) - 1][abs(i - k)]
            row.append(entry)
            trace += 2 * gram[i, j] * entry
        for k in reach:
            row[0] -= lower[k, j] * row[k]
        trace += gram[0, j] * row[0]
        beneath = [row, *beneath[: ORDER - 2]]
    return trace


def _bent(gram: Floats, right: Floats, solved: Floats) -> Floats:
    """``cᵀGc − 2bᵀc``, shape (m, n_penalties): what a curve adds to the sum of squares about it."""
    total = np.zeros(solved.shape[1:])
    for j in range(solved.shape[0]):
        reached = gram[0, j] * solved[j] - 2 * right[j]
        for i in range(1, min(ORDER, solved.shape[0] - j)):
            reached += 2 * gram[i, j] * solved[j + i]
        total += reached * solved[j]
    return total
