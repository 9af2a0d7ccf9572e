"""Two published indices, recomputed from files: the HDI 1990–2021 (UNDP) and the SDG Index 2018 (SDSN).

Framework and method are those of examples/; values and published results lie in ../shared/goldens.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def hdi(goldens, run):
    folder = EXAMPLES / "undp_hdi"
    return run(folder / "framework.csv", goldens / "undp_hdi_2021" / "inputs.csv", folder / "method.yaml")


@pytest.fixture
def sdg(goldens, run):
    folder = EXAMPLES / "sdsn_2018"
    return run(folder / "framework.csv", goldens / "sdsn_global_2018" / "inputs.csv", folder / "method.yaml")


def _published(path: Path, measure: str) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None).filter(pl.col("measure") == measure)


def test_every_published_hdi_is_met_to_half_a_unit_of_its_third_decimal(goldens, hdi):
    published = _published(goldens / "undp_hdi_2021" / "expected.csv", "score").filter(pl.col("node") == "hdi")
    both = published.join(hdi.table("scores.csv"), on=["unit", "year", "node"])
    assert both.height == published.height == 5571
    assert both["score"].null_count() == 0
    assert (both["value"] - both["score"]).abs().max() <= 0.0005


def test_every_published_hdi_rank_of_2021_is_exact(goldens, hdi):
    published = _published(goldens / "undp_hdi_2021" / "expected.csv", "rank")
    both = published.join(hdi.table("scores.csv"), on=["unit", "year", "node"])
    assert both.height == 191
    assert both["rank"].to_list() == both["value"].cast(pl.Int64).to_list()


def test_a_country_year_that_lacks_an_indicator_has_no_hdi(hdi):
    scores = hdi.table("scores.csv").filter(pl.col("node") == "hdi")
    assert (scores.filter(pl.col("coverage") < 1)["score"].is_null()).all()
    assert (scores.filter(pl.col("coverage") == 1)["score"].is_not_null()).all()
    # Rwanda 1994 has all four and a life expectancy under 20 years: computed as 0, published as nothing.
    rwanda = scores.filter((pl.col("unit") == "RWA") & (pl.col("year") == 1994))
    assert rwanda["score"].to_list() == [0.0]


def test_sdg_normalised_values_and_goal_scores_are_exact(goldens, sdg):
    for measure, count in (("normalised", 12362), ("score", 2808)):
        published = _published(goldens / "sdsn_global_2018" / "expected.csv", measure)
        both = published.join(sdg.table("scores.csv"), on=["unit", "node"])
        assert both.height == published.height == count
        assert (both["value"] - both["score"]).abs().max() <= 1e-8
        assert both["score"].null_count() == 0


def test_every_sdg_rank_is_exact_and_37_countries_have_none(goldens, sdg):
    published = _published(goldens / "sdsn_global_2018" / "expected.csv", "rank")
    scores = sdg.table("scores.csv").filter(pl.col("node") == "index")
    both = published.join(scores, on=["unit", "node"])
    assert both["rank"].to_list() == both["value"].cast(pl.Int64).to_list()
    assert both.height == scores["rank"].is_not_null().sum() == 156
    excluded = sdg.table("excluded.csv")
    assert excluded.height == 37
    assert set(excluded["reason"]) == {"ranked is '0', not '1'"}


def test_sdg_goals_without_data_get_the_mean_of_their_region(goldens, sdg):
    cells = sdg.table("cells_4_impute.csv")
    assert cells.height == 67  # the count that the golden's README states
    assert set(cells["code"]) == {"SDG1", "SDG10", "SDG14"}
    regions = _published(goldens / "sdsn_global_2018" / "expected.csv", "region_mean_score")
    values = pl.read_csv(goldens / "sdsn_global_2018" / "inputs.csv", infer_schema_length=None)
    scores = sdg.table("scores.csv").filter(pl.col("node") == "index").join(values, on="unit")
    for region in regions.iter_rows(named=True):
        mean = scores.filter(pl.col("region") == region["unit"])["score"].mean()
        assert mean == pytest.approx(region["value"], abs=1e-8)
    assert np.isfinite(regions["value"].to_numpy()).all()
