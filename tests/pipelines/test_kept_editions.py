"""Editions that are what they were are taken from the marts that stand: the same bits, and only from what is whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from assets import marts
from assets.resources import WorkspaceResource
from tests.pipelines.workspaces import INTERNAL, PUBLIC, YEARS, content, mart_tables

EDITION = 2019


def correct(root: Path) -> None:
    """Have the warehouse hold other rows of one edition, as a step leaves them that was run again."""
    with duckdb.connect(str(root / "warehouse.duckdb")) as warehouse:
        warehouse.execute("update index.scores set n_carried = n_carried + 1 where edition = ?", [EDITION])
        warehouse.execute(
            "update state.steps set basis_sha256 = repeat('1', 64) where step = 'compute_index' and year = ?", [EDITION]
        )


def published(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Publish, and tell which editions were made for it."""
    made: list[int] = []
    read = marts.edition_frames

    def noted(store: WorkspaceResource, shared: Mapping[str, object], first: int, last: int) -> object:
        made.extend(range(first, last + 1))
        return read(store, shared, first, last)  # type: ignore[arg-type]  # as it was given

    with monkeypatch.context() as patch:
        patch.setattr(marts, "edition_frames", noted)
        marts.publish_workspace(WorkspaceResource(root=str(root)))
    return made


def test_only_an_edition_that_has_changed_is_made_anew_and_the_marts_are_as_if_all_were(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mart_tables(workspace)["fact_score"]
    correct(workspace)
    assert published(workspace, monkeypatch) == [EDITION]
    after, kept = mart_tables(workspace)["fact_score"], content(workspace)
    changed = after.join(before, on=after.columns, how="anti", nulls_equal=True)
    assert set(changed["edition"]) == {EDITION}
    assert published(workspace, monkeypatch) == []

    marts.publish_workspace(WorkspaceResource(root=str(workspace), afresh=True))
    assert content(workspace) == kept


def test_of_marts_that_are_not_what_was_published_nothing_is_kept(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts as such: `test_publish.py`."""
    before = content(workspace)
    path = workspace / "marts" / f"{INTERNAL}_parquet" / "fact_score.parquet"
    found = bytearray(path.read_bytes())
    found[len(found) // 2] ^= 1
    path.write_bytes(found)
    assert published(workspace, monkeypatch) == list(YEARS)
    assert content(workspace) == before


def test_a_mart_whose_file_is_not_what_was_published_is_made_again_from_whole_files(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(workspace)
    path = workspace / "marts" / f"{PUBLIC}.duckdb"
    found = bytearray(path.read_bytes())
    found[-5000] ^= 1
    path.write_bytes(found)
    assert published(workspace, monkeypatch) == []
    assert path.read_bytes() != found
    assert content(workspace) == before


def test_other_code_makes_every_edition_anew(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marts, "code_sha256", lambda folders: "other code")
    assert published(workspace, monkeypatch) == list(YEARS)


def test_what_somebody_computed_while_marts_were_made_is_not_taken_for_published(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(workspace)
    build = marts.build_marts

    def disturbed(*given: object) -> object:
        made = build(*given)  # type: ignore[arg-type]  # as it was given
        with duckdb.connect(str(workspace / "warehouse.duckdb")) as warehouse:
            warehouse.execute("update state.steps set basis_sha256 = repeat('2', 64) where step = 'audit_editions'")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(marts, "build_marts", disturbed)
        published(workspace, monkeypatch)
    assert published(workspace, monkeypatch) == list(YEARS)
