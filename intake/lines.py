"""Files and cells that people fill in by hand, line by line and entry by entry.

What belongs here: reading the lines of a small CSV, the entries of a cell, and a day. What does not: what the lines
mean, and what is wrong with them (`register.py`, `receipts.py`, `participation.py`, `countries.py`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from ssc_index.errors import SscIndexError

Row = dict[str, str]
# Beyond this a field could be longer than the reader of CSV takes, which then refuses it.
LONGEST_PLAIN = 131_072


class LinesError(SscIndexError):
    """A file that is no CSV in UTF-8; says why."""


def read_lines(path: Path | str) -> tuple[list[str], list[tuple[int, Row]]]:
    """Header of a CSV, and its lines with their numbers, without those that are all blank.

    Names and texts are without the blanks around them; a cell that is not there is an empty text, one beyond the
    header is left out. A text that goes over several lines has the number of the last.

    Raises:
        FileNotFoundError: If it is not there.
        LinesError: If it cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # of ten thousand, Path.open takes twice as long
            text = file.read().decode("utf-8-sig")
        told = _plain(text) if _is_plain(text) else _quoted(text)
    except (UnicodeDecodeError, csv.Error) as error:
        raise LinesError(f"is no CSV in UTF-8 ({error}). Save it again.") from error
    header = [name.strip() for name in told[0][1]] if told else []
    blank = dict.fromkeys(header, "")
    rows = ((line, [cell.strip() for cell in cells]) for line, cells in told[1:])
    return header, [(line, blank | dict(zip(header, cells, strict=False))) for line, cells in rows if any(cells)]


def plain_line(path: str, header: Sequence[str]) -> str | None:
    """The one line of a CSV that has just that header and nothing quoted; None of any other, and of what is no CSV.

    Args:
        path: The file.
        header: Names of the columns.
    """
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # as above
            text = file.read().decode()
    except (OSError, UnicodeDecodeError):
        return None
    head, _, rest = text.partition("\n")
    line = rest.removesuffix("\n")
    is_one = head == ",".join(header) and line.count(",") == len(header) - 1 and "\n" not in line
    return line if is_one and _is_plain(text) else None


def _is_plain(text: str) -> bool:
    """Whether commas and ends of lines are all that a CSV has; a build reads ten thousand such files each time."""
    return len(text) < LONGEST_PLAIN and not any(mark in text for mark in '"\r\0')


def _plain(text: str) -> list[tuple[int, list[str]]]:
    """Lines with their numbers, as `_quoted` has them."""
    lines = enumerate(text.split("\n"), start=1)
    return [(number, line.split(",") if line else []) for number, line in lines]


def _quoted(text: str) -> list[tuple[int, list[str]]]:
    """Lines with the numbers at which they end, whatever is quoted."""
    lines = csv.reader(io.StringIO(text, newline=""))
    return [(lines.line_num, cells) for cells in lines]


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
