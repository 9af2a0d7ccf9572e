"""Group ``marts``: the published tables, public and internal.

What belongs here: gathering the frames that the marts' SQL draws on, and publishing. What does not: who may see
what (`intake/consent.py`) and how files are switched (`assets/publish.py`).
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import dagster as dg
import duckdb
import polars as pl
import pyarrow.parquet as pq

from assets import core as core_assets
from assets.confidential import confidential
from assets.freshness import (
    PUBLISHING,
    addresses_by_edition,
    basis_sha256,
    code_sha256,
    forget,
    record,
    recorded,
    rows_sha256,
)
from assets.memory import give_back
from assets.partitions import SINGLE_RUN
from assets.publish import INTERNAL_MODE, PUBLIC_MODE, Published, PublishError, building, intact_files, standing
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
# What the marts rest on is noted under this one: all of it with year 0, and each edition with its own.
PUBLISHING_STEP = "publish_marts"

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
# What stays of it while editions are published.
OF_EVERY_EDITION = frozenset({"workspace", "catalogue_nodes", "catalogue_goalposts", "raw_cities", "index_cities"})
# Editions are read and published together as long as they have no more cities: many small ones cost what one does, and
# a large one is in memory alone.
CITIES_AT_ONCE = 1_000
OF_SELECTED = """
    (select * from index.selected where edition between ? and ?) as selected
        on
            derived.file_sha256 = selected.file_sha256
            and derived.city_id = selected.city_id
            and derived.year = selected.year
            and derived.data_point = selected.data_point
"""
# What is read and published some editions at a time; the marts' SQL puts it in order.
OF_EDITIONS: Mapping[str, str] = {
    "index_cities": "select * from index.cities where edition between ? and ?",
    "index_scores": "select * from index.scores where edition between ? and ?",
    "picked_values": "select * from index.selected where edition between ? and ?",
    "core_values": "select derived.* from core.values as derived semi join " + OF_SELECTED,
    "benchmark_points": "select * from benchmark.points where edition between ? and ?",
    "benchmark_scores": "select * from benchmark.scores where edition between ? and ?",
    "benchmark_peers": "select * from benchmark.peers where edition between ? and ?",
    "benchmark_peer_positions": "select * from benchmark.peer_positions where edition between ? and ?",
    "uncertainty_ranks": "select * from uncertainty.ranks where edition between ? and ?",
    "uncertainty_distribution": "select * from uncertainty.distribution where edition between ? and ?",
    "uncertainty_dominance": "select * from uncertainty.dominance where edition between ? and ?",
    "uncertainty_sensitivity": "select * from uncertainty.sensitivity where edition between ? and ?",
    "uncertainty_rank_shift": "select * from uncertainty.rank_shift where edition between ? and ?",
    "uncertainty_one_at_a_time": "select * from uncertainty.one_at_a_time where edition between ? and ?",
    "audit_correlations": "select * from audit.correlations where edition between ? and ?",
    "audit_importance": "select * from audit.importance where edition between ? and ?",
    "changes_parts": "select * from changes.parts where edition between ? and ?",
    "changes_kpis": "select * from changes.kpis where edition between ? and ?",
}
# The same with the edition of every row.
WITH_EDITION = {
    **OF_EDITIONS,
    "core_values": "select selected.edition, derived.* from core.values as derived inner join " + OF_SELECTED,
}


@dg.multi_asset(
    name=PUBLISHING_STEP,
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
    backfill_policy=SINGLE_RUN,
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
    """Publish both marts, unless they stand already on what they would be made from; only other editions are made anew.

    What stands is trusted if the warehouse knows its address and every byte has it; else all is made anew.

    Returns:
        The public and the internal mart.
    """
    workspace = store.workspace
    shared = shared_frames(store)
    with store.writer("publish the marts", [STEPS]) as connection:
        known = {} if store.afresh else recorded(connection, PUBLISHING_STEP)
        steps = _steps(connection)
    inputs = _addresses(shared, steps)
    with _intact(workspace) as (stand, public_files, internal_files):
        if stand and known.get(0) == _basis(inputs, *stand):
            return stand
        refuse_to_lose_editions(workspace, steps)
        addresses = edition_addresses(store, shared)
        kept = _kept(known, addresses, stand)
        public, internal = build_marts(store, shared, Kept(kept, public_files, internal_files))
    with store.writer("publish the marts", [STEPS]) as connection, transaction(connection):
        forget(connection, PUBLISHING_STEP, recorded(connection, PUBLISHING_STEP))
        # If somebody computed meanwhile, it is not known what was published.
        if _steps(connection).equals(steps):
            bases = _edition_bases(addresses, public, internal)
            record(connection, PUBLISHING_STEP, {0: _basis(inputs, public, internal), **bases})
    return public, internal


@contextmanager
def _intact(
    workspace: Workspace,
) -> Iterator[tuple[tuple[Published, Published] | None, dict[str, pq.ParquetFile], dict[str, pq.ParquetFile]]]:
    """The public and the internal mart with their files, open; None if either does not stand as it was published."""
    public, internal = standing(workspace.public_mart), standing(workspace.internal_mart)
    with (
        intact_files(public, marts.PUBLIC) as public_files,
        intact_files(internal, marts.INTERNAL) as internal_files,
    ):
        are_intact = bool(public_files and internal_files)
        stand = (public, internal) if public and internal and are_intact else None
        yield stand, public_files, internal_files


def _kept(
    known: Mapping[int, str],
    addresses: Mapping[int, Mapping[str, str]],
    stand: tuple[Published, Published] | None,
) -> set[int]:
    """Editions that stand in the marts on what they would be made from."""
    bases = _edition_bases(addresses, *stand) if stand else {}
    return {edition for edition, basis in bases.items() if known.get(edition) == basis}


def what_stands(store: WorkspaceResource) -> tuple[bool, list[int], set[int]]:
    """Whether publishing would leave the marts as they are; all editions; those that it would take from the marts."""
    shared = shared_frames(store)
    told = store.read(steps="select step, year, basis_sha256 from state.steps")["steps"]
    known = dict(told.filter(step=PUBLISHING_STEP).select("year", "basis_sha256").iter_rows())
    steps = STEPS.conform(told).filter((pl.col("year") > 0) & (pl.col("step") != PUBLISHING_STEP)).sort(STEPS.key)
    editions = sorted(set(shared["index_cities"]["edition"]))
    with _intact(store.workspace) as (stand, _, _):
        if stand and known.get(0) == _basis(_addresses(shared, steps), *stand):
            return True, editions, set(editions)
        return False, editions, _kept(known, edition_addresses(store, shared), stand)


def _steps(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What the editions' own rows rest on."""
    rows: pl.DataFrame = connection.table(STEPS.name).pl()
    return rows.filter((pl.col("year") > 0) & (pl.col("step") != PUBLISHING_STEP)).sort(STEPS.key)


