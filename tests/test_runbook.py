"""The runbook and the documents name every alarm that there is, and no command or option that there is not."""

from __future__ import annotations

import errno
import importlib
import os
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import click
import polars as pl
import pytest
import typer

from assets import status
from assets.workspace import PROJECT
from pipelines import doctor, schedules, sensors
from pipelines.cli import app
from pipelines.definitions import definitions
from ssc_index.errors import SscIndexError

RUNBOOK = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
PACKAGES = ("ssc_index", "intake", "schemas", "assets", "pipelines", "reports")


def commands_of(page: Path) -> list[str]:
    """Every ``ssc-index …`` in a page: between backticks, or a line of a block, without its comment."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in re.sub(r"\\\n", " ", block).splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    found = [re.search(r"(?<!-t)(?:^|[\s/;&(])ssc-index ([^#|;&>)]*)", one) for one in (*lines, *spans)]
    return [one[1].replace("…", "").strip() for one in found if one]


COMMANDS = sorted({(page.name, one) for page in PAGES for one in commands_of(page) if one})


@pytest.mark.parametrize(("page", "told"), COMMANDS)
def test_every_command_in_the_documents_exists_with_its_options(page: str, told: str) -> None:
    name, *rest = told.split()
    root = typer.main.get_command(app)
    assert isinstance(root, click.Group)
    if name == "--help":
        return
    with click.Context(root) as context:
        command = root.get_command(context, name)
        assert command is not None, f"{page}: there is no command {name}"
        known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    options = {word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert options <= known, f"{page}: {name} has no {', '.join(sorted(options - known))}"


def test_commands_are_looked_for_where_they_are() -> None:
    assert {page for page, _ in COMMANDS} >= {"README.md", "operations.md", "deploy.md"}
    assert len(COMMANDS) > 40


def test_every_schedule_and_sensor_is_in_the_runbook() -> None:
    names = [one.name for one in (*sensors.SENSORS, *schedules.SCHEDULES)]
    assert len(names) == 6
    assert [name for name in names if f"`{name}`" not in RUNBOOK] == []


def test_every_check_of_an_asset_is_in_the_runbook() -> None:
    graph = definitions(PROJECT / "data").resolve_asset_graph()
    names = sorted({key.name for key in graph.asset_check_keys})
    assert names == ["no_errors", "no_warnings", "schema"]
    assert [name for name in names if f"`{name}`" not in RUNBOOK] == []


def test_every_line_of_doctor_is_in_the_runbook(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    lines = [one.what for one in doctor.examine(tmp_path)]
    assert len(lines) == 10
    assert [name for name in lines if f"| `{name}` |" not in RUNBOOK] == []


def of_the_project(error: type[SscIndexError] = SscIndexError) -> Iterator[type[SscIndexError]]:
    for one in error.__subclasses__():
        yield one
        yield from of_the_project(one)


def test_every_kind_of_error_that_a_step_can_end_with_is_in_the_runbook() -> None:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    # Steps run these; the other parts stand around them and tell their errors to who gave the command.
    steps = ("assets.", "ssc_index.", "intake.reading", "intake.rules")
    kinds = {one.__name__ for one in of_the_project() if one.__module__.startswith(steps)} - {"FaultsError"}  # a base
    assert kinds >= {"OtherVersionError", "PublishError", "MethodError", "LinkError"}
    assert [name for name in sorted(kinds) if f"`{name}`" not in RUNBOOK] == []


def test_everything_that_blocks_is_in_the_runbook() -> None:
    told = status.blocks(
        {
            "files": pl.DataFrame({"status": ["refused"], "files": [1]}),
            "submissions": pl.DataFrame(
                {"year": [2025], "received": [3], "verified": [1], "rejected": [0], "waiting": [2]}
                | {"quarantined": [4], "errors": [1]}
            ),
            "editions": pl.DataFrame({"edition": [2025], "in_scope": [3], "ranked": [0]}),
        }
    )
    lines = re.search(r"below `What blocks:`:(.*?)\n## ", RUNBOOK, re.DOTALL)
    assert lines is not None
    entries = [one.split("…") for one in re.findall(r"^\| `([^`]+)`", lines[1], re.MULTILINE)]
    unknown = [one for one in told if not any(all(part.strip() in one for part in entry) for entry in entries)]
    assert (len(told), unknown) == (4, [])
    assert "The last build failed:" in lines[1]
    assert "The last build failed:" in (PROJECT / "pipelines" / "status.py").read_text(encoding="utf-8")


ALARMS = RUNBOOK.split("## Alarms")[1].split("A notice names kinds of errors")[0]
QUOTED = sorted(
    {
        part.strip()
        for row in re.findall(r"^\| (.*?) \|", ALARMS, re.MULTILINE)
        for quoted in re.findall(r"`([^`]+)`", row)
        for part in quoted.split("…")
        if " " in part.strip()
    }
)


@pytest.fixture(scope="module")
def sources() -> str:
    """What the code says, its texts in one piece where they go over several lines, and the system of a disk."""
    files = [path for package in PACKAGES for path in sorted((PROJECT / package).rglob("*.py"))]
    of_system = [os.strerror(number) for number in (errno.ENOSPC, errno.EROFS, errno.EACCES)]
    text = "\n".join([*of_system, *(path.read_text(encoding="utf-8") for path in files)])
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize("quoted", QUOTED)
def test_what_an_alarm_says_is_what_the_code_says(quoted: str, sources: str) -> None:
    words = r"\S*".join(re.escape(one) for one in re.split(r"\b\d{4}\b", quoted))
    assert re.search(words, sources), f"nothing says {quoted!r} any more"
