"""Group ``marts``: the published tables, public and internal.

What belongs here: gathering the frames that the marts' SQL draws on, and publishing. What does not: who may see
what (`intake/consent.py`) and how files are switched (`assets/publish.py`).
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from typing import TypeVar

import dagster as dg
import duckdb
import polars as pl

from assets import core as core_assets
from assets.confidential import confidential
from assets.freshness import PUBLISHING, basis_sha256, code_sha256, record, recorded, rows_sha256
from assets.memory import give_back
from assets.publish import INTERNAL_MODE, PUBLIC_MODE, Published, PublishError, building, standing
from assets.reporting import asset_key, asset_spec
from assets.resources import WorkspaceResource
from assets.warehouse import connect, transaction, writer_lock
from assets.workspace import Workspace
from intake.consent import CHANGES, UNCERTAIN, WITH_AUDIENCE, is_named, public_view
from intake.disclosure import disclosures
from intake.selection import accepted_submissions
from schemas import audit, benchmark, changes, core, index, marts, raw, uncertainty
from schemas.state import STEPS
from schemas.table import Table
from ssc_index.framework.catalogue import Catalogue, load_catalogue
from ssc_index.method import read_method

Result = TypeVar("Result")

# The step that makes an edition known, by its name in `state.steps`.
SELECTING = "select_values"

# `nightly_draft` publishes, or finds the marts as they must be, every night: the UI warns when a night was missed, and
# shows the marts as overdue after the second.
EVERY_NIGHT = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=26), fail_window=timedelta(hours=50))

# What does not grow with the editions, or little.
SHARED: Mapping[str, str] = {
    "raw_cities": "select * from raw.cities order by city_id",
    "raw_files": "select * from raw.files where is_present order by file_sha256",
    "raw_submissions": "select * from raw.submissions order by file_sha256, city_id, year",
    "raw_receipts": "select * from raw.receipts order by file_sha256, city_id, year",
    "index_cities": "select * from index.cities order by edition, city_id",
    "core_quarantine": "select * from core.quarantine order by all",
    "core_findings": "select * from core.findings order by all",
    "value_counts": """
        select file_sha256, city_id, year, count(*)::integer as n_values from core.values
        group by file_sha256, city_id, year order by file_sha256, city_id, year
    """,
}
# Editions are read and published together as long as they have no more cities: many small ones cost what one does, and
# a large one is in memory alone.
CITIES_AT_ONCE = 1_000
# What is read and published some editions at a time; the marts' SQL puts it in order.
OF_EDITIONS: Mapping[str, str] = {
    "index_cities": "select * from index.cities where edition between ? and ?",
    "index_scores": "select * from index.scores where edition between ? and ?",
    "picked_values": "select * from index.selected where edition between ? and ?",
    "core_values": """
        select derived.* from core.values as derived
        semi join (select * from index.selected where edition between ? and ?) as selected
            on
                derived.file_sha256 = selected.file_sha256
                and derived.city_id = selected.city_id
                and derived.year = selected.year
                and derived.data_point = selected.data_point
    """,
    "benchmark_points": "select * from benchmark.points where edition between ? and ?",
    "benchmark_scores": "select * from benchmark.scores where edition between ? and ?",
    "benchmark_peers": "select * from benchmark.peers where edition between ? and ?",
    "benchmark_peer_positions": "select * from benchmark.peer_positions where edition between ? and ?",
    "uncertainty_ranks": "select * from uncertainty.ranks where edition between ? and ?",
    "uncertainty_distribution": "select * from uncertainty.distribution where edition between ? and ?",
    "uncertainty_dominance": "select * from uncertainty.dominance where edition between ? and ?",
    "uncertainty_sensitivity": "select * from uncertainty.sensitivity where edition between ? and ?",
    "uncertainty_rank_shift": "select * from uncertainty.rank_shift where edition between ? and ?",
    "audit_correlations": "select * from audit.correlations where edition between ? and ?",
    "audit_importance": "select * from audit.importance where edition between ? and ?",
    "changes_parts": "select * from changes.parts where edition between ? and ?",
    "changes_kpis": "select * from changes.kpis where edition between ? and ?",
}


@dg.multi_asset(
    name="publish_marts",
    specs=[
        asset_spec(
            table,
            "marts",
            [asset_key(one) for one in (raw.CITIES, core_assets.VALUES, core.QUARANTINE, core.FINDINGS, *index.TABLES)]
            + [
                asset_key(one)
                for one in (
                    *benchmark.TABLES,
                    audit.CORRELATIONS,
                    audit.IMPORTANCE,
                    *uncertainty.TABLES,
                    *changes.TABLES,
                )
            ],
            freshness=EVERY_NIGHT,
        )
        for table in marts.INTERNAL
    ],
    pool="warehouse",
)
@confidential
def publish_marts(store: WorkspaceResource) -> Iterator[dg.MaterializeResult[None]]:
    """Publish the public and the internal mart of every edition that the warehouse holds."""
    published, internal = publish_workspace(store)
    for table in marts.INTERNAL:
        facts: dict[str, int | str] = {
            "dagster/row_count": internal.rows[table.name],
            "internal_mart": str(internal.path.name),
            "internal_content_sha256": internal.content_sha256,
        }
        if table.name in published.rows:
            facts |= {
                "public_rows": published.rows[table.name],
                "public_mart": str(published.path.name),
                "public_content_sha256": published.content_sha256,
                "checks_that_held": ", ".join(published.checks),
            }
        yield dg.MaterializeResult(asset_key=asset_key(table), metadata=facts)


def publish_workspace(store: WorkspaceResource) -> tuple[Published, Published]:
    """Publish both marts, unless they stand already on what they would be made from.

    Returns:
        The public and the internal mart.
    """
    workspace = store.workspace
    shared = shared_frames(store)
    with store.writer("publish the marts", [STEPS]) as connection:
        known = recorded(connection, "publish_marts").get(0)
        steps = connection.table(STEPS.name).pl().filter(pl.col("year") > 0)
    inputs = {**shared, "steps": steps}
    stand = standing(workspace.public_mart), standing(workspace.internal_mart)
    if stand[0] and stand[1] and known == _basis(inputs, stand[0], stand[1]) and not store.afresh:
        return stand[0], stand[1]
    if lost := lost_editions(workspace, steps):
        raise PublishError(
            f"{workspace.internal_mart.name} not published, the old mart stays",
            [
                f"edition {edition} is published, and the warehouse knows nothing of it: it was deleted, and only some "
                "editions built again. Build all: `ssc-index build`. If the edition is meant to go, delete the marts."
                for edition in lost
            ],
        )
    public, internal = build_marts(store, shared)
    with store.writer("publish the marts", [STEPS]) as connection, transaction(connection):
        record(connection, "publish_marts", {0: _basis(inputs, public, internal)})
    return public, internal


def lost_editions(workspace: Workspace, steps: pl.DataFrame) -> list[int]:
    """Editions that are published and that the warehouse has never selected values for: readers would lose them.

    Args:
        workspace: The workspace.
        steps: Rows of `schemas.state.STEPS`.

    Returns:
        The editions, ascending; none where nothing that can be read is published.
    """
    if not workspace.internal_mart.is_file():
        return []
    try:
        with connect(workspace.internal_mart, read_only=True) as connection:
            published = {edition for (edition,) in connection.execute("select edition from dim_edition").fetchall()}
    except duckdb.Error:
        return []  # another version's, or damaged: there is nothing to lose
    return sorted(published - set(steps.filter(pl.col("step") == SELECTING)["year"]))


def _basis(inputs: Mapping[str, pl.DataFrame], public: Published, internal: Published) -> str:
    """Address of what marts are made from and of what was made: either may change behind our back."""
    also = [code_sha256(PUBLISHING), public.content_sha256, internal.content_sha256]
    return basis_sha256({name: rows_sha256(frame) for name, frame in inputs.items()}, also, marts.INTERNAL)


def build_marts(store: WorkspaceResource, shared: Mapping[str, pl.DataFrame]) -> tuple[Published, Published]:
    """Build both marts side by side, reading each edition once; the public one is switched last."""
    workspace = store.workspace
    tree = parents(load_catalogue())
    with (
        writer_lock(workspace.public_mart, "publishing the marts"),
        building(workspace.internal_mart, marts.INTERNAL, INTERNAL_MODE) as internal,
        building(workspace.public_mart, marts.PUBLIC, PUBLIC_MODE) as public,
        ThreadPoolExecutor(2) as pool,
    ):

        def fill_internal(frames: Mapping[str, pl.DataFrame], tables: list[Table]) -> None:
            internal.insert(internal_view(frames), tables)

        def fill_public(frames: Mapping[str, pl.DataFrame], tables: list[Table]) -> None:
            public.insert(checked_view(frames, tree), tables)

        whole_frames = {**shared, **empty_frames()}
        both(
            pool,
            lambda: fill_internal(whole_frames, whole(marts.INTERNAL)),
            lambda: fill_public(whole_frames, whole(marts.PUBLIC)),
        )
        for first, last in rounds(shared["index_cities"]):
            frames = edition_frames(store, shared, first, last)
            both(
                pool,
                partial(fill_internal, frames, by_edition(marts.INTERNAL)),
                partial(fill_public, frames, by_edition(marts.PUBLIC)),
            )
            # Before the next ones are read.
            del frames
            give_back()
        kept, published = both(pool, internal.seal, public.seal)
        internal.switch(kept)
        public.switch(published)
        return published, kept


def checked_view(frames: Mapping[str, pl.DataFrame], tree: Mapping[str, str | None]) -> dict[str, pl.DataFrame]:
    """The public view, once nothing that it hides can be had from it.

    Raises:
        PublishError: If anything can; the old marts stay.
    """
    view = public_view(frames, tree)
    if found := disclosures(view, frames, tree, load_catalogue().scoring.smallest_group):
        raise PublishError("Nothing is published: the public mart would give away what no consent covers", found)
    return view


def both(pool: Executor, one: Callable[[], Result], other: Callable[[], Result]) -> tuple[Result, Result]:
    """Do two things at once; wait for both even if one fails."""
    jobs = pool.submit(one), pool.submit(other)
    wait(jobs)
    return jobs[0].result(), jobs[1].result()


def by_edition(tables: tuple[Table, ...]) -> list[Table]:
    """Tables that are filled some editions at a time."""
    return [table for table in tables if "edition" in table.key]


def whole(tables: tuple[Table, ...]) -> list[Table]:
    """Tables that are filled at once."""
    return [table for table in tables if "edition" not in table.key]


def shared_frames(store: WorkspaceResource) -> dict[str, pl.DataFrame]:
    """What the marts draw on besides the editions' own frames, in a fixed order."""
    workspace = store.workspace
    frames = store.read(**SHARED)
    present = frames["raw_files"].select("file_sha256")
    receipts = frames["raw_receipts"].join(present, on="file_sha256", how="semi")
    frames["accepted_submissions"] = accepted_submissions(receipts, workspace.as_of)
    frames["workspace"] = workspace_frame(workspace)
    frames["catalogue_nodes"] = node_frame(load_catalogue())
    editions = sorted(set(frames["index_cities"]["edition"]))
    frames["catalogue_goalposts"] = goalpost_frame(load_catalogue(), editions)
    return frames


