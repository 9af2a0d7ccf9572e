"""Taking in: in portions of any size the tables are the same, and a file that is refused late leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest

from assets import ingest as taking_in
from assets.ingest import Ingested, ingest
from assets.warehouse import open_writer
from assets.workspace import Workspace, open_workspace
from intake import bulk, long_table
from intake.gathering import Readings
from intake.reading import sha256_of
from intake.receipts import receipt_path
from intake.template import City, Entry, write_workbook
from schemas import raw
from schemas.state import STEPS
from ssc_index.framework.catalogue import load_catalogue

FILE_PATH = list(raw.FILES.columns).index("path")
INTERNET, PLANS = "EC_ICT_ICT_1C.main", "SC_SH_SA_3A.main"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Five workbooks and a bulk file of three lines."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "workspace.yaml").write_text("name: test\n", encoding="utf-8")
    for number in range(5):
        write_workbook(
            tmp_path / "raw" / f"{number}.xlsx",
            load_catalogue(),
            city=City(f"no-{number}", f"City {number}", "Norway"),
            year=2024,
            profile={"households": 1000.0},
            entries={INTERNET: Entry(100.0 + number, verified=True)},
        )
    years = pl.DataFrame({"city_id": ["no-rana"] * 3, "year": [2020, 2021, 2022], "data_point": [PLANS] * 3})
    years.with_columns(result=pl.Series(["YES", "NO", "NO"])).write_parquet(
        tmp_path / "raw" / "history.parquet", row_group_size=1
    )
    return open_workspace(tmp_path)


def taken_in(workspace: Workspace, path: Path) -> tuple[Ingested, dict[str, list[tuple[object, ...]]]]:
    """What is found, and the rows of every table."""
    with open_writer(path, "test", (*raw.TABLES, STEPS)) as connection:
        found = ingest(workspace, connection, lambda _done, _total: None)
        rows = {one.name: sorted(connection.table(one.name).fetchall(), key=repr) for one in raw.TABLES}
    return found, rows


NOON = datetime(2025, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def of_city(number: int, workspace: Workspace) -> Path:
    return workspace.raw / f"{number}.xlsx"


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        (NOON - 2 * SECOND, set()),
        (NOON - SECOND, {"0.xlsx"}),
        # The moment of a receipt counts, in whatever zone either is told.
        (NOON, {"0.xlsx", "1.xlsx", "2.xlsx"}),
        (NOON.astimezone(timezone(timedelta(hours=14))), {"0.xlsx", "1.xlsx", "2.xlsx"}),
        (NOON + SECOND, {"0.xlsx", "1.xlsx", "2.xlsx", "3.xlsx"}),
    ],
)
def test_as_of_a_moment_what_was_received_later_is_not_there(
    workspace: Workspace, tmp_path: Path, moment: datetime, there: set[str]
) -> None:
    told = ["2025-05-01T11:59:59Z", "2025-05-01T12:00:00Z", "2025-05-01T14:00:00+02:00", "2025-05-01T12:00:01Z"]
    for number, received_at in enumerate(told):
        lines = f"city_id,year,received_at\nno-{number},2024,{received_at}\n"
        receipt_path(of_city(number, workspace)).write_text(lines, encoding="utf-8")
    # Without a receipt it may have been there; no moment is known of which it was not.
    assert not receipt_path(of_city(4, workspace)).exists()
    _, rows = taken_in(replace(workspace, as_of=moment), tmp_path / "then.duckdb")
    paths = {str(row[FILE_PATH]) for row in rows["raw.files"]}
    assert paths == {*there, "4.xlsx", "history.parquet"}
    assert len(rows["raw.receipts"]) == len(there)
    assert len(rows["raw.cells"]) == 112 * len(there | {"4.xlsx"}) + 3


def test_of_a_bulk_file_as_of_a_moment_only_those_lines_are_there_that_had_been_received(
    workspace: Workspace, tmp_path: Path
) -> None:
    receipt = receipt_path(workspace.raw / "history.parquet")
    lines = "city_id,year,received_at\nno-rana,2020,2021-05-01\nno-rana,2021,{}\nno-rana,2022,2023-05-01\n"
    then = replace(workspace, as_of=datetime(2022, 6, 1, tzinfo=UTC))
    for received_at, years in (("2022-05-01", [2020, 2021]), ("2022-07-01", [2020]), ("2022-05-01", [2020, 2021])):
        receipt.write_text(lines.format(received_at), encoding="utf-8")
        _, rows = taken_in(then, tmp_path / "then.duckdb")
        for table in (raw.SUBMISSIONS, raw.CELLS, raw.RECEIPTS):
            year = list(table.columns).index("year")
            file = list(table.columns).index("file_sha256")
            found = [row[year] for row in rows[table.name] if row[file] == sha256_of(workspace.raw / "history.parquet")]
            assert sorted(found) == years, table.name  # type: ignore[type-var]  # years are numbers


def test_portions_do_not_show(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, rows = taken_in(workspace, tmp_path / "a.duckdb")
    assert (found.seen, found.new) == (6, 6)
    assert len(rows["raw.cells"]) == 5 * 112 + 3
    monkeypatch.setattr(taking_in, "AT_ONCE", 2)
    monkeypatch.setattr(taking_in, "WRITTEN_AT_ONCE", 2)
    monkeypatch.setattr(long_table, "BATCH_LINES", 1)
    assert taken_in(workspace, tmp_path / "b.duckdb")[1] == rows


def test_a_workbook_that_ends_its_process_is_told_and_tried_again(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "raw" / "3.xlsx"

    def losing(
        work: Callable[[Sequence[Path]], Readings], tasks: Sequence[Sequence[Path]], lost: Callable[[Path], None]
    ) -> Iterator[Readings]:
        lost(place)
        yield from (work([path for path in task if path != place]) for task in tasks)

    monkeypatch.setattr(taking_in, "SMALLEST_POOL", 1)
    monkeypatch.setattr(taking_in, "in_pool", losing)
    found, rows = taken_in(workspace, tmp_path / "a.duckdb")
    assert (found.new, len(rows["raw.files"]), len(rows["raw.cells"])) == (6, 5, 4 * 112 + 3)
    (told,) = [row for row in rows["raw.receipt_faults"] if row[9] == "reader_died"]
    assert (told[0], told[8], told[10]) == (sha256_of(place), "3.xlsx", "error")
    monkeypatch.undo()
    found, rows = taken_in(workspace, tmp_path / "a.duckdb")
    assert (found.new, len(rows["raw.files"])) == (1, 6)
    assert "reader_died" not in {row[9] for row in rows["raw.receipt_faults"]}


def test_a_bulk_file_that_is_refused_late_leaves_no_cells(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_table, "BATCH_LINES", 1)
    monkeypatch.setattr(bulk, "_cells", _failing_after(1, bulk._cells))
    _, rows = taken_in(workspace, tmp_path / "a.duckdb")
    assert len(rows["raw.cells"]) == 5 * 112
    statuses = {(row[2], row[3]) for row in rows["raw.files"]}
    assert statuses == {("workbook", "read"), ("bulk", "refused")}
    assert [row[9] for row in rows["raw.faults"]] == ["unreadable_file"]


def _failing_after(count: int, function: Callable[..., pl.DataFrame]) -> Callable[..., pl.DataFrame]:
    calls = []

    def called(*arguments: object) -> pl.DataFrame:
        calls.append(arguments)
        if len(calls) > count:
            raise OSError("the disk is gone")
        return function(*arguments)

    return called
