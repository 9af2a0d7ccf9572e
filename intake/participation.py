"""How cities take part: letter of interest, terms, focal point, collection and its deadline, and what came in.

What belongs here: reading and checking ``participation.csv`` and ``focal_points.csv``, and where each city stands on a
day. What does not: who the cities are (`register.py`) and what they submitted. Neither file is read by a build: a focal
point is a person, and stands in no table.

Source: U4SSC verification manual (2022), process; a city collects for three to six months and then submits.
"""

from __future__ import annotations

import calendar
import csv
import itertools
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from intake.lines import LinesError, Row, day, read_lines
from intake.private import written_in_place
from intake.receipts import MODES, PERSONS, receipt_path
from intake.tables import Fault, address, faults_frame

PARTICIPATION_NAME, FOCAL_POINTS_NAME = "participation.csv", "focal_points.csv"
DATES = ("letter_of_interest", "terms_accepted", "collection_from")
COLUMNS = ("city_id", "year", *DATES, "months", "mode", "note")
PERSON_COLUMNS = ("city_id", "name", "role", "email", "phone", "since")
SHORTEST, LONGEST = 3, 6

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Participation:
    """One round of one city.

    Attributes:
        city_id: The city.
        year: Reference year.
        letter_of_interest: When it came; None where it has not.
        terms_accepted: When the terms were accepted.
        collection_from: When the workbook was sent and collection began.
        months: How long the city has to submit, three to six.
        mode: ``onsite`` or ``remote`` verification, as agreed.
        note: Free text, internal.
    """

    city_id: str
    year: int
    letter_of_interest: date | None = None
    terms_accepted: date | None = None
    collection_from: date | None = None
    months: int = LONGEST
    mode: str | None = None
    note: str | None = None

    @property
    def deadline(self) -> date | None:
        """Day by which the workbook is due.

        >>> Participation("no-rana", 2025, collection_from=date(2026, 8, 31), months=6).deadline
        datetime.date(2027, 2, 28)
        """
        return None if self.collection_from is None else months_after(self.collection_from, self.months)


@dataclass(frozen=True)
class FocalPoint:
    """Who speaks for a city; personal data."""

    city_id: str
    name: str
    role: str = ""
    email: str = ""
    phone: str = ""
    since: str = ""


@dataclass(frozen=True)
class Progress:
    """Where a city stands with one year on a day.

    Attributes:
        city_id: The city.
        year: Reference year.
        step: The last step that was reached, of `STEPS`; ``none`` where none was.
        reached: Day of each step that was reached, in the order of `STEPS`.
        next_step: What is due; None where nothing is.
        deadline: Day by which the workbook is due; None before collection began.
        days_overdue: Days since the deadline, where the workbook has not come.
        outcome: ``verified``, ``partly_verified`` or ``rejected``, once there is one.
        is_in_index: Whether an edition of the year counts what was verified.
    """

    city_id: str
    year: int
    step: str
    reached: Mapping[str, date]
    next_step: str | None
    deadline: date | None
    days_overdue: int | None
    outcome: str | None = None
    is_in_index: bool = False


PHASES = {
    "letter_of_interest": 1,
    "terms_accepted": 1,
    "focal_point": 1,
    "collection": 1,
    "received": 2,
    "screened": 2,
    "questions": 2,
    "outcome": 2,
}
STEPS = tuple(PHASES)


@dataclass(frozen=True)
class Record:
    """What is known of the participation of cities.

    Attributes:
        rounds: By city and year.
        focal_points: In the order of the file.
        faults: What is wrong with the files (columns `tables.FAULTS`).
    """

    rounds: tuple[Participation, ...] = ()
    focal_points: tuple[FocalPoint, ...] = ()
    faults: pl.DataFrame = field(default_factory=lambda: faults_frame([]))


