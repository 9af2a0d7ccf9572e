"""A filled workbook, cell by cell, into the tables of intake.

What belongs here: where the form's fields stand in a workbook as it came back, and what its cells say. What does
not: the archive (`xlsx.py`), the labels (`template.py`), the judgement of values (`derive.py`).

People move, hide and add columns, rows and sheets; none of that matters. A label that is gone does, and is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from intake import numbers, tables
from intake.currencies import CURRENCIES
from intake.form_model import FORM_VERSION, HEADERS, HELP_FIELDS, KPIS, PROFILE, PROFILE_LABELS, REQUIRED_FIELDS
from intake.form_texts import known_labels
from intake.guesses import meant
from intake.points import Lookup, key, lookup_of
from intake.tables import Fault, ReadResult
from intake.units import PROFILE_UNITS, doubt, factor_of, in_unit
from intake.xlsx import Cell, Merged, XlsxFile, column_letters, open_xlsx
from ssc_index.framework.catalogue import Catalogue

HEADER_SEARCH_ROWS = 60
MAX_FAULTS = 1000
MAX_TEXT = 4000

_LABELS = known_labels()
# What one cell says for all rows that it was merged over. A number belongs to one row alone.
_SHARED_FIELDS = ("kpi", "unit", "denominator", "quality", "origin", "source", "source_details", "comment")

Grid = dict[tuple[int, int], Cell]
Report = Callable[..., None]


@dataclass
class _Context:
    """What is known of the file while it is read, and the faults so far."""

    file_sha256: str
    lookup: Lookup
    city_id: str | None = None
    year: int | None = None
    faults: list[Fault] = field(default_factory=list)

    def fault(self, rule: str, message: str, severity: tables.Severity = "error", **where: Any) -> None:
        """Report a fault at a place."""
        if len(self.faults) == MAX_FAULTS:
            rest = f"Only the first {MAX_FAULTS} faults are listed. Correct these and check the workbook again."
            self.faults.append(Fault("too_many_faults", rest, severity, file_sha256=self.file_sha256))
        elif len(self.faults) < MAX_FAULTS:
            self.faults.append(
                Fault(
                    rule,
                    message,
                    severity,
                    file_sha256=self.file_sha256,
                    city_id=self.city_id,
                    year=self.year,
                    **where,
                )
            )


def read_workbook(path: Path, file_sha256: str, catalogue: Catalogue) -> ReadResult:
    """Read a filled form.

    Args:
        path: The workbook.
        file_sha256: Its SHA-256, which every row carries.
        catalogue: The KPI catalogue.

    Returns:
        Its rows with every fault found; refused where city, year, edition or columns cannot be made out.

    Raises:
        Refused: If it is no workbook, or beyond the limits of `xlsx.py`.
    """
    context = _Context(file_sha256, lookup_of(catalogue))
    with open_xlsx(path) as book:
        _report_extras(book, context)
        names = _sheets(book, context)
        if names is None:
            return tables.refusal(file_sha256, "workbook", context.faults)
        profile, kpis = (_grid(book.cells(name)) for name in names)
        merged = book.merged(names[1])
    found = _read_profile(profile, names[0], context)
    version = _check_version(found, names[0], catalogue.version, context)
    _check_form(found, names[0], context)
    columns, header_row = _columns(kpis, names[1], context)
    if _is_fatal(context, columns):
        return tables.refusal(file_sha256, "workbook", context.faults, version)
    submission = _submission(found, names[0], context)
    _spread(kpis, names[1], merged, columns, header_row, context)
    rows = _rows(kpis, names[1], columns, header_row, context)
    return ReadResult(
        file_sha256=file_sha256,
        kind="workbook",
        status="read",
        framework_version=version,
        column_map={name: column_letters(column) for name, column in columns.items()} | _profile_places(found),
        submissions=tables.frame(tables.SUBMISSIONS, {name: [value] for name, value in submission.items()}),
        cells=tables.frame(tables.CELLS, {name: [row[name] for row in rows] for name in tables.CELLS}),
        faults=tables.faults_frame(context.faults),
    )


def _profile_places(found: Mapping[str, Cell | None]) -> dict[str, str]:
    """Address of the year and of each figure of the profile that stands in its cell."""
    names = ("year", *tables.PROFILE_NUMBERS)
    return {f"profile.{name}": _at(cell) for name, cell in found.items() if cell and name in names}


def _is_fatal(context: _Context, columns: Mapping[str, int]) -> bool:
    """Whether too little was found to read any row."""
    fatal = {"two_cities", "framework_mismatch", "duplicate_header"}
    return (
        context.city_id is None
        or context.year is None
        or any(name not in columns for name in REQUIRED_FIELDS)
        or any(fault.rule in fatal for fault in context.faults)
    )


def _report_extras(book: XlsxFile, context: _Context) -> None:
    """Say what of the file was left aside."""
    if book.has_macros:
        text = "The workbook has macros. They were not run; its cells were read as they stand. Send it as .xlsx."
        context.fault("macros_ignored", text, "note")
    if book.has_links:
        text = "Formulas take values from other files. They were not opened; the values last seen were read. Type them."
        context.fault("links_ignored", text, "note")


def _sheets(book: XlsxFile, context: _Context) -> tuple[str, str] | None:
    """Names of the sheets Profile and KPIs as they stand in the file; None with a fault for each that is missing."""
    fields = {"profile": PROFILE, "kpis": KPIS}
    known = {name: fields.get(_LABELS.sheets.get(key(name), "")) for name in reversed(book.sheet_names)}
    found = {own: name for name, own in known.items() if own is not None}
    missing = {name: name for name in (PROFILE, KPIS) if name not in found}
    for name, sheet in meant(missing, [one for one in book.sheet_names if one not in found.values()]).items():
        found[name] = sheet
        text = f"Sheet {sheet[:60]!r} was read as {name!r}. If it is another, rename it."
        context.fault("sheet_guessed", text, "note", sheet=sheet, value=sheet)
    for name in [one for one in missing if one not in found]:
        listed = ", ".join(repr(other) for other in book.sheet_names[:12]) or "none"
        context.fault(
            "wrong_sheet",
            f"Sheet {name!r} is missing; the workbook has {listed}. Rename it back, or copy the data into the form.",
            sheet=name,
            value=listed,
        )
    return (found[PROFILE], found[KPIS]) if len(found) == 2 else None


def _grid(cells: Iterable[Cell]) -> Grid:
    """Cells by row and column."""
    return {(cell.row, cell.column): cell for cell in cells}


def _read_profile(grid: Grid, sheet: str, context: _Context) -> dict[str, Cell | None]:
    """Value cells of the profile by field; sets city and year of the context."""
    labels: dict[str, list[Cell]] = {}
    for cell in grid.values():
        if cell.kind == "text" and (name := _LABELS.profile.get(key(str(cell.value)))):
            labels.setdefault(name, []).append(cell)
    value_column = _value_column(grid)
    found: dict[str, Cell | None] = {}
    for name, (label, _) in PROFILE_LABELS.items():
        cells = labels.get(name, [])
        if not cells:
            _missing_label(name, label, sheet, context)
            continue
        if len(cells) > 1 and name in ("city_id", "year"):
            context.fault(
                "two_cities",
                f"The profile has {label!r} {len(cells)} times. Send one workbook for each city and year.",
                sheet=sheet,
                cell=_at(cells[1]),
                field=name,
            )
        first = cells[0]
        found[name] = grid.get((first.row, value_column or first.column + 1))
    _identify(found, sheet, context)
    return found


def _value_column(grid: Grid) -> int | None:
    """Column headed Value, in the row that is also headed Field; None where there is no such row."""
    heads: dict[int, dict[str, int]] = {}
    for cell in grid.values():
        head = _LABELS.profile_headers.get(key(str(cell.value))) if cell.kind == "text" else None
        if head in ("field", "value"):
            heads.setdefault(cell.row, {})[head] = cell.column
    return next((row["value"] for _, row in sorted(heads.items()) if len(row) == 2), None)


def _missing_label(name: str, label: str, sheet: str, context: _Context) -> None:
    """Say that a label of the profile is gone; city and year are reported where they are used."""
    if name not in ("city_id", "year", "form_version"):
        context.fault(
            "renamed_header",
            f"The profile has no row {label!r}. Rename it back, or copy the data into the form.",
            "warning",
            sheet=sheet,
            field=name,
            value=label,
        )


def _identify(found: Mapping[str, Cell | None], sheet: str, context: _Context) -> None:
    """Set city and year of the context, or report why not."""
    city = found.get("city_id")
    text = _text(city)
    if text is None:
        context.fault(
            "city_missing",
            "The profile names no City ID. Write the key of the register, for example no-karmoy, as in the form "
            "you were sent.",
            sheet=sheet,
            cell=None if city is None else _at(city),
            field="city_id",
        )
    else:
        context.city_id = text.casefold()
    year = found.get("year")
    if _text(year) is None:
        context.fault(
            "year_missing",
            "The profile names no Reference year. Write the year that the data describe, for example 2024.",
            sheet=sheet,
            field="year",
        )
    elif year is not None:
        _read_year(year, sheet, context)


def _read_year(year: Cell, sheet: str, context: _Context) -> None:
    """Set the year of the context, or report that it is none."""
    number = _plain_number(year)
    if number is None or number != int(number) or not tables.FIRST_YEAR <= number <= tables.LAST_YEAR:
        context.fault(
            "bad_year",
            f"Reference year {_shown(year)!r} is no year from {tables.FIRST_YEAR} to {tables.LAST_YEAR}. "
            "Write the year alone.",
            sheet=sheet,
            cell=_at(year),
            field="year",
            value=_shown(year),
        )
    else:
        context.year = int(number)


def _check_version(found: Mapping[str, Cell | None], sheet: str, expected: str, context: _Context) -> str | None:
    """The edition that the form names, with a fault where it is another one or none."""
    cell = found.get("framework_version")
    version = _text(cell)
    if version is None:
        context.fault(
            "framework_missing",
            f"The profile names no Framework version; read as {expected}.",
            "warning",
            sheet=sheet,
            field="framework_version",
        )
    elif version.casefold() != expected.casefold():
        context.fault(
            "framework_mismatch",
            f"The workbook was made for framework {version!r}, this index uses {expected!r}. Ask for the current "
            "form and copy the data over.",
            sheet=sheet,
            cell=None if cell is None else _at(cell),
            field="framework_version",
            value=version,
        )
    return version


def _check_form(found: Mapping[str, Cell | None], sheet: str, context: _Context) -> None:
    """Say that a workbook is of another version of the form; every version so far is read."""
    cell = found.get("form_version")
    number = None if cell is None else _plain_number(cell)
    version = 1 if cell is None or cell.value is None else number
    if version == FORM_VERSION:
        return
    if version is None or version > FORM_VERSION:
        text = f"Form version {_shown(cell) if cell else ''!r} is none that is known; read as version {FORM_VERSION}."
    else:
        text = (
            f"The workbook is of version {version:g} of the form, the current is {FORM_VERSION}; it was read as such."
        )
    context.fault(
        "other_form",
        f"{text} Take the current form next time.",
        "note",
        sheet=sheet,
        cell=None if cell is None else _at(cell),
        field="form_version",
    )


def _submission(found: Mapping[str, Cell | None], sheet: str, context: _Context) -> dict[str, Any]:
    """The row of `tables.SUBMISSIONS`."""
    _check_currency(found.get("currency"), sheet, context)
    row: dict[str, Any] = {
        "file_sha256": context.file_sha256,
        "city_id": context.city_id,
        "year": context.year,
        "city_name": _text(found.get("city_name")),
        "currency": _text(found.get("currency")),
    }
    for name in tables.PROFILE_NUMBERS:
        report = partial(_of_profile, partial(context.fault, sheet=sheet, field=name))
        label, cell = PROFILE_LABELS[name][0], found.get(name)
        if name == "inflation_pct":
            cell, _ = _as_shown(cell, label, partial(context.fault, sheet=sheet, field=name))
        number, _ = _number(cell, label, report, PROFILE_UNITS.get(name))
        row[name] = number
    return row


def _of_profile(report: Report, rule: str, message: str, severity: tables.Severity = "error", **where: Any) -> None:
    """Report of a figure of the profile: one that was read from a text keeps the form from computing with it."""
    if severity == "note":
        severity, message = "warning", f"{message} The form computes no denominator from a text: type the number alone."
    report(rule, message, severity, **where)


def _check_currency(cell: Cell | None, sheet: str, context: _Context) -> None:
    """Doubt a currency that is none of the list."""
    text = _text(cell)
    if cell is not None and text is not None and text.upper() not in CURRENCIES:
        context.fault(
            "unknown_code",
            f"{PROFILE_LABELS['currency'][0]}: {text[:60]!r} is no three-letter code of a currency. "
            "Choose from the list.",
            "warning",
            sheet=sheet,
            cell=_at(cell),
            field="currency",
            value=text,
        )


def _columns(grid: Grid, sheet: str, context: _Context) -> tuple[dict[str, int], int]:
    """Column of each field and the row of the headers, with a fault for each header that is gone."""
    matches = Counter(
        cell.row
        for cell in grid.values()
        if cell.row <= HEADER_SEARCH_ROWS and cell.kind == "text" and _header_field(str(cell.value)) is not None
    )
    header_row = max(matches, key=lambda row: (matches[row], -row), default=1)
    heads = sorted((cell for cell in grid.values() if cell.row == header_row), key=lambda cell: cell.column)
    columns: dict[str, int] = {}
    unknown: dict[str, Cell] = {}
    for cell in heads:
        name = _header_field(str(cell.value))
        if name is None:
            unknown[_shown(cell)] = cell
        elif name in columns:
            context.fault(
                "duplicate_header",
                f"Column {HEADERS[name]!r} stands twice, in {column_letters(columns[name])} and "
                f"{column_letters(cell.column)}. Remove or rename the one that is not of the form.",
                sheet=sheet,
                cell=_at(cell),
                field=name,
            )
        else:
            columns[name] = cell.column
    missing = {name: label for name, label in HEADERS.items() if name not in columns and name not in HELP_FIELDS}
    former = {text: _LABELS.former.get(key(text)) for text in unknown}
    guesses = {name: text for text, name in reversed(former.items()) if name in missing}
    left = {name: label for name, label in missing.items() if name not in guesses}
    guesses |= meant(left, [text for text in unknown if text not in guesses.values()])
    for name, text in guesses.items():
        cell = unknown.pop(text)
        columns[name] = cell.column
        context.fault(
            "header_guessed",
            f"Column {text[:60]!r} was read as {missing.pop(name)!r}. If it is another, rename it.",
            "note",
            sheet=sheet,
            cell=_at(cell),
            field=name,
            value=text,
        )
    strangers = [f"{text!r} in {_at(cell)}" for text, cell in unknown.items()]
    for name, label in missing.items():
        _renamed(name, label, sheet, header_row, strangers, context)
    return columns, header_row


def _header_field(text: str) -> str | None:
    """Field of a header; that of the last report carries its year."""
    return _LABELS.headers.get(key(text)) or _LABELS.headers.get(key(text).rstrip("0123456789"))


def _renamed(name: str, label: str, sheet: str, row: int, strangers: Sequence[str], context: _Context) -> None:
    """Say which header is gone and what stands there instead."""
    instead = f" Unknown headers in row {row}: {', '.join(strangers[:8])}." if strangers else ""
    context.fault(
        "renamed_header",
        f"Column {label!r} was not found in row {row} of sheet {sheet!r}.{instead} Rename it back to {label!r}.",
        "error" if name in REQUIRED_FIELDS else "warning",
        sheet=sheet,
        field=name,
        value=", ".join(strangers[:8]) or None,
    )


def _spread(
    grid: Grid,
    sheet: str,
    merged: Sequence[Merged],
    columns: Mapping[str, int],
    header_row: int,
    context: _Context,
) -> None:
    """Let what stands in merged cells hold for each of their rows, and say so."""
    last_row = max((row for row, _ in grid), default=0)
    field_of = {column: name for name, column in columns.items()}
    for area in merged:
        cell = grid.get((area.first_row, area.first_column))
        fields = [name for column, name in field_of.items() if area.first_column <= column <= area.last_column]
        if cell is None or not fields or area.first_row <= header_row:
            continue
        name = field_of.get(area.first_column)
        rows = range(area.first_row + 1, min(area.last_row, last_row) + 1)
        if name in _SHARED_FIELDS:
            for row in rows:
                grid.setdefault((row, area.first_column), cell._replace(row=row))
        if name is not None and name not in HELP_FIELDS:
            _report_merged(area, cell, name, sheet, context)


def _report_merged(area: Merged, cell: Cell, name: str, sheet: str, context: _Context) -> None:
    """Say how merged cells were read."""
    place = f"{_at(cell)}:{column_letters(area.last_column)}{area.last_row}"
    is_of_one_row = area.first_row == area.last_row
    is_guess = is_of_one_row or name in _SHARED_FIELDS
    rows = "" if is_of_one_row else " of each of its rows" if is_guess else f" of row {cell.row} alone"
    context.fault(
        "merged_cells",
        f"{place} is one merged cell; it was read as {HEADERS[name]}{rows}. Undo the merging where that is wrong.",
        "note" if is_guess else "warning",
        sheet=sheet,
        cell=_at(cell),
        field=name,
        value=_shown(cell),
    )


def _rows(
    grid: Grid, sheet: str, columns: Mapping[str, int], header_row: int, context: _Context
) -> list[dict[str, Any]]:
    """Rows of `tables.CELLS`, one for each data point that the sheet holds."""
    lines: dict[int, dict[str, Cell]] = {}
    field_of = {column: name for name, column in columns.items()}
    for (row, column), cell in grid.items():
        if row > header_row and (name := field_of.get(column)):
            lines.setdefault(row, {})[name] = cell
    by_point: dict[str, list[int]] = {}
    for row in sorted(lines):
        point = _data_point(lines[row], row, sheet, columns, context)
        if point is not None:
            by_point.setdefault(point, []).append(row)
    chosen = {point: _single(point, rows, lines, sheet, columns, context) for point, rows in by_point.items()}
    _report_missing_rows(set(by_point), sheet, context)
    uncalculated: dict[str, list[str]] = {}
    rows = [
        _row(point, row, lines[row], sheet, uncalculated, context)
        for point, row in sorted(chosen.items(), key=lambda item: item[1] or 0)
        if row is not None
    ]
    _report_uncalculated(uncalculated, sheet, context)
    return rows


def _has_content(line: Mapping[str, Cell]) -> bool:
    """Whether a city put anything into a row; a prefilled denominator and the form's own NR do not count."""
    numerator, result = line.get("numerator"), line.get("result")
    typed = result is not None and not result.is_formula and not _is_blank(result)
    return typed or (numerator is not None and not _is_blank(numerator))


