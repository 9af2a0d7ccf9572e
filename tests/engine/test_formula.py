"""Formulas: the language, indicators derived by them, and nodes whose score is one."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_index.alone import steps_among_others
from ssc_index.errors import ComputationError, MethodError, ValuesError
from ssc_index.formula import evaluated, formula
from ssc_index.score_outside import compute_outside
from ssc_index.uncertainty.outputs import case_of_files

NAN = math.nan


def _column(*values):
    return np.array(values, dtype=np.float64)


def _value(text, **parts):
    return evaluated(formula(text), {name: _column(value) for name, value in parts.items()})[0]


def _leaves(*codes, parent="i", direction="higher"):
    return [{"code": code, "parent": parent, "direction": direction} for code in codes]


ROOT = {"code": "i", "parent": ""}
RAW = {"normalise": {"method": "none"}}


@pytest.mark.parametrize(
    ("text", "parts", "expected"),
    [
        ("a + b * c", {"a": 1, "b": 2, "c": 3}, 7.0),
        ("(a + b) * c", {"a": 1, "b": 2, "c": 3}, 9.0),
        ("a - b - c", {"a": 9, "b": 2, "c": 3}, 4.0),
        ("a / b / c", {"a": 12, "b": 2, "c": 3}, 2.0),
        ("2 ** a ** b", {"a": 2, "b": 3}, 256.0),
        ("-a ** 2", {"a": 3}, -9.0),
        ("+a - -b", {"a": 3, "b": 2}, 5.0),
        ("ln(exp(a))", {"a": 2}, 2.0),
        ("log10(a) + log2(b)", {"a": 100, "b": 8}, 5.0),
        ("sqrt(abs(a))", {"a": -16}, 4.0),
        ("min(a, b, c) + 10 * max(a, b, c)", {"a": 2, "b": 1, "c": 3}, 31.0),
        ("mean(a, b, c)", {"a": 2, "b": 1, "c": 6}, 3.0),
        ("1e2 * a", {"a": 0.5}, 50.0),
        ("a /\n b", {"a": 1, "b": 4}, 0.25),
    ],
)
def test_a_formula_by_hand(text, parts, expected):
    assert _value(text, **parts) == expected


def test_names_of_any_signs_stand_between_backticks():
    what = formula("`EC-1.2 \u4e2d` / `min` + `EC-1.2 \u4e2d`")
    assert what.names == ("EC-1.2 \u4e2d", "min")
    np.testing.assert_array_equal(evaluated(what, {"EC-1.2 \u4e2d": _column(6), "min": _column(3)}), [8.0])
    assert formula("in / max + is_2 - \ufb01 * _0_ * True").names == ("in", "max", "is_2", "\ufb01", "_0_", "True")


def test_a_missing_part_makes_the_whole_missing_whatever_it_is_multiplied_by():
    parts = {"a": _column(NAN, 1.0), "b": _column(1.0, 1.0)}
    for text in ("b ** a", "0 * a + b", "max(a, b)", "a ** 0 * b"):
        np.testing.assert_array_equal(np.isnan(evaluated(formula(text), parts)), [True, False])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("a +", "cannot be read"),
        ("a b", "cannot be read"),
        ("(" * 500 + "a" + ")" * 500, "cannot be read"),
        ("1 + 2", "names nothing"),
        ("a ^ 2", r"'a \^ 2' is not known; a power is written \*\*"),
        ("a if b else c", "cannot be read"),
        ("a > b", "is not known"),
        ("a // b", "is not known"),
        ("a % b", "is not known"),
        ("__import__('os')", "is not known"),
        ("a.b", "'a.b' is not known"),
        ("sin(a)", r"'sin\(a\)' is not known"),
        ("sqrt(a, b)", "sqrt takes one part"),
        ("min()", "min takes one part or more"),
        ("min(a, key=b)", "is not known"),
        ("max(*a)", "is not known"),
        ("'a' + b", "is not known"),
        ("a + 2j", "is not known"),
        ("a + 1e999", "too large a number"),
        ("a + " * 600 + "a", "longer than 2000 characters"),
    ],
)
def test_what_is_no_formula_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        formula(text)


@given(st.lists(st.floats(0.1, 1e3), min_size=1, max_size=40), st.integers(0, 39))
def test_a_row_does_not_depend_on_the_others(values, row):
    row %= len(values)
    text = formula("ln(a) ** 2 / (1 + sqrt(a)) - a ** 0.3")
    together = evaluated(text, {"a": np.array(values)})
    np.testing.assert_array_equal(together[row], evaluated(text, {"a": np.array(values[row : row + 1])})[0])


# --- derived indicators ---------------------------------------------------------------------------------------


def _derive(**indicators):
    return {"derive": {"indicators": indicators}}


def test_indicators_are_derived_from_others_from_columns_and_from_each_other(run):
    frame = pl.DataFrame({"unit": ["p", "q"], "doctors": [30.0, 50.0], "people": [10.0, None], "beds": [4.0, 6.0]})
    steps = [_derive(rate="doctors / people", double="2 * rate", staff="doctors / beds"), RAW, {"aggregate": {}}]
    done = run([ROOT, *_leaves("rate", "double", "doctors", "staff")], frame, {"steps": steps}).result
    np.testing.assert_array_equal(done.steps[0].table, [[3.0, 6.0, 30.0, 7.5], [NAN, NAN, 50.0, 50 / 6]])
    assert done.values.groups == {}
    # rate, double and staff of p are as good as observed; of q two of four are there
    np.testing.assert_array_equal(done.coverage[:, 0], [1.0, 0.5])
    assert done.steps[0].notes[0] == "rate: doctors / people"


def test_what_is_derived_from_a_filled_value_counts_as_filled(run):
    frame = pl.DataFrame({"unit": ["p", "p"], "year": [1, 3], "a": [4.0, None]})
    steps = [{"impute": {"method": "last_value"}}, _derive(b="a ** 2"), RAW, {"aggregate": {}}]
    done = run([ROOT, *_leaves("a", "b")], frame, {"steps": steps}).result
    assert done.steps[1].table.tolist() == [[4.0, 16.0], [4.0, 16.0]]
    assert done.n_imputed[:, 0].tolist() == [0, 2]
    assert done.n_carried[:, 0].tolist() == [0, 2]
    assert done.coverage[:, 0].tolist() == [1.0, 0.0]


def test_a_row_that_was_screened_out_is_not_derived_again(run):
    frame = pl.DataFrame({"unit": ["p", "q"], "a": [4.0, None], "people": [1.0, 0.0]})
    screen = {"screen": {"min_coverage_by_node": {"a": 1.0}}}
    steps = [screen, _derive(b="1 / people"), RAW, {"aggregate": {}}]
    done = run([ROOT, *_leaves("a", "b")], frame, {"steps": steps}).result
    np.testing.assert_array_equal(done.steps[1].table[:, 1], [1.0, NAN])


def test_a_long_file_may_hold_the_columns_of_a_formula(run):
    frame = pl.DataFrame({"unit": ["p", "p"], "code": ["cars", "people"], "value": [8.0, 2.0]})
    done = run([ROOT, *_leaves("rate")], frame, {"steps": [_derive(rate="cars / people"), RAW, {"aggregate": {}}]})
    assert done.result.scores.tolist() == [[4.0, 4.0]]


def test_a_row_without_a_value_of_the_formula_is_named_or_goes_missing(run):
    frame = pl.DataFrame({"unit": ["p", "q"], "a": [1.0, 1.0], "people": [0.0, 2.0]})
    tree, steps = [ROOT, *_leaves("a", "b")], [_derive(b="a / people"), RAW, {"aggregate": {}}]
    with pytest.raises(ComputationError, match=r"p, b: 'a / people' with a = 1, people = 0 has no value; correct it"):
        run(tree, frame, {"steps": steps})
    steps[0]["derive"]["where_undefined"] = "missing"
    done = run(tree, frame, {"steps": steps}).result
    np.testing.assert_array_equal(done.steps[0].table[:, 1], [NAN, 0.5])
    assert done.steps[0].notes == ("b: a / people; without a value: 1",)
    assert done.coverage[:, 0].tolist() == [0.5, 1.0]


def test_a_derived_indicator_has_no_values_of_its_own(run):
    frame = pl.DataFrame({"unit": ["p", "q"], "a": [1.0, 1.0], "b": [None, 2.0]})
    with pytest.raises(ComputationError, match="q, b: has a value, and the method derives it; empty the column"):
        run([ROOT, *_leaves("a", "b")], frame, {"steps": [_derive(b="2 * a"), RAW, {"aggregate": {}}]})


def test_every_fault_of_a_derivation_is_told_at_once(run):
    frame = pl.DataFrame({"unit": ["p"], "a": [1.0], "b": [None], "c": [None]})
    steps = [
        {"treat": {"method": "percentile", "low": 0.1, "high": 0.9, "only": ["c"]}},
        _derive(b="a / nothing", c="a", x="a", i="a"),
        _derive(b="b + c"),
        RAW,
        _derive(c="a"),
        {"aggregate": {}},
    ]
    with pytest.raises(MethodError) as error:
        run([ROOT, *_leaves("a", "b", "c")], frame, {"steps": steps})
    assert [fault.partition(".derive.indicators")[2] for fault in error.value.faults] == [
        ".b: 'nothing' is no indicator and no column of the values",
        ".c: is treated already; derive an indicator before anything is done to it",
        ": 'x' is no indicator of the framework",
        ": 'i' is no indicator of the framework",
        ".b: is derived already",
        ".b: is made of itself; an indicator is observed or derived",
        ".b: c is treated already; derive in front of that step",
        ".c: is derived already",
        ".c: is treated already; derive an indicator before anything is done to it",
        ".c: is normalised already; derive an indicator before anything is done to it",
        ".c: a is normalised already; derive in front of that step",
    ]
    with pytest.raises(MethodError, match=r"derive.indicators.b: 'a \^ 2': 'a \^ 2' is not known"):
        run([ROOT, *_leaves("a", "b")], frame, {"steps": [_derive(b="a ^ 2")]})


def test_a_column_that_is_not_derived_must_be_there(run):
    with pytest.raises(ValuesError, match="no column 'b'"):
        run([ROOT, *_leaves("a", "b")], pl.DataFrame({"unit": ["p"], "a": [1.0]}), {"steps": [RAW, {"aggregate": {}}]})


def test_a_unit_outside_and_a_replication_derive_too(run, tmp_path):
    frame = pl.DataFrame({"unit": ["p", "q"], "a": [1.0, 4.0], "people": [1.0, 2.0]})
    steps = [_derive(b="a / people"), {"normalise": {"method": "minmax"}}, {"aggregate": {"method": "arithmetic"}}]
    varied = {"kind": "alternatives", "step": "aggregate", "options": [{}, {"weights": "equal"}], "reason": "why not"}
    method = {"steps": steps, "uncertainty": {"replications": 4, "seed": 1, "inputs": {"w": varied}}}
    done = run([ROOT, *_leaves("b")], frame, method)
    files = tmp_path / "framework.csv", tmp_path / "values.csv"
    outside = compute_outside(*files, done.out, tmp_path / "other")
    np.testing.assert_array_equal(outside.scores, done.result.scores)
    assert steps_among_others(done.result.framework, done.result.method) == ("2 normalise",)
    case = case_of_files(*files, tmp_path / "method.yaml")
    assert set(case.values.denominators) == {"a", "people"}


# --- nodes ----------------------------------------------------------------------------------------------------


def _node(expression, **frame):
    frame = pl.DataFrame({"unit": [f"u{row}" for row in range(len(next(iter(frame.values()))))], **frame})
    tree = [ROOT, *_leaves(*(name for name in frame.columns if name != "unit"))]
    return tree, frame, {"steps": [RAW, {"aggregate": {"method": {"formula": expression}}}]}


@pytest.mark.parametrize("form", ["out / inp", {"expression": "out / inp"}])
def test_a_node_is_the_ratio_of_its_children(run, form):
    done = run(*_node(form, out=[30.0, 10.0, None], inp=[40.0, 40.0, 1.0])).result
    np.testing.assert_array_equal(done.scores[:, 0], [0.75, 0.25, NAN])
    np.testing.assert_array_equal(done.ranks[:, 0], [1.0, 2.0, NAN])
    assert done.method.as_mapping()["steps"][1]["aggregate"]["method"] == {"formula": {"expression": "out / inp"}}


def test_readiness_less_vulnerability(run):
    # ND-GAIN: (readiness − vulnerability + 1) × 50; 0.8 and 0.3 give 75
    done = run(*_node("(readiness - vulnerability + 1) * 50", readiness=[0.8], vulnerability=[0.3])).result
    np.testing.assert_allclose(done.scores[:, 0], [75.0], rtol=1e-15)


def test_a_ratio_to_nothing_is_refused_with_its_unit(run):
    with pytest.raises(
        ComputationError, match=r"u1, i: 'out / inp' with out = 1, inp = 0 has no value, so it has no s"
    ):
        run(*_node("out / inp", out=[1.0, 1.0], inp=[2.0, 0.0]))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("out / other", "i: formula names 'other', which is none of out, inp"),
        ("2 * out", "i: formula leaves 'inp' without any say; name it"),
        ("out ^ inp", r"formula: 'out \^ inp' is not known"),
        ({"expression": 5}, "formula.expression: Input should be a valid string"),
        ({"expression": "out", "power": 2}, "formula.power: unknown key"),
    ],
)
def test_a_formula_names_every_child_and_nothing_else(run, expression, said):
    with pytest.raises(MethodError, match=said):
        run(*_node(expression, out=[1.0], inp=[2.0]))


def test_the_gender_inequality_index_by_hand(run):
    # UNDP, technical note 4, on made-up numbers: maternal deaths 40, births 20 (per 1,000), shares of parliament, of
    # secondary schooling and of the labour force of women 0.25, 0.6, 0.5 and of men 0.75, 0.7, 0.8.
    women = (math.sqrt(10 / 40 * 1 / 20) * math.sqrt(0.25 * 0.6) * 0.5) ** (1 / 3)
    men = (1 * math.sqrt(0.75 * 0.7) * 0.8) ** (1 / 3)
    harmonic = 1 / ((1 / women + 1 / men) / 2)
    health, power = (math.sqrt(10 / 40 * 1 / 20) + 1) / 2, (math.sqrt(0.25 * 0.6) + math.sqrt(0.75 * 0.7)) / 2
    expected = 1 - harmonic / (health * power * 0.65) ** (1 / 3)
    tree = [
        {"code": "gii", "parent": ""},
        {"code": "equal", "parent": "gii", "aggregation": "harmonic"},
        {"code": "women", "parent": "equal", "aggregation": "geometric"},
        {"code": "men", "parent": "equal", "aggregation": "geometric"},
        {"code": "both", "parent": "gii", "aggregation": "geometric"},
        *_leaves("f_health", "f_power", "f_work", parent="women"),
        *_leaves("m_health", "m_power", "m_work", parent="men"),
        *_leaves("health", "power", "work", parent="both"),
    ]
    columns = {"mmr": 40, "abr": 20, "pr_f": 0.25, "se_f": 0.6, "lf_f": 0.5, "pr_m": 0.75, "se_m": 0.7, "lf_m": 0.8}
    derived = {
        "f_health": "sqrt(10 / mmr * 1 / abr)",
        "f_power": "sqrt(pr_f * se_f)",
        "f_work": "lf_f",
        "m_health": "1 + 0 * mmr",
        "m_power": "sqrt(pr_m * se_m)",
        "m_work": "lf_m",
        "health": "mean(f_health, m_health)",
        "power": "mean(f_power, m_power)",
        "work": "mean(f_work, m_work)",
    }
    steps = [_derive(**derived), RAW, {"aggregate": {"levels": {"gii": {"formula": "1 - equal / both"}}}}]
    done = run(
        tree, pl.DataFrame({"unit": ["p"], **{name: [float(x)] for name, x in columns.items()}}), {"steps": steps}
    )
    np.testing.assert_allclose(done.result.scores[0, 0], expected, rtol=1e-14)
    assert done.result.coverage[0, 0] == 1.0
