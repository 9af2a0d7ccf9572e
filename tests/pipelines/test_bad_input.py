"""Bad input of every kind at once: each is told with its place and what to do, and touches nothing else.

All bad files lie in one workspace beside the good ones and are built together. They are of the year 2015, which no
edition from 2018 on can draw on, and each holds one good data point beside what is wrong: that one must go on
wherever the file can be read at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from intake.evidence import OLDEST
from intake.receipts import receipt_path
from intake.template import HEADERS, Entry
from tests.intake.forms import PROFILE_XML, edit, replace_text, set_cell
from tests.pipelines.workspaces import (
    INTERNAL,
    YEARS,
    add_submission,
    add_to_register,
    change_receipt,
    copy_workspace,
    findings,
    invoke,
    mart_tables,
    write_bulk,
)

pytestmark = pytest.mark.xdist_group("bad_input")

BAD_YEAR = 2015
# The rows of these data points in the form: the first one, and one that is a plain count.
INTERNET, HOTSPOTS = "EC_ICT_ICT_1C.main", "EC_ICT_ICT_5C.main"
INTERNET_ROW, HOTSPOTS_ROW = 6, 11
INTERNET_KPI = "EC_ICT_ICT_1C"
BULK_HEADER = ("city_id", "year", "data_point", "numerator", "denominator", "result", "verified", "framework_version")

Change = Callable[[Path], object]


@dataclass(frozen=True)
class Bad:
    """A bad file.

    Attributes:
        name: Name of the case; the file is ``bad/<name>.xlsx`` and its city ``bad-<name>``.
        change: What is done to a good workbook to make it bad.
        told: The finding: columns of ``fact_finding`` with their values.
        says: Words that the message must hold.
        goes_on: Whether the good data point of the file still counts.
        beside: Other rules that are told of the same file.
        entries: Rows of the form beside the good one.
        receipt: Facts of the receipt.
        year: Reference year.
    """

    name: str
    change: Change
    told: dict[str, Any]
    says: tuple[str, ...]
    goes_on: bool = False
    beside: tuple[str, ...] = ()
    entries: dict[str, Entry] = field(default_factory=dict)
    receipt: dict[str, Any] = field(default_factory=dict)
    year: int = BAD_YEAR

    @property
    def city(self) -> str:
        return f"bad-{self.name}"

    @property
    def path(self) -> str:
        return f"bad/{self.name}.xlsx"


def nothing(_path: Path) -> None:
    """Leave the workbook as it is: its entries or its receipt are what is bad."""


def put(address: str, inner: str, kind: str = "n", **where: str) -> Change:
    return lambda path: set_cell(path, address, inner, kind, **where)


def cell(address: str, rule: str, value: str, name: str, **more: Any) -> dict[str, Any]:
    """What is told of a cell in the row of internet access."""
    return {
        "sheet": "KPIs",
        "cell": address,
        "kpi_code": INTERNET_KPI,
        "data_point": INTERNET,
        "value": value,
        "field": name,
        "rule": rule,
        "severity": "error",
        "year": BAD_YEAR,
        **more,
    }


def receipt_line(column: str, **row: str) -> Change:
    return lambda path: change_receipt(receipt_path(path), lambda line: {**line, **row} if column in line else line)


F, H = f"F{INTERNET_ROW}", f"H{INTERNET_ROW}"
NO_CITY: dict[str, Any] = {"city_id": None, "year": None}
GOOD = {INTERNET: Entry(60_000)}

WORKBOOKS = (
    Bad(
        "empty",
        lambda path: path.write_bytes(b""),
        {"rule": "empty_file", "severity": "error", **NO_CITY},
        ("The file is empty", "Send it again"),
        beside=("same_file_twice",),
    ),
    Bad(
        "not-a-workbook",
        lambda path: path.write_text("city;year\nx;2015\n"),
        {"rule": "not_a_workbook", "severity": "error", **NO_CITY},
        ("not an Excel workbook",),
    ),
    Bad(
        "wrong-sheet",
        lambda path: edit(path, "xl/workbook.xml", lambda xml: xml.replace('"KPIs"', '"Data"')),
        {"rule": "wrong_sheet", "sheet": "KPIs", "severity": "error", **NO_CITY},
        ("'KPIs' is missing", "'Data'", "Rename it back"),
    ),
    Bad(
        "renamed-header",
        lambda path: replace_text(path, HEADERS["numerator"], "Our number"),
        {"rule": "renamed_header", "sheet": "KPIs", "field": "numerator", "severity": "error"},
        (f"Column '{HEADERS['numerator']}' was not found", "Our number", "Rename it back"),
    ),
    Bad(
        "text",
        nothing,
        cell(F, "not_a_number", "about half", "numerator"),
        ("'about half' is text, not a number", "Type the number alone, or NR"),
        goes_on=True,
        entries={INTERNET: Entry("about half")},
    ),
    Bad(
        "error-cell",
        put(H, "<f>1/0</f><v>#DIV/0!</v>", "e"),
        cell(H, "excel_error", "#DIV/0!", "result"),
        ("#DIV/0!", "Correct the formula, or type the number"),
        goes_on=True,
        entries=GOOD,
    ),
    Bad(
        "huge",
        put(F, "<v>1e308</v>"),
        cell(F, "out_of_scale", "1e+308", "numerator"),
        ("larger than any quantity of a city", "Correct it"),
        goes_on=True,
        entries=GOOD,
    ),
    Bad(
        "nan",
        put(F, "<v>NaN</v>"),
        {key: value for key, value in cell(F, "not_finite", "", "numerator").items() if key != "value"},
        ("not a finite number", "Type the number, or NR"),
        goes_on=True,
        entries=GOOD,
    ),
    Bad(
        "fraction",
        nothing,
        cell(H, "result_is_fraction", "0.75", "result", stage="derivation"),
        # 60,000 of 80,000 households are 75 per cent.
        ("0.75 is a fraction of one", "gives 75", "Write per cent"),
        goes_on=True,
        entries={INTERNET: Entry(60_000, result=0.75)},
    ),
    Bad(
        "above-bounds",
        nothing,
        # 100,000 of 80,000 households are 125 per cent.
        cell(F, "within_bounds", "125.0", "result", stage="derivation"),
        ("125", "100, the most", "Correct the cell"),
        goes_on=True,
        entries={INTERNET: Entry(100_000)},
    ),
    Bad(
        "unknown-kpi",
        lambda path: replace_text(path, INTERNET, "EC_ICT_ICT_9C.main"),
        {"rule": "unknown_kpi", "sheet": "KPIs", "cell": f"A{INTERNET_ROW}", "value": "EC_ICT_ICT_9C.main"},
        ("'EC_ICT_ICT_9C.main' is no data point", f"Correct the code, or delete row {INTERNET_ROW}"),
        goes_on=True,
        beside=("missing_rows",),
        entries=GOOD,
        receipt={"accepted": "missing_rows = The city has no such row"},
    ),
    Bad(
        "two-rows",
        # The row of another data point gets the code of internet access.
        lambda path: replace_text(path, "EC_ICT_ICT_2C.main", INTERNET),
        {"rule": "duplicate_data_point", "sheet": "KPIs", "cell": f"A{INTERNET_ROW}", "data_point": INTERNET},
        ("stands in rows 6 and 7", "none of them is used", "Keep one"),
        goes_on=True,
        beside=("duplicate_data_point", "missing_rows"),
        entries={INTERNET: Entry(60_000), "EC_ICT_ICT_2C.main": Entry(50_000)},
    ),
    Bad(
        "no-city",
        put("B4", "", member=PROFILE_XML),
        {"rule": "city_missing", "sheet": "Profile", "field": "city_id", **NO_CITY},
        ("names no City ID", "Write the key of the register"),
    ),
    Bad(
        "no-year",
        put("B7", "", member=PROFILE_XML),
        {"rule": "year_missing", "sheet": "Profile", "field": "year", "year": None},
        ("names no Reference year", "Write the year that the data describe"),
    ),
    Bad(
        "no-such-year",
        put("B7", "<v>20155</v>", member=PROFILE_XML),
        {"rule": "bad_year", "sheet": "Profile", "cell": "B7", "value": "20155", "field": "year", "year": None},
        ("'20155' is no year from 2000 to 2100", "Write the year alone"),
    ),
    Bad(
        "future",
        nothing,
        {"rule": "year_in_future", "year": 2040, "cell": "line 2, column received_at", "severity": "error"},
        ("2040 lies after the receipt in 2016", "Correct the year of the workbook or the date of receipt"),
        entries=GOOD,
        receipt={"received_at": datetime(2016, 5, 2, tzinfo=UTC)},
        year=2040,
    ),
    Bad(
        "two-cities",
        lambda path: replace_text(path, "Inflation (%)", "City ID"),
        {"rule": "two_cities", "sheet": "Profile", "cell": "A15", "field": "city_id", "severity": "error", **NO_CITY},
        ("'City ID' 2 times", "Send one workbook for each city and year"),
        beside=("renamed_header",),
    ),
    Bad(
        "other-edition",
        lambda path: replace_text(path, "u4ssc-2022.1", "u4ssc-2017.1"),
        {"rule": "framework_mismatch", "sheet": "Profile", "cell": "B8", "value": "u4ssc-2017.1"},
        ("made for framework 'u4ssc-2017.1'", "Ask for the current form"),
    ),
    Bad(
        "unregistered",
        nothing,
        {"rule": "unknown_city", "city_id": "bad-unregistered", "value": "bad-unregistered", "severity": "error"},
        ("'bad-unregistered' is not in the register", "Add it to cities.csv, or correct the City ID"),
        entries=GOOD,
    ),
    Bad(
        "no-receipt",
        lambda path: receipt_path(path).unlink(),
        {"rule": "receipt_missing", "severity": "error", **NO_CITY},
        ("no-receipt.xlsx.receipt.csv is missing", "Write it: received_at, outcome, consent"),
        beside=("submission_not_verified",),
        entries=GOOD,
    ),
    Bad(
        "odd-words",
        receipt_line("consent", consent="maybe"),
        {"rule": "unknown_word", "cell": "line 2, column consent", "field": "consent", "value": "maybe"},
        ("'maybe' is none of none, scores, values, report", "counts as none"),
        goes_on=True,
    ),
    Bad(
        "odd-outcome",
        receipt_line("verification_outcome", verification_outcome="fine"),
        {"rule": "unknown_word", "field": "verification_outcome", "value": "fine", "severity": "error"},
        ("'fine' is none of pending, verified", "counts as pending"),
        beside=("submission_not_verified",),
    ),
    Bad(
        "no-consent",
        receipt_line("consent", consent=""),
        {"rule": "consent_missing", "field": "consent", "severity": "warning"},
        ("nothing of this submission is published", "Ask the city"),
        goes_on=True,
    ),
    Bad(
        "odd-date",
        receipt_line("received_at", received_at="2 May 2016"),
        {"rule": "bad_date", "cell": "line 2, column received_at", "value": "2 May 2016", "severity": "error"},
        ("'2 May 2016' is no date and time", "Write 2025-04-30T12:00:00Z"),
        beside=("submission_not_verified",),
    ),
    Bad(
        "other-receipt",
        receipt_line("city_id", city_id="bad-somebody-else"),
        {"rule": "receipt_mismatch", "field": "city_id", "value": "bad-somebody-else 2015", **NO_CITY},
        ("is for 'bad-somebody-else' '2015', but the file holds bad-other-receipt 2015", "Correct one of them"),
        beside=("receipt_missing", "submission_not_verified"),
    ),
    Bad(
        "garbled-receipt",
        # Longer than the longest field that Python's csv module takes.
        lambda path: receipt_path(path).write_bytes(b"\xff\x00PK" * 50_000),
        {"rule": "receipt_unreadable", "severity": "error", **NO_CITY},
        ("garbled-receipt.xlsx.receipt.csv is no CSV in UTF-8", "Save it again"),
        beside=("submission_not_verified",),
    ),
    Bad(
        "endless-receipt",
        lambda path: receipt_path(path).write_text("city_id,year,received_at\n" + "x" * 200_000),
        {"rule": "receipt_unreadable", "severity": "error", **NO_CITY},
        ("endless-receipt.xlsx.receipt.csv is no CSV", "Save it again"),
        beside=("submission_not_verified",),
    ),
)

BULK_LINES: tuple[tuple[tuple[object, ...], dict[str, Any], tuple[str, ...]], ...] = (
    (
        ("bulk-city", 2015, INTERNET, "about half", 80_000, None, "YES", None),
        {"rule": "not_a_number", "cell": "line 2, column numerator", "data_point": INTERNET, "value": "about half"},
        ("Type the number alone",),
    ),
    (
        ("bulk-city", 2015, "EC_ICT_ICT_2C.main", "1e308", 80_000, None, "YES", None),
        {"rule": "out_of_scale", "cell": "line 3, column numerator", "kpi_code": "EC_ICT_ICT_2C"},
        ("larger than any quantity",),
    ),
    (
        ("bulk-city", 2015, "EC_ICT_ICT_3C.main", "NaN", 80_000, None, "YES", None),
        {"rule": "not_finite", "cell": "line 4, column numerator", "value": "NaN"},
        ("not a finite number",),
    ),
    (
        ("bulk-city", 2015, "EC_XX_1C.main", 1, 2, None, "YES", None),
        {"rule": "unknown_kpi", "cell": "line 5, column data_point", "value": "EC_XX_1C.main"},
        ("Correct the code or remove the line",),
    ),
    (
        ("", 2015, INTERNET, 1, 2, None, "YES", None),
        {"rule": "city_missing", "cell": "line 6, column city_id"},
        ("Write the key of the register",),
    ),
    (
        ("bulk-city", "", INTERNET, 1, 2, None, "YES", None),
        {"rule": "year_missing", "cell": "line 7, column year", "city_id": "bulk-city"},
        ("Write the year",),
    ),
    (
        ("bulk-city", "soon", INTERNET, 1, 2, None, "YES", None),
        {"rule": "bad_year", "cell": "line 8, column year", "value": "soon"},
        ("'soon' is no year",),
    ),
    (
        ("bulk-city", 2015, "EC_ICT_PS_2A.main", 1, 2, None, "YES", None),
        {"rule": "duplicate_data_point", "cell": "line 9, column data_point", "data_point": "EC_ICT_PS_2A.main"},
        ("stands in lines 9 and 10", "Keep one"),
    ),
    (
        ("bulk-city", 2015, "EC_ICT_PS_2A.main", 1, 4, None, "YES", None),
        {"rule": "duplicate_data_point", "cell": "line 10, column data_point", "data_point": "EC_ICT_PS_2A.main"},
        ("none of them is used",),
    ),
    (
        ("bulk-city", 2015, INTERNET, 1, 2, None, "YES", "u4ssc-2017.1"),
        {"rule": "framework_mismatch", "cell": None, "field": "framework_version", "value": "u4ssc-2017.1"},
        ("1 lines are for framework 'u4ssc-2017.1'", "Send them in the current edition"),
    ),
    (
        ("bulk-city", 2015, "EC_ICT_WS_1C.main", 60_000, 80_000, 0.75, "YES", None),
        {"rule": "result_is_fraction", "cell": "line 12, column result", "value": "0.75"},
        ("Write per cent",),
    ),
)


@pytest.fixture(scope="module")
def bad(small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small workspace with every bad file beside the good ones, built without ``--strict``: it ends with 0."""
    root = copy_workspace(small_workspace, tmp_path_factory.mktemp("bad") / "workspace")
    registered = [one.city for one in WORKBOOKS if one.name != "unregistered"]
    add_to_register(root, *registered, "bad-twice", "bad-twice", "bulk-city", "rev-city")
    for one in WORKBOOKS:
        entries = {HOTSPOTS: Entry(78), **one.entries}
        one.change(add_submission(root, one.path, one.city, one.year, entries, **one.receipt))
    good = ("bulk-city", 2015, HOTSPOTS, 78, None, None, "YES", "u4ssc-2022.1")
    write_bulk(root / "raw" / "bad" / "lines.csv", [*(line for line, _, _ in BULK_LINES), good], BULK_HEADER)
    for name, content in (
        ("blank.csv", "\n"),
        ("headers.csv", "city,when,what\nx,2015,y\n"),
        ("damaged.parquet", "PAR1"),
    ):
        (root / "raw" / "bad" / name).write_text(content)
        receipt_path(root / "raw" / "bad" / name).write_text("city_id,year,received_at\n")
    (root / "raw" / "bad" / "second-empty.xlsx").touch()
    (root / "raw" / "bad" / "letter.docx").write_text("Dear index team")
    (root / "raw" / "bad" / "lost.xlsx.receipt.csv").write_text("city_id,year,received_at\n")
    for month, numerator in ((5, 40_000), (6, 60_000)):
        add_submission(
            root,
            f"bad/revision-{7 - month}.xlsx",
            "rev-city",
            BAD_YEAR,
            {INTERNET: Entry(numerator)},
            received_at=datetime(2016, month, 1, tzinfo=UTC),
        )
    result = invoke("build", "-w", root)
    assert result.exit_code == 0, result.output
    return root


