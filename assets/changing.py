"""Why an edition differs from the one before: rows of two editions into the engine, its parts into rows.

What belongs here: what is compared, for whom. What does not: any figure (`ssc_index/changes.py`), which rows may be
shown (`intake/consent.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from assets.editions import edition_values, max_age
from assets.pool import side_by_side
from intake.consent import covers, values_of
from schemas import changes as tables
from ssc_index.alone import steps_among_others
from ssc_index.changes import FACTORS, Changes, changes
from ssc_index.counterfactuals import Edition
from ssc_index.framework.model import Framework
from ssc_index.method import Method

# With more cities the contributions of KPIs are as many rows as all values: they are left out, in `diff` too.
MOST_CITIES_BY_KPI = 2_000
NOT_PUBLIC = "the values that the change comes from are not public"
AMONG_OTHERS = "the method looks at the values of all cities, and some are not public"
OTHER_RULES = "with another framework or method a rank would rest on values that are not public"


@dataclass(frozen=True)
class Sight:
    """An edition as an audience sees it.

    Attributes:
        edition: Its year.
        values: Values that it takes: ``city_id, year, data_point, value``.
        cities: Cities in its scope whose values are all seen: ``city_id`` and the peer groups.
        scores: Scores and ranks of the index that are seen: ``city_id, score, rank``.
        framework: The framework.
        method: The method.
    """

    edition: int
    values: pl.DataFrame
    cities: pl.DataFrame
    scores: pl.DataFrame
    framework: Framework
    method: Method


def sights(
    edition: int,
    selected: pl.DataFrame,
    cities: pl.DataFrame,
    shown: pl.DataFrame,
    framework: Framework,
    method: Method,
) -> dict[str, Sight]:
    """An edition as the index team and as the public see it.

    Args:
        edition: The edition.
        selected: Rows of ``index.selected`` of the edition.
        cities: Rows of ``index.cities`` of the edition.
        shown: Rows of ``index.scores`` of the edition that may be shown, ranked among themselves.
        framework: Its framework.
        method: The method.

    Returns:
        By audience. The internal one needs no scores: they follow from the values, all of which are seen.
    """
    of_index = shown.filter((pl.col("node") == framework.root.code) & pl.col("score").is_not_null())
    shown_scores = of_index.select("city_id", "score", "rank")
    opened = cities.filter(covers("values"))
    return {
        "internal": Sight(edition, selected, cities, shown_scores.clear(), framework, method),
        "public": Sight(edition, values_of(selected, opened), opened, shown_scores, framework, method),
    }


def change_tables(before: dict[str, Sight], after: dict[str, Sight]) -> dict[str, pl.DataFrame]:
    """Divide the changes between two editions, for the index team and for the public.

    The public parts are those of cities whose values are public in both editions; the scores that are shown of other
    cities count in the ranks. Nothing else enters, so that nothing else can be solved from them.

    Args:
        before: The earlier edition, by audience.
        after: The later one.

    Returns:
        Rows of ``changes.parts`` and ``changes.kpis``, by table name.
    """
    # Where an edition shows nobody's score, a comparison would tell that there is one.
    is_shown = min(one["public"].scores.height for one in (before, after)) > 0
    audiences = [audience for audience in before if audience != "public" or is_shown]

    def rows(audience: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        found, told = compared(before[audience], after[audience], is_public=audience == "public")
        stamp = [
            pl.lit(after[audience].edition, pl.Int16).alias("edition"),
            pl.lit(before[audience].edition, pl.Int16).alias("edition_before"),
            pl.lit(audience).alias("audience"),
        ]
        return tables.PARTS.conform(found.with_columns(stamp)), tables.KPIS.conform(told.with_columns(stamp))

    made = side_by_side(rows, audiences)
    return {
        tables.PARTS.name: tables.PARTS.conform(pl.concat([tables.PARTS.empty(), *(parts for parts, _ in made)])),
        tables.KPIS.name: tables.KPIS.conform(pl.concat([tables.KPIS.empty(), *(kpis for _, kpis in made)])),
    }


def compared(before: Sight, after: Sight, *, is_public: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parts of every city that is seen, and the KPIs that its own data moved.

    Args:
        before: The earlier edition.
        after: The later one.
        is_public: Whether scores are seen of cities whose values are not.

    Returns:
        Columns of ``changes.parts`` and ``changes.kpis`` without edition and audience.
    """
    by_kpi = max(before.cities.height, after.cities.height) <= MOST_CITIES_BY_KPI
    if not is_public:
        whole = divided(before, after, {}, by_kpi)
        return _as_rows(whole.parts), kpi_rows(whole)
    among = any(steps_among_others(one.framework, one.method) for one in (before, after))
    opened = _open_in_both(before, after).clear() if among else _open_in_both(before, after)
    sides = [_only(one, opened) for one in (before, after)]
    rivals = {} if among else _rivals(before, after, opened)
    whole = divided(sides[0], sides[1], rivals, by_kpi)
    reason = pl.when(pl.col("state") == "both").then(pl.lit(AMONG_OTHERS if among else NOT_PUBLIC)).alias("reason")
    others = _shown_rows(before, after).join(opened, on="city_id", how="anti").with_columns(reason)
    own = _as_rows(whole.parts)
    is_other = pl.col("rank_others").is_null() & pl.col("score_others").is_not_null()
    own = own.with_columns(pl.when(is_other).then(pl.lit(OTHER_RULES)).otherwise("reason").alias("reason"))
    # The engine tells units as texts; rows of the warehouse may have them as categories.
    others = others.select(own.columns).with_columns(pl.col("city_id").cast(pl.String))
    return pl.concat([own, others]), kpi_rows(whole)


