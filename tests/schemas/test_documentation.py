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
from schemas.documentation import EXAMPLES, mart_documentation, view_columns, views
from ssc_index.framework.catalogue import load_catalogue
from tests.assets.cohort import shared_frames

PAGE = PROJECT / "docs" / "marts.md"
# The examples name real cities; the tests' cohort has others.
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
