"""Tables of the published marts: what analysts query.

What belongs here: their columns and comments, for the public and the internal mart. What does not: how they
are filled (`sql/marts/`) and who may see what (`intake/consent.py`).
"""

from __future__ import annotations

import polars as pl

from schemas import changes, checks, uncertainty
from schemas.audit import CORRELATIONS, IMPORTANCE
from schemas.benchmark import PEER_POSITIONS, PEERS
from schemas.raw import FAULT_COLUMNS, UTC
from schemas.table import Column, Table

# Semantic version of the form of the marts. Major: a query that ran may fail or mean something else; minor: something
# is new. What is renamed or removed stands one major version long as a deprecated column or a view of the old name.
FORM_VERSION = "1.1"

_EDITION = Column(pl.Int16, "Edition: the reference year of the index.")
_CITY = Column(pl.String, "City, key of dim_city.")
_NODE = Column(pl.String, "Node, key of dim_kpi.")

DIM_CITY = Table(
    name="dim_city",
    description="One row per city.",
    key=("city_id",),
    columns={
        "city_id": Column(pl.String, "Key of the city, for example no-karmoy."),
        "name": Column(pl.String, "Name of the city."),
        "country_code": Column(pl.String, "ISO 3166 alpha-3 code."),
        "country": Column(pl.String, "Name of the country."),
        "region": Column(pl.String, "World Bank region."),
        "income_group": Column(pl.String, "World Bank income group of the country."),
        "size_class": Column(pl.String, "Size class by population in the city's latest edition, or unknown."),
        "population": Column(pl.Float64, "Inhabitants in the city's latest edition, persons.", nullable=True),
        "first_edition": Column(pl.Int16, "First edition with the city."),
        "last_edition": Column(pl.Int16, "Last edition with the city."),
        "is_demo": Column(pl.Boolean, "True for an invented city of the demo cohort."),
        "is_named": Column(pl.Boolean, "False for a city that is counted but not named: key and name are a pseudonym."),
    },
)

DIM_KPI = Table(
    name="dim_kpi",
    description="One row per node of the whole tree: index, dimensions, sub-dimensions, categories, the 91 KPIs "
    "and the 112 data points.",
    key=("node",),
    columns={
        "node": Column(pl.String, "Key of the node, for example EC_ICT_ICT_1C.main."),
        "parent": Column(pl.String, "Parent node; missing for the index.", nullable=True),
        "level": Column(pl.String, "index, dimension, sub_dimension, category, kpi or data_point."),
        "position": Column(pl.Int32, "Place in the catalogue's order, from 1."),
        "name": Column(pl.String, "Name."),
        "kpi_code": Column(pl.String, "KPI, for KPIs and data points.", nullable=True),
        "printed_code": Column(pl.String, "Code as U4SSC prints it.", nullable=True),
        "definition": Column(pl.String, "What is measured.", nullable=True),
        "dimension": Column(pl.String, "Dimension.", nullable=True),
        "sub_dimension": Column(pl.String, "Sub-dimension.", nullable=True),
        "category": Column(pl.String, "Category.", nullable=True),
        "kpi_level": Column(pl.String, "core or advanced.", nullable=True),
        "kind": Column(pl.String, "smart, structural or sustainable.", nullable=True),
        "unit": Column(pl.String, "Unit of the values.", nullable=True),
        "direction": Column(pl.String, "higher, lower or none: what is better.", nullable=True),
        "sdg_references": Column(pl.String, "SDG targets and indicators, separated by semicolons.", nullable=True),
        "is_scored": Column(pl.Boolean, "Whether the node enters the index."),
    },
)

DIM_GOALPOST = Table(
    name="dim_goalpost",
    description="One row per edition and data point: goalposts and benchmark target in force, with their status.",
    key=("edition", "data_point"),
    columns={
        "edition": _EDITION,
        "data_point": Column(pl.String, "Data point, key of dim_kpi."),
        "low": Column(pl.Float64, "Value that scores 0, in the data point's unit.", nullable=True),
        "high": Column(pl.Float64, "Value that scores 100, in the data point's unit.", nullable=True),
        "goalpost_status": Column(pl.String, "official or provisional.", nullable=True),
        "goalpost_reference": Column(pl.String, "Source of the goalposts.", nullable=True),
        "target": Column(pl.Float64, "Benchmark target, in the data point's unit.", nullable=True),
        "target_status": Column(pl.String, "official or provisional.", nullable=True),
        "target_reference": Column(pl.String, "Source of the target.", nullable=True),
    },
)

