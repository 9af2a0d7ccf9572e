"""What moves whose rank: the indices that a build stores are those of the plain loop, among whom a reader may know."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assets.marts import internal_view, parents
from assets.replications import edition_case
from intake.consent import public_view
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method
from ssc_index.sensitivity.alternatives import one_at_a_time
from ssc_index.sensitivity.ranks import (
    alternatives_frame,
    alternatives_of,
    groups_of,
    outputs_of,
    rank_model,
    sensitivity_frame,
)
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
    units, shown = case.values.units[case.rows], public_view(frames, parents(load_catalogue()))
    ranked = shown["uncertainty_ranks"].filter(
        (pl.col("edition") == edition) & (pl.col("node") == case.framework.root.code)
    )
    amongs = (np.ones(len(units), dtype=bool), np.isin(units, ranked["city_id"].to_list()))
    assert 4 < amongs[1].sum() < len(units)
    model = rank_model(case, amongs=amongs, backend=None)
    plain = sensitivity(model, groups_of(case), case.section.points, case.section.seed)
    by_hand = one_at_a_time(model, len(case.names), alternatives_of(case)[::6], slice(0))
    for which, view in enumerate((internal_view(frames), shown)):
        expected = sensitivity_frame(plain, units, amongs, which).rename({"unit": "city_id"})
        expected = expected.filter((pl.col("n_used") > 0) & pl.col("city_id").is_not_null()).sort(KEY)
        expected = expected if which == 0 else expected.filter(pl.col("measure") == "rank")
        found = view["uncertainty_sensitivity"].filter(pl.col("edition") == edition).sort(KEY)
        assert found.select(KEY).equals(expected.select(KEY))
        assert set(found["input"]) == CHOICES
        # Ranks of either may swap where two scores all but tie; the scores differ by single precision.
        scores, theirs = (frame.filter(pl.col("measure") == "score") for frame in (found, expected))
        for name in ("first", "total", "total_high", "variance"):
            np.testing.assert_allclose(scores[name], theirs[name], rtol=2e-3, atol=2e-4, err_msg=name)
        assert found.filter(pl.col("measure") == "rank")["total"].max() > 0
        alone = alternatives_frame(by_hand.over(outputs_of(amongs, which)[1])).sort("input", "setting")
        told = view["uncertainty_one_at_a_time"].filter(pl.col("edition") == edition)
        assert told.height == len(alternatives_of(case))
        some = told.join(alone, on=["input", "setting"], how="semi").sort("input", "setting")
        assert some.select(alone.columns).rows() == alone.rows()
        assert set(some["n_compared"]) >= {amongs[which].sum()}
        assert some["largest_rank_shift"].max() >= 1


@pytest.mark.parametrize("audience", ["internal", "public"])
def test_every_choice_has_its_share_of_the_shift_of_all_ranks(audience: str) -> None:
    frames = shared_frames()
    view = internal_view(frames) if audience == "internal" else public_view(frames, parents(load_catalogue()))
    rows = view["uncertainty_rank_shift"]
    for edition in EDITIONS:
        own = rows.filter(pl.col("edition") == edition)
        assert set(own["input"]) == CHOICES
        assert own["variance"].n_unique() == own["n_points"].n_unique() == 1
        # Total indices count what choices do together more than once, and 8 points leave them loose.
        assert 0.5 < own["total"].sum() < 4
