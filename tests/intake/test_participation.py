"""How cities take part: what is agreed, what is due, and that persons can be erased."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from intake.lines import LinesError
from intake.participation import (
    FOCAL_POINTS_NAME,
    PARTICIPATION_NAME,
    FocalPoint,
    Participation,
    erase_focal_points,
    months_after,
    progress,
    read_participation,
)
from intake.reading import is_built_from, stray_files
from intake.receipts import Receipt, receipt_path, write_receipts
from intake.register import read_register, write_pseudonym
from intake.selection import standing_in
from tests.intake.test_register import HEADER, RANA

HEAD = "city_id,year,letter_of_interest,terms_accepted,collection_from,months,mode,note"
GOOD = "no-rana,2025,2026-01-05,2026-01-20,2026-02-01,3,remote,"
PERSONS = "city_id,name,role,email,phone,since\nno-rana,Kari Nordmann,Planner,kari@example.org,,2026-01-21\n"


def read(tmp_path: Path, *lines: str, header: str = HEAD):
    (tmp_path / PARTICIPATION_NAME).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return read_participation(tmp_path, ["no-rana", "no-asker"])


def test_a_round_is_read_whole(tmp_path: Path) -> None:
    record = read(tmp_path, GOOD)
    assert record.faults.is_empty()
    days = date(2026, 1, 5), date(2026, 1, 20), date(2026, 2, 1)
    assert record.rounds == (Participation("no-rana", 2025, *days, 3, "remote"),)
    assert record.rounds[0].deadline == date(2026, 5, 1)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / FOCAL_POINTS_NAME).write_text("city_id,name,email,since\nno-where,,nonsense,soon\n", encoding="utf-8")
    record = read(
        tmp_path,
        "no-where,2025,,,,,,",
        "no-rana,25,,,,,,",
        "no-rana,2024,yesterday,,,7,by post,",
        "no-rana,2023,2026-02-01,2026-01-01,,,,",
        "no-rana,2022,,2026-01-01,,,,",
        GOOD,
        GOOD,
    )
    rules = record.faults["rule"].to_list()
    assert rules == [
        "unknown_city", "bad_year", "bad_date", "bad_months", "unknown_word", "step_skipped", "step_skipped",
        "duplicate_round", "bad_city_id", "bad_name", "bad_email", "bad_since",
    ]  # fmt: skip
    assert [(one.year, one.months, one.mode) for one in record.rounds] == [
        (2022, 6, None), (2023, 6, None), (2024, 6, None), (2025, 3, "remote")
    ]  # fmt: skip
    assert all(message.startswith((PARTICIPATION_NAME, FOCAL_POINTS_NAME)) for message in record.faults["message"])
    assert "line 4, column months" in record.faults.filter(rule="bad_months")["message"][0]
    assert "nonsense" not in "".join(record.faults["message"])


def test_a_column_that_is_unknown_is_told(tmp_path: Path) -> None:
    assert "has months_left, which is unknown" in read(tmp_path, header=HEAD + ",months_left").faults["message"][0]
    assert "lacks year" in read(tmp_path, header="city_id,months").faults["message"][0]


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 2, 1), 3, date(2026, 5, 1)),
        (date(2025, 11, 30), 3, date(2026, 2, 28)),
        (date(2026, 10, 31), 6, date(2027, 4, 30)),
        (date(2026, 6, 15), 6, date(2026, 12, 15)),
    ],
)
def test_a_deadline_is_so_many_months_later_or_the_last_day_of_its_month(day: date, months: int, then: date) -> None:
    assert months_after(day, months) == then


ROUND = Participation("no-rana", 2025, date(2026, 1, 5), date(2026, 1, 20), date(2026, 2, 1), 3)


@pytest.mark.parametrize(
    ("on", "came", "step", "due", "late"),
    [
        (date(2026, 1, 1), {}, "none", "letter_of_interest", None),
        (date(2026, 1, 10), {}, "letter_of_interest", "terms_accepted", None),
        (date(2026, 5, 1), {}, "collection", "received", None),
        (date(2026, 5, 11), {}, "collection", "received", 10),
        (date(2026, 5, 11), {"received": date(2026, 5, 10)}, "received", "screened", None),
        (date(2026, 5, 11), {"received": date(2026, 6, 1)}, "collection", "received", 10),
        (
            date(2026, 8, 1),
            {"received": date(2026, 5, 10), "screened": date(2026, 5, 12), "outcome": date(2026, 7, 1)},
            "outcome",
            None,
            None,
        ),
    ],
)
def test_where_a_city_stands_on_a_day(on: date, came: dict[str, date], step: str, due: str | None, late: int | None):
    stands = progress(ROUND, on, came, [FocalPoint("no-rana", "Kari", since="2026-01-21")])
    assert (stands.step, stands.next_step, stands.days_overdue) == (step, due, late)
    assert stands.deadline == date(2026, 5, 1)


def test_a_focal_point_is_due_until_there_is_one() -> None:
    assert progress(ROUND, date(2026, 3, 1), {}, []).next_step == "focal_point"
    assert progress(ROUND, date(2026, 3, 1), {}, [FocalPoint("no-rana", "Kari")]).next_step == "received"


def test_erasing_leaves_no_byte_of_a_person(tmp_path: Path) -> None:
    other = "no-asker,Ola Hansen,Mayor,ola@example.org,,\n"
    (tmp_path / FOCAL_POINTS_NAME).write_text(PERSONS + other, encoding="utf-8")
    for name, sender in {"a": "Kari NORDMANN, by mail", "b": "kari@example.org", "c": "the mayor's office"}.items():
        write_receipts(tmp_path / f"{name}.xlsx", [Receipt("no-rana", 2024, datetime(2025, 1, 1, tzinfo=UTC), sender)])
    assert erase_focal_points(tmp_path, "no-rana") == 1
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*")).lower()
    assert b"kari" not in everything
    assert b"nordmann" not in everything
    assert other.lower().strip().encode() in everything
    assert b"the mayor's office" in receipt_path(tmp_path / "c.xlsx").read_bytes()
    assert erase_focal_points(tmp_path, "no-rana") == 0


@pytest.mark.parametrize(
    "line", [" no-rana , Kari Nordmann,,,,", "NO-RANA,Kari Nordmann,,,,", "no-rana,,,kari@example.org,,"]
)
def test_a_line_is_erased_however_it_was_typed(tmp_path: Path, line: str) -> None:
    (tmp_path / FOCAL_POINTS_NAME).write_text(PERSONS.splitlines()[0] + f"\n{line}\n", encoding="utf-8")
    receipt = receipt_path(tmp_path / "a.xlsx")
    receipt.write_text("city_id,year,received_from\nNo-Rana ,2024,Kari Nordmann <kari@example.org>\n", encoding="utf-8")
    assert erase_focal_points(tmp_path, "no-rana") == 1
    assert not [path for path in tmp_path.rglob("*") if b"kari" in path.read_bytes().lower()]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"city_id;name\nno-rana;Kari Nordmann\n", "has no column city_id"),
        ("city_id,name\nno-rana,Kåre\n".encode("latin-1"), "is no CSV in UTF-8"),
    ],
)
def test_where_persons_cannot_be_found_it_is_not_told_that_there_are_none(
    tmp_path: Path, content: bytes, says: str
) -> None:
    (tmp_path / FOCAL_POINTS_NAME).write_bytes(content)
    with pytest.raises(LinesError, match=says):
        erase_focal_points(tmp_path, "no-rana")
    assert (tmp_path / FOCAL_POINTS_NAME).read_bytes() == content


def test_once_a_workbook_has_come_only_what_follows_is_due() -> None:
    unplanned = Participation("no-rana", 2024)
    came = {"received": date(2026, 5, 10)}
    assert progress(unplanned, date(2026, 6, 1), came, []).next_step == "screened"
    came["outcome"] = date(2026, 6, 1)  # by a receipt that was written by hand
    assert progress(unplanned, date(2026, 6, 1), came, []).next_step is None


def test_files_of_the_programme_are_no_strays_and_no_build_reads_them(tmp_path: Path) -> None:
    for name in (PARTICIPATION_NAME, FOCAL_POINTS_NAME, "a.xlsx", "a.xlsx.journal.csv", "b.xlsx.journal.csv"):
        (tmp_path / name).touch()
    assert [(fault.rule, fault.value) for fault in stray_files(tmp_path)] == [
        ("journal_without_file", "b.xlsx.journal.csv")
    ]
    built = [path.name for path in sorted(tmp_path.iterdir()) if is_built_from(path)]
    assert built == ["a.xlsx"]


# --- identity of a city -----------------------------------------------------------------------------------------

WHOLE = HEADER + ",merged_into,ended_on,pseudonym"


def register(tmp_path: Path, *lines: str) -> tuple[pl.DataFrame, list[str]]:
    path = tmp_path / "cities.csv"
    path.write_text("\n".join([WHOLE, *lines]) + "\n", encoding="utf-8")
    cities, faults = read_register(path)
    return cities, faults["rule"].to_list()


ASKER = "no-asker,Asker,NOR,Norway,Europe and Central Asia,High income,,"


def test_a_city_that_became_part_of_another_is_in_no_edition_from_that_year_on(tmp_path: Path) -> None:
    cities, faults = register(tmp_path, RANA + ",no-asker,2024-07-01,", ASKER + ",,,")
    assert faults == []
    accepted = pl.DataFrame({"city_id": ["no-asker", "no-rana"]})
    stands = {year: standing_in(year, accepted, cities)["city_id"].to_list() for year in (2023, 2024, 2025)}
    assert stands == {2023: ["no-asker", "no-rana"], 2024: ["no-asker"], 2025: ["no-asker"]}


@pytest.mark.parametrize(
    ("end", "rules"),
    [
        ("no-asker,,", ["register_blank"]),
        ("no-rana,2024-01-01,", ["unknown_city"]),
        ("no-where,soon,", ["bad_date", "unknown_city"]),
        (",,Rana-1", ["bad_pseudonym"]),
        (",,town rana", ["bad_pseudonym"]),
        (",,rana-1", ["bad_pseudonym"]),
        (",,norway-1", ["bad_pseudonym"]),
        (",,no-asker", ["bad_pseudonym"]),
    ],
)
def test_a_bad_end_or_pseudonym_keeps_the_city_out(tmp_path: Path, end: str, rules: list[str]) -> None:
    cities, faults = register(tmp_path, f"{RANA},{end}", ASKER + ",,,")
    assert (cities["city_id"].to_list(), faults) == (["no-asker"], rules)


def test_two_cities_cannot_have_one_pseudonym(tmp_path: Path) -> None:
    cities, faults = register(tmp_path, RANA + ",,,town-1", ASKER + ",,,town-1")
    assert (cities["city_id"].to_list(), faults) == (["no-rana"], ["bad_pseudonym"])


def test_a_pseudonym_is_drawn_and_written_beside_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "cities.csv"
    path.write_text("\n".join([HEADER, RANA, ASKER]) + "\n", encoding="utf-8")
    before, _ = read_register(path)
    drawn = {write_pseudonym(path, city, []) for city in ("no-rana", "no-asker")}
    after, faults = read_register(path)
    assert len(drawn) == 2
    assert faults.is_empty()
    assert set(after["pseudonym"]) == drawn
    assert after.drop("pseudonym").equals(before.drop("pseudonym"))
