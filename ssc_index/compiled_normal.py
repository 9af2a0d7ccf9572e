"""The loop of `impute_normal` that is compiled: plain Python that Numba translates, and that runs without it.

What belongs here: the E step of EM, a few rows side by side. What does not: anything else; a module of its own so that
the compiled form is kept from run to run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

LANES = 16  # rows side by side: their blocks lie lane by lane, so that every inner loop is vectorised


def complete_part(
    there: NDArray[np.bool_], push: Floats, inverse: Floats, centred: Floats, spare: Floats, lanes: int
) -> None:
    """Complete rows by their conditional means and add up their conditional covariances.

    For a row with missing columns m: ``C = Λ_mm⁻¹`` by sweeping its lower triangle in place (the matrix is positive
    definite: no pivoting), ``x_m − μ_m = C push_m``. Rows are taken by the number of their holes, ``lanes`` at a time;
    one with fewer holes than its neighbours gets rows of the identity, which move no bit of its own.

    Args:
        there: Which cells are observed, shape (n_rows, k).
        push: ``−Λ (x_o − μ_o)``, with 0 for missing cells, shape (n_rows, k).
        inverse: Λ, the inverse of the covariance, shape (k, k).
        centred: Holds the observed cells less their means and receives the others, shape (n_rows, k).
        spare: Zeros; receives the sum of C over the rows, shape (k, k).
        lanes: Rows side by side (`LANES`).

    Source: Beaton (1964); Goodnight (1979), The American Statistician 33, 149–158 (the sweep operator).
    """
    n_rows, k = there.shape
    count = np.zeros(n_rows, dtype=np.int64)
    starts = np.zeros(k + 2, dtype=np.int64)
    for row in range(n_rows):
        for column in range(k):
            count[row] += not there[row, column]
        starts[count[row] + 1] += 1
    for m in range(k + 1):
        starts[m + 1] += starts[m]
    whole = starts[1]  # rows without a hole come first
    order = np.empty(n_rows, dtype=np.int64)
    for row in range(n_rows):
        order[starts[count[row]]] = row
        starts[count[row]] += 1
    holes = np.zeros((lanes, k), dtype=np.int64)
    block = np.zeros((k * (k + 1) // 2, lanes))
    line, shift, weight = np.zeros((k, lanes)), np.zeros((k, lanes)), np.zeros((k, lanes))
    scale, factor = np.zeros(lanes), np.zeros(lanes)
    for first in range(whole, n_rows, lanes):
        here = min(lanes, n_rows - first)
        most = count[order[first + here - 1]]
        for lane in range(lanes):
            m = 0
            if lane < here:
                row = order[first + lane]
                for column in range(k):
                    if not there[row, column]:
                        holes[lane, m] = column
                        weight[m, lane] = push[row, column]
                        m += 1
            for a in range(m):
                at = a * (a + 1) // 2
                for b in range(a + 1):
                    block[at + b, lane] = inverse[holes[lane, a], holes[lane, b]]
            for a in range(m, most):
                at = a * (a + 1) // 2
                for b in range(a):
                    block[at + b, lane] = 0.0
                block[at + a, lane] = 1.0
                weight[a, lane] = 0.0
        for pivot in range(most):
            own = pivot * (pivot + 1) // 2
            for lane in range(lanes):
                scale[lane] = 1.0 / block[own + pivot, lane]
            for a in range(most):
                at = own + a if a < pivot else a * (a + 1) // 2 + pivot
                for lane in range(lanes):
                    line[a, lane] = block[at, lane]
            for lane in range(lanes):
                line[pivot, lane] = 0.0
            for a in range(most):
                at = a * (a + 1) // 2
                for lane in range(lanes):
                    factor[lane] = line[a, lane] * scale[lane]
                for b in range(a + 1):
                    for lane in range(lanes):
                        block[at + b, lane] -= factor[lane] * line[b, lane]
            for a in range(most):
                at = own + a if a < pivot else a * (a + 1) // 2 + pivot
                for lane in range(lanes):
                    block[at, lane] = line[a, lane] * scale[lane]
            for lane in range(lanes):
                block[own + pivot, lane] = -scale[lane]
        for a in range(most):
            at = a * (a + 1) // 2
            for lane in range(lanes):
                shift[a, lane] = -block[at + a, lane] * weight[a, lane]
            for b in range(a):
                for lane in range(lanes):
                    shift[a, lane] -= block[at + b, lane] * weight[b, lane]
                    shift[b, lane] -= block[at + b, lane] * weight[a, lane]
        for lane in range(here):
            row = order[first + lane]
            for a in range(count[row]):
                at, column = a * (a + 1) // 2, holes[lane, a]
                centred[row, column] = shift[a, lane]
                for b in range(a + 1):
                    spare[column, holes[lane, b]] -= block[at + b, lane]
    for a in range(k):
        for b in range(a):
            spare[b, a] = spare[a, b]
