"""The container and compose files: what a machine can hold of them that has no container engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from assets.workspace import PROJECT, open_workspace
from pipelines.cli import app
from pipelines.settings import settings

DEPLOY = PROJECT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
STEPS = [
    tuple(line.split(maxsplit=1))
    for line in re.sub(r"\s*\\\n\s*", " ", re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE)).splitlines()
    if line
]
EXAMPLE = dict(
    line.split("=", 1)
    for line in (DEPLOY / "example.env").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)


def variables_of_the_image() -> dict[str, str]:
    told = " ".join(what for step, what in STEPS if step == "ENV")
    return dict(one.split("=", 1) for one in told.split())


def test_the_workspace_that_the_example_names_is_one_wherever_it_is_mounted(tmp_path: Path) -> None:
    shipped = (DEPLOY / EXAMPLE["WORKSPACE"]).resolve()
    (tmp_path / "workspace" / "raw").mkdir(parents=True)
    shutil.copyfile(shipped / "workspace.yaml", tmp_path / "workspace" / "workspace.yaml")
    assert open_workspace(tmp_path / "workspace").method_path.is_relative_to(PROJECT / "methods")


def test_every_variable_that_compose_asks_for_is_in_the_example() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    assert asked == set(EXAMPLE)


def test_every_service_says_whether_it_is_well_and_is_started_again() -> None:
    assert set(SERVICES) == {"db", "web", "daemon"}
    assert all(one["healthcheck"]["test"] and one["restart"] == "unless-stopped" for one in SERVICES.values())
    assert all(one["depends_on"]["db"]["condition"] == "service_healthy" for one in OURS.values())
    # The official image makes its database with a server that listens on the socket alone, and stops that server.
    assert "--host 127.0.0.1" in SERVICES["db"]["healthcheck"]["test"][1]


def test_runs_leave_no_dead_processes_behind() -> None:
    assert all(one["init"] is True for one in OURS.values())


def test_nobody_outside_reaches_the_ui_or_the_database() -> None:
    assert [one.rsplit(":", 2)[0] for one in SERVICES["web"]["ports"]] == ["127.0.0.1"]
    assert "ports" not in SERVICES["db"]
    assert "ports" not in SERVICES["daemon"]


@pytest.mark.parametrize("name", OURS)
def test_a_service_starts_a_command_that_there_is(name: str) -> None:
    command = SERVICES[name]["command"]
    root = typer.main.get_command(app)
    assert isinstance(root, click.Group)
    with root.make_context("ssc-index", list(command)) as context:
        found = root.get_command(context, command[0])
        assert found is not None
        found.make_context(command[0], command[1:], parent=context)


def test_the_daemon_is_asked_with_a_command_and_a_folder_that_there_are() -> None:
    asked = SERVICES["daemon"]["healthcheck"]["test"][1].split()
    assert asked[0] == f"DAGSTER_HOME={variables_of_the_image()['SSC_INDEX_WORKSPACE']}/.dagster"
    assert asked[-2:] == ["dagster-daemon", "liveness-check"]
    help_of = [str(Path(sys.executable).with_name("dagster-daemon")), "liveness-check", "--help"]
    assert subprocess.run(help_of, capture_output=True, check=False).returncode == 0


def test_the_settings_that_compose_names_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in OURS.values():
        monkeypatch.setenv("SSC_INDEX_SETTINGS", one["environment"]["SSC_INDEX_SETTINGS"])
        address = settings()["storage"]["postgres"]["postgres_url"]["env"]
        assert one["environment"][address].startswith("postgresql+psycopg2://")


def test_volumes_are_where_the_image_looks() -> None:
    image = variables_of_the_image()
    assert ("VOLUME", image["SSC_INDEX_WORKSPACE"]) in STEPS
    for one in OURS.values():
        assert [mount.rsplit(":", 1)[1] for mount in one["volumes"]] == [image["SSC_INDEX_WORKSPACE"]]


def test_the_image_runs_as_a_user_who_may_read_the_code_and_not_write_it() -> None:
    users = [what for step, what in STEPS if step == "USER"]
    assert users == ["index"]
    made = next(number for number, (_, what) in enumerate(STEPS) if "useradd" in what)
    own = [what for step, what in STEPS[made:] if step == "RUN" and "chown" in what]
    assert own == ["mkdir /workspace && chown index /workspace"]
    # A clone that was made with umask 077 is readable by its owner alone.
    assert any("chmod -R a+rX ." in what for step, what in STEPS if step == "RUN")


def test_packages_and_code_are_compiled_in_the_image() -> None:
    installed = next(what for _, what in STEPS if "server.txt" in what and "install" in what)
    assert "--compile-bytecode" in installed
    assert any("compileall" in what for _, what in STEPS)


def test_what_is_installed_is_pinned_by_hash_and_copied_before() -> None:
    copied = {name for step, what in STEPS if step == "COPY" for name in what.split()[:-1]}
    for step, what in STEPS:
        for name in re.findall(r"-r (\S+)", what) if step == "RUN" else ():
            assert name in copied
            assert (PROJECT / name).is_file()
    assert all("--require-hashes" in what for _, what in STEPS if "-r requirements" in what)


def test_runs_in_pods_have_the_history_the_folders_and_the_entry_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSC_INDEX_SETTINGS", "deploy/kubernetes.yaml")
    pods = settings()
    monkeypatch.setenv("SSC_INDEX_SETTINGS", "deploy/postgres.yaml")
    assert pods["storage"] == settings()["storage"]
    config = pods["run_launcher"]["config"]
    home = variables_of_the_image()["SSC_INDEX_WORKSPACE"]
    assert config["dagster_home"] == f"{home}/.dagster"
    assert [(one["name"], one["mountPath"]) for one in config["volume_mounts"]] == [
        (config["volumes"][0]["name"], home)
    ]
    # A pod is given the arguments `dagster api execute_run`; the image's own entry would take them for its commands.
    assert ("ENTRYPOINT", '["ssc-index"]') in STEPS
    assert config["run_k8s_config"]["container_config"]["command"] == ["env"]
