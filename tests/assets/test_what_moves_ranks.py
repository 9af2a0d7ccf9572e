"""What moves whose rank: the indices that a build stores are those of the plain loop, and are for the team alone."""

from __future__ import annotations

import numpy as np
import polars as pl

from assets.marts import internal_view, parents
from assets.replications import edition_case
from intake.consent import public_view
from schemas import marts
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method
from ssc_index.sensitivity.ranks import groups_of, rank_model, sensitivity_frame
from ssc_index.sensitivity.sobol import sensitivity
from tests.assets.cohort import EDITIONS, METHOD, few_replications, shared_frames

KEY = ["measure", "city_id", "input"]
CHOICES = {
    *("age_of_carried_values", "measurement", "weights", "left_out"),
    *("mean_of_index", "mean_of_dimension"),
}


def test_stored_indices_are_those_of_the_plain_loop() -> None:
    frames, edition = shared_frames(), EDITIONS[-1]
    chosen, places = (frames[name].filter(pl.col("edition") == edition) for name in ("picked_values", "index_cities"))
    method = few_replications(read_method(METHOD))
    case = edition_case(edition, chosen, places, load_catalogue(), method)
    plain = sensitivity(rank_model(case, backend=None), groups_of(case), case.section.points, case.section.seed)
    expected = sensitivity_frame(plain, case.values.units[case.rows]).rename({"unit": "city_id"})
    expected = expected.filter((pl.col("n_used") > 0) & pl.col("city_id").is_not_null()).sort(KEY)
    found = frames["uncertainty_sensitivity"].filter(pl.col("edition") == edition).sort(KEY)
    assert found.select(KEY).equals(expected.select(KEY))
    assert set(found["input"]) == CHOICES
    # Ranks of either may swap where two scores all but tie; the scores differ by single precision.
    scores, theirs = (frame.filter(pl.col("measure") == "score") for frame in (found, expected))
    for name in ("first", "total", "total_high", "variance"):
        np.testing.assert_allclose(scores[name], theirs[name], rtol=2e-3, atol=2e-4, err_msg=name)
    assert found.filter(pl.col("measure") == "rank")["total"].max() > 0


def test_every_choice_has_its_share_of_the_shift_of_all_ranks() -> None:
    rows = shared_frames()["uncertainty_rank_shift"]
    for edition in EDITIONS:
        own = rows.filter(pl.col("edition") == edition)
        assert set(own["input"]) == CHOICES
        assert own["variance"].n_unique() == own["n_points"].n_unique() == 1
        # Total indices count what choices do together more than once, and 8 points leave them loose.
        assert 0.5 < own["total"].sum() < 4


def test_the_public_knows_nothing_of_it() -> None:
    names = {"uncertainty_sensitivity", "uncertainty_rank_shift"}
    frames = shared_frames()
    assert names <= internal_view(frames).keys()
    assert not names & public_view(frames, parents(load_catalogue())).keys()
    internal = {marts.FACT_SENSITIVITY.name, marts.FACT_RANK_SHIFT.name}
    assert internal <= {table.name for table in marts.INTERNAL}
    assert not internal & {table.name for table in marts.PUBLIC}
