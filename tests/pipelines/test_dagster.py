"""The Dagster side: which assets, checks, jobs and schedules there are, and what a run of them does."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assets.partitions import YEARS as YEAR_PARTITIONS
from assets.resources import WorkspaceResource
from assets.workspace import open_workspace
from pipelines import run
from pipelines.definitions import definitions
from pipelines.ranges import RANGE_END, RANGE_START
from schemas import audit, benchmark, changes, checks, index, marts, raw, uncertainty
from tests.pipelines.workspaces import (
    INTERNAL,
    PROJECT,
    PUBLIC,
    YEARS,
    addresses,
    content,
    copy_workspace,
    dagster_in_memory,
    invoke,
    mart_tables,
)

pytestmark = pytest.mark.xdist_group("dagster")

RAW = ("files", "submissions", "receipts", "cells", "faults", "receipt_faults", "cities")
CORE = ("values", "provisional", "quarantine", "findings")
INDEX = ("cities", "selected", "treated", "normalised", "imputed", "weights", "scores")
BENCHMARK = ("points", "scores", "peers", "peer_positions")
SURENESS = tuple(table.name.split(".")[1] for table in uncertainty.TABLES)
AUDIT = ("correlations", "importance", "reliability")
CHANGES = ("parts", "kpis")
MARTS = tuple(table.name for table in marts.INTERNAL)
GROUPS = {
    "raw": RAW,
    "core": CORE,
    "index": INDEX,
    "benchmark": BENCHMARK,
    "audit": AUDIT,
    "uncertainty": SURENESS,
    "changes": CHANGES,
    "marts": MARTS,
    "state": ("steps",),
}
ALL = {f"{group}/{name}" for group, names in GROUPS.items() for name in names}
PARTITIONED = {
    key for key in ALL if key.split("/")[0] in ("core", "index", "benchmark", "audit", "uncertainty", "changes")
}

BLOCKING = {(key, "schema") for key in ALL if not key.startswith("marts/")}
TELLING = {
    ("raw/faults", "no_errors"),
    ("raw/receipt_faults", "no_errors"),
    ("core/quarantine", "no_errors"),
    ("core/findings", "no_warnings"),
}


@pytest.fixture(scope="module")
def defs(small_workspace: Path) -> dg.Definitions:
    return definitions(small_workspace)


@pytest.fixture(scope="module")
def graph(defs: dg.Definitions) -> Any:
    return defs.resolve_asset_graph()


def run_job(root: Path, instance: dg.DagsterInstance | None = None, **how: Any) -> dg.ExecuteInProcessResult:
    """Run the job that builds editions; without an instance, in memory."""
    job = definitions(root).resolve_job_def("build_editions")
    with dagster_in_memory(), warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return job.execute_in_process(instance=instance, raise_on_error=False, **how)


def of_range(first: int, last: int) -> dict[str, dict[str, str]]:
    return {"tags": {RANGE_START: str(first), RANGE_END: str(last)}}


@pytest.fixture(scope="module")
def ran(small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One range run and one single-partition run on a copy, with all that the instance remembers of them."""
    root = copy_workspace(small_workspace, tmp_path_factory.mktemp("ran") / "workspace", built=False)
    with dg.DagsterInstance.ephemeral() as instance:
        whole = run_job(root, instance, **of_range(YEARS[0], YEARS[-1]))
        after_range = addresses(root)
        single = run_job(root, instance, partition_key="2019")
        yield {"whole": whole, "single": single, "instance": instance, "after_range": after_range, "root": root}


def materialised(result: dg.ExecuteInProcessResult) -> dict[str, set[str | None]]:
    """Partitions of each asset that a run materialised."""
    found: dict[str, set[str | None]] = {}
    for event in result.get_asset_materialization_events():
        materialization = event.materialization
        found.setdefault(materialization.asset_key.to_user_string(), set()).add(materialization.partition)
    return found


def ran_checks(result: dg.ExecuteInProcessResult) -> set[tuple[str, str]]:
    return {(one.asset_key.to_user_string(), one.check_name) for one in result.get_asset_check_evaluations()}


