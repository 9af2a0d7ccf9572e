"""Schema ``raw``: submissions as received.

What belongs here: the asset that takes them in. What does not: the order of work (`assets/ingest.py`) and the
reading of a file (`intake`).
"""

from collections.abc import Iterator

import dagster as dg

from assets import progress
from assets.confidential import confidential
from assets.ingest import ingest
from assets.partitions import SINGLE_RUN
from assets.reporting import asset_key, asset_spec, fault_result, schema_checks, schema_result
from assets.resources import WorkspaceResource
from schemas import raw
from schemas.state import STEPS


@dg.multi_asset(
    name="ingest_submissions",
    specs=[asset_spec(table, "raw") for table in raw.TABLES],
    check_specs=[
        *schema_checks(raw.TABLES),
        dg.AssetCheckSpec(
            "no_errors", asset=asset_key(raw.FAULTS), description="Every file could be read without error."
        ),
        dg.AssetCheckSpec(
            "no_errors", asset=asset_key(raw.RECEIPT_FAULTS), description="Receipts and register are without error."
        ),
    ],
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def ingest_submissions(store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Take in what lies below raw/: parse only files not seen before, read receipts and register anew."""
    with store.writer("ingest submissions", (*raw.TABLES, STEPS)) as connection:
        found = ingest(store.workspace, connection, progress.of("Reading submissions"), afresh=store.afresh)
        faults = {table.name: connection.table(table.name).pl() for table in (raw.FAULTS, raw.RECEIPT_FAULTS)}
        rows = {table.name: connection.table(table.name).count("*").fetchall()[0][0] for table in raw.TABLES}
    for table in raw.TABLES:
        checks = [schema_result(table, found.failures.get(table.name, []))]
        if table.name in faults:
            checks.append(fault_result(table, "no_errors", "error", faults[table.name]))
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={
                "dagster/row_count": rows[table.name],
                "files": found.seen,
                "new_files": found.new,
                "vanished_files": found.vanished,
            },
            check_results=checks,
        )
