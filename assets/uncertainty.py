"""Schema ``uncertainty``: how sure the ranks of each edition are.

What belongs here: loading, calling `assets/replications.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.benchmark import SCORES_OF_EDITION
from assets.confidential import confidential
from assets.editions import read_edition_method
from assets.index import CITIES_OF_EDITION, SELECTED_OF_EDITION
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.replications import sureness_tables
from assets.reporting import asset_key, asset_spec, schema_checks
from assets.resources import WorkspaceResource
from assets.warehouse import Query
from assets.writing import Inputs, YearStep, all_materialised, replace_years
from schemas import index
from schemas.uncertainty import TABLES
from ssc_index.framework.catalogue import load_catalogue


@dg.multi_asset(
    name="replicate_index",
    specs=[
        asset_spec(
            table,
            "uncertainty",
            [asset_key(index.SELECTED), asset_key(index.CITIES), asset_key(index.SCORES)],
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
    method = read_edition_method(store.workspace.method_path)
    catalogue = load_catalogue()

    def replication(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        if method.uncertainty is None or inputs["cities"].is_empty():
            return {table.name: table.empty() for table in TABLES}
        return sureness_tables(edition, inputs["selected"], inputs["scores"], inputs["cities"], catalogue, method)

    queries: dict[str, Query] = {}
    if method.uncertainty is not None:
        queries = {"selected": SELECTED_OF_EDITION, "cities": CITIES_OF_EDITION, "scores": SCORES_OF_EDITION}
    also = [repr(method.as_mapping())]
    step = YearStep("replicate_index", "Exploring choices", TABLES, "edition", queries, replication, also)
    yield from all_materialised(TABLES, replace_years(store, step, years_of(context)))
