"""The unobserved components model: held against the likelihood itself, against its closed form, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ssc_index.errors import ComputationError, MethodError
from ssc_index.unobserved import UnobservedError, unobserved_components
from ssc_index.weights_data import WeightError, deviation_weights

NAN = np.nan


def _table(rows=60, holes=0.0, seed=4):
    random = np.random.default_rng(seed)
    common = random.normal(size=(rows, 1))
    slope, error = np.array([2.0, 0.5, 1.0, 3.0]), np.array([0.4, 0.8, 1.5, 0.6])
    table = np.array([1.0, -3.0, 0.0, 10.0]) + slope * (common + error * random.normal(size=(rows, 4)))
    table[random.random(table.shape) < holes] = NAN
    return table


def _minus_log_likelihood(values, table):
    a, b, spread = values.reshape(3, -1)
    total = 0.0
    for row in table:
        seen = ~np.isnan(row)
        covariance = np.outer(b[seen], b[seen]) + np.diag(spread[seen] ** 2)
        rest = row[seen] - a[seen]
        total += (np.linalg.slogdet(2 * np.pi * covariance)[1] + rest @ np.linalg.solve(covariance, rest)) / 2
    return total


def _fit(table, weights=None):
    return unobserved_components(list(table.T), [1.0] * table.shape[1] if weights is None else weights)


def _moved(found, places):
    """The parameters, and each of some of them a little off either way."""
    ours = np.concatenate([found.intercept, found.slope, found.spread])
    for place in places:
        for step in (-0.01, 0.01):
            moved = ours.copy()
            moved[place] += step
            yield ours, moved


@pytest.mark.parametrize("holes", [0.0, 0.25])
def test_the_fit_is_where_the_likelihood_is_greatest(holes):
    table = _table(25, holes)
    table = table[~np.isnan(table).all(axis=1)]
    for ours, moved in _moved(_fit(table), range(12)):
        there = _minus_log_likelihood(ours, table)
        # as far up on either side as its curvature has it: the slope there is 0
        assert _minus_log_likelihood(moved, table) > there
        assert _minus_log_likelihood(2 * ours - moved, table) - there == pytest.approx(
            _minus_log_likelihood(moved, table) - there, rel=0.2
        )


def test_a_least_error_is_kept_and_the_likelihood_greatest_under_it():
    table = _table(25)
    table = np.column_stack([table[:, 0], table[:, 0] + 1e-3 * table[:, 1], table[:, 2:]])
    found = unobserved_components(list(table.T), [1.0] * 4, 0.0, 0.05)
    assert ((found.spread / table.std(axis=0)) ** 2).min() == pytest.approx(0.05, rel=1e-9)
    for ours, moved in _moved(found, range(8)):  # intercepts and slopes; an error at its bound may only rise
        assert _minus_log_likelihood(moved, table) > _minus_log_likelihood(ours, table)


def test_the_score_is_the_weighted_mean_of_the_handbook():
    table = _table(holes=0.2)
    found = _fit(table)
    precision = (found.slope / found.spread) ** 2  # σ⁻², with β σ the spread
    for row, score, error in zip(table, found.score, found.error, strict=True):
        seen = ~np.isnan(row)
        weights = precision[seen] / (1 + precision[seen].sum())
        expected = (weights * (row[seen] - found.intercept[seen]) / found.slope[seen]).sum()
        if seen.any():
            assert score == pytest.approx(expected, rel=1e-9, abs=1e-12)
            assert error == pytest.approx((1 + precision[seen].sum()) ** -0.5, rel=1e-12)
        else:
            assert np.isnan(score)
            assert np.isnan(error)


def test_units_order_and_a_child_without_weight_do_not_matter():
    table = _table()
    found = _fit(table)
    np.testing.assert_allclose(_fit(table * [1e3, 0.01, 5, 1] - 7).score, found.score, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(_fit(table[::-1]).score[::-1], found.score, rtol=1e-7, atol=1e-9)
    wider = np.column_stack([table, np.arange(60.0)])
    np.testing.assert_array_equal(_fit(wider, [1.0, 2.0, 1.0, 0.5, 0.0]).score, found.score)


def test_what_cannot_be_fitted_is_refused_by_its_child():
    table = _table()
    for changed, child, said in (
        (np.where(np.arange(4) == 1, -table, table), 1, "measures the opposite of the others"),
        (np.where(np.arange(4) == 2, 5.0, table), 2, "fewer than three scores, or equal ones"),
        (
            np.column_stack([table[:, 0], 2 * table[:, 0], 1 + table[:, 0] / 2]),
            None,
            "has no error of its own; give",
        ),
    ):
        with pytest.raises(UnobservedError, match=said) as error:
            _fit(changed)
        assert child is None or error.value.child == child


def test_a_node_has_the_common_part_of_each_year(run):
    table = _table(holes=0.1)
    table = table[~np.isnan(table).all(axis=1)]
    leaves = [{"code": c, "parent": "i", "direction": "higher"} for c in "abcd"]
    frame = pl.DataFrame(
        {"unit": [f"u{row:02d}" for row in range(len(table))], **dict(zip("abcd", table.T, strict=True))}
    )
    frame = frame.with_columns(pl.col("a", "b", "c", "d").fill_nan(None))
    frame = pl.concat([frame.with_columns(year=1), frame.with_columns(pl.col("a") * 2, year=2)])
    steps = [{"normalise": {"method": "none"}}, {"aggregate": {"method": {"unobserved": {"mean": 50, "sd": 10}}}}]
    done = run([{"code": "i", "parent": ""}, *leaves], frame, {"steps": steps}).result
    expected = 50 + 10 * _fit(table).score
    np.testing.assert_allclose(done.scores[:, 0], [*expected, *expected], rtol=1e-8)
    with pytest.raises(
        ComputationError, match=r"u00 2, i: b measures the opposite of the others, so it has no score by un"
    ):
        run(
            [{"code": "i", "parent": ""}, *leaves],
            frame.with_columns(pl.when(year=2).then(-pl.col("b")).otherwise("b").alias("b")),
            {"steps": steps},
        )
    with pytest.raises(MethodError, match="i: unobserved needs 3 children or more, not 2"):
        run([{"code": "i", "parent": ""}, *leaves[:2]], frame, {"steps": steps})


def test_weights_by_the_inverse_deviation():
    # deviations 1, 2, 4: weights 4/7, 2/7, 1/7
    table = np.array([[-1.0, -2, -4], [0, 0, 0], [1, 2, 4]])
    np.testing.assert_allclose(deviation_weights(table), np.array([4, 2, 1]) / 7, rtol=1e-15)
    with pytest.raises(WeightError, match="same score for every unit"):
        deviation_weights(np.ones((3, 2)))
