"""Tables of schema ``core``: verified, derived and checked values, what waits, and what was kept out with its reason.

What belongs here: their columns and the bounds that come from the catalogue. What does not: derivation
(`intake/derive.py`).
"""

from __future__ import annotations

from dataclasses import replace

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from schemas import checks
from schemas.raw import _CITY, _FILE, _YEAR, FAULT_COLUMNS, UTC
from schemas.table import Column, Table
from ssc_index.framework.catalogue import Catalogue

DERIVATIONS = ("recomputed", "reported_result")


def values(catalogue: Catalogue) -> Table:
    """``core.values`` with the bounds and codes of a catalogue."""
    return Table(
        name="core.values",
        description="One row per submission and data point: the verified value, derived and within its bounds. "
        "Every revision; an edition selects the latest.",
        key=("file_sha256", "city_id", "year", "data_point"),
        columns={
            "file_sha256": _FILE,
            "city_id": _CITY,
            "year": _YEAR,
            "data_point": Column(
                pl.String,
                "Data point of the catalogue.",
                checks=(checks.one_of((point.id for point in catalogue.data_points), "known_data_point"),),
            ),
            "kpi_code": Column(pl.String, "KPI that the data point belongs to."),
            "value": Column(
                pl.Float64, "Value in the data point's unit; yes is 1, no is 0.", checks=(checks.finite(),)
            ),
            "derivation": Column(
                pl.String,
                "recomputed from numerator and denominator, or the reported_result alone.",
                checks=(checks.one_of(DERIVATIONS, "derivation"),),
            ),
            "quality": Column(
                pl.String,
                "Data-quality grade that the city declared, code.",
                nullable=True,
                checks=(
                    checks.one_of((grade.code for grade in catalogue.scoring.quality_grades.choices), "quality_grade"),
                ),
            ),
            "origin": Column(pl.String, "Data origin that the city declared, code.", nullable=True),
            "source": Column(pl.String, "Source that the city named.", nullable=True),
            "source_details": Column(pl.String, "Details of the source.", nullable=True),
            "sheet": Column(pl.String, "Sheet of the workbook.", nullable=True),
            "cell": Column(pl.String, "Address of the cell that the value rests on.", nullable=True),
            "received_at": Column(UTC, "When the submission was received, UTC."),
        },
        checks=(within_bounds(catalogue),),
    )


def provisional(catalogue: Catalogue) -> Table:
    """``core.provisional``: what would stand in ``core.values`` if no verifier had to see it first."""
    return replace(
        values(catalogue),
        name="core.provisional",
        description="One row per submission and data point that waits for its verification: the value, derived and "
        "within its bounds, without those that have an error. No score rests on any, and none is public. What a "
        "verifier has refused does not wait.",
    )


def within_bounds(catalogue: Catalogue) -> pa.Check:
    """A row-wise check: each value within the bounds of its data point in the catalogue."""
    bounds = pl.DataFrame(
        {
            "data_point": [point.id for point in catalogue.data_points],
            "lower": [point.lower_bound for point in catalogue.data_points],
            "upper": [point.upper_bound for point in catalogue.data_points],
        },
        schema={"data_point": pl.String, "lower": pl.Float64, "upper": pl.Float64},
    )

    def inside(data: PolarsData) -> pl.LazyFrame:
        frame = data.lazyframe.select("data_point", "value").collect()
        joined = frame.join(bounds, on="data_point", how="left", maintain_order="left")
        above = (joined["value"] >= joined["lower"]).fill_null(True)
        below = (joined["value"] <= joined["upper"]).fill_null(True)
        return pl.LazyFrame({"within_bounds": above & below})

    return pa.Check(inside, name="within_bounds", error="within_bounds")


_WHERE = {
    "stage": Column(
        pl.String,
        "Where it was found: reading (of the file or its receipt), derivation (of a value, rules among it) or bounds.",
        checks=(checks.one_of(("reading", "derivation", "bounds"), "stage"),),
    ),
    "path": Column(pl.String, "Where the file lies below raw/.", nullable=True),
}

FINDINGS = Table(
    name="core.findings",
    description="Warnings and notes: rows that went on although something about them is worth a look.",
    key=(),
    columns={**_WHERE, **FAULT_COLUMNS},
)

QUARANTINE = Table(
    name="core.quarantine",
    description="What was kept out, with file, sheet, cell, KPI, value and rule. The rest of its file went on.",
    key=(),
    columns={**_WHERE, **FAULT_COLUMNS},
)
