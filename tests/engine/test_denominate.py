"""Totals divided by the size of the unit: what is said where, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_index.denominate import per_denominator, without_denominator
from ssc_index.errors import ComputationError, FrameworkError, MethodError, ValuesError
from ssc_index.files import read_values
from ssc_index.framework.load import framework_from_nodes, read_framework_csv
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.steps.denominate import denominators_named
from ssc_index.values import values_from_columns
from tests.engine.conftest import write_framework

NAN = np.nan


def _tree(**more):
    nodes = [Node(code="index", parent=None, name="i", level="index")]
    nodes += [
        Node(code=code, parent="index", name=code, level="kpi", direction="higher", **more.get(code, {}))
        for code in ("a", "b", "c")
    ]
    return framework_from_nodes(nodes)


def _run(table, step, tree=None, **denominators):
    units = [f"u{number}" for number in range(len(table))]
    values = values_from_columns(units, None, ("a", "b", "c"), table, denominators=denominators)
    return compute_index(values, tree or _tree(), method_from_mapping({"name": "m", "steps": [step]}))


def _by(**parameters):
    return {"denominate": parameters}


def test_a_total_per_thousand():
    assert per_denominator(np.array([30.0]), np.array([2000.0]), 1000.0)[0] == 15.0
    assert per_denominator(np.array([30.0]), np.array([2000.0]), 1.0)[0] == 0.015


def test_a_denominator_of_nothing_gives_nothing_and_never_infinity():
    quotients = per_denominator(np.array([1.0, 1.0, 0.0, 1.0, NAN]), np.array([0.0, -2.0, 0.0, NAN, 3.0]), 1.0)
    assert np.isnan(quotients).all()
    missing, zero = without_denominator(np.array([1.0, 1.0, 0.0, 1.0, NAN]), np.array([0.0, -2.0, 1e-9, NAN, 0.0]))
    assert missing.tolist() == [False, False, False, True, False]
    assert zero.tolist() == [True, True, False, False, False]


def test_a_step_divides_what_it_is_told_by_one_column():
    done = _run([[8.0, 8.0, 8.0]], _by(by="people", per=100, only=["a", "c"]), people=[400.0])
    assert done.steps[0].table.tolist() == [[2.0, 8.0, 2.0]]
    assert done.steps[0].kind == "values"
    assert done.steps[0].notes == ("a: by people per 100", "c: by people per 100")


def test_each_indicator_may_have_a_denominator_of_its_own():
    by = {"c": {"by": "area"}, "a": {"by": "people", "per": 10}}
    done = _run([[8.0, 8.0, 8.0]], _by(indicators=by), people=[40.0], area=[16.0])
    assert done.steps[0].table.tolist() == [[2.0, 8.0, 0.5]]
    assert done.steps[0].notes == ("a: by people per 10", "c: by area")


def test_the_framework_may_say_it():
    tree = _tree(a={"denominator": "people", "per": 10.0}, b={"denominator": "area"})
    done = _run([[8.0, 8.0, 8.0]], _by(), tree, people=[40.0], area=[16.0])
    assert done.steps[0].table.tolist() == [[2.0, 0.5, 8.0]]
    one = _run([[8.0, 8.0, 8.0]], _by(only="b"), tree, people=[40.0], area=[16.0])
    assert one.steps[0].table.tolist() == [[8.0, 0.5, 8.0]]


def test_denominators_follow_their_rows():
    values = values_from_columns(
        ["v", "u", "u"], [1, 2, 1], ("a", "b", "c"), [[6.0] * 3] * 3, None, "", {"d": [1, 2, 3]}
    )
    method = method_from_mapping({"name": "m", "steps": [_by(by="d")]})
    assert compute_index(values, _tree(), method).steps[0].table[:, 0].tolist() == [2.0, 6.0, 3.0]  # u 1, v 1, u 2


def test_every_cell_without_a_quotient_is_told_at_once():
    table = [[1.0, 1.0, NAN], [1.0, NAN, NAN], [1.0, 1.0, 1.0]]
    with pytest.raises(ComputationError) as caught:
        _run(table, _by(by="d", only=["a", "b"]), d=[0.0, NAN, 2.0])
    assert caught.value.faults == (
        "u1, a: cannot be divided by d, which is missing; correct it, or say 'where_missing: missing'",
        "u0, a: cannot be divided by d, which is 0; correct it, or say 'where_zero: missing'",
        "u0, b: cannot be divided by d, which is 0; correct it, or say 'where_zero: missing'",
    )


@pytest.mark.parametrize(
    ("rules", "faults"),
    [
        ({"where_zero": "missing"}, ["u1, a"]),
        ({"where_missing": "missing"}, ["u0, a"]),
    ],
)
def test_a_rule_covers_its_own_cells_only(rules, faults):
    with pytest.raises(ComputationError) as caught:
        _run([[1.0, 1.0, 1.0]] * 2, _by(by="d", only="a", **rules), d=[-1.0, NAN])
    assert [fault.split(":")[0] for fault in caught.value.faults] == faults


def test_with_both_rules_the_cells_go_missing_and_the_note_counts_them():
    rules = {"where_zero": "missing", "where_missing": "missing"}
    done = _run([[1.0, 1.0, NAN]] * 3, _by(by="d", **rules), d=[-1.0, NAN, 2.0])
    np.testing.assert_array_equal(done.steps[0].table, [[NAN] * 3, [NAN] * 3, [0.5, 0.5, NAN]])
    assert done.steps[0].notes[0] == "a: by d; values that go missing without it: 2"
    assert done.steps[0].notes[2] == "c: by d"


@pytest.mark.parametrize(("value", "divisor", "per"), [(1e300, 1e-300, 1.0), (0.0, 5e-324, 1e3)])
def test_a_quotient_that_is_no_number_is_an_error(value, divisor, per):
    with pytest.raises(ComputationError, match=r"u0, a: .* divided by d .* is too large for a number"):
        _run([[value, 1.0, 1.0]], _by(by="d", per=per, only="a"), d=[divisor])


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([_by()], "denominate: no indicator has a denominator in the framework"),
        ([_by(by="people", only="x")], ".only: 'x' is no level and no node"),
        ([_by(indicators={"index": {"by": "d"}})], ".indicators: 'index' is no indicator of the framework"),
        ([_by(by="people", only=["a", "b"])], "the values have no column 'people' to divide a, b by; add it"),
        ([_by(by="d", only="a"), _by(by="d")], "steps[1].denominate: a are denominated already"),
        ([{"treat": {}}, _by(by="d")], "a, b, c are treated already; denominate values once"),
        ([{"normalise": {"method": "none", "only": "b"}}, _by(by="d")], "b are normalised already"),
        ([{"aggregate": {}}, _by(by="d")], "comes after the aggregation of a, b, c"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(steps, fault):
    values = values_from_columns(["u"], None, ("a", "b", "c"), [[1.0] * 3], None, "values", {"d": [1.0]})
    with pytest.raises(MethodError) as caught:
        compute_index(values, _tree(), method_from_mapping({"name": "m", "steps": steps}))
    assert any(fault in found for found in caught.value.faults), caught.value.faults


@pytest.mark.parametrize(
    "parameters",
    [{"by": "d", "indicators": {"a": {"by": "d"}}}, {"only": ["a"], "indicators": {"a": {"by": "d"}}}, {"per": 10}],
)
def test_a_denominator_is_said_in_one_way(parameters):
    with pytest.raises(MethodError, match=r"give either indicators|per goes with by"):
        method_from_mapping({"name": "m", "steps": [_by(**parameters)]})


def test_a_method_names_its_denominators():
    steps = [_by(), _by(by="people"), _by(indicators={"a": {"by": "area"}}), {"screen": {"min_coverage": 0.5}}]
    assert denominators_named(method_from_mapping({"name": "m", "steps": steps}).steps) == {"people", "area"}


ROWS = [
    {"code": "index", "parent": ""},
    {"code": "a", "parent": "index", "direction": "higher", "denominator": "people", "per": 1000},
    {"code": "b", "parent": "index", "direction": "higher"},
]


def test_a_framework_file_names_denominators(tmp_path):
    tree = read_framework_csv(write_framework(tmp_path / "f.csv", ROWS))
    assert (tree.by_code["a"].denominator, tree.by_code["a"].per) == ("people", 1000.0)
    assert (tree.by_code["b"].denominator, tree.by_code["b"].per) == (None, 1.0)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"denominator": "people", "per": 0}, "column per: 0; it is a number above 0"),
        ({"denominator": "people", "per": -2}, "column per: -2; it is a number above 0"),
        ({"denominator": "", "per": 5}, "column per: 5 without a denominator"),
        ({"denominator": "b"}, "column denominator: 'b' is a node or a key"),
        ({"denominator": "year"}, "column denominator: 'year' is a node or a key"),
    ],
)
def test_a_denominator_that_cannot_be_is_a_fault_of_the_framework(tmp_path, row, fault):
    rows = [ROWS[0], ROWS[1] | {"per": ""} | row, ROWS[2]]
    with pytest.raises(FrameworkError) as caught:
        read_framework_csv(write_framework(tmp_path / "f.csv", rows))
    assert any(fault in found for found in caught.value.faults), caught.value.faults


def test_only_indicators_have_a_denominator(tmp_path):
    rows = [ROWS[0] | {"denominator": "people"}, *ROWS[1:]]
    with pytest.raises(FrameworkError, match="denominator: set on a node with children"):
        read_framework_csv(write_framework(tmp_path / "f.csv", rows))


def test_a_wide_file_gives_denominators_as_numbers_and_the_rest_as_groups(tmp_path, run):
    frame = pl.DataFrame({"unit": ["u", "v"], "a": [3, 4], "b": [1, 2], "people": [1000, None], "area": [5.5, 2.0]})
    done = run(ROWS, frame, {"steps": [_by(only="a", where_missing="missing"), _by(by="area", only="b")]})
    assert set(done.result.values.denominators) == {"people", "area"}
    assert done.table("step_2_denominate.csv").rows() == [("u", 3.0, 1 / 5.5), ("v", None, 1.0)]
    frame.write_csv(tmp_path / "v.csv")
    read = read_values(tmp_path / "v.csv", done.result.framework)
    assert (set(read.denominators), set(read.groups)) == ({"people"}, {"area"})
    with pytest.raises(ValueError, match="read-only"):
        read.denominators["people"][0] = 1.0


def test_a_long_file_gives_denominators_among_its_codes(tmp_path, run):
    rows = [("u", "a", 6), ("u", "people", 3000), ("u", "b", 1), ("v", "a", 2), ("v", "people", 500)]
    frame = pl.DataFrame(rows, schema=["unit", "code", "value"], orient="row")
    done = run(ROWS, frame, {"steps": [_by()]})
    assert done.table("step_1_denominate.csv").rows() == [("u", 2.0, 1.0), ("v", 4.0, None)]
    tree = read_framework_csv(write_framework(tmp_path / "plain.csv", [ROWS[0], ROWS[2]]))
    frame.filter(pl.col("code") != "a").write_csv(tmp_path / "v.csv")
    with pytest.raises(ValuesError, match="'people' is not an indicator"):
        read_values(tmp_path / "v.csv", tree)


def test_denominators_that_are_no_numbers_are_faults(tmp_path, run):
    frame = pl.DataFrame({"unit": ["u"], "a": [3], "b": [1], "people": ["many"]})
    with pytest.raises(ValuesError, match="line 2, column people: 'many' is not a finite number"):
        run(ROWS, frame, {"steps": [_by()]})
    with pytest.raises(ValuesError, match="u, d: inf is not a finite number"):
        values_from_columns(["u"], None, ("a",), [[1.0]], None, "values", {"d": [np.inf]})
    with pytest.raises(ValuesError, match="d: 2 entries for 1 units"):
        values_from_columns(["u"], None, ("a",), [[1.0]], None, "values", {"d": [1.0, 2.0]})


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(1, 10**6)), min_size=1, max_size=8),
    st.sampled_from([2.0, 1024.0, 0.5]),
)
def test_numerator_and_denominator_in_another_unit_give_the_same(cells, factor):
    values, divisors = (np.array(part) for part in zip(*cells, strict=True))
    once = per_denominator(values, divisors, 100.0)
    np.testing.assert_array_equal(per_denominator(values * factor, divisors * factor, 100.0), once)
    np.testing.assert_array_equal(per_denominator(values, divisors, 100.0 * factor), once * factor)
