"""The tables that intake hands on, and the fault that every reader reports.

What belongs here: column names and types, and how faults are gathered into a frame. What does not: bounds and
codes (`schemas/raw.py` checks them) and any reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

WORKBOOK_SUFFIXES = (".xlsx", ".xlsm")  # a macro workbook is read as data; nothing in it is run
Severity = Literal["error", "warning", "note"]
Schema = Mapping[str, pl.DataType | type[pl.DataType]]

FILES: Schema = {
    "file_sha256": pl.String,
    "kind": pl.String,
    "status": pl.String,
    "framework_version": pl.String,
    "column_map": pl.String,
}

SUBMISSIONS: Schema = {
    "file_sha256": pl.String,
    "city_id": pl.String,
    "year": pl.Int16,
    "city_name": pl.String,
    "population": pl.Float64,
    "households": pl.Float64,
    "area_km2": pl.Float64,
    "city_gdp": pl.Float64,
    "currency": pl.String,
    "household_income": pl.Float64,
    "inflation_pct": pl.Float64,
}

CELLS: Schema = {
    "file_sha256": pl.String,
    "city_id": pl.String,
    "year": pl.Int16,
    "data_point": pl.String,
    "sheet": pl.String,
    "row_number": pl.Int32,
    "numerator": pl.Float64,
    "numerator_text": pl.String,
    "denominator": pl.Float64,
    "denominator_text": pl.String,
    "result": pl.Float64,
    "result_text": pl.String,
    "result_is_formula": pl.Boolean,
    "is_reported": pl.Boolean,
    "is_verified": pl.Boolean,
    "quality": pl.String,
    "origin": pl.String,
    "source": pl.String,
    "source_details": pl.String,
    "comment": pl.String,
}

FAULTS: Schema = {
    "file_sha256": pl.String,
    "city_id": pl.String,
    "year": pl.Int16,
    "sheet": pl.String,
    "cell": pl.String,
    "kpi_code": pl.String,
    "data_point": pl.String,
    "field": pl.String,
    "value": pl.String,
    "rule": pl.String,
    "severity": pl.String,
    "message": pl.String,
}

RECEIPTS: Schema = {
    "file_sha256": pl.String,
    "city_id": pl.String,
    "year": pl.Int16,
    "received_at": pl.Datetime("us", "UTC"),
    "verification_mode": pl.String,
    "verification_outcome": pl.String,
    "verified_on": pl.Date,
    "consent": pl.String,
    "accepted": pl.String,
    "verdicts": pl.String,
}

CITIES: Schema = {
    "city_id": pl.String,
    "name": pl.String,
    "country_code": pl.String,
    "country": pl.String,
    "region": pl.String,
    "income_group": pl.String,
    "aliases": pl.String,
    "note": pl.String,
    "merged_into": pl.String,
    "ended_on": pl.Date,
    "pseudonym": pl.String,
}

NUMBER_FIELDS = ("numerator", "denominator", "result")
PROFILE_NUMBERS = ("population", "households", "area_km2", "city_gdp", "household_income", "inflation_pct")

FIRST_YEAR = 2000
LAST_YEAR = 2100

# A text in a fault is cut here: a fault names a value, it does not carry a file.
VALUE_LENGTH = 200


@dataclass(frozen=True)
class Fault:
    """One thing that a reader found wrong, guessed or refused.

    Attributes:
        rule: Short code of the rule, for example ``not_a_number``.
        message: What is wrong and what to do next, for a person.
        severity: ``error`` keeps the row or file out, ``warning`` and ``note`` do not.
        file_sha256: The file, where there is one.
        city_id: The city, where known.
        year: The reference year, where known.
        sheet: Sheet of the workbook.
        cell: Address of the cell, or line and column of a bulk file.
        kpi_code: The KPI, where known.
        data_point: The data point, where known.
        field: Field of the row, for example ``numerator``.
        value: What was found, as text.
    """

    rule: str
    message: str
    severity: Severity = "error"
    file_sha256: str | None = None
    city_id: str | None = None
    year: int | None = None
    sheet: str | None = None
    cell: str | None = None
    kpi_code: str | None = None
    data_point: str | None = None
    field: str | None = None
    value: str | None = None


def faults_frame(faults: Iterable[Fault]) -> pl.DataFrame:
    """Faults as a frame of the columns `FAULTS`, in the order given.

    >>> faults_frame([Fault("empty_file", "The file is empty.")])["severity"].to_list()
    ['error']
    """
    listed = list(faults)
    return frame(
        FAULTS,
        {
            name: [_cut(getattr(fault, name)) if name == "value" else getattr(fault, name) for fault in listed]
            for name in FAULTS
        },
    )


def frame(schema: Schema, columns: Mapping[str, Sequence[object]]) -> pl.DataFrame:
    """A frame of exactly the columns of a schema."""
    return pl.DataFrame({name: columns[name] for name in schema}, schema=dict(schema), strict=True)


def empty(schema: Schema) -> pl.DataFrame:
    """A frame of a schema without rows."""
    return pl.DataFrame(schema=dict(schema))


def address(column_map: Mapping[str, str], field: str, row: int) -> str:
    """Where a field of a row stands, as the city sees it.

    Args:
        column_map: Field to column letter of a workbook; empty for a bulk file.
        field: Field of the row.
        row: Row of the sheet, or line of the bulk file; the header counts.

    >>> address({"numerator": "F"}, "numerator", 17)
    'F17'
    >>> address({}, "is_reported", 17)
    'line 17, column reported'
    """
    letters = column_map.get(field)
    if letters is None:
        return f"line {row}, column {field.removeprefix('is_')}"
    return f"{letters}{row}"


def _cut(text: str | None) -> str | None:
    """The first characters of a long text."""
    if text is None or len(text) <= VALUE_LENGTH:
        return text
    return text[: VALUE_LENGTH - 1] + "…"


@dataclass(frozen=True)
class ReadResult:
    """What reading one file gave; a refused file has faults only.

    Attributes:
        file_sha256: The file.
        kind: ``workbook`` or ``bulk``.
        status: ``read``, or ``refused`` as a whole.
        framework_version: Version of the catalogue that the file names; None where it names none.
        column_map: Field to column letter of the sheet KPIs, and ``profile.`` with a field of the profile to its
            address; empty for bulk files. See `address`.
        submissions: Rows of `SUBMISSIONS`.
        cells: Rows of `CELLS`.
        faults: Rows of `FAULTS`.
    """

    file_sha256: str
    kind: Literal["workbook", "bulk"]
    status: Literal["read", "refused"]
    framework_version: str | None
    column_map: Mapping[str, str]
    submissions: pl.DataFrame
    cells: pl.DataFrame
    faults: pl.DataFrame


def refusal(
    file_sha256: str, kind: Literal["workbook", "bulk"], faults: Iterable[Fault], version: str | None = None
) -> ReadResult:
    """The result of a file that is not read at all."""
    return ReadResult(file_sha256, kind, "refused", version, {}, empty(SUBMISSIONS), empty(CELLS), faults_frame(faults))
