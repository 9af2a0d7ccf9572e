from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssc_index.aggregate import weighted_mean
from ssc_index.audit.report import audit_frames
from ssc_index.audit.variants import without
from ssc_index.chained import chain_frame
from ssc_index.contributions import change_contributions, shapley_values
from ssc_index.errors import ValuesError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.index import compute_index
from ssc_index.method import method_from_mapping
from ssc_index.trends import (
    Panel,
    beta_convergence,
    growth_frame,
    panel_of_scores,
    panel_of_values,
    rank_mobility,
    sigma_convergence,
)
from ssc_index.values import values_from_columns
from tests.engine.test_audit import _index

NAN = np.nan
YEARS = (2020, 2021, 2023)


def _panel(rows, years=YEARS):
    table = np.asarray(rows, dtype=float)
    return Panel(tuple(f"u{i}" for i in range(len(table))), years, ("a",), table[:, :, None])


def test_growth_of_three_points_is_scipys_line():
    row = growth_frame(_panel([[10.0, 14.0, 17.0]])).row(0, named=True)
    line = scipy.stats.linregress(YEARS, [10.0, 14.0, 17.0])
    assert row["slope"] == pytest.approx(line.slope)
    assert row["slope_error"] == pytest.approx(line.stderr)
    assert row["p_value"] == pytest.approx(line.pvalue)
    assert row["r2"] == pytest.approx(line.rvalue**2)
    assert row["slope_pct"] == pytest.approx(100 * line.slope / (line.intercept + line.slope * 2020))
    assert row["cagr"] == pytest.approx(1.7 ** (1 / 3) - 1)
    assert (row["change"], row["first_year"], row["last_year"], row["reason"]) == (7.0, 2020, 2023, None)


@pytest.mark.parametrize(
    ("values", "expected", "reason"),
    [
        ([NAN, 4.0, 9.0], {"cagr": 0.5, "slope": 2.5, "slope_error": None, "first_year": 2021}, "two points"),
        ([NAN, 4.0, NAN], {"cagr": None, "slope": None, "change": None, "n": 1}, "one year with a value"),
        ([NAN, NAN, NAN], {"first": None, "first_year": None, "last_year": None}, "no year with a value"),
        ([0.0, 1.0, 2.0], {"cagr": None, "change": 2.0}, "the first value is not above 0: no cagr"),
        ([4.0, 2.0, -1.0], {"cagr": None}, "the last value is below 0: no cagr"),
        ([4.0, 2.0, 0.0], {"cagr": -1.0}, None),
        # both above 0 and below 1
        ([0.5, 0.75, 1.0], {"cagr": 2 ** (1 / 3) - 1, "change": 0.5}, None),
        ([-1.0, -2.0, -3.0], {"cagr": None, "slope_pct": None}, "the line starts at 0 or less: no slope_pct"),
        ([5.0, 5.0, 5.0], {"cagr": 0.0, "slope": 0.0, "r2": None, "p_value": None}, "all values are equal"),
    ],
)
def test_growth_of_what_is_there_and_why_not(values, expected, reason):
    row = growth_frame(_panel([values, [1.0, 2.0, 3.0]])).row(0, named=True)
    for name, value in expected.items():
        assert row[name] == (value if value is None else pytest.approx(value)), name
    assert (reason is None and row["reason"] is None) or reason in row["reason"]


def test_a_panel_is_made_of_the_rows_that_take_part():
    table = np.array([[1.0, 2, 3, 4], [5, 6, 7, 8], [9, 9, 9, 9], [NAN, NAN, NAN, 1]])
    steps = [{"screen": {"min_coverage": 0.5}}, {"normalise": {"method": "none"}}, {"aggregate": {}}]
    result = _index(table, steps, years=[2020, 2020, 2021, 2021])
    panel = panel_of_scores(result)
    np.testing.assert_allclose(panel.column("index"), [[2.5, 9.0], [6.5, NAN]])
    np.testing.assert_allclose(panel_of_values(result).column("d"), [[4.0, 9.0], [8.0, NAN]])
    with pytest.raises(ValuesError, match="no column 'z'"):
        panel.column("z")
    with pytest.raises(ValuesError, match="fewer than two years"):
        panel_of_scores(_index(table[:2]))


