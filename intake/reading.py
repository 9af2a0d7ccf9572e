"""One received file, whatever it holds, into the tables of intake.

What belongs here: which files are submissions, and the promise that no file raises or stops the others. What
does not: the formats (`workbook.py`, `bulk.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from intake import tables
from intake.addresses import sha256_of as sha256_of
from intake.bulk import read_bulk
from intake.countries import NATIONAL_NAME as NATIONAL_NAME
from intake.lines import LinesError, day, read_lines
from intake.participation import FOCAL_POINTS_NAME, PARTICIPATION_NAME
from intake.receipts import RECEIPT_SUFFIX, receipt_path
from intake.register import REGISTER_NAME as REGISTER_NAME
from intake.review import JOURNAL_SUFFIX
from intake.tables import WORKBOOK_SUFFIXES, Fault
from intake.tables import ReadResult as ReadResult
from intake.tables import address as address
from intake.workbook import read_workbook
from intake.xlsx import Refused
from ssc_index.errors import SscIndexError
from ssc_index.framework.catalogue import Catalogue

BULK_SUFFIXES = (".csv", ".parquet")
# Files that belong to all submissions.
COMPANIONS = (REGISTER_NAME, NATIONAL_NAME, PARTICIPATION_NAME, FOCAL_POINTS_NAME)
# Of these, and of journals, a build reads nothing.
NOT_BUILT_FROM = (PARTICIPATION_NAME, FOCAL_POINTS_NAME)
# Files that explain the folder and are no mistake.
EXPLANATIONS = (".md",)
# The rule of a file that is left out for its name.
NAME_NOT_UTF8 = "name_not_utf8"


class LinkError(SscIndexError):
    """A link below a folder of submissions behind which no file can be read."""


def raw_files(raw: Path) -> tuple[Path, ...]:
    """Submission files below a folder, sorted by their path; an absent folder holds none.

    Receipts, the register, the table of countries, hidden files and the lock files of spreadsheet programs are left
    out; so is whatever is no workbook, CSV or Parquet file (see `stray_files`).
    """
    return _submissions(raw, visible_files(raw))


def stray_files(raw: Path) -> list[Fault]:
    """A fault for each file below a folder that is neither a submission nor belongs to one.

    Explaining texts (.md) are none; a receipt without its file is one.
    """
    return _strays(visible_files(raw))


def sorted_files(raw: Path) -> tuple[tuple[Path, ...], list[Fault]]:
    """What `raw_files` and `stray_files` give, by looking once."""
    places = visible_files(raw)
    return _submissions(raw, places), _strays(places)


def _submissions(raw: Path, places: Sequence[str]) -> tuple[Path, ...]:
    return tuple(raw / place for place in places if _is_submission(place))


def _strays(places: Sequence[str]) -> list[Fault]:
    known = set(places)
    strays = (_stray(place, known) for place in places)
    return [fault for fault in strays if fault is not None]


def _stray(place: str, known: Set[str]) -> Fault | None:
    """Why a file should not lie here, among those that are known; None where it should."""
    if not _is_named_in_utf8(place):
        told = place.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        text = f"{told} is left out: its name is not UTF-8, often that of an archive from another system. Rename it."
        return Fault(NAME_NOT_UTF8, text, field="file", value=told)
    name = place.rpartition("/")[2].lower()
    for suffix, word in ((RECEIPT_SUFFIX, "receipt"), (JOURNAL_SUFFIX, "journal")):
        if name.endswith(suffix):
            if place[: -len(suffix)] in known:
                return None
            text = f"{place} is a {word} without its file. Put the file beside it, or remove it."
            return Fault(f"{word}_without_file", text, field="file", value=place)
    if _is_submission(place) or name in COMPANIONS or name.endswith(EXPLANATIONS):
        return None
    text = f"{place} is no submission: only .xlsx, .csv and .parquet are read. Save it as one of them, or remove it."
    return Fault("not_a_submission", text, field="file", value=place)


def is_bulk(path: Path) -> bool:
    """Whether a submission is a bulk file, by its suffix; else it is a workbook."""
    return path.suffix.lower() in BULK_SUFFIXES


def read_submission(path: Path, catalogue: Catalogue, keep: Callable[[pl.DataFrame], None] | None = None) -> ReadResult:
    """Read a workbook or a bulk file; whatever is wrong with it becomes faults.

    Args:
        path: File to read; its suffix says which of the two it is.
        catalogue: The KPI catalogue.
        keep: Takes the cells of a bulk file batch by batch, so that they never are in memory together; the result
            then has none. If the file is refused in the end, what was kept of it counts for nothing.

    Returns:
        Rows and faults; a file that cannot be read at all is refused.

    Raises:
        OSError: If the file cannot be opened at all; that is no fault of its content.
    """
    kind: Literal["workbook", "bulk"] = "bulk" if is_bulk(path) else "workbook"
    file_sha256 = sha256_of(path)
    try:
        if kind == "bulk":
            return read_bulk(path, file_sha256, catalogue, keep)
        return read_workbook(path, file_sha256, catalogue)
    except Refused as error:
        fault = Fault(error.rule, error.message, file_sha256=file_sha256)
    except Exception as error:  # the promise of this module: one bad file stops no other
        fault = Fault(
            "unreadable_file",
            f"The file could not be read ({type(error).__name__}: {str(error)[:160]}). Save it again from the "
            "form and send that; if this stays, report it with the file.",
            file_sha256=file_sha256,
        )
    return tables.refusal(file_sha256, kind, [fault])


def is_built_from(path: Path) -> bool:
    """Whether a build reads a file below raw/; of persons and of who did what when it reads nothing."""
    name = path.name.lower()
    return name not in NOT_BUILT_FROM and not name.endswith(JOURNAL_SUFFIX)


def visible_files(raw: Path) -> list[str]:
    """Places of the files below a folder, none of them hidden, in their order; an absent folder holds none.

    Raises:
        LinkError: If a link leads to a folder or to nothing: what lies there would be left out, and nobody be told.
        OSError: If a folder cannot be read, for the same reason.
    """
    found: list[str] = []
    folders = [""] if raw.is_dir() else []
    while folders:
        above = folders.pop()
        with os.scandir(raw / above) as entries:
            for entry in entries:
                if entry.name.startswith((".", "~$")):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{above}{entry.name}/")
                elif entry.is_file():
                    found.append(f"{above}{entry.name}")
                elif entry.is_symlink():
                    what = "a folder, and folders are not followed" if entry.is_dir() else "nothing"
                    raise LinkError(
                        f"{entry.path} is a link to {what}: what is meant to lie there would be left out. Put the "
                        "files themselves below raw/, or a link to each, or take the link away."
                    )
    return sorted(found)


def _is_submission(place: str) -> bool:
    name = place.rpartition("/")[2].lower()
    return (
        _is_named_in_utf8(place)
        and name.endswith(WORKBOOK_SUFFIXES + BULK_SUFFIXES)
        and not name.endswith((RECEIPT_SUFFIX, JOURNAL_SUFFIX))
        and name not in COMPANIONS
    )


def _is_named_in_utf8(place: str) -> bool:
    """Whether a place can be written down; Python keeps bytes of a name that are no UTF-8 as lone surrogates."""
    try:
        place.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class Received:
    """A submission with its line of the receipt, as it stands.

    Attributes:
        path: The file.
        city_id: City, by the receipt.
        year: Reference year, by the receipt.
        fields: All of the line, by column.
    """

    path: Path
    city_id: str
    year: int
    fields: Mapping[str, str]

    @property
    def received_on(self) -> date | None:
        """Day of the receipt; None where none can be read."""
        return day(self.fields.get("received_at", "")[:10])


def received(raw: Path) -> list[Received]:
    """What receipts say, file by file, the earliest first; what names no city and year is left out.

    Nothing is judged here: `receipts.read_receipts` does, in a build.
    """
    found = []
    for path in raw_files(raw):
        receipt = receipt_path(path)
        try:
            _, rows = read_lines(receipt)
        except (FileNotFoundError, LinesError):
            continue
        found += [
            Received(path, row["city_id"].casefold(), int(row["year"]), row)
            for _, row in rows
            if row.get("city_id") and row.get("year", "").isdecimal()
        ]
    return sorted(found, key=lambda one: (one.city_id, one.year, one.fields.get("received_at", ""), one.path))
