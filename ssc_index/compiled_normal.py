"""The loop of `impute_normal` that is compiled: plain Python that Numba translates, and that runs without it.

What belongs here: the E step of EM, row by row. What does not: anything else; a module of its own so that the
compiled form is kept from run to run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats


def complete_part(
    there: NDArray[np.bool_], push: Floats, mean: Floats, inverse: Floats, completed: Floats, spare: Floats
) -> None:
    """Complete rows by their conditional means and add up their conditional covariances.

    For a row with missing columns m: ``C = Λ_mm⁻¹`` by Gauss–Jordan elimination in place (the matrix is positive
    definite: no pivoting), ``x_m = μ_m + C push_m``. Inner loops run along rows of memory and sum nothing up, so that
    they are vectorised without a change of order.

    Args:
        there: Which cells are observed, shape (n_rows, k).
        push: ``−Λ (x_o − μ_o)``, with 0 for missing cells, shape (n_rows, k).
        mean: Shape (k,).
        inverse: Λ, the inverse of the covariance, shape (k, k).
        completed: Holds the observed cells and receives the others, shape (n_rows, k).
        spare: The sum of C over the rows is added to it, shape (k, k).
    """
    n_rows, k = there.shape
    holes = np.empty(k, dtype=np.int64)
    block = np.empty((k, k))
    shift = np.empty(k)
    line = np.empty(k)
    for row in range(n_rows):
        m = 0
        for column in range(k):
            if not there[row, column]:
                holes[m] = column
                m += 1
        for a in range(m):
            for b in range(m):
                block[a, b] = inverse[holes[a], holes[b]]
        for pivot in range(m):
            scale = 1.0 / block[pivot, pivot]
            for b in range(m):
                line[b] = block[pivot, b] * scale
            line[pivot] = scale
            for a in range(m):
                factor = block[a, pivot]
                block[a, pivot] = 0.0
                for b in range(m):
                    block[a, b] -= factor * line[b]
            for b in range(m):
                block[pivot, b] = line[b]
        shift[:m] = 0.0
        for a in range(m):
            weight = push[row, holes[a]]
            for b in range(m):
                shift[b] += weight * block[a, b]
                spare[holes[a], holes[b]] += block[a, b]
        for a in range(m):
            completed[row, holes[a]] = mean[holes[a]] + shift[a]
