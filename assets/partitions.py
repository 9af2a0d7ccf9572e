"""Partitions: one for each reference year. Cities are rows, not partitions.

What belongs here: the years and how a run's years are read. What does not: what is done in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

FIRST_YEAR = 2015


class CalendarYears(dg.TimeWindowPartitionsDefinition):
    """Years from 1 January to 1 January, UTC, counted.

    Dagster asks for the list of them some fifty times in a run, and derives each year from the text of a schedule.
    """

    def _iterate_time_windows(self, start_timestamp: float, ignore_exclusions: bool = False) -> Iterator[dg.TimeWindow]:
        """Years that begin at a time or after it, without end; there are no exclusions."""
        begins = datetime.fromtimestamp(start_timestamp, self.start.tzinfo)
        year = begins.year + (begins > begins.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0))
        while True:
            yield dg.TimeWindow(*(datetime(one, 1, 1, tzinfo=begins.tzinfo) for one in (year, year + 1)))
            year += 1


# The current year is a partition from its first day: submissions of a year arrive within it.
YEARS = CalendarYears(start=str(FIRST_YEAR), fmt="%Y", cron_schedule="0 0 1 1 *", end_offset=1)

# A range of years is one run, and every table is replaced for the range in one transaction. What has no years says so
# too: `dagster asset materialize --partition-range` takes a selection only if all of it does.
SINGLE_RUN = dg.BackfillPolicy.single_run()


def years_of(context: dg.AssetExecutionContext) -> list[int]:
    """The years that a run is for, ascending."""
    return sorted(int(key) for key in context.partition_keys)
