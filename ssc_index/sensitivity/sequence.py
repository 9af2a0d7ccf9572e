"""A scrambled Sobol' sequence, bit for bit that of ``scipy.stats.qmc.Sobol``.

What belongs here: the sequence. What does not: what its points are used for (`design.py`).

SciPy's own takes a third of a second to import, more than the ten thousand replications of sixty cities take. Its table
of direction numbers is read where it lies.

Source: Joe and Kuo, SIAM Journal on Scientific Computing 30 (2008) 2635-2654, for the direction numbers; Matousek,
Journal of Complexity 14 (1998) 527-556, for the scrambling by a random matrix and a shift.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files

import numpy as np

from ssc_index.steps.state import Ints
from ssc_index.values import Floats

BITS = 30


def scrambled(n_dimensions: int, size: int, blocks: int, random: np.random.Generator) -> Iterator[Floats]:
    """Draw the first points of a sequence, block by block.

    In the order of the Gray code a block is the one before backwards, with the bits of one direction turned over.

    Args:
        n_dimensions: Dimensions, up to 21,201.
        size: Points of a block, a power of two.
        blocks: Number of blocks.
        random: What scrambles.

    Yields:
        Points, shape (size, n_dimensions), from 0 to below 1 in steps of ``2**-BITS``.
    """
    shift = random.integers(2, size=(n_dimensions, BITS), dtype=np.uint32) @ _powers()
    lower = np.tril(random.integers(2, size=(n_dimensions, BITS, BITS), dtype=np.uint32), -1) + np.eye(BITS)
    directions = _turned(direction_numbers(n_dimensions), lower)
    within = size.bit_length() - 1
    block = shift[None]
    for place in range(within):
        block = np.concatenate([block, block[::-1] ^ directions[:, place]])
    for number in range(1, blocks + 1):
        yield block.astype(np.float64) * 0.5**BITS
        lowest_bit = (number & -number).bit_length() - 1
        block = block[::-1] ^ directions[:, within + lowest_bit]


def direction_numbers(n_dimensions: int) -> Ints:
    """The direction numbers of Joe and Kuo, as numbers of `BITS` bits, shape (n_dimensions, BITS).

    >>> direction_numbers(3)[:, :3] / 2**BITS
    array([[0.5  , 0.25 , 0.125],
           [0.5  , 0.75 , 0.625],
           [0.5  , 0.75 , 0.375]])
    """
    with as_file(files("scipy") / "stats" / "_sobol_direction_numbers.npz") as path, np.load(path) as table:
        polynomials, first = table["poly"][:n_dimensions], table["vinit"][:n_dimensions]
    degrees = np.frexp(polynomials)[1] - 1
    numbers = np.ones((n_dimensions, BITS), dtype=np.int64)
    for place in range(BITS):
        known = place < degrees
        numbers[known, place] = first[known, place] if place < first.shape[1] else 0
        # The first dimension has no polynomial: all its numbers are 1.
        later = ~known & (degrees > 0)
        made = numbers[later, place - degrees[later]]
        for back in range(1, min(place, degrees.max(initial=0)) + 1):
            counts = (back <= degrees[later]) & (polynomials[later] >> np.maximum(degrees[later] - back, 0) & 1 == 1)
            made = made ^ np.where(counts, numbers[later, place - back] << back, 0)
        numbers[later, place] = made
    return (numbers << np.arange(BITS)[::-1]).astype(np.uint32)


def _turned(directions: Ints, lower: Floats) -> Ints:
    """Directions whose bits, the highest first, are multiplied by a matrix modulo 2, one for each dimension."""
    bits = directions[:, :, None] >> np.arange(BITS, dtype=np.uint32)[::-1] & 1
    turned = (bits @ lower.transpose(0, 2, 1)).astype(np.uint32) & 1
    return turned @ _powers()[::-1]


def _powers() -> Ints:
    """Powers of two, the lowest first, shape (BITS,)."""
    return 1 << np.arange(BITS, dtype=np.uint32)
