"""Tables of schema ``benchmark``: U4SSC points and bands, and comparison with peers.

What belongs here: their columns. What does not: the scoring (`ssc_index/benchmark.py`).
"""

from __future__ import annotations

import polars as pl

from schemas import checks
from schemas.index import _EDITION
from schemas.raw import _CITY, CONSENTS
from schemas.table import Column, Table

AUDIENCES = ("public", "internal")
GROUPINGS = ("region", "income_group", "size_class")
CUTS = ("total", "dimension", "sub_dimension", "category", "sdg")
KPI_LEVELS = ("all", "core", "advanced")

_CONSENT = Column(
    pl.String, "What the city lets us publish of that year.", checks=(checks.one_of(CONSENTS, "consent"),)
)
_AUDIENCE = Column(
    pl.String,
    "internal: over all cities; public: over the cities whose consent covers the figure.",
    checks=(checks.one_of(AUDIENCES, "audience"),),
)
_GROUPING = Column(pl.String, "region, income_group or size_class.", checks=(checks.one_of(GROUPINGS, "grouping"),))
_MEASURE = Column(
    pl.String,
    "value (of a data point, in its unit) or score (of a node).",
    checks=(checks.one_of(("value", "score"), "measure"),),
)

POINTS = Table(
    name="benchmark.points",
    description="One row per edition, city and reported data point that has a benchmark: U4SSC points and band.",
    key=("edition", "city_id", "data_point"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "data_point": Column(pl.String, "Data point of the catalogue."),
        "value": Column(pl.Float64, "Value in the data point's unit.", checks=(checks.finite(),)),
        "target": Column(pl.Float64, "Benchmark target in the data point's unit."),
        "target_status": Column(
            pl.String,
            "official or provisional.",
            checks=(checks.one_of(("official", "provisional"), "status"),),
        ),
        "target_share": Column(
            pl.Float64, "Share of the target reached; 1 is the target.", checks=(checks.between(0, 1e9),)
        ),
        "points": Column(pl.Int16, "Points, 1 to 4.", checks=(checks.between(1, 4),)),
        "band": Column(pl.String, "Band of the share, for example 66-95."),
        "consent": _CONSENT,
    },
)

SCORES = Table(
    name="benchmark.scores",
    description="One row per edition, city, cut, node and KPI level: U4SSC benchmark percentage and band.",
    key=("edition", "city_id", "cut", "node", "kpi_level"),
    columns={
        "edition": _EDITION,
        "city_id": _CITY,
        "cut": Column(
            pl.String,
            "total, dimension, sub_dimension, category or sdg.",
            checks=(checks.one_of(CUTS, "cut"),),
        ),
        "node": Column(pl.String, "What is scored within the cut, for example Environment or SDG 6."),
        "kpi_level": Column(pl.String, "all, core or advanced KPIs.", checks=(checks.one_of(KPI_LEVELS, "kpi_level"),)),
        "n_reported": Column(pl.Int32, "Data points of the node that are reported and verified."),
        "n_scored": Column(pl.Int32, "Of these, those that have a benchmark."),
        "points": Column(pl.Int32, "Points reached.", nullable=True),
        "max_points": Column(pl.Int32, "Points that could be reached: 4 for each scored data point.", nullable=True),
        "percentage": Column(
            pl.Float64, "points / max_points, per cent.", nullable=True, checks=(checks.between(25, 100),)
        ),
        "band": Column(pl.String, "Band of the percentage.", nullable=True),
        "consent": _CONSENT,
    },
)

PEERS = Table(
    name="benchmark.peers",
    description="One row per edition, audience, peer group and item: how the group is spread. "
    "Missing figures are suppressed: fewer than five cities.",
    key=("edition", "audience", "grouping", "peer_group", "measure", "item"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "grouping": _GROUPING,
        "peer_group": Column(pl.String, "The group, for example a region."),
        "measure": _MEASURE,
        "item": Column(pl.String, "Data point or node."),
        "n_cities": Column(pl.Int32, "Cities with a figure; missing where suppressed.", nullable=True),
        "minimum": Column(pl.Float64, "Smallest figure.", nullable=True),
        "quartile_1": Column(pl.Float64, "First quartile (type 7).", nullable=True),
        "median": Column(pl.Float64, "Median.", nullable=True),
        "quartile_3": Column(pl.Float64, "Third quartile (type 7).", nullable=True),
        "maximum": Column(pl.Float64, "Largest figure.", nullable=True),
        "leader_city_id": Column(pl.String, "City that does best, the first by key among equals.", nullable=True),
    },
)


def _places() -> dict[str, Column]:
    """The place of a city in each grouping; missing where the group is under five cities or unknown."""
    columns: dict[str, Column] = {}
    for grouping in GROUPINGS:
        peers = f"among the cities of its {grouping.replace('_', ' ')}"
        columns |= {
            f"{grouping}_percentile": Column(
                pl.Float64,
                f"Share of its peers that the city does better than, ties counted half, per cent, {peers}.",
                nullable=True,
                checks=(checks.between(0, 100),),
            ),
            f"{grouping}_gap_to_median": Column(
                pl.Float64, f"Figure less the median {peers}, in the item's unit.", nullable=True
            ),
            f"{grouping}_gap_to_leader": Column(
                pl.Float64, f"Figure less that of the leader {peers}, in the item's unit.", nullable=True
            ),
        }
    return columns


PEER_POSITIONS = Table(
    name="benchmark.peer_positions",
    description="One row per edition, audience, city and item: where the city stands among its peers by region, "
    "income group and size class. Groups under five cities are suppressed.",
    key=("edition", "audience", "city_id", "measure", "item"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "city_id": _CITY,
        "measure": _MEASURE,
        "item": Column(pl.String, "Data point or node."),
        "figure": Column(pl.Float64, "The city's own value or score."),
        **_places(),
    },
)

TABLES = (POINTS, SCORES, PEERS, PEER_POSITIONS)