# What a workbook that holds next to nothing is told in any case.
SPARSE = {"not_verified", "many_not_reported", "core_missing", "population_missing"}


def held(row: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in told}


@pytest.mark.parametrize("one", WORKBOOKS, ids=lambda one: one.name)
def test_a_bad_workbook_is_told_with_its_place_and_what_to_do(one: Bad, bad: Path) -> None:
    rows = [row for row in findings(bad, path=one.path) if row["severity"] != "note" or one.beside]
    told = {"city_id": one.city, "year": one.year, "severity": "error", **one.told}
    matching = [row for row in rows if held(row, told) == told]
    assert len(matching) == 1, rows
    assert matching[0]["is_quarantined"] is (told["severity"] == "error")
    for words in one.says:
        assert words in matching[0]["message"]
    assert sorted(row["rule"] for row in rows if row["rule"] not in SPARSE) == sorted([told["rule"], *one.beside])


def test_a_warning_of_reading_is_accepted_too(bad: Path) -> None:
    told = {row["path"]: row for row in findings(bad) if row["rule"] == "missing_rows"}
    accepted = told["bad/unknown-kpi.xlsx"]
    assert accepted["severity"] == "note"
    assert accepted["message"].endswith("Accepted by the verifier: The city has no such row")
    assert told["bad/two-rows.xlsx"]["severity"] == "warning"


