"""Schema ``audit``: what can be said of each edition once computed.

What belongs here: loading, calling `assets/auditing.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.auditing import audit_tables
from assets.benchmark import SCORES_OF_EDITION
from assets.confidential import confidential
from assets.editions import read_edition_method
from assets.index import SELECTED_OF_EDITION
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.reporting import asset_key, asset_spec, schema_checks
from assets.resources import WorkspaceResource
from assets.workspace import Workspace
from assets.writing import Inputs, YearStep, all_materialised, replace_years
from schemas import audit, index
from ssc_index.framework.catalogue import load_catalogue

WEIGHTS_OF_EDITION = "select * from index.weights where edition = ?"


@dg.multi_asset(
    name="audit_editions",
    specs=[
        asset_spec(table, "audit", [asset_key(one) for one in (index.SELECTED, index.SCORES, index.WEIGHTS)], YEARS)
        for table in audit.TABLES
    ],
    check_specs=schema_checks(audit.TABLES),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def audit_editions(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Audit each edition: correlations within families, importance beside weight, reliability."""
    yield from all_materialised(audit.TABLES, replace_years(store, auditing_step(store.workspace), years_of(context)))


def auditing_step(workspace: Workspace) -> YearStep:
    """The step that audits an edition."""
    catalogue, method = load_catalogue(), read_edition_method(workspace.method_path)
    parents = {node.code: node.parent for node in catalogue.tree()}

    queries = {"selected": SELECTED_OF_EDITION, "scores": SCORES_OF_EDITION, "weights": WEIGHTS_OF_EDITION}

    def auditing(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        if inputs["scores"].is_empty():
            return {table.name: table.empty() for table in audit.TABLES}
        framework, smallest = catalogue.framework(edition), catalogue.scoring.smallest_group
        selected, scores, weights = (inputs[name] for name in queries)
        return audit_tables(edition, selected, scores, weights, framework, method, parents, smallest)

    also = [repr(method.as_mapping())]
    return YearStep("audit_editions", "Auditing editions", audit.TABLES, "edition", queries, auditing, also, coded=True)
