"""A city's own workbook with what was found written at its cells.

What belongs here: comments, colours and the list of findings. What does not: the findings. The workbook has passed the
bounded reader before it comes here. Formulas, formats, drop-downs and protection stay; results of formulas are
computed anew when it is opened. Texts of others are written as texts, whatever they begin with.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intake.form_style import height
from intake.texts import for_xml

SHEET = "Findings"
WIDTHS = (22, 20, 34, 90, 28)
FILLS = {"error": "F6B3AD", "warning": "FFD9A8", "note": "D9E5F1"}
QUESTION_FILL, QUESTION = "E4DFF2", "Please answer"
WORDS = {"error": "Please correct", "warning": "Please check", "note": "For your information"}
AUTHOR = "Verification"
HEAD = ("Where", "What to do", "KPI", "What was found", "Rule")
_CELL = re.compile(r"[A-Z]{1,3}[0-9]{1,7}")
# Excel shows no more of a comment; one cell has seldom so much.
LONGEST = 2_000

Finding = Mapping[str, Any]


def annotated(
    path: Path,
    findings: Sequence[Finding],
    title: str,
    names: Mapping[str, str],
    questions: Sequence[tuple[int, str, str]] = (),
) -> bytes:
    """The workbook with its findings.

    Args:
        path: A workbook that `intake.reading.read_submission` has read.
        findings: Rows of ``tables.FAULTS``, the gravest first.
        title: Heading of the list.
        names: Name of each data point, by its id.
        questions: Number, data point, or nothing, and text of each question that the city has not answered.

    Returns:
        The bytes of an xlsx file; macros are left out.
    """
    import openpyxl

    book = openpyxl.load_workbook(path, keep_links=False)
    by_cell: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding["sheet"] in book.sheetnames and _CELL.fullmatch(finding["cell"] or ""):
            by_cell.setdefault((finding["sheet"], finding["cell"]), []).append(finding)
    for (sheet, cell), told in by_cell.items():
        _mark(book[sheet][cell], told)
    _list(book, findings, title, set(by_cell), names, questions)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _mark(cell: Any, told: Sequence[Finding]) -> None:
    """Colour a cell by its gravest finding and write all of them in a comment; one that was there stays in it."""
    from openpyxl.cell.cell import MergedCell
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    if isinstance(cell, MergedCell):
        merged = next(area for area in cell.parent.merged_cells.ranges if cell.coordinate in area)
        cell = cell.parent.cell(merged.min_row, merged.min_col)
    cell.fill = PatternFill("solid", fgColor=FILLS[told[0]["severity"]])
    lines = [f"{WORDS[one['severity']]}: {one['message']}" for one in told]
    if cell.comment is not None:
        lines.append(cell.comment.text)
    text = for_xml("\n\n".join(lines))[:LONGEST]
    cell.comment = Comment(text, AUTHOR, height=40 + 18 * (len(text) // 42 + len(lines)), width=320)


def _list(
    book: Any,
    findings: Sequence[Finding],
    title: str,
    linked: set[tuple[str, str]],
    names: Mapping[str, str],
    questions: Sequence[tuple[int, str, str]],
) -> None:
    """The sheet with all questions and findings, first in the book; a cell of the book is a link."""
    from openpyxl.styles import Alignment, Font, PatternFill

    # The form's own face: one that is not named is whatever the program takes for none.
    face = book._named_styles["Normal"].font.name  # openpyxl has no other door to it
    name = SHEET
    while name in book.sheetnames:
        name += " 2"
    sheet = book.create_sheet(name, 0)
    book.active = 0
    for other in book.worksheets[1:]:
        other.sheet_view.tabSelected = False
    for letter, width in zip("ABCDE", WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    _write(sheet, 1, 1, title)
    sheet.cell(1, 1).font = Font(name=face, bold=True, size=14)
    counts = {word: sum(one["severity"] == word for one in findings) for word in FILLS}
    told = f"{counts['error']} to correct, {counts['warning']} to check, {counts['note']} notes."
    told = f"{len(questions)} to answer, {told}" if questions else told
    _write(sheet, 2, 1, f"{told} Each stands as a comment at its cell too. Correct the cells; this sheet is not read.")
    for column, word in enumerate(HEAD, start=1):
        _write(sheet, 4, column, word)
        sheet.cell(4, column).font = Font(name=face, bold=True, color="FFFFFF")
        sheet.cell(4, column).fill = PatternFill("solid", fgColor="14375E")
    rows: list[tuple[tuple[str, ...], str, tuple[str, str] | None]] = []
    for number, point, text in questions:
        subject = f"{names[point]}\n{point}" if point in names else point
        rows.append(((f"Question {number}", QUESTION, subject, text, ""), QUESTION_FILL, None))
    for one in findings:
        where = f"{one['sheet']}!{one['cell']}" if one["sheet"] else one["cell"] or "the whole workbook"
        point = one["data_point"] or ""
        subject = f"{names[point]}\n{point}" if point in names else point
        texts = (where, WORDS[one["severity"]], subject, one["message"], one["rule"])
        place = (one["sheet"], one["cell"])
        rows.append((texts, FILLS[one["severity"]], place if place in linked else None))
    for row, (cells, fill, link) in enumerate(rows, start=5):
        for column, text in enumerate(cells, start=1):
            _write(sheet, row, column, text)
            sheet.cell(row, column).alignment = Alignment(wrap_text=True, vertical="top")
            sheet.cell(row, column).font = Font(name=face, size=10)
        # No program works out how high a row is whose height no one has set, and some take it for one line.
        sheet.row_dimensions[row].height = max(height(text, width) for text, width in zip(cells, WIDTHS, strict=True))
        sheet.cell(row, 2).fill = PatternFill("solid", fgColor=fill)
        if link is not None:
            sheet.cell(row, 1).hyperlink = "#'{}'!{}".format(link[0].replace("'", "''"), link[1])
            sheet.cell(row, 1).font = Font(name=face, size=10, underline="single", color="1B5E9B")
    sheet.freeze_panes = "A5"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def _write(sheet: Any, row: int, column: int, text: str) -> None:
    """Write a text as a text: no formula, whatever it begins with."""
    cell = sheet.cell(row, column)
    cell.value = for_xml(str(text))[:32_000]
    cell.data_type = "s"
    cell.quotePrefix = True
