"""Attacks on the whole public view: what is hidden must move nothing, and a view that tells must be found out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import polars as pl
import pytest

from assets.auditing import audit_tables
from assets.marts import OF_EDITIONS, checked_view, parents
from assets.publish import PublishError
from assets.scoring import peer_tables
from assets.warehouse import in_categories
from intake.consent import WITH_AUDIENCE, public_view
from intake.disclosure import disclosures, solvable
from schemas import audit, benchmark
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method
from tests.assets.cohort import (
    CONSENTS,
    EDITIONS,
    METHOD,
    REGIONS,
    core_frame,
    mart_frames,
    own_weights,
    receipt_row,
    receipts_frame,
    register_frame,
    seeded_values,
    shared_frames,
    submission_row,
    submissions_frame,
)

TREE = parents(load_catalogue())
SMALLEST = load_catalogue().scoring.smallest_group
YEAR = 2024
Frames = dict[str, pl.DataFrame]


@cache
def view() -> Frames:
    return public_view(shared_frames(), TREE)


def test_texts_as_categories_give_the_same_view_and_are_checked_as_texts_are() -> None:
    # As marts are published: what grows with the editions is read with its texts as categories.
    frames = dict(shared_frames())
    frames |= {name: in_categories(frames[name]) for name in OF_EDITIONS}
    frames["raw_cities"] = frames["raw_cities"].with_columns(pl.col("city_id").cast(pl.Categorical))
    shown = public_view(frames, TREE)
    assert shown["index_scores"].schema["node"] == pl.Categorical
    assert shown.keys() == view().keys()
    for name, frame in shown.items():
        assert frame.with_columns(pl.col(pl.Categorical).cast(pl.String)).equals(view()[name]), name
    assert disclosures(shown, frames, TREE, SMALLEST) == []
    told = {**shown, "index_scores": frames["index_scores"], "benchmark_scores": frames["benchmark_scores"]}
    texts = {name: frame.with_columns(pl.col(pl.Categorical).cast(pl.String)) for name, frame in told.items()}
    faults = disclosures(told, frames, TREE, SMALLEST)
    assert len(faults) > 1
    assert faults == disclosures(texts, shared_frames(), TREE, SMALLEST)


def test_a_city_without_consent_moves_no_bit_of_the_public_view() -> None:
    # The differencing attack: the mart with the city in the cohort less the mart without it must be nothing at all.
    there = [city for city in REGIONS if CONSENTS[city] != "none"]
    keys = [(city, year) for year in EDITIONS for city in there]
    without = mart_frames(
        core_frame([row for row in seeded_values() if row["city_id"] in there]),
        receipts_frame([receipt_row(city, year, CONSENTS[city]) for city, year in keys]),
        submissions_frame([submission_row(city, year) for city, year in keys]),
        register_frame(there),
    )
    assert shared_frames()["index_scores"].height > without["index_scores"].height
    left = public_view(without, TREE)
    assert left.keys() == view().keys()
    moved = [name for name, frame in view().items() if not frame.equals(left[name])]
    assert moved == []


def test_editions_are_shown_together_as_each_is_by_itself() -> None:
    alone = [
        public_view(
            {
                name: frame.filter(pl.col("edition") == edition) if "edition" in frame.columns else frame
                for name, frame in shared_frames().items()
            },
            TREE,
        )
        for edition in EDITIONS
    ]
    for name, frame in view().items():
        if "edition" in frame.columns:
            apart = pl.concat([one[name] for one in alone])
            assert apart.sort(apart.columns).equals(frame.sort(frame.columns)), name


def test_figures_of_many_cities_can_be_made_from_the_public_view_alone() -> None:
    # Peers, correlations and importance are functions of what is shown: they add nothing that could be solved.
    catalogue, shown = load_catalogue(), {name: frame for name, frame in view().items() if "edition" in frame.columns}
    own = {name: frame.filter(pl.col("edition") == YEAR) for name, frame in shown.items()}
    made = peer_tables(YEAR, own["picked_values"], own["index_scores"], own["index_cities"], catalogue, TREE)
    picked = own["picked_values"]
    framework = catalogue.framework(YEAR)
    weights, method = own_weights(framework, YEAR), read_method(METHOD)
    made |= audit_tables(YEAR, picked, own["index_scores"], weights, framework, method, TREE, SMALLEST)
    tables = (benchmark.PEERS, benchmark.PEER_POSITIONS, audit.CORRELATIONS, audit.IMPORTANCE)
    for name, table in zip(WITH_AUDIENCE, tables, strict=True):
        remade = made[table.name].filter(audience="internal")
        assert remade.height, name
        assert remade.drop("audience").equals(own[name].drop("audience")), name


def test_nothing_is_found_in_the_view_of_the_cohort() -> None:
    assert disclosures(view(), shared_frames(), TREE, SMALLEST) == []


def test_a_value_that_is_consented_to_is_no_secret_of_an_edition_that_shows_scores_alone() -> None:
    # As where the edition also rests on an older submission of f, which consents to scores alone: EC_ICT rests on two
    # values of newer ones, open by their own consent. Two secrets would have hidden it, with all its siblings.
    frames = shared_frames()
    of_f, under = pl.col("city_id") == "f", pl.col("data_point").str.starts_with("EC_ICT_")
    first = pl.int_range(pl.len()).over("edition", "city_id", under) < 2
    few = frames["picked_values"].filter(~of_f | ~under | first)
    opened = pl.when(of_f & under).then(pl.lit("report")).otherwise("consent").alias("consent")
    sub_dimension = {"city_id": "f", "node": "EC_ICT", "edition": YEAR}
    for picked, is_shown in ((few, False), (few.with_columns(opened), True)):
        changed = {**frames, "picked_values": picked}
        shown = public_view(changed, TREE)
        assert shown["picked_values"].filter(city_id="f").is_empty()
        assert shown["index_scores"].filter(**sub_dimension).height == is_shown
        assert solvable(shown, changed, TREE) == 0


def lone_category(frames: Frames) -> Frames:
    """A score of a city with scores only that rests on one data point."""
    of_city = shared_frames()["index_scores"].filter(
        (pl.col("city_id") == "f") & (pl.col("level") == "category") & pl.col("score").is_not_null()
    )
    return {**frames, "index_scores": pl.concat([frames["index_scores"], of_city])}


def with_first(name: str, **changes: pl.Expr) -> Callable[[Frames], Frames]:
    """A view in whose frame the first row that can be is changed."""

    def changed(frames: Frames) -> Frames:
        frame = frames[name]
        is_given = pl.all_horizontal(pl.col(column).is_not_null() for column in changes)
        is_first = pl.int_range(pl.len()) == frame.select(is_given.arg_max()).item()
        return {
            **frames,
            name: frame.with_columns(
                pl.when(is_first).then(change).otherwise(column).cast(frame.schema[column]).alias(column)
                for column, change in changes.items()
            ),
        }

    return changed


def hidden_sureness(frames: Frames) -> Frames:
    row = frames["uncertainty_ranks"].head(1).with_columns(pl.lit("f").alias("city_id"))
    return {**frames, "uncertainty_ranks": pl.concat([frames["uncertainty_ranks"], row])}


def city_of_another_edition(frames: Frames) -> Frames:
    """The view with a city gone from one of its editions, whose rows of it are left."""
    is_gone = (pl.col("edition") == YEAR) & (pl.col("city_id") == "a")
    cities = frames["index_cities"]
    assert cities.filter(city_id="a")["edition"].sort().to_list() == list(EDITIONS)
    return {**frames, "index_cities": cities.filter(~is_gone)}


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (city_of_another_edition, "rows of cities"),
        (lone_category, "scores from which a value"),
        (with_first("core_values", city_id=pl.lit("g")), "rows of cities"),
        (with_first("benchmark_peers", leader_city_id=pl.lit("g")), "rows of cities"),
        (with_first("index_scores", rank=pl.col("rank") + 1), "ranks that have a gap"),
        (with_first("benchmark_peer_positions", figure=pl.col("figure") + 1), "figures of peers"),
        (with_first("benchmark_peers", minimum=pl.col("minimum") - 1), "peer groups"),
        (with_first("benchmark_peers", n_cities=pl.lit(2)), "peer groups"),
        (hidden_sureness, "chances of ranks"),
        (with_first("audit_correlations", coefficient=pl.lit(0.5), n_cities=pl.lit(4)), "correlations"),
    ],
)
def test_a_view_that_tells_is_found_out(plant: Callable[[Frames], Frames], told: str) -> None:
    planted = plant(view())
    assert [name for name in planted if not planted[name].equals(view()[name])]
    found = disclosures(planted, shared_frames(), TREE, SMALLEST)
    assert any(told in sentence for sentence in found), found


def test_a_mart_that_would_tell_is_not_published(monkeypatch: pytest.MonkeyPatch) -> None:
    checked_view(shared_frames(), TREE)
    monkeypatch.setattr("assets.marts.public_view", lambda *_: lone_category(view()))
    with pytest.raises(PublishError, match="would give away") as raised:
        checked_view(shared_frames(), TREE)
    assert "City" not in str(raised.value)


# --- cities that are counted but not named ---------------------------------------------------------------------


@cache
def with_pseudonym() -> Frames:
    """The cohort's frames with city f under a pseudonym, the peers made anew."""
    frames = shared_frames()
    is_f = pl.col("city_id") == "f"
    places = frames["index_cities"].with_columns(public_id=pl.when(is_f).then(pl.lit("town-7")).otherwise("city_id"))
    register = frames["raw_cities"].with_columns(pseudonym=pl.when(is_f).then(pl.lit("town-7")))
    parts = [
        peer_tables(
            year,
            *(frames[name].filter(pl.col("edition") == year) for name in ("picked_values", "index_scores")),
            places.filter(pl.col("edition") == year),
            load_catalogue(),
            TREE,
        )
        for year in EDITIONS
    ]
    peers = {
        name: pl.concat([part[table.name] for part in parts])
        for name, table in {
            "benchmark_peers": benchmark.PEERS,
            "benchmark_peer_positions": benchmark.PEER_POSITIONS,
        }.items()
    }
    return {**frames, **peers, "index_cities": places, "raw_cities": register}


