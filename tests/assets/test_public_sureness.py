"""How sure a rank is: nothing of it that the public sees may depend on a value that is not public."""

from __future__ import annotations

import polars as pl

from assets.marts import parents
from intake.consent import public_view
from ssc_index.framework.catalogue import load_catalogue
from tests.assets.cohort import (
    EDITIONS,
    REGIONS,
    SEED,
    core_frame,
    mart_frames,
    receipt_row,
    receipts_frame,
    register_frame,
    seeded_values,
    submission_row,
    submissions_frame,
)

CITIES = tuple(REGIONS)
HIDDEN = {CITIES[0]: "none", CITIES[1]: "scores", CITIES[2]: "scores"}
NAMES = ("ranks", "distribution", "dominance", "sensitivity")
FRAMES = (*(f"uncertainty_{name}" for name in NAMES), "uncertainty_rank_shift", "uncertainty_one_at_a_time")


def shown(other_seed: int) -> dict[str, pl.DataFrame]:
    """The public frames of a cohort whose hidden cities report values drawn by a seed of their own."""
    values = [row for row in seeded_values(SEED) if row["city_id"] not in HIDDEN]
    values += [row for row in seeded_values(other_seed) if row["city_id"] in HIDDEN]
    keys = [(city, year) for year in EDITIONS for city in CITIES]
    receipts = receipts_frame([receipt_row(city, year, HIDDEN.get(city, "values")) for city, year in keys])
    submissions = submissions_frame([submission_row(city, year) for city, year in keys])
    frames = mart_frames(core_frame(values), receipts, submissions, register_frame("".join(CITIES)))
    public = public_view(frames, parents(load_catalogue()))
    return {name: public[name] for name in FRAMES} | {"scores": public["index_scores"]}


def test_values_that_are_not_public_move_no_public_figure() -> None:
    one, other = shown(1), shown(2)
    # The scores of cities with consent to scores do move: the two cohorts are not the same.
    assert not one["scores"].equals(other["scores"])
    for name in FRAMES:
        assert one[name].height, name
        assert one[name].equals(other[name]), name


def test_only_cities_with_open_values_are_named() -> None:
    frames = shown(1)
    for name in FRAMES[:-2]:
        assert not set(frames[name]["city_id"]) & HIDDEN.keys(), name
    assert not set(frames["uncertainty_dominance"]["other_city_id"]) & HIDDEN.keys()
