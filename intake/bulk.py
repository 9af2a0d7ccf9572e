"""Bulk history: one long CSV or Parquet file with the form's columns, into the tables of intake.

What belongs here: the same readings as of a workbook, done for all rows at once. What does not: the file
(`long_table.py`) and how a single text is read (`numbers.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from intake import numbers, tables
from intake.long_table import LongTable, batches, open_table
from intake.points import Lookup, key, lookup_of
from intake.tables import Fault, ReadResult, Severity
from intake.units import PROFILE_UNITS, doubt, factor_of, in_unit
from intake.xlsx import Refused
from ssc_index.framework.catalogue import Catalogue

REQUIRED = ("city_id", "year", "data_point")
FLAGS = ("is_reported", "is_verified")
TEXTS = ("source", "source_details", "comment")
KEYS = list(REQUIRED)
OPTIONAL = (*tables.NUMBER_FIELDS, *FLAGS, "quality", "origin", *TEXTS, "framework_version")
PROFILE = ("city_name", "currency", *tables.PROFILE_NUMBERS)
COLUMNS = (*REQUIRED, *OPTIONAL, "unit", *PROFILE)

# Of one rule in one file so many faults are listed; one more says how many there are.
MAX_LISTED = 1000

_FIELD_OF_HEADER = {key(name): name for name in COLUMNS} | {
    "reported": "is_reported",
    "verified": "is_verified",
    "code": "data_point",
    "area": "area_km2",
    "gdp": "city_gdp",
    "inflation": "inflation_pct",
}
_SEVERITIES: Mapping[str, Severity] = {"number_as_text": "note", "unit_converted": "note", "other_unit": "warning"}


@dataclass
class _Faults:
    """Faults of one file; long lists are cut, with a word about the rest."""

    file_sha256: str
    lookup: Lookup
    found: list[Fault] = field(default_factory=list)
    counts: Counter[tuple[str, str, Severity]] = field(default_factory=Counter)

    def add(self, rule: str, message: str, severity: Severity, name: str, value: str | None = None) -> None:
        """Report one fault of the whole file."""
        self.found.append(Fault(rule, message, severity, file_sha256=self.file_sha256, field=name, value=value))

    def add_rows(
        self,
        rule: str,
        rows: pl.DataFrame,
        name: str,
        message: Callable[[str], str] | None = None,
        severity: Severity = "error",
    ) -> None:
        """Report a fault for each row, with its line.

        Args:
            rule: Code of the rule.
            rows: Columns ``line`` and ``found``; ``city_id``, ``year`` and ``data_point`` where known.
            name: Field that is at fault.
            message: From the text found to the sentence; None where it stands in the column ``told``.
            severity: Of each fault.
        """
        listed = self.counts[rule, name, severity]
        self.counts[rule, name, severity] += rows.height
        for row in rows.head(max(0, MAX_LISTED - listed)).iter_rows(named=True):
            point = row.get("data_point")
            found = "" if row["found"] is None else str(row["found"])
            self.found.append(
                Fault(
                    rule,
                    row["told"] if message is None else message(found),
                    severity,
                    file_sha256=self.file_sha256,
                    city_id=row.get("city_id"),
                    year=row.get("year"),
                    cell=tables.address({}, name, row["line"]),
                    kpi_code=self.lookup.kpi_codes.get(point or ""),
                    data_point=point,
                    field=name,
                    value=row["found"],
                )
            )

    def frame(self) -> pl.DataFrame:
        """All faults, with one more for each list that was cut."""
        for (rule, name, severity), count in sorted(self.counts.items()):
            if count > MAX_LISTED:
                rest = f"{count - MAX_LISTED} more lines have the same fault in column {name}."
                self.add(rule, rest, severity, name)
        self.counts.clear()
        return tables.faults_frame(self.found)


def read_bulk(
    path: Path, file_sha256: str, catalogue: Catalogue, keep: Callable[[pl.DataFrame], None] | None = None
) -> ReadResult:
    """Read a bulk file, a batch of lines at a time.

    The file is gone through twice: once for keys that stand in several lines, once for everything. So no more than a
    batch and the lines that are double need be held.

    Args:
        path: CSV (UTF-8; comma, semicolon or tab) or Parquet.
        file_sha256: Its SHA-256, which every row carries.
        catalogue: The KPI catalogue.
        keep: Takes the cells batch by batch; without it the result holds them.

    Returns:
        Rows of every city and year in it, with the faults of the rest.

    Raises:
        Refused: If it is no such file, or its key columns are not there.
    """
    faults = _Faults(file_sha256, lookup_of(catalogue))
    table = open_table(path)
    names = _names(table.columns, faults)
    absent = [pl.lit(None, pl.String).alias(name) for name in OPTIONAL if name not in names.values()]
    double = _double_keys(table, {column: name for column, name in names.items() if name in REQUIRED}, faults.lookup)
    held: list[pl.DataFrame] = []
    profiles, suspect, versions = [], [tables.empty(tables.CELLS)], Counter[str]()
    for batch in batches(table, list(names)):
        frame = _of_edition(batch.rename(names).with_columns(absent), catalogue.version, versions)
        frame = _keyed(frame, faults)
        profiles.append(_profiles(frame))
        cells = _cells(frame, faults)
        if len(double):
            is_double = cells.select(KEYS).hash_rows().is_in(double)
            suspect.append(cells.filter(is_double))
            cells = cells.filter(~is_double)
        (keep or held.append)(cells)
    _report_versions(versions, catalogue.version, faults)
    submissions = _submissions(pl.concat(profiles), faults) if profiles else tables.empty(tables.SUBMISSIONS)
    if submissions.is_empty() and not any(fault.severity == "error" for fault in faults.found):
        raise Refused("empty_file", "The file has headers but no lines that are filled in. Send it again.")
    (keep or held.append)(_judged(pl.concat(suspect), faults))
    return ReadResult(
        file_sha256=file_sha256,
        kind="bulk",
        status="read" if submissions.height else "refused",
        framework_version=max(versions, key=lambda name: (name == catalogue.version, name), default=None),
        column_map={},
        submissions=submissions,
        cells=pl.concat([tables.empty(tables.CELLS), *held]).sort("row_number"),
        faults=faults.frame(),
    )


def _double_keys(table: LongTable, names: Mapping[str, str], lookup: Lookup) -> pl.Series:
    """Hashes of the keys that stand in several lines; 8 bytes a line are held."""
    hashes = []
    for batch in batches(table, list(names)):
        keyed = _keyed(batch.rename(names), _Faults("", lookup))
        hashes.append(keyed.select(KEYS).hash_rows())
    if not hashes:
        return pl.Series([], dtype=pl.UInt64)
    ordered = pl.concat(hashes).sort()
    return ordered.filter(ordered == ordered.shift()).unique()


def _names(columns: Sequence[str], faults: _Faults) -> dict[str, str]:
    """Our field for each column of the file that has one; refuses the file where a key column is not there."""
    names: dict[str, str] = {}
    for column in columns:
        name = _FIELD_OF_HEADER.get(key(column))
        if name is not None and name in names.values():
            raise Refused("duplicate_header", f"Column {name!r} stands twice. Remove one of them.")
        if name is not None:
            names[column] = name
    given = set(names.values())
    missing = [name for name in REQUIRED if name not in given]
    missing += [] if given & {"numerator", "result"} else ["result"]
    if missing:
        listed = ", ".join(repr(column[:40]) for column in columns[:20])
        raise Refused(
            "renamed_header",
            f"Column {' and '.join(map(repr, missing))} was not found; the file has {listed}. "
            f"Name the columns {', '.join(name.removeprefix('is_') for name in COLUMNS[:8])} …",
        )
    for name in ("numerator", "denominator", "result", "is_verified"):
        if name not in given:
            said = f"There is no column {name.removeprefix('is_')!r}; it counts as blank in every line."
            faults.add("missing_column", said, "note", name)
    return names


def _of_edition(frame: pl.DataFrame, expected: str, versions: Counter[str]) -> pl.DataFrame:
    """Rows of this edition of the framework; counts the editions named. A row that names none belongs to it."""
    column = frame.get_column("framework_version")
    frame = frame.drop("framework_version")
    if column.null_count() == column.len():
        return frame
    version = column.cast(pl.String).str.strip_chars()
    for name, count in version.drop_nulls().value_counts().iter_rows():
        versions[name] += count
    return frame.filter((version == expected).fill_null(True))


def _report_versions(versions: Counter[str], expected: str, faults: _Faults) -> None:
    """A fault for each other edition of the framework that the file names."""
    for other in sorted(set(versions) - {expected}):
        faults.add(
            "framework_mismatch",
            f"{versions[other]} lines are for framework {other[:80]!r}, this index uses {expected!r}; they are not "
            "read. Send them in the current edition.",
            "error",
            "framework_version",
            other,
        )


def _keyed(frame: pl.DataFrame, faults: _Faults) -> pl.DataFrame:
    """Rows whose city, year and data point are known, as keys; a fault for each of the others."""
    as_found = pl.col("city_id", "year", "data_point").cast(pl.String).str.strip_chars()
    frame = frame.with_columns(as_found).with_columns(
        pl.col("city_id").str.to_lowercase(),
        pl.col("year").str.strip_suffix(".0").cast(pl.Int16, strict=False).alias("_year"),
        _mapped(frame.get_column("data_point").cast(pl.String).str.strip_chars(), faults.lookup.data_point).alias(
            "_point"
        ),
    )
    has_city = pl.col("city_id").fill_null("") != ""
    has_year = pl.col("_year").is_between(tables.FIRST_YEAR, tables.LAST_YEAR).fill_null(False)
    has_point = pl.col("_point").is_not_null()
    good = frame.select((has_city & has_year & has_point).all()).item()
    if not good:
        bad = frame.select("line", "city_id", "year", "_year", "data_point", "_point")
        _report_keys(bad, has_city, has_year, has_point, faults)
        frame = frame.filter(has_city & has_year & has_point)
    return frame.drop("year", "data_point").rename({"_year": "year", "_point": "data_point"})


def _report_keys(
    frame: pl.DataFrame, has_city: pl.Expr, has_year: pl.Expr, has_point: pl.Expr, faults: _Faults
) -> None:
    """Faults of the rows that have no city, no year or no known data point."""
    line = pl.col("line")
    faults.add_rows(
        "city_missing",
        frame.filter(~has_city).select(line, pl.lit(None, pl.String).alias("found")),
        "city_id",
        lambda _: "The line names no city_id. Write the key of the register, for example no-karmoy.",
    )
    no_year = pl.col("year").fill_null("") == ""
    faults.add_rows(
        "year_missing",
        frame.filter(has_city & no_year).select(line, "city_id", pl.col("year").alias("found")),
        "year",
        lambda _: "The line names no year. Write the year that the data describe, for example 2024.",
    )
    faults.add_rows(
        "bad_year",
        frame.filter(has_city & ~no_year & ~has_year).select(line, "city_id", pl.col("year").alias("found")),
        "year",
        lambda found: (
            f"{found[:40]!r} is no year from {tables.FIRST_YEAR} to {tables.LAST_YEAR}. Write the year alone."
        ),
    )
    faults.add_rows(
        "unknown_kpi",
        frame.filter(has_city & has_year & ~has_point).select(
            line, "city_id", pl.col("_year").alias("year"), pl.col("data_point").alias("found")
        ),
        "data_point",
        lambda found: f"{found[:80]!r} is no data point of the catalogue. Correct the code or remove the line.",
    )


def _mapped(texts: pl.Series, find: Callable[[str], str | None]) -> pl.Series:
    """Texts through a look-up, each different text once; null where it finds nothing."""
    known = [text for text in texts.unique().to_list() if text]
    found = [find(text) for text in known]
    return texts.replace_strict(known, found, default=None, return_dtype=pl.String)


def _profiles(frame: pl.DataFrame) -> pl.DataFrame:
    """The different profiles of each city and year, figures as found, with the first line of each."""
    given = [name for name in PROFILE if name in frame.columns]
    return frame.select(
        "line", "city_id", "year", *(pl.col(name).cast(pl.String).str.strip_chars() for name in given)
    ).unique(["city_id", "year", *given], keep="first", maintain_order=True)


def _submissions(profiles: pl.DataFrame, faults: _Faults) -> pl.DataFrame:
    """One row for each city and year, with the first profile figure given of each kind."""
    given = [name for name in PROFILE if name in profiles.columns]
    for name in tables.PROFILE_NUMBERS:
        if name in given:
            profiles = _numbered(profiles, name, faults).drop(f"{name}_text")
    groups = profiles.group_by("city_id", "year", maintain_order=True).agg(
        *(pl.col(name).drop_nulls().first() for name in given),
        *(pl.col(name).drop_nulls().n_unique().alias(f"_{name}") for name in given),
        pl.col("line").first(),
    )
    for name in given:
        conflicts = groups.filter(pl.col(f"_{name}") > 1)
        faults.add_rows(
            "profile_conflict",
            conflicts.select("line", "city_id", "year", pl.col(name).cast(pl.String).alias("found")),
            name,
            partial(_conflict, name),
            "warning",
        )
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in tables.SUBMISSIONS.items() if name not in groups]
    return (
        groups.with_columns(absent)
        .with_columns(pl.lit(faults.file_sha256).alias("file_sha256"))
        .select(pl.col(name).cast(dtype) for name, dtype in tables.SUBMISSIONS.items())
        .sort("city_id", "year")
    )


def _conflict(name: str, found: str) -> str:
    return (
        f"The lines of this city and year give several values for {name}; {found!r}, the first, is used. "
        "Give one value."
    )


def _cells(frame: pl.DataFrame, faults: _Faults) -> pl.DataFrame:
    """Rows of `tables.CELLS`, duplicates not yet judged."""
    for name in tables.NUMBER_FIELDS:
        frame = _numbered(frame, name, faults)
    if "unit" in frame.columns:
        frame = _in_units(frame, faults)
    for name in FLAGS:
        frame = _flagged(frame, name, faults)
    for name, find in (("quality", faults.lookup.quality), ("origin", faults.lookup.origin)):
        frame = _coded(frame, name, find, faults)
    return frame.select(
        pl.lit(faults.file_sha256).alias("file_sha256"),
        "city_id",
        "year",
        "data_point",
        pl.lit(None, pl.String).alias("sheet"),
        pl.col("line").alias("row_number"),
        *(column for name in tables.NUMBER_FIELDS for column in (name, f"{name}_text")),
        pl.lit(False).alias("result_is_formula"),
        *FLAGS,
        "quality",
        "origin",
        *(_blank_as_null(name) for name in TEXTS),
    ).select(pl.col(name).cast(dtype) for name, dtype in tables.CELLS.items())


def _blank_as_null(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def _numbered(frame: pl.DataFrame, name: str, faults: _Faults) -> pl.DataFrame:
    """A column as numbers, with a column of the texts that were none, and a fault for each of them."""
    column = frame.get_column(name)
    number = column.cast(pl.Float64, strict=False)
    text = column.cast(pl.String)
    is_plain = (number.is_finite() & (number.abs() <= numbers.MAX_MAGNITUDE)).fill_null(False)
    is_choice = _is_choice(frame, name, faults.lookup)
    known = [other for other in ("line", "city_id", "year", "data_point") if other in frame.columns]
    odd = (
        frame.select(known)
        .with_columns(text.alias("found"), number.alias("_number"), is_choice.alias("_choice"))
        .filter(text.is_not_null() & (~is_plain | is_choice))
    )
    frame = frame.with_columns(number.alias(name), pl.lit(None, pl.String).alias(f"{name}_text"))
    if odd.is_empty():
        return frame
    asked = _asked(odd, name, faults.lookup)
    readings = [
        in_unit(_reading(text, number, is_choice), text, unit)
        for (text, number, is_choice), unit in zip(
            odd.select("found", "_number", "_choice").iter_rows(), asked, strict=True
        )
    ]
    _report_readings(odd, readings, name, faults)
    found = odd.get_column("found").str.strip_chars()
    is_missing = pl.Series([reading.is_missing for reading in readings], dtype=pl.Boolean)
    # The position of each odd row, so that its reading goes where it came from.
    places = (text.is_not_null() & (~is_plain | is_choice)).arg_true()
    return frame.with_columns(
        frame.get_column(name).scatter(places, pl.Series([reading.number for reading in readings], dtype=pl.Float64)),
        frame.get_column(f"{name}_text").scatter(places, found.set(is_missing, None)),
    )


def _asked(rows: pl.DataFrame, name: str, lookup: Lookup) -> list[str | None]:
    """The unit that each row's field is asked for in."""
    if name not in tables.NUMBER_FIELDS:
        return [PROFILE_UNITS.get(name)] * rows.height
    return [lookup.asked(point, name) for point in rows["data_point"].to_list()]


