"""Counts of many replications: the same from any workers, and what NumPy says of all scores at once."""

from __future__ import annotations

import itertools
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import polars as pl
import pytest

from ssc_index.index import compute_index
from ssc_index.rank import rank_descending
from ssc_index.uncertainty.case import decide, rows_of
from ssc_index.uncertainty.distribution import figures_of
from ssc_index.uncertainty.plain import replication
from ssc_index.uncertainty.prepared import prepare
from ssc_index.uncertainty.result import distribution_frame, pairs_frame, ranks_frame
from ssc_index.uncertainty.run import run_uncertainty
from ssc_index.uncertainty.scores import scores_of_choices
from ssc_index.uncertainty.tally import (
    BINS,
    Scale,
    add_by_numba,
    add_by_numpy,
    add_pairs_by_numba,
    add_pairs_by_numpy,
    empty_tally,
    ranks_by_numba,
    ranks_by_numpy,
    scale_of,
)
from tests.uncertainty import examples

REPLICATIONS = 600


@pytest.fixture(scope="module")
def case():
    return examples.case(examples.EVERYTHING, replications=REPLICATIONS, nodes=["pillar"])


@pytest.fixture(scope="module")
def result(case):
    return run_uncertainty(case, workers=1)


def same_counts(one, other):
    assert one.tallies.keys() == other.tallies.keys()
    for key, tally in one.tallies.items():
        for field in fields(tally):
            np.testing.assert_array_equal(getattr(tally, field.name), getattr(other.tallies[key], field.name), key)


@pytest.mark.parametrize(("workers", "part"), [(1, 7), (2, 33), (3, None), (2, 600)])
def test_any_workers_and_any_parts_count_the_same(case, result, workers, part):
    same_counts(run_uncertainty(case, workers=workers, part=part), result)


def test_an_executor_counts_the_same(case, result):
    with ThreadPoolExecutor(2) as pool:
        same_counts(run_uncertainty(case, executor=pool, part=100), result)


@pytest.fixture(scope="module")
def scores(case):
    return scores_of_choices(prepare(case), decide(case, rows_of(case, 0, REPLICATIONS)), "numba")


@pytest.mark.parametrize("node", ["index", "p1"])
def test_figures_are_those_of_all_scores_at_once(case, result, scores, node):
    own = scores[case.kept.index(node)].astype(np.float64)
    ranks = np.stack([rank_descending(row) for row in own])
    figures = result.figures(node)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # units that never have a score
        np.testing.assert_allclose(figures.mean_score, np.nanmean(own, axis=0), atol=1e-3)
        np.testing.assert_allclose(figures.sd_score, np.nanstd(own, axis=0, ddof=1), atol=1e-3)
        np.testing.assert_allclose(figures.mean_rank, np.nanmean(ranks, axis=0), rtol=1e-12)
        np.testing.assert_allclose(figures.sd_rank, np.nanstd(ranks, axis=0, ddof=1), rtol=1e-9)
        quantiles = np.nanquantile(ranks, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0, method="inverted_cdf")
        np.testing.assert_array_equal(figures.rank_quantiles, quantiles.T)
        width = result.scales[node].width
        quantiles = np.nanquantile(own, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0, method="inverted_cdf")
        np.testing.assert_allclose(figures.score_quantiles, quantiles.T, atol=1.01 * width)
    known = ~np.isnan(ranks)
    np.testing.assert_allclose(
        figures.top_ten[known.any(axis=0)],
        ((ranks <= 10).sum(axis=0) / np.maximum(known.sum(axis=0), 1))[known.any(axis=0)],
    )
    np.testing.assert_allclose(
        figures.mean_rank_error, figures.sd_rank / np.sqrt(np.where(known.any(axis=0), known.sum(axis=0), np.nan))
    )


