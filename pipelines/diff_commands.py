"""The command that tells why an edition differs from another.

What belongs here: its options and what is written. What does not: the comparison (`differences.py`), words and layout
(`reports/changes/`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.console import UNUSABLE, JsonOption, WorkspaceOption, opened, screen, stop, told_errors
from pipelines.exports import note_export

if TYPE_CHECKING:
    from pipelines.differences import Compared
    from reports.changes.story import Told

Side = Annotated[
    str,
    typer.Argument(
        help="A year: the draft's edition. A release by its name or its beginning, hyphen included, current, previous."
    ),
]


def diff(
    before: Side,
    after: Side,
    workspace: WorkspaceOption = None,
    city: Annotated[str | None, typer.Option(help="One city in full, by its key or a part of its name.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All cities, not the twenty that moved most.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page that a spokesperson can read.")] = None,
    internal: Annotated[bool, typer.Option(help="All cities and values; not for publication.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell why scores and ranks changed between two editions, from the public marts unless told otherwise.

    Every change is divided exactly: own data revised, newly reported, carried; other cities' data; entry and exit;
    framework; method.
    """
    from pipelines.differences import compare
    from reports.changes.page import changes_page
    from reports.changes.story import stories

    place = opened(workspace)
    with told_errors():
        found = compare(place, before, after, internal=internal)
        if internal:
            note_export(place, "diff", "internal", "standard output" if html is None else html.name)
    told = stories(found.parts, found.kpis, found.values, found.cities, found.nodes)
    if city is not None:
        told = [_named(told, city)]
    if html is not None:
        page = changes_page(
            found.before,
            found.after,
            told,
            is_public=found.is_public,
            is_demo=found.is_demo,
            is_draft=found.is_draft,
        )
        with told_errors():
            _write(html, page, found.is_public)
    if as_json:
        typer.echo(json.dumps(_facts(found, {one.key for one in told}), ensure_ascii=False))
    elif html is not None:
        typer.echo(f"Wrote {html}.")
    else:
        _show(found, told, one=city is not None, every=every)


def _named(told: list[Told], city: str) -> Told:
    """The city that somebody means."""
    wanted = city.casefold()
    exact = [one for one in told if wanted in (one.key.casefold(), one.name.casefold())]
    found = exact or [one for one in told if wanted in one.key.casefold() or wanted in one.name.casefold()]
    if len(found) != 1:
        near = ", ".join(f"{one.name} ({one.key})" for one in (found or told)[:8]) or "nobody"
        said = f"fits {len(found)} cities" if found else "is not ranked in either edition, or not shown"
        stop(f"{city} {said}. There are, for example: {near}.", UNUSABLE)
    return found[0]


def _write(path: Path, page: str, is_public: bool) -> None:
    """Write the page; what is not for publication is for its owner alone."""
    if not is_public:
        path.touch(mode=0o600)
        path.chmod(0o600)
    path.write_text(page, encoding="utf-8")


def _show(found: Compared, told: list[Told], *, one: bool, every: bool) -> None:
    from reports.changes.table import one_city, overview

    title = f"From {found.before} to {found.after}"
    if found.is_demo:
        title += "  DEMO DATA"
    if not found.is_public:
        title += "  INTERNAL: not for publication"
    screen().print(one_city(title, told[0]) if one else overview(title, told, every))


def _facts(found: Compared, shown: set[str]) -> dict[str, object]:
    """The comparison for scripts, unrounded."""
    kpis = found.kpis.partition_by("city_id", as_dict=True)
    return {
        "before": found.before,
        "after": found.after,
        "is_public": found.is_public,
        "is_demo": found.is_demo,
        "is_draft": found.is_draft,
        "cities": [
            {
                **row,
                "name": found.cities.get(row["city_id"]),
                "kpis": [] if (row["city_id"],) not in kpis else kpis[row["city_id"],].drop("city_id").to_dicts(),
            }
            for row in found.parts.sort("city_id").to_dicts()
            if row["city_id"] in shown
        ],
    }


def register(app: typer.Typer) -> None:
    """Add the command to ``ssc-index``."""
    app.command(
        epilog="Examples: ssc-index diff 2024 2025 · diff 2024 2025 --city karmoy · diff current 2025 --html why.html"
    )(diff)