def rounds(cities: pl.DataFrame) -> list[tuple[int, int]]:
    """First and last of the editions that are published together, up to `CITIES_AT_ONCE`, all in order.

    Args:
        cities: A row for each ``edition`` and city.
    """
    found: list[tuple[int, int]] = []
    size = 0
    for edition, count in cities.group_by("edition").len().sort("edition").iter_rows():
        size += count
        if found and size <= CITIES_AT_ONCE:
            found[-1] = (found[-1][0], edition)
        else:
            found.append((edition, edition))
            size = count
    return found


def edition_frames(
    store: WorkspaceResource, shared: Mapping[str, pl.DataFrame], first: int, last: int
) -> dict[str, pl.DataFrame]:
    """Everything that the tables of some editions, from the first to the last, draw on."""
    own = store.read(**{name: (sql, [first, last]) for name, sql in OF_EDITIONS.items()})
    goalposts = shared["catalogue_goalposts"].filter(pl.col("edition").is_between(first, last))
    return {**shared, **own, "catalogue_goalposts": goalposts}


def empty_frames() -> dict[str, pl.DataFrame]:
    """The editions' own frames without rows."""
    return {
        "index_scores": index.SCORES.empty(),
        "picked_values": index.SELECTED.empty(),
        "core_values": core_assets.VALUES.empty(),
        "benchmark_points": benchmark.POINTS.empty(),
        "benchmark_scores": benchmark.SCORES.empty(),
        "benchmark_peers": benchmark.PEERS.empty(),
        "benchmark_peer_positions": benchmark.PEER_POSITIONS.empty(),
        "uncertainty_ranks": uncertainty.RANKS.empty(),
        "uncertainty_distribution": uncertainty.DISTRIBUTION.empty(),
        "uncertainty_dominance": uncertainty.DOMINANCE.empty(),
        "uncertainty_sensitivity": uncertainty.SENSITIVITY.empty(),
        "uncertainty_rank_shift": uncertainty.RANK_SHIFT.empty(),
        "audit_correlations": audit.CORRELATIONS.empty(),
        "audit_importance": audit.IMPORTANCE.empty(),
        "changes_parts": changes.PARTS.empty(),
        "changes_kpis": changes.KPIS.empty(),
    }


