"""Which editions a run takes: its tags, and the years that can be built.

What belongs here: what command line, schedules and sensors alike ask before there is a run. What does not: the run
(`run.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb

from assets.partitions import FIRST_YEAR, YEARS
from assets.warehouse import WarehouseError, years_in
from assets.workspace import Workspace
from intake.reading import visible_files
from intake.receipts import RECEIPT_SUFFIX, years_named
from schemas.raw import SUBMISSIONS
from schemas.state import STEPS
from ssc_index.errors import SscIndexError

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

# Dagster breaks a tick off after a minute.
SECONDS_OF_A_TICK = 20.0


class ClockError(SscIndexError):
    """The clock of this machine says a year before one that has been built."""


@contextmanager
def words_kept() -> Iterator[None]:
    """Have a tick that fails tell Dagster the kind of its error alone: the text may name the file of a city.

    Raises:
        dagster.Failure: If the block fails.
        ClockError: As it is, for it names years.
    """
    try:
        yield
    except ClockError:
        raise
    except Exception as error:
        raise dg.Failure(f"{type(error).__name__}: `ssc-index doctor` and `ssc-index status` say why.") from None


def range_tags(first: int, last: int) -> dict[str, str]:
    """Tags by which one run takes a range of editions."""
    return {RANGE_START: str(first), RANGE_END: str(last)}


def known_years() -> tuple[int, int]:
    """First and last year that can be built."""
    return FIRST_YEAR, int(YEARS.get_last_partition_key() or FIRST_YEAR)


def received_years(workspace: Workspace, timeout: float | None = None) -> tuple[int, int]:
    """First and last year that any receipt names, or that was ever taken in, within what can be built.

    A year without receipts has no edition; leaving it out saves Dagster some hundred events. A year whose last file
    has vanished is built anew, so that nothing of it stays.

    Args:
        workspace: The workspace.
        timeout: Seconds to wait for whoever writes to the warehouse; None waits for ever.

    Raises:
        ClockError: If a later year than the clock knows has been built: its edition would be left as it is, and
            published beside what has come in since.
        WarehouseError: If the warehouse cannot be read, or the time is up.
    """
    earliest, latest = known_years()
    taken_in = refuse_moved_clock(workspace, timeout)
    named = receipt_years(workspace.raw) | taken_in
    known = [year for year in named if earliest <= year <= latest]
    return (min(known), max(known)) if known else (latest, latest)


def years_to_ask_for(workspace: Workspace) -> tuple[int, int]:
    """Years of a run that nobody watches: those received, or all there can be where the warehouse cannot be read now.

    The run finds the same, tries again and sends a notice; of a tick that fails nobody hears.
    """
    try:
        return received_years(workspace, SECONDS_OF_A_TICK)
    except (WarehouseError, duckdb.Error):
        return known_years()


def refuse_moved_clock(workspace: Workspace, timeout: float | None = None) -> set[int]:
    """See that no later year than the clock knows has been built; the years of all submissions that were ever taken in.

    Raises:
        ClockError: If one has.
    """
    _, latest = known_years()
    # Years that the warehouse has steps of, and of all submissions that it has ever seen.
    built, taken_in = years_in(workspace.warehouse, [STEPS, SUBMISSIONS], timeout)
    if max(built, default=latest) > latest:
        raise ClockError(
            f"By the clock of this machine it is {latest}, but the edition {max(built)} has been built. Set the clock "
            "and give the command again; nothing was changed."
        )
    return taken_in


def receipt_years(raw: Path) -> set[int]:
    """Years that receipts name."""
    receipts = (raw / place for place in visible_files(raw) if place.endswith(RECEIPT_SUFFIX))
    return {year for path in receipts for year in years_named(path)}
