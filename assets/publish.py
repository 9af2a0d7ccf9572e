"""Publishing: marts built beside the old ones, checked, and renamed over them.

What belongs here: how marts come to be on disk. What does not: their columns (`schemas/marts.py`), their SQL
(`sql/marts/`), who may see what (`intake/consent.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from assets.warehouse import connect
from assets.workspace import PROJECT
from schemas.table import Table
from schemas.validate import failures
from ssc_index.errors import FaultsError

SQL = PROJECT / "sql"
# In this order: later ones stand on earlier ones.
VIEWS = (
    "ranking",
    "city_profile",
    "compare_cities",
    "kpi_trend",
    "ranking_of",
    "against_peers",
    "movers",
    "who_is_ahead",
    "drivers",
    "where_from",
)

# Readable by DuckDB from 1.5 on; files of the default version of 2.0 are not. A mart that is not finished is thrown
# away, so that its rows need no log beside the file.
ATTACH = "attach ? as mart (storage_version 'v1.5.0', recovery_mode 'no_wal_writes')"

# Tables of more rows than this are exported edition by edition.
MANY_ROWS = 500_000

# DuckDB may take so many MB for one mart, and in proportion more where a frame has more rows than this.
LEAST_ROOM, ROWS_OF_LEAST_ROOM = 120, 500_000

WORD = re.compile(r"\w+")

PUBLIC_MODE = 0o644
INTERNAL_MODE = 0o600


class PublishError(FaultsError):
    """A mart that failed its checks; the old one stays."""


@dataclass(frozen=True)
class Published:
    """What was published.

    Attributes:
        path: The mart.
        rows: Number of rows of each table.
        content_sha256: Address of the content: equal for equal tables and views, whatever built them. The DuckDB
            file itself carries a random identifier and has no such address.
        checks: The checks that ran and held.
    """

    path: Path
    rows: Mapping[str, int]
    content_sha256: str
    checks: tuple[str, ...]


class MartBuilder:
    """A mart on its way: filled frame by frame in a private folder, then checked and put in the old one's place.

    Use it through `building`. A reader that has the old mart open keeps it whole; a process that dies at any point
    leaves the old mart. Only one may be built at a time in a folder: hold the workspace's writer lock.
    """

    def __init__(self, path: Path, tables: Sequence[Table], mode: int, folder: Path) -> None:
        self._path, self._tables, self._mode, self._folder = path, tuple(tables), mode, folder
        self._connection = connect()
        self._rows_at_once = 0
        self._have_room_for(0)
        # What does not fit goes where only we can read it, and goes away with the folder.
        self._connection.execute("set temp_directory = ?", [str(folder / "spilled")])
        # As Polars writes texts into Parquet.
        self._connection.execute("set arrow_large_buffer_size = true")
        self._connection.execute(ATTACH, [str(folder / path.name)])
        self._connection.execute("use mart")
        # The one checkpoint at the end writes everything; one after each edition would write the first ten times.
        self._connection.execute("set wal_autocheckpoint = '100GB'")
        statements = [statement for table in self._tables for statement in (table.ddl(), *table.comments())]
        self._connection.execute(";\n".join(["begin", *statements, "commit"]))

    def insert(self, frames: Mapping[str, pl.DataFrame], tables: Sequence[Table] | None = None) -> None:
        """Run the SQL of some tables, or of all, on frames by the names that the SQL uses."""
        self._have_room_for(max((frame.height for frame in frames.values()), default=0))
        for table in self._tables if tables is None else tables:
            script = (SQL / "marts" / f"{table.name}.sql").read_text(encoding="utf-8")
            used = set(WORD.findall(script)) & frames.keys()
            for name in used:
                self._connection.register(name, frames[name])
            self._connection.execute(script)
            for name in used:
                self._connection.unregister(name)

    def _have_room_for(self, rows: int) -> None:
        """Let the mart take memory for so many rows of one frame, and no more: two are filled beside the frames.

        Editions of a thousand cities have 230,000 scores. Those of ten thousand did not fit in the room of these.
        """
        if rows > self._rows_at_once or not self._rows_at_once:
            self._rows_at_once = max(rows, ROWS_OF_LEAST_ROOM)
            room = LEAST_ROOM * self._rows_at_once // ROWS_OF_LEAST_ROOM
            self._connection.execute("set memory_limit = ?", [f"{room}MB"])

    def seal(self) -> Published:
        """Check what was filled, export it and close the file; nothing is published yet.

        Raises:
            PublishError: If a check fails; every fault is listed and the old mart is untouched.
        """
        connection = self._connection
        for view in VIEWS:
            connection.execute((SQL / "marts" / f"{view}.sql").read_text(encoding="utf-8"))
        faults: list[str] = []
        checks = _run_checks(connection, {table.name for table in self._tables}, faults)
        hashes, rows = self._export(faults)
        checks += [f"schema of {table.name}" for table in self._tables]
        if faults:
            raise PublishError(f"{self._path.name} not published, the old mart stays", faults)
        connection.execute("checkpoint mart")
        connection.execute("use memory")
        connection.execute("detach mart")
        content = _content_sha256(hashes, self._tables)
        manifest = {"content_sha256": content, "tables": hashes, "rows": rows, "checks": checks}
        _write_manifest(self._folder / "manifest.json", manifest)
        return Published(self._path, rows, content, tuple(checks))

    def switch(self, sealed: Published) -> None:
        """Put the mart that was sealed in the place of the old one."""
        _switch(self._folder, self._path, sealed.content_sha256, self._mode)

    def _export(self, faults: list[str]) -> tuple[dict[str, str], dict[str, int]]:
        """Write every table as Parquet; return hash and rows of each."""
        exported = self._folder / "parquet"
        exported.mkdir()
        told = {
            table.name: _export_table(self._connection, table, exported / f"{table.name}.parquet", faults)
            for table in self._tables
        }
        return {name: one[0] for name, one in told.items()}, {name: one[1] for name, one in told.items()}

    def close(self) -> None:
        """Let go of the mart's file."""
        self._connection.close()


