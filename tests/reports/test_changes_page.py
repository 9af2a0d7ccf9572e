"""What is told of changes: figures that add up as shown, sentences, and nothing read as markup."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reports.changes.page import changes_page, mostly_by
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
KPIS = [("a", f"K{number}", 2.7602 / 55 * number) for number in range(1, 11)]


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
    # They come to 2.7602; shown is 2.77 by its own data, for the ends are rounded apart.
    assert math.fsum(value for _, value in one.kpis) == pytest.approx(2.77)
    assert one.values == ["Patents: – → 12.5 (2025)"]


def test_the_page_reads_no_name_as_markup_and_draws_what_adds_up(told: list[Told]) -> None:
    page = changes_page("2024 (draft)", "2025 (draft)", told, is_public=True, is_demo=True, is_draft=True)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 1
    assert "Demo data" in page
    assert "Do not pass it on" not in page
    assert "Draft: not a release" in page
    of_releases = changes_page("x", "y", told, is_public=False, is_demo=False, is_draft=False)
    assert "Do not pass it on" in of_releases
    assert "Draft" not in of_releases
    # At the bars stands what the sentences say: 61.23 + 2.00 + 0.77 = 64.00.
    assert [f">{figure}</text>" in page for figure in ("61.23", "+2.00", "+0.77", "64.00")] == [True] * 4
    assert "<p>Newly ranked (1): Bee.</p><p>No longer ranked (1): Sea.</p>" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_what_worked_against_a_change_is_not_what_made_it(told: list[Told]) -> None:
    (one,) = [one for one in told if one.key == "a"]
    cases = [
        (-1, {"revised": 1.0, "others": -0.9, "entry_exit": -1.1}, "entry_exit"),
        (2, {"revised": 3.5, "others": -1.5}, "revised"),
        (0, {"revised": 2.0, "others": -2.0}, "reported"),  # it kept its rank: then by the points
        (-1, {}, ""),  # not divided
    ]
    points = {"revised": -0.3, "reported": 0.4}
    for change, parts, cause in cases:
        assert (
            mostly_by(replace(one, rank_change=change, rank_parts=parts, score_change=0.1, score_parts=points)) == cause
        )


def test_equal_editions_are_said_to_be_the_same() -> None:
    same = part_row("a", score_before=50.0, score_after=50.0, score_change=0.0, rank_before=1, rank_after=1)
    parts = pl.DataFrame([same | {"rank_change": 0}], schema=tables.PARTS.polars_schema)
    kpis = pl.DataFrame(schema={"city_id": pl.String, "node": pl.String, "contribution": pl.Float64})
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(overview("From x to y", stories(parts, kpis, kpis.clear(), {"a": "Aye"}, {})))
    assert "Scores and ranks of the 1 ranked cities are the same in both." in console.export_text()


def test_tables_fit_into_80_columns_and_show_names_as_they_stand(told: list[Told]) -> None:
    console = Console(width=80, record=True, markup=False, emoji=False, file=io.StringIO())
    console.print(overview("From 2024 to 2025", told))
    # Every factor at work, and a name that is as long as they come.
    every = dict.fromkeys(FACTORS, -10.25)
    console.print(overview("All", [replace(told[0], name="W" * 40, score_parts=every, rank_parts=every)]))
    for one in told:
        console.print(one_city("From 2024 to 2025", one))
    text = console.export_text()
    assert "[bold]" in text
    assert "7→5" in text
    assert text.count("−10.25") == len(FACTORS)
    assert max(map(len, text.splitlines())) <= 80
