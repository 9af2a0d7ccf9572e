"""Which submission and which value an edition takes.

What belongs here: the latest accepted revision, the values of the years that an edition may draw on, and the
cities in its scope. What does not: carrying a value forward (a step of the method) and any score.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from intake.consent import UNKNOWN_SIZE as UNKNOWN_SIZE
from intake.consent import least_consent
from intake.derive import ACCEPTED_OUTCOMES, WAITING_OUTCOME
from intake.keys import place_among
from ssc_index.framework.catalogue import SizeClass

# Those that would count if what waits for its verification did.
UNREFUSED_OUTCOMES = (*ACCEPTED_OUTCOMES, WAITING_OUTCOME)


def accepted_submissions(receipts: pl.DataFrame, outcomes: Collection[str] = ACCEPTED_OUTCOMES) -> pl.DataFrame:
    """Verified submissions, each marked whether it is the latest of its city and year.

    A later revision replaces an earlier one as a whole: what it no longer reports is withdrawn. A revision that
    the verifier has not accepted changes nothing.

    Args:
        receipts: Rows of ``raw.receipts`` of the files that are present.
        outcomes: Those that make a submission accepted; `UNREFUSED_OUTCOMES` asks what would be if all of these did.

    Returns:
        ``file_sha256, city_id, year, received_at, consent, is_latest``, sorted by city, year and receipt.
    """
    accepted = receipts.filter(pl.col("verification_outcome").is_in(outcomes))
    ordered = accepted.sort("city_id", "year", "received_at", "file_sha256")
    is_last = pl.struct("city_id", "year").is_last_distinct()
    return ordered.select("file_sha256", "city_id", "year", "received_at", "consent", is_last.alias("is_latest"))


def standing_in(edition: int, accepted: pl.DataFrame, register: pl.DataFrame) -> pl.DataFrame:
    """Accepted submissions without those of cities that had come to their end by an edition.

    A city that became part of another in the course of a year is in no edition from that year on, with carried values
    neither: its inhabitants are its successor's.

    Args:
        edition: The edition.
        accepted: Output of `accepted_submissions`.
        register: Rows of ``raw.cities``.
    """
    ended = register.filter(pl.col("ended_on").dt.year() <= edition)
    return accepted.join(ended, on="city_id", how="anti", maintain_order="left")


def selected_values(
    values: pl.DataFrame, accepted: pl.DataFrame, editions: Sequence[int], max_age: int
) -> pl.DataFrame:
    """The value that each edition takes for each city and data point: the newest that it may draw on.

    There is an edition of a year only if a submission of that year has been accepted: nothing but carried values
    is no edition.

    Args:
        values: Rows of ``core.values``.
        accepted: Output of `accepted_submissions`.
        editions: Editions to select for; those that do not exist are left out.
        max_age: Greatest age in years that the method carries; 0 takes the edition's own year only.

    Returns:
        Rows of ``index.selected``: ``edition, city_id, year, data_point, value, file_sha256, quality, consent,
        is_restated``.
    """
    latest = accepted.filter("is_latest").select("file_sha256", "city_id", "year", "consent")
    existing = set(latest["year"])
    columns = ["city_id", "year", "data_point", "value", "file_sha256", "quality", "consent"]
    usable = values.select(columns[:-1]).join(latest, on=["file_sha256", "city_id", "year"], how="inner")
    parts = [
        _newest(usable.filter(pl.col("year").is_between(edition - max_age, edition))).select(
            pl.lit(edition, pl.Int16).alias("edition"), *columns
        )
        for edition in editions
        if edition in existing
    ]
    nothing = usable.clear().select(pl.lit(None, pl.Int16).alias("edition"), *columns)
    return _marked(pl.concat([nothing, *parts]), values, accepted)


def _newest(values: pl.DataFrame) -> pl.DataFrame:
    """The newest value of each city and data point, in their order, of rows in which each year has one at most.

    To note the row of each in a table of numbers, one year after the other, takes a fraction of sorting the rows.
    """
    cities, points = (values[name].unique().cast(pl.String).sort() for name in ("city_id", "data_point"))
    place = place_among(values["city_id"], cities) * points.len() + place_among(values["data_point"], points)
    year = values["year"].to_numpy()
    row_of = np.full(cities.len() * points.len(), -1)
    for one in np.unique(year):
        rows = np.flatnonzero(year == one)
        row_of[place[rows]] = rows
    return values[row_of[row_of >= 0]]


def _marked(picked: pl.DataFrame, values: pl.DataFrame, accepted: pl.DataFrame) -> pl.DataFrame:
    """Picked values, marked where an edition would carry another if no revision had come.

    That is a value of a city and year of which an earlier accepted submission had another value, or none; and an older
    value that stands where a newer one did, which a revision has taken away.
    """
    replaced = accepted.filter(~pl.col("is_latest")).select("file_sha256", "city_id", "year")
    few = values.filter(pl.col("city_id").is_in(replaced["city_id"].unique().implode()))
    earlier = few.join(replaced, on=replaced.columns, how="inner").select("city_id", "year", "data_point", "value")
    revisions = replaced.group_by("city_id", "year").agg(pl.len().alias("revisions"))
    same = earlier.group_by("city_id", "year", "data_point", "value").agg(pl.len().alias("same"))
    newer = picked.select("edition", "city_id", "data_point", "year").join(
        earlier.select("city_id", "data_point", pl.col("year").alias("taken_from")).unique(),
        on=["city_id", "data_point"],
        how="inner",
    )
    key = ["edition", "city_id", "data_point"]
    taken = newer.filter((pl.col("taken_from") > pl.col("year")) & (pl.col("taken_from") <= pl.col("edition")))
    told = (
        picked.join(revisions, on=["city_id", "year"], how="left", maintain_order="left")
        .join(same, on=["city_id", "year", "data_point", "value"], how="left", maintain_order="left")
        .join(
            taken.select(key).unique().with_columns(pl.lit(True).alias("taken")),
            on=key,
            how="left",
            maintain_order="left",
        )
    )
    is_changed = pl.col("revisions").fill_null(0) > pl.col("same").fill_null(0)
    is_restated = (pl.col("year") < pl.col("edition")) & (is_changed | pl.col("taken").fill_null(False))
    return told.with_columns(is_restated.alias("is_restated")).drop("revisions", "same", "taken")


def provisional_values(
    provisional: pl.DataFrame, unrefused: pl.DataFrame, selected: pl.DataFrame, edition: int, max_age: int
) -> pl.DataFrame:
    """The values that an edition would take in addition, or in the place of others, if what waits counted.

    They are chosen as verified ones are: the latest submission of a city and year, the newest value that the edition
    may draw on. Where a revision waits, what it no longer reports stays: only values are told here.

    Args:
        provisional: Rows of ``core.provisional``.
        unrefused: Output of `accepted_submissions` for `UNREFUSED_OUTCOMES`.
        selected: Rows of ``index.selected`` of the edition.
        edition: The edition.
        max_age: Greatest age in years that the method carries.

    Returns:
        Columns of ``index.selected``; none is older than the verified value of its city and data point.
    """
    taken = selected_values(provisional, unrefused, [edition], max_age)
    key = ["city_id", "data_point"]
    verified = selected.select(*key, pl.col("year").alias("verified_year"))
    is_new = pl.col("verified_year").is_null() | (pl.col("year") >= pl.col("verified_year"))
    joined = taken.join(verified, on=key, how="left", maintain_order="left")
    return joined.filter(is_new).drop("verified_year")


def edition_cities(
    selected: pl.DataFrame,
    accepted: pl.DataFrame,
    submissions: pl.DataFrame,
    register: pl.DataFrame,
    size_classes: Sequence[SizeClass],
    editions: Sequence[int],
    max_age: int,
) -> pl.DataFrame:
    """Cities in the scope of each edition: those with an accepted submission that it may draw on.

    A city whose submission reports nothing is in scope too: it is told that it has no value, not left out.

    Args:
        selected: Rows of ``index.selected``.
        accepted: Output of `accepted_submissions`.
        submissions: Rows of ``raw.submissions``, for the population.
        register: Rows of ``raw.cities``.
        size_classes: Classes of the catalogue, by population.
        editions: Editions to look at; those that do not exist are left out.
        max_age: Greatest age in years of a submission that an edition may draw on.

    Returns:
        Rows of ``index.cities``, sorted by edition and city. Region and the like are those of the register;
        population and size class are those of the newest submission.
    """
    key = ["file_sha256", "city_id", "year"]
    latest = accepted.filter("is_latest").join(submissions.select(*key, "population"), on=key, how="left")
    existing = set(latest["year"])
    nothing = latest.clear().with_columns(pl.lit(None, pl.Int16).alias("edition"))
    parts = [
        latest.filter(pl.col("year").is_between(edition - max_age, edition)).with_columns(
            pl.lit(edition, pl.Int16).alias("edition")
        )
        for edition in editions
        if edition in existing
    ]
    drawn_on = pl.concat([nothing, *parts]).sort("edition", "city_id", "year")
    newest = [pl.col(name).last() for name in ("file_sha256", "received_at", "population")]
    scope = drawn_on.group_by("edition", "city_id", maintain_order=True).agg(
        *newest, pl.col("year").last().alias("submission_year"), least_consent()
    )
    own = selected.filter(pl.col("year") == pl.col("edition")).group_by("edition", "city_id")
    return (
        scope.join(own.agg(pl.len().cast(pl.Int32).alias("n_values")), on=["edition", "city_id"], how="left")
        .join(register.select("city_id", "region", "income_group", "pseudonym"), on="city_id", how="inner")
        .with_columns(
            pl.col("n_values").fill_null(0),
            size_class(size_classes).alias("size_class"),
            pl.coalesce("pseudonym", "city_id").alias("public_id"),
        )
        .sort("edition", "city_id")
    )


def size_class(classes: Sequence[SizeClass]) -> pl.Expr:
    """Size class of the column ``population``; ``unknown`` where it is missing."""
    cases = [
        pl.when(
            (pl.col("population") >= one.from_population)
            & (pl.lit(True) if one.below_population is None else pl.col("population") < one.below_population)
        ).then(pl.lit(one.code))
        for one in classes
    ]
    return pl.coalesce(*cases, pl.lit(UNKNOWN_SIZE))
