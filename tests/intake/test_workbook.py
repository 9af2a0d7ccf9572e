"""Bad and odd workbooks: each is named so that a person can act, and the rest of the file goes on."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from forms import (
    HOTSPOTS,
    INTERNET,
    KPIS_XML,
    PLANS,
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

from intake.guesses import meant
from intake.template import HEADERS, REQUIRED_FIELDS, City, Entry

# The first data point stands in row 6: title, subtitle, progress, header, heading, row.
FIRST = 6
LAST_CODE = "SC_SH_FS_1A.main"


def test_an_empty_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.touch()
    result = read(path)
    assert (result.status, result.cells.height, result.submissions.height) == ("refused", 0, 0)
    assert only_fault(result, "empty_file")["message"] == "The file is empty. Send it again."


def test_a_file_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_text("city;year")
    assert "not an Excel workbook" in str(only_fault(read(path), "not_a_workbook")["message"])


def test_a_missing_sheet_is_named_with_the_sheets_found(tmp_path: Path) -> None:
    path = edit(write_form(tmp_path / "a.xlsx"), "xl/workbook.xml", lambda xml: xml.replace('"KPIs"', '"Data"'))
    result = read(path)
    assert result.status == "refused"
    message = str(only_fault(result, "wrong_sheet")["message"])
    assert "'KPIs' is missing" in message
    assert "'Data'" in message


@pytest.mark.parametrize("field", REQUIRED_FIELDS)
def test_a_renamed_header_is_named_with_the_expected_one(tmp_path: Path, field: str) -> None:
    label = HEADERS[field]
    path = replace_text(write_form(tmp_path / "a.xlsx"), label, "Our number")
    result = read(path)
    assert result.status == "refused"
    fault = only_fault(result, "renamed_header")
    assert fault["field"] == field
    assert f"Column {label!r} was not found in row 4" in str(fault["message"])
    assert "Our number" in str(fault["message"])


def test_what_is_renamed_a_little_is_read_and_told(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, source="x")})
    replace_text(path, HEADERS["numerator"], "Numerator (value)")
    edit(path, "xl/workbook.xml", lambda xml: xml.replace('name="KPIs"', 'name="KPIs 2024"'))
    result = read(path)
    assert row_of(result, INTERNET)["numerator"] == 30000.0
    assert result.faults.select("rule", "severity").rows() == [("sheet_guessed", "note"), ("header_guessed", "note")]


def test_two_columns_that_could_be_meant_are_not_guessed_from(tmp_path: Path) -> None:
    assert meant({"source": "Source"}, ["Source 1", "Source 2"]) == {}
    assert meant({"numerator": "Numerator", "result": "Result"}, ["Numerator or result"]) == {}


def test_a_renamed_header_of_a_side_column_costs_that_column_only(tmp_path: Path) -> None:
    path = replace_text(write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, source="x")}), "Source", "Where from")
    result = read(path)
    assert result.status == "read"
    assert only_fault(result, "renamed_header")["severity"] == "warning"
    assert row_of(result, INTERNET)["numerator"] == 30000
    assert row_of(result, INTERNET)["source"] is None


def test_a_header_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = replace_text(write_form(tmp_path / "a.xlsx"), "Comment", "Result")
    result = read(path)
    assert result.status == "refused"
    (fault,) = faults_of(result, "duplicate_header")
    assert fault["cell"] == "Q4"
    assert "in H and Q" in str(fault["message"])


def test_text_in_a_number_cell_is_kept_and_named(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(numerator="many"), HOTSPOTS: Entry(numerator=78)})
    result = read(path)
    row = row_of(result, INTERNET)
    assert (row["numerator"], row["numerator_text"]) == (None, "many")
    fault = only_fault(result, "not_a_number")
    assert (fault["sheet"], fault["cell"], fault["field"]) == ("KPIs", f"F{FIRST}", "numerator")
    assert (fault["kpi_code"], fault["data_point"], fault["value"]) == ("EC_ICT_ICT_1C", INTERNET, "many")
    assert fault["message"] == "Numerator: 'many' is text, not a number. Type the number alone, or NR."
    assert (fault["city_id"], fault["year"], fault["severity"]) == ("no-testby", 2024, "error")
    assert row_of(result, HOTSPOTS)["result"] == 78


def test_a_number_printed_for_people_is_read_with_a_note(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {HOTSPOTS: Entry(result="1 234 hotspots")})
    result = read(path)
    row = row_of(result, HOTSPOTS)
    assert (row["result"], row["result_text"], row["result_is_formula"]) == (1234.0, "1 234 hotspots", False)
    assert only_fault(result, "number_as_text")["severity"] == "note"


@pytest.mark.parametrize("word", ["NR", "N/A", "Not reported", "Not Reported ", "-", "  "])
def test_words_for_nothing_are_missing_without_a_fault(tmp_path: Path, word: str) -> None:
    result = read(write_form(tmp_path / "a.xlsx", {INTERNET: Entry(numerator=word, result=word)}))
    row = row_of(result, INTERNET)
    assert result.faults.is_empty()
    assert (row["numerator"], row["numerator_text"], row["result"], row["result_text"]) == (None, None, None, None)
    assert row["is_reported"] is False


def test_an_error_cell_is_named_by_its_error(tmp_path: Path) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), f"H{FIRST}", "<f>1/0</f><v>#DIV/0!</v>", "e")
    result = read(path)
    fault = only_fault(result, "excel_error")
    assert (fault["cell"], fault["value"]) == (f"H{FIRST}", "#DIV/0!")
    assert (row_of(result, INTERNET)["result"], row_of(result, INTERNET)["result_text"]) == (None, "#DIV/0!")


@pytest.mark.parametrize(
    ("number", "rule"), [("1e308", "out_of_scale"), ("NaN", "not_finite"), ("1e999", "not_finite")]
)
def test_numbers_that_no_city_has_are_refused(tmp_path: Path, number: str, rule: str) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), f"F{FIRST}", f"<v>{number}</v>")
    result = read(path)
    assert only_fault(result, rule)["cell"] == f"F{FIRST}"
    assert row_of(result, INTERNET)["numerator"] is None
    assert row_of(result, INTERNET)["numerator_text"] is not None


def test_a_truth_value_is_no_number(tmp_path: Path) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), f"F{FIRST}", "<v>1</v>", "b")
    assert only_fault(read(path), "not_a_number")["value"] == "TRUE"


def test_an_unknown_code_costs_its_row_only(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000), HOTSPOTS: Entry(78)})
    result = read(replace_text(path, INTERNET, "EC_ICT_ICT_9C.main"))
    (fault,) = faults_of(result, "unknown_kpi")
    assert (fault["cell"], fault["value"]) == (f"A{FIRST}", "EC_ICT_ICT_9C.main")
    (missing,) = faults_of(result, "missing_rows")
    assert INTERNET in str(missing["message"])
    assert row_of(result, HOTSPOTS)["numerator"] == 78


def test_values_without_a_code_are_named(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000)})
    for cell in (f"A{FIRST}", f"B{FIRST}"):
        set_cell(path, cell, "", "n")
    (fault,) = faults_of(read(path), "unknown_kpi")
    assert fault["message"] == f"Row {FIRST} holds values but no code. Write the code of the data point in column A."


def test_two_rows_for_one_data_point_are_both_left_out(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000), HOTSPOTS: Entry(78)})
    result = read(replace_text(path, HOTSPOTS, INTERNET))
    double = faults_of(result, "duplicate_data_point")
    assert [fault["cell"] for fault in double] == ["A6", "A11"]
    assert "rows 6 and 11" in str(double[0]["message"])
    assert INTERNET not in result.cells["data_point"].to_list()


def test_an_empty_second_row_is_no_duplicate(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000)})
    result = read(replace_text(path, HOTSPOTS, INTERNET))
    assert faults_of(result, "duplicate_data_point") == []
    assert row_of(result, INTERNET)["numerator"] == 30000


@pytest.mark.parametrize(
    ("cell", "rule", "says"), [("B4", "city_missing", "names no City ID"), ("B7", "year_missing", "names no Reference")]
)
def test_a_missing_city_or_year_refuses_the_file(tmp_path: Path, cell: str, rule: str, says: str) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), cell, "", "n", PROFILE_XML)
    result = read(path)
    assert result.status == "refused"
    assert says in str(only_fault(result, rule)["message"])


@pytest.mark.parametrize("year", ["1899", "2024.5", "20240"])
def test_an_impossible_year_refuses_the_file(tmp_path: Path, year: str) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), "B7", f"<v>{year}</v>", "n", PROFILE_XML)
    fault = only_fault(read(path), "bad_year")
    assert (fault["cell"], fault["value"]) == ("B7", year)


def test_a_year_typed_as_text_is_a_year(tmp_path: Path) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), "B7", "<is><t>2021</t></is>", "inlineStr", PROFILE_XML)
    assert read(path).submissions["year"].to_list() == [2021]


def test_two_cities_in_one_profile_are_refused(tmp_path: Path) -> None:
    path = replace_text(write_form(tmp_path / "a.xlsx"), "Inflation (%)", "City ID")
    result = read(path)
    assert result.status == "refused"
    assert len(faults_of(result, "two_cities")) == 1


def test_a_workbook_of_another_edition_is_refused(tmp_path: Path) -> None:
    path = replace_text(write_form(tmp_path / "a.xlsx"), "u4ssc-2022.1", "u4ssc-2017.1")
    result = read(path)
    assert (result.status, result.framework_version) == ("refused", "u4ssc-2017.1")
    fault = only_fault(result, "framework_mismatch")
    assert "made for framework 'u4ssc-2017.1', this index uses 'u4ssc-2022.1'" in str(fault["message"])


def test_a_workbook_that_names_no_edition_is_read_with_a_warning(tmp_path: Path) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), "B8", "", "n", PROFILE_XML)
    result = read(path)
    assert result.status == "read"
    assert only_fault(result, "framework_missing")["severity"] == "warning"


def test_a_profile_figure_that_is_no_number_is_named(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", profile={"population": "150 thousand"})
    result = read(path)
    fault = only_fault(result, "not_a_number")
    assert (fault["sheet"], fault["cell"], fault["field"]) == ("Profile", "B9", "population")
    assert result.submissions["population"].to_list() == [None]


def test_verified_is_yes_or_no_only(tmp_path: Path) -> None:
    path = set_cell(write_form(tmp_path / "a.xlsx"), f"L{FIRST}", "<is><t>partly</t></is>", "inlineStr")
    result = read(path)
    assert only_fault(result, "not_yes_no")["field"] == "is_verified"
    assert row_of(result, INTERNET)["is_verified"] is None


def test_an_answer_with_a_footnote_mark_is_read_with_a_note(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", {PLANS: Entry(result="2 No")}))
    assert row_of(result, PLANS)["result"] == 0.0
    assert only_fault(result, "number_as_text")["value"] == "2 No"


def test_an_answer_that_is_neither_is_named(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", {PLANS: Entry(result="in preparation")}))
    assert row_of(result, PLANS)["result"] is None
    assert "neither YES nor NO" in str(only_fault(result, "not_yes_no")["message"])


def test_a_quality_that_is_not_in_the_list_counts_as_blank(tmp_path: Path) -> None:
    result = read(write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, quality="excellent")}))
    assert row_of(result, INTERNET)["quality"] is None
    assert only_fault(result, "unknown_code")["severity"] == "warning"


def test_formulas_that_were_never_calculated_are_noted_once_per_column(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000)})
    edit(path, KPIS_XML, lambda xml: re.sub(r"(</f>)<v>[^<]*</v>", r"\1", xml))
    result = read(path)
    faults = faults_of(result, "formula_not_calculated")
    assert {fault["field"] for fault in faults} == {"denominator", "result", "is_reported"}
    assert result.faults.height == 3
    row = row_of(result, INTERNET)
    assert (row["denominator"], row["result"], row["result_is_formula"]) == (None, None, True)


def test_codes_are_known_as_printed_and_by_name(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000), "EC_ICT_ICT_4C.3g": Entry(40, 50)})
    replace_text(path, INTERNET, " EC:ICT: ICT: 1C ")
    replace_text(path, "EC_ICT_ICT_4C.3g", "Wireless Broadband Coverage")
    replace_text(path, LAST_CODE, "Local  food production")
    result = read(path)
    assert result.faults.is_empty()
    assert row_of(result, INTERNET)["numerator"] == 30000
    assert row_of(result, "EC_ICT_ICT_4C.3g")["result"] == 80.0  # 40 of 50
    assert LAST_CODE in result.cells["data_point"].to_list()


def test_moved_rows_columns_and_sheets_change_nothing(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, verified=True, source="Register")})
    before = read(path)

    def shifted(xml: str) -> str:  # every column three to the right, every row five down
        def address(match: re.Match[str]) -> str:
            return f'r="{chr(ord(match[1]) + 3)}{int(match[2]) + 5}"'

        xml = re.sub(r'r="([A-Q])(\d+)"', address, xml)
        return re.sub(r'<row r="(\d+)"', lambda match: f'<row r="{int(match[1]) + 5}"', xml)

    after = read(edit(path, KPIS_XML, shifted))
    assert after.faults.is_empty()
    assert after.column_map["numerator"] == "I"
    same = ["file_sha256", "row_number"]
    assert after.cells.drop(same).equals(before.cells.drop(same))
    assert row_of(after, INTERNET)["row_number"] == FIRST + 5


def test_faults_of_one_file_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.workbook.MAX_FAULTS", 3)
    entries = {point: Entry(numerator="many") for point in (INTERNET, HOTSPOTS, LAST_CODE, "SC_SH_SA_9C.main")}
    result = read(write_form(tmp_path / "a.xlsx", entries))
    assert result.faults["rule"].to_list() == ["not_a_number"] * 3 + ["too_many_faults"]


def test_damaged_bytes_never_raise(tmp_path: Path) -> None:
    whole = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000)}).read_bytes()
    generator = random.Random(2026)
    path = tmp_path / "b.xlsx"
    seen = set()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(generator.randint(1, 30)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        result = read(path)
        seen.add(result.status)
        assert result.status == "read" or result.faults.height > 0
        assert "unreadable_file" not in result.faults["rule"].to_list()
    assert "refused" in seen


def test_the_name_of_the_city_comes_as_the_city_wrote_it(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", city=City("no-karmoy", "KARMØY", "Norway"))
    assert read(path).submissions["city_name"].to_list() == ["KARMØY"]
