"""Groups of inputs: what is checked before anything is drawn."""

from __future__ import annotations

import pytest

from ssc_index.sensitivity.model import Group, SensitivityError, check_groups, groups_from_sizes


def test_groups_side_by_side_cover_every_column_once():
    groups = groups_from_sizes({"noise": 1, "weights": 3, "mean": 1})
    assert [group.columns for group in groups] == [(0,), (1, 2, 3), (4,)]
    assert check_groups(groups) == 5


@pytest.mark.parametrize(
    ("groups", "fault"),
    [
        ([], "there is no group of inputs"),
        ([Group("a", (0,)), Group("a", (1,))], "group 'a' is named 2 times"),
        ([Group("a", (0,)), Group("b", ())], "group 'b' has no column"),
        ([Group("a", (0, 1)), Group("b", (1,))], "column 1 belongs to 2 groups"),
        ([Group("a", (0,)), Group("b", (2,))], "column 1 belongs to no group"),
        ([Group("a", (0, -1))], "column -1 is not a position"),
    ],
)
def test_groups_that_do_not_share_out_the_columns_are_refused(groups: list[Group], fault: str):
    with pytest.raises(SensitivityError) as error:
        check_groups(groups)
    assert fault in str(error.value)


def test_every_fault_of_the_groups_is_told_at_once():
    with pytest.raises(SensitivityError) as error:
        check_groups([Group("a", (0, 3)), Group("a", (3,))])
    assert len(error.value.faults) == 4  # the name, column 3 twice, columns 1 and 2 nobody's