def test_pairs_are_compared_in_every_replication(case, result, scores):
    ranks = np.stack([rank_descending(row) for row in scores[0].astype(np.float64)])
    order = np.where(np.isnan(ranks), np.inf, ranks)
    ahead = (order[:, :, None] < order[:, None, :]).sum(axis=0)
    np.testing.assert_array_equal(result.tallies["index", "all"].ahead, ahead)


def test_a_tier_ends_before_the_first_that_its_best_is_surely_ahead_of(result):
    figures, ahead = result.figures("index"), result.tallies["index", "all"].ahead
    tally = result.tallies["index", "all"]
    places = figures.mean_rank * figures.ranked + (figures.tier > 0).sum() * (1 - figures.ranked)
    order = [unit for unit in np.argsort(places) if tally.ranked[unit]]
    first = order[0]
    for before, unit in itertools.pairwise(order):
        if figures.tier[unit] != figures.tier[before]:
            assert figures.tier[unit] == figures.tier[before] + 1
            assert ahead[first, unit] >= 0.95 * REPLICATIONS
            first = unit
        else:
            assert ahead[first, unit] < 0.95 * REPLICATIONS
    assert figures.tier.max() > 1


def test_a_unit_that_is_seldom_ranked_and_then_first_leads_no_tier():
    # u0 beats u2 in every replication, u1 is ranked in 35 of 100, before both. By mean rank u1 would lead with 1.0,
    # and be ahead of nobody with 95 %, so that all three were one tier. As the last of three in the other 65 it has
    # 2.3, u0 1.35 and u2 2.35: u0 leads, is ahead of u1 in 65, and of u2 in all.
    scores = np.tile(np.array([[60.0, np.nan, 10.0]], dtype=np.float32), (100, 1))
    scores[:35, 1] = 90.0
    tally = empty_tally(np.ones(3, dtype=bool), pairs=True)
    ranks = ranks_by_numpy(scores, tally.among)
    scale = scale_of(scores)
    add_by_numpy(tally, scale, scores, ranks)
    add_pairs_by_numpy(tally, ranks.astype(np.int16))
    figures = figures_of(tally, scale)
    assert figures.mean_rank.tolist() == [1.35, 1.0, 2.35]
    assert figures.tier.tolist() == [1, 1, 2]
    assert (figures.ahead_of.tolist(), figures.behind.tolist()) == ([1, 0, 0], [0, 0, 1])


@pytest.mark.parametrize("ranks_by", [ranks_by_numba, ranks_by_numpy])
@pytest.mark.parametrize("low", [-50.0, 0.0])
@pytest.mark.parametrize("units", [37, 400])  # of few no more share a drawer than are compared with each other
def test_ranks_are_those_of_the_scores(units, low, ranks_by):
    generator = np.random.default_rng(4)
    scores = np.round(generator.uniform(low, 50, (20, units)), 0).astype(np.float32)  # many ties
    scores[10:] = generator.normal(60, 5, scores[10:].shape)  # none
    scores[generator.random(scores.shape) < 0.2] = np.nan
    scores[0, :5] = [0.0, -0.0, 1e-30, -1e-30, np.nan]
    scores[1] = np.nan
    scores[2, 1:] = np.nan
    scores[3] = 7.0
    scores[4] = generator.choice([1.0, 1.0 + 2.0**-23], units)  # apart by one bit
    scores[5, :4] = [3e38, -3e38, 1e-45, -1e-45]
    among = generator.random(units) < 0.7
    expected = [rank_descending(np.where(among, row, np.nan)) for row in scores.astype(np.float64)]
    np.testing.assert_array_equal(ranks_by(scores, among), np.nan_to_num(expected))


