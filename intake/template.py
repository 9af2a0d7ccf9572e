"""The workbook that a city fills: four sheets, written with everything that the catalogue knows.

What belongs here: the form's layout, its labels, and which cell takes what. What does not: putting contents into
its cells (`form_package.py`) and reading it back (`workbook.py`, which takes the labels from here).

The same input gives the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from intake import form_style
from intake.by_catalogue import once
from intake.form_package import TITLE, BlankForm, Content, Stored
from ssc_index.framework.catalogue import Catalogue, DataPoint

INSTRUCTIONS = "Instructions"
PROFILE = "Profile"
KPIS = "KPIs"
LISTS = "Lists"

# Field of the row -> header of the column, in the order of the form. The labels are the contract with the reader.
HEADERS: Mapping[str, str] = {
    "code": "Code",
    "kpi": "KPI",
    "data_point": "Data point",
    "help": "What to report",
    "unit": "Unit",
    "numerator": "Numerator",
    "denominator": "Denominator",
    "result": "Result",
    "is_reported": "Reported",
    "is_verified": "Verified",
    "quality": "Data quality",
    "origin": "Data origin",
    "source": "Source",
    "source_details": "Source details",
    "comment": "Comment",
}
REQUIRED_FIELDS = ("code", "numerator", "denominator", "result", "is_reported", "is_verified")

# Field of the profile -> label, and what is asked for.
PROFILE_LABELS: Mapping[str, tuple[str, str]] = {
    "city_id": ("City ID", "Key of the city in the register. Do not change it."),
    "city_name": ("City", "Name as it shall be printed."),
    "country": ("Country", ""),
    "year": ("Reference year", "The year that the data describe; one workbook for each year."),
    "framework_version": ("Framework version", "Edition of the indicator list. Do not change it."),
    "population": (
        "Population",
        "Inhabitants of the assessed area in the reference year. Used as denominator below.",
    ),
    "households": ("Households", "Number of households in the same area. Used as denominator below."),
    "area_km2": ("City area (km²)", "Area that the numbers describe: the municipality or the agreed region."),
    "city_gdp": (
        "City GDP",
        "Gross domestic product of the area in the reference year, in the currency below.",
    ),
    "currency": ("Currency", "Three letters, for example NOK. All money amounts are in this currency."),
    "household_income": (
        "Household income",
        "Average income of a household in the year, in the currency above.",
    ),
    "inflation_pct": ("Inflation (%)", "Consumer prices, per cent a year, for example 2.5."),
}
LOCKED_PROFILE = ("city_id", "city_name", "country", "year", "framework_version")

# Data points of a quantity that the profile gives: the denominator is filled in from there.
PREFILLED: Mapping[str, str] = {
    "population": "population",
    "households": "households",
    "city_area": "area_km2",
    "city_gdp": "city_gdp",
}

NOT_REPORTED = "NR"

_FIELDS = tuple(HEADERS)
_COLUMN = {field: index for index, field in enumerate(_FIELDS)}
_LETTER = {field: chr(65 + index) for index, field in enumerate(_FIELDS)}
A4, A3 = 9, 8  # codes of paper sizes

_HEADER_ROW = 3  # of the KPIs sheet, from 0
_PROFILE_ROW = 3  # first field of the profile, from 0
_PROFILE_CELL = {field: f"{PROFILE}!$B${_PROFILE_ROW + index + 1}" for index, field in enumerate(PROFILE_LABELS)}
# A fixed date in the document properties, so that the bytes do not depend on the clock.
_CREATED = datetime(2022, 1, 1)

Sheet = Any
Formats = Mapping[str, Any]


@dataclass(frozen=True)
class City:
    """The city that a workbook is for.

    Attributes:
        city_id: Key in the register, for example ``no-karmoy``.
        name: Name of the city.
        country: Name of the country.
    """

    city_id: str
    name: str
    country: str


@dataclass(frozen=True)
class Entry:
    """What stands in one row of the form; None leaves the cell to the form.

    Attributes:
        numerator: Number, or a text as people write it.
        denominator: Number in the form's unit (population / 100 000 for rates); None takes the profile's where the
            data point asks for a figure of the profile.
        result: Final value; None computes it from numerator and denominator. YES or NO for such data points.
        reported: None leaves it to the form's formula.
        verified: The verifier's YES or NO.
        quality: Code of the data-quality grade.
        origin: Code of the data origin.
        source: Who holds the data.
        source_details: Document, table, page or address.
        comment: Remark of the city.
    """

    numerator: float | str | None = None
    denominator: float | str | None = None
    result: float | str | None = None
    reported: bool | None = None
    verified: bool | None = None
    quality: str | None = None
    origin: str | None = None
    source: str | None = None
    source_details: str | None = None
    comment: str | None = None


def write_workbook(
    path: Path,
    catalogue: Catalogue,
    *,
    city: City,
    year: int,
    profile: Mapping[str, float | str | None] | None = None,
    entries: Mapping[str, Entry] | None = None,
    is_demo: bool = False,
) -> None:
    """Write the workbook of a city and year, blank or filled.

    Args:
        path: Where to write; its folder must exist.
        catalogue: The KPI catalogue.
        city: The city; locked in the form.
        year: Reference year; locked in the form.
        profile: Figures by field (`PROFILE_LABELS`); what is absent stays blank.
        entries: Rows by data-point id; what is absent stays not reported.
        is_demo: Whether every sheet says that the data are invented.

    Raises:
        KeyError: If a profile field or a data point is unknown.
    """
    known = dict(profile or {})
    rows = dict(entries or {})
    _check_keys(catalogue, known, rows)
    known |= {
        "city_id": city.city_id,
        "city_name": city.name,
        "country": city.country,
        "year": year,
        "framework_version": catalogue.version,
    }
    title = f"{city.name}, {city.country} – {year}"
    cells: dict[str, dict[str, Content]] = {
        INSTRUCTIONS: {},
        PROFILE: _profile_cells(known),
        KPIS: {"A1": f"KPI data: {title}", **_kpi_cells(catalogue, known, rows)},
    }
    if not is_demo:  # else the banner stands there
        cells[INSTRUCTIONS]["A2"] = cells[PROFILE]["A2"] = title
    _blank(catalogue, is_demo).write(path, f"U4SSC KPI data: {title}", cells)


@once
def _blank(catalogue: Catalogue, is_demo: bool) -> BlankForm:
    """The form of nobody: every cell, label, rule and formula, and no contents."""
    package = io.BytesIO()
    book = xlsxwriter.Workbook(
        package,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    demo = "DEMO DATA – invented for trying things out; not a real city" if is_demo else ""
    properties = {"title": TITLE, "subject": catalogue.version, "comments": demo, "created": _CREATED}
    book.set_properties(properties)
    formats = form_style.formats(book)
    instructions, profile, kpis, lists = (book.add_worksheet(name) for name in (INSTRUCTIONS, PROFILE, KPIS, LISTS))
    for sheet in (instructions, profile):
        sheet.set_paper(A4)
    _write_instructions(instructions, formats, demo)
    _write_profile(profile, formats, demo)
    ranges = _write_lists(lists, formats, catalogue)
    _KpiSheet(kpis, formats, catalogue).write(demo, ranges)
    for sheet in (instructions, profile, kpis):
        _finish(sheet, demo)
    book.close()
    members = {name: f"xl/worksheets/sheet{at}.xml" for at, name in enumerate((INSTRUCTIONS, PROFILE, KPIS), start=1)}
    return BlankForm(package.getvalue(), members)


def denominator_of(point: DataPoint, profile: Mapping[str, Any]) -> float | None:
    """The denominator that the profile gives, in the form's unit; None where it gives none.

    Args:
        point: The data point.
        profile: Figures by profile field.
    """
    field = PREFILLED.get(point.denominator_basis or "")
    number = profile.get(field) if field else None
    if not isinstance(number, int | float):
        return None
    return number / point.template_divisor


def _check_keys(catalogue: Catalogue, profile: Mapping[str, object], entries: Mapping[str, Entry]) -> None:
    """Refuse what the form has no cell for."""
    unknown = [field for field in profile if field not in PROFILE_LABELS]
    points = {point.id for point in catalogue.data_points}
    unknown += [code for code in entries if code not in points]
    if unknown:
        raise KeyError(f"the form has no cell for {', '.join(sorted(unknown))}")


def _finish(sheet: Sheet, demo: str) -> None:
    """Protection and print set-up of a visible sheet."""
    sheet.protect(
        "",
        {"format_cells": True, "format_columns": True, "format_rows": True, "autofilter": True, "sort": True},
    )
    sheet.hide_gridlines(2)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.set_footer(f"&L&8{demo}&C&8&A&R&8Page &P of &N")


def _write_title(sheet: Sheet, formats: Formats, title: str, subtitle: str, demo: str, last_column: int) -> None:
    """The coloured band on top of a sheet, and the demo banner below it."""
    for column in range(1, last_column + 1):
        sheet.write_blank(0, column, None, formats["title"])
    sheet.write_string(0, 0, title, formats["title"])
    sheet.set_row(0, 30)
    style = formats["demo" if demo else "subtitle"]
    for column in range(1, last_column + 1):
        sheet.write_blank(1, column, None, style)
    sheet.write_string(1, 0, demo or subtitle, style)
    sheet.set_row(1, 20)


_STEPS: tuple[tuple[str, str], ...] = (
    (
        "1  Profile",
        "Fill population, households, area, city GDP and currency first. They fill the denominators of many rows.",
    ),
    (
        "2  KPIs: yellow cells",
        "Give numerator and denominator as plain numbers, without units, blanks or signs. The result is computed.",
    ),
    (
        "3  Only a final value?",
        "If numerator and denominator are not to be had, type the final value over the result, in the unit of the row. "
        "The verifier will review it.",
    ),
    (
        "4  Nothing to report?",
        "Leave the row empty: the result stays NR. Never write 0 for something that is not known. 0 means none.",
    ),
    (
        "5  Rates per 100 000",
        "The denominator is the count divided by 100 000: a city of 250 000 people gives 2.5. It is filled in for you.",
    ),
    ("6  Percentages", "The result of 97 out of 100 is 97, not 0.97."),
    (
        "7  Source",
        "Name who holds the data, and the document, table or address where a verifier finds the number. "
        "Choose data quality and data origin from the lists.",
    ),
    (
        "8  Verified",
        "This column belongs to the verifier: YES or NO for each row. Cities leave it empty.",
    ),
    (
        "9  Send",
        "Keep the file an .xlsx. Do not rename sheets or columns. You may widen, hide or add columns, and add sheets "
        "of your own: they are not read.",
    ),
)
_LEGEND: tuple[tuple[str, str], ...] = (
    ("input", "Fill in"),
    ("prefilled", "Filled in from the profile; change it only with a comment"),
    ("result", "Computed; may be overwritten by a final value"),
    ("verifier", "For the verifier"),
    ("locked", "Not asked for"),
    ("missing", "Something is missing: a denominator, or the source of a reported value"),
)


def _write_instructions(sheet: Sheet, formats: Formats, demo: str) -> None:
    """How to fill the form, on one page."""
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 104)
    _write_title(sheet, formats, "Key performance indicators for smart sustainable cities", TITLE, demo, 1)
    row = 3
    for head, text in _STEPS:
        sheet.write_string(row, 0, head, formats["step"])
        sheet.write_string(row, 1, text, formats["text"])
        sheet.set_row(row, form_style.height(text, 104))
        row += 1
    row += 1
    sheet.write_string(row, 0, "Colours", formats["step"])
    for style, text in _LEGEND:
        row += 1
        sheet.write_blank(row, 0, None, formats[style])
        sheet.write_string(row, 1, text, formats["text"])
    row += 2
    sheet.write_string(row, 0, "Confidentiality", formats["step"])
    text = (
        "What you report is published only as far as you consent: nothing, scores, values, or the whole report. "
        "Comments are never published."
    )
    sheet.write_string(row, 1, text, formats["text"])
    sheet.set_row(row, form_style.height(text, 104))


def _write_profile(sheet: Sheet, formats: Formats, demo: str) -> None:
    """Labels, cells and help of the profile."""
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 1, 26)
    sheet.set_column(2, 2, 90)
    _write_title(sheet, formats, "City profile", TITLE, demo, 2)
    for column, head in enumerate(("Field", "Value", "What to give")):
        sheet.write_string(2, column, head, formats["header"])
    sheet.set_row(2, 22)
    for index, (field, (label, text)) in enumerate(PROFILE_LABELS.items()):
        row = _PROFILE_ROW + index
        sheet.write_string(row, 0, label, formats["label"])
        style = formats["profile_locked" if field in LOCKED_PROFILE else "profile_input"]
        sheet.write_blank(row, 1, None, style)
        sheet.write_string(row, 2, text, formats["help"])
        sheet.set_row(row, 20)
    _validate_profile(sheet)
    sheet.freeze_panes(3, 0)


def _validate_profile(sheet: Sheet) -> None:
    """Numbers where numbers are asked for."""
    for field in ("population", "households", "area_km2", "city_gdp", "household_income"):
        cell = _PROFILE_CELL[field].split("!")[1]
        sheet.data_validation(
            cell,
            {
                "validate": "decimal",
                "criteria": ">",
                "value": 0,
                "error_title": PROFILE_LABELS[field][0],
                "error_message": "A number above 0, without unit.",
            },
        )
    sheet.data_validation(
        _PROFILE_CELL["currency"].split("!")[1],
        {
            "validate": "length",
            "criteria": "==",
            "value": 3,
            "error_message": "Three letters, for example NOK.",
        },
    )


def _write_lists(sheet: Sheet, formats: Formats, catalogue: Catalogue) -> dict[str, str]:
    """The hidden lists behind the drop-downs; returns the range of each."""
    columns = {
        "yes_no": ["YES", "NO"],
        "yes_no_nr": ["YES", "NO", NOT_REPORTED],
        "quality": [choice.text for choice in catalogue.scoring.quality_grades.choices],
        "origin": [choice.text for choice in catalogue.scoring.data_origins.choices],
    }
    ranges = {}
    for column, (name, items) in enumerate(columns.items()):
        sheet.write_string(0, column, name, formats["header"])
        for row, item in enumerate(items, start=1):
            sheet.write_string(row, column, item)
        letter = chr(65 + column)
        ranges[name] = f"={LISTS}!${letter}$2:${letter}${len(items) + 1}"
    sheet.hide()
    sheet.protect()
    return ranges


class _KpiSheet:
    """The sheet KPIs while it is written."""

    def __init__(self, sheet: Sheet, formats: Formats, catalogue: Catalogue) -> None:
        self._sheet = sheet
        self._formats = formats
        self._catalogue = catalogue
        self._points = [(row, one) for row, one in _lines(catalogue) if isinstance(one, DataPoint)]

    def write(self, demo: str, ranges: Mapping[str, str]) -> None:
        """Write head, rows, drop-downs and colours."""
        sheet, formats = self._sheet, self._formats
        for index, width in enumerate(form_style.KPI_WIDTHS):
            sheet.set_column(index, index, width)
        _write_title(sheet, formats, f"KPI data: {TITLE}", _HINT, demo, len(_FIELDS) - 1)
        for index, label in enumerate(HEADERS.values()):
            sheet.write_string(_HEADER_ROW, index, label, formats["header"])
        sheet.set_row(_HEADER_ROW, 26)
        self._write_rows()
        self._write_progress()
        self._validate(ranges)
        self._colour()
        sheet.freeze_panes(_HEADER_ROW + 1, _COLUMN["help"])
        sheet.repeat_rows(_HEADER_ROW)
        sheet.set_landscape()
        sheet.set_paper(A3)

    def _write_rows(self) -> None:
        """A heading for each group of KPIs and a row for each data point."""
        for row, line in _lines(self._catalogue):
            if isinstance(line, str):
                self._sheet.set_row(row, 18, self._formats["group"])
                self._sheet.write_string(row, 1, line, self._formats["group"])
            else:
                self._write_labels(row, line)
                self._write_numbers(row, line)
                self._write_rest(row)

    def _write_labels(self, row: int, point: DataPoint) -> None:
        """Code, names, help and unit."""
        sheet, formats = self._sheet, self._formats
        kpi = self._catalogue.kpi_of(point.id)
        text = f"{kpi.definition}\n{_formula_text(point)}"
        sheet.write_string(row, 0, point.id, formats["code"])
        sheet.write_string(row, 1, f"{kpi.name}\n{kpi.printed_code} ({kpi.level})", formats["kpi"])
        sheet.write_string(row, 2, point.name, formats["point"])
        sheet.write_string(row, 3, text, formats["help"])
        sheet.write_string(row, 4, self._catalogue.codes.units[point.unit].printed, formats["unit"])
        sheet.set_row(row, form_style.height(text, form_style.KPI_WIDTHS[3], least=2))

    def _write_numbers(self, row: int, point: DataPoint) -> None:
        """Cells of numerator, denominator, result and Reported, with the form's formulas."""
        sheet, formats = self._sheet, self._formats
        sheet.write_blank(row, _COLUMN["numerator"], None, formats["locked" if point.numerator is None else "input"])
        self._write_denominator(row, point)
        if point.numerator is None:
            sheet.write_string(row, _COLUMN["result"], NOT_REPORTED, formats["result"])
        else:
            formula = _result_formula(point, row + 1)
            sheet.write_formula(row, _COLUMN["result"], formula, formats["result"], NOT_REPORTED)
        formula = f'=IF(OR(ISNUMBER(H{row + 1}),H{row + 1}="YES",H{row + 1}="NO"),"YES","NO")'
        sheet.write_formula(row, _COLUMN["is_reported"], formula, formats["choice"], _yes_no(False))

    def _write_denominator(self, row: int, point: DataPoint) -> None:
        """The cell of the denominator, with a live formula where the profile gives it."""
        sheet, formats, column = self._sheet, self._formats, _COLUMN["denominator"]
        field = PREFILLED.get(point.denominator_basis or "")
        if point.denominator is None or field is None:
            sheet.write_blank(row, column, None, formats["locked" if point.denominator is None else "input"])
            return
        cell = _PROFILE_CELL[field]
        divided = cell if point.template_divisor == 1 else f"{cell}/{point.template_divisor:.0f}"
        sheet.write_formula(row, column, f'=IF(ISNUMBER({cell}),{divided},"")', formats["prefilled"], "")

    def _write_rest(self, row: int) -> None:
        """Cells of verified, quality, origin, source, its details and comment."""
        self._sheet.write_blank(row, _COLUMN["is_verified"], None, self._formats["verifier"])
        for column in range(_COLUMN["quality"], _COLUMN["comment"] + 1):
            self._sheet.write_blank(row, column, None, self._formats["input_text"])

    def _write_progress(self) -> None:
        """How much is reported, live, above the header."""
        first, last = self._points[0][0] + 1, self._points[-1][0] + 1
        reported = f'COUNTIF(I{first}:I{last},"YES")'
        total = len(self._points)
        # The stored value is left empty: programs that open the form compute it, and no reader takes it.
        self._sheet.write_formula(
            2, 1, f'={reported}&" of {total} data points reported"', self._formats["progress"], ""
        )

    def _rows_where(self, condition: Callable[[DataPoint], bool]) -> list[int]:
        return [row for row, point in self._points if condition(point)]

    def _validate(self, ranges: Mapping[str, str]) -> None:
        """Drop-downs and number limits."""
        sheet, first, last = self._sheet, self._points[0][0], self._points[-1][0]
        lists = {"is_reported": "yes_no", "is_verified": "yes_no", "quality": "quality", "origin": "origin"}
        for field, name in lists.items():
            column = _COLUMN[field]
            sheet.data_validation(
                first, column, last, column, {"validate": "list", "source": ranges[name], **_LIST_ERROR}
            )
        choices = self._rows_where(lambda point: point.value_type == "yes_no")
        if choices:
            self._validate_rows(choices, "result", {"validate": "list", "source": ranges["yes_no_nr"], **_LIST_ERROR})
        for field in ("numerator", "denominator"):
            column = _COLUMN[field]
            rule = {"validate": "decimal", "criteria": ">=", "value": 0, **_NUMBER_ERROR}
            sheet.data_validation(first, column, last, column, rule)
        self._validate_results()

    def _validate_results(self) -> None:
        """Bounds of the result, one rule for all rows with the same bounds."""
        groups: dict[tuple[float | None, float | None], list[int]] = {}
        for row, point in self._points:
            if point.value_type != "yes_no":
                groups.setdefault((point.lower_bound, point.upper_bound), []).append(row)
        for (low, high), rows in groups.items():
            cell = f"H{rows[0] + 1}"
            tests = [f"ISNUMBER({cell})"]
            tests += [] if low is None else [f"{cell}>={low:g}"]
            tests += [] if high is None else [f"{cell}<={high:.0f}"]
            text = _bounds_text(low, high)
            rule = {
                "validate": "custom",
                "value": f'=OR({cell}="{NOT_REPORTED}",AND({",".join(tests)}))',
                "error_type": "warning",
                "error_title": "Result",
                "error_message": f"Expected {text}, or NR.",
            }
            self._validate_rows(rows, "result", rule)

    def _validate_rows(self, rows: list[int], field: str, rule: dict[str, Any]) -> None:
        column = _COLUMN[field]
        others = [[row, column, row, column] for row in rows[1:]]
        self._sheet.data_validation(rows[0], column, rows[0], column, {**rule, "other_cells": others})

    def _colour(self) -> None:
        """Colours that follow what is filled in."""
        sheet, formats = self._sheet, self._formats
        first, last = self._points[0][0] + 1, self._points[-1][0] + 1
        for column, test, style in (
            ("H", f'=$H{first}="{NOT_REPORTED}"', "not_reported"),
            ("M", f'=AND($I{first}="YES",LEN(TRIM($M{first}))=0)', "missing"),
            ("G", f'=AND(ISNUMBER($F{first}),$H{first}="{NOT_REPORTED}",$A{first}<>"")', "missing"),
            ("I", f'=$I{first}="YES"', "yes"),
            ("J", f'=$J{first}="YES"', "yes"),
            ("J", f'=$J{first}="NO"', "missing"),
        ):
            sheet.conditional_format(
                f"{column}{first}:{column}{last}",
                {"type": "formula", "criteria": test, "format": formats[style]},
            )


