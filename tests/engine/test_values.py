from __future__ import annotations

import numpy as np
import pytest

from ssc_index.errors import ValuesError
from ssc_index.values import values_from_columns


def test_rows_are_sorted_by_year_and_unit_and_groups_follow():
    values = values_from_columns(["b", "a", "a"], [1, 2, 1], ["x"], [[1.0], [2.0], [3.0]], {"g": ["p", "q", None]})
    assert list(zip(values.years, values.units, strict=True)) == [(1, "a"), (1, "b"), (2, "a")]
    assert values.values.ravel().tolist() == [3, 1, 2]
    assert values.groups["g"] == (None, "p", "q")
    assert values.row_name(2) == "a 2"


def test_a_table_without_years_has_one_block():
    values = values_from_columns(["b", "a"], None, ["x"], [[1.0], [2.0]])
    assert values.year_slices() == ((None, slice(0, 2)),)
    assert values.row_name(0) == "a"


def test_every_fault_of_a_table_is_reported_at_once():
    with pytest.raises(ValuesError) as caught:
        values_from_columns(["a", "a", ""], [1, 1, 2], ["x"], [[1.0], [-np.inf], [3.0]])
    assert caught.value.faults == (
        "row 3: empty unit",
        "a 1: occurs twice; one row per unit and year",
        "a 1, x: -inf is not a finite number",
    )
    with pytest.raises(ValuesError, match=r"a: occurs twice; one row per unit$"):
        values_from_columns(["a", "a"], None, ["x"], [[1.0], [2.0]])


def test_columns_of_unequal_length_are_named():
    with pytest.raises(ValuesError, match=r"g: 1 entries for 2 units"):
        values_from_columns(["a", "b"], None, ["x"], [[1.0], [2.0]], {"g": ["p"]})


def test_the_table_does_not_change_with_what_it_was_made_from():
    table = np.array([[1.0], [2.0]])
    values = values_from_columns(["a", "b"], None, ["x"], table)
    table[0, 0] = 9.0
    assert values.values[0, 0] == 1.0


def test_a_table_that_is_given_away_is_kept_and_locked_and_any_other_is_copied():
    table = np.array([[1.0, 2.0], [3.0, 4.0]], order="F")
    kept = values_from_columns(["a", "b"], None, ["x", "y"], table, owned=True).values
    assert np.shares_memory(kept, table)
    assert not kept.flags.writeable
    other = np.array([[1.0, 2.0], [3.0, 4.0]], order="F")
    assert not np.shares_memory(values_from_columns(["a", "b"], None, ["x", "y"], other).values, other)
    sorted_ = values_from_columns(["b", "a"], None, ["x", "y"], other, owned=True).values
    assert sorted_.tolist() == [[3, 4], [1, 2]]
    assert other.flags.writeable
