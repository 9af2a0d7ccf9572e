"""The warehouse: one writer, whole transactions, messages that a person can act on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from platform import node

import duckdb
import polars as pl
import pytest

from assets import warehouse as warehouse_module
from assets.index import RECEIPTS_WITHIN_AGE
from assets.warehouse import (
    OtherVersionError,
    UnreadableError,
    WarehouseError,
    connect,
    insert_rows,
    open_writer,
    read_queries,
    replace_rows,
    transaction,
    writer_lock,
)
from assets.workspace import PROJECT
from schemas import raw
from schemas.table import Column, Table
from tests.assets.cohort import (
    file_rows,
    receipt_row,
    receipts_frame,
    register_frame,
    submission_row,
    submissions_frame,
)

NOTES = Table(
    name="core.notes",
    description="One row per note; it's a test.",
    key=("edition", "city_id"),
    columns={
        "edition": Column(pl.Int16, "Edition."),
        "city_id": Column(pl.String, "City."),
        "score": Column(pl.Float64, "Score.", nullable=True),
    },
)

HOLDER = """
import sys, time
from pathlib import Path
from assets.warehouse import writer_lock
with writer_lock(Path(sys.argv[1]), "building the index"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def rows(*cells: tuple[int, str, float | None]) -> pl.DataFrame:
    return NOTES.conform(pl.DataFrame(list(cells), schema=NOTES.polars_schema, orient="row"))


def test_texts_are_read_as_categories_in_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "warehouse.duckdb"
    written = rows(*((2020 + n % 3, f"city {n % 4}", None if n % 5 else n / 7) for n in range(12)))
    with open_writer(path, "a test", [NOTES]) as connection:
        insert_rows(connection, NOTES, written)
    monkeypatch.setattr(warehouse_module, "ROWS_AT_ONCE", 5)  # more than one batch
    for query in ("select * from core.notes", "select * from core.notes where edition = 1999"):
        plain, coded = (read_queries(path, {"it": query}, coded=coded)["it"] for coded in (False, True))
        assert coded.schema["city_id"] == pl.Categorical
        assert coded.with_columns(pl.col("city_id").cast(pl.String)).equals(plain)


def stored(path: Path) -> list[tuple[object, ...]]:
    return read_queries(path, {"notes": "select * from core.notes order by all"})["notes"].rows()


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse with two editions of notes."""
    path = tmp_path / "warehouse.duckdb"
    with open_writer(path, "a test", [NOTES]) as connection:
        insert_rows(connection, NOTES, rows((2023, "a", 1.0), (2024, "a", 2.0)))
    return path


# --- the lock -------------------------------------------------------------------------------------------------


@pytest.fixture
def holder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the right to write, for half a second or as long as the test says."""
    seconds = str(getattr(request, "param", 0.5))
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "warehouse.duckdb"), seconds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_writer_waits_and_is_told_for_whom(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    told: list[str] = []
    with writer_lock(tmp_path / "warehouse.duckdb", "a test", told.append):
        assert holder.wait(timeout=5) == 0
    assert told == [f"Waiting: warehouse.duckdb.lock is held by process {holder.pid} of {node()} (building the index)."]


@pytest.mark.parametrize("holder", [600], indirect=True)
def test_a_killed_holder_frees_the_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    with writer_lock(tmp_path / "warehouse.duckdb", "a test", timeout=60):
        assert holder.wait(timeout=60) < 0


def test_when_the_time_is_up_the_holder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "warehouse.duckdb"
    holder = re.escape(f"process {os.getpid()} of {node()} (building the index)")
    held = f"warehouse.duckdb.lock is still held by {holder} after 0.06 s"
    with (
        writer_lock(path, "building the index"),
        pytest.raises(WarehouseError, match=held),
        writer_lock(path, "a test", timeout=0.06),
    ):
        pytest.fail("two hold the lock")
    assert capsys.readouterr().err.startswith("Waiting: warehouse.duckdb.lock is held by process")


READER = """
import sys, time
import duckdb
with duckdb.connect(sys.argv[1], read_only=True):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_program_of_somebody_elses_that_looks_at_the_warehouse_is_waited_for_and_then_told(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not damaged: whoever deleted it, as one is told to do with those that are, would lose time."""
    command = [sys.executable, "-c", READER, str(warehouse), "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as one:
        try:
            assert one.stdout is not None
            assert one.stdout.readline() == "held\n"
            monkeypatch.setattr(warehouse_module, "PATIENCE", 0.0)
            with pytest.raises(UnreadableError) as caught, open_writer(warehouse, "a test", [NOTES]):
                pytest.fail("two write")
            assert "close it there" in str(caught.value)
            assert str(one.pid) in str(caught.value)
            assert "delete" not in str(caught.value)
            # It goes away while we wait.
            monkeypatch.setattr(warehouse_module, "PATIENCE", 600.0)
            monkeypatch.setattr(warehouse_module.time, "sleep", lambda _: (one.kill(), one.wait()))
            with open_writer(warehouse, "a test", [NOTES]):
                pass
        finally:
            one.kill()


def test_an_error_inside_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writer_lock(tmp_path / "w", "failing"):
        _ = 1 / 0
    with writer_lock(tmp_path / "w", "a test", timeout=0):
        pass


# --- transactions ---------------------------------------------------------------------------------------------


def test_an_error_rolls_everything_back(warehouse: Path) -> None:
    def fail_half_way() -> None:
        with open_writer(warehouse, "a test", [NOTES]) as connection, transaction(connection):
            replace_rows(connection, NOTES, rows((2024, "b", 9.0)), None, [])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert stored(warehouse) == [(2023, "a", 1.0), (2024, "a", 2.0)]


def test_replacing_touches_the_named_rows_only(warehouse: Path) -> None:
    with open_writer(warehouse, "a test", [NOTES]) as connection, transaction(connection):
        replace_rows(connection, NOTES, rows((2024, "b", None)), "list_contains(?, edition)", [[2024, 2025]])
    assert stored(warehouse) == [(2023, "a", 1.0), (2024, "b", None)]


def test_replacing_without_a_condition_replaces_all(warehouse: Path) -> None:
    with open_writer(warehouse, "a test", [NOTES]) as connection, transaction(connection):
        replace_rows(connection, NOTES, NOTES.empty(), None, [])
    assert stored(warehouse) == []


def test_rows_are_inserted_by_name_whatever_the_order_of_columns(warehouse: Path) -> None:
    with open_writer(warehouse, "a test", [NOTES]) as connection:
        insert_rows(connection, NOTES, rows((2025, "c", 3.0)).select("score", "city_id", "edition"))
    assert stored(warehouse)[-1] == (2025, "c", 3.0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident memory is read from /proc")
def test_frames_that_are_inserted_in_one_transaction_leave_no_copy_behind(tmp_path: Path) -> None:
    table = Table(name="core.counts", description="Numbers.", key=(), columns={"n": Column(pl.Int64, "A number.")})

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / 1e6

    with open_writer(tmp_path / "warehouse.duckdb", "a test", [table]) as connection, transaction(connection):
        connection.execute("set memory_limit = '60MB'")
        before = 0.0
        for _ in range(14):
            insert_rows(connection, table, pl.select(pl.int_range(1_000_000).alias("n")))
            before = before or resident()  # the first makes room for all of them
        grown = resident() - before
    # Thirteen frames of 8 MB, of which DuckDB keeps every one that is registered: 104 MB.
    assert grown < 50


def test_a_missing_key_is_refused_by_the_table_itself(warehouse: Path) -> None:
    nameless = pl.DataFrame([(2024, None, 1.0)], schema=NOTES.polars_schema, orient="row")
    with (
        open_writer(warehouse, "a test", [NOTES]) as connection,
        pytest.raises(duckdb.ConstraintException, match="city_id"),
    ):
        insert_rows(connection, NOTES, nameless)


def test_opening_again_keeps_the_rows(warehouse: Path) -> None:
    with open_writer(warehouse, "a test", [NOTES]) as connection:
        assert connection.table("core.notes").count("*").fetchall() == [(2,)]


# --- reading and faults ---------------------------------------------------------------------------------------


def test_values_of_a_query_are_parameters(warehouse: Path) -> None:
    injected = "a' or 'a' = 'a"
    read = read_queries(warehouse, {"notes": ("select * from core.notes where city_id = ?", [injected])})
    assert read["notes"].is_empty()


def test_times_are_read_in_utc() -> None:
    with connect() as connection:
        moment = connection.sql("select timestamptz '2025-03-01 12:00:00+02' as moment").pl()["moment"]
    assert moment.dtype == pl.Datetime("us", "UTC")
    assert moment.item() == datetime(2025, 3, 1, 10, tzinfo=UTC)


def test_without_a_warehouse_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"no warehouse at .*warehouse\.duckdb yet\. Run `ssc-index build` first"):
        read_queries(tmp_path / "warehouse.duckdb", {"one": "select 1"})


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database" * 1000, id="another file"),
        pytest.param(None, id="cut off"),
    ],
)
def test_a_corrupted_warehouse_says_how_to_build_it_again(warehouse: Path, content: bytes | None) -> None:
    warehouse.write_bytes(warehouse.read_bytes()[:5000] if content is None else content)
    with (
        pytest.raises(WarehouseError, match=r"delete it and build again"),
        open_writer(warehouse, "a test", [NOTES]),
    ):
        pytest.fail("opened")


