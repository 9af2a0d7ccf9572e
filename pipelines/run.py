"""Running the jobs from the command line, in this process, with the same definitions as the UI.

What belongs here: the Dagster instance of a workspace and one run of a range of editions. What does not: what
is printed (`show.py`).
"""

from __future__ import annotations

import copy
import logging
import os
import shutil
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from assets.confidential import texts_of
from assets.reporting import asset_key
from assets.warehouse import writer_lock
from assets.workspace import Workspace
from assets.writing import YEARS_COMPUTED
from pipelines.definitions import definitions
from pipelines.jobs import FINISHED, build_editions, build_unwatched
from pipelines.last_build import LastBuild, addresses, look, note_build, nothing_new, reached
from pipelines.ranges import range_tags
from pipelines.settings import settings
from schemas.index import SCORES
from ssc_index.errors import SscIndexError

SETTINGS, COMMAND_LINE_SETTINGS = "dagster.yaml", "command-line.yaml"
STARTED_BY = "ssc-index/started_by"
UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class BuildError(SscIndexError):
    """A build that did not come to its end; the published marts are the old ones."""


class HistoryLostError(BuildError):
    """A build that broke off because its database of runs and events was away while a step told of itself."""


@dataclass(frozen=True)
class Outcome:
    """What a build says of itself.

    Attributes:
        run_id: Dagster's run, to be found in the UI.
        failed_checks: Asset checks that did not hold, with what they counted.
        is_unchanged: Whether nothing was run, for everything stands on the same as when the last build ended.
        computed: Editions whose scores were computed; the others stood.
    """

    run_id: str
    failed_checks: Mapping[str, str]
    is_unchanged: bool = False
    computed: Sequence[int] = ()


