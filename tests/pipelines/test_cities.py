"""``ssc-index cities``: who takes part, what is due, one city, erasing and pseudonyms."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intake.participation import FOCAL_POINTS_NAME, PARTICIPATION_NAME
from intake.receipts import Receipt, receipt_path, write_receipts
from tests.intake.test_participation import HEAD, PERSONS
from tests.intake.test_register import ASKER, HEADER, RANA
from tests.pipelines.workspaces import invoke


@pytest.fixture
def programme(tmp_path: Path) -> Path:
    """A workspace with two cities: Rana is late, Asker has submitted."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "cities.csv").write_text("\n".join([HEADER, RANA, ASKER]) + "\n", encoding="utf-8")
    rounds = [HEAD, "no-rana,2025,2026-01-05,2026-01-20,2026-02-01,3,remote,", "no-asker,2025,2026-01-02,,,,,"]
    (raw / PARTICIPATION_NAME).write_text("\n".join(rounds) + "\n", encoding="utf-8")
    (raw / FOCAL_POINTS_NAME).write_text(PERSONS, encoding="utf-8")
    (raw / "a.xlsx").touch()
    write_receipts(raw / "a.xlsx", [Receipt("no-asker", 2025, datetime(2026, 3, 1, tzinfo=UTC))])
    return tmp_path


def test_the_list_tells_where_each_city_stands_in_eighty_columns(programme: Path) -> None:
    result = invoke("cities", "-w", programme, "--as-of", "2026-05-11")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    (asker,) = [line for line in lines if "Asker" in line]
    (rana,) = [line for line in lines if "Rana" in line]
    assert "received" in asker
    assert "2026-03-01" in asker
    assert "collecting" in rana
    assert rana.split()[-3:] == ["10", "d", "late"]


def test_only_what_is_late_on_a_day_is_overdue(programme: Path) -> None:
    def late(day: str) -> dict[str, int]:
        told = json.loads(invoke("cities", "-w", programme, "--overdue", "--as-of", day, "--json").stdout)
        assert told["as_of"] == day
        return {one["city_id"]: one["days_overdue"] for one in told["cities"]}

    assert late("2026-05-01") == {}
    assert late("2026-05-02") == {"no-rana": 1}


def test_one_city_is_found_by_any_of_its_names_and_shows_its_focal_point(programme: Path) -> None:
    for name in ("no-rana", "RANA", "Mo i Rana"):
        result = invoke("cities", name, "-w", programme, "--as-of", "2026-05-11")
        assert result.exit_code == 0, name
        assert "Kari Nordmann" in result.stdout
        assert "2026-01-20  phase 1  terms accepted" in result.stdout
    told = json.loads(invoke("cities", "no-rana", "-w", programme, "--json", "--as-of", "2026-05-11").stdout)
    assert told["rounds"][0]["deadline"] == "2026-05-01"
    unknown = invoke("cities", "ran", "-w", programme)
    assert (unknown.exit_code, "no-rana" in unknown.stderr) == (2, True)


def test_an_outcome_is_told_by_its_word_and_the_day_is_its_own(programme: Path) -> None:
    raw = programme / "raw"
    fields = "city_id,year,received_at,verification_outcome,verified_on,consent"
    receipt = receipt_path(raw / "a.xlsx")
    receipt.write_text(f"{fields}\nno-asker,2025,2026-03-01,partly_verified,2026-04-02,none\n", encoding="utf-8")
    # Whoever speaks for the city was named later than that.
    persons = f"{PERSONS}no-asker,Ola Hansen,,,,2026-05-01\n"
    (raw / FOCAL_POINTS_NAME).write_text(persons, encoding="utf-8")
    (line,) = [one for one in invoke("cities", "-w", programme).stdout.splitlines() if "Asker" in one]
    assert line.split()[1:] == ["2025", "partly", "verified", "2026-04-02", "–"]
    shown = invoke("cities", "no-asker", "-w", programme).stdout
    assert "2025: partly verified" in shown
    assert "2026-04-02  phase 2  partly verified" in shown
    assert "next:" not in shown
    told = json.loads(invoke("cities", "no-asker", "-w", programme, "--json").stdout)["rounds"][0]
    assert (told["outcome"], told["is_in_index"]) == ("partly_verified", False)
    receipt.write_text(f"{fields}\nno-asker,2025,2026-03-01,Verified,2.4.2026,none\n", encoding="utf-8")
    assert "received" in invoke("cities", "no-asker", "-w", programme).stdout  # a day that is none is no day


def test_what_an_edition_counts_is_in_the_index(small_workspace: Path) -> None:
    told = json.loads(invoke("cities", "-w", small_workspace, "--json").stdout)["cities"]
    assert {one["is_in_index"] for one in told if one["outcome"] in ("verified", "partly_verified")} == {True}
    assert {one["is_in_index"] for one in told if one["outcome"] in (None, "rejected")} <= {False}
    assert "in the index" in invoke("cities", "-w", small_workspace).stdout
    before = json.loads(invoke("cities", "-w", small_workspace, "--json", "--as-of", "2000-01-01").stdout)["cities"]
    assert {(one["outcome"], one["is_in_index"]) for one in before} == {(None, False)}


def test_all_faults_are_told_and_the_exit_code_says_so(programme: Path) -> None:
    with (programme / "raw" / PARTICIPATION_NAME).open("a", encoding="utf-8") as file:
        file.write("no-where,2025,,,,,,\nno-rana,2026,x,,,9,,\n")
    result = invoke("cities", "-w", programme)
    assert result.exit_code == 1
    for words in ("no-where", "'x' is no date", "3 to 6 months"):
        assert words in result.stderr


def test_a_focal_point_can_be_erased_and_a_pseudonym_drawn(programme: Path) -> None:
    assert (
        "Erased 1 focal point of no-rana."
        in invoke("cities", "no-rana", "-w", programme, "--erase-focal-points").stdout
    )
    assert "Kari" not in invoke("cities", "no-rana", "-w", programme).stdout
    again = invoke("cities", "no-rana", "-w", programme, "--erase-focal-points").stdout
    assert "nothing was erased" in again
    assert "is known to the public as" in invoke("cities", "Rana", "-w", programme, "--draw-pseudonym").stdout
    assert "Counted but not named" in invoke("cities", "no-rana", "-w", programme).stdout
    assert invoke("cities", "no-rana", "-w", programme, "--draw-pseudonym").exit_code == 2