def test_beta_convergence_with_a_known_speed():
    # ln y closes 5 % of its gap to 3 each year: ln y_T = 3 + (ln y_0 − 3) e^(−0.05 T), so the speed is 0.05 exactly.
    start = np.array([0.5, 1.0, 1.7, 2.2, 3.4])
    end = 3 + (start - 3) * np.exp(-0.05 * 3)
    found = beta_convergence(_panel(np.exp(np.stack([start, start, end], axis=1))), "a")
    assert found.speed == pytest.approx(0.05)
    assert found.half_life == pytest.approx(np.log(2) / 0.05)
    assert found.slope == pytest.approx((np.exp(-0.15) - 1) / 3)
    assert (found.n, found.r2, found.reason) == (5, pytest.approx(1), None)


def test_beta_convergence_is_a_regression_with_its_error():
    generator = np.random.default_rng(2)
    start, end = generator.uniform(10, 90, size=(2, 30))
    found = beta_convergence(_panel(np.stack([start, start, end], axis=1)), "a", scale="level")
    line = scipy.stats.linregress(start, (end - start) / 3)
    for name, value in (("slope", line.slope), ("slope_error", line.stderr), ("p_value", line.pvalue)):
        assert getattr(found, name) == pytest.approx(value), name


def test_units_that_drift_apart_have_no_speed():
    # the gap grows by half in three years: a slope of 1/6
    found = beta_convergence(_panel([[1, 1, 1], [2, 2, 2.5], [3, 3, 4], [5, 5, 7]]), "a", scale="level")
    assert found.slope == pytest.approx(1 / 6)
    assert math.isnan(found.speed)
    assert math.isnan(found.half_life)
    assert found.reason.startswith("no speed")


def test_convergence_that_cannot_be_known_says_why():
    assert "units; at least 3" in (beta_convergence(_panel([[1, 1, 2], [2, 2, 3]]), "a").reason or "")
    assert beta_convergence(_panel([[1, 1, 2], [1, 2, 3], [1, 3, 4]]), "a").reason == "all units start alike"
    found = beta_convergence(_panel([[0, 1, 2], [1, 2, 3], [2, 3, 9], [4, 4, 7]]), "a")
    assert found.n == 3
    assert "1 units at 0 or less are left out" in found.reason
    with pytest.raises(ValuesError, match="the first year must lie before the last"):
        beta_convergence(_panel([[1, 2, 3]]), "a", 2023, 2020)
    with pytest.raises(ValuesError, match="no year 2022"):
        beta_convergence(_panel([[1, 2, 3]]), "a", 2020, 2022)


def test_units_that_grow_alike_but_for_rounding_have_no_p_value():
    # Each doubles: the growth of the logarithm is ln 2 / 3, in digits that differ by rounding; r² of that was 0.98.
    found = beta_convergence(_panel([[0.1, 1, 0.2], [0.2, 1, 0.4], [0.3, 1, 0.6]]), "a")
    assert found.slope == pytest.approx(0, abs=1e-12)
    assert (math.isnan(found.p_value), math.isnan(found.r2)) == (True, True)
    assert "all units grow alike" in (found.reason or "")
    # Points of growth 1/3, 1/3 and 1/3 + 1e-9/3: little, but no rounding.
    assert beta_convergence(_panel([[1, 1, 2], [2, 2, 3], [4, 4, 5 + 1e-9]]), "a", scale="level").r2 > 0.5


def test_units_that_are_alike_have_no_dispersion_to_compare_with():
    # The mean of three times 0.1 is 0.1 + 1.4e-17, so that the deviation was 1.7e-17 and what came later 6e15 times it.
    rows = sigma_convergence(_panel([[0.1, 0.1, 0.1], [0.1, 0.2, 0.1], [0.1, 0.3, 0.1]])).rows(named=True)
    assert [row["sd"] for row in rows] == [0, pytest.approx(0.1), 0]
    assert [row["change_of_sd"] for row in rows] == [None] * 3
    assert rows[1]["reason"] == "all units start alike: no change_of_sd"


def test_dispersion_is_that_of_the_units_with_every_year():
    rows = sigma_convergence(_panel([[10, 20, 30], [20, 25, 32], [99, NAN, 99]])).rows(named=True)
    # sd of 10, 20 is √50; of 30, 32 it is √2: a change of √(2/50) − 1 = −0.8.
    assert [row["n"] for row in rows] == [2, 2, 2]
    assert rows[0]["sd"] == pytest.approx(np.sqrt(50))
    assert rows[2]["change_of_sd"] == pytest.approx(-0.8)
    assert rows[2]["cv"] == pytest.approx(np.sqrt(2) / 31)
    assert rows[1]["sd_log"] == pytest.approx(np.log(25 / 20) / np.sqrt(2))
    lonely = sigma_convergence(_panel([[1, 2, 3]])).row(0, named=True)
    assert (lonely["sd"], lonely["reason"]) == (None, "1 units have all years; two are needed")


