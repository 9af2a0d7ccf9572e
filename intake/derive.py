"""From reported cells to verified values: what the form's numerators and denominators come to.

What belongs here: which rows count, the derivation, and the comparison with the reported result. What does
not: reading of files (`reading.py`) and the bounds of a value (`schemas/core.py`, from the catalogue).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from intake.tables import FAULTS
from ssc_index.framework.catalogue import Catalogue

ACCEPTED_OUTCOMES = ("verified", "partly_verified")

# A reported result may differ from the recomputed one by rounding: one per cent, or one unit in the second decimal.
RELATIVE_TOLERANCE = 0.01
ABSOLUTE_TOLERANCE = 0.01

# R004: a denominator within ten per cent of the population itself is the population, not population / 100 000.
POPULATION_TOLERANCE = 0.10


@dataclass(frozen=True)
class Derived:
    """Outcome of a derivation; together the three frames account for every reported row.

    Attributes:
        values: Candidate rows of ``core.values``, bounds not yet checked.
        kept_out: Rows of ``core.quarantine`` (columns of `FAULTS`).
        findings: Rows of ``core.findings``: the value went on.
    """

    values: pl.DataFrame
    kept_out: pl.DataFrame
    findings: pl.DataFrame


def derive_values(
    cells: pl.DataFrame,
    submissions: pl.DataFrame,
    receipts: pl.DataFrame,
    columns: pl.DataFrame,
    catalogue: Catalogue,
) -> Derived:
    """Derive the value of every verified data point and keep the rest with its reason.

    ``value = numerator / denominator * multiplier`` where both are given, else the reported result. Where both
    ways are open they must agree within one per cent.

    Args:
        cells: Rows of ``raw.cells``; values in the units of the form, null is missing.
        submissions: Rows of ``raw.submissions``, for the population.
        receipts: Rows of ``raw.receipts``; a submission without one counts for nothing.
        columns: ``file_sha256`` and the column letters ``numerator``, ``denominator``, ``result`` of each file (null
            for bulk files).
        catalogue: The KPI catalogue.

    Returns:
        Values, rows kept out, and findings, each sorted by file, city, year and row.

    Source: U4SSC verification manual (2022), pages 31-32 and 162-163; rules R004, R009, R011, R015, R051.
    """
    rows = _rows(cells, submissions, receipts, columns, catalogue)
    refused = rows.filter(~pl.col("outcome").is_in(ACCEPTED_OUTCOMES).fill_null(False))
    rows = rows.filter(pl.col("outcome").is_in(ACCEPTED_OUTCOMES).fill_null(False) & pl.col("is_given"))
    rows = rows.with_columns(_reason().alias("reason"), _remark().alias("remark"))
    kept_out = [_refused_submissions(refused)]
    kept_out += [_faults(rows.filter(pl.col("reason") == code), rule) for code, rule in REASONS.items()]
    findings = [_faults(rows.filter(pl.col("remark") == code), rule) for code, rule in REMARKS.items()]
    # Text in a number cell is a fault of reading; the row is kept out here and its reason stands in raw.faults.
    good = rows.filter(pl.col("reason").is_null() & pl.col("value").is_not_null())
    return Derived(
        values=_values(good),
        kept_out=_sorted(pl.concat(kept_out)),
        findings=_sorted(pl.concat(findings)),
    )


@dataclass(frozen=True)
class Rule:
    """How a reason is told.

    Attributes:
        severity: error, warning or note.
        field: Which cell of the row is pointed at.
        message: Sentence with ``{}`` where `arguments` go.
        arguments: Columns that fill the sentence.
    """

    severity: str
    field: str
    message: str
    arguments: tuple[str, ...] = ()


REASONS: Mapping[str, Rule] = {
    "not_verified": Rule("note", "is_verified", "Reported but not verified: the verifier has not set Verified to YES."),
    "value_marked_not_reported": Rule(
        "error", "is_reported", "Reported says NO but a value stands in the row. Set YES, or clear the value."
    ),
    "denominator_missing": Rule(
        "error",
        "denominator",
        "Numerator {} has no denominator and no result (R009). Give the denominator, or the final value as result.",
        ("numerator",),
    ),
    "denominator_zero": Rule("error", "denominator", "The denominator is 0, so there is no value. Correct it."),
    "denominator_not_per_100000": Rule(
        "error",
        "denominator",
        "Denominator {} is the population itself; the form asks for population / 100 000, that is {} (R004).",
        ("denominator", "population_100000"),
    ),
    "result_differs": Rule(
        "error",
        "result",
        "Result {} differs from numerator / denominator, which gives {} (R011). Correct the one that is wrong.",
        ("result", "computed"),
    ),
    "result_is_fraction": Rule(
        "error",
        "result",
        "Result {} is a fraction of one; in per cent, numerator / denominator gives {} (R051). Write per cent.",
        ("result", "computed"),
    ),
    "formula_without_inputs": Rule(
        "error",
        "result",
        "Result {} is the form's formula but numerator or denominator is missing. Give both, or type the final value.",
        ("result",),
    ),
}

REMARKS: Mapping[str, Rule] = {
    "numerator_is_concentration": Rule(
        "warning",
        "numerator",
        "Only the numerator {} is filled: taken as the concentration itself (R015).",
        ("value",),
    ),
    "maybe_fraction": Rule(
        "warning",
        "result",
        "{} per cent is below 1: if the share was typed as a fraction of one, multiply by 100 (R051).",
        ("value",),
    ),
    "result_overridden": Rule(
        "note",
        "result",
        "Result {} was typed without numerator and denominator; it cannot be recomputed (R011).",
        ("value",),
    ),
}


def _rows(
    cells: pl.DataFrame,
    submissions: pl.DataFrame,
    receipts: pl.DataFrame,
    columns: pl.DataFrame,
    catalogue: Catalogue,
) -> pl.DataFrame:
    """Cells with everything that a decision needs beside them, sorted."""
    key = ["file_sha256", "city_id", "year"]
    receipt = receipts.select(*key, "received_at", "verification_mode", pl.col("verification_outcome").alias("outcome"))
    letters = columns.select(
        "file_sha256",
        pl.col("numerator").alias("numerator_column"),
        pl.col("denominator").alias("denominator_column"),
        pl.col("result").alias("result_column"),
        pl.col("is_reported").alias("is_reported_column"),
        pl.col("is_verified").alias("is_verified_column"),
    )
    rows = (
        cells.join(_points(catalogue), on="data_point", how="left")
        .join(submissions.select(*key, "population"), on=key, how="left")
        .join(receipt, on=key, how="left")
        .join(letters, on="file_sha256", how="left")
        .sort("file_sha256", "city_id", "year", "row_number", "data_point")
    )
    computed = pl.when(pl.col("denominator") != 0).then(
        pl.col("numerator") / pl.col("denominator") * pl.col("multiplier")
    )
    is_ratio = pl.col("denominator_name").is_not_null()
    typed = pl.when(~pl.col("result_is_formula").fill_null(False)).then(pl.col("result"))
    # A count has no denominator: its numerator is the value, and the result a copy of it.
    alone = pl.when(~is_ratio | (pl.col("value_type") == "concentration")).then(pl.col("numerator"))
    return rows.with_columns(
        pl.when(is_ratio).then(computed).alias("computed"),
        (pl.col("population") / 100_000).alias("population_100000"),
        typed.alias("typed"),
        is_ratio.alias("is_ratio"),
        pl.any_horizontal(
            pl.col(name).is_not_null()
            for name in ("numerator", "result", "numerator_text", "denominator_text", "result_text")
        ).alias("is_given"),
    ).with_columns(pl.coalesce("computed", "typed", alone).alias("value"))


def _points(catalogue: Catalogue) -> pl.DataFrame:
    """What the derivation needs of each data point."""
    points = catalogue.data_points
    return pl.DataFrame(
        {
            "data_point": [point.id for point in points],
            "kpi_code": [catalogue.kpi_of(point.id).code for point in points],
            "value_type": [point.value_type for point in points],
            "unit": [point.unit for point in points],
            "denominator_name": [point.denominator for point in points],
            "denominator_basis": [point.denominator_basis for point in points],
            "multiplier": [point.template_multiplier for point in points],
        },
        schema_overrides={
            "multiplier": pl.Float64,
            "denominator_name": pl.String,
            "denominator_basis": pl.String,
        },
    )


def _reason() -> pl.Expr:
    """Why a row is kept out, null where it is not; the first reason that holds."""
    has_text = pl.any_horizontal(
        pl.col(f"{name}_text").is_not_null() & pl.col(name).is_null() for name in ("numerator", "denominator", "result")
    )
    gap = (pl.col("typed") - pl.col("computed")).abs()
    differs = gap > pl.max_horizontal(pl.lit(ABSOLUTE_TOLERANCE), RELATIVE_TOLERANCE * pl.col("computed").abs())
    hundredth = (pl.col("typed") * 100 - pl.col("computed")).abs() <= RELATIVE_TOLERANCE * pl.col("computed").abs()
    is_percent = pl.col("unit") == "percent"
    is_population = (pl.col("denominator") - pl.col("population")).abs() <= (
        POPULATION_TOLERANCE * pl.col("population")
    )
    per_100000 = (pl.col("value_type") == "rate_per_100000") & (pl.col("denominator_basis") == "population")
    cases: list[tuple[pl.Expr, str]] = [
        (has_text, "unreadable"),
        (pl.col("is_reported").not_().fill_null(False), "value_marked_not_reported"),
        (~pl.col("is_verified").fill_null(False), "not_verified"),
        (pl.col("is_ratio") & (pl.col("denominator") == 0), "denominator_zero"),
        (per_100000 & is_population, "denominator_not_per_100000"),
        (is_percent & differs & hundredth, "result_is_fraction"),
        (differs, "result_differs"),
        (pl.col("value").is_null() & pl.col("numerator").is_not_null(), "denominator_missing"),
        (pl.col("value").is_null() & pl.col("result").is_not_null(), "formula_without_inputs"),
    ]
    return pl.coalesce(*(pl.when(case.fill_null(False)).then(pl.lit(code)) for case, code in cases))


def _remark() -> pl.Expr:
    """What is worth a look in a row that goes on, null where nothing is."""
    goes_on = pl.col("is_reported").fill_null(True) & pl.col("is_verified").fill_null(False)
    alone = pl.col("computed").is_null() & pl.col("typed").is_null()
    below_one = (pl.col("unit") == "percent") & (pl.col("value") > 0) & (pl.col("value") < 1)
    typed_alone = pl.col("is_ratio") & pl.col("computed").is_null() & pl.col("typed").is_not_null()
    cases = [
        (goes_on & alone & (pl.col("value_type") == "concentration"), "numerator_is_concentration"),
        (goes_on & below_one, "maybe_fraction"),
        (goes_on & typed_alone, "result_overridden"),
    ]
    return pl.coalesce(*(pl.when(case.fill_null(False)).then(pl.lit(code)) for case, code in cases))


def address(field: str) -> pl.Expr:
    """Address of a row's cell in a workbook, or its line in a bulk file."""
    letters = pl.col(f"{field}_column")
    return (
        pl.when(letters.is_not_null())
        .then(letters + pl.col("row_number").cast(pl.String))
        .otherwise(pl.format("line {}, column {}", "row_number", pl.lit(field.removeprefix("is_"))))
    )


