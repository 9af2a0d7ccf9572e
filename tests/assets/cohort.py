"""A small invented cohort for tests: seven cities, two editions, every frame that the marts draw on.

Values come from a seeded generator between the goalposts, but for a few that are set by hand so that a test can
work its numbers out on paper. The frames are made by the same functions as in a build; only the files are absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from assets.auditing import audit_tables
from assets.changing import change_tables, sights
from assets.editions import edition_tables, max_age
from assets.marts import goalpost_frame, node_frame, parents, workspace_frame
from assets.replications import sureness_tables
from assets.scoring import benchmark_tables, peer_tables
from assets.workspace import PROJECT, Workspace
from intake.consent import visible_scores
from intake.selection import accepted_submissions, edition_cities, selected_values
from schemas import audit, benchmark, changes, core, index, raw, uncertainty
from ssc_index.framework.catalogue import DataPoint, load_catalogue
from ssc_index.framework.model import Framework
from ssc_index.method import Method, read_method

EDITIONS = (2023, 2024)
SEED = 20260101
METHOD = PROJECT / "methods" / "index-2026.yaml"

# Five cities in the north, two in the south; four rich, three poor: one group is shown, the others are too small.
REGIONS = {"a": "North", "b": "North", "c": "North", "d": "North", "e": "North", "f": "South", "g": "South"}
INCOMES = {"a": "High", "b": "High", "c": "High", "d": "High", "e": "Low", "f": "Low", "g": "Low"}
CONSENTS = {"a": "report", "b": "values", "c": "values", "d": "report", "e": "values", "f": "scores", "g": "none"}
POPULATION = 123_457.0

SPREAD_POINT = "EC_ICT_ICT_1C.main"
SPREAD = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 40.0, "e": 100.0}


def sha_of(city: str, year: int) -> str:
    """A made-up file's SHA-256."""
    return hashlib.sha256(f"{city} {year}".encode()).hexdigest()


def drawn_value(point: DataPoint, draw: float) -> float:
    """A plausible value of a data point."""
    if point.value_type == "yes_no":
        return float(draw > 0.5)
    posts = point.goalposts_in(EDITIONS[0])
    low, high = (0.0, 100.0) if posts is None else (posts.low, posts.high)
    return round(low + (high - low) * draw, 6)


def register_frame(cities: Sequence[str] = tuple(REGIONS)) -> pl.DataFrame:
    """Rows of ``raw.cities``."""
    rows = [
        {
            "city_id": city,
            "name": f"City {city.upper()}",
            "country_code": "XXX",
            "country": "Nowhere",
            "region": REGIONS[city],
            "income_group": INCOMES[city],
            "aliases": f"Alias {city}",
            "note": "invented",
            "merged_into": None,
            "ended_on": None,
            "pseudonym": None,
        }
        for city in cities
    ]
    return pl.DataFrame(rows, schema=raw.CITIES.polars_schema)


def receipt_row(city: str, year: int, consent: str = "values", **given: Any) -> dict[str, Any]:
    """A row of ``raw.receipts``: verified, received in the March after its year."""
    return {
        "file_sha256": sha_of(city, year),
        "city_id": city,
        "year": year,
        "received_at": datetime(year + 1, 3, 1, tzinfo=UTC),
        "verification_mode": "remote",
        "verification_outcome": "verified",
        "verified_on": date(year + 1, 4, 1),
        "consent": consent,
        "accepted": None,
        "verdicts": None,
        **given,
    }


def submission_row(city: str, year: int, population: float | None = POPULATION) -> dict[str, Any]:
    """A row of ``raw.submissions``."""
    given = {"file_sha256": sha_of(city, year), "city_id": city, "year": year, "population": population}
    return {**dict.fromkeys(raw.SUBMISSIONS.columns), **given, "city_name": f"City {city.upper()}"}


