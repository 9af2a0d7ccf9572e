"""Builds that die: at any moment the published marts are whole, and the next build succeeds as if nothing had been."""

from __future__ import annotations

import hashlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from intake.template import Entry
from tests.pipelines.workspaces import (
    ENVIRONMENT,
    INTERNAL,
    PROJECT,
    PUBLIC,
    add_submission,
    add_to_register,
    addresses,
    build,
    copy_workspace,
    kill_group,
    manifest,
    mart_tables,
    run_cli,
    start_cli,
    write_bulk,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kill")]

MOMENTS = 10
SEED = 20261122
CITY = "demo-005-elvanpolis"
INTERNET, HOTSPOTS = "EC_ICT_ICT_1C.main", "EC_ICT_ICT_5C.main"


def digest(root: Path, name: str) -> str:
    """Every row of every table and view of a mart, read through its DuckDB file."""
    frames = mart_tables(root, name)
    return hashlib.sha256(repr([(table, frame.rows()) for table, frame in frames.items()]).encode()).hexdigest()


def digests(root: Path) -> dict[str, str]:
    return {name: digest(root, name) for name in (PUBLIC, INTERNAL)}


@dataclass(frozen=True)
class Scene:
    """What a build is killed on.

    Attributes:
        before: Old marts, no warehouse, and more submissions than the marts know of.
        after: The same after an undisturbed build.
        old: Digest of each old mart.
        new: Digest of each mart of the undisturbed build.
        seconds: How long the undisturbed build took.
    """

    before: Path
    after: Path
    old: dict[str, str]
    new: dict[str, str]
    seconds: float


@pytest.fixture(scope="module")
def scene(small_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("kill")
    before = copy_workspace(small_workspace, folder / "before")
    (before / "warehouse.duckdb").unlink()
    add_submission(before, "2019/revision.xlsx", CITY, 2019, {INTERNET: Entry(70_000), HOTSPOTS: Entry(40)})
    header = ("city_id", "year", "data_point", "numerator", "denominator", "verified")
    write_bulk(before / "raw" / "late.csv", [("late-city", 2020, INTERNET, 30_000, 40_000, "YES")], header)
    add_to_register(before, "late-city")
    after = copy_workspace(before, folder / "after")
    started = time.monotonic()
    done = run_cli("build", "-w", after)
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    old, new = digests(before), digests(after)
    assert all(old[name] != new[name] for name in old)
    return Scene(before, after, old, new, seconds)


def assert_whole(root: Path, scene: Scene) -> dict[str, str]:
    """Each mart and its Parquet files are complete, the old ones or the new ones."""
    found = digests(root)
    for name, got in found.items():
        assert got in (scene.old[name], scene.new[name]), name
        told = manifest(root, name)
        exported = root / "marts" / f"{name}_parquet"
        hashes = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in exported.iterdir()}
        known = [manifest(scene.before, name)["tables"], manifest(scene.after, name)["tables"]]
        assert hashes in known
        assert told["tables"] in known
    return found


def assert_next_build_succeeds(root: Path, scene: Scene) -> None:
    done = run_cli("build", "-w", root)
    assert done.returncode == 0, done.stderr
    assert addresses(root) == addresses(scene.after)
    assert digests(root) == scene.new
    assert list((root / "marts").glob(".build-*")) == []
    assert run_states(root) <= {"SUCCESS", "FAILURE"}
    # One set of Parquet files for each mart, and at most the one before it for who still reads it.
    for name in (PUBLIC, INTERNAL):
        assert len(list((root / "marts").glob(f"{name}_parquet-*"))) <= 2


def run_states(root: Path) -> set[str]:
    """States of all runs that Dagster remembers: a killed one must not stay as running."""
    with closing(sqlite3.connect(root / ".dagster" / "history" / "runs.db")) as connection:
        return {state for (state,) in connection.execute("select distinct status from runs")}


def kill_after(root: Path, seconds: float) -> bool:
    """Start a build and kill it with all its processes; False if it was done before."""
    process = start_cli("build", "-w", root)
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        kill_group(process)
        return True
    process.communicate()
    return False


def moments() -> Iterator[float]:
    """A random share of a build's duration in each tenth from its first work to its end."""
    generator = random.Random(SEED)
    start, end = 0.2, 0.97
    for number in range(MOMENTS):
        yield start + (end - start) * (number + generator.random()) / MOMENTS


@pytest.mark.parametrize("share", [pytest.param(share, id=f"{share:.2f}") for share in moments()])
def test_a_build_killed_at_a_random_moment_leaves_whole_marts(share: float, scene: Scene, tmp_path: Path) -> None:
    # A machine that has become faster may be done by then: try again, sooner.
    for attempt in range(4):
        root = copy_workspace(scene.before, tmp_path / f"workspace-{attempt}")
        was_killed = kill_after(root, share * scene.seconds * 0.8**attempt)
        assert_whole(root, scene)
        if was_killed:
            break
    assert was_killed
    assert_next_build_succeeds(root, scene)


# Dies at the n-th rename of publishing; with 0 it lives.
DYING = """
import os, signal, sys
from pathlib import Path

deadly, root = int(sys.argv[1]), sys.argv[2]
rename, seen = Path.replace, 0

def replace(self, target):
    global seen
    seen += 1
    if seen == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.replace = replace
from assets.marts import publish_workspace
from assets.resources import WorkspaceResource
publish_workspace(WorkspaceResource(root=root))
print(seen)
"""


def publish_and_die(root: Path, at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DYING, str(at), str(root)],
        cwd=PROJECT,
        env={**ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_death_before_any_rename_of_publishing_leaves_whole_marts(scene: Scene, tmp_path: Path) -> None:
    """For each mart: the folder of Parquet files, the link to it, the mart, its manifest."""

    def about_to_publish(name: str) -> Path:
        root = copy_workspace(scene.before, tmp_path / name)
        (root / "warehouse.duckdb").write_bytes((scene.after / "warehouse.duckdb").read_bytes())
        return root

    lived = publish_and_die(about_to_publish("alive"), 0)
    assert lived.returncode == 0, lived.stderr
    assert lived.stdout.strip() == "8"
    assert digests(tmp_path / "alive") == scene.new
    seen = []
    for at in range(1, 9):
        root = about_to_publish(f"dead-{at}")
        assert publish_and_die(root, at).returncode == -signal.SIGKILL
        found = assert_whole(root, scene)
        seen.append([name for name in found if found[name] == scene.new[name]])
        # What the dead one left behind is cleared away by the next.
        if at in (4, 8):
            assert list((root / "marts").glob(".build-*")) != []
            assert publish_and_die(root, 0).returncode == 0
            assert digests(root) == scene.new
            assert list((root / "marts").glob(".build-*")) == []
    # The internal mart is switched first: the public one is never ahead of it.
    assert seen == [[], [], [], [INTERNAL], [INTERNAL], [INTERNAL], [INTERNAL], [PUBLIC, INTERNAL]]


def test_two_builds_at_once_wait_for_each_other_and_agree(scene: Scene, tmp_path: Path) -> None:
    root = copy_workspace(scene.before, tmp_path / "workspace")
    processes = [start_cli("build", "-w", root) for _ in range(2)]
    try:
        told = [process.communicate(timeout=120) for process in processes]
    finally:
        for process in processes:
            kill_group(process)
    assert [process.returncode for process in processes] == [0, 0], told
    assert digests(root) == scene.new
    assert list((root / "marts").glob(".build-*")) == []


def test_a_build_that_is_asked_to_stop_stops_and_says_that_it_failed(scene: Scene, tmp_path: Path) -> None:
    root = copy_workspace(scene.before, tmp_path / "workspace")
    process = start_cli("build", "-w", root)
    try:
        time.sleep(0.6 * scene.seconds)
        process.terminate()
        process.communicate(timeout=20)
    finally:
        kill_group(process)
    assert process.returncode == 3
    assert_whole(root, scene)
    assert run_states(root) <= {"CANCELED", "FAILURE"}


def test_a_reader_keeps_what_it_has_opened_while_a_build_publishes(scene: Scene, tmp_path: Path) -> None:
    root = copy_workspace(scene.before, tmp_path / "workspace")
    path = root / "marts" / f"{PUBLIC}.duckdb"
    before = path.read_bytes()
    with path.open("rb") as reader:
        build(root)
        assert reader.read() == before
    assert path.read_bytes() != before