def test_reading_a_corrupted_warehouse_says_how_to_build_it_again(warehouse: Path) -> None:
    warehouse.write_bytes(b"this is no database" * 1000)
    with pytest.raises(WarehouseError, match=r"delete it and build again"):
        read_queries(warehouse, {"one": "select 1"})


def test_a_block_that_was_damaged_is_told_when_it_is_read(warehouse: Path) -> None:
    """The file opens: its headers are whole, and DuckDB finds the damage by the block's checksum."""
    with open_writer(warehouse, "a test", [NOTES]) as connection:
        connection.execute("create table filler as select range as number, hash(range) as text from range(200000)")
    content = bytearray(warehouse.read_bytes())
    for at in range(20_000, len(content) - 4096, 50_000):
        content[at : at + 4096] = b"\xff" * 4096
    warehouse.write_bytes(content)
    with pytest.raises(UnreadableError, match=r"(?s)damaged.*delete it and build again"):
        read_queries(warehouse, {"all": "select * from filler"})
    with (
        pytest.raises(UnreadableError, match=r"(?s)damaged.*delete it and build again"),
        open_writer(warehouse, "a test", [NOTES]) as connection,
    ):
        connection.execute("select sum(hash(number, text)) from filler").fetchall()


def test_reading_what_an_older_version_did_not_fill_says_what_to_do(warehouse: Path) -> None:
    read_queries(warehouse, {"notes": "select score from core.notes"})
    with pytest.raises(OtherVersionError, match=r"was made by another version: .*grade.*delete it and run"):
        read_queries(warehouse, {"asked": "select grade from core.notes"})


