"""Why an edition differs from the one before: for the index team, and for the public from what is public alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from assets.changes import with_followers
from assets.changing import AMONG_OTHERS, NOT_PUBLIC, OTHER_RULES, change_tables, sights
from assets.editions import edition_tables
from assets.marts import parents
from intake.consent import public_view, visible_scores
from schemas import changes, index
from schemas.validate import failures
from ssc_index.changes import FACTORS
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.framework.load import framework_from_nodes
from ssc_index.framework.model import Framework
from ssc_index.method import method_from_mapping, read_method
from tests.assets.cohort import (
    EDITIONS,
    METHOD,
    REGIONS,
    compared_editions,
    core_frame,
    seeded_values,
    shared_frames,
)

BEFORE, AFTER = EDITIONS
SCORES_ONLY, SECRET = "f", "g"
PARTS = [f"{what}_{name}" for what in ("score", "rank") for name in FACTORS]


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return shared_frames()


def parts(frames: dict[str, pl.DataFrame], audience: str) -> pl.DataFrame:
    return frames["changes_parts"].filter(audience=audience)


@pytest.mark.parametrize("table", changes.TABLES, ids=lambda table: table.name)
def test_its_rows_hold_their_schemas(table: Any, frames: dict[str, pl.DataFrame]) -> None:
    rows = frames[table.name.replace(".", "_")]
    assert not rows.is_empty()
    assert failures(table, rows) == []


def test_words_of_the_schema_are_those_of_the_engine() -> None:
    assert tuple(changes.FACTORS) == FACTORS
    assert FACTORS[:3] == changes.OWN


def test_scores_and_ranks_are_those_that_each_audience_sees(frames: dict[str, pl.DataFrame]) -> None:
    scores = frames["index_scores"]
    shown = visible_scores(scores, parents(load_catalogue()), frames["picked_values"])
    for audience, seen in (("internal", scores), ("public", shown)):
        for when, edition in (("before", BEFORE), ("after", AFTER)):
            told = parts(frames, audience).select("city_id", f"score_{when}", f"rank_{when}").drop_nulls()
            index = seen.filter((pl.col("edition") == edition) & (pl.col("node") == "index")).drop_nulls("score")
            assert told.rows() == index.sort("city_id").select("city_id", "score", "rank").rows()
    assert parts(frames, "internal").height == len(REGIONS)
    assert SECRET not in parts(frames, "public")["city_id"]


def test_parts_sum_to_the_change_and_kpis_to_the_parts_of_the_own_data(frames: dict[str, pl.DataFrame]) -> None:
    for audience in ("internal", "public"):
        kpis = frames["changes_kpis"].filter(audience=audience)
        for row in parts(frames, audience).filter(pl.col("reason").is_null(), state="both").to_dicts():
            for what in ("score", "rank"):
                total = math.fsum(row[f"{what}_{name}"] for name in FACTORS)
                assert total == pytest.approx(row[f"{what}_change"], abs=1e-9)
            for kind in changes.OWN:
                of_kpis = kpis.filter(city_id=row["city_id"])[kind].sum()
                assert of_kpis == pytest.approx(row[f"score_{kind}"], abs=1e-9)


def test_the_public_sees_parts_of_open_cities_alone(frames: dict[str, pl.DataFrame]) -> None:
    rows = {row["city_id"]: row for row in parts(frames, "public").to_dicts()}
    assert rows.keys() == set("abcdef")
    assert all(rows[SCORES_ONLY][name] is None for name in PARTS)
    assert rows[SCORES_ONLY]["reason"] == NOT_PUBLIC
    assert rows[SCORES_ONLY]["rank_change"] is not None
    assert all(rows[city][name] is not None for city in "abcde" for name in PARTS)
    assert set(frames["changes_kpis"].filter(audience="public")["city_id"]) <= set("abcde")
    internal = {row["city_id"]: row for row in parts(frames, "internal").to_dicts()}
    for city in "abcde":
        assert [rows[city][f"score_{name}"] for name in FACTORS] == [
            internal[city][f"score_{name}"] for name in FACTORS
        ]


def redrawn(frames: dict[str, pl.DataFrame], seed: int) -> pl.DataFrame:
    """Selected values, those of the two cities that hide them drawn anew."""
    other = core_frame(seeded_values(seed)).select("city_id", "year", "data_point", value="value")
    mine = frames["picked_values"]
    drawn = mine.select(pl.all().exclude("value")).join(
        other, on=["city_id", "year", "data_point"], how="left", maintain_order="left"
    )
    is_hidden = pl.col("city_id").is_in([SCORES_ONLY, SECRET])
    assert drawn.filter(is_hidden)["value"].drop_nulls().len() > 100
    return mine.with_columns(pl.when(is_hidden).then(drawn["value"].fill_null(0.0)).otherwise("value").alias("value"))


def test_hidden_values_behind_the_same_shown_scores_move_nothing_public(frames: dict[str, pl.DataFrame]) -> None:
    # Scores that are shown are public and count; the values beneath them may be any.
    for seed in (1, 2):
        made = compared_editions(redrawn(frames, seed), frames["index_cities"], frames["index_scores"])
        internal = made["changes.parts"].filter(audience="internal")
        assert not internal.equals(parts(frames, "internal"))
        for name in ("changes.parts", "changes.kpis"):
            mine = frames[name.replace(".", "_")].filter(audience="public")
            assert made[name].filter(audience="public").equals(mine), name


def test_values_of_a_city_that_shows_nothing_move_nothing_public(frames: dict[str, pl.DataFrame]) -> None:
    # Its scores and ranks are computed anew too: those of all others among themselves do not know it.
    method = read_method(METHOD)
    for seed in (1, 2):
        is_secret = pl.col("city_id") == SECRET
        other = redrawn(frames, seed)["value"]
        selected = frames["picked_values"].with_columns(
            pl.when(is_secret).then(other).otherwise("value").alias("value")
        )
        scores = []
        for edition in EDITIONS:
            chosen, places = (
                frame.filter(pl.col("edition") == edition) for frame in (selected, frames["index_cities"])
            )
            made = edition_tables(edition, chosen, places, load_catalogue().framework(edition), method)
            scores.append(made[index.SCORES.name])
        whole = compared_editions(selected, frames["index_cities"], pl.concat(scores))
        assert not whole["changes.parts"].filter(audience="internal").equals(parts(frames, "internal"))
        for name in ("changes.parts", "changes.kpis"):
            mine = frames[name.replace(".", "_")].filter(audience="public")
            assert whole[name].filter(audience="public").equals(mine), name


def test_no_comparison_tells_of_an_edition_or_a_city_that_is_not_shown(frames: dict[str, pl.DataFrame]) -> None:
    method = read_method(METHOD)
    none = pl.lit("none").alias("consent")
    hidden = {
        name: frame.with_columns(pl.when(pl.col("edition") == BEFORE).then(none).otherwise("consent").alias("consent"))
        if name in ("index_scores", "index_cities")
        else frame
        for name, frame in frames.items()
    }
    made = change_tables(seen_by(hidden, BEFORE, method), seen_by(hidden, AFTER, method))
    for table in made.values():
        assert set(table["audience"]) == {"internal"}
    # A city that left, and is not in the later edition at all.
    stays = (pl.col("edition") == BEFORE) | (pl.col("city_id") != "a")
    gone = frames | {name: frames[name].filter(stays) for name in ("index_cities", "index_scores", "picked_values")}
    made = change_tables(seen_by(gone, BEFORE, method), seen_by(gone, AFTER, method))
    assert made["changes.parts"].filter(audience="public", city_id="a")["state"].to_list() == ["left"]
    compared = {name.replace(".", "_"): rows for name, rows in made.items()}
    view = public_view(gone | compared, parents(load_catalogue()))
    assert "b" in view["changes_parts"]["city_id"]
    assert "a" not in view["changes_parts"]["city_id"]


def seen_by(frames: dict[str, pl.DataFrame], edition: int, method: Any, change: Any = None) -> Any:
    chosen, places, scores = (
        frames[name].filter(pl.col("edition") == edition) for name in ("picked_values", "index_cities", "index_scores")
    )
    framework = load_catalogue().framework(edition)
    shown = visible_scores(scores, parents(load_catalogue()), chosen)
    return sights(edition, chosen, places, shown, change(framework) if change else framework, method)


def test_a_method_that_looks_at_others_gives_the_public_no_parts(frames: dict[str, pl.DataFrame]) -> None:
    steps = [{"normalise": {"method": "minmax", "constant": "middle"}}, {"aggregate": {}}]
    method = method_from_mapping({"name": "among", "steps": steps})
    # Two cities of the index team are enough: a cohort is computed for each city and combination.
    few = {
        name: frame.filter(pl.col("city_id").is_in(["a", SECRET])) if "city_id" in frame.columns else frame
        for name, frame in frames.items()
    }
    made = change_tables(seen_by(few, BEFORE, method), seen_by(few, AFTER, method))["changes.parts"]
    public = made.filter(audience="public")
    assert public["reason"].to_list() == [AMONG_OTHERS]
    assert public.select(PARTS).null_count().row(0) == (1,) * len(PARTS)
    internal = made.filter(audience="internal", city_id="a").to_dicts()[0]
    assert internal["score_others"] is not None


def test_with_another_framework_the_public_gets_no_parts_of_ranks(frames: dict[str, pl.DataFrame]) -> None:
    method = read_method(METHOD)

    def wider(framework: Framework) -> Framework:
        nodes = []
        for node in framework.nodes:
            plain = node.direction == "higher" and node.transform == "none" and node.high is not None
            nodes.append(node.model_copy(update={"high": node.high * 2}) if plain else node)
        return framework_from_nodes(nodes)

    sides = seen_by(frames, BEFORE, method), seen_by(frames, AFTER, method, wider)
    rows = {row["city_id"]: row for row in change_tables(*sides)["changes.parts"].filter(audience="public").to_dicts()}
    assert rows["a"]["reason"] == OTHER_RULES
    assert rows["a"]["score_framework"] < 0
    assert all(rows["a"][f"rank_{name}"] is None for name in FACTORS)
    # Without a city of which only scores are seen there is nothing to hide.
    opened = [
        {name: replace(one, scores=one.scores.join(one.cities, on="city_id", how="semi")) for name, one in side.items()}
        for side in sides
    ]
    rows = {row["city_id"]: row for row in change_tables(*opened)["changes.parts"].filter(audience="public").to_dicts()}
    assert rows["a"]["rank_framework"] is not None


@pytest.mark.parametrize(
    ("years", "known", "compared"),
    [
        ([2019], [2018, 2019, 2020], [2019, 2020]),  # 2020 has another edition before it now
        ([2018, 2019, 2020], [2018, 2019, 2020], [2018, 2019, 2020]),
        ([2018], [2018, 2021], [2018, 2021]),
        ([2020], [2018, 2020], [2020]),
    ],
)
def test_the_edition_after_a_built_one_is_compared_anew(
    years: list[int], known: list[int], compared: list[int]
) -> None:
    assert with_followers(years, known) == compared
