"""Sobol' indices: known answers, SALib on the same design, and what must hold for any model."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ssc_index.sensitivity.batches import interval
from ssc_index.sensitivity.design import MAX_BATCHES, batches, pick_freeze
from ssc_index.sensitivity.model import Group, SensitivityError, groups_from_sizes
from ssc_index.sensitivity.sobol import indices_of_outputs, sensitivity

THREE = groups_from_sizes({"x1": 1, "x2": 1, "x3": 1})

# Ishigami with a = 7, b = 0.1: V1 = (1 + b pi^4 / 5)^2 / 2, V2 = a^2 / 8, V13 = 8 b^2 pi^8 / 225.
V1, V2, V13 = (1 + 0.1 * np.pi**4 / 5) ** 2 / 2, 49 / 8, 0.08 * np.pi**8 / 225
V = V1 + V2 + V13
FIRST, TOTAL = np.array([V1, V2, 0]) / V, np.array([V1 + V13, V2, V13]) / V


def ishigami(rows):
    x = np.pi * (2 * rows - 1)
    return (np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, None]


def g_function(rows):
    """Sobol' g: the product of (|4 u - 2| + a) / (1 + a)."""
    a = np.array(G_A)
    return ((np.abs(4 * rows - 2) + a) / (1 + a)).prod(axis=1, keepdims=True)


G_A = (0.0, 1.0, 4.5, 9.0, 99.0, 99.0)


def test_ishigami_has_its_analytic_indices():
    # n = 4096: over 60 seeds the largest root mean square error was 0.0031, so 0.015 is five times that.
    found = sensitivity(ishigami, THREE, 4096, 1, second_order=True)
    np.testing.assert_allclose(found.first[:, 0], FIRST, atol=0.015)
    np.testing.assert_allclose(found.total[:, 0], TOTAL, atol=0.015)
    assert found.pairs == ((0, 1), (0, 2), (1, 2))
    np.testing.assert_allclose(found.second[:, 0], [0, V13 / V, 0], atol=0.015)
    np.testing.assert_allclose(found.variance, V, rtol=0.005)
    assert found.runs == 4096 * 8 + 1


