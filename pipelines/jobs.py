"""Jobs: an edition or a range of editions from raw to marts, in a single run; and the trimming of history.

What belongs here: which assets run together, and what a run that nobody watches may do. What does not: when
(`schedules.py`, `sensors.py`).
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from assets.confidential import TRY_AGAIN_AFTER, forget
from assets.resources import WorkspaceResource
from pipelines.executors import executor

DATA_FLOW = dg.AssetSelection.groups(
    "raw", "core", "index", "benchmark", "uncertainty", "audit", "changes", "marts", "state"
)

# Raw and marts have no partitions; core, index, benchmark and uncertainty are partitioned by year. A run for a range
# of years takes in the submissions once, computes the range in one go, and publishes once.
build_editions = dg.define_asset_job(
    "build_editions",
    selection=DATA_FLOW,
    description="Take in submissions, compute the editions of the run's years, publish the marts.",
    executor_def=executor(),
)

# Somebody who waits at the command line wants the error at once; a run at night tries again first. A full disk or
# a file server that is away for a moment are worth a second look; a fault in the data fails the third time too.
build_unwatched = dg.define_asset_job(
    "build_unwatched",
    selection=DATA_FLOW,
    description="As build_editions, for schedules and sensors: a step that fails is tried again after 30, 90 and "
    "210 seconds, and a run that takes longer than two hours is ended.",
    executor_def=executor(),
    tags={"dagster/max_runtime": "7200", TRY_AGAIN_AFTER: "30 90 210"},
)

publish = dg.define_asset_job(
    "publish",
    selection=dg.AssetSelection.groups("marts", "state"),
    description="Publish what the warehouse holds, computing nothing.",
    executor_def=executor(),
)


class TrimHistory(dg.Config):
    """What is trimmed.

    Attributes:
        keep_days: Runs that ended within so many days are kept with their events.
    """

    keep_days: int = 180


FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dg.op
def delete_old_runs(context: dg.OpExecutionContext, config: TrimHistory, store: WorkspaceResource) -> int:
    """Delete finished runs, their events and what their errors said, which are kept for ever otherwise.

    Marts and releases stay.
    """
    before = datetime.now(UTC) - timedelta(days=config.keep_days)
    old = dg.RunsFilter(statuses=FINISHED, created_before=before)
    runs = [run.run_id for run in context.instance.get_runs(filters=old) if run.run_id != context.run_id]
    for run_id in runs:
        context.instance.delete_run(run_id)
        context.instance.compute_log_manager.delete_logs(prefix=[run_id])
        _remove_file(context.instance, run_id)
    texts = forget(store.workspace, runs)
    context.log.info(f"Deleted {len(runs)} runs that began before {before:%Y-%m-%d}, and {texts} texts of errors.")
    return len(runs)


def _remove_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """Remove the file that SQLite keeps a run's events in: Dagster empties it, and leaves it at its size."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        file = Path(storage.path_for_shard(run_id))
        for path in file.parent.glob(f"{file.name}*"):  # with its log, if it has one
            path.unlink()


@dg.job(executor_def=dg.in_process_executor, description="Delete the history of runs older than keep_days (180).")
def trim_history() -> None:
    """Delete old run history."""
    delete_old_runs()


JOBS: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [build_editions, build_unwatched, publish, trim_history]
