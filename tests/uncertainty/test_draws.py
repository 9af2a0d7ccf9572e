"""Random numbers by their place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ssc_index.uncertainty import draws
from ssc_index.uncertainty.case import decide, rows_of
from tests.uncertainty import examples


def test_philox_gives_the_known_answers_of_random123():
    ones = np.full(1, 0xFFFFFFFF, np.uint64)
    words = draws.philox((ones, ones, ones, ones), (ones, ones))
    assert [int(word[0]) for word in words] == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


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