def _in_units(frame: pl.DataFrame, faults: _Faults) -> pl.DataFrame:
    """Numbers in the form's units, where the column ``unit`` names one that may be chosen; a doubt for other units."""
    unit = pl.col("unit").cast(pl.String).str.strip_chars()
    frame = frame.with_columns(pl.when(unit != "").then(unit).alias("unit"))
    is_given = pl.any_horizontal(pl.col(name).is_not_null() for name in tables.NUMBER_FIELDS)
    pairs = frame.filter(is_given & pl.col("unit").is_not_null()).select("data_point", "unit").unique()
    lookup, where = faults.lookup, ("line", *KEYS)
    judged = [
        (point, unit, factor, None if lookup.is_unit(unit, point) or factor != 1 else doubt(point, unit, printed))
        for point, unit in pairs.sort("data_point", "unit").iter_rows()
        for factor, printed in [(factor_of(point, unit), lookup.units[point].printed)]
    ]
    schema = {"data_point": pl.String, "unit": pl.String, "_factor": pl.Float64, "told": pl.String}
    frame = frame.join(
        pl.DataFrame(judged, schema=schema, orient="row"), on=["data_point", "unit"], how="left", maintain_order="left"
    )
    strange = frame.filter(is_given & pl.col("told").is_not_null())
    faults.add_rows("other_unit", strange.select(*where, "told", found="unit"), "unit", severity="warning")
    # A mass over a volume is in the form's unit whatever was chosen.
    is_changed = (pl.col("_factor") != 1) & pl.col("denominator").is_null()
    for name in ("numerator", "result"):
        at = is_changed & pl.col(name).is_not_null()
        given = pl.coalesce(f"{name}_text", pl.col(name).cast(pl.String).str.strip_suffix(".0"))
        shown = pl.format("{} {}", given, "unit")
        rows = frame.filter(at).select(*where, "_factor", "unit", pl.col(name).alias("_number"), shown.alias("found"))
        told = [_told_conversion(name, *row) for row in rows.select("_number", "unit", "_factor").iter_rows()]
        faults.add_rows("unit_converted", rows.with_columns(pl.Series("told", told, pl.String)), name, severity="note")
        frame = frame.with_columns(
            pl.when(at).then(shown).otherwise(f"{name}_text").alias(f"{name}_text"),
            pl.when(at).then(pl.col(name) * pl.col("_factor")).otherwise(name).alias(name),
        )
    return frame.drop("_factor", "told")


