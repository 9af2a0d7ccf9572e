"""The run history that the command line writes is the one that Dagster reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage

from assets.workspace import open_workspace
from pipelines import history
from pipelines.run import COMMAND_LINE_SETTINGS, prepare_home


@dg.asset(check_specs=[dg.AssetCheckSpec("holds", asset="one")])
def one() -> dg.MaterializeResult:
    """An asset with a check."""
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])


@dg.asset(deps=[one])
def broken() -> None:
    """An asset that fails."""
    raise ValueError("told in the history")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "raw").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", "")  # put back what `prepare_home` sets
    workspace = open_workspace(tmp_path)
    prepare_home(workspace)
    return workspace.dagster_home


@pytest.fixture
def written(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance of a build from the command line, not yet closed."""
    with dg.DagsterInstance.from_config(str(home), COMMAND_LINE_SETTINGS) as instance:
        yield instance


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    loggers = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return dg.materialize([one, broken], instance=instance, run_config=loggers, raise_on_error=False)


def test_dagster_reads_every_event_while_the_files_are_still_open(written: dg.DagsterInstance) -> None:
    run_id = run(written).run_id
    with dg.DagsterInstance.get() as read:
        assert type(read.event_log_storage) is SqliteEventLogStorage
        assert type(read.run_storage) is SqliteRunStorage
        events = read.all_logs(run_id)
        assert events == written.all_logs(run_id)
        assert {event.dagster_event_type for event in events} >= {
            dg.DagsterEventType.ASSET_MATERIALIZATION,
            dg.DagsterEventType.ASSET_CHECK_EVALUATION,
            dg.DagsterEventType.STEP_FAILURE,
        }
        found = read.get_run_by_id(run_id)
        assert found is not None
        assert found.status == dg.DagsterRunStatus.FAILURE
        materialisation = read.get_latest_materialization_event(one.key)
        assert materialisation is not None
        assert materialisation.run_id == run_id


def test_a_file_is_opened_once_however_many_events_it_takes(written: dg.DagsterInstance) -> None:
    opened: list[str] = []
    create = history.create_engine

    def counted(address: str, **options: object) -> object:
        opened.append(address)
        return create(address, **options)

    with mock.patch.object(history, "create_engine", counted):
        run_id = run(written).run_id
    assert len(written.all_logs(run_id)) > 10
    assert len(opened) == len(set(opened)) <= 3


def test_files_are_closed_with_the_instance(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home), COMMAND_LINE_SETTINGS) as instance:
        run_id = run(instance).run_id
        assert list(home.rglob("*.db-wal"))
    assert list(home.rglob("*.db-wal")) == []
    with closing(sqlite3.connect(home / "history" / "runs" / f"{run_id}.db")) as file:
        assert file.execute("pragma journal_mode").fetchone() == ("wal",)
        assert file.execute("pragma integrity_check").fetchone() == ("ok",)
