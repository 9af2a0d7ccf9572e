"""Replications written out in full, checked against what one does by hand."""

from __future__ import annotations

import numpy as np

from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.uncertainty.case import Choices, case_of, decide, rows_of
from ssc_index.uncertainty.plain import before_normalisation, built, replication, scores_of
from ssc_index.values import values_from_columns
from tests.uncertainty import examples


def test_the_row_without_numbers_gives_the_nominal_index():
    case = examples.case(examples.EVERYTHING)
    nominal = compute_index(case.values, case.framework, case.method).scores
    choices = decide(case, np.full((1, len(case.names)), np.nan))
    np.testing.assert_array_equal(scores_of(case, built(case, choices)), nominal)


def test_each_step_that_aggregates_has_the_weights_that_it_names():
    # Equal weights up to the pillars, those of the framework (1, 2 and 3) above them. Without numbers it is the index
    # of the method; the pillars had equal weights then, those of the first step.
    inputs = {"weights": {**examples.NOISE_OF_WEIGHTS, "at": "pillar"}}
    start = [{"normalise": {"method": "goalposts", "range": [1, 100]}}]
    steps = [*start, {"aggregate": {"weights": "equal", "to": "pillar"}}, {"aggregate": {}}]
    section = {"seed": 1, "replications": 4, "inputs": inputs}
    method = method_from_mapping({"name": "two", "steps": steps, "uncertainty": section})
    case = case_of(examples.values(), examples.framework(), method)
    nominal = compute_index(case.values, case.framework, case.method).scores
    np.testing.assert_array_equal(scores_of(case, built(case, decide(case, np.full((1, 1), np.nan)))), nominal)
    drawn = scores_of(case, replication(case, 0))
    np.testing.assert_array_equal(drawn[:, case.position["p1"]], nominal[:, case.position["p1"]])
    assert not np.array_equal(drawn[:, 0], nominal[:, 0], equal_nan=True)


def test_a_node_left_out_counts_neither_in_weights_nor_in_coverage():
    case = examples.case({"exclusion": {"kind": "exclusion", "nodes": ["x10", "p2"], "probability": 1.0}})
    full = compute_index(case.values, case.framework, case.method).scores
    none = np.zeros(1, dtype=np.uint64)
    without_x10 = scores_of(case, built(case, Choices({}, None, np.array([0]), none)))
    # p1 has two indicators; without the first it is the second.
    np.testing.assert_array_equal(without_x10[:, case.position["p1"]], full[:, case.position["x11"]])
    without_p2 = scores_of(case, built(case, Choices({}, None, np.array([1]), none)))
    p0, p1 = full[:, case.position["p0"]], full[:, case.position["p1"]]
    # Geometric mean of the two that are left, weights 1 and 2, floor 1.
    expected = np.exp((np.log(np.maximum(p0, 1)) + 2 * np.log(np.maximum(p1, 1))) / 3)
    np.testing.assert_allclose(without_p2[:, 0], expected, rtol=1e-12)


def test_errors_are_as_large_as_the_grade_says_and_stay_within_bounds():
    case = examples.case({"errors": examples.MEASUREMENT}, units=40)
    before = before_normalisation(case, case.values, case.framework, case.method)
    relative = before.deviation / case.values.values
    shares = {0: 0.1, 1: 0.02, 2: 0.05, 3: 0.25, 4: 0.30}  # the grades by turns, the first of them undeclared
    for turn, share in shares.items():
        cells = (np.arange(relative.size).reshape(relative.shape) % 5 == turn) & ~np.isnan(before.values.values)
        np.testing.assert_allclose(relative[cells], share)
    tables = np.array([replication(case, number).values.values for number in range(300)])
    assert np.nanmin(tables) >= 0
    assert np.nanmax(tables) <= 100
    accurate = (np.arange(relative.size).reshape(relative.shape) % 5 == 1) & ~np.isnan(before.values.values)
    z = (tables - before.values.values)[:, accurate] / before.deviation[accurate]
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 1) < 0.02


