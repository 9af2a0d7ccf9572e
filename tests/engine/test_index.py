"""The index as a whole: what each step may see, and what the result tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssc_index.errors import ComputationError, MethodError, ValuesError
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping, read_method
from ssc_index.values import values_from_columns

NAN = np.nan
METHODS = Path(__file__).parents[2] / "methods"


def _leaf(code: str, parent: str = "index", **more) -> Node:
    posts = {"low": 0.0, "high": 10.0, "direction": "higher"} | more
    return Node(code=code, parent=parent, name=code, level="kpi", **posts)


def _group(code: str, parent: str | None = None, level: str = "index") -> Node:
    return Node(code=code, parent=parent, name=code, level=level)


FLAT = framework_from_nodes([_group("index"), _leaf("a"), _leaf("b")])
DEEP = framework_from_nodes(
    [
        _group("index"),
        _group("A", "index", "dimension"),
        _group("B", "index", "dimension"),
        _leaf("a1", "A"),
        _leaf("a2", "A"),
        _leaf("b1", "B"),
        _leaf("b2", "B"),
    ]
)
GOALPOSTS = {"normalise": {"method": "goalposts"}}


def _run(framework, table, steps, units=None, years=None, groups=None, **more):
    units = units or [f"u{number}" for number in range(len(table))]
    values = values_from_columns(units, years, framework.codes, table, groups)
    return compute_index(values, framework, method_from_mapping({"name": "m", "steps": steps, **more}))


def test_units_that_are_screened_out_enter_no_minimum_and_no_rank():
    table = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [99.0, NAN]]
    steps = [{"screen": {"min_coverage": 0.6}}, {"normalise": {"method": "minmax"}}, {"aggregate": {}}]
    done = _run(FLAT, table, steps)
    np.testing.assert_array_equal(done.scores[:, 0], [0, 50, 100, NAN])
    np.testing.assert_array_equal(done.ranks[:, 0], [3, 2, 1, NAN])
    assert done.included.tolist() == [True, True, True, False]
    assert done.excluded_because[3] == "coverage 0.5 of index is below 0.6 (1 of 2 indicators)"
    assert done.coverage[3].tolist() == [0.5, 1.0, 0.0]


def test_units_that_are_screened_out_enter_no_group_mean():
    table = [[1.0, 1.0], [3.0, NAN], [99.0, NAN]]
    groups = {"take": ["1", "1", "0"], "region": ["n", "n", "n"]}
    steps = [
        {"screen": {"only_where": {"take": 1}}},
        {"impute": {"method": "group_mean", "group": "region"}},
        {"aggregate": {}},
    ]
    done = _run(FLAT, table, steps, groups=groups)
    np.testing.assert_array_equal(done.scores, [[1, 1, 1], [2, 3, 1], [NAN, NAN, NAN]])
    assert done.excluded_because == (None, None, "take is '0', not '1'")


def test_labels_of_which_none_occurs_are_refused():
    steps = [{"screen": {"only_where": {"take": ["yes", "sure"]}}}]
    with pytest.raises(MethodError, match=r"none of 'yes', 'sure' occurs in column 'take'; its labels are '0', '1'"):
        _run(FLAT, [[1.0, 1.0], [2.0, 2.0]], steps, groups={"take": ["1", "0"]})


def test_rows_without_a_label_neither_give_nor_take_and_are_noted():
    steps = [{"impute": {"method": "group_mean", "group": "region"}}]
    table = [[1.0, 1.0], [9.0, 2.0], [NAN, 3.0], [NAN, NAN]]
    done = _run(FLAT, table, steps, groups={"region": ["n", None, "n", None]})
    np.testing.assert_array_equal(done.steps[0].table, [[1, 1], [9, 2], [1, 3], [NAN, NAN]])
    assert done.steps[0].notes == ("rows without a label take no part; cells that stay missing: 2",)


def test_screening_counts_filled_cells_unless_told_to_count_the_observed():
    table = [[1.0, 2.0], [3.0, NAN]]
    fill = {"impute": {"method": "mean"}}
    present = _run(FLAT, table, [fill, {"screen": {"min_coverage": 0.6}}])
    observed = _run(FLAT, table, [fill, {"screen": {"min_coverage": 0.6, "count": "observed"}}])
    assert present.included.tolist() == [True, True]
    assert observed.included.tolist() == [True, False]


def test_the_step_that_screened_a_row_out_is_kept_and_later_screens_add_nothing():
    steps = [{"screen": {"min_coverage": 0.4}}, {"screen": {"min_coverage": 0.6}}]
    done = _run(FLAT, [[1.0, 2.0], [3.0, NAN], [NAN, NAN]], steps)
    assert done.excluded_by.tolist() == [0, 2, 1]
    frames = done.step_frames()
    assert frames["1_screen"]["unit"].to_list() == ["u0", "u1"]
    assert frames["2_screen"]["unit"].to_list() == ["u0"]
    assert done.steps[0].notes == ("1 of 3 rows screened out",)


def test_a_node_named_by_its_code_has_its_own_threshold():
    table = [[1.0, NAN, NAN, 1.0]]
    lenient = {"dimension": 0.6, "A": 0.5, "B": 0.5}
    assert _run(DEEP, table, [{"screen": {"min_coverage_by_node": lenient}}]).included.tolist() == [True]
    done = _run(DEEP, table, [{"screen": {"min_coverage_by_node": {"dimension": 0.5, "B": 0.6}}}])
    assert done.excluded_because == ("coverage 0.5 of B is below 0.6 (1 of 2 indicators)",)
    both = {"screen": {"min_coverage": 0.4, "min_coverage_by_node": {"index": 0.6}}}
    assert _run(DEEP, table, [both]).included.tolist() == [False]


def test_years_are_normalised_and_ranked_apart_unless_the_panel_is_pooled():
    table, units, years = [[1.0, 1], [3, 3], [5, 5], [9, 9]], ["x", "y"] * 2, [2020, 2020, 2021, 2021]
    apart = _run(FLAT, table, [{"normalise": {"method": "minmax"}}, {"aggregate": {}}], units, years)
    np.testing.assert_array_equal(apart.scores[:, 0], [0, 100, 0, 100])
    np.testing.assert_array_equal(apart.ranks[:, 0], [2, 1, 2, 1])
    pooled = _run(FLAT, table, [{"normalise": {"method": "minmax", "over": "panel"}}, {"aggregate": {}}], units, years)
    np.testing.assert_array_equal(pooled.scores[:, 0], [0, 25, 50, 100])
    np.testing.assert_array_equal(pooled.ranks[:, 0], [2, 1, 2, 1])
    assert pooled.steps[0].blocks == (None,)
    assert apart.steps[0].blocks == (2020, 2021)
    np.testing.assert_array_equal(apart.steps[0].parameters["best"], [[3, 3], [9, 9]])


def test_last_value_carries_with_its_age_and_counts():
    table = [[4.0, 8.0], [NAN, 8.0], [NAN, NAN]]
    steps = [{"impute": {"method": "last_value", "max_years": 1}}, GOALPOSTS, {"aggregate": {}}]
    done = _run(FLAT, table, steps, ["x"] * 3, [2020, 2021, 2022])
    np.testing.assert_array_equal(done.steps[0].table, [[4, 8], [4, 8], [NAN, 8]])
    assert done.steps[0].carried.tolist() == [[0, 0], [1, 0], [0, 1]]
    assert done.n_carried[:, 0].tolist() == done.n_imputed[:, 0].tolist() == [0, 1, 1]
    assert done.n_present[:, 0].tolist() == [2, 2, 1]
    np.testing.assert_array_equal(done.coverage[:, 0], [1, 0.5, 0])
    cells = done.cells_frame(done.steps[0])
    assert cells.rows() == [
        ("x", 2021, "a", None, 4.0, "carried", "last_value", None, 1),
        ("x", 2022, "b", None, 8.0, "carried", "last_value", None, 1),
    ]


def test_a_value_that_was_filled_is_not_carried_on():
    table = [[NAN, 1.0], [6.0, 1.0], [NAN, 1.0]]
    steps = [{"impute": {"method": "mean"}}, {"impute": {"method": "last_value"}}]
    done = _run(FLAT, table, steps, ["x", "y", "x"], [2020, 2020, 2021])
    # 2020: x gets y's 6; in 2021 there is nobody, and x's 6 of 2020 was not its own.
    np.testing.assert_array_equal(done.steps[1].table[:, 0], [6, 6, NAN])
    assert done.steps[0].notes == ("a: all units in 2021 has no value; cells that stay missing: 1",)


def test_imputation_may_work_on_a_level_that_is_aggregated_already():
    table = [[2.0, 4.0, 6.0, 8.0], [4.0, 6.0, NAN, NAN], [6.0, 8.0, 1.0, 1.0]]
    steps = [
        GOALPOSTS,
        {"aggregate": {"to": "dimension"}},
        {"impute": {"method": "group_mean", "group": "region", "level": "dimension"}},
        {"aggregate": {}},
    ]
    done = _run(DEEP, table, steps, groups={"region": ["n", "n", "s"]})
    # u0: A 30, B 70; u1: A 50, B missing → 70, the mean of its region; index (50 + 70) / 2.
    scores = dict(zip(done.nodes, done.scores[1].tolist(), strict=True))
    assert (scores["A"], scores["B"], scores["index"]) == (50, 70, 60)
    assert np.isnan(scores["b1"])
    imputed = dict(zip(done.nodes, done.n_imputed[1].tolist(), strict=True))
    assert (imputed["A"], imputed["B"], imputed["index"]) == (0, 1, 1)


def test_imputation_of_a_level_may_be_limited_to_a_node():
    table = [[2.0, 4.0, 6.0, 8.0], [NAN, NAN, NAN, NAN]]
    fill = {"impute": {"method": "mean", "level": "dimension", "only": "B"}}
    done = _run(DEEP, table, [GOALPOSTS, {"aggregate": {"to": "dimension"}}, fill])
    np.testing.assert_array_equal(done.scores[1, :3], [NAN, NAN, 70])


def test_nodes_that_are_not_reached_have_no_score():
    done = _run(DEEP, [[1.0, 2, 3, 4]], [GOALPOSTS, {"aggregate": {"to": "dimension"}}])
    assert np.isnan(done.scores[0, 0])
    assert not np.isnan(done.scores[0, 1:]).any()


def test_different_indicators_may_have_different_scales():
    steps = [{"normalise": {"method": "minmax", "only": ["A", "b2"], "range": [0, 10]}}, GOALPOSTS, {"aggregate": {}}]
    done = _run(DEEP, [[2.0, 2, 2, 2], [4.0, 4, 4, 4]], steps)
    np.testing.assert_array_equal(done.steps[1].table, [[0, 0, 20, 0], [10, 10, 40, 10]])
    assert done.steps[0].table[:, 2].tolist() == [2, 4]


def test_the_framework_has_the_last_word_on_the_mean_at_a_node():
    tree = framework_from_nodes(
        [_group("index").model_copy(update={"aggregation": "geometric"}), _leaf("a"), _leaf("b")]
    )
    done = _run(tree, [[1.0, 4.0]], [GOALPOSTS, {"aggregate": {"levels": {"index": "arithmetic"}}}])
    assert done.scores[0, 0] == pytest.approx(20)  # sqrt(10 × 40), not 25


def test_weights_of_the_framework_may_be_ignored():
    tree = framework_from_nodes([_group("index"), _leaf("a", weight=3.0), _leaf("b")])
    assert _run(tree, [[1.0, 5.0]], [GOALPOSTS, {"aggregate": {}}]).scores[0, 0] == 20
    assert _run(tree, [[1.0, 5.0]], [GOALPOSTS, {"aggregate": {"weights": "equal"}}]).scores[0, 0] == 30


def test_coverage_thresholds_may_differ_by_level():
    table = [[1.0, NAN, 3.0, 4.0], [1.0, NAN, NAN, NAN], [NAN, NAN, NAN, NAN]]
    steps = [GOALPOSTS, {"aggregate": {"min_coverage": {"dimension": 0.5, "index": 1.0}}}]
    done = _run(DEEP, table, steps)
    np.testing.assert_array_equal(done.scores[:, :3], [[22.5, 10, 35], [NAN, 10, NAN], [NAN, NAN, NAN]])


def test_a_group_that_is_left_out_child_by_child_is_no_part_that_lacks():
    leaves = [_leaf("a", "g"), _leaf("b", "g"), _leaf("c", "h"), _leaf("d", "h")]
    tree = framework_from_nodes(
        [_group("index"), _group("g", "index", "group"), _group("h", "index", "group"), *leaves]
    )
    step = {"aggregate": {"leave_out": ["a", "b"], "min_coverage": {"index": 1.0}}}
    done = _run(tree, [[1.0, 2.0, 10.0, 30.0]], [{"normalise": {"method": "none"}}, step])
    assert done.scores[0, 0] == 20.0


def test_every_part_that_a_geometric_mean_refuses_is_named():
    steps = [GOALPOSTS, {"aggregate": {"method": "geometric"}}]
    table = [[0.0, 5.0, 1.0, 1.0], [5.0, -3.0, 0.0, 1.0]]
    with pytest.raises(ComputationError) as caught:
        _run(DEEP, table, steps)
    assert [fault.split(" is not")[0] for fault in caught.value.faults] == ["u1, b1: 0", "u0, a1: 0", "u1, a2: 0"]
    assert "so A has no geometric mean" in caught.value.faults[1]


def test_a_floor_raises_parts_for_the_geometric_mean_only():
    steps = [GOALPOSTS, {"aggregate": {"method": "geometric", "floor": 1.0}}]
    done = _run(FLAT, [[0.0, 1.0]], steps)
    assert done.scores[0, 0] == pytest.approx(10**0.5)  # sqrt(1 × 10)
    assert done.scores[0, 1] == 0  # the part itself stays


def test_every_value_outside_a_transforms_domain_is_named():
    tree = framework_from_nodes([_group("index"), _leaf("a", transform="ln", low=1.0), _leaf("b", transform="sqrt")])
    with pytest.raises(ComputationError) as caught:
        _run(tree, [[0.0, 4.0], [2.0, -1.0], [-3.0, NAN]], [GOALPOSTS])
    assert [fault.split(";")[0] for fault in caught.value.faults] == [
        "u0, a: 0 has no ln",
        "u2, a: -3 has no ln",
        "u1, b: -1 has no sqrt",
    ]


def test_a_transform_applies_to_goalposts_and_values_alike():
    tree = framework_from_nodes(
        [
            _group("index"),
            _leaf("a", transform="ln", low=100.0, high=10000.0),
            _leaf("b", transform="gap_to_target", low=0.0, high=1.0, target=1.0),
        ]
    )
    # ln: 1000 is halfway between 100 and 10 000. Gap: 1.5 is 0.5 from the target; 0 scores 0 and lies 1 away.
    np.testing.assert_allclose(_run(tree, [[1000.0, 1.5]], [GOALPOSTS]).scores[0, 1:], [50, 50])


def test_a_gap_to_target_is_less_is_better_for_every_other_scale():
    tree = framework_from_nodes([_group("index"), _leaf("a", transform="gap_to_target", target=10.0, low=0.0)])
    done = _run(tree, [[9.0], [14.0], [10.0]], [{"normalise": {"method": "minmax"}}])
    np.testing.assert_array_equal(done.scores[:, 1], [75, 0, 100])


@pytest.mark.parametrize(
    ("parameters", "middle"),
    [({"method": "minmax", "range": [0, 10]}, 5), ({"method": "zscore", "mean": 7, "sd": 2}, 7)],
)
def test_an_indicator_whose_units_are_equal_follows_the_rule(parameters, middle):
    table = [[5.0, 1.0], [5.0, 2.0], [NAN, 3.0]]
    with pytest.raises(ComputationError, match="a: all units have the same value"):
        _run(FLAT, table, [{"normalise": parameters}])
    missing = _run(FLAT, table, [{"normalise": {**parameters, "constant": "missing"}}])
    assert np.isnan(missing.scores[:, 1]).all()
    middling = _run(FLAT, table, [{"normalise": {**parameters, "constant": "middle"}}])
    np.testing.assert_array_equal(middling.scores[:, 1], [middle, middle, NAN])


def test_a_value_beyond_every_scale_is_an_error_and_not_an_infinity():
    tree = framework_from_nodes([_group("index"), _leaf("a", low=0.0, high=1e-10)])
    with pytest.raises(ComputationError, match=r"u0, a: 1e\+305 lies beyond every scale"):
        _run(tree, [[1e305]], [{"normalise": {"method": "goalposts", "clip": False}}])


def _heavy_tail() -> list[list[float]]:
    """An indicator that one pull of winsorisation cannot cure."""
    return [[float(np.exp(number))] for number in range(11)]


def test_goalposts_follow_an_indicator_whose_outliers_were_put_on_a_logarithm():
    tree = framework_from_nodes([_group("index"), _leaf("a", low=0.0, high=100.0)])
    treat = {"treat": {"max_points": 1, "skew": 0.5, "kurtosis": -2.0}}
    done = _run(tree, _heavy_tail(), [treat, GOALPOSTS, {"aggregate": {}}], list("abcdefghijk"))
    assert done.steps[0].notes == ("a: log",)
    # min and max over values and goalposts: 0 and e^10; shift = 0 - 0.01 e^10. A value v scores
    # 100 (ln(v + s) - ln s) / (ln(100 + s) - ln s) with s = 0.01 e^10, and 100 beyond the goalpost.
    s = 0.01 * np.exp(10.0)
    values = np.exp(np.arange(11.0))
    expected = 100 * (np.log(values + s) - np.log(s)) / (np.log(100 + s) - np.log(s))
    np.testing.assert_allclose(done.scores[:, 0], np.minimum(expected, 100), rtol=1e-9)


def test_goalposts_do_not_touch_the_logarithm_of_an_indicator_that_is_on_its_scale_already():
    tree = framework_from_nodes([_group("index"), _leaf("a", low=0.0, high=1e6), _leaf("b")])
    treat = {"treat": {"max_points": 1, "skew": 0.5, "kurtosis": -2.0, "only": ["a"]}}
    table = [[row[0], 5.0] for row in _heavy_tail()]
    steps = [{"normalise": {"method": "minmax", "only": ["a"]}}, treat, GOALPOSTS, {"aggregate": {}}]
    done = _run(tree, table, steps, list("abcdefghijk"))
    # Scores from 0 to 100: ln(0 - 0 + 0.01 × 100) = 0 at the lowest, whatever the goalposts of a.
    assert done.steps[1].notes == ("a: log",)
    assert done.steps[2].table[0, 0] == 0


def test_an_indicator_with_a_transform_of_its_own_gets_no_second_logarithm():
    tree = framework_from_nodes([_group("index"), _leaf("a", low=1.0, high=100.0, transform="ln")])
    treat = {"treat": {"max_points": 1, "skew": 0.5, "kurtosis": -2.0}}
    done = _run(tree, _heavy_tail(), [treat, GOALPOSTS])
    assert done.steps[0].notes == ("a: winsorised",)
    assert done.scores[0, 1] == 0


def test_treated_cells_are_listed_with_before_and_after():
    table = [[float(number)] for number in [*range(12), 500]]
    tree = framework_from_nodes([_group("index"), _leaf("a")])
    done = _run(tree, table, [{"treat": {}}])
    assert done.cells_frame(done.steps[0]).rows() == [("u12", None, "a", 500.0, 11.0, "treated", "winsorise", None, 0)]


def test_a_city_that_reports_too_little_is_not_ranked_by_the_method_of_2026():
    framework = load_catalogue().framework(2026)
    middle = [(node.low + node.high) / 2 for node in framework.indicators]
    table = np.array([middle] * 4)
    table[1, ::2] = NAN  # half of everything: under 65 %
    table[2, [code.startswith("EN") for code in framework.codes]] = NAN  # nothing of one dimension
    table[3] = NAN
    values = values_from_columns(["full", "half", "lopsided", "silent"], [2026] * 4, framework.codes, table)
    done = compute_index(values, framework, read_method(METHODS / "index-2026.yaml"))
    ranks = dict(zip(done.units, done.ranks[:, 0].tolist(), strict=True))
    assert ranks["full"] == 1
    assert all(np.isnan(ranks[name]) for name in ("half", "lopsided", "silent"))
    why = dict(zip(done.units, done.excluded_because, strict=True))
    assert why["full"] is None
    assert "of index is below 0.65" in str(why["half"])
    assert "coverage 0 of EN is below 0.5" in str(why["lopsided"])
    assert "coverage 0 of index is below 0.5" in str(why["silent"])


def test_the_method_of_2026_carries_a_value_for_two_years_and_not_for_three():
    framework = load_catalogue().framework(2026)
    middle = [(node.low + node.high) / 2 for node in framework.indicators]
    rows = np.array([middle, middle, middle, middle])
    rows[1:, 0] = NAN
    values = values_from_columns(["x"] * 4, [2023, 2024, 2025, 2026], framework.codes, rows)
    done = compute_index(values, framework, read_method(METHODS / "index-2026.yaml"))
    assert done.steps[0].carried[:, 0].tolist() == [0, 1, 2, 0]
    assert np.isnan(done.scores[3, done.nodes.index(framework.codes[0])])
    assert done.n_carried[:, 0].tolist() == [0, 1, 1, 0]


def test_values_of_another_framework_are_refused():
    values = values_from_columns(["x"], None, ("b", "a"), [[1.0, 2.0]])
    with pytest.raises(ValuesError, match="are not the indicators"):
        compute_index(values, FLAT, method_from_mapping({"name": "m", "steps": [GOALPOSTS]}))


def test_a_method_that_does_not_fit_is_refused_before_anything_is_computed():
    with pytest.raises(MethodError, match="'pillar' is no level and no node"):
        _run(FLAT, [[1.0, 2.0]], [{"treat": {"only": ["pillar"]}}])


def test_no_rows_give_no_scores():
    table = np.empty((0, 2))
    for years in (None, []):
        steps = [
            {"screen": {"min_coverage": 0.5}},
            {"treat": {}},
            {"impute": {"method": "mean"}},
            {"normalise": {"method": "minmax"}},
            {"aggregate": {"levels": {"index": "geometric"}}},
        ]
        done = _run(FLAT, table, steps, years=years)
        assert done.scores.shape == (0, 3)
        assert done.scores_frame().height == 0
        assert all(frame.height == 0 for frame in done.step_frames().values())


def test_the_arrays_of_a_result_cannot_be_changed():
    done = _run(FLAT, [[1.0, 2.0], [2.0, 3.0]], [GOALPOSTS, {"aggregate": {}}])
    for array in (done.scores, done.ranks, done.values.values, done.steps[0].table, done.steps[1].before):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1.0


def test_ranks_may_rest_on_rounded_scores_and_share_means():
    table = [[1.00001, 1.0], [1.0, 1.0], [2.0, 2.0]]
    done = _run(FLAT, table, [GOALPOSTS, {"aggregate": {}}], rank={"round": 2, "ties": "average"})
    assert done.ranks[:, 0].tolist() == [2.5, 2.5, 1]
    assert done.scores_frame()["rank"].to_list()[:3] == [2.5, 2.5, 1]
    exact = _run(FLAT, table, [GOALPOSTS, {"aggregate": {}}])
    assert exact.ranks[:, 0].tolist() == [2, 3, 1]
    assert exact.scores_frame()["rank"].dtype.is_integer()


def test_frames_tell_years_nodes_and_units_in_order():
    table, units, years = [[1.0, 2], [3, 4], [5, 6]], ["y", "x", "x"], [2020, 2021, 2020]
    frame = _run(FLAT, table, [GOALPOSTS, {"aggregate": {}}], units, years).scores_frame()
    keys = frame.select("year", "node", "unit").rows()
    assert keys[:4] == [(2020, "index", "x"), (2020, "index", "y"), (2020, "a", "x"), (2020, "a", "y")]
    assert keys[-1] == (2021, "b", "x")
    assert frame.filter((frame["unit"] == "x") & (frame["year"] == 2021))["score"].to_list() == [35, 30, 40]
