from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from ssc_index.statistics import Limits, column_statistics, is_constant, outlying_cells, outside_fences, robust_z
from tests.engine.test_audit import _index

NAN = np.nan


def test_statistics_of_a_column_worked_by_hand():
    # 1, 2, 2, 5 and one missing of five rows: mean 2.5, deviations −1.5, −0.5, −0.5, 2.5 → Σ² = 9 → sd = √3.
    row = column_statistics(np.array([[1.0], [2.0], [NAN], [2.0], [5.0]]), ["a"]).row(0, named=True)
    assert row["sd"] == pytest.approx(np.sqrt(3))
    assert row["cv"] == pytest.approx(np.sqrt(3) / 2.5)
    assert (row["n"], row["n_missing"], row["n_distinct"], row["n_same"], row["share_available"]) == (4, 1, 3, 2, 0.8)
    assert (row["q1"], row["median"], row["q3"]) == (1.75, 2.0, 2.75)
    assert row["skewness"] == pytest.approx(scipy.stats.skew([1, 2, 2, 5], bias=False))
    assert row["kurtosis"] == pytest.approx(scipy.stats.kurtosis([1, 2, 2, 5], bias=False))
    assert row["n_outside_fences"] == 1  # 5 > 2.75 + 1.5 × 1
    assert (row["share_non_zero"], row["share_distinct"], row["share_same"]) == (1, 0.75, 0.5)
    zeros = column_statistics(np.array([[0.0], [0.0], [1.0], [3.0], [NAN]]), ["a"]).row(0, named=True)
    assert (zeros["n_zero"], zeros["share_non_zero"], zeros["share_same"], zeros["minimum"]) == (2, 0.5, 0.5, 0)
    assert row["reason"] is None


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ([NAN, NAN], "no value at all"),
        ([3.0, NAN], "a single value: no sd"),
        ([3.0, 3.0, 3.0], "all values are equal: no skewness, no kurtosis"),
        ([-1.0, 1.0], "fewer than 4 values: no kurtosis; the mean is 0: no cv"),
    ],
)
def test_what_is_undefined_is_null_and_says_why(column, reason):
    row = column_statistics(np.array(column)[:, None], ["a"]).row(0, named=True)
    assert row["reason"] == reason
    assert row["kurtosis"] is None


def test_equal_values_have_no_spread_however_their_mean_is_rounded():
    row = column_statistics(np.full((3, 1), 0.1), ["a"]).row(0, named=True)
    assert (row["sd"], row["cv"]) == (0, 0)


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_the_spread_of_the_greatest_and_the_smallest_values_is_theirs(size):
    # The deviation of 1 and 3 is √2; the square of 1e300 is infinite, that of 1e-300 is 0.
    row = column_statistics(np.array([[1.0], [3.0]]) * size, ["a"]).row(0, named=True)
    assert row["sd"] == pytest.approx(2**0.5 * size)
    assert row["cv"] == pytest.approx(2**0.5 / 2)


def test_limits_decide_the_flags():
    table = np.array([[0.0], [0.0], [1.0], [NAN]])
    strict = column_statistics(table, ["a"], Limits(available=0.9, non_zero=0.5, distinct=0.7)).row(0, named=True)
    mild = column_statistics(table, ["a"], Limits(available=0.75, non_zero=0.3, distinct=0.6)).row(0, named=True)
    flags = ("is_sparse", "is_mostly_zero", "is_mostly_repeated")
    assert [strict[flag] for flag in flags] == [True, True, True]
    assert [mild[flag] for flag in flags] == [False, False, False]


def test_fences_and_robust_scores_leave_missing_alone():
    values = np.array([1.0, 2.0, 3.0, 4.0, NAN, 50.0])
    assert outside_fences(values).tolist() == [False, False, False, False, False, True]
    assert np.isnan(robust_z(values)[4])
    np.testing.assert_array_equal(robust_z(np.array([7.0, 7.0, 7.0, 9.0])), 0.0)  # MAD 0 says nothing
    assert is_constant(np.array([NAN, NAN]))


def test_outlying_cells_are_listed_by_year_with_their_unit():
    table = np.tile(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), (2, 4))
    table[9, 2] = 60.0  # u004 in 2025, c
    cells = outlying_cells(_index(table, years=[2024] * 5 + [2025] * 5))
    assert cells.select("unit", "year", "code", "value").rows() == [("u004", 2025, "c", 60.0)]
    assert cells["robust_z"].item() == pytest.approx(0.6745 * 57)
