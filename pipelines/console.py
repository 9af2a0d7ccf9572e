"""What all commands share: options, exit codes, errors told, the screen, a progress bar.

What belongs here: what modules of commands need, so that none imports another. What does not: a command.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from assets.progress import Listener
    from assets.workspace import Workspace

KEPT_OUT, UNUSABLE, FAILED = 1, 2, 3

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="Folder with raw/. Default: SSC_INDEX_WORKSPACE, else ./data."),
]
ReleaseOption = Annotated[
    str | None,
    typer.Option(
        "--release", help="From a release: its name, its beginning, its year, current or previous. Default: the draft."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


FULL_DISK = (
    "The disk is full. What is published is whole. Free space and give the command again: what was committed is not "
    "computed again."
)
# What to do, by what the operating system says.
WHAT_TO_DO = {
    os.strerror(errno.ENOSPC): FULL_DISK,
    os.strerror(errno.EDQUOT): FULL_DISK,
    os.strerror(errno.EROFS): (
        "Nothing can be written there, so nothing was changed. Have the disk mounted for writing, or name a copy of "
        "the workspace by --workspace; `ssc-index query` reads marts wherever they lie."
    ),
    os.strerror(errno.EACCES): (
        "This user may not open it. What is published is whole. Give the command as the user whom the workspace "
        "belongs to, or give the file to that user by chown."
    ),
}


def stop(message: str, code: int) -> NoReturn:
    """Say what is wrong on standard error and end with a code."""
    typer.secho(message, err=True, fg="red")
    raise typer.Exit(code)


@contextmanager
def told_errors(code: int = UNUSABLE) -> Iterator[None]:
    """Turn the project's own errors, and those of the file system, into a message and an exit code."""
    from ssc_index.errors import SscIndexError

    try:
        yield
    except BrokenPipeError:  # whoever read what is printed has read enough
        raise
    except (SscIndexError, OSError) as error:
        text = str(error)
        stop("\n".join([text, *(what for said, what in WHAT_TO_DO.items() if said in text)]), code)


def screen() -> Console:
    """Where results are shown; what comes from files is shown as it stands, not read as markup."""
    from rich.console import Console

    return Console(markup=False, emoji=False)


def opened(root: Path | None, as_of: datetime | None = None) -> Workspace:
    """The workspace that a command is for."""
    from assets.workspace import default_root, open_workspace

    with told_errors():
        return open_workspace(root or default_root(), as_of)


def marts_of(place: Workspace, release: str | None) -> Workspace:
    """Where the marts lie that are meant: those of the draft, or of a release; nothing may be written there."""
    if release is None:
        return place
    from pipelines import releases

    with told_errors():
        return releases.marts_of(releases.find(place, release))


def folder_for(place: Workspace, source: Workspace, name: str) -> Path:
    """Where reports are written unless told otherwise: beside the marts, those of a release by its name."""
    return place.marts.parent / (name if source is place else f"{name}-{source.root.name}")


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def years_told(years: Iterable[int]) -> str:
    """Years as ranges, ascending.

    >>> years_told([2020, 2018, 2019, 2022])
    '2018–2020, 2022'
    """
    ranges: list[tuple[int, int]] = []
    for year in sorted(set(years)):
        if ranges and year == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], year)
        else:
            ranges.append((year, year))
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


def short_path(path: Path) -> str:
    """A path as one would type it here: from the folder where we are, if it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Listener]:
    """A bar on standard error while a block runs; silent where nobody looks."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def listener(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        yield listener