@contextmanager
def building(path: Path, tables: Sequence[Table], mode: int) -> Iterator[MartBuilder]:
    """A builder of a mart; whatever was not published when the block ends is removed.

    Args:
        path: Where the mart goes, for example ``marts/ssc_index.duckdb``.
        tables: Its tables.
        mode: File mode of the mart and its Parquet files.
    """
    with _private_folder(path) as folder:
        builder = MartBuilder(path, tables, mode, folder)
        try:
            yield builder
        finally:
            builder.close()


def publish(path: Path, tables: Sequence[Table], frames: Mapping[str, pl.DataFrame], mode: int) -> Published:
    """Build and publish a mart from frames that fit in memory; see `MartBuilder`."""
    with building(path, tables, mode) as builder:
        builder.insert(frames)
        sealed = builder.seal()
        builder.switch(sealed)
        return sealed


def standing(path: Path) -> Published | None:
    """What is published at a path, by its manifest; None where mart, manifest or Parquet folder is missing."""
    manifest = path.with_name(f"{path.stem}_manifest.json")
    if not (path.is_file() and manifest.is_file() and path.with_name(f"{path.stem}_parquet").is_dir()):
        return None
    told = json.loads(manifest.read_text(encoding="utf-8"))
    return Published(path, told["rows"], told["content_sha256"], tuple(told["checks"]))


@contextmanager
def _private_folder(path: Path) -> Iterator[Path]:
    """A folder beside the marts that only we can enter; what dead builds of this mart left behind is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".build-{path.stem}-*"):
        shutil.rmtree(leftover)
    folder = path.parent / f".build-{path.stem}-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_checks(connection: duckdb.DuckDBPyConnection, present: set[str], faults: list[str]) -> list[str]:
    """Run every check of ``sql/checks`` whose tables are present; each offending row is a fault."""
    ran = []
    for script in sorted((SQL / "checks").glob("*.sql")):
        text = script.read_text(encoding="utf-8")
        needed = text.splitlines()[1].removeprefix("-- tables:").replace(" ", "").split(",")
        if not present.issuperset(needed):
            continue
        offending = connection.sql(text).pl()
        ran.append(script.stem)
        faults += [f"{script.stem}: {row}" for row in offending.head(20).to_dicts()]
        if offending.height > 20:
            faults.append(f"{script.stem}: and {offending.height - 20} rows more")
    return ran


def _export_table(
    connection: duckdb.DuckDBPyConnection, table: Table, path: Path, faults: list[str]
) -> tuple[str, int]:
    """Check a table against its schema and write it as Parquet, edition by edition where it has editions.

    Returns:
        SHA-256 of the file's bytes, equal for equal tables, and the number of rows.
    """
    rows = 0
    writer: pq.ParquetWriter | None = None
    for chunk in _chunks(connection, table):
        frame = pl.DataFrame(pl.from_arrow(chunk))
        faults += [f"{table.name}: {failure.message}" for failure in failures(table, frame)]
        writer = writer or pq.ParquetWriter(path, chunk.schema, compression="zstd")
        writer.write_table(chunk)
        rows += chunk.num_rows
    if writer is not None:
        writer.close()
    _sync(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), rows


def _chunks(connection: duckdb.DuckDBPyConnection, table: Table) -> Iterator[pa.Table]:
    """A table's rows in their order, one edition at a time where they are many; at least one chunk."""
    relation = connection.table(table.name)
    many = relation.count("*").fetchall()[0][0] > MANY_ROWS
    if "edition" not in table.key or not many:
        yield relation.to_arrow_table()
        return
    editions = [row[0] for row in relation.select("edition").distinct().order("edition").fetchall()]
    for edition in editions:
        yield connection.table(table.name).filter(f"edition = {int(edition)}").to_arrow_table()


def _content_sha256(hashes: Mapping[str, str], tables: Sequence[Table]) -> str:
    """Address of tables, their comments and the views over them."""
    digest = hashlib.sha256()
    for table in tables:
        digest.update("\n".join([hashes[table.name], table.ddl(), *table.comments()]).encode())
    for view in VIEWS:
        digest.update((SQL / "marts" / f"{view}.sql").read_bytes())
    return digest.hexdigest()


def _write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    _sync(path)


def _switch(folder: Path, path: Path, content: str, mode: int) -> None:
    """Rename what was built over what is published, each in one step, the mart last but the manifest."""
    marts = path.parent
    exported = marts / f"{path.stem}_parquet-{content[:16]}"
    if not exported.exists():
        (folder / "parquet").chmod(0o755 if mode == PUBLIC_MODE else 0o700)
        for file in (folder / "parquet").iterdir():
            file.chmod(mode)
        (folder / "parquet").replace(exported)
    link = folder / "link"
    link.symlink_to(exported.name)
    previous = marts / f"{path.stem}_parquet"
    kept = {exported.name, previous.readlink().name if previous.is_symlink() else exported.name}
    (folder / path.name).chmod(mode)
    _sync(folder / path.name)
    link.replace(previous)
    (folder / path.name).replace(path)
    (folder / "manifest.json").chmod(mode)
    (folder / "manifest.json").replace(marts / f"{path.stem}_manifest.json")
    _sync(marts)
    for old in marts.glob(f"{path.stem}_parquet-*"):
        if old.name not in kept:
            shutil.rmtree(old)


def _sync(path: Path) -> None:
    """Have the operating system write a file or folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
