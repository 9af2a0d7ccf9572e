"""Analyses of several columns: against SciPy, scikit-learn's kin, closed forms and numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssc_index.audit.components import principal_components
from ssc_index.audit.correlation import correlate, correlation_frame, family_correlations
from ssc_index.audit.discrimination import discrimination_frame, pairs_told_apart, redundancy_frame
from ssc_index.audit.importance import importance, importance_frame, main_effect
from ssc_index.audit.pairwise import covariance, moments
from ssc_index.audit.reliability import (
    adequacy,
    cronbach_alpha,
    item_rest_correlations,
    reliability,
    reliability_frames,
)
from ssc_index.audit.report import audit_frames
from ssc_index.audit.structure import Rule
from ssc_index.audit.variants import changed_step, leave_one_out, removed_with, what_if
from ssc_index.errors import ComputationError, MethodError, ValuesError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.sample import scores_in
from ssc_index.values import values_from_columns

NAN = np.nan


def _node(code, parent=None, **more):
    return Node(code=code, parent=parent, name=code.upper(), level="", **more)


def _index(table, steps=None, years=None, weights=(1.0, 1.0, 1.0, 1.0)):
    """A result: index over x (a, b) and y (c, d); values are scores already."""
    leaves = [
        _node(code, parent, direction="higher", weight=weight)
        for code, parent, weight in zip("abcd", "xxyy", weights, strict=True)
    ]
    tree = framework_from_nodes([_node("index"), _node("x", "index"), _node("y", "index"), *leaves])
    steps = steps or [{"normalise": {"method": "none"}}, {"aggregate": {}}]
    units = [f"u{row:03d}" for row in range(len(table))]
    if years is not None:
        units = [f"u{row % (len(table) // len(set(years))):03d}" for row in range(len(table))]
    values = values_from_columns(units, years, tree.codes, np.asarray(table, dtype=float))
    return compute_index(values, tree, method_from_mapping({"name": "test", "steps": steps}))


def _draws(rows=60, seed=1):
    generator = np.random.default_rng(seed)
    common = generator.normal(size=(rows, 1))
    return 50 + 10 * (common + generator.normal(size=(rows, 4)))


# correlations


@pytest.mark.parametrize("measure", ["pearson", "spearman", "kendall"])
def test_coefficients_and_p_values_are_scipys_over_the_rows_that_a_pair_shares(measure):
    table = np.round(_draws(30), -1)  # rounded to tens: many ties
    table[[1, 5, 7], 0] = NAN
    table[[5, 9], 1] = NAN
    found = correlate(table, "abcd", measure)
    by_scipy = {"pearson": scipy.stats.pearsonr, "spearman": scipy.stats.spearmanr, "kendall": scipy.stats.kendalltau}
    for i in range(4):
        for j in range(4):
            rows = ~np.isnan(table[:, i]) & ~np.isnan(table[:, j])
            theirs = by_scipy[measure](table[rows, i], table[rows, j])
            assert found.n[i, j] == rows.sum()
            assert found.coefficient[i, j] == pytest.approx(theirs.statistic, rel=1e-12)
            if i != j:
                assert found.p_value[i, j] == pytest.approx(theirs.pvalue, rel=1e-9)


def test_a_pair_without_a_coefficient_says_why():
    table = np.array([[1, 5, NAN], [2, 5, NAN], [3, 5, 1], [4, 5, 2]], dtype=float)
    found = correlate(table, ["a", "b", "c"])
    assert np.isnan(found.coefficient[0, 1])
    assert found.reason(0, 1) == "constant: b"
    assert found.reason(0, 2) == "2 complete pairs; at least 3 are needed"
    assert found.reason(0, 0) is None


def test_a_column_that_is_constant_only_where_a_pair_overlaps_says_so():
    table = np.array([[1, NAN], [5, 1], [5, 2], [5, 3]], dtype=float)
    assert correlate(table, ["a", "b"]).reason(0, 1) == "constant: a"


def test_rounding_noise_is_no_variation():
    # 0.1 + 0.2 is not 0.3 in floating point; nobody means the difference.
    table = np.array([[0.1 + 0.2, 1.0], [0.3, 2.0], [0.3, 3.0]])
    assert correlate(table, ["a", "b"]).reason(0, 1) == "constant: a"


@given(arrays(np.float64, (8, 3), elements=st.integers(-9, 9)), st.sampled_from(["pearson", "spearman", "kendall"]))
@settings(max_examples=30, deadline=None)
def test_a_change_of_unit_changes_no_coefficient_and_a_change_of_sign_turns_it(table, measure):
    ours, other = (correlate(given, "abc", measure).coefficient for given in (table, table * [3.0, -7.0, 0.5] + 1000))
    np.testing.assert_allclose(other, ours * np.outer([1, -1, 1], [1, -1, 1]), atol=1e-12)
    np.testing.assert_array_equal(ours, ours.T)


def test_pairwise_covariance_takes_means_over_the_pair():
    # a and b share rows 2 to 4: means 3 and 4/3 … (2-3)(1-4/3) + (3-3)(1-4/3) + (4-3)(2-4/3) = 1; over 2 → 0.5.
    table = np.array([[9, NAN], [2, 1], [3, 1], [4, 2]], dtype=float)
    assert covariance(moments(table))[0, 1] == pytest.approx(0.5)


def test_relations_and_flags_of_pairs():
    table = _draws(40)
    table[:, 1] = table[:, 0] + np.linspace(0, 0.1, 40)  # a and b as good as one
    table[:, 3] = 100 - table[:, 2] + np.linspace(0, 0.1, 40)  # d against c
    frame = correlation_frame(_index(table), measures=["pearson"])
    rows = {frozenset((row["code_a"], row["code_b"])): row for row in frame.iter_rows(named=True)}
    assert len(rows) == frame.height == 21  # 7 nodes
    seen = {pair: (row["relation"], row["common"], row["flag"]) for pair, row in rows.items()}
    assert seen[frozenset("ab")] == ("siblings", "x", "high")
    assert seen[frozenset("cd")] == ("siblings", "y", "negative")
    assert seen[frozenset("ac")][:2] == ("other", "index")
    assert rows[frozenset("ac")]["flag"] is None
    assert seen[frozenset("ax")] == ("parent", "x", None)  # near 1 with its parent, which is no fault
    assert seen[frozenset(("a", "index"))][:2] == ("ancestor", "index")


def test_siblings_and_parts_that_have_little_in_common_are_flagged_weak():
    # a and b do not correlate: each is 1/√2 of their mean; c and d correlate by −0.8.
    ab = [[1, 1], [1, 3], [3, 1], [3, 3]]
    cd = [[1, 4], [2, 2], [3, 3], [4, 1]]
    rows = correlation_frame(_index(np.hstack([ab, cd])), measures=["pearson"]).rows(named=True)
    flags = {frozenset((row["code_a"], row["code_b"])): (row["coefficient"], row["flag"]) for row in rows}
    assert flags[frozenset("ab")] == (pytest.approx(0, abs=1e-12), "weak")
    assert flags[frozenset("ax")] == (pytest.approx(0.5**0.5), None)
    assert flags[frozenset("cd")] == (pytest.approx(-0.8), "negative")


def test_a_constant_indicator_is_nearest_to_nobody():
    table = _draws(12)
    table[:, 2:] = 5.0
    rows = {row["code"]: row for row in audit_frames(_index(table))["redundancy"].iter_rows(named=True)}
    assert (rows["a"]["nearest"], rows["b"]["nearest"]) == ("b", "a")
    assert (rows["c"]["nearest"], rows["c"]["correlation"], rows["c"]["n"]) == (None, None, None)


# reliability


def _correlated(correlations):
    """200 rows that have these correlations, and variances of 1."""
    whitened = np.linalg.qr(np.random.default_rng(0).normal(size=(200, len(correlations))))[0]
    whitened = whitened - whitened.mean(axis=0)
    whitened = np.linalg.solve(np.linalg.cholesky(np.cov(whitened.T)), whitened.T).T
    return whitened @ np.linalg.cholesky(correlations).T


def test_kmo_of_nine_tests_of_ability_is_the_published_one():
    # Nine of Thurstone's tests (Bechtoldt 1961; McDonald 1999), measures as R's psych::KMO documents them.
    below = [
        [0.828],
        [0.776, 0.779],
        [0.439, 0.493, 0.460],
        [0.432, 0.464, 0.425, 0.674],
        [0.447, 0.489, 0.443, 0.590, 0.541],
        [0.447, 0.432, 0.401, 0.381, 0.402, 0.288],
        [0.541, 0.537, 0.534, 0.350, 0.367, 0.320, 0.555],
        [0.380, 0.358, 0.359, 0.424, 0.446, 0.325, 0.598, 0.452],
    ]
    correlations = np.eye(9)
    for row, numbers in enumerate(below, start=1):
        correlations[row, :row] = correlations[:row, row] = numbers
    fit = adequacy(_correlated(correlations))
    assert fit.kmo == pytest.approx(0.88, abs=0.005)
    expected = [0.86, 0.86, 0.90, 0.86, 0.88, 0.92, 0.85, 0.93, 0.87]
    np.testing.assert_allclose(fit.kmo_by_column, expected, atol=0.005)


def test_alpha_of_parallel_columns_is_spearman_brown():
    # k columns with pairwise correlation r and equal variance: α = k r / (1 + (k − 1) r).
    r = 0.4
    table = _correlated(np.full((5, 5), r) + (1 - r) * np.eye(5))
    found = cronbach_alpha(table)
    assert found.alpha == pytest.approx(5 * r / (1 + 4 * r), rel=1e-9)
    assert found.standardised == pytest.approx(found.alpha, rel=1e-9)
    # KMO: r² / (r² + q²) with the partial correlation q = r / (1 + (k − 2) r); R's determinant in closed form.
    fit = adequacy(table)
    q = r / (1 + 3 * r)
    assert fit.kmo == pytest.approx(r**2 / (r**2 + q**2), rel=1e-9)
    np.testing.assert_allclose(fit.kmo_by_column, fit.kmo, rtol=1e-9)
    determinant = (1 - r) ** 4 * (1 + 4 * r)
    assert fit.bartlett == pytest.approx(-(200 - 1 - 15 / 6) * np.log(determinant), rel=1e-9)
    assert fit.freedom == 10
    assert fit.p_value == pytest.approx(scipy.stats.chi2.sf(fit.bartlett, 10), rel=1e-6)


def test_inflation_is_that_of_a_regression_on_the_others():
    table = _draws(50)
    fit = adequacy(table)
    others = np.column_stack([np.ones(50), table[:, 1:]])
    residual = table[:, 0] - others @ np.linalg.lstsq(others, table[:, 0], rcond=None)[0]
    r2 = 1 - residual.var() / table[:, 0].var()
    assert fit.inflation[0] == pytest.approx(1 / (1 - r2), rel=1e-9)


def test_uncorrelated_columns_have_a_bartlett_statistic_that_is_small():
    generator = np.random.default_rng(4)
    tested = [adequacy(generator.normal(size=(100, 4))).p_value for _ in range(200)]
    assert 0.01 < np.mean(np.array(tested) < 0.05) < 0.1  # 5 % on average


def test_groups_that_have_no_figures_say_why():
    assert cronbach_alpha(np.ones((5, 1))).reason == "1 column; α needs two"
    assert cronbach_alpha(np.array([[1.0, -1.0], [2.0, -2.0]])).reason == "the sum of the columns does not vary"
    table = _draws(20)
    assert adequacy(table[:3]).reason == "3 complete rows for 4 columns; at least 5 are needed"
    flat = table.copy()
    flat[:, 2] = 7
    assert adequacy(flat).reason == "constant: column 3"
    tied = table.copy()
    tied[:, 3] = tied[:, 0] + tied[:, 1]
    fit = adequacy(tied)
    assert fit.reason == "columns 1, 2, 4 determine each other"
    np.testing.assert_array_equal(fit.inflation, [np.inf, np.inf, NAN, np.inf])
    assert np.isnan(fit.kmo)
    assert fit.bartlett == np.inf


def test_each_item_against_the_rest():
    table = _draws(30)
    table[3, 1] = NAN
    complete = np.delete(table, 3, axis=0)
    rest = complete[:, 1:].sum(axis=1)
    assert item_rest_correlations(table)[0] == pytest.approx(np.corrcoef(complete[:, 0], rest)[0, 1], rel=1e-12)


def test_reliability_of_every_node_and_item():
    result = _index(_draws(30))
    whole, items = reliability_frames(result)
    assert whole.select("node", "of", "n_parts").rows() == [
        ("index", "children", 2),
        ("index", "indicators", 4),
        ("x", "children", 2),
        ("y", "children", 2),
    ]
    table = result.values.values
    without_b = cronbach_alpha(np.delete(table, 1, axis=1)).alpha
    found = items.filter(node="index", of="indicators", code="b").row(0, named=True)
    assert found["alpha_without"] == pytest.approx(without_b)
    assert items.filter(node="x", code="a")["reason"].item() == "1 column; α needs two"
    assert whole.filter(of="indicators")["alpha"].item() == pytest.approx(cronbach_alpha(table).alpha)


# components


def test_components_are_those_of_the_singular_values():
    table = _draws(40)
    table[3, 0] = NAN
    complete = np.delete(table, 3, axis=0)
    standard = (complete - complete.mean(axis=0)) / complete.std(axis=0, ddof=1)
    singular = np.linalg.svd(standard, compute_uv=False)
    found = principal_components(table, "abcd")
    assert found.n == 39
    np.testing.assert_allclose(found.eigenvalues, singular**2 / 38, rtol=1e-12)
    assert found.eigenvalues.sum() == pytest.approx(4)
    # Scores on a component correlate with a column as `correlations` says.
    first = standard @ found.vectors[:, 0]
    assert np.corrcoef(first, complete[:, 2])[0, 1] == pytest.approx(found.correlations[2, 0], rel=1e-9)
    assert found.n_above_one == int((singular**2 / 38 > 1).sum())


def test_no_rounding_decides_the_sign_of_a_component():
    generator = np.random.default_rng(0)
    for _ in range(20):  # of two columns one component is (1, -1) / √2, whose loadings sum to 0 or to ±1e-16
        x, noise = generator.normal(size=(2, 12))
        vectors = principal_components(np.column_stack([x, 0.8 * noise - x]), "ab").vectors
        np.testing.assert_allclose(vectors * 2**0.5, [[1, 1], [-1, 1]], rtol=1e-12)


def test_columns_without_components_say_why():
    with pytest.raises(ComputationError, match="b is constant"):
        principal_components(np.array([[1.0, 2], [2, 2], [3, 2]]), "ab")
    with pytest.raises(ComputationError, match="2 complete rows"):
        principal_components(np.array([[1.0, 2], [2, 1], [3, NAN]]), "ab")


# importance


def _ishigami():
    points = scipy.stats.qmc.Sobol(3, scramble=False).random(1024) * 2 * np.pi - np.pi
    x, y, z = points.T
    return points, np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)


@pytest.mark.parametrize(("column", "expected"), [(0, 0.3139), (1, 0.4424), (2, 0.0)])
def test_main_effects_of_the_ishigami_function(column, expected):
    # Analytic first-order indices for a = 7, b = 0.1 (Sobol' and Levitan 1999); a smoother of 1,024 points is
    # within 0.03. The second is not linear at all: r² is 0 there.
    points, answer = _ishigami()
    found = main_effect(points[:, column], answer)
    assert found.main_effect == pytest.approx(expected, abs=0.03)
    if column == 1:
        assert found.correlation**2 < 1e-4


def test_a_line_has_its_r2_as_main_effect_however_skewed_the_part():
    generator = np.random.default_rng(3)
    x = np.exp(2 * generator.normal(size=300))
    assert main_effect(x, 5 - 3 * x).main_effect == pytest.approx(1)
    assert main_effect(x, np.log(x)).main_effect > 0.99  # the ranks straighten it
    two = np.repeat([0.0, 1.0], 20)
    noisy = two + generator.normal(size=40)
    assert main_effect(two, noisy).main_effect == pytest.approx(np.corrcoef(two, noisy)[0, 1] ** 2, rel=1e-6)


def test_unrelated_columns_have_little_main_effect():
    generator = np.random.default_rng(8)
    found = [main_effect(*generator.normal(size=(2, 200))).main_effect for _ in range(40)]
    assert np.mean(found) < 0.03


def test_effects_that_cannot_be_known_say_why():
    few = main_effect(np.arange(9.0), np.arange(9.0))
    assert (few.n, few.reason) == (9, "9 complete pairs; at least 10 are needed")
    assert main_effect(np.ones(20), np.arange(20.0)).reason == "the part is constant"


def test_importance_of_independent_parts_goes_with_the_square_of_weight_times_spread():
    # index = (3 a + b) / 4 in x alone, independent columns of equal spread: shares 9 : 1.
    grid = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), axis=-1).reshape(-1, 2)
    table = np.column_stack([grid, np.full(400, 50.0), np.full(400, 50.0)])
    frame = importance_frame(_index(table, weights=(3.0, 1.0, 1.0, 1.0)))
    found = {row["code"]: row for row in frame.filter(node="x").iter_rows(named=True)}
    assert found["a"]["weight"] == 0.75
    assert found["a"]["main_effect"] == pytest.approx(0.9, abs=1e-6)
    assert found["a"]["share"] == pytest.approx(0.9, abs=1e-6)
    assert found["a"]["gap"] == pytest.approx(0.15, abs=1e-6)
    whole = {row["code"]: row for row in frame.filter(node="index").iter_rows(named=True)}
    assert whole["a"]["weight"] == 0.375
    assert whole["y"]["reason"] == "the part is constant"
    assert whole["x"]["main_effect"] == pytest.approx(1)


# redundancy and discrimination


def test_a_copied_indicator_is_redundant():
    table = _draws(40)
    table[:, 1] = 2 * table[:, 0] - 30
    frame = redundancy_frame(_index(table))
    found = {row["code"]: row for row in frame.iter_rows(named=True)}
    assert (found["a"]["nearest"], found["a"]["nearest_is_sibling"]) == ("b", True)
    assert found["a"]["correlation"] == pytest.approx(1)
    assert (found["a"]["inflation"], found["a"]["r2_by_siblings"]) == (np.inf, 1.0)
    r = np.corrcoef(table[:, 2], table[:, 3])[0, 1]
    assert found["c"]["r2_by_siblings"] == pytest.approx(r**2)


def test_pairs_that_scores_tell_apart():
    # Four units at 0, 0, 0 and 1: 3 of 6 pairs differ.
    assert pairs_told_apart(np.array([0.0, 0, 0, 1, NAN])) == 0.5
    assert pairs_told_apart(np.array([5.0, 5.0])) == 0.0
    # Noise is measured by the largest score: a part in 10^13 of a hundred tells nobody apart.
    assert pairs_told_apart(np.array([100.0, 100.0 + 1e-11])) == 0.0
    assert np.isnan(pairs_told_apart(np.array([5.0])))


def test_discrimination_counts_floor_and_ceiling():
    table = np.array([[0, 1, 1, 1], [0, 2, 1, 1], [0, 3, 1, 1], [8, 4, 1, NAN]], dtype=float)
    found = {row["node"]: row for row in discrimination_frame(_index(table)).iter_rows(named=True)}
    assert (found["a"]["share_lowest"], found["a"]["share_highest"]) == (0.75, 0.25)
    assert (found["b"]["n_distinct"], found["b"]["pairs_apart"]) == (4, 1.0)
    assert found["d"]["n"] == 3


# variants


def test_leaving_out_an_indicator_is_computing_the_index_without_it():
    table = _draws(12)
    result = _index(table)
    (found,) = leave_one_out(result)
    # Without a, x is b alone: index = (b + (c + d) / 2) / 2.
    expected = (table[:, 1] + (table[:, 2] + table[:, 3]) / 2) / 2
    scores = found.units.filter(variant="a").sort("unit")["variant_score"]
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    row = found.summary.filter(variant="a").row(0, named=True)
    ranks = [scipy.stats.rankdata(-given, "min") for given in (result.scores[:, 0], expected)]
    assert row["mean_shift"] == pytest.approx(np.abs(ranks[1] - ranks[0]).mean())
    assert row["mean_score_change"] == pytest.approx((expected - result.scores[:, 0]).mean())
    assert row["spearman"] == pytest.approx(scipy.stats.spearmanr(*ranks).statistic)


def test_settings_that_name_the_node_go_with_it():
    steps = [
        {"screen": {"min_coverage_by_node": {"x": 0.5, "y": 0.5}}},
        {"normalise": {"method": "minmax", "range": [1, 100], "only": ["x"]}},
        {"normalise": {"method": "none"}},
        {"aggregate": {"levels": {"x": "geometric"}, "floor": 1.0}},
    ]  # without x neither `only: [x]` nor the floor has a node left; without y the second step has none
    (found,) = leave_one_out(_index(_draws(12), steps), "level_1")
    assert found.summary["removed"].to_list() == ["x, a, b", "y, c, d"]
    assert found.summary["reason"].to_list() == [None, None]


def test_an_only_child_takes_its_parent_with_it_and_a_variant_that_leaves_nothing_says_so():
    tree = framework_from_nodes(
        [
            _node("index"),
            _node("x", "index"),
            _node("y", "index"),
            _node("a", "x", direction="higher"),
            _node("b", "y", direction="higher"),
            _node("c", "y", direction="higher"),
        ]
    )
    assert removed_with(tree, "a") == ("x", "a")
    assert removed_with(tree, "b") == ("b",)
    single = framework_from_nodes([_node("index"), _node("a", "index", direction="higher")])
    values = values_from_columns(["u", "v"], None, ["a"], [[1.0], [2.0]])
    steps = [{"normalise": {"method": "none"}}, {"aggregate": {}}]
    result = compute_index(values, single, method_from_mapping({"name": "m", "steps": steps}))
    (found,) = leave_one_out(result)
    assert found.summary["reason"].item() is not None
    assert found.units.height == 0


@pytest.mark.parametrize(
    "steps",
    [
        [{"weights": {"method": "given", "weights": {"a": 2, "b": 1}}}, {"aggregate": {}}],
        [{"weights": {"method": "pca", "negative": "square", "under": ["x"]}}, {"aggregate": {}}],
        [{"aggregate": {"leave_out": ["b"]}}],
        [{"impute": {"method": "within_mean", "within": "x"}}, {"aggregate": {}}],
    ],
)
def test_a_step_or_setting_of_the_nodes_left_out_alone_goes_with_them(steps):
    # Without x there is y; that weights and exclusions were of parts of x kept the variant from being computed.
    table = _draws(8)
    (found,) = leave_one_out(_index(table, [{"normalise": {"method": "none"}}, *steps]), "level_1")
    assert found.summary["reason"].to_list() == [None, None]
    scores = found.units.filter(variant="x").sort("unit")["variant_score"]
    np.testing.assert_allclose(scores, table[:, 2:].mean(axis=1))


def test_a_group_is_blended_in_where_nodes_are_left():
    # x and y are a and b alone. At x units have the mean of their group, 2 or 6; without x the index is y, unblended.
    tree = framework_from_nodes(
        [_node("index"), _node("x", "index"), _node("y", "index")]
        + [_node(code, parent, direction="higher") for code, parent in (("a", "x"), ("b", "y"))]
    )
    table = np.array([[1.0, 5.0], [3.0, 9.0], [5.0, 2.0], [7.0, 4.0]])
    values = values_from_columns(list("pqrs"), None, tree.codes, table, {"region": ["n", "n", "s", "s"]})
    steps = [
        {"normalise": {"method": "none"}},
        {"aggregate": {"blend": {"group": "region", "share": 1.0, "at": ["x"]}}},
    ]
    result = compute_index(values, tree, method_from_mapping({"name": "m", "steps": steps}))
    assert result.scores[:, result.nodes.index("x")].tolist() == [2, 2, 6, 6]
    (found,) = leave_one_out(result, "level_1")
    assert found.units.filter(variant="x").sort("unit")["variant_score"].to_list() == [5, 9, 2, 4]
    assert found.units.filter(variant="y").sort("unit")["variant_score"].to_list() == [2, 2, 6, 6]


def test_a_unit_that_the_smaller_index_cannot_rank_is_counted():
    table = _draws(6)
    table[0, 1] = NAN  # without a, unit u000 has no x
    steps = [{"normalise": {"method": "none"}}, {"aggregate": {"min_coverage": {"index": 1.0, "level_1": 0.5}}}]
    (found,) = leave_one_out(_index(table, steps))
    row = found.summary.filter(variant="a").row(0, named=True)
    assert (row["n"], row["n_lost"], row["n_gained"]) == (5, 1, 0)


def test_what_if_one_choice_were_another():
    table = _draws(12)
    result = _index(table)
    found = what_if(
        result,
        {
            "geometric": changed_step(result.method, 2, method="geometric"),
            "scaled": changed_step(result.method, 1, method="minmax", range=[0, 1]),
            "geometric of zeros": changed_step(
                changed_step(result.method, 1, method="minmax", range=[0, 1]), 2, method="geometric"
            ),
        },
    )
    pillars = np.sqrt(table[:, ::2] * table[:, 1::2])
    scores = found.units.filter(variant="geometric").sort("unit")["variant_score"]
    np.testing.assert_allclose(scores, np.sqrt(pillars.prod(axis=1)), rtol=1e-12)
    reasons = dict(zip(found.summary["variant"], found.summary["reason"], strict=True))
    assert reasons["geometric"] is reasons["scaled"] is None
    assert "is not above 0" in reasons["geometric of zeros"]


def test_a_node_whose_children_that_are_left_weigh_nothing_has_no_shares():
    steps = [{"normalise": {"method": "none"}}, {"aggregate": {"leave_out": ["c"]}}]
    frames = audit_frames(_index(_draws(8), steps, weights=(1.0, 1.0, 1.0, 0.0)))  # y has d alone, of weight 0
    assert frames["discrimination"].filter(node="y")["n"].to_list() == [0]
    assert Rule("arithmetic", (0.0, 0.0), None).shares == (0.0, 0.0)


def test_another_mean_keeps_what_means_share_and_another_scale_drops_what_is_its_own():
    steps = [
        {"normalise": {"method": "goalposts", "range": [1, 5], "clip": False, "only": ["index"]}},
        {"aggregate": {"method": "geometric", "levels": {"index": "harmonic"}, "min_coverage": 0.5}},
    ]
    method = method_from_mapping({"name": "m", "steps": steps})
    mean = changed_step(method, 2, method="minimum").steps[1]
    assert (mean.method, mean.levels, mean.min_coverage) == ("minimum", {"index": "harmonic"}, 0.5)
    scale = changed_step(method, 1, method="rank").steps[0]
    assert (scale.only, scale.ties) == (("index",), "min")
    assert changed_step(method, 1, clip=True).steps[0].range == (1, 5)


def test_a_change_that_a_step_does_not_know_is_refused():
    method = _index(_draws(4)).method
    with pytest.raises(MethodError, match="unknown key"):
        changed_step(method, 2, meethod="geometric")
    with pytest.raises(ValuesError, match="no step 3"):
        changed_step(method, 3, method="geometric")
    with pytest.raises(ValuesError, match="is no level below the root"):
        leave_one_out(_index(_draws(4)), "index")


def test_covariances_of_unlike_rows_that_contradict_each_other_are_told_as_that():
    # Each pair shares two or three rows, in which one rises where the other falls; variances are over four or five.
    # Variances sum to 10 + 15.7 + 50/3, covariances to twice -8 - 24.5 - 24.5: together below 0, as no variance is.
    table = np.array(
        [[1, 9, NAN], [2, NAN, 8], [NAN, 2, 9], [3, 8, NAN], [9, NAN, 1], [NAN, 9, 2], [5, 1, NAN]], dtype=float
    )
    found = cronbach_alpha(table)
    assert np.isnan(found.alpha)
    assert found.reason == "pairs of columns rest on so unlike rows that their covariances sum to less than 0"


# sizes


def test_an_indicator_that_goes_with_the_size_of_its_unit_is_flagged_until_it_is_divided():
    # 2 · people + (1, -1, -1, 1) goes with people, 2 + (1, -1, -1, 1) / people does not, nor does calm: the products
    # of the distances from the means, (-1, 1, 1, -1) and (-15, -5, 5, 15), sum to 15 - 5 + 5 - 15 = 0.
    people = np.array([10.0, 20.0, 30.0, 40.0])
    total, calm = 2 * people + [1, -1, -1, 1], np.array([5.0, 7.0, 7.0, 5.0])
    tree = framework_from_nodes(
        [_node("index"), _node("total", "index", direction="higher"), _node("calm", "index", direction="higher")]
    )
    values = values_from_columns(
        ["p", "q", "r", "s"], None, tree.codes, np.column_stack([total, calm]), denominators={"people": people}
    )
    steps = [{"denominate": {"by": "people", "only": ["total"]}}, {"normalise": {"method": "none"}}, {"aggregate": {}}]
    result = compute_index(values, tree, method_from_mapping({"name": "test", "steps": steps}))
    frame = audit_frames(result, variants=False)["sizes"]
    rows = {(row["form"], row["code"]): row for row in frame.iter_rows(named=True)}
    assert list(rows) == [("reported", "total"), ("reported", "calm"), ("denominated", "total")]
    for row, column in zip(rows.values(), (total, calm, total / people), strict=True):
        expected = scipy.stats.pearsonr(column, people)
        assert (row["size"], row["n"]) == ("people", 4)
        assert row["coefficient"] == pytest.approx(expected.statistic, abs=1e-12)
        assert row["p_value"] == pytest.approx(expected.pvalue)
    assert [row["flag"] for row in rows.values()] == ["size", None, None]
    assert "sizes" not in audit_frames(_index(_draws(8)), variants=False)


# the whole


def test_the_audit_of_a_panel_has_every_table_by_year():
    generator = np.random.default_rng(5)
    table = 50 + 10 * generator.normal(size=(30, 4))
    frames = audit_frames(_index(table, years=[2024] * 15 + [2025] * 15))
    assert set(frames) == {
        "statistics",
        "availability",
        "outliers",
        "correlations",
        "reliability",
        "reliability_items",
        "components",
        "loadings",
        "importance",
        "redundancy",
        "discrimination",
        "without_node",
        "without_node_units",
        "growth",
        "dispersion",
        "changes",
        "chained",
        "notes",
    }
    for name in ("statistics", "correlations", "importance", "without_node", "reliability"):
        assert frames[name]["year"].unique().sort().to_list() == [2024, 2025], name
    assert frames["without_node"].filter(year=2025)["variant"].to_list() == ["x", "y", "a", "b", "c", "d"]
    assert frames["correlations"]["measure"].unique().sort().to_list() == ["kendall", "pearson", "spearman"]
    single = audit_frames(_index(table), variants=False)
    assert not {"growth", "without_node"} & set(single)
    for name, frame in frames.items():
        assert not any(frame[column].is_nan().any() for column in frame.columns if frame[column].dtype == pl.Float64), (
            name
        )


def test_rows_that_are_screened_out_enter_no_analysis():
    table = _draws(20)
    table[4] = [NAN, NAN, NAN, 1e9]
    steps = [{"screen": {"min_coverage": 0.5}}, {"normalise": {"method": "none"}}, {"aggregate": {}}]
    frames = audit_frames(_index(table, steps), variants=False)
    assert frames["statistics"]["maximum"].max() < 1e3
    assert frames["correlations"]["n"].unique().to_list() == [19]
    assert frames["availability"].filter(node="index")["n_missing"].max() == 3  # told all the same


def test_several_years_are_never_mixed_in_silence():
    result = _index(_draws(20), years=[2024] * 10 + [2025] * 10)
    with pytest.raises(ValuesError, match="several years; name one of 2024, 2025"):
        correlation_frame(result)
    with pytest.raises(ValuesError, match="no year 2023"):
        importance_frame(result, 2023)


def test_pairs_of_a_family_are_those_of_the_whole_table():
    result = _index(_draws(30))
    whole = correlation_frame(result, measures=["spearman"])
    family = family_correlations(scores_in(result), measures=["spearman"])
    expected = {
        frozenset((row["code_a"], row["code_b"])): row["coefficient"]
        for row in whole.iter_rows(named=True)
        if row["relation"] in ("siblings", "parent")
    }
    found = {frozenset(row[:2]): row[2] for row in family.select("code_a", "code_b", "coefficient").rows()}
    assert found.keys() == expected.keys()
    assert len(found) == 9  # three nodes of two children: a pair of siblings and two with their parent
    for pair, value in found.items():
        assert value == pytest.approx(expected[pair], rel=1e-12)
    assert family.filter(relation="parent")["code_b"].unique().sort().to_list() == ["index", "x", "y"]
    upper = family_correlations(scores_in(result), measures=["pearson"], levels=["level_1"])
    assert upper["common"].unique().to_list() == ["index"]


def test_levels_limit_what_is_looked_at():
    scores = scores_in(_index(_draws(30)))
    assert importance(scores, ["level_1"])["code"].to_list() == ["x", "y"]
    assert reliability(scores, ["level_1"]).select("node", "of").rows() == [("index", "children")]


def test_a_part_that_is_the_whole_accounts_for_all_of_it_and_no_more() -> None:
    # Without the limit rounding carries some of these past 1, and the audit's table refuses the row.
    draws = np.random.default_rng(1).normal(size=(200, 41))
    found = [abs(main_effect(draw, 3.0 * draw + 1.0).correlation) for draw in draws]
    assert max(found) <= 1.0
    assert min(found) == pytest.approx(1.0)
