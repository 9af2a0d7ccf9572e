"""The analyst's page on the marts and the data dictionary, made from the tables: `docs/marts.md`, `docs/marts.json`.

What belongs here: how tables, views and macros are told, and the examples. What does not: what they hold
(`schemas/marts.py`, ``sql/marts/``). Write them anew with ``python -m schemas.documentation > docs/marts.md`` and
``python -m schemas.documentation --json > docs/marts.json``; a test fails while they differ.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.marts import FORM_VERSION, INTERNAL, PUBLIC
from schemas.table import DUCKDB_TYPES, Column, Table

SCRIPTS = Path(__file__).resolve().parent.parent / "sql" / "marts"

HEAD = """\
# The marts

What the index publishes, for analysts. This page is made from `schemas/marts.py` and `sql/marts/`; do not edit it.

`data/marts/ssc_index.duckdb` is public: it holds what the cities' consent covers
(`docs/decisions/0004-public-view.md`). `data/marts/ssc_index_internal.duckdb` is for the index team, mode 0600: every
city, and two tables more. The demo cohort has the same files in its own workspace; there `is_demo` is true. Beside each
mart lie the same tables as Parquet (`ssc_index_parquet/`) and a manifest with the address of the content.

Twenty-five questions with their queries: [cookbook.md](cookbook.md). The same contract for programs:
[marts.json](marts.json).

**Versions.** This is form {version} of the marts. A change by which a query that ran could fail or mean something else
raises the first number; something new raises the second. What is renamed or removed is kept for one major version, as
a deprecated column or under its old name as a view. *Since* is told where it is not 1.0.

Every column is *not null* unless it says *may be missing*. Each table and column carries its description as a COMMENT.
Scores run from 0 to 100; ranks start at 1; coverage is a share.

## How to open it

Nothing is installed or downloaded, and nobody is locked out: a rebuild puts a new file in the old one's place. Whoever
has a mart open goes on reading the old one; close every connection of a process and open it again to see the new one.

DuckDB's shell:

```
duckdb -readonly data/marts/ssc_index.duckdb
```

Python:

```python
import duckdb

with duckdb.connect("data/marts/ssc_index.duckdb", read_only=True) as mart:
    scores = mart.sql("select * from ranking").pl()
```

R:

```r
library(duckdb)
mart <- dbConnect(duckdb(), "data/marts/ssc_index.duckdb", read_only = TRUE)
scores <- dbGetQuery(mart, "select * from ranking")
dbDisconnect(mart, shutdown = TRUE)
```

Without DuckDB: `data/marts/ssc_index_parquet/fact_score.parquet` and its neighbours. From this project:
`ssc-index query "select * from ranking"`.

DuckDB 1.5 and later read the files.
"""

EXAMPLES: tuple[tuple[str, str], ...] = (
    (
        "The latest ranking, with how much each city reports",
        """\
select
    rank,
    city,
    country,
    round(score, 1) as score,
    round(coverage, 2) as coverage,
    excluded_because
from ranking
where edition = (select max(edition) from dim_edition)
order by rank nulls last, coverage desc, city_id;""",
    ),
    (
        "Two cities side by side",
        """\
select
    edition,
    name,
    round(score_a, 1) as asker,
    round(score_b, 1) as karmoy,
    round(difference, 1) as difference
from compare_cities('no-asker', 'no-karmoy')
where level in ('index', 'dimension')
order by edition, node;""",
    ),
    (
        "One KPI of one city over the years, with its source",
        """\
select
    edition,
    value,
    unit,
    value_year,
    is_carried,
    source
from kpi_trend('no-karmoy', 'EC_ICT_ICT_1C')
order by edition;""",
    ),
    (
        "Where cities lag furthest behind the leader of their region, for shares of which more is better",
        """\
select
    place.city_id,
    node.name,
    place.figure,
    place.region_gap_to_leader,
    goalpost.target,
    goalpost.target_status
from fact_peer_position as place
inner join dim_kpi as node on place.item = node.node
inner join dim_goalpost as goalpost
    on place.edition = goalpost.edition and place.item = goalpost.data_point
where
    place.measure = 'value'
    and node.unit = 'percent'
    and place.region_gap_to_leader < 0
