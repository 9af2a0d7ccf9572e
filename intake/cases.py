"""A submission as whoever verifies it needs it: its values, what was found at each, and what was decided so far.

What belongs here: bringing together file, findings and journal for one city and year. What does not: recording
(`review.py`) and showing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from intake.acceptance import apply_acceptances, rule_of
from intake.inspection import NOTHING_KNOWN, Known, columns_of, inspect_files
from intake.receipts import Key
from intake.review import Review, accepted_entry, effective, finding_of, project, read_review, reported_points
from intake.rules import for_verifiers_alone
from intake.screening import form_rows
from intake.tables import ReadResult
from ssc_index.errors import SscIndexError
from ssc_index.framework.catalogue import Catalogue, DataPoint

_ORDER = {"error": 0, "warning": 1, "note": 2}


class CaseError(SscIndexError):
    """A file that cannot be verified, with what to do about it."""


@dataclass
class Case:
    """A submission of one city and year under verification.

    Attributes:
        path: The file.
        key: City and year.
        city: Name of the city as the submission has it; the key where it has none.
        result: What reading the file gave.
        rows: Of each reported data point in the order of the form: the columns of `tables.CELLS` and ``value``.
        found: Findings of the city and year, before any was accepted (columns `tables.FAULTS`).
        review: What the journal adds up to.
        broken: Where the chain of the journal is broken.
        catalogue: The KPI catalogue.
    """

    path: Path
    key: Key
    city: str
    result: ReadResult
    rows: dict[str, dict[str, Any]]
    found: pl.DataFrame
    review: Review
    broken: list[str]
    catalogue: Catalogue

    @property
    def reported(self) -> dict[str, bool | None]:
        """Reported data points with the verdict that stands in the form."""
        return reported_points(self.rows.values())

    @property
    def verdicts(self) -> dict[str, bool | None]:
        """Reported data points with the verdict that counts; None where there is none yet."""
        return effective(self.review, self.reported)

    @property
    def findings(self) -> pl.DataFrame:
        """What was found, accepted warnings as notes that say so, the gravest first at each data point."""
        accepted = " | ".join(accepted_entry(*one) for one in sorted(self.review.accepted.items()))
        held = pl.DataFrame(
            {"file_sha256": [self.result.file_sha256], "city_id": [self.key[0]], "year": [self.key[1]]},
            schema_overrides={"year": pl.Int16},
        ).with_columns(accepted=pl.lit(accepted or None, pl.String))
        rank = pl.col("severity").replace_strict(_ORDER, default=3)
        return apply_acceptances(self.found, held).sort(rank, maintain_order=True)

    @property
    def told_to_city(self) -> pl.DataFrame:
        """The findings without those that would confirm to the city what another one reported."""
        return self.findings.filter(~pl.col("rule").is_in(list(for_verifiers_alone())))

    @property
    def accepted_to_city(self) -> dict[str, str]:
        """What was accepted, without findings that the city is not told."""
        withheld = for_verifiers_alone()
        return {one: why for one, why in self.review.accepted.items() if rule_of(one) not in withheld}

    @property
    def warnings(self) -> frozenset[str]:
        """What can be accepted: the warnings that were found, as the journal names them."""
        rows = self.found.filter(pl.col("severity") == "warning").select("rule", "data_point").iter_rows()
        return frozenset(finding_of(rule, point) for rule, point in rows)

    def findings_of(self, point: str | None) -> list[dict[str, Any]]:
        """Findings at a data point; of the submission as a whole for None."""
        frame = self.findings
        is_meant = pl.col("data_point").is_null() if point is None else pl.col("data_point") == point
        return frame.filter(is_meant).to_dicts()

    def point(self, code: str) -> DataPoint:
        """A data point of the catalogue."""
        return self.catalogue.data_point(code)


def open_case(
    path: Path, catalogue: Catalogue, key: Key | None = None, known_of: Callable[[int], Known] | None = None
) -> Case:
    """Read a file and bring it together with what was found and decided.

    Args:
        path: A submission; its receipt lies beside it.
        catalogue: The KPI catalogue.
        key: City and year; may be left out where the file holds only one.
        known_of: What is known of other cities and years (see `inspection.inspect_files`).

    Raises:
        CaseError: If the file cannot be read, or holds no such submission.
        OSError: If it cannot be opened.
    """
    (one,) = inspect_files([path], catalogue, known_of or (lambda _year: NOTHING_KNOWN))
    if one.is_refused:
        told = "; ".join(one.findings["message"].to_list())
        raise CaseError(f"{path.name} cannot be read: {told}")
    keys = [(city, year) for city, year in one.result.submissions.select("city_id", "year").iter_rows()]
    if key is None and len(keys) == 1:
        key = keys[0]
    if key is None or key not in keys:
        held = ", ".join(f"{city} {year}" for city, year in keys[:8])
        raise CaseError(f"{path.name} holds {held}. Say which is meant with --city and --year.")
    is_meant = (pl.col("city_id") == key[0]) & (pl.col("year") == key[1])
    submissions = one.result.submissions.filter(is_meant)
    cells = one.result.cells.filter(is_meant)
    rows = form_rows(cells, submissions, columns_of([one.result]), catalogue)
    given = {row["data_point"]: row for row in rows.filter("is_given").to_dicts()}
    of_file = pl.col("city_id").is_null() & pl.col("year").is_null()
    review, broken = read_review(path, key)
    if review.entries and not broken:
        # A process that ended between journal and receipt left the receipt behind.
        project(path, key, review)
    name = submissions["city_name"][0]
    found = one.findings.filter(is_meant | of_file)
    return Case(path, key, name or key[0], one.result, given, found, review, broken, catalogue)