def _faults(rows: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Rows as faults, each with the address and a sentence."""
    code = "reason" if "reason" in rows.columns and rule in REASONS.values() else "remark"
    return rows.select(
        "file_sha256",
        "city_id",
        "year",
        "sheet",
        address(rule.field).alias("cell"),
        "kpi_code",
        "data_point",
        pl.lit(rule.field).alias("field"),
        pl.col(rule.field if rule.field in rows.columns else "value").cast(pl.String).alias("value"),
        pl.col(code).alias("rule"),
        pl.lit(rule.severity).alias("severity"),
        pl.format(rule.message, *(_number(name) for name in rule.arguments)).alias("message")
        if rule.arguments
        else pl.lit(rule.message).alias("message"),
    ).cast(FAULTS)  # type: ignore[arg-type]  # a mapping of column types, as polars takes it


def _number(name: str) -> pl.Expr:
    """A number as people write it: at most six significant digits."""
    return pl.col(name).round_sig_figs(6).cast(pl.String)


def _refused_submissions(rows: pl.DataFrame) -> pl.DataFrame:
    """One fault for each submission that no verifier has accepted."""
    groups = (
        rows.group_by("file_sha256", "city_id", "year", "outcome", maintain_order=True)
        .agg(pl.col("is_given").sum().alias("n"))
        .with_columns(pl.col("outcome").fill_null("without a receipt"))
    )
    return groups.select(
        "file_sha256",
        "city_id",
        "year",
        *(pl.lit(None, pl.String).alias(name) for name in ("sheet", "cell", "kpi_code", "data_point")),
        pl.lit("verification_outcome").alias("field"),
        pl.col("outcome").alias("value"),
        pl.lit("submission_not_verified").alias("rule"),
        pl.lit("note").alias("severity"),
        pl.format(
            "The submission is {}, so its {} reported data points wait. Record the verifier's outcome in the "
            "receipt beside the file.",
            "outcome",
            "n",
        ).alias("message"),
    ).cast(FAULTS)  # type: ignore[arg-type]  # as above


def _values(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``core.values``."""
    field = pl.when(pl.col("computed").is_null() & pl.col("typed").is_not_null())
    return rows.select(
        "file_sha256",
        "city_id",
        "year",
        "data_point",
        "kpi_code",
        "value",
        pl.when(pl.col("computed").is_not_null())
        .then(pl.lit("recomputed"))
        .otherwise(pl.lit("reported_result"))
        .alias("derivation"),
        "quality",
        "origin",
        "source",
        "source_details",
        "sheet",
        field.then(address("result")).otherwise(address("numerator")).alias("cell"),
        "received_at",
    )


def _sorted(faults: pl.DataFrame) -> pl.DataFrame:
    return faults.sort("file_sha256", "city_id", "year", "data_point", "rule", "cell", nulls_last=True)