def _data_point(
    line: Mapping[str, Cell], row: int, sheet: str, columns: Mapping[str, int], context: _Context
) -> str | None:
    """The data point of a row; None for headings, remarks and codes that no one knows."""
    cell = line.get("code")
    text = _text(cell) or (_text(line.get("kpi")) if _has_content(line) else None)
    if text is None:
        if _has_content(line):
            context.fault(
                "unknown_kpi",
                f"Row {row} holds values but no code. Write the code of the data point in column "
                f"{column_letters(columns['code'])}.",
                sheet=sheet,
                cell=f"{column_letters(columns['code'])}{row}",
                field="code",
            )
        return None
    point = context.lookup.data_point(text, _text(line.get("data_point")) or "")
    if point is None and (cell is None or len(line) > 1):
        context.fault(
            "unknown_kpi",
            f"{text[:80]!r} is no data point of {context.lookup.version}. Correct the code, or delete row {row}.",
            sheet=sheet,
            cell=f"{column_letters(columns['code'])}{row}",
            field="code",
            value=text,
        )
    return point


def _single(
    point: str,
    rows: Sequence[int],
    lines: Mapping[int, Mapping[str, Cell]],
    sheet: str,
    columns: Mapping[str, int],
    context: _Context,
) -> int | None:
    """The one row of a data point; None with a fault for each where several are filled."""
    filled = [row for row in rows if _has_content(lines[row])]
    if len(filled) < 2:
        return filled[0] if filled else rows[0]
    listed = " and ".join(str(row) for row in filled)
    for row in filled:
        context.fault(
            "duplicate_data_point",
            f"{point} stands in rows {listed}; none of them is used. Keep one and delete the others.",
            sheet=sheet,
            cell=f"{column_letters(columns['code'])}{row}",
            kpi_code=context.lookup.kpi_codes[point],
            data_point=point,
            field="code",
            value=point,
        )
    return None


