"""The command that switches schedules and sensors on and off.

What belongs here: its options and what it prints. What does not: what is switched (`schedules.py`, `sensors.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import FAILED, UNUSABLE, JsonOption, WorkspaceOption, opened, screen, stop, told_errors

if TYPE_CHECKING:
    from assets.workspace import Workspace


class Action(StrEnum):
    """What the command does."""

    LIST = "list"
    ON = "on"
    OFF = "off"


def schedule(
    action: Annotated[Action, typer.Argument(help="list, or switch on or off.")] = Action.LIST,
    name: Annotated[str, typer.Argument(help="Schedule or sensor; without one: all.")] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List schedules and sensors, or switch them on or off. They run while `ssc-index dev` or Dagster's daemon does."""
    from pipelines.run import prepare_home

    place = opened(workspace)
    prepare_home(place)
    with told_errors():
        known = _known()
    if name and name not in known:
        stop(f"{name} is no schedule or sensor; there are {', '.join(known)}.", UNUSABLE)
    if action is not Action.LIST:
        for one in [name] if name else list(known):
            _switch(place, known[one][0], one, action)
    running = _running()
    if as_json:
        typer.echo(json.dumps({one: one in running for one in known}))
        return
    _show(known, running)


def _known() -> dict[str, tuple[str, str]]:
    """Schedules and sensors by name: which of the two, and what it does."""
    from pipelines.schedules import SCHEDULES
    from pipelines.sensors import SENSORS

    schedules = {one.name: ("schedule", one.description or "") for one in SCHEDULES}
    return schedules | {one.name: ("sensor", one.description or "") for one in SENSORS}


def _switch(place: Workspace, kind: str, name: str, action: Action) -> None:
    """Have Dagster's own command switch one on or off."""
    from assets.workspace import ENVIRONMENT_VARIABLE, PROJECT

    verb = "start" if action is Action.ON else "stop"
    command = [sys.executable, "-m", "dagster", kind, verb, name, "-m", "pipelines.definitions", "-d", str(PROJECT)]
    environment = {**os.environ, ENVIRONMENT_VARIABLE: str(place.root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if (
        done.returncode
        and "already" not in done.stdout + done.stderr
        and "not running" not in done.stdout + done.stderr
    ):
        stop(f"Dagster did not {verb} {name}: {(done.stderr or done.stdout).strip()[-600:]}", FAILED)


def _running() -> set[str]:
    """Names of what is switched on."""
    import dagster as dg
    from dagster._core.scheduler.instigation import InstigatorStatus

    with dg.DagsterInstance.get() as instance:
        states = instance.all_instigator_state()
    return {state.name for state in states if state.status is InstigatorStatus.RUNNING}


def _show(known: dict[str, tuple[str, str]], running: set[str]) -> None:
    from rich.table import Table

    table = Table(box=None)
    for column in ("Name", "Kind", "State", "What it does"):
        table.add_column(column, overflow="fold")
    for name, (kind, told) in known.items():
        table.add_row(name, kind, "on" if name in running else "off", told)
    screen().print(table)


def register(app: typer.Typer) -> None:
    """Add the command to ``ssc-index``."""
    app.command(epilog="Examples: ssc-index schedule · ssc-index schedule on nightly_draft · ssc-index schedule off")(
        schedule
    )
