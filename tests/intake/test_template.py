"""The form written: what stands in it, and that it reads back value for value."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from forms import CITY, HOTSPOTS, INTERNET, PLANS, PROFILE, read, row_of, write_form

from intake.template import HEADERS, INSTRUCTIONS, KPIS, LISTS, PROFILE_LABELS, Entry, denominator_of
from intake.template import PROFILE as PROFILE_SHEET
from ssc_index.framework.catalogue import load_catalogue

WIRELESS = "EC_ICT_ICT_3C.main"
GINI = "SC_SH_SI_2C.main"
PM10 = "EN_EN_AQ_1C.pm10"
MATERNAL = "SC_EH_H_2C.main"

ENTRIES = {
    INTERNET: Entry(30000, verified=True, quality="accurate_measurements", source="Register", comment="none"),
    WIRELESS: Entry(120000, verified=False, source_details="table 3"),
    HOTSPOTS: Entry(78),
    GINI: Entry(result=0.27, verified=True),
    PLANS: Entry(result="NO"),
    PM10: Entry(21.5),
    MATERNAL: Entry(3, 1200),
    "EC_ICT_WS_1C.main": Entry(10, 50, result=25.0),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_form(tmp_path_factory.mktemp("form") / "filled.xlsx", ENTRIES)


@pytest.fixture(scope="module")
def sheets(filled: Path) -> Any:
    return openpyxl.load_workbook(filled)


@pytest.mark.parametrize(
    ("point", "denominator", "result", "is_formula"),
    [
        (INTERNET, 60000.0, 50.0, True),  # 30000 of 60000 households of the profile, in per cent
        (WIRELESS, 1.5, 80000.0, True),  # 120000 for 1.5 hundred thousand people
        (HOTSPOTS, None, 78.0, True),  # a count is its own result
        (PM10, None, 21.5, True),  # a concentration alone is the result
        (MATERNAL, 1200.0, 250.0, True),  # 3 of 1200 live births, times 100000
        (GINI, None, 0.27, False),  # typed: there is nothing to compute it from
        ("EC_ICT_WS_1C.main", 50.0, 25.0, False),  # 10 of 50 is 20, overwritten by 25
        ("EC_ICT_WS_2A.main", None, None, True),  # nothing given: NR
    ],
)
def test_results_are_computed_and_stored(
    filled: Path, point: str, denominator: float | None, result: float | None, is_formula: bool
) -> None:
    row = row_of(read(filled), point)
    assert (row["denominator"], row["result"], row["result_is_formula"]) == (denominator, result, is_formula)
    assert row["is_reported"] is (result is not None)


def test_a_filled_form_reads_back_without_a_fault(filled: Path) -> None:
    result = read(filled)
    catalogue = load_catalogue()
    assert result.faults.is_empty()
    assert (result.status, result.kind, result.framework_version) == ("read", "workbook", catalogue.version)
    assert result.cells["data_point"].to_list() == [point.id for point in catalogue.data_points]
    assert result.submissions.row(0, named=True) == {
        "file_sha256": result.file_sha256,
        "city_id": "no-testby",
        "year": 2024,
        "city_name": "Testby",
        "household_income": None,
        "inflation_pct": None,
        **PROFILE,
    }
    row = row_of(result, INTERNET)
    assert (row["quality"], row["source"], row["comment"]) == ("accurate_measurements", "Register", "none")
    assert row_of(result, WIRELESS)["is_verified"] is False
    assert row_of(result, HOTSPOTS)["is_verified"] is None
    plans = row_of(result, PLANS)
    assert (plans["result"], plans["result_text"], plans["is_reported"]) == (0.0, "NO", True)


def test_states_beside_a_value_survive(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {GINI: Entry(reported=True, verified=False), PLANS: Entry(reported=False)})
    result = read(path)
    gini = row_of(result, GINI)
    assert (gini["result"], gini["is_reported"], gini["is_verified"]) == (None, True, False)
    assert row_of(result, PLANS)["is_reported"] is False


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_form(tmp_path / "a.xlsx", ENTRIES).read_bytes()
    assert first == write_form(tmp_path / "b.xlsx", ENTRIES).read_bytes()
    assert first != write_form(tmp_path / "c.xlsx", ENTRIES, year=2023).read_bytes()


def test_blank_form_holds_one_row_for_each_data_point(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", profile=None))
    assert result.faults.is_empty()
    assert result.cells.height == 112
    assert result.cells["is_reported"].to_list() == [False] * 112
    values = [*(f"{name}{text}" for name in ("numerator", "denominator", "result") for text in ("", "_text"))]
    assert result.cells.select(pl.all_horizontal(pl.col(values).is_null().all())).item()


def test_sheets_stand_in_order_and_the_lists_are_hidden(sheets: Any) -> None:
    assert sheets.sheetnames == [INSTRUCTIONS, PROFILE_SHEET, KPIS, LISTS]
    assert sheets[LISTS].sheet_state == "hidden"
    assert [cell.value for cell in sheets[KPIS][4]] == list(HEADERS.values())
    assert sheets[KPIS].freeze_panes == "D5"


def test_only_the_cells_to_fill_are_unlocked(sheets: Any) -> None:
    kpis, profile = sheets[KPIS], sheets[PROFILE_SHEET]
    assert kpis.protection.sheet
    assert profile.protection.sheet
    locked = {HEADERS[name]: kpis.cell(6, index).protection.locked for index, name in enumerate(HEADERS, start=1)}
    assert [label for label, is_locked in locked.items() if is_locked] == [
        "Code",
        "KPI",
        "Data point",
        "What to report",
        "Unit",
    ]
    fields = {name: profile.cell(4 + index, 2).protection.locked for index, name in enumerate(PROFILE_LABELS)}
    assert [name for name, is_locked in fields.items() if is_locked] == [
        "city_id",
        "city_name",
        "country",
        "year",
        "framework_version",
    ]


def test_drop_downs_hold_the_words_of_the_catalogue(sheets: Any) -> None:
    scoring = load_catalogue().scoring
    columns = {column[0].value: [cell.value for cell in column[1:] if cell.value] for column in sheets[LISTS].columns}
    assert columns["yes_no"] == ["YES", "NO"]
    assert columns["quality"] == [choice.text for choice in scoring.quality_grades.choices]
    assert columns["origin"] == [choice.text for choice in scoring.data_origins.choices]
    lists = [rule for rule in sheets[KPIS].data_validations.dataValidation if rule.type == "list"]
    covered = {str(area)[0] for rule in lists for area in rule.sqref.ranges}
    assert covered == {"H", "I", "J", "K", "L"}


def test_bounds_of_the_result_come_from_the_catalogue(sheets: Any) -> None:
    rules = [rule for rule in sheets[KPIS].data_validations.dataValidation if rule.type == "custom"]
    own = next(rule for rule in rules if "H6" in rule.sqref)
    assert own.formula1 == 'OR(H6="NR",AND(ISNUMBER(H6),H6>=0,H6<=100))'


def test_live_formulas_point_to_the_profile(sheets: Any) -> None:
    kpis = sheets[KPIS]
    row = next(cell.row for cell in kpis["A"] if cell.value == WIRELESS)
    assert kpis.cell(row, 7).value == '=IF(ISNUMBER(Profile!$B$9),Profile!$B$9/100000,"")'
    assert sheets[PROFILE_SHEET]["A9"].value == "Population"


def test_demo_data_say_so_on_every_visible_sheet(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", ENTRIES, is_demo=True)
    book = openpyxl.load_workbook(path)
    for name in (INSTRUCTIONS, PROFILE_SHEET, KPIS):
        assert book[name]["A2"].value.startswith("DEMO DATA")
        assert "DEMO DATA" in book[name].oddFooter.left.text
    assert read(path).faults.is_empty()


def test_texts_never_become_formulas(tmp_path: Path) -> None:
    text = '=HYPERLINK("http://example.org","x")'
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(1, comment=text, source="@x", source_details="http://a")})
    book = openpyxl.load_workbook(path)
    assert book[KPIS]["O6"].data_type == "s"
    assert not book[KPIS]._hyperlinks
    assert row_of(read(path), INTERNET)["comment"] == text


def test_an_unknown_field_or_data_point_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="EC_X, altitude"):
        write_form(tmp_path / "a.xlsx", {"EC_X": Entry()}, profile={"altitude": 3.0})


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (INTERNET, 60000.0),  # households as they are
        (WIRELESS, 1.5),  # 150000 inhabitants / 100000
        ("EN_EN_PSN_3A.main", 80.0),  # city area
        ("EC_P_IN_1C.main", 9e9),  # city GDP
        (MATERNAL, None),  # live births are no figure of the profile
    ],
)
def test_prefilled_denominators_come_from_the_profile(point: str, expected: float | None) -> None:
    assert denominator_of(load_catalogue().data_point(point), PROFILE) == expected
    assert denominator_of(load_catalogue().data_point(point), {}) is None


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_saves_the_form_value_for_value(filled: Path, tmp_path: Path) -> None:
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to"]
    subprocess.run([*command, "xlsx", "--outdir", tmp_path, filled], check=True, capture_output=True, timeout=120)
    saved, own = read(tmp_path / filled.name), read(filled)
    assert saved.faults.is_empty()
    assert saved.submissions.drop("file_sha256").equals(own.submissions.drop("file_sha256"))
    # LibreOffice stores fifteen digits.
    fifteen = pl.col("result", "numerator", "denominator").round_sig_figs(14)
    columns = pl.exclude("file_sha256")
    assert saved.cells.select(columns).with_columns(fifteen).equals(own.cells.select(columns).with_columns(fifteen))
    assert CITY.city_id == saved.submissions["city_id"][0]
