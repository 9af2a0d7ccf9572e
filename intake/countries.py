"""What is known of a city's country: the optional table ``national.csv`` beside the register.

What belongs here: reading and checking the table, and joining it to cities. What does not: what follows from it
(the rules) and the register (`register.py`).

A figure holds for its year and for later ones until there is a newer one. Nothing is shipped: whoever keeps the raw
files supplies figures with their source, for example from the ITU and the World Bank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from intake import tables
from intake.facts import NATIONAL
from intake.lines import LinesError, Row, read_lines
from intake.tables import Fault

NATIONAL_NAME = "national.csv"
# Column of the table -> name of the figure in the rules.
FIGURES: Mapping[str, str] = {name.removeprefix("national_"): name for name in NATIONAL}
COLUMNS = ("country_code", "year", *FIGURES, "source")
SCHEMA = {"country_code": pl.String, "year": pl.Int16, **dict.fromkeys(NATIONAL, pl.Float64)}


def read_national(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the table of countries.

    Args:
        path: CSV in UTF-8 with the columns `COLUMNS`, figures blank where unknown; an absent file is an empty table.

    Returns:
        Rows of `SCHEMA`, only sound ones, sorted by country and year, and the faults (columns ``tables.FAULTS``).
    """
    faults: list[Fault] = []
    try:
        header, lines = read_lines(path)
    except FileNotFoundError:
        return pl.DataFrame(schema=SCHEMA), tables.faults_frame([])
    except LinesError as error:
        faults.append(_fault("national_unreadable", str(error)))
        return pl.DataFrame(schema=SCHEMA), tables.faults_frame(faults)
    if missing := [name for name in COLUMNS if name not in header]:
        lines = []
        faults.append(_fault("renamed_header", f"has no column {', '.join(missing)}; it needs {', '.join(COLUMNS)}."))
    rows = [row for line, text in lines if (row := _row(line, text, faults)) is not None]
    frame = pl.DataFrame(rows, schema=SCHEMA).unique(["country_code", "year"], keep="first", maintain_order=True)
    return frame.sort("country_code", "year"), tables.faults_frame(faults)


def countries_of(register: pl.DataFrame, national: pl.DataFrame, years: Sequence[int]) -> pl.DataFrame:
    """What is known of each registered city's country in some years.

    Args:
        register: Rows of ``raw.cities``.
        national: Rows of `SCHEMA`.
        years: Reference years.

    Returns:
        ``city_id, year, income_group`` and the figures, the newest up to the year of each.
    """
    cities = register.select("city_id", "country_code", "income_group")
    asked = cities.join(pl.DataFrame({"year": list(years)}, schema={"year": pl.Int16}), how="cross")
    if national.is_empty():
        return asked.drop("country_code")
    filled = national.sort("country_code", "year").with_columns(
        pl.col(name).forward_fill().over("country_code") for name in NATIONAL
    )
    joined = asked.sort("year").join_asof(
        filled.sort("year"), on="year", by="country_code", strategy="backward", check_sortedness=False
    )
    return joined.drop("country_code").sort("city_id", "year")


def _row(line: int, text: Row, faults: list[Fault]) -> dict[str, object] | None:
    """A sound line; None with a fault for each thing wrong with it."""
    found = []
    row: dict[str, object] = {"country_code": text["country_code"]}
    year = text["year"]
    if not year.isdecimal() or not tables.FIRST_YEAR <= int(year) <= tables.LAST_YEAR:
        found.append(_fault("bad_year", f"{year!r} is no year. Write it as 2024.", line, "year", year))
    else:
        row["year"] = int(year)
    for column, name in FIGURES.items():
        figure = text[column]
        try:
            row[name] = float(figure) if figure else None
        except ValueError:
            row[name] = math.nan
        number = row[name]
        if isinstance(number, float) and not (math.isfinite(number) and number >= 0):
            found.append(
                _fault("not_a_number", f"{figure!r} is no number of 0 or more. Correct it.", line, column, figure)
            )
    if not text["source"]:
        found.append(_fault("source_missing", "the line names no source. Name it.", line, "source", ""))
    faults += found
    return None if found else row


def _fault(
    rule: str, message: str, line: int | None = None, name: str | None = None, value: str | None = None
) -> Fault:
    """A fault of the table."""
    where = None if line is None or name is None else tables.address({}, name, line)
    place = f"{NATIONAL_NAME}, {where}: " if where else f"{NATIONAL_NAME} "
    return Fault(rule, place + message, cell=where, field=name, value=value)