def read_participation(raw: Path, cities: Iterable[str]) -> Record:
    """Read both files of a folder; an absent one is empty.

    Args:
        raw: Folder with the raw files.
        cities: Keys of the register.

    Returns:
        What can be used, and every fault of the rest.
    """
    known, faults = set(cities), list[Fault]()
    rounds: dict[tuple[str, int], Participation] = {}
    for line, row in _lines(raw / PARTICIPATION_NAME, COLUMNS[:2], COLUMNS, faults):
        one = _round(line, row, known, faults)
        if one is not None and (one.city_id, one.year) in rounds:
            text = f"{one.city_id} {one.year} stands in an earlier line too; that one is used. Keep one."
            faults.append(_fault(PARTICIPATION_NAME, "duplicate_round", text, line, "year", str(one.year)))
        elif one is not None:
            rounds[one.city_id, one.year] = one
    persons = []
    for line, row in _lines(raw / FOCAL_POINTS_NAME, PERSON_COLUMNS[:2], PERSON_COLUMNS, faults):
        _check_person(line, row, known, faults)
        if row["city_id"] and row["name"]:
            persons.append(FocalPoint(**{name: row.get(name, "") for name in PERSON_COLUMNS}))
    return Record(tuple(rounds[key] for key in sorted(rounds)), tuple(persons), faults_frame(faults))


def progress(one: Participation, on: date, came: Mapping[str, date], focal_points: Sequence[FocalPoint]) -> Progress:
    """Where a city stands with one year.

    Args:
        one: What was agreed.
        on: The day; what happened later is not known on it.
        came: Days of the steps from ``received`` on, as far as they were reached.
        focal_points: Those of the city.
    """
    days: dict[str, date | None] = {
        "letter_of_interest": one.letter_of_interest,
        "terms_accepted": one.terms_accepted,
        "focal_point": _first_day(focal_points),
        "collection": one.collection_from,
        **came,
    }
    reached = {step: day for step in STEPS if (day := days.get(step)) is not None and day <= on}
    last = next((step for step in reversed(STEPS) if step in reached), "none")
    # Questions are not needed, and a focal point without a date is there all the same; once the workbook has come,
    # nobody waits for what should have gone before.
    needed = [step for step in STEPS if step != "questions" and step not in reached]
    needed = [step for step in needed if not (step == "focal_point" and focal_points)]
    if PHASES.get(last) == 2:
        needed = [step for step in needed if STEPS.index(step) > STEPS.index(last)]
    late = one.deadline is not None and "received" not in reached and one.deadline < on
    return Progress(
        one.city_id,
        one.year,
        last,
        reached,
        needed[0] if needed else None,
        one.deadline,
        (on - one.deadline).days if late and one.deadline else None,
    )