def _report_missing_rows(found: set[str], sheet: str, context: _Context) -> None:
    """Say which data points have no row at all."""
    missing = [point for point in context.lookup.points if point not in found]
    if missing:
        shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        context.fault(
            "missing_rows",
            f"{len(missing)} data points have no row and count as not reported: {shown}. Do not delete rows.",
            "warning",
            sheet=sheet,
            field="code",
            value=shown,
        )


def _report_uncalculated(uncalculated: Mapping[str, Sequence[str]], sheet: str, context: _Context) -> None:
    """One note for each column whose formulas carry no value."""
    for name, cells in uncalculated.items():
        context.fault(
            "formula_not_calculated",
            f"{HEADERS[name]}: the formula in {', '.join(cells[:5])}{' …' if len(cells) > 5 else ''} was never "
            f"calculated ({len(cells)} cell{'s' if len(cells) > 1 else ''}). Open the workbook in a spreadsheet "
            "program and save it.",
            "warning" if name in tables.NUMBER_FIELDS[:2] else "note",
            sheet=sheet,
            cell=cells[0],
            field=name,
        )


def _row(
    point: str,
    row: int,
    line: Mapping[str, Cell],
    sheet: str,
    uncalculated: dict[str, list[str]],
    context: _Context,
) -> dict[str, Any]:
    """One row of `tables.CELLS`."""
    report = partial(context.fault, sheet=sheet, kpi_code=context.lookup.kpi_codes[point], data_point=point)
    numerator = line.get("numerator")
    told = ["numerator"]
    if _has_content(line):
        told += ["result", "is_reported", "is_verified"]
    if numerator is not None and not _is_blank(numerator):
        told += ["denominator"]
    for name, cell in line.items():
        if cell.kind == "uncalculated" and name in told:
            uncalculated.setdefault(name, []).append(_at(cell))
    values: dict[str, Any] = {
        "file_sha256": context.file_sha256,
        "city_id": context.city_id,
        "year": context.year,
        "data_point": point,
        "sheet": sheet,
        "row_number": row,
    }
    is_choice = context.lookup.points[point].value_type == "yes_no"
    for name in tables.NUMBER_FIELDS:
        read = _choice if is_choice and name == "result" else _number
        asked = context.lookup.asked(point, name)
        found, shown = line.get(name), None
        if name == "result" and context.lookup.points[point].unit == "percent":
            found, shown = _as_shown(found, HEADERS[name], partial(report, field=name))
        tell = _nowhere if _only_follows(name, line) else partial(report, field=name)
        values[name], text = read(found, HEADERS[name], tell, asked)
        values[f"{name}_text"] = shown or text
    result = line.get("result")
    values["result_is_formula"] = result is not None and result.is_formula
    _convert(values, point, line, report, context.lookup)
    for name in ("is_reported", "is_verified"):
        tell = _nowhere if _only_follows(name, line) else partial(report, field=name)
        values[name] = _yes_no(line.get(name), HEADERS[name], tell)
    if values["is_reported"] is False and line["is_reported"].is_formula and _has_content(line):
        values["is_reported"] = True  # the form's own formula takes a number that is stored as text for none
    if result is not None and not result.is_formula and numbers.says_not_verified(_shown(result)):
        _not_verified(values, line, result, report)
    values["quality"] = _code(line.get("quality"), "quality", context.lookup.quality, report)
    values["origin"] = _code(line.get("origin"), "origin", context.lookup.origin, report)
    for name in ("source", "source_details", "comment"):
        values[name] = _text(line.get(name))
    return values


