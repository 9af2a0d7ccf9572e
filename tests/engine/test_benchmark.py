"""Benchmark scoring against the published worked examples, and peer groups."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from ssc_index.benchmark import band, peer_statistics, peers_of_blocks, percentage, points, share_of_target

NAN = np.nan


def _share(value: float, target: float, rule: str) -> float:
    return share_of_target(np.array([[value]]), np.array([target]), [rule])[0, 0]


def test_fixed_broadband_as_published_karmoy_four_points_and_another_three():
    # Target 60 % of households. Karmøy 84.51 / 60 = 1.4085 → 4; 44.80 / 60 = 0.74667 → 3 (process_and_scoring.md).
    shares = share_of_target(np.array([[84.51], [44.80]]), np.array([60.0]), ["value_over_target"])
    np.testing.assert_allclose(shares.ravel(), [1.4085, 0.746667], atol=1e-6)
    assert points(shares).ravel().tolist() == [4, 3]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, 1), (19.79, 1), (19.8, 1), (19.81, 2), (39.6, 2), (39.61, 3), (57.0, 3), (57.01, 4), (60.0, 4)],
)
def test_published_bands_of_fixed_broadband_with_edges_in_the_lower_band(value, expected):
    # Bands of 60 %: below 19.8 | 19.8–39.6 | 39.6–57.0 | above 57.0.
    assert points(np.array([_share(value, 60.0, "value_over_target")]))[0] == expected


def test_an_edge_may_belong_to_the_upper_band():
    shares = np.array([0.33, 0.66, 0.95])
    assert points(shares).tolist() == [1, 2, 3]
    assert points(shares, belongs_to=("upper", "lower", "upper")).tolist() == [2, 2, 4]


@pytest.mark.parametrize(
    ("value", "target", "rule", "share"),
    [
        (-5, 60, "value_over_target", 0),
        (0.2, 0.5, "value_over_target", 0.4),
        (5, 0, "value_over_target", NAN),
        (5, -1, "value_over_target", NAN),
        (10, 5, "target_over_value", 0.5),
        (5, 10, "target_over_value", 2),
        (0, 10, "target_over_value", 1),
        (0, 0, "target_over_value", 1),
        (3, 0, "target_over_value", 0),
        (0.8, 1, "one_minus_relative_gap", 0.8),
        (1.2, 1, "one_minus_relative_gap", 0.8),
        (5, 1, "one_minus_relative_gap", 0),
        (5, 0, "one_minus_relative_gap", NAN),
        (1, 1, "yes_is_full", 1),
        (0, 1, "yes_is_full", 0),
    ],
)
def test_share_of_target_by_rule(value, target, rule, share):
    assert _share(value, target, rule) == pytest.approx(share, nan_ok=True)


@pytest.mark.parametrize("rule", ["value_over_target", "target_over_value", "one_minus_relative_gap", "yes_is_full"])
def test_no_value_or_no_target_has_no_share(rule):
    assert np.isnan(_share(NAN, 1.0, rule))
    assert np.isnan(_share(1.0, NAN, rule))


def test_the_worked_percentages():
    # Pully FS p. 12: 1 + 3 + 4 + 1 = 9 of 16 = 56.25 %; only three reported, 3 + 4 + 2 = 9 of 12 = 75 %.
    results = percentage(np.array([[1.0, 3, 4, 1], [3, 4, 2, NAN]]))
    assert results.tolist() == [56.25, 75.0]
    assert band(results).tolist() == [1, 2]  # 33–66 and 66–95


def test_the_lowest_reachable_percentage_is_25():
    assert percentage(np.ones(7)) == 25.0


def test_nothing_scored_has_no_percentage_and_no_band():
    result = percentage(np.array([[NAN, NAN]]))
    assert np.isnan(result[0])
    assert band(result).tolist() == [-1]


def test_a_group_of_five_is_described_and_a_group_of_four_is_not():
    values = np.array([10.0, 20, 30, 40, 100, 1, 2, 3, 4, 7]).reshape(-1, 1)
    labels = ["a"] * 5 + ["b"] * 4 + [None]
    stats = peer_statistics(values, labels)
    assert stats.groups == ("a", "b")
    assert stats.n.ravel().tolist() == [5, 0]
    five = (stats.minimum, stats.quartile_1, stats.median, stats.quartile_3, stats.maximum)
    assert [part[0, 0] for part in five] == [10, 20, 30, 40, 100]
    assert all(np.isnan(part[1, 0]) for part in five)
    assert stats.leader.ravel().tolist() == [4, -1]
    assert stats.gap_to_median[:5, 0].tolist() == [-20, -10, 0, 10, 70]
    assert stats.gap_to_leader[:5, 0].tolist() == [-90, -80, -70, -60, 0]
    for place in (stats.percentile, stats.gap_to_median, stats.gap_to_leader):
        assert np.isnan(place[5:]).all()


def test_a_missing_figure_may_take_a_group_below_five():
    values = np.array([[1.0, 1], [2, 2], [3, 3], [4, 4], [5, NAN]])
    stats = peer_statistics(values, ["a"] * 5)
    assert stats.n.tolist() == [[5, 0]]


def test_quartiles_lie_between_the_figures_as_numpy_has_them():
    figures = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0])
    stats = peer_statistics(figures.reshape(-1, 1), ["g"] * 8)
    expected = np.quantile(figures, [0, 0.25, 0.5, 0.75, 1], method="linear")  # type 7
    five = (stats.minimum, stats.quartile_1, stats.median, stats.quartile_3, stats.maximum)
    np.testing.assert_allclose([part[0, 0] for part in five], expected, rtol=1e-15)


def test_percentiles_count_equals_half_and_follow_the_direction():
    values = np.array([10.0, 20, 20, 40, 50]).reshape(-1, 1)
    up = peer_statistics(values, ["g"] * 5)
    # Of four others: 0 worse; 1 worse and 1 equal = 1.5; the same; 3; 4.
    assert up.percentile.ravel().tolist() == [0, 37.5, 37.5, 75, 100]
    down = peer_statistics(values, ["g"] * 5, lower_is_better=[True])
    assert down.percentile.ravel().tolist() == [100, 62.5, 62.5, 25, 0]
    assert (up.leader.item(), down.leader.item()) == (4, 0)


def test_the_first_of_equal_leaders_is_named():
    assert peer_statistics(np.array([[9.0], [9], [1], [1], [1]]), ["g"] * 5).leader.item() == 0


def test_a_minimum_of_one_shows_a_city_alone_without_a_percentile():
    stats = peer_statistics(np.array([[3.0]]), ["g"], minimum=1)
    assert stats.median.item() == 3.0
    assert np.isnan(stats.percentile).all()


@pytest.mark.parametrize("minimum", [1, 5])
def test_compiled_peers_of_years_are_those_of_each_year(minimum, awkward_columns):
    labels = [None if row % 11 == 0 else f"g{row % 7}" for row in range(len(awkward_columns))]
    labels[4] = "alone"
    lower = [column % 2 == 1 for column in range(awkward_columns.shape[1])]
    blocks = [slice(0, 150), slice(150, 151), slice(160, 300)]
    with np.errstate(invalid="ignore"):  # a column has both infinities
        found = peers_of_blocks(awkward_columns, labels, blocks, minimum, lower, compiled=True)
        alone = [peer_statistics(awkward_columns[rows], labels[rows], minimum, lower) for rows in blocks]
    for one, other in zip(found, alone, strict=True):
        assert one.groups == other.groups
        for ours, theirs in zip(astuple(one)[1:], astuple(other)[1:], strict=True):
            np.testing.assert_array_equal(ours, theirs)
            np.testing.assert_array_equal(np.signbit(np.nan_to_num(ours)), np.signbit(np.nan_to_num(theirs)))