DIM_EDITION = Table(
    name="dim_edition",
    description="One row per edition: what it was computed from and how complete it is.",
    key=("edition",),
    columns={
        "edition": _EDITION,
        "status": Column(pl.String, "draft: it changes with every rebuild; release: frozen, never rewritten."),
        "is_demo": Column(pl.Boolean, "True where the cities are invented."),
        "framework_version": Column(pl.String, "Version of the KPI catalogue."),
        "method": Column(pl.String, "Name of the method file."),
        "method_sha256": Column(pl.String, "SHA-256 of the method file."),
        "as_of": Column(UTC, "Only submissions received by then count; missing: all.", nullable=True),
        "n_cities": Column(pl.Int32, "Cities in this mart's edition."),
        "n_ranked": Column(pl.Int32, "Of these, cities that report enough to be ranked."),
        "n_values": Column(pl.Int64, "Verified values of the edition's own year."),
        "mean_coverage": Column(
            pl.Float64,
            "Mean over the cities of the share of scored data points that they report.",
            nullable=True,
        ),
        "n_provisional_goalposts": Column(pl.Int32, "Data points whose goalposts are provisional."),
    },
)

FACT_VALUE = Table(
    name="fact_value",
    description="One row per edition, city and data point: the verified value and where it comes from.",
    key=("edition", "city_id", "data_point"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "data_point": Column(pl.String, "Data point, key of dim_kpi."),
        "kpi_code": Column(pl.String, "KPI, key of dim_kpi."),
        "value": Column(pl.Float64, "Value in the data point's unit; yes is 1, no is 0.", checks=(checks.finite(),)),
        "unit": Column(pl.String, "Unit."),
        "value_year": Column(pl.Int16, "Reference year of the value."),
        "is_carried": Column(pl.Boolean, "Whether the value is of an earlier year than the edition."),
        "is_restated": Column(
            pl.Boolean,
            "Whether it is carried, and a late revision has changed it, brought it, or taken away the newer value that "
            "stood in its place: before the revision this edition had another value, or none.",
        ),
        "derivation": Column(pl.String, "recomputed from numerator and denominator, or reported_result."),
        "quality": Column(pl.String, "Data-quality grade that the city declared.", nullable=True),
        "source": Column(pl.String, "Source that the city named.", nullable=True),
        "file_sha256": Column(pl.String, "Submission, SHA-256 of the file."),
        "sheet": Column(pl.String, "Sheet of the workbook.", nullable=True),
        "cell": Column(pl.String, "Address of the cell that the value rests on.", nullable=True),
    },
)

FACT_SCORE = Table(
    name="fact_score",
    description="One row per edition, city and node: score, rank and what they rest on.",
    key=("edition", "city_id", "node"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "node": _NODE,
        "level": Column(pl.String, "Level of the node."),
        "score": Column(pl.Float64, "Score, 0 to 100; missing where too little is reported.", nullable=True),
        "rank": Column(pl.Int32, "Rank among the cities of this mart with a score, 1 is best.", nullable=True),
        "coverage": Column(pl.Float64, "Share of the node's scored data points reported for the edition's year."),
        "n_carried": Column(pl.Int32, "Scored data points carried from an earlier year."),
        "n_imputed": Column(pl.Int32, "Scored data points filled by imputation, carrying included."),
        "excluded_because": Column(pl.String, "Why the city was screened out, where it was.", nullable=True),
    },
)

FACT_BENCHMARK = Table(
    name="fact_benchmark",
    description="One row per edition, city, cut, node and KPI level: U4SSC benchmark points. "
    "Cut data_point holds the single data points, the other cuts their percentages.",
    key=("edition", "city_id", "cut", "node", "kpi_level"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "cut": Column(pl.String, "data_point, category, sub_dimension, dimension, sdg or total."),
        "node": Column(pl.String, "What is scored within the cut."),
        "kpi_level": Column(pl.String, "all, core or advanced KPIs."),
        "n_reported": Column(pl.Int32, "Data points reported and verified."),
        "n_scored": Column(pl.Int32, "Of these, those that have a benchmark."),
        "points": Column(pl.Int32, "Points reached.", nullable=True),
        "max_points": Column(pl.Int32, "Points that could be reached.", nullable=True),
        "percentage": Column(pl.Float64, "points / max_points, per cent.", nullable=True),
        "band": Column(pl.String, "Band of the percentage, or of the share of target for a data point.", nullable=True),
        "target": Column(pl.Float64, "Benchmark target of a data point, in its unit.", nullable=True),
        "target_status": Column(pl.String, "official or provisional, for a data point.", nullable=True),
        "target_share": Column(pl.Float64, "Share of the target reached, for a data point.", nullable=True),
    },
)


