"""Files are hashed by two processes as by one, whatever becomes of the second."""

from __future__ import annotations

import hashlib
import os
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


def test_the_second_process_hashes_every_other_file(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    here = hashed_here(monkeypatch)
    assert sha256_of_each(files) == EXPECTED
    assert here == files[::2]


@pytest.mark.parametrize("program", ["import sys; sys.stdin.buffer.read(); print('0' * 64)", "raise SystemExit(3)"])
def test_what_the_second_process_does_not_tell_is_hashed_here(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "other.py").write_text(program, encoding="utf-8")
    monkeypatch.setattr(addresses, "__file__", str(tmp_path / "other.py"))
    here = hashed_here(monkeypatch)
    assert sha256_of_each(files) == EXPECTED
    assert here == [*files[::2], *files[1::2]]


@pytest.mark.parametrize("at", [0, 1])
def test_a_file_that_cannot_be_read_is_an_error_whoever_has_it(files: list[str], at: int) -> None:
    Path(files[at]).unlink()
    with pytest.raises(FileNotFoundError):
        sha256_of_each(files)
