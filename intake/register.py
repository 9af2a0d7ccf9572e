"""The register of cities, ``cities.csv``: who may submit, what they are called, and how they are grouped.

What belongs here: reading and checking the register. What does not: what a city submitted, and what it has agreed
to (`participation.py`).

A city keeps its key whatever it is called: other spellings and former names stand in ``aliases``. A city that became
part of another has ``ended_on``, the day from which it was none of its own, and ``merged_into``. A city that lets
itself be counted but not named has a ``pseudonym`` (docs/decisions/0004-public-view.md).
"""

from __future__ import annotations

import csv
import itertools
import re
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from intake import tables
from intake.lines import LinesError, Row, day, read_lines
from intake.names import folded, spellings
from intake.private import written_in_place
from intake.tables import Fault, Severity

REGISTER_NAME = "cities.csv"
REQUIRED = ("city_id", "name", "country_code", "country", "region", "income_group")

_CITY_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_COUNTRY_CODE = re.compile(r"[A-Z]{3}")
_PSEUDONYM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# A word of a city's name so long must not stand in its pseudonym.
TELLING_WORD = 3


def read_register(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the register.

    Args:
        path: CSV in UTF-8 with the columns of `tables.CITIES`; an absent file is an empty register with a fault.

    Returns:
        Cities sorted by key, only those without an error, and the faults (columns `tables.FAULTS`).
    """
    faults: list[Fault] = []
    rows = _read(path, faults)
    keys = {row["city_id"] for _, row in rows}
    good = [row for line, row in rows if _is_sound(line, row, keys, faults)]
    good = _without_doubles(good, rows, faults)
    columns: dict[str, list[object]] = {name: [row.get(name) or None for row in good] for name in tables.CITIES}
    columns["ended_on"] = [day(row.get("ended_on", "")) for row in good]
    return tables.frame(tables.CITIES, columns).sort("city_id"), tables.faults_frame(faults)


def write_pseudonym(path: Path, city: str, taken: Collection[str | None]) -> str:
    """Draw a pseudonym for a city and write it into the register.

    It is drawn, not derived: whatever is derived from a name can be had by trying names.

    Args:
        path: The register.
        city: Key of a city that has none.
        taken: Pseudonyms that others have.

    Returns:
        The pseudonym.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file) if line]
    head = [name.strip() for name in lines[0]]
    if "pseudonym" not in head:
        head.append("pseudonym")
    row = next(line for line in lines[1:] if line[head.index("city_id")].strip() == city)
    known = dict(zip(head, row, strict=False))
    drawn = (f"{word}-{secrets.token_hex(3)}" for word in itertools.cycle(("city", "town", "place")))
    keys = {line[head.index("city_id")].strip() for line in lines[1:]}
    for text in drawn:
        if text not in taken and not _pseudonym_faults(0, {**known, "pseudonym": text}, keys):
            break
    at = head.index("pseudonym")
    row += [""] * (at + 1 - len(row))
    row[at] = text
    padded = [head, *([*line, *[""] * (len(head) - len(line))] for line in lines[1:])]
    with written_in_place(path, path) as file:
        csv.writer(file, lineterminator="\n").writerows(padded)
    return text


def _read(path: Path, faults: list[Fault]) -> list[tuple[int, Row]]:
    """Lines of the register with their numbers."""
    try:
        header, rows = read_lines(path)
    except FileNotFoundError:
        faults.append(_fault("register_missing", f"There is no register {path.name}; no city can count. Write it."))
        return []
    except LinesError as error:
        faults.append(_fault("register_unreadable", f"{path.name} {error}"))
        return []
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        faults.append(
            _fault("renamed_header", f"{path.name} has no column {', '.join(missing)}; it has {', '.join(header)}.")
        )
        return []
    return rows


def _is_sound(line: int, row: Row, keys: set[str], faults: list[Fault]) -> bool:
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
    found += _merger_faults(line, row, keys) + _pseudonym_faults(line, row, keys)
    faults += found
    return not found


def _merger_faults(line: int, row: Row, keys: set[str]) -> list[Fault]:
    """What is wrong with the end of a city."""
    ended, into = row.get("ended_on", ""), row.get("merged_into", "")
    found = []
    if ended and day(ended) is None:
        text = f"{ended!r} is no date. Write 2024-01-01."
        found.append(_fault("bad_date", text, line=line, name="ended_on", value=ended))
    if into and not ended:
        text = f"{row['city_id']} became part of {into}, but when is not told. Fill in ended_on."
        found.append(_fault("register_blank", text, line=line, name="ended_on"))
    if into and (into not in keys or into == row["city_id"]):
        text = f"{into!r} is no other city of the register. Write the city_id of the city that there is now."
        found.append(_fault("unknown_city", text, line=line, name="merged_into", value=into))
    return found


def _pseudonym_faults(line: int, row: Row, keys: set[str]) -> list[Fault]:
    """What is wrong with a pseudonym; the message does not repeat the name that it would hide."""
    text = row.get("pseudonym", "")
    if not text:
        return []
    words = {word for name in spellings(row["name"], row.get("aliases")) for word in name.split()}
    words |= set(row["city_id"].split("-")) | set(folded(row["country"]).split())
    tells = sorted(word for word in words if len(word) >= TELLING_WORD and word in text)
    if not _PSEUDONYM.fullmatch(text):
        told = "is no pseudonym: small letters, digits and hyphens, for example city-7f3a"
    elif text in keys:
        told = "is the city_id of a city. Draw another"
    elif tells:
        told = "holds a word of the city's name, key or country. Draw another"
    else:
        return []
    return [_fault("bad_pseudonym", f"{text!r} {told}.", line=line, name="pseudonym", value=text)]


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
        if pseudonym := row.get("pseudonym"):
            other = owner.setdefault(("", pseudonym), city)
            if other != city:
                text = f"{city} and {other} have the same pseudonym; neither can be told apart. Draw another."
                faults.append(_fault("bad_pseudonym", text, line=line, name="pseudonym", value=pseudonym, city=city))
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