AFTER = [
    {"screen": {"min_coverage": 0.8}},
    examples.STEPS[2],
    {"impute": {"method": "group_median", "group": "region"}},
    examples.STEPS[3],
]


def test_what_is_screened_out_before_the_errors_is_not_imputed_after_them():
    section = {"seed": 11, "inputs": {"errors": examples.MEASUREMENT}}
    method = method_from_mapping({"name": "screened", "steps": AFTER, "uncertainty": section})
    case = case_of(examples.values(), examples.framework(), method)
    nominal = compute_index(case.values, case.framework, case.method).scores
    assert 0 < np.isnan(nominal[:, 0]).sum() < len(nominal)
    np.testing.assert_array_equal(scores_of(case, built(case, decide(case, np.full((1, 1), np.nan)))), nominal)
    np.testing.assert_array_equal(np.isnan(scores_of(case, replication(case, 0))), np.isnan(nominal))


def test_steps_after_the_errors_see_other_years():
    """Scales of the whole panel, and values carried once they are scored."""
    one, other = examples.values(), examples.values(seed=6)
    years = [2023] * len(one.units) + [2024] * len(one.units)
    table, labels = np.concatenate([one.values, other.values]), {"region": one.groups["region"] * 2}
    values = values_from_columns(one.units * 2, years, one.codes, table, labels)
    scale = {"normalise": {"method": "minmax", "range": [1, 100], "over": "panel"}}
    steps = [scale, {"impute": {"method": "last_value"}}, examples.STEPS[3]]
    section = {"seed": 11, "inputs": {"errors": {"kind": "measurement", "undeclared": {"relative": 1e-9}}}}
    method = method_from_mapping({"name": "panel", "steps": steps, "uncertainty": section})
    case = case_of(values, examples.framework(), method)
    nominal = compute_index(case.values, case.framework, case.method).scores[case.rows]
    found = replication(case, 3)
    np.testing.assert_allclose(scores_of(case, found), nominal, rtol=1e-6)
    with_errors = found.values.values != values.values
    assert with_errors[case.rows].any()
    assert not with_errors[: case.rows.start][~np.isnan(values.values[: case.rows.start])].any()


def test_a_replication_can_be_built_again_alone():
    case = examples.case(examples.EVERYTHING)
    choices = decide(case, rows_of(case, 0, 8))
    for number in range(8):
        again = scores_of(case, replication(case, number))
        np.testing.assert_array_equal(again, scores_of(case, built(case, choices, number)))


def test_bounds_and_exact_indicators_of_a_method_are_those_of_a_catalogue():
    whole = examples.case({"errors": examples.MEASUREMENT})
    codes, given = whole.framework.codes, whole.values.values
    inputs = {"errors": {**examples.MEASUREMENT, "bounds": {code: [0, 100] for code in codes}}}
    bare = case_of(whole.values, whole.framework, examples.method(inputs), grades=whole.grades)
    np.testing.assert_array_equal(bare.bounds, whole.bounds)
    for number in range(3):
        np.testing.assert_array_equal(replication(bare, number).values.values, replication(whole, number).values.values)
    inputs["errors"] |= {"bounds": {"x10": [40, None]}, "exact": ["x00", "x21"], "scale": 5.0}
    own = case_of(whole.values, whole.framework, examples.method(inputs), None, whole.grades, whole.bounds, whole.exact)
    np.testing.assert_array_equal(own.bounds[:, codes.index("x10")], [40, np.nan])
    assert own.bounds[:, 0].tolist() == [0, 100]
    wrong = replication(own, 0).values.values
    assert (wrong[:, codes.index("x10")] > 100).any()  # open above, where the bound of the values was 100
    for column, code in enumerate(codes):
        known = ~np.isnan(given[:, column])
        assert (wrong[known, column] == given[known, column]).all() == (code in ("x00", "x21")), code
