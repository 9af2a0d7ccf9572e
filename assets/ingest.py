"""Taking in submissions: only files not seen before are parsed; receipts and register are read anew.

What belongs here: the order of work and what is kept where. What does not: reading of a file (`intake`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import polars as pl

from assets.freshness import READING, code_sha256, record, recorded
from assets.pool import in_pool
from assets.warehouse import insert_rows, transaction
from assets.workspace import Workspace
from intake.addresses import sha256_of_each
from intake.countries import read_national
from intake.gathering import Readings, gathered, read_workbooks
from intake.reading import (
    NATIONAL_NAME,
    REGISTER_NAME,
    is_bulk,
    read_submission,
    sorted_files,
)
from intake.receipts import plain_receipt, read_receipts, received_after
from intake.register import read_register
from intake.tables import Fault, faults_frame
from schemas import raw
from schemas.table import Table
from schemas.validate import Failure, failures
from ssc_index.framework.catalogue import load_catalogue

# Below so many new workbooks a pool of processes costs more than it saves.
SMALLEST_POOL = 150
# So many workbooks are read in one go, and the rows of so many are written in one go.
AT_ONCE, WRITTEN_AT_ONCE = 16, 1024
STEP = "ingest_submissions"
# What tells a submission from others.
SUBMITTED = ("file_sha256", "city_id", "year")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Ingested:
    """What an ingest found.

    Attributes:
        seen: Distinct files below raw/.
        new: Of these, files parsed now, or tried.
        vanished: Files known from before that are no longer there.
        failures: What the schema of each table refuses of the rows written now.
    """

    seen: int
    new: int
    vanished: int
    failures: Mapping[str, list[Failure]]


def ingest(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection, progress: Progress, *, afresh: bool = False
) -> Ingested:
    """Bring schema ``raw`` up to what lies below ``raw/``, in one transaction.

    A file that was parsed by other code or another catalogue is parsed again, so that a warehouse that grew holds
    what one built from nothing would; what a vanished file held stays as it was.

    As of a moment, what was received later is as if it were not there, line by line of a bulk file's receipt. No step
    after this one looks at the moment.

    Args:
        workspace: The workspace.
        connection: An open writer with the tables of `schemas.raw` and `schemas.state`.
        progress: Called with files parsed and files to parse.
        afresh: Whether to parse every file again.

    Returns:
        What was found.
    """
    files, strays_found = sorted_files(workspace.raw)
    places, lines, doubles = _places(files, workspace.raw)
    if workspace.as_of is not None:
        later = {sha for sha, path in places.items() if received_after(path, workspace.as_of)}
        places = {sha: path for sha, path in places.items() if sha not in later}
        doubles = [fault for fault in doubles if fault.file_sha256 not in later]
    strays = faults_frame([*strays_found, *doubles])
    known = set(connection.sql("select file_sha256 from raw.files").pl()["file_sha256"])
    reader = code_sha256(READING)
    is_same_reader = recorded(connection, STEP) == {0: reader} and not afresh
    # Of a bulk file a view as of a moment keeps a part, which another date in its receipt makes another one.
    in_part = {sha for sha, path in places.items() if is_bulk(path)} if workspace.as_of else set()
    new = {sha: path for sha, path in places.items() if sha not in known - in_part or not is_same_reader}
    register, register_faults = read_register(workspace.raw / REGISTER_NAME)
    _, national_faults = read_national(workspace.raw / NATIONAL_NAME)
    ledger = _Ledger(connection)
    with transaction(connection):
        again = [list(known & new.keys())]
        for table in (raw.FILES, raw.SUBMISSIONS, raw.CELLS, raw.FAULTS):
            connection.execute("delete from " + table.name + " where list_contains(?, file_sha256)", again)
        record(connection, STEP, {0: reader})
        lost = faults_frame(_take_in(new, workspace.raw, ledger, progress))
        _mark_present(connection, places, workspace.raw)
        submissions = connection.sql("select * from raw.submissions").pl()
        receipts, receipt_faults = read_receipts(places, submissions, register, lines)
        if workspace.as_of is not None:
            not_yet = receipts.filter(pl.col("received_at") > workspace.as_of).select(SUBMITTED)
            receipts = receipts.join(not_yet, on=SUBMITTED, how="anti", maintain_order="left")
            receipt_faults = receipt_faults.join(not_yet, on=SUBMITTED, how="anti", maintain_order="left")
            _drop_submissions(connection, not_yet)
        faults = pl.concat([strays, lost, register_faults, national_faults, receipt_faults])
        for table, frame in ((raw.CITIES, register), (raw.RECEIPTS, receipts), (raw.RECEIPT_FAULTS, faults)):
            connection.execute("delete from " + table.name)
            ledger.insert(table, table.conform(frame))
    return Ingested(len(places), len(new), len(known - places.keys()), ledger.failures)


@dataclass(frozen=True)
class Differences:
    """In what the files below ``raw/`` are not what was taken in.

    Attributes:
        new: Places of submissions that were never taken in, or not where they were removed since.
        changed: These, and those that are gone, moved, or have another receipt: place by SHA-256.
        is_register_other: Whether the register of cities is another.
        are_faults_other: Whether something else is wrong with receipts, register or the names of files.
    """

    new: Sequence[str]
    changed: Mapping[str, str]
    is_register_other: bool
    are_faults_other: bool

    def __bool__(self) -> bool:
        return bool(self.changed) or self.is_register_other or self.are_faults_other


def differences(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> Differences:
    """Hold what lies below ``raw/`` against what was taken in; no submission is parsed and nothing is written."""
    files, strays = sorted_files(workspace.raw)
    places, lines, doubles = _places(files, workspace.raw)
    present: dict[str, str] = dict(
        connection.sql("select file_sha256, path from raw.files where is_present").fetchall()
    )
    now = {file_sha256: _below(path, workspace.raw) for file_sha256, path in places.items()}
    changed = {
        sha: now.get(sha, present.get(sha, ""))
        for sha in now.keys() | present.keys()
        if now.get(sha) != present.get(sha)
    }
    register, register_faults = read_register(workspace.raw / REGISTER_NAME)
    _, national_faults = read_national(workspace.raw / NATIONAL_NAME)
    submissions = connection.sql("select * from raw.submissions").pl()
    receipts, receipt_faults = read_receipts(places, submissions, register, lines)
    faults = pl.concat([faults_frame([*strays, *doubles]), register_faults, national_faults, receipt_faults])
    others = _rows_that_differ(connection, raw.RECEIPTS, receipts)["file_sha256"]
    changed |= {sha: now[sha] for sha in others if sha in now}
    return Differences(
        sorted(now[sha] for sha in now.keys() - present.keys()),
        changed,
        is_register_other=not _rows_that_differ(connection, raw.CITIES, register).is_empty(),
        are_faults_other=not _rows_that_differ(connection, raw.RECEIPT_FAULTS, faults).is_empty(),
    )


def _rows_that_differ(connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows that only a table or only a frame has."""
    stands, fresh = connection.table(table.name).pl(), table.conform(frame)
    of_one = [
        one.join(other, on=one.columns, how="anti", nulls_equal=True)
        for one, other in ((stands, fresh.cast(dict(stands.schema))), (fresh.cast(dict(stands.schema)), stands))
    ]
    return pl.concat(of_one)


