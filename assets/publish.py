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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from assets.warehouse import connect
from assets.workspace import PROJECT
from intake.durable import sync
from schemas.table import Table
from schemas.validate import Failure, failures
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

# DuckDB may take so many MB for one mart, in proportion more where a frame has more rows than this, and so many times
# the memory of the frames that a table is made from: to put rows with long texts in order it took twice as much.
LEAST_ROOM, ROWS_OF_LEAST_ROOM, TIMES_OF_FRAMES = 120, 500_000, 3
# As many rows are in memory in the form of a mart, and written as one row group of its Parquet file.
ROWS_OF_GROUP = 1024 * 1024

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
        hashes: SHA-256 of each table's Parquet file.
    """

    path: Path
    rows: Mapping[str, int]
    content_sha256: str
    checks: tuple[str, ...]
    hashes: Mapping[str, str]


class MartBuilder:
    """A mart on its way: first its Parquet files, edition by edition, in a private folder; then the mart from these.

    Use it through `building`. A reader that has the old mart open keeps it whole; a process that dies at any point
    leaves the old mart. Only one may be built at a time in a folder: hold the workspace's writer lock.
    """

    def __init__(self, path: Path, tables: Sequence[Table], mode: int, folder: Path) -> None:
        self._path, self._tables, self._mode, self._folder = path, tuple(tables), mode, folder
        self._faults: list[str] = []
        self._rows = dict.fromkeys((table.name for table in self._tables), 0)
        self._connection = connect()
        # The other mart is filled at the same time.
        self._connection.execute("set threads = 1")
        self._room = 0
        self._have_room_for(0)
        # What does not fit goes where only we can read it, and goes away with the folder.
        self._connection.execute("set temp_directory = ?", [str(folder / "spilled")])
        # As Polars writes texts into Parquet.
        self._connection.execute("set arrow_large_buffer_size = true")
        (folder / "parquet").mkdir()
        self._writers = {table.name: self._writer(table) for table in self._tables}

    def _writer(self, table: Table) -> pq.ParquetWriter:
        """A writer of a table's rows, in the types that both DuckDB and Polars give them."""
        return pq.ParquetWriter(self._parquet(table), table.empty().to_arrow().schema, compression="zstd")

    def _parquet(self, table: Table) -> Path:
        return self._folder / "parquet" / f"{table.name}.parquet"

    def insert(self, frames: Mapping[str, pl.DataFrame], tables: Sequence[Table] | None = None) -> None:
        """Run the SQL of some tables, or of all, on frames by the names that it uses, and append what it makes.

        Editions come in ascending order, each whole.
        """
        for table in self._tables if tables is None else tables:
            for rows in in_groups(self._checked(table, self._made(table, frames)), by_edition=table.has_editions):
                self._append(table, rows)

    def _checked(self, table: Table, made: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Rows of a table as they come; what its schema refuses of them is noted."""
        seen = Seen(table)
        for rows in made:
            self._faults += [f"{table.name}: {failure.message}" for failure in seen.failures(rows)]
            yield rows

    def _made(self, table: Table, frames: Mapping[str, pl.DataFrame]) -> Iterator[pa.Table]:
        """What the SQL of a table makes of frames, in the table's own types, some rows after the other."""
        query = (SQL / "marts" / f"{table.name}.sql").read_text(encoding="utf-8")
        used = {name: frames[name] for name in WORD.findall(query) if name in frames}
        rows = max((frame.height for frame in used.values()), default=0)
        self._have_room_for(rows, sum(int(frame.estimated_size()) for frame in used.values()))
        for name, frame in used.items():
            self._connection.register(name, frame)
        with self._connection.sql(query).to_arrow_reader(ROWS_OF_GROUP) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch]).cast(self._writers[table.name].schema)
        for name in used:
            self._connection.unregister(name)

    def keep(self, edition: int, tables: Sequence[Table], intact: Mapping[str, pq.ParquetFile]) -> None:
        """Append an edition's rows as they stand in files of `intact_files`, which were checked when they were made."""
        for table in tables:
            for rows in _groups_of(intact[table.name], edition):
                self._have_room_for(rows.num_rows)
                self._append(table, rows)

    def _append(self, table: Table, rows: pa.Table) -> None:
        """Write rows as row groups of their own: the same bytes, whatever is written before and after them."""
        if rows.num_rows:
            # In one piece: where pages end depends on the pieces.
            self._writers[table.name].write_table(rows.combine_chunks(), row_group_size=ROWS_OF_GROUP)
            self._rows[table.name] += rows.num_rows

    def _have_room_for(self, rows: int, size: int = 0) -> None:
        """Let the mart take memory for so many rows of one frame, or frames of so many bytes, and no more: two are
        filled beside the frames.

        Editions of a thousand cities have 230,000 scores. Those of ten thousand did not fit in the room of these, nor
        did the findings of their ten years.
        """
        of_rows = LEAST_ROOM * max(rows, ROWS_OF_LEAST_ROOM) // ROWS_OF_LEAST_ROOM
        room = max(of_rows, TIMES_OF_FRAMES * size // 1_000_000)
        if room > self._room:
            self._room = room
            self._connection.execute("set memory_limit = ?", [f"{room}MB"])

    def seal(self) -> Published:
        """Close the Parquet files, fill the mart from them and check it; nothing is published yet.

        Raises:
            PublishError: If a check fails; every fault is listed and the old mart is untouched.
        """
        for writer in self._writers.values():
            writer.close()
        hashes = {table.name: _synced_sha256(self._parquet(table)) for table in self._tables}
        checks: list[str] = []
        try:
            self._fill()
            checks += _run_checks(self._connection, set(hashes), self._faults)
        except duckdb.ConstraintException:
            # A table takes no missing cell where its schema takes none, which has found it by then.
            if not self._faults:
                raise
        checks += [f"schema of {table.name}" for table in self._tables]
        if self._faults:
            raise PublishError(f"{self._path.name} not published, the old mart stays", self._faults)
        self._connection.execute("checkpoint mart")
        self._connection.execute("use memory")
        self._connection.execute("detach mart")
        content = content_sha256(hashes, self._tables)
        manifest = {"content_sha256": content, "tables": hashes, "rows": self._rows, "checks": checks}
        _write_manifest(self._folder / "manifest.json", manifest)
        return Published(self._path, self._rows, content, tuple(checks), hashes)

    def _fill(self) -> None:
        """Make the mart's file: tables with their comments, rows, and the views over them."""
        connection = self._connection
        connection.execute(ATTACH, [str(self._folder / self._path.name)])
        connection.execute("use mart")
        # The one checkpoint at the end writes everything.
        connection.execute("set wal_autocheckpoint = '100GB'")
        statements = [statement for table in self._tables for statement in (table.ddl(), *table.comments())]
        connection.execute(";\n".join(["begin", *statements, "commit"]))
        for table in self._tables:
            connection.execute(
                "insert into " + table.name + " select * from read_parquet(?)", [str(self._parquet(table))]
            )
        for view in VIEWS:
            connection.execute((SQL / "marts" / f"{view}.sql").read_text(encoding="utf-8"))

    def switch(self, sealed: Published) -> None:
        """Put the mart that was sealed in the place of the old one."""
        _switch(self._folder, self._path, sealed.content_sha256, self._mode)

    def close(self) -> None:
        """Let go of all files."""
        for writer in self._writers.values():
            with suppress(OSError):  # of a full disk; what was not sealed is thrown away
                writer.close()
        self._connection.close()


@contextmanager
def building(path: Path, tables: Sequence[Table], mode: int) -> Iterator[MartBuilder]:
    """A builder of a mart; whatever was not published when the block ends is removed.

    Args:
        path: Where the mart goes, for example ``marts/ssc_index.duckdb``.
        tables: Its tables.
        mode: File mode of the mart and its Parquet files.
    """
    with private_folder(path) as folder:
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
    """What is published at a path, by its manifest; None where mart, manifest or folder is missing or damaged."""
    manifest = path.with_name(f"{path.stem}_manifest.json")
    if not (path.is_file() and manifest.is_file() and path.with_name(f"{path.stem}_parquet").is_dir()):
        return None
    try:
        told = json.loads(manifest.read_text(encoding="utf-8"))
        return Published(path, told["rows"], told["content_sha256"], tuple(told["checks"]), told["tables"])
    except (ValueError, KeyError, TypeError):
        return None


def bytes_sha256(path: Path) -> str:
    """Address of every byte of a published mart and its Parquet files; an empty text where it does not stand."""
    stand = standing(path)
    if stand is None:
        return ""
    digest = hashlib.sha256(stand.content_sha256.encode())
    for file in (path, *sorted(path.with_name(f"{path.stem}_parquet").glob("*.parquet"))):
        with file.open("rb") as opened:
            digest.update(f"\n{file.name} {_sha256(opened)}".encode())
    return digest.hexdigest()


@contextmanager
def private_folder(path: Path) -> Iterator[Path]:
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


class Seen:
    """The rows of a table that were held against its schema, of which the last one is remembered.

    They come in the order of their key, so that a key that is there twice is there in rows that follow each other.
    """

    def __init__(self, table: Table) -> None:
        self._table, self._rows, self._last = table, 0, pl.DataFrame()

    def failures(self, rows: pa.Table) -> list[Failure]:
        """What the schema refuses of the next rows; each is named by its number among all."""
        frame = pl.DataFrame(pl.from_arrow(rows))
        last = self._last.height
        found = failures(self._table, pl.concat([self._last, frame]) if last else frame)
        shift = self._rows - last
        self._rows += frame.height
        self._last = frame.tail(1)
        # What is wrong with the last row itself has been told.
        return [
            one if one.row is None else replace(one, row=one.row + shift)
            for one in found
            if one.row is None or one.row >= last
        ]


def in_groups(batches: Iterable[pa.Table], *, by_edition: bool) -> Iterator[pa.Table]:
    """Rows by row groups of the Parquet file: `ROWS_OF_GROUP`, and each edition begins one of its own.

    Args:
        batches: Rows in order, of any number at a time.
        by_edition: Whether they have editions.
    """
    waiting: list[pa.Table] = []
    for batch in batches:
        for rows in _parted(batch) if by_edition else [batch]:
            is_next = bool(waiting) and by_edition and _edition_of(waiting[0]) != _edition_of(rows)
            if is_next:
                yield pa.concat_tables(waiting)
                waiting = []
            waiting.append(rows)
            together = pa.concat_tables(waiting)
            while together.num_rows >= ROWS_OF_GROUP:
                yield together.slice(0, ROWS_OF_GROUP)
                together = together.slice(ROWS_OF_GROUP)
            waiting = [together] if together.num_rows else []
    if waiting:
        yield waiting[0]


def _parted(rows: pa.Table) -> Iterator[pa.Table]:
    """Rows of each edition, which follow each other."""
    start = 0
    for count in pl.Series(pl.from_arrow(rows["edition"])).rle().struct.field("len"):
        yield rows.slice(start, count)
        start += count


def _edition_of(rows: pa.Table) -> int:
    edition: int = rows["edition"][0].as_py()
    return edition


def _groups_of(file: pq.ParquetFile, edition: int) -> Iterator[pa.Table]:
    """Row groups of an edition; each holds rows of one, as `MartBuilder` writes them."""
    column = file.schema_arrow.get_field_index("edition")
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).column(column).statistics.min == edition:
            yield file.read_row_group(group)


