"""Builds that die: at any moment the published marts are whole, and the next build succeeds as if nothing had been."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import faults
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
    summed = hashlib.sha256()
    for table, frame in mart_tables(root, name).items():
        summed.update(f"{table}\n{frame.write_csv()}".encode())
    return summed.hexdigest()


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
    # One set of Parquet files for each mart: what was shown before is nowhere.
    for name in (PUBLIC, INTERNAL):
        assert len(list((root / "marts").glob(f"{name}_parquet-*"))) == 1


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


def moments() -> list[float]:
    """A random share of a build's duration in each tenth from its first work to its end."""
    generator = random.Random(SEED)
    start, end = 0.2, 0.95
    return [start + (end - start) * (number + generator.random()) / MOMENTS for number in range(MOMENTS)]


# Two in a row, an early and a late one: the second build starts from what the first has left.
PAIRS = list(zip(moments()[: MOMENTS // 2], moments()[MOMENTS // 2 :], strict=True))


@pytest.mark.parametrize("shares", PAIRS, ids=lambda pair: " and ".join(f"{share:.2f}" for share in pair))
def test_builds_killed_at_random_moments_leave_whole_marts_and_the_next_succeeds(
    shares: tuple[float, float], scene: Scene, tmp_path: Path
) -> None:
    # A build may be done by then, on a machine that has become faster: try again, sooner.
    for attempt in range(4):
        root = copy_workspace(scene.before, tmp_path / f"workspace-{attempt}")
        were_killed = []
        for share in shares:
            were_killed.append(kill_after(root, share * scene.seconds * 0.8**attempt))
            assert_whole(root, scene)
        if all(were_killed):
            break
    assert were_killed == [True, True]
    assert_next_build_succeeds(root, scene)


# Publishes each workspace named in a child of its own, which dies at the n-th rename if the name says so.
DYING = """
import os, signal, sys
from pathlib import Path
from assets.marts import publish_workspace
from assets.resources import WorkspaceResource

rename, seen, deadly = Path.replace, 0, 0

def replace(self, target):
    global seen
    seen += 1
    if seen == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.replace = replace
for argument in sys.argv[1:]:
    root, _, number = argument.rpartition(":")
    child = os.fork()
    if child == 0:
        deadly = int(number)
        publish_workspace(WorkspaceResource(root=root))
        os._exit(seen)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def publish_and_die(*workspaces: tuple[Path, int]) -> list[int]:
    """How each ended: the number of renames, or the signal that it died of."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DYING, *(f"{root}:{number}" for root, number in workspaces)],
        cwd=PROJECT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [int(line) for line in done.stdout.split()]


def test_a_death_before_any_rename_of_publishing_leaves_whole_marts(scene: Scene, tmp_path: Path) -> None:
    """For each mart: the folder of Parquet files, the link to it, the mart, its manifest."""
    roots = [copy_workspace(scene.before, tmp_path / str(at)) for at in range(9)]
    for root in roots:
        (root / "warehouse.duckdb").write_bytes((scene.after / "warehouse.duckdb").read_bytes())
    # The first lives to the end and makes eight renames; each of the others dies before one of them.
    ended = publish_and_die(*((root, at) for at, root in enumerate(roots)))
    assert ended == [8, *[-signal.SIGKILL] * 8]
    found = [assert_whole(root, scene) for root in roots]
    assert found[0] == scene.new
    # Only what is renamed into place is new, and that at once: nothing before the third rename is.
    is_new = [[found[at][name] == scene.new[name] for name in (PUBLIC, INTERNAL)] for at in range(1, 9)]
    assert is_new[:3] == [[False, False]] * 3
    assert is_new[-1] == [True, True]
    # The public mart is never ahead of the internal one.
    assert [True, False] not in is_new
    for root in (roots[4], roots[8]):
        assert list((root / "marts").glob(".build-*")) != []
    # What the dead ones left behind is cleared away by the next; Parquet files that are there are not moved again.
    assert publish_and_die((roots[4], 0), (roots[8], 0)) == [7, 6]
    for root in (roots[4], roots[8]):
        assert digests(root) == scene.new
        assert list((root / "marts").glob(".build-*")) == []


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
        while not (root / "warehouse.duckdb").exists():
            time.sleep(0.05)
            assert process.poll() is None
        time.sleep(0.1 * scene.seconds)
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


def test_releases_killed_at_random_moments_are_whole_or_not_there(small_workspace: Path, tmp_path: Path) -> None:
    """As `benchmarks.faults` does a hundred times, with builds and publications."""
    trial = faults.prepare("release", small_workspace, tmp_path)
    faults.die(trial, tmp_path, 2, random.Random(SEED))
    assert trial.faults == []
    assert trial.deaths

    after = tmp_path / "release-after"
    assert list(faults.torn(after, trial.allowed)) == []
    (release,) = (after / "releases").glob("2020-*")
    (release / "marts" / "ssc_index_manifest.json").unlink()
    (release / "method.yaml").chmod(0o644)
    (release / "method.yaml").write_text("name: other", encoding="utf-8")
    next((after / "marts" / "ssc_index_parquet").glob("fact_score.parquet")).unlink()
    told = "; ".join(faults.torn(after, trial.allowed))
    for fault in ("no Parquet of fact_score", "ssc_index_manifest.json is gone", "method.yaml is gone or changed"):
        assert fault in told