def _lines(catalogue: Catalogue) -> Iterator[tuple[int, DataPoint | str]]:
    """Rows of the KPIs sheet from 0: a heading for each group of KPIs, and each data point."""
    row, group = _HEADER_ROW, None
    for point in catalogue.data_points:
        kpi = catalogue.kpi_of(point.id)
        if (kpi.sub_dimension, kpi.category) != group:
            group = (kpi.sub_dimension, kpi.category)
            row += 1
            yield row, " › ".join(dict.fromkeys((kpi.dimension, kpi.sub_dimension, kpi.category)))
        row += 1
        yield row, point


@once
def _rows(catalogue: Catalogue) -> dict[str, tuple[int, DataPoint]]:
    """Row of each data point in the KPIs sheet, from 1 as addresses count."""
    return {line.id: (row + 1, line) for row, line in _lines(catalogue) if isinstance(line, DataPoint)}


def _profile_cells(known: Mapping[str, float | str | None]) -> dict[str, Content]:
    """Contents of the profile's cells by address."""
    places = {field: f"B{_PROFILE_ROW + index + 1}" for index, field in enumerate(PROFILE_LABELS)}
    return {places[field]: value for field, value in known.items() if value is not None}


def _kpi_cells(
    catalogue: Catalogue, profile: Mapping[str, float | str | None], entries: Mapping[str, Entry]
) -> dict[str, Content]:
    """Contents of the KPIs sheet by address: what is typed, and what the form's formulas then come to."""
    choices = {
        field: {choice.code: choice.text for choice in options.choices}
        for field, options in (
            ("quality", catalogue.scoring.quality_grades),
            ("origin", catalogue.scoring.data_origins),
        )
    }
    nothing = Entry()
    cells: dict[str, Content] = {}
    for code, (row, point) in _rows(catalogue).items():
        entry = entries.get(code, nothing)
        contents: dict[str, Content | None] = _numbers(point, entry, denominator_of(point, profile))
        if entry is not nothing:
            contents |= {
                "is_verified": None if entry.verified is None else _yes_no(entry.verified),
                "quality": choices["quality"].get(entry.quality or "", entry.quality),
                "origin": choices["origin"].get(entry.origin or "", entry.origin),
                "source": entry.source,
                "source_details": entry.source_details,
                "comment": entry.comment,
            }
        cells |= {f"{_LETTER[field]}{row}": value for field, value in contents.items() if value is not None}
    return cells


