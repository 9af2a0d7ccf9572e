"""What goes wrong around a build: full disks, damaged files, clocks, years without submissions, many readers.

Deaths of the process are in `test_kill.py`, the restart of a database in `test_postgres.py`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.marts import publish_workspace
from assets.resources import WorkspaceResource
from assets.workspace import open_workspace
from intake.receipts import receipt_path
from intake.template import Entry
from pipelines import releases
from tests.intake.forms import set_cell
from tests.pipelines.workspaces import (
    ENVIRONMENT,
    INTERNAL,
    PROJECT,
    PUBLIC,
    REPORT,
    add_submission,
    build,
    change_receipt,
    content,
    drop_submission,
    findings,
    invoke,
    mart_tables,
    run_cli,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

CITY = "demo-001-aldermoor"
WORKBOOK, OTHER = f"2020/{REPORT}.xlsx", f"2020/{CITY}.xlsx"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
MEGABYTE = 2**20


# --- full disks -----------------------------------------------------------------------------------------------


def may_mount() -> bool:
    """Whether this user may make a small disk of memory."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    trial = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


small_disks = pytest.mark.skipif(not may_mount(), reason="only root may mount a disk of a megabyte")


@contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes, with what lay in the folder."""
    kept = folder.with_name(f"{folder.name}-kept")
    folder.rename(kept)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def resize(folder: Path, megabytes: int) -> None:
    """Give a disk another size."""
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(folder)], check=True)


@small_disks
def test_a_disk_that_is_full_when_marts_are_published_leaves_the_old_ones(
    workspace: Path, small_workspace: Path
) -> None:
    shutil.rmtree(workspace / "marts" / "ssc_index_parquet", ignore_errors=True)
    used = sum(path.stat().st_size for path in (workspace / "marts").rglob("*") if path.is_file())
    with disk(workspace / "marts", used // 10**6 + 2):  # room for what is there, and no second time
        before = content(workspace)
        with pytest.raises((OSError, duckdb.Error), match="space"):
            publish_workspace(WorkspaceResource(root=str(workspace), afresh=True))
        assert content(workspace) == before == content(small_workspace)
        assert not list((workspace / "marts").glob(".build-*"))
        resize(workspace / "marts", 100)
        publish_workspace(WorkspaceResource(root=str(workspace), afresh=True))
        assert content(workspace) == before


def fill(disk_folder: Path) -> Path:
    """Fill a disk to its last byte; the file that does."""
    filler = disk_folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


@small_disks
def test_a_disk_that_is_full_or_only_for_reading_keeps_what_is_there_and_says_what_to_do(workspace: Path) -> None:
    with disk(workspace, 80) as small:
        before = content(small)
        filler = fill(small)
        result = invoke("release", "2020", "-w", small)
        assert result.exit_code == 3
        said = " ".join(result.stderr.split())
        assert "No space left on device" in said
        assert said.count("Free space and give the command again") == 1
        assert not list((small / "releases").glob("*2020*"))
        assert releases.releases(open_workspace(small)) == []
        filler.unlink()

        drop_submission(small / "raw" / OTHER)
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        for command in (("build",), ("release", "2020")):
            result = invoke(*command, "-w", small)
            assert result.exit_code == 3
            said = " ".join(result.stderr.split())
            assert "Read-only file system" in said
            assert "nothing was changed. Have the disk mounted for writing" in said
        assert content(small) == before
        result = invoke("query", "-w", small, "select count(*) from ranking")
        assert result.exit_code == 0, result.stderr


# --- damaged files --------------------------------------------------------------------------------------------


def test_a_damaged_warehouse_is_built_again_from_raw_and_never_published_in_part(
    workspace: Path, small_workspace: Path
) -> None:
    warehouse = workspace / "warehouse.duckdb"
    damaged = bytearray(warehouse.read_bytes())
    for at in range(20_000, len(damaged) - 4096, 100_000):
        damaged[at : at + 4096] = bytes(4096)
    warehouse.write_bytes(damaged)
    result = invoke("build", "-w", workspace, "--afresh")
    assert result.exit_code == 3
    assert "delete it and build again" in result.stderr.replace("\n", " ")
    warehouse.unlink()

    result = invoke("build", "-w", workspace, "--edition", "2020")
    assert result.exit_code == 3
    for edition in (2018, 2019):
        assert f"edition {edition} is published, and the warehouse knows nothing of it" in result.stderr
    assert content(workspace) == content(small_workspace)
    build(workspace)
    assert content(workspace) == content(small_workspace)


def test_a_truncated_and_a_replaced_file_are_named_and_their_edition_is_not_released(workspace: Path) -> None:
    cut, replaced = workspace / "raw" / WORKBOOK, workspace / "raw" / OTHER
    for path in (cut, replaced):
        sha = hashlib.sha256(path.read_bytes()).hexdigest()
        change_receipt(receipt_path(path), lambda row, sha=sha: {**row, "file_sha256": sha})
    build(workspace)
    assert not findings(workspace, rule="other_file")

    cut.write_bytes(cut.read_bytes()[:2000])
    replaced.write_bytes(replaced.read_bytes() + b"\0")  # another file that can be read all the same
    build(workspace)
    faults = [row for row in findings(workspace) if row["path"] in (WORKBOOK, OTHER) and row["severity"] == "error"]
    assert {row["path"] for row in faults} == {WORKBOOK, OTHER}
    values = mart_tables(workspace)["fact_value"].filter(edition=2020, value_year=2020)
    assert set(values["city_id"])
    assert not {REPORT, CITY} & set(values["city_id"])

    result = invoke("release", "2020", "-w", workspace)
    assert result.exit_code == 3
    said = result.stderr.replace("\n", " ")
    assert f"raw/{WORKBOOK}: it cannot be read as a submission" in said
    assert f"raw/{OTHER}: it is not the file that its receipt is for" in said
    assert releases.releases(open_workspace(workspace)) == []


@small_disks
def test_a_disk_that_is_full_when_a_workbook_is_taken_in_is_said_once_and_the_build_goes_on_after(
    workspace: Path,
) -> None:
    set_cell(workspace / "raw" / WORKBOOK, "F11", "<v>77</v>")
    with disk(workspace, 80) as small:
        before = content(small)
        filler = fill(small)
        result = invoke("build", "-w", small)
        assert result.exit_code == 3
        assert "Traceback" not in result.stderr
        said = " ".join(result.stderr.split())
        assert said.count("what was committed is not computed again") == 1, said
        assert "No space left on device" in said
        assert content(small) == before

        filler.unlink()
        assert invoke("build", "-w", small).exit_code == 0
        after = content(small)
    assert after != before
    kept = workspace.with_name(f"{workspace.name}-kept")
    build(kept)
    assert after == content(kept)


# --- clocks and years -----------------------------------------------------------------------------------------


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (Debian: apt-get install libfaketime)")
def test_a_clock_that_was_moved_back_beyond_the_last_edition_is_told_and_nothing_is_built(workspace: Path) -> None:
    set_cell(workspace / "raw" / WORKBOOK, "F11", "<v>77</v>")
    before = content(workspace)
    moved = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    # In 2015 there is no edition of 2020: nothing is built rather than a part of it.
    result = run_cli("build", "-w", workspace, FAKETIME="@2015-12-11 12:00:00", **moved)
    assert result.returncode == 3, result.stdout[-1000:]
    assert "but the edition 2020 has been built. Set the clock" in " ".join(result.stderr.split())
    assert content(workspace) == before


# Looks at the workspace as sensor and schedule do, by a clock that is set anew before each look.
TICKING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import dagster as dg
from assets.resources import WorkspaceResource
from pipelines.schedules import nightly_draft
from pipelines.sensors import submissions_arrived

root, clock = sys.argv[1:]
cursor = None

def told(result):
    return [f"{one.run_key[:5]} {one.tags['dagster/asset_partition_range_end']}" for one in result or ()]

for moment in ("2021-03-10", "2021-03-10", "2021-03-01", "2020-03-01", "2015-03-01", "2021-03-11"):
    Path(clock).write_text(f"@{moment} 12:00:00")
    store = {"store": WorkspaceResource(root=root)}
    try:
        with dg.build_sensor_context(cursor=cursor, resources=store) as context:
            look = submissions_arrived(context)
        cursor = look.cursor or cursor
        now = datetime.now(UTC)
        with dg.build_schedule_context(resources=store, scheduled_execution_time=now) as context:
            night = nightly_draft(context)
        print(moment, told(look.run_requests), night.run_key, night.tags["dagster/asset_partition_range_end"])
    except Exception as error:
        print(moment, type(error).__name__)
"""


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (Debian: apt-get install libfaketime)")
def test_a_clock_that_goes_back_starts_no_second_run_and_a_wrong_year_none_at_all(
    workspace: Path, tmp_path: Path
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("@2021-03-10 12:00:00", encoding="utf-8")
    moved = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
    }
    command = [sys.executable, "-W", "ignore", "-c", TICKING, str(workspace), str(clock)]
    environment = {**os.environ, **ENVIRONMENT, **moved}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [
        "2021-03-10 [] draft-2021-03-10 2020",
        # The files have stayed the same: one run.
        "2021-03-10 ['files 2020'] draft-2021-03-10 2020",
        # Nine days back, and a year: the same files, the key of a night that has had its run, no other editions.
        "2021-03-01 [] draft-2021-03-01 2020",
        "2020-03-01 [] draft-2020-03-01 2020",
        # A year in which the editions that stand could not have been: both say so, and ask for nothing.
        "2015-03-01 ClockError",
        "2021-03-11 [] draft-2021-03-11 2020",
    ]


def test_a_year_without_a_submission_is_no_edition_and_the_next_carries_over_it(workspace: Path) -> None:
    for path in sorted((workspace / "raw" / "2019").glob("*.xlsx")):
        drop_submission(path)
    build(workspace)
    for name in (PUBLIC, INTERNAL):
        marts = mart_tables(workspace, name)
        editions = {table: set(frame["edition"]) for table, frame in marts.items() if "edition" in frame.columns}
        assert {2018, 2020} == editions["dim_edition"]
        assert not [table for table, found in editions.items() if 2019 in found]
    carried = mart_tables(workspace)["fact_value"].filter(pl.col("edition") == 2020, "is_carried")
    assert set(carried["value_year"]) == {2018}
    result = invoke("release", "2019", "-w", workspace)
    assert result.exit_code in (2, 3)
    assert "There is no submission of 2019" in " ".join(result.stderr.split())
    # The year comes late: its edition is there, and the next carries from it.
    add_submission(workspace, "2019/late.xlsx", CITY, 2019, {"EC_ICT_ICT_5C.main": Entry(31)})
    build(workspace)
    assert 2019 in set(mart_tables(workspace)["dim_edition"]["edition"])
