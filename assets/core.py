"""Schema ``core``: verified, derived and checked values, those that wait for a verifier, and what was kept out.

What belongs here: loading, calling `intake.derive` and the schemas, writing. What does not: the derivation.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import dagster as dg
import polars as pl

from assets.confidential import confidential
from assets.editions import max_age, read_edition_method
from assets.freshness import recorded
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.past import PAST_OF_YEAR, PAST_TOLD_BY
from assets.reporting import asset_key, asset_spec, fault_result, schema_checks
from assets.resources import WorkspaceResource
from assets.warehouse import Query, transaction
from assets.workspace import Workspace
from assets.writing import Inputs, YearStep, materialised, replace_years_in, write_rows
from intake.acceptance import apply_acceptances
from intake.countries import NATIONAL_NAME, countries_of, read_national
from intake.derive import derive_values
from intake.evidence import OLDEST
from intake.tables import FAULTS
from schemas import core, raw
from schemas.state import STEPS
from schemas.table import Table
from schemas.validate import Failure, split
from ssc_index.framework.catalogue import load_catalogue

VALUES = core.values(load_catalogue())
PROVISIONAL = core.provisional(load_catalogue())
TABLES = (VALUES, PROVISIONAL, core.QUARANTINE, core.FINDINGS)

CELLS_OF_YEAR = """
select cells.* from raw.cells as cells
inner join raw.files as files on cells.file_sha256 = files.file_sha256
where files.is_present and cells.year = ?
"""
SUBMISSIONS_OF_YEAR = "select * from raw.submissions where year = ?"
RECEIPTS_OF_YEAR = "select * from raw.receipts where year = ?"
COLUMN_LETTERS = """
select distinct
    files.file_sha256,
    column_map ->> 'numerator' as numerator,
    column_map ->> 'denominator' as denominator,
    column_map ->> 'result' as result,
    column_map ->> 'is_reported' as is_reported,
    column_map ->> 'is_verified' as is_verified,
    column_map ->> 'source' as source,
    column_map ->> 'comment' as comment,
    column_map ->> 'profile.population' as "profile.population",
    column_map ->> 'profile.households' as "profile.households",
    column_map ->> 'profile.area_km2' as "profile.area_km2",
    column_map ->> 'profile.city_gdp' as "profile.city_gdp"
from raw.files as files
inner join raw.submissions as submissions on files.file_sha256 = submissions.file_sha256
where submissions.year = ?
"""
# Cells and column letters are what this code reads in the bytes of a file, and both are in the basis of a year: files
# tell whether they have changed, and how many rows there are, that none was lost.
FILES_OF_YEAR = """
select
    cells.file_sha256,
    count(*) as n_rows
from raw.cells as cells
inner join raw.files as files on cells.file_sha256 = files.file_sha256
where files.is_present and cells.year = ?
group by cells.file_sha256
"""
LETTERED_FILES = "select distinct file_sha256 from raw.submissions where year = ?"
READING_FAULTS = """
select faults.* from raw.faults as faults
inner join raw.files as files on faults.file_sha256 = files.file_sha256
where files.is_present
union all
select * from raw.receipt_faults
"""
ACCEPTED = "select file_sha256, city_id, year, accepted from raw.receipts"
PATHS = "select file_sha256, path from raw.files"
PATHS_OF_YEAR = """
select distinct files.file_sha256, files.path from raw.files as files
inner join raw.submissions as submissions on files.file_sha256 = submissions.file_sha256
where submissions.year = ?
"""
CITIES_OF_YEAR = "select cities.*, cast(? as smallint) as year from raw.cities as cities"
QUERIES: dict[str, Query] = {
    "cells": CELLS_OF_YEAR,
    "submissions": SUBMISSIONS_OF_YEAR,
    "receipts": RECEIPTS_OF_YEAR,
    "columns": COLUMN_LETTERS,
    "paths": PATHS_OF_YEAR,
    "register": CITIES_OF_YEAR,
    "past": (PAST_OF_YEAR, [OLDEST]),
}


@dg.multi_asset(
    name="derive_values",
    specs=[asset_spec(table, "core", [asset_key(one) for one in raw.TABLES], YEARS) for table in TABLES],
    check_specs=[
        *schema_checks(TABLES),
        dg.AssetCheckSpec(
            "no_errors", asset=asset_key(core.QUARANTINE), description="Nothing was kept out as an error."
        ),
        dg.AssetCheckSpec(
            "no_warnings", asset=asset_key(core.FINDINGS), description="No value that went on is doubtful."
        ),
    ],
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def derive(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Derive the value of every verified data point of the years; keep the rest with its reason.

    The years before, as far back as the method carries values, are derived with them, and so are earlier years that
    never were: an edition is then the same whatever was built before it. A year's findings rest on the values of
    the years before it, so the years are derived one after the other.
    """
    asked = years_of(context)
    age = max_age(read_edition_method(store.workspace.method_path))
    step = values_step(store.workspace)
    read = store.read(paths=PATHS, faults=READING_FAULTS, receipts=ACCEPTED)
    with store.writer("derive values", [*TABLES, STEPS]) as connection, transaction(connection):
        known = recorded(connection, step.name)
        received = {year for (year,) in connection.execute("select distinct year from raw.submissions").fetchall()}
        before = sorted(year for year in received - known.keys() if year < asked[0] - age)
        years = [*before, *range(asked[0] - age, asked[-1] + 1)]
        # Faults of reading belong to no year for certain: they are written anew with every run.
        for table in (core.QUARANTINE, core.FINDINGS):
            connection.execute("delete from " + table.name + " where stage = 'reading'")
        written = replace_years_in(connection, step, years, afresh=store.afresh)
        for name, frame in reading_frames(apply_acceptances(read["faults"], read["receipts"]), read["paths"]).items():
            table = next(one for one in TABLES if one.name == name)
            write_rows(connection, table, frame, written)
            written.rows[name] += frame.height
        kept_out, findings = (connection.table(one.name).pl() for one in (core.QUARANTINE, core.FINDINGS))
    yield materialised(VALUES, written)
    yield materialised(PROVISIONAL, written)
    yield materialised(core.QUARANTINE, written, [fault_result(core.QUARANTINE, "no_errors", "error", kept_out)])
    yield materialised(core.FINDINGS, written, [fault_result(core.FINDINGS, "no_warnings", "warning", findings)])


