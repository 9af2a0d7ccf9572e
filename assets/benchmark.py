"""Schema ``benchmark``: U4SSC points and bands, and comparison with peers, for each edition.

What belongs here: loading, calling `assets/scoring.py` (which calls the engine), writing. What does not: any
number.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from assets.confidential import confidential
from assets.index import CITIES_OF_EDITION, SELECTED_OF_EDITION
from assets.partitions import SINGLE_RUN, YEARS, years_of
from assets.reporting import asset_key, asset_spec, schema_checks
from assets.resources import WorkspaceResource
from assets.scoring import benchmark_tables, peer_tables
from assets.writing import Inputs, YearStep, all_materialised, replace_years
from schemas import benchmark, index
from ssc_index.framework.catalogue import load_catalogue

SCORED = (benchmark.POINTS, benchmark.SCORES)
COMPARED = (benchmark.PEERS, benchmark.PEER_POSITIONS)
# Scores as others are computed from them; on how much a score rests is told, and enters nothing.
SCORES = """
select edition, city_id, node, level, score, rank, rank_published, consent from index.scores where edition =
"""
SCORES_OF_EDITION = SCORES + "?"
# Of what lies beneath, only the scores of cities that consent to scores alone are looked at: whether they may be shown
# (`intake.consent.shown_scores`).
OF_INDEX = " and (level = 'index' or consent = 'scores')"
OF_PEERS = " and (level in ('index', 'dimension', 'sub_dimension') or consent = 'scores')"
# U4SSC scores a report: neither what an edition carries of older ones, nor a city's size, makes its points stale.
REPORTED_IN_EDITION = SELECTED_OF_EDITION + " and year = edition"
CONSENT_IN_EDITION = "select city_id, consent from index.cities where edition = ?"


@dg.multi_asset(
    name="score_benchmarks",
    specs=[
        asset_spec(table, "benchmark", [asset_key(index.SELECTED), asset_key(index.CITIES)], YEARS) for table in SCORED
    ],
    check_specs=schema_checks(SCORED),
    backfill_policy=SINGLE_RUN,
    pool="warehouse",
)
@confidential
def score_benchmarks(
    context: dg.AssetExecutionContext, store: WorkspaceResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Score each report against the benchmarks by the U4SSC method."""
    yield from all_materialised(SCORED, replace_years(store, scoring_step(), years_of(context)))


def scoring_step() -> YearStep:
    """The step that scores the reports of a year."""

    def scoring(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        if inputs["cities"].is_empty():
            return {table.name: table.empty() for table in SCORED}
        return benchmark_tables(edition, inputs["selected"], inputs["cities"], load_catalogue())

    queries = {"selected": REPORTED_IN_EDITION, "cities": CONSENT_IN_EDITION}
    return YearStep("score_benchmarks", "Scoring benchmarks", SCORED, "edition", queries, scoring)


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
@confidential
def compare_peers(context: dg.AssetExecutionContext, store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Compare each city with its peers by region, income group and size class."""
    yield from all_materialised(COMPARED, replace_years(store, peers_step(), years_of(context)))


def peers_step() -> YearStep:
    """The step that compares the cities of an edition with their peers."""
    catalogue = load_catalogue()
    parents = {node.code: node.parent for node in catalogue.tree()}

    def comparison(edition: int, inputs: Inputs) -> dict[str, pl.DataFrame]:
        if inputs["cities"].is_empty():
            return {table.name: table.empty() for table in COMPARED}
        return peer_tables(edition, inputs["selected"], inputs["scores"], inputs["cities"], catalogue, parents)

    queries = {"selected": SELECTED_OF_EDITION, "cities": CITIES_OF_EDITION, "scores": SCORES_OF_EDITION + OF_PEERS}
    return YearStep("compare_peers", "Comparing peers", COMPARED, "edition", queries, comparison, coded=True)
