"""The private file of what errors said: no line of it is lost."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from assets import confidential
from assets.workspace import Workspace, open_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "raw").mkdir()
    place = open_workspace(tmp_path)
    for run in ("old", "new"):
        confidential._keep(place, line(run))
    return place


def line(run: str) -> dict[str, str]:
    return {"run_id": run, "error": f"what {run} said", "trace": ""}


def runs_in(workspace: Workspace) -> list[str]:
    lines = confidential.place(workspace).read_text(encoding="utf-8").splitlines()
    return [json.loads(one)["run_id"] for one in lines]


def test_what_a_run_said_is_forgotten_and_the_rest_stays_private(workspace: Workspace) -> None:
    assert confidential.forget(workspace, ["old"]) == 1
    assert runs_in(workspace) == ["new"]
    assert confidential.place(workspace).stat().st_mode & 0o777 == 0o600
    assert confidential.forget(workspace, ["old"]) == 0


@pytest.mark.parametrize("left", [b'{"run_id": "new", "er', b"\0\0\0\0", b"\xff\xfe", b"7", b"[]"])
def test_what_a_loss_of_power_left_of_a_line_takes_no_other_with_it(workspace: Workspace, left: bytes) -> None:
    with confidential.place(workspace).open("ab") as file:
        file.write(left)
    confidential._keep(workspace, line("new"))
    assert confidential.texts_of(workspace, "new") == ["what new said"] * 2
    assert confidential.forget(workspace, ["old"]) == 2
    assert confidential.texts_of(workspace, "new") == ["what new said"] * 2


def test_who_is_killed_while_forgetting_has_lost_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            confidential.forget(workspace, ["old"])
    assert runs_in(workspace) == ["old", "new"]


def test_who_waited_while_another_forgot_writes_to_the_file_that_stands(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, waited = fcntl.flock, []

    def wait_for_another(descriptor: int, operation: int) -> None:
        if not waited:
            waited.append(descriptor)
            confidential.forget(workspace, ["old"])
        locked(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", wait_for_another)
    confidential._keep(workspace, line("late"))
    assert runs_in(workspace) == ["new", "late"]


def test_a_line_that_a_full_disk_cut_off_takes_no_other_with_it(workspace: Workspace) -> None:
    with confidential.place(workspace).open("a", encoding="utf-8") as file:
        file.write('{"run_id": "cut')
    confidential._keep(workspace, line("late"))
    assert confidential.texts_of(workspace, "late") == ["what late said"]
