from __future__ import annotations

import pytest

from ssc_index.errors import MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.method import method_from_mapping
from ssc_index.plan import check_method
from ssc_index.steps.walk import listed, nodes_reached


def _leaf(code: str, parent: str, **more) -> Node:
    posts = {"low": 0.0, "high": 10.0, "direction": "higher"} | more
    return Node(code=code, parent=parent, name=code, level="kpi", **posts)


def _group(code: str, parent: str | None, level: str, **more) -> Node:
    return Node(code=code, parent=parent, name=code, level=level, **more)


TREE = framework_from_nodes(
    [
        _group("index", None, "index"),
        _group("A", "index", "dimension"),
        _group("B", "index", "dimension"),
        _leaf("a1", "A"),
        _leaf("a2", "A"),
        _leaf("b1", "B"),
    ]
)
GOALPOSTS = {"normalise": {"method": "goalposts"}}
AGGREGATE = {"aggregate": {}}


def _faults(steps, framework=TREE, groups=("region",), has_years=False) -> tuple[str, ...]:
    method = method_from_mapping({"name": "m", "steps": steps})
    try:
        check_method(method, framework, groups, has_years)
    except MethodError as error:
        return error.faults
    return ()


def test_a_list_of_codes_says_how_many_it_leaves_out_only_if_it_does():
    assert listed("abc") == "a, b, c"
    assert not listed([str(number) for number in range(20)]).endswith("more")
    assert listed([str(number) for number in range(22)]).endswith("19 and 2 more")


def test_a_method_that_fits_passes():
    steps = [
        {"screen": {"min_coverage_by_node": {"dimension": 0.5, "a1": 1.0}, "only_where": {"region": "n"}}},
        {"treat": {"only": ["A"]}},
        {"normalise": {"method": "minmax", "only": ["B", "a2"]}},
        GOALPOSTS,
        {"impute": {"method": "group_mean", "group": "region", "only": ["kpi"]}},
        {"aggregate": {"to": "dimension", "levels": {"A": "geometric"}, "floor": 1}},
        {"impute": {"method": "mean", "level": "dimension", "only": ["B"]}},
        {"aggregate": {"levels": {"index": "geometric"}, "min_coverage": {"index": 1.0}}},
    ]
    assert _faults(steps) == ()


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ({"screen": {"min_coverage_by_node": {"pillar": 0.5}}}, "screen.min_coverage_by_node: 'pillar'"),
        ({"treat": {"only": ["pillar"]}}, "treat.only: 'pillar'"),
        ({"normalise": {"method": "rank", "only": ["pillar"]}}, "normalise.only: 'pillar'"),
        ({"impute": {"method": "mean", "only": ["pillar"]}}, "impute.only: 'pillar'"),
        ({"impute": {"method": "mean", "level": "pillar"}}, "impute.level: 'pillar'"),
        ({"aggregate": {"levels": {"pillar": "geometric"}}}, "aggregate.levels: 'pillar'"),
        ({"aggregate": {"min_coverage": {"pillar": 0.5}}}, "aggregate.min_coverage: 'pillar'"),
        ({"aggregate": {"to": "pillar"}}, "aggregate.to: 'pillar'"),
    ],
)
def test_a_name_that_exists_nowhere_is_a_fault_that_lists_the_valid_ones(step, place):
    (fault,) = _faults([step])
    assert fault.startswith(f"steps[0].{place}")
    assert "dimension" in fault


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([{"screen": {}}], "screens nothing"),
        ([{"screen": {"only_where": {"income": "high"}}}], "'income' is no group column; group columns are region"),
        ([{"impute": {"method": "group_mean", "group": "income"}}], "'income' is no group column"),
        ([{"impute": {"method": "last_value"}}], "needs years"),
        ([GOALPOSTS, {"normalise": {"method": "minmax"}}], "every indicator is normalised already"),
        ([GOALPOSTS, {"normalise": {"method": "rank", "only": ["a1"]}}], "a1 are normalised already"),
        ([{"treat": {"only": "A"}}, {"treat": {}}], "a1, a2 are treated already"),
        ([GOALPOSTS, AGGREGATE, AGGREGATE], "steps[2].aggregate: everything up to there is aggregated"),
        ([GOALPOSTS, AGGREGATE, {"screen": {"min_coverage": 0.5}}], "comes after an aggregation"),
        ([GOALPOSTS, AGGREGATE, {"impute": {"method": "mean"}}], "comes after the aggregation of a1, a2, b1"),
        ([{"aggregate": {"to": "dimension"}}, GOALPOSTS], "comes after the aggregation"),
        ([GOALPOSTS, AGGREGATE, {"treat": {}}], "comes after the aggregation"),
        ([GOALPOSTS, {"impute": {"method": "mean", "level": "dimension"}}], "not aggregated yet"),
        (
            [GOALPOSTS, AGGREGATE, {"impute": {"method": "mean", "level": "dimension"}}],
            "aggregated already, so that it would change nothing",
        ),
        (
            [GOALPOSTS, {"aggregate": {"to": "dimension"}}, {"impute": {"method": "mean", "level": "index"}}],
            "index are not aggregated yet",
        ),
        (
            [
                GOALPOSTS,
                {"aggregate": {"to": "dimension"}},
                {"impute": {"method": "mean", "level": "dimension", "only": ["index"]}},
                AGGREGATE,
            ],
            "",
        ),
        ([GOALPOSTS, {"aggregate": {"floor": 1}}], "no node of this step has a geometric mean"),
        ([GOALPOSTS, {"aggregate": {"to": "kpi"}}], "'kpi' is no level above the indicators"),
        ([GOALPOSTS, {"aggregate": {"levels": {"kpi": "geometric"}}}], "'kpi' is not aggregated by this step"),
        (
            [GOALPOSTS, {"aggregate": {"to": "dimension", "min_coverage": {"index": 1}}}],
            "'index' is not aggregated by this step",
        ),
        ([{"normalise": {"method": "rank", "only": ["A"]}}, AGGREGATE], "b1 are not normalised, other indicators"),
    ],
)
def test_a_step_that_cannot_do_anything_where_it_stands_is_a_fault(steps, expected):
    faults = _faults(steps)
    if not expected:
        assert faults == ()
    else:
        assert len(faults) == 1
        assert expected in faults[0]


