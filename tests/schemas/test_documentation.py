"""The analyst's page says what the marts hold, and its examples run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.marts import parents
from assets.publish import PUBLIC_MODE, VIEWS, publish
from assets.workspace import PROJECT
from intake.consent import public_view
from schemas import marts
from schemas.documentation import (
    EXAMPLES,
    dictionary_text,
    mart_dictionary,
    mart_documentation,
    view_columns,
    views,
)
from schemas.table import Column, Table
from schemas.units import UNITS
from ssc_index.framework.catalogue import load_catalogue
from tests.assets.cohort import shared_frames

PAGE = PROJECT / "docs" / "marts.md"
# The examples name real cities; the tests' cohort has others.
SQL_TYPES = {"timestamptz": "TIMESTAMP WITH TIME ZONE"}
RENAMED = {"no-asker": "a", "no-karmoy": "b"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the public mart of the cohort where the page says it lies."""
    root = tmp_path_factory.mktemp("workspace")
    shown = public_view(shared_frames(), parents(load_catalogue()))
    publish(root / "data" / "marts" / "ssc_index.duckdb", marts.PUBLIC, shown, PUBLIC_MODE)
    return root


@pytest.fixture(scope="module")
def mart(workspace: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(workspace / "data" / "marts" / "ssc_index.duckdb"), read_only=True) as connection:
        yield connection


def test_the_page_is_made_anew_when_a_table_changes() -> None:
    assert PAGE.read_text(encoding="utf-8") == mart_documentation(), (
        "docs/marts.md is behind the tables: python -m schemas.documentation > docs/marts.md"
    )


def test_the_page_names_every_table_view_and_column() -> None:
    titles = re.findall(r"^### (\w+)$", mart_documentation(), re.MULTILINE)
    assert titles == [*views(), *(table.name for table in marts.INTERNAL)]
    for table in marts.INTERNAL:
        section = mart_documentation().partition(f"\n### {table.name}\n")[2].partition("\n### ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(table.columns)


def test_the_dictionary_is_made_anew_when_a_table_changes() -> None:
    assert (PROJECT / "docs" / "marts.json").read_text(encoding="utf-8") == dictionary_text(), (
        "docs/marts.json is behind the tables: python -m schemas.documentation --json > docs/marts.json"
    )


def test_dictionary_page_and_comments_tell_the_same(mart: duckdb.DuckDBPyConnection) -> None:
    page, told = mart_documentation(), mart_dictionary()["tables"]
    columns = mart.sql("select table_name, column_name, data_type, is_nullable, comment from duckdb_columns()")
    found = [row for row in columns.fetchall() if row[0] in told]
    assert {row[0] for row in found} == {name for name, table in told.items() if table["is_public"]}
    for table, name, kind, is_nullable, comment in found:
        column = told[table]["columns"][name]
        assert SQL_TYPES.get(column["type"], column["type"].upper()) == kind
        assert column["is_nullable"] == is_nullable
        unit = f" Unit: {column['unit']}." if column["unit"] else ""
        assert comment == column["description"] + unit
        missing = " *May be missing.*" if is_nullable else ""
        line = f"| `{name}` | {column['type']} | {column['unit'] or ''} | {column['description']}{missing} |"
        assert line in page.partition(f"\n### {table}\n")[2].partition("\n### ")[0]


def test_every_number_of_a_mart_has_its_unit() -> None:
    numbers = {
        (table.name, name)
        for table in marts.INTERNAL
        for name, column in table.columns.items()
        if column.dtype in (pl.Float64, pl.Int16, pl.Int32, pl.Int64)
    }
    by_name = {table.name: table for table in marts.INTERNAL}
    assert [f"{table}.{name}" for table, name in sorted(numbers) if not by_name[table].unit(name)] == []
    assert set(UNITS) - {name for _, name in numbers} == set()  # none is idle


def test_what_goes_away_is_told_at_the_column() -> None:
    old = Column(pl.Float64, "Score.", since="1.1", deprecated="read mean_score from 2.0 on.")
    table = Table(name="fact", description="One row.", columns={"score": old}, key=())
    assert table.comment("score") == "Score. Unit: points of 100. Deprecated: read mean_score from 2.0 on."


def test_every_view_has_a_description() -> None:
    assert set(views()) == set(VIEWS)


def test_a_doubled_quote_of_sql_is_one_on_the_page() -> None:
    assert "kpi_trend('no-karmoy', 'EC_ICT_ICT_1C')" in views()["kpi_trend"]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("ranking", "ranking"),
        ("city_profile", "city_profile"),
        ("compare_cities", "compare_cities('a', 'b')"),
        ("kpi_trend", "kpi_trend('a', 'EC_ICT_ICT_1C')"),
        ("ranking_of", "ranking_of(2024)"),
        ("against_peers", "against_peers('a', 2024)"),
        ("movers", "movers(2023, 2024)"),
        ("who_is_ahead", "who_is_ahead('a', 'b')"),
        ("drivers", "drivers(2024)"),
        ("where_from", "where_from('a', 'EC_ICT_ICT_1C')"),
    ],
)
def test_the_columns_of_views_are_those_of_the_mart(name: str, call: str, mart: duckdb.DuckDBPyConnection) -> None:
    assert mart.sql(f"select * from {call}").columns == view_columns(name)


@pytest.mark.parametrize(("title", "query"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_each_example_runs_and_finds_something(title: str, query: str, mart: duckdb.DuckDBPyConnection) -> None:
    assert f"{title}:\n\n```sql\n{query}\n```" in PAGE.read_text(encoding="utf-8")
    for real, invented in RENAMED.items():
        query = query.replace(f"'{real}'", f"'{invented}'")
    assert mart.sql(query).fetchall() != []


def test_the_example_cities_are_real_ones() -> None:
    register = pl.read_csv(PROJECT / "data" / "raw" / "cities.csv")
    assert set(RENAMED) <= set(register["city_id"])


def test_the_python_of_the_page_runs(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(workspace)
    names: dict[str, object] = {}
    exec(script, names)
    scores = names["scores"]
    assert isinstance(scores, pl.DataFrame)
    assert scores.height == 12  # six cities that let themselves be named, two editions