def _drop_submissions(connection: duckdb.DuckDBPyConnection, gone: pl.DataFrame) -> None:
    """Delete what files hold of some submissions."""
    for table in (raw.SUBMISSIONS, raw.CELLS, raw.FAULTS):
        # DuckDB finds the frame by its name here.
        connection.execute(
            "delete from " + table.name + " as held using gone where held.file_sha256 = gone.file_sha256 "
            "and held.city_id = gone.city_id and held.year = gone.year"
        )


@dataclass
class _Ledger:
    """Writes rows and keeps what the schemas refuse of them.

    Attributes:
        connection: An open writer, in a transaction.
        rows: Rows written of each table.
        failures: What its schema refuses, with the row's number among those written.
    """

    connection: duckdb.DuckDBPyConnection
    rows: dict[str, int] = field(default_factory=dict)
    failures: dict[str, list[Failure]] = field(default_factory=dict)

    def insert(self, table: Table, frame: pl.DataFrame) -> None:
        """Append rows in the table's form."""
        before = self.rows.setdefault(table.name, 0)
        found = failures(table, frame) if frame.height else []
        moved = [one if one.row is None else replace(one, row=one.row + before) for one in found]
        self.failures.setdefault(table.name, []).extend(moved)
        self.rows[table.name] += frame.height
        insert_rows(self.connection, table, frame)

    def take_in(self, readings: Sequence[Readings], new: Mapping[str, Path], folder: Path) -> None:
        """Append what was read of some files."""
        files = pl.concat([one.files for one in readings])
        paths = [new[sha] for sha in files["file_sha256"]]
        files = files.with_columns(
            pl.Series("path", [path.relative_to(folder).as_posix() for path in paths], pl.String),
            pl.Series("size_bytes", [path.stat().st_size for path in paths], pl.Int64),
            pl.lit(True).alias("is_present"),
        )
        self.insert(raw.FILES, raw.FILES.conform(files))
        self.insert(raw.SUBMISSIONS, raw.SUBMISSIONS.conform(pl.concat([one.submissions for one in readings])))
        self.insert(raw.CELLS, raw.CELLS.conform(pl.concat([one.cells for one in readings])))
        self.insert(raw.FAULTS, raw.FAULTS.conform(pl.concat([one.faults for one in readings])))


