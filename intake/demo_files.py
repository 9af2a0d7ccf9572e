"""Workbooks, receipts and register of the demo cohort, one city at a time.

What belongs here: from drawn arrays to cells and files. What does not: the drawing (`demo_model.py`,
`demo_conduct.py`) and the workspace (`demo.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from intake.demo_conduct import CONSENTS, MODES, OUTCOMES, Conduct, draw_conduct
from intake.demo_faults import Plant, plant, planted_in
from intake.demo_model import Figures, draw_figures
from intake.demo_places import Place, place
from intake.demo_plan import Plan, Rows, plan_of, rows_of
from intake.demo_shapes import CURRENCY, HOLDERS
from intake.receipts import Receipt, write_receipts
from intake.tables import CITIES
from intake.template import PREFILLED, City, Entry, write_workbook
from ssc_index.framework.catalogue import Catalogue, DataPoint

SENDER = "Demo city office (invented)"
VERIFIER = "Demo verifier (invented)"
# Decimals of a final value that stands without numerator and denominator.
RESULT_DECIMALS = 2


@dataclass(frozen=True)
class Written:
    """What was written of one city.

    Attributes:
        submissions: Number of workbooks, revisions among them.
        revisions: Number of revisions.
        planted: Planted faults, each with its file relative to the folder of years.
    """

    submissions: int
    revisions: int
    planted: tuple[tuple[str, Plant], ...]


@dataclass(frozen=True)
class Draws:
    """Everything drawn of some rows."""

    plan: Plan
    rows: Rows
    figures: Figures
    conduct: Conduct


def draw_rows(catalogue: Catalogue, seed: int, rows: Rows, *, is_revised: bool = False) -> Draws:
    """Draw figures and conduct of rows."""
    plan = plan_of(catalogue)
    figures = draw_figures(plan, seed, rows, is_revised=is_revised)
    conduct = draw_conduct(plan, catalogue, seed, rows, figures.development, is_revised=is_revised)
    return Draws(plan, rows, figures, conduct)


def write_city(folder: Path, catalogue: Catalogue, seed: int, number: int, years: Sequence[int]) -> Written:
    """Write the workbooks and receipts of one city.

    Args:
        folder: Folder that holds (or gets) a folder for each year.
        catalogue: The KPI catalogue.
        seed: Seed of the cohort.
        number: Number of the city, from 1.
        years: Reference years.

    Returns:
        What was written; the same bytes whatever else is in the cohort.
    """
    rows = rows_of([place(number)], years)
    first = draw_rows(catalogue, seed, rows)
    revised = draw_rows(catalogue, seed, rows, is_revised=True)
    submissions = revisions = 0
    planted = []
    for row, year in enumerate(years):
        fault = planted_in(number, year)
        if first.conduct.is_skipped[row] and fault is None:
            continue
        path = folder / str(year) / f"{rows.places[row].city_id}.xlsx"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, catalogue, first, row, fault)
        submissions += 1
        if fault is not None:
            planted.append((f"{year}/{path.name}", fault))
        elif first.conduct.has_revision[row]:
            _write(path.with_stem(f"{path.stem}-r2"), catalogue, revised, row, None)
            submissions, revisions = submissions + 1, revisions + 1
    return Written(submissions, revisions, tuple(planted))


def write_register(path: Path, places: Iterable[Place], seed: int) -> None:
    """Write ``cities.csv`` of invented cities."""
    note = f"Invented by ssc-index demo, seed {seed}; no such city or country exists"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CITIES)
        for city in places:
            country = city.country
            alias = "" if city.plain_name == city.name else city.plain_name
            facts = (country.code, country.name, country.region, country.income_group)
            writer.writerow((city.city_id, city.name, *facts, alias, note))


def source_of(category: str) -> str:
    """Who holds the data of a category, marked as invented."""
    return f"Demo {HOLDERS.get(category, 'city administration')} (invented)"


def source_details_of(year: int, kpi: int) -> str:
    """Where a verifier would find the number; ``kpi`` is its position."""
    return f"Demo yearbook {year}, table {kpi + 1}"


# What a careful city adds where the manual asks for more than a number.
COMMENTS: Mapping[str, str] = {
    "EC_ICT_ICT_1C.main": "Random sample of 2,400 households, or subscribers of all providers; demo data",
    "EC_ICT_ICT_2C.main": "Subscribers of all providers; demo data",
    "EC_ICT_T_1C.main": "Stops with a screen; demo data",
    "EN_EN_EQ_1C.main": "All sites measured in the yearly audit; demo data",
}


def comment_of(point: str, *, is_result_only: bool) -> str | None:
    """What the city remarks in a row; None where it remarks nothing."""
    only = "Final value only" if is_result_only else ""
    return "; ".join(part for part in (only, COMMENTS.get(point, "demo data" if only else "")) if part) or None


def receipt_of(draws: Draws, row: int, *, is_accepted: bool = False) -> Receipt:
    """The receipt of a row.

    Args:
        draws: What was drawn.
        row: Row of it.
        is_accepted: Whether the verifier accepts it whatever was drawn.
    """
    conduct = draws.conduct
    outcome = "verified" if is_accepted else OUTCOMES[conduct.outcome[row]]
    received = conduct.received_at[row].astype("datetime64[s]").astype(object)
    verified_on: date | None = conduct.verified_on[row].astype("datetime64[D]").astype(object)
    if verified_on is None and is_accepted:
        verified_on = received.date()
    has_outcome = outcome != "pending"
    return Receipt(
        city_id=draws.rows.places[row].city_id,
        year=int(draws.rows.years[row]),
        received_at=datetime.combine(received.date(), received.time(), UTC),
        received_from=SENDER,
        verification_mode=MODES[conduct.mode[row]] if has_outcome else None,
        verification_outcome=outcome,
        verified_on=verified_on,
        verifier=VERIFIER if has_outcome else None,
        consent=CONSENTS[conduct.consent[row]],
    )


@dataclass(frozen=True)
class Form:
    """What a city fills in.

    Attributes:
        city: The city.
        year: Reference year.
        profile: Figures of the profile.
        entries: Rows by data point.
    """

    city: City
    year: int
    profile: Mapping[str, Any]
    entries: Mapping[str, Entry]

    def write(self, path: Path, catalogue: Catalogue) -> None:
        """Write the workbook."""
        write_workbook(
            path,
            catalogue,
            city=self.city,
            year=self.year,
            profile=self.profile,
            entries=self.entries,
            is_demo=True,
        )


def form_of(catalogue: Catalogue, draws: Draws, row: int, fault: Plant | None = None) -> Form:
    """The form of a row, with a fault where one is planted."""
    city = draws.rows.places[row]
    profile: dict[str, Any] = {name: float(array[row]) for name, array in draws.figures.profile.items()}
    return Form(
        City(city.city_id, city.name, city.country.name),
        int(draws.rows.years[row]),
        {**profile, "currency": CURRENCY},
        _entries(catalogue, draws, row, fault),
    )


def _write(path: Path, catalogue: Catalogue, draws: Draws, row: int, fault: Plant | None) -> None:
    """Write a workbook and its receipt."""
    form_of(catalogue, draws, row, fault).write(path, catalogue)
    write_receipts(path, [receipt_of(draws, row, is_accepted=fault is not None)])


def _entries(catalogue: Catalogue, draws: Draws, row: int, fault: Plant | None) -> dict[str, Entry]:
    """Rows of the form that the city fills in."""
    conduct, figures = draws.conduct, draws.figures
    is_open = OUTCOMES[conduct.outcome[row]] == "pending" and fault is None
    entries = {}
    for at, point in enumerate(draws.plan.points):
        is_faulty = fault is not None and fault.data_point == point.id
        if not (conduct.is_reported[row, at] or is_faulty):
            continue
        is_passed = is_faulty or bool(conduct.is_verified[row, at])
        entry = Entry(
            verified=None if is_open else is_passed,
            quality=catalogue.scoring.quality_grades.choices[conduct.quality[row, at]].code,
            origin=catalogue.scoring.data_origins.choices[conduct.origin[row, at]].code,
            source=source_of(draws.plan.category_names[draws.plan.category[at]]),
            source_details=source_details_of(int(draws.rows.years[row]), int(draws.plan.kpi[at])),
            comment=comment_of(point.id, is_result_only=bool(conduct.is_result_only[row, at]) and not is_faulty),
            **_cells(point, figures, row, at, bool(conduct.is_result_only[row, at]) and not is_faulty),
        )
        if fault is not None and is_faulty:
            people = float(figures.profile["population"][row])
            entry = plant(entry, fault.kind, float(figures.value[row, at]), people)
        entries[point.id] = entry
    return entries


def _cells(point: DataPoint, figures: Figures, row: int, at: int, is_result_only: bool) -> dict[str, Any]:
    """Numerator, denominator and result of a row; the form itself fills in what it can."""
    value = float(figures.value[row, at])
    if is_result_only:
        return {"result": round(value, RESULT_DECIMALS)}
    if point.value_type == "yes_no":
        return {"result": "YES" if value else "NO"}
    if point.numerator is None:
        return {"result": value}
    cells = {"numerator": float(figures.numerator[row, at])}
    if point.denominator is not None and point.denominator_basis not in PREFILLED:
        cells["denominator"] = float(figures.denominator[row, at])
    return cells


def result_cells(draws: Draws) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numerator, denominator and typed result of all rows, NaN where the cell is empty; shape (n, p).

    The same cells as `_cells` gives, for a bulk file, in which nothing is filled in by a form.
    """
    figures, conduct = draws.figures, draws.conduct
    is_typed = conduct.is_result_only | np.isnan(figures.numerator)
    has_parts = conduct.is_reported & ~is_typed
    rounded = np.where(conduct.is_result_only, np.round(figures.value, RESULT_DECIMALS), figures.value)
    return (
        np.where(has_parts, figures.numerator, np.nan),
        np.where(has_parts, figures.denominator, np.nan),
        np.where(conduct.is_reported & is_typed, rounded, np.nan),
    )
