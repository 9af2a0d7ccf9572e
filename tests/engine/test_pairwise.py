"""Figures of all pairs at once: against SciPy pair by pair, against the dense form, and the same in any company."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate
import scipy.stats

from ssc_index.audit.importance import main_effect, main_effects
from ssc_index.audit.pairwise import SharedRanks, covariance, moments, pearson
from ssc_index.audit.smoothing import COEFFICIENTS, PENALTIES, SEGMENTS, smooth


def _holed(rows=40, columns=6, seed=4):
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(rows, 1)) + generator.normal(size=(rows, columns))
    table[generator.random(table.shape) < 0.2] = np.nan
    table[:, 0] = np.where(np.isnan(table[:, 0]), 1.0, table[:, 0])  # one column is whole
    table[:, 2] = np.round(table[:, 2])  # one has ties
    return table


def _shared(table, i, j):
    both = table[:, [i, j]]
    return both[~np.isnan(both).any(axis=1)].T


def test_moments_are_those_of_each_pair_alone():
    table = _holed()
    r, c = pearson(moments(table)), covariance(moments(table))
    for i in range(6):
        for j in range(6):
            x, y = _shared(table, i, j)
            assert r[i, j] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-12)
            assert c[i, j] == pytest.approx(np.cov(x, y)[0, 1], rel=1e-12)


@pytest.mark.parametrize("far", [1e3, 1e6, 1e9])
def test_what_cancels_is_summed_over_the_rows_of_the_pair(far):
    # The first column has an outlier that the second does not share: about the whole mean all other rows are alike.
    x, y = np.arange(20.0) ** 2, np.sin(np.arange(20.0)) + np.arange(20.0) / 7
    table = np.column_stack([np.append(x, far * 1e3), np.append(y, np.nan)])
    assert pearson(moments(table))[0, 1] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-12)
    assert covariance(moments(table))[0, 1] == pytest.approx(np.cov(x, y)[0, 1], rel=1e-12)


def test_neither_huge_nor_tiny_columns_overflow():
    table = _holed()
    scaled = table * [1e200, 1e-200, 1.0, 1e150, 1.0, 1e-150]
    np.testing.assert_allclose(pearson(moments(scaled)), pearson(moments(table)), rtol=1e-12)


def test_ranks_are_taken_anew_among_the_rows_of_each_pair():
    table = _holed()
    first, second = (np.array(one) for one in zip(*((i, j) for i in range(6) for j in range(6)), strict=True))
    ranks = SharedRanks(table)
    doubled = ranks.of(first, second)
    rho = ranks.spearman(first, second, np.ones(36, dtype=bool))
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        x, y = _shared(table, i, j)
        rows = ~np.isnan(table[:, [i, j]]).any(axis=1)
        np.testing.assert_array_equal(doubled[pair, rows], 2 * scipy.stats.rankdata(x) - x.size - 1)
        assert not doubled[pair, ~rows].any()
        assert rho[pair] == pytest.approx(scipy.stats.spearmanr(x, y).statistic, rel=1e-12)


def _plain_curve(x, y):
    """The P-spline of smallest corrected AIC by least squares on the stacked equations, without any band."""
    knots = np.arange(-3, SEGMENTS + 4) / SEGMENTS
    basis = scipy.interpolate.BSpline.design_matrix(x, knots, 3, extrapolate=True).toarray()
    bends = np.diff(np.eye(COEFFICIENTS), n=2, axis=0)
    best = (np.inf, None, None)
    for penalty in PENALTIES * x.size:
        hat = np.linalg.qr(np.vstack([basis, np.sqrt(penalty) * bends]))[0][: x.size]
        fitted, freedom = hat @ (hat.T @ y), (hat * hat).sum()
        left = x.size - freedom - 2
        criterion = np.log(((y - fitted) ** 2).mean()) + 2 * (freedom + 1) / left if left > 1 else np.inf
        best = min(best, (criterion, fitted, freedom), key=lambda one: one[0])
    return best


@pytest.mark.parametrize(
    "n", [6, 7, 50]
)  # of six points one to two degrees of freedom are left, the fewest that may be
@pytest.mark.parametrize("shape", [lambda x: x, lambda x: np.sin(6 * x), lambda x: x**5], ids=["line", "wave", "bend"])
def test_a_curve_is_the_penalised_spline_of_the_dense_equations(shape, n):
    generator = np.random.default_rng(9)
    x = generator.random(n)
    x = (x - x.min()) / (x.max() - x.min())
    y = shape(x) + 0.1 * generator.normal(size=n)
    y -= y.mean()
    criterion, fitted, freedom = _plain_curve(x, y)
    found = smooth(x[None], y[None], np.ones((1, n), dtype=bool))
    np.testing.assert_allclose(found.fitted[0], fitted, atol=1e-9)
    assert found.freedom[0] == pytest.approx(freedom, abs=1e-6)
    assert found.criterion[0] == pytest.approx(criterion, abs=1e-7)


def test_an_effect_is_the_same_in_any_company():
    table = _holed(rows=60)
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    together = main_effects(table, pairs * 9)  # more curves than are fitted at a time
    alone = [main_effect(table[:, i], table[:, j]) for i, j in pairs]
    assert together == alone * 9