@contextmanager
def intact_files(stand: Published | None, tables: Sequence[Table]) -> Iterator[dict[str, pq.ParquetFile]]:
    """A mart's Parquet files by table, open; none if a byte of them is not what its address says.

    The files that are held against their hashes are those that are read, whatever takes their names meanwhile.
    """
    names = {table.name for table in tables}
    with ExitStack() as opened:
        files: dict[str, pq.ParquetFile] = {}
        if stand and stand.hashes.keys() == names and content_sha256(stand.hashes, tables) == stand.content_sha256:
            folder = stand.path.with_name(f"{stand.path.stem}_parquet")
            with suppress(FileNotFoundError):
                handles = {
                    name: opened.enter_context((folder / f"{name}.parquet").open("rb")) for name in sorted(names)
                }
                if all(_sha256(handle) == stand.hashes[name] for name, handle in handles.items()):
                    files = {name: pq.ParquetFile(handle) for name, handle in handles.items()}
        yield files


def _sha256(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _synced_sha256(path: Path) -> str:
    """Have a file written to disk; SHA-256 of its bytes, equal for equal tables."""
    sync(path)
    with path.open("rb") as file:
        return _sha256(file)


def content_sha256(hashes: Mapping[str, str], tables: Sequence[Table]) -> str:
    """Address of tables, their comments and the views over them."""
    digest = hashlib.sha256()
    for table in tables:
        digest.update("\n".join([hashes[table.name], table.ddl(), *table.comments()]).encode())
    for view in VIEWS:
        digest.update((SQL / "marts" / f"{view}.sql").read_bytes())
    return digest.hexdigest()


def _is_same(file: Path, standing_file: Path) -> bool:
    if not standing_file.is_file():
        return False
    with file.open("rb") as one, standing_file.open("rb") as other:
        return _sha256(one) == _sha256(other)


def _write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    sync(path)


def _switch(folder: Path, path: Path, content: str, mode: int) -> None:
    """Rename what was built over what is published, each in one step, the mart last but the manifest.

    Before a name leads to anything, that is on the disk: a loss of power leaves no link to a folder that is not there.
    """
    marts = path.parent
    exported = marts / f"{path.stem}_parquet-{content[:16]}"
    built = folder / "parquet"
    built.chmod(0o755 if mode == PUBLIC_MODE else 0o700)
    for file in built.iterdir():
        file.chmod(mode)
    if exported.exists():  # the same content; a file that is damaged or gone is put right, each in one step
        for file in built.iterdir():
            if not _is_same(file, exported / file.name):
                file.replace(exported / file.name)
        sync(exported)
    else:
        sync(built)
        built.replace(exported)
    (folder / path.name).chmod(mode)
    sync(folder / path.name)
    sync(marts)
    lead(marts / f"{path.stem}_parquet", Path(exported.name), folder)
    (folder / path.name).replace(path)
    (folder / "manifest.json").chmod(mode)
    (folder / "manifest.json").replace(marts / f"{path.stem}_manifest.json")
    sync(marts)
    # At once: what a city no longer shows must not stay where it was public until the next publication.
    for old in marts.glob(f"{path.stem}_parquet-*"):
        if old.name != exported.name:
            shutil.rmtree(old)


def lead(link: Path, target: Path, folder: Path) -> None:
    """Have a link lead somewhere else, in one step.

    Args:
        link: The link; where a folder lies in its place, put there by whoever copies what links lead to, that goes.
        target: Where it leads, as seen from its place.
        folder: A private folder on the same disk, which is removed later.
    """
    new = folder / f"{link.name}.new"
    new.symlink_to(target)
    if link.is_dir() and not link.is_symlink():
        link.replace(folder / f"{link.name}.old")
    new.replace(link)
