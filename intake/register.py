"""The register of cities, ``cities.csv``: who may submit, and how they are grouped.

What belongs here: reading and checking the register. What does not: what a city submitted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from intake import tables
from intake.names import spellings
from intake.tables import Fault, Severity

REGISTER_NAME = "cities.csv"
REQUIRED = ("city_id", "name", "country_code", "country", "region", "income_group")

_CITY_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_COUNTRY_CODE = re.compile(r"[A-Z]{3}")


def read_register(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the register.

    Args:
        path: CSV in UTF-8 with the columns of `tables.CITIES`; an absent file is an empty register with a fault.

    Returns:
        Cities sorted by key, only those without an error, and the faults (columns `tables.FAULTS`).
    """
    faults: list[Fault] = []
    rows = _read(path, faults)
    good = [row for line, row in rows if _is_sound(line, row, faults)]
    good = _without_doubles(good, rows, faults)
    columns = {name: [row.get(name) or None for row in good] for name in tables.CITIES}
    return tables.frame(tables.CITIES, columns).sort("city_id"), tables.faults_frame(faults)


Row = dict[str, str]


def _read(path: Path, faults: list[Fault]) -> list[tuple[int, Row]]:
    """Lines of the register with their numbers."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restkey="")
            header = [name.strip() for name in reader.fieldnames or ()]
            rows = [{(name or "").strip(): str(value or "").strip() for name, value in row.items()} for row in reader]
    except FileNotFoundError:
        faults.append(_fault("register_missing", f"There is no register {path.name}; no city can count. Write it."))
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        faults.append(_fault("register_unreadable", f"{path.name} is no CSV in UTF-8 ({error}). Save it again."))
        return []
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        faults.append(
            _fault("renamed_header", f"{path.name} has no column {', '.join(missing)}; it has {', '.join(header)}.")
        )
        return []
    return [(line, row) for line, row in enumerate(rows, start=2) if any(row.values())]


def _is_sound(line: int, row: Row, faults: list[Fault]) -> bool:
    """Whether a line of the register can be used; reports what is wrong with it."""
    found = [
        _fault("register_blank", f"{name} is blank. Fill it in.", line=line, name=name)
        for name in REQUIRED
        if not row[name]
    ]
    if row["city_id"] and not _CITY_ID.fullmatch(row["city_id"]):
        text = f"{row['city_id']!r} is no city_id: small letters, digits and hyphens, for example no-karmoy."
        found.append(_fault("bad_city_id", text, line=line, name="city_id", value=row["city_id"]))
    if row["country_code"] and not _COUNTRY_CODE.fullmatch(row["country_code"]):
        text = f"{row['country_code']!r} is no ISO 3166 code of three capital letters, for example NOR."
        found.append(_fault("bad_country_code", text, line=line, name="country_code", value=row["country_code"]))
    faults += found
    return not found


def _without_doubles(good: Sequence[Row], rows: Sequence[tuple[int, Row]], faults: list[Fault]) -> list[Row]:
    """Each city once, under the first of its lines; reports repeated keys and names."""
    line_of = {id(row): line for line, row in rows}
    kept: dict[str, Row] = {}
    owner: dict[tuple[str, str], str] = {}
    for row in good:
        city, line = row["city_id"], line_of[id(row)]
        if city in kept:
            text = f"{city} stands in lines {line_of[id(kept[city])]} and {line}; the first is used. Remove one."
            faults.append(_fault("same_city_twice", text, line=line, name="city_id", value=city, city=city))
            continue
        kept[city] = row
        for name in sorted(spellings(row["name"], row.get("aliases"))):
            other = owner.setdefault((row["country_code"], name), city)
            if other != city:
                text = f"{city} and {other} bear the same name {name!r} in one country. If they are one city, keep one."
                faults.append(
                    _fault("same_city_twice", text, "warning", line=line, name="name", value=row["name"], city=city)
                )
    return list(kept.values())


def _fault(
    rule: str,
    message: str,
    severity: Severity = "error",
    *,
    line: int | None = None,
    name: str | None = None,
    value: str | None = None,
    city: str | None = None,
) -> Fault:
    """A fault of the register."""
    where = None if line is None or name is None else tables.address({}, name, line)
    place = f"Register, {where}: " if where else "Register: "
    return Fault(rule, place + message, severity, city_id=city, cell=where, field=name, value=value)