def _told_conversion(name: str, number: float, unit: str, factor: float) -> str:
    return f"{name}: {number:.15g} {unit} was read as {number * factor:.6g} µg/m³ (× {factor:g})."


def _is_choice(frame: pl.DataFrame, name: str, lookup: Lookup) -> pl.Series:
    """Whether each row's field is a YES or NO instead of a number."""
    if name != "result":
        return pl.repeat(False, frame.height, eager=True)
    choices = [point.id for point in lookup.points.values() if point.value_type == "yes_no"]
    return frame.get_column("data_point").is_in(choices)


def _reading(text: str, number: float | None, is_choice: bool) -> numbers.Reading:
    """A text as `numbers` reads it; a number that is none keeps its own reason."""
    if is_choice:
        return _choice(text)
    return numbers.read_number(text) if number is None else numbers.check_magnitude(number)


def _choice(text: str) -> numbers.Reading:
    """The result of a yes/no data point."""
    if numbers.says_not_reported(text):
        return numbers.Reading(None, is_missing=True)
    answer = numbers.read_yes_no(text.removesuffix(".0"))
    if answer is None:
        return numbers.Reading(None, "not_yes_no", f"{text[:60]!r} is neither YES nor NO. Write one of them.")
    return numbers.Reading(float(answer))


