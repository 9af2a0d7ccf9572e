"""What is known of a submission beside its content: receipt, verification, consent.

What belongs here: the receipt files, read and written, and their agreement with the submissions and the register.
What does not: the submissions themselves and what consent covers (`consent.py`).

A receipt lies beside its file as ``<file name>.receipt.csv`` with one line for each city and year of the file.
No clock is consulted: whether a reference year lies in the future is judged by the receipt's own date.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from intake import tables
from intake.acceptance import read_acceptances
from intake.lines import LinesError, day, plain_line, read_lines
from intake.names import folded, spellings
from intake.private import written_in_place
from intake.tables import Fault, Severity
from intake.verdicts import read_verdicts

RECEIPT_SUFFIX = ".receipt.csv"
MODES = ("onsite", "remote")
OUTCOMES = ("pending", "verified", "partly_verified", "rejected")
CONSENTS = ("none", "scores", "values", "report")

# Columns that name a person: they are read by people, and never leave the receipt.
PERSONS = ("received_from", "verifier")

Key = tuple[str, int]


@dataclass(frozen=True)
class Receipt:
    """One line of a receipt.

    Attributes:
        city_id: The city.
        year: Reference year.
        received_at: When the submission was received; aware, UTC.
        received_from: From whom.
        verification_mode: ``onsite``, ``remote``, or None where unknown.
        verification_outcome: ``pending``, ``verified``, ``partly_verified`` or ``rejected``.
        verified_on: Date of the outcome.
        verifier: Who verified; internal.
        consent: ``none``, ``scores``, ``values`` or ``report``.
        accepted: Findings that the verifier accepts, with the reason of each (see `acceptance.py`).
        verdicts: YES or NO of data points where it is not that of the file (see `verdicts.py`).
        file_sha256: SHA-256 of the file that was received; None where nobody took it.
    """

    city_id: str
    year: int
    received_at: datetime
    received_from: str | None = None
    verification_mode: str | None = None
    verification_outcome: str = "pending"
    verified_on: date | None = None
    verifier: str | None = None
    consent: str = "none"
    accepted: str | None = None
    verdicts: str | None = None
    file_sha256: str | None = None


COLUMNS = tuple(field.name for field in fields(Receipt))


def receipt_path(path: Path) -> Path:
    """Where the receipt of a file lies.

    >>> receipt_path(Path("2024/no-karmoy.xlsx")).name
    'no-karmoy.xlsx.receipt.csv'
    """
    return Path(f"{path}{RECEIPT_SUFFIX}")


def copy_without_persons(path: Path, target: Path) -> None:
    """Copy a receipt, whatever it holds, without who sent and who verified: a copy could not be erased from.

    Args:
        path: A receipt file.
        target: Where the copy goes.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = list(csv.reader(file))
    persons = {at for at, name in enumerate(lines[0] if lines else ()) if name.strip() in PERSONS}
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(lines[0] if lines else ())
        writer.writerows(["" if at in persons else cell for at, cell in enumerate(line)] for line in lines[1:])


