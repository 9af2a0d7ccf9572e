"""What of a checkout gets into an image or into git, and what `make clean` takes away."""

from __future__ import annotations

import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest

PROJECT = Path(__file__).resolve().parents[1]

# What a workspace makes that nobody else may read, and the password of the database.
PRIVATE = (
    "deploy/.env",
    "deploy/.env.old",
    "data/.dagster/errors.jsonl",
    "data/warehouse.duckdb",
    "data/marts/ssc_index_internal.duckdb",
    "data/audit-internal/audit.html",
    "data/as-of/20260131T000000Z/warehouse.duckdb",
    "data/releases/2025-0f3a91c2b7de/inputs/submissions.csv",
    "data/exports.csv",
    "data/notices.jsonl",
    "workspaces/demo/warehouse.duckdb",
)


def is_left_out(place: str, rules: Path) -> bool:
    """Whether the last rule that a place, or a folder above it, fits leaves it out."""
    path = PurePosixPath(place)
    above = [str(one) for one in (path, *path.parents)]
    found = False
    for line in rules.read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!").rstrip("/")
        if line and not line.startswith("#") and any(fnmatch(one, pattern) for one in above):
            found = not line.startswith("!")
    return found


@pytest.mark.parametrize("rules", ["deploy/Containerfile.dockerignore", ".gitignore"])
@pytest.mark.parametrize("place", PRIVATE)
def test_nothing_private_gets_into_an_image_or_into_git(place: str, rules: str) -> None:
    assert is_left_out(place, PROJECT / rules)


@pytest.mark.parametrize("place", ["data/raw/2025/somewhere.xlsx", "data/raw/people.csv", "data/workspace.yaml"])
def test_what_a_team_has_put_into_the_shipped_workspace_gets_into_no_image(place: str) -> None:
    assert is_left_out(place, PROJECT / "deploy" / "Containerfile.dockerignore")


def test_what_the_image_runs_is_in_it() -> None:
    code = ("assets", "intake", "methods", "pipelines", "reports", "schemas", "sql", "ssc_index")
    files = [path for folder in code for path in (PROJECT / folder).rglob("*.*") if "__pycache__" not in path.parts]
    places = [path.relative_to(PROJECT).as_posix() for path in files if path.is_file()]
    places += ["dagster.yaml", "pyproject.toml", "README.md", "deploy/postgres.yaml", "requirements/server.txt"]
    assert len(places) > 100
    assert [place for place in places if is_left_out(place, PROJECT / "deploy" / "Containerfile.dockerignore")] == []


def test_clean_takes_demo_workspaces_and_no_other(tmp_path: Path) -> None:
    shutil.copyfile(PROJECT / "Makefile", tmp_path / "Makefile")
    for name, is_demo in (("demo", "true"), ("of our own", "false"), ("unmarked", "")):
        raw = tmp_path / "workspaces" / name / "raw"
        raw.mkdir(parents=True)
        if is_demo:
            (raw.parent / "workspace.yaml").write_text(f"name: X\nis_demo: {is_demo}\n", encoding="utf-8")
    marts = tmp_path / "data" / "marts"
    marts.mkdir(parents=True)
    link = marts / "ssc_index_release.duckdb"
    link.symlink_to("../releases/2025-0f3a91c2b7de/marts/ssc_index.duckdb")
    for name in ("README.md", "ssc_index.duckdb", "ssc_index_manifest.json"):
        (marts / name).touch()
    (marts / "ssc_index_parquet-0f3a").mkdir()
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    # Which release readers are pointed at stands nowhere else.
    assert sorted(path.name for path in marts.iterdir()) == ["README.md", link.name]
    assert sorted(path.name for path in (tmp_path / "workspaces").iterdir()) == ["of our own", "unmarked"]
