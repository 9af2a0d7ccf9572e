"""What runs by itself once it is switched on: schedules, sensors, notices, the trimming of history."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from assets.confidential import TRY_AGAIN_AFTER, place
from assets.resources import WorkspaceResource
from assets.warehouse import writer_lock
from assets.workspace import PROJECT, open_workspace
from pipelines.definitions import definitions
from pipelines.jobs import FINISHED, build_unwatched, trim_history
from pipelines.notices import WEBHOOK_VARIABLE, Notice, NoticeError, send
from pipelines.ranges import known_years, range_tags
from pipelines.run import _failures, instance_for_build, last_failure, prepare_home
from pipelines.schedules import SCHEDULES, nightly_draft, yearly_edition
from pipelines.sensors import SENSORS, _kind, build_failed, submissions_arrived
from tests.pipelines.workspaces import REPORT, change_receipt, copy_workspace, invoke

RANGE = {"dagster/asset_partition_range_start": "2018", "dagster/asset_partition_range_end": "2020"}


@pytest.fixture
def raw_only(small_workspace: Path, tmp_path: Path) -> Path:
    return copy_workspace(small_workspace, tmp_path / "workspace", built=False)


def tick(root: Path, cursor: str | None) -> dg.SensorResult:
    """One look of the sensor at the files."""
    with dg.build_sensor_context(cursor=cursor, resources={"store": WorkspaceResource(root=str(root))}) as context:
        result = submissions_arrived(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_everything_is_off_until_it_is_switched_on() -> None:
    assert {one.default_status for one in SCHEDULES} == {dg.DefaultScheduleStatus.STOPPED}
    assert {one.default_status for one in SENSORS} == {dg.DefaultSensorStatus.STOPPED}


def test_files_start_a_run_once_they_have_stayed_the_same_and_never_a_second_one(raw_only: Path) -> None:
    first = tick(raw_only, None)
    assert not first.run_requests
    assert first.cursor
    second = tick(raw_only, first.cursor)
    (request,) = second.run_requests or ()
    assert request.tags == RANGE
    third = tick(raw_only, second.cursor)
    assert not third.run_requests


def test_many_files_that_arrive_together_are_one_run(raw_only: Path) -> None:
    known = tick(raw_only, tick(raw_only, None).cursor)
    cursor = known.cursor
    keys = []
    for receipt in sorted((raw_only / "raw").rglob(f"*{REPORT}*.receipt.csv")):
        change_receipt(receipt, lambda row: {**row, "consent": "scores"})
        result = tick(raw_only, cursor)  # a file a minute: not yet
        assert not result.run_requests
        cursor = result.cursor
    result = tick(raw_only, cursor)
    keys = [one.run_key for one in result.run_requests or ()]
    assert len(keys) == 1
    assert keys != [one.run_key for one in known.run_requests or ()]


def test_files_that_are_put_back_as_they_once_were_start_a_run_again(raw_only: Path) -> None:
    """Dagster starts no second run of one key: the marts would stay with what was taken back."""
    receipt = min((raw_only / "raw").rglob(f"*{REPORT}*.receipt.csv"))
    states = [receipt.read_bytes(), receipt.read_bytes().replace(b"report", b"scores")]
    keys: list[str | None] = []
    cursor: str | None = None
    for state in (*states, *states):
        receipt.write_bytes(state)
        cursor = tick(raw_only, cursor).cursor
        again = [tick(raw_only, cursor) for _ in range(2)]  # a tick that was broken off asks for the same
        keys += {request.run_key for result in again for request in result.run_requests or ()}
        cursor = again[0].cursor
    assert len(keys) == len(set(keys)) == 4


def test_a_tick_that_fails_tells_the_kind_of_its_error_and_doctor_the_rest(raw_only: Path) -> None:
    """Dagster keeps what a tick said and shows it to all who see the UI: a file may bear the name of a city."""
    (raw_only / "raw" / "no-secret-city.xlsx").symlink_to("/nowhere")
    (raw_only / "raw" / "secret.receipt.csv").symlink_to("/nowhere")
    store = {"store": WorkspaceResource(root=str(raw_only))}
    with dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 11, 24, tzinfo=UTC), resources=store
    ) as night:
        for look in (lambda: tick(raw_only, None), lambda: nightly_draft(night), lambda: yearly_edition(night)):
            with pytest.raises(dg.Failure) as told:
                look()
            assert told.value.description == "LinkError: `ssc-index doctor` and `ssc-index status` say why."
            assert told.value.__cause__ is None
            assert told.value.__suppress_context__
    found = invoke("doctor", "-w", raw_only)
    assert found.exit_code == 2
    assert "is a link to nothing" in " ".join(found.stdout.split())
    assert "writable" in found.stdout


def test_a_warehouse_that_cannot_be_read_is_for_the_run_to_find_which_tells_of_it(
    raw_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run tries again and sends a notice; a tick that fails is told to nobody."""
    monkeypatch.setattr("pipelines.ranges.SECONDS_OF_A_TICK", 0.1)
    warehouse = raw_only / "warehouse.duckdb"
    first = tick(raw_only, None)
    all_there_can_be = range_tags(*known_years())

    def asked() -> list[Any]:
        store = {"store": WorkspaceResource(root=str(raw_only))}
        moment = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
        with dg.build_schedule_context(scheduled_execution_time=moment, resources=store) as night:
            at_night: Any = nightly_draft(night)
        return [at_night.tags, *(one.tags for one in tick(raw_only, first.cursor).run_requests or ())]

    assert asked() == [RANGE, RANGE]
    warehouse.write_bytes(b"no database" * 1000)
    assert asked() == [all_there_can_be] * 2
    warehouse.unlink()
    duckdb.connect(str(warehouse)).close()
    assert asked() == [RANGE, RANGE]
    with writer_lock(warehouse, "a build of an hour"):
        assert asked() == [all_there_can_be] * 2


