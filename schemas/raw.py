"""Tables of schema ``raw``: submissions as received, nothing judged yet.

What belongs here: their columns. What does not: how files are read (`intake`).
"""

from __future__ import annotations

import polars as pl

from schemas import checks
from schemas.table import Column, Table

UTC = pl.Datetime("us", "UTC")

CONSENTS = ("none", "scores", "values", "report")
VERIFICATION_MODES = ("onsite", "remote")
VERIFICATION_OUTCOMES = ("pending", "verified", "partly_verified", "rejected")
SEVERITIES = ("error", "warning", "note")

_FILE = Column(pl.String, "SHA-256 of the received file.", checks=(checks.sha256(),))
_CITY = Column(pl.String, "Key of the city in the register (dim_city).")
_YEAR = Column(pl.Int16, "Reference year of the submission.", checks=(checks.year(),))

FILES = Table(
    name="raw.files",
    description="One row per distinct file ever received, read or refused. Append-only but for where it lies.",
    key=("file_sha256",),
    columns={
        "file_sha256": _FILE,
        "path": Column(pl.String, "Where the file lies below raw/, the first in order if it lies in several places."),
        "kind": Column(pl.String, "workbook or bulk.", checks=(checks.one_of(("workbook", "bulk"), "file_kind"),)),
        "status": Column(
            pl.String,
            "read, or refused as a whole with the reason in raw.faults.",
            checks=(checks.one_of(("read", "refused"), "file_status"),),
        ),
        "size_bytes": Column(pl.Int64, "Size of the file in bytes."),
        "framework_version": Column(pl.String, "Version of the catalogue the file was made for.", nullable=True),
        "column_map": Column(pl.String, "JSON: field to column letter, to name any cell's address.", nullable=True),
        "is_present": Column(pl.Boolean, "Whether the file still lies below raw/; a vanished one counts no more."),
    },
)

SUBMISSIONS = Table(
    name="raw.submissions",
    description="One row per file, city and reference year, with the profile the city gave. Append-only.",
    key=("file_sha256", "city_id", "year"),
    columns={
        "file_sha256": _FILE,
        "city_id": _CITY,
        "year": _YEAR,
        "city_name": Column(pl.String, "Name as the city wrote it.", nullable=True),
        "population": Column(pl.Float64, "Inhabitants, persons.", nullable=True, checks=(checks.finite(),)),
        "households": Column(pl.Float64, "Households, number.", nullable=True, checks=(checks.finite(),)),
        "area_km2": Column(pl.Float64, "City area, km2.", nullable=True, checks=(checks.finite(),)),
        "city_gdp": Column(pl.Float64, "City GDP, in the given currency.", nullable=True, checks=(checks.finite(),)),
        "currency": Column(pl.String, "Currency of the money amounts.", nullable=True),
        "household_income": Column(
            pl.Float64,
            "Household income per year, in the given currency.",
            nullable=True,
            checks=(checks.finite(),),
        ),
        "inflation_pct": Column(pl.Float64, "Inflation, per cent a year.", nullable=True, checks=(checks.finite(),)),
    },
)

RECEIPTS = Table(
    name="raw.receipts",
    description="One row per file, city and year: what is known of its receipt, verification and consent. "
    "Read anew from the receipt files on every ingest.",
    key=("file_sha256", "city_id", "year"),
    columns={
        "file_sha256": _FILE,
        "city_id": _CITY,
        "year": _YEAR,
        "received_at": Column(UTC, "When the submission was received, UTC."),
        "verification_mode": Column(
            pl.String, "onsite or remote.", nullable=True, checks=(checks.one_of(VERIFICATION_MODES, "mode"),)
        ),
        "verification_outcome": Column(
            pl.String,
            "pending, verified, partly_verified or rejected.",
            checks=(checks.one_of(VERIFICATION_OUTCOMES, "outcome"),),
        ),
        "verified_on": Column(pl.Date, "Date of the verifier's outcome.", nullable=True),
        "consent": Column(
            pl.String,
            "What the city lets us publish of this year: none, scores, values or report; at most scores where it "
            "is not named.",
            checks=(checks.one_of(CONSENTS, "consent"),),
        ),
        "accepted": Column(
            pl.String, "Findings that the verifier accepts, with the reason of each; internal.", nullable=True
        ),
        "verdicts": Column(
            pl.String, "YES or NO of single data points where it is not that of the file; internal.", nullable=True
        ),
    },
)

