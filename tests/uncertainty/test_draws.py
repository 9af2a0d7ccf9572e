"""Random numbers by their place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ssc_index.uncertainty import draws, kernel_numpy
from ssc_index.uncertainty.case import decide, rows_of
from tests.uncertainty import examples


def test_philox_gives_the_known_answers_of_random123():
    ones = np.full(1, 0xFFFFFFFF, np.uint64)
    words = draws.philox((ones, ones, ones, ones), (ones, ones))
    assert [int(word[0]) for word in words] == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def test_splitmix_gives_its_known_answers():
    # Those of seed 1234567 that rosettacode.org gives under Pseudo-random numbers/Splitmix64.
    found = np.empty(5, np.uint64)
    draws.words(np.uint64(1234567), found, np.empty_like(found))
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert found.tolist() == known
    draws.words(draws.further(np.uint64(1234567), 3), found, np.empty_like(found))
    assert found[:2].tolist() == known[3:]


def test_errors_of_neighbours_are_independent():
    # 200 replications of 4 indicators for 96 cities: means over all pairs have a deviation of 1/√76,800 = 0.0036.
    start = draws.starts(draws.keys(draws.rows(5, 0, 201, 1)[:, 0]))
    drawn = np.stack([draws.normals(one, 96, 4) for one in start])
    for one, other in (
        (drawn[1:], drawn[:-1]),  # one replication, the next
        (drawn[:, 1:], drawn[:, :-1]),  # cities
        (drawn[:, 48:], drawn[:, :48]),
        (drawn[..., 1:], drawn[..., :-1]),  # indicators
    ):
        for power in (1, 2):
            product = ((one**power - (power == 2)) * (other**power - (power == 2))).mean()
            assert abs(product) < 4 * power / np.sqrt(one.size)


def test_draws_have_their_distributions():
    # Kolmogorov-Smirnov on 20,000 draws; the seed is fixed, so the test passes always or never.
    key = draws.keys(draws.rows(3, 0, 20_000, 1)[:, 0])
    assert stats.kstest(draws.rows(3, 0, 20_000, 1)[:, 0], "uniform").pvalue > 0.01
    gammas = draws.gammas(key, np.array([0.4, 1.0, 7.5]))
    for column, shape in enumerate((0.4, 1.0, 7.5)):
        assert stats.kstest(gammas[:, column], stats.gamma(shape).cdf).pvalue > 0.01
    assert stats.kstest(draws.normals(key[0], 10_001, 2).ravel(), "norm").pvalue > 0.01


def test_dirichlet_weights_have_the_stated_mean_and_deviation():
    case = examples.case({"weights": {"kind": "weight_dirichlet", "at": "pillar", "concentration": 10}})
    weights = decide(case, rows_of(case, 0, 20_000)).weights[:, [case.position[f"p{place}"] for place in range(3)]]
    shares = weights / weights.sum(axis=1, keepdims=True)
    expected = np.array([1, 2, 3]) / 6
    np.testing.assert_allclose(shares.mean(axis=0), expected, atol=0.004)
    np.testing.assert_allclose(shares.std(axis=0), np.sqrt(expected * (1 - expected) / 11), rtol=0.02)


def test_an_expert_with_more_points_says_no_more_in_a_mean_of_experts():
    # Shares of p0 are 1/2 and 1/10: of two drawn with replacement the mean is 1/2, 3/10 or 1/10, once, twice and once
    # in four. As points go, 500 against 0.1 would make all means but that of the second alone 0.5 or nearly.
    experts = [{"p0": 500.0, "p1": 250.0, "p2": 250.0}, {"p0": 0.1, "p1": 0.9, "p2": 0.0}]
    case = examples.case({"experts": {"kind": "weight_table", "experts": experts, "bootstrap": True}})
    weights = decide(case, rows_of(case, 0, 4000)).weights
    pillars = weights[:, [case.position[f"p{number}"] for number in range(3)]]
    share, count = np.unique((pillars[:, 0] / pillars.sum(axis=1)).round(12), return_counts=True)
    assert share.tolist() == [0.1, 0.3, 0.5]
    np.testing.assert_allclose(count / 4000, [0.25, 0.5, 0.25], atol=0.03)


def test_choices_do_not_depend_on_their_neighbours():
    case = examples.case(examples.EVERYTHING)
    whole, part = decide(case, rows_of(case, 0, 40)), decide(case, rows_of(case, 17, 31))
    for name, option in whole.options.items():
        np.testing.assert_array_equal(option[17:31], part.options[name])
    np.testing.assert_array_equal(whole.weights[17:31], part.weights)
    np.testing.assert_array_equal(whole.excluded[17:31], part.excluded)
    np.testing.assert_array_equal(whole.noise[17:31], part.noise)


def test_a_row_without_numbers_is_the_method_as_it_stands():
    case = examples.case(examples.EVERYTHING)
    choices = decide(case, np.full((1, len(case.names)), np.nan))
    assert all(option[0] == -1 for option in choices.options.values())
    np.testing.assert_array_equal(choices.weights[0], case.base_weights)
    assert (choices.excluded[0], choices.noise[0]) == (-1, 0)


@pytest.mark.parametrize("probability", [0.2, 1.0])
def test_nodes_are_left_out_as_often_as_said(probability):
    case = examples.case({"exclusion": {"kind": "exclusion", "nodes": ["indicator"], "probability": probability}})
    excluded = decide(case, rows_of(case, 0, 9000)).excluded
    counts = np.bincount(excluded + 1, minlength=10)
    assert counts[0] == pytest.approx(9000 * (1 - probability), abs=4 * 40)
    np.testing.assert_allclose(counts[1:], 1000 * probability, atol=4 * 32)


@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (50, 40), (96, 30), (1000, 3), (1025, 2), (2500, 2)])
def test_the_kernel_draws_the_normals_of_the_formula(rows, columns):
    from ssc_index.uncertainty import kernel

    key = draws.keys(draws.rows(8, 0, 1, 1)[0])[0]
    lanes = -(-rows // kernel.LANES) * kernel.LANES
    abreast, pieces = max(1, kernel.TILE // lanes), -(-lanes // kernel.TILE)
    words, tile = np.empty(kernel.TILE // 4, np.uint64), np.empty(kernel.TILE, np.float32)
    cells = kernel.TILE if pieces > 1 else abreast * lanes
    found = []
    for number in range(-(-columns // abreast) * pieces):
        kernel.fill_normals(key, number, cells, words, tile)
        found.append(tile[:cells].copy())
    drawn = np.concatenate(found).reshape(-1, lanes if pieces == 1 else pieces * cells)[:columns, :rows].T
    np.testing.assert_allclose(drawn, draws.normals(key, rows, columns), atol=2e-6)


@pytest.mark.parametrize("at_once", [1, 3, 20])
@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (50, 41), (1000, 5), (2500, 2), (3000, 2)])
def test_numpy_draws_the_normals_of_the_formula_some_replications_and_tiles_at_once(
    rows, columns, at_once, monkeypatch
):
    monkeypatch.setattr(kernel_numpy, "AT_ONCE", at_once)
    start = draws.starts(draws.keys(draws.rows(8, 0, 4, 1)[:, 0]))
    lanes = kernel_numpy.Lanes.of(rows)
    values, deviations = np.zeros((2, columns, lanes.n), dtype=np.float32)
    deviations += 1
    scaled = kernel_numpy.Scaled(values, deviations, None, None, values == 0, None, ())
    errors = kernel_numpy.Errors(5, rows, columns)
    expected = [draws.normals(one, rows, columns).T for one in start]
    np.testing.assert_allclose(errors.add(scaled, start)[:, :, lanes.place], expected, atol=2e-6)


def test_every_word_counts_alike_so_that_moments_of_normals_are_exact():
    # All radii and all angles: what the formula draws from. A normal has 1, 3, 15 for its even moments.
    radius = np.sqrt(-2 * np.log((np.arange(65536) + 0.5) / 65536))
    angle = (np.arange(16384) + 0.5) / 16384 * np.pi / 2
    for power, expected, near in ((2, 1, 1e-5), (4, 3, 5e-4), (6, 15, 3e-2)):
        assert (radius**power).mean() * (np.cos(angle) ** power).mean() == pytest.approx(expected, abs=near)
    assert radius.max() == pytest.approx(4.8546, abs=1e-4)


def test_compiled_streams_are_those_of_numpy():
    case = examples.case(examples.EVERYTHING)
    rows = rows_of(case, 0, 300)
    np.testing.assert_allclose(decide(case, rows, "numba").weights, decide(case, rows).weights, rtol=1e-12)


def test_compiled_gammas_of_small_shapes_are_those_of_numpy():
    from ssc_index.uncertainty import kernel_draws

    key, shapes = draws.keys(draws.rows(4, 0, 500, 1)[:, 0]), np.array([0.2, 0.9, 1.0, 12.0])
    drawn = np.empty((500, 4))
    kernel_draws.fill_gammas(key, shapes, drawn)
    np.testing.assert_allclose(drawn, draws.gammas(key, shapes), rtol=1e-11)


def test_noise_of_weights_is_even_on_both_sides_and_node_by_node():
    case = examples.case({"noise": examples.NOISE_OF_WEIGHTS})
    choices = decide(case, rows_of(case, 0, 4000))
    assert choices.weights is not None
    columns = [case.position[code] for code in case.framework.codes]
    times = choices.weights[:, columns] / case.base_weights[columns]
    # Even on 1 ± 0.25: of 4,000 the mean has an error of 0.25/√(3 · 4,000) = 0.0023, the deviation is 0.25/√3 = 0.144.
    assert times.min() == pytest.approx(0.75, abs=1e-3)
    assert times.max() == pytest.approx(1.25, abs=1e-3)
    np.testing.assert_allclose(times.mean(axis=0), 1.0, atol=4 * 0.0023)
    np.testing.assert_allclose(times.std(axis=0), 0.25 / np.sqrt(3), atol=0.005)
    assert np.abs(np.corrcoef(times.T) - np.eye(len(columns))).max() < 4 / np.sqrt(4000)
    others = [column for column in range(len(case.framework.nodes)) if column not in columns]
    np.testing.assert_array_equal(choices.weights[:, others], np.tile(case.base_weights[others], (4000, 1)))
