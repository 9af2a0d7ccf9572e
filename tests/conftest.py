"""Fixtures that the parts of the suite share.

What belongs here: the small built workspace. What does not: helpers (`tests/pipelines/workspaces.py`).
"""

from __future__ import annotations

import fcntl
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # The typer that pyproject.toml caps at uses names that click deprecates; it says so once, when first loaded.
    warnings.simplefilter("ignore", DeprecationWarning)
    import typer as typer


@pytest.fixture(scope="session")
def small_workspace(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A small invented workspace, built; made once for all workers. Do not change it: copy it."""
    from tests.pipelines.workspaces import build, make_small

    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    root = shared / "small-workspace"
    with (shared / "small-workspace.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "small-workspace.done").exists():
            make_small(root)
            build(root)
            (shared / "small-workspace.done").touch()
    return root


@pytest.fixture
def workspace(small_workspace: Path, tmp_path: Path) -> Path:
    """A copy of the small workspace with all that was built, for one test alone."""
    from tests.pipelines.workspaces import copy_workspace

    return copy_workspace(small_workspace, tmp_path / "workspace")
