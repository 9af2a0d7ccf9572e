"""Files and cells that people fill in by hand, line by line and entry by entry.

What belongs here: reading the lines of a small CSV, the entries of a cell, and a day. What does not: what the lines
mean, and what is wrong with them (`register.py`, `receipts.py`, `participation.py`, `countries.py`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from ssc_index.errors import SscIndexError

Row = dict[str, str]


class LinesError(SscIndexError):
    """A file that is no CSV in UTF-8; says why."""


def read_lines(path: Path) -> tuple[list[str], list[tuple[int, Row]]]:
    """Header of a CSV, and its lines with their numbers, without those that are all blank.

    Names and texts are without the blanks around them; a cell that is not there is an empty text, one beyond the
    header is left out. A text that goes over several lines has the number of the last.

    Raises:
        FileNotFoundError: If it is not there.
        LinesError: If it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = [name.strip() for name in next(lines, ())]
            told = [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines]
    except (UnicodeDecodeError, csv.Error) as error:
        raise LinesError(f"is no CSV in UTF-8 ({error}). Save it again.") from error
    blank = dict.fromkeys(header, "")
    return header, [(line, blank | dict(zip(header, cells, strict=False))) for line, cells in told if any(cells)]


def entries(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str] | None]]:
    """The entries of a cell, separated by ``|``, each with its match of a pattern, or None where it has none.

    >>> [entry for entry, match in entries("a = 1 | | b", re.compile(r".*=.*")) if match is None]
    ['b']
    """
    for entry in map(str.strip, text.split("|")):
        if entry:
            yield entry, pattern.fullmatch(entry)


def day(text: str) -> date | None:
    """The day of a text such as 2025-04-30; None where it is none.

    >>> day("2025-04-30"), day("30.4.2025")
    (datetime.date(2025, 4, 30), None)
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