@pytest.mark.parametrize("one", WORKBOOKS, ids=lambda one: one.name)
def test_the_good_rows_of_a_readable_file_go_on(one: Bad, bad: Path) -> None:
    values = mart_tables(bad)["fact_value"].filter(city_id=one.city, edition=one.year)
    # Nothing but the good data point: what is wrong never reaches a value.
    assert values.select("data_point", "value").rows() == ([(HOTSPOTS, 78.0)] if one.goes_on else [])


@pytest.mark.parametrize(
    ("line", "told", "says"), BULK_LINES, ids=lambda value: value["rule"] if isinstance(value, dict) else ""
)
def test_a_bad_line_of_a_bulk_file_is_told_with_its_line(
    line: tuple[object, ...], told: dict[str, Any], says: tuple[str, ...], bad: Path
) -> None:
    rows = [row for row in findings(bad, path="bad/lines.csv") if held(row, told) == told]
    assert len(rows) == 1, line
    assert rows[0]["severity"] == "error"
    for words in says:
        assert words in rows[0]["message"]


def test_the_good_line_of_a_bulk_file_goes_on_alone(bad: Path) -> None:
    values = mart_tables(bad)["fact_value"].filter(city_id="bulk-city")
    assert values.select("edition", "data_point", "value").rows() == [(BAD_YEAR, HOTSPOTS, 78.0)]
    assert len([row for row in findings(bad, path="bad/lines.csv") if row["severity"] == "error"]) == len(BULK_LINES)


