"""The sheet KPIs of the form: a row for each data point, its formulas, drop-downs and colours.

What belongs here: where things stand on that sheet, blank. What does not: contents (`form_contents.py`), the other
sheets (`template.py`), the formulas (`form_formulas.py`), appearance (`form_style.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from intake import form_formulas, form_style
from intake.by_catalogue import once
from intake.form_formulas import LETTER
from intake.form_model import HEADERS, NOT_REPORTED, PREFILLED, SHARES_OF_100, yes_no
from intake.form_texts import FormTexts
from intake.units import CHOICES
from ssc_index.framework.catalogue import Catalogue, DataPoint

HEADER_ROW = 3  # from 0
A3 = 8  # code of the paper size

_COLUMN = {field: index for index, field in enumerate(HEADERS)}

Sheet = Any
Formats = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """What every sheet of one form needs.

    Attributes:
        texts: What it says.
        formats: How it looks.
        catalogue: The KPI catalogue.
        profile_cells: Field of the profile to the address of its value, with the sheet.
        lists: Name of a list to the range that holds it.
        says: What the column Check can say, to the cell that holds it.
    """

    texts: FormTexts
    formats: Formats
    catalogue: Catalogue
    profile_cells: Mapping[str, str]
    lists: Mapping[str, str]
    says: Mapping[str, str]

    @property
    def nothing(self) -> str:
        """The range of the words that say that nothing is reported."""
        return self.lists["nothing"].removeprefix("=")


class Total(NamedTuple):
    """A row that adds up the shares above it.

    Attributes:
        name: Name of the KPI whose shares they are.
        n: How many rows.
    """

    name: str
    n: int


def lines(catalogue: Catalogue) -> Iterator[tuple[int, DataPoint | Total | str]]:
    """Rows of the sheet from 0: a heading for each group of KPIs, each data point, totals below shares."""
    row, group = HEADER_ROW, None
    for kpi in catalogue.kpis:
        if (kpi.sub_dimension, kpi.category) != group:
            group = (kpi.sub_dimension, kpi.category)
            row += 1
            yield row, " › ".join(dict.fromkeys((kpi.dimension, kpi.sub_dimension, kpi.category)))
        for point in kpi.data_points:
            row += 1
            yield row, point
        if kpi.code in SHARES_OF_100:
            row += 1
            yield row, Total(kpi.name, len(kpi.data_points))


@once
def rows_of_points(catalogue: Catalogue) -> dict[str, tuple[int, DataPoint]]:
    """Row of each data point, from 1 as addresses count."""
    return {line.id: (row + 1, line) for row, line in lines(catalogue) if isinstance(line, DataPoint)}


class KpiSheet:
    """The sheet KPIs while it is written."""

    def __init__(self, sheet: Sheet, form: Form) -> None:
        self._sheet = sheet
        self._form = form
        self._formats = form.formats
        self._words = form.texts.words
        self._points: list[tuple[int, DataPoint]] = []
        self._totals: list[int] = []

    def write(self) -> None:
        """Write rows, drop-downs and colours; the title is the caller's."""
        sheet, formats = self._sheet, self._formats
        for index, width in enumerate(form_style.KPI_WIDTHS):
            sheet.set_column(index, index, width)
        for name, label in self._form.texts.headers.items():
            sheet.write_string(HEADER_ROW, _COLUMN[name], label, formats["header"])
        sheet.set_row(HEADER_ROW, 30)
        self._write_rows()
        self._write_progress()
        self._validate()
        self._colour()
        sheet.freeze_panes(HEADER_ROW + 1, _COLUMN["help"])
        sheet.repeat_rows(HEADER_ROW)
        sheet.set_landscape()
        sheet.set_paper(A3)

    def progress_formulas(self) -> tuple[str, str, str]:
        """How much is reported, to correct and to look at, for any sheet of the workbook."""
        name = self._form.texts.sheets.kpis
        first, last = self._span()
        reported = f"'{name}'!${LETTER['is_reported']}${first}:${LETTER['is_reported']}${last}"
        checks = f"'{name}'!${LETTER['check']}${first}:${LETTER['check']}${last}"
        words = self._words
        total = words["reported"].format(total=len(self._points))
        return (
            f'=COUNTIF({reported},"YES")&"{total}"',
            f'=COUNTIF({checks},"✗*")&"{words["to_correct"]}"',
            f'=COUNTIF({checks},"!*")&"{words["to_check"]}"',
        )

    def _span(self) -> tuple[int, int]:
        """First and last row of the form, from 1."""
        return self._points[0][0] + 1, max(self._points[-1][0], *self._totals, 0) + 1

    def _write_rows(self) -> None:
        """A heading for each group of KPIs, a row for each data point, a total below shares of one whole."""
        for row, line in lines(self._form.catalogue):
            if isinstance(line, Total):
                self._write_total(row, line)
            elif isinstance(line, str):
                self._write_heading(row, line)
            else:
                self._points.append((row, line))
                self._write_labels(row, line)
                self._write_numbers(row, line)
                self._write_rest(row)

    def _write_heading(self, row: int, text: str) -> None:
        self._sheet.set_row(row, 19, self._formats["group"])
        self._sheet.write_string(row, 1, text, self._formats["group"])

    def _write_total(self, row: int, total: Total) -> None:
        """The live total of the rows above."""
        sheet, formats, words = self._sheet, self._formats, self._words
        self._totals.append(row)
        for column in range(len(_COLUMN)):
            sheet.write_blank(row, column, None, formats["total"])
        sheet.write_string(row, _COLUMN["kpi"], total.name, formats["total"])
        sheet.write_string(row, _COLUMN["data_point"], words["total"], formats["total"])
        sheet.write_string(row, _COLUMN["help"], words["total_help"], formats["total_help"])
        for field in ("result", "previous"):
            formula = form_formulas.total_formula(row - total.n + 1, row, field)
            sheet.write_formula(row, _COLUMN[field], formula, formats["total_number"], "")
        check = form_formulas.total_check(row - total.n + 1, row, self._form.says)
        sheet.write_formula(row, _COLUMN["check"], check, formats["check"], "")
        sheet.set_row(row, 22)

    def _write_labels(self, row: int, point: DataPoint) -> None:
        """Code, names, help and unit."""
        sheet, formats, catalogue = self._sheet, self._formats, self._form.catalogue
        kpi = catalogue.kpi_of(point.id)
        text = f"{kpi.definition}\n{self._formula_text(point)}"
        sheet.write_string(row, 0, point.id, formats["code"])
        sheet.write_string(row, 1, f"{kpi.name}\n{kpi.printed_code} ({kpi.level})", formats["kpi"])
        sheet.write_string(row, 2, point.name, formats["point"])
        sheet.write_string(row, 3, text, formats["help"])
        style = formats["unit_choice" if point.id in CHOICES else "unit"]
        sheet.write_string(row, 4, catalogue.codes.units[point.unit].printed, style)
        sheet.set_row(row, form_style.height(text, form_style.KPI_WIDTHS[3], least=2))

    def _formula_text(self, point: DataPoint) -> str:
        """How the result comes about, in words."""
        words, labels = self._words, self._form.texts.headers
        if point.value_type == "yes_no":
            return words["choose"]
        if point.numerator is None:
            return words["give"]
        lines = [words["numerator"].format(text=point.numerator)]
        if point.denominator is None:
            return lines[0]
        divided = "" if point.template_divisor == 1 else " / 100 000"
        lines.append(words["denominator"].format(text=f"{point.denominator}{divided}"))
        times = "" if point.template_multiplier == 1 else f" × {point.template_multiplier:.0f}"
        ratio = f"{labels['numerator']} / {labels['denominator']}{times}"
        lines.append(words["formula"].format(text=ratio))
        return "\n".join(lines)

    def _write_numbers(self, row: int, point: DataPoint) -> None:
        """Cells of numerator, denominator, result, Reported and Check, with the form's formulas."""
        sheet, formats = self._sheet, self._formats
        sheet.write_blank(row, _COLUMN["numerator"], None, formats["locked" if point.numerator is None else "input"])
        self._write_denominator(row, point)
        if point.numerator is None:
            sheet.write_string(row, _COLUMN["result"], NOT_REPORTED, formats["result"])
        else:
            formula = form_formulas.result_formula(point, row + 1)
            sheet.write_formula(row, _COLUMN["result"], formula, formats["result"], NOT_REPORTED)
        formula = form_formulas.reported_formula(row + 1)
        sheet.write_formula(row, _COLUMN["is_reported"], formula, formats["choice"], yes_no(False))
        sheet.write_blank(row, _COLUMN["previous"], None, formats["previous"])
        formula = form_formulas.check_formula(
            point, row + 1, self._form.says, self._profile_cell(point), self._form.nothing
        )
        # The stored value is left empty: programs that open the form compute it, and no reader takes it.
        sheet.write_formula(row, _COLUMN["check"], formula, formats["check"], "")

    def _write_denominator(self, row: int, point: DataPoint) -> None:
        """The cell of the denominator, with a live formula where the profile gives it."""
        sheet, formats, column = self._sheet, self._formats, _COLUMN["denominator"]
        cell = self._profile_cell(point)
        if point.denominator is None or cell is None:
            sheet.write_blank(row, column, None, formats["locked" if point.denominator is None else "input"])
            return
        divided = cell if point.template_divisor == 1 else f"{cell}/{point.template_divisor:.0f}"
        sheet.write_formula(row, column, f'=IF(ISNUMBER({cell}),{divided},"")', formats["prefilled"], "")

    def _profile_cell(self, point: DataPoint) -> str | None:
        """The figure of the profile that the denominator is; None where it is none."""
        field = PREFILLED.get(point.denominator_basis or "")
        return None if field is None else self._form.profile_cells[field]

    def _write_rest(self, row: int) -> None:
        """Cells of verified, quality, origin, source, its details and comment."""
        self._sheet.write_blank(row, _COLUMN["is_verified"], None, self._formats["verifier"])
        for column in range(_COLUMN["quality"], _COLUMN["comment"] + 1):
            self._sheet.write_blank(row, column, None, self._formats["input_text"])

    def _write_progress(self) -> None:
        """How much is reported, live, above the header."""
        columns = ("kpi", "data_point", "help")
        for column, formula in zip(columns, self.progress_formulas(), strict=True):
            self._sheet.write_formula(2, _COLUMN[column], formula, self._formats["progress"], "")
        self._sheet.set_row(2, 20)

    def _rows_where(self, condition: Callable[[DataPoint], bool]) -> list[int]:
        return [row for row, point in self._points if condition(point)]

    def _validate(self) -> None:
        """Drop-downs and number limits."""
        sheet, first, last = self._sheet, self._points[0][0], self._points[-1][0]
        error = {"error_title": self._form.texts.headers["help"], "error_message": self._words["list_error"]}
        lists = self._form.lists
        for field, name in _LISTS.items():
            column = _COLUMN[field]
            sheet.data_validation(first, column, last, column, {"validate": "list", "source": lists[name], **error})
        for rows, field, name in (
            (self._rows_where(lambda point: point.value_type == "yes_no"), "result", "yes_no_nr"),
            (self._rows_where(lambda point: point.id in CHOICES), "unit", "units"),
        ):
            self._validate_rows(rows, field, {"validate": "list", "source": lists[name], **error})
        for field in ("numerator", "denominator"):
            column = _COLUMN[field]
            rule = {"validate": "decimal", "criteria": ">=", "value": 0, "error_type": "warning"}
            rule |= {"error_title": self._form.texts.headers[field], "error_message": self._words["number_error"]}
            sheet.data_validation(first, column, last, column, rule)
        self._validate_results()

    def _validate_results(self) -> None:
        """Bounds of the result, one rule for all rows with the same bounds."""
        groups: dict[tuple[float | None, float | None], list[int]] = {}
        for row, point in self._points:
            if point.value_type != "yes_no":
                groups.setdefault((point.lower_bound, point.upper_bound), []).append(row)
        for (low, high), rows in groups.items():
            cell = f"{LETTER['result']}{rows[0] + 1}"
            tests = [f"ISNUMBER({cell})"]
            tests += [] if low is None else [f"{cell}>={low:g}"]
            tests += [] if high is None else [f"{cell}<={high:.0f}"]
            rule = {
                "validate": "custom",
                "value": f'=OR({cell}="{NOT_REPORTED}",AND({",".join(tests)}))',
                "error_type": "warning",
                "error_title": self._form.texts.headers["result"],
                "error_message": self._words["expected"].format(bounds=self._bounds_text(low, high)),
            }
            self._validate_rows(rows, "result", rule)

    def _bounds_text(self, low: float | None, high: float | None) -> str:
        """Bounds in words."""
        words = self._words
        if low is None and high is None:
            return words["any_number"]
        if high is None:
            return words["at_least"].format(low=f"{low:g}")
        return words["between"].format(low=f"{low or 0:g}", high=f"{high:.0f}")

    def _validate_rows(self, rows: list[int], field: str, rule: dict[str, Any]) -> None:
        if not rows:
            return
        column = _COLUMN[field]
        others = [[row, column, row, column] for row in rows[1:]]
        self._sheet.data_validation(rows[0], column, rows[0], column, {**rule, "other_cells": others})

    def _colour(self) -> None:
        """Colours that follow what is filled in; the first that holds wins."""
        sheet, formats = self._sheet, self._formats
        first, last = self._span()
        at = {name: f"${letter}{first}" for name, letter in LETTER.items()}
        wrong, doubtful = (f'=LEFT({at["check"]},1)="{mark}"' for mark in ("✗", "!"))
        gap = f'=AND(ISNUMBER({at["numerator"]}),{at["result"]}="{NOT_REPORTED}")'
        source = f'=AND({at["is_reported"]}="YES",TRIM({at["source"]}&{at["source_details"]})="",{at["code"]}<>"")'
        for field, test, style in (
            ("check", wrong, "wrong"),
            ("check", doubtful, "doubtful"),
            ("check", f'=LEFT({at["check"]},1)="✓"', "yes"),
            ("result", wrong, "wrong"),
            ("result", doubtful, "doubtful"),
            ("result", f'={at["result"]}="{NOT_REPORTED}"', "not_reported"),
            ("denominator", gap, "missing"),
            ("source", source, "missing"),
            ("is_reported", f'={at["is_reported"]}="YES"', "yes"),
            ("is_verified", f'={at["is_verified"]}="YES"', "yes"),
            ("is_verified", f'={at["is_verified"]}="NO"', "missing"),
        ):
            sheet.conditional_format(
                f"{LETTER[field]}{first}:{LETTER[field]}{last}",
                {"type": "formula", "criteria": test, "format": formats[style], "stop_if_true": False},
            )


_LISTS = {"is_reported": "yes_no", "is_verified": "yes_no", "quality": "quality", "origin": "origin"}