def test_there_is_one_asset_for_each_table(graph: Any) -> None:
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} == ALL
    tables = {
        table.name.replace(".", "/")
        for table in (
            *raw.TABLES,
            *index.TABLES,
            *benchmark.TABLES,
            *audit.TABLES,
            *uncertainty.TABLES,
            *changes.TABLES,
        )
    }
    assert tables <= ALL


def test_every_asset_has_its_group_and_says_what_it_holds(graph: Any) -> None:
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name == key.path[0], key
        assert len(node.description.split()) >= 4, key
        columns = node.metadata["dagster/column_schema"].columns
        assert columns, key
        assert all(column.description for column in columns), key


def test_core_index_benchmark_and_audit_are_cut_by_year_and_nothing_else_is(graph: Any) -> None:
    partitioned = {
        key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).partitions_def is not None
    }
    assert partitioned == PARTITIONED
    (years,) = {graph.get(dg.AssetKey(key.split("/"))).partitions_def for key in PARTITIONED}
    keys = years.get_partition_keys(current_time=datetime(2026, 1, 1, 12, tzinfo=UTC))
    # The current year is there from its first day.
    assert (keys[0], keys[-1], len(keys)) == ("2015", "2026", 12)


@pytest.mark.parametrize("seconds", [0.0, 0.5, -1.0, 86400 * 365 * 7.5])
def test_years_are_those_of_the_schedule_that_dagster_reads(seconds: float) -> None:
    own = dg.TimeWindowPartitionsDefinition(start="2015", fmt="%Y", cron_schedule="0 0 1 1 *", end_offset=1)
    first = own.start_timestamp + seconds
    ours, theirs = (list(islice(one._iterate_time_windows(first), 12)) for one in (YEAR_PARTITIONS, own))
    assert ours == theirs
    assert own == YEAR_PARTITIONS
    assert YEAR_PARTITIONS.get_partition_keys() == own.get_partition_keys()


def test_every_edge_leads_from_raw_to_marts(graph: Any) -> None:
    order = list(GROUPS)
    edges = [
        (parent.path[0], key.path[0]) for key in graph.get_all_asset_keys() for parent in graph.get(key).parent_keys
    ]
    assert all(order.index(parent) <= order.index(child) for parent, child in edges)
    assert {"raw", "core", "index", "benchmark", "audit", "uncertainty", "changes", "marts"} == {
        parent for parent, _ in edges
    }


