"""Helper of the tests of rules: a workbook of a few rows, held against the rules, without any file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from intake.rules import Rule
from intake.screening import form_rows, screen
from intake.tables import CELLS, SUBMISSIONS
from ssc_index.framework.catalogue import load_catalogue

FILE = "a" * 64
CITY, YEAR = "x", 2024
PROFILE = {"population": 400_000.0, "households": 160_000.0, "area_km2": 100.0, "city_gdp": 1e10, "currency": "NOK"}
COLUMNS = {
    "numerator": "F",
    "denominator": "G",
    "result": "H",
    "is_reported": "K",
    "is_verified": "L",
    "source": "O",
    "comment": "Q",
    "profile.population": "B9",
    "profile.households": "B10",
    "profile.area_km2": "B11",
    "profile.city_gdp": "B12",
}

Cell = Mapping[str, Any] | float


def findings(
    rows: Mapping[str, Cell],
    *,
    profile: Mapping[str, Any] | None = None,
    past: Mapping[str, float] | None = None,
    peers: Mapping[str, Sequence[float]] | None = None,
    elders: Mapping[str, Sequence[float]] | None = None,
    country: Mapping[str, float] | None = None,
    rules: Sequence[Rule] | None = None,
) -> pl.DataFrame:
    """Findings of one workbook.

    Args:
        rows: Rows by data point: fields that override a reported row with source, or the result alone.
        profile: Figures that override `PROFILE`; None takes one away.
        past: Values of the year before, by data point; figures of the profile as ``profile.population``.
        peers: Results of other cities, by data point: the first of each is of one city, and so on.
        elders: Values that other cities gave the year before and have not given yet this year, as ``peers``.
        country: Figures of the country.
        rules: The rules; None takes the shipped ones.
    """
    cells = [_cell(CITY, at, point, cell) for at, (point, cell) in enumerate(rows.items())]
    n_peers = max((len(values) for values in (peers or {}).values()), default=0)
    for point, values in (peers or {}).items():
        cells += [_cell(f"peer-{number}", 0, point, value) for number, value in enumerate(values)]
    given = {**PROFILE, **(profile or {})}
    submissions = [_submission(CITY, given), *(_submission(f"peer-{number}", PROFILE) for number in range(n_peers))]
    frame = pl.DataFrame(cells, schema=dict(CELLS))
    profiles = pl.DataFrame(submissions, schema=dict(SUBMISSIONS))
    columns = pl.DataFrame([{"file_sha256": FILE, **COLUMNS}])
    catalogue = load_catalogue()
    return screen(
        form_rows(frame, profiles, columns, catalogue),
        profiles,
        columns,
        catalogue,
        is_asked=profiles["city_id"] == CITY,
        past=pl.DataFrame(
            [(CITY, YEAR - 1, point, value) for point, value in (past or {}).items()]
            + [
                (f"elder-{number}", YEAR - 1, point, value)
                for point, values in (elders or {}).items()
                for number, value in enumerate(values)
            ],
            schema={"city_id": pl.String, "year": pl.Int16, "data_point": pl.String, "value": pl.Float64},
            orient="row",
        ),
        countries=pl.DataFrame(
            [{"city_id": CITY, "year": YEAR, "income_group": "High", **(country or {})}],
            schema_overrides={"year": pl.Int16},
        )
        if country
        else None,
        rules=rules,
    )


def rules_of(rows: Mapping[str, Cell], **given: Any) -> set[str]:
    """Codes of the rules that find something."""
    return set(findings(rows, **given)["rule"])


def _cell(city: str, at: int, point: str, cell: Cell) -> dict[str, Any]:
    row = dict.fromkeys(CELLS) | {"file_sha256": FILE, "city_id": city, "year": YEAR, "data_point": point}
    row |= {"sheet": "KPIs", "row_number": 10 + at, "is_reported": True, "result_is_formula": False}
    row |= {"source": "Office", "source_details": "Table 1"}
    return row | (dict(cell) if isinstance(cell, Mapping) else {"result": float(cell)})


def _submission(city: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return dict.fromkeys(SUBMISSIONS) | {"file_sha256": FILE, "city_id": city, "year": YEAR} | dict(given)