def internal_view(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """What the index team sees: everything, with peers over all cities."""
    own = {
        name: frames[name].filter(pl.col("audience") == "internal") for name in (*WITH_AUDIENCE, *UNCERTAIN, *CHANGES)
    }
    return {**frames, **own, "raw_cities": frames["raw_cities"].with_columns(is_named())}


def workspace_frame(workspace: Workspace) -> pl.DataFrame:
    """One row: what the workspace's editions have in common."""
    method = read_method(workspace.method_path)
    return pl.DataFrame(
        {
            "status": [workspace.status],
            "is_demo": [workspace.is_demo],
            "framework_version": [load_catalogue().version],
            "method": [method.name],
            "method_sha256": [hashlib.sha256(workspace.method_path.read_bytes()).hexdigest()],
            "as_of": pl.Series([workspace.as_of], dtype=raw.UTC),
        }
    )


def parents(catalogue: Catalogue) -> dict[str, str | None]:
    """Parent of each node of the whole tree."""
    return {node.code: node.parent for node in catalogue.tree()}


def node_frame(catalogue: Catalogue) -> pl.DataFrame:
    """The whole tree, scored or not, as rows of ``dim_kpi``."""
    scored = {point.id for point in catalogue.data_points if point.scored}
    under = _scored_nodes(catalogue, scored)
    rows = []
    for position, node in enumerate(catalogue.tree(), 1):
        row: dict[str, object] = dict.fromkeys(marts.DIM_KPI.columns)
        row |= {
            "node": node.code,
            "parent": node.parent,
            "level": node.level,
            "position": position,
            "name": node.name,
            "is_scored": node.code in under,
        }
        if node.level in ("kpi", "data_point"):
            row |= _kpi_facts(catalogue, node.code, node.level)
        rows.append(row)
    return pl.DataFrame(rows, schema=marts.DIM_KPI.polars_schema)


def _scored_nodes(catalogue: Catalogue, scored: set[str]) -> set[str]:
    parent = parents(catalogue)
    nodes: set[str] = set()
    for code in scored:
        current: str | None = code
        while current is not None and current not in nodes:
            nodes.add(current)
            current = parent[current]
    return nodes


def _kpi_facts(catalogue: Catalogue, code: str, level: str) -> dict[str, object]:
    kpi = catalogue.kpi_of(code) if level == "data_point" else catalogue.kpi(code)
    unit, direction = kpi.unit, str(kpi.direction)
    if level == "data_point":
        unit, direction = catalogue.data_point(code).unit, catalogue.data_point(code).direction
    return {
        "kpi_code": kpi.code,
        "printed_code": kpi.printed_code,
        "definition": kpi.definition,
        "dimension": kpi.dimension,
        "sub_dimension": kpi.sub_dimension,
        "category": kpi.category,
        "kpi_level": kpi.level,
        "kind": kpi.kind,
        "unit": unit,
        "direction": direction,
        "sdg_references": "; ".join(kpi.sdg_references) or None,
    }


def goalpost_frame(catalogue: Catalogue, editions: list[int]) -> pl.DataFrame:
    """Goalposts and targets of every data point in each edition."""
    rows = []
    for edition in editions:
        for point in catalogue.data_points:
            posts = point.goalposts_in(edition) if point.scored else None
            target = point.benchmark_target_in(edition)
            rows.append(
                {
                    "edition": edition,
                    "data_point": point.id,
                    "low": posts.low if posts else None,
                    "high": posts.high if posts else None,
                    "goalpost_status": posts.status if posts else None,
                    "goalpost_reference": posts.reference.title if posts else None,
                    "target": target.target if target else None,
                    "target_status": target.status if target else None,
                    "target_reference": target.reference.title if target else None,
                }
            )
    return pl.DataFrame(rows, schema=marts.DIM_GOALPOST.polars_schema)