def value_row(city: str, year: int, point: str, value: float, **given: Any) -> dict[str, Any]:
    """A row of ``core.values``."""
    return {
        "file_sha256": sha_of(city, year),
        "city_id": city,
        "year": year,
        "data_point": point,
        "kpi_code": point.partition(".")[0],
        "value": value,
        "derivation": "recomputed",
        "quality": "accurate_measurements",
        "origin": "official_statistics",
        "source": f"Source of {city}",
        "source_details": f"Details of {city}",
        "sheet": "KPIs",
        "cell": "F17",
        "received_at": datetime(year + 1, 3, 1, tzinfo=UTC),
        **given,
    }


def seeded_values(seed: int = SEED, cities: Sequence[str] = tuple(REGIONS)) -> list[dict[str, Any]]:
    """Values of every city, data point and year; a tenth is missing, the spread of one data point is set by hand."""
    generator = np.random.default_rng(seed)
    rows = []
    for year in EDITIONS:
        for city in cities:
            for point in load_catalogue().data_points:
                draw, missing = generator.random(2)
                value = SPREAD[city] if point.id == SPREAD_POINT and city in SPREAD else drawn_value(point, draw)
                if missing > 0.1 or (point.id == SPREAD_POINT and city in SPREAD):
                    rows.append(value_row(city, year, point.id, value))
    return rows


def core_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as ``core.values``."""
    table = core.values(load_catalogue())
    return table.conform(pl.DataFrame(list(rows), schema=table.polars_schema))


def workspace(root: Path) -> Workspace:
    """A workspace of invented cities; nothing of it need exist."""
    return Workspace(root, "Tests", True, METHOD)


def mart_frames(
    values: pl.DataFrame, receipts: pl.DataFrame, submissions: pl.DataFrame, register: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Every frame that a mart may draw on, by the functions that a build calls, without files and warehouse."""
    catalogue, method = load_catalogue(), read_method(METHOD)
    tree, age = parents(catalogue), max_age(method)
    accepted = accepted_submissions(receipts)
    selected = selected_values(values, accepted, EDITIONS, age)
    classes = catalogue.scoring.size_classes.classes
    cities = edition_cities(selected, accepted, submissions, register, classes, EDITIONS, age)
    cities, selected = index.CITIES.conform(cities), index.SELECTED.conform(selected)
    parts = []
    for edition in sorted(set(cities["edition"])):
        chosen, places = (frame.filter(pl.col("edition") == edition) for frame in (selected, cities))
        part = edition_tables(edition, chosen, places, catalogue.framework(edition), method)
        part |= benchmark_tables(edition, chosen, places, catalogue)
        part |= peer_tables(edition, chosen, part[index.SCORES.name], places, catalogue, tree)
        part |= sureness_tables(edition, chosen, part[index.SCORES.name], places, catalogue, few_replications(method))
        part |= audit_tables(
            edition,
            chosen,
            part[index.SCORES.name],
            part[index.WEIGHTS.name],
            catalogue.framework(edition),
            method,
            tree,
            catalogue.scoring.smallest_group,
        )
        parts.append(part)
    made = {name: pl.concat([part[name] for part in parts]) for name in parts[0]}
    compared = compared_editions(selected, cities, made[index.SCORES.name])
    files = accepted.select("file_sha256").unique(maintain_order=True)
    return {
        "raw_cities": register,
        "raw_files": file_rows(files),
        "raw_submissions": submissions,
        "raw_receipts": receipts,
        "core_values": values,
        "value_counts": values.group_by("file_sha256", "city_id", "year", maintain_order=True).agg(
            pl.len().cast(pl.Int32).alias("n_values")
        ),
        "core_quarantine": fault_rows(core.QUARANTINE.polars_schema),
        "core_findings": core.FINDINGS.empty(),
        "accepted_submissions": accepted,
        "index_cities": cities,
        "picked_values": selected,
        "index_scores": made[index.SCORES.name],
        "benchmark_points": made[benchmark.POINTS.name],
        "benchmark_scores": made[benchmark.SCORES.name],
        "benchmark_peers": made[benchmark.PEERS.name],
        "benchmark_peer_positions": made[benchmark.PEER_POSITIONS.name],
        "uncertainty_ranks": made[uncertainty.RANKS.name],
        "uncertainty_distribution": made[uncertainty.DISTRIBUTION.name],
        "uncertainty_dominance": made[uncertainty.DOMINANCE.name],
        "uncertainty_sensitivity": made[uncertainty.SENSITIVITY.name],
        "uncertainty_rank_shift": made[uncertainty.RANK_SHIFT.name],
        "uncertainty_one_at_a_time": made[uncertainty.ONE_AT_A_TIME.name],
        "audit_correlations": made[audit.CORRELATIONS.name],
        "audit_importance": made[audit.IMPORTANCE.name],
        "changes_parts": compared[changes.PARTS.name],
        "changes_kpis": compared[changes.KPIS.name],
        "workspace": workspace_frame(workspace(PROJECT)),
        "catalogue_nodes": node_frame(catalogue),
        "catalogue_goalposts": goalpost_frame(catalogue, sorted(set(cities["edition"]))),
    }


