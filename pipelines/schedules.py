"""Schedules: off until somebody switches them on.

What belongs here: when a job runs and for which editions. What does not: the job.
"""

import dagster as dg

from assets.resources import WorkspaceResource
from pipelines.jobs import build_unwatched, trim_history
from pipelines.ranges import range_tags, words_kept, years_to_ask_for

OFF = dg.DefaultScheduleStatus.STOPPED


# Cities collect for three to six months after the year's end; by July an edition's submissions are in.
@dg.schedule(
    job=build_unwatched,
    cron_schedule="0 3 1 7 *",
    execution_timezone="UTC",
    default_status=OFF,
    description="On 1 July build the edition of the year before.",
)
def yearly_edition(context: dg.ScheduleEvaluationContext, store: WorkspaceResource) -> dg.RunRequest:
    """On 1 July build the edition of the year before; all of them where there is no warehouse to add it to."""
    edition = context.scheduled_execution_time.year - 1
    years = (edition, edition)
    if not store.workspace.warehouse.exists():
        with words_kept():
            first, last = years_to_ask_for(store.workspace)
        years = min(first, edition), max(last, edition)
    return dg.RunRequest(run_key=f"edition-{edition}", tags=range_tags(*years))


@dg.schedule(
    job=build_unwatched,
    cron_schedule="30 2 * * *",
    execution_timezone="UTC",
    default_status=OFF,
    description="Every night build the draft of all editions; what is not stale is not computed.",
)
def nightly_draft(context: dg.ScheduleEvaluationContext, store: WorkspaceResource) -> dg.RunRequest:
    """Every night build the draft of all editions with submissions; what is not stale is not computed."""
    night = f"{context.scheduled_execution_time:%Y-%m-%d}"
    with words_kept():
        return dg.RunRequest(run_key=f"draft-{night}", tags=range_tags(*years_to_ask_for(store.workspace)))


@dg.schedule(
    job=trim_history,
    cron_schedule="0 5 * * 0",
    execution_timezone="UTC",
    default_status=OFF,
    description="Every Sunday delete the history of runs older than half a year.",
)
def weekly_trim(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every Sunday delete the history of runs older than half a year."""
    return dg.RunRequest(run_key=f"trim-{context.scheduled_execution_time:%Y-%m-%d}")


SCHEDULES = [yearly_edition, nightly_draft, weekly_trim]
