from __future__ import annotations

import numpy as np
import pytest

from ssc_index.errors import ValuesError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.results import compare, group_table, ranked_table, strengths_and_weaknesses, unit_summary
from ssc_index.values import values_from_columns
from tests.engine.test_audit import _node

NAN = np.nan
TREE = framework_from_nodes([_node("index"), *(_node(code, "index", direction="higher") for code in "abc")])


def _result(table, groups=None, years=None, ties="min", **rank):
    steps = [{"normalise": {"method": "none"}}, {"aggregate": {}}]
    method = method_from_mapping({"name": "m", "steps": steps, "rank": {"ties": ties, **rank}})
    units = ["p", "q", "r", "s"][: len(table)] if years is None else ["p", "q"] * (len(table) // 2)
    return compute_index(values_from_columns(units, years, TREE.codes, table, groups or {}), TREE, method)


TABLE = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9], [4, 5, 6]])  # means 2, 5, 8, 5


def test_the_best_stand_first_and_ties_by_name():
    table = ranked_table(_result(TABLE))
    assert table.select("unit", "rank", "index").rows() == [("r", 1, 8.0), ("q", 2, 5.0), ("s", 2, 5.0), ("p", 4, 2.0)]
    ranks = ranked_table(_result(TABLE, ties="average"), show="ranks", levels=["indicator"])
    assert ranks.columns == ["unit", "rank", "a", "b", "c"]
    assert ranks.rows()[1] == ("q", 2.5, 2.5, 2.5, 2.5)
    with pytest.raises(ValuesError, match="no level 'pillar'"):
        ranked_table(_result(TABLE), levels=["pillar"])


def test_the_lowest_score_may_be_first():
    result = _result(TABLE, {"region": ["N", "N", "S", None]}, first="lowest")
    assert ranked_table(result)["rank"].to_list() == [1, 2, 2, 4]
    assert ranked_table(result)["unit"].to_list() == ["p", "q", "s", "r"]
    assert group_table(result, "region").filter(node="index")["group_rank"].to_list() == [1, 2, 1]
    assert compare(result, _result(TABLE), among_both=True).table["rank_b"].to_list() == [4, 2, 2, 1]


def test_where_the_lowest_is_first_less_is_a_strength():
    table = np.array([[1.0, 9, 5], [2, 8, 5], [3, 7, 5]])
    strengths, weaknesses = strengths_and_weaknesses(_result(table, first="lowest"), "p")
    assert strengths.select("node", "rank", "share_better", "share_worse").rows() == [("a", 1, 0.0, 1.0)]
    assert weaknesses["node"].to_list() == ["b"]
    assert strengths_and_weaknesses(_result(table), "p")[0]["node"].to_list() == ["b"]


def test_ranks_within_groups():
    result = _result(TABLE, {"region": ["N", "N", "S", None]})
    table = ranked_table(result, show="group_ranks", group="region", levels=["index"])
    assert table.select("unit", "rank", "index").rows() == [("r", 1, 1), ("q", 2, 1), ("s", 2, None), ("p", 4, 2)]
    rows = group_table(result, "region").filter(node="index")
    assert rows.select("label", "unit", "rank", "group_rank", "n_ranked").rows() == [
        ("N", "q", 2, 1, 2),
        ("N", "p", 4, 2, 2),
        ("S", "r", 1, 1, 1),
    ]
    with pytest.raises(ValuesError, match="no group column 'size'; group columns are region"):
        group_table(result, "size")


def test_a_unit_in_a_table_of_its_own():
    frame = unit_summary(_result(np.array([[1.0, 2, NAN], [4, 5, 6], [7, 8, NAN]])), "p")
    assert frame.select("node", "score", "rank", "n_ranked").rows()[:2] == [("index", 1.5, 3, 3), ("a", 1.0, 3, 3)]
    assert frame.filter(node="c").row(0)[3:] == (None, None, 1, 0.0)
    with pytest.raises(ValuesError, match="'z' takes no part"):
        unit_summary(_result(TABLE), "z")


def test_where_all_stand_alike_is_neither_strength_nor_weakness():
    # a: all equal; b: p is best of four; c: p is third of four, s behind.
    table = np.array([[5.0, 9, 3], [5, 5, 8], [5, 4, 7], [5, 3, 1]])
    best, worst = strengths_and_weaknesses(_result(table), "p")
    assert best["node"].to_list() == ["b", "c"]
    assert worst["node"].to_list() == ["c"]
    assert worst.select("rank", "n_ranked", "share_better", "share_worse").row(0) == (3, 4, 2 / 3, 1 / 3)
    assert best["value"].to_list() == [9.0, 3.0]
    few, _ = strengths_and_weaknesses(_result(table), "p", count=1)
    assert few["node"].to_list() == ["b"]
    distinct, _ = strengths_and_weaknesses(
        _result(np.array([[1.0, 9, 9], [0, 5, 8], [0, 4, 7]])), "p", min_distinct=0.9
    )
    assert distinct["node"].to_list() == ["b", "c"]  # a has two scores among three units


def test_a_place_among_few_is_compared_by_its_share():
    # In a p is second of four (a third of the others in front), in b second of two (all others in front).
    table = np.array([[5.0, 1, 3], [9, 2, NAN], [4, NAN, NAN], [3, NAN, NAN]])
    best, worst = strengths_and_weaknesses(_result(table), "p")
    assert best["node"].to_list() == ["a"]
    assert worst["node"].to_list() == ["b", "a"]


def test_two_editions_are_compared_by_the_units_in_both():
    table = np.array([[1.0, 1, 1], [2, 2, 2], [3, 3, 3], [1, 1, 1]])
    result = _result(table, years=[2024, 2024, 2025, 2025])
    found = compare(result, result, year_a=2024, year_b=2025)
    assert found.table.rows() == [("q", 2.0, 1.0, -1.0, 1.0, 2.0, 1.0), ("p", 1.0, 3.0, 2.0, 2.0, 1.0, -1.0)]
    assert (found.mean_shift, found.largest_shift) == (1.0, 1.0)
    assert np.isnan(found.kendall)
    assert found.reason == "2 complete pairs; at least 3 are needed"


def test_a_unit_that_joined_moves_nobody_if_ranks_are_taken_among_both():
    a = _result(TABLE[:3])  # p, q, r
    b = _result(np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9], [99, 99, 99]]))  # s joins at the top
    published = compare(a, b)
    assert published.only_b == ("s",)
    assert published.mean_shift == 1.0
    assert compare(a, b, among_both=True).mean_shift == 0.0
    assert published.spearman == pytest.approx(1)
    assert compare(a, b, node="b").table["score_b"].to_list() == [8.0, 5.0, 2.0]
    with pytest.raises(ValuesError, match="no node 'z'"):
        compare(a, b, node="z")
    nobody = compare(a, _result(np.full((4, 3), NAN)))
    assert (nobody.reason, nobody.only_a) == ("no unit is ranked in both", ("p", "q", "r"))
