"""Files are hashed by two processes as by one, whatever becomes of the second."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from intake import addresses
from intake.addresses import sha256_of_each

CONTENTS = {
    "empty": b"",
    "a name of two words": b"x",
    "one\nline\nand another": b"y",
    "Ålesund": b"z" * addresses.HASHED_AT_ONCE,
    "long": b"z" * (3 * addresses.HASHED_AT_ONCE + 1),
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(addresses, "FEWEST_SHARED", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return [str(tmp_path / name) for name in CONTENTS]


def hashed_here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that this process hashes from now on."""
    here: list[str] = []
    alone = addresses.sha256_of

    def told(path: str) -> str:
        here.append(path)
        return alone(path)

    monkeypatch.setattr(addresses, "sha256_of", told)
    return here


EXPECTED = [hashlib.sha256(content).hexdigest() for content in CONTENTS.values()]


def nothing() -> None:
    """What is done meanwhile."""


def test_the_second_process_hashes_three_of_five_files(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    here = hashed_here(monkeypatch)
    assert sha256_of_each(files, lambda: here.append("meanwhile")) == EXPECTED
    assert here == [files[0], files[2], "meanwhile"]


def test_one_process_alone_does_the_same(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    here = hashed_here(monkeypatch)
    assert sha256_of_each(files, lambda: here.append("meanwhile")) == EXPECTED
    assert here == ["meanwhile", *files]


@pytest.mark.parametrize("program", ["import sys; sys.stdin.buffer.read(); print('0' * 64)", "raise SystemExit(3)"])
def test_what_the_second_process_does_not_tell_is_hashed_here(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "other.py").write_text(program, encoding="utf-8")
    monkeypatch.setattr(addresses, "__file__", str(tmp_path / "other.py"))
    here = hashed_here(monkeypatch)
    assert sha256_of_each(files, nothing) == EXPECTED
    assert here == [files[at] for at in (0, 2, 1, 3, 4)]


def test_without_a_second_process_all_are_hashed_here(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", files[0] + "-that-is-not-there")
    here = hashed_here(monkeypatch)
    assert sha256_of_each(files, lambda: here.append("meanwhile")) == EXPECTED
    assert here == ["meanwhile", *files]


@pytest.mark.parametrize("at", [0, 1])
def test_a_file_that_cannot_be_read_is_an_error_whoever_has_it(files: list[str], at: int) -> None:
    Path(files[at]).unlink()
    with pytest.raises(FileNotFoundError):
        sha256_of_each(files, nothing)
