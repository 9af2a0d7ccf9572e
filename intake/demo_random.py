"""Draws of the demo cohort: each city, year and revision has generators of its own.

What belongs here: from keys to numbers. What does not: what the numbers mean.
Because the key names the city and not its place in a list, a city's draws are the same in any cohort, for any
years, in any order and process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Stream = Literal["city", "year", "revision", "cohort", "block", "city_conduct", "year_conduct", "revision_conduct"]

_STREAMS: tuple[Stream, ...] = get_args(Stream)


def draw(
    seed: int,
    stream: Stream,
    keys: Integers,
    normals: Mapping[str, int],
    uniforms: Mapping[str, int],
) -> dict[str, Floats]:
    """Draw for each key, always in the same order.

    Args:
        seed: Seed of the cohort, 0 or more.
        stream: What the draws are for; streams never share a number.
        keys: One row of whole numbers (0 or more) for each generator, shape (n, n_parts).
        normals: Names and widths of standard normal draws.
        uniforms: Names and widths of uniform draws on [0, 1); names differ from those of ``normals``.

    Returns:
        Arrays of shape (n, width) by name.

    >>> draw(0, "city", np.array([[3]]), {"a": 1}, {"b": 2})["b"].shape
    (1, 2)
    """
    n_normals, n_uniforms = sum(normals.values()), sum(uniforms.values())
    drawn = np.empty((len(keys), n_normals + n_uniforms))
    for row, key in enumerate(keys.tolist()):
        sequence = np.random.SeedSequence(seed, spawn_key=(_STREAMS.index(stream), *key))
        generator = np.random.Generator(np.random.Philox(sequence))
        generator.standard_normal(out=drawn[row, :n_normals])
        generator.random(out=drawn[row, n_normals:])
    widths = {**normals, **uniforms}
    ends = np.cumsum(list(widths.values()))
    return {name: drawn[:, end - width : end] for (name, width), end in zip(widths.items(), ends.tolist(), strict=True)}


def logistic(x: Floats) -> Floats:
    """``1 / (1 + exp(-x))``, any shape.

    >>> logistic(np.array([0.0]))
    array([0.5])
    """
    return 1.0 / (1.0 + np.exp(-x))