# What the form computes from what.
_COMPUTED_FROM = {"result": ("numerator", "denominator"), "is_reported": ("result",)}


def _only_follows(name: str, line: Mapping[str, Cell]) -> bool:
    """Whether a cell's formula shows an error because a cell that it looks at does: there it is told."""
    cell, looked_at = line.get(name), [line.get(other) for other in _COMPUTED_FROM.get(name, ())]
    is_error = cell is not None and cell.kind == "error" and cell.is_formula
    return is_error and any(other is not None and other.kind == "error" for other in looked_at)


def _nowhere(*_about: object, **_where: object) -> None:
    """Where a fault goes that is told elsewhere."""


def _not_verified(values: dict[str, Any], line: Mapping[str, Cell], result: Cell, report: Report) -> None:
    """Take “Not verified” in place of a value for what it says: reported, but not verified."""
    reported = line.get("is_reported")
    if values["is_verified"] or (reported is not None and not reported.is_formula and not values["is_reported"]):
        return  # the flags were set by hand and say otherwise
    values["is_reported"], values["is_verified"] = True, False
    report(
        "read_as_not_verified",
        f"{HEADERS['result']}: {_shown(result)!r} was read as reported, but not verified, and without a value.",
        "note",
        cell=_at(result),
        field="result",
        value=_shown(result),
    )


