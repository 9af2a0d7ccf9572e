"""Logarithms, exponentials, powers and products of tables with the same bits on every machine.

What belongs here: arithmetic that NumPy leaves to the processor at hand. Its logarithm and exponential have other last
bits where there is AVX-512, and a product of matrices adds in the order of the BLAS that the processor is given; a
release that was made here could not be verified there. What is here rests on sums, products, quotients and roundings of
single numbers, which IEEE 754 defines to the last bit. What does not belong here: anything that knows of an index.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_index.values import Floats

Integers = NDArray[np.int64]

# ln 2 in two parts: the first has 32 bits, so that whole multiples of it are exact.
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
HALF_ROOT = math.sqrt(0.5)
OVERFLOW, UNDERFLOW = 709.782712893384, -745.1332191019412
SERIES = 10  # terms beyond the first of the logarithm: the next is below 2⁻⁵⁷ of it
DEGREE = 13  # of the exponential: the next term is below 2⁻⁵⁷
EXACT_POWER = 64  # whole exponents up to here by repeated products
POWERS_OF_TEN = np.array([float(f"1e{power}") for power in range(-307, 309)])
SLICES = 3
BLOCK = 4096  # numbers at a time: the passes of a series stay in the processor's first cache

Function = Callable[[Floats | float], Floats]


def _by_blocks(function: Function) -> Function:
    """The same function, taken of some thousand numbers at a time."""

    @wraps(function)
    def of_all(x: Floats | float) -> Floats:
        values = np.asarray(x, dtype=np.float64)
        if values.size <= BLOCK:
            return function(values)
        order: Literal["C", "F"] = "F" if values.flags.f_contiguous else "C"
        flat, found = values.reshape(-1, order=order), np.empty(values.size)
        for start in range(0, values.size, BLOCK):
            found[start : start + BLOCK] = function(flat[start : start + BLOCK])
        return found.reshape(values.shape, order=order)

    return of_all


@_by_blocks
def ln(x: Floats | float) -> Floats:
    """Natural logarithm, within one unit in the last place.

    With ``x = 2^k (1 + f)``, ``s = f / (2 + f)`` and ``R = 2 s² / 3 + 2 s⁴ / 5 + …`` it is
    ``k ln 2 + f − (f²/2 − s (f²/2 + R))``.

    Args:
        x: Any shape.

    Returns:
        The same shape; −∞ of 0, NaN below 0.

    >>> ln(np.array([1.0, math.e, 0.0])).tolist()
    [0.0, 1.0, -inf]
    """
    values = np.asarray(x, dtype=np.float64)
    fraction, exponent = np.frexp(values)
    small = fraction < HALF_ROOT
    f = np.where(small, fraction + fraction, fraction) - 1.0
    k = (exponent - small).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # of 0, of less, of infinity: told below
        s = f / (2.0 + f)
        square, half = s * s, 0.5 * f * f
        rest = np.full(values.shape, 2.0 / (2 * SERIES + 1))
        for term in range(SERIES - 1, 0, -1):
            rest *= square
            rest += 2.0 / (2 * term + 1)
        rest *= square
        result = k * LN2_HIGH - ((half - (s * (half + rest) + k * LN2_LOW)) - f)
    result = np.where(values > 0, result, np.where(values == 0, -np.inf, np.nan))
    return np.where(np.isinf(values) & (values > 0), np.inf, result)


@_by_blocks
def exp(x: Floats | float) -> Floats:
    """Exponential, within one unit in the last place: ``2^k`` times the series of ``r``, ``x = k ln 2 + r``.

    Args:
        x: Any shape.

    Returns:
        The same shape; infinite above 709.78, 0 below −745.13.

    >>> exp(np.array([0.0, 2.0, -1e9])).tolist()
    [1.0, 7.38905609893065, 0.0]
    """
    values = np.asarray(x, dtype=np.float64)
    k, r = _reduced(values)
    result: Floats = np.ldexp(1.0 + _series(r), k)
    result = np.where(values > OVERFLOW, np.inf, np.where(values < UNDERFLOW, 0.0, result))
    exponential: Floats = np.where(np.isnan(values), np.nan, result)
    return exponential


@_by_blocks
def expm1(x: Floats | float) -> Floats:
    """``exp(x) − 1`` without cancelling near 0, any shape."""
    values = np.asarray(x, dtype=np.float64)
    near = np.abs(values) < 0.5 * math.log(2)
    result: Floats = np.where(near, _series(np.where(near, values, 0.0)), exp(values) - 1.0)
    return result


def _reduced(values: Floats) -> tuple[Integers, Floats]:
    """How many times ln 2 a number holds, and the rest, at most half of ln 2; 0 beyond what an exponential can be."""
    within = np.where((values > UNDERFLOW) & (values < OVERFLOW), values, 0.0)
    k = np.rint(within / math.log(2))
    return k.astype(np.int64), (within - k * LN2_HIGH) - k * LN2_LOW


def _series(r: Floats) -> Floats:
    """``r + r²/2 + r³/6 + …``"""
    rest: Floats = np.full(r.shape, 1.0 / math.factorial(DEGREE))
    for term in range(DEGREE - 1, 1, -1):
        rest *= r
        rest += 1.0 / math.factorial(term)
    return r + r * r * rest


def log1p(x: Floats | float) -> Floats:
    """``ln(1 + x)`` without losing a small x, any shape; −∞ of −1, NaN below.

    Source: the quotient that mends the rounding of 1 + x: Higham (2002), Accuracy and Stability of Numerical
    Algorithms, section 1.14.1.
    """
    values = np.asarray(x, dtype=np.float64)
    whole = 1.0 + values
    with np.errstate(invalid="ignore", divide="ignore"):
        mended = ln(whole) * (values / (whole - 1.0))
    found: Floats = np.where(whole == 1.0, values, np.where(np.isinf(whole) | (whole <= 0), ln(whole), mended))
    return found


def log2(x: Floats | float) -> Floats:
    """Logarithm to base 2, any shape; exact of powers of two."""
    fraction, exponent = np.frexp(np.asarray(x, dtype=np.float64))
    small = fraction < HALF_ROOT
    found: Floats = (exponent - small) + ln(np.where(small, fraction + fraction, fraction)) / math.log(2)
    return found


def log10(x: Floats | float) -> Floats:
    """Logarithm to base 10, any shape; exact of powers of ten."""
    values = np.asarray(x, dtype=np.float64)
    found = ln(values) / math.log(10)
    nearest = np.rint(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)).astype(np.int64)
    place = np.clip(nearest + 307, 0, POWERS_OF_TEN.size - 1)
    return np.where(POWERS_OF_TEN[place] == values, nearest.astype(np.float64), found)


def power(base: Floats | float, exponent: Floats | float) -> Floats:
    """``base ** exponent``: whole exponents up to 64 by repeated products, others by ``exp(exponent ln base)``.

    Args:
        base: Any shape.
        exponent: One number, or a shape that fits.

    Returns:
        NaN where the base is below 0 and the exponent not whole, and of NaN; 1 where the exponent is 0.

    >>> power(np.array([3.0, 0.25, -2.0]), np.array([2.0, 0.5, 3.0])).tolist()
    [9.0, 0.5, -8.0]
    """
    below, above = np.broadcast_arrays(np.asarray(base, dtype=np.float64), np.asarray(exponent, dtype=np.float64))
    exact = (above == 0.5) | ((above == np.rint(above)) & (np.abs(above) <= EXACT_POWER))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        whole, odd = above == np.rint(above), np.abs(above) % 2.0 == 1.0
        size = exp(above * ln(np.abs(below)))
        size = np.where(above == 0, 1.0, size)
        result = np.where((below < 0) & odd, -size, np.where((below < 0) & ~whole, np.nan, size))
        result = np.where(np.isnan(below) | np.isnan(above), np.nan, result)
        for one in np.unique(above[exact]).tolist():
            at = above == one
            result[at] = np.sqrt(below[at]) if one == 0.5 else _whole_power(below[at], int(one))
    return result


def _whole_power(base: Floats, exponent: int) -> Floats:
    """A whole power by squaring; the reciprocal of a negative one."""
    result, square, left = np.ones(base.shape), base, abs(exponent)
    while left:
        if left & 1:
            result = result * square
        left >>= 1
        if left:
            square = square * square
    return result if exponent >= 0 else 1.0 / result


def products(a: Floats, b: Floats) -> Floats:
    """``aᵀ b``, summed over the rows without any rounding that depends on their order.

    Each column is cut into slices of so few bits that all sums of products of two slices are exact, in whatever order
    they are added; these sums are then added up, the smallest first. What is left out is below the last bit of the
    product of the columns' largest numbers.

    Args:
        a: Shape (n_rows, k), finite.
        b: Shape (n_rows, m), finite.

    Returns:
        Shape (k, m).

    Source: Ozaki, Ogita, Oishi and Rump (2012), Numerical Algorithms 59, 95-118 (error-free products of matrices).

    >>> products(np.array([[1.0], [2.0]]), np.array([[3.0, 0.5], [4.0, 0.25]])).tolist()
    [[11.0, 1.0]]
    """
    bits = (53 - math.ceil(math.log2(max(len(a), 2)))) // 2
    left, of_a = _slices(a, bits)
    right, of_b = (left, of_a) if b is a else _slices(b, bits)
    total = np.zeros((a.shape[1], b.shape[1]))
    known: dict[tuple[int, int], Floats] = {}
    for order in range(SLICES - 1, -1, -1):
        for one in range(order + 1):
            other = order - one
            if one < len(left) and other < len(right):
                mirrored = known.get((other, one)) if b is a else None
                known[one, other] = left[one].T @ right[other] if mirrored is None else mirrored.T
                total += known[one, other]
    return np.ldexp(np.ldexp(total, of_a[:, None]), of_b[None, :])


def _slices(table: Floats, bits: int) -> tuple[list[Floats], Integers]:
    """Columns divided by powers of two above all of them, cut into slices of so many bits; and these powers.

    What is whole after fewer slices has no more of them.
    """
    exponent = np.frexp(np.abs(table).max(axis=0, initial=0.0))[1].astype(np.int64)
    rest = np.ldexp(table, -exponent[None, :])
    found = []
    for number in range(1, SLICES + 1):
        unit = 2.0 ** (-bits * number)
        part = rest * (1.0 / unit)
        np.rint(part, out=part)
        part *= unit
        found.append(part)
        rest -= part
        if not rest.any():
            break
    return found, exponent


def power_of_two_near(values: Floats) -> float:
    """A power of two that brings values near 1, so that their squares and fourth powers stay finite and above 0.

    A product with it changes no bit of any number but those next to 0.

    Args:
        values: Any shape, not empty, finite. Values so small that it would be infinite get the greatest that is not.

    >>> power_of_two_near(np.array([-5.0, 1.0]))
    0.125
    """
    return power_of_two_by(max(abs(float(values.max())), abs(float(values.min()))))


def power_of_two_by(greatest: float) -> float:
    """As `power_of_two_near`, of values whose greatest size is known."""
    return math.ldexp(1.0, min(-math.frexp(greatest)[1], 1000))