@pytest.mark.parametrize(
    ("name", "rule", "says"),
    [
        ("blank.csv", "renamed_header", "Name the columns"),
        ("headers.csv", "renamed_header", "Name the columns"),
        ("damaged.parquet", "not_a_table", "Write it again"),
    ],
)
def test_a_bulk_file_that_is_refused_is_told(name: str, rule: str, says: str, bad: Path) -> None:
    (row,) = findings(bad, path=f"bad/{name}")
    assert (row["rule"], row["severity"], row["is_quarantined"]) == (rule, "error", True)
    assert says in row["message"]


def test_a_file_that_lies_in_two_places_is_told_of_the_second(bad: Path) -> None:
    """Two empty files hold the same bytes; without this the second sender would never hear of it."""
    (row,) = findings(bad, rule="same_file_twice")
    assert (row["value"], row["severity"]) == ("bad/second-empty.xlsx", "warning")
    assert "the same file as bad/empty.xlsx, which alone counts" in row["message"]


@pytest.mark.parametrize(
    ("rule", "value"), [("not_a_submission", "bad/letter.docx"), ("receipt_without_file", "bad/lost.xlsx.receipt.csv")]
)
def test_what_does_not_belong_below_raw_is_told(rule: str, value: str, bad: Path) -> None:
    (row,) = findings(bad, rule=rule)
    assert (row["value"], row["severity"], row["field"]) == (value, "error", "file")
    assert "remove it" in row["message"]