def test_every_night_the_draft_of_all_editions_is_asked_for(raw_only: Path) -> None:
    moment = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
    with dg.build_schedule_context(
        scheduled_execution_time=moment, resources={"store": WorkspaceResource(root=str(raw_only))}
    ) as context:
        request = nightly_draft(context)
    assert isinstance(request, dg.RunRequest)
    assert (request.run_key, request.tags) == ("draft-2026-11-24", RANGE)


def test_a_run_that_nobody_watches_tries_again_ever_later_and_is_ended_in_the_end() -> None:
    tags = build_unwatched.tags or {}
    assert (tags[TRY_AGAIN_AFTER], tags["dagster/max_runtime"]) == ("30 90 210", "7200")


def test_a_step_that_fails_is_tried_again_after_longer_and_longer_and_then_told(
    raw_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assets import raw

    real, calls = raw.ingest, []

    def fail_at_first(*given: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) <= fails:
            raise OSError("the file server is away")
        return real(*given, **named)

    monkeypatch.setattr("assets.raw.ingest", fail_at_first)
    job = definitions(raw_only).resolve_job_def("build_unwatched")
    for fails, waits in ((9, [0, 0, 0]), (2, [0, 0])):
        calls.clear()
        result = job.execute_in_process(tags=RANGE | {TRY_AGAIN_AFTER: "0 0 0"}, raise_on_error=False)
        again = [one.step_retry_data.seconds_to_wait for one in result.all_events if one.is_step_up_for_retry]
        assert again == waits
        assert result.success is (fails == 2)
        kinds = [_kind(one) for one in result.all_events if one.is_step_failure]
        assert kinds == ([] if result.success else ["OSError"])
    assert len(calls) == 2 + 1


@pytest.mark.parametrize("ended", [dg.DagsterExecutionInterruptedError, KeyboardInterrupt])
def test_a_step_that_was_interrupted_ends_its_run(
    raw_only: Path, monkeypatch: pytest.MonkeyPatch, ended: type[BaseException]
) -> None:
    """Tried again, a run that is out of time or was cancelled would go on and publish after it was told as failed."""
    calls = []

    def interrupted(*_: Any, **__: Any) -> Any:
        calls.append(1)
        raise ended

    monkeypatch.setattr("assets.raw.ingest", interrupted)
    job = definitions(raw_only).resolve_job_def("build_unwatched")
    with dg.DagsterInstance.ephemeral() as instance:
        with suppress(KeyboardInterrupt):
            job.execute_in_process(tags=RANGE, instance=instance, raise_on_error=False)
        (run,) = instance.get_runs()
        events = [one.dagster_event for one in instance.all_logs(run.run_id)]
        (failure,) = [one for one in events if one and one.is_run_failure]
        told = dg.build_run_status_sensor_context("build_failed", failure, instance, run)
        build_failed(told.for_run_failure(), store=WorkspaceResource(root=str(raw_only)))
    assert "2018 to 2020 was ended; the marts" in (raw_only / "notices.jsonl").read_text(encoding="utf-8")
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert not [one for one in events if one and one.is_step_up_for_retry]
    assert [one.step_key for one in events if one and one.is_step_failure] == ["ingest_submissions"]
    assert len(calls) == 1


def test_a_warehouse_of_another_version_fails_at_once_and_the_notice_says_so(raw_only: Path) -> None:
    """Tried again it would be the same: nobody should wait five minutes, and four failures, to hear of it."""
    with duckdb.connect(str(raw_only / "warehouse.duckdb")) as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.files (name varchar)")
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions(raw_only).resolve_job_def("build_unwatched")
        result = job.execute_in_process(instance=instance, tags=RANGE, raise_on_error=False)
        assert not result.success
        assert not [event for event in result.all_events if event.is_step_up_for_retry]
        (ended,) = [event for event in result.all_events if event.is_run_failure]
        context = dg.build_run_status_sensor_context("build_failed", ended, instance, result.dagster_run)
        build_failed(context.for_run_failure(), store=WorkspaceResource(root=str(raw_only)))
    (line,) = (raw_only / "notices.jsonl").read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert (told["failed_steps"], told["errors"]) == (["ingest_submissions"], ["OtherVersionError"])
    assert "failed at ingest_submissions (OtherVersionError)" in told["text"]


def test_a_run_that_was_ended_between_its_steps_is_told_as_ended() -> None:
    assert Notice("failed", "build_unwatched", "run-1", "2018").text == (
        "build_unwatched 2018 was ended; the marts are the old ones."
    )


def test_a_build_that_changed_nothing_is_not_said_to_have_published() -> None:
    told = Notice("succeeded", "build_unwatched", "run-1", "2018 to 2020").text
    assert told == "build_unwatched 2018 to 2020 ended well; the marts are up to date."


def test_the_yearly_edition_takes_in_all_years_where_the_warehouse_is_gone(workspace: Path) -> None:
    def asked() -> dict[str, str]:
        moment = datetime(2021, 7, 1, 3, tzinfo=UTC)
        store = WorkspaceResource(root=str(workspace))
        with dg.build_schedule_context(scheduled_execution_time=moment, resources={"store": store}) as context:
            request = yearly_edition(context)
        assert isinstance(request, dg.RunRequest)
        return dict(request.tags)

    assert asked() == range_tags(2020, 2020)
    (workspace / "warehouse.duckdb").unlink()
    assert asked() == RANGE == range_tags(2018, 2020)


# --- notices --------------------------------------------------------------------------------------------------


@contextmanager
def webhook(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server on this machine that takes messages."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Location", "/login")
            self.end_headers()

        def do_GET(self) -> None:  # the page that a redirected message would end at
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", taken
        finally:
            server.shutdown()
            thread.join()


FAILED = Notice("failed", "build_editions", "run-1", "2018 to 2020", ("compute_index",))


def test_a_notice_is_a_line_in_a_private_file_and_a_message(raw_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as (address, taken):
        monkeypatch.setenv(WEBHOOK_VARIABLE, address)
        send(open_workspace(raw_only), FAILED)
    path = raw_only / "notices.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)] == taken
    assert abs(datetime.fromisoformat(taken[0]["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert taken[0]["text"].endswith("build_editions 2018 to 2020 failed at compute_index; the marts are the old ones.")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("http://127.0.0.1:9/", 0),
        ("file:///etc/passwd", 0),
        ("http://127.0.0.1:9/with a secret", 0),
        ("http://[with-a-secret", 0),
        ("http://a..secret/", 0),
        (None, 500),
        (None, 302),
    ],
)
def test_a_webhook_that_takes_nothing_is_told_and_the_line_stands(
    raw_only: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, status: int
) -> None:
    with webhook(status) as (refusing, _):
        monkeypatch.setenv(WEBHOOK_VARIABLE, address or refusing)
        with pytest.raises(NoticeError) as told:
            send(open_workspace(raw_only), FAILED)
    assert "secret" not in str(told.value)
    assert (raw_only / "notices.jsonl").read_text(encoding="utf-8").count("\n") == 1


def test_a_webhook_that_answers_byte_by_byte_is_not_waited_for(raw_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte would begin the time anew, and Dagster breaks a tick off in the end, to send the same notice again."""
    told = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\nSlow: ")
                for _ in range(50):  # at the end of them it has taken the notice
                    connection.sendall(b".")
                    if told.wait(0.1):
                        return
                connection.sendall(b"\r\n\r\n")

        thread = threading.Thread(target=drip)
        thread.start()
        monkeypatch.setattr("pipelines.notices.TIMEOUT_SECONDS", 0.5)
        monkeypatch.setenv(WEBHOOK_VARIABLE, f"http://127.0.0.1:{server.getsockname()[1]}/")
        try:
            with pytest.raises(NoticeError, match=r"had not answered after 0\.5 seconds"):
                send(open_workspace(raw_only), FAILED)
        finally:
            told.set()
            thread.join()
    assert (raw_only / "notices.jsonl").read_text(encoding="utf-8").count("\n") == 1


# --- history --------------------------------------------------------------------------------------------------


def test_old_history_is_deleted_with_the_texts_of_its_errors_and_the_rest_stays(tmp_path: Path) -> None:
    @dg.job
    def small() -> None: ...

    (tmp_path / "raw").mkdir()
    store = {"store": WorkspaceResource(root=str(tmp_path))}
    kept = place(open_workspace(tmp_path))
    kept.parent.mkdir(mode=0o700)
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            small.execute_in_process(instance=instance)
        runs = instance.get_runs(filters=dg.RunsFilter(statuses=FINISHED))
        old = dg.RunsFilter(created_before=datetime.now(UTC) + timedelta(days=1))
        assert len(instance.get_runs(filters=old)) == len(runs) == 2
        lines = [json.dumps({"run_id": name, "error": "why", "trace": ""}) + "\n" for name in (runs[0].run_id, "other")]
        kept.write_text(lines[0] + lines[1] + '{"run_id": "cut', encoding="utf-8")
        keep = {"ops": {"delete_old_runs": {"config": {"keep_days": 1}}}}
        assert trim_history.execute_in_process(instance=instance, run_config=keep, resources=store).success
        assert len(instance.get_runs()) == 3
        assert kept.read_text(encoding="utf-8") == lines[0] + lines[1]
        none = {"ops": {"delete_old_runs": {"config": {"keep_days": 0}}}}
        result = trim_history.execute_in_process(instance=instance, run_config=none, resources=store)
        assert [run.run_id for run in instance.get_runs()] == [result.run_id]
    assert kept.read_text(encoding="utf-8") == lines[1]


def test_what_is_trimmed_gives_its_room_on_the_disk_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster deletes the rows of a run's events; their file stays as large as it was, and what the run printed."""

    @dg.op
    def printing() -> None:
        print("a line")  # noqa: T201  # it is caught

    @dg.job
    def small() -> None:
        printing()

    (tmp_path / "raw").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", "")
    prepare_home(open_workspace(tmp_path))
    home = tmp_path / ".dagster"
    none = {"ops": {"delete_old_runs": {"config": {"keep_days": 0}}}}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run_id = small.execute_in_process(instance=instance).run_id
        assert len([path for path in home.rglob(f"*{run_id}*") if path.suffix == ".db" or path.is_dir()]) == 2
        store = {"store": WorkspaceResource(root=str(tmp_path))}
        assert trim_history.execute_in_process(instance=instance, run_config=none, resources=store).success
    assert list(home.rglob(f"*{run_id}*")) == []


def test_a_build_that_failed_blocks_until_one_has_ended_well_whoever_started_it(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    place_of = open_workspace(tmp_path)

    @dg.op(config_schema={"fails": bool})
    def step(context) -> None:  # type: ignore[no-untyped-def]  # Dagster resolves no annotation of a nested function
        if context.op_config["fails"]:
            raise ValueError

    def ended(job_name: str, *, fails: bool) -> list[str]:
        """A run of a job that does nothing, by the history's name of a build; what is told after it."""

        @dg.job(name=job_name)
        def build() -> None:
            step()

        config = {"ops": {"step": {"config": {"fails": fails}}}}
        with instance_for_build(place_of) as instance:
            run = build.execute_in_process(config, instance=instance, raise_on_error=False)
        if fails:
            with place(place_of).open("a", encoding="utf-8") as kept:
                kept.write(json.dumps({"run_id": run.run_id, "error": f"{job_name}: why", "trace": ""}) + "\n")
        return last_failure(place_of)

    assert ended("build_editions", fails=True) == ["build_editions: why"]
    # What ended later counts, although the command line's note knows nothing of a build by night.
    assert ended("build_unwatched", fails=False) == []
    assert ended("trim_history", fails=True) == []
    assert ended("build_unwatched", fails=True) == ["build_unwatched: why"]
    place(place_of).write_text("", encoding="utf-8")  # trimmed
    assert last_failure(place_of) == []


def test_a_build_that_was_ended_says_so_in_words(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()

    @dg.op
    def step() -> None:
        raise dg.DagsterExecutionInterruptedError

    @dg.job
    def build() -> None:
        step()

    told = _failures(open_workspace(tmp_path), build.execute_in_process(raise_on_error=False))
    assert told == "step: the build was ended. The marts are the old ones; build again: what was committed stays."


# --- the command ----------------------------------------------------------------------------------------------


def test_the_command_lists_what_there_is(workspace: Path) -> None:
    result = invoke("schedule", "list", "-w", workspace, "--json")
    assert json.loads(result.stdout) == dict.fromkeys([one.name for one in (*SCHEDULES, *SENSORS)], False)


def test_what_is_switched_on_is_on_for_dagster_until_it_is_switched_off(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    environment = {**os.environ, "DAGSTER_HOME": ""}

    def switched(*words: str) -> dict[str, bool]:
        command = [sys.executable, "-m", "pipelines.cli", "schedule", *words, "-w", str(tmp_path), "--json"]
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    for action in ("on", "on", "off"):
        is_on = action == "on"
        told = switched(action, "nightly_draft")
        assert (told.pop("nightly_draft"), set(told.values())) == (is_on, {False})
        with dg.DagsterInstance.from_config(str(tmp_path / ".dagster")) as instance:  # as the daemon opens it
            (state,) = instance.all_instigator_state()
        assert (state.name, state.status.value) == ("nightly_draft", "RUNNING" if is_on else "STOPPED")
    assert switched("on", "build_failed")["build_failed"] is True


@pytest.mark.parametrize("variable", ["SSC_INDEX_SETTINGS", "SSC_INDEX_EXECUTOR"])
def test_settings_that_are_not_there_are_told_without_a_trace(tmp_path: Path, variable: str) -> None:
    (tmp_path / "raw").mkdir()
    command = [sys.executable, "-m", "pipelines.cli", "schedule", "-w", str(tmp_path)]
    environment = {**os.environ, variable: "absent"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "absent" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_name_is_told_with_those_there_are(workspace: Path) -> None:
    result = invoke("schedule", "on", "hourly", "-w", workspace)
    assert result.exit_code == 2
    assert "nightly_draft" in result.stderr