def refuse_to_lose_editions(workspace: Workspace, steps: pl.DataFrame) -> None:
    """See that no edition goes from the marts unless somebody deleted them.

    Raises:
        PublishError: With every edition that would; see `lost_editions`.
    """
    if lost := lost_editions(workspace, steps):
        raise PublishError(
            f"{workspace.internal_mart.name} not published, the old mart stays",
            [
                f"edition {edition} is published, and the warehouse knows nothing of it: it was deleted, and only some "
                "editions built again. Build all: `ssc-index build`. If the edition is meant to go, delete the marts."
                for edition in lost
            ],
        )


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


def _addresses(shared: Mapping[str, pl.DataFrame], steps: pl.DataFrame) -> dict[str, str]:
    """Addresses of what marts are made from: of `shared_frames`, and of what the editions' own rows rest on."""
    return {name: rows_sha256(frame) for name, frame in (*shared.items(), ("steps", steps))}


def _basis(inputs: Mapping[str, str], public: Published, internal: Published) -> str:
    """Address of `_addresses` and of what was made: either may change behind our back."""
    addresses = dict(inputs)
    for mart in (public, internal):
        with mart.path.open("rb") as file:
            addresses[mart.path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return _made_from(addresses, public, internal)


def _made_from(addresses: Mapping[str, str], public: Published, internal: Published) -> str:
    also = [code_sha256(PUBLISHING), public.content_sha256, internal.content_sha256]
    return basis_sha256(addresses, also, marts.INTERNAL)


def _edition_bases(
    addresses: Mapping[int, Mapping[str, str]], public: Published, internal: Published
) -> dict[int, str]:
    """For each edition, the address of what its rows are made from and of the marts that they stand in."""
    return {edition: _made_from(own, public, internal) for edition, own in addresses.items()}


def edition_addresses(store: WorkspaceResource, shared: Mapping[str, pl.DataFrame]) -> dict[int, dict[str, str]]:
    """For each edition, the address of each of its `edition_frames`."""
    editions = sorted(set(shared["index_cities"]["edition"]))
    if not editions:
        return {}
    range_of_all = [editions[0], editions[-1]]
    told = store.read(**{name: (addresses_by_edition(sql), range_of_all) for name, sql in WITH_EDITION.items()})
    own = {name: dict(frame.select("edition", "address").iter_rows()) for name, frame in told.items()}
    return {
        edition: {
            **{name: rows_sha256(frame) for name, frame in shared_with(shared, edition, edition).items()},
            **{name: addresses.get(edition, "no rows") for name, addresses in own.items()},
        }
        for edition in editions
    }


@dataclass(frozen=True)
class Kept:
    """Editions that are taken from the marts that stand.

    Attributes:
        editions: Which.
        public: Parquet files of the public mart, by table.
        internal: Of the internal one.
    """

    editions: Set[int] = frozenset()
    public: Mapping[str, pq.ParquetFile] = field(default_factory=dict)
    internal: Mapping[str, pq.ParquetFile] = field(default_factory=dict)


def build_marts(store: WorkspaceResource, shared: dict[str, pl.DataFrame], kept: Kept) -> tuple[Published, Published]:
    """Build both marts side by side, reading each edition once; the public one is switched last.

    Args:
        store: The workspace.
        shared: `shared_frames`. What no edition draws on is taken out once it is written: of ten years of 10,000 cities
            it takes as much memory as half an edition.
        kept: Editions that are not made anew.

    Returns:
        The public and the internal mart.
    """
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

        filling = (
            partial(fill_internal, tables=whole(marts.INTERNAL)),
            partial(fill_public, tables=whole(marts.PUBLIC)),
        )
        both(pool, *(partial(fill, {**shared, **empty_frames()}) for fill in filling))
        for name in shared.keys() - OF_EVERY_EDITION:
            del shared[name]
        of_internal, of_public = by_edition(marts.INTERNAL), by_edition(marts.PUBLIC)
        order = rounds(shared["index_cities"], kept.editions)
        reading = (pool.submit(edition_frames, store, shared, *one) for one in order if kept.editions.isdisjoint(one))
        begun = next(reading, None)
        counts = shared["index_cities"]["edition"].value_counts()["count"]
        is_large = any(count > CITIES_AT_ONCE for count in counts)
        for first, _ in order:
            if begun is None or first in kept.editions:
                both(
                    pool,
                    partial(internal.keep, first, of_internal, kept.internal),
                    partial(public.keep, first, of_public, kept.public),
                )
                continue
            frames = begun.result()
            jobs = [pool.submit(fill_internal, frames, of_internal), pool.submit(fill_public, frames, of_public)]
            # Whichever of the two is done first reads the next ones meanwhile; of large ones not two are in memory.
            begun = None if is_large else next(reading, None)
            del frames
            finished(jobs)
            give_back()
            begun = begun or next(reading, None)
        inside, shown = both(pool, internal.seal, public.seal)
        internal.switch(inside)
        public.switch(shown)
        return shown, inside


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


def finished(jobs: Sequence[Future[Any]]) -> None:
    """Wait for all jobs even if one fails; raise what it raised."""
    wait(jobs)
    for job in jobs:
        job.result()


def by_edition(tables: tuple[Table, ...]) -> list[Table]:
    """Tables that are filled some editions at a time."""
    return [table for table in tables if table.has_editions]


def whole(tables: tuple[Table, ...]) -> list[Table]:
    """Tables that are filled at once."""
    return [table for table in tables if not table.has_editions]


def shared_frames(store: WorkspaceResource) -> dict[str, pl.DataFrame]:
    """What the marts draw on besides the editions' own frames, in a fixed order."""
    workspace = store.workspace
    frames = store.read(**SHARED)
    present = frames["raw_files"].select("file_sha256")
    receipts = frames["raw_receipts"].join(present, on="file_sha256", how="semi")
    frames["accepted_submissions"] = accepted_submissions(receipts)
    frames["workspace"] = workspace_frame(workspace)
    frames["catalogue_nodes"] = node_frame(load_catalogue())
    editions = sorted(set(frames["index_cities"]["edition"]))
    frames["catalogue_goalposts"] = goalpost_frame(load_catalogue(), editions)
    return frames


def rounds(cities: pl.DataFrame, kept: Set[int] = frozenset()) -> list[tuple[int, int]]:
    """First and last of the editions that are published together, up to `CITIES_AT_ONCE`, all in order.

    Args:
        cities: A row for each ``edition`` and city.
        kept: Editions that are not made; each is by itself.
    """
    found: list[tuple[int, int]] = []
    size = 0
    for edition, count in cities.group_by("edition").len().sort("edition").iter_rows():
        size += count
        if found and size <= CITIES_AT_ONCE and kept.isdisjoint((found[-1][1], edition)):
            found[-1] = (found[-1][0], edition)
        else:
            found.append((edition, edition))
            size = count
    return found


def edition_frames(
    store: WorkspaceResource, shared: Mapping[str, pl.DataFrame], first: int, last: int
) -> dict[str, pl.DataFrame]:
    """All that the tables of some editions, from the first to the last, draw on; `edition_addresses` tells of each.

    Texts are categories in what grows with the editions, and so are the keys of cities everywhere.
    """
    own = store.read_coded(**{name: (sql, [first, last]) for name, sql in OF_EDITIONS.items()})
    frames = shared_with(shared, first, last)
    cities = frames["raw_cities"].with_columns(pl.col("city_id").cast(pl.Categorical))
    return {**frames, "raw_cities": cities, **own}


def shared_with(shared: Mapping[str, pl.DataFrame], first: int, last: int) -> dict[str, pl.DataFrame]:
    """What the tables of some editions draw on besides the editions' own frames."""
    within = pl.col("edition").is_between(first, last)
    cities = shared["index_cities"].filter(within)
    # `OF_EVERY_EDITION` names what is asked for here.
    return {
        "workspace": shared["workspace"],
        "catalogue_nodes": shared["catalogue_nodes"],
        "catalogue_goalposts": shared["catalogue_goalposts"].filter(within),
        "raw_cities": shared["raw_cities"].join(cities, on="city_id", how="semi"),
    }


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
        "uncertainty_one_at_a_time": uncertainty.ONE_AT_A_TIME.empty(),
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
