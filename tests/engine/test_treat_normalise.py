"""Treatments and scales through method files: rules, overrides, what follows a change of unit, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ssc_index import normalise, treat
from ssc_index.errors import ComputationError, MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.steps import normalise as normalise_step
from ssc_index.transform import Transform, found_in
from ssc_index.values import values_from_columns

NAN = np.nan
EXAMPLES = settings(max_examples=40, deadline=None)
SAMPLE = np.sort(np.exp(np.random.Generator(np.random.Philox(key=5)).standard_normal(60)))


def _tree(**nodes):
    rows = [
        Node(code="index", parent=None, name="i", level="index"),
        Node(code="A", parent="index", name="A", level="d"),
    ]
    for code, said in nodes.items():
        rows.append(Node(**{"code": code, "parent": "A", "name": code, "level": "kpi", "direction": "higher"} | said))
    return framework_from_nodes(rows)


def _run(tree, table, steps, years=None, units=None):
    units = units or [f"u{row:03d}" for row in range(len(table))]
    values = values_from_columns(units, years, tree.codes, table)
    return compute_index(values, tree, method_from_mapping({"name": "m", "steps": steps}))


def _one(numbers, step, years=None, units=None, **node):
    """The column after steps on a single indicator."""
    steps = step if isinstance(step, list) else [step]
    return _run(_tree(a=node), [[number] for number in numbers], steps, years, units)


def _column(*args, **kwargs):
    return _one(*args, **kwargs).steps[-1].table[:, 0]


# treat


SHAPES = {
    "long tail": SAMPLE,
    "long tail of small values": np.sort(-SAMPLE),
    "ties": np.sort(np.random.Generator(np.random.Philox(key=8)).integers(0, 9, 200) * 1.0) ** 6,
    "far outliers": np.sort(SAMPLE**6),
    "both tails": np.sort(np.concatenate([-(SAMPLE**3), SAMPLE**3])),
    "an outlier, and lesser ones on the other side": np.sort(np.append(np.log(SAMPLE), [9.0, -6.0, -5.0])),
    "tiny": np.sort(SAMPLE**3) * 1e-320,
    "great": np.sort(SAMPLE**3) * 1e300,
    "three values": np.array([0.0] * 40 + [1.0] * 3 + [900.0] * 2),
    "two values": np.array([0.0] * 40 + [1.0]),
    "one far cell of five": np.array([1.0, 1.0, 1.0, 1.0, 9.0]),
}


def plainly_winsorised(values, max_points, skew, kurtosis):
    """The rule word for word: move the extreme to the next value, ask again."""
    values, points = values.copy(), 0
    before = values.copy()
    found = treat.skewness_and_kurtosis(values)
    while abs(found[0]) >= skew and found[1] >= kurtosis and points < max_points:
        distinct = np.unique(values)
        if found[0] >= 0:
            values[values == distinct[-1]] = distinct[-2]
        else:
            values[values == distinct[0]] = distinct[1]
        points, found = int((values != before).sum()), treat.skewness_and_kurtosis(values)
    return values[0], values[-1], points, found


@pytest.mark.parametrize("max_points", [1, 5, 1000])
@pytest.mark.parametrize("skew", [0.05, 2.0])
@pytest.mark.parametrize("values", SHAPES.values(), ids=SHAPES)
def test_caps_are_those_of_the_rule_word_for_word(values, skew, max_points):
    found = treat.winsorise(values, max_points, skew, skew - 1.0)
    expected = plainly_winsorised(values, max_points, skew, skew - 1.0)
    assert found[:3] == expected[:3]
    np.testing.assert_allclose(found[3], expected[3], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("values", SHAPES.values(), ids=SHAPES)
def test_the_compiled_search_is_the_plain_one_to_the_last_bit(values):
    for max_points in (0, 1, 5, 1000):
        found = [treat.treat_column(values, max_points, 0.5, 0.5, compiled=compiled) for compiled in (False, True)]
        assert repr(found[0]) == repr(found[1])


def test_interquartile_fences_cap_values_and_list_them():
    # 1, 2, 3, 4, 100: quartiles 2 and 4, fences -1 and 7.
    done = _one([1, 2, 3, 4, 100], {"treat": {"method": "iqr"}})
    assert done.steps[0].table[:, 0].tolist() == [1, 2, 3, 4, 7]
    cells = done.cells_frame(done.steps[0])
    assert cells.select("unit", "before", "after", "change").rows() == [("u004", 100.0, 7.0, "treated")]
    assert done.steps[0].parameters["cap_high"][0, 0] == 7.0
    assert done.steps[0].parameters["n_points"][0, 0] == 1.0


def test_deviations_from_the_median_cap_values():
    # Median 3, absolute deviations 2 1 0 1 97, their median 1: caps 3 ± 2 · 1.4826.
    np.testing.assert_allclose(
        _column([1, 2, 3, 4, 100], {"treat": {"method": "mad", "factor": 2}})[-1], 3 + 2 * 1.4826
    )


def test_quantiles_cap_values():
    # 0 … 10: the quantiles of 0.05 and 0.9 are 0.5 and 9.
    done = _column(range(11), {"treat": {"method": "percentile", "low": 0.05, "high": 0.9}})
    assert done.tolist() == [0.5, *range(1, 10), 9]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
@EXAMPLES
def test_quantiles_are_those_of_numpy(numbers, share):
    values = np.sort(np.array(numbers))
    np.testing.assert_allclose(treat.quantiles(values, (share,))[0], np.quantile(values, share), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", ["boxcox", "yeojohnson"])
def test_the_power_and_the_transform_are_those_of_scipy(family):
    expected, power = getattr(stats, family)(SAMPLE)
    found = found_in(SAMPLE, family, shifted=False)
    assert found.power == pytest.approx(power, rel=1e-6)
    np.testing.assert_allclose(found.treated(SAMPLE), expected, rtol=1e-5)
    fixed = found_in(SAMPLE, family, power=0.3, shifted=False)
    np.testing.assert_allclose(fixed.treated(SAMPLE), getattr(stats, family)(SAMPLE, lmbda=0.3), rtol=1e-12)


@pytest.mark.parametrize("power", [0.0, 0.7, 2.0])
def test_yeo_johnson_of_negative_values_is_that_of_scipy(power):
    values = np.array([-5.0, -0.1, 0.0, 3.0])
    expected = stats.yeojohnson(values, lmbda=power)
    np.testing.assert_allclose(Transform("yeojohnson", power=power).treated(values), expected, rtol=1e-12)


def test_the_logarithm_of_the_gii_runs_from_0_to_the_log_of_the_maximum_and_is_mirrored():
    values = np.array([2.0, 5.0, 11.0])
    # (11 - 1) (5 - 2) / (11 - 2) + 1 = 13 / 3; mirrored (11 - 1) (11 - 5) / 9 + 1 = 23 / 3.
    np.testing.assert_allclose(found_in(values, "log_gii").treated(values), np.log([1, 13 / 3, 11]), atol=1e-15)
    mirrored = found_in(values, "log_gii", lower_is_better=True).treated(values)
    np.testing.assert_allclose(mirrored, -np.log([11, 23 / 3, 1]), atol=1e-15)
    with pytest.raises(ValueError, match=r"needs a maximum above 1, not 0\.5"):
        found_in(np.array([0.1, 0.5]), "log_gii")
    assert found_in(np.array([0.1, 0.5]), "log_gii", factor=10).factor == pytest.approx(10.0)  # (5 - 1) / 0.4


FAMILIES = ["log", "log_plus", "log_orig", "log_gii", "boxcox", "yeojohnson"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_goalposts_follow_every_change_of_unit(family, direction):
    # A unit that stands at a goalpost scores 0 or 100, whatever the unit became.
    low, high = (0.5, 20.0) if direction == "higher" else (20.0, 0.5)
    numbers = [0.5, 1, 2, 3, 20, 7, 8, 2]
    steps = [{"treat": {"method": family}}, {"normalise": {"method": "goalposts", "clip": False}}]
    scores = _column(numbers, steps, direction=direction, low=low, high=high)
    ends = [scores[0], scores[4]] if direction == "higher" else [scores[4], scores[0]]
    np.testing.assert_allclose(ends, [0, 100], atol=1e-9)
    sign = 1 if direction == "higher" else -1
    expected = np.argsort(np.array(numbers) * sign, kind="stable")
    np.testing.assert_array_equal(np.argsort(scores, kind="stable"), expected)


def test_goalposts_beyond_the_values_have_a_place_whatever_steps_come_between():
    treat, scale = {"treat": {"method": "log"}}, {"normalise": {"method": "goalposts"}}
    numbers, posts = [0.5, 1, 2, 3, 20, 7, 8, 2], {"low": -3.0, "high": 20.0}
    direct = _column(numbers, [treat, scale], **posts)
    between = [{"impute": {"method": "mean"}}, {"normalise": {"method": "none", "only": "b"}}]
    tree = _tree(a=posts, b={})
    done = _run(tree, [[number, number] for number in numbers], [treat, *between, scale])
    np.testing.assert_array_equal(done.steps[-1].table[:, 0], direct)
    assert 0 < direct[0] < direct[4] == 100


@pytest.mark.parametrize("family", FAMILIES)
def test_targets_bounds_and_thresholds_follow_too(family):
    numbers, treatment = [1, 2, 4, 8, 30], {"treat": {"method": family}}
    at_target = _column(numbers, [treatment, {"normalise": {"method": "distance_to_target"}}], target=8.0)
    assert at_target[3] == pytest.approx(1.0)
    assert at_target[2] < 1
    bound = _column(numbers, [treatment, {"normalise": {"method": "scaled", "bounds": [2, 8]}}])
    np.testing.assert_allclose(bound[[1, 3]], [0, 100], atol=1e-9)
    classes = {"method": "categorical", "thresholds": [3, 8.0001], "scores": [0, 1, 2]}
    assert _column(numbers, [treatment, {"normalise": classes}]).tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("numbers", "treatment", "normalisation", "said"),
    [
        (
            [1, 2, 3],
            {"method": "boxcox"},
            {"method": "scaled", "bounds": [-1, 5]},
            "boxcox needs values above 0, not -1",
        ),
        ([0, 2, 3], {"method": "boxcox"}, {"method": "minmax"}, "boxcox needs values above 0, not 0"),
        ([1, 2, 3], {"method": "log"}, {"method": "zscore", "centre": 2, "spread": 1}, "centre and spread say nothing"),
        ([4, 4, 4], {"method": "log"}, {"method": "minmax"}, "a: has no spread: all its values are 4"),
        ([1, 4, 4, 4, 9], {"method": "iqr"}, {"method": "minmax"}, "its quartiles are both 4"),
        ([1, 4, 4, 4, 9], {"method": "mad"}, {"method": "minmax"}, "half of its values or more are 4"),
    ],
)
def test_what_has_no_value_is_refused(numbers, treatment, normalisation, said):
    with pytest.raises(ComputationError, match=said):
        _column(numbers, [{"treat": treatment}, {"normalise": normalisation}])


@pytest.mark.parametrize("method", ["iqr", "mad", "log", "boxcox", "yeojohnson"])
def test_an_indicator_without_spread_may_be_kept(method):
    done = _one([4, 4, 4, NAN], {"treat": {"method": method, "no_spread": "keep"}})
    np.testing.assert_array_equal(done.steps[0].table[:, 0], [4, 4, 4, NAN])
    assert not done.steps[0].treated.any()


def test_a_treatment_over_the_panel_is_one_for_all_years():
    numbers, years, units = [1, 2, 3, 10, 20, 30], [1, 1, 1, 2, 2, 2], list("abcabc")
    by_year = _column(numbers, {"treat": {"method": "log_orig"}}, years, units)
    np.testing.assert_allclose(by_year, np.log([1, 2, 3, 1, 11, 21]))
    pooled = _one(numbers, {"treat": {"method": "log_orig", "over": "panel"}}, years, units)
    np.testing.assert_allclose(pooled.steps[0].table[:, 0], np.log([1, 2, 3, 10, 20, 30]))
    assert pooled.steps[0].blocks == (None,)


def test_overrides_change_only_their_indicators_and_the_nearest_name_counts():
    tree = _tree(a={}, b={}, c={})
    table = [[number] * 3 for number in (1, 2, 3, 4, 100)]
    overrides = {"A": {"factor": 3}, "b": {"method": "none"}, "c": {"method": "percentile", "low": 0, "high": 0.75}}
    done = _run(tree, table, [{"treat": {"method": "iqr", "overrides": overrides}}])
    assert done.steps[0].table[4].tolist() == [10, 100, 4]  # 4 + 3 · 2; untouched; the third quartile
    again = method_from_mapping(done.method.as_mapping())
    assert again.as_mapping() == done.method.as_mapping()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"treat": {"method": "iqr", "overrides": {"x": {}}}}, "overrides: 'x' is no level and no node"),
        ({"treat": {"method": "iqr", "only": "a", "overrides": {"b": {}}}}, "'b' concerns no indicator of this step"),
        ({"treat": {"method": "iqr", "overrides": {"a": {"factor": -1}}}}, "overrides.a.factor: -1"),
        ({"treat": {"method": "iqr", "overrides": {"a": {"only": "b"}}}}, "overrides.a.only: not within an override"),
        ({"treat": {"method": "iqr", "overrides": {"a": {"method": "nix"}}}}, "overrides.a.method: unknown 'nix'"),
        (
            {"treat": {"method": "iqr", "overrides": {"a": {"method": "mad", "k": 1}}}},
            "overrides.a.k: 1: Extra inputs are not permitted; known are only, overrides, method, factor",
        ),
        ({"treat": {"method": "iqr", "overrides": {"a": 5}}}, "overrides.a: parameters are a mapping"),
        ({"treat": {"method": "iqr", "overrides": {"a": {"nix": 5}}}}, "overrides.a.nix: 5: Extra inputs"),
        ({"treat": {"method": "percentile", "low": 0.5, "high": 0.5}}, "low must be below high"),
        ({"treat": {"method": "log", "only": "c"}}, "c have a transform of their own; log would be a second one"),
        ({"normalise": {"method": "scaled", "bounds": [0, 9]}}, "bounds: for b they must fall, for less is better"),
        ({"normalise": {"method": "distance_to_target"}}, "a, b, c have no target"),
        ({"normalise": {"method": "minmax", "over": 2020}}, "over: 2020: the values have no years"),
        ({"normalise": {"method": "zscore", "centre": 1}}, "give both centre and spread"),
        ({"normalise": {"method": "categorical", "scores": [0, 1]}}, "either thresholds or percentiles"),
        ({"normalise": {"method": "categorical", "thresholds": [1], "scores": [0, 1, 2]}}, "2 classes, not 3 scores"),
        ({"normalise": {"method": "categorical", "thresholds": [1], "scores": [1, 0]}}, "scores must rise"),
        ({"normalise": {"method": "categorical", "percentiles": [0.5, 0.5], "scores": [0, 1, 2]}}, "percentiles must"),
        ({"normalise": {"method": "categorical", "thresholds": [-1], "scores": [0, 1], "only": "c"}}, "-1 has no ln"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused_with_its_place(step, said):
    tree = _tree(a={}, b={"direction": "lower"}, c={"transform": "ln"})
    with pytest.raises(MethodError) as caught:
        _run(tree, [[1.0, 2.0, 3.0]], [step])
    assert any(said in fault for fault in caught.value.faults), caught.value.faults


# normalise


@pytest.mark.parametrize(
    ("step", "numbers", "expected", "node"),
    [
        ({"method": "distance_to_reference", "unit": "u001"}, [2, 4, 8], [0, 1, 3], {}),
        ({"method": "distance_to_reference", "unit": "u001"}, [8, 4, 2], [0, 1, 1.5], {"direction": "lower"}),
        ({"method": "distance_to_target"}, [2, 4, 8], [0, 0.5, 1], {"target": 6.0}),
        ({"method": "distance_to_target", "clip": False}, [2, 4, 8], [0, 0.5, 1.5], {"target": 6.0}),
        ({"method": "distance_to_target"}, [8, 4, 1], [0, 2 / 3, 1], {"direction": "lower", "target": 2.0}),
        ({"method": "fraction_of_max"}, [0, 4, 8, NAN], [0, 0.5, 1, NAN], {}),
        ({"method": "fraction_of_max"}, [2, 4, 8], [1, 0.5, 0.25], {"direction": "lower"}),
        ({"method": "borda"}, [5, 5, 9], [0, 0, 2], {}),
        ({"method": "borda", "ties": "average"}, [5, 5, 9], [1.5, 1.5, 0], {"direction": "lower"}),
        ({"method": "zscore", "centre": 10, "spread": 4, "mean": 50, "sd": 10}, [12, 10], [55, 50], {}),
        ({"method": "logistic", "centre": 0, "spread": 2}, [0, 2 * np.log(3)], [50, 75], {}),  # 1 / (1 + 1/3)
        ({"method": "logistic", "centre": 0, "spread": 2}, [0, 2 * np.log(3)], [50, 25], {"direction": "lower"}),
        ({"method": "logistic", "centre": 0, "spread": 1, "steepness": 2}, [np.log(3)], [90], {}),  # 1 / (1 + 1/9)
        ({"method": "scaled", "bounds": [10, 0]}, [10, 4, -1], [0, 60, 110], {"direction": "lower"}),
        ({"method": "categorical", "thresholds": [2, 4], "scores": [0, 5, 9]}, [1, 2, 4, NAN], [0, 5, 9, NAN], {}),
        (
            {"method": "categorical", "thresholds": [4, 2], "scores": [0, 5, 9]},
            [5, 4, 3, 2],
            [0, 5, 5, 9],
            {"direction": "lower"},
        ),
        ({"method": "categorical", "percentiles": [0.5], "scores": [0, 1]}, [1, 2, 3], [0, 1, 1], {}),
        (
            {"method": "categorical", "percentiles": [0.75], "scores": [0, 1]},
            [1, 2, 3, 4, 5],
            [1, 1, 0, 0, 0],
            {"direction": "lower"},
        ),
    ],
    ids=str,
)
def test_scales_worked_out_by_hand(step, numbers, expected, node):
    np.testing.assert_allclose(_column(numbers, {"normalise": step}, **node), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("step", "numbers", "node", "said"),
    [
        ({"method": "distance_to_reference", "unit": "z"}, [1, 2], {}, "unit: 'z' is no unit"),
        ({"method": "distance_to_reference", "unit": "u000"}, [1, 2], {}, "no value or the worst one"),
        ({"method": "distance_to_target"}, [1, 2], {"target": 1.0}, "target is no better than the worst"),
        ({"method": "fraction_of_max"}, [-1, 2], {}, "u000, a: -1; fraction_of_max needs 0 or more"),
        ({"method": "fraction_of_max"}, [0, 2], {"direction": "lower"}, "u000, a: 0; fraction_of_max needs above 0"),
        ({"method": "fraction_of_max"}, [0, 0], {}, "the best value is 0"),
        ({"method": "logistic"}, [3, 3], {}, "all units have the same value"),
        ({"method": "percentile"}, [3], {}, "a single unit has a value"),
    ],
    ids=str,
)
def test_a_scale_without_length_is_an_error_unless_the_method_says_otherwise(step, numbers, node, said):
    with pytest.raises(ComputationError, match=said):
        _column(numbers, {"normalise": step}, **node)
    if "unit: 'z'" in said or "needs" in said:
        return
    missing = _column(numbers, {"normalise": step | {"constant": "missing"}}, **node)
    assert np.isnan(missing).all()
    middle = _column(numbers, {"normalise": step | {"constant": "middle"}}, **node)
    assert set(middle.tolist()) == {50.0 if step["method"] in ("logistic", "percentile") else 0.5}


def test_a_score_at_a_limit_is_not_set_to_it_and_a_fault_of_a_later_year_names_that_year():
    for limits, notes in (
        ([0, 100], ()),
        ([1, 100], ("a: scores set to a limit: 1",)),
        ([0, 99], ("a: scores set to a limit: 1",)),
    ):
        done = _one([1, 2, 3], {"normalise": {"method": "minmax", "limits": limits}})
        assert done.steps[0].notes == notes
    with pytest.raises(ComputationError, match="b 2021, a: -1; fraction_of_max needs 0 or more"):
        _column([1, 2, 3, -1], {"normalise": {"method": "fraction_of_max"}}, [2020, 2020, 2021, 2021], list("abab"))


def test_a_scale_may_rest_on_one_year_or_on_all():
    numbers, years, units = [0, 10, 5, 20], [2020, 2020, 2021, 2021], list("abab")
    by = {over: {"normalise": {"method": "minmax", "over": over}} for over in ("year", "panel", 2020, 2021, 1999)}
    assert _column(numbers, by["year"], years, units).tolist() == [0, 100, 0, 100]
    assert _column(numbers, by["panel"], years, units).tolist() == [0, 50, 25, 100]
    assert _column(numbers, by[2020], years, units).tolist() == [0, 100, 50, 200]
    np.testing.assert_allclose(_column(numbers, by[2021], years, units), [-100 / 3, 100 / 3, 0, 100])
    with pytest.raises(ComputationError, match="no unit has a value of 1999; years are 2020, 2021"):
        _column(numbers, by[1999], years, units)


@pytest.mark.parametrize(
    "step", [{"method": "minmax", "over": 2020}, {"method": "distance_to_target", "over": "panel"}]
)
def test_years_on_different_logarithms_share_no_fixed_point(step):
    numbers, years, units = [1, 9, 30, 5, 20, 80], [2020] * 3 + [2021] * 3, list("abcabc")
    steps = [{"treat": {"method": "log"}}, {"normalise": step}]
    with pytest.raises(ComputationError, match="a: treat changed its unit otherwise in each year"):
        _column(numbers, steps, years, units, target=50.0)
    steps[0] = {"treat": {"method": "log", "over": "panel"}}
    assert np.isfinite(_column(numbers, steps, years, units, target=50.0)).all()


@pytest.mark.parametrize("parallel_from", [0, 1000])
@pytest.mark.parametrize("way", [{"method": "rank"}, {"method": "zscore", "limits": [-1, None]}], ids=str)
def test_indicators_scored_piece_by_piece_are_those_scored_at_once(way, parallel_from, monkeypatch):
    tree = _tree(a={}, b={"direction": "lower"}, c={}, e={})
    table, years = np.random.default_rng(3).normal(size=(8, 4)), [1, 2] * 4
    steps = [{"normalise": way | {"overrides": {"b": {"method": "minmax"}}}}]  # columns that stand apart
    units = [f"u{number // 2}" for number in range(8)]
    whole = _run(tree, table, steps, years, units)
    monkeypatch.setattr(normalise_step, "PIECE", 1)
    monkeypatch.setattr(normalise_step, "PARALLEL_FROM", parallel_from)
    pieces = _run(tree, table, steps, years, units)
    np.testing.assert_array_equal(pieces.scores, whole.scores)
    one, other = whole.steps[0], pieces.steps[0]
    assert (one.notes, one.blocks, list(one.parameters)) == (other.notes, other.blocks, list(other.parameters))
    for name, numbers in one.parameters.items():
        np.testing.assert_array_equal(other.parameters[name], numbers)
    assert [(d.year, d.code) for d in other.distributions] == [(d.year, d.code) for d in one.distributions]
    table[1, 0], table[2, 2] = 1e308, 1e308
    for piece in (1, 100):
        monkeypatch.setattr(normalise_step, "PIECE", piece)
        with pytest.raises(ComputationError) as caught:
            _run(tree, table, [{"normalise": {"method": "zscore", "centre": 0, "spread": 1e-9}}], years, units)
        assert [fault[:7] for fault in caught.value.faults] == ["u1 1, c", "u0 2, a"]


NUMBERS = st.lists(st.integers(1, 400).map(lambda number: number / 4), min_size=3, max_size=12)
ALL = [
    {"method": "scaled", "bounds": [1, 100]},
    {"method": "distance_to_max", "constant": "middle"},
    {"method": "distance_to_reference", "unit": "u000", "constant": "missing"},
    {"method": "distance_to_target", "constant": "missing"},
    {"method": "fraction_of_max"},
    {"method": "logistic", "constant": "middle"},
    {"method": "borda"},
    {"method": "categorical", "percentiles": [0.3, 0.6], "scores": [0, 1, 2]},
]


@pytest.mark.parametrize("scale", ALL, ids=lambda scale: scale["method"])
@EXAMPLES
@given(NUMBERS)
def test_scales_are_monotone_and_know_no_order_of_units_and_no_unit_of_measurement(scale, numbers):
    step = {"normalise": scale}
    scores = _column(numbers, step, target=200.0)
    order = np.argsort(numbers, kind="stable")
    there = scores[order][~np.isnan(scores[order])]
    assert (np.diff(there) >= 0).all()
    units = [f"u{row:03d}" for row in range(len(numbers))]
    np.testing.assert_array_equal(_column(numbers[::-1], step, None, units[::-1], target=200.0), scores)
    if scale["method"] != "scaled":
        doubled = _column([2 * number for number in numbers], step, target=400.0)
        np.testing.assert_allclose(doubled, scores, rtol=1e-12)


@pytest.mark.parametrize("ties", ["min", "max", "average", "dense"])
@EXAMPLES
@given(NUMBERS)
def test_a_rank_among_others_is_the_rank_that_one_of_them_has(ties, numbers):
    values = np.array(numbers)
    np.testing.assert_array_equal(
        normalise.ranks_among(values, *normalise.distinct(values), ties), stats.rankdata(values, method=ties)
    )
