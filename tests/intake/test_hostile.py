"""Files that are made to hurt: each is refused within bounds, with a sentence, and the next file is read."""

from __future__ import annotations

import socket
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from forms import INTERNET, faults_of, read, row_of, write_form

from benchmarks.hostile_files import KINDS, Hostile
from intake import long_table, xlsx
from intake.template import KPIS, Entry

# Each costs seconds to make.
LARGE = ("600 MB", "100 MB", "forty million")


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Bytes that were unpacked; and no way to any address."""
    counts = {"unpacked": 0}
    unpack = zipfile.ZipExtFile.read

    def counted(file: Any, n: int = -1) -> bytes:
        content: bytes = unpack(file, n)
        counts["unpacked"] += len(content)
        return content

    def no_address(*_: object, **__: object) -> None:
        raise AssertionError("a file made us reach for an address")

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    monkeypatch.setattr(socket, "socket", no_address)
    return counts


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=kind.name, marks=[pytest.mark.slow] if any(word in kind.name for word in LARGE) else [])
        for kind in KINDS
    ],
)
def test_a_hostile_file_is_refused_within_bounds(kind: Hostile, tmp_path: Path, spent: dict[str, int]) -> None:
    path = tmp_path / f"hostile{kind.suffix}"
    kind.build(path)
    spent["unpacked"] = 0
    result = read(path)
    rules = result.faults["rule"].to_list()
    # None of the small workbooks is a form, so what is not refused for its hostile part is refused for that.
    assert result.status == "refused"
    assert "unreadable_file" not in rules
    assert not kind.rules or rules[0] in kind.rules
    assert bool(kind.rules) or "renamed_header" in rules
    assert all(len(message) < 400 and message.endswith(".") for message in result.faults["message"])
    assert spent["unpacked"] <= xlsx.MAX_MEMBER_BYTES + xlsx.MEBIBYTE
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name]
    good = write_form(tmp_path / "good.xlsx", {INTERNET: Entry(30000)})
    assert row_of(read(good), INTERNET)["numerator"] == 30000.0


def test_the_limits_that_bound_memory_and_time_are_these() -> None:
    # Measured with them: at most 0.2 s of the processor and 30 MB for each kind (benchmarks/hostile.py).
    assert xlsx.MAX_FILE_BYTES <= 8 << 20
    assert xlsx.MAX_MEMBER_BYTES <= 16 << 20
    assert xlsx.MAX_TAG_BYTES <= xlsx._CHUNK <= 1 << 20
    assert long_table.MAX_LINE_BYTES <= 1 << 20
    assert long_table.MAX_BATCH_BYTES <= 16 << 20


def test_a_form_with_macros_is_read_as_data_and_told(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsm", {INTERNET: Entry(30000)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + b"\0" * 900)
    result = read(path)
    assert row_of(result, INTERNET)["numerator"] == 30000.0
    (note,) = faults_of(result, "macros_ignored")
    assert note["severity"] == "note"


def test_a_form_that_takes_values_from_other_files_is_read_as_last_seen_and_told(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/externalLinks/externalLink1.xml", "<externalLink/>")
    result = read(path)
    assert row_of(result, INTERNET)["numerator"] == 30000.0
    assert [note["severity"] for note in faults_of(result, "links_ignored")] == ["note"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "=cmd|'/c calc'!A0", "=HYPERLINK(1)"])
def test_a_text_that_looks_like_a_formula_is_a_text_in_every_form_that_we_write(tmp_path: Path, text: str) -> None:
    path = write_form(tmp_path / "a.xlsx", {INTERNET: Entry(30000, comment=text, source=text, source_details=text)})
    row = row_of(read(path), INTERNET)
    again = write_form(tmp_path / "b.xlsx", {INTERNET: Entry(30000, comment=str(row["comment"]))})
    for written, column in ((path, "O"), (path, "P"), (path, "Q"), (again, "Q")):
        cell = openpyxl.load_workbook(written)[KPIS][f"{column}6"]
        assert (cell.data_type, str(cell.value).strip()) == ("s", text.strip())