def _without_audience(table: Table, name: str) -> Table:
    columns = {column: spec for column, spec in table.columns.items() if column != "audience"}
    key = tuple(column for column in table.key if column != "audience")
    return Table(name=name, description=table.description.replace(" audience,", ""), key=key, columns=columns)


FACT_PEER = _without_audience(PEERS, "fact_peer")
FACT_PEER_POSITION = _without_audience(PEER_POSITIONS, "fact_peer_position")
FACT_CORRELATION = _without_audience(CORRELATIONS, "fact_correlation")
FACT_IMPORTANCE = _without_audience(IMPORTANCE, "fact_importance")

FACT_CHANGE = _without_audience(changes.PARTS, "fact_change")
FACT_CHANGE_KPI = _without_audience(changes.KPIS, "fact_change_kpi")

FACT_RANK_UNCERTAINTY = _without_audience(uncertainty.RANKS, "fact_rank_uncertainty")
FACT_RANK_DISTRIBUTION = _without_audience(uncertainty.DISTRIBUTION, "fact_rank_distribution")
FACT_DOMINANCE = _without_audience(uncertainty.DOMINANCE, "fact_dominance")
FACT_SENSITIVITY = _without_audience(uncertainty.SENSITIVITY, "fact_sensitivity")
FACT_RANK_SHIFT = _without_audience(uncertainty.RANK_SHIFT, "fact_rank_shift")
FACT_ONE_AT_A_TIME = _without_audience(uncertainty.ONE_AT_A_TIME, "fact_one_at_a_time")

DIM_SUBMISSION = Table(
    name="dim_submission",
    description="Internal. One row per submission: receipt, verification, consent, what was kept out.",
    key=("file_sha256", "city_id", "year"),
    columns={
        "file_sha256": Column(pl.String, "SHA-256 of the file."),
        "city_id": Column(pl.String, "City as the submission names it."),
        "year": Column(pl.Int16, "Reference year."),
        "path": Column(pl.String, "Where the file lies below raw/."),
        "received_at": Column(UTC, "When it was received, UTC.", nullable=True),
        "verification_outcome": Column(pl.String, "pending, verified, partly_verified or rejected.", nullable=True),
        "verified_on": Column(pl.Date, "Date of the verifier's outcome.", nullable=True),
        "consent": Column(pl.String, "none, scores, values or report.", nullable=True),
        "is_latest": Column(pl.Boolean, "Whether it is the latest accepted revision of its city and year."),
        "n_values": Column(pl.Int32, "Verified values that went on."),
        "n_quarantined": Column(pl.Int32, "Rows that were kept out."),
        "n_findings": Column(pl.Int32, "Warnings and notes."),
    },
)

FACT_FINDING = Table(
    name="fact_finding",
    description="Internal. One row per fault, warning or note, with file, sheet, cell, KPI, value and rule.",
    key=(),
    columns={
        "is_quarantined": Column(pl.Boolean, "Whether the row was kept out."),
        "stage": Column(pl.String, "Where it was found: reading, derivation or bounds."),
        "path": Column(pl.String, "Where the file lies below raw/.", nullable=True),
        **FAULT_COLUMNS,
    },
)

PUBLIC = (
    DIM_CITY,
    DIM_KPI,
    DIM_GOALPOST,
    DIM_EDITION,
    FACT_VALUE,
    FACT_SCORE,
    FACT_BENCHMARK,
    FACT_PEER,
    FACT_PEER_POSITION,
    FACT_RANK_UNCERTAINTY,
    FACT_RANK_DISTRIBUTION,
    FACT_DOMINANCE,
    FACT_SENSITIVITY,
    FACT_RANK_SHIFT,
    FACT_ONE_AT_A_TIME,
    FACT_CORRELATION,
    FACT_IMPORTANCE,
    FACT_CHANGE,
    FACT_CHANGE_KPI,
)
INTERNAL = (*PUBLIC, DIM_SUBMISSION, FACT_FINDING)
