"""Counting of deprivations with two cutoffs: the textbook's case, exact fractions, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import polars as pl
import pytest

from ssc_index.aggregate import censored_mean
from ssc_index.alone import steps_among_others
from ssc_index.errors import ComputationError, MethodError
from ssc_index.score_outside import compute_outside

TEXTBOOK = pl.DataFrame(
    {
        "unit": ["1", "2", "3", "4"],
        "income": [13.1, 15.2, 12.5, 20.0],
        "school": [14, 7, 10, 11],
        "health": [1, 1, 0, 1],
        "services": [1, 0, 0, 1],
    }
)


def _tree(**cutoffs):
    leaves = [{"code": c, "parent": "i", "direction": "higher", "target": cut} for c, cut in cutoffs.items()]
    return [{"code": "i", "parent": ""}, *leaves]


def _method(cutoff, normalise=None, **counting):
    rule = {"counting": {"cutoff": cutoff, **counting}}
    return {"steps": [{"normalise": {"method": "cutoff", **(normalise or {})}}, {"aggregate": {"method": rule}}]}


def test_four_people_of_the_textbook(run):
    # Alkire and others (2015), Multidimensional Poverty Measurement and Analysis, 5.4: of four persons two are poor
    # with k = 2 of 4 (H = 1/2), on average in three quarters (A = 3/4), so that M0 = 3/8
    tree = _tree(income=13, school=12, health=1, services=1)
    done = run(tree, TEXTBOOK, _method(0.5)).result
    np.testing.assert_array_equal(1 - done.steps[0].table, [[0, 0, 0, 0], [0, 1, 0, 1], [1, 1, 1, 1], [0, 1, 0, 0]])
    np.testing.assert_array_equal(1 - done.scores[:, 0], [0.0, 0.5, 1.0, 0.0])
    assert (1 - done.scores[:, 0]).mean() == 3 / 8
    heads = run(tree, TEXTBOOK, _method(0.5, gives="headcount")).result
    np.testing.assert_array_equal(heads.scores[:, 0], [1.0, 0.0, 0.0, 1.0])
    assert steps_among_others(done.framework, done.method) == ()


def test_union_and_intersection(run):
    tree = _tree(income=13, school=12, health=1, services=1)
    for cutoff, poor in ((0.01, [0.0, 0.5, 1.0, 0.25]), (1.0, [0.0, 0.0, 1.0, 0.0])):
        np.testing.assert_array_equal(1 - run(tree, TEXTBOOK, _method(cutoff)).result.scores[:, 0], poor)


def test_where_less_is_better_more_falls_short_and_the_cutoff_itself_reaches(run):
    tree = [{"code": "i", "parent": ""}, {"code": "a", "parent": "i", "direction": "lower"}]
    frame = pl.DataFrame({"unit": ["p", "q", "r", "s"], "a": [4.0, 5.0, 6.0, None]})
    done = run(tree, frame, _method(1.0, {"cutoff": 5, "range": [0, 100]}, range=[0, 100])).result
    np.testing.assert_array_equal(done.steps[0].table[:, 0], [100.0, 100.0, 0.0, np.nan])
    np.testing.assert_array_equal(done.scores[:, 0], [100.0, 100.0, 0.0, np.nan])


def test_shares_that_meet_a_third_are_told_from_those_below_as_by_fractions(run):
    """The ten indicators of the global index: 1/6 each of health and education, 1/18 each of living standards."""
    weights = [Fraction(1, 6)] * 4 + [Fraction(1, 18)] * 6
    cells = np.array(list(product([0.0, 1.0], repeat=10)))
    third = [sum(w for w, cell in zip(weights, row, strict=True) if cell == 0.0) for row in cells.tolist()]
    expected = np.array([float(share) if share >= Fraction(1, 3) else 0.0 for share in third])
    dimensions = [
        np.stack([cells[:, 0], cells[:, 1]]).mean(axis=0),
        np.stack([cells[:, 2], cells[:, 3]]).mean(axis=0),
        np.stack(list(cells[:, 4:].T)).mean(axis=0),
    ]
    for cutoff in (1 / 3, 0.3333333333):
        found = 1 - censored_mean(dimensions, [1.0, 1.0, 1.0], cutoff)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        flat = 1 - censored_mean(list(cells.T), [float(w) for w in weights], cutoff)
        np.testing.assert_allclose(flat, expected, atol=1e-12)
    assert 0 < (expected == 0).sum() < expected.size


def test_what_is_missing_leaves_its_weight_to_the_rest():
    nan = np.nan
    parts = [np.array([0.0, nan, nan]), np.array([nan, nan, 1.0]), np.array([1.0, nan, 0.0])]
    np.testing.assert_array_equal(censored_mean(parts, [3.0, 1.0, 1.0], 0.7), [0.25, nan, 1.0])
    assert (
        censored_mean([np.array([0.0]), np.array([nan])], [1.0, 1.0], 0.5) == 0.0
    )  # of what is there, if not told more
    np.testing.assert_array_equal(censored_mean(parts, [3.0, 1.0, 1.0], 0.7, min_coverage=0.9), [nan, nan, nan])


def test_a_unit_outside_is_counted_by_the_same_cutoffs(run, tmp_path):
    done = run(_tree(income=13, school=12, health=1, services=1), TEXTBOOK, _method(0.5))
    outside = compute_outside(tmp_path / "framework.csv", tmp_path / "values.csv", done.out, tmp_path / "other")
    np.testing.assert_array_equal(outside.scores, done.result.scores)


def test_cutoffs_move_with_a_logarithm_and_with_a_treatment(run):
    tree = [{"code": "i", "parent": ""}, {"code": "a", "parent": "i", "direction": "higher", "transform": "ln(x+1)"}]
    frame = pl.DataFrame({"unit": ["p", "q"], "a": [4.9, 5.0]})
    assert run(tree, frame, _method(1.0, {"cutoff": 5})).result.scores[:, 0].tolist() == [0.0, 1.0]
    method = _method(1.0, {"cutoff": 5})
    method["steps"].insert(0, {"treat": {"method": "log_offset", "offset": 1}})
    del tree[1]["transform"]
    assert run(tree, frame, method).result.scores[:, 0].tolist() == [0.0, 1.0]


def test_a_score_that_is_no_share_is_refused(run):
    method = {"steps": [{"normalise": {"method": "none"}}, {"aggregate": {"method": {"counting": {"cutoff": 0.5}}}}]}
    frame = pl.DataFrame({"unit": ["p", "q"], "a": [0.5, 1.5]})
    with pytest.raises(
        ComputationError, match=r"q, a: 1\.5 is not between 0 and 1, so i has no score by counting; give"
    ):
        run(_tree(a=1), frame, method)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (_method(0), "counting.cutoff: Input should be greater than 0"),
        (_method(1.5), "counting.cutoff: Input should be less than or equal to 1"),
        (_method(0.5, gives="all"), "counting.gives: Input should be 'intensity' or 'headcount'"),
        (_method(0.5), "b have no cutoff; fill target, or give 'cutoff' by an override"),
        (_method(0.5, {"only": "a"}), "b are not normalised, other indicators are"),
    ],
)
def test_faults_of_counting_are_named(run, method, said):
    with pytest.raises(MethodError, match=said):
        run(_tree(a=1, b=""), pl.DataFrame({"unit": ["p"], "a": [1.0], "b": [1.0]}), method)