@pytest.mark.parametrize("name", ["core.points", "index.points"])
def test_reading_what_a_build_that_was_ended_did_not_come_to_says_to_build(warehouse: Path, name: str) -> None:
    """The first build of a workspace, killed: nothing is to be deleted."""
    with pytest.raises(
        WarehouseError, match=r"has not been filled to its end: .*points.*Run `ssc-index build`"
    ) as told:
        read_queries(warehouse, {"asked": f"select score from {name}"})
    assert "delete" not in str(told.value)


@pytest.mark.parametrize("name", ["grade", "total"])
def test_a_table_with_other_columns_is_not_written_to(warehouse: Path, name: str) -> None:
    other = replace(NOTES, columns={**NOTES.columns, name: Column(pl.Float64, "Another.")})
    with pytest.raises(OtherVersionError, match="delete it and run"), open_writer(warehouse, "testing", [other]):
        pass


def test_tables_bear_their_comments(warehouse: Path) -> None:
    read = read_queries(warehouse, {"told": "select comment from duckdb_tables() where table_name = 'notes'"})
    assert read["told"].item() == "One row per note; it's a test."


# --- which receipts an edition sees ---------------------------------------------------------------------------


def test_receipts_of_cities_outside_the_register_count_for_nothing(tmp_path: Path) -> None:
    # City z submitted, but cities.csv does not know it: the build goes on without it.
    path = tmp_path / "warehouse.duckdb"
    receipts = receipts_frame([receipt_row("a", 2023), receipt_row("z", 2023)])
    submissions = submissions_frame([submission_row("a", 2023), submission_row("z", 2023)])
    files = file_rows(receipts.select("file_sha256"))
    with open_writer(path, "a test", raw.TABLES) as connection:
        filled = [(raw.FILES, files), (raw.RECEIPTS, receipts), (raw.SUBMISSIONS, submissions)]
        for table, frame in [*filled, (raw.CITIES, register_frame("ab"))]:
            insert_rows(connection, table, frame)
    assert read_queries(path, {"receipts": (RECEIPTS_WITHIN_AGE, [2023, 2])})["receipts"]["city_id"].to_list() == ["a"]
