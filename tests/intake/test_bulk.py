"""Bulk files: the rows that can be read are, the others are named with their line."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from forms import HOTSPOTS, INTERNET, PLANS, faults_of, only_fault, read, row_of, write_form

from intake import bulk, long_table
from intake.reading import read_submission
from intake.tables import CELLS, SUBMISSIONS, ReadResult
from ssc_index.framework.catalogue import load_catalogue

HEADER = "city_id,year,data_point,numerator,denominator,result,reported,verified,quality,source"


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def lines_of(result: ReadResult, rule: str) -> list[str]:
    return [str(fault["cell"]) for fault in faults_of(result, rule)]


def test_each_row_becomes_a_cell_row_with_its_line(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f"no-rana,2020,{INTERNET},97,100,,YES,YES,accurate_measurements,Register",
        "NO-Asker,2021,EC: ICT: ICT: 5C,,,78,,NO,Based on accurate measurements,",
        f"no-rana,2020,{PLANS},,,No,,,,",
    )
    result = read(path)
    assert (result.status, result.kind, dict(result.column_map)) == ("read", "bulk", {})
    # The file leaves out columns of the form, which costs nothing.
    assert result.faults.is_empty()
    assert result.submissions.select("city_id", "year").rows() == [("no-asker", 2021), ("no-rana", 2020)]
    row = row_of(result, INTERNET)
    assert (row["row_number"], row["numerator"], row["denominator"], row["result"]) == (2, 97.0, 100.0, None)
    assert (row["is_reported"], row["is_verified"], row["quality"]) == (True, True, "accurate_measurements")
    assert (row["source"], row["sheet"], row["comment"]) == ("Register", None, None)
    hotspots = row_of(result, HOTSPOTS)
    assert (hotspots["city_id"], hotspots["result"], hotspots["is_verified"]) == ("no-asker", 78.0, False)
    assert hotspots["quality"] == "accurate_measurements"
    plans = row_of(result, PLANS)
    assert (plans["result"], plans["result_text"]) == (0.0, "No")
    assert result.cells.schema == dict(CELLS)
    assert result.submissions.schema == dict(SUBMISSIONS)


def test_parquet_gives_the_same_rows_as_csv(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "city_id": ["no-rana", "no-rana"],
            "year": [2020, 2020],
            "data_point": [INTERNET, PLANS],
            "numerator": [97.5, None],
            "denominator": [100.0, None],
            "result": [None, 1.0],
            "reported": [True, True],
            "verified": [True, None],
            "population": [26000, 26000],
        }
    )
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    first, second = read(tmp_path / "a.csv"), read(tmp_path / "a.parquet")
    assert second.faults.is_empty()
    assert row_of(second, INTERNET)["numerator"] == 97.5
    assert row_of(second, PLANS)["result"] == 1.0
    assert second.submissions["population"].to_list() == [26000.0]
    texts = [name for name in CELLS if name.endswith("_text")]  # 1 and 1.0 are written differently
    assert first.cells.drop("file_sha256", *texts).equals(second.cells.drop("file_sha256", *texts))


def test_texts_in_number_columns_are_read_or_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f"no-rana,2020,{INTERNET},95 424,,,,,,",
        f"no-asker,2020,{INTERNET},many,,,,,,",
        f"no-karmoy,2020,{INTERNET},1e308,,,,,,",
        f"no-alesund,2020,{INTERNET},NaN,#DIV/0!,,,,,",
        f"es-valencia,2020,{INTERNET},NR,,Not reported,,,,",
    )
    result = read(path)
    by_city = {row["city_id"]: row for row in result.cells.to_dicts()}
    assert (by_city["no-rana"]["numerator"], by_city["no-rana"]["numerator_text"]) == (95424.0, "95 424")
    assert (by_city["no-asker"]["numerator"], by_city["no-asker"]["numerator_text"]) == (None, "many")
    assert (by_city["no-karmoy"]["numerator"], by_city["no-karmoy"]["numerator_text"]) == (None, "1e308")
    assert (by_city["no-alesund"]["numerator"], by_city["no-alesund"]["numerator_text"]) == (None, "NaN")
    assert (by_city["es-valencia"]["numerator"], by_city["es-valencia"]["numerator_text"]) == (None, None)
    told = result.faults.select("rule", "severity", "cell", "value").rows()
    assert sorted(told) == [
        ("not_a_number", "error", "line 3, column numerator", "many"),
        ("not_a_number", "error", "line 5, column denominator", "#DIV/0!"),
        ("not_finite", "error", "line 5, column numerator", "NaN"),
        ("number_as_text", "note", "line 2, column numerator", "95 424"),
        ("out_of_scale", "error", "line 4, column numerator", "1e308"),
    ]
    fault = faults_of(result, "out_of_scale")[0]
    assert (fault["city_id"], fault["year"], fault["kpi_code"]) == ("no-karmoy", 2020, "EC_ICT_ICT_1C")


def test_rows_without_city_year_or_known_code_are_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f",2020,{INTERNET},1,2,,,,,",
        f"no-rana,,{INTERNET},1,2,,,,,",
        f"no-rana,1820,{INTERNET},1,2,,,,,",
        f"no-rana,soon,{INTERNET},1,2,,,,,",
        "no-rana,2020,EC_NEW_KPI,1,2,,,,,",
        f"no-rana,2020,{INTERNET},1,2,,,,,",
    )
    result = read(path)
    assert lines_of(result, "city_missing") == ["line 2, column city_id"]
    assert lines_of(result, "year_missing") == ["line 3, column year"]
    assert lines_of(result, "bad_year") == ["line 4, column year", "line 5, column year"]
    assert lines_of(result, "unknown_kpi") == ["line 6, column data_point"]
    assert result.cells["row_number"].to_list() == [7]


def test_two_rows_for_one_data_point_are_both_left_out(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f"no-rana,2020,{INTERNET},1,2,,,,,",
        f"no-rana,2021,{INTERNET},1,2,,,,,",
        f"no-rana,2020,{INTERNET},1,3,,,,,",
        f"no-rana,2021,{INTERNET},,,,,,,",
        f"no-rana,2022,{INTERNET},,,,,,,",
        f"no-rana,2022,{INTERNET},,,NR,,,,",
    )
    result = read(path)
    assert lines_of(result, "duplicate_data_point") == ["line 2, column data_point", "line 4, column data_point"]
    assert "lines 2 and 4" in str(faults_of(result, "duplicate_data_point")[0]["message"])
    # The filled one of 2021 stays, and the first of the two empty ones of 2022.
    assert result.cells["row_number"].to_list() == [3, 6]


def test_batches_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [(2020, INTERNET), (2021, HOTSPOTS), (2022, PLANS), (2020, INTERNET), (2021, INTERNET), (2022, PLANS)]
    frame = pl.DataFrame(
        {
            "city_id": ["no-rana"] * 6,
            "year": [year for year, _ in keys],
            "data_point": [point for _, point in keys],
            "result": ["1", "2", None, "3", "4", "YES"],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=2)
    whole = read(tmp_path / "a.parquet")
    monkeypatch.setattr(long_table, "BATCH_LINES", 2)
    kept: list[pl.DataFrame] = []
    result = read_submission(tmp_path / "a.parquet", load_catalogue(), kept.append)
    assert len(kept) > 2
    assert result.cells.is_empty()
    assert pl.concat(kept).sort("row_number").equals(whole.cells)
    assert whole.cells["row_number"].to_list() == [3, 6, 7]  # lines 2 and 5 contradict each other, line 4 is blank
    assert result.faults.equals(whole.faults)
    assert result.submissions.equals(whole.submissions)


def test_profile_figures_come_from_the_first_line_that_gives_them(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f"no-rana,2020,{INTERNET},1,2,,",
        f"no-rana,2020,{HOTSPOTS},1,,26 000,NOK",
        f"no-rana,2020,{PLANS},,,27000,NOK",
        header="city_id,year,data_point,numerator,denominator,population,currency",
    )
    result = read(path)
    assert result.submissions.select("population", "currency").row(0) == (26000.0, "NOK")
    (conflict,) = faults_of(result, "profile_conflict")
    assert (conflict["severity"], conflict["field"]) == ("warning", "population")
    assert {fault["field"] for fault in faults_of(result, "missing_column")} == {"result", "is_verified"}


def test_other_editions_of_the_framework_are_left_out(tmp_path: Path) -> None:
    header = "city_id,year,data_point,result,denominator,numerator,verified,framework_version"
    path = write(
        tmp_path / "a.csv",
        f"no-rana,2020,{INTERNET},1,,,,u4ssc-2017.1",
        f"no-rana,2021,{INTERNET},1,,,,u4ssc-2022.1",
        f"no-rana,2022,{INTERNET},1,,,,",
        header=header,
    )
    result = read(path)
    assert result.framework_version == "u4ssc-2022.1"
    assert result.submissions["year"].to_list() == [2021, 2022]
    assert "1 lines are for framework 'u4ssc-2017.1'" in str(only_fault(result, "framework_mismatch")["message"])


def test_a_file_of_another_edition_alone_is_refused(tmp_path: Path) -> None:
    header = "city_id,year,data_point,result,denominator,numerator,verified,framework_version"
    result = read(write(tmp_path / "a.csv", f"no-rana,2020,{INTERNET},1,,,,u4ssc-2017.1", header=header))
    assert (result.status, result.framework_version) == ("refused", "u4ssc-2017.1")


@pytest.mark.parametrize(
    ("content", "rule", "says"),
    [
        (b"", "empty_file", "empty"),
        (HEADER.encode() + b"\n", "empty_file", "no lines"),
        (b"city,jahr,code\n1,2,3\n", "renamed_header", "'city_id' and 'year' and 'result' was not found"),
        (b"city_id,year,code,data_point,result\n", "duplicate_header", "'data_point' stands twice"),
        (b"PK\x03\x04rest", "not_a_table", "another kind of file"),
        ("city_id,year,data_point,result\nno-ålesund,2020,x,1\n".encode("latin-1"), "not_a_table", "not UTF-8"),
        (b"city_id,year,data_point,result\na,2020,x,1\nb,2020,x,1,5\n", "not_a_table", "Line 3 has 5 fields"),
        (b'city_id,year,data_point,result\na,2020,"x,1\n', "not_a_table", "quote"),
        (b"x" * 70000, "not_a_table", "first line"),
        (b"," * 300 + b"\n", "too_large", "301 columns"),
        (b"\xef\xbb\xbf", "renamed_header", "was not found"),
    ],
)
def test_what_is_no_table_of_ours_is_refused(tmp_path: Path, content: bytes, rule: str, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    result = read(path)
    assert (result.status, result.kind, result.cells.height) == ("refused", "bulk", 0)
    assert says in str(only_fault(result, rule)["message"])


@pytest.mark.parametrize(
    ("content", "rule"), [(b"", "empty_file"), (b"PAR1 and no more", "not_a_table"), (b"x" * 100, "not_a_table")]
)
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert read(path).faults["rule"].to_list() == [rule]


def test_a_parquet_with_lists_for_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"city_id": ["a"], "year": [2020], "data_point": [INTERNET], "result": [[1.0]]})
    frame.write_parquet(path)
    assert "'result' holds neither" in str(only_fault(read(path), "not_a_table")["message"])


@pytest.mark.parametrize("mark", [";", "\t"])
def test_other_separators_and_decimal_commas_are_read(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "a.csv"
    header = ["City_ID", "Year", "Data point", "Numerator", "Denominator", "Result", "Verified"]
    row = ["no-rana", "2020", INTERNET, "97,5", "100", "", "YES"]
    path.write_bytes(b"\xef\xbb\xbf" + f"{mark.join(header)}\r\n{mark.join(row)}\r\n".encode())
    result = read(path)
    assert row_of(result, INTERNET)["numerator"] == 97.5
    assert only_fault(result, "number_as_text")["value"] == "97,5"


def test_lines_count_blank_lines_and_line_breaks_in_quotes_as_one_row_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        tmp_path / "a.csv",
        "",
        f'no-rana,2020,{INTERNET},1,2,,,,,"two\nlines"',
        "",
        f"no-asker,2020,{INTERNET},bad,2,,,,,",
        "",
    )
    for size in (1, 40, 1 << 20):  # wherever a block ends
        monkeypatch.setattr(long_table, "BATCH_BYTES", size)
        result = read(path)
        assert lines_of(result, "not_a_number") == ["line 5, column numerator"]
        assert result.cells["row_number"].to_list() == [3, 5]
        assert result.cells["source"].to_list() == ["two\nlines", None]


def test_long_lists_of_faults_are_cut_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_LISTED", 3)
    monkeypatch.setattr(long_table, "BATCH_BYTES", 100)
    result = read(write(tmp_path / "a.csv", *(f"no-city-{n},2020,{INTERNET},many,,,,,," for n in range(8))))
    messages = [str(fault["message"]) for fault in faults_of(result, "not_a_number")]
    assert len(messages) == 4
    assert messages[-1] == "5 more lines have the same fault in column numerator."


def test_too_many_lines_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_table, "MAX_LINES", 3)
    path = write(tmp_path / "a.csv", *(f"no-city-{n},2020,{INTERNET},1,2,,,,," for n in range(5)))
    assert only_fault(read(path), "too_large")["value"] is None


def test_a_flag_or_quality_of_another_word_counts_as_blank(tmp_path: Path) -> None:
    result = read(write(tmp_path / "a.csv", f"no-rana,2020,{INTERNET},1,2,,,partly,excellent,"))
    row = row_of(result, INTERNET)
    assert (row["is_verified"], row["quality"]) == (None, None)
    assert lines_of(result, "not_yes_no") == ["line 2, column verified"]
    assert lines_of(result, "unknown_code") == ["line 2, column quality"]


def test_a_workbook_and_a_bulk_file_of_the_same_data_give_the_same_cells(tmp_path: Path) -> None:
    book = read(write_form(tmp_path / "form.xlsx"))
    names = {"is_reported": "reported", "is_verified": "verified"}
    given = [name for name in CELLS if name not in ("file_sha256", "sheet", "row_number", "result_is_formula")]
    texts = [name for name in given if name.endswith("_text")]
    book.cells.select(given).drop(texts).rename(names).write_csv(tmp_path / "a.csv")
    again = read(tmp_path / "a.csv")
    assert again.faults.is_empty()
    assert again.cells.select(given).equals(book.cells.select(given))


NO2, WATER, POWER, GINI = "EN_EN_AQ_1C.no2", "EN_EN_WS_2C.main", "EN_E_E_2C.main", "SC_SH_SI_2C.main"


def test_a_unit_beside_a_number_is_converted_or_doubted_as_in_a_workbook(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f'no-a,2024,{WATER},,,"0.2 m3 / day",,,,x',  # asked for: l / day / capita
        f'no-b,2024,{WATER},,,"0.2 km",,,,x',
        f'no-c,2024,{WATER},,,"150 ℓ / day",,,,x',
        f'no-d,2024,{POWER},,,"4 MWh",,,,x',  # asked for: kWh / year / capita
    )
    result = read(path)
    read_as = dict(result.cells.select("city_id", "result").iter_rows())
    assert read_as == {"no-a": 200.0, "no-b": 0.2, "no-c": 150.0, "no-d": 4000.0}
    assert result.cells["result_text"].to_list() == ["0.2 m3 / day", "0.2 km", "150 ℓ / day", "4 MWh"]
    told = {row["city_id"]: (row["rule"], row["severity"], row["cell"]) for row in result.faults.to_dicts()}
    assert told == {
        "no-a": ("unit_converted", "note", "line 2, column result"),
        "no-b": ("other_unit", "warning", "line 3, column result"),
        "no-c": ("number_as_text", "note", "line 4, column result"),
        "no-d": ("unit_converted", "note", "line 5, column result"),
    }
    area = write(
        tmp_path / "b.csv", f"no-a,2024,{GINI},0.3,x,8 000 ha", header="city_id,year,data_point,result,source,area_km2"
    )
    assert read(area).submissions["area_km2"].to_list() == [80.0]


def test_a_column_of_units_is_read_as_the_forms_is(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f"no-a,2024,{NO2},,,20,ppb",  # × 1.9
        f"no-b,2024,{NO2},20,,,PPB",
        f"no-c,2024,{NO2},20,1,,ppb",  # a mass over a volume is in the form's unit whatever was chosen
        f"no-d,2024,{NO2},,,38,ug/m3",
        f"no-e,2024,{WATER},,,0.2,m3 / day",  # not of the list: told with what it comes to, and not converted
        f"no-f,2024,{WATER},,,,m3 / day",  # nothing is reported in it
        f"no-g,2024,{GINI},,,0.3,",
        header="city_id,year,data_point,numerator,denominator,result,unit",
    )
    result = read(path)
    rows = {row["city_id"]: row for row in result.cells.to_dicts()}
    assert (rows["no-a"]["result"], rows["no-a"]["result_text"]) == (pytest.approx(38.0), "20 ppb")
    assert (rows["no-b"]["numerator"], rows["no-b"]["numerator_text"]) == (pytest.approx(38.0), "20 PPB")
    assert (rows["no-c"]["numerator"], rows["no-c"]["denominator"]) == (20.0, 1.0)
    assert [rows[city]["result"] for city in ("no-d", "no-e", "no-f", "no-g")] == [38.0, 0.2, None, 0.3]
    assert [rows[city]["result_text"] for city in ("no-d", "no-e", "no-g")] == [None] * 3
    assert lines_of(result, "unit_converted") == ["line 3, column numerator", "line 2, column result"]
    assert "20 ppb was read as 38 µg/m³ (× 1.9)" in str(faults_of(result, "unit_converted")[1]["message"])
    (doubt,) = faults_of(result, "other_unit")
    assert (doubt["severity"], doubt["cell"], doubt["value"]) == ("warning", "line 6, column unit", "m3 / day")
    assert "asks for l / day / capita" in str(doubt["message"])
    assert "1 m3 / day = 1000 l / day / capita" in str(doubt["message"])
