"""From reported cells to verified values: which rows count, and what is kept out.

What belongs here: the verifier's word on submissions, rows and findings, and the sorting of rows into values and
what is kept out. What does not: the value of a row and what the rules find (`screening.py`), the rules
(``rulebook/``), and reading of files (`reading.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from intake.acceptance import apply_acceptances
from intake.rules import Rule, load_rules
from intake.screening import KEY, address, form_rows, screen
from intake.tables import FAULTS
from intake.verdicts import apply_verdicts
from ssc_index.framework.catalogue import Catalogue

ACCEPTED_OUTCOMES = ("verified", "partly_verified")
WAITING_OUTCOME = "pending"
# Of the form's rows, what values and their findings are made of.
_KEPT = (
    *KEY, "submission", "data_point", "kpi_code", "sheet", "row_number", "computed", "typed", "value", "is_given",
    "is_readable", "is_verified", "quality", "origin", "source", "source_details", "numerator_column", "result_column",
    "is_verified_column",
)  # fmt: skip
NOT_VERIFIED = "Reported but not verified: the verifier has not set Verified to YES."


@dataclass(frozen=True)
class Derived:
    """Outcome of a derivation; values, what was kept out and findings account for every reported row.

    Attributes:
        values: Candidate rows of ``core.values``.
        provisional: Candidate rows of ``core.provisional``: kept out by nothing but that no verifier has judged them.
        kept_out: Rows of ``core.quarantine`` (columns of `FAULTS`).
        findings: Rows of ``core.findings``: the value went on.
    """

    values: pl.DataFrame
    provisional: pl.DataFrame
    kept_out: pl.DataFrame
    findings: pl.DataFrame


def derive_values(
    cells: pl.DataFrame,
    submissions: pl.DataFrame,
    receipts: pl.DataFrame,
    columns: pl.DataFrame,
    catalogue: Catalogue,
    *,
    past: pl.DataFrame | None = None,
    countries: pl.DataFrame | None = None,
    rules: Sequence[Rule] | None = None,
) -> Derived:
    """Derive the value of every verified data point and keep the rest with its reason.

    A row that has an error is kept out; warnings and notes let it go on. A warning that the verifier has accepted in
    the receipt becomes a note that says so. A verdict in the receipt stands above the column of the form.

    Args:
        cells: Rows of ``raw.cells``; values in the units of the form, null is missing.
        submissions: Rows of ``raw.submissions``, for the profile.
        receipts: Rows of ``raw.receipts``; a submission without one counts for nothing.
        columns: ``file_sha256`` and the column letters of each file (see `screening.form_rows`; null for bulk files).
        catalogue: The KPI catalogue.
        past: Values of earlier years: ``city_id, year, data_point, value``; None is none.
        countries: What is known of each city's country (see `screening.screen`); None is nothing.
        rules: The rules in their order; None takes the shipped ones.

    Returns:
        Values, those that wait, rows kept out, and findings, each sorted by file, city, year and data point.

    Source: U4SSC verification manual (2022), pages 31-32 and 162-163; the rules name theirs.
    """
    if "verdicts" in receipts.columns:
        cells = apply_verdicts(cells, receipts)
    known = _with_receipts(submissions, receipts, cells)
    is_accepted = pl.col("outcome").is_in(ACCEPTED_OUTCOMES).fill_null(False)
    accepted = known.filter(is_accepted)
    rows = form_rows(cells, accepted, columns, catalogue)
    is_last = accepted.select(_is_last()).to_series()
    found = screen(
        rows,
        accepted,
        columns,
        catalogue,
        is_reference=is_last,
        past=past,
        countries=countries,
        rules=rules,
    )
    found = apply_acceptances(found, accepted)
    rows = rows.select(_KEPT)  # their texts are most of the memory
    is_verified = rows["is_verified"].fill_null(False)
    is_unverified = rows["is_given"] & ~is_verified
    is_error = pl.col("severity") == "error"
    marked = found.filter(is_error & (pl.col("rule") == "value_marked_not_reported"))
    waiting = rows.filter(is_unverified & rows["is_readable"] & ~_has(marked, rows))
    is_open = found["row"].is_not_null() & is_unverified.gather(found["row"].fill_null(0))
    judged = pl.concat([found.filter(~is_open), marked]).unique(maintain_order=True)
    errors = judged.filter(is_error)
    # Text in a number cell is a fault of reading; the row is kept out here and its reason stands in raw.faults.
    is_value = rows["is_given"] & rows["is_readable"] & rows["value"].is_not_null()
    good = rows.filter(is_value & is_verified & ~_has(errors, rows))
    is_undecided = rows["is_verified"].is_null()
    undecided = rows.filter(is_value & is_undecided & ~_has(found.filter(is_error), rows))
    waits = known.filter(outcome=WAITING_OUTCOME)
    unjudged = _values(_without_errors(cells, waits, columns, catalogue, rules), waits)
    refused = _refused_submissions(cells, known.filter(~is_accepted))
    kept_out = [refused, _not_verified(waiting), errors.select(list(FAULTS))]
    return Derived(
        values=_values(good, accepted),
        provisional=pl.concat([_values(undecided, accepted), unjudged]).sort(KEY, maintain_order=True),
        kept_out=_sorted(pl.concat(kept_out)),
        findings=_sorted(judged.filter(~is_error).select(list(FAULTS))),
    )


def _without_errors(
    cells: pl.DataFrame,
    submissions: pl.DataFrame,
    columns: pl.DataFrame,
    catalogue: Catalogue,
    rules: Sequence[Rule] | None,
) -> pl.DataFrame:
    """Rows of submissions that wait for their outcome, without those that have an error or a NO.

    The rules by which a row is in error look at its own workbook alone, so that nobody else's rows are needed.
    """
    rows = form_rows(cells, submissions, columns, catalogue)
    grave = [rule for rule in (load_rules() if rules is None else rules) if rule.text.severity == "error"]
    errors = screen(rows, submissions, columns, catalogue, rules=grave)
    is_value = rows["is_given"] & rows["is_readable"] & rows["value"].is_not_null()
    return rows.filter(is_value & rows["is_verified"].fill_null(True) & ~_has(errors, rows))


def _has(found: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    """Whether each row has one of some findings."""
    return pl.repeat(False, rows.height, eager=True).scatter(found["row"].drop_nulls(), True)


def _with_receipts(submissions: pl.DataFrame, receipts: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """Submissions with outcome, date and accepted findings of their receipts, sorted.

    Rows of the form whose submission has no profile row are of a submission all the same.
    """
    held = cells.select(KEY).unique(maintain_order=True)
    accepted = pl.col("accepted") if "accepted" in receipts.columns else pl.lit(None, pl.String)
    receipt = receipts.select(
        *KEY, "received_at", pl.col("verification_outcome").alias("outcome"), accepted.alias("accepted")
    )
    return held.join(submissions, on=KEY, how="left").join(receipt, on=KEY, how="left").sort(KEY)


def _is_last() -> pl.Expr:
    """Whether a submission is the latest of its city and year."""
    order = pl.struct("received_at", "file_sha256")
    return order.rank("ordinal").over("city_id", "year") == pl.len().over("city_id", "year")


def _not_verified(rows: pl.DataFrame) -> pl.DataFrame:
    """A note for each row that the verifier has not passed."""
    return rows.select(
        *KEY,
        "sheet",
        address("is_verified").alias("cell"),
        "kpi_code",
        "data_point",
        pl.lit("is_verified").alias("field"),
        pl.col("is_verified").cast(pl.String).alias("value"),
        pl.lit("not_verified").alias("rule"),
        pl.lit("note").alias("severity"),
        pl.lit(NOT_VERIFIED).alias("message"),
    ).cast(FAULTS)  # type: ignore[arg-type]  # a mapping of column types, as polars takes it


def _refused_submissions(cells: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """One fault for each submission that no verifier has accepted."""
    is_given = pl.any_horizontal(
        pl.col(name).is_not_null()
        for name in ("numerator", "result", "numerator_text", "denominator_text", "result_text")
    )
    counts = cells.join(refused, on=KEY, how="semi").group_by(KEY).agg(is_given.sum().alias("n"))
    groups = refused.join(counts, on=KEY, how="left").with_columns(
        pl.col("outcome").fill_null("without a receipt"), pl.col("n").fill_null(0)
    )
    return groups.select(
        *KEY,
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


def _values(rows: pl.DataFrame, submissions: pl.DataFrame) -> pl.DataFrame:
    """Rows of ``core.values`` or ``core.provisional``."""
    rows = rows.with_columns(submissions["received_at"].gather(rows["submission"]))
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
