"""The workbook that a city fills: four sheets, written with everything that the catalogue knows.

What belongs here: the workbook as a whole, and its sheets Instructions, Profile and Lists. What does not: the sheet
KPIs (`form_rows.py`), what the form says (``texts/``), and reading it back (`workbook.py`).

The same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import xlsxwriter
from xlsxwriter.utility import quote_sheetname

from intake import form_formulas, form_style, numbers
from intake.by_catalogue import once
from intake.currencies import CURRENCIES
from intake.form_contents import PROFILE_ROW, profile_contents, row_contents
from intake.form_model import FORM_VERSION, LOCKED_PROFILE
from intake.form_model import HEADERS as HEADERS
from intake.form_model import INSTRUCTIONS as INSTRUCTIONS
from intake.form_model import KPIS as KPIS
from intake.form_model import LISTS as LISTS
from intake.form_model import NOT_REPORTED as NOT_REPORTED
from intake.form_model import PREFILLED as PREFILLED
from intake.form_model import PROFILE as PROFILE
from intake.form_model import PROFILE_LABELS as PROFILE_LABELS
from intake.form_model import REQUIRED_FIELDS as REQUIRED_FIELDS
from intake.form_model import City as City
from intake.form_model import Entry as Entry
from intake.form_model import LastReport as LastReport
from intake.form_model import denominator_of as denominator_of
from intake.form_package import TITLE, BlankForm, Content
from intake.form_rows import Form, Formats, KpiSheet, Sheet
from intake.form_texts import ENGLISH, FormTexts, load_texts
from intake.units import CHOICES
from ssc_index.framework.catalogue import Catalogue

A4 = 9  # code of the paper size

_PROFILE_WIDTHS = (24, 24, 20, 26, 96)
# A fixed date in the document properties, so that the bytes do not depend on the clock.
_CREATED = datetime(2022, 1, 1)
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_workbook(
    path: Path,
    catalogue: Catalogue,
    *,
    city: City,
    year: int,
    profile: Mapping[str, float | str | None] | None = None,
    entries: Mapping[str, Entry] | None = None,
    last: LastReport | None = None,
    language: str = ENGLISH,
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
        last: What the city reported last, shown for comparison.
        language: Language of the form's own texts.
        is_demo: Whether every sheet says that the data are invented.

    Raises:
        KeyError: If a profile field or a data point is unknown.
        TextsError: If there are no texts in the language.
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
        "form_version": FORM_VERSION,
    }
    texts = load_texts(language)
    title = f"{city.name}, {city.country} – {year}"
    names = texts.sheets
    cells: dict[str, dict[str, Content]] = {
        names.instructions: {},
        names.profile: profile_contents(known, last, texts),
        names.kpis: {
            "A1": f"{texts.words['kpis_title']} {title}",
            **row_contents(catalogue, known, rows, last, texts),
        },
    }
    if not is_demo:  # else the banner stands there
        cells[names.instructions]["A2"] = cells[names.profile]["A2"] = title
    _blank(catalogue, language, is_demo).write(path, f"U4SSC KPI data: {title}", cells)


@once
def _blank(catalogue: Catalogue, language: str, is_demo: bool) -> BlankForm:
    """The form of nobody: every cell, label, rule and formula, and no contents."""
    texts = load_texts(language)
    package = io.BytesIO()
    book = xlsxwriter.Workbook(package, _OPTIONS)
    demo = texts.words["demo"] if is_demo else ""
    book.set_properties({"title": TITLE, "subject": catalogue.version, "comments": demo, "created": _CREATED})
    formats = form_style.formats(book)
    names = texts.sheets
    instructions, profile, kpis, lists = (
        book.add_worksheet(name) for name in (names.instructions, names.profile, names.kpis, names.lists)
    )
    ranges, says = _write_lists(lists, formats, catalogue, texts)
    form = Form(texts, formats, catalogue, _profile_cells(texts), ranges, says)
    _write_title(kpis, formats, texts.words["kpis_title"], texts.words["hint"], demo, len(HEADERS) - 1)
    rows = KpiSheet(kpis, form)
    rows.write()
    _write_profile(profile, form, demo)
    _write_instructions(instructions, form, demo, rows.progress_formulas())
    for sheet in (instructions, profile):
        sheet.set_paper(A4)
    profile.set_landscape()
    for sheet in (instructions, profile, kpis):
        _finish(sheet, demo)
    book.close()
    listed = (names.instructions, names.profile, names.kpis)
    return BlankForm(
        package.getvalue(), {name: f"xl/worksheets/sheet{at}.xml" for at, name in enumerate(listed, start=1)}
    )


def _check_keys(catalogue: Catalogue, profile: Mapping[str, object], entries: Mapping[str, Entry]) -> None:
    """Refuse what the form has no cell for."""
    unknown = [field for field in profile if field not in PROFILE_LABELS]
    points = {point.id for point in catalogue.data_points}
    unknown += [code for code in entries if code not in points]
    if unknown:
        raise KeyError(f"the form has no cell for {', '.join(sorted(unknown))}")


def _profile_cells(texts: FormTexts) -> dict[str, str]:
    """Field of the profile to the address of its value, with the sheet."""
    sheet = quote_sheetname(texts.sheets.profile)
    return {field: f"{sheet}!$B${PROFILE_ROW + index + 1}" for index, field in enumerate(PROFILE_LABELS)}


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


def _write_instructions(sheet: Sheet, form: Form, demo: str, progress: tuple[str, str, str]) -> None:
    """How to fill the form, and how far one is, on one page."""
    formats, texts, words = form.formats, form.texts, form.texts.words
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, 1, 104)
    _write_title(sheet, formats, words["title"], TITLE, demo, 1)
    row = 3
    sheet.write_string(row, 0, words["progress"], formats["step"])
    for formula in progress:
        sheet.write_formula(row, 1, formula, formats["progress_line"], "")
        row += 1
    for step in texts.steps:
        row += 1
        sheet.write_string(row, 0, step.head, formats["step"])
        sheet.write_string(row, 1, step.text, formats["text"])
        sheet.set_row(row, form_style.height(step.text, 104))
    row += 2
    sheet.write_string(row, 0, words["colours"], formats["step"])
    for style, text in texts.legend.items():
        row += 1
        sheet.write_blank(row, 0, None, formats[f"legend_{style}"])
        sheet.write_string(row, 1, text, formats["text"])
        sheet.set_row(row, 17)
    row += 2
    sheet.write_string(row, 0, words["confidentiality"], formats["step"])
    sheet.write_string(row, 1, words["confidentiality_text"], formats["text"])
    sheet.set_row(row, form_style.height(words["confidentiality_text"], 104))


def _write_profile(sheet: Sheet, form: Form, demo: str) -> None:
    """Labels, values, last report, live checks and help of the profile."""
    formats, texts = form.formats, form.texts
    for column, width in enumerate(_PROFILE_WIDTHS):
        sheet.set_column(column, column, width)
    _write_title(sheet, formats, texts.words["profile_title"], TITLE, demo, len(_PROFILE_WIDTHS) - 1)
    for column, head in enumerate(texts.profile_headers.values()):
        sheet.write_string(PROFILE_ROW - 1, column, head, formats["header"])
    sheet.set_row(2, 24)
    checks = _profile_checks(form)
    for index, (field, label) in enumerate(texts.profile.items()):
        row = PROFILE_ROW + index
        sheet.write_string(row, 0, label.label, formats["label"])
        style = formats["profile_locked" if field in LOCKED_PROFILE else "profile_input"]
        sheet.write_blank(row, 1, None, style)
        sheet.write_blank(row, 2, None, formats["profile_previous"])
        if field in checks:
            sheet.write_formula(row, 3, checks[field], formats["check"], "")
        else:
            sheet.write_blank(row, 3, None, formats["check"])
        sheet.write_string(row, 4, label.help or "", formats["help"])
        sheet.set_row(row, form_style.height(label.help or "", _PROFILE_WIDTHS[4]) + 3)
    for mark, style in (("✗", "wrong"), ("!", "doubtful"), ("✓", "yes")):
        first = PROFILE_ROW + 1
        rule = {"type": "formula", "criteria": f'=LEFT($D{first},1)="{mark}"', "format": formats[style]}
        sheet.conditional_format(f"D{first}:D{PROFILE_ROW + len(texts.profile)}", rule)
    _validate_profile(sheet, form)
    sheet.freeze_panes(3, 0)


def _profile_checks(form: Form) -> dict[str, str]:
    """Field of the profile to the formula that says live what is missing or doubtful."""
    cell = {field: address.rpartition("!")[2] for field, address in form.profile_cells.items()}
    says = form.says
    people, households, area = cell["population"], cell["households"], cell["area_km2"]
    each = f"OR({people}/{households}<1.2,{people}/{households}>12)"
    dense = f"OR({people}/{area}<1,{people}/{area}>60000)"

    def figure(own: str, doubt: str = says["ok"]) -> str:
        is_text = form_formulas.is_text(own, form.nothing)
        text = f"IF({is_text},{says['not_a_number']},{says['profile_missing']})"
        return f"=IF(N({own})>0,{doubt},{text})"

    def if_given(own: str) -> str:
        is_text = form_formulas.is_text(own, form.nothing)
        return f'=IF({is_text},{says["not_a_number"]},IF(ISNUMBER({own}),{says["ok"]},""))'

    def of_people(test: str, word: str) -> str:
        # AND looks at all that stands in it: a population that is text must not be divided.
        return f"IF(IF(N({people})>0,{test}),{says[word]},{says['ok']})"

    return {
        "population": figure(people),
        "households": figure(households, of_people(each, "households")),
        "area_km2": figure(area, of_people(dense, "density")),
        "city_gdp": figure(cell["city_gdp"]),
        "currency": f'=IF(AND(N({cell["city_gdp"]})>0,TRIM({cell["currency"]})=""),{says["currency"]},'
        f'IF(TRIM({cell["currency"]})="","",{says["ok"]}))',
        "household_income": if_given(cell["household_income"]),
        "inflation_pct": if_given(cell["inflation_pct"]),
    }


def _validate_profile(sheet: Sheet, form: Form) -> None:
    """Numbers where numbers are asked for, the list of currencies."""
    words, cells = form.texts.words, form.profile_cells
    for field in ("population", "households", "area_km2", "city_gdp", "household_income"):
        rule = {"validate": "decimal", "criteria": ">", "value": 0, "error_message": words["positive_error"]}
        rule["error_title"] = form.texts.profile[field].label
        sheet.data_validation(cells[field].rpartition("!")[2], rule)
    currency = {"validate": "list", "source": form.lists["currency"], "error_type": "warning"}
    currency |= {"error_title": form.texts.profile["currency"].label, "error_message": words["currency_error"]}
    sheet.data_validation(cells["currency"].rpartition("!")[2], currency)


def _write_lists(
    sheet: Sheet, formats: Formats, catalogue: Catalogue, texts: FormTexts
) -> tuple[dict[str, str], dict[str, str]]:
    """The hidden lists behind drop-downs and checks; returns the range of each list and the cell of each check."""
    ug_per_m3 = catalogue.codes.units["ug_per_m3"].printed
    columns = {
        "yes_no": ["YES", "NO"],
        "yes_no_nr": ["YES", "NO", NOT_REPORTED],
        "quality": [choice.text for choice in catalogue.scoring.quality_grades.choices],
        "origin": [choice.text for choice in catalogue.scoring.data_origins.choices],
        "units": [ug_per_m3, *dict.fromkeys(unit for units in CHOICES.values() for unit in units)],
        "currency": list(CURRENCIES),
        "checks": list(texts.checks.values()),
        "nothing": sorted(numbers.NOT_REPORTED - {""}),
    }
    ranges = {}
    name_of_sheet = quote_sheetname(texts.sheets.lists)
    for column, (name, items) in enumerate(columns.items()):
        sheet.write_string(0, column, name, formats["header"])
        for row, item in enumerate(items, start=1):
            sheet.write_string(row, column, item)
        letter = chr(65 + column)
        ranges[name] = f"={name_of_sheet}!${letter}$2:${letter}${len(items) + 1}"
    sheet.hide()
    sheet.protect()
    letter = chr(65 + list(columns).index("checks"))
    return ranges, {name: f"{name_of_sheet}!${letter}${row}" for row, name in enumerate(texts.checks, start=2)}
