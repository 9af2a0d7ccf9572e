"""Receipts: what is known of a submission beside its content."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from intake import receipts as module
from intake.acceptance import read_acceptances
from intake.receipts import Receipt, read_receipts, receipt_path, write_receipts
from intake.tables import CITIES, RECEIPTS, SUBMISSIONS

SHA = "a" * 64
HEADER = "city_id,year,received_at,received_from,verification_mode,verification_outcome,verified_on,verifier,consent"
GOOD = "no-rana,2020,2021-03-01T10:00:00Z,Mayor's office,remote,verified,2021-05-02,A. Verifier,scores"


def submissions(*keys: tuple[str, int], name: str | None = None) -> pl.DataFrame:
    rows = [{"file_sha256": SHA, "city_id": city, "year": year, "city_name": name} for city, year in keys]
    return pl.DataFrame(rows, schema=dict(SUBMISSIONS))


def register(*cities: str) -> pl.DataFrame:
    rows = [{"city_id": city, "name": "Ålesund", "aliases": "Aalesund"} for city in cities]
    return pl.DataFrame(rows, schema=dict(CITIES))


def read(
    tmp_path: Path, *lines: str, keys: tuple[tuple[str, int], ...] = (("no-rana", 2020),), header: str = HEADER
) -> tuple[list[dict[str, object]], list[tuple[str, str]]]:
    path = tmp_path / "a.xlsx"
    receipt_path(path).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    rows, faults = read_receipts({SHA: path}, submissions(*keys), register("no-rana", "no-asker"))
    assert rows.schema == dict(RECEIPTS)
    assert set(faults["file_sha256"]) <= {SHA}
    return rows.to_dicts(), faults.select("rule", "message").rows()


def test_a_good_receipt_is_read_whole(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, GOOD)
    assert faults == []
    assert rows == [
        {
            "file_sha256": SHA,
            "city_id": "no-rana",
            "year": 2020,
            "received_at": datetime(2021, 3, 1, 10, tzinfo=UTC),
            "verification_mode": "remote",
            "verification_outcome": "verified",
            "verified_on": date(2021, 5, 2),
            "consent": "scores",
            "accepted": None,
            "verdicts": None,
        }
    ]


@pytest.mark.parametrize(("named", "counts"), [(SHA, True), (SHA.upper(), True), ("", True), ("b" * 64, False)])
def test_a_file_that_is_not_the_one_received_counts_for_nothing(named: str, counts: bool, tmp_path: Path) -> None:
    rows, faults = read(tmp_path, f"{GOOD},{named}", header=f"{HEADER},file_sha256")
    assert (len(rows) == 1, [rule for rule, _ in faults]) == (counts, [] if counts else ["other_file"])
    assert counts or f"the file has the SHA-256 {SHA}" in faults[0][1]


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "bulk.parquet"
    given = [
        Receipt("no-rana", 2021, datetime(2022, 1, 2, 3, 4, 5, tzinfo=UTC), consent="report"),
        Receipt(
            "no-asker", 2020, datetime(2021, 1, 1, tzinfo=UTC), "desk", "onsite", "rejected", date(2021, 2, 1), "V"
        ),
    ]
    write_receipts(path, given)
    keys = submissions(("no-rana", 2021), ("no-asker", 2020))
    rows, faults = read_receipts({SHA: path}, keys, register("no-rana", "no-asker"))
    assert faults.is_empty()
    persons = {"received_from": None, "verifier": None}
    read_back = {Receipt(**row) for row in rows.drop("file_sha256").to_dicts()}
    assert read_back == {replace(one, **persons) for one in given}
    assert "desk" in receipt_path(path).read_text()


def test_no_person_goes_beyond_the_receipt(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, GOOD)
    assert "A. Verifier" in GOOD
    assert not {"A. Verifier", "Mayor's office"} & set(rows[0].values())


def test_a_city_that_is_not_named_shows_scores_at_most(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    moment = datetime(2022, 1, 2, tzinfo=UTC)
    words = {2019: "none", 2020: "scores", 2021: "values", 2022: "report"}
    write_receipts(path, [Receipt("no-rana", year, moment.replace(year=2023), consent=words[year]) for year in words])
    known = register("no-rana").with_columns(pseudonym=pl.lit("town-4f"))
    rows, _ = read_receipts({SHA: path}, submissions(*(("no-rana", year) for year in words)), known)
    assert rows["consent"].to_list() == ["none", "scores", "scores", "scores"]


def test_a_city_that_became_part_of_another_can_submit_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    moment = datetime(2023, 1, 2, tzinfo=UTC)
    write_receipts(path, [Receipt("no-rana", year, moment) for year in (2019, 2020, 2021)])
    known = register("no-rana").with_columns(ended_on=pl.lit(date(2020, 7, 1)), merged_into=pl.lit("no-asker"))
    rows, faults = read_receipts({SHA: path}, submissions(*(("no-rana", year) for year in (2019, 2020, 2021))), known)
    assert rows["year"].to_list() == [2019]
    assert [(row["rule"], row["year"]) for row in faults.filter(rule="city_ended").to_dicts()] == [
        ("city_ended", 2020),
        ("city_ended", 2021),
    ]
    assert "became part of no-asker" in faults.filter(rule="city_ended")["message"][0]


def test_a_file_without_receipt_counts_for_nothing(tmp_path: Path) -> None:
    rows, faults = read_receipts({SHA: tmp_path / "a.xlsx"}, submissions(("no-rana", 2020)), register("no-rana"))
    assert rows.is_empty()
    fault = faults.row(0, named=True)
    assert (fault["rule"], fault["severity"]) == ("receipt_missing", "error")
    assert fault["message"].startswith("a.xlsx.receipt.csv is missing")


def test_a_refused_file_needs_no_receipt(tmp_path: Path) -> None:
    rows, faults = read_receipts({SHA: tmp_path / "a.xlsx"}, submissions(), register())
    assert (rows.height, faults.height) == (0, 0)


@pytest.mark.parametrize(
    ("line", "rule", "says"),
    [
        (GOOD.replace("no-rana", "no-asker"), "receipt_mismatch", "the file holds no-rana 2020"),
        (GOOD.replace(",2020,", ",2019,"), "receipt_mismatch", "is for 'no-rana' '2019'"),
        (GOOD.replace("2021-03-01T10:00:00Z", "in March"), "bad_date", "'in March' is no date and time"),
        (GOOD.replace("2021-03-01T10:00:00Z", ""), "bad_date", "'' is no date and time"),
        (GOOD.replace("2021-03-01T10:00:00Z", "2019-03-01"), "year_in_future", "2020 lies after the receipt in 2019"),
    ],
)
def test_a_line_that_cannot_be_used_is_left_out(tmp_path: Path, line: str, rule: str, says: str) -> None:
    rows, faults = read(tmp_path, line)
    assert rows == []
    assert faults[0][0] == rule
    assert says in faults[0][1]
    assert faults[0][1].startswith("a.xlsx.receipt.csv, line 2, column ")


@pytest.mark.parametrize(
    ("old", "new", "rule", "field", "value"),
    [
        ("remote", "by phone", "unknown_word", "verification_mode", None),
        (",verified,", ",approved,", "unknown_word", "verification_outcome", "pending"),
        ("scores", "everything", "unknown_word", "consent", "none"),
        (",scores", ",", "consent_missing", "consent", "none"),
        ("2021-05-02", "2 May", "bad_date", "verified_on", None),
    ],
)
def test_a_word_that_is_unknown_takes_the_cautious_value(
    tmp_path: Path, old: str, new: str, rule: str, field: str, value: str | None
) -> None:
    rows, faults = read(tmp_path, GOOD.replace(old, new))
    assert rows[0][field] == value
    assert [fault[0] for fault in faults] == [rule]


def test_each_city_and_year_of_a_file_needs_its_line(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, GOOD, keys=(("no-rana", 2020), ("no-rana", 2021)))
    assert [row["year"] for row in rows] == [2020]
    assert [fault[0] for fault in faults] == ["receipt_missing"]
    assert "no line for no-rana 2021" in faults[0][1]


def test_two_lines_for_one_submission_are_refused(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, GOOD, GOOD.replace("scores", "none"))
    assert rows == []
    assert faults == [("duplicate_receipt", "a.xlsx.receipt.csv has no-rana 2020 in lines 2 and 3. Keep one.")]


def test_a_receipt_without_its_key_columns_is_refused(tmp_path: Path) -> None:
    rows, faults = read(tmp_path, GOOD, header=HEADER.replace("received_at", "date"))
    assert rows == []
    assert faults[0][0] == "renamed_header"


def test_a_receipt_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    receipt_path(path).write_bytes(b"\xff\xfe\x00")
    _, faults = read_receipts({SHA: path}, submissions(("no-rana", 2020)), register("no-rana"))
    assert faults["rule"].to_list() == ["receipt_unreadable"]


def test_times_with_a_zone_become_utc_and_bare_dates_midnight(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, GOOD.replace("2021-03-01T10:00:00Z", "2021-03-01T10:00:00+02:00"))
    assert rows[0]["received_at"] == datetime(2021, 3, 1, 8, tzinfo=UTC)
    rows, _ = read(tmp_path, GOOD.replace("2021-03-01T10:00:00Z", "2021-03-01"))
    assert rows[0]["received_at"] == datetime(2021, 3, 1, tzinfo=UTC)


def test_a_city_that_is_not_registered_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    write_receipts(path, [Receipt("xx-new", 2020, datetime(2021, 1, 1, tzinfo=UTC))])
    _, faults = read_receipts({SHA: path}, submissions(("xx-new", 2020)), register("no-rana"))
    fault = faults.row(0, named=True)
    assert (fault["rule"], fault["severity"], fault["city_id"]) == ("unknown_city", "error", "xx-new")


@pytest.mark.parametrize(
    ("name", "is_other"), [("A\u030alesund", False), ("ALESUND", False), ("aalesund", False), ("Bergen", True)]
)
def test_names_compare_over_case_marks_and_unicode_forms(tmp_path: Path, name: str, is_other: bool) -> None:
    path = tmp_path / "a.xlsx"
    write_receipts(path, [Receipt("no-rana", 2020, datetime(2021, 1, 1, tzinfo=UTC))])
    _, faults = read_receipts({SHA: path}, submissions(("no-rana", 2020), name=name), register("no-rana"))
    assert faults["rule"].to_list() == (["other_name"] if is_other else [])


def test_what_a_verifier_accepts_is_kept_and_what_cannot_be_accepted_is_told(tmp_path: Path) -> None:
    text = "jump @ EC_P_IN_2C.main = New university | denominator_zero @ EC_P_IN_2C.main = No | odd = x | nonsense"
    good, faults = read_acceptances(text)
    assert [(one.rule, one.data_point, one.reason) for one in good] == [("jump", "EC_P_IN_2C.main", "New university")]
    assert [
        part in fault for part, fault in zip(("is an error", "no rule 'odd'", "is no entry"), faults, strict=True)
    ] == [
        True,
        True,
        True,
    ]


# What stands in a column of a receipt, as written by us first, then as people and programs leave it.
CONTENTS: dict[str, list[str]] = {
    "city_id": ["no-rana"] * 9 + ["NO-RANA", " no-rana", "no-asker", "", "ẞ", '"no-rana"'],
    "year": ["2020"] * 12 + ["2019", "2020.0", " 2020", "٢٠٢٠", ""],
    "received_at": ["2021-03-01T10:00:00Z"] * 9
    + [
        "2020-12-31T23:59:59Z",
        "2021-03-01",
        "2021-03-01T10:00:00+02:00",
        "2019-01-01T00:00:00Z",
        "2021-02-30T10:00:00Z",
    ]
    + ["2021-03-01T24:00:00Z", "2021-03-01T10:00:60Z", "2021-03-01T10:00:00z", "٢021-03-01T10:00:00Z", ""],
    "received_from": ["", "Mayor's office", '"Office, harbour"', "Ålesund kommune", " "],
    "verification_mode": ["onsite", "remote", "", "", "Remote", "by mail", " "],
    "verification_outcome": ["verified"] * 6 + ["pending", "rejected", "partly_verified", "", "Verified", "good"],
    "verified_on": ["2021-05-02"] * 6 + ["", "", "2021-5-2", "2021-02-30", "0000-01-01", " "],
    "verifier": ["A. Verifier", ""],
    "consent": ["scores"] * 6 + ["none", "values", "report", "", "Values", "some"],
    "accepted": [""] * 9 + ["jump @ EC_ICT_ICT_1C.main = checked", "jump", " "],
    "verdicts": [""] * 9 + ["EC_ICT_ICT_1C.main = NO", "x"],
    "file_sha256": [""] * 9 + [SHA, "FILE", "FILE UPPER", " "],
}
FRAMES = ["{line}\n"] * 16 + [
    "{line}",
    "\n{line}\n",
    "{line}\n{line}\n",
    "{line}\r\n",
    "",
    "{line},\n",
    "{line}\n,,\n",
    "x\0{line}",
]


def test_plain_receipts_are_read_all_at_once_as_they_are_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(2026)
    places, held = {}, []
    for at in range(600):
        sha = f"{at:064x}"
        odd = draw.random() < 0.7  # else as we write them
        fields = {
            name: draw.choice(some if odd and draw.random() < 0.3 else some[:1]) for name, some in CONTENTS.items()
        }
        fields["file_sha256"] = {"FILE": sha, "FILE UPPER": sha.upper()}.get(
            fields["file_sha256"], fields["file_sha256"]
        )
        header = ",".join(fields) if draw.random() < 0.95 else HEADER
        frame = draw.choice(FRAMES) if draw.random() < 0.3 else FRAMES[0]
        places[sha] = tmp_path / f"{at}.xlsx"
        receipt_path(places[sha]).write_bytes(f"{header}\n{frame.format(line=','.join(fields.values()))}".encode())
        keys = [("no-rana", 2020)] + [("no-asker", 2020)] * (draw.random() < 0.05)
        held += [{"file_sha256": sha, "city_id": city, "year": year, "city_name": "Ålesund"} for city, year in keys]
    submitted, cities = pl.DataFrame(held, schema=dict(SUBMISSIONS)), register("no-rana", "no-asker")
    lines = {sha: module.plain_receipt(str(path)) for sha, path in places.items()}
    at_once = module._plain(lines, submitted)
    assert 150 < at_once.height < 450  # both ways are gone
    both = read_receipts(places, submitted, cities)
    read_before = read_receipts(places, submitted, cities, lines)
    assert all(one.equals(other) for one, other in zip(read_before, both, strict=True))
    monkeypatch.setattr(module, "_plain", lambda *_: at_once.clear())
    one_by_one = read_receipts(places, submitted, cities)
    assert both[0].equals(one_by_one[0])
    assert both[1].equals(one_by_one[1])