def _report_readings(odd: pl.DataFrame, readings: list[numbers.Reading], name: str, faults: _Faults) -> None:
    """A fault for each reading that has something to say."""
    told = odd.with_columns(
        pl.Series("_rule", [reading.rule for reading in readings], pl.String),
        pl.Series("told", [f"{name}: {reading.remark}" for reading in readings], pl.String),
    ).filter(pl.col("_rule").is_not_null())
    for rule in sorted(told["_rule"].unique().to_list()):
        faults.add_rows(rule, told.filter(pl.col("_rule") == rule), name, severity=_SEVERITIES.get(rule, "error"))


def _flagged(frame: pl.DataFrame, name: str, faults: _Faults) -> pl.DataFrame:
    """A column of YES and NO as booleans."""
    column = frame.get_column(name)
    if column.dtype == pl.Boolean:
        return frame
    text = column.cast(pl.String).str.strip_suffix(".0")
    known = [word for word in text.unique().to_list() if word is not None]
    answers = [numbers.read_yes_no(word) for word in known]
    flag = text.replace_strict(known, answers, default=None, return_dtype=pl.Boolean)
    unread = [word for word, answer in zip(known, answers, strict=True) if answer is None]
    strange = [word for word in unread if not numbers.says_not_reported(word)]
    if strange:
        faults.add_rows(
            "not_yes_no",
            frame.select("line", "city_id", "year", "data_point")
            .with_columns(text.alias("found"))
            .filter(pl.col("found").is_in(strange)),
            name,
            lambda found: f"{name}: {found[:60]!r} is neither YES nor NO, so it counts as blank. Write one of them.",
        )
    return frame.with_columns(flag.alias(name))


