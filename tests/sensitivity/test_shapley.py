"""Shapley effects: exact on a full factorial, close to analytic values otherwise."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_index.sensitivity.design import Points, walks
from ssc_index.sensitivity.model import Group, groups_from_sizes
from ssc_index.sensitivity.shapley import effects_of_outputs, shapley_effects
from ssc_index.sensitivity.sobol import sensitivity

THREE = groups_from_sizes({"x1": 1, "x2": 1, "x3": 1})


def factorial(model):
    """Effects over every pair of corners of a cube of three two-valued inputs and every order: no sampling is left."""
    corners = np.array(list(product((0.25, 0.75), repeat=3)))
    orders = np.array(list(permutations(range(3))))
    a, b, order = (np.array(side) for side in zip(*product(corners, corners, orders), strict=True))
    rows = walks(Points(0, a, b), THREE, order)
    outputs = model(rows.reshape(-1, 3)).reshape(len(a), 4, -1)
    return effects_of_outputs(("x1", "x2", "x3"), outputs, order)


def test_additive_function_has_exactly_its_shares_of_variance():
    # f = 3 x1 + 2 x2 + x3 of equal variances: 9 : 4 : 1.
    found = factorial(lambda rows: rows @ np.array([[3.0], [2.0], [1.0]]))
    np.testing.assert_allclose(found.effects[:, 0], [9 / 14, 4 / 14, 1 / 14], rtol=1e-12)


def test_an_interaction_is_shared_alike():
    # f = s1 + s1 s2 of signs: V1 = 1, V12 = 1, so (1 + 1/2) / 2 and 1/4.
    def model(rows):
        sign = np.sign(rows - 0.5)
        return (sign[:, 0] + sign[:, 0] * sign[:, 1])[:, None]

    np.testing.assert_allclose(factorial(model).effects[:, 0], [0.75, 0.25, 0], atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-100, 100), min_size=8, max_size=8).filter(lambda y: np.ptp(y) > 1))
def test_any_function_of_three_bits_has_effects_between_first_order_and_total(y):
    table = np.array(y)

    def model(rows):
        return table[((rows > 0.5) @ np.array([4, 2, 1])).astype(int)][:, None]

    effects = factorial(model).effects[:, 0]
    cube = table.reshape(2, 2, 2)
    variance = table.var()
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        first = cube.mean(axis=others).var() / variance
        total = cube.var(axis=axis).mean() / variance
        assert first - 1e-9 <= effects[axis] <= total + 1e-9
    assert effects.sum() == pytest.approx(1, abs=1e-9)


def test_ishigami_has_its_analytic_effects():
    # x1 and x3 share V13 = 3.3737 of V = 13.8446; V1 = 4.3459, V2 = 6.125.
    def ishigami(rows):
        x = np.pi * (2 * rows - 1)
        return (np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, None]

    found = shapley_effects(ishigami, THREE, 4096, 1)
    np.testing.assert_allclose(found.effects[:, 0], [0.43575, 0.44241, 0.12184], atol=0.02)
    low, high = found.interval(0.999)
    assert (low[:, 0] < [0.43575, 0.44241, 0.12184]).all()
    assert (high[:, 0] > [0.43575, 0.44241, 0.12184]).all()
    assert found.effects.sum() == pytest.approx(1, abs=1e-12)
    assert found.runs == 4096 * 4 + 1


def test_effects_of_an_additive_function_are_its_first_order_indices():
    def model(rows):
        return rows @ np.array([[3.0, 0.0], [2.0, 0.0], [1.0, 1.0]])

    effects = shapley_effects(model, THREE, 2048, 3).effects
    np.testing.assert_allclose(effects, sensitivity(model, THREE, 2048, 3).first, atol=0.02)


def test_a_group_without_any_effect_has_exactly_none():
    found = shapley_effects(lambda rows: rows[:, :1] * rows[:, 1:2], THREE, 64, 5)
    assert found.effects[2, 0] == 0
    assert found.error[2, 0] == 0


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    one, again, other = (
        shapley_effects(lambda rows: rows[:, :1] * rows[:, 1:2] + rows[:, 2:], THREE, 64, seed).effects.tolist()
        for seed in (0, 0, 1)
    )
    assert one == again
    assert one != other


def test_walks_without_an_output_are_left_out():
    def model(rows):
        return np.where(rows[:, :1] > 0.5, np.nan, rows[:, 1:2])

    found = shapley_effects(model, [Group("gate", (0,)), Group("rest", (1, 2))], 256, 1)
    assert found.n_used[0] == pytest.approx(64, abs=8)  # both ends of the walk below one half
    np.testing.assert_allclose(found.effects[:, 0], [0, 1], atol=1e-12)
