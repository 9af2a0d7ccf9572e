"""The audit of an edition: the engine's figures, over all cities and over those that are shown."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from assets.auditing import audit_tables
from assets.editions import edition_tables
from assets.marts import parents
from intake.consent import visible_scores
from schemas import audit, index
from schemas.validate import failures
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import method_from_mapping, read_method
from tests.assets.cohort import METHOD, own_weights, shared_frames

YEAR = 2024


def tables(smallest: int = 5) -> dict[str, pl.DataFrame]:
    catalogue, frames = load_catalogue(), shared_frames()
    picked, scores = (frames[name].filter(pl.col("edition") == YEAR) for name in ("picked_values", "index_scores"))
    framework, method = catalogue.framework(YEAR), read_method(METHOD)
    weights = own_weights(framework, YEAR)
    return audit_tables(YEAR, picked, scores, weights, framework, method, parents(catalogue), smallest)


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
        index.WEIGHTS.empty(),
        catalogue.framework(YEAR),
        read_method(METHOD),
        parents(catalogue),
        5,
    )
    assert empty[audit.CORRELATIONS.name]["coefficient"].null_count() == len(empty[audit.CORRELATIONS.name])
    assert empty[audit.RELIABILITY.name]["alpha"].null_count() == len(empty[audit.RELIABILITY.name])


def weighted(step: dict[str, object]) -> dict[str, pl.DataFrame]:
    """Weights and audit of an edition by the cohort's method with a step of weights before the aggregation."""
    catalogue, frames = load_catalogue(), shared_frames()
    told = read_method(METHOD).as_mapping()
    steps = [*told["steps"][:-1], {"weights": step}, told["steps"][-1]]
    method = method_from_mapping({**told, "steps": steps, "uncertainty": None}, "weighted")
    picked, cities = (frames[name].filter(pl.col("edition") == YEAR) for name in ("picked_values", "index_cities"))
    framework = catalogue.framework(YEAR)
    made = edition_tables(YEAR, picked, cities, framework, method)
    scores, weights = made[index.SCORES.name], made[index.WEIGHTS.name]
    assert failures(index.WEIGHTS, weights) == []
    return made | audit_tables(YEAR, picked, scores, weights, framework, method, parents(catalogue), 5)


def test_importance_stands_beside_the_weights_that_the_method_gave_and_not_those_of_the_framework():
    # The framework's are a third each; a method that finds its weights in the data would have others as well.
    made = weighted({"method": "given", "weights": {"EC": 5, "EN": 3, "SC": 2}})
    used = dict(made[index.WEIGHTS.name].select("node", "weight").iter_rows())
    assert (used["EC"], used["EN"], used["SC"]) == (5, 3, 2)
    frame = made[audit.IMPORTANCE.name].filter(audience="internal", node="index", level="dimension")
    assert dict(frame.select("part", "weight").iter_rows()) == pytest.approx({"EC": 0.5, "EN": 0.3, "SC": 0.2})
    assert failures(audit.IMPORTANCE, made[audit.IMPORTANCE.name]) == []


def test_a_family_whose_weights_differ_between_groups_of_cities_has_no_one_weight():
    equal = {"EC": 1, "EN": 1, "SC": 1}
    by_label = {"High income": {"EC": 1, "EN": 2, "SC": 1}}
    labels = shared_frames()["index_cities"]["income_group"].unique()
    step = {"method": "by_group", "group": "income_group", "under": "index"}
    made = weighted(step | {"weights": {label: by_label.get(label, equal) for label in labels}})
    used = dict(made[index.WEIGHTS.name].select("node", "weight").iter_rows())
    assert (used["EC"], used["EN"], used["SC"]) == (None, None, None)
    assert used["EC_ICT"] is not None
    # Its parts have no importance to stand beside; those of the other families have.
    frame = made[audit.IMPORTANCE.name].filter(audience="internal")
    assert frame.filter(node="index", level="dimension").is_empty()
    assert not frame.filter(node="EC").is_empty()
