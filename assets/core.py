"""Schema ``core``: verified, derived and checked values, and what was kept out.

What belongs here: loading, calling `intake.derive` and the schemas, writing. What does not: the derivation.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import polars as pl

from assets.editions import max_age
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.reporting import asset_key, asset_spec, fault_result, result, schema_checks, schema_result
from assets.resources import WorkspaceResource
from assets.warehouse import replace_rows, transaction
from intake.derive import derive_values
from intake.tables import FAULTS
from schemas import core, raw
from schemas.table import Table
from schemas.validate import Failure, failures, split
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method

VALUES = core.values(load_catalogue())
TABLES = (VALUES, core.QUARANTINE, core.FINDINGS)

CELLS_OF_YEARS = """
select cells.* from raw.cells as cells
inner join raw.files as files on cells.file_sha256 = files.file_sha256
where files.is_present and list_contains(?, cells.year)
"""
SUBMISSIONS_OF_YEARS = "select * from raw.submissions where list_contains(?, year)"
RECEIPTS_OF_YEARS = "select * from raw.receipts where list_contains(?, year)"
COLUMN_LETTERS = """
select
    file_sha256,
    column_map ->> 'numerator' as numerator,
    column_map ->> 'denominator' as denominator,
    column_map ->> 'result' as result,
    column_map ->> 'is_reported' as is_reported,
    column_map ->> 'is_verified' as is_verified
from raw.files
"""
READING_FAULTS = """
select faults.* from raw.faults as faults
inner join raw.files as files on faults.file_sha256 = files.file_sha256
where files.is_present
union all
select * from raw.receipt_faults
"""
PATHS = "select file_sha256, path from raw.files"


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
def derive(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Derive the value of every verified data point of the years; keep the rest with its reason.

    The years before, as far back as the method carries values, are derived with them: an edition is then the same
    whatever was built before it.
    """
    asked = years_of(context)
    age = max_age(read_method(store.workspace.method_path))
    years = list(range(asked[0] - age, asked[-1] + 1))
    frames = core_frames(store, years)
    found = {table.name: failures(table, frames[table.name]) for table in TABLES}
    with store.writer("derive values", TABLES) as connection, transaction(connection):
        replace_rows(connection, VALUES, frames[VALUES.name], "list_contains(?, year)", [years])
        for table in (core.QUARANTINE, core.FINDINGS):
            replace_rows(connection, table, frames[table.name], "stage = 'reading' or list_contains(?, year)", [years])
    extra = {core.QUARANTINE.name: ("no_errors", "error"), core.FINDINGS.name: ("no_warnings", "warning")}
    for table in TABLES:
        frame = frames[table.name]
        checks = [schema_result(table, found[table.name])]
        if table.name in extra:
            checks.append(fault_result(table, *extra[table.name], frame))
        yield result(table, frame, checks)


def core_frames(store: WorkspaceResource, years: list[int]) -> dict[str, pl.DataFrame]:
    """The three tables' rows for some years: together they account for every reported row."""
    read = store.read(
        cells=(CELLS_OF_YEARS, [years]),
        submissions=(SUBMISSIONS_OF_YEARS, [years]),
        receipts=(RECEIPTS_OF_YEARS, [years]),
        columns=COLUMN_LETTERS,
        faults=READING_FAULTS,
        paths=PATHS,
    )
    derived = derive_values(read["cells"], read["submissions"], read["receipts"], read["columns"], load_catalogue())
    candidates = VALUES.conform(derived.values)
    good, failed = split(VALUES, candidates)
    reading, paths = read["faults"], read["paths"]
    is_error = pl.col("severity") == "error"
    return {
        VALUES.name: good,
        core.QUARANTINE.name: _told(
            core.QUARANTINE,
            paths,
            reading=reading.filter(is_error),
            derivation=derived.kept_out,
            bounds=bound_faults(candidates, failed),
        ),
        core.FINDINGS.name: _told(core.FINDINGS, paths, reading=reading.filter(~is_error), derivation=derived.findings),
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