CELLS = Table(
    name="raw.cells",
    description="One row per data-point row of a file, every revision, with what each cell held. Append-only.",
    key=("file_sha256", "city_id", "year", "data_point", "row_number"),
    columns={
        "file_sha256": _FILE,
        "city_id": _CITY,
        "year": _YEAR,
        "data_point": Column(pl.String, "Data point of the catalogue (dim_kpi)."),
        "sheet": Column(pl.String, "Sheet of the workbook; missing for bulk files.", nullable=True),
        "row_number": Column(pl.Int32, "Row of the sheet, or line of the bulk file."),
        "numerator": Column(pl.Float64, "Numerator, in the unit of the form.", nullable=True),
        "numerator_text": Column(pl.String, "What the cell held where it was no plain number.", nullable=True),
        "denominator": Column(pl.Float64, "Denominator, in the unit of the form.", nullable=True),
        "denominator_text": Column(pl.String, "What the cell held where it was no plain number.", nullable=True),
        "result": Column(pl.Float64, "Result as reported, in the data point's unit.", nullable=True),
        "result_text": Column(pl.String, "What the cell held where it was no plain number.", nullable=True),
        "result_is_formula": Column(pl.Boolean, "Whether the result was computed by the form.", nullable=True),
        "is_reported": Column(pl.Boolean, "YES or NO in the column Reported.", nullable=True),
        "is_verified": Column(pl.Boolean, "YES or NO in the column Verified.", nullable=True),
        "quality": Column(pl.String, "Data-quality grade that the city declared, code.", nullable=True),
        "origin": Column(pl.String, "Data origin that the city declared, code.", nullable=True),
        "source": Column(pl.String, "Source that the city named.", nullable=True),
        "source_details": Column(pl.String, "Details of the source.", nullable=True),
        "comment": Column(pl.String, "Comment of the city; never published.", nullable=True),
    },
)

FAULT_COLUMNS: dict[str, Column] = {
    "file_sha256": Column(pl.String, "SHA-256 of the file; missing where the fault is of no file.", nullable=True),
    "city_id": Column(pl.String, "City, where known.", nullable=True),
    "year": Column(pl.Int16, "Reference year, where known.", nullable=True),
    "sheet": Column(pl.String, "Sheet of the workbook.", nullable=True),
    "cell": Column(pl.String, "Address of the cell, or line and column of a bulk file.", nullable=True),
    "kpi_code": Column(pl.String, "KPI, where known.", nullable=True),
    "data_point": Column(pl.String, "Data point, where known.", nullable=True),
    "field": Column(pl.String, "Field of the row, for example numerator.", nullable=True),
    "value": Column(pl.String, "What was found, as text.", nullable=True),
    "rule": Column(pl.String, "Short code of the rule that failed."),
    "severity": Column(
        pl.String,
        "error keeps the row out, warning and note do not.",
        checks=(checks.one_of(SEVERITIES, "severity"),),
    ),
    "message": Column(pl.String, "What is wrong and what to do, for a person."),
}

FAULTS = Table(
    name="raw.faults",
    description="What reading the files found wrong, guessed or refused. Append-only.",
    key=(),
    columns=FAULT_COLUMNS,
)

RECEIPT_FAULTS = Table(
    name="raw.receipt_faults",
    description="What is wrong with receipts, the register, or files that are no submissions. "
    "Judged anew on every ingest.",
    key=(),
    columns=FAULT_COLUMNS,
)

CITIES = Table(
    name="raw.cities",
    description="The register of cities, read anew from cities.csv on every ingest.",
    key=("city_id",),
    columns={
        "city_id": _CITY,
        "name": Column(pl.String, "Name of the city."),
        "country_code": Column(pl.String, "ISO 3166 alpha-3 code.", checks=(checks.iso3(),)),
        "country": Column(pl.String, "Name of the country."),
        "region": Column(pl.String, "World Bank region."),
        "income_group": Column(pl.String, "World Bank income group of the country."),
        "aliases": Column(pl.String, "Other spellings, separated by semicolons.", nullable=True),
        "note": Column(pl.String, "Where the facts come from.", nullable=True),
        "merged_into": Column(pl.String, "City that it became part of.", nullable=True),
        "ended_on": Column(pl.Date, "Day from which it was no city of its own; missing while it is.", nullable=True),
        "pseudonym": Column(pl.String, "What the public calls it; missing where it is named.", nullable=True),
    },
)

TABLES = (FILES, SUBMISSIONS, RECEIPTS, CELLS, FAULTS, RECEIPT_FAULTS, CITIES)
