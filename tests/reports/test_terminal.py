"""Pages in the terminal: 80 columns, the mart's numbers; and the examples in the reports' docstrings."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipelines.cli import app
from reports import terminal, words
from tests.pipelines.workspaces import ENVIRONMENT, REPORT, SCORES_ONLY, SECRET, invoke
from tests.reports.sites import public_mart, with_name

pytestmark = pytest.mark.xdist_group("site")
LATEST = 2020


def shown(root: Path, *arguments: object) -> str:
    arguments = ("show", *arguments, "-w", root)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={**ENVIRONMENT, "COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert "Demo data: every city and every number is invented." in done.stdout
    return done.stdout


def test_the_ranking_shows_every_ranked_city_with_its_numbers(small_workspace: Path) -> None:
    text = shown(small_workspace, "ranking")
    mart = public_mart(small_workspace)
    rows = mart["fact_score"].filter(edition=LATEST, level="index").to_dicts()
    for row in rows:
        name = re.escape(mart.city_rows[row["city_id"]]["name"])
        if row["rank"] is None:
            assert re.search(rf"{name}\s+{words.percent(row['coverage'])}", text)
        else:
            assert re.search(rf"{row['rank']}  {name}\s+{words.score(row['score'])} ", text)
    for row in mart["fact_rank_uncertainty"].filter(edition=LATEST, node="index").to_dicts():
        name = re.escape(mart.city_rows[row["city_id"]]["name"])
        assert re.search(rf"{name}\s+[\d.]+\s+{row['rank_p05']}–{row['rank_p95']}\s+{row['tier']}\s", text)
    assert SECRET not in text
    assert "Covaldale" not in text


def test_a_city_shows_how_sure_its_rank_is_and_why_it_changed(small_workspace: Path) -> None:
    text = shown(small_workspace, REPORT)
    mart = public_mart(small_workspace)
    sure = mart["fact_rank_uncertainty"].filter(edition=LATEST, city_id=REPORT, node="index").row(0, named=True)
    assert f"{sure['rank_p05']} to {sure['rank_p95']}: 90 % rank interval, tier {sure['tier']}" in text
    change = mart["fact_change"].filter(edition=LATEST, city_id=REPORT).row(0, named=True)
    together = (words.change(change["score_change"], 2), words.change(change["rank_change"], 0))
    assert re.search(rf"Together\s+{re.escape(together[0])}\s+{re.escape(together[1])}", text)


def test_a_city_shows_scores_ranks_and_progress(small_workspace: Path) -> None:
    text = shown(small_workspace, REPORT)
    mart = public_mart(small_workspace)
    for row in mart["fact_score"].filter(edition=LATEST, city_id=REPORT, level="dimension").to_dicts():
        assert re.search(rf"{mart.names[row['node']]}\s+{words.score(row['score'])}.*\s{row['rank']}\s", text)
    for year in mart.editions:
        assert re.search(rf"^{year} ", text, re.M)


def test_a_city_with_scores_only_says_so(small_workspace: Path) -> None:
    assert "publishes its scores but not its values" in shown(small_workspace, SCORES_ONLY)


def test_a_kpi_shows_its_formula_and_the_best_value(small_workspace: Path) -> None:
    text = shown(small_workspace, "EC_ICT_ICT_1C")
    assert "Households with Internet access ÷ Households in the city × 100; more is better" in text
    values = public_mart(small_workspace)["fact_value"].filter(edition=LATEST, data_point="EC_ICT_ICT_1C.main")
    assert words.amount(values["value"].max()) in text  # type: ignore[arg-type]  # a column of floats
    assert f"{values.height} cities, median {words.amount(values['value'].median())}" in text  # type: ignore[arg-type]  # likewise


def test_movers_tell_both_ranks(small_workspace: Path) -> None:
    text = shown(small_workspace, "movers", "--since", 2018)
    mart = public_mart(small_workspace)
    scores = mart["fact_score"].filter(level="index")
    ranks = {(row["edition"], row["city_id"]): row["rank"] for row in scores.to_dicts()}
    moved = 0
    for city, about in mart.city_rows.items():
        before, after = ranks.get((2018, city)), ranks.get((LATEST, city))
        if before and after and before != after:
            moved += 1
            arrow = "▲" if after < before else "▼"
            pattern = rf"{re.escape(about['name'])}\s+{before} → {after}\s+{arrow} {abs(before - after)}\s"
            assert re.search(pattern, text)
    assert moved or "Rose: nobody" in text


@pytest.mark.parametrize(("what", "said"), [("nowhere", "is no city of the public mart"), ("demo", "Give the key")])
def test_what_is_not_there_is_told(small_workspace: Path, what: str, said: str) -> None:
    done = invoke("show", what, "-w", small_workspace)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_long_name_is_whole_in_the_ranking(small_workspace: Path) -> None:
    name = "Marvelminster upon the Long River and Municipalities"
    told = Console(width=80, record=True, file=io.StringIO())
    told.print(terminal.ranking(with_name(public_mart(small_workspace), REPORT, name), LATEST))
    text = told.export_text()
    assert all(word in text for word in name.split())
    assert max(len(line) for line in text.splitlines()) <= 80
