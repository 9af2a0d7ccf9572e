"""Tables of schema ``uncertainty``: how sure the ranks of each edition are.

What belongs here: their columns. What does not: the analysis (`ssc_index/uncertainty/`).
"""

from __future__ import annotations

import polars as pl

from schemas import checks
from schemas.benchmark import _AUDIENCE
from schemas.index import _EDITION
from schemas.raw import _CITY
from schemas.table import Column, Table

_NODE = Column(pl.String, "Node, key of dim_kpi.")
_SHARE = (checks.between(0, 1),)


def _share(description: str) -> Column:
    return Column(pl.Float64, description, nullable=True, checks=_SHARE)


def _number(description: str) -> Column:
    return Column(pl.Float64, description, nullable=True, checks=(checks.finite(),))


def _count(description: str) -> Column:
    return Column(pl.Int32, description, nullable=True)


_QUANTILES = ("05", "25", "50", "75", "95")

RANKS = Table(
    name="uncertainty.ranks",
    description="One row per edition, audience, city and node: how sure score and rank are, over many replications "
    "of the index with other defensible choices and with measurement error. An error is a standard error of the "
    "number of replications alone.",
    key=("edition", "audience", "city_id", "node"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "city_id": _CITY,
        "node": _NODE,
        "replications": Column(pl.Int32, "Replications computed.", checks=(checks.between(1, 1e9),)),
        "ranked_share": _share("Share of the replications in which the city has a rank; the rest rests on these."),
        "rank": _count("Rank by the method as it stands, among the cities of the audience."),
        "mean_score": _number(
            "Mean score, 0 to 100; it and the other figures of the score are in the internal mart only."
        ),
        "mean_score_error": _number("Its Monte Carlo error."),
        "sd_score": _number("Standard deviation of the score."),
        **{f"score_p{one}": _number(f"Quantile of the score: {int(one)} % lie at or below.") for one in _QUANTILES},
        "mean_rank": _number("Mean rank."),
        "mean_rank_error": _number("Its Monte Carlo error."),
        "sd_rank": _number("Standard deviation of the rank."),
        **{f"rank_p{one}": _count(f"Quantile of the rank: {int(one)} % lie at or below.") for one in _QUANTILES},
        **{f"rank_p{one}_error": _number(f"Monte Carlo error of rank_p{one}.") for one in _QUANTILES},
        "top_10": _share("Chance to be among the first ten."),
        "top_10_error": _share("Its Monte Carlo error."),
        "top_quarter": _share("Chance to be among the first quarter of the ranked."),
        "top_quarter_error": _share("Its Monte Carlo error."),
        "better_than_nominal": _share("Share of the replications with a better rank than the method gives."),
        "worse_than_nominal": _share("Share of the replications with a worse rank than the method gives."),
        "tier": _count("Tier of the index, 1 is the best: the first of a tier is not ahead of its others with 95 %."),
        "n_ahead_of": _count("Cities that it is ahead of in 95 % of the replications; the index only."),
        "n_behind": _count("Cities that are ahead of it in 95 % of the replications; the index only."),
    },
)

DISTRIBUTION = Table(
    name="uncertainty.distribution",
    description="One row per edition, audience, city and rank of the index that it had in any replication.",
    key=("edition", "audience", "city_id", "rank"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "city_id": _CITY,
        "rank": Column(
            pl.Int32, "Rank of the index; with more than 200 cities the last of a range, 200 ranges in all."
        ),
        "share": Column(pl.Float64, "Share of the replications with that rank.", checks=_SHARE),
        "share_error": Column(pl.Float64, "Its Monte Carlo error.", checks=_SHARE),
    },
)

DOMINANCE = Table(
    name="uncertainty.dominance",
    description="One row per edition, audience and pair of cities whose order by the index is not sure, the better "
    "by mean rank first. Pairs that are not here keep that order in 99.95 % of the replications or more; in an edition "
    "of more than 200 cities in 95 % or more.",
    key=("edition", "audience", "city_id", "other_city_id"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "city_id": _CITY,
        "other_city_id": Column(pl.String, "The other city."),
        "ahead": Column(pl.Float64, "Share of the replications in which the city is ahead.", checks=_SHARE),
        "behind": Column(pl.Float64, "Share in which the other is ahead; the rest are ties.", checks=_SHARE),
        "ahead_error": Column(pl.Float64, "Monte Carlo error of ahead.", checks=_SHARE),
    },
)

_INDEX = "Sobol' index; empty where nothing varies. It may lie outside 0 to 1 by its error."
_INDICES = {
    "input": Column(pl.String, "Uncertain choice, or group of them, as the method file names it."),
    "first": _number(f"Share of the variance that goes once this choice is known. First-order {_INDEX}"),
    "first_low": _number("Lower end of its 95 % interval."),
    "first_high": _number("Upper end of its 95 % interval."),
    "total": _number(f"Share of the variance that stays while only this choice is unknown. Total {_INDEX}"),
    "total_low": _number("Lower end of its 95 % interval."),
    "total_high": _number("Upper end of its 95 % interval."),
    "variance": _number("Variance over all choices together, in points or places squared."),
    "n_points": Column(pl.Int32, "Base points whose every run has a figure; the indices rest on these."),
}

SENSITIVITY = Table(
    name="uncertainty.sensitivity",
    description="One row per edition, audience, city, measure (score or rank of the index) and uncertain choice: how "
    "much of what is uncertain about it comes from that choice. Ranks are among the cities of the audience; rows of "
    "scores are in the internal mart only.",
    key=("edition", "audience", "city_id", "measure", "input"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "city_id": _CITY,
        "measure": Column(pl.String, "score or rank."),
        **_INDICES,
    },
)

RANK_SHIFT = Table(
    name="uncertainty.rank_shift",
    description="One row per edition, audience and uncertain choice: how much of the mean distance of all ranks of the "
    "index from those of the method comes from that choice. Ranks are among the cities of the audience.",
    key=("edition", "audience", "input"),
    columns={"edition": _EDITION, "audience": _AUDIENCE, **_INDICES},
)

ONE_AT_A_TIME = Table(
    name="uncertainty.one_at_a_time",
    description="One row per edition, audience, uncertain choice and setting of it: how far the ranks of the index "
    "move from those of the method if that choice alone is made otherwise. Ranks are among the cities of the audience.",
    key=("edition", "audience", "input", "setting"),
    columns={
        "edition": _EDITION,
        "audience": _AUDIENCE,
        "input": Column(pl.String, "Uncertain choice, as the method file names it."),
        "setting": Column(
            pl.String,
            "Option by its number in the method file, node that is left out, or one of twenty draws of what has no "
            "list of options.",
        ),
        "mean_rank_shift": _number("Mean distance of the ranks from those of the method, in places."),
        "largest_rank_shift": _number("Largest distance, in places."),
        "n_compared": Column(pl.Int32, "Cities that have a rank either way; the shifts rest on these."),
    },
)

TABLES = (RANKS, DISTRIBUTION, DOMINANCE, SENSITIVITY, RANK_SHIFT, ONE_AT_A_TIME)