def _numbers(point: DataPoint, entry: Entry, prefilled: float | None) -> dict[str, Content | None]:
    """Contents of numerator, denominator, result and Reported; None leaves the cell as the form has it.

    Args:
        point: The data point.
        entry: What the city gives.
        prefilled: The denominator that the profile gives.
    """
    contents: dict[str, Content | None] = {}
    if point.numerator is not None:
        contents["numerator"] = entry.numerator
    denominator: float | str | None = prefilled
    if point.denominator is not None and entry.denominator is not None and entry.denominator != prefilled:
        denominator = contents["denominator"] = entry.denominator
    elif prefilled is not None:
        contents["denominator"] = Stored(prefilled)
    computed = None if point.numerator is None else _computed(point, entry.numerator, denominator)
    is_given = computed is not None
    if entry.result is not None and not _agree(entry.result, computed):
        contents["result"] = entry.result
        is_given = not isinstance(entry.result, str) or entry.result.strip().upper() in ("YES", "NO")
    elif computed is not None:
        contents["result"] = Stored(computed)
    is_contradicted = entry.reported is not None and entry.reported != is_given
    contents["is_reported"] = _yes_no(not is_given) if is_contradicted else Stored(_yes_no(is_given))
    return contents


_HINT = "Yellow cells are yours to fill. Leave empty what is not known; the result then stays NR (not reported)."
_LIST_ERROR = {"error_title": "List", "error_message": "Choose an item of the list."}
_NUMBER_ERROR = {
    "error_type": "warning",
    "error_title": "Number",
    "error_message": "A number of 0 or more, without unit. Leave the cell empty if it is not known.",
}


