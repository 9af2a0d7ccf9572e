"""Why a score changed: parts worked out by hand, checked against every order one by one, and summing to the whole."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_index.alone import steps_among_others
from ssc_index.changes import FACTORS, NO_ORDER, NOT_APART, ONLY_SCORES, Changes, Edition, changes
from ssc_index.counterfactuals import Pair
from ssc_index.errors import FaultsError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework, Node
from ssc_index.index import compute_index, compute_scores
from ssc_index.method import Method, method_from_mapping
from ssc_index.orders import order_parts
from ssc_index.values import values_from_columns

NAN = float("nan")
Cell = float | tuple[int, float] | None  # a value of the edition's year, of an earlier one (age, value), or none
Rows = Mapping[str, Sequence[Cell]]

GOALPOSTS = {"normalise": {"method": "goalposts"}}
CARRY = {"impute": {"method": "last_value", "max_years": 2}}
MINMAX = {"normalise": {"method": "minmax", "constant": "middle"}}


def tree(codes: str = "ab", high: float = 100.0, weights: Sequence[float] = (), **node: Any) -> Framework:
    """An index over some indicators from 0 to 100."""
    root = Node(code="index", parent=None, name="index", level="index")
    weights = weights or [1.0] * len(codes)
    leaves = [
        Node(code=code, parent="index", name=code, level="kpi", direction="higher", low=0.0, high=high, weight=weight)
        for code, weight in zip(codes, weights, strict=True)
    ]
    return framework_from_nodes([root, *leaves])


def method(*steps: Mapping[str, Any], **more: Any) -> Method:
    return method_from_mapping({"name": "test", "steps": [*steps], **more})


PLAIN = method(CARRY, GOALPOSTS, {"aggregate": {"method": "arithmetic"}})
AMONG = method(CARRY, MINMAX, {"aggregate": {"method": "arithmetic"}})


def edition(
    rows: Rows,
    year: int = 2025,
    framework: Framework | None = None,
    by: Method = PLAIN,
    codes: str = "ab",
    depth: int = 3,
    groups: Mapping[str, str] | None = None,
) -> Edition:
    """An edition of some cities."""
    table = np.full((depth, len(rows), len(codes)), np.nan)
    for row, cells in enumerate(rows.values()):
        for column, cell in enumerate(cells):
            if cell is not None:
                age, value = cell if isinstance(cell, tuple) else (0, cell)
                table[age, row, column] = value
    years = [year - age for age in range(depth) for _ in rows]
    labels = {"group": [groups[city] for _ in range(depth) for city in rows]} if groups else {}
    values = values_from_columns([*rows] * depth, years, tuple(codes), table.reshape(-1, len(codes)), labels)
    return Edition(values, framework or tree(codes), by, year)


def parts(found: Changes, city: str, what: str) -> dict[str, float]:
    """The parts of a city that are not 0."""
    (row,) = found.parts.filter(unit=city).to_dicts()
    return {name: row[f"{what}_{name}"] for name in FACTORS if row[f"{what}_{name}"] != 0}


def row_of(found: Changes, city: str) -> dict[str, Any]:
    (row,) = found.parts.filter(unit=city).to_dicts()
    return row


BEFORE: Rows = {"A": (40.0, 60.0), "B": (80.0, None), "C": (30.0, 30.0)}
AFTER: Rows = {"A": (50.0, 60.0), "B": (80.0, 40.0), "C": ((1, 30.0), 90.0)}


def test_three_cities_by_hand() -> None:
    # Scores: A 50 → 55, B 80 → 60, C 30 → 60; ranks: A 2 → 3, B 1 → 1, C 3 → 1.
    found = changes(edition(BEFORE, 2024), edition(AFTER))
    assert parts(found, "A", "score") == {"revised": 5.0}
    assert parts(found, "B", "score") == {"reported": -20.0}
    assert parts(found, "C", "score") == {"revised": 30.0}
    # A: 55 among the old 80 and 30 is second still, 50 among the new 60 and 60 is third: it fell by the others.
    assert parts(found, "A", "rank") == {"others": -1.0}
    assert parts(found, "B", "rank") == {}
    # C: alone it passes A (60 among 80 and 50 is second), then the others fall below; if they fall first it gains
    # nothing (30 among 60 and 55 is third) and then both places: (1 + 2) / 2 and (1 + 0) / 2.
    assert parts(found, "C", "rank") == {"revised": 1.5, "others": 0.5}
    assert row_of(found, "C")["rank_change"] == 2.0


def test_who_enters_and_leaves_is_told_apart_from_others_data() -> None:
    found = changes(edition({**BEFORE, "E": (10.0, 10.0)}, 2024), edition({**AFTER, "D": (58.0, 58.0)}))
    # A: 2 → 4. Behind the new B and C (60, 60) one place, behind the new D one: in whatever order.
    assert parts(found, "A", "rank") == {"others": -1.0, "entry_exit": -1.0}
    assert parts(found, "A", "score") == {"revised": 5.0}
    told = {name: row_of(found, name) for name in "DE"}
    assert [told["D"]["state"], told["E"]["state"]] == ["entered", "left"]
    for row in told.values():
        assert all(row[f"{what}_{name}"] is None for what in ("score", "rank") for name in FACTORS)
        assert row["score_change"] is row["rank_change"] is None
    assert (told["D"]["score_before"], told["D"]["rank_before"], told["D"]["rank_after"]) == (None, None, 3.0)
    assert (told["E"]["score_before"], told["E"]["rank_before"], told["E"]["rank_after"]) == (10.0, 4.0, None)


def test_a_city_that_reports_too_little_in_one_edition_has_entered_by_then() -> None:
    by = method(CARRY, {"screen": {"min_coverage": 1.0}}, GOALPOSTS, {"aggregate": {"method": "arithmetic"}})
    before = {"A": (50.0, 50.0), "B": (90.0, None)}
    after = {"A": (50.0, 50.0), "B": (90.0, 90.0)}
    found = changes(edition(before, 2024, by=by), edition(after, by=by))
    assert row_of(found, "B")["state"] == "entered"
    assert parts(found, "A", "rank") == {"entry_exit": -1.0}


def test_scores_by_the_scale_of_others_are_divided_by_whole_cohorts() -> None:
    # Between the worst and the best: A 0 → 0, B 50 → 50, C 100 → 100, and yet B's own figure rose from 20 to 30.
    before, after = {"A": (10.0,), "B": (20.0,), "C": (30.0,)}, {"A": (10.0,), "B": (30.0,), "C": (50.0,)}
    found = changes(edition(before, 2024, by=AMONG, codes="a"), edition(after, by=AMONG, codes="a"))
    # B alone would have been the best (100); C's rise alone would have left it at 25. In one order +50 and −50, in
    # the other −25 and +25.
    assert parts(found, "B", "score") == {"revised": 37.5, "others": -37.5}
    # C was the best and still is; its own rise gives it nothing, and the rank of B is not touched.
    assert parts(found, "C", "score") == {}
    assert parts(found, "B", "rank") == {"revised": 0.5, "others": -0.5}


def test_a_value_carried_on_and_one_too_old_to_be_carried() -> None:
    before = {"A": (40.0, (1, 20.0)), "B": ((2, 10.0), 50.0)}
    after = {"A": (40.0, (2, 20.0)), "B": (None, 50.0)}
    found = changes(edition(before, 2024), edition(after))
    assert parts(found, "A", "score") == {}
    # B's first figure was carried for two years and cannot be longer: 30 → 50, by what is carried.
    assert parts(found, "B", "score") == {"carried": 20.0}
    cells = {(row["unit"], row["code"]): row for row in found.cells.to_dicts()}
    assert cells["A", "b"] == {
        "unit": "A",
        "code": "b",
        "value_before": 20.0,
        "age_before": 1,
        "origin_before": "carried",
        "value_after": 20.0,
        "age_after": 2,
        "origin_after": "carried",
        "kind": "carried",
    }
    assert (cells["B", "a"]["origin_after"], cells["B", "a"]["value_after"]) == ("missing", None)
    assert set(cells) == {("A", "b"), ("B", "a")}


def test_a_new_goalpost_is_the_frameworks_part_and_a_new_mean_the_methods() -> None:
    geometric = method(CARRY, GOALPOSTS, {"aggregate": {"method": "geometric", "floor": 1.0}})
    before = edition({"A": (40.0, 90.0)}, 2024, tree(high=100.0))
    after = edition({"A": (40.0, 90.0)}, 2025, tree(high=50.0), geometric)
    # (40 + 90) / 2 = 65; goalpost 50: (80 + 100) / 2 = 90; geometric: 60; both: √8000.
    both = math.sqrt(8000)
    found = parts(changes(before, after), "A", "score")
    assert found == {
        "framework": pytest.approx((25 + (both - 60)) / 2),
        "method": pytest.approx((-5 + (both - 90)) / 2),
    }


def test_a_target_is_the_frameworks_part_only_where_a_number_rests_on_it() -> None:
    def aimed(target: float) -> Framework:
        nodes = [n.model_copy(update={"target": target} if n.parent else {}) for n in tree().nodes]
        return framework_from_nodes(nodes)

    rows = {"A": (40.0, 60.0), "B": (0.0, 0.0)}
    plain = [edition(rows, year, aimed(target)) for year, target in ((2024, 80.0), (2025, 90.0))]
    assert parts(changes(*plain), "A", "score") == {}
    by = method({"normalise": {"method": "distance_to_target", "range": [0, 100]}}, {"aggregate": {}})
    asked = [edition(rows, year, aimed(target), by) for year, target in ((2024, 80.0), (2025, 100.0))]
    # (50 + 75) / 2 = 62.5 → (40 + 60) / 2
    assert parts(changes(*asked), "A", "score") == {"framework": -12.5}


def test_an_indicator_that_the_framework_gains_counts_as_the_frameworks_where_it_was_reported_before() -> None:
    before = edition({"A": (40.0, 60.0, 80.0)}, 2024, tree("ab"), codes="abc")
    after = edition({"A": (40.0, 60.0, 80.0)}, 2025, tree("abc"), codes="abc")
    found = changes(before, after)
    assert parts(found, "A", "score") == {"framework": 10.0}
    # Had it not been reported before, half of each: neither the report nor the indicator alone moves the score.
    before = edition({"A": (40.0, 60.0)}, 2024, tree("ab"))
    assert parts(changes(before, after), "A", "score") == {"reported": 5.0, "framework": 5.0}


def test_framework_and_method_that_only_fit_together_are_one_part() -> None:
    nodes = [Node(code="all", parent=None, name="all", level="all")]
    nodes += [Node(code=c, parent="all", name=c, level="kpi", direction="higher", low=0.0, high=100.0) for c in "ab"]
    old = edition({"A": (40.0, 90.0)}, 2024, framework_from_nodes(nodes), _at("all"))
    new = edition({"A": (40.0, 90.0)}, 2025, tree(), _at("index", mean="minimum"))
    found = changes(old, new)
    assert NOT_APART in found.notes
    assert len(found.notes) == 3
    assert any("'index'" in note and note.startswith("method alone") for note in found.notes)
    row = row_of(found, "A")
    assert (row["score_method"], row["score_framework"], row["score_change"]) == (-25.0, None, -25.0)


def _at(node: str, mean: str = "arithmetic") -> Method:
    return method(GOALPOSTS, {"aggregate": {"method": "median", "levels": {node: mean}}})


def test_orders_in_which_a_city_would_not_be_ranked_do_not_count() -> None:
    by = method(CARRY, {"screen": {"min_coverage": 1.0}}, GOALPOSTS, {"aggregate": {"method": "arithmetic"}})
    # The first figure is reported anew once its old one has run out: without the report it is missing.
    before, after = {"A": ((1, 40.0), 60.0)}, {"A": (50.0, (1, 70.0))}
    found = changes(edition(before, 2024, by=by), edition(after, by=by))
    assert parts(found, "A", "score") == {"reported": 5.0, "carried": 5.0}
    # One figure is reported in exchange for another: in any order the city would lack one on the way or have both.
    by = method(
        CARRY,
        {"screen": {"min_coverage": 0.5, "count": "observed"}},
        GOALPOSTS,
        {"aggregate": {"method": "arithmetic"}},
    )
    before, after = {"A": (40.0, (1, 60.0))}, {"A": ((1, 44.0), 80.0)}
    found = changes(edition(before, 2024, by=by), edition(after, by=by))
    # Only "reported first, then carried" keeps half of the figures reported all along.
    assert parts(found, "A", "score") == {"reported": 10.0, "carried": 2.0}


def test_no_order_at_all_is_said_and_no_number_invented() -> None:
    by_a = method({"screen": {"min_coverage_by_node": {"a": 1.0}}}, GOALPOSTS, {"aggregate": {}})
    by_b = method({"screen": {"min_coverage_by_node": {"b": 1.0}}}, GOALPOSTS, {"aggregate": {}})
    found = changes(edition({"A": (40.0, None)}, 2024, by=by_a), edition({"A": (None, 70.0)}, by=by_b))
    row = row_of(found, "A")
    # a → b reported, by another rule: with either alone the city is not ranked.
    assert (row["state"], row["score_change"], row["reason"]) == ("both", 30.0, NO_ORDER)
    assert all(row[f"{what}_{name}"] is None for what in ("score", "rank") for name in FACTORS)
    assert found.nodes.is_empty()


def test_a_figure_refused_on_the_way_costs_its_city_an_order_and_no_other_city_anything() -> None:
    strict = method(CARRY, GOALPOSTS, {"aggregate": {"method": "geometric"}})
    # Carried 0 would stand beside a new report: A has no geometric mean in the state that never was.
    before = {"A": (50.0, 50.0), "B": (50.0, 50.0)}
    after = {"A": (80.0, 80.0), "B": (60.0, 60.0)}
    plain = edition(before, 2024, by=strict), edition(after, by=strict)
    assert parts(changes(*plain), "B", "score") == {"revised": 10.0}
    low, high = (
        tree(high=100.0),
        framework_from_nodes(
            [
                Node(code="index", parent=None, name="index", level="index"),
                *(
                    Node(code=c, parent="index", name=c, level="kpi", direction="higher", low=55.0, high=155.0)
                    for c in "ab"
                ),
            ]
        ),
    )
    # With the new goalposts (55 scores 0) the old figures of both are refused: only data first, then framework.
    found = changes(edition(before, 2024, low, strict), edition(after, 2025, high, strict))
    assert parts(found, "A", "score") == {"revised": pytest.approx(30.0), "framework": pytest.approx(-55.0)}
    assert parts(found, "B", "score") == {"revised": pytest.approx(10.0), "framework": pytest.approx(-55.0)}


def test_contributions_of_indicators_sum_to_the_parts_of_the_own_data() -> None:
    found = changes(edition({"A": (40.0, 60.0)}, 2024), edition({"A": (50.0, (1, 20.0))}))
    leaves = found.nodes.filter(pl.col("level") == "kpi")
    assert leaves.select("node", "revised", "reported", "carried", "contribution").rows() == [
        ("a", 5.0, 0.0, 0.0, 5.0),
        ("b", 0.0, 0.0, -20.0, -20.0),
    ]
    assert found.nodes.filter(node="index")["contribution"].to_list() == [-15.0]


@pytest.mark.parametrize("ties", ["min", "max", "average", "dense"])
def test_ranks_with_ties_start_and_end_at_those_of_the_editions(ties: str) -> None:
    by = method(CARRY, GOALPOSTS, {"aggregate": {}}, rank={"ties": ties, "round": 0})
    before = {"A": (50.2, 50.0), "B": (50.0, 50.0), "C": (50.0, 49.9), "D": (10.0, 10.0)}
    after = {"A": (49.0, 49.2), "B": (50.0, 50.0), "C": (49.0, 49.0), "D": (50.0, 50.0)}
    found = changes(edition(before, 2024, by=by), edition(after, by=by))
    for city in before:
        row = row_of(found, city)
        assert sum(row[f"rank_{name}"] for name in FACTORS) == pytest.approx(row["rank_change"])
    # D rises from the last rank to the best: alone it ties with all three, who then fall below it.
    whole = {"min": 3.0, "max": 2.0, "average": 2.5, "dense": 1.0}[ties]
    assert row_of(found, "D")["rank_change"] == whole


def test_rivals_of_whom_only_the_scores_are_known_count_in_the_ranks() -> None:
    known = changes(edition(BEFORE, 2024), edition(AFTER)).parts.filter(unit="A")
    alone = [edition({"A": rows["A"]}, year) for rows, year in ((BEFORE, 2024), (AFTER, 2025))]
    rivals = {"B": (80.0, 60.0), "C": (30.0, 60.0)}
    assert changes(*alone, rivals).parts.equals(known)
    entered = changes(*alone, {**rivals, "D": (None, 58.0), "E": (10.0, None)})
    assert parts(entered, "A", "rank") == {"others": -1.0, "entry_exit": -1.0}
    other = changes(alone[0], edition({"A": AFTER["A"]}, 2025, tree(high=200.0)), rivals)
    assert ONLY_SCORES in other.notes
    assert row_of(other, "A")["rank_others"] is None
    assert row_of(other, "A")["score_framework"] is not None
    with pytest.raises(ValueError, match="2 normalise"):
        changes(*(edition({"A": (1.0, 1.0)}, year, by=AMONG) for year in (2024, 2025)), rivals)


@pytest.mark.parametrize("by", [PLAIN, AMONG])
def test_an_edition_without_cities_has_nothing_to_divide(by: Method) -> None:
    found = changes(edition({}, 2024, by=by), edition(AFTER, by=by))
    assert found.parts["state"].to_list() == ["entered"] * 3
    assert changes(edition({}, 2024, by=by), edition({}, by=by)).parts.is_empty()
    assert found.nodes.is_empty()


def test_a_method_that_names_a_year_is_another_in_another_year() -> None:
    forced = {"screen": {"min_coverage": 1.0, "force_in": [{"unit": "A", "reason": "late", "years": [2025]}]}}
    by = method(CARRY, forced, GOALPOSTS, {"aggregate": {}})
    rows = {"A": (50.0, None), "B": (70.0, 70.0)}
    with pytest.raises(FaultsError, match="no unit 'A' in 2025"):
        changes(edition(rows, 2024, by=by, depth=1), edition(rows, 2026, by=by, depth=1))
    found = changes(edition({"B": (70.0, 70.0)}, 2024), edition(rows, 2025, by=by))
    assert row_of(found, "A")["state"] == "entered"


def test_without_years_and_with_denominators_and_labels() -> None:
    steps = ({"denominate": {"by": "people", "only": ["a"]}}, {"screen": {"only_where": {"group": ["yes"]}}})
    by = method(*steps, GOALPOSTS, {"aggregate": {}})
    both = []
    for people, group in ((2.0, "yes"), (4.0, "yes")):
        table = np.array([[80.0, 60.0], [50.0, 50.0]])
        values = values_from_columns(
            ["A", "B"], None, ("a", "b"), table, {"group": [group, "yes"]}, denominators={"people": [people, 1.0]}
        )
        both.append(Edition(values, tree(), by))
    found = changes(*both)
    assert parts(found, "A", "score") == {"revised": -10.0}
    assert parts(found, "B", "score") == {}


# Every order one by one, with cohorts built another way: the definition, written out.


def naive(before: Edition, after: Edition, city: str, cells: tuple[Rows, Rows], follows: set[str]) -> dict[str, float]:
    sums = dict.fromkeys(FACTORS, 0.0)
    count = 0
    for order in itertools.permutations(FACTORS):
        scores = [_score(before, after, city, cells, follows, set(order[:n])) for n in range(len(order) + 1)]
        if not any(np.isnan(scores)):
            count += 1
            for name, gain in zip(order, np.diff(scores), strict=True):
                sums[name] += gain
    return {name: value / count for name, value in sums.items()} if count else {}


_known: dict[Any, float] = {}


def _score(
    before: Edition, after: Edition, city: str, cells: tuple[Rows, Rows], follows: set[str], on: set[str]
) -> float:
    key = (id(before), id(after), city, frozenset(on))
    if key in _known:
        return _known[key]
    rows: dict[str, list[Cell]] = {}
    for one in {*cells[0], *cells[1]}:
        if one in follows:
            source = cells["entry_exit" in on]
            if one in source:
                rows[one] = list(source[one])
        elif one != city:
            rows[one] = list(cells["others" in on][one])
        else:
            rows[one] = [
                new if _kind(old, new) in on else old for old, new in zip(cells[0][one], cells[1][one], strict=True)
            ]
    framework = (after if "framework" in on else before).framework
    by = (after if "method" in on else before).method
    done = edition(rows, 2025, framework, by)
    row = [place for place, unit in enumerate(done.values.units) if unit == city][-1]
    _known[key] = float(compute_scores(done.values, framework, by).table[row, 0])
    return _known[key]


def _kind(old: Cell, new: Cell) -> str:
    was, now = ("missing" if one is None else "carried" if isinstance(one, tuple) else "reported" for one in (old, new))
    if (was, now) == ("reported", "reported"):
        return "revised"
    return "reported" if now == "reported" or (was, now) == ("reported", "missing") else "carried"


FIGURE = st.integers(1, 99).map(float)
CELL = st.one_of(FIGURE, FIGURE, FIGURE, st.tuples(st.integers(1, 2), FIGURE), st.none())
ROW = st.tuples(CELL, CELL)
ROWS = st.fixed_dictionaries({"A": ROW, "B": ROW}, optional={"C": ROW, "D": ROW})
SCREENED = {"screen": {"min_coverage": 0.5, "count": "observed"}}
METHODS = [
    PLAIN,
    AMONG,
    method(CARRY, SCREENED, GOALPOSTS, {"aggregate": {"method": "geometric"}}),
    method(MINMAX, {"impute": {"method": "mean"}}, {"aggregate": {}}, rank={"ties": "dense"}),
    method(CARRY, {"treat": {"method": "iqr", "no_spread": "keep"}}, GOALPOSTS, {"aggregate": {}}),
    method(GOALPOSTS, {"aggregate": {"method": "copeland"}}),
]


@settings(max_examples=6, deadline=None)
@given(ROWS, ROWS, st.sampled_from([(0, 0), (1, 1), (0, 2), (1, 0)]), st.sampled_from([100.0, 120.0]))
def test_parts_are_the_mean_over_all_orders(rows: Rows, later: Rows, by: tuple[int, int], high: float) -> None:
    before, after = edition(rows, 2024, by=METHODS[by[0]]), edition(later, 2025, tree(high=high), METHODS[by[1]])
    found = changes(before, after).parts
    ranked = [set(found.filter(pl.col(f"rank_{when}").is_not_null())["unit"]) for when in ("before", "after")]
    follows = (ranked[0] ^ ranked[1]) | (rows.keys() ^ later.keys())
    _known.clear()
    for row in found.filter(state="both").head(1).to_dicts():
        expected = naive(before, after, row["unit"], (rows, later), follows)
        told = {name: row[f"score_{name}"] for name in FACTORS if row[f"score_{name}"] is not None}
        assert told == pytest.approx(expected, abs=1e-9), row["unit"]


@pytest.mark.parametrize("by", range(len(METHODS)))
@settings(max_examples=6, deadline=None)
@given(rows=ROWS, later=ROWS, other=st.integers(0, len(METHODS) - 1), high=st.sampled_from([100.0, 100.0, 120.0]))
def test_parts_sum_to_the_change_of_score_and_rank(by: int, rows: Rows, later: Rows, other: int, high: float) -> None:
    after_method = METHODS[by] if other % 2 else METHODS[other]
    before, after = edition(rows, 2024, by=METHODS[by]), edition(later, 2025, tree(high=high), after_method)
    found = changes(before, after)
    for row in found.parts.to_dicts():
        for what in ("score", "rank"):
            told = [row[f"{what}_{name}"] for name in FACTORS]
            if row["state"] != "both" or row["reason"]:
                assert told == [None] * len(FACTORS)
            else:
                assert math.fsum(told) == pytest.approx(row[f"{what}_change"], abs=1e-9)
    own = {row["unit"]: row for row in found.parts.filter(pl.col("reason").is_null()).to_dicts()}
    for row in found.nodes.filter(level="index").to_dicts():
        for kind in FACTORS[:3]:
            assert row[kind] == pytest.approx(own[row["unit"]][f"score_{kind}"], abs=1e-9)


@pytest.mark.parametrize("by", [method_ for method_ in METHODS if not steps_among_others(tree(), method_)])
@settings(max_examples=15, deadline=None)
@given(rows=ROWS)
def test_a_method_that_looks_at_nobody_scores_a_city_alone_as_among_others(by: Method, rows: Rows) -> None:
    whole = edition(rows, by=by)
    among = compute_scores(whole.values, whole.framework, by).table[-len(rows) :]
    for place, city in enumerate(sorted(rows)):
        one = edition({city: rows[city]}, by=by)
        np.testing.assert_array_equal(compute_scores(one.values, one.framework, by).table[-1], among[place])


def test_steps_that_look_at_others_are_named() -> None:
    assert steps_among_others(tree(), PLAIN) == ()
    assert steps_among_others(tree(), AMONG) == ("2 normalise",)
    assert steps_among_others(tree(), METHODS[4]) == ("2 treat",)
    assert steps_among_others(tree(), METHODS[5]) == ("2 aggregate",)
    blend = {"aggregate": {"blend": {"group": "region", "share": 0.5, "at": ["index"]}}}
    assert steps_among_others(tree(), method(GOALPOSTS, blend)) == ("2 aggregate",)
    classes = {"method": "categorical", "scores": [0, 50, 100]}
    assert steps_among_others(tree(), method({"normalise": {**classes, "thresholds": [1, 2]}}, {"aggregate": {}})) == ()
    assert steps_among_others(tree(), method({"normalise": {**classes, "percentiles": [0.3, 0.6]}}, {"aggregate": {}}))
    own = {"normalise": {"method": "goalposts", "overrides": {"a": {"method": "minmax"}}}}
    assert steps_among_others(tree(), method(own, {"aggregate": {}})) == ("1 normalise",)
    estimated = {"weights": {"method": "critic"}}
    assert steps_among_others(tree(), method(GOALPOSTS, estimated, {"aggregate": {}})) == ("2 weights",)
    named = framework_from_nodes(
        [node.model_copy(update={"aggregation": "borda"}) if node.code == "index" else node for node in tree().nodes]
    )
    assert steps_among_others(named, PLAIN) == ("3 aggregate",)


def test_scores_without_ranks_are_those_of_the_index() -> None:
    one = edition(AFTER)
    result = compute_index(one.values, one.framework, PLAIN)
    np.testing.assert_array_equal(compute_scores(one.values, one.framework, PLAIN).table, result.scores)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.just(NAN), st.floats(-5, 5)), min_size=8, max_size=8))
def test_the_division_is_the_mean_over_the_orders_that_are_possible(worth: list[float]) -> None:
    sums, count = np.zeros(3), 0
    for order in itertools.permutations(range(3)):
        sets = [sum(1 << factor for factor in order[:n]) for n in range(4)]
        if not any(np.isnan(worth[one]) for one in sets):
            count += 1
            for step, factor in enumerate(order):
                sums[factor] += worth[sets[step + 1]] - worth[sets[step]]
    found = order_parts(np.array([worth]))[0]
    np.testing.assert_allclose(found, sums / count if count else [NAN] * 3, atol=1e-12)


def test_a_table_of_cells_has_the_kind_that_the_parts_count_them_to() -> None:
    kinds = Pair(edition(BEFORE, 2024), edition(AFTER)).kinds
    assert kinds.tolist() == [[0, 0], [0, 1], [2, 0]]
    found = changes(edition(BEFORE, 2024), edition(AFTER)).cells
    told = found.select("unit", "code", "kind").rows()
    assert told == [("A", "a", "revised"), ("B", "b", "reported"), ("C", "a", "carried"), ("C", "b", "revised")]
