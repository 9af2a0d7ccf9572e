"""Files that hold what is confidential: whole or as they were, and never open to everybody."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intake.private import open_to_others, written_in_place
from intake.receipts import Receipt, receipt_path, write_receipts
from tests.power import watched


@pytest.fixture(autouse=True)
def _wide_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("was", "becomes"), [(0o644, 0o640), (0o666, 0o660), (0o600, 0o600), (0o777, 0o660)])
def test_others_lose_what_they_could_and_the_group_keeps_it(was: int, becomes: int, tmp_path: Path) -> None:
    path = tmp_path / "cities.csv"
    path.touch()
    path.chmod(was)
    with written_in_place(path, path) as file:
        (new,) = set(tmp_path.iterdir()) - {path}
        assert mode(new) == 0o600  # while it is written
        file.write("a\r\nå")
    assert (mode(path), path.read_bytes()) == (becomes, "a\r\nå".encode())


def test_a_new_file_is_open_to_whom_the_file_it_belongs_to_is(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    receipt = Receipt("no-rana", 2020, datetime(2021, 1, 1, tzinfo=UTC))
    write_receipts(path, [receipt])
    assert mode(receipt_path(path)) == 0o600
    path.touch()
    path.chmod(0o644)
    write_receipts(path, [receipt])
    assert mode(receipt_path(path)) == 0o640


def test_a_loss_of_power_leaves_the_old_file_or_the_new_one_once_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "cities.csv"
    path.touch()
    with watched(tmp_path) as watch, written_in_place(path, path) as file:
        file.write("new")
    assert watch.lost == []
    assert watch.order == ["sync .cities.csv.new", "name cities.csv", f"sync {tmp_path.name}"]


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_in_place(path, path) as file:
        file.write(str(1 / 0))
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])


def test_files_that_any_user_can_reach_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "raw"
    for name in ("cities.csv", "2024/a.xlsx", "2024/b.xlsx", "2023/c.xlsx"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).touch(0o644)
    monkeypatch.setattr(Path, "parents", property(lambda _: ()))  # of the folder for tests others may not be let in
    assert open_to_others(raw) == 4
    (raw / "2024" / "b.xlsx").chmod(0o640)
    (raw / "2023").chmod(0o770)
    assert open_to_others(raw) == 2
    raw.chmod(0o750)
    assert open_to_others(raw) == 0
