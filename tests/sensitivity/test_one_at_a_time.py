"""One at a time: nominal against each alternative."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_index.sensitivity.alternatives import Alternative, choices, one_at_a_time
from ssc_index.sensitivity.model import SensitivityError


def model(rows):
    """Two outputs, 10 + u0 and 20 - 2 u1; nominal is 0; the second is missing where u1 > 0.9."""
    u = np.nan_to_num(rows)
    second = np.where(u[:, 1] > 0.9, np.nan, 20 - 2 * u[:, 1])
    return np.column_stack([10 + u[:, 0], second])


def test_each_alternative_is_told_against_the_nominal_run():
    alternatives = [Alternative("first", "half", {0: 0.5}), Alternative("both", "high", {0: 0.8, 1: 0.6})]
    table = one_at_a_time(model, 2, alternatives, slice(None))
    assert table.nominal.tolist() == [10, 20]
    np.testing.assert_allclose(table.outputs, [[10.5, 20], [10.8, 18.8]])
    np.testing.assert_allclose(table.mean_shift, [0.25, 1.0])  # (0.5 + 0) / 2, (0.8 + 1.2) / 2
    np.testing.assert_allclose(table.largest_shift, [0.5, 1.2])
    assert table.n_compared.tolist() == [2, 2]


def test_shifts_rest_on_outputs_that_both_runs_have():
    table = one_at_a_time(model, 2, [Alternative("second", "missing", {1: 0.95})], slice(None))
    assert table.n_compared.tolist() == [1]
    assert table.mean_shift.tolist() == [0]
    nothing = one_at_a_time(model, 2, [Alternative("second", "missing", {1: 0.95})], slice(1, 2))
    assert nothing.n_compared.tolist() == [0]
    assert np.isnan(nothing.mean_shift[0])
    assert np.isnan(nothing.largest_shift[0])


def test_choices_are_the_middle_of_their_share_and_impossible_ones_are_left_out():
    # Shares 0.2, 0, 0.8 of the unit interval: middles 0.1 and 0.6.
    found = choices("mean", 3, {"arithmetic": 0.2, "harmonic": 0.0, "geometric": 0.8})
    assert [one.label for one in found] == ["arithmetic", "geometric"]
    np.testing.assert_allclose([one.coordinates[3] for one in found], [0.1, 0.6])


def test_columns_and_coordinates_that_are_not_there_are_all_named():
    wrong = [Alternative("a", "x", {2: 0.5}), Alternative("b", "y", {0: 1.0})]
    with pytest.raises(SensitivityError) as error:
        one_at_a_time(model, 2, wrong, slice(None))
    assert len(error.value.faults) == 2
    assert "a: x: coordinate 0.5 of column 2; columns are 0 to 1" in str(error.value)
