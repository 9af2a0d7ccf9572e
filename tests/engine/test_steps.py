"""Each step on its own, on numbers small enough to check by eye."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_index import impute, normalise
from ssc_index.aggregate import refused, weighted_mean
from ssc_index.errors import MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.rank import ascending, rank_ascending, rank_blocks, rank_descending
from ssc_index.screen import coverage_reasons, label_reasons
from ssc_index.transform import found_in
from ssc_index.treat import skewness_and_kurtosis, treat_column, winsorise
from ssc_index.values import values_from_columns
from ssc_index.weights import effective_weights, sibling_weights

NAN = np.nan


def _column(*numbers: float) -> np.ndarray:
    return np.array(numbers, dtype=np.float64)


# screen


def test_coverage_on_the_threshold_passes():
    present = np.array([[True] * 13 + [False] * 7, [True] * 12 + [False] * 8])
    reasons = coverage_reasons(present, {"index": range(20)}, {"index": 0.65})  # 13 of 20 = 0.65
    assert reasons[0] == []
    assert reasons[1] == ["coverage 0.6 of index is below 0.65 (12 of 20 indicators)"]


def test_each_node_that_is_too_thin_is_a_reason():
    present = np.array([[False, False, True, True]])
    reasons = coverage_reasons(present, {"A": [0, 1], "B": [2, 3], "all": range(4)}, {"A": 0.5, "B": 0.5, "all": 0.6})
    assert [reason.split(" is below")[0] for reason in reasons[0]] == ["coverage 0 of A", "coverage 0.5 of all"]


def test_label_reasons_name_the_label_and_those_wanted():
    assert label_reasons(("a", "b"), "kind", ("b", "c")) == [["kind is 'a', not 'b' or 'c'"], []]


# treat


def test_skewness_and_kurtosis_have_no_value_where_they_cannot():
    assert np.isnan(skewness_and_kurtosis(_column(1, 2))).all()
    assert np.isnan(skewness_and_kurtosis(_column(0.1, 0.1, 0.1, 0.1))).all()
    skewness, kurtosis = skewness_and_kurtosis(_column(1, 2, 4))
    assert skewness > 0
    assert math.isnan(kurtosis)


@pytest.mark.parametrize("factor", [1e300, 1e-300, 3.0])
def test_skewness_and_kurtosis_know_no_scale(factor):
    values = _column(1, 2, 3, 4, 100)
    assert skewness_and_kurtosis(values * factor) == pytest.approx(skewness_and_kurtosis(values), rel=1e-12)


def test_tied_outliers_move_together_and_may_jump_past_the_limit():
    # max_points 1: one pull moves both 90s to 5, where two cells then stand: 2 at the cap.
    values = np.sort(_column(1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 2, 3, 4, 90, 90))
    low, high, points, _ = winsorise(values, 1, 2.0, 3.5)
    assert (low, high, points) == (1.0, 5.0, 2)


def test_a_negatively_skewed_column_is_pulled_in_from_below():
    low, high, points, after = winsorise(np.sort(-_column(1, 2, 2, 3, 3, 4, 4, 5, 5, 90)), 5, 2.0, 3.5)
    assert (low, high, points) == (-5.0, -1.0, 1)
    assert abs(after[0]) < 2


def test_the_rule_needs_both_statistics():
    values = _column(*range(20), 60)  # skewness 2.4 and kurtosis 8 or so
    skewness, kurtosis = skewness_and_kurtosis(values)
    assert treat_column(values, 5, skewness, kurtosis).rule == "winsorised"  # at the threshold: fails
    assert treat_column(values, 5, skewness + 1e-9, kurtosis).rule == "passes"
    assert treat_column(values, 5, skewness, kurtosis + 1e-9).rule == "passes"


def test_a_column_that_would_collapse_is_left_as_it_was():
    values = _column(*[0.0] * 30, 1.0)
    treated = treat_column(values, 5, 2.0, 3.5, _log)
    assert treated.rule == "undefined"
    np.testing.assert_array_equal(treated.transform.treated(values), values)


def _log(values, skewness):
    return found_in(values, "log", skewness=skewness)


def test_the_second_stage_starts_from_the_values_before_and_keeps_missing_cells():
    # One pull is not enough for exp(0), exp(1), … exp(9); then ln(x - min + 0.01 (max - min)).
    values = np.exp(np.arange(10.0))
    treated = treat_column(values, 1, 0.5, -2.0, _log)
    low, high = 1.0, math.exp(9)
    assert (treated.rule, treated.n_points) == ("transformed", 0)
    done = treated.transform.treated(_column(NAN, *values))
    assert math.isnan(done[0])
    np.testing.assert_allclose(done[1:], np.log(values - low + 0.01 * (high - low)))


def test_the_second_stage_may_start_from_the_winsorised_values():
    # One pull takes exp(9) to exp(8); then the same logarithm with max = exp(8).
    values = np.exp(np.arange(10.0))
    treated = treat_column(values, 1, 0.5, -2.0, _log, "winsorised")
    assert treated.n_points == 1
    capped = np.minimum(values, math.exp(8))
    expected = np.log(capped - 1.0 + 0.01 * (math.exp(8) - 1.0))
    np.testing.assert_allclose(treated.transform.treated(values), expected)
    # A goalpost changes its unit and knows no cap.
    post = treated.transform.in_new_unit(_column(math.exp(9)))
    np.testing.assert_allclose(post, [math.log(math.exp(9) - 1.0 + 0.01 * (math.exp(8) - 1.0))])


def test_without_a_second_stage_the_winsorised_values_stay():
    values = np.exp(np.arange(10.0))
    treated = treat_column(values, 1, 0.5, -2.0)
    assert treated.rule == "winsorised"
    assert treated.transform.treated(values).max() == math.exp(8)


def test_with_no_points_allowed_and_no_second_stage_nothing_happens():
    treated = treat_column(_column(*range(9), 900), 0, 2.0, 3.5)
    assert treated.rule == "passes"


# normalise


def test_goalposts_where_less_is_better_and_beyond_the_posts():
    values = np.array([[50.0], [10.0], [30.0], [60.0], [0.0], [NAN]])
    low, high = _column(50), _column(10)
    clipped = normalise.goalposts(values, low, high, (0.0, 100.0), True)
    np.testing.assert_array_equal(clipped.ravel(), [0, 100, 50, 0, 100, NAN])
    free = normalise.goalposts(values, low, high, (0.0, 100.0), False)
    np.testing.assert_array_equal(free.ravel(), [0, 100, 50, -25, 125, NAN])


def test_minmax_of_a_constant_or_empty_column_has_no_score():
    values, sign = np.array([[5.0, NAN], [5.0, NAN]]), _column(1, 1)
    worst, best = normalise.worst_and_best(values, sign)
    assert np.isnan(normalise.minmax(values, worst, best, (0.0, 100.0))).all()
    assert (worst[0], best[0]) == (5.0, 5.0)
    assert math.isnan(worst[1])


def test_the_worst_is_the_greatest_where_less_is_better():
    worst, best = normalise.worst_and_best(np.array([[2.0], [6.0]]), _column(-1))
    assert (worst[0], best[0]) == (6.0, 2.0)


def test_zscore_uses_the_sample_deviation():
    values = np.array([[2.0], [4.0], [6.0], [NAN]])
    mean, sd = normalise.means_and_deviations(values)
    assert (mean[0], sd[0]) == (4.0, 2.0)  # sqrt((4 + 0 + 4) / 2)
    scores = normalise.zscore(values, _column(-1), mean, sd, 50.0, 10.0)
    np.testing.assert_array_equal(scores.ravel(), [60, 50, 40, NAN])


@pytest.mark.parametrize("size", [1e300, 1e-300, 2.0**1020])
def test_zscores_of_the_greatest_and_the_smallest_values_are_those_of_others(size):
    # 1, 2 and 3: mean 2, deviation 1. The squares of 1e300 are infinite: all scores came out as 0, without a word.
    values = np.array([[1.0], [2.0], [3.0]]) * size
    mean, sd = normalise.means_and_deviations(values)
    scores = normalise.zscore(values, _column(1), mean, sd, 0.0, 1.0)
    np.testing.assert_allclose(scores.ravel(), [-1, 0, 1], atol=1e-12)


def test_percentiles_of_ties_and_of_one():
    values = np.array([[1.0, 7.0], [2.0, NAN], [2.0, NAN], [3.0, NAN]])
    ranked = normalise.ranks(values, _column(1, 1), "min")[0]
    scores = normalise.percentiles(ranked, _column(4, 1), (0.0, 100.0))
    np.testing.assert_allclose(scores[:, 0], [0, 100 / 3, 100 / 3, 100])
    assert np.isnan(scores[:, 1]).all()


@pytest.mark.parametrize(
    ("transform", "expected"),
    [("none", [1, 100]), ("ln", [0, math.log(100)]), ("log10", [0, 2]), ("sqrt", [1, 10]), ("gap_to_target", [9, 90])],
)
def test_transforms(transform, expected):
    values = normalise.transform_values(_column(1, 100), transform, 10.0)
    np.testing.assert_allclose(values, expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("transform", "outside"),
    [
        ("none", [False] * 4),
        ("ln", [True, True, False, False]),
        ("log10", [True, True, False, False]),
        ("sqrt", [True, False, False, False]),
    ],
)
def test_domains(transform, outside):
    assert normalise.outside_domain(_column(-1, 0, 1, NAN), transform).tolist() == outside


# impute


def test_a_median_of_an_even_number_is_the_mean_of_the_middle_two():
    np.testing.assert_array_equal(impute.centres(np.array([[1.0], [9.0], [2.0], [4.0]]), "median"), [3.0])


def test_groups_fill_only_their_own_and_an_empty_group_is_told():
    table = np.array([[1.0, NAN], [NAN, NAN], [8.0, 5.0], [NAN, NAN]])
    wanted = np.ones(table.shape, dtype=bool)
    filled, empty = impute.fill_by_group(table, np.array([0, 0, 1, -1]), "mean", wanted)
    np.testing.assert_array_equal(filled, [[1, NAN], [1, NAN], [8, 5], [NAN, NAN]])
    assert empty == [(0, 1, 2)]


def test_only_wanted_cells_are_filled():
    table = np.array([[1.0, 2.0], [NAN, NAN]])
    wanted = np.array([[True, False], [True, False]])
    filled, _ = impute.fill_by_group(table, np.array([0, 0]), "mean", wanted)
    np.testing.assert_array_equal(filled, [[1, 2], [1, NAN]])


def test_last_value_takes_the_youngest_in_time_and_not_what_was_filled():
    years = [2018, 2019, 2020, 2021, 2022]
    table = np.array([[7.0], [NAN], [NAN], [NAN], [9.0]])
    all_cells = np.ones(table.shape, dtype=bool)
    filled, ages = impute.fill_by_last_value(table, ["u"] * 5, years, 2, all_cells, all_cells)
    np.testing.assert_array_equal(filled.ravel(), [7, 7, 7, NAN, 9])  # 2021 is three years after 2018
    assert ages.ravel().tolist() == [0, 1, 2, 0, 0]
    donors = np.array([[False], [True], [True], [True], [True]])
    filled, _ = impute.fill_by_last_value(table, ["u"] * 5, years, None, all_cells, donors)
    np.testing.assert_array_equal(filled.ravel(), [7, NAN, NAN, NAN, 9])


def test_last_value_never_crosses_units():
    table = np.array([[1.0], [2.0], [NAN], [NAN]])
    all_cells = np.ones(table.shape, dtype=bool)
    filled, _ = impute.fill_by_last_value(
        table, ["a", "b", "b", "c"], [2020, 2020, 2021, 2021], None, all_cells, all_cells
    )
    np.testing.assert_array_equal(filled.ravel(), [1, 2, 2, NAN])


# weights and aggregate


def _tree():
    return framework_from_nodes(
        [
            Node(code="i", parent=None, name="i", level=""),
            Node(code="A", parent="i", name="A", level="", weight=3.0),
            Node(code="b", parent="i", name="b", level="", direction="higher", weight=1.0),
            Node(code="a1", parent="A", name="a1", level="", direction="higher", weight=1.0),
            Node(code="a2", parent="A", name="a2", level="", direction="higher", weight=4.0),
        ]
    )


def test_effective_weights_multiply_down_the_tree():
    # A 3/4, b 1/4; a1 3/4 × 1/5 = 0.15, a2 3/4 × 4/5 = 0.6.
    assert effective_weights(_tree()) == pytest.approx({"i": 1, "A": 0.75, "b": 0.25, "a1": 0.15, "a2": 0.6})
    assert effective_weights(_tree(), "equal") == {"i": 1, "A": 0.5, "b": 0.5, "a1": 0.25, "a2": 0.25}
    assert sibling_weights(_tree().children["A"], "framework") == (1.0, 4.0)


def test_weights_are_renormalised_over_what_is_present():
    parts = [_column(10, 10, NAN), _column(40, NAN, NAN)]
    np.testing.assert_array_equal(weighted_mean(parts, [1.0, 2.0]), [30, 10, NAN])


def test_the_geometric_mean_by_hand():
    # (4^1 × 32^2)^(1/3) = (4 × 1024)^(1/3) = 16
    assert weighted_mean([_column(4), _column(32)], [1.0, 2.0], "geometric")[0] == pytest.approx(16, rel=1e-15)


def test_a_part_of_zero_makes_a_geometric_mean_of_zero_unless_it_has_no_weight():
    assert weighted_mean([_column(0), _column(9)], [1.0, 1.0], "geometric")[0] == 0
    assert weighted_mean([_column(0), _column(9)], [0.0, 1.0], "geometric")[0] == pytest.approx(9)


def test_coverage_counts_children_whatever_their_weight():
    parts = [_column(10), _column(NAN), _column(NAN)]
    assert weighted_mean(parts, [5.0, 1.0, 0.0], min_coverage=1 / 3)[0] == 10
    assert math.isnan(weighted_mean(parts, [5.0, 1.0, 0.0], min_coverage=0.34)[0])


def test_children_without_weight_give_no_score():
    assert math.isnan(weighted_mean([_column(10), _column(NAN)], [0.0, 1.0])[0])


def test_a_geometric_mean_refuses_only_rows_that_would_have_one():
    parts = [_column(0, -1, 5, NAN), _column(1, NAN, 0, NAN)]
    assert refused(parts, 1.0) == [(0, 0), (2, 1)]
    assert refused(parts) == [(0, 0), (1, 0), (2, 1)]


# rank


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("min", [3, 1, 1, 4]), ("max", [3, 2, 2, 4]), ("average", [3, 1.5, 1.5, 4]), ("dense", [2, 1, 1, 3])],
)
def test_ties(ties, expected):
    np.testing.assert_array_equal(rank_ascending(_column(5, 2, 2, 9), ties), expected)


def test_best_is_first_and_missing_is_not_ranked():
    np.testing.assert_array_equal(rank_descending(_column(5, NAN, 9, 0.0, -0.0)), [2, NAN, 1, 3, 3])
    assert rank_descending(_column()).size == 0
    assert math.isnan(rank_descending(_column(NAN))[0])


@pytest.mark.parametrize("ties", ["min", "max", "average", "dense"])
def test_compiled_ranks_of_a_table_are_those_of_its_columns(ties, awkward_columns):
    blocks = [slice(0, 150), slice(150, 151), slice(160, 300)]
    found = rank_blocks(awkward_columns, blocks, ties, columns=range(1, awkward_columns.shape[1]), compiled=True)
    expected = np.full(awkward_columns.shape, NAN)
    for rows in blocks:
        for column in range(1, awkward_columns.shape[1]):
            expected[rows, column] = rank_descending(awkward_columns[rows, column], ties)
    np.testing.assert_array_equal(found, expected)


def test_compiled_ranks_may_be_of_rounded_scores():
    scores = np.array([[0.9614], [0.9616], [0.9623]])
    assert rank_blocks(scores, [slice(0, 3)], decimals=3, compiled=True).ravel().tolist() == [3, 1, 1]


# weights


def test_a_method_may_choose_a_weight_set_by_its_name():
    nodes = [Node(code="index", parent=None, name="i", level="")]
    for code, weight in (("a", 3.0), ("b", 1.0)):
        nodes.append(
            Node(code=code, parent="index", name=code, level="", direction="higher", weight_sets={"w": weight})
        )
    framework = framework_from_nodes(nodes)
    steps = [{"normalise": {"method": "none"}}, {"aggregate": {"weights": "w"}}]
    values = values_from_columns(["u"], None, framework.codes, [[8.0, 4.0]])
    done = compute_index(values, framework, method_from_mapping({"name": "m", "steps": steps}))
    assert done.scores[0, 0] == 7.0  # (3·8 + 1·4) / 4
    steps[1] = {"aggregate": {"weights": "v"}}
    with pytest.raises(MethodError, match=r"weights: 'v' is no weight set; known are framework, equal, w"):
        compute_index(values, framework, method_from_mapping({"name": "m", "steps": steps}))


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=12), st.integers(0, 2**32))
def test_packed_values_are_put_in_order_as_numpy_does(values, seed):
    # many values, some equal, some alike in all but the last bits, which packing loses
    many = np.array(values)[np.random.default_rng(seed).integers(0, len(values), (3, 200))]
    many[1] = np.nextafter(many[1], np.where(np.arange(200) % 2, -np.inf, np.inf))
    many[2, ::3] = -0.0
    order, ordered = ascending(many)
    np.testing.assert_array_equal(ordered, np.sort(many, axis=1))
    np.testing.assert_array_equal(np.take_along_axis(many, order, axis=1), ordered)
    np.testing.assert_array_equal(np.sort(order, axis=1), np.broadcast_to(np.arange(200), (3, 200)))
    np.testing.assert_array_equal(ascending(many[1])[1], ordered[1])
