"""``ssc-index review``: a submission is verified by options or in a terminal, and what follows from it."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import shutil
import subprocess
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from intake.addresses import sha256_of
from intake.derive import derive_values
from intake.inspection import columns_of
from intake.reading import read_submission
from intake.receipts import Receipt, read_receipts, receipt_path, write_receipts
from intake.review import JOURNAL_SUFFIX, YES, Event, ReviewError, journal_of, read_review, record
from intake.tables import CITIES
from intake.template import Entry
from intake.verdicts import apply_verdicts
from pipelines.case import opened_case
from pipelines.walk import walk
from ssc_index.framework.catalogue import load_catalogue
from tests.pipelines.test_check import LITERACY, NET, form
from tests.pipelines.workspaces import (
    ENVIRONMENT,
    PROJECT,
    SECRET,
    YEARS,
    add_submission,
    add_to_register,
    change_receipt,
    command,
    invoke,
)

KEY = ("no-testby", 2024)
FULL = {"source": "Statistical office", "source_details": "Table 1"}
# Few small enterprises: a warning that can be accepted.
SMALL = "EC_P_IN_3A.main"
SITE = "Counted on site"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    entries = {NET: Entry(57_000, **FULL), LITERACY: Entry(74_000, 75_000, **FULL), SMALL: Entry(80, 100, **FULL)}
    return form(tmp_path_factory.mktemp("forms") / "testby.xlsx", entries)


@pytest.fixture
def file(filled: Path, tmp_path: Path) -> Path:
    """A submission of three data points that nobody has verified; one of them warns."""
    (tmp_path / "raw").mkdir()
    path = Path(shutil.copy(filled, tmp_path / "raw" / "testby.xlsx"))
    write_receipts(path, [Receipt(*KEY, datetime(2025, 3, 1, tzinfo=UTC), "desk", consent="scores")])
    return path


def review(file: Path, *options: object) -> dict[str, Any]:
    result = invoke("review", file, "--by", "V. Erifier", "--json", *options)
    assert result.exit_code == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def refused(file: Path, *options: object) -> str:
    before = journal_of(file).read()
    result = invoke("review", file, "--by", "V. Erifier", *options)
    assert result.exit_code == 2
    assert journal_of(file).read() == before
    return " ".join(result.stderr.split())


def test_it_is_told_what_comes_next(file: Path) -> None:
    def follows(*options: object) -> str:
        return invoke("review", file, "--by", "V. Erifier", *options).stdout.partition("Next: ")[2]

    assert follows().startswith("read what `ssc-index check` lists")
    assert follows("--screened").startswith("a verdict on each data point: --yes POINT")
    assert follows("--ask", f"{NET}=Which year?").startswith("what the city answers: --answer")
    (question,) = review(file)["questions"]
    assert follows("--answer", f"{question['number']}=2024").startswith("a verdict")
    assert follows("--yes", "all").startswith("the outcome: --outcome verified")
    assert follows("--outcome", "verified", "--mode", "remote") == ""


def receipt(file: Path) -> dict[str, str]:
    with receipt_path(file).open(encoding="utf-8", newline="") as lines:
        (row,) = csv.DictReader(lines)
    return row


def warning_of(told: dict[str, Any], point: str) -> str:
    (rule,) = {one["rule"] for one in told["findings"] if one["data_point"] == point and one["severity"] == "warning"}
    return rule


def test_a_submission_goes_from_received_to_verified(file: Path) -> None:
    first = review(file)
    assert (first["stage"], set(first["verdicts"].values())) == ("received", {None})
    rule = warning_of(first, SMALL)
    asked = review(file, "--screened", "--ask", f"{LITERACY}=Which census?", "--ask", "Who signs?")
    assert [(one["data_point"], one["text"]) for one in asked["questions"]] == [
        (LITERACY, "Which census?"),
        ("", "Who signs?"),
    ]
    assert asked["stage"] == "questions"
    numbers = [one["number"] for one in asked["questions"]]
    assert numbers == [1, 2]  # whatever lines of the journal they stand in
    answers = [option for number in numbers for option in ("--answer", f"{number}=The one of 2023")]
    accept = ("--accept", f"{rule} @ {SMALL} = Counted on site | twice")
    answered = review(file, *answers, *accept, "--yes", "all")
    assert answered["stage"] == "screened"
    assert set(answered["verdicts"].values()) == {"YES"}
    done = review(file, "--outcome", "verified", "--mode", "onsite", "--on", "2025-06-02", "--reason", "Well done")
    assert (done["stage"], done["mode"], done["on"], done["verifier"]) == (
        "verified", "onsite", "2025-06-02", "V. Erifier"
    )  # fmt: skip
    (told,) = [one for one in done["findings"] if one["rule"] == rule]
    assert told["severity"] == "note"
    assert "Accepted by the verifier: Counted on site / twice" in told["message"]
    row = receipt(file)
    assert (row["verification_outcome"], row["verification_mode"], row["verified_on"], row["verifier"]) == (
        "verified", "onsite", "2025-06-02", "V. Erifier"
    )  # fmt: skip
    assert (row["received_from"], row["consent"]) == ("desk", "scores")
    events = [entry["event"] for entry in done["journal"]]
    begun = ["received", "screened", "question", "question"]
    assert events == [*begun, "accepted", *["verdict"] * 3, "answer", "answer", "outcome"]


def test_questions_of_earlier_journals_keep_the_numbers_of_their_lines(file: Path) -> None:
    fields = {"at": "2026-01-01T00:00:00Z", "by": "V.", "city_id": KEY[0], "year": str(KEY[1])}
    events = [{"event": "screened"}, {"event": "question", "text": "Who?"}, {"event": "answer", "subject": "2"}]
    journal_of(file).append([{**fields, **event} for event in events])
    told = review(file, "--ask", "When?")
    assert [(one["number"], one["answer"]) for one in told["questions"]] == [(2, ""), (3, None)]


def test_two_verifiers_who_ask_at_the_same_time_ask_two_questions(file: Path) -> None:
    fields = {"at": "2026-01-01T00:00:00Z", "by": "V.", "city_id": KEY[0], "year": str(KEY[1])}
    ask = {**fields, "event": "question", "word": "1"}
    journal_of(file).append([{**fields, "event": "screened"}, {**ask, "text": "Who?"}, {**ask, "text": "When?"}])
    told = review(file, "--answer", "2=In May")
    assert [(one["text"], one["answer"]) for one in told["questions"]] == [("Who?", None), ("When?", "In May")]


def test_what_is_no_goes_into_no_value_and_the_outcome_is_partly_verified(file: Path) -> None:
    told = review(file, "--screened", "--no", f"{NET}=No source found", "--yes", "all")
    assert told["reasons"] == {NET: "No source found"}
    assert "the outcome is partly_verified" in refused(file, "--outcome", "verified", "--mode", "remote")
    review(file, "--outcome", "partly_verified", "--mode", "remote")
    result = read_submission(file, load_catalogue())
    register = pl.DataFrame([{"city_id": KEY[0], "name": "Testby"}], schema=dict(CITIES))
    receipts, faults = read_receipts({result.file_sha256: file}, result.submissions, register)
    assert faults.is_empty()
    derived = derive_values(result.cells, result.submissions, receipts, columns_of([result]), load_catalogue())
    assert set(derived.values["data_point"]) == {LITERACY, SMALL}
    assert derived.kept_out.filter(data_point=NET)["rule"].to_list() == ["not_verified"]


SCREENED = Event("screened")
ALL = [Event("verdict", point, YES) for point in (NET, LITERACY, SMALL)]
DONE = Event("outcome", "remote", "verified")


@pytest.mark.parametrize(
    ("before", "event", "says"),
    [
        ([], ALL[0], "the submission is not screened yet"),
        ([SCREENED], DONE, "3 reported data points have neither YES nor NO"),
        ([SCREENED], Event("outcome", "phone", "verified"), "'phone' is none of onsite, remote"),
        ([SCREENED], Event("outcome", "remote", "fine"), "'fine' is none of verified"),
        ([SCREENED], Event("outcome", "remote", "rejected"), "give the reason"),
        ([SCREENED, *ALL], Event("outcome", "remote", "verified", on="June"), "'June' is no date"),
        ([SCREENED, *ALL], Event("outcome", "remote", "partly_verified"), "the outcome is verified"),
        ([SCREENED, *ALL, Event("question", text="Why?")], DONE, "the city has not answered question 1"),
        ([SCREENED], Event("verdict", "EC_P_IN_2C.main", YES), "is no YES or NO of a data point that is reported"),
        ([SCREENED], Event("accepted", f"within_bounds @ {NET}", text="Fine"), "only warnings can be accepted"),
        ([SCREENED], Event("accepted", f"jump @ {NET}", "TAKEN BACK"), "is no finding that is accepted"),
        ([SCREENED], Event("answer", "9", text="Yes"), "is no answer to a question that was asked"),
        ([SCREENED], Event("question", "nowhere", text="Why?"), "is no question"),
        ([SCREENED, *ALL, DONE], Event("question", text="Why?"), "reopen it first"),
        ([SCREENED], Event("reopened", text="Mistake"), "only what has an outcome can be reopened"),
        ([SCREENED], Event("dreamt"), "'dreamt' is none of received"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_kept(
    file: Path, before: list[Event], event: Event, says: str
) -> None:
    facts = {"at": "2025-06-02T10:00:00Z", "by": "V. Erifier", "reported": dict.fromkeys((NET, LITERACY, SMALL))}
    if before:
        record(file, KEY, before, **facts)
    kept = journal_of(file).read(), receipt(file)
    # What comes after it could be done, but all is kept or nothing.
    with pytest.raises(ReviewError, match="Nothing of no-testby 2024 is recorded") as raised:
        record(file, KEY, [event, SCREENED], **facts)
    assert says in str(raised.value)
    assert (journal_of(file).read(), receipt(file)) == kept


def test_an_outcome_can_be_taken_back_with_a_reason_and_stays_in_the_journal(file: Path) -> None:
    review(file, "--screened", "--yes", "all", "--outcome", "verified", "--mode", "remote")
    told = review(file, "--reopen", "A letter of the city")
    assert told["stage"] == "screened"
    assert (receipt(file)["verification_outcome"], receipt(file)["verifier"]) == ("pending", "")
    assert [entry["event"] for entry in told["journal"]][-2:] == ["outcome", "reopened"]


def test_a_review_begins_with_what_a_receipt_written_by_hand_says(file: Path) -> None:
    written = {
        "verification_outcome": "verified", "verification_mode": "onsite", "verified_on": "2025-06-02",
        "verifier": "H. Ander", "accepted": f"few_small_enterprises @ {SMALL} = {SITE}", "verdicts": f"{NET} = YES",
    }  # fmt: skip
    change_receipt(receipt_path(file), lambda row: {**row, **written})
    first = review(file)
    assert (first["stage"], first["verifier"], first["verdicts"][NET]) == ("verified", "H. Ander", "YES")
    assert "reopen it first" in refused(file, "--screened")
    assert {name: receipt(file)[name] for name in written} == written
    told = review(file, "--reopen", "A letter of the city", "--screened")
    assert (told["stage"], told["accepted"]) == ("screened", {f"few_small_enterprises @ {SMALL}": SITE})
    assert receipt(file)["verification_outcome"] == "pending"
    assert receipt(file)["accepted"] == written["accepted"]
    events = [(one["event"], one["by"]) for one in told["journal"]]
    assert events == [
        ("received", "V. Erifier"), ("verdict", "V. Erifier"), ("accepted", "V. Erifier"), ("outcome", "H. Ander"),
        ("reopened", "V. Erifier"), ("screened", "V. Erifier"),
    ]  # fmt: skip
    assert told["journal"][3]["text"] == "taken over from the receipt by V. Erifier"


def test_what_is_verified_is_the_file_that_was_received_and_no_other_in_its_place(file: Path) -> None:
    first = review(file, "--screened", "--yes", "all")["journal"][0]
    assert (first["event"], first["subject"]) == ("received", sha256_of(file))
    assert receipt(file)["file_sha256"] == sha256_of(file)  # a build leaves out what is another
    received = file.read_bytes()
    shutil.copy(form(file.with_name("other.xlsx"), {NET: Entry(59_000, **FULL)}), file)
    assert "is not the file that was received" in refused(file, "--outcome", "verified", "--mode", "remote")
    file.write_bytes(received)
    assert review(file, "--outcome", "verified", "--mode", "remote")["stage"] == "verified"


def test_a_receipt_of_another_file_begins_no_review(file: Path) -> None:
    change_receipt(receipt_path(file), lambda row: {**row, "file_sha256": "a" * 64})
    assert "is not the file that was received" in refused(file, "--screened")
    assert receipt(file)["file_sha256"] == "a" * 64


def test_only_a_warning_that_was_found_is_accepted_whoever_found_it(file: Path) -> None:
    book = openpyxl.load_workbook(file)
    sheet = book["KPIs"]
    row = next(cell.row for cell in sheet["A"] if cell.value == SMALL)
    sheet[f"E{row}"], sheet[f"H{row}"] = "per mille", 80
    book.save(file)
    told = review(file, "--screened", "--accept", f"other_unit@{SMALL} = The sheet says per cent")
    (accepted,) = [one for one in told["findings"] if one["rule"] == "other_unit"]
    assert (accepted["severity"], "Accepted by the verifier" in accepted["message"]) == ("note", True)
    assert f"no warning jump @ {SMALL} was found" in refused(file, "--accept", f"jump @ {SMALL} = No")
    assert "no warning other_unit was found" in refused(file, "--accept", "other_unit = No")


def test_a_journal_that_was_changed_is_told_and_takes_no_more(file: Path) -> None:
    review(file, "--screened", "--yes", "all")
    place = file.with_name(file.name + JOURNAL_SUFFIX)
    place.write_text(place.read_text().replace("V. Erifier", "Somebody", 1))
    assert "does not follow" in refused(file, "--ask", "Why?")
    assert invoke("review", file, "--json").exit_code == 2


def test_a_receipt_that_was_left_behind_is_brought_up_to_the_journal(file: Path) -> None:
    left = receipt_path(file).read_text()
    review(file, "--screened", "--yes", "all", "--outcome", "verified", "--mode", "remote")
    whole = receipt_path(file).read_text()
    receipt_path(file).write_text(left)
    review(file)
    assert receipt_path(file).read_text() == whole


def test_without_a_receipt_nothing_is_kept(file: Path) -> None:
    receipt_path(file).unlink()
    with pytest.raises(ReviewError, match="is missing"):
        record(file, KEY, [Event("screened")], at="2025-01-01T00:00:00Z", by="V", reported={})
    assert read_review(file, KEY)[0].entries == []


def test_nobody_decides_without_a_name(file: Path) -> None:
    with pytest.raises(ReviewError, match="nobody is named"):
        record(file, KEY, [Event("screened")], at="2025-01-01T00:00:00Z", by=" ", reported={})


def test_verdicts_change_no_other_cell() -> None:
    cells = pl.DataFrame(
        {"file_sha256": "f", "city_id": "x", "year": [2024] * 3, "data_point": [NET, LITERACY, SMALL],
         "is_verified": [None, True, True]},
        schema_overrides={"year": pl.Int16},
    )  # fmt: skip
    receipts = pl.DataFrame(
        {"file_sha256": "f", "city_id": "x", "year": [2024], "verdicts": [f"{NET} = YES | {LITERACY} = NO"]},
        schema_overrides={"year": pl.Int16},
    )
    assert apply_verdicts(cells, receipts)["is_verified"].to_list() == [True, False, True]
    assert apply_verdicts(cells, receipts.with_columns(city_id=pl.lit("y"))).equals(cells)


# --- in a terminal -----------------------------------------------------------------------------------------------


def walked(file: Path, *given: str) -> list[str]:
    """Walk through with these answers; the prompts that were shown."""
    left, prompts = list(given), []

    def read(prompt: str) -> str:
        prompts.append(prompt)
        if not left:
            raise EOFError
        return left.pop(0)

    walk(opened_case(file), "V. Erifier", read)
    assert left == []
    return prompts


def test_the_walk_can_be_ended_anywhere_and_gone_on_with(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walked(file, "y", "a", "The first report", "n", "y", "x")
    assert "Go on with: ssc-index review" in capsys.readouterr().out
    case = opened_case(file)
    assert sorted(case.verdicts.values(), key=str) == [None, None, True]
    prompts = walked(file, "what?", "n", "a", SITE, "n", "The link is dead", "y", "p", "r", "")
    assert "Pass them all?" in prompts[0]
    case = opened_case(file)
    assert case.review.outcome == "partly_verified"
    assert list(case.review.reasons.values()) == ["The link is dead"]
    assert case.review.accepted == {"many_not_reported": "The first report", f"few_small_enterprises @ {SMALL}": SITE}


def test_a_question_keeps_the_outcome_open_until_it_is_answered(file: Path) -> None:
    walked(file, "y", "s", "y", "q", "Who counted?", "")
    case = opened_case(file)
    assert (case.review.stage, len(case.review.open_questions)) == ("questions", 1)
    walked(file, "The network office", "y", "v", "o", "")
    case = opened_case(file)
    assert (case.review.outcome, case.review.mode) == ("verified", "onsite")


TYPED = {
    "screened?": "y",
    "Is it in order?": "s",
    "Pass them all?": "y",
    "Verified?": "n",
    "Why not?": "No source",
    "Outcome?": "p",
    "How was it": "r",
    "Remark": "",
}


@pytest.mark.slow
def test_a_verifier_sits_at_a_terminal(file: Path) -> None:
    main, inner = pty.openpty()
    environment = {**os.environ, **ENVIRONMENT, "TERM": "dumb", "SSC_INDEX_VERIFIER": "V. Erifier"}
    process = subprocess.Popen(
        command("verify", file), stdin=inner, stdout=inner, stderr=inner, cwd=PROJECT, env=environment, close_fds=True
    )
    os.close(inner)
    shown = ""
    try:
        for wait_for, send in TYPED.items():
            shown = read_until(main, shown, wait_for)
            os.write(main, f"{send}\n".encode())
            shown = ""
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(main)
    assert receipt(file)["verification_outcome"] == "partly_verified"
    assert receipt(file)["verifier"] == "V. Erifier"


def read_until(descriptor: int, shown: str, words: str) -> str:
    until = time.monotonic() + 300
    while words not in shown:
        assert time.monotonic() < until, f"waited for {words!r}, got {shown!r}"
        if select.select([descriptor], [], [], 1)[0]:
            shown += os.read(descriptor, 65536).decode(errors="replace")
    return shown


def everything_in(folder: Path) -> str:
    """All text of the pages and workbooks of a folder."""
    parts = [path.read_bytes() for path in folder.glob("*.html")]
    for path in folder.glob("*.xlsx"):
        with zipfile.ZipFile(path) as book:
            parts += [book.read(name) for name in book.namelist()]
    return b"\n".join(parts).decode("utf-8", errors="replace")


def test_a_city_is_not_told_what_another_one_reported_and_its_verifier_is(workspace: Path) -> None:
    # A city sends what it guesses of one that consents to nothing, to learn from its findings whether that is so.
    rule, year = "copied_from_other_city", YEARS[-1]
    secret = read_submission(workspace / "raw" / str(year) / f"{SECRET}.xlsx", load_catalogue()).cells
    given = secret.filter(pl.col("numerator").is_not_null() & pl.col("denominator").is_not_null())
    entries = {row["data_point"]: Entry(row["numerator"], row["denominator"]) for row in given.head(12).to_dicts()}
    add_to_register(workspace, "guess-city")
    file = add_submission(
        workspace, "guess.xlsx", "guess-city", year, entries, verification_outcome="pending", consent="none"
    )
    told = review(file, "--screened", "--ask", "Which registers?")
    twins = [one["data_point"] for one in told["findings"] if one["rule"] == rule]
    assert len(twins) >= 4
    review(file, "--accept", f"{rule} @ {twins[0]} = Both are of the region")
    assert "for the verifier alone" in invoke("findings", "guess-city", year, "-w", workspace).stdout
    assert invoke("report", "guess-city", year, "-w", workspace).exit_code == 0
    sent = everything_in(workspace / "to-cities")
    assert "Which registers?" in sent
    assert rule not in sent
    assert "another city" not in sent