def _convert(values: dict[str, Any], point: str, line: Mapping[str, Cell], report: Report, lookup: Lookup) -> None:
    """Bring a row into the form's unit where another was chosen, and say so; doubt a unit that is not of the list."""
    cell = line.get("unit")
    unit = _text(cell)
    if cell is None or unit is None or not any(values[name] is not None for name in tables.NUMBER_FIELDS):
        return
    factor = factor_of(point, unit)
    if factor != 1:
        _convert_by(factor, unit, values, line, report)
    elif not lookup.is_unit(unit, point):
        report(
            "other_unit",
            f"{HEADERS['unit']}: {doubt(point, unit, lookup.units[point].printed)}",
            "warning",
            cell=_at(cell),
            field="unit",
            value=unit,
        )


def _convert_by(factor: float, unit: str, values: dict[str, Any], line: Mapping[str, Cell], report: Report) -> None:
    """Multiply numerator and typed result; the form's own formula has converted its result already."""
    if values["denominator"] is not None:
        return  # a mass over a volume is in the form's unit whatever was chosen
    for name in ("numerator", "result"):
        cell = line.get(name)
        if cell is None or values[name] is None or (name == "result" and values["result_is_formula"]):
            continue
        given, values[name] = values[name], values[name] * factor
        values[f"{name}_text"] = f"{_shown(cell)} {unit}"
        report(
            "unit_converted",
            f"{HEADERS[name]}: {given:.15g} {unit} was read as {values[name]:.6g} µg/m³ (× {factor:g}).",
            "note",
            cell=_at(cell),
            field=name,
            value=f"{_shown(cell)} {unit}",
        )