def test_these_checks_exist_and_no_others(graph: Any) -> None:
    keys = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys}
    assert keys == BLOCKING | TELLING
    blocking = {(key.asset_key.to_user_string(), key.name) for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking == BLOCKING


def test_a_run_runs_these_checks_and_all_blocking_ones_hold(ran: dict[str, Any]) -> None:
    for name in ("whole", "single"):
        assert ran[name].success
        assert ran_checks(ran[name]) == BLOCKING | TELLING
    failed = {
        (one.asset_key.to_user_string(), one.check_name)
        for one in ran["whole"].get_asset_check_evaluations()
        if not one.passed
    }
    # Shares below one per cent are real here; the warning is for a person to look at.
    assert failed == {("core/findings", "no_warnings")}


def test_all_of_a_range_may_be_one_run_for_dagsters_own_command_too(graph: Any) -> None:
    """``dagster asset materialize --partition-range`` refuses a selection of which any asset does not say so."""
    policies = {key: graph.get(key).backfill_policy for key in graph.get_all_asset_keys()}
    assert [key for key, policy in policies.items() if policy != dg.BackfillPolicy.single_run()] == []


def test_a_range_of_years_is_one_run_of_everything(ran: dict[str, Any], small_workspace: Path) -> None:
    found = materialised(ran["whole"])
    assert set(found) == ALL
    for key, partitions in found.items():
        assert partitions == ({str(year) for year in YEARS} if key in PARTITIONED else {None}), key
    assert ran["after_range"] == addresses(small_workspace)
    assert len(ran["instance"].get_runs()) == 2


def test_a_single_year_is_one_run_too_and_leaves_the_other_years(ran: dict[str, Any], small_workspace: Path) -> None:
    found = materialised(ran["single"])
    assert set(found) == ALL
    assert {key: found[key] for key in PARTITIONED} == {key: {"2019"} for key in PARTITIONED}
    assert content(ran["root"]) == content(small_workspace)


def test_each_materialisation_tells_rows_and_the_marts_their_address(ran: dict[str, Any]) -> None:
    facts = {
        event.materialization.asset_key.to_user_string(): event.materialization.metadata
        for event in ran["whole"].get_asset_materialization_events()
    }
    assert all("dagster/row_count" in metadata for metadata in facts.values())
    rows = {name: frame.height for name, frame in mart_tables(ran["root"], INTERNAL).items()}
    for name in MARTS:
        assert facts[f"marts/{name}"]["dagster/row_count"].value == rows[name], name
    assert facts["marts/dim_city"]["public_content_sha256"].value == addresses(ran["root"])[0]


def test_a_blocking_check_stops_what_follows_and_leaves_the_marts(
    workspace: Path, small_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schema is broken on purpose: no score can lie between 101 and 102."""
    columns = dict(index.SCORES.columns)
    columns["score"] = replace(columns["score"], checks=(checks.between(101, 102),))
    broken = replace(index.SCORES, columns=columns)
    monkeypatch.setattr("assets.index.STEPS", (*index.TABLES[2:5], broken))
    before = (workspace / "marts" / "ssc_index.duckdb").stat()
    result = run_job(workspace, **of_range(2020, 2020))
    assert not result.success
    found = set(materialised(result))
    assert "index/scores" in found
    # Scores feed the peers and, by way of everything, the marts; the points of the benchmark do not need them.
    assert not {key for key in found if key.startswith("marts/") or "peer" in key}
    after = (workspace / "marts" / "ssc_index.duckdb").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert content(workspace) == content(small_workspace)
    failed = [one for one in result.get_asset_check_evaluations() if not one.passed and one.blocking]
    assert [(one.asset_key.to_user_string(), one.check_name) for one in failed] == [("index/scores", "schema")]
    assert failed[0].metadata["failures"].value > 0
    assert "between_101_and_102" in failed[0].metadata["sample"].value


def test_run_history_tells_that_a_step_failed_and_a_private_file_tells_why(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("Zecretopolis reports 4711") from KeyError("Zecretopolis")

    monkeypatch.setattr("assets.index.edition_tables", fail)
    (workspace / "warehouse.duckdb").unlink()
    result = run_job(workspace, **of_range(2020, 2020))
    told = "\n".join(str(event) for event in result.all_events)
    assert not result.success
    assert "ValueError: what it says stands in errors.jsonl" in told
    assert "Zecretopolis" not in told
    kept = workspace / ".dagster" / "errors.jsonl"
    assert "compute_index: ValueError: Zecretopolis reports 4711" in kept.read_text()
    for private in (kept, workspace / "warehouse.duckdb"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_after_the_fault_is_mended_the_next_build_is_as_if_nothing_had_been(
    workspace: Path, small_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    with monkeypatch.context() as patch:
        patch.setattr("assets.benchmark.peer_tables", fail)
        result = invoke("build", "-w", workspace, "--afresh")
    assert result.exit_code == 3
    assert "compare_peers: RuntimeError: the disk is on fire" in result.stderr
    assert addresses(workspace) == addresses(small_workspace)
    assert invoke("build", "-w", workspace).exit_code == 0
    assert content(workspace) == content(small_workspace)


def test_a_blocking_check_is_told_on_the_command_line(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.index.SELECTION", (index.SELECTED, _without_consent()))
    result = invoke("build", "-w", workspace, "--edition", "2020", "--afresh")
    assert result.exit_code == 3
    assert "index/cities" in result.stderr
    assert "schema" in result.stderr


def _without_consent() -> Any:
    """``index.cities`` with a schema that takes no consent at all."""
    columns = dict(index.CITIES.columns)
    columns["consent"] = replace(columns["consent"], checks=(checks.one_of((), "nobody"),))
    return replace(index.CITIES, columns=columns)


def test_every_asset_that_writes_waits_for_the_one_writer(graph: Any) -> None:
    for key in graph.get_all_asset_keys():
        assert graph.get(key).pools == {"warehouse"}, key


def test_the_marts_alone_are_expected_to_be_looked_at_every_night(graph: Any) -> None:
    policies = {key.path[0]: graph.get(key).freshness_policy for key in graph.get_all_asset_keys()}
    assert {group for group, policy in policies.items() if policy} == {"marts"}
    every_night = policies["marts"]
    # The nightly draft takes minutes: a night that was missed shows after 26 hours, two nights after 50.
    assert (every_night.warn_window.to_timedelta(), every_night.fail_window.to_timedelta()) == (
        timedelta(hours=26),
        timedelta(hours=50),
    )


def test_a_whole_graph_is_eleven_steps_in_this_process(defs: dg.Definitions) -> None:
    job = defs.resolve_job_def("build_editions")
    assert job.executor_def.name == "in_process"
    assert defs.executor is not None
    assert defs.executor.name == "in_process"
    assert len(job.nodes) == 11


def test_four_jobs_exist_and_publishing_alone_computes_nothing(
    defs: dg.Definitions, workspace: Path, small_workspace: Path
) -> None:
    assert {job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")} == {
        "build_editions",
        "build_unwatched",
        "publish",
        "trim_history",
    }
    with dagster_in_memory():
        result = definitions(workspace).resolve_job_def("publish").execute_in_process()
    assert {key.split("/")[0] for key in materialised(result)} == {"marts", "state"}
    assert content(workspace) == content(small_workspace)


def test_the_schedule_asks_for_the_edition_of_the_year_before_and_is_off(
    defs: dg.Definitions, small_workspace: Path
) -> None:
    schedule = defs.get_repository_def().get_schedule_def("yearly_edition")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 1 7 *", "UTC")
    tick = datetime(2026, 7, 1, 3, tzinfo=UTC)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_schedule_context(
            instance,
            scheduled_execution_time=tick,
            repository_def=defs.get_repository_def(),
            resources={"store": WorkspaceResource(root=str(small_workspace))},
        ) as context,
    ):
        (request,) = schedule.evaluate_tick(context).run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END], request.run_key) == ("2025", "2025", "edition-2025")
    assert schedule.job_name == "build_unwatched"


def test_settings_keep_one_writer_and_send_nothing_home() -> None:
    settings = yaml.safe_load((PROJECT / "dagster.yaml").read_text(encoding="utf-8"))
    assert settings["telemetry"] == {"enabled": False}
    assert settings["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}
    assert settings["freshness"] == {"enabled": True}
    assert settings["run_monitoring"]["free_slots_after_run_end_seconds"] > 0


def test_the_settings_are_those_that_dagster_reads(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    run.prepare_home(open_workspace(workspace))
    with dg.DagsterInstance.get() as instance:
        assert not instance.telemetry_enabled
        assert instance.global_op_concurrency_default_limit == 1
        assert instance.event_log_storage.get_pool_config().pool_granularity.value == "op"
        assert Path(instance.root_directory) == workspace / ".dagster"


def test_what_a_killed_build_left_as_running_is_told_as_failed_by_the_next(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would count against the UI's own runs for ever, and its place in the pool would never be free."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    place = open_workspace(workspace)
    job = definitions(workspace).resolve_job_def("build_editions")
    with run.instance_for_build(place) as instance:
        assert instance.event_log_storage.get_pool_config().pool_granularity.value == "run"
        states = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.SUCCESS)
        dead = [instance.create_run_for_job(job, tags=run.command_line_tags(place), status=state) for state in states]
        of_ui = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    with run.instance_for_build(place) as instance:
        after = [instance.get_run_by_id(one.run_id) for one in (*dead, of_ui)]
    assert [one.status.value for one in after if one] == ["FAILURE", "FAILURE", "SUCCESS", "STARTED"]


def test_definitions_load_for_the_folder_that_the_environment_names(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    from pipelines import definitions as module

    with monkeypatch.context() as patch:
        patch.setenv("SSC_INDEX_WORKSPACE", str(workspace))
        reloaded = importlib.reload(module)
        store = reloaded.defs.resources["store"]
    assert store.workspace.root == workspace
    assert store.workspace.is_demo
    assert PUBLIC in store.workspace.public_mart.name
    importlib.reload(module)
