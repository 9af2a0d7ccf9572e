"""Tables of schema ``state``: what the warehouse's rows were made from.

What belongs here: their columns. What does not: how a basis is told (`assets/freshness.py`).
"""

from __future__ import annotations

import polars as pl

from schemas import checks
from schemas.table import Column, Table

STEPS = Table(
    name="state.steps",
    description="One row per step and year: what its rows were made from. A step whose basis is another now is stale.",
    key=("step", "year"),
    columns={
        "step": Column(pl.String, "Name of the step, as Dagster shows it."),
        "year": Column(pl.Int16, "Year or edition of the rows; 0 where a step has no years."),
        "basis_sha256": Column(
            pl.String,
            "SHA-256 over the inputs' rows, the method, the step's code and the tables it fills.",
            checks=(checks.sha256(),),
        ),
    },
)

TABLES = (STEPS,)