def _number(cell: Cell | None, label: str, report: Report, asked: str | None = None) -> tuple[float | None, str | None]:
    """Number of a cell, in the unit asked for, and its text where it held anything but a plain number."""
    if cell is None or cell.kind == "uncalculated":
        return None, None
    text: str | None
    if cell.kind == "number" and cell.shows == "date" and not cell.is_formula:
        text = _shown(cell)
        reading = numbers.Reading(
            None,
            "not_a_number",
            f"the cell shows a day or a time (it holds {text}): a spreadsheet program takes 3.5 or 1/2 for one where "
            "decimals are written otherwise. Choose a plain number format and type the number again.",
        )
    elif cell.kind == "number":
        reading = numbers.check_magnitude(float(cell.value or 0.0))
        text = None if reading.number is not None else _shown(cell)
    elif cell.kind == "text":
        reading = numbers.read_number(str(cell.value)[:MAX_TEXT])
        text = None if reading.is_missing else str(cell.value).strip()[:MAX_TEXT]
        reading = in_unit(reading, _shown(cell), asked)
    elif cell.kind == "error":
        text = _shown(cell)
        reading = numbers.Reading(
            None, "excel_error", f"the cell shows the error {text}. Correct the formula, or type the number."
        )
    else:
        text = _shown(cell)
        reading = numbers.Reading(None, "not_a_number", f"{text} is a truth value, not a number. Type the number.")
    if reading.rule is not None:
        severity = "warning" if reading.rule == "other_unit" else "note" if reading.is_guess else "error"
        report(reading.rule, f"{label}: {reading.remark}", severity, cell=_at(cell), value=_shown(cell))
    return reading.number, text


