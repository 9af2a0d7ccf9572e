"""What `ssc-index status` tells: years and steps, what was received and kept out, what blocks, what lies open.

What belongs here: gathering it, and its layout in 80 columns. What does not: what blocks (`assets/status.py`, for
Dagster shows it too), what is stale (`pipelines/last_build.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from assets.warehouse import read_queries
from assets.workspace import Workspace
from intake.reading import raw_files, sha256_of
from pipelines.console import counted
from pipelines.show import EDITIONS, count_errors, read, summary

if TYPE_CHECKING:
    from pipelines.last_build import Standing

STATUS = """
select
    year,
    count(*) as received,
    count(*) filter (where verification_outcome in ('verified', 'partly_verified')) as verified,
    count(*) filter (where is_latest) as counted,
    sum(n_values)::bigint as n_values,
    sum(n_quarantined)::bigint as kept_out
from dim_submission
group by year
order by year
"""


# Columns of tables that hold words.
WORDS = ("Status", "Fresh", "Stale")


def status(workspace: Workspace) -> dict[str, object]:
    """What is received, verified, kept out and published, and what lies open."""
    from pipelines.doctor import open_files

    return {
        **summary(workspace),
        "submissions": read(workspace, STATUS, internal=True).to_dicts(),
        "kept_out_as_error": count_errors(workspace),
        "unread_files": unread_files(workspace),
        "steps": steps(workspace).to_dicts(),
        "standing": asdict(standing(workspace)),
        "blocks": blocks(workspace),
        "releases": released(workspace),
        "open_files": open_files(workspace),
        "published_at": datetime.fromtimestamp(workspace.public_mart.stat().st_mtime, UTC).isoformat(),
    }


def blocks(workspace: Workspace) -> list[str]:
    """What keeps submissions from counting, editions from being ranked, and builds from ending."""
    from assets import status
    from assets.confidential import place

    found = status.blocks(read_queries(workspace.warehouse, status.FACTS))
    if place(workspace).is_file():
        from pipelines.run import last_failure  # loads all that a build needs

        if failed := last_failure(workspace):
            last = failed[0].splitlines()[0]
            found.insert(
                0, f"The last build failed: {last} (all of it: {place(workspace).name}). Mend that, then build."
            )
    return found


def released(workspace: Workspace) -> list[dict[str, object]]:
    """Releases that stand, and of how many cities they show what the draft shows no more."""
    from pipelines import releases

    told = []
    for one in releases.releases(workspace):
        if one.withdrawn_because is not None:
            continue
        facts: dict[str, object] = {"release": one.name, "is_current": one.is_current, "released_at": one.released_at}
        try:
            more, damage = {} if one.damage else releases.no_longer_shown(workspace, one), one.damage
        except releases.ReleaseError as error:
            more, damage = {}, str(error)
        told.append(facts | {"no_longer_shown": more, "damage": damage})
    return told


def standing(workspace: Workspace) -> Standing:
    """How the workspace stands to what it was last built from."""
    from pipelines.last_build import standing_of
    from pipelines.ranges import received_years  # loads Dagster, which a query need not wait for

    return standing_of(workspace, *received_years(workspace))


STEPS = "select step, year from state.steps where year > 0 order by year, step"


def steps(workspace: Workspace) -> pl.DataFrame:
    """Each step and, by edition, whether its rows stand; those that a build would run again are stale."""
    known = read_queries(workspace.warehouse, {"steps": STEPS})["steps"]
    now = standing(workspace)
    is_stale = pl.lit(False) if now.first is None else pl.col("year").is_between(now.first, now.last)
    told = known.with_columns(pl.when(is_stale).then(pl.lit("stale")).otherwise(pl.lit("fresh")).alias("state"))
    editions = read(workspace, EDITIONS)["edition"]
    return told.filter(pl.col("year").is_in(editions.to_list())).pivot("year", index="step", values="state")


def unread_files(workspace: Workspace) -> list[str]:
    """Files below raw/ that the last build has not seen."""
    seen = read_queries(workspace.warehouse, {"files": "select file_sha256 from raw.files"})
    known = set(seen["files"]["file_sha256"])
    files = raw_files(workspace.raw)
    return [str(path.relative_to(workspace.raw)) for path in files if sha256_of(path) not in known]


def show_status(console: Console, facts: dict[str, Any]) -> None:
    """What `status` gives, as a page."""
    title = Text(facts["workspace"] + ("  DEMO DATA" if facts["is_demo"] else ""), style="bold")
    console.rule(title, align="left")
    submissions = [
        [row["year"], *(f"{row[name] or 0:,}" for name in ("received", "verified", "counted", "n_values", "kept_out"))]
        for row in facts["submissions"]
    ]
    console.print(
        _table("Submissions", ("Year", "Received", "Verified", "Counted", "Values", "Rows kept out"), submissions)
    )
    editions = [
        [
            row["edition"],
            row["status"],
            *(f"{row[name]:,}" for name in ("n_cities", "n_ranked", "n_values")),
            "–" if row["mean_coverage"] is None else f"{100 * row['mean_coverage']:.0f} %",
            row["n_provisional_goalposts"],
        ]
        for row in facts["editions"]
    ]
    heads = ("Edition", "Status", "Cities", "Ranked", "Values", "Coverage", "Provisional goalposts")
    console.print(_table("Editions, as anyone may read them", heads, editions))
    steps = [[row["step"], *(_years_that_are(row, state) for state in ("fresh", "stale"))] for row in facts["steps"]]
    console.print(_table("Steps", ("", "Fresh", "Stale"), steps))
    published = datetime.fromisoformat(facts["published_at"])
    console.print(
        f"\nPublished {published:%Y-%m-%d %H:%M} UTC; {facts['kept_out_as_error']:,} rows kept out as errors."
    )
    for one in facts["releases"]:
        if one["is_current"]:
            console.print(f"Current release: {one['release']}, of {one['released_at'][:10]}.")
        if more := " and ".join(f"{what} ({count})" for what, count in one["no_longer_shown"].items() if count):
            console.print(
                f"{one['release']} shows {more} of cities that the draft shows no more: consent may have been "
                f"withdrawn. Release the edition again, then `ssc-index withdraw {one['release']}`.",
                style="red",
            )
        if one["damage"]:
            console.print(f"{one['release']} is damaged: {one['damage']}", style="red")
    now = facts["standing"]
    if now["first"] is not None:
        what = counted(len(now["changed"]), "file") if now["changed"] else "Code, method, settings or register"
        console.print(
            f"{what} changed since the last build; `ssc-index build` would run {now['first']} to {now['last']}."
        )
    if facts["blocks"]:
        console.print("What blocks:", style="bold")
        for one in facts["blocks"]:
            console.print(f"- {one}")
    if facts["open_files"]:
        console.print(f"Confidential: {facts['open_files']}.", style="red")
    if unread := facts["unread_files"]:
        are = "is" if len(unread) == 1 else "are"
        console.print(
            f"{counted(len(unread), 'file')} {are} new since: {', '.join(unread[:5])}. Run `ssc-index build`."
        )


def _years_that_are(step: Mapping[str, str | None], state: str) -> str:
    """Years of a step in one state, those that follow each other as a span; a column for each would not fit."""
    years = [int(year) for year, told in step.items() if told == state]
    spans: list[list[int]] = []
    for year in sorted(years):
        if spans and year == spans[-1][-1] + 1:
            spans[-1].append(year)
        else:
            spans.append([year])
    said = (str(span[0]) if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans)
    return ", ".join(said) or "–"


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> RichTable:
    """A table whose first column names its rows; numbers stand at the right."""
    table = RichTable(title=f"\n{title}", title_justify="left", title_style="bold", box=None)
    for place, name in enumerate(heads):
        table.add_column(name, justify="left" if place == 0 or name in WORDS else "right")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    return table
