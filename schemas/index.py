"""Tables of schema ``index``: one per step of the method, for each edition.

What belongs here: their columns. What does not: any step (`ssc_index`).
"""

from __future__ import annotations

import polars as pl

from schemas import checks
from schemas.raw import _CITY, CONSENTS, UTC
from schemas.table import Column, Table

_EDITION = Column(pl.Int16, "Edition: the reference year of the index.", checks=(checks.year(),))
_POINT = Column(pl.String, "Data point of the catalogue.")
_STEP = Column(pl.Int16, "Number of the step in the method file, from 1.")

SELECTED = Table(
    name="index.selected",
    description="One row per edition, city and data point: the newest verified value that the edition may draw on, "
    "its own year's or an earlier one that the method may carry.",
    key=("edition", "city_id", "data_point"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "year": Column(pl.Int16, "Reference year of the value."),
        "data_point": _POINT,
        "value": Column(pl.Float64, "Value in the data point's unit.", checks=(checks.finite(),)),
        "file_sha256": Column(pl.String, "Submission that the value comes from."),
        "quality": Column(pl.String, "Data-quality grade that the city declared.", nullable=True),
        "consent": Column(
            pl.String,
            "What the city lets us publish of that year.",
            checks=(checks.one_of(CONSENTS, "consent"),),
        ),
        "is_restated": Column(
            pl.Boolean,
            "Whether it is carried, and another value or none would be if no city had revised a report.",
        ),
    },
)

CITIES = Table(
    name="index.cities",
    description="One row per edition and city in its scope: peer groups, submission and consent.",
    key=("edition", "city_id"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "file_sha256": Column(pl.String, "Submission of the edition's own year, or the latest one carried."),
        "submission_year": Column(pl.Int16, "Reference year of that submission."),
        "received_at": Column(UTC, "When that submission was received, UTC."),
        "n_values": Column(pl.Int32, "Verified values of the edition's own year."),
        "population": Column(pl.Float64, "Inhabitants by that submission, persons.", nullable=True),
        "region": Column(pl.String, "World Bank region."),
        "income_group": Column(pl.String, "World Bank income group of the country."),
        "size_class": Column(pl.String, "Size class by population; unknown where no population is given."),
        "public_id": Column(pl.String, "What the public knows the city by: its key, or its pseudonym."),
        "consent": Column(
            pl.String,
            "The least consent over the submissions that the city's row rests on.",
            checks=(checks.one_of(CONSENTS, "consent"),),
        ),
    },
)


def _step(name: str, description: str, extra: dict[str, Column]) -> Table:
    return Table(
        name=name,
        description=description,
        key=("edition", "step", "city_id", "data_point"),
        columns={
            "edition": _EDITION,
            "step": _STEP,
            "city_id": _CITY,
            "data_point": _POINT,
            "value": Column(
                pl.Float64,
                "The cell after the step: a value in its unit, or a score where the method has normalised before.",
                checks=(checks.finite(),),
            ),
            **extra,
        },
    )


TREATED = _step(
    "index.treated",
    "One row per edition, city and data point after outlier treatment; empty where the method treats nothing.",
    {"is_treated": Column(pl.Boolean, "Whether the step changed this cell.")},
)
NORMALISED = _step(
    "index.normalised",
    "One row per edition, city and data point on the common scale.",
    {},
)
IMPUTED = _step(
    "index.imputed",
    "One row per edition, city and data point after an imputation step; empty where the method imputes nothing.",
    {
        "is_imputed": Column(pl.Boolean, "Whether the step filled this cell."),
        "carried_years": Column(pl.Int16, "Age of a carried value in years; 0 for a value of the edition's own year."),
    },
)

WEIGHTS = Table(
    name="index.weights",
    description="One row per edition and node but the root: the weight with which it entered its parent.",
    key=("edition", "node"),
    columns={
        "edition": _EDITION,
        "node": Column(pl.String, "Node of the framework's tree."),
        "weight": Column(
            pl.Float64,
            "Weight among its siblings, not rescaled; missing where no step aggregated it, and where groups of cities "
            "have weights of their own.",
            nullable=True,
            checks=(checks.finite(),),
        ),
    },
)

SCORES = Table(
    name="index.scores",
    description="One row per edition, city and node of the tree: score, rank and what they rest on.",
    key=("edition", "city_id", "node"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "node": Column(pl.String, "Node of the framework's tree."),
        "level": Column(pl.String, "Level of the node: index, dimension, sub_dimension, category, kpi, data_point."),
        "score": Column(
            pl.Float64,
            "Score, 0 to 100; missing where too little is reported.",
            nullable=True,
            checks=(checks.between(0, 100),),
        ),
        "rank": Column(pl.Int32, "Rank among all cities with a score, 1 is best.", nullable=True),
        "rank_published": Column(
            pl.Int32, "Rank among the cities that consent to publish scores, 1 is best.", nullable=True
        ),
        "coverage": Column(
            pl.Float64,
            "Share of the node's scored data points reported for this edition's year.",
            checks=(checks.between(0, 1),),
        ),
        "n_present": Column(pl.Int32, "Scored data points beneath the node that have a score."),
        "n_carried": Column(pl.Int32, "Of these, carried from an earlier year."),
        "n_imputed": Column(pl.Int32, "Of these, filled by imputation, carrying included."),
        "excluded_because": Column(pl.String, "Why the city was screened out, where it was.", nullable=True),
        "consent": Column(
            pl.String,
            "The least consent over the submissions that the city's row rests on.",
            checks=(checks.one_of(CONSENTS, "consent"),),
        ),
    },
)

TABLES = (CITIES, SELECTED, TREATED, NORMALISED, IMPUTED, WEIGHTS, SCORES)
