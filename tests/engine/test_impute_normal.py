"""EM under a multivariate normal against a textbook, closed forms and the plain formula; draws by their moments."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_index import compiled_normal, impute_normal
from ssc_index.impute_normal import NormalError, conditional_means, draw, draws, fit_normal

NAN = np.nan


def _hald() -> np.ndarray:
    """Heat of hardening of 13 cements (Hald 1952; Draper and Smith 1981) with the holes of Rubin (1976)."""
    x1 = [7, 1, 11, 11, 7, 11, 3, 1, 2] + [NAN] * 4
    x2 = [26, 29, 56, 31, 52, 55, 71, 31, 54] + [NAN] * 4
    x3 = [6, 15, 8, 8, 6, 9, 17, 22, 18, 4, 23, 9, 8]
    x4 = [60, 52, 20, 47, 33, 22] + [NAN] * 7
    y = [78.5, 74.3, 104.3, 87.6, 95.9, 109.2, 102.7, 72.5, 93.1, 115.9, 83.8, 113.3, 109.4]
    return np.array([x1, x2, x3, x4, y]).T


def _related(rows: int, columns: int, missing: float, seed: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    table = random.normal(size=(rows, 2)) @ random.normal(size=(2, columns)) + random.normal(size=(rows, columns))
    table[random.random(table.shape) < missing] = NAN
    return table


@pytest.mark.parametrize("compiled", [False, True])
def test_the_cement_data_have_the_estimates_of_the_textbook(compiled):
    # Little and Rubin, Statistical Analysis with Missing Data (2002), section 7.4.3: maximum-likelihood means.
    fitted = fit_normal(_hald(), tolerance=1e-9, max_iterations=5000, compiled=compiled)
    np.testing.assert_allclose(fitted.mean, [6.655, 49.965, 11.769, 27.047, 95.423], atol=5e-4)


def test_two_columns_of_which_one_has_holes_have_a_closed_form():
    # Anderson (1957): with x complete, the slope and the residual variance come from the complete pairs alone; the
    # mean of y is its mean there, moved along the slope to the mean of all x.
    x = np.array([1.0, 2.0, 4.0, 5.0, 9.0, 12.0])
    y = np.array([2.0, 3.0, 5.0, 4.0, NAN, NAN])
    sxx, sxy = np.var(x[:4]), np.mean((x[:4] - 3.0) * (y[:4] - 3.5))  # 2.5 and 1.5, divided by n
    slope, residual = sxy / sxx, np.var(y[:4]) - sxy**2 / sxx  # 0.6 and 1.25 − 0.9 = 0.35
    assert (slope, residual) == pytest.approx((0.6, 0.35))
    fitted = fit_normal(np.array([x, y]).T, tolerance=1e-12, max_iterations=5000)
    assert fitted.mean == pytest.approx([5.5, 3.5 + 0.6 * (5.5 - 3.0)])
    assert fitted.covariance[0, 1] == pytest.approx(slope * np.var(x))
    assert fitted.covariance[1, 1] == pytest.approx(residual + slope**2 * np.var(x))
    filled, error = conditional_means(np.array([x, y]).T, fitted)
    np.testing.assert_allclose(filled[4:, 1], [3.5 + 0.6 * 6, 3.5 + 0.6 * 9])
    np.testing.assert_allclose(error[4:, 1], np.sqrt(0.35))
    assert np.isnan(error[:4]).all()


def test_without_holes_the_estimates_are_the_plain_moments():
    table = _related(40, 4, 0.0)
    fitted = fit_normal(table)
    np.testing.assert_allclose(fitted.mean, table.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.covariance, np.cov(table.T, bias=True), rtol=1e-9)
    assert fitted.iterations == 2  # the second step sees that nothing moves


@pytest.mark.parametrize("compiled", [False, True])
def test_one_step_is_the_formula_row_by_row(compiled):
    table = _related(700, 6, 0.3)  # more rows than one part
    table = table[~np.isnan(table).all(axis=1)]
    there = ~np.isnan(table)
    mean, covariance = np.nanmean(table, axis=0), np.diag(np.nanvar(table, axis=0)) + 0.4
    expected, spare = table.copy(), np.zeros((6, 6))
    for row, seen in enumerate(there):
        a, b = covariance[np.ix_(~seen, seen)], covariance[np.ix_(seen, seen)]
        expected[row, ~seen] = mean[~seen] + a @ np.linalg.solve(b, table[row, seen] - mean[seen])
        spare[np.ix_(~seen, ~seen)] += covariance[np.ix_(~seen, ~seen)] - a @ np.linalg.solve(b, a.T)
    known = np.where(there, table, 0.0)
    inverse = impute_normal.precision(covariance)
    total, products = impute_normal._expectation(known, there, mean, inverse, compiled)
    np.testing.assert_allclose(total, (expected - mean).sum(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(products, (expected - mean).T @ (expected - mean) + spare, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_the_compiled_loop_is_plain_python_too(lanes):
    table = _related(30, 4, 0.3)  # 30 rows do not fill the last lanes
    there = ~np.isnan(table)
    assert np.unique(there.sum(axis=1)).size > 3  # rows side by side have unlike holes, or none
    known, mean, inverse = np.where(there, table, 0.0), np.full(4, 0.5), np.linalg.inv(np.eye(4) + 0.5)
    centred, spare = np.where(there, known - mean, 0.0), np.zeros((4, 4))
    compiled_normal.complete_part(there, -(centred @ inverse), inverse, centred, spare, lanes)
    one, two = impute_normal._part(known, there, mean, inverse)
    np.testing.assert_allclose(centred, one, rtol=1e-12)
    np.testing.assert_allclose(spare, two, rtol=1e-12)


def test_a_row_does_not_see_those_beside_it():
    table = _related(40, 5, 0.4)
    there = ~np.isnan(table)
    known, inverse = np.where(there, table, 0.0), np.linalg.inv(np.eye(5) + 0.5)
    push = -(known @ inverse)
    together, alone = known.copy(), known.copy()
    compiled_normal.complete_part(there, push, inverse, together, np.zeros((5, 5)), 8)
    for row in range(40):
        own = slice(row, row + 1)
        compiled_normal.complete_part(there[own], push[own], inverse, alone[own], np.zeros((5, 5)), 8)
    np.testing.assert_array_equal(together, alone)


def test_estimates_do_not_depend_on_the_way_and_follow_a_change_of_unit():
    table = _related(200, 5, 0.25)
    plain, fast = fit_normal(table, compiled=False), fit_normal(table, compiled=True)
    np.testing.assert_allclose(fast.mean, plain.mean, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fast.covariance, plain.covariance, rtol=1e-9)
    factor, shift = np.array([1e6, 1e-6, -2.0, 1.0, 1.0]), np.array([0.0, 0.0, 5.0, -1e3, 0.0])
    moved = fit_normal(table * factor + shift, compiled=False)
    np.testing.assert_allclose(moved.mean, plain.mean * factor + shift, rtol=1e-9)
    ours, theirs = (conditional_means(t, n) for t, n in ((table * factor + shift, moved), (table, plain)))
    np.testing.assert_allclose(ours[0], theirs[0] * factor + shift, rtol=1e-8)
    np.testing.assert_allclose(ours[1], theirs[1] * np.abs(factor), rtol=1e-8)


def test_constant_and_empty_columns_and_empty_rows():
    table = np.column_stack([_related(30, 3, 0.2), np.full(30, 7.0), np.full(30, NAN)])
    table[4, 3] = NAN
    table[9] = NAN
    filled, error = conditional_means(table, fit_normal(table))
    assert (filled[4, 3], error[4, 3]) == (7.0, 0.0)
    assert np.isnan(filled[:, 4]).all()
    assert np.isnan(filled[9]).all()
    rest = np.delete(filled, 9, axis=0)
    assert not np.isnan(rest[:, :4]).any()


def test_a_table_of_constants_has_nothing_to_fit():
    table = np.array([[1.0, 2.0], [1.0, NAN]])
    fitted = fit_normal(table)
    assert (fitted.columns.size, fitted.iterations) == (0, 0)
    np.testing.assert_array_equal(conditional_means(table, fitted)[0], [[1, 2], [1, 2]])


def test_columns_that_repeat_each_other_are_refused_and_a_ridge_helps():
    table = _related(30, 3, 0.2)
    table = np.column_stack([table, table[:, 0] * 2])
    with pytest.raises(NormalError, match=r"singular.*fewer indicators, or a ridge"):
        fit_normal(table)
    assert fit_normal(table, ridge=0.05).covariance.shape == (4, 4)


def test_a_ridge_divides_covariances_and_leaves_variances():
    table = _related(40, 2, 0.0)
    plain, ridged = fit_normal(table), fit_normal(table, ridge=0.25)
    np.testing.assert_allclose(np.diag(ridged.covariance), np.diag(plain.covariance))
    assert ridged.covariance[0, 1] == pytest.approx(plain.covariance[0, 1] / 1.25)


def test_em_that_does_not_get_there_says_so():
    with pytest.raises(NormalError, match=r"after 3 steps \(tolerance 1e-06\); allow more steps"):
        fit_normal(_hald(), max_iterations=3)


def test_a_draw_is_known_by_seed_and_number():
    table = _related(60, 4, 0.2)
    three = list(draws(table, 3, seed=0))
    np.testing.assert_array_equal(draw(table, 0, 2), three[2])
    holes = np.isnan(table)
    for other in (three[0], draw(table, 1, 2), draw(table, 0, 2, resample=False)):
        assert (other[holes] != three[2][holes]).all()
        np.testing.assert_array_equal(other[~holes], table[~holes])
        assert not np.isnan(other).any()


def test_draws_have_the_conditional_mean_and_spread():
    table = _related(80, 3, 0.25)
    table[5] = [0.3, NAN, NAN]
    filled, error = conditional_means(table, fit_normal(table))
    many = np.array(list(draws(table, 200, seed=11, resample=False)))
    holes = np.isnan(table) & ~np.isnan(table).all(axis=1)[:, None]
    # The mean of 200 draws strays by error/14.1 at one sigma; 4.5 sigma for some 60 cells.
    assert (np.abs(many.mean(axis=0) - filled)[holes] < 4.5 * error[holes] / 14.1).all()
    assert np.abs(many.std(axis=0, ddof=1)[holes] / error[holes] - 1).max() < 0.23  # 4.5 / √400
    both = np.cov(many[:, 5, 1], many[:, 5, 2])
    fitted = fit_normal(table).covariance
    expected = fitted[1, 2] - fitted[0, 1] * fitted[0, 2] / fitted[0, 0]  # cov(b, c | a)
    assert both[0, 1] == pytest.approx(expected, abs=4.5 * error[5, 1] * error[5, 2] * 1.42 / 14.1)


def test_resampling_adds_the_uncertainty_of_the_estimates():
    # 20 values, 40 holes: the mean of the 40 fills varies by σ²/40 given the estimates, and by about σ²/20 more
    # with theirs: a factor of about √(1/40 + 1/20) / √(1/40) = 1.7 in its standard deviation.
    table = _related(60, 2, 0.0)
    table[20:, 1] = NAN
    narrow, wide = (
        np.std([one[20:, 1].mean() for one in draws(table, 100, 5, tolerance=1e-3, resample=resample)])
        for resample in (False, True)
    )
    assert 1.4 < wide / narrow < 2.5


def test_an_indicator_with_too_few_values_for_resampling_is_refused(monkeypatch):
    table = np.column_stack([np.arange(300.0), np.full(300, NAN)])
    table[:2, 1] = [1.0, 2.0]
    monkeypatch.setattr(impute_normal, "RESAMPLES", 1)
    with pytest.raises(NormalError, match="too few values for draws"):
        draw(table, 1, 0)