@pytest.mark.parametrize("ranks_by", [ranks_by_numba, ranks_by_numpy])
@pytest.mark.parametrize("units", [1, 2, 33, 1024, 1025, 70_000])
def test_ranks_of_scores_without_bounds_and_all_in_one_place(units, ranks_by):
    generator = np.random.default_rng(5)
    scores = generator.normal(50, 5, (12, units)).astype(np.float32)
    some = generator.random(units) < 0.1
    ends = np.array([np.inf, -np.inf, 3.4e38, -3.4e38, 0.0], dtype=np.float32)
    scores[0] = generator.choice(ends, units)
    scores[1] = generator.choice(ends[1:], units)
    scores[2] = generator.choice(ends[::2], units)
    scores[3, some], scores[4, some], scores[5, some] = np.inf, -np.inf, 3.4e38  # the others share a drawer
    scores[6] *= np.float32(1e-45)  # multiples of the smallest number above 0
    scores[7] = np.where(some, scores[7] * np.float32(1e-44), np.float32(-1e-45))
    scores[8] = np.where(some, np.nan, np.inf)
    scores[9] = np.float32(1e30)
    scores[10, some] = np.nan
    everyone = np.ones(units, dtype=bool)
    expected = [rank_descending(row) for row in scores.astype(np.float64)]
    np.testing.assert_array_equal(ranks_by(scores, everyone), np.nan_to_num(expected))


def test_numpy_alone_counts_what_the_kernel_counts(case, result):
    alone = run_uncertainty(case, backend="numpy", workers=1)
    one, other = alone.tallies["index", "all"], result.tallies["index", "all"]
    # The same replications in another precision: a few ranks swap where two scores all but tie.
    assert np.abs(one.rank_sum - other.rank_sum).max() <= 3
    np.testing.assert_array_equal(one.ranked, other.ranked)
    assert np.abs(one.ahead - other.ahead).max() <= 3
    assert np.abs(one.scores - other.scores).sum() < 0.01 * one.scores.sum()  # some lie on the edge of a bin


@pytest.mark.parametrize(("workers", "part"), [(2, 7), (1, 600)])
def test_numpy_alone_counts_the_same_by_any_workers_and_parts(case, workers, part):
    one = run_uncertainty(case, backend="numpy", workers=1, part=100)
    same_counts(run_uncertainty(case, backend="numpy", workers=workers, part=part), one)


def test_numpy_counts_the_same_scores_as_the_compiled_loop(scores):
    own, everyone = np.ascontiguousarray(scores[0]), np.ones(23, dtype=bool)
    ranks, scale = ranks_by_numpy(own, everyone), scale_of(own[:10])
    one, other = empty_tally(everyone, pairs=True), empty_tally(everyone, pairs=True)
    for tally, add, add_pairs in (
        (one, add_by_numpy, add_pairs_by_numpy),
        (other, add_by_numba, add_pairs_by_numba),
    ):
        add(tally, scale, own, ranks)
        add_pairs(tally, ranks.astype(np.int16))
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)
    assert one.ahead.max() > 255


def test_numpy_adds_scores_far_beyond_the_scale_to_the_last_unit():
    # The sum of 33 squares of 2²⁴ − 1 is odd and beyond 2⁵³: a double cannot hold it.
    scores = np.full((33, 1), 2.0**24 - 1, dtype=np.float32)
    tally, scale = empty_tally(np.ones(1, dtype=bool), pairs=False), Scale(0.0, 1.0, 1.0)
    add_by_numpy(tally, scale, scores, ranks_by_numpy(scores, tally.among))
    assert tally.score_squares.tolist() == [33 * (2**24 - 1) ** 2]
    assert tally.score_sum.tolist() == [33 * (2**24 - 1)]


