"""A run whose code server is gone is told as failed; one whose server listens is left alone."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from assets.workspace import open_workspace
from pipelines.launcher import WatchedRunLauncher
from pipelines.run import prepare_home


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Dagster as the daemon opens it on a workspace."""
    (tmp_path / "raw").mkdir()
    workspace = open_workspace(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_home(workspace)
    with dg.DagsterInstance.from_config(str(workspace.dagster_home)) as opened:
        yield opened


def state_once_looked_at(instance: dg.DagsterInstance, tags: dict[str, str]) -> dg.DagsterRunStatus:
    """State of a started run after the daemon has looked whether it lives."""
    run = instance.add_run(dg.DagsterRun("build_unwatched", status=dg.DagsterRunStatus.STARTED, tags=tags))
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
    monitor_started_run(instance, cast(Any, None), record, logging.getLogger("test"))
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=[run.run_id]))
    return record.dagster_run.status


def server(path: Path) -> dict[str, str]:
    return {GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": str(path)})}


def test_the_daemon_uses_it(instance: dg.DagsterInstance) -> None:
    assert isinstance(instance.run_launcher, WatchedRunLauncher)


def test_a_run_whose_server_has_left_its_socket_behind_is_told_as_failed(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as listening:  # closed without removing the file, as by SIGKILL
        listening.bind(str(tmp_path / "server"))
        listening.listen()
    assert state_once_looked_at(instance, server(tmp_path / "server")) is dg.DagsterRunStatus.FAILURE


def test_a_run_whose_server_has_gone_with_its_machine_is_told_as_failed(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    assert state_once_looked_at(instance, server(tmp_path / "none")) is dg.DagsterRunStatus.FAILURE


def test_a_run_whose_server_listens_goes_on(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "server"))
        listening.listen()
        assert state_once_looked_at(instance, server(tmp_path / "server")) is dg.DagsterRunStatus.STARTED


def test_a_build_from_the_command_line_is_not_judged(instance: dg.DagsterInstance) -> None:
    assert state_once_looked_at(instance, {}) is dg.DagsterRunStatus.STARTED
