"""Schedules: off until somebody switches them on.

What belongs here: when a job runs and for which edition. What does not: the job.
"""

import dagster as dg

from pipelines.jobs import build_editions


# Cities collect for three to six months after the year's end; by July an edition's submissions are in.
@dg.schedule(
    job=build_editions,
    cron_schedule="0 3 1 7 *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def yearly_edition(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """On 1 July build the edition of the year before."""
    edition = context.scheduled_execution_time.year - 1
    return dg.RunRequest(run_key=f"edition-{edition}", partition_key=str(edition))


SCHEDULES = [yearly_edition]