def test_values_are_not_carried_from_one_years_logarithm_to_another():
    carry = {"impute": {"method": "last_value"}}
    (fault,) = _faults([{"treat": {"only": "A"}}, carry], has_years=True)
    assert "a1, a2 may be on another logarithm in each year" in fault
    assert _faults([{"treat": {"fallback": "none"}}, carry], has_years=True) == ()
    assert _faults([{"treat": {}}, GOALPOSTS, carry], has_years=True) == ()
    assert _faults([carry, {"treat": {}}], has_years=True) == ()


def test_goalposts_that_are_not_there_are_named_together():
    tree = framework_from_nodes(
        [_group("index", None, "index"), *(_leaf(code, "index", low=None, high=None) for code in "xyz")]
    )
    (fault,) = _faults([GOALPOSTS], tree)
    assert "x, y, z have no goalposts" in fault
    assert _faults([{"normalise": {"method": "minmax"}}], tree) == ()


def test_values_may_be_aggregated_as_they_are_only_if_more_is_better_throughout():
    assert _faults([AGGREGATE]) == ()
    for odd in ({"direction": "lower", "low": 10.0, "high": 0.0}, {"transform": "sqrt"}):
        tree = framework_from_nodes([_group("index", None, "index"), _leaf("x", "index", **odd)])
        (fault,) = _faults([AGGREGATE], tree)
        assert "no step normalises x" in fault
        assert _faults([{"normalise": {"method": "none"}}, AGGREGATE], tree) == ()


def test_a_floor_serves_a_geometric_mean_that_the_framework_asks_for():
    tree = framework_from_nodes([_group("index", None, "index", aggregation="geometric"), _leaf("x", "index")])
    assert _faults([GOALPOSTS, {"aggregate": {"floor": 1}}], tree) == ()


def test_faults_of_all_steps_are_reported_at_once():
    steps = [{"screen": {}}, {"treat": {"only": ["nobody"]}}, {"aggregate": {"to": "nowhere"}}]
    faults = _faults(steps)
    assert [fault.split(":")[0] for fault in faults] == [
        "steps[0].screen",
        "steps[1].treat.only",
        "steps[2].aggregate.to",
    ]


def test_a_level_may_be_the_indicators_own():
    assert _faults([GOALPOSTS, {"impute": {"method": "mean", "level": "kpi"}}]) == ()


def test_nodes_are_reached_children_first():
    assert [node.code for node in nodes_reached(TREE, set(), None)] == ["B", "A", "index"]
    assert [node.code for node in nodes_reached(TREE, {"A"}, "dimension")] == ["B"]
