"""What waits for verification, in a build: counted, ranks are those of the edition in which it was verified; and no
public figure, and no other method's, knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
import yaml

from assets.core import PROVISIONAL, VALUES
from assets.editions import edition_tables, max_age
from assets.provisional import Provisional, asks_for_provisional, provisional_of, without_provisional
from assets.replications import edition_case, sureness_tables
from assets.uncertainty import replication_step
from assets.warehouse import insert_rows
from assets.workspace import Workspace
from assets.writing import replace_years_in
from intake.selection import accepted_submissions, edition_cities, selected_values
from schemas import index, raw, uncertainty
from schemas.state import STEPS
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import Method, read_method
from ssc_index.uncertainty.case import decide, rows_of
from tests.assets.cohort import (
    METHOD,
    SEED,
    core_frame,
    file_rows,
    receipt_row,
    receipts_frame,
    register_frame,
    seeded_values,
    sha_of,
    submission_row,
    submissions_frame,
    value_row,
)

EDITION = 2024
COUNTS = {"reported": {"kind": "provisional", "probability": 0.4}}
WEIGHTS = {"weights": {"kind": "weight_noise", "at": ["dimension", "sub_dimension"], "factor": 0.9}}
# City g has sent in for the first time, and b again, in the autumn; both wait.
AUTUMN = datetime(2025, 9, 1, tzinfo=UTC)
WAITING = {"g": sha_of("g", EDITION), "b": sha_of("b again", EDITION)}
# What the verifiers of a and c have not judged: of the year itself, and of the year before, to be carried.
UNJUDGED = {("a", 2024): 14, ("c", 2023): 30}


def method(inputs: Mapping[str, Any], replications: int = 200) -> Method:
    """The shipped steps with other uncertain inputs."""
    section = {"replications": replications, "seed": 7, "points": 4, "inputs": dict(inputs)}
    return read_method(METHOD).model_copy(update={"uncertainty": section})


@cache
def cohort(seed: int = SEED) -> dict[str, pl.DataFrame]:
    """Rows that a build has of six cities that count, and of what waits beside them, drawn by a seed of its own."""
    values = [row for row in seeded_values() if row["city_id"] != "g"]
    points = [point.id for point in load_catalogue().data_points]
    unjudged = {
        (city, year, point)
        for (city, year), count in UNJUDGED.items()
        for point in np.random.default_rng(11).permutation(points)[:count].tolist()
    }
    # C is silent in the edition where it has something to carry.
    unjudged |= {("c", 2024, point) for city, _, point in unjudged if city == "c"}
    values = [row for row in values if (row["city_id"], row["year"], row["data_point"]) not in unjudged]
    drawn = {(row["city_id"], row["year"], row["data_point"]): row for row in seeded_values(seed + 1)}
    waiting = [drawn[cell] for cell in sorted(unjudged) if cell in drawn and cell[:2] in UNJUDGED]
    waiting += [
        value_row(city, EDITION, point, row["value"], file_sha256=WAITING[city], quality="survey")
        for (city, year, point), row in drawn.items()
        if city in WAITING and year == EDITION
    ]
    # A revision replaces the submission as a whole: b reports all that it had reported.
    known = {(row["city_id"], row["data_point"]) for row in waiting}
    waiting += [
        {**row, "file_sha256": WAITING["b"], "value": row["value"] * 0.9}
        for row in values
        if row["city_id"] == "b" and row["year"] == EDITION and ("b", row["data_point"]) not in known
    ]
    pending = {"received_at": AUTUMN, "verification_outcome": "pending"}
    keys = [(city, year) for year in (2023, 2024) for city in "abcdef"]
    receipts = [receipt_row(city, year, "none" if city == "f" else "values") for city, year in keys]
    receipts += [receipt_row(city, EDITION, file_sha256=sha, **pending) for city, sha in WAITING.items()]
    submissions = [submission_row(city, year) for city, year in keys]
    submissions += [submission_row(city, EDITION) | {"file_sha256": sha} for city, sha in WAITING.items()]
    return {
        "values": core_frame(values),
        "provisional": PROVISIONAL.conform(pl.DataFrame(waiting, schema=PROVISIONAL.polars_schema)),
        "receipts": receipts_frame(receipts),
        "submissions": submissions_frame(submissions),
        "register": register_frame(),
    }


def edition_of(values: pl.DataFrame, receipts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The edition as a build makes it of values and receipts."""
    rows, catalogue, age = cohort(), load_catalogue(), max_age(read_method(METHOD))
    accepted = accepted_submissions(receipts)
    selected = index.SELECTED.conform(selected_values(values, accepted, [EDITION], age))
    classes = catalogue.scoring.size_classes.classes
    cities = edition_cities(selected, accepted, rows["submissions"], rows["register"], classes, [EDITION], age)
    cities = index.CITIES.conform(cities)
    made = edition_tables(EDITION, selected, cities, catalogue.framework(EDITION), read_method(METHOD))
    return {"selected": selected, "cities": cities, "scores": made[index.SCORES.name]}


