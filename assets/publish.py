"""Publishing: marts built beside the old ones, checked, and renamed over them.

What belongs here: how marts come to be on disk. What does not: their columns (`schemas/marts.py`), their SQL
(`sql/marts/`), who may see what (`intake/consent.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from assets.warehouse import connect
from assets.workspace import PROJECT
from schemas.table import Table
from schemas.validate import failures
from ssc_index.errors import FaultsError

SQL = PROJECT / "sql"
VIEWS = ("ranking", "city_profile", "compare_cities", "kpi_trend")

# Readable by DuckDB from 1.5 on; files of the default version of 2.0 are not.
STORAGE_VERSION = "v1.5.0"

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


def publish(path: Path, tables: Sequence[Table], frames: Mapping[str, pl.DataFrame], mode: int) -> Published:
    """Build a mart with its Parquet files, check it, and put it in the place of the old one.

    A reader that has the old file open keeps it whole; a process that dies at any point leaves the old mart. Call
    it under the workspace's writer lock.

    Args:
        path: Where the mart goes, for example ``marts/ssc_index.duckdb``.
        tables: Its tables.
        frames: What its SQL draws on, by the names that the SQL uses.
        mode: File mode of the mart and its Parquet files.

    Returns:
        What was published.

    Raises:
        PublishError: If a check fails; every fault is listed and the old mart is untouched.
    """
    with _private_folder(path.parent) as folder:
        built = folder / path.name
        exported = folder / "parquet"
        exported.mkdir()
        hashes, rows, checks = _build(built, exported, tables, frames)
        content = _content_sha256(hashes, tables)
        manifest = {"content_sha256": content, "tables": hashes, "rows": rows, "checks": checks}
        _write_manifest(folder / "manifest.json", manifest)
        _switch(folder, path, content, mode)
    return Published(path, rows, content, tuple(checks))


@contextmanager
def _private_folder(marts: Path) -> Iterator[Path]:
    """A folder beside the marts that only we can enter; what dead builds left behind is removed."""
    marts.mkdir(parents=True, exist_ok=True)
    for leftover in marts.glob(".build-*"):
        shutil.rmtree(leftover)
    folder = marts / f".build-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build(
    built: Path, exported: Path, tables: Sequence[Table], frames: Mapping[str, pl.DataFrame]
) -> tuple[dict[str, str], dict[str, int], list[str]]:
    """Fill the mart file, check it and write its Parquet files; return hash and rows per table and the checks."""
    faults: list[str] = []
    hashes: dict[str, str] = {}
    rows: dict[str, int] = {}
    with connect() as connection:
        connection.execute(f"attach '{built}' as mart (storage_version '{STORAGE_VERSION}')")
        connection.execute("use mart")
        _fill(connection, tables, frames)
        checks = _run_checks(connection, {table.name for table in tables}, faults)
        for table in tables:
            frame = connection.table(table.name).pl()
            checks.append(f"schema of {table.name}")
            faults += [f"{table.name}: {failure.message}" for failure in failures(table, frame)]
            hashes[table.name] = _write_parquet(frame, exported / f"{table.name}.parquet")
            rows[table.name] = frame.height
        connection.execute("checkpoint mart")
        connection.execute("use memory")
        connection.execute("detach mart")
    if faults:
        raise PublishError(f"{built.name} not published, the old mart stays", faults)
    return hashes, rows, checks


def _fill(connection: duckdb.DuckDBPyConnection, tables: Sequence[Table], frames: Mapping[str, pl.DataFrame]) -> None:
    for name, frame in frames.items():
        connection.register(name, frame)
    for table in tables:
        connection.execute(table.ddl())
        for statement in table.comments():
            connection.execute(statement)
        connection.execute((SQL / "marts" / f"{table.name}.sql").read_text(encoding="utf-8"))
    for name in frames:
        connection.unregister(name)
    for view in VIEWS:
        connection.execute((SQL / "marts" / f"{view}.sql").read_text(encoding="utf-8"))


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


def _write_parquet(frame: pl.DataFrame, path: Path) -> str:
    """Write a frame and return the SHA-256 of its bytes, equal for equal frames."""
    frame.write_parquet(path, compression="zstd", statistics=True)
    _sync(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
