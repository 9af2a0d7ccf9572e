"""Commands for whoever fills in or verifies a workbook: ``check``.

What belongs here: options, what is known of other cities and years, and the layout of findings in the terminal. What
does not: the finding (`intake.inspection`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.console import UNUSABLE, JsonOption, opened, screen, stop, told_errors

if TYPE_CHECKING:
    from rich.console import Console

    from assets.workspace import Workspace
    from intake.inspection import Inspection, Known

FINDINGS = 1
# Of one rule so many notes are shown; the others are counted. A number that was changed is always shown.
NOTES_SHOWN = 3
SHOWN_ALL = ("unit_converted",)
MARKS = {"error": "red", "warning": "yellow", "note": "dim"}

PEER_CELLS = """
select cells.* from raw.cells as cells
inner join raw.files as files on cells.file_sha256 = files.file_sha256
where files.is_present and cells.year = ?
"""
PEER_SUBMISSIONS = """
select submissions.* from raw.submissions as submissions
inner join raw.files as files on submissions.file_sha256 = files.file_sha256
where files.is_present and submissions.year = ?
"""


def check(
    files: Annotated[list[Path], typer.Argument(help="Workbooks (.xlsx) or bulk files (.csv, .parquet).")],
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            help="Compare with the cities and years of this workspace too. Default: SSC_INDEX_WORKSPACE, else none.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what is wrong with a workbook before it is taken in; nothing is changed.

    Ends with 0 if nothing but notes is to be said, 1 with findings, 2 if a file was refused.
    """
    from assets.workspace import ENVIRONMENT_VARIABLE
    from intake.inspection import inspect_files
    from ssc_index.framework.catalogue import load_catalogue

    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        stop(f"There is no file {', '.join(missing)}.", UNUSABLE)
    with told_errors():
        place = opened(workspace) if workspace or os.environ.get(ENVIRONMENT_VARIABLE) else None
        known_of = known_from(place) if place and (workspace or place.warehouse.is_file()) else None
        known = {"known_of": known_of} if known_of else {}
        inspections = inspect_files(files, load_catalogue(), today=datetime.now(UTC).date(), **known)
    if as_json:
        typer.echo(json.dumps([_facts(one) for one in inspections], ensure_ascii=False))
    else:
        console = screen()
        for one in inspections:
            show_inspection(console, one)
    if any(one.is_refused for one in inspections):
        raise typer.Exit(UNUSABLE)
    if any(one.count("error") or one.count("warning") for one in inspections):
        raise typer.Exit(FINDINGS)


def known_from(place: Workspace) -> Callable[[int], Known]:
    """What a workspace knows of a year: the other submissions, the values before, the countries."""
    from assets.past import PAST_OF_YEAR
    from assets.warehouse import read_queries
    from intake.countries import NATIONAL_NAME, countries_of, read_national
    from intake.evidence import OLDEST
    from intake.inspection import Known
    from intake.register import REGISTER_NAME, read_register

    register, _ = read_register(place.raw / REGISTER_NAME)
    national, _ = read_national(place.raw / NATIONAL_NAME)

    def known_of(year: int) -> Known:
        queries: dict[str, Any] = {
            "cells": (PEER_CELLS, [year]),
            "submissions": (PEER_SUBMISSIONS, [year]),
            "past": (PAST_OF_YEAR, [year, OLDEST]),
        }
        return Known(**read_queries(place.warehouse, queries), countries=countries_of(register, national, [year]))

    return known_of


def _facts(one: Inspection) -> dict[str, Any]:
    """An inspection for scripts."""
    return {
        "file": str(one.path),
        "status": one.result.status,
        "submissions": one.result.submissions.select("city_id", "year").to_dicts(),
        "data_points_reported": one.n_reported,
        "errors": one.count("error"),
        "warnings": one.count("warning"),
        "notes": one.count("note"),
        "findings": one.findings.drop("file_sha256").to_dicts(),
    }


def show_inspection(console: Console, one: Inspection) -> None:
    """One file's findings, the gravest first, each with its cell and what to do."""
    from rich.table import Table
    from rich.text import Text

    held = [f"{plain(row[0])} {row[1]}" for row in one.result.submissions.select("city_id", "year").iter_rows()]
    told = "refused" if one.is_refused else f"{', '.join(held[:3])}{' …' if len(held) > 3 else ''}"
    counts = ", ".join(_counted(one.count(severity), severity) for severity in MARKS)
    console.print(Text(plain(one.path.name), style="bold"), Text(f"– {told}"))
    if not one.is_refused:
        console.print(f"{one.n_reported} data points reported.")
    if one.findings.is_empty():
        console.print("Nothing found.\n", style="green")
        return
    console.print(f"{counts}.")
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("Cell", no_wrap=True, max_width=22)
    table.add_column("", no_wrap=True)
    table.add_column("What is wrong, and what to do", ratio=1)
    left_out: dict[str, int] = {}
    shown: dict[str, int] = {}
    for row in one.findings.to_dicts():
        shown[row["rule"]] = shown.get(row["rule"], 0) + 1
        if row["severity"] == "note" and row["rule"] not in SHOWN_ALL and shown[row["rule"]] > NOTES_SHOWN:
            left_out[row["rule"]] = left_out.get(row["rule"], 0) + 1
            continue
        where = "–" if row["cell"] is None else f"{row['sheet']}!{row['cell']}" if row["sheet"] else row["cell"]
        subject = f"{row['data_point']}: " if row["data_point"] else ""
        table.add_row(
            plain(where),
            Text(row["severity"], style=MARKS[row["severity"]]),
            Text(plain(f"{subject}{row['message']} [{row['rule']}]")),
        )
    console.print(table)
    for rule, count in left_out.items():
        console.print(f"… and {count} more notes {rule} (all of them: --json).", style="dim")
    console.print()


def _counted(count: int, severity: str) -> str:
    return f"{count} {severity}{'' if count == 1 else 's'}"


def plain(text: str) -> str:
    """A text without what a terminal would obey.

    >>> plain("a\\x1b[31mb")
    'a\\ufffd[31mb'
    """
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: ssc-index check karmoy-2025.xlsx --workspace data")(check)
