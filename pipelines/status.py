"""What `ssc-index status` tells: years and steps, what was received and kept out, what blocks, what lies open.

What belongs here: gathering it, and its layout in 80 columns. What does not: what blocks (`assets/status.py`, for
Dagster shows it too), what is stale (`pipelines/last_build.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from assets.warehouse import read_queries
from assets.workspace import Workspace
from intake.texts import one_line
from pipelines.console import counted, years_told
from pipelines.show import count_errors, read, summary

if TYPE_CHECKING:
    from assets.stale import Standing

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
ALWAYS = ("fresh", "stale")
STATES = ("fresh", "stale", "waits", "not built")
WORDS = ("Status", *(state.capitalize() for state in STATES))


def status(workspace: Workspace) -> dict[str, object]:
    """What is received, verified, kept out and published, and what lies open."""
    from assets.stale import standing_of  # loads Dagster, which a query need not wait for
    from pipelines.doctor import open_files
    from pipelines.ranges import refuse_moved_clock

    told = summary(workspace)
    refuse_moved_clock(workspace)
    now = standing_of(workspace)
    years = now.open_years
    return {
        **told,
        "submissions": read(workspace, STATUS, internal=True).to_dicts(),
        "kept_out_as_error": count_errors(workspace),
        "unread_files": list(now.new),
        "steps": steps_told(now),
        "standing": {
            "is_fresh": now.is_fresh,
            "first": years[0] if years else None,
            "last": years[-1] if years else None,
            "changed": list(now.changed),
        },
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
    from pipelines.release_folder import ReleaseError

    told = []
    for one in releases.releases(workspace):
        if one.withdrawn_because is not None:
            continue
        facts: dict[str, object] = {"release": one.name, "is_current": one.is_current, "released_at": one.released_at}
        try:
            more, damage = {} if one.damage else releases.no_longer_shown(workspace, one), one.damage
        except ReleaseError as error:
            more, damage = {}, str(error)
        told.append(facts | {"no_longer_shown": more, "damage": damage})
    return told


def steps_told(standing: Standing) -> list[dict[str, str | None]]:
    """Each step with its state by year; None where a step has nothing to do with a year."""
    years = sorted({year for told in standing.states.values() for year in told})
    return [{"step": step, **{str(year): told.get(year) for year in years}} for step, told in standing.states.items()]


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
    found = {state for row in facts["steps"] for state in row.values()}
    shown = [state for state in STATES if state in found or state in ALWAYS]
    steps = [[row["step"], *(_years_that_are(row, state) for state in shown)] for row in facts["steps"]]
    console.print(_table("Steps", ("", *(state.capitalize() for state in shown)), steps))
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
    for line in _what_a_build_would_do(facts["standing"], facts["steps"]):
        console.print(line)
    if facts["blocks"]:
        console.print("What blocks:", style="bold")
        for one in facts["blocks"]:
            console.print(f"- {one}")
    if facts["open_files"]:
        console.print(f"Confidential: {facts['open_files']}.", style="red")


def _what_a_build_would_do(now: Mapping[str, Any], steps: Sequence[Mapping[str, str | None]]) -> Iterator[str]:
    """What has changed since the last build, and which years the next one looks at."""
    if now["is_fresh"]:
        yield "Everything is fresh: `ssc-index build` would compute nothing."
        return
    if now["changed"]:
        listed = ", ".join(map(one_line, now["changed"][:3])) + (", …" if len(now["changed"]) > 3 else "")
        are = "is" if len(now["changed"]) == 1 else "are"
        yield f"{counted(len(now['changed']), 'submission')} {are} new, gone, or with another receipt: {listed}."
    if now["first"] is None:
        yield "`ssc-index build` would publish the marts again, and compute no edition."
        return
    years = years_told(range(now["first"], now["last"] + 1))
    yield f"`ssc-index build` would compute what is stale or not built of {years}."
    if any(state == "waits" for row in steps for state in row.values()):
        yield "What waits rests on something stale, and is computed again only if that comes out otherwise."


def _years_that_are(step: Mapping[str, str | None], state: str) -> str:
    """Years of a step in one state, those that follow each other as a span; a column for each would not fit."""
    return years_told(int(year) for year, told in step.items() if told == state) or "–"


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> RichTable:
    """A table whose first column names its rows; numbers stand at the right."""
    table = RichTable(title=f"\n{title}", title_justify="left", title_style="bold", box=None)
    for place, name in enumerate(heads):
        table.add_column(name, justify="left" if place == 0 or name in WORDS else "right")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    return table
