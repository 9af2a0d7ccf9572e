"""Schema ``index``: for each edition the selection and one table per step of the method.

What belongs here: loading, calling `assets/editions.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.confidential import confidential
from assets.core import VALUES
from assets.editions import edition_tables, max_age, read_edition_method
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.reporting import asset_key, asset_spec, schema_checks
from assets.resources import WorkspaceResource
from assets.warehouse import Query
from assets.workspace import Workspace
from assets.writing import Inputs, YearStep, all_materialised, replace_years
from intake.selection import accepted_submissions, edition_cities, selected_values, standing_in
from schemas import index, raw
from ssc_index.framework.catalogue import load_catalogue

SELECTION = (index.SELECTED, index.CITIES)
STEPS = (index.TREATED, index.NORMALISED, index.IMPUTED, index.WEIGHTS, index.SCORES)

RECEIPTS_WITHIN_AGE = """
select receipts.* from raw.receipts as receipts
inner join raw.files as files on receipts.file_sha256 = files.file_sha256
inner join raw.submissions as submissions
    on
        receipts.file_sha256 = submissions.file_sha256
        and receipts.city_id = submissions.city_id
        and receipts.year = submissions.year
inner join raw.cities as cities on receipts.city_id = cities.city_id
where files.is_present and files.status = 'read' and ? - receipts.year between 0 and ?
"""
# Where in a file a value stands and who gave it are most of a value, and nothing is selected by them.
VALUES_WITHIN_AGE = """
select file_sha256, city_id, year, data_point, value, quality from core.values where ? - year between 0 and ?
"""
SUBMISSIONS_WITHIN_AGE = "select * from raw.submissions where ? - year between 0 and ?"
# The register has no years; the edition is asked for as every query of a year asks.
REGISTER = "select * from raw.cities where ?::smallint is not null"
# What an edition is computed from: in which file a value came, and when, moves no number and makes nothing stale.
SELECTED = "select * exclude (file_sha256, is_restated) from index.selected where edition = "
CITIES = "select * exclude (file_sha256, submission_year, received_at) from index.cities where edition = "
SELECTED_OF_EDITION, CITIES_OF_EDITION = SELECTED + "?", CITIES + "?"


@dg.multi_asset(
    name="select_values",
    specs=[
        asset_spec(table, "index", [asset_key(VALUES), asset_key(raw.SUBMISSIONS), asset_key(raw.RECEIPTS)], YEARS)
        for table in SELECTION
    ],
    check_specs=schema_checks(SELECTION),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def select(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Select the newest verified values that each edition may draw on, and the cities in its scope."""
    yield from all_materialised(SELECTION, replace_years(store, selection_step(store.workspace), years_of(context)))


def selection_step(workspace: Workspace) -> YearStep:
    """The step that selects the values of an edition."""
    age = max_age(read_edition_method(workspace.method_path))
    classes = load_catalogue().scoring.size_classes.classes

    def selection(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        accepted = standing_in(edition, accepted_submissions(inputs["receipts"]), inputs["register"])
        selected = selected_values(inputs["values"], accepted, [edition], age)
        cities = edition_cities(selected, accepted, inputs["submissions"], inputs["register"], classes, [edition], age)
        return {index.SELECTED.name: selected, index.CITIES.name: cities}

    queries: dict[str, Query] = {
        "values": (VALUES_WITHIN_AGE, [age]),
        "receipts": (RECEIPTS_WITHIN_AGE, [age]),
        "submissions": (SUBMISSIONS_WITHIN_AGE, [age]),
        "register": REGISTER,
    }
    also = [f"age {age}"]
    return YearStep("select_values", "Selecting values", SELECTION, "edition", queries, selection, also, coded=True)


@dg.multi_asset(
    name="compute_index",
    specs=[asset_spec(table, "index", [asset_key(one) for one in SELECTION], YEARS) for table in STEPS],
    check_specs=schema_checks(STEPS),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def compute(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Compute each edition by the method file: treated, normalised, imputed, weights, scores and ranks."""
    yield from all_materialised(STEPS, replace_years(store, computation_step(store.workspace), years_of(context)))


def computation_step(workspace: Workspace) -> YearStep:
    """The step that computes an edition."""
    method = read_edition_method(workspace.method_path)

    def computation(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        if inputs["cities"].is_empty():
            return {table.name: table.empty() for table in STEPS}
        framework = load_catalogue().framework(edition)
        return edition_tables(edition, inputs["selected"], inputs["cities"], framework, method)

    queries = {"selected": SELECTED_OF_EDITION, "cities": CITIES_OF_EDITION}
    also = [repr(method.as_mapping())]
    return YearStep("compute_index", "Computing editions", STEPS, "edition", queries, computation, also)
