"""What the command line shows: tables that read well in 80 columns.

The console must not read markup: what stands in a file is shown as it stands.

What belongs here: queries on the marts and their layout. What does not: any number of our own making.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from assets.warehouse import connect
from assets.workspace import Workspace
from pipelines.console import counted, short_path
from ssc_index.errors import SscIndexError

TOP = 20
# Wider than any terminal.
UNBOUNDED = 1_000_000


class QueryError(SscIndexError):
    """A query that a mart cannot answer."""


EDITIONS = (
    "select edition, status, n_cities, n_ranked, n_values, mean_coverage, n_provisional_goalposts from dim_edition"
)
RANKING = """
select rank, city, country, score, coverage, n_carried, excluded_because
from ranking
where edition = ?
order by rank, city
"""
BENCHMARKS = """
with benchmark as (
    select
        edition,
        city_id,
        max(percentage) filter (where cut = 'total') as total,
        max(n_scored) filter (where cut = 'total') as n_scored,
        max(n_reported) filter (where cut = 'total') as n_reported,
        max(percentage) filter (where node = 'EC') as economy,
        max(percentage) filter (where node = 'EN') as environment,
        max(percentage) filter (where node = 'SC') as society
    from fact_benchmark
    where kpi_level = 'all' and cut in ('total', 'dimension')
    group by edition, city_id
)

select
    ranking.edition,
    ranking.city,
    coalesce(benchmark.n_reported, 0) as n_reported,
    ranking.coverage,
    benchmark.total,
    benchmark.economy,
    benchmark.environment,
    benchmark.society
from ranking
left join benchmark on ranking.edition = benchmark.edition and ranking.city_id = benchmark.city_id
qualify
    row_number() over (
        partition by ranking.city_id
        order by
            benchmark.n_reported is null,
            if(benchmark.n_reported is null, ranking.edition, -ranking.edition)
    ) = 1
order by n_reported desc, ranking.city
"""
RESTATED = """
select edition, count(*) as n_values, count(distinct city_id) as n_cities
from fact_value
where is_restated
group by edition
order by edition
"""
FINDINGS = """
select rule, severity, count(*) as rows, count(distinct path) as files, min(message) as example
from fact_finding
where is_quarantined
group by rule, severity
order by severity, rows desc, rule
"""


def path_of(workspace: Workspace, internal: bool = False) -> Path:
    """The public or the internal mart of a workspace."""
    return workspace.internal_mart if internal else workspace.public_mart


@contextmanager
def opened_mart(workspace: Workspace, internal: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A workspace's mart for reading, with the errors of the database as ours."""
    path = path_of(workspace, internal)
    if not path.exists():
        raise QueryError(f"There is no mart at {path} yet. Run `ssc-index build --workspace {workspace.root}` first.")
    try:
        with connect(path, read_only=True) as connection:
            yield connection
    except duckdb.IOException as error:
        if "Permission denied" in str(error):
            raise QueryError(f"{path} is not for this user to read: internal marts are their owner's alone.") from error
        raise QueryError(f"{path} cannot be read; `ssc-index build` makes it anew. {error}") from error
    except duckdb.Error as error:
        raise QueryError(str(error)) from error


def read(workspace: Workspace, sql: str, parameters: Sequence[object] = (), internal: bool = False) -> pl.DataFrame:
    """Rows of a query on a workspace's mart."""
    with opened_mart(workspace, internal) as connection:
        frame: pl.DataFrame = connection.sql(sql, params=list(parameters)).pl()
        return frame


def ask(workspace: Workspace, sql: str, internal: bool = False) -> pl.DataFrame:
    """Rows of somebody's own query; it can reach nothing but the mart."""
    with opened_mart(workspace, internal) as connection:
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        relation = connection.sql(sql)
        frame: pl.DataFrame = pl.DataFrame() if relation is None else relation.pl()
        return frame


def count_errors(workspace: Workspace) -> int:
    """Rows that were kept out as errors."""
    counted = "select count(*) as n from fact_finding where is_quarantined and severity = 'error'"
    return int(read(workspace, counted, internal=True)["n"].item())


def summary(workspace: Workspace) -> dict[str, object]:
    """A workspace's editions for scripts."""
    editions = read(workspace, EDITIONS + " order by edition").to_dicts()
    return {
        "workspace": workspace.name,
        "is_demo": workspace.is_demo,
        "editions": editions,
        "restated": read(workspace, RESTATED, internal=True).to_dicts(),
        "public_mart": str(workspace.public_mart),
    }


def show_build(console: Console, workspace: Workspace) -> None:
    """What a build came to: kept out, then the ranking or, where too little is reported, the benchmarks."""
    title = Text(workspace.name, style="bold")
    if workspace.is_demo:
        title.append("  DEMO DATA: every city and number is invented", style="bold yellow")
    console.rule(title, align="left")
    if workspace.as_of is not None:  # in the line of the title it would be cut off at the right
        console.print(f"As of {as_of_told(workspace.as_of)}: what was received later is left out.", style="bold cyan")
    editions = read(workspace, EDITIONS + " order by edition")
    if editions.is_empty():
        by_then = "" if workspace.as_of is None else " of those received by then"
        if read(workspace, EDITIONS, internal=True).is_empty():
            console.print(f"No edition: no submission below raw/{by_then} has been verified yet.")
        else:
            console.print("No public edition: no city agrees to publish its scores. The internal mart holds them.")
    else:
        last = editions.row(-1, named=True)
        if last["n_ranked"]:
            show_ranking(console, workspace, last)
        else:
            show_benchmarks(console, workspace)
    if told := restated_told(read(workspace, RESTATED, internal=True).to_dicts()):
        console.print(told)
    show_kept_out(console, workspace)
    console.print(f"Public mart:   {short_path(workspace.public_mart)}")
    console.print(f"Internal mart: {short_path(workspace.internal_mart)}  (mode 0600)")


