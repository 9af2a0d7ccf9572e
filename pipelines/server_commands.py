"""Commands that start Dagster's servers on a workspace and stay: the UI, the daemon, or both.

What belongs here: their options and the programs they become. What does not: what the servers run (`definitions.py`).
"""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import WorkspaceOption, opened, told_errors

if TYPE_CHECKING:
    from assets.workspace import Workspace

PortOption = Annotated[int, typer.Option(help="Port of the UI.")]
HostOption = Annotated[str, typer.Option(help="Address to listen on.")]
MODULE = ["-m", "pipelines.definitions"]


class Part(StrEnum):
    """One of the two servers that a team server keeps running."""

    WEB = "web"
    DAEMON = "daemon"


def dev(workspace: WorkspaceOption = None, port: PortOption = 3000, host: HostOption = "127.0.0.1") -> None:
    """Open the Dagster UI on a workspace: the whole graph, materialisable by hand."""
    place = _at(workspace)
    typer.echo(f"{place.name}: http://{host}:{port} (stop with Ctrl-C)")
    # Dagster would have us use its `dg`, which brings 29 packages more and starts the same server.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    _become(sys.executable, *quiet, "-m", "dagster", "dev", *MODULE, "-p", str(port), "-h", host)


def serve(
    part: Annotated[Part, typer.Argument(help="web: the UI; daemon: schedules, sensors, queued runs.")],
    workspace: WorkspaceOption = None,
    port: PortOption = 3000,
    host: HostOption = "127.0.0.1",
) -> None:
    """Be one of the two services of a team server. The UI has no login: listen where a proxy with one stands before."""
    place = _at(workspace)
    program = str(Path(sys.executable).with_name(f"dagster-{'webserver' if part is Part.WEB else part}"))
    typer.echo(f"{place.name}: dagster's {part}")
    if part is Part.WEB:
        _become(program, *MODULE, "-p", str(port), "-h", host)
    _become(program, "run", *MODULE)


def _at(root: Path | None) -> Workspace:
    """The workspace, with settings, environment and current folder as the servers need them."""
    from assets.workspace import ENVIRONMENT_VARIABLE
    from pipelines.run import prepare_home

    place = opened(root)
    with told_errors():
        prepare_home(place)
    os.environ[ENVIRONMENT_VARIABLE] = str(place.root)
    os.chdir(place.root)
    return place


def _become(program: str, *arguments: str) -> None:
    """Go on as another program, in this process."""
    sys.stdout.flush()
    os.execv(program, [program, *arguments])


def register(app: typer.Typer) -> None:
    """Add the commands to ``ssc-index``."""
    app.command(epilog="Example: ssc-index dev --workspace workspaces/demo --port 3000")(dev)
    app.command(epilog="Examples: ssc-index serve web --host 0.0.0.0 · ssc-index serve daemon")(serve)
