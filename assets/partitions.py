"""Partitions: one for each reference year. Cities are rows, not partitions.

What belongs here: the years and how a run's years are read. What does not: what is done in them.
"""

from __future__ import annotations

import dagster as dg

FIRST_YEAR = 2015

# The current year is a partition from its first day: submissions of a year arrive within it.
YEARS = dg.TimeWindowPartitionsDefinition(start=str(FIRST_YEAR), fmt="%Y", cron_schedule="0 0 1 1 *", end_offset=1)

# A range of years is one run, and every table is replaced for the range in one transaction.
SINGLE_RUN = dg.BackfillPolicy.single_run()


def years_of(context: dg.AssetExecutionContext) -> list[int]:
    """The years that a run is for, ascending."""
    return sorted(int(key) for key in context.partition_keys)
