"""A blank form whose cells take contents: what is put in comes out, and all else stays."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from intake.form_package import TITLE, BlankForm, Stored
from intake.xlsx import Cell, open_xlsx

SHEET = "Form"


@pytest.fixture(scope="module")
def blank() -> BlankForm:
    package = io.BytesIO()
    book = xlsxwriter.Workbook(package, {"in_memory": True})
    book.set_properties({"title": TITLE})
    sheet = book.add_worksheet(SHEET)
    bold = book.add_format({"bold": True})
    sheet.write_string(0, 0, "label", bold)
    for row in range(1, 4):
        sheet.write_blank(row, 0, None, bold)
    sheet.write_formula(4, 0, '=IF(A2<>"",A2/3,"NR")', bold, "NR")
    book.close()
    return BlankForm(package.getvalue(), {SHEET: "xl/worksheets/sheet1.xml"})


def cells_of(path: Path) -> list[Cell]:
    with open_xlsx(path) as book:
        return book.cells(SHEET)


def test_contents_come_out_as_they_were_put_in(blank: BlankForm, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    third = 1 / 3  # needs all its bits
    blank.write(path, "a title", {SHEET: {"A2": third, "A3": " <b> & \u00e9 ", "A5": Stored(third / 3)}})
    assert cells_of(path) == [
        Cell(1, 1, "text", "label", False),
        Cell(2, 1, "number", third, False),
        Cell(3, 1, "text", " <b> & \u00e9 ", False),
        Cell(5, 1, "number", third / 3, True),
    ]


def test_what_is_not_filled_stays_as_it_was(blank: BlankForm, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    blank.write(path, "a title", {})
    assert cells_of(path) == [Cell(1, 1, "text", "label", False), Cell(5, 1, "text", "NR", True)]


def test_a_filled_cell_keeps_its_look_and_a_stored_value_its_formula(blank: BlankForm, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    blank.write(path, "a <title>", {SHEET: {"A2": 3.0, "A3": "=1+1", "A5": Stored("none")}})
    book = openpyxl.load_workbook(path)
    sheet = book[SHEET]
    assert [sheet[f"A{row}"].font.bold for row in range(1, 6)] == [True] * 5
    assert sheet["A5"].value == '=IF(A2<>"",A2/3,"NR")'
    assert (sheet["A3"].value, sheet["A3"].data_type) == ("=1+1", "s")
    assert book.properties.title == "a <title>"


def test_a_typed_value_takes_the_place_of_the_formula(blank: BlankForm, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    blank.write(path, "a title", {SHEET: {"A5": 7.0}})
    assert cells_of(path)[-1] == Cell(5, 1, "number", 7.0, False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("bell \a", "bell \a"),  # XML cannot hold it: written _x0007_
        ("_x0007_", "_x0007_"),  # looks like one of these, and is none
        ("half \ud800", None),  # half a character, which no program can show
    ],
)
def test_what_xml_cannot_hold_is_written_as_the_format_says(
    blank: BlankForm, tmp_path: Path, text: str, shown: str | None
) -> None:
    path = tmp_path / "a.xlsx"
    blank.write(path, "a title", {SHEET: {"A2": text}})
    value = openpyxl.load_workbook(path)[SHEET]["A2"].value
    assert openpyxl.utils.escape.unescape(value) == shown if shown else value == "half _xD800_"


def test_bytes_do_not_depend_on_what_was_written_before(blank: BlankForm, tmp_path: Path) -> None:
    contents = {SHEET: {"A2": 1.5}}
    blank.write(tmp_path / "a.xlsx", "one", contents)
    blank.write(tmp_path / "b.xlsx", "two", {SHEET: {"A3": "other"}})
    blank.write(tmp_path / "c.xlsx", "one", contents)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "c.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert len(archive.namelist()) == len(set(archive.namelist()))
        assert archive.testzip() is None


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_no_workbook_holds_is_refused(blank: BlankForm, tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="no number that a workbook can hold"):
        blank.write(tmp_path / "a.xlsx", "a title", {SHEET: {"A2": number}})
    assert not (tmp_path / "a.xlsx").exists()


def test_a_cell_that_the_form_lacks_is_refused(blank: BlankForm, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        blank.write(tmp_path / "a.xlsx", "a title", {SHEET: {"Z99": 1.0}})