def write_receipts(path: Path, receipts: Iterable[Receipt]) -> None:
    """Write the receipt of a file, sorted by city and year; nobody but the owner and the file's group can read it.

    Args:
        path: The submission; the receipt is written beside it.
        receipts: One for each city and year of the file.
    """
    with written_in_place(receipt_path(path), path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for receipt in sorted(receipts, key=lambda one: (one.city_id, one.year)):
            writer.writerow(_written(getattr(receipt, name)) for name in COLUMNS)


def plain_receipt(path: str) -> str | None:
    """The line of a file's receipt, where that is as `write_receipts` writes one of one submission; else None."""
    return plain_line(path + RECEIPT_SUFFIX, COLUMNS)


def years_named(receipt: Path) -> set[int]:
    """Years that a receipt names; what cannot be read or is no year is left to the ingest to complain about."""
    years: set[int] = set()
    with receipt.open(encoding="utf-8-sig", errors="replace", newline="") as lines, suppress(csv.Error):
        for row in csv.DictReader(lines, restkey=""):
            named = {name.strip(): value for name, value in row.items()}
            text = str(named.get("year") or "").strip()
            years |= {int(text)} if text.isdecimal() else set()
    return years


def received_after(path: Path, moment: datetime) -> bool:
    """Whether a file had not been received by a moment: its receipt tells a later one of each submission in it.

    Where a receipt is missing, or tells of no moment that can be read, nothing is known to be later.

    Args:
        path: The submission, with its receipt beside it.
        moment: With a time zone.
    """
    try:
        _, rows = read_lines(str(receipt_path(path)))
    except (FileNotFoundError, LinesError):
        return False
    told = [_moment_of(row.get("received_at", "")) for _, row in rows]
    return bool(told) and all(one is not None and one > moment for one in told)


def _moment_of(text: str) -> datetime | None:
    """Date and time; without a zone it is UTC, without a time midnight. None where it is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_receipts(
    places: Mapping[str, Path],
    submissions: pl.DataFrame,
    register: pl.DataFrame,
    plain_lines: Mapping[str, str | None] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the receipts of files and hold them against what the files hold and who is registered.

    Args:
        places: Submission by SHA-256.
        submissions: Rows of `tables.SUBMISSIONS`; files that are not in ``places`` are left aside.
        register: Rows of `tables.CITIES`.
        plain_lines: What `plain_receipt` says of each, by SHA-256, where it has been asked before; None asks it now.

    Returns:
        Rows of `tables.RECEIPTS`, sorted by file, city and year, and the faults (columns `tables.FAULTS`). What has
        no usable receipt has no row and so counts for nothing. Who sent and who verified a file are persons: they
        stay in the receipt. The consent of a city that has a pseudonym is at most ``scores``.
    """
    faults: list[Fault] = []
    rows: list[dict[str, Any]] = []
    held = _held(submissions)
    registered = _registered(register)
    if plain_lines is None:
        plain_lines = {file_sha256: plain_receipt(str(path)) for file_sha256, path in places.items()}
    plain = _plain(plain_lines, submissions)
    is_plain = set(plain["file_sha256"])
    for file_sha256 in sorted(places, key=lambda one: places[one].as_posix()):
        keys = held.get(file_sha256, {})
        _check_names(file_sha256, keys, registered, faults)
        if keys and file_sha256 not in is_plain:
            rows += _of_file(file_sha256, places[file_sha256], set(keys), faults)
    columns = {name: [row[name] for row in rows] for name in tables.RECEIPTS}
    frame = pl.concat([tables.frame(tables.RECEIPTS, columns), plain]).sort("file_sha256", "city_id", "year")
    ended = _ended(frame, register)
    faults += [_ended_fault(row) for row in ended.to_dicts()]
    standing = frame.join(ended, on=["file_sha256", "city_id", "year"], how="anti", maintain_order="left")
    return _unnamed_capped(standing, register), tables.faults_frame(faults)


def _plain(plain_lines: Mapping[str, str | None], submissions: pl.DataFrame) -> pl.DataFrame:
    """Receipts of which nothing is to be said, as `_of_file` reads them, all at once.

    A build reads every receipt there is. Most are as `write_receipts` writes them, of one submission, verified or
    pending, without findings accepted. These are read as one table; whatever is otherwise in the least is left out.

    Returns:
        Rows of `tables.RECEIPTS`.
    """
    read = {file_sha256: text for file_sha256, text in plain_lines.items() if text is not None}
    if not read:
        return tables.empty(tables.RECEIPTS)
    lines = pl.read_csv(
        "\n".join(read.values()).encode(),
        has_header=False,
        new_columns=COLUMNS,
        infer_schema=False,
        quote_char=None,
        empty_string_is_null=False,
    )
    named = lines.with_columns(pl.Series("_file", list(read), pl.String))
    held = submissions.select("file_sha256", "city_id", "year").filter(pl.len().over("file_sha256") == 1)
    found = named.join(
        held.rename({"file_sha256": "_file", "city_id": "_city", "year": "_year"}), on="_file", how="inner"
    ).with_columns(
        pl.col("received_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False).alias("_moment"),
        pl.col("verified_on").str.to_date("%Y-%m-%d", strict=False).alias("_day"),
    )
    is_plain = (
        (pl.col("city_id") == pl.col("_city"))
        & pl.col("city_id").str.contains("^[a-z0-9-]+$")
        & (pl.col("year") == pl.col("_year").cast(pl.String))
        & pl.col("received_at").str.contains("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$")
        & (pl.col("_moment").dt.year() >= pl.col("_year"))
        & ((pl.col("file_sha256") == "") | (pl.col("file_sha256") == pl.col("_file")))
        & ((pl.col("verified_on") == "") | pl.col("verified_on").str.contains("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
        & ((pl.col("verified_on") == "") | (pl.col("_day").dt.year() >= 1))
        & pl.col("verification_mode").is_in(["", *MODES])
        & pl.col("verification_outcome").is_in(OUTCOMES)
        & pl.col("consent").is_in(CONSENTS)
        & (pl.col("accepted") == "")
        & (pl.col("verdicts") == "")
    )
    rows = found.filter(is_plain.fill_null(False)).with_columns(
        pl.col("_file").alias("file_sha256"),
        pl.col("_year").alias("year"),
        pl.col("_moment").dt.replace_time_zone("UTC").alias("received_at"),
        pl.col("_day").alias("verified_on"),
        pl.when(pl.col("verification_mode") != "").then("verification_mode").alias("verification_mode"),
        pl.lit(None, pl.String).alias("accepted"),
        pl.lit(None, pl.String).alias("verdicts"),
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in tables.RECEIPTS.items())


def _ended(receipts: pl.DataFrame, register: pl.DataFrame) -> pl.DataFrame:
    """Submissions of years in whose course, or before which, their city came to its end."""
    ends = register.filter(pl.col("ended_on").is_not_null()).select("city_id", "ended_on", "merged_into")
    return receipts.join(ends, on="city_id").filter(pl.col("year") >= pl.col("ended_on").dt.year())


def _ended_fault(row: Mapping[str, Any]) -> Fault:
    """The fault of a submission that its city can no longer make."""
    into = f" and became part of {row['merged_into']}" if row["merged_into"] else ""
    text = (
        f"{row['city_id']} ended on {row['ended_on']}{into}, so its submission of {row['year']} counts for nothing. "
        "Correct the City ID, the year, or ended_on in the register."
    )
    return Fault(
        "city_ended",
        text,
        file_sha256=row["file_sha256"],
        city_id=row["city_id"],
        year=row["year"],
        field="city_id",
        value=row["city_id"],
    )


def _unnamed_capped(receipts: pl.DataFrame, register: pl.DataFrame) -> pl.DataFrame:
    """Receipts with the consent of cities that are not named cut to scores: a value tells whose it is."""
    unnamed = register.filter(pl.col("pseudonym").is_not_null())["city_id"].implode()
    is_beyond = pl.col("city_id").is_in(unnamed) & pl.col("consent").is_in(["values", "report"])
    return receipts.with_columns(pl.when(is_beyond).then(pl.lit("scores")).otherwise("consent").alias("consent"))


def _written(value: object) -> str:
    """A value as the receipt file holds it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


def _held(submissions: pl.DataFrame) -> dict[str, dict[Key, str | None]]:
    """City and year of each file, with the name that the city wrote."""
    held: dict[str, dict[Key, str | None]] = {}
    for sha, city, year, name in submissions.select("file_sha256", "city_id", "year", "city_name").iter_rows():
        held.setdefault(sha, {})[city, year] = name
    return held


def _check_names(
    file_sha256: str, keys: Mapping[Key, str | None], registered: Mapping[str, set[str]], faults: list[Fault]
) -> None:
    """Report cities that are not registered, and names that are not the registered ones."""
    for (city, year), name in sorted(keys.items(), key=lambda item: item[0]):
        where = {"file_sha256": file_sha256, "city_id": city, "year": year}
        if city not in registered:
            text = f"City {city!r} is not in the register. Add it to cities.csv, or correct the City ID."
            faults.append(Fault("unknown_city", text, field="city_id", value=city, **where))  # type: ignore[arg-type]  # keys of Fault
        elif name and folded(name) not in registered[city]:
            text = (
                f"The submission of {city} is named {name[:80]!r}, the register has another name. Is it the same city?"
            )
            faults.append(Fault("other_name", text, "warning", field="city_name", value=name, **where))  # type: ignore[arg-type]  # keys of Fault


def _registered(register: pl.DataFrame) -> dict[str, set[str]]:
    """Folded spellings of each registered city."""
    rows = register.select("city_id", "name", "aliases").iter_rows()
    return {city: spellings(name, aliases) for city, name, aliases in rows}


def _of_file(file_sha256: str, path: Path, keys: set[Key], faults: list[Fault]) -> list[dict[str, Any]]:
    """Usable receipt lines of one file."""
    reader = _Reader(file_sha256, f"{path}{RECEIPT_SUFFIX}", faults)
    lines = reader.lines()
    if lines is None:
        return []
    found: dict[Key, list[tuple[int, dict[str, str]]]] = {}
    for line, row in lines:
        if (key := reader.key(line, row, keys)) is not None:
            found.setdefault(key, []).append((line, row))
    for city, year in sorted(keys - found.keys()):
        text = f"has no line for {city} {year}, so that submission counts for nothing. Add it."
        reader.fault("receipt_missing", text, key=(city, year))
    parsed = []
    for key, entries in sorted(found.items()):
        if len(entries) > 1:
            listed = " and ".join(str(line) for line, _ in entries)
            reader.fault("duplicate_receipt", f"has {key[0]} {key[1]} in lines {listed}. Keep one.", key=key)
        elif (row_read := reader.row(entries[0][0], entries[0][1], key)) is not None:
            parsed.append(row_read)
    return parsed


class _Reader:
    """Reads the lines of one receipt file and gathers its faults."""

    def __init__(self, file_sha256: str, path: str, faults: list[Fault]) -> None:
        self._file_sha256 = file_sha256
        self._path = path
        self._faults = faults

    def fault(
        self,
        rule: str,
        message: str,
        severity: Severity = "error",
        *,
        line: int | None = None,
        field: str | None = None,
        value: str | None = None,
        key: Key | None = None,
    ) -> None:
        """Report a fault of the receipt."""
        cell = None if line is None or field is None else tables.address({}, field, line)
        self._faults.append(
            Fault(
                rule,
                f"{Path(self._path).name}{', ' + cell + ':' if cell else ''} {message}",
                severity,
                file_sha256=self._file_sha256,
                city_id=None if key is None else key[0],
                year=None if key is None else key[1],
                cell=cell,
                field=field,
                value=value,
            )
        )

    def lines(self) -> list[tuple[int, dict[str, str]]] | None:
        """Lines with their numbers; None where there is no usable receipt file."""
        try:
            header, rows = read_lines(self._path)
        except FileNotFoundError:
            text = "is missing, so the submission counts for nothing. Write it: received_at, outcome, consent."
            self.fault("receipt_missing", text)
            return None
        except LinesError as error:
            self.fault("receipt_unreadable", str(error))
            return None
        missing = [name for name in COLUMNS[:3] if name not in header]
        if missing:
            self.fault("renamed_header", f"has no column {', '.join(missing)}. The columns are {', '.join(COLUMNS)}.")
            return None
        return rows

    def key(self, line: int, row: Mapping[str, str], keys: set[Key]) -> Key | None:
        """City and year of a line; None with a fault where the file holds no such submission."""
        city = row["city_id"].casefold()
        year = int(row["year"]) if row["year"].isdecimal() else None
        if year is not None and (city, year) in keys:
            return city, year
        held = ", ".join(f"{one} {other}" for one, other in sorted(keys)[:5])
        self.fault(
            "receipt_mismatch",
            f"is for {row['city_id']!r} {row['year']!r}, but the file holds {held}. Correct one of them.",
            line=line,
            field="city_id",
            value=f"{row['city_id']} {row['year']}",
        )
        return None

    def row(self, line: int, row: Mapping[str, str], key: Key) -> dict[str, Any] | None:
        """A row of `tables.RECEIPTS`; None where it cannot be used."""
        received_at = self._moment(line, row["received_at"], key)
        if received_at is None or self._is_other_file(line, row.get("file_sha256", ""), key):
            return None
        if key[1] > received_at.year:
            self.fault(
                "year_in_future",
                f"the reference year {key[1]} lies after the receipt in {received_at.year}, so the submission counts "
                "for nothing. Correct the year of the workbook or the date of receipt.",
                line=line,
                field="received_at",
                value=row["received_at"],
                key=key,
            )
            return None
        return {
            "file_sha256": self._file_sha256,
            "city_id": key[0],
            "year": key[1],
            "received_at": received_at,
            "verification_mode": self._word(line, row, "verification_mode", MODES, None, key),
            "verification_outcome": self._word(line, row, "verification_outcome", OUTCOMES, "pending", key),
            "verified_on": self._day(line, row.get("verified_on", ""), key),
            "consent": self._consent(line, row, key),
            "accepted": self._read(line, row, "accepted", read_acceptances, "bad_acceptance", key),
            "verdicts": self._read(line, row, "verdicts", read_verdicts, "bad_verdict", key),
        }

    def _is_other_file(self, line: int, text: str, key: Key) -> bool:
        """Whether the receipt was written for another file than the one that lies beside it now."""
        if not text or text.casefold() == self._file_sha256:
            return False
        self.fault(
            "other_file",
            f"the file has the SHA-256 {self._file_sha256}, the receipt is for another file, so the submission counts "
            "for nothing. Put back the file that was received; a correction goes beside it, with a receipt of its own.",
            line=line,
            field="file_sha256",
            value=text,
            key=key,
        )
        return True

    def _read(
        self,
        line: int,
        row: Mapping[str, str],
        field: str,
        read: Callable[[str], tuple[Sequence[object], Sequence[str]]],
        rule: str,
        key: Key,
    ) -> str | None:
        """A list of entries, as it stands; a fault for each entry that cannot be used."""
        text = row.get(field, "")
        if not text:
            return None
        for sentence in read(text)[1]:
            self.fault(rule, sentence, line=line, field=field, value=text, key=key)
        return text

    def _moment(self, line: int, text: str, key: Key) -> datetime | None:
        """Date and time of receipt."""
        moment = _moment_of(text)
        if moment is None:
            self.fault(
                "bad_date",
                f"{text!r} is no date and time, so the submission counts for nothing. Write 2025-04-30T12:00:00Z.",
                line=line,
                field="received_at",
                value=text,
                key=key,
            )
        return moment

    def _day(self, line: int, text: str, key: Key) -> date | None:
        """Date of the verification."""
        found = day(text)
        if text and found is None:
            message = f"{text!r} is no date; it counts as blank. Write 2025-04-30."
            self.fault("bad_date", message, line=line, field="verified_on", value=text, key=key)
        return found

    def _consent(self, line: int, row: Mapping[str, str], key: Key) -> str | None:
        """The consent; none where it is not given."""
        if not row.get("consent"):
            text = "no consent is recorded, so nothing of this submission is published. Ask the city and write it."
            self.fault("consent_missing", text, "warning", line=line, field="consent", key=key)
            return "none"
        return self._word(line, row, "consent", CONSENTS, "none", key)

    def _word(
        self, line: int, row: Mapping[str, str], field: str, words: Sequence[str], default: str | None, key: Key
    ) -> str | None:
        """A word of a closed list; the default where it is blank, and with a fault where it is another word."""
        text = row.get(field, "")
        if not text or text.casefold() in words:
            return text.casefold() or default
        message = f"{text!r} is none of {', '.join(words)}; it counts as {default or 'blank'}. Correct it."
        self.fault("unknown_word", message, line=line, field=field, value=text, key=key)
        return default
