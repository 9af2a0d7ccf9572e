"""Taking in submissions: only files not seen before are parsed; receipts and register are read anew.

What belongs here: the order of work and what is kept where. What does not: reading of a file (`intake`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import duckdb
import polars as pl

from assets.freshness import READING, code_sha256, record, recorded
from assets.warehouse import insert_rows, replace_rows, transaction
from assets.workspace import Workspace
from intake.countries import read_national
from intake.reading import NATIONAL_NAME, REGISTER_NAME, raw_files, read_submission, sha256_of, stray_files
from intake.receipts import read_receipts
from intake.register import read_register
from intake.tables import Fault, ReadResult, faults_frame
from schemas import raw
from schemas.table import Table
from schemas.validate import Failure, failures
from ssc_index.framework.catalogue import load_catalogue

# Below so many new files a pool of processes costs more than it saves.
SMALLEST_POOL = 24
STEP = "ingest_submissions"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Ingested:
    """What an ingest found.

    Attributes:
        seen: Distinct files below raw/.
        new: Of these, files parsed now.
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

    Args:
        workspace: The workspace.
        connection: An open writer with the tables of `schemas.raw` and `schemas.state`.
        progress: Called with files parsed and files to parse.
        afresh: Whether to parse every file again.

    Returns:
        What was found.
    """
    places, doubles = _places(raw_files(workspace.raw), workspace.raw)
    strays = faults_frame([*stray_files(workspace.raw), *doubles])
    known = set(connection.sql("select file_sha256 from raw.files").pl()["file_sha256"])
    reader = code_sha256(READING)
    is_same_reader = recorded(connection, STEP) == {0: reader} and not afresh
    new = {sha: path for sha, path in places.items() if sha not in known or not is_same_reader}
    parsed = list(_parse(new, progress))
    register, register_faults = read_register(workspace.raw / REGISTER_NAME)
    _, national_faults = read_national(workspace.raw / NATIONAL_NAME)
    written: list[tuple[Table, pl.DataFrame]] = list(_new_rows(parsed, places, workspace.raw))
    with transaction(connection):
        again = [list(known & new.keys())]
        for table in (raw.FILES, raw.SUBMISSIONS, raw.CELLS, raw.FAULTS):
            connection.execute("delete from " + table.name + " where list_contains(?, file_sha256)", again)
        record(connection, STEP, {0: reader})
        for table, frame in written:
            insert_rows(connection, table, frame)
        _mark_present(connection, places, workspace.raw)
        submissions = connection.sql("select * from raw.submissions").pl()
        receipts, receipt_faults = read_receipts(places, submissions, register)
        faults = pl.concat([strays, register_faults, national_faults, receipt_faults])
        replaced = [(raw.CITIES, register), (raw.RECEIPTS, receipts), (raw.RECEIPT_FAULTS, faults)]
        for table, frame in replaced:
            written.append((table, table.conform(frame)))
            replace_rows(connection, table, written[-1][1], None, [])
    found = {table.name: failures(table, frame) for table, frame in written}
    return Ingested(len(places), len(new), len(known - places.keys()), found)


def _places(files: Sequence[Path], folder: Path) -> tuple[dict[str, Path], list[Fault]]:
    """Content of each file to its place; a file that lies in several places counts once, at the first.

    The others are told: a receipt beside them does not count.
    """
    places: dict[str, Path] = {}
    doubles = []
    for path in sorted(files, key=lambda one: one.relative_to(folder).as_posix()):
        file_sha256 = sha256_of(path)
        first = places.setdefault(file_sha256, path)
        if first is not path:
            place, other = (one.relative_to(folder).as_posix() for one in (path, first))
            text = f"{place} is the same file as {other}, which alone counts, with the receipt beside it. Remove one."
            doubles.append(
                Fault("same_file_twice", text, "warning", file_sha256=file_sha256, field="file", value=place)
            )
    return places, doubles


def _parse(new: Mapping[str, Path], progress: Progress) -> Iterator[ReadResult]:
    """Parse files, in order of their hashes whatever finishes first."""
    paths = [new[sha] for sha in sorted(new)]
    if len(paths) < SMALLEST_POOL:
        for done, path in enumerate(paths, 1):
            yield read_submission(path, load_catalogue())
            progress(done, len(paths))
        return
    workers = min(os.cpu_count() or 1, 8)
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        for done, result in enumerate(pool.map(_read, paths, chunksize=8), 1):
            yield result
            progress(done, len(paths))


def _new_rows(
    parsed: Sequence[ReadResult], places: Mapping[str, Path], folder: Path
) -> Iterator[tuple[Table, pl.DataFrame]]:
    """What was parsed, as rows of the append-only tables."""
    if not parsed:
        return
    files = pl.DataFrame(
        [
            {
                "file_sha256": result.file_sha256,
                "path": places[result.file_sha256].relative_to(folder).as_posix(),
                "kind": result.kind,
                "status": result.status,
                "size_bytes": places[result.file_sha256].stat().st_size,
                "framework_version": result.framework_version,
                "column_map": json.dumps(dict(result.column_map), sort_keys=True),
                "is_present": True,
            }
            for result in parsed
        ],
        schema=raw.FILES.polars_schema,
    )
    yield raw.FILES, files
    yield raw.SUBMISSIONS, raw.SUBMISSIONS.conform(pl.concat([result.submissions for result in parsed]))
    yield raw.CELLS, raw.CELLS.conform(pl.concat([result.cells for result in parsed]))
    yield raw.FAULTS, raw.FAULTS.conform(pl.concat([result.faults for result in parsed]))


def _mark_present(connection: duckdb.DuckDBPyConnection, places: Mapping[str, Path], folder: Path) -> None:
    """Note of every file ever seen where it lies now, or that it is gone."""
    listed = pl.DataFrame(
        {
            "file_sha256": list(places),
            "path": [path.relative_to(folder).as_posix() for path in places.values()],
        },
        schema={"file_sha256": pl.String, "path": pl.String},
    )
    connection.register("places", listed)
    connection.execute("update raw.files set is_present = file_sha256 in (select file_sha256 from places)")
    connection.execute(
        "update raw.files set path = places.path from places where raw.files.file_sha256 = places.file_sha256"
    )
    connection.unregister("places")


def _read(path: Path) -> ReadResult:
    return read_submission(path, load_catalogue())