@cache
def as_it_is() -> dict[str, pl.DataFrame]:
    return edition_of(cohort()["values"], cohort()["receipts"])


def waiting_of(seed: int = SEED) -> Provisional:
    return provisional_of(EDITION, cohort(seed) | as_it_is(), load_catalogue(), read_method(METHOD))


def tables(inputs: Mapping[str, Any], waiting: Provisional | None) -> dict[str, pl.DataFrame]:
    """Rows of schema ``uncertainty`` of the edition."""
    now = as_it_is()
    return sureness_tables(
        EDITION, now["selected"], now["scores"], now["cities"], load_catalogue(), method(inputs), waiting
    )


def index_of(scores: pl.DataFrame, column: str = "rank") -> dict[str, Any]:
    """By city that has one, its rank by the index."""
    ranked = scores.filter((pl.col("level") == "index") & pl.col("rank").is_not_null())
    return dict(ranked.select("city_id", column).iter_rows())


def test_counted_or_not_ranks_are_those_of_the_two_editions() -> None:
    rows = cohort()
    everything = pl.concat([rows["values"], rows["provisional"]])
    accepted = rows["receipts"].with_columns(pl.lit("verified").alias("verification_outcome"))
    without, counted = as_it_is()["scores"], edition_of(VALUES.conform(everything), accepted)["scores"]
    one, other = index_of(without), index_of(counted)
    assert set(other) - set(one) == {"g"}
    assert sum(one[city] != other[city] for city in one) >= 2
    case = edition_case(
        EDITION, as_it_is()["selected"], as_it_is()["cities"], load_catalogue(), method(COUNTS), waiting_of()
    )
    share = float((decide(case, rows_of(case, 0, 200)).options["reported"] == 1).mean())
    assert 0.2 < share < 0.6
    expected: dict[tuple[str, int], float] = {}
    for ranks, weight in ((one, 1 - share), (other, share)):
        for city, rank in ranks.items():
            expected[city, rank] = expected.get((city, rank), 0.0) + weight
    made = tables(COUNTS, waiting_of())
    found = made["uncertainty.distribution"]
    of_ranked = {"g": share}  # the shares of a city's ranks are of the replications in which it has one
    assert {
        (city, rank): part * of_ranked.get(city, 1.0)
        for city, rank, part in found.select("city_id", "rank", "share").iter_rows()
    } == pytest.approx(expected)
    ranks = {row["city_id"]: row for row in made["uncertainty.ranks"].filter(node="index").to_dicts()}
    assert (ranks["g"]["rank"], ranks["g"]["ranked_share"]) == (None, pytest.approx(share))
    scores = [index_of(frame, "score") for frame in (without, counted)]
    for city in one:
        mean = (1 - share) * scores[0][city] + share * scores[1][city]
        assert ranks[city]["mean_score"] == pytest.approx(mean, abs=5e-4), city
    alone = {row["setting"]: row for row in made["uncertainty.one_at_a_time"].to_dicts()}
    shifts = [abs(one[city] - other[city]) for city in one]
    assert alone["counted"]["mean_rank_shift"] == pytest.approx(np.mean(shifts))
    assert alone["counted"]["largest_rank_shift"] == max(shifts)
    assert alone["counted"]["n_compared"] == len(one)
    assert alone["left out"]["largest_rank_shift"] == 0


def test_the_public_learns_nothing_of_it() -> None:
    both, open_ = {**COUNTS, **WEIGHTS}, pl.col("audience") == "public"
    alone, one, other = tables(WEIGHTS, None), tables(both, waiting_of()), tables(both, waiting_of(1))
    for table in uncertainty.TABLES:
        public = [frames[table.name].filter(open_) for frames in (alone, one, other)]
        assert public[0].height, table.name
        assert public[0].equals(public[1]), table.name
        assert public[0].equals(public[2]), table.name
        internal = [frames[table.name].filter(~open_) for frames in (alone, one, other)]
        assert not internal[0].equals(internal[1])
    assert not one["uncertainty.ranks"].equals(other["uncertainty.ranks"])
    assert set(one["uncertainty.sensitivity"].filter(~open_)["input"]) == {"reported", "weights"}
    # Where nothing else is uncertain, there is nothing to tell the public.
    only = tables(COUNTS, waiting_of())
    assert {audience for frame in only.values() for audience in frame["audience"]} == {"internal"}


