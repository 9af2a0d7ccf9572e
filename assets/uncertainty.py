"""Schema ``uncertainty``: how sure the ranks of each edition are.

What belongs here: loading, calling `assets/replications.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.benchmark import OF_INDEX, SCORES_OF_EDITION
from assets.confidential import confidential
from assets.core import PROVISIONAL
from assets.editions import max_age, read_edition_method
from assets.index import (
    CITIES_OF_EDITION,
    RECEIPTS_WITHIN_AGE,
    REGISTER,
    SELECTED_OF_EDITION,
    SUBMISSIONS_WITHIN_AGE,
)
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.provisional import asks_for_provisional, provisional_of
from assets.replications import sureness_tables
from assets.reporting import asset_key, asset_spec, schema_checks
from assets.resources import WorkspaceResource
from assets.warehouse import Query
from assets.workspace import Workspace
from assets.writing import Inputs, YearStep, all_materialised, replace_years
from schemas import index, raw
from schemas.uncertainty import TABLES
from ssc_index.framework.catalogue import load_catalogue

PROVISIONAL_WITHIN_AGE = "select * from core.provisional where ? - year between 0 and ?"


@dg.multi_asset(
    name="replicate_index",
    specs=[
        asset_spec(
            table,
            "uncertainty",
            [asset_key(one) for one in (index.SELECTED, index.CITIES, index.SCORES, PROVISIONAL, raw.RECEIPTS)],
            YEARS,
        )
        for table in TABLES
    ],
    check_specs=schema_checks(TABLES),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def replicate(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Compute each edition again and again, with every choice that could have been another."""
    yield from all_materialised(TABLES, replace_years(store, replication_step(store.workspace), years_of(context)))


def replication_step(workspace: Workspace) -> YearStep:
    """The step that replicates an edition; it looks at what waits for verification only if the method does."""
    method = read_edition_method(workspace.method_path)
    catalogue, age, counts = load_catalogue(), max_age(method), asks_for_provisional(method)

    def replication(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        if method.uncertainty is None or inputs["cities"].is_empty():
            return {table.name: table.empty() for table in TABLES}
        waiting = provisional_of(edition, inputs, catalogue, method) if counts else None
        selected, scores, cities = (inputs[name] for name in ("selected", "scores", "cities"))
        return sureness_tables(edition, selected, scores, cities, catalogue, method, waiting)

    queries: dict[str, Query] = {}
    if method.uncertainty is not None:
        scores = SCORES_OF_EDITION + OF_INDEX
        queries = {"selected": SELECTED_OF_EDITION, "cities": CITIES_OF_EDITION, "scores": scores}
    also = [repr(method.as_mapping())]
    if counts:
        queries |= {
            "provisional": (PROVISIONAL_WITHIN_AGE, [age]),
            "receipts": (RECEIPTS_WITHIN_AGE, [age]),
            "submissions": (SUBMISSIONS_WITHIN_AGE, [age]),
            "register": REGISTER,
        }
    return YearStep("replicate_index", "Exploring choices", TABLES, "edition", queries, replication, also)
