"""Schema ``index``: for each edition the selection and one table per step of the method.

What belongs here: loading, calling `assets/editions.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.core import VALUES
from assets.editions import by_edition, concat_tables, edition_tables, max_age
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.reporting import asset_key, asset_spec, result, schema_checks, schema_result
from assets.resources import WorkspaceResource
from assets.warehouse import replace_rows, transaction
from intake.selection import accepted_submissions, edition_cities, selected_values
from schemas import index, raw
from schemas.table import Table
from schemas.validate import failures
from ssc_index.framework.catalogue import load_catalogue
from ssc_index.method import read_method

SELECTION = (index.SELECTED, index.CITIES)
STEPS = (index.TREATED, index.NORMALISED, index.IMPUTED, index.SCORES)

PRESENT_RECEIPTS = """
select receipts.* from raw.receipts as receipts
inner join raw.files as files on receipts.file_sha256 = files.file_sha256
inner join raw.submissions as submissions
    on
        receipts.file_sha256 = submissions.file_sha256
        and receipts.city_id = submissions.city_id
        and receipts.year = submissions.year
inner join raw.cities as cities on receipts.city_id = cities.city_id
where files.is_present and files.status = 'read'
"""
VALUES_OF_YEARS = "select * from core.values where year between ? and ?"
SUBMISSIONS = "select * from raw.submissions"
REGISTER = "select * from raw.cities"
SELECTED_OF_EDITIONS = "select * from index.selected where list_contains(?, edition)"
CITIES_OF_EDITIONS = "select * from index.cities where list_contains(?, edition)"


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
def select(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Select the latest verified values that each edition may draw on, and the cities in its scope."""
    editions = years_of(context)
    workspace = store.workspace
    age = max_age(read_method(workspace.method_path))
    read = store.read(
        receipts=PRESENT_RECEIPTS,
        values=(VALUES_OF_YEARS, [editions[0] - age, editions[-1]]),
        submissions=SUBMISSIONS,
        register=REGISTER,
    )
    accepted = accepted_submissions(read["receipts"], workspace.as_of)
    selected = selected_values(read["values"], accepted, editions, age)
    classes = load_catalogue().scoring.size_classes.classes
    cities = edition_cities(selected, accepted, read["submissions"], read["register"], classes, editions, age)
    frames = {index.SELECTED.name: selected, index.CITIES.name: cities}
    yield from write(store, SELECTION, frames, editions, "select values")


@dg.multi_asset(
    name="compute_index",
    specs=[asset_spec(table, "index", [asset_key(one) for one in SELECTION], YEARS) for table in STEPS],
    check_specs=schema_checks(STEPS),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
def compute(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Compute each edition by the method file: treated, normalised, imputed, scores and ranks."""
    editions = years_of(context)
    method = read_method(store.workspace.method_path)
    read = store.read(selected=(SELECTED_OF_EDITIONS, [editions]), cities=(CITIES_OF_EDITIONS, [editions]))
    selected, cities = read["selected"], read["cities"]
    parts = [
        edition_tables(
            edition,
            by_edition(selected, edition),
            by_edition(cities, edition),
            load_catalogue().framework(edition),
            method,
        )
        for edition in editions
        if edition in set(cities["edition"])
    ]
    frames = concat_tables(parts) or {table.name: table.empty() for table in STEPS}
    yield from write(store, STEPS, frames, editions, "compute the index")


def write(
    store: WorkspaceResource,
    tables: tuple[Table, ...],
    frames: dict[str, pl.DataFrame],
    editions: list[int],
    purpose: str,
) -> Iterator[dg.MaterializeResult[None]]:
    """Check and replace the editions' rows of some tables in one transaction, and report them."""
    conformed = {table.name: table.conform(frames[table.name]) for table in tables}
    found = {table.name: failures(table, conformed[table.name]) for table in tables}
    with store.writer(purpose, tables) as connection, transaction(connection):
        for table in tables:
            replace_rows(connection, table, conformed[table.name], "list_contains(?, edition)", [editions])
    for table in tables:
        yield result(table, conformed[table.name], [schema_result(table, found[table.name])])