def compared_editions(selected: pl.DataFrame, cities: pl.DataFrame, scores: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Rows of schema ``changes`` of the later edition."""
    catalogue, method, seen = load_catalogue(), read_method(METHOD), []
    existing = sorted(set(cities["edition"]))
    if len(existing) < 2:
        return {table.name: table.empty() for table in changes.TABLES}
    for edition in existing:
        chosen, places, rows = (frame.filter(pl.col("edition") == edition) for frame in (selected, cities, scores))
        shown = visible_scores(rows, parents(catalogue), chosen)
        seen.append(sights(edition, chosen, places, shown, catalogue.framework(edition), method))
    return change_tables(seen[0], seen[1])


def few_replications(method: Method) -> Method:
    """The method with a hundred replications instead of ten thousand, and few points of Sobol' indices."""
    return method.model_copy(update={"uncertainty": {**(method.uncertainty or {}), "replications": 100, "points": 8}})


def file_rows(files: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``raw.files`` for some hashes; the path names the file as a city might."""
    made = {
        "path": pl.format("inbox/secret-file-{}.xlsx", pl.col("file_sha256").str.head(6)),
        "kind": pl.lit("workbook"),
        "status": pl.lit("read"),
        "size_bytes": pl.lit(1000, pl.Int64),
        "framework_version": pl.lit("u4ssc"),
        "column_map": pl.lit("{}"),
        "is_present": pl.lit(True),
    }
    return raw.FILES.conform(files.with_columns(**made))


def fault_rows(schema: Mapping[str, Any]) -> pl.DataFrame:
    """One row that was kept out."""
    row = dict.fromkeys(schema) | {
        "stage": "reading",
        "path": "inbox/secret-file.xlsx",
        "file_sha256": sha_of("g", 2024),
        "city_id": "g",
        "year": 2024,
        "rule": "not_a_number",
        "severity": "error",
        "message": "Cell F17 holds text. Write a number.",
    }
    return pl.DataFrame([row], schema=dict(schema))


def receipts_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as ``raw.receipts``."""
    return pl.DataFrame(list(rows), schema=raw.RECEIPTS.polars_schema)


def submissions_frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows as ``raw.submissions``."""
    return pl.DataFrame(list(rows), schema=raw.SUBMISSIONS.polars_schema)


@cache
def shared_frames() -> dict[str, pl.DataFrame]:
    """The frames of the whole cohort, made once per process; do not change the dictionary, copy it."""
    keys = [(city, year) for year in EDITIONS for city in REGIONS]
    return mart_frames(
        core_frame(seeded_values()),
        receipts_frame([receipt_row(city, year, CONSENTS[city]) for city, year in keys]),
        submissions_frame([submission_row(city, year) for city, year in keys]),
        register_frame(),
    )


def own_weights(framework: Framework, edition: int) -> pl.DataFrame:
    """Rows of ``index.weights`` where the method takes those of the framework."""
    below = [node for node in framework.nodes if node.parent is not None]
    frame = pl.DataFrame({"node": [node.code for node in below], "weight": [node.weight for node in below]})
    return index.WEIGHTS.conform(frame.with_columns(pl.lit(edition, pl.Int16).alias("edition")))
