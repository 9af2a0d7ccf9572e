"""Append-only files: what is added stays, and whatever else is done to them shows."""

from __future__ import annotations

import csv
import resource
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from intake.ledger import Ledger, LedgerError
from intake.texts import for_xml, one_line, plain_cell, without_guard
from tests.power import watched


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "log.csv", ("at", "text"))
    made.append([{"at": "2026-01-01", "text": f"entry {number}"} for number in (1, 2, 3)])
    return made


def test_what_is_added_reads_back_in_its_order(ledger: Ledger) -> None:
    assert ledger.append([{"text": "four, with\na break"}]) == [4]
    entries, faults = ledger.read()
    assert faults == []
    assert [entry["text"] for entry in entries] == ["entry 1", "entry 2", "entry 3", "four, with a break"]
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda lines: [*lines[:2], lines[2].replace(b"entry 2", b"entry X"), *lines[3:]],
            "line 4 does not follow line 3",
        ),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3 has number 3, 2 is due"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 4 has number 2, 3 is due"),
        (lambda lines: [*lines[:-1], lines[-1][:-5]], "line 4 is incomplete"),
        (lambda lines: [b"number,at,previous\n", *lines[1:]], "line 1 is not number,at,text,previous"),
    ],
)
def test_a_change_by_hand_shows_and_nothing_more_is_added(ledger: Ledger, change, says: str) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    ledger.path.write_bytes(b"".join(change(lines)))
    before = ledger.path.read_bytes()
    assert says in " ".join(ledger.read()[1])
    with pytest.raises(LedgerError, match="changed by hand"):
        ledger.append([{"text": "more"}])
    assert ledger.path.read_bytes() == before


def test_of_what_a_full_disk_takes_in_part_nothing_stays(ledger: Ledger) -> None:
    """A file that may not grow beyond some bytes: the system takes what fits, and says no word of the rest."""
    before = ledger.path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            ledger.append([{"text": "four" * 100}])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert ledger.path.read_bytes() == before
    assert ledger.append([{"text": "four"}]) == [4]


def test_what_was_added_outlives_a_loss_of_power_with_its_name(tmp_path: Path) -> None:
    with watched(tmp_path) as watch:
        Ledger(tmp_path / "log.csv", ("text",)).append([{"text": "one"}])
    assert watch.order == ["sync log.csv", f"sync {tmp_path.name}"]


def test_two_that_write_at_once_get_numbers_of_their_own(ledger: Ledger) -> None:
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda at: ledger.append([{"text": str(at)}])[0], range(20)))
    assert sorted(numbers) == list(range(4, 24))
    assert ledger.read()[1] == []


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "\t=1", "＝1"])
def test_no_spreadsheet_runs_what_is_written(ledger: Ledger, text: str) -> None:
    ledger.append([{"text": text}])
    with ledger.path.open(encoding="utf-8", newline="") as file:
        written = list(csv.reader(file))[-1][2]
    assert written.startswith("'")
    assert ledger.read()[0][-1]["text"] == one_line(text)


@pytest.mark.parametrize("text", ["-3.5", "+4", "'s-Hertogenbosch", "a=b", ""])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert plain_cell(text) == without_guard(plain_cell(text)) == text


def test_what_xml_cannot_hold_is_replaced() -> None:
    assert for_xml("a\x00b\ud800c\td") == "a\ufffdb\ufffdc\td"
