"""The audit of an edition: the engine's figures, over all cities and over those that are shown."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assets.auditing import audit_tables
from assets.marts import parents
from intake.consent import visible_scores
from schemas import audit, index
from schemas.validate import failures
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method
from tests.assets.cohort import METHOD, shared_frames

YEAR = 2024


def tables(smallest: int = 5) -> dict[str, pl.DataFrame]:
    catalogue, frames = load_catalogue(), shared_frames()
    picked, scores = (frames[name].filter(pl.col("edition") == YEAR) for name in ("picked_values", "index_scores"))
    framework, method = catalogue.framework(YEAR), read_method(METHOD)
    return audit_tables(YEAR, picked, scores, framework, method, parents(catalogue), smallest)


@pytest.fixture(scope="module")
def made() -> dict[str, pl.DataFrame]:
    return tables()


@pytest.mark.parametrize("table", audit.TABLES, ids=lambda table: table.name)
def test_its_rows_hold_their_schemas(table, made):
    assert not made[table.name].is_empty()
    assert failures(table, made[table.name]) == []


def test_a_correlation_is_that_of_the_scores_that_its_audience_sees(made):
    frames, tree = shared_frames(), parents(load_catalogue())
    scores = frames["index_scores"].filter(pl.col("edition") == YEAR)
    seen = {"internal": scores, "public": visible_scores(scores, tree, frames["picked_values"])}
    numbers = {}
    for audience, rows in seen.items():
        wide = rows.filter(pl.col("node").is_in(["EC", "EN"])).pivot(on="node", index="city_id", values="score")
        both = wide.drop_nulls().to_dict(as_series=False)
        rows_of_pair = made["audit.correlations"].filter(audience=audience, measure="pearson", node_a="EC", node_b="EN")
        (row,) = rows_of_pair.to_dicts()
        assert row["relation"] == "siblings"
        assert row["n_cities"] == len(both["EC"])
        if row["n_cities"] >= 5:
            assert row["coefficient"] == pytest.approx(np.corrcoef(both["EC"], both["EN"])[0, 1])
        numbers[audience] = row["n_cities"]
    assert numbers["public"] < numbers["internal"]


def test_too_few_cities_have_no_coefficient_and_say_so():
    frame = tables(smallest=100)[audit.CORRELATIONS.name]
    assert (
        frame["coefficient"].null_count() == frame["p_value"].null_count() == frame["flag"].null_count() == len(frame)
    )
    assert set(frame["reason"]) == {"fewer than 100 cities"}


def test_weights_of_the_dimensions_are_those_of_the_framework(made):
    frame = made[audit.IMPORTANCE.name].filter(audience="internal", node="index", level="dimension")
    assert frame["weight_share"].to_list() == pytest.approx([1 / 3] * 3)
    assert set(frame["reason"]) == {"7 complete pairs; at least 10 are needed"}  # the cohort has seven ranked cities


def test_an_edition_without_scores_has_tables_without_figures():
    catalogue = load_catalogue()
    empty = audit_tables(
        YEAR,
        index.SELECTED.empty(),
        index.SCORES.empty(),
        catalogue.framework(YEAR),
        read_method(METHOD),
        parents(catalogue),
        5,
    )
    assert empty[audit.CORRELATIONS.name]["coefficient"].null_count() == len(empty[audit.CORRELATIONS.name])
    assert empty[audit.RELIABILITY.name]["alpha"].null_count() == len(empty[audit.RELIABILITY.name])