def test_mobility_between_halves():
    # Best first in 2020: u3 u2 u1 u0; in 2023: u3 u1 u2 u0. One of two leaves each half.
    found = rank_mobility(_panel([[1, 1, 1], [2, 2, 3], [3, 3, 2], [4, 4, 4]]), "a", classes=2)
    np.testing.assert_allclose(found.transitions, [[0.5, 0.5], [0.5, 0.5]])
    assert found.shorrocks == pytest.approx(1.0)  # (2 − 1) / 1
    assert found.mean_shift == 0.5
    assert found.units.rows()[1] == ("u2", 2, 3, 1)
    assert found.spearman == pytest.approx(0.8)  # 1 − 6 · 2 / (4 · 15)
    still = rank_mobility(_panel([[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]]), "a")
    assert (still.shorrocks, still.mean_shift, still.kendall) == (0.0, 0.0, pytest.approx(1.0))
    tied = rank_mobility(_panel([[1, 1, 1], [1, 1, 2], [1, 1, 3]]), "a", classes=2)
    assert "class 2 is empty" in tied.reason
    assert np.isnan(tied.shorrocks)
    with pytest.raises(ValuesError, match="at least 2"):
        rank_mobility(_panel([[1, 2, 3]]), "a", classes=1)


# contributions

GEOMETRIC = [{"normalise": {"method": "none"}}, {"aggregate": {"method": "geometric"}}]
MIXED = [{"normalise": {"method": "none"}}, {"aggregate": {"levels": {"index": "geometric"}}}]
ROUNDED = [{"normalise": {"method": "none"}}, {"aggregate": {"round": {"x": 0}}}]
ZEROS = [{"normalise": {"method": "none"}}, {"aggregate": {"method": "geometric", "floor": 0.0}}]


