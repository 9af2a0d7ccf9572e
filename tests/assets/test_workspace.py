"""A workspace: where everything lies, and what is said where something is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.workspace import ENVIRONMENT_VARIABLE, PROJECT, WorkspaceError, default_root, open_workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a raw/ and nothing else."""
    (tmp_path / "mine" / "raw").mkdir(parents=True)
    return tmp_path / "mine"


def mark(root: Path, text: str) -> Path:
    (root / "workspace.yaml").write_text(text, encoding="utf-8")
    return root


def test_a_folder_with_raw_is_a_workspace_with_the_shipped_method(root: Path) -> None:
    workspace = open_workspace(root)
    assert (workspace.name, workspace.is_demo) == ("mine", False)
    assert workspace.method_path == PROJECT / "methods" / "index-2026.yaml"


def test_the_marker_gives_name_demo_and_method(root: Path) -> None:
    (root / "method.yaml").write_text("name: mine", encoding="utf-8")
    workspace = open_workspace(mark(root, "name: Trial\nis_demo: true\nmethod: method.yaml\n"))
    assert (workspace.name, workspace.is_demo, workspace.method_path) == ("Trial", True, root / "method.yaml")


def test_an_empty_marker_is_no_fault(root: Path) -> None:
    assert open_workspace(mark(root, "")).name == "mine"


def test_built_files_lie_beside_raw(root: Path) -> None:
    workspace = open_workspace(root)
    assert workspace.warehouse == root / "warehouse.duckdb"
    assert workspace.public_mart == root / "marts" / "ssc_index.duckdb"
    assert workspace.internal_mart == root / "marts" / "ssc_index_internal.duckdb"
    assert workspace.dagster_home == root / ".dagster"


def test_a_view_as_of_a_moment_has_files_of_its_own(root: Path) -> None:
    workspace = open_workspace(root, datetime(2025, 3, 1, 12, tzinfo=UTC))
    assert workspace.raw == root / "raw"
    assert workspace.warehouse == root / "as-of" / "20250301T120000Z" / "warehouse.duckdb"
    assert workspace.public_mart == root / "as-of" / "20250301T120000Z" / "marts" / "ssc_index.duckdb"


def test_views_as_of_the_same_moment_share_their_files_whatever_the_zone(root: Path) -> None:
    moments = ("2025-03-01T12:00:00+00:00", "2025-03-01T14:00:00+02:00")
    found = {open_workspace(root, datetime.fromisoformat(moment)).warehouse for moment in moments}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel: x", r"workspace\.yaml: titel is unknown here; it may hold is_demo, method, name"),
        ("- a\n- b", r"no mapping is unknown here"),
        ("name: [", r"workspace\.yaml is not YAML"),
        ("is_demo: 'yes'", r"is_demo is 'yes'; write true or false"),
        ("method: nowhere.yaml", r"method .*nowhere\.yaml does not exist"),
    ],
)
def test_a_wrong_marker_names_file_key_and_rule(root: Path, text: str, message: str) -> None:
    with pytest.raises(WorkspaceError, match=message):
        open_workspace(mark(root, text))


def test_a_marker_in_another_encoding_is_told(root: Path) -> None:
    (root / "workspace.yaml").write_text("name: Malmö", encoding="latin-1")
    with pytest.raises(WorkspaceError, match=r"workspace\.yaml is not YAML in UTF-8: .*byte 0xf6"):
        open_workspace(root)


def test_a_folder_without_raw_says_how_to_make_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"no folder raw/\. Make one with `ssc-index demo"):
        open_workspace(tmp_path)


def test_the_environment_names_the_workspace_first(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(root))
    assert default_root() == root


def test_then_the_current_folders_data_and_then_the_checkouts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert default_root() == PROJECT / "data"
    (tmp_path / "data" / "raw").mkdir(parents=True)
    assert default_root() == tmp_path / "data"
