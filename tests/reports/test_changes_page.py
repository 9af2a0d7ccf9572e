"""What is told of changes: figures that add up as shown, sentences, and nothing read as markup."""

from __future__ import annotations

import io
import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reports.changes.page import changes_page
from reports.changes.story import Told, adding_up, stories
from reports.changes.table import one_city, overview
from schemas import changes as tables
from ssc_index.changes import FACTORS

HOSTILE = '</a><script>alert(1)</script>[bold]&amp;"'


def part_row(city: str, state: str = "both", **given: Any) -> dict[str, Any]:
    row = dict.fromkeys(tables.PARTS.columns) | {
        "city_id": city,
        "state": state,
        "edition": 2025,
        "edition_before": 2024,
    }
    if state == "both":
        row |= {f"{what}_{name}": 0.0 for what in ("score", "rank") for name in FACTORS}
    return row | given


MOVED = part_row(
    "a",
    score_before=61.2349,
    score_after=63.9951,
    score_change=2.7602,
    score_revised=2.0,
    score_reported=0.7602,
    rank_before=7,
    rank_after=5,
    rank_change=2,
    rank_revised=1 / 3,
    rank_others=5 / 3,
)
ENTERED = part_row("b", "entered", score_after=40.0, rank_after=9)
LEFT = part_row("c", "left", score_before=30.0, rank_before=8)
HIDDEN = part_row(
    "d", score_before=50.0, score_after=49.0, score_change=-1.0, rank_before=6, rank_after=7, rank_change=-1
)
HIDDEN |= {f"{what}_{name}": None for what in ("score", "rank") for name in FACTORS} | {"reason": "it is not public"}
KPIS = [("a", f"K{number}", 0.2 * number) for number in range(1, 11)]


@pytest.fixture
def told() -> list[Told]:
    parts = pl.DataFrame([ENTERED, HIDDEN, LEFT, MOVED], schema=tables.PARTS.polars_schema)
    kpis = pl.DataFrame(
        [{"city_id": city, "node": node, "contribution": value} for city, node, value in KPIS],
        schema={"city_id": pl.String, "node": pl.String, "contribution": pl.Float64},
    )
    values = pl.DataFrame(
        {
            "city_id": ["a"],
            "data_point": ["K10.main"],
            "kpi_code": ["K10"],
            "value_before": [None],
            "year_before": [None],
            "value_after": [12.5],
            "year_after": [2025],
        },
        schema_overrides={"value_before": pl.Float64, "year_before": pl.Int16},
    )
    return stories(parts, kpis, values, {"a": HOSTILE, "b": "Bee", "c": "Sea", "d": "Dee"}, {"K10.main": "Patents"})


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=7), st.integers(0, 3))
def test_parts_add_up_as_they_are_shown(parts: list[float], decimals: int) -> None:
    total = round(math.fsum(parts), decimals)
    shown = adding_up(parts, total, decimals)
    assert math.fsum(shown) == pytest.approx(total, abs=1e-9)
    assert all(abs(one - part) <= 10.0**-decimals + 1e-9 for one, part in zip(shown, parts, strict=True))
    assert all(round(one, decimals) == pytest.approx(one, abs=1e-12) for one in shown)


def test_a_total_that_is_the_difference_of_rounded_ends_is_met_too() -> None:
    # 61.234 → 61.23 and 61.246 → 61.25: shown as +0.02, though it was +0.012.
    assert adding_up([0.006, 0.006], 0.02, 2) == [0.01, 0.01]
    assert adding_up([0.012], 0.02, 2) == [0.02]
    assert adding_up([0.018], 0.01, 2) == [0.01]


def test_a_factor_that_did_nothing_gets_no_remainder(told: list[Told]) -> None:
    (one,) = [one for one in told if one.key == "a"]
    assert one.score_change == 2.77  # 64.00 − 61.23
    assert {name: value for name, value in one.score_parts.items() if value} == {"revised": 2.0, "reported": 0.77}
    assert {name: value for name, value in one.rank_parts.items() if value} == {"revised": 0.3, "others": 1.7}


def test_sentences_tell_what_happened(told: list[Told]) -> None:
    said = {one.key: " ".join(one.sentences) for one in told}
    assert "rose from number 7 to 5; its index went from 61.23 to 64.00 (+2.77)." in said["a"]
    assert "In points: +2.00 by figures that it reported in both editions" in said["a"]
    assert said["b"] == "Bee was not ranked before. It is number 9 with 40.00 points."
    assert said["c"] == "Sea was number 8 with 30.00 points. It is not ranked any more."
    assert said["d"].endswith("Not divided further: it is not public.")
    assert [one.key for one in told] == ["a", "d", "b", "c"]


def test_the_kpis_that_moved_most_are_told_and_the_others_together(told: list[Told]) -> None:
    (one,) = [one for one in told if one.key == "a"]
    assert [name for name, _ in one.kpis] == [*(f"K{number}" for number in range(10, 2, -1)), "2 others"]
    assert one.kpis[-1][1] == pytest.approx(0.6)
    assert one.values == ["Patents: – → 12.5 (2025)"]


def test_the_page_reads_no_name_as_markup_and_draws_what_adds_up(told: list[Told]) -> None:
    page = changes_page("2024 (draft)", "2025 (draft)", told, is_public=True, is_demo=True)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 1
    assert "Demo data" in page
    assert "Do not pass it on" not in page
    assert "Do not pass it on" in changes_page("x", "y", told, is_public=False, is_demo=False)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_tables_fit_into_80_columns_and_show_names_as_they_stand(told: list[Told]) -> None:
    console = Console(width=80, record=True, markup=False, emoji=False, file=io.StringIO())
    console.print(overview("From 2024 to 2025", told))
    for one in told:
        console.print(one_city("From 2024 to 2025", one))
    text = console.export_text()
    assert "[bold]" in text
    assert "7→5" in text
    assert max(map(len, text.splitlines())) <= 80
