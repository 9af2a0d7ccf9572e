"""The form written and read back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from intake.reading import read_submission
from intake.template import City, Entry, write_workbook
from ssc_index.framework.catalogue import Catalogue, load_catalogue

CITY = City("no-testby", "Testby", "Norway")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def row_of(cells: pl.DataFrame, point: str) -> dict[str, object]:
    return cells.row(by_predicate=pl.col("data_point") == point, named=True)


def test_filled_workbook_reads_back_value_for_value(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "form.xlsx"
    entries = {
        "EC_ICT_ICT_1C.main": Entry(
            numerator=30000, verified=True, quality="accurate_measurements", source="Register", comment="none"
        ),
        "EC_ICT_ICT_3C.main": Entry(numerator=120000, verified=False),
        "SC_SH_SI_2C.main": Entry(result=0.27, verified=True),
        "SC_SH_SA_3A.main": Entry(result="NO"),
    }
    profile = {"population": 150000, "households": 60000, "currency": "NOK"}
    write_workbook(path, catalogue, city=CITY, year=2024, profile=profile, entries=entries)

    result = read_submission(path, catalogue)

    assert result.faults.is_empty()
    assert result.status == "read"
    assert result.framework_version == catalogue.version
    assert result.cells.height == len(catalogue.data_points)
    assert result.submissions.select("city_id", "year", "population", "currency").row(0) == (
        "no-testby",
        2024,
        150000.0,
        "NOK",
    )
    # 30000 of 60000 households, prefilled from the profile: 50 per cent.
    household = row_of(result.cells, "EC_ICT_ICT_1C.main")
    assert (household["denominator"], household["result"]) == (60000.0, 50.0)
    assert (household["result_is_formula"], household["is_reported"], household["is_verified"]) == (
        True,
        True,
        True,
    )
    assert household["quality"] == "accurate_measurements"
    # 120000 for 1.5 hundred thousand people: 80000.
    wireless = row_of(result.cells, "EC_ICT_ICT_3C.main")
    assert (wireless["denominator"], wireless["result"], wireless["is_verified"]) == (1.5, 80000.0, False)
    gini = row_of(result.cells, "SC_SH_SI_2C.main")
    assert (gini["result"], gini["result_is_formula"]) == (0.27, False)
    plans = row_of(result.cells, "SC_SH_SA_3A.main")
    assert (plans["result"], plans["result_text"], plans["is_reported"]) == (0.0, "NO", True)
