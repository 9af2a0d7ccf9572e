"""What counts as a submission, and that no file stops another."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from forms import INTERNET, faults_of, read, write_form

from intake.reading import LinkError, address, raw_files, read_submission, sha256_of, stray_files
from ssc_index.framework.catalogue import load_catalogue


def test_submissions_are_listed_and_strays_are_named(tmp_path: Path) -> None:
    names = [
        "2024/b.xlsx",
        "2024/b.xlsx.receipt.csv",
        "2024/~$b.xlsx",
        "2024/a.CSV",
        "2023/c.parquet",
        "2023/macro.xlsm",
        "2023/old.xls",
        "2023/gone.xlsx.receipt.csv",
        ".cache/x.csv",
        "cities.csv",
        "README.md",
        "notes.txt",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    listed = [path.relative_to(tmp_path).as_posix() for path in raw_files(tmp_path)]
    assert listed == ["2023/c.parquet", "2023/macro.xlsm", "2024/a.CSV", "2024/b.xlsx"]
    assert [(fault.rule, fault.value) for fault in stray_files(tmp_path)] == [
        ("receipt_without_file", "2023/gone.xlsx.receipt.csv"),
        ("not_a_submission", "2023/old.xls"),
        ("not_a_submission", "notes.txt"),
    ]


@pytest.mark.parametrize(
    ("target", "told"), [("elsewhere", "a folder, and folders are not followed"), ("gone", "nothing")]
)
def test_a_link_behind_which_no_file_can_be_read_is_told_and_not_left_out(
    tmp_path: Path, target: str, told: str
) -> None:
    """A file server that is away must not take cities out of an edition."""
    for name in ("raw", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "raw" / "2024.xlsx").symlink_to(tmp_path / target)
    with pytest.raises(LinkError, match=f"2024.xlsx is a link to {told}: what is meant to lie there"):
        raw_files(tmp_path / "raw")


def test_a_file_whose_name_is_not_utf8_is_left_out_and_told(tmp_path: Path) -> None:
    """As an archive from another system leaves them: a name in Latin-1."""
    for name in (b"Munchen.xlsx", b"M\xfcnchen.xlsx", b"M\xfcnchen.xlsx.receipt.csv", b"M\xfcnchen.csv"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    assert [path.name for path in raw_files(tmp_path)] == ["Munchen.xlsx"]
    told = stray_files(tmp_path)
    assert [(fault.rule, fault.value) for fault in told] == [
        ("name_not_utf8", "M\\xfcnchen.csv"),
        ("name_not_utf8", "M\\xfcnchen.xlsx"),
        ("name_not_utf8", "M\\xfcnchen.xlsx.receipt.csv"),
    ]
    assert all(fault.message.isprintable() and fault.message.endswith("Rename it.") for fault in told)


def test_an_absent_folder_holds_nothing(tmp_path: Path) -> None:
    assert raw_files(tmp_path / "raw") == ()
    assert stray_files(tmp_path / "raw") == []


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"abc")
    assert sha256_of(path) == hashlib.sha256(b"abc").hexdigest()
    assert read(path).file_sha256 == sha256_of(path)


def test_a_fault_of_our_own_refuses_one_file_and_stops_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    path = write_form(tmp_path / "a.xlsx")
    monkeypatch.setattr("intake.reading.read_workbook", broken)
    result = read(path)
    assert result.status == "refused"
    (fault,) = faults_of(result, "unreadable_file")
    assert "ZeroDivisionError: oh" in str(fault["message"])
    assert fault["file_sha256"] == sha256_of(path)


def test_a_file_that_cannot_be_opened_is_no_fault_of_the_city(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_submission(tmp_path / "a.xlsx", load_catalogue())


def test_the_second_file_is_read_whatever_the_first_holds(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"nothing")
    write_form(tmp_path / "b.xlsx")
    (tmp_path / "c.csv").write_text(f"city_id,year,data_point,result\nno-rana,2020,{INTERNET},97\n")
    assert [read(path).status for path in raw_files(tmp_path)] == ["refused", "read", "read"]


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    path = write_form(tmp_path / "a.xlsx")
    first, second = read(path), read(path)
    assert first.cells.equals(second.cells)
    assert first.faults.equals(second.faults)


def test_an_address_is_a_cell_or_a_line() -> None:
    assert address({"result": "H"}, "result", 9) == "H9"
    assert address({}, "result", 9) == "line 9, column result"
