"""Every query of the cookbook runs on a built mart and finds something; so does its Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.workspace import PROJECT, open_workspace

PAGE = (PROJECT / "docs" / "cookbook.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^\*\*(\d+)\. (.+?)\*\*.*?```sql\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def mart(small_workspace: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(open_workspace(small_workspace).public_mart), read_only=True) as connection:
        yield connection


def test_the_cookbook_has_twenty_recipes_and_more_numbered_in_order() -> None:
    assert [int(number) for number, _, _ in RECIPES] == list(range(1, 26))
    assert PAGE.count("```sql") == len(RECIPES)


@pytest.mark.parametrize(("title", "query"), [recipe[1:] for recipe in RECIPES], ids=[one[0] for one in RECIPES])
def test_each_recipe_runs_and_finds_something(title: str, query: str, mart: duckdb.DuckDBPyConnection) -> None:
    assert mart.sql(query.strip().rstrip(";")).fetchall() != [], title


@pytest.mark.parametrize("script", SCRIPTS, ids=["duckdb", "parquet"])
def test_the_python_of_the_cookbook_runs(
    script: str, small_workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "workspaces").mkdir()
    (tmp_path / "workspaces" / "demo").symlink_to(small_workspace)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(script, names)
    scores = names["scores"]
    assert isinstance(scores, pl.DataFrame)
    assert scores.height > 0


def test_attached_beside_other_tables_the_mart_answers_as_the_cookbook_says(small_workspace: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("attach ? as mart (read_only)", [str(open_workspace(small_workspace).public_mart)])
        assert connection.sql("from mart.ranking").fetchall() != []
        with pytest.raises(duckdb.CatalogException):
            connection.sql("from mart.ranking_of(2020)")
        connection.execute("use mart")
        assert connection.sql("from ranking_of(2020)").fetchall() != []


def test_two_cities_are_ahead_of_each_other_in_shares_that_fit(mart: duckdb.DuckDBPyConnection) -> None:
    ask = "select edition, a_ahead, b_ahead from who_is_ahead(?, ?) order by edition"
    cities = ["demo-005-elvanpolis", "demo-006-fjorbruck"]
    forth, back = (mart.execute(ask, order).fetchall() for order in (cities, cities[::-1]))
    assert forth != []
    assert [(year, b, a) for year, a, b in back] == forth
    assert all(0 <= a + b <= 1 for _, a, b in forth)


def test_movers_are_the_difference_of_two_rankings(mart: duckdb.DuckDBPyConnection) -> None:
    found = mart.sql("select city_id, places_gained, score_change from movers(2019, 2020)").fetchall()
    ranked = {
        (edition, city): (rank, score)
        for edition, city, rank, score in mart.sql("select edition, city_id, rank, score from ranking").fetchall()
    }
    assert found != []
    for city, gained, change in found:
        (rank_before, before), (rank_after, after) = ranked[2019, city], ranked[2020, city]
        assert gained == rank_before - rank_after
        assert change == pytest.approx(after - before, abs=1e-12)
    gains = [abs(gained) for _, gained, _ in found]
    assert gains == sorted(gains, reverse=True)