def _take_in(new: Mapping[str, Path], folder: Path, ledger: _Ledger, progress: Progress) -> list[Fault]:
    """Read new files and append what they hold: workbooks, then bulk files, each in the order of their hashes.

    No more than the rows of `WRITTEN_AT_ONCE` workbooks, or of one batch of a bulk file, are held at a time.

    Returns:
        A fault for each workbook that could not be read without losing the process; it stays unknown.
    """
    sha_of = {path: sha for sha, path in new.items()}
    ordered = [new[sha] for sha in sorted(new)]
    workbooks = [path for path in ordered if not is_bulk(path)]
    waiting: list[Readings] = []
    lost: list[Path] = []
    done = 0
    for readings in _read(workbooks, lost.append):
        waiting.append(readings)
        done += readings.files.height
        if sum(one.files.height for one in waiting) >= WRITTEN_AT_ONCE:
            ledger.take_in(waiting, new, folder)
            waiting = []
        progress(done, len(ordered))
    if waiting:
        ledger.take_in(waiting, new, folder)
    done += len(lost)
    for path in filter(is_bulk, ordered):
        _take_in_bulk(path, new, folder, ledger)
        done += 1
        progress(done, len(ordered))
    return [_reader_died(path.relative_to(folder).as_posix(), sha_of[path]) for path in lost]


def _take_in_bulk(path: Path, new: Mapping[str, Path], folder: Path, ledger: _Ledger) -> None:
    """Read a bulk file and append what it holds, batch by batch."""
    result = read_submission(path, load_catalogue(), lambda cells: ledger.insert(raw.CELLS, raw.CELLS.typed(cells)))
    if result.status == "refused":
        query = "delete from " + raw.CELLS.name + " where file_sha256 = ?"
        ledger.connection.execute(query, [result.file_sha256])
    ledger.take_in([gathered([result])], new, folder)


def _read(paths: Sequence[Path], lost: Callable[[Path], None]) -> Iterator[Readings]:
    """Read workbooks, a few at a time, in their order whatever finishes first."""
    tasks = [paths[start : start + AT_ONCE] for start in range(0, len(paths), AT_ONCE)]
    if len(paths) < SMALLEST_POOL:
        yield from map(read_workbooks, tasks)
    else:
        yield from in_pool(read_workbooks, tasks, lost)


def _reader_died(place: str, file_sha256: str) -> Fault:
    """The fault of a workbook that ended the process that read it, twice."""
    return Fault(
        "reader_died",
        f"{place} ended the process that read it, alone too, so it was left out; all others were read. Try it with "
        "`ssc-index check`. If that ends as well, open the workbook, save it again and report it with the file; "
        "if it does not, the machine was short of memory: build again.",
        file_sha256=file_sha256,
        field="file",
        value=place,
    )


def _places(files: Sequence[Path], folder: Path) -> tuple[dict[str, Path], dict[str, str | None], list[Fault]]:
    """Content of each file to its place, and to the line of its receipt if that is plain (`plain_receipt`).

    A file that lies in several places counts once, at the first.

    The others are told: a receipt beside them does not count. Every file is read, known or not: its size and times say
    nothing of a disk that has lost a byte, nor of who set them back.
    """
    paths = [str(path) for path in files]
    read: list[str | None] = []
    addresses = sha256_of_each(paths, lambda: read.extend(map(plain_receipt, paths)))
    places: dict[str, Path] = {}
    lines: dict[str, str | None] = {}
    doubles = []
    for path, line, file_sha256 in zip(files, read, addresses, strict=True):
        first = places.setdefault(file_sha256, path)
        lines.setdefault(file_sha256, line)
        if first is not path:
            place, other = (one.relative_to(folder).as_posix() for one in (path, first))
            text = f"{place} is the same file as {other}, which alone counts, with the receipt beside it. Remove one."
            doubles.append(
                Fault("same_file_twice", text, "warning", file_sha256=file_sha256, field="file", value=place)
            )
    return places, lines, doubles


def _below(path: Path, folder: Path) -> str:
    """The place of a file below a folder; said of ten thousand, so without `Path.relative_to`."""
    return path.as_posix().removeprefix(f"{folder.as_posix()}/")


def _mark_present(connection: duckdb.DuckDBPyConnection, places: Mapping[str, Path], folder: Path) -> None:
    """Note of every file ever seen where it lies now, or that it is gone."""
    listed = pl.DataFrame(
        {
            "file_sha256": list(places),
            "path": [_below(path, folder) for path in places.values()],
        },
        schema={"file_sha256": pl.String, "path": pl.String},
    )
    connection.register("places", listed)
    connection.execute(
        "update raw.files set is_present = not is_present "
        "where is_present != (file_sha256 in (select file_sha256 from places))"
    )
    connection.execute(
        "update raw.files set path = places.path from places "
        "where raw.files.file_sha256 = places.file_sha256 and raw.files.path != places.path"
    )
    connection.unregister("places")
