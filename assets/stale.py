"""Which years of which steps are stale: what a build would compute, told by content and without computing it.

What belongs here: each step and year held against what it rests on now. What does not: the basis itself
(`freshness.py`), and how it is shown.

What rests on something stale is not known to be stale before that has been computed: a correction may change no value
that an edition selects. It *waits*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from assets.audit import auditing_step
from assets.benchmark import peers_step, scoring_step
from assets.changes import comparison_step
from assets.core import VALUES as VALUES_TABLE
from assets.core import values_step
from assets.editions import max_age, read_edition_method
from assets.freshness import recorded
from assets.index import computation_step, selection_step
from assets.ingest import differences
from assets.marts import PUBLISHING_STEP, SELECTING, what_stands
from assets.resources import WorkspaceResource
from assets.uncertainty import replication_step
from assets.warehouse import has_tables, open_reader
from assets.workspace import Workspace
from assets.writing import YearStep, basis_of
from intake.evidence import OLDEST
from intake.receipts import RECEIPT_SUFFIX, years_named
from schemas import core, index, raw
from schemas.state import STEPS

FRESH, STALE, WAITS, MISSING = "fresh", "stale", "waits", "not built"

VALUES, SELECTION, COMPARING = "derive_values", SELECTING, "compare_editions"
# Of a step of an edition, the steps of the same edition that it reads; to compare editions, of the one before too.
READS: Mapping[str, Sequence[str]] = {
    "compute_index": (SELECTION,),
    "score_benchmarks": (SELECTION,),
    "compare_peers": (SELECTION, "compute_index"),
    "replicate_index": (SELECTION, "compute_index"),
    "audit_editions": (SELECTION, "compute_index"),
    COMPARING: (SELECTION, "compute_index"),
}
States = dict[str, dict[int, str]]


@dataclass(frozen=True)
class Standing:
    """How a workspace stands to what lies below ``raw/``, its method and its code.

    Attributes:
        states: By step and year: `FRESH`, `STALE`, `WAITS` (for something stale) or `MISSING`.
        new: Submissions that no build has seen, by place below ``raw/``.
        changed: Those that are new, gone or moved, or of which the receipt is another.
        is_fresh: Whether a build would compute and publish nothing.
    """

    states: States
    new: Sequence[str]
    changed: Sequence[str]
    is_fresh: bool

    @property
    def open_years(self) -> list[int]:
        """Years of which any step is not fresh."""
        return sorted({year for told in self.states.values() for year, state in told.items() if state != FRESH})


def standing_of(workspace: Workspace) -> Standing:
    """Hold every step and year of a workspace against what it would be computed from now.

    The years are those of submissions that were ever taken in, and of receipts of others.

    Raises:
        WarehouseError: If there is no warehouse, or another version made it.
    """
    with open_reader(workspace.warehouse) as connection:
        if not has_tables(connection, [*raw.TABLES, STEPS]):
            return Standing({}, [], [], is_fresh=False)
        found = differences(workspace, connection)
        held = connection.sql("select file_sha256, year from raw.submissions").pl()
        of_known = held.filter(pl.col("file_sha256").is_in(found.changed.keys()))["year"].to_list()
        of_new = {year for place in found.new for year in _named(workspace.raw / f"{place}{RECEIPT_SUFFIX}")}
        years = sorted({*held["year"], *of_new})
        touched = set(years) if found.is_register_other else {*of_known, *of_new}
        age = max_age(read_edition_method(workspace.method_path))
        states = states_of(connection, year_steps(workspace), years, touched, age)
        was_published = recorded(connection, PUBLISHING_STEP).keys()
        can_be_published = has_tables(connection, [VALUES_TABLE, core.QUARANTINE, core.FINDINGS, *index.TABLES])
    if not can_be_published:  # the first build was killed before it had all tables
        return Standing(states, found.new, sorted(found.changed.values()), is_fresh=False)
    stand, editions, kept = what_stands(WorkspaceResource(root=str(workspace.root)))
    states[PUBLISHING_STEP] = {}
    for year in editions:
        waits = any(told.get(year, FRESH) != FRESH for told in states.values())
        state = MISSING if year not in was_published else WAITS if waits else FRESH if year in kept else STALE
        states[PUBLISHING_STEP][year] = state
    is_fresh = stand and not found and all(state == FRESH for told in states.values() for state in told.values())
    return Standing(states, found.new, sorted(found.changed.values()), is_fresh)


def _named(receipt: Path) -> set[int]:
    return years_named(receipt) if receipt.is_file() else set()


def year_steps(workspace: Workspace) -> list[YearStep]:
    """The steps that fill tables year by year, in the order of the data flow."""
    return [
        values_step(workspace),
        selection_step(workspace),
        computation_step(workspace),
        scoring_step(),
        peers_step(),
        replication_step(workspace),
        auditing_step(workspace),
        comparison_step(workspace),
    ]


def states_of(
    connection: duckdb.DuckDBPyConnection, steps: Sequence[YearStep], years: Sequence[int], touched: Set[int], age: int
) -> States:
    """The state of each step and year.

    Args:
        connection: The warehouse.
        steps: Output of `year_steps`.
        years: Years to look at, ascending.
        touched: Those of which the next ingest takes in something else than the warehouse holds.
        age: Greatest age in years of a value that is carried.
    """
    states: States = {}
    for step in steps:
        known = recorded(connection, step.name)
        told = states[step.name] = {}
        for place, year in enumerate(years):
            if year not in known:
                told[year] = MISSING
            elif (step.name == VALUES and year in touched) or known[year] != basis_of(connection, step, year):
                told[year] = STALE
            else:
                told[year] = WAITS if _waits(states, step.name, years[: place + 1], age) else FRESH
    return states


def _waits(states: States, step: str, years: Sequence[int], age: int) -> bool:
    """Whether a step of the last of some years rests on what is yet to be computed."""
    year = years[-1]
    if step in (VALUES, SELECTION):
        # Values rest on none of another year: rules alone compare them with the past.
        first, last = (year - OLDEST, year - 1) if step == VALUES else (year - age, year)
        return any(states[VALUES].get(one) in (STALE, MISSING) for one in range(first, last + 1))
    of = years[-2:] if step == COMPARING else years[-1:]
    return any(states[read][one] != FRESH for read in READS[step] for one in of)