def prepare_home(workspace: Workspace) -> None:
    """Have Dagster keep its runs in the workspace, with the project's settings."""
    of_all = settings()
    of_command_line = copy.deepcopy(of_all)
    # A build that is killed would keep its place in the pool for ever. It takes none: it waits for the lock of the
    # warehouse, which the operating system frees however its holder ends.
    of_command_line["concurrency"]["pools"]["granularity"] = "run"
    # Nothing is printed in a step, and catching it would start four processes for every run.
    of_command_line["compute_logs"] = {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
    if "storage" not in of_all:  # settings of their own, as of PostgreSQL, stand
        of_command_line |= _storage(workspace.dagster_home)
    workspace.dagster_home.mkdir(parents=True, exist_ok=True)
    workspace.dagster_home.chmod(0o700)
    _put(yaml.safe_dump(of_all), workspace.dagster_home / SETTINGS)
    _put(yaml.safe_dump(of_command_line), workspace.dagster_home / COMMAND_LINE_SETTINGS)
    os.environ["DAGSTER_HOME"] = str(workspace.dagster_home)


def _storage(home: Path) -> dict[str, Any]:
    """Settings of the storages in `history.py`, on the files that Dagster's own would use."""
    own = {"module": "pipelines.history"}
    return {
        "run_storage": {**own, "class": "OpenRunStorage", "config": {"base_dir": str(home / "history")}},
        "event_log_storage": {**own, "class": "OpenEventLog", "config": {"base_dir": str(home / "history" / "runs")}},
        "schedule_storage": {
            "module": "dagster._core.storage.schedules",
            "class": "SqliteScheduleStorage",
            "config": {"base_dir": str(home / "schedules")},
        },
    }


def _put(text: str, path: Path) -> None:
    """Write a file that others may be reading."""
    if not (path.is_file() and path.read_bytes() == text.encode()):
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_text(text, encoding="utf-8")
        new.replace(path)


@contextmanager
def instance_for_build(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance of a workspace, for one build from the command line at a time.

    Runs that a killed build has left as started are reported as failed: the UI would show them as running for ever
    and hold back its own.
    """
    prepare_home(workspace)
    home = workspace.dagster_home
    with (
        writer_lock(home / "build", "building editions"),
        dg.DagsterInstance.from_config(str(home), COMMAND_LINE_SETTINGS) as instance,
    ):
        ours = dg.RunsFilter(tags=command_line_tags(workspace), statuses=UNFINISHED)
        for run in instance.get_runs(filters=ours):
            instance.report_run_failed(run, "The process that ran it has ended without a word.")
        yield instance


def last_failure(workspace: Workspace) -> list[str]:
    """What the errors of the last build said, whoever started it; nothing if it came to its end."""
    prepare_home(workspace)
    home = str(workspace.dagster_home)
    with history_told(workspace), dg.DagsterInstance.from_config(home, COMMAND_LINE_SETTINGS) as instance:
        ended = [
            record
            for job in (build_editions, build_unwatched)
            for record in instance.get_run_records(dg.RunsFilter(job_name=job.name, statuses=FINISHED), limit=1)
        ]
    if not ended:
        return []
    last = max(ended, key=lambda record: record.create_timestamp).dagster_run
    return [] if last.is_success else texts_of(workspace, last.run_id)


def command_line_tags(workspace: Workspace) -> dict[str, str]:
    """Tags of a run from the command line; history in PostgreSQL may hold those of several workspaces."""
    return {STARTED_BY: f"command line, {workspace.root.resolve()}"}


def build(workspace: Workspace, first: int, last: int, *, afresh: bool = False) -> Outcome:
    """Build a range of editions in one run and publish the marts; steps whose inputs have not changed are left.

    Args:
        workspace: The workspace.
        first: First edition.
        last: Last edition.
        afresh: Whether to compute everything anew, changed or not.

    Returns:
        The run and the checks that did not hold; of the last build, if nothing has changed since.

    Raises:
        BuildError: If a step failed, with its error; the marts are the old ones.
    """
    # Before anything is read: what arrives while the build runs is new for the next one.
    looked = look(workspace)
    if not afresh and (found := nothing_new(workspace, looked, first, last)):
        return Outcome(found.run_id, found.failed_checks, is_unchanged=True)
    years = (first, last) if afresh else reached(workspace, looked, first, last)
    try:
        outcome = _run(workspace, *years, afresh=afresh)
    except HistoryLostError as error:
        logging.getLogger(__name__).warning("%s\nDagster's history was away; building what is left once more.", error)
        outcome = _run(workspace, *years, afresh=afresh)
    note = LastBuild(looked, addresses(workspace), first, last, outcome.run_id, dict(outcome.failed_checks))
    note_build(workspace, note)
    return outcome


def _run(workspace: Workspace, first: int, last: int, *, afresh: bool) -> Outcome:
    """One run of Dagster over a range of editions."""
    as_of = workspace.as_of.isoformat() if workspace.as_of else ""
    job = definitions(workspace.root, as_of, status=workspace.status, afresh=afresh).resolve_job_def("build_editions")
    with history_told(workspace), instance_for_build(workspace) as instance, warnings.catch_warnings():
        # Dagster marks single-run backfills as beta; the design rests on them (docs/decisions/0001-stack.md).
        warnings.simplefilter("ignore", dg.BetaWarning)
        result = job.execute_in_process(
            instance=instance,
            tags=range_tags(first, last) | command_line_tags(workspace),
            run_config=QUIET,
            raise_on_error=False,
        )
    if not result.success:
        raise (HistoryLostError if _history_was_lost(result) else BuildError)(_failures(workspace, result))
    failed = {
        f"{check.asset_key.to_user_string()}: {check.check_name}": _counted(check)
        for check in result.get_asset_check_evaluations()
        if not check.passed
    }
    return Outcome(result.run_id, failed, computed=_computed(result))


def _computed(result: dg.ExecuteInProcessResult) -> list[int]:
    """Editions whose scores a run has computed."""
    told = [
        event.materialization.metadata[YEARS_COMPUTED].value
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == asset_key(SCORES)
    ]
    return [int(year) for text in told for year in str(text).split(", ") if year.isdecimal()]


@contextmanager
def history_told(workspace: Workspace) -> Iterator[None]:
    """Turn errors of the database that holds Dagster's history into one of ours; others are left as they are.

    Raises:
        BuildError: If the history cannot be read or written, after Dagster has tried again for some seconds.
    """
    try:
        yield
    except Exception as error:
        of_database = next((one for one in _causes(error) if isinstance(one, SQLAlchemyError)), None)
        if of_database is None:
            raise
        said = str(getattr(of_database, "orig", None) or of_database).strip()
        if _tells_of_damage(of_database):
            damaged = [path for path in sorted(workspace.dagster_home.rglob("*.db")) if not _is_sound(path)]
            raise BuildError(
                f"Dagster's history is damaged: {said}\nThe marts are whole, and nothing that is computed rests on it: "
                "it holds which runs there were, and which schedules are on. Delete "
                f"{' and '.join(map(str, damaged)) or workspace.dagster_home / 'history'}, build again, and see by "
                "`ssc-index schedule list` what is still on."
            ) from error
        free = shutil.disk_usage(workspace.root).free // 10**6
        raise BuildError(
            f"Dagster's history cannot be read or written: {said}\n{free} MB are free on the workspace's disk. The "
            "marts are whole. Once the database answers or the disk has room, build again: what was committed is not "
            "computed again."
        ) from error


def _tells_of_damage(error: BaseException) -> bool:
    """Whether an error is SQLite's of a file that it cannot make sense of."""
    codes = {getattr(one, "sqlite_errorcode", 0) & 0xFF for one in _causes(error)}
    return not codes.isdisjoint({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _is_sound(path: Path) -> bool:
    """Whether a SQLite file can be read."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found: list[tuple[str]] = connection.execute("pragma quick_check(1)").fetchall()
    except sqlite3.DatabaseError as error:
        return not _tells_of_damage(error)
    return found == [("ok",)]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _history_was_lost(result: dg.ExecuteInProcessResult) -> bool:
    """Whether a step failed in telling of itself: Dagster waits for a database to answer, but not within a word."""
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    while any(errors):
        if any(error and error.cls_name == OperationalError.__name__ for error in errors):
            return True
        errors = [error.cause for error in errors if error]
    return False


def _failures(workspace: Workspace, result: dg.ExecuteInProcessResult) -> str:
    """What the errors of the steps that failed say; of those without a text of ours, the innermost cause."""
    kept = texts_of(workspace, result.run_id)
    if kept:
        return "\n".join(kept)
    told = []
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            said = error.message.strip() if error else "failed"
            if error and error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
                said = "the build was ended. The marts are the old ones; build again: what was committed stays."
            told.append(f"{event.step_key}: {said}")
    return "\n".join(told) or "the build failed"


def _counted(check: dg.AssetCheckEvaluation) -> str:
    names = ("failures", "errors", "warnings")
    return ", ".join(f"{check.metadata[name].value} {name}" for name in names if name in check.metadata)
