"""Rules of aggregation: by hand, by another way of counting, and by what must hold of any scores."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_index.aggregate import (
    ordered_average,
    power_mean,
    refused,
    taking_part,
    weighted_mean,
    weighted_median,
    weighted_minimum,
    whole_weights,
)
from ssc_index.aggregate_cohort import blended, borda, mazziotta_pareto, rescaled_about, standardised
from ssc_index.benefit_of_doubt import DoubtError, Ratio, benefit_of_doubt
from ssc_index.errors import ComputationError, MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.outranking import copeland, outranking_matrix
from ssc_index.values import values_from_columns

NAN = math.nan


def _column(*values):
    return np.array(values, dtype=np.float64)


def _rows(*rows):
    table = np.array(rows, dtype=np.float64)
    return [table[:, column].copy() for column in range(table.shape[1])]


# by hand


def test_the_harmonic_mean_by_hand():
    # weights 1 and 2: 3 / (1/2 + 2/8) = 4
    assert weighted_mean(_rows([2, 8]), [1.0, 2.0], "harmonic")[0] == pytest.approx(4, rel=1e-15)
    assert weighted_mean(_rows([0, 8], [-0.0, 8]), [1.0, 2.0], "harmonic").tolist() == [0, 0]


def test_the_generalised_mean_by_hand():
    # order 3 of 1 and 3, weights 3 and 1: ((3·1 + 27) / 4)^(1/3) = 7.5^(1/3)
    assert power_mean(_rows([1, 3]), [3.0, 1.0], 3.0)[0] == pytest.approx(7.5 ** (1 / 3), rel=1e-14)
    # order −2 of 1 and 2: ((1 + 1/4) / 2)^(−1/2) = 1.6^(1/2)
    assert power_mean(_rows([1, 2]), [1.0, 1.0], -2.0)[0] == pytest.approx(math.sqrt(1.6), rel=1e-14)


def test_an_arithmetic_mean_does_not_overflow():
    # sums of 3.2e308 and of 1e308 · 1e10 are beyond all numbers, the means are not
    parts = [np.array([1.6e308, 1.0, -1.6e308]), np.array([1.6e308, 3.0, -1.2e308])]
    np.testing.assert_allclose(weighted_mean(parts, [1.0, 1.0]), [1.6e308, 2.0, -1.4e308], rtol=1e-15)
    np.testing.assert_array_equal(weighted_mean([parts[0][:2], np.array([0.8e308, 5.0])], [1e10, 3e10]), [1e308, 4.0])


def test_a_generalised_mean_neither_overflows_nor_loses_a_zero():
    assert power_mean(_rows([1e300, 1e300]), [1.0, 1.0], 5.0)[0] == 1e300
    assert power_mean(_rows([1e-300, 1e-300]), [1.0, 1.0], -5.0)[0] == 1e-300
    assert power_mean(_rows([0, 4], [0, 0]), [1.0, 3.0], 1.0).tolist() == [3, 0]
    assert power_mean(_rows([0, 4], [3, 4]), [1.0, 0.0], -1.0).tolist() == [0, 3]
    assert math.isnan(power_mean(_rows([NAN, 4]), [1.0, 0.0], 2.0)[0])
    assert power_mean(_rows([NAN, 4]), [1.0, 2.0], 2.0)[0] == 4
    assert math.isnan(power_mean(_rows([NAN, 4]), [1.0, 2.0], 2.0, 0.6)[0])


def test_the_weighted_median_by_hand():
    # weights 1, 2, 3 of 10, 20, 30: half of 6 is reached with 20, so the mean of 20 and 30
    assert weighted_median(_rows([10, 20, 30]), [1.0, 2.0, 3.0])[0] == 25
    assert weighted_median(_rows([10, 20, 30]), [1.0, 2.0, 4.0])[0] == 30
    assert weighted_median(_rows([30, 10, 20], [NAN, 1, 2], [NAN, 1, NAN]), [1.0, 1.0, 1.0]).tolist() == [20, 1.5, 1]
    assert math.isnan(weighted_median(_rows([NAN, 1, NAN]), [1.0, 1.0, 1.0], 0.5)[0])
    # 0.1 + 0.2 is half of 0.6, though not in floats
    assert weighted_median(_rows([1, 2, 9]), [0.1, 0.2, 0.3])[0] == 5.5
    assert weighted_median(_rows([1, 2, 9]), [0.0, 1.0, 1.0])[0] == 5.5


def test_the_minimum_asks_only_children_with_a_weight():
    assert weighted_minimum(_rows([3, 2, 1], [NAN, 4, 1]), [1.0, 0.5, 0.0]).tolist() == [2, 4]
    assert math.isnan(weighted_minimum(_rows([NAN, NAN, 1]), [1.0, 1.0, 0.0])[0])
    assert math.isnan(weighted_minimum(_rows([NAN, 3, 1]), [1.0, 1.0, 1.0], 0.7)[0])


def test_ordered_weights_by_hand():
    # Yager (1988): W = (0.4, 0.3, 0.2, 0.1), a = (0.7, 1, 0.2, 0.6): 0.4·1 + 0.3·0.7 + 0.2·0.6 + 0.1·0.2 = 0.75
    parts = _rows([0.7, 1.0, 0.2, 0.6])
    assert ordered_average(parts, [1.0] * 4, [0.4, 0.3, 0.2, 0.1])[0] == pytest.approx(0.75, rel=1e-14)
    assert ordered_average(parts, [1.0] * 4, [1.0, 0, 0, 0])[0] == 1
    assert ordered_average(parts, [1.0] * 4, [0, 0, 0, 2.0])[0] == 0.2
    # own weights 1 and 3, Q(r) = r²: best (30) has share 1/4: 30/16 + 10·15/16 = 11.25
    assert ordered_average(_rows([30, 10]), [1.0, 3.0], power=2.0)[0] == pytest.approx(11.25, rel=1e-15)


def test_places_are_drawn_out_over_the_children_that_are_left():
    # (0.5, 0.3, 0.2) over two: Q(1/2) half-way between 0.5 and 0.8 = 0.65: 0.65·40 + 0.35·20 = 33
    found = ordered_average(_rows([20, NAN, 40]), [1.0] * 3, [0.5, 0.3, 0.2])
    assert found[0] == pytest.approx(33, rel=1e-15)
    assert math.isnan(ordered_average(_rows([20, NAN, 40]), [1.0] * 3, [0.5, 0.3, 0.2], min_coverage=0.7)[0])
    assert math.isnan(ordered_average(_rows([20, NAN]), [0.0, 1.0], power=2.0)[0])


def test_whole_weights_are_in_lowest_terms_and_stay_within_64_bits():
    assert whole_weights([0.1, 0.2, 0.3]).tolist() == [1, 2, 3]
    assert whole_weights([2.0, 0.0, 4.0]).tolist() == [1, 0, 2]
    assert whole_weights([0.0, 0.0]).tolist() == [0, 0]
    long = whole_weights([1 / 3, 1.234567890123456e-7, 2 / 3])
    assert 2**58 < long.sum() <= 2**60
    assert long[2] / long[0] == pytest.approx(2, rel=1e-15)


def test_zero_may_be_allowed_where_less_is_refused():
    parts = [_column(0, -1, 5, NAN)]
    assert refused(parts) == [(0, 0), (1, 0)]
    assert refused(parts, zero=True) == [(1, 0)]
    assert taking_part(parts, [1.0], 0.0).tolist() == [True, True, True, False]


# Mazziotta–Pareto


def test_mpi_by_hand():
    # 90, 100, 110: M = 100, S² = 200/3; M − S²/M = 100 − 2/3
    parts = _rows([90, 100, 110], [100, 100, 100], [90, NAN, 110])
    np.testing.assert_allclose(mazziotta_pareto(parts, [1.0] * 3), [100 - 2 / 3, 100, 99], rtol=1e-15)
    np.testing.assert_allclose(mazziotta_pareto(parts, [1.0] * 3, +1), [100 + 2 / 3, 100, 101], rtol=1e-15)
    # weights 3 and 1 of 80 and 120: M = 90, S² = (3·100 + 900)/4 = 300
    assert mazziotta_pareto(_rows([80, 120]), [3.0, 1.0])[0] == pytest.approx(90 - 300 / 90)
    assert np.isnan(mazziotta_pareto(_rows([-1, 1], [-3, 1]), [1.0, 1.0])).all()


def test_standard_scores_have_mean_100_and_deviation_10():
    # 2, 4, 4, 4, 5, 5, 7, 9: mean 5, population deviation 2
    found = standardised(_column(2, 4, 4, NAN, 4, 5, 5, 7, 9))
    np.testing.assert_allclose(found, [85, 95, 95, NAN, 95, 100, 100, 110, 120])
    assert np.isnan(standardised(_column(3, 3))).all()
    assert np.isnan(rescaled_about(_column(3, 3), 1.0)).all()


def test_the_reference_gets_100_and_half_the_range_above_it_130():
    np.testing.assert_allclose(rescaled_about(_column(0, 4, 10, NAN), 4.0), [76, 100, 136, NAN])


# Borda, Copeland


def test_borda_points_by_hand():
    # ranks of a: 1, 2.5, 2.5, 4 of 4; of b: 2, 1, missing, 3 of 3
    parts = _rows([1, 5], [2, 4], [2, NAN], [3, 9])
    # (0 + 1/2)/2, (1/2 + 0)/2, 1/2, (1 + 1)/2
    np.testing.assert_allclose(borda(parts, [1.0, 1.0]), [25, 25, 50, 100])
    np.testing.assert_allclose(borda(parts, [1.0, 1.0], (-1.0, 1.0)), [-0.5, -0.5, 0, 1])
    # the third row takes no part: ranks of a are then 1, 2, 3
    np.testing.assert_allclose(borda(parts, [3.0, 1.0], min_coverage=1.0), [12.5, 37.5, NAN, 100])
    assert np.isnan(borda(_rows([1.0]), [1.0])).all()


def test_duels_count_only_what_both_have():
    # a beats b on x (weight 2) and loses on y (1); c has y only and beats both there.
    parts = _rows([5, 1], [4, 2], [NAN, 3])
    for compiled in (False, True):
        assert copeland(parts, [2.0, 1.0], compiled=compiled).tolist() == [0, -2, 2]
        assert copeland(parts, [1.0, 1.0], compiled=compiled).tolist() == [-1, -1, 2]
    assert copeland(parts, [2.0, 1.0], (0.0, 100.0)).tolist() == [50, 0, 100]
    assert copeland(parts, [2.0, 1.0], (0.0, 100.0), 1.0).tolist()[:2] == [100, 0]
    assert math.isnan(copeland(parts, [2.0, 1.0], None, 1.0)[2])
    matrix = outranking_matrix(parts, [2.0, 1.0])
    np.testing.assert_allclose(matrix, [[NAN, 2 / 3, 0], [1 / 3, NAN, 0], [1, 1, NAN]])


def test_rows_that_share_no_child_neither_win_nor_lose():
    parts = _rows([1, NAN], [NAN, 2])
    assert copeland(parts, [1.0, 1.0]).tolist() == [0, 0]
    assert np.isnan(outranking_matrix(parts, [1.0, 1.0])).all()
    assert copeland(_rows([1.0]), [1.0], (0.0, 10.0)).tolist() == [5]
    assert np.isnan(copeland(_rows([NAN]), [1.0])).all()


@pytest.mark.parametrize("kind", ["short", "long", "endless"])
def test_the_compiled_duels_are_the_plain_ones(kind):
    random = np.random.Generator(np.random.Philox(key=5))
    table = np.round(random.random((700, 8)) * 12)  # more rows than a tile, many ties
    table[random.random(table.shape) < 0.25] = NAN
    parts = [table[:, column].copy() for column in range(8)]
    weights = {"short": [1.0, 2, 3, 4, 3, 2, 1, 4], "long": [1e4, 2e4, 3e4, 1, 2, 3, 4e4, 5], "endless": None}[kind]
    if weights is None:
        # quarters of one number, one of them short by 1e-15: only whole weights tell them apart
        weights = [0.1234567890123451, 0.1234567890123452, 0.2469135780246903, *random.random(5).tolist()]
    np.testing.assert_array_equal(copeland(parts, weights, compiled=True), copeland(parts, weights, compiled=False))


def test_a_lead_in_the_sixteenth_digit_decides_a_duel():
    parts = _rows([1, 0], [0, 1])
    weights = [0.5000000000000001, 0.5]
    for compiled in (False, True):
        assert copeland(parts, weights, compiled=compiled).tolist() == [1, -1]


# benefit of the doubt


def test_benefit_of_the_doubt_by_hand():
    # (1, 2) and (2, 1) are the frontier; on it (1, 1) is best served by 1/3 each: 2/3
    scores, weights = benefit_of_doubt(_rows([1, 2], [2, 1], [1, 1], [0, 0]), [1.0, 1.0])
    np.testing.assert_allclose(scores, [1, 1, 2 / 3, 0], atol=1e-12)
    np.testing.assert_allclose(weights[2], [1 / 3, 1 / 3], rtol=1e-9)


def test_benefit_of_the_doubt_is_what_a_plain_programme_says():
    from scipy.optimize import linprog

    random = np.random.Generator(np.random.Philox(key=7))
    table = random.random((60, 5)) * [1, 10, 100, 1, 1] + 0.05
    table[random.random(table.shape) < 0.1] = NAN
    scores, weights = benefit_of_doubt(_rows(*table), [1.0] * 5)
    known = np.nan_to_num(table)
    for row in range(60):
        done = linprog(-known[row], A_ub=known, b_ub=np.ones(60))
        assert scores[row] == pytest.approx(-done.fun, rel=1e-8)
        assert (known @ weights[row]).max() == pytest.approx(1, rel=1e-12)


def test_cold_programmes_give_the_same_scores(monkeypatch):
    random = np.random.Generator(np.random.Philox(key=8))
    table = random.random((300, 4)) + 0.05
    warm = benefit_of_doubt(_rows(*table), [1.0] * 4)[0]
    monkeypatch.setattr("ssc_index.benefit_of_doubt._warm", lambda columns: None)
    np.testing.assert_allclose(benefit_of_doubt(_rows(*table[:60]), [1.0] * 4)[0].max(), 1)
    cold = benefit_of_doubt(_rows(*table), [1.0] * 4)[0]
    np.testing.assert_allclose(warm, cold, rtol=1e-9)


def test_restrictions_hold_and_cost_score():
    random = np.random.Generator(np.random.Philox(key=9))
    table = random.random((40, 3)) * [1, 10, 1] + 0.05
    free = benefit_of_doubt(_rows(*table), [1.0] * 3)[0]
    scores, weights = benefit_of_doubt(_rows(*table), [1.0] * 3, shares={0: (0.2, 0.5), 2: (0.0, 0.4)})
    own = weights * table
    shares = own / own.sum(axis=1, keepdims=True)
    assert shares[:, 0].min() > 0.2 - 1e-8
    assert shares[:, 0].max() < 0.5 + 1e-8
    assert shares[:, 2].max() < 0.4 + 1e-8
    assert (scores <= free + 1e-9).all()
    assert scores.sum() < free.sum() - 0.1
    scores, weights = benefit_of_doubt(_rows(*table), [1.0] * 3, ratios=[Ratio(0, 1, 2.0, 20.0)])
    some = weights[:, 1] > 1e-9
    ratio = weights[some, 0] / weights[some, 1]
    assert ratio.min() > 2 - 1e-6
    assert ratio.max() < 20 + 1e-6
    assert scores.sum() < free.sum() - 0.01


def test_shares_that_leave_a_row_no_weights_name_it():
    with pytest.raises(DoubtError) as error:
        benefit_of_doubt(_rows([1, 1], [0, 1]), [1.0, 1.0], shares={0: (0.3, 1.0)})
    assert error.value.rows == (1,)


def test_a_row_below_the_coverage_is_no_peer_and_a_child_without_weight_does_not_count():
    parts = _rows([1, 2, 9], [2, 1, 1], [9, NAN, 1])
    scores, weights = benefit_of_doubt(parts, [1.0, 1.0, 0.0], min_coverage=1.0)
    np.testing.assert_allclose(scores, [1, 1, NAN])
    assert weights[0, 2] == 0
    assert np.isnan(weights[2]).all()


# properties

SCORES = st.lists(
    st.lists(st.one_of(st.just(NAN), st.floats(0.5, 100)), min_size=3, max_size=3), min_size=2, max_size=6
)
WEIGHTS = st.lists(st.floats(0.1, 10), min_size=3, max_size=3)
BY_ROW = {
    "harmonic": lambda parts, weights: weighted_mean(parts, weights, "harmonic"),
    "p = −3": lambda parts, weights: power_mean(parts, weights, -3.0),
    "p = 2.5": lambda parts, weights: power_mean(parts, weights, 2.5),
    "median": weighted_median,
    "minimum": weighted_minimum,
    "owa": lambda parts, weights: ordered_average(parts, weights, [0.5, 0.2, 0.3]),
    "owa power": lambda parts, weights: ordered_average(parts, weights, power=1.7),
}
BY_COHORT = {
    "borda": borda,
    "copeland": copeland,
    "bod": lambda parts, weights: benefit_of_doubt(parts, weights)[0],
}


@pytest.mark.parametrize("rule", BY_ROW)
@settings(max_examples=25, deadline=None)
@given(rows=SCORES, weights=WEIGHTS, factor=st.sampled_from([0.25, 2.0, 8.0]))
def test_a_score_lies_between_its_parts_whatever_the_scale_of_weights(rule, rows, weights, factor):
    parts = _rows(*rows)
    scores = BY_ROW[rule](parts, weights)
    table = np.array(rows)
    some = ~np.isnan(table).all(axis=1)
    assert (np.isnan(scores) == ~some).all()
    assert (scores[some] >= np.nanmin(table[some], axis=1)).all()
    assert (scores[some] <= np.nanmax(table[some], axis=1)).all()
    again = BY_ROW[rule](parts, [weight * factor for weight in weights])
    np.testing.assert_array_equal(scores, again)


@pytest.mark.parametrize("rule", [*BY_ROW, *BY_COHORT])
@settings(max_examples=20, deadline=None)
@given(rows=SCORES, weights=WEIGHTS, seed=st.integers(0, 99))
def test_scores_do_not_depend_on_the_order_of_rows(rule, rows, weights, seed):
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(rows))
    compute = {**BY_ROW, **BY_COHORT}[rule]
    scores = compute(_rows(*rows), weights)
    shuffled = compute(_rows(*[rows[place] for place in order]), weights)
    np.testing.assert_array_equal(scores[order], shuffled)


@settings(max_examples=50, deadline=None)
@given(rows=SCORES, weights=WEIGHTS)
def test_means_grow_with_their_order(rows, weights):
    parts = _rows(*rows)
    ladder = [
        weighted_minimum(parts, weights),
        power_mean(parts, weights, -4.0),
        weighted_mean(parts, weights, "harmonic"),
        weighted_mean(parts, weights, "geometric"),
        weighted_mean(parts, weights, "arithmetic"),
        power_mean(parts, weights, 3.0),
    ]
    for lower, upper in pairwise(ladder):
        assert (np.isnan(lower) | (lower <= upper * (1 + 1e-13))).all()


@settings(max_examples=30, deadline=None)
@given(rows=SCORES, weights=WEIGHTS)
def test_known_orders_are_known_means(rows, weights):
    parts = _rows(*rows)
    np.testing.assert_allclose(power_mean(parts, weights, -1.0), weighted_mean(parts, weights, "harmonic"), rtol=1e-12)
    np.testing.assert_allclose(power_mean(parts, weights, 1.0), weighted_mean(parts, weights), rtol=1e-12)
    np.testing.assert_allclose(ordered_average(parts, weights, power=1.0), weighted_mean(parts, weights), rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(rows=SCORES, weights=WEIGHTS)
def test_duels_are_a_game_without_a_bank(rows, weights):
    parts = _rows(*rows)
    assert np.nansum(copeland(parts, weights)) == 0
    matrix = outranking_matrix(parts, weights)
    np.testing.assert_allclose((matrix + matrix.T)[~np.isnan(matrix)], 1, rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(rows=SCORES, factor=st.sampled_from([0.01, 3.0, 1000.0]))
def test_benefit_of_the_doubt_does_not_depend_on_units_of_measure(rows, factor):
    parts = _rows(*rows)
    other = [parts[0] * factor, *parts[1:]]
    one, two = (benefit_of_doubt(some, [1.0] * 3)[0] for some in (parts, other))
    np.testing.assert_allclose(one, two, rtol=1e-8)


# in a method

TREE = [
    ("index", None, ""),
    ("A", "index", ""),
    ("B", "index", ""),
    ("a1", "A", "higher"),
    ("a2", "A", "higher"),
    ("b1", "B", "higher"),
    ("b2", "B", "higher"),
]


def _index(rows, aggregate, years=None, groups=None, aggregation=None):
    nodes = [
        Node(
            code=code,
            parent=parent,
            name=code,
            level="",
            direction=direction or None,
            aggregation=(aggregation or {}).get(code),
        )
        for code, parent, direction in TREE
    ]
    framework = framework_from_nodes(nodes)
    units = [f"u{number}" for number in range(len(rows))] if years is None else [f"u{n // 2}" for n in range(len(rows))]
    values = values_from_columns(units, years, framework.codes, rows, groups or {})
    method = method_from_mapping({"name": "m", "steps": [{"normalise": {"method": "none"}}, {"aggregate": aggregate}]})
    result = compute_index(values, framework, method)
    return {code: result.scores[:, column] for column, code in enumerate(result.nodes)}, result


def test_rules_may_differ_by_level_and_node():
    levels = {"level_1": "harmonic", "B": {"generalised": {"p": 2}}, "index": "minimum"}
    scores, result = _index([[2, 6, 1, 7]], {"levels": levels})
    assert (scores["A"][0], scores["B"][0], scores["index"][0]) == (3, 5, 3)
    assert result.method.as_mapping()["steps"][1]["aggregate"]["levels"]["B"] == {"generalised": {"p": 2.0}}
    again = method_from_mapping(result.method.as_mapping())
    assert again == result.method


def test_a_score_below_0_in_a_row_without_enough_children_is_neither_refused_nor_warned_of():
    rows = [[-2, NAN, 1, 1], [4, 9, 1, 1]]
    assert _index(rows, {"levels": {"A": "geometric"}, "min_coverage": {"A": 1.0}})[0]["A"].tolist()[1] == 6
    assert math.isnan(_index(rows, {"levels": {"A": "geometric"}, "min_coverage": {"A": 1.0}})[0]["A"][0])


@pytest.mark.parametrize("rule", ["mpi", "ampi", "borda", "copeland", "bod"])
def test_a_row_below_the_coverage_moves_nobody_by_any_rule_that_looks_at_other_rows(rule):
    rows = [[1, 1], [2, 2], [3, 5]]
    aggregate = {"levels": {"A": rule}, "min_coverage": {"A": 1.0}}
    alone = _index([[*row, 1, 1] for row in rows], aggregate)[0]["A"]
    beside = _index([[*row, 1, 1] for row in [*rows, [100, NAN]]], aggregate)[0]["A"]
    np.testing.assert_array_equal(beside, [*alone, NAN])


def test_the_penalty_is_taken_of_scores_standardised_among_the_rows_that_reach_the_coverage():
    # 90 and 110 of either child: means 100 ∓ 10, no variance. With the 9 of the fourth row it would be another scale.
    rows = [[1, 1, 1, 1], [3, 5, 1, 1], [9, NAN, 1, 1]]
    scores = _index(rows, {"levels": {"A": "mpi"}, "min_coverage": {"A": 1.0}})[0]["A"]
    np.testing.assert_allclose(scores, [90, 110, NAN], rtol=1e-14)


@pytest.mark.parametrize("rule", ["geometric", "harmonic", {"generalised": {"p": -2}}])
def test_a_child_without_weight_is_not_refused_for_a_score_that_does_not_count(rule):
    nodes = [Node(code="index", parent=None, name="", level="", direction=None)]
    nodes += [
        Node(code=code, parent="index", name="", level="", direction="higher", weight=weight)
        for code, weight in (("a", 1.0), ("b", 0.0))
    ]
    framework = framework_from_nodes(nodes)
    method = {"name": "m", "steps": [{"normalise": {"method": "none"}}, {"aggregate": {"method": rule}}]}
    values = values_from_columns(["u", "v"], None, ["a", "b"], [[4.0, 0.0], [9.0, -3.0]])
    result = compute_index(values, framework, method_from_mapping(method))
    np.testing.assert_allclose(result.scores[:, 0], [4, 9])
    against = values_from_columns(["u", "v"], None, ["a", "b"], [[0.0, 1.0], [9.0, 1.0]])
    with pytest.raises(ComputationError, match="u, a: 0 is not above 0"):
        compute_index(against, framework, method_from_mapping(method))


def test_a_power_of_places_counts_the_worse_score_more():
    # Q(r) = r²: the better half weighs 1/4, the worse 3/4; 30/4 + 3 · 10/4 = 15
    assert _index([[30, 10, 10, 30]], {"method": {"owa": {"power": 2}}})[0]["index"][0] == 15


def test_the_framework_may_name_a_rule_at_a_node():
    assert _index([[2, 6, 1, 7]], {}, aggregation={"A": "median", "B": "minimum"})[0]["index"][0] == 2.5


def test_scores_are_rounded_at_chosen_nodes_before_they_go_up():
    # A = 1.25 → 1.2 (half to even), B = 2.06 as it is; index (1.2 + 2.06) / 2 = 1.63 → 1.6
    rows = [[1.0, 1.5, 2.0, 2.12]]
    scores, _ = _index(rows, {"round": {"A": 1, "index": 1}})
    assert (scores["A"][0], scores["B"][0], scores["index"][0]) == (1.2, 2.06, 1.6)
    assert _index(rows, {"round": 0})[0]["index"][0] == 2  # 1 and 2: 1.5 → 2


def test_the_mean_of_a_group_is_blended_in_within_the_year():
    years = [2020, 2021] * 3
    rows = [[10] * 4, [1] * 4, [30] * 4, [2] * 4, [50] * 4, [3] * 4]
    groups = {"region": ["n", "n", "n", None, "s", "n"]}
    scores, result = _index(rows, {"blend": {"group": "region", "share": 0.25, "at": "A"}}, years, groups)
    # 2020: n has 10 and 30 (mean 20), s has 50; 2021: n has 1 and 3 (mean 2), u1 no group
    by = {
        (unit, year): score for unit, year, score in zip(result.units, result.years, scores["A"].tolist(), strict=True)
    }
    expected = {
        ("u0", 2020): 12.5, ("u1", 2020): 27.5, ("u2", 2020): 50,
        ("u0", 2021): 1.25, ("u1", 2021): 2, ("u2", 2021): 2.75,
    }  # fmt: skip
    assert by == expected
    assert scores["B"].tolist() == [10, 30, 50, 1, 2, 3]
    np.testing.assert_array_equal(blended(_column(NAN, 4), ("a", "a"), 0.5), [NAN, 4])


def test_a_cohort_is_the_rows_of_a_year():
    years = [2020, 2021] * 2
    rows = [[1, 1, 1, 1], [9, 9, 9, 9], [2, 2, 2, 2], [3, 3, 3, 3]]
    scores, result = _index(rows, {"method": "copeland"}, years)
    assert dict(zip(zip(result.units, result.years, strict=True), scores["A"].tolist(), strict=True)) == {
        ("u0", 2020): -1, ("u1", 2020): 1, ("u0", 2021): 1, ("u1", 2021): -1,
    }  # fmt: skip
    assert _index(rows, {"levels": {"A": {"borda": {"range": [0, 1]}}}}, years)[0]["A"].tolist() == [0, 1, 1, 0]
    bod = _index(rows, {"levels": {"A": "bod"}}, years)[0]["A"]
    np.testing.assert_allclose(bod, [50, 100, 100, 100 / 3], rtol=1e-12)


def test_mpi_standardises_by_year_and_ampi_over_the_panel():
    years = [2020, 2021] * 2
    rows = [[1, 2, 1, 1], [5, 4, 1, 3], [3, 4, 2, 2], [9, 6, 3, 1]]
    mpi = _index(rows, {"to": "level_1", "levels": {"A": "mpi"}}, years)[0]["A"]
    # two units a year: 90 and 110 of both children, no imbalance
    np.testing.assert_allclose(mpi, [90, 110, 90, 110])
    ampi = _index(rows, {"to": "level_1", "levels": {"A": "ampi"}}, years)[0]["A"]
    # a1: range 1–9, mean 4.5; a2: range 2–6, mean 4. u0 2020: 100 + 60·(−3.5)/8 = 73.75 and 70: M 71.875, S² 3.515625
    assert ampi[0] == pytest.approx(71.875 - 3.515625 / 71.875)
    added = _index(rows, {"to": "level_1", "levels": {"A": {"ampi": {"penalty": "add"}}}}, years)[0]["A"]
    assert added[0] == pytest.approx(71.875 + 3.515625 / 71.875)
    # by year, about 4: a1 of 2020 1–3: 100 + 60·(−3)/2 = 10; a2 2–4: 40. M = 25, S² = 225
    about = {"ampi": {"over": "year", "reference": 4.0}}
    assert _index(rows, {"to": "level_1", "levels": {"A": about}}, years)[0]["A"][0] == pytest.approx(25 - 225 / 25)
    plain = {"mpi": {"standardise": False}}
    assert _index(rows, {"to": "level_1", "levels": {"A": plain}}, years)[0]["A"][0] == pytest.approx(1.5 - 0.25 / 1.5)


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ({"method": "harmonic"}, "u0, a1: 0 is not above 0, so A has no harmonic mean; give the step a floor"),
        ({"method": {"generalised": {"p": 2}}}, "u1, b2: -4 is below 0, so B has no generalised mean"),
        ({"levels": {"B": "bod"}}, "u1, b2: -4 is below 0, so B has no score by bod; give this node another rule"),
        ({"levels": {"A": "mpi"}}, "u0, a2: 5 is the score of every unit, so that it cannot be standardised"),
        (
            {"levels": {"B": {"mpi": {"standardise": False}}}},
            "u1, B: the mean of its children, -0.5, is not above 0, so it has no score by mpi",
        ),
        (
            {"levels": {"A": {"bod": {"shares": {"a1": [0.2, 1]}}}}},
            "u0, A: its restrictions leave it no weights, so it has no score by bod",
        ),
    ],
)
def test_what_a_rule_refuses_is_named(aggregate, expected):
    with pytest.raises(ComputationError) as error:
        _index([[0, 5, 1, 2], [1, 5, 3, -4]], aggregate)
    assert expected in str(error.value)


def test_a_floor_lets_every_mean_take_zeros():
    for rule in ("geometric", "harmonic", {"generalised": {"p": -1}}):
        scores, _ = _index([[0, 8, 2, 2]], {"levels": {"A": rule}, "floor": 0})
        assert scores["A"][0] == 0
    assert _index([[0, 8, 2, 2]], {"levels": {"A": "harmonic"}, "floor": 8})[0]["A"][0] == 8


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ({"method": {"owa": {"weights": [1, 2, 3]}}}, "index: owa has 3 weights for 2 children"),
        ({"levels": {"A": {"bod": {"shares": {"b1": [0, 0.5]}}}}}, "A: bod names 'b1', which is none of a1, a2"),
        ({"levels": {"A": {"bod": {"ratios": [{"first": "a1", "second": "x"}]}}}}, "A: bod names 'x'"),
        ({"levels": {"A": {"bod": {"shares": [0.6, 1]}}}}, "the least ones sum to more than 1"),
        ({"levels": {"A": {"bod": {"shares": [0, 0.4]}}}}, "or the greatest to less"),
        ({"levels": {"A": "median"}, "floor": 1}, "another rule that refuses 0, so that it would change nothing"),
        ({"round": {"a1": 1}}, "round: 'a1' is not aggregated by this step"),
        ({"blend": {"group": "region", "share": 0.5, "at": "index"}}, "'region' is no group column"),
        ({"blend": {"group": "region", "share": 0.5, "at": "nowhere"}}, "blend.at: 'nowhere' is no level and no node"),
    ],
)
def test_a_rule_that_does_not_fit_the_tree_is_refused(aggregate, expected):
    with pytest.raises(MethodError) as error:
        _index([[1, 2, 3, 4]], aggregate)
    assert expected in str(error.value)


def test_ratios_of_weights_are_given_by_code():
    rows = [[1, 4, 1, 1], [4, 1, 1, 1], [2, 2, 1, 1]]
    free = _index(rows, {"levels": {"A": "bod"}})[0]["A"]
    tied = {"bod": {"scale": 1, "ratios": [{"first": "a1", "second": "a2", "min": 1, "max": 1}]}}
    bound = _index(rows, {"levels": {"A": tied}})[0]["A"]
    np.testing.assert_allclose(free, [100, 100, 80])
    np.testing.assert_allclose(bound, [1, 1, 0.8])
    more = {"bod": {"scale": 1, "ratios": [{"first": "a1", "second": "a2", "min": 3}]}}
    # w1 ≥ 3 w2, best peer (4, 1): w = (3, 1)/13 for (1, 4): 7/13; (2, 2): 8/13
    np.testing.assert_allclose(_index(rows, {"levels": {"A": more}})[0]["A"], [7 / 13, 1, 8 / 13])