def _coded(frame: pl.DataFrame, name: str, find: Callable[[str], str | None], faults: _Faults) -> pl.DataFrame:
    """A column of list entries as codes."""
    text = frame.get_column(name).cast(pl.String)
    codes = _mapped(text, find)
    strange = text.is_not_null() & codes.is_null()
    if strange.any():
        rows = frame.select("line", "city_id", "year", "data_point").with_columns(text.alias("found")).filter(strange)
        rows = rows.filter(
            ~pl.col("found").is_in([word for word in rows["found"].unique() if numbers.says_not_reported(word)])
        )
        faults.add_rows(
            "unknown_code",
            rows,
            name,
            lambda found: f"{name}: {found[:80]!r} is not in the list and counts as blank.",
            "warning",
        )
    return frame.with_columns(codes.alias(name))


def _judged(cells: pl.DataFrame, faults: _Faults) -> pl.DataFrame:
    """Of rows with the same key the one that is filled; none with a fault for each where several are."""
    content = pl.any_horizontal(
        pl.col(name).is_not_null() for name in ("numerator", "result", "numerator_text", "result_text")
    )
    cells = cells.with_columns(
        content.alias("_filled"),
        content.sum().over(KEYS).alias("_n_filled"),
        pl.int_range(pl.len()).over(KEYS).alias("_nth"),
        pl.col("row_number").filter(content).cast(pl.String).str.join(" and ").over(KEYS).alias("_lines"),
    )
    double = cells.filter(pl.col("_filled") & (pl.col("_n_filled") > 1))
    faults.add_rows(
        "duplicate_data_point",
        double.select(pl.col("row_number").alias("line"), *KEYS, pl.col("_lines").alias("found")),
        "data_point",
        lambda found: f"The data point stands in lines {found}; none of them is used. Keep one of them.",
    )
    single = pl.col("_filled") & (pl.col("_n_filled") == 1)
    empty = (pl.col("_n_filled") == 0) & (pl.col("_nth") == 0)
    return cells.filter(single | empty).select(list(tables.CELLS))