def divided(before: Sight, after: Sight, rivals: dict[str, tuple[float | None, float | None]], by_kpi: bool) -> Changes:
    """Have the engine compare two editions."""
    codes = tuple(dict.fromkeys((*after.framework.codes, *before.framework.codes)))
    sides = [
        Edition(
            edition_values(one.edition, one.values, one.cities, codes, _depth(one)),
            one.framework,
            one.method,
            one.edition,
        )
        for one in (before, after)
    ]
    return changes(sides[0], sides[1], rivals, by_kpi)


def _depth(one: Sight) -> int:
    """Age of the oldest value that is there, or that the method would carry."""
    oldest = one.values["year"].min()
    return max(max_age(one.method), one.edition - int(str(oldest)) if oldest is not None else 0)


def kpi_rows(whole: Changes, level: str = "kpi", root: str = "index") -> pl.DataFrame:
    """Contributions of KPIs; what they leave of the whole stands at the root."""
    figures = (*tables.OWN, "contribution")
    told = whole.nodes.rename({"unit": "city_id"}).select("city_id", "node", "level", *figures)
    kpis = told.filter(pl.col("level") == level)
    sums = kpis.group_by("city_id", maintain_order=True).agg(pl.col(name).sum() for name in figures)
    rest = (
        told.filter(pl.col("node") == root)
        .join(sums, on="city_id", how="left", suffix="_of_kpis")
        .with_columns(pl.col(name) - pl.col(f"{name}_of_kpis").fill_null(0.0) for name in figures)
        .filter(pl.any_horizontal(pl.col(name).abs() > 1e-9 for name in figures))
    )
    return pl.concat([kpis, rest.select(kpis.columns)]).drop("level").sort("city_id", "node")


def _open_in_both(before: Sight, after: Sight) -> pl.DataFrame:
    """Cities whose values are seen wherever they are in scope and their scores are shown."""
    closed = [
        one.scores.select("city_id").join(one.cities.select("city_id"), on="city_id", how="anti")
        for one in (before, after)
    ]
    known = pl.concat([one.cities.select("city_id") for one in (before, after)]).unique()
    return known.join(pl.concat(closed), on="city_id", how="anti").sort("city_id")


def _only(one: Sight, cities: pl.DataFrame) -> Sight:
    """An edition of some cities alone."""
    values, places = (frame.join(cities, on="city_id", how="semi") for frame in (one.values, one.cities))
    return Sight(one.edition, values, places, one.scores, one.framework, one.method)


def _rivals(before: Sight, after: Sight, opened: pl.DataFrame) -> dict[str, tuple[float | None, float | None]]:
    """Shown scores of the cities whose values are not seen."""
    told = [
        dict(one.scores.join(opened, on="city_id", how="anti").select("city_id", "score").rows())
        for one in (before, after)
    ]
    return {city: (told[0].get(city), told[1].get(city)) for city in sorted({*told[0], *told[1]})}


def _shown_rows(before: Sight, after: Sight) -> pl.DataFrame:
    """Scores and ranks of all cities that are shown in either edition, without parts."""
    one, other = (
        sight.scores.rename({"score": f"score_{when}", "rank": f"rank_{when}"})
        for sight, when in ((before, "before"), (after, "after"))
    )
    both = one.join(other, on="city_id", how="full", coalesce=True)
    state = (
        pl.when(pl.col("rank_before").is_null())
        .then(pl.lit("entered"))
        .when(pl.col("rank_after").is_null())
        .then(pl.lit("left"))
        .otherwise(pl.lit("both"))
        .alias("state")
    )
    return both.with_columns(
        state,
        (pl.col("score_after") - pl.col("score_before")).alias("score_change"),
        (pl.col("rank_before") - pl.col("rank_after")).alias("rank_change"),
        *(pl.lit(None, pl.Float64).alias(f"{what}_{name}") for what in ("score", "rank") for name in FACTORS),
    )


def _as_rows(parts: pl.DataFrame) -> pl.DataFrame:
    """The engine's parts with the names and types of the table."""
    ranks = [pl.col(name).cast(pl.Int32) for name in ("rank_before", "rank_after", "rank_change")]
    return parts.rename({"unit": "city_id"}).with_columns(ranks)
