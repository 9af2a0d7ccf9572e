"""Where things stand: what was received, verified and kept out, which steps stand, what was published, what blocks.

What belongs here: the facts, for the command line and as an asset that Dagster shows. What does not: what is stale
(`pipelines/last_build.py` looks at files, which an asset has just taken in).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dagster as dg
import polars as pl

from assets.confidential import confidential
from assets.partitions import SINGLE_RUN
from assets.publish import standing
from assets.reporting import asset_key, asset_spec, schema_checks, schema_result, table_metadata
from assets.resources import WorkspaceResource
from assets.warehouse import Query
from schemas import marts
from schemas.state import STEPS
from schemas.validate import failures

FACTS: Mapping[str, Query] = {
    "submissions": """
        with present as (
            select
                submissions.year,
                receipts.verification_outcome as outcome
            from raw.submissions as submissions
            inner join raw.files as files on submissions.file_sha256 = files.file_sha256
            left join raw.receipts as receipts
                on
                    submissions.file_sha256 = receipts.file_sha256
                    and submissions.city_id = receipts.city_id
                    and submissions.year = receipts.year
            where files.is_present
        ),

        counted as (
            select
                year,
                count(*) as received,
                count(*) filter (where outcome in ('verified', 'partly_verified')) as verified,
                count(*) filter (where outcome = 'rejected') as rejected,
                count(*) filter (where outcome is null or outcome = 'pending') as waiting
            from present
            group by year
        ),

        kept_out as (
            select
                year,
                count(*) as quarantined,
                count(*) filter (where severity = 'error') as errors
            from core.quarantine
            where year is not null
            group by year
        )

        select
            counted.year,
            counted.received,
            counted.verified,
            counted.rejected,
            counted.waiting,
            coalesce(kept_out.quarantined, 0) as quarantined,
            coalesce(kept_out.errors, 0) as errors
        from counted
        left join kept_out on counted.year = kept_out.year
        order by counted.year
    """,
    "editions": """
        select
            cities.edition,
            count(distinct cities.city_id) as in_scope,
            count(scores.rank) as ranked
        from index.cities as cities
        left join index.scores as scores
            on cities.edition = scores.edition and cities.city_id = scores.city_id and scores.level = 'index'
        group by cities.edition
        order by cities.edition
    """,
    "files": "select status, count(*) as files from raw.files where is_present group by status order by status",
    "steps": "select step, year, basis_sha256 from state.steps order by step, year",
}


@dg.multi_asset(
    name="tell_status",
    specs=[asset_spec(STEPS, "state", [asset_key(table) for table in marts.INTERNAL])],
    check_specs=schema_checks([STEPS]),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def tell_status(store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Tell where things stand once the marts are published; the same as ``ssc-index status``."""
    facts = store.read(**FACTS)
    workspace = store.workspace
    published, internal = standing(workspace.public_mart), standing(workspace.internal_mart)
    found = STEPS.conform(facts["steps"])
    told = found.filter(pl.col("year") > 0).group_by("step").agg(pl.col("year").sort().cast(pl.String).str.join(", "))
    yield dg.MaterializeResult(
        asset_key=asset_key(STEPS),
        metadata={
            "dagster/row_count": found.height,
            "submissions": table_metadata(facts["submissions"]),
            "editions": table_metadata(facts["editions"]),
            "years_by_step": table_metadata(told.sort("step")),
            "public_content_sha256": published.content_sha256 if published else "none",
            "internal_content_sha256": internal.content_sha256 if internal else "none",
            "blocks": dg.MetadataValue.md("\n".join(f"- {one}" for one in blocks(facts)) or "nothing"),
        },
        check_results=[schema_result(STEPS, failures(STEPS, found) if found.height else [])],
    )


def blocks(facts: Mapping[str, pl.DataFrame]) -> list[str]:
    """What keeps submissions from counting, and editions from being ranked; no city is named.

    Args:
        facts: Rows of `FACTS` by name.

    Returns:
        A sentence each, with what to do.
    """
    found = [
        f"Files that are {row['status']}: {row['files']}. `ssc-index check FILE` tells what is wrong with one."
        for row in facts["files"].filter(pl.col("status") != "read").to_dicts()
    ]
    for row in facts["submissions"].to_dicts():
        if row["waiting"]:
            of = f"{row['waiting']} of {row['received']} submissions"
            found.append(f"{row['year']}: no verifier's outcome in the receipts of {of}.")
        if row["errors"]:
            of = f"{row['errors']} of {row['quarantined']} rows that do not count"
            found.append(f"{row['year']}: kept out as errors, see fact_finding: {of}.")
    found += [
        f"Edition {row['edition']}: none of {row['in_scope']} cities reports enough to be ranked."
        for row in facts["editions"].filter(pl.col("ranked") == 0).to_dicts()
    ]
    return found
