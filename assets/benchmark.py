"""Schema ``benchmark``: U4SSC points and bands, and comparison with peers, for each edition.

What belongs here: loading, calling `assets/scoring.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator

import dagster as dg

from assets.editions import by_edition, concat_tables
from assets.index import CITIES_OF_EDITIONS, SELECTED_OF_EDITIONS, write
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.reporting import asset_key, asset_spec, schema_checks
from assets.resources import WorkspaceResource
from assets.scoring import benchmark_tables, peer_tables
from schemas import benchmark, index
from ssc_index.framework.catalogue import load_catalogue

SCORED = (benchmark.POINTS, benchmark.SCORES)
COMPARED = (benchmark.PEERS, benchmark.PEER_POSITIONS)
SCORES_OF_EDITIONS = "select * from index.scores where list_contains(?, edition)"


@dg.multi_asset(
    name="score_benchmarks",
    specs=[
        asset_spec(table, "benchmark", [asset_key(index.SELECTED), asset_key(index.CITIES)], YEARS) for table in SCORED
    ],
    check_specs=schema_checks(SCORED),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
def score_benchmarks(
    context: dg.AssetExecutionContext, store: WorkspaceResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Score each report against the benchmarks by the U4SSC method."""
    editions = years_of(context)
    read = store.read(selected=(SELECTED_OF_EDITIONS, [editions]), cities=(CITIES_OF_EDITIONS, [editions]))
    picked, cities = read["selected"], read["cities"]
    parts = [
        benchmark_tables(edition, by_edition(picked, edition), by_edition(cities, edition), load_catalogue())
        for edition in editions
        if edition in set(cities["edition"])
    ]
    frames = concat_tables(parts) or {table.name: table.empty() for table in SCORED}
    yield from write(store, SCORED, frames, editions, "score benchmarks")


@dg.multi_asset(
    name="compare_peers",
    specs=[
        asset_spec(
            table,
            "benchmark",
            [asset_key(index.SELECTED), asset_key(index.CITIES), asset_key(index.SCORES)],
            YEARS,
        )
        for table in COMPARED
    ],
    check_specs=schema_checks(COMPARED),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
def compare_peers(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Compare each city with its peers by region, income group and size class."""
    editions = years_of(context)
    catalogue = load_catalogue()
    read = store.read(
        selected=(SELECTED_OF_EDITIONS, [editions]),
        cities=(CITIES_OF_EDITIONS, [editions]),
        scores=(SCORES_OF_EDITIONS, [editions]),
    )
    picked, cities, scores = read["selected"], read["cities"], read["scores"]
    parents = {node.code: node.parent for node in catalogue.tree()}
    parts = [
        peer_tables(
            edition,
            by_edition(picked, edition),
            by_edition(scores, edition),
            by_edition(cities, edition),
            catalogue,
            parents,
        )
        for edition in editions
        if edition in set(cities["edition"])
    ]
    frames = concat_tables(parts) or {table.name: table.empty() for table in COMPARED}
    yield from write(store, COMPARED, frames, editions, "compare peers")
