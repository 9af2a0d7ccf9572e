"""Schema ``changes``: why an edition differs from the one before.

What belongs here: loading, calling `assets/changing.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import polars as pl

from assets.benchmark import OF_INDEX, SCORES, SCORES_OF_EDITION
from assets.changing import change_tables, sights
from assets.confidential import confidential
from assets.editions import read_edition_method
from assets.index import CITIES, CITIES_OF_EDITION, SELECTED, SELECTED_OF_EDITION
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.reporting import asset_key, asset_spec, schema_checks
from assets.resources import WorkspaceResource
from assets.warehouse import Query
from assets.workspace import Workspace
from assets.writing import Inputs, YearStep, all_materialised, replace_years
from intake.consent import visible_scores
from schemas import changes, index
from ssc_index.framework.catalogue import load_catalogue

# The edition before is the newest that exists: there may be years without one.
BEFORE = "(select max(edition) from index.cities where edition < ?)"
SELECTED_BEFORE, CITIES_BEFORE = SELECTED + BEFORE, CITIES + BEFORE
SCORES_BEFORE = SCORES + BEFORE + OF_INDEX

EDITIONS = "select distinct edition from index.cities order by edition"


@dg.multi_asset(
    name="compare_editions",
    specs=[
        asset_spec(
            table,
            "changes",
            [asset_key(index.SELECTED), asset_key(index.CITIES), asset_key(index.SCORES)],
            YEARS,
        )
        for table in changes.TABLES
    ],
    check_specs=schema_checks(changes.TABLES),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def compare_editions(
    context: dg.AssetExecutionContext, store: WorkspaceResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Compare each edition with the one before, and divide every change among its causes."""
    known = store.read(editions=EDITIONS)["editions"]["edition"].to_list()
    years = with_followers(years_of(context), known)
    yield from all_materialised(changes.TABLES, replace_years(store, comparison_step(store.workspace), years))


def comparison_step(workspace: Workspace) -> YearStep:
    """The step that compares an edition with the one before."""
    method, catalogue = read_edition_method(workspace.method_path), load_catalogue()
    parents = {node.code: node.parent for node in catalogue.tree()}

    def comparison(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        if inputs["cities"].is_empty() or inputs["cities_before"].is_empty():
            return {table.name: table.empty() for table in changes.TABLES}
        seen = []
        for year, when in ((inputs["cities_before"]["edition"][0], "_before"), (edition, "")):
            selected = inputs[f"selected{when}"]
            shown = visible_scores(inputs[f"scores{when}"], parents, selected)
            seen.append(sights(year, selected, inputs[f"cities{when}"], shown, catalogue.framework(year), method))
        return change_tables(seen[0], seen[1])

    queries: dict[str, Query] = {
        "selected": SELECTED_OF_EDITION,
        "cities": CITIES_OF_EDITION,
        "scores": SCORES_OF_EDITION + OF_INDEX,
        "selected_before": SELECTED_BEFORE,
        "cities_before": CITIES_BEFORE,
        "scores_before": SCORES_BEFORE,
    }
    also = [repr(method.as_mapping())]
    return YearStep(
        "compare_editions", "Comparing editions", changes.TABLES, "edition", queries, comparison, also, coded=True
    )


def with_followers(years: Sequence[int], known: Sequence[int]) -> list[int]:
    """Years asked for, and of each the edition that follows it: it is compared with another now.

    Args:
        years: Years asked for.
        known: All editions that there are.
    """
    followers = {min(after) for year in years if (after := [edition for edition in known if edition > year])}
    return sorted({*years, *followers})