def _as_shown(cell: Cell | None, label: str, report: Report) -> tuple[Cell | None, str | None]:
    """A typed number whose format shows per cent, as it is shown, with what is shown; any other cell as it is.

    Whoever types 97 % into a cell sees 97 % there; the program stores 0.97 and changes the format.
    """
    if cell is None or cell.shows != "percent" or cell.is_formula or not isinstance(cell.value, float):
        return cell, None
    number = float(f"{100 * cell.value:.15g}")
    shown = f"{number:.15g} %"
    report(
        "unit_converted",
        f"{label}: the cell shows {shown} (it holds {cell.value:.15g} and has a percentage format) and was read as "
        f"{number:.15g}. If that is not meant, type the number and choose a plain format.",
        "note",
        cell=_at(cell),
        value=shown,
    )
    return cell._replace(value=number), shown


def _choice(
    cell: Cell | None, label: str, report: Report, _asked: str | None = None
) -> tuple[float | None, str | None]:
    """Result of a yes/no data point: 1 for yes, 0 for no, with the text that said so."""
    if cell is None or cell.kind == "uncalculated":
        return None, None
    shown = _shown(cell)
    if cell.kind == "text" and numbers.says_not_reported(shown):
        return None, None
    answer = None if cell.kind == "error" else numbers.read_yes_no(shown)
    if answer is None and cell.kind == "text":
        answer = _footnoted(shown)
        if answer is not None:
            word = "YES" if answer else "NO"
            report(
                "number_as_text",
                f"{label}: {shown!r} was read as {word}.",
                "note",
                cell=_at(cell),
                value=shown,
            )
    if answer is None:
        rule = "excel_error" if cell.kind == "error" else "not_yes_no"
        report(
            rule,
            f"{label}: {shown!r} is neither YES nor NO. Choose from the list.",
            cell=_at(cell),
            value=shown,
        )
        return None, shown
    return float(answer), shown