def as_of_told(moment: datetime) -> str:
    """The moment of a view, in UTC wherever it was named."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def restated_told(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which editions carry values that late revisions have changed; empty where none does.

    >>> restated_told([{"edition": 2023, "n_values": 12}])
    'Late revisions have restated values that later editions carry: 12 of 2023 (is_restated in fact_value).'
    """
    if not rows:
        return ""
    told = ", ".join(f"{row['n_values']:,} of {row['edition']}" for row in rows)
    return f"Late revisions have restated values that later editions carry: {told} (is_restated in fact_value)."


def show_ranking(console: Console, workspace: Workspace, edition: dict[str, object]) -> None:
    """The first twenty of an edition's ranking, with what the ranks rest on."""
    shown = read(workspace, RANKING, [edition["edition"]])
    ranking = shown.filter(pl.col("rank").is_not_null())
    table = RichTable(
        title=f"Ranking, edition {edition['edition']} ({edition['status']})", title_justify="left", box=None
    )
    table.add_column("Rank", justify="right")
    table.add_column("City", max_width=30)
    table.add_column("Country", max_width=16)
    table.add_column("Score", justify="right")
    table.add_column("Reported", justify="right")
    table.add_column("Carried", justify="right")
    for row in ranking.head(TOP).to_dicts():
        table.add_row(
            str(row["rank"]),
            row["city"],
            row["country"],
            f"{row['score']:.2f}",
            f"{row['coverage']:.0%}",
            str(row["n_carried"]),
        )
    console.print(table)
    more = ranking.height - min(TOP, ranking.height)
    # A score that would tell values which the city keeps to itself stands in no public row.
    hidden = int(str(edition["n_cities"])) - shown.height
    console.print(
        f"{more} more ranked; {shown.height - ranking.height} report too little to be ranked"
        f"{f'; the score of {hidden} may not be shown' if hidden else ''}. Cities without consent are not shown. "
        f"{edition['n_provisional_goalposts']} goalposts are provisional.",
        style="dim",
    )


def show_benchmarks(console: Console, workspace: Workspace) -> None:
    """Benchmark percentages of every city's latest report, with how much it reports; nobody is ranked."""
    table = RichTable(
        title="U4SSC benchmarks of each city's latest report, per cent (unranked: too little reported)",
        title_justify="left",
        box=None,
    )
    for name, justify in (
        ("Edition", "right"),
        ("City", "left"),
        ("Reported", "right"),
        ("Coverage", "right"),
        ("All", "right"),
        ("Economy", "right"),
        ("Environ.", "right"),
        ("Society", "right"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]  # the literals stand above
    for row in read(workspace, BENCHMARKS).to_dicts():
        percentages = [row[name] for name in ("total", "economy", "environment", "society")]
        table.add_row(
            str(row["edition"]),
            row["city"],
            f"{row['n_reported']} of 112",
            f"{row['coverage']:.0%}",
            *("–" if value is None else f"{value:.1f}" for value in percentages),
        )
    console.print(table)
    console.print(
        "Coverage: share of the index's data points that are reported. All but one target are provisional: "
        "see docs/catalogue.md.",
        style="dim",
    )


def show_kept_out(console: Console, workspace: Workspace) -> None:
    """What was kept out, by rule, with one example each."""
    findings = read(workspace, FINDINGS, internal=True)
    if findings.is_empty():
        console.print("Nothing was kept out.")
        return
    table = RichTable(title="Kept out", title_justify="left", box=None)
    table.add_column("Rule", no_wrap=True)
    table.add_column("Severity")
    table.add_column("Rows", justify="right")
    table.add_column("For example", max_width=44)
    for row in findings.to_dicts():
        table.add_row(row["rule"], row["severity"], str(row["rows"]), row["example"])
    console.print(table)
    console.print('All of it: ssc-index query --internal "select * from fact_finding"', style="dim")


def show_frame(console: Console, frame: pl.DataFrame) -> None:
    """A query's rows as a table, or one below the other where a table would be wider than the terminal."""
    table = RichTable(box=None)
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left")
    for row in frame.rows():
        table.add_row(*map(_cell, row))
    if (
        Measurement.get(console, console.options.update(max_width=UNBOUNDED), table).maximum <= console.width
        or frame.is_empty()
    ):
        console.print(table)
    else:
        for row in frame.rows():
            record = RichTable.grid(padding=(0, 2))
            for name, value in zip(frame.columns, row, strict=True):
                record.add_row(name, _cell(value))
            console.print(record)
            console.print()
    console.print(counted(frame.height, "row"), style="dim")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