def months_after(day: date, months: int) -> date:
    """The same day some months later, or the last of its month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def erase_focal_points(raw: Path, city: str) -> int:
    """Erase the focal points of a city, and their names where receipts of the city name them as senders.

    Lines are found as they are read: with blanks around the key, and without a name.

    Args:
        raw: Folder with the raw files.
        city: The city.

    Returns:
        How many lines were erased.

    Raises:
        LinesError: If the file cannot be read, or does not say of which city its lines are; nothing is erased.
    """
    path = raw / FOCAL_POINTS_NAME
    if not path.is_file():
        return 0
    try:
        header, rows = read_lines(path)
    except LinesError as error:
        raise LinesError(f"{path.name} {error}") from error
    if "city_id" not in header:
        raise LinesError(f"{path.name} has no column city_id, but {', '.join(header)}. Separate columns by commas.")
    erased = [row for _, row in rows if row["city_id"].casefold() == city]
    if not erased:
        return 0
    head, lines = _cells(path)
    _replace(path, [head, *(line for line in lines if _field(head, line, "city_id").casefold() != city)])
    names = [row[name].casefold() for row in erased for name in ("name", "email", "phone") if row.get(name)]
    for receipt in sorted(raw.rglob(receipt_path(Path("*")).name)):
        _erase_from_receipt(receipt, city, names)
    return len(erased)


def _erase_from_receipt(path: Path, city: str, names: Sequence[str]) -> None:
    head, lines = _cells(path)
    changed = False
    for line in lines:
        if _field(head, line, "city_id").casefold() != city:
            continue
        for name in PERSONS:
            if any(one in _field(head, line, name).casefold() for one in names):
                line[head.index(name)] = ""
                changed = True
    if changed:
        _replace(path, [head, *lines])


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Names of the columns of a CSV, and the cells of its lines as they stand there."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    return [name.strip() for name in lines[0]] if lines else [], lines[1:]


def _field(head: Sequence[str], line: Sequence[str], name: str) -> str:
    """One cell of a line without the blanks around it; empty where there is none."""
    at = head.index(name) if name in head else len(line)
    return line[at].strip() if at < len(line) else ""


def _replace(path: Path, lines: Iterable[Sequence[str]]) -> None:
    """Write a file anew beside the old one and put it in its place; the old bytes are written over."""
    with path.open("r+b") as old:
        with written_in_place(path, path) as file:
            csv.writer(file, lineterminator="\n").writerows(lines)
        old.write(b"\0" * os.fstat(old.fileno()).st_size)
        old.flush()
        os.fsync(old.fileno())


def _first_day(focal_points: Sequence[FocalPoint]) -> date | None:
    days = [since for one in focal_points if (since := day(one.since)) is not None]
    return min(days) if days else None


def _lines(
    path: Path, needed: Sequence[str], columns: Sequence[str], faults: list[Fault]
) -> list[tuple[int, dict[str, str]]]:
    """Lines of a file with their numbers; none where it cannot be read."""
    if not path.is_file():
        return []
    try:
        header, rows = read_lines(path)
    except LinesError as error:
        faults.append(Fault("register_unreadable", f"{path.name} {error}"))
        return []
    missing, unknown = [name for name in needed if name not in header], sorted(set(header) - set(columns))
    if missing or unknown:
        told = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}, which is unknown"
        faults.append(Fault("renamed_header", f"{path.name} {told}. The columns are {', '.join(columns)}."))
    return [] if missing else rows


def _round(line: int, row: Row, known: set[str], faults: list[Fault]) -> Participation | None:
    """One line of ``participation.csv``; None where it says of no city and year what it is about."""

    def fault(rule: str, column: str, text: str) -> None:
        faults.append(_fault(PARTICIPATION_NAME, rule, text, line, column, row.get(column, "")))

    if row["city_id"] not in known:
        fault("unknown_city", "city_id", f"City {row['city_id']!r} is not in the register. Add it, or correct the key.")
    year = int(row["year"]) if row["year"].isdecimal() else 0
    if not 2000 <= year <= 2100:
        fault("bad_year", "year", f"{row['year']!r} is no reference year. Write 2025.")
    days = {name: day(row.get(name, "")) for name in DATES}
    for name, given in days.items():
        if given is None and row.get(name):
            fault("bad_date", name, f"{row[name]!r} is no date; it counts as blank. Write 2025-04-30.")
    _check_order(row, days, fault)
    months = row.get("months", "") or str(LONGEST)
    if not (months.isdecimal() and SHORTEST <= int(months) <= LONGEST):
        text = f"a city has {SHORTEST} to {LONGEST} months to submit, not {months!r}; {LONGEST} are taken."
        fault("bad_months", "months", text)
        months = str(LONGEST)
    mode = row.get("mode", "").casefold() or None
    if mode is not None and mode not in MODES:
        fault("unknown_word", "mode", f"{row['mode']!r} is none of {', '.join(MODES)}; it counts as blank.")
        mode = None
    if row["city_id"] not in known or not 2000 <= year <= 2100:
        return None
    return Participation(row["city_id"], year, **days, months=int(months), mode=mode, note=row.get("note") or None)


def _check_order(row: Row, days: Mapping[str, date | None], fault: Callable[[str, str, str], None]) -> None:
    """A step before which another must have been made."""
    for before, after in itertools.pairwise(DATES):
        first, second = days[before], days[after]
        if second is not None and first is None and not row.get(before):
            fault("step_skipped", after, f"{after} is dated, {before} is blank. Fill it in.")
        elif first is not None and second is not None and second < first:
            fault("step_skipped", after, f"{after} {second} lies before {before} {first}. Correct one of them.")


def _check_person(line: int, row: Row, known: set[str], faults: list[Fault]) -> None:
    """What is wrong with a focal point; the message does not repeat who it is."""
    told = {}
    if row["city_id"] not in known:
        told["city_id"] = f"City {row['city_id']!r} is not in the register. Add it, or correct the key."
    if not row["name"]:
        told["name"] = "the name is blank. Fill it in, or remove the line."
    if row.get("email") and not _EMAIL.fullmatch(row["email"]):
        told["email"] = "this is no e-mail address. Correct it."
    if row.get("since") and day(row["since"]) is None:
        told["since"] = "this is no date. Write 2025-04-30."
    for column, text in told.items():
        value = row[column] if column == "city_id" else None
        faults.append(_fault(FOCAL_POINTS_NAME, f"bad_{column}", text, line, column, value))


def _fault(name: str, rule: str, text: str, line: int, column: str, value: str | None) -> Fault:
    where = address({}, column, line)
    return Fault(rule, f"{name}, {where}: {text}", cell=where, field=column, value=value)
