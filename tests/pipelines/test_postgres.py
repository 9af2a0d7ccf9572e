"""History in PostgreSQL, by settings alone: the same marts, and a server that restarts while a build runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import pytest
from dagster_postgres.event_log import PostgresEventLogStorage

from assets.workspace import open_workspace
from pipelines import run
from pipelines.settings import VARIABLE, SettingsError, settings
from tests.pipelines.postgres import PROGRAMS, Server, running_server
from tests.pipelines.workspaces import YEARS, content, kill_group, run_cli, start_cli

SETTINGS = "deploy/postgres.yaml"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("postgres")]
needs_server = pytest.mark.skipif(PROGRAMS is None, reason="the server of PostgreSQL is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as one:
        yield one


def environment(server: Server) -> dict[str, str]:
    return {VARIABLE: SETTINGS, "SSC_INDEX_POSTGRES": server.address}


def states(server: Server, root: Path) -> list[str]:
    """States of the runs of a workspace, the first one first."""
    mine = f"command line, {root.resolve()}"
    query = f"""
        select runs.status from runs join run_tags using (run_id)
        where run_tags.key = 'ssc-index/started_by' and run_tags.value = '{mine}' order by runs.id
    """
    return [state for (state,) in server.ask(query)]


def wait_for_steps(server: Server, root: Path, process: subprocess.Popen[str], steps: int) -> None:
    """Wait until a build has ended some steps, as the server tells it."""
    mine = f"command line, {root.resolve()}"
    query = f"""
        select count(*) from event_logs join run_tags using (run_id)
        where run_tags.value = '{mine}' and dagster_event_type = 'STEP_SUCCESS'
    """
    until = time.monotonic() + 60
    while server.ask("select to_regclass('event_logs')") == [(None,)] or server.ask(query)[0][0] < steps:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


@needs_server
def test_a_build_keeps_its_history_in_postgresql_and_gives_the_same_bits(
    workspace: Path, small_workspace: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**environment(server), "DAGSTER_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    place = open_workspace(workspace)
    outcome = run.build(place, YEARS[0], YEARS[-1], afresh=True)
    assert content(workspace) == content(small_workspace)
    assert states(server, workspace) == ["SUCCESS"]
    assert server.ask(f"select count(*) from event_logs where run_id = '{outcome.run_id}'")[0][0] > 100
    assert not list((workspace / ".dagster").rglob("*.db"))


@needs_server
def test_a_server_that_restarts_while_a_build_runs_is_waited_for(
    workspace: Path, small_workspace: Path, server: Server
) -> None:
    process = start_cli("build", "-w", workspace, "--afresh", **environment(server))
    try:
        wait_for_steps(server, workspace, process, 2)
        server.stop()
        time.sleep(1)
        server.start()
        _, told = process.communicate(timeout=120)
    finally:
        kill_group(process)
    assert process.returncode == 0, told
    assert content(workspace) == content(small_workspace)
    # Where it was away just as a step told of itself, that run failed and another took over.
    assert states(server, workspace) in (["SUCCESS"], ["FAILURE", "SUCCESS"])


@needs_server
def test_a_server_that_restarts_as_a_step_tells_of_itself_costs_one_run(
    workspace: Path, small_workspace: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**environment(server), "DAGSTER_HOME": ""}.items():
        monkeypatch.setenv(name, value)
    store, away = PostgresEventLogStorage.store_event, list[dg.EventLogEntry]()

    def away_once(storage: PostgresEventLogStorage, event: dg.EventLogEntry) -> None:
        if event.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and not away:
            away.append(event)
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        store(storage, event)

    monkeypatch.setattr(PostgresEventLogStorage, "store_event", away_once)
    run.build(open_workspace(workspace), YEARS[0], YEARS[-1], afresh=True)
    assert content(workspace) == content(small_workspace)
    assert away
    assert states(server, workspace) == ["FAILURE", "SUCCESS"]


@needs_server
def test_a_server_that_stays_away_ends_the_build_and_the_next_one_goes_on(
    workspace: Path, small_workspace: Path, server: Server
) -> None:
    process = start_cli("build", "-w", workspace, "--afresh", **environment(server))
    try:
        wait_for_steps(server, workspace, process, 2)
        server.stop()
        _, told = process.communicate(timeout=120)
    finally:
        kill_group(process)
        server.start()
    assert process.returncode == 3
    assert "history cannot be read or written" in told
    assert "build again" in told
    assert content(workspace) == content(small_workspace)
    done = run_cli("build", "-w", workspace, "--afresh", **environment(server))
    assert done.returncode == 0, done.stderr
    assert content(workspace) == content(small_workspace)
    assert states(server, workspace) == ["FAILURE", "SUCCESS"]


def test_settings_are_laid_over_those_of_the_project_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    own = settings()
    assert "storage" not in own
    monkeypatch.setenv(VARIABLE, SETTINGS)
    assert settings() == own | {"storage": {"postgres": {"postgres_url": {"env": "SSC_INDEX_POSTGRES"}}}}


@pytest.mark.parametrize("text", [None, "- a list", "key: [", ""])
def test_settings_that_cannot_be_used_are_told(
    text: Any, tmp_path: Path, small_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(SettingsError, match=path.name):
        settings()