def _footnoted(text: str) -> bool | None:
    """YES or NO with a footnote mark beside it, as ``2 No``."""
    words = [word for word in text.split() if not word.strip("*†()[]¹²³").isdigit()]
    return numbers.read_yes_no(words[0].strip("*†¹²³.")) if len(words) == 1 else None


def _yes_no(cell: Cell | None, label: str, report: Report) -> bool | None:
    """YES or NO of a flag; None where it is blank or says neither."""
    if cell is None or cell.kind == "uncalculated" or _is_blank(cell):
        return None
    answer = numbers.read_yes_no(_shown(cell))
    if answer is None:
        report(
            "not_yes_no",
            f"{label}: {_shown(cell)!r} is neither YES nor NO, so it counts as blank. Choose from the list.",
            cell=_at(cell),
            value=_shown(cell),
        )
    return answer


def _code(cell: Cell | None, name: str, find: Callable[[str], str | None], report: Report) -> str | None:
    """Code of a list entry; None where it is blank or not in the list."""
    text = _text(cell)
    if text is None or cell is None:
        return None
    code = find(text)
    if code is None and not numbers.says_not_reported(text):
        report(
            "unknown_code",
            f"{HEADERS[name]}: {text[:80]!r} is not in the list and counts as blank. Choose from the list.",
            "warning",
            cell=_at(cell),
            field=name,
            value=text,
        )
    return code


def _plain_number(cell: Cell) -> float | None:
    """A number that is stored as such or is written as one."""
    if cell.kind == "number" and isinstance(cell.value, float):
        return numbers.check_magnitude(cell.value).number
    return numbers.read_number(str(cell.value)).number if cell.kind == "text" else None


def _text(cell: Cell | None) -> str | None:
    """What a cell shows, without blanks around it; None where it shows nothing."""
    if cell is None or cell.value is None:
        return None
    return _shown(cell).strip()[:MAX_TEXT] or None


def _is_blank(cell: Cell) -> bool:
    """Whether a cell shows nothing, or one of the words for it."""
    return cell.value is None or (cell.kind == "text" and numbers.says_not_reported(str(cell.value)))


def _shown(cell: Cell) -> str:
    """A cell's value as text."""
    if isinstance(cell.value, bool):
        return "TRUE" if cell.value else "FALSE"
    return f"{cell.value:.15g}" if isinstance(cell.value, float) else str(cell.value)


def _at(cell: Cell) -> str:
    return f"{column_letters(cell.column)}{cell.row}"