@pytest.mark.parametrize("units", [1, 31, 33, 2000, 2001, 4500])
def test_ranks_and_scores_fall_into_their_bins(units):
    """Ranges of one, two and three ranks, and a number of units that is no multiple of those counted at once."""
    generator = np.random.default_rng(6)
    own = generator.normal(50, 20, (3, units)).astype(np.float32)
    own[:, generator.random(units) < 0.1] = np.nan
    everyone = np.ones(units, dtype=bool)
    ranks, scale, tally = ranks_by_numpy(own, everyone), scale_of(own[:1]), empty_tally(everyone, pairs=False)
    add_by_numba(tally, scale, own, ranks)
    assert tally.rank_width == -(-units // 2000)
    known, unit = ranks > 0, np.broadcast_to(np.arange(units), ranks.shape)
    places = np.clip((own.astype(np.float64) - scale.low) * (1.0 / scale.width), 0, BINS - 1)
    for found, place in ((tally.ranks, (ranks - 1) // tally.rank_width), (tally.scores, places)):
        expected = np.zeros_like(found)
        np.add.at(expected, (unit[known], place[known].astype(int)), 1)
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(tally.rank_squares, (ranks.astype(np.int64) ** 2).sum(axis=0))
    quarter = -(-(ranks > 0).sum(axis=1) // 4)
    np.testing.assert_array_equal(tally.top_quarter, ((ranks > 0) & (ranks <= quarter[:, None])).sum(axis=0))


def test_ranks_among_some_units_are_their_own(case):
    among = np.arange(23) % 3 > 0
    result = run_uncertainty(case, among={"published": among}, workers=1)
    figures = result.figures("index", "published")
    assert np.isnan(figures.mean_rank[~among]).all()
    assert np.nanmax(figures.rank_quantiles) <= among.sum()
    assert ranks_frame(result, "published")["node"].unique().to_list() == ["index"]


def test_ranges_of_ranks_hold_what_their_ranks_hold(result):
    each, ranges = (distribution_frame(result, "index", most=most) for most in (None, 10))
    # 23 units: ranges of three ranks, the last of them from 22 on.
    assert ranges["rank"].unique().sort().to_list() == [3, 6, 9, 12, 15, 18, 21, 23]
    wide = each.with_columns(rank=((pl.col("rank") + 2) // 3 * 3).clip(upper_bound=23))
    wide = wide.group_by("unit", "rank").agg(pl.col("share").sum()).sort("unit", "rank")
    assert ranges.select("unit", "rank").equals(wide.select("unit", "rank"))
    np.testing.assert_allclose(ranges["share"], wide["share"])


def test_pairs_are_told_up_to_the_sureness_that_is_asked_for(result):
    all_, unsure = pairs_frame(result, "index", sure=1.1), pairs_frame(result, "index", sure=0.95)
    ranked = int((result.tallies["index", "all"].ranked > 0).sum())
    assert all_.height == ranked * (ranked - 1) // 2
    assert 0 < unsure.height < all_.height
    assert unsure.equals(all_.filter(pl.col("ahead") < 0.95))


def test_it_stops_once_it_is_sure_enough():
    case = examples.case({"weights": examples.NOISE_OF_WEIGHTS}, replications=50_000, until={"mean_rank_error": 0.05})
    result = run_uncertainty(case)
    assert result.replications % 1000 == 0
    assert result.replications < 50_000
    assert np.nanmax(result.figures("index").mean_rank_error) <= 0.05


def test_an_interrupt_keeps_what_is_done():
    # So many that a busy machine does not finish them before it is told.
    case = examples.case(examples.EVERYTHING, replications=500_000)

    def interrupt(done, total):
        if done >= 100:
            raise KeyboardInterrupt

    result = run_uncertainty(case, workers=1, part=10, progress=interrupt)
    assert 100 <= result.replications < 500_000
    assert result.interrupted
    assert result.tallies["index", "all"].replications == result.replications


def test_what_the_kernel_lacks_goes_the_plain_way_to_the_same_kind_of_result():
    inputs = {"scale": {"kind": "alternatives", "step": "normalise", "options": [{}, {"method": "rank"}]}}
    fast = examples.case(inputs, replications=40)
    plain = examples.case({**inputs, "errors": examples.MEASUREMENT}, replications=40)
    assert run_uncertainty(fast, workers=1).way == "numba"
    result = run_uncertainty(plain, workers=1)
    assert result.way == "plain (normalise: rank after measurement errors)"
    assert np.nansum(result.figures("index").mean_rank) > 0


@pytest.mark.parametrize(("rank_by", "add"), [(ranks_by_numba, add_by_numba), (ranks_by_numpy, add_by_numpy)])
def test_two_replications_are_counted_by_hand(rank_by, add):
    # 13 units. First: 13 to 2, and one without a score: ranks 1 to 12, the quarter is 3. Then the first two lack a
    # score, all others have 1, but for the last with 5: ranks 2 and 1 of 11, the quarter is 3 (2.75, and the rest).
    scores = np.array([[*range(13, 1, -1), np.nan], [np.nan, np.nan, *[1] * 10, 5]], dtype=np.float32)
    tally, scale = empty_tally(np.ones(13, dtype=bool), pairs=False), scale_of(np.array([[0.0, 16.0]]))
    add(tally, scale, scores, rank_by(scores, tally.among))
    assert tally.replications == 2
    assert tally.ranked.tolist() == [1, 1, *[2] * 10, 1]
    assert tally.rank_sum.tolist() == [1, 2, *[rank + 2 for rank in range(3, 13)], 1]
    assert tally.rank_squares.tolist() == [1, 4, *[rank**2 + 4 for rank in range(3, 13)], 1]
    assert tally.top_ten.tolist() == [1, 1, *[2] * 8, 1, 1, 1]
    assert tally.top_quarter.tolist() == [1, 1, 2, *[1] * 9, 1]
    np.testing.assert_allclose(tally.score_sum * scale.unit, [13, 12, *[14 - rank + 1 for rank in range(3, 13)], 5])
    assert [tally.ranks[2, place] for place in range(4)] == [0, 1, 1, 0]  # the third: once third, once second
    assert tally.ranks.sum(axis=1).tolist() == tally.scores.sum(axis=1).tolist() == tally.ranked.tolist()
    at = ((5 - scale.low) / scale.width, (13 - scale.low) / scale.width)
    assert (tally.scores[12, int(at[0])], tally.scores[0, int(at[1])]) == (1, 1)


@pytest.mark.parametrize("rank", [{"first": "lowest"}, {"round": 0}, {"round": 0, "ties": "dense", "first": "lowest"}])
def test_replications_are_ranked_as_the_method_ranks(rank):
    case = examples.case({"means": examples.MEANS, "weights": examples.NOISE_OF_WEIGHTS}, replications=12, rank=rank)
    result = run_uncertainty(case, workers=1)
    indices = [
        compute_index(one.values, one.framework, one.method) for one in (replication(case, n) for n in range(12))
    ]
    ranks = np.nansum([index.ranks[:, 0] for index in indices], axis=0)
    np.testing.assert_array_equal(result.tallies["index", "all"].rank_sum, ranks)
    nominal = compute_index(case.values, case.framework, case.method).ranks[:, 0]
    np.testing.assert_array_equal(ranks_frame(result).filter(node="index")["rank"].to_numpy(), nominal)


@pytest.mark.parametrize(
    ("scores", "low", "high", "largest"),
    [
        ([10.0, 20.0, np.nan], 5.0, 25.0, 32.0),  # half of their range on either side; 25 lies below 2⁵
        ([-40.0, -20.0], -50.0, -10.0, 64.0),
        ([0.0, 16.0], -8.0, 24.0, 32.0),
        ([-8.0, 0.0], -12.0, 4.0, 16.0),
        ([0.0, 64 / 3], -32 / 3, 32.0, 32.0),  # a power of 2 is its own bound
        ([np.nan], -0.5, 1.5, 2.0),
    ],
)
def test_a_scale_holds_the_scores_and_as_much_again(scores, low, high, largest):
    found = scale_of(np.array([scores]))
    assert found.low == pytest.approx(low)
    assert found.width * BINS == pytest.approx(high - low)
    assert found.unit * 2**20 == largest