def test_a_city_that_stands_twice_in_the_register_is_told_by_its_lines(bad: Path) -> None:
    (row,) = findings(bad, rule="same_city_twice", severity="error")
    assert (row["city_id"], row["field"], row["value"]) == ("bad-twice", "city_id", "bad-twice")
    assert "the first is used. Remove one." in row["message"]
    assert row["cell"] in row["message"]


def test_of_two_revisions_the_later_one_counts_and_both_are_kept(bad: Path) -> None:
    marts = mart_tables(bad)
    values = marts["fact_value"].filter(city_id="rev-city", edition=BAD_YEAR)
    # The second was received in June: 60,000 of 80,000 households.
    assert values["value"].to_list() == [75.0]
    kept = marts["dim_submission"].filter(city_id="rev-city").sort("received_at")
    assert kept["is_latest"].to_list() == [False, True]
    assert kept["path"].to_list() == ["bad/revision-2.xlsx", "bad/revision-1.xlsx"]


def test_no_other_file_is_affected(bad: Path, small_workspace: Path) -> None:
    """Every fact of the editions of the good files is as it is without the bad ones."""
    after, before = mart_tables(bad, INTERNAL), mart_tables(small_workspace, INTERNAL)
    compared = [name for name, frame in before.items() if "edition" in frame.columns]
    assert {"fact_value", "fact_score", "fact_benchmark", "fact_peer", "dim_edition", "ranking"} <= set(compared)
    for name in compared:
        kept = after[name].filter(pl.col("edition").is_in(YEARS))
        if "edition_before" in kept.columns:
            # The files of 2015 are an edition before the first good one: that it is compared with them is right.
            kept = kept.filter(pl.col("edition_before").is_in(YEARS))
        assert kept.rows() == before[name].rows(), name
    good = ~after["fact_finding"]["path"].str.starts_with("bad/").fill_null(True)
    told = after["fact_finding"].filter(good)
    # While too few cities have reported a year, a value is compared with what others gave last: with files of 2015 too.
    beside = (pl.col("rule") == "unlike_peers") & (pl.col("year") <= BAD_YEAR + OLDEST)
    assert told.filter(~beside).rows() == before["fact_finding"].filter(~beside).rows()
    assert before["fact_finding"].filter(beside).is_empty()


def test_no_city_of_a_bad_file_is_published_without_consent(bad: Path) -> None:
    public = mart_tables(bad, "ssc_index")
    named = set(public["dim_city"]["city_id"])
    # Consent is unknown or not given; the receipt is not there or says nothing of use.
    assert named.isdisjoint({"bad-odd-words", "bad-no-consent", "bad-no-receipt", "bad-unregistered"})
    assert "bad-text" in named


def test_strict_ends_with_1_after_the_same_work(bad: Path) -> None:
    before = (bad / "marts" / "ssc_index_manifest.json").read_bytes()
    result = invoke("build", "-w", bad, "--strict")
    assert result.exit_code == 1
    assert (bad / "marts" / "ssc_index_manifest.json").read_bytes() == before
    for rule in ("not_a_number", "excel_error", "out_of_scale", "not_finite", "unknown_kpi", "receipt_missing"):
        assert rule in result.output
