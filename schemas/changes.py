"""Tables of schema ``changes``: why scores and ranks changed from one edition to the next.

What belongs here: their columns. What does not: the division of a change (`ssc_index/changes.py`).
"""

from __future__ import annotations

import polars as pl

from schemas import checks
from schemas.benchmark import _AUDIENCE
from schemas.index import _EDITION
from schemas.raw import _CITY
from schemas.table import Column, Table

STATES = ("both", "entered", "left")
FACTORS = {
    "revised": "the city's own data, reported in both editions",
    "reported": "what the city newly reports, or no longer does",
    "carried": "the city's values that are carried or imputed in either edition",
    "others": "the data of the cities ranked in both editions",
    "entry_exit": "which other cities are ranked at all",
    "framework": "goalposts, weights and indicators",
    "method": "the method",
}
OWN = ("revised", "reported", "carried")

_BEFORE = Column(pl.Int16, "The edition before, which this one is compared with.", checks=(checks.year(),))


def _score(description: str) -> Column:
    return Column(pl.Float64, description, nullable=True, checks=(checks.finite(),))


def _rank(description: str) -> Column:
    return Column(pl.Int32, description, nullable=True)


PARTS = Table(
    name="changes.parts",
    description="One row per edition, audience and city that is ranked in it or in the edition before: the change of "
    "score and rank, divided exactly among its causes. Every combination of causes is an index that was computed; a "
    "part is the mean, over all orders of the causes, of what each adds. Parts are missing where the city is ranked in "
    "one edition only, and where reason says why.",
    key=("edition", "audience", "city_id"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "edition_before": _BEFORE,
        "city_id": _CITY,
        "state": Column(
            pl.String, "both: ranked in both editions; entered; left.", checks=(checks.one_of(STATES, "state"),)
        ),
        "score_before": _score("Index in the edition before."),
        "score_after": _score("Index in this edition."),
        "score_change": _score("Score after less score before: the sum of the parts."),
        **{f"score_{name}": _score(f"Part of it that is owed to {told}.") for name, told in FACTORS.items()},
        "rank_before": _rank("Rank in the edition before, among the cities of this mart."),
        "rank_after": _rank("Rank in this edition."),
        "rank_change": _rank("Places gained, below 0 lost: the sum of the parts."),
        **{f"rank_{name}": _score(f"Places owed to {told}.") for name, told in FACTORS.items()},
        "reason": Column(pl.String, "Why parts are missing of a city ranked in both.", nullable=True),
    },
)

KPIS = Table(
    name="changes.kpis",
    description="One row per edition, audience, city and KPI that moved the index by the city's own data: how much it "
    "contributed to the parts revised, reported and carried. The row of node index holds what no KPI accounts for.",
    key=("edition", "audience", "city_id", "node"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "edition_before": _BEFORE,
        "city_id": _CITY,
        "node": Column(pl.String, "KPI, key of dim_kpi; index for what no KPI accounts for."),
        **{
            name: Column(pl.Float64, f"Points of the index by {FACTORS[name]}.", checks=(checks.finite(),))
            for name in OWN
        },
        "contribution": Column(pl.Float64, "Their sum.", checks=(checks.finite(),)),
    },
)

TABLES = (PARTS, KPIS)