def _changes(table, steps=None, **more):
    result = _index(table, steps, years=[2020] * (len(table) // 2) + [2021] * (len(table) // 2), **more)
    return change_contributions(result, result, 2020, 2021)


def _of(frame, unit="u000"):
    return {row["node"]: row for row in frame.filter(unit=unit).iter_rows(named=True)}


def _assert_adds_up(frame):
    for unit in frame["unit"].unique():
        rows = _of(frame, unit)
        assert rows["index"]["contribution"] == pytest.approx(rows["index"]["change"], abs=1e-9)
        for node, children in (("index", "xy"), ("x", "ab"), ("y", "cd")):
            parts = sum(rows[child]["contribution"] for child in children)
            assert rows[node]["contribution"] == pytest.approx(rows[node]["own"] + parts, abs=1e-9)


def test_contributions_to_an_arithmetic_index_are_weights_times_changes():
    # index = ((3 a + b) / 4 + (c + d) / 2) / 2; a rises by 8: 3/8 of it is 3; d falls by 4: a quarter is −1.
    rows = _of(_changes([[10, 20, 30, 40], [18, 20, 30, 36]], weights=(3.0, 1.0, 1.0, 1.0)))
    assert {code: rows[code]["contribution"] for code in "abcdxy"} == pytest.approx(
        {"a": 3, "b": 0, "c": 0, "d": -1, "x": 3, "y": -1}
    )
    assert rows["index"]["contribution"] == pytest.approx(2.0)


def test_a_reason_that_only_a_later_unit_has_is_told():
    frame = _changes([[10, 20, 30, 40], [0, 20, 30, 40], [10, 20, 30, 40], [5, 20, 30, 40]], ROUNDED)
    assert _of(frame)["x"]["reason"] is None
    assert "rounded" in _of(frame, "u001")["x"]["reason"]  # (5 + 20) / 2 = 12.5 became 12


def test_contributions_to_a_geometric_index_are_logarithmic_means():
    # x: √(4 · 9) = 6 → √(16 · 9) = 12; y stays at 25. index: √150 → √300.
    rows = _of(_changes([[4, 9, 25, 25], [16, 9, 25, 25]], GEOMETRIC))
    before, after = np.sqrt(150), np.sqrt(300)
    mean = (after - before) / np.log(after / before)
    assert rows["x"]["contribution"] == pytest.approx(mean * 0.5 * np.log(2))
    assert rows["a"]["contribution"] == pytest.approx(after - before)
    assert rows["b"]["contribution"] == rows["y"]["contribution"] == 0.0


def test_parts_that_cancel_are_seen_though_the_node_does_not_change():
    # c up, d down: y stays at 20 (40 · 10 = 20 · 20), and so does the index.
    rows = _of(_changes([[5, 5, 20, 20], [5, 5, 40, 10]], GEOMETRIC))
    assert rows["index"]["contribution"] == pytest.approx(0, abs=1e-12)
    assert rows["c"]["contribution"] == pytest.approx(-rows["d"]["contribution"])
    # y = 20, ΔS/Δln S → 20, half the weight each: 20 · ½ ln 2 in y; the index is 10 · d ln = 10/20/2 per point of y.
    assert rows["c"]["contribution"] == pytest.approx(20 * 0.5 * np.log(2) * 10 / 20 / 2)


def test_a_child_that_was_missing_counts_with_what_its_absence_implied():
    # 2020: x = a = 10 (b missing); 2021: x = (10 + 30) / 2 = 20. b stood in for 10, so all 10 points are b's.
    frame = _changes([[10, NAN, 50, 50], [10, 30, 50, 50]])
    rows = _of(frame)
    assert (rows["a"]["contribution"], rows["b"]["contribution"]) == (0.0, pytest.approx(5.0))
    assert rows["b"]["score_before"] is None
    _assert_adds_up(frame)


def test_a_zero_under_a_geometric_mean_takes_shapley_values():
    # x: √(0 · 4) = 0 → √(4 · 9) = 6 gives a 5 and b 1 (both orders by hand); y = 6: index √(0·6) = 0 → 6.
    rows = _of(_changes([[0, 4, 6, 6], [4, 9, 6, 6]], ZEROS))
    assert rows["x"]["contribution"] == pytest.approx(6.0)
    assert (rows["a"]["contribution"], rows["b"]["contribution"]) == pytest.approx((5.0, 1.0))


@given(
    arrays(np.float64, (6, 4), elements=st.sampled_from([NAN, 1.0, 2.0, 7.0, 30.0, 99.0])),
    st.sampled_from([None, GEOMETRIC, MIXED]),
)
@settings(max_examples=40, deadline=None)
def test_contributions_sum_to_the_whole_and_turn_round_with_time(table, steps):
    result = _index(table, steps, years=[2020] * 3 + [2021] * 3, weights=(3.0, 1.0, 2.0, 1.0))
    forth = change_contributions(result, result, 2020, 2021)
    back = change_contributions(result, result, 2021, 2020)
    _assert_adds_up(forth)
    assert forth["own"].filter(forth["node"].is_in(["index", "x", "y"])).abs().sum() == 0
    np.testing.assert_allclose(forth["contribution"], -back["contribution"], atol=1e-9)


def test_parts_of_a_filled_node_start_from_what_was_filled():
    steps = [
        {"normalise": {"method": "none"}},
        {"aggregate": {"to": "level_1"}},
        {"impute": {"method": "mean", "level": "level_1"}},
        {"aggregate": {}},
    ]
    frame = _changes([[1, 1, NAN, NAN], [9, 9, 40, 40], [1, 1, 20, 20], [9, 9, 40, 40]], steps)
    rows = _of(frame)
    assert (rows["y"]["score_before"], rows["c"]["score_before"]) == (40, None)
    assert rows["c"]["contribution"] == pytest.approx(-5.0)  # from 40 to 20, a quarter of the index
    _assert_adds_up(frame)


def test_two_trees_or_two_rules_are_not_mixed():
    table = [[10.0, 20, 30, 40]] * 4
    plain, other = _index(table), _index(table, GEOMETRIC)
    frame = change_contributions(plain, other)
    rows = _of(frame)
    assert rows["index"]["own"] == pytest.approx(rows["index"]["change"])
    assert "its rule differs" in rows["index"]["reason"]
    with pytest.raises(ValuesError, match="other nodes"):
        change_contributions(plain, compute_index(*without(plain, ["a"])))


def _by_rule(rule, table):
    return _changes(table, [{"normalise": {"method": "none"}}, {"aggregate": {"levels": {"x": rule}}}])


@pytest.mark.parametrize(
    ("rule", "a", "b", "shares"),
    [
        # 6/2 → 12/3: a first +3, then b −2; b first −1, then a +2
        ({"formula": "a / b"}, (6, 12), (2, 3), (2.5, -1.5)),
        # min(4, 6) → min(8, 5): a first +2, then b −1; b first 0, then a +1
        ("minimum", (4, 8), (6, 5), (1.5, -0.5)),
        # 3/4 of the better and 1/4 of the worse: (4, 8) 7 → (6, 2) 5; a first +0.5, b −2.5; b first −3.5, a +1.5
        ({"owa": {"weights": [3, 1]}}, (4, 6), (8, 2), (1.0, -3.0)),
        # √((1 + 49)/2) = 5 → √((49 + 49)/2) = 7: all of it is a's
        ({"generalised": {"p": 2}}, (1, 7), (7, 7), (2.0, 0.0)),
    ],
)
def test_children_of_any_rule_of_their_own_row_have_their_shapley_values(rule, a, b, shares):
    frame = _by_rule(rule, [[a[0], b[0], 9, 9], [9, 9, 9, 9], [a[1], b[1], 9, 9], [9, 9, 9, 9]])
    rows = _of(frame)
    # x is half of the index
    assert [rows[code]["contribution"] for code in "ab"] == pytest.approx([share / 2 for share in shares])
    assert (rows["x"]["own"], rows["x"]["reason"]) == (0, None)
    _assert_adds_up(frame)


def test_a_change_that_a_formula_does_not_divide_stays_with_its_node_and_says_why():
    # ln(2 − 1) → ln(5 − 3); on the way lies ln(2 − 3)
    frame = _by_rule({"formula": "ln(a - b)"}, [[2, 1, 9, 9], [2, 1, 9, 9], [5, 3, 9, 9], [5, 1, 9, 9]])
    rows = _of(frame)
    assert rows["x"]["own"] == rows["x"]["contribution"] == pytest.approx(math.log(2) / 2)
    assert rows["a"]["contribution"] == rows["b"]["contribution"] == 0
    assert "its formula has no value between the two years" in rows["x"]["reason"]
    assert _of(frame, "u001")["a"]["contribution"] == pytest.approx(math.log(4) / 2)
    lacking = _of(_by_rule({"formula": "a / b"}, [[6, NAN, 4, 4], [6, 3, 4, 4]]))
    # the index is y alone, 4, then (2 + 4) / 2: x counted as 4 where it was missing
    assert lacking["x"]["own"] == lacking["x"]["contribution"] == pytest.approx(-1)
    assert "lacks a child" in lacking["x"]["reason"]


def test_rules_that_look_at_other_units_are_not_divided():
    rows = _of(_by_rule("borda", [[1, 2, 9, 9], [2, 1, 9, 9], [3, 2, 9, 9], [2, 1, 9, 9]]))
    assert rows["x"]["own"] == rows["x"]["contribution"] == pytest.approx(25)  # from one of two first places to both
    assert rows["x"]["reason"] == "not divided among its children: no division is known for 'borda' over 2 children"


def test_rules_with_other_parameters_are_two_rules():
    def by(p):
        return [{"normalise": {"method": "none"}}, {"aggregate": {"levels": {"x": {"generalised": {"p": p}}}}}]

    table = [[1.0, 7, 9, 9], [2, 3, 9, 9]]
    rows = _of(change_contributions(_index(table, by(2)), _index(table, by(3))))
    assert rows["x"]["own"] == rows["x"]["contribution"] > 0
    assert "its rule differs between the two" in rows["x"]["reason"]


def test_shapley_values_sum_to_the_change():
    generator = np.random.default_rng(1)
    before, after, weights = generator.uniform(0, 9, size=(3, 6))
    before[2] = 0.0
    means = functools.partial(weighted_mean, weights=weights.tolist(), mean="geometric")
    values = shapley_values(means, before[None], after[None])
    mean = np.exp((weights * np.log(after)).sum() / weights.sum())
    assert values.sum() == pytest.approx(mean)


# chains


def _chained(**settings):
    rows = [  # three units in each of three years; b begins in 2021, c ends, d begins in 2023
        [[10, NAN, 20, NAN], [NAN, 7, NAN, NAN], [1, 1, 1, 1]],
        [[20, 80, 30, NAN], [50, NAN, NAN, NAN], [2, 2, 2, 2]],
        [[30, 90, NAN, 40], [60, NAN, NAN, NAN], [NAN, NAN, NAN, NAN]],
    ]
    table = np.array([row for year in rows for row in year], dtype=float)
    return _index(table, years=[year for year in YEARS for _ in range(3)], **settings)


def test_a_chain_moves_only_by_what_a_unit_has_in_both_years():
    result = _chained()
    rows = chain_frame(result).filter(unit="u000")
    assert rows["score"].to_list() == [15, 40, 50]
    # a and c: (20 + 30)/2 over (10 + 20)/2; then a and b alone: 60 over 50
    assert rows["n_common"].to_list() == [0, 2, 2]
    assert rows["link"].to_list() == pytest.approx([None, 25 / 15, 60 / 50])
    assert rows["chained"].to_list() == pytest.approx([25, 50 / 1.2, 50])
    assert chain_frame(result, 2020).filter(unit="u000")["chained"].to_list() == pytest.approx([15, 25, 30])
    assert chain_frame(result, 2021).filter(unit="u000")["chained"].to_list() == pytest.approx([24, 40, 48])


def test_a_chain_that_breaks_says_where():
    rows = chain_frame(_chained())
    assert rows.filter(unit="u001").select("chained", "reason").rows() == [
        (None, "no link from 2020 to 2021"),
        (50.0, None),
        (60.0, None),
    ]
    assert set(rows.filter(unit="u002")["reason"]) == {"no score in 2023, the base"}
    forwards = chain_frame(_chained(), 2020).filter(unit="u001")
    assert forwards["reason"].to_list() == [None, *["no link from 2020 to 2021"] * 2]


@pytest.mark.parametrize(("first", "last", "link"), [(0.5, 0.8, 1.6), (0, 2, None), (2, 0, None), (-1, -2, None)])
def test_a_link_is_of_two_scores_above_0(first, last, link):
    result = _index(np.array([[first] * 4, [last] * 4], dtype=float), years=[1, 2])
    assert chain_frame(result)["link"].to_list() == [None, link if link is None else pytest.approx(link)]


def test_families_whose_weights_differ_by_group_are_all_named():
    leaves = [
        Node(code=c, parent=c[0].upper(), name="", level="", direction="higher") for c in ("a1", "a2", "b1", "b2")
    ]
    tree = [Node(code=code, parent=parent, name="", level="") for code, parent in (("i", None), ("A", "i"), ("B", "i"))]
    tree = framework_from_nodes([*tree, *leaves])
    values = values_from_columns(["u", "u"], [1, 2], tree.codes, np.ones((2, 4)), {"stage": ["1", "1"]})
    weights = {"method": "by_group", "group": "stage", "weights": {"1": dict.fromkeys(("a1", "a2", "b1", "b2"), 1)}}
    steps = [{"normalise": {"method": "none"}}, {"weights": weights}, {"aggregate": {}}]
    with pytest.raises(ValuesError) as caught:
        chain_frame(compute_index(values, tree, method_from_mapping({"name": "m", "steps": steps})))
    assert sorted(fault[:2] for fault in caught.value.faults) == ["A:", "B:"]


def test_links_are_by_the_methods_rules_and_weights():
    steps = [
        {"normalise": {"method": "none"}},
        {"aggregate": {"levels": {"index": "geometric"}, "floor": 25.0, "leave_out": "d", "round": 0}},
    ]
    rows = chain_frame(_chained(steps=steps, weights=(3.0, 1.0, 1.0, 1.0))).filter(unit="u000")
    # x of a and b, 3 to 1: 35 and 45; c is in the first link alone, where 10 and 20 are raised to 25: 25 and 20 to 30
    assert rows["link"].to_list() == pytest.approx([None, math.sqrt(25 * 30) / 25, 45 / 35])


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"aggregate": {"levels": {"index": "borda"}}}], "index: borda compares units"),
        (
            [
                {"aggregate": {"to": "level_1"}},
                {"normalise": {"method": "minmax", "level": "level_1"}},
                {"aggregate": {}},
            ],
            r"step 3 \(normalise\) works on scores of nodes",
        ),
    ],
)
def test_scores_without_links_have_no_chain_and_the_audit_says_so(steps, said):
    result = _index(np.arange(1.0, 33.0).reshape(8, 4), [{"normalise": {"method": "none"}}, *steps], [1] * 4 + [2] * 4)
    with pytest.raises(ValuesError, match=said):
        chain_frame(result)
    frames = audit_frames(result, variants=False)
    assert "chained" not in frames
    assert frames["notes"]["note"].str.contains(f"chained: {said}").any()
    with pytest.raises(ValuesError, match="no year 3; years are 1, 2"):
        chain_frame(result, 3)