def _formula_text(point: DataPoint) -> str:
    """How the result comes about, in words."""
    if point.value_type == "yes_no":
        return "Choose YES or NO in the result."
    if point.numerator is None:
        return "Give the value in the result."
    if point.denominator is None:
        return f"Numerator: {point.numerator}."
    divided = "" if point.template_divisor == 1 else " / 100 000"
    return f"Numerator: {point.numerator}.\nDenominator: {point.denominator}{divided}."


def _result_formula(point: DataPoint, row: int) -> str:
    """The form's formula of a result; row from 1."""
    if point.denominator is None:
        return f'=IF(ISNUMBER(F{row}),F{row},"{NOT_REPORTED}")'
    factor = point.template_multiplier
    times = "" if factor == 1 else f"*{factor:.0f}"
    alone = (
        f'IF(ISNUMBER(F{row}),F{row},"{NOT_REPORTED}")' if point.value_type == "concentration" else f'"{NOT_REPORTED}"'
    )
    return f"=IF(AND(ISNUMBER(F{row}),ISNUMBER(G{row}),N(G{row})<>0),F{row}/G{row}{times},{alone})"


def _computed(point: DataPoint, numerator: object, denominator: object) -> float | None:
    """What the form's formula comes to."""
    if not isinstance(numerator, int | float):
        return None
    if point.denominator is None:
        return float(numerator)
    if isinstance(denominator, int | float) and denominator != 0:
        return numerator / denominator * point.template_multiplier
    return float(numerator) if point.value_type == "concentration" else None


def _agree(result: float | str, computed: float | None) -> bool:
    """Whether a given result is what the form computes, to the last bits."""
    return (
        isinstance(result, int | float)
        and computed is not None
        and math.isclose(result, computed, rel_tol=1e-12, abs_tol=1e-300)
    )


def _yes_no(value: bool) -> str:
    return "YES" if value else "NO"


def _bounds_text(low: float | None, high: float | None) -> str:
    """Bounds in words."""
    if low is None and high is None:
        return "a number"
    if high is None:
        return f"a number of {low:g} or more"
    return f"a number between {low or 0:g} and {high:.0f}"
