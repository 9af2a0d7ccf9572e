"""The demo cohort whole, as a newcomer builds it: sixty cities, five editions, ten thousand replications.

The small workspace of the other tests has neither its length of tails nor its number of cities.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from intake.demo import make_demo
from ssc_index.framework.catalogue import load_catalogue
from tests.pipelines.workspaces import PUBLIC, mart_tables, run_cli

pytestmark = pytest.mark.slow

EDITIONS = [2021, 2022, 2023, 2024, 2025]


def test_the_demo_cohort_builds_whole_and_finds_what_is_planted_in_it(tmp_path: Path) -> None:
    made = make_demo(tmp_path, load_catalogue(), seed=2026, cities=60, years=EDITIONS, workers=1)
    done = run_cli("build", "--workspace", tmp_path, timeout=600)
    assert done.returncode == 0, done.stderr
    marts = mart_tables(tmp_path)

    errors = marts["fact_finding"].filter(severity="error")
    found = sorted(zip(errors["path"], errors["data_point"], errors["rule"], strict=True))
    assert found == sorted((fault.file, fault.data_point, fault.rule) for fault in made.planted)

    editions = marts["dim_edition"].sort("edition")
    assert editions["edition"].to_list() == EDITIONS
    assert editions["n_cities"].to_list() == [60] * len(EDITIONS)
    for edition, n_ranked in editions.select("edition", "n_ranked").rows():
        ranked = marts["ranking"].filter(pl.col("edition") == edition, pl.col("rank").is_not_null())
        assert ranked["rank"].sort().to_list() == list(range(1, n_ranked + 1))  # no tie in this cohort
        assert 40 <= n_ranked < 60  # one in twenty is too sparse, and some have skipped years for too long
        sure = marts["fact_rank_uncertainty"].filter(edition=edition, node="index")
        assert set(sure["city_id"]) == set(ranked["city_id"])
        assert set(sure["replications"]) == {10_000}

    silent = {row["city_id"] for row in marts["dim_submission"].filter(consent="none").to_dicts()}
    open_ones = {row["city_id"] for row in marts["dim_submission"].filter(pl.col("consent") != "none").to_dicts()}
    public = mart_tables(tmp_path, PUBLIC)
    assert silent - open_ones
    assert set(public["fact_score"]["city_id"]) & (silent - open_ones) == set()