order by place.region_gap_to_leader, place.city_id, place.item
limit 20;""",
    ),
)


def mart_documentation() -> str:
    """The whole page, in Markdown.

    Returns:
        Text with a newline at its end; the same for the same tables and scripts.
    """
    parts = [
        HEAD.replace("{version}", FORM_VERSION),
        "## Examples\n",
        *(f"{title}:\n\n```sql\n{query}\n```\n" for title, query in EXAMPLES),
    ]
    parts += ["## Views and macros\n", *_views()]
    parts += ["## Tables\n", *(_table(table) for table in PUBLIC)]
    parts += ["## Tables of the internal mart only\n", *(_table(table) for table in INTERNAL if table not in PUBLIC)]
    return "\n".join(parts)


def views() -> dict[str, str]:
    """Description of each view and macro of the marts, by name, as their scripts comment them."""
    told = {}
    for script in sorted(SCRIPTS.glob("*.sql")):
        text = script.read_text(encoding="utf-8")
        if found := re.search(r"^comment on (?:view|macro table) (\w+) is '(.*)';$", text, re.MULTILINE):
            told[found[1]] = found[2].replace("''", "'")
    return told


def view_columns(name: str) -> list[str]:
    """Columns of a view or macro: those of the last ``select`` of its script, one a line."""
    text = (SCRIPTS / f"{name}.sql").read_text(encoding="utf-8")
    lines = text.rpartition("\nselect\n")[2].partition("\nfrom ")[0].splitlines()
    return [re.split(r"\s|\.", line.strip().rstrip(","))[-1] for line in lines]


def _views() -> Iterator[str]:
    for name, description in views().items():
        columns = "Columns: " + ", ".join(f"`{column}`" for column in view_columns(name)) + "."
        yield f"### {name}\n\n{_paragraph(description)}\n\n{_paragraph(columns)}\n"


def _table(table: Table) -> str:
    key = ", ".join(f"`{column}`" for column in table.key) or "none; rows may be alike"
    lines = [
        f"| `{name}` | {DUCKDB_TYPES[column.dtype]} | {table.unit(name)} | {_cell(_told(column))} |"
        for name, column in table.columns.items()
    ]
    since = "" if table.since == "1.0" else f" Since {table.since}."
    head = f"### {table.name}\n\n{_paragraph(table.description)}\n\nKey: {key}.{since}\n"
    return "\n".join([head, "| column | type | unit | what it holds |", "|---|---|---|---|", *lines, ""])


def _told(column: Column) -> str:
    told = [column.description, "*May be missing.*" if column.nullable else ""]
    told.append("" if column.since == "1.0" else f"*Since {column.since}.*")
    told.append(f"**Deprecated:** {column.deprecated}" if column.deprecated else "")
    return " ".join(filter(None, told))


def mart_dictionary() -> dict[str, Any]:
    """The contract of the marts for programs: grain, key, types, units, what may be missing, since when, until when.

    Returns:
        ``form_version``, ``tables`` and ``views`` by name. ``is_public`` tells which tables the public mart has.
    """
    public = {table.name for table in PUBLIC}
    tables = {
        table.name: {
            "grain": table.description,
            "key": list(table.key),
            "is_public": table.name in public,
            "since": table.since,
            "columns": {
                name: {
                    "type": DUCKDB_TYPES[column.dtype],
                    "unit": table.unit(name) or None,
                    "is_nullable": column.nullable,
                    "description": column.description,
                    "since": column.since,
                    "deprecated": column.deprecated or None,
                }
                for name, column in table.columns.items()
            },
        }
        for table in INTERNAL
    }
    shown = {name: {"description": told, "columns": view_columns(name)} for name, told in views().items()}
    return {"form_version": FORM_VERSION, "tables": tables, "views": shown}


def dictionary_text() -> str:
    """The data dictionary as JSON, with a newline at its end; the same for the same tables and scripts."""
    return json.dumps(mart_dictionary(), indent=1, ensure_ascii=False) + "\n"


def _paragraph(text: str) -> str:
    """Text in lines of 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(dictionary_text() if "--json" in sys.argv[1:] else mart_documentation())
