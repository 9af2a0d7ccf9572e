"""Each way to fill a cell: by hand, against scikit-learn, and what no way may do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression

from ssc_index import compiled_neighbours, impute, impute_neighbours
from ssc_index.errors import ComputationError, MethodError
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Node
from ssc_index.impute_neighbours import fill_by_neighbours
from ssc_index.impute_normal import conditional_means, draw, fit_normal
from ssc_index.impute_regression import regress
from ssc_index.impute_time import fill_over_years
from ssc_index.index import beginning, compute_index
from ssc_index.method import method_from_mapping
from ssc_index.steps.impute import drawn_table
from ssc_index.values import values_from_columns

NAN = np.nan
CODES = ("a1", "a2", "a3", "b1", "b2")


def _leaf(code: str, direction="higher", **more) -> Node:
    return Node(code=code, parent=code[0].upper(), name=code, level="kpi", direction=direction, **more)


def _tree(**directions: str):
    nodes = [Node(code="index", parent=None, name="i", level="index")]
    nodes += [Node(code=code, parent="index", name=code, level="dimension") for code in "AB"]
    return framework_from_nodes([*nodes, *(_leaf(code, directions.get(code, "higher")) for code in CODES)])


def _run(table, *steps, years=None, groups=None, units=None, tree=None):
    units = units or [f"u{number:03d}" for number in range(len(table))]
    values = values_from_columns(units, years, CODES, table, groups)
    return compute_index(values, tree or _tree(), method_from_mapping({"name": "m", "steps": list(steps)}))


def _impute(method: str, **more) -> dict[str, object]:
    return {"impute": {"method": method, **more}}


def _holey(rows: int, columns: int = 5, missing: float = 0.2, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    table = random.normal(size=(rows, 2)) @ random.normal(size=(2, columns)) + random.normal(size=(rows, columns))
    table[random.random(table.shape) < missing] = NAN
    return table


SCORES = {"normalise": {"method": "none"}}


# over years


YEARS = [2010, 2012, 2013, 2016, 2020, 2021]
SERIES = [NAN, 4.0, NAN, 10.0, NAN, NAN]


@pytest.mark.parametrize(
    ("method", "limit", "expected", "ages"),
    [
        # 2013 lies a quarter of the way from 2012 to 2016: 4 + 6/4.
        ("linear", None, [NAN, 4, 5.5, 10, NAN, NAN], [0] * 6),
        ("linear", 2, [NAN, 4, NAN, 10, NAN, NAN], [0] * 6),  # 2016 is three years away
        ("linear", 3, [NAN, 4, 5.5, 10, NAN, NAN], [0] * 6),
        ("constant", None, [4, 4, 4, 10, 10, 10], [0, 0, 1, 0, 4, 5]),
        ("constant", 4, [4, 4, 4, 10, 10, NAN], [0, 0, 1, 0, 4, 0]),
        ("constant", 1, [NAN, 4, 4, 10, NAN, NAN], [0, 0, 1, 0, 0, 0]),
        ("linear_constant", None, [4, 4, 5.5, 10, 10, 10], [0, 0, 0, 0, 4, 5]),
        ("linear_constant", 2, [4, 4, NAN, 10, NAN, NAN], [0] * 6),
    ],
)
def test_fills_over_years(method, limit, expected, ages):
    column = np.array(SERIES)[:, None]
    every = np.ones(column.shape, dtype=bool)
    filled, age = fill_over_years(column, ["u"] * 6, YEARS, method, limit, every, every)
    np.testing.assert_allclose(filled.ravel(), expected)
    assert age.ravel().tolist() == ages


def test_of_two_years_equally_near_the_earlier_counts_and_a_later_one_has_no_age():
    column = np.array([[1.0], [NAN], [5.0], [NAN], [NAN], [7.0]])
    every = np.ones(column.shape, dtype=bool)
    filled, ages = fill_over_years(column, ["u"] * 6, list(range(2000, 2006)), "constant", None, every, every)
    assert filled.ravel().tolist() == [1, 1, 5, 5, 7, 7]
    assert ages.ravel().tolist() == [0, 1, 0, 1, 0, 0]


def test_fills_over_years_know_their_unit_their_cells_and_what_was_filled():
    table = np.array([[1.0, 1.0], [5.0, 5.0], [NAN, NAN], [NAN, NAN], [3.0, 3.0], [9.0, 9.0]])
    units, years = ["a", "b", "a", "b", "a", "b"], [2000, 2000, 2001, 2001, 2002, 2002]
    wanted = np.ones(table.shape, dtype=bool)
    wanted[2, 1] = False
    donors = np.ones(table.shape, dtype=bool)
    donors[5, 0] = False
    filled, _ = fill_over_years(table, units, years, "linear", None, wanted, donors)
    np.testing.assert_array_equal(filled[2:4], [[2, NAN], [NAN, 7]])


def test_fills_over_years_in_a_method_are_told_with_their_age():
    table = np.full((4, 5), 1.0)
    table[:, 0] = [2.0, NAN, 4.0, NAN]
    done = _run(
        table, _impute("linear_constant", only="A"), SCORES, {"aggregate": {}}, years=[1, 2, 3, 4], units=["u"] * 4
    )
    assert done.steps[0].table[:, 0].tolist() == [2, 3, 4, 4]
    assert done.steps[0].carried[:, 0].tolist() == [0, 0, 0, 1]
    told = done.cells_frame(done.steps[0]).select("year", "code", "after", "change", "method", "age_years")
    assert told.rows() == [
        (2, "a1", 3.0, "imputed", "linear_constant", 0),
        (4, "a1", 4.0, "carried", "linear_constant", 1),
    ]
    assert done.n_carried[:, 0].tolist() == [0, 0, 0, 1]


# within a row


def test_scores_are_filled_from_the_same_node():
    table = [[10.0, 20.0, NAN, 5.0, NAN], [NAN, NAN, NAN, 1.0, 2.0], [1.0, 2.0, 6.0, NAN, 3.0]]
    done = _run(table, SCORES, _impute("within_mean", within="dimension"), {"aggregate": {}})
    expected = [[10, 20, 15, 5, 5], [NAN, NAN, NAN, 1, 2], [1, 2, 6, 3, 3]]
    np.testing.assert_array_equal(done.steps[1].table, expected)
    assert done.steps[1].notes == ("cells that stay missing: 3, of a1, a2, a3",)
    median = _run([[1.0, 2.0, NAN, 9.0, 30.0], [5.0] * 5], SCORES, _impute("within_median", within="index"))
    assert median.steps[1].table[0, 2] == 5.5  # of 1, 2, 9, 30
    one = _run(table, SCORES, _impute("within_mean", within="A"))
    np.testing.assert_array_equal(one.steps[1].table[0], [10, 20, 15, 5, NAN])


def test_values_meet_within_a_row_on_a_scale_from_their_worst_to_their_best():
    # a1 from 0 to 10, a2 from 40 (best) to 60 (worst), a3 from 100 to 300. u0: a1 = 5 is half, a2 = 45 is three
    # quarters of the way to the best; their mean 0.625 of a3's 200 above 100 is 225. u1's a2: the mean of 1 and 0
    # is a half, halfway between 60 and 40.
    table = [
        [5.0, 45.0, NAN, 1.0, 1.0],
        [10.0, NAN, 100.0, 1.0, 1.0],
        [0.0, 60.0, 300.0, 1.0, 1.0],
        [1.0, 40.0, 120.0, 1.0, 1.0],
    ]
    done = _run(table, _impute("within_mean", within="dimension"), tree=_tree(a2="lower"))
    assert done.steps[0].table[0, 2] == pytest.approx(225)
    assert done.steps[0].table[1, 1] == pytest.approx(50)


def test_a_constant_column_gives_nothing_within_a_row_and_is_filled_by_its_number():
    table = [[0.0, 7.0, NAN, 1.0, 1.0], [4.0, NAN, 1.0, 1.0, 1.0], [2.0, 7.0, 3.0, 1.0, 1.0]]
    done = _run(table, _impute("within_mean", within="A"))
    assert done.steps[0].table[1, 1] == 7.0
    assert done.steps[0].table[0, 2] == 1.0  # only a1 informs: at its worst


def test_scores_of_a_level_are_filled_within_their_parent():
    table = [[10.0, 20.0, 30.0, NAN, NAN], [1.0] * 5]
    aggregate = {"aggregate": {"to": "dimension"}}
    done = _run(table, SCORES, aggregate, _impute("within_mean", within="index", level="dimension"), {"aggregate": {}})
    assert done.scores[0, 2] == 20.0  # B, as A
    assert done.filled_by[0].tolist() == [0, 0, 3, 0, 0, 0, 0, 0]


# neighbours


def test_the_nearest_that_have_the_cell_give_their_mean():
    # distances from the last row by the first column: 1, 2, 4, 10; the row at 1 has no second cell.
    table = np.array([[1.0, NAN], [2.0, 8.0], [4.0, 4.0], [-10.0, 90.0], [0.0, NAN]])
    wanted = np.zeros(table.shape, dtype=bool)
    wanted[4] = True
    assert fill_by_neighbours(table, 2, [0], False, wanted)[4, 1] == 6.0
    assert fill_by_neighbours(table, 9, [0], False, wanted)[4, 1] == 34.0  # all three that there are
    assert np.isnan(fill_by_neighbours(table, 2, [0], False, wanted)[0, 1])


def test_of_equally_near_rows_the_first_counts():
    table = np.array([[1.0, 5.0], [-1.0, 7.0], [1.0, 9.0], [0.0, NAN]])
    for k, expected in ((1, 5.0), (2, 6.0), (3, 7.0)):
        assert fill_by_neighbours(table, k, [0], False, np.isnan(table))[3, 1] == expected


@pytest.mark.parametrize(
    ("k", "bound", "sure"), [(2, 5.0, True), (3, 5.0, False), (2, 4.0, False), (2, np.nextafter(4.0, 5.0), True)]
)
def test_as_many_neighbours_as_asked_for_are_enough_if_no_other_row_can_be_as_near(k, bound, sure):
    table = np.array([[0.0, NAN], [1.0, 10.0], [2.0, 20.0], [50.0, 30.0]])  # squared distances 1 and 4
    search = impute_neighbours._prepared(table[:, :1], table[:, 1:], np.isnan(table[:, 1:]), k, False, False)
    search = replace(search, scaled=table[:, :1])
    rows, candidates, bounds = np.array([0]), np.array([[2, 1]]), np.array([bound])
    fill, is_sure = np.empty((1, 1)), np.empty(1, dtype=bool)
    compiled_neighbours.fill_rows(
        search.scaled, search.there, search.table, search.wanted, rows, candidates.copy(), bounds, k, fill, is_sure
    )
    plain, plainly_sure = impute_neighbours._filled(search, rows, candidates, bounds)
    assert fill.item() == plain.item() == 15.0
    assert is_sure.item() is plainly_sure.item() is sure


def test_a_row_without_a_common_cell_has_no_neighbours():
    table = np.array([[1.0, NAN], [2.0, NAN], [NAN, 3.0]])
    np.testing.assert_array_equal(fill_by_neighbours(table, 1, [0, 1], True, np.isnan(table)), table)


def test_a_full_table_and_a_single_row_are_left_as_they_are():
    for table in (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, NAN]])):
        every = np.ones(table.shape, dtype=bool)
        np.testing.assert_array_equal(fill_by_neighbours(table, 1, [0, 1], True, every), table)


def test_distances_shrink_by_the_number_of_common_cells():
    # From the last row: the first differs by 2 in one common cell (mean square 4), the second by 1.5 in both (2.25).
    table = np.array([[2.0, NAN, 10.0], [1.5, 1.5, 20.0], [0.0, 0.0, NAN]])
    assert fill_by_neighbours(table, 1, [0, 1], False, np.isnan(table))[2, 2] == 20.0


@pytest.mark.parametrize("k", [1, 5])
def test_neighbours_are_those_of_scikit_learn(k):
    table = _holey(400, 12)
    ours = fill_by_neighbours(table, k, range(12), False, np.isnan(table))
    np.testing.assert_allclose(ours, KNNImputer(n_neighbors=k).fit_transform(table), rtol=1e-9, atol=1e-12)
    scaled = (table - np.nanmean(table, axis=0)) / np.nanstd(table, axis=0)
    ours = fill_by_neighbours(table, k, range(12), True, np.isnan(table))
    theirs = KNNImputer(n_neighbors=k).fit_transform(scaled) * np.nanstd(table, axis=0) + np.nanmean(table, axis=0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_neighbours_do_not_depend_on_how_they_are_searched(monkeypatch):
    table = _holey(300, 8)
    table[:, 7] = np.where(np.arange(300) % 25 == 0, table[:, 0], NAN)  # a rare cell: many candidates are needed
    table[200:260] = np.round(table[200:260])  # ties
    every = np.isnan(table)
    plain = fill_by_neighbours(table, 4, range(8), True, every, compiled=False)
    for widths in ((4,), (3, 7, 40), ()):
        monkeypatch.setattr(impute_neighbours, "WIDTHS", widths)
        monkeypatch.setattr(impute_neighbours, "CELLS", 70)
        for compiled in (False, True):
            np.testing.assert_array_equal(fill_by_neighbours(table, 4, range(8), True, every, compiled), plain)


def test_neighbours_look_at_the_cells_they_are_told_to():
    table = [[0.0, 0.0, 1.0, 9.0, 9.0], [5.0, 5.0, 2.0, 0.0, 0.0], [0.0, 0.0, NAN, 0.0, 0.0]]
    for using, expected in ((["B"], 2.0), (["a1", "a2"], 1.0)):
        done = _run(table, _impute("neighbours", k=1, using=using, only="A"))
        assert done.steps[0].table[2, 2] == expected


def test_neighbours_of_a_panel_may_be_of_another_year():
    table = [[0.0, 0.0, 1.0, 0.0, 0.0], [9.0, 9.0, 7.0, 9.0, 9.0], [0.0, 0.0, NAN, 0.0, 0.0], [9.0, 9.0, 3.0, 9.0, 8.0]]
    for over, expected in (("year", 3.0), ("panel", 1.0)):
        done = _run(table, _impute("neighbours", k=1, over=over), years=[1, 1, 2, 2], units=["u", "v", "u", "v"])
        assert done.steps[0].table[2, 2] == expected


# regression


def test_a_regression_by_hand():
    # x = 0, 1, 2 and y = 1, 3, 4: slope 3/2, ŷ(4) = 8/3 + 1.5 · 3 = 7 1/6; rests −1/6, 1/3, −1/6 with 1 degree of
    # freedom: s² = 1/6; standard error √(1/6 (1 + 1/3 + 3²/2)) = √(35/36).
    fit = regress(np.array([1.0, 3.0, 4.0, NAN]), np.array([[0.0], [1.0], [2.0], [4.0]]))
    assert fit.predicted[3] == pytest.approx(43 / 6)
    assert fit.standard_error[3] == pytest.approx(np.sqrt(35 / 36))


def test_a_regression_agrees_with_scikit_learn_and_the_matrix_formula():
    random = np.random.default_rng(4)
    x = random.normal(size=(40, 3)) * [1, 10, 0.1] + [0, 50, 3]
    y = x @ [1.0, 0.2, 5.0] + random.normal(size=40)
    y[:8] = NAN
    x[3, 1] = NAN
    fit = regress(y, x)
    known = ~np.isnan(y)
    theirs = LinearRegression().fit(x[known], y[known])
    rows = [row for row in range(40) if row != 3]
    np.testing.assert_allclose(fit.predicted[rows], theirs.predict(x[rows]), rtol=1e-9)
    assert np.isnan(fit.predicted[3])
    design = np.column_stack([np.ones(40), x])
    inverse = np.linalg.inv(design[known].T @ design[known])
    variance = ((y[known] - theirs.predict(x[known])) ** 2).sum() / (32 - 4)
    expected = [np.sqrt(variance * (1 + design[row] @ inverse @ design[row])) for row in rows]
    np.testing.assert_allclose(fit.standard_error[rows], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        ([[0.0], [1.0], [NAN], [4.0]], "2 rows have it and all predictors; at least 3 are needed"),
        ([[2.0], [2.0], [2.0], [4.0]], "the predictors are constant or depend on each other"),
    ],
)
def test_a_regression_that_cannot_be_fitted_says_why(x, reason):
    fit = regress(np.array([1.0, 3.0, 4.0, NAN]), np.array(x))
    assert fit.refused == reason
    assert np.isnan(fit.predicted).all()


def test_three_rows_are_enough_for_one_predictor_and_two_that_repeat_each_other_are_refused():
    y = np.array([1.0, 3.0, 4.0, 9.0, NAN])
    assert regress(y[[0, 1, 2, 4]], np.array([[0.0], [1.0], [2.0], [4.0]])).refused == ""
    x = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [5.0, 10.0], [4.0, 8.0]])
    assert regress(y, x).refused == "the predictors are constant or depend on each other"


def test_a_regression_step_fills_all_but_its_predictors_and_tells_its_errors():
    table = np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 4.0], [4.0, NAN], [NAN, 5.0], [NAN, NAN]])
    table = np.column_stack([table, np.ones((6, 3))])
    done = _run(table, _impute("regression", predictors="a1"))
    filled = done.steps[0].table
    assert filled[3, 1] == pytest.approx(43 / 6)
    assert np.isnan(filled[4:, 0]).all()
    assert np.isnan(filled[5, 1])
    assert done.steps[0].standard_error[3, 1] == pytest.approx(np.sqrt(35 / 36))
    assert done.steps[0].notes == ("cells that stay missing: 1, of a2",)
    cells = done.cells_frame(done.steps[0])
    assert cells["method"].to_list() == ["regression"]
    assert cells["standard_error"].to_list() == pytest.approx([np.sqrt(35 / 36)])


# the normal, as a step


def test_em_fills_by_the_conditional_mean_of_its_year():
    table = _holey(80)
    years = [2020] * 50 + [2021] * 30  # not halves: rows counted from the wrong end would be the same
    done = _run(table, _impute("em"), years=years)
    by_year = [conditional_means(part, fit_normal(part)) for part in (table[:50], table[50:])]
    np.testing.assert_array_equal(done.steps[0].table, np.vstack([means for means, _ in by_year]))
    np.testing.assert_array_equal(done.steps[0].standard_error, np.vstack([errors for _, errors in by_year]))
    pooled = _run(table, _impute("em", over="panel"), years=years)
    np.testing.assert_array_equal(pooled.steps[0].table, conditional_means(table, fit_normal(table))[0])
    assert pooled.steps[0].notes[0].startswith("EM took ")


def test_em_uses_what_it_is_told_and_fills_only_what_it_is_told():
    table = _holey(60)
    done = _run(table, _impute("em", only="A", using="b1"))
    columns = [0, 1, 2, 3]
    means = conditional_means(table[:, columns], fit_normal(table[:, columns]))[0]
    np.testing.assert_array_equal(done.steps[0].table[:, :3], means[:, :3])
    np.testing.assert_array_equal(done.steps[0].table[:, 3:], table[:, 3:])


def test_em_that_cannot_be_fitted_is_an_error_for_each_year():
    table = _holey(8)
    with pytest.raises(ComputationError) as caught:
        _run(table, _impute("em"), years=[2020] * 4 + [2021] * 4)
    assert [fault[:6] for fault in caught.value.faults] == ["2020: ", "2021: "]
    assert "ridge" in caught.value.faults[0]


def test_multiple_imputation_is_the_mean_of_its_draws_with_their_spread():
    table = _holey(50)
    done = _run(table, _impute("multiple", draws=4, seed=9, tolerance=1e-4))
    each = np.array([draw(table, 9, number, 1e-4) for number in range(4)])
    np.testing.assert_allclose(done.steps[0].table, each.mean(axis=0), rtol=1e-12)
    holes = np.isnan(table)
    np.testing.assert_allclose(done.steps[0].standard_error[holes], each.std(axis=0, ddof=1)[holes], rtol=1e-9)
    assert np.isnan(done.steps[0].standard_error[~holes]).all()


def test_a_single_table_of_a_multiple_imputation():
    table = np.array(_holey(50))
    steps = [_impute("multiple", draws=2, seed=9, tolerance=1e-4, only="A")]
    method = method_from_mapping({"name": "m", "steps": steps})
    state = beginning(values_from_columns([f"u{row:02d}" for row in range(50)], None, CODES, table), _tree(), method)
    third = drawn_table(state, method.steps[0], 3)
    np.testing.assert_array_equal(third[:, :3], draw(table, 9, 3, 1e-4)[:, :3])
    np.testing.assert_array_equal(third[:, 3:], table[:, 3:])
    state.table = state.table[:, [0, 0, 0, 3, 4]]
    with pytest.raises(ComputationError, match="draw 0: the covariance is singular"):
        drawn_table(state, method.steps[0], 0)


def test_years_of_a_multiple_imputation_have_draws_of_their_own():
    table = np.vstack([_holey(40), _holey(40)])  # the same table in both years
    done = _run(table, _impute("multiple", draws=2, seed=9, tolerance=1e-3), years=[1] * 40 + [2] * 40)
    holes = np.isnan(table[:40])
    assert (done.steps[0].table[:40][holes] != done.steps[0].table[40:][holes]).all()


# every method


def test_a_mean_has_the_standard_error_of_one_more_value_and_a_median_has_none():
    # 1, 2, 6: s² = (4 + 1 + 9)/2 = 7; √(7 · 4/3).
    table = np.array([[1.0] * 5, [2.0] * 5, [6.0] * 5, [NAN] * 5])
    mean = _run(table, _impute("mean", only=["a1"]))
    assert mean.steps[0].standard_error[3, 0] == pytest.approx(np.sqrt(28 / 3))
    assert np.isnan(np.delete(mean.steps[0].standard_error.ravel(), 15)).all()
    assert np.isnan(_run(table, _impute("median")).steps[0].standard_error).all()
    lone = impute.errors_of_means(np.array([[1.0, 2.0], [NAN, 5.0], [3.0, 9.0]]), np.array([0, 0, -1]))
    np.testing.assert_allclose(lone, [[NAN, np.sqrt(4.5 * 1.5)], [NAN, np.sqrt(4.5 * 1.5)], [NAN, NAN]])


def test_each_node_may_have_its_own_method_and_the_result_tells_which_step_filled_a_cell():
    table = _holey(30)
    table[4, 4] = table[5, 4] = NAN
    steps = [
        _impute("em", only=["a1", "a2"]),
        _impute("neighbours", only="a3"),
        _impute("median", only="b1"),
        SCORES,
        _impute("within_mean", within="B", only="b2"),
        {"aggregate": {}},
    ]
    done = _run(table, *steps)
    holes = np.isnan(table)
    expected = np.where(holes, [1, 1, 2, 3, 5], 0)
    np.testing.assert_array_equal(done.filled_by[:, 3:], expected)
    assert not done.filled_by[:, :3].any()
    assert done.n_imputed[:, 0].tolist() == holes.sum(axis=1).tolist()


CELLS = arrays.arrays(
    np.float64, st.tuples(st.integers(4, 12), st.just(5)), elements=st.integers(-9, 9).map(float) | st.just(NAN)
)
METHODS = [
    _impute("mean"),
    _impute("group_median", group="g"),
    _impute("within_mean", within="dimension"),
    _impute("within_median", within="index"),
    _impute("last_value"),
    _impute("linear"),
    _impute("constant", max_years=1),
    _impute("linear_constant"),
    _impute("neighbours", k=2),
    _impute("neighbours", k=2, over="panel", standardise=False, using="A"),
    _impute("regression", predictors="a1"),
    _impute("em", ridge=0.5, tolerance=0.01),
    _impute("multiple", draws=2, seed=1, ridge=0.5, tolerance=0.01, resample=False),
]


@pytest.mark.parametrize("step", METHODS, ids=lambda step: str(step["impute"]["method"]))
@settings(max_examples=12, deadline=None)
@given(CELLS, st.randoms(use_true_random=False))
def test_no_method_touches_an_observed_cell_or_sees_the_order_of_rows(step, table, random):
    order = list(range(len(table)))
    random.shuffle(order)
    years = [2000 + row % 2 for row in range(len(table))]
    units = [f"u{row // 2}" for row in range(len(table))]
    labels = ["n" if row % 3 else "s" for row in range(len(table))]
    first = _run(table, step, years=years, units=units, groups={"g": labels})
    there = ~np.isnan(first.values.values)
    np.testing.assert_array_equal(first.steps[0].table[there], first.values.values[there])
    np.testing.assert_array_equal(first.filled_by[:, 3:] > 0, ~there & ~np.isnan(first.steps[0].table))
    again = _run(
        table[order],
        step,
        years=[years[row] for row in order],
        units=[units[row] for row in order],
        groups={"g": [labels[row] for row in order]},
    )
    np.testing.assert_array_equal(again.steps[0].table, first.steps[0].table)


@pytest.mark.parametrize(
    "step",
    [
        _impute("mean"),
        _impute("within_mean", within="dimension"),
        _impute("neighbours"),
        _impute("regression", predictors=["a1", "b1"]),
        _impute("em", tolerance=1e-9),
    ],
    ids=lambda step: str(step["impute"]["method"]),
)
def test_fills_and_their_errors_follow_a_change_of_unit(step):
    table = _holey(40)
    factor, shift = np.array([1000.0, 0.5, 3.0, 0.01, 7.0]), np.array([5.0, 0.0, -40.0, 1.0, 9.0])
    before, after = _run(table, step), _run(table * factor + shift, step)
    np.testing.assert_allclose(after.steps[0].table, before.steps[0].table * factor + shift, rtol=1e-6)
    np.testing.assert_allclose(after.steps[0].standard_error, before.steps[0].standard_error * factor, rtol=1e-6)


def test_rows_that_are_screened_out_neither_give_nor_take():
    table = _holey(30)
    table[7] = [900.0, 900.0, 900.0, 900.0, NAN]
    screen = {"screen": {"only_where": {"take": "y"}}}
    groups = {"take": ["y"] * 7 + ["n"] + ["y"] * 22}
    for step in METHODS:
        if step["impute"]["method"] in ("last_value", "linear", "constant", "linear_constant", "group_median"):
            continue
        among = _run(table, screen, step, groups=groups).steps[1].table
        alone = _run(np.delete(table, 7, axis=0), step).steps[0].table
        np.testing.assert_array_equal(np.delete(among, 7, axis=0), alone)
        assert np.isnan(among[7]).all()


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([_impute("linear")], "linear needs years, but the values have no column year"),
        ([_impute("neighbours", using="X")], ".using: 'X' is no level and no node"),
        ([_impute("regression", predictors="X")], ".predictors: 'X' is no level and no node"),
        ([_impute("regression", predictors="A", only="A")], ".predictors: a1, a2, a3 predict nothing but themselves"),
        ([_impute("within_mean", within="X")], ".within: 'X' is no level and no node"),
        ([_impute("within_mean", within="kpi")], ".within: 'kpi' holds no two cells of a row that could fill each"),
        ([_impute("within_mean", within="B", only="A")], ".within: 'B' holds no two cells"),
        (
            [{"normalise": {"method": "none", "only": "a1"}}, _impute("within_mean", within="A")],
            ": a2, a3 are not normalised, other indicators of the row are",
        ),
        ([{"treat": {}}, _impute("em", over="panel")], "may be on another logarithm in each year"),
        (
            [SCORES, {"aggregate": {"to": "dimension"}}, _impute("neighbours", level="dimension", using="a1")],
            ".using: names no node of level 'dimension'",
        ),
        ([_impute("em", level="nowhere")], ".level: 'nowhere' is no level"),
    ],
)
def test_an_imputation_that_does_not_fit_is_refused(steps, fault):
    with pytest.raises(MethodError) as caught:
        _run(_holey(5), *steps)
    assert any(fault in found for found in caught.value.faults), caught.value.faults


def test_names_that_do_not_exist_are_all_told():
    with pytest.raises(MethodError) as caught:
        _run(_holey(5), _impute("em", only="X", using="Y"))
    assert len(caught.value.faults) == 2


def test_a_guard_stops_a_method_that_touches_an_observed_cell(monkeypatch):
    monkeypatch.setattr(impute, "fill_by_group", lambda table, *_: (table + 1.0, []))
    with pytest.raises(AssertionError, match="changed a cell that was there"):
        _run(_holey(5), _impute("mean"))


@pytest.mark.parametrize("piece", [1, 100])  # a group at a time, or two
def test_groups_are_filled_side_by_side_as_one_by_one(piece, monkeypatch):
    generator = np.random.default_rng(5)
    table = np.asfortranarray(generator.normal(size=(60, 4)))
    table[generator.random(table.shape) < 0.4] = np.nan
    table[:12, 1] = np.nan  # a group without any value in a column
    groups, wanted = np.repeat([3, -1, 0, 2, 1], 12), np.ones(table.shape, dtype=bool)
    filled, empty = impute.fill_by_group(table, groups, "median", wanted)
    assert empty == [(3, 1, 12)]
    monkeypatch.setattr(impute, "PARALLEL_FROM", piece)
    again, empty_again = impute.fill_by_group(table, groups, "median", wanted)
    np.testing.assert_array_equal(again, filled)
    assert empty_again == empty
