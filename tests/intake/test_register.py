"""The register of cities."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.names import folded
from intake.register import read_register
from intake.tables import CITIES

HEADER = "city_id,name,country_code,country,region,income_group,aliases,note"
RANA = "no-rana,Rana,NOR,Norway,Europe and Central Asia,High income,Mo i Rana,"
ASKER = "no-asker,Asker,NOR,Norway,Europe and Central Asia,High income,,"


def read(tmp_path: Path, *lines: str, header: str = HEADER) -> tuple[list[str], list[tuple[str, str, str]]]:
    path = tmp_path / "cities.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    cities, faults = read_register(path)
    assert cities.schema == dict(CITIES)
    return cities["city_id"].to_list(), faults.select("rule", "severity", "message").rows()


def test_cities_come_sorted_by_their_key(tmp_path: Path) -> None:
    assert read(tmp_path, RANA, ASKER) == (["no-asker", "no-rana"], [])


@pytest.mark.parametrize(
    ("line", "rule", "says"),
    [
        (RANA.replace("no-rana", "Rana!"), "bad_city_id", "line 2, column city_id"),
        (RANA.replace("NOR", "NO"), "bad_country_code", "'NO' is no ISO 3166 code"),
        (RANA.replace("High income", ""), "register_blank", "income_group is blank"),
    ],
)
def test_a_faulty_line_is_left_out_and_named(tmp_path: Path, line: str, rule: str, says: str) -> None:
    cities, faults = read(tmp_path, line, ASKER)
    assert cities == ["no-asker"]
    assert faults[0][:2] == (rule, "error")
    assert says in faults[0][2]


def test_the_same_city_twice_is_named(tmp_path: Path) -> None:
    cities, faults = read(tmp_path, RANA, RANA)
    assert cities == ["no-rana"]
    assert faults[0][:2] == ("same_city_twice", "error")
    assert "lines 2 and 3" in faults[0][2]


def test_two_keys_for_one_name_in_one_country_are_doubted(tmp_path: Path) -> None:
    cities, faults = read(tmp_path, RANA, RANA.replace("no-rana,Rana", "no-mo,MO I RANA").replace(",Mo i Rana,", ",,"))
    assert cities == ["no-mo", "no-rana"]
    assert [fault[:2] for fault in faults] == [("same_city_twice", "warning")]


def test_one_name_in_two_countries_is_no_fault(tmp_path: Path) -> None:
    other = "us-rana,Rana,USA,United States,North America,High income,,"
    assert read(tmp_path, RANA, other)[1] == []


def test_a_missing_register_is_a_fault(tmp_path: Path) -> None:
    cities, faults = read_register(tmp_path / "cities.csv")
    assert cities.is_empty()
    assert faults["rule"].to_list() == ["register_missing"]


def test_a_register_without_a_column_is_refused(tmp_path: Path) -> None:
    cities, faults = read(tmp_path, RANA, header=HEADER.replace("region", "area"))
    assert cities == []
    assert faults[0][0] == "renamed_header"
    assert "no column region" in faults[0][2]


def test_a_register_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cities.csv"
    path.write_bytes(b"\xff\xfe")
    assert read_register(path)[1]["rule"].to_list() == ["register_unreadable"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Karmøy", "Karmoy"),
        ("Ålesund", "A\u030alesund"),
        ("Valencia", "València"),
        ("São Paulo", "SAO  PAULO"),
        ("Łódź", "Lodz"),
    ],
)
def test_spellings_of_one_name_fold_alike(one: str, other: str) -> None:
    assert folded(one) == folded(other)


def test_different_names_do_not_fold_alike() -> None:
    assert folded("Rana") != folded("Ranau")