def test_only_what_is_not_refused_waits() -> None:
    assert set(waiting_of().values["city_id"]) == {"a", "b", "c", "g"}
    assert waiting_of().cities["city_id"].to_list() == ["g"]
    refused = pl.when(verification_outcome="pending").then(pl.lit("rejected")).otherwise("verification_outcome")
    rows = cohort() | as_it_is()
    rows["receipts"] = rows["receipts"].with_columns(refused.alias("verification_outcome"))
    found = provisional_of(EDITION, rows, load_catalogue(), read_method(METHOD))
    assert set(found.values["city_id"]) == {"a", "c"}


def test_a_newer_verified_value_stands_and_a_cell_keeps_the_grade_of_the_verified_one() -> None:
    now, waiting = as_it_is(), waiting_of()
    carried = waiting.values.filter(pl.col("year") < EDITION)
    assert set(carried["city_id"]) == {"c"}
    rows = cohort() | now
    point = carried["data_point"][0]
    newer = (
        now["selected"]
        .head(1)
        .with_columns(city_id=pl.lit("c"), data_point=pl.lit(point), year=pl.lit(EDITION, pl.Int16))
    )
    rows["selected"] = pl.concat(
        [now["selected"].filter((pl.col("city_id") != "c") | (pl.col("data_point") != point)), newer]
    )
    again = provisional_of(EDITION, rows, load_catalogue(), read_method(METHOD))
    assert point not in again.values.filter(city_id="c")["data_point"].to_list()
    case = edition_case(EDITION, now["selected"], now["cities"], load_catalogue(), method(COUNTS), waiting)
    assert case.grades is not None
    assert case.provisional is not None
    row = next(at for at, unit in enumerate(case.values.units) if unit == "b" and at >= case.rows.start)
    has_both = ~np.isnan(case.values.values[row]) & ~np.isnan(case.provisional[row])
    alone = np.isnan(case.values.values[row]) & ~np.isnan(case.provisional[row])
    assert set(case.grades[row][has_both]) == {"accurate_measurements"}
    assert set(case.grades[row][alone]) == {"survey"}


def test_a_method_says_whether_it_asks_for_them() -> None:
    shipped = read_method(METHOD)
    assert not asks_for_provisional(shipped)
    assert asks_for_provisional(method({**COUNTS, **WEIGHTS}))
    without = without_provisional(method({**COUNTS, **WEIGHTS}))
    assert without is not None
    assert (without.uncertainty or {})["inputs"] == WEIGHTS
    assert without_provisional(method(COUNTS)) is None
    assert not asks_for_provisional(shipped.model_copy(update={"uncertainty": {"inputs": ["wrong"]}}))


@pytest.mark.parametrize("inputs", [WEIGHTS, {**COUNTS, **WEIGHTS}], ids=["verified alone", "with what waits"])
def test_a_change_of_what_waits_is_computed_only_where_it_counts(inputs: dict[str, Any], tmp_path: Path) -> None:
    mapping = {**read_method(METHOD).as_mapping(), "uncertainty": method(inputs, 20).uncertainty}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
    step = replication_step(Workspace(tmp_path, "Tests", True, tmp_path / "m.yaml"))
    rows, now = cohort(), as_it_is()
    files = rows["receipts"].select("file_sha256").unique(maintain_order=True)
    filled = (
        (PROVISIONAL, rows["provisional"]),
        (raw.RECEIPTS, rows["receipts"]),
        (raw.SUBMISSIONS, rows["submissions"]),
        (raw.CITIES, rows["register"]),
        (raw.FILES, file_rows(files)),
        (index.SELECTED, now["selected"]),
        (index.CITIES, now["cities"]),
        (index.SCORES, now["scores"]),
    )
    with duckdb.connect() as connection:
        for table in (*(table for table, _ in filled), *uncertainty.TABLES, STEPS):
            connection.execute("create schema if not exists " + table.name.partition(".")[0])
            connection.execute(table.ddl())
        for table, frame in filled:
            insert_rows(connection, table, frame)
        counts = inputs is not WEIGHTS
        assert replace_years_in(connection, step, [EDITION]).computed == [EDITION]
        found = connection.sql("select distinct city_id from uncertainty.ranks where audience = 'internal'").pl()
        assert ("g" in found["city_id"].to_list()) == counts
        assert replace_years_in(connection, step, [EDITION]).computed == []
        connection.execute("update core.provisional set value = value / 2 where city_id = 'g'")
        assert replace_years_in(connection, step, [EDITION]).computed == ([EDITION] if counts else [])
