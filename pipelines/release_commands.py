"""Commands for releases: freeze an edition, list, verify, roll back, withdraw.

What belongs here: options and what is printed. What does not: what a release is (`pipelines/releases.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import FAILED, UNUSABLE, JsonOption, WorkspaceOption, opened, progress_bar, screen, told_errors
from pipelines.exports import note_export

if TYPE_CHECKING:
    from pipelines.releases import Release

ReleaseArgument = Annotated[
    str, typer.Argument(help="A release by its name or the beginning of it, a year, current or previous.")
]
# What names a file rather than a release: no release has such an end.
SUBMISSION_SUFFIXES = (".xlsx", ".xlsm", ".csv", ".parquet")
ReasonOption = Annotated[str, typer.Option(help="What the journal says of it.")]


def release(
    edition: Annotated[int, typer.Argument(help="Year of the edition to freeze.")],
    workspace: WorkspaceOption = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Build an edition from raw submissions, freeze it, and point readers of the released mart at it."""
    from assets import progress
    from pipelines import releases

    place = opened(workspace)
    with told_errors(FAILED), progress_bar(quiet=as_json) as listener, progress.shown_by(listener):
        before, known = releases.current(place), {one.name for one in releases.releases(place)}
        made = releases.release_edition(place, edition, reason)
        note_export(place, f"release {made.name}", "public", made.folder.name, made.address)
    if as_json:
        typer.echo(json.dumps(_facts(made)))
        return
    done = f"Released {made.name}."
    if made.name in known:
        done = f"{made.name} was released on {made.released_at[:10]} from the same, and is what comes out again."
    typer.echo(f"{done} Address: {made.address}")
    typer.echo(f"Readers find it as {place.marts.name}/{releases.CURRENT}.duckdb; it lies in {made.folder}.")
    _tell_before(before, made)


def list_releases(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List all releases, which one is current, and which were withdrawn and why."""
    from rich.table import Table

    from pipelines import releases

    place = opened(workspace)
    with told_errors():
        known = releases.releases(place)
    if as_json:
        typer.echo(json.dumps([_facts(one) for one in known]))
        return
    for name in releases.unknown_folders(place):
        typer.secho(
            f"{name} lies in {releases.FOLDER}/, and the journal does not know it. If a release was killed, release "
            f"that edition again; else restore {releases.JOURNAL} from a backup.",
            fg="yellow",
        )
    if not known:
        typer.echo("No edition has been released yet. Freeze one with `ssc-index release YEAR`.")
        return
    table = Table(title="Releases, the oldest first", title_justify="left", box=None)
    for name in ("Release", "Edition", "Released", "State"):
        table.add_column(name, overflow="fold")
    for one in known:
        state = "current" if one.is_current else "kept"
        if one.withdrawn_because is not None:
            state = f"withdrawn: {one.withdrawn_because}"
        if one.damage is not None:
            state = f"{state}; damaged, see below"
        table.add_row(
            one.name, str(one.edition), one.released_at[:10], f"{state}{f'; {one.reason}' if one.reason else ''}"
        )
    screen().print(table)
    for one in known:
        if one.damage is not None:
            typer.echo(f"{one.name}: {one.damage}")


def verify(
    release: Annotated[str, typer.Argument(help="A release, its beginning, or a year; or a submission file.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Verify a release, or a submission.

    A release is made again from raw submissions and its bits compared; ends with 3 if anything differs. A file is
    worked through as by `ssc-index review`.
    """
    from assets import progress
    from pipelines import releases
    from pipelines.release_verification import verify as verify_release
    from pipelines.review_commands import review

    if Path(release).suffix.lower() in SUBMISSION_SUFFIXES:
        review(Path(release))
        return
    place = opened(workspace)
    with told_errors():
        found = releases.find(place, release)
    with told_errors(FAILED), progress_bar() as listener, progress.shown_by(listener):
        is_same_code = verify_release(place, found)
    typer.echo(f"{found.name} is as it was made, and made again from raw submissions its marts have the same bits.")
    if not is_same_code:
        typer.echo("It was made by other code or packages than it was made again by.")


def rollback(release: ReleaseArgument, workspace: WorkspaceOption = None, reason: ReasonOption = "") -> None:
    """Point readers of the released mart at another release."""
    from pipelines import releases

    place = opened(workspace)
    with told_errors(UNUSABLE):
        before = releases.current(place)
        now = releases.rollback(place, releases.find(place, release), reason)
    typer.echo(f"Readers are pointed at {now.name}.")
    _tell_before(before, now)


def withdraw(
    release: ReleaseArgument,
    reason: Annotated[str, typer.Option(help="Why; every list of releases shows it.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Withdraw a release. Its folder stays; readers are pointed at the last one before it that stands."""
    from pipelines import releases

    place = opened(workspace)
    with told_errors(UNUSABLE):
        withdrawn = releases.find(place, release)
        current = releases.withdraw(place, withdrawn, reason)
    said = f"Withdrew {withdrawn.name}."
    if withdrawn.withdrawn_because is not None:
        said = f"{withdrawn.name} had been withdrawn before ({withdrawn.withdrawn_because}); that reason stays."
    typer.echo(f"{said} Readers are pointed at {current.name if current else 'no release'}.")


def _tell_before(before: Release | None, now: Release) -> None:
    """Tell what readers had until now, of another year above all: they see one edition at a time."""
    if before is None or before.name == now.name:
        return
    other = f" They had the edition {before.edition}." if before.edition != now.edition else ""
    typer.echo(f"Before it was {before.name}; `ssc-index rollback {before.name}` brings it back.{other}")


def _facts(one: Release) -> dict[str, object]:
    return {
        "release": one.name,
        "edition": one.edition,
        "address": one.address,
        "mart": str(one.public_mart),
        "is_current": one.is_current,
        "withdrawn_because": one.withdrawn_because,
        "damage": one.damage,
        "released_at": one.released_at,
        "reason": one.reason,
    }


def register(app: typer.Typer) -> None:
    """Add the commands to ``ssc-index``."""
    app.command(epilog='Example: ssc-index release 2025 --reason "Approved by the index team"')(release)
    app.command("releases", epilog="Example: ssc-index releases")(list_releases)
    app.command(epilog="Examples: ssc-index verify 2025 · verify 2025-0f3a91 · verify raw/2025/no-karmoy.xlsx")(verify)
    app.command(epilog="Examples: ssc-index rollback previous · ssc-index rollback 2024")(rollback)
    app.command(epilog='Example: ssc-index withdraw 2025 --reason "A city was double"')(withdraw)
