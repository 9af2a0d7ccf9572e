"""The commands of the README's operator section, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipelines.workspaces import ENVIRONMENT, PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("readme")]

MARK = "<!-- tests/pipelines/test_readme.py runs this -->"


def commands() -> str:
    text = (PROJECT / "README.md").read_text(encoding="utf-8").split(MARK)[1]
    found = re.match(r"\s*```sh\n(.*?)```", text, re.DOTALL)
    assert found, "no block of commands follows the mark"
    return found[1]


def test_backfill_correct_release_diff_and_roll_back_by_copying(tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    assert shutil.which("ssc-index", path=str(scripts))
    home = {**os.environ, **ENVIRONMENT, "PATH": f"{scripts}:{os.environ['PATH']}", "COLUMNS": "80"}
    shell = ["bash", "-euxo", "pipefail", "-c", commands()]
    done = subprocess.run(shell, cwd=tmp_path, env=home, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    said = done.stdout
    assert "Nothing has changed since the last build." in said
    assert "its marts have the same bits" in said
    # The city that was corrected stays where everybody sees it: before and after.
    shown = said.split("Ranking, edition 2025")[1:]
    assert [one.split("more ranked")[0].count("Demo Aldermoor") for one in shown] == [1, 1, 1]

    root = tmp_path / "workspaces" / "try"
    listed = [sys.executable, "-m", "pipelines.cli", "releases", "--json", "-w", str(root)]
    known = json.loads(subprocess.run(listed, cwd=PROJECT, env=home, capture_output=True, check=True).stdout)
    assert [one["is_current"] for one in known] == [True, False]
    assert (root / "marts" / "ssc_index_release.duckdb").resolve() == Path(known[0]["mart"])
    # The draft against the release, then release against release, each with the city that was corrected; in 80 columns.
    tables = [part.split("+ ssc-index")[0] for part in said.split("From 2025 (release")[1:]]
    assert len(tables) == 2
    assert all("Demo Aldermoor" in table for table in tables)
    assert max(len(line) for table in tables for line in table.splitlines()[1:20]) <= 80
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert "Why did it change?" in page
    assert "Internal:" not in page
