"""The sensitivity of an index: its scores and ranks, by the plain way to each replication."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest

from ssc_index.rank import rank_descending
from ssc_index.sensitivity.alternatives import one_at_a_time
from ssc_index.sensitivity.design import batches, pick_freeze
from ssc_index.sensitivity.ranks import (
    PlainScores,
    RankModel,
    alternatives_of,
    groups_of,
    outputs_of,
    rank_model,
    sensitivity_frame,
)
from ssc_index.sensitivity.sobol import sensitivity
from ssc_index.uncertainty.case import decide
from tests.uncertainty import examples


class Remembered:
    """Scores by the options that a row picks, each computed once: exact where every input is a choice."""

    def __init__(self, case, sizes):
        self.plain, self.sizes, self.known = PlainScores(case, "index"), sizes, {}

    def __call__(self, rows):
        middle = ((np.floor(rows * self.sizes) + 0.5) / self.sizes).tolist()
        for one in middle:
            if tuple(one) not in self.known:
                self.known[tuple(one)] = self.plain(np.array([one]))[0]
        return np.stack([self.known[tuple(one)] for one in middle])


def shares(table):
    """First-order and total indices of a function on a product of equally likely choices, by sums over all of it.

    Args:
        table: Shape (n_1, ..., n_k, n_outputs).
    """
    axes = tuple(range(table.ndim - 1))
    variance = table.var(axis=axes)
    first = [table.mean(axis=axes[:axis] + axes[axis + 1 :]).var(axis=0) / variance for axis in axes]
    total = [table.var(axis=axis).mean(axis=tuple(range(len(axes) - 1))) / variance for axis in axes]
    return np.array(first), np.array(total)


def test_indices_are_those_of_the_sum_over_every_combination_of_choices():
    inputs = {"normalisation": examples.NORMALISATION, "imputation": examples.IMPUTATION, "means": examples.MEANS}
    case, sizes = examples.case(inputs), np.array([3, 3, 2])
    model = replace(rank_model(case, backend=None), scores=Remembered(case, sizes))
    every = np.array([(np.array(one) + 0.5) / sizes for one in product(*map(range, sizes))])
    outputs = model(every).reshape(*sizes, -1)
    assert not np.isnan(outputs).all(axis=(0, 1, 2)).any()
    groups = groups_of(case)
    assert [group.name for group in groups] == ["imputation", "normalisation", "means"]  # the order of the steps
    found = sensitivity(model, groups, 1024, 3)
    varies = ~np.isnan(outputs).any(axis=(0, 1, 2)) & (outputs.var(axis=(0, 1, 2)) > 0.01)
    assert varies.sum() > 20
    first, total = shares(outputs[..., varies])
    order = [1, 0, 2]
    np.testing.assert_allclose(found.first[:, varies], first[order], atol=0.06)
    np.testing.assert_allclose(found.total[:, varies], total[order], atol=0.06)
    # 4 standard errors hold every index of every city's score and rank.
    assert (np.abs(found.total[:, varies] - total[order]) < 4 * found.total_error[:, varies] + 1e-9).all()
    assert (np.abs(found.first[:, varies] - first[order]) < 4 * found.first_error[:, varies] + 1e-9).all()


@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_the_kernel_finds_what_the_plain_way_finds(backend):
    """With every kind of input; ranks as single precision has them: by one place where scores nearly meet."""
    case = examples.case(examples.EVERYTHING)
    groups = groups_of(case)
    slow, fast = (sensitivity(rank_model(case, backend=way), groups, 16, 1) for way in (None, backend))
    count = len(case.values.units)
    np.testing.assert_array_equal(fast.n_used, slow.n_used)
    moves = (slow.variance > 0.01) & (slow.n_used > 1)
    moves[count:] = False
    assert moves.sum() > 10
    np.testing.assert_allclose(fast.mean[moves], slow.mean[moves], rtol=1e-4)
    np.testing.assert_allclose(fast.total[:, moves], slow.total[:, moves], atol=1e-3)
    np.testing.assert_allclose(fast.first[:, moves], slow.first[:, moves], atol=1e-3)
    np.testing.assert_allclose(fast.total[:, -1], slow.total[:, -1], atol=0.02)


@pytest.mark.parametrize("left_out", [(), ("errors",), ("exclusion",)])
def test_what_the_kernel_keeps_of_the_row_before_changes_no_bit(left_out):
    """Families of rows, where most of a row stays, against each row alone, and against the rows shuffled."""
    inputs = {name: one for name, one in examples.EVERYTHING.items() if name not in left_out}
    case = examples.case(inputs)
    model = rank_model(case)
    points = next(batches(len(inputs), 64 * 8, 4))
    rows = pick_freeze(points, groups_of(case), True).reshape(-1, len(inputs))
    rows = np.concatenate([rows, rows[-1:], np.full((2, len(inputs)), np.nan)])
    together = model(rows)
    alone = np.concatenate([model(row[None]) for row in rows])
    assert together.tobytes() == alone.tobytes()
    shuffled = np.random.default_rng(1).permutation(len(rows))
    assert model(rows[shuffled]).tobytes() == together[shuffled].tobytes()


def test_outputs_are_scores_ranks_and_the_mean_shift_of_ranks():
    case = examples.case({"weights": examples.NOISE_OF_WEIGHTS, "top": examples.TOP})
    model = rank_model(case, backend=None)
    rows = np.array([[np.nan, np.nan], [0.3, 0.9]])
    outputs = model(rows)
    count = len(case.values.units)
    scores, ranks, shift = outputs[:, :count], outputs[:, count:-1], outputs[:, -1]
    assert outputs.shape == (2, 2 * count + 1)
    for row in (0, 1):
        np.testing.assert_array_equal(ranks[row], rank_descending(scores[row]))
    assert shift[0] == 0  # nominal against itself
    assert shift[1] == np.nanmean(np.abs(ranks[1] - ranks[0])) > 0


def test_sets_of_units_are_ranked_among_each_other():
    case = examples.case({"weights": examples.NOISE_OF_WEIGHTS, "top": examples.TOP})
    amongs = (np.ones(23, dtype=bool), np.arange(23) % 2 == 0)
    rows = np.array([[0.3, 0.9], [0.6, 0.1]])
    every, both, plain = (
        rank_model(case, **how)(rows) for how in ({}, {"amongs": amongs}, {"amongs": amongs, "backend": None})
    )
    assert both.shape == (2, 23 + 24 + 13)
    np.testing.assert_array_equal(both[:, :47], every)
    scores, ranks, shift = outputs_of(amongs, 1)
    assert (scores.tolist(), ranks, shift) == (list(range(0, 23, 2)), slice(47, 59), 59)
    expected = np.stack([rank_descending(row[amongs[1]]) for row in every[:, :23]])
    np.testing.assert_array_equal(both[:, ranks], expected)
    nominal = rank_descending(rank_model(case)(np.full((1, 2), np.nan))[0, :23][amongs[1]])
    np.testing.assert_allclose(both[:, shift], np.nanmean(np.abs(expected - nominal), axis=1), rtol=1e-6)
    np.testing.assert_allclose(plain, both, rtol=1e-5)


def test_a_table_tells_one_set_of_units():
    case = examples.case({"weights": examples.NOISE_OF_WEIGHTS, "top": examples.TOP})
    amongs, units = (np.ones(23, dtype=bool), np.arange(23) % 2 == 0), case.values.units[case.rows]
    groups = groups_of(case)
    found = sensitivity(rank_model(case, amongs=amongs), groups, 64, 1)
    some = sensitivity_frame(found, units, amongs, 1)
    alone = sensitivity_frame(sensitivity(rank_model(case, amongs=amongs[1:]), groups, 64, 1), units, amongs[1:])
    assert some.height == (2 * 12 + 1) * len(groups)
    assert some.equals(alone)
    every = sensitivity_frame(sensitivity(rank_model(case), groups, 64, 1), units)
    assert sensitivity_frame(found, units, amongs).equals(every)
    assert not some.filter(pl.col("measure") == "rank").equals(
        every.filter((pl.col("measure") == "rank") & pl.col("unit").is_in(some["unit"].drop_nulls()))
    )


def test_a_unit_without_nominal_rank_has_no_part_in_the_shift():
    # Ranks 1, 2, 3 by score; the nominal ranks of the first two are 2 and 1: a mean shift of 1.
    scores, rank = np.array([[9.0, 8.0, 7.0]]), lambda rows: np.stack([rank_descending(one) for one in rows])
    everyone = (np.ones(3, dtype=bool),)
    model = RankModel(lambda rows: scores, rank, everyone, (np.array([2.0, 1.0, np.nan]),))
    assert model(np.array([[0.5]]))[0].tolist() == [9, 8, 7, 1, 2, 3, 1]
    one = np.array([[1.0, np.nan, np.nan]])
    nobody = RankModel(lambda rows: one, rank, everyone, (np.array([np.nan, 1.0, 2.0]),))
    assert np.isnan(nobody(np.array([[0.5]]))[0, -1])


def test_inputs_of_one_group_move_together():
    together = {**examples.MEANS, "group": "aggregation"}
    case = examples.case(
        {
            "means": together,
            "errors": examples.MEASUREMENT,
            "weights": {**examples.NOISE_OF_WEIGHTS, "group": "aggregation"},
            "goalposts": examples.GOALPOSTS,
            "normalisation": examples.NORMALISATION,
            "exclusion": examples.EXCLUSION,
        }
    )
    assert [(group.name, group.columns) for group in groups_of(case)] == [
        ("errors", (1,)),
        ("goalposts", (3,)),
        ("normalisation", (4,)),
        ("aggregation", (0, 2)),
        ("exclusion", (5,)),
    ]


def test_nominal_against_each_alternative():
    case = examples.case({"top": examples.TOP, "normalisation": examples.NORMALISATION})
    model = rank_model(case, backend=None)
    count = len(case.values.units)
    table = one_at_a_time(model, 2, alternatives_of(case), slice(count, 2 * count))
    assert [(one.group, one.label) for one in table.alternatives] == [
        ("top", "1: levels {'index': 'arithmetic'}"),
        ("top", "2: levels {'index': 'geometric'}"),
        ("normalisation", "1: as it stands"),
        ("normalisation", "2: method minmax, range [1, 100]"),
        ("normalisation", "3: method zscore, mean 50, sd 10"),
    ]
    # The method takes the geometric mean at the top, so its option changes nothing, nor does the empty one.
    assert [bool(shift == 0) for shift in table.mean_shift] == [False, True, True, False, False]
    np.testing.assert_array_equal(table.mean_shift[0], np.nanmean(np.abs(table.outputs[0] - table.nominal)[count:-1]))


def test_alternatives_decide_what_their_labels_say():
    case = examples.case(
        {
            "exclusion": examples.EXCLUSION,
            "experts": {**examples.EXPERTS, "bootstrap": False},
            "top": examples.TOP,
            "errors": examples.MEASUREMENT,
        }
    )
    found = alternatives_of(case, n_draws=3)
    rows = np.full((len(found), 4), np.nan)
    for row, one in zip(rows, found, strict=True):
        row[list(one.coordinates)] = list(one.coordinates.values())
    decided, count = decide(case, rows), len(case.candidates)
    assert decided.excluded.tolist() == [*range(count), *[-1] * 7]
    assert [one.label for one in found[:count]] == [f"without {code}" for code in case.candidates]
    pillars = [case.position[code] for code in ("p0", "p1", "p2")]
    assert decided.weights[count : count + 2, pillars].tolist() == [[1, 2, 1], [3, 1, 0]]
    assert [one.label for one in found[count : count + 2]] == ["expert 1", "expert 2"]
    assert decided.options["top"][count + 2 : count + 4].tolist() == [0, 1]
    assert len(set(decided.noise[count + 4 :].tolist())) == 3
    assert not decided.noise[: count + 4].any()


def test_table_names_measure_unit_and_input_and_leaves_out_what_is_not_there():
    case = examples.case({"top": examples.TOP, "means": examples.MEANS}, units=9)
    found = sensitivity(rank_model(case), groups_of(case), 64, 1)
    table = sensitivity_frame(found, case.values.units)
    assert table.height == (2 * 9 + 1) * 2
    assert table["measure"].unique(maintain_order=True).to_list() == ["score", "rank", "mean_rank_shift"]
    assert table.filter(pl.col("measure") == "mean_rank_shift")["unit"].to_list() == [None, None]
    moves = int(np.flatnonzero(found.variance > 0)[0])
    wanted = (
        (pl.col("measure") == "score") & (pl.col("unit") == case.values.units[moves]) & (pl.col("input") == "means")
    )
    row = table.row(by_predicate=wanted, named=True)
    place = found.groups.index("means")
    assert row["total"] == found.total[place, moves]
    assert row["total_low"] == found.interval("total")[0][place, moves]
    assert row["variance"] == found.variance[moves]
    bare = table.filter(pl.col("n_used") == 0)  # u003 reports too little to be ranked
    assert "u003" in bare["unit"]
    assert bare.select("first", "total", "total_high", "variance").null_count().row(0) == (bare.height,) * 4
    assert not table.select(pl.col(pl.Float64).is_nan().any()).row(0).count(True)
