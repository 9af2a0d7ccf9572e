"""The loop of `outranking` that is compiled: plain Python that Numba translates, and that runs without it.

What belongs here: duels of all pairs of rows. What does not: anything else; a module of its own so that the compiled
form is kept from run to run.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TILE = 512  # rows met at a time; their places of all children stay in the nearest memory


def duels(
    above: NDArray[np.uint16],
    below: NDArray[np.uint16],
    small: NDArray[np.int32],
    weights: NDArray[np.int64],
    doubt: int,
) -> NDArray[np.int64]:
    """Duels won less duels lost of each row.

    Args:
        above: Place of each child and row, 1 the worst; the greatest number where missing; shape (k, n_rows).
        below: The same, 0 where missing.
        small: Weights in few bits, shape (k,).
        weights: Weights in full, shape (k,).
        doubt: A lead of so much or less in small weights is told by the full ones; 0 where both are in proportion.
    """
    k, n = above.shape
    won = np.zeros(n, dtype=np.int64)
    lead = np.empty(TILE, dtype=small.dtype)
    nothing = small[0] - small[0]
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        for row in range(stop):
            first = max(start, row + 1)
            width = stop - first
            if width <= 0:
                continue
            for place in range(width):
                lead[place] = nothing
            for child in range(k):
                mine = below[child, row]
                if mine == 0:
                    continue
                weight = small[child]
                up, down = above[child, first:stop], below[child, first:stop]
                for place in range(width):
                    lead[place] += (weight if mine > up[place] else nothing) - (
                        weight if mine < down[place] else nothing
                    )
            total = np.int64(0)
            for place in range(width):
                gain = np.int64(lead[place])
                if doubt > 0 and -doubt <= gain <= doubt:
                    gain = np.int64(0)
                    for child in range(k):
                        mine = below[child, row]
                        if mine != 0:
                            other = below[child, first + place]
                            if other != 0:
                                gain += weights[child] * (np.int64(mine > other) - np.int64(mine < other))
                sign = np.int64(gain > 0) - np.int64(gain < 0)
                total += sign
                won[first + place] -= sign
            won[row] += total
    return won