def test_sobol_g_has_its_analytic_indices():
    # Partial variances: V_i = 1 / (3 (1 + a_i)^2), V = prod(1 + V_i) - 1, total_i = V_i prod_{j != i}(1 + V_j) / V.
    part = 1 / (3 * (1 + np.array(G_A)) ** 2)
    whole = (1 + part).prod() - 1
    groups = groups_from_sizes({f"x{number}": 1 for number in range(6)})
    found = sensitivity(g_function, groups, 4096, 7)
    np.testing.assert_allclose(found.first[:, 0], part / whole, atol=0.01)
    np.testing.assert_allclose(found.total[:, 0], part / (1 + part) * (1 + whole) / whole, atol=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_lies_within_the_interval(seed: int):
    # n = 256: over 60 seeds 92 to 100 % of the 95 % intervals held the truth; 99.9 % intervals hold it each time.
    found = sensitivity(ishigami, THREE, 256, seed)
    for which, truth in (("first", FIRST), ("total", TOTAL)):
        low, high = found.interval(which, 0.999)
        assert ((low[:, 0] < truth) & (truth < high[:, 0])).all()


def test_errors_shrink_at_least_with_the_root_of_the_number_of_points():
    small, large = (sensitivity(ishigami, THREE, n, 3).total_error for n in (256, 4096))
    assert (small > 3 * large).all()  # sqrt(16) = 4 for independent points, more for those of a sequence


def test_jackknife_of_independent_points_tells_the_spread_over_repetitions():
    random = np.random.default_rng(1)
    runs = []
    for _ in range(200):
        a, b = random.random((256, 3)), random.random((256, 3))
        mixed = [np.where(np.arange(3) == group, b, a) for group in range(3)]
        runs.append(indices_of_outputs(("a", "b", "c"), *map(ishigami, (a, b)), np.stack([*map(ishigami, mixed)])))
    for which in ("first", "total"):
        spread = np.std([getattr(one, which) for one in runs], axis=0)
        told = np.mean([getattr(one, f"{which}_error") for one in runs], axis=0)
        np.testing.assert_allclose(told, spread, rtol=0.15)  # 200 repetitions know a spread to 5 %


def salib(n: int, outputs, seed: int = 5):
    """SALib's design and what it finds with second order, for each of the outputs."""
    sobol = pytest.importorskip("SALib.analyze.sobol")
    sample = pytest.importorskip("SALib.sample.sobol")
    problem = {"num_vars": 3, "names": ["x1", "x2", "x3"], "bounds": [[0, 1]] * 3}
    rows = sample.sample(problem, n, calc_second_order=True, seed=seed)
    y = outputs(rows)
    found = [sobol.analyze(problem, column, True, num_resamples=100, seed=1) for column in y.T]
    return y.reshape(n, 8, -1), found  # a family is A, AB_1..3, BA_1..3, B


def test_salib_finds_the_same_on_its_own_design():
    def outputs(rows):
        base = ishigami(rows)
        return np.hstack([base, base**2 / 10 + 50, np.round(base)])

    y, theirs = salib(512, outputs)
    ab, ba = y[:, 1:4].swapaxes(0, 1), y[:, 4:7].swapaxes(0, 1)
    ours = indices_of_outputs(("x1", "x2", "x3"), y[:, 0], y[:, 7], ab, ba)
    for column, found in enumerate(theirs):
        np.testing.assert_allclose(ours.total[:, column], found["ST"], rtol=1e-7)
        # They centre on the mean of all runs, we on that of A and B: the difference is far within the interval.
        shift = (y[..., column].mean() - ours.mean[column]) * (ab - y[:, 0])[..., column].mean(axis=1)
        np.testing.assert_allclose(ours.first[:, column] - shift / ours.variance[column], found["S1"], rtol=1e-7)
        assert (np.abs(ours.first[:, column] - found["S1"]) < found["S1_conf"] / 10).all()
        for place, (g, h) in enumerate(ours.pairs):
            assert abs(ours.second[place, column] - found["S2"][g, h]) < found["S2_conf"][g, h] / 10
        # Their intervals are 1.96 standard errors of 100 bootstraps: known to 7 % themselves.
        np.testing.assert_allclose(1.96 * ours.total_error[:, column], found["ST_conf"], rtol=0.5)
        np.testing.assert_allclose(1.96 * ours.first_error[:, column], found["S1_conf"], rtol=0.5)


def test_columns_of_a_group_move_together():
    """f = x1 x2 + x3 of centred uniforms: as one group the product is all main effect, apart it is all interaction."""

    def model(rows):
        x = rows - 0.5
        return (x[:, 0] * x[:, 1] + x[:, 2])[:, None]

    # V(x1 x2) = (1/12)^2, V(x3) = 1/12: shares 1/13 and 12/13.
    together = sensitivity(model, [Group("product", (0, 1)), Group("x3", (2,))], 4096, 2)
    np.testing.assert_allclose(together.first[:, 0], [1 / 13, 12 / 13], atol=0.01)
    apart = sensitivity(model, THREE, 4096, 2)
    np.testing.assert_allclose(apart.first[:, 0], [0, 0, 12 / 13], atol=0.01)
    np.testing.assert_allclose(apart.total[:, 0], [1 / 13, 1 / 13, 12 / 13], atol=0.01)


def test_each_output_is_as_if_it_were_alone():
    both = sensitivity(lambda rows: np.hstack([ishigami(rows), rows[:, :1]]), THREE, 128, 4)
    alone = sensitivity(ishigami, THREE, 128, 4)
    assert both.total[:, 0].tolist() == alone.total[:, 0].tolist()
    assert both.first_error[:, 0].tolist() == alone.first_error[:, 0].tolist()


def test_a_large_mean_takes_nothing_away():
    """Uncentred, the first-order estimator of f + 1e6 would be noise of the size of hundreds."""
    shifted = sensitivity(lambda rows: ishigami(rows) + 1e6, THREE, 1024, 6)
    plain = sensitivity(ishigami, THREE, 1024, 6)
    np.testing.assert_allclose(shifted.first, plain.first, atol=1e-8)
    np.testing.assert_allclose(shifted.total, plain.total, atol=1e-8)


def test_the_same_bits_from_threads_in_any_number():
    alone = sensitivity(ishigami, THREE, 512, 9, second_order=True)
    with ThreadPoolExecutor(3) as pool:
        threads = sensitivity(ishigami, THREE, 512, 9, second_order=True, run=pool.map)
    for name in ("first", "first_error", "total", "total_error", "second", "second_error", "mean", "variance"):
        assert getattr(alone, name).tobytes() == getattr(threads, name).tobytes(), name


def test_another_seed_is_another_design_and_the_same_seed_the_same():
    one, again, other = (sensitivity(ishigami, THREE, 64, seed).total.tolist() for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_an_output_that_does_not_vary_has_no_index():
    found = sensitivity(lambda rows: np.hstack([np.full((len(rows), 1), 50.1), rows[:, :1]]), THREE, 64, 1)
    assert found.variance[0] == 0
    assert np.isnan(found.total[:, 0]).all()
    assert np.isnan(found.first_error[:, 0]).all()
    assert found.total[0, 1] == pytest.approx(1, abs=0.2)


def test_an_output_that_varies_in_one_batch_only_has_indices_and_no_error():
    """A rank that moves in a single run: without its batch A and B are constant, though AB may not be."""
    a, b, ab = np.zeros((4, 1)), np.zeros((4, 1)), np.zeros((1, 4, 1))
    a[0], ab[0, 2] = 1.0, 1.0
    found = indices_of_outputs(["x"], a, b, ab)
    # V = 1/8 - 1/64; T = (1 + 1) / 4 / 2V
    assert found.total[0, 0] == pytest.approx(0.25 / (1 / 8 - 1 / 64))
    assert np.isnan(found.total_error[0, 0])
    assert np.isnan(found.first_error[0, 0])
    assert not np.isinf(found.first).any()


def test_rounding_of_float32_is_no_variance():
    def model(rows):
        flutter = np.float32(50) + (rows[:, :1] > 0.5).astype(np.float32) * np.float32(4e-6)
        return np.hstack([flutter, rows[:, :1].astype(np.float32)])

    found = sensitivity(model, THREE, 64, 1)
    assert found.variance[0] == 0
    assert found.variance[1] > 0.07  # 1/12


def test_base_points_with_a_missing_run_are_left_out_of_that_output_only():
    """A city that is screened out in some runs: its indices rest on the families in which it always has a rank."""

    def model(rows):
        y = ishigami(rows)
        return np.hstack([y, np.where(rows[:, 1:2] > 0.9, np.nan, y), np.full_like(y, np.nan)])

    found = sensitivity(model, THREE, 512, 8)
    whole = sensitivity(ishigami, THREE, 512, 8)
    assert found.total[:, 0].tolist() == whole.total[:, 0].tolist()
    # Both A and B need x2 <= 0.9: 0.81 of the points.
    assert found.n_used[0] == 512
    assert found.n_used[1] == pytest.approx(0.81 * 512, abs=12)
    # Given x2 <= 0.9 only the share of x2 changes: V2 is the variance of 7 sin^2 over that part.
    x2 = np.pi * (2 * np.linspace(0, 0.9, 100_001) - 1)
    part = np.var(7 * np.sin(x2) ** 2)
    np.testing.assert_allclose(found.total[:, 1], np.array([V1 + V13, part, V13]) / (V1 + V13 + part), atol=0.08)
    assert found.n_used[2] == 0
    assert np.isnan(found.total[:, 2]).all()
    assert np.isnan(found.mean[2])


def test_a_model_sees_rows_of_a_family_in_the_order_that_it_may_rely_on():
    seen = []

    def model(rows):
        seen.append(rows)
        return rows[:, :1]

    sensitivity(model, [Group("early", (0,)), Group("late", (1, 2))], 64, 1)
    assert (seen[0] == 0.5).all()  # the centre
    family = seen[1].reshape(-1, 4, 3)
    a, ab_late, ab_early, b = family.swapaxes(0, 1)
    assert (ab_late[:, 0] == a[:, 0]).all()
    assert (ab_late[:, 1:] == b[:, 1:]).all()
    assert (ab_early[:, 0] == b[:, 0]).all()
    assert (ab_early[:, 1:] == a[:, 1:]).all()


def test_coordinates_lie_inside_the_unit_interval_and_fill_it_evenly():
    a = np.concatenate([points.a for points in batches(20, 1024, 3)])
    assert a.min() > 0
    assert a.max() < 1
    counts = np.stack([np.bincount((column * 1024).astype(int), minlength=1024) for column in a.T])
    assert (counts == 1).all()  # one point in each of 1,024 intervals, in every dimension


def test_batches_are_the_same_sequence_however_many_there_are():
    drawn = list(batches(2, 256, 1))
    assert len(drawn) == MAX_BATCHES
    assert [points.number for points in drawn] == list(range(MAX_BATCHES))
    assert pick_freeze(drawn[0], groups_from_sizes({"x": 1, "y": 1}), True).shape == (4, 6, 2)


@pytest.mark.parametrize(
    ("n", "model", "fault"),
    [
        (1000, ishigami, "n = 1000 base points: a Sobol' sequence wants a power of two, such as 1024"),
        (2, ishigami, "such as 4"),
        (64, lambda rows: rows[:1], "outputs of shape (1, 3) for "),
        (64, lambda rows: rows[:, 0], "outputs of shape (1,) for 1 rows"),
        (64, lambda rows: np.rint(rows).astype(int), "outputs are int64"),
        (64, lambda rows: 1 / np.rint(rows).clip(0.0) - 1, "output 0 is infinite"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_cannot_be_used_is_refused_with_its_reason(n: int, model, fault: str):
    with pytest.raises(SensitivityError) as error:
        sensitivity(model, THREE, n, 1)
    assert fault in str(error.value)


def test_outputs_of_shapes_that_do_not_agree_are_refused():
    with pytest.raises(SensitivityError):
        indices_of_outputs(("x", "y"), np.zeros((8, 1)), np.zeros((8, 1)), np.zeros((3, 8, 1)))


def test_interval_is_students():
    # t with 63 degrees of freedom: 1.9983 at 97.5 %.
    low, high = interval(np.array([0.5]), np.array([0.1]), 64)
    np.testing.assert_allclose([low[0], high[0]], [0.5 - 0.19983, 0.5 + 0.19983], atol=1e-5)


def test_an_output_that_two_points_have_has_indices_and_one_that_fewer_have_has_none():
    # A, B and AB are 0 or 1, so that all is exact; the columns have four, two, one, no and four
    # families, the last without any spread.
    a, b = (np.repeat(column, 5).reshape(4, 5) for column in ([0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0]))
    a[:, 4] = b[:, 4] = 7.0
    for column, families in enumerate((4, 2, 1, 0)):
        a[families:, column] = np.nan
    found = indices_of_outputs(["x"], a, b, b[None].copy())
    assert found.n_used.tolist() == [4, 2, 1, 0, 4]
    # AB is B, so the total index is sum (B - A)^2 / (2 n V) = 2 / (2 n / 4)
    np.testing.assert_array_equal(found.total[0], [1.0, 2.0, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(np.isnan(found.first[0]), np.isnan(found.total[0]))
    assert np.isnan(found.total_error[0, 2:]).all()
    assert found.variance[4] == 0.0
