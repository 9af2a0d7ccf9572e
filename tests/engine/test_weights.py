"""Weights: textbook cases, other tools, and what must hold."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ssc_index.audit.importance import importance_frame
from ssc_index.audit.structure import aggregation_rules, nominal_weights
from ssc_index.contributions import change_contributions
from ssc_index.errors import ComputationError, MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping, read_method
from ssc_index.values import values_from_columns
from ssc_index.weights_data import (
    WeightError,
    common_doubt_weights,
    component_weights,
    correlations,
    critic_weights,
    entropy_weights,
    factor_weights,
    nicoletti,
    regression_weights,
    varimax,
)
from ssc_index.weights_expert import RANDOM_INDEX, budget_weights, combined, priorities
from ssc_index.weights_target import Importance, target_weights


def _table(rows=60, columns=4, key=3):
    random = np.random.Generator(np.random.Philox(key=key))
    common = random.random((rows, 1))
    return 20 + 60 * (0.6 * common + 0.4 * random.random((rows, columns)))


# components and factors


def test_component_weights_are_the_first_singular_vector():
    table = _table()
    standard = (table - table.mean(axis=0)) / table.std(axis=0, ddof=1)
    vector = np.abs(np.linalg.svd(standard)[2][0])
    np.testing.assert_allclose(component_weights(table), vector / vector.sum(), rtol=1e-10)
    np.testing.assert_allclose(component_weights(table, "square"), vector**2, rtol=1e-10)


def test_coinrs_loadings_are_ours_up_to_their_sign_and_scale(coinr):
    rotation = coinr.frame("pca_rotation", key="none").filter(pl.col("run") == "Normalised_L1_bygroup", PC="PC1")
    scores, compared = coinr.frame("ex_6_normalised"), 0
    for (_,), group in rotation.group_by("group"):
        ours = component_weights(scores.select(group["iCode"].to_list()).to_numpy(), "square")
        np.testing.assert_allclose(ours, group["loading"].to_numpy() ** 2, rtol=1e-8)
        compared += len(ours)
    assert compared == 49


def test_a_loading_against_the_others_is_refused_zeroed_or_squared():
    table = _table()
    table[:, 2] = 100 - table[:, 2]
    with pytest.raises(WeightError, match="against the others") as error:
        component_weights(table)
    assert error.value.columns == (2,)
    zeroed = component_weights(table, "zero")
    assert zeroed[2] == 0
    assert zeroed.sum() == pytest.approx(1)
    assert component_weights(table, "square")[2] > 0.1


# OECD/JRC Handbook (2008): Technology Achievement Index of 23 countries: patents, royalties, internet, exports,
# telephones, electricity, schooling, university.
TAI = """
187 125.6 200.2 50.7 3.08 4.15 10 27.4
289 130 179.1 66.2 3 4.07 12 13.9
271 156.6 125.8 59.7 3.1 4.14 11.4 15.3
994 64.6 49 80.8 3 3.86 9.5 10
779 9.8 4.8 66.7 2.97 3.65 10.8 23.2
189 151.2 136 50.9 3.02 3.77 9.4 9.5
82 134 57.4 61.9 3.02 3.73 9.4 14.9
31 38.6 108 48.7 2.94 4.18 11.6 14.2
75 18.2 125.9 16.2 2.94 3.94 10.9 25.3
8 25.5 72.3 74.9 2.95 3.83 7.1 24.2
235 36.8 41.2 64.2 2.94 3.75 10.2 14.4
103 20.2 193.6 19 3.12 4.39 11.9 11.2
106 110.3 48.6 53.6 2.97 3.68 9.4 12.3
72 73.9 58.9 47.6 2.91 3.86 9.3 13.6
103 13 146.7 15.4 2.86 3.91 11.7 13.1
165 14.8 84.2 50.3 2.99 3.79 8.4 13.6
205 33.6 36.4 58.9 2.97 3.8 7.9 12.6
74 43.6 43.2 45 2.96 3.74 9.6 11
42 8.6 21 53.4 2.86 3.62 7.3 15.6
13 9.8 30.4 51 3 3.65 7.2 13
28 4.2 25 51.7 2.75 3.68 9.5 8.2
26 6.2 21.6 63.5 2.73 3.46 9.1 7.7
105 4 20.3 49.5 2.84 3.71 7.1 10.6
"""
TAI_LOADINGS = [
    [0.07, 0.97, 0.06, 0.06],
    [0.13, 0.07, -0.07, 0.93],
    [0.79, -0.21, 0.21, 0.42],
    [-0.64, 0.56, -0.04, 0.36],
    [0.37, 0.17, 0.38, 0.68],
    [0.82, -0.04, 0.25, 0.35],
    [0.88, 0.23, -0.09, 0.09],
    [0.08, 0.04, 0.96, 0.04],
]
TAI_WEIGHTS = [0.17, 0.15, 0.11, 0.06, 0.08, 0.12, 0.14, 0.17]


def test_factors_and_weights_of_the_technology_achievement_index_are_the_handbooks():
    # Table 17, from data printed with three digits: loadings to 0.025; weights of two decimals.
    table = np.array([line.split() for line in TAI.strip().splitlines()], dtype=np.float64)
    found = factor_weights(table, factors=4)
    np.testing.assert_allclose(found.loadings, TAI_LOADINGS, atol=0.025)
    np.testing.assert_allclose(found.weights, TAI_WEIGHTS, atol=0.0075)
    np.testing.assert_allclose(nicoletti(np.array(TAI_LOADINGS)), TAI_WEIGHTS, atol=0.0075)


def test_varimax_is_that_of_scikit_learn_and_keeps_communalities():
    from sklearn.decomposition._factor_analysis import _ortho_rotation

    random = np.random.Generator(np.random.Philox(key=4))
    loadings = random.normal(size=(9, 3))
    ours = varimax(loadings)
    theirs = _ortho_rotation(loadings, tol=1e-14, max_iter=5000).T
    for column in range(3):
        nearest = np.argmax(np.abs(ours.T @ theirs[:, column]))
        sign = np.sign(ours[:, nearest] @ theirs[:, column])
        np.testing.assert_allclose(sign * ours[:, nearest], theirs[:, column], atol=1e-5)
    np.testing.assert_allclose((ours**2).sum(axis=1), (loadings**2).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize("loadings", [[[0.9, 0.1], [0.8, 0.3], [0.7, 0.2], [0.6, 0.4]], [[1, 0], [1, 0.2], [1, -0.2]]])
def test_varimax_finds_the_greatest_variance_and_not_the_least(loadings):
    # a general factor: where all lean one way, the angle has the wrong sign if a sum is added and not taken off
    def variance(turned):
        return (turned**2).var(axis=0).sum()

    angles = np.linspace(0, np.pi / 2, 901)
    turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(2, 0, 1)
    best = max(variance(np.array(loadings) @ turn) for turn in turns)
    assert best <= variance(varimax(np.array(loadings, dtype=float))) <= best * 1.0001


def test_two_blocks_of_columns_become_two_factors():
    random = np.random.Generator(np.random.Philox(key=6))
    a, b = random.normal(size=(2, 200, 1))
    table = np.hstack([a + 0.3 * random.normal(size=(200, 3)), b + 0.3 * random.normal(size=(200, 2))])
    found = factor_weights(table)
    assert found.loadings.shape == (5, 2)
    belongs = np.abs(found.loadings).argmax(axis=1)
    assert len(set(belongs[:3].tolist())) == len(set(belongs[3:].tolist())) == 1
    assert belongs[0] != belongs[4]
    np.testing.assert_allclose(found.weights, 0.2, atol=0.01)
    assert factor_weights(table, factors=1).loadings.shape == (5, 1)
    assert factor_weights(table, least=100.0).loadings.shape == (5, 1)
    with pytest.raises(WeightError, match="6 factors of 5 children"):
        factor_weights(table, factors=6)


# contrast, entropy, regression


def test_critic_by_hand():
    # columns (0,1,2), (0,2,1), (2,1,0) on [0, 1]: all deviations 1/2; correlations r12 = .5, r13 = −1, r23 = −.5.
    # conflict: .5 + 2, .5 + 1.5, 2 + 1.5 = 2.5, 2, 3.5 of 8
    table = np.array([[0.0, 0.0, 2.0], [1.0, 2.0, 1.0], [2.0, 1.0, 0.0]]) * [1, 10, 1]
    np.testing.assert_allclose(critic_weights(table), [2.5 / 8, 2 / 8, 3.5 / 8], rtol=1e-12)
    # as they are, the second has ten times the deviation: 2.5, 20, 3.5 of 26
    np.testing.assert_allclose(critic_weights(table, rescale=False), [2.5 / 26, 20 / 26, 3.5 / 26], rtol=1e-12)
    with pytest.raises(WeightError, match="perfectly correlated"):
        critic_weights(table[:, :1] * [1.0, 2.0])


def test_critic_gives_the_published_weights_of_attendance_software():
    # Tuş and Aytaç Adalı (2019), OPSEARCH 56, 528-538: five programmes by six criteria
    table = np.array(
        [
            [5000, 3, 3, 4, 3, 2],
            [680, 5, 3, 2, 2, 1],
            [2000, 3, 2, 3, 4, 3],
            [600, 4, 3, 1, 2, 2],
            [800, 2, 4, 3, 3, 4.0],
        ]
    )
    np.testing.assert_allclose(critic_weights(table), [0.157, 0.249, 0.168, 0.121, 0.154, 0.151], atol=0.0005)


def test_entropy_gives_the_published_weights_of_xu():
    # Xu (2004), European Journal of Operational Research 156, 530-532: four alternatives by four attributes
    table = np.array([[30, 30, 38, 29], [19, 54, 86, 29], [19, 15, 85, 28.9], [68, 70, 60, 29]])
    np.testing.assert_allclose(entropy_weights(table), [0.4630, 0.3992, 0.1378, 0.0000], atol=0.00005)


def test_entropy_by_hand():
    # shares (1/2, 1/2, 0, 0): E = ln 2 / ln 4 = 1/2; (1, 0, 0, 0): E = 0; equal: E = 1
    table = np.array([[4.0, 3, 1], [4, 0, 1], [0, 0, 1], [0, 0, 1]])
    np.testing.assert_allclose(entropy_weights(table), [1 / 3, 2 / 3, 0], atol=1e-15)
    for bad, why in ((-1.0, "below 0"), (0.0, "is 0 for every unit")):
        table[:, 2] = bad
        with pytest.raises(WeightError, match=why) as error:
            entropy_weights(table)
        assert error.value.columns == (2,)
    with pytest.raises(WeightError, match="evenly"):
        entropy_weights(np.ones((3, 2)))


def test_regression_finds_the_coefficients_and_refuses_negative_ones():
    table = _table()
    np.testing.assert_allclose(regression_weights(table, table @ [1, 2, 3, 4] + 7), [0.1, 0.2, 0.3, 0.4], rtol=1e-9)
    against = table @ [1.0, 2, 3, -1]
    with pytest.raises(WeightError, match="coefficient below 0") as error:
        regression_weights(table, against)
    assert error.value.columns == (3,)
    zeroed = regression_weights(table, against, "zero")
    assert zeroed[3] == 0
    assert zeroed.sum() == pytest.approx(1)
    with pytest.raises(WeightError, match="linear combinations"):
        regression_weights(np.column_stack([table, table.sum(axis=1)]), against)
    with pytest.raises(WeightError, match="the target is the same"):
        regression_weights(table, np.full(60, 3.0))
    with pytest.raises(WeightError, match="two units more"):
        regression_weights(table[:5], against[:5])


def test_a_child_that_says_nothing_of_the_target_weighs_nothing():
    # b is orthogonal to a and to the target, so that its coefficient is 0, or a rounding error on either side of it.
    a = np.array([0.1, 0.1, 0.3, 0.3, 0.1, 0.3])
    b = np.array([0.1, 0.7, 0.1, 0.7, 0.4, 0.4])
    for table in (np.column_stack([a, b]), np.column_stack([b, a])):
        for scale in (1.0, 1e6, 1e-6):
            np.testing.assert_allclose(sorted(regression_weights(scale * table, 3 * a)), [0, 1], atol=1e-12)
    with pytest.raises(WeightError, match="no child goes with the target"):
        regression_weights(_table(), -_table().sum(axis=1), "zero")


def test_as_many_factors_as_children_and_none_that_explains_nothing():
    table = _table(columns=3)
    assert factor_weights(table, 3).loadings.shape == (3, 3)
    with pytest.raises(WeightError, match="4 factors of 3 children"):
        factor_weights(table, 4)
    twice = np.column_stack([table[:, 0], 2 * table[:, 0] + 1, table[:, 1]])
    assert factor_weights(twice, 2).loadings.shape == (3, 2)
    with pytest.raises(WeightError, match="only 2 factors explain anything"):
        factor_weights(twice, 3)


def test_common_weights_are_the_best_for_the_mean():
    table = _table(columns=3)
    weights = common_doubt_weights(table)
    ours = (table @ weights).mean() / (table @ weights).max()
    random = np.random.Generator(np.random.Philox(key=1))
    others = random.dirichlet(np.ones(3), 300) @ table.T
    assert ours >= (others.mean(axis=1) / others.max(axis=1)).max() - 1e-9


def test_weights_of_a_few_scores_below_1_and_of_two_children_that_have_nothing_in_common():
    np.testing.assert_allclose(common_doubt_weights(np.array([[0.1, 0.2], [0.2, 0.1]])), [0.5, 0.5])
    with pytest.raises(WeightError, match="explain the same"):
        component_weights(np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]))


def test_of_two_children_that_run_against_each_other_rounding_chooses_none():
    # The first component of a negative correlation is (1, -1) / √2: its signs could as well be turned.
    table = np.array([[1.0, 5.0], [2.0, 3.1], [3.0, 3.9], [4.0, 1.2], [7.0, 1.0]])
    for columns in ([0, 1], [1, 0]):
        for negative in ("error", "zero"):
            with pytest.raises(WeightError, match="sum to 0, so that none of its signs is the right one"):
                component_weights(table[:, columns], negative)
        np.testing.assert_allclose(component_weights(table[:, columns], "square"), [0.5, 0.5], rtol=1e-12)


@pytest.mark.parametrize("weigh", [component_weights, critic_weights, lambda table: factor_weights(table).weights])
def test_a_constant_column_and_too_few_rows_are_refused(weigh):
    table = _table()
    table[:, 1] = 7
    with pytest.raises(WeightError, match="same score for every unit") as error:
        weigh(table)
    assert error.value.columns == (1,)
    with pytest.raises(WeightError, match="fewer than three"):
        weigh(_table(rows=2))


def test_weights_do_not_depend_on_units_of_measure():
    table = _table()
    other = table * [1, 1000, 0.01, 1] + [0, 5, 0, 0]
    for weigh in (component_weights, critic_weights, lambda one: factor_weights(one).weights):
        np.testing.assert_allclose(weigh(table), weigh(other), rtol=1e-8)
    np.testing.assert_allclose(np.diag(correlations(table)), 1, rtol=1e-14)


# experts


def test_experts_with_more_points_do_not_say_more():
    # 2 of 4 and 2 of 16: 1/2 and 1/8, mean 5/16
    np.testing.assert_allclose(budget_weights(np.array([[2.0, 2], [2, 14]])), [5 / 16, 11 / 16], rtol=1e-14)


def test_budget_allocation_by_hand():
    assert budget_weights(np.array([[50.0, 30, 20], [10, 60, 30]])).round(12).tolist() == [0.3, 0.45, 0.25]


def test_the_consistency_ratio_is_saatys():
    # Saaty (2008), Int. J. Services Sciences 1, table 2: relative consumption of drinks (coffee, wine, tea, beer,
    # sodas, milk, water): .177 .019 .042 .116 .190 .129 .327, consistency ratio .022.
    matrix = np.array(
        [
            [1, 9, 5, 2, 1, 1, 1 / 2],
            [1 / 9, 1, 1 / 3, 1 / 9, 1 / 9, 1 / 9, 1 / 9],
            [1 / 5, 3, 1, 1 / 3, 1 / 4, 1 / 3, 1 / 9],
            [1 / 2, 9, 3, 1, 1 / 2, 1, 1 / 3],
            [1, 9, 4, 2, 1, 2, 1 / 2],
            [1, 9, 3, 1, 1 / 2, 1, 1 / 3],
            [2, 9, 9, 3, 2, 3, 1],
        ]
    )
    found = priorities(matrix)
    np.testing.assert_allclose(found.weights, [0.177, 0.019, 0.042, 0.116, 0.190, 0.129, 0.327], atol=0.0006)
    assert found.ratio == pytest.approx(0.022, abs=0.0006)
    # λ from the weights themselves: (A w)_i / w_i is the same for every i
    np.testing.assert_allclose(matrix @ found.weights / found.weights, found.greatest, rtol=1e-12)
    assert found.ratio == pytest.approx((found.greatest - 7) / 6 / 1.32, rel=1e-12)


@pytest.mark.parametrize(
    ("k", "index"),
    list(enumerate((0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59), start=3)),
)
def test_random_matrices_have_saatys_mean_index(k: int, index: float):
    """Saaty (1980), The Analytic Hierarchy Process: mean consistency index of random matrices of 3 to 15 items."""
    matrix = np.ones((k, k))
    matrix[0, 1], matrix[1, 0] = 5.0, 0.2  # against all else, which says that they are alike
    found = priorities(matrix)
    greatest = max(np.linalg.eigvals(matrix).real)
    assert found.ratio == pytest.approx((greatest - k) / (k - 1) / index, rel=1e-9)
    assert found.ratio > 0.001


def test_consistent_comparisons_give_back_their_weights():
    weights = np.array([0.5, 0.3, 0.2])
    matrix = weights[:, None] / weights
    found = priorities(matrix)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-12)
    assert found.ratio < 1e-12
    assert priorities(np.array([[1.0, 9.0], [1 / 9, 1.0]])).ratio == 0
    np.testing.assert_allclose(combined(np.array([matrix, matrix]), "priorities"), weights, rtol=1e-12)


def test_a_group_is_combined_by_judgements_or_by_priorities():
    # 4 and 1: geometric mean 2, so 2/3; or the mean of 4/5 and 1/2
    pair = np.array([[[1.0, 4.0], [0.25, 1.0]], [[1.0, 1.0], [1.0, 1.0]]])
    np.testing.assert_allclose(combined(pair), [2 / 3, 1 / 3], rtol=1e-12)
    np.testing.assert_allclose(combined(pair, "priorities"), [0.65, 0.35], rtol=1e-12)


# towards targets


@pytest.mark.parametrize("measure", ["correlation", "variance", "ratio"])
def test_the_derivative_of_importance_is_exact(measure):
    importance = Importance(_table(), measure)
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    value, slope = importance(weights)
    for child in range(4):
        step = np.zeros(4)
        step[child] = 1e-6
        numeric = (importance(weights + step)[0] - importance(weights - step)[0]) / 2e-6
        np.testing.assert_allclose(slope[:, child], numeric, atol=1e-7)
    assert (value > 0).all()


def test_importance_is_what_its_name_says():
    table, weights = _table(), np.array([0.1, 0.2, 0.3, 0.4])
    mean = table @ weights
    r = np.array([np.corrcoef(table[:, child], mean)[0, 1] for child in range(4)])
    np.testing.assert_allclose(Importance(table, "correlation")(weights)[0], r, rtol=1e-10)
    np.testing.assert_allclose(Importance(table, "variance")(weights)[0], r**2, rtol=1e-10)
    cubic = []
    for child in range(4):
        fitted = np.polyval(np.polyfit(table[:, child] - 50, mean, 3), table[:, child] - 50)
        cubic.append(fitted.var() / mean.var())
    np.testing.assert_allclose(Importance(table, "ratio")(weights)[0], cubic, rtol=1e-8)


@pytest.mark.parametrize("measure", ["correlation", "variance", "ratio"])
def test_reachable_targets_are_reached(measure):
    table = _table()
    reached, _ = Importance(table, measure)(np.array([0.1, 0.2, 0.3, 0.4]))
    best = target_weights(table, reached / reached.sum(), measure)
    assert best.distance < 1e-10
    np.testing.assert_allclose(best.importance, reached / reached.sum(), atol=1e-4)
    assert best.weights.sum() == pytest.approx(1)


def test_unreachable_targets_leave_no_weight_below_zero_and_no_better_weights():
    table = _table()
    table[:, 3] = 100 - table[:, 3]
    target = np.full(4, 0.25)
    best = target_weights(table, target)
    assert best.weights.min() >= 0
    assert best.slope <= 1e-6
    random = np.random.Generator(np.random.Philox(key=2))
    importance = Importance(table, "variance")
    for weights in random.dirichlet(np.ones(4), 500):
        value = importance(weights)[0]
        assert ((value / value.sum() - target) ** 2).sum() >= best.distance - 1e-9


# in a method

TREE = [
    ("index", None),
    ("A", "index"),
    ("B", "index"),
    ("a1", "A"),
    ("a2", "A"),
    ("a3", "A"),
    ("b1", "B"),
    ("b2", "B"),
]


def _index(*steps, rows=None, years=None, groups=None):
    nodes = [
        Node(
            code=code,
            parent=parent,
            name=code,
            level="",
            direction="higher" if code[-1].isdigit() else None,
            weight_sets={"w": 2.0} if code == "a1" else {},
        )
        for code, parent in TREE
    ]
    framework = framework_from_nodes(nodes)
    rows = _table(30, 5) if rows is None else rows
    units = [f"u{number // (2 if years else 1):02}" for number in range(len(rows))]
    values = values_from_columns(units, years, framework.codes, rows, groups or {})
    method = method_from_mapping({"name": "m", "steps": [{"normalise": {"method": "none"}}, *steps]})
    result = compute_index(values, framework, method)
    assert method_from_mapping(result.method.as_mapping()) == result.method
    return result


def _used(result, code, block=0):
    return float(result.weights[block, result.nodes.index(code)])


def test_weights_of_a_step_are_used_and_told():
    rows = _table(30, 5)
    result = _index({"weights": {"method": "pca", "under": "A"}}, {"aggregate": {}}, rows=rows)
    expected = component_weights(rows[:, :3])
    np.testing.assert_allclose([_used(result, code) for code in ("a1", "a2", "a3")], expected)
    np.testing.assert_allclose(result.scores[:, result.nodes.index("A")], rows[:, :3] @ expected)
    assert _used(result, "b1") == _used(result, "A") == 1
    frame = result.parameters_frame(result.steps[1])
    assert frame.filter(frame["weight"].is_not_null())["code"].to_list() == ["a1", "a2", "a3"]
    assert "under A: weights from 30 of 30 rows" in result.steps[1].notes[0]
    told = result.weights_frame()
    assert told.columns == ["node", "parent", "level", "year", "weight", "share", "label"]
    np.testing.assert_allclose(told.filter(told["parent"] == "A")["share"], expected)
    assert told.filter(told["parent"] == "B")["share"].to_list() == [0.5, 0.5]


def test_the_audit_knows_the_weights_that_were_used():
    result = _index({"weights": {"method": "given", "weights": {"a1": 1, "a2": 0, "a3": 3}}}, {"aggregate": {}})
    assert nominal_weights(result, "index")["a3"] == pytest.approx(0.5 * 0.75)


def test_analyses_of_a_year_take_the_weights_of_that_year():
    # Deviations of a1, a2 and a3 are as 1, 1 and 2 in 2020, so that the inverses are 0.4, 0.4 and 0.2; turned in 2021.
    base = np.linspace(20, 60, 12)
    rows = np.column_stack([base, base[::-1], 2 * base, base, base])
    rows = np.stack([rows, rows[:, [2, 1, 0, 3, 4]]], axis=1).reshape(24, 5)
    steps = {"weights": {"method": "deviation", "under": "A"}}, {"aggregate": {}}
    result = _index(*steps, rows=rows, years=[2020, 2021] * 12)
    for year, expected in ((2020, [0.4, 0.4, 0.2]), (2021, [0.2, 0.4, 0.4])):
        told = importance_frame(result, year).filter(pl.col("node") == "A")
        np.testing.assert_allclose(told["weight"], expected)
    parts = change_contributions(result, result, 2020, 2021).filter(pl.col("node") == "A")
    np.testing.assert_allclose(parts["own"], parts["contribution"])
    assert parts["reason"][0] == "not divided among its children: its children's weights differ between the two"


def test_weights_may_be_set_level_by_level():
    result = _index(
        {"weights": {"method": "critic"}},
        {"aggregate": {"to": "level_1"}},
        {"weights": {"method": "entropy"}},
        {"aggregate": {}},
    )
    a, b = (result.scores[:, result.nodes.index(code)] for code in "AB")
    weights = entropy_weights(np.column_stack([a, b]))
    np.testing.assert_allclose(result.scores[:, 0], weights[0] * a + weights[1] * b)


def test_years_have_weights_of_their_own_or_share_them():
    rows, years = _table(40, 5), [2020, 2021] * 20
    apart = _index({"weights": {"method": "critic", "under": "A"}}, {"aggregate": {}}, rows=rows, years=years)
    np.testing.assert_allclose(_used(apart, "a1", 0), critic_weights(rows[::2, :3])[0])
    np.testing.assert_allclose(_used(apart, "a1", 1), critic_weights(rows[1::2, :3])[0])
    a = apart.scores[:, apart.nodes.index("A")]
    np.testing.assert_allclose(a[:20], rows[::2, :3] @ critic_weights(rows[::2, :3]))
    pooled = _index(
        {"weights": {"method": "critic", "under": "A", "over": "panel"}}, {"aggregate": {}}, rows=rows, years=years
    )
    np.testing.assert_allclose(_used(pooled, "a1", 0), critic_weights(rows[:, :3])[0])
    assert _used(pooled, "a1", 0) == _used(pooled, "a1", 1)


def test_rows_with_a_missing_score_do_not_weigh():
    rows = _table(30, 5)
    rows[0, 0] = np.nan
    result = _index({"weights": {"method": "pca", "under": "A"}}, {"aggregate": {}}, rows=rows)
    np.testing.assert_allclose(_used(result, "a1"), component_weights(rows[1:, :3])[0])


def test_regression_takes_a_node_or_a_column_of_numbers():
    rows = _table(30, 5)
    by_node = _index({"weights": {"method": "regression", "under": "A", "target": "b1"}}, {"aggregate": {}}, rows=rows)
    np.testing.assert_allclose(_used(by_node, "a2"), regression_weights(rows[:, :3], rows[:, 3])[1])
    target = rows[:, :3] @ [1.0, 2, 1]
    step = {"weights": {"method": "regression", "under": "A", "target": "gdp"}}
    by_column = _index(step, {"aggregate": {}}, rows=rows, groups={"gdp": [repr(float(one)) for one in target]})
    np.testing.assert_allclose(_used(by_column, "a2"), 0.5)
    with pytest.raises(ComputationError, match="u07: gdp is 'much', not a number"):
        _index(step, {"aggregate": {}}, rows=rows, groups={"gdp": ["1"] * 7 + ["much"] + ["2"] * 22})


def test_given_weights_equal_ones_and_sets():
    given = {"a1": 1, "a2": 0, "a3": 3}
    result = _index({"weights": {"method": "given", "weights": given}}, {"aggregate": {}})
    assert [_used(result, code) for code in given] == [1, 0, 3]
    assert _used(_index({"weights": {"method": "given", "set": "w"}}, {"aggregate": {}}), "a1") == 2
    assert _used(_index({"weights": {"method": "equal", "under": "A"}}, {"aggregate": {}}), "a1") == 1


def test_factor_bod_and_optimised_weights_in_a_method():
    rows = _table(30, 5)
    for method, expected in (
        ("factor", factor_weights(rows[:, :3]).weights),
        ("bod", common_doubt_weights(rows[:, :3])),
        ("optimised", target_weights(rows[:, :3], np.full(3, 1 / 3)).weights),
    ):
        result = _index({"weights": {"method": method, "under": "A"}}, {"aggregate": {}}, rows=rows)
        np.testing.assert_allclose([_used(result, code) for code in ("a1", "a2", "a3")], expected, atol=1e-9)
    targets = {"a1": 2, "a2": 1, "a3": 1}
    result = _index({"weights": {"method": "optimised", "targets": targets}}, {"aggregate": {}}, rows=rows)
    expected = target_weights(rows[:, :3], np.array([0.5, 0.25, 0.25])).weights
    np.testing.assert_allclose(_used(result, "a1"), expected[0], atol=1e-9)
    assert "shares of importance: a1 0.4894, a2 0.2373" in result.steps[1].notes[1]


def test_scores_without_weights_are_named_with_their_node():
    rows = _table(30, 5)
    rows[:, 1] = 5
    with pytest.raises(ComputationError, match="under A: a2 has the same score for every unit"):
        _index({"weights": {"method": "pca", "under": "A"}}, {"aggregate": {}}, rows=rows)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{"weights": {"method": "pca", "under": "index"}}], "A, B under index have no scores yet"),
        ([{"aggregate": {}}, {"weights": {"method": "pca", "under": "A"}}], "comes after the aggregation of A"),
        ([{"aggregate": {}}, {"weights": {"method": "pca"}}], "weighs nothing"),
        ([{"weights": {"method": "pca"}}, {"weights": {"method": "equal"}}], "under A are set by an earlier step"),
        ([{"weights": {"method": "given", "weights": {"a1": 1}}}], "says nothing of a2, a3, other children of A"),
        ([{"weights": {"method": "given", "weights": {"a1": 0, "a2": 0, "a3": 0}}}], "all weights are 0"),
        ([{"weights": {"method": "given", "weights": {"x": 1}}}], "'x' is no node below the root"),
        ([{"weights": {"method": "given", "set": "v"}}], "'v' is no weight set of the framework; it has w"),
        ([{"weights": {"method": "optimised", "targets": {"x": 1}}}], "'x' is no node below the root"),
        ([{"weights": {"method": "optimised", "targets": {"a1": 1}}}], "says only a1 of the children of A"),
        ([{"weights": {"method": "regression", "under": "A", "target": "a1"}}], "itself among the children of A"),
        (
            [{"weights": {"method": "regression", "under": "A", "target": "gdp"}}],
            "'gdp' is no node and no group column",
        ),
        ([{"weights": {"method": "regression", "under": "A", "target": "B"}}], "'B' has no scores yet"),
        ([{"weights": {"method": "equal"}}, {"aggregate": {"weights": "equal"}}], "a step weights has set those under"),
        ([{"weights": {"method": "pca"}}, {"aggregate": {"method": "minimum"}}], "minimum asks for no weights"),
        ([{"weights": {"method": "pca"}}], "no step aggregates with the weights under A"),
    ],
)
def test_weights_that_do_not_fit_are_refused(steps, expected):
    with pytest.raises(MethodError) as error:
        _index(*steps)
    assert expected in str(error.value)


BUDGET = {"method": "budget", "experts": [{"b1": 70, "b2": 30}, {"b1": 50, "b2": 50}]}
AHP = {
    "method": "ahp",
    "experts": [
        {"expert": "Ada", "first": "a1", "second": "a2", "value": 2},
        {"expert": "Ada", "first": "a1", "second": "a3", "value": 4},
        {"expert": "Ada", "first": "a3", "second": "a2", "value": 0.5},
    ],
}


def test_experts_weigh_families():
    result = _index({"weights": BUDGET}, {"weights": AHP}, {"aggregate": {}})
    np.testing.assert_allclose([_used(result, "b1"), _used(result, "b2")], [0.6, 0.4])
    np.testing.assert_allclose([_used(result, code) for code in ("a1", "a2", "a3")], np.array([4, 2, 1]) / 7)
    assert result.steps[2].notes == ("under A: expert Ada has a consistency ratio of 0.0000",)


def test_points_may_miss_their_sum_by_a_millionth():
    points = {"method": "budget", "points": 1e6, "experts": [{"b1": 600_000, "b2": 400_001}]}
    assert _used(_index({"weights": points}, {"aggregate": {}}), "b1") == pytest.approx(600_000 / 1_000_001, rel=1e-15)


def test_consistency_is_held_against_the_table_of_saaty():
    # Saaty (1980): mean index of random matrices of 1 to 15 rows; a ratio is an index over it
    published = "0 0 0.58 0.90 1.12 1.24 1.32 1.41 1.45 1.49 1.51 1.48 1.56 1.57 1.59"
    assert list(RANDOM_INDEX) == [float(number) for number in published.split()]


def test_experts_who_contradict_themselves_are_refused_unless_allowed():
    contrary = {**AHP, "experts": [*AHP["experts"][:2], {**AHP["experts"][2], "value": 9}]}
    with pytest.raises(ComputationError, match=r"under A: expert Ada has a consistency ratio of 0\.\d+, above 0.1"):
        _index({"weights": contrary}, {"aggregate": {}})
    allowed = _index({"weights": {**contrary, "max_inconsistency": 1.0}}, {"aggregate": {}})
    assert 0 < _used(allowed, "a1") < 1


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({**BUDGET, "points": 10}, "points of expert 1 sum to 100, not 10"),
        (
            {"method": "budget", "points": 1e6, "experts": [{"b1": 999_990, "b2": 11.001}]},
            "points of expert 1 sum to 1000001.001, not 1000000",
        ),
        ({**AHP, "experts": AHP["experts"][:2]}, "expert Ada compares a2 with a3 0 times, not once"),
        ({**AHP, "experts": [*AHP["experts"], AHP["experts"][0]]}, "compares a1 with a2 2 times, not once"),
        (
            {**AHP, "experts": [*AHP["experts"], {"expert": "Ada", "first": "a1", "second": "b1", "value": 2}]},
            "compares a1 with b1, which are no siblings",
        ),
    ],
)
def test_tables_of_experts_must_be_whole(weights, expected):
    with pytest.raises(MethodError) as error:
        _index({"weights": weights}, {"aggregate": {}})
    assert expected in str(error.value)


def _method(tmp_path, step, **tables):
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    path = tmp_path / "method.yaml"
    path.write_text(f"name: m\nsteps:\n  - weights: {step}\n  - aggregate: {{}}\n", encoding="utf-8")
    return read_method(path)


def test_tables_of_experts_are_read_into_the_method(tmp_path):
    method = _method(tmp_path, "{method: budget, table: b.csv}", b="expert,b1,b2\nAda,70,30\nBo,50,50\n")
    assert method.as_mapping()["steps"][0]["weights"]["experts"] == [{"b1": 70, "b2": 30}, {"b1": 50, "b2": 50}]
    text = "expert,first,second,value\nAda,a1,a2,2\nAda,a2,a3,1/3\n"
    method = _method(tmp_path, "{method: ahp, table: c.csv}", c=text)
    assert method.steps[0].experts[1].value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("{method: budget, table: no.csv}", "", "cannot be read as UTF-8 CSV"),
        ("{method: budget, table: t.csv}", "name,b1\nAda,1\n", "are name, b1, not expert and one column per code"),
        ("{method: ahp, table: t.csv}", "expert,a,b,value\n", "are expert, a, b, value, not expert,first,second,value"),
        ("{method: budget, table: t.csv}", "expert,b1\nAda,many\n", "row 2 of t.csv, b1: 'many' is no number"),
        ("{method: budget, table: t.csv}", "expert,b1\nAda\n", "row 2 of t.csv has 1 cells under 2 columns"),
        ("{method: budget, table: t.csv, experts: [{b1: 1}]}", "", "give either experts or table"),
        ("{method: budget}", "", "no experts; give them, or a table"),
        ("{method: ahp}", "", "no experts; give them, or a table"),
        ("{method: budget, experts: [{b1: 1}, {b2: 1}]}", "", "not all share points among the same codes"),
        ("{method: given}", "", "give either weights or set"),
    ],
)
def test_faults_of_tables_are_told(tmp_path, step, text, expected):
    with pytest.raises(MethodError) as error:
        _method(tmp_path, step, t=text)
    assert expected in str(error.value)


# weights by group of units

STAGES = {"1": {"a": 60, "b": 35, "c": 5}, "2": {"a": 40, "b": 50, "c": 10}, "3": {"a": 30, "b": 50, "c": 20}}


def _staged(step, labels=("1", "2", "3", "1"), table=((5, 4, 3),) * 3 + ((5, 4, np.nan),), rule="arithmetic", more=()):
    """Four units with the same scores, the last without c; weights of the Global Competitiveness Index until 2017."""
    nodes = [Node(code="index", parent=None, name="", level="index")]
    for code, sets in (("a", {"even": 1.0}), ("b", {"even": 1.0}), ("c", {"even": 2.0})):
        nodes.append(
            Node(code=code, parent="index", name="", level="indicator", direction="higher", weight=1, weight_sets=sets)
        )
    framework = framework_from_nodes(nodes)
    steps = [*more, {"normalise": {"method": "none"}}, {"weights": {"method": "by_group", "group": "stage", **step}}]
    method = method_from_mapping({"name": "m", "steps": [*steps, {"aggregate": {"method": rule}}]})
    values = values_from_columns(list("pqrs"), None, ("a", "b", "c"), np.array(table, float), {"stage": list(labels)})
    return compute_index(values, framework, method)


def test_weights_by_stage_of_development_by_hand():
    result = _staged({"weights": STAGES})
    # 0.6·5 + 0.35·4 + 0.05·3 = 4.55; 0.4·5 + 0.5·4 + 0.1·3 = 4.3; 0.3·5 + 0.5·4 + 0.2·3 = 4.1; (60·5 + 35·4)/95
    np.testing.assert_allclose(result.scores[:, 0], [4.55, 4.3, 4.1, 440 / 95], rtol=1e-14)
    assert result.ranks[:, 0].tolist() == [2, 3, 4, 1]
    told = result.weights_frame().filter(label="3")
    assert told.select("node", "weight", "share").rows() == [("a", 30, 0.3), ("b", 50, 0.5), ("c", 20, 0.2)]
    assert result.weights_frame()["label"].unique().sort().to_list() == ["1", "2", "3"]


def test_labels_may_have_weight_sets_and_others_one_of_their_own():
    result = _staged({"sets": {"1": "even"}, "others": "framework"}, ("1", "2", None, "1"))
    # 'even' counts c twice: (5 + 4 + 6)/4; the plain weights are equal; the last lacks c
    np.testing.assert_allclose(result.scores[:, 0], [3.75, 4, 4, 4.5], rtol=1e-14)
    assert result.weights_frame().filter(label="(others)")["weight"].to_list() == [1, 1, 1]
    # two units count (1, 1, 2)/4, two (1, 1, 1)/3
    assert nominal_weights(result, "index") == pytest.approx({"index": 1.0, "a": 7 / 24, "b": 7 / 24, "c": 10 / 24})
    assert aggregation_rules(result) == {}  # no unit has these weights


def test_nominal_weights_of_groups_are_those_of_the_units_that_take_part():
    screen = {"screen": {"force_out": [{"unit": "s", "reason": "late"}]}}
    result = _staged({"weights": STAGES}, ("1", "1", "3", "2"), more=[screen])
    # 60, 35, 5 of 100 twice and 30, 50, 20 once
    expected = {"index": 1.0, "a": 1.5 / 3, "b": 1.2 / 3, "c": 0.3 / 3}
    assert nominal_weights(result, "index") == pytest.approx(expected)
    told = importance_frame(result)
    assert dict(told.select("code", "weight").rows()) == pytest.approx({code: expected[code] for code in "abc"})


def test_a_unit_without_weights_of_its_own_is_named_unless_it_takes_no_part():
    with pytest.raises(ComputationError) as error:
        _staged({"weights": STAGES}, ("1", "4", None, "1"))
    for said in ("q: no weights for stage 4", "r: no weights for stage (empty)", "labels are 1, 2, 3"):
        assert said in str(error.value)
    screen = {"screen": {"force_out": [{"unit": "q", "reason": "late"}]}}
    result = _staged({"weights": STAGES}, ("1", "4", "1", "1"), more=[screen])
    np.testing.assert_allclose(result.scores[:, 0], [4.55, np.nan, 4.55, 440 / 95])
    assert [note for step in result.steps for note in step.notes if step.name == "weights"] == [
        "no unit has the stage 2",
        "no unit has the stage 3",
    ]


def test_refused_cells_are_named_whatever_group_they_are_in():
    table = ((5, 4, 3), (5, 0, 3), (5, 4, 3), (-1, 4, 3))
    with pytest.raises(ComputationError) as error:
        _staged({"weights": STAGES}, ("2", "1", "3", "2"), table, rule="geometric")
    assert "q, b: 0 is not above 0" in str(error.value)
    assert "s, a: -1 is not above 0" in str(error.value)


@pytest.mark.parametrize(
    ("step", "rule", "said"),
    [
        ({"weights": STAGES, "sets": {"1": "even"}}, "arithmetic", "give either weights or sets, by label"),
        ({}, "arithmetic", "give either weights or sets, by label"),
        ({"weights": {"1": {"a": 1, "b": 1, "c": 1}, "2": {"a": 1}}}, "arithmetic", "not all labels have the same"),
        ({"weights": {"1": {"a": 1, "b": 1}}}, "arithmetic", "says nothing of c, other children of index"),
        ({"weights": {"1": {"a": 0, "b": 0, "c": 0}}}, "arithmetic", "all weights of label '1' are 0"),
        ({"weights": STAGES, "group": "income"}, "arithmetic", "'income' is no group column; group columns are stage"),
        ({"sets": {"1": "odd"}}, "arithmetic", "'odd' is no weight set of the framework; known are framework, even"),
        ({"weights": STAGES, "others": "odd"}, "arithmetic", "'odd' is no weight set of the framework"),
        ({"weights": STAGES}, "borda", "borda compares units, which have no weights in common"),
        ({"weights": STAGES}, "minimum", "minimum asks for no weights, but a step has set them"),
    ],
)
def test_weights_by_group_that_do_not_fit_are_refused(step, rule, said):
    with pytest.raises(MethodError) as error:
        _staged(step, rule=rule)
    assert said in str(error.value)
