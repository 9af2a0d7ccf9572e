"""What people do to a form before they send it: each is read for what it means, and said where it was guessed."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from forms import (
    INTERNET,
    KPIS_XML,
    PROFILE_XML,
    edit,
    faults_of,
    only_fault,
    read,
    replace_text,
    row_of,
    set_cell,
    write_form,
)

from intake.points import lookup_of
from intake.template import HEADERS, KPIS, PROFILE_LABELS, Entry
from intake.template import PROFILE as PROFILE_SHEET
from ssc_index.framework.catalogue import load_catalogue

MODES = [f"EC_I_T_4A.{part}" for part in ("private", "public", "walking", "cycling", "para")]
NO2, GINI, SOURCE = "EN_EN_AQ_1C.no2", "SC_SH_SI_2C.main", "Travel survey 2024"
LETTER = {name: chr(65 + index) for index, name in enumerate(HEADERS)}


def rows_in(path: Path) -> dict[str, int]:
    """Row of each data point in a form."""
    sheet = openpyxl.load_workbook(path)[KPIS]
    return {str(cell.value): cell.row for cell in sheet["A"] if cell.value}


def changed(path: Path, *changes: tuple[str, Any], merge: str | None = None) -> Path:
    """A form whose cells a spreadsheet program changed and saved."""
    book = openpyxl.load_workbook(path)
    sheet = book[KPIS]
    sheet.protection.disable()
    if merge is not None:
        sheet.merge_cells(merge)
    for address, value in changes:
        sheet[address] = value
    book.save(path)
    return path


@pytest.fixture
def modes(tmp_path: Path) -> tuple[Path, int]:
    """A form with five mode shares, and the row of the first."""
    path = write_form(tmp_path / "a.xlsx", {code: Entry(result=20.0) for code in MODES})
    return path, rows_in(path)[MODES[0]]


def test_a_source_merged_over_rows_holds_for_each_of_them(modes: tuple[Path, int]) -> None:
    path, first = modes
    source = LETTER["source"]
    changed(path, (f"{source}{first}", SOURCE), merge=f"{source}{first}:{source}{first + 4}")
    result = read(path)
    assert [row_of(result, code)["source"] for code in MODES] == [SOURCE] * 5
    (note,) = faults_of(result, "merged_cells")
    assert (note["severity"], note["cell"], note["field"]) == ("note", f"{source}{first}", "source")
    assert f"{source}{first}:{source}{first + 4} is one merged cell" in str(note["message"])


def test_a_denominator_merged_over_rows_holds_for_each_of_them(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {code: Entry(numerator=10.0) for code in MODES})
    first = rows_in(path)[MODES[0]]
    changed(path, (f"G{first}", 50), merge=f"G{first}:G{first + 4}")
    result = read(path)
    assert [row_of(result, code)["denominator"] for code in MODES] == [50.0] * 5


def test_a_result_merged_over_rows_is_that_of_the_first_and_doubted(modes: tuple[Path, int]) -> None:
    path, first = modes
    changed(path, (f"H{first}", 60), merge=f"H{first}:H{first + 4}")
    result = read(path)
    assert [row_of(result, code)["result"] for code in MODES] == [60.0, None, None, None, None]
    (warning,) = faults_of(result, "merged_cells")
    assert (warning["severity"], warning["cell"]) == ("warning", f"H{first}")
    assert f"Result of row {first} alone" in str(warning["message"])


def test_cells_merged_within_a_row_are_the_first_of_them(modes: tuple[Path, int]) -> None:
    path, first = modes
    source, details = LETTER["source"], LETTER["source_details"]
    changed(path, (f"{source}{first}", SOURCE), merge=f"{source}{first}:{details}{first}")
    result = read(path)
    row = row_of(result, MODES[0])
    assert (row["source"], row["source_details"]) == (SOURCE, None)
    assert only_fault(result, "merged_cells")["severity"] == "note"


def test_merging_the_whole_sheet_costs_nothing(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000)})
    area = '<mergeCells count="1"><mergeCell ref="A6:XFD1048576"/></mergeCells>'
    edit(path, KPIS_XML, lambda xml: xml.replace("</sheetData>", f"</sheetData>{area}"))
    assert row_of(read(path), INTERNET)["numerator"] == 30000.0


def test_not_verified_in_place_of_a_value_is_a_state_of_its_own(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", {GINI: Entry(result="Not verified")}))
    row = row_of(result, GINI)
    assert (row["result"], row["is_reported"], row["is_verified"]) == (None, True, False)
    assert only_fault(result, "read_as_not_verified")["severity"] == "note"


def test_not_verified_beside_flags_set_by_hand_changes_none(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {GINI: Entry(result="not verified", verified=True)})
    assert row_of(read(path), GINI)["is_verified"] is True
    assert read(path).faults.is_empty()


@pytest.mark.parametrize(
    ("unit", "given", "read_as"),
    [("ppb", 20.0, 38.0), ("ppm", 0.02, 38.0), ("PPB", 20.0, 38.0)],  # NO2: 20 × 1.9 = 0.02 × 1900
)
def test_a_chosen_unit_is_converted_and_told(tmp_path: Path, unit: str, given: float, read_as: float) -> None:
    path = write_form(tmp_path / "a.xlsx", {NO2: Entry(numerator=given)})
    result = read(changed(path, (f"E{rows_in(path)[NO2]}", unit)))
    row = row_of(result, NO2)
    assert (row["numerator"], row["numerator_text"]) == (pytest.approx(read_as), f"{given:.15g} {unit}")
    (note,) = faults_of(result, "unit_converted")
    assert note["severity"] == "note"
    assert note["cell"] == f"F{rows_in(path)[NO2]}"
    assert f"{given:.15g} {unit} was read as 38 µg/m³" in str(note["message"])


def test_a_typed_result_is_in_the_chosen_unit_too(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {NO2: Entry(result=20.0)})
    result = read(changed(path, (f"E{rows_in(path)[NO2]}", "ppb")))
    assert row_of(result, NO2)["result"] == pytest.approx(38.0)


@pytest.mark.parametrize("unit", ["µg/m³", "ug / m3", "ug/m3"])
def test_the_forms_own_unit_changes_nothing(tmp_path: Path, unit: str) -> None:
    path = write_form(tmp_path / "a.xlsx", {NO2: Entry(result=20.0)})
    changed(path, (f"E{rows_in(path)[NO2]}", unit))
    assert row_of(read(path), NO2)["result"] == 20.0
    assert not faults_of(read(path), "other_unit")


def test_a_unit_of_no_list_is_doubted_at_its_cell(tmp_path: Path) -> None:
    water = "EN_EN_WS_2C.main"
    path = write_form(tmp_path / "a.xlsx", {water: Entry(result=0.2)})
    row = rows_in(path)[water]
    warning = only_fault(read(changed(path, (f"E{row}", "m3 / day"))), "other_unit")
    assert (warning["severity"], warning["cell"]) == ("warning", f"E{row}")
    assert "asks for l / day / capita" in str(warning["message"])


@pytest.mark.parametrize(
    ("cell", "formula", "is_reported"),
    [("<v>YES</v>", True, True), ("<v>NO</v>", True, True), ("<v>NO</v>", False, False)],
)
def test_the_forms_own_formula_does_not_take_back_a_number_that_is_text(
    tmp_path: Path, cell: str, formula: bool, is_reported: bool
) -> None:
    path = write_form(tmp_path / "a.xlsx", {GINI: Entry(result="0,27")})
    own = '<f>IF(ISNUMBER(H6),"YES","NO")</f>' if formula else ""
    set_cell(path, f"{LETTER['is_reported']}{rows_in(path)[GINI]}", own + cell, "str")
    row = row_of(read(path), GINI)
    assert (row["result"], row["is_reported"]) == (0.27, is_reported)


def test_formulas_that_a_script_left_uncalculated_are_told_where_they_count(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx")
    row = rows_in(path)[INTERNET]
    faults = read(changed(path, (f"F{row}", 900))).faults.filter(rule="formula_not_calculated").to_dicts()
    # Of a hundred rows whose denominator the form computes, one holds something.
    told = {(one["cell"], one["severity"]) for one in faults}
    assert told == {(f"G{row}", "warning"), (f"H{row}", "note"), (f"K{row}", "note")}
    assert f"the formula in G{row} was never calculated (1 cell). Open" in str(faults[0]["message"])


def test_units_as_reports_print_them_are_the_forms_own() -> None:
    lookup = lookup_of(load_catalogue())
    assert lookup.is_unit("Gj / yr", "EN_E_E_3C.main")
    assert lookup.is_unit("ℓ / day", "EN_EN_WS_2C.main")
    assert lookup.is_unit("ekWh / m 2", "EN_E_E_4A.main")
    assert lookup.is_unit("%", INTERNET)
    assert not lookup.is_unit("kWh", "EN_E_E_3C.main")


def test_a_currency_of_no_list_is_doubted(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", profile={"currency": "kroner"})
    warning = only_fault(read(path), "unknown_code")
    assert (warning["sheet"], warning["cell"], warning["value"]) == ("Profile", "B13", "kroner")


@pytest.mark.parametrize(
    ("field", "former"), [("is_verified", "Verification status"), ("source", "Data source"), ("result", "Final value")]
)
def test_headers_of_earlier_forms_are_read_with_a_note(tmp_path: Path, field: str, former: str) -> None:
    path = write_form(tmp_path / "a.xlsx", {GINI: Entry(result=0.27, source="x", verified=True)})
    replace_text(path, HEADERS[field], former)
    result = read(path)
    row = row_of(result, GINI)
    assert (row["result"], row["source"], row["is_verified"]) == (0.27, "x", True)
    assert only_fault(result, "header_guessed")["field"] == field


def test_the_first_version_of_the_form_is_read_with_a_note(tmp_path: Path) -> None:
    # Version 1 had neither the columns Last report and Check nor a row for its version.
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, source="x", verified=True)})
    whole = read(path)
    book = openpyxl.load_workbook(path)
    for name in ("check", "previous"):
        column = LETTER[name]
        for cell in book[KPIS][column]:
            cell.value = None
    book[PROFILE_SHEET].delete_rows(3 + len(PROFILE_LABELS))
    book.save(path)
    result = read(path)
    note = only_fault(result, "other_form")
    assert note["severity"] == "note"
    assert "version 1 of the form" in str(note["message"])
    keep = ["data_point", "numerator", "source", "is_verified"]
    assert result.cells.select(keep).equals(whole.cells.select(keep))


@pytest.mark.parametrize("version", ["3", "new"])
def test_a_version_that_no_one_knows_is_read_with_a_note(tmp_path: Path, version: str) -> None:
    path = write_form(tmp_path / "a.xlsx")
    row = 3 + len(PROFILE_LABELS)
    cell = rf'<c r="B{row}"([^>]*?)><v>[^<]*</v></c>'
    inline = f'<c r="B{row}" t="inlineStr"><is><t>{version}</t></is></c>'
    edit(path, PROFILE_XML, lambda xml: re.sub(cell, inline, xml))
    assert f"{version!r} is none that is known" in str(only_fault(read(path), "other_form")["message"])


def test_labels_are_the_same_in_every_unicode_form(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx")
    label = PROFILE_LABELS["area_km2"][0]
    replace_text(path, label, unicodedata.normalize("NFKD", label))
    assert read(path).submissions["area_km2"].to_list() == [80.0]


def test_hidden_rows_columns_extra_sheets_and_remarks_change_nothing(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, source="x"), GINI: Entry(result=0.27)})
    before = read(path)
    book = openpyxl.load_workbook(path)
    sheet = book[KPIS]
    sheet.row_dimensions[6].hidden = True
    sheet.column_dimensions["G"].hidden = True
    sheet["S6"], sheet["T9"] = "see the annual report", 17  # remarks beside the form
    extra = book.create_sheet("Our workings", 0)
    extra["A1"], extra["B7"] = INTERNET, 12345
    book.save(path)
    after = read(path)
    assert set(after.faults["rule"]) == {"formula_not_calculated"}  # openpyxl saved it
    keep = ["data_point", "numerator", "result_text", "source"]
    assert after.cells.select(keep).equals(before.cells.select(keep))
    assert row_of(after, GINI)["result"] == 0.27


@pytest.mark.parametrize(
    ("style", "value", "read_as"),
    [
        ("0%", 0.97, 97.0),  # what Excel and LibreOffice store of a typed 97 %
        ("0.00%", 0.1234, 12.34),
        ('#,##0.0" "%', 0.055, 5.5),
        ("0%", 97.0, 9700.0),  # the cell shows 9700 %, and so it is told
        ('0.0" %"', 97.0, 97.0),  # a sign that is only written beside the number
        (r"0.0\%", 97.0, 97.0),
        ("General", 0.97, 0.97),
    ],
)
def test_a_percentage_is_read_as_its_cell_shows_it(tmp_path: Path, style: str, value: float, read_as: float) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(result=50.0), GINI: Entry(result=0.27)})
    book = openpyxl.load_workbook(path)
    sheet, rows = book[KPIS], rows_in(path)
    for code, number in ((INTERNET, value), (GINI, 0.27)):
        sheet[f"H{rows[code]}"] = number
        sheet[f"H{rows[code]}"].number_format = style
    book.save(path)
    result = read(path)
    row = row_of(result, INTERNET)
    assert row["result"] == read_as
    assert row_of(result, GINI)["result"] == 0.27  # no percentage is asked for there
    notes = faults_of(result, "unit_converted")
    assert [(one["severity"], one["cell"]) for one in notes] == [("note", f"H{rows[INTERNET]}")] * (read_as != value)
    assert (row["result_text"] is None) == (read_as == value)
    if notes:
        assert f"shows {read_as:.15g} % (it holds {value:.15g}" in str(notes[0]["message"])


def test_the_forms_own_result_is_what_it_computes_whatever_its_cell_shows(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, 60000)})
    edit(path, "xl/styles.xml", lambda xml: re.sub(r'numFmtId="\d+"', 'numFmtId="10"', xml))
    result = read(path)
    assert (row_of(result, INTERNET)["result"], row_of(result, INTERNET)["result_is_formula"]) == (50.0, True)
    assert not faults_of(result, "unit_converted")


def test_a_number_that_a_program_took_for_a_date_is_no_number(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {GINI: Entry(result=0.27, source="x")})
    book = openpyxl.load_workbook(path)
    at = f"H{rows_in(path)[GINI]}"
    book[KPIS][at], book[PROFILE_SHEET]["B11"] = date(2026, 5, 3), date(2026, 5, 3)  # typed: 3.5, on 3 May a day
    book.save(path)
    result = read(path)
    row = row_of(result, GINI)
    assert (row["result"], row["result_text"]) == (None, "46145")  # days since 30 December 1899
    told = {str(fault["cell"]): fault for fault in faults_of(result, "not_a_number")}
    assert set(told) == {at, "B11"}
    assert told[at]["severity"] == "error"
    assert "shows a day or a time" in str(told[at]["message"])
    assert result.submissions["area_km2"].to_list() == [None]


def test_inflation_is_read_as_its_cell_shows_it(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", profile={"inflation_pct": 0.025})
    book = openpyxl.load_workbook(path)
    book[PROFILE_SHEET]["B15"].number_format = "0.0%"
    book.save(path)
    assert read(path).submissions["inflation_pct"].to_list() == [2.5]