def values_step(workspace: Workspace) -> YearStep:
    """The step that derives the values of a year and holds the rules against them."""
    place = workspace.raw / NATIONAL_NAME
    national, _ = read_national(place)
    also = (place.read_text(encoding="utf-8", errors="replace") if place.is_file() else "",)
    compute = partial(core_frames, national=national)
    told_by: dict[str, Query] = {
        "cells": FILES_OF_YEAR,
        "columns": LETTERED_FILES,
        "past": (PAST_TOLD_BY, [OLDEST, OLDEST]),
    }
    return YearStep(
        "derive_values",
        "Deriving values",
        TABLES,
        "year",
        QUERIES,
        compute,
        also,
        told_by,
        "file_sha256",
        looks_back=True,
        checked=(VALUES.name, PROVISIONAL.name),
    )


def core_frames(year: int, inputs: Inputs, national: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables' rows of a year: values, what was kept out and findings account for every reported row."""
    cells, submissions, receipts, columns, paths, register, past = (inputs[name] for name in QUERIES)
    countries = countries_of(register, national, [year])
    derived = derive_values(cells, submissions, receipts, columns, load_catalogue(), past=past, countries=countries)
    candidates = VALUES.conform(derived.values)
    good, failed = split(VALUES, candidates)
    bounds = bound_faults(candidates, failed)
    waiting, _ = split(PROVISIONAL, PROVISIONAL.conform(derived.provisional))
    return {
        VALUES.name: good,
        PROVISIONAL.name: waiting,
        core.QUARANTINE.name: _told(core.QUARANTINE, paths, derivation=derived.kept_out, bounds=bounds),
        core.FINDINGS.name: _told(core.FINDINGS, paths, derivation=derived.findings),
    }


def reading_frames(faults: pl.DataFrame, paths: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Faults of reading: errors were kept out, the others went on."""
    is_error = pl.col("severity") == "error"
    return {
        core.QUARANTINE.name: _told(core.QUARANTINE, paths, reading=faults.filter(is_error)),
        core.FINDINGS.name: _told(core.FINDINGS, paths, reading=faults.filter(~is_error)),
    }


def bound_faults(candidates: pl.DataFrame, failed: Sequence[Failure]) -> pl.DataFrame:
    """Rows that the schema refused, as faults that name cell, value and rule."""
    catalogue = load_catalogue()
    faults = []
    for failure in failed:
        row = candidates.row(failure.row or 0, named=True)
        point = catalogue.data_point(row["data_point"])
        faults.append(
            {
                **{name: row.get(name) for name in FAULTS},
                "field": failure.column or "value",
                "value": str(row[failure.column or "value"]),
                "rule": failure.check,
                "severity": "error",
                "message": f"{point.name}: {failure.column or 'value'} {row[failure.column or 'value']} fails "
                f"{failure.check}; the catalogue allows {_interval(point.lower_bound, point.upper_bound)} "
                f"{point.unit}. Correct the cell or, if it is right, tell the index team.",
            }
        )
    return pl.DataFrame(faults, schema=dict(FAULTS))


def _interval(low: float | None, high: float | None) -> str:
    return f"{'any' if low is None else format(low, 'g')} to {'any' if high is None else format(high, 'g')}"


def _told(table: Table, paths: pl.DataFrame, **stages: pl.DataFrame) -> pl.DataFrame:
    """Faults of several stages as rows of a table, with the path of each file."""
    rows = pl.concat([faults.with_columns(pl.lit(stage).alias("stage")) for stage, faults in stages.items()])
    return table.conform(rows.join(paths, on="file_sha256", how="left")).sort(
        "path", "file_sha256", "year", "data_point", "rule", "cell", "message", nulls_last=True
    )
