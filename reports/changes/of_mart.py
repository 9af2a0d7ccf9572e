"""Why cities moved since the edition before, as a mart tells it.

What belongs here: rows of ``fact_change`` and what explains them, made into what is told (`story.py`). What does not:
words, and any part that the mart does not hold.
"""

from __future__ import annotations

import polars as pl

from reports.changes.story import Told, stories
from reports.mart import PublicMart


def stories_of(mart: PublicMart, edition: int) -> tuple[int | None, list[Told]]:
    """What is told of every city of an edition, and the edition that it is compared with; None where there is none."""
    parts = mart["fact_change"].filter(pl.col("edition") == edition)
    if parts.is_empty():
        return None, []
    before = int(parts["edition_before"][0])
    kpis = mart["fact_change_kpi"].filter(pl.col("edition") == edition)
    names = {key: row["name"] for key, row in mart.city_rows.items()}
    return before, stories(parts, kpis, _values(mart, before, edition, kpis), names, mart.names)


def _values(mart: PublicMart, before: int, after: int, kpis: pl.DataFrame) -> pl.DataFrame:
    """Values of the KPIs that moved a city, side by side, where they differ in number or year."""
    key = ["city_id", "data_point", "kpi_code"]
    moved = kpis.select("city_id", pl.col("node").alias("kpi_code")).unique()
    one, other = (
        mart["fact_value"]
        .filter(pl.col("edition") == edition)
        .join(moved, on=["city_id", "kpi_code"], how="semi")
        .select(*key, pl.col("value").alias(f"value_{when}"), pl.col("value_year").alias(f"year_{when}"))
        for edition, when in ((before, "before"), (after, "after"))
    )
    both = one.join(other, on=key, how="full", coalesce=True)
    same = pl.col("value_before").eq_missing(pl.col("value_after"))
    same &= pl.col("year_before").eq_missing(pl.col("year_after"))
    return both.filter(~same).sort(key)
