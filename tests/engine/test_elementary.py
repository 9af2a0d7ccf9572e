"""Logarithm, exponential, power and products against numbers of higher precision, and what NumPy says of edges."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from ssc_index import elementary

GENERATOR = np.random.default_rng(7)
WIDE = np.concatenate(
    [
        np.exp(GENERATOR.uniform(-700, 700, 20_000)),
        GENERATOR.uniform(0.5, 2.0, 20_000),
        1.0 + GENERATOR.uniform(-1e-7, 1e-7, 5_000),
        np.arange(1.0, 101.0),
        [5e-324, 2.2e-308, 1.7976931348623157e308, math.sqrt(0.5), np.nextafter(1.0, 0.0), np.nextafter(1.0, 2.0)],
    ]
)
ANY = np.concatenate([GENERATOR.uniform(-740, 709, 40_000), GENERATOR.uniform(-1, 1, 20_000), [0.0, 1e-300, -0.34]])
TINY = Decimal("1e-20")  # fifty digits do not tell 1 from 1 + 1e-50
EXACT = {
    "ln": Decimal.ln,
    "log2": lambda x: x.ln() / Decimal(2).ln(),
    "log10": Decimal.log10,
    "exp": Decimal.exp,
    "expm1": lambda x: x.exp() - 1 if abs(x) > TINY else x + x * x / 2,
    "log1p": lambda x: (1 + x).ln() if abs(x) > TINY else x - x * x / 2,
}


@pytest.mark.parametrize(
    ("name", "x", "most"),
    [
        ("ln", WIDE, 1.0),
        ("log2", WIDE[:40_000], 2.0),
        ("log10", WIDE, 3.0),
        ("exp", ANY[ANY > -708], 1.0),
        ("expm1", ANY, 4.0),
        ("log1p", np.concatenate([WIDE[20_000:40_000] - 1.0, 10.0 ** GENERATOR.uniform(-18, 3, 5_000)]), 3.0),
    ],
)
def test_functions_are_right_to_the_last_places(name, x, most):
    """Against decimals of fifty digits, in units of the last place of a double."""
    some = np.concatenate([x[:: len(x) // 700], x[-120:]])
    found = getattr(elementary, name)(some)
    with localcontext() as context:
        context.prec = 50
        for at, value in zip(some.tolist(), found.tolist(), strict=True):
            exact = EXACT[name](Decimal(at))
            assert abs(Decimal(value) - exact) <= Decimal(most) * Decimal(math.ulp(float(exact))), at


def test_at_the_edges_they_say_what_numpy_says():
    edges = np.array([0.0, -0.0, -1.0, np.inf, -np.inf, np.nan, 1.0, 5e-324, 800.0, -800.0])
    with np.errstate(all="ignore"):
        for name in ("log2", "log10", "exp", "expm1", "log1p"):
            np.testing.assert_allclose(
                getattr(elementary, name)(edges), getattr(np, name)(edges), rtol=1e-14, err_msg=name
            )
        np.testing.assert_allclose(elementary.ln(edges), np.log(edges), rtol=1e-14)


def test_powers_of_the_base_are_exact():
    assert elementary.log10(np.array([float(f"1e{k}") for k in range(-300, 300)])).tolist() == list(range(-300, 300))
    assert elementary.log2(2.0 ** np.arange(-1000.0, 1000.0)).tolist() == list(range(-1000, 1000))
    assert elementary.exp(np.zeros(1)).tolist() == [1.0]
    assert elementary.ln(np.ones(1)).tolist() == [0.0]


def test_powers():
    base, exponent = GENERATOR.uniform(0.01, 100, 5_000), GENERATOR.uniform(-8, 8, 5_000)
    np.testing.assert_allclose(elementary.power(base, exponent), base**exponent, rtol=2e-14)
    for whole in (-3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 0.5):
        signed = base if whole == 0.5 else np.where(base > 50, -base, base)
        np.testing.assert_allclose(elementary.power(signed, whole), signed**whole, rtol=4e-16 * max(abs(whole), 1))
    assert elementary.power(np.array([3.0, -2.0]), 2.0).tolist() == [9.0, 4.0]
    with np.errstate(all="ignore"):
        edges = np.array([0.0, 1.0, np.inf, np.nan, -8.0])
        for one in (-1.5, -1.0, 0.0, 0.3, 2.0, 3.0, 70.0):
            expected = edges**one
            expected[3] = np.nan if one else 1.0  # of what is missing nothing is known; NumPy says 1 of NaN ** 0
            np.testing.assert_allclose(elementary.power(edges, one), expected, rtol=1e-13, err_msg=str(one))
    assert np.isnan(elementary.power(np.ones(1), np.array([np.nan])))[0]


BITS = """
import hashlib, numpy as np
from ssc_index import elementary
x = np.random.default_rng(3).uniform(0.01, 100, (2000, 7))
of_one = [getattr(elementary, name)(x) for name in ("ln", "log10", "log2", "log1p", "exp", "expm1")]
both = [elementary.power(x, 0.37), elementary.products(x, x[:, :3])]
print(hashlib.sha256(b"".join(one.tobytes() for one in of_one + both)).hexdigest())
"""


def test_a_processor_of_another_generation_gives_the_same_bits():
    """On one with AVX-512 the logarithm and the powers of NumPy, and its products, are others in each of these."""
    found = set()
    for older in ({}, {"NPY_DISABLE_CPU_FEATURES": "X86_V4"}, {"OPENBLAS_CORETYPE": "Haswell"}):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", BITS], env={**os.environ, **older}, capture_output=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_products_are_exact_to_the_last_bit_of_their_largest_parts_and_know_no_order():
    a, b = GENERATOR.normal(50, 20, (301, 5)) * [1, 1e-6, 1e9, 1, 1], GENERATOR.normal(0, 1, (301, 3))
    found = elementary.products(a, b)
    for i in range(5):
        for j in range(3):
            pairs = zip(a[:, i].tolist(), b[:, j].tolist(), strict=True)
            exact = sum((Fraction(x) * Fraction(y) for x, y in pairs), Fraction(0))
            scale = float(np.abs(a[:, i]).max() * np.abs(b[:, j]).max())
            assert abs(float(Fraction(found[i, j]) - exact)) <= 4e-16 * scale * 301**0.5
    shuffled = GENERATOR.permutation(301)
    assert elementary.products(a[shuffled], b[shuffled]).tobytes() == found.tobytes()
    assert elementary.products(a, a).tobytes() == elementary.products(a, a.copy()).tobytes()
    assert elementary.products(np.zeros((0, 2)), np.zeros((0, 1))).tolist() == [[0.0], [0.0]]
