"""Zeros, and units forced in or out: which rows take part, and what is said of them."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_index.errors import MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.screen import nonzero_share, zero_reasons
from ssc_index.values import values_from_columns

NAN = np.nan
FLAT = framework_from_nodes(
    [
        Node(code="index", parent=None, name="i", level="index"),
        *(Node(code=code, parent="index", name=code, level="kpi", direction="higher") for code in ("a", "b")),
    ]
)


def _run(table, *steps, units=None, years=None):
    units = units or [f"u{number}" for number in range(len(table))]
    values = values_from_columns(units, years, FLAT.codes, table)
    return compute_index(values, FLAT, method_from_mapping({"name": "m", "steps": list(steps)}))


def _screen(**rules):
    return {"screen": rules}


def test_zeros_count_among_the_values_that_are_there():
    table = np.array([[0.0, 3.0, NAN, -0.0], [NAN] * 4, [1.0, -1.0, 1e-300, 2.0], [NAN, 5.0, NAN, NAN]])
    np.testing.assert_array_equal(nonzero_share(table), [1 / 3, NAN, 1.0, 1.0])
    assert zero_reasons(table, 0.5) == [["share of values that are not 0 is 0.333, below 0.5 (1 of 3)"], [], [], []]


def test_a_share_on_the_threshold_passes_where_one_minus_the_zeros_would_not():
    # 18 zeros of 20: 2/20 is 0.1, while 1 − 18/20 is 0.09999999999999998.
    table = np.array([[0.0] * 18 + [1.0] * 2])
    assert zero_reasons(table, 0.1) == [[]]
    assert 1 - 18 / 20 < 0.1
    assert len(zero_reasons(table, 0.11)[0]) == 1


def test_a_row_fails_by_any_rule_and_tells_all_its_reasons():
    done = _run([[1.0, 1.0], [0.0, NAN], [0.0, 1.0]], _screen(min_coverage=0.6, min_nonzero=0.6))
    assert done.included.tolist() == [True, False, False]
    assert done.excluded_because[1] == (
        "coverage 0.5 of index is below 0.6 (1 of 2 indicators); "
        "share of values that are not 0 is 0, below 0.6 (0 of 1)"
    )
    assert done.excluded_because[2] == "share of values that are not 0 is 0.5, below 0.6 (1 of 2)"


def test_zeros_are_counted_where_coverage_is():
    fill = {"impute": {"method": "mean"}}
    table = [[0.0, NAN], [3.0, 4.0], [3.0, 4.0]]
    assert _run(table, fill, _screen(min_nonzero=0.4)).included.tolist() == [True, True, True]
    observed = _run(table, fill, _screen(min_nonzero=0.4, count="observed"))
    assert observed.included.tolist() == [False, True, True]


def test_a_unit_forced_in_takes_part_and_the_notes_say_why():
    keep = [{"unit": "u1", "reason": "small state"}]
    done = _run([[1.0, 1.0], [0.0, NAN], [2.0, NAN]], _screen(min_coverage=0.6, min_nonzero=0.5, force_in=keep))
    assert done.included.tolist() == [True, True, False]
    assert done.excluded_because[1] is None
    assert done.steps[0].notes == (
        "1 of 3 rows screened out",
        "u1 is forced in (small state), although coverage 0.5 of index is below 0.6 (1 of 2 indicators)",
        "u1 is forced in (small state), although share of values that are not 0 is 0, below 0.5 (0 of 1)",
    )


def test_a_unit_forced_out_takes_no_part_and_says_why_beside_other_reasons():
    out = [{"unit": "u0", "reason": "no official data"}, {"unit": "u1", "reason": "withdrawn"}]
    done = _run([[1.0, 1.0], [2.0, NAN], [3.0, 3.0]], _screen(min_coverage=0.6, force_out=out))
    assert done.excluded_because == (
        "forced out: no official data",
        "coverage 0.5 of index is below 0.6 (1 of 2 indicators); forced out: withdrawn",
        None,
    )
    assert _run([[1.0, 1.0]] * 2, _screen(force_out=out[:1])).included.tolist() == [False, True]


def test_years_limit_what_is_forced():
    out, into = {"unit": "u", "reason": "x", "years": [2021]}, {"unit": "u", "reason": "y", "years": [2020, 2022]}
    done = _run(
        [[1.0, NAN], [1.0, 1.0], [1.0, NAN], [1.0, NAN]],
        _screen(min_coverage=1.0, force_out=[out], force_in=[into]),
        units=["u"] * 4,
        years=[2020, 2021, 2022, 2023],
    )
    assert done.included.tolist() == [True, False, True, False]


def test_numbers_are_names_of_units_too():
    done = _run([[1.0, 1.0]] * 2, _screen(force_out=[{"unit": 7, "reason": "x"}]), units=["7", "8"])
    assert done.included.tolist() == [False, True]


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        (
            [_screen()],
            ": screens nothing; give min_coverage, min_coverage_by_node, min_nonzero, only",
        ),
        ([_screen(force_in=[{"unit": "u0", "reason": "x"}])], ": screens nothing"),
        ([{"normalise": {"method": "none"}}, _screen(min_nonzero=0.5)], ".min_nonzero: a score of 0 is no value of 0"),
        ([_screen(force_out=[{"unit": "u0", "reason": "x", "years": [1]}])], ".years: the values have no column year"),
        ([_screen(force_out=[{"unit": "u0"}])], "screen.force_out.0.reason: missing"),
        (
            [_screen(force_out=[{"unit": "z", "reason": "x"}, {"unit": "y", "reason": "x"}])],
            "force_out: no unit 'z' in the values",
        ),
        (
            [_screen(min_nonzero=1.0), _screen(min_coverage=0.1, force_in=[{"unit": "u1", "reason": "x"}])],
            "force_in: u1 was screened out by step 1; force it in there",
        ),
        (
            [_screen(force_out=[{"unit": "u0", "reason": "x"}], force_in=[{"unit": "u0", "reason": "y"}])],
            ".force_out: 'u0' is forced in too",
        ),
    ],
)
def test_a_screen_that_does_not_fit_is_refused(steps, fault):
    with pytest.raises(MethodError) as caught:
        _run([[1.0, 1.0], [0.0, 1.0]], *steps)
    assert any(fault in found for found in caught.value.faults), caught.value.faults


@pytest.mark.parametrize(
    ("into", "out", "clash"), [(None, [2020], True), ([2020], [2020, 2021], True), ([2020], [2021], False)]
)
def test_a_unit_cannot_be_forced_both_ways_in_one_year(into, out, clash):
    rules = {"force_in": [{"unit": "u", "reason": "x", "years": into}]}
    rules["force_out"] = [{"unit": "u", "reason": "y", "years": out}]
    table, years = [[1.0, 1.0]] * 2, [2020, 2021]
    if clash:
        with pytest.raises(MethodError, match="'u' is forced in too"):
            _run(table, _screen(**rules), units=["u", "u"], years=years)
    else:
        assert _run(table, _screen(**rules), units=["u", "u"], years=years).included.tolist() == [True, False]


def test_every_unit_that_is_nowhere_is_told_with_its_years():
    out = [{"unit": "z", "reason": "x"}, {"unit": "u", "reason": "x", "years": [1999, 2000]}]
    with pytest.raises(MethodError) as caught:
        _run([[1.0, 1.0]], _screen(force_out=out), units=["u"], years=[2020])
    assert caught.value.faults == (
        "force_out: no unit 'z' in the values",
        "force_out: no unit 'u' in 1999, 2000 in the values",
    )
