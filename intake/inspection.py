"""What is wrong with files, before anything is taken in: reading and rules together, for a city or a verifier.

What belongs here: reading files and holding the rules against them as a batch. What does not: how it is shown, and
where other cities and years come from (the caller).

The files of one call are each other's peers and past, together with what the caller knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from intake.evidence import OLDEST, profile_past
from intake.reading import read_submission
from intake.screening import form_rows, screen
from intake.tables import CELLS, FAULTS, SUBMISSIONS, Fault, ReadResult, address, empty, faults_frame
from intake.template import PROFILE
from ssc_index.framework.catalogue import Catalogue

COLUMN_MAP = {"file_sha256": pl.String}
PAST = {"city_id": pl.String, "year": pl.Int16, "data_point": pl.String, "value": pl.Float64}
_ORDER = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Known:
    """What is known beside the files of a call; each frame may be empty.

    Attributes:
        cells: Rows of ``raw.cells`` of other submissions of the year.
        submissions: Rows of ``raw.submissions`` of the same.
        past: Values of earlier years: ``city_id, year, data_point, value``.
        countries: See `screening.screen`; None leaves all cities in one group.
    """

    cells: pl.DataFrame
    submissions: pl.DataFrame
    past: pl.DataFrame
    countries: pl.DataFrame | None


NOTHING_KNOWN = Known(empty(CELLS), empty(SUBMISSIONS), pl.DataFrame(schema=PAST), None)


@dataclass(frozen=True)
class Inspection:
    """What was found in one file.

    Attributes:
        path: The file.
        result: What reading gave.
        n_reported: Data points with a value or something in their cells, over all its cities and years.
        findings: Rows of ``tables.FAULTS``: the gravest first, then in the order of the form.
    """

    path: Path
    result: ReadResult
    n_reported: int
    findings: pl.DataFrame

    @property
    def is_refused(self) -> bool:
        """Whether the file could not be read at all."""
        return self.result.status == "refused"

    def count(self, severity: str) -> int:
        """How many findings have a severity."""
        return self.findings.filter(pl.col("severity") == severity).height


def inspect_files(
    paths: Sequence[Path],
    catalogue: Catalogue,
    known_of: Callable[[int], Known] = lambda _year: NOTHING_KNOWN,
    today: date | None = None,
) -> list[Inspection]:
    """Read files and hold the rules against them.

    Args:
        paths: Workbooks or bulk files.
        catalogue: The KPI catalogue.
        known_of: What is known beside the files for a reference year.
        today: The day on which the files could be received at the earliest; None where their receipts say that. No
            clock is consulted here.

    Returns:
        One inspection for each path, in their order; a file given twice is inspected once.

    Raises:
        OSError: If a file cannot be opened at all.
    """
    unique = list(dict.fromkeys(paths))
    results = [read_submission(path, catalogue) for path in unique]
    distinct = {result.file_sha256: result for result in results}.values()
    cells = pl.concat([empty(CELLS), *(result.cells for result in distinct)])
    submissions = pl.concat([empty(SUBMISSIONS), *(result.submissions for result in distinct)])
    columns = columns_of(list(distinct))
    found = [pl.DataFrame(schema=dict(FAULTS))]
    past = pl.DataFrame(schema=PAST)
    for year in sorted(submissions["year"].unique().to_list()):
        of_year = pl.col("year") == year
        own, known = submissions.filter(of_year), known_of(year)
        others = known.submissions.join(own, on="file_sha256", how="anti")
        other_cells = known.cells.join(own, on="file_sha256", how="anti").select(list(CELLS))
        every = pl.concat([others.select(list(SUBMISSIONS)), own])
        rows = form_rows(pl.concat([other_cells, cells.filter(of_year)]), every, columns, catalogue)
        found.append(
            screen(
                rows,
                every,
                columns,
                catalogue,
                is_asked=pl.int_range(every.height, eager=True) >= others.height,
                past=pl.concat([known.past.select(list(PAST)), past]),
                countries=known.countries,
            ).select(list(FAULTS))
        )
        values = rows.filter(pl.col("value").is_not_null() & pl.col("is_readable")).select(list(PAST))
        past = pl.concat([past, values, profile_past(every)]).filter(pl.col("year") > year - OLDEST)
    if today is not None:
        found += [_years_to_come(result, today) for result in distinct]
    told = pl.concat(found)
    return [_inspection(path, result, told) for path, result in zip(unique, results, strict=True)]


def _years_to_come(result: ReadResult, today: date) -> pl.DataFrame:
    """A fault for each submission of a file whose year has not begun: no receipt of today lets it count."""
    faults = []
    for city, year in result.submissions.filter(pl.col("year") > today.year).select("city_id", "year").iter_rows():
        rows = result.cells.filter(pl.col("city_id") == city, pl.col("year") == year)["row_number"]
        is_bulk = result.kind == "bulk"
        faults.append(
            Fault(
                "year_in_future",
                f"The reference year {year} lies after today, {today}. A submission whose year lies after its receipt "
                "counts for nothing. Correct the year, or send it when the year is over.",
                file_sha256=result.file_sha256,
                city_id=city,
                year=year,
                sheet=None if is_bulk else PROFILE,
                cell=address({}, "year", int(str(rows.min()))) if is_bulk else result.column_map.get("profile.year"),
                field="year",
                value=str(year),
            )
        )
    return faults_frame(faults)


def columns_of(results: Sequence[ReadResult]) -> pl.DataFrame:
    """Column letters and places of the profile of some files, as `screening.form_rows` takes them."""
    names = sorted({name for result in results for name in result.column_map})
    return pl.DataFrame(
        {
            "file_sha256": [result.file_sha256 for result in results],
            **{name: [result.column_map.get(name) for result in results] for name in names},
        },
        schema={**COLUMN_MAP, **dict.fromkeys(names, pl.String)},
    )


def _inspection(path: Path, result: ReadResult, told: pl.DataFrame) -> Inspection:
    """What was found in one file, the gravest first."""
    own = told.filter(pl.col("file_sha256") == result.file_sha256)
    is_given = pl.any_horizontal(
        pl.col(name).is_not_null() for name in ("numerator", "result", "numerator_text", "result_text")
    )
    return Inspection(
        path=path,
        result=result,
        n_reported=result.cells.filter(is_given).height,
        findings=in_reading_order(pl.concat([result.faults, _beside(result.faults, own)])),
    )


def _beside(faults: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Findings of the rules, without those of the profile at a cell that could not be read: the reader has told it."""
    place = ["city_id", "year", "sheet", "cell"]
    unread = faults.filter(pl.col("severity") == "error").select(place).drop_nulls("cell").unique()
    marked = own.join(unread.with_columns(told=True), on=place, how="left", nulls_equal=True, maintain_order="left")
    return marked.filter(pl.col("told").is_null() | pl.col("data_point").is_not_null()).drop("told")


def in_reading_order(findings: pl.DataFrame) -> pl.DataFrame:
    """Findings, the gravest first, then by city, year and place in the form."""
    row = pl.col("cell").str.extract(r"(\d+)").cast(pl.Int64, strict=False)
    return findings.sort(
        pl.col("severity").replace_strict(_ORDER, default=3),
        "city_id",
        "year",
        pl.when(pl.col("sheet").is_null()).then(0).when(pl.col("sheet") == PROFILE).then(1).otherwise(2),
        row,
        "cell",
        "rule",
        nulls_last=False,
        maintain_order=True,
    )
