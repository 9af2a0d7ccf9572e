"""Rows of the form with the value that each comes to, and what the rules find in them.

What belongs here: from cells to rows of a batch, and from findings back to cells. What does not: the rules
(``rulebook/``), their evaluation (`checks.py`), and which rows count (`derive.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from intake.checks import check, findings_frame
from intake.evidence import gather
from intake.facts import NATIONAL, ROW_NUMBERS, ROW_TEXTS, ROW_TRUTHS, Batch
from intake.rules import Rule
from intake.tables import CELLS, FAULTS
from intake.template import PROFILE
from ssc_index.framework.catalogue import Catalogue

KEY = ["file_sha256", "city_id", "year"]
# Fields that a finding can point at, with the column of the workbook that the reader noted for each.
LETTERS = ("numerator", "denominator", "result", "is_reported", "is_verified", "source", "comment")
PROFILE_PLACES = tuple(f"profile.{name}" for name in ("population", "households", "area_km2", "city_gdp"))


def form_rows(
    cells: pl.DataFrame, submissions: pl.DataFrame, columns: pl.DataFrame, catalogue: Catalogue
) -> pl.DataFrame:
    """Rows of the form, each with the value that it comes to.

    ``value = numerator / denominator * multiplier`` where both are given, else the typed result; a count and a
    concentration take the numerator where nothing else is there.

    Args:
        cells: Rows of ``raw.cells``.
        submissions: Rows of ``raw.submissions``, in any order.
        columns: ``file_sha256`` and, as far as known, the letter or address of each of `LETTERS` and
            `PROFILE_PLACES`.
        catalogue: The KPI catalogue.

    Returns:
        The columns of ``cells`` and ``submission``, ``point`` (positions), ``computed``, ``typed``, ``value`` and
        what the rules ask of a row; sorted by file, city, year, row and data point.
    """
    letters = columns.select(
        "file_sha256",
        *(
            (pl.col(name) if name in columns.columns else pl.lit(None, pl.String)).alias(f"{name}_column")
            for name in LETTERS
        ),
    )
    places = (
        submissions.select(*KEY)
        .with_row_index("submission")
        .sort(KEY)
        .with_row_index("_order")
        .join(letters, on="file_sha256", how="left")
    )
    rows = cells.join(_points(catalogue), on="data_point", how="left").join(places, on=KEY, how="inner")
    rows = rows[_row_order(rows)].drop("_order")
    computed = pl.when(pl.col("denominator") != 0).then(
        pl.col("numerator") / pl.col("denominator") * pl.col("multiplier")
    )
    is_formula = pl.col("result_is_formula").fill_null(False)
    # A count has no denominator: its numerator is the value, and the result a copy of it.
    alone = pl.when(~pl.col("is_ratio") | (pl.col("value_type") == "concentration")).then(pl.col("numerator"))
    texts = [pl.col(f"{name}_text").is_not_null() for name in ("numerator", "denominator", "result")]
    numbers = [pl.col(name).is_null() for name in ("numerator", "denominator", "result")]
    return rows.with_columns(
        pl.when(pl.col("is_ratio")).then(computed).alias("computed"),
        pl.when(~is_formula).then(pl.col("result")).alias("typed"),
        pl.any_horizontal(
            pl.col(name).is_not_null()
            for name in ("numerator", "result", "numerator_text", "denominator_text", "result_text")
        ).alias("is_given"),
        (~pl.any_horizontal(text & number for text, number in zip(texts, numbers, strict=True))).alias("is_readable"),
        (is_formula & pl.col("result").is_not_null()).alias("is_formula"),
        (~pl.col("is_reported")).fill_null(False).alias("says_not_reported"),
        # What the reader has converted from the unit that was chosen keeps its text: "20 ppb" beside 38.
        pl.any_horizontal(pl.col(f"{name}_text").str.contains("(?i)pp[mb]") for name in ("numerator", "result"))
        .fill_null(False)
        .alias("is_converted"),
    ).with_columns(pl.coalesce("computed", "typed", alone).alias("value"))


def _row_order(rows: pl.DataFrame) -> pl.Series:
    """Positions of rows in the order of submission, row and data point."""
    # One number for submission and row is sorted in a third of the time, and of workbooks no row stands twice.
    place = rows.select(pl.col("_order").cast(pl.Int64) * 2**32 + pl.col("row_number").cast(pl.Int64)).to_series()
    if place.null_count() == 0 and place.n_unique() == place.len():
        return place.arg_sort()
    return rows.select(pl.arg_sort_by("_order", "row_number", "data_point")).to_series()


def screen(
    rows: pl.DataFrame,
    submissions: pl.DataFrame,
    columns: pl.DataFrame,
    catalogue: Catalogue,
    *,
    is_asked: pl.Series | None = None,
    is_reference: pl.Series | None = None,
    past: pl.DataFrame | None = None,
    countries: pl.DataFrame | None = None,
    rules: Sequence[Rule] | None = None,
) -> pl.DataFrame:
    """Hold the rules against rows of the form.

    Args:
        rows: Output of `form_rows`.
        submissions: The submissions that it was called with, in the same order.
        columns: As for `form_rows`.
        catalogue: The KPI catalogue.
        is_asked: Which submissions findings are wanted for; None is all. The others are peers only.
        is_reference: Which submissions count as peers; None takes the last of each city and year.
        past: Values of earlier years: ``city_id, year, data_point, value`` (see `evidence.gather`).
        countries: ``city_id``, ``income_group`` and the figures of `facts.NATIONAL` that are known, by city and
            year; None leaves all cities in one group.
        rules: The rules in their order; None takes the shipped ones.

    Returns:
        Rows of `FAULTS`, each with ``row``, its position among the rows (null where the whole submission is meant),
        sorted by submission, row and rule. Nothing is accepted or kept out here.
    """
    profile, groups = _with_countries(submissions, countries)
    reference = None if is_reference is None else is_reference.to_numpy()
    evidence = gather(submissions, past, groups, reference, catalogue)
    asked = np.ones(submissions.height, dtype=bool) if is_asked is None else is_asked.to_numpy()
    batch = Batch(_batch_rows(rows), profile, catalogue, evidence)
    found = findings_frame(check(batch, asked, rules=rules), batch)
    return pl.concat([_whole_faults(found, submissions, columns), _row_faults(found, rows)])


def _batch_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the names that the rules know."""
    named = rows.drop("result", "is_formula").rename({"typed": "result"}).with_columns(rows["is_formula"])
    return named.select("submission", "point", *ROW_NUMBERS, *ROW_TRUTHS, *ROW_TEXTS).filter(
        pl.col("point").is_not_null()
    )


