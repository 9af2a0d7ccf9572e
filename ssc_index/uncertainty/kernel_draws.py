"""Streams of random numbers, compiled: the numbers of `draws.stream` and `draws.gammas`.

What belongs here: Philox and what is drawn from it, many numbers at a time. What does not: the errors of measurement,
of which there are so many that the kernel draws them where it adds them (`kernel.py`).

A file of its own that calls no compiled function of another: what Numba keeps from run to run is renewed when the file
that a function stands in changes, and only then.
"""

# mypy: ignore-errors
# Numba types these functions, from the arrays they are called with.
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}  # as `kernel.py` has it
U = np.uint64


@njit(inline="always")
def philox_round(a: Any, b: Any, c: Any, d: Any, k: Any, q: Any) -> Any:
    """One round of Philox4x32 in 64-bit lanes whose upper halves stay 0."""
    one = U(0xD2511F53) * a
    two = U(0xCD9E8D57) * c
    return (two >> U(32)) ^ b ^ k, two & U(0xFFFFFFFF), (one >> U(32)) ^ d ^ q, one & U(0xFFFFFFFF)


@njit(**_INNER)
def _fill_pair(key: Any, place: Any, attempt: Any, pair: Any) -> None:
    """The numbers of both sets of `draws.stream` at a place, as ``pair``."""
    a, b, c, d = U(place), U(0), U(attempt), U(1)
    k, q = key & U(0xFFFFFFFF), key >> U(32)
    for _ in range(10):
        a, b, c, d = philox_round(a, b, c, d, k, q)
        k, q = (k + U(0x9E3779B9)) & U(0xFFFFFFFF), (q + U(0xBB67AE85)) & U(0xFFFFFFFF)
    pair[0] = (np.float64((a << U(20)) | (b >> U(12))) + 0.5) * 2.0**-52
    pair[1] = (np.float64((c << U(20)) | (d >> U(12))) + 0.5) * 2.0**-52


@njit(**_INNER)
def _fill_stream(key: Any, n: Any, drawn: Any) -> None:
    """The numbers of the first set of a stream, several side by side: `_fill_pair` in a loop of vectors."""
    low, high = key & U(0xFFFFFFFF), key >> U(32)
    for i in range(drawn.shape[1]):
        a, b, c, d = U(i), U(0), U(0), U(1)
        k, q = low, high
        for _ in range(10):
            a, b, c, d = philox_round(a, b, c, d, k, q)
            k, q = (k + U(0x9E3779B9)) & U(0xFFFFFFFF), (q + U(0xBB67AE85)) & U(0xFFFFFFFF)
        drawn[n, U(i)] = (np.float64((a << U(20)) | (b >> U(12))) + 0.5) * 2.0**-52


@njit(**_OPTIONS)
def fill_uniforms(keys: Any, drawn: Any) -> None:
    """Uniform numbers of streams, the first set of `draws.stream`.

    Args:
        keys: Key of each stream, shape (n,), uint64.
        drawn: Filled, shape (n, width), float64.
    """
    for n in range(keys.size):
        _fill_stream(keys[U(n)], n, drawn)


@njit(**_OPTIONS)
def fill_gammas(keys: Any, shapes: Any, drawn: Any) -> None:
    """Gamma draws of scale 1, as `draws.gammas` has them (to the last bits).

    Args:
        keys: Key of each stream, shape (n,), uint64.
        shapes: Shape parameters above 0, shape (width,).
        drawn: Filled, shape (n, width), float64.
    """
    pair = np.empty(2, dtype=np.float64)
    for n in range(keys.size):
        for i in range(shapes.size):
            shape = shapes[i]
            d = (shape + 1.0 if shape < 1.0 else shape) - 1.0 / 3.0
            c = 1.0 / np.sqrt(9.0 * d)
            attempt = 0
            while True:
                _fill_pair(keys[n], i, 2 * attempt, pair)
                normal = np.sqrt(-2.0 * np.log(pair[1])) * np.cos(2.0 * np.pi * pair[0])
                _fill_pair(keys[n], i, 2 * attempt + 1, pair)
                cube = (1.0 + c * normal) ** 3
                if cube > 0.0 and np.log(pair[0]) < 0.5 * normal**2 + d - d * cube + d * np.log(cube):
                    drawn[n, i] = d * cube
                    break
                attempt += 1
            if shape < 1.0:
                _fill_pair(keys[n], i, 2**31, pair)
                drawn[n, i] *= pair[0] ** (1.0 / shape)
