"""Sensors: files that arrive, runs that end. Off until somebody switches them on.

What belongs here: what is watched and what follows. What does not: the jobs, and how a notice is sent
(`notices.py`).
"""

import hashlib
import json

import dagster as dg
from dagster._core.execution.plan.objects import ErrorSource

from assets.confidential import KIND
from assets.resources import WorkspaceResource
from assets.workspace import Workspace
from pipelines.jobs import build_editions, build_unwatched
from pipelines.last_build import look
from pipelines.notices import Notice, send
from pipelines.ranges import RANGE_END, RANGE_START, range_tags, words_kept, years_to_ask_for

OFF = dg.DefaultSensorStatus.STOPPED


@dg.sensor(
    job=build_unwatched,
    minimum_interval_seconds=60,
    default_status=OFF,
    description="Build once files below raw/ have changed and then stayed the same for a minute.",
)
def submissions_arrived(context: dg.SensorEvaluationContext, store: WorkspaceResource) -> dg.SensorResult:
    """Build once files below raw/ have changed and then stayed the same for a minute: many files, one run.

    The key of the run is the address of all files and of the key before it: a tick that is broken off and looks again
    starts no second run, and files that are put back as they once were do start one.
    """
    with words_kept():
        return _asked_for(context.cursor, store.workspace)


def _asked_for(cursor: str | None, workspace: Workspace) -> dg.SensorResult:
    """What is asked for, by what lies there and what was seen before."""
    found = look(workspace).address
    known = json.loads(cursor or "{}")
    if known.get("asked") == found:
        return dg.SensorResult(skip_reason="Nothing has changed below raw/.")
    if known.get("seen") != found:
        seen = json.dumps({**known, "seen": found})
        return dg.SensorResult(skip_reason="Files have changed; a minute without a change is awaited.", cursor=seen)
    tags = range_tags(*years_to_ask_for(workspace))
    key = hashlib.sha256(f"{known.get('key')} {found}".encode()).hexdigest()
    request = dg.RunRequest(run_key=f"files-{key}", tags=tags)
    return dg.SensorResult(run_requests=[request], cursor=json.dumps({"seen": found, "asked": found, "key": key}))


def _editions(run: dg.DagsterRun) -> str:
    first, last = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
    return run.tags.get("dagster/partition", "") if first is None else f"{first} to {last}"


@dg.run_failure_sensor(
    monitored_jobs=[build_editions, build_unwatched],
    default_status=OFF,
    description="Tell of a build that failed, in notices.jsonl and to the webhook.",
)
def build_failed(context: dg.RunFailureSensorContext, store: WorkspaceResource) -> None:
    """Tell of a build that failed: the marts are the old ones."""
    events = [event for event in context.get_step_failure_events() if not _was_interrupted(event)]
    steps = sorted({event.step_key for event in events if event.step_key})
    kinds = sorted({kind for event in events if (kind := _kind(event))})
    run = context.dagster_run
    send(store.workspace, Notice("failed", run.job_name, run.run_id, _editions(run), tuple(steps), tuple(kinds)))


def _was_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether a step failed in nothing but being ended with its run."""
    return event.step_failure_data.error_source is ErrorSource.INTERRUPT


def _kind(event: dg.DagsterEvent) -> str:
    """Class of the error that a step failed with; never its text."""
    failure = event.step_failure_data.user_failure_data
    return str(failure.metadata[KIND].value) if failure is not None and KIND in failure.metadata else ""


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[build_editions, build_unwatched],
    default_status=OFF,
    description="Tell of a build that ended well, in notices.jsonl and to the webhook.",
)
def build_succeeded(context: dg.RunStatusSensorContext, store: WorkspaceResource) -> None:
    """Tell of a build that ended well: its marts are published, or stand as they must."""
    run = context.dagster_run
    send(store.workspace, Notice("succeeded", run.job_name, run.run_id, _editions(run)))


SENSORS = [submissions_arrived, build_failed, build_succeeded]