def _with_countries(
    submissions: pl.DataFrame, countries: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Submissions with the figures of their countries, and the income group of each city."""
    if countries is None:
        return submissions, None
    groups = countries.select("city_id", "income_group").unique("city_id", keep="first", maintain_order=True)
    known = [name for name in NATIONAL if name in countries.columns]
    if not known:
        return submissions, groups
    figures = countries.select("city_id", "year", *known)
    return submissions.join(figures, on=["city_id", "year"], how="left", maintain_order="left"), groups


def _row_faults(found: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Findings of rows, each at its cell."""
    placed = rows.with_row_index("row").select("row", pl.col("submission", "point").cast(pl.Int64))
    at = found.filter(pl.col("point").is_not_null()).join(placed, on=["submission", "point"], how="inner")
    # Texts are made of the rows that have a finding, not of all.
    where = pl.concat(
        [
            at,
            rows[at["row"]].select(
                *KEY,
                "sheet",
                "row_number",
                "kpi_code",
                "data_point",
                *(f"{name}_column" for name in LETTERS),
                *(pl.col(name).cast(pl.String).alias(f"_{name}") for name in ("numerator", "denominator", "value")),
                pl.col("typed").cast(pl.String).alias("_result"),
                *(pl.col(name).cast(pl.String).alias(f"_{name}") for name in ("is_reported", "source", "comment")),
            ),
        ],
        how="horizontal",
    )
    cell = pl.coalesce(pl.when(pl.col("field") == name).then(address(name)) for name in LETTERS)
    shown = [
        pl.when(pl.col("field") == name).then(pl.col(f"_{name}"))
        for name in ("numerator", "denominator", "is_reported", "source", "comment")
    ]
    typed = pl.when(pl.col("field") == "result").then(pl.coalesce("_result", "_value"))
    # A value without a typed result stands on its numerator: that is the cell to look at.
    is_computed = (pl.col("field") == "result") & pl.col("_result").is_null() & pl.col("_numerator").is_not_null()
    return (
        where.with_columns(
            pl.when(is_computed).then(address("numerator")).otherwise(cell).alias("cell"),
            pl.coalesce(*shown, typed).alias("value"),
        )
        .sort("submission", "row_number", "order")
        .select(
            *(pl.col(name).cast(dtype) for name, dtype in FAULTS.items()),
            "row",
        )
    )


def _whole_faults(found: pl.DataFrame, submissions: pl.DataFrame, columns: pl.DataFrame) -> pl.DataFrame:
    """Findings of whole submissions, at the cell of the profile where they point at one."""
    wanted = found.filter(pl.col("point").is_null())
    keys = submissions.select(*KEY).with_row_index("submission").cast({"submission": pl.Int64})
    places = columns.select("file_sha256", *(name for name in PROFILE_PLACES if name in columns.columns))
    joined = wanted.join(keys, on="submission", how="inner").join(places, on="file_sha256", how="left")
    is_profile = pl.col("field").str.starts_with("profile.")
    cell = [pl.when(pl.col("field") == name).then(pl.col(name)) for name in PROFILE_PLACES if name in columns.columns]
    return (
        joined.with_columns(
            pl.when(is_profile).then(pl.lit(PROFILE)).alias("sheet"),
            (pl.coalesce(*cell) if cell else pl.lit(None, pl.String)).alias("cell"),
            pl.when(is_profile).then(pl.col("field").str.strip_prefix("profile.")).alias("field"),
            *(pl.lit(None, pl.String).alias(name) for name in ("kpi_code", "data_point", "value")),
        )
        .sort("submission", "order")
        .select(
            *(pl.col(name).cast(dtype) for name, dtype in FAULTS.items()),
            pl.lit(None, pl.UInt32).alias("row"),
        )
    )


def address(field: str) -> pl.Expr:
    """Address of a row's cell in a workbook, or its line in a bulk file."""
    letters = pl.col(f"{field}_column")
    return (
        pl.when(letters.is_not_null())
        .then(letters + pl.col("row_number").cast(pl.String))
        # A workbook whose column was not found.
        .when(pl.col("sheet").is_not_null())
        .then(pl.format("row {}", "row_number"))
        .otherwise(pl.format("line {}, column {}", "row_number", pl.lit(field.removeprefix("is_"))))
    )


def _points(catalogue: Catalogue) -> pl.DataFrame:
    """What the rows need of each data point."""
    points = catalogue.data_points
    return pl.DataFrame(
        {
            "data_point": [point.id for point in points],
            "point": list(range(len(points))),
            "kpi_code": [catalogue.kpi_of(point.id).code for point in points],
            "value_type": [point.value_type for point in points],
            "is_ratio": [point.denominator is not None for point in points],
            "multiplier": [point.template_multiplier for point in points],
        },
        schema_overrides={"multiplier": pl.Float64, "point": pl.Int64},
    )


def empty_rows() -> pl.DataFrame:
    """Cells of no submission."""
    return pl.DataFrame(schema=dict(CELLS))