def test_a_city_that_is_not_named_stands_in_the_ranking_under_its_pseudonym_alone() -> None:
    shown = public_view(with_pseudonym(), TREE)
    assert disclosures(shown, with_pseudonym(), TREE, SMALLEST) == []
    named = view()["index_scores"].filter(pl.col("city_id") == "f").drop("city_id")
    assert shown["index_scores"].filter(pl.col("city_id") == "town-7").drop("city_id").equals(named)
    assert shown["raw_cities"].filter(city_id="town-7").to_dicts() == [
        {
            "city_id": "town-7",
            "name": "Town 7",
            "country_code": "ZZZ",
            "country": "not named",
            "region": "not named",
            "income_group": "not named",
            "is_named": False,
        }
    ]
    for frame in shown.values():
        for column in ("city_id", "other_city_id", "leader_city_id"):
            assert column not in frame.columns or "f" not in set(frame[column])
    assert "City F" not in "".join(frame.write_csv() for frame in shown.values())


def test_a_city_that_is_not_named_is_in_no_peer_group() -> None:
    shown = public_view(with_pseudonym(), TREE)
    places = shown["benchmark_peer_positions"].filter(city_id="town-7")
    assert places.height
    assert places["region_percentile"].null_count() == places["size_class_percentile"].null_count() == places.height
    assert not set(shown["benchmark_peers"]["peer_group"]) & {"not named", "unknown"}
    # All seven are of one size: with f named its index is one of six, without it of five.
    largest = {
        name: frames["benchmark_peers"].filter(grouping="size_class", item="index")["n_cities"].max()
        for name, frames in {"named": view(), "unnamed": shown}.items()
    }
    assert largest == {"named": 6, "unnamed": 5}
