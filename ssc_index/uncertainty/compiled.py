"""Compiled arithmetic of single numbers: logarithm, exponential and Philox, written so that loops of them vectorise.

What belongs here: functions of a few numbers without arrays. What does not: any loop over cities (`kernel.py`).
Polynomials are Chebyshev fits in single precision: relative error below 4e-7, the same bits on every processor that
keeps IEEE 754, for nothing here may be reordered.
"""

# mypy: ignore-errors
# Numba types these functions, from the arrays they are called with.
from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

F = np.float32
J = np.int32
U = np.uint64


@intrinsic
def bits(_context: Any, _number: Any) -> Any:
    """The bits of a float32 as an int32."""

    def generate(_ctx: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def float_of(_context: Any, _number: Any) -> Any:
    """The float32 that an int32 is the bits of."""

    def generate(_ctx: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.bitcast(given[0], ir.FloatType())

    return types.float32(types.int32), generate


@njit(inline="always", error_model="numpy")
def ln(x: Any) -> Any:
    """Natural logarithm of a positive normal float32; −∞ for 0 and less; NaN of NaN."""
    raw = bits(x)
    power = J(J(raw - J(0x3F3504F3)) >> J(23))
    m = F(float_of(J(raw - J(power << J(23)))) - F(1.0))
    p = F(0.09004202)
    p = F(p * m + F(-0.14257795))
    p = F(p * m + F(0.1480646))
    p = F(p * m + F(-0.16575048))
    p = F(p * m + F(0.19973106))
    p = F(p * m + F(-0.2500161))
    p = F(p * m + F(0.3333366))
    p = F(p * m + F(-0.49999995))
    found = F(F(power) * F(0.6931472) + F(m + F(m * m) * p))
    found = found if x > F(0.0) else F(-np.inf)
    return found if x == x else x


@njit(inline="always", error_model="numpy")
def exp(x: Any) -> Any:
    """Exponential of a float32 between −87 and 88; 0 below; NaN of NaN."""
    t = F(x * F(1.442695041))
    t = t if t > F(-126.0) else F(-126.0)
    t = t if t < F(127.0) else F(127.0)
    power = J(F(t + F(126.5)))  # t + 126.5 is positive, so that cutting off rounds down
    f = F(t - F(F(power) - F(126.0)))
    p = F(1.54697320e-4)
    p = F(p * f + F(1.34004322e-3))
    p = F(p * f + F(9.61802560e-3))
    p = F(p * f + F(5.55032721e-2))
    p = F(p * f + F(2.40226512e-1))
    p = F(p * f + F(6.93147207e-1))
    p = F(p * f + F(1.0))
    found = F(p * float_of(J(J(power + J(1)) << J(23))))
    found = found if x > F(-87.0) else F(0.0)
    return found if x == x else x


@njit(inline="always", error_model="numpy")
def sine(v: Any) -> Any:
    """``sin 2πv`` for v between −½ and ½."""
    s = F(v * v)
    p = F(3.23813751)
    p = F(p * s + F(-14.89984667))
    p = F(p * s + F(42.02592699))
    p = F(p * s + F(-76.70301535))
    p = F(p * s + F(81.60513139))
    p = F(p * s + F(-41.34170041))
    p = F(p * s + F(6.2831853))
    return F(p * v)


@njit(inline="always", error_model="numpy")
def cosine(v: Any) -> Any:
    """``cos 2πv`` for v between −½ and ½."""
    s = F(v * v)
    p = F(6.52865816)
    p = F(p * s + F(-25.96759925))
    p = F(p * s + F(60.16763095))
    p = F(p * s + F(-85.45013953))
    p = F(p * s + F(64.93911746))
    p = F(p * s + F(-19.7392045))
    return F(p * s + F(0.99999999))


@njit(inline="always")
def philox_round(a: Any, b: Any, c: Any, d: Any, k: Any, q: Any) -> Any:
    """One round of Philox4x32 in 64-bit lanes whose upper halves stay 0."""
    one = U(0xD2511F53) * a
    two = U(0xCD9E8D57) * c
    return (two >> U(32)) ^ b ^ k, two & U(0xFFFFFFFF), (one >> U(32)) ^ d ^ q, one & U(0xFFFFFFFF)


@njit(inline="always", error_model="numpy")
def fraction(word: Any) -> Any:
    """A float32 in (0, 1) of the upper 24 bits of a word."""
    return F(F(J(word >> U(8))) * F(5.9604644775390625e-08) + F(2.98023223876953125e-08))


@njit(nogil=True, error_model="numpy")
def fill_normals(key: Any, column: Any, quarter: Any, drawn: Any) -> None:
    """Standard normal noise of one indicator, as `draws.normals` has it.

    Args:
        key: Key of the replication.
        column: Number of the indicator.
        quarter: Counters used: a quarter of the lanes, rounded up.
        drawn: Filled, shape (4, at least quarter), float32.
    """
    k0 = key & U(0xFFFFFFFF)
    q0 = key >> U(32)
    k1, q1 = (k0 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q0 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k2, q2 = (k1 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q1 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k3, q3 = (k2 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q2 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k4, q4 = (k3 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q3 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k5, q5 = (k4 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q4 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k6, q6 = (k5 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q5 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k7, q7 = (k6 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q6 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k8, q8 = (k7 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q7 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    k9, q9 = (k8 + U(0x9E3779B9)) & U(0xFFFFFFFF), (q8 + U(0xBB67AE85)) & U(0xFFFFFFFF)
    one, two, three, four = drawn[0], drawn[1], drawn[2], drawn[3]
    for i in range(quarter):
        a, b, c, d = U(i) & U(0xFFFFFFFF), U(column), U(0), U(2)
        a, b, c, d = philox_round(a, b, c, d, k0, q0)
        a, b, c, d = philox_round(a, b, c, d, k1, q1)
        a, b, c, d = philox_round(a, b, c, d, k2, q2)
        a, b, c, d = philox_round(a, b, c, d, k3, q3)
        a, b, c, d = philox_round(a, b, c, d, k4, q4)
        a, b, c, d = philox_round(a, b, c, d, k5, q5)
        a, b, c, d = philox_round(a, b, c, d, k6, q6)
        a, b, c, d = philox_round(a, b, c, d, k7, q7)
        a, b, c, d = philox_round(a, b, c, d, k8, q8)
        a, b, c, d = philox_round(a, b, c, d, k9, q9)
        radius = F(np.sqrt(F(F(-2.0) * ln(fraction(a)))))
        # sin and cos of 2πu are those of 2π(u − ½) with the other sign.
        angle = F(fraction(b) - F(0.5))
        one[i] = F(-radius * cosine(angle))
        two[i] = F(-radius * sine(angle))
        radius = F(np.sqrt(F(F(-2.0) * ln(fraction(c)))))
        angle = F(fraction(d) - F(0.5))
        three[i] = F(-radius * cosine(angle))
        four[i] = F(-radius * sine(angle))
